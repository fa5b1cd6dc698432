"""EXPLAIN QUERY PLAN as a tree, EXPLAIN in columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

_ANALYZED: Final = 8  # columns of EXPLAIN ANALYZE: id, parent, notused, detail, loops, visited, rows, ms


def is_plan(names: Sequence[str]) -> bool:
    """Whether these are the columns of EXPLAIN QUERY PLAN or EXPLAIN ANALYZE."""
    return tuple(names[:4]) == ("id", "parent", "notused", "detail")


def is_listing(names: Sequence[str]) -> bool:
    """Whether these are the columns of EXPLAIN."""
    return tuple(names[:3]) == ("addr", "opcode", "p1")


def tree(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """The lines of a plan."""
    children: dict[object, list[Sequence[object]]] = {}
    for row in rows:
        children.setdefault(row[1], []).append(row)
    if children:
        yield "QUERY PLAN"
        yield from _branch(children, 0, "")


def _branch(children: dict[object, list[Sequence[object]]], parent: object, indent: str) -> Iterator[str]:
    nodes = children.get(parent, [])
    for node in nodes:
        is_last = node is nodes[-1]
        yield f"{indent}{'`--' if is_last else '|--'}{node[3]}{_costs(node)}"
        yield from _branch(children, node[0], indent + ("   " if is_last else "|  "))


def _costs(node: Sequence[object]) -> str:
    if len(node) != _ANALYZED or node[4] is None:
        return ""
    return f" (loops={node[4]} visited={node[5]} rows={node[6]} ms={node[7]})"
