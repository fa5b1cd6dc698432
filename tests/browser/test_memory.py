# ruff: noqa: E501 (lines of JavaScript and SQL)
"""What a greedy statement took is free again: for the next statement, and for the next database of the worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import open_page, runner

GREEDY = (
    "SELECT length(group_concat(hex(zeroblob(400000000)))) FROM (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3)",
    "SELECT count(*) FROM (SELECT DISTINCT zeroblob(90000000) || i FROM (SELECT column1 AS i FROM (VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9))))",
)


@pytest.fixture(scope="module")
def tab(context: Any, server: str) -> Iterator[Callable[..., Any]]:
    page = open_page(context, server)
    yield runner(page)
    page.close()


@pytest.mark.parametrize("name", ["greedy.db", ":memory:"])
def test_a_large_blob_after_greedy_statements(tab: Any, name: str) -> None:
    found = tab(
        """const worker = await turso.connect(':memory:');
        const db = await turso.connect(name);
        await db.exec('CREATE TABLE b(x)');
        const said = [];
        for (const sql of [...greedy, ...greedy]) {
            const error = await failure(() => db.get(sql));
            said.push(error && error.code);
        }
        const large = new Uint8Array(90_000_000).fill(7);
        const { changes } = await db.prepare('INSERT INTO b VALUES (?)').run(large);
        const length = await db.prepare('SELECT length(x) FROM b').pluck().get();
        const back = await db.prepare('SELECT x FROM b').pluck().get();
        const others = [];
        for (let i = 0; i < 3; i++) {
            const other = await turso.connect(':memory:');
            await other.exec('CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(20000000))');
            others.push(await other.prepare('SELECT length(a) FROM t').pluck().get());
            await other.close();
        }
        const first = await worker.prepare('SELECT 1').pluck().get();
        await db.close(); await worker.close();
        if (name !== ':memory:') await turso.remove(name);
        return { said, changes, length, back: [back.length, back[0], back[89_999_999]], others, first };""",
        name=name,
        greedy=GREEDY,
    )
    assert set(found["said"][:1]) <= {"SQLITE_NOMEM", "SQLITE_TOOBIG"}
    assert found["said"][:2] == found["said"][2:], "the second time is as the first"
    assert (found["changes"], found["length"], found["back"]) == (1, 90_000_000, [90_000_000, 7, 7])
    assert (found["others"], found["first"]) == ([20_000_000] * 3, 1)
