"""The providers of virtual tables, by module."""

from __future__ import annotations

from typing import Final

from turso_wasm.plan.modules.csv import CsvProvider
from turso_wasm.plan.modules.dbpage import DbpageProvider
from turso_wasm.plan.modules.dbstat import DbstatProvider
from turso_wasm.plan.modules.fts3 import Fts3Provider
from turso_wasm.plan.modules.fts4aux import Fts3TokenizeProvider, Fts4AuxProvider
from turso_wasm.plan.modules.fts5 import Fts5Provider
from turso_wasm.plan.modules.fts5vocab import Fts5VocabProvider
from turso_wasm.plan.modules.geopoly import GeopolyProvider
from turso_wasm.plan.modules.module import PlannedModule
from turso_wasm.plan.modules.rtree import RtreeProvider
from turso_wasm.plan.modules.stmt import StmtProvider

PLANNED: Final[dict[str, PlannedModule]] = {
    "fts3": Fts3Provider(),
    "fts4": Fts3Provider(),
    "fts3tokenize": Fts3TokenizeProvider(),
    "fts4aux": Fts4AuxProvider(),
    "fts5": Fts5Provider(),
    "fts5vocab": Fts5VocabProvider(),
    "csv": CsvProvider(),
    "dbstat": DbstatProvider(),
    "sqlite_dbpage": DbpageProvider(),
    "sqlite_stmt": StmtProvider(),
    "geopoly": GeopolyProvider(),
    "rtree": RtreeProvider(),
    "rtree_i32": RtreeProvider(),
}
