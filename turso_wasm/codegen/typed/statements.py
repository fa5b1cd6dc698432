"""Code for typed statements."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, assert_never, cast

from turso_wasm.codegen.typed.expressions import emit
from turso_wasm.codegen.typed.lists import set_item
from turso_wasm.codegen.typed.values import FAILED, TAG, Place, Typed
from turso_wasm.kernel.abi import INTEGER, NULL
from turso_wasm.typed import types
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, i32, select

if TYPE_CHECKING:
    from turso_wasm.codegen.typed.function import Body

AnyStatement = (
    types.Assign | types.Group | types.SetItem | types.If | types.While | types.ForRange | types.ForEach
    | types.Return | types.Jump
)  # fmt: skip


def emit_block(block: types.Block, body: Body) -> None:
    """The code of statements."""
    for statement in block:
        _emit(cast("AnyStatement", statement), body)


def _emit(node: AnyStatement, body: Body) -> None:
    f = body.f
    match node:
        case types.Assign():
            body.places[node.number].set(f, emit(node.value, body))
        case types.Group():
            emit_block(node.body, body)
        case types.SetItem():
            set_item(node, body)
        case types.If():
            with f.if_(emit(node.test, body).value):
                emit_block(node.then, body)
                if node.otherwise:
                    f.else_()
                    emit_block(node.otherwise, body)
        case types.While():
            _loop(node.body, node.otherwise, body, lambda done: f.br(done, if_=emit(node.test, body).value.eqz()))
        case types.ForRange():
            _for_range(node, body)
        case types.ForEach():
            _for_each(node, body)
        case types.Return():
            f.ret(*result_pair(emit(node.value, body), node.value.type))
        case types.Jump() if node.message:
            f.ret(FAILED, body.message(node.message))
        case types.Jump():
            labels = {"break": body.breaks, "continue": body.continues}
            f.br(body.fail if node.what == "fail" else labels[node.what][-1])
        case _:
            assert_never(node)


def _loop(
    block: types.Block,
    otherwise: types.Block,
    body: Body,
    begin: Callable[[Label], None],
    advance: Callable[[Label], None] = lambda done: None,
) -> None:
    """A loop: `begin(done)` goes to its end, or on; `advance(done)` goes to the next round."""
    f = body.f
    with f.block() as broken:
        with f.block() as done, f.loop() as top:
            begin(done)
            with f.block() as next_:
                body.breaks.append(broken)
                body.continues.append(next_)
                emit_block(block, body)
                body.breaks.pop()
                body.continues.pop()
            body.tick()
            advance(done)
            f.br(top)
        emit_block(otherwise, body)


def _for_range(node: types.ForRange, body: Body) -> None:
    f, counter = body.f, body.places[node.counter].value
    start, stop, step = (f.local(I64, "", emit(part, body).value) for part in (node.start, node.stop, node.step))
    f.br(body.fail, if_=step.eqz())
    f.set(body.places[node.counter].value, start)

    def begin(done: Label) -> None:
        f.br(done, if_=select(step > 0, counter >= stop, counter <= stop))
        body.places[node.number].set(f, Typed(counter))

    def advance(done: Label) -> None:
        following, beyond = f.call_multi("py_int_add", counter, step, inline=True)
        f.br(done, if_=beyond)
        f.set(body.places[node.counter].value, following)

    _loop(node.body, node.otherwise, body, begin, advance)


def _for_each(node: types.ForEach, body: Body) -> None:
    f = body.f
    if node.items.type.element is not None:
        _for_element(node, body)
        return
    items = f.local(I64, "items", emit(node.items, body).value)
    at = f.local(I32, "at", 0)

    def begin(done: Label) -> None:
        f.br(done, if_=at >= items.shr_u(32).wrap())
        if node.items.type.kind == "str":
            item, end = f.call_multi("py_str_next", items, at)
            f.set(at, end)
        else:
            item = f.local(I64, "item", f.load("i32_8u", items.wrap() + at).extend_u())
            f.set(at, at + 1)
        body.places[node.number].set(f, Typed(item))

    _loop(node.body, node.otherwise, body, begin)


def _for_element(node: types.ForEach, body: Body) -> None:
    """Over a list or tuple, whose length is asked in each round, as Python does."""
    f = body.f
    at = f.local(I64, "at", 0)
    items = node.items
    if not isinstance(items, types.Constant):
        number = len(body.places)
        body.places.append(Place(f, items.type, "items"))
        body.places[number].set(f, emit(items, body))
        items = types.Variable(type=items.type, number=number)
    counter = len(body.places)
    body.places.append(Place(f, types.INT, "", at))
    element = items.type.element
    assert element is not None, "it holds some"

    def begin(done: Label) -> None:
        length = types.Length(type=types.INT, items=items)
        f.br(done, if_=at >= emit(length, body).value)
        index = types.Variable(type=types.INT, number=counter)
        value = emit(types.Item(type=element, items=items, at=index), body)
        body.places[node.number].set(f, value)
        f.set(at, at + 1)

    _loop(node.body, node.otherwise, body, begin)


def result_pair(found: Typed, type_: types.Type) -> tuple[Expr, Expr]:
    """(tag, payload) of a result."""
    payload = found.value
    if type_.kind == "float":
        payload = payload.reinterpret()
    elif type_.kind == "bool" or type_.element is not None:
        payload = payload.extend_u()
    tag: Expr = i32(NULL if type_.kind == "none" else TAG.get(type_.kind, INTEGER))
    if found.present is not None:
        tag = select(found.present, tag, i32(NULL))
    return tag, payload
