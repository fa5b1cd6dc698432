"""Vectors: their bytes, their texts, and their distances beside NumPy's."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import turso_wasm

KINDS = ["vector32", "vector64", "vector16", "vectorb16", "vector8", "vector1bit", "vector32_sparse"]
COMPONENTS = st.floats(-1000, 1000, width=32)


@cache
def database() -> turso_wasm.Connection:
    return turso_wasm.connect(":memory:")


def ask(sql: str, *values: Any) -> Any:
    return database().execute(f"SELECT {sql}", values).fetchone()[0]


@pytest.fixture(scope="module", autouse=True)
def closed() -> Iterator[None]:
    yield
    database().close()
    database.cache_clear()


def text(components: list[float]) -> str:
    return "[" + ", ".join(map(repr, components)) + "]"


def parts(written: str) -> list[float]:
    return [float(part) for part in written[1:-1].split(",") if part]


# --- bytes and texts ------------------------------------------------------------------------------------------------


@given(st.lists(COMPONENTS))
def test_floats_are_their_bytes(components: list[float]) -> None:
    n = len(components)
    assert ask("vector(?)", text(components)) == struct.pack(f"<{n}f", *components)
    assert ask("vector64(?)", text(components)) == struct.pack(f"<{n}d", *components) + b"\x02"
    assert ask("vector16(?)", text(components)) == np.array(components, np.float16).tobytes() + b"\x05"


@given(st.lists(COMPONENTS))
def test_upper_halves(components: list[float]) -> None:
    whole = np.array(components, np.float32).view(np.uint32).astype(np.uint64)
    halves = ((whole + 0x7FFF + (whole >> 16 & 1)) >> 16).astype(np.uint16)
    assert ask("vectorb16(?)", text(components)) == halves.tobytes() + b"\x06"
    back = np.array(parts(ask("vector_extract(vectorb16(?))", text(components))), np.float32)
    assert back.tobytes() == (halves.astype(np.uint32) << 16).view(np.float32).tobytes()


def test_every_half() -> None:
    halves = np.arange(0x10000, dtype=np.uint16)
    halves = halves[np.isfinite(halves.view(np.float16))]
    wide = ask("vector64(?)", halves.tobytes() + b"\x05")
    assert wide == halves.view(np.float16).astype(np.float64).tobytes() + b"\x02"
    assert ask("vector16(?)", wide) == halves.tobytes() + b"\x05"


def test_halves_between_halves_go_to_the_nearest_even_one() -> None:
    halves = np.arange(0x7BFF, dtype=np.uint16).view(np.float16).astype(np.float64)
    between = (halves[:-1] + halves[1:]) / 2
    near = np.concatenate([between, np.nextafter(between, 0), np.nextafter(between, 1e9)])
    assert ask("vector16(?)", near.tobytes() + b"\x02") == near.astype(np.float16).tobytes() + b"\x05"


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32)))
@example([1e22, 1e21, 1e20, 1e-6, 1e-7, 0.1, -0.0, 16777216.0, 3.4028234663852886e38, 1e-45])
def test_a_text_is_short_and_read_back(components: list[float]) -> None:
    written = ask("vector_extract(vector(?))", text(components))
    assert np.array(parts(written), np.float32).tobytes() == np.array(components, np.float32).tobytes()
    for part, component in zip(parts(written), components, strict=True):
        assert part == float(str(np.float32(component)))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_wide_components_are_pythons(components: list[float]) -> None:
    assert parts(ask("vector_extract(vector64(?))", text(components))) == components


@given(st.lists(COMPONENTS, min_size=1))
def test_bytes_lie_between_the_least_and_the_greatest(components: list[float]) -> None:
    blob = ask("vector8(?)", text(components))
    n, zeros = len(components), -len(components) % 4
    scale, least = struct.unpack_from("<2f", blob, n + zeros)
    assert blob[n:][:zeros] == bytes(zeros)
    assert blob[n + zeros + 8 :] == bytes([0, zeros, 4])
    assert least == min(components)
    back = parts(ask("vector_extract(?)", blob))
    assert all(abs(a - b) <= scale * 0.501 + 1e-4 for a, b in zip(back, components, strict=True))


@given(st.lists(COMPONENTS))
def test_bits(components: list[float]) -> None:
    blob = ask("vector1bit(?)", text(components))
    assert len(blob) % 2 == 1
    assert blob[-2] == 8 * (len(blob) - 1) - len(components)
    assert parts(ask("vector_extract(?)", blob)) == [1.0 if x > 0 else -1.0 for x in components]


@given(st.lists(COMPONENTS | st.just(0.0)))
def test_sparse_ones(components: list[float]) -> None:
    filled = [i for i, x in enumerate(components) if x]
    expected = struct.pack(f"<{len(filled)}f", *(components[i] for i in filled))
    expected += struct.pack(f"<{len(filled)}I", *filled) + struct.pack("<I", len(components)) + b"\x09"
    assert ask("vector32_sparse(?)", text(components)) == expected
    assert [float(np.float32(part)) for part in parts(ask("vector_extract(?)", expected))] == components


@pytest.mark.parametrize("kind", KINDS)
@given(components=st.lists(COMPONENTS, max_size=40), data=st.data())
@settings(max_examples=30)
def test_parts_of_every_kind(kind: str, components: list[float], data: st.DataObject) -> None:
    low = data.draw(st.integers(0, len(components)))
    high = data.draw(st.integers(low, len(components)))
    vector = ask(f"{kind}(?)", text(components))
    whole = parts(ask("vector_extract(?)", vector))
    assert parts(ask("vector_extract(vector_slice(?, ?, ?))", vector, low, high)) == whole[low:high]
    if kind != "vector8":  # whose scale another part changes
        joined = ask("vector_concat(vector_slice(?1, 0, ?2), vector_slice(?1, ?2, ?3), ?1)", vector, low, len(whole))
        assert parts(ask("vector_extract(?)", joined)) == whole + whole


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_every_kind_becomes_every_other(kind: str, other: str) -> None:
    written = "[1, -1, 1, 1, -1]"
    assert ask(f"{other}({kind}(?))", written) == ask(f"{other}(vector32(vector_extract({kind}(?))))", written)


# --- distances ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["vector32", "vector64", "vector16", "vectorb16", "vector8", "vector32_sparse"])
@given(pairs=st.lists(st.tuples(COMPONENTS, COMPONENTS), min_size=1, max_size=80))
@settings(max_examples=40)
def test_distances(kind: str, pairs: list[tuple[float, float]]) -> None:
    a, b = (ask(f"{kind}(?)", text(list(side))) for side in zip(*pairs, strict=True))
    x, y = (np.array(parts(ask("vector_extract(vector64(?))", v))) for v in (a, b))
    size = float(np.abs(x).sum() + np.abs(y).sum()) or 1.0
    assert ask("vector_distance_dot(?, ?)", a, b) == pytest.approx(-(x @ y), abs=1e-5 * size * size)
    assert ask("vector_distance_l2(?, ?)", a, b) == pytest.approx(np.linalg.norm(x - y), abs=1e-5 * size)
    norms = np.linalg.norm(x) * np.linalg.norm(y)
    if norms > 1e-12:
        assert ask("vector_distance_cos(?, ?)", a, b) == pytest.approx(1 - (x @ y) / norms, abs=1e-4)
    elif norms == 0:
        assert ask("vector_distance_cos(?, ?)", a, b) is None
    greatest = np.maximum(x, y).sum()
    if abs(greatest) > 1e-2 * size:
        expected = 1 - np.minimum(x, y).sum() / greatest
        assert ask("vector_distance_jaccard(?, ?)", a, b) == pytest.approx(expected, rel=1e-3, abs=1e-3)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=200))
def test_distances_of_bits(pairs: list[tuple[bool, bool]]) -> None:
    a, b = (ask("vector1bit(?)", text([float(bit) for bit in side])) for side in zip(*pairs, strict=True))
    unlike = sum(x != y for x, y in pairs)
    assert ask("vector_distance_cos(?, ?)", a, b) == unlike
    assert ask("vector_distance_dot(?, ?)", a, b) == 2 * unlike - len(pairs)
    some = sum(x or y for x, y in pairs)
    expected = 1 - sum(x and y for x, y in pairs) / some if some else None
    assert ask("vector_distance_jaccard(?, ?)", a, b) == expected


def test_a_vector_is_at_no_distance_from_itself() -> None:
    vector = np.random.default_rng(3).standard_normal(384).astype(np.float32).tobytes()
    assert ask("vector_distance_cos(?1, ?1)", vector) == 0.0
    assert ask("vector_distance_l2(?1, ?1)", vector) == 0.0


# --- nearest rows ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [3, 8, 100, 1200])  # the last one does not fit on a page
def test_the_nearest_rows_are_numpys(n: int) -> None:
    random = np.random.default_rng(n)
    rows, asked = random.standard_normal((300, n)).astype(np.float32), random.standard_normal(n).astype(np.float32)
    with turso_wasm.connect(":memory:") as db:
        db.execute("CREATE TABLE v(id INTEGER PRIMARY KEY, e BLOB)")
        db.executemany("INSERT INTO v VALUES (?, ?)", ((i, row.tobytes()) for i, row in enumerate(rows)))
        cosines = (rows @ asked) / np.linalg.norm(rows, axis=1)
        for metric, distances in (
            ("l2", np.linalg.norm(rows - asked, axis=1)),
            ("dot", -(rows @ asked)),
            ("cos", -cosines),
        ):
            order = f"ORDER BY vector_distance_{metric}(e, ?) LIMIT 10"
            expected = [(int(i),) for i in np.argsort(distances)[:10]]
            assert db.execute(f"SELECT id FROM v {order}", (asked.tobytes(),)).fetchall() == expected
            assert db.execute(f"SELECT id FROM v {order}", (text(asked.tolist()),)).fetchall() == expected
            even = [(int(i),) for i in np.argsort(distances) if i % 2 == 0][:10]
            assert db.execute(f"SELECT id FROM v WHERE id % 2 = 0 {order}", (asked.tobytes(),)).fetchall() == even
    db.close()


# --- mistakes -------------------------------------------------------------------------------------------------------

MISTAKES = [
    ("vector('1, 2]')", "invalid vector: expected '[' at its beginning"),
    ("vector('')", "invalid vector: expected '[' at its beginning"),
    ("vector('[1, 2')", "invalid vector: expected ']' at its end"),
    ("vector('[1, x]')", "invalid vector: a component is not a number"),
    ("vector('[1, ]')", "invalid vector: a component is not a number"),
    ("vector64('[1e999]')", "invalid vector: a component is not a number"),
    ("vector('[1] 2')", "invalid vector: text behind the closing ']'"),
    ("vector('[1e39]')", "invalid vector: a component is out of the range of its type"),
    ("vector16('[65520]')", "invalid vector: a component is out of the range of its type"),
    ("vector(12)", "invalid vector type: expected a blob or a text like '[1, 2, 3]'"),
    ("vector(x'0102')", "invalid vector: the blob is not one of any vector type"),
    ("vector_extract(x'0107')", "invalid vector: the blob is not one of any vector type"),
    ("vector_distance_l2('[1]', vector64('[1]'))", "Vectors must be of the same type"),
    ("vector_concat('[1]', vector64('[1]'))", "Vectors must be of the same type"),
    ("vector_distance_l2('[1, 2]', '[1]')", "Vectors must have the same dimensions"),
    ("vector_distance_l2(vector1bit('[1]'), vector1bit('[1]'))", "L2 distance is not defined for 1-bit vectors"),
    ("vector_slice('[1, 2]', 1, 3)", "vector_slice: start and end must lie in the vector, start not behind end"),
    ("vector_slice('[1, 2]', 2, 1)", "vector_slice: start and end must lie in the vector, start not behind end"),
    ("vector_slice('[1, 2]', -1, 1)", "vector_slice: start and end must lie in the vector, start not behind end"),
    ("vector()", "wrong number of arguments to function vector()"),
    ("vector_concat('[1]')", "wrong number of arguments to function vector_concat()"),
]


@pytest.mark.parametrize(("sql", "message"), MISTAKES, ids=[sql for sql, _ in MISTAKES])
def test_mistakes(sql: str, message: str) -> None:
    with pytest.raises(turso_wasm.OperationalError) as caught:
        ask(sql)
    assert str(caught.value) == message


@given(st.binary(max_size=60))
def test_any_blob_is_a_vector_or_an_error(blob: bytes) -> None:
    try:
        components = parts(ask("vector_extract(?)", blob))
    except turso_wasm.OperationalError as error:
        assert str(error) == "invalid vector: the blob is not one of any vector type"
        return
    distance = ask("vector_distance_jaccard(?1, ?1)", blob)
    assert distance is None or math.isinf(distance) or distance == pytest.approx(0) or len(components) > 0


@pytest.mark.parametrize("call", ["vector(NULL)", "vector_extract(NULL)", "vector_slice('[1]', NULL, 1)"])
def test_null_gives_null(call: str) -> None:
    assert ask(call) is None


@pytest.mark.parametrize("metric", ["cos", "l2", "dot", "jaccard"])
def test_the_distance_of_null_is_null(metric: str) -> None:
    assert ask(f"vector_distance_{metric}('[1]', NULL)") is None
    assert ask(f"vector_distance_{metric}(NULL, '[1]')") is None
