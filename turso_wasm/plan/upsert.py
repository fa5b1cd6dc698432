"""INSERT … ON CONFLICT: which constraint each clause is about, and the UPDATE it does.

Source: https://sqlite.org/lang_upsert.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.comparison import explicit_collation
from turso_wasm.bind.expressions import bind_parameter
from turso_wasm.bind.generated import generated_columns, row_of, with_dependents
from turso_wasm.bind.query import Item
from turso_wasm.bind.schema import bind_index_terms
from turso_wasm.bind.scope import Scope, column_ref
from turso_wasm.bind.select import ordinal
from turso_wasm.bind.tables import common_tables
from turso_wasm.bind.triggers import ROWID, triggers_fired
from turso_wasm.bind.walk import conjuncts, reads_any, same_expression, strip_collation
from turso_wasm.bind.writes import (
    Target,
    assigned_names,
    bind_assignments,
    bind_returning,
    bind_target,
    check_writable,
    new_row,
)
from turso_wasm.catalog.objects import Index, IndexColumn, Table
from turso_wasm.plan import nodes
from turso_wasm.plan.foreign_keys import ForeignKeyEffects, foreign_keys_first
from turso_wasm.plan.planner import Planner
from turso_wasm.plan.triggers import row_effects
from turso_wasm.sql import ast
from turso_wasm.sql.walk import walk

NO_MATCH = "ON CONFLICT clause does not match any PRIMARY KEY or UNIQUE constraint"


def plan_upserts(
    binder: Binder, planner: Planner, node: ast.Insert, target: Target, *, has_rowid: bool, single: bool
) -> tuple[nodes.Upsert, ...]:
    """The ON CONFLICT clauses of an INSERT; has_rowid: which gives rowids; single: of one row. What a clause does for
    which no constraint is left is not looked at. Errors: no such column, a target that is no constraint.
    """
    table = target.table
    found_targets = [_target_of(binder, node, number, table) for number in range(len(node.upserts))]
    alone = single and not (node.returning or triggers_fired(binder, table, "INSERT"))
    with foreign_keys_first(binder, table, None, target.item, at_once=alone):
        return _plan_clauses(binder, planner, node, target, found_targets, has_rowid)


def _target_of(binder: Binder, node: ast.Insert, number: int, table: Table) -> tuple[Item, Index | None, bool]:
    """(the row that is there, the constraint of a clause, whether it is the rowid or the primary key)."""
    clause = node.upserts[number]
    old = row_of(binder, table, node.alias)
    which = f"{ordinal(number + 1)} " if len(node.upserts) > 1 else ""
    with common_tables(binder, node.with_):
        index, key = _conflict_target(binder, clause, old, which) if clause.target else (None, False)
    return old, index, key


def _plan_clauses(
    binder: Binder,
    planner: Planner,
    node: ast.Insert,
    target: Target,
    targets: Sequence[tuple[Item, Index | None, bool]],
    has_rowid: bool,
) -> tuple[nodes.Upsert, ...]:
    table = target.table
    left = {index.name for index in table.indexes if index.unique}
    if has_rowid or table.without_rowid:
        left.add("")  # the key's own
    found: list[nodes.Upsert] = []
    for clause, (old, index, key) in zip(node.upserts, targets, strict=True):
        is_first = clause is node.upserts[0]
        meant = {index.name if index is not None else ""} if clause.target else set(left)
        if clause.assignments is None:
            found.append(nodes.Upsert(index=index, key=key, update=None))
        elif meant & left and (is_first or binder.trace is None):
            found.append(_plan_upsert(binder, planner, node, clause, target, old, index, key))
        else:
            plan = partial(_plan_upsert, binder, planner, node, clause, target, old, index, key)
            _pass_over(binder, clause, plan, must_resolve=is_first)
        left -= meant
    return tuple(found)


def _pass_over(binder: Binder, clause: ast.Upsert, plan: Callable[[], object], must_resolve: bool) -> None:
    """A clause without effect, or one that ALTER TABLE passes over: its parameters are there, and its names may be new
    ones. must_resolve: ALTER TABLE refuses those that mean nothing.
    """
    for part in walk(clause):
        if isinstance(part, ast.Parameter):
            bind_parameter(binder, part, None)
    if binder.trace is not None:
        with nullcontext() if must_resolve else suppress(SqlError):
            plan()


def _plan_upsert(
    binder: Binder,
    planner: Planner,
    node: ast.Insert,
    clause: ast.Upsert,
    target: Target,
    old: Item,
    index: Index | None,
    key: bool,
) -> nodes.Upsert:
    table = target.table
    assert clause.assignments is not None
    names = assigned_names(clause.assignments)
    check_writable(binder, table, "UPDATE", clause, names)
    scope = Scope([old], qualified=[_excluded(target.item)], constants=frozenset({target.item.source}))
    with common_tables(binder, node.with_):
        assigned = bind_assignments(binder, table, clause.assignments, scope)
        where = binder.expr(clause.where, scope) if clause.where is not None else None
    new = bind_target(binder, table, new_row(binder, table), "ABORT", assigned)
    before = bind_target(binder, table, old, with_checks=False)
    effects = row_effects(binder, table, "UPDATE", "ABORT", names)
    effects = ForeignKeyEffects(binder, table, old, new.item, assigned).add_to(effects)
    returning, _ = bind_returning(binder, node, new.item)
    changed = with_dependents(table, assigned)
    update = nodes.Update(
        table=table,
        child=nodes.OneRow(),
        old_source=old.source,
        source=new.item.source,
        values=tuple(
            planner.finish(assigned[number]) if number in assigned else column_ref(old, number)
            for number in range(len(table.columns))
        ),
        changed=changed - {ROWID},
        generated=generated_columns(binder, new.item),
        rowid=planner.finish(assigned[ROWID]) if ROWID in assigned else None,
        conflict="ABORT",
        checks=tuple(check for check in new.checks if reads_any(check[0], changed)),
        defaults=new.defaults,
        index_exprs=new.index_exprs,
        index_where=new.index_where,
        old_index_exprs=before.index_exprs,
        old_index_where=before.index_where,
        returning=tuple(planner.finish(expr) for expr in returning),
        effects=effects,
    )
    return nodes.Upsert(index=index, key=key, update=update, where=None if where is None else planner.finish(where))


def _excluded(row: Item) -> Item:
    """The row that was to be inserted, as `excluded`: its columns have neither affinity nor collation."""
    item = Item(row.source, "excluded", row.table, None, row.columns, row.numbers, alias="excluded")
    item.refs = {at: replace(column_ref(row, at), affinity=None, collation="") for at in (*row.numbers.values(), ROWID)}
    generate = row.virtual
    if generate is not None:
        item.virtual = lambda at: _bare(generate(at))
    return item


def _bare(column: bound.Expr) -> bound.Expr:
    assert isinstance(column, bound.Generated | bound.ColumnRef)
    return replace(column, affinity=None, collation="")


def _conflict_target(binder: Binder, clause: ast.Upsert, item: Item, which: str) -> tuple[Index | None, bool]:
    """The constraint that the target names: (its index, whether it is the rowid or the primary key)."""
    table = item.table
    assert table is not None
    scope = Scope([item])
    with binder.without_code():
        terms = [_stored(binder.expr(term.expr, scope)) for term in clause.target]
        where = conjuncts(binder.expr(clause.target_where, scope)) if clause.target_where is not None else []
    if len(terms) == 1 and isinstance(terms[0], bound.ColumnRef) and terms[0].column == ROWID:
        return None, True
    if table.without_rowid and _names_fields(binder, terms, table.primary_key, {}):
        return None, True
    for index in table.indexes:
        if not index.unique:
            continue
        known = bind_index_terms(binder, index, item)
        if not _names_fields(binder, terms, index.columns, known.exprs):
            continue
        if all(any(same_expression(part, wanted, binder.pin) for part in where) for wanted in known.where):
            return index, False
    if binder.trace is not None:  # ALTER TABLE does not ask for more than names
        return None, False
    raise SqlError(SQLITE_ERROR, which + NO_MATCH, clause.span)


def _stored(term: bound.Expr) -> bound.Expr:
    """Columns are indexed as they are stored."""
    return term.stored if isinstance(term, bound.Generated) and term.stored is not None else term


def _names_fields(
    binder: Binder, terms: Sequence[bound.Expr], fields: Sequence[IndexColumn], exprs: dict[int, bound.Expr]
) -> bool:
    """Whether the terms are the fields, in any order."""
    if len(terms) != len(fields):
        return False
    return all(
        any(_names_field(binder, term, field, exprs.get(at)) for term in terms) for at, field in enumerate(fields)
    )


def _names_field(binder: Binder, term: bound.Expr, field: IndexColumn, expr: bound.Expr | None) -> bool:
    """A COLLATE must be the field's; without one any collation will do."""
    if isinstance(term, bound.Generated) and isinstance(expr, bound.Generated):  # what they are made of does not matter
        return term.origin == expr.origin
    if explicit_collation(term) not in (None, field.collation):
        return False
    plain = _stored(strip_collation(term))
    if expr is not None:
        return same_expression(plain, expr, binder.pin)
    return isinstance(plain, bound.ColumnRef) and plain.column == field.column
