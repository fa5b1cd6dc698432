"""Long chains and deep nests pass through binding, planning and printing; a chain costs no Python frames."""

from __future__ import annotations

import sys
import time

import pytest

from tests.oracle.planner import catalogs_of, oracle, plan_of
from turso_wasm.base.errors import SqlError
from turso_wasm.base.tree import walk
from turso_wasm.plan import build
from turso_wasm.plan.printer import print_plan

CATALOGS = catalogs_of(oracle(["CREATE TABLE t (a, b, c)", "CREATE INDEX t_a ON t (a)"]))


def chain(op: str, n: int, term: str = "a") -> str:
    return f" {op} ".join([term] * n)


CHAINS = [
    *(f"SELECT {chain(op, 1000)} FROM t" for op in ("+", "AND", "OR", "||")),
    *(f"SELECT 1 FROM t WHERE {chain(op, 1000)}" for op in ("+", "AND", "OR", "||")),
    f"SELECT 1 FROM t WHERE {chain('OR', 400, '(a > 1 AND b < 2)')}",
    f"SELECT 1 FROM t WHERE {chain('AND', 400, '(a = 1 OR b = 2)')}",
    f"SELECT x + 1 FROM (SELECT {chain('+', 900)} AS x FROM t) WHERE x > 1 ORDER BY x COLLATE nocase",
    f"SELECT sum({chain('+', 900)}), {chain('*', 900)} FROM t GROUP BY {chain('*', 900)} ORDER BY 2",
    f"SELECT 1 FROM t LEFT JOIN t u ON {chain('+', 900, 'u.a')} WHERE {chain('+', 900, 'u.b')}",
    f"INSERT INTO t SELECT {chain('||', 900)}, 1, 2 FROM t",
]

NESTS = [
    f"SELECT {'abs(' * 500}a{')' * 500} FROM t",
    f"SELECT 1 FROM t WHERE {'coalesce(1, ' * 400}a{')' * 400}",
    f"SELECT {'(a + ' * 500}a{')' * 500} FROM t",
    f"SELECT a{' COLLATE nocase' * 900} FROM t",
    f"SELECT {'CASE a WHEN 1 THEN ' * 300}a{' END' * 300} FROM t",
]


@pytest.mark.parametrize("sql", CHAINS, ids=lambda sql: sql[:40])
def test_chain_needs_no_frames(sql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "with_room", lambda function, *args: function(*args))
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    try:
        plan = plan_of(sql, CATALOGS).plan
        assert print_plan(plan)
    finally:
        sys.setrecursionlimit(usual)


@pytest.mark.parametrize("sql", NESTS, ids=lambda sql: sql[:40])
def test_nest(sql: str) -> None:
    plan = plan_of(sql, CATALOGS).plan
    assert print_plan(plan)


def test_too_deep() -> None:
    with pytest.raises(SqlError, match=r"Expression tree is too large \(maximum depth 1000\)"):
        plan_of(f"SELECT {chain('+', 1001)} FROM t", CATALOGS)


@pytest.mark.parametrize(
    "body",
    [
        "SELECT x.a AS a, y.b AS b FROM {0} x JOIN {0} y ON x.a = y.b",
        "SELECT x.a AS a, count(*) AS b FROM {0} x JOIN {0} y ON x.a = y.b GROUP BY x.a",
        "SELECT a, b FROM {0} WHERE a IN (SELECT b FROM {0})",
        "SELECT a, b FROM {0} UNION SELECT b, a FROM {0}",
    ],
)
def test_common_tables_that_name_the_one_before_twice(body: str) -> None:
    def size(n: int) -> int:
        tables = [f"c{at} AS ({body.format(f'c{at - 1}')})" for at in range(1, n)]
        sql = f"WITH c0 AS (SELECT a, b FROM t), {', '.join(tables)} SELECT count(*) FROM c{n - 1}"
        return len(list(walk((plan_of(sql, CATALOGS).plan,))))

    assert size(24) < 3 * size(12)


JOINS = {
    "chain": [f"n{at}.id = n{at - 1}.k" for at in range(1, 64)],
    "star": [f"n{at}.id = n0.k" for at in range(1, 64)],
    "one value": [f"n{at}.k = n0.k" for at in range(1, 64)],
    "nothing": ["1"],
}


@pytest.mark.parametrize("name", JOINS)
def test_64_tables_are_planned_soon(name: str) -> None:
    catalogs = catalogs_of(oracle(f"CREATE TABLE n{at}(id, k, v)" for at in range(64)))
    tables = ", ".join(f"n{at}" for at in range(64))
    before = time.process_time()
    plan_of(f"SELECT * FROM {tables} WHERE {' AND '.join(JOINS[name])}", catalogs)
    assert time.process_time() - before < 2  # it takes a few tenths


ROWS = (
    "(({0}, b) < (2, a))",
    "((a, {0}) >= (b, {0}))",
    "(({0}, 1) BETWEEN (a, b) AND (1, 2))",
    "(({0}, a) IN ((1, 2), (0, 1)))",
    "(CASE ({0}, 1) WHEN (1, 2) THEN 1 WHEN (2, 3) THEN 3 END)",
    "(((SELECT {0}), a) < (3, b))",
)


@pytest.mark.parametrize("row", ROWS)
def test_rows_in_rows(row: str) -> None:
    """What a comparison needs twice is computed once: the plan grows as the text does."""

    def size(depth: int) -> tuple[int, int]:
        text = "a"
        for _ in range(depth):
            text = row.format(text) if len(text) < 400 else row.replace("{0}", "b").replace("b", text, 1)
        return len(text), len(list(walk((plan_of(f"SELECT {text} FROM t", CATALOGS).plan,))))

    (short, few), (long, many) = size(4), size(9)
    assert many / few < 2 * long / short
