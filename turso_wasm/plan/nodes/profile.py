"""EXPLAIN ANALYZE: a root that runs another one and tells what it has cost."""

from __future__ import annotations

from turso_wasm.base.records import dataclass
from turso_wasm.base.tree import Node
from turso_wasm.bind.bound import Plan


@dataclass(slots=True, eq=False)
class ProfileLine:
    """A line of the answer. It is no node: what it is about has its place elsewhere in the plan.

    parent: the number of the line it stands under, of those from 1 on; 0: none. about: the nodes whose time it tells,
    the one that gives its rows first, the one that comes across them last; (): none gives it any.
    """

    parent: int
    detail: str
    about: tuple[Node, ...]


@dataclass(slots=True, frozen=True, kw_only=True)
class Profile(Plan):
    """The statement `child`, whose rows nobody sees; then a row for each line. The first is about `child` itself."""

    child: Plan
    lines: tuple[ProfileLine, ...]
