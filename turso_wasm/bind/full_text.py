"""fts_match, fts_score, fts_highlight, fts_exact, and MATCH of columns of ordinary tables (docs/full-text.md).

Each is bound to what reads the texts: a call whose first argument is a `bound.FullText`, then the query, and which of
the texts it searches (-1: all). Where an index can answer, plan/full_text.py puts it in their place.
"""

from __future__ import annotations

from dataclasses import replace

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail, ours
from turso_wasm.bind.row_functions import find_item
from turso_wasm.bind.scope import Scope, column_of
from turso_wasm.bind.triggers import inside_trigger
from turso_wasm.bind.walk import same_expression, strip_collation, walk
from turso_wasm.catalog.derived import Derived
from turso_wasm.catalog.methods.fts import plain_texts, terms_table
from turso_wasm.catalog.names import fold, quote_identifier
from turso_wasm.catalog.objects import Table
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

MATCHES, SCORES, EXACT = "fn_fts_text_match", "fn_fts_text_score", "fn_fts_exact"
KERNEL = {"fts_match": MATCHES, "fts_score": SCORES, "fts_highlight": "fn_fts_text_highlight", "fts_exact": EXACT}
BEHIND = {"fts_highlight": 3}  # arguments behind the texts, where it is more than the query
NULL = bound.Constant(value=None)
FIXED = bound.Constant | bound.Parameter


def bind_full_text(binder: Binder, node: ast.FunctionCall, scope: Scope | None) -> bound.Expr:
    """A call of one of the functions. Errors: in an index, a CHECK or a generated column."""
    if binder.place:
        fail(f"{node.name}() prohibited in {binder.place}", node)
    args = tuple(map(strip_collation, binder.exprs(node.arguments, scope)))
    name = fold(node.name)
    behind = BEHIND.get(name, 1)
    return _call(binder, name, args[:-behind], args[-behind:], scope)


def bind_match(binder: Binder, operand: ast.Expr, pattern: ast.Expr, scope: Scope | None) -> bound.Expr | None:
    """`column MATCH query`, `(column, …) MATCH query`; None: an index has not all these columns."""
    items = operand.items if isinstance(operand, ast.RowValue) else (operand,)
    if not all(isinstance(item, ast.ColumnRef) for item in items):
        return None
    texts = tuple(map(strip_collation, binder.exprs(items, scope)))
    if _covering(binder, texts) is None:
        return None
    return _call(binder, "fts_match", texts, (binder.expr(pattern, scope),), scope)


def indexed_table(binder: Binder, texts: tuple[bound.Expr, ...]) -> Table | None:
    """The ordinary table whose columns all these are."""
    sources = {text.source if isinstance(text, bound.ColumnRef) else -1 for text in texts}
    table = binder.scanned.get(sources.pop()) if len(sources) == 1 else None
    return table if table is not None and table.kind == "table" and table.root != 1 else None


def _covering(binder: Binder, texts: tuple[bound.Expr, ...]) -> Derived | None:
    """The index that has all these columns, the narrowest."""
    table = indexed_table(binder, texts)
    catalog = binder.catalogs.slots[table.slot] if table is not None else None
    if table is None or catalog is None:
        return None
    numbers = {text.column for text in texts if isinstance(text, bound.ColumnRef)}
    found = [index for index in catalog.derived_on(table) if index.method == "fts"]
    found = [index for index in found if numbers <= {_number(table, column) for column in index.columns}]
    return min(found, key=lambda index: len(index.columns), default=None)


def _number(table: Table, column: str) -> int:
    number = table.numbers[fold(column)]
    return -1 if number == table.rowid_alias else number


def _call(
    binder: Binder, name: str, texts: tuple[bound.Expr, ...], given: tuple[bound.Expr, ...], scope: Scope | None
) -> bound.Expr:
    index = _covering(binder, texts)
    searched = -1
    if index is not None:
        texts, searched = _aligned(binder, index, texts, scope, others=name != "fts_highlight")
    query, marks = given[-1], given[:-1]
    extra = () if name in ("fts_match", "fts_exact") else marks if marks else (NULL,)
    known = index or plain_texts(tuple(_name(text, at) for at, text in enumerate(texts)))
    asked = (query, bound.Constant(value=searched), *extra, *texts)
    for call in binder.full_texts:
        other = call.args[0]
        assert isinstance(other, bound.FullText)
        if call.name == name and len(call.args) == len(asked) + 1 and other.searched.by_text == binder.by_text:
            pairs = list(zip(asked, call.args[1:], strict=True))
            if name == "fts_score":  # what counts the rows follows from the others
                del pairs[2]
            if all(same_expression(a, b, binder.pin) for a, b in pairs):
                return call
    search = bound.Searched(table=terms_table(known), index=index, by_text=binder.by_text)
    handle = bound.FullText(number=len(binder.full_texts), searched=search)
    if name == "fts_score":
        asked = (query, asked[1], _counted(binder, handle, asked, texts), *texts)
    call = bound.Call(name=name, args=(handle, *asked), kernel=KERNEL[name], style="array")
    binder.full_texts.append(call)
    return call


def _name(text: bound.Expr, at: int) -> str:
    return text.name if isinstance(text, bound.ColumnRef) and text.name else f"text{at + 1}"


def _aligned(
    binder: Binder, index: Derived, texts: tuple[bound.Expr, ...], scope: Scope | None, others: bool
) -> tuple[tuple[bound.Expr, ...], int]:
    """All columns of the index, NULL for those that are not searched if they do not count; which are searched."""
    first = texts[0]
    assert isinstance(first, bound.ColumnRef)
    table = binder.scanned[first.source]
    given = {text.column: text for text in texts if isinstance(text, bound.ColumnRef)}
    level, item = find_item(scope, first.source)
    found: list[bound.Expr] = []
    searched = 0
    for at, column in enumerate(index.columns):
        number = _number(table, column)
        if number in given:
            found.append(given[number])
            searched |= 1 << at
        elif level is None or item is None or not others:
            found.append(NULL)
        else:
            text = column_of(item, number)
            for part in walk(text):
                if isinstance(part, bound.ColumnRef):
                    binder.finder.note(part, level)
            found.append(text)
    return tuple(found), -1 if len(given) == len(found) else searched


def _counted(
    binder: Binder, handle: bound.FullText, asked: tuple[bound.Expr, ...], texts: tuple[bound.Expr, ...]
) -> bound.Expr:
    """What counts all rows of the table, once, for a query that stays the same; NULL where there is no table."""
    table = indexed_table(binder, tuple(text for text in texts if text is not NULL))
    if table is None or not isinstance(asked[0], FIXED) or binder.counting:
        return NULL
    columns = ", ".join(quote_identifier(text.name) for text in texts if isinstance(text, bound.ColumnRef))
    text = f"SELECT (SELECT count(fts_match({columns}, '')) FROM {quote_identifier(table.name)})"
    select, _ = parse_one(text)
    assert isinstance(select, ast.Select) and isinstance(select.core, ast.SelectCore)
    column = select.core.columns[0]
    assert isinstance(column, ast.ResultColumn)
    binder.counting = True
    with ours(binder), inside_trigger(binder, text, table.schema, ()):
        found = binder.expr(column.expr, None)
    binder.counting = False
    assert isinstance(found, bound.SubqueryExpr)
    (core,) = found.plan.cores  # type: ignore[union-attr]
    (aggregate,) = core.aggregates
    (match,) = aggregate.args
    assert isinstance(match, bound.Call)
    args = (handle, *asked[:2], *match.args[3:])
    count = replace(match, name="fts_count", kernel="fn_fts_text_count", args=args, deterministic=False)
    core.aggregates[0] = replace(aggregate, args=(count,))
    return found
