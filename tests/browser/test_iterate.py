# ruff: noqa: E501 (lines of JavaScript and SQL)
"""Rows asked for one by one while their table is cleared, rolled back, changed or dropped: what SQLite gives.

Rows that were in the buffer when the table changed are given all the same; SQLite has no buffer. So what is compared
is either undone again, or refused.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import open_page, runner
from tests.unit.dbapi.test_open_cursors import Sqlite, outcome

ROWS = 20_000  # more than are on their way at once
MAKE = (
    "CREATE TABLE u(a)",
    "INSERT INTO u VALUES (1)",
    "CREATE TABLE t(id INTEGER PRIMARY KEY, a, b)",
    "CREATE INDEX i ON t(a)",
    "CREATE TABLE w(id PRIMARY KEY, a) WITHOUT ROWID",
    f"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < {ROWS}) INSERT INTO t SELECT x, x, 'row ' || x FROM c",
    "INSERT INTO w SELECT id, a FROM t",
)
QUERIES = (
    "SELECT id, a FROM t",
    "SELECT a, b FROM t WHERE a > 5 ORDER BY a DESC",
    "SELECT t.id FROM u, t",
    "SELECT id FROM w WHERE id > 3",
    "SELECT id FROM t WHERE a IN (SELECT id FROM w)",
)
SCRIPTS = (
    "BEGIN; DELETE FROM t; ROLLBACK",
    "BEGIN; DELETE FROM t; DELETE FROM w; ROLLBACK",
    "BEGIN; DELETE FROM t WHERE id > 0; ROLLBACK",
    "BEGIN; UPDATE t SET a = a + 100000; ROLLBACK",
    "SAVEPOINT s; DELETE FROM t; ROLLBACK TO s; RELEASE s",
    "BEGIN; SAVEPOINT s; DELETE FROM w; ROLLBACK TO s; DELETE FROM u; ROLLBACK",
    "DELETE FROM u",
    "DROP TABLE t",
    "DROP TABLE w",
    "DROP INDEX i",
    "BEGIN; INSERT INTO u VALUES (2); DROP TABLE t; COMMIT",
    "BEGIN; DROP TABLE u; ROLLBACK",
    "CREATE TABLE v(a)",
    "ALTER TABLE u ADD COLUMN z",
)

ITERATE = """
    const said = [], got = [];
    const last = (error) => got.push(error.message);
    const rows = db.prepare(query).raw().iterate();
    for (let i = 0; i < 10; i++) got.push((await rows.next()).value);
    for (const sql of script.split(';')) {
        const error = await failure(() => db.exec(sql));
        said.push(error ? [error.message] : []);
    }
    try { for await (const row of rows) got.push(row); } catch (error) { last(error); }
    const left = [];
    for (const table of ['t', 'u', 'w']) left.push([await db.prepare(`SELECT count(*), sum(a) FROM ${table}`).raw().get()]);
    const sound = await db.prepare('PRAGMA integrity_check').pluck().all();
    const size = got.reduce((total, row) => total + JSON.stringify(row).length, 0);
    return [said, [got.length, size, ...got.slice(0, 12), ...got.slice(-3)], left, sound];
"""


@pytest.fixture(scope="module")
def tab(context: Any, server: str) -> Iterator[Callable[..., Any]]:
    page = open_page(context, server)
    yield runner(page)
    page.close()


@pytest.mark.parametrize(("name", "query"), [("iterate.db", QUERIES[0]), *((":memory:", query) for query in QUERIES)])
def test_as_sqlite(tab: Any, tmp_path: Path, name: str, query: str) -> None:
    for n, script in enumerate(SCRIPTS):
        theirs = Sqlite(tmp_path / f"{n}.db")
        for sql in MAKE:
            theirs.run(sql)
        expected = outcome(theirs, query, script)
        theirs.close()
        found = tab(
            f"""const db = await turso.connect(name);
            try {{ await db.exec(make); {ITERATE} }}
            finally {{ await db.close(); if (name !== ':memory:') await turso.remove(name); }}""",
            name=name,
            make="; ".join(MAKE),
            query=query,
            script=script,
        )
        said, got, left = ([list(each) if isinstance(each, tuple) else each for each in part] for part in expected)
        left = [[list(row) for row in rows] for rows in left]
        size = sum(len(json.dumps(row, separators=(",", ":"))) for row in got)
        got = [len(got), size, *got[:12], *got[-3:]]
        assert found == [said, got, left, ["ok"]], script


def test_a_reader_amid_a_transaction_that_is_undone(tab: Any) -> None:
    """Two readers, one on each side of a transaction's beginning."""
    found = tab(
        """const db = await turso.connect(':memory:');
        await db.exec(make);
        const before = db.prepare('SELECT id FROM t').pluck().iterate();
        const first = [(await before.next()).value];
        await db.exec("BEGIN; INSERT INTO t VALUES (-1, 0, 0)");
        const inside = db.prepare('SELECT id FROM t ORDER BY id').pluck().iterate();
        const second = [(await inside.next()).value];
        await db.exec('ROLLBACK');
        for await (const id of before) first.push(id);
        for await (const id of inside) second.push(id);
        await db.close();
        return [first.length, second.length, second[0]];""",
        make="; ".join(MAKE),
    )
    assert found == [ROWS, ROWS + 1, -1]


def test_rows_that_came_before_a_time_slice_was_over_stay(js: Any) -> None:
    # each row takes several slices, and is in the buffer when the next one's slices end
    got = js(
        """
        const db = await turso.connect(':memory:');
        await db.exec('CREATE TABLE t(a); INSERT INTO t SELECT value FROM generate_series(1, 700)');
        const sql = 'SELECT value, (SELECT count(*) FROM t x, t y WHERE x.a + y.a > value) > 0 FROM generate_series(1, 4)';
        const statement = db.prepare(sql).raw();
        const all = await statement.all();
        const iterated = [];
        for await (const row of statement.iterate()) iterated.push(row);
        const { results } = await db.script(sql);
        const [{ rows }] = await db.batch([sql]);
        await db.close();
        return [all.length, iterated.length, results[0].rows.length, rows.length];
        """
    )
    assert got == [4, 4, 4, 4]
