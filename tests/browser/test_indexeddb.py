# ruff: noqa: E501 (lines of JavaScript and SQL)
"""Databases in IndexedDB: what is kept in memory of them, what their records become, and those of the first version."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import open_page, runner

# Files beside a model of them. The store is opened anew now and then, as a later visit does.
RANDOM = """
const store = { now: new lab.IndexedDbStorage() };
await store.now.remove('random');
await store.now.acquire('random');
let state = seed;
const any = (n) => { state = (Math.imul(state, 1103515245) + 12345) >>> 0; return (state >>> 8) % n; };
const models = { 'random': new Uint8Array(0), 'random-wal': new Uint8Array(0) };
const check = () => {
    for (const [name, model] of Object.entries(models)) {
        const found = store.now.contentOf(name);
        if (found.length !== model.length || found.some((byte, i) => byte !== model[i])) throw new Error(`${name} differs`);
    }
};
for (let step = 0; step < 60; step++) {
    const name = any(3) ? 'random' : 'random-wal';
    const file = store.now.open(name, 1);
    const size = models[name].length;
    if (any(8) === 0) {
        const to = any(size + 9000);
        file.truncate(to);
        const next = new Uint8Array(to);
        next.set(models[name].subarray(0, to));
        models[name] = next;
    } else {
        const data = new Uint8Array(1 + any(any(4) ? 10000 : 300000)).fill(1 + any(255));
        const at = any(size + 5000);
        file.write(data, at);
        const next = new Uint8Array(Math.max(size, at + data.length));
        next.set(models[name]);
        next.set(data, at);
        models[name] = next;
    }
    if (any(2)) file.sync();
    if (any(6) === 0) check();
    if (any(5) === 0) {
        file.sync();
        await store.now.settled('random');
        check();
    }
    if (any(9) === 0) {
        file.sync();
        await store.now.settled('random');
        await store.now.release('random');
        store.now = new lab.IndexedDbStorage();
        await store.now.acquire('random');
        check();
    }
}
store.now.open('random').sync();
await store.now.settled('random');
check();
const database = await new Promise((resolve) => { const request = indexedDB.open('turso-wasm'); request.onsuccess = () => resolve(request.result); });
const all = await new Promise((resolve) => { const request = database.transaction('packs').objectStore('packs').getAll(IDBKeyRange.bound(['random'], ['random', []])); request.onsuccess = () => resolve(request.result); });
database.close();
await store.now.release('random');
await store.now.remove('random');
const live = Object.values(models).reduce((sum, { length }) => sum + length, 0);
return [live, all.reduce((sum, pack) => sum + (pack.size ?? pack.length), 0), all.filter((pack) => pack instanceof Blob).length];
"""


@pytest.mark.parametrize("seed", range(1, 7))
def test_files_are_what_was_written(lab: Any, seed: int) -> None:
    live, stored, n_blobs = lab(RANDOM, seed=seed)
    assert stored <= 2 * live + (1 << 22)
    assert n_blobs > 0


def test_what_was_read_does_not_stay_in_memory(lab: Any) -> None:
    """A second pass over 24 MB asks IndexedDB's Blobs again; what is asked for twice in a row does not."""
    found = lab("""
        const store = new lab.IndexedDbStorage();
        await store.acquire('large');
        await store.replace('large', new Blob([new Uint8Array(24 << 20).fill(7)]));
        const file = store.open('large');
        let calls = 0;
        const real = FileReaderSync.prototype.readAsArrayBuffer;
        FileReaderSync.prototype.readAsArrayBuffer = function (blob) { calls++; return real.call(this, blob); };
        const pass = () => {
            const before = calls;
            const into = new Uint8Array(1 << 16);
            for (let at = 0; at < file.size; at += into.length) if (file.read(into, at) !== into.length || into.some((byte) => byte !== 7)) throw new Error('differs');
            return calls - before;
        };
        const passes = [pass(), pass()];
        const before = calls;
        file.read(new Uint8Array(4096), 0);
        file.read(new Uint8Array(4096), 0);
        const twice = calls - before;
        FileReaderSync.prototype.readAsArrayBuffer = real;
        await store.release('large');
        await store.remove('large');
        return [passes, twice];
    """)
    (first, second), twice = found
    assert first == second
    assert 24 < second < 100
    assert twice == 1


def test_a_database_of_the_first_version(context: Any, server: str) -> None:
    """Files in chunks of 8 KB; an origin of its own, where nothing has been yet."""
    page = open_page(context, server.replace("localhost", "127.0.0.1"))
    found = runner(page)("""
        const made = await turso.connect(':memory:');
        await made.exec('CREATE TABLE t(a INTEGER PRIMARY KEY, b); INSERT INTO t SELECT value, zeroblob(3000) FROM generate_series(1, 2500)');
        const bytes = await made.export();
        await made.close();
        const database = await new Promise((resolve, reject) => {
            const request = indexedDB.open('turso-wasm', 1);
            request.onupgradeneeded = () => { request.result.createObjectStore('files'); request.result.createObjectStore('chunks'); };
            request.onsuccess = () => resolve(request.result);
            request.onerror = () => reject(request.error);
        });
        await new Promise((resolve) => {
            const tx = database.transaction(['files', 'chunks'], 'readwrite');
            tx.objectStore('files').put(bytes.length, 'first.db');
            for (let i = 0; i * 8192 < bytes.length; i++) tx.objectStore('chunks').put(bytes.slice(i * 8192, (i + 1) * 8192), ['first.db', i]);
            tx.oncomplete = resolve;
        });
        database.close();
        const rows = [];
        for (let visit = 0; visit < 2; visit++) {
            const db = await turso.connect('first.db', { storage: 'indexeddb', create: false });
            rows.push(await db.prepare('SELECT count(*), sum(length(b)) FROM t').raw().get(), await db.pragma('integrity_check', { simple: true }));
            await db.run('INSERT INTO t(b) VALUES (1)');
            await db.close();
        }
        await turso.remove('first.db', { storage: 'indexeddb' });
        return [rows, await turso.list({ storage: 'indexeddb' })];
    """)
    page.close()
    assert found == [[[2500, 7_500_000], "ok", [2501, 7_500_001], "ok"], []]
