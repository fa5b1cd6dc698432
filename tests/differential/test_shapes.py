"""Statements that are deep or wide: many operands of a compound, nested subqueries; answered as SQLite answers them.

Each is run whole, and with a suspension at every loop iteration.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import apsw
import pytest

import turso_wasm as turso
from tests.harness.pieces import run_in_pieces

OPERATORS = ("UNION", "UNION ALL", "EXCEPT", "INTERSECT")
SCHEMA = "CREATE TABLE p(x); INSERT INTO p VALUES (1), (2), (3), (NULL), ('a')"


@pytest.fixture(params=["whole", "in pieces"])
def answers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Compare the answers to a query."""
    if request.param == "in pieces":
        run_in_pieces(monkeypatch)
    ours, oracle = turso.connect(":memory:", isolation_level=None), apsw.Connection(":memory:")
    ours.executescript(SCHEMA)
    oracle.execute(SCHEMA)

    def compare(sql: str) -> None:
        expected = oracle.execute(sql).fetchall()
        got = ours.execute(sql).fetchall()
        assert [list(map(repr, row)) for row in got] == [list(map(repr, row)) for row in expected], sql[:300]

    yield compare
    ours.close()


@pytest.mark.parametrize("n", [2, 5, 12, 40])
def test_compounds_of_any_operators(answers: Callable[[str], None], n: int) -> None:
    rng = random.Random(n)
    for _ in range(4 if n < 40 else 1):
        operands = [f"SELECT x * {rng.choice(['1', '1.0', '2'])} + {rng.randint(0, 3)} FROM p" for _ in range(n)]
        sql = operands[0] + "".join(f" {rng.choice(OPERATORS)} {operand}" for operand in operands[1:])
        answers(sql + " ORDER BY 1")


@pytest.mark.parametrize("operator", OPERATORS)
def test_many_operands(answers: Callable[[str], None], operator: str) -> None:
    answers(
        f" {operator} ".join(f"SELECT x + {n} FROM p" for n in range(500 if operator == "UNION ALL" else 120))
        + " ORDER BY 1"
    )


@pytest.mark.parametrize("n", [1, 2, 3, 4, 10, 20])
def test_subqueries_in_subqueries(answers: Callable[[str], None], n: int) -> None:
    answers("SELECT " + "(SELECT " * n + "1" + ")" * n)
    answers("SELECT x FROM p WHERE " + "x IN (SELECT x FROM p WHERE " * n + "x = 2" + ")" * n)
    answers("SELECT x FROM p WHERE " + "x NOT IN (SELECT x FROM p WHERE x <> 1 AND " * n + "x = 2" + ")" * n)
    answers("SELECT " + "coalesce((SELECT max(x) FROM p WHERE x < " * n + "3" + "), 0)" * n)
    inner = "".join(f"EXISTS (SELECT 1 FROM p p{i} WHERE p{i}.x = p{i - 1}.x AND " for i in range(1, n + 1))
    answers(f"SELECT x FROM p p0 WHERE {inner} 1" + ")" * n)
    outer = "".join(f"(SELECT p{i}.x + " for i in range(1, n + 1))
    limits = "".join(f" FROM p p{i} WHERE p{i}.x >= p{i - 1}.x ORDER BY 1 LIMIT 1)" for i in range(n, 0, -1))
    answers(f"SELECT {outer} 0 {limits} FROM p p0")


def test_arms_that_are_left_early(answers: Callable[[str], None]) -> None:
    many = " UNION ALL ".join(f"SELECT x + {n} AS y FROM p" for n in range(80))
    correlated = " UNION ALL ".join(f"SELECT q.x + {n} + p.x AS y FROM p q" for n in range(80))
    answers(f"SELECT x FROM p WHERE EXISTS (SELECT 1 FROM ({many}) WHERE y = p.x + 5)")
    answers(f"SELECT x, (SELECT group_concat(y) FROM (SELECT y FROM ({correlated}) LIMIT 70)) FROM p")
    answers(f"SELECT * FROM ({many}) LIMIT 3 OFFSET 100")
    answers(f"SELECT a.x, b.y FROM p a LEFT JOIN ({many}) b ON b.y = a.x + 70 ORDER BY 1, 2")


def test_texts_of_subqueries_outlive_their_rows(answers: Callable[[str], None]) -> None:
    answers("SELECT (SELECT group_concat(q.x || 'é' || p.x) FROM p q), (SELECT hex(p.x) || 'b') FROM p")
    answers("SELECT x, (SELECT 'k' || (SELECT 'j' || q.x FROM p q WHERE q.x = p.x)) FROM p ORDER BY 2")
    answers("SELECT (SELECT 'once' || max(x) FROM p) || x FROM p")


def nested_joins(n: int, kind: str, on: str) -> str:
    joined = f"p p{n - 1} {kind} JOIN p p{n} ON p{n - 1}.x {on} p{n}.x"
    for i in range(n - 2, -1, -1):
        joined = f"p p{i} {kind} JOIN ({joined}) ON p{i}.x {on} p{i + 1}.x"
    return f"SELECT p0.x, p{n}.x FROM {joined} ORDER BY 1, 2"


@pytest.mark.parametrize("n", [4, 12, 16, 19])
@pytest.mark.parametrize(("kind", "on"), [("LEFT", "="), ("LEFT", "<"), ("FULL", "="), ("", "=")])
def test_joins_in_joins(answers: Callable[[str], None], n: int, kind: str, on: str) -> None:
    answers(nested_joins(n, kind, on))


def test_what_no_code_of_fits_the_stack_says_so() -> None:
    with turso.connect(":memory:") as ours:
        ours.executescript(SCHEMA)
        with pytest.raises(turso.OperationalError, match="statement too complex: its code needs more stack"):
            ours.execute(nested_joins(40, "LEFT", "=")).fetchall()
        assert ours.execute("SELECT count(*) FROM p").fetchone() == (5,)


def test_code_that_does_not_fit_the_stack_begins_again(answers: Callable[[str], None]) -> None:
    joined = nested_joins(16, "LEFT", "=").replace(" ORDER BY 1, 2", "")
    answers(f"SELECT x, (SELECT max(x) FROM (SELECT x, 1 FROM p UNION ALL {joined})) FROM p")


def test_large_programs_that_write() -> None:
    joined = nested_joins(16, "LEFT", "=").replace(" ORDER BY 1, 2", "")
    with turso.connect(":memory:", isolation_level=None) as ours:
        ours.executescript(SCHEMA + "; CREATE TABLE w(a, b)")
        for begin in ("SELECT 1", "BEGIN"):
            ours.execute(begin)
            ours.execute("INSERT INTO w VALUES (0, 0)")
            ours.execute(f"INSERT INTO w {joined} LIMIT {len(begin)}")
        assert ours.execute("SELECT count(*) FROM w").fetchone() == (12,)
