"""Planning without an engine: catalogs read from an oracle database, and what SQLite says of the same statement."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import apsw

from turso_wasm.base.errors import SqlError
from turso_wasm.catalog.catalog import Catalog, Catalogs
from turso_wasm.plan import nodes
from turso_wasm.plan.build import PlanContext, Planned, build_plan
from turso_wasm.runtime.pragmas import compile_pragma
from turso_wasm.sql.parser import parse_one

ROWS = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema"


def oracle(statements: Iterable[str]) -> apsw.Connection:
    """An in-memory SQLite database that has run the statements."""
    connection = apsw.Connection(":memory:")
    for sql in statements:
        connection.execute(sql).fetchall()
    return connection


def catalogs_of(connection: apsw.Connection) -> Catalogs:
    """The catalogs of an oracle database, with its statistics if it has been analyzed."""
    rows = list(connection.execute(ROWS))
    statistics = []
    if any(row[1] == "sqlite_stat1" for row in rows):
        statistics = list(connection.execute("SELECT tbl, idx, stat FROM sqlite_stat1"))
    temp = list(connection.execute(ROWS.replace("sqlite_schema", "sqlite_temp_schema")))
    return Catalogs([Catalog(0, "main", rows, statistics=statistics), Catalog(1, "temp", temp)])


def plan_of(sql: str, catalogs: Catalogs, **context: Any) -> Planned:
    """The plan of one statement."""
    statement, _ = parse_one(sql)
    assert statement is not None
    pragmas = partial(compile_pragma, catalogs=catalogs)
    return build_plan(statement, catalogs, PlanContext(sql, plan_pragma=pragmas, **context))


class _Prepared(Exception):
    """Raised instead of running a statement."""


def sqlite_answer(connection: apsw.Connection, sql: str) -> list[tuple[str, str | None]] | str:
    """What preparing says: the result columns (name, declared type), or the error message. Nothing is run."""
    columns: list[tuple[str, str | None]] = []

    def stop(cursor: apsw.Cursor, sql: str, bindings: object) -> bool:
        columns.extend((column[0], column[1]) for column in cursor.getdescription())
        raise _Prepared

    cursor = connection.cursor()
    cursor.exec_trace = stop
    try:
        cursor.execute(sql, can_cache=False).fetchall()
    except _Prepared:
        return columns
    except apsw.BindingsError:
        return "bindings"
    except apsw.Error as error:
        return str(error)
    return columns


def our_answer(catalogs: Catalogs, sql: str) -> list[tuple[str, str | None]] | str:
    """As `sqlite_answer`, from our planner."""
    try:
        planned = plan_of(sql, catalogs)
    except SqlError as error:
        return error.message
    return "bindings" if planned.n_user_params else [(column.name, column.decltype) for column in planned.columns]


def query_plan(connection: apsw.Connection, sql: str) -> str:
    """SQLite's EXPLAIN QUERY PLAN, two spaces a level."""
    depth = {0: -1}
    lines = []
    for number, parent, _, detail in connection.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?")):
        depth[number] = depth.get(parent, -1) + 1
        lines.append("  " * depth[number] + detail)
    return "\n".join(lines)


def our_query_plan(catalogs: Catalogs, sql: str) -> str:
    """Our EXPLAIN QUERY PLAN, two spaces a level."""
    plan = plan_of(f"EXPLAIN QUERY PLAN {sql}", catalogs).plan
    assert isinstance(plan, nodes.Output)
    if not isinstance(plan.child, nodes.Values):
        return ""
    depth = {0: -1}
    lines = []
    for row in plan.child.rows:
        number, parent, _, detail = (value.value for value in row)  # type: ignore[attr-defined]
        depth[number] = depth[parent] + 1
        lines.append("  " * depth[number] + detail)
    return "\n".join(lines)


def listed(path: Path) -> tuple[list[str], list[str]]:
    """A list file: statements of the schema, a line of dashes, then one statement a line; # begins a comment."""
    text = re.sub(r"^#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    schema, _, statements = text.partition("\n----\n")
    return [line for line in schema.splitlines() if line], [line for line in statements.splitlines() if line]
