# ruff: noqa: E501 (lines of JavaScript and SQL)
"""Full-text search USING fts in a page, on the origin private file system."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import runner


def test_an_index_on_opfs(page: Any) -> None:
    found = runner(page)("""
        const texts = ["SELECT id FROM t WHERE fts_match(title, body, 'fo* -cat') ORDER BY fts_score(title, body, 'fo*') DESC", "SELECT fts_highlight(body, '<b>', '</b>', 'dog') FROM t WHERE body MATCH 'dog~1'"];
        let db = await turso.connect('texts.db', { storage: 'opfs' });
        await db.exec(`DROP TABLE IF EXISTS t; CREATE TABLE t(id INTEGER PRIMARY KEY, title, body); INSERT INTO t VALUES (1, 'fox', 'fox and dog'), (2, 'cat', 'fox'); CREATE INDEX i ON t USING fts (title, body)`);
        await db.run("INSERT INTO t VALUES (3, '', 'food')");
        await db.close();
        db = await turso.connect('texts.db', { storage: 'opfs' });
        const found = [];
        for (const text of texts) found.push(await db.prepare(text).raw().all());
        const error = await db.exec("SELECT * FROM t WHERE fts_match(title, body, 'head:x')").catch((problem) => problem.message);
        await db.close();
        return [...found, error];
    """)
    assert found == [[[3], [1]], [["fox and <b>dog</b>"]], "fts: unknown field: head"]
