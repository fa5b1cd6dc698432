"""CREATE INDEX … USING, DROP INDEX, REINDEX and OPTIMIZE INDEX of indexes that are no b-trees (catalog/derived.py)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import replace

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind.binder import Binder, fail, ours
from turso_wasm.bind.triggers import inside_trigger
from turso_wasm.catalog import ddl
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.derived import EVENTS, Derived, Option, key_of
from turso_wasm.catalog.methods.registry import METHODS
from turso_wasm.catalog.names import fold, quote_identifier
from turso_wasm.catalog.objects import Table
from turso_wasm.catalog.tables import build_table
from turso_wasm.plan import nodes
from turso_wasm.plan.derived import catching_up
from turso_wasm.plan.schema import NOTHING, Changed, indexed_table, plan_create_table
from turso_wasm.plan.triggers import STEPS
from turso_wasm.plan.virtual import plan_create_virtual
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

# --- CREATE ---------------------------------------------------------------------------------------------------------


def plan_create_using(binder: Binder, node: ast.CreateIndexUsing) -> Changed:
    """CREATE INDEX … USING. Errors: "no such index method: m", what the method refuses, a column that is none, a table
    without rowids; those of CREATE INDEX.
    """
    catalog, table = indexed_table(binder, node.name, node.table)
    if not ddl.check_new_index(catalog, node.name, node.if_not_exists):
        return NOTHING, None
    index = _declared(node, catalog, table)
    steps, n_registers = _creation(binder, catalog, index)
    return nodes.Ddl(slot=catalog.slot, steps=tuple(steps), n_registers=n_registers), catalog


def _declared(node: ast.CreateIndexUsing, catalog: Catalog, table: Table) -> Derived:
    method = METHODS.get(fold(node.method))
    if method is None:
        raise SqlError(SQLITE_ERROR, f"no such index method: {node.method}", node.span)
    if table.without_rowid:
        fail(f"WITHOUT ROWID table {table.name} may not be indexed USING {method.name}", node.table)
    key = key_of(table)
    if key is None:
        fail(f"table {table.name} may not be indexed USING {method.name}: no name means its rowid", node.table)
    columns = tuple([_column(table, term) for term in node.columns])
    if len({fold(column) for column in columns}) < len(columns):
        fail(f"a column is indexed twice: {node.name.name}", node)
    given = {fold(name): _option(name, value) for name, value in node.options}
    index = Derived(
        name=node.name.name,
        schema=catalog.name,
        table=table.name,
        key=key,
        columns=columns,
        method=method.name,
        options=method.options(columns, given),
    )
    for name in (index.view, *(index.part_name(suffix) for suffix in ("pending", *method.tables(index)))):
        if catalog.find_table(name) is not None:
            fail(f"there is already a table named {name}", node.name)
    return index


def _column(table: Table, term: ast.OrderTerm) -> str:
    expr = term.expr
    if term.descending or term.nulls is not None or not isinstance(expr, ast.ColumnRef) or expr.table is not None:
        fail("an index with a method is on columns, without expressions or an order", term)
    number = table.numbers.get(fold(expr.column))
    if number is None:
        fail(f"no such column: {expr.column}", expr)
    return table.columns[number].name


def _option(name: str, value: ast.Expr) -> Option:
    match value:
        case ast.TextLiteral() | ast.IntegerLiteral() | ast.RealLiteral():
            return value.value
        case ast.Unary(op="-", operand=ast.IntegerLiteral() | ast.RealLiteral() as number):
            return -number.value
        case ast.ColumnRef(table=None):
            return value.column
    raise SqlError(SQLITE_ERROR, f"the value of option {name} is no literal", getattr(value, "span", None))


def _creation(binder: Binder, catalog: Catalog, index: Derived) -> tuple[list[nodes.Step], int]:
    """The steps, and how many registers they use."""
    method = METHODS[index.method]
    creates = {"pending": f"CREATE TABLE {index.pending}(id INTEGER PRIMARY KEY)", **method.tables(index)}
    steps: list[nodes.Step] = []
    n_registers = 0
    with ExitStack() as there:
        for suffix, text in creates.items():
            part = index.part(suffix)
            text = text.replace(part, f"{quote_identifier(catalog.name)}.{part}", 1)
            plan, tables = _made(binder, catalog, text, method.virtual(index, suffix))
            steps += [_moved(step, n_registers) for step in plan.steps]
            for table in tables:
                _place(table, n_registers)
                there.enter_context(catalog.replaced(table.name, table))
            n_registers += plan.n_registers
        sql = index.view_sql()
        steps.append(nodes.AddSchemaRow(type="view", name=index.view, table_name=index.view, register=None, sql=sql))
        steps += [_trigger_row(index, event) for event in EVENTS]
        on = catalog.find_table(index.table)
        if on is not None and on.rowid_alias < 0:
            name, sql = index.part_name("ids"), index.ids_sql()
            steps.append(nodes.CreateBtree(kind="index", register=n_registers))
            steps.append(
                nodes.AddSchemaRow(type="index", name=name, table_name=index.table, register=n_registers, sql=sql)
            )
            n_registers += 1
        steps += _run(binder, catalog, method.fill(index, index.rows()))
    return steps, n_registers


def _made(binder: Binder, catalog: Catalog, text: str, virtual: Table | None) -> tuple[nodes.Ddl, list[Table]]:
    """The plan of CREATE TABLE, and the tables that are there then, with roots below 0: register 0 is -1."""
    node, _ = parse_one(text)
    with ours(binder), inside_trigger(binder, text, catalog.name, ()):
        if isinstance(node, ast.CreateVirtualTable):
            plan, _ = plan_create_virtual(binder, node)
            assert isinstance(plan, nodes.Ddl)
            (created,) = [step for step in plan.steps if isinstance(step, nodes.CreateVirtual)]
            for suffix, register in created.registers.items():
                created.shadows[suffix].root = -register - 1
            if virtual is None:
                return plan, [created.table, *created.shadows.values()]
            virtual.slot, virtual.schema = catalog.slot, catalog.name
            steps = [replace(step, table=virtual) if step is created else step for step in plan.steps[1:]]
            return replace(plan, steps=tuple(steps)), [virtual, *created.shadows.values()]
        assert isinstance(node, ast.CreateTable)
        plan, _ = plan_create_table(binder, node)
        assert isinstance(plan, nodes.Ddl)
        table = build_table(node, text, slot=catalog.slot, schema=catalog.name)
        table.root = -1
        for number, index in enumerate(sorted(table.indexes, key=lambda one: int(one.name.rpartition("_")[2])), 2):
            index.root = -number
        return plan, [table]


def _place(table: Table, first: int) -> None:
    """Its b-trees are in the registers from this one on."""
    if table.kind == "table":
        table.root -= first
        for index in table.indexes:
            index.root -= first


def _moved(step: nodes.Step, by: int) -> nodes.Step:
    """The same, with registers behind others."""
    match step:
        case nodes.CreateBtree():
            return replace(step, register=step.register + by)
        case nodes.AddSchemaRow() if step.register is not None:
            return replace(step, register=step.register + by)
        case nodes.CreateVirtual():
            return replace(step, registers={suffix: at + by for suffix, at in step.registers.items()})
    return step


def _trigger_row(index: Derived, event: str) -> nodes.Step:
    name, sql = index.part_name(event), index.trigger_sql(event)
    return nodes.AddSchemaRow(type="trigger", name=name, table_name=index.table, register=None, sql=sql)


def _run(binder: Binder, catalog: Catalog, statements: Collection[str]) -> Iterator[nodes.Step]:
    """Steps that run statements."""
    for text in statements:
        node, _ = parse_one(text)
        assert node is not None
        with ours(binder), inside_trigger(binder, text, catalog.name, ()):
            yield nodes.Fill(plan=STEPS[type(node)](binder, node)[0])


# --- REINDEX and OPTIMIZE -------------------------------------------------------------------------------------------


def rebuilt(binder: Binder, catalog: Catalog, index: Derived) -> list[nodes.Step]:
    """REINDEX: what the index keeps anew, and its triggers, if they are not as we write them. Errors: its table or what
    it keeps is not there.
    """
    if not catalog.keeps_up(index):
        _check_parts(catalog, index)
    method = METHODS[index.method]
    steps: list[nodes.Step] = []
    for event in EVENTS:
        known = catalog.trigger_entries.get(fold(index.part_name(event)))
        if known is not None and known.sql == index.trigger_sql(event):
            continue
        if known is not None:
            steps.append(nodes.RemoveSchemaRows(type="trigger", name=known.name))
        steps.append(_trigger_row(index, event))
    statements = (f"DELETE FROM {index.pending}", *method.clear(index), *method.fill(index, index.rows()))
    return [*steps, *_run(binder, catalog, statements)]


def _check_parts(catalog: Catalog, index: Derived) -> None:
    method, table = METHODS.get(index.method), catalog.find_table(index.table)
    if method is None:
        raise SqlError(SQLITE_ERROR, f"no such index method: {index.method}")
    if table is None:
        raise SqlError(SQLITE_ERROR, f"no such table: {catalog.name}.{index.table}")
    for suffix in ("pending", *method.tables(index)):
        if catalog.find_table(index.part_name(suffix)) is None:
            raise SqlError(SQLITE_ERROR, f"no such table: {catalog.name}.{index.part_name(suffix)}")
    for column in index.columns:
        if fold(column) not in table.numbers:
            raise SqlError(SQLITE_ERROR, f"no such column: {column}")


def plan_optimize(binder: Binder, node: ast.OptimizeIndex) -> tuple[nodes.Plan, set[int]]:
    """OPTIMIZE INDEX, of one or of all: what is pending is caught up with, then the method does what it can. The plan,
    and the slots of the databases it writes. Errors: "no such index: i", an index that is a b-tree, or void.
    """
    found = [] if node.name is None else [_named(binder, node.name)]
    if node.name is None:
        there = [catalog for catalog in binder.catalogs.slots if catalog is not None]
        found = [(each, index) for each in there for index in each.derived.values() if each.keeps_up(index)]
    steps: list[nodes.Step] = []
    for catalog, index in found:
        statements = (*catching_up(index), *METHODS[index.method].optimize(index))
        steps += _run(binder, catalog, statements)
    if not steps:
        return NOTHING, set()
    slots = {catalog.slot for catalog, _ in found}
    return nodes.Ddl(slot=min(slots), steps=tuple(steps), changes_schema=False), slots


def _named(binder: Binder, name: ast.QualifiedName) -> tuple[Catalog, Derived]:
    found = binder.catalogs.find_derived(name.name, name.schema)
    if found is None:
        is_there = binder.catalogs.find_index(name.name, name.schema) is not None
        shown = name.name if name.schema is None else f"{name.schema}.{name.name}"
        fail(
            f"index {shown} is a b-tree: there is nothing to optimize" if is_there else f"no such index: {shown}", name
        )
    if not found[0].keeps_up(found[1]):
        fail(f"index {name.name} does not belong to its table any more: REINDEX makes it anew", name)
    return found
