"""Sequences: each is an ordinary table of one row, `__turso_internal_seq_<name>`, which SQLite reads and writes.

value, is_called: the number that comes next, or (is_called) the last one that was given. As in PostgreSQL.
"""

from __future__ import annotations

from typing import Final

from turso_wasm.base.records import dataclass
from turso_wasm.catalog.names import quote_identifier
from turso_wasm.catalog.tables import fail
from turso_wasm.sql import ast

PREFIX: Final = "__turso_internal_seq_"
COLUMNS: Final = ("value", "is_called", "start", "inc", "min", "max", "cycle")
VALUE, IS_CALLED = range(2)

LOWEST: Final = -(2**63)
HIGHEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Sequence:
    """What CREATE SEQUENCE says, with what it leaves out filled in."""

    start: int
    increment: int
    minimum: int
    maximum: int
    cycle: bool

    @property
    def row(self) -> tuple[int, ...]:
        """The row of the new table: COLUMNS."""
        return self.start, 0, self.start, self.increment, self.minimum, self.maximum, int(self.cycle)


def sequence_of(node: ast.CreateSequence) -> Sequence:
    """Errors: "INCREMENT must not be zero", "MINVALUE (5) must be less than MAXVALUE (3)", START outside of them."""
    increment = 1 if node.increment is None else node.increment
    if increment == 0:
        fail("INCREMENT must not be zero", node)
    minimum, maximum = node.minimum, node.maximum
    if minimum is None:
        minimum = 1 if increment > 0 else LOWEST
    if maximum is None:
        maximum = HIGHEST if increment > 0 else -1
    if minimum >= maximum:
        fail(f"MINVALUE ({minimum}) must be less than MAXVALUE ({maximum})", node)
    start = node.start
    if start is None:
        start = minimum if increment > 0 else maximum
    if start < minimum:
        fail(f"START value ({start}) cannot be less than MINVALUE ({minimum})", node)
    if start > maximum:
        fail(f"START value ({start}) cannot be greater than MAXVALUE ({maximum})", node)
    return Sequence(start, increment, minimum, maximum, node.cycle)


def table_sql(name: str) -> str:
    """The text of the table of a sequence."""
    columns = ", ".join(f"{column} INTEGER NOT NULL" for column in COLUMNS)
    return f"CREATE TABLE {quote_identifier(PREFIX + name)}({columns})"
