"""Which common tables and views are run once for all that name them.

SQLite makes a plain SELECT part of the query that names it, and keeps the rows of others when a common table is named
twice, or a view twice in one FROM clause.

Source: https://sqlite.org/lang_with.html section 5
"""

from __future__ import annotations

from collections.abc import Callable

from turso_wasm.bind import bound
from turso_wasm.bind.query import Common, Query
from turso_wasm.bind.walk import query_expressions, walk

MERGED = 4
"""A common table of at most so many tables becomes part of the queries that name it."""


def share(known: dict[str, Common], key: str, bind: Callable[[], Query]) -> Common:
    """The common table of that name in `known`. One that can become part of the query around it is bound for each that
    names it, unless it is large; as is one that reads columns from around it.
    """
    common = known.get(key)
    if common is None or (not common.materialized and can_merge(common.query) and weight(common.query) <= MERGED):
        common = Common(bind())
    if not common.query.outer:
        known[key] = common
    common.uses += 1
    return common


def can_merge(query: Query) -> bool:
    """It is a plain SELECT … FROM … WHERE."""
    core = query.cores[0]
    if query.operators or query.limit is not None or query.offset is not None:
        return False
    made = core.distinct or core.is_aggregate or core.windows
    return bool(core.steps) and not made and core.values_source < 0


def weight(query: Query) -> int:
    """How many tables and kept queries it reads in all."""
    found = 0
    for core in query.cores:
        for item in (item for step in core.steps for item in step.items()):
            found += 1 if item.query is None or item.shared else weight(item.query)
    for expr in walk(*query_expressions(query)):
        if isinstance(expr, bound.SubqueryExpr) and isinstance(expr.plan, Query):
            found += weight(expr.plan)
    return found
