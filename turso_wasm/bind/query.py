"""A bound SELECT: what the binder hands to the planner.

Names are resolved, stars expanded, views and common tables opened; nothing is decided about how it will run. Row
sources have numbers unique in the statement; a column of the source `n` is ColumnRef(n, column).

Invariants:
  Q1  `Core.where` and `Step.on` are conjuncts: no element is a Binary "and" at its top.
  Q2  Inner ON and USING conditions are in `Core.where`; `Step.on` is used by outer, semi- and anti-joins only.
  Q3  In an aggregate core, outputs, having and order terms may contain AggregateRef(aggregate_source, n) for
      aggregates[n] and plain ColumnRefs; the planner rewrites both to columns of the Aggregate node.
  Q4  Outputs and order terms may contain WindowRef(window_source, n) for windows[n], whose own expressions may contain
      what outputs may, but for WindowRefs.
  Q5  `Query.order_by` of a compound refers to ColumnRef(Query.source, n): column n of the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, Literal, TypeAlias

from turso_wasm.base.records import dataclass
from turso_wasm.bind.bound import AggregateCall, Call, ColumnRef, Expr, NullsOrder, WindowCall

if TYPE_CHECKING:
    from turso_wasm.catalog.objects import Table
    from turso_wasm.catalog.own import TableFunction


USUAL_RUNS = 25.0  # how often a subquery that reads outer columns is taken to run


@dataclass(slots=True, frozen=True, kw_only=True)
class AggregateRef(Expr):
    """Stands for aggregates[index] of the core whose aggregate_source is `source`, until the planner has placed it.

    collation: that a COLLATE in its arguments gives it.
    """

    source: int
    index: int
    collation: str | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class WindowRef(Expr):
    """Stands for windows[index] of the core whose window_source is `source`, likewise."""

    source: int
    index: int
    collation: str | None = None


@dataclass(slots=True)
class OutputColumn:
    """What is known of a result column: its name and, for plain columns, where it comes from.

    span: of the text that the name was taken from, when it is an expression's text. is_alias: the name was given by AS.
    inner, stored: the names that it has for a query around, and in a view or a new table, when these are others: of the
    column under COLLATE, and so on.
    """

    name: str
    decltype: str | None = None
    table: str | None = None
    origin: str | None = None
    span: tuple[int, int] | None = None
    is_alias: bool = False
    inner: str | None = None
    stored: str | None = None


@dataclass(slots=True, eq=False)
class Common:
    """A common table or a view that several elements of FROM name and that is run once for all of them."""

    query: Query
    materialized: bool = False  # WITH … AS MATERIALIZED
    is_view: bool = False
    uses: int = 0

    @property
    def is_shared(self) -> bool:
        """Its rows are kept; it is not run where it is read."""
        return self.materialized or self.uses > 1


@dataclass(slots=True)
class Item:
    """One element of FROM: a table, or a subquery (also: an opened view or common table).

    name: what the query calls it. columns: the visible names, in order. hidden: folded names that USING or NATURAL
    merged into an element further left. shown, compared: by folded name, what such a column of this element means when
    it is named without qualifier, and what the next USING compares, where that is not the column itself (using.py).
    nullable: it may be NULL-extended by an outer join.
    """

    source: int
    name: str
    table: Table | None = None
    query: Query | None = None
    columns: tuple[str, ...] = ()
    numbers: dict[str, int] = field(default_factory=dict)
    refs: dict[int, ColumnRef] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    shown: dict[str, Expr] = field(default_factory=dict)
    compared: dict[str, Expr] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    schema: str | None = None
    alias: str | None = None
    nullable: bool = False
    virtual: Callable[[int], Expr] | None = None  # a table's virtual columns, by number
    indexed_by: str | None = None
    not_indexed: bool = False
    function: TableFunction | None = None  # whose rows they are; `table` is table_of(function)
    calls: list[Call] = field(default_factory=list)  # of functions of its row: columns behind those of the table
    sought: bool = False  # a row value is sought among its rows: all compare as the last SELECT does
    common: Common | None = None  # `query` is the common's, which is uncorrelated

    @property
    def shared(self) -> bool:
        """The rows are those of a common table that is run once."""
        return self.common is not None and self.common.is_shared


JoinKind: TypeAlias = Literal["inner", "cross", "left", "right", "full", "semi", "anti"]


@dataclass(slots=True)
class Step:
    """One operand of the join, in the order of the text: an item, or a `group` joined among itself first.

    kind: how it is joined to what stands left of it. cross: it keeps its place. right, full: what stands left of it is
    not in the list around it but in `left`, joined among itself first. semi, anti: it gives no columns, but rows of the
    others pass for which it has a row (has none) that satisfies `on`.
    """

    item: Item | None
    kind: JoinKind = "inner"
    on: list[Expr] = field(default_factory=list)
    group: list[Step] = field(default_factory=list)
    group_where: list[Expr] = field(default_factory=list)  # conditions inside the group
    left: list[Step] = field(default_factory=list)
    left_where: list[Expr] = field(default_factory=list)  # conditions inside `left`
    derived: list[Expr] = field(default_factory=list)  # semi, anti: they follow from the others: for look-ups only
    number: int = 0  # semi, anti: that of the subquery

    def items(self) -> list[Item]:
        """All items, in the order of the text."""
        return [*self.left_items(), *self.own_items()]

    def left_items(self) -> list[Item]:
        """The items of `left`."""
        return [item for step in self.left for item in step.items()]

    def own_items(self) -> list[Item]:
        """The item, or all items of the group."""
        if self.item is not None:
            return [self.item]
        return [item for step in self.group for item in step.items()]


@dataclass(slots=True)
class Core:
    """One SELECT of a compound, or a VALUES list (`rows`, as data or as expressions)."""

    outputs: list[Expr]
    columns: list[OutputColumn]
    steps: list[Step] = field(default_factory=list)
    where: list[Expr] = field(default_factory=list)
    derived: list[Expr] = field(default_factory=list)  # conditions that follow from `where`: for look-ups only
    distinct: bool = False
    is_aggregate: bool = False
    group_by: list[Expr] = field(default_factory=list)
    having: Expr | None = None
    aggregates: list[AggregateCall] = field(default_factory=list)
    aggregate_texts: list[str] = field(default_factory=list)  # their names as written
    aggregate_source: int = -1
    alike: dict[int, list[int]] = field(default_factory=dict)  # places in `aggregates` of those with one fingerprint
    windows: list[WindowCall] = field(default_factory=list)
    window_texts: list[str] = field(default_factory=list)  # their names as written
    window_copies: dict[int, int] = field(
        default_factory=dict
    )  # those of ORDER BY terms that name a result column: of which
    window_source: int = -1
    values_source: int = -1
    rows: tuple[tuple[Expr, ...], ...] | None = None
    parts: tuple[tuple[Expr, ...], ...] = ()  # of `rows`: what their columns are to comparisons (bind.values)
    literal_rows: tuple[tuple[object, ...], ...] | None = None
    literal_index: int = -1  # ordinal of the whole list among the lifted literals, -1: part of the program
    number: int = 0  # what EXPLAIN QUERY PLAN calls it
    runs: float = USUAL_RUNS  # how often it is taken to run, if it reads outer columns

    def only_item(self) -> Item | None:
        """The item of a FROM clause that has one only."""
        alone = len(self.steps) == 1 and not self.steps[0].left
        return self.steps[0].item if alone else None


@dataclass(slots=True, frozen=True, kw_only=True)
class OrderKey:
    """One bound ORDER BY term. nulls: "first", "last" or None for the default."""

    expr: Expr
    desc: bool = False
    nulls: NullsOrder | None = None
    collation: str = "BINARY"


@dataclass(slots=True)
class Query:
    """A bound SELECT statement. operators[i] ("UNION ALL", "UNION", "EXCEPT", "INTERSECT") stands before cores[i +
    1].
    """

    cores: list[Core]
    columns: list[OutputColumn]
    operators: list[str] = field(default_factory=list)
    order_by: list[OrderKey] = field(default_factory=list)
    limit: Expr | None = None
    offset: Expr | None = None
    source: int = -1  # compounds: the source whose columns the order terms name
    outer: tuple[ColumnRef, ...] = ()  # columns of enclosing queries it uses
    recursive: int = 0  # the cores from this number on are recursive: they read one row at a time, as `source`
    label: str = ""  # what EXPLAIN QUERY PLAN calls it
