# ruff: noqa: E501 (lines of JavaScript and SQL)
"""Where databases of a page lie: every kind of store through the page's API, Blobs that are read in place, and what an import takes."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.browser.conftest import open_page, runner

KINDS = ["opfs", "indexeddb", "memory"]


def made_by_sqlite(path: Path, script: str, *pragmas: str) -> bytes:
    """A file that SQLite made."""
    connection = sqlite3.connect(path)
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
    connection.executescript(script)
    connection.close()
    return path.read_bytes()


class TestKinds:
    @pytest.mark.parametrize("kind", KINDS)
    def test_a_life(self, tab: Any, kind: str) -> None:
        found = tab(
            """const where = { storage };
            for (const name of await turso.list(where)) await turso.remove(name, where);
            let db = await turso.connect('life.db', where);
            await db.exec('CREATE TABLE t(a INTEGER PRIMARY KEY, b)');
            await db.transaction(async (tx) => { for (let i = 0; i < 500; i++) tx.run('INSERT INTO t(b) VALUES (randomblob(3000))'); })();
            await db.exec('DELETE FROM t WHERE a > 400; UPDATE t SET b = 1 WHERE a = 7');
            const file = await db.export();
            await db.exec('BEGIN; DELETE FROM t');
            await db.close();
            db = await turso.connect('life.db', { ...where, create: false });
            const kept = await db.prepare('SELECT count(*), sum(b = 1) FROM t').raw().get();
            const check = await db.pragma('integrity_check', { simple: true });
            await db.exec('DROP TABLE t');
            await db.import(file);
            const back = await db.prepare('SELECT count(*) FROM t').pluck().get();
            const names = await turso.list(where);
            const busy = await failure(() => turso.remove('life.db', where));
            await db.close();
            await turso.remove('life.db', where);
            const missing = await failure(() => turso.connect('life.db', { ...where, create: false }));
            return [kept, check, back, names, busy.code, await turso.list(where), missing.code];""",
            storage=kind,
        )
        assert found == [[400, 1], "ok", 400, ["life.db"], "SQLITE_BUSY", [], "SQLITE_CANTOPEN"]

    def test_one_name_in_every_kind_is_a_database_in_each(self, tab: Any) -> None:
        found = tab(
            """const all = await Promise.all(kinds.map((storage) => turso.connect('same.db', { storage })));
            for (const [i, db] of all.entries()) await db.exec(`CREATE TABLE t${i}(a)`);
            const tables = [];
            for (const db of all) tables.push(await db.prepare('SELECT name FROM sqlite_schema').pluck().all());
            for (const [i, db] of all.entries()) { await db.close(); await turso.remove('same.db', { storage: kinds[i] }); }
            return tables;""",
            kinds=KINDS,
        )
        assert found == [["t0"], ["t1"], ["t2"]]

    @pytest.mark.parametrize("kind", ["opfs", "indexeddb"])
    def test_what_was_committed_survives_a_reload_and_the_worker(self, context: Any, server: str, kind: str) -> None:
        page = open_page(context, server)
        run = runner(page)
        run(
            """globalThis.db = await turso.connect('kept.db', { storage });
            await db.exec('CREATE TABLE t(a, b)');
            for (let i = 0; i < 30; i++) await db.run('INSERT INTO t VALUES (?, randomblob(5000))', i);
            await db.exec('BEGIN; INSERT INTO t VALUES (99, 1)');""",
            storage=kind,
        )
        page.reload()
        page.wait_for_function("globalThis.turso !== undefined")
        found = run(
            """const db = await turso.connect('kept.db', { storage });
            const rows = await db.prepare('SELECT count(*), max(a), sum(length(b)) FROM t').raw().get();
            const check = await db.pragma('integrity_check', { simple: true });
            await db.close();
            await turso.remove('kept.db', { storage });
            return [rows, check];""",
            storage=kind,
        )
        page.close()
        assert found == [[30, 29, 150_000], "ok"]

    def test_indexeddb_where_opfs_is_refused(self, tab: Any) -> None:
        """As in private windows of some browsers; what was asked for is not replaced."""
        found = tab("""
            const code = `StorageManager.prototype.getDirectory = async () => { throw new DOMException('no', 'SecurityError'); };`;
            const script = `import '${location.origin}/web/worker.js'; ${code}`;
            const worker = new Worker(URL.createObjectURL(new Blob([script], { type: 'text/javascript' })), { type: 'module' });
            const db = await turso.connect('refused.db', { worker });
            await db.exec('CREATE TABLE t(a)');
            const { storage } = await db.status();
            const names = await turso.list({ worker });
            const error = await failure(() => turso.connect('refused.db', { worker, storage: 'opfs' }));
            await db.close();
            await turso.remove('refused.db', { worker });
            worker.terminate();
            return [storage, db.storage, names.includes('refused.db'), error.code];
        """)
        assert found == ["indexeddb", "indexeddb", True, "SQLITE_CANTOPEN"]


class TestBlobs:
    @pytest.mark.parametrize("pragma", ["journal_mode = delete", "journal_mode = wal", "page_size = 65536"])
    def test_a_file_is_read_where_it_is(self, tab: Any, tmp_path: Path, pragma: str) -> None:
        content = made_by_sqlite(
            tmp_path / "given.db",
            "CREATE TABLE t(a INTEGER PRIMARY KEY, b); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO t(b) SELECT zeroblob(i * 10) FROM n; CREATE INDEX by_b ON t(b)",
            pragma,
        )
        found = tab(
            """const file = new File([new Uint8Array(content)], 'given.db');
            const db = await turso.connect(file);
            const rows = await db.prepare('SELECT count(*), sum(length(b)) FROM t').raw().get();
            const found = await db.prepare('SELECT a FROM t WHERE b = zeroblob(1000)').pluck().get();
            const errors = [];
            for (const act of [() => db.run('DELETE FROM t'), () => db.exec('CREATE TABLE u(a)'), () => db.import(file), () => db.exec('PRAGMA user_version = 7')]) errors.push((await failure(act))?.code);
            const check = await db.pragma('integrity_check', { simple: true });
            const copy = await turso.connect(':memory:');
            await copy.import(await db.export());
            const copied = await copy.prepare('SELECT count(*) FROM t').pluck().get();
            await copy.close();
            await db.close();
            return [db.name, rows, found, errors, check, copied];""",
            content=list(content),
        )
        assert found == ["given.db", [300, 451_500], 100, ["SQLITE_READONLY"] * 4, "ok", 300]

    def test_two_at_once(self, tab: Any, tmp_path: Path) -> None:
        contents = [
            list(made_by_sqlite(tmp_path / f"{i}.db", f"CREATE TABLE t(a); INSERT INTO t VALUES ({i})")) for i in (1, 2)
        ]
        found = tab(
            """const dbs = await Promise.all(contents.map((one) => turso.connect(new Blob([new Uint8Array(one)]))));
            const rows = [];
            for (const db of dbs) rows.push(await db.prepare('SELECT a FROM t').pluck().get());
            for (const db of dbs) await db.close();
            return [rows, dbs[0].name];""",
            contents=contents,
        )
        assert found == [[1, 2], "blob"]

    def test_what_is_no_database(self, tab: Any) -> None:
        found = tab("""
            const db = await turso.connect(new Blob(['no database at all, but long enough to be one. '.repeat(100)]));
            const error = await failure(() => db.all('SELECT * FROM sqlite_schema'));
            await db.close();
            return error.code;
        """)
        assert found == "SQLITE_NOTADB"


def changed(content: bytes, at: int, new: bytes) -> bytes:
    """A copy with some bytes in the place of others."""
    return content[:at] + new + content[at + len(new) :]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file with a table, an index and overflow pages."""
    return made_by_sqlite(
        tmp_path_factory.mktemp("import") / "sound.db",
        "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, zeroblob(20000)); CREATE INDEX i ON t(a)",
    )


class TestImport:
    REFUSED: dict[str, tuple[Callable[[bytes], bytes], str]] = {  # noqa: RUF012
        "UTF-8 that claims to be UTF-16": (lambda file: changed(file, 56, struct.pack(">I", 2)), "malformed"),
        "a page size that is none": (lambda file: changed(file, 16, struct.pack(">H", 1000)), "not a database"),
        "a page size of zero": (lambda file: changed(file, 16, b"\0\0"), "not a database"),
        "another page size": (lambda file: changed(file, 16, struct.pack(">H", 512)), ""),
        "a read version of the future": (lambda file: changed(file, 19, b"\3"), ""),
        "a schema format of the future": (lambda file: changed(file, 44, struct.pack(">I", 5)), "unsupported file format"),
        "payload fractions that are none": (lambda file: changed(file, 21, b"\77"), ""),
        "more reserved than usable": (lambda file: changed(file, 20, b"\377") if file[16:18] == b"\2\0" else b"x", ""),
        "a magic of another kind": (lambda file: changed(file, 0, b"PGlite"), "not a database"),
        "fewer pages than it says": (lambda file: file[: len(file) // 2], "cut short"),
        "only a header": (lambda file: file[:100], ""),
        "half a header": (lambda file: file[:50], "not a database"),
        "a schema page that is none": (lambda file: changed(file, 100, b"\377" * 8), "malformed"),
    }  # fmt: skip

    @pytest.mark.parametrize("kind", ["opfs", "memory"])
    @pytest.mark.parametrize("what", REFUSED)
    def test_what_could_not_be_read_is_refused_before_anything_is_replaced(
        self, tab: Any, sound: bytes, what: str, kind: str
    ) -> None:
        spoil, message = self.REFUSED[what]
        found = tab(
            """const db = await turso.connect(name, { storage });
            try {
                await db.exec('CREATE TABLE keep(a); INSERT INTO keep VALUES (42)');
                const kept = db.prepare('SELECT a FROM keep').pluck();
                await kept.get();
                const error = await failure(() => db.import(new Blob([new Uint8Array(content)])));
                if (!error) return [error, []];
                const after = [await kept.get(), await db.pragma('integrity_check', { simple: true }), (await db.export()).length > 0];
                await db.run('INSERT INTO keep VALUES (43)');
                return [error, after];
            } finally {
                await db.close();
                await turso.remove(name, { storage });
            }""",
            name=f"{what}.db",
            content=list(spoil(sound)),
            storage=kind,
        )
        error, after = found
        assert error is not None, "it was taken"
        assert after == [42, "ok", True]
        assert error["name"] == "SqliteError" and error["code"] in ("SQLITE_NOTADB", "SQLITE_CORRUPT", "SQLITE_ERROR")
        assert message in error["message"]

    @pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
    def test_a_utf_16_file_of_sqlite(self, tab: Any, tmp_path: Path, encoding: str) -> None:
        content = made_by_sqlite(
            tmp_path / "wide.db", "CREATE TABLE t(a); INSERT INTO t VALUES ('ž')", f"encoding = '{encoding}'"
        )
        found = tab(
            """const db = await turso.connect('wide.db');
            await db.import(new Uint8Array(content));
            await db.run("INSERT INTO t VALUES (?)", ['🐫']);
            const rows = await db.prepare('SELECT a, hex(a), length(a) FROM t ORDER BY a').raw().all();
            const encoding = await db.pragma('encoding', { simple: true });
            const file = [...await db.export()];
            await db.close();
            await turso.remove('wide.db');
            return [rows, encoding, file];""",
            content=list(content),
        )
        path = tmp_path / "changed.db"
        path.write_bytes(bytes(found[2]))
        theirs = apsw.Connection(str(path))
        rows = theirs.execute("SELECT a, hex(a), length(a) FROM t ORDER BY a").fetchall()
        assert [tuple(row) for row in found[0]] == rows and len(rows) == 2
        assert found[1] == encoding
        assert theirs.execute("PRAGMA integrity_check").fetchall() == [("ok",)]

    def test_while_another_connection_has_it_open(self, tab: Any, sound: bytes) -> None:
        found = tab(
            """const [a, b] = [await turso.connect('both.db'), await turso.connect('both.db')];
            await a.exec('CREATE TABLE old(x)');
            const error = await failure(() => a.import(new Uint8Array(content)));
            await b.all('SELECT * FROM old');
            await b.close();
            await a.import(new Uint8Array(content));
            const opened = await turso.connect('both.db');
            const rows = [await a.prepare('SELECT a FROM t').pluck().all(), await opened.prepare('SELECT a FROM t').pluck().all()];
            await a.close();
            await opened.close();
            await turso.remove('both.db');
            return [error.code, error.message, rows];""",
            content=list(sound),
        )
        assert found == ["SQLITE_BUSY", "database is locked: another connection has both.db open", [[1], [1]]]

    def test_sources(self, tab: Any, page: Any, sound: bytes) -> None:
        page.route("**/given.db", lambda route: route.fulfill(body=sound))
        page.route("**/gone.db", lambda route: route.fulfill(status=410, body=b"gone"))
        page.route("**/nowhere.db", lambda route: route.abort())
        found = tab(
            """const bytes = new Uint8Array(content);
            const db = await turso.connect(':memory:');
            const sources = [bytes, bytes.buffer.slice(0), new DataView(bytes.buffer), new Blob([bytes]), new File([bytes], 'x'), new Response(bytes), new Blob([bytes]).stream(), '/given.db', new URL('/given.db', location.href)];
            const counts = [];
            for (const source of sources) {
                await db.exec('DROP TABLE IF EXISTS t');
                await db.import(source);
                counts.push(await db.prepare('SELECT count(*) FROM t').pluck().get());
            }
            const used = new Response(bytes);
            await used.text();
            const locked = new Blob([bytes]).stream();
            locked.getReader();
            const broken = new ReadableStream({ start(controller) { controller.error(new Error('mine')); } });
            const errors = [];
            for (const source of ['/gone.db', '/nowhere.db', used, locked, broken, new Response('', { status: 500 }), 'http://[']) errors.push(await failure(() => db.import(source)));
            await db.close();
            return [counts, errors.map(({ name, message }) => [name, message])];""",
            content=list(sound),
        )
        assert found[0] == [1] * 9
        assert {name for name, _ in found[1]} == {"TypeError"}
        assert found[1][0][1] == "/gone.db could not be fetched: HTTP status 410"
        assert all(" could not be " in message for _, message in found[1])
