"""dbstat of files that SQLite and we have made: both see the same pages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest

import turso_wasm

FILL = """
    CREATE TABLE t(a INTEGER PRIMARY KEY, b);
    CREATE INDEX i ON t(b, a);
    CREATE TABLE w(a PRIMARY KEY, b) WITHOUT ROWID;
    CREATE VIEW v AS SELECT 1;
    CREATE TABLE empty(x);
    INSERT INTO t SELECT value, printf('%.*c', value * 40, 'x') FROM generate_series(1, 40);
    INSERT INTO w SELECT a, b FROM t;
    DELETE FROM t WHERE a % 3 = 0;
"""
QUERIES = (
    "SELECT * FROM dbstat",
    "SELECT * FROM dbstat WHERE aggregate = 1",
    "SELECT * FROM dbstat('main', 1)",
    "SELECT name, path FROM dbstat WHERE name = 'i'",
    "SELECT name, sum(pgsize), sum(aggregate) FROM dbstat GROUP BY name ORDER BY 2 DESC, 1",
    "SELECT rowid, schema, pageno FROM dbstat WHERE pageno = 3",
    "SELECT count(*) FROM dbstat('nodb')",
)


@pytest.mark.parametrize("page_size", [512, 1024, 4096])
@pytest.mark.parametrize("maker", ["sqlite", "ours"])
def test_dbstat(tmp_path: Path, maker: str, page_size: int) -> None:
    path = str(tmp_path / "made.db")
    fill = FILL.replace("generate_series(1, 40)", f"json_each('{list(range(1, 41))}')").split(";")
    if maker == "sqlite":
        made: Any = apsw.Connection(path)
    else:
        made = turso_wasm.connect(path, isolation_level=None)
    for sql in (f"PRAGMA page_size = {page_size}", *fill):
        made.execute(sql)
    made.close()
    oracle, ours = apsw.Connection(path), turso_wasm.connect(path, isolation_level=None)
    for sql in QUERIES:
        expected = list(oracle.execute(sql))
        assert ours.execute(sql).fetchall() == expected, sql
    oracle.close()
    ours.close()
