"""Tokenizers of kernel/fts against SQLite's, over all characters and over words and texts made at random."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence
from typing import TypeVar

import apsw
import pytest

from tests.harness.kernel import Kernel
from turso_wasm.kernel.abi_modules import ASCII, CATEGORY_NAMES, TRIGRAM, UNICODE61
from turso_wasm.kernel.fts.tokenize import Tokenizer

MODULES = ["turso_wasm.kernel.fts.tokenize", "turso_wasm.kernel.base.memory"]
LETTERS = sum(1 << i for i, name in enumerate(CATEGORY_NAMES) if name[0] in "*LN" or name == "Co")

T = TypeVar("T")
Token = tuple[int, int, str]


class Ours:
    """One tokenizer in the kernel."""

    def __init__(self, kernel: Kernel, kind: int = UNICODE61, **fields: int) -> None:
        self.kernel = kernel
        self.address = kernel.call("mzalloc", Tokenizer.size)
        arena = kernel.call("mzalloc", 16)
        self.set("kind", kind)
        settings = {"marks": 1, "categories": LETTERS} | fields
        for name, value in settings.items():
            self.set(name, value)
        table = bytes(
            (c | 32 if 65 <= c <= 90 else c) if c >= 128 or (chr(c).isalnum() and chr(c).isascii()) else 0
            for c in range(256)
        )
        kernel.write(self.address + Tokenizer.offset("ascii"), table)
        kernel.call("tokenizer_init", self.address, arena)

    def set(self, name: str, value: int) -> None:
        self.kernel.write(self.address + Tokenizer.offset(name), struct.pack("<i", value))

    def get(self, name: str) -> int:
        return struct.unpack("<i", self.kernel.read(self.address + Tokenizer.offset(name), 4))[0]

    def __call__(self, text: bytes) -> list[Token]:
        p = self.kernel.call("malloc", len(text) + 16)
        self.kernel.write(p, text)
        self.kernel.call("token_start", self.address, p, len(text))
        found = []
        while self.kernel.call("token_next", self.address):
            token = self.kernel.read(self.get("token"), self.get("size")).decode("utf-8", "surrogateescape")
            found.append((self.get("start"), self.get("end"), token))
        self.kernel.call("mfree", p)
        return found


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return Kernel(MODULES)


def batched(items: Sequence[T], n: int) -> Iterator[Sequence[T]]:
    """Slices of n items."""
    for at in range(0, len(items), n):
        yield items[at : at + n]


def sqlites(name: str, *arguments: str) -> apsw.FTS5Tokenizer:
    return apsw.Connection(":memory:").fts5_tokenizer(name, list(arguments))


def theirs(tokenizer: apsw.FTS5Tokenizer, text: bytes) -> list[Token]:
    return [(start, end, token) for start, end, token in tokenizer(text, apsw.FTS5_TOKENIZE_DOCUMENT, None)]


@pytest.mark.parametrize("marks", [0, 1, 2])
def test_unicode61_every_character(kernel: Kernel, marks: int) -> None:
    """Each code point alone, amid letters, and between separators."""
    ours = Ours(kernel, marks=marks)
    oracle = sqlites("unicode61", "remove_diacritics", str(marks))
    codes = [c for c in range(1, 0x30000) if not 0xD800 <= c < 0xE000]
    codes += [c for c in range(0x30000, 0x110000) if c & 0xFF < 4 or c in range(0xE0000, 0xE0200)]
    for chunk in batched(codes, 20000):
        text = "".join(f"{chr(c)} x{chr(c)}y.".replace("\0", "") for c in chunk).encode()
        assert ours(text) == theirs(oracle, text)


@pytest.mark.parametrize("category", [name for name in CATEGORY_NAMES if name != "*"])
def test_categories(kernel: Kernel, category: str) -> None:
    """The characters of one category and those of none."""
    ours = Ours(kernel, categories=1 | 1 << CATEGORY_NAMES.index(category))
    oracle = sqlites("unicode61", "categories", f"{category}")
    rng = random.Random(category)
    codes = list(range(128, 0x3400)) + [rng.randrange(0x10000, 0x20000) for _ in range(2000)]
    text = "".join(f"{chr(c)}," for c in codes if not 0xD800 <= c < 0xE000).encode()
    found = [t for t in theirs(oracle, text) if "," not in t[2]]
    if category not in ("Po",):
        assert [t for t in ours(text) if t[2] != ","] == found


ENDINGS = """s es ed ing ly y ational tional enci anci izer logi bli alli entli eli ousli ization ation ator alism
iveness fulness ousness aliti iviti biliti icate ative alize iciti ical ful ness al ance ence er ic able ible ant ement
ment ent ion sion tion ou ism ate iti ous ive ize ll e ee eed sses ies ss at bl iz"""


def test_porter(kernel: Kernel) -> None:
    """Words made of syllables and endings."""
    rng = random.Random(5)
    ours, oracle = Ours(kernel, stems=1), sqlites("porter", "unicode61")
    endings = ENDINGS.split()
    bits = [a + b for a in ["", *"bcdfghjklmnpqrstvwxyz"] for b in "aeiouy"] + list("bstlxwyz")
    words = [
        "".join(rng.choices(bits, k=rng.randrange(4)) + rng.choices(endings, k=rng.randrange(3))) for _ in range(20000)
    ]
    words += ["y" * n for n in range(80)] + ["ab" * n + "s" for n in range(28, 40)] + ["ééments", "naïvely"]
    for chunk in batched(words, 10000):
        text = " ".join(chunk).encode()
        mine, want = ours(text), theirs(oracle, text)
        assert mine == want, [pair for pair in zip(mine, want, strict=False) if pair[0] != pair[1]]


def test_random_texts(kernel: Kernel) -> None:
    """Short texts of awkward characters and broken UTF-8."""
    rng = random.Random(7)
    alphabet = [*"abzAZ09 -_.,'éßİﬀ中文йЙ😀ǖṩ", "e\u0301", "\u0301", "\u00ad", "\ud7ff", "\uffff"]
    pairs = [
        (Ours(kernel), sqlites("unicode61")),
        (Ours(kernel, marks=2), sqlites("unicode61", "remove_diacritics", "2")),
        (Ours(kernel, ASCII), sqlites("ascii")),
        (Ours(kernel, ASCII, stems=1), sqlites("porter", "ascii")),
        (Ours(kernel, TRIGRAM, marks=0), sqlites("trigram")),
        (Ours(kernel, TRIGRAM, marks=2), sqlites("trigram", "remove_diacritics", "1")),
        (Ours(kernel, TRIGRAM, cased=1), sqlites("trigram", "case_sensitive", "1")),
    ]
    for _ in range(1500):
        text = "".join(rng.choice(alphabet) for _ in range(rng.randrange(16))).encode()
        if rng.random() < 0.2:
            text += b"\x00ab cde"
        for i, (ours, oracle) in enumerate(pairs):
            assert ours(text) == theirs(oracle, text), (i, text)


def test_a_long_word(kernel: Kernel) -> None:
    """A word larger than the buffer."""
    text = ("A" * 1000 + "é" * 1000 + " x").encode()
    assert Ours(kernel)(text) == theirs(sqlites("unicode61"), text)
    assert Ours(kernel, ASCII)(text) == theirs(sqlites("ascii"), text)
