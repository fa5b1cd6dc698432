"""Equations between queries that hold in every database, so that our engine alone can be asked.

Each law has two sides; a side is queries whose rows taken together are compared, and statements before and after.
"""

from __future__ import annotations

from tests.fuzz.statements import Law, Statement
from turso_wasm.sql import lexer

Side = tuple[list[Statement], list[str], list[str]]
LITERALS = {lexer.INTEGER, lexer.REAL, lexer.STRING, lexer.BLOB}


def reference(law: Law) -> str:
    """The query the law is about."""
    return f"SELECT {law.columns} FROM {law.source} WHERE {law.predicate}"


def side(*queries: str, before: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> Side:
    """One side of an equation."""
    return [Statement(query) for query in queries], list(before), list(after)


def sides(law: Law, indexes: list[str]) -> tuple[Side, Side]:
    """Both sides of the equation; indexes: those of the database."""
    query = reference(law)
    select = f"SELECT {law.columns} FROM {law.source}"
    back = ("ROLLBACK TO fuzz_law", "RELEASE fuzz_law")
    names = ", ".join(f"q{i}" for i in range(law.columns.count(" AS q")))
    match law.name:
        case "unoptimized":
            return side(query), side(query)
        case "count":
            counted = f"SELECT coalesce(sum(CASE WHEN {law.predicate} THEN 1 ELSE 0 END), 0) FROM {law.source}"
            return side(f"SELECT count(*) FROM {law.source} WHERE {law.predicate}"), side(counted)
        case "partition":
            p = law.predicate
            return side(select), side(query, f"{select} WHERE NOT ({p})", f"{select} WHERE ({p}) IS NULL")
        case "not indexed":
            return side(query), side(f"SELECT {law.columns} FROM {law.source} WHERE {law.predicate} OR NULL")
        case "swapped":
            swapped = f"SELECT {law.columns} FROM (SELECT 1 AS fuzz_one) AS fuzz_q, {law.source} WHERE {law.predicate}"
            return side(query), side(swapped if " RIGHT " not in query and " FULL " not in query else query)
        case "subquery":
            return side(query), side(f"SELECT * FROM ({query})")
        case "common":
            return side(query), side(f"WITH fuzz_w({names}) AS ({query}) SELECT * FROM fuzz_w")
        case "view":
            made = ("SAVEPOINT fuzz_law", f"CREATE TEMP VIEW fuzz_v AS {query}")
            return side(query), side("SELECT * FROM fuzz_v", before=made, after=back)
        case "materialized":
            kept = f"WITH fuzz_w({names}) AS MATERIALIZED ({query}) SELECT * FROM fuzz_w"
            return side(query), side(kept)
        case "twice":
            return side(query, query), side(f"{query} UNION ALL {query}")
        case "on":
            joined = f"SELECT {law.columns} FROM {law.source} JOIN (SELECT 1 AS fuzz_one) AS fuzz_q ON {law.predicate}"
            return side(query), side(joined)
        case "correlated":
            return side(query), side(f"{select} WHERE EXISTS (SELECT 1 WHERE {law.predicate})")
        case "scalar":
            return side(query), side(f"{select} WHERE (SELECT {law.predicate})")
        case "exists":
            found = f"SELECT count(*) > 0 FROM {law.source} WHERE {law.predicate}"
            return side(f"SELECT EXISTS ({query})"), side(found)
        case "distinct":
            grouped = f"SELECT count(*) FROM (SELECT 1 FROM ({query}) GROUP BY {names})"
            distinct = query.replace("SELECT", "SELECT DISTINCT", 1)
            return side(f"SELECT count(*) FROM ({distinct})"), side(grouped)
        case "filter":
            both = f"SELECT count(*), (SELECT count(*) FROM {law.source}) FROM {law.source} WHERE {law.predicate}"
            return side(both), side(f"SELECT count(*) FILTER (WHERE {law.predicate}), count(*) FROM {law.source}")
        case "window":
            counted = f"SELECT {law.columns}, count(*) OVER () AS fuzz_n FROM {law.source} WHERE {law.predicate}"
            return side(query), side(f"SELECT {names} FROM ({counted})")
        case "bound":
            text, values = bound(law.predicate)
            return side(query), ([Statement(f"{select} WHERE {text}", values)], [], [])
        case _:
            dropped = tuple(f'DROP INDEX "{index}"' for index in indexes)
            hinted = "INDEXED BY" in query
            return side(query), side(query, before=("SAVEPOINT fuzz_law", *(() if hinted else dropped)), after=back)


def text(law: Law) -> list[str]:
    """The law, readable."""
    lines = [f"-- on the second side without {', '.join(law.without)}"] if law.without else []
    for queries, before, after in sides(law, []):
        lines += [*(f"{statement};" for statement in before)]
        lines += [f"{query.sql}; -- {query.parameters}" if query.parameters else f"{query.sql};" for query in queries]
        lines += [f"{statement};" for statement in after]
    return lines


def bound(predicate: str) -> tuple[str, tuple[object, ...]]:
    """(the predicate with parameters for its literals, their values); places that take only literals are left alone."""
    tokens = lexer.tokenize(predicate)
    words = set(tokens.kinds)
    if "likelihood" in predicate or words & {"ORDER", "GROUP", "LIMIT", "CAST", "AS", "VALUES", lexer.ROWS}:
        return predicate, ()
    values: list[object] = []
    parts: list[str] = []
    end = 0
    literals = iter(zip(tokens.literal_at, tokens.literals, strict=False))
    for at, value in literals:
        if tokens.kinds[at] not in LITERALS or (tokens.kinds[at] == lexer.STRING and tokens.kinds[at + 1] == "."):
            continue
        if tokens.kinds[at - 1] in ("ESCAPE", "COLLATE", "."):
            continue
        parts += [predicate[end : tokens.starts[at]], "?"]
        values.append(value)
        end = tokens.ends[at]
    return "".join([*parts, predicate[end:]]), tuple(values)


__all__ = ["bound", "reference", "sides", "text"]
