"""SELECT, VALUES, FROM clauses and common table expressions."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from turso_wasm.base.records import dataclass
from turso_wasm.sql.ast_base import Expr, FromSource, Name, Node, Span, Statement
from turso_wasm.sql.ast_expr import OrderTerm, WindowSpec
from turso_wasm.sql.literals import LiteralValue

# --- result columns --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class ResultColumn(Node):
    """`expr [[AS] alias]`, also in RETURNING.

    text_span: the characters of the expression alone, with its parentheses: SQLite's name for a column without alias
    that is no plain column reference is exactly that text.
    """

    expr: Expr
    alias: str | None = None
    text_span: Span = field(default=(0, 0), compare=False, repr=False)
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Star(Node):
    """`*` or `table.*`. nested: it stands for a join in parentheses that has a name (the binder's)."""

    table: str | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)
    nested: bool = field(default=False, compare=False, repr=False)


# --- sources ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class TableSource(FromSource):
    """A table, view or CTE by name. indexed_by: the name; not_indexed: NOT INDEXED was written."""

    name: str
    schema: str | None = None
    alias: str | None = None
    indexed_by: str | None = None
    not_indexed: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class TableFunctionSource(FromSource):
    """`[schema.]name(arguments) [AS alias]`."""

    name: str
    schema: str | None = None
    arguments: tuple[Expr, ...] = ()
    alias: str | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class SubquerySource(FromSource):
    """`(select) [AS alias]`."""

    select: Select
    alias: str | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class ParenthesizedSource(FromSource):
    """`(source) [AS alias]`: a join in parentheses (or one table in them)."""

    source: FromSource
    alias: str | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


JoinKind = Literal["COMMA", "INNER", "CROSS", "LEFT", "RIGHT", "FULL"]


@dataclass(slots=True)
class Join(FromSource):
    """Joins lean to the left: `a JOIN b JOIN c` is Join(Join(a, b), c).

    At most one of `on` and `using` is not None. `natural` goes with any kind but COMMA.
    """

    kind: JoinKind
    left: FromSource
    right: FromSource
    natural: bool = False
    on: Expr | None = None
    using: tuple[Name, ...] | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


# --- SELECT ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class CommonTable(Node):
    """`name [(columns)] AS [[NOT] MATERIALIZED] (select)`. columns: () where none are written."""

    name: str
    columns: tuple[Name, ...]
    select: Select
    materialized: bool | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class With(Node):
    """`WITH [RECURSIVE] tables`."""

    recursive: bool
    tables: tuple[CommonTable, ...]
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class WindowDefinition(Node):
    """One `name AS (spec)` of the WINDOW clause."""

    name: str
    spec: WindowSpec
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class SelectCore(Node):
    """One SELECT without what comes after the last of a compound. number: SELECTs are counted where they end, and more
    than one row of VALUES twice, as in SQLite; 0: it stands in no text.
    """

    columns: tuple[ResultColumn | Star, ...]
    source: FromSource | None = None
    where: Expr | None = None
    group_by: tuple[Expr, ...] = ()
    having: Expr | None = None
    windows: tuple[WindowDefinition, ...] = ()
    distinct: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)
    number: int = field(default=0, compare=False, repr=False)


@dataclass(slots=True)
class Values(Node):
    """`VALUES (…), (…)` with one row, or with a row that is not all literals. All rows are of one width.

    listed: it is written as a list of rows behind IN.
    """

    rows: tuple[tuple[Expr, ...], ...]
    span: Span = field(default=(0, 0), compare=False, repr=False)
    number: int = field(default=0, compare=False, repr=False)
    listed: bool = False


@dataclass(slots=True)
class LiteralValues(Node):
    """`VALUES` with two or more rows of nothing but NULL and literals (with or without a sign), all of one width.

    rows: data, no nodes. `index` is the ordinal of the *whole list*: `normalize` lifts it as one literal.
    """

    rows: tuple[tuple[LiteralValue, ...], ...]
    index: int = field(default=-1, compare=False, repr=False)
    span: Span = field(default=(0, 0), compare=False, repr=False)
    number: int = field(default=0, compare=False, repr=False)


CompoundOperator = Literal["UNION", "UNION ALL", "EXCEPT", "INTERSECT"]


@dataclass(slots=True)
class CompoundPart(Node):
    """One `UNION core` and the like."""

    op: CompoundOperator
    core: SelectCore | Values | LiteralValues
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Select(Statement):
    """`[WITH …] core [UNION core …] [ORDER BY …] [LIMIT limit [OFFSET offset]]`; compounds group to the left."""

    core: SelectCore | Values | LiteralValues
    compounds: tuple[CompoundPart, ...] = ()
    order_by: tuple[OrderTerm, ...] = ()
    limit: Expr | None = None
    offset: Expr | None = None
    with_: With | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)
