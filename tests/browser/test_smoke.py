# ruff: noqa: E501 (lines of JavaScript and SQL)
from __future__ import annotations

from typing import Any


def test_a_database_in_memory_answers(js: Any) -> None:
    found = js("""
        const db = await turso.connect(':memory:');
        await db.exec('CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users(name) VALUES (\\'Ada\\'), (\\'Bo\\')');
        return await db.prepare('SELECT * FROM users ORDER BY id').all();
    """)
    assert found == [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Bo"}]


def test_a_file_keeps_what_was_written(js: Any) -> None:
    found = js("""
        let db = await turso.connect('smoke.db');
        await db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1), (2.5), (NULL)');
        await db.close();
        db = await turso.connect('smoke.db');
        const rows = await db.prepare('SELECT a FROM t').pluck().all();
        await db.close();
        return rows;
    """)
    assert found == [1, 2.5, None]
