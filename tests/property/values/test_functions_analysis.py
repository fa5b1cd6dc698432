"""Functions of analysis are rounded correctly, and so within the error of SQLite's library from what SQLite gives.

The truth comes from `decimal`, to 60 digits.
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable
from decimal import Decimal, localcontext

import pytest

from tests.harness.effort import HEAVY
from tests.harness.values import STMT, ValuesKernel
from tests.harness.values_samples import REALS, Oracle, random_real, random_value
from turso_wasm.values.constants import arctangent, pi, two_over_pi

ROUNDS = 50_000 if HEAVY else 80

oracle = Oracle()


@pytest.fixture(scope="module")
def kernel() -> ValuesKernel:
    return ValuesKernel(
        [
            "turso_wasm.kernel.functions.analysis",
            "turso_wasm.kernel.functions.exponential",
            "turso_wasm.kernel.functions.trigonometric",
        ]
    )


def sine(x: Decimal) -> Decimal:
    """Of |x| < 10, by its series."""
    total, term, n = Decimal(0), x, 1
    while abs(term) > Decimal(10) ** -75:
        total += term
        term = -term * x * x / ((n + 1) * (n + 2))
        n += 2
    return total


def arc(x: Decimal) -> Decimal:
    if x < 0:
        return -arc(-x)
    return arctangent(x) if x <= 1 else pi() / Decimal(2) - arctangent(1 / x)


def angle(x: Decimal) -> Decimal:
    """x modulo 2 pi, for |x| < 1e12."""
    turn = Decimal(2) * pi()
    return x - turn * (x / turn).to_integral_value()


def hyperbolic_sine(x: Decimal) -> Decimal:
    return (x.exp() - (-x).exp()) / 2


def hyperbolic_cosine(x: Decimal) -> Decimal:
    return (x.exp() + (-x).exp()) / 2


Truth = Callable[[Decimal], Decimal]
Sample = Callable[[random.Random], float]


def signed(limit: float, smallest: float = 1e-6) -> Sample:
    def sample(rng: random.Random) -> float:
        logarithm = rng.uniform(math.log(smallest), math.log(limit))
        return rng.choice([-1, 1]) * rng.choice([rng.uniform(0, limit), math.exp(logarithm)])

    return sample


def positive(rng: random.Random) -> float:
    return rng.choice(
        [rng.uniform(0.5, 2), rng.random() * 100, math.exp(rng.uniform(-700, 700)), 5e-324 * rng.randint(1, 10**6)]
    )


def unit(rng: random.Random) -> float:
    return rng.choice([rng.uniform(-1, 1), rng.choice([-1, 1]) * (1 - 10 ** rng.uniform(-15, -1))])


CASES: dict[str, tuple[Truth, Sample]] = {
    "exp": (lambda x: x.exp(), signed(745)),
    "log": (lambda x: x.ln(), positive),
    "log10": (lambda x: x.log10(), positive),
    "log2": (lambda x: x.ln() / Decimal(2).ln(), positive),
    "sinh": (hyperbolic_sine, signed(710)),
    "cosh": (hyperbolic_cosine, signed(710)),
    "tanh": (lambda x: hyperbolic_sine(x) / hyperbolic_cosine(x), signed(25)),
    "asinh": (lambda x: (x + (x * x + 1).sqrt()).ln() if x > 0 else -((-x + (x * x + 1).sqrt()).ln()), signed(1e150)),
    "acosh": (lambda x: (x + (x * x - 1).sqrt()).ln(), lambda rng: 1 + abs(signed(1e150, 1e-15)(rng))),
    "atanh": (lambda x: ((1 + x) / (1 - x)).ln() / 2, unit),
    "sin": (lambda x: sine(angle(x)), signed(1e12)),
    "cos": (lambda x: sine(angle(x) + pi() / Decimal(2)), signed(1e12)),
    "tan": (lambda x: sine(angle(x)) / sine(angle(x) + pi() / Decimal(2)), signed(1e12)),
    "asin": (lambda x: arc(x / (1 - x * x).sqrt()), unit),
    "acos": (lambda x: pi() / Decimal(2) - arc(x / (1 - x * x).sqrt()), unit),
    "atan": (arc, signed(1e20)),
}


@pytest.mark.parametrize("name", CASES)
def test_rounded_correctly(kernel: ValuesKernel, name: str) -> None:
    truth, sample = CASES[name]
    rng = random.Random(name)
    for _ in range(ROUNDS):
        x = sample(rng)
        with localcontext() as context:
            context.prec = 75
            try:
                expected = float(truth(Decimal(x)))
            except OverflowError:
                expected = math.inf
        assert kernel.call(f"real_{name}", x) == expected, x


def test_pow_rounded_correctly(kernel: ValuesKernel) -> None:
    rng = random.Random(1)
    for _ in range(ROUNDS):
        x, y = (
            positive(rng),
            rng.choice([rng.uniform(-3, 3), rng.uniform(-300, 300), float(rng.randint(-40, 40)), 0.5, 1e-9]),
        )
        with localcontext() as context:
            context.prec = 75
            exact = y * float(Decimal(x).ln())
            if abs(exact) > 750:
                continue
            try:
                expected = float((Decimal(y) * Decimal(x).ln()).exp())
            except OverflowError:
                expected = math.inf
        assert kernel.call("real_pow", x, y) == expected, (x, y)


@pytest.mark.parametrize(
    "x", [6381956970095103 * 2.0**797, 1e22, 2.0**1023, 1.7976931348623157e308, 2.0**54 + 4, 3.0e15, 2.0**70 * 1.1]
)
def test_large_angles(kernel: ValuesKernel, x: float) -> None:
    """trigonometric G1. The first is the double closest to a multiple of pi/2."""
    quarters = int(x) * two_over_pi(1400)  # x * 2/pi with 1400 bits behind the point
    quadrant, fraction = quarters >> 1400, quarters & (1 << 1400) - 1
    if fraction >> 1399:
        quadrant, fraction = quadrant + 1, fraction - (1 << 1400)
    with localcontext() as context:
        context.prec = 75
        r = Decimal(fraction) / Decimal(2**1400) * pi() / Decimal(2)
        turned = [sine(r + Decimal(k) * pi() / Decimal(2)) for k in range(4)]
        expected_sine, expected_cosine = turned[quadrant % 4], turned[(quadrant + 1) % 4]
        assert kernel.call("real_sin", x) == float(expected_sine)
        assert kernel.call("real_cos", x) == float(expected_cosine)
        assert kernel.call("real_tan", x) == float(expected_sine / expected_cosine)
        assert kernel.call("real_sin", -x) == -float(expected_sine)


def ulps(a: float, b: float) -> float:
    """How many doubles apart."""
    if a == b:
        return 0
    if math.isinf(a) or math.isinf(b):
        return math.inf
    i, j = (n if n >= 0 else -(n & 2**63 - 1) for n in struct.unpack("<2q", struct.pack("<2d", a, b)))
    return abs(i - j)


NAMES = [
    "exp",
    "ln",
    "log10",
    "log2",
    "sin",
    "cos",
    "tan",
    "asin",
    "acos",
    "atan",
    "sinh",
    "cosh",
    "tanh",
    "asinh",
    "acosh",
    "atanh",
]


@pytest.mark.parametrize("name", NAMES)
def test_as_sqlite_on_values_of_every_class(kernel: ValuesKernel, name: str) -> None:
    rng = random.Random(name)
    values = [*REALS, *(-x for x in REALS), 1, 2, -1, 0, "2", " 0.5 ", "2x", "", b"2", 1000, -1000, 8, 0.125]
    for value in [*values, *(random_value(rng) for _ in range(ROUNDS)), *(random_real(rng) for _ in range(ROUNDS))]:
        expected, got = oracle.value(f"{name}(?1)", value), kernel.value(f"fn_{name}", STMT, value)
        if expected is None or got is None:
            assert got is expected, value
        else:
            assert isinstance(got, float) and ulps(got, expected) <= 2, (value, got, expected)


PAIRS = [("pow", "fn_pow"), ("atan2", "fn_atan2"), ("log", "fn_log_2")]


@pytest.mark.parametrize(("name", "routine"), PAIRS, ids=[name for name, _ in PAIRS])
def test_two_arguments_as_sqlite(kernel: ValuesKernel, name: str, routine: str) -> None:
    rng = random.Random(name)
    special = [*REALS, *(-x for x in REALS), 1.0, -1.0, 2.0, 3.0, -2.0, 0.5, -0.5, 10.0, 1000.0]
    pairs = [(x, y) for x in special for y in rng.sample(special, 12)]
    pairs += [(random_value(rng), random_value(rng)) for _ in range(ROUNDS)]
    pairs += [(rng.uniform(0, 30), rng.uniform(-30, 30)) for _ in range(ROUNDS)]
    for x, y in pairs:
        expected, got = oracle.value(f"{name}(?1, ?2)", x, y), kernel.value(routine, STMT, x, y)
        if expected is None or got is None:
            assert got is expected, (x, y)
        else:
            assert isinstance(got, float) and ulps(got, expected) <= 2, (x, y, got, expected)
            assert math.copysign(1, got) == math.copysign(1, expected), (x, y, got, expected)
