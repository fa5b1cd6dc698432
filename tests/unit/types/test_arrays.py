"""Arrays: how they are written, read and stored, their functions and operators, and what SQLite makes of them."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import apsw
import pytest

import turso_wasm
from turso_wasm.library.arrays import array_json, array_json_less, array_json_sort, array_text


@pytest.fixture(scope="module")
def db() -> turso_wasm.Connection:
    return turso_wasm.connect(":memory:", isolation_level=None)


@pytest.fixture(scope="module")
def posts(db: turso_wasm.Connection) -> turso_wasm.Connection:
    db.executescript(
        """
        CREATE TABLE t(id INTEGER PRIMARY KEY, a INT[], b TEXT[], c REAL[][]) STRICT;
        CREATE INDEX i ON t(a);
        INSERT INTO t VALUES (1, ARRAY[1,2,3], '{x,"y z",NULL}', '{{1,2},{3,4}}'), (2, '{ 4, 5 }', ARRAY['1'], NULL);
        """
    )
    return db


def rows(db: turso_wasm.Connection, sql: str, *values: Any) -> list[Any]:
    return db.execute(sql, values).fetchall()


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("ARRAY[1, 2.5, NULL, 'x', 'y,z', '7', '']", '{1,2.5,NULL,x,"y,z","7",""}'),
        ("ARRAY[]", "{}"),
        ("ARRAY[1 + 1, abs(-3)]", "{2,3}"),
        ("ARRAY['{1,2}'][1]", "{1,2}"),
        ("ARRAY[5,6,7][2]", 6),
        ("ARRAY[5,6,7][-1]", None),
        ("ARRAY[5,6,7][(1 + 2)]", 7),
        ("ARRAY[5,6,7][2:]", "{6,7}"),
        ("ARRAY[5,6,7][:2]", "{5,6}"),
        ("ARRAY[5,6,7][3:2]", "{}"),
        ("array_length(ARRAY[1,2]) + array_upper('{1}', 1)", 3),
        ("array_length('{{1,2,3},{4,5,6}}', 2)", 3),
        ("array_append(ARRAY[1], 'x')", "{1,x}"),
        ("array_append(ARRAY[1], ARRAY[2])", "{1,{2}}"),
        ("array_prepend(0, '{1}')", "{0,1}"),
        ("array_cat('{1}', '{2,3}')", "{1,2,3}"),
        ("array_remove('{1,2,1}', 1)", "{2}"),
        ("array_replace('{1,2,1}', 1, NULL)", "{NULL,2,NULL}"),
        ("array_contains('{1,2}', 2) + array_contains('{1,2}', '2')", 1),
        ("array_contains_all('{1,2}', '{2,1,1}') + array_contains_all('{1}', '{2}')", 1),
        ("array_overlap('{1,2}', '{2,3}') + array_overlaps('{1}', '{}')", 1),
        ("array_position('{a,b,b}', 'b')", 2),
        ("array_position('{a}', 'b')", None),
        ("array_slice('{1,2,3}', 2, 9)", "{2,3}"),
        ("array_fill(7, 3)", "{7,7,7}"),
        ("array_sort('{3,b,1,NULL,a,2.5}')", "{1,2.5,3,a,b,NULL}"),
        ("array_ndims('{{{1}}}')", 3),
        ("array_dims('{1,2}')", "[1:2]"),
        ("string_to_array('a,b,,c', ',')", '{a,b,"",c}'),
        ("string_to_array('a,b', ',', 'b')", "{a,NULL}"),
        ("string_to_array('ab', '')", "{a,b}"),
        ("array_to_string(ARRAY[1,NULL,'x'], '-')", "1-x"),
        ("array_to_string(ARRAY[1,NULL], '-', '*')", "1-*"),
        ("array_to_json('{1,x}')", '[1,"x"]'),
        ("ARRAY[1] || ARRAY[2] || '{3}'", "{1,2,3}"),
        ("ARRAY[1,2] @> '{2}' AND NOT ARRAY[1] && ARRAY[2]", 1),
        ("ARRAY[1,9] < ARRAY[1,10] AND ARRAY[1] < ARRAY[1,0] AND NOT ARRAY['b'] < ARRAY['a']", 1),
        ("ARRAY[1,2] = '{ 1 , 2 }'", 1),
        ("array_append(NULL, 1)", None),
    ],
)
def test_expressions(db: turso_wasm.Connection, expression: str, value: object) -> None:
    assert rows(db, f"SELECT {expression}") == [(value,)]


def test_columns(posts: turso_wasm.Connection) -> None:
    assert rows(posts, "SELECT * FROM t") == [
        (1, "{1,2,3}", "{x,y z,NULL}", "{{1.0,2.0},{3.0,4.0}}"),
        (2, "{4,5}", '{"1"}', None),
    ]
    assert rows(posts, "SELECT a[1], typeof(a[1]), b[2], c[2], c[2][1], a[9] FROM t WHERE id = 1") == [
        (1, "integer", "y z", "{3.0,4.0}", 3.0, None)
    ]
    assert rows(posts, "SELECT id FROM t WHERE a = ARRAY[4,5]") == [(2,)]
    assert "USING COVERING INDEX i (a=?)" in rows(posts, "EXPLAIN QUERY PLAN SELECT id FROM t WHERE a = '{4,5}'")[0][3]
    assert rows(posts, "SELECT id, value FROM t, unnest(t.a) WHERE value > 2") == [(1, 3), (2, 4), (2, 5)]
    assert rows(posts, "SELECT * FROM unnest(ARRAY['p', 'q'])") == [("p",), ("q",)]
    assert rows(posts, "SELECT array_agg(id ORDER BY id DESC), array_length(array_agg(id)) FROM t") == [("{2,1}", 2)]
    assert rows(posts, "SELECT ARRAY[?, 2][?]", 7, 1) == [(7,)]


def test_items_are_assigned(db: turso_wasm.Connection) -> None:
    db.executescript("CREATE TABLE u(a INTEGER[]) STRICT; INSERT INTO u VALUES ('{1,2}'), (NULL)")
    assert rows(db, "UPDATE u SET a[2] = 9 RETURNING a") == [("{1,9}",), (None,)]
    assert rows(db, "UPDATE u SET a[4] = a[1] + 1 RETURNING a") == [("{1,9,NULL,2}",), (None,)]
    for place, message in [("[0]", "array subscript out of range"), ("[1:2]", "a slice cannot be assigned")]:
        with pytest.raises(turso_wasm.OperationalError, match=message):
            db.execute(f"UPDATE u SET a{place} = 1")
    with pytest.raises(turso_wasm.OperationalError, match="invalid number in an array"):
        db.execute("UPDATE u SET a[1] = 'x'")
    for text in ("[1,2]", "{1,2", "1,2}", "{1,}", "{1 {2}}", '{"x}', "", "{1}}"):
        with pytest.raises(turso_wasm.OperationalError, match="malformed array literal"):
            db.execute("INSERT INTO u VALUES (?)", (text,))


def test_names_in_brackets_are_names(db: turso_wasm.Connection) -> None:
    db.execute("CREATE TABLE [some names]([a b] INT, array INT)")
    cursor = db.execute("SELECT [a b] [total (USD)], [array] [x], array FROM [some names] [n]")
    assert [column[0] for column in cursor.description] == ["total (USD)", "x", "array"]


def test_texts_and_json_say_the_same() -> None:
    rng = random.Random(7)

    def item(depth: int) -> Any:
        if depth < 3 and rng.random() < 0.3:
            return [item(depth + 1) for _ in range(rng.randrange(4))]
        return rng.choice([None, rng.randrange(-9, 99), 2.5, "", "NULL", "12", 'a"\\', "{,}", "é\n\x01", "x y ", "-"])

    for _ in range(300):
        value = [item(0) for _ in range(rng.randrange(5))]
        data = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        assert json.loads(array_json(array_text(data))) == value
        ordered = json.loads(array_json_sort(data))
        assert sorted(map(repr, ordered)) == sorted(map(repr, value))
        texts = [json.dumps([part], ensure_ascii=False, separators=(",", ":")) for part in ordered]
        assert not any(array_json_less(b, a) for a, b in pairwise(texts))


def test_sqlite_reads_and_writes_them(tmp_path: Path) -> None:
    path = str(tmp_path / "a.db")
    db = turso_wasm.connect(path, isolation_level=None)
    db.executescript("CREATE TABLE t(a TEXT[]) STRICT; INSERT INTO t VALUES ('{x,NULL}')")
    db.close()
    sqlite = apsw.Connection(path)
    assert sqlite.execute("SELECT value FROM t, json_each(a)").fetchall() == [("x",), (None,)]
    sqlite.execute("""INSERT INTO t VALUES (json_array('p', 'q'))""")
    for text in ("{x}", '{"a": 1}'):
        with pytest.raises(apsw.ConstraintError):
            sqlite.execute("INSERT INTO t VALUES (?)", (text,))
    sqlite.close()
    db = turso_wasm.connect(path, isolation_level=None)
    assert rows(db, "SELECT a FROM t") == [("{x,NULL}",), ("{p,q}",)]
    db.close()


def test_brackets_in_views_of_sqlites_are_names(tmp_path: Path) -> None:
    oracle = apsw.Connection(str(tmp_path / "a.db"))
    oracle.execute("CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2)")
    oracle.execute("CREATE VIEW v AS SELECT b[2], count(*)[1], a ARRAY FROM t")
    oracle.execute("CREATE TRIGGER r AFTER UPDATE ON t BEGIN INSERT INTO t SELECT a[1], b[2] FROM v[1] JOIN t; END")
    db = turso_wasm.connect(tmp_path / "a.db")
    assert db.execute("SELECT * FROM v").fetchall() == oracle.execute("SELECT * FROM v").fetchall()
    db.execute("CREATE VIEW w AS SELECT ARRAY[a, b][2] AS x FROM t")
    db.commit()
    db.close()
    db = turso_wasm.connect(tmp_path / "a.db")
    assert db.execute("SELECT x FROM w").fetchall() == [(2,)]
    db.close()
