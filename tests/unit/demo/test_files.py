# ruff: noqa: E501 (lines of JavaScript and SQL)
"""Files that the playground reads and writes (demo/import, demo/export) and its links (demo/share), in Node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
READ = """
import { readFile } from './demo/import/source.js';
import { TypeGuess, converted } from './demo/import/types.js';
async function look(name, content, options) {
  try {
    const { sources, options: chosen } = await readFile(new File([content], name), options);
    const tables = [];
    for (const source of sources) {
      const guess = new TypeGuess();
      const rows = [];
      let columns = source.columns;
      for await (const batch of source.batches()) {
        columns = batch.columns ?? columns;
        guess.see(batch.rows);
        rows.push(...batch.rows);
      }
      const types = guess.types(columns.length);
      const cells = rows.map((row) => row.map((value, i) => converted(value, types[i], true)));
      tables.push({ name: source.name, columns, types, rows: cells });
    }
    return { tables, ...chosen };
  } catch (error) {
    return { error: error.message };
  }
}
"""
WRITE = """
globalThis.navigator ??= { language: 'en' };
const { WRITERS } = await import('./demo/export/writers.js');
async function write(format, columns, rows, table = 'result') {
  const pieces = [];
  async function* batches() {
    for (let i = 0; i < rows.length; i += 2) yield rows.slice(i, i + 2);
  }
  for await (const piece of WRITERS[format].write({ columns, batches, table })) pieces.push(piece);
  return typeof pieces[0] === 'string' ? pieces.join('') : new Uint8Array(await new Blob(pieces).arrayBuffer());
}
"""


def node(script: str) -> Any:
    """What a module leaves in `told`; 64-bit integers are texts with an n."""
    text = f"{script}\nconsole.log(JSON.stringify(told, (_, v) => (typeof v === 'bigint' ? `${{v}}n` : v)));"
    done = subprocess.run(
        ["node", "--input-type=module"], input=text, capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def look(name: str, content: str, options: str = "undefined") -> Any:
    """What is read of a file; `content` is JavaScript."""
    return node(f"{READ}\nconst told = await look({json.dumps(name)}, {content}, {options});")


def test_a_csv_file_gets_types_that_lose_nothing() -> None:
    text = 'id,name,zip,x,big\n1,"Ann ""A""",00123,1.5,9007199254740993\n2,"Bo\nb",9,,12\n3,,1,1e3,-5\n'
    found = look("my films (2).csv", json.dumps(text))
    assert (found["encoding"], found["delimiter"], found["header"]) == ("utf-8", ",", True)
    assert found["tables"] == [
        {
            "name": "my_films_2",
            "columns": ["id", "name", "zip", "x", "big"],
            "types": ["INTEGER", "TEXT", "TEXT", "REAL", "INTEGER"],
            "rows": [
                [1, 'Ann "A"', "00123", 1.5, "9007199254740993n"],
                [2, "Bo\nb", "9", None, 12],
                [3, None, "1", 1000, -5],
            ],
        }
    ]


@pytest.mark.parametrize(
    ("name", "content", "delimiter", "encoding", "columns", "rows"),
    [
        ("a.csv", "'a;b\\r\\n1;2,5\\r\\n3;4,5\\r\\n'", ";", "utf-8", ["a", "b"], [[1, "2,5"], [3, "4,5"]]),
        ("a.tsv", "'1\\t2\\n3\\t4\\n'", "\t", "utf-8", ["column1", "column2"], [[1, 2], [3, 4]]),
        ("a.csv", "'a,b\\n1\\n1,2,3\\n'", ",", "utf-8", ["a", "b", "column3"], [[1], [1, 2, 3]]),
        ("a.csv", "'a,A\\n1,2\\n'", ",", "utf-8", ["a", "A_2"], [[1, 2]]),
        ("a.csv", "new Uint8Array([0xef, 0xbb, 0xbf, 0xc3, 0xa9, 44, 98, 10, 49, 44, 50])", ",", "utf-8", ["é", "b"], [[1, 2]]),
        ("a.csv", "new Uint8Array([97, 0, 44, 0, 98, 0, 10, 0, 228, 0, 44, 0, 50, 0])", ",", "utf-16le", ["a", "b"], [["ä", 2]]),
        ("a.csv", "new Uint8Array([0x96, 0xbc, 0x91, 0x4f, 44, 97, 10, 0x82, 0xa0, 44, 49])", ",", "shift_jis", ["名前", "a"], [["あ", 1]]),
        ("a.csv", "new Uint8Array([97, 44, 98, 10, 0xe9, 44, 49, 10])", ",", "windows-1252", ["a", "b"], [["é", 1]]),
    ],
)  # fmt: skip
def test_delimiters_encodings_and_names_are_guessed(
    name: str, content: str, delimiter: str, encoding: str, columns: list[str], rows: list[Any]
) -> None:
    found = look(name, content)
    assert (found["delimiter"], found["encoding"]) == (delimiter, encoding)
    [table] = found["tables"]
    assert (table["columns"], table["rows"]) == (columns, rows)


def test_what_was_guessed_can_be_chosen_otherwise() -> None:
    found = look("a.csv", "'a;b\\nc;d\\n'", "{ header: false, delimiter: ',', encoding: 'utf-8' }")
    assert found["tables"][0]["rows"] == [["a;b"], ["c;d"]]


PIECES = """
class Pieces extends File {
  stream() {
    const cut = (bytes, to) => { for (let i = 0; i < bytes.length; i += 50_001) to.enqueue(bytes.slice(i, i + 50_001)); };
    return super.stream().pipeThrough(new TransformStream({ transform: cut }));
  }
}
"""


def test_a_long_file_comes_in_pieces() -> None:
    told = node(
        f"{READ}{PIECES}\nlet text = 'n,t\\n'; for (let i = 0; i < 120_000; i++) text += `${{i}},\"ä\\n${{i}}\"\\n`;\n"
        "const { sources } = await readFile(new Pieces([text], 'a.csv'));\n"
        "let sum = 0; let wrong = 0; const parts = [];\n"
        "for await (const { rows, done } of sources[0].batches()) {\n"
        "  parts.push(done);\n"
        "  for (const [n, t] of rows) { sum += Number(n); wrong += t !== `ä\\n${n}`; }\n"
        "}\n"
        "const told = { sum, wrong, many: parts.length > 1, rising: String(parts) === String(parts.toSorted()), last: parts.at(-1) };"
    )
    assert told == {"sum": sum(range(120_000)), "wrong": 0, "many": True, "rising": True, "last": 1}


def test_json_keeps_integers_and_what_is_nested() -> None:
    text = '[{"a":1,"b":[1,{"c":2}]},{"a":9007199254740993,"t":true,"n":null},{"a":1.5}]'
    [table] = look("x.json", json.dumps(text))["tables"]
    assert table["columns"] == ["a", "b", "t", "n"]
    assert table["types"] == ["REAL", "TEXT", "INTEGER", "TEXT"]
    assert table["rows"] == [
        [1, '[1,{"c":2}]', None, None],
        ["9007199254740993n", None, 1, None],
        [1.5, None, None, None],
    ]


def test_ndjson_and_objects_of_arrays() -> None:
    assert look("x.ndjson", '\'{"a":1}\\n{"a":2,"b":"x"}\\n\'')["tables"][0]["rows"] == [[1, None], [2, "x"]]
    tables = look("o.json", json.dumps('{"people":[{"n":"A"}],"pets":[{"k":"dog"},{"k":"cat"}],"v":1}'))["tables"]
    assert [(one["name"], one["rows"]) for one in tables] == [("people", [["A"]]), ("pets", [["dog"], ["cat"]])]


@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("a.csv", "' \\n'", "a.csv is empty"),
        ("a.json", "'[{\"a\":1},'", "a.json is not JSON: it ends too early"),
        ("a.json", "'[{\"a\":1},}'", 'a.json is not JSON: Unexpected RIGHT_BRACE ("}") in state VALUE'),
        ("a.json", "'[]'", "a has no row"),
        ("a.parquet", "'this is no such file'", "a.parquet is not a Parquet file: parquet file invalid (footer != PAR1)"),
        ("a.xlsx", "'PK nor this'", "a.xlsx is not an Excel file (.xlsx)"),
    ],
)  # fmt: skip
def test_what_is_none_is_refused(name: str, content: str, error: str) -> None:
    assert look(name, content) == {"error": error}


ROWS = (
    "[[1n, 'a,\"b\"', 1.5, null], [2n, 'x\\ny', -3.0, new Uint8Array([1, 255])], [9007199254740993n, '', null, null]]"
)


@pytest.mark.parametrize(
    ("format", "text"),
    [
        ("csv", 'n,t,x,b\r\n1,"a,""b""",1.5,\r\n2,"x\ny",-3.0,01ff\r\n9007199254740993,"",,\r\n'),
        ("ndjson", '{"n": 1, "t": "a,\\"b\\"", "x": 1.5, "b": null}\n{"n": 2, "t": "x\\ny", "x": -3.0, "b": "01ff"}\n'
                   '{"n": 9007199254740993, "t": "", "x": null, "b": null}\n'),
        ("json", '[\n  {"n": 1, "t": "a,\\"b\\"", "x": 1.5, "b": null},\n  {"n": 2, "t": "x\\ny", "x": -3.0, "b": "01ff"},\n'
                 '  {"n": 9007199254740993, "t": "", "x": null, "b": null}\n]\n'),
        ("sql", "BEGIN;\nCREATE TABLE result(n, t, x, b);\nINSERT INTO result(n, t, x, b) VALUES\n  (1, 'a,\"b\"', 1.5, NULL),\n"
                "  (2, 'x\ny', -3.0, x'01ff');\nINSERT INTO result(n, t, x, b) VALUES\n  (9007199254740993, '', NULL, NULL);\nCOMMIT;\n"),
    ],
)  # fmt: skip
def test_rows_as_text(format: str, text: str) -> None:
    assert node(f"{WRITE}\nconst told = await write('{format}', ['n', 't', 'x', 'b'], {ROWS});") == text


@pytest.mark.parametrize("format", ["xlsx", "parquet"])
def test_what_is_written_is_read_again(format: str) -> None:
    [table] = node(
        f"{READ}{WRITE}\nconst file = await write('{format}', ['n', 't', 'x'], "
        "[[1n, 'a', 1.5], [2n, 'b', null], [9007199254740993n, 'ä', -3.0]]);\n"
        f"const told = await look('out.{format}', file);"
    )["tables"]
    one, two = (1, 2) if format == "xlsx" else ("1n", "2n")
    assert table["columns"] == ["n", "t", "x"]
    assert table["rows"] == [[one, "a", 1.5], [two, "b", None], ["9007199254740993n", "ä", -3]]


def test_links_carry_queries_and_a_database() -> None:
    told = node(
        "import { fragmentOf, readFragment } from './demo/share/link.js';\n"
        "const shared = { name: 'x.db', queries: [{ title: 'é', sql: \"SELECT 'ü'\" }] };\n"
        "const file = new Uint8Array(8192).fill(7);\n"
        "const link = await fragmentOf(shared, file);\n"
        "const found = await readFragment(link);\n"
        "const damaged = [];\n"
        "for (const bad of [link.slice(0, -9), '#share=', '#share=????']) await readFragment(bad).catch((e) => damaged.push(e.message));\n"
        "const told = { short: link.length < 300, same: found.database.every((byte, i) => byte === file[i]) && found.database.length, "
        "shared: found.shared, none: (await readFragment(await fragmentOf(shared, null))).database, damaged, "
        "sql: await readFragment('#sql=SELECT%201+1&sample=music'), other: await readFragment('#top') };"
    )
    assert told == {
        "short": True,
        "same": 8192,
        "shared": {"name": "x.db", "queries": [{"title": "é", "sql": "SELECT 'ü'"}]},
        "none": None,
        "damaged": ["The link is damaged: it was cut, or changed, on its way."] * 3,
        "sql": {"sql": "SELECT 1+1", "sample": "music", "db": None},
        "other": None,
    }
