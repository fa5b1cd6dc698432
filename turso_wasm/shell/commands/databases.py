"""Commands about whole databases: opening, copying, limits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from turso_wasm.dbapi.connection import Connection
from turso_wasm.dbapi.constants import LIMITS
from turso_wasm.dbapi.errors import Error
from turso_wasm.shell.commands.registry import UsageError, command, one_of
from turso_wasm.shell.dump import copy_statements
from turso_wasm.shell.formats.values import name, quoted_name, sql_literal
from turso_wasm.shell.messages import CommandError

if TYPE_CHECKING:
    from turso_wasm.shell.session import Shell

_PAGES_A_STEP: Final = 256


@command(
    "open",
    "?OPTIONS? ?FILE?",
    "Close existing database and reopen FILE\n"
    "--new         Initialize FILE to an empty database\n--readonly    Open FILE readonly",
)
def _open(shell: Shell, arguments: list[str]) -> None:
    options = {word.lstrip("-") for word in arguments if word.startswith("-")}
    files = [word for word in arguments if not word.startswith("-")]
    if options - {"new", "readonly"}:
        raise CommandError(f"unknown option: {next(word for word in arguments if word.startswith('-'))}")
    if len(files) > 1:
        raise CommandError(f'extra argument: "{files[1]}"')
    path = files[0] if files else ":memory:"
    if "new" in options and path not in ("", ":memory:"):
        shell.open(":memory:")
        for suffix in ("", "-wal", "-journal", "-shm"):
            Path(path + suffix).unlink(missing_ok=True)
    try:
        shell.open(path, readonly="readonly" in options)
    except Error as error:
        raise CommandError(f'Error: unable to open database "{path}": {error}') from None


@command("backup", "?DB? FILE", 'Backup DB (default "main") to FILE')
def _backup(shell: Shell, arguments: list[str]) -> None:
    _back_up(shell, arguments, "backup")


@command("save", "?DB? FILE", "Write database to FILE (an alias for .backup ...)")
def _save(shell: Shell, arguments: list[str]) -> None:
    _back_up(shell, arguments, "save")


def _back_up(shell: Shell, arguments: list[str], called: str) -> None:
    schema, file = _schema_and_file(arguments, called)
    with _other(file) as target:
        _copy(shell, shell.connection, target, schema, "backup")


@command("restore", "?DB? FILE", 'Restore content of DB (default "main") from FILE')
def _restore(shell: Shell, arguments: list[str]) -> None:
    schema, file = _schema_and_file(arguments, "restore")
    if schema.lower() != "main":
        raise CommandError("Error: only main can be restored")
    if not Path(file).is_file():
        raise CommandError(f'Error: cannot open "{file}"')
    with _other(file) as source:
        _copy(shell, source, shell.connection, "main", "restore")


def _schema_and_file(arguments: list[str], called: str) -> tuple[str, str]:
    if unknown := [word for word in arguments if word.startswith("-")]:
        raise CommandError(f"unknown option: {unknown[0]}")
    if not arguments:
        raise CommandError(f"missing FILENAME argument on .{called}")
    if len(arguments) > 2:
        raise UsageError
    return ("main", arguments[0]) if len(arguments) == 1 else (arguments[0], arguments[1])


class _other:
    """A second connection, for as long as the block lasts."""

    def __init__(self, file: str) -> None:
        self._file = file

    def __enter__(self) -> Connection:
        try:
            self._connection = Connection(self._file, isolation_level=None)
        except Error:
            raise CommandError(f'Error: cannot open "{self._file}"') from None
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _copy(shell: Shell, source: Connection, target: Connection, schema: str, label: str) -> None:
    with shell.bar(label, None) as bar:

        def on_step(status: int, left: int, total: int) -> None:
            bar.update(total - left, total)

        source.backup(target, pages=_PAGES_A_STEP if shell.progress else -1, progress=on_step, name=schema)


@command("clone", "NEWDB", "Clone data into NEWDB from the existing database")
def _clone(shell: Shell, arguments: list[str]) -> None:
    file = one_of(arguments)
    if Path(file).exists():
        raise CommandError(f'File "{file}" already exists.')
    with _other(file) as target:
        target.execute("PRAGMA writable_schema=ON")
        target.execute("BEGIN EXCLUSIVE")
        for told, sql in copy_statements(shell):
            try:
                target.execute(sql)
            except Error as error:
                shell.tell_error(f"Error: {error}\nSQL: [{sql}]\n")
            if told is not None:
                shell.output.line(f"{told}... done")
        target.execute("COMMIT")


_LIMIT_NAMES: Final = {key.removeprefix("SQLITE_LIMIT_").lower(): number for key, number in LIMITS.items()}


@command("limit", "?LIMIT? ?VAL?", "Display or change the value of an SQLITE_LIMIT")
def _limit(shell: Shell, arguments: list[str]) -> None:
    if len(arguments) > 2:
        raise UsageError
    if not arguments:
        for key, number in _LIMIT_NAMES.items():
            _tell_limit(shell, key, number)
        return
    found = [key for key in _LIMIT_NAMES if key.startswith(arguments[0].lower())]
    exact = arguments[0].lower()
    if exact in _LIMIT_NAMES:
        found = [exact]
    if len(found) != 1:
        kind = "ambiguous" if found else "unknown"
        raise CommandError(f'{kind} limit: "{arguments[0]}"\nenter ".limits" with no arguments for a list.')
    if len(arguments) > 1:
        if not arguments[1].lstrip("-").isdigit():
            raise UsageError
        shell.connection.setlimit(_LIMIT_NAMES[found[0]], int(arguments[1]))
    _tell_limit(shell, found[0], _LIMIT_NAMES[found[0]])


def _tell_limit(shell: Shell, key: str, number: int) -> None:
    shell.output.line(f"{key:>20} {shell.connection.getlimit(number)}")


_HEADER: Final = (
    ("database page size", 16, 2),
    ("write format", 18, 1),
    ("read format", 19, 1),
    ("reserved bytes", 20, 1),
    ("file change counter", 24, 4),
    ("database page count", 28, 4),
    ("freelist page count", 36, 4),
    ("schema cookie", 40, 4),
    ("schema format", 44, 4),
    ("default cache size", 48, 4),
    ("autovacuum top root", 52, 4),
    ("incremental vacuum", 64, 4),
    ("text encoding", 56, 4),
    ("user version", 60, 4),
    ("application id", 68, 4),
    ("software version", 96, 4),
)
_ENCODINGS: Final = {1: " (utf8)", 2: " (utf16le)", 3: " (utf16be)"}


@command("dbinfo", "?DB?", "Show status information about the database")
def _dbinfo(shell: Shell, arguments: list[str]) -> None:
    schema = arguments[0] if arguments else "main"
    rows: list[tuple[Any, ...]] = shell.query(f"SELECT data FROM sqlite_dbpage({sql_literal(schema)}) WHERE pgno = 1")
    if not rows:
        raise CommandError("unable to read database header")
    header = rows[0][0]
    for title, at, size in _HEADER:
        number = int.from_bytes(header[at : at + size], "big")
        if at == 16:
            number = 65536 if number == 1 else number
        more = _ENCODINGS.get(number, "") if title == "text encoding" else ""
        shell.output.line(f"{title + ':':<20} {number}{more}")
    of = f"{name(schema)}.sqlite_schema"
    for title, where in (
        ("number of tables:", "type='table'"),
        ("number of indexes:", "type='index'"),
        ("number of triggers:", "type='trigger'"),
        ("number of views:", "type='view'"),
    ):
        ((n,),) = shell.query(f"SELECT count(*) FROM {of} WHERE {where}")
        shell.output.line(f"{title:<20} {n}")
    ((size,),) = shell.query(f"SELECT total(length(sql)) FROM {of}")
    shell.output.line(f"{'schema size:':<20} {int(size)}")
    ((version,),) = shell.query(f"PRAGMA {quoted_name(schema)}.data_version")
    shell.output.line(f"{'data version':<20} {version}")
