"""The provider of dbstat: the b-trees that sqlite_schema names, and the pages of each.

Source: https://sqlite.org/dbstat.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from turso_wasm.bind import bound
from turso_wasm.bind.tables import bind_text
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.modules.dbstat import COLUMNS, DbstatOptions
from turso_wasm.catalog.names import quote_identifier
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.providers import ROWID, GivenRows, Offer, Request
from turso_wasm.plan.terms import Sarg

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner

NAME: Final = 0
SCHEMA: Final = len(COLUMNS)
AGGREGATE: Final = SCHEMA + 1
PAGENO: Final = COLUMNS.index("pageno") - 1  # of the columns of a page, which have no name
PAGES: Final = 100.0
ZERO: Final = bound.Constant(value=0)


class DbstatProvider:
    """One offer: the trees of a database, or those of one name."""

    def offers(self, request: Request) -> list[Offer]:
        """See PlannedModule. Conditions are tested again; they say which trees are looked at, and how."""
        conditions: dict[int, Sarg] = {}
        for sarg in request.conditions:
            if sarg.op == "=" and sarg.column in (NAME, SCHEMA, AGGREGATE):
                conditions.setdefault(sarg.column, sarg)
        number = sum(bit for column, bit in ((SCHEMA, 1), (NAME, 2), (AGGREGATE, 4)) if column in conditions)
        consumed = (conditions[SCHEMA],) if SCHEMA in conditions else ()
        return [Offer(PAGES, PAGES * 10, consumed, lambda _: _rows(request, conditions), number=number, label="")]

    def plans_for_writing(self, planner: Planner, table: Table) -> tuple[nodes.Plan, ...]:
        """None."""
        return ()


def _rows(request: Request, conditions: dict[int, Sarg]) -> GivenRows:
    planner = request.planner
    rows = planner.plan_query(bind_text(planner.binder, _trees(_databases(request, conditions.get(SCHEMA)))))
    name, root, slot, schema = rows.exprs
    trees = rows.plan
    for wanted, value, collation in ((NAME, name, "BINARY"), (SCHEMA, schema, "NOCASE")):
        if wanted in conditions:
            same = bound.Compare(op="=", left=value, right=_text(conditions[wanted].value), collation=collation)
            trees = nodes.Filter(child=trees, predicate=same)
    aggregate = conditions[AGGREGATE].value if AGGREGATE in conditions else ZERO
    source = planner.new_source()
    pages = nodes.BtreePages(source=source, slot=slot, root=root, aggregate=aggregate)
    columns: dict[int, bound.Expr] = {
        number: bound.ColumnRef(source=source, column=number - 1) for number in range(1, len(COLUMNS))
    }
    columns |= {NAME: name, SCHEMA: schema, AGGREGATE: bound.ColumnRef(source=source, column=len(COLUMNS) - 1)}
    columns[ROWID] = columns[PAGENO + 1]
    return GivenRows(nodes.NestedLoop(left=trees, right=pages), columns)


def _text(value: bound.Expr) -> bound.Expr:
    return bound.ApplyAffinity(operand=value, affinity="B")


def _databases(request: Request, schema: Sarg | None) -> list[Catalog]:
    """Those that can be meant: without a condition one, with a constant one, or else all."""
    table, catalogs = request.item.table, request.planner.binder.catalogs
    assert table is not None and table.declared is not None
    options = table.declared.options
    assert isinstance(options, DbstatOptions)
    if schema is None and not any(sarg.column == SCHEMA for sarg in request.conditions):
        return [catalogs.must_find(options.schema)]
    if schema is not None and isinstance(schema.value, bound.Constant):
        request.planner.binder.pin(schema.value)
        found = catalogs.find(schema.value.value) if isinstance(schema.value.value, str) else None
        return [found or catalogs.main()]
    return [catalog for catalog in catalogs.slots if catalog is not None]


def _trees(databases: list[Catalog]) -> str:
    """A query for (name, root page, slot, schema) of every b-tree."""
    arms = []
    for catalog in databases:
        schema, quoted = quote_identifier(catalog.name), catalog.name.replace("'", "''")
        place = f"{catalog.slot}, '{quoted}'"
        arms.append(f"SELECT 'sqlite_schema', 1, {place}")
        arms.append(f"SELECT name, rootpage, {place} FROM {schema}.sqlite_schema WHERE rootpage > 0")
    return " UNION ALL ".join(arms)
