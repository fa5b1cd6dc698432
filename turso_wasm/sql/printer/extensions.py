"""Statements beyond SQLite's."""

from __future__ import annotations

from turso_wasm.sql import ast_extensions as e
from turso_wasm.sql.literals import print_value
from turso_wasm.sql.printer.base import PRINTERS, print_node, print_type, quote_name


def _create_sequence(node: e.CreateSequence) -> str:
    text = f"CREATE SEQUENCE {'IF NOT EXISTS ' if node.if_not_exists else ''}{print_node(node.name)}"
    options = {"START": node.start, "INCREMENT": node.increment, "MINVALUE": node.minimum, "MAXVALUE": node.maximum}
    text += "".join(f" {word} {value}" for word, value in options.items() if value is not None)
    return text + (" CYCLE" if node.cycle else "")


def _create_type(node: e.CreateType) -> str:
    word = "DOMAIN" if node.kind == "domain" else "TYPE"
    text = f"CREATE {word} {'IF NOT EXISTS ' if node.if_not_exists else ''}{print_node(node.name)}"
    if node.fields:
        fields = ", ".join([f"{quote_name(each.name)}{print_type(each.type_name)}" for each in node.fields])
        return f"{text} AS {node.kind.upper()} ({fields})"
    if node.parameters:
        text += f" (value, {', '.join(map(quote_name, node.parameters))})"
    text += f" {'AS' if node.kind == 'domain' else 'BASE'}{print_type(node.parent)}"
    text += "" if node.encode is None else f" ENCODE {print_node(node.encode)}"
    text += "" if node.decode is None else f" DECODE {print_node(node.decode)}"
    for each in node.operators:
        text += f" OPERATOR {print_value(each.op)}" + (f" {quote_name(each.function)}" if each.function else "")
    text += "" if node.default is None else f" DEFAULT {print_node(node.default)}"
    text += " NOT NULL" if node.not_null else ""
    for check in node.checks:
        text += f" CONSTRAINT {quote_name(check.name)}" if check.name is not None else ""
        text += f" CHECK ({print_node(check.expr)})"
    return text


PRINTERS.update(
    {
        e.CreateSequence: _create_sequence,
        e.CreateType: _create_type,
        e.DropType: lambda node: f"DROP {node.kind} {'IF EXISTS ' if node.if_exists else ''}{print_node(node.name)}",
        e.DefaultValue: lambda node: "DEFAULT",
        e.DropSequence: lambda node: f"DROP SEQUENCE {'IF EXISTS ' if node.if_exists else ''}{print_node(node.name)}",
    }
)
