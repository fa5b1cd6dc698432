# ruff: noqa: E501 (lines of JavaScript and SQL)
"""Live queries: rows, then what becomes of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Js, open_page, runner

TOOLS = """
const soon = (promise, milliseconds = 300) => Promise.race([promise, new Promise((resolve) => setTimeout(resolve, milliseconds, 'nothing'))]);
const said = ({ value, done }) => done ? 'done' : { rows: value.rows.map((row) => Object.values(row).join(' ')), added: keys(value.added), changed: keys(value.changed), removed: keys(value.removed), order: value.order };
const keys = (entries) => entries.map(([key]) => key);
const next = async (live) => { const found = await soon(live.next(), 5000); return found === 'nothing' ? found : said(found); };
/** Whether what the patches say, applied one after the other, is the rows. */
const follow = (mirror, { added, changed, removed, order, rows }) => {
    for (const [key] of removed) mirror.delete(key);
    for (const [key, row] of [...changed, ...added]) mirror.set(key, row);
    const all = order ? order.map((key) => mirror.get(key)) : [...mirror.values()];
    if (order) { const again = order.map((key) => [key, mirror.get(key)]); mirror.clear(); for (const [key, row] of again) mirror.set(key, row); }
    return JSON.stringify(all) === JSON.stringify(rows);
};
"""


@pytest.fixture
def db(page: Any) -> Iterator[Js]:
    """As `js`, with `db`: t(id, x), three rows."""
    run = runner(page)
    setup = "const db = await turso.connect(':memory:'); await db.exec(`CREATE TABLE t(id INTEGER PRIMARY KEY, x); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c'); CREATE TABLE other(y)`);"
    yield lambda body, **values: run(f"{TOOLS} {setup} try {{ {body} }} finally {{ await db.close(); }}", **values)


def test_rows_first_then_patches(db: Js) -> None:
    found = db("""
        const live = db.live('SELECT id, x FROM t WHERE id < ? ORDER BY x', [10]);
        const patches = [await next(live)];
        for (const sql of ["INSERT INTO t VALUES (4, 'd')", "UPDATE t SET x = 'z' WHERE id = 2", "DELETE FROM t WHERE id = 1"]) {
            await db.exec(sql);
            patches.push(await next(live));
        }
        await live.return();
        return [...patches, said(await live.next())];
    """)
    assert found == [
        {"rows": ["1 a", "2 b", "3 c"], "added": ["1", "2", "3"], "changed": [], "removed": [], "order": None},
        {"rows": ["1 a", "2 b", "3 c", "4 d"], "added": ["4"], "changed": [], "removed": [], "order": None},
        {
            "rows": ["1 a", "3 c", "4 d", "2 z"],
            "added": [],
            "changed": ["2"],
            "removed": [],
            "order": ["1", "3", "4", "2"],
        },
        {"rows": ["3 c", "4 d", "2 z"], "added": [], "changed": [], "removed": ["1"], "order": None},
        "done",
    ]


def test_what_it_does_not_read_is_no_news(db: Js) -> None:
    found = db("""
        const live = db.live('SELECT id FROM t');
        await live.next();
        const waiting = live.next();
        await db.run('INSERT INTO other VALUES (1)');
        await db.run("UPDATE t SET x = 'new'"); // read, but no row is another
        const none = await soon(waiting);
        await db.exec('BEGIN; DELETE FROM t; ROLLBACK');
        const still = await soon(waiting);
        await db.run('DELETE FROM t WHERE id = 2');
        return [none, still, said(await waiting).removed];
    """)
    assert found == ["nothing", "nothing", ["2"]]


def test_who_is_slow_gets_one_patch(db: Js) -> None:
    found = db("""
        const live = db.live('SELECT * FROM t');
        await live.next();
        for (let i = 10; i < 60; i++) await db.run('INSERT INTO t VALUES (?, ?)', i, 'x');
        await db.run('DELETE FROM t WHERE id BETWEEN 3 AND 57');
        const { value } = await live.next();
        return [value.added.length, value.removed.length, value.rows.length, await soon(live.next())];
    """)
    assert found == [2, 1, 4, "nothing"]


def test_rows_that_stay_are_the_same_objects(db: Js) -> None:
    found = db("""
        await db.exec("CREATE TABLE files(name PRIMARY KEY, content BLOB); INSERT INTO files VALUES ('a', x'0001'), ('b', x'02')");
        const live = db.live('SELECT * FROM files');
        const { value: first } = await live.next();
        await db.run("UPDATE files SET content = x'03' WHERE name = 'b'");
        const { value: second } = await live.next();
        return [first.rows[0] === second.rows[0], first.rows[1] === second.rows[1], [...second.changed[0][1].content], second.changed[0][0]];
    """)
    assert found == [True, False, [3], '"b"']


@pytest.mark.parametrize(
    ("sql", "key", "keys"),
    [
        ("SELECT x FROM t", None, ["#0", "#1", "#2"]),
        ("SELECT x, id AS n FROM t", None, ["1", "2", "3"]),
        ("SELECT x FROM t", "x", ['"a"', '"b"', '"c"']),
        ("SELECT id, x FROM t", ["x", "id"], ['"a",1', '"b",2', '"c",3']),
        ("SELECT t.id FROM t, (SELECT 1 UNION ALL SELECT 2) ORDER BY id LIMIT 4", None, ["1", "1#1", "2", "2#1"]),
        ("SELECT count(*) FROM t", None, ["#0"]),
        ("SELECT rowid, y FROM other", None, ["1", "2"]),
        ("SELECT * FROM pair", None, ['1,"p"', '2,"q"']),
        ("SELECT b, v FROM pair", None, ["#0", "#1"]),
    ],
)
def test_what_tells_rows_apart(db: Js, sql: str, key: object, keys: list[str]) -> None:
    setup = "INSERT INTO other VALUES (8), (9); CREATE TABLE pair(a, b, v, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO pair VALUES (1, 'p', 0), (2, 'q', 0)"
    body = f"await db.exec(`{setup}`); const live = db.live(sql, [], key === null ? {{}} : {{ key }}); return (await next(live)).added"
    assert db(body, sql=sql, key=key) == keys


def test_schemas_views_temporary_and_attached_tables(db: Js) -> None:
    found = db("""
        await db.exec("CREATE VIEW v AS SELECT id FROM t; CREATE TEMP TABLE mine(a INTEGER PRIMARY KEY); ATTACH ':memory:' AS more; CREATE TABLE more.far(a INTEGER PRIMARY KEY); CREATE VIRTUAL TABLE docs USING fts5(body); CREATE VIRTUAL TABLE words USING fts5vocab(docs, row)");
        const queries = ['SELECT * FROM v', 'SELECT a FROM mine', 'SELECT a FROM far', "SELECT rowid FROM docs WHERE docs MATCH 'hello'", 'SELECT term FROM words', "SELECT name FROM sqlite_schema WHERE name = 'late'", "SELECT name FROM pragma_table_info('late')"];
        const lives = queries.map((sql) => db.live(sql));
        for (const live of lives) await live.next();
        const news = [];
        const changes = ['INSERT INTO t VALUES (9, 9)', 'INSERT INTO mine VALUES (1)', 'INSERT INTO far VALUES (1)', "INSERT INTO docs VALUES ('hello')", '', 'CREATE TABLE late(q)', ''];
        for (const [i, live] of lives.entries()) {
            if (changes[i]) await db.exec(changes[i]);
            news.push((await next(live)).added?.length);
        }
        // the view means something else
        await db.exec('DROP VIEW v; CREATE VIEW v AS SELECT y FROM other; INSERT INTO other VALUES (5)');
        const { value } = await lives[0].next();
        await db.exec('INSERT INTO other VALUES (6)');
        return [news, value.rows, (await next(lives[0])).rows];
    """)
    assert found == [[1] * 7, [{"y": 5}], ["5", "6"]]


def test_how_it_ends(db: Js) -> None:
    found = db("""
        const ended = [];
        const wrong = db.live('SELECT nope FROM t');
        ended.push(await failure(() => wrong.next()), said(await wrong.next()));

        const gone = db.live('SELECT * FROM t');
        await gone.next();
        const waiting = gone.next();
        await db.exec('ALTER TABLE t RENAME TO u');
        ended.push((await failure(() => waiting)).message, said(await gone.next()));
        await db.exec('ALTER TABLE u RENAME TO t');

        const controller = new AbortController();
        const given = db.live('SELECT * FROM t', [], { signal: controller.signal });
        await given.next();
        const pending = given.next();
        controller.abort(new Error('enough'));
        ended.push((await failure(() => pending)).message, said(await given.next()));
        ended.push((await failure(() => db.live('SELECT 1', [], { signal: AbortSignal.abort(new Error('before')) }).next())).message);

        const left = db.live('SELECT * FROM t');
        await left.next();
        const asked = left.next();
        await left.return();
        ended.push(said(await asked));
        for await (const { rows } of db.live('SELECT * FROM t')) { ended.push(rows.length); break; }

        const endless = db.live('WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n');
        const running = endless.next();
        await new Promise((resolve) => setTimeout(resolve, 50));
        await endless.return();
        ended.push(said(await running));

        const key = db.live('SELECT x FROM t', [], { key: 'id' });
        ended.push((await failure(() => key.next())).message);

        const last = db.live('SELECT * FROM t');
        await last.next();
        const atEnd = last.next();
        await db.close();
        ended.push(said(await atEnd), said(await db.live('SELECT 1').next()));
        return ended;
    """)
    assert (found[0]["code"], found[0]["message"], found[1]) == ("SQLITE_ERROR", "no such column: nope", "done")
    assert found[2:] == [
        "no such table: t",
        "done",
        "enough",
        "done",
        "before",
        "done",
        3,
        "done",
        'live(): the rows have no column "id", which is to be their key',
        "done",
        "done",
    ]


def test_an_ended_worker_is_an_error(page: Any) -> None:
    found = runner(page)(
        TOOLS
        + """
        const worker = new Worker('/web/worker.js', { type: 'module' });
        const db = await turso.connect(':memory:', { worker });
        const live = db.live('SELECT 1');
        await live.next();
        const waiting = live.next();
        worker.terminate();
        const error = await failure(() => waiting);
        return [error.code, said(await live.next())];
        """
    )
    assert found == ["SQLITE_IOERR", "done"]


def test_random_changes_are_followed(db: Js) -> None:
    """Patches, applied one after the other, make the rows."""
    found = db("""
        let seed = 7;
        const random = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
        const queries = ['SELECT id, x FROM t ORDER BY x, id', 'SELECT x FROM t ORDER BY x, id', 'SELECT a.id, b.x FROM t a JOIN t b ON a.id <= b.id ORDER BY b.x, a.id', 'SELECT count(*), max(id) FROM t', 'SELECT id FROM t ORDER BY id DESC LIMIT 5'];
        const lives = queries.map((sql) => db.live(sql));
        const mirrors = lives.map(() => new Map());
        const wrong = [];
        for (let i = 0; i < 60; i++) {
            for (let n = random(4); n >= 0; n--) {
                const id = random(12);
                const sql = ['INSERT OR REPLACE INTO t VALUES (:id, :x)', 'DELETE FROM t WHERE id = :id', 'UPDATE t SET x = :x WHERE id > :id'][random(3)];
                await db.run(sql, sql.includes(':x') ? { id, x: random(6) } : { id });
            }
            for (const [nth, live] of lives.entries()) {
                if (random(3) === 0) continue;
                const statement = await db.all(queries[nth]);
                const before = [...mirrors[nth].values()];
                if (i && JSON.stringify(before) === JSON.stringify(statement)) continue;
                const { value } = await live.next();
                if (!follow(mirrors[nth], value) || JSON.stringify(value.rows) !== JSON.stringify(statement)) wrong.push([i, nth, value.rows, statement]);
            }
        }
        return wrong;
    """)
    assert found == []


@pytest.mark.parametrize("storage", ["opfs", "indexeddb"])
def test_other_tabs_are_heard(context: Any, server: str, storage: str) -> None:
    pages = [open_page(context, server) for _ in range(2)]
    try:
        first, second = map(runner, pages)
        opened = "globalThis.db = await turso.connect('live.db', { storage });"
        first(
            f"{opened} await db.exec('CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY); DELETE FROM t')",
            storage=storage,
        )
        second(f"{TOOLS} {opened} globalThis.live = db.live('SELECT id FROM t'); await live.next()", storage=storage)
        first("await db.run('INSERT INTO t VALUES (1)')")
        assert second(f"{TOOLS} return (await next(live)).added") == ["1"]
        second("globalThis.waiting = live.next(); return null")
        first("await db.run('INSERT INTO t VALUES (2)'); await db.close()")
        assert second("return (await waiting).value.rows") == [{"id": 1}, {"id": 2}]
        # the owner is gone, and the query goes on with another
        second("await db.run('INSERT INTO t VALUES (3)')")
        assert second(f"{TOOLS} return (await next(live)).added") == ["3"]
        second("await db.close(); await turso.remove('live.db', { storage })", storage=storage)
    finally:
        for page in pages:
            page.close()
