"""Which views of a database are materialized, and whether what is kept of them is what we keep for their queries."""

from __future__ import annotations

from turso_wasm.base.errors import SqlError
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.select import SelectBinder
from turso_wasm.catalog.catalog import Catalog, Catalogs
from turso_wasm.catalog.materialized import View
from turso_wasm.catalog.names import fold
from turso_wasm.plan.materialized.compile import Compiler
from turso_wasm.sql import ast


def find_views(binder: Binder) -> None:
    """Let every catalog know its materialized views."""
    for catalog in binder.catalogs.slots:
        if catalog is not None and catalog.views is None:
            catalog.views = {}
            found = {}
            for table in catalog.may_be_materialized():
                assert table.select is not None
                try:
                    view = compiled(binder.catalogs, catalog, table.name, table.select)
                    view.is_valid = _is_there(catalog, view)
                except SqlError:  # what is wrong with it is said when it is read
                    view = View(table.name, [], [], is_valid=False)
                found[fold(table.name)] = view
            catalog.views = found


def compiled(catalogs: Catalogs, catalog: Catalog, name: str, select: ast.Select) -> View:
    """What is kept of a query. Errors: CannotMaintain, and those of the query."""
    compiler = Compiler(SelectBinder(catalogs), catalog, name)
    stores = compiler.compile(select)
    return View(name, stores, compiler.bases, compiler.numbered)


def _is_there(catalog: Catalog, view: View) -> bool:
    """The schema has all of it, as we write it."""
    tables = [(store.name, view.table_sql(store)) for store in view.stores] + [(view.behind, view.behind_sql())]
    indexes = [index for store in view.stores for index in store.index_sql()]
    indexes += [(name, sql) for name, _, sql in view.indexes()]
    triggers = [(name, sql) for name, _, sql in view.triggers()]
    wanted = ((catalog.entries, tables), (catalog.index_entries, indexes), (catalog.trigger_entries, triggers))
    for entries, texts in wanted:
        for name, sql in texts:
            entry = entries.get(fold(name))
            if entry is None or entry.sql != sql:
                return False
    return True
