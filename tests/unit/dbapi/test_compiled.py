"""Typed Python functions in SQL: compiled where they can be, and always what Python says."""

from __future__ import annotations

import math
import threading
import time
from typing import Any

import pytest

import turso_wasm as turso


def one(db: turso.Connection, sql: str, *values: Any) -> Any:
    return db.execute(sql, values).fetchone()[0]


class Counting:
    """A compiled function that counts what Python had to answer."""

    def __init__(self, db: turso.Connection, name: str, function: Any) -> None:
        compiled = turso.compiled(function)
        self.calls = 0
        compiled.function = self
        self.plain = function
        db.create_function(name, len(compiled.body.params), compiled)

    def __call__(self, *args: Any) -> Any:
        self.calls += 1
        return self.plain(*args)


def steps(n: int) -> int:
    count = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        count += 1
    return count


def test_a_query_over_many_rows_needs_no_python(ours: turso.Connection) -> None:
    counting = Counting(ours, "steps", steps)
    rows = ours.execute("SELECT value, steps(value) FROM generate_series(1, 2000)").fetchall()
    assert rows == [(n, steps(n)) for n in range(1, 2001)]
    assert counting.calls == 0


def half(x: float) -> float:
    return x / 2


@pytest.mark.parametrize(
    ("value", "expected", "calls"), [(3.0, 1.5, 0), (3, 1.5, 0), (math.inf, math.inf, 0), (1e-320, 5e-321, 0)]
)
def test_an_integer_is_a_float_where_one_is_expected(
    ours: turso.Connection, value: float, expected: float, calls: int
) -> None:
    counting = Counting(ours, "half", half)
    assert one(ours, "SELECT half(?)", value) == expected
    assert counting.calls == calls


def product(a: int, b: int) -> int:
    return a * b - a * b + 3


def test_integers_beyond_64_bits_are_pythons(ours: turso.Connection) -> None:
    counting = Counting(ours, "product", product)
    assert one(ours, "SELECT product(?, ?)", 1 << 60, 77) == 3
    assert counting.calls == 1


def quotient(a: int, b: int) -> int:
    return a // b


def test_what_python_raises_is_the_cause(ours: turso.Connection) -> None:
    ours.create_function("quotient", 2, turso.compiled(quotient))
    with pytest.raises(turso.OperationalError, match="user-defined function raised exception") as caught:
        one(ours, "SELECT quotient(7, 0)")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    with pytest.raises(turso.OperationalError) as caught:
        one(ours, "SELECT quotient('a', 1)")
    assert isinstance(caught.value.__cause__, TypeError)
    assert one(ours, "SELECT quotient(-7, 2)") == -4


def test_a_result_is_of_its_declared_type(ours: turso.Connection) -> None:
    @ours.function(compiled=True)
    def maybe(x: int) -> float | None:
        return None if x < 0 else x

    assert ours.execute("SELECT maybe(-1), maybe(4), typeof(maybe(4))").fetchone() == (None, 4.0, "real")


def test_the_decorator_compiles_or_calls(ours: turso.Connection) -> None:
    @ours.function
    def twice(x: int) -> int:
        return 2 * x

    @ours.function
    def listed(x: int) -> int:
        return sum([x, x])

    @ours.function(name="plus", deterministic=True)
    def add(*values: int) -> int:
        return sum(values)

    assert ours.execute("SELECT twice(4), listed(4), plus(1, 2, 3)").fetchone() == (8, 8, 6)
    assert twice(4) == 8
    with pytest.raises(turso.NotSupportedError, match=r"listed\(\) cannot be compiled: "):
        ours.function(compiled=True)(listed)


def test_defaults_make_several_functions(ours: turso.Connection) -> None:
    @ours.function(compiled=True)
    def pad(text: str, width: int = 5, fill: str | None = None) -> str:
        while len(text) < width:
            text = (fill or "·") + text
        return text

    assert ours.execute("SELECT pad('ab'), pad('ab', 3), pad('ab', 4, 'x')").fetchone() == ("···ab", "·ab", "xxab")
    with pytest.raises(turso.OperationalError, match=r"wrong number of arguments to function pad\(\)"):
        ours.execute("SELECT pad()")


def test_it_is_deterministic(ours: turso.Connection) -> None:
    ours.create_function("steps", 1, turso.compiled(steps))
    ours.execute("CREATE TABLE t(n INTEGER, s INTEGER AS (steps(n)))")
    ours.execute("CREATE INDEX i ON t(steps(n))")
    ours.execute("INSERT INTO t VALUES (27), (1), (6)")
    assert ours.execute("SELECT n, s FROM t INDEXED BY i WHERE steps(n) = 8").fetchall() == [(6, 8)]
    assert one(ours, "PRAGMA integrity_check") == "ok"


def test_another_function_of_the_name_is_another_statement(ours: turso.Connection) -> None:
    def multiplier(factor: int) -> Any:
        def times(x: int) -> int:
            return x * factor

        return times

    for factor in (2, 3):
        ours.create_function("times", 1, turso.compiled(multiplier(factor)))
        assert one(ours, "SELECT times(5)") == 5 * factor


def fib(n: int) -> int:
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def depth(n: int) -> int:
    return 0 if n == 0 else depth(n - 1) + 1


def test_a_function_calls_itself(ours: turso.Connection) -> None:
    counting = Counting(ours, "fib", fib)
    assert one(ours, "SELECT fib(20)") == 6765
    assert counting.calls == 0
    deep = Counting(ours, "depth", depth)
    assert one(ours, "SELECT depth(500)") == 500
    assert deep.calls == 1
    with pytest.raises(turso.OperationalError) as caught:
        one(ours, "SELECT depth(100000)")
    assert isinstance(caught.value.__cause__, RecursionError)
    assert one(ours, "SELECT depth(5)") == 5


def for_ever(n: int) -> int:
    while n:
        n = n * -1
    return n


def fibs(n: int) -> int:
    return n if n < 2 else fibs(n - 1) + fibs(n - 2)


@pytest.mark.parametrize(("function", "sql"), [(for_ever, "SELECT for_ever(1)"), (fibs, "SELECT fibs(80)")])
def test_what_does_not_end_can_be_interrupted(ours: turso.Connection, function: Any, sql: str) -> None:
    ours.create_function(function.__name__, 1, turso.compiled(function))
    timer = threading.Timer(0.2, ours.interrupt)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(turso.OperationalError, match="interrupted"):
        ours.execute(sql).fetchone()
    timer.join()
    assert time.monotonic() - begun < 30
    assert one(ours, "SELECT 1") == 1


def test_texts_are_counted_in_code_points(ours: turso.Connection) -> None:
    @ours.function(compiled=True)
    def middle(text: str) -> str:
        return text[1:-1].strip() + text[-1] + str(len(text)) + str(text.find("日"))

    assert one(ours, "SELECT middle(?)", "a\u2003ü日本 z") == "ü日本z73"


def test_a_wrong_number_of_arguments_is_refused(ours: turso.Connection) -> None:
    with pytest.raises(turso.ProgrammingError, match=r"half\(\) cannot be called with 2 arguments"):
        ours.create_function("half", 2, turso.compiled(half))


def test_it_stands_anywhere_in_sql(ours: turso.Connection) -> None:
    ours.create_function("steps", 1, turso.compiled(steps))
    ours.executescript(
        "CREATE TABLE t(n INTEGER CHECK (steps(n) < 200));"
        "CREATE TRIGGER tr AFTER INSERT ON t WHEN steps(new.n) = 1 BEGIN INSERT INTO t VALUES (steps(new.n) + 2); END;"
        "INSERT INTO t VALUES (2), (27)"
    )
    sql = "SELECT steps(n) AS s, count(*) FROM t GROUP BY steps(n) HAVING steps(s + 1) >= 0 ORDER BY steps(n) DESC"
    assert ours.execute(sql).fetchall() == [(111, 1), (7, 1), (1, 1)]
    assert ours.execute("SELECT max(steps(n)) OVER (ORDER BY steps(n)) FROM t").fetchall() == [(1,), (7,), (111,)]
