"""CREATE SEQUENCE, DROP SEQUENCE, and the programs that move sequences on.

What nextval() and setval() change is changed as by a trigger: within the statement, undone with it.
"""

from __future__ import annotations

from dataclasses import replace

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.sequences import find_sequence
from turso_wasm.catalog import ddl
from turso_wasm.catalog.objects import Table
from turso_wasm.catalog.sequences import COLUMNS, PREFIX, sequence_of, table_sql
from turso_wasm.catalog.tables import build_table
from turso_wasm.catalog.types import AffinityLetter
from turso_wasm.plan import nodes
from turso_wasm.plan.planner import Planner
from turso_wasm.plan.schema import NOTHING, Changed, plan_drop, table_steps
from turso_wasm.plan.triggers import fire_text
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

INTEGER: AffinityLetter = "D"


def plan_create_sequence(binder: Binder, node: ast.CreateSequence) -> Changed:
    """Errors: "sequence s already exists", what is wrong with the options."""
    catalog = ddl.target_catalog(binder.catalogs, node.name, temporary=False)
    name = node.name.name
    if catalog.find_table(PREFIX + name) is not None:
        if node.if_not_exists:
            return NOTHING, None
        raise SqlError(SQLITE_ERROR, f"sequence {name} already exists", node.name.name_span)
    sequence = sequence_of(node)
    sql = table_sql(name)
    statement, _ = parse_one(sql)
    assert isinstance(statement, ast.CreateTable)
    table = build_table(statement, sql, slot=catalog.slot, schema=catalog.name)
    row = tuple(bound.Constant(value=value) for value in sequence.row)
    fill = nodes.InsertRows(register=0, child=nodes.OneRow(), exprs=row, affinities=(INTEGER,) * len(COLUMNS))
    steps = (*table_steps(table, sql, 0), fill)
    return nodes.Ddl(slot=catalog.slot, steps=steps, n_registers=1), catalog


def plan_drop_sequence(binder: Binder, node: ast.DropSequence) -> Changed:
    """Errors: "no such sequence: s"."""
    schema = "" if node.name.schema is None else f"{node.name.schema}."
    table = find_sequence(binder, schema + node.name.name)
    if table is None:
        if node.if_exists:
            return NOTHING, None
        raise SqlError(SQLITE_ERROR, f"no such sequence: {schema}{node.name.name}", node.name.span)
    name = ast.QualifiedName(table.name, table.schema, node.name.span, node.name.name_span)
    return plan_drop(binder, ast.Drop("TABLE", name))


def make_program(binder: Binder, table: Table, text: str) -> nodes.Fire:
    """What a function fires: the text of a trigger whose NEW has the function's arguments for columns."""
    return fire_text(binder, table, ("function", table.slot, text), text, None)


def ask(binder: Binder, text: str) -> bound.Expr:
    """What a function asks: a scalar subquery, planned, that is asked anew each time."""
    select, _ = parse_one(text)
    assert isinstance(select, ast.Select)
    saved = binder.sql, binder.lift, binder.common, binder.finder, binder.open_views, binder.tables
    binder.sql, binder.lift, binder.common, binder.open_views = text, False, None, ["sequence"]
    binder.finder, binder.tables = type(binder.finder)(()), []
    try:
        expr = Planner(binder).finish(binder.expr(ast.Subquery(select), None))
    finally:
        binder.sql, binder.lift, binder.common, binder.finder, binder.open_views, binder.tables = saved
    assert isinstance(expr, bound.SubqueryExpr)
    return replace(expr, volatile=True)
