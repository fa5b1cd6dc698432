"""Operators, CAST, affinity, comparison: kernel, reference model and SQLite agree on values of every storage class."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.harness.effort import HEAVY
from tests.harness.values import STMT, Raw, ValuesKernel
from tests.harness.values_samples import INTEGERS, REALS, Oracle, identical, random_text, random_value
from turso_wasm.values import arithmetic, comparison, conversion
from turso_wasm.values.types import Affinity, Collation, SqlValue, text_bytes

ROUNDS = 100_000 if HEAVY else 300

oracle = Oracle()


@pytest.fixture(scope="module")
def kernel() -> ValuesKernel:
    names = ("value", "collate", "arithmetic")
    return ValuesKernel([f"turso_wasm.kernel.values.{name}" for name in names])


BINARY: list[tuple[str, str, Callable[[SqlValue, SqlValue], SqlValue]]] = [
    ("+", "value_add", arithmetic.add),
    ("-", "value_sub", arithmetic.subtract),
    ("*", "value_mul", arithmetic.multiply),
    ("/", "value_div", arithmetic.divide),
    ("%", "value_rem", arithmetic.remainder),
    ("&", "value_bitand", arithmetic.bit_and),
    ("|", "value_bitor", arithmetic.bit_or),
    ("<<", "value_shl", arithmetic.shift_left),
    (">>", "value_shr", arithmetic.shift_right),
]


@pytest.mark.parametrize(("operator", "routine", "model"), BINARY, ids=[name for _, name, _ in BINARY])
def test_binary_operators(
    kernel: ValuesKernel, operator: str, routine: str, model: Callable[[SqlValue, SqlValue], SqlValue]
) -> None:
    rng = random.Random(operator)
    pairs = [(random_value(rng), random_value(rng)) for _ in range(ROUNDS)]
    edges = [*INTEGERS[-12:], *REALS[:6], "-0", "9223372036854775808", b"7x"]
    pairs += [(a, b) for a in edges for b in edges]
    for a, b in pairs:
        expected = oracle.value(f"?1 {operator} ?2", a, b)
        assert identical(model(a, b), expected), (a, b)
        assert identical(kernel.value(routine, a, b), expected), (a, b)


def test_concatenation(kernel: ValuesKernel) -> None:
    rng = random.Random(1)
    for _ in range(ROUNDS):
        a, b = random_value(rng), random_value(rng)
        expected = oracle.value("?1 || ?2", a, b)
        assert identical(arithmetic.concat(a, b), expected), (a, b)
        assert identical(kernel.value("value_concat", STMT, a, b), expected), (a, b)


def test_unary_operators_and_truth(kernel: ValuesKernel) -> None:
    rng = random.Random(2)
    for a in [*INTEGERS, *REALS, *(random_value(rng) for _ in range(ROUNDS))]:
        minus, tilde, true = oracle.row("-?1, ~?1, ?1 IS TRUE", a)
        assert identical(arithmetic.negate(a), minus) and identical(kernel.value("value_negate", a), minus), a
        assert identical(arithmetic.bit_not(a), tilde) and identical(kernel.value("value_bitnot", a), tilde), a
        kernel.reset()
        assert kernel.raw("truth", a) == (-1 if a is None else true), a
        assert conversion.truth(a) == (None if a is None else bool(true)), a


CASTS = [
    ("TEXT", Affinity.TEXT),
    ("BLOB", Affinity.BLOB),
    ("INTEGER", Affinity.INTEGER),
    ("REAL", Affinity.REAL),
    ("NUMERIC", Affinity.NUMERIC),
]


@pytest.mark.parametrize(("type_name", "affinity"), CASTS, ids=[name for name, _ in CASTS])
def test_cast(kernel: ValuesKernel, type_name: str, affinity: Affinity) -> None:
    rng = random.Random(type_name)
    for a in [*INTEGERS, *REALS, *(random_value(rng) for _ in range(ROUNDS))]:
        expected = oracle.value(f"CAST(?1 AS {type_name})", a)
        assert identical(conversion.cast(a, affinity), expected), a
        assert identical(kernel.value("cast_value", STMT, a, [affinity]), expected), a


@pytest.mark.parametrize(("type_name", "affinity"), CASTS, ids=[name for name, _ in CASTS])
def test_column_affinity(kernel: ValuesKernel, type_name: str, affinity: Affinity) -> None:
    rng = random.Random(type_name)
    oracle.connection.execute(f"CREATE TABLE IF NOT EXISTS a_{type_name}(a {type_name})")
    for a in [*INTEGERS, *REALS, *(random_value(rng) for _ in range(ROUNDS // 3))]:
        oracle.connection.execute(f"DELETE FROM a_{type_name}")
        oracle.connection.execute(f"INSERT INTO a_{type_name} VALUES (?)", (a,))
        expected = oracle.value(f"a FROM a_{type_name}") if not isinstance(a, bytes) else a
        got = kernel.value("apply_affinity", STMT, a, [affinity])
        assert identical(conversion.apply_affinity(a, affinity), got), a
        if affinity == Affinity.REAL:
            # Stored as an INTEGER when it is one, and read back as a REAL: the sign of -0.0 is lost.
            stored = kernel.value("store_real", got)
            assert identical(conversion.store_real(got), stored), a
            got = float(stored) if isinstance(stored, int) else stored
        assert identical(got, expected), a


def record_size(value: float) -> int:
    """Bytes of a REAL column's field in SQLite's record."""
    oracle.connection.execute("CREATE TEMP TABLE IF NOT EXISTS s(a REAL)")
    oracle.connection.execute("DELETE FROM s")
    oracle.connection.execute("INSERT INTO s VALUES (?)", (value,))
    return int(oracle.row("payload FROM dbstat('temp') WHERE name = 's' AND pagetype = 'leaf'")[0]) - 2


@pytest.mark.parametrize("exact", [2**47, 2**47 - 1, -(2**47), -(2**47) - 1, 2**46, 2**31, 2**32, 255, -1, 0, 1])
def test_small_integral_reals_are_stored_as_integers(kernel: ValuesKernel, exact: int) -> None:
    stored = kernel.value("store_real", float(exact))
    size = record_size(float(exact))
    assert identical(stored, conversion.store_real(float(exact)))
    assert isinstance(stored, int) == (size < 8)


def sign(x: int) -> int:
    return (x > 0) - (x < 0)


@pytest.mark.parametrize("collation", Collation)
def test_comparison(kernel: ValuesKernel, collation: Collation) -> None:
    rng = random.Random(collation)
    numbers = [*INTEGERS, *REALS]
    pairs = [(random_value(rng), random_value(rng)) for _ in range(ROUNDS)]
    pairs += [(random_text(rng), random_text(rng)) for _ in range(ROUNDS)]
    pairs += [(rng.choice(numbers), rng.choice(numbers)) for _ in range(ROUNDS)]
    for a, b in pairs:
        kernel.reset()
        got = kernel.raw("compare_values", STMT, a, b, [collation])
        assert got == comparison.compare(a, b, collation), (a, b)
        kernel.reset()
        assert kernel.raw("compare_values", STMT, b, a, [collation]) == -got, (a, b)
        if a is not None and b is not None:
            less, equal = oracle.row(f"?1 < ?2 COLLATE {collation.name}, ?1 = ?2 COLLATE {collation.name}", a, b)
            assert got == (-1 if less else 0 if equal else 1), (a, b)


@pytest.mark.parametrize("collation", Collation)
def test_texts_that_differ_late(kernel: ValuesKernel, collation: Collation) -> None:
    rng = random.Random(7)
    for _ in range(ROUNDS // 3):
        common = "".join(rng.choice("abZ \0") for _ in range(rng.randint(0, 40)))
        a, b = (common + rng.choice(["", " ", "a", "A", "\0", "[", "_", "b  ", "\0b", "\0c"]) for _ in range(2))
        kernel.reset()
        got = kernel.raw("compare_text", STMT, Raw(text_bytes(a)), Raw(text_bytes(b)), [collation])
        less, equal = oracle.row(f"?1 < ?2 COLLATE {collation.name}, ?1 = ?2 COLLATE {collation.name}", a, b)
        assert got == (-1 if less else 0 if equal else 1), (a, b)
        assert got == comparison.compare(a, b, collation), (a, b)
