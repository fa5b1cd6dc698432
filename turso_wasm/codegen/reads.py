"""Which tables a plan reads, for those who want to know when its rows may be others."""

from __future__ import annotations

from turso_wasm.base.tree import walk
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes


def tables_read(plan: nodes.Plan) -> tuple[tuple[int, str], ...]:
    """Slots and names of the tables it reads, those behind views and virtual tables included."""
    found: set[tuple[int, str]] = set()
    for node in walk([plan]):
        table, shadows = getattr(node, "table", None), getattr(node, "shadows", {})
        found.update((each.slot, each.name) for each in (table, *shadows.values()) if isinstance(each, Table))
    return tuple(sorted(found))
