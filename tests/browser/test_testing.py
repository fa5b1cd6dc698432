# ruff: noqa: E501 (lines of JavaScript)
"""turso-wasm/testing and turso_wasm.testing: templates and their forks, and the databases of an origin."""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import playwright, runner
from tests.browser.modules import ROOT, document, in_node, in_page
from turso_wasm.testing import Opfs, Template

pytest_plugins = ["pytester"]
SQL = "CREATE TABLE item(id INTEGER PRIMARY KEY, name); INSERT INTO item(name) VALUES ('pear'), ('melon')"


def test_the_document(page: Any) -> None:
    in_page(page, document("testing.md"))


@pytest.mark.parametrize("package", ["turso-wasm", "turso-wasm/host"])
def test_a_fork_takes_no_time(page: Any, package: str) -> None:
    source = f"""
        import {{ connect }} from '{package}';
        import {{ template }} from 'turso-wasm/testing';
        const big = await template(connect, `CREATE TABLE t(id INTEGER PRIMARY KEY, x); CREATE INDEX i ON t(x); INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) SELECT i, 'row ' || i FROM n`);
        const times = [];
        for (let i = 0; i < 100; i++) {{
            const begun = performance.now();
            const db = await big.fork();
            times.push(performance.now() - begun);
            if (i === 0 && (await db.prepare('SELECT count(*) FROM t').pluck().get()) !== 10000) throw new Error('not all of it');
            await db.close();
        }}
        const fastest = Math.min(...times);
    """
    fastest = (
        in_page(page, f"{source} export default fastest;")
        if package == "turso-wasm"
        else float(in_node(f"{source} console.log(fastest); process.exit();"))
    )
    assert fastest < 20


class TestPython:
    def test_forks_have_nothing_in_common(self) -> None:
        template = Template(SQL)
        first, second = template.fork(), template.fork()
        first.execute("DELETE FROM item")
        assert [db.execute("SELECT count(*) FROM item").fetchone() for db in (first, second)] == [(0,), (2,)]
        assert Template(template.content).fork().execute("SELECT name FROM item").fetchall() == [("pear",), ("melon",)]
        made = Template(lambda db: db.execute("CREATE TABLE made(a)"))
        assert made.fork().execute("SELECT name FROM sqlite_schema").fetchall() == [("made",)]
        assert Template().fork().execute("SELECT 1").fetchone() == (1,)

    def test_the_fixtures_as_documented(self, pytester: pytest.Pytester) -> None:
        conftest, tests = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "testing.md").read_text(), re.M | re.S)
        pytester.makeconftest(conftest)
        pytester.makepyfile(tests)
        result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-k", "test_add")
        result.assert_outcomes(passed=1, deselected=1)


class TestOrigin:
    @pytest.fixture
    def opfs(self, page: Any, server: str) -> Iterator[Opfs]:
        opened = Opfs(page, f"{server}some/page.html")
        yield opened
        for name in opened.names():
            if name.startswith("origin-"):
                opened.remove(name)

    def test_a_page_finds_what_was_put_there_and_what_it_writes_is_read(self, opfs: Opfs, page: Any) -> None:
        opfs.seed("origin-shop.db", Template(SQL))
        assert "origin-shop.db" in opfs.names()
        run = runner(page)
        names = run(
            "globalThis.db = await turso.connect('origin-shop.db'); return db.prepare('SELECT name FROM item').pluck().all()"
        )
        assert names == ["pear", "melon"]
        run("await db.exec(\"INSERT INTO item(name) VALUES ('plum'); BEGIN; DELETE FROM item\")")
        with opfs.open("origin-shop.db") as db:  # it is open, and in a transaction
            assert [name for (name,) in db.execute("SELECT name FROM item ORDER BY id")] == ["pear", "melon", "plum"]
        with pytest.raises(playwright.Error, match=r"origin-shop\.db is open: close it first"):
            opfs.seed("origin-shop.db", Template(SQL))
        run("await db.exec('ROLLBACK'); await db.close()")
        opfs.seed("origin-shop.db", Template(SQL))  # the log of before is gone
        with opfs.open("origin-shop.db") as db:
            assert db.execute("SELECT count(*) FROM item").fetchone() == (2,)

    def test_names_and_folders(self, opfs: Opfs) -> None:
        opfs.seed("origin-folder/deep/a.db", Template(SQL))
        assert opfs.read("origin-folder/deep/a.db") == Template(SQL).content
        opfs.remove("origin-folder/deep/a.db")
        opfs.remove("origin-none.db")
        for name in ("origin-none.db", "origin-no/where.db", "origin-folder/deep/a.db"):
            with pytest.raises(playwright.Error, match=f"there is no database {name}"):
                opfs.read(name)
        with pytest.raises(ValueError, match="the URL of the application's page"):
            Opfs(None, "nowhere")

    def test_javascript_through_playwright_in_node(self, page: Any) -> None:
        """The side of Playwright's JavaScript API, played by the page: its calls are the same."""
        found = in_page(
            page,
            """
            import { opfs } from 'turso-wasm/testing';
            import { connect } from 'turso-wasm';
            const asked = [];
            const frame = document.createElement('iframe');
            const context = {
                route: async (url, handler) => { let given; handler({ fulfill: (one) => (given = one) }); asked.push(['route', new URL(url).pathname, given.contentType]); },
                unroute: async () => asked.push(['unroute']),
                newPage: async () => ({
                    goto: async (url) => asked.push(['goto', new URL(url).pathname]),
                    evaluate: (act, args) => new Function(`return (${act})`)()(JSON.parse(JSON.stringify(args))),
                    close: async () => asked.push(['close']),
                }),
            };
            const databases = opfs({ context: () => context }, location.href);
            const db = await connect(':memory:');
            await db.exec('CREATE TABLE t(a)');
            const bytes = await db.export();
            await databases.seed('origin-played.db', bytes);
            const read = await databases.read('origin-played.db');
            await databases.remove('origin-played.db');
            export default [asked.slice(0, 4), read.length === bytes.length, (await databases.list()).includes('origin-played.db')];
            """,
        )
        place = "/__turso_wasm_testing__"
        assert found == [[["route", place, "text/html"], ["goto", place], ["close"], ["unroute"]], True, False]


def test_logs_are_read_as_sqlite_reads_them(page: Any, tmp_path: Path) -> None:
    """Of SQLite's own files: whole, cut anywhere, damaged anywhere."""
    random.seed(4)
    path = tmp_path / "log.db"
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA page_size = 1024")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA wal_autocheckpoint = 0")
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, x)")
    for i in range(12):
        db.execute("INSERT INTO t SELECT NULL, hex(randomblob(300)) FROM (SELECT 1 UNION SELECT 2 UNION SELECT 3)")
        if i % 4 == 3:
            db.execute("DELETE FROM t WHERE id % 3 = 1")
            db.execute("VACUUM")
    content, log = path.read_bytes(), Path(f"{path}-wal").read_bytes()
    logs = [log, b"", log[:20], *(log[: random.randrange(len(log))] for _ in range(12))]
    for _ in range(12):
        damaged = bytearray(log)
        damaged[random.randrange(len(log))] ^= 1 << random.randrange(8)
        logs.append(bytes(damaged))
    wanted = []
    for i, one in enumerate(logs):
        copy = tmp_path / f"copy{i}.db"
        copy.write_bytes(content)
        Path(f"{copy}-wal").write_bytes(one)
        with sqlite3.connect(copy) as other:
            try:
                wanted.append([list(row) for row in other.execute("SELECT id, x FROM t ORDER BY id")])
            except sqlite3.Error:
                wanted.append("an error")
        other.close()
    db.close()
    found = runner(page)(
        """
        const { withLog } = await import('/web/testing/log.js');
        const rows = [];
        for (const log of logs) {
            const bytes = withLog(Uint8Array.from(content), Uint8Array.from(log));
            bytes[18] = bytes[19] = 1;
            const db = await turso.connect(':memory:');
            try {
                await db.import(bytes);
                rows.push(await db.prepare('SELECT id, x FROM t ORDER BY id').raw().all());
            } catch { rows.push('an error'); } finally { await db.close(); }
        }
        return rows;
        """,
        content=list(content),
        logs=[list(one) for one in logs],
    )
    assert [len(one) for one in found] == [len(one) for one in wanted]
    assert found == wanted
