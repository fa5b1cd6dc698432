"""Plans and bound expressions as text: for golden files, EXPLAIN CODE and debugging.

One line a node, children indented. Columns print as `s0.name`, lifted literals as `?L2=5`, affinities of comparisons
as a suffix letter of the side they are applied to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from turso_wasm.bind import bound
from turso_wasm.bind.query import AggregateRef, Query
from turso_wasm.catalog.objects import Index, Table
from turso_wasm.plan import nodes


def print_plan(plan: object, indent: int = 0) -> str:
    """The plan as indented text, without a newline at the end."""
    return "\n".join(_lines(plan, indent))


def _lines(node: object, indent: int) -> Iterator[str]:
    """One line for the node itself; fields that are plans follow, indented."""
    head, nested = [type(node).__name__], []
    for slot in fields(node):  # type: ignore[arg-type]
        value = getattr(node, slot.name)
        if _is_plan(value):
            nested.append((slot.name, value))
        elif isinstance(value, tuple) and value and _is_plan(value[0]):
            nested.extend((slot.name, child) for child in value)
        elif value != slot.default and not _is_default(value):
            head.append(f"{slot.name}={_value(value)}")
    pad = "  " * indent
    yield pad + " ".join(head)
    for name, child in nested:
        label = "" if name in ("child", "left", "right", "children", "steps") else f"{name}: "
        lines = _lines(child, indent + 1)
        first = next(lines)
        yield f"{'  ' * (indent + 1)}{label}{first.strip()}"
        yield from lines
    for expr in _subqueries(node):
        yield f"{pad}  subquery {expr.kind}:"
        yield from _lines(expr.plan, indent + 2)


def _is_plan(value: object) -> bool:
    return isinstance(value, nodes.Plan) or type(value).__name__ in _STEPS


_STEPS = frozenset(
    {
        "CreateBtree",
        "AddSchemaRow",
        "RemoveSchemaRows",
        "DropBtree",
        "FillIndex",
        "InsertRows",
        "RaiseOnRow",
        "RewriteRows",
        "Upsert",
        "RunStatement",
    }
)


def _is_default(value: object) -> bool:
    return value is None or value is False or value == () or value == {} or value == ""


def _value(value: object) -> str:
    if isinstance(value, bound.Expr | bound.AggregateCall):
        return print_expr(value)
    if isinstance(value, Table | Index):
        return value.name
    if isinstance(value, nodes.Bound):
        return ("=" if value.inclusive else "") + print_expr(value.expr)
    if isinstance(value, nodes.SortKey):
        return _sort_key(value.expr, value.desc, value.nulls, value.collation)
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_value, value)) + ")"
    if isinstance(value, frozenset):
        return "{" + ", ".join(map(str, sorted(value))) + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_value(part)}" for key, part in value.items()) + "}"
    return str(value)


def _sort_key(expr: bound.Expr, desc: bool, nulls: str | None, collation: str) -> str:
    text = print_expr(expr)
    if collation != "BINARY":
        text += f" collate {collation}"
    return text + (" desc" if desc else "") + (f" nulls {nulls}" if nulls else "")


def _subqueries(node: object) -> Iterator[bound.SubqueryExpr]:
    stack = [getattr(node, slot.name) for slot in fields(node)]  # type: ignore[arg-type]
    while stack:
        value = stack.pop()
        if isinstance(value, bound.SubqueryExpr):
            yield value
            stack.append(value.operand)
        elif isinstance(value, tuple | list):
            stack.extend(reversed(value))
        elif isinstance(value, bound.Expr | bound.AggregateCall | nodes.SortKey | nodes.Bound):
            stack.extend(getattr(value, slot.name) for slot in reversed(fields(value)))


# --- expressions --------------------------------------------------------------------------------------------------


def print_expr(expr: object) -> str:
    """A bound expression on one line."""
    match expr:
        case bound.Constant():
            return _literal(expr.value) if expr.lifted is None else f"?L{expr.lifted}={_literal(expr.value)}"
        case bound.Parameter():
            return f"?{expr.index}"
        case bound.ColumnRef():
            name = "rowid" if expr.column == -1 else expr.name or str(expr.column)
            return f"s{expr.source}.{name}"
        case AggregateRef():
            return f"aggregate{expr.source}.{expr.index}"
        case bound.Unary():
            return (
                f"{expr.op} {print_expr(expr.operand)}" if expr.op == "not" else f"{expr.op}{print_expr(expr.operand)}"
            )
        case bound.Binary():
            return f"({print_expr(expr.left)} {expr.op} {print_expr(expr.right)})"
        case bound.Compare():
            left = print_expr(expr.left) + _suffix(expr.left_affinity)
            right = print_expr(expr.right) + _suffix(expr.right_affinity)
            collation = f" collate {expr.collation}" if expr.collation != "BINARY" else ""
            return f"({left} {expr.op} {right}{collation})"
        case bound.IsNull():
            return f"({print_expr(expr.operand)} is {'not ' if expr.negated else ''}null)"
        case bound.IsTruth():
            return f"({print_expr(expr.operand)} is {'not ' if expr.negated else ''}{str(expr.wanted).lower()})"
        case bound.InList():
            items = ", ".join(map(print_expr, expr.items))
            return f"({print_expr(expr.operand)}{_suffix(expr.affinity)} {'not ' if expr.negated else ''}in ({items}))"
        case bound.Case():
            whens = " ".join(f"when {print_expr(c)} then {print_expr(r)}" for c, r in expr.whens)
            return f"case {whens} else {print_expr(expr.otherwise or bound.Constant(value=None))} end"
        case bound.Let():
            return f"let x{expr.number} = {print_expr(expr.value)} in {print_expr(expr.body)}"
        case bound.LetRef():
            return f"x{expr.number}"
        case bound.Cast():
            return f"cast({print_expr(expr.operand)} as {expr.affinity})"
        case bound.ApplyAffinity():
            return f"affinity({print_expr(expr.operand)}, {expr.affinity})"
        case bound.Collated():
            return f"({print_expr(expr.operand)} collate {expr.collation})"
        case bound.Call():
            return f"{expr.name}({', '.join(map(print_expr, expr.args))})"
        case bound.SubqueryExpr():
            return _subquery(expr)
        case bound.AggregateCall():
            return _aggregate(expr)
    raise TypeError(f"unknown bound expression {type(expr).__name__}")


def _suffix(affinity: str | None) -> str:
    return f":{affinity}" if affinity is not None else ""


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    return str(value)


def _subquery(expr: bound.SubqueryExpr) -> str:
    outer = f" outer={_value(expr.outer)}" if expr.outer else ""
    negated = "not " if expr.negated else ""
    operand = f"{print_expr(expr.operand)}{_suffix(expr.affinity)} {negated}" if expr.operand is not None else negated
    kind = "bound" if isinstance(expr.plan, Query) else expr.kind
    return f"{operand}{kind}(…{outer})"


def _aggregate(call: bound.AggregateCall) -> str:
    args = ", ".join(map(print_expr, call.args)) or "*"
    distinct = "distinct " if call.distinct else ""
    order = ""
    if call.order_by:
        order = " order by " + ", ".join(_sort_key(t.expr, t.desc, t.nulls, t.collation) for t in call.order_by)
    condition = f" filter ({print_expr(call.filter)})" if call.filter is not None else ""
    return f"{call.name}({distinct}{args}{order}){condition}"
