"""How long each stage takes on its way from text to Program: `python -m benchmarks.compile_times`.

200 statements of different shapes over ten tables, each compiled once, so nothing comes from a cache; then large ones:
a join of six tables, TPC-H's queries. The browser run executes this file in Pyodide (browser/prepare.js).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

SCHEMA = [
    sql
    for i in range(10)
    for sql in (
        f"CREATE TABLE t{i}(id INTEGER PRIMARY KEY, name TEXT NOT NULL, amount REAL, kind INTEGER, parent INTEGER, "
        "note TEXT DEFAULT '')",
        f"CREATE INDEX t{i}_kind ON t{i}(kind, amount)",
    )
]

_TEMPLATES = (
    "SELECT id, name FROM {t} WHERE id = ?",
    "SELECT * FROM {t} WHERE kind = ? AND amount > 10",
    "SELECT count(*), sum(amount) FROM {t} WHERE name LIKE 'a%'",
    "SELECT kind, count(*), avg(amount) FROM {t} GROUP BY kind ORDER BY 2 DESC",
    "SELECT name, amount FROM {t} ORDER BY amount DESC LIMIT 10",
    "SELECT a.name, b.name FROM {t} a JOIN {u} b ON b.id = a.parent WHERE a.kind = ?",
    "SELECT DISTINCT kind FROM {t} WHERE amount BETWEEN 1 AND 5",
    "SELECT name || ':' || note FROM {t} WHERE parent IS NULL",
    "SELECT upper(name), length(note), coalesce(amount, 0) FROM {t} WHERE kind IN (1, 2, 3)",
    "SELECT max(amount) FROM {t}",
    "SELECT a.id FROM {t} a LEFT JOIN {u} b ON b.parent = a.id WHERE b.id IS NULL",
    "SELECT id FROM {t} WHERE parent IN (SELECT id FROM {u} WHERE kind = 2)",
    "SELECT CASE WHEN amount > 100 THEN 'big' ELSE 'small' END AS size, count(*) FROM {t} GROUP BY size",
    "INSERT INTO {t}(name, amount, kind) VALUES (?, ?, ?)",
    "INSERT INTO {t} VALUES (1, 'a', 2.5, 3, NULL, 'x')",
    "INSERT INTO {t}(name, amount) SELECT name, amount FROM {u} WHERE kind > 5",
    "UPDATE {t} SET amount = amount + 1 WHERE id = ?",
    "UPDATE {t} SET name = ?, note = 'changed' WHERE kind = 4 AND amount < 0",
    "DELETE FROM {t} WHERE id = ?",
    "DELETE FROM {t} WHERE kind = 1 OR note = ''",
)


def statements() -> list[str]:
    """The statements: every template over every table, templates taking turns."""
    return [template.format(t=f"t{i}", u=f"t{(i + 1) % 10}") for i in range(10) for template in _TEMPLATES]


SIX_TABLES = """
SELECT n_name, p_type, sum(l_extendedprice * (1 - l_discount))
FROM customer JOIN orders ON c_custkey = o_custkey JOIN lineitem ON l_orderkey = o_orderkey
    JOIN part ON p_partkey = l_partkey JOIN supplier ON s_suppkey = l_suppkey JOIN nation ON n_nationkey = s_nationkey
WHERE c_mktsegment = ? AND o_orderdate < ? GROUP BY n_name, p_type ORDER BY 3 DESC LIMIT 10"""
ROUNDS = 5


def _catalogs(schema: list[str]) -> Any:
    from turso_wasm.catalog.catalog import Catalog, Catalogs

    rows = []
    for page, sql in enumerate(schema, 2):
        words = sql.replace("(", " ").split()
        kind, name = words[1].lower(), words[2]
        rows.append((kind, name, name if kind == "table" else words[4], 2 * page, sql))
        if " PRIMARY KEY (" in sql:
            rows.append(("index", f"sqlite_autoindex_{name}_1", name, 2 * page + 1, None))
    return Catalogs([Catalog(rows=rows)])


def measure() -> dict[str, float]:
    """Milliseconds of processor time for each stage, the mean of all statements; the schema is parsed before."""
    from turso_wasm.codegen.compile import compile_plan
    from turso_wasm.codegen.program import Program
    from turso_wasm.plan.build import PlanContext, build_plan
    from turso_wasm.runtime import compiler
    from turso_wasm.sql.lexer import normalize, tokenize
    from turso_wasm.sql.parser import parse_tokens

    catalogs = _catalogs(SCHEMA)
    texts = statements()
    for text in texts:
        build_plan(parse_tokens(tokenize(text, 0)), catalogs, PlanContext(text))
    clock = time.process_time
    spent: dict[str, float] = {}

    def stage(name: str, run: Callable[[Any], Any], inputs: list[Any]) -> list[Any]:
        start = clock()
        outputs = [run(given) for given in inputs]
        spent[name] = (clock() - start) * 1000 / len(texts)
        return outputs

    tokens = stage("tokenize", lambda sql: tokenize(sql, 0), texts)
    stage("normalize", normalize, tokens)
    trees = stage("parse", parse_tokens, tokens)
    plans = stage(
        "bind and plan",
        lambda pair: build_plan(pair[0], catalogs, PlanContext(pair[1])),
        list(zip(trees, texts, strict=True)),
    )
    stage("pin literals", lambda pair: compiler._pinned(pair[0].plan, pair[1]), list(zip(plans, tokens, strict=True)))
    programs = stage(
        "generate code",
        lambda planned: compile_plan(
            planned.plan, Program(planned.kind, n_user_params=planned.n_user_params), planned.slots
        ),
        plans,
    )
    stage("serialize", lambda program: program.to_bytes(), programs)
    return spent


def measure_large(schema: str, queries: dict[int, str]) -> dict[str, float]:
    """Milliseconds of processor time from text to Program of the large statements, the least of some rounds; the
    arguments are TPC-H's.
    """
    from turso_wasm.runtime.compiler import compile_statement
    from turso_wasm.sql.lexer import tokenize

    catalogs = _catalogs([sql.strip() for sql in schema.split(";") if sql.strip()])
    texts = {"six tables": SIX_TABLES, **{f"Q{number}": sql for number, sql in queries.items()}}
    spent = dict.fromkeys(texts, float("inf"))
    for _ in range(ROUNDS):
        for name, sql in texts.items():
            start = time.process_time()
            compile_statement(tokenize(sql, 0), catalogs).to_bytes()
            spent[name] = min(spent[name], (time.process_time() - start) * 1000)
    return spent


if __name__ == "__main__":
    from benchmarks.tpch.data import SCHEMA as TPCH
    from benchmarks.tpch.queries import QUERIES

    measure()
    for _name, _ms in measure().items():
        print(f"{_name:20} {_ms:8.3f} ms")
    for _name, _ms in measure_large(TPCH, QUERIES).items():
        print(f"{_name:20} {_ms:8.3f} ms")
