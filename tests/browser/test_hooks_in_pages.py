# ruff: noqa: E501 (lines of JavaScript)
"""Hooks of a page's connections: what has happened is told in the page, what has to be answered is asked in the worker (decision 73)."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import open_page, runner


def test_what_has_happened_is_told_in_the_page(js: Any) -> None:
    found = js("""
        const db = await turso.connect(':memory:');
        await db.exec('CREATE TABLE t(a INTEGER PRIMARY KEY, b)');
        const told = [];
        await db.hook('update', (...change) => told.push(change.map(String).join(' ')));
        await db.hook('rollback', () => told.push('rollback'));
        await db.run("INSERT INTO t VALUES (1, 'x'), (9007199254740993, 'y')");
        const first = told.splice(0);
        await db.exec("BEGIN; UPDATE t SET b = 'z' WHERE a = 1; ROLLBACK; DELETE FROM t WHERE a > 1");
        const second = told.splice(0);
        await db.run('WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 20009) INSERT INTO t SELECT i, i FROM n');
        const many = [told.length, new Set(told.splice(0)).size];
        await db.hook('update', null);
        await db.run('DELETE FROM t WHERE a = 10');
        await db.close();
        return [first, second, many, told];
    """)
    assert found == [
        ["INSERT main t 1", "INSERT main t 9007199254740993"],
        ["UPDATE main t 1", "rollback", "DELETE main t 9007199254740993"],
        [20_000, 20_000],
        [],
    ]


def test_what_has_to_be_answered_is_asked_in_the_worker(js: Any) -> None:
    found = js("""
        const db = await turso.connect(':memory:');
        await db.exec('CREATE TABLE account(id INTEGER PRIMARY KEY, secret); INSERT INTO account VALUES (7, 8)');
        await db.hook('authorizer', (action, table, column) => (action === 9 ? 1 : column === 'secret' ? 2 : 0));
        const seen = await db.all('SELECT id, secret FROM account');
        const denied = await failure(() => db.run('DELETE FROM account'));
        await db.hook('authorizer', null);
        const again = await db.all('SELECT id, secret FROM account');
        await db.hook('commit', () => true);
        const refused = await failure(() => db.run('DELETE FROM account'));
        await db.hook('commit', null);
        await db.hook('progress', () => true, { every: 100 });
        const stopped = await failure(() => db.all('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n'));
        await db.hook('progress', null);
        const all = await db.all('SELECT id FROM account');
        await db.close();
        return [seen, denied.code, again, refused.code, stopped.code, all];
    """)
    assert found == [
        [{"id": 7, "secret": None}],
        "SQLITE_AUTH",
        [{"id": 7, "secret": 8}],
        "SQLITE_CONSTRAINT_COMMITHOOK",
        "SQLITE_INTERRUPT",
        [{"id": 7}],
    ]


def test_mistakes(js: Any) -> None:
    found = js("""
        const db = await turso.connect(':memory:');
        const outside = 1;
        const said = [
            () => db.hook('insert', () => 1),
            () => db.hook('update', 'x => x'),
            () => db.hook('update', () => 1, { every: 1 }),
            () => db.hook('progress', () => 1, { every: 'x' }),
            () => db.hook('commit', () => outside),
            () => db.hook('authorizer', 7),
        ];
        const messages = [];
        for (const one of said) messages.push((await failure(one)).message);
        await db.close();
        messages.push((await failure(() => db.hook('update', null))).message);
        return messages;
    """)
    assert found == [
        'hook() takes "update" or "rollback" or "commit" or "authorizer" or "progress", not string',
        "hook(): the update hook takes a function, not string",
        'hook() has no option "every": it has ',
        'hook(): the option "every" takes a number, 0 or more, not string',
        'hook(): the commit hook: the function uses "outside" from outside, which cannot be sent to the worker: pass it in, or give a module',
        "hook(): the authorizer hook takes a function, its source text or {module, export}, not number",
        "the database is closed",
    ]


def test_they_stay_when_another_tab_takes_the_file_over(context: Any, server: str) -> None:
    owner, guest = open_page(context, server), open_page(context, server)
    name = "hooked.db"
    runner(owner)(
        "globalThis.db = await turso.connect(name); await db.exec('CREATE TABLE t(a INTEGER PRIMARY KEY)')", name=name
    )
    setup = """
        globalThis.told = [];
        globalThis.db = await turso.connect(name);
        await db.hook('update', (operation, schema, table, rowid) => told.push([operation, rowid]));
        await db.hook('authorizer', (action) => (action === 9 ? 1 : 0));
    """
    write = """
        await db.run('INSERT INTO t VALUES (?)', row);
        const denied = await failure(() => db.run('DELETE FROM t'));
        return [(await db.status()).owner, told.splice(0), denied.code];
    """
    runner(guest)(setup, name=name)
    assert runner(guest)(write, row=1) == ["other", [["INSERT", 1]], "SQLITE_AUTH"]
    owner.close()
    guest.wait_for_function("async () => (await db.status()).owner === 'this'")
    assert runner(guest)(write, row=2) == ["this", [["INSERT", 2]], "SQLITE_AUTH"]
    runner(guest)("await db.close(); await turso.remove(name);", name=name)
    guest.close()
