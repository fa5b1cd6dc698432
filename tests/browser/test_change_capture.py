# ruff: noqa: E501 (lines of JavaScript and SQL)
"""Captured changes in a page: on the origin private file system, across tabs, and as a stream."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import open_page, runner
from tests.browser.modules import document, in_page

SETUP = """
await db.exec(`PRAGMA capture_data_changes_conn('off'); DROP TABLE IF EXISTS t; DROP TABLE IF EXISTS turso_cdc; CREATE TABLE t(id INTEGER PRIMARY KEY, a); PRAGMA capture_data_changes_conn('full')`);
"""


def test_the_document(page: Any) -> None:
    in_page(page, document("change-capture.md"))


def test_changes_on_opfs(page: Any) -> None:
    found = runner(page)(f"""
        const db = await turso.connect('captured.db', {{ storage: 'opfs' }});
        {SETUP}
        await db.run('INSERT INTO t VALUES (1, ?), (9007199254740993, ?)', new Uint8Array([0, 255]), 1.5);
        await db.transaction(async (tx) => {{ await tx.run('UPDATE t SET a = NULL WHERE id = 1'); await tx.run("REPLACE INTO t VALUES (1, 'é')"); }})();
        await db.transaction(async (tx) => {{ await tx.run('DELETE FROM t'); throw new Error('no'); }})().catch(() => 0);
        const changes = [];
        for await (const change of db.changes({{ since: 0 }})) {{ changes.push(change); if (change.type === 'commit' && changes.length > 4) break; }}
        const rows = await db.prepare('SELECT change_type, table_name, id FROM turso_cdc').raw().all();
        await db.close();
        return [rows.map((row) => row.map((value) => typeof value === 'bigint' ? `${{value}}` : value)), changes.map(({{ type, key, before, after, assigned, replaced }}) => [type, `${{key}}`, before && `${{before.a}}`, after && `${{after.a}}`, assigned, replaced])];
    """)
    assert found == [
        [
            [1, "t", 1],
            [1, "t", "9007199254740993"],
            [2, None, None],
            [0, "t", 1],
            [-1, "t", 1],
            [1, "t", 1],
            [2, None, None],
        ],
        [
            ["insert", "1", None, "0,255", None, False],
            ["insert", "9007199254740993", None, "1.5", None, False],
            ["commit", "null", None, None, None, False],
            ["update", "1", "0,255", "null", ["a"], False],
            ["delete", "1", "null", None, None, True],
            ["insert", "1", None, "é", None, False],
            ["commit", "null", None, None, None, False],
        ],
    ]


def test_a_stream_follows_another_tab_and_is_taken_up_again(context: Any, server: str) -> None:
    page, other = (open_page(context, server) for _ in range(2))
    try:
        runner(page)(f"globalThis.db = await turso.connect('followed.db'); {SETUP}")
        runner(other)("""
            globalThis.db = await turso.connect('followed.db');
            globalThis.seen = [];
            globalThis.leaving = new AbortController();
            globalThis.following = (async () => { for await (const { id, type, table, after } of db.changes({ since: 0, signal: leaving.signal })) { seen.push([id, type, after?.a]); globalThis.last = id; } })().catch((why) => why);
        """)
        runner(page)("for (const a of ['x', 'y']) await db.run('INSERT INTO t(a) VALUES (?)', a)")
        other.wait_for_function("globalThis.seen.length === 4")
        assert runner(other)("leaving.abort('enough'); return [seen, await following]") == [
            [[1, "insert", "x"], [2, "commit", None], [3, "insert", "y"], [4, "commit", None]],
            "enough",
        ]
        runner(page)("await db.run(\"UPDATE t SET a = 'z'\")")
        found = runner(other)(
            "const more = []; for await (const { type, after } of db.changes({ since: last })) { more.push([type, after?.a]); if (type === 'commit') return more; }"
        )
        assert found == [["update", "z"], ["update", "z"], ["commit", None]]
    finally:
        for each in (page, other):
            runner(each)("await db.close()")
            each.close()


def test_misuse(page: Any) -> None:
    found = runner(page)(f"""
        const db = await turso.connect(':memory:');
        const told = async (act) => {{ try {{ return await act(); }} catch (error) {{ return `${{error.name}}: ${{error.message}}`; }} }};
        const next = (options) => told(() => db.changes(options).next());
        const found = [await next({{ since: 0 }}), await next({{ since: -1 }}), await next({{ from: 1 }}), await next({{ table: '' }})];
        {SETUP}
        found.push(await next({{ since: 7 }}));
        const now = db.changes();
        const later = now.next();
        while (now.since === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
        await db.run('INSERT INTO t VALUES (1, 1)');
        found.push((await later).value.key);
        await db.exec('DELETE FROM turso_cdc');
        found.push(await next({{ since: 0 }}), await told(() => db.exec("PRAGMA capture_data_changes_conn('some')")));
        const ended = now.return();
        found.push((await ended).done, (await now.next()).done);
        await db.close();
        return found;
    """)
    assert found == [
        "SqliteError: no such table: main.turso_cdc",
        'TypeError: changes(): the option "since" takes a whole number, 0 or more, not number',
        'TypeError: changes() has no option "from": it has since, table, signal',
        'TypeError: changes(): the option "table" takes a name, not string',
        "SqliteError: there is no change 7 yet: the last one is 0",
        1,
        "SqliteError: the changes behind 0 are gone: the first that is kept is 3",
        "SqliteError: unexpected pragma value: expected '<mode>' or '<mode>,<cdc-table-name>' parameter where mode is one of off|id|before|after|full",
        True,
        True,
    ]
