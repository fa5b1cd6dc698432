"""Expressions, with only the parentheses that precedence asks for."""

from __future__ import annotations

from typing import Final

from turso_wasm.sql import ast_expr as e
from turso_wasm.sql.ast_base import Expr
from turso_wasm.sql.literals import print_value
from turso_wasm.sql.printer.base import PRINTERS, comma, print_node, print_type, quote_column, quote_name

_OR, _AND, _NOT, _EQUALITY, _ORDER, _BITS, _SUM, _PRODUCT, _CONCAT, _COLLATE, _SIGN, _LEAF = range(1, 13)
_BINARY: Final[dict[str, int]] = {
    **dict.fromkeys(["OR"], _OR),
    **dict.fromkeys(["AND"], _AND),
    **dict.fromkeys(["=", "<>", "IS", "IS NOT"], _EQUALITY),
    **dict.fromkeys(["<", "<=", ">", ">="], _ORDER),
    **dict.fromkeys(["&", "|", "<<", ">>"], _BITS),
    **dict.fromkeys(["+", "-"], _SUM),
    **dict.fromkeys(["*", "/", "%"], _PRODUCT),
    **dict.fromkeys(["||", "->", "->>"], _CONCAT),
}
_EQUALITIES: Final = (e.IsNull, e.Like, e.Between, e.InList, e.InSelect, e.InTable)


def _precedence(node: Expr) -> int:
    if isinstance(node, e.Binary):
        return _BINARY[node.op]
    if isinstance(node, e.Unary):
        return _NOT if node.op == "NOT" else _SIGN
    if isinstance(node, _EQUALITIES):
        return _EQUALITY
    if isinstance(node, e.Collate):
        return _COLLATE
    return _SIGN if isinstance(node, e.IntegerLiteral) and node.value == -(2**63) else _LEAF


def _operand(node: Expr, at_least: int) -> str:
    """`node`, in parentheses if it binds less tightly than `at_least`."""
    text = print_node(node)
    return text if _precedence(node) >= at_least else f"({text})"


def _integer(node: e.IntegerLiteral) -> str:
    if node.value >= 0 or node.value == -(2**63):
        return str(node.value)
    return hex(node.value + 2**64)


def _column(node: e.ColumnRef) -> str:
    if node.table is not None:
        schema = "" if node.schema is None else quote_name(node.schema) + "."
        return f"{schema}{quote_name(node.table)}.{quote_name(node.column)}"
    if node.double_quoted:
        return '"' + node.column.replace('"', '""') + '"'
    return f"`{node.column}`" if node.quoted else quote_column(node.column)


def _unary(node: e.Unary) -> str:
    if node.op == "NOT":
        return "NOT " + _operand(node.operand, _NOT)
    operand = _operand(node.operand, _SIGN)
    return f"{node.op} {operand}" if operand[0] == node.op else node.op + operand


def _binary(node: e.Binary) -> str:
    # A chain leans to the left and may be long: go down it without recursion.
    parts: list[str] = []
    left: Expr = node
    while isinstance(left, e.Binary):
        precedence = _BINARY[left.op]
        parts.append(f" {left.op} {_operand(left.right, precedence + 1)}")
        if _precedence(left.left) < precedence:
            break
        left = left.left
    first = f"({print_node(left.left)})" if isinstance(left, e.Binary) else print_node(left)
    return first + "".join(reversed(parts))


def _is_null(node: e.IsNull) -> str:
    return _operand(node.operand, _EQUALITY) + (" IS NOT NULL" if node.negated else " IS NULL")


def _collate(node: e.Collate) -> str:
    return f"{_operand(node.operand, _COLLATE)} COLLATE {quote_name(node.collation)}"


def _left(operand: Expr, negated: bool, op: str) -> str:
    return f"{_operand(operand, _EQUALITY)} {'NOT ' if negated else ''}{op} "


def _like(node: e.Like) -> str:
    text = _left(node.operand, node.negated, node.op) + _operand(node.pattern, _ORDER)
    return text if node.escape is None else f"{text} ESCAPE {_operand(node.escape, _ORDER)}"


def _between(node: e.Between) -> str:
    low, high = _operand(node.low, _ORDER), _operand(node.high, _ORDER)
    return f"{_left(node.operand, node.negated, 'BETWEEN')}{low} AND {high}"


def _literal_list(node: e.LiteralList) -> str:
    return ", ".join([print_value(value) for value in node.values])


def _in_list(node: e.InList) -> str:
    return f"{_left(node.operand, node.negated, 'IN')}({comma(node.items)})"


def _in_select(node: e.InSelect) -> str:
    return f"{_left(node.operand, node.negated, 'IN')}({print_node(node.select)})"


def _in_table(node: e.InTable) -> str:
    arguments = "" if node.arguments is None else f"({comma(node.arguments)})"
    return _left(node.operand, node.negated, "IN") + print_node(node.table) + arguments


def _case(node: e.Case) -> str:
    operand = "" if node.operand is None else f" {print_node(node.operand)}"
    whens = "".join([f" WHEN {print_node(when.condition)} THEN {print_node(when.result)}" for when in node.whens])
    otherwise = "" if node.otherwise is None else f" ELSE {print_node(node.otherwise)}"
    return f"CASE{operand}{whens}{otherwise} END"


def _raise(node: e.Raise) -> str:
    return f"RAISE({node.action})" if node.message is None else f"RAISE({node.action}, {print_node(node.message)})"


def _function(node: e.FunctionCall) -> str:
    inside = "*" if node.star else comma(node.arguments)
    if node.distinct:
        inside = f"DISTINCT {inside}"
    if node.order_by:
        inside = f"{inside} ORDER BY {comma(node.order_by)}"
    text = f"{quote_name(node.name)}({inside})"
    if node.filter is not None:
        text += f" FILTER (WHERE {print_node(node.filter)})"
    if node.over is not None:
        text += f" OVER {node.over if isinstance(node.over, str) else print_node(node.over)}"
    return text


def _order_term(node: e.OrderTerm) -> str:
    nulls = "" if node.nulls is None else f" NULLS {node.nulls}"
    return f"{print_node(node.expr)}{' DESC' if node.descending else ''}{nulls}"


def _window_spec(node: e.WindowSpec) -> str:
    parts = [] if node.base is None else [node.base]
    if node.partition_by:
        parts.append(f"PARTITION BY {comma(node.partition_by)}")
    if node.order_by:
        parts.append(f"ORDER BY {comma(node.order_by)}")
    if node.frame is not None:
        parts.append(print_node(node.frame))
    return f"({' '.join(parts)})"


def _frame(node: e.Frame) -> str:
    start = print_node(node.start)
    bounds = start if node.end is None else f"BETWEEN {start} AND {print_node(node.end)}"
    return f"{node.unit} {bounds}" + ("" if node.exclude is None else f" EXCLUDE {node.exclude}")


def _frame_bound(node: e.FrameBound) -> str:
    return node.kind if node.offset is None else f"{_operand(node.offset, _EQUALITY)} {node.kind}"


PRINTERS.update(
    {
        e.NullLiteral: lambda node: "NULL",
        e.IntegerLiteral: _integer,
        e.RealLiteral: lambda node: print_value(node.value),
        e.TextLiteral: lambda node: print_value(node.value),
        e.BlobLiteral: lambda node: print_value(node.value),
        e.CurrentTime: lambda node: node.kind,
        e.Parameter: lambda node: node.name or "?",
        e.ColumnRef: _column,
        e.Unary: _unary,
        e.Binary: _binary,
        e.IsNull: _is_null,
        e.Collate: _collate,
        e.Like: _like,
        e.Between: _between,
        e.LiteralList: _literal_list,
        e.InList: _in_list,
        e.InSelect: _in_select,
        e.InTable: _in_table,
        e.Case: _case,
        e.Cast: lambda node: f"CAST({print_node(node.operand)} AS{print_type(node.type_name)})",
        e.Subquery: lambda node: f"({print_node(node.select)})",
        e.Exists: lambda node: f"EXISTS ({print_node(node.select)})",
        e.RowValue: lambda node: f"({comma(node.items)})",
        e.Raise: _raise,
        e.FunctionCall: _function,
        e.OrderTerm: _order_term,
        e.WindowSpec: _window_spec,
        e.Frame: _frame,
        e.FrameBound: _frame_bound,
    }
)
