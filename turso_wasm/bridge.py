"""What the worker calls: SQL text in, Programs out, as plain bytes.

The JavaScript host (web/) runs Programs on the kernel by itself; it asks Python only for what it has not seen. Python
keeps the schemas, as the host read them from the file, and the Programs compiled against each (runtime/schema.py).

A reply is one bytes object:

  OFFSET    SIZE  MEANING
  0         4     n: size of the JSON header, little-endian
  4         n     JSON header
  4 + n     …     padding with spaces up to a multiple of 8, then the literal block

The literal block holds the `Value` slots of the literals lifted out of the text, then their texts and blobs
(runtime/parameters.py encode_block). Its addresses count from the start of the block: the host adds where it put it.

Invariants:
  B1  Nothing here raises for the sake of a user: errors are replies {"error": {code, message, offset}}.
  B2  Offsets in SQL text are UTF-16 units in both directions, as JavaScript counts; Python's are characters.
  B3  A Program's number is never given to another. The host keeps Programs by number; Python keeps those that a later
      text of the same shape may share, and the one it compiled last.
"""

from __future__ import annotations

import json
import struct
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from turso_wasm.base.errors import SQLITE_TOOBIG, SqlError
from turso_wasm.catalog.catalog import Catalog, Catalogs
from turso_wasm.codegen.program import Program
from turso_wasm.runtime.compiler import Environment, compile_statement
from turso_wasm.runtime.connection import SCHEMA_QUERY, SHARED_BY_SHAPE, STATISTICS_QUERY
from turso_wasm.runtime.hosts.base import SQLITE_INTERNAL
from turso_wasm.runtime.parameters import TooBig, encode_block
from turso_wasm.runtime.schema import Schema
from turso_wasm.sql.lexer import END, Tokens, normalize, tokenize

if TYPE_CHECKING:
    from turso_wasm.runtime.hosts.base import Instance

_FIRST_ASTRAL = "\U00010000"
_SIZE = struct.Struct("<I")


@dataclass(slots=True, frozen=True)
class _Numbered:
    """A Program under the number that the host knows it by; in the place of the host's Instance."""

    program: Program
    number: int


class Compiler:
    """The schemas and Programs of one worker. The host calls the methods with plain data."""

    def __init__(self) -> None:
        self._schemas: dict[int, Schema] = {}
        self._files: dict[int, tuple[str, ...]] = {}
        self._latest: _Numbered | None = None
        self._n_schemas = 0
        self._n_programs = 0

    def queries(self) -> bytes:
        """The queries that read a schema and its statistics."""
        return _reply({"schema": SCHEMA_QUERY, "statistics": STATISTICS_QUERY})

    def open_schema(self, path: str, cookie: int, rows: str | None, statistics: str | None) -> bytes:
        """A schema: {"schema": number, "statistics": whether it has statistics that should be read}.

        path: of the database. rows: the answer to the schema query as a JSON array of arrays; None: only
        sqlite_schema itself is known. statistics: the answer to the statistics query; None: not read. Errors: a
        malformed schema.
        """
        try:
            given = {"cookie": cookie, "rows": json.loads(rows)} if rows else {"cookie": cookie}
            if statistics:
                given["statistics"] = json.loads(statistics)
            catalog = Catalog(**given)
            has_statistics = statistics is None and catalog.find_table("sqlite_stat1") is not None
        except Exception as error:  # B1
            return _error_reply(error)
        self._n_schemas += 1
        self._schemas[self._n_schemas] = Schema(Catalogs([catalog]), cookie)
        self._files[self._n_schemas] = (path,)
        return _reply({"schema": self._n_schemas, "statistics": has_statistics})

    def close_schema(self, number: int) -> None:
        """Forget a schema and its Programs."""
        self._schemas.pop(number, None)
        self._files.pop(number, None)

    def compile(self, schema: int, sql: str, start: int) -> bytes:
        """The statement that begins at `start`: {"end", "tail", "program", "rows_literals"} and the literal block.

        end: behind the statement; tail: whether another follows. program: its number, absent when there is only
        space, comments or a semicolon. rows_literals: [index of the literal, number of rows, width] of each literal
        that is a list of rows.
        """
        try:
            return self._compile(schema, sql, _characters(sql, start))
        except Exception as error:  # B1
            return _error_reply(error, sql)

    def _compile(self, number: int, sql: str, start: int) -> bytes:
        schema = self._schemas[number]
        tokens = tokenize(sql, start)
        while tokens.kinds[0] == ";":
            tokens = tokenize(sql, tokens.end)
        if tokens.kinds[0] == END:
            return _reply({"end": _units(sql, tokens.end), "tail": False})
        key, literals = normalize(tokens)
        program, instance = schema.find_shape(key, literals, sql) or self._new(number, key, literals, tokens)
        assert isinstance(instance, _Numbered)
        self._latest = instance
        lifted = literals if program.n_literals else ()
        head = {
            "end": _units(sql, tokens.end),
            "tail": tokens.end < len(sql) and tokenize(sql, tokens.end).kinds[0] != END,
            "program": instance.number,
            "rows_literals": [[i, len(rows), len(rows[0])] for i, rows in enumerate(lifted) if isinstance(rows, tuple)],
        }
        return _reply(head, encode_block((), lifted, 0, 0) if lifted else b"")

    def _new(self, number: int, key: str, literals: Sequence[Any], tokens: Tokens) -> tuple[Program, _Numbered]:
        schema = self._schemas[number]
        program = compile_statement(tokens, Environment(schema.catalogs, self._files[number]))
        self._n_programs += 1
        numbered = _Numbered(program, self._n_programs)
        if program.kind in SHARED_BY_SHAPE:
            schema.add_shape(key, literals, program, cast("Instance", numbered))
        return program, numbered

    def program(self, number: int) -> bytes:
        """The Program that the latest reply of `compile` named, serialized (codegen/program.py)."""
        assert self._latest is not None and self._latest.number == number, "bridge B3: not the latest Program"
        return self._latest.program.to_bytes()


def _reply(head: dict[str, Any], block: bytes = b"") -> bytes:
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + _SIZE.size) % 8)
    return _SIZE.pack(len(text)) + text + block


def _error_reply(error: Exception, sql: str = "") -> bytes:
    """What the host throws (base/errors.js)."""
    if isinstance(error, SqlError):
        code, message = error.code, error.message
        offset = _units(sql, error.span[0]) if error.span else -1
    elif isinstance(error, TooBig):
        code, message, offset = SQLITE_TOOBIG, "string or blob too big", -1
    else:
        where = traceback.extract_tb(error.__traceback__)[-1]
        message = (
            f"internal error: {type(error).__name__}: {error} ({where.name}, line {where.lineno} of {where.filename})"
        )
        code, offset = SQLITE_INTERNAL, -1
    return _reply({"error": {"code": code, "message": message, "offset": offset}})


def _units(sql: str, at: int) -> int:
    """UTF-16 units before character `at` (B2)."""
    if sql.isascii():
        return at
    return at + sum(character >= _FIRST_ASTRAL for character in sql[:at])


def _characters(sql: str, at: int) -> int:
    """Characters before UTF-16 unit `at` (B2)."""
    if at == 0 or sql.isascii() or max(sql) < _FIRST_ASTRAL:
        return at
    return len(sql.encode("utf-16-le", "surrogatepass")[: 2 * at].decode("utf-16-le", "surrogatepass"))
