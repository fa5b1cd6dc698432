"""Generic access to the children of syntax nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from turso_wasm.sql.ast_base import Node

_FIELDS: dict[type, tuple[str, ...]] = {}
_PLAIN = frozenset({"span", "text_span", "type_span", "index", "number"})


def children(node: Node) -> Iterator[Node]:
    """The direct children of a node, in the order of its fields; rows of LiteralValues are data, not nodes."""
    kind = type(node)
    names = _FIELDS.get(kind)
    if names is None:
        names = tuple(f.name for f in fields(kind) if f.name not in _PLAIN)
        _FIELDS[kind] = names
    for name in names:
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif value.__class__ is tuple:
            yield from _nodes(value)


def _nodes(items: tuple[object, ...]) -> Iterator[Node]:
    for item in items:
        if isinstance(item, Node):
            yield item
        elif item.__class__ is tuple:
            if item and not isinstance(item[0], Node):
                return
            yield from _nodes(item)


def walk(root: Node) -> Iterator[Node]:
    """`root` and all nodes below it, parents first. Not recursive."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(list(children(node))))
