"""A query gives the same rows with every optimization off, one at a time, and with all of them off."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from random import Random
from typing import Any

import pytest

import turso_wasm
from tests.harness.planning import without
from tests.oracle.planner import catalogs_of, oracle, plan_of
from tests.property.plan.queries import Generator
from tests.property.plan.test_random_queries import N_QUERIES, answer, as_set, seeds
from turso_wasm.plan.build import OPTIMIZATIONS, PlanContext, build_plan
from turso_wasm.plan.printer import print_plan
from turso_wasm.runtime import compiler

ALL = "all"


@pytest.mark.parametrize("seed", seeds())
@pytest.mark.parametrize("off", [*OPTIMIZATIONS, ALL])
def test_the_rows_do_not_depend_on_it(off: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    without = frozenset(OPTIMIZATIONS if off == ALL else [off])
    generator = Generator(1000 + seed)
    schema, queries = generator.schema(), [generator.query()[0] for _ in range(N_QUERIES)]
    rows = []
    for context in (PlanContext, partial(PlanContext, without=without)):
        monkeypatch.setattr(compiler, "PlanContext", context)
        connection = turso_wasm.connect(":memory:", isolation_level=None)
        for sql in schema:
            answer(connection.execute, sql)
        rows.append([answer(connection.execute, sql) for sql in queries])
        connection.close()
    for sql, usual, other in zip(queries, *rows, strict=True):
        if isinstance(usual, str) or isinstance(other, str):
            assert usual == other, sql
        else:
            assert as_set(usual) == as_set(other), sql


@pytest.mark.parametrize("seed", seeds())
def test_the_rows_do_not_depend_on_sizes(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs that were planned for tables of any sizes, and do not ask."""
    generator = Generator(3000 + seed)
    schema, queries = generator.schema(), [generator.query()[0] for _ in range(N_QUERIES)]
    connection = turso_wasm.connect(":memory:", isolation_level=None)
    for sql in schema:
        answer(connection.execute, sql)
    usual = [answer(connection.execute, sql) for sql in queries]
    chosen = Random(seed)
    sizes = {(0, root): chosen.choice((1, 3, 9, 12)) for root in range(2, 100)}

    def build(statement: Any, catalogs: Any, context: PlanContext) -> Any:
        planned = build_plan(statement, catalogs, replace(context, sizes=sizes))
        planned.table_sizes = ()
        return planned

    monkeypatch.setattr(compiler, "build_plan", build)
    with without(()):
        for sql, expected in zip(queries, usual, strict=True):
            found = answer(connection.execute, sql)
            if isinstance(expected, str) or isinstance(found, str):
                assert found == expected, sql
            else:
                assert as_set(found) == as_set(expected), sql
    connection.close()


def full_text_schema() -> list[str]:
    """A table with an index USING fts, as SQLite can make it."""
    with turso_wasm.connect(":memory:") as db:
        db.execute("CREATE TABLE texts(id INTEGER PRIMARY KEY, s)")
        db.execute("CREATE INDEX f ON texts USING fts (s)")
        found = [sql for (sql,) in db.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")]
    db.close()
    return found


SCHEMA = [
    *full_text_schema(),
    "CREATE TABLE t(a, b, c)",
    "CREATE INDEX ta ON t(a)",
    "CREATE INDEX tb ON t(b, a)",
    "CREATE TABLE w(x, y)",
    "CREATE INDEX wxy ON w(x, y)",
    "CREATE TABLE n(s TEXT UNIQUE)",
    "CREATE TABLE few(p, q)",
    "CREATE INDEX few_pq ON few(p, q)",
    "ANALYZE",
    "INSERT INTO sqlite_stat1 VALUES ('few', 'few_pq', '9000 3000 10')",
]
STATEMENTS = [
    "SELECT x FROM (SELECT a AS x FROM t WHERE b = 1) WHERE TRUE AND x > 2",
    "SELECT 1 FROM t p LEFT JOIN t q ON p.c = q.c WHERE q.c > 1",
    "SELECT 1 FROM t WHERE (a, b) IN (SELECT b, c FROM t) OR c = 3",
    "SELECT 1 FROM t WHERE c = 1 OR c = 2",
    "SELECT 1 FROM t WHERE a = 1 OR b = 2",
    "SELECT 1 FROM t p, t q WHERE (p.c = q.c AND p.b > 1) OR (p.c = q.c AND p.b < 0)",
    "SELECT 1 FROM t p, t q WHERE p.b = q.a AND q.a = 5",
    "SELECT x FROM (SELECT DISTINCT c AS x FROM t) WHERE x > 2",
    "SELECT 1 FROM t p, t q WHERE q.a > 1 AND p.a = 1",
    "SELECT DISTINCT x FROM w",
    "SELECT DISTINCT y, rowid FROM w",
    "SELECT 1 FROM t p, t q WHERE (p.c = 1 AND q.b > 1) OR (p.c = 2 AND q.b < 0)",
    "SELECT 1 FROM n WHERE s GLOB 'a*'",
    "SELECT 1 FROM t p CROSS JOIN t q ON q.rowid = p.c WHERE q.b > 1",
    "SELECT 1 FROM t WHERE EXISTS (SELECT 1 FROM w WHERE x = c)",
    "SELECT (SELECT max(y) FROM w WHERE x = c) FROM t",
    "SELECT count(*) FROM w WHERE x > 1",
    "SELECT a, count(*) FROM t GROUP BY a HAVING a = 2",
    "SELECT w.x FROM w LEFT JOIN t ON t.rowid = w.y",
    "SELECT 1 FROM w WHERE (x, y) > (1, 2)",
    "SELECT * FROM few WHERE q = 1",
    "SELECT * FROM (SELECT c FROM t UNION ALL SELECT y FROM w) ORDER BY 1 LIMIT 3",
    "SELECT c FROM t UNION ALL SELECT y FROM w ORDER BY 1 LIMIT 3",
    "SELECT 1 FROM t WHERE c IN (SELECT x FROM w)",
    "SELECT 1 FROM t JOIN w ON t.c = w.y",
    "SELECT 1 FROM t p CROSS JOIN t r ON r.c = p.c CROSS JOIN t q ON q.c = p.b",
    "SELECT 1 FROM t p CROSS JOIN t r ON r.c = p.c CROSS JOIN t q ON q.rowid = p.b",
    "SELECT 1 FROM texts WHERE fts_match(s, 'x')",
]


@pytest.mark.parametrize("off", OPTIMIZATIONS)
def test_each_makes_a_difference(off: str) -> None:
    """A name that nothing looks at would be no switch."""
    catalogs = catalogs_of(oracle(SCHEMA))
    large = catalogs.find_table("w")
    assert large is not None
    sizes = {(0, large.root): 10}
    usual = [print_plan(plan_of(sql, catalogs, sizes=sizes).plan) for sql in STATEMENTS]
    other = [print_plan(plan_of(sql, catalogs, without=frozenset({off}), sizes=sizes).plan) for sql in STATEMENTS]
    assert usual != other
