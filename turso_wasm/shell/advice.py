"""`.expert`: which indexes a query would use if it had them.

The schema is copied, without rows but with the statistics of ANALYZE, into a database in memory; there every index that
could serve the query is made, and the planner chooses.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import closing
from itertools import permutations
from typing import TYPE_CHECKING, Final

from turso_wasm.dbapi.connection import Connection
from turso_wasm.dbapi.errors import Error
from turso_wasm.shell import plans
from turso_wasm.shell.formats.values import name, quoted_name
from turso_wasm.sql.lexer import ID, tokenize

if TYPE_CHECKING:
    from turso_wasm.shell.session import Shell

_MOST_COLUMNS: Final = 3  # of an index that is tried
_MOST_NAMED: Final = 6  # columns of a table that permutations are made of
_SCHEMA: Final = (
    "SELECT sql FROM sqlite_schema WHERE sql NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid"
)


def advise(shell: Shell, sql: str) -> Iterator[str]:
    """The CREATE INDEX statements, and the plan with them. Errors: the engine's, of the query itself."""
    shell.connection(sql)
    with closing(_copy(shell)) as copy:
        tried = {}
        for table, columns in _candidates(shell, sql):
            listed = ", ".join(map(name, columns))
            statement = f"({listed})"
            index = f"{table}_idx_{zlib.crc32(statement.encode()):08x}"
            copy.execute(f"CREATE INDEX {quoted_name(index)} ON {quoted_name(table)}{statement}")
            tried[index] = f"CREATE INDEX {name(index)} ON {name(table)}{statement};"
        plan = copy.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
        text = "\n".join([str(row[3]) for row in plan])
        used = [statement for index, statement in tried.items() if f"INDEX {index}" in text]
    yield from used or ["(no new indexes)"]
    yield ""
    yield from list(plans.tree(plan))[1:]
    yield ""


def _copy(shell: Shell) -> Connection:
    copy = Connection(":memory:", isolation_level=None)
    for (statement,) in shell.query(_SCHEMA):
        try:
            copy.execute(statement)
        except Error:  # a shadow table, made by its virtual table
            continue
    if shell.query("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'"):
        copy.execute("ANALYZE sqlite_schema")
        copy.executemany("INSERT INTO sqlite_stat1 VALUES(?, ?, ?)", shell.query("SELECT * FROM sqlite_stat1"))
        copy.execute("ANALYZE sqlite_schema")
    return copy


def _candidates(shell: Shell, sql: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The indexes that could serve: on the columns of each named table that the query names, in every order."""
    tokens = tokenize(sql)
    words = {text.strip('"`[]').lower() for kind, text in zip(tokens.kinds, tokens.texts, strict=False) if kind == ID}
    tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY rowid"
    for (table,) in shell.query(tables):
        if table.lower() not in words or table.startswith("sqlite_"):
            continue
        info = shell.query(f"PRAGMA table_info({quoted_name(table)})")
        named = [row[1] for row in info if row[1].lower() in words][:_MOST_NAMED]
        existing = _existing(shell, table)
        for n in range(1, min(len(named), _MOST_COLUMNS) + 1):
            for columns in permutations(named, n):
                if columns not in existing:
                    yield table, columns


def _existing(shell: Shell, table: str) -> set[tuple[str, ...]]:
    found = set()
    for row in shell.query(f"PRAGMA index_list({quoted_name(table)})"):
        found.add(tuple([each[2] for each in shell.query(f"PRAGMA index_info({quoted_name(row[1])})")]))
    return found
