"""Commands that look into what is there: hashes, indexes that are missing, a chart."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from turso_wasm.shell.advice import advise
from turso_wasm.shell.chart import chart
from turso_wasm.shell.commands.registry import UsageError, command
from turso_wasm.shell.formats.values import Value, quoted_name
from turso_wasm.shell.messages import CommandError

if TYPE_CHECKING:
    from turso_wasm.shell.session import Shell

_HASHED: Final = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND coalesce(rootpage, 0) > 1"
    " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY lower(name) COLLATE NOCASE"
)
_SYSTEM: Final = {
    "sqlite_schema": "SELECT type,name,tbl_name,sql FROM sqlite_schema ORDER BY name;",
    "sqlite_sequence": "SELECT name,seq FROM sqlite_sequence ORDER BY name;",
    "sqlite_stat1": "SELECT tbl,idx,stat FROM sqlite_stat1 ORDER BY tbl,idx;",
    "sqlite_stat4": "SELECT tbl,idx,neq,nlt,ndlt,sample FROM sqlite_stat4 ORDER BY tbl, idx, rowid;",
}


@command(
    "sha3sum",
    "?OPTIONS? ?LIKE-PATTERN?",
    "Compute a SHA3 hash of database content\n--schema              Also hash the sqlite_schema table\n"
    "--sha3-224            Use the sha3-224 algorithm\n--sha3-256            Use the sha3-256 algorithm\n"
    "--sha3-384            Use the sha3-384 algorithm\n--sha3-512            Use the sha3-512 algorithm\n"
    "Any other argument is a LIKE pattern for tables to hash",
)
def _sha3sum(shell: Shell, arguments: list[str]) -> None:
    bits, schema, like = "224", False, None
    for word in arguments:
        option = word.lstrip("-")
        if not word.startswith("-"):
            if like is not None:
                raise UsageError
            like = word
        elif option == "schema":
            schema = True
        elif option in ("sha3-224", "sha3-256", "sha3-384", "sha3-512"):
            bits = option[5:]
        else:
            raise CommandError(f'Unknown option "{word}" on "sha3sum"')
    queries = _hash_queries(shell, like, schema=schema)
    if like is None:
        text = hashlib.new(f"sha3_{bits}")
        for sql in queries:
            _hash(text, sql, shell)
        rows: list[tuple[Value, ...]] = [(text.hexdigest(),)]
        names = ["hash"]
    else:
        rows, names = [], ["hash", "label"]
        for table, sql in zip(_hash_tables(shell, like, schema=schema), queries, strict=True):
            text = hashlib.new(f"sha3_{bits}")
            _hash(text, sql, shell)
            rows.append((text.hexdigest(), table))
    shell.write_rows(names, rows, shell.settings.style)


def _hash_tables(shell: Shell, like: str | None, *, schema: bool) -> list[str]:
    names = [row[0] for row in shell.query(_HASHED)]
    names += [
        row[0]
        for row in shell.query(
            "SELECT name FROM sqlite_schema WHERE name IN ('sqlite_sequence','sqlite_stat1','sqlite_stat4')"
        )
    ]
    names += ["sqlite_schema"] if schema else []
    if like is not None:
        names = [each for each in names if shell.query("SELECT ? LIKE ?", (each, like))[0][0]]
    return sorted(names, key=str.lower)


def _hash_queries(shell: Shell, like: str | None, *, schema: bool) -> list[str]:
    tables = _hash_tables(shell, like, schema=schema)
    return [_SYSTEM.get(each) or f"SELECT * FROM {quoted_name(each)} NOT INDEXED;" for each in tables]


def _hash(into: Any, sql: str, shell: Shell) -> None:
    """As the SQL function sha3_query of SQLite's shell does: each value with a letter for its type."""
    raw = sql.encode()
    into.update(b"S%d:%s" % (len(raw), raw))
    for row in shell.connection.execute(sql):
        into.update(b"R" + b"".join([_hashed(value) for value in row]))


def _hashed(value: Value) -> bytes:
    if value is None:
        return b"N"
    if isinstance(value, int):
        return b"I" + struct.pack(">q", value)
    if isinstance(value, float):
        return b"F" + struct.pack(">d", value)
    kind, raw = (b"T", value.encode("utf-8", "surrogateescape")) if isinstance(value, str) else (b"B", value)
    return kind + b"%d:%s" % (len(raw), raw)


# --- missing indexes -----------------------------------------------------------------------------------------------


@command(
    "lint",
    "OPTIONS",
    "Report potential schema issues.\n"
    "fkey-indexes     Find missing foreign key indexes\n-groupbyparent   by table that is referred to",
)
def _lint(shell: Shell, arguments: list[str]) -> None:
    what = arguments[0] if arguments else ""
    if not what or not "fkey-indexes".startswith(what):
        raise CommandError("Usage lint sub-command ?switches...?\nWhere sub-commands are:\n    fkey-indexes")
    options = {word.lstrip("-") for word in arguments[1:]}
    if options - {"verbose", "groupbyparent"}:
        raise CommandError("Usage: .lint fkey-indexes ?-verbose? ?-groupbyparent?")
    groups = "groupbyparent" in options
    parent_before = None
    for parent, line in sorted(_missing(shell), key=lambda each: each[0] if groups else ""):
        if groups and parent != parent_before:
            shell.output.line(f"-- Parent table {parent}")
            parent_before = parent
        shell.output.line(f"    {line}" if groups else line)


def _missing(shell: Shell) -> Iterable[tuple[str, str]]:
    """(parent, the CREATE INDEX that its children lack)."""
    tables = [row[0] for row in shell.query("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")]
    for table in tables:
        keys: dict[int, list[Sequence[Any]]] = {}
        for row in shell.query(f"PRAGMA foreign_key_list({quoted_name(table)})"):
            keys.setdefault(row[0], []).append(row)
        for rows in keys.values():
            parent, columns = rows[0][2], [row[3] for row in rows]
            if _is_indexed(shell, table, columns):
                continue
            to = [row[4] for row in rows]
            if None in to:
                info = shell.query(f"PRAGMA table_info({quoted_name(parent)})")
                to = [row[1] for row in sorted(info, key=lambda row: row[5]) if row[5]]
            index = f"{table}_{'_'.join(columns)}".replace("'", "''")
            of = table.replace("'", "''")
            listed = ", ".join([f"'{column}'" for column in columns])
            yield parent, f"CREATE INDEX '{index}' ON '{of}'({listed}); --> {parent}({','.join(map(str, to))})"


def _is_indexed(shell: Shell, table: str, columns: Sequence[str]) -> bool:
    wanted = {column.lower() for column in columns}
    info = shell.query(f"PRAGMA table_info({quoted_name(table)})")
    keys = [row for row in info if row[5]]
    if len(columns) == 1 and len(keys) == 1 and keys[0][1].lower() in wanted and keys[0][2].upper() == "INTEGER":
        return True
    for row in shell.query(f"PRAGMA index_list({quoted_name(table)})"):
        if row[4]:
            continue
        parts = [each[2] for each in shell.query(f"PRAGMA index_info({quoted_name(row[1])})")]
        if {str(part).lower() for part in parts[: len(columns)]} == wanted:
            return True
    return False


@command("expert", "", "Suggest indexes for the next query")
def _expert(shell: Shell, arguments: list[str]) -> None:
    if arguments:
        raise UsageError

    def advise_on(sql: str) -> None:
        for line in advise(shell, sql):
            shell.output.line(line)

    shell.intercept = advise_on


@command(
    "chart",
    "?bar|line? SELECT ...",
    "Draw a query: the first column names what the others measure\n"
    "bar    a bar a row (the default)\nline   a curve a column",
)
def _chart(shell: Shell, arguments: list[str]) -> None:
    kind = arguments[0] if arguments and arguments[0] in ("bar", "line") else None
    sql = shell.command_text.split(None, 2 if kind else 1)[-1] if len(arguments) > (kind is not None) else ""
    if not sql:
        raise UsageError
    cursor = shell.execute(sql.rstrip().rstrip(";"))
    names = [column[0] for column in cursor.description or ()]
    for line in chart(names, cursor.fetchall(), kind or "bar"):
        shell.output.line(line)
