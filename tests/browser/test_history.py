# ruff: noqa: E501 (lines of JavaScript and SQL)
"""What a page's database was: snapshots, restoring them, and forks, in every kind of storage and from several tabs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import open_page, runner

KINDS = ["opfs", "indexeddb", "memory"]
MADE = """
    const where = { storage };
    const db = await turso.connect('history.db', where);
    const rows = (one) => one.prepare('SELECT count(*), sum(b) FROM t').raw().get();
    await db.exec('CREATE TABLE t(a INTEGER PRIMARY KEY, b); CREATE INDEX i ON t(b); INSERT INTO t SELECT value, value FROM generate_series(1, 3000)');
"""


@pytest.mark.parametrize("kind", KINDS)
class TestSnapshots:
    def test_a_life(self, tab: Any, kind: str) -> None:
        found = tab(
            f"""{MADE}
            const taken = await db.snapshot('full');
            await db.exec('DELETE FROM t WHERE a > 1000; PRAGMA wal_checkpoint; CREATE TABLE u(x)');
            await db.snapshot('third');
            await db.exec('DROP TABLE t; VACUUM; PRAGMA wal_checkpoint(TRUNCATE)');
            const open = (snapshot) => turso.connect('history.db', {{ ...where, snapshot }});
            const [full, third] = [await open('full'), await open('third')];
            const read = [await rows(full), await rows(third), full.readonly, await full.pragma('integrity_check', {{ simple: true }})];
            const refused = [await failure(() => full.exec('DELETE FROM t')), await failure(() => db.snapshot('full')), await failure(() => open('none')),
                await failure(() => db.restore('none')), await failure(() => db.dropSnapshot('none'))].map((error) => [error.code, error.message]);
            await db.restore('full');
            const restored = [await rows(db), await db.pragma('integrity_check', {{ simple: true }}), await rows(third)];
            const names = (await db.snapshots()).map(({{ name, time, size }}) => [name, time instanceof Date, size > 0]);
            await db.dropSnapshot('full');
            await db.run('UPDATE t SET b = 0');
            const dropped = await rows(full);
            await full.close();
            await third.close();
            await db.dropSnapshot('third');
            const left = await db.snapshots();
            const listed = (await turso.list(where)).filter((name) => name.startsWith('history'));
            await db.close();
            await turso.remove('history.db', where);
            return {{ taken: [taken.name, taken.size > 0], read, refused, restored, names, dropped, left, listed }};""",
            storage=kind,
        )
        assert found == {
            "taken": ["full", True],
            "read": [[3000, 4501500], [1000, 500500], True, "ok"],
            "refused": [
                ["SQLITE_READONLY", "attempt to write a readonly database"],
                ["SQLITE_ERROR", "snapshot full already exists"],
                *[["SQLITE_ERROR", "no such snapshot: none"]] * 3,
            ],
            "restored": [[3000, 4501500], "ok", [1000, 500500]],
            "names": [["full", True, True], ["third", True, True]],
            "dropped": [3000, 4501500],
            "left": [],
            "listed": ["history.db"],
        }

    def test_outside_of_transactions_and_not_over_readers(self, tab: Any, kind: str) -> None:
        found = tab(
            f"""{MADE}
            const other = await turso.connect('history.db', {{ ...where, timeout: 50 }});
            await db.exec('BEGIN');
            const inside = await Promise.all([() => db.snapshot('x'), () => db.fork(), () => db.restore('x')].map(failure));
            await db.exec('INSERT INTO t VALUES (0, 0)');
            const writing = await failure(() => other.snapshot('x'));
            await db.exec('COMMIT');
            await other.snapshot('x');
            await db.exec('DROP TABLE t');
            await other.restore('x'); // another connection's
            const back = await rows(db);
            await db.exec('CREATE TABLE v(x)');
            await other.close();
            await db.close();
            await turso.remove('history.db', where);
            return [inside.map((error) => error.message), writing.code, back];""",
            storage=kind,
        )
        cannot = [f"cannot {what} within a transaction" for what in ("take a snapshot", "fork")]
        assert found[0][:2] == cannot
        assert found[1:] == ["SQLITE_BUSY", [3001, 4501500]]

    def test_a_fork_is_on_its_own(self, tab: Any, kind: str) -> None:
        found = tab(
            f"""{MADE}
            await db.snapshot('kept');
            const [one, two] = [await db.fork(), await db.fork()];
            await one.exec('DELETE FROM t WHERE a > 10; CREATE TABLE own(x)');
            await db.exec('DELETE FROM t WHERE a > 20; PRAGMA wal_checkpoint');
            await two.exec('INSERT INTO t VALUES (9999, 1); VACUUM');
            const again = await one.fork();
            await again.exec('DELETE FROM t');
            const counts = [];
            for (const each of [db, one, two, again]) counts.push(await each.prepare('SELECT count(*) FROM t').pluck().get(), await each.pragma('integrity_check', {{ simple: true }}));
            const file = (await one.export()).length % 4096;
            const kinds = [one.memory, one.readonly, one.name, (await two.snapshots().catch((error) => error.code))];
            for (const each of [again, one, two]) await each.close();
            const listed = (await turso.list(where)).filter((name) => name.startsWith('history'));
            await db.restore('kept');
            const restored = await rows(db);
            await db.close();
            await turso.remove('history.db', where);
            return [counts, file, kinds, listed, restored];""",
            storage=kind,
        )
        assert found[0] == [20, "ok", 10, "ok", 3001, "ok", 0, "ok"]
        assert found[1] == 0
        assert found[2][:3] == [True, False, "history.db"]
        assert found[3:] == [["history.db"], [3000, 4501500]]

    def test_an_encrypted_database(self, tab: Any, kind: str) -> None:
        found = tab(
            """const where = { storage, key: 'secret' };
            const db = await turso.connect('history.db', where);
            await db.exec("CREATE TABLE t(a); INSERT INTO t VALUES ('before')");
            await db.snapshot('one');
            await db.exec("UPDATE t SET a = 'after'; PRAGMA wal_checkpoint");
            const read = async (options) => {
                const past = await turso.connect('history.db', { ...options, snapshot: 'one' });
                try { return await past.prepare('SELECT a FROM t').pluck().get(); } finally { await past.close(); }
            };
            const fork = await db.fork();
            const forked = await fork.prepare('SELECT a FROM t').pluck().get();
            await fork.close();
            const before = await read(where);
            const without = await failure(() => read({ storage }));
            await db.restore('one');
            const restored = await db.prepare('SELECT a FROM t').pluck().get();
            await db.rekey('another');
            const rekeyed = await failure(() => db.restore('one'));
            const still = await read(where);
            await db.close();
            await turso.remove('history.db', { storage });
            return [before, forked, without.code, restored, rekeyed.code, still];""",
            storage=kind,
        )
        assert found == ["before", "after", "SQLITE_NOTADB", "before", "SQLITE_ERROR", "before"]


def test_a_private_database_in_memory_goes_back(tab: Any) -> None:
    found = tab("""
        const db = await turso.connect(':memory:');
        await db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)');
        await db.snapshot('two');
        await db.exec('DROP TABLE t; CREATE TABLE u(b)');
        await db.restore('two');
        const rows = await db.prepare('SELECT a FROM t').pluck().all();
        await db.close();
        return rows;
    """)
    assert found == [1, 2]


def test_a_database_that_was_empty(tab: Any) -> None:
    found = tab("""
        const db = await turso.connect('history-empty.db');
        const fork = await db.fork();
        await fork.exec('CREATE TABLE t(a)');
        await fork.close();
        await db.snapshot('nothing');
        await db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
        await db.restore('nothing');
        const tables = await db.all('SELECT * FROM sqlite_schema');
        await db.exec('CREATE TABLE t(b)');
        await db.close();
        await turso.remove('history-empty.db');
        return tables;
    """)
    assert found == []


def test_what_has_no_snapshots_says_so_and_can_be_forked(tab: Any) -> None:
    found = tab("""
        const memory = await turso.connect(':memory:');
        await memory.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
        const blob = new Blob([await memory.export()]);
        const given = await turso.connect(blob);
        const refused = await failure(() => given.snapshot('x'));
        const fork = await given.fork();
        await fork.run('INSERT INTO t VALUES (2)');
        const rows = [await fork.prepare('SELECT a FROM t').pluck().all(), await given.prepare('SELECT a FROM t').pluck().all()];
        const option = await failure(() => turso.connect(blob, { snapshot: 'x' }));
        for (const db of [fork, given, memory]) await db.close();
        return [refused.code, refused.message.replace(/given.*:/, ''), rows, option.message];
    """)
    assert found[0] == "SQLITE_ERROR"
    assert "only databases in OPFS, IndexedDB and memory have them" in found[1]
    assert found[2:] == [[[1, 2], [1]], 'connect(): the option "snapshot" is for databases of the page']


def test_another_tab_and_a_change_of_owner(context: Any, server: str) -> None:
    """Snapshots are everybody's; a fork lives where the file is."""
    owner, guest = (open_page(context, server) for _ in range(2))
    runner(owner)(
        "globalThis.db = await turso.connect('history-tabs.db'); await db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');"
    )
    run = runner(guest)
    run("""
        globalThis.db = await turso.connect('history-tabs.db');
        await db.snapshot('mine');
        globalThis.fork = await db.fork();
        await fork.run('INSERT INTO t VALUES (10)');
        globalThis.past = await turso.connect('history-tabs.db', { snapshot: 'mine' });
    """)
    heard = runner(owner)("""
        await db.run('INSERT INTO t VALUES (2)');
        globalThis.heard = [];
        await db.onChange(({ tables }) => heard.push(tables));
        return (await db.snapshots()).map(({ name }) => name);
    """)
    before = run(
        "await db.restore('mine'); return [await fork.prepare('SELECT a FROM t').pluck().all(), await past.prepare('SELECT a FROM t').pluck().all()];"
    )
    told = runner(owner)("return [await db.prepare('SELECT a FROM t').pluck().all(), heard];")
    owner.close()
    after = run("""
        const lost = await failure(() => fork.all('SELECT * FROM t'));
        const rows = [await db.prepare('SELECT a FROM t').pluck().all(), await past.prepare('SELECT a FROM t').pluck().all()];
        await db.moveTo('indexeddb').catch((error) => rows.push(error.message));
        for (const one of [fork, past, db]) await one.close();
        await turso.remove('history-tabs.db');
        return [lost.code, lost.message, ...rows];
    """)
    guest.close()
    assert heard == ["mine"]
    assert before == [[1, 10], [1]]
    assert told == [[1], [["sqlite_schema"]]]
    assert after == [
        "SQLITE_ABORT",
        "the fork was lost: the tab that had the database open is gone",
        [1],
        [1],
        "cannot move a database that has snapshots: drop them",
    ]


def test_a_fork_takes_a_file_in_and_a_backup_has_its_key(tab: Any) -> None:
    found = tab("""
        const db = await turso.connect('history-key.db', { key: 'secret' });
        await db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
        const fork = await db.fork();
        await fork.run('INSERT INTO t VALUES (2)');
        await fork.backup('history-copy.db', { storage: 'indexeddb' });
        const copy = await turso.connect('history-copy.db', { storage: 'indexeddb', key: 'secret' });
        const copied = await copy.prepare('SELECT a FROM t').pluck().all();
        await fork.import(await db.export());
        const taken = await fork.prepare('SELECT a FROM t').pluck().all();
        await copy.close();
        const without = await turso.connect('history-copy.db', { storage: 'indexeddb' });
        const refused = await failure(() => without.all('SELECT * FROM t'));
        for (const one of [without, fork, db]) await one.close();
        await turso.remove('history-copy.db', { storage: 'indexeddb' });
        await turso.remove('history-key.db');
        return [copied, taken, refused.code];
    """)
    assert found == [[1, 2], [1], "SQLITE_NOTADB"]
