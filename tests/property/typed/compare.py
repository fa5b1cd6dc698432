"""A random typed function, run by SQL and by Python: `python -m tests.property.typed.compare SEED` shows one."""

from __future__ import annotations

import linecache
import math
import sys
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import turso_wasm as turso
from tests.property.typed.generate import Generator

ARGUMENTS: dict[str, list[Any]] = {
    "int": [0, 1, -1, 2, 3, 7, 100, -(2**63), 2**63 - 1, 2**53 + 1],
    "float": [0.0, -0.0, 0.5, -1.5, 2.0, 1e308, math.inf, 3],
    "bool": [0, 1],
    "str": ["", "a", "abc", " x\t", "Ünï", "12", "日本", "\x85y\u2003", "a\x00b"],
    "bytes": [b"", b"a", b"\x00\xff", b"abcabc"],
}
ODD = ["text", 1.5, b"blob", None, 2]


class Outcome(NamedTuple):
    """wrong: what differs, or None. compiled, ran, fell_back: functions, calls, calls that Python had to answer."""

    wrong: str | None
    compiled: bool
    ran: int
    fell_back: int


def load(text: str, name: str) -> Callable[..., Any]:
    """The function; its source can be read as a file's."""
    file = f"<typed {name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    namespace: dict[str, Any] = {"math": math}
    exec(compile(text, file, "exec"), namespace)
    function: Callable[..., Any] = namespace[name]
    return function


def compare(seed: int) -> Outcome:
    """See above."""
    made = Generator(seed, f"f{seed}")
    function = load(made.text, made.name)
    try:
        compiled = turso.compiled(function)
    except turso.NotSupportedError as error:
        return Outcome(None if _is_expected(str(error)) else str(error), False, 0, 0)
    calls: list[int] = []

    def counted(*args: Any) -> Any:
        calls.append(1)
        return function(*args)

    compiled.function = counted
    random, ran = Random(seed), 0
    with turso.connect(":memory:") as connection:
        connection.create_function("f", len(made.params), compiled)
        names = ", ".join(name for name, _ in made.params)
        connection.execute(f"CREATE TABLE t({names})")
        marks = ", ".join("?" * len(made.params))
        for _ in range(12):
            args = [_argument(annotation, random) for _, annotation in made.params]
            expected = _outcome(lambda args=args: compiled.__class__(function, compiled.body)(*args))
            connection.execute("DELETE FROM t")
            connection.execute(f"INSERT INTO t VALUES ({marks})", args)
            for sql, given in (
                (f"SELECT f({marks})", args),
                ("SELECT f(" + ", ".join(n for n, _ in made.params) + ") FROM t", []),
            ):
                ran += 1
                found = _outcome(lambda sql=sql, given=given: connection.execute(sql, given).fetchone()[0])
                if not _same(found, expected):
                    return Outcome(f"{sql} {args}: {found}, Python {expected}\n{made.text}", True, ran, len(calls))
    return Outcome(None, True, ran, len(calls))


def _argument(annotation: str, random: Random) -> Any:
    if random.random() < 0.05:
        return random.choice(ODD)
    if annotation.endswith("None") and random.random() < 0.3:
        return None
    return random.choice(ARGUMENTS[annotation.removesuffix(" | None")])


def _outcome(run: Callable[[], Any]) -> Any:
    """The value, or the exception's class: what SQL raises was raised by Python."""
    try:
        value = run()
    except Exception as error:
        return ("raised", type(error.__cause__ or error))
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return ("raised", OverflowError)
    return value


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.copysign(1, a) == math.copysign(1, b) and a == b
    return type(a) is type(b) and bool(a == b)


def _is_expected(message: str) -> bool:
    """What the generator writes although it does not compile."""
    return any(
        part in message
        for part in (
            "this is None",
            "is compared with",
            "this constant cannot be compiled",
            "all alike",
            "elsewhere, and",
        )
    )


if __name__ == "__main__":
    print(Generator(int(sys.argv[1]), f"f{sys.argv[1]}").text)
    print(compare(int(sys.argv[1])))
