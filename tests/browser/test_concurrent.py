# ruff: noqa: E501 (lines of JavaScript and SQL)
"""BEGIN CONCURRENT in tabs: each has a connection of its own, served by the tab that has the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import open_page, runner

DOCUMENT = (Path(__file__).parents[2] / "docs" / "concurrent-writers.md").read_text("utf-8")


@pytest.fixture(scope="module")
def pages(context: Any, server: str) -> Iterator[list[Any]]:
    opened = [open_page(context, server), open_page(context, server)]
    yield opened
    for page in opened:
        page.close()


@pytest.fixture(params=["opfs", "indexeddb"])
def tabs(pages: list[Any], request: pytest.FixtureRequest) -> Iterator[list[Any]]:
    """Two tabs that have `db` open, with a table t of three rows and a counter."""
    runs = [runner(page) for page in pages]
    for run in runs:
        run("globalThis.db = await turso.connect('concurrent.db', { storage })", storage=request.param)
    runs[0]("""await db.exec(`CREATE TABLE t(id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 10), (2, 20), (3, 30);
        CREATE TABLE counter(n); INSERT INTO counter VALUES (0)`)""")
    yield runs
    for run in runs:
        run("await db.close()")
    runs[0]("await turso.remove('concurrent.db', { storage })", storage=request.param)


def test_what_touches_other_rows_is_committed_and_a_conflict_names_the_row(tabs: list[Any]) -> None:
    one, other = tabs
    one("await db.exec('BEGIN CONCURRENT; INSERT INTO t(v) VALUES (1); UPDATE t SET v = 11 WHERE id = 1')")
    other("await db.exec('BEGIN CONCURRENT; INSERT INTO t(v) VALUES (2); UPDATE t SET v = 22 WHERE id = 2')")
    one("await db.exec('COMMIT')")
    other("await db.exec('COMMIT')")
    assert one("return db.prepare('SELECT v FROM t ORDER BY v').pluck().all()") == [1, 2, 11, 22, 30]
    one("await db.exec('BEGIN CONCURRENT; UPDATE t SET v = v + 1 WHERE id = 3')")
    other("await db.exec('BEGIN CONCURRENT; UPDATE t SET v = v + 1 WHERE id = 3')")
    one("await db.exec('COMMIT')")
    error = other("return failure(() => db.exec('COMMIT'))")
    assert (error["code"], error["message"]) == ("SQLITE_BUSY_SNAPSHOT", "conflict on row 3 of table t")
    assert other("return [db.inTransaction, await db.prepare('SELECT v FROM t WHERE id = 3').pluck().get()]") == [
        False,
        31,
    ]


def test_tabs_that_count_together_lose_nothing(tabs: list[Any]) -> None:
    start = """
        globalThis.tries = 0;
        const step = db.transaction(async (tx) => {
            tries++;
            const { n } = await tx.get('SELECT n FROM counter');
            await tx.run('UPDATE counter SET n = ?', n + 1);
            await tx.run('INSERT INTO t(v) VALUES (?)', n);
        });
        globalThis.work = (async () => { for (let i = 0; i < 15; i++) await step.concurrent(); })();
    """
    for run in tabs:
        run(start)
    tries = [run("await work; return tries") for run in tabs]
    assert tabs[0]("return db.prepare('SELECT n FROM counter').pluck().get()") == 30
    assert tabs[1]("return db.prepare('SELECT count(DISTINCT v) FROM t WHERE id > 3').pluck().get()") == 30
    assert sum(tries) >= 30
    mode = "return (await db.batch(['UPDATE counter SET n = n + 1'], { mode: 'concurrent' }))[0].changes"
    assert tabs[1](mode) == 1


def test_what_fn_throws_rolls_back_and_is_not_tried_again(tabs: list[Any]) -> None:
    error, count = tabs[0]("""
        let tries = 0;
        const act = db.transaction(async (tx) => { tries++; await tx.run('DELETE FROM t'); throw new Error('no'); });
        return [await failure(() => act.concurrent()), tries];
    """)
    assert (error["message"], count) == ("no", 1)
    assert tabs[1]("return db.prepare('SELECT count(*) FROM t').pluck().get()") == 3


def test_the_example_of_the_document(tabs: list[Any]) -> None:
    (example,) = re.findall(r"```js page\n(.*?)```", DOCUMENT, re.DOTALL)
    tabs[0](
        "await db.exec('CREATE TABLE account(id INTEGER PRIMARY KEY, balance); INSERT INTO account VALUES (1, 50), (2, 5)')"
    )
    tabs[1](example)
    assert tabs[0]("return db.prepare('SELECT balance FROM account').pluck().all()") == [40, 15]
