# ruff: noqa: E501 (lines of JavaScript and SQL)
"""The messages between page and worker (web/protocol.js), sent by hand: each request has exactly one answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

PROTOCOL = (Path(__file__).parents[2] / "web" / "protocol.js").read_text("utf-8")
OPS = re.findall(r"^ \*   ([a-zA-Z]+)  ", PROTOCOL[: PROTOCOL.index("@typedef")], re.MULTILINE)[1:]

SETUP = """async () => {
    const worker = new Worker('/web/worker.js', { type: 'module' });
    const answers = new Map();  // id -> messages, in the order they came
    const order = [];
    let heard = () => {};
    worker.onmessage = ({ data }) => {
        if (!answers.has(data.id)) answers.set(data.id, []);
        answers.get(data.id).push(data);
        if (!data.rows) order.push(data.id);
        heard();
    };
    let next = 1;
    const send = (message) => { worker.postMessage({ id: next, ...message }); return next++; };
    const last = (id) => answers.get(id)?.find((message) => 'value' in message || 'error' in message);
    const answer = async (id) => {
        while (!last(id)) await new Promise((resolve) => { heard = resolve; });
        return last(id);
    };
    const ask = (message) => answer(send(message));
    globalThis.wire = { worker, answers, order, send, answer, ask };
    const { assetsIn } = await import('/web/locations.js');
    const { kernel, ...compiler } = assetsIn(new URL('/dist/', location.href).href);
    return ask({ op: 'init', kernel, compiler });
}"""


@pytest.fixture(scope="module")
def wire(context: Any, server: str) -> Iterator[Callable[..., Any]]:
    """Run JavaScript that has `send(message)` → id, `answer(id)`, `ask(message)` and `answers`. One worker for all, to
    which statement numbers belong: each test has its own.
    """
    page = context.new_page()
    page.goto(f"{server}tests/browser/blank.html")
    assert set(page.evaluate(SETUP)["value"]) == {"isFirstVisit"}

    def run(body: str) -> Any:
        return page.evaluate(f"async () => {{ const {{ worker, answers, order, send, answer, ask }} = wire; {body} }}")

    assert run("return (await ask({ op: 'ready' })).value") == {}
    yield run
    page.close()


OPEN = "const { database } = (await ask({ op: 'open', name: ':memory:', options: {} })).value;"
NUMBERS = "WITH ten(i) AS (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) SELECT a.i * 1000 + b.i * 100 + c.i * 10 + d.i AS n FROM ten a, ten b, ten c, ten d"


def test_the_table_of_requests_is_complete(wire: Callable[..., Any]) -> None:
    web = Path(__file__).parents[2] / "web"
    session = (web / "session.js").read_text("utf-8")
    of_statements = re.findall(r"OF_STATEMENTS = new Set\(\s*'([^']+)'", session)[0].split()
    assert set(of_statements) == set(
        re.findall(r"^  async ([a-z]+)\(", (web / "requests.js").read_text(), re.MULTILINE)
    )
    handlers = set(re.findall(r"^  async _([a-zA-Z]+)\(", session, re.MULTILINE)) | set(of_statements)
    notices = set(re.findall(r"^  ([a-z]+): \(session\b", session, re.MULTILINE))
    assert handlers | notices == set(OPS) and len(notices) == 7


def test_a_statement_is_compiled_once_and_known_by_its_number(wire: Callable[..., Any]) -> None:
    found = wire(
        OPEN
        + """await ask({ op: 'exec', database, sql: 'CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)' });
        const first = await ask({ op: 'run', database, statement: 77, sql: 'INSERT INTO t VALUES (?)', args: [3] });
        const again = await ask({ op: 'run', database, statement: 77, sql: 'this is not looked at', args: [4] });
        send({ op: 'finalize', statement: 77 });
        const anew = await ask({ op: 'run', database, statement: 77, sql: 'this is', args: [] });
        return [first.value, again.value, anew.error.message];"""
    )
    assert found[:2] == [{"changes": 1, "lastInsertRowid": 3}, {"changes": 1, "lastInsertRowid": 4}]
    assert found[2] == 'near "this": syntax error'


def test_all_sends_rows_as_they_come_and_the_last_as_the_value(wire: Callable[..., Any]) -> None:
    found = wire(
        OPEN
        + f"""const id = send({{ op: 'all', database, statement: 301, sql: `{NUMBERS}`, args: [] }});
        const {{ value }} = await answer(id);
        const batches = answers.get(id);
        const rows = batches.map((one) => (one.rows ?? one.value).packed?.count ?? 0);
        return [value.names, batches.length > 1, batches.slice(0, -1).every((one) => one.rows), rows.reduce((a, b) => a + b)];"""
    )
    assert found == [["n"], True, True, 10_000]


def test_a_cursor_gives_batches_until_it_is_read_or_left(wire: Callable[..., Any]) -> None:
    found = wire(
        OPEN
        + f"""const sql = `{NUMBERS}`;
        let rows = (await ask({{ op: 'iterate', database, statement: 401, sql, args: [] }})).value;
        let n = rows.packed.count;
        while (rows.cursor !== undefined) {{
            rows = (await ask({{ op: 'next', cursor: rows.cursor }})).value;
            n += rows.packed?.count ?? 0;
        }}
        const left = (await ask({{ op: 'iterate', database, statement: 401, sql, args: [] }})).value;
        const bye = (await ask({{ op: 'return', cursor: left.cursor }})).value;
        const late = (await ask({{ op: 'next', cursor: left.cursor }})).error.message;
        const few = (await ask({{ op: 'iterate', database, statement: 402, sql: 'SELECT 1', args: [] }})).value;
        return [n, bye, late, few.cursor === undefined];"""
    )
    assert found == [10_000, {}, "the rows are no longer there: the database was closed or replaced", True]


def test_requests_of_a_database_are_answered_in_order_and_cancel_overtakes(wire: Callable[..., Any]) -> None:
    found = wire(
        OPEN
        + """await ask({ op: 'exec', database, sql: 'CREATE TABLE n(i); INSERT INTO n VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10)' });
        const endless = send({ op: 'get', database, statement: 501, sql: 'SELECT count(*) FROM n a, n b, n c, n d, n e, n f, n g, n h, n i', args: [] });
        const waiting = send({ op: 'get', database, statement: 502, sql: 'SELECT 2', args: [] });
        const never = send({ op: 'get', database, statement: 503, sql: 'SELECT 3', args: [] });
        send({ op: 'cancel', target: never });
        await new Promise((resolve) => setTimeout(resolve, 100));
        send({ op: 'cancel', target: endless });
        send({ op: 'cancel', target: 123456 });
        const errors = [(await answer(endless)).error, (await answer(never)).error].map(({ errcode, message }) => [errcode, message]);
        return [errors, (await answer(waiting)).value.packed.count, order.slice(-3).map((id) => id - endless)];"""
    )
    assert found == [[[9, "interrupted"]] * 2, 1, [2, 0, 1]]


def test_script_tells_what_each_statement_did_until_one_fails(wire: Callable[..., Any]) -> None:
    found = wire(
        OPEN
        + """const { value } = await ask({ op: 'script', database, limit: 2, sql: 'CREATE TABLE t(a); INSERT INTO t VALUES (1), (2), (3); SELECT a FROM t; SELECT x FROM t; SELECT 1' });
        const { results, error } = value;
        return [results.map(({ kind, rows, rowCount, truncated, changes }) => [kind, rows, rowCount, truncated, changes]), error.message];"""
    )
    assert found == [
        [["ddl", [], 0, False, 0], ["insert", [], 0, False, 3], ["select", [[1], [2]], 3, True, 0]],
        "no such column: x",
    ]


def test_describe_and_status(wire: Callable[..., Any]) -> None:
    found = wire(
        OPEN
        + """await ask({ op: 'exec', database, sql: 'CREATE TABLE t(a INTEGER); BEGIN; INSERT INTO t VALUES (1)' });
        const described = (await ask({ op: 'describe', database, statement: 701, sql: 'SELECT a, :x AS b FROM t' })).value;
        return [described, (await ask({ op: 'status', database })).value];"""
    )
    assert found == [
        {
            "columns": [
                {"name": "a", "type": "INTEGER", "table": "t", "column": "a"},
                {"name": "b", "type": None, "table": None, "column": None},
            ],
            "reader": True,
            "readonly": True,
            "parameters": [":x"],
            "reads": ["t"],
        },
        {
            "inTransaction": True,
            "totalChanges": 1,
            "storage": "memory",
            "owner": "this",
            "tabs": 1,
            "compiler": "ready",
            "source": None,
            "encrypted": False,
            "fromSnapshot": ANY,
            "programs": ANY,
        },
    ]


def test_files_come_and_go(wire: Callable[..., Any]) -> None:
    found = wire(
        """const { database } = (await ask({ op: 'open', name: 'wire.db', options: {} })).value;
        await ask({ op: 'exec', database, sql: 'CREATE TABLE t(a); INSERT INTO t VALUES (42)' });
        const { buffer } = (await ask({ op: 'export', database })).value;
        await ask({ op: 'exec', database, sql: 'DROP TABLE t' });
        await ask({ op: 'import', database, blob: new Blob([buffer]) });
        const back = (await ask({ op: 'script', database, sql: 'SELECT a FROM t' })).value.results[0].rows;
        const busy = (await ask({ op: 'remove', name: 'wire.db' })).error?.message ?? '';
        await ask({ op: 'close', database });
        const names = async () => (await ask({ op: 'list' })).value.names;
        const before = await names();
        await ask({ op: 'remove', name: 'wire.db' });
        return [back, busy !== '', before.includes('wire.db'), (await names()).includes('wire.db')];"""
    )
    assert found == [[[42]], True, True, False]


def test_every_port_has_a_session_of_its_own(wire: Callable[..., Any]) -> None:
    found = wire(
        """const connect = async () => {
            const { port1, port2 } = new MessageChannel();
            const heard = new Map();
            port1.onmessage = ({ data }) => heard.get(data.id)(data);
            const name = `ports.db ${Math.random()}`;
            let leave;
            await new Promise((held) => {
                navigator.locks.request(name, () => new Promise((resolve) => { leave = resolve; held(); }));
            });
            worker.postMessage({ op: 'connect', port: port2, lock: name }, [port2]);
            return { leave: () => leave(), ask: (id, message) => new Promise((resolve) => {
                heard.set(id, resolve);
                port1.postMessage({ ...message, id });
            }) };
        };
        const [a, b] = [await connect(), await connect()];
        const open = { op: 'open', name: 'ports.db', options: { timeout: 0 } };
        const [one, two] = [await a.ask(1, open), await b.ask(1, open)];
        const exec = (end, id, sql, database = 1) => end.ask(id, { op: 'exec', database, sql });
        await exec(a, 2, 'CREATE TABLE t(x); INSERT INTO t VALUES (1)');
        const asked = (end, id, sql) => end.ask(id, { op: 'get', database: 1, statement: 7, sql, args: [] });
        const [first, second] = await Promise.all([asked(a, 3, 'SELECT 1 AS a'), asked(b, 3, 'SELECT 2 AS b')]);
        await exec(a, 4, 'BEGIN IMMEDIATE');
        const locked = (await exec(b, 4, 'BEGIN IMMEDIATE')).error.message;
        const stranger = (await exec(b, 5, 'SELECT 1', 2)).error.message;
        a.leave();  // its transaction ends with it
        let free;
        for (let id = 6; free === undefined && id < 200; id++) {
            free = (await exec(b, id, 'INSERT INTO t VALUES (2)')).value;
            if (!free) await new Promise((resolve) => setTimeout(resolve, 20));
        }
        await b.ask(200, { op: 'close', database: 1 });
        await b.ask(201, { op: 'remove', name: 'ports.db' });
        return [one.value, two.value, first.value.names, second.value.names, locked, stranger, free];"""
    )
    assert found == [
        {"database": 1, "storage": "opfs", "readonly": False},
        {"database": 1, "storage": "opfs", "readonly": False},
        ["a"],
        ["b"],
        "database is locked",
        "the database is closed",
        {},
    ]


def test_what_makes_no_sense_is_an_error_and_the_worker_goes_on(wire: Callable[..., Any]) -> None:
    found = wire(
        OPEN
        + """const ask_ = async (message) => { const { error } = await ask(message); return `${error.name}: ${error.message}`; };
        const errors = [
            await ask_({ op: 'fly' }),
            await ask_({ op: 'run', database: 9999, statement: 901, sql: 'SELECT 1', args: [] }),
            await ask_({ op: 'next', cursor: 9999 }),
            await ask_({ op: 'get', database, statement: 50, sql: 'SELECT', args: [] }),
            await ask_({ op: 'get', database, statement: 51, sql: 'SELECT ?', args: [Symbol.iterator.description, 1] }),
        ];
        await ask({ op: 'close', database });
        errors.push(await ask_({ op: 'status', database }));
        send({ op: 'finalize', statement: 9999 });
        return errors;"""
    )
    assert found == [
        "TypeError: unknown request: fly",
        "SqliteError: the database is closed",
        "SqliteError: the rows are no longer there: the database was closed or replaced",
        "SqliteError: incomplete input",
        "RangeError: the statement takes 1 parameter, 2 given",
        "SqliteError: the database is closed",
    ]


def test_every_request_was_answered_once(wire: Callable[..., Any]) -> None:
    """Of all the tests before."""
    counts = wire(
        "return [...answers.values()].map((messages) => messages.filter((one) => 'value' in one || 'error' in one).length)"
    )
    assert set(counts) == {1} and len(counts) > 40
