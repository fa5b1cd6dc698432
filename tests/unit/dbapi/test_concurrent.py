"""BEGIN CONCURRENT: several connections write at once, and what they cannot both have done is refused at COMMIT."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

import turso_wasm

Connect = Callable[[], turso_wasm.Connection]


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Connect]:
    """Opens connections to one file, which uses a log."""
    opened: list[turso_wasm.Connection] = []

    def one() -> turso_wasm.Connection:
        opened.append(turso_wasm.connect(tmp_path / "a.db", isolation_level=None, timeout=0))
        opened[-1].execute("PRAGMA foreign_keys = on")
        return opened[-1]

    one().execute("PRAGMA journal_mode = wal")
    yield one
    for connection in opened:
        connection.close()


@pytest.fixture
def pair(connect: Connect) -> tuple[turso_wasm.Connection, turso_wasm.Connection]:
    """Two connections to a file with some tables."""
    one, other = connect(), connect()
    one.executescript("""
        CREATE TABLE t(id INTEGER PRIMARY KEY, v INT, name TEXT UNIQUE);
        INSERT INTO t VALUES (1, 10, 'a'), (2, 20, 'b'), (3, 30, 'c');
        CREATE TABLE w(a INT, b TEXT, c INT, PRIMARY KEY (a, b)) WITHOUT ROWID;
        INSERT INTO w VALUES (1, 'x', 0), (1, 'y', 0), (2, 'x', 0);
        CREATE TABLE parent(id INTEGER PRIMARY KEY);
        CREATE TABLE child(id INTEGER PRIMARY KEY, parent INT REFERENCES parent ON DELETE CASCADE);
        CREATE INDEX child_parent ON child(parent);
        INSERT INTO parent VALUES (1), (2);
    """)
    return one, other


def run(connection: turso_wasm.Connection, script: str) -> None:
    """Execute statements; executescript would commit first."""
    for sql in script.split(";"):
        connection.execute(sql).fetchall()


def race(pair: tuple[turso_wasm.Connection, turso_wasm.Connection], first: str, second: str) -> str:
    """Run the statements of both at the same time, commit the first and then the second: "" or why not."""
    one, other = pair
    one.execute("BEGIN CONCURRENT")
    other.execute("BEGIN CONCURRENT")
    run(one, first)
    run(other, second)
    one.execute("COMMIT")
    try:
        other.execute("COMMIT")
    except turso_wasm.OperationalError as error:
        assert error.sqlite_errorname == "SQLITE_BUSY_SNAPSHOT"
        assert not other.in_transaction
        return str(error)
    assert one.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return ""


def rows(connection: turso_wasm.Connection, sql: str) -> list[tuple[object, ...]]:
    return connection.execute(sql).fetchall()


DISJOINT = [
    ("INSERT INTO t(v) VALUES (1), (2)", "INSERT INTO t(v) VALUES (3), (4)"),
    ("INSERT INTO t(v, name) VALUES (1, 'x')", "INSERT INTO t(v, name) VALUES (3, 'y')"),
    ("UPDATE t SET v = 0 WHERE id = 1", "UPDATE t SET v = 0 WHERE id = 2"),
    ("UPDATE t SET v = 0 WHERE name = 'a'", "DELETE FROM t WHERE name = 'b'"),
    (
        "UPDATE t SET v = 5 WHERE id BETWEEN 1 AND 2",
        "INSERT INTO t VALUES (3, 1, 'z') ON CONFLICT(id) DO UPDATE SET v = 0",
    ),
    ("SELECT * FROM t WHERE id = 7; INSERT INTO t VALUES (8, 0, 'e')", "INSERT INTO t VALUES (7, 0, 'd')"),
    ("INSERT INTO w VALUES (1, 'z', 0)", "INSERT INTO w VALUES (2, 'z', 0)"),
    ("DELETE FROM w WHERE a = 1", "UPDATE w SET c = 1 WHERE a = 2"),
    ("UPDATE w SET b = 'q' WHERE a = 1 AND b = 'x'", "DELETE FROM w WHERE a = 1 AND b = 'y'"),
    ("INSERT INTO child(parent) VALUES (1)", "INSERT INTO child(parent) VALUES (2)"),
    ("INSERT INTO child(parent) VALUES (1)", "DELETE FROM parent WHERE id = 2"),
    ("SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; UPDATE t SET v = 1 WHERE id = 1", "UPDATE t SET v = 1 WHERE id = 2"),
]


@pytest.mark.parametrize(("first", "second"), DISJOINT)
def test_what_touches_other_rows_is_committed(
    pair: tuple[turso_wasm.Connection, turso_wasm.Connection], first: str, second: str
) -> None:
    assert race(pair, first, second) == ""
    tables = ("t", "w", "parent", "child")
    assert [rows(pair[0], f"SELECT * FROM {t}") for t in tables] == [
        rows(pair[1], f"SELECT * FROM {t}") for t in tables
    ]


CONFLICTS = [
    ("UPDATE t SET v = v + 1 WHERE id = 1", "UPDATE t SET v = v + 1 WHERE id = 1", "conflict on row 1 of table t"),
    ("DELETE FROM t WHERE id = 2", "UPDATE t SET v = v + 1 WHERE id = 2", "conflict on row 2 of table t"),
    (
        "UPDATE t SET v = 1 WHERE id = 1",
        "UPDATE t SET v = (SELECT v FROM t WHERE id = 1) WHERE id = 2",
        "conflict on row 1 of table t",
    ),
    (
        "INSERT INTO t VALUES (9, 0, 'q')",
        "INSERT INTO w SELECT 5, 'n', sum(v) FROM t",
        "conflict on row 9 of table t",
    ),
    (
        "INSERT INTO t VALUES (9, 99, NULL)",
        "DELETE FROM w WHERE NOT EXISTS (SELECT * FROM t WHERE v > 90)",
        "conflict on row 9 of table t",
    ),
    ("INSERT INTO t VALUES (9, 0, 'q')", "INSERT INTO t VALUES (9, 1, 'r')", "conflict on row 9 of table t"),
    (
        "INSERT INTO t(name) VALUES ('q')",
        "INSERT INTO t(name) VALUES ('q')",
        "conflict on key ('q') of index sqlite_autoindex_t_1 of table t",
    ),
    ("INSERT OR REPLACE INTO t VALUES (1, 0, 'z')", "UPDATE t SET v = 5 WHERE id = 1", "conflict on row 1 of table t"),
    ("INSERT INTO w VALUES (1, 'z', 0)", "DELETE FROM w WHERE a = 1", "conflict on row (1, 'z') of table w"),
    (
        "UPDATE w SET c = 9 WHERE a = 2",
        "UPDATE w SET c = 8 WHERE b = 'x' AND a = 2",
        "conflict on row (2, 'x') of table w",
    ),
    ("DELETE FROM parent WHERE id = 2", "INSERT INTO child(parent) VALUES (2)", "conflict on row 2 of table parent"),
    (
        "INSERT INTO child VALUES (7, 2)",
        "DELETE FROM parent WHERE id = 2",
        "conflict on key (2) of index child_parent of table child",
    ),
    ("INSERT INTO t(v) VALUES (1)", "DELETE FROM t", "conflict on row 4 of table t"),
]


@pytest.mark.parametrize(("first", "second", "message"), CONFLICTS)
def test_a_conflict_names_row_or_key_and_the_transaction_is_gone(
    pair: tuple[turso_wasm.Connection, turso_wasm.Connection], first: str, second: str, message: str
) -> None:
    assert race(pair, first, second) == message
    before = rows(pair[0], "SELECT * FROM t")
    assert rows(pair[1], "SELECT * FROM t") == before
    run(pair[1], "BEGIN CONCURRENT; UPDATE t SET v = 77 WHERE id = 3; COMMIT")
    assert rows(pair[0], "SELECT v FROM t WHERE id = 3") == [(77,)]


def test_a_value_that_is_the_same_again_is_no_conflict(
    pair: tuple[turso_wasm.Connection, turso_wasm.Connection],
) -> None:
    first = "UPDATE t SET v = 0 WHERE id = 1; UPDATE t SET v = 10 WHERE id = 1"
    assert race(pair, first, "UPDATE t SET v = v + 1 WHERE id = 1") == ""
    assert rows(pair[0], "SELECT v FROM t WHERE id = 1") == [(11,)]


def test_ordinary_writers_are_seen_and_given_other_rowids(
    pair: tuple[turso_wasm.Connection, turso_wasm.Connection],
) -> None:
    one, other = pair
    one.execute("BEGIN CONCURRENT")
    one.execute("INSERT INTO t(v) VALUES (1)")
    other.execute("INSERT INTO t(v) VALUES (2)")
    one.execute("COMMIT")
    assert rows(other, "SELECT id, v FROM t WHERE id > 3") == [(4, 1), (5, 2)]
    one.execute("BEGIN CONCURRENT")
    one.execute("UPDATE t SET v = v + 1 WHERE id = 1")
    other.execute("UPDATE t SET v = 0 WHERE id = 1")
    with pytest.raises(turso_wasm.OperationalError, match="conflict on row 1 of table t"):
        one.execute("COMMIT")


def test_a_transaction_that_only_reads_sees_its_snapshot_and_is_never_refused(
    pair: tuple[turso_wasm.Connection, turso_wasm.Connection],
) -> None:
    one, other = pair
    one.execute("BEGIN CONCURRENT")
    other.execute("DELETE FROM t")
    assert rows(one, "SELECT count(*) FROM t") == [(3,)]
    one.execute("COMMIT")
    assert rows(one, "SELECT count(*) FROM t") == [(0,)]


def test_commit_waits_for_a_writer_and_stays_open_meanwhile(
    pair: tuple[turso_wasm.Connection, turso_wasm.Connection],
) -> None:
    one, other = pair
    other.execute("BEGIN IMMEDIATE")
    one.execute("BEGIN CONCURRENT")
    one.execute("INSERT INTO t(v) VALUES (1)")
    with pytest.raises(turso_wasm.OperationalError, match="database is locked"):
        one.execute("COMMIT")
    assert one.in_transaction
    other.execute("UPDATE t SET v = 0 WHERE id = 2")
    other.execute("COMMIT")
    one.execute("COMMIT")
    assert rows(other, "SELECT v FROM t") == [(10,), (0,), (30,), (1,)]


def test_changes_of_the_schema_need_begin(pair: tuple[turso_wasm.Connection, turso_wasm.Connection]) -> None:
    one, other = pair
    refused = "DDL statements require an exclusive transaction (use BEGIN instead of BEGIN CONCURRENT)"
    one.execute("BEGIN CONCURRENT")
    one.execute("UPDATE t SET v = 1 WHERE id = 1")
    statements = ("CREATE TABLE q(x)", "DROP TABLE t", "ALTER TABLE t ADD z", "CREATE INDEX i ON t(v)", "REINDEX",
                  "ANALYZE", "PRAGMA user_version = 3", "CREATE VIEW v AS SELECT 1")  # fmt: skip
    for sql in statements:
        with pytest.raises(turso_wasm.OperationalError) as caught:
            one.execute(sql)
        assert str(caught.value) == refused, sql
    one.execute("CREATE TEMP TABLE mine(x)")
    other.execute("CREATE TABLE q(x)")
    with pytest.raises(turso_wasm.OperationalError, match="conflict: the schema was changed since the transaction"):
        one.execute("COMMIT")


def test_begin_concurrent_needs_a_log(tmp_path: Path) -> None:
    with turso_wasm.connect(tmp_path / "b.db", isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode = delete")
        connection.execute("CREATE TABLE t(x)")
        with pytest.raises(turso_wasm.OperationalError, match="BEGIN CONCURRENT needs a write-ahead log"):
            connection.execute("BEGIN CONCURRENT")
        assert not connection.in_transaction
        connection.execute("INSERT INTO t VALUES (1)")
    with turso_wasm.connect(":memory:", isolation_level=None) as connection:
        run(connection, "BEGIN CONCURRENT; CREATE TABLE t(x); COMMIT")


def test_it_begins_outside_transactions_and_running_statements(
    pair: tuple[turso_wasm.Connection, turso_wasm.Connection],
) -> None:
    one, _ = pair
    one.execute("BEGIN CONCURRENT")
    with pytest.raises(turso_wasm.OperationalError, match="cannot start a transaction within a transaction"):
        one.execute("BEGIN CONCURRENT")
    one.execute("ROLLBACK")


def test_a_statement_that_fails_counts_as_read(pair: tuple[turso_wasm.Connection, turso_wasm.Connection]) -> None:
    one, other = pair
    one.execute("BEGIN CONCURRENT")
    with pytest.raises(turso_wasm.IntegrityError, match=r"UNIQUE constraint failed: t\.name"):
        one.execute("INSERT INTO t(name) VALUES ('a')")
    one.execute("UPDATE w SET c = 1 WHERE a = 2")
    other.execute("DELETE FROM t WHERE name = 'a'")
    with pytest.raises(turso_wasm.OperationalError, match=r"conflict on .* of table t"):
        one.execute("COMMIT")


def test_rollback_and_a_closed_connection_leave_nothing(connect: Connect) -> None:
    one, other = connect(), connect()
    one.executescript(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v); BEGIN CONCURRENT; INSERT INTO t(v) VALUES (1); ROLLBACK"
    )
    other.execute("BEGIN CONCURRENT")
    other.execute("INSERT INTO t(v) VALUES (2)")
    other.close()
    assert rows(one, "SELECT * FROM t") == []
    one.execute("INSERT INTO t(v) VALUES (3)")
    assert rows(one, "SELECT * FROM t") == [(1, 3)]


def test_large_transactions_are_written_onto_what_others_have_committed(connect: Connect) -> None:
    one, other = connect(), connect()
    one.executescript("CREATE TABLE t(id INTEGER PRIMARY KEY, v, name TEXT UNIQUE); CREATE INDEX t_v ON t(v, name)")
    one.executemany("INSERT INTO t VALUES (?, ?, ?)", ((n, n % 7, f"name {n}") for n in range(3000)))
    one.execute("BEGIN CONCURRENT")
    other.execute("BEGIN CONCURRENT")
    one.execute("UPDATE t SET name = name || hex(zeroblob(400)) WHERE id < 1000")
    other.execute("DELETE FROM t WHERE id BETWEEN 2000 AND 2900")
    other.execute("INSERT INTO t(v, name) SELECT v, 'copy of ' || name FROM t WHERE id BETWEEN 1500 AND 1999")
    one.execute("COMMIT")
    other.execute("COMMIT")
    assert rows(one, "SELECT count(*), sum(length(name) > 800) FROM t") == [(2599, 1000)]
    assert rows(one, "PRAGMA integrity_check") == [("ok",)]


def test_one_database_is_written_and_what_is_read_of_others_is_checked(connect: Connect, tmp_path: Path) -> None:
    one, other = connect(), turso_wasm.connect(tmp_path / "second.db", isolation_level=None)
    other.executescript("PRAGMA journal_mode = wal; CREATE TABLE s(x); INSERT INTO s VALUES (1)")
    one.execute("ATTACH ? AS second", (str(tmp_path / "second.db"),))
    one.execute("CREATE TABLE t(x)")
    run(one, "BEGIN CONCURRENT; INSERT INTO t SELECT x FROM second.s")
    with pytest.raises(turso_wasm.OperationalError, match="a concurrent transaction writes one database only"):
        one.execute("INSERT INTO second.s VALUES (2)")
    one.execute("COMMIT")
    run(one, "BEGIN CONCURRENT; INSERT INTO t SELECT x FROM second.s")
    with pytest.raises(turso_wasm.OperationalError, match="cannot attach a database inside BEGIN CONCURRENT"):
        one.execute("ATTACH ':memory:' AS third")
    other.execute("UPDATE s SET x = 5")
    with pytest.raises(turso_wasm.OperationalError, match="conflict on row 1 of table s"):
        one.execute("COMMIT")
    other.close()


def test_full_text_and_r_trees_are_written_too(pair: tuple[turso_wasm.Connection, turso_wasm.Connection]) -> None:
    one, other = pair
    one.executescript("CREATE VIRTUAL TABLE f USING fts5(text); CREATE VIRTUAL TABLE r USING rtree(id, a, b)")
    assert race(pair, "INSERT INTO f VALUES ('blue')", "UPDATE t SET v = 1 WHERE id = 1") == ""
    assert (
        race(pair, "UPDATE t SET v = 2 WHERE id = 1", "INSERT INTO f VALUES ('red'); INSERT INTO r VALUES (1, 2, 3)")
        == ""
    )
    assert "conflict on row" in race(pair, "INSERT INTO f VALUES ('green')", "INSERT INTO f VALUES ('grey')")
    assert rows(one, "SELECT rowid FROM f('red')") == [(2,)]
    assert rows(other, "SELECT text FROM f ORDER BY text") == [("blue",), ("green",), ("red",)]
    one.execute("INSERT INTO f(f) VALUES ('integrity-check')")


def test_commits_of_other_processes_are_checked_row_by_row(connect: Connect, tmp_path: Path) -> None:
    one = connect()
    one.executescript("CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 1), (2, 2)")

    def sqlite(sql: str) -> None:
        script = "import apsw, sys; apsw.Connection(sys.argv[1]).execute(sys.argv[2])"
        subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.db"), sql], check=True)

    one.execute("BEGIN CONCURRENT")
    one.execute("UPDATE t SET v = v + 10 WHERE id = 1")
    sqlite("UPDATE t SET v = 3 WHERE id = 2")
    one.execute("COMMIT")
    assert rows(one, "SELECT * FROM t") == [(1, 11), (2, 3)]
    one.execute("BEGIN CONCURRENT")
    one.execute("UPDATE t SET v = v + 10 WHERE id = 1")
    sqlite("UPDATE t SET v = 4 WHERE id = 1")
    with pytest.raises(turso_wasm.OperationalError, match="conflict on row 1 of table t"):
        one.execute("COMMIT")


def test_sqlite_reads_what_was_committed(
    pair: tuple[turso_wasm.Connection, turso_wasm.Connection], tmp_path: Path
) -> None:
    assert race(pair, "INSERT INTO t(v) VALUES (1)", "INSERT INTO t(v) VALUES (2)") == ""
    for connection in pair:
        connection.close()
    sqlite = apsw.Connection(str(tmp_path / "a.db"))
    assert sqlite.execute("SELECT v FROM t").fetchall() == [(10,), (20,), (30,), (1,), (2,)]
    assert sqlite.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_concurrently_runs_again_after_a_conflict(pair: tuple[turso_wasm.Connection, turso_wasm.Connection]) -> None:
    one, other = pair
    tries = 0

    def add(con: turso_wasm.Connection, amount: int) -> int:
        nonlocal tries
        tries += 1
        con.execute("UPDATE t SET v = v + ? WHERE id = 1", (amount,))
        if tries < 3:
            other.execute("UPDATE t SET v = v * 2 WHERE id = 1")
        return tries

    assert one.concurrently(add, 5) == 3
    assert rows(other, "SELECT v FROM t WHERE id = 1") == [(45,)]


def test_concurrently_gives_up_and_raises_what_was_raised(
    pair: tuple[turso_wasm.Connection, turso_wasm.Connection],
) -> None:
    one, other = pair

    def disturbed(con: turso_wasm.Connection) -> None:
        con.execute("UPDATE t SET v = 0 WHERE id = 1")
        other.execute("UPDATE t SET v = v + 1 WHERE id = 1")

    with pytest.raises(turso_wasm.OperationalError, match="conflict on row 1 of table t"):
        one.concurrently(disturbed)
    assert rows(one, "SELECT v FROM t WHERE id = 1") == [(30,)]
    with pytest.raises(ZeroDivisionError):
        one.concurrently(lambda con: (con.execute("DELETE FROM t"), 1 / 0))
    assert rows(one, "SELECT count(*) FROM t") == [(3,)]
    one.execute("BEGIN")
    with pytest.raises(turso_wasm.OperationalError, match="cannot start a transaction within a transaction"):
        one.concurrently(disturbed)


def test_journal_mode_mvcc_has_begin_mean_begin_concurrent(
    pair: tuple[turso_wasm.Connection, turso_wasm.Connection],
) -> None:
    one, other = pair
    assert rows(one, "PRAGMA journal_mode = mvcc") == rows(one, "PRAGMA journal_mode") == [("wal",)]
    one.execute("BEGIN")
    other.execute("BEGIN IMMEDIATE")
    one.execute("UPDATE t SET v = 1 WHERE id = 1")
    other.execute("ROLLBACK")
    with pytest.raises(turso_wasm.OperationalError, match="DDL statements require an exclusive transaction"):
        one.execute("CREATE TABLE q(x)")
    one.execute("COMMIT")
    one.execute("PRAGMA journal_mode = wal")
    run(one, "BEGIN; CREATE TABLE q(x); COMMIT")


def test_the_examples_of_the_document(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "concurrent-writers.md").read_text("utf-8")
    con = turso_wasm.connect(tmp_path / "a.db", isolation_level=None)
    other = turso_wasm.connect(tmp_path / "a.db", isolation_level=None)
    con.execute("CREATE TABLE account(id INTEGER PRIMARY KEY, balance)")
    con.execute("INSERT INTO account VALUES (1, 50), (2, 5)")
    (example,) = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    *statements, commit, message = example.splitlines()
    for sql in statements:
        con.execute(sql)
    other.execute("UPDATE account SET balance = 60 WHERE id = 1")
    with pytest.raises(turso_wasm.OperationalError) as caught:
        con.execute(commit)
    assert message == f"-- Error: {caught.value}"
    (session,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    test = doctest.DocTestParser().get_doctest(session, {"con": con}, "document", None, 0)
    assert doctest.DocTestRunner(verbose=False).run(test).failed == 0


def test_what_is_interrupted_or_fails_amid_a_statement_leaves_nothing(
    pair: tuple[turso_wasm.Connection, turso_wasm.Connection],
) -> None:
    one, other = pair
    numbers = "WITH n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
    one.execute("BEGIN CONCURRENT")
    one.execute("UPDATE t SET v = 0 WHERE id = 1")
    with pytest.raises(turso_wasm.IntegrityError):
        one.execute(f"{numbers} INSERT INTO t SELECT 1000 - i, i, iif(i = 400, 'a', 'n' || i) FROM n")
    one.execute(f"{numbers} INSERT INTO t(v) SELECT i FROM n")
    other.execute("UPDATE t SET v = 7 WHERE id = 2")
    one.execute("COMMIT")
    assert rows(other, "SELECT count(*), sum(v < 10) FROM t WHERE name IS NOT NULL") == [(3, 2)]
    assert rows(other, "SELECT count(*), min(id), max(id) FROM t WHERE name IS NULL") == [(500, 4, 503)]
    one.create_function("stop", 1, lambda i: one.interrupt() if i == 300 else i)
    one.execute("BEGIN CONCURRENT")
    with pytest.raises(turso_wasm.OperationalError, match="interrupted"):
        one.execute(f"{numbers} INSERT INTO t(v) SELECT stop(i) FROM n")
    assert not one.in_transaction
    assert rows(one, "SELECT count(*) FROM t") == [(503,)]


def test_cursors_that_are_open_at_commit_go_on(pair: tuple[turso_wasm.Connection, turso_wasm.Connection]) -> None:
    one, other = pair
    one.executemany("INSERT INTO t(v) VALUES (?)", [(n,) for n in range(2000)])
    one.execute("BEGIN CONCURRENT")
    one.execute("UPDATE t SET v = -1 WHERE id = 1")
    cursor = one.execute("SELECT id FROM t WHERE id > 1500")
    first = [cursor.fetchone()[0] for _ in range(10)]
    other.execute("UPDATE t SET v = -1 WHERE id = 2")
    one.execute("COMMIT")
    assert first + [id for (id,) in cursor] == list(range(1501, 2004))
    assert rows(other, "SELECT v FROM t WHERE id < 3") == [(-1,), (-1,)]


def test_texts_of_the_message_are_decoded_and_long_ones_cut(tmp_path: Path) -> None:
    pair = tuple(turso_wasm.connect(tmp_path / "u.db", isolation_level=None) for _ in range(2))
    pair[0].executescript(
        "PRAGMA encoding = 'UTF-16le'; PRAGMA journal_mode = wal; CREATE TABLE tä(a TEXT PRIMARY KEY, b)"
    )
    pair[0].execute("INSERT INTO tä VALUES ('ö', 1)")
    insert = "INSERT INTO tä VALUES ('ü', 1)"
    assert race(pair, insert, insert) == "conflict on key ('ü') of index sqlite_autoindex_tä_1 of table tä"
    long = f"INSERT INTO tä VALUES ('{'ß' * 500}', 1)"
    assert race(pair, long, long) == f"conflict on key ('{'ß' * 99}) of index sqlite_autoindex_tä_1 of table tä"
    for connection in pair:
        connection.close()
