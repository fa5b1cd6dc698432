"""Every function of SQLite's pragma_function_list with arguments of every kind, beside SQLite: values, types, subtypes
and errors.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any, Final

import apsw
import pytest

import turso_wasm
from tests.harness.effort import HEAVY

CALLS = 20_000 if HEAVY else 60  # of each seed


def words(text: str) -> list[str]:
    """What is between the blanks; `~` is a blank."""
    return [word.replace("~", " ") for word in text.split()]


VALUES: Final = words(r"""
    NULL 0 1 -1 2 3 10 9223372036854775807 -9223372036854775808 4294967296 2147483648 0.0 -0.0 1.5 -2.5 1e308 -1e308
    9e999 -9e999 1e-7 0.1 123456.789 '' 'abc' 'ABC' '1' '-1.5' '1e5x' '~12~' 'añ日😀' '%s' '%' 'a%b_c' 2460000.5
    '2024-02-29' '12:00' '+1~month' 1e10 x'' x'00' x'616263' x'ff80' x'0c17' x'1b1331' '[1,2,{"a":3}]' '$' '$.a' '$[0]'
    '{"a":[1,2.5,null],"b":"x"}' '$[#-1]' '$.a[1]' '{a:1,}' '[1,' json('[1]') zeroblob(3) jsonb('{"a":1}') char(0)
    char(97,0,98) '\u0041' 'THREADSAFE'
""")
FORMATS: Final = words("""
    %d %5.2f|%-8s|%+d %08.3e %g %x|%X|%o %c%c %q|%Q|%w %,d %!.20g %#x|%#o %*d %-*.*f %.3s %z %% %5% %lld %p %i|%u %.0f
    %a %n % %0*d %!s %!5.2s %j %#q %+,d %010,d %E|%G %#g|%!g %-10c| %.4c %r %s|%s
""")
TIMES: Final = words("""
    '2024-02-29' '2024-01-31~23:59:59.999' '12:34' '12:34:56.789' '2024-02-29T12:34Z' '2024-02-29~12:34:56+05:30'
    2460000.5 0 1e9 1721059.4 5373484.5 '2460000.5' '9999-12-31' '0000-01-01' '2023-02-29' '2023-02-31' '24:00'
    '2024-13-01' NULL x'32303234' '-4713-11-24~12:00:00' 253402300799 -62135596800
""")
MODIFIERS: Final = words("""
    'start~of~year' 'start~of~month' 'start~of~day' '+1~day' '-1~year' '+12:30' '-00:00:01.5' '+0001-02-03' 'floor'
    '-0001-02-03~04:05' 'weekday~3' 'subsec' 'subsecond' 'ceiling' 'julianday' 'unixepoch' 'auto' '1.5~hours' 'junk'
    '+1e3~seconds' '90~minutes' '+1~months' '' NULL 5 '+2147483648~days' 'weekday~7' '+10000~years' '+5~fortnights'
""")
SHAPES: Final = words("""
    '%Y-%m-%d' '%H:%M:%f' '%j~%w~%W~%U~%u' '%s~%J' '%G-%V~%g' '%e~%k~%l~%I~%p~%P' '%R~%T~%F' '%S%%' '%q' '%' '%d%'
""")

CLOCK: Final = {"date", "time", "datetime", "julianday", "unixepoch"}
WINDOWS: Final = {
    "row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead", "first_value",
    "last_value", "nth_value",
}  # fmt: skip
OTHERS: Final = {
    "random", "randomblob", "current_time", "current_date", "current_timestamp", "sqlite_version", "sqlite_source_id",
    "sqlite_compileoption_get", "sqlite_compileoption_used", "load_extension", "sqlite_log", "geopoly_debug",
    "rtreecheck", "bm25", "highlight", "snippet", "match", "matchinfo", "offsets", "optimize", "fts3_tokenizer",
    "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
}  # fmt: skip
"""Of no certain value, of the rows of a table; or of which the last digit is the C library's."""

oracle = apsw.Connection(":memory:")
ours = turso_wasm.connect(":memory:")


def functions() -> dict[str, tuple[set[int], str]]:
    """By name, the numbers of arguments as listed, and the type (s, w or a)."""
    found: dict[str, tuple[set[int], str]] = {}
    for name, count, kind in oracle.execute("SELECT name, narg, type FROM pragma_function_list"):
        if name not in OTHERS and not name.startswith("fts"):
            known, kinds = found.get(name, (set(), ""))
            found[name] = (known | {count}, kinds + kind)
    return found


FUNCTIONS: Final = functions()


def number_of_arguments(rng: random.Random, listed: set[int]) -> int:
    counts: set[int] = set()
    for count in listed:
        counts |= {count} if count >= 0 else {0, 1, 2, 3, 4, 5} if count == -1 else {-count - 2, -count - 1, -count}
    return max(rng.choice(sorted(counts)) + rng.choice((0,) * 18 + (-1, 1)), 0)


def arguments(rng: random.Random, name: str) -> list[str]:
    """Arguments that the function may well like, mostly; else any."""
    few = range(rng.randint(0, 3))
    special: dict[bool, Callable[[], list[str]]] = {
        name in ("printf", "format"): lambda: [f"'{rng.choice(FORMATS)}'", *(value(rng) for _ in few)],
        name in CLOCK: lambda: [rng.choice(TIMES), *(rng.choice(MODIFIERS) for _ in few)],
        name == "strftime": lambda: [rng.choice(SHAPES), rng.choice(TIMES), *(rng.choice(MODIFIERS) for _ in few)],
        name == "timediff": lambda: [rng.choice(TIMES), rng.choice(TIMES)],
    }
    make = special.get(True)
    if make is not None and rng.random() < 0.9:
        return make()
    listed = number_of_arguments(rng, FUNCTIONS[name][0])
    return [value(rng) for _ in range(max(listed, 1) if name in CLOCK | {"strftime"} else listed)]


def value(rng: random.Random) -> str:
    kind = rng.random()
    return rng.choice(VALUES) if kind < 0.9 else str(rng.randint(-100, 100)) if kind < 0.95 else repr(rng.gauss(0, 1e5))


def statement(rng: random.Random, name: str) -> str:
    args = arguments(rng, name)
    if name in ("->", "->>"):
        call = f"({args[0]}) {name} ({args[-1]})" if args else "1"
    else:
        call = f'"{name}"({", ".join(args)})'
    if name in WINDOWS:
        return f"SELECT {call} OVER (ORDER BY 1) FROM (VALUES (1), (2))"
    if "w" in FUNCTIONS[name][1] and (FUNCTIONS[name][1] == "w" or rng.random() < 0.3):
        return f"SELECT hex({call}), typeof({call}) FROM (VALUES (1), (2))"
    return f"SELECT hex(quote({call})), typeof({call}), subtype({call})"


def answer(execute: Any, sql: str) -> Any:
    """The rows, with reals as they are written; or what the error says."""
    try:
        rows = [tuple(row) for row in execute(sql)]
    except (apsw.Error, turso_wasm.Error) as error:
        return re.sub(r"^\w+Error: ", "", str(error))
    return [tuple(repr(item) for item in row) for row in rows]


@pytest.mark.parametrize("seed", range(30))
def test_calls(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(CALLS):
        sql = statement(rng, rng.choice(sorted(FUNCTIONS)))
        assert answer(ours.execute, sql) == answer(oracle.execute, sql), sql


def test_we_have_every_function() -> None:
    sql = "SELECT name, builtin, type, enc, narg, flags FROM pragma_function_list"
    missing = set(oracle.execute(sql)) - {tuple(row) for row in ours.execute(sql)}
    assert missing == set()


def test_we_have_every_module() -> None:
    sql = "SELECT name FROM pragma_module_list"
    missing = set(oracle.execute(sql)) - {tuple(row) for row in ours.execute(sql)}
    assert {name for (name,) in missing if not name.startswith("pragma_")} == set()
