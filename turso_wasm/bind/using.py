"""USING and NATURAL: which columns they compare, and what the one column means that they make of two.

SQLite's rules: after an inner or left join a name means the left column, after a right join the right one, after a full
join the first of both that is not NULL (with the left one's affinity and collation). Where a right or full join stands
in a FROM clause, its USINGs compare the first column that is not NULL of all that were made one so far.

Source: https://sqlite.org/lang_select.html section 2.2
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from turso_wasm.bind import bound
from turso_wasm.bind.binder import fail
from turso_wasm.bind.comparison import compare
from turso_wasm.bind.query import Item
from turso_wasm.bind.scope import column_of
from turso_wasm.bind.walk import transform
from turso_wasm.catalog.names import fold
from turso_wasm.sql import ast


def using_conditions(join: ast.Join, left: list[Item], right: list[Item], has_outer: bool) -> list[bound.Expr]:
    """The conditions of USING or NATURAL; the right side's columns of that name are hidden, the left's mean both.

    has_outer: a right or full join stands in the same FROM clause. Errors: "cannot join using column x - column not
    present in both tables", "ambiguous reference to x in USING()".
    """
    found: list[bound.Expr] = []
    for name in _using_names(join, left, right):
        key = fold(name)
        left_item, right_item = _find(left, key), _find(right, key)
        if left_item is None or right_item is None:
            fail(f"cannot join using column {name} - column not present in both tables", join)
        if has_outer and sum(key in item.numbers and key not in item.hidden for item in left) > 1:
            fail(f"ambiguous reference to {name} in USING()", join)
        found.append(compare("=", _compared(left_item, key), _compared(right_item, key)))
        shown, other = shown_column(left_item, key), shown_column(right_item, key)
        right_item.hidden.add(key)
        if join.kind in ("RIGHT", "FULL"):
            left_item.compared[key] = _first_known(_compared(left_item, key), _compared(right_item, key))
            left_item.shown[key] = other if join.kind == "RIGHT" else _first_known(shown, other)
    return found


def _first_known(left: bound.Expr, right: bound.Expr) -> bound.Expr:
    return bound.Call(name="coalesce", args=(left, right), style="special", merges=True)


def shown_column(item: Item, key: str) -> bound.Expr:
    """What the (folded) name of a column of this item means without a qualifier."""
    return item.shown.get(key) or column_of(item, item.numbers[key])


def _compared(item: Item, key: str) -> bound.Expr:
    return item.compared.get(key) or column_of(item, item.numbers[key])


def _using_names(join: ast.Join, left: list[Item], right: list[Item]) -> list[str]:
    if join.natural:
        shown = {fold(name): name for item in right for name in item.columns if fold(name) not in item.hidden}
        return [name for key, name in shown.items() if _find(left, key) is not None]
    return [name.text for name in join.using or ()]


def _find(items: list[Item], key: str) -> Item | None:
    return next((item for item in items if key in item.numbers), None)


def forget_not_null(items: Iterable[Item], nullable: list[Item]) -> None:
    """What USING made of columns of the `nullable` may be NULL from here on."""
    sources = {item.source for item in nullable}

    def forget(expr: bound.Expr) -> bound.Expr | None:
        if isinstance(expr, bound.ColumnRef) and expr.source in sources:
            return replace(expr, not_null=False)
        return None

    for item in items:
        for meanings in (item.shown, item.compared):
            meanings.update({key: transform(expr, forget) for key, expr in meanings.items()})


def starred(items: list[Item], nested: list[set[int]]) -> list[tuple[Item, int]]:
    """The columns of `*`: those that are not hidden. In joins in parentheses, whose sources are the sets of `nested`
    (inner ones first), those come first that USING made of two.
    """
    found = [
        (item, at)
        for item in items
        for at, name in enumerate(item.columns)
        if not item.hidden or fold(name) not in item.hidden
    ]
    for sources in nested:
        inside = [place for place, (item, _) in enumerate(found) if item.source in sources]
        group = [found[place] for place in inside]
        twice = {key for item in items if item.source in sources for key in item.hidden}
        group.sort(key=lambda column: fold(column[0].columns[column[1]]) not in twice)
        for place, column in zip(inside, group, strict=True):
            found[place] = column
    return found
