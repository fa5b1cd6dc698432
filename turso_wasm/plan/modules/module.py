"""What the planner asks of a module of virtual tables (catalog/modules/module.py says what a module is)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from turso_wasm.bind.binder import Binder
from turso_wasm.catalog.objects import Table
from turso_wasm.plan import nodes
from turso_wasm.plan.providers import Offer, Request

if TYPE_CHECKING:
    from turso_wasm.plan.planner import Planner


class PlannedModule(Protocol):
    """The provider of a module's tables.

    Besides what it asks of every provider, a request has in `item.table.declared` what the module said of the table, in
    `item.calls` the functions of its row that are called (the columns behind those of the table), and among its
    conditions those of the module's operators and functions (`Sarg.op` "call", `Sarg.function`). `shadows(request)`
    gives the shadow tables, whose rows any plan node can read.
    """

    def offers(self, request: Request) -> list[Offer]:
        """As Provider.offers."""

    def plans_for_writing(self, planner: Planner, table: Table) -> tuple[nodes.Plan, ...]:
        """Plans that the writer runs, each when it wants to: the rows of another table, say. They stand in
        `nodes.WriteVirtual.plans`, or in `nodes.CreateVirtual.plans`.
        """


def shadows(binder: Binder, table: Table) -> dict[str, Table]:
    """The shadow tables of a virtual table, by suffix. Errors: "no such table: s.t_x"."""
    catalog = binder.catalogs.slots[table.slot]
    assert catalog is not None
    return catalog.shadows_of(table)
