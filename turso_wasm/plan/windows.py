"""Window functions: Window nodes, and what is above them rewritten to their columns.

Functions whose windows have the same partitions and order are computed together, by one node; each other window is
a *stage* of its own. The first that the text names comes last, as in SQLite: so its order is that of the result. A
stage sorts its rows unless they come in its order anyway: from an index, or from the stage before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, Final

from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.bind.query import Core, OrderKey, WindowRef
from turso_wasm.bind.walk import (
    has_subtype,
    order_key,
    same_expression,
    transform,
    transform_window,
    walk,
    window_expressions,
)
from turso_wasm.bind.windows import same_frame
from turso_wasm.catalog.objects import IndexColumn, Table
from turso_wasm.plan import cost, nodes

if TYPE_CHECKING:
    from turso_wasm.plan.planned_rows import Rows
    from turso_wasm.plan.planner import Planner

_COUNTERS: Final = frozenset({"row_number", "rank", "dense_rank"})
_LOOKING: Final = frozenset(
    {"percent_rank", "cume_dist", "ntile", "lag", "lead", "first_value", "last_value", "nth_value"}
)


@dataclass(slots=True)
class Stage:
    """Windows with the same partitions and order. keys: the order of the rows, the partition's terms first.
    calls: indices into the windows of the core. name: what EXPLAIN QUERY PLAN calls its rows.
    """

    keys: list[OrderKey]
    n_partition: int
    calls: list[int]
    name: str = ""


class Windowing:
    """The window functions of one SELECT; `order_by` is that of its query. Terms are compared as they were bound."""

    def __init__(self, planner: Planner, core: Core, order_by: Sequence[OrderKey]) -> None:
        self.planner = planner
        self.core = core
        self.order_by = list(order_by)
        self.left_out: set[int] = set()
        self.stages = self._merged(self._stages())  # the last one first
        binder = planner.binder
        for stage in self.stages:
            stage.name = f"(subquery-{binder.number_select()})"

    # --- stages --------------------------------------------------------------------------------------------------

    def _stages(self) -> list[Stage]:
        """One for each window and frame, in the order of the text; none if nothing is asked for."""
        copies = self.core.window_copies
        exprs = [*self.core.outputs, *(key.expr for key in self.order_by)]
        if not any(isinstance(part, WindowRef) and part.source == self.core.window_source for part in walk(*exprs)):
            return []
        found: list[tuple[Stage, bound.Frame]] = []
        for index, call in enumerate(self.core.windows):
            new = Stage(_keys(call), len(call.partition), [index])
            others = found[1:] if index in copies else found
            alike = (stage for stage, frame in others if self._alike(stage, new) and self._is_frame(frame, call))
            same = next(alike, None)
            if same is None:
                found.append((new, call.frame))
            else:
                same.calls.append(index)
        return [stage for stage, _ in found]

    def _is_frame(self, frame: bound.Frame, call: bound.WindowCall) -> bool:
        return same_frame(frame, call.frame, self.planner.binder)

    def _merged(self, stages: list[Stage]) -> list[Stage]:
        """Neighbours that differ in their frames only are computed together. (Others, with one between them that
        sorts, are not: ties come in another order by then.)
        """
        result: list[Stage] = []
        for stage in stages:
            if result and self._alike(result[-1], stage):
                result[-1].calls += [index for index in stage.calls if not self._is_there(index, result[-1])]
            else:
                result.append(stage)
        return result

    def _is_there(self, index: int, stage: Stage) -> bool:
        """A copy that is computed with what it is a copy of is left out."""
        found = self.core.window_copies.get(index) in stage.calls
        if found:
            self.left_out.add(index)
        return found

    def _alike(self, a: Stage, c: Stage) -> bool:
        same = a.n_partition == c.n_partition and len(a.keys) == len(c.keys)
        return same and self._serves(a.keys, c.keys)

    def _serves(self, order: Sequence[OrderKey], keys: Sequence[OrderKey]) -> bool:
        """Rows in `order` are in the order of `keys` too."""
        return len(keys) <= len(order) and all(
            (key.desc, key.nulls, key.collation) == (other.desc, other.nulls, other.collation)
            and same_expression(key.expr, other.expr, self.planner.binder.pin)
            for key, other in zip(keys, order, strict=False)
        )

    def _has_no_peers(self, stage: Stage) -> bool:
        """The rows are those of one table, and no two of them have the same keys."""
        item = self.core.only_item()
        if self.core.is_aggregate or item is None or item.table is None or item.table.kind != "table":
            return False
        own = {
            (key.expr.column, "BINARY" if key.expr.column < 0 else key.collation)
            for key in stage.keys
            if isinstance(key.expr, bound.ColumnRef) and key.expr.source == item.source
        }
        return any(
            all(own & {(part.column, part.collation), (part.column, "BINARY")} for part in unique)
            for unique in _unique_keys(item.table)
        )

    @property
    def streams(self) -> bool:
        """Few rows are read for the first rows of the result, if they come in order."""
        return len(self.stages) == 1 and _unit(self.core.windows) != "partition"

    def wished_order(self) -> list[OrderKey]:
        """The order in which the rows had best come: that of the first stage that has one."""
        for stage in reversed(self.stages):
            if stage.keys:
                return stage.keys
        if any(isinstance(part, WindowRef) for key in self.order_by for part in walk(key.expr)):
            return []
        return self.order_by

    @property
    def first_order(self) -> list[OrderKey]:
        """What the stage that is computed first sorts its rows by."""
        return self.stages[-1].keys if self.stages else self.order_by

    # --- nodes ---------------------------------------------------------------------------------------------------

    def plan(
        self,
        rows: Rows,
        own: frozenset[int],
        calls: Sequence[bound.WindowCall],
        order_by: list[OrderKey],
        order: Sequence[OrderKey],
        ties: Sequence[OrderKey],
    ) -> tuple[list[OrderKey], bool]:
        """Put the stages above the plan of `rows`, whose columns are those of the sources `own`.

        The result columns of `rows` (not finished yet), the windows `calls` and `order_by` are in terms of these;
        `order`, in which the rows come, is as it was bound; `ties`: what the first stage sorts further by. The results:
        `order_by` rewritten, whether rows come so.
        """
        planner = self.planner
        left = {index: calls[index] for stage in self.stages for index in stage.calls}
        for stage in reversed(self.stages):
            mine = [left.pop(index) for index in stage.calls]
            if self._has_no_peers(stage):
                mine = [_by_rows(call) for call in mine]
            columns = _Columns(planner, own)
            columns.keep([*rows.exprs, *(key.expr for key in order_by), *(key.expr for key in ties)])
            for call in left.values():
                columns.keep(window_expressions(call))
            sort = not self._serves(order, stage.keys)
            rows.plan = _window(planner, stage, mine, columns, rows.plan, sort, ties)
            ties = ()
            rewrite = _Rewriter(columns, self.core.window_source, self._places(stage))
            rows.exprs = tuple(transform(expr, rewrite) for expr in rows.exprs)
            order_by = [order_key(key, rewrite) for key in order_by]
            left = {index: transform_window(call, rewrite) for index, call in left.items()}
            rows.cost += rows.rows + (cost.sort_cost(rows.rows) if sort else 0.0)
            order = stage.keys if sort else order
            own = frozenset({columns.source})
        return order_by, self._serves(order, self.order_by)

    def _places(self, stage: Stage) -> dict[int, int]:
        """Which of the stage's calls stands for which window: for copies, too, that were left out."""
        places = {index: at for at, index in enumerate(stage.calls)}
        for copy, index in self.core.window_copies.items():
            if index in places and copy in self.left_out:
                places[copy] = places[index]
        return places


def _keys(call: bound.WindowCall) -> list[OrderKey]:
    return [
        OrderKey(expr=term.expr, desc=term.desc, nulls=term.nulls, collation=term.collation)
        for term in (*call.partition, *call.order)
    ]


def _window(
    planner: Planner,
    stage: Stage,
    calls: list[bound.WindowCall],
    columns: _Columns,
    child: nodes.Plan,
    sort: bool,
    ties: Sequence[OrderKey],
) -> nodes.Window:
    keys = tuple(columns.sort_key(term) for term in (*calls[0].partition, *calls[0].order))
    placed = tuple(columns.call(call) for call in calls)
    further = tuple(columns.sort_key(term) for term in ties)  # of an index: they may be expressions
    planner.binder.names[columns.source] = stage.name
    return nodes.Window(
        source=columns.source,
        child=child,
        outputs=tuple(planner.finish(expr) for expr in columns.exprs),
        partition=keys[: stage.n_partition],
        order=keys[stage.n_partition :],
        ties=further,
        calls=placed,
        sort=sort,
        unit=_unit(placed),
    )


def _unique_keys(table: Table) -> Iterator[tuple[IndexColumn, ...]]:
    """Columns of which no two rows have the same values, none NULL; column -1 is the rowid."""
    yield table.primary_key if table.without_rowid else (IndexColumn(-1),)
    for index in table.indexes:
        known = all(part.column >= 0 and table.columns[part.column].not_null for part in index.columns)
        if index.unique and index.where is None and known:
            yield index.columns


def _by_rows(call: bound.WindowCall) -> bound.WindowCall:
    """What is the same where no row has a peer, and need not wait for peers. The user's code sees how it is called."""
    if call.number >= 0:
        return call
    frame = call.frame
    offsets = frame.start_offset is not None or frame.end_offset is not None
    unit: bound.FrameUnit = "range" if frame.unit == "range" and offsets else "rows"
    exclude = frame.exclude
    if exclude == "group":
        exclude = "current row"
    elif exclude != "current row":  # which of equal values min() and max() show depends on that there is one
        exclude = "no others" if exclude and call.name in ("min", "max") else ""
    name = "row_number" if call.name in ("rank", "dense_rank") else call.name
    return replace(call, name=name, frame=replace(frame, unit=unit, exclude=exclude))


def _unit(calls: Sequence[bound.WindowCall]) -> nodes.WindowUnit:
    """How many rows must be known before the first of them can be answered."""
    unit: nodes.WindowUnit = "row"
    for call in calls:
        frame = call.frame
        if call.name in _COUNTERS:
            continue
        if call.name in _LOOKING or frame.start != "unbounded" or frame.end != "current" or frame.exclude:
            return "partition"
        if frame.unit != "rows":
            unit = "group"
    return unit


@dataclass(slots=True)
class _Columns:
    """What a Window node keeps of the rows below it, as its first columns: all that is read above, and what its
    functions and keys need.
    """

    planner: Planner
    own: frozenset[int]
    source: int = -1
    exprs: list[bound.Expr] = field(default_factory=list)
    places: dict[tuple[int, int], int] = field(default_factory=dict)  # of those that are columns below

    def __post_init__(self) -> None:
        self.source = self.planner.new_source()

    def keep(self, exprs: Iterable[bound.Expr]) -> None:
        """Every column of the rows below that the expressions read."""
        for part in walk(*exprs):
            if isinstance(part, bound.ColumnRef) and part.source in self.own:
                self._place(part)

    def place(self, expr: bound.Expr) -> bound.Expr:
        """What stands for `expr` in the node: computed once for each row, before it is sorted."""
        if isinstance(expr, bound.Constant | bound.Parameter):
            return expr
        at = self._place(expr)
        return replace(expr, source=self.source, column=at) if isinstance(expr, bound.ColumnRef) else self._ref(at)

    def _ref(self, at: int) -> bound.ColumnRef:
        return bound.ColumnRef(source=self.source, column=at)

    def _place(self, expr: bound.Expr) -> int:
        if isinstance(expr, bound.ColumnRef):
            known = self.places.get((expr.source, expr.column))
            if known is None:
                known = self.places[expr.source, expr.column] = self._add(expr)
            return known
        pin = self.planner.binder.pin
        for at, other in enumerate(self.exprs):
            if type(other) is type(expr) and same_expression(other, expr, pin):
                return at
        return self._add(expr)

    def _add(self, expr: bound.Expr) -> int:
        self.exprs.append(expr)
        return len(self.exprs) - 1

    def _late(self, expr: bound.Expr) -> bound.Expr:
        """The expression over the kept columns: its value is marked as JSON, which a column would forget."""

        def kept(part: bound.Expr) -> bound.Expr | None:
            return self.place(part) if isinstance(part, bound.ColumnRef) and part.source in self.own else None

        return self.planner.finish(transform(expr, kept))

    def sort_key(self, term: bound.OrderTerm | OrderKey) -> nodes.SortKey:
        """A term of PARTITION BY or ORDER BY."""
        expr = self._ref(self._place(term.expr))
        return nodes.SortKey(expr=expr, desc=term.desc, nulls=term.nulls, collation=term.collation)

    def call(self, call: bound.WindowCall) -> bound.WindowCall:
        """A function over the node's own columns."""
        args = tuple(self._late(arg) if has_subtype(arg) else self.place(arg) for arg in call.args)
        condition = None if call.filter is None else self.place(call.filter)
        return replace(call, args=args, filter=condition, partition=(), order=())


@dataclass(slots=True)
class _Rewriter:
    """Replaces what a Window node keeps and computes by references to its columns."""

    columns: _Columns
    window_source: int
    places: dict[int, int]  # which call stands for which window

    def __call__(self, expr: bound.Expr) -> bound.Expr | None:
        columns = self.columns
        if isinstance(expr, WindowRef) and expr.source == self.window_source and expr.index in self.places:
            at = len(columns.exprs) + self.places[expr.index]
            return bound.ColumnRef(source=columns.source, column=at)
        if isinstance(expr, bound.ColumnRef) and expr.source in columns.own:
            return replace(expr, source=columns.source, column=columns.places[expr.source, expr.column], exact=False)
        return None
