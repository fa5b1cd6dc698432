"""fts_match by an index: its rows are joined, as the pass `search_full_text` of rewrite.py.

`… FROM t WHERE fts_match(a, b, q)` becomes `… FROM t JOIN found ON t.rowid = found.id`, where found is what the index
gives, or, if it is behind, or cannot say (a fuzzy word), what the texts say. fts_score of the same is a column.
"""

from __future__ import annotations

from dataclasses import replace

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, ours
from turso_wasm.bind.full_text import FIXED, MATCHES, SCORES
from turso_wasm.bind.query import Core, Item, Query, Step
from turso_wasm.bind.scope import column_ref
from turso_wasm.bind.select import bind_select
from turso_wasm.bind.tables import query_item
from turso_wasm.bind.triggers import ROWID, inside_trigger
from turso_wasm.bind.walk import query_expressions, same_expression, transform_query, walk
from turso_wasm.catalog.derived import Derived
from turso_wasm.catalog.names import quote_identifier
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

ASKED = "\1query\1"
"""Stands for the query where the text is bound."""


def search_full_text(query: Query, binder: Binder) -> Query:
    """See the module."""
    if not binder.full_texts or not isinstance(binder.statement, ast.Select | ast.Explain):
        return query
    for number, core in enumerate(query.cores):
        found = next(
            ((at, step, call) for at, expr in enumerate(core.where) for step, call in _usable(core, expr)), None
        )
        if found is not None:
            query = _searched(query, binder, number, *found)
    return query


def _usable(core: Core, expr: bound.Expr) -> list[tuple[Step, bound.Call]]:
    """A match of a table's columns that an index knows, for a query that is the same for all rows."""
    if not isinstance(expr, bound.Call) or expr.kernel != MATCHES:
        return []
    handle, asked, _, *texts = expr.args
    if not isinstance(handle, bound.FullText) or handle.searched.index is None or not isinstance(asked, FIXED):
        return []
    text = texts[0]
    if not isinstance(text, bound.ColumnRef) or handle.searched.by_text:
        return []
    kinds = ("inner", "cross")
    steps = [step for step in core.steps if step.item is not None and step.kind in kinds and not step.left]
    return [(step, expr) for step in steps if step.item is not None and step.item.source == text.source]


def _searched(query: Query, binder: Binder, number: int, at: int, step: Step, call: bound.Call) -> Query:
    handle, asked, searched, *_ = call.args
    item = step.item
    assert isinstance(handle, bound.FullText) and handle.searched.index is not None and item is not None
    core = query.cores[number]
    scores = [score for score in _calls(query, SCORES) if _is_score(score, call, binder)]
    assert isinstance(searched, bound.Constant) and isinstance(searched.value, int)
    found = _found(binder, item, handle.searched.index, asked, searched.value, bool(scores))
    del core.where[at]
    ids = bound.Compare(op="=", left=column_ref(item, ROWID), right=column_ref(found, 0))
    core.where.append(ids)
    core.steps.insert(core.steps.index(step), Step(found, kind=step.kind))
    step.kind = "inner"
    if not scores:
        return query
    score = column_ref(found, 1)
    return transform_query(query, lambda part: score if any(part is each for each in scores) else None)


def _calls(query: Query, kernel: str) -> list[bound.Call]:
    return [
        part
        for expr in query_expressions(query)
        for part in walk(expr)
        if isinstance(part, bound.Call) and part.kernel == kernel
    ]


def _is_score(score: bound.Call, call: bound.Call, binder: Binder) -> bool:
    """It is the score of the rows that the call finds."""
    mine, own = score.args[0], call.args[0]
    assert isinstance(mine, bound.FullText) and isinstance(own, bound.FullText)
    if mine.searched.index is not own.searched.index or score.args[4:] != call.args[3:]:
        return False
    return all(same_expression(a, b, binder.pin) for a, b in zip(score.args[1:3], call.args[1:3], strict=True))


def _found(binder: Binder, item: Item, index: Derived, asked: bound.Expr, searched: int, scored: bool) -> Item:
    """The ids of the rows, and their scores."""
    terms, key = index.part("terms"), index.key
    numbers = range(len(index.columns))
    wanted = [at for at in numbers if searched >> at & 1]
    columns = ", ".join(quote_identifier(index.columns[at]) for at in wanted)
    rank, score = ("-rank", f"fts_score({columns}, '{ASKED}')") if scored else ("0", "0")
    table = quote_identifier(index.table)
    sure = f"({index.is_current} AND (SELECT fts_exact({columns}, '{ASKED}') FROM {table} LIMIT 1))"
    text = f"""SELECT rowid AS id, {rank} AS score FROM {terms}
        WHERE {terms} MATCH char(1) || {searched} || char(1) || coalesce('{ASKED}', '') AND {sure}
        UNION ALL SELECT {key}, {score} FROM {table} WHERE NOT {sure} AND fts_match({columns}, '{ASKED}')"""
    select, _ = parse_one(text)
    assert isinstance(select, ast.Select)
    saved, binder.by_text = binder.by_text, True
    try:
        with ours(binder), inside_trigger(binder, text, index.schema, ()):
            bound_query = bind_select(binder, select)
    finally:
        binder.by_text = saved
    return query_item(binder, _with_query(bound_query, asked), "\0found", None)


def _with_query(query: Query, asked: bound.Expr) -> Query:
    """With the query where ASKED is."""

    def rewrite(part: bound.Expr) -> bound.Expr | None:
        if isinstance(part, bound.SubqueryExpr) and isinstance(part.plan, Query):
            return replace(part, plan=transform_query(part.plan, rewrite))
        return asked if isinstance(part, bound.Constant) and part.value == ASKED else None

    return transform_query(query, rewrite)
