"""Later visits: statements whose Programs an earlier one has left answer without Python (web/program_cache.js)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.serve import Handler, serving
from tests.browser.conftest import for_python, open_page, runner, visits

SETUP = """
    await db.exec('CREATE TABLE IF NOT EXISTS notes(id INTEGER PRIMARY KEY, body TEXT, at REAL)');
    await db.transaction(async (tx) => tx.run('INSERT INTO notes(body, at) VALUES (?, ?)', 'first', 1.5))();
"""
KNOWN = """
    const started = performance.now();
    const db = await turso.connect('notes.db');
    const connected = performance.now() - started;
    const rows = await db.prepare('SELECT id, body FROM notes WHERE id >= 1 ORDER BY id').raw().all();
    const ms = performance.now() - started;
"""
CACHE = "const cache = await caches.open('turso-wasm'); const [key] = await cache.keys();"
STORED = """
    const stored = async () => (await (await caches.open('turso-wasm')).keys()).length;
    while (await stored() === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    await new Promise((resolve) => setTimeout(resolve, 700));
"""


class Logging(Handler):
    """Remembers what was asked for."""

    asked: list[str] = []  # noqa: RUF012 (shared by all requests on purpose)

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()


@pytest.fixture(scope="module")
def logged() -> Iterator[str]:
    with serving(handler=Logging) as url:
        yield url


@pytest.fixture
def visit(launch: Callable[[Path], Any], logged: str, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """What is asked for is that of the last visit."""
    context = launch(tmp_path / "profile")
    visited = visits(context, logged)

    def run(body: str, **values: Any) -> Any:
        Logging.asked.clear()
        return visited(body, **values)

    yield run
    context.close()


def first_visit(visit: Callable[..., Any]) -> float:
    """Milliseconds from connect() to rows where nobody was before; its Programs are stored at the end."""
    ms: float = visit(KNOWN.replace("const rows", f"{SETUP} const rows") + STORED + "await db.close(); return ms;")
    return ms


def test_what_makes_the_schema_needs_no_python_either(visit: Callable[..., Any]) -> None:
    """The second visit runs it against a schema for which the first has compiled only what came last."""
    setup = KNOWN.replace("const rows", f"{SETUP.replace('first', 'again')} const rows")
    stay = "await new Promise((resolve) => setTimeout(resolve, 2500));"
    visit(setup + STORED + stay)
    found = visit(setup + "const { programs } = await db.status(); return [rows.length, programs.misses];")
    assert found == [2, 0]
    assert not for_python(Logging.asked)


def test_known_statements_need_no_python(visit: Callable[..., Any]) -> None:
    first = first_visit(visit)
    assert for_python(Logging.asked)
    found = visit(
        KNOWN
        + """
        await db.transaction(async (tx) => tx.run('INSERT INTO notes(body, at) VALUES (?, ?)', 'second', 2.5))();
        const other = await db.prepare('select id, body from notes where id >= 2 order by id').raw().all();
        return { rows, other, connected, ms };"""
    )
    assert for_python(Logging.asked) == []
    assert found["rows"] == [[1, "first"]]
    assert found["other"] == [[2, "second"]]
    print(f"connect() to rows: {first:.0f} ms, on the second visit {found['ms']:.0f} ms")
    assert found["ms"] < first


def test_a_new_statement_fetches_python_when_it_is_needed(visit: Callable[..., Any]) -> None:
    first_visit(visit)
    found = visit(KNOWN + "const n = await db.prepare('SELECT count(*) FROM notes').pluck().get(); return [rows, n];")
    assert found == [[[1, "first"]], 1]
    assert for_python(Logging.asked)


def test_python_is_fetched_in_the_end_though_nobody_needs_it(visit: Callable[..., Any]) -> None:
    first_visit(visit)

    def wait() -> None:
        deadline = time.monotonic() + 30
        while not for_python(Logging.asked) and time.monotonic() < deadline:
            time.sleep(0.1)

    waiting = threading.Thread(target=wait)
    waiting.start()
    visit(KNOWN + "await new Promise((resolve) => setTimeout(resolve, 4000)); return rows;")
    waiting.join()
    assert for_python(Logging.asked)


DAMAGES = (
    "bytes[bytes.length - 5] ^= 1",
    "bytes[0] ^= 1",
    "bytes = bytes.slice(0, 100)",
    "bytes = new Uint8Array(0)",
    "bytes.set([255, 255, 255, 127], 32)",
)


def test_what_is_damaged_or_of_another_build_is_not_used(visit: Callable[..., Any]) -> None:
    first_visit(visit)
    for damage in DAMAGES:
        change = f"""let bytes = new Uint8Array(await (await cache.match(key)).arrayBuffer());
            {damage};
            await cache.put(key, new Response(bytes));"""
        assert visit(CACHE + change + KNOWN + STORED + "return rows;") == [[1, "first"]]
        assert for_python(Logging.asked), damage
    change = """await cache.put(key.url.slice(0, -4) + '0000', await cache.match(key));
        await cache.delete(key);"""
    assert visit(CACHE + change + KNOWN + STORED + "return rows;") == [[1, "first"]]
    assert for_python(Logging.asked)
    assert visit(KNOWN + "return rows;") == [[1, "first"]]
    assert for_python(Logging.asked) == []


def test_another_schema_has_other_programs(visit: Callable[..., Any]) -> None:
    """The same text, the same name of the file, the columns elsewhere."""
    first_visit(visit)
    found = visit(
        """await turso.remove('notes.db');
        const made = await turso.connect('notes.db');
        await made.exec('CREATE TABLE notes(at REAL, body TEXT, id INTEGER PRIMARY KEY)');
        await made.exec("INSERT INTO notes VALUES (7.5, 'new', 3)");
        await made.close();"""
        + KNOWN
        + "return rows;"
    )
    assert found == [[3, "new"]]


def test_what_is_kept_is_bounded(visit: Callable[..., Any]) -> None:
    first_visit(visit)
    size = visit(
        """const db = await turso.connect(':memory:');
        for (let i = 0; i < 600; i++) await db.prepare(`SELECT 1 AS c${i}`).get();
        await new Promise((resolve) => setTimeout(resolve, 1500));
        const cache = await caches.open('turso-wasm');
        const files = await cache.keys();
        const file = await (await cache.match(files[0])).arrayBuffer();
        const n = new DataView(file).getUint32(32, true);
        const { entries } = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 36, n)));
        return [files.length, file.byteLength, entries.length];"""
    )
    assert size[0] == 1
    assert size[1] < 3_000_000
    assert size[2] <= 512


def test_a_script_of_many_lines_takes_time_by_the_line(visit: Callable[..., Any]) -> None:
    """The lines of one shape share a Program, and none is sent to Python with all that follow it."""
    found = visit(
        """const db = await turso.connect('dump.db');
        const lines = (n) => Array.from({ length: n }, (_, i) => `INSERT INTO t VALUES(${i},'name ${i}',${i / 7});`);
        await db.exec('CREATE TABLE t(a, b, c)');
        const timed = async (n) => {
            const script = ['BEGIN;', ...lines(n), 'COMMIT;'].join('\\n');
            const started = performance.now();
            await db.exec(script);
            return performance.now() - started;
        };
        await timed(100);
        const times = [await timed(2000), await timed(20000)];
        const n = await db.prepare('SELECT count(*) FROM t').pluck().get();
        await db.close();
        return [n, ...times];"""
    )
    n, short, long = found
    print(f"a script of 20,000 lines: {long:.0f} ms")
    assert n == 22_100
    assert long < 30 * short
    assert long < 30_000


def test_an_entry_that_is_no_program_is_dropped_and_its_statement_compiled(visit: Callable[..., Any]) -> None:
    """The file is intact, by its digest; what it holds is not."""
    first_visit(visit)
    poison = """
        const bytes = new Uint8Array(await (await cache.match(key)).arrayBuffer());
        const n = new DataView(bytes.buffer).getUint32(32, true);
        const { entries } = JSON.parse(new TextDecoder().decode(bytes.subarray(36, 36 + n)));
        const isOurs = ([, name]) => name.startsWith('s SELECT id , body');
        let at = 36 + n;
        for (const entry of entries) {
            if (isOurs(entry)) for (let i = from; i < to; i++) bytes[at + i] ^= 255;
            at += entry[2];
        }
        bytes.set(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes.subarray(32))));
        await cache.put(key, new Response(bytes));
        return entries.filter(isOurs).length;"""
    for start, end in ((0, 2), (900, 1300)):  # its name; its code
        assert visit(CACHE + poison.replace("from", str(start)).replace("to;", f"{end};")) == 1
        rows, programs = visit(KNOWN + STORED + "return [rows, (await db.status()).programs];")
        assert rows == [[1, "first"]]
        assert programs["misses"] == 1
        assert visit(KNOWN + "return (await db.status()).programs.misses;") == 0, "what was compiled took its place"


def test_two_tabs_keep_what_both_have_compiled(launch: Callable[[Path], Any], logged: str, tmp_path: Path) -> None:
    context = launch(tmp_path / "profile")
    pages = [open_page(context, logged) for _ in range(2)]
    prepare = """const db = await turso.connect(':memory:');
        for (let i = 0; i < 5; i++) await db.prepare(`SELECT ${i} AS ${name}${i}`).get();
        await new Promise((resolve) => setTimeout(resolve, 900));
        const more = await db.prepare(`SELECT 1 AS ${name}`).get();"""
    start = "(async () => { globalThis.done = (async () => { BODY })(); })()"
    for name, page in zip("ab", pages, strict=True):
        page.evaluate(start.replace("BODY", f"const name = '{name}'; {prepare}"))
    for page in pages:
        page.evaluate("globalThis.done")
    pages[0].wait_for_timeout(900)
    for page in pages:
        page.close()
    Logging.asked.clear()
    again = open_page(context, logged)
    body = """const db = await turso.connect(':memory:');
        for (const name of 'ab') for (let i = 0; i < 5; i++) await db.prepare(`SELECT ${i} AS ${name}${i}`).get();
        for (const name of 'ab') await db.prepare(`SELECT 1 AS ${name}`).get();
        return (await db.status()).programs;"""
    programs = runner(again)(body)
    assert (programs["misses"], programs["hits"]) == (0, 12)
    assert for_python(Logging.asked) == []
    context.close()
