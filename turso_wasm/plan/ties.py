"""The order of rows that an ORDER BY leaves equal, where SQLite would visit an index that begins with its terms, and
here they are sorted: the rest of that index decides.
"""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.bind.query import OrderKey
from turso_wasm.bind.scope import column_ref
from turso_wasm.bind.walk import same_expression
from turso_wasm.plan.access import Path, TableAccess
from turso_wasm.plan.ordering import Ordering, OrderState
from turso_wasm.plan.terms import Term

ROWID = -1


def is_sweep(path: Path) -> bool:
    """Much of the table is read, so SQLite rather reads all of it in order than sorts: nothing is looked up, and no
    range has two ends.
    """
    return path.kind != "or" and not path.equal and path.in_sarg is None and None in (path.lower, path.upper)


def best_beginning(
    ordering: Ordering, access: TableAccess, own: frozenset[int], terms: Sequence[Term], least: int
) -> tuple[Path, bool] | None:
    """The index that satisfies most terms of the order, `least` or more, and whether it runs backwards."""
    found: tuple[int, float, Path, bool] | None = None
    for path in access.paths((), frozenset()):
        if path.index is not None:
            state, reverse = ordering.extend(OrderState(), path, access.item.source, own, frozenset(), terms)
            better = found is None or (-state.satisfied, path.cost) < found[:2]
            if better and state.satisfied >= least:
                found = (-state.satisfied, path.cost, path, reverse)
    return None if found is None else found[2:]


def rest_of_order(ordering: Ordering, access: TableAccess, path: Path, index: Path, reverse: bool) -> list[OrderKey]:
    """The columns of the index that are no terms of the order, then the rowid; none if the rows that come by `path`
    are so anyway.
    """
    table, item = access.table, access.item
    places = [part for part in index.order if part.column != ROWID]
    if any(part.column >= 0 and table.columns[part.column].is_virtual for part in places):
        return []
    pairs = [(part.expr or column_ref(item, part.column), part) for part in places]
    keys = [
        OrderKey(expr=expr, desc=part.desc != reverse, collation=part.collation)
        for expr, part in pairs
        if not any(same_expression(expr, key.expr, ordering.pin) for key in ordering.keys)  # type: ignore[arg-type]
    ]
    if not table.without_rowid and (keys or reverse or path.index is not None):
        keys.append(OrderKey(expr=column_ref(item, ROWID), desc=reverse))
    needed = frozenset(part.column for part in places if part.column >= 0)
    if path.covering and not needed <= access.used:
        return []
    access.used |= needed
    return keys
