"""The rules by which materialized views are kept: fired by SQLite as triggers, they give what the query gives."""

from __future__ import annotations

import random

import apsw
import pytest

from tests.unit.materialized.model import SCHEMA, VIEWS, bag, change
from turso_wasm.catalog.catalog import Catalog, Catalogs
from turso_wasm.catalog.materialized import View
from turso_wasm.catalog.names import quote_identifier
from turso_wasm.plan.materialized.views import compiled
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

N_CHANGES = 100


def view_of(connection: apsw.Connection, query: str) -> View:
    rows = list(connection.execute("SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema"))
    catalog = Catalog(0, "main", rows)
    select, _ = parse_one(query)
    assert isinstance(select, ast.Select)
    return compiled(Catalogs([catalog]), catalog, "v", select)


def install(connection: apsw.Connection, view: View) -> None:
    """Its stores, and triggers that do what the rules say."""
    for store in view.stores:
        connection.execute(store.table_sql())
        for _, sql in store.index_sql():
            connection.execute(sql)
        if store.fill:
            connection.execute(f"INSERT INTO {store.quoted} {store.fill}")
    for store in view.stores:
        for rule in store.rules:
            for event in ("INSERT", "UPDATE", "DELETE"):
                body = "".join(f"{statement}; " for statement in rule.statements(event))
                name = quote_identifier(f"{store.name} {rule.table} {event}")
                on = quote_identifier(rule.table)
                if body:
                    connection.execute(f"CREATE TRIGGER {name} AFTER {event} ON {on} BEGIN {body} END")


@pytest.mark.parametrize("query", VIEWS)
def test_rules_give_what_the_query_gives(query: str) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(f"PRAGMA recursive_triggers = 1; {SCHEMA}")  # then REPLACE fires the rules for DELETE
    draw = random.Random(query)
    for _ in range(20):
        connection.execute(*change(draw))
    view = view_of(connection, query)
    install(connection, view)
    columns = ", ".join(column.name for column in view.stores[-1].columns if column.name[0] == "c")
    kept = f"SELECT {columns} FROM {view.stores[-1].quoted}"
    for _ in range(N_CHANGES):
        made = change(draw)
        connection.execute(*made)
        assert bag(connection.execute(kept)) == bag(connection.execute(query)), made
