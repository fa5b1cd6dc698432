"""Assignment: to names, globals, fields, elements and several targets at once.

Python evaluates the right side before the target; wasm stores want the address first. Where the two could differ (the
value has effects and the address reads memory) the value goes to a temporary first.
"""

from __future__ import annotations

import ast
from typing import Any

from turso_wasm.wasm import dsl
from turso_wasm.wasm.subset import memory, operators
from turso_wasm.wasm.subset.context import Body
from turso_wasm.wasm.subset.expressions import element_place, expression, field_place
from turso_wasm.wasm.subset.source import GlobalDecl
from turso_wasm.wasm.subset.types import ArrayType, EmbedType, StructMeta, as_type
from turso_wasm.wasm.subset.values import (
    EFFECTS,
    INT_LITERAL,
    NONE,
    Value,
    describe,
    is_pointer,
    typed,
    wasm_type,
)

Place = tuple[Value, Any, int]  # address, memory type, offset


def assign(body: Body, target: ast.expr, source: ast.expr, node: ast.stmt) -> None:
    """`target = source`. Errors: SubsetError."""
    if isinstance(target, ast.Tuple):
        _assign_several(body, target, source, node)
    elif isinstance(target, ast.Name) and target.id == "_":
        _drop(body, source)
    elif isinstance(target, ast.Name):
        want = target_type(body, target)
        assign_name(body, target, expression(body, source, want), source)
    else:
        place = _place(body, target)
        type_ = memory.loaded_type(place[1])
        value = body.coerce(expression(body, source, type_), type_, source)
        _store(body, place, value)


def _drop(body: Body, source: ast.expr) -> None:
    """`_ = f()`: call it, and say that its result does not matter."""
    value = expression(body, source)
    if not isinstance(source, ast.Call) or value.type in (None, INT_LITERAL):
        raise body.error("`_ = …` drops the result of a call; there is none", source)
    body.f.do(value.expr)


def target_type(body: Body, target: ast.Name) -> Any:
    """The type a name already has, else None."""
    variable = body.variables.get(target.id)
    if variable is not None:
        return variable.type
    decl = _global(body, target)
    return decl.type if decl is not None else None


def _global(body: Body, target: ast.Name) -> GlobalDecl | None:
    """The mutable global a name means here. Errors: it is one, but not declared `global`."""
    if target.id in body.variables:
        return None
    try:
        meaning = body.module.lookup(target.id)
    except KeyError:
        meaning = None
    is_declared = target.id in body.declared_global
    if isinstance(meaning, GlobalDecl):
        if not is_declared:
            raise body.error(f"{target.id} is a module global: say `global {target.id}` first", target)
        return meaning
    if is_declared:
        raise body.error(f"{target.id} is not a mutable global; declare it as `{target.id}: i32 = 0`", target)
    return None


def assign_name(body: Body, target: ast.Name, value: Value, source: ast.AST) -> None:
    """Set a variable or global; the first assignment gives a variable its type."""
    decl = _global(body, target)
    if decl is not None:
        body.f.set(body.global_of(decl), body.coerce(value, decl.type, source).expr)
        return
    variable = body.variables.get(target.id)
    if variable is None:
        variable = body.declare(target.id, inferred_type(body, target, value, source), target)
    assert variable.local is not None
    value = body.coerce(value, variable.type, source, f"variable {target.id!r}")
    body.f.set(variable.local, value.expr)
    body.set_known(target.id)


def inferred_type(body: Body, target: ast.Name, value: Value, source: ast.AST) -> Any:
    """The type of a variable first assigned `value`."""
    if value.type is None:
        raise body.error("the call has no result", source)
    if value.type is NONE:
        raise body.error(f"None alone gives no type: annotate `{target.id}: ptr[…] = None`", source)
    if isinstance(value.type, tuple):
        raise body.error(f"the call has {len(value.type)} results", source)
    return typed(value).type


def assign_annotated(body: Body, node: ast.AnnAssign) -> None:
    """`x: T = value` or `x: T`."""
    if not isinstance(node.target, ast.Name):
        raise body.error("only a variable may be annotated", node.target)
    type_ = as_type(body.module.type_of(node.annotation))
    existing = body.variables.get(node.target.id)
    if type_.wasm is None:
        raise body.error(f"a variable cannot be {describe(type_)}: it exists in memory only", node)
    if existing is not None and existing.type != type_:
        raise body.error(f"{node.target.id} already is {describe(existing.type)}", node)
    if node.value is not None:
        value = expression(body, node.value, type_)
        value = body.coerce(value, type_, node.value, f"variable {node.target.id!r}")
    variable = existing or body.declare(node.target.id, type_, node)
    if node.value is not None:
        assert variable.local is not None
        body.f.set(variable.local, value.expr)
        body.set_known(node.target.id)


# --- several targets -----------------------------------------------------------------------------


def _assign_several(body: Body, target: ast.Tuple, source: ast.expr, node: ast.stmt) -> None:
    """`a, b = f()` and `a, b = b, a`: all values first, then the targets."""
    names = target.elts
    if isinstance(source, ast.Tuple):
        if len(source.elts) != len(names):
            raise body.error(f"{len(names)} targets, {len(source.elts)} values", node)
        values = []
        for item, value_node in zip(names, source.elts, strict=True):
            want = target_type(body, item) if isinstance(item, ast.Name) and item.id != "_" else None
            values.append(typed_for(expression(body, value_node, want), want, body, value_node))
        body.f.out.append(b"".join([value.expr.code for value in values]))
        types = [value.type for value in values]
    else:
        value = expression(body, source)
        if not isinstance(value.type, tuple) or len(value.type) != len(names):
            raise body.error(f"expected {len(names)} values, got {describe(value.type)}", source)
        body.f.out.append(value.expr.code)
        types = list(value.type)
    _pop_into(body, names, types, source)


def typed_for(value: Value, want: Any, body: Body, node: ast.AST) -> Value:
    """A literal in the wanted type; anything else as it is."""
    if want is not None:
        return body.coerce(value, want, node)
    if value.type is NONE:
        raise body.error("None alone gives no type", node)
    return typed(value)


def _pop_into(body: Body, targets: list[ast.expr], types: list[Any], source: ast.expr) -> None:
    """Assign the values on the stack, as if to one target after the other, from the left.

    The last value comes first: most names are set at once, whatever the order matters for waits in a temporary.
    """
    waiting: list[tuple[ast.expr, dsl.Local, Any]] = []
    for at in reversed(range(len(targets))):
        item, type_ = targets[at], types[at]
        on_stack = Value(dsl.Expr(b"", wasm_type(type_)), type_)
        if isinstance(item, ast.Name) and item.id == "_":
            body.f.do(on_stack.expr)
        elif isinstance(item, ast.Name) and not _order_matters(body, item, targets, at):
            assign_name(body, item, on_stack, source)
        else:
            temp = body.frame.temp(wasm_type(type_))
            body.f.set(temp, on_stack.expr)
            waiting.append((item, temp, type_))
    for item, temp, type_ in reversed(waiting):
        if isinstance(item, ast.Name):
            assign_name(body, item, Value(temp, type_), source)
            continue
        place = _place(body, item)
        value = body.coerce(Value(temp, type_), memory.loaded_type(place[1]), item)
        memory.store(body, place[0].expr, place[1], value.expr, place[2])
    body.frame.release([temp for _, temp, _ in waiting])


def _order_matters(body: Body, name: ast.Name, targets: list[ast.expr], at: int) -> bool:
    """Whether a name is a target twice, or the address of a target to its left may depend on it."""
    others = [item for item in targets if item is not name]
    if any(isinstance(item, ast.Name) and item.id == name.id for item in others):
        return True
    read = [node for item in targets[:at] if not isinstance(item, ast.Name) for node in ast.walk(item)]
    if name.id not in body.declared_global:
        return any(isinstance(node, ast.Name) and node.id == name.id for node in read)
    return any(isinstance(node, ast.Call) or (isinstance(node, ast.Name) and node.id == name.id) for node in read)


# --- memory --------------------------------------------------------------------------------------


def _place(body: Body, target: ast.expr) -> Place:
    """Where `s.field = …` or `p[i] = …` stores."""
    if isinstance(target, ast.Attribute):
        struct, field_type, offset = field_place(body, target)
        if isinstance(field_type, ArrayType):
            raise body.error(f"field {target.attr} is an array; assign its elements", target)
        if isinstance(field_type, EmbedType):
            raise body.error(f"field {target.attr} is an embedded struct; assign its fields", target)
        return struct, field_type, offset
    if isinstance(target, ast.Subscript):
        pointer, element, flags = element_place(body, target)
        if isinstance(element, StructMeta):
            raise body.error(f"a {describe(element)} is not copied by assignment; use memory_copy", target)
        return Value(pointer, None, flags), element, 0
    raise body.error("cannot assign to this", target)


def _store(body: Body, place: Place, value: Value) -> None:
    address, type_, offset = place
    if not _may_swap(address.flags, value.flags):
        temp = body.f.local(value.expr.type)  # a new one: the address, evaluated meanwhile, may use those that are free
        body.f.set(temp, value.expr)
        memory.store(body, address.expr, type_, temp, offset)
        body.frame.release([temp])
    else:
        memory.store(body, address.expr, type_, value.expr, offset)


def _may_swap(first: int, second: int) -> bool:
    """Whether two evaluations mean the same in either order: neither changes what the other sees, or whether it is."""
    return not (first & EFFECTS and second) and not (second & EFFECTS and first)


def assign_augmented(body: Body, node: ast.AugAssign) -> None:
    """`target op= value`; an address is evaluated once."""
    if isinstance(node.target, ast.Name):
        load = ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target)
        left = expression(body, load)
        assign_name(body, node.target, _operate(body, node, left), node)
        return
    address, type_, offset = _place(body, node.target)
    held: list[dsl.Local] = []
    address = memory.stable(body, address, held)
    current = memory.load(body, address.expr, type_, offset)
    value = _operate(body, node, current)
    value = body.coerce(value, memory.loaded_type(type_), node)
    memory.store(body, address.expr, type_, value.expr, offset)
    body.frame.release(held)


def _operate(body: Body, node: ast.AugAssign, left: Value) -> Value:
    right = expression(body, node.value, None if is_pointer(left.type) else left.type)
    return operators.binary(body, node.op, left, right, node)
