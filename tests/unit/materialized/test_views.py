"""Materialized views as users and stock SQLite see them."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

import turso_wasm
from tests.unit.materialized.model import SCHEMA, VIEWS, bag, change

ROWS = (
    "CREATE TABLE t(id INTEGER PRIMARY KEY, g TEXT, x INT); INSERT INTO t VALUES (1, 'a', 5), (2, 'b', 7), (3, 'a', 9)"
)
N_CHANGES = 100_000 if os.environ.get("TURSO_HEAVY") else 600
GROUPS = "SELECT g, count(*) AS n, sum(x) AS s FROM t GROUP BY g"


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "views.db")


@pytest.fixture
def ours(path: str) -> Iterator[turso_wasm.Connection]:
    connection = turso_wasm.connect(path, isolation_level=None)
    connection.executescript(f"{ROWS}; CREATE MATERIALIZED VIEW v AS {GROUPS}")
    yield connection
    connection.close()


def rows(connection: turso_wasm.Connection | apsw.Connection, view: str = "v") -> list[tuple[object, ...]]:
    return sorted(connection.execute(f"SELECT * FROM {view}").fetchall(), key=repr)


def kept(connection: turso_wasm.Connection) -> list[tuple[object, ...]]:
    """What is kept, whether it is right or not."""
    return sorted(connection.execute("SELECT c1, c2, c3 FROM __turso_view_v").fetchall(), key=repr)


def theirs(path: str, sql: str) -> list[tuple[object, ...]]:
    connection = apsw.Connection(path)
    connection.execute(sql)
    found = rows(connection)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    return found


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("INSERT INTO t VALUES (4, 'c', NULL)", [("a", 2, 14), ("b", 1, 7), ("c", 1, None)]),
        ("INSERT INTO t(g, x) SELECT g, x + 1 FROM t", [("a", 4, 30), ("b", 2, 15)]),
        ("UPDATE t SET g = 'b'", [("b", 3, 21)]),
        ("UPDATE t SET id = id + 10, x = 1", [("a", 2, 2), ("b", 1, 1)]),
        ("DELETE FROM t WHERE g = 'a'", [("b", 1, 7)]),
        ("DELETE FROM t", []),
        ("REPLACE INTO t VALUES (1, 'b', 1)", [("a", 1, 9), ("b", 2, 8)]),
        ("UPDATE OR REPLACE t SET id = 3 WHERE id = 2", [("a", 1, 5), ("b", 1, 7)]),
        ("INSERT INTO t VALUES (1, 'z', 3) ON CONFLICT(id) DO UPDATE SET x = excluded.x", [("a", 2, 12), ("b", 1, 7)]),
    ],
)
def test_statements_keep_it_up(ours: turso_wasm.Connection, change: str, found: list[tuple[object, ...]]) -> None:
    ours.execute(change)
    assert kept(ours) == rows(ours) == found


def test_it_is_part_of_the_transaction(ours: turso_wasm.Connection) -> None:
    before = rows(ours)
    ours.execute("BEGIN")
    ours.execute("DELETE FROM t WHERE id = 1")
    ours.execute("SAVEPOINT s")
    ours.execute("DELETE FROM t")
    assert rows(ours) == []
    ours.execute("ROLLBACK TO s")
    assert rows(ours) == [("a", 1, 9), ("b", 1, 7)]
    ours.execute("ROLLBACK")
    assert rows(ours) == before
    with pytest.raises(turso_wasm.IntegrityError):
        ours.execute("INSERT INTO t VALUES (9, 'z', 1), (9, 'z', 1)")
    assert rows(ours) == kept(ours) == before


def test_triggers_and_cascades_keep_it_up(ours: turso_wasm.Connection) -> None:
    ours.executescript("""
        PRAGMA foreign_keys = ON;
        CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1), (2);
        CREATE TABLE c(p REFERENCES p ON DELETE CASCADE); INSERT INTO c VALUES (1), (1), (2);
        CREATE MATERIALIZED VIEW w AS SELECT p, count(*) FROM c GROUP BY p;
        CREATE TRIGGER r AFTER DELETE ON p BEGIN INSERT INTO t(g, x) VALUES ('p', old.id); END;
        DELETE FROM p WHERE id = 1""")
    assert rows(ours, "w") == [(2, 1)]
    assert ("p", 1, 1) in rows(ours)


def test_a_join_of_a_parent_and_the_children_that_its_new_key_cascades_to(ours: turso_wasm.Connection) -> None:
    query = "SELECT p.id, c.id, c.p FROM p JOIN c ON c.p = p.id"
    ours.executescript(f"""
        PRAGMA foreign_keys = ON;
        CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1), (2);
        CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p ON UPDATE CASCADE);
        INSERT INTO c VALUES (1, 1), (2, 1), (3, 2);
        CREATE MATERIALIZED VIEW w AS {query};
        UPDATE p SET id = id + 30""")
    assert rows(ours, "w") == [(31, 1, 31), (31, 2, 31), (32, 3, 32)]


def test_a_row_that_its_own_new_key_cascades_to(ours: turso_wasm.Connection) -> None:
    ours.executescript("""
        PRAGMA foreign_keys = ON;
        CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES c ON UPDATE CASCADE);
        INSERT INTO c VALUES (1, 1), (2, 1);
        CREATE MATERIALIZED VIEW w AS SELECT id, p FROM c;
        CREATE MATERIALIZED VIEW n AS SELECT p, count(*) FROM c GROUP BY p;
        CREATE INDEX texts ON c USING fts (p);
        UPDATE c SET id = 7 WHERE id = 1""")
    assert rows(ours, "w") == [(2, 7), (7, 7)]
    assert rows(ours, "n") == [(7, 2)]
    assert ours.execute("SELECT id FROM c WHERE p MATCH '7' ORDER BY id").fetchall() == [(2,), (7,)]
    assert ours.execute("SELECT id FROM c WHERE p MATCH '1'").fetchall() == []


def test_a_query_reads_what_is_kept(ours: turso_wasm.Connection) -> None:
    plan = [row[3] for row in ours.execute("EXPLAIN QUERY PLAN SELECT * FROM v")]
    assert "SCAN __turso_view_v" in plan
    assert ours.execute("SELECT typeof(n), s FROM v WHERE g = 'a'").fetchall() == [("integer", 14)]
    assert [column[0] for column in ours.execute("SELECT * FROM v").description] == ["g", "n", "s"]


def test_indexes_on_a_view(ours: turso_wasm.Connection, path: str) -> None:
    ours.executescript("CREATE INDEX i ON v(s DESC, g) WHERE n > 1; CREATE INDEX by_group ON v(g)")
    plan = [row[3] for row in ours.execute("EXPLAIN QUERY PLAN SELECT * FROM v WHERE g = 'b'")]
    assert "SEARCH __turso_view_v USING INDEX by_group (c1=?)" in plan
    ours.execute("UPDATE t SET x = 1")
    assert ours.execute("SELECT * FROM v WHERE g = 'b'").fetchall() == [("b", 1, 1)]
    ours.execute("ALTER TABLE t RENAME COLUMN x TO y")
    ours.execute("REFRESH MATERIALIZED VIEW v")
    assert theirs(path, "SELECT 1") == kept(ours)
    assert ours.execute("SELECT count(*) FROM sqlite_schema WHERE name IN ('i', 'by_group')").fetchone() == (2,)
    ours.execute("DROP INDEX i")
    ours.execute("DROP VIEW v")
    assert ours.execute("SELECT name FROM sqlite_schema").fetchall() == [("t",)]


def test_what_sqlite_writes_is_seen_at_once_and_caught_up_with(ours: turso_wasm.Connection, path: str) -> None:
    assert theirs(path, "INSERT INTO t VALUES (4, 'c', 1)") == [("a", 2, 14), ("b", 1, 7), ("c", 1, 1)]
    theirs(path, "REPLACE INTO t VALUES (1, 'c', 1); DELETE FROM t WHERE id = 2")
    assert rows(ours) == [("a", 1, 9), ("c", 2, 2)]
    assert len(kept(ours)) == 2 and ("b", 1, 7) in kept(ours)  # as it was
    ours.execute("INSERT INTO t VALUES (9, 'z', 0)")
    assert rows(ours) == kept(ours) == [("a", 1, 9), ("c", 2, 2), ("z", 1, 0)]
    theirs(path, "DELETE FROM t")
    ours.execute("REFRESH MATERIALIZED VIEW v")
    assert rows(ours) == kept(ours) == []


@pytest.mark.parametrize(
    "change",
    [
        "DROP VIEW v; CREATE VIEW v AS SELECT g, 1 AS n, max(x) AS s FROM t GROUP BY g",
        "ALTER TABLE t RENAME TO t2; ALTER TABLE t2 RENAME COLUMN x TO y; ALTER TABLE t2 RENAME TO t",
        "DROP TRIGGER __turso_view_v_update_1; UPDATE t SET x = 100",
        "DROP TABLE __turso_view_v_behind",
    ],
)
def test_what_is_not_as_we_left_it_is_not_read(ours: turso_wasm.Connection, path: str, change: str) -> None:
    found = theirs(path, change) if "_behind" not in change else rows(ours)
    if "_behind" in change:
        ours.executescript("DROP TRIGGER __turso_view_v_insert_1; DROP TRIGGER __turso_view_v_update_1")
    assert rows(ours) == found
    ours.execute("INSERT INTO t(g) VALUES ('new')")
    ours.execute("REFRESH MATERIALIZED VIEW v")
    assert rows(ours) == kept(ours)
    ours.execute("DELETE FROM t")
    assert rows(ours) == kept(ours) == []


def test_altered_tables(ours: turso_wasm.Connection) -> None:
    ours.execute("ALTER TABLE t ADD COLUMN more DEFAULT 1")
    ours.execute("INSERT INTO t(g, x) VALUES ('a', 1)")
    assert rows(ours) == kept(ours) == [("a", 3, 15), ("b", 1, 7)]
    ours.execute("ALTER TABLE t RENAME COLUMN x TO y")
    ours.execute("UPDATE t SET y = 0")
    assert rows(ours) == [("a", 3, 0), ("b", 1, 0)]
    ours.execute("REFRESH MATERIALIZED VIEW v")
    assert rows(ours) == kept(ours)


def test_a_table_without_key_keeps_its_rowids(path: str) -> None:
    with turso_wasm.connect(path, isolation_level=None) as ours:
        ours.executescript("""
            CREATE TABLE t(x); INSERT INTO t VALUES (1), (2), (3); DELETE FROM t WHERE x = 1;
            CREATE MATERIALIZED VIEW v AS SELECT x + 1 FROM t""")
        connection = apsw.Connection(path)
        connection.execute("VACUUM")
        connection.close()
        ours.execute("VACUUM")
        ours.execute("DELETE FROM t WHERE x = 2")
        assert rows(ours) == [(4,)]


def test_views_on_views(ours: turso_wasm.Connection) -> None:
    ours.execute("CREATE MATERIALIZED VIEW w AS SELECT n, count(*) AS m FROM v GROUP BY n")
    assert rows(ours, "w") == [(1, 1), (2, 1)]
    ours.execute("DELETE FROM t WHERE id = 1")
    assert rows(ours, "w") == [(1, 2)]


def test_drop_takes_everything_along(ours: turso_wasm.Connection) -> None:
    ours.executescript("CREATE TABLE k(x); CREATE MATERIALIZED VIEW w AS SELECT x FROM k; DROP VIEW w; DROP VIEW v")
    assert ours.execute("SELECT name FROM sqlite_schema").fetchall() == [("t",), ("k",)]
    assert ours.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    ours.execute("INSERT INTO t(g) VALUES (1)")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("INSERT INTO v VALUES (1, 2, 3)", "cannot modify materialized view v"),
        ("UPDATE v SET n = 1", "cannot modify materialized view v"),
        ("DELETE FROM v", "cannot modify materialized view v"),
        ("DELETE FROM __turso_view_v", "table __turso_view_v may not be modified"),
        ("CREATE MATERIALIZED VIEW v AS SELECT 1", "view v already exists"),
        ("CREATE MATERIALIZED VIEW w AS SELECT random() FROM t", "cannot be maintained: random()"),
        ("CREATE MATERIALIZED VIEW w AS SELECT datetime('now') FROM t", "cannot be maintained: datetime() of now"),
        ("CREATE MATERIALIZED VIEW w AS SELECT 1", "cannot be maintained: it reads no table"),
        ("CREATE MATERIALIZED VIEW w AS SELECT nope FROM t", "no such column: nope"),
        ("CREATE MATERIALIZED VIEW w(a, b) AS SELECT x FROM t", "expected 2 columns for 'w' but got 1"),
        ("CREATE MATERIALIZED VIEW w AS SELECT * FROM sqlite_schema", "cannot be maintained: sqlite_schema"),
        ("CREATE MATERIALIZED VIEW w AS SELECT x = ? FROM t", "parameters are not allowed in views"),
        ("CREATE TEMP MATERIALIZED VIEW w AS SELECT x FROM t", 'near "MATERIALIZED": syntax error'),
        ("CREATE INDEX i ON v(nope)", "no such column: nope"),
        ("REFRESH MATERIALIZED VIEW t", "no such view: t"),
        ("REFRESH MATERIALIZED VIEW", "incomplete input"),
    ],
)
def test_errors(ours: turso_wasm.Connection, sql: str, message: str) -> None:
    with pytest.raises(turso_wasm.OperationalError, match=message.replace("(", r"\(").replace(")", r"\)")):
        ours.execute(sql)


def test_a_dump_has_what_is_kept(ours: turso_wasm.Connection) -> None:
    ours.execute("CREATE INDEX i ON v(n)")
    again = turso_wasm.connect(":memory:", isolation_level=None)
    again.executescript("\n".join(ours.iterdump()))
    assert rows(again) == kept(again) == rows(ours)
    again.execute("INSERT INTO t VALUES (8, 'c', 1)")
    assert rows(again) == kept(again) == [("a", 2, 14), ("b", 1, 7), ("c", 1, 1)]
    with pytest.raises(turso_wasm.OperationalError, match="table __turso_view_v may not be modified"):
        again.execute("DELETE FROM __turso_view_v")


def test_if_not_exists(ours: turso_wasm.Connection) -> None:
    ours.execute("CREATE MATERIALIZED VIEW IF NOT EXISTS v AS SELECT 1")
    assert len(rows(ours)) == 2


TOGETHER = [VIEWS[number] for number in (2, 5, 13, 28)]


def test_random_changes() -> None:
    """In and out of transactions."""
    connection = turso_wasm.connect(":memory:", isolation_level=None)
    connection.executescript(SCHEMA)
    draw = random.Random(4)
    changes = [change(draw) for _ in range(N_CHANGES)]
    for number, query in enumerate(TOGETHER):
        connection.execute(f"CREATE MATERIALIZED VIEW v{number} AS {query}")
        connection.execute(f"CREATE VIEW o{number} AS {query}")
    for number, made in enumerate(changes):
        if number % 20 == 5:
            connection.execute("BEGIN")
        connection.execute(*made)
        if number % 20 == 9:
            connection.execute("ROLLBACK" if number % 40 == 9 else "COMMIT")
        if number % 3 == 0:
            for view in range(len(TOGETHER)):
                assert bag(rows(connection, f"v{view}")) == bag(rows(connection, f"o{view}")), (TOGETHER[view], made)
    behind = "SELECT name FROM sqlite_schema WHERE name LIKE '%behind'"
    assert not any(connection.execute(f"SELECT 1 FROM {name}").fetchall() for (name,) in connection.execute(behind))
