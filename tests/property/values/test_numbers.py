"""Numbers and text: the kernel reads and prints numbers exactly as SQLite 3.54 and as the reference model do.

The bulk tests ask the whole engine and SQLite the same statement over thousands of values at a time; TURSO_HEAVY=1
checks five million values in this way, in a few minutes.
"""

from __future__ import annotations

import marshal
import math
import random
import struct
from array import array
from collections.abc import Callable, Iterator

import pytest

import turso_wasm
from tests.harness.effort import HEAVY
from tests.harness.values import Raw, ValuesKernel
from tests.harness.values_samples import Oracle, identical, random_integer, random_numeric_text, random_real
from turso_wasm.kernel.values import number as kernel_number
from turso_wasm.values import numbers
from turso_wasm.values.types import SqlValue

ROUNDS = 20_000 if HEAVY else 1_500
BATCH = 2_000

oracle = Oracle()


@pytest.fixture(scope="module")
def kernel() -> ValuesKernel:
    return ValuesKernel(["turso_wasm.kernel.values.number", "turso_wasm.kernel.values.number_text"])


def printed(kernel: ValuesKernel, name: str, v: float) -> str:
    out = kernel.buffer
    n = kernel.call(name, v, out)
    return kernel.read(out, n).decode()


def scanned(kernel: ValuesKernel, text: str) -> tuple[int | float, int]:
    kernel.reset()
    tag, payload, kind = kernel.raw("text_to_number", Raw(text.encode()))
    value = kernel.decode(tag, payload)
    assert isinstance(value, int | float)
    return value, kind


def test_the_table_of_powers_is_exact() -> None:
    """number N1 and N2."""
    for q in range(kernel_number.POWER_MIN, kernel_number.POWER_MAX + 1):
        at = (q - kernel_number.POWER_MIN) * 16
        high, low = struct.unpack_from("<QQ", kernel_number.POWERS, at)
        exponent = (q * 217706 >> 16) - 127
        significand = high << 64 | low
        assert high >> 63 == 1
        # significand * 2^exponent <= 10^q < (significand + 1) * 2^exponent, or the other way round for q < 0
        scale = 10**-q << max(-exponent, 0) if q < 0 else 10**q << max(-exponent, 0)
        unit = 1 << max(exponent, 0)
        if q >= 0:
            assert significand * unit <= scale < (significand + 1) * unit
        else:
            one = 1 << -exponent
            assert (significand - 1) * 10**-q < one <= significand * 10**-q


def test_reals_print_as_in_sqlite(kernel: ValuesKernel) -> None:
    rng = random.Random(1)
    for _ in range(ROUNDS):
        x = random_real(rng)
        expected = oracle.value("CAST(?1 AS TEXT)", x)
        assert numbers.real_to_text(x) == expected, repr(x)
        assert printed(kernel, "real_to_text", x) == expected, repr(x)


def test_printed_reals_read_back_the_same(kernel: ValuesKernel) -> None:
    rng = random.Random(2)
    for _ in range(ROUNDS // 2):
        x = random_real(rng)
        if not math.isinf(x) and x != 0:
            assert identical(scanned(kernel, printed(kernel, "real_to_text", x))[0], x)


def test_integers_print_as_in_python(kernel: ValuesKernel) -> None:
    rng = random.Random(3)
    for v in [
        *(10**k for k in range(19)),
        *(10**k - 1 for k in range(19)),
        *(random_integer(rng) for _ in range(1000)),
    ]:
        assert printed(kernel, "int_to_text", v) == str(v)
        assert printed(kernel, "int_to_text", -v if v > -(2**63) else v) == str(-v if v > -(2**63) else v)


def test_numeric_text_reads_as_in_sqlite(kernel: ValuesKernel) -> None:
    rng = random.Random(4)
    for _ in range(ROUNDS):
        text = random_numeric_text(rng)
        value, kind = scanned(kernel, text)
        plus, real, integer = oracle.row("?1 + 0, CAST(?1 AS REAL), CAST(?1 AS INTEGER)", text)
        assert identical(value + 0, plus), repr(text)
        model, model_kind = numbers.text_to_number(text)
        assert identical(value, model) and kind == model_kind, repr(text)
        kernel.reset()
        assert identical(kernel.raw("text_to_real", Raw(text.encode()))[0], real), repr(text)
        assert kernel.raw("text_to_integer", Raw(text.encode())) == integer, repr(text)


def test_whole_numbers_are_those_that_a_numeric_column_converts(kernel: ValuesKernel) -> None:
    oracle.connection.execute("CREATE TABLE IF NOT EXISTS n(n NUMERIC)")
    rng = random.Random(5)
    for _ in range(ROUNDS // 5):
        text = random_numeric_text(rng)
        oracle.connection.execute("DELETE FROM n")
        oracle.connection.execute("INSERT INTO n VALUES (?)", (text,))
        stored = oracle.row("typeof(n) FROM n")[0]
        assert (scanned(kernel, text)[1] == kernel_number.NUMBER_WHOLE) == (stored != "text"), repr(text)


@pytest.mark.parametrize("digits", range(1, 26))
def test_decimals_of_any_length(kernel: ValuesKernel, digits: int) -> None:
    rng = random.Random(digits)
    for _ in range(ROUNDS // 50):
        text = f"{rng.randrange(10 ** (digits - 1), 10**digits)}e{rng.randint(-345, 309 - digits)}"
        assert identical(scanned(kernel, text)[0], oracle.value("CAST(?1 AS REAL)", text)), text


def midpoints(rng: random.Random, n: int) -> list[str]:
    """Decimals of 17 to 20 digits next to the middle between two doubles."""
    texts = []
    for _ in range(n):
        x = abs(random_real(rng)) or 1.0
        if math.isinf(x) or math.isinf(math.nextafter(x, math.inf)):
            continue
        mantissa, power = math.frexp(x)
        twice = int(mantissa * 2**54) + 1
        power -= 54
        exponent = math.floor(math.log10(x)) - rng.randint(16, 19)
        scaled = twice * 2 ** max(power, 0) * 10 ** max(-exponent, 0) // (2 ** max(-power, 0) * 10 ** max(exponent, 0))
        texts.append(f"{scaled + rng.randint(0, 1)}e{exponent}")
    return texts


def test_decimals_next_to_the_middle_of_two_doubles(kernel: ValuesKernel) -> None:
    rng = random.Random(6)
    for text in midpoints(rng, ROUNDS // 2):
        value = scanned(kernel, text)[0]
        assert identical(value, oracle.value("CAST(?1 AS REAL)", text)), text
        if len(text.partition("e")[0]) <= 19:
            assert value == float(text), text


def closest_decimals() -> list[str]:
    """Decimals of at most 19 digits as close to the middle of two doubles as there are: continued fractions."""
    texts = []
    for q in range(-340, 290, 2):
        power = math.floor(63 + q * math.log2(10)) - 53
        if power < -1074:
            continue
        n, d = 10 ** max(q, 0) << max(-power, 0), 10 ** max(-q, 0) << max(power, 0)
        h0, h1, k0, k1 = 0, 1, 1, 0
        while d and k1 < 10**19:
            t = n // d
            n, d = d, n - t * d
            h0, h1, k0, k1 = h1, t * h1 + h0, k1, t * k1 + k0
            for times in range(1, 4):
                if 2**53 <= h1 * times < 2**54 and h1 * times % 2 and k1 * times < 10**19:
                    texts.append(f"{k1 * times}e{q}")
    return texts


def test_the_hardest_decimals_are_rounded_correctly(kernel: ValuesKernel) -> None:
    """number N1. SQLite itself is wrong on half of these: they differ from a middle by less than 2^-95 of it."""
    texts = closest_decimals()
    assert len(texts) > 100
    for text in texts:
        assert scanned(kernel, text)[0] == float(text), text


def test_overflow_and_underflow(kernel: ValuesKernel) -> None:
    for text in ["1.7976931348623157e308", "1.797693134862315807e308", "1.797693134862315808e308", "1e309", "-1e400"]:
        assert scanned(kernel, text)[0] == oracle.value("CAST(?1 AS REAL)", text)
    for text in [
        "4.9e-324",
        "2.4703282292062328e-324",
        "2.4703282292062327e-324",
        "1e-400",
        "9" * 19 + "e-343",
        "0e999999",
    ]:
        assert scanned(kernel, text)[0] == oracle.value("CAST(?1 AS REAL)", text)
    for text in [
        "1e99999999999999999999",
        "1e-99999999999999999999",
        "0." + "0" * 2000 + "1e2001",
        "1" + "0" * 2000 + "e-2000",
    ]:
        assert scanned(kernel, text)[0] == oracle.value("CAST(?1 AS REAL)", text)


def neighbour(x: float, ulps: int) -> float:
    """The double that many steps away from a finite x > 0."""
    return float(struct.unpack("<d", struct.pack("<q", struct.unpack("<q", struct.pack("<d", x))[0] + ulps))[0])


def noisy_decimal(rng: random.Random) -> float:
    """A short decimal after a calculation."""
    a, b = (float(rng.randint(-(10**8), 10**8) / 10 ** rng.randint(0, 8)) for _ in range(2))
    return rng.choice([a + b, a * b, a / (b or 1.0), a * 1.1])


REAL_KINDS: dict[str, Callable[[random.Random], float]] = {
    "any bits": lambda rng: float(struct.unpack("<d", rng.randbytes(8))[0]),
    "decimals": lambda rng: float(f"{rng.randrange(10 ** rng.randint(1, 17))}e{rng.randint(-25, 20)}"),
    "decimals of all sizes": lambda rng: float(f"{rng.randrange(10 ** rng.randint(1, 17))}e{rng.randint(-340, 300)}"),
    "decimals from 9": lambda rng: float(f"9.{rng.randrange(10 ** rng.randint(1, 13))}e{rng.randint(-308, 307)}"),
    "fractions": lambda rng: round(rng.uniform(-1e6, 1e6), rng.randint(0, 8)),
    "noisy decimals": noisy_decimal,
    "integers": lambda rng: float(rng.getrandbits(rng.randint(1, 64))),
    "integers scaled": lambda rng: float(rng.getrandbits(rng.randint(1, 64))) * 10.0 ** rng.randint(-30, 30),
    "near powers of ten": lambda rng: neighbour(float(f"1e{rng.randint(-320, 307)}"), rng.randint(-99, 99)),
    "near powers of two": lambda rng: neighbour(math.ldexp(1.0, rng.randint(-1060, 1023)), rng.randint(-99, 99)),
    "subnormals": lambda rng: neighbour(5e-324, rng.getrandbits(rng.randint(1, 52))),
}


def bulk_real(rng: random.Random) -> float:
    x = rng.choice(REAL_LIST)(rng)
    return 0.0 if math.isnan(x) else -x if rng.random() < 0.2 else x


REAL_LIST = list(REAL_KINDS.values())


def bulk_integer(rng: random.Random) -> int:
    return random_integer(rng) if rng.random() < 0.2 else rng.getrandbits(64) - 2**63 >> rng.randint(0, 63)


def bulk_text(rng: random.Random) -> str:
    """Numbers of 1 to 30 digits with a point and an exponent anywhere; a third of them with an edit or two."""
    kind = rng.random()
    if kind < 0.2:
        return random_numeric_text(rng)
    if kind < 0.4:
        text = repr(bulk_real(rng))
    else:
        text = str(rng.randrange(10 ** rng.randint(1, 30)))
        if kind < 0.8:
            point = rng.randint(0, len(text))
            text = f"{text[:point]}.{text[point:]}"
        if kind > 0.6:
            text += f"{rng.choice('eE')}{rng.choice(['', '+', '-'])}{rng.randrange(10 ** rng.randint(1, 3))}"
        if rng.random() < 0.3:
            text = rng.choice("+- ") + text
    while rng.random() < 0.3:
        at = rng.randint(0, len(text))
        text = text[:at] + rng.choice("019.eE+- \t\n\v\f\r\0\x1f_xaé\u0663\u00a0") + text[at + rng.randint(0, 1) :]
    return text


def disagreements(query: str, values: Iterator[SqlValue], count: int) -> Iterator[tuple[SqlValue, object, object]]:
    """(value, ours, SQLite's) where the engines differ on SELECT `query` FROM the values; -0.0 is not 0.0."""
    ours = turso_wasm.connect(":memory:", isolation_level=None)
    sql = f"SELECT {query} FROM (VALUES {','.join(['(?)'] * BATCH)})"
    for _ in range(-(-count // BATCH)):
        batch = [next(values) for _ in range(BATCH)]
        a, b = ours.execute(sql, batch).fetchall(), oracle.connection.execute(sql, batch).fetchall()
        if marshal.dumps(a, 2) != marshal.dumps(b, 2):
            for value, x, y in zip(batch, a, b, strict=True):
                if marshal.dumps(x, 2) != marshal.dumps(y, 2):
                    yield value, x, y
    ours.close()


def endless(draw: Callable[[random.Random], SqlValue], seed: int) -> Iterator[SqlValue]:
    rng = random.Random(seed)
    while True:
        yield draw(rng)


def test_reals_in_bulk() -> None:
    text = "CAST(column1 AS TEXT)"
    query = f"{text}, CAST({text} AS REAL), CAST(column1 AS INTEGER)"
    assert list(disagreements(query, endless(bulk_real, 7), 3_300_000 if HEAVY else 10_000)) == []


def test_the_model_prints_reals_in_bulk() -> None:
    rng = random.Random(8)
    values = array("d", (bulk_real(rng) for _ in range(200_000 if HEAVY else 4_000)))
    for i in range(0, len(values), BATCH):
        batch = values[i : i + BATCH]
        sql = f"SELECT CAST(column1 AS TEXT) FROM (VALUES {','.join(['(?)'] * len(batch))})"
        expected = [text for (text,) in oracle.connection.execute(sql, batch)]
        assert [numbers.real_to_text(x) for x in batch] == expected


def test_integers_in_bulk() -> None:
    text = "CAST(column1 AS TEXT)"
    query = f"{text}, CAST({text} AS INTEGER), CAST(column1 AS REAL), CAST(column1 + 0.0 AS TEXT)"
    assert list(disagreements(query, endless(bulk_integer, 9), 1_000_000 if HEAVY else 6_000)) == []


def test_numeric_text_in_bulk() -> None:
    query = "column1 + 0, CAST(column1 AS REAL), CAST(column1 AS NUMERIC), CAST(column1 AS INTEGER)"
    assert list(disagreements(query, endless(bulk_text, 10), 1_000_000 if HEAVY else 6_000)) == []


@pytest.mark.parametrize("exponent", [18, 21, 24, 27, 52, 142, 282, -7, -10, -35, -66, -246])
def test_noise_of_half_an_ulp_just_above_a_power_of_two(kernel: ValuesKernel, exponent: int) -> None:
    """number_text step 2: 9.66e21 keeps its two digits, 9.65e-159 does not."""
    rng = random.Random(exponent)
    noisy = 0
    while noisy < 30:
        text = f"{rng.randint(9000000000000, 9999999999999)}e{exponent - 12}"
        x = float(text)
        if 100 <= numbers.real_digits(x)[0] % 10_000 < 120:
            noisy += 1
            expected = oracle.value("CAST(?1 AS TEXT)", x)
            assert numbers.real_to_text(x) == expected == printed(kernel, "real_to_text", x), text
