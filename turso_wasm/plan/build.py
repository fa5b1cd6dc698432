"""The planner's entry: a statement's syntax tree becomes a plan with everything the code generator and the runtime
must know.

Life of a statement: `build_plan` → bind (names, types) → rewrite.PASSES → joins, grouping, ordering → plan nodes.
PRAGMA is the runtime's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import field, replace
from functools import partial
from typing import Any, Literal, Protocol

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.base.recursion import with_room
from turso_wasm.bind import expressions, subqueries
from turso_wasm.bind.authority import Authority
from turso_wasm.bind.binder import Binder, Sizes
from turso_wasm.bind.first_errors import bind_statement
from turso_wasm.bind.query import OutputColumn
from turso_wasm.bind.select import SelectBinder, bind_select
from turso_wasm.catalog.catalog import Catalog, Catalogs
from turso_wasm.catalog.functions import BUILTIN, Registry
from turso_wasm.plan import analyze, nodes, reindex, schema, vacuum, virtual
from turso_wasm.plan.alter.add_column import plan_add_column
from turso_wasm.plan.alter.alter_column import plan_alter_column
from turso_wasm.plan.alter.constraints import plan_add_constraint, plan_drop_constraint, plan_not_null
from turso_wasm.plan.alter.drop_column import plan_drop_column
from turso_wasm.plan.alter.rename_column import plan_rename_column
from turso_wasm.plan.alter.rename_table import plan_rename_table
from turso_wasm.plan.batches import gather_calls
from turso_wasm.plan.capture import capture_commit, capture_schema
from turso_wasm.plan.derived import caught_up
from turso_wasm.plan.derived_schema import plan_create_using, plan_optimize
from turso_wasm.plan.explain import explain_analyze, explain_query_plan
from turso_wasm.plan.joins import CHOICES
from turso_wasm.plan.libsql_index import plan_create_index
from turso_wasm.plan.materialized.schema import plan_create_materialized, plan_refresh
from turso_wasm.plan.materialized.upkeep import views_caught_up
from turso_wasm.plan.materialized.views import find_views
from turso_wasm.plan.planner import Planner
from turso_wasm.plan.reversal import read_backwards
from turso_wasm.plan.rewrite import MEANING, PASSES
from turso_wasm.plan.sequences import ask, make_program, plan_create_sequence, plan_drop_sequence
from turso_wasm.plan.types import plan_create_type, plan_drop_type, stored_statement
from turso_wasm.plan.writes import Written, plan_delete, plan_insert, plan_update
from turso_wasm.sql import ast

OPTIMIZATIONS = (*(name for name, _ in PASSES if name not in MEANING), *CHOICES)

assert subqueries and expressions  # which register how expressions are bound


@dataclass(slots=True)
class PlanContext:
    """What a plan depends on besides the schema. sql: the text the statement's spans point into. without: optimizations
    that are off, of OPTIMIZATIONS: a query gives the same rows without any of them. plan_pragma: for PRAGMAs in FROM.
    sizes: see plan/sizes.py.
    """

    sql: str = ""
    registry: Registry = BUILTIN
    without: frozenset[str] = frozenset()
    lift: bool = True  # literals come from the statement's parameters
    plan_pragma: Callable[[ast.Pragma], PlannedPragma] | None = None
    authority: Authority | None = None
    sizes: Sizes = None


class PlannedPragma(Protocol):
    """A PRAGMA's plan, whose root is an Output over one source, number 0; of one that writes, a Ddl, which answers
    nothing. reads: it depends on the schema. writes: the slots of databases.
    """

    plan: Any
    reads: bool
    changes_schema: bool
    writes: tuple[int, ...]


@dataclass(slots=True)
class Planned:
    """A plan and its metadata.

    kind: select insert update delete ddl transaction attach explain. columns: of the result rows. slots: database slot
    → (write, whether it asks for the schema cookie). pinned: literal ordinals whose values the plan depends on, with
    those values. table_sizes: (slot, root, 1 if keyed by records, class) of tables whose sizes it depends on.
    param_names: with prefix (":a", "?5"), None for a plain `?`. calls_user: functions of the user's are called.
    names: of row sources. tells_of_change: EXPLAIN QUERY PLAN of INSERT, UPDATE or DELETE.
    """

    plan: nodes.Plan
    kind: str
    columns: tuple[OutputColumn, ...] = ()
    readonly: bool = True
    changes_schema: bool = False
    slots: dict[int, tuple[bool, bool]] = field(default_factory=dict)
    pinned: dict[int, object] = field(default_factory=dict)
    table_sizes: tuple[tuple[int, int, int, int], ...] = ()
    n_user_params: int = 0
    param_names: tuple[str | None, ...] = ()
    calls_user: bool = False
    names: Mapping[int, str] = field(default_factory=dict)
    tells_of_change: bool = False


def build_plan(statement: ast.Statement, catalogs: Catalogs, context: PlanContext) -> Planned:
    """Plan one statement. Errors: SqlError with SQLite's message, or "not supported yet: …"."""
    return with_room(_build_plan, statement, catalogs, context)


def _build_plan(statement: ast.Statement, catalogs: Catalogs, context: PlanContext) -> Planned:
    build = BUILDERS.get(type(statement))
    if build is None:
        name = type(statement).__name__
        raise SqlError(SQLITE_ERROR, f"not supported yet: {name} statement", getattr(statement, "span", None))
    binder = SelectBinder(catalogs, context.sql, context.registry)
    binder.statement = statement
    binder.without = context.without if binder.settings.automatic_index else context.without | {"hash_joins"}
    binder.lift = context.lift
    binder.plan_pragma = context.plan_pragma
    binder.make_program, binder.ask = partial(make_program, binder), partial(ask, binder)
    binder.authority = context.authority
    binder.sizes = None if "sizes" in binder.without else context.sizes
    if isinstance(statement, STORED):
        statement = stored_statement(binder, statement)
    find_views(binder)
    planned = build(binder, statement)
    if planned.slots.get(0, (False,))[0] and (commit := capture_commit(binder)) is not None:
        planned.plan = nodes.Captured(child=planned.plan, commit=commit)
    if binder.before:
        planned.plan = nodes.Prepared(before=tuple(binder.before), child=planned.plan)
        planned.readonly = False
        planned.changes_schema |= binder.changes_schema
    planned.pinned = binder.pinned
    planned.table_sizes = tuple((*table, size) for table, size in binder.sized.items())
    planned.calls_user = binder.calls_user
    planned.names = binder.names
    if binder.parameters:
        planned.n_user_params = max(binder.parameters)
        names = (binder.parameters.get(number) for number in range(1, planned.n_user_params + 1))
        planned.param_names = tuple(name or None for name in names)
    return planned


def _slots(binder: Binder, written: Collection[int] = ()) -> dict[int, tuple[bool, bool]]:
    """The databases that are read or written."""
    used = binder.slots.union(written)
    catalogs = binder.catalogs.slots
    found = {}
    for slot in sorted(used):
        catalog = catalogs[slot]
        assert catalog is not None
        found[slot] = (slot in written, catalog.checked)
    return found


def _select(binder: Binder, node: ast.Select) -> Planned:
    query = bind_statement(binder, node)
    rows = Planner(binder).plan_query(query)
    plan = nodes.Output(child=rows.plan, exprs=rows.exprs, single=rows.single)
    if binder.settings.reverse_unordered_selects and not query.order_by:
        plan = read_backwards(plan)
    slots = _slots(binder, binder.written)
    return Planned(gather_calls(plan, binder), "select", tuple(query.columns), not binder.written, slots=slots)


def _write(kind: str, plan_write: Callable[[Binder, Any], Written]) -> Callable[[Binder, Any], Planned]:
    def build(binder: Binder, node: Any) -> Planned:
        plan, columns, table = plan_write(binder, node)
        plan = views_caught_up(binder, caught_up(binder, gather_calls(plan, binder)))
        is_counted = kind != "update" or table.kind != "virtual"  # SQLite has no code for that
        if binder.settings.count_changes and not columns and is_counted:
            columns = [OutputColumn(f"rows {kind.removesuffix('e')}ed")]
            plan = replace(plan, counted=True) if isinstance(plan, nodes.InsteadOf) else nodes.CountChanges(child=plan)
        return Planned(plan, kind, tuple(columns), False, slots=_slots(binder, binder.written))

    return build


def _ddl(plan_change: Callable[[Binder, Any], tuple[nodes.Plan, Catalog | None]]) -> Callable[[Binder, Any], Planned]:
    def build(binder: Binder, node: Any) -> Planned:
        plan, catalog = plan_change(binder, node)
        if catalog is None:
            return Planned(plan, "ddl")
        if isinstance(plan, nodes.Ddl):
            plan = capture_schema(binder, plan)
        return Planned(
            plan, "ddl", readonly=False, changes_schema=True, slots=_slots(binder, binder.written | {catalog.slot})
        )

    return build


def _reindex(binder: Binder, node: ast.Reindex) -> Planned:
    plan, written = reindex.plan_reindex(binder, node)
    changes = isinstance(plan, nodes.Ddl) and plan.changes_schema
    return Planned(plan, "ddl", readonly=False, changes_schema=changes, slots=_slots(binder, written))


def _optimize(binder: Binder, node: ast.OptimizeIndex) -> Planned:
    plan, written = plan_optimize(binder, node)
    return Planned(plan, "ddl", readonly=False, slots=_slots(binder, written))


def _analyze(binder: Binder, node: ast.Analyze) -> Planned:
    plan, written, changes = analyze.plan_analyze(binder, node)
    return Planned(plan, "ddl", readonly=False, changes_schema=changes, slots=_slots(binder, written))


def _vacuum(binder: Binder, node: ast.Vacuum) -> Planned:
    plan, catalog = vacuum.plan_vacuum(binder, node)
    if catalog is None:
        return Planned(plan, "ddl")
    slots = _slots(binder) | {catalog.slot: (False, catalog.checked)}  # it writes when it is sure that it may run
    return Planned(plan, "ddl", readonly=node.into is not None, changes_schema=node.into is None, slots=slots)


TRANSACTION_MODES: dict[str | None, Literal["deferred", "immediate", "exclusive", "concurrent"]] = {
    None: "deferred",
    "DEFERRED": "deferred",
    "IMMEDIATE": "immediate",
    "EXCLUSIVE": "exclusive",
    "CONCURRENT": "concurrent",
}


def _transaction(binder: Binder, node: Any) -> Planned:
    match node:
        case ast.Begin():
            plan = nodes.Transaction(op="begin", mode=TRANSACTION_MODES[node.mode])
        case ast.Commit():
            plan = nodes.Transaction(op="commit", commit=capture_commit(binder))
        case ast.Rollback():
            plan = (
                nodes.Transaction(op="rollback")
                if node.savepoint is None
                else nodes.Transaction(op="rollback_to", name=node.savepoint)
            )
        case ast.Savepoint():
            plan = nodes.Transaction(op="savepoint", name=node.name)
        case _:
            plan = nodes.Transaction(op="release", name=node.name, commit=capture_commit(binder))
    return Planned(plan, "transaction")


def _attach(binder: Binder, node: ast.Attach | ast.Detach) -> Planned:
    """ATTACH and DETACH: their expressions are those of a SELECT."""
    given = (node.file, node.schema, node.key) if isinstance(node, ast.Attach) else (node.schema,)
    columns = tuple(ast.ResultColumn(vacuum.name_or_value(expr)) for expr in given if expr is not None)
    rows = Planner(binder).plan_query(bind_select(binder, ast.Select(ast.SelectCore(columns))))
    return Planned(nodes.Attach(child=rows.plan, exprs=rows.exprs), "attach", slots=_slots(binder))


EXPLAIN_COLUMNS = ("id", "parent", "notused", "detail")
PROFILE_COLUMNS = (*EXPLAIN_COLUMNS, "loops", "visited", "rows", "ms")


def _unplanned(binder: Binder, node: ast.Statement) -> Planned:
    """PRAGMA: it reads no table in a way that there would be anything to say of."""
    return Planned(nodes.OneRow(), "pragma")


def _explain(binder: Binder, node: ast.Explain) -> Planned:
    """EXPLAIN QUERY PLAN and EXPLAIN ANALYZE; the other two kinds are the runtime's, which has the code."""
    assert node.mode in ("QUERY PLAN", "ANALYZE"), node.mode
    build = BUILDERS.get(type(node.statement), _unplanned)
    planned = build(binder, node.statement)
    if node.mode == "ANALYZE":
        planned.plan = explain_analyze(planned.plan, planned.kind, binder.names)
        planned.columns = tuple(OutputColumn(name) for name in PROFILE_COLUMNS)
        return planned
    binder.before.clear()  # nothing is done
    plan = explain_query_plan(planned.plan, binder.new_source(), binder.names)
    columns = tuple(OutputColumn(name) for name in EXPLAIN_COLUMNS)
    slots = {slot: (False, checked) for slot, (_, checked) in planned.slots.items()}
    is_change = isinstance(node.statement, ast.Insert | ast.Update | ast.Delete)
    return Planned(plan, "explain", columns, slots=slots, tells_of_change=is_change)


STORED = (
    ast.CreateTable
    | ast.CreateIndex
    | ast.CreateView
    | ast.CreateMaterializedView
    | ast.CreateTrigger
    | ast.AddColumn
    | ast.AlterColumn
    | ast.AddConstraint
)
"""What has a text that becomes part of the schema's."""

BUILDERS: dict[type, Callable[[Binder, Any], Planned]] = {
    ast.Select: _select,
    ast.Insert: _write("insert", plan_insert),
    ast.Update: _write("update", plan_update),
    ast.Delete: _write("delete", plan_delete),
    ast.CreateTable: _ddl(schema.plan_create_table),
    ast.CreateIndex: _ddl(plan_create_index),
    ast.CreateIndexUsing: _ddl(plan_create_using),
    ast.CreateView: _ddl(schema.plan_create_view),
    ast.CreateMaterializedView: _ddl(plan_create_materialized),
    ast.RefreshView: _ddl(plan_refresh),
    ast.CreateVirtualTable: _ddl(virtual.plan_create_virtual),
    ast.CreateTrigger: _ddl(schema.plan_create_trigger),
    ast.CreateSequence: _ddl(plan_create_sequence),
    ast.CreateType: _ddl(plan_create_type),
    ast.Drop: _ddl(schema.plan_drop),
    ast.DropType: _ddl(plan_drop_type),
    ast.DropSequence: _ddl(plan_drop_sequence),
    ast.RenameTable: _ddl(plan_rename_table),
    ast.RenameColumn: _ddl(plan_rename_column),
    ast.AlterColumn: _ddl(plan_alter_column),
    ast.AddColumn: _ddl(plan_add_column),
    ast.DropColumn: _ddl(plan_drop_column),
    ast.AddConstraint: _ddl(plan_add_constraint),
    ast.DropConstraint: _ddl(plan_drop_constraint),
    ast.AlterColumnNotNull: _ddl(plan_not_null),
    ast.Reindex: _reindex,
    ast.OptimizeIndex: _optimize,
    ast.Analyze: _analyze,
    ast.Vacuum: _vacuum,
    ast.Attach: _attach,
    ast.Detach: _attach,
    ast.Begin: _transaction,
    ast.Commit: _transaction,
    ast.Rollback: _transaction,
    ast.Savepoint: _transaction,
    ast.Release: _transaction,
    ast.Explain: _explain,
}
