"""Code for lists, and for tuples of constants, which lie in the Program's data."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from turso_wasm.codegen.typed.values import Typed, as_cell, of_cell
from turso_wasm.typed import types
from turso_wasm.wasm.dsl import I32, I64, Expr, i64

if TYPE_CHECKING:
    from turso_wasm.codegen.typed.function import Body


def make(node: types.MakeList, body: Body) -> Typed:
    """A new list."""
    from turso_wasm.codegen.typed.expressions import emit

    f = body.f
    items = [as_cell(emit(item, body).value) for item in node.items]
    count = emit(node.count, body).value
    if len(items) == 1:
        made, failed = f.call_multi("py_list_new", body.stmt, count, items[0])
        f.br(body.fail, if_=failed)
        return Typed(made)
    made, _ = f.call_multi("py_list_new", body.stmt, i64(len(items)), i64(0))
    for at, item in enumerate(items):
        f.store("i64", f.load("i32", made), item, 8 * at)
    return Typed(made)


def place(items: Expr, at: Expr, body: Body) -> Expr:
    """The address of an element of a list."""
    found, failed = body.f.call_multi("py_list_place", items, at, inline=True)
    body.f.br(body.fail, if_=failed)
    return found


def item(node: types.Item, body: Body) -> Typed:
    """An element."""
    from turso_wasm.codegen.typed.expressions import emit

    f = body.f
    if isinstance(node.items, types.Constant):
        return Typed(_constant_item(node.items, emit(node.at, body).value, node.type, body))
    items = emit(node.items, body).value
    cell = f.local(I64, "", f.load("i64", place(items, emit(node.at, body).value, body)))
    return Typed(of_cell(cell, node.type))


def _constant_item(constant: types.Constant, at: Expr, type_: types.Type, body: Body) -> Expr:
    f = body.f
    assert isinstance(constant.value, tuple)
    n = len(constant.value)
    index = f.local(I64, "", at)
    with f.if_(index < 0):
        f.set(index, index + n)
    f.br(body.fail, if_=index.ge_u(n))
    offset = tuple_data(constant, body)
    cell = f.local(I64, "", f.load("i64", body.unit.data_base + offset + (index.wrap() << 3)))
    if type_.kind == "str":  # whose address is known when the Program is linked
        f.set(cell, cell + body.unit.data_base.extend_u())
    return of_cell(cell, type_)


def tuple_data(constant: types.Constant, body: Body) -> int:
    """Where the cells of a constant tuple lie in the Program's data; the address in that of a text is its offset."""
    cells = bytearray()
    assert isinstance(constant.value, tuple)
    for value in constant.value:
        if isinstance(value, str):
            raw = value.encode()
            cells += struct.pack("<II", body.unit.data_offset(raw), len(raw))
        else:
            cells += struct.pack("<d" if isinstance(value, float) else "<q", value)
    return body.unit.data_offset(bytes(cells), 8)


def length(node: types.Length, body: Body) -> Typed:
    """How many elements there are."""
    from turso_wasm.codegen.typed.expressions import emit

    if isinstance(node.items, types.Constant):
        assert isinstance(node.items.value, tuple)
        return Typed(i64(len(node.items.value)))
    items = emit(node.items, body).value
    return Typed(body.f.local(I64, "", body.f.call("py_list_len", items, inline=True)))


def set_item(node: types.SetItem, body: Body) -> None:
    """`items[at] = value`, `items.append(value)`."""
    from turso_wasm.codegen.typed.expressions import emit

    f = body.f
    items = emit(node.items, body).value
    cell = as_cell(emit(node.value, body).value)
    if node.at is not None:
        f.store("i64", place(items, emit(node.at, body).value, body), cell)
        return
    f.br(body.fail, if_=f.local(I32, "", f.call("py_list_append", body.stmt, items, cell)))
