"""PRAGMA reverse_unordered_selects: a SELECT without ORDER BY reads backwards, to show who relies on an order.

Only loops whose rows come out as they are read are turned: nothing below a sort or a grouping, and no subquery.
"""

from __future__ import annotations

from dataclasses import replace

from turso_wasm.base.tree import Node, transform
from turso_wasm.plan import nodes

READS = (nodes.TableScan, nodes.RowidRange, nodes.IndexScan)
LOOPS = (nodes.Output, nodes.Filter, nodes.NestedLoop, nodes.LeftJoin, nodes.Limit, nodes.Append)


def read_backwards(plan: nodes.Output) -> nodes.Output:
    """The same rows, from the last to the first as far as that can be had for nothing."""
    turned = transform(plan, _turned)
    assert isinstance(turned, nodes.Output)
    return turned


def _turned(node: Node) -> Node | None:
    if isinstance(node, READS):
        return replace(node, reverse=not node.reverse)
    return None if isinstance(node, LOOPS) else node  # look into it, or leave it alone
