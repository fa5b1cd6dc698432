"""Cursors behave as those of the sqlite3 module (each test runs on both)."""

from __future__ import annotations

from typing import Any

import pytest


def test_execute_returns_the_cursor_and_rows_come_in_order(db: Any) -> None:
    cursor = db.cursor()
    assert cursor.execute("SELECT id, a, b FROM t ORDER BY id") is cursor
    assert cursor.fetchone() == (1, 10, "x")
    assert cursor.fetchmany(1) == [(2, 2.5, "y")]
    assert cursor.fetchall() == [(3, None, "z")]
    assert cursor.fetchone() is None
    assert cursor.fetchall() == []


def test_iteration(db: Any) -> None:
    assert [row[0] for row in db.execute("SELECT id FROM t ORDER BY id DESC")] == [3, 2, 1]
    cursor = db.execute("SELECT id FROM t ORDER BY id")
    assert next(cursor) == (1,)
    assert list(cursor) == [(2,), (3,)]
    with pytest.raises(StopIteration):
        next(cursor)


def test_iteration_can_stop_and_go_on(db: Any) -> None:
    cursor = db.execute("SELECT id FROM t ORDER BY id")
    for row in cursor:
        assert row == (1,)
        break
    assert cursor.fetchone() == (2,)
    assert list(cursor) == [(3,)]


def test_fetchmany_takes_arraysize(db: Any) -> None:
    cursor = db.cursor()
    cursor.arraysize = 2
    cursor.execute("SELECT id FROM t ORDER BY id")
    assert cursor.fetchmany() == [(1,), (2,)]
    assert cursor.fetchmany() == [(3,)]
    assert cursor.fetchmany() == []
    assert db.execute("SELECT id FROM t ORDER BY id").fetchmany(0) == [(1,), (2,), (3,)]


def test_many_rows_over_many_batches(db: Any) -> None:
    db.executemany("INSERT INTO t(id, b) VALUES (?, ?)", [(i, f"row {i}") for i in range(10, 20_000)])
    cursor = db.execute("SELECT id, b FROM t WHERE id >= 10 ORDER BY id")
    first = cursor.fetchmany(100)
    rest = list(cursor)
    assert first + rest == [(i, f"row {i}") for i in range(10, 20_000)]


def test_description(db: Any) -> None:
    cursor = db.cursor()
    assert cursor.description is None
    cursor.execute("SELECT id, a AS x, a + 1 FROM t")
    assert cursor.description == tuple((name, None, None, None, None, None, None) for name in ("id", "x", "a + 1"))
    cursor.execute("SELECT id FROM t WHERE 0")
    assert [column[0] for column in cursor.description] == ["id"]
    cursor.execute("INSERT INTO t(a) VALUES (1)")
    assert cursor.description is None


def test_rowcount(db: Any) -> None:
    cursor = db.cursor()
    assert cursor.rowcount == -1
    assert cursor.execute("SELECT * FROM t").rowcount == -1
    assert cursor.execute("UPDATE t SET a = 1").rowcount == 3
    assert cursor.execute("DELETE FROM t WHERE id > 1").rowcount == 2
    assert cursor.execute("DELETE FROM t WHERE id > 100").rowcount == 0
    assert cursor.execute("INSERT INTO t(a) VALUES (1), (2)").rowcount == 2
    assert cursor.execute("CREATE TABLE u(x)").rowcount == -1
    assert cursor.executemany("INSERT INTO u VALUES (?)", [(1,), (2,), (3,)]).rowcount == 3


def test_lastrowid(db: Any) -> None:
    cursor = db.cursor()
    assert cursor.lastrowid is None
    cursor.execute("INSERT INTO t(a) VALUES (1)")
    assert cursor.lastrowid == 4
    cursor.execute("UPDATE t SET a = 2")
    assert cursor.lastrowid == 4
    cursor.executemany("INSERT INTO t(a) VALUES (?)", [(1,), (2,)])
    assert cursor.lastrowid == 4, "executemany leaves it alone"


def test_parameters_by_position_and_by_name(db: Any) -> None:
    assert db.execute("SELECT ?, ?2, ?1", (1, "two")).fetchone() == (1, "two", 1)
    assert db.execute("SELECT :a, @b, $c, :a", {"a": 1, "b": 2, "c": 3}).fetchone() == (1, 2, 3, 1)
    assert db.execute("SELECT ?3", (1, 2, 3)).fetchone() == (3,)
    assert db.execute("WITH w AS (SELECT ?), x AS (WITH y AS (SELECT ?3) SELECT 1) SELECT 1", (1, 2, 3)).fetchone() == (
        1,
    )
    assert db.execute("SELECT ?, ?", [None, b"\x00"]).fetchone() == (None, b"\x00")


def test_a_mapping_may_make_values_on_demand(db: Any) -> None:
    class Squares(dict):  # type: ignore[type-arg]
        def __missing__(self, key: str) -> int:
            return int(key[1:]) ** 2

    assert db.execute("SELECT :n3, :n4", Squares()).fetchone() == (9, 16)


@pytest.mark.parametrize(
    "value",
    [
        None,
        0,
        -1,
        1 << 40,
        -(1 << 63),
        (1 << 63) - 1,
        0.5,
        -1e300,
        float("inf"),
        "",
        "naïve 日本 \U0001f600",
        b"",
        b"\0\xff",
    ],
)
def test_values_come_back_as_they_were_bound(db: Any, value: Any) -> None:
    (back,) = db.execute("SELECT ?", (value,)).fetchone()
    assert (type(back), back) == (type(value), value)
    db.execute("INSERT INTO t(id, a) VALUES (100, ?)", (value,))
    (stored,) = db.execute("SELECT a FROM t WHERE id = 100").fetchone()
    assert (type(stored), stored) == (type(value), value)


def test_nan_is_null_and_bool_is_int(db: Any) -> None:
    assert db.execute("SELECT ?, ?, ?", (float("nan"), True, False)).fetchone() == (None, 1, 0)


def test_bytes_like_values_are_blobs(db: Any) -> None:
    assert db.execute("SELECT ?, ?", (bytearray(b"ab"), memoryview(b"cd"))).fetchone() == (b"ab", b"cd")


def test_an_int_beyond_64_bits_is_refused(db: Any) -> None:
    for value in (1 << 63, -(1 << 63) - 1):
        with pytest.raises(OverflowError, match="Python int too large to convert to SQLite INTEGER"):
            db.execute("SELECT ?", (value,))


def test_a_lone_surrogate_is_refused(db: Any) -> None:
    with pytest.raises(UnicodeEncodeError):
        db.execute("SELECT ?", ("\ud800",))


def test_wrong_numbers_of_parameters(db: Any, module: Any) -> None:
    for parameters in ((), (1,), (1, 2, 3)):
        with pytest.raises(
            module.ProgrammingError, match=r"Incorrect number of bindings supplied. .* uses 2, and there are"
        ):
            db.execute("SELECT ?, ?", parameters)
    with pytest.raises(module.ProgrammingError, match="You did not supply a value for binding"):
        db.execute("SELECT :a, :b", {"a": 1})
    with pytest.raises(module.ProgrammingError, match="has no name, but you supplied a dictionary"):
        db.execute("SELECT ?", {"a": 1})


def test_one_statement_at_a_time(db: Any, module: Any) -> None:
    with pytest.raises((module.ProgrammingError, module.Warning), match="You can only execute one statement at a time"):
        db.execute("SELECT 1; SELECT 2")
    assert db.execute("SELECT 1; -- a comment\n /* another */ ").fetchall() == [(1,)]
    assert db.execute("").fetchall() == []
    assert db.execute(" -- nothing").fetchall() == []
    with pytest.raises(module.ProgrammingError if module.__name__ != "sqlite3" else Exception, match="null character"):
        db.execute("SELECT 1\0")


def test_executemany(db: Any, module: Any) -> None:
    cursor = db.executemany("INSERT INTO t(a, b) VALUES (:a, :b)", ({"a": i, "b": str(i)} for i in range(5)))
    assert cursor.rowcount == 5
    db.executemany("UPDATE t SET a = ? WHERE b = ?", [[100, "0"], (101, "1"), (102, "none")])
    assert db.execute("SELECT a FROM t WHERE a >= 100 ORDER BY a").fetchall() == [(100,), (101,)]
    with pytest.raises(module.ProgrammingError, match=r"executemany\(\) can only execute DML statements"):
        db.executemany("SELECT ?", [(1,)])
    assert db.executemany("DELETE FROM t WHERE id = ?", []).rowcount == 0


def test_executemany_stops_at_the_failing_row(db: Any, module: Any) -> None:
    db.commit()
    with pytest.raises(module.IntegrityError, match=r"UNIQUE constraint failed: t\.id"):
        db.executemany("INSERT INTO t(id) VALUES (?)", [(10,), (11,), (1,), (12,)])
    assert db.in_transaction
    assert db.execute("SELECT id FROM t WHERE id >= 10 ORDER BY id").fetchall() == [(10,), (11,)]
    db.rollback()


def test_values_of_several_types_in_executemany(db: Any) -> None:
    rows = [(1,), (2.5,), ("text",), (b"blob",), (None,), (True,), ("x" * 10_000,), (3,)]
    db.execute("DELETE FROM t")
    db.executemany("INSERT INTO t(a) VALUES (?)", rows)
    assert db.execute("SELECT a FROM t ORDER BY id").fetchall() == rows


def test_executescript(db: Any) -> None:
    db.executescript(
        "CREATE TABLE u(x); INSERT INTO u VALUES (1), (2); -- end\n SELECT * FROM u; INSERT INTO u VALUES (';')"
    )
    assert db.execute("SELECT * FROM u").fetchall() == [(1,), (2,), (";",)]
    db.executescript("")


def test_a_closed_cursor_is_refused(db: Any, module: Any) -> None:
    cursor = db.execute("SELECT 1")
    cursor.close()
    for call in (lambda: cursor.execute("SELECT 1"), cursor.fetchone, cursor.fetchall, lambda: next(cursor)):
        with pytest.raises(module.ProgrammingError, match="Cannot operate on a closed cursor"):
            call()
    cursor.close()


def test_reusing_a_cursor_drops_its_rows(db: Any) -> None:
    cursor = db.execute("SELECT id FROM t ORDER BY id")
    cursor.fetchone()
    cursor.execute("SELECT 'new'")
    assert cursor.fetchall() == [("new",)]


def test_one_statement_open_twice(db: Any) -> None:
    one, two = db.execute("SELECT id FROM t ORDER BY id"), db.execute("SELECT id FROM t ORDER BY id")
    assert (one.fetchone(), two.fetchone(), one.fetchone(), two.fetchone()) == ((1,), (1,), (2,), (2,))


def test_the_table_changes_while_it_is_read(db: Any) -> None:
    db.executemany("INSERT INTO t(id) VALUES (?)", [(i,) for i in range(100, 5000)])
    seen = 0
    for (row_id,) in db.execute("SELECT id FROM t ORDER BY id"):
        seen += 1
        if row_id % 1000 == 0:
            db.execute("UPDATE t SET a = 'seen' WHERE id = ?", (row_id,))
    assert seen == 4903
    assert db.execute("SELECT count(*) FROM t WHERE a = 'seen'").fetchone() == (4,)


def test_text_that_is_not_utf8(db: Any, module: Any) -> None:
    with pytest.raises(module.OperationalError, match="Could not decode to UTF-8 column 'x' with text 'a"):
        db.execute("SELECT CAST(x'61ff' AS TEXT) AS x").fetchall()
    db.text_factory = bytes
    assert db.execute("SELECT CAST(x'61ff' AS TEXT)").fetchone() == (b"a\xff",)
    assert db.execute("SELECT 'é', x'00'").fetchone() == ("é".encode(), b"\0")
    db.text_factory = lambda raw: raw.decode("latin-1")
    assert db.execute("SELECT CAST(x'61ff' AS TEXT)").fetchone() == ("aÿ",)


def test_returning(ours: Any) -> None:
    ours.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a)")
    cursor = ours.execute("INSERT INTO t(a) VALUES ('x'), ('y') RETURNING id, a")
    assert cursor.fetchall() == [(1, "x"), (2, "y")]
    assert ours.execute("SELECT count(*) FROM t").fetchone() == (2,)


def test_executemany_discards_what_returning_gives(db: Any) -> None:
    assert db.executemany("INSERT INTO t(a) VALUES (?) RETURNING id, a", [(70,), (80,), (90,)]).fetchall() == []
    assert db.executemany("UPDATE t SET a = a + 1 WHERE a = ? RETURNING *", [(70,), (90,), (1,)]).fetchone() is None
    assert db.execute("SELECT a FROM t WHERE a > 69 ORDER BY a").fetchall() == [(71,), (80,), (91,)]
    assert db.executemany("DELETE FROM t WHERE a = ? RETURNING a", [(80,), (91,)]).fetchall() == []
    assert db.execute("SELECT count(*) FROM t WHERE a > 69").fetchone() == (1,)


def test_unsupported_types_are_named(ours: Any) -> None:
    with pytest.raises(ours.ProgrammingError, match="Error binding parameter 2: type 'object' is not supported"):
        ours.execute("SELECT ?, ?", (1, object()))
    with pytest.raises(ours.ProgrammingError, match="Error binding parameter 1: type 'dict' is not supported"):
        ours.execute("SELECT :b", {"b": {}})
    with pytest.raises(ours.ProgrammingError, match="parameters are of unsupported type"):
        ours.execute("SELECT ?", 5)
