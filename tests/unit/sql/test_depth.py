"""How deep and how large a statement may be: we refuse what SQLite refuses, from the same size on, in its words."""

from __future__ import annotations

from collections.abc import Callable

import apsw
import pytest

import turso_wasm
from turso_wasm.base.errors import SqlError
from turso_wasm.sql.parser import parse_one
from turso_wasm.sql.printer import print_sql

MOST = 1200


def nested(before: str, innermost: str, after: str) -> Callable[[int], str]:
    return lambda n: f"SELECT {before * n}{innermost}{after * n} FROM t"


def subqueries(before: str) -> Callable[[int], str]:
    return lambda n: f"{before}(" * n + "SELECT 1" + ")" * n


def chain(template: str) -> Callable[[int], str]:
    return lambda n: template.format("1+" * n + "1")


FAMILIES = {
    "parentheses": nested("(", "a", ")"),
    "minus": nested("- ", "a", ""),
    "not": nested("NOT ", "a", ""),
    "calls": nested("abs(", "a", ")"),
    "case": nested("CASE WHEN 1 THEN ", "a", " END"),
    "case operand": nested("CASE ", "a", " WHEN 1 THEN 1 END"),
    "cast": nested("CAST(", "a", " AS INT)"),
    "cast and minus": nested("- CAST(", "a", " AS INT)"),
    "right-leaning sums": nested("(1+", "a", ")"),
    "between": nested("1 BETWEEN 0 AND (", "a", ")"),
    "in constant": nested("1 IN (", "1", ")"),
    "not in constant": nested("1 NOT IN (", "1", ")"),
    "in two": nested("1 IN (", "1", ", 2)"),
    "in column": nested("1 IN (", "a", ")"),
    "in call": nested("1 IN (", "abs(1)", ")"),
    "in like": nested("1 IN (", "1 LIKE 2", ")"),
    "in true": nested("1 IN (", "true", ")"),
    "collate": nested("", "a", " COLLATE nocase"),
    "is null chain": nested("", "a", " IS NULL"),
    "not null chain": nested("", "a", " NOT NULL"),
    "in chain": nested("", "a", " IN (1)"),
    "in two chain": nested("", "a", " IN (1, 2)"),
    "not in chain": nested("", "a", " NOT IN (1, 2)"),
    "not like chain": nested("", "a", " NOT LIKE 1"),
    "between chain": nested("", "a", " NOT BETWEEN 0 AND 1"),
    "or chain": nested("", "a", " OR a"),
    "scalar subqueries": subqueries("SELECT "),
    "sums with subqueries": subqueries("SELECT 1 + "),
    "exists": subqueries("SELECT EXISTS "),
    "not exists": subqueries("SELECT NOT EXISTS "),
    "in subqueries": subqueries("SELECT 1 IN "),
    "not in subqueries": subqueries("SELECT 1 NOT IN "),
    "subqueries in WHERE": subqueries("SELECT 1 WHERE "),
    "subqueries in FROM": subqueries("SELECT * FROM "),
    "subqueries in ORDER BY": subqueries("SELECT 1 ORDER BY "),
    "subqueries in GROUP BY": subqueries("SELECT 1 GROUP BY "),
    "subqueries in HAVING": subqueries("SELECT 1 GROUP BY 1 HAVING "),
    "subqueries in LIMIT": subqueries("SELECT 1 LIMIT "),
    "subqueries in ON": subqueries("SELECT 1 FROM t JOIN t AS u ON "),
    "result": chain("SELECT {}"),
    "argument": chain("SELECT abs({})"),
    "filter": chain("SELECT count(*) FILTER (WHERE {})"),
    "subquery in a filter": chain("SELECT count(*) FILTER (WHERE (SELECT {}))"),
    "row value": chain("SELECT (1, {}) = (2, 3)"),
    "subquery in a row value": chain("SELECT (1, (SELECT {})) = (2, 3)"),
    "in a subquery": chain("SELECT (SELECT {})"),
    "two subqueries deep": chain("SELECT (SELECT (SELECT {}))"),
    "beside a subquery": lambda n: "SELECT " + "1+" * n + "(SELECT " + "1+" * 300 + "1)",
    "in FROM of a subquery": chain("SELECT (SELECT x FROM (SELECT {} AS x))"),
    "in FROM twice": chain("SELECT x FROM (SELECT x FROM (SELECT {} AS x))"),
    "in WITH of a subquery": chain("SELECT (WITH c(x) AS (SELECT {}) SELECT x FROM c)"),
    "limit": chain("SELECT 1 LIMIT {}"),
    "limit in a subquery": chain("SELECT (SELECT 1 LIMIT {})"),
    "where in a subquery": chain("SELECT (SELECT 1 WHERE {})"),
    "compound": chain("SELECT 1 UNION ALL SELECT {}"),
    "compound in a subquery": chain("SELECT (SELECT 1 UNION ALL SELECT {})"),
    "values": chain("VALUES ({})"),
    "values in a subquery": chain("SELECT (VALUES ({}))"),
    "insert": chain("INSERT INTO t VALUES ((SELECT {}), 1)"),
    "update": chain("UPDATE t SET a = (SELECT {})"),
    "delete": chain("DELETE FROM t WHERE a = (SELECT {})"),
    "arms of UNION": lambda n: " UNION ".join(["SELECT 1"] * n),
    "arms of UNION ALL": lambda n: " UNION ALL ".join(["SELECT 1"] * n),
    "arms of VALUES": lambda n: " UNION ALL ".join(["VALUES (1), (2)"] * n),
    "rows of VALUES": lambda n: "VALUES " + ", ".join(["(1 + 1)"] * n),
}


@pytest.fixture(scope="module")
def oracle() -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t(a, b)")
    return connection


def sqlite_refusal(oracle: apsw.Connection, sql: str) -> str | None:
    try:
        oracle.execute(sql, can_cache=False).close()
    except apsw.Error as error:
        return str(error)
    return None


def our_refusal(sql: str) -> str | None:
    try:
        statement, _ = parse_one(sql)
    except SqlError as error:
        return error.message
    assert statement is not None
    print_sql(statement)
    return None


@pytest.mark.parametrize("family", FAMILIES)
def test_limit(family: str, oracle: apsw.Connection) -> None:
    make = FAMILIES[family]
    allowed, refused = 1, MOST
    if sqlite_refusal(oracle, make(MOST)) is None:
        assert our_refusal(make(MOST)) is None
        return
    while refused - allowed > 1:
        middle = (allowed + refused) // 2
        if sqlite_refusal(oracle, make(middle)) is None:
            allowed = middle
        else:
            refused = middle
    assert our_refusal(make(allowed)) is None
    assert our_refusal(make(refused)) == sqlite_refusal(oracle, make(refused))


def listed(n: int, template: str = "{}") -> str:
    return ", ".join(template.format(i) for i in range(n))


LISTS = {
    "result columns": lambda n: f"SELECT {listed(n)}",
    "star": lambda n: f"SELECT * FROM (SELECT {listed(n - 1000)}), (SELECT {listed(1000)})",
    "table columns": lambda n: f"CREATE TABLE t{n} ({listed(n, 'c{}')})",
    "key columns": lambda n: f"CREATE TABLE u{n} (a, b, UNIQUE ({listed(n, 'a')}))",
    "table from a query": lambda n: f"CREATE TABLE s{n} AS SELECT {listed(n)}",
    "index columns": lambda n: f"CREATE INDEX i{n} ON t ({listed(n, 'a')})",
    "order by": lambda n: f"SELECT 1 ORDER BY {listed(n, '1 + {}')}",
    "order by of a compound": lambda n: f"SELECT 1 UNION SELECT 2 ORDER BY {listed(n, '1')}",
    "group by": lambda n: f"SELECT 1 GROUP BY {listed(n, '1 + {}')}",
    "values": lambda n: f"VALUES ({listed(n)})",
    "rows of values": lambda n: f"VALUES ({listed(n)}), ({listed(n)})",
    "set": lambda n: f"UPDATE t SET {listed(n, 'a = {}')}",
    "set a row": lambda n: f"UPDATE t SET ({listed(n, 'a')}) = ({listed(n)})",
    "returning": lambda n: f"DELETE FROM t RETURNING {listed(n)}",
}


@pytest.mark.parametrize("family", LISTS)
def test_number_of_columns(family: str, oracle: apsw.Connection) -> None:
    """Refused above 2000 by both; what is accepted is run elsewhere."""
    sql = LISTS[family](2001)
    message = sqlite_refusal(oracle, sql)
    assert message is not None
    connection = turso_wasm.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE t(a, b)")
    with pytest.raises(turso_wasm.OperationalError) as caught:
        connection.execute(sql)
    assert str(caught.value) == message
    connection.close()


ANSWERED = {
    "sum": f"SELECT {'a + ' * 998}a FROM t",
    "concatenation": f"SELECT length({' || '.join(['a'] * 990)}) FROM t",
    "and": "SELECT a FROM t WHERE " + " AND ".join(f"a <> {i + 10}" for i in range(999)),
    "or": "SELECT a FROM t WHERE " + " OR ".join(f"a = {i}" for i in range(990)),
    "equalities": f"SELECT {' = '.join(['a'] * 999)} FROM t",
    "signs": f"SELECT {'- ' * 998}a FROM t",
    "not": f"SELECT {'NOT ' * 998}a FROM t",
    "parentheses": nested("(", "a", ")")(2000),
    "calls": nested("abs(", "a", ")")(800),
    "coalesce": nested("coalesce(", "a", ", 1)")(800),
    "case": nested("CASE WHEN a THEN ", "a", " ELSE 0 END")(490),
    "case operand": nested("CASE ", "a", " WHEN 1 THEN 2 END")(300),
    "arms of CASE": "SELECT CASE a " + " ".join(f"WHEN {i} THEN {-i}" for i in range(600)) + " END FROM t",
    "between": nested("(", "a", ") BETWEEN 0 AND 1")(600),
    "between in between": nested("1 BETWEEN 0 AND (", "a", ")")(490),
    "in": nested("a IN (", "1", ", 2)")(41),
    "in subqueries": subqueries("SELECT 1 IN ")(43),
    "scalar subqueries": subqueries("SELECT ")(43),
    "exists": subqueries("SELECT EXISTS ")(43),
    "from": subqueries("SELECT * FROM ")(200),
    "in a long list": f"SELECT a FROM t WHERE a IN ({listed(30_000)})",
    "union": " UNION ".join(f"SELECT {i % 7}" for i in range(500)) + " ORDER BY 1",
    "values": "SELECT count(*), sum(column1) FROM (VALUES " + ", ".join(f"({i}, 'x')" for i in range(30_000)) + ")",
    "group by": f"SELECT count(*) FROM t GROUP BY {listed(500, 'a + {}')}",
    "row value": f"SELECT 1 FROM t WHERE ({listed(1000)}) = ({listed(1000)})",
}


@pytest.mark.parametrize("family", ANSWERED)
def test_what_is_allowed_is_answered(family: str, oracle: apsw.Connection) -> None:
    oracle.execute("DELETE FROM t; INSERT INTO t VALUES (1, 2), (NULL, 3)")
    connection = turso_wasm.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE t(a, b)")
    connection.execute("INSERT INTO t VALUES (1, 2), (NULL, 3)")
    assert connection.execute(ANSWERED[family]).fetchall() == oracle.execute(ANSWERED[family]).fetchall()
    connection.close()
