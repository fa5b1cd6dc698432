"""LIKE and GLOB with wildcards at the ends of a text, and the first rows of an order, against SQLite."""

from __future__ import annotations

import random
from collections.abc import Iterator

import apsw
import pytest

import turso_wasm

PIECES = ["a", "A", "b", "B", "z", "Z", "@", "`", "[", "{", "9", "%", "_", "é", "É", "\0", "ab", "name ", "*", "?"]


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[apsw.Connection, turso_wasm.Connection]]:
    ours = turso_wasm.connect(":memory:", isolation_level=None)
    yield apsw.Connection(":memory:"), ours
    ours.close()


def text(rng: random.Random, most: int) -> str:
    return "".join(rng.choice(PIECES) for _ in range(rng.randrange(most)))


@pytest.mark.parametrize("operator", ["LIKE", "GLOB"])
def test_patterns(both: tuple[apsw.Connection, turso_wasm.Connection], operator: str) -> None:
    rng = random.Random(operator)
    any_ = "%" if operator == "LIKE" else "*"
    for _ in range(3000):
        searched = text(rng, 20)
        start = rng.randrange(len(searched) + 1)
        part = searched[start : start + rng.randrange(12)] if rng.random() < 0.8 else text(rng, 5)
        part = part.swapcase() if rng.random() < 0.3 else part
        pattern = rng.choice(["{}", "{}%", "%{}", "%{}%", "%%{}%%", "%{}_"]).replace("%", any_).format(part)
        answers = [list(c.execute(f"SELECT ?1 {operator} ?2", (searched, pattern))) for c in both]
        assert answers[0] == answers[1], (searched, pattern)


@pytest.mark.parametrize("seed", range(4))
def test_the_first_rows(both: tuple[apsw.Connection, turso_wasm.Connection], seed: int) -> None:
    rng = random.Random(seed)
    largest = (1 << 63) - 1
    values: list[object] = [None, 0, 1, -1, 0.5, -0.5, 1.0, "", "a", b"x", largest, -largest - 1, 2.0**62, -1e300]
    values += [rng.randrange(-300, 300) for _ in range(40)] + [rng.randrange(-largest, largest) for _ in range(20)]
    rows = [(rng.choice(values), rng.choice(values), n) for n in range(900)]
    for c in both:
        c.execute("DROP TABLE IF EXISTS t")
        c.execute("CREATE TABLE t(a, b, n)")
        c.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    for a in ("a", "a DESC", "a NULLS LAST", "a DESC NULLS FIRST", "-n", "n % 7 DESC"):
        for b in ("b", "b DESC"):
            for limit in ("1", "10", "10 OFFSET 5", "300"):
                query = f"SELECT a, b, n FROM t ORDER BY {a}, {b}, n LIMIT {limit}"
                assert list(both[0].execute(query)) == both[1].execute(query).fetchall(), query
