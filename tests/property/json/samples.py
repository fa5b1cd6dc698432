"""Random JSON: texts of JSON and JSON5, damaged texts and JSONB, paths that lead somewhere more often than not."""

from __future__ import annotations

import random

LABELS = ("a", "b", "c d", "", "x.y", "é", "q\\u0061", 'w\\"', "[0]", "long label beyond eleven")
# fmt: off
NUMERALS = (
    "0", "-0", "1", "-1", "12", "1.5", "-2.25", "1e5", "1E+05", "3e-2", "0.0", "-0.0", "9223372036854775807",
    "9223372036854775808", "-9223372036854775808", "12345678901234567890", "1e400", "-1e400", "1e-400", "0.1", "100.0",
    "123456789.125", "4.9e-324",
)
NUMERALS_5 = (
    "+1", ".5", "-.5", "5.", "1.e5", "0x1F", "-0x1f", "0xFFFFFFFFFFFFFFFF", "0x10000000000000000", "Infinity", "-inf",
    "+INF", "NaN", "qnan",
)
BAD_NUMERALS = ("01", "-01", "1.5.5", "1e", "1e+", ".", "+.", "-", "0x", "1_0", "1e5e3", "..5", "00", "+-1")
# fmt: on
STRINGS = ("", "a", "plain text", "é☃😀", r"\n\t\\\"\/", r"A\ud83d\ude00", r"\ud83d", r"\udE00x", "x" * 300)
STRINGS_5 = (r"\x41", r"\'", r"\v\0", "\\\n", "\\\r\n", "\t", "\x01", "\\\u2028")
BAD_STRINGS = (r"\q", r"\x4", r"\u12", "\\", r"\01")
SPACES = (" ", "\n", "\t\r ")
SPACES_5 = ("\v", "\f", "\u00a0", "\ufeff", "\u2003", "/**/", "/* x */", "//y\n")
GARBAGE = " \n\"'\\[]{}:,.0123456789abcdefntruexNI+-*/$_\x01é\u2028"


class Texts:
    """Random texts. relaxed: JSON5 too; bad: now and then something that is neither."""

    def __init__(self, rng: random.Random, relaxed: bool = True, bad: bool = False) -> None:
        self.rng = rng
        self.relaxed = relaxed
        self.bad = bad

    def _one(self, strict: tuple[str, ...] | list[str], json5: object, bad: object) -> str:
        pick = self.rng.random()
        if self.bad and pick < 0.03:
            return self.rng.choice(tuple(bad))  # type: ignore[arg-type]
        return self.rng.choice(tuple(json5) if self.relaxed and pick < 0.25 else tuple(strict))  # type: ignore[arg-type]

    def space(self) -> str:
        return self._one(SPACES, SPACES_5, ("/*", "/", "#")) if self.rng.random() < 0.2 else ""

    def string(self) -> str:
        body = "".join(self._one(STRINGS, STRINGS_5, BAD_STRINGS) for _ in range(self.rng.randint(0, 2)))
        return f"'{body}'" if self.relaxed and self.rng.random() < 0.2 else f'"{body}"'

    def label(self) -> str:
        if self.relaxed and self.rng.random() < 0.3:
            return self.rng.choice(("a", "b", "$x", "_1", "é", r"\u0061"))
        return f'"{self.rng.choice(LABELS)}"'

    def scalar(self) -> str:
        kind = self.rng.random()
        if kind < 0.2:
            return self._one(("true", "false", "null"), ("NaN",), ("True", "nul", "truex", "nan1"))
        return self._one(NUMERALS, NUMERALS_5, BAD_NUMERALS) if kind < 0.6 else self.string()

    def value(self, depth: int = 4) -> str:
        if depth == 0 or self.rng.random() < 0.35:
            return self.space() + self.scalar() + self.space()
        n = self.rng.choice((0, 1, 1, 2, 3, 5))
        comma = "," if self.relaxed and n and self.rng.random() < 0.1 else ""
        if self.rng.random() < 0.5:
            inside = ",".join(self.value(depth - 1) for _ in range(n))
            return f"[{inside or self.space()}{comma}{self.space()}]"
        pairs = (f"{self.space()}{self.label()}{self.space()}:{self.value(depth - 1)}" for _ in range(n))
        return f"{{{','.join(pairs) or self.space()}{comma}{self.space()}}}"


def damaged(rng: random.Random, text: str) -> str:
    """The text with a character removed, replaced, added, or cut off."""
    at = rng.randint(0, len(text))
    kind = rng.randrange(4)
    if kind == 0:
        return text[:at]
    if kind == 1:
        return text[:at] + text[at + 1 :]
    return text[:at] + rng.choice(GARBAGE) + text[at + (kind == 2) :]


def damaged_blob(rng: random.Random, blob: bytes) -> bytes:
    """The blob with one byte changed, or cut off."""
    if not blob or rng.random() < 0.1:
        return blob[: rng.randint(0, len(blob))]
    at = rng.randrange(len(blob))
    return blob[:at] + bytes([rng.choice((rng.randrange(256), blob[at] ^ 1 << rng.randrange(8)))]) + blob[at + 1 :]


def path(rng: random.Random, bad: float = 0.0) -> str:
    """A path. bad: how often it is malformed."""
    steps = []
    for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3))):
        label = rng.choice(LABELS)
        index = str(rng.choice((0, 0, 1, 1, 2, 3, 9)))
        steps.append(
            rng.choice((f".{label}", f'."{label}"', f"[{index}]", f"[{index}]", f"[#-{index}]", "[#]", ".a", ".b"))
        )
    text = "$" + "".join(steps)
    return damaged(rng, text) if rng.random() < bad else text
