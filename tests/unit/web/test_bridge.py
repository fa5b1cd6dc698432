"""The replies of the bridge, as the worker reads them."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from turso_wasm.bridge import Compiler
from turso_wasm.codegen.program import Program
from turso_wasm.kernel.abi import BLOB, INTEGER, TEXT

TABLE = ["table", "t", "t", 2, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)"]


def databases(*rows: list[Any], descending: bool = True) -> str:
    return json.dumps({"databases": [[0, "main", list(rows), descending, []]], "own": [], "settings": 0})


def parts(reply: bytes) -> tuple[dict[str, Any], bytes, bytes]:
    (size,) = struct.unpack_from("<I", reply)
    assert (4 + size) % 8 == 0, "the literal block is aligned"
    head = json.loads(reply[4 : 4 + size])
    at = 4 + size + head.get("literals", 0)
    assert len(reply) == at + head.get("program", 0)
    return head, reply[4 + size : at], reply[at:]


@pytest.fixture
def compiler() -> Compiler:
    return Compiler()


@pytest.fixture
def schema(compiler: Compiler) -> int:
    number: int = parts(compiler.open_schema(databases(TABLE)))[0]["schema"]
    return number


def test_a_reply_has_a_key_the_literals_and_the_program(compiler: Compiler, schema: int) -> None:
    first, one, code = parts(compiler.compile(schema, "SELECT b FROM t WHERE a = 7", "[]"))
    second, two, again = parts(compiler.compile(schema, "select b from t where a = 8 -- other", "[]"))
    assert first["key"] == second["key"] == "SELECT b FROM t WHERE a = <integer>"
    assert code == again
    program = Program.from_bytes(code)
    assert [column.name for column in program.columns] == ["b"]
    assert program.checks == (0,)
    assert struct.unpack("<qq", one) == (INTEGER, 7)
    assert struct.unpack("<qq", two) == (INTEGER, 8)


@pytest.mark.parametrize(
    ("sql", "shape"),
    [("SELECT 1", True), ("CREATE TABLE u(x)", False), ("PRAGMA user_version", False), ("BEGIN", False)],
)
def test_texts_of_a_shape_share_what_does_not_keep_the_text(
    compiler: Compiler, schema: int, sql: str, shape: bool
) -> None:
    assert parts(compiler.compile(schema, sql, "[]"))[0]["shape"] is shape


def test_texts_of_literals_lie_behind_the_values(compiler: Compiler, schema: int) -> None:
    _, block, _ = parts(compiler.compile(schema, "SELECT a FROM t WHERE b = 'é' AND a > 1", "[]"))
    tag, span = struct.unpack_from("<qq", block)
    assert tag == TEXT
    start, size = span & 0xFFFFFFFF, span >> 32
    assert block[start : start + size].decode() == "é"


def test_lists_of_rows_are_announced(compiler: Compiler, schema: int) -> None:
    head, block, _ = parts(compiler.compile(schema, "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')", "[]"))
    assert head["rows_literals"] == [[0, 3, 2]]
    assert struct.unpack_from("<q", block)[0] == BLOB


def test_offsets_are_utf_16_units(compiler: Compiler, schema: int) -> None:
    assert parts(compiler.compile(schema, "SELECT '🦊'; SELECT 2", "[]"))[0]["end"] == 12
    error = parts(compiler.compile(schema, "SELECT '🦊', c FROM t", "[]"))[0]["error"]
    assert error == {"code": 1, "message": "no such column: c", "offset": 13}


def test_files_of_an_old_format_are_compiled_for(compiler: Compiler) -> None:
    """Their indexes are not in the order that the text of the index says."""
    index = ["index", "i", "t", 3, "CREATE INDEX i ON t(b DESC)"]
    codes = []
    for descending in (True, False):
        head, _, _ = parts(compiler.open_schema(databases(TABLE, index, descending=descending)))
        codes.append(parts(compiler.compile(head["schema"], "SELECT b FROM t ORDER BY b", "[]"))[2])
    assert codes[0] != codes[1]


def test_a_malformed_schema_is_an_error_of_the_first_statement(compiler: Compiler) -> None:
    broken = ["table", "t", "t", 2, "CREATE TABLE t("]
    head, _, _ = parts(compiler.open_schema(databases(broken)))
    error = parts(compiler.compile(head["schema"], "SELECT * FROM t", "[]"))[0]["error"]
    assert error["message"] == "malformed database schema (t) - incomplete input"


def test_only_the_name_of_a_file_makes_an_answer_private(compiler: Compiler, schema: int) -> None:
    _, _, code = parts(compiler.compile(schema, "PRAGMA database_list", '["/tmp/x.db", null]'))
    assert not Program.from_bytes(code).shared
    assert b"/tmp/x.db" in code


def test_closed_schemas_are_forgotten(compiler: Compiler, schema: int) -> None:
    compiler.close_schema(schema)
    assert "internal error" in parts(compiler.compile(schema, "SELECT 1", "[]"))[0]["error"]["message"]
