# ruff: noqa: E501 (lines of JavaScript and SQL)
"""Every promise settles, whatever happens to the network, the worker, the database or the reader."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from demo.serve import Handler, serving
from tests.browser.conftest import ROOT, open_page, runner

KERNEL = "/dist/kernel.wasm"

FILL = "CREATE TABLE n(i); INSERT INTO n VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10); INSERT INTO n SELECT a.i FROM n a, n b;"
ENDLESS = "SELECT a.i FROM n a, n b, n c, n d, n e, n f WHERE a.i + b.i + c.i + d.i > 1000"
SETTLES = """
const within = (milliseconds, promise) => Promise.race([
    Promise.resolve(promise).then(() => 'resolved', (error) => `${error.name}: ${error.message}`),
    new Promise((resolve) => setTimeout(resolve, milliseconds, 'still pending')),
]);
"""


class Faulty(Handler):
    """Serves /<fault>/<file>/<visit>/…: the file fails that way until /heal/<visit> was asked for.

    Its kernel does not say what build it is of, so that every visit is a first one (web/program_cache.js).
    """

    healed: set[str] = set()  # noqa: RUF012 (shared by all requests on purpose)

    def do_GET(self) -> None:
        """Answer, or fail to."""
        _, fault, name, *rest = self.path.split("?")[0].split("/")
        if fault == "heal":
            self.healed.add(name)
            self.send_error(404)
            return
        visit, *rest = rest
        self.path = "/" + "/".join(rest)
        if rest[-1] != name or visit in self.healed:
            super().do_GET()
            return
        if fault.isdigit():
            self.send_error(int(fault))
            return
        with open(self.translate_path(self.path), "rb") as file:
            content = file.read()
        if fault == "mute":
            threading.Event().wait(30)
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if fault == "mistyped" else self.guess_type(self.path))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write({"cut": content[: len(content) // 2]}.get(fault, content))
        self.close_connection = True

    def translate_path(self, path: str) -> str:
        """As the handler's, but for the kernel."""
        return str(ROOT / "turso_wasm" / "kernel" / "kernel.wasm") if path == KERNEL else super().translate_path(path)

    def end_headers(self) -> None:
        """Pages of another origin may read it; nothing is kept."""
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Faults are wanted here."""


@pytest.fixture(scope="module")
def faulty() -> Iterator[str]:
    with serving(handler=Faulty) as url:
        yield url.removesuffix("/")


@pytest.fixture(scope="module")
def tab(context: Any, server: str) -> Iterator[Callable[..., Any]]:
    page = open_page(context, server)
    run = runner(page)
    yield lambda body, **values: run(SETTLES + body, **values)
    page.close()


class TestAssets:
    @pytest.mark.parametrize("fault", ["503", "cut"])
    @pytest.mark.parametrize(
        "name",
        [
            "kernel.wasm",
            "compiler.pack",
            "pyodide.mjs",
            "pyodide.asm.mjs",
            "pyodide.asm.wasm",
            "python_stdlib.zip",
        ],
    )
    def test_connect_says_what_is_missing_and_the_next_one_starts_afresh(
        self, tab: Any, faulty: str, fault: str, name: str
    ) -> None:
        found = tab(
            """const both = await Promise.all([1, 2].map(() => within(20000, turso.connect(':memory:', { assets }))));
            await fetch(heal);
            const db = await turso.connect(':memory:', { assets });
            const one = await db.prepare('SELECT 1').pluck().get();
            await db.close();
            return [both, one];""",
            assets=f"{faulty}/{fault}/{name}/{fault}-{name}/dist/",
            heal=f"{faulty}/heal/{fault}-{name}",
        )
        (first, second), one = found
        assert one == 1
        assert first == second and first.startswith("Error: ")
        assert name in first
        assert "object" not in first

    def test_a_server_that_does_not_know_webassembly_is_forgiven(self, tab: Any, faulty: str) -> None:
        found = tab(
            "const db = await turso.connect(':memory:', { assets }); const one = await db.prepare('SELECT 1').pluck().get(); await db.close(); return one;",
            assets=f"{faulty}/mistyped/pyodide.asm.wasm/1/dist/",
        )
        assert found == 1

    def test_a_signal_is_heard_while_the_engine_starts(self, tab: Any, faulty: str) -> None:
        found = tab(
            """const started = performance.now();
            const first = within(20000, turso.connect(':memory:', { assets, signal: AbortSignal.timeout(300) }));
            return [await first, performance.now() - started];""",
            assets=f"{faulty}/mute/pyodide.asm.wasm/1/dist/",
        )
        assert found[0].startswith("TimeoutError")
        assert found[1] < 1500


class TestWorkers:
    START = """
        const worker = new Worker('/web/worker.js', { type: 'module' });
        const db = await turso.connect(':memory:', { worker });
    """

    def test_what_is_pending_and_what_comes_later_fails_when_the_worker_ends(self, tab: Any) -> None:
        found = tab(
            f"""{self.START}
            await db.exec(fill);
            const statement = db.prepare('SELECT 1');
            const rows = db.prepare('SELECT i FROM n').iterate();
            await rows.next();
            const pending = [db.all(sql), db.transaction(async (tx) => tx.all(sql))(), db.exec('SELECT 1')].map((one) => within(5000, one));
            await new Promise((resolve) => setTimeout(resolve, 100));
            worker.terminate();
            const before = await Promise.all(pending);
            const error = await failure(() => statement.get());
            const after = [statement.get(), db.status(), db.export(), rows.return(), db.close(), db.close()].map((one) => within(5000, one));
            return [before, error.code, db.open, await Promise.all(after), await within(5000, turso.connect(':memory:', {{ worker }}))];""",
            fill=FILL,
            sql=ENDLESS,
        )
        gone = "SqliteError: the database worker has ended: connect again"
        assert found[0] == [gone] * 3
        assert found[1:3] == ["SQLITE_IOERR", False]
        assert found[3] == [gone, gone, gone, "resolved", "resolved", "resolved"]
        assert found[4] == gone

    def test_one_that_ends_while_it_starts(self, tab: Any) -> None:
        found = tab("""
            await Promise.all(['turso-wasm', 'turso-wasm snapshot'].map((name) => caches.delete(name)));
            const worker = new Worker('/web/worker.js', { type: 'module' });
            const connecting = within(20000, turso.connect(':memory:', { worker }));
            setTimeout(() => worker.terminate(), 600);
            return connecting;
        """)
        assert found == "SqliteError: the database worker has ended: connect again"

    def test_one_whose_script_is_missing(self, tab: Any) -> None:
        found = tab(
            "return within(10000, turso.connect(':memory:', { worker: () => new Worker('/web/nowhere.js', { type: 'module' }) }))"
        )
        assert found.startswith("SqliteError: the database worker failed")

    def test_the_pages_own_is_started_again(self, tab: Any) -> None:
        found = tab("""
            const RealWorker = globalThis.Worker;
            const made = [];
            globalThis.Worker = class extends RealWorker { constructor(...args) { super(...args); made.push(this); } };
            const assets = '/dist//';  // a place of its own, so a worker of its own
            const first = await turso.connect('again.db', { assets });
            await first.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1); BEGIN; INSERT INTO t VALUES (2)');
            made[0].terminate();
            const lost = await within(5000, first.exec('COMMIT'));
            const second = await turso.connect('again.db', { assets });
            const rows = await second.prepare('SELECT a FROM t').pluck().all();
            await second.close();
            await turso.remove('again.db', { assets });
            globalThis.Worker = RealWorker;
            return [lost, rows, made.length];
        """)
        assert found == ["SqliteError: the database worker has ended: connect again", [1], 2]

    def test_two_connections_over_one_worker(self, tab: Any) -> None:
        found = tab(f"""{self.START}
            const other = await turso.connect(':memory:', {{ worker }});
            const rows = [await db.prepare('SELECT 1').pluck().get(), await other.prepare('SELECT 2').pluck().get()];
            await db.close();
            rows.push(await other.prepare('SELECT 3').pluck().get());
            worker.terminate();
            return rows;
        """)
        assert found == [1, 2, 3]


class TestConnect:
    def test_a_signal_is_heard_while_another_tab_has_the_file(self, tab: Any, context: Any, server: str) -> None:
        page = open_page(context, server)
        other = runner(page)
        other("globalThis.db = await turso.connect('held.db'); await db.exec('CREATE TABLE t(a)')")
        found = tab("""
            const started = performance.now();
            const error = await failure(() => turso.connect('held.db', { signal: AbortSignal.timeout(300) }));
            return [error.name, performance.now() - started];
        """)
        assert found[0] == "TimeoutError"
        assert found[1] < 1000
        other("await db.close()")
        page.close()
        assert (
            tab(
                "const db = await turso.connect('held.db'); const n = (await db.all('SELECT * FROM t')).length; await db.close(); await turso.remove('held.db'); return n"
            )
            == 0
        )

    def test_a_signal_that_fired_before(self, tab: Any) -> None:
        assert tab("return (await failure(() => turso.connect(':memory:', { signal: AbortSignal.abort() }))).name") == (
            "AbortError"
        )

    def test_what_was_given_up_is_not_left_open(self, tab: Any) -> None:
        found = tab("""
            for (let i = 0; i < 20; i++) {
                const controller = new AbortController();
                const connecting = failure(() => turso.connect('given-up.db', { signal: controller.signal }).then((db) => db.close()));
                setTimeout(() => controller.abort(), i);
                await connecting;
            }
            await new Promise((resolve) => setTimeout(resolve, 300));
            await turso.remove('given-up.db');
            return (await turso.list()).includes('given-up.db');
        """)
        assert found is False


class TestClose:
    def test_within_a_transaction_rolls_back_and_frees_the_file(self, tab: Any) -> None:
        found = tab("""
            const [a, b] = [await turso.connect('tx-close.db'), await turso.connect('tx-close.db')];
            await a.exec('CREATE TABLE t(x); INSERT INTO t VALUES (1)');
            let entered;
            const inside = new Promise((resolve) => { entered = resolve; });
            const running = a.transaction(async (tx) => {
                await tx.run('INSERT INTO t VALUES (2)');
                entered();
                await new Promise((resolve) => setTimeout(resolve, 300));
                await tx.run('INSERT INTO t VALUES (3)');
            })();
            const outcome = within(5000, running);
            await inside;
            const waiting = within(5000, a.all('SELECT 1'));
            const closing = await within(5000, a.close());
            const write = await within(5000, b.run('INSERT INTO t VALUES (4)'));
            const rows = await b.prepare('SELECT x FROM t').pluck().all();
            await b.close();
            await turso.remove('tx-close.db');
            return [closing, await outcome, await waiting, write, rows];
        """)
        closed = "SqliteError: the database is closed"
        assert found == ["resolved", closed, closed, "resolved", [1, 4]]

    def test_within_a_transaction_that_never_ends(self, tab: Any) -> None:
        found = tab("""
            const [a, b] = [await turso.connect('never.db'), await turso.connect('never.db')];
            await a.exec('CREATE TABLE t(x)');
            a.transaction(async (tx) => { await tx.run('INSERT INTO t VALUES (2)'); await new Promise(() => undefined); })();
            const waiting = within(5000, a.all('SELECT 1'));
            await new Promise((resolve) => setTimeout(resolve, 50));
            const result = [await within(2000, a.close()), await waiting, await within(2000, b.run('INSERT INTO t VALUES (4)'))];
            result.push(await b.prepare('SELECT x FROM t').pluck().all());
            await b.close();
            await turso.remove('never.db');
            return result;
        """)
        assert found == ["resolved", "SqliteError: the database is closed", "resolved", [4]]

    @pytest.mark.parametrize(
        "start",
        [
            "db.all(sql)",
            "db.get(sql)",
            "db.exec(sql)",
            "db.prepare(sql).iterate().next()",
            "db.run('INSERT INTO n ' + sql)",
            "db.transaction((tx) => tx.run('INSERT INTO n ' + sql))()",
            "db.exec('BEGIN; INSERT INTO n ' + sql)",
        ],
    )
    def test_interrupts_what_runs_long(self, tab: Any, start: str) -> None:
        found = tab(
            f"""const db = await turso.connect(':memory:');
            await db.exec(fill);
            const running = within(5000, {start});
            const queued = within(5000, db.all(sql));
            await new Promise((resolve) => setTimeout(resolve, 100));
            const started = performance.now();
            await db.close();
            const took = performance.now() - started;
            return [took, await running, await queued];""",
            fill=FILL,
            sql=ENDLESS,
        )
        assert found[0] < 1500
        stopped = {"SqliteError: interrupted", "SqliteError: the database is closed"}
        assert {found[1], found[2]} <= stopped

    def test_lets_short_writes_that_were_sent_before_end(self, tab: Any) -> None:
        found = tab("""
            let db = await turso.connect('short.db');
            await db.exec('CREATE TABLE t(x)');
            const insert = db.prepare('INSERT INTO t VALUES (?)');
            const writes = Array.from({ length: 500 }, (_, i) => insert.run(i));
            await db.close();
            const failed = (await Promise.allSettled(writes)).filter(({ status }) => status !== 'fulfilled').length;
            db = await turso.connect('short.db');
            const n = await db.prepare('SELECT count(*) FROM t').pluck().get();
            await db.close();
            await turso.remove('short.db');
            return [failed, n];
        """)
        assert found == [0, 500]


class TestReaders:
    MANY = "CREATE TABLE t(a INTEGER PRIMARY KEY, b); WITH ten(i) AS (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) INSERT INTO t(b) SELECT a.i FROM ten a, ten b, ten c, ten d;"
    FREE = """
        const free = async (db, other) => {
            await db.exec('BEGIN IMMEDIATE; DROP TABLE t; ROLLBACK; PRAGMA wal_checkpoint(TRUNCATE)');
            return within(3000, other.exec('DELETE FROM t WHERE a = 1'));
        };
    """

    @pytest.mark.parametrize(
        "leave",
        [
            "for await (const row of rows) break;",
            "for await (const row of rows) if (row.a === 700) break;",
            "await failure(async () => { for await (const row of rows) throw new Error('mine'); });",
            "await failure(async () => { for await (const row of rows) await db.exec('SELECT nonsense'); });",
            "await rows.next(); await rows.return();",
            "await rows.next(); await failure(() => rows.throw(new Error('mine')));",
            "await Promise.all([rows.next(), rows.next(), rows.return()]);",
            "await (async () => { for await (const row of rows) return row; })();",
        ],
    )
    def test_leaving_early_releases_the_statement_and_its_locks(self, tab: Any, leave: str) -> None:
        found = tab(
            f"""{self.FREE}
            const [db, other] = [await turso.connect('readers.db'), await turso.connect('readers.db', {{ timeout: 100 }})];
            await db.exec(many);
            const statement = db.prepare('SELECT * FROM t');
            const rows = statement.iterate();
            {leave}
            const again = (await statement.all()).length;
            const result = [again, await free(db, other)];
            await db.close();
            await other.close();
            await turso.remove('readers.db');
            return result;""",
            many=self.MANY,
        )
        assert found == [10_000, "resolved"]

    def test_a_dropped_reader_is_released_when_it_is_collected(self, context: Any, server: str) -> None:
        page = open_page(context, server)
        run = runner(page)
        run(
            """globalThis.db = await turso.connect(':memory:');
            await db.exec(many);
            globalThis.statement = db.prepare('SELECT * FROM t');
            await (async () => { await statement.iterate().next(); })();""",
            many=self.MANY,
        )
        session = context.new_cdp_session(page)
        error = None
        for _ in range(20):
            session.send("HeapProfiler.collectGarbage")
            error = run(
                "await new Promise((resolve) => setTimeout(resolve, 50)); return failure(() => statement.all())"
            )
            if error is None:
                break
        assert error is None
        assert run("return (await statement.all()).length") == 10_000
        page.close()

    def test_a_reader_ends_with_its_database(self, tab: Any) -> None:
        found = tab(
            """const db = await turso.connect(':memory:');
            await db.exec(many);
            const rows = db.prepare('SELECT * FROM t').iterate();
            await rows.next();
            await db.close();
            const rest = within(3000, (async () => { for await (const row of rows); })());
            return [await rest, await within(1000, rows.return())];""",
            many=self.MANY,
        )
        assert found == ["SqliteError: the database is closed", "resolved"]
