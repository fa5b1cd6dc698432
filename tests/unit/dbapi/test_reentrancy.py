"""Code of the user's that is called by a statement may use the database itself (docs/decisions/0015)."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import turso_wasm
from turso_wasm import OperationalError, ProgrammingError
from turso_wasm.runtime import engine

N = 3000


@pytest.fixture
def db() -> Iterator[turso_wasm.Connection]:
    connection = turso_wasm.connect(":memory:", isolation_level=None)
    connection.executescript(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b TEXT); CREATE INDEX t_a ON t(a); CREATE TABLE log(n, x);"
        "CREATE TABLE u(k PRIMARY KEY, v) WITHOUT ROWID"
    )
    connection.executemany("INSERT INTO t VALUES (?, ?, ?)", [(i, i % 10, f"text {i}" * (i % 30)) for i in range(N)])
    connection.executemany("INSERT INTO u VALUES (?, ?)", [(f"key {i}", i) for i in range(N)])
    yield connection
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def cause(db: turso_wasm.Connection, sql: str) -> BaseException | None:
    with pytest.raises(OperationalError, match=r"^user-defined function raised exception$") as caught:
        db.execute(sql).fetchall()
    return caught.value.__cause__


# --- reading --------------------------------------------------------------------------------------------------------


def test_a_query_inside_a_query(db: turso_wasm.Connection) -> None:
    def neighbours(number: int) -> int:
        return len(db.execute("SELECT b FROM t WHERE a = ?", (number,)).fetchall())

    db.create_function("neighbours", 1, neighbours)
    rows = db.execute("SELECT id, neighbours(a), b FROM t WHERE id < 200").fetchall()
    assert rows == [(i, N // 10, f"text {i}" * (i % 30)) for i in range(200)]


def test_nested_deeply(db: turso_wasm.Connection) -> None:
    def down(n: int) -> int:
        return 0 if n == 0 else 1 + db.execute("SELECT down(?)", (n - 1,)).fetchone()[0]

    db.create_function("down", 1, down)
    assert db.execute("SELECT down(20), down(5)").fetchall() == [(20, 5)]


def test_rows_of_a_nested_query_are_fetched_later(db: turso_wasm.Connection) -> None:
    """A statement that began in a call outlives it, and goes on in other calls and outside."""
    cursor = db.cursor()

    def step(n: int) -> Any:
        if n == 0:
            cursor.execute("SELECT id FROM t, (SELECT 1 UNION ALL SELECT 2) ORDER BY +id")
        return cursor.fetchone()[0]

    db.create_function("step", 1, step)
    assert db.execute("SELECT step(id), id FROM t NOT INDEXED").fetchall() == [(i // 2, i) for i in range(N)]
    assert len(cursor.fetchall()) == N


def test_values_outlive_a_call_that_drives_their_pages_out(tmp_path: Path) -> None:
    db = turso_wasm.connect(tmp_path / "a.db", isolation_level=None)
    db.execute("PRAGMA cache_size = 1")
    db.executescript("CREATE TABLE big(id INTEGER PRIMARY KEY, x TEXT, y BLOB, z); CREATE INDEX big_z ON big(z)")
    rows = [(i, f"{i}" * 700, bytes([i % 256]) * 900, i % 7) for i in range(300)]
    db.executemany("INSERT INTO big VALUES (?, ?, ?, ?)", rows)
    db.create_function("scan", 1, lambda n: db.execute("SELECT sum(length(x)) FROM big").fetchone()[0] * 0 + n)
    sql = "SELECT id, x, scan(id), y, z, x || id FROM big WHERE id % 20 = 3"
    assert db.execute(sql).fetchall() == [(i, x, i, y, z, f"{x}{i}") for i, x, y, z in rows if i % 20 == 3]
    sql = "SELECT id, scan(z), y, x FROM big INDEXED BY big_z WHERE z = 3 AND id % 10 = 3"
    assert db.execute(sql).fetchall() == [(i, z, y, x) for i, x, y, z in rows if z == 3 and i % 10 == 3]
    db.close()


# --- writing --------------------------------------------------------------------------------------------------------


def test_a_query_that_writes_what_it_reads(db: turso_wasm.Connection) -> None:
    """Values that were read before the row changed are as they were."""

    def change(number: int) -> int:
        db.execute("UPDATE t SET b = 'changed', a = -1 WHERE id = ?", (number,))
        return number

    db.create_function("change", 1, change)
    rows = db.execute("SELECT b, change(id), id FROM t ORDER BY id LIMIT 500").fetchall()
    assert rows == [(f"text {i}" * (i % 30), i, i) for i in range(500)]
    assert db.execute("SELECT count(*) FROM t WHERE b = 'changed' AND a = -1").fetchone() == (500,)


def test_a_query_that_deletes_what_it_reads(db: turso_wasm.Connection) -> None:
    def delete(number: int) -> int:
        db.execute("DELETE FROM t WHERE id IN (?, ?)", (number, number + 1))
        return number

    db.create_function("gone", 1, delete)
    assert db.execute("SELECT gone(id) FROM t NOT INDEXED").fetchall() == [(i,) for i in range(0, N, 2)]
    assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_the_row_of_an_index_entry_may_be_gone(db: turso_wasm.Connection) -> None:
    def delete(number: int) -> int:
        db.execute("DELETE FROM t WHERE id = ?", (number,))
        return 1

    db.create_function("gone", 1, delete)
    rows = db.execute("SELECT id, b FROM t INDEXED BY t_a WHERE a = 3 AND gone(id)").fetchall()
    assert [row[0] for row in rows] == list(range(3, N, 10))


def test_a_query_that_clears_the_table(db: turso_wasm.Connection) -> None:
    db.create_function("clear", 1, lambda n: db.execute("DELETE FROM t") and n)
    assert db.execute("SELECT b, clear(id) FROM t").fetchall() == [("", 0)]
    db.create_function("clear", 1, lambda n: db.execute("DELETE FROM u") and n)
    assert db.execute("SELECT k, clear(v) FROM u").fetchall() == [("key 0", 0)]


def note(db: turso_wasm.Connection) -> Any:
    def write(n: int) -> int:
        db.execute("INSERT INTO log VALUES (?, ?)", (n, "noted " * 50))
        return n + 1

    return write


def test_writes_that_log(db: turso_wasm.Connection) -> None:
    db.create_function("note", 1, note(db))
    db.execute("UPDATE t SET a = note(a) WHERE id < 1000")
    assert db.execute("SELECT count(*), sum(n) FROM log").fetchone() == (1000, 4500)
    assert db.execute("SELECT sum(a) FROM t WHERE id < 1000").fetchone() == (5500,)
    db.execute("INSERT INTO t(a, b) SELECT note(a), b FROM t WHERE id < 500")
    db.execute("DELETE FROM t WHERE note(id) > 2500")
    db.execute("INSERT INTO u VALUES ('new', note(1)) RETURNING note(v)").fetchall()
    assert db.execute("SELECT count(*) FROM log").fetchone() == (1000 + 500 + N + 500 + 2,)


def test_what_is_written_cannot_be_written_by_who_is_called(db: turso_wasm.Connection) -> None:
    for nested in (
        "INSERT INTO t(a) VALUES (1)",
        "DELETE FROM t",
        "DELETE FROM t WHERE id = 5",
        "UPDATE t SET a = 1",
        "DROP TABLE t",
        "DROP INDEX t_a",
        "CREATE INDEX t_b ON t(b)",
        "ALTER TABLE t DROP COLUMN b",
    ):
        db.create_function("f", 1, lambda n, nested=nested: db.execute(nested) and n)
        for sql in ("UPDATE t SET a = f(a)", "INSERT INTO t(a) VALUES (f(1))", "DELETE FROM t WHERE f(a)"):
            failed = cause(db, sql)
            assert isinstance(failed, OperationalError), (sql, nested)
            assert "locked" in str(failed), (sql, nested, failed)
    assert db.execute("SELECT count(*), sum(a) FROM t").fetchone() == (N, N * 9 // 2)


def test_a_failure_undoes_the_statement_and_what_it_called(db: turso_wasm.Connection) -> None:
    def write(n: int) -> int:
        db.execute("INSERT INTO log VALUES (?, 'x')", (n,))
        return 1 // (700 - n)

    db.create_function("f", 1, write)
    for begin in (False, True):
        if begin:
            db.execute("BEGIN")
            db.execute("INSERT INTO log VALUES (-1, 'before')")
        assert isinstance(cause(db, "UPDATE t SET a = f(id)"), ZeroDivisionError)
        assert db.execute("SELECT count(*), sum(a) FROM t").fetchone() == (N, N * 9 // 2)
        assert db.execute("SELECT count(*) FROM log").fetchone() == (int(begin),)
        if begin:
            db.execute("COMMIT")
    assert db.execute("SELECT * FROM log").fetchall() == [(-1, "before")]


def test_a_failure_that_is_caught_concerns_nobody_else(db: turso_wasm.Connection) -> None:
    def careful(n: int) -> str:
        try:
            db.execute("INSERT INTO u VALUES ('key 1', 1)")
        except turso_wasm.IntegrityError as error:
            return f"{n} {error}"
        return "?"

    db.create_function("careful", 1, careful)
    found = db.execute("SELECT careful(id), printf('%d', id) FROM t ORDER BY id LIMIT 3").fetchall()
    assert found == [(f"{i} UNIQUE constraint failed: u.k", str(i)) for i in range(3)]


# --- transactions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nested", ["COMMIT", "SAVEPOINT s", "RELEASE outer"])
def test_a_transaction_does_not_end_amid_a_write(db: turso_wasm.Connection, nested: str) -> None:
    db.executescript("BEGIN; SAVEPOINT outer")
    db.create_function("f", 1, lambda n: db.execute(nested) and n)
    failed = cause(db, "UPDATE t SET a = f(a)")
    assert str(failed).endswith("SQL statements in progress")
    db.execute("ROLLBACK")


@pytest.mark.parametrize("nested", ["ROLLBACK", "ROLLBACK TO outer"])
@pytest.mark.parametrize(
    "sql", ["UPDATE t SET a = f(a)", "INSERT INTO t(a) SELECT f(a) FROM t", "DELETE FROM t WHERE f(a)"]
)
def test_a_rollback_amid_a_write_ends_it(db: turso_wasm.Connection, nested: str, sql: str) -> None:
    db.executescript("BEGIN; SAVEPOINT outer; INSERT INTO log VALUES (1, 2)")
    db.create_function("f", 1, lambda n: db.execute(nested) and n)
    with pytest.raises(OperationalError, match=r"^abort due to ROLLBACK$"):
        db.execute(sql)
    if db.in_transaction:
        db.execute("ROLLBACK")
    assert db.execute("SELECT count(*), sum(a) FROM t").fetchone() == (N, N * 9 // 2)
    assert db.execute("SELECT count(*) FROM log").fetchone() == (0,)


def test_a_rollback_amid_a_query(db: turso_wasm.Connection) -> None:
    db.executescript("BEGIN; INSERT INTO log VALUES (1, 2)")
    db.create_function("f", 1, lambda n: db.in_transaction and db.execute("ROLLBACK") and n)
    try:
        db.execute("SELECT f(id), b FROM t").fetchall()
    except OperationalError as error:
        assert str(error) == "abort due to ROLLBACK"
    assert db.execute("SELECT count(*) FROM log").fetchone() == (0,)


def test_a_schema_that_changes_amid_a_query(db: turso_wasm.Connection) -> None:
    def change(n: int) -> int:
        db.execute(f"CREATE TABLE IF NOT EXISTS made_{n % 3}(x)")
        return n

    db.create_function("change", 1, change)
    assert db.execute("SELECT change(id), b FROM t WHERE id < 9").fetchall() == [(i, f"text {i}" * i) for i in range(9)]
    assert db.execute("SELECT count(*) FROM sqlite_schema WHERE name GLOB 'made*'").fetchone() == (3,)


# --- being left alone -----------------------------------------------------------------------------------------------


def test_the_connection_is_not_closed_in_a_call() -> None:
    db, other = turso_wasm.connect(":memory:"), turso_wasm.connect(":memory:")
    db.create_function("close_it", 0, db.close)
    db.create_function("close_other", 0, other.close)
    assert str(cause(db, "SELECT close_it()")) == "unable to close due to unfinalized statements or unfinished backups"
    assert db.execute("SELECT close_other(), 1").fetchone() == (None, 1)
    db.close()
    with pytest.raises(ProgrammingError, match="closed"):
        other.execute("SELECT 1")


def test_a_running_cursor_is_left_alone(db: turso_wasm.Connection) -> None:
    cursor = db.cursor()
    for use in (
        lambda: cursor.execute("SELECT 1"),
        cursor.fetchone,
        cursor.fetchall,
        lambda: list(cursor),
        cursor.close,
        lambda: cursor.executemany("INSERT INTO log VALUES (?, ?)", [(1, 2)]),
        lambda: cursor.executescript("SELECT 1"),
    ):
        db.create_function("use", 1, lambda n, use=use: use())
        for sql in ("SELECT use(id) FROM t", "SELECT use(id) FROM t WHERE id > 100 AND use(1)"):
            with pytest.raises(OperationalError) as caught:
                cursor.execute(sql).fetchall()
            assert isinstance(caught.value.__cause__, ProgrammingError)
            assert str(caught.value.__cause__) == "Recursive use of cursors not allowed."


def test_functions_are_not_replaced_in_a_call(db: turso_wasm.Connection) -> None:
    db.create_function("f", 0, lambda: db.create_function("f", 0, lambda: 1))
    assert str(cause(db, "SELECT f()")) == "Error creating function"
    db.create_function("f", 0, lambda: db.create_function("g", 0, lambda: 5))
    assert db.execute("SELECT f()").fetchall() == [(None,)]
    assert db.execute("SELECT g()").fetchall() == [(5,)]


def test_many_programs_are_made_in_a_call(db: turso_wasm.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel stays where it is while a call is open."""
    monkeypatch.setattr("turso_wasm.runtime.hosts.wasmtime.MAX_LINKED", 1)
    made = iter(range(1 << 30))

    def prepare(n: int) -> int:
        return db.execute(f"SELECT {n} AS c{next(made)}, (SELECT count(*) + 0 FROM log) AS d{n}").fetchone()[0]

    db.create_function("prepare", 1, prepare)
    assert db.execute("SELECT prepare(id), id FROM t WHERE id < 40").fetchall() == [(i, i) for i in range(40)]


def test_nested_traps_leave_the_stack_of_the_caller(db: turso_wasm.Connection) -> None:
    """printf works on the kernel's stack; a nested failure must not give that memory away."""

    def fail(n: int) -> str:
        for _ in range(3):
            with pytest.raises(OperationalError):
                db.execute("SELECT abs(-9223372036854775808), printf('%s', 1)")
        db.execute("SELECT printf('%.200f %s', 1.5, 'x')").fetchall()
        return f"{n}"

    db.create_function("fail", 1, fail)
    expected = [(f"{i} {i} {i / 4:.3f}",) for i in range(20)]
    assert (
        db.execute("SELECT printf('%s %d %.3f', fail(id), id, id / 4.0) FROM t ORDER BY id LIMIT 20").fetchall()
        == expected
    )
    host = engine.host()
    assert host._store.exports["stack_pointer"].value(host._store.store) == host._store._stack_floor  # type: ignore[attr-defined]


# --- interrupts and threads -----------------------------------------------------------------------------------------


def test_interrupt_in_a_call(db: turso_wasm.Connection) -> None:
    db.create_function("stop", 1, lambda n: n == 100 and db.interrupt())
    with pytest.raises(OperationalError, match=r"^interrupted$"):
        db.execute("SELECT stop(id) FROM t").fetchall()
    assert db.execute("SELECT 1").fetchone() == (1,)


def test_ctrl_c_in_a_call(db: turso_wasm.Connection) -> None:
    """KeyboardInterrupt is raised in the function, at once."""
    seen: list[str] = []

    def wait(n: int) -> None:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            time.sleep(20)
        except KeyboardInterrupt:
            seen.append("seen")
            raise

    db.create_function("wait", 1, wait)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        db.execute("UPDATE t SET a = wait(a)")
    assert seen == ["seen"]
    assert signal.getsignal(signal.SIGINT) is before
    assert db.execute("SELECT sum(a) FROM t").fetchone() == (N * 9 // 2,)


def test_other_threads_wait_for_the_call(db: turso_wasm.Connection) -> None:
    other = turso_wasm.connect(":memory:", check_same_thread=False)
    order: list[str] = []

    def work() -> None:
        other.execute("SELECT 1").fetchall()
        order.append("other")

    thread = threading.Thread(target=work)

    def slow(n: int) -> int:
        thread.start()
        db.execute("SELECT count(*) FROM t, t u WHERE u.id < 300").fetchall()  # many time slices
        order.append("call")
        return n

    db.create_function("slow", 1, slow)
    assert db.execute("SELECT slow(7)").fetchall() == [(7,)]
    thread.join()
    assert order == ["call", "other"]
    other.close()
