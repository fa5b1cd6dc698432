"""Functions beyond SQLite's give in SQL what their Python gives, and what others' definitions of them give."""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import random
import statistics
import urllib.parse
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import pytest

import turso_wasm
from turso_wasm.catalog.library import LIBRARY, body_of
from turso_wasm.library import fuzzy, ipaddr, numbers, text


@pytest.fixture(scope="module")
def db() -> turso_wasm.Connection:
    return turso_wasm.connect(":memory:")


def one(db: turso_wasm.Connection, sql: str, *values: Any) -> Any:
    return db.execute(f"SELECT {sql}", values).fetchone()[0]


@pytest.mark.parametrize("name", LIBRARY)
def test_each_compiles_and_gives_null_for_null(db: turso_wasm.Connection, name: str) -> None:
    entry = LIBRARY[name]
    n = len(body_of(entry).params) - len(entry.given)
    if n:
        assert one(db, f"{name}({', '.join(['NULL'] * n)})") is None
    with pytest.raises(turso_wasm.OperationalError, match=rf"wrong number of arguments to function {name}\(\)"):
        one(db, f"{name}({', '.join(['1'] * (n + 1))})")


EXAMPLES = [
    ("repeat('ab', 3)", "ababab"),
    ("repeat('ab', -1)", ""),
    ("strpos('añb', 'b')", 3),
    ("strpos('añb', 'x')", 0),
    ("char_length('añb') + character_length('日')", 4),
    ("chr(128512)", "😀"),
    ("btrim('  añ ')", "añ"),
    ("btrim('xyaxyx', 'yx')", "a"),
    ("btrim('xx', 'x')", ""),
    ("reverse('añ日x')", "x日ña"),
    ("string_reverse('')", ""),
    ("lpad('ab', 5, 'xyz')", "xyzab"),
    ("lpad(7, 3, 0)", "007"),
    ("lpad('abcdef', 3)", "abc"),
    ("rpad('ab', 5, 'xy')", "abxyx"),
    ("rpad('ab', 0)", ""),
    ("rpad('ab', 9, '')", "ab"),
    ("get_byte(x'0102ff', 2)", 255),
    ("hex(set_byte(x'0102ff', 1, 9))", "0109FF"),
    ("gcd(12, -18)", 6),
    ("lcm(4, 6)", 12),
    ("boolean_to_int(0.5)", 1),
    ("int_to_boolean('7')", 1),
    ("fuzzy_leven('kitten', 'sitting')", 3),
    ("fuzzy_osadist('ca', 'abc')", 3),
    ("fuzzy_damlev('ca', 'abc')", 2),
    ("fuzzy_hamming('karolin', 'kathrin')", 3),
    ("fuzzy_hamming('a', 'ab')", -1),
    ("round(fuzzy_jarowin('MARTHA', 'MARHTA'), 4)", 0.9611),
    ("round(fuzzy_jarowin('DIXON', 'DICKSONX'), 4)", 0.8133),
    ("fuzzy_soundex('Robert')", "R163"),
    ("fuzzy_soundex('Tymczak')", "T522"),
    ("fuzzy_soundex('Ashcraft')", "A261"),
    ("fuzzy_rsoundex('awesome')", "A03080"),
    ("ipcontains('192.168.0.0/16', '192.168.16.3/30')", 1),
    ("ipcontains('192.168.0.0/16', '2001::')", 0),
    ("uuid_str(uuid_blob('{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}'))", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    ("uuid_blob('x')", None),
    ("uuid7_timestamp_ms(uuid4())", None),
    ("fuzzy_caver('awesome')", "AWSM111111"),
    ("fuzzy_caver('Thompson')", "TMPSN11111"),
    ("fuzzy_caver('Lee')", "LA11111111"),
    ("fuzzy_caver('')", ""),
    ("fuzzy_phonetic('awesome')", "ABACAMA"),
    ("fuzzy_phonetic('Schmidt') = fuzzy_phonetic('Schmitt')", 1),
    ("fuzzy_translit('Æther, Привет, Ὀδυσσεύς, ß, ệ, 日')", "Aether, Privet, Odysseys, ss, e, ?"),
    ("fuzzy_script('año')", 215),
    ("fuzzy_script('Привет!')", 220),
    ("fuzzy_script('αβγ')", 200),
    ("fuzzy_script('שלום')", 125),
    ("fuzzy_script('سلام')", 160),
    ("fuzzy_script('aб')", 998),
    ("fuzzy_script('42')", 999),
    ("fuzzy_editdist('abc', 'abc')", 0),
    ("fuzzy_editdist('color', 'colour') < fuzzy_editdist('color', 'colzor')", 1),
    ("time_fmt_iso(time_date(2024, 2, 29, 13, 14, 15, 5, 3600))", "2024-02-29T12:14:15.000000005Z"),
    ("time_fmt_iso(time_date(2023, 14, 30, 25))", "2024-03-02T01:00:00Z"),
    ("time_fmt_iso(time_add_date(time_date(2024, 1, 31), 0, 1, 1), -12600)", "2024-02-29T20:30:00-03:30"),
    ("time_fmt_iso(time_parse('2011-11-18T19:26:35.25+03:30'))", "2011-11-18T15:56:35.250000000Z"),
    ("time_fmt_date(time_trunc(time_date(2024, 11, 29), 'quarter'))", "2024-10-01"),
    ("time_fmt_time(time_round(time_parse('2024-01-01 10:29:30'), dur_m()))", "10:30:00"),
    ("time_fmt_datetime(time_date(-1, 1, 1))", "-0001-01-01 00:00:00"),
    ("time_get(time_unix(-1, 500000000), 'epoch')", -0.5),
    ("time_get(time_unix(59), 'second')", 59),
    ("time_sub(time_date(9999, 1, 1), time_date(1, 1, 1))", 9223372036854775807),
    ("time_compare(time_date(2024, 1, 2), time_date(2024, 1, 1))", 1),
    ("numeric_add('0.1', '0.2')", "0.3"),
    ("numeric_sub(1, 1.50)", "-0.5"),
    ("numeric_mul('-12345678901234567890.5', '1e3')", "-12345678901234567890500.0"),
    ("numeric_div('1', '8')", "0.125"),
    ("length(numeric_div(2, 3))", 102),
    ("hex(numeric_encode('-123.456', 10, 2))", "010102000000000000000100000039300000"),
    ("numeric_decode(numeric_encode('1e30', 40, 1))", "1" + "0" * 30 + ".0"),
    ("numeric_eq('1.50', numeric_encode('1.5', 9, 4))", 1),
    ("numeric_lt(-1, '-0.5')", 1),
]


@pytest.mark.parametrize(("sql", "expected"), EXAMPLES)
def test_examples(db: turso_wasm.Connection, sql: str, expected: Any) -> None:
    assert one(db, sql) == expected


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("get_byte(x'01', 1)", "index out of range"),
        ("validate_ipaddr('300.1.1.1')", "invalid IP address"),
        ("time_get(x'00', 'year')", "invalid time blob"),
        ("time_get(time_unix(0), 'fortnight')", "unknown field of a time"),
        ("time_parse('2023-02-29')", "malformed time"),
        ("time_parse('2023-02-2')", "malformed time"),
        ("time_fmt_iso(time_unix(0), 86400)", "an offset from UTC is less than a day"),
        ("time_unix(9223372036854775807)", r"time_unix\(\) cannot be computed"),
        ("numeric_div('1', '0.0')", "division by zero"),
        ("numeric_add('1', '1x')", "invalid input for type numeric"),
        ("numeric_encode('123.4', 4, 2)", "numeric value out of range"),
        ("numeric_decode(x'0100')", "invalid numeric blob"),
        ("lcm(4611686018427387904, 3)", r"lcm\(\) cannot be computed"),
    ],
)
def test_errors(db: turso_wasm.Connection, sql: str, message: str) -> None:
    with pytest.raises(turso_wasm.OperationalError, match=message):
        one(db, sql)


def test_sql_gives_what_python_gives(db: turso_wasm.Connection) -> None:
    rng = random.Random(1)
    words = ["".join(rng.choices("abcé日 HW", k=rng.randint(0, 8))) for _ in range(40)]
    pairs = (fuzzy.fuzzy_leven, fuzzy.fuzzy_osadist, fuzzy.fuzzy_damlev, fuzzy.fuzzy_hamming, fuzzy.fuzzy_jarowin)
    for function in pairs:
        for a, b in zip(words, reversed(words), strict=True):
            assert one(db, f"{function.__name__}(?, ?)", a, b) == function(a, b), (function.__name__, a, b)
    for function in (fuzzy.fuzzy_soundex, fuzzy.fuzzy_rsoundex, text.reverse):
        for word in words:
            assert one(db, f"{function.__name__}(?)", word) == function(word)
    for _ in range(50):
        a, b = rng.randint(-(2**40), 2**40), rng.randint(-99, 99)
        assert one(db, "gcd(?, ?)", a, b) == numbers.gcd(a, b)


def addresses(rng: random.Random) -> str:
    """An address, sound or not quite."""
    if rng.random() < 0.4:
        found = ".".join(str(rng.choice((0, 1, 9, 10, 127, 255, 256, "01"))) for _ in range(rng.choice((4, 4, 4, 3))))
    else:
        found = str(ipaddress.IPv6Address(rng.getrandbits(128) & rng.choice((-1, (1 << 80) - 1, 0xFFFF << 112))))
        found = rng.choice((found, found.upper(), ipaddress.IPv6Address(found).exploded, found[:-1], found + ":"))
    if rng.random() < 0.5:
        found += f"/{rng.choice((0, 1, 8, 24, 31, 32, 33, 64, 127, 128, 129, ''))}"
    return found


def test_addresses_are_those_of_the_standard_library(db: turso_wasm.Connection) -> None:
    rng = random.Random(2)
    for _ in range(300):
        written = addresses(rng)
        network: str | None
        try:
            network = str(ipaddress.ip_network(written, strict=False))
        except ValueError:
            network = None
        assert one(db, "ipnetwork(?)", written) == network == ipaddr.ipnetwork(written), written


def test_uuids_are_those_of_the_standard_library(db: turso_wasm.Connection) -> None:
    for sql, version in (("uuid4_str()", 4), ("gen_random_uuid()", 4), ("uuid_str(uuid7())", 7), ("uuid7_str()", 7)):
        found = uuid.UUID(one(db, sql))
        assert (found.version, found.variant) == (version, uuid.RFC_4122)
    assert uuid.UUID(bytes=one(db, "uuid4()")).version == 4
    rows = db.execute("SELECT uuid4() FROM generate_series(1, 100)").fetchall()
    assert len(set(rows)) == 100
    low, stamp, high = db.execute(
        "SELECT unixepoch('subsec') * 1000 - 1, uuid7_timestamp_ms(uuid7()), unixepoch('subsec') * 1000 + 1"
    ).fetchone()
    assert low <= stamp <= high


@pytest.mark.parametrize("size", [0, 1, 3, 55, 56, 63, 64, 65, 111, 112, 119, 120, 1000])
def test_digests_and_encodings_are_those_of_the_standard_library(db: turso_wasm.Connection, size: int) -> None:
    data = random.Random(size).randbytes(size)
    for name in ("md5", "sha1", "sha256", "sha384", "sha512"):
        assert one(db, f"crypto_{name}(?)", data) == hashlib.new(name, data, usedforsecurity=False).digest()
    encoders: dict[str, Any] = {
        "hex": lambda raw: raw.hex(),
        "base32": lambda raw: base64.b32encode(raw).decode(),
        "base64": lambda raw: base64.b64encode(raw).decode(),
        "base85": lambda raw: base64.b85encode(raw).decode(),
        "url": lambda raw: urllib.parse.quote(raw, safe=""),
    }
    for how, encode in encoders.items():
        assert one(db, "crypto_encode(?, ?)", data, how) == encode(data)
        assert one(db, "crypto_decode(?, ?)", encode(data), how) == data


@pytest.mark.parametrize("how", ["hex", "base32", "base64", "base85", "url", "base1"])
def test_what_is_no_encoding_is_refused(db: turso_wasm.Connection, how: str) -> None:
    with pytest.raises(turso_wasm.OperationalError, match=r"malformed encoding|unknown encoding"):
        one(db, "crypto_decode('%ü\"', ?)", how)


BLAKE3 = [
    (0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
    (1, "2d3adedff11b61f1"),
    (1023, "10108970eeda3eb9"),
    (1024, "42214739f095a406"),
    (1025, "d00278ae47eb27b3"),
    (3073, "7124b49501012f81"),
    (4097, "9b4052b38f1c5fc8"),
]  # of bytes that count from 0 to 250 again and again: as the official test vectors


@pytest.mark.parametrize(("size", "expected"), BLAKE3)
def test_blake3(db: turso_wasm.Connection, size: int, expected: str) -> None:
    data = bytes(at % 251 for at in range(size))
    assert one(db, "crypto_blake3(?)", data).hex().startswith(expected)


def test_times_are_those_of_the_standard_library(db: turso_wasm.Connection) -> None:
    rng = random.Random(3)
    for _ in range(300):
        moment = datetime(1, 1, 1, tzinfo=UTC) + timedelta(seconds=rng.randrange(315537897600))
        parts = f"{moment:%Y,%m,%d,%H,%M,%S}".split(",")
        sql = f"time_date({', '.join(str(int(part)) for part in parts)})"
        shown = moment.isoformat().replace("+00:00", "Z")
        assert one(db, f"time_fmt_iso({sql})") == shown
        assert one(db, f"time_parse(?) = {sql}", shown) == 1
        year, week, day = moment.isocalendar()
        assert one(db, f"time_get_isoyear({sql}) || time_get_isoweek({sql})") == f"{year}{week}"
        assert one(db, f"time_get({sql}, 'isodow')") == day
        assert one(db, f"time_get_yearday({sql})") == moment.timetuple().tm_yday
        assert one(db, f"time_to_unix({sql})") == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)


def test_decimals_are_those_of_the_standard_library(db: turso_wasm.Connection) -> None:
    rng = random.Random(4)
    with localcontext() as context:
        context.prec = 200
        context.rounding = ROUND_HALF_UP
        for _ in range(200):
            a, b = [f"{rng.randint(-(10 ** rng.randint(0, 25)), 10**20)}.{rng.randint(0, 10**9)}" for _ in range(2)]
            for name, sign in (("add", "+"), ("sub", "-"), ("mul", "*")):
                expected = eval(f"x {sign} y", {"x": Decimal(a), "y": Decimal(b)})
                assert Decimal(one(db, f"numeric_{name}(?, ?)", a, b)) == expected, (a, sign, b)
            context.prec = 100
            assert Decimal(one(db, "numeric_div(?, ?)", a, b)) == (Decimal(a) / Decimal(b)).normalize()
            context.prec = 200
            assert one(db, "numeric_lt(?, ?)", a, b) == (Decimal(a) < Decimal(b))
            assert one(db, "numeric_decode(numeric_encode(?, 100, 10))", a) == f"{Decimal(a):.10f}"


def test_they_stand_in_schemas(db: turso_wasm.Connection) -> None:
    db.executescript(
        "CREATE TABLE host(ip TEXT CHECK (ipfamily(ip) = 4), net TEXT AS (ipnetwork(ip)));"
        "CREATE INDEX host_net ON host(ipnetwork(ip)); INSERT INTO host VALUES ('10.1.2.3/8'), ('10.9.9.9/8')"
    )
    assert db.execute("SELECT count(*) FROM host WHERE ipnetwork(ip) = '10.0.0.0/8'").fetchone() == (2,)
    with pytest.raises(turso_wasm.IntegrityError):
        db.execute("INSERT INTO host VALUES ('::1')")
    with pytest.raises(turso_wasm.OperationalError, match="non-deterministic functions prohibited"):
        db.execute("CREATE INDEX i ON host(uuid4())")


def test_a_name_of_the_users_goes_before() -> None:
    with turso_wasm.connect(":memory:") as db:
        db.create_function("reverse", 1, lambda value: f"mine {value}")
        assert one(db, "reverse('x')") == "mine x"


# --- aggregates -------------------------------------------------------------------------------------------------------

SPREAD = {
    "var_samp": statistics.variance,
    "variance": statistics.variance,
    "var_pop": statistics.pvariance,
    "stddev_samp": statistics.stdev,
    "stddev": statistics.stdev,
    "stddev_pop": statistics.pstdev,
}


@pytest.fixture(scope="module")
def numbers_db() -> turso_wasm.Connection:
    connection = turso_wasm.connect(":memory:")
    rng = random.Random(5)
    connection.execute("CREATE TABLE t(i INTEGER PRIMARY KEY, g, x)")
    values = [rng.choice((rng.gauss(1e6, 3), rng.randint(-9, 9), 1e15, None, "4", "x", b"1")) for _ in range(200)]
    connection.executemany("INSERT INTO t(g, x) VALUES (?, ?)", [(at % 7, value) for at, value in enumerate(values)])
    return connection


def numbers_of(values: list[Any]) -> list[float]:
    return [float(value) for value in values if isinstance(value, int | float) or value == "4"]


@pytest.mark.parametrize("name", SPREAD)
def test_spread(numbers_db: turso_wasm.Connection, name: str) -> None:
    least = 1 if name.endswith("pop") else 2
    rows = numbers_db.execute("SELECT i, g, x FROM t").fetchall()
    for group, found in numbers_db.execute(f"SELECT g, {name}(x) FROM t GROUP BY g"):
        assert found == pytest.approx(SPREAD[name](numbers_of([x for _, g, x in rows if g == group])))
    frame = f"SELECT i, {name}(x) OVER (ORDER BY i ROWS BETWEEN 3 PRECEDING AND 1 FOLLOWING) FROM t"
    for i, found in numbers_db.execute(frame):
        given = numbers_of([x for j, _, x in rows if i - 3 <= j <= i + 1])
        assert found == (pytest.approx(SPREAD[name](given)) if len(given) >= least else None)
    assert one(numbers_db, f"{name}(x) FROM t WHERE 0") is None
    assert one(numbers_db, f"{name}(DISTINCT x) FROM t WHERE x = 4") == (0.0 if least == 1 else None)


def test_within_group(numbers_db: turso_wasm.Connection) -> None:
    for call, plain in (
        ("mode() WITHIN GROUP (ORDER BY g)", "mode(g)"),
        (
            "percentile_cont(0.3) within group (order by g asc) FILTER (WHERE i > 9)",
            "percentile_cont(g, 0.3) FILTER (WHERE i > 9)",
        ),
        (
            "percentile_disc(0.5) WITHIN GROUP (ORDER BY g) OVER (PARTITION BY g)",
            "percentile_disc(g, 0.5) OVER (PARTITION BY g)",
        ),
    ):
        given, expected = (numbers_db.execute(f"SELECT {sql} FROM t").fetchall() for sql in (call, plain))
        assert given == expected
    assert len(numbers_db.execute("SELECT count(*) within FROM t GROUP BY g").fetchall()) == 7  # it is no keyword
    for sql in ("mode() WITHIN GROUP (g)", "mode() WITHIN GROUP (ORDER BY g DESC)", "mode() WITHIN GROUP FROM t"):
        with pytest.raises(turso_wasm.OperationalError, match="syntax error"):
            one(numbers_db, sql)


def test_mode(numbers_db: turso_wasm.Connection) -> None:
    def expected(values: list[Any]) -> Any:
        counts = Counter(value for value in values if value is not None)
        order = {int: 0, float: 0, str: 1, bytes: 2}
        return min(counts, key=lambda v: (-counts[v], order[type(v)], v)) if counts else None

    rows = numbers_db.execute("SELECT i, g, x FROM t").fetchall()
    for group, found in numbers_db.execute("SELECT g, mode(x) FROM t GROUP BY g"):
        assert found == expected([x for _, g, x in rows if g == group])
    for i, found in numbers_db.execute("SELECT i, mode(x) OVER (ORDER BY i ROWS 4 PRECEDING) FROM t"):
        assert found == expected([x for j, _, x in rows if i - 4 <= j <= i])
    assert one(numbers_db, "mode(x) FROM t WHERE 0") is None
