"""Files written by SQLite are read completely: forward, backward, by key, column by column."""

from __future__ import annotations

import random

import pytest

from tests.harness.btree import SEEK_GE, SEEK_GT, SEEK_LE, SEEK_LT, Trees, Value, ask_sqlite, make_file, record

COLUMNS = 7


def sql_literal(value: Value) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return f"x'{value.hex()}'" if isinstance(value, bytes) else repr(value)


def random_rows(rnd: random.Random, n: int, page_size: int) -> list[tuple[Value, ...]]:
    """Rows of seven columns, some of them long enough for overflow pages at every place."""

    def value() -> Value:
        size = rnd.choice((0, 3, 3, 20, 20, 200, page_size if rnd.random() < 0.2 else 9))
        return rnd.choice(
            (
                None,
                rnd.randrange(2 ** rnd.randrange(1, 63)) * rnd.choice((1, -1)),
                rnd.random() * 1e6,
                "".join(rnd.choice("abc äß") for _ in range(size)),
                rnd.randbytes(size),
            )
        )

    return [tuple(value() for _ in range(COLUMNS)) for _ in range(n)]


def insert_statements(table: str, rows: list[tuple[Value, ...]]) -> str:
    return "".join(f"INSERT INTO {table} VALUES ({', '.join(map(sql_literal, row))});" for row in rows)


@pytest.mark.parametrize("auto_vacuum", (0, 1))
@pytest.mark.parametrize("page_size", (512, 4096, 65536))
def test_rowid_table(page_size: int, auto_vacuum: int) -> None:
    rnd = random.Random(page_size)
    sql = "CREATE TABLE t(a, b, c, d, e, f, g); BEGIN;"
    sql += insert_statements("t", random_rows(rnd, 300, page_size))
    content = make_file(sql + "COMMIT; DELETE FROM t WHERE rowid % 7 = 3", page_size, auto_vacuum)
    db = Trees(content)
    tree = db.table("t")
    rows = {row[0]: row[1:] for row in ask_sqlite(content, "SELECT rowid, * FROM t")[0]}
    want = [(rowid, record(row)) for rowid, row in rows.items()]
    assert tree.scan() == want
    assert tree.scan(backward=True) == want[::-1]
    assert tree.count() == len(rows)
    for rowid in range(-1, 303):
        assert tree.seek(rowid) == (rowid in rows)
        found = {
            SEEK_GE: min((r for r in rows if r >= rowid), default=None),
            SEEK_GT: min((r for r in rows if r > rowid), default=None),
            SEEK_LE: max((r for r in rows if r <= rowid), default=None),
            SEEK_LT: max((r for r in rows if r < rowid), default=None),
        }
        for op, other in found.items():
            assert tree.seek(rowid, op) == (other is not None)
            assert other is None or tree.rowid == other
    for rowid, row in rows.items():
        assert tree.seek(rowid)
        columns = list(range(COLUMNS))
        rnd.shuffle(columns)
        assert [tree.column(i) for i in columns] == [row[i] for i in columns]
        mask = rnd.randrange(1, 2**COLUMNS)
        assert tree.columns(mask) == {i: row[i] for i in columns if mask >> i & 1}


def test_columns_beyond_the_record_are_null() -> None:
    sql = "CREATE TABLE t(a); INSERT INTO t VALUES (1), (printf('%.9000c', 'x')); ALTER TABLE t ADD COLUMN b"
    db = Trees(make_file(sql))
    tree = db.table("t")
    for rowid in (1, 2):
        assert tree.seek(rowid)
        assert tree.column(1) is None
        assert tree.columns(0b110) == {1: None, 2: None}
        assert tree.call("cursor_column_or", 1, 1, 77) == [1, 77]
    assert tree.value(*tree.call("cursor_column_or", 0, 1, 77)) == "x" * 9000


@pytest.mark.parametrize("page_size", (512, 4096))
def test_without_rowid_table(page_size: int) -> None:
    rnd = random.Random(page_size)
    rows = {row[0]: row for row in random_rows(rnd, 400, page_size) if row[0] is not None}
    sql = "CREATE TABLE t(a PRIMARY KEY, b, c, d, e, f, g) WITHOUT ROWID; BEGIN;"
    content = make_file(sql + insert_statements("t", list(rows.values())) + "COMMIT", page_size)
    db = Trees(content)
    tree = db.index("t", 0)
    want = ask_sqlite(content, "SELECT * FROM t ORDER BY a")[0]
    assert tree.scan() == [record(row) for row in want]
    assert tree.scan(backward=True) == [record(row) for row in want[::-1]]
    assert tree.count() == len(want)
    for i, row in enumerate(want):
        assert tree.seek(row[:1], SEEK_GE) and tree.payload() == record(row)
        assert tree.columns(0b1010101) == {n: row[n] for n in (0, 2, 4, 6)}
        assert tree.seek(row[:1], SEEK_LT) == (i > 0)
        assert i == 0 or tree.payload() == record(want[i - 1])
        assert tree.seek(row[:1], SEEK_GT) == (i < len(want) - 1)
        assert i == len(want) - 1 or tree.payload() == record(want[i + 1])


def test_numbers_compare_by_exact_value() -> None:
    """2**53 and 2**53 + 1 are different keys although they are the same double."""
    big = 2**53
    values = [-(2.0**63), -big - 1, float(-big), -1, -0.5, 0, 0.5, 1, float(big), big + 1, 2**63 - 1, 2.0**63, 1e300]
    sql = "CREATE TABLE t(a PRIMARY KEY) WITHOUT ROWID;" + "".join(f"INSERT INTO t VALUES ({v!r});" for v in values)
    tree = Trees(make_file(sql)).index("t", 0)
    for i, value in enumerate(values):
        assert tree.seek((value,), SEEK_GE) and tree.payload() == record((value,))
        assert tree.seek((value,), SEEK_GT) == (i < len(values) - 1)
        assert i == len(values) - 1 or tree.payload() == record((values[i + 1],))
    assert tree.seek((float(big) + 0,), SEEK_GE) and tree.column(0) == float(big)
    assert tree.seek((big,), SEEK_GE) and tree.column(0) == float(big)  # 2**53 as an integer equals the double
    assert tree.seek((big + 2.0,), SEEK_LT) and tree.column(0) == big + 1


def test_overflow_pages_are_read_only_as_far_as_needed() -> None:
    """A column in front of a long one costs no read; one in the middle of the chain costs the chain up to it."""
    sql = "CREATE TABLE t(a, b, c, d); INSERT INTO t VALUES (7, zeroblob(400000), 8, zeroblob(3000000))"
    content = make_file(sql, 1024)
    db = Trees(content)
    tree = db.table("t")
    assert tree.seek(1)
    before = db.call("cache_misses")
    assert tree.column(0) == 7
    assert db.call("cache_misses") == before
    assert tree.columns(0b100) == {2: 8}
    # 400 pages of the chain, read ahead in windows of up to 256 KiB; not the 3000 pages behind them.
    assert tree.field("overflow_size") < 410_000
    assert tree.payload() == record((7, bytes(400_000), 8, bytes(3_000_000)))
