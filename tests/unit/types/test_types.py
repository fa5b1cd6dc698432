"""Types, domains, and the built-in ones: what is stored, what is read, what is refused; and what SQLite makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest

import turso_wasm

UUID = "550e8400-e29b-41d4-a716-446655440000"


@pytest.fixture
def db() -> turso_wasm.Connection:
    return turso_wasm.connect(":memory:", isolation_level=None)


def rows(db: turso_wasm.Connection, sql: str, *values: Any) -> list[Any]:
    return db.execute(sql, values).fetchall()


@pytest.mark.parametrize(
    ("type_", "given", "read"),
    [
        ("boolean", "yes", 1),
        ("bool", 0, 0),
        ("bigint", 2**62, 2**62),
        ("int8", "17", 17),
        ("smallint", -32768, -32768),
        ("int2", "12", 12),
        ("varchar(3)", "añb", "añb"),
        ("date", "2024-02-03 10:00", "2024-02-03"),
        ("time", "10:00", "10:00:00"),
        ("timestamp", "2024-02-03", "2024-02-03 00:00:00"),
        ("numeric(5,2)", 12.345, "12.35"),
        ("numeric(5,2)", "-0.5", "-0.50"),
        ("numeric(5,0)", "1e3", "1000"),
        ("numeric(18,18)", "0.123456789012345678", "0.123456789012345678"),
        ("uuid", UUID.upper(), UUID),
        ("uuid", bytes(range(16)), "00010203-0405-0607-0809-0a0b0c0d0e0f"),
        ("inet", " 10.0.0.1/8", "10.0.0.1/8"),
        ("cidr", "10.1.0.0/16", "10.1.0.0/16"),
        ("macaddr", "08-00-2B-01-02-03", "08:00:2b:01:02:03"),
        ("macaddr8", "08002b010203", "08:00:2b:ff:fe:01:02:03"),
        ("bytea", r"\xdeadbeef", b"\xde\xad\xbe\xef"),
        ("bytea", b"ab", b"ab"),
        ("json", '{"a": 1}', '{"a":1}'),
        ("jsonb", "[1, 2]", "[1,2]"),
    ],
)
def test_a_built_in_type(db: turso_wasm.Connection, type_: str, given: object, read: object) -> None:
    db.execute(f"CREATE TABLE t(id INTEGER PRIMARY KEY, a {type_}) STRICT")
    db.execute("INSERT INTO t VALUES (1, ?), (2, NULL)", (given,))
    assert rows(db, "SELECT a FROM t") == [(read,), (None,)]
    db.execute("INSERT INTO t SELECT id + 2, a FROM t")
    db.execute("UPDATE t SET a = a")
    assert rows(db, "SELECT DISTINCT a FROM t ORDER BY a") == [(None,), (read,)]
    assert rows(db, "SELECT id FROM t WHERE a = ?", given if type_ == "uuid" else read) == [(1,), (3,)]


@pytest.mark.parametrize(
    ("type_", "given", "message"),
    [
        ("boolean", 2, "invalid boolean value"),
        ("smallint", 32768, "integer out of range for smallint"),
        ("varchar(3)", "abcd", "value too long for varchar"),
        ("date", "2024-13-01", "invalid date value"),
        ("time", "25:00", "invalid time value"),
        ("timestamp", "x", "invalid timestamp value"),
        ("numeric(3,1)", "x", "invalid numeric value"),
        ("uuid", "abc", "invalid uuid value"),
        ("uuid", b"abc", "invalid uuid value"),
        ("inet", "10.0.0.256", "invalid inet value"),
        ("cidr", "10.1.1.0/16", "invalid cidr value"),
        ("macaddr", "08:00", "invalid macaddr value"),
        ("macaddr8", "08:00:2b:01:02:03:04", "invalid macaddr8 value"),
    ],
)
def test_what_a_built_in_type_refuses(db: turso_wasm.Connection, type_: str, given: object, message: str) -> None:
    db.execute(f"CREATE TABLE t(a {type_}) STRICT")
    for statement in ("INSERT INTO t VALUES (?)", "INSERT INTO t SELECT ?"):
        with pytest.raises(turso_wasm.IntegrityError, match=message):
            db.execute(statement, (given,))
    db.execute("INSERT INTO t VALUES (NULL)")
    with pytest.raises(turso_wasm.IntegrityError, match=message):
        db.execute("UPDATE t SET a = ?", (given,))


def test_numbers_that_do_not_fit(db: turso_wasm.Connection) -> None:
    db.execute("CREATE TABLE t(a numeric(3,1), b numeric(3,1)) STRICT")
    for given in (100, "99.95", 1e300, -100):
        with pytest.raises(turso_wasm.OperationalError, match="numeric field overflow"):
            db.execute("INSERT INTO t(a) VALUES (?)", (given,))
    db.execute("INSERT INTO t(a) VALUES (99.94)")
    with pytest.raises(turso_wasm.OperationalError, match="numeric takes a precision from 1 to 18"):
        db.executescript("CREATE TABLE u(a numeric(30,2)) STRICT; INSERT INTO u VALUES (1)")
    with pytest.raises(turso_wasm.OperationalError, match="type varchar takes 1 parameter, 2 are given"):
        db.execute("CREATE TABLE v(a varchar(1, 2)) STRICT")
    with pytest.raises(turso_wasm.OperationalError, match="unknown datatype"):
        db.execute("CREATE TABLE v(a varchar) STRICT")


def test_numbers_compare_and_sort_as_numbers(db: turso_wasm.Connection) -> None:
    db.execute("CREATE TABLE t(a numeric(6,2), b numeric(6,2)) STRICT")
    db.execute("CREATE INDEX i ON t(a)")
    db.execute("INSERT INTO t VALUES (9, 10), (10.5, 10.5), (-3, 2), (100, 99.99), (NULL, 1)")
    assert rows(db, "SELECT a FROM t ORDER BY a DESC LIMIT 3") == [("100.00",), ("10.50",), ("9.00",)]
    assert rows(db, "SELECT a FROM t WHERE a > 8.999 AND a < '10.501' ORDER BY a") == [("9.00",), ("10.50",)]
    assert rows(db, "SELECT a FROM t WHERE a = 10.4999") == []
    assert rows(db, "SELECT a FROM t WHERE a BETWEEN 9 AND 10.5 ORDER BY a") == [("9.00",), ("10.50",)]
    assert rows(db, "SELECT a FROM t WHERE a IN (9, '100', 1) ORDER BY a") == [("9.00",), ("100.00",)]
    assert rows(db, "SELECT a FROM t WHERE a < b OR a IS b ORDER BY a") == [("-3.00",), ("9.00",), ("10.50",)]
    assert rows(db, "SELECT min(a), max(a), count(a) FROM t") == [("-3.00", "100.00", 4)]
    assert rows(db, "SELECT a FROM t WHERE a >= (SELECT max(a) FROM t)") == [("100.00",)]
    plan = " ".join(row[3] for row in rows(db, "EXPLAIN QUERY PLAN SELECT a FROM t WHERE a > 8.5 ORDER BY a"))
    assert "USING COVERING INDEX i (a>?)" in plan and "TEMP B-TREE" not in plan


CENTS = "CREATE TYPE cents BASE integer ENCODE value * 100 DECODE value / 100"


def test_a_type_of_the_users(db: turso_wasm.Connection) -> None:
    db.execute(CENTS)
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a cents DEFAULT 7 CHECK (a < 1000)) STRICT")
    db.execute("INSERT INTO t(id) VALUES (1)")
    db.execute("INSERT INTO t VALUES (2, 42), (3, NULL)")
    assert rows(db, "SELECT id, a, typeof(a) FROM t") == [(1, 7, "integer"), (2, 42, "integer"), (3, None, "null")]
    assert rows(db, "SELECT a FROM t AS x WHERE x.a = 42 AND a + 1 > 42") == [(42,)]
    with pytest.raises(turso_wasm.IntegrityError, match="CHECK constraint failed"):
        db.execute("INSERT INTO t VALUES (4, 1000)")
    sql = "INSERT INTO t VALUES (2, 1) ON CONFLICT (id) DO UPDATE SET a = a + excluded.a RETURNING a"
    assert rows(db, sql) == [(43,)]
    assert rows(db, "UPDATE t SET a = s.n FROM (SELECT 5 AS n) AS s WHERE id = 1 RETURNING a, a * 2") == [(5, 10)]
    assert rows(db, "DELETE FROM t WHERE a = 5 RETURNING a") == [(5,)]
    assert rows(db, "SELECT CAST('3' AS cents)") == [(300,)]
    db.executescript("CREATE TABLE copy AS SELECT a FROM t; CREATE VIEW v AS SELECT a AS b FROM t")
    assert rows(db, "SELECT a FROM copy") == rows(db, "SELECT b FROM v") == [(43,), (None,)]


def test_triggers_see_what_is_read(db: turso_wasm.Connection) -> None:
    db.executescript(
        f"""
        {CENTS};
        CREATE TABLE t(a cents, u uuid) STRICT;
        CREATE TABLE log(what TEXT, old TEXT, new TEXT);
        CREATE TRIGGER i BEFORE INSERT ON t BEGIN INSERT INTO log VALUES ('i', NULL, new.a || new.u); END;
        CREATE TRIGGER u AFTER UPDATE ON t WHEN new.a > old.a BEGIN INSERT INTO log VALUES ('u', old.a, new.a); END;
        CREATE TRIGGER d AFTER DELETE ON t BEGIN INSERT INTO log VALUES ('d', old.a, old.u); END;
        INSERT INTO t VALUES (3, '{UUID}');
        UPDATE t SET a = a + 1;
        DELETE FROM t;
        """
    )
    assert rows(db, "SELECT * FROM log") == [("i", None, f"3{UUID}"), ("u", "3", "4"), ("d", "4", UUID)]


def test_keys_of_a_type(db: turso_wasm.Connection) -> None:
    db.executescript(
        f"""
        PRAGMA foreign_keys = ON;
        CREATE TABLE parent(id uuid PRIMARY KEY, name TEXT) STRICT;
        CREATE TABLE child(parent uuid REFERENCES parent ON DELETE CASCADE) STRICT;
        INSERT INTO parent VALUES ('{UUID}', 'a');
        INSERT INTO child VALUES ('{UUID.upper()}');
        """
    )
    with pytest.raises(turso_wasm.IntegrityError, match="FOREIGN KEY constraint failed"):
        db.execute("INSERT INTO child VALUES ('650e8400-e29b-41d4-a716-446655440000')")
    with pytest.raises(turso_wasm.IntegrityError, match=r"UNIQUE constraint failed: parent\.id"):
        db.execute("INSERT INTO parent VALUES (?, 'b')", (UUID.replace("-", ""),))
    with pytest.raises(turso_wasm.IntegrityError, match=r"NOT NULL constraint failed: parent\.id"):
        db.execute("INSERT INTO parent(name) VALUES ('b')")
    assert rows(db, "SELECT name FROM parent JOIN child ON parent.id = child.parent") == [("a",)]
    (plan,) = rows(db, "EXPLAIN QUERY PLAN SELECT name FROM parent WHERE id = ?", UUID)
    assert plan[3] == "SEARCH parent USING INDEX sqlite_autoindex_parent_1 (id=?)"
    assert rows(db, "SELECT name FROM parent WHERE id = ?", "nonsense") == []
    db.execute("DELETE FROM parent WHERE id = ?", (UUID.upper(),))
    assert rows(db, "SELECT * FROM child") == []


def test_operators(db: turso_wasm.Connection) -> None:
    db.executescript(
        """
        CREATE TYPE money BASE blob ENCODE numeric_encode(value, 10, 2) DECODE numeric_decode(value)
          OPERATOR '+' numeric_add OPERATOR '-' (money) -> numeric_sub OPERATOR '<' numeric_lt OPERATOR '=' numeric_eq;
        CREATE TABLE t(a money, b money) STRICT;
        INSERT INTO t VALUES ('10.10', '2'), ('9', '9.00');
        """
    )
    assert rows(db, "SELECT a + b, a - 1, a + b + a FROM t") == [("12.10", "9.10", "22.20"), ("18.00", "8.00", "27.00")]
    assert rows(db, "SELECT a FROM t WHERE a > b") == [("10.10",)]
    assert rows(db, "SELECT a FROM t WHERE a >= b AND a <= 9 AND a <> 10.1") == [("9.00",)]
    assert rows(db, "SELECT a FROM t WHERE a = b") == [("9.00",)]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("CREATE TYPE uuid BASE text", "type uuid already exists"),
        ("CREATE TYPE text BASE text", "type text already exists"),
        ("CREATE TYPE x BASE varchar", "BASE of type x must be integer, real, text, blob or any, not varchar"),
        ("CREATE TYPE x BASE text ENCODE nope(value)", "no such function: nope"),
        ("CREATE TYPE x BASE text DECODE other", "no such column: other"),
        ("CREATE TYPE x BASE text OPERATOR '+' nope", "no such function: nope"),
        ("CREATE TYPE x BASE text OPERATOR '!!'", "no operator !! can be given to a type"),
        ("CREATE DOMAIN x AS nope", "no such type: nope"),
        ("CREATE DOMAIN x AS text CHECK (value > other)", "no such column: other"),
        ("CREATE TYPE x", "incomplete input"),
        ("DROP TYPE x", "no such type: x"),
        ("DROP DOMAIN x", "no such domain: x"),
        ("DROP TYPE uuid", "cannot drop built-in type uuid"),
        ("CREATE TABLE t(a nope) STRICT", 'unknown datatype for t.a: "nope"'),
        ("CREATE TABLE t(a uuid AS ('x')) STRICT", "a column of type uuid cannot be generated"),
    ],
)
def test_what_is_refused(db: turso_wasm.Connection, statement: str, message: str) -> None:
    with pytest.raises(turso_wasm.OperationalError) as error:
        db.execute(statement)
    assert message in str(error.value)


def test_domains(db: turso_wasm.Connection) -> None:
    db.executescript(
        """
        CREATE DOMAIN positive AS integer CHECK (value > 0);
        CREATE DOMAIN small AS positive NOT NULL DEFAULT 5 CONSTRAINT too_big CHECK (value < 100);
        CREATE DOMAIN price AS numeric(8,2) CHECK (value > 0) CHECK (value <> 13);
        CREATE TABLE t(a small, b positive, c price) STRICT;
        INSERT INTO t(b, c) VALUES (3, '12.5');
        """
    )
    assert rows(db, "SELECT * FROM t") == [(5, 3, "12.50")]
    for column, value, message in [
        ("a", -1, "CHECK constraint failed: positive"),
        ("a", 100, "CHECK constraint failed: too_big"),
        ("a", None, r"NOT NULL constraint failed: t\.a"),
        ("c", 0, "CHECK constraint failed: price"),
        ("c", 13, "CHECK constraint failed: price"),
        ("c", "x", "invalid numeric value"),
    ]:
        with pytest.raises(turso_wasm.IntegrityError, match=message):
            db.execute(f"INSERT INTO t({column}) VALUES (?)", (value,))
    for statement, message in [
        ("DROP DOMAIN positive", "cannot drop domain positive: "),
        ("DROP DOMAIN price", "cannot drop domain price: table t uses it"),
        ("DROP TYPE price", "no such type: price"),
    ]:
        with pytest.raises(turso_wasm.OperationalError, match=message):
            db.execute(statement)
    db.executescript("DROP TABLE t; DROP DOMAIN small; DROP DOMAIN positive; DROP DOMAIN IF EXISTS positive")


def test_alter_table(db: turso_wasm.Connection) -> None:
    db.executescript(f"{CENTS}; CREATE TABLE t(id INTEGER PRIMARY KEY) STRICT; INSERT INTO t VALUES (1)")
    db.execute("ALTER TABLE t ADD COLUMN a cents")
    db.execute("ALTER TABLE t ADD COLUMN d date NOT NULL DEFAULT '2024-01-01'")
    db.execute("INSERT INTO t VALUES (2, 42, '2024-02-02')")
    db.execute("ALTER TABLE t RENAME COLUMN a TO b")
    db.execute("ALTER TABLE t RENAME TO u")
    assert rows(db, "SELECT * FROM u WHERE b IS NULL OR b = 42") == [(1, None, "2024-01-01"), (2, 42, "2024-02-02")]
    with pytest.raises(turso_wasm.IntegrityError, match="invalid date value"):
        db.execute("UPDATE u SET d = 'x'")
    db.execute("ALTER TABLE u DROP COLUMN b")
    db.execute("DROP TYPE cents")


def test_indexes_on_expressions_are_of_what_is_read(db: turso_wasm.Connection) -> None:
    db.executescript(f"{CENTS}; CREATE TABLE t(a cents, u uuid) STRICT; CREATE UNIQUE INDEX i ON t(a % 10) WHERE a > 5")
    db.execute("INSERT INTO t(a) VALUES (1), (11), (12)")
    with pytest.raises(turso_wasm.IntegrityError, match="UNIQUE constraint failed: index 'i'"):
        db.execute("INSERT INTO t(a) VALUES (21)")
    assert rows(db, "PRAGMA integrity_check") == [("ok",)]
    with pytest.raises(turso_wasm.OperationalError, match="SQLite could not compute this of type uuid"):
        db.execute("CREATE INDEX j ON t(lower(u))")


def test_list_types(db: turso_wasm.Connection) -> None:
    db.executescript(f"{CENTS}; CREATE DOMAIN positive AS integer DEFAULT 1 CHECK (value > 0)")
    found = {row[0]: row[1:] for row in rows(db, "PRAGMA list_types")}
    assert found["INTEGER"] == (None,) * 5
    assert found["uuid"][0] == "blob"
    assert found["cents"] == ("integer", "value * 100", "value / 100", None, None)
    assert found["positive"] == ("integer", None, None, "1", None)


def test_sqlite_reads_and_writes_the_file(tmp_path: Path) -> None:
    path = str(tmp_path / "a.db")
    db = turso_wasm.connect(path, isolation_level=None)
    db.executescript(
        f"""
        {CENTS};
        CREATE DOMAIN positive AS integer CHECK (value > 0);
        CREATE TABLE t(id INTEGER PRIMARY KEY, a cents DEFAULT 7, b positive, u uuid, d date, v varchar(3)) STRICT;
        CREATE INDEX i ON t(a + 1);
        INSERT INTO t VALUES (1, 42, 3, '{UUID}', '2024-01-02', 'abc');
        """
    )
    db.close()
    sqlite = apsw.Connection(path)
    assert sqlite.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    stored = bytes.fromhex(UUID.replace("-", ""))
    assert sqlite.execute("SELECT * FROM t").fetchall() == [(1, 4200, 3, stored, "2024-01-02", "abc")]
    sqlite.execute("INSERT INTO t(id, b) VALUES (2, 9)")
    for column, value in [("a", "x"), ("b", 0), ("u", b"1"), ("d", "x"), ("v", "abcd")]:
        with pytest.raises(apsw.ConstraintError):
            sqlite.execute(f"UPDATE t SET {column} = ?", (value,))
    sqlite.execute("ALTER TABLE t RENAME COLUMN a TO price; ALTER TABLE t RENAME TO things")
    sqlite.close()
    db = turso_wasm.connect(path, isolation_level=None)
    assert rows(db, "SELECT id, price, u FROM things") == [(1, 42, UUID), (2, 7, None)]
    assert rows(db, "PRAGMA integrity_check") == [("ok",)]
    db.close()
    sqlite = apsw.Connection(path)
    sqlite.execute('DROP VIEW "__turso_type_cents"')  # what it leaves behind is SQLite's
    sqlite.close()
    db = turso_wasm.connect(path, isolation_level=None)
    assert rows(db, "SELECT price FROM things") == [(4200,), (700,)]
    db.close()


def test_a_statement_sees_a_type_that_another_connection_made(tmp_path: Path) -> None:
    path = str(tmp_path / "a.db")
    first, second = (turso_wasm.connect(path, isolation_level=None) for _ in range(2))
    assert rows(second, "SELECT count(*) FROM sqlite_schema") == [(0,)]
    first.executescript(f"{CENTS}; CREATE TABLE t(a cents) STRICT; INSERT INTO t VALUES (3)")
    assert rows(second, "SELECT a FROM t") == [(3,)]
    first.close()
    second.close()
