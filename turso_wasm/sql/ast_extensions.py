"""What the grammar has beyond SQLite's: sequences, types."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from turso_wasm.base.records import dataclass
from turso_wasm.sql.ast_base import Expr, Node, QualifiedName, Span, Statement


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


@dataclass(slots=True)
class DefaultValue(Expr):
    """`DEFAULT` among the values of an INSERT."""

    span: Span = field(default=(0, 0), compare=False, repr=False)


# --- types -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Operator(Node):
    """`OPERATOR 'op' [function]` of a type; function: None, the base type's own."""

    op: str
    function: str | None = None


@dataclass(slots=True)
class DomainCheck(Node):
    """`[CONSTRAINT name] CHECK (expr)` of a domain."""

    expr: Expr
    name: str | None = None


@dataclass(slots=True)
class TypeField(Node):
    """A field of a STRUCT, a tag of a UNION: its name and its type as written."""

    name: str
    type_name: str


@dataclass(slots=True)
class Given(Expr):
    """What has been bound already (a bind.bound.Expr): no text has it, types are put together with it."""

    value: object


TypeKind = Literal["base", "domain", "struct", "union"]


@dataclass(slots=True)
class CreateType(Statement):
    """CREATE TYPE and CREATE DOMAIN. parent: the type as written behind BASE or AS, '' of a struct or a union.

    parameters: names that stand for what is written in parentheses behind the type. encode, decode: of `value`.
    """

    name: QualifiedName
    kind: TypeKind
    parent: str = ""
    parameters: tuple[str, ...] = ()
    encode: Expr | None = None
    decode: Expr | None = None
    operators: tuple[Operator, ...] = ()
    default: Expr | None = None
    checks: tuple[DomainCheck, ...] = ()
    not_null: bool = False
    fields: tuple[TypeField, ...] = ()
    if_not_exists: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)


@dataclass(slots=True)
class DropType(Statement):
    """`DROP TYPE | DOMAIN [IF EXISTS] name`."""

    kind: Literal["TYPE", "DOMAIN"]
    name: QualifiedName
    if_exists: bool = False
    span: Span = field(default=(0, 0), compare=False, repr=False)
