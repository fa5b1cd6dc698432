"""Random statements that are no queries."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.property.sql.trees import (
    collations,
    exprs,
    maybe_some,
    name_nodes,
    name_tuples,
    names,
    order_terms,
    qualified,
    result_columns,
    selects,
    small,
    some,
    sources,
    tables,
    types,
    withs,
)
from turso_wasm.sql import ast
from turso_wasm.sql.ast import Expr, Statement

truth = st.booleans()
actions = st.sampled_from([None, "ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE"])
returning = maybe_some(result_columns)
with_ = st.none() | withs()


@st.composite
def assignments(draw: st.DrawFn) -> ast.Assignment:
    if draw(truth):
        return ast.Assignment((draw(name_nodes),), draw(small))
    columns = draw(name_tuples)
    if len(columns) == 1:
        value: Expr = draw(small.filter(lambda expr: not isinstance(expr, ast.RowValue)))
    else:
        value = ast.RowValue(tuple(draw(small) for _ in columns))
    return ast.Assignment(columns, draw(st.just(value) | st.builds(ast.Subquery, selects)), True)


@st.composite
def upserts(draw: st.DrawFn, with_target: bool) -> ast.Upsert:
    upsert = ast.Upsert()
    if with_target:
        upsert.target = draw(some(order_terms(small)))
        upsert.target_where = draw(st.none() | small)
    if draw(truth):
        upsert.assignments = draw(some(assignments()))
        upsert.where = draw(st.none() | small)
    return upsert


@st.composite
def inserts(draw: st.DrawFn, in_trigger: bool = False) -> ast.Insert:
    insert = ast.Insert(ast.QualifiedName(draw(names)) if in_trigger else draw(qualified), on_conflict=draw(actions))
    insert.columns = draw(maybe_some(name_nodes))
    if in_trigger or draw(truth):
        insert.source = draw(selects)
        last = insert.source.compounds[-1].core if insert.source.compounds else insert.source.core
        joined = isinstance(last, ast.SelectCore) and last.source is not None
        # `… FROM t ON CONFLICT` reads ON as a join's; a WHERE makes the difference (as the documentation says).
        if joined and isinstance(last, ast.SelectCore) and last.where is None:
            last.where = ast.IntegerLiteral(1)
        targets = draw(maybe_some(upserts(True)))
        insert.upserts = targets + (draw(maybe_some(upserts(False), 1)))
    if not in_trigger:
        insert.alias = draw(st.none() | names)
        insert.returning = draw(returning)
        insert.with_ = draw(with_)
    return insert


@st.composite
def updates(draw: st.DrawFn, in_trigger: bool = False) -> ast.Update:
    table = ast.TableSource(draw(names)) if in_trigger else draw(tables())
    update = ast.Update(table, draw(some(assignments())), draw(st.none() | sources), draw(st.none() | small))
    update.on_conflict = draw(actions)
    if not in_trigger:
        update.returning = draw(returning)
        update.with_ = draw(with_)
    return update


@st.composite
def deletes(draw: st.DrawFn, in_trigger: bool = False) -> ast.Delete:
    delete = ast.Delete(ast.TableSource(draw(names)) if in_trigger else draw(tables()), draw(st.none() | small))
    if not in_trigger:
        delete.returning = draw(returning)
        delete.with_ = draw(with_)
    return delete


# --- the schema ------------------------------------------------------------------------------------------------------

plain_terms = st.builds(ast.OrderTerm, small, truth)
constants = st.one_of(
    st.builds(ast.NullLiteral),
    st.builds(ast.IntegerLiteral, st.integers(0, 2**63 - 1)),
    st.builds(ast.TextLiteral, st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=3)),
    st.integers(1, 9).map(lambda value: ast.Unary("-", ast.IntegerLiteral(value))),
    small,
)
foreign_actions = st.sampled_from([None, "SET NULL", "SET DEFAULT", "CASCADE", "RESTRICT", "NO ACTION"])


@st.composite
def foreign_keys(draw: st.DrawFn, columns: bool) -> ast.ForeignKey:
    key = ast.ForeignKey(draw(name_tuples) if columns else (), draw(name_nodes), draw(maybe_some(name_nodes)))
    key.on_delete, key.on_update = draw(foreign_actions), draw(foreign_actions)
    key.match = draw(st.none() | names)
    key.deferrable = draw(st.sampled_from([None, True, False]))
    if key.deferrable is not None:
        key.initially = draw(st.sampled_from([None, "DEFERRED", "IMMEDIATE"]))
    return key


def column_constraints() -> SearchStrategy[ast.Constraint]:
    return st.one_of(
        st.builds(ast.NotNull, actions),
        st.builds(ast.NullAllowed, actions),
        st.builds(ast.PrimaryKey, descending=truth, autoincrement=truth, on_conflict=actions),
        st.builds(ast.Unique, on_conflict=actions),
        st.builds(ast.Check, small),
        st.builds(ast.Default, constants),
        st.builds(ast.CollateConstraint, collations),
        st.builds(ast.Generated, small, st.sampled_from([None, "stored", "VIRTUAL", "what"])),
        foreign_keys(False),
    )


def table_constraints() -> SearchStrategy[ast.Constraint]:
    return st.one_of(
        st.builds(ast.PrimaryKey, some(plain_terms), autoincrement=truth, on_conflict=actions),
        st.builds(ast.Unique, some(plain_terms), actions),
        st.builds(ast.Check, small, actions),
        foreign_keys(True),
    )


@st.composite
def column_defs(draw: st.DrawFn) -> ast.ColumnDef:
    constraints = draw(maybe_some(column_constraints(), 3))
    name = None
    for constraint in constraints:  # a name holds until the next one
        name = draw(st.just(name) | names)
        constraint.name = name  # type: ignore[attr-defined]
    return ast.ColumnDef(draw(names), draw(types), constraints)


@st.composite
def create_tables(draw: st.DrawFn) -> ast.CreateTable:
    table = ast.CreateTable(draw(qualified), if_not_exists=draw(truth))
    table.temporary = table.name.schema is None and draw(truth)
    if draw(st.integers(0, 4)) == 0:
        table.select = draw(selects)
        return table
    table.columns = draw(some(column_defs()))
    table.constraints = draw(maybe_some(table_constraints()))
    for constraint in table.constraints:
        constraint.name = draw(st.none() | names)  # type: ignore[attr-defined]
    table.strict, table.without_rowid = draw(truth), draw(truth)
    return table


@st.composite
def create_triggers(draw: st.DrawFn) -> ast.CreateTrigger:
    event = draw(st.sampled_from(["INSERT", "UPDATE", "DELETE"]))
    body = draw(some(st.one_of(selects, inserts(True), updates(True), deletes(True)), 2))
    trigger = ast.CreateTrigger(draw(qualified), event, draw(qualified), body)
    trigger.time = draw(st.sampled_from([None, "BEFORE", "AFTER", "INSTEAD OF"]))
    trigger.update_of = draw(maybe_some(name_nodes)) if event == "UPDATE" else ()
    trigger.for_each_row = draw(truth)
    trigger.when = draw(st.none() | small)
    trigger.if_not_exists = draw(truth)
    trigger.temporary = trigger.name.schema is None and draw(truth)
    return trigger


def _add_constraint(table: ast.QualifiedName, check: ast.Check, name: str | None) -> Statement:
    check.name = name
    return ast.AddConstraint(table, check)


def _set_not_null(table: ast.QualifiedName, column: str, set_: bool, action: ast.ConflictAction | None) -> Statement:
    return ast.AlterColumnNotNull(table, column, ast.NotNull(action) if set_ else None)


schema_statements: SearchStrategy[Statement] = st.one_of(
    create_tables(),
    create_triggers(),
    st.builds(ast.CreateIndex, qualified, name_nodes, some(plain_terms), st.none() | small, truth, truth),
    st.builds(
        ast.CreateIndexUsing,
        qualified,
        name_nodes,
        names,
        some(plain_terms),
        maybe_some(st.tuples(names, small)),
        truth,
    ),
    st.builds(ast.CreateView, qualified, maybe_some(name_nodes), st.just(ast.Select(ast.SelectCore((ast.Star(),))))),
    st.builds(
        ast.CreateMaterializedView,
        st.builds(ast.CreateView, qualified, st.just(()), st.just(ast.Select(ast.SelectCore((ast.Star(),))))),
    ),
    st.builds(ast.CreateVirtualTable, qualified, names, maybe_some(st.sampled_from(["a", "b int", "(c, d)", "'x,y'"]))),
    st.builds(ast.Drop, st.sampled_from(["TABLE", "INDEX", "VIEW", "TRIGGER"]), qualified, truth),
    st.builds(ast.RenameTable, qualified, names),
    st.builds(ast.RenameColumn, qualified, names, names),
    st.builds(ast.AlterColumn, qualified, names, column_defs()),
    st.builds(ast.AddColumn, qualified, column_defs()),
    st.builds(ast.DropColumn, qualified, names),
    st.builds(_add_constraint, qualified, st.builds(ast.Check, small, actions), st.none() | names),
    st.builds(ast.DropConstraint, qualified, names),
    st.builds(_set_not_null, qualified, names, truth, actions),
)

other_statements: SearchStrategy[Statement] = st.one_of(
    st.builds(ast.Begin, st.sampled_from([None, "DEFERRED", "IMMEDIATE", "EXCLUSIVE"])),
    st.builds(ast.Commit),
    st.builds(ast.Rollback, st.none() | names),
    st.builds(ast.Savepoint, names),
    st.builds(ast.Release, names),
    st.builds(ast.Pragma, names, st.none() | names, st.none() | st.sampled_from(["wal", "on", "1", "-2.5", "+1"])),
    st.builds(ast.Pragma, names, st.none() | names, st.sampled_from(["1", "-2.5", ".5", "0x10"]), st.just(True)),
    st.builds(ast.Attach, small, small, st.none() | small),
    st.builds(ast.Detach, small),
    st.builds(ast.Analyze, st.none() | qualified),
    st.builds(ast.Reindex, st.none() | qualified),
    st.builds(ast.OptimizeIndex, st.none() | qualified),
    st.builds(ast.RefreshView, qualified),
    st.builds(ast.Vacuum, st.none() | names, st.none() | small),
)

statements: SearchStrategy[Statement] = st.one_of(
    st.builds(lambda expr: ast.Select(ast.SelectCore((ast.ResultColumn(expr),))), exprs),
    selects,
    inserts(),
    updates(),
    deletes(),
    schema_statements,
    other_statements,
    st.builds(ast.Explain, st.sampled_from(["PROGRAM", "QUERY PLAN"]), selects),
)
