"""Names in a query, made explicit: every column is named with its table, stars and aliases are written out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, fields, replace
from typing import Any, TypeVar, cast

from turso_wasm.base.records import dataclass
from turso_wasm.catalog.materialized import refuse
from turso_wasm.catalog.names import ROWID_NAMES, fold
from turso_wasm.sql import ast

N = TypeVar("N", bound=ast.Node)


def rewrite(node: N, change: Callable[[ast.Node], ast.Node | None]) -> N:
    """The tree with what `change` gives for a node in its place; None: look inside."""
    found = change(node)
    if found is not None:
        return cast(N, found)
    parts = {}
    for part in fields(node):
        value = getattr(node, part.name)
        new = _rewritten(value, change)
        if new is not value:
            parts[part.name] = new
    return replace(node, **parts) if parts else node


def _rewritten(value: Any, change: Callable[[ast.Node], ast.Node | None]) -> Any:
    if isinstance(value, ast.Node):
        return rewrite(value, change)
    if value.__class__ is tuple and value:
        found = tuple([_rewritten(each, change) for each in value])
        return found if any(new is not old for new, old in zip(found, value, strict=True)) else value
    return value


@dataclass(slots=True)
class Leaf:
    """An element of FROM. columns: by folded name what it is called in the text we write; shown: the names of `*`.

    keys: the columns that tell its rows apart. table: whose rows they are, None: they never change.
    """

    alias: str
    shown: tuple[str, ...]
    columns: dict[str, str]
    keys: tuple[str, ...] = ()
    table: str | None = None
    given: str = ""  # the name of the table, if the element has no alias

    def ref(self, name: str) -> ast.ColumnRef | None:
        """The column of a folded name."""
        column = self.columns.get(name)
        if column is None and name in ROWID_NAMES and self.table is not None and self.keys[0] in ROWID_NAMES:
            column = self.keys[0]
        return None if column is None else ast.ColumnRef(column, self.alias)


@dataclass(slots=True)
class Scope:
    """The elements of FROM, and what USING and NATURAL have merged: by folded name."""

    leaves: list[Leaf] = field(default_factory=list)
    merged: dict[str, ast.Expr] = field(default_factory=dict)
    hidden: set[tuple[str, str]] = field(default_factory=set)  # (alias, folded name) that * does not show again
    aliases: dict[str, ast.Expr] = field(default_factory=dict)

    def explicit(self, node: N) -> N:
        """An expression whose names are explicit. Errors: what cannot be maintained."""
        return rewrite(node, self._name)

    def _name(self, node: ast.Node) -> ast.Node | None:
        if isinstance(node, ast.ColumnRef):
            return self._column(node)
        if isinstance(node, ast.Subquery | ast.Exists | ast.InSelect | ast.InTable):
            refuse("a subquery in an expression")
        return None

    def _column(self, node: ast.ColumnRef) -> ast.Expr:
        name = fold(node.column)
        if node.table is None and name in self.merged:
            return self.merged[name]
        for leaf in self.leaves:
            if node.table is not None and fold(node.table) != fold(leaf.alias):
                continue
            if node.table is None and name not in leaf.columns:
                continue
            found = leaf.ref(name)
            if found is not None:
                return found
        if node.table is None and name in self.aliases:
            return self.aliases[name]
        if node.table is None:
            found = next((ref for leaf in self.leaves if (ref := leaf.ref(name)) is not None), None)
            if found is not None:
                return found
        if node.double_quoted:
            return ast.TextLiteral(node.column)
        if node.truth is None:
            refuse(f"what {node.column} means")
        return ast.IntegerLiteral(int(node.truth))

    def star(self, node: ast.Star) -> Iterator[tuple[str, ast.Expr]]:
        """What a star stands for: names and expressions."""
        for leaf in self.leaves:
            if node.table is not None and fold(node.table) != fold(leaf.alias):
                continue
            for name in leaf.shown:
                if node.table is None and (leaf.alias, fold(name)) in self.hidden:
                    continue
                merged = self.merged.get(fold(name)) if node.table is None else None
                found = merged or leaf.ref(fold(name))
                assert found is not None
                yield name, found


def leaves_of(source: ast.FromSource | None) -> Iterator[ast.FromSource]:
    """The elements of FROM that are no joins, in the order of the text."""
    match source:
        case None:
            return
        case ast.Join():
            yield from leaves_of(source.left)
            yield from leaves_of(source.right)
        case ast.ParenthesizedSource() if source.alias is None:
            yield from leaves_of(source.source)
        case _:
            yield source


def conjunction(conditions: Sequence[ast.Expr | None]) -> ast.Expr | None:
    """All of them, None: there is none."""
    found: ast.Expr | None = None
    for condition in conditions:
        if condition is not None:
            found = condition if found is None else ast.Binary("AND", found, condition)
    return found
