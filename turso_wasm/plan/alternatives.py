"""An OR as several look-ups: each arm finds rows by an index of its own, but those that an earlier arm found.

Source: https://sqlite.org/optoverview.html section 8 (multi-index OR)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.bind.walk import chain, columns_used, conjuncts, is_deterministic, transform, walk
from turso_wasm.catalog.modules.registry import find_module
from turso_wasm.plan import cost
from turso_wasm.plan.access import Path, TableAccess
from turso_wasm.plan.providers import FunctionAccess
from turso_wasm.plan.terms import Term, make_term

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner

MAX_ARMS = 16


@dataclass(slots=True, eq=False)
class Arm:
    """One alternative, over the table as a source of its own. beside: terms that stand beside the OR, for look-ups."""

    access: TableAccess | FunctionAccess
    terms: list[Term]
    beside: list[Term]


def arms_of(
    planner: Planner, access: TableAccess | FunctionAccess, term: Term, beside: Sequence[bound.Expr]
) -> list[Arm]:
    """The arms of an OR about the table; none where it cannot be taken apart. beside: what else is true of the rows."""
    item = access.item
    if term.derived or not _is_movable(term, access) or not isinstance(term.expr, bound.Binary) or term.expr.op != "or":
        return []
    if item.source not in term.sources or access.table.without_rowid or not is_deterministic(term.expr):
        return []
    if isinstance(access, FunctionAccess) and not _asks_module(term.expr, access):
        return []
    parts = chain(term.expr, "or")
    if not 1 < len(parts) <= MAX_ARMS:
        return []
    if isinstance(access, FunctionAccess):
        beside = ()
    read = [ref for expr in (term.expr, *beside) for ref in columns_used(expr)]
    columns = {ref.column for ref in read if ref.source == item.source}
    return [_arm(planner, access, part, columns, beside) for part in parts]


def _is_movable(term: Term, access: TableAccess | FunctionAccess) -> bool:
    """Its subqueries, if any, read nothing of the row."""
    if not term.late:
        return True
    if isinstance(access, TableAccess) and not access.use_row_lists:
        return False
    return not any(isinstance(part, bound.SubqueryExpr) and part.outer for part in walk(term.expr))


def _asks_module(expr: bound.Expr, access: FunctionAccess) -> bool:
    """Whether there are conditions that only the module of a virtual table understands."""
    module = find_module(access.table.module) if access.table.kind == "virtual" else None
    names = module.conditions if module is not None else frozenset()
    searched = access.table.declared.searched if access.table.declared is not None else None
    for part in (part for arm in chain(expr, "or") for part in conjuncts(arm)):
        if isinstance(part, bound.Call) and part.name in names:
            return True
        if searched is not None and isinstance(part, bound.Compare) and part.op == "=":
            sides = (part.left, part.right)
            if any(isinstance(side, bound.ColumnRef) and side.column == searched for side in sides):
                return True
    return False


def _arm(
    planner: Planner,
    access: TableAccess | FunctionAccess,
    part: bound.Expr,
    columns: set[int],
    beside: Sequence[bound.Expr],
) -> Arm:
    item = access.item
    source = planner.new_source()
    planner.used[source] = {-1, *columns}
    planner.binder.names[source] = planner.binder.names.get(item.source, item.name)
    own = replace(item, source=source, refs={})
    if item.source in planner.sizes.rows:
        planner.sizes.rows[source] = planner.sizes.rows[item.source]
    found: TableAccess | FunctionAccess
    if isinstance(access, FunctionAccess):
        planner.used[source] |= access.used  # the arm's own row is the row: functions of it belong to its search
        found = planner.function_access(own)
    else:
        found = planner.table_access(own)
    return Arm(
        found,
        [make_term(moved(expr, item.source, source)) for expr in conjuncts(part)],
        [make_term(moved(expr, item.source, source), derived=True) for expr in beside],
    )


def moved(expr: bound.Expr, source: int, to: int) -> bound.Expr:
    """`expr` about the row of another source of the same table."""

    def move(found: bound.Expr) -> bound.Expr | None:
        if isinstance(found, bound.ColumnRef) and found.source == source:
            return replace(found, source=to)
        return None

    return transform(expr, move)


def or_path(term: Term, arms: Sequence[Arm], blocked: frozenset[int], shown: bool) -> Path | None:
    """The arms as one path, None if one of them would visit the whole table. shown: users see the order of the rows: as
    SQLite, rather ranges than the whole table.
    """
    chosen = []
    rows = price = share = 0.0
    for arm in arms:
        paths = arm.access.paths([*arm.terms, *arm.beside], blocked)
        found = [path for path in paths if any(sarg.term not in arm.beside for sarg in path.finds_by())]
        if not found:
            return None
        best = min(found, key=lambda path: path.cost)
        chosen.append((arm, best))
        rows += best.rows
        price += best.cost
        share += cost.RANGES[0 if best.equal else (best.lower is not None) + (best.upper is not None)]
    price += rows * cost.LOOKUP
    if shown and isinstance(arms[0].access, TableAccess):
        price = min(price, share * arms[0].access.rows)
    return Path("or", rows=rows, cost=price, implied=(term,), arms=tuple(chosen))
