"""What is known of a database's schema at one schema cookie, and the Programs compiled against it.

Owns the two-level Program cache: by exact text, then by shape (the text with its literals lifted out, sql/lexer.py
`normalize`). Connections of one database share the Schema of a committed cookie; one that changed the schema in a
transaction has its own until the transaction ends (runtime/connection.py).

Invariants:
  C1  A Prepared is never run against another Schema than its own: a Program contains root pages and column numbers.
  C2  A Program is reused for other literals only when every literal it pinned has the same value and type, every list
      of rows the same width, and every column that is named by the text of its expression would get the same name.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from turso_wasm.catalog.catalog import Catalogs
from turso_wasm.codegen.program import Program
from turso_wasm.runtime.hosts.base import Instance

MAX_TEXTS = 512
MAX_SHAPES = 512
MAX_VARIANTS = 8  # Programs of one shape that differ in what they pinned


@dataclass(slots=True)
class Prepared:
    """A statement ready to be executed: the Program, and what this text binds to its literal slots.

    `start` and `end` are the character offsets of the statement in `sql` (`end`: behind its semicolon).
    """

    sql: str
    start: int
    end: int
    program: Program
    instance: Instance
    literals: Sequence[Any]
    schema: Schema
    has_tail: bool
    description: Any = None  # free for faces: what they tell of the columns


class Schema:
    """The catalogs of a connection's databases, with the Programs compiled against them."""

    def __init__(self, catalogs: Catalogs, cookie: int) -> None:
        self.catalogs = catalogs
        self.cookie = cookie
        self.texts: OrderedDict[str, Prepared] = OrderedDict()
        self.shapes: OrderedDict[tuple[object, ...], list[tuple[Program, Instance]]] = OrderedDict()

    def find_text(self, sql: str) -> Prepared | None:
        """The statement prepared from exactly this text; from any thread, without the host's lock."""
        found = self.texts.get(sql)
        if found is not None:
            try:
                self.texts.move_to_end(sql)
            except KeyError:
                return found  # another thread dropped it just now
        return found

    def add_text(self, prepared: Prepared) -> None:
        """Remember a statement by its text."""
        self.texts[prepared.sql] = prepared
        if len(self.texts) > MAX_TEXTS:
            self.texts.popitem(last=False)

    def find_shape(self, key: str, literals: Sequence[Any], sql: str) -> tuple[Program, Instance] | None:
        """A Program for this shape that these literals and this text fit (C2)."""
        variants = self.shapes.get(_shape(key, literals))
        if variants is None:
            return None
        return next((known for known in variants if _fits(known[0], literals, sql)), None)

    def add_shape(self, key: str, literals: Sequence[Any], program: Program, instance: Instance) -> None:
        """Remember a Program by its shape."""
        shape = _shape(key, literals)
        variants = self.shapes.setdefault(shape, [])
        variants.insert(0, (program, instance))
        del variants[MAX_VARIANTS:]
        self.shapes.move_to_end(shape)
        if len(self.shapes) > MAX_SHAPES:
            self.shapes.popitem(last=False)


def _shape(key: str, literals: Sequence[Any]) -> tuple[object, ...]:
    return (key, *(len(value[0]) for value in literals if type(value) is tuple))


def _fits(program: Program, literals: Sequence[Any], sql: str) -> bool:
    if not all(_same(literals[ordinal], value) for ordinal, value in program.pinned.items()):
        return False
    return all(column.name in sql for column in program.columns if not column.name.isidentifier())


def _same(a: object, b: object) -> bool:
    """Equal, of one type; floats bit for bit as far as SQL can tell (0.0 and -0.0 differ)."""
    return type(a) is type(b) and a == b and (not isinstance(a, float) or repr(a) == repr(b))
