"""A statement made smaller in one place, in all ways that its syntax tree suggests."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from tests.fuzz.statements import Statement
from turso_wasm.base.errors import SqlError
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one
from turso_wasm.sql.printer import print_sql
from turso_wasm.sql.walk import walk

T = TypeVar("T")


def smaller_texts(step: Statement) -> Iterator[str]:
    """The statement made smaller in one place, in all ways that its syntax tree suggests."""
    try:
        tree, _ = parse_one(step.sql)
    except SqlError:
        return
    if tree is None:
        return
    for smaller in variants(tree):
        if any(
            isinstance(node, ast.ParenthesizedSource) and not isinstance(node.source, ast.Join)
            for node in walk(smaller)
        ):
            continue  # SQLite forgets the alias of a single table in parentheses
        with contextlib.suppress(Exception):  # a part may be missing that cannot be
            yield print_sql(smaller)


def variants(node: T) -> Iterator[T]:
    """Trees that are a little smaller, the smallest first: of each part, what it is made of, or nothing."""
    if not is_dataclass(node) or isinstance(node, type):
        return
    for each in fields(node):
        if each.name in ("span", "text_span", "index"):
            continue
        value = getattr(node, each.name)
        for smaller in _smaller_values(value, each.name):
            yield replace(node, **{each.name: smaller})  # type: ignore[misc]
        for inner in _inner_variants(value):
            yield replace(node, **{each.name: inner})  # type: ignore[misc]


def _smaller_values(value: Any, name: str) -> Iterator[Any]:
    if isinstance(value, tuple) and value and is_dataclass(value[0]):
        if name != "columns" and name not in ("whens", "assignments", "tables", "compounds"):
            yield ()
        if len(value) > 1 or name == "compounds":
            for i in range(len(value)):
                yield value[:i] + value[i + 1 :]
    elif isinstance(value, tuple) and len(value) > 1:
        for i in range(len(value)):
            yield value[:i] + value[i + 1 :]
    elif isinstance(value, bool) and value:
        yield False
    elif isinstance(value, ast.Expr):
        if not isinstance(value, (ast.NullLiteral, ast.IntegerLiteral)):
            yield ast.NullLiteral()
            yield ast.IntegerLiteral(1)
        if name in (
            "where",
            "having",
            "limit",
            "offset",
            "on",
            "otherwise",
            "filter",
            "escape",
            "operand",
            "target_where",
        ):
            yield None
        yield from _children(value, ast.Expr)
    elif isinstance(value, ast.FromSource):
        yield from _children(value, ast.FromSource)
        if name == "source":
            yield None
    elif isinstance(value, ast.Select):
        if value.compounds:
            yield replace(value, compounds=())
        yield from _children(value, ast.Select)
    elif is_dataclass(value) or (isinstance(value, str) and name in ("alias", "indexed_by", "on_conflict", "nulls")):
        yield None


def _inner_variants(value: Any) -> Iterator[Any]:
    if is_dataclass(value) and not isinstance(value, type):
        yield from variants(value)
    elif isinstance(value, tuple):
        for i, item in enumerate(value):
            for smaller in [*_replacements(item), *(variants(item) if is_dataclass(item) else _inner_variants(item))]:
                yield (*value[:i], smaller, *value[i + 1 :])


def _replacements(item: Any) -> Iterator[Any]:
    if isinstance(item, ast.Expr):
        if not isinstance(item, (ast.NullLiteral, ast.IntegerLiteral)):
            yield ast.NullLiteral()
            yield ast.IntegerLiteral(1)
        yield from _children(item, ast.Expr)


def _children(node: Any, kind: type) -> Iterator[Any]:
    """The nearest parts of that kind."""
    for each in fields(node):
        value = getattr(node, each.name)
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, kind):
                yield item
            elif is_dataclass(item):
                yield from _children(item, kind)
