"""The plan of PRAGMA integrity_check and quick_check.

Source: https://sqlite.org/pragma.html#pragma_integrity_check
"""

from __future__ import annotations

from collections.abc import Iterable

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.generated import row_of
from turso_wasm.bind.schema import bind_checks, bind_index_terms
from turso_wasm.bind.tables import may_tokenize
from turso_wasm.bind.walk import all_of
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.hashed import hashed_tables
from turso_wasm.catalog.modules.fts5 import Fts5Options
from turso_wasm.catalog.objects import Index, Table
from turso_wasm.plan import nodes
from turso_wasm.plan.modules.fts_table import content_table

SCHEMA_ROOT = 1
NO_FILE = 0


def plan_integrity(
    binder: Binder, databases: Iterable[tuple[Catalog, Table | None]], most: int, quick: bool
) -> nodes.IntegrityCheck:
    """Check databases, each wholly or one table of it. most: rows of the answer. Errors: as binding the schema."""
    source = binder.new_source()
    checked = tuple(_database(binder, catalog, only, quick) for catalog, only in databases)
    return nodes.IntegrityCheck(source=source, databases=checked, most=most)


def _database(binder: Binder, catalog: Catalog, only: Table | None, quick: bool) -> nodes.CheckedDatabase:
    roots = [] if only is None else [NO_FILE]
    tables, virtual = [], []
    for table in hashed_tables(catalog) if only is None else (only,):
        if table is None:
            roots.append(SCHEMA_ROOT)
        elif table.kind == "table" and table.root > SCHEMA_ROOT:
            indexes = [index.root for index in table.indexes]
            at = len(roots)
            if table.without_rowid:
                roots += [*indexes, table.root]
                tables.append(_table(binder, table, at + len(indexes), at, quick))
            else:
                roots += [table.root, *indexes]
                tables.append(_table(binder, table, at, at + 1, quick))
        elif table.root == SCHEMA_ROOT:
            roots.append(SCHEMA_ROOT)
        elif table.kind == "virtual" and not table.failure and may_tokenize(binder, table):
            virtual.append(_virtual(binder, catalog, table))
    return nodes.CheckedDatabase(
        slot=catalog.slot, name=catalog.name, roots=tuple(roots), tables=tuple(tables), virtual=tuple(virtual)
    )


def _virtual(binder: Binder, catalog: Catalog, table: Table) -> bound.CheckedVirtual:
    """A full-text table may lack what it needs: that is a row of the answer."""
    assert table.declared is not None
    if isinstance(table.declared.options, Fts5Options):
        shadows, content = catalog.shadows_there(table), content_table(binder, table)
        return bound.CheckedVirtual(table=table, shadows=shadows, content=content)
    return bound.CheckedVirtual(table=table, shadows=catalog.shadows_of(table))


def _table(binder: Binder, table: Table, tree: int, first: int, quick: bool) -> nodes.CheckedTable:
    item = row_of(binder, table)
    checks = () if binder.settings.ignore_check_constraints else bind_checks(binder, table, item)

    def index_of(number: int, index: Index) -> nodes.CheckedIndex:
        terms = bind_index_terms(binder, index, item)
        exprs = tuple(terms.exprs.get(at) for at in range(len(index.columns)))
        return nodes.CheckedIndex(index=index, tree=first + number, exprs=exprs, where=all_of(terms.where))

    return nodes.CheckedTable(
        table=table,
        source=item.source,
        tree=tree,
        checks=tuple(expr for expr, _ in checks),
        quick=quick,
        indexes=tuple(index_of(number, index) for number, index in enumerate(table.indexes)),
    )
