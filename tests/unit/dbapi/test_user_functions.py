"""The user's functions and aggregates, as the sqlite3 module calls them (tests with `module` run on both)."""

from __future__ import annotations

import gc
import sys
import traceback
import weakref
from collections.abc import Callable
from typing import Any

import pytest

import turso_wasm

VALUES: list[Any] = [None, 0, -1, 1 << 40, -(1 << 63), (1 << 63) - 1, 0.0, -0.5, 1e300]
VALUES += ["", "é ≠ 😀", "a\0b", b"", b"\0\xff", "x" * 239, "x" * 240, "x" * 241, b"y" * 100_000]


class Sum:
    def __init__(self) -> None:
        self.total = 0

    def step(self, *values: int) -> None:
        self.total += sum(values)

    def finalize(self) -> int:
        return self.total


def one(db: Any, sql: str, *values: Any) -> Any:
    return db.execute(sql, values).fetchone()[0]


# --- values ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_values_pass_both_ways(module: Any, value: Any) -> None:
    db = module.connect(":memory:")
    seen: list[Any] = []
    db.create_function("echo", 1, lambda given: seen.append(given) or given)
    found = one(db, "SELECT echo(?)", value)
    assert (found, type(found)) == (value, type(value))
    assert (seen[-1], type(seen[-1])) == (value, type(value))
    assert one(db, "SELECT typeof(echo(?1)) = typeof(?1)", value) == 1
    db.close()


@pytest.mark.parametrize("n", [0, 1, 2, 8, 9, 40, 100])
def test_any_number_of_arguments(module: Any, n: int) -> None:
    db = module.connect(":memory:")
    db.create_function("f", n, lambda *given: "|".join(map(str, given)))
    db.create_function("v", -1, lambda *given: len(given))
    arguments = ",".join(map(str, range(n)))
    assert one(db, f"SELECT f({arguments})") == "|".join(map(str, range(n)))
    assert one(db, f"SELECT v({arguments})") == n
    with pytest.raises(module.OperationalError, match=r"^wrong number of arguments to function f\(\)$"):
        db.execute(f"SELECT f({','.join(['1'] * (n + 1))})")
    db.close()


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (True, int),
        (bytearray(b"x"), bytes),
        (memoryview(b"x"), bytes),
        (float("nan"), type(None)),
        (float("inf"), float),
    ],
)
def test_results_that_are_converted(module: Any, result: Any, kind: type) -> None:
    db = module.connect(":memory:")
    db.create_function("f", 0, lambda: result)
    assert type(one(db, "SELECT f()")) is kind
    db.close()


@pytest.mark.parametrize("result", [[1], {}, 1j, object(), "\ud800"], ids=["list", "dict", "complex", "object", "text"])
def test_results_that_are_refused(module: Any, result: Any) -> None:
    db = module.connect(":memory:")
    db.create_function("f", 0, lambda: result)
    with pytest.raises(module.OperationalError, match=r"^user-defined function raised exception$"):
        db.execute("SELECT f()").fetchall()
    db.close()


def test_integers_beyond_64_bits_are_too_big(module: Any) -> None:
    db = module.connect(":memory:")
    for number in (1 << 63, -(1 << 63) - 1, 1 << 200):
        db.create_function("f", 0, lambda number=number: number)
        with pytest.raises(module.DataError, match=r"^string or blob too big$"):
            db.execute("SELECT f()").fetchall()
    db.close()


# --- registering ----------------------------------------------------------------------------------------------------


def test_overloads_by_number_of_arguments(module: Any) -> None:
    db = module.connect(":memory:")
    db.create_function("o", 1, lambda a: "one")
    db.create_function("o", -1, lambda *a: "any")
    db.create_function("O", 2, lambda a, b: "two")
    assert db.execute("SELECT o(1), O(1, 2), o(1, 2, 3), o()").fetchone() == ("one", "two", "any", "any")
    db.close()


@pytest.mark.parametrize(
    ("name", "narg", "call"),
    [
        ("abs", 1, "abs(1)"),
        ("abs", -1, "abs(1)"),
        ("coalesce", 2, "coalesce(1, 2)"),
        ("iif", 3, "iif(1, 2, 3)"),
        ("nullif", 2, "nullif(1, 2)"),
        ("likely", 1, "likely(1)"),
        ("sqlite_version", 0, "sqlite_version()"),
        ("date", 1, "date('now')"),
        ("min", 2, "min(1, 2)"),
        ("sum", 1, "sum(1)"),
        ("count", 0, "count(*)"),
        ("like", 2, "1 LIKE 2"),
        ("like", 3, "1 LIKE 2 ESCAPE 'x'"),
        ("glob", 2, "1 GLOB 2"),
        ("regexp", 2, "1 REGEXP 2"),
        ("match", 2, "1 MATCH 2"),
    ],
)
def test_built_in_names_can_be_taken(module: Any, name: str, narg: int, call: str) -> None:
    db = module.connect(":memory:")
    db.create_function(name, narg, lambda *given: f"mine {len(given)}")
    assert one(db, f"SELECT {call}").startswith("mine")
    db.close()


def test_none_removes() -> None:
    db = turso_wasm.connect(":memory:")
    db.create_function("f", 1, lambda a: "mine")
    db.create_function("abs", 1, lambda a: "mine")
    db.create_function("f", 1, None)
    db.create_function("abs", 1, None)
    db.create_function("never", 1, None)
    with pytest.raises(turso_wasm.OperationalError, match=r"^no such function: f$"):
        db.execute("SELECT f(1)")
    assert one(db, "SELECT abs(-1)") == 1
    db.create_aggregate("s", 1, Sum)
    db.create_aggregate("s", 1, None)
    with pytest.raises(turso_wasm.OperationalError, match=r"^no such function: s$"):
        db.execute("SELECT s(1)")
    db.close()


def test_a_replaced_function_is_the_new_one_in_known_statements(module: Any) -> None:
    db = module.connect(":memory:")
    for number in range(3):
        db.create_function("f", 0, lambda number=number: number)
        assert one(db, "SELECT f()") == number
    db.close()


@pytest.mark.parametrize(
    "register",
    [
        lambda db: db.create_function("f" * 256, 0, print),
        lambda db: db.create_function(1, 0, print),
        lambda db: db.create_function("f", "1", print),
        lambda db: db.create_function("a\0b", 0, print),
        lambda db: db.create_function("f", 1 << 40, print),
        lambda db: db.create_aggregate(1, 0, Sum),
        lambda db: db.create_window_function(1, 0, Sum),
        lambda db: db.create_collation(1, None),
        lambda db: db.create_collation("c", 5),
        lambda db: db.create_collation("\ud800", None),
    ],
)
def test_wrong_registrations(module: Any, register: Callable[[Any], None]) -> None:
    db = module.connect(":memory:")
    expected = __import__("sqlite3").connect(":memory:")
    with pytest.raises(Exception) as theirs:
        register(expected)
    with pytest.raises(Exception) as caught:
        register(db)
    assert (caught.type.__name__, str(caught.value)) == (theirs.type.__name__, str(theirs.value))
    db.close()


@pytest.mark.parametrize("n", [-2, 128, 1000])
def test_numbers_of_arguments(ours: Any, n: int) -> None:
    """The messages of Python 3.14."""
    for register, what in (
        (ours.create_function, "narg"),
        (ours.create_aggregate, "n_arg"),
        (ours.create_window_function, "num_params"),
    ):
        with pytest.raises(turso_wasm.ProgrammingError, match=f"^'{what}' must be between -1 and 127, not {n}$"):
            register("f", n, Sum)


def test_what_runs_is_not_replaced(module: Any) -> None:
    db = module.connect(":memory:")
    db.create_function("f", 1, lambda a: a)
    db.execute("CREATE TABLE t(a)")
    db.executemany("INSERT INTO t VALUES (?)", ((i,) for i in range(100_000)))
    rows = db.execute("SELECT f(a) FROM t")
    assert rows.fetchone() == (0,)
    with pytest.raises(module.OperationalError, match=r"^Error creating function$"):
        db.create_function("f", 1, lambda a: -a)
    db.create_function("another", 0, lambda: 7)
    assert one(db, "SELECT another()") == 7
    assert sum(row[0] for row in rows) == sum(range(100_000))
    db.close()


def test_connections_have_functions_of_their_own() -> None:
    first, second = turso_wasm.connect(":memory:"), turso_wasm.connect(":memory:")
    first.create_function("f", 0, lambda: 1)
    with pytest.raises(turso_wasm.OperationalError, match="no such function: f"):
        second.execute("SELECT f()")
    second.create_function("f", 0, lambda: 2)  # an equal registry: they share the Program
    assert (one(first, "SELECT f()"), one(second, "SELECT f()")) == (1, 2)
    first.close()
    assert one(second, "SELECT f()") == 2
    second.close()


def test_a_connection_that_a_function_holds_is_collected() -> None:
    db = turso_wasm.connect(":memory:")
    db.create_function("f", 0, lambda: db.total_changes)
    assert one(db, "SELECT f()") == 0
    gone = weakref.ref(db)
    db = None  # type: ignore[assignment]
    gc.collect()
    assert gone() is None


# --- where they may stand -------------------------------------------------------------------------------------------


def test_deterministic_functions_may_stand_in_indexes(module: Any) -> None:
    db = module.connect(":memory:")
    db.create_function("pure", 1, lambda a: a % 7, deterministic=True)
    db.create_function("impure", 1, lambda a: a)
    db.execute("CREATE TABLE t(a, b)")
    for sql, where in [
        ("CREATE INDEX i ON t(impure(a))", "index expressions"),
        ("CREATE INDEX i ON t(a) WHERE impure(b)", "partial index WHERE clauses"),
    ]:
        with pytest.raises(module.OperationalError, match=f"^non-deterministic functions prohibited in {where}$"):
            db.execute(sql)
    db.execute("CREATE INDEX i ON t(pure(a))")
    db.execute("CREATE INDEX j ON t(b) WHERE pure(a) = 1")
    db.execute("CREATE TABLE c(a CHECK (impure(a) > 0), b DEFAULT (impure(5)))")
    db.executemany("INSERT INTO t VALUES (?, ?)", [(i, i) for i in range(50)])
    assert db.execute("SELECT a FROM t WHERE pure(a) = 3 ORDER BY a").fetchall() == [(i,) for i in range(3, 50, 7)]
    db.execute("UPDATE t SET a = a + 1")
    db.execute("DELETE FROM t WHERE pure(a) = 2")
    assert one(db, "SELECT count(*) FROM t WHERE pure(a) = 3") == 7
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    db.execute("INSERT INTO c(a) VALUES (1)")
    assert db.execute("SELECT * FROM c").fetchall() == [(1, 5)]
    with pytest.raises(module.IntegrityError, match=r"^CHECK constraint failed: impure\(a\) > 0$"):
        db.execute("INSERT INTO c(a) VALUES (-1)")
    db.close()


def test_a_file_with_functions_that_are_not_there_stays_usable(tmp_path: Any) -> None:
    path = tmp_path / "a.db"
    db = turso_wasm.connect(path)
    db.create_function("pure", 1, lambda a: a, deterministic=True)
    db.executescript("CREATE TABLE t(a, b); CREATE INDEX i ON t(pure(a)); INSERT INTO t VALUES (1, 2)")
    db.close()
    db = turso_wasm.connect(path)
    assert db.execute("SELECT * FROM t").fetchall() == [(1, 2)]
    with pytest.raises(turso_wasm.OperationalError, match=r"^unknown function: pure\(\)$"):
        db.execute("INSERT INTO t VALUES (3, 4)")
    db.rollback()
    db.create_function("pure", 1, lambda a: a, deterministic=True)
    db.execute("INSERT INTO t VALUES (3, 4)")
    assert db.execute("SELECT b FROM t WHERE pure(a) = 3").fetchall() == [(4,)]
    db.close()


# --- aggregates -----------------------------------------------------------------------------------------------------


def test_aggregates(module: Any) -> None:
    db = module.connect(":memory:")
    db.create_aggregate("total_of", -1, Sum)
    db.execute("CREATE TABLE t(g, a, b)")
    db.executemany("INSERT INTO t VALUES (?, ?, ?)", [(i % 3, i, 1) for i in range(30)])
    for sql in (
        "SELECT total_of(a) FROM t",
        "SELECT total_of(a) FROM t WHERE 0",
        "SELECT total_of() FROM t",
        "SELECT g, total_of(a, b), count(*), total_of(b) FROM t GROUP BY g",
        "SELECT g, total_of(DISTINCT b) FROM t GROUP BY g HAVING total_of(a) > 140",
        "SELECT total_of(a) FILTER (WHERE g = 1) FROM t",
        "SELECT g, (SELECT total_of(u.a) FROM t u WHERE u.g = t.g) FROM t ORDER BY 1, 2",
        "SELECT g FROM t GROUP BY g ORDER BY total_of(a) DESC",
    ):
        expected = __import__("sqlite3").connect(":memory:")
        expected.create_aggregate("total_of", -1, Sum)
        expected.execute("CREATE TABLE t(g, a, b)")
        expected.executemany("INSERT INTO t VALUES (?, ?, ?)", [(i % 3, i, 1) for i in range(30)])
        assert db.execute(sql).fetchall() == expected.execute(sql).fetchall(), sql
    db.close()


def broken(method: str, raising: bool) -> type:
    """An aggregate whose `method` raises, or is not there."""

    def fails(self: object, *values: object) -> None:
        raise ZeroDivisionError

    methods: dict[str, Any] = {"step": lambda self, *values: None, "finalize": lambda self: 1}
    if raising:
        methods[method] = fails
    else:
        del methods[method]
    return type("Broken", (), methods)


def test_an_aggregate_is_given_null_once_with_distinct(module: Any) -> None:
    class Given:
        def __init__(self) -> None:
            self.values: list[object] = []

        def step(self, value: object) -> None:
            self.values.append(value)

        def finalize(self) -> str:
            return str(self.values)

    db = module.connect(":memory:")
    db.create_aggregate("given", 1, Given)
    db.execute("CREATE TABLE t(x)")
    db.executemany("INSERT INTO t VALUES (?)", [(None,), (1,), (None,), (1,)])
    assert db.execute("SELECT given(DISTINCT x), given(x) FROM t").fetchone() == ("[None, 1]", "[None, 1, None, 1]")
    assert db.execute("SELECT given(DISTINCT NULL)").fetchone() == ("[None]",)
    db.close()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (broken("__init__", True), "user-defined aggregate's '__init__' method raised error"),
        (broken("step", True), "user-defined aggregate's 'step' method raised error"),
        (broken("finalize", True), "user-defined aggregate's 'finalize' method raised error"),
        (broken("step", False), "user-defined aggregate's 'step' method not defined"),
        (broken("finalize", False), "user-defined aggregate's 'finalize' method not defined"),
    ],
)
def test_aggregates_that_fail(module: Any, kind: type, message: str) -> None:
    db = module.connect(":memory:")
    db.create_aggregate("bad", 1, kind)
    with pytest.raises(module.OperationalError, match=f"^{message}$"):
        db.execute("SELECT bad(1)").fetchall()
    assert db.execute("SELECT bad(1) WHERE 0").fetchall() == [(None,)]
    db.close()


def test_instances_of_a_statement_that_ends_early_are_dropped() -> None:
    db = turso_wasm.connect(":memory:")
    made: list[weakref.ref[Any]] = []

    class Group:
        def __init__(self) -> None:
            made.append(weakref.ref(self))

        def step(self, value: int) -> None:
            if value == 5:
                raise ZeroDivisionError

        def finalize(self) -> int:
            return 1

    db.create_aggregate("g", 1, Group)
    with pytest.raises(turso_wasm.OperationalError) as caught:
        db.execute("SELECT g(column1) FROM (VALUES (1), (2), (5)) GROUP BY column1").fetchall()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    del caught
    gc.collect()
    assert len(made) == 3
    assert [gone() for gone in made] == [None] * 3
    db.close()


# --- errors ---------------------------------------------------------------------------------------------------------


def test_the_cause_of_an_error_is_what_was_raised() -> None:
    db = turso_wasm.connect(":memory:")

    def guilty() -> int:
        return 1 // 0

    db.create_function("guilty", 0, guilty)
    with pytest.raises(turso_wasm.OperationalError, match=r"^user-defined function raised exception$") as caught:
        db.execute("SELECT guilty()")
    cause = caught.value.__cause__
    assert isinstance(cause, ZeroDivisionError)
    assert traceback.extract_tb(cause.__traceback__)[-1].name == "guilty"
    db.close()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_what_is_no_error_is_raised_itself(kind: type[BaseException]) -> None:
    db = turso_wasm.connect(":memory:")

    def stop() -> None:
        raise kind("stop")

    db.create_function("stop", 0, stop)
    with pytest.raises(kind, match="stop"):
        db.execute("SELECT stop()")
    assert one(db, "SELECT 1") == 1
    db.close()


def test_tracebacks_can_be_seen_where_they_happen(monkeypatch: pytest.MonkeyPatch) -> None:
    db = turso_wasm.connect(":memory:")
    db.create_function("f", 0, lambda: 1 // 0)
    seen: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    turso_wasm.enable_callback_tracebacks(True)
    try:
        with pytest.raises(turso_wasm.OperationalError):
            db.execute("SELECT f()")
    finally:
        turso_wasm.enable_callback_tracebacks(False)
    with pytest.raises(turso_wasm.OperationalError):
        db.execute("SELECT f()")
    assert [shown.exc_type for shown in seen] == [ZeroDivisionError]
    db.close()


# --- windows and triggers -------------------------------------------------------------------------------------------


class MovingSum(Sum):
    """Says how many rows there are."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = 0

    def step(self, *values: int) -> None:
        super().step(*values)
        self.rows += 1

    def inverse(self, value: int) -> None:
        self.total -= value
        self.rows -= 1

    def value(self) -> str:
        return f"{self.total} of {self.rows}"


@pytest.mark.parametrize(
    "window",
    [
        "",
        "ORDER BY id",
        "PARTITION BY g ORDER BY id",
        "ORDER BY id ROWS 2 PRECEDING",
        "PARTITION BY g ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
        "ORDER BY g RANGE CURRENT ROW",
        "ORDER BY g GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE CURRENT ROW",
        "ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES",
    ],
)
def test_windows(window: str) -> None:
    import sqlite3

    found = []
    for module in (turso_wasm, sqlite3):
        db: Any = module.connect(":memory:")
        db.create_window_function("moving", 1, MovingSum)
        db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, g, x)")
        db.executemany("INSERT INTO t VALUES (?, ?, ?)", [(i, i % 3, i * i % 17) for i in range(40)])
        found.append(db.execute(f"SELECT id, moving(x) OVER ({window}) FROM t ORDER BY id").fetchall())
        found.append(db.execute("SELECT g, moving(x) FROM t GROUP BY g").fetchall())
        db.close()
    assert found[:2] == found[2:]


def test_an_aggregate_without_inverse_is_no_window_function(module: Any) -> None:
    db = module.connect(":memory:")
    db.create_aggregate("total_of", 1, Sum)
    with pytest.raises(module.OperationalError, match=r"^total_of\(\) may not be used as a window function$"):
        db.execute("SELECT total_of(1) OVER ()")
    db.close()


def test_an_empty_window_has_no_value() -> None:
    db = turso_wasm.connect(":memory:")
    db.create_window_function("moving", 1, MovingSum)
    window = "FILTER (WHERE column1 > 1) OVER (ORDER BY column1 ROWS 0 PRECEDING)"
    assert db.execute(f"SELECT moving(column1) {window} FROM (VALUES (1), (2))").fetchall() == [(None,), ("2 of 1",)]
    db.close()


def test_triggers_call_functions(module: Any) -> None:
    db = module.connect(":memory:")
    db.create_function("double", 1, lambda a: a * 2)
    db.executescript(
        "CREATE TABLE t(a, b); CREATE TABLE log(x, y);"
        "CREATE TRIGGER one AFTER INSERT ON t BEGIN INSERT INTO log SELECT double(new.a), double(new.b); END;"
        "CREATE TRIGGER two BEFORE UPDATE ON t WHEN double(new.a) > 10"
        " BEGIN INSERT INTO log VALUES (old.b, double(old.a)); END;"
        "CREATE TRIGGER three BEFORE DELETE ON t BEGIN SELECT RAISE(IGNORE) WHERE double(old.a) > 8; END;"
    )
    db.executemany("INSERT INTO t VALUES (?, ?)", [(i, f"text {i} " * 50) for i in range(6)])
    db.execute("UPDATE t SET a = a + 1")
    db.execute("DELETE FROM t")
    assert db.execute("SELECT x, length(y) FROM log ORDER BY rowid LIMIT 2").fetchall() == [(0, 700), (2, 700)]
    assert db.execute("SELECT substr(x, 1, 6), y FROM log WHERE rowid > 6").fetchall() == [("text 5", 10)]
    assert db.execute("SELECT a FROM t").fetchall() == [(5,), (6,)]
    db.close()


def test_lists_show_them() -> None:
    db = turso_wasm.connect(":memory:")
    db.create_function("Pure", 1, print, deterministic=True)
    db.create_function("any", -1, print)
    db.create_aggregate("gathers", 2, Sum)
    db.create_window_function("moves", 1, MovingSum)
    db.create_collation("Mine", lambda a, b: 0)
    modules = turso_wasm.connect(":memory:").execute("PRAGMA function_list").fetchall()
    own = [row for row in db.execute("PRAGMA function_list") if not row[1] and row not in modules]
    assert own == [
        ("pure", 0, "s", "utf8", 1, 0x800),
        ("any", 0, "s", "utf8", -1, 0),
        ("gathers", 0, "a", "utf8", 2, 0),
        ("moves", 0, "w", "utf8", 1, 0),
    ]
    assert [name for _, name in db.execute("SELECT * FROM pragma_collation_list")] == [
        "Mine",
        "RTRIM",
        "NOCASE",
        "BINARY",
    ]
    db.create_collation("Mine", None)
    assert db.execute("SELECT count(*) FROM pragma_collation_list").fetchone() == (3,)
    db.close()


def test_in_a_schema_that_is_not_trusted() -> None:
    connection = turso_wasm.connect(":memory:", isolation_level=None)
    connection.create_function("f", 1, lambda value: value, deterministic=True)
    for sql in (
        "CREATE TABLE t(a CHECK (f(a)))",
        "CREATE VIEW v AS SELECT f(1)",
        "CREATE TEMP VIEW w AS SELECT f(1)",
        "PRAGMA trusted_schema = OFF",
    ):
        connection.execute(sql)
    for sql in ("SELECT * FROM v", "INSERT INTO t VALUES (1)", "CREATE TABLE u(a CHECK (f(a)))"):
        with pytest.raises(turso_wasm.OperationalError, match=r"unsafe use of f\(\)"):
            connection.execute(sql)
    assert connection.execute("SELECT f(2), * FROM w").fetchall() == [(2, 1)]
    connection.execute("PRAGMA trusted_schema = ON")
    assert connection.execute("SELECT * FROM v").fetchall() == [(1,)]


# --- rows that were due before an error -------------------------------------------------------------------------------

OVERFLOW = "abs(iif(a = {}, -9223372036854775808, a))"


@pytest.fixture
def thousand() -> Any:
    """A table of 0 … 999, and a function that fails for one of them."""
    db = turso_wasm.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE t(a)")
    db.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(1000)])
    db.create_function("unless", 2, lambda bad, x: x + 0 // (x - bad))
    yield db
    db.close()


@pytest.mark.parametrize("bad", [1, 2, 63, 64, 65, 500, 999])
@pytest.mark.parametrize("value", ["unless({}, a)", OVERFLOW])
def test_rows_before_an_error_come_first(thousand: Any, value: str, bad: int) -> None:
    cursor = thousand.execute(f"SELECT a, {value.format(bad)} FROM t")
    seen = []
    with pytest.raises(turso_wasm.OperationalError, match=r"^(user-defined function raised|integer overflow)"):
        for row in cursor:
            seen.append(row)
    assert seen == [(i, i) for i in range(bad)]
    assert cursor.fetchone() is None
    thousand.execute("DROP TABLE t")


@pytest.mark.parametrize("value", ["unless(0, a)", OVERFLOW.format(0)])
@pytest.mark.parametrize("order", ["", " ORDER BY a"])
def test_an_error_in_the_first_row_is_that_of_execute(thousand: Any, value: str, order: str) -> None:
    with pytest.raises(turso_wasm.OperationalError):
        thousand.execute(f"SELECT {value} FROM t{order}")


@pytest.mark.parametrize("value", ["unless(500, a)", OVERFLOW.format(500)])
def test_a_write_that_fails_gives_no_rows(thousand: Any, value: str) -> None:
    for sql in ("INSERT INTO t SELECT a FROM t", "UPDATE t SET a = a", "DELETE FROM t"):
        with pytest.raises(turso_wasm.OperationalError):
            thousand.execute(f"{sql} RETURNING {value}")
        assert one(thousand, "SELECT count(*) FROM t") == 1000


def test_the_error_of_a_cursor_that_is_left_does_not_come_back(thousand: Any) -> None:
    cursor = thousand.execute("SELECT unless(?, a) FROM t", (10,))
    assert cursor.fetchmany(3) == [(0,), (1,), (2,)]
    assert len(cursor.execute("SELECT unless(?, a) FROM t", (-1,)).fetchall()) == 1000
    cursor.execute("SELECT unless(?, a) FROM t", (10,))
    cursor.close()
    assert len(thousand.execute("SELECT unless(?, a) FROM t", (-1,)).fetchall()) == 1000


def test_long_values_before_an_error(thousand: Any) -> None:
    text = "é" * 3_000_000
    sql = f"SELECT ?, {OVERFLOW.format(1)} FROM t"
    for _ in range(20):
        cursor = thousand.execute(sql, (text,))
        assert cursor.fetchone() == (text, 0)
        with pytest.raises(turso_wasm.OperationalError, match="integer overflow"):
            cursor.fetchone()
