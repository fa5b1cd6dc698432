"""Sequences: the numbers they give, what undoes them, and what SQLite makes of their tables."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

import turso_wasm


@pytest.fixture
def db() -> turso_wasm.Connection:
    return turso_wasm.connect(":memory:", isolation_level=None)


def taken(db: turso_wasm.Connection, name: str, n: int) -> list[int]:
    rows = db.execute(f"SELECT nextval('{name}') FROM generate_series(1, ?)", (n,))
    return [number for (number,) in rows]


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ("", [1, 2, 3]),
        ("START 5", [5, 6, 7]),
        ("START WITH -5 MINVALUE -10", [-5, -4, -3]),
        ("INCREMENT 10", [1, 11, 21]),
        ("INCREMENT BY -1", [-1, -2, -3]),
        ("MAXVALUE 2 CYCLE", [1, 2, 1]),
        ("CYCLE INCREMENT BY -2 MAXVALUE 3 MINVALUE 0", [3, 1, 3]),
        ("NO MINVALUE NO MAXVALUE NO CYCLE", [1, 2, 3]),
        ("START 9223372036854775806 CYCLE", [2**63 - 2, 2**63 - 1, 1]),
        ("INCREMENT -9223372036854775807 START 7 MAXVALUE 10 CYCLE", [7, 7 - (2**63 - 1), 10]),
    ],
)
def test_numbers(db: turso_wasm.Connection, options: str, numbers: list[int]) -> None:
    db.execute(f"CREATE SEQUENCE s {options}")
    assert taken(db, "s", 3) == numbers


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("INCREMENT 0", "INCREMENT must not be zero"),
        ("MINVALUE 5 MAXVALUE 3", r"MINVALUE \(5\) must be less than MAXVALUE \(3\)"),
        ("INCREMENT -1 START 5", r"START value \(5\) cannot be greater than MAXVALUE \(-1\)"),
        ("START 0", r"START value \(0\) cannot be less than MINVALUE \(1\)"),
        ("START 1 START 2", "START is given twice"),
        ("START 1.5", "START must be an integer of 64 bits"),
        ("CACHE 3", 'near "CACHE": syntax error'),
    ],
)
def test_options_that_are_refused(db: turso_wasm.Connection, options: str, message: str) -> None:
    with pytest.raises(turso_wasm.OperationalError, match=message):
        db.execute(f"CREATE SEQUENCE s {options}")


def test_at_its_end(db: turso_wasm.Connection) -> None:
    db.execute("CREATE SEQUENCE s MAXVALUE 2")
    with pytest.raises(turso_wasm.IntegrityError, match='nextval: reached maximum value of sequence "s"'):
        taken(db, "s", 3)
    assert taken(db, "s", 2) == [1, 2], "the statement that failed has moved nothing"
    db.execute("CREATE SEQUENCE d INCREMENT -1 MINVALUE -2")
    with pytest.raises(turso_wasm.IntegrityError, match='nextval: reached minimum value of sequence "d"'):
        taken(db, "d", 3)


def test_currval_and_setval(db: turso_wasm.Connection) -> None:
    db.execute("CREATE SEQUENCE s MAXVALUE 100")
    with pytest.raises(turso_wasm.IntegrityError, match='currval: not yet defined for sequence "s"'):
        db.execute("SELECT currval('s')").fetchall()
    assert db.execute("SELECT nextval('s'), nextval('s'), currval('s')").fetchall() == [(1, 2, 2)]
    assert db.execute("SELECT setval('s', 10)").fetchall() == [(10,)]
    assert taken(db, "s", 1) == [11]
    db.execute("SELECT setval('s', 50, false)").fetchall()
    assert taken(db, "s", 2) == [50, 51]
    with pytest.raises(turso_wasm.IntegrityError, match="setval: value out of bounds"):
        db.execute("SELECT setval('s', ?)", (101,)).fetchall()


def test_names(db: turso_wasm.Connection) -> None:
    db.execute("CREATE SEQUENCE s")
    with pytest.raises(turso_wasm.OperationalError, match="sequence s already exists"):
        db.execute("CREATE SEQUENCE s")
    db.execute("CREATE SEQUENCE IF NOT EXISTS s START 9")
    assert taken(db, "main.s", 1) == [1]
    db.execute("DROP SEQUENCE s")
    db.execute("DROP SEQUENCE IF EXISTS s")
    for statement in ("DROP SEQUENCE s", "SELECT nextval('s')"):
        with pytest.raises(turso_wasm.OperationalError, match="no such sequence: s"):
            db.execute(statement)
    with pytest.raises(turso_wasm.OperationalError, match="must be the name of a sequence, as a text"):
        db.execute("SELECT nextval(?)", ("s",))
    db.execute("CREATE TABLE sequence(start, cycle)")  # the words are names everywhere else


def test_a_sequence_is_undone_with_what_used_it(db: turso_wasm.Connection) -> None:
    db.executescript("CREATE SEQUENCE s; CREATE TABLE t(id INTEGER PRIMARY KEY, n INT CHECK (n < 3), s TEXT)")
    db.execute("BEGIN")
    db.execute("INSERT INTO t(n) VALUES (nextval('s'))")
    db.execute("SAVEPOINT a")
    with pytest.raises(turso_wasm.IntegrityError):
        db.execute("INSERT INTO t(n) SELECT nextval('s') FROM generate_series(1, 5)")
    with pytest.raises(turso_wasm.IntegrityError):
        db.execute("INSERT INTO t(n) VALUES (nextval('s') + 5)")
    assert db.execute("SELECT currval('s'), count(*) FROM t").fetchall() == [(1, 1)]
    db.execute("INSERT INTO t(n) VALUES (nextval('s'))")
    db.execute("ROLLBACK TO a")
    assert db.execute("SELECT currval('s')").fetchall() == [(1,)]
    db.execute("ROLLBACK")
    assert taken(db, "s", 1) == [1]


def test_where_a_sequence_may_be_asked(db: turso_wasm.Connection) -> None:
    db.executescript(
        """
        CREATE SEQUENCE s;
        CREATE TABLE t(id INTEGER DEFAULT (nextval('s')), x TEXT);
        CREATE TABLE log(n INTEGER, x TEXT);
        CREATE TRIGGER logged AFTER INSERT ON t BEGIN INSERT INTO log VALUES (nextval('s'), new.x); END;
        CREATE VIEW v AS SELECT nextval('s') AS n;
        INSERT INTO t(x) VALUES ('a'), ('b');
        """
    )
    assert db.execute("SELECT * FROM t JOIN log USING (x)").fetchall() == [(1, "a", 3), (2, "b", 4)]
    assert db.execute("SELECT n FROM v").fetchall() == [(5,)]
    assert db.execute("UPDATE t SET id = nextval('s') RETURNING id").fetchall() == [(6,), (7,)]
    assert db.execute("SELECT changes(), total_changes()").fetchall() == [(2, 6)], (
        "numbers that are taken are no changes"
    )
    for place in ("TABLE u(a CHECK (nextval('s') > 2))", "INDEX i ON t(nextval('s'))"):
        with pytest.raises(turso_wasm.OperationalError, match="prohibited in"):
            db.execute(f"CREATE {place}")


def test_sqlite_reads_and_writes_it(tmp_path: Path) -> None:
    path = str(tmp_path / "a.db")
    db = turso_wasm.connect(path, isolation_level=None)
    db.executescript("CREATE SEQUENCE s MAXVALUE 50; SELECT nextval('s')")
    db.close()
    sqlite = apsw.Connection(path)
    assert sqlite.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert sqlite.execute("SELECT * FROM __turso_internal_seq_s").fetchall() == [(1, 1, 1, 1, 1, 50, 0)]
    sqlite.execute("UPDATE __turso_internal_seq_s SET value = 40; VACUUM")
    sqlite.close()
    db = turso_wasm.connect(path, isolation_level=None)
    assert taken(db, "s", 2) == [41, 42]
    db.close()
