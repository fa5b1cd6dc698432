# ruff: noqa: E501 (lines of JavaScript and SQL)
"""Encrypted databases in pages: in OPFS and IndexedDB, in several tabs, and nothing readable in what the browser stores."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import open_page, runner

NEEDED = "file is encrypted: a key is needed"
WRONG = "file is encrypted with another key"
STORED = """
    const holds = (bytes, text) => new TextDecoder('latin1').decode(bytes).includes(text);
    /** Whether anything that the origin stores contains a text. */
    async function stored(text) {
      const found = [];
      async function look(folder, path) {
        for await (const [name, handle] of folder.entries()) {
          if (handle.kind === 'directory') await look(handle, `${path}${name}/`);
          else if (holds(await (await handle.getFile()).arrayBuffer(), text)) found.push(path + name);
        }
      }
      await look(await navigator.storage.getDirectory(), '');
      for (const { name } of await indexedDB.databases()) {
        const db = await new Promise((resolve, reject) => {
          const request = indexedDB.open(name);
          request.onsuccess = () => resolve(request.result);
          request.onerror = () => reject(request.error);
        });
        for (const store of db.objectStoreNames) {
          const values = await new Promise((resolve, reject) => {
            const request = db.transaction(store).objectStore(store).getAll();
            request.onsuccess = () => resolve(request.result);
            request.onerror = () => reject(request.error);
          });
          for (const value of values) {
            const isData = ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof Blob;
            const parts = isData ? [value] : Object.values(value ?? {});
            for (const part of parts) {
              const bytes = part instanceof Blob ? await part.arrayBuffer() : part;
              if ((ArrayBuffer.isView(bytes) || bytes instanceof ArrayBuffer) && holds(bytes, text)) found.push(`${name}/${store}`);
            }
          }
        }
        db.close();
      }
      return found;
    }
"""


@pytest.mark.parametrize("storage", ["opfs", "indexeddb"])
def test_a_key(js: Any, storage: str) -> None:
    got = js(
        STORED
        + """
        const name = `secret ${storage}.db`;
        const mark = 'a mark of ' + storage;
        const raw = new Uint8Array(32).fill(7);
        let db = await turso.connect(name, { storage, key: 'a passphrase' });
        await db.exec('CREATE TABLE t(a, b); CREATE TEMP TABLE u(a)');
        await db.run('INSERT INTO t SELECT value, ? || value FROM generate_series(1, 3000)', mark);
        await db.run('INSERT INTO u SELECT b FROM t');
        await db.run('CREATE INDEX i ON t(b)');
        const rows = await db.prepare('SELECT count(*), max(a) FROM t').raw().get();
        await db.close();
        const files = await stored(mark);
        const plain = await turso.connect(name, { storage });
        const needed = await failure(() => plain.prepare('SELECT * FROM t').all());
        await plain.exec("PRAGMA key = 'a passphrase'");
        const given = await plain.prepare('SELECT count(*), max(a) FROM t').raw().get();
        await plain.close();
        const other = await turso.connect(name, { storage, key: raw });
        const wrong = await failure(() => other.prepare('SELECT * FROM t').all());
        await other.close();
        db = await turso.connect(name, { storage, key: 'a passphrase' });
        const before = await db.prepare('SELECT count(*), max(a) FROM t').raw().get();
        await db.rekey(raw);
        await db.run("INSERT INTO t VALUES (5000, 'new')");
        const image = await db.export();
        const mode = await db.prepare('PRAGMA journal_mode').pluck().get();
        await db.close();
        db = await turso.connect(name, { storage, key: raw });
        const after = await db.prepare('SELECT count(*), max(a) FROM t').raw().get();
        const sound = await db.prepare('PRAGMA integrity_check').pluck().all();
        await db.import(image);
        const imported = await db.prepare('SELECT count(*), max(a) FROM t').raw().get();
        await db.close();
        const filesAfter = await stored(mark);
        db = await turso.connect(name, { storage, key: raw });
        await db.rekey(null);
        await db.close();
        const open = await turso.connect(name, { storage });
        const unlocked = await open.prepare('SELECT count(*), max(a) FROM t').raw().get();
        const refused = await failure(() => open.import(image));
        await open.close();
        const shown = await stored(mark);
        await turso.remove(name, { storage });
        return { rows, files, needed, given, wrong, before, mode, after, sound, imported, filesAfter, unlocked, refused, shown: shown.length };
        """,
        storage=storage,
    )
    assert got["rows"] == got["given"] == got["before"] == [3000, 3000]
    assert got["after"] == got["imported"] == got["unlocked"] == [3001, 5000]
    assert got["files"] == got["filesAfter"] == []
    assert got["needed"]["message"] == NEEDED and got["wrong"]["message"] == WRONG
    assert got["refused"]["message"] == NEEDED
    assert got["mode"] == "wal" and got["sound"] == ["ok"]
    assert got["shown"] > 0  # the search finds what is there


def test_what_is_no_key(js: Any) -> None:
    got = js("""
        const short = await failure(() => turso.connect('k.db', { key: new Uint8Array(31) }));
        const number = await failure(() => turso.connect('k.db', { key: 5 }));
        const hex = await failure(() => turso.connect('k.db', { storage: 'memory', key: "x'12'" }));
        const db = await turso.connect(':memory:', { key: 'k' });
        await db.exec('CREATE TABLE t(a)');
        const rekey = await failure(() => db.rekey(5));
        const cipher = await failure(() => db.exec("PRAGMA cipher = 'rot13'"));
        const other = await failure(() => db.exec("PRAGMA temp.key = 'a'"));
        const image = await db.export();
        await db.close();
        return { short, number, hex, rekey, cipher, other, begins: String.fromCharCode(...image.slice(0, 5)) };
    """)
    assert got["short"]["message"] == 'connect(): the option "key" takes a passphrase or 32 bytes, not Uint8Array'
    assert got["number"]["message"] == 'connect(): the option "key" takes a passphrase or 32 bytes, not number'
    assert got["hex"]["message"] == "a key is 64 hexadecimal digits"
    assert got["rekey"]["message"].startswith("rekey() takes a passphrase or 32 bytes, not ")
    assert got["cipher"]["message"] == "no such cipher: rot13"
    assert got["other"]["message"].startswith("a key is given for main")
    assert got["begins"] == "TWasm"


def test_attached_and_copied(js: Any) -> None:
    got = js("""
        const db = await turso.connect('first.db', { key: 'one' });
        await db.exec("CREATE TABLE t(a); INSERT INTO t VALUES (1); ATTACH 'second.db' AS s KEY 'two'; CREATE TABLE s.u AS SELECT a + 1 AS a FROM t");
        await db.exec("VACUUM s INTO 'third.db' KEY 'three'");
        const texts = await db.prepare("SELECT sql FROM sqlite_stmt").pluck().all();
        await db.close();
        const found = [];
        for (const [name, key] of [['second.db', 'two'], ['third.db', 'three']]) {
          const other = await turso.connect(name, { key });
          found.push(await other.prepare('SELECT a FROM u').pluck().get());
          await other.close();
        }
        for (const name of ['first.db', 'second.db', 'third.db']) await turso.remove(name);
        return { found, texts };
    """)
    assert got["found"] == [2, 2]
    assert not [text for text in got["texts"] if "'two'" in text or "'three'" in text]


@pytest.mark.parametrize("storage", ["opfs", "indexeddb"])
def test_tabs(context: Any, server: str, storage: str) -> None:
    """Each tab has its key; the owner's serves the others, and whoever takes over has its own."""
    pages = [open_page(context, server) for _ in range(3)]
    first, second, third = map(runner, pages)
    connect = "globalThis.db = await turso.connect('tabs of secrets.db', { storage, key });"
    first(connect + "await db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)')", storage=storage, key="k")
    second(connect + "await db.run('INSERT INTO t VALUES (2)')", storage=storage, key="k")
    refused = third(
        connect + "const e = await failure(() => db.prepare('SELECT * FROM t').all()); await db.close(); return e;",
        storage=storage,
        key="other",
    )
    assert refused["message"] == WRONG
    assert second("return (await db.status()).owner") == "other"
    pages[0].close()
    assert second("return db.prepare('SELECT a FROM t ORDER BY a').pluck().all()") == [1, 2]
    second("await db.rekey('new'); await db.run('INSERT INTO t VALUES (3)')")
    third(connect, storage=storage, key="new")
    assert third("return db.prepare('SELECT count(*) FROM t').pluck().get()") == 3
    pages[1].close()
    assert third("return db.prepare('SELECT count(*) FROM t').pluck().get()") == 3
    third("await db.close(); await turso.remove('tabs of secrets.db', { storage })", storage=storage)
    pages[2].close()
