"""The Vite plugin (web/vite.mjs): what is tagged `sql` is compiled when the application is built."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.serve import ROOT, Handler, serving

VITE = ROOT / "node_modules" / "vite" / "bin" / "vite.js"
COMMAND = Path(sys.executable).parent / "turso-wasm"

SCHEMA = """
PRAGMA foreign_keys = ON;
CREATE TABLE IF NOT EXISTS notes(id INTEGER PRIMARY KEY, body TEXT NOT NULL, at REAL);
"""
CONFIG = """
import { tursoWasm } from 'turso-wasm/vite';
export default { plugins: [tursoWasm({ schema: ['schema.sql'], command: %s%s })] };
"""
QUERIES = """
import { sql as statement } from 'turso-wasm';
import * as turso from 'turso-wasm';
const sql = (text) => text[0];

export const INSERT = statement`INSERT INTO notes(body, at) VALUES (?, :at)`;
export const SELECT = turso.sql`
  SELECT id, body FROM notes -- of whoever asks
  WHERE id >= ? ORDER BY id`;
export const OF_OTHERS = sql`no statement of this package's`;
"""
MAIN = """
import { connect, sql } from 'turso-wasm';
import options from 'virtual:turso-wasm';
import schema from './schema.sql?raw';
import { INSERT, SELECT, OF_OTHERS } from './queries.js';

const name: string = 'notes.db';
globalThis.answer = (async () => {
  const db = await connect(name, options);
  await db.exec(schema);
  await db.run(INSERT, 'first', 1.5);
  const rows = await db.all(SELECT, 0);
  const [count] = await db.prepare(sql`SELECT count(*) AS n FROM notes`).all();
  const { programs, compiler } = await db.status();
  const other = await db.all('SELECT body || at AS x FROM notes').catch(({ message }) => message);
  await db.close();
  return { rows, count, misses: programs.misses, compiler, other, options, OF_OTHERS };
})();
"""


@pytest.fixture
def application(tmp_path: Path) -> Callable[..., Path]:
    """Write an application; the folder. files: instead of those above. more: options of the plugin."""

    def write(files: dict[str, str] | None = None, more: str = "", command: str | None = str(COMMAND)) -> Path:
        folder = tmp_path / "app"
        packages = folder / "node_modules"
        packages.mkdir(parents=True, exist_ok=True)
        if not (packages / "turso-wasm").exists():
            (packages / "turso-wasm").symlink_to(ROOT)
        contents = {
            "package.json": '{"name": "app", "private": true, "type": "module"}',
            "index.html": '<!doctype html><script type="module" src="/main.ts"></script>',
            "schema.sql": SCHEMA,
            "queries.js": QUERIES,
            "main.ts": MAIN,
            "vite.config.js": CONFIG % (json.dumps(command) if command else "undefined", more),
            **(files or {}),
        }
        for name, content in contents.items():
            (folder / name).write_text(content, encoding="utf-8")
        return folder

    return write


def build(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `vite build`."""
    command = ["node", str(VITE), "build", "--logLevel", "warn", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@contextmanager
def published(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """(URL of a folder, what was asked for there)."""
    asked: list[str] = []

    class Site(Handler):
        def translate_path(self, path: str) -> str:
            asked.append(path)
            file = folder / path.partition("?")[0].lstrip("/")
            return str(file / "index.html" if file.is_dir() else file)

    with serving(handler=Site) as url:
        yield url, asked


def answer(context: Any, url: str) -> Any:
    """What the application answers."""
    page = context.new_page()
    page.set_default_timeout(60_000)
    try:
        page.goto(url)
        page.wait_for_function("globalThis.answer !== undefined")
        return page.evaluate("globalThis.answer")
    finally:
        page.close()


@pytest.mark.parametrize(("base", "command"), [("/", str(COMMAND)), ("./", None)], ids=["python's", "the package's"])
def test_a_build_answers_without_the_compiler(
    application: Callable[..., Path], context: Any, base: str, command: str | None
) -> None:
    folder = application(command=command)
    done = build(folder, "--base", base)
    assert done.returncode == 0, done.stderr
    (kernel,) = (folder / "dist" / "assets").glob("kernel-*.wasm")
    assert kernel.read_bytes() == (ROOT / "dist" / "kernel.wasm").read_bytes()
    with published(folder / "dist") as (url, asked):
        found = answer(context, url)
        assert found["rows"] == [{"id": 1, "body": "first"}]
        assert found["count"] == {"n": 1}
        assert found["misses"] == 0
        assert found["compiler"] == "absent"
        assert found["other"] == [{"x": "first1.5"}], "what was not marked is compiled in the page"
        assert found["OF_OTHERS"] == "no statement of this package's"
        assert any(path.endswith(".pack") for path in asked)


def test_a_build_without_compiler_has_no_python(application: Callable[..., Path], context: Any) -> None:
    folder = application(more=", compiler: false")
    done = build(folder)
    assert done.returncode == 0, done.stderr
    files = [path.name for path in (folder / "dist").rglob("*") if path.is_file()]
    assert not [name for name in files if "pyodide" in name or name.endswith(".pack")]
    with published(folder / "dist") as (url, asked):
        found = answer(context, url)
        assert found["rows"] == [{"id": 1, "body": "first"}]
        assert found["options"]["compiler"] is False
        assert "SELECT body || at AS x FROM notes" in found["other"]
        assert not [path for path in asked if "pyodide" in path or path.endswith(".pack")]


def test_while_developing_statements_are_compiled_in_the_page(application: Callable[..., Path], context: Any) -> None:
    folder = application()
    log = (folder / "log").open("w+")
    command = ["node", str(VITE), "--port", "0", "--host", "localhost"]
    plain = {**os.environ, "NO_COLOR": "1"}  # where CI is set, it colours files too
    server = subprocess.Popen(command, cwd=folder, env=plain, stdout=log, stderr=log)
    try:
        found = None
        for _ in range(200):
            found = re.search(r"http://localhost:\d+/", (folder / "log").read_text())
            if found:
                break
            time.sleep(0.1)
        assert found, (folder / "log").read_text()
        answered = answer(context, found[0])
        assert answered["rows"] == [{"id": 1, "body": "first"}]
        assert "programs" not in answered["options"]
    finally:
        server.terminate()
        server.wait()
        log.close()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queries.js": QUERIES.replace("SELECT id", "SELECT nosuch")}, "no such column: nosuch, in .*queries.js: *"),
        ({"queries.js": QUERIES.replace(":at)", "${1})")}, "sql takes no values: parameters are ? or :name"),
        ({"schema.sql": "CREATE TABLE notes("}, r"schema.sql:1: incomplete input"),
        ({"schema.sql": "SELECT 1;\nSELECT 2 FROM nosuch;"}, r"schema.sql:2: no such table: nosuch"),
    ],
)
def test_what_cannot_be_compiled_fails_the_build(
    application: Callable[..., Path], change: dict[str, str], message: str
) -> None:
    done = build(application(change))
    assert done.returncode != 0
    assert re.search(message.replace("?", r"\?"), done.stderr), done.stderr


def test_without_the_command_the_build_says_what_to_do(application: Callable[..., Path]) -> None:
    done = build(application(command="nosuch-command"))
    assert done.returncode != 0
    assert 'there is no nosuch-command: leave the option "command" out' in done.stderr


def test_names_of_files_depend_on_what_is_in_them(application: Callable[..., Path]) -> None:
    names = []
    for schema in (SCHEMA, SCHEMA, SCHEMA + "CREATE TABLE IF NOT EXISTS other(a);"):
        folder = application({"schema.sql": schema, "main.ts": MAIN})
        shutil.rmtree(folder / "dist", ignore_errors=True)
        assert build(folder).returncode == 0
        names.append(sorted(path.name for path in (folder / "dist").rglob("*") if path.suffix in (".programs", ".js")))
    assert names[0] == names[1]
    assert len(set(names[0]) & set(names[2])) == 1, "the worker's alone"


def test_the_tag_gives_the_text(js: Callable[..., Any]) -> None:
    assert js(r"return turso.sql`SELECT '\u0041', ?`") == "SELECT 'A', ?"
    failed = js("return await failure(() => turso.sql`SELECT ${1}`)")
    assert (failed["name"], failed["message"]) == ("TypeError", "sql takes no values: parameters are ? or :name")
