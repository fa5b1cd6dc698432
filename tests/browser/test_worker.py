# ruff: noqa: E501 (lines of JavaScript and SQL)
"""Inside a worker: storage back ends, what a statement costs in calls to them, and the synchronous API."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_LAWS = (Path(__file__).parent / "vfs_laws.js").read_text("utf-8")
FILE_LAWS = re.findall(r"^  '([^']+)'\(s\)", _LAWS, re.MULTILINE)
STORAGE_LAWS = re.findall(r"^  async '([^']+)'\(make\)", _LAWS, re.MULTILINE)
MAKE = """
const shared = new lab.MemoryStorage();
const make = { memory: () => shared, opfs: () => new lab.OpfsStorage(), indexeddb: () => new lab.IndexedDbStorage() }[kind];
for (const name of await make().list()) await make().remove(name);
"""
KINDS = ["memory", "opfs", "indexeddb"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", FILE_LAWS)
def test_law_of_files(lab: Any, law: str, kind: str) -> None:
    lab(
        MAKE
        + """const store = make();
        const vfs = new lab.FileTable({ '': store });
        await vfs.acquire('a', { create: true });
        try { await lab.fileLaws[law]({ vfs, open: (name, flags = 1) => vfs.open(name, flags) }); }
        finally { await vfs.release('a'); }""",
        law=law,
        kind=kind,
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("law", STORAGE_LAWS)
def test_law_of_storage(lab: Any, law: str, kind: str) -> None:
    lab(f"{MAKE} await lab.storageLaws[law](make);", law=law, kind=kind)


def test_what_indexeddb_could_not_write_is_told_and_forgotten(lab: Any) -> None:
    found = lab("""
        const store = new lab.IndexedDbStorage();
        await store.remove('full');
        await store.acquire('full');
        const [file, log] = [store.open('full', 1), store.open('full-wal', 1)];
        const put = (file, at, ...values) => { file.write(Uint8Array.from(values), at); file.sync(); };
        put(file, 0, 1);
        await store.settled('full');
        const { put: real } = IDBObjectStore.prototype;
        IDBObjectStore.prototype.put = () => { throw new DOMException('no room', 'QuotaExceededError'); };
        put(file, 20000, 2);
        put(log, 0, 3);
        const error = await store.settled('full').catch(({ code, message }) => [code, message]);
        IDBObjectStore.prototype.put = real;
        put(log, 1, 4);
        const again = await store.settled('full').catch(({ code }) => code);
        await store.release('full');
        const next = new lab.IndexedDbStorage();
        await next.acquire('full');
        const content = next.contentOf('full');
        const result = [error, again, [...content], [...next.contentOf('full-wal')]];
        await next.release('full');
        await next.remove('full');
        return result;
    """)
    assert found == [["SQLITE_FULL", "database or disk is full"], "SQLITE_FULL", [1], []]


def test_what_opfs_deletes_is_flushed(lab: Any) -> None:
    found = lab("""
        const store = new lab.OpfsStorage();
        await store.acquire('flushed');
        store.open('flushed-journal', 1).write(Uint8Array.from([1]), 0);
        const calls = [];
        const undo = ['truncate', 'flush'].map((name) => {
            const { prototype } = FileSystemSyncAccessHandle;
            const real = prototype[name];
            prototype[name] = function (...args) { calls.push(name); return real.apply(this, args); };
            return () => { prototype[name] = real; };
        });
        const code = store.delete('flushed-journal', true);
        for (const restore of undo) restore();
        await store.release('flushed');
        await store.remove('flushed');
        return [code, calls];
    """)
    assert found == [0, ["truncate", "flush"]]


def test_a_blob_is_read_where_it_is_until_it_is_released(lab: Any) -> None:
    found = lab("""
        const bytes = Uint8Array.from({ length: 700_000 }, (_, i) => i * 11);
        const store = new lab.GivenStorage();
        const vfs = new lab.FileTable({ '': store });
        const name = store.add({ source: new File([bytes], 'given.db') });
        await vfs.acquire(name);
        const fd = vfs.open(name, 0);
        const into = new Uint8Array(1000);
        let same = vfs.size(fd) === bytes.length;
        for (const at of [0, 262_000, 699_500, 5, 262_144, 700_000, 900_000]) {
            const n = vfs.read(fd, into, at);
            same &&= n === Math.max(0, Math.min(1000, bytes.length - at)) && into.subarray(0, n).every((byte, i) => byte === bytes[at + i]);
        }
        const refused = [vfs.write(fd, into, 0), vfs.truncate(fd, 0), vfs.delete(name, true), vfs.open(`${name}-wal`, 1)];
        vfs.close(fd);
        const code = (act) => act().catch((error) => error.code);
        const errors = [await code(() => vfs.replace(name, new Blob([]))), await code(() => vfs.remove(name))];
        await vfs.release(name);
        return [name, same, refused, errors, await code(() => vfs.acquire(name)), vfs.exists(name)];
    """)
    assert found == ["1/given.db", True, [-8, -8, -8, -14], ["SQLITE_READONLY"] * 2, "SQLITE_CANTOPEN", False]


def test_all_laws_are_tested(lab: Any) -> None:
    assert sorted(lab("return Object.keys(lab.fileLaws)")) == sorted(FILE_LAWS)
    assert sorted(lab("return Object.keys(lab.storageLaws)")) == sorted(STORAGE_LAWS)


def test_a_commit_is_one_write_and_one_flush_and_a_warm_query_none(lab: Any) -> None:
    found = lab("""
        const store = new lab.OpfsStorage();
        await store.remove('counted.db');
        const counting = lab.counted(store);
        const engine = await lab.engine(counting.storage);
        const db = await engine.open('counted.db');
        db.exec('CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)');
        const insert = db.prepare('INSERT INTO t(b) VALUES (?)');
        const point = db.prepare('SELECT b FROM t WHERE a = ?');
        for (let i = 0; i < 5; i++) insert.run('x');
        point.get(1);
        const during = (act) => { counting.calls = {}; act(); return { ...counting.calls }; };
        const result = [during(() => insert.run('y')), during(() => point.get(3)), during(() => point.get(6))];
        await db.close();
        return result;
    """)
    assert found == [{"write": 1, "sync": 1}, {}, {}]


def test_the_synchronous_api(lab: Any) -> None:
    found = lab("""
        const engine = await lab.engine(new lab.MemoryStorage());
        const db = await engine.open(':memory:');
        db.exec('CREATE TABLE t(a INTEGER PRIMARY KEY, b)');
        const insert = db.prepare('INSERT INTO t(b) VALUES (?)');
        const many = db.transaction((values) => { for (const value of values) insert.run(value); });
        many([1, 'two', null]);
        try { many([4, Symbol()]); } catch (error) { if (!(error instanceof TypeError)) throw error; }
        const seen = [];
        for (const row of db.prepare('SELECT * FROM t').iterate()) { seen.push(row.b); if (row.b === 'two') break; }
        const rows = db.prepare('SELECT b FROM t ORDER BY a').pluck().all();
        const outcome = insert.run(5);
        await db.close();
        return [seen, rows, outcome];
    """)
    assert found == [[1, "two"], [1, "two", None], {"changes": 1, "lastInsertRowid": 4}]


def test_an_interrupted_import_is_finished_or_forgotten(lab: Any) -> None:
    found = lab("""
        const root = await navigator.storage.getDirectory();
        const write = async (name, ...parts) => {
            const handle = await (await root.getFileHandle(name, { create: true })).createSyncAccessHandle();
            handle.truncate(0);
            handle.write(new Uint8Array(await new Blob(parts).arrayBuffer()));
            handle.close();
        };
        const trailer = (n) => [new TextEncoder().encode('turso-wasm impor'), new BigUint64Array([BigInt(n)])];
        const content = async () => {
            const vfs = new lab.OpfsStorage();
            await vfs.acquire('redo.db');
            const bytes = [...vfs.contentOf('redo.db')];
            await vfs.release('redo.db');
            const names = [];
            for await (const name of root.keys()) if (name.startsWith('redo.db')) names.push(name);
            return [String.fromCharCode(...bytes), names];
        };
        await write('redo.db', 'old');
        await write('redo.db-import', 'newer', ...trailer(5).slice(0, 1));
        const half = await content();
        await write('redo.db-import', 'newer', ...trailer(5));
        return [half, await content()];
    """)
    assert found == [["old", ["redo.db"]], ["newer", ["redo.db"]]]


def test_a_companion_that_its_former_owner_removes_meanwhile_is_made_again(lab: Any) -> None:
    found = lab("""
        const root = await navigator.storage.getDirectory();
        const of = FileSystemDirectoryHandle.prototype;
        const plain = of.getFileHandle;
        const removed = [];
        of.getFileHandle = async function (name, options) {
            const handle = await plain.call(this, name, options);
            if (name === 'handed.db-wal' && !removed.length) removed.push(await root.removeEntry(name));
            return handle;
        };
        try {
            const store = new lab.OpfsStorage();
            await store.acquire('handed.db');
            await store.release('handed.db');
            const missing = await store.acquire('nosuch.db', { create: false }).catch((error) => error.message);
            await store.remove('handed.db');
            return [removed.length, missing.startsWith('unable to open database file: nosuch.db')];
        } finally {
            of.getFileHandle = plain;
        }
    """)
    assert found == [1, True]


def test_speed(lab: Any, record_property: Callable[[str, object], None]) -> None:
    """Not a benchmark: figures for the report, and bounds that only a mistake exceeds."""
    found = lab("""
        const engine = await lab.engine(new lab.MemoryStorage());
        const db = await engine.open(':memory:');
        db.exec('CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL, d TEXT, e INTEGER)');
        const best = (n, act) => {
            let least = Infinity;
            for (let i = 0; i < 4; i++) { const t = performance.now(); act(); least = Math.min(least, performance.now() - t); }
            return least * 1000 / n;
        };
        const insert = db.prepare('INSERT INTO t(b, c, d, e) VALUES (?, ?, ?, ?)');
        const insertUs = best(25000, db.transaction(() => { for (let i = 0; i < 25000; i++) insert.run('name ' + i, i / 2, 'text', i); }));
        const point = db.prepare('SELECT * FROM t WHERE a = ?');
        const pointUs = best(20000, () => { for (let i = 1; i <= 20000; i++) point.get(i); });
        const all = db.prepare('SELECT * FROM t');
        const rowUs = best(100000, () => all.all());
        await db.close();
        return { insertUs, pointUs, rowUs };
    """)
    for name, value in found.items():
        record_property(name, value)
    print(found)
    assert found["insertUs"] < 50
    assert found["pointUs"] < 80
    assert found["rowUs"] < 10
