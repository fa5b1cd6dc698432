# ruff: noqa: E501 (lines of JavaScript, SQL and Python in strings)
"""Virtual tables, the library of functions and typed Python, in Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.test_python import interpreter

SETUP = (
    "const db = await turso.connect(':memory:'); const rows = (sql, ...values) => db.prepare(sql).raw().all(...values);"
)


def test_full_text_search(js: Any) -> None:
    found = js(f"""{SETUP}
        await db.exec(`CREATE VIRTUAL TABLE mail USING fts5(subject, body, tokenize='porter');
            INSERT INTO mail VALUES ('Running late', 'the train was delayed'), ('Lunch', 'we run to the café'), ('Trains', 'no')`);
        const hits = await rows("SELECT rowid, highlight(mail, 0, '[', ']') FROM mail WHERE mail MATCH ? ORDER BY rank", 'run');
        const phrase = await rows("SELECT snippet(mail, 1, '<', '>', '…', 3) FROM mail WHERE mail MATCH ?", '"the train"');
        await db.exec("DELETE FROM mail WHERE rowid = 1; INSERT INTO mail(mail) VALUES ('integrity-check')");
        const left = await rows("SELECT count(*) FROM mail('train*')");
        await db.close();
        return [hits, phrase, left];
    """)
    assert sorted(found[0]) == [[1, "[Running] late"], [2, "Lunch"]]
    assert found[1:] == [[["<the train> was…"]], [[1]]]


def test_a_full_text_index_is_kept_in_a_file(js: Any) -> None:
    found = js("""
        let db = await turso.connect('texts.db');
        await db.exec("DROP TABLE IF EXISTS t; CREATE VIRTUAL TABLE t USING fts5(x); INSERT INTO t VALUES ('one two'), ('two three')");
        await db.close();
        db = await turso.connect('texts.db');
        const found = await db.prepare("SELECT x FROM t WHERE t MATCH 'three'").pluck().all();
        await db.close();
        return found;
    """)
    assert found == ["two three"]


def test_r_trees(js: Any) -> None:
    found = js(f"""{SETUP}
        await db.exec(`CREATE VIRTUAL TABLE box USING rtree(id, x0, x1, y0, y1, +name);
            INSERT INTO box SELECT value, value, value + 1, value, value + 2, 'box ' || value FROM generate_series(1, 500)`);
        const inside = await rows('SELECT id, name FROM box WHERE x0 >= ? AND x1 <= ? AND y1 < 60 ORDER BY id', 55, 60);
        const check = await rows("SELECT rtreecheck('box')");
        await db.close();
        return [inside, check];
    """)
    assert found == [[[55, "box 55"], [56, "box 56"], [57, "box 57"]], [["ok"]]]


def test_the_statements_of_a_connection(js: Any) -> None:
    found = js(f"""{SETUP}
        await db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1), (2)');
        const kept = await db.prepare('SELECT a FROM t ORDER BY -a');
        await kept.all(); await kept.all();
        const other = await turso.connect(':memory:');
        await other.prepare("SELECT 'not mine'");
        const shown = await rows('SELECT sql, ncol, ro, busy, nsort, reprep, run, mem > 0 FROM sqlite_stmt');
        await db.exec('CREATE TABLE u(b)');
        await kept.all();
        const again = await rows('SELECT reprep FROM sqlite_stmt WHERE sql = ?', kept.source);
        await db.close(); await other.close();
        return [shown, again];
    """)
    mine = "SELECT sql, ncol, ro, busy, nsort, reprep, run, mem > 0 FROM sqlite_stmt"
    assert found == [[[mine, 8, 1, 1, 0, 0, 1, 1], ["SELECT a FROM t ORDER BY -a", 1, 1, 0, 2, 0, 2, 1]], [[1]]]


def test_pages_are_read_and_written(js: Any) -> None:
    """A database is copied page by page."""
    found = js(f"""{SETUP}
        await db.exec('CREATE TABLE t(a); INSERT INTO t SELECT value FROM generate_series(1, 5000)');
        const copy = await turso.connect(':memory:');
        await copy.exec('BEGIN');
        for (const page of await rows('SELECT pgno, data FROM sqlite_dbpage')) {{
            await copy.prepare('INSERT INTO sqlite_dbpage(pgno, data) VALUES (?, ?)').run(...page);
        }}
        await copy.exec('COMMIT');
        const sums = await copy.prepare('SELECT sum(a), integrity_check FROM t, pragma_integrity_check').raw().all();
        await db.close(); await copy.close();
        return sums;
    """)
    assert found == [[12502500, "ok"]]


def test_csv_series_and_statistics(js: Any) -> None:
    found = js(f"""{SETUP}
        await db.exec(`CREATE VIRTUAL TABLE cities USING csv(data='name,inhabitants
Bern,134000
"Biel, Bienne",55000', header=yes)`);
        const cities = await rows('SELECT name, CAST(inhabitants AS INTEGER) FROM cities ORDER BY 2');
        const series = await rows('SELECT value FROM generate_series(10, 1, -4)');
        await db.exec('CREATE TABLE t(a); INSERT INTO t SELECT randomblob(100) FROM generate_series(1, 1000)');
        const pages = await rows("SELECT sum(pgsize) = (SELECT page_size * page_count FROM pragma_page_size, pragma_page_count) FROM dbstat");
        const page = await rows('SELECT substr(data, 1, 15), (SELECT count(*) > 20 FROM sqlite_dbpage) FROM sqlite_dbpage WHERE pgno = 1');
        await db.close();
        return [cities, series, pages, page.map(([bytes, many]) => [new TextDecoder().decode(bytes), many])];
    """)
    assert found == [[["Biel, Bienne", 55000], ["Bern", 134000]], [[10], [6], [2]], [[1]], [["SQLite format 3", 1]]]


def test_arrays_of_the_page(js: Any) -> None:
    found = js(f"""{SETUP}
        const numbers = await rows("SELECT value FROM carray(?, NULL, 'double')", new Float64Array([1.5, -2, 3]));
        const words = await rows('SELECT value FROM unnest(?)', JSON.stringify(['a', 1, null]));
        const chosen = await rows("SELECT value FROM generate_series(1, 100) WHERE value IN (SELECT value FROM carray(?, NULL, 'int32'))", Int32Array.of(3, 5, 500));
        await db.close();
        return [numbers, words, chosen];
    """)
    assert found == [[[1.5], [-2], [3]], [["a"], [1], [None]], [[3], [5]]]


CALLS = {
    "repeat('ab', 3)": "ababab",
    "gcd(12, 18)": 6,
    "ipcontains('10.0.0.0/8', '10.1.2.3')": 1,
    "fuzzy_damlev('ca', 'abc')": 2,
    "fuzzy_translit('Привет, São')": "Privet, Sao",
    "hex(crypto_sha256('abc'))": "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
    "substr(hex(crypto_blake3('')), 1, 16)": "AF1349B9F5F9A1A6",
    "substr(hex(crypto_sha512('')), 1, 16)": "CF83E1357EEFB8BD",
    "crypto_encode('hello', 'base64')": "aGVsbG8=",
    "length(uuid7_str())": 36,
    "time_fmt_iso(time_add_date(time_date(2024, 1, 31), 0, 1))": "2024-02-29T00:00:00Z",
    "numeric_mul('0.1', '0.2')": "0.02",
    "regexp_replace('2024-05-06', '(\\\\d+)-(\\\\d+)-(\\\\d+)', '$3.$2.$1')": "06.05.2024",
    "'Straße' REGEXP '(?i)STRA\\\\w+'": 1,
    "(SELECT round(stddev(value), 6) FROM generate_series(1, 5))": 1.581139,
}


def test_the_library(js: Any) -> None:
    found = js(f"""{SETUP}
        const [row] = await rows(`SELECT {", ".join(CALLS)}`);
        let message;
        try {{ await rows("SELECT regexp('(', '')"); }} catch (error) {{ message = error.message; }}
        await db.close();
        return [row, message];
    """)
    assert found == [list(CALLS.values()), "a regular expression lacks a )"]


@pytest.fixture(scope="module")
def python(context: Any, server: str) -> Iterator[Any]:
    page = context.new_page()
    page.goto(f"{server}tests/browser/blank.html")
    yield interpreter(page, "functions")
    page.close()


def test_typed_python(python: Any) -> None:
    found = python("""
import importlib, json, pathlib, sys, turso_wasm as turso
pathlib.Path("typed_functions.py").write_text('''
def steps(n: int) -> int:
    count = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        count += 1
    return count

def initials(name: str) -> str:
    out = ""
    for place in range(len(name)):
        if place == 0 or name[place - 1] == " ":
            out += name[place]
    return out

def inverse(n: int) -> float:
    return 1 / n
''')
sys.path.insert(0, ".")
typed = importlib.import_module("typed_functions")
db = turso.connect(":memory:")
for name in ("steps", "initials", "inverse"):
    db.function(getattr(typed, name), compiled=True)
rows = db.execute("SELECT max(steps(value)), initials('ada lovelace') FROM generate_series(1, 3000)").fetchall()
try:
    db.execute("SELECT inverse(0)").fetchall()
    cause = None
except turso.OperationalError as error:
    cause = type(error.__cause__).__name__
json.dumps([rows, cause])
""")
    assert found == [[[216, "al"]], "ZeroDivisionError"]
