"""The roots of plans: what a whole statement is. Each module registers the emitters of its roots here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from turso_wasm.codegen.context import Context
from turso_wasm.plan import nodes

ROOTS: dict[type, Callable[[Any, Context], None]] = {}


def emit_root(plan: nodes.Plan, ctx: Context) -> None:
    """Emit a statement's plan."""
    labels = ctx.unit.labels
    if labels is None:
        ROOTS[type(plan)](plan, ctx)
    else:
        labels.root(plan, ctx, ROOTS[type(plan)])
