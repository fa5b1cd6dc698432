"""Functions of modules. Some belong to the row of a virtual table: bm25(t), highlight(t, 0, '<b>', '</b>').

The module that gives the row computes them with it. So a call is a column that the statement adds to the table, and
whatever is done with columns (grouping, sorting, reading from a subquery) is done with it.

Source: https://sqlite.org/vtab.html#the_xfindfunction_method
"""

from __future__ import annotations

from turso_wasm.base.errors import SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.query import Item
from turso_wasm.bind.scope import Scope
from turso_wasm.bind.walk import same_expression, strip_collation
from turso_wasm.catalog.modules.registry import find_module
from turso_wasm.catalog.names import fold
from turso_wasm.sql import ast

RTREES = frozenset({"rtree", "rtree_i32", "geopoly"})


def row_function(binder: Binder, node: ast.FunctionCall, scope: Scope | None) -> bound.ColumnRef | None:
    """The column that a call with a column of a virtual table as its first argument is, or None.

    Errors: "wrong number of arguments to function f()".
    """
    name = fold(node.name)
    args = tuple(map(strip_collation, binder.exprs(node.arguments, scope)))
    if not isinstance(args[0], bound.ColumnRef):
        return None
    level, item = find_item(scope, args[0].source)
    if level is None or item is None or item.table is None or item.table.kind != "virtual":
        return None
    module = find_module(item.table.module)
    if module is None or name not in module.row_functions:
        return None
    least, most = module.arity.get(name, (1, len(args)))
    if not least <= len(args) <= most:
        fail(f"wrong number of arguments to function {node.name}()", node)
    ref = _column(binder, item, bound.Call(name=name, args=args, kernel="", style="unknown"))
    binder.finder.note(ref, level)
    return ref


def find_item(scope: Scope | None, source: int) -> tuple[Scope | None, Item | None]:
    """The FROM element of that number, and the query it is of."""
    while scope is not None:
        for item in scope.items:
            if item.source == source:
                return scope, item
        scope = scope.parent
    return None, None


def _column(binder: Binder, item: Item, call: bound.Call) -> bound.ColumnRef:
    assert item.table is not None
    first = len(item.table.columns)
    for index, known in enumerate(item.calls):
        if known.name != call.name or len(known.args) != len(call.args):
            continue
        if all(same_expression(a, b, binder.pin) for a, b in zip(known.args, call.args, strict=True)):
            return item.refs[first + index]
    item.calls.append(call)
    number = first + len(item.calls) - 1
    ref = item.refs[number] = bound.ColumnRef(source=item.source, column=number, name=call.name)
    return ref


def bind_rtreecheck(binder: Binder, node: ast.FunctionCall, scope: Scope | None) -> bound.Expr:
    """rtreecheck([schema,] table): the names may be computed, so any R*Tree may be meant.

    Errors: "wrong number of arguments to function rtreecheck()".
    """
    args = tuple(map(strip_collation, binder.exprs(node.arguments, scope)))
    if len(args) not in (1, 2):
        fail("wrong number of arguments to function rtreecheck()", node)
    schema = args[0] if len(args) == 2 else bound.Constant(value="main")
    found = []
    for catalog in binder.catalogs.search_order:
        for table in catalog.tables():
            if table.kind == "virtual" and fold(table.module) in RTREES and not table.failure:
                try:
                    found.append(bound.CheckedVirtual(table=table, shadows=catalog.shadows_of(table)))
                except SqlError:
                    continue
                binder.slots.add(table.slot)
    return bound.CheckVirtual(schema=schema, table=args[-1], candidates=tuple(found))
