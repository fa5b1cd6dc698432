"""CREATE INDEX i ON t (libsql_vector_idx(column, 'setting=value', …)): libSQL's words for an index of vectors.

It is the index that USING ivf makes. Of the settings `metric` says what it does to libSQL; the others tune a graph, of
which there is none here: they are checked, and do nothing.

Source: https://docs.turso.tech/features/ai-and-embeddings#settings
"""

from __future__ import annotations

from typing import Final

from turso_wasm.bind.binder import Binder, fail
from turso_wasm.catalog.methods.ivf import IvfMethod
from turso_wasm.catalog.names import fold
from turso_wasm.plan import schema
from turso_wasm.plan.derived_schema import plan_create_using
from turso_wasm.plan.schema import Changed
from turso_wasm.sql import ast

FUNCTION: Final = "libsql_vector_idx"
WORDS: Final = {
    "metric": ("cosine", "l2"),
    "type": ("diskann",),
    "compress_neighbors": ("float1bit", "float8", "float16", "floatb16", "float32", "float64"),
}
NUMBERS: Final = {"max_neighbors": int, "search_l": int, "insert_l": int, "alpha": float}


def plan_create_index(binder: Binder, node: ast.CreateIndex) -> Changed:
    """CREATE INDEX, of a b-tree or of vectors. Errors: those of schema.plan_create_index and plan_create_using; a
    setting that libSQL does not have, or a wrong value of one.
    """
    calls = [term.expr for term in node.columns if isinstance(term.expr, ast.FunctionCall)]
    if any(fold(call.name) == FUNCTION for call in calls):
        return plan_create_using(binder, _using(node))
    return schema.plan_create_index(binder, node)


def _using(node: ast.CreateIndex) -> ast.CreateIndexUsing:
    term, call = node.columns[0], node.columns[0].expr
    if len(node.columns) > 1 or not isinstance(call, ast.FunctionCall) or not call.arguments:
        fail(f"an index of {FUNCTION}(column) is on one column", node)
    if node.unique or node.where is not None:
        fail(f"an index of {FUNCTION}() is neither UNIQUE nor of a part of the rows", node)
    column, *settings = call.arguments
    columns = (ast.OrderTerm(column, term.descending, term.nulls, span=term.span),)
    known = dict([_setting(setting) for setting in settings])
    options = (("metric", ast.TextLiteral(known.get("metric", "cosine"))),)
    return ast.CreateIndexUsing(
        node.name, node.table, IvfMethod.name, columns, options, node.if_not_exists, span=node.span
    )


def _setting(given: ast.Expr) -> tuple[str, str]:
    if not isinstance(given, ast.TextLiteral):
        fail(f"a setting of {FUNCTION}() is a text, 'name=value'", given)
    name, _, value = (fold(part.strip()) for part in given.value.partition("="))
    if name in WORDS:
        if value not in WORDS[name]:
            fail(f"{name} is one of {', '.join(WORDS[name])}, not {value}", given)
    elif name not in NUMBERS:
        fail(f"unknown setting of {FUNCTION}(): {given.value}", given)
    elif not _is_positive(value, NUMBERS[name]):
        fail(f"{name} is a number above 0, not {value}", given)
    return name, value


def _is_positive(value: str, type_: type[int] | type[float]) -> bool:
    try:
        return 0 < type_(value) < 1e9
    except ValueError:
        return False
