"""Trees of immutable nodes: what every pass over plans and bound expressions is made of.

A node is a frozen, keyword-only, slotted dataclass. Its children are the nodes in its fields, in the order of the
fields; tuples and the values of dictionaries are looked through. Nothing here recurses into depth: trees are as deep as
a text is long.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, ValuesView
from dataclasses import Field, fields, replace
from operator import is_
from typing import Any, Literal, TypeAlias, TypeVar, get_origin

from turso_wasm.base.records import dataclass

N = TypeVar("N", bound="Node")
T = TypeVar("T")


@dataclass(slots=True, frozen=True, kw_only=True)
class Node:
    """Base of all nodes."""


Rewrite: TypeAlias = Callable[[Any], "Node | None"]
"""What replaces a node, or None: look inside."""

_DATA = frozenset({"int", "str", "bool", "float", "bytes", "None", "tuple", "frozenset", "Literal", "Table", "Index"})
_parts: dict[type, tuple[str, ...]] = {}
_others: dict[type, tuple[str, ...]] = {}


def parts(kind: type) -> tuple[str, ...]:
    """The names of the fields of a node class that can hold nodes."""
    found = _parts.get(kind)
    if found is None:
        found = _parts[kind] = tuple(part.name for part in fields(kind) if not _is_data(kind, part))
    return found


def data(node: Node) -> tuple[object, ...]:
    """The values of the fields that hold no nodes."""
    kind = type(node)
    names = _others.get(kind)
    if names is None:
        nested = parts(kind)
        names = _others[kind] = tuple(part.name for part in fields(kind) if part.name not in nested)
    return tuple(getattr(node, name) for name in names)


def _is_data(kind: type, part: Field[Any]) -> bool:
    words = re.findall(r"\w+", re.sub(r"\"[^\"]*\"|'[^']*'", "", str(part.type)))
    return all(word in _DATA or _is_literal(kind, word) for word in words)


def _is_literal(kind: type, word: str) -> bool:
    """The word is a name for a closed set of values, where the class or one of its bases is defined."""
    modules = (vars(sys.modules[base.__module__]) for base in kind.__mro__)
    return any(get_origin(names.get(word)) is Literal for names in modules)


def children(node: Node) -> list[Node]:
    """The nodes directly below."""
    names = _parts.get(type(node))
    if names is None:
        names = parts(type(node))
    found: list[Node] = []
    for name in names:
        value = getattr(node, name)
        if isinstance(value, Node):
            found.append(value)
        elif value:
            _add(value, found)
    return found


def nodes_in(value: object) -> list[Node]:
    """`value` if it is a node; the nodes in it if it is a tuple, list or dictionary."""
    if isinstance(value, Node):
        return [value]
    found: list[Node] = []
    _add(value, found)
    return found


def _add(value: object, found: list[Node]) -> None:
    items = value.values() if isinstance(value, dict) else value
    if isinstance(items, tuple | list | ValuesView):
        for item in items:
            if isinstance(item, Node):
                found.append(item)
            elif item:
                _add(item, found)


def walk(roots: Iterable[Node], below: Callable[[Node], list[Node]] = children) -> Iterator[Node]:
    """The nodes and everything below them, outside in, left to right; one that has several places comes once."""
    stack = list(roots)
    stack.reverse()
    seen: set[int] = set()
    while stack:
        node = stack.pop()
        key = id(node)
        if key in seen:
            continue
        seen.add(key)
        yield node
        more = below(node)
        if more:
            stack += more[::-1]


def with_children(node: N, new: list[Node]) -> N:
    """The node with other children, as many and in the order of `children`."""
    left = iter(new)
    changed = {name: _filled(getattr(node, name), left) for name in parts(type(node))}
    return replace(node, **changed)


def _filled(value: object, new: Iterator[Node]) -> object:
    if isinstance(value, Node):
        return next(new)
    if isinstance(value, tuple):
        return tuple(_filled(item, new) for item in value)
    if isinstance(value, dict):
        return {key: _filled(item, new) for key, item in value.items()}
    return value


def transform(root: Node, rewrite: Rewrite) -> Node:
    """`root` with `rewrite` applied outside in; what it replaces is not looked into again.

    Nodes below which nothing changed are the old ones; one that has several places is rewritten once.
    """
    known: dict[int, Node] = {}
    done: list[Node] = []
    stack: list[tuple[Node, list[Node] | None]] = [(root, None)]
    while stack:
        node, old = stack.pop()
        if old is not None:
            new = done[-len(old) :]
            del done[-len(old) :]
            known[id(node)] = node if all(map(is_, old, new)) else with_children(node, new)
            done.append(known[id(node)])
            continue
        replaced = known.get(id(node)) or rewrite(node)
        below = children(node) if replaced is None else None
        if below:
            stack.append((node, below))
            stack += [(child, None) for child in reversed(below)]
        else:
            done.append(node if replaced is None else replaced)
    return done[0]


def fold(root: Node, combine: Callable[[Any, list[T]], T], below: Callable[[Node], list[Node]] = children) -> T:
    """`combine(node, results of the nodes below)` for every node, from the leaves up; the result for `root`."""
    done: list[T] = []
    stack: list[tuple[Node, int]] = [(root, -1)]
    while stack:
        node, n = stack.pop()
        if n < 0:
            more = below(node)
            stack.append((node, len(more)))
            stack += [(child, -1) for child in reversed(more)]
        else:
            first = len(done) - n
            done[first:] = [combine(node, done[first:])]
    return done[0]
