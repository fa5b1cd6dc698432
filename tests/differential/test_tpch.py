"""TPC-H's queries on a small scale: SQLite's rows."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

import turso_wasm
from benchmarks.tpch import QUERIES, create
from benchmarks.tpch.__main__ import equal

SCALE = 0.002


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data, written by us."""
    path = tmp_path_factory.mktemp("tpch") / "tpch.db"
    connection = turso_wasm.connect(path, isolation_level=None)
    create(connection, SCALE)
    connection.close()
    return path


@pytest.mark.parametrize("number", QUERIES)
def test_rows_are_sqlites(path: Path, number: int) -> None:
    theirs, ours = apsw.Connection(str(path)), turso_wasm.connect(path)
    expected = list(theirs.execute(QUERIES[number]))
    assert equal(expected, ours.execute(QUERIES[number]).fetchall())
    ours.close()
    theirs.close()


def test_the_queries_find_something(path: Path) -> None:
    """A query without rows would prove little."""
    connection = apsw.Connection(str(path))
    empty = [number for number, sql in QUERIES.items() if not any(any(row) for row in connection.execute(sql))]
    connection.close()
    assert len(empty) <= 4, empty
