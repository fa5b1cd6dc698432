"""What the documents name exists, and what they must name they name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from turso_wasm.wasm import dsl, lang
from turso_wasm.wasm.module import Module

ROOT = Path(__file__).parents[2]


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def words_of_the_subset() -> list[str]:
    """The public names of lang that it defines."""
    found = (name for name in vars(lang) if not name.startswith("_"))
    return sorted(
        set(found) - {"annotations", "Any", "Callable", "TYPE_CHECKING", "TypeVar", "F", "Intrinsic", "StructMeta"}
    )


@pytest.mark.parametrize("word", words_of_the_subset())
def test_the_subset_document_knows_every_word_of_the_language(word: str) -> None:
    assert re.search(rf"\b{word}\b", text("docs/subset.md"))


def test_the_builder_has_what_its_document_says() -> None:
    document = text("docs/dsl.md")
    for name in set(re.findall(r"\bf\.(\w+)\(", document)):
        assert hasattr(dsl.Function, name), name
    for name in set(re.findall(r"\bm\.(\w+)\(", document)):
        assert hasattr(Module, name), name


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "README.md", "docs/subset.md", "docs/dsl.md"])
def test_paths_exist(name: str) -> None:
    found = re.findall(r"(?<![\w./])(?:turso_wasm|tests|docs|web|demo|\.ci)/[\w./-]*\w", text(name))
    missing = [path for path in found if not (ROOT / path).exists()]
    assert found and not missing


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE))
    for name in ("CONTRIBUTING.md", "README.md"):
        assert set(re.findall(r"\bmake ([a-z]+)\b(?=    |`|$)", text(name), re.MULTILINE)) <= targets | {"make"}


def test_each_decision_has_a_number_of_its_own() -> None:
    """The number of the file's name, which its title repeats."""
    files = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [int(file.name[:4]) for file in files]
    assert len(set(numbers)) == len(numbers)
    for number, file in zip(numbers, files, strict=True):
        assert file.read_text(encoding="utf-8").startswith(f"# {number}. "), file.name
