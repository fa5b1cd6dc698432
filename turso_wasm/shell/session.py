"""The shell's state, and how it runs a statement or a dot-command."""

from __future__ import annotations

import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any, Final, TextIO
from urllib.parse import quote

from turso_wasm.dbapi.connection import Connection
from turso_wasm.dbapi.cursor import Cursor
from turso_wasm.dbapi.errors import Error
from turso_wasm.runtime.hosts.base import address
from turso_wasm.shell import commands, parameters, plans
from turso_wasm.shell.formats import columns, lines
from turso_wasm.shell.formats.style import AUTO, COLUMNAR, Settings, Style
from turso_wasm.shell.formats.values import ENCODING_ERRORS, Value
from turso_wasm.shell.messages import CommandError, message_of, pointer
from turso_wasm.shell.output import NO_BAR, Bar, Output
from turso_wasm.sql.complete import split_statements

_RED = "\x1b[31m{}\x1b[0m\n"
_PLAN_PREFIX = "EXPLAIN QUERY PLAN "
_WRITING = ("dump", "recover")  # what shows by itself how far it is, unless it goes to a file
_JSONB = "SELECT CASE WHEN json_valid(?1, 8) THEN json(?1) END"


class Shell:
    """A connection and all that is set.

    exit_code: what to exit with, once `.exit` was said. was_interrupted: by Ctrl-C, while a script ran.
    progress: makes the bars that a terminal shows. intercept: what takes the next statement instead of it being run.
    command_text: the line of the dot-command that runs. parameters: by name, with the sign. trace: is told of every
    statement.
    """

    def __init__(self, path: str = ":memory:", *, readonly: bool = False, stdout: TextIO | None = None) -> None:
        self.settings = Settings()
        self.output = Output(stdout or sys.stdout)
        self.errors: TextIO = sys.stderr
        self.exit_code: int | None = None
        self.is_terminal = False
        self.was_interrupted = False
        self.log: TextIO | None = None
        self.progress: Callable[[str, int | None], AbstractContextManager[Bar]] | None = None
        self._stops = False  # since Ctrl-C
        self.intercept: Callable[[str], object] | None = None
        self.command_text = ""
        self.parameters: dict[str, Any] = {}
        self.trace: Callable[[str], object] | None = None
        self.path, self.readonly = path, readonly
        self.connection = connect(path, readonly=readonly)

    # --- databases --------------------------------------------------------------------------------------------------

    def open(self, path: str, *, readonly: bool = False) -> None:
        """Close the database and open another. Errors: OperationalError; the one that was open stays open."""
        opened = connect(path, readonly=readonly)
        opened.setlimit(0, self.connection.getlimit(0))
        self.connection.close()
        self.connection, self.path, self.readonly = opened, path, readonly
        self.parameters.clear()

    def query(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of one statement of the shell's own."""
        return self.connection.execute(sql, tuple(values)).fetchall()

    # --- running ----------------------------------------------------------------------------------------------------

    def run_sql(self, text: str, line: int | None) -> bool:
        """Run the statements of a text up to the first that fails; whether none did. line: of a script, where it is."""
        try:
            for start, end in _statements(text):
                self._run_statement(text[start:end], text[start:])
        except _Failed as failed:
            where = "" if line is None else f" near line {line}"
            self.tell_error(f"{failed.stage} error{where}: {message_of(failed.error)}\n{failed.pointer}")
            return False
        finally:
            self.settings.once = None
            self.output.end_of_statement()
            self.output.flush()
        return True

    def run_argument(self, text: str) -> int:
        """Run a text of the command line, SQL or a dot-command; the exit code."""
        if text.startswith("."):
            is_good = self.run_command(text, None)
            return self.exit_code if self.exit_code is not None else 0 if is_good else 1
        try:
            for start, end in _statements(text):
                self._run_statement(text[start:end], text[start:])
        except _Failed as failed:
            words = "in prepare" if failed.stage == "Parse" else "stepping"
            self.tell_error(f"Error: {words}, {message_of(failed.error)}\n{failed.pointer}")
            return failed.code if failed.stage != "Parse" else 1
        finally:
            self.output.flush()
        return 0

    def run_command(self, line: str, number: int | None) -> bool:
        """Run a dot-command; whether it could."""
        try:
            self.command_text = line
            with self._interruptible():
                commands.run(self, line)
        except CommandError as error:
            if str(error):
                self.tell_error(f"{error}\n")
            return False
        except BrokenPipeError:
            raise
        except (Error, OSError, UnicodeError, Warning, MemoryError) as error:
            where = "" if number is None else f" near line {number}"
            self.tell_error(f"Error{where}: {message_of(error)}\n")
            return False
        finally:
            if self.exit_code is None:
                self.output.flush()
        return True

    def tell_error(self, text: str) -> None:
        """Write about an error where errors go, and into the log of `.log`."""
        self.output.flush()
        colors = self.errors.isatty() and "NO_COLOR" not in os.environ
        self.errors.write(_RED.format(text.rstrip()) if colors else text)
        self.errors.flush()
        if self.log is not None and self.log is not self.errors:
            self.log.write(text)
            self.log.flush()

    def echo(self, text: str) -> None:
        """What was read, when `.echo` is on."""
        if self.settings.echo:
            self.output.line(text)

    def bar(self, label: str, total: int | None) -> AbstractContextManager[Bar]:
        """A progress bar for the block; without a terminal, one that nobody sees. total: None while not known."""
        return _bar(self, label, total)

    def check_interrupt(self) -> None:
        """Errors: CommandError after Ctrl-C: for long commands, between the statements they consist of."""
        if self._stops:
            raise CommandError("Error: interrupted")

    def show_statistics(self) -> None:
        """What `.stats` tells."""
        self._show_stats(os.times(), time.perf_counter())

    # --- one statement ----------------------------------------------------------------------------------------------

    def _run_statement(self, sql: str, shown: str) -> None:
        """Errors: _Failed."""
        settings = self.settings
        is_timed = settings.timer or settings.stats != "off"  # a script of many statements notices what os.times takes
        before, began = os.times() if is_timed else _NO_TIMES, time.perf_counter()
        try:
            with self._interruptible():
                if self.intercept is not None:
                    intercept, self.intercept = self.intercept, None
                    intercept(sql)
                    return
                if settings.eqp != "off" and sql[:7].upper() != "EXPLAIN":
                    self._show_plan(sql)
                with self._traced(), self._vacuum_bar(sql):
                    cursor = self.execute(sql)
                if cursor.description:
                    self.show(cursor)
        except (Error, Warning, MemoryError, OverflowError, UnicodeError) as error:
            raise _Failed(self._stage(sql), error, shown) from error
        if settings.stats != "off":
            self._show_stats(before, began)
        if settings.timer:
            now = os.times()
            self.output.line(
                f"Run Time: real {time.perf_counter() - began:.3f} user {now.user - before.user:.6f} "
                f"sys {now.system - before.system:.6f}"
            )
        if settings.changes:
            ((changes, total),) = self.query("SELECT changes(), total_changes()")
            self.output.line(f"changes: {changes}   total_changes: {total}")

    def _stage(self, sql: str) -> str:
        """Where a statement that failed did."""
        try:
            self.connection(sql)
        except (Error, Warning, MemoryError, UnicodeError):
            return "Parse"
        return "Runtime"

    def execute(self, sql: str) -> Cursor:
        """Run a statement with the parameters of `.parameter`."""
        values = parameters.values_for(sql, self.parameters)
        if not values:
            return self.connection.execute(sql)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # a list for `:name` is right here
            return self.connection.execute(sql, values)

    def show(self, cursor: Cursor) -> None:
        """Write a cursor's rows as the style says, plans as trees."""
        assert cursor.description is not None
        names = [column[0] for column in cursor.description]
        explain = self.settings.explain
        style = self.settings.once or self.settings.style
        if explain == AUTO and plans.is_plan(names):
            self._write_lines(plans.tree(cursor))
        elif explain == "on" or (explain == AUTO and plans.is_listing(names)):
            style = replace(
                style, mode="column", titles=True, null="", quote="off", wrap=0, alignments="l" * len(names)
            )
            self.write_rows(names, cursor, style)
        else:
            self.write_rows(names, cursor, style)

    def write_rows(self, names: Sequence[str], rows: Iterable[tuple[Value, ...]], style: Style) -> None:
        """Write rows in a style."""
        if style.text_jsonb:
            rows = self._without_jsonb(rows)
        if style.mode in COLUMNAR:
            self._write_lines(columns.table(names, list(rows), style))
            return
        write = self.output.write
        for text in lines.WRITERS[style.mode](names, rows, style):
            write(text)

    def _write_lines(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.output.line(text)

    def _without_jsonb(self, rows: Iterable[tuple[Value, ...]]) -> Iterator[tuple[Value, ...]]:
        for row in rows:
            if any(isinstance(value, bytes) for value in row):
                row = tuple([self._json_of(value) if isinstance(value, bytes) else value for value in row])
            yield row

    def _json_of(self, blob: bytes) -> str | bytes:
        text: str | None = self.query(_JSONB, (blob,))[0][0] if 0 < len(blob) <= 1_000_000 else None
        return blob if text is None else text

    def _show_plan(self, sql: str) -> None:
        try:
            cursor = self.execute(_PLAN_PREFIX + sql)
        except Error:
            return
        self._write_lines(plans.tree(cursor))
        if self.settings.eqp == "full" and sql.split(None, 1)[0].upper() in ("SELECT", "WITH", "VALUES"):
            self.show(self.execute("EXPLAIN " + sql))

    def _show_stats(self, before: os.times_result, began: float) -> None:
        for name, value in statistics(self, before, began):
            self.output.line(f"{name + ':':<36} {value}")

    def _vacuum_bar(self, sql: str) -> AbstractContextManager[object]:
        is_long = self.progress is not None and sql[:6].upper() == "VACUUM"
        return self.bar("VACUUM", None) if is_long else nullcontext()

    @contextmanager
    def _traced(self) -> Iterator[None]:
        """`.trace` is told of statements that the user runs, not of the shell's own."""
        if self.trace is not None:
            self.connection.set_trace_callback(self.trace)
        try:
            yield
        finally:
            self.connection.set_trace_callback(None)

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Ctrl-C stops the statement that runs, not the shell."""

        def stop(signum: int, frame: FrameType | None) -> None:
            self._stops = True
            self.was_interrupted = not self.is_terminal
            self.connection.interrupt()

        self._stops = False

        try:
            former = signal.signal(signal.SIGINT, stop)
        except ValueError:  # not the main thread
            yield
            return
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, former)


_NO_TIMES: Final = os.times_result((0.0, 0.0, 0.0, 0.0, 0.0))


def _statements(text: str) -> list[tuple[int, int]]:
    """Where the statements of a text are; when it is one, which is the rule, without reading it."""
    if text.find(";") == len(text) - 1 and text[:1].isalpha():
        return [(0, len(text))]
    return split_statements(text)


@contextmanager
def _bar(shell: Shell, label: str, total: int | None) -> Iterator[Bar]:
    is_shown = shell.progress is not None and (label not in _WRITING or shell.output.is_redirected)
    shown = shell.progress(label, total) if is_shown and shell.progress is not None else nullcontext(NO_BAR)
    with shown as bar:
        yield _Attentive(shell, bar)


class _Attentive(Bar):
    """A bar that ends a command when Ctrl-C was typed."""

    def __init__(self, shell: Shell, bar: Bar) -> None:
        self._shell, self._bar = shell, bar

    def update(self, done: int, total: int | None) -> None:
        self._shell.check_interrupt()
        self._bar.update(done, total)


class _Failed(Exception):
    """A statement failed. stage: "Parse" or "Runtime"."""

    def __init__(self, stage: str, error: BaseException, shown: str) -> None:
        super().__init__(stage)
        self.stage, self.error = stage, error
        self.pointer = pointer(shown, error) if isinstance(error, Error) else ""
        self.code = (getattr(error, "sqlite_errorcode", None) or 1) & 0xFF


def statistics(shell: Shell, before: os.times_result, began: float) -> list[tuple[str, str]]:
    """What `.stats` tells of the last statement and of the connection."""
    now = os.times()
    runtime = shell.connection._runtime
    used = address(runtime.host.function("memory_used")())
    ((pages, size, free),) = shell.query(
        "SELECT page_count, page_size, freelist_count FROM pragma_page_count, pragma_page_size, pragma_freelist_count"
    )
    return [
        ("Memory Used", f"{used:,} bytes"),
        ("Database Size", f"{pages:,} pages of {size} bytes, {free:,} free"),
        ("Rows Changed", f"{runtime.counters()[0]:,} (in all {runtime.counters()[1]:,})"),
        ("Time", f"{time.perf_counter() - began:.6f} s, user {now.user - before.user:.6f} s"),
    ]


def connect(path: str, *, readonly: bool = False) -> Connection:
    """Open a database in autocommit mode, its texts decoded whatever they hold. Errors: OperationalError."""
    location = path
    if readonly and path not in ("", ":memory:") and not path.startswith("file:"):
        location = f"file:{quote(str(Path(path).absolute()))}?mode=ro"
    connection = Connection(location, isolation_level=None, uri=location.startswith("file:"))
    connection.text_factory = lambda raw: raw.decode("utf-8", ENCODING_ERRORS)
    if readonly and location == path:
        connection.execute("PRAGMA query_only=1")
    return connection
