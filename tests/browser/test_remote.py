# ruff: noqa: E501 (lines of JavaScript)
"""Databases at URLs: what is asked of the server, and what is said when it does not answer as it should."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.remote_server import Remote, serving_remote
from tests.browser.test_stores import made_by_sqlite

Js = Callable[..., Any]

ROWS = 40_000
SCRIPT = f"""CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
INSERT INTO t SELECT i, printf('name %06d', i * 7919 % 1000003), zeroblob(150) FROM n;
CREATE INDEX by_b ON t(b);"""


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return made_by_sqlite(tmp_path_factory.mktemp("remote") / "x.db", SCRIPT)


@pytest.fixture
def remote(content: bytes) -> Iterator[Remote]:
    with serving_remote(Remote(content=content)) as found:
        yield found


def test_a_look_up_reads_a_page_for_each_level(tab: Js, remote: Remote) -> None:
    found = tab(
        """const db = await turso.connect(url);
        const row = await db.prepare('SELECT a, b FROM t WHERE b = ?').raw().get('name 007919');
        const { source, storage } = await db.status();
        await db.close();
        return [row, source, storage, db.storage, db.name === url];""",
        url=remote.url,
    )
    row, source, *rest = found
    assert row is not None and row[1] == "name 007919"
    assert rest == ["url", "url", True]
    assert source == {"size": len(remote.content), "bytes": remote.sent, "requests": len(remote.asked)}
    assert {method for method, _, _ in remote.asked} == {"GET"}
    assert source["requests"] <= 6 and source["bytes"] < 160_000


@pytest.mark.parametrize("order", ["a", "a DESC", "b", "b DESC"])
def test_a_scan_reads_ahead_more_and_more(tab: Js, remote: Remote, order: str) -> None:
    remote.url += "?scan"
    found = tab(
        """const db = await turso.connect(url);
        const rows = await db.prepare(`SELECT ${what} FROM t ORDER BY ${order}`).pluck().all();
        const { source } = await db.status();
        await db.close();
        await turso.remove(url);
        return [rows.length, rows[0], rows.at(-1), source];""",
        url=remote.url,
        order=order,
        what=order[0],
    )
    n, first, last, source = found
    assert n == ROWS
    assert (first < last) == (order in "ab")
    assert source["requests"] == len(remote.asked) < 32


def test_what_was_fetched_is_there_at_the_next_visit(tab: Js, remote: Remote) -> None:
    visit = """const db = await turso.connect(url);
        const sum = await db.prepare('SELECT sum(a) FROM t').pluck().get();
        const { source } = await db.status();
        await db.close();
        return [sum, source.requests];"""
    sums = ROWS * (ROWS + 1) // 2
    first = tab(visit, url=remote.url)
    assert first[0] == sums and first[1] > 5
    assert tab(visit, url=remote.url) == [sums, 1]
    tab("await turso.remove(url)", url=remote.url)
    assert tab(visit, url=remote.url) == first
    remote.etag = '"2"'
    assert tab(visit, url=remote.url) == first
    assert "turso-wasm-cache" not in " ".join(tab("return turso.list()"))


def test_two_connections_share_what_is_fetched(tab: Js, remote: Remote) -> None:
    found = tab(
        """const [a, b] = await Promise.all([turso.connect(url), turso.connect(new URL(url))]);
        const rows = [await a.prepare('SELECT count(*) FROM t').pluck().get(), await b.prepare('SELECT count(*) FROM t').pluck().get()];
        await a.close();
        rows.push(await b.prepare('SELECT max(a) FROM t').pluck().get());
        const { source } = await b.status();
        await b.close();
        return [rows, source.requests];""",
        url=remote.url,
    )
    assert found == [[ROWS] * 3, len(remote.asked)]


def test_it_is_attached(tab: Js, remote: Remote) -> None:
    found = tab(
        """const db = await turso.connect(':memory:');
        await db.run('ATTACH ? AS far', url);
        await db.exec('CREATE TABLE near AS SELECT a, b FROM far.t WHERE a <= 10');
        const refused = await failure(() => db.exec('DELETE FROM far.t'));
        const n = await db.prepare('SELECT count(*) FROM near').pluck().get();
        await db.exec('DETACH far');
        const missing = await failure(() => db.run('ATTACH ? AS far', url.replace('x.db', 'x.db').replace('127.0.0.1', 'nowhere.invalid')));
        await db.close();
        return [n, refused.code, missing.code];""",
        url=remote.url,
    )
    assert found == [10, "SQLITE_READONLY", "SQLITE_CANTOPEN"]


OPENING: dict[str, tuple[Callable[[Remote], object], str]] = {
    "404": (lambda r: setattr(r, "status", 404), "HTTP status 404"),
    "403": (lambda r: setattr(r, "status", 403), "HTTP status 403"),
    "500": (lambda r: setattr(r, "status", 500), "HTTP status 500"),
    "no ranges": (lambda r: setattr(r, "ranges", False), 'with the option "download"'),
    "CORS": (lambda r: setattr(r, "cors", False), "CORS"),
    "compressed": (lambda r: setattr(r, "compress", True), ""),
    "empty": (lambda r: setattr(r, "content", b""), "the file is empty"),
}


@pytest.mark.parametrize("what", OPENING)
def test_what_cannot_be_opened(tab: Js, remote: Remote, what: str) -> None:
    spoil, message = OPENING[what]
    spoil(remote)
    error = tab("return failure(() => turso.connect(url))", url=remote.url)
    assert error["code"] == "SQLITE_CANTOPEN" and error["message"].startswith(
        f"unable to open database file: {remote.url}: "
    )
    assert message in error["message"]


def test_a_server_that_is_not_there(tab: Js) -> None:
    error = tab("return failure(() => turso.connect('http://127.0.0.1:9/x.db'))")
    assert error["code"] == "SQLITE_CANTOPEN" and "offline" in error["message"]


def test_what_is_no_database(tab: Js, remote: Remote) -> None:
    remote.content = b"no database at all " * 1000
    found = tab(
        """const db = await turso.connect(url);
        const error = await failure(() => db.all('SELECT * FROM sqlite_schema'));
        await db.close();
        return error;""",
        url=remote.url,
    )
    assert found["code"] == "SQLITE_NOTADB"


def test_the_whole_file_by_choice(tab: Js, remote: Remote) -> None:
    remote.ranges = False
    found = tab(
        """const db = await turso.connect(url, { download: true });
        const n = await db.prepare('SELECT count(*) FROM t').pluck().get();
        const { source } = await db.status();
        await db.close();
        return [n, source.size];""",
        url=remote.url,
    )
    assert found == [ROWS, len(remote.content)]
    assert len(remote.asked) == 1


def test_redirects_are_followed(tab: Js, remote: Remote) -> None:
    found = tab(
        """const db = await turso.connect(url);
        const n = await db.prepare('SELECT count(*) FROM t').pluck().get();
        await db.close();
        return n;""",
        url=remote.url.replace("/x.db", "/moved.db"),
    )
    assert found == ROWS


@pytest.mark.parametrize("header", ["ETag", "Last-Modified", "size"])
def test_a_file_that_changes_is_noticed(tab: Js, remote: Remote, header: str) -> None:
    remote.etag, remote.last_modified = "", ""
    if header == "ETag":
        remote.etag = '"1"'
    elif header == "Last-Modified":
        remote.last_modified = "Mon, 30 Nov 2026 10:00:00 GMT"
    opened = tab(
        """globalThis.db = await turso.connect(url);
        return await db.prepare('SELECT b FROM t WHERE a = 1').pluck().get();""",
        url=remote.url,
    )
    assert opened == "name 007919"
    if header == "ETag":
        remote.etag = '"2"'
    elif header == "Last-Modified":
        remote.last_modified = "Mon, 30 Nov 2026 11:00:00 GMT"
    else:
        remote.content += bytes(4096)
    found = tab(
        """const errors = [await failure(() => db.all('SELECT * FROM t')), await failure(() => db.all('SELECT c FROM t'))];
        const known = await db.prepare('SELECT b FROM t WHERE a = 1').pluck().get();
        await db.close();
        await turso.remove(url);
        return [errors, known];""",
        url=remote.url,
    )
    for error in found[0]:
        assert error["code"] == "SQLITE_IOERR_READ"
        assert error["message"] == f"disk I/O error: {remote.url}: it has changed since it was opened: connect again"
    assert found[1] == opened


@pytest.mark.parametrize(
    ("what", "message"),
    [("status", "HTTP status 404"), ("cors", "offline"), ("ranges", "parts of files"), ("cut", "changed")],
)
def test_a_server_that_fails_later(tab: Js, remote: Remote, what: str, message: str) -> None:
    tab(
        "globalThis.db = await turso.connect(url); await db.prepare('SELECT b FROM t WHERE a = 1').get();",
        url=remote.url,
    )
    whole = remote.content
    if what == "status":
        remote.status = 404
    elif what == "cut":
        remote.content = whole[:70_000]
    else:
        setattr(remote, what, False)
    error = tab("return failure(() => db.all('SELECT * FROM t'))")
    assert error["code"] == "SQLITE_IOERR_READ" and message in error["message"]
    remote.status, remote.cors, remote.ranges, remote.content = 0, True, True, whole
    after = tab(
        """const outcome = await failure(() => db.all('SELECT * FROM t'));
        await db.close();
        await turso.remove(url);
        return outcome?.message ?? '';""",
        url=remote.url,
    )
    assert ("changed" in after) == (what == "cut"), after


def test_headers_that_pages_may_not_read(tab: Js, remote: Remote) -> None:
    """Without Access-Control-Expose-Headers: the size is what the database says, and nothing is kept for later visits."""
    remote.expose = ""
    visit = """const db = await turso.connect(url);
        const n = await db.prepare('SELECT count(*) FROM t').pluck().get();
        const { source } = await db.status();
        await db.close();
        return [n, source.size];"""
    assert tab(visit, url=remote.url) == [ROWS, len(remote.content)]
    before = len(remote.asked)
    tab(visit, url=remote.url)
    assert len(remote.asked) == 2 * before


def test_opening_is_given_up(tab: Js, remote: Remote) -> None:
    remote.delay = 3
    found = tab(
        """const begun = performance.now();
        const error = await failure(() => turso.connect(url, { signal: AbortSignal.timeout(300) }));
        return [error.name, performance.now() - begun < 2000];""",
        url=remote.url,
    )
    assert found == ["TimeoutError", True]
