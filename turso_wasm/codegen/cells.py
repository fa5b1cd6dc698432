"""Constant rows as data: a loop over a table of cells (kernel/values/cells.py), so that ten thousand rows are not ten
thousand blocks of code.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from turso_wasm.bind import bound
from turso_wasm.codegen.context import VALUE_SIZE, Context
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, REAL, TEXT
from turso_wasm.values.types import text_bytes
from turso_wasm.wasm.dsl import I32


def is_cell(node: bound.Expr) -> bool:
    """`node` can be a cell: a constant or a parameter, perhaps negated."""
    if isinstance(node, bound.Unary) and node.op == "-":
        node = node.operand
        return isinstance(node, bound.Constant) and type(node.value) in (int, float)
    return isinstance(node, (bound.Constant, bound.Parameter))


def cell_table(rows: Sequence[Sequence[bound.Expr]], ctx: Context) -> bytes:
    """The cells of all rows, row by row, as little-endian i32."""
    return b"".join(struct.pack("<i", _cell(node, ctx)) for row in rows for node in row)


def _cell(node: bound.Expr, ctx: Context) -> int:
    if isinstance(node, bound.Parameter):
        return node.index - 1
    if isinstance(node, bound.Unary):
        assert isinstance(node.operand, bound.Constant)
        value = -node.operand.value  # type: ignore[operator]
        ctx.pin(node.operand)
        return ~_constant_at(value if isinstance(value, float) or value >= -(2**63) else float(value), ctx)
    assert isinstance(node, bound.Constant)
    if node.lifted is not None:
        return ctx.n_user_params + node.lifted
    return ~_constant_at(node.value, ctx)


def _constant_at(value: int | float | str | bytes | None, ctx: Context) -> int:
    """Offset in the program's data of a Value image."""
    if value is None:
        tag, payload = NULL, b"\0" * 8
    elif isinstance(value, int):
        tag, payload = INTEGER, struct.pack("<q", value)
    elif isinstance(value, float):
        tag, payload = REAL, struct.pack("<d", value)
    else:
        raw = text_bytes(value) if isinstance(value, str) else bytes(value)
        tag = TEXT if isinstance(value, str) else BLOB
        payload = struct.pack("<II", ctx.unit.data_offset(raw or b"\0"), len(raw))
    return ctx.unit.data_offset(struct.pack("<ii", tag, 0) + payload, align=8)


def emit_cells(rows: Sequence[Sequence[bound.Expr]], ctx: Context, each: Callable[[list[SqlValue]], None]) -> None:
    """Run `each(values)` for every row, in a loop; no suspension inside."""
    f = ctx.f
    at = f.local(I32, "cell", ctx.data_address(cell_table(rows, ctx), align=4))
    width = len(rows[0])
    end = f.local(I32, "cells_end", at + 4 * width * len(rows))
    with f.loop() as top:
        each(load_cells(at, width, ctx))
        f.set(at, at + 4 * width)
        f.br(top, if_=at.lt_u(end))


def load_cells(at: object, width: int, ctx: Context) -> list[SqlValue]:
    """The values of the row of cells at address `at`."""
    return [
        ctx.call("cell_value", ctx.f.load("i32", at, 4 * i), ctx.params, ctx.data_base)  # type: ignore[arg-type]
        for i in range(width)
    ]


__all__ = ["VALUE_SIZE", "cell_table", "emit_cells", "is_cell", "load_cells"]
