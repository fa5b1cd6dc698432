# ruff: noqa: E501 (lines of JavaScript and SQL)
"""Queries larger than the memory limit in a page: through temporary files, which leave nothing in its storage."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize("storage", ["opfs", "memory"])
def test_many_times_as_large_as_memory(js: Any, storage: str) -> None:
    got = js(
        """
        const files = async () => {
          const names = [];
          const walk = async (folder, path) => {
            for await (const [name, handle] of folder.entries()) {
              if (handle.kind === 'directory') await walk(handle, `${path}${name}/`);
              else names.push(path + name);
            }
          };
          await walk(await navigator.storage.getDirectory(), '');
          return names.sort();
        };
        const db = await turso.connect('spill.db', { storage });
        await db.exec(`CREATE TABLE t(a INTEGER PRIMARY KEY, b INTEGER, c TEXT);
          INSERT INTO t SELECT value, value * 7919 % 101, printf('%d is the name %d', value * 31 % 15000, value % 7) FROM generate_series(1, 16000)`);
        const queries = [
          'SELECT c FROM t ORDER BY c',
          'SELECT DISTINCT c FROM t',
          'SELECT c, count(*), group_concat(a) FROM t GROUP BY c',
          'SELECT x.a, y.b FROM t x JOIN t y ON x.c = y.c',
          'SELECT count(*) FROM t WHERE c IN (SELECT c FROM t WHERE a % 3 = 0)',
          'WITH r AS MATERIALIZED (SELECT * FROM t) SELECT sum(x.a) FROM r x JOIN r y ON y.c = x.c',
        ];
        const run = async () => {
          const answers = [];
          for (const sql of queries) answers.push(JSON.stringify(await db.prepare(sql).raw().all()));
          return answers;
        };
        const expected = await run();
        const before = await files();
        await db.exec('PRAGMA soft_heap_limit = 65536');
        const limited = await run();
        const rows = db.prepare(queries[2]).iterate();
        await rows.next();
        await rows.return();
        const after = await files();
        const limit = await db.prepare('PRAGMA soft_heap_limit').pluck().get();
        await db.exec('PRAGMA soft_heap_limit = 0');
        await db.close();
        await turso.remove('spill.db', { storage });
        return { differing: queries.filter((_, i) => expected[i] !== limited[i]), before, after, limit, size: expected[0].length };
        """,
        storage=storage,
    )
    assert got["differing"] == []
    assert got["before"] == got["after"]
    assert got["limit"] == 65536
    assert got["size"] > 5 * 65536
