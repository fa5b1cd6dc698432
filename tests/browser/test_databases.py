"""Several databases of one connection in a page: temp, attached ones."""

from __future__ import annotations

from typing import Any


def test_temporary_tables(js: Any) -> None:
    got = js("""
        const db = await turso.connect('temporary.db');
        await db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1); CREATE TEMP TABLE t(a); INSERT INTO t VALUES (2)');
        const rows = await db.prepare('SELECT t.a, m.a AS b FROM t, main.t AS m').all();
        const names = await db.prepare('SELECT name FROM sqlite_temp_schema').all();
        await db.close();
        const again = await turso.connect('temporary.db');
        const after = await again.prepare('SELECT a FROM t').all();
        const none = await again.prepare('SELECT name FROM sqlite_temp_schema').all();
        await again.close();
        return { rows, names, after, none };
    """)
    assert got == {"rows": [{"a": 2, "b": 1}], "names": [{"name": "t"}], "after": [{"a": 1}], "none": []}
