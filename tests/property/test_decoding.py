"""runtime/rows.py: many rows, decoded by columns, are what one at a time gives, whatever is in them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import turso_wasm
from turso_wasm.runtime import rows

Row = tuple[object, ...]
TEXTS = [
    st.text("aé€\U0001f600", max_size=8),
    st.text("ab", max_size=3),
    st.just(""),
    st.text("a\0b", max_size=4),
    st.just("é" * 40),
]
COLUMNS = [
    *TEXTS,
    st.one_of(st.none(), st.text("xyz", max_size=3)),
    st.one_of(st.none(), st.integers(-(1 << 63), (1 << 63) - 1)),
    st.one_of(st.integers(0, 9), st.text("\0q", max_size=2), st.binary(max_size=4), st.floats(allow_nan=False)),
    st.binary(max_size=5),
    st.floats(allow_nan=False),
]


@settings(deadline=None)
@given(st.data())
def test_columns_are_what_rows_are(data: st.DataObject) -> None:
    columns = data.draw(st.lists(st.sampled_from(COLUMNS), min_size=1, max_size=5))
    given_rows = data.draw(st.lists(st.tuples(*columns), min_size=9, max_size=30))
    db = turso_wasm.connect(":memory:", isolation_level=None)
    names = [f"c{i}" for i in range(len(columns))]
    db.execute(f"CREATE TABLE t({', '.join(names)})")
    db.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(names))})", given_rows)
    query = f"SELECT {', '.join(names)} FROM t ORDER BY rowid"
    found = db.execute(query).fetchall()
    with_bytes = db.cursor()
    db.text_factory = bytes
    raw = with_bytes.execute(query).fetchall()
    db.close()
    assert list(map(repr, found)) == list(map(repr, given_rows))
    assert raw == [tuple(value.encode() if isinstance(value, str) else value for value in row) for row in given_rows]


def test_texts_are_cut_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cut: list[bool] = []
    original: Callable[[list[bytes], bytes], list[list[str]] | None] = rows._all_texts

    def counting(tags: list[bytes], heap: bytes) -> list[list[str]] | None:
        found = original(tags, heap)
        cut.append(found is not None)
        return found

    monkeypatch.setattr(rows, "_all_texts", counting)
    db = turso_wasm.connect(":memory:")
    series = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)"
    assert db.execute(f"{series} SELECT 'a' || i, i, 'é' || i FROM n").fetchall()[49] == ("a50", 50, "é50")
    assert db.execute(f"{series} SELECT 'a' || i, iif(i % 2, 'b', NULL) FROM n").fetchall()[49] == ("a50", None)
    assert db.execute(f"{series} SELECT 'a' || char(0) || i FROM n").fetchall()[49] == ("a\0" + "50",)
    assert db.execute(f"{series} SELECT 'a', CAST(i AS BLOB) FROM n").fetchall()[49] == ("a", b"50")
    assert cut == [True, False, False, False]
    with pytest.raises(turso_wasm.OperationalError, match="Could not decode to UTF-8 column 'x'"):
        db.execute(f"{series} SELECT 'ok' AS y, CAST(x'61ff' AS TEXT) AS x FROM n").fetchall()
    db.close()
