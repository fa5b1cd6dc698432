"""Filters passed across a join: rows of which a hash join further on finds nothing are dropped where they come from.

The table of a hash join is complete before the join asks for its first row, so the test can be made as soon as the keys
are there: at the scan that gives them, also where that fills the table of another hash join, which passes its own keys
on in turn. So a join that multiplies rows before a selective one costs no more than if they stood the other way round
(docs/decisions/0063). No row that comes out changes, nor their order.
"""

from __future__ import annotations

from dataclasses import replace

from turso_wasm.base import tree
from turso_wasm.bind import bound
from turso_wasm.bind.walk import columns_used, is_deterministic
from turso_wasm.plan import nodes

PASSED = (nodes.NestedLoop, nodes.LeftJoin, nodes.SemiJoin, nodes.AntiJoin)  # their rows are those of `left`
PLAIN = (bound.ColumnRef, bound.Constant, bound.Binary, bound.ApplyAffinity)  # as what keys are computed twice


def pass_filters(plan: nodes.Plan) -> nodes.Plan:
    """`plan` with the filters that its hash joins have for what is below them."""
    if isinstance(plan, nodes.HashJoin):
        probe = _with_filter(plan.probe, plan, _key_sources(plan)) if _passes(plan) else None
        return replace(plan, probe=pass_filters(probe or plan.probe))
    if isinstance(plan, nodes.Filter | nodes.KeyFilter):
        return replace(plan, child=pass_filters(plan.child))
    if isinstance(plan, PASSED):
        return replace(plan, left=pass_filters(plan.left))
    return plan


def _passes(join: nodes.HashJoin) -> bool:
    """A row without a match is dropped, and to look for one twice is cheap and gives the same."""
    if join.kind not in ("inner", "semi") or join.label < 0:
        return False
    if any(isinstance(node, nodes.Recursive) for node in tree.walk((join.build,))):
        return False  # it may have no end
    if any(isinstance(node, nodes.KeyFilter) and node.join == join.label for node in tree.walk((join.probe,))):
        return False  # it was done when the join was an operand by itself
    parts = tree.walk(join.probe_keys)
    return all(isinstance(part, PLAIN) and is_deterministic(part) for part in parts)


def _key_sources(join: nodes.HashJoin) -> frozenset[int]:
    held = _held(join.probe)
    return frozenset(ref.source for key in join.probe_keys for ref in columns_used(key)) & held


def _held(plan: nodes.Plan) -> set[int]:
    """The sources whose columns its rows have."""
    return {getattr(node, "source", -1) for node in tree.walk((plan,)) if isinstance(node, nodes.Plan)}


def _with_filter(
    plan: nodes.Plan, join: nodes.HashJoin, sources: frozenset[int], is_below: bool = False
) -> nodes.Plan | None:
    """The plan with the filter where rows with these sources come first; None if no other join stands between."""
    way = _way(plan, join, sources) if sources else None
    if way is None:
        return nodes.KeyFilter(child=plan, join=join.label) if is_below else None
    field, is_join = way
    found = _with_filter(getattr(plan, field), join, sources, is_below or is_join)
    return None if found is None else replace(plan, **{field: found})


def _way(plan: nodes.Plan, join: nodes.HashJoin, sources: frozenset[int]) -> tuple[str, bool] | None:
    """(the field of the plan whose rows have the sources already, whether it is joined there); None: there is none."""
    if isinstance(plan, nodes.Filter | nodes.KeyFilter):
        return ("child", False) if _way(plan.child, join, sources) is not None else None
    if isinstance(plan, PASSED):
        return ("left", True) if sources <= _held(plan.left) else None
    if isinstance(plan, nodes.HashJoin) and not plan.keeps_build:
        if sources <= _held(plan.probe):
            return "probe", True
        is_kept = plan.kind == "inner" and not plan.fresh and not join.fresh
        if is_kept and sources <= frozenset(plan.build_sources):
            return "build", True
    return None
