# ruff: noqa: E501 (lines of Python in strings)
"""Python in Pyodide in a worker of Chromium: databases in the origin private file system, synchronous."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
Python = Callable[[str], Any]


@pytest.fixture(scope="module")
def blank(context: Any, server: str) -> Iterator[Any]:
    page = context.new_page()
    page.goto(f"{server}tests/browser/blank.html")
    yield page
    page.close()


def interpreter(page: Any, name: str) -> Python:
    """A new worker; a function that runs Python in it and gives the value of its last line, which is JSON."""
    (wheel,) = (ROOT / "dist").glob("*.whl")
    page.evaluate(
        """([name, wheel]) => {
            globalThis[name] = new Worker(`/tests/browser/python_worker.js?wheel=${wheel}`, { type: 'module' });
        }""",
        [name, wheel.name],
    )

    def run(code: str) -> Any:
        answer = page.evaluate(
            """([name, code]) => new Promise((resolve, reject) => {
                globalThis[name].onmessage = ({ data }) => resolve(data);
                globalThis[name].onerror = (event) => reject(new Error(event.message));
                globalThis[name].postMessage(code);
            })""",
            [name, code],
        )
        assert "error" not in answer, answer["error"]
        return json.loads(answer["value"])

    return run


def test_a_file_in_opfs_is_kept_locked_and_shared_with_the_page(blank: Any) -> None:
    first = interpreter(blank, "first")
    found = first("""
import json, turso_wasm as turso
db = await turso.connect_async("python.db")
db.execute("CREATE TABLE IF NOT EXISTS t(a INTEGER PRIMARY KEY, b)")
db.execute("DELETE FROM t")
db.executemany("INSERT INTO t(b) VALUES (?)", [("x",), (b"y",), (2.5,)])
db.commit()
db.execute("INSERT INTO t(b) VALUES ('not committed')")
json.dumps(db.execute("SELECT count(*), sum(a) FROM t").fetchone())
""")
    assert found == [4, 10]
    blank.evaluate("first.terminate()")

    second = interpreter(blank, "second")
    found = second("""
import json, turso_wasm as turso
db = await turso.connect_async("python.db", create=False)
rows = db.execute("SELECT a, typeof(b) FROM t").fetchall()
check = db.execute("PRAGMA integrity_check").fetchone()
await turso.close_async(db)
try:
    await turso.connect_async("nowhere.db", create=False)
    missing = ""
except turso.OperationalError as error:
    missing = str(error)
json.dumps([rows, check, missing])
""")
    assert found[:2] == [[[1, "text"], [2, "blob"], [3, "real"]], ["ok"]]
    assert found[2].startswith("unable to open database file: nowhere.db")
    blank.evaluate("second.terminate()")


@pytest.mark.parametrize(
    "leave",
    [
        "db.close()",
        "del db",
        "import contextlib\nwith contextlib.closing(db): db.execute('SELECT 1')",
        "with db: db.execute('INSERT INTO t VALUES (2)')\ndel db",
        "rows = db.execute('SELECT * FROM t')\ndel db, rows",
        "db.execute('BEGIN')\ndb.execute('INSERT INTO t VALUES (3)')\ndb.close()",
        "other = await turso.connect_async(name)\ndb.close()\nother.execute('SELECT * FROM t').fetchall()\nother.close()",
        "other = await turso.connect_async(name)\nawait turso.close_async(db)\nother.execute('SELECT * FROM t').fetchall()\nawait turso.close_async(other)",
        "db.close()\ndb = await turso.connect_async(name)\ndb.close()\ndb = await turso.connect_async(name)\ndel db",
    ],
)
def test_leaving_a_connection_gives_the_file_up(leaver: Python, blank: Any, leave: str) -> None:
    leaver(f"""
import gc, json, turso_wasm as turso
name = "left.db"
db = await turso.connect_async(name)
db.execute("CREATE TABLE IF NOT EXISTS t(a)")
db.commit()
{leave}
gc.collect()
json.dumps(None)
""")
    found = blank.evaluate("""async () => {
        const started = performance.now();
        const db = await turso.connect('left.db');
        const took = performance.now() - started;
        const check = await db.pragma('integrity_check', { simple: true });
        await db.close();
        const names = await turso.list();
        await turso.remove('left.db');
        return [took < 3000, check, names.filter((name) => name.startsWith('left.db'))];
    }""")
    assert found == [True, "ok", ["left.db"]]


@pytest.fixture(scope="module")
def leaver(blank: Any) -> Iterator[Python]:
    blank.wait_for_function("globalThis.turso !== undefined")
    blank.evaluate("turso.list()")  # the page's own worker, started before the clock runs
    yield interpreter(blank, "leaver")
    blank.evaluate("leaver.terminate()")
