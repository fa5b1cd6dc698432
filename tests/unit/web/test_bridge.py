"""The replies of the bridge, as the worker reads them."""

from __future__ import annotations

import json
import struct
from typing import Any

from turso_wasm.bridge import Compiler
from turso_wasm.codegen.program import Program
from turso_wasm.kernel.abi import BLOB, INTEGER, TEXT

ROWS = json.dumps([["table", "t", "t", 2, "CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)"]])


def parts(reply: bytes) -> tuple[dict[str, Any], bytes]:
    (size,) = struct.unpack_from("<I", reply)
    assert (4 + size) % 8 == 0, "the literal block is aligned"
    return json.loads(reply[4 : 4 + size]), reply[4 + size :]


def opened() -> tuple[Compiler, int]:
    compiler = Compiler()
    head, _ = parts(compiler.open_schema("x.db", 1, ROWS, None))
    return compiler, head["schema"]


def test_equal_shapes_share_a_program_and_bring_their_literals() -> None:
    compiler, schema = opened()
    first, one = parts(compiler.compile(schema, "SELECT b FROM t WHERE a = 7", 0))
    program = Program.from_bytes(compiler.program(first["program"]))
    second, two = parts(compiler.compile(schema, "select b from t where a = 8 -- other", 0))
    assert first["program"] == second["program"]
    assert [column.name for column in program.columns] == ["b"]
    assert struct.unpack("<qq", one) == (INTEGER, 7)
    assert struct.unpack("<qq", two) == (INTEGER, 8)


def test_texts_of_literals_lie_behind_the_slots() -> None:
    compiler, schema = opened()
    _, block = parts(compiler.compile(schema, "SELECT a FROM t WHERE b = 'é' AND a > 1", 0))
    tag, span = struct.unpack_from("<qq", block)
    assert tag == TEXT
    start, size = span & 0xFFFFFFFF, span >> 32
    assert block[start : start + size].decode() == "é"


def test_lists_of_rows_are_announced() -> None:
    compiler, schema = opened()
    head, block = parts(compiler.compile(schema, "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, 'z')", 0))
    assert head["rows_literals"] == [[0, 3, 2]]
    assert struct.unpack_from("<q", block)[0] == BLOB


def test_statements_of_a_script_one_after_the_other() -> None:
    compiler, schema = opened()
    sql = "SELECT '🦊'; ; SELECT 2 -- end"
    first, _ = parts(compiler.compile(schema, sql, 0))
    assert (first["end"], first["tail"]) == (12, True)
    second, _ = parts(compiler.compile(schema, sql, 12))
    assert not second["tail"]
    last, _ = parts(compiler.compile(schema, sql, second["end"]))
    assert "program" not in last


def test_errors_are_replies_with_javascript_offsets() -> None:
    compiler, schema = opened()
    head, _ = parts(compiler.compile(schema, "SELECT '🦊', nope FROM t", 0))
    assert head == {"error": {"code": 1, "message": "no such column: nope", "offset": 13}}


def test_a_malformed_schema_is_an_error() -> None:
    head, _ = parts(Compiler().open_schema("x.db", 1, json.dumps([["table", "t", "t", 2, "CREATE TABLE t("]]), None))
    if "error" not in head:  # the catalog reads definitions when they are needed
        compiler = Compiler()
        schema, _ = parts(
            compiler.open_schema("x.db", 1, json.dumps([["table", "t", "t", 2, "CREATE TABLE t("]]), None)
        )
        head, _ = parts(compiler.compile(schema["schema"], "SELECT * FROM t", 0))
    assert head["error"]["message"].startswith("malformed database schema")
