"""csv: comma-separated values, in a text or a file, as rows of texts.

    CREATE VIRTUAL TABLE temp.t USING csv(filename='a.csv', schema='CREATE TABLE x(a, b)', header=yes)
    CREATE VIRTUAL TABLE temp.t USING csv(data='a,b
    1,2', header)

Source: https://sqlite.org/csv.html
"""

from __future__ import annotations

import csv
import io
from typing import Final

from turso_wasm.base.errors import SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.catalog.modules.module import Declared, Module, Using, column, refuse
from turso_wasm.catalog.objects import Column
from turso_wasm.sql import ast
from turso_wasm.sql.lexer import dequote
from turso_wasm.sql.parser import parse_one

PARAMETERS: Final = ("filename", "data", "schema", "header", "columns")
TRUE, FALSE = ("yes", "on", "true", "1", ""), ("no", "off", "false", "0")
MOST_COLUMNS: Final = 2000


@dataclass(frozen=True, slots=True)
class CsvOptions:
    """source: the text, or the name of the file. has_header: the first row is no row."""

    source: str
    is_file: bool
    has_header: bool


def _declare(using: Using) -> Declared:
    """Errors: arguments that are unknown, given twice, or make no sense together; "not supported yet"."""
    given = _parameters(using.arguments)
    if ("filename" in given) == ("data" in given):
        raise refuse("must specify either filename= or data= but not both")
    is_file = "filename" in given
    header = given.get("header", "no").lower()
    if header not in TRUE + FALSE:
        raise refuse(f"bad value of header: {given['header']}")
    options = CsvOptions(given["filename" if is_file else "data"], is_file, header in TRUE)
    return Declared(columns=_columns(given, options), options=options, is_loose=True)


def _parameters(arguments: tuple[str, ...]) -> dict[str, str]:
    given: dict[str, str] = {}
    for argument in arguments:
        name, _, value = argument.partition("=")
        name = name.strip().lower()
        if name not in PARAMETERS:
            raise refuse(f"bad parameter: '{argument}'")
        if name in given:
            raise refuse(f"more than one '{name}' parameter")
        given[name] = dequote(value.strip())
    return given


def _columns(given: dict[str, str], options: CsvOptions) -> tuple[Column, ...]:
    if "schema" in given:
        return _schema_columns(given["schema"])
    first: list[str] = []
    if not options.is_file:
        first = next(csv.reader(io.StringIO(options.source.removeprefix("\ufeff"), newline="")), [])
    elif options.has_header or "columns" not in given:
        raise refuse("not supported yet: csv(filename=…) without schema, or columns and no header")
    n = len(first) or 1
    if "columns" in given:
        if not given["columns"].isdecimal() or not 0 < int(given["columns"]) <= MOST_COLUMNS:
            raise refuse(f"bad value of columns: {given['columns']}")
        n = int(given["columns"])
    names = first[:n] if options.has_header else []
    names += [f"c{at}" for at in range(len(names), n)]
    return tuple(column(name, "TEXT") for name in names)


def _schema_columns(text: str) -> tuple[Column, ...]:
    try:
        node, _ = parse_one(text)
    except SqlError as error:
        raise refuse(f"bad schema: '{text}' - {error.message}") from None
    if not isinstance(node, ast.CreateTable) or node.select is not None:
        raise refuse(f"bad schema: '{text}' - not an error")
    return tuple(column(definition.name, definition.type_name) for definition in node.columns)


CSV: Final = Module(name="csv", declare=_declare, is_writable=False)
