"""Materialized views in a page, on the origin private file system."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import runner


def test_views_on_opfs(page: Any) -> None:
    found = runner(page)("""
        let db = await turso.connect('views.db', { storage: 'opfs' });
        await db.exec(`DROP VIEW IF EXISTS v; DROP TABLE IF EXISTS t; CREATE TABLE t(id INTEGER PRIMARY KEY, g, x INT);
            CREATE MATERIALIZED VIEW v AS SELECT g, count(*) AS n, sum(x) AS s FROM t GROUP BY g`);
        await db.run("INSERT INTO t(g, x) VALUES ('a', 1), ('a', 2), ('b', 3)");
        await db.transaction(async (tx) => { await tx.run('DELETE FROM t'); throw new Error('no'); })().catch(() => 0);
        await db.run('UPDATE t SET x = 10 WHERE id = 2');
        await db.close();
        db = await turso.connect('views.db', { storage: 'opfs' });
        await db.run("DELETE FROM t WHERE g = 'b'");
        const rows = await db.prepare('SELECT * FROM v').raw().all();
        const kept = await db.prepare('SELECT c1, c2, c3 FROM __turso_view_v').raw().all();
        const live = db.live('SELECT n FROM v');
        const before = (await live.next()).value.rows;
        await db.run("INSERT INTO t(g, x) VALUES ('a', 1)");
        const after = (await live.next()).value.rows;
        await live.return();
        const error = await db.run('DELETE FROM v').catch((reason) => reason.message);
        await db.close();
        return [rows, kept, before, after, error];
    """)
    assert found == [[["a", 2, 11]], [["a", 2, 11]], [{"n": 2}], [{"n": 3}], "cannot modify materialized view v"]
