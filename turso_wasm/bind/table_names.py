"""table_columns_json_array(table): the names of a table's columns, as a table of changes has them."""

from __future__ import annotations

import json

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.purity import NULL, failing
from turso_wasm.catalog.capture import visible_columns
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Table


def bind_columns_array(binder: Binder, name: bound.Expr) -> bound.Expr:
    """The call. The name may be computed, so any table may be meant."""
    given = bound.LetRef(number=1)
    whens: list[tuple[bound.Expr, bound.Expr]] = [(bound.IsNull(operand=given), NULL)]
    seen: set[str] = set()
    for catalog in binder.catalogs.search_order:
        for table in [*catalog.tables(), catalog.find_table("sqlite_schema")]:
            if table is None or table.failure or table.kind == "view" or fold(table.name) in seen:
                continue
            for called in (table.name, "sqlite_schema") if table.root == 1 else (table.name,):
                seen.add(fold(called))
                is_it = bound.Compare(
                    op="=", left=given, right=bound.Constant(value=called), collation="NOCASE", left_affinity="B"
                )
                whens.append((is_it, bound.Constant(value=columns_array(table))))
        binder.slots.add(catalog.slot)
    body = bound.Case(whens=tuple(whens), otherwise=failing(f"table_columns_json_array: {_missing(binder, name)}"))
    return bound.Let(number=1, value=name, body=body)


def columns_array(table: Table) -> str:
    """The names as JSON."""
    return json.dumps(
        [table.columns[at].name for at in visible_columns(table)], ensure_ascii=False, separators=(",", ":")
    )


def _missing(binder: Binder, name: bound.Expr) -> str:
    if not isinstance(name, bound.Constant):
        return "no such table"
    binder.pin(name)
    return f"no such table: {name.value!s}"
