"""Functions that are other expressions: iif() and the functions about the build.

Source: https://sqlite.org/lang_corefunc.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from turso_wasm.bind import bound
from turso_wasm.bind.purity import NULL, failing
from turso_wasm.catalog.build import OPTIONS, SOURCE_ID, SQLITE_VERSION, option_names

Arguments: TypeAlias = tuple[bound.Expr, ...]


def _conditional(args: Arguments) -> bound.Expr:
    """iif(condition, value, …[, otherwise])."""
    pairs = tuple(zip(args[0::2], args[1::2], strict=False))
    return bound.Case(whens=pairs, otherwise=args[-1] if len(args) % 2 else None, is_call=True)


def _option_get(args: Arguments) -> bound.Expr:
    """sqlite_compileoption_get(n): the option of that number, of which 32 bits count; NULL is 0."""
    number = bound.LetRef(number=1)
    low = bound.Binary(op="&", left=number, right=bound.Constant(value=0xFFFF_FFFF))
    whens: list[tuple[bound.Expr, bound.Expr]] = [(bound.IsNull(operand=number), bound.Constant(value=OPTIONS[0]))]
    for at, option in enumerate(OPTIONS):
        is_it = bound.Compare(op="=", left=low, right=bound.Constant(value=at))
        whens.append((is_it, bound.Constant(value=option)))
    body = bound.Case(whens=tuple(whens), otherwise=None)
    return bound.Let(number=1, value=bound.Cast(operand=args[0], affinity="D"), body=body)


def _option_used(args: Arguments) -> bound.Expr:
    """sqlite_compileoption_used(name): 1, 0 or NULL."""
    items = tuple(bound.Constant(value=name) for name in option_names())
    return bound.InList(operand=bound.Cast(operand=args[0], affinity="B"), items=items, collation="NOCASE")


def _log(args: Arguments) -> bound.Expr:
    """sqlite_log(code, message): NULL. There is no log; the arguments are evaluated."""
    return bound.Case(whens=tuple((bound.IsNull(operand=arg), NULL) for arg in args), otherwise=None)


EXPANSIONS: Final[dict[str, Callable[[Arguments], bound.Expr]]] = {
    "fts3_tokenizer": lambda args: NULL if len(args) == 1 else failing("fts3tokenize disabled"),
    "fts5": lambda _: NULL,
    "fts5_source_id": lambda _: bound.Constant(value=f"fts5: {SOURCE_ID}"),
    "iif": _conditional,
    "if": _conditional,
    "load_extension": lambda _: failing("not authorized"),
    "sqlite_compileoption_get": _option_get,
    "sqlite_compileoption_used": _option_used,
    "sqlite_log": _log,
    "sqlite_source_id": lambda _: bound.Constant(value=SOURCE_ID),
    "sqlite_version": lambda _: bound.Constant(value=SQLITE_VERSION),
}
"""By name (style "expansion"): what a call with these arguments stands for."""
