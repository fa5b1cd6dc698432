"""Mathematical functions that need no approximation give exactly what SQLite gives."""

from __future__ import annotations

import random

import pytest

from tests.harness.effort import HEAVY
from tests.harness.values import STMT, ValuesKernel
from tests.harness.values_samples import INTEGERS, REALS, Oracle, identical, random_real, random_value

ROUNDS = 100_000 if HEAVY else 150

oracle = Oracle()


@pytest.fixture(scope="module")
def kernel() -> ValuesKernel:
    return ValuesKernel(["turso_wasm.kernel.functions.maths"])


@pytest.mark.parametrize("name", ["ceil", "floor", "trunc", "sqrt", "degrees", "radians"])
def test_one_argument(kernel: ValuesKernel, name: str) -> None:
    rng = random.Random(name)
    for value in [*INTEGERS, *REALS, "2", " 2.5 ", "2x", "", b"2", *(random_value(rng) for _ in range(ROUNDS))]:
        expected = oracle.value(f"{name}(?1)", value)
        assert identical(kernel.value(f"fn_{name}", STMT, value), expected), (value, expected)


def test_mod(kernel: ValuesKernel) -> None:
    rng = random.Random(1)
    pairs = [(random_value(rng), random_value(rng)) for _ in range(ROUNDS)]
    pairs += [(random_real(rng), random_real(rng)) for _ in range(ROUNDS)]
    pairs += [(a, b) for a in REALS for b in REALS]
    for x, y in pairs:
        assert identical(kernel.value("fn_mod", STMT, x, y), oracle.value("mod(?1, ?2)", x, y)), (x, y)


def test_pi(kernel: ValuesKernel) -> None:
    assert kernel.value("fn_pi", STMT) == oracle.value("pi()")
