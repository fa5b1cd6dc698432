"""typeof, abs, sign, round, quote, min and max give what SQLite gives."""

from __future__ import annotations

import random

import pytest

from tests.harness.effort import HEAVY
from tests.harness.values import STMT, ValuesKernel
from tests.harness.values_samples import (
    INTEGERS,
    REALS,
    Oracle,
    identical,
    random_broken_text,
    random_real,
    random_value,
)
from turso_wasm.base.errors import SqlError
from turso_wasm.values.types import Collation, SqlValue

ROUNDS = 200_000 if HEAVY else 200

oracle = Oracle()


@pytest.fixture(scope="module")
def kernel() -> ValuesKernel:
    return ValuesKernel(["turso_wasm.kernel.functions.scalar"], {"host_random": lambda p, n: None})


@pytest.mark.parametrize("name", ["typeof", "abs", "sign", "quote", "round"])
def test_one_argument(kernel: ValuesKernel, name: str) -> None:
    rng = random.Random(name)
    routine = "fn_round_1" if name == "round" else f"fn_{name}"
    for value in [*INTEGERS, *REALS, *(random_value(rng) for _ in range(ROUNDS)), random_broken_text(rng)]:
        if name == "abs" and value == -(2**63) and isinstance(value, int):
            continue
        expected = oracle.value(f"{name}(?1)", value)
        assert identical(kernel.value(routine, STMT, value), expected), (value, expected)


def test_abs_of_the_smallest_integer(kernel: ValuesKernel) -> None:
    with pytest.raises(SqlError, match=r"^integer overflow$") as caught:
        kernel.value("fn_abs", STMT, -(2**63))
    assert caught.value.code == 1


def test_round_to_places(kernel: ValuesKernel) -> None:
    rng = random.Random(1)
    for _ in range(ROUNDS * 3):
        x: SqlValue = rng.choice(
            [
                random_real(rng),
                rng.randint(-(10**6), 10**6) / 10 ** rng.randint(0, 6),
                random_value(rng),
                rng.random() * 1e5,
            ]
        )
        places = rng.choice([rng.randint(-2, 20), rng.randint(0, 6), rng.choice([30, 31, 100, 2**40, None, "2", 1.9])])
        expected = oracle.value("round(?1, ?2)", x, places)
        assert identical(kernel.value("fn_round_2", STMT, x, places), expected), (x, places, expected)


@pytest.mark.parametrize("collation", Collation)
@pytest.mark.parametrize("name", ["min", "max"])
def test_extremes(kernel: ValuesKernel, name: str, collation: Collation) -> None:
    rng = random.Random(2)
    alike: list[SqlValue] = [1, 1.0, "a", "A", "a ", b"a", "b", 2, 2.0]
    for _ in range(ROUNDS // 2):
        values = [
            rng.choice([random_value(rng), rng.choice(alike), rng.choice(alike)]) for _ in range(rng.randint(2, 5))
        ]
        marks = ", ".join(f"?{i + 1} COLLATE {collation.name}" for i in range(len(values)))
        expected = oracle.value(f"{name}({marks})", *values)
        assert identical(kernel.variadic(f"fn_{name}", values, [collation]), expected), (values, expected)
