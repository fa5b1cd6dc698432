"""Types of columns beyond SQLite's: what CREATE TYPE and CREATE DOMAIN say, with the parameters of a column filled in.

A type `t` is a view of the schema, `CREATE VIEW "__turso_type_t" AS SELECT 'CREATE TYPE t …' AS sql`, so that SQLite
keeps it and the schema's cookie covers it. A column of it has the base type and a CHECK called "type t(parameters)",
which holds SQLite to what may be stored (docs/decisions/0101-types.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import cache
from typing import Final, TypeVar

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.catalog.builtin_types import BUILTIN_TYPES
from turso_wasm.catalog.names import fold, quote_identifier, quote_text
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

VIEW_PREFIX: Final = "__turso_type_"
BASES: Final = {"integer": "INTEGER", "int": "INTEGER", "real": "REAL", "text": "TEXT", "blob": "BLOB", "any": "ANY"}
VALUE: Final = "value"

_WRITTEN: Final = re.compile(r"\s*(.+?)\s*(?:\(([^)]*)\))?\s*")

N = TypeVar("N", bound=ast.Node)
Find = Callable[[str], "Type | None"]


@dataclass(slots=True, frozen=True)
class Type:
    """A type as a column has it. written: its name and parameters. base: SQLite's type. encode, decode: of `value`;
    None: it stays as it is. invalid: the message where encode makes NULL of a value, "": that is NULL.

    checks: (condition on what is read, label) of domains, the innermost first. stored: what holds of all stored values
    but NULL. compared: what stands for a value that is compared with stored ones; None: encode.
    operators: by name, the function that is called or None for the base type's operator. parent: as list_types says.
    """

    written: str
    base: str
    parent: str
    encode: ast.Expr | None = None
    decode: ast.Expr | None = None
    invalid: str = ""
    checks: tuple[tuple[ast.Expr, str], ...] = ()
    stored: ast.Expr | None = None
    compared: ast.Expr | None = None
    operators: tuple[tuple[str, str | None], ...] = ()
    default: ast.Expr | None = None
    not_null: bool = False

    @property
    def is_ordered(self) -> bool:
        """What is stored has the order of what is read."""
        return self.decode is None or ("<", None) in self.operators

    @property
    def encodes(self) -> bool:
        """A value may have to be changed or refused before it is stored."""
        return self.encode is not None or bool(self.checks)


def view_sql(name: str, text: str) -> str:
    """The view that stands for a type; text: its CREATE statement."""
    return f"CREATE VIEW {quote_identifier(VIEW_PREFIX + fold(name))} AS SELECT {quote_text(text)} AS sql"


def created(view: ast.Select | None) -> ast.CreateType | None:
    """The statement that such a view holds; None: it is another one."""
    core = None if view is None else view.core
    if not isinstance(core, ast.SelectCore) or len(core.columns) != 1:
        return None
    column = core.columns[0]
    if not isinstance(column, ast.ResultColumn) or not isinstance(column.expr, ast.TextLiteral):
        return None
    try:
        statement, _ = parse_one(column.expr.value)
    except SqlError:
        return None
    return statement if isinstance(statement, ast.CreateType) else None


@cache
def builtin(name: str) -> ast.CreateType | None:
    """The statement that would make a built-in type; name: folded."""
    entry = BUILTIN_TYPES.get(name)
    if entry is None:
        return None
    statement, _ = parse_one(f"CREATE TYPE {name} {entry.sql}")
    assert isinstance(statement, ast.CreateType)
    return statement


def split(written: str) -> tuple[str, tuple[str, ...]]:
    """(name, parameters) of a type as it is written."""
    match = _WRITTEN.fullmatch(written)
    if match is None:
        return written, ()
    return match[1], tuple([part.strip() for part in match[2].split(",")]) if match[2] else ()


def make_type(written: str, node: ast.CreateType, find: Find) -> Type:
    """The type as it is written in a column. find: types by name, for what a domain is made of.

    Errors: "type varchar takes 1 parameter, 0 are given", "no such type: x".
    """
    name, given = split(written)
    entry = BUILTIN_TYPES.get(fold(name)) if node is builtin(fold(name)) else None
    if len(given) != len(node.parameters):
        n = len(node.parameters)
        raise SqlError(SQLITE_ERROR, f"type {name} takes {n} parameter{'s' * (n != 1)}, {len(given)} are given")
    values = {fold(parameter): _literal(text) for parameter, text in zip(node.parameters, given, strict=True)}

    def filled(expr: ast.Expr | None) -> ast.Expr | None:
        return None if expr is None else substitute(expr, values)

    if node.kind == "domain":
        return _domain(written, node, find)
    if node.fields:
        raise SqlError(SQLITE_ERROR, f"not supported yet: CREATE TYPE AS {node.kind.upper()}", node.span)
    base = BASES.get(fold(node.parent))
    if base is None:
        raise SqlError(SQLITE_ERROR, f"BASE of type {name} must be integer, real, text, blob or any, not {node.parent}")
    return Type(
        written,
        base,
        fold(node.parent),
        filled(node.encode),
        filled(node.decode),
        entry.invalid if entry is not None else "",
        stored=filled(parsed(entry.stored)) if entry is not None else None,
        compared=filled(parsed(entry.compared)) if entry is not None else None,
        operators=tuple((each.op, each.function) for each in node.operators),
        default=filled(node.default),
    )


def _domain(written: str, node: ast.CreateType, find: Find) -> Type:
    checks = tuple((check.expr, check.name or written) for check in node.checks)
    base = BASES.get(fold(node.parent))
    if base is not None:
        return Type(written, base, node.parent, checks=checks, default=node.default, not_null=node.not_null)
    parent = find(node.parent)
    if parent is None:
        raise SqlError(SQLITE_ERROR, f"no such type: {node.parent}")
    return replace(
        parent,
        written=written,
        parent=node.parent,
        checks=(*parent.checks, *checks),
        default=node.default or parent.default,
        not_null=node.not_null or parent.not_null,
    )


@cache
def array_type(written: str) -> Type:
    """The type of an array, `T[]` or `T[][]`; `[]` alone: of anything."""
    item = fold(written.rstrip("[] "))
    kind = {"integer": "integer", "int": "integer", "real": "real", "text": "text"}.get(item, "any")
    return Type(
        written,
        "TEXT",
        "text",
        parsed(f"array_checked(array_json(value), '{kind}')"),
        parsed("array_text(value)"),
        stored=parsed("json_valid(value) AND json_type(value) = 'array'"),
        operators=(("=", None), ("<", "array_json_less"), ("||", "array_json_cat")),
    )


@cache
def parsed(text: str) -> ast.Expr | None:
    """An expression; None of ''."""
    if not text:
        return None
    statement, _ = parse_one(f"SELECT {text}")
    assert isinstance(statement, ast.Select) and isinstance(statement.core, ast.SelectCore)
    column = statement.core.columns[0]
    assert isinstance(column, ast.ResultColumn)
    return column.expr


def _literal(text: str) -> ast.Expr:
    """A parameter as it is written: a number."""
    found = parsed(text)
    assert found is not None
    return found


def substitute(node: N, values: Mapping[str, ast.Expr]) -> N:
    """The tree with other expressions for names, by folded name."""
    if isinstance(node, ast.ColumnRef) and node.table is None:
        found = values.get(fold(node.column))
        return node if found is None else found  # type: ignore[return-value]
    changes = {}
    for part in fields(node):
        old = getattr(node, part.name)
        new = _substituted(old, values)
        if new is not old:
            changes[part.name] = new
    return replace(node, **changes) if changes else node


def _substituted(part: object, values: Mapping[str, ast.Expr]) -> object:
    if isinstance(part, ast.Node):
        return substitute(part, values)
    if isinstance(part, tuple):
        found = tuple([_substituted(each, values) for each in part])
        return part if all(a is b for a, b in zip(found, part, strict=True)) else found
    return part
