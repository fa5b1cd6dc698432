"""Data frames: fetched as columns, queried, inserted."""

from __future__ import annotations

import math
from typing import Any

import pytest

import turso_wasm

np: Any = pytest.importorskip("numpy")
pa: Any = pytest.importorskip("pyarrow")
pd: Any = pytest.importorskip("pandas")
pl: Any = pytest.importorskip("polars")

ROWS = [
    (i, i / 4 if i % 3 else None, f"text é {i}" * (1 + (i % 7 == 0) * 60), bytes([i % 256]) * (i % 5))
    for i in range(9000)
]


@pytest.fixture
def db(ours: Any) -> Any:
    ours.execute("CREATE TABLE t(a, b, c, d)").close()
    ours.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", ROWS)
    return ours


def rows_of(columns: dict[str, Any]) -> list[tuple[Any, ...]]:
    values = [[None if value != value else value for value in column.tolist()] for column in columns.values()]
    return list(zip(*values, strict=True))


# --- fetching -----------------------------------------------------------------------------------------------------


def test_arrays(db: Any) -> None:
    found = db.execute("SELECT * FROM t").fetch_numpy()
    assert [column.dtype.kind for column in found.values()] == ["i", "f", "O", "O"]
    assert rows_of(found) == ROWS


def test_arrow(db: Any) -> None:
    table = db.execute("SELECT * FROM t").fetch_arrow()
    assert [str(kind) for kind in table.schema.types] == ["int64", "double", "large_string", "large_binary"]
    assert list(zip(*(column.to_pylist() for column in table.columns), strict=True)) == ROWS


def test_pandas_and_polars(db: Any) -> None:
    frame = db.execute("SELECT * FROM t").fetch_df()
    assert [str(kind) for kind in frame.dtypes][:2] == ["int64", "float64"]
    assert frame["c"].tolist() == [row[2] for row in ROWS]
    assert frame["b"].isna().sum() == 3000
    assert db.execute("SELECT * FROM t").fetch_polars().rows() == ROWS


@pytest.mark.parametrize("read", [0, 1, 63, 64, 65, 5000, 9000])
def test_what_is_left_is_fetched(db: Any, read: int) -> None:
    cursor = db.execute("SELECT a, c, d FROM t")
    for _ in range(read):
        cursor.fetchone()
    assert rows_of(cursor.fetch_numpy()) == [(a, c, d) for a, _, c, d in ROWS[read:]]
    assert cursor.fetchall() == []
    assert rows_of(cursor.fetch_numpy()) == []


def test_kinds_of_columns(ours: Any) -> None:
    def column(*values: str) -> Any:
        return ours.execute(f"SELECT column1 AS v FROM (VALUES {', '.join(f'({value})' for value in values)})")

    assert column("1", "NULL").fetch_numpy()["v"].tolist() == [1, None]  # masked
    assert str(column("1", "NULL").fetch_df()["v"].dtype) == "Int64"
    assert column("9007199254740993", "NULL").fetch_df()["v"][0] == 9007199254740993
    assert column("1", "2.5").fetch_numpy()["v"].tolist() == [1.0, 2.5]
    nulls = column("1", "2.5", "NULL").fetch_numpy()["v"]
    assert nulls[:2].tolist() == [1.0, 2.5] and math.isnan(nulls[2])
    assert all(map(math.isnan, column("NULL", "NULL").fetch_numpy()["v"]))
    assert column("NULL", "NULL").fetch_arrow()["v"].to_pylist() == [None, None]
    assert column("1", "'x'", "x'00'", "NULL", "0.5").fetch_numpy()["v"].tolist() == [1, "x", b"\0", None, 0.5]
    with pytest.raises(turso_wasm.DataError, match="column 'v' has values of several storage classes"):
        column("1", "'x'").fetch_arrow()
    assert column("''", "NULL", "'é'").fetch_arrow()["v"].to_pylist() == ["", None, "é"]


def test_names_and_results_without_rows(ours: Any) -> None:
    assert list(ours.execute("SELECT 1 AS a, 2 AS a, 3 AS b").fetch_numpy()) == ["a", "a:1", "b"]
    assert ours.execute("SELECT 1 AS a WHERE 0").fetch_arrow().num_rows == 0
    assert ours.execute("CREATE TABLE t(a)").fetch_numpy() == {}


def test_errors_while_rows_are_made(db: Any) -> None:
    cursor = db.execute("SELECT a, CASE WHEN a = 8000 THEN abs(-9223372036854775808) ELSE a END FROM t")
    with pytest.raises(turso_wasm.OperationalError, match="integer overflow"):
        cursor.fetch_numpy()
    assert db.execute("SELECT count(*) FROM t").fetchone() == (9000,)
    cursor = db.execute("SELECT a FROM t")
    db.text_factory = bytes
    with pytest.raises(turso_wasm.NotSupportedError, match="text_factory"):
        cursor.fetch_numpy()


def test_a_text_that_is_no_utf_8(ours: Any) -> None:
    ours.executescript("CREATE TABLE t(a); INSERT INTO t SELECT 'x' FROM generate_series(1, 200)")
    ours.execute("INSERT INTO t VALUES (CAST(x'ff' AS TEXT))").close()
    for fetch in ("fetch_numpy", "fetch_arrow", "fetch_df"):
        with pytest.raises(turso_wasm.OperationalError, match=r"^Could not decode to UTF-8 column 'a'"):
            getattr(ours.execute("SELECT a FROM t"), fetch)()


# --- querying -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fetch", ["fetch_arrow", "fetch_df", "fetch_polars"])
def test_frames_are_tables(db: Any, fetch: str) -> None:
    frame = getattr(db.execute("SELECT * FROM t"), fetch)()
    db.register("frame", frame)
    assert db.execute("SELECT * FROM frame").fetchall() == ROWS
    joined = "SELECT count(*), sum(f.a) FROM frame f JOIN t ON t.a = f.a WHERE f.a % 2"
    assert db.execute(joined).fetchall() == [(4500, 20250000)]
    assert db.execute("SELECT d FROM frame ORDER BY a DESC LIMIT 2").fetchall() == [(ROWS[-1][3],), (ROWS[-2][3],)]
    db.unregister("frame")
    with pytest.raises(turso_wasm.OperationalError, match="no such table: frame"):
        db.execute("SELECT * FROM frame")


def test_arrays_as_tables(ours: Any) -> None:
    columns = {
        "i": np.array([1, 2, 3], "i2"),
        "u": np.array([1, 2, (1 << 63) - 1], "u8"),
        "f": np.array([0.5, np.nan, np.inf], "f4"),
        "t": np.array([True, False, True]),
        "s": np.array(["a", "", "ü"]),
        "o": np.array(["x", None, "z"], object),
        "d": np.array(["2020-02-29", "NaT", "1969-12-31"], "M8[D]"),
        "m": np.ma.masked_array([1, 2, 3], [False, True, False]),
    }
    ours.register("a", columns)
    assert ours.execute("SELECT * FROM a").fetchall() == [
        (1, 1, 0.5, 1, "a", "x", "2020-02-29", 1),
        (2, 2, None, 0, "", None, None, None),
        (3, (1 << 63) - 1, math.inf, 1, "ü", "z", "1969-12-31", 3),
    ]
    ours.register("a", np.array([(1, 2.5)], [("x", "i4"), ("y", "f8")]))
    assert ours.execute("SELECT x, y FROM a").fetchall() == [(1, 2.5)]


def test_arrow_types(ours: Any) -> None:
    import datetime
    import decimal

    day = datetime.datetime(2024, 5, 6, 7, 8, 9)
    table = pa.table(
        {
            "dictionary": pa.array(["x", None, "x"]).dictionary_encode(),
            "view": pa.array(["long enough to be no inline view", "", None], pa.string_view()),
            "time": pa.array([day, None, day], pa.timestamp("s")),
            "decimal": pa.array([decimal.Decimal("1.50"), None, decimal.Decimal("-2.25")]),
            "null": pa.nulls(3),
            "half": pa.array(np.array([1.5, 2, 3], "f2")),
        }
    )
    ours.register("a", table.slice(0, 2))
    assert ours.execute("SELECT * FROM a").fetchall() == [
        ("x", "long enough to be no inline view", "2024-05-06 07:08:09", "1.50", None, 1.5),
        (None, "", None, None, None, 2.0),
    ]
    ours.register("a", table.slice(1))
    assert ours.execute('SELECT dictionary, "view", "time" FROM a').fetchall() == [
        (None, "", None),
        ("x", None, "2024-05-06 07:08:09"),
    ]
    with pytest.raises(turso_wasm.NotSupportedError, match="column 'l' is of type list"):
        ours.register("a", pa.table({"l": pa.array([[1]])}))
    with pytest.raises(OverflowError):
        ours.register("a", pa.table({"u": pa.array([1 << 63], pa.uint64())}))
    with pytest.raises(TypeError, match="'int' is no frame"):
        ours.register("a", 1)
    with pytest.raises(ValueError, match="one length"):
        ours.register("a", {"a": [1], "b": [1, 2]})


# --- inserting ----------------------------------------------------------------------------------------------------


def test_frames_are_inserted(db: Any) -> None:
    table = db.execute("SELECT * FROM t").fetch_arrow()
    db.execute("CREATE TABLE u(a, b REAL, c TEXT, d)").close()
    assert db.executemany("INSERT INTO u VALUES (?, ?, ?, ?)", table).rowcount == 9000
    assert db.execute("SELECT * FROM u").fetchall() == ROWS
    assert db.executemany("INSERT INTO u(a, b) VALUES (?, ?)", np.arange(4000).reshape(2000, 2)).rowcount == 2000
    assert db.execute("SELECT a, b FROM u WHERE rowid > 9000 ORDER BY rowid LIMIT 2").fetchall() == [(0, 1.0), (2, 3.0)]
    assert db.executemany("UPDATE u SET b = ? WHERE a = ?", np.array([[7, 1], [8, 5]])).rowcount == 2
    assert db.execute("SELECT b FROM u WHERE a IN (1, 5)").fetchall() == [(7.0,), (8.0,)]


def test_rows_before_one_that_fails_are_inserted(ours: Any) -> None:
    ours.execute("CREATE TABLE u(a UNIQUE)").close()
    with pytest.raises(turso_wasm.IntegrityError, match=r"UNIQUE constraint failed: u\.a"):
        ours.executemany("INSERT INTO u VALUES (?)", np.array([[*range(3000), 5, 6]]).T)
    assert ours.execute("SELECT count(*) FROM u").fetchone() == (3000,)


def test_a_wrong_number_of_columns(ours: Any) -> None:
    ours.execute("CREATE TABLE u(a, b)").close()
    with pytest.raises(turso_wasm.ProgrammingError, match="uses 2, and there are 1 supplied"):
        ours.executemany("INSERT INTO u VALUES (?, ?)", pa.table({"a": [1, 2]}))
    seen: list[str] = []
    ours.set_trace_callback(seen.append)
    ours.executemany("INSERT INTO u VALUES (?, ?)", pl.DataFrame({"a": [1], "b": ["x"]}))
    assert seen[-1] == "INSERT INTO u VALUES (1, 'x')"


def test_the_planner_knows_how_large_a_frame_is() -> None:
    """A hash join keeps the smaller side."""
    db = turso_wasm.connect(":memory:")
    db.execute("CREATE TABLE t(k, v)")
    db.executemany("INSERT INTO t VALUES (?, ?)", [(i, i) for i in range(200)])
    db.execute("ANALYZE")
    kept = {}
    for n in (3, 100_000):
        db.register("f", {"k": np.arange(n)})
        plan = db.execute("EXPLAIN QUERY PLAN SELECT count(*) FROM t JOIN f USING (k)").fetchall()
        kept[n] = [row[3] for row in plan if row[3].startswith("HASH JOIN")]
        assert db.execute("SELECT count(*) FROM t JOIN f USING (k)").fetchone() == (min(n, 200),)
    assert kept == {3: ["HASH JOIN f (k=?)"], 100_000: ["HASH JOIN t (k=?)"]}
    db.close()
