# ruff: noqa: E501 (lines of JavaScript and SQL)
"""Every call of the page's API with every wrong value and in every wrong state: refused, in words of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import open_page, runner

SETUP = """
globalThis.values = {
    'undefined': () => undefined, 'null': () => null, 'true': () => true, '0': () => 0, '-1': () => -1, '1.5': () => 1.5, 'NaN': () => NaN, '7n': () => 7n,
    "''": () => '', "'x'": () => 'x', '[]': () => [], "['SELECT 1']": () => ['SELECT 1'], '{}': () => ({}), "{ readOnly: true }": () => ({ readOnly: true }), 'function': () => () => 1,
    'symbol': () => Symbol('s'), 'Date': () => new Date(), 'Map': () => new Map(), 'Set': () => new Set(), 'RegExp': () => /x/, 'Error': () => new Error('e'),
    'Promise': () => Promise.resolve(1), 'class': () => new (class Thing { x = 1; })(), 'bytes': () => new Uint8Array(3), 'document': () => document,
    "String object": () => new String('SELECT 1'), 'signal': () => new AbortController().signal, 'url': () => new URL('https://localhost/x'),
    'statement': () => globalThis.db.prepare('SELECT 1'), 'proxy': () => new Proxy({}, { get() { throw new Error('mine'); }, ownKeys() { throw new Error('mine'); } }),
};
globalThis.db = await turso.connect(':memory:');
await db.exec('CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2)');
globalThis.tried = async (act) => {
    const settled = await Promise.race([
        (async () => act())().then((value) => ({ value: String(value) }), (error) => ({ error })),
        new Promise((resolve) => setTimeout(resolve, 8000, { value: 'still pending' })),
    ]);
    if (!settled.error) return ['accepted', settled.value];
    const { error } = settled;
    const code = error instanceof turso.SqlError ? error.code : '';
    return [error instanceof turso.SqlError ? 'SqlError' : error instanceof TypeError ? 'TypeError' : error instanceof RangeError ? 'RangeError' : error.constructor?.name ?? typeof error, error.message, code];
};
"""

ALL = [
    "undefined", "null", "true", "0", "-1", "1.5", "NaN", "7n", "''", "'x'", "[]", "['SELECT 1']", "{}", "{ readOnly: true }", "function", "symbol",
    "Date", "Map", "Set", "RegExp", "Error", "Promise", "class", "bytes", "document", "String object", "signal", "url", "statement", "proxy",
]  # fmt: skip
TEXTS = {"''", "'x'"}
OPTIONS = {"undefined", "{}"}
SIGNALS = {"undefined", "null", "signal"}
BOOLEANS = {"undefined", "true"}
COUNTS = {"undefined", "true", "0", "1.5"} - {"true"}

# method → (how it is called with a value, the values that it takes)
CALLS: dict[str, tuple[str, set[str]]] = {
    "connect(name)": ("turso.connect(value, { create: false })", {"''"}),
    "connect(options)": ("turso.connect(':memory:', value).then((one) => one.close())", OPTIONS),
    "connect({readonly})": (
        "turso.connect(':memory:', { readonly: value }).then((one) => one.close())",
        BOOLEANS,
    ),
    "connect({create})": ("turso.connect(':memory:', { create: value }).then((one) => one.close())", BOOLEANS),
    "connect({integers})": ("turso.connect(':memory:', { integers: value }).then((one) => one.close())", {"undefined"}),
    "connect({timeout})": (
        "turso.connect(':memory:', { timeout: value }).then((one) => one.close())",
        {"undefined", "0"},
    ),
    "connect({storage})": ("turso.connect(':memory:', { storage: value }).then((one) => one.close())", {"undefined"}),
    "connect({signal})": ("turso.connect(':memory:', { signal: value }).then((one) => one.close())", SIGNALS),
    "connect({onProgress})": (
        "turso.connect(':memory:', { onProgress: value }).then((one) => one.close())",
        {"undefined", "function"},
    ),
    "connect({worker})": ("turso.connect(':memory:', { worker: value }).then((one) => one.close())", {"undefined"}),
    "connect({compiler})": (
        "turso.connect(':memory:', { compiler: value }).then((one) => one.close())",
        BOOLEANS | {"undefined"},
    ),
    "connect({persist})": ("turso.connect(':memory:', { persist: value }).then((one) => one.close())", BOOLEANS),
    "connect({key})": ("turso.connect(':memory:', { key: value }).then((one) => one.close())", TEXTS | {"undefined"}),
    "connect({wal})": ("turso.connect(new Blob([]), { wal: value }).then((one) => one.close())", {"undefined"}),
    "connect({overlay})": (
        "turso.connect(new Blob([]), { overlay: value }).then((one) => one.close())",
        BOOLEANS | {"'x'"},
    ),
    "connect({download})": ("turso.connect(':memory:', { download: value }).then((one) => one.close())", {"undefined"}),
    "connect({snapshot})": ("turso.connect(':memory:', { snapshot: value }).then((one) => one.close())", {"undefined"}),
    "snapshot(name)": ("turso.connect(':memory:').then((one) => one.snapshot(value))", {"'x'"}),
    "restore(name)": (
        "turso.connect(':memory:').then(async (one) => { await one.snapshot('x'); await one.restore(value); })",
        {"'x'"},
    ),
    "dropSnapshot(name)": (
        "turso.connect(':memory:').then(async (one) => { await one.snapshot('x'); await one.dropSnapshot(value); })",
        {"'x'"},
    ),
    "onChange(listener)": ("db.onChange(value)", {"function"}),
    "rekey(key)": ("turso.connect(':memory:').then((one) => one.rekey(value))", TEXTS | {"null"}),
    "save(options)": ("db.save(value)", set()),
    "exportTo(target)": ("db.exportTo(value)", set()),
    "exportTo(options)": ("db.exportTo(new WritableStream(), value)", OPTIONS),
    "exportTo({signal})": ("db.exportTo(new WritableStream(), { signal: value })", SIGNALS),
    "live(sql)": ("db.live(value).next()", set()),
    "live(options)": ("db.live('SELECT 1', [], value).next()", OPTIONS),
    "live({signal})": ("db.live('SELECT 1', [], { signal: value }).next()", SIGNALS),
    "moveTo(storage)": ("db.moveTo(value)", set()),
    "list(options)": ("turso.list(value)", OPTIONS),
    "list({storage})": ("turso.list({ storage: value })", {"undefined"}),
    "remove(name)": ("turso.remove(value)", {"'x'"}),
    "remove(options)": ("turso.remove('nothing.db', value)", OPTIONS),
    "prepare(sql)": ("db.prepare(value)", TEXTS),
    "exec(sql)": ("db.exec(value)", {"''"}),
    "exec(options)": ("db.exec('SELECT 1', value)", OPTIONS),
    "exec({signal})": ("db.exec('SELECT 1', { signal: value })", SIGNALS),
    "run(sql)": ("db.run(value)", set()),
    "get(sql)": ("db.get(value)", set()),
    "all(sql)": ("db.all(value)", set()),
    "pragma(text)": ("db.pragma(value)", {"'x'"}),
    "pragma(options)": ("db.pragma('user_version', value)", OPTIONS),
    "pragma({simple})": ("db.pragma('user_version', { simple: value })", BOOLEANS),
    "script(sql)": ("db.script(value)", TEXTS),
    "script(options)": ("db.script('SELECT 1', value)", OPTIONS),
    "script({limit})": ("db.script('SELECT 1', { limit: value })", COUNTS),
    "script({signal})": ("db.script('SELECT 1', { signal: value })", SIGNALS),
    "transaction(fn)": ("db.transaction(value)", {"function"}),
    "tx.transaction(fn)": ("db.transaction((tx) => { tx.transaction(value); })()", {"function"}),
    "tx.exec(sql)": ("db.transaction((tx) => tx.exec(value))()", {"''"}),
    "tx.prepare(sql)": ("db.transaction((tx) => { tx.prepare(value); })()", TEXTS),
    "import(source)": ("db.import(value)", set()),
    "function(name)": ("db.function(value, (a) => a)", {"'x'"}),
    "function(code)": ("db.function('f', value)", {"null", "function"}),
    "function(options)": ("db.function('f', value, (a) => a)", OPTIONS),
    "aggregate(name)": ("db.aggregate(value, { step: (a) => a })", {"'x'"}),
    "aggregate(options)": ("db.aggregate('g', value)", {"null"}),
    "aggregate({step})": ("db.aggregate('g', { step: value })", {"function"}),
    "table(name)": ("db.table(value, { columns: ['a'], rows: () => [] })", {"'x'"}),
    "table(options)": ("db.table('rows', value)", {"null"}),
    "table({columns})": ("db.table('rows', { columns: value, rows: () => [] })", {"['SELECT 1']"}),
    "table({rows})": ("db.table('rows', { columns: ['a'], rows: value })", {"function"}),
    "collation(name)": ("db.collation(value, (a, b) => 0)", {"'x'"}),
    "collation(compare)": ("db.collation('c', value)", {"null", "function"}),
    "tokenizer(name)": ("db.tokenizer(value, (text) => [])", {"'x'"}),
    "tokenizer(code)": ("db.tokenizer('k', value)", {"null", "function"}),
    "iterate(sql)": ("db.iterate(value)", TEXTS),
    "explain(sql)": ("db.explain(value)", set()),
    "batch(statements)": ("db.batch(value)", {"[]", "['SELECT 1']"}),
    "batch([statement])": ("db.batch([value])", {"['SELECT 1']"}),
    "batch({args})": ("db.batch([{ sql: 'SELECT 1', args: value }])", {"undefined", "[]", "{}"}),
    "batch(options)": ("db.batch([], value)", OPTIONS),
    "batch({mode})": ("db.batch([], { mode: value })", {"undefined"}),
    "batch({signal})": ("db.batch([], { signal: value })", SIGNALS),
    "migrate(migrations)": ("db.migrate(value)", {"[]"}),
    "migrate([migration])": ("db.migrate([value])", set()),
    "migrate({name})": ("db.migrate([{ name: value, sql: 'SELECT nothing' }])", set()),
    "migrate({sql})": (
        "turso.connect(':memory:').then((one) => one.migrate([{ name: 'm', sql: value }]))",
        {"''"},
    ),
    "backup(name)": ("db.backup(value, { storage: 'memory' })", {"'x'"}),
    "backup(options)": ("turso.connect(':memory:').then((one) => one.backup('x', value))", OPTIONS),
    "backup({storage})": ("db.backup('x', { storage: value })", {"undefined"}),
    "backup({signal})": ("db.backup('x', { signal: value })", SIGNALS),
    "backup({attached})": ("db.backup('x', { storage: 'memory', attached: value })", {"undefined"}),
    "backup({progress})": ("db.backup('x', { storage: 'memory', progress: value })", {"undefined", "function"}),
    "hook(kind)": ("db.hook(value, null)", set()),
    "hook(update)": ("db.hook('update', value)", {"null", "function"}),
    "hook({every})": ("db.hook('progress', null, { every: value })", COUNTS),
    "deserialize(bytes)": ("turso.connect(':memory:').then((one) => one.deserialize(value))", set()),
    "defaultSafeIntegers(on)": (
        "turso.connect(':memory:').then((one) => one.defaultSafeIntegers(value).close())",
        BOOLEANS,
    ),
    "sql(strings)": ("db.sql(value)", set()),
    "fragment(strings)": ("turso.fragment(value)", set()),
    "identifier(name)": ("turso.identifier(value)", {"'x'"}),
    "join(fragments)": ("turso.join(value)", {"[]"}),
    "join(separator)": ("turso.join([], value)", TEXTS | {"undefined"}),
    "values(values)": ("turso.values(value)", {"[]", "['SELECT 1']"}),
    "db.signal(signal)": ("db.signal(value)", {"null", "signal"}),
    "expand(on)": ("db.prepare('SELECT 1').expand(value)", BOOLEANS),
    "signal(signal)": ("db.prepare('SELECT 1').signal(value)", {"null", "signal"}),
    "raw(on)": ("db.prepare('SELECT 1').raw(value)", BOOLEANS),
    "pluck(on)": ("db.prepare('SELECT 1').pluck(value)", BOOLEANS),
    "safeIntegers(on)": ("db.prepare('SELECT 1').safeIntegers(value)", BOOLEANS),
}
NOT_BOUND = {"function", "symbol", "Date", "Map", "Set", "RegExp", "Error", "Promise", "class", "document"}
NOT_BOUND |= {"String object", "signal", "url", "statement", "proxy"}
CALLS["bind(value)"] = ("db.prepare('SELECT ?').bind(value)", set(ALL) - NOT_BOUND)
BOUND = {"undefined", "null", "true", "0", "-1", "1.5", "NaN", "7n", "''", "'x'", "bytes"}
for _method in ("run", "get", "all", "iterate"):
    _use = (
        "for await (const row of db.prepare(sql).iterate(what));"
        if _method == "iterate"
        else f"await db.prepare(sql).{_method}(what);"
    )
    CALLS[f"{_method}(value)"] = (f"(async (sql, what) => {{ {_use} }})('SELECT ?', value)", BOUND | {"['SELECT 1']"})
    CALLS[f"{_method}([value])"] = (f"(async (sql, what) => {{ {_use} }})('SELECT ?', [value])", BOUND)
    CALLS[f"{_method}({{a: value}})"] = (f"(async (sql, what) => {{ {_use} }})('SELECT :a', {{ a: value }})", BOUND)
    CALLS[f"{_method}(value) without parameters"] = (
        f"(async (sql, what) => {{ {_use} }})('SELECT 1', value)",
        {"[]", "{}"},
    )

THEIRS = ["Cannot read", "is not a function", "undefined is", "[object Object]", "is not iterable", "Failed to execute", "not a constructor", "could not be cloned", "internal error"]  # fmt: skip


@pytest.fixture(scope="module")
def tab(context: Any, server: str) -> Iterator[Callable[..., Any]]:
    page = open_page(context, server)
    run = runner(page)
    run(SETUP)
    yield run
    page.close()


@pytest.mark.parametrize("method", CALLS)
def test_wrong_values_are_refused_in_words_of_ours(tab: Any, method: str) -> None:
    call, takes = CALLS[method]
    found = tab(
        f"""const outcomes = {{}};
        for (const name of names) {{
            const value = values[name]();
            outcomes[name] = await tried(() => {call});
        }}
        return outcomes;""",
        names=ALL,
    )
    accepted = {name for name, outcome in found.items() if outcome[0] == "accepted"}
    assert accepted == takes, {name: found[name] for name in accepted ^ takes}
    refused = {name: outcome for name, outcome in found.items() if outcome[0] != "accepted" and name != "proxy"}
    foreign = {
        name: outcome
        for name, outcome in refused.items()
        if outcome[0] not in ("TypeError", "RangeError", "SqlError") or any(theirs in outcome[1] for theirs in THEIRS)
    }
    assert foreign == {}
    assert tab("return db.prepare('SELECT count(*) FROM t').pluck().get()") == 1


def test_every_public_method_is_in_the_table(tab: Any) -> None:
    names = tab("""
        const of = (object) => Object.getOwnPropertyNames(Object.getPrototypeOf(object));
        const handle = Object.getPrototypeOf(Object.getPrototypeOf(db));
        return [...of(db), ...Object.getOwnPropertyNames(handle), ...of(db.prepare('SELECT 1')), ...Object.keys(turso)];
    """)
    called = {call.split("(")[0].removeprefix("tx.").removeprefix("db.") for call in CALLS}
    nothing_to_pass = {
        "columns",
        "describe",
        "finalize",
        "status",
        "export",
        "interrupt",
        "close",
        "open",
        "storage",
        "sql",
    }
    nothing_to_pass |= {
        "memory",
        "readonly",
        "inTransaction",
        "changes",
        "totalChanges",
        "serialize",
        "snapshots",
        "fork",
    }
    nothing_to_pass |= {"reader", "busy", "database", "toString"}
    internal = {"constructor", "request", "Database", "Statement", "SqlError", "SqliteError"}
    assert {name for name in names if not name.startswith("Symbol")} - internal == called | nothing_to_pass


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("{ readOnly: true }", 'connect() has no option "readOnly": did you mean "readonly"?'),
        ("{ read_only: true }", 'connect() has no option "read_only": did you mean "readonly"?'),
        (
            "{ fileMustExist: true }",
            'connect() has no option "fileMustExist": write create: false',
        ),
        ("{ integers: 'BigInt' }", 'connect(): the option "integers" takes "auto" or "number" or "bigint", not string'),
        ("{ assets: '//' }", '"//" is no URL'),
    ],
)
def test_options_that_are_none(tab: Any, options: str, message: str) -> None:
    assert tab(f"return tried(() => turso.connect(':memory:', {options}))") == ["TypeError", message, ""]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("db.exec(null)", "SQL must be a string, not null"),
        ("db.exec(123)", "SQL must be a string, not number"),
        ("db.prepare('SELECT 1').signal('x')", "signal() takes an AbortSignal, not string"),
        ("db.transaction(123)", "transaction() takes a function, not number"),
        ("db.get('SELECT ?', new Date())", "parameter 1 cannot be bound: SQLite stores numbers, strings, bigints, Uint8Arrays, booleans and null, not Date: write date.toISOString() or date.getTime()"),
        ("db.get('SELECT :a', { a: /x/ })", 'parameter "a" cannot be bound: SQLite stores numbers, strings, bigints, Uint8Arrays, booleans and null, not RegExp'),
        ("db.get('SELECT ?, ?', [1, new Map()])", "parameter 2 cannot be bound: SQLite stores numbers, strings, bigints, Uint8Arrays, booleans and null, not Map"),
        ("db.get('SELECT ?', Symbol('s'))", "a value cannot be sent to the database: parameter 1 is a symbol"),
        ("db.import(7)", "import() takes a Blob, bytes, a Response, a ReadableStream or a URL, not number"),
        ("db.import('/nowhere.db')", "/nowhere.db could not be fetched: HTTP status 404"),
        ("turso.remove('')", 'remove() takes the name of a database, not ""'),
    ],
)  # fmt: skip
def test_messages(tab: Any, call: str, message: str) -> None:
    assert tab(f"return tried(() => {call})") == ["TypeError", message, ""]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{ a: 1, b: 2 }", 'unknown named parameter "b"'),
        ("{ b: 2 }", 'missing named parameter "a"'),
        ("{ A: 2 }", 'missing named parameter "a"'),
        ("{ a: 1, ':a': 1, '@a': 1 }", 'unknown named parameter "@a"'),
    ],
)
def test_names_that_the_statement_does_not_have(tab: Any, given: str, message: str) -> None:
    assert tab(f"return tried(() => db.prepare('SELECT :a').get({given}))") == ["RangeError", message, ""]


def test_integers_of_run_are_as_they_were_asked_for(tab: Any) -> None:
    found = tab("""
        const show = ({ changes, lastInsertRowid }) => `${typeof changes} ${changes}, ${typeof lastInsertRowid} ${lastInsertRowid}`;
        await db.exec('CREATE TABLE ids(id INTEGER PRIMARY KEY)');
        const insert = db.prepare('INSERT INTO ids VALUES (?)');
        const shown = [show(await insert.run(1)), show(await insert.safeIntegers().run(2)), show(await insert.run(2n ** 53n + 1n))];
        shown.push(show(await insert.safeIntegers(false).run(2n ** 53n + 3n)));
        const other = db.prepare('INSERT INTO ids VALUES (?)');
        shown.push(show(await other.run(2n ** 53n + 5n)));
        for (const integers of ['number', 'bigint']) {
            const one = await turso.connect(':memory:', { integers });
            await one.exec('CREATE TABLE ids(id INTEGER PRIMARY KEY)');
            shown.push(show(await one.run('INSERT INTO ids VALUES (?)', 2n ** 53n + 1n)), show(await one.run('INSERT INTO ids VALUES (1)')));
            await one.close();
        }
        return shown;
    """)
    assert found == [
        "number 1, number 1",
        "number 1, bigint 2",
        "number 1, bigint 9007199254740993",
        "number 1, bigint 9007199254740995",
        "number 1, bigint 9007199254740997",
        "number 1, bigint 9007199254740993",
        "number 1, number 1",
        "number 1, bigint 9007199254740993",
        "number 1, bigint 1",
    ]


STATES = {
    "closed": "await one.close();",
    "closing": "one.close();",
}
AFTERWARDS = [
    "one.exec('SELECT 1')", "one.run('SELECT 1')", "one.get('SELECT 1')", "one.all('SELECT 1')", "one.pragma('user_version')", "one.script('SELECT 1')",
    "one.status()", "one.export()", "one.import(new Blob([]))", "one.transaction(() => 1)()", "statement.run()", "statement.get()", "statement.all()",
    "statement.iterate().next()", "statement.columns()", "statement.describe()", "one.batch(['SELECT 1'])", "one.explain('SELECT 1')", "one.migrate([])",
    "one.iterate('SELECT 1').next()", "one.backup('x', { storage: 'memory' })", "one.serialize()", "one.deserialize(new Uint8Array(0))",
    "one.sql`SELECT ${1}`.get()", "one.signal(null).get('SELECT 1')", "statement.reader", "statement.readonly",
]  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_what_is_closed_says_so(tab: Any, state: str) -> None:
    found = tab(
        f"""const one = await turso.connect(':memory:');
        const statement = one.prepare('SELECT 1');
        await statement.get();
        {STATES[state]}
        one.interrupt();
        const calls = [{", ".join(f"() => {call}" for call in AFTERWARDS)}];
        const outcomes = [];
        for (const call of calls) outcomes.push(await tried(call));
        statement.finalize();
        one.prepare('SELECT 1').finalize();
        await one.close();
        return outcomes;"""
    )
    assert found == [["SqlError", "the database is closed", "SQLITE_MISUSE"]] * len(AFTERWARDS)


def test_what_is_finalized_says_so(tab: Any) -> None:
    calls = ["run()", "get()", "all()", "iterate().next()", "columns()", "describe()"]
    found = tab(
        f"""const statement = db.prepare('SELECT 1');
        statement.finalize();
        const outcomes = [];
        for (const call of [{", ".join(f"() => statement.{call}" for call in calls)}]) outcomes.push(await tried(call));
        return outcomes;"""
    )
    assert found == [["SqlError", "the statement has been finalized", "SQLITE_MISUSE"]] * len(calls)


def test_removing_what_is_open(tab: Any, context: Any, server: str) -> None:
    found = tab("""
        const one = await turso.connect('removing.db');
        await one.exec('CREATE TABLE t(a)');
        const error = await tried(() => turso.remove('removing.db'));
        globalThis.removing = one;
        return [error, (await one.all('SELECT * FROM t')).length];
    """)
    assert found == [["SqlError", "database is locked: removing.db is open", "SQLITE_BUSY"], 0]
    page = open_page(context, server)
    error = runner(page)("return failure(() => turso.remove('removing.db'))")
    page.close()
    assert error["code"] == "SQLITE_BUSY"
    assert error["message"] == "database is locked: removing.db is open in another tab or worker"
    assert (
        tab(
            "await removing.close(); await turso.remove('removing.db'); return (await turso.list()).includes('removing.db')"
        )
        is False
    )


def test_an_origin_that_is_not_secure(context: Any, server: str) -> None:
    page = context.new_page()
    page.goto(f"{server.replace('localhost', 'insecure.test')}tests/browser/blank.html")
    page.wait_for_function("globalThis.turso !== undefined")
    run = runner(page)
    assert run("return isSecureContext") is False
    found = run("""
        const db = await turso.connect(':memory:');
        await db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
        const n = await db.prepare('SELECT count(*) FROM t').pluck().get();
        await db.close();
        const errors = [];
        for (const act of [
            () => turso.list(), () => turso.remove('x.db'), () => turso.connect('x.db'),
            ...['opfs', 'indexeddb'].flatMap((storage) => [() => turso.list({ storage }), () => turso.remove('x.db', { storage }), () => turso.connect('x.db', { storage })]),
        ]) errors.push(await failure(act));
        return [n, errors];
    """)
    page.close()
    assert found[0] == 1
    assert {error["code"] for error in found[1]} == {"SQLITE_CANTOPEN"}
    assert all(error["message"].startswith("unable to open database file: ") for error in found[1])
    assert all("secure pages" in error["message"] for error in found[1])
