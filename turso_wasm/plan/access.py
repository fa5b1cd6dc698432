"""Access paths: the ways to visit the rows of one table.

Owns the list of candidates (scan, rowid, index) for a table under the terms that are usable there, their cost, and
turning the chosen one into plan nodes. Does not choose: joins.py compares whole plans.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Literal

from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.bind.query import Item
from turso_wasm.bind.schema import IndexTerms
from turso_wasm.bind.walk import same_expression
from turso_wasm.catalog.functions import BUILTIN, Registry
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Index, IndexColumn, Table
from turso_wasm.plan import cost
from turso_wasm.plan.sizes import LOOKED_UP_FAST, KnownSizes
from turso_wasm.plan.terms import EQUALITY, LOWER, UPPER, Sarg, Term, is_strict

if TYPE_CHECKING:
    from turso_wasm.plan.alternatives import Arm
    from turso_wasm.plan.providers import Offer

MIN_SKIPPED = 18  # entries that a skip must save, as in SQLite
ROWID_FIELD = IndexColumn(-1)


@dataclass(slots=True, eq=False)
class OrderColumn:
    """A column (or an indexed expression) by which a path's rows are ordered."""

    column: int
    collation: str = "BINARY"
    desc: bool = False
    expr: bound.Expr | None = None


@dataclass(slots=True, eq=False)
class Path:
    """One way to visit a table. kind: scan, rowid (one row), range (of rowids), index, or (arms of an OR), function
    (`offer` of what gives its rows; `equal`: the conditions that it takes care of).

    cost and rows: of one visit.

    lower_rest, upper_rest: of bounds that are rows, what their further elements say of the next columns of the index.

    order: the columns that are not fixed by `equal`, in scan order; `distinct_order`: no two rows have equal values
    there.
    """

    kind: Literal["scan", "rowid", "range", "index", "or", "function"]
    index: Index | None = None
    equal: tuple[Sarg, ...] = ()
    lower: Sarg | None = None
    upper: Sarg | None = None
    covering: bool = False
    unique: bool = False
    rows: float = 1.0
    cost: float = 0.0
    order: tuple[OrderColumn, ...] = ()
    distinct_order: bool = False
    in_sarg: Sarg | None = None
    in_desc: bool = False  # its values are gone through in descending order, as in the index
    skipped: tuple[Sarg, ...] = ()  # the first of `equal`, which no condition gives
    reverse: bool = False
    implied: tuple[Term, ...] = ()  # guaranteed by a partial index or the arms
    arms: tuple[tuple[Arm, Path], ...] = ()
    offer: Offer | None = None
    lower_rest: tuple[Sarg, ...] = ()
    upper_rest: tuple[Sarg, ...] = ()

    @property
    def runs_select(self) -> bool:
        """It goes through the rows of an IN (SELECT …)."""
        paths = (self, *(path for _, path in self.arms))
        return any(path.in_sarg is not None and path.in_sarg.is_select for path in paths)

    def finds_by(self) -> list[Sarg]:
        """The conditions by which it finds rows, whether it takes care of them or not."""
        return [*self.sargs(), *(self.offer.tested if self.offer is not None else ())]

    def sargs(self) -> list[Sarg]:
        """Every condition that the path itself takes care of."""
        found = list(self.equal)
        if self.lower is not None:
            found.append(self.lower)
        if self.upper is not None:
            found.append(self.upper)
        return found


@dataclass(slots=True)
class TableAccess:
    """What is asked about one table. used: its columns that anything reads. index_terms: by index name. is_fetched:
    its rows are fetched whole, to be changed: no index covers what is wanted of them.
    """

    item: Item
    used: frozenset[int]
    pin: object
    index_terms: dict[str, IndexTerms] = field(default_factory=dict)
    use_indexes: bool = True
    use_skips: bool = True
    use_row_lists: bool = False
    range_first: bool = False  # as SQLite, whose order of rows users see, rather an index's range than the whole table
    is_fetched: bool = False
    registry: Registry = BUILTIN
    sizes: KnownSizes | None = None
    rows: float = field(init=False)  # that it is taken to have
    seek: float = cost.SEEK

    def __post_init__(self) -> None:
        self.rows = cost.table_rows(self.table)

    def know_sizes(self, sizes: KnownSizes) -> None:
        """Of the tables that are joined, if this one is among them."""
        rows = sizes.rows.get(self.item.source)
        if rows is not None:
            self.sizes, self.rows = sizes, rows
            self.seek = cost.SMALL_SEEK if rows <= LOOKED_UP_FAST else cost.SEEK

    @property
    def table(self) -> Table:
        """The table in question."""
        assert self.item.table is not None
        return self.item.table

    def paths(self, terms: Iterable[Term], blocked: frozenset[int]) -> list[Path]:
        """The candidates, given terms whose values must not read the sources in `blocked`: they are visited later."""
        source = self.item.source
        sargs = []
        for term in terms:
            if source in term.sources:
                for sarg in term.sargs_for(source):
                    if sarg.sources & blocked or any(part.sources & blocked for part in sarg.rest):
                        continue
                    if sarg.rows is None or self.use_row_lists:
                        sargs.append(sarg)
        found: list[Path] = []
        table = self.table
        if self.item.indexed_by is None:
            if not table.without_rowid:
                found.extend(self._rowid_paths(sargs))
                found.append(self._scan())
            else:
                found.extend(self._index_paths(None, table.primary_key, sargs, ()))
        if not self.item.not_indexed and self.use_indexes:
            for index in table.indexes:
                if self.item.indexed_by is not None and index.name.lower() != self.item.indexed_by.lower():
                    continue
                implied = self._implied(index, terms)
                if implied is not None and self._is_usable(index):
                    found.extend(self._index_paths(index, index.columns + index.suffix, sargs, implied))
        return found

    # --- the table itself ----------------------------------------------------------------------------------------

    def _scan(self) -> Path:
        return Path("scan", rows=self.rows, cost=self.rows, order=(OrderColumn(-1),), distinct_order=True)

    def _rowid_paths(self, sargs: list[Sarg]) -> list[Path]:
        """Equality on the rowid, IN, or a range."""
        mine = [sarg for sarg in sargs if sarg.column == -1]
        found = []
        for sarg in mine:
            if sarg.op == "=" or sarg.op == "is":
                found.append(Path("rowid", equal=(sarg,), unique=True, rows=1.0, cost=self.seek))
            elif sarg.op == "in":
                n = in_rows(sarg)
                path = Path("rowid", equal=(sarg,), rows=n, cost=n * (self.seek + cost.PER_BUILD), in_sarg=sarg)
                path.order, path.distinct_order = (OrderColumn(-1),), True
                found.append(path)
        lower = next((sarg for sarg in mine if sarg.op in LOWER), None)
        upper = next((sarg for sarg in mine if sarg.op in UPPER), None)
        if lower is not None or upper is not None:
            rows = _range_rows(self.rows, lower, upper)
            path = Path("range", lower=lower, upper=upper, rows=rows, cost=self.seek + rows)
            path.order, path.distinct_order = (OrderColumn(-1),), True
            found.append(path)
        return found

    # --- indexes -------------------------------------------------------------------------------------------------

    def _index_paths(
        self, index: Index | None, fields: tuple[IndexColumn, ...], sargs: list[Sarg], implied: tuple[Term, ...]
    ) -> list[Path]:
        """The path that uses most of an index's fields; with an IN among them also the one that stops before it."""
        covering = index is None or (self._is_covering(index) and not self.is_fetched)
        exprs = self.index_terms[index.name].exprs if index is not None and index.name in self.index_terms else {}
        equal: list[Sarg] = []
        found: list[Path] = []
        in_sarg: Sarg | None = None
        for position, part in enumerate(fields):
            sarg = self._equality(part, exprs.get(position), sargs, in_sarg)
            if sarg is None:
                break
            if sarg.op == "in" and in_sarg is None:
                found.append(self._index_path(index, fields, equal, exprs, sargs, covering, None, implied))
                in_sarg = sarg
            equal.append(sarg)
        found.append(self._index_path(index, fields, equal, exprs, sargs, covering, in_sarg, implied))
        if not equal and not found[0].lower and not found[0].upper and index is not None:
            skipping = self._skip_path(index, fields, exprs, sargs, covering, implied)
            found += [] if skipping is None else [skipping]
        return [path for path in found if path.equal or path.lower or path.upper or covering or path.order]

    def _index_path(
        self,
        index: Index | None,
        fields: tuple[IndexColumn, ...],
        equal: list[Sarg],
        exprs: dict[int, bound.Expr],
        sargs: list[Sarg],
        covering: bool,
        in_sarg: Sarg | None,
        implied: tuple[Term, ...],
    ) -> Path:
        n = len(equal)
        lower = upper = None
        if n < len(fields):
            lower = self._bound(fields[n], exprs.get(n), sargs, LOWER) or self._not_null(fields[n], sargs)
            upper = self._bound(fields[n], exprs.get(n), sargs, UPPER)
            if upper is not None and lower is not None and lower.op == "notnull":
                lower = None  # a range excludes NULL by itself
            if lower is not None and upper is not None and not _same_conversion(lower, upper):
                upper = None
        table = self.table
        n_key = len(index.columns) if index is not None else len(fields)
        is_unique = index is None or index.unique
        rows = self._matching(cost.equal_rows(table, index, n, self.rows), equal)
        if index is not None and index.where is not None:
            rows = max(rows / 4, 1.0) if n == 0 else rows
        rows = _range_rows(rows, lower, upper)
        unique = n >= n_key and is_unique and in_sarg is None and all(sarg.op == "=" for sarg in equal[:n_key])
        path = Path("index", index, tuple(equal), lower, upper, covering, unique, implied=implied)
        n_loops = in_rows(in_sarg) if in_sarg is not None else 1.0
        entry = 1.0 if index is None else cost.entry_cost(table, index)
        per_row = entry if covering else cost.INDEX_ROW + entry * cost.ENTRY_SHARE
        visit = rows * (per_row if covering else per_row + cost.LOOKUP)
        seek = self.seek if equal or lower or upper else 0.0
        path.lower_rest = self._further(lower, fields, n, exprs)
        path.upper_rest = self._further(upper, fields, n, exprs)
        path.rows, path.cost = rows * n_loops, (seek + visit) * n_loops
        if self.range_first and n == 0 and index is not None and any(s and s.op != "notnull" for s in (lower, upper)):
            path.cost = min(path.cost, cost.range_cost(table, index, self.rows))
        path.in_sarg = in_sarg
        rows_of = in_sarg.rows if in_sarg is not None else None
        if rows_of is not None and rows_of.is_whole and set(rows_of.parts) <= set(equal):
            path.implied = (*implied, rows_of.term)
        path.order = tuple(
            OrderColumn(part.column, part.collation, part.desc, exprs.get(at))
            for at, part in enumerate(fields)
            if at >= n
        )
        path.distinct_order = True
        if in_sarg is not None:
            values = [at for at, sarg in enumerate(equal) if sarg.op == "in"]
            path.in_desc = desc = fields[values[0]].desc
            first = [OrderColumn(fields[at].column, fields[at].collation, desc, exprs.get(at)) for at in values]
            path.order = (*first, *path.order)
        return path

    def _matching(self, rows: float, equal: Sequence[Sarg]) -> float:
        """Rows that equalities find, of which so many are expected without knowing other tables."""
        if rows <= 1.0 or self.sizes is None:
            return rows
        found = self.sizes.matches(self.rows, ((sarg.operand, sarg.value) for sarg in equal))
        return max(found, 1.0) if found else rows

    def _skip_path(
        self,
        index: Index,
        fields: tuple[IndexColumn, ...],
        exprs: dict[int, bound.Expr],
        sargs: list[Sarg],
        covering: bool,
        implied: tuple[Term, ...],
    ) -> Path | None:
        """A look-up by later fields, for each of the few values that statistics say the fields before have."""
        stat = index.stat
        if stat is None or not index.skips or not self.use_skips:
            return None
        for n in range(1, min(len(index.columns), len(stat) - 1)):
            if stat[n] < MIN_SKIPPED or fields[n - 1].column < 0:
                return None
            equal = self._equality(fields[n], exprs.get(n), sargs, None, allow_in=False)
            if equal is not None or self._bound(fields[n], exprs.get(n), sargs, LOWER | UPPER) is not None:
                skipped = tuple(_skipped(fields[at]) for at in range(n))
                known = list(skipped) if equal is None else [*skipped, equal]
                path = self._index_path(index, fields, known, exprs, sargs, covering, None, implied)
                n_groups = max(stat[0] / stat[n], 1.0)
                path.cost = n_groups * (path.cost + cost.SEEK)
                path.rows = min(path.rows * n_groups, self.rows)
                path.skipped, path.unique = skipped, False
                first = [OrderColumn(part.column, part.collation, part.desc) for part in fields[:n]]
                path.order = (*first, *path.order)
                return path
        return None

    def _equality(
        self,
        part: IndexColumn,
        expr: bound.Expr | None,
        sargs: list[Sarg],
        in_sarg: Sarg | None,
        allow_in: bool = True,
    ) -> Sarg | None:
        """The best equality for a field. in_sarg: the IN that there is already: of others only a part of its rows."""
        best: Sarg | None = None
        for sarg in sargs:
            if sarg.op not in EQUALITY or not self._matches(sarg, part, expr):
                continue
            if sarg.op == "in":
                if (
                    best is None
                    and allow_in
                    and (in_sarg is None or (sarg.rows is not None and sarg.rows is in_sarg.rows))
                ):
                    best = sarg
            elif best is None or best.op == "in" or (sarg.op == "=" and best.op != "="):
                best = sarg
        return best

    def _bound(self, part: IndexColumn, expr: bound.Expr | None, sargs: list[Sarg], ops: frozenset[str]) -> Sarg | None:
        return next((sarg for sarg in sargs if sarg.op in ops and self._matches(sarg, part, expr)), None)

    def _further(
        self, limit: Sarg | None, fields: tuple[IndexColumn, ...], n: int, exprs: dict[int, bound.Expr]
    ) -> tuple[Sarg, ...]:
        """The further elements of a bound that is a row, as far as the index has them in the same direction."""
        found: list[Sarg] = []
        for at, sarg in enumerate(limit.rest if limit is not None else (), n + 1):
            if (
                at == len(fields)
                or fields[at].desc != fields[n].desc
                or not self._matches(sarg, fields[at], exprs.get(at))
            ):
                break
            found.append(sarg)
        return tuple(found)

    def _not_null(self, part: IndexColumn, sargs: list[Sarg]) -> Sarg | None:
        return next((s for s in sargs if s.op == "notnull" and s.column == part.column and s.column >= 0), None)

    def _matches(self, sarg: Sarg, part: IndexColumn, expr: bound.Expr | None) -> bool:
        if part.column == -2:
            if expr is None or not same_expression(sarg.operand, expr, self.pin):  # type: ignore[arg-type]
                return False
        elif sarg.column != part.column or sarg.column == -2:
            return False
        return sarg.op == "isnull" or part.column == -1 or sarg.collation == part.collation

    def _is_covering(self, index: Index) -> bool:
        table = self.table
        present = {part.column for part in index.columns}
        present.update(part.column for part in index.suffix)
        if not table.without_rowid:
            present.add(-1)
        return self.used <= present

    def _is_usable(self, index: Index) -> bool:
        """Its order is known: all its collations are."""
        known = self.registry.collations
        return all(fold(column.collation) in known for column in (*index.columns, *index.suffix))

    def _implied(self, index: Index, terms: Iterable[Term]) -> tuple[Term, ...] | None:
        """() for an ordinary index; for a partial one the terms its WHERE follows from, None if it does not."""
        if index.where is None:
            return ()
        if index.name not in self.index_terms:
            return None
        found = []
        for wanted in self.index_terms[index.name].where:
            term = next((term for term in terms if self._implies(term, wanted)), None)
            if term is None:
                return None
            if same_expression(term.expr, wanted, self.pin):  # type: ignore[arg-type]
                found.append(term)
        return tuple(found)

    def _implies(self, term: Term, wanted: bound.Expr) -> bool:
        if same_expression(term.expr, wanted, self.pin):  # type: ignore[arg-type]
            return True
        if isinstance(wanted, bound.IsNull) and wanted.negated and isinstance(wanted.operand, bound.ColumnRef):
            return any(
                sarg.column == wanted.operand.column and sarg.op in ("=", "<", "<=", ">", ">=", "in")
                for sarg in term.sargs_for(self.item.source)
            ) and is_strict(term.expr, frozenset({self.item.source}))
        return False


def _skipped(part: IndexColumn) -> Sarg:
    """What stands for a field whose values are gone through."""
    nothing = bound.Constant(value=None)
    term = Term(nothing, frozenset(), derived=True)
    return Sarg(term, "is", part.column, nothing, nothing, None, part.collation, frozenset())


def in_rows(sarg: Sarg) -> float:
    """How many values an IN is taken to have."""
    if sarg.is_select:
        return cost.IN_SUBQUERY_ROWS
    if isinstance(sarg.items[0], bound.LiteralList):
        return cost.IN_LITERALS_ROWS
    return float(len(sarg.items))


def equal_rows(sarg: Sarg) -> float:
    """How many values `=` or IN is taken to have."""
    return in_rows(sarg) if sarg.op == "in" else 1.0


def _same_conversion(lower: Sarg, upper: Sarg) -> bool:
    """Both ends of a range are probed with one affinity: that of either, unless the other must not be converted."""
    return lower.affinity == upper.affinity or any(
        sarg.affinity is None and isinstance(sarg.value, bound.Constant) for sarg in (lower, upper)
    )


def _range_rows(rows: float, lower: Sarg | None, upper: Sarg | None) -> float:
    if lower is not None and lower.op == "notnull":
        rows *= 0.9
        lower = None
    if lower is not None and upper is not None:
        rows *= cost.RANGE_SELECTIVITY * cost.RANGE_SELECTIVITY / 4
    elif lower is not None or upper is not None:
        rows *= cost.RANGE_SELECTIVITY
    return max(rows, 1.0)
