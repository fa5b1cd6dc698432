"""Conditions taken apart: which part of a WHERE clause can drive a look-up in which column.

A `Term` is one conjunct. A `Sarg` is a term read as `column op value` for one FROM element: what an index or the
rowid can use.

Invariants:
  W1  A sarg's value does not read the element itself, so it can be computed before the element is visited.
  W2  A sarg's column side needs no affinity: the stored value is compared as it is, the value is converted
      (`affinity`).
"""

from __future__ import annotations

from dataclasses import field, replace
from typing import Literal, TypeAlias

from turso_wasm.base.records import dataclass
from turso_wasm.base.tree import Node, fold
from turso_wasm.bind import bound
from turso_wasm.bind.query import Core
from turso_wasm.bind.walk import chain, conjuncts, has_subquery, is_deterministic, operands, sources_used
from turso_wasm.catalog.types import NUMERIC_AFFINITIES, AffinityLetter

SargOp: TypeAlias = Literal["=", "is", "isnull", "in", "<", "<=", ">", ">=", "notnull", "call"]

REVERSED: dict[str, SargOp] = {"=": "=", "is": "is", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
EQUALITY = frozenset({"=", "is", "isnull", "in"})
LOWER = frozenset({">", ">="})
UPPER = frozenset({"<", "<="})

SMALLEST = bound.Constant(value=float("-inf"))  # every value but NULL is at least this


@dataclass(slots=True, eq=False)
class Term:
    """A conjunct. derived: it follows from others, so it need not be tested."""

    expr: bound.Expr
    sources: frozenset[int]
    derived: bool = False
    late: bool = False  # expensive: tested after the others
    rows: RowSelect | None = None  # of a row IN (SELECT …)
    sargs: dict[int, list[Sarg]] = field(default_factory=dict)  # by source
    _sides: tuple[frozenset[int], frozenset[int]] | Literal[False] | None = False

    @property
    def sides(self) -> tuple[frozenset[int], frozenset[int]] | None:
        """Of an equality that can be a key of a hash join: what its two sides read."""
        if self._sides is False:
            self._sides = self._find_sides()
        return self._sides

    def _find_sides(self) -> tuple[frozenset[int], frozenset[int]] | None:
        expr = self.expr
        if self.derived or self.late or not isinstance(expr, bound.Compare) or expr.op != "=":
            return None
        left, right = frozenset(sources_used(expr.left)), frozenset(sources_used(expr.right))
        return (left, right) if left and right and is_deterministic(expr) else None

    def sargs_for(self, source: int) -> list[Sarg]:
        """The ways to read this term as a condition on a column of `source`."""
        found = self.sargs.get(source)
        if found is None:
            found = self.sargs[source] = find_sargs(self, source)
        return found


@dataclass(slots=True, eq=False)
class Sarg:
    """`operand op value`. op: = is isnull in < <= > >= notnull; call: a condition that `function` is (a module's).
    column: of a plain column, -1 the rowid; -2: `operand` is an expression. sources: what `value` reads. items: the
    list of an IN. subquery: of an IN (SELECT …). rest: of a comparison of rows, those of the elements after this one.
    rows: of an IN with rows, what it is a part of.
    """

    term: Term
    op: SargOp
    column: int
    operand: bound.Expr
    value: bound.Expr
    affinity: AffinityLetter | None
    collation: str
    sources: frozenset[int]
    items: tuple[bound.Expr, ...] = ()
    subquery: bound.SubqueryExpr | None = None
    function: str = ""
    rest: tuple[Sarg, ...] = ()
    rows: RowList | None = None

    @property
    def is_select(self) -> bool:
        """It is an IN (SELECT …)."""
        return self.subquery is not None or (self.rows is not None and self.rows.select is not None)


@dataclass(slots=True, eq=False)
class RowSelect:
    """(a, b) IN (SELECT …), of which nothing else reads the outside. core: the SELECT's FROM, and WHERE about it alone.
    equal: the comparisons of the elements.
    """

    core: Core
    equal: tuple[bound.Compare, ...]
    number: int


@dataclass(slots=True, eq=False)
class RowList:
    """(a, b) IN ((1, 2), …): each column's values are an IN of their own, looked up together. parts: by column.
    select: of (a, b) IN (SELECT …); is_whole: the parts are all that the IN says.
    """

    term: Term
    parts: tuple[Sarg, ...] = ()
    select: RowSelect | None = None
    is_whole: bool = True


def make_term(expr: bound.Expr, derived: bool = False) -> Term:
    """The term of one conjunct."""
    return Term(expr, frozenset(sources_used(expr)), derived, has_subquery(expr))


def find_sargs(term: Term, source: int) -> list[Sarg]:
    """`term` as conditions on columns or expressions of `source`: both ways round where both sides allow it."""
    expr = term.expr
    if isinstance(expr, bound.Compare):
        return _compare_sargs(term, expr, source)
    if isinstance(expr, bound.RowRange):
        return _row_sargs(term, expr, source)
    if isinstance(expr, bound.IsNull):
        if source in sources_used(expr.operand):
            if expr.negated:
                return [_sarg(term, "notnull", expr.operand, SMALLEST, None, "BINARY")]
            return [_sarg(term, "isnull", expr.operand, bound.Constant(value=None), None, "BINARY")]
        return []
    if isinstance(expr, bound.Binary):
        return _row_list(term, expr, source) if expr.op == "or" and not term.derived else []
    if isinstance(expr, bound.InList) and not expr.negated and source in sources_used(expr.operand):
        used: set[int] = set()
        for item in expr.items:
            used |= sources_used(item)
        if source not in used:
            sarg = _sarg(term, "in", expr.operand, expr.operand, expr.affinity, expr.collation)
            sarg.sources, sarg.items = frozenset(used), expr.items
            return [sarg]
    if term.rows is not None:
        return _selected_rows(term, term.rows, source)
    if isinstance(expr, bound.SubqueryExpr) and expr.kind == "in" and not expr.negated and not expr.outer:
        operand = expr.operand
        assert operand is not None
        # The affinity would have to be applied to the column too.
        if source in sources_used(operand) and _fits_column(operand, expr.affinity):
            sarg = _sarg(term, "in", operand, operand, expr.affinity, expr.collation)
            sarg.sources, sarg.subquery = frozenset(), expr
            return [sarg]
    return []


OPERATORS = frozenset({"match", "like", "glob", "regexp"})  # x LIKE y is like(y, x)


def call_sargs(term: Term, source: int, functions: frozenset[str]) -> list[Sarg]:
    """`term` as a condition that one of these functions, or operators, sets for a column of `source`."""
    expr = term.expr
    if not isinstance(expr, bound.Call) or expr.name not in functions or len(expr.args) != 2:
        return []
    value, operand = expr.args if expr.name in OPERATORS else reversed(expr.args)
    read = frozenset(sources_used(value))
    if not isinstance(operand, bound.ColumnRef) or operand.source != source or source in read:
        return []
    sarg = _sarg(term, "call", operand, value, None, "BINARY")
    sarg.sources, sarg.function = read, expr.name
    return [sarg]


def _fits_column(operand: bound.Expr, affinity: AffinityLetter | None) -> bool:
    own = operand.affinity if isinstance(operand, bound.ColumnRef) else None
    if affinity is None or affinity == "A":
        return True
    return own == "B" if affinity == "B" else own in NUMERIC_AFFINITIES


def _compare_sargs(term: Term, expr: bound.Compare, source: int) -> list[Sarg]:
    op = expr.op
    if op == "<>" or op == "is not":
        return []
    found = []
    left, right = sources_used(expr.left), sources_used(expr.right)
    if source in left and source not in right and _is_as_given(expr.left, expr.left_affinity):
        sarg = _sarg(term, op, expr.left, expr.right, expr.right_affinity, expr.collation)
        sarg.sources = frozenset(right)
        found.append(sarg)
    elif source in right and source not in left and _is_as_given(expr.right, expr.right_affinity):
        sarg = _sarg(term, REVERSED[op], expr.right, expr.left, expr.left_affinity, expr.collation)
        sarg.sources = frozenset(left)
        found.append(sarg)
    return [sarg for sarg in found if expr.is_argument or is_deterministic(sarg.value)]


def _is_as_given(operand: bound.Expr, affinity: AffinityLetter | None) -> bool:
    """It is compared as it is, or is an argument, which has the very value that it is compared with."""
    return affinity is None or (isinstance(operand, bound.ColumnRef) and operand.hidden)


def _row_sargs(term: Term, expr: bound.RowRange, source: int) -> list[Sarg]:
    """The first element's condition, with those of as many others as are about this source too."""
    found: list[Sarg] = []
    for part in expr.parts:
        sargs = _compare_sargs(term, part, source)
        if len(sargs) != 1 or (found and sargs[0].op != found[0].op):
            break
        found += sargs
    if found:
        found[0].rest = tuple(found[1:])
    return found[:1]


MAX_ROWS = 1000  # of an IN: each is code elsewhere


def _row_list(term: Term, expr: bound.Binary, source: int) -> list[Sarg]:
    """An OR of which every arm compares the same columns with values: one condition a column, of rows together."""
    arms = [conjuncts(arm) for arm in chain(expr, "or")]
    if len(arms) > MAX_ROWS or len(arms[0]) < 2 or not all(isinstance(part, bound.Compare) for part in arms[0]):
        return []
    columns: list[list[Sarg]] = [[] for _ in arms[0]]
    for arm in arms:
        if len(arm) != len(columns):
            return []
        for found, part in zip(columns, arm, strict=True):
            sargs = _compare_sargs(term, part, source) if isinstance(part, bound.Compare) else []
            if not sargs or sargs[0].op != "=" or sargs[0].column == -2 or (found and not _alike(found[0], sargs[0])):
                return []
            found.append(sargs[0])
    whole = RowList(term)
    looked_up = Term(expr, term.sources, derived=True)
    whole.parts = tuple(_row_part(looked_up, whole, column) for column in columns)
    return list(whole.parts)


def row_select(expr: bound.SubqueryExpr, core: Core) -> RowSelect | None:
    """The EXISTS that a row IN (SELECT …) has become, taken apart; None where its conditions are entangled."""
    own = frozenset(item.source for step in core.steps for item in step.items())
    equal: list[bound.Compare] = []
    alone: list[bound.Expr] = []
    for part in core.where:
        if sources_used(part) and sources_used(part) <= own:
            alone.append(part)
            continue
        if not isinstance(part, bound.Compare) or part.op != "=" or has_subquery(part):
            return None
        if any(sources_used(side) & own and sources_used(side) - own for side in (part.left, part.right)):
            return None
        equal.append(part)
    return RowSelect(replace(core, where=alone), tuple(equal), expr.number) if equal else None


def _selected_rows(term: Term, rows: RowSelect, source: int) -> list[Sarg]:
    """Each comparison of a column of `source` with one of the SELECT: an IN; the rows are looked up together."""
    own = frozenset(item.source for step in rows.core.steps for item in step.items())
    looked_up = Term(term.expr, term.sources, derived=True)
    found = []
    for equal in rows.equal:
        for sarg in _compare_sargs(looked_up, equal, source):
            if sarg.column != -2 and sarg.sources <= own:
                found.append(sarg)
    whole = RowList(term, select=rows, is_whole=len(found) == len(rows.equal))
    for sarg in found:
        sarg.op, sarg.sources, sarg.items, sarg.rows = "in", frozenset(), (sarg.value,), whole
        sarg.value = sarg.operand
    whole.parts = tuple(found)
    return found


def _alike(one: Sarg, other: Sarg) -> bool:
    return (one.column, one.collation, one.affinity) == (other.column, other.collation, other.affinity)


def _row_part(term: Term, whole: RowList, column: list[Sarg]) -> Sarg:
    first = column[0]
    part = _sarg(term, "in", first.operand, first.operand, first.affinity, first.collation)
    part.sources = frozenset().union(*(sarg.sources for sarg in column))
    part.items, part.rows = tuple(sarg.value for sarg in column), whole
    return part


def _sarg(
    term: Term, op: SargOp, operand: bound.Expr, value: bound.Expr, affinity: AffinityLetter | None, collation: str
) -> Sarg:
    column = operand.column if isinstance(operand, bound.ColumnRef) else -2
    return Sarg(term, op, column, operand, value, affinity, collation, frozenset())


# --- NULL ---------------------------------------------------------------------------------------------------------


def is_strict(expr: bound.Expr, sources: frozenset[int]) -> bool:
    """The expression is NULL whenever all columns of `sources` are NULL."""

    def strict(node: Node, below: list[bool]) -> bool:
        match node:
            case bound.ColumnRef():
                return node.source in sources
            case bound.Constant():
                return node.value is None
            case bound.Unary() | bound.Cast() | bound.Collated() | bound.ApplyAffinity() | bound.InList():
                return below[0] and (type(node) is not bound.InList or bool(node.items))
            case bound.Binary(op="and" | "or"):
                return all(below)
            case bound.Binary():
                return any(below)
            case bound.Compare():
                return node.op not in ("is", "is not") and any(below)
            case bound.Call(name="like" | "glob", style="special"):
                return any(below)
        return False

    return fold(expr, strict, operands)


def rejects_null(expr: bound.Expr, sources: frozenset[int]) -> bool:
    """The condition is never true when all columns of `sources` are NULL, so an outer join to them is an inner join."""
    if isinstance(expr, bound.Binary) and expr.op == "and":
        return any(rejects_null(part, sources) for part in chain(expr, "and"))
    if isinstance(expr, bound.Binary) and expr.op == "or":
        return all(rejects_null(part, sources) for part in chain(expr, "or"))
    if isinstance(expr, bound.Compare) and expr.is_argument:
        return False  # what a function is given may well be NULL
    if isinstance(expr, bound.IsNull):
        return expr.negated and is_strict(expr.operand, sources)
    if isinstance(expr, bound.IsTruth):
        return expr.wanted and not expr.negated and rejects_null(expr.operand, sources)
    if isinstance(expr, bound.Compare) and expr.op == "is":
        for side, other in ((expr.left, expr.right), (expr.right, expr.left)):
            if is_strict(side, sources) and isinstance(other, bound.Constant) and other.value is not None:
                return True
    return is_strict(expr, sources)
