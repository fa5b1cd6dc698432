"""Code of the user's called for many rows at once: which calls of a plan may be gathered (docs/decisions/0037).

A Batch is put below the node that evaluates the calls, where their sequence and their number stay as they are. A call
of a deterministic function may move; any other must stand with all others of its kind, and nothing behind it may end
the statement early or see what it has changed. What is read ahead of a call must not fail: the error would come before
rows that belong before it. Steps of aggregates, which give nothing back, are put off on the same conditions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from turso_wasm.base.tree import Node, children, transform, walk
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.walk import all_of, conjuncts
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.providers import ROWID

RowByRow: TypeAlias = (
    nodes.Output
    | nodes.Insert
    | nodes.Update
    | nodes.Delete
    | nodes.Sort
    | nodes.Distinct
    | nodes.Aggregate
    | nodes.Filter
    | nodes.Limit
)
"""The nodes through which calls are looked for."""

SAFE_SOURCES = (
    nodes.Append,
    nodes.AntiJoin,
    nodes.Bound,
    nodes.Distinct,
    nodes.Filter,
    nodes.FunctionScan,
    nodes.HashJoin,
    nodes.IndexGroups,
    nodes.IndexScan,
    nodes.LeftJoin,
    nodes.Limit,
    nodes.LiteralRows,
    nodes.NestedLoop,
    nodes.OneRow,
    nodes.Recursive,
    nodes.RowidRange,
    nodes.RowidSeek,
    nodes.SemiJoin,
    nodes.Series,
    nodes.Shared,
    nodes.SharedScan,
    nodes.Sort,
    nodes.SortKey,
    nodes.TableScan,
    nodes.Values,
)
SAFE_EXPRESSIONS = (
    bound.ApplyAffinity,
    bound.Binary,
    bound.Case,
    bound.Cast,
    bound.Collated,
    bound.ColumnRef,
    bound.Compare,
    bound.Constant,
    bound.Generated,
    bound.InList,
    bound.IsNull,
    bound.IsTruth,
    bound.LiteralList,
    bound.Parameter,
    bound.Unary,
)
SAFE_FUNCTIONS = frozenset(
    {
        "coalesce",
        "hex",
        "ifnull",
        "iif",
        "instr",
        "length",
        "likelihood",
        "likely",
        "lower",
        "ltrim",
        "max",
        "min",
        "nullif",
        "octet_length",
        "quote",
        "random",
        "round",
        "rtrim",
        "sign",
        "substr",
        "substring",
        "trim",
        "typeof",
        "unicode",
        "unlikely",
        "upper",
    }
)
"""Functions that fail for no argument but one of a gigabyte."""
SAFE_AGGREGATES = frozenset({"avg", "count", "group_concat", "max", "min", "string_agg", "sum", "total"})
"""Likewise, as far as a row goes (sum overflows at the end)."""
OBSERVERS = frozenset(("changes", "total_changes", "last_insert_rowid"))
MANY = (
    nodes.HashJoin,
    nodes.IndexScan,
    nodes.LiteralRows,
    nodes.Recursive,
    nodes.RowidRange,
    nodes.Series,
    nodes.SharedScan,
    nodes.TableScan,
    nodes.Values,
)


def gather_calls(root: nodes.Plan, binder: Binder) -> nodes.Plan:
    """The plan of a statement with calls of the user's code gathered where they may be."""
    return _gather(_gather_windows(_gather_steps(root)), binder) if binder.calls_user else root


def gather_in_subquery(root: nodes.Output, binder: Binder) -> nodes.Plan:
    """The plan of a subquery likewise: only what is deterministic, since what is around it is not known."""
    return _gather(root, binder, is_inner=True) if binder.calls_user else root


def _gather(root: nodes.Plan, binder: Binder, is_inner: bool = False) -> nodes.Plan:
    depth = 0
    node: nodes.Plan | None = root
    while isinstance(node, RowByRow):
        node, depth = node.child, depth + 1
    for level in reversed(range(depth)):
        root = _gather_at(root, level, binder, is_inner)
    return root


# --- functions ----------------------------------------------------------------------------------------------------


def _gather_at(root: nodes.Plan, level: int, binder: Binder, is_inner: bool) -> nodes.Plan:
    """Gather the calls of the node that many levels below the root."""
    path = [root]
    for _ in range(level):
        path.append(path[-1].child)  # type: ignore[attr-defined]
    node = path[-1]
    if isinstance(node, nodes.Filter):
        divided = _divided(node)
        if divided is not node:
            root, node = _with(root, {id(node): divided}), divided
    below = node.child  # type: ignore[attr-defined]
    calls = _strict_calls(_evaluated(node))
    calls = [call for call in calls if call.deterministic] if is_inner else _movable(calls, path, below)
    if not calls or not _is_safe(below) or not any(isinstance(found, MANY) for found in walk([below])):
        return root
    source = binder.new_source()
    replaced: dict[int, Node] = {id(call): bound.ColumnRef(source=source, column=at) for at, call in enumerate(calls)}
    columns = _columns_above(root, below, replaced)
    by_rows = len(calls) > 1 and not all(call.deterministic for call in calls)
    batch = nodes.Batch(source=source, child=below, columns=columns, calls=tuple(calls), by_rows=by_rows)
    return _with(root, {**replaced, id(below): batch})


def _with(root: nodes.Plan, replaced: dict[int, Node]) -> nodes.Plan:
    found = transform(root, lambda node: replaced.get(id(node)))
    assert isinstance(found, nodes.Plan)
    return found


def _divided(node: nodes.Filter) -> nodes.Filter:
    """The conditions before the first that calls code of the user's become a filter below."""
    parts = conjuncts(node.predicate)
    first = next((at for at, part in enumerate(parts) if any(map(is_user_call, walk([part])))), 0)
    before, rest = all_of(parts[:first]), all_of(parts[first:])
    if before is None or rest is None:
        return node
    return nodes.Filter(child=nodes.Filter(child=node.child, predicate=before), predicate=rest)


def _evaluated(node: nodes.Plan) -> Iterable[bound.Expr]:
    """What a node computes of every row that comes, in this order."""
    match node:
        case nodes.Output(single=False):
            return node.exprs
        case nodes.Insert(single_row=False):
            return node.values if node.rowid is None else (*node.values, node.rowid)
        case nodes.Update():
            return node.collected
        case nodes.Sort(limit=None):
            return (*node.outputs, *(key.expr for key in node.keys))
        case nodes.Distinct():
            return node.keys
        case nodes.Filter():
            return conjuncts(node.predicate)[:1]
        case nodes.Aggregate():
            given = (arg for call in node.aggregates if call.filter is None for arg in call.args)
            return (*node.keys, *given)
        case _:
            return ()


def _strict_calls(exprs: Iterable[bound.Expr]) -> list[bound.Call]:
    """The calls of functions of the user's that are made whatever the values are, and whose arguments are safe."""
    found: dict[int, bound.Call] = {}
    stack: list[Node] = []
    stack += [*exprs][::-1]
    while stack:
        node = stack.pop()
        if isinstance(node, bound.Call) and node.style == "user":
            if all(map(_is_safe, node.args)):
                found[id(node)] = node
        elif isinstance(node, bound.Binary) and node.op in ("and", "or"):
            stack.append(node.left)
        elif isinstance(node, bound.Call) and node.name in ("coalesce", "ifnull"):
            stack.append(node.args[0])
        elif isinstance(node, bound.Binary | bound.Unary | bound.Compare | bound.Cast | bound.ApplyAffinity) or (
            isinstance(node, bound.Collated | bound.IsNull | bound.IsTruth)
            or (isinstance(node, bound.Call) and node.style in ("fixed", "array"))
        ):
            stack += children(node)[::-1]
    return list(found.values())


def _movable(calls: Sequence[bound.Call], path: Sequence[nodes.Plan], below: nodes.Plan) -> list[bound.Call]:
    """Those of the calls that may be made ahead of what stands between them."""
    if all(call.deterministic for call in calls):
        return list(calls)
    root, own = path[0], {id(call) for call in calls}
    others = any(_is_observed(node) and id(node) not in own for node in walk([root]))
    if isinstance(root, nodes.Output) and not others and not _stops(path[:-1]) and _is_safe_but(root, below, *calls):
        return list(calls)
    return [call for call in calls if call.deterministic]


def _stops(path: Sequence[nodes.Plan]) -> bool:
    """A LIMIT among nodes, the highest first, may end the statement before all rows below have come."""
    stops = False
    for node in path:
        if isinstance(node, nodes.Limit):
            stops = True
        elif isinstance(node, nodes.Sort | nodes.Aggregate):
            stops = False  # it reads all rows before it gives the first
    return stops


def _is_safe_but(root: nodes.Plan, *known: Node) -> bool:
    """Nothing but what is below the known nodes fails."""
    own = {id(node) for node in known}
    around = walk([root], lambda node: [] if id(node) in own else children(node))
    return all(id(node) in own or _is_safe_around(node) for node in around)


def _is_observed(node: Node) -> bool:
    """It may change what others see, or see what others have changed."""
    if isinstance(node, bound.Call):
        return node.name in OBSERVERS or (node.style == "user" and not node.deterministic)
    if isinstance(node, bound.AggregateCall | bound.WindowCall):
        return node.number >= 0
    return isinstance(node, bound.SubqueryExpr | nodes.UserRows)


def is_user_call(node: Node) -> bool:
    """A function of the user's is called."""
    return isinstance(node, bound.Call) and node.style == "user"


def _is_safe(root: Node) -> bool:
    """No row of it, or no value, is an error; and no code of the user's is called."""
    return all(_is_safe_itself(node) for node in walk([root]))


def _is_safe_itself(node: Node) -> bool:
    if isinstance(node, bound.Call):
        return node.style != "user" and node.name in SAFE_FUNCTIONS
    return isinstance(node, SAFE_SOURCES) or type(node) in SAFE_EXPRESSIONS


def _is_safe_around(node: Node) -> bool:
    """What is done with the row does not fail."""
    if isinstance(node, bound.AggregateCall):
        return node.name in SAFE_AGGREGATES
    return isinstance(node, RowByRow) or _is_safe_itself(node)


def _columns_above(root: nodes.Plan, below: nodes.Plan, replaced: dict[int, Node]) -> tuple[bound.ColumnRef, ...]:
    """The columns of the sources in `below` that are used elsewhere, but in what is replaced."""
    own = {getattr(node, "source", -1) for node in walk([below]) if isinstance(node, nodes.Plan)}

    def outside(node: Node) -> list[Node]:
        return [] if node is below or id(node) in replaced else children(node)

    found: dict[tuple[int, int], bound.ColumnRef] = {}
    for node in walk(_readers(root), outside):
        if isinstance(node, bound.ColumnRef) and node.source in own:
            found.setdefault((node.source, node.column), node)
    return tuple(found.values())


def _row_key(table: Table, source: int) -> Iterator[bound.ColumnRef]:
    numbers = [part.column for part in table.primary_key] if table.without_rowid else [ROWID]
    return (bound.ColumnRef(source=source, column=number) for number in numbers)


def _readers(root: nodes.Plan) -> Sequence[Node]:
    """What reads the rows below: of a change the row's key does, by which it is found again."""
    match root:
        case nodes.Update(collected=found) if found:
            return (root.child, *found)
        case nodes.Update():
            return (root.child, *_row_key(root.table, root.old_source))
        case nodes.Delete(child=child) if child is not None:
            return (child, *_row_key(root.table, root.source))
        case _:
            return (root,)


# --- aggregates ---------------------------------------------------------------------------------------------------


def _gather_steps(root: nodes.Plan) -> nodes.Plan:
    """Mark the aggregates of the user's that may be told of their rows later than these come."""
    marked: dict[int, Node] = {}
    for node in walk([root]):
        if isinstance(node, nodes.Aggregate):
            for call in _later(node):
                marked[id(call)] = replace(call, gathers=True)
    return _with(root, marked) if marked else root


def _later(node: nodes.Aggregate) -> Iterator[bound.AggregateCall]:
    own = {id(call) for call in node.aggregates}
    for part in walk([node]):
        if id(part) in own or part is node or is_user_call(part):  # what calls the user's code calls the others first
            continue
        if not _is_safe_itself(part) or isinstance(part, bound.SubqueryExpr):
            return
    yield from (call for call in node.aggregates if call.number >= 0)


# --- windows ------------------------------------------------------------------------------------------------------


def _gather_windows(root: nodes.Plan) -> nodes.Plan:
    """Let the values of a window of the user's be asked for ahead of its rows, if no other code of the user's is
    called, and neither a LIMIT nor an error can end the statement in between.
    """
    path: list[nodes.Plan] = []
    node: nodes.Plan | None = root
    while isinstance(node, RowByRow) or (isinstance(node, nodes.Append) and len(node.children) == 1):
        path.append(node)
        node = node.children[0] if isinstance(node, nodes.Append) else node.child
    if not isinstance(node, nodes.Window) or not isinstance(root, nodes.Output) or not _may_ask_ahead(node):
        return root
    if _stops(path) or not _is_safe_but(root, node):
        return root
    return _with(root, {id(node): replace(node, ahead=True, unit="partition")})


def _may_ask_ahead(node: nodes.Window) -> bool:
    calls = node.calls
    plain = all(call.number >= 0 and call.frame.exclude in ("", "no others") for call in calls)
    keys = (*node.partition, *node.order, *node.ties)
    given = (expr for call in calls for expr in (*call.args, *filter(None, (call.filter, *_offsets(call)))))
    return plain and all(map(_is_safe, (node.child, *node.outputs, *keys, *given)))


def _offsets(call: bound.WindowCall) -> tuple[bound.Expr | None, bound.Expr | None]:
    return call.frame.start_offset, call.frame.end_offset
