"""What ALTER TABLE asks of the texts of views and triggers: what their names mean.

An expression that is wrong in another way is no fault there: it may call a function that only its application has. The
names in it are looked at one by one, and it stands for NULL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from turso_wasm.base.errors import SqlError
from turso_wasm.bind import bound
from turso_wasm.sql import ast
from turso_wasm.sql.walk import children

if TYPE_CHECKING:
    from turso_wasm.bind.binder import Binder, BindFunction
    from turso_wasm.bind.scope import Scope

_NOT_ASKED = re.compile(
    r"misuse of |wrong number of arguments|no such function|\w+\(\) may not be used|sub-select returns|FILTER may not"
    r"|DISTINCT aggregates|no such window|RAISE\(\) may only|row value misused"
)
_COMPARES = ast.Binary | ast.Between


class _Fault(SqlError):
    """That counts, whatever it stands in."""


def bind_names(binder: Binder, bind: BindFunction, node: ast.Expr, scope: Scope | None) -> bound.Expr:
    """The expression, or NULL where something but a name is wrong with it. Errors: of names, and rows compared."""
    assert binder.trace is not None
    known, deepest = len(binder.trace), binder.finder.deepest
    try:
        return bind(binder, node, scope)
    except _Fault:
        raise
    except SqlError as error:
        if not _NOT_ASKED.match(error.message):
            raise
        if error.message == "row value misused" and isinstance(node, _COMPARES):
            raise _Fault(error.code, error.message, error.span) from None
    del binder.trace[known:]
    binder.finder.deepest = deepest
    _bind_parts(binder, node, scope)
    return bound.Constant(value=None)


def trace_windows(binder: Binder, definitions: Iterable[ast.WindowDefinition], scope: Scope) -> None:
    """The names in a WINDOW clause, whether anything uses its windows or not. Errors: of names."""
    for definition in definitions:
        _bind_parts(binder, definition, scope)


def _bind_parts(binder: Binder, node: ast.Node, scope: Scope | None) -> None:
    for part in _parts(node):
        if isinstance(part, ast.Select):
            binder.nested_select(part, scope)
        else:
            binder.expr(part, scope)


def _parts(node: ast.Node) -> Iterator[ast.Expr | ast.Select]:
    """The nearest expressions and queries below."""
    for child in children(node):
        if isinstance(child, ast.Expr | ast.Select):
            yield child
        else:
            yield from _parts(child)
