"""Strings in double quotes: RENAME COLUMN and DROP COLUMN write them in single ones, in every text of the schema.

A column that comes or goes could change what "x" means.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, Trace
from turso_wasm.catalog import edit
from turso_wasm.catalog.catalog import Catalog, Entry
from turso_wasm.plan.alter.rows import SQL, Change, stored
from turso_wasm.plan.alter.soundness import trace_entry
from turso_wasm.sql import ast

Spans: TypeAlias = list[tuple[int, int]]


def quoted_strings(binder: Binder, catalog: Catalog, entry: Entry) -> tuple[edit.StoredText, Spans, Trace]:
    """The text of an object, where it has such strings, and what the names of a view or trigger mean."""
    if entry.type in ("view", "trigger"):
        source, trace = trace_entry(binder, catalog, entry)
        strings = [source.token(node.span[0]) for node, ref in trace if isinstance(ref, bound.Constant)]
        return source, strings, trace
    source = stored(entry)
    owner = catalog.find_table(entry.table)
    if owner is None or isinstance(source.statement, ast.CreateVirtualTable):
        return source, [], []
    return source, list(edit.string_tokens(source, owner)), []


def string_changes(binder: Binder, places: Iterable[tuple[Catalog, Entry]]) -> list[Change]:
    """What becomes of the texts of objects in which nothing else changes."""
    changes: list[Change] = []
    for catalog, entry in places:
        if entry.sql is not None:
            source, strings, _ = quoted_strings(binder, catalog, entry)
            if strings:
                changes.append((catalog, entry, {SQL: source.replaced((), "", False, strings)}))
    return changes
