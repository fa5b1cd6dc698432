# ruff: noqa: E501 (lines of JavaScript)
"""Databases on their way in and out, as streams: progress, giving up, what goes on meanwhile; files that are saved in place."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import open_page, runner
from tests.browser.test_files import renderers
from tests.browser.test_stores import KINDS, made_by_sqlite

Js = Callable[..., Any]

ROWS = 40_000
FILL = f"CREATE TABLE t(a INTEGER PRIMARY KEY, b); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS}) INSERT INTO t SELECT i, zeroblob(100) FROM n;"


@pytest.fixture(scope="module")
def page(context: Any, server: str) -> Iterator[Any]:
    opened = open_page(context, server)
    opened.evaluate(
        """() => {
            globalThis.collect = () => {
                const parts = [];
                const state = { parts, aborted: null, closed: false };
                state.stream = new WritableStream({ write: (part) => { parts.push(part); }, close: () => { state.closed = true; }, abort: (why) => { state.aborted = String(why?.name ?? why); } });
                return state;
            };
            globalThis.fileNamed = async (name, content) => {
                const handle = await (await navigator.storage.getDirectory()).getFileHandle(name, { create: true });
                const stream = await handle.createWritable();
                await stream.write(content);
                await stream.close();
                return handle;
            };
        }"""
    )
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> list[int]:
    return list(
        made_by_sqlite(
            tmp_path_factory.mktemp("transfers") / "x.db", "CREATE TABLE t(a); INSERT INTO t VALUES (1), (2), (3)"
        )
    )


class TestOut:
    @pytest.mark.parametrize("kind", [*KINDS, ":memory:"])
    def test_a_stream(self, tab: Js, kind: str, tmp_path: Path) -> None:
        """What is committed meanwhile waits for nothing, and is not in it."""
        found = tab(
            f"""const name = kind === ':memory:' ? kind : 'out.db';
            const db = await turso.connect(name, kind === ':memory:' ? {{}} : {{ storage: kind }});
            await db.exec('{FILL}');
            const out = collect();
            const progress = [];
            let wrote;
            const onProgress = ({{ done, total }}) => {{
                progress.push([done, total]);
                wrote ??= db.run('DELETE FROM t WHERE a > 10');
            }};
            await db.exportTo(out.stream, {{ onProgress }});
            await wrote;
            const left = await db.prepare('SELECT count(*) FROM t').pluck().get();
            await db.close();
            if (name !== kind) await turso.remove(name, {{ storage: kind }});
            const blob = new Blob(out.parts);
            const copy = await turso.connect(blob);
            const seen = [await copy.prepare('SELECT count(*), max(a) FROM t').raw().get(), await copy.pragma('integrity_check', {{ simple: true }}), await copy.pragma('journal_mode', {{ simple: true }})];
            await copy.close();
            return [left, seen, out.closed, progress, blob.size, Math.max(...out.parts.map((part) => part.length))];""",
            kind=kind,
        )
        left, seen, closed, progress, size, largest = found
        assert left == 10 and closed
        assert seen == [[ROWS, ROWS], "ok", "delete"]
        assert len(progress) > 3 and progress[-1] == [size, size]
        assert sorted(progress) == progress and {total for _, total in progress} == {size}
        assert largest < 2 << 20

    def test_giving_up(self, tab: Js) -> None:
        found = tab(
            f"""const db = await turso.connect('stop.db');
            await db.exec('{FILL}');
            const controller = new AbortController();
            const out = collect();
            const stopped = await failure(() => db.exportTo(out.stream, {{ signal: controller.signal, onProgress: () => controller.abort() }}));
            const broken = await failure(() => db.exportTo(new WritableStream({{ write() {{ throw new RangeError('full'); }} }})));
            const before = await failure(() => db.exportTo(collect().stream, {{ signal: AbortSignal.abort() }}));
            await db.exec('BEGIN; DELETE FROM t');
            const inside = await failure(() => db.exportTo(collect().stream));
            await db.exec('ROLLBACK');
            const wrong = [await failure(() => db.exportTo('x.db')), await failure(() => db.exportTo(out.stream, {{ progress: 1 }})), await failure(() => db.save())];
            const n = await db.prepare('SELECT count(*) FROM t').pluck().get();
            await db.exec('DROP TABLE t; VACUUM');
            await db.close();
            await turso.remove('stop.db');
            return [stopped.name, out.aborted, out.closed, broken.message, before.name, inside.message, wrong.map((one) => one.message), n];"""
        )
        assert found == [
            "AbortError",
            "AbortError",
            False,
            "full",
            "AbortError",
            "cannot export within a transaction",
            [
                "exportTo() takes a WritableStream or a FileSystemFileHandle, not string",
                'exportTo() has no option "progress": it has signal, onProgress',
                "save() is for files that were opened by their handle: use exportTo()",
            ],
            ROWS,
        ]

    def test_a_guest_tab(self, context: Any, server: str, tab: Js) -> None:
        tab(f"globalThis.mine = await turso.connect('guest.db'); await mine.exec('{FILL}');")
        other = open_page(context, server)
        try:
            found = runner(other)(
                """const db = await turso.connect('guest.db');
                const parts = [];
                await db.exportTo(new WritableStream({ write: (part) => { parts.push(part); } }));
                const copy = await turso.connect(new Blob(parts));
                const n = await copy.prepare('SELECT count(*) FROM t').pluck().get();
                const { owner } = await db.status();
                await copy.close();
                await db.close();
                return [n, owner];"""
            )
        finally:
            other.close()
        tab("await mine.close(); await turso.remove('guest.db');")
        assert found == [ROWS, "other"]


class TestIn:
    @pytest.mark.parametrize("kind", KINDS)
    def test_parts(self, tab: Js, kind: str) -> None:
        found = tab(
            f"""const source = await turso.connect(':memory:');
            await source.exec('{FILL}');
            const file = await source.export();
            await source.close();
            const db = await turso.connect('in.db', {{ storage }});
            await db.exec('CREATE TABLE old(a); INSERT INTO old VALUES (7)');
            const small = new ReadableStream({{ start(c) {{ for (let at = 0; at < file.length; at += 70000) c.enqueue(file.slice(at, at + 70000)); c.close(); }} }});
            const results = [];
            for (const given of [new Blob([file]), small, new Response(file)]) {{
                const progress = [];
                await db.import(given, {{ onProgress: ({{ done, total }}) => progress.push([done, total]) }});
                results.push([await db.prepare('SELECT count(*) FROM t').pluck().get(), await db.pragma('integrity_check', {{ simple: true }}), progress.length > 2, progress.at(-1)[0] === file.length, progress[0][1] === file.length]);
                await db.exec('DROP TABLE t');
            }}
            await db.import(new Blob([]));
            const empty = await db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get();
            await db.close();
            await turso.remove('in.db', {{ storage }});
            return [results, empty];""",
            storage=kind,
        )
        assert found == [
            [[ROWS, "ok", True, True, True], [ROWS, "ok", True, True, False], [ROWS, "ok", True, True, False]],
            0,
        ]

    @pytest.mark.parametrize("kind", KINDS)
    def test_what_goes_wrong_leaves_the_old_one(self, tab: Js, kind: str, content: list[int]) -> None:
        found = tab(
            """const db = await turso.connect('kept.db', { storage });
            await db.exec('CREATE TABLE old(a); INSERT INTO old VALUES (7)');
            const large = new Blob([new Uint8Array(5000000)]);
            const controller = new AbortController();
            const stopped = await failure(() => db.import(large, { signal: controller.signal, onProgress: () => controller.abort() }));
            const broken = new ReadableStream({ async pull(c) { c.enqueue(new Uint8Array(900000)); if ((this.n = (this.n ?? 0) + 1) > 3) c.error(new Error('cut')); } });
            const cut = await failure(() => db.import(broken));
            const text = await failure(() => db.import(new ReadableStream({ start(c) { c.enqueue('text'); c.close(); } })));
            const none = await failure(() => db.import(large));
            const old = await db.prepare('SELECT a FROM old').pluck().get();
            await db.import(new Uint8Array(content));
            const rows = await db.prepare('SELECT count(*) FROM t').pluck().get();
            const names = await turso.list({ storage });
            await db.close();
            await turso.remove('kept.db', { storage });
            return [stopped.name, cut.message, text.message, none.code, old, rows, names.filter((name) => name.startsWith('kept'))];""",
            storage=kind,
            content=content,
        )
        assert found == [
            "AbortError",
            "the ReadableStream could not be read: cut",
            "the ReadableStream could not be read: it gives string, not bytes",
            "SQLITE_NOTADB",
            7,
            3,
            ["kept.db"],
        ]

    def test_queries_run_between_the_parts(self, tab: Js, content: list[int]) -> None:
        found = tab(
            """const db = await turso.connect('busy.db');
            await db.exec('CREATE TABLE old(a); INSERT INTO old VALUES (7)');
            const seen = [];
            let first = true;
            const slow = new ReadableStream({ async pull(c) {
                if (!first) { seen.push(await db.prepare('SELECT a FROM old').pluck().get()); c.close(); return; }
                first = false;
                c.enqueue(new Uint8Array(content));
            } });
            await db.import(slow);
            seen.push(await db.prepare('SELECT count(*) FROM t').pluck().get());
            await db.close();
            await turso.remove('busy.db');
            return seen;""",
            content=content,
        )
        assert found == [7, 3]


class TestSaving:
    def test_in_place(self, tab: Js, content: list[int]) -> None:
        found = tab(
            """const handle = await fileNamed('mine.db', new Uint8Array(content));
            const db = await turso.connect(handle, { overlay: true });
            const rows = db.prepare('SELECT a FROM t ORDER BY a').pluck();
            const seen = [db.name, db.storage];
            for (const a of [4, 5]) {
                await db.run('INSERT INTO t VALUES (?)', a);
                const before = await turso.connect(await handle.getFile());
                seen.push(await before.prepare('SELECT count(*) FROM t').pluck().get());
                await before.close();
                const progress = [];
                await db.save({ onProgress: ({ done, total }) => progress.push(done === total) });
                seen.push(await rows.all(), progress.at(-1));
            }
            const after = await turso.connect(handle);
            seen.push(await after.prepare('SELECT count(*) FROM t').pluck().get(), await after.pragma('integrity_check', { simple: true }));
            await after.close();
            await db.close();
            return [seen, [...new Uint8Array(await (await handle.getFile()).arrayBuffer())]];""",
            content=content,
        )
        assert found[0] == ["mine.db", "file", 3, [1, 2, 3, 4], True, 4, [1, 2, 3, 4, 5], True, 5, "ok"]
        theirs = sqlite3.connect(":memory:")
        theirs.deserialize(bytes(found[1]))
        assert theirs.execute("SELECT sum(a) FROM t").fetchone() == (15,)
        assert theirs.execute("PRAGMA integrity_check").fetchone() == ("ok",)

    def test_an_overlay_in_opfs_is_empty_after_it(self, tab: Js, content: list[int]) -> None:
        found = tab(
            """const handle = await fileNamed('kept.db', new Uint8Array(content));
            const open = () => turso.connect(handle, { overlay: 'saved' });
            let db = await open();
            await db.run('INSERT INTO t VALUES (4)');
            await db.save();
            await db.run('INSERT INTO t VALUES (5)');
            await db.close();
            db = await open();
            const rows = await db.prepare('SELECT a FROM t').pluck().all();
            await db.save();
            await db.close();
            await turso.remove('saved');
            db = await turso.connect(handle);
            const saved = await db.prepare('SELECT a FROM t').pluck().all();
            await db.close();
            return [rows, saved];""",
            content=content,
        )
        assert found == [[1, 2, 3, 4, 5]] * 2

    def test_giving_up_leaves_the_file(self, tab: Js, content: list[int]) -> None:
        found = tab(
            f"""const handle = await fileNamed('stay.db', new Uint8Array(content));
            const db = await turso.connect(handle, {{ overlay: true }});
            await db.exec('DROP TABLE t; {FILL}');
            const controller = new AbortController();
            const stopped = await failure(() => db.save({{ signal: controller.signal, onProgress: () => controller.abort() }}));
            const size = (await handle.getFile()).size;
            const n = await db.prepare('SELECT count(*) FROM t').pluck().get();
            await db.exec('BEGIN');
            const inside = await failure(() => db.save());
            await db.exec('COMMIT');
            await db.save();
            await db.close();
            const plain = await turso.connect(handle);
            const nothing = await failure(() => plain.save());
            await plain.close();
            return [stopped.name, size, n, inside.message, (await handle.getFile()).size > 4000000, nothing.message];""",
            content=content,
        )
        assert found == [
            "AbortError",
            len(content),
            ROWS,
            "cannot save within a transaction",
            True,
            "nothing to save: the file was opened without an overlay",
        ]

    def test_a_file_with_a_log_is_not_saved_in_place(self, tab: Js, content: list[int], tmp_path: Path) -> None:
        connection = sqlite3.connect(tmp_path / "log.db")
        connection.executescript("PRAGMA journal_mode = wal; CREATE TABLE t(a); INSERT INTO t VALUES (1)")
        files = [list((tmp_path / name).read_bytes()) for name in ("log.db", "log.db-wal")]
        connection.close()
        found = tab(
            """const [handle, wal] = [await fileNamed('log.db', new Uint8Array(files[0])), await fileNamed('log.db-log', new Uint8Array(files[1]))];
            const db = await turso.connect(handle, { wal, overlay: true });
            await db.run('INSERT INTO t VALUES (2)');
            const error = await failure(() => db.save());
            const target = await fileNamed('target.db', '');
            await db.exportTo(target);
            const whole = await turso.connect(new Blob([await db.export()]));
            const n = [await whole.prepare('SELECT count(*) FROM t').pluck().get()];
            await whole.close();
            await db.close();
            const copy = await turso.connect(target);
            n.push(await copy.prepare('SELECT count(*) FROM t').pluck().get());
            await copy.close();
            return [error.message, n];""",
            files=files,
        )
        assert found == ["cannot save a file whose log lies beside it: use exportTo()", [2, 2]]

    @pytest.mark.parametrize("answer", ["denied", "prompt", "throws"])
    def test_no_permission(self, tab: Js, content: list[int], answer: str) -> None:
        """The user says no, or the browser does not ask, as nobody has clicked on anything."""
        found = tab(
            """const handle = await fileNamed('locked.db', new Uint8Array(content));
            const asked = [];
            const ask = async ({ mode }) => {
                asked.push(mode);
                if (answer === 'throws') throw new DOMException('User activation is required', 'SecurityError');
                return answer;
            };
            const db = await turso.connect(handle, { overlay: true });
            await db.run('INSERT INTO t VALUES (4)');
            Object.assign(handle, { queryPermission: async () => 'prompt', requestPermission: ask });
            const errors = [await failure(() => db.save()), await failure(() => turso.connect(handle)), await failure(() => turso.connect(new Blob([]), { wal: handle }))];
            handle.requestPermission = async () => 'granted';
            await db.save();
            await db.close();
            return [errors.map(({ code, message }) => [code, message]), asked];""",
            content=content,
            answer=answer,
        )
        how = (
            ", which is asked for only when the user has just clicked or typed something" if answer == "throws" else ""
        )
        denied = "access permission denied: locked.db: there is no permission to"
        assert found[0] == [["SQLITE_PERM", f"{denied} {what} it{how}"] for what in ("write", "read", "read")]
        assert found[1] == ["readwrite", "read", "read"]

    def test_a_file_that_is_gone(self, tab: Js, content: list[int]) -> None:
        found = tab(
            """const handle = await fileNamed('gone.db', new Uint8Array(content));
            await (await navigator.storage.getDirectory()).removeEntry('gone.db');
            const { code, message } = await failure(() => turso.connect(handle));
            return [code, message];""",
            content=content,
        )
        assert found == ["SQLITE_CANTOPEN", "unable to open database file: gone.db: it is not there any more"]


def test_what_is_encrypted_leaves_encrypted(tab: Js) -> None:
    found = tab("""
        const key = 'secret';
        const mark = async (parts) => (await new Blob(parts).text()).includes('plaintext');
        const db = await turso.connect('secret.db', { key });
        await db.exec("CREATE TABLE t(a); INSERT INTO t VALUES ('plaintext')");
        const out = collect();
        await db.exportTo(out.stream);
        const file = new Blob(out.parts);
        await db.moveTo('indexeddb');
        const moved = await db.prepare('SELECT a FROM t').pluck().all();
        const { encrypted } = await db.status();
        const marks = [await mark([file]), await mark([await db.export()])];
        await db.close();
        await turso.remove('secret.db', { storage: 'indexeddb' });
        const refused = await turso.connect(file);
        const error = await failure(() => refused.all('SELECT * FROM t'));
        await refused.close();
        const over = await turso.connect(file, { key, overlay: true });
        await over.run("INSERT INTO t VALUES ('plaintext too')");
        const rows = await over.prepare('SELECT a FROM t').pluck().all();
        const again = collect();
        await over.exportTo(again.stream);
        marks.push(await mark(again.parts));
        await over.close();
        return [moved, encrypted, marks, error.code, rows];
    """)
    assert found == [["plaintext"], True, [False] * 3, "SQLITE_NOTADB", ["plaintext", "plaintext too"]]


def test_memory_stays_as_it_is(tab: Js) -> None:
    """80 MB out and in again; the first time fills the caches of both databases, and garbage comes and goes."""
    size = 80
    tab(
        """globalThis.db = await turso.connect('large.db');
        await db.exec('CREATE TABLE t(a)');
        for (let i = 0; i < size; i++) await db.run('INSERT INTO t SELECT zeroblob(1000000)');
        globalThis.handle = await (await navigator.storage.getDirectory()).getFileHandle('large-copy.db', { create: true });
        globalThis.copy = await turso.connect('large-too.db');""",
        size=size,
    )
    used = []
    for _ in range(4):
        rows = tab(
            """await db.exportTo(handle);
            await copy.import(await handle.getFile());
            await copy.exportTo(new WritableStream());
            return copy.prepare('SELECT count(*) FROM t').pluck().get();"""
        )
        assert rows == size
        used.append(renderers())
    tab(
        """await copy.close();
        await db.close();
        for (const name of ['large.db', 'large-too.db', 'large-copy.db']) await turso.remove(name);"""
    )
    assert min(used[1:]) - used[0] < 60 << 20


def test_a_backup_in_steps(tab: Js) -> None:
    """Others are served between them; what they write is not in it. Who throws, or gives up, leaves the other database as it was."""
    found = tab(
        """const db = await turso.connect('steps.db');
        await db.exec('CREATE TABLE t(a); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) INSERT INTO t SELECT zeroblob(9000) FROM n');
        const left = [];
        let wrote;
        const done = await db.backup('steps-copy.db', { progress: ({ totalPages, remainingPages }) => {
            left.push(remainingPages / totalPages);
            wrote ??= db.run('DELETE FROM t');
            return left.length === 2 ? 0 : Math.ceil(totalPages / 4);
        } });
        await wrote;
        const count = async () => {
            const copy = await turso.connect('steps-copy.db');
            const n = await copy.prepare('SELECT count(*) FROM t').pluck().get();
            await copy.close();
            return n;
        };
        const counts = [await count()];
        const controller = new AbortController();
        const thrown = await failure(() => db.backup('steps-copy.db', { progress() { throw new RangeError('mine'); } }));
        const gone = await failure(() => db.backup('steps-copy.db', { signal: controller.signal, progress: () => controller.abort() }));
        const wrong = await failure(() => db.backup('steps-copy.db', { progress: () => -1 }));
        counts.push(await count());
        await db.close();
        for (const name of ['steps.db', 'steps-copy.db']) await turso.remove(name);
        return [left.map((one) => Math.round(one * 4)), done.remainingPages, done.totalPages > 100, counts, thrown.message, gone.name, wrong.message];"""
    )
    assert found == [
        [4, 3, 3, 2, 1],
        0,
        True,
        [50, 50],
        "mine",
        "AbortError",
        "what backup()'s progress returns takes a number, 0 or more, not number",
    ]
