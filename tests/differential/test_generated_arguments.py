"""Functions with arguments made at random, letter by letter, beside SQLite: JSON texts, JSONB, formats, times and their
modifiers, texts, percentiles.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

import pytest

from tests.differential.test_function_arguments import answer, oracle, ours
from tests.harness.effort import HEAVY

CASES: Final = 20_000 if HEAVY else 150  # of each kind and seed

NUMBERS: Final = (
    "0", "-0", "1", "-1", "12345678901234567890", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
    "1.5", "-1.5e10", "1e400", "-1e400", "0.1", "1E+5", "1e-400", "100000000000000000000.0",
    "1.0000000000000000000000001",
)  # fmt: skip
ODD_NUMBERS: Final = (
    "+1", ".5", "5.", "-.5", "+.5e1", "0x1F", "-0x1f", "0xFFFFFFFFFFFFFFFFFF", "01", "1e", "1.e5", "--1", "Infinity",
    "-Infinity", "+inf", "NaN", "0x", "-", ".", "1.2.3", "1e5.5", "1_000", "infinit", "QNaN", "5.e", "0.e1",
)  # fmt: skip
WORDS: Final = ("true", "false", "null", "True", "NULL", "tru", "nul", "truefalse", "trüe", "null1")
PIECES: Final = (
    "a", "b", "0", " ", "é", "日", "😀", "\\n", "\\\\", "\\/", '\\"', "\\u0041", "\\ud83d\\ude00", "\\ud800", "\\u0000",
    "\\u00e9", "\\t", ".", "[", "$", "#",
)  # fmt: skip
ODD_PIECES: Final = ("\\x41", "\\'", "\\v", "\\0", "\\\n", "\\01", "\\q", "\\u12", "\t", "\x01", "\n", "'", '"', "\\")
LABELS: Final = ("a", "b", "c", "a b", "a.b", "é", "", "1", "a\\u0062", "\\u0061", "$", "[0]", "ab", "long label " * 3)
SPACES: Final = ("", "", "", " ", "\n", "\t ", "  ")
ODD_SPACES: Final = ("/* c */", "// c\n", "\v", "\f", "\u00a0", "\ufeff", "/*", "//", "/", "\u2028", "\u1680")


class Texts:
    """JSON as it comes. oddity: how often something is JSON5, or wrong."""

    def __init__(self, rng: random.Random, oddity: float) -> None:
        self.rng = rng
        self.oddity = oddity

    def odd(self) -> bool:
        return self.rng.random() < self.oddity

    def space(self) -> str:
        return self.rng.choice(ODD_SPACES if self.odd() else SPACES)

    def string(self) -> str:
        quote = "'" if self.odd() else '"'
        n = self.rng.choice((0, 1, 2, 5, 17))
        pieces = [self.rng.choice(ODD_PIECES if self.odd() else PIECES) for _ in range(n)]
        return quote + "".join(pieces) + quote

    def label(self) -> str:
        label = self.rng.choice(LABELS)
        return label if self.odd() else f'"{label}"'

    def value(self, depth: int = 0) -> str:
        kind = self.rng.randrange(8 if depth < 4 else 5)
        if kind < 2:
            return self.rng.choice(ODD_NUMBERS if self.odd() else NUMBERS)
        if kind == 2:
            return self.string()
        if kind == 3:
            return self.rng.choice(WORDS if self.odd() else WORDS[:3])
        if kind == 4:
            return str(self.rng.randint(-99, 99999))
        n = self.rng.choice((0, 1, 2, 3, 5))
        return self.array(n, depth + 1) if kind < 6 else self.object(n, depth + 1)

    def wrapped(self, text: str) -> str:
        return self.space() + text + self.space()

    def listed(self, items: list[str], opening: str, closing: str) -> str:
        comma = self.rng.choice((";", ",,", " ", ":")) if self.oddity and self.rng.random() < self.oddity / 4 else ","
        body = comma.join(items) + ("," if items and self.odd() else "")
        closing = self.rng.choice("]} ") if self.oddity and self.rng.random() < self.oddity / 4 else closing
        return opening + (body or self.space()) + closing

    def array(self, n: int, depth: int) -> str:
        return self.listed([self.wrapped(self.value(depth)) for _ in range(n)], "[", "]")

    def object(self, n: int, depth: int) -> str:
        members = [f"{self.wrapped(self.label())}:{self.wrapped(self.value(depth))}" for _ in range(n)]
        return self.listed(members, "{", "}")

    def text(self) -> str:
        text = self.wrapped(self.value())
        if self.oddity and self.rng.random() < self.oddity / 2:  # a letter is lost, changed or doubled
            at = self.rng.randrange(len(text) + 1)
            text = text[:at] + self.rng.choice(("", ",", '"', "}", "x", "\\", text[at : at + 1] * 2)) + text[at + 1 :]
        return text.replace("\0", "")

    def path(self) -> str:
        steps = "$"
        for _ in range(self.rng.choice((0, 1, 1, 1, 2, 2, 3))):
            if self.rng.random() < 0.5:
                label = self.rng.choice(LABELS)
                steps += f'."{label}"' if self.rng.random() < 0.4 or "." in label or "[" in label else f".{label}"
            else:
                steps += self.rng.choice(("[0]", "[1]", "[2]", "[#-1]", "[#-2]", "[#]", "[99]", "[00]"))
        if self.odd():
            steps = self.rng.choice((steps[1:], steps + ".", steps + "[", steps + "[-1]", steps + "x", steps + '."'))
        return steps


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def texts(rng: random.Random) -> Texts:
    return Texts(rng, rng.choice((0, 0, 0.03, 0.1, 0.3)))


def document(rng: random.Random, made: Texts) -> str:
    """A document as an expression: a text, JSONB, or a text as a BLOB."""
    text = quoted(made.text())
    return rng.choice((text, text, text, f"jsonb({text})", f"CAST({text} AS BLOB)"))


def element(rng: random.Random, made: Texts) -> str:
    return rng.choice(
        (
            "NULL", "1", "2.5", "'it is'", f"json({quoted(made.text())})", f"jsonb({quoted(made.text())})",
            quoted(made.text()), "x'00'", "9e999", "json('[1]')", "-0.0", "char(1,34,92,233)",
        )
    )  # fmt: skip


def json_call(rng: random.Random) -> str:
    made = texts(rng)
    doc = document(rng, made)
    binary = rng.choice(("json", "jsonb"))
    paths = [quoted(made.path()) for _ in range(3)]
    pairs = ", ".join(f"{path}, {element(rng, made)}" for path in paths[: rng.choice((1, 1, 2, 3))])
    return rng.choice(
        (
            f"{binary}({doc})",
            f"{binary}_extract({doc}, {paths[0]})",
            f"{binary}_extract({doc}, {', '.join(paths)})",
            f"({doc}) -> {rng.choice((paths[0], quoted(rng.choice(LABELS)), '0', '-1', '1'))}",
            f"({doc}) ->> {rng.choice((paths[0], quoted(rng.choice(LABELS)), '0', '-1', '1'))}",
            f"{binary}_{rng.choice(('set', 'insert', 'replace', 'array_insert'))}({doc}, {pairs})",
            f"{binary}_remove({doc}, {', '.join(paths[: rng.choice((1, 2, 3))])})",
            f"{binary}_patch({doc}, {document(rng, made)})",
            f"json_pretty({doc}{rng.choice(('', ', 3', ', NULL'))})",
            f"json_valid({doc}, {rng.randint(1, 15)})",
            f"json_error_position({doc})",
            f"json_type({doc}, {paths[0]})",
            f"json_array_length({doc}, {paths[0]})",
            f"json_quote({element(rng, made)})",
            f"{binary}_array({element(rng, made)}, {element(rng, made)})",
            f"{binary}_object({quoted(made.string())}, {element(rng, made)})",
            f"json(jsonb({doc}))",
            f"jsonb(json({doc}))",
        )
    )


def json_rows(rng: random.Random) -> str:
    made = texts(rng)
    path = f", {quoted(made.path())}" if rng.random() < 0.4 else ""
    table = f"{rng.choice(('json', 'jsonb'))}_{rng.choice(('each', 'tree'))}({document(rng, made)}{path})"
    columns = rng.choice(("key value", "atom type", "fullkey path id parent", "key value id type parent fullkey path"))
    shown = ", ".join(f"hex(quote({column})), typeof({column})" for column in columns.split())
    return f"SELECT {rng.choice((shown, shown, 'count(*)'))} FROM {table}"


def time_value(rng: random.Random) -> str:
    if rng.random() < 0.2:
        numbers = (rng.uniform(-10, 6e6), rng.randint(-(10**12), 10**12), rng.uniform(1.7e6, 2.5e6), rng.gauss(0, 1e10))
        return repr(rng.choice(numbers))
    date = f"{rng.randint(0, 9999):04d}-{rng.randint(0, 13):02d}-{rng.randint(0, 32):02d}"
    time = f"{rng.randint(0, 24):02d}:{rng.randint(0, 60):02d}"
    time += rng.choice(("", f":{rng.randint(0, 60):02d}", f":{rng.uniform(0, 60):06.3f}", ":59.9999", ":30."))
    zone = rng.choice(("", "", "", "Z", " Z", "+05:30", "-14:00", "+15:00", "z", " +0100", "+00:60"))
    both = (f"{date} {time}{zone}", f"{date}T{time}{zone}", f"{date}  {time}")
    text = rng.choice((date, time + zone, *both, f" {date}"))
    if rng.random() < 0.1:
        text = ("-" if rng.random() < 0.5 else "") + text + rng.choice(("", " ", "x", "\\n"))
    return quoted(text)


SHAPES: Final = [f"%{letter}" for letter in "deFfGgHIjJklmMpPRsSTUuVwWY%"]


def modifier(rng: random.Random) -> str:
    sign = rng.choice(("+", "-", ""))
    fraction = f"{rng.uniform(0, 100):.3f}"
    amount = rng.choice((str(rng.randint(0, 40)), fraction, str(rng.randint(0, 10**7)), "1e3", "1.5"))
    unit = rng.choice(("year", "month", "day", "hour", "minute", "second")) + rng.choice(("", "s"))
    shift = f"{rng.choice('+-')}{rng.randint(0, 9999):04d}-{rng.randint(0, 12):02d}-{rng.randint(0, 31):02d}"
    return quoted(
        rng.choice(
            (
                f"{sign}{amount} {unit}", f"{sign}{amount} {unit}", f"{sign}{amount}{unit}",
                f"weekday {rng.randint(-8, 8)}",
                f"{sign}{rng.randint(0, 25):02d}:{rng.randint(0, 61):02d}", shift,
                f"{sign}{rng.randint(0, 24):02d}:{rng.randint(0, 60):02d}:{rng.uniform(0, 60):06.3f}",
                f"{shift} {rng.randint(0, 24):02d}:{rng.randint(0, 59):02d}", "start of year", "start of month",
                "start of day", "START OF MONTH", "floor", "ceiling", "unixepoch", "julianday", "auto", "subsec",
                "subsecond", "utc ", "weekday 1.5", "start of hour",
            )
        )
    )  # fmt: skip


def time_call(rng: random.Random) -> str:
    arguments = ", ".join([time_value(rng), *(modifier(rng) for _ in range(rng.choice((0, 1, 1, 2, 3))))])
    shape = "".join(rng.choice(SHAPES) + rng.choice("- :") for _ in range(rng.randint(1, 4)))
    if rng.random() < 0.2:
        return f"timediff({time_value(rng)}, {time_value(rng)})"
    if rng.random() < 0.4:
        return f"strftime({quoted(shape)}, {arguments})"
    return f"{rng.choice(('date', 'time', 'datetime', 'julianday', 'unixepoch'))}({arguments})"


def number(rng: random.Random) -> str:
    return rng.choice(
        (
            str(rng.randint(-(2**63), 2**63 - 1)), str(rng.randint(-1000, 1000)), repr(rng.gauss(0, 1)),
            repr(rng.gauss(0, 1) * 10.0 ** rng.randint(-320, 307)), "NULL", "'12abc'", "9e999", "-9e999", "0.5", "-0.0",
            "2.5", "1e15", "999999.5", "123456789.123456789", "x'414243'", "'añ日😀'", "''", "4.35", "1e23",
        )
    )  # fmt: skip


def format_call(rng: random.Random) -> str:
    conversions = []
    arguments = []
    for _ in range(rng.randint(1, 3)):
        flags = "".join(rng.choice("-+ 0#!,") for _ in range(rng.choice((0, 0, 1, 1, 2, 3))))
        width = rng.choice(("", "", str(rng.randint(0, 40)), "*"))
        precision = rng.choice(("", "", f".{rng.randint(0, 40)}", ".*", "."))
        kind = rng.choice("dddiufFeEgGxXoscqQwzpjrn%a" + "fegs" * 3)
        kind = kind if kind != "p" else "x"
        conversions.append(f"%{flags}{width}{precision}{rng.choice(('', '', '', 'l', 'll'))}{kind}")
        arguments += [str(rng.randint(-20, 30)) for mark in (width, precision) if "*" in mark] + [number(rng)]
    arguments = arguments[: len(arguments) - (rng.random() < 0.1)]
    return f"{rng.choice(('printf', 'format'))}({', '.join([quoted('|'.join(conversions)), *arguments])})"


def text_call(rng: random.Random) -> str:
    text = quoted("".join(rng.choice("abA é日😀%_*?[]^-\\") for _ in range(rng.choice((0, 1, 3, 8)))))
    pieces = ("a", "b", "%", "_", "*", "?", "[a-c]", "[^a]", "é", "\\")
    other = quoted("".join(rng.choice(pieces) for _ in range(rng.randint(0, 4))))
    places = [str(rng.choice((0, 1, 2, -1, -2, 5, 2**63 - 1, -(2**63), 2**31, "NULL", 1.9, "'2'"))) for _ in range(2)]
    blob = f"x'{rng.randbytes(rng.randint(0, 6)).hex()}'"
    first = rng.choice((text, text, blob, number(rng)))
    return rng.choice(
        (
            f"substr({first}, {places[0]}, {places[1]})", f"substr({first}, {places[0]})", f"{first} LIKE {other}",
            f"{first} GLOB {other}", f"like({other}, {first}, '\\')", f"instr({first}, {other})",
            f"replace({first}, {other}, {text})", f"trim({first}, {other})", f"ltrim({first}, {other})",
            f"rtrim({first}, {other})", f"unhex({text}, {other})", f"hex({first})", f"quote({first})",
            f"unicode({first})",
            f"round({number(rng)}, {places[0]})", f"concat_ws({other}, {first}, {text}, NULL)", f"unistr({text})",
            f"CAST({first} AS {rng.choice(('INTEGER', 'REAL', 'NUMERIC', 'TEXT', 'BLOB'))})", f"soundex({first})",
            f"unistr_quote({first})", f"octet_length({first})", f"length({first})", f"upper({first})",
        )
    )  # fmt: skip


def percentile(rng: random.Random) -> str:
    rows = ", ".join(f"({number(rng)}, {rng.randint(0, 2)})" for _ in range(rng.randint(1, 8)))
    portion = rng.choice(("0", "1", "0.5", "50", "100", "25.5", "-1", "101", "NULL", "'x'", "0.33"))
    name = rng.choice(("percentile", "percentile_cont", "percentile_disc", "median"))
    call = "median(x)" if name == "median" else f"{name}(x, {portion})"
    windows = (" OVER (ORDER BY g ROWS 1 PRECEDING)", " OVER (PARTITION BY g)")
    call += rng.choice(("", "", " FILTER (WHERE g < 2)", *windows))
    return f"SELECT {call} FROM (SELECT column1 AS x, column2 AS g FROM (VALUES {rows}))"


def scalar(call: Callable[[random.Random], str]) -> Callable[[random.Random], str]:
    def made(rng: random.Random) -> str:
        found = call(rng)
        return f"SELECT hex(quote({found})), typeof({found}), subtype({found})"

    return made


KINDS: Final[dict[str, Callable[[random.Random], str]]] = {
    "json": scalar(json_call),
    "json_rows": json_rows,
    "times": scalar(time_call),
    "formats": scalar(format_call),
    "texts": scalar(text_call),
    "percentiles": percentile,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_calls(kind: str, seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(CASES):
        sql = KINDS[kind](rng)
        assert answer(ours.execute, sql) == answer(oracle.execute, sql), sql
