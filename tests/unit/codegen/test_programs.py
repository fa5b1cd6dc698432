"""What the code generator promises about Programs: they validate, they are small, literals are not code."""

from __future__ import annotations

import pytest
import wasmtime

import turso_wasm as turso
from turso_wasm.codegen.program import Program

SCHEMA = """
CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, b TEXT COLLATE NOCASE, c REAL);
CREATE INDEX tb ON t(b, a DESC);
CREATE UNIQUE INDEX ta ON t(a);
CREATE TABLE w(k TEXT, v INT, PRIMARY KEY (k)) WITHOUT ROWID;
CREATE INDEX wv ON w(v);
"""
STATEMENTS = [
    "SELECT * FROM t",
    "SELECT a + 1, b || 'x', c IS NULL FROM t WHERE a BETWEEN 1 AND 5 OR b LIKE 'q%'",
    "SELECT b, count(*), sum(a), avg(c), min(b), max(c) FROM t GROUP BY b HAVING count(*) > 1 ORDER BY 2",
    "SELECT DISTINCT b FROM t",
    "SELECT x.a, y.v FROM t x LEFT JOIN w y ON y.k = x.b LEFT JOIN t z ON z.a = y.v",
    "SELECT x.a FROM t x, t y WHERE x.c = y.c",
    "SELECT a FROM t WHERE b = ?1 AND a < :limit",
    "SELECT a FROM t WHERE a IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, NULL)",
    "SELECT CASE a WHEN 1 THEN 'one' ELSE b END FROM t WHERE id = 7",
    "INSERT INTO t VALUES (1, 2, 'three', 4.0)",
    "INSERT OR REPLACE INTO t(a, b) VALUES (?, ?) RETURNING id, a",
    "INSERT INTO w SELECT b, a FROM t WHERE b IS NOT NULL",
    "UPDATE t SET a = a + 1, id = id + 100 WHERE b = 'x'",
    "UPDATE OR IGNORE w SET k = 'new' WHERE v = 3",
    "DELETE FROM t WHERE c < 0",
    "DELETE FROM w",
    "CREATE TABLE n(x, y UNIQUE)",
    "CREATE INDEX tc ON t(c)",
    "DROP TABLE t",
    "BEGIN IMMEDIATE",
    "SAVEPOINT s",
    "PRAGMA table_info(t)",
    "PRAGMA user_version = 5",
    "EXPLAIN QUERY PLAN SELECT * FROM t WHERE a = 1",
]


@pytest.fixture
def db() -> turso.Connection:
    connection = turso.connect(":memory:", isolation_level=None)
    connection.executescript(SCHEMA)
    return connection


def program(db: turso.Connection, sql: str) -> Program:
    prepared = db._runtime.prepare(sql)
    assert prepared is not None
    return prepared.program


@pytest.mark.parametrize("sql", STATEMENTS)
def test_every_program_validates(db: turso.Connection, sql: str) -> None:
    wasmtime.Module.validate(wasmtime.Engine(), program(db, sql).wasm)


@pytest.mark.parametrize("sql", STATEMENTS)
def test_a_program_is_plain_data(db: turso.Connection, sql: str) -> None:
    compiled = program(db, sql)
    assert Program.from_bytes(compiled.to_bytes()) == compiled


def test_a_cut_off_program_is_refused(db: turso.Connection) -> None:
    raw = program(db, "SELECT 1").to_bytes()
    with pytest.raises(ValueError, match="cut short"):
        Program.from_bytes(raw[:-1])
    with pytest.raises(ValueError, match="not a serialized program"):
        Program.from_bytes(b"\0asm" + raw)


def test_statements_equal_up_to_literals_share_a_program(db: turso.Connection) -> None:
    first = program(db, "SELECT b FROM t WHERE a = 5 AND b <> 'x'")
    assert program(db, "SELECT b  FROM t WHERE a = -7 + 8 AND b <> 'x'") is not first
    assert program(db, "select b from t where a = 8 and b <> 'other'") is first
    assert program(db, "SELECT b FROM t WHERE a = 8.5 AND b <> 'other'") is not first


def test_ordinals_are_part_of_the_plan(db: turso.Connection) -> None:
    assert program(db, "SELECT a, b FROM t ORDER BY 1") is not program(db, "SELECT a, b FROM t ORDER BY 2")


@pytest.mark.parametrize("width", [1, 3])
def test_ten_thousand_rows_are_not_code(db: turso.Connection, width: int) -> None:
    db.execute(f"CREATE TABLE bulk({', '.join(f'c{i}' for i in range(width))})")
    row = "(" + ", ".join("1" for _ in range(width)) + ")"
    few = program(db, "INSERT INTO bulk VALUES " + ", ".join([row] * 10))
    many = program(db, "INSERT INTO bulk VALUES " + ", ".join([row] * 10_000))
    assert len(many.wasm) == len(few.wasm)


def test_an_in_list_of_constants_is_data(db: turso.Connection) -> None:
    few = program(db, f"SELECT a FROM t WHERE c IN ({', '.join(map(str, range(20)))})")
    many = program(db, f"SELECT a FROM t WHERE c IN ({', '.join(map(str, range(2000)))})")
    assert len(many.wasm) < len(few.wasm) + 64


def test_simple_programs_are_small(db: turso.Connection) -> None:
    assert len(program(db, "SELECT * FROM t WHERE id = ?").wasm) < 1500
    assert len(program(db, "SELECT count(*), sum(a) FROM t WHERE a < 500").wasm) < 3500


def test_explain_code_reads_like_python(db: turso.Connection) -> None:
    text = "\n".join(line for (line,) in db.execute("EXPLAIN CODE SELECT a FROM t WHERE id = ?"))
    assert "RowidSeek" in text
    assert "def step(stmt: i32) -> i32:" in text
    assert "cursor_seek_rowid(cursor, " in text
