"""Indexes of vectors: what they find beside a scan, how they keep up, and that the file stays SQLite's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest

import turso_wasm

N, SIZE = 2000, 24
DISTANCES = {"cosine": "vector_distance_cos", "l2": "vector_distance_l2", "dot": "vector_distance_dot"}
SHADOWS = ("state", "rows", "lists")


def vectors(n: int, seed: int = 1) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Vectors in clusters, as embeddings are."""
    draw = np.random.default_rng(7)
    centres = draw.normal(size=(40, SIZE)) * 2
    draw = np.random.default_rng(seed)
    return (centres[draw.integers(40, size=n)] + draw.normal(size=(n, SIZE))).astype(np.float32)


def filled(path: str = ":memory:", n: int = N, column: str = "?") -> turso_wasm.Connection:
    db = turso_wasm.connect(path)
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, e BLOB, kind INTEGER)")
    rows = [(at + 1, vector.tobytes(), at % 50) for at, vector in enumerate(vectors(n))]
    db.executemany(f"INSERT INTO t VALUES (?, {column}, ?)", rows)
    db.commit()
    return db


@pytest.fixture
def db() -> Iterator[turso_wasm.Connection]:
    connection = filled()
    yield connection
    connection.close()


def nearest(db: turso_wasm.Connection, query: Any, metric: str, where: str = "true", exact: bool = False) -> list[Any]:
    """The ten nearest rows. exact: by an expression that no index knows."""
    by = f"{'0 + ' if exact else ''}{DISTANCES[metric]}(e, ?)"
    return db.execute(f"SELECT id FROM t WHERE {where} ORDER BY {by} LIMIT 10", (query,)).fetchall()


def recall(db: turso_wasm.Connection, metric: str = "cosine", where: str = "true") -> float:
    found = wanted = 0
    for query in vectors(40, seed=2):
        near, really = (nearest(db, query.tobytes(), metric, where, exact) for exact in (False, True))
        assert len(near) == len(really)
        found, wanted = found + len({*near} & {*really}), wanted + len(really)
    return found / wanted if wanted else 1


def plan(db: turso_wasm.Connection, sql: str) -> list[str]:
    return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", ("[1]",) * sql.count("?"))]


def check(db: turso_wasm.Connection) -> None:
    """What is kept is about the rows of the table."""
    state, rows, lists = (f"__turso_index_i_{suffix}" for suffix in SHADOWS)
    kept = db.execute(f"SELECT id FROM {rows} ORDER BY id").fetchall()
    assert kept == db.execute("SELECT id FROM t ORDER BY id").fetchall()
    listed = db.execute(f"SELECT id, list FROM {lists} ORDER BY id").fetchall()
    trained = db.execute(f"SELECT centroids IS NOT NULL FROM {state}").fetchone()[0]
    assert listed == (db.execute(f"SELECT id, list FROM {rows} ORDER BY id").fetchall() if trained else [])


def learned(db: turso_wasm.Connection) -> int:
    return int(db.execute("SELECT trained FROM __turso_index_i_state").fetchone()[0])


# --- searching ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("metric", "bits"), [("cosine", 1), ("cosine", 2), ("cosine", 4), ("l2", 2), ("dot", 3)])
def test_an_index_finds_nearly_all_that_a_scan_does(db: turso_wasm.Connection, metric: str, bits: int) -> None:
    db.execute(f"CREATE INDEX i ON t USING ivf (e) WITH (metric = '{metric}', bits = {bits})")
    assert plan(db, f"SELECT id FROM t ORDER BY {DISTANCES[metric]}(e, ?) LIMIT 10") == [
        "SEARCH t USING VECTOR INDEX i (nearest)",
        "USE TEMP B-TREE FOR ORDER BY",
    ]
    assert recall(db, metric) >= 0.95
    check(db)


def test_rows_that_pass_the_conditions_are_found_however_few_they_are(db: turso_wasm.Connection) -> None:
    db.execute("CREATE INDEX i ON t USING vector (e)")
    assert recall(db, where="kind = 3") >= 0.9
    assert recall(db, where="id IN (5, 500, 1999) AND kind + 0 >= 0") == 1
    assert recall(db, where="kind + 0 < 0") == 1


def test_joins_offsets_and_subqueries(db: turso_wasm.Connection) -> None:
    db.execute("CREATE TABLE kinds(kind INTEGER PRIMARY KEY, name)")
    db.execute("INSERT INTO kinds SELECT value, 'k' || value FROM generate_series(0, 20)")
    db.execute("CREATE INDEX i ON t USING ivf (e)")
    query = vectors(1, seed=3)[0].tobytes()
    sql = "SELECT id, name FROM t CROSS JOIN kinds USING (kind) ORDER BY {}vector_distance_cos(e, ?) LIMIT 4 OFFSET 3"
    assert "SEARCH t USING VECTOR INDEX i (nearest)" in plan(db, sql.format(""))
    assert db.execute(sql.format(""), (query,)).fetchall() == db.execute(sql.format("0 + "), (query,)).fetchall()
    each = "SELECT id, (SELECT n.id FROM t n ORDER BY {}vector_distance_cos(n.e, t.e) LIMIT 1) FROM t WHERE id < 9"
    assert db.execute(each.format("")).fetchall() == [(at, at) for at in range(1, 9)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM t ORDER BY vector_distance_l2(e, ?) LIMIT 10",  # another metric
        "SELECT id FROM t ORDER BY vector_distance_cos(e, ?) DESC LIMIT 10",
        "SELECT id FROM t ORDER BY vector_distance_cos(e, ?)",
        "SELECT id FROM t ORDER BY vector_distance_cos(e, e) LIMIT 10",
        "SELECT id FROM t WHERE id < 9 ORDER BY vector_distance_cos(e, ?) LIMIT 10",
    ],
)
def test_what_is_a_scan_stays_one(db: turso_wasm.Connection, sql: str) -> None:
    db.execute("CREATE INDEX i ON t USING ivf (e)")
    assert not any("VECTOR INDEX" in line for line in plan(db, sql))


def test_rows_without_a_distance_come_first(db: turso_wasm.Connection) -> None:
    db.execute("CREATE INDEX i ON t USING ivf (e)")
    db.execute("UPDATE t SET e = NULL WHERE id = 77")
    db.execute("UPDATE t SET e = zeroblob(?) WHERE id = 78", (4 * SIZE,))
    assert [id for (id,) in nearest(db, vectors(1)[0].tobytes(), "cosine")[:2]] == [77, 78]
    assert recall(db) >= 0.95
    check(db)


@pytest.mark.parametrize("kind", ["vector64", "vector16", "vectorb16", "vector8", "vector32_sparse"])
def test_vectors_of_all_kinds(kind: str) -> None:
    db = filled(column=f"{kind}(?)")
    db.execute("CREATE INDEX i ON t USING ivf (e)")
    query = db.execute(f"SELECT {kind}(?)", (vectors(1, seed=5)[0].tobytes(),)).fetchone()[0]
    assert len({*nearest(db, query, "cosine")} & {*nearest(db, query, "cosine", exact=True)}) >= 9
    lists = "SELECT count(*) FROM __turso_index_i_lists WHERE list > 0"
    assert db.execute(lists).fetchone()[0] == N
    db.close()


def test_few_rows_are_read_from_the_table() -> None:
    db = filled(n=300)
    db.execute("CREATE INDEX i ON t USING ivf (e)")
    assert recall(db) == 1
    assert db.execute("SELECT count(*) FROM __turso_index_i_lists").fetchone()[0] == 0
    db.close()


def test_a_query_that_fits_no_vector(db: turso_wasm.Connection) -> None:
    db.execute("CREATE INDEX i ON t USING ivf (e)")
    with pytest.raises(turso_wasm.OperationalError, match="Vectors must have the same dimensions"):
        nearest(db, "[1, 2]", "cosine")
    assert len(nearest(db, None, "cosine")) == 10


# --- keeping up -----------------------------------------------------------------------------------------------------


def test_changes_in_transactions(db: turso_wasm.Connection) -> None:
    db.execute("CREATE INDEX i ON t USING ivf (e) WITH (metric = l2)")
    draw, fresh = random.Random(4), iter(vectors(3000, seed=6))
    for _ in range(12):
        db.execute("BEGIN")
        for _ in range(30):
            at = draw.randint(1, N)
            match draw.randrange(6):
                case 0:
                    db.execute("DELETE FROM t WHERE id = ?", (at,))
                case 1:
                    db.execute("INSERT OR REPLACE INTO t VALUES (?, ?, 1)", (at, next(fresh).tobytes()))
                case 2:
                    db.execute("UPDATE t SET e = ? WHERE id = ?", (next(fresh).tobytes(), at))
                case 3:
                    db.execute("UPDATE OR IGNORE t SET id = ? WHERE id = ?", (draw.randint(1, N), at))
                case 4:
                    db.execute("SAVEPOINT s")
                    db.execute("DELETE FROM t WHERE id BETWEEN ? AND ? + 20", (at, at))
                    db.execute("ROLLBACK TO s")
                case _:
                    db.execute("UPDATE t SET e = (SELECT e FROM t WHERE id > ? LIMIT 1) WHERE id = ?", (at, at))
        db.execute(draw.choice(["COMMIT", "ROLLBACK"]))
        check(db)
    assert recall(db, "l2") >= 0.95


def test_the_lists_are_made_when_there_are_rows_enough_and_again_when_they_are_twice_as_many() -> None:
    db = turso_wasm.connect(":memory:")
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, e BLOB, kind INTEGER)")
    db.execute("CREATE INDEX i ON t USING ivf (e)")
    seen = []
    for at, vector in enumerate(vectors(6000)):
        db.execute("INSERT INTO t VALUES (?, ?, 1)", (7 * at, vector.tobytes()))
        if at % 500 == 499:
            seen.append(learned(db))
    assert seen[1] == 0 and seen == sorted(seen) and 1000 <= seen[3] <= 2000 and seen[-1] >= 2000
    check(db)
    assert recall(db) >= 0.95
    db.execute("OPTIMIZE INDEX i")
    assert learned(db) == 6000
    check(db)
    db.close()


def test_reindex_and_drop(db: turso_wasm.Connection) -> None:
    db.execute("CREATE INDEX i ON t USING ivf (e)")
    db.execute("DELETE FROM t WHERE id > 1500")
    db.execute("REINDEX i")
    assert learned(db) == 1500
    check(db)
    db.execute("DELETE FROM t")
    check(db)
    db.execute("REINDEX i")
    db.execute("DROP INDEX i")
    assert db.execute("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%turso%'").fetchone()[0] == 0


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("metric = 'hamming'", "metric is one of cosine, l2, dot, not hamming"),
        ("metric = 3", "metric is one of cosine, l2, dot, not 3"),
        ("bits = 5", "bits is a number from 1 to 4, not 5"),
        ("lists = 0", "lists is a number from 1 to 4096, not 0"),
        ("probes = 'many'", "probes is a number from 1 to 4096, not many"),
        ("list = 3", "unknown option of an index USING ivf: list"),
    ],
)
def test_options_that_are_none(db: turso_wasm.Connection, options: str, message: str) -> None:
    with pytest.raises(turso_wasm.OperationalError, match=message):
        db.execute(f"CREATE INDEX i ON t USING ivf (e) WITH ({options})")


def test_the_row_that_does_not_fit_is_named(db: turso_wasm.Connection) -> None:
    with pytest.raises(turso_wasm.OperationalError, match="an index USING ivf is on one column"):
        db.execute("CREATE INDEX i ON t USING ivf (e, kind)")
    db.execute("CREATE INDEX i ON t USING ivf (e)")
    with pytest.raises(turso_wasm.OperationalError, match="vector index i: row 5000 has 2 dimensions, not 24"):
        db.execute("INSERT INTO t VALUES (5000, vector('[1, 2]'), 0)")
    with pytest.raises(turso_wasm.OperationalError, match="vector index i: row 9 has a blob that is no vector"):
        db.execute("UPDATE t SET e = x'010203' WHERE id = 9")
    check(db)
    db.execute("DROP INDEX i")
    db.execute("UPDATE t SET e = vector('[1, 2]') WHERE id = 1234")
    with pytest.raises(turso_wasm.OperationalError, match="vector index i: row 1234 has 2 dimensions, not 24"):
        db.execute("CREATE INDEX i ON t USING ivf (e)")


# --- the file stays SQLite's ----------------------------------------------------------------------------------------


def indexed_file(folder: Path) -> str:
    path = str(folder / "v.db")
    db = filled(path)
    db.execute("CREATE INDEX i ON t USING ivf (e)")
    db.close()
    return path


def test_what_sqlite_writes_is_found_at_once(tmp_path: Path) -> None:
    path = indexed_file(tmp_path)
    other = apsw.Connection(path)
    wanted, moved = (vector.tobytes() for vector in vectors(2, seed=9))
    assert other.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    other.execute("INSERT INTO t VALUES (9000, ?, 1)", (wanted,))
    other.execute("UPDATE t SET e = ? WHERE id = 10", (moved,))
    other.execute("DELETE FROM t WHERE id BETWEEN 100 AND 200")
    other.execute("REPLACE INTO t VALUES (300, ?, 1)", (wanted,))
    other.close()
    db = turso_wasm.connect(path)
    assert [id for (id,) in nearest(db, wanted, "cosine")[:2]] == [300, 9000]
    assert nearest(db, moved, "cosine")[0] == (10,)
    assert recall(db) == 1  # a scan: the index is behind
    db.execute("INSERT INTO t VALUES (9001, ?, 1)", (moved,))
    check(db)
    assert db.execute("SELECT count(*) FROM __turso_index_i_pending").fetchone()[0] == 0
    assert {*nearest(db, moved, "cosine")[:2]} == {(10,), (9001,)}
    assert recall(db) >= 0.95
    db.close()


def test_a_vector_of_sqlite_that_does_not_fit_stops_nobody(tmp_path: Path) -> None:
    path = indexed_file(tmp_path)
    other = apsw.Connection(path)
    other.execute("UPDATE t SET e = x'0000803f' WHERE id = 5")
    other.close()
    db = turso_wasm.connect(path)
    with pytest.raises(turso_wasm.OperationalError, match="Vectors must have the same dimensions"):
        recall(db)
    db.execute("UPDATE t SET kind = 3 WHERE id = 6")
    db.execute("DELETE FROM t WHERE id = 7")
    db.execute("UPDATE t SET e = NULL WHERE id = 5")
    check(db)
    assert nearest(db, vectors(1)[0].tobytes(), "cosine")[0] == (5,)
    db.close()
