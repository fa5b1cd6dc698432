"""vector_top_k('index', vector, k) in FROM: libSQL's words for the rowids, `id`, of the k nearest rows.

It is bound as the query that asks for them, which plan/near_rows.py answers by the index where that serves.

Source: https://docs.turso.tech/features/ai-and-embeddings#query
"""

from __future__ import annotations

from typing import Final

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.derived import Derived
from turso_wasm.catalog.methods.ivf import IvfMethod, settings_of
from turso_wasm.sql import ast

NAME: Final = "vector_top_k"
DISTANCES: Final = {"cosine": "vector_distance_cos", "l2": "vector_distance_l2", "dot": "vector_distance_dot"}


def nearest_rows(binder: Binder, source: ast.TableFunctionSource) -> ast.Select:
    """The query. The arguments see no names, as those of LIMIT. Errors: not three arguments, "no such index: i", an
    index that is not of vectors; when it runs: a k below 0, or NULL.
    """
    if len(source.arguments) != 3:
        fail(f"{NAME}() has 3 arguments: the name of an index, a vector, and how many rows", source)
    name, *others = source.arguments
    if not isinstance(name, ast.TextLiteral):
        fail(f"the first argument of {NAME}() is the name of an index, as a text", name)
    binder.pin(bound.Constant(value=name.value, lifted=name.index if name.index >= 0 and binder.lift else None))
    catalog, index = _index(binder, name, source.schema)
    query, k = binder.exprs(others, None)
    columns = (ast.ColumnRef(index.columns[0]), ast.Given(query))
    distance = ast.FunctionCall(DISTANCES[settings_of(index).metric], columns)
    core = ast.SelectCore(
        (ast.ResultColumn(ast.ColumnRef(index.key), "id"),),
        ast.TableSource(index.table, catalog.name),
        where=ast.IsNull(distance, negated=True),
    )
    return ast.Select(core, order_by=(ast.OrderTerm(distance),), limit=ast.Given(_checked(k)))


def _index(binder: Binder, name: ast.TextLiteral, schema: str | None) -> tuple[Catalog, Derived]:
    schema = schema or binder.default_schema
    found = binder.catalogs.find_derived(name.value, schema)
    if found is None and binder.catalogs.find_index(name.value, schema) is None:
        fail(f"no such index: {name.value}", name)
    if found is None or found[1].method != IvfMethod.name:
        fail(f"index {name.value} is not of vectors", name)
    return found


def _checked(k: bound.Expr) -> bound.Expr:
    """How many rows there are to be, where it is a number of rows."""
    message = bound.Constant(value=f"the third argument of {NAME}() is how many rows, from 0 on")
    wrong = bound.Call(name="raise", args=(message,), style="special")
    is_number = bound.Compare(op=">=", left=k, right=bound.Constant(value=0))
    return bound.Case(whens=((is_number, k),), otherwise=wrong)
