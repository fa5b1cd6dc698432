"""ORDER BY rank LIMIT n: the search is told how many rows are wanted, and passes over those that cannot be the best."""

from __future__ import annotations

from dataclasses import replace

from turso_wasm.base.tree import transform, walk
from turso_wasm.bind import bound
from turso_wasm.bind.walk import has_subquery, is_deterministic
from turso_wasm.plan import nodes

RANK, RANK_OF_TOP = "fn_fts_rank", "fn_fts_rank_top"
N_ARGS = 3  # of a table whose index says all that a rank needs
TOP = 1 << 20  # the number of a column that no table has
ROW_BY_ROW = (
    nodes.Bound,
    nodes.Filter,
    nodes.FtsRows,
    nodes.FunctionScan,
    nodes.NestedLoop,
    nodes.OneRow,
    nodes.RowidSeek,
    nodes.TableScan,
    nodes.Values,
)
"""Nodes of which nothing but the rows of a row are missing if it is."""


def with_top_ranks(sort: nodes.Sort) -> nodes.Sort:
    """A sort whose first key is the rank of a search below it tells the search how many rows it keeps: by a column of
    its own, which is read of the rows alone that reach the sort.
    """
    key = sort.keys[0]
    rank = key.expr
    if sort.limit is None or sort.n_in_order or key.desc or not isinstance(rank, bound.ColumnRef):
        return sort
    below = [node for node in walk([sort.child]) if isinstance(node, nodes.Plan)]
    scan = next((node for node in below if isinstance(node, nodes.FunctionScan) and node.source == rank.source), None)
    if scan is None or rank.column not in scan.columns or not all(isinstance(node, ROW_BY_ROW) for node in below):
        return sort
    call = scan.outputs[scan.columns.index(rank.column)]
    if not isinstance(call, bound.Call) or call.kernel != RANK or len(call.args) != N_ARGS:
        return sort
    if has_subquery(sort.limit) or not is_deterministic(sort.limit):
        return sort
    told = replace(call, kernel=RANK_OF_TOP, args=(*call.args, sort.limit))
    telling = replace(scan, columns=(*scan.columns, TOP), outputs=(*scan.outputs, told))
    child = transform(sort.child, lambda node: telling if node is scan else None)
    assert isinstance(child, nodes.Plan)
    ref = replace(rank, column=TOP)
    outputs = tuple(ref if expr == rank else expr for expr in sort.outputs)
    return replace(sort, child=child, keys=(replace(key, expr=ref), *sort.keys[1:]), outputs=outputs)
