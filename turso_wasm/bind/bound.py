"""Bound expressions: names are resolved, affinities and collations decided; what the planner moves and codegen emits.

Affinities: one-letter names "A".."E" or None (an expression without affinity). Every node may be shared; none
is mutated.
A row source (a scan, an aggregation, a sort …) has a number, unique in the statement; ColumnRef names its columns.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from turso_wasm.base.records import dataclass
from turso_wasm.base.tree import Node
from turso_wasm.catalog.own import CallStyle
from turso_wasm.catalog.types import AffinityLetter
from turso_wasm.sql.literals import ListKind

if TYPE_CHECKING:
    from turso_wasm.bind.query import Query
    from turso_wasm.catalog.derived import Derived
    from turso_wasm.catalog.objects import Table
    from turso_wasm.typed.types import Function as TypedFunction


UnaryOp: TypeAlias = Literal["-", "+", "~", "not"]
BinaryOp: TypeAlias = Literal["+", "-", "*", "/", "%", "||", "&", "|", "<<", ">>", "and", "or"]
CompareOp: TypeAlias = Literal["=", "<>", "<", "<=", ">", ">=", "is", "is not"]
SubqueryKind: TypeAlias = Literal["scalar", "exists", "in"]
RaiseAction: TypeAlias = Literal["IGNORE", "ABORT", "FAIL", "ROLLBACK"]
NullsOrder: TypeAlias = Literal["first", "last"]
FrameUnit: TypeAlias = Literal["rows", "range", "groups"]
FrameEdge: TypeAlias = Literal["unbounded", "preceding", "current", "following"]
Exclusion: TypeAlias = Literal["", "no others", "current row", "group", "ties"]
NULLS: dict[str | None, NullsOrder | None] = {None: None, "FIRST": "first", "LAST": "last"}
"""As it is written (upper case) → as it is bound; likewise:"""
COMPARISONS: dict[str, CompareOp] = {
    "=": "=",
    "<>": "<>",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
    "IS": "is",
    "IS NOT": "is not",
}
OPERATORS: dict[str, BinaryOp] = {
    "+": "+",
    "-": "-",
    "*": "*",
    "/": "/",
    "%": "%",
    "||": "||",
    "&": "&",
    "|": "|",
    "<<": "<<",
    ">>": ">>",
    "AND": "and",
    "OR": "or",
}


@dataclass(slots=True, frozen=True, kw_only=True)
class Expr(Node):
    """Base of bound expressions."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Plan(Node):
    """Base of plan nodes (plan.nodes)."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Constant(Expr):
    """A literal. `lifted`: ordinal of the literal in the text when its value must come from the statement's literal
    parameter (the plan does not depend on the value, only on its storage class), else None (value is part of the plan).
    """

    value: int | float | str | bytes | None
    lifted: int | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class LiteralList(Expr):
    """The members of an IN list of literals, in rows of one. `lifted` as of a Constant: the plan depends only on
    `kind`, not on how many there are nor on their values.
    """

    value: tuple[tuple[int | float | str | bytes | None, ...], ...]
    kind: ListKind
    lifted: int | None = None

    @property
    def members(self) -> tuple[Constant, ...]:
        """The members one by one, as parts of the plan."""
        return tuple([Constant(value=value) for (value,) in self.value])

    def is_safe_from(self, affinity: AffinityLetter | None) -> bool:
        """A comparison's affinity changes no member: that of text no text, a numeric one no number."""
        if affinity is None or affinity == "A":
            return True
        return self.kind == "texts" if affinity == "B" else self.kind in ("integers", "numbers")


@dataclass(slots=True, frozen=True, kw_only=True)
class Parameter(Expr):
    """User parameter number `index` (1-based)."""

    index: int


@dataclass(slots=True, frozen=True, kw_only=True)
class ColumnRef(Expr):
    """Column `column` of row source `source`; column -1 is the rowid. For scans `column` is the table's column
    number. collation: "" is none at all.
    """

    source: int
    column: int
    name: str = ""
    affinity: AffinityLetter | None = None
    collation: str = "BINARY"
    not_null: bool = False
    exact: bool = False  # a rowid or STRICT column: the storage class is certain (INTEGER for "D", REAL "E", TEXT "B")
    table: str | None = None  # for the result column's metadata
    decltype: str | None = None
    origin: str | None = None  # the table column's own name, likewise
    loose: bool = False  # its values need not have its affinity: of some virtual tables
    hidden: bool = False  # of a function or a virtual table: it may be an argument


@dataclass(slots=True, frozen=True, kw_only=True)
class Unary(Expr):
    """`op`: "-" "+" "~" "not"."""

    op: UnaryOp
    operand: Expr


@dataclass(slots=True, frozen=True, kw_only=True)
class Binary(Expr):
    """`op`: + - * / % || & | << >> — the value operators — and "and", "or"."""

    op: BinaryOp
    left: Expr
    right: Expr


@dataclass(slots=True, frozen=True, kw_only=True)
class Compare(Expr):
    """`op`: = <> < <= > >= "is" "is not". Affinity to apply to each side before comparing ("C" numeric kinds, "B" text,
    None) was decided by the binder (datatype3.html section 4.2).
    """

    op: CompareOp
    left: Expr
    right: Expr
    collation: str = "BINARY"
    left_affinity: AffinityLetter | None = None
    right_affinity: AffinityLetter | None = None
    is_argument: bool = False  # of a table-valued function, whose hidden column is `left`


@dataclass(slots=True, frozen=True, kw_only=True)
class RowRange(Expr):
    """What follows from a comparison of row values, (a, b) >= (x, y): a >= x, b >= y, in this order. For look-ups."""

    parts: tuple[Compare, ...]


@dataclass(slots=True, frozen=True, kw_only=True)
class IsNull(Expr):
    """x IS [NOT] NULL."""

    operand: Expr
    negated: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class IsTruth(Expr):
    """x IS [NOT] TRUE / FALSE."""

    operand: Expr
    wanted: bool
    negated: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class InList(Expr):
    """x [NOT] IN (items). `affinity` is applied to x and the items. Literals, two or more, are one LiteralList."""

    operand: Expr
    items: tuple[Expr, ...]
    negated: bool = False
    collation: str = "BINARY"
    affinity: AffinityLetter | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Case(Expr):
    """Searched CASE; `CASE x WHEN y` is bound to comparisons. is_call: iif(), which seems to be of any type."""

    whens: tuple[tuple[Expr, Expr], ...]
    otherwise: Expr | None
    is_call: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class Let(Expr):
    """`body`, in which LetRef(number) stands for `value`, computed once: the x of `CASE x WHEN y`."""

    number: int
    value: Expr
    body: Expr


@dataclass(slots=True, frozen=True, kw_only=True)
class LetRef(Expr):
    """The value of the Let around it that has this number."""

    number: int


@dataclass(slots=True, frozen=True, kw_only=True)
class Cast(Expr):
    """CAST(operand AS a type of this affinity)."""

    operand: Expr
    affinity: AffinityLetter


@dataclass(slots=True, frozen=True, kw_only=True)
class ApplyAffinity(Expr):
    """The value of `operand` after column affinity `affinity` ("B" to "E") was applied to it: no CAST ('x'
    stays text).
    """

    operand: Expr
    affinity: AffinityLetter


@dataclass(slots=True, frozen=True, kw_only=True)
class Collated(Expr):
    """COLLATE kept only where it matters above (ORDER BY, GROUP BY, DISTINCT keys); value of `operand`."""

    operand: Expr
    collation: str


@dataclass(slots=True, frozen=True, kw_only=True)
class Call(Expr):
    """A scalar function. `kernel`: symbol of the kernel routine. `style`: "fixed": (stmt, V, V, …) -> V;
    "array": (stmt, values, n) -> V; "json": so too, the values with their subtypes; "array_collation": (stmt, values,
    n, collation) -> V; "special": codegen knows the name (coalesce ifnull iif nullif typeof likely changes
    total_changes last_insert_rowid …); "user": code of the user's, `number` in the registry; "typed": the same
    compiled, `body`; "unknown": code for it cannot be made, and `kernel` is the message of the error.
    subtype: of its result, "none", "json" or "varies".
    merges: it is the one column that USING made of its arguments, with the affinity and the collation of the first.
    """

    name: str
    args: tuple[Expr, ...]
    kernel: str = ""
    style: CallStyle = "fixed"
    collation: str = "BINARY"
    deterministic: bool = True
    merges: bool = False
    number: int = -1
    subtype: str = "none"
    body: TypedFunction | None = None


@dataclass(slots=True, frozen=True, kw_only=True, eq=False)
class Searched:
    """What full-text search is in: `table` says how texts are cut. index: that has the columns, None: none has.
    by_text: it is not used.
    """

    table: Table
    index: Derived | None
    by_text: bool


@dataclass(slots=True, frozen=True, kw_only=True)
class FullText(Expr):
    """What a function of full-text search knows between rows: its query. number: tells those of a statement apart."""

    number: int
    searched: Searched


@dataclass(slots=True, frozen=True, kw_only=True)
class CheckVirtual(Expr):
    """What the module of a virtual table says is wrong with it, as text: "ok", or faults. schema, table: its names;
    candidates: all that it can be. Another name is an error.
    """

    schema: Expr
    table: Expr
    candidates: tuple[CheckedVirtual, ...]


@dataclass(slots=True, frozen=True, kw_only=True)
class Record(Expr):
    """The values as a blob in SQLite's record format, texts in UTF-8."""

    values: tuple[Expr, ...]


@dataclass(slots=True, frozen=True, kw_only=True)
class CaptureTime(Expr):
    """When a change is captured, in seconds since 1970."""


@dataclass(slots=True, frozen=True, kw_only=True)
class CheckedVirtual(Node):
    """A virtual table that can be checked, and its shadow tables, by suffix. content: the user's table that its rows
    are in.
    """

    table: Table
    shadows: dict[str, Table]
    content: Table | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Generated(Expr):
    """A virtual column of a row source: `value`, of its other columns; all that comparisons ask is the column's.

    stored, operators: of a column that is read as its type says, and of what its type's operators make (bind.types).
    """

    value: Expr
    name: str
    affinity: AffinityLetter | None
    collation: str
    table: str | None = None
    decltype: str | None = None
    origin: str | None = None
    stored: Expr | None = None
    operators: Any = field(default=None, compare=False, repr=False)


@dataclass(slots=True, frozen=True, kw_only=True)
class Raise(Expr):
    """RAISE in a trigger. IGNORE has no message."""

    action: RaiseAction
    message: Expr | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class SubqueryExpr(Expr):
    """A scalar subquery, EXISTS or x IN (SELECT): `kind` "scalar" "exists" "in". `plan`: the bound Query until the
    planner has replaced it by a plan. `outer`: the outer columns it uses (none: evaluated once). `remembered`: what it
    answered is kept, for each combination of their values. `volatile`: it is asked each time. `is_member`: the EXISTS
    that a row IN (SELECT …) is, which reads nothing else of the outside. `number`: of its SELECT. `look_up`: how to
    answer an IN without `plan`.
    """

    kind: SubqueryKind
    plan: Query | Plan
    outer: tuple[ColumnRef, ...] = ()
    operand: Expr | None = None
    negated: bool = False
    collation: str = "BINARY"
    affinity: AffinityLetter | None = None
    remembered: bool = False
    volatile: bool = False
    is_member: bool = False
    number: int = field(default=0, compare=False)
    look_up: LookUp | None = field(default=None, compare=False)


@dataclass(slots=True, frozen=True, kw_only=True)
class Perform(Expr):
    """What a function sets off (a plan.nodes.Fire), for which the columns of NEW are `args`; then its `value`."""

    fire: Node
    args: tuple[Expr, ...]
    value: Expr


OPERAND: Final = LetRef(number=-2)


@dataclass(slots=True, frozen=True, kw_only=True)
class LookUp(Node):
    """An IN (SELECT a column of a table) that an index answers. equal: the rows equal to OPERAND; null: there is a
    row whose column is NULL (None: it never is); some: there is a row (None: the operand is not NULL).
    """

    equal: Plan
    null: SubqueryExpr | None
    some: SubqueryExpr | None


@dataclass(slots=True, frozen=True, kw_only=True)
class AggregateCall(Node):
    """One aggregate of an Aggregate node: count (no args: count(*)), sum, total, avg, min, max, group_concat …

    number: of an aggregate of the user's in the registry; gathers: it may be told of a row later than the row comes.
    """

    name: str
    args: tuple[Expr, ...]
    distinct: bool = False
    filter: Expr | None = None
    collation: str = "BINARY"
    order_by: tuple[OrderTerm, ...] = ()  # group_concat(x ORDER BY y)
    number: int = -1
    gathers: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class OrderTerm(Node):
    """A key of an ordered aggregate; as plan.nodes.SortKey."""

    expr: Expr
    desc: bool = False
    nulls: NullsOrder | None = None
    collation: str = "BINARY"


# --- windows ------------------------------------------------------------------------------------------------------


@dataclass(slots=True, frozen=True, kw_only=True)
class Frame(Node):
    """Which rows around the current one a window function sees. `start_offset`, `end_offset`: the number of an edge
    that is "preceding" or "following". "unbounded": the first row of the partition as a start, the last as an end.
    """

    unit: FrameUnit = "range"
    start: FrameEdge = "unbounded"
    end: FrameEdge = "current"
    start_offset: Expr | None = None
    end_offset: Expr | None = None
    exclude: Exclusion = ""


@dataclass(slots=True, frozen=True, kw_only=True)
class WindowCall(Node):
    """A window function, or an aggregate used as one, with its window. The frame of a built-in window function is the
    one that its definition implies.
    """

    name: str
    args: tuple[Expr, ...]
    filter: Expr | None
    collation: str
    partition: tuple[OrderTerm, ...]
    order: tuple[OrderTerm, ...]
    frame: Frame
    number: int = -1  # of an aggregate of the user's in the registry
