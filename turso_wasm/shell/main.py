"""The command line of the shell, in the words of SQLite's: `turso-wasm -csv -header FILE "SELECT …"`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, TextIO

from turso_wasm import __version__
from turso_wasm.dbapi import sqlite_version
from turso_wasm.dbapi.errors import Error
from turso_wasm.shell.commands.registry import unescaped
from turso_wasm.shell.formats.style import MODES
from turso_wasm.shell.formats.values import ENCODING_ERRORS
from turso_wasm.shell.session import Shell
from turso_wasm.shell.source import Source

_MODE_OPTIONS = sorted(set(MODES) - {"c", "count", "off", "split"})
_RC_FILE = Path("~/.sqliterc")


class _Parser(argparse.ArgumentParser):
    """Complains as SQLite's shell does."""

    def error(self, message: str) -> NoReturn:
        message = message.replace("unrecognized arguments:", "unknown option:")
        print(f"{self.prog}: Error: {message}\nUse -help for a list of options.", file=sys.stderr)
        raise SystemExit(1)


def make_parser() -> argparse.ArgumentParser:
    """What reads the options."""
    parser = _Parser(
        prog="turso-wasm",
        usage="%(prog)s [OPTIONS] [FILENAME [SQL...]]",
        description="A shell for SQLite databases. FILENAME is made when there is none; without it the database is in "
        "memory. Every SQL is run, then the shell ends; without SQL it reads standard input.",
        epilog="`turso-wasm compile` compiles an application's statements (docs/start-up.md).",
        allow_abbrev=False,
        add_help=False,
    )
    parser.add_argument("filename", nargs="?", default=":memory:", metavar="FILENAME", help=argparse.SUPPRESS)
    parser.add_argument("sql", nargs="*", metavar="SQL", help=argparse.SUPPRESS)

    def flag(name: str, about: str, **more: Any) -> None:
        parser.add_argument(f"-{name}", f"--{name}", help=about, **{"action": "store_true", **more})

    def value(name: str, metavar: str, about: str, **more: Any) -> None:
        parser.add_argument(f"-{name}", f"--{name}", help=about, metavar=metavar, **more)

    flag("bail", "stop after hitting an error")
    flag("batch", "force batch I/O")
    for mode in _MODE_OPTIONS:
        flag(mode, f"set output mode to '{mode}'", action="store_const", const=mode, dest="mode")
    value("cmd", "COMMAND", 'run "COMMAND" before reading stdin', action="append", default=[])
    flag("echo", "print inputs before execution")
    flag("header", "turn headers on", dest="titles", default=None)
    flag("noheader", "turn headers off", dest="titles", action="store_false")
    flag("help", "show this message", action="help")
    value("init", "FILENAME", "read/process named file, not ~/.sqliterc")
    flag("interactive", "force interactive I/O")
    flag("noinit", "do not read ~/.sqliterc")
    value("newline", "SEP", r"set output row separator. Default: '\n'")
    value("nullvalue", "TEXT", "set text string for NULL values. Default ''")
    flag("readonly", "open the database read-only")
    value("separator", "SEP", "set output column separator. Default: '|'")
    flag("stats", "print stats after each statement")
    flag("version", "show versions", action="version", version=f"turso_wasm {__version__} (SQLite {sqlite_version})")
    flag("mcp", "serve the database to assistants by the Model Context Protocol, on standard input and output")
    value("http", "[HOST:]PORT", "with -mcp: serve streamable HTTP there, not standard input and output")
    value("max-rows", "N", "with -mcp: rows a query may give. Default: 1000", type=int, default=1000)
    value("time-limit", "SECONDS", "with -mcp: how long a statement may take. Default: 30", type=float, default=30.0)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the shell; its exit code."""
    options = make_parser().parse_intermixed_args(arguments)
    if options.mcp:
        return _serve(options)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors=ENCODING_ERRORS, newline="")
    try:
        shell = Shell(options.filename, readonly=options.readonly)
    except (Error, OSError) as error:
        print(f'Error: unable to open database "{options.filename}": {error}', file=sys.stderr)
        return 1
    try:
        code = _run(shell, options)
        shell.output.redirect(None)
        sys.stdout.flush()
    except KeyboardInterrupt:  # while it waited for input
        return 130
    except BrokenPipeError:  # whoever read is gone; nothing can be told
        sys.stdout = None
        return 1
    finally:
        shell.connection.close()
    return code


def _run(shell: Shell, options: argparse.Namespace) -> int:
    is_terminal = options.interactive or (not options.batch and sys.stdin.isatty() and sys.stdout.isatty())
    shell.is_terminal = is_terminal and not options.sql
    if shell.is_terminal:
        import_module("turso_wasm.shell.terminal").prepare(shell)
    _apply(shell, options)
    _read_startup_file(shell, options)
    _apply(shell, options)
    for text in [*options.cmd, *options.sql]:
        code = shell.run_argument(text)
        if shell.exit_code is not None:
            return shell.exit_code
        if code and (text in options.sql or options.bail):
            return code
    if options.sql:
        return 0
    if shell.is_terminal:
        import_module("turso_wasm.shell.terminal").converse(shell)
        return shell.exit_code or 0
    failed = Source(shell).run(_standard_input())
    return shell.exit_code if shell.exit_code is not None else int(failed > 0)


def _standard_input() -> Iterable[str]:
    stream: TextIO = sys.stdin
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", errors=ENCODING_ERRORS)
    return stream


def _apply(shell: Shell, options: argparse.Namespace) -> None:
    """Set what the options say; said again after the start-up file, which they go before."""
    settings = shell.settings
    style = settings.style if options.mode is None else MODES[options.mode]
    changes: dict[str, Any] = {
        "titles": options.titles,
        "null": options.nullvalue,
        "column_separator": None if options.separator is None else unescaped(options.separator),
        "row_separator": None if options.newline is None else unescaped(options.newline),
    }
    settings.style = replace(style, **{name: each for name, each in changes.items() if each is not None})
    settings.bail = settings.bail or options.bail
    settings.echo = settings.echo or options.echo
    settings.stats = "on" if options.stats else settings.stats


def _read_startup_file(shell: Shell, options: argparse.Namespace) -> None:
    path = Path(options.init) if options.init else _RC_FILE.expanduser()
    if (options.noinit and not options.init) or not path.is_file():
        if options.init:
            print(f'cannot open: "{path}"', file=sys.stderr)
        return
    if shell.is_terminal:
        print(f"-- Loading resources from {path}", file=sys.stderr)
    with path.open(encoding="utf-8", errors=ENCODING_ERRORS) as file:
        Source(shell).run(file)


def _serve(options: argparse.Namespace) -> int:
    """The MCP server, if what it needs is there."""
    try:
        server = import_module("turso_wasm.mcp.server")
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if error.name == "turso_wasm.mcp":
            missing = "turso_wasm of Python"  # the one of npm has no server
        elif missing == "turso_wasm":
            raise
        print(f"turso-wasm: -mcp needs the package {missing}: pip install 'turso-wasm[mcp]'", file=sys.stderr)
        return 1
    code: int = server.serve(
        options.filename,
        readonly=options.readonly,
        address=options.http,
        max_rows=options.max_rows,
        time_limit=options.time_limit,
    )
    return code
