"""The shell at a terminal: a pseudo-terminal types, and a terminal's screen is looked at."""

import os
import sys
import time

import pytest

pexpect = pytest.importorskip("pexpect")
pyte = pytest.importorskip("pyte")

ROWS, COLUMNS = 40, 100
SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;\r"


class Terminal:
    """Types keys and shows the screen."""

    def __init__(self, home, *arguments):
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        environment = {**os.environ, "HOME": str(home), "TERM": "xterm-256color", "PYTHONPATH": os.getcwd()}
        environment.pop("NO_COLOR", None)
        command = ["-m", "turso_wasm", *arguments]
        self.child = pexpect.spawn(
            sys.executable, command, dimensions=(ROWS, COLUMNS), env=environment, cwd=str(home), encoding=None
        )
        self.written = b""

    @property
    def text(self):
        return "\n".join([line.rstrip() for line in self._screen.display]).strip()

    def wait_for(self, text, seconds=10.0):
        """Read until the screen shows the text."""
        end = time.monotonic() + seconds
        while text not in self.text:
            assert time.monotonic() < end, f"no {text!r} on the screen:\n{self.text}"
            self._read()
        return self.text

    def type(self, keys, until):
        self.child.send(keys)
        return self.wait_for(until)

    def _read(self):
        try:
            data = self.child.read_nonblocking(65536, timeout=0.05)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return
        self.written += data
        if b"\x1b[6n" in data:  # where is the cursor?
            self.child.send(f"\x1b[{self._screen.cursor.y + 1};{self._screen.cursor.x + 1}R")
        self._stream.feed(data)

    def close(self):
        self.child.close(force=True)


@pytest.fixture
def terminal(tmp_path):
    opened = []

    def start(*arguments):
        opened.append(Terminal(tmp_path, *arguments))
        opened[-1].wait_for("turso>")
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def test_a_statement_is_typed_over_lines_and_its_rows_stand_in_a_box(terminal):
    screen = terminal().type("SELECT 1 AS one,\r NULL AS none, 'x' AS text;\r", "╰")
    assert "  ...>  NULL AS none" in screen
    assert (
        """\
╭─────┬──────┬──────╮
│ one │ none │ text │
╞═════╪══════╪══════╡
│   1 │ NULL │ x    │
╰─────┴──────┴──────╯"""
        in screen
    )


def test_tab_completes_commands_tables_columns_functions_and_pragmas(terminal):
    shell = terminal()
    shell.type("CREATE TABLE person(id INTEGER PRIMARY KEY, birthday TEXT);\r", "turso> CREATE")
    shell.type(".tab\t\r", "person\n")
    assert "turso> .tables" in shell.text
    shell.type("SELECT birth\t", "SELECT birthday")
    shell.type(" FROM per\t", "birthday FROM person")
    shell.type(";\r", "╰")
    shell.type("SELECT group_con\t", "group_concat(")
    shell.child.send("\x03")
    shell.type("PRAGMA integrity_c\t", "PRAGMA integrity_check")
    shell.type(";\r", "ok")


def test_several_completions_are_shown_with_what_they_are(terminal):
    shell = terminal()
    shell.type("CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, nation TEXT);\r", "turso> CREATE")
    shell.type("SELECT na\t", "column of person")
    assert "nation" in shell.text and "natural" in shell.text


def test_history_is_kept_between_sessions(terminal, tmp_path):
    first = terminal()
    first.type("SELECT 'remembered';\r", "╰")
    first.child.send("\x04")
    first.child.expect(pexpect.EOF)
    second = terminal()
    assert "SELECT 'remembered';" in second.type("\x1b[A", "SELECT 'remembered';")
    assert oct((tmp_path / ".turso_wasm_history").stat().st_mode)[-3:] == "600"


def test_sql_is_highlighted(terminal):
    shell = terminal()
    shell.type("SELECT 'text', 12;\r", "╰")
    assert b"\x1b[0;38;5;" in shell.written


def test_ctrl_c_stops_the_statement_and_not_the_shell(terminal):
    shell = terminal()
    shell.type(SLOW, "FROM n;")
    time.sleep(0.3)
    shell.type("\x03", "Runtime error: interrupted (9)")
    shell.type("SELECT 40 + 2 AS answer;\r", "│     42 │")


def test_ctrl_c_drops_what_is_being_typed_and_ctrl_d_ends(terminal):
    shell = terminal()
    shell.type("SELECT nonsense", "nonsense")
    shell.child.send("\x03")
    shell.type("SELECT 'still here' AS a;\r", "│ still here │")
    assert "Parse error" not in shell.text
    shell.child.send("\x04")
    shell.child.expect(pexpect.EOF)
    shell.child.close()
    assert shell.child.exitstatus == 0


def test_errors_point_into_what_was_typed(terminal):
    screen = terminal().type("SELECT 1,\rnosuch;\r", "error here")
    assert "Parse error: no such column: nosuch\n  SELECT 1, nosuch;\n            ^--- error here" in screen


def test_an_import_shows_a_bar(terminal, tmp_path):
    (tmp_path / "many.csv").write_text("".join([f"{n},{'x' * 50}\n" for n in range(60_000)]))
    shell = terminal()
    shell.type("CREATE TABLE t(a, b);\r", "turso> CREATE")
    shell.type(".import --csv many.csv t\r", "import ━")
    shell.type("SELECT count(*) AS n FROM t;\r", "│ 60000 │")


def test_without_its_packages_lines_are_read_plainly(terminal, tmp_path):
    for name in ("prompt_toolkit", "rich"):
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError('not here', name='{name}')\n")
    shell = terminal()  # the working directory is looked into first
    assert "pip install 'turso-wasm[shell]'" in shell.text
    shell.type("SELECT 1 AS one,\r", "  ...>")
    shell.type("2 AS two;\r", "│   1 │   2 │")
