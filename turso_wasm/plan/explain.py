"""EXPLAIN QUERY PLAN and EXPLAIN ANALYZE: the lines about a plan (explain_nodes.py) as rows, and as what to measure.

Source: https://sqlite.org/eqp.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from turso_wasm.bind import bound
from turso_wasm.plan import nodes
from turso_wasm.plan.explain_nodes import Explainer, Line


def explain_query_plan(plan: nodes.Plan, source: int, names: Mapping[int, str]) -> nodes.Plan:
    """A plan that gives the rows (id, parent, notused, detail) about `plan`."""
    found = (
        (number, parent, 0, line.detail)
        for number, (parent, line) in enumerate(_numbered(explain_lines(plan, names)), 1)
    )
    rows = tuple(tuple(bound.Constant(value=value) for value in row) for row in found)
    refs = tuple(bound.ColumnRef(source=source, column=column) for column in range(4))
    if not rows:
        return nodes.Output(
            child=nodes.Filter(child=nodes.OneRow(), predicate=bound.Constant(value=0)),
            exprs=(bound.Constant(value=None),) * 4,
            single=True,
        )
    return nodes.Output(child=nodes.Values(source=source, rows=rows, n_columns=4), exprs=refs)


def explain_analyze(plan: nodes.Plan, kind: str, names: Mapping[int, str]) -> nodes.Profile:
    """A plan that runs `plan` and tells about the same lines, below one about the whole statement, what they cost."""
    if isinstance(plan, nodes.CountChanges):
        plan = plan.child
    whole = Line(kind.upper(), explain_lines(plan, names), (plan,))
    lines = (nodes.ProfileLine(parent, line.detail, line.about) for parent, line in _numbered([whole]))
    return nodes.Profile(child=plan, lines=tuple(lines))


def details(plan: nodes.Plan, names: Mapping[int, str]) -> dict[int, str]:
    """What EXPLAIN QUERY PLAN says of nodes, by their ids: of each the first line that is about it."""
    found: dict[int, str] = {}
    for _, line in _numbered(explain_lines(plan, names)):
        for node in line.about:
            found.setdefault(id(node), line.detail)
    return found


def _numbered(lines: Iterable[Line]) -> list[tuple[int, Line]]:
    """(the number of the line above, the line) for each, outer ones first; they count from 1."""
    found: list[tuple[int, Line]] = []

    def add(lines: Iterable[Line], parent: int) -> None:
        for line in lines:
            found.append((parent, line))
            add(line.children, len(found))

    add(lines, 0)
    return found


def explain_lines(plan: nodes.Plan, names: Mapping[int, str]) -> list[Line]:
    """The lines about a plan, outermost level."""
    return list(Explainer(names).node(plan))
