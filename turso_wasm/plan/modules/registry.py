"""The providers of virtual tables, by module."""

from __future__ import annotations

from typing import Final

from turso_wasm.plan.modules.module import PlannedModule

PLANNED: Final[dict[str, PlannedModule]] = {}
