"""Statements beyond SQLite's: sequences."""

from __future__ import annotations

from dataclasses import field

from turso_wasm.base.records import dataclass
from turso_wasm.sql.ast_base import QualifiedName, Span, Statement


@dataclass(slots=True)
class CreateSequence(Statement):
    """`CREATE SEQUENCE name` and its options, in any order; None where nothing is said of one."""

    name: QualifiedName
    start: int | None = None
    increment: int | None = None
    minimum: int | None = None
    maximum: int | None = None
    cycle: bool = False
    if_not_exists: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class DropSequence(Statement):
    """`DROP SEQUENCE [IF EXISTS] name`."""

    name: QualifiedName
    if_exists: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)
