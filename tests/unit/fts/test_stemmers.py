"""Stemmers of kernel/fts/stemmers: stems.txt has words of every rule, and what the Snowball project's own stemmers
(version 3.1.1, PyPI snowballstemmer) make of them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.kernel import Kernel
from turso_wasm.catalog.modules.fts5_tokenizer import STEMMERS
from turso_wasm.kernel import abi_modules
from turso_wasm.kernel.fts.stemmers.stem import STEM_ROOM

MODULES = ["turso_wasm.kernel.fts.stemmers.stem", "turso_wasm.kernel.base.memory"]


def _samples() -> dict[str, list[tuple[str, str]]]:
    """Of each language: words and stems."""
    found: dict[str, list[tuple[str, str]]] = {}
    words: list[tuple[str, str]] = []
    for line in (Path(__file__).parent / "stems.txt").read_text("utf-8").splitlines():
        first, second = line.split(" ")
        if first == "#":
            words = found.setdefault(second, [])
        else:
            words.append((first, second))
    return found


SAMPLES = _samples()


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return Kernel(MODULES)


def stem(kernel: Kernel, word: bytes, language: str) -> bytes:
    """What becomes of a token."""
    p = kernel.call("malloc", len(word) + STEM_ROOM)
    kernel.write(p, word)
    size = kernel.call("stem_token", p, len(word), STEMMERS.index(language) + 1)
    return kernel.read(p, size)


@pytest.mark.parametrize("language", STEMMERS)
def test_stems(kernel: Kernel, language: str) -> None:
    """As Snowball's."""
    wrong = [
        (word, stem(kernel, word.encode(), language).decode(), expected)
        for word, expected in SAMPLES[language]
        if stem(kernel, word.encode(), language).decode() != expected
    ]
    assert not wrong
    assert len(SAMPLES[language]) > 100


@pytest.mark.parametrize("language", STEMMERS)
def test_anything(kernel: Kernel, language: str) -> None:
    """Short words, other scripts, no UTF-8 and words that are too long go through."""
    for word in (b"", b"a", b"'", b"''", b"y", b"s", b"\xff\xc3", "北京".encode(), "😀ing".encode(), b"e" * 64):
        assert len(stem(kernel, word, language)) <= max(len(word), STEM_ROOM)
    assert stem(kernel, b"connections" * 10, language) == b"connections" * 10


def test_names() -> None:
    """The compiler knows the same stemmers as the kernel."""
    assert [getattr(abi_modules, name.upper()) for name in STEMMERS] == [*range(1, len(STEMMERS) + 1)]
