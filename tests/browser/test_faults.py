# ruff: noqa: E501 (lines of JavaScript and SQL)
"""Storage in the browser that fails: a statement fails cleanly or succeeds, and what was committed stays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import open_page, runner
from tests.harness.effort import HEAVY

KINDS = ("opfs", "indexeddb")
FAULTS = [("opfs", "error"), ("opfs", "full"), ("opfs", "short"), ("opfs", "late"),
          ("indexeddb", "error"), ("indexeddb", "full"), ("indexeddb", "abort"), ("indexeddb", "late")]  # fmt: skip
SAMPLE = 40  # calls of a workload that are tried, when not heavy

# A database that is whole, a workload on it, and what there is: as one text.
TOOLS = """
const worker = new Worker('/tests/browser/faulty_worker.js', { type: 'module' });
const tell = (fault) => new Promise((resolve) => {
    const heard = ({ data }) => {
        if (data?.calls === undefined) return;
        worker.removeEventListener('message', heard);
        resolve(data.calls);
    };
    worker.addEventListener('message', heard);
    worker.postMessage({ fault });
});
const SCHEMA = `PRAGMA foreign_keys = ON;
    CREATE TABLE parent(id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB);
    CREATE TABLE child(parent INTEGER REFERENCES parent ON DELETE CASCADE, k);
    CREATE INDEX by_parent ON child(parent);
    CREATE TABLE tally(n);
    INSERT INTO tally VALUES (0);
    CREATE TRIGGER born AFTER INSERT ON parent BEGIN
        INSERT INTO child VALUES (new.id, 1), (new.id, 2);
        UPDATE tally SET n = n + 1;
    END;
    CREATE TRIGGER gone AFTER DELETE ON parent BEGIN UPDATE tally SET n = n - 1; END;
    INSERT INTO parent(name, data) VALUES ('first', zeroblob(20000)), ('second', NULL);`;
const WORK = [
    "INSERT INTO parent(name, data) VALUES ('third', zeroblob(6000))",
    'BEGIN', "INSERT INTO parent(name) VALUES ('fourth')", "UPDATE parent SET data = zeroblob(9000) WHERE name = 'third'", 'COMMIT',
    "DELETE FROM parent WHERE name = 'first'",
    'VACUUM',
    "INSERT INTO parent(name) VALUES ('fifth'), ('sixth')",
    'BEGIN', 'DELETE FROM parent', 'ROLLBACK',
    'PRAGMA wal_checkpoint(TRUNCATE)',
    'DROP INDEX by_parent',
];
const STATE = `SELECT json_array((SELECT json_group_array(json_array(id, name, length(data))) FROM parent),
    (SELECT json_group_array(json_array(parent, k)) FROM child), (SELECT n FROM tally), (SELECT group_concat(name) FROM sqlite_schema))`;
const state = (db) => db.prepare(STATE).pluck().get();
"""
# What the workload does without faults, after every statement, outside of transactions.
STATES = """
const model = await turso.connect(':memory:');
await model.exec(SCHEMA);
const states = [await state(model)]; // after so many statements, where nothing is in a transaction
for (const sql of WORK) {
    await model.exec(sql);
    states.push((await model.status()).inTransaction ? null : await state(model));
}
await model.close();
"""
# The workload with one fault. Statements from the one that failed on are left out; then the storage works.
RUN = """
const failing = async (fault) => {
    await turso.remove('faults.db', { storage }).catch(() => undefined);
    const db = await turso.connect('faults.db', { storage, worker, persist: false });
    await db.exec(`PRAGMA journal_mode = ${mode}; ${SCHEMA}`);
    await tell(fault);
    let done = 0;
    let error = null;
    const transacted = []; // where a transaction began
    for (const sql of WORK) {
        if (sql === 'BEGIN') transacted.push(done);
        error = await failure(() => db.exec(sql));
        if (error) break;
        done++;
    }
    const calls = await tell(null);
    if (error && (await db.status()).inTransaction) await failure(() => db.exec('ROLLBACK'));
    const after = states[done + 1];
    if (error && states[done] === null) done = transacted.at(-1);
    const found = await state(db);
    const sound = await db.pragma('integrity_check', { simple: true });
    const works = await failure(() => db.exec("INSERT INTO parent(name) VALUES ('afterwards'); DELETE FROM parent WHERE name = 'afterwards'"));
    await db.close();
    const again = await turso.connect('faults.db', { storage, persist: false });
    const kept = await state(again);
    await again.close();
    return { error, calls, allowed: [states[done], ...(error && fault.times > 1 ? [after] : [])], found, sound, works, kept };
};
"""


@pytest.fixture(scope="module")
def faulty(context: Any, server: str) -> Iterator[Any]:
    page = open_page(context, server)
    yield runner(page)
    page.close()


@pytest.mark.parametrize("mode", ["wal", "delete", "persist"])
@pytest.mark.parametrize(("storage", "kind"), FAULTS)
def test_every_call_of_storage(faulty: Any, storage: str, kind: str, mode: str) -> None:
    """For one call, and for all that follow in the same statement: then its commit may have happened, if it was one."""
    found = faulty(
        TOOLS
        + STATES
        + RUN
        + """
        const { calls, error, ...rest } = await failing({ at: 0, kind, times: 0 });
        if (error) return { calls, error, rest };
        const step = Math.max(1, Math.ceil(calls / sample));
        const outcomes = [];
        for (let at = 1; at <= calls; at += step) outcomes.push({ at, ...(await failing({ at, kind, times: at % 2 ? 1 : 1000 })) });
        worker.terminate();
        return { calls, outcomes };
        """,
        storage=storage,
        kind=kind,
        mode=mode,
        sample=10_000 if HEAVY else SAMPLE,
    )
    assert found["calls"] > 10, found
    for outcome in found["outcomes"]:
        error = outcome["error"]
        assert outcome["sound"] == "ok", outcome
        assert outcome["works"] is None, outcome
        assert outcome["found"] in outcome["allowed"], outcome
        assert outcome["found"] == outcome["kept"], outcome
        if kind in ("full", "short") and error:
            assert error["code"] == "SQLITE_FULL", outcome
            assert error["message"].startswith("database or disk is full"), outcome
        elif error:
            assert error["code"].startswith(("SQLITE_IOERR", "SQLITE_CANTOPEN")), outcome
    n_failed = sum(outcome["error"] is not None for outcome in found["outcomes"])
    assert n_failed == 0 if kind == "late" else n_failed > 0
