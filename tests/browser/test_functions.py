# ruff: noqa: E501 (lines of JavaScript and SQL)
"""Code of the page's own that SQL calls, in Chromium."""

from __future__ import annotations

from typing import Any

import pytest

SETUP = "const db = await turso.connect(':memory:'); const get = (sql) => db.prepare(sql).pluck().get();"


@pytest.fixture
def run(js: Any) -> Any:
    """As `js`, with `db`, and `get(sql)` for one value."""
    return lambda body: js(f"{SETUP}try {{ {body} }} finally {{ await db.close(); }}")


def test_functions_as_functions_and_as_text(run: Any) -> None:
    found = run("""
        await db.function('twice', (a) => 2 * a);
        await db.function('twice', (a, b) => a + b + 0.5);
        await db.function('text', 'function (given) { return typeof given + given; }');
        await db.function('any', { varargs: true, deterministic: true }, (...all) => all.length);
        await db.function('big', { safeIntegers: true }, (a) => typeof a);
        await db.function('method', { method(a) { return a.length; } }.method);
        return db.prepare("SELECT twice(4), twice(1, 2), text('x'), any(1, 2, 3), any(), big(1), method(x'0102')").raw().get();
    """)
    assert found == [8, 3.5, "stringx", 3, 0, "bigint", 2]


def test_every_row_of_a_table(run: Any) -> None:
    found = run("""
        await db.function('half', (a) => a / 2);
        await db.exec('CREATE TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i FROM n');
        return [await get('SELECT sum(half(i)) FROM t'), (await db.all('SELECT half(i) AS h FROM t WHERE half(i) > 2499')).map(({ h }) => h)];
    """)
    assert found == [sum(range(5001)) / 2, [2499.5, 2500]]


def test_a_module(run: Any) -> None:
    found = run("""
        const url = URL.createObjectURL(new Blob(['const own = 5; export default (a) => a * own; export const all = { start: 1, step: (t, a) => t * a };'], { type: 'text/javascript' }));
        await db.function('five', new URL(url));
        await db.aggregate('product', { module: url, export: 'all' });
        const missing = await db.function('no', { module: url, export: 'other' }).catch((error) => error.message);
        return [await get('SELECT five(3)'), await get('SELECT product(column1) FROM (VALUES (2), (3), (4))'), missing.replace(url, 'URL')];
    """)
    assert found == [15, 24, 'the module URL has no export "other"']


def test_aggregates_and_windows(run: Any) -> None:
    found = run("""
        await db.aggregate('joined', { start: () => [], step: (all, value) => { all.push(value); }, result: (all) => all.join('-') });
        await db.aggregate('moving', { start: 0, step: (total, a) => total + a, inverse: (total, a) => total - a });
        await db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1), (2), (3), (4)');
        return [
            await get('SELECT joined(a) FROM t'),
            await db.prepare('SELECT moving(a) OVER (ROWS 1 PRECEDING) FROM t').pluck().all(),
            await get('SELECT joined(a) FROM t WHERE 0'),
        ];
    """)
    assert found == ["1-2-3-4", [1, 3, 5, 7], ""]


def test_table_functions(run: Any) -> None:
    found = run("""
        await db.table('numbers', { columns: ['n', 'text'], parameters: ['start', 'stop'], rows: function* (start, stop = 1e9) {
            for (let n = start; n <= stop; n++) yield n % 2 ? [n, 'odd ' + n] : { text: null, n };
        } });
        await db.table('bad', { columns: ['a'], rows: function* () { yield [1]; throw new RangeError('mine'); } });
        await db.table('one', { columns: ['a'], rows: '() => [[new Uint8Array([1, 2])]]' });
        const failed = (sql) => db.all(sql).catch((error) => `${error.name}: ${error.message}`);
        return [
            await db.prepare('SELECT * FROM numbers(1, 3)').raw().all(),
            await db.prepare('SELECT n FROM numbers(5) LIMIT 3').pluck().all(),
            await db.prepare('SELECT a.n, b.n FROM numbers(1, 2) a, numbers(a.n, 2) b').raw().all(),
            await get('SELECT sum(n) FROM numbers(1, 10000)'),
            await get('SELECT hex(a) FROM one'),
            await failed('SELECT * FROM bad'), await failed('SELECT * FROM numbers(1, 2, 3)'),
            (await db.table('one', null), await failed('SELECT * FROM one')),
            await db.table('none', { columns: [], rows: () => [] }).catch((error) => error.message),
        ];
    """)
    assert found == [
        [[1, "odd 1"], [2, None], [3, "odd 3"]],
        [5, 6, 7],
        [[1, 1], [1, 2], [2, 2]],
        50005000,
        "0102",
        "RangeError: mine",
        "SqliteError: too many arguments on numbers() - max 2",
        "SqliteError: no such table: one",
        'the options "columns" and "parameters" must be arrays of different names, and there must be a column',
    ]


def test_collations(run: Any) -> None:
    found = run("""
        await db.collation('number', (a, b) => Number(a) - Number(b));
        await db.exec("CREATE TABLE t(a TEXT COLLATE number); INSERT INTO t VALUES ('10'), ('9'), ('100')");
        return [await db.prepare('SELECT a FROM t ORDER BY a').pluck().all(), await get("SELECT a FROM t WHERE a = '9.0'")];
    """)
    assert found == [["9", "10", "100"], "9"]


def test_tokenizers(run: Any) -> None:
    found = run("""
        await db.tokenizer('pairs', function* (text, ...settings) {
            for (let at = 0; at + 1 < text.length; at++) yield [at, at + 2, text.slice(at, at + 2), ...settings];
        });
        await db.exec("CREATE VIRTUAL TABLE t USING fts5(a, tokenize='pairs other')");
        await db.exec("INSERT INTO t VALUES ('東京大学'), ('京都é東京'), ('😀東京')");
        const shown = await db.prepare("SELECT rowid, highlight(t, 0, '<', '>') FROM t('東京')").raw().all();
        const other = await get("SELECT count(*) FROM t('other')");
        await db.exec("INSERT INTO t(t) VALUES ('integrity-check')");
        await db.tokenizer('bad', () => [[0, 100]]);
        await db.exec('CREATE VIRTUAL TABLE u USING fts5(a, tokenize=bad)');
        const wrong = await db.exec("INSERT INTO u VALUES ('x')").catch((error) => error.message);
        await db.tokenizer('pairs', null);
        return [shown, other, wrong, await get('SELECT a FROM t').catch((error) => error.message)];
    """)
    assert found == [
        [[1, "<東京>大学"], [2, "京都é<東京>"], [3, "😀<東京>"]],
        0,
        "a token from 0 to 100 is not in the text",
        "no such tokenizer: pairs",
    ]


def test_what_is_thrown_comes_back_with_its_stack(run: Any) -> None:
    found = run("""
        class Own extends Error {}
        await db.function('bad', (a) => { const error = new RangeError('no ' + a); error.name = 'Mine'; throw error; });
        const error = await get('SELECT bad(7)').catch((error) => error);
        return [error instanceof Error, error.name, error.message, error.stack.includes('sql-function-bad.js')];
    """)
    assert found == [True, "Mine", "no 7", True]


def test_what_uses_names_from_outside_is_refused(run: Any) -> None:
    found = run("""
        const factor = 3;
        const refused = (...given) => db.function('f', ...given).then(() => 'taken', (error) => `${error.name}: ${error.message}`);
        return [
            await refused((a) => a * factor), await refused(Math.max), await refused(5), await refused('5'),
            await refused({ deterministic: 1 }, (a) => a), await refused({ fast: true }, (a) => a), await refused('this is no code'),
            await db.function('', (a) => a).catch((error) => error.message),
        ];
    """)
    assert found == [
        'TypeError: function(): the function uses "factor" from outside, which cannot be sent to the worker: pass it in, or give a module',
        "TypeError: function(): a built-in or bound function has no source text that could be sent to the worker",
        "TypeError: function() takes a function, its source text or {module, export}, not number",
        "TypeError: the source text of f() is not that of a function",
        'TypeError: function(): the option "deterministic" takes a boolean, not number',
        'TypeError: function() has no option "fast": it has deterministic, directOnly, varargs, safeIntegers',
        "TypeError: the source text of f() is not that of a function",
        "function() takes a name, not string",
    ]


def test_removal_and_options(run: Any) -> None:
    found = run("""
        const failed = (sql) => get(sql).catch((error) => error.message);
        await db.function('f', (a) => a);
        await db.function('f', (a, b) => b);
        await db.function('direct', { directOnly: true }, (a) => a);
        await db.aggregate('g', { start: 0, step: (t, a) => t + a });
        await db.exec('CREATE TABLE t(a); CREATE VIEW v AS SELECT direct(a) FROM t');
        const before = [await get('SELECT f(1)'), await failed('SELECT * FROM v'), await failed('CREATE INDEX i ON t(f(a))')];
        const kept = db.prepare('SELECT f(1)');
        await kept.get();
        await db.function('f', null);
        await db.aggregate('g', null);
        return [...before, await failed('SELECT f(1)'), await failed('SELECT g(1)'), await kept.get().catch((error) => error.message)];
    """)
    assert found == [
        1,
        "unsafe use of direct()",
        "non-deterministic functions prohibited in index expressions",
        "no such function: f",
        "no such function: g",
        "no such function: f",
    ]


def test_an_interrupt_stops_slow_functions(run: Any) -> None:
    found = run("""
        await db.function('slow', (a) => { const end = performance.now() + 2; while (performance.now() < end); return a; });
        await db.exec('CREATE TABLE t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i FROM n');
        const started = performance.now();
        const run = get('SELECT sum(slow(i)) FROM t').catch((error) => error.code);
        await new Promise((resolve) => setTimeout(resolve, 100));
        db.interrupt();
        return [await run, performance.now() - started < 5000];
    """)
    assert found == ["SQLITE_INTERRUPT", True]


def test_a_second_connection_has_its_own(js: Any) -> None:
    found = js("""
        const one = await turso.connect('own_functions.db'), two = await turso.connect('own_functions.db');
        try {
            await one.function('mine', (a) => 'one ' + a);
            const before = await two.prepare('SELECT mine(1)').pluck().get().catch((error) => error.message);
            await two.function('mine', (a) => 'two ' + a);
            const sql = 'SELECT mine(1)';
            const both = await Promise.all([one, two, one].map((db) => db.prepare(sql).pluck().get()));
            await one.function('mine', null);
            const after = await one.prepare(sql).pluck().get().catch((error) => error.message);
            return [before, both, after, await two.prepare(sql).pluck().get()];
        } finally { await one.close(); await two.close(); }
    """)
    assert found == ["no such function: mine", ["one 1", "two 1", "one 1"], "no such function: mine", "two 1"]


def test_functions_in_python(run: Any) -> None:
    found = run("""
        await db.function('area', { python: 'def area(w: float, h: float = 2.0) -> float:\\n    return w * h\\n' });
        await db.function('shown', { python: 'def helper(x):\\n    return repr(x)\\n\\ndef shown(*values):\\n    return " ".join(map(helper, values))' });
        await db.function('last', { python: 'import math\\ndef a(x): return 1\\ndef b(x): return x' });
        await db.exec('CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2), (1.5, 4), (2.0, 3)');
        const code = await db.prepare("EXPLAIN SELECT area(a, b) FROM t").all();
        return [
            await db.prepare('SELECT area(a, b), typeof(area(a, b)), area(a) FROM t').raw().all(),
            await get("SELECT shown(1, 1.0, 2.5, 9007199254740993, 'x', x'01ff', NULL)"),
            await db.prepare("SELECT last(5), last(5.0), typeof(last(5.0)), last(9007199254740993) = 9007199254740993, last('é'), hex(last(x'0102')), last(NULL)").raw().get(),
        ];
    """)
    assert found[0] == [[2, "real", 2], [6, "real", 3], [6, "real", 4]]
    assert found[1] == "1 1.0 2.5 9007199254740993 'x' b'\\x01\\xff' None"
    assert found[2] == [5, 5, "real", 1, "é", "0102", None]


def test_typed_python_stands_in_indexes_and_is_compiled(run: Any) -> None:
    found = run("""
        const source = `
            def collatz(n: int) -> int:
                steps = 0
                while n != 1:
                    n = n // 2 if n % 2 == 0 else 3 * n + 1
                    steps += 1
                return steps
        `.replaceAll('\\n            ', '\\n');
        await db.function('collatz', { compiled: true }, { python: source });
        await db.function('slow', { compiled: false }, { python: source });
        await db.exec('CREATE TABLE t(n INTEGER, c AS (collatz(n)) STORED); CREATE INDEX i ON t(collatz(n)); INSERT INTO t(n) SELECT value FROM generate_series(1, 2000)');
        const time = async (sql) => { const start = performance.now(); const value = await get(sql); return [value, performance.now() - start]; };
        const [fast, fastMs] = await time('SELECT sum(collatz(n)) FROM t NOT INDEXED');
        const [slow, slowMs] = await time('SELECT sum(slow(n)) FROM t');
        return [fast, slow, slowMs / fastMs, await get('SELECT group_concat(n) FROM t WHERE collatz(n) = 6'), await get('SELECT count(*) FROM t WHERE c = collatz(n)')];
    """)
    assert found[0] == found[1] == 134100
    assert found[2] > 3
    assert found[3:] == ["10,64", 2000]


def test_what_python_raises_comes_with_its_traceback(run: Any) -> None:
    found = run("""
        const said = async (act) => { try { await act(); return null; } catch (error) { return error.message; } };
        await db.function('inverse', { python: 'def inverse(x: int) -> float:\\n    return 1 / x\\n' });
        await db.function('bad', { python: 'def bad(x):\\n    raise ValueError(f"no {x}")\\n' });
        await db.function('list', { python: 'def list(x):\\n    return [x]\\n' });
        await db.function('huge', { python: 'def huge(x: int) -> int:\\n    return x * x\\n' });
        return [
            await said(() => get('SELECT inverse(0)')), await said(() => get('SELECT bad(7)')), await said(() => get('SELECT list(7)')),
            await said(() => get('SELECT huge(9000000000)')),
            await said(() => db.function('f', { python: 'def f(:' })), await said(() => db.function('f', { python: 'x = 1' })),
            await said(() => db.function('f', { python: 'x = 1 / 0' })),
            await said(() => db.function('f', { compiled: true }, { python: 'def f(x):\\n    return x' })),
            await said(() => db.function('f', { varargs: true }, { python: 'def f(x): return x' })),
            await said(() => db.collation('c', { python: 'def c(a, b): return 0' })),
            await get('SELECT inverse(4)'),
        ];
    """)
    assert "ZeroDivisionError: division by zero" in found[0]
    assert "return 1 / x" in found[0]
    assert "ValueError: no 7" in found[1]
    assert "type 'list' is not supported" in found[2]
    assert "OverflowError: Python int too large" in found[3]
    assert found[4].startswith("the source text of f() is no Python that can be run: SyntaxError: ")
    assert found[5] == "the source text of f() defines no function"
    assert found[6] == "the source text of f() is no Python that can be run: ZeroDivisionError: division by zero"
    assert found[7].startswith("f() cannot be compiled: parameter 'x' has no type")
    assert "varargs" in found[8]
    assert "collation()" in found[9]
    assert found[10] == 0.25


def test_functions_in_python_are_replaced_and_removed(run: Any) -> None:
    found = run("""
        await db.function('f', { python: 'def f(x: int) -> int:\\n    return x + 1' });
        const first = await get('SELECT f(1)');
        await db.function('f', (x) => x + 2);
        const second = await get('SELECT f(1)');
        await db.function('f', { python: 'def f(x: int) -> int:\\n    return x + 3' });
        const third = await get('SELECT f(1)');
        await db.function('f', null);
        return [first, second, third, await get('SELECT f(1)').catch((error) => error.message)];
    """)
    assert found == [2, 3, 4, "no such function: f"]
