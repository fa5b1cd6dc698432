# ruff: noqa: E501 (lines of JavaScript and SQL)
"""An index of vectors in a page, on the origin private file system."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import runner


def test_an_index_on_opfs(page: Any) -> None:
    found = runner(page)("""
        const near = "SELECT id FROM t ORDER BY vector_distance_l2(e, ?) LIMIT 3", at = new Float32Array([500.2, 1000.4]);
        let db = await turso.connect('vectors.db', { storage: 'opfs' });
        await db.exec(`DROP TABLE IF EXISTS t; CREATE TABLE t(id INTEGER PRIMARY KEY, e); CREATE INDEX i ON t (libsql_vector_idx(e, 'metric=l2')); INSERT INTO t SELECT value, vector(json_array(value, 2 * value)) FROM generate_series(1, 1500); REINDEX i`);
        await db.run("INSERT INTO t VALUES (2000, ?)", at);
        await db.close();
        db = await turso.connect('vectors.db', { storage: 'opfs' });
        const found = [(await db.prepare('EXPLAIN QUERY PLAN ' + near).raw().all(at))[0][3]];
        found.push(await db.prepare(near).raw().all(at));
        found.push(await db.prepare("SELECT id FROM vector_top_k('i', ?, 2)").raw().all(at));
        found.push(await db.prepare("SELECT count(*) > 1 FROM __turso_index_i_lists WHERE list > 1").raw().all());
        const error = await db.exec("INSERT INTO t VALUES (3000, vector('[1]'))").catch((problem) => problem.message);
        await db.close();
        return [...found, error];
    """)
    assert found == [
        "SEARCH t USING VECTOR INDEX i (nearest)",
        [[2000], [500], [501]],
        [[2000], [500]],
        [[1]],
        "vector index i: row 3000 has 1 dimensions, not 2",
    ]
