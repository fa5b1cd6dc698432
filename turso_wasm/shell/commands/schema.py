"""Commands that show the schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from turso_wasm.shell.commands.display import screen_width
from turso_wasm.shell.commands.registry import UsageError, command
from turso_wasm.shell.formats.columns import width
from turso_wasm.shell.formats.values import name, sql_literal
from turso_wasm.shell.indent import indented
from turso_wasm.shell.messages import CommandError

if TYPE_CHECKING:
    from turso_wasm.shell.session import Shell

_SHADOWS: Final = "SELECT schema, name FROM pragma_table_list WHERE type = 'shadow'"
_STRING_NAME: Final = re.compile(r"^CREATE TABLE (['\"])")


def schemas_of(shell: Shell) -> list[str]:
    """The names of the databases."""
    return [row[1] for row in shell.query("PRAGMA database_list")]


@command("tables", "?TABLE?", "List names of tables matching LIKE pattern TABLE")
def _tables(shell: Shell, arguments: list[str]) -> None:
    _list_objects(shell, arguments, "type IN ('table','view') AND name NOT LIKE 'sqlite_%'", "name")


@command(
    "indexes", "?TABLE?", "Show names of indexes\nTABLE: of tables that match this LIKE pattern", aliases=("indices",)
)
def _indexes(shell: Shell, arguments: list[str]) -> None:
    _list_objects(shell, arguments, "type = 'index'", "tbl_name")


def _list_objects(shell: Shell, arguments: list[str], which: str, filtered: str) -> None:
    if len(arguments) > 1:
        raise UsageError
    selects = []
    for schema in schemas_of(shell):
        prefix = "" if schema == "main" else f"{sql_literal(schema + '.')}||"
        select = f"SELECT {prefix}name AS name, {filtered} AS filtered FROM {name(schema)}.sqlite_schema WHERE {which}"
        selects.append(select)
    sql = f"SELECT name FROM ({' UNION ALL '.join(selects)}) WHERE filtered LIKE ? ORDER BY name"
    names = [row[0] for row in shell.query(sql, (arguments[0] if arguments else "%",))]
    for line in in_columns(names, 80 if not shell.is_terminal else screen_width()):
        shell.output.line(line)


def in_columns(names: list[str], screen: int) -> list[str]:
    """Names in as many columns as fit, read downwards."""
    if not names:
        return []
    wide = max(map(width, names))
    n_columns = max((screen + 0) // (wide + 2), 1)
    n_rows = -(-len(names) // n_columns)
    lines = []
    for row in range(n_rows):
        line = [names[at] + " " * (wide - width(names[at])) for at in range(row, len(names), n_rows)]
        lines.append("  ".join(line))
    return lines


@command(
    "schema",
    "?PATTERN?",
    "Show the CREATE statements matching PATTERN\n--indent     Try to pretty-print the schema\n"
    '--nosys      Omit objects whose names start with "sqlite_"',
)
def _schema(shell: Shell, arguments: list[str]) -> None:
    options = {word.lstrip("-") for word in arguments if word.startswith("-")}
    patterns = [word for word in arguments if not word.startswith("-")]
    if options - {"indent", "nosys"} or len(patterns) > 1:
        raise UsageError
    pattern = patterns[0] if patterns else None
    if pattern is not None and pattern.lower() in ("sqlite_schema", "sqlite_master", "sqlite_temp_schema"):
        table = pattern.lower()
        columns = "type text,\n  name text,\n  tbl_name text,\n  rootpage integer,\n  sql text"
        shell.output.line(f"CREATE TABLE {table} (\n  {columns}\n);")
        return
    show_schema(shell, pattern, indent="indent" in options, nosys="nosys" in options)


def show_schema(shell: Shell, pattern: str | None, *, indent: bool = False, nosys: bool = False) -> None:
    """Write the statements that made the schema."""
    for schema in schemas_of(shell):
        where, like = "sql IS NOT NULL", pattern
        if pattern is not None and "." in pattern:
            of, _, like = pattern.partition(".")
            if of.lower() != schema.lower():
                continue
        if like is not None:
            where += f" AND lower({_NAME}) {'GLOB' if set(like) & set('*?[') else 'LIKE'} ?1"
        if nosys:
            where += " AND name NOT LIKE 'sqlite__%' ESCAPE '_'"
        values = () if like is None else (like.lower(),)
        rows = shell.query(
            f"SELECT type, name, sql FROM {name(schema)}.sqlite_schema WHERE {where} ORDER BY rowid", values
        )
        for kind, object_, sql in rows:
            shell.output.line(_statement(shell, schema, kind, object_, sql, indent=indent) + ";")


_NAME: Final = "tbl_name"


def _statement(shell: Shell, schema: str, kind: str, object_: str, sql: str, *, indent: bool) -> str:
    prefix = "" if schema == "main" else "temp." if schema == "temp" else f"{name(schema)}."
    if prefix:
        sql = re.sub(r"(?i)^(CREATE\s+(?:\w+\s+)*?(?:TABLE|VIEW|TRIGGER|INDEX)\s+)", rf"\g<1>{prefix}", sql, count=1)
    if kind == "table":
        sql = _STRING_NAME.sub(r"CREATE TABLE IF NOT EXISTS \1", sql)
    if indent:
        sql = indented(sql)
    if kind == "view" or sql[:20].upper().startswith("CREATE VIRTUAL"):
        try:
            columns = [row[1] for row in shell.query(f"PRAGMA {name(schema)}.table_info({name(object_)})")]
            sql += f"\n/* {prefix}{name(object_)}({','.join(map(name, columns))}) */"
        except Exception as error:  # a view of what is gone
            raise CommandError(f"Error: {error}") from error
    return sql


@command("databases", "", "List names and files of attached databases")
def _databases(shell: Shell, arguments: list[str]) -> None:
    for _, schema, file in shell.query("PRAGMA database_list"):
        readonly = shell.readonly and schema == "main"
        in_transaction = " r/w" if not readonly else " r/o"
        shell.output.line(f"{schema}: {file or chr(34) * 2}{in_transaction}")


@command("fullschema", "?--indent?", "Show schema and the content of sqlite_stat tables")
def _fullschema(shell: Shell, arguments: list[str]) -> None:
    show_schema(shell, None, indent="--indent" in arguments, nosys=True)
    found = shell.query("SELECT name FROM sqlite_schema WHERE name GLOB 'sqlite_stat[134]' ORDER BY name")
    if not found:
        shell.output.line("/* No STAT tables available */")
        return
    shell.output.line("ANALYZE sqlite_schema;")
    for (table,) in found:
        for row in shell.query(f"SELECT * FROM {table}"):
            shell.output.line(f"INSERT INTO {table} VALUES({','.join([sql_literal(value) for value in row])});")
    shell.output.line("ANALYZE sqlite_schema;")
