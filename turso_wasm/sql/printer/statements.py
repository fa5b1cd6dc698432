"""INSERT, UPDATE, DELETE, everything about the schema, and the rest."""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.sql import ast_ddl as d
from turso_wasm.sql import ast_dml as m
from turso_wasm.sql import ast_misc as x
from turso_wasm.sql.ast_base import Expr, QualifiedName
from turso_wasm.sql.ast_expr import (
    BlobLiteral,
    CurrentTime,
    IntegerLiteral,
    NullLiteral,
    RealLiteral,
    TextLiteral,
    Unary,
)
from turso_wasm.sql.ast_select import ResultColumn, Star, With
from turso_wasm.sql.literals import print_value
from turso_wasm.sql.printer.base import (
    PRINTERS,
    comma,
    name_list,
    print_node,
    print_type,
    qualified,
    quote_name,
)

# --- changing rows ---------------------------------------------------------------------------------------------------


def _with(with_: With | None) -> str:
    return "" if with_ is None else print_node(with_) + " "


def _where(where: Expr | None) -> str:
    return "" if where is None else f" WHERE {print_node(where)}"


def _returning(columns: Sequence[ResultColumn | Star]) -> str:
    return f" RETURNING {comma(columns)}" if columns else ""


def _or(action: m.ConflictAction | None) -> str:
    return "" if action is None else f" OR {action}"


def _assignment(node: m.Assignment) -> str:
    columns = name_list(node.columns) if node.row else quote_name(node.columns[0].text)
    return f"{columns} = {print_node(node.value)}"


def _upsert(node: m.Upsert) -> str:
    target = f" ({comma(node.target)}){_where(node.target_where)}" if node.target else ""
    if node.assignments is None:
        return f" ON CONFLICT{target} DO NOTHING"
    return f" ON CONFLICT{target} DO UPDATE SET {comma(node.assignments)}{_where(node.where)}"


def _insert(node: m.Insert) -> str:
    alias = "" if node.alias is None else f" AS {quote_name(node.alias)}"
    columns = f" {name_list(node.columns)}" if node.columns else ""
    source = "DEFAULT VALUES" if node.source is None else print_node(node.source)
    upserts = "".join([_upsert(upsert) for upsert in node.upserts])
    into = f"INSERT{_or(node.on_conflict)} INTO {print_node(node.table)}{alias}{columns} "
    return _with(node.with_) + into + source + upserts + _returning(node.returning)


def _rest(node: m.Update | m.Delete) -> str:
    return _where(node.where) + _returning(node.returning)


def _update(node: m.Update) -> str:
    source = "" if node.source is None else f" FROM {print_node(node.source)}"
    head = f"{_with(node.with_)}UPDATE{_or(node.on_conflict)} {print_node(node.table)}"
    return f"{head} SET {comma(node.assignments)}{source}{_rest(node)}"


def _delete(node: m.Delete) -> str:
    return f"{_with(node.with_)}DELETE FROM {print_node(node.table)}{_rest(node)}"


# --- constraints -----------------------------------------------------------------------------------------------------


def _on_conflict(action: m.ConflictAction | None) -> str:
    return "" if action is None else f" ON CONFLICT {action}"


def _primary_key(node: d.PrimaryKey) -> str:
    autoincrement = " AUTOINCREMENT" if node.autoincrement else ""
    if node.columns:
        return f"PRIMARY KEY ({comma(node.columns)}{autoincrement}){_on_conflict(node.on_conflict)}"
    return f"PRIMARY KEY{' DESC' if node.descending else ''}{_on_conflict(node.on_conflict)}{autoincrement}"


def _unique(node: d.Unique) -> str:
    columns = f" ({comma(node.columns)})" if node.columns else ""
    return f"UNIQUE{columns}{_on_conflict(node.on_conflict)}"


_SIGNED = (IntegerLiteral, RealLiteral)
_BARE = (NullLiteral, TextLiteral, BlobLiteral, CurrentTime, *_SIGNED)


def _default(node: d.Default) -> str:
    expr = node.expr
    negative = isinstance(expr, Unary) and expr.op == "-" and isinstance(expr.operand, _SIGNED)
    text = print_node(expr)
    return f"DEFAULT {text}" if negative or isinstance(expr, _BARE) else f"DEFAULT ({text})"


def _generated(node: d.Generated) -> str:
    return f"AS ({print_node(node.expr)})" + ("" if node.storage is None else f" {node.storage}")


def _foreign_key(node: d.ForeignKey) -> str:
    text = f"FOREIGN KEY {name_list(node.columns)} " if node.columns else ""
    text += f"REFERENCES {quote_name(node.table.text)}" + (name_list(node.to_columns) if node.to_columns else "")
    for event, action in (("DELETE", node.on_delete), ("UPDATE", node.on_update)):
        text += "" if action is None else f" ON {event} {action}"
    if node.match is not None:
        text += f" MATCH {quote_name(node.match)}"
    if node.deferrable is not None:
        text += " DEFERRABLE" if node.deferrable else " NOT DEFERRABLE"
        text += "" if node.initially is None else f" INITIALLY {node.initially}"
    return text


def _constraint(node: d.Constraint) -> str:
    """A constraint with its name. SQLite lets a name hold until the next one, so a repeated name says nothing new."""
    name = getattr(node, "name", None)
    text = print_node(node)
    return text if name is None else f"CONSTRAINT {quote_name(name)} {text}"


# --- the schema ------------------------------------------------------------------------------------------------------


def _column(node: d.ColumnDef) -> str:
    parts = [quote_name(node.name) + print_type(node.type_name), *[_constraint(c) for c in node.constraints]]
    return " ".join(parts)


def _create(kind: str, name: QualifiedName, if_not_exists: bool, before: str = "") -> str:
    return f"CREATE {before}{kind} {'IF NOT EXISTS ' if if_not_exists else ''}{print_node(name)}"


def _temp(temporary: bool) -> str:
    return "TEMP " if temporary else ""


def _create_table(node: d.CreateTable) -> str:
    head = _create("TABLE", node.name, node.if_not_exists, _temp(node.temporary))
    if node.select is not None:
        return f"{head} AS {print_node(node.select)}"
    parts = [print_node(column) for column in node.columns] + [_constraint(c) for c in node.constraints]
    options = (["WITHOUT ROWID"] if node.without_rowid else []) + (["STRICT"] if node.strict else [])
    return f"{head} ({', '.join(parts)})" + (f" {', '.join(options)}" if options else "")


def _create_virtual_table(node: d.CreateVirtualTable) -> str:
    arguments = f" ({', '.join(node.arguments)})" if node.arguments else ""
    head = _create("TABLE", node.name, node.if_not_exists, "VIRTUAL ")
    return f"{head} USING {quote_name(node.module)}{arguments}"


def _create_index(node: d.CreateIndex) -> str:
    head = _create("INDEX", node.name, node.if_not_exists, "UNIQUE " if node.unique else "")
    return f"{head} ON {quote_name(node.table.text)} ({comma(node.columns)}){_where(node.where)}"


def _create_index_using(node: d.CreateIndexUsing) -> str:
    head = f"{_create('INDEX', node.name, node.if_not_exists)} ON {quote_name(node.table.text)}"
    options = ", ".join([f"{quote_name(name)} = {print_node(value)}" for name, value in node.options])
    tail = f" WITH ({options})" if options else ""
    return f"{head} USING {quote_name(node.method)} ({comma(node.columns)}){tail}"


def _create_view(node: d.CreateView) -> str:
    head = _create("VIEW", node.name, node.if_not_exists, _temp(node.temporary))
    columns = f" {name_list(node.columns)}" if node.columns else ""
    return f"{head}{columns} AS {print_node(node.select)}"


def _create_trigger(node: d.CreateTrigger) -> str:
    text = _create("TRIGGER", node.name, node.if_not_exists, _temp(node.temporary))
    text += "" if node.time is None else f" {node.time}"
    text += f" {node.event}"
    if node.update_of:
        text += " OF " + ", ".join([quote_name(name.text) for name in node.update_of])
    text += f" ON {print_node(node.table)}" + (" FOR EACH ROW" if node.for_each_row else "")
    text += "" if node.when is None else f" WHEN {print_node(node.when)}"
    return text + " BEGIN " + "".join([print_node(command) + "; " for command in node.body]) + "END"


def _alter(table: QualifiedName, action: str) -> str:
    return f"ALTER TABLE {print_node(table)} {action}"


def _rename_column(node: d.RenameColumn) -> str:
    return _alter(node.table, f"RENAME COLUMN {quote_name(node.column)} TO {quote_name(node.to)}")


def _alter_column(node: d.AlterColumn) -> str:
    return _alter(node.table, f"ALTER COLUMN {quote_name(node.column)} TO {print_node(node.definition)}")


def _alter_not_null(node: d.AlterColumnNotNull) -> str:
    constraint = node.constraint
    action = "DROP NOT NULL" if constraint is None else f"SET {print_node(constraint)}"
    return _alter(node.table, f"ALTER COLUMN {quote_name(node.column)} {action}")


# --- the rest --------------------------------------------------------------------------------------------------------


def _rollback(node: x.Rollback) -> str:
    return "ROLLBACK" if node.savepoint is None else f"ROLLBACK TO {quote_name(node.savepoint)}"


def _pragma(node: x.Pragma) -> str:
    """Numbers bare, everything else as a string: SQLite makes no difference between a word and a string here."""
    name = f"PRAGMA {qualified(node.name, node.schema)}"
    if node.value is None:
        return name
    return f"{name} = {node.value if node.is_number else print_value(node.value)}"


def _named(keyword: str, name: QualifiedName | None) -> str:
    return keyword if name is None else f"{keyword} {print_node(name)}"


def _attach(node: x.Attach) -> str:
    key = "" if node.key is None else f" KEY {print_node(node.key)}"
    return f"ATTACH {print_node(node.file)} AS {print_node(node.schema)}{key}"


def _vacuum(node: x.Vacuum) -> str:
    schema = "" if node.schema is None else f" {quote_name(node.schema)}"
    into = "" if node.into is None else f" INTO {print_node(node.into)}"
    key = "" if node.key is None else f" KEY {print_node(node.key)}"
    return f"VACUUM{schema}{into}{key}"


_EXPLAIN = {
    "PROGRAM": "EXPLAIN",
    "QUERY PLAN": "EXPLAIN QUERY PLAN",
    "CODE": "EXPLAIN CODE",
    "ANALYZE": "EXPLAIN ANALYZE",
}

PRINTERS.update(
    {
        QualifiedName: lambda node: qualified(node.name, node.schema),
        m.Assignment: _assignment,
        m.Upsert: _upsert,
        m.Insert: _insert,
        m.Update: _update,
        m.Delete: _delete,
        d.NotNull: lambda node: f"NOT NULL{_on_conflict(node.on_conflict)}",
        d.NullAllowed: lambda node: f"NULL{_on_conflict(node.on_conflict)}",
        d.PrimaryKey: _primary_key,
        d.Unique: _unique,
        d.Check: lambda node: f"CHECK ({print_node(node.expr)}){_on_conflict(node.on_conflict)}",
        d.Default: _default,
        d.CollateConstraint: lambda node: f"COLLATE {quote_name(node.collation)}",
        d.Generated: _generated,
        d.ForeignKey: _foreign_key,
        d.ColumnDef: _column,
        d.CreateTable: _create_table,
        d.CreateVirtualTable: _create_virtual_table,
        d.CreateIndex: _create_index,
        d.CreateIndexUsing: _create_index_using,
        d.CreateView: _create_view,
        d.CreateMaterializedView: lambda node: _create_view(node.view).replace("CREATE", "CREATE MATERIALIZED", 1),
        d.RefreshView: lambda node: f"REFRESH MATERIALIZED VIEW {print_node(node.name)}",
        d.CreateTrigger: _create_trigger,
        d.Drop: lambda node: f"DROP {node.kind} {'IF EXISTS ' if node.if_exists else ''}{print_node(node.name)}",
        d.RenameTable: lambda node: _alter(node.table, f"RENAME TO {quote_name(node.to)}"),
        d.RenameColumn: _rename_column,
        d.AddColumn: lambda node: _alter(node.table, f"ADD COLUMN {print_node(node.column)}"),
        d.DropColumn: lambda node: _alter(node.table, f"DROP COLUMN {quote_name(node.column)}"),
        d.AddConstraint: lambda node: _alter(node.table, f"ADD {_constraint(node.constraint)}"),
        d.DropConstraint: lambda node: _alter(node.table, f"DROP CONSTRAINT {quote_name(node.name)}"),
        d.AlterColumn: _alter_column,
        d.AlterColumnNotNull: _alter_not_null,
        x.Begin: lambda node: "BEGIN" if node.mode is None else f"BEGIN {node.mode}",
        x.Commit: lambda node: "COMMIT",
        x.Rollback: _rollback,
        x.Savepoint: lambda node: f"SAVEPOINT {quote_name(node.name)}",
        x.Release: lambda node: f"RELEASE {quote_name(node.name)}",
        x.Pragma: _pragma,
        x.Attach: _attach,
        x.Detach: lambda node: f"DETACH {print_node(node.schema)}",
        x.Analyze: lambda node: _named("ANALYZE", node.name),
        x.Reindex: lambda node: _named("REINDEX", node.name),
        x.OptimizeIndex: lambda node: _named("OPTIMIZE INDEX", node.name),
        x.Vacuum: _vacuum,
        x.Explain: lambda node: f"{_EXPLAIN[node.mode]} {print_node(node.statement)}",
    }
)
