"""csv tables: SQLite's shell extension, which the oracle does not have."""

from __future__ import annotations

from pathlib import Path

import pytest

import turso_wasm


@pytest.fixture
def db() -> turso_wasm.Connection:
    return turso_wasm.connect(":memory:", isolation_level=None)


def rows(db: turso_wasm.Connection, sql: str) -> list[tuple[object, ...]]:
    return db.execute(sql).fetchall()


def message(db: turso_wasm.Connection, sql: str) -> str:
    with pytest.raises(turso_wasm.Error) as caught:
        db.execute(sql).fetchall()
    return str(caught.value)


def test_fields(db: turso_wasm.Connection) -> None:
    db.execute("""CREATE VIRTUAL TABLE t USING csv(data='1,"a ""b"", c",
2
"line
break",x,y,z

"",,',columns=3)""")
    assert rows(db, "SELECT rowid, * FROM t") == [
        (1, "1", 'a "b", c', ""),
        (2, "2", None, None),
        (3, "line\nbreak", "x", "y"),
        (4, "", None, None),
        (5, "", "", ""),
    ]
    assert rows(db, "SELECT typeof(c0), c0 + 1 FROM t WHERE c0 > 0 ORDER BY c0 DESC LIMIT 1") == [("text", 1)]


def test_names_and_types(db: turso_wasm.Connection) -> None:
    db.execute("CREATE VIRTUAL TABLE h USING csv(data='a,b c\n1,2', header=yes)")
    assert rows(db, 'SELECT a, "b c" FROM h') == [("1", "2")]
    db.execute("CREATE VIRTUAL TABLE n USING csv(data='a,b\n1,2')")
    assert rows(db, "SELECT c0, c1 FROM n") == [("a", "b"), ("1", "2")]
    db.execute("CREATE VIRTUAL TABLE s USING csv(data='a,b\n1,2', header, schema='CREATE TABLE x(n INT, t TEXT)')")
    assert rows(db, "SELECT name, type FROM pragma_table_info('s')") == [("n", "INT"), ("t", "TEXT")]
    assert rows(db, "SELECT * FROM s WHERE n = 1") == [("1", "2")]


def test_a_file(db: turso_wasm.Connection, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfid,name\r\n1,one\r\n2,two\r\n")
    db.execute(f"CREATE VIRTUAL TABLE f USING csv(filename='{path}', header, schema='CREATE TABLE x(id, name)')")
    assert rows(db, "SELECT * FROM f") == [("1", "one"), ("2", "two")]
    path.write_bytes(b"id,name\n" + b"".join(b"%d,n%d\n" % (n, n) for n in range(5000)))
    assert rows(db, "SELECT count(*), sum(id), max(rowid) FROM f") == [(5000, 12497500, 5000)]
    assert rows(db, "SELECT count(*) FROM f a JOIN (SELECT 7 AS k UNION SELECT 8) ON a.id = CAST(k AS TEXT)") == [(2,)]
    path.unlink()
    assert message(db, "SELECT * FROM f") == f"cannot open the file of comma-separated values: {path}"


def test_mistakes(db: turso_wasm.Connection) -> None:
    create = "CREATE VIRTUAL TABLE t USING csv"
    assert message(db, create) == "must specify either filename= or data= but not both"
    assert message(db, create + "(data='', filename='x')") == "must specify either filename= or data= but not both"
    assert message(db, create + "(data='', data='')") == "more than one 'data' parameter"
    assert message(db, create + "(what=1)") == "bad parameter: 'what=1'"
    assert message(db, create + "(data='', columns=0)") == "bad value of columns: 0"
    assert message(db, create + "(data='', header=maybe)") == "bad value of header: maybe"
    assert message(db, create + "(filename='x')").startswith("not supported yet")
    db.execute(create + "(data='1')")
    assert message(db, "DELETE FROM t") == "table t may not be modified"
