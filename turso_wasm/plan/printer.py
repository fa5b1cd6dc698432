"""Plans and bound expressions as text: for golden files, EXPLAIN CODE and debugging.

One line a node, children indented. Columns print as `s0.name`, lifted literals as `?L2=5`, affinities of comparisons
as a suffix letter of the side they are applied to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from turso_wasm.base.tree import Node, fold
from turso_wasm.bind import bound
from turso_wasm.bind.query import AggregateRef, Query, WindowRef
from turso_wasm.bind.walk import operands
from turso_wasm.catalog.objects import Index, Table
from turso_wasm.catalog.types import AffinityLetter
from turso_wasm.plan import nodes
from turso_wasm.sql.literals import print_value

LINES = (
    nodes.Plan,
    nodes.Step,
    nodes.Upsert,
    nodes.Shared,
    nodes.RowEffects,
    nodes.CountViolations,
    nodes.Fire,
    nodes.TriggerProgram,
)
"""Nodes that have a line of their own."""


def print_plan(plan: Node, indent: int = 0) -> str:
    """The plan as indented text, without a newline at the end."""
    return "\n".join(_lines(plan, indent, set()))


def _lines(node: Node | nodes.TriggerProgram, indent: int, shown: set[object]) -> Iterator[str]:
    """One line for the node itself; fields that are plans follow, indented."""
    if isinstance(node, nodes.Shared | nodes.TriggerProgram):
        key = (type(node).__name__, node.number)
        if key in shown:
            yield f"{'  ' * indent}{key[0]} number={node.number} (as above)"
            return
        shown.add(key)
    head, nested = [type(node).__name__], []
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, LINES) and value is not nodes.NO_EFFECTS:
            nested.append((field.name, value))
        elif isinstance(value, tuple) and value and isinstance(value[0], LINES):
            nested.extend((field.name, child) for child in value)
        elif value != field.default and value is not nodes.NO_EFFECTS and not _is_default(value):
            head.append(f"{field.name}={_value(value)}")
    pad = "  " * indent
    yield pad + " ".join(head)
    for name, child in nested:
        label = "" if name in ("child", "left", "right", "children", "steps") else f"{name}: "
        lines = _lines(child, indent + 1, shown)
        first = next(lines)
        yield f"{'  ' * (indent + 1)}{label}{first.strip()}"
        yield from lines
    for expr in nodes.subqueries(node) if isinstance(node, Node) else ():
        yield f"{pad}  subquery {expr.kind}:"
        if isinstance(expr.plan, nodes.Plan):
            yield from _lines(expr.plan, indent + 2, shown)


def _is_default(value: object) -> bool:
    return value is None or value is False or value == () or value == {} or value == ""


def _value(value: object) -> str:
    if isinstance(value, Node):
        return print_expr(value)
    if isinstance(value, Table | Index):
        return value.name
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_value, value)) + ")"
    if isinstance(value, frozenset):
        return "{" + ", ".join(map(str, sorted(value))) + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_value(part)}" for key, part in value.items()) + "}"
    return str(value)


# --- expressions --------------------------------------------------------------------------------------------------


def print_expr(expr: Node) -> str:
    """A bound expression on one line."""
    return fold(expr, _text, operands)


def _text(expr: Node, below: list[str]) -> str:
    """The text of a node, given the texts of its operands."""
    match expr:
        case bound.Constant():
            return print_value(expr.value) if expr.lifted is None else f"?L{expr.lifted}={print_value(expr.value)}"
        case bound.LiteralList():
            values = ", ".join(print_value(value) for (value,) in expr.value)
            return values if expr.lifted is None else f"?L{expr.lifted}={values}"
        case bound.Parameter():
            return f"?{expr.index}"
        case bound.ColumnRef():
            name = "rowid" if expr.column == -1 else expr.name or str(expr.column)
            return f"s{expr.source}.{name}"
        case AggregateRef():
            return f"aggregate{expr.source}.{expr.index}"
        case WindowRef():
            return f"window{expr.source}.{expr.index}"
        case bound.Unary():
            return f"{expr.op}{' ' if expr.op == 'not' else ''}{below[0]}"
        case bound.Binary():
            return f"({below[0]} {expr.op} {below[1]})"
        case bound.Compare():
            left, right = below[0] + _suffix(expr.left_affinity), below[1] + _suffix(expr.right_affinity)
            collation = f" collate {expr.collation}" if expr.collation != "BINARY" else ""
            return f"({left} {expr.op} {right}{collation})"
        case bound.IsNull():
            return f"({below[0]} is {_not(expr.negated)}null)"
        case bound.IsTruth():
            return f"({below[0]} is {_not(expr.negated)}{str(expr.wanted).lower()})"
        case bound.InList():
            return f"({below[0]}{_suffix(expr.affinity)} {_not(expr.negated)}in ({', '.join(below[1:])}))"
        case bound.Case():
            whens = zip(below[0::2], below[1::2], strict=False)
            otherwise = below[-1] if expr.otherwise is not None else "NULL"
            return f"case {' '.join(f'when {c} then {r}' for c, r in whens)} else {otherwise} end"
        case bound.Let():
            return f"let x{expr.number} = {below[0]} in {below[1]}"
        case bound.LetRef():
            return f"x{expr.number}"
        case bound.Cast():
            return f"cast({below[0]} as {expr.affinity})"
        case bound.ApplyAffinity():
            return f"affinity({below[0]}, {expr.affinity})"
        case bound.Collated():
            return f"({below[0]} collate {expr.collation})"
        case bound.Call():
            return f"{expr.name}({', '.join(below)})"
        case bound.Generated():
            return f"({expr.name}: {below[0]})"
        case bound.Raise():
            return f"raise({', '.join((expr.action, *below))})"
        case bound.SubqueryExpr():
            return _subquery(expr, below)
        case bound.AggregateCall():
            return _aggregate(expr, below)
        case bound.OrderTerm() | nodes.SortKey():
            return _sort_key(expr, below[0])
        case bound.WindowCall():
            return _window(expr, below)
        case bound.Frame():
            return _frame(expr, below)
        case nodes.Bound():
            return ("=" if expr.inclusive else "") + ", ".join(below)
    return f"{type(expr).__name__}({', '.join(below)})"


def _not(negated: bool) -> str:
    return "not " if negated else ""


def _suffix(affinity: AffinityLetter | None) -> str:
    return f":{affinity}" if affinity is not None else ""


def _subquery(expr: bound.SubqueryExpr, below: list[str]) -> str:
    outer = f" outer={_value(expr.outer)}" if expr.outer else ""
    outer += " remembered" if expr.remembered else ""
    outer += " by index" if expr.look_up is not None else ""
    operand = f"{below[0]}{_suffix(expr.affinity)} " if below else ""
    kind = "bound" if isinstance(expr.plan, Query) else expr.kind
    return f"{operand}{_not(expr.negated)}{kind}(…{outer})"


def _aggregate(call: bound.AggregateCall, below: list[str]) -> str:
    n = len(call.args)
    distinct = "distinct " if call.distinct else ""
    condition = f" filter ({below[n]})" if call.filter is not None else ""
    keys = below[len(below) - len(call.order_by) :]
    order = f" order by {', '.join(keys)}" if keys else ""
    return f"{call.name}({distinct}{', '.join(below[:n]) or '*'}{order}){condition}"


def _window(call: bound.WindowCall, below: list[str]) -> str:
    n, m = len(call.args), len(call.args) + (call.filter is not None)
    condition = f" filter ({below[n]})" if call.filter is not None else ""
    parts = [("partition by", below[m : m + len(call.partition)]), ("order by", below[m + len(call.partition) : -1])]
    clauses = "".join(f"{clause} {', '.join(terms)} " for clause, terms in parts if terms)
    return f"{call.name}({', '.join(below[:n])}){condition} over ({clauses}{below[-1]})"


def _frame(frame: bound.Frame, below: list[str]) -> str:
    offsets = list(below)
    start = f"{offsets.pop(0)} {frame.start}" if frame.start_offset is not None else frame.start
    end = f"{offsets.pop(0)} {frame.end}" if frame.end_offset is not None else frame.end
    return f"{frame.unit} {start}..{end}" + (f" exclude {frame.exclude}" if frame.exclude else "")


def _sort_key(key: bound.OrderTerm | nodes.SortKey, text: str) -> str:
    if key.collation != "BINARY":
        text += f" collate {key.collation}"
    return text + (" desc" if key.desc else "") + (f" nulls {key.nulls}" if key.nulls else "")
