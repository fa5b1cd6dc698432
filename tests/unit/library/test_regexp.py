"""Regular expressions: what Python's `re` finds, where both say the same; in linear time; the errors."""

from __future__ import annotations

import random
import re
import time
from typing import Any

import pytest

import turso_wasm
from turso_wasm.kernel.abi_modules import CATEGORY_NAMES
from turso_wasm.library.patterns import program_of
from turso_wasm.library.regexp import regexp_capture, regexp_like
from turso_wasm.typed import characters


@pytest.fixture(scope="module")
def db() -> turso_wasm.Connection:
    return turso_wasm.connect(":memory:")


def one(db: turso_wasm.Connection, sql: str, *values: Any) -> Any:
    return db.execute(f"SELECT {sql}", values).fetchone()[0]


EXAMPLES = [
    ("regexp('a.c', 'xabcx')", 1),
    ("'abc' REGEXP 'B'", 0),
    ("'abc' NOT REGEXP '(?i)B'", 0),
    ("NULL REGEXP 'a'", None),
    ("regexp(5, 'a5')", 1),
    ("regexp_like('Straße', '^\\w{6}$')", 1),
    ("regexp_like('ΣΊΣΥΦΟΣ', '(?i)^σίσυφοσ$')", 1),
    ("regexp_like('а', '(?i)[А-Я]')", 1),
    ("regexp_like('x٣', '\\d')", 1),
    ("regexp_substr('aBc', '\\p{Lu}\\p{Ll}')", "Bc"),
    ("regexp_substr('key = value # c', '(?x) \\w+ \\s* = # sign\n \\s* \\w+')", "key = value"),
    ("regexp_substr('<a><b>', '<.+?>')", "<a>"),
    ("regexp_substr('<a><b>', '(?U)<.+>')", "<a>"),
    ("regexp_substr('a]b', '[]]')", "]"),
    ("regexp_substr('tel 42-7', '[[:digit:]-]+')", "42-7"),
    ("regexp_substr('ab', 'x*')", ""),
    ("regexp_substr('ab', 'x+')", None),
    ("regexp_substr('a\nb', '(?m)^b$')", "b"),
    ("regexp_substr('a\nb', '(?s)a.b') = 'a' || char(10) || 'b'", 1),
    ("regexp_capture('2024-05-06', '(\\d+)-(?P<month>\\d+)', 2)", "05"),
    ("regexp_capture('2024-05-06', '(?:\\d+)-(\\d+)')", "2024-05"),
    ("regexp_capture('b', '(a)|b', 1)", None),
    ("regexp_capture('b', 'b', 1)", None),
    ("regexp_replace('2024-05-06', '(\\d+)-(\\d+)-(\\d+)', '$3.$2.${1} $$ $9 $x')", "06.05.2024 $  $x"),
    ("regexp_replace('aaa', '', '-')", "-a-a-a-"),
    ("regexp_replace('añb', '.', '[$0]')", "[a][ñ][b]"),
    ("regexp_replace('x', 'y', 'z')", "x"),
    ("regexp_replace('\\u{41}', '\\\\u\\{41\\}', '\\x41\\u{42}')", "\\x41\\u{42}"),
    ("regexp_like('AB', '^\\x41\\u{42}$')", 1),
]


@pytest.mark.parametrize(("sql", "expected"), EXAMPLES)
def test_examples(db: turso_wasm.Connection, sql: str, expected: Any) -> None:
    assert one(db, sql) == expected


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("[a", "lacks a ]"),
        ("[[:nope:]]", "unknown class"),
        ("(a", r"lacks a \)"),
        ("a)", r"has a \) too many"),
        ("*a", "repeats nothing"),
        ("a|{2}", "repeats nothing"),
        ("a{3,2}", "ends before it begins"),
        ("[b-a]", "ends before it begins"),
        ("\\", "ends with a backslash"),
        ("(a)\\1", "unknown escape"),
        ("(?=a)", "unknown flag"),
        ("(?<=a)", "no part of regular expressions here"),
        ("(?q)a", "unknown flag"),
        ("\\p{Zz}", "unknown Unicode category"),
        ("((a{1000}){1000})", "too large"),
        ("a{99999}", "repeats too often"),
        ("(" * 200 + ")" * 200, "too deep"),
    ],
)
def test_errors(db: turso_wasm.Connection, pattern: str, message: str) -> None:
    with pytest.raises(turso_wasm.OperationalError, match=message):
        one(db, "regexp_like('', ?)", pattern)


ATOMS = ["a", "b", ".", "\\d", "\\w", "\\s", "[ab]", "[^a]", "[a-c]", "\\b", "\\B", "^", "$", "é", "[\\w-]", "\\W", "A"]


def patterns(rng: random.Random, depth: int = 0) -> str:
    kind = rng.random()
    if kind < 0.35 or depth > 3:
        return rng.choice(ATOMS)
    if kind < 0.6:
        return patterns(rng, depth + 1) + patterns(rng, depth + 1)
    if kind < 0.75:
        return f"({patterns(rng, depth + 1)}|{patterns(rng, depth + 1)})"
    if kind < 0.85:
        return f"({patterns(rng, depth + 1)})"
    often = rng.choice(["*", "+", "?", "*?", "+?", "??", "{2}", "{1,2}", "{0,2}?", "{1,}"])
    return f"(?:[ab]{patterns(rng, depth + 1)}){often}"  # not of nothing: there `re` goes ways of its own


def test_it_finds_what_python_finds(db: turso_wasm.Connection) -> None:
    rng = random.Random(1)
    for number in range(1500):
        pattern = rng.choice(["", "", "(?i)", "(?s)", "(?m)"]) + patterns(rng)
        text = "".join(rng.choices("abcAB1 \né", k=rng.randint(1, 9)))
        found = re.search(pattern if pattern.startswith("(?m)") else pattern.replace("$", r"\Z"), text)
        program = program_of(pattern)
        assert regexp_like(text, program) == (found is not None), (pattern, text)
        for group in range(len(found.groups()) + 1 if found else 1):
            expected = found.group(group) if found else None
            assert regexp_capture(text, program, group) == expected, (pattern, text, group)
            if number < 200:
                assert one(db, "regexp_capture(?, ?, ?)", text, pattern, group) == expected, (pattern, text, group)


def test_it_takes_linear_time(db: turso_wasm.Connection) -> None:
    def seconds(n: int, pattern: str) -> float:
        begin = time.process_time()
        assert one(db, "regexp_like(?, ?)", "a" * n, pattern) == 0
        return time.process_time() - begin

    for pattern in ("(a*)*b", "(a|aa)+$b", "(?:a?){30}a{30}b", "(x+x+)+y"):
        seconds(1000, pattern)
        assert seconds(40_000, pattern) < 60 * max(seconds(4000, pattern), 0.002)
    assert len(one(db, "regexp_replace(?, 'b', 'xyz')", "ab" * 100_000)) == 400_000


def test_patterns_are_read_once_a_statement(db: turso_wasm.Connection) -> None:
    pattern = "|".join(f"(word{n}|other{n})+" for n in range(40))

    def seconds(n: int) -> float:
        begin = time.process_time()
        db.execute("SELECT sum(value REGEXP ?) FROM generate_series(1, ?)", (pattern, n)).fetchall()
        return time.process_time() - begin

    seconds(1)
    assert seconds(2000) < 2000 * max(seconds(1), 0.0005) / 4


def test_the_kernel_and_python_number_categories_alike() -> None:
    assert characters.CATEGORY_NAMES == CATEGORY_NAMES
