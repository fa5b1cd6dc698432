"""What the worker calls: SQL text in, Programs out, as plain bytes.

The JavaScript host (web/) runs Programs on the kernel by itself, and finds those it has seen before by itself too; it
asks Python for the others. Python keeps the catalogs of the schemas that the host has read from files, nothing else.

A reply is one bytes object:

  OFFSET    SIZE  MEANING
  0         4     n: size of the JSON header, little-endian
  4         n     JSON header
  4 + n     …     padding with spaces up to a multiple of 8, then the literal block, then the Program

The literal block holds the `Value`s of the literals lifted out of the text, then their texts and blobs
(runtime/parameters.py encode_block). Its addresses count from the start of the block: the host adds where it put it.

Invariants:
  B1  Nothing here raises for the sake of a user: errors are replies {"error": {code, message, offset}}.
  B2  Offsets in SQL text are UTF-16 units, as JavaScript counts; Python's are characters.
"""

from __future__ import annotations

import json
import struct
from types import CodeType
from typing import TYPE_CHECKING, Any

from turso_wasm.base.errors import SQLITE_TOOBIG, SqlError
from turso_wasm.bind.binder import Sizes
from turso_wasm.catalog.catalog import Catalogs
from turso_wasm.catalog.functions import Registry
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.own import AggregateFunction, Function, Own, OwnCollation, Owned, OwnTokenizer, TableFunction
from turso_wasm.runtime.compiler import compile_statement
from turso_wasm.runtime.hosts.base import SQLITE_INTERNAL
from turso_wasm.runtime.parameters import TooBig, encode_block
from turso_wasm.runtime.schema import SHARED_BY_SHAPE, Contents, Environment
from turso_wasm.sql.lexer import normalize, tokenize

if TYPE_CHECKING:
    from turso_wasm.bind.authority import Ask
    from turso_wasm.page_functions import PageFunction

_FIRST_ASTRAL = "\U00010000"
_SIZE = struct.Struct("<I")


class Compiler:
    """The catalogs of one worker's schemas. The host calls the methods with plain data."""

    def __init__(self) -> None:
        self._schemas: dict[int, tuple[Catalogs, Registry]] = {}
        self._n_schemas = 0

    def open_schema(self, environment: str) -> bytes:
        """A schema: {"schema": number}.

        environment: JSON, {"databases": [[slot, name, rows of sqlite_schema or null, descending, rows of sqlite_stat1],
        …], as runtime/schema.py Contents, "own": what the user has registered (web/usercode.js Own),
        "settings", and "capture" unless that is "": as in Environment}.
        Errors: a malformed schema.
        """
        try:
            described = json.loads(environment)
            known = Environment(
                tuple(
                    Contents(
                        slot,
                        name,
                        None if rows is None else tuple(map(tuple, rows)),
                        descending,
                        tuple(map(tuple, statistics)),
                    )
                    for slot, name, rows, descending, statistics in described["databases"]
                ),
                _owned(described["own"]),
                described["settings"],
                described.get("capture", ""),
            )
            catalogs = known.catalogs()
        except Exception as error:  # B1
            return _error_reply(error)
        self._n_schemas += 1
        self._schemas[self._n_schemas] = catalogs, known.registry()
        return _reply({"schema": self._n_schemas})

    def close_schema(self, number: int) -> None:
        """Forget a schema."""
        self._schemas.pop(number, None)

    def define(self, name: str, source: str, compiled: bool | None) -> tuple[bytes, PageFunction | None]:
        """A function in Python: {"arities", "typed"}, and what to call. compiled: whether it must be typed, or must
        not. Errors: as PageFunction.
        """
        from turso_wasm.page_functions import PageFunction  # loaded when somebody uses it

        try:
            made = PageFunction(source, name, compiled)
        except Exception as error:  # B1
            return _error_reply(error), None
        return _reply({"arities": made.arities, "typed": made.body is not None}), made

    def compile(self, schema: int, sql: str, files: str, sizes: str = "null", ask: Ask | None = None) -> bytes:
        """The first statement of `sql`: {"end", "key", "shape", "literals", "program", "rows_literals"}, the literal
        block and the Program (codegen/program.py).

        files: a JSON array, by slot, of the files of the databases (runtime/pragma_rows.py Files). sizes: classes of
        tables, [["slot root", class], …], null: plans do not depend on them (bind/binder.py Sizes). ask: an
        authorizer, which does not raise. end: behind the
        statement. key: of the text without its literals; shape: other texts with this key may share the Program.
        literals, program: sizes. rows_literals: [index of the literal, number of
        rows, width] of each literal that is a list of rows.
        """
        try:
            tokens = tokenize(sql)
            key, literals = normalize(tokens)
            catalogs, registry = self._schemas[schema]
            known = _sizes(json.loads(sizes))
            program = compile_statement(tokens, catalogs, json.loads(files), registry, ask, known)
            block = encode_block((), literals, 0, 0) if literals else b""
        except Exception as error:  # B1
            return _error_reply(error, sql)
        code = program.to_bytes()
        lists = [[i, len(rows), len(rows[0])] for i, rows in enumerate(literals) if isinstance(rows, tuple)]
        head = {
            "end": _units(sql, tokens.end),
            "key": key,
            "shape": program.kind in SHARED_BY_SHAPE,
            "literals": len(block),
            "program": len(code),
            "rows_literals": lists,
        }
        return _reply(head, block + code)


def warm_up() -> None:
    """Compile two statements, so that what Python loads and computes on first use is there when its memory is kept for
    later visits (web/snapshot.js).
    """
    compiler = Compiler()
    table = ["table", "t", "t", 2, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)"]
    environment = {"databases": [[0, "main", [table], True, []], [1, "temp", [], True, []]], "own": [], "settings": 0}
    compiler.open_schema(json.dumps(environment))
    for sql in ("SELECT b, count(*) FROM t WHERE a > 1 GROUP BY b ORDER BY b", "INSERT INTO t VALUES (1, 'a')"):
        compiler.compile(1, sql, "[]")


def _sizes(known: list[tuple[str, int]] | None) -> Sizes:
    if known is None:
        return None
    tables = [(table.split(), size) for table, size in known]
    return {(int(slot), int(root)): size for (slot, root), size in tables}


def _owned(own: list[list[Any] | None]) -> Owned:
    """These entries of the user's."""
    return tuple(_own(*entry) if entry else None for entry in own)


def _own(kind: str, name: str, *rest: Any) -> Own:
    if kind == "collation":
        return OwnCollation(name)
    if kind == "tokenizer":
        return OwnTokenizer(name)
    if kind == "table":
        columns, parameters, direct_only = rest
        return TableFunction(name, tuple(columns), tuple(parameters), direct_only=direct_only)
    n_arguments, *flags = rest
    if kind == "typed":
        from turso_wasm.page_functions import typed_function

        direct_only, source = flags
        body = typed_function(source, name).body
        return Function(fold(name), n_arguments, n_arguments, "", "typed", direct_only=direct_only, body=body)
    name, n_min = fold(name), max(n_arguments, 0)
    if kind == "aggregate":
        direct_only, inverts = flags
        return AggregateFunction(name, n_min, n_arguments, direct_only=direct_only, inverts=inverts)
    deterministic, direct_only = flags
    return Function(name, n_min, n_arguments, "", "user", deterministic, direct_only)


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
        where = _innermost(error)
        place = "" if where is None else f" ({where.co_name} in {where.co_filename})"
        message = f"internal error: {type(error).__name__}: {error}{place}"
        code, offset = SQLITE_INTERNAL, -1
    return _reply({"error": {"code": code, "message": message, "offset": offset}})


def _innermost(error: Exception) -> CodeType | None:
    """The code that raised it. (`traceback` cannot read that of the pack, which has no lines.)"""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return None if at is None else at.tb_frame.f_code


def _units(sql: str, at: int) -> int:
    """UTF-16 units before character `at` (B2)."""
    if sql.isascii():
        return at
    return at + sum(character >= _FIRST_ASTRAL for character in sql[:at])
