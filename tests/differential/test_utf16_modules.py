"""Virtual tables in files whose texts are UTF-16: the shadow tables hold what SQLite expects."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

import turso_wasm

WRITES = (
    "CREATE VIRTUAL TABLE t USING rtree(id, a, b, +z)",
    "INSERT INTO t VALUES (1, 2, 3, 'héllo'), (2, 3, 4, 'x'), (3, 4, 5, x'00ff')",
    "UPDATE t SET z = 'wörld' WHERE id = 1",
    "UPDATE t SET a = 1 WHERE id = 2",
    "CREATE VIRTUAL TABLE g USING geopoly(n)",
    "INSERT INTO g VALUES ('[[0,0],[1,0],[1,1],[0,0]]', 'ä'), ('ö', 1)",
)
READS = (
    "SELECT * FROM t ORDER BY id",
    "SELECT id FROM t WHERE z = 'wörld'",
    "SELECT geopoly_json(_shape), n FROM g ORDER BY rowid",
    "SELECT n FROM g WHERE geopoly_overlap(_shape, '[[0,0],[2,0],[2,2],[0,0]]')",
    "SELECT rtreedepth(data), rtreenode(1, data) FROM t_node",
    "SELECT name, path FROM dbstat ORDER BY 1",
    "PRAGMA integrity_check",
)


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_files_in_utf16(tmp_path: Path, encoding: str) -> None:
    path = str(tmp_path / "u.db")
    ours = turso_wasm.connect(path, isolation_level=None)
    for sql in (f"PRAGMA encoding = '{encoding}'", *WRITES):
        ours.execute(sql)
    found = [ours.execute(sql).fetchall() for sql in READS]
    ours.close()
    oracle = apsw.Connection(path)
    assert found == [list(oracle.execute(sql)) for sql in READS]
