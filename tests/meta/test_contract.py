"""kernel/abi.py, with abi_modules.py and abi_states.py, is all that generated code and hosts need of the kernel."""

import ast
from pathlib import Path

from turso_wasm.kernel.abi import PAGE_DATA_AT
from turso_wasm.kernel.base import heap
from turso_wasm.kernel.base.errors import ERROR_AREA_SIZE
from turso_wasm.kernel.pager.storage import Page
from turso_wasm.runtime.hosts import trim

PACKAGE = Path(__file__).parents[2] / "turso_wasm"
ABOVE = ("codegen", "runtime", "dbapi", "vfs", "bridge.py", "browser.py")


def test_the_page_offset_is_true() -> None:
    assert Page.offset("data") == PAGE_DATA_AT


def test_the_heap_is_where_it_is_looked_for() -> None:
    assert ERROR_AREA_SIZE + heap.Heap.offset("bins") == trim.BINS_AT
    assert trim.N_BINS == heap.N_BINS
    assert trim.POISON == heap.POISON
    block = heap.Block
    assert (0, block.offset("next_free"), block.size) == (trim.SIZE_AT, trim.NEXT_FREE_AT, trim.HEADER)
    assert block.offset("size") == trim.SIZE_AT


def test_only_the_contract_is_imported_from_the_kernel() -> None:
    """So that a wheel can leave the kernel's sources out; `build` is imported in source checkouts only."""
    found = set()
    for name in ABOVE:
        for path in [PACKAGE / name] if name.endswith(".py") else (PACKAGE / name).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("turso_wasm.kernel"):
                    names = (
                        [node.module]
                        if node.module != "turso_wasm.kernel"
                        else [f"{node.module}.{a.name}" for a in node.names]
                    )
                    found.update(names)
    assert found == {f"turso_wasm.kernel.{name}" for name in ("abi", "abi_modules", "abi_states", "build")}
