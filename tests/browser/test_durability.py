# ruff: noqa: E501 (lines of JavaScript and SQL)
"""What is committed stays, whatever happens to the page, the worker, or the disk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import open_page, playwright, runner


@pytest.fixture
def tab(context: Any, server: str) -> Iterator[Any]:
    """A function that opens a tab; all are closed afterwards."""
    opened: list[Any] = []

    def new() -> Any:
        opened.append(open_page(context, server))
        return opened[-1]

    yield new
    for page in opened:
        with contextlib.suppress(playwright.Error):
            page.close()


@pytest.fixture(scope="module")
def pair(context: Any, server: str) -> Iterator[tuple[Any, Any]]:
    """Two tabs that live on: each test uses databases of its own."""
    pages = [open_page(context, server) for _ in range(2)]
    yield pages[0], pages[1]
    for page in pages:
        page.close()


WRITE = """
globalThis.db = await turso.connect(name);
await db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)');
await db.exec('BEGIN; INSERT INTO t VALUES (3)');
"""
READ = """
const db = await turso.connect(name);
const rows = await db.prepare('SELECT a FROM t ORDER BY a').pluck().all();
const check = await db.pragma('integrity_check', { simple: true });
await db.close();
await turso.remove(name);
return [rows, check];
"""


def test_a_reload_in_a_transaction(tab: Any) -> None:
    page = tab()
    runner(page)(WRITE, name="reload.db")
    page.reload()
    page.wait_for_function("globalThis.turso !== undefined")
    assert runner(page)(READ, name="reload.db") == [[1, 2], "ok"]


def test_a_worker_that_is_terminated_in_a_transaction(tab: Any) -> None:
    page = tab()
    js = runner(page)
    js(
        f"globalThis.worker = new Worker('/web/worker.js', {{ type: 'module' }}); const given = {{ worker }}; {WRITE.replace('(name)', '(name, given)')}",
        name="killed.db",
    )
    js("worker.terminate()")
    assert js(READ, name="killed.db") == [[1, 2], "ok"]


def test_a_page_that_crashes(tab: Any) -> None:
    page = tab()
    runner(page)(WRITE, name="crash.db")
    with contextlib.suppress(playwright.Error):
        page.goto("chrome://crash", timeout=5000)
    other = tab()
    assert runner(other)(READ, name="crash.db") == [[1, 2], "ok"]


def test_one_page_may_connect_twice(pair: tuple[Any, Any]) -> None:
    found = runner(pair[0])("""
        const [a, b] = await Promise.all([turso.connect('twice.db'), turso.connect('twice.db')]);
        await a.exec('CREATE TABLE t(x); INSERT INTO t VALUES (1)');
        const rows = await b.all('SELECT x FROM t');
        await a.close();
        await b.exec('INSERT INTO t VALUES (2)');
        const n = await b.prepare('SELECT count(*) FROM t').pluck().get();
        await b.close();
        await turso.remove('twice.db');
        return [rows, n];
    """)
    assert found == [[{"x": 1}], 2]


def test_a_full_disk_is_an_error_and_the_database_goes_on(pair: tuple[Any, Any], context: Any, server: str) -> None:
    page = pair[0]
    js = runner(page)
    js("""
        globalThis.db = await turso.connect('full.db');
        await db.exec('CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB); INSERT INTO t(b) VALUES (zeroblob(1000))');
    """)
    used = js("return (await navigator.storage.estimate()).usage")
    session = context.new_cdp_session(page)
    origin = server.rstrip("/")
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": used + 3_000_000})
    try:
        error = js("return failure(() => db.exec('INSERT INTO t(b) VALUES (randomblob(20000000))'))")
        assert error is not None, "there was room"
        assert (error["code"], error["message"]) == ("SQLITE_FULL", "database or disk is full")
        assert js("return db.prepare('SELECT count(*) FROM t').pluck().get()") == 1
    finally:
        session.send("Storage.overrideQuotaForOrigin", {"origin": origin})
    found = js("""
        await db.exec('INSERT INTO t(b) VALUES (randomblob(100000))');
        const found = [await db.prepare('SELECT count(*) FROM t').pluck().get(), await db.pragma('integrity_check', { simple: true })];
        await db.close();
        await turso.remove('full.db');
        return found;
    """)
    assert found == [2, "ok"]
