"""Indexes that are no b-trees (catalog/derived.py), kept up with changes of their tables.

Everything they do is statements of SQL that methods give, planned as ours: names mean what they mean to SQLite, and no
authorizer is asked. What keeps an index up is fired for each changed row, as triggers are (`maintain`); a statement
that changes a table with such indexes applies first what others have changed since (`caught_up`). How they are made and
dropped is in derived_schema.py.

A query that could use an index reads what it keeps where `Derived.is_current` is true, and otherwise the table: two
arms of a UNION ALL, each of which is not entered if its condition is false.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, TypeAlias

from turso_wasm.bind.binder import Binder, ours
from turso_wasm.bind.triggers import ROWID
from turso_wasm.catalog.derived import SELDOM, Derived
from turso_wasm.catalog.methods.registry import METHODS
from turso_wasm.catalog.names import fold, quote_identifier
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.triggers import fire_text, trigger_text

Kind: TypeAlias = Literal["insert", "update", "delete"]


# --- keeping up -----------------------------------------------------------------------------------------------------


def maintain(binder: Binder, table: Table, kind: Kind, changed: Collection[int]) -> tuple[nodes.Fire, ...]:
    """What keeps the indexes of a table up with a row that changes. changed: columns an update sets, -1: the rowid."""
    catalog = binder.catalogs.slots[table.slot]
    assert catalog is not None
    found = []
    for index in catalog.derived_on(table):
        if kind == "update" and not _touches(index, table, changed):
            continue
        binder.kept_up[table.slot, fold(index.name)] = index
        found.append(_program(binder, index, table, kind, _keeping_up(index, kind)))
        grow = METHODS[index.method].grow(index) if kind == "insert" else ()
        if grow:
            # Some rows look whether the index has grown, which no order of ids leaves out.
            is_one = f"(new.{index.key} % 1000003 * 2654435761 >> 12) % {SELDOM} = 0"
            found.append(
                _program(binder, index, table, "grow", trigger_text(index.table, kind, grow, f"WHEN {is_one} "))
            )
    return tuple(found)


def _touches(index: Derived, table: Table, changed: Collection[int]) -> bool:
    indexed = {table.numbers[fold(column)] for column in index.columns}
    return not indexed.isdisjoint(changed) or ROWID in changed or table.rowid_alias in changed


def _keeping_up(index: Derived, kind: Kind) -> str:
    """The text of the trigger."""
    method = METHODS[index.method]
    columns = ", ".join(f"new.{quote_identifier(column)}" for column in (index.key, *index.columns))
    steps: tuple[str, ...] = ()
    if kind != "insert":
        steps += method.take(index, f"= old.{index.key}")
    if kind != "delete":
        steps += method.put(index, f"SELECT {columns}")
    return trigger_text(index.table, kind, steps)


def caught_up(binder: Binder, plan: nodes.Plan) -> nodes.Plan:
    """A change, after what is pending of the indexes that it keeps up."""
    fires = []
    for (slot, _), index in binder.kept_up.items():
        catalog = binder.catalogs.slots[slot]
        assert catalog is not None
        table = catalog.find_table(index.table)
        assert table is not None
        text = trigger_text(index.table, "insert", catching_up(index), f"WHEN EXISTS (SELECT 1 FROM {index.pending}) ")
        fires.append(_program(binder, index, table, "pending", text))
    return nodes.CaughtUp(fires=tuple(fires), child=plan) if fires else plan


def catching_up(index: Derived) -> tuple[str, ...]:
    """The statements that apply what is pending."""
    method, pending = METHODS[index.method], f"IN (SELECT id FROM {index.pending})"
    taken = method.take(index, pending)
    put = method.put(index, index.rows(f" WHERE {quote_identifier(index.key)} {pending}"))
    return (*taken, *put, f"DELETE FROM {index.pending}")


def _program(binder: Binder, index: Derived, table: Table, what: str, text: str) -> nodes.Fire:
    with ours(binder):
        return fire_text(binder, table, ("derived", table.slot, fold(index.name), what), text, table.schema)
