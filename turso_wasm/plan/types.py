"""CREATE TYPE, CREATE DOMAIN, DROP; and the text that is stored of columns of such types, and of arrays.

`amount cents DEFAULT 42` becomes `amount INTEGER DEFAULT (42 * 100) CONSTRAINT "type cents" CHECK (…)`: the schema
speaks of what is stored, and holds SQLite to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.schema import bind_schema_expr
from turso_wasm.bind.types import PLACE, column_type
from turso_wasm.catalog import ddl
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.edit import syntax_nodes
from turso_wasm.catalog.functions import BUILTIN, TURSO
from turso_wasm.catalog.library import LIBRARY
from turso_wasm.catalog.names import fold, quote_identifier
from turso_wasm.catalog.tables import indexed_name, indexed_term
from turso_wasm.catalog.types import STRICT_TYPES, TYPE_PREFIX
from turso_wasm.catalog.user_types import (
    VALUE,
    VIEW_PREFIX,
    Type,
    builtin,
    make_type,
    split,
    substitute,
    view_sql,
)
from turso_wasm.plan import nodes
from turso_wasm.plan.schema import NOTHING, Changed, plan_drop
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one
from turso_wasm.sql.parser.arrays import WRITTEN
from turso_wasm.sql.printer import print_sql

Edit: TypeAlias = tuple[int, int, str]  # from, to, the new text

_OURS = frozenset((*LIBRARY, *(function.name for function in TURSO)))


# --- CREATE and DROP ----------------------------------------------------------------------------------------------


def plan_create_type(binder: Binder, node: ast.CreateType) -> Changed:
    """Errors: "type t already exists", "no such type: x", those of the expressions."""
    catalog = ddl.target_catalog(binder.catalogs, node.name, temporary=False)
    name = node.name.name
    key = fold(name)
    if builtin(key) is not None or key in STRICT_TYPES or catalog.type_statement(name) is not None:
        if node.if_not_exists:
            return NOTHING, None
        raise SqlError(SQLITE_ERROR, f"type {name} already exists", node.name.name_span)
    _check(binder, node, catalog)
    head = "CREATE DOMAIN " if node.kind == "domain" else "CREATE TYPE "
    text = head + binder.sql[ddl.name_start(binder.sql, node.name) : node.span[1]]
    row = nodes.AddSchemaRow(
        type="view",
        name=VIEW_PREFIX + key,
        table_name=VIEW_PREFIX + key,
        register=None,
        sql=view_sql(name, text),
    )
    return nodes.Ddl(slot=catalog.slot, steps=(row,)), catalog


def _check(binder: Binder, node: ast.CreateType, catalog: Catalog) -> None:
    """What is wrong with a new type is found now, not when it is used."""
    given = f"({', '.join(['1'] * len(node.parameters))})" if node.parameters else ""
    type_ = make_type(f"{node.name.name}{given}", node, catalog.find_type)
    value = ast.Given(bound.Constant(value=None))
    binder.creating = True
    try:
        for expr in (type_.encode, type_.decode, type_.default, *(check for check, _ in type_.checks)):
            if expr is not None:
                bind_schema_expr(binder, substitute(expr, {VALUE: value}), [], binder.sql, PLACE)
    finally:
        binder.creating = False
    for _, function in type_.operators:
        if function is not None and binder.registry.find_scalar(fold(function), 2) is None:
            fail(f"no such function: {function}", node)


def plan_drop_type(binder: Binder, node: ast.DropType) -> Changed:
    """Errors: "no such type: t", "cannot drop type t: table x uses it"."""
    name, kind = node.name.name, node.kind.lower()
    schema = "" if node.name.schema is None else f"{node.name.schema}."
    for catalog in binder.catalogs.search_order:
        if node.name.schema is not None and not catalog.is_called(node.name.schema):
            continue
        statement = catalog.type_statement(name)
        if statement is None or (statement.kind == "domain") != (kind == "domain"):
            continue
        _refuse_used(catalog, name, kind, node)
        view = ast.QualifiedName(VIEW_PREFIX + fold(name), catalog.name, node.name.span, node.name.name_span)
        return plan_drop(binder, ast.Drop("VIEW", view))
    if node.if_exists:
        return NOTHING, None
    if builtin(fold(name)) is not None:
        raise SqlError(SQLITE_ERROR, f"cannot drop built-in type {name}", node.name.span)
    raise SqlError(SQLITE_ERROR, f"no such {kind}: {schema}{name}", node.name.span)


def _refuse_used(catalog: Catalog, name: str, kind: str, node: ast.DropType) -> None:
    for table in catalog.tables():
        for column in table.columns:
            if column.type_name and name_of(column.type_name) == fold(name):
                fail(f"cannot drop {kind} {name}: table {table.name} uses it", node)
        other = catalog.type_of_view(table.name)
        if other is not None:
            used = [other.parent, *(field.type_name for field in other.fields)]
            if fold(name) in map(name_of, used):
                fail(f"cannot drop {kind} {name}: type {other.name.name} uses it", node)


def name_of(written: str) -> str:
    """The (folded) name of a type, without parameters and the brackets of an array."""
    return fold(split(written.rstrip("[] "))[0])


# --- columns ------------------------------------------------------------------------------------------------------


def stored_statement(binder: Binder, node: ast.Statement) -> ast.Statement:
    """The statement as it is stored; the binder's text is that of the new one."""
    for edits in (_syntax_edits, _type_edits):  # types are edited in what SQLite can parse
        node = _edited(binder, node, list(edits(binder, node)))
    return node


def _syntax_edits(binder: Binder, node: ast.Statement) -> Iterator[Edit]:
    """SQLite, which parses the whole schema when it opens a file, gets calls for what is beyond its syntax."""
    until = node.span[0]  # type: ignore[attr-defined]
    for part in sorted(filter(_is_beyond, syntax_nodes(node)), key=lambda part: (part.span[0], -part.span[1])):  # type: ignore[attr-defined]
        if isinstance(part, ast.DefaultValue):
            fail("DEFAULT among values cannot be part of the schema: SQLite could not read it", part)
        assert isinstance(part, ast.FunctionCall | ast.Assignment)
        if part.span[0] >= until:  # else it is in one that is printed already
            until = part.span[1]
            yield *part.span, print_sql(part)


def _is_beyond(part: ast.Node) -> bool:
    if isinstance(part, ast.Assignment):
        return isinstance(part.value, ast.FunctionCall) and part.value.span[0] == part.span[0]
    return isinstance(part, ast.DefaultValue) or (isinstance(part, ast.FunctionCall) and part.name in WRITTEN)


def _type_edits(binder: Binder, node: ast.Statement) -> list[Edit]:
    edits: list[Edit] = []
    match node:
        case ast.CreateTable() if node.strict:
            known = list(_typed(binder, node.columns, _catalog(binder, node)))
            for column, type_ in known:
                edits += _column_edits(binder, column, type_)
            edits += _expression_edits(binder, node, known)
        case ast.CreateIndex():
            edits += _index_edits(binder, node)
        case ast.AddColumn() | ast.AlterColumn():
            table = binder.catalogs.find_table(node.table.name, node.table.schema)
            column = node.column if isinstance(node, ast.AddColumn) else node.definition
            if table is not None and table.strict:
                for each, type_ in _typed(binder, (column,), binder.catalogs.slots[table.slot]):
                    edits += _column_edits(binder, each, type_)
    return edits


def _edited(binder: Binder, node: ast.Statement, edits: list[Edit]) -> ast.Statement:
    if not edits:
        return node
    text = binder.sql
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    made, _ = parse_one(text, node.span[0])  # type: ignore[attr-defined]
    assert made is not None
    binder.sql = text
    return made


def _catalog(binder: Binder, node: ast.CreateTable) -> Catalog | None:
    return ddl.target_catalog(binder.catalogs, node.name, node.temporary)


def _typed(
    binder: Binder, columns: tuple[ast.ColumnDef, ...], catalog: Catalog | None
) -> Iterator[tuple[ast.ColumnDef, Type]]:
    for column in columns:
        if fold(column.type_name) in STRICT_TYPES or catalog is None or not column.type_name:
            continue
        try:
            type_ = catalog.find_type(column.type_name)
        except SqlError as error:
            raise SqlError(error.code, error.message, column.type_span) from None
        if type_ is not None:
            yield column, type_


def _column_edits(binder: Binder, column: ast.ColumnDef, type_: Type) -> Iterator[Edit]:
    has = {type(constraint) for constraint in column.constraints}
    base = type_.base
    if type_.not_null and ast.NotNull not in has:
        base += " NOT NULL"
    if type_.default is not None and ast.Default not in has and ast.Generated not in has:
        base += f" DEFAULT ({print_sql(stored_form(type_, type_.default))})"
    yield (*column.type_span, base)
    for constraint in column.constraints:
        if isinstance(constraint, ast.Default) and type_.decode is not None:
            text = f"({print_sql(stored_form(type_, constraint.expr))})"
            yield constraint.span[0], constraint.span[1], f"DEFAULT {text}"
        elif isinstance(constraint, ast.Generated):
            fail(f"a column of type {type_.written} cannot be generated", constraint)
    name = quote_identifier(TYPE_PREFIX + type_.written)
    end = column.span[1]
    yield end, end, f" CONSTRAINT {name} CHECK ({print_sql(_stored_check(type_, column.name))})"


def stored_form(type_: Type, expr: ast.Expr) -> ast.Expr:
    """What is stored for an expression, as SQLite can compute it. Where values are read as they are stored, it stays
    as it is: we encode it when it is used (bind.schema), SQLite has the CHECK.
    """
    if type_.encode is None or type_.decode is None or isinstance(expr, ast.NullLiteral):
        return expr
    return substitute(type_.encode, {VALUE: expr})


def _stored_check(type_: Type, column: str) -> ast.Expr:
    """What holds of the column, as far as SQLite can say it."""
    ref = ast.ColumnRef(column)
    parts: list[ast.Expr] = []
    if type_.stored is not None:
        parts.append(type_.stored)
    if type_.decode is None:
        parts += [check for check, _ in type_.checks if is_sqlites(check)]
    if not parts:
        classes = {"ANY": "blob", "INTEGER": "integer", "REAL": "real", "TEXT": "text", "BLOB": "blob"}
        name = ast.FunctionCall("typeof", (ref,))
        items = [ast.TextLiteral(name) for name in (classes[type_.base], "null")]
        return ast.InList(name, tuple(items)) if type_.base != "ANY" else ast.IntegerLiteral(1)
    found = parts[0]
    for part in parts[1:]:
        found = ast.Binary("AND", found, part)
    return substitute(found, {VALUE: ref})


def is_sqlites(expr: ast.Expr) -> bool:
    """SQLite knows all functions in it."""
    return all(
        fold(part.name) not in _OURS and BUILTIN.find_scalar(fold(part.name), len(part.arguments)) is not None
        for part in syntax_nodes(expr)
        if isinstance(part, ast.FunctionCall)
    )


def _expression_edits(binder: Binder, node: ast.CreateTable, known: list[tuple[ast.ColumnDef, Type]]) -> Iterator[Edit]:
    """CHECKs and generated columns say what they say of the values that are read."""
    read = {fold(column.name): type_ for column, type_ in known if type_.decode is not None}
    if not read:
        return
    constraints = [*node.constraints, *(each for column in node.columns for each in column.constraints)]
    for constraint in constraints:
        if isinstance(constraint, ast.Check | ast.Generated):
            yield from read_edits(constraint.expr, read, node.name.name)


def _index_edits(binder: Binder, node: ast.CreateIndex) -> Iterator[Edit]:
    """Columns are indexed as they are stored, expressions are of what is read."""
    table = binder.catalogs.find_table(node.table.text, node.name.schema)
    columns = () if table is None else tuple(column for column in table.columns if column.type_name)
    if table is None or not columns:
        return
    types = {fold(column.name): column_type(binder, table, column) for column in columns}
    read = {name: type_ for name, type_ in types.items() if type_ is not None and type_.decode is not None}
    for term in node.columns:
        if indexed_name(indexed_term(term)[0]) is None:
            yield from read_edits(term.expr, read, table.name)
    if node.where is not None:
        yield from read_edits(node.where, read, table.name)


def read_edits(expr: ast.Expr, read: dict[str, Type], table: str) -> Iterator[Edit]:
    """Names of columns become what they are read as. Errors: SQLite could not compute it."""
    for part in syntax_nodes(expr):
        if not isinstance(part, ast.ColumnRef):
            continue
        type_ = read.get(fold(part.column))
        if type_ is None or type_.decode is None or (part.table is not None and fold(part.table) != fold(table)):
            continue
        if not is_sqlites(type_.decode):
            fail(
                f"SQLite could not compute this of type {type_.written}: its DECODE has functions beyond SQLite's", part
            )
        yield (*part.span, f"({print_sql(substitute(type_.decode, {VALUE: part}))})")
