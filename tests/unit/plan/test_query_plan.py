"""EXPLAIN QUERY PLAN: where we choose SQLite's plan we say it in SQLite's words; golden files show what else we choose.

`tests/plans/*.plan` holds blocks `> statement`, then the plan as `turso_wasm.plan.printer` prints it. They record
our own output: `PLANS=record pytest tests/unit/plan/test_query_plan.py` rewrites them, and the difference is for
reading.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.oracle.planner import catalogs_of, listed, oracle, our_query_plan, plan_of, query_plan
from turso_wasm.plan.printer import print_plan

HERE = Path(__file__).parent
PLANS = sorted((HERE.parents[1] / "plans").glob("*.plan"))
SCHEMA, STATEMENTS = listed(HERE / "query_plans.txt")


@pytest.mark.parametrize("sql", STATEMENTS)
def test_the_query_plan_is_sqlites(sql: str) -> None:
    connection = oracle(SCHEMA)
    assert our_query_plan(catalogs_of(connection), sql) == query_plan(connection, sql)


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_plans_are_as_recorded(path: Path) -> None:
    recorded = path.read_text(encoding="utf-8")
    now = replan(recorded)
    if os.environ.get("PLANS") == "record":
        path.write_text(now, encoding="utf-8")
    assert now == recorded


def replan(text: str) -> str:
    """The file's text with every plan made anew. `= statement` lines are the schema, `> statement` a plan follows."""
    schema = [line[2:] for line in text.splitlines() if line.startswith("= ")]
    catalogs = catalogs_of(oracle(schema))
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("    "):
            continue
        lines.append(line)
        if line.startswith("> "):
            lines.append(print_plan(plan_of(line[2:], catalogs).plan, 2))
    return "\n".join(lines) + "\n"
