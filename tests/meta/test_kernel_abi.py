"""docs/kernel-abi.md tells what kernel.wasm exports: every function, and as many parameters as it takes."""

import json
import re
from pathlib import Path
from typing import Any

from turso_wasm.kernel import build

TEXT = (Path(__file__).parents[2] / "docs" / "kernel-abi.md").read_text()
WORDS = set(re.findall(r"\w+", TEXT))
CODE = re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL))
# Not exported by the kernel: what hosts implement, what the subset's compiler knows, and a made-up name.
OTHERS = re.compile(r"(vfs|host)_\w+|funcref|sizeof|resource_add|x_release|pager_peek")


def exports() -> dict[str, dict[str, Any]]:
    build.ensure_built()
    functions: dict[str, dict[str, Any]] = json.loads(build.SYMBOLS.read_bytes())["functions"]
    return functions


def signatures() -> list[tuple[str, int]]:
    """(name, number of wasm parameters) of every `name(a, b: i32, V)` in the document; V stands for two."""
    found = []
    for code in CODE:
        for name, parameters in re.findall(r"\b([a-z]\w*)\(([^()]*)\)", code):
            given = [each for each in parameters.split(",") if each.strip()]
            found.append((name, sum(2 if re.search(r"\bV\b", each) else 1 for each in given)))
    return found


def test_every_export_is_named() -> None:
    assert sorted(set(exports()) - WORDS) == []


def test_every_signature_is_true() -> None:
    functions = exports()
    told = [(name, n) for name, n in signatures() if not OTHERS.fullmatch(name)]
    assert len(told) > 100
    assert sorted({name for name, _ in told if name not in functions}) == []
    assert [(name, n) for name, n in told if n and n != len(functions[name]["params"])] == []


def test_every_file_exists() -> None:
    paths = re.findall(r"[\w/]+\.py", TEXT)
    assert len(paths) > 30
    for path in paths:
        assert (build.HERE / path).exists() or (build.HERE.parents[1] / path).exists(), path
