"""The pass that takes from an OR over several tables what each of its arms says of one table alone.

From (a.x = 1 AND b.y = 2) OR (a.x = 3 AND b.y = 4) follow (a.x = 1 OR a.x = 3) and (b.y = 2 OR b.y = 4): conditions
that can be tested, or drive a look-up, before the tables are joined. The OR itself stays.
"""

from __future__ import annotations

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.query import Core, Query
from turso_wasm.bind.walk import (
    all_of,
    any_of,
    chain,
    conjuncts,
    has_subquery,
    is_deterministic,
    size,
    sources_used,
)

MAX_ARMS = 16
LARGE = 400  # nodes of an OR beyond which repeating parts of it is too much code


def split_disjunctions(query: Query, binder: Binder) -> Query:
    """Add to WHERE what its ORs say of each table."""
    for core in query.cores:
        if len(core.steps) > 1:
            core.where += [found for expr in core.where for found in _implied(expr, core)]
    return query


def _implied(expr: bound.Expr, core: Core) -> list[bound.Expr]:
    if not isinstance(expr, bound.Binary) or expr.op != "or" or size(expr) > LARGE:
        return []
    arms = [conjuncts(arm) for arm in chain(expr, "or")]
    if len(arms) > MAX_ARMS:
        return []
    own = [item.source for step in core.steps for item in step.items()]
    used = sources_used(expr)
    if len(used & set(own)) < 2:
        return []
    found = []
    for source in own:
        about = [all_of([part for part in arm if _is_about(part, source)]) for arm in arms] if source in used else []
        said = [part for part in about if part is not None]
        if said and len(said) == len(about):
            found.append(any_of(said))
    return found


def _is_about(expr: bound.Expr, source: int) -> bool:
    return sources_used(expr) == {source} and is_deterministic(expr) and not has_subquery(expr)
