"""Materialized views kept up with changes of rows: the rules of their stores, fired as triggers are.

A store's rules change its rows by statements, which fire the rules of the stores that read it. What somebody else has
changed since is caught up with ahead of a statement that would fire any: all stores of the view are computed anew.
"""

from __future__ import annotations

from collections.abc import Collection

from turso_wasm.bind.binder import Binder, ours
from turso_wasm.bind.triggers import ROWID
from turso_wasm.catalog.materialized import Rule
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.derived import Kind
from turso_wasm.plan.triggers import fire_text, trigger_text


def maintain_views(binder: Binder, table: Table, kind: Kind, changed: Collection[int]) -> tuple[nodes.Fire, ...]:
    """What keeps views up with a row of a table that changes. changed: columns an update sets, -1: the rowid."""
    catalog = binder.catalogs.slots[table.slot]
    if catalog is None or not catalog.views or table.kind != "table" or not binder.keeps_views:
        return ()
    found = []
    for view in catalog.views.values():
        if not view.is_valid:
            continue
        for store in view.stores:
            for number, rule in enumerate(store.rules):
                if fold(rule.table) != fold(table.name) or (kind == "update" and not _touches(rule, table, changed)):
                    continue
                statements = rule.statements(kind.upper())
                if statements:
                    binder.kept_views[table.slot, fold(view.name)] = view
                    found.append(
                        _program(binder, table, (store.name, number, kind), trigger_text(table.name, kind, statements))
                    )
    return tuple(found)


def _touches(rule: Rule, table: Table, changed: Collection[int]) -> bool:
    if rule.columns is None or ROWID in changed or table.rowid_alias in changed:
        return True
    keys = {part.column for part in table.primary_key} if table.without_rowid else set()
    return any(number in keys or fold(table.columns[number].name) in rule.columns for number in changed)


def views_caught_up(binder: Binder, plan: nodes.Plan) -> nodes.Plan:
    """A change, after the views that it keeps up are what their queries give."""
    fires = []
    for (slot, _), view in binder.kept_views.items():
        catalog = binder.catalogs.slots[slot]
        assert catalog is not None
        table = catalog.find_table(view.bases[0])
        assert table is not None
        text = trigger_text(table.name, "insert", view.rebuilding(), f"WHEN {view.is_behind} ")
        binder.keeps_views = False
        fires.append(_program(binder, table, (view.name, "behind"), text))
        binder.keeps_views = True
    return nodes.CaughtUp(fires=tuple(fires), child=plan) if fires else plan


def _program(binder: Binder, table: Table, what: object, text: str) -> nodes.Fire:
    with ours(binder):
        return fire_text(binder, table, ("materialized", table.slot, what), text, table.schema)
