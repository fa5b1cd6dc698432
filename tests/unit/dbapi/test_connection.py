"""Connections behave as those of the sqlite3 module (tests with `module` run on both)."""

from __future__ import annotations

import _thread
import copy
import gc
import pickle
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import turso_wasm


def test_neither_pickled_nor_copied(db: Any, module: Any) -> None:
    db.row_factory = module.Row
    cursor = db.execute("SELECT 1")
    for one in (db, cursor, cursor.fetchone()):
        for work in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError, match=f"^cannot pickle '{module.__name__}.{type(one).__name__}' object$"):
                work(one)


def test_implicit_transactions_begin_before_dml(db: Any) -> None:
    db.commit()
    assert not db.in_transaction
    db.execute("SELECT 1")
    db.execute("CREATE TABLE u(x)")
    assert not db.in_transaction
    db.execute("INSERT INTO u VALUES (1)")
    assert db.in_transaction
    db.rollback()
    assert not db.in_transaction
    assert db.execute("SELECT count(*) FROM u").fetchone() == (0,)


def test_without_isolation_level_nothing_begins(module: Any) -> None:
    db = module.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE t(a)")
    db.execute("INSERT INTO t VALUES (1)")
    assert not db.in_transaction
    db.execute("BEGIN")
    assert db.in_transaction
    db.execute("INSERT INTO t VALUES (2)")
    db.rollback()
    assert db.execute("SELECT count(*) FROM t").fetchone() == (1,)
    db.close()


def test_the_context_manager_commits_or_rolls_back(db: Any) -> None:
    db.commit()
    with db:
        db.execute("INSERT INTO t(a) VALUES (1)")
    assert not db.in_transaction
    with pytest.raises(ZeroDivisionError), db:
        db.execute("DELETE FROM t")
        raise ZeroDivisionError
    assert db.execute("SELECT count(*) FROM t").fetchone() == (4,)


def test_a_script_commits_first(db: Any) -> None:
    db.execute("INSERT INTO t(a) VALUES (1)")
    db.executescript("SELECT 1")
    assert not db.in_transaction


def test_changing_the_isolation_level(db: Any) -> None:
    assert db.isolation_level == ""
    db.isolation_level = "IMMEDIATE"
    db.execute("INSERT INTO t(a) VALUES (1)")
    db.isolation_level = None
    assert not db.in_transaction, "setting None commits"
    with pytest.raises((ValueError, TypeError)):
        db.isolation_level = "NONSENSE"


def test_total_changes(db: Any) -> None:
    before = db.total_changes
    db.execute("UPDATE t SET a = 1")
    db.execute("DELETE FROM t WHERE id = 1")
    assert db.total_changes == before + 4


def test_errors_have_classes_codes_and_names(db: Any, module: Any) -> None:
    cases = [
        ("SELECT * FROM nope", module.OperationalError, "SQLITE_ERROR", "no such table: nope"),
        ("SELEC 1", module.OperationalError, "SQLITE_ERROR", 'near "SELEC": syntax error'),
        (
            "INSERT INTO t(id) VALUES (1)",
            module.IntegrityError,
            "SQLITE_CONSTRAINT_PRIMARYKEY",
            "UNIQUE constraint failed: t.id",
        ),
        ("INSERT INTO t(id) VALUES ('x')", module.IntegrityError, "SQLITE_MISMATCH", "datatype mismatch"),
        ("SELECT abs(-9223372036854775808)", module.OperationalError, "SQLITE_ERROR", "integer overflow"),
    ]
    for sql, kind, name, message in cases:
        with pytest.raises(kind) as caught:
            db.execute(sql).fetchall()
        assert str(caught.value) == message
        assert caught.value.sqlite_errorname == name
        assert caught.value.sqlite_errorcode & 0xFF in (1, 19, 20)
    assert issubclass(module.IntegrityError, module.DatabaseError)
    assert issubclass(module.DatabaseError, module.Error)
    assert db.OperationalError is module.OperationalError


def test_a_closed_connection_is_refused(module: Any) -> None:
    db = module.connect(":memory:")
    cursor = db.execute("SELECT 1")
    db.close()
    db.close()
    for call in (lambda: db.execute("SELECT 1"), db.cursor, db.commit, cursor.fetchone, lambda: db.total_changes):
        with pytest.raises(module.ProgrammingError, match="Cannot operate on a closed database"):
            call()


def test_closing_rolls_back(module: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    db = module.connect(path)
    db.execute("CREATE TABLE t(a)")
    db.execute("INSERT INTO t VALUES (1)")
    db.close()
    db = module.connect(path)
    assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)
    db.close()


def test_row_factory_and_row(db: Any, module: Any) -> None:
    db.row_factory = module.Row
    row = db.execute("SELECT id, a AS Value FROM t WHERE id = 1").fetchone()
    assert (row["id"], row["VALUE"], row[1], row[-1], row[0:1]) == (1, 10, 10, 10, (1,))
    assert row.keys() == ["id", "Value"]
    assert tuple(row) == (1, 10)
    assert len(row) == 2
    assert row == db.execute("SELECT id, a AS Value FROM t WHERE id = 1").fetchone()
    assert hash(row) == hash(db.execute("SELECT id, a AS Value FROM t WHERE id = 1").fetchone())
    assert row != db.execute("SELECT id, a FROM t WHERE id = 1").fetchone()
    assert dict(row) == {"id": 1, "Value": 10}
    with pytest.raises(IndexError):
        row["nope"]
    with pytest.raises(IndexError):
        row[5]
    db.row_factory = lambda cursor, values: dict(zip([c[0] for c in cursor.description], values, strict=True))
    assert db.execute("SELECT 1 AS one").fetchall() == [{"one": 1}]
    assert [row["id"] for row in db.execute("SELECT id FROM t ORDER BY id")] == [1, 2, 3]


def test_adapters_and_converters(module: Any) -> None:
    class Point:
        def __init__(self, x: int, y: int) -> None:
            self.x, self.y = x, y

    class Conforming:
        def __conform__(self, protocol: Any) -> str | None:
            return "conformed" if protocol is module.PrepareProtocol else None

    module.register_adapter(Point, lambda p: f"{p.x};{p.y}")
    module.register_converter("point", lambda raw: Point(*map(int, raw.split(b";"))))
    db = module.connect(":memory:", detect_types=module.PARSE_DECLTYPES | module.PARSE_COLNAMES)
    db.execute("CREATE TABLE t(p point, q)")
    db.execute("INSERT INTO t VALUES (?, ?)", (Point(1, 2), Conforming()))
    point, text = db.execute("SELECT p, q FROM t").fetchone()
    assert (point.x, point.y, text) == (1, 2, "conformed")
    cursor = db.execute("SELECT '3;4' AS 'z [point]', NULL AS 'n [point]'")
    point, nothing = cursor.fetchone()
    assert (point.x, point.y, nothing) == (3, 4, None)
    assert cursor.description[0][0] == "z"
    db.close()


def test_another_thread_is_refused(module: Any) -> None:
    db = module.connect(":memory:")
    caught: list[str] = []

    def work() -> None:
        try:
            db.execute("SELECT 1")
        except module.ProgrammingError as error:
            caught.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert caught[0].startswith("SQLite objects created in a thread can only be used in that same thread.")
    db.close()


def test_threads_may_share_when_told_so(module: Any) -> None:
    db = module.connect(":memory:", check_same_thread=False, isolation_level=None)
    db.execute("CREATE TABLE t(a)")

    def work(n: int) -> None:
        for i in range(50):
            db.execute("INSERT INTO t VALUES (?)", (n * 1000 + i,))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db.execute("SELECT count(DISTINCT a) FROM t").fetchone() == (200,)
    db.close()


def test_the_timeout_waits_for_a_lock(module: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    one = module.connect(path, isolation_level=None, check_same_thread=False)
    one.execute("CREATE TABLE t(a)")
    two = module.connect(path, isolation_level=None, timeout=0.1)
    one.execute("BEGIN IMMEDIATE")
    start = time.monotonic()
    with pytest.raises(module.OperationalError, match="database is locked"):
        two.execute("INSERT INTO t VALUES (1)")
    assert time.monotonic() - start >= 0.09
    patient = module.connect(path, isolation_level=None, timeout=10)
    threading.Timer(0.1, lambda: one.execute("COMMIT")).start()
    patient.execute("INSERT INTO t VALUES (2)")
    assert patient.execute("SELECT a FROM t").fetchall() == [(2,)]
    for db in (one, two, patient):
        db.close()


def test_interrupt(ours: Any) -> None:
    shared = turso_wasm.connect(":memory:", check_same_thread=False)
    shared.execute("CREATE TABLE t(a)")
    shared.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(2000)])
    threading.Timer(0.2, shared.interrupt).start()
    start = time.monotonic()
    with pytest.raises(turso_wasm.OperationalError, match="interrupted"):
        shared.execute("SELECT count(*) FROM t x, t y, t z WHERE x.a + y.a + z.a < 0").fetchall()
    assert time.monotonic() - start < 20
    assert shared.execute("SELECT count(*) FROM t").fetchone() == (2000,)
    shared.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT max(length(hex(randomblob(1000000)))) FROM t",
        "SELECT sum(length(replace(hex(zeroblob(a * 100)), '0', 'ab'))) FROM t",
        "SELECT (SELECT count(*) FROM t x, t y, t z)",
    ],
)
def test_interrupt_is_heard_soon_though_rows_take_long(ours: Any, sql: str) -> None:
    shared = turso_wasm.connect(":memory:", check_same_thread=False)
    shared.execute("CREATE TABLE t(a)")
    shared.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(5000)])
    asked = []
    timer = threading.Timer(0.2, lambda: (asked.append(time.monotonic()), shared.interrupt()))
    timer.start()
    with pytest.raises(turso_wasm.OperationalError, match="interrupted"):
        shared.execute(sql).fetchall()
    assert time.monotonic() - asked[0] < 2  # it takes some hundredths; many seconds if only rows are counted
    shared.close()


@pytest.fixture
def keyboard() -> Iterator[None]:
    """SIGINT raises, also where the tests run in the background, which lets a shell ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("keyboard")
@pytest.mark.parametrize("what", ["count(*)", "x.a", "y.a, count(*)"])
def test_a_keyboard_interrupt_ends_a_long_query(ours: Any, what: str) -> None:
    ours.execute("CREATE TABLE t(a)")
    ours.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(2000)])
    ours.commit()
    threading.Timer(0.2, _thread.interrupt_main).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        ours.execute(f"SELECT {what} FROM t x, t y, t z WHERE x.a + y.a + z.a < 0").fetchall()
    assert time.monotonic() - start < 20
    assert ours.execute("SELECT count(*) FROM t").fetchone() == (2000,)


@pytest.mark.usefixtures("keyboard")
@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO u SELECT x.a FROM t x, t y, t z",
        "UPDATE t SET a = -1 FROM t y, t z WHERE t.a + y.a + z.a < 0 OR t.a < 5",
        "CREATE TABLE v AS SELECT x.a FROM t x, t y, t z",
    ],
)
def test_a_keyboard_interrupt_undoes_a_long_change(ours: Any, sql: str) -> None:
    ours.execute("CREATE TABLE t(a)")
    ours.execute("CREATE TABLE u(a)")
    ours.executemany("INSERT INTO t VALUES (?)", [(i,) for i in range(2000)])
    ours.execute("INSERT INTO u VALUES (7)")
    ours.commit()
    ours.execute("INSERT INTO u VALUES (8)")
    threading.Timer(0.2, _thread.interrupt_main).start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        ours.execute(sql)
    assert time.monotonic() - start < 20
    assert not ours.in_transaction  # as SQLite rolls back when a write is interrupted
    assert ours.execute("SELECT * FROM u").fetchall() == [(7,)]
    assert ours.execute("SELECT count(*), min(a), max(a) FROM t").fetchall() == [(2000, 0, 1999)]
    assert ours.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert ours.execute("SELECT name FROM sqlite_schema ORDER BY 1").fetchall() == [("t",), ("u",)]


@pytest.mark.usefixtures("keyboard")
def test_keyboard_interrupts_amid_writes_to_a_file(tmp_path: Path) -> None:
    db = turso_wasm.connect(tmp_path / "x.db", isolation_level=None)
    db.execute("CREATE TABLE t(a)")
    interrupts = 0
    for _ in range(8):
        timer = threading.Timer(0.03, _thread.interrupt_main)
        timer.start()
        try:
            for i in range(10_000):
                db.execute("INSERT INTO t VALUES (?)", (i,))
        except KeyboardInterrupt:
            interrupts += 1
        timer.join()
    assert interrupts >= 7
    count = db.execute("SELECT count(*) FROM t").fetchone()
    db.close()
    theirs = sqlite3.connect(tmp_path / "x.db")
    assert theirs.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert theirs.execute("SELECT count(*) FROM t").fetchone() == count
    theirs.close()


def test_trace_callback(db: Any) -> None:
    db.commit()
    seen: list[str] = []
    db.set_trace_callback(seen.append)
    db.execute("INSERT INTO t(a, b) VALUES (?, 'lit')", ("it's",))
    db.commit()
    db.set_trace_callback(None)
    db.execute("SELECT 1")
    assert [text.rstrip() for text in seen] == ["BEGIN", "INSERT INTO t(a, b) VALUES ('it''s', 'lit')", "COMMIT"]


def test_iterdump_makes_the_database_again(db: Any, module: Any) -> None:
    db.executescript('CREATE INDEX tb ON t(b); CREATE TABLE "q q"("c d" REAL); INSERT INTO "q q" VALUES (1.5), (NULL)')
    db.execute("UPDATE t SET b = ? WHERE id = 1", ("it's",))
    db.commit()
    copy = module.connect(":memory:")
    copy.executescript("\n".join(db.iterdump()))
    for sql in ("SELECT * FROM t ORDER BY id", 'SELECT * FROM "q q"', "SELECT name FROM sqlite_master ORDER BY name"):
        assert copy.execute(sql).fetchall() == db.execute(sql).fetchall()
    copy.close()


def test_a_file_persists_and_is_shared(module: Any, tmp_path: Path) -> None:
    path = tmp_path / "näme with space.db"
    one, two = module.connect(path), module.connect(str(path))
    with one:
        one.execute("CREATE TABLE t(a)")
        one.execute("INSERT INTO t VALUES (1)")
    assert two.execute("SELECT a FROM t").fetchall() == [(1,)]
    with two:
        two.execute("ALTER TABLE t RENAME TO u" if False else "CREATE TABLE u AS SELECT a + 1 AS b FROM t")
    assert one.execute("SELECT b FROM u").fetchall() == [(2,)]
    one.close()
    two.close()
    three = module.connect(path)
    assert three.execute("SELECT a, b FROM t, u").fetchall() == [(1, 2)]
    three.close()


def test_uris(module: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with pytest.raises(module.OperationalError, match="unable to open database file"):
        module.connect(f"file:{path}?mode=rw", uri=True).execute("SELECT 1 FROM sqlite_master")
    db = module.connect(f"file:{path}?mode=rwc", uri=True)
    db.execute("CREATE TABLE t(a)")
    db.close()
    readonly = module.connect(f"file:{path}?mode=ro", uri=True)
    assert readonly.execute("SELECT count(*) FROM t").fetchone() == (0,)
    with pytest.raises(module.OperationalError, match="attempt to write a readonly database"):
        readonly.execute("INSERT INTO t VALUES (1)")
    readonly.close()
    with pytest.raises(module.OperationalError, match="no such access mode: nope"):
        module.connect(f"file:{path}?mode=nope", uri=True)
    memory = module.connect("file:some%20name?mode=memory", uri=True)
    memory.execute("CREATE TABLE t(a)")
    memory.close()
    one = module.connect("file:/shared?vfs=memdb", uri=True)
    one.execute("CREATE TABLE t(a)")
    one.execute("INSERT INTO t VALUES (5)")
    one.commit()
    two = module.connect("file:/shared?vfs=memdb", uri=True)
    assert two.execute("SELECT a FROM t").fetchall() == [(5,)]
    one.close()
    two.close()
    again = module.connect("file:/shared?vfs=memdb", uri=True)
    assert again.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,), "gone with its last connection"
    again.close()


def test_a_directory_cannot_be_opened(module: Any, tmp_path: Path) -> None:
    with pytest.raises(module.OperationalError, match="unable to open database file"):
        module.connect(tmp_path).execute("SELECT 1 FROM sqlite_master")


def test_a_file_that_is_no_database(module: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"this is not a database" * 100)
    db = module.connect(path)
    with pytest.raises(module.DatabaseError, match="file is not a database") as caught:
        db.execute("SELECT * FROM sqlite_master").fetchall()
    assert caught.value.sqlite_errorname == "SQLITE_NOTADB"
    db.close()


def test_autocommit_attribute(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    db = turso_wasm.connect(path, autocommit=False)
    assert db.in_transaction
    db.execute("CREATE TABLE t(a)")
    db.commit()
    assert db.in_transaction
    db.execute("INSERT INTO t VALUES (1)")
    db.rollback()
    assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)
    db.autocommit = True
    assert not db.in_transaction
    db.execute("INSERT INTO t VALUES (2)")
    db.rollback()
    assert db.execute("SELECT a FROM t").fetchall() == [(2,)]
    with pytest.raises(ValueError, match="autocommit must be True, False"):
        db.autocommit = 5
    db.close()


def test_a_collected_connection_gives_its_locks_back(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    lost = turso_wasm.connect(path, isolation_level=None)
    lost.execute("CREATE TABLE t(a)")
    lost.execute("BEGIN EXCLUSIVE")
    del lost
    gc.collect()
    db = turso_wasm.connect(path, timeout=0, isolation_level=None)
    db.execute("INSERT INTO t VALUES (1)")
    db.close()


def test_threads_that_begin_a_transaction_at_the_same_time() -> None:
    shared = turso_wasm.connect(":memory:", check_same_thread=False)
    shared.execute("CREATE TABLE t(a)")
    for _ in range(20):
        start, failures = threading.Barrier(4), []

        def work(start: threading.Barrier = start, failures: list[Exception] = failures) -> None:
            start.wait()
            try:
                shared.execute("INSERT INTO t VALUES (1)")
            except turso_wasm.Error as error:
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        shared.commit()
    assert shared.execute("SELECT count(*) FROM t").fetchone() == (80,)
    shared.close()
