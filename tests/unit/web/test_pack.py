"""dist/compiler.pack, the compiler as pages load it (web/pack_compiler.mjs)."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def pack() -> zipfile.ZipFile:
    path = ROOT / "dist" / "compiler.pack"
    if not path.exists():
        pytest.fail("dist/ is not built: run `make assets`")
    return zipfile.ZipFile(io.BytesIO(gzip.decompress(path.read_bytes())))


def test_it_has_the_compiler_and_not_the_rest_of_the_package(pack: zipfile.ZipFile) -> None:
    names = set(pack.namelist())
    assert {"turso_wasm/bridge.pyc", "turso_wasm/plan/planner.pyc", "turso_wasm/kernel/symbols.json"} <= names
    assert {"turso_wasm/typed/check.pyc", "turso_wasm/library/fuzzy.py"} <= names, "what functions import, and sources"
    assert not [name for name in names if name.startswith(("turso_wasm/dbapi", "turso_wasm/kernel/btree"))]


def test_its_members_are_stored_so_that_python_imports_from_it_and_gzip_sees_them_all(pack: zipfile.ZipFile) -> None:
    assert {member.compress_type for member in pack.infolist()} == {zipfile.ZIP_STORED}


def test_its_size(pack: zipfile.ZipFile) -> None:
    assert (ROOT / "dist" / "compiler.pack").stat().st_size < 830_000
