"""A statement with what an engine complains of left out, one complaint after the other.

What one engine reports of a large statement the other one finds only behind all the errors that it meets before. Each
of those is in some innermost expressions or tables: with NULL in their places, the engine complains of something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from turso_wasm.base.errors import SqlError
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one
from turso_wasm.sql.walk import children

Message = Callable[[str], str | None]
Mended = tuple[str, str | None]

MAX_MENDED = 20


def complains_after_mending(sql: str, wanted: str, engine: Message) -> bool:
    """True if the engine gives the message once what it complains of before is NULL."""
    pending: list[Mended] = [(sql, engine(sql))]
    for _ in range(MAX_MENDED):
        if not pending:
            return False
        sql, message = pending.pop(0)
        if message == wanted:
            return True
        if message is not None:
            both = (_mended(sql, message, engine, from_left) for from_left in (False, True))
            pending += dict.fromkeys(mended for mended in both if mended is not None)
    return False


def _mended(sql: str, message: str, engine: Message, from_left: bool) -> Mended | None:
    """With NULL for the innermost parts that make the message go, and the message then; None: there are none. Where one
    of several parts is enough, the first goes, or (from_left) the last one, but no table, whose columns are asked for.
    """
    kinds = (ast.Expr,) if from_left else (ast.Expr, ast.FromSource)
    try:
        tree, _ = parse_one(sql)
    except SqlError:
        return None
    pending = list(_parts(tree, kinds)) if tree is not None else []
    left_out = set(pending)
    if engine(_without(sql, left_out)) == message:
        return None
    while pending:
        part = pending.pop(0 if from_left else -1)
        rest = left_out - {part}
        if engine(_without(sql, rest)) != message:
            left_out = rest
            continue
        inner = list(_parts(part.node, kinds))
        opened = rest | set(inner)
        if inner and engine(_without(sql, opened)) != message:
            left_out = opened
            pending += inner
    text = _without(sql, left_out)
    return text, engine(text)


@dataclass(frozen=True)
class Part:
    """A part of a statement that NULL can stand for. node takes no part in comparison."""

    start: int
    end: int
    node: ast.Node = field(compare=False)


def _without(sql: str, parts: Iterable[Part]) -> str:
    for part in sorted(parts, key=lambda each: each.start, reverse=True):
        null = " NULL " if isinstance(part.node, ast.Expr) else " (SELECT NULL) "
        sql = sql[: part.start] + null + sql[part.end :]
    return sql


def _parts(node: ast.Node, kinds: tuple[type[ast.Node], ...]) -> Iterator[Part]:
    """The nearest expressions, and tables, below that are written down."""
    for child in children(node):
        start, end = getattr(child, "span", (0, 0))
        if isinstance(child, kinds) and start < end:
            yield Part(start, end, child)
        else:
            yield from _parts(child, kinds)
