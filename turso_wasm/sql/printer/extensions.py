"""Statements beyond SQLite's."""

from __future__ import annotations

from turso_wasm.sql import ast_extensions as e
from turso_wasm.sql.printer.base import PRINTERS, print_node


def _create_sequence(node: e.CreateSequence) -> str:
    text = f"CREATE SEQUENCE {'IF NOT EXISTS ' if node.if_not_exists else ''}{print_node(node.name)}"
    options = {"START": node.start, "INCREMENT": node.increment, "MINVALUE": node.minimum, "MAXVALUE": node.maximum}
    text += "".join(f" {word} {value}" for word, value in options.items() if value is not None)
    return text + (" CYCLE" if node.cycle else "")


PRINTERS.update(
    {
        e.CreateSequence: _create_sequence,
        e.DropSequence: lambda node: f"DROP SEQUENCE {'IF EXISTS ' if node.if_exists else ''}{print_node(node.name)}",
    }
)
