"""Expression nodes.

Parentheses leave no node behind (as in SQLite, `(x)` is `x`); a parenthesised list of two or more is a `RowValue`.
TRUE and FALSE are no literals in SQLite's grammar: `true` is a `ColumnRef` that the binder turns into a boolean when
no column has that name (a column named "true" wins).

Numeric, string and blob literals carry `index`, their ordinal in the statement in order of appearance: the
same order in which `sql.lexer.normalize` lists the literal values that a cached Program is run with. An index of -1
says that the literal is part of the Program's key and must be compiled as a constant.
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Final, Literal

from turso_wasm.base.records import dataclass
from turso_wasm.sql.ast_base import Expr, Node, QualifiedName, Span
from turso_wasm.sql.literals import LiteralValue

if TYPE_CHECKING:
    from turso_wasm.sql.ast_select import Select

# --- literals and leaves ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class NullLiteral(Expr):
    """NULL."""

    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class IntegerLiteral(Expr):
    """`value` always fits 64 bits, signed: hexadecimal wraps, too long a decimal number is a `RealLiteral`.

    Never negative from decimal digits, with one exception: `-9223372036854775808` is one literal with index -1.
    """

    value: int
    index: int = field(default=-1, compare=False, repr=False)
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class RealLiteral(Expr):
    """A number with a fraction or an exponent, or an integer beyond 64 bits; `value` may be infinite."""

    value: float
    index: int = field(default=-1, compare=False, repr=False)
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class TextLiteral(Expr):
    """`'text'`."""

    value: str
    index: int = field(default=-1, compare=False, repr=False)
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class BlobLiteral(Expr):
    """`x'…'`."""

    value: bytes
    index: int = field(default=-1, compare=False, repr=False)
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class CurrentTime(Expr):
    """CURRENT_DATE, CURRENT_TIME, CURRENT_TIMESTAMP."""

    kind: Literal["CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"]
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Parameter(Expr):
    """A bind parameter. `number` is its place, 1-based, as SQLite numbers them; equal names share one.

    name: '' for a plain `?`, else as written with its prefix: '?5', ':a', '@a', '$a::b(c)'.
    """

    name: str
    number: int
    span: Span = field(default=(0, 0), compare=False, repr=False)


TRUTH_WORDS: Final = {"true": True, "false": False}


@dataclass(slots=True)
class ColumnRef(Expr):
    """`[[schema.]table.]column`.

    double_quoted: the whole reference is one "name" in double quotes, which SQLite reads as a string
    literal where no column of that name is in scope. quoted: `true` or `false` in backquotes or brackets.
    """

    column: str
    table: str | None = None
    schema: str | None = None
    double_quoted: bool = False
    quoted: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)

    @property
    def truth(self) -> bool | None:
        """The constant that the word TRUE or FALSE means where it is no column; None for all other references."""
        if self.table is not None or self.quoted or self.double_quoted:
            return None
        return TRUTH_WORDS.get(self.column.lower())


# --- operators -------------------------------------------------------------------------------------------------------

UnaryOperator = Literal["-", "+", "~", "NOT"]
BinaryOperator = Literal[
    "||", "->", "->>", "*", "/", "%", "+", "-", "&", "|", "<<", ">>",
    "<", "<=", ">", ">=", "=", "<>", "IS", "IS NOT", "AND", "OR",
]  # fmt: skip


@dataclass(slots=True)
class Unary(Expr):
    """A prefix operator and its operand."""

    op: UnaryOperator
    operand: Expr
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Binary(Expr):
    """`==` is written =, `!=` is <>, IS NOT DISTINCT FROM is IS, IS DISTINCT FROM is IS NOT.

    Chains lean to the left: `a OR b OR c` is Binary(OR, Binary(OR, a, b), c).
    """

    op: BinaryOperator
    left: Expr
    right: Expr
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class IsNull(Expr):
    """`x ISNULL`, `x IS NULL`; negated: `x NOTNULL`, `x NOT NULL`, `x IS NOT NULL`."""

    operand: Expr
    negated: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Collate(Expr):
    """`operand COLLATE collation`."""

    operand: Expr
    collation: str
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Like(Expr):
    """`operand [NOT] LIKE pattern [ESCAPE escape]` and its three sisters."""

    op: Literal["LIKE", "GLOB", "REGEXP", "MATCH"]
    operand: Expr
    pattern: Expr
    escape: Expr | None = None
    negated: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Between(Expr):
    """`operand [NOT] BETWEEN low AND high`."""

    operand: Expr
    low: Expr
    high: Expr
    negated: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class LiteralList(Expr):
    """The members of an IN list with two or more of nothing but NULL and literals (with or without a sign).

    values: data, no nodes. `index` is the ordinal of the *whole list*: `normalize` lifts it as one literal.
    """

    values: tuple[LiteralValue, ...]
    index: int = field(default=-1, compare=False, repr=False)
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class InList(Expr):
    """`operand [NOT] IN (items)`; the list may be empty. Two or more literals are one item, a LiteralList."""

    operand: Expr
    items: tuple[Expr, ...]
    negated: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class InSelect(Expr):
    """`operand [NOT] IN (select)`."""

    operand: Expr
    select: Select
    negated: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class InTable(Expr):
    """`operand [NOT] IN table` or, when `arguments` is not None, `IN table_function(arguments)`. number: that of the
    SELECT it stands for (SelectCore).
    """

    operand: Expr
    table: QualifiedName
    arguments: tuple[Expr, ...] | None = None
    negated: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)
    number: int = field(default=0, compare=False, repr=False)


@dataclass(slots=True)
class When(Node):
    """One `WHEN condition THEN result` of a CASE."""

    condition: Expr
    result: Expr
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Case(Expr):
    """`CASE [operand] WHEN … THEN … [ELSE otherwise] END`."""

    operand: Expr | None
    whens: tuple[When, ...]
    otherwise: Expr | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Cast(Expr):
    """`CAST(operand AS type_name)`; the type may be empty ('')."""

    operand: Expr
    type_name: str
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Subquery(Expr):
    """A SELECT in parentheses used as a value (or as a row value)."""

    select: Select
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Exists(Expr):
    """NOT EXISTS is Unary(NOT, Exists)."""

    select: Select
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class RowValue(Expr):
    """`(a, b, …)`, two or more."""

    items: tuple[Expr, ...]
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Raise(Expr):
    """`RAISE(IGNORE)` or `RAISE(ABORT | FAIL | ROLLBACK, message)`."""

    action: Literal["IGNORE", "ABORT", "FAIL", "ROLLBACK"]
    message: Expr | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


# --- functions and windows -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class OrderTerm(Node):
    """One term of ORDER BY, and one column of an index or of a conflict target.

    nulls: None where nothing is said (SQLite's default: NULLs are smallest).
    """

    expr: Expr
    descending: bool = False
    nulls: Literal["FIRST", "LAST"] | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class FrameBound(Node):
    """One end of a frame; `offset` is the number of `offset PRECEDING` and `offset FOLLOWING`."""

    kind: Literal["UNBOUNDED PRECEDING", "PRECEDING", "CURRENT ROW", "FOLLOWING", "UNBOUNDED FOLLOWING"]
    offset: Expr | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Frame(Node):
    """A frame clause. `end` is None where only one bound was written (then it is CURRENT ROW)."""

    unit: Literal["RANGE", "ROWS", "GROUPS"]
    start: FrameBound
    end: FrameBound | None = None
    exclude: Literal["NO OTHERS", "CURRENT ROW", "GROUP", "TIES"] | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class WindowSpec(Node):
    """What stands in the parentheses of OVER (…) or WINDOW w AS (…); `base` is the window it builds upon."""

    base: str | None = None
    partition_by: tuple[Expr, ...] = ()
    order_by: tuple[OrderTerm, ...] = ()
    frame: Frame | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class FunctionCall(Expr):
    """`name([DISTINCT] arguments [ORDER BY order_by]) [FILTER (WHERE filter)] [OVER over]`.

    star: `name(*)`, then there are no arguments. over: a name for `OVER w`, a spec for `OVER (…)`.
    """

    name: str
    arguments: tuple[Expr, ...] = ()
    distinct: bool = False
    star: bool = False
    order_by: tuple[OrderTerm, ...] = ()
    filter: Expr | None = None
    over: WindowSpec | str | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)
