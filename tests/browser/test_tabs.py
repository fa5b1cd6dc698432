# ruff: noqa: E501 (lines of JavaScript and SQL)
"""Several tabs of one browser on one database: one owns the file, the others are served through it, and another takes over."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import open_page, playwright, runner

KINDS = ["opfs", "indexeddb"]
OPEN = "globalThis.db = await turso.connect('tabs.db', { storage, ...options });"
PAUSE = "const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));"


class Tab:
    """A tab with `db` open."""

    def __init__(self, page: Any, kind: str, **options: Any) -> None:
        self.page = page
        self.run = runner(page)
        self.kind = kind
        self.open(**options)

    def open(self, **options: Any) -> None:
        self.run(OPEN, storage=self.kind, options=options)

    def __call__(self, body: str, **values: Any) -> Any:
        return self.run(f"{PAUSE} {body}", **values)

    def rows(self) -> list[Any]:
        return self("return db.prepare('SELECT x FROM t ORDER BY x').pluck().all()")

    def owns(self) -> bool:
        return self("return (await db.status()).owner") == "this"


Tabs = Callable[..., list[Tab]]


@pytest.fixture(params=KINDS)
def tabs(context: Any, server: str, request: pytest.FixtureRequest) -> Iterator[Tabs]:
    """A function that opens tabs on one database with a table t(x), the first of which owns it."""
    opened: list[Any] = []

    def more(count: int, **options: Any) -> list[Tab]:
        found = []
        for _ in range(count):
            opened.append(open_page(context, server))
            found.append(Tab(opened[-1], request.param, **options))
            if len(opened) == 1:
                found[0]("await db.exec('DROP TABLE IF EXISTS t; CREATE TABLE t(x)')")
        return found

    yield more
    for page in opened[:-1]:
        page.close()
    with contextlib.suppress(playwright.Error):
        runner(opened[-1])(
            "await db.close().catch(() => undefined); await turso.remove('tabs.db', { storage })", storage=request.param
        )
    opened[-1].close()


class TestTwoTabs:
    def test_both_read_and_write(self, tabs: Tabs) -> None:
        first, second = tabs(2)
        first("await db.run('INSERT INTO t VALUES (1)')")
        assert second("return db.run('INSERT INTO t VALUES (?)', 2n ** 60n)")["changes"] == 1
        assert first.rows() == second.rows()
        assert (
            second("return db.prepare('SELECT x FROM t ORDER BY x').pluck().safeIntegers().all().then(String)")
            == f"1,{2**60}"
        )
        assert (first.owns(), second.owns()) == (True, False)
        assert [tab("return (await db.status()).tabs") for tab in (first, second)] == [2, 2]

    def test_what_travels(self, tabs: Tabs) -> None:
        """Errors, blobs, big results, iterators left early, scripts, functions, exports and imports."""
        _, second = tabs(2)
        found = second("""
            const error = await failure(() => db.exec('SELECT nope'));
            const blob = await db.prepare('SELECT ?').pluck().get(new Uint8Array([1, 2, 3]));
            await db.function('twice', (x) => 2 * x);
            const twice = await db.prepare('SELECT twice(21)').pluck().get();
            await db.exec('INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) SELECT i FROM n');
            const all = await db.prepare('SELECT x, hex(zeroblob(20)) FROM t').raw().all();
            const some = [];
            for await (const { x } of db.prepare('SELECT x FROM t ORDER BY x').iterate()) if (some.push(x) === 1000) break;
            let n = 0;
            for await (const row of db.prepare('SELECT x FROM t').iterate()) n++;
            const { results } = await db.script('SELECT count(*) FROM t; SELECT 2');
            const described = await db.prepare('SELECT x AS y FROM t').columns();
            const file = await db.export();
            return [error, [...blob], twice, all.length, some.length, n, results.map(({ rows }) => rows), described, file.length > 100000];
        """)
        assert (found[0]["code"], found[0]["message"]) == ("SQLITE_ERROR", "no such column: nope")
        assert found[1:7] == [[1, 2, 3], 42, 50_000, 1000, 50_000, [[[50_000]], [[2]]]]
        assert found[7] == [{"name": "y", "type": "", "table": "t", "column": "x"}] or found[7][0]["name"] == "y"
        assert found[8] is True

    def test_an_import_is_seen_by_all_when_they_open_again(self, tabs: Tabs) -> None:
        first, second = tabs(2)
        second(
            "await db.run('INSERT INTO t VALUES (7)'); globalThis.file = await db.export(); await db.run('DELETE FROM t')"
        )
        assert second("return failure(() => db.import(file))")["code"] == "SQLITE_BUSY"
        first("await db.close()")
        second("await db.import(file)")
        first.open()
        assert first.rows() == second.rows() == [7]

    def test_a_transaction_shuts_the_others_out_of_writing_not_of_reading(self, tabs: Tabs) -> None:
        first, second, third = tabs(3)
        second("await db.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (1)')")
        assert first.rows() == third.rows() == []
        for other in (first, third):
            error = other(
                "await db.pragma('busy_timeout = 100'); return failure(() => db.run('INSERT INTO t VALUES (2)'))"
            )
            assert (error["code"], error["message"]) == ("SQLITE_BUSY", "database is locked")
        third("await db.pragma('busy_timeout = 5000'); globalThis.late = db.run('INSERT INTO t VALUES (3)')")
        second("await pause(100); await db.exec('COMMIT')")
        third("await late")
        assert first.rows() == [1, 3]

    def test_who_waits_and_who_runs_may_give_up(self, tabs: Tabs) -> None:
        first, second = tabs(2)
        first("await db.exec('BEGIN IMMEDIATE')")
        found = second("""
            const started = performance.now();
            const waiting = await failure(() => db.prepare('INSERT INTO t VALUES (1)').signal(AbortSignal.timeout(100)).run());
            const endless = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n';
            setTimeout(() => db.interrupt(), 100);
            const running = await failure(() => db.get(endless));
            return [waiting.name, running.code, performance.now() - started];
        """)
        assert found[:2] == ["TimeoutError", "SQLITE_INTERRUPT"]
        assert found[2] < 2000
        first("await db.exec('ROLLBACK')")

    @pytest.mark.parametrize("leave", ["location.href = 'about:blank'", "await db.close()", "worker.terminate()"])
    def test_who_waits_for_a_lock_is_served_when_its_holder_goes(self, tabs: Tabs, leave: str) -> None:
        first, second = tabs(2)
        second("await db.close(); globalThis.worker = new Worker('/web/worker.js', { type: 'module' })")
        second("db = await turso.connect('tabs.db', { storage, worker })", storage=second.kind)
        second("await db.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (1)')")
        first(
            "globalThis.late = db.run('INSERT INTO t VALUES (2)'); await pause(100); globalThis.left = performance.now()"
        )
        second(leave)
        assert first("await late; return performance.now() - left") < 2000
        assert first.rows() == [2]

    def test_a_guest_that_goes_leaves_no_transaction(self, tabs: Tabs) -> None:
        first, second = tabs(2)
        second("await db.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (1)')")
        second.page.goto("about:blank")
        first("await db.run('INSERT INTO t VALUES (2)')")
        assert first.rows() == [2]


class TestTakingOver:
    @pytest.mark.parametrize("how", ["close", "reload", "crash", "terminate"])
    def test_an_owner_that_ends_is_replaced(self, tabs: Tabs, how: str) -> None:
        first, second, third = tabs(3)
        first("await db.run('INSERT INTO t VALUES (1)')")
        second("await db.function('twice', (x) => 2 * x); await db.pragma('foreign_keys = ON')")
        third("globalThis.insert = db.prepare('INSERT INTO t VALUES (?)'); await insert.run(2)")
        end(first, how)
        found = third("const started = performance.now(); await db.get('SELECT 1'); return performance.now() - started")
        assert found < 5000
        third("await insert.run(3)")
        assert second.rows() == third.rows() == [1, 2, 3]
        assert second("return db.prepare('SELECT twice(x) FROM t ORDER BY x').pluck().all()") == [2, 4, 6]
        assert second("return db.pragma('foreign_keys', { simple: true })") == 1
        assert third("return db.pragma('foreign_keys', { simple: true })") == 0
        assert sorted([second.owns(), third.owns()]) == [False, True]
        assert third("return db.pragma('integrity_check', { simple: true })") == "ok"

    def test_a_transaction_is_lost_whole(self, tabs: Tabs) -> None:
        first, second = tabs(2)
        second("await db.exec('BEGIN; INSERT INTO t VALUES (1)')")
        end(first, "reload")
        found = second("""
            const errors = [];
            for (const sql of ['INSERT INTO t VALUES (2)', 'SELECT x FROM t', 'COMMIT']) errors.push(await failure(() => db.run(sql)));
            const after = (await db.status()).inTransaction;
            await db.run('INSERT INTO t VALUES (3)');
            return [errors.map(({ code, message }) => [code, message]), after];
        """)
        lost = ["SQLITE_ABORT_ROLLBACK", "the transaction was lost: the tab that had the database open is gone"]
        assert found == [[lost] * 3, False]
        assert second.rows() == [3]

    def test_a_transaction_function_is_told(self, tabs: Tabs) -> None:
        first, second = tabs(2)
        second("""
            globalThis.go = null;
            globalThis.failed = failure(() => db.transaction(async (tx) => {
                await tx.run('INSERT INTO t VALUES (1)');
                await new Promise((resolve) => { go = resolve; });
                await tx.run('INSERT INTO t VALUES (2)');
            })());
            while (!go) await pause(5);
        """)
        end(first, "close")
        assert second("go(); return (await failed).code") == "SQLITE_ABORT_ROLLBACK"
        assert second("await db.transaction((tx) => tx.run('INSERT INTO t VALUES (3)'))(); return 1") == 1
        assert second.rows() == [3]

    def test_requests_under_way(self, tabs: Tabs) -> None:
        """What reads is asked again; what may have written is not, and says so."""
        first, second = tabs(2)
        slow = "(SELECT count(*) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000) SELECT i FROM n))"
        second(f"""
            globalThis.outcomes = Promise.allSettled([
                db.prepare('SELECT {slow}').pluck().get(),
                db.run('INSERT INTO t SELECT {slow}'),
                db.prepare('SELECT 42').pluck().get(),
            ]);
            await pause(50);
        """)
        end(first, "terminate")
        found = second(
            "const started = performance.now(); return [(await outcomes).map(({ value, reason }) => value ?? `${reason.code}: ${reason.message}`), performance.now() - started]"
        )
        unknown = "the tab that had the database open went away before it answered: what was written may or may not have been committed"
        assert found[0] == [3_000_000, f"SQLITE_IOERR: {unknown}", 42]
        assert second.rows() in ([], [3_000_000])

    def test_rows_under_way(self, tabs: Tabs) -> None:
        first, second = tabs(2)
        second("""
            await db.exec('INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000) SELECT i FROM n');
            globalThis.rows = db.prepare('SELECT x FROM t ORDER BY x').iterate();
            await rows.next();
        """)
        end(first, "close")
        error = second("return failure(async () => { for await (const row of rows); })")
        assert (error["code"], error["message"]) == (
            "SQLITE_ABORT",
            "the rows are no longer there: their database has moved",
        )
        assert second("return db.prepare('SELECT count(*) FROM t').pluck().get()") == 100_000

    def test_statements_that_the_owner_had_compiled_need_no_compiler(self, tabs: Tabs) -> None:
        """Loading it would take longer than all the rest. One whose application brings Programs has not loaded it."""
        (first,) = tabs(1)
        (second,) = tabs(1, programs="/nothing.bin")
        name = f"taken_{first.kind}_{time.time_ns()}"
        first(f"await db.run('INSERT INTO t VALUES (7)'); await db.get('SELECT x AS {name} FROM t'); await pause(1500)")
        first.page.goto("about:blank")
        assert second(f"return db.get('SELECT x AS {name} FROM t')") == {name: 7}
        status = second("return db.status()")
        assert (status["owner"], status["compiler"]) == ("this", "absent")


class TestAnOwnerThatDoesNotAnswer:
    """It is there, but frozen, or busy with what cannot be interrupted."""

    def test_who_asks_is_told_within_five_seconds(self, tabs: Tabs) -> None:
        first, second = tabs(2)
        first("""
            await db.function('spin', (milliseconds) => {
                const end = Date.now() + milliseconds;
                while (Date.now() < end);
                return 1;
            });
            await db.get('SELECT spin(0)'); // compiled, so that it spins at once
            globalThis.spinning = db.get('SELECT spin(14000)');
            await pause(100);
        """)
        found = second("""
            const outcomes = [];
            for (const act of [() => db.get('SELECT 1'), () => db.run('INSERT INTO t VALUES (1)')]) {
                const started = performance.now();
                outcomes.push([await failure(act), performance.now() - started]);
            }
            return outcomes;
        """)
        assert [error and error["code"] for error, _ in found] == ["SQLITE_BUSY"] * 2, found
        assert all(took < 5000 for _, took in found)
        first("await spinning")
        second("await db.run('INSERT INTO t VALUES (2)')")
        assert second.rows() == [2]

    @pytest.mark.parametrize(
        "event",
        [
            "document.dispatchEvent(new Event('freeze'))",
            "window.dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))",
        ],
    )
    def test_a_page_that_is_frozen_lets_go(self, tabs: Tabs, event: str) -> None:
        """Chromium without a window freezes no page: it is told that it will be."""
        first, second = tabs(2)
        first("await db.run('INSERT INTO t VALUES (1)'); await db.exec('BEGIN; INSERT INTO t VALUES (2)')")
        first(event)
        found = second(
            "const started = performance.now(); await db.get('SELECT 1'); return performance.now() - started"
        )
        assert found < 5000
        second("await db.run('INSERT INTO t VALUES (3)')")
        assert second.owns()
        assert first("return failure(() => db.run('INSERT INTO t VALUES (4)'))")["code"] == "SQLITE_ABORT_ROLLBACK"
        first("await db.exec('ROLLBACK'); await db.run('INSERT INTO t VALUES (5)')")
        assert first.rows() == second.rows() == [1, 3, 5]

    def test_closing_what_lost_its_owner(self, tabs: Tabs) -> None:
        """There is nothing left to close, and nobody to ask."""
        first, second = tabs(2)
        second(
            "await db.exec('BEGIN; INSERT INTO t VALUES (1)'); document.dispatchEvent(new Event('freeze')); await pause(50)"
        )
        assert second("const started = performance.now(); await db.close(); return performance.now() - started") < 1000
        assert first.rows() == []
        second.open()

    def test_a_late_owner_writes_nothing(self, tabs: Tabs) -> None:
        (only,) = tabs(1)
        if only.kind == "opfs":
            pytest.skip("there the access handle is the fence")
        found = only("""
            const request = indexedDB.open('turso-wasm');
            const idb = await new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
            const put = (value) => new Promise((resolve) => {
                const tx = idb.transaction('files', 'readwrite');
                const old = tx.objectStore('files').get(['owner', 'tabs.db']);
                tx.objectStore('files').put(value, ['owner', 'tabs.db']);
                tx.oncomplete = () => resolve(old.result);
            });
            const mine = await put('another');
            const error = await failure(() => db.run('INSERT INTO t VALUES (1)'));
            await put(mine);
            idb.close();
            return [mine.length > 10, error.code, error.message];
        """)
        assert found == [True, "SQLITE_IOERR", "disk I/O error: another tab has taken the database over"]


class TestNotices:
    LISTEN = "globalThis.heard = []; globalThis.stop = await db.onChange((change) => heard.push(change));"
    HEARD = "await pause(100); return heard.splice(0).map(({ tables, own }) => [tables, own])"

    def test_commits_are_heard_in_every_tab(self, tabs: Tabs) -> None:
        first, second = tabs(2)
        first("""await db.exec(`CREATE TABLE parent(a PRIMARY KEY); CREATE TABLE child(b REFERENCES parent ON DELETE CASCADE); CREATE TABLE log(c);
            CREATE TRIGGER noted AFTER DELETE ON child BEGIN INSERT INTO log VALUES (old.b); END; CREATE VIRTUAL TABLE words USING fts5(text); PRAGMA foreign_keys = ON`)""")
        for tab in (first, second):
            tab(self.LISTEN)
        first("""
            await db.run('INSERT INTO parent VALUES (1)');
            await db.run("INSERT INTO words VALUES ('a')");
            await db.exec('BEGIN; INSERT INTO t VALUES (1); INSERT INTO child VALUES (1)');
            await db.get('SELECT * FROM t');
            await db.exec('COMMIT');
            await db.exec('BEGIN; DELETE FROM t; ROLLBACK');
            await failure(() => db.run('INSERT INTO parent VALUES (1)'));
            await db.run('DELETE FROM parent');
            await db.run('DELETE FROM log');
            await db.exec('CREATE TABLE more(a)');
            await db.exec('DROP TABLE more');
        """)
        expected = [
            ["parent"],
            ["words"],
            ["child", "t"],
            ["child", "log", "parent"],
            ["log"],
            ["sqlite_schema"],
            ["sqlite_schema"],
        ]
        assert first(self.HEARD) == [[tables, True] for tables in expected]
        assert second(self.HEARD) == [[tables, False] for tables in expected]
        second("await db.transaction((tx) => tx.run('INSERT INTO t VALUES (2)'))(); await stop()")
        assert first(self.HEARD) == [[["t"], False]]
        first("await db.run('INSERT INTO t VALUES (3)')")
        assert first(self.HEARD) == [[["t"], True]]
        assert second(self.HEARD) in ([], [[["t"], True]])  # before it was stopped

    def test_after_a_change_of_owner_anything_may_have_changed(self, tabs: Tabs) -> None:
        first, second, third = tabs(3)
        for tab in (second, third):
            tab(self.LISTEN)
        end(first, "close")
        second("await db.get('SELECT 1')")
        third("await db.get('SELECT 1'); await db.run('INSERT INTO t VALUES (1)')")
        assert second(self.HEARD) == [[None, False], [["t"], False]]
        assert third(self.HEARD) == [[None, False], [["t"], True]]

    def test_status(self, tabs: Tabs) -> None:
        first, second = tabs(2)
        asked = second(
            "await db.run('INSERT INTO t VALUES (1)'); const { storage, owner, tabs, persisted } = await db.status(); return [storage, owner, tabs, typeof persisted, db.storage]"
        )
        assert asked == [second.kind, "other", 2, "boolean", second.kind]
        first("await db.close()")
        assert second("return (await db.status()).tabs") == 1


class TestMoving:
    def test_a_database_goes_with_all_it_has(self, tabs: Tabs) -> None:
        (only,) = tabs(1)
        other = next(kind for kind in KINDS if kind != only.kind)
        found = only(
            """await db.exec("INSERT INTO t VALUES (1), (2); PRAGMA foreign_keys = ON");
            await db.function('twice', (x) => 2 * x);
            const read = db.prepare('SELECT twice(x) FROM t ORDER BY x').pluck();
            await read.all();
            const [moved, meanwhile] = await Promise.all([db.moveTo(other), read.all()]);
            await db.run('INSERT INTO t VALUES (3)');
            const after = [moved === db, meanwhile, await read.all(), await db.pragma('foreign_keys', { simple: true }), db.storage, (await db.status()).storage];
            const lists = [await turso.list({ storage }), await turso.list({ storage: other })].map((names) => names.includes('tabs.db'));
            const again = await turso.connect('tabs.db', { storage: other });
            const busy = await failure(() => db.moveTo(storage));
            const rows = await again.prepare('SELECT x FROM t').pluck().all();
            await again.close();
            const there = await turso.connect('tabs.db', { storage });
            await there.exec('CREATE TABLE other(a)');
            const exists = await failure(() => db.moveTo(storage));
            await there.close();
            await turso.remove('tabs.db', { storage });
            await db.exec('BEGIN');
            const inside = await failure(() => db.moveTo(storage));
            await db.exec('ROLLBACK');
            await db.moveTo(storage);
            const bad = await failure(() => db.moveTo('memory'));
            return [after, lists, busy.code, rows, exists.message, inside.message, await read.all(), db.storage, bad.name, (await turso.list({ storage: other })).includes('tabs.db')];""",
            other=other,
            storage=only.kind,
        )
        assert found[0] == [True, [2, 4], [2, 4, 6], 1, other, other]
        assert found[1] == [False, True]
        assert found[2:4] == ["SQLITE_BUSY", [1, 2, 3]]
        assert found[4] == f"there is a database tabs.db in {only.kind} already"
        assert found[5] == "cannot move within a transaction"
        assert found[6:] == [[2, 4, 6], only.kind, "TypeError", False]


def end(tab: Tab, how: str) -> None:
    """End a tab, or its worker."""
    if how == "close":
        tab.page.goto("about:blank")
    elif how == "reload":
        tab.page.reload()
    elif how == "terminate":
        tab("db.connection.client.worker.terminate()")
    else:
        with tab.page.expect_event("crash", timeout=5000), contextlib.suppress(playwright.Error):
            tab.page.goto("chrome://crash", timeout=5000)
