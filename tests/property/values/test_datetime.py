"""Date and time functions give what SQLite gives, for time values and modifiers well-formed and not."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator

import pytest

from tests.harness.effort import HEAVY
from tests.harness.values import STMT, ValuesKernel
from tests.harness.values_samples import Oracle, identical, random_numeric_text, random_value
from turso_wasm.kernel.abi import Run
from turso_wasm.values.types import SqlValue

ROUNDS = 100_000 if HEAVY else 200

oracle = Oracle()


def offset_here(ms: float) -> int:
    return time.localtime(ms / 1000).tm_gmtoff


@pytest.fixture(scope="module")
def kernel() -> ValuesKernel:
    imports = {"host_now": lambda: 1706704496789.25, "host_utc_offset": offset_here}
    return ValuesKernel(["turso_wasm.kernel.functions.datetime"], imports)


FUNCTIONS = ["date", "time", "datetime", "julianday", "unixepoch"]


def revived(*values: SqlValue) -> bool:
    """Whether localtime or utc made a moment of what was none: that is an accident in SQLite, and NULL with us."""
    zones = [v for v in values[1:] if isinstance(v, str) and v.lower() in ("localtime", "utc")]
    if not zones:
        return False
    others = [v for v in values if v not in zones]
    marks = ", ".join(f"?{i + 1}" for i in range(len(others)))
    return oracle.value(f"date({marks})", *others) is None


def check(kernel: ValuesKernel, *values: SqlValue) -> None:
    if revived(*values):
        return
    marks = ", ".join(f"?{i + 1}" for i in range(len(values)))
    expected = oracle.row(", ".join(f"{name}({marks})" for name in FUNCTIONS), *values)
    for name, wanted in zip(FUNCTIONS, expected, strict=True):
        got = kernel.variadic(f"fn_{name}", list(values))
        assert identical(got, wanted), (name, values, got, wanted)


def random_date(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.75:
        year, month, day = (
            rng.choice([rng.randint(0, 9999), rng.randint(1960, 2040)]),
            rng.randint(1, 12),
            rng.randint(1, 31),
        )
    else:
        year, month, day = rng.randint(-5000, 10100), rng.randint(0, 13), rng.randint(0, 32)
    return f"{'-' if year < 0 else ''}{abs(year):04d}-{month:02d}-{day:02d}"


def random_time(rng: random.Random) -> str:
    hour, minute, second = rng.randint(0, 24), rng.randint(0, 59), rng.randint(0, 59)
    if rng.random() < 0.1:
        hour, minute, second = rng.randint(0, 30), rng.randint(0, 70), rng.randint(0, 70)
    text = f"{hour:02d}:{minute:02d}"
    if rng.random() < 0.7:
        text += f":{second:02d}"
        if rng.random() < 0.5:
            text += "." + rng.choice(
                ["", "5", "999", "9999", "0004", "12345678901234567890", str(rng.randint(0, 10**6))]
            )
    zones = ["", "", "", "Z", " z ", "+01:00", " -05:30", "+14:59", "+15:00", "-00:00", "x", " ", "+1:00", "+02:60"]
    return text + rng.choice(zones)


def random_time_value(rng: random.Random) -> SqlValue:
    kind = rng.random()
    if kind < 0.25:
        return random_date(rng)
    if kind < 0.6:
        return random_date(rng) + rng.choice([" ", "T", "  ", " T", "", "t"]) + random_time(rng)
    if kind < 0.7:
        return random_time(rng)
    if kind < 0.8:
        return rng.choice([rng.uniform(-10, 5373490), rng.randint(-10, 5373490), str(rng.uniform(0, 5373490))])
    if kind < 0.9:
        return rng.choice(
            [rng.randint(-210866760010, 253402300810), rng.uniform(-3e11, 3e11), str(rng.randint(0, 2 * 10**9))]
        )
    return rng.choice([random_value(rng), random_numeric_text(rng), b"2024-01-31", "2024-01-31\x0012:00"])


WORDS = ["start of month", "start of year", "start of day", "Start Of Month", "start of week", "weekday 0", "weekday 3"]
WORDS += [
    "weekday 6",
    "weekday 7",
    "WEEKDAY 1.0",
    "unixepoch",
    "julianday",
    "auto",
    "AUTO",
    "localtime",
    "utc",
    "subsec",
]
WORDS += ["subsecond", "floor", "ceiling", "Floor", "", "x", "now", "day", "start of", "weekday", "weekday x"]
UNITS = [
    "second",
    "minute",
    "hour",
    "day",
    "month",
    "year",
    "week",
    "seconds",
    "MONTHS",
    "Years",
    "dayss",
    "mo",
    "hourss",
]


def random_modifier(rng: random.Random) -> SqlValue:
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(WORDS)
    sign = rng.choice(["+", "-", "", "+", "-"])
    if kind < 0.65:
        number = rng.choice(
            [str(rng.randint(0, 40)), str(rng.randint(0, 10**6)), f"{rng.uniform(0, 100):.3f}", "1e3", ".5", "5."]
        )
        return f"{sign}{number}{rng.choice([' ', ' ', ' ', '  ', ''])}{rng.choice(UNITS)}"
    if kind < 0.8:
        return sign + random_time(rng)
    if kind < 0.95:
        date = f"{rng.randint(0, 60):04d}-{rng.randint(0, 12):02d}-{rng.randint(0, 31):02d}"
        date = rng.choice([date, date, "0" + date, date[1:], date.replace("-", "/")])
        return sign + date + rng.choice(["", "", " " + random_time(rng), "T12:00", " ", " 12"])
    return random_value(rng)


def test_time_values(kernel: ValuesKernel) -> None:
    rng = random.Random(1)
    for _ in range(ROUNDS):
        check(kernel, random_time_value(rng))


def test_modifiers(kernel: ValuesKernel) -> None:
    rng = random.Random(2)
    for _ in range(ROUNDS):
        check(kernel, random_time_value(rng), *(random_modifier(rng) for _ in range(rng.choice([1, 1, 2, 3]))))


def test_modifiers_of_plain_dates(kernel: ValuesKernel) -> None:
    rng = random.Random(3)
    for _ in range(ROUNDS):
        date = f"{rng.randint(1, 9998):04d}-{rng.randint(1, 12):02d}-{rng.randint(1, 31):02d}"
        check(
            kernel,
            f"{date} {rng.randint(0, 23):02d}:30:15.250",
            *(random_modifier(rng) for _ in range(rng.choice([1, 1, 2, 3]))),
        )


def test_every_day_of_some_years(kernel: ValuesKernel) -> None:
    for first in [0, 59, 1721059, 1721425, 2299150, 2451544, 5373119]:
        for day in range(first, first + 366, 7):
            check(kernel, day + 0.25)


FIELDS = "deFGgHIjJklmMpPRsSTuUVwWYf%"


def test_strftime(kernel: ValuesKernel) -> None:
    rng = random.Random(4)
    for _ in range(ROUNDS):
        form = "|".join(f"%{rng.choice(FIELDS)}" for _ in range(4)) + rng.choice(["", "", "é", "%", "%q", "\0%Y"])
        values: list[SqlValue] = [
            form,
            random_time_value(rng),
            *(random_modifier(rng) for _ in range(rng.choice([0, 0, 1]))),
        ]
        marks = ", ".join(f"?{i + 1}" for i in range(len(values)))
        if revived(*values[1:]):
            continue
        expected = oracle.value(f"strftime({marks})", *values)
        assert identical(kernel.variadic("fn_strftime", values), expected), (values, expected)


@pytest.mark.parametrize("letter", [chr(c) for c in range(1, 128)], ids=repr)
def test_every_letter_of_strftime(kernel: ValuesKernel, letter: str) -> None:
    for value in [
        "2024-12-30 15:04:05.678",
        "-0013-01-01 00:00",
        0,
        2440587.5,
        "2027-01-03",
        "2020-12-31 12:00:59.9999",
    ]:
        form = f"%{letter}"
        assert identical(
            kernel.variadic("fn_strftime", [form, value]), oracle.value("strftime(?1, ?2)", form, value)
        ), value


def test_timediff(kernel: ValuesKernel) -> None:
    rng = random.Random(5)
    for _ in range(ROUNDS):
        a, b = (
            rng.choice([random_time_value(rng), f"{rng.randint(2019, 2025)}-{random_date(rng)[-5:]}"]) for _ in range(2)
        )
        expected = oracle.value("timediff(?1, ?2)", a, b)
        assert identical(kernel.value("fn_timediff", STMT, a, b), expected), (a, b, expected)


def test_now_stands_still_while_a_statement_runs() -> None:
    clock = iter(range(1706704496789, 1706704499000))
    kernel = ValuesKernel(
        ["turso_wasm.kernel.functions.datetime"],
        {"host_now": lambda: float(next(clock)), "host_utc_offset": offset_here},
    )
    assert kernel.variadic("fn_datetime", ["now"]) == "2024-01-31 12:34:56"
    assert kernel.variadic("fn_datetime", ["now", "subsec"]) == "2024-01-31 12:34:56.789"
    assert kernel.variadic("fn_datetime", ["subsec"]) == "2024-01-31 12:34:56.789"
    assert kernel.variadic("fn_date", []) == "2024-01-31"
    assert kernel.value("fn_current_date", STMT) == "2024-01-31"
    assert kernel.value("fn_current_time", STMT) == "12:34:56"
    assert kernel.value("fn_current_timestamp", STMT) == "2024-01-31 12:34:56"
    assert kernel.value("fn_timediff", STMT, "now", "now") == "+0000-00-00 00:00:00.000"
    assert kernel.variadic("fn_unixepoch", ["now", "subsec"]) == 1706704496.789
    kernel.write(kernel.statement + Run.offset("now"), bytes(8))
    assert kernel.variadic("fn_unixepoch", ["now", "subsec"]) == 1706704496.79


@pytest.fixture(params=["EST5EDT,M3.2.0,M11.1.0", "IST-5:30", "LHST-10:30LHDT-11,M10.1.0,M4.1.0", "UTC0"])
def zone(request: pytest.FixtureRequest) -> Iterator[str]:
    """A time zone, for us and for SQLite."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = request.param
    time.tzset()
    yield request.param
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


def test_local_time(kernel: ValuesKernel, zone: str) -> None:
    rng = random.Random(zone)
    for _ in range(ROUNDS // 2):
        year = rng.choice([rng.randint(1, 9998), rng.randint(1970, 2040)])
        date = f"{year:04d}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        value = f"{date} {rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:15.250{rng.choice(['', '', 'Z', '+02:00'])}"
        words = ["localtime", "utc", "+1 day", "start of month", "subsec", "-3 hours", "+1 month"]
        check(kernel, value, *(rng.choice(words) for _ in range(rng.choice([1, 1, 2, 3]))))
        check(kernel, rng.randint(0, 2**31), "unixepoch", rng.choice(["localtime", "utc"]))


def test_local_time_around_the_change_of_clocks(kernel: ValuesKernel, zone: str) -> None:
    for date in ["2024-03-10", "2024-11-03", "2024-10-06", "2024-04-07"]:
        for hour in range(24):
            for minute in (0, 30):
                value = f"{date} {hour:02d}:{minute:02d}:00"
                check(kernel, value, "utc")
                check(kernel, value, "localtime")
