"""Commands about the shell itself."""

from __future__ import annotations

import os
import re
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from turso_wasm.dbapi.errors import Error
from turso_wasm.shell.commands.registry import COMMANDS, UsageError, command, find, one_of, switch
from turso_wasm.shell.formats.values import sql_literal
from turso_wasm.shell.messages import CommandError
from turso_wasm.shell.source import Source

if TYPE_CHECKING:
    from turso_wasm.shell.session import Shell


@command("bail", "on|off", "Stop after hitting an error.  Default OFF")
def _bail(shell: Shell, arguments: list[str]) -> None:
    shell.settings.bail = switch(one_of(arguments))


@command("cd", "DIRECTORY", "Change the working directory to DIRECTORY")
def _cd(shell: Shell, arguments: list[str]) -> None:
    directory = one_of(arguments)
    try:
        os.chdir(directory)
    except OSError:
        raise CommandError(f'Cannot change to directory "{directory}"') from None


@command("echo", "on|off", "Turn command echo on or off")
def _echo(shell: Shell, arguments: list[str]) -> None:
    shell.settings.echo = switch(one_of(arguments))


@command("exit", "?CODE?", "Exit this program with return-code CODE")
def _exit(shell: Shell, arguments: list[str]) -> None:
    shell.exit_code = int(arguments[0]) & 0xFF if arguments and arguments[0].lstrip("-").isdigit() else 0


@command("quit", "", "Stop interpreting input stream, exit if primary.")
def _quit(shell: Shell, arguments: list[str]) -> None:
    shell.exit_code = 0


@command("help", "?-all? ?PATTERN?", "Show help text for PATTERN")
def _help(shell: Shell, arguments: list[str]) -> None:
    is_all = bool(arguments) and arguments[0] in ("-a", "-all", "--all")
    pattern = None if is_all or not arguments else arguments[0].lstrip(".").lower()
    exact = find(pattern) if pattern else None
    if exact is not None:
        chosen = [exact]
    else:
        chosen = [each for each in COMMANDS.values() if pattern is None or _matches(each.name, each.about, pattern)]
    if not chosen:
        raise CommandError(f"Nothing matches '{arguments[0]}'")
    for each in sorted(chosen, key=lambda each: each.name):
        first, *more = each.about.split("\n")
        shell.output.line(f"{each.synopsis:<24} {first}".rstrip())
        for line in more if is_all or exact is not None else ():
            shell.output.line(f"     {line}")


def _matches(name: str, about: str, pattern: str) -> bool:
    return fnmatchcase(name, f"{pattern}*") or pattern in about.lower()


@command("log", "FILE|on|off", "Turn logging of errors on or off.  FILE can be stderr/stdout")
def _log(shell: Shell, arguments: list[str]) -> None:
    name = one_of(arguments)
    if shell.log not in (None, sys.stderr, sys.stdout):
        assert shell.log is not None
        shell.log.close()
    named = {"off": None, "on": sys.stderr, "stderr": sys.stderr, "stdout": sys.stdout}
    shell.log = named[name] if name in named else open(name, "w", encoding="utf-8")  # noqa: SIM115


@command("print", "STRING...", "Print literal STRING")
def _print(shell: Shell, arguments: list[str]) -> None:
    shell.output.line(" ".join(arguments))


@command("prompt", "MAIN CONTINUE", "Replace the standard prompts")
def _prompt(shell: Shell, arguments: list[str]) -> None:
    for at, word in enumerate(arguments[:2]):
        shell.settings.prompts[at] = word


@command("read", "FILE", "Read input from FILE")
def _read(shell: Shell, arguments: list[str]) -> None:
    name = one_of(arguments)
    try:
        with open(name, encoding="utf-8", errors="surrogateescape") as file:
            failed = Source(shell).run(file)
    except OSError:
        raise CommandError(f'Error: cannot open "{name}"') from None
    if shell.exit_code == 0:
        shell.exit_code = None  # `.quit` in a file ends the file
    if failed:
        raise CommandError("")


@command("timeout", "MS", "Try opening locked tables for MS milliseconds")
def _timeout(shell: Shell, arguments: list[str]) -> None:
    milliseconds = int(arguments[0]) if arguments and arguments[0].lstrip("-").isdigit() else 0
    shell.connection.execute(f"PRAGMA busy_timeout={milliseconds}")


@command("trace", "FILE|off", "Output each SQL statement as it is run\nFILE can be stdout, stderr")
def _trace(shell: Shell, arguments: list[str]) -> None:
    name = one_of([each for each in arguments if not each.startswith("-")])
    if name == "off":
        shell.trace = None
        return
    if name == "stdout":
        shell.trace = lambda sql: shell.output.line(f"{sql.rstrip(';')};")
        return
    file = sys.stderr if name == "stderr" else open(name, "a", encoding="utf-8", buffering=1)  # noqa: SIM115
    shell.trace = lambda sql: print(f"{sql.rstrip(';')};", file=file)


@command(
    "parameter",
    "CMD ...",
    "Manage SQL parameter bindings\n"
    "clear           Erase all bindings\n"
    "list            List the current parameter bindings\n"
    "set NAME VALUE  Given SQL parameter NAME a value of VALUE\n"
    "                NAME should start with one of: $ : @ ?\n"
    "unset NAME      Remove NAME from the binding table",
)
def _parameter(shell: Shell, arguments: list[str]) -> None:
    actions = {"clear": (1, _clear), "list": (1, _list), "set": (3, _set), "unset": (2, _unset)}
    n, action = actions.get(arguments[0] if arguments else "", (0, _clear))
    if arguments == ["init"]:  # made a table once; there is nothing to do
        return
    if len(arguments) != n or not n:
        raise UsageError
    action(shell, arguments[1:])


def _clear(shell: Shell, arguments: list[str]) -> None:
    shell.parameters.clear()


def _list(shell: Shell, arguments: list[str]) -> None:
    widest = max(map(len, shell.parameters), default=0)
    for key, value in sorted(shell.parameters.items()):
        shell.output.line(f"{key:<{widest}} {sql_literal(value)}")


def _set(shell: Shell, arguments: list[str]) -> None:
    """The value is an SQL expression, or else a text."""
    key, value = arguments
    if not re.match(r"[$:@?]", key):
        raise UsageError
    try:
        ((shell.parameters[key],),) = shell.query(f"SELECT {value}")
    except (Error, ValueError):
        shell.parameters[key] = value


def _unset(shell: Shell, arguments: list[str]) -> None:
    shell.parameters.pop(arguments[0], None)


@command("timer", "on|off", "Turn SQL timer on or off.")
def _timer(shell: Shell, arguments: list[str]) -> None:
    shell.settings.timer = switch(one_of(arguments))


@command("changes", "on|off", "Show number of rows changed by SQL")
def _changes(shell: Shell, arguments: list[str]) -> None:
    shell.settings.changes = switch(one_of(arguments))
