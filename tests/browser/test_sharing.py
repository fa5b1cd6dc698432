# ruff: noqa: E501 (lines of JavaScript and SQL)
"""Who waits for whom: two connections of one file, and a database inside its own transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import open_page, runner

PAIR = """
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const timed = async (act) => {
    const started = performance.now();
    const error = await failure(act);
    return [error && `${error.code}: ${error.message}`, performance.now() - started];
};
const options = { timeout, storage };
const [a, b] = [await turso.connect('sharing.db', options), await turso.connect('sharing.db', options)];
await a.exec('CREATE TABLE IF NOT EXISTS t(x); DELETE FROM t');
try { BODY } finally {
    await a.close();
    await b.close();
    await turso.remove('sharing.db', { storage });
}
"""


@pytest.fixture(scope="module")
def tab(context: Any, server: str) -> Iterator[Callable[..., Any]]:
    page = open_page(context, server)
    run = runner(page)
    yield run
    page.close()


@pytest.fixture(params=["opfs", "memory"])
def pair(tab: Any, request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Run JavaScript that has `a` and `b`, two connections of one file with a table t(x), `timed` and `pause`."""

    def run(body: str, timeout: int = 5000, **values: Any) -> Any:
        return tab(PAIR.replace("BODY", body), timeout=timeout, storage=request.param, **values)

    return run


class TestTwoConnections:
    @pytest.mark.parametrize(
        "write",
        [
            "b.run('INSERT INTO t VALUES (2)')",
            "b.exec('INSERT INTO t VALUES (2)')",
            "b.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (2); COMMIT')",
            "b.script('INSERT INTO t VALUES (2)')",
            "b.get('INSERT INTO t VALUES (2) RETURNING x')",
            "b.all('INSERT INTO t VALUES (2) RETURNING x')",
            "(async () => { for await (const row of b.prepare('INSERT INTO t VALUES (2) RETURNING x').iterate()); })()",
            "b.transaction((tx) => tx.run('INSERT INTO t VALUES (2)'))()",
            "b.transaction((tx) => tx.run('INSERT INTO t VALUES (2)')).immediate()",
            "b.transaction((tx) => tx.run('INSERT INTO t VALUES (2)')).exclusive()",
        ],
    )
    def test_a_second_writer_waits_for_the_first(self, pair: Any, write: str) -> None:
        error, took, rows = pair(f"""
            await a.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (1)');
            setTimeout(() => a.exec('COMMIT'), 200);
            const [error, took] = await timed(() => {write});
            return [error, took, await a.prepare('SELECT x FROM t').pluck().all()];
        """)
        assert (error, rows) == (None, [1, 2])
        assert 150 < took < 2000

    def test_not_longer_than_the_timeout_says(self, pair: Any) -> None:
        found = pair(
            """await a.exec('BEGIN IMMEDIATE');
            const first = await timed(() => b.run('INSERT INTO t VALUES (2)'));
            await b.pragma('busy_timeout = 0');
            const second = await timed(() => b.run('INSERT INTO t VALUES (2)'));
            await b.pragma('busy_timeout = 600');
            const third = await timed(() => b.run('INSERT INTO t VALUES (2)'));
            const shown = await b.pragma('busy_timeout', { simple: true });
            await a.exec('ROLLBACK');
            return [first, second, third, shown];""",
            timeout=200,
        )
        assert [one[0] for one in found[:3]] == ["SQLITE_BUSY: database is locked"] * 3
        assert 190 <= found[0][1] < 1000
        assert found[1][1] < 150
        assert 590 <= found[2][1] < 1500
        assert found[3] == 600

    def test_who_waits_may_give_up(self, pair: Any) -> None:
        found = pair("""
            await a.exec('BEGIN IMMEDIATE');
            const insert = b.prepare('INSERT INTO t VALUES (2)').signal(AbortSignal.timeout(150));
            const started = performance.now();
            const error = await failure(() => insert.run());
            setTimeout(() => b.interrupt(), 100);
            const other = await failure(() => b.run('INSERT INTO t VALUES (2)'));
            const took = performance.now() - started;
            await a.exec('ROLLBACK');
            await b.run('INSERT INTO t VALUES (3)');
            return [error.name, other.code, took, await a.prepare('SELECT x FROM t').pluck().all()];
        """)
        assert found[:2] == ["TimeoutError", "SQLITE_INTERRUPT"]
        assert found[2] < 1000
        assert found[3] == [3]

    def test_closing_frees_who_waits(self, pair: Any) -> None:
        error, took = pair("""
            await a.exec('BEGIN IMMEDIATE; INSERT INTO t VALUES (1)');
            setTimeout(() => a.close(), 150);
            return timed(() => b.run('INSERT INTO t VALUES (2)'));
        """)
        assert error is None and took < 1500

    def test_many_writers_take_turns(self, pair: Any) -> None:
        found = pair("""
            const add = (db) => db.transaction(async (tx) => {
                const n = await tx.prepare('SELECT count(*) FROM t').pluck().get();
                await pause(1);
                await tx.run('INSERT INTO t VALUES (?)', n);
            }).immediate();
            const all = await Promise.allSettled(Array.from({ length: 40 }, (_, i) => add(i % 2 ? a : b)));
            const rows = await a.prepare('SELECT x FROM t').pluck().all();
            return [all.filter(({ status }) => status === 'rejected').length, rows.every((x, i) => x === i), rows.length];
        """)
        assert found == [0, True, 40]

    def test_a_snapshot_that_is_out_of_date_fails_at_once(self, tab: Any) -> None:
        found = tab(
            PAIR.replace(
                "BODY",
                """await b.exec('BEGIN; SELECT * FROM t');
                await a.run('INSERT INTO t VALUES (1)');
                const result = await timed(() => b.run('INSERT INTO t VALUES (2)'));
                await b.exec('ROLLBACK');
                return result;""",
            ),
            timeout=5000,
            storage="opfs",
        )
        assert found[0].startswith("SQLITE_BUSY_SNAPSHOT")
        assert found[1] < 1000


class TestOwnTransaction:
    @pytest.mark.parametrize(
        "call",
        [
            "insert.run(1)",
            "insert.get(1)",
            "insert.all(1)",
            "insert.iterate(1).next()",
            "insert.describe()",
            "a.run('INSERT INTO t VALUES (1)')",
            "a.exec('INSERT INTO t VALUES (1)')",
            "a.script('SELECT 1')",
            "a.pragma('user_version')",
            "a.status()",
            "a.export()",
            "a.import(new Blob([]))",
            "a.transaction(async (inner) => inner.run('INSERT INTO t VALUES (1)'))()",
            "Promise.all([1, 2].map((x) => insert.run(x)))",
        ],
    )
    @pytest.mark.parametrize(
        "before",
        [
            "",
            "await tx.run('INSERT INTO t VALUES (0)');",
            "await pause(20);",
            "await helper(tx);",
            "for await (const row of tx.prepare('SELECT 1').iterate());",
            "await tx.transaction(async (inner) => { await inner.run('INSERT INTO t VALUES (0)'); })();",
        ],
    )
    def test_the_database_says_what_to_write(self, tab: Any, call: str, before: str) -> None:
        found = tab(
            PAIR.replace(
                "BODY",
                f"""const helper = async (tx) => {{ await tx.run('SELECT 1'); await pause(1); return 1; }};
                const insert = a.prepare('INSERT INTO t VALUES (?)');
                const [error, took] = await timed(a.transaction(async (tx) => {{ {before} await {call}; }}));
                return [error, took, (await a.status()).inTransaction, (await a.all('SELECT * FROM t')).length];""",
            ),
            timeout=5000,
            storage="memory",
        )
        assert found[0].startswith("SQLITE_MISUSE: this would wait for its own transaction")
        assert "tx.prepare(sql)" in found[0]
        assert found[1] < 1000
        assert found[2:] == [False, 0]

    def test_where_it_cannot_be_seen_it_is_refused_in_time(self, tab: Any) -> None:
        found = tab(
            PAIR.replace(
                "BODY",
                """const later = (act) => new Promise((resolve, reject) => setTimeout(() => act().then(resolve, reject), 5));
                const [error, took] = await timed(a.transaction(async (tx) => {
                    await tx.run('INSERT INTO t VALUES (0)');
                    await later(() => a.run('INSERT INTO t VALUES (1)'));
                }));
                return [error, took, (await a.all('SELECT * FROM t')).length];""",
            ),
            timeout=400,
            storage="memory",
        )
        assert found[0].startswith("SQLITE_BUSY: database is locked: a transaction has been open for 400 ms")
        assert "tx.prepare(sql)" in found[0]
        assert 390 < found[1] < 1500
        assert found[2] == 0

    def test_whoever_is_outside_waits(self, tab: Any) -> None:
        found = tab(
            PAIR.replace(
                "BODY",
                """const order = [];
                const busy = a.transaction(async (tx) => {
                    for (let i = 0; i < 8; i++) { await pause(40); await tx.run('INSERT INTO t VALUES (?)', i); }
                    order.push('transaction');
                })();
                const outside = a.prepare('SELECT count(*) FROM t').pluck().get().then((n) => order.push(n));
                const other = a.transaction(async (tx) => { await tx.run('INSERT INTO t VALUES (8)'); order.push('another'); })();
                const given = failure(() => a.prepare('SELECT 1').signal(AbortSignal.timeout(50)).get()).then(({ name }) => order.push(name));
                await Promise.all([busy, outside, other, given]);
                return [order[0], order[1], order.slice(2).sort()];""",
            ),
            timeout=150,
            storage="memory",
        )
        assert found[:2] == ["TimeoutError", "transaction"]
        assert "another" in found[2]

    def test_another_database_may_be_used_inside(self, tab: Any) -> None:
        found = tab(
            PAIR.replace(
                "BODY",
                """const c = await turso.connect(':memory:');
                await c.exec('CREATE TABLE u(y)');
                await a.transaction(async (tx) => {
                    await c.transaction(async (other) => { await other.run('INSERT INTO u VALUES (1)'); await tx.run('INSERT INTO t VALUES (1)'); })();
                    await c.run('INSERT INTO u VALUES (2)');
                })();
                const rows = [await a.prepare('SELECT x FROM t').pluck().all(), await c.prepare('SELECT y FROM u').pluck().all()];
                await c.close();
                return rows;""",
            ),
            timeout=5000,
            storage="memory",
        )
        assert found == [[1], [1, 2]]
