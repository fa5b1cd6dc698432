"""What preparing a statement says: result columns or the error, the same as SQLite.

The statements are listed in text files. `~` before a statement: we say "not supported yet" (remove the mark when
that changes).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.oracle.planner import catalogs_of, listed, oracle, our_answer, sqlite_answer

HERE = Path(__file__).parent
FILES = ("names.txt", "queries.txt", "writes.txt")


def statements() -> Iterator[tuple[str, str]]:
    for file in FILES:
        for sql in listed(HERE / file)[1]:
            yield file, sql


@pytest.mark.parametrize(("file", "sql"), list(statements()))
def test_a_statement_is_answered_as_sqlite_does(file: str, sql: str) -> None:
    connection = oracle(listed(HERE / file)[0])
    catalogs = catalogs_of(connection)
    if sql.startswith("~ "):
        answer = our_answer(catalogs, sql[2:])
        assert isinstance(answer, str)
        assert answer.startswith("not supported yet: ")
    else:
        assert our_answer(catalogs, sql) == sqlite_answer(connection, sql)
