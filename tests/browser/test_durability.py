# ruff: noqa: E501 (lines of JavaScript and SQL)
"""What is committed stays, whatever happens to the page, the worker, or the disk."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
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


@pytest.mark.parametrize("storage", ["opfs", "indexeddb"])
def test_a_full_disk_is_an_error_and_the_database_goes_on(
    launch: Callable[[Path], Any], server: str, tmp_path: Path, storage: str
) -> None:
    """The browser's own quota: the last commit stays, another tab sees it, and what fails says how much room there is.

    A profile of its own: Chromium asks for IndexedDB's quota when it is first used, and then remembers it.
    """
    context = launch(tmp_path)
    page = context.new_page()
    page.goto(f"{server}tests/browser/blank.html")
    session = context.new_cdp_session(page)
    origin = server.rstrip("/")
    session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 10_000_000})
    page, other = open_page(context, server), open_page(context, server)
    js = runner(page)
    js(
        """
        globalThis.db = await turso.connect('full.db', { storage });
        await db.exec('CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB); INSERT INTO t(b) VALUES (zeroblob(1000))');
        """,
        storage=storage,
    )
    runner(other)(
        """
        globalThis.db = await turso.connect('full.db', { storage });
        const compiled = await turso.connect(':memory:');
        await compiled.exec('SELECT 1 AS loads_the_compiler');
        await compiled.close();
        """,
        storage=storage,
    )
    for run in (js, runner(other)):
        error = run("return failure(() => db.exec('INSERT INTO t(b) VALUES (randomblob(12000000))'))")
        assert error is not None, "there was room"
        assert error["code"] == "SQLITE_FULL"
        assert FULL.fullmatch(error["message"]), error["message"]
        assert run("return db.prepare('SELECT count(*) FROM t').pluck().get()") == 1
        assert run("return (await db.status()).inTransaction") is False
    if storage == "opfs":  # there is room for little things; IndexedDB tidies up later what it did not keep
        js("await db.exec('UPDATE t SET b = zeroblob(100)')")
    found = js("""
        const lengths = () => db.prepare('SELECT length(b) FROM t').pluck().all();
        return [await lengths(), await db.pragma('integrity_check', { simple: true })];
    """)
    assert found == [[100 if storage == "opfs" else 1000], "ok"]
    context.close()


FULL = re.compile(
    r"database or disk is full: [\d.]+ [KM]B were to be written(, [\d.]+ [KM]B of the [\d.]+ [KM]B that this site may store are left)?"
)


def test_the_log_begins_anew(tab: Any) -> None:
    """Whatever is written, it stays near 1,000 pages, and goes when the database is closed."""
    found = runner(tab())("""
        const db = await turso.connect('log.db', { storage: 'opfs' });
        const size = async () => (await (await (await navigator.storage.getDirectory()).getFileHandle('log.db-wal')).getFile()).size;
        await db.exec('PRAGMA journal_mode = wal; CREATE TABLE t(a INTEGER PRIMARY KEY, b)');
        const sizes = [];
        for (let i = 0; i < 60; i++) {
            await db.exec('INSERT INTO t(b) VALUES (randomblob(400000))');
            sizes.push(await size());
        }
        await db.close();
        const left = await size().catch(({ name }) => name);
        await turso.remove('log.db', { storage: 'opfs' });
        return [Math.max(...sizes), left];
    """)
    assert 1_000_000 < found[0] < 6_000_000
    assert found[1] == "NotFoundError"
