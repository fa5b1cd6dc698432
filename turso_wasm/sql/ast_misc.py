"""Transactions, PRAGMA, ATTACH, EXPLAIN and the housekeeping statements."""

from __future__ import annotations

from dataclasses import field
from typing import Literal, TypeAlias

from turso_wasm.base.records import dataclass
from turso_wasm.sql.ast_base import Expr, QualifiedName, Span, Statement

ExplainMode: TypeAlias = Literal["PROGRAM", "QUERY PLAN", "CODE", "ANALYZE"]


@dataclass(slots=True)
class Begin(Statement):
    """BEGIN [mode] [TRANSACTION [name]]; the name is ignored. CONCURRENT is Turso's."""

    mode: Literal["DEFERRED", "IMMEDIATE", "EXCLUSIVE", "CONCURRENT"] | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Commit(Statement):
    """COMMIT or END."""

    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Rollback(Statement):
    """ROLLBACK, or ROLLBACK TO savepoint."""

    savepoint: str | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Savepoint(Statement):
    """`SAVEPOINT name`."""

    name: str
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Release(Statement):
    """`RELEASE [SAVEPOINT] name`."""

    name: str
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Pragma(Statement):
    """PRAGMA [schema.]name [= value | (value)]. value: dequoted text, with its '-' if it is a negative number.
    is_number: it was written as one, without quotes.
    """

    name: str
    schema: str | None = None
    value: str | None = None
    is_number: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Attach(Statement):
    """ATTACH file AS schema [KEY key]. A bare word in any of the three is a ColumnRef that SQLite takes as a string."""

    file: Expr
    schema: Expr
    key: Expr | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Detach(Statement):
    """`DETACH [DATABASE] schema`; see `Attach` for bare words."""

    schema: Expr
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Analyze(Statement):
    """ANALYZE [name]: a schema, a table or an index."""

    name: QualifiedName | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Reindex(Statement):
    """REINDEX [name]: a collation, a table or an index."""

    name: QualifiedName | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class OptimizeIndex(Statement):
    """`OPTIMIZE INDEX [name]`."""

    name: QualifiedName | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Vacuum(Statement):
    """VACUUM schema [KEY key], VACUUM [schema] INTO into [KEY key]; KEY is ours, `Attach` says what a bare word is."""

    schema: str | None = None
    into: Expr | None = None
    key: Expr | None = None
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class Explain(Statement):
    """EXPLAIN, EXPLAIN QUERY PLAN, and our own EXPLAIN CODE (the compiled statement as readable pseudo-Python) and
    EXPLAIN ANALYZE (the statement is run).
    """

    mode: ExplainMode
    statement: Statement
    span: Span = field(default=(0, 0), compare=False, repr=False)
