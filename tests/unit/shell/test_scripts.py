"""The command itself, as scripts and pipes use it: its options, what it reads and writes, its exit codes."""

import io
import os
import signal
import subprocess
import sys
import time

import pytest

from turso_wasm.cli import main

TURSO = [sys.executable, "-m", "turso_wasm"]


@pytest.fixture
def turso(tmp_path, monkeypatch):
    """Runs the command in this process; (exit code, what it wrote, what it said of errors)."""

    def run(*arguments, stdin="", home=tmp_path / "nobody"):
        streams = {name: io.TextIOWrapper(io.BytesIO()) for name in ("stdout", "stderr")}
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setenv("HOME", str(home))
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
            for name, stream in streams.items():
                patch.setattr(sys, name, stream)
            try:
                code = main(list(arguments))
            except SystemExit as exit_:
                code = exit_.code or 0
        for stream in streams.values():
            stream.flush()
        return code, *[stream.buffer.getvalue().decode() for stream in streams.values()]

    return run


def test_sql_of_the_command_line_is_run_and_the_shell_ends(turso):
    assert turso("a.db", "CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 'x')", "SELECT * FROM t") == (0, "1|x\n", "")
    assert turso("a.db", ".tables") == (0, "t\n", "")
    assert turso(":memory:", ".exit 3") == (3, "", "")


def test_a_pipe_is_read_without_prompts_or_colours(turso):
    assert turso(stdin="SELECT 1;\n.mode box\nSELECT 2 AS a;\n") == (0, "1\n╭───╮\n│ a │\n╞═══╡\n│ 2 │\n╰───╯\n", "")
    assert turso(stdin="-- nothing\n\n;\n/* and\nnothing */\nSELECT 1 -- one\n;") == (0, "1\n", "")
    assert turso(stdin="SELECT 1\n/\nSELECT 2\ngo\n") == (0, "1\n2\n", "")
    assert turso(stdin=".quit\nSELECT 1;\n") == (0, "", "")


def test_errors_go_to_standard_error_and_into_the_exit_code(turso):
    code, written, said = turso(":memory:", "SELECT 1; SELECT nope; SELECT 2")
    assert (code, written) == (1, "1\n")
    assert said == "Error: in prepare, no such column: nope\n  SELECT nope; SELECT 2\n         ^--- error here\n"
    code, _, said = turso(":memory:", "CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES (1), (1)")
    assert (code, said) == (19, "Error: stepping, UNIQUE constraint failed: t.a (19)\n")
    assert turso(stdin="SELECT nope;\nSELECT 1;\n")[:2] == (1, "1\n")
    assert turso("-bail", stdin="SELECT nope;\nSELECT 1;\n")[:2] == (1, "")
    assert turso("/nonexistent/x.db", "SELECT 1")[0] == 1


def test_options_set_what_commands_set(turso):
    select = "SELECT 1 AS a, NULL AS b"
    assert turso("-csv", "-header", ":memory:", select)[1] == "a,b\r\n1,\r\n"
    assert turso("--json", ":memory:", select)[1] == '[{"a":1,"b":null}]\n'
    assert turso(":memory:", "-nullvalue", "nix", "-separator", "\\t", select)[1] == "1\tnix\n"
    assert turso("-newline", ";", ":memory:", select)[1] == "1|;"
    assert turso("-cmd", ".mode line", ":memory:", "SELECT 1 AS a")[1] == "    a = 1\n"
    assert turso("-echo", stdin="SELECT 1;\n")[1] == "SELECT 1;\n1\n"
    assert turso("-version")[1].startswith("turso_wasm ")
    assert "-readonly" in turso("-help")[1]


def test_an_unknown_option_is_refused(turso):
    said = "turso-wasm: Error: unknown option: -nonsense\nUse -help for a list of options.\n"
    assert turso("-nonsense") == (1, "", said)


def test_readonly_refuses_to_write(turso):
    turso("a.db", "CREATE TABLE t(a)")
    code, _, said = turso("-readonly", "a.db", "INSERT INTO t VALUES (1)")
    assert (code, said) == (8, "Error: stepping, attempt to write a readonly database (8)\n")
    assert turso("-readonly", "a.db", "SELECT count(*) FROM t") == (0, "0\n", "")


def test_a_start_up_file_is_read_unless_another_is_named(turso, tmp_path):
    (tmp_path / ".sqliterc").write_text(".mode line\n")
    (tmp_path / "other").write_text(".mode quote\n")
    select = (":memory:", "SELECT 'x' AS a")
    assert turso(*select, home=tmp_path)[1] == "    a = x\n"
    assert turso("-noinit", *select, home=tmp_path)[1] == "x\n"
    assert turso("-init", "other", *select, home=tmp_path)[1] == "'x'\n"
    assert turso("-csv", *select, home=tmp_path)[1] == "x\r\n"


def test_bytes_that_are_no_utf8_are_shown_as_they_are_and_refused_in_sql(tmp_path):
    script = b"SELECT CAST(x'fffe' AS TEXT), x'00ff';\nSELECT '\xff';\nSELECT 1;\n"
    done = subprocess.run([*TURSO, "-noinit"], input=script, capture_output=True, check=False)
    assert done.stdout == b"\xff\xfe|\0\xff\n1\n"
    assert done.stderr == b"Parse error near line 2: the text is not UTF-8\n"


@pytest.mark.parametrize("last", ["SELECT * FROM t;", ".dump"])
def test_a_reader_that_goes_away_is_no_error(tmp_path, last):
    (tmp_path / "script").write_text(f"CREATE TABLE t AS SELECT value FROM generate_series(1, 100000);\n{last}\n")
    command = f"{sys.executable} -m turso_wasm -noinit < script | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True, cwd=tmp_path)
    assert (done.stdout.count(b"\n"), done.stderr) == (1, b"")


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_stops_a_script(tmp_path):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*TURSO, "-noinit"], **pipes) as shell:
        shell.stdin.write(f"SELECT 'begun';\n{endless}\nSELECT 'on';\n".encode())
        shell.stdin.close()
        shell.stdin = None
        assert shell.stdout.readline() == b"begun\n"
        time.sleep(0.3)
        shell.send_signal(signal.SIGINT)
        written, said = shell.communicate(timeout=20)
        assert (written, said) == (b"", b"Runtime error near line 2: interrupted (9)\n")
        assert shell.returncode == 1


def test_the_mcp_server_says_what_it_needs(turso, monkeypatch):
    for name in list(sys.modules):
        if name.partition(".")[0] == "mcp" or name.startswith("turso_wasm.mcp"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mcp", None)
    said = "turso-wasm: -mcp needs the package mcp: pip install 'turso-wasm[mcp]'\n"
    assert turso(":memory:", "--mcp") == (1, "", said)
