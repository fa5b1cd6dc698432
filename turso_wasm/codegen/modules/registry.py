"""The writers of virtual tables, and what checks them, by module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from turso_wasm.bind import bound
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.modules import csv, dbstat, fts3tokenize  # noqa: F401  (they register their emitters)
from turso_wasm.codegen.modules import fts5vocab as fts5vocab
from turso_wasm.codegen.modules.dbpage import DbpageWriter
from turso_wasm.codegen.modules.fts3 import Fts3Writer
from turso_wasm.codegen.modules.fts5 import Fts5Writer, index_faults
from turso_wasm.codegen.modules.geopoly import GeopolyWriter
from turso_wasm.codegen.modules.module import Writer
from turso_wasm.codegen.modules.rtree import RtreeWriter, tree_faults
from turso_wasm.codegen.values import SqlValue

CHECKS: Final[dict[str, Callable[[bound.CheckedVirtual, Context], SqlValue]]] = {
    "fts3": index_faults,
    "fts4": index_faults,
    "fts5": index_faults,
    "rtree": tree_faults,
    "rtree_i32": tree_faults,
}
"""What PRAGMA integrity_check says of a table: a text, NULL: nothing is wrong."""

WRITERS: Final[dict[str, type[Writer]]] = {
    "fts3": Fts3Writer,
    "fts4": Fts3Writer,
    "fts5": Fts5Writer,
    "geopoly": GeopolyWriter,
    "rtree": RtreeWriter,
    "rtree_i32": RtreeWriter,
    "sqlite_dbpage": DbpageWriter,
}
