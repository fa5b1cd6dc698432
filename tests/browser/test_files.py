# ruff: noqa: E501 (lines of JavaScript)
"""Files of the user's: read where they are, changed in an overlay, saved; with the log that lies beside them."""

from __future__ import annotations

import os
import shutil
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.modules import document, in_page
from tests.browser.remote_server import Remote, serving_remote
from tests.browser.test_stores import made_by_sqlite

Js = Callable[..., Any]

ROWS = 20_000
SCRIPT = f"""CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
INSERT INTO t SELECT i, printf('name %06d', i), zeroblob(100) FROM n;
CREATE INDEX by_b ON t(b);"""


@pytest.fixture
def choose(page: Any) -> Callable[..., None]:
    """Have the user choose files, which are `files` on the page then."""

    def chosen(*paths: Path) -> None:
        page.evaluate("document.body.innerHTML = '<input type=file multiple>'")
        page.locator("input").set_input_files([str(path) for path in paths])
        page.evaluate("globalThis.files = [...document.querySelector('input').files]")

    return chosen


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("files") / "small.db"
    made_by_sqlite(path, SCRIPT)
    return path


def with_log(folder: Path, script: str, logged: str) -> Path:
    """A database and, beside it, a log with what `logged` did."""
    path = folder / "logged.db"
    connection = sqlite3.connect(folder / "source.db")
    connection.executescript(f"PRAGMA journal_mode = wal; {script}; PRAGMA wal_checkpoint(TRUNCATE); {logged}")
    for suffix in ("", "-wal"):
        shutil.copyfile(folder / f"source.db{suffix}", folder / f"logged.db{suffix}")
    connection.close()
    return path


def renderers() -> int:
    """Bytes of memory of this process's browser's tabs."""
    parents, sizes = {}, {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            told = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            command = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        pid = int(status.parent.name)
        parents[pid] = int(told["PPid"])
        sizes[pid] = int(told.get("RssAnon", "0 kB").split()[0]) * 1024 if b"--type=renderer" in command else 0

    def is_ours(pid: int) -> bool:
        while pid in parents and pid != os.getpid():
            pid = parents[pid]
        return pid == os.getpid()

    return sum(size for pid, size in sizes.items() if size and is_ours(pid))


def test_the_document(page: Any, tmp_path: Path) -> None:
    """docs/files.md, with a user who chooses a file, and a web server."""
    script = "CREATE TABLE city(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO city VALUES (1, 'Brno'), (2, 'Kraków')"
    path = tmp_path / "cities.db"
    content = made_by_sqlite(path, script)
    page.evaluate("document.body.innerHTML = '<input type=file>'")
    page.locator("input").set_input_files(str(path))
    page.evaluate(
        """async (content) => {
            const handle = await (await navigator.storage.getDirectory()).getFileHandle('picked.db', { create: true });
            const stream = await handle.createWritable();
            await stream.write(new Uint8Array(content));
            await stream.close();
            globalThis.showOpenFilePicker = async () => [handle];
        }""",
        list(content),
    )
    with serving_remote(Remote(content=content)) as remote:
        source = document("files.md").replace("https://example.org/cities.db", remote.url)
        in_page(page, source)


class TestInPlace:
    def test_four_gigabytes(self, tab: Js, choose: Callable[..., None], tmp_path: Path) -> None:
        """Most of it a hole; an answer by an index reads a few pages of it."""
        path = tmp_path / "large.db"
        made_by_sqlite(path, SCRIPT)
        with path.open("r+b") as file:
            file.seek(24)
            (counter,) = struct.unpack(">I", file.read(4))
            file.seek(28)
            file.write(struct.pack(">I", 1 << 20))
            file.seek(92)
            file.write(struct.pack(">I", counter))
            file.truncate(4 << 30)
        choose(path)
        tab("await (await turso.connect(':memory:')).all('SELECT b FROM (SELECT 1 AS b) WHERE b = ?', 1)")
        before = renderers()
        found = tab(
            """const begun = performance.now();
            globalThis.large = await turso.connect(files[0]);
            const a = await large.prepare('SELECT a FROM t WHERE b = ?').pluck().get('name 000777');
            return [a, performance.now() - begun, (await large.status()).source, large.storage];"""
        )
        grown = renderers() - before
        tab("await large.close()")
        a, milliseconds, source, storage = found
        assert (a, storage, source["size"]) == (777, "file", 4 << 30)
        assert source["bytes"] < 500_000 and source["requests"] < 10
        assert milliseconds < 1000
        assert grown < 64 << 20

    def test_a_log_beside_it(self, tab: Js, choose: Callable[..., None], tmp_path: Path) -> None:
        path = with_log(
            tmp_path,
            "CREATE TABLE t(a); INSERT INTO t VALUES (1)",
            "INSERT INTO t VALUES (2); CREATE TABLE u(x); INSERT INTO u VALUES (zeroblob(100000))",
        )
        choose(path, Path(f"{path}-wal"))
        found = tab(
            """const results = [];
            for (const wal of [undefined, files[1], new Blob([])]) {
                const db = await turso.connect(files[0], { wal });
                results.push(await db.prepare('SELECT count(*), (SELECT count(*) FROM sqlite_schema) FROM t').raw().get());
                results.push((await failure(() => db.run('DELETE FROM t')))?.code, await db.pragma('integrity_check', { simple: true }));
                await db.close();
            }
            return results;"""
        )
        refused = ["SQLITE_READONLY", "ok"]
        assert found == [[1, 1], *refused, [2, 2], *refused, [1, 1], *refused]

    def test_it_changes_underneath(self, tab: Js, choose: Callable[..., None], small: Path, tmp_path: Path) -> None:
        path = tmp_path / "changing.db"
        shutil.copyfile(small, path)
        choose(path)
        tab("globalThis.db = await turso.connect(files[0]); await db.prepare('SELECT b FROM t WHERE a = 1').get();")
        with sqlite3.connect(path) as theirs:
            theirs.execute("DELETE FROM t WHERE a < 1000")
        found = tab(
            """const during = await failure(() => db.all('SELECT * FROM t'));
            await db.close();
            return [during, await failure(() => turso.connect(files[0]))];"""
        )
        assert found[0]["code"] == "SQLITE_IOERR_READ"
        assert found[0]["message"].startswith(
            "disk I/O error: changing.db: it was changed or removed since it was opened"
        )
        assert found[1]["code"] == "SQLITE_CANTOPEN"
        assert "changing.db: it is a directory, or was changed or removed since it was chosen" in found[1]["message"]

    def test_misuse(self, tab: Js) -> None:
        found = tab("""
            const root = await navigator.storage.getDirectory();
            const acts = [() => turso.connect(root), () => turso.connect(7), () => turso.connect('x.db', { wal: 'x.db-wal' }), () => turso.connect('x.db', { overlay: 7 }), () => turso.connect('x.db', { overlay: true }), () => turso.connect(':memory:', { wal: new Blob([]) })];
            const errors = [];
            for (const act of acts) errors.push(await failure(act));
            return errors.map((error) => error && `${error.name}: ${error.message}`);
        """)
        assert found == [
            "TypeError: a database is a name, a URL, a Blob or a FileSystemFileHandle, not FileSystemDirectoryHandle",
            "TypeError: a database is a name, a URL, a Blob or a FileSystemFileHandle, not number",
            'TypeError: connect(): the option "wal" takes a Blob or a FileSystemFileHandle, not string',
            'TypeError: connect(): the option "overlay" takes true, false or a name, not number',
            'TypeError: connect(): the option "overlay" is for Blobs, file handles and URLs',
            'TypeError: connect(): the option "wal" is for Blobs, file handles and URLs',
        ]


class TestOverlays:
    CHANGES = """await db.exec('DELETE FROM t WHERE a <= 5000; UPDATE t SET b = upper(b) WHERE a = 6000; CREATE TABLE u(x); INSERT INTO u VALUES (zeroblob(50000))');"""
    LOOK = "[await db.prepare('SELECT (SELECT count(*) FROM t), (SELECT b FROM t WHERE a = 6000), (SELECT sum(length(x)) FROM u)').raw().get(), await db.pragma('integrity_check', { simple: true })]"
    CHANGED = [[ROWS - 5000, "NAME 006000", 50_000], "ok"]  # noqa: RUF012

    def test_in_memory(self, tab: Js, choose: Callable[..., None], small: Path) -> None:
        before = small.read_bytes()
        choose(small)
        found = tab(
            f"""const db = await turso.connect(files[0], {{ overlay: true }});
            {self.CHANGES}
            await failure(() => db.transaction(async (tx) => {{ await tx.run('DELETE FROM t'); throw new Error('no'); }})());
            const seen = {self.LOOK};
            const copy = await turso.connect(new Blob([await db.export()]));
            const exported = await copy.prepare('SELECT count(*) FROM t').pluck().get();
            await copy.close();
            await db.exec('VACUUM');
            const vacuumed = {self.LOOK};
            const persist = db.storage;
            await db.close();
            const again = await turso.connect(files[0]);
            const rows = await again.prepare('SELECT count(*) FROM t').pluck().get();
            await again.close();
            return [seen, exported, vacuumed, rows, persist];"""
        )
        assert found == [self.CHANGED, ROWS - 5000, self.CHANGED, ROWS, "file"]
        assert small.read_bytes() == before

    def test_in_opfs(self, tab: Js, choose: Callable[..., None], small: Path, tmp_path: Path) -> None:
        choose(small)
        tab(
            f"""const db = await turso.connect(files[0], {{ overlay: 'edits' }});
            {self.CHANGES}
            const busy = await failure(() => turso.connect(files[0], {{ overlay: 'edits' }}));
            if (busy?.code !== 'SQLITE_BUSY') throw new Error('shared');
            await db.exec('BEGIN; DELETE FROM t');
            await db.close();"""
        )
        other = tmp_path / "other.db"
        made_by_sqlite(other, "CREATE TABLE t(a)")
        look = f"const db = await turso.connect(files[0], {{ overlay: 'edits' }}); const seen = {self.LOOK}; await db.close(); return seen;"
        assert tab(look) == self.CHANGED
        choose(other)
        error = tab("return failure(() => turso.connect(files[0], { overlay: 'edits' }))")
        assert error["code"] == "SQLITE_CANTOPEN" and 'the overlay "edits" is of another file' in error["message"]
        choose(small)
        assert tab(look) == self.CHANGED
        assert "edits" in tab("return turso.list()")
        tab("await turso.remove('edits')")
        assert (
            tab(
                "const db = await turso.connect(files[0], { overlay: 'edits' }); const n = await db.prepare('SELECT count(*) FROM t').pluck().get(); await db.close(); await turso.remove('edits'); return n;"
            )
            == ROWS
        )

    def test_the_worker_ends(self, tab: Js, choose: Callable[..., None], small: Path) -> None:
        """What was committed to an overlay in OPFS is there after a crash of the worker, and nothing else is."""
        choose(small)
        found = tab(
            """const worker = () => new Worker('/web/worker.js', { type: 'module' });
            const counts = [];
            for (let i = 0; i < 4; i++) {
                const own = worker();
                const db = await turso.connect(files[0], { overlay: 'crash', worker: own });
                counts.push(await db.prepare('SELECT count(*) FROM t').pluck().get(), await db.pragma('integrity_check', { simple: true }));
                await db.run('PRAGMA wal_autocheckpoint = 20').catch(() => undefined);
                for (let j = 0; j < 5; j++) await db.run('DELETE FROM t WHERE a > ? AND a <= ?', [(i * 5 + j) * 100, (i * 5 + j + 1) * 100]);
                db.exec('BEGIN; DELETE FROM t WHERE a > 10000').catch(() => undefined);
                own.terminate();
            }
            while (await failure(() => turso.remove('crash'))); // it takes a moment until the file is free
            return counts;"""
        )
        assert found == [value for i in range(4) for value in (ROWS - i * 500, "ok")]

    def test_a_log_under_an_overlay(self, tab: Js, choose: Callable[..., None], tmp_path: Path) -> None:
        path = with_log(tmp_path, "CREATE TABLE t(a); INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)")
        choose(path, Path(f"{path}-wal"))
        found = tab(
            """const seen = [];
            for (const overlay of [true, 'logged', 'logged']) {
                const db = await turso.connect(files[0], { wal: files[1], overlay });
                await db.run('INSERT INTO t VALUES (3)');
                seen.push(await db.prepare('SELECT a FROM t').pluck().all());
                await db.close();
            }
            await turso.remove('logged');
            return seen;"""
        )
        assert found == [[1, 2, 3], [1, 2, 3], [1, 2, 3, 3]]


@pytest.mark.parametrize("overlay", [True, "imported changes"])
def test_an_import_goes_into_the_overlay(tab: Any, overlay: bool | str) -> None:
    """The file stays; the next visit finds what was imported, where the overlay lasts."""
    found = tab(
        """const made = async (sql) => {
            const db = await turso.connect(':memory:');
            await db.exec(sql);
            const bytes = await db.export();
            await db.close();
            return new Blob([bytes]);
        };
        const [under, larger] = [await made("CREATE TABLE t(a); INSERT INTO t VALUES ('under')"),
            await made("CREATE TABLE t(a); CREATE TABLE u(b); INSERT INTO t SELECT 'larger' FROM generate_series(1, 3000)")];
        let db = await turso.connect(under, { overlay });
        const rows = () => db.prepare('SELECT a, count(*) FROM t GROUP BY a').raw().all();
        await db.run("INSERT INTO t VALUES ('own')");
        await db.import(larger);
        await db.run("INSERT INTO t VALUES ('more')");
        const taken = [await rows(), await db.pragma('integrity_check', { simple: true })];
        await db.close();
        db = await turso.connect(under, { overlay });
        const again = await rows();
        await db.import(new Uint8Array());
        const empty = await db.all('SELECT * FROM sqlite_schema');
        await db.close();
        if (overlay !== true) await turso.remove(overlay);
        return [taken, again, empty];""",
        overlay=overlay,
    )
    taken = [["larger", 3000], ["more", 1]]
    assert found == [[taken, "ok"], taken if overlay is not True else [["under", 1]], []]
