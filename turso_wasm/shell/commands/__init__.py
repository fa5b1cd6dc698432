"""The dot-commands: `registry.py` has their table, the other modules the commands themselves, by subject."""

from __future__ import annotations

from turso_wasm.shell.commands import analysis, data, databases, display, dump, general, recover, schema
from turso_wasm.shell.commands.registry import COMMANDS, run

__all__ = ["COMMANDS", "analysis", "data", "databases", "display", "dump", "general", "recover", "run", "schema"]
