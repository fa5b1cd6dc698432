"""`npx turso-wasm`, out of the package as `npm pack` makes it: the shell, `compile` and the playground by Node."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.browser.packed import ROOT, install, pack
from turso_wasm import cli

SLOW = 120  # seconds at most until Pyodide has started


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    package = install(pack(folder), folder)
    for name in ("koffi", "@koromix"):
        (folder / "node_modules" / name).symlink_to(ROOT / "node_modules" / name)
    return package / "dist" / "package" / "command.js"


def run(command: Path, *arguments: str, folder: Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": str(folder), "PATH": os.path.dirname(shutil.which("node") or "")}
    return subprocess.run(
        ["node", command, *arguments],
        cwd=folder,
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


def test_sql_of_the_command_line_runs_on_a_file_of_sqlites(command: Path, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "a.db") as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("CREATE TABLE t(a, b)")
        db.commit()
        db.execute("INSERT INTO t VALUES (1, 'x')")  # and is not committed
        done = run(command, "-csv", "-header", "a.db", "SELECT * FROM t", "DELETE FROM t", folder=tmp_path)
        assert (done.returncode, done.stderr) == (5, "Error: stepping, database is locked (5)\n")
        assert done.stdout == ""
    db.close()


def test_a_script_has_the_commands_of_the_shell(command: Path, tmp_path: Path) -> None:
    (tmp_path / "more.sql").write_text("INSERT INTO t VALUES (3);\n")
    script = """CREATE TABLE t(a);
.read more.sql
.mode box
.headers off
SELECT * FROM t;
SELECT b,
  a FROM t;
.schema
.tables
.open other.db
.dump
.quit
"""
    done = run(command, "made.db", folder=tmp_path, text=script)
    assert (
        done.stdout
        == "╭───╮\n│ 3 │\n╰───╯\nCREATE TABLE t(a);\nt\nPRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\nCOMMIT;\n"
    )
    assert (
        done.stderr == "Parse error near line 6: no such column: b\n  SELECT b,   a FROM t;\n         ^--- error here\n"
    )
    assert {path.name for path in tmp_path.glob("*.db")} == {"made.db", "other.db"}


def test_a_file_that_cannot_be_opened(command: Path, tmp_path: Path) -> None:
    missing = run(command, "no/such.db", "SELECT 1", folder=tmp_path)
    assert missing.returncode == 1
    assert missing.stderr.startswith('Error: unable to open database "no/such.db": unable to open database file')


def test_compile_writes_what_pythons_command_writes(command: Path, tmp_path: Path) -> None:
    (tmp_path / "schema.sql").write_text("CREATE TABLE IF NOT EXISTS t(a, b)")
    (tmp_path / "queries.sql").write_text("SELECT a FROM t WHERE b = ?")
    done = run(command, "compile", "schema.sql", "queries.sql", "-o", "ours.programs", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    cli.main(["compile", *(str(tmp_path / name) for name in ("schema.sql", "queries.sql")), "-o", str(tmp_path / "p")])
    assert (tmp_path / "ours.programs").read_bytes() == (tmp_path / "p").read_bytes()


def test_a_terminal_has_lines_history_completion_and_interrupts(command: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "TERM": "xterm", "NO_COLOR": "1"}
    shell = pexpect.spawn("node", [str(command)], cwd=str(tmp_path), env=environment, encoding="utf-8", timeout=SLOW)
    shell.expect("transient in-memory database")
    shell.expect("turso> ")
    shell.send("CREATE TABLE birds(n);\nINSERT INTO birds VALUES (41);\nSELECT n + 1\n")  # pasted at once
    shell.expect(r"\.\.\.> ")
    shell.send("FROM bir\t")
    shell.expect("birds")
    shell.send(";\n")
    shell.expect("│    42 │")
    shell.expect("turso> ")
    shell.sendline("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n;")
    shell.expect("FROM n;")
    shell.send("\x03")
    while shell.expect(["interrupted", pexpect.TIMEOUT], timeout=1):  # the statement may not have begun
        shell.send("\x03")
    shell.expect("turso> ")
    shell.send("what is not meant\x03")
    shell.expect("turso> ")
    shell.sendline(".quit")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 0
    assert "\n+INSERT INTO birds VALUES (41);\n" in (tmp_path / ".turso_wasm_history").read_text()


# --- the playground ---------------------------------------------------------------------------------------------


def test_serve_offers_the_playground(command: Path, context: Any) -> None:
    arguments = ["node", command, "serve", "--port", "0"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        root = re.findall(r"http://\S+", process.stdout.readline())[0]
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(root)
        page.locator(".cm-editor").wait_for()
        status = page.evaluate("(paths) => Promise.all(paths.map(async (path) => (await fetch(path)).status))", [
            f"{root}package.json", f"{root}..%2f..%2fpackage.json", f"{root}engine/turso/kernel.wasm",
        ])  # fmt: skip
        page.close()
        process.terminate()
    assert status == [404, 404, 200]


def test_serve_says_what_is_wrong(command: Path, tmp_path: Path) -> None:
    for arguments, message in [
        (["--port", "x"], "not a port: x"),
        (["missing.db"], "Unexpected argument 'missing.db'"),
        (["--nothing"], "Unknown option '--nothing'"),
    ]:
        done = run(command, "serve", *arguments, folder=tmp_path)
        assert done.returncode == 1
        assert done.stderr.startswith(f"turso-wasm: {message}")
