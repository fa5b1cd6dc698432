"""SQL values in generated code, and the one place where NULL logic lives.

A SqlValue is a (tag, payload) pair of kernel/abi.py invariant A1; a tag known at compile time is a Python int and
vanishes from the code. Conditions are compiled to jumps (`jump`), never to materialized booleans, unless a value is
asked for.

Truth in generated code is Kleene's: 0 false, 1 unknown (NULL), 2 true; so AND is min, OR is max, NOT x is 2 -
x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from turso_wasm.catalog.functions import no_collation
from turso_wasm.catalog.names import fold
from turso_wasm.kernel.abi import (
    BINARY,
    BLOB,
    COLLATION_SHIFT,
    COLLATION_USER,
    COLLATION_UTF16BE,
    COLLATION_UTF16LE,
    INTEGER,
    NULL,
    REAL,
    TEXT,
    UTF8,
    UTF16BE,
    UTF16LE,
)
from turso_wasm.wasm.dsl import Expr, Local, i32, i64

if TYPE_CHECKING:
    from turso_wasm.codegen.context import Context

ANY = 0b11111
NUMERIC_TYPES = 1 << INTEGER | 1 << REAL


def mask(*tags: int) -> int:
    """The set of storage classes as bits."""
    result = 0
    for tag in tags:
        result |= 1 << tag
    return result


class SqlValue:
    """A value in flight. `tag`: int when certain, else an i32 Local. `types`: its possible storage classes, as bits.

    subtype: i32, 74 when it is JSON text; None when it is certainly none. It lives within one expression: columns have
    none.
    """

    __slots__ = ("payload", "subtype", "tag", "types")

    def __init__(self, tag: int | Local, payload: Expr, types: int | None = None) -> None:
        self.tag = tag
        self.payload = payload
        self.subtype: Expr | None = None
        self.types = types if types is not None else (1 << tag if isinstance(tag, int) else ANY)

    @property
    def tag_expr(self) -> Expr:
        """The tag as an i32 expression."""
        return i32(self.tag) if isinstance(self.tag, int) else self.tag

    def is_always(self, tag: int) -> bool:
        """The storage class is `tag` for certain."""
        return self.tag == tag if isinstance(self.tag, int) else self.types == 1 << tag

    def may_be(self, tag: int) -> bool:
        """The storage class can be `tag`."""
        return bool(self.types >> tag & 1)

    def has_tag(self, tag: int) -> Expr:
        """i32 expression: the storage class is `tag`."""
        if not self.may_be(tag):
            return i32(0)
        if isinstance(self.tag, int) or self.types == 1 << tag:
            return i32(1)
        return self.tag.eqz() if tag == NULL else self.tag == tag

    @property
    def pair(self) -> tuple[Expr, Expr]:
        """(tag, payload) as call arguments."""
        return self.tag_expr, self.payload


NULL_VALUE = SqlValue(NULL, i64(0))
TEXTUAL = mask(TEXT, BLOB)
AFFINITY_CODE = {"A": 65, "B": 66, "C": 67, "D": 68, "E": 69}
COLLATION_CODE = {"BINARY": 0, "NOCASE": 1, "RTRIM": 2}


UTF16_COLLATION = {UTF8: 0, UTF16LE: COLLATION_UTF16LE, UTF16BE: COLLATION_UTF16BE}


def collation_code(name: str, ctx: Context) -> int:
    """The kernel's number of a collation of values (names compare without case).

    Errors: "no such collation sequence: x".
    """
    number = ctx.unit.user.collations.get(fold(name))
    if number is not None:
        return COLLATION_USER | number << COLLATION_SHIFT
    code = COLLATION_CODE.get(name.upper())
    if code is None:
        raise no_collation(name)
    return code if code != BINARY else UTF16_COLLATION[ctx.unit.encoding]


def key_collation_code(name: str, ctx: Context) -> int:
    """The same of an index, whose texts are compared as they are stored. Errors: as `collation_code`."""
    return collation_code(name, ctx) ^ UTF16_COLLATION[ctx.unit.encoding]
