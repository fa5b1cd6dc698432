# ruff: noqa: E501 (lines of JavaScript and SQL)
"""What the page's API has in common with the synchronous one (tests/conformance/face.mjs), and what only a page has: signals, properties that answers
tell, errors that cross the worker.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.test_api import SETUP


@pytest.fixture
def users(js: Any) -> Any:
    def run(body: str, **values: Any) -> Any:
        return js(f"{SETUP}try {{ {body} }} finally {{ await db.close(); }}", **values)

    return run


def test_lists_templates_and_mixed_parameters(users: Any) -> None:
    found = users("""
        const { fragment, identifier, join, values } = turso;
        const ids = (query) => query.pluck().all();
        const query = db.sql`SELECT id FROM ${identifier('users')} WHERE ${fragment`id < ${3}`} AND id IN (${[1, 3, 2]}) ORDER BY 1`;
        const evil = "x'; DROP TABLE users";
        await db.sql`INSERT INTO users(id, name) VALUES (${values([9, evil])})`.run();
        return [
            await ids(query), await db.prepare('SELECT id FROM users WHERE name IN (:names)').pluck().all({ names: ['Bo', 'none'] }),
            await db.prepare('SELECT ?, :a, ?').raw().get(1, [2], { a: 3 }), await db.get('SELECT name FROM users WHERE id = 9'),
            await db.prepare('SELECT id FROM users WHERE id NOT IN (?)').pluck().all([[]]).then((all) => all.sort()),
            (await failure(() => db.all('SELECT ?', [[1]]))).message, (await failure(() => db.all('SELECT 1 IN (?)', [[new Uint8Array(1), 1]]))).message,
        ];
    """)
    assert found[:5] == [[1, 2], [2], [1, 3, 2], {"name": "x'; DROP TABLE users"}, [1, 2, 3, 9]]
    assert found[5].endswith("not Array: an array is a list where IN (?) or unnest(?) stands")
    assert found[6].endswith("a list with bytes holds bytes and null alone, not number")


def test_bind_expand_and_what_a_statement_says(users: Any) -> None:
    found = users("""
        const statement = db.prepare('SELECT users.id, 1 + ? AS sum FROM users ORDER BY id').bind(1).expand();
        const rows = [];
        for await (const row of statement.iterate()) rows.push(row);
        const running = statement.all();
        const busy = [statement.busy, await running.then(() => statement.busy)];
        return [rows.slice(0, 2), (await statement.get()), busy, await statement.reader, await statement.readonly, statement.database === db, `${statement}`.length,
                (await failure(() => statement.get(1))).message, (await failure(async () => statement.bind(1))).message];
    """)
    rows = [{"users": {"id": 1}, "$": {"sum": 2}}, {"users": {"id": 2}, "$": {"sum": 2}}]
    taken = "the statement has bound parameters already: it takes no more"
    once = "bind() can be called once: the statement has bound parameters already"
    assert found == [rows, rows[0], [True, False], True, True, True, 52, taken, once]


def test_what_a_database_says(users: Any) -> None:
    found = users("""
        const say = () => [db.inTransaction, db.totalChanges];
        const said = [[db.memory, db.readonly, db.open]];
        await db.run('UPDATE users SET age = 1');
        said.push(say());
        await db.transaction(async (tx) => { await tx.run('DELETE FROM users WHERE id = 1'); said.push(say()); })();
        said.push(say());
        db.defaultSafeIntegers();
        said.push([typeof (await db.prepare('SELECT 1').pluck().get())]);
        return [...said, (await db.explain('SELECT * FROM users WHERE id = ?'))[0].detail, await Array.fromAsync(db.iterate('SELECT id FROM users'), ({ id }) => Number(id))];
    """)
    plan = "SEARCH users USING INTEGER PRIMARY KEY (rowid=?)"
    assert found == [[True, False, True], [False, 6], [True, 7], [False, 7], ["bigint"], plan, [2, 3]]


def test_batches(users: Any) -> None:
    found = users("""
        const results = await db.batch(['DELETE FROM users WHERE id = 3', ['SELECT name FROM users WHERE id = ?', 1], { sql: 'UPDATE users SET age = :a', args: { a: 5 } }], { mode: 'immediate' });
        const error = await failure(() => db.batch(['DELETE FROM users', 'SELECT nope']));
        const inside = await db.transaction(async (tx) => {
            await failure(() => tx.batch(['DELETE FROM users', 'SELECT nope']));
            return (await tx.get('SELECT count(*) AS n FROM users')).n;
        })();
        return [results, error.message, db.inTransaction, inside];
    """)
    results = [
        {"rows": [], "changes": 1, "lastInsertRowid": 3},
        {"rows": [{"name": "Ada"}], "changes": 0, "lastInsertRowid": 3},
        {"rows": [], "changes": 2, "lastInsertRowid": 3},
    ]
    assert found == [results, "no such column: nope", False, 2]


def test_migrations_of_tabs_at_once(js: Any) -> None:
    found = js("""
        await turso.remove('migrated.db');
        const list = [{ name: '1', sql: 'CREATE TABLE m(a)' }, { name: '2', sql: 'INSERT INTO m VALUES (1)' }];
        const worker = () => new Worker('/web/worker.js', { type: 'module' });
        const [a, b] = [await turso.connect('migrated.db'), await turso.connect('migrated.db', { worker: worker() })];
        const ran = await Promise.all([a, b].map((db) => db.migrate(list)));
        const rows = await b.prepare('SELECT count(*) FROM m').pluck().get();
        const bad = await failure(() => b.migrate([...list, { name: '3', sql: 'CREATE TABLE three(a)' }, { name: '4', sql: 'SELECT nope' }]));
        const changed = await failure(() => a.migrate([{ name: '1', sql: 'CREATE TABLE m(b)' }]));
        const three = await a.get("SELECT 1 FROM sqlite_schema WHERE name = 'three'");
        for (const db of [a, b]) await db.close();
        await turso.remove('migrated.db');
        return [ran.map((names) => names.length).sort(), rows, [bad.message, bad.code, bad.offset], [changed.message, changed.code], three === undefined];
    """)
    changed = 'the database\'s migrations are not these: "1" was changed after it had run'
    assert found == [
        [0, 2],
        1,
        ['migration "4": no such column: nope', "SQLITE_ERROR", 7],
        [changed, "SQLITE_MISMATCH"],
        True,
    ]


def test_copies(js: Any) -> None:
    found = js("""
        const db = await turso.connect('original.db');
        await db.exec('CREATE TABLE IF NOT EXISTS t(a); DELETE FROM t; INSERT INTO t VALUES (1), (2)');
        const { bytes } = await db.backup('copy.db');
        await db.backup('copy.db');
        const copy = await turso.connect('copy.db', { create: false });
        const n = await copy.prepare('SELECT count(*) FROM t').pluck().get();
        const busy = await failure(() => db.backup('copy.db'));
        const other = await turso.connect(':memory:');
        await other.deserialize(await db.serialize());
        const m = await other.prepare('SELECT count(*) FROM t').pluck().get();
        for (const one of [db, copy, other]) await one.close();
        await Promise.all(['original.db', 'copy.db'].map((name) => turso.remove(name)));
        return [bytes > 4000, n, busy.code, m];
    """)
    assert found == [True, 2, "SQLITE_BUSY", 2]


def test_a_signal_for_everything(users: Any) -> None:
    found = users(
        """
        const long = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1e12) SELECT max(i) FROM n';
        const said = [];
        for (const act of [(it) => it.all(long), (it) => it.sql`SELECT ${1}, (${turso.fragment([long])})`.get(), (it) => it.batch(['DELETE FROM users', long]), (it) => it.iterate(long).next(),
                           (it) => it.transaction(async (tx) => { await tx.run('DELETE FROM users'); await tx.all(long); })()]) {
            const abort = new AbortController();
            setTimeout(() => abort.abort(new Error('mine')), 50);
            said.push((await failure(() => act(db.signal(abort.signal))))?.message);
        }
        said.push((await failure(() => db.signal(AbortSignal.abort(new Error('before'))).get('SELECT 1'))).message);
        return [said, (await db.get('SELECT count(*) AS n FROM users')).n, db.inTransaction];
    """.replace("turso.fragment([long])", "turso.fragment(Object.assign([long], { raw: [long] }))")
    )
    assert found == [["mine"] * 5 + ["before"], 3, False]


def test_errors_cross_with_their_text_and_cause(users: Any) -> None:
    found = users("""
        const told = async (act) => { try { await act(); } catch (error) { return [error instanceof turso.SqliteError, error.name, error.message, error.code, error.sql, error.cause?.name, error.cause?.message, error.cause?.cause?.message]; } };
        await db.function('fails', () => { throw new RangeError('outer', { cause: new TypeError('inner', { cause: new Error('innermost') }) }); });
        return [await told(() => db.exec('SELECT 1; SELECT nope')), await told(() => db.run('INSERT INTO users(id) VALUES (?)', 1)), await told(() => db.get('SELECT fails()')),
                await told(() => db.migrate([{ name: 'm', sql: 'SELECT nope' }]))];
    """)
    assert found == [
        [True, "SqliteError", "no such column: nope", "SQLITE_ERROR", "SELECT 1; SELECT nope", None, None, None],
        [True, "SqliteError", "NOT NULL constraint failed: users.name", "SQLITE_CONSTRAINT_NOTNULL", "INSERT INTO users(id) VALUES (?)", None, None, None],
        [False, "RangeError", "outer", None, None, "TypeError", "inner", "innermost"],
        [True, "SqliteError", 'migration "m": no such column: nope', "SQLITE_ERROR", "SELECT nope", "SqliteError", "no such column: nope", None],
    ]  # fmt: skip
