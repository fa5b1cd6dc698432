"""SELECT, VALUES, FROM, WITH."""

from __future__ import annotations

from turso_wasm.sql import ast_select as s
from turso_wasm.sql.ast_base import Expr, FromSource
from turso_wasm.sql.literals import print_value
from turso_wasm.sql.printer.base import PRINTERS, comma, name_list, print_node, qualified, quote_name


def _alias(alias: str | None) -> str:
    return "" if alias is None else f" AS {quote_name(alias)}"


def _star(node: s.Star) -> str:
    return "*" if node.table is None else f"{quote_name(node.table)}.*"


def _table(node: s.TableSource) -> str:
    hint = " NOT INDEXED" if node.not_indexed else ""
    if node.indexed_by is not None:
        hint = f" INDEXED BY {quote_name(node.indexed_by)}"
    return qualified(node.name, node.schema) + _alias(node.alias) + hint


def _join(node: s.Join) -> str:
    parts: list[str] = []
    left: FromSource = node
    while isinstance(left, s.Join):
        parts.append(_join_right(left))
        left = left.left
    return print_node(left) + "".join(reversed(parts))


def _join_right(node: s.Join) -> str:
    if node.kind == "COMMA":
        operator = ", "
    else:
        natural = "NATURAL " if node.natural else ""
        operator = f" {natural}JOIN " if node.kind == "INNER" else f" {natural}{node.kind} JOIN "
    condition = ""
    if node.on is not None:
        condition = f" ON {print_node(node.on)}"
    elif node.using is not None:
        condition = f" USING {name_list(node.using)}"
    return operator + print_node(node.right) + condition


def _common_table(node: s.CommonTable) -> str:
    columns = name_list(node.columns) if node.columns else ""
    hint = "" if node.materialized is None else "MATERIALIZED " if node.materialized else "NOT MATERIALIZED "
    return f"{quote_name(node.name)}{columns} AS {hint}({print_node(node.select)})"


def _core(node: s.SelectCore) -> str:
    text = f"SELECT {'DISTINCT ' if node.distinct else ''}{comma(node.columns)}"
    if node.source is not None:
        text += f" FROM {print_node(node.source)}"
    if node.where is not None:
        text += f" WHERE {print_node(node.where)}"
    if node.group_by:
        text += f" GROUP BY {comma(node.group_by)}"
    if node.having is not None:
        text += f" HAVING {print_node(node.having)}"
    if node.windows:
        text += f" WINDOW {comma(node.windows)}"
    return text


def _literal_values(node: s.LiteralValues) -> str:
    rows = [", ".join([print_value(value) for value in row]) for row in node.rows]
    return "VALUES " + ", ".join([f"({row})" for row in rows])


def _select(node: s.Select) -> str:
    text = "" if node.with_ is None else print_node(node.with_) + " "
    text += print_node(node.core) + "".join([f" {part.op} {print_node(part.core)}" for part in node.compounds])
    if node.order_by:
        text += f" ORDER BY {comma(node.order_by)}"
    return text + print_limit(node.limit, node.offset)


def print_limit(limit: Expr | None, offset: Expr | None) -> str:
    """` LIMIT … [OFFSET …]` with the space before it, or nothing."""
    if limit is None:
        return ""
    return f" LIMIT {print_node(limit)}" + ("" if offset is None else f" OFFSET {print_node(offset)}")


PRINTERS.update(
    {
        s.ResultColumn: lambda node: print_node(node.expr) + _alias(node.alias),
        s.Star: _star,
        s.TableSource: _table,
        s.TableFunctionSource: lambda node: (
            f"{qualified(node.name, node.schema)}({comma(node.arguments)}){_alias(node.alias)}"
        ),
        s.SubquerySource: lambda node: f"({print_node(node.select)}){_alias(node.alias)}",
        s.ParenthesizedSource: lambda node: f"({print_node(node.source)}){_alias(node.alias)}",
        s.Join: _join,
        s.CommonTable: _common_table,
        s.With: lambda node: f"WITH {'RECURSIVE ' if node.recursive else ''}{comma(node.tables)}",
        s.WindowDefinition: lambda node: f"{node.name} AS {print_node(node.spec)}",
        s.SelectCore: _core,
        s.Values: lambda node: "VALUES " + ", ".join([f"({comma(row)})" for row in node.rows]),
        s.LiteralValues: _literal_values,
        s.CompoundPart: lambda node: f"{node.op} {print_node(node.core)}",
        s.Select: _select,
    }
)
