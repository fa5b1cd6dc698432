"""Bound expressions to code: `emit_value(node, ctx)` leaves a SqlValue, one emitter per node type.

Does not decide affinities or collations (bind did). Conditions, CASE and subqueries register theirs from conditions.py
and subqueries.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, assert_never

from turso_wasm.base.errors import SQLITE_CORRUPT_VTAB, SQLITE_ERROR, SqlError
from turso_wasm.base.tree import Node, nodes_in
from turso_wasm.bind import bound
from turso_wasm.bind.walk import walk
from turso_wasm.catalog.types import FLEXNUM, AffinityLetter
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.encodings import ENCODED, arguments, as_bytes, as_text, concatenated, result
from turso_wasm.codegen.late_operands import late_side, null_or
from turso_wasm.codegen.records import copied, encode_record
from turso_wasm.codegen.subtypes import mark, mark_as_chosen, may_have_subtype, store_with_subtype
from turso_wasm.codegen.values import (
    AFFINITY_CODE,
    NULL_VALUE,
    SqlValue,
    collation_code,
    mask,
)
from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, REAL, TEXT, UTF8, KernelConnection, Run
from turso_wasm.kernel.abi_states import Pattern
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Local

INTEGER_OR_NULL = mask(INTEGER, NULL)
NUMBER_OR_NULL = mask(INTEGER, REAL, NULL)
TEXT_OR_NULL = mask(TEXT, NULL)

ARITHMETIC = {
    "+": ("value_add", NUMBER_OR_NULL),
    "-": ("value_sub", NUMBER_OR_NULL),
    "*": ("value_mul", NUMBER_OR_NULL),
    "/": ("value_div", NUMBER_OR_NULL),
    "%": ("value_rem", NUMBER_OR_NULL),
    "&": ("value_bitand", INTEGER_OR_NULL),
    "|": ("value_bitor", INTEGER_OR_NULL),
    "<<": ("value_shl", INTEGER_OR_NULL),
    ">>": ("value_shr", INTEGER_OR_NULL),
}


def emit_value(node: bound.Expr, ctx: Context) -> SqlValue:
    """Evaluate `node` once; the result may be used any number of times in code that follows."""
    return EMITTERS[type(node)](node, ctx)


def _constant(node: bound.Constant, ctx: Context) -> SqlValue:
    return ctx.literal(node.value, node.lifted)


def _parameter(node: bound.Parameter, ctx: Context) -> SqlValue:
    return ctx.parameter(node.index - 1)


def _column(node: bound.ColumnRef, ctx: Context) -> SqlValue:
    return ctx.sources[node.source].value(node.column, ctx)


def _unary(node: bound.Unary, ctx: Context) -> SqlValue:
    if node.op == "not":
        return EMITTERS[bound.Compare](node, ctx)  # a condition as a value
    if is_invariant(node):
        return ctx.hoist(invariant_key(node), lambda: _apply_signs(node, ctx))
    return _apply_signs(node, ctx)


def _apply_signs(node: bound.Unary, ctx: Context) -> SqlValue:
    """A chain of signs, which can be long, in a loop."""
    signs, operand = signs_of(node)
    if signs[-1] == "-" and isinstance(operand, bound.Constant) and isinstance(operand.value, float):
        literal = ctx.literal(operand.value, operand.lifted)  # -0.0 keeps its sign
        value = SqlValue(REAL, literal.payload ^ -(2**63))
        signs.pop()
    else:
        value = emit_value(operand, ctx)
        if set(signs) != {"+"}:
            value = as_text(value, ctx)
    for sign in reversed(signs):
        if sign == "-":
            value = ctx.call("value_negate", value, types=NUMBER_OR_NULL)
        elif sign == "~":
            value = ctx.call("value_bitnot", value, types=INTEGER_OR_NULL)
    return value


def signs_of(node: bound.Expr) -> tuple[list[str], bound.Expr]:
    """The signs before an operand, outside in, and the operand."""
    signs: list[str] = []
    while isinstance(node, bound.Unary) and node.op != "not":
        signs.append(node.op)
        node = node.operand
    return signs, node


def _binary(node: bound.Binary, ctx: Context) -> SqlValue:
    if node.op in ("and", "or"):
        return EMITTERS[bound.Compare](node, ctx)  # a condition as a value
    match late_side(node, ctx):
        case "right":
            left = emit_value(node.left, ctx)
            return null_or(left, lambda: _operated(node.op, left, emit_value(node.right, ctx), ctx), ctx)
        case "left":
            right = emit_value(node.right, ctx)
            return null_or(right, lambda: _operated(node.op, emit_value(node.left, ctx), right, ctx), ctx)
        case _:
            return _operated(node.op, emit_value(node.left, ctx), emit_value(node.right, ctx), ctx)


def _operated(op: str, left: SqlValue, right: SqlValue, ctx: Context) -> SqlValue:
    if op == "||":
        return concatenated(left, right, ctx)
    left, right = as_text(left, ctx), as_text(right, ctx)
    if op in ("+", "-") and left.may_be(INTEGER) and right.may_be(INTEGER):
        return _add_inline(op, left, right, ctx)
    if op in ("/", "%") and left.may_be(INTEGER) and right.may_be(INTEGER):
        return _divide_inline(op, left, right, ctx)
    name, types = ARITHMETIC[op]
    return ctx.call(name, left, right, types=types)


def _add_inline(op: str, left: SqlValue, right: SqlValue, ctx: Context) -> SqlValue:
    """A + b, a - b: integers without overflow inline, the rest in the kernel."""
    f = ctx.f
    tag, total = f.local(I32), f.local(I64)
    x, y = left.payload, right.payload
    f.set(total, x + y if op == "+" else x.sub(y))
    overflow = (x ^ total) & (y ^ total) if op == "+" else (x ^ y) & (x ^ total)
    f.set(tag, INTEGER)
    ok = left.has_tag(INTEGER) & right.has_tag(INTEGER) & (overflow >= 0)
    with f.if_(ok.eqz()):
        f.call_multi(ARITHMETIC[op][0], *left.pair, *right.pair, into=[tag, total])
    return SqlValue(tag, total, NUMBER_OR_NULL)


def _divide_inline(op: str, left: SqlValue, right: SqlValue, ctx: Context) -> SqlValue:
    """A / b, a % b: integers inline, but for divisors 0 and -1, which the kernel knows about."""
    f = ctx.f
    tag, result = f.local(I32), f.local(I64)
    x, y = left.payload, right.payload
    with f.if_(left.has_tag(INTEGER) & right.has_tag(INTEGER) & (y + 1).gt_u(1)) as otherwise:
        f.set(result, x.div_s(y) if op == "/" else x.rem_s(y))
        f.set(tag, INTEGER)
        otherwise.else_()
        f.call_multi(ARITHMETIC[op][0], *left.pair, *right.pair, into=[tag, result])
    return SqlValue(tag, result, NUMBER_OR_NULL)


def _cast(node: bound.Cast, ctx: Context) -> SqlValue:
    operand = emit_value(node.operand, ctx)
    value = as_bytes(operand, ctx) if node.affinity == "A" else as_text(operand, ctx)
    types = {"B": mask(TEXT), "A": mask(BLOB), "D": mask(INTEGER), "E": mask(REAL)}.get(
        node.affinity, mask(INTEGER, REAL)
    )
    result = ctx.call_alloc("cast_value", value, AFFINITY_CODE[node.affinity], types=types | mask(NULL))
    result.subtype = operand.subtype if node.affinity == "B" else None
    return result


def _apply_affinity(node: bound.ApplyAffinity, ctx: Context) -> SqlValue:
    return with_affinity(emit_value(node.operand, ctx), node.affinity, ctx)


def _generated(node: bound.Generated, ctx: Context) -> SqlValue:
    return emit_value(node.value, ctx)


def _collated(node: bound.Collated, ctx: Context) -> SqlValue:
    return emit_value(node.operand, ctx)


# --- affinity ---------------------------------------------------------------------------------------


def with_affinity(value: SqlValue, affinity: AffinityLetter | None, ctx: Context) -> SqlValue:
    """`value` after SQLite's column affinity (datatype3.html section 3) was applied."""
    if affinity is None or affinity in ("A", FLEXNUM):
        return value
    f = ctx.f
    if affinity == "B":
        wanted = value.has_tag(INTEGER) | value.has_tag(REAL)
        types = value.types & ~mask(INTEGER, REAL) | mask(TEXT)
    elif affinity == "E":
        wanted = value.has_tag(INTEGER) | value.has_tag(TEXT)
        types = value.types & ~mask(INTEGER) | mask(REAL)
    else:
        wanted = value.has_tag(REAL) | value.has_tag(TEXT)
        types = value.types | (mask(INTEGER, REAL) if value.may_be(TEXT) else mask(INTEGER))
    if wanted.const == 0:
        return value
    result = ctx.copy(value)
    ctx.allocates = ctx.allocates or affinity == "B"
    with f.if_(wanted):
        assert not isinstance(result.tag, int) and hasattr(result.payload, "index")
        f.call_multi(
            "apply_affinity",
            ctx.stmt,
            *value.pair,
            AFFINITY_CODE[affinity],
            into=[result.tag, result.payload],  # type: ignore[list-item]
        )
    result.types = types
    return result


def for_comparison(node: bound.Expr, affinity: AffinityLetter | None, ctx: Context) -> SqlValue:
    """An operand of a comparison, its affinity applied: numeric affinities only touch text, TEXT only numbers."""
    if affinity is not None and affinity != "A" and is_invariant(node):
        return ctx.hoist(
            ("affinity", affinity, invariant_key(node)),
            lambda: comparison_affinity(emit_value(node, ctx), affinity, ctx),
        )
    return comparison_affinity(emit_value(node, ctx), affinity, ctx)


def comparison_affinity(value: SqlValue, affinity: AffinityLetter | None, ctx: Context) -> SqlValue:
    """`value` as one side of a comparison that applies `affinity`."""
    if affinity is None or affinity == "A":
        return value
    if affinity == "B":
        return with_affinity(value, "B", ctx)
    if not value.may_be(TEXT):
        return value
    result = ctx.copy(value)
    with ctx.f.if_(value.has_tag(TEXT)):
        ctx.f.call_multi("apply_numeric", *value.pair, into=[result.tag, result.payload])  # type: ignore[list-item]
    result.types = value.types | NUMBER_OR_NULL
    return result


def is_invariant(node: bound.Expr) -> bool:
    """Constant during the statement, cheap and free of errors."""
    return isinstance(signs_of(node)[1], bound.Constant | bound.Parameter)


def invariant_key(node: bound.Expr) -> Any:
    """Equal keys mean equal values, for `hoist`."""
    signs, operand = signs_of(node)
    if isinstance(operand, bound.Parameter):
        return ("parameter", operand.index, *signs)
    assert isinstance(operand, bound.Constant)
    if operand.lifted is not None:
        return ("lifted", operand.lifted, *signs)
    return (type(operand.value), repr(operand.value), *signs)


# --- functions --------------------------------------------------------------------------------------


def _call(node: bound.Call, ctx: Context) -> SqlValue:
    if node.style == "special":
        return SPECIAL[node.name](node, ctx)
    if node.style == "unknown":
        raise SqlError(SQLITE_ERROR, node.kernel)
    if ctx.loop and _is_constant_call(node):
        return ctx.lazily(lambda: _kept(_kernel_call(node, ctx), ctx))
    value = _kernel_call(node, ctx)
    if ctx.loop and node.name in _GROWING:
        _count_bytes(value, ctx)
    return value


_GROWING = frozenset(("randomblob", "zeroblob", "hex", "unhex", "replace", "printf", "format", "quote"))
"""Functions whose result may be far larger than their arguments."""
BYTES_A_TICK_SHIFT = 6  # 64 bytes take about as long as a row


def _count_bytes(value: SqlValue, ctx: Context) -> None:
    """A row with a large value counts as many: it is not long until interrupts are seen."""
    f = ctx.f
    with f.if_(value.tag_expr >= TEXT):
        f.set(ctx.budget, ctx.budget - value.payload.shr_u(32 + BYTES_A_TICK_SHIFT).wrap())


CALL_TICKS = 32
"""A call of the user's code takes as long as so many rows, at least."""

_CONSTANT_PARTS = (bound.Constant, bound.Parameter, bound.Unary, bound.Binary, bound.Cast, bound.Call)


def _is_constant_call(node: bound.Call) -> bool:
    """It has the same value for all rows, which takes a call of the kernel to compute."""
    plain = node.style in ("fixed", "array", "array_collation", "typed") and not may_have_subtype(node)
    return plain and all(
        isinstance(part, _CONSTANT_PARTS) and (type(part) is not bound.Call or part.deterministic)
        for part in walk(node)
    )


def _kept(value: SqlValue, ctx: Context) -> SqlValue:
    return copied(value, lambda size: ctx.f.call("keep_alloc", ctx.stmt, size), ctx)


def _kernel_call(node: bound.Call, ctx: Context) -> SqlValue:
    if node.style == "fixed":
        operands: list[SqlValue | int] = [*arguments([emit_value(arg, ctx) for arg in node.args], node.name, ctx)]
        routine = node.kernel
        if ctx.unit.encoding != UTF8 and node.name in ENCODED:
            routine = ENCODED[node.name]
            operands.append(ctx.unit.encoding)
        return mark(result(ctx.call_alloc(routine, *operands), ctx), node, ctx)
    if node.style == "typed":
        from turso_wasm.codegen.typed.function import call_typed  # loaded by the statements that need it

        return call_typed(node, [emit_value(arg, ctx) for arg in node.args], ctx)
    block = ctx.f.local(I32, "", ctx.frame_values(len(node.args)))
    values = [emit_value(arg, ctx) for arg in node.args]
    if node.style in ("array", "json"):
        values = arguments(values, node.name, ctx)
    store = store_with_subtype if node.style == "json" else _store
    for i, value in enumerate(values):
        store(block, value, i, ctx)
    match node.style:
        case "json":
            return mark(result(ctx.call_alloc(node.kernel, block, len(values)), ctx), node, ctx)
        case "user":
            if ctx.loop:
                f = ctx.f
                f.set(ctx.budget, ctx.budget - CALL_TICKS)
            return ctx.call_alloc("user_function", block, len(values), node.number)
        case "array":
            return result(ctx.call_alloc(node.kernel, block, len(values)), ctx)
        case "array_collation":
            chosen = ctx.call_alloc(node.kernel, block, len(values), collation_code(node.collation, ctx))
            return mark_as_chosen(chosen, values, ctx)
        case "special" | "unknown" | "typed":
            raise AssertionError("no routine of the kernel")
        case _:
            assert_never(node.style)


def _store(block: Expr, value: SqlValue, at: int, ctx: Context) -> None:
    ctx.store_value(block, value, at)


def _coalesce(node: bound.Call, ctx: Context) -> SqlValue:
    f = ctx.f
    result = ctx.chosen(may_have_subtype(node))
    assert isinstance(result.tag, Local)
    with f.block() as done:
        for arg in node.args:
            ctx.choose(result, emit_value(arg, ctx))
            f.br(done, if_=result.tag)
    return result


def _first(node: bound.Call, ctx: Context) -> SqlValue:
    return emit_value(node.args[0], ctx)


def _like(node: bound.Call, ctx: Context) -> SqlValue:
    """like(pattern, text[, escape])."""
    values = [emit_value(arg, ctx) for arg in node.args]
    escape = values[2] if len(values) > 2 else NULL_VALUE
    case = node.kernel == "like_case"

    def general() -> SqlValue:
        more = (1,) if case else ()
        return ctx.call_alloc(node.kernel, *values[:2], escape, int(len(values) > 2), *more, types=INTEGER_OR_NULL)

    return _matched(node, values, (ord("%"), ord("_"), 0, int(case)), general, ctx)


def _glob(node: bound.Call, ctx: Context) -> SqlValue:
    values = [emit_value(arg, ctx) for arg in node.args]
    wildcards = ord("*"), ord("?"), ord("["), 1
    return _matched(node, values, wildcards, lambda: ctx.call_alloc("glob", *values, types=INTEGER_OR_NULL), ctx)


def _matched(
    node: bound.Call,
    values: Sequence[SqlValue],
    kind: tuple[int, int, int, int],
    general: Callable[[], SqlValue],
    ctx: Context,
) -> SqlValue:
    """What `general` gives; of texts and a constant pattern the kernel knows more. kind: arguments of pattern_match."""
    f = ctx.f
    pattern, text = values[:2]
    if not isinstance(node.args[0], (bound.Constant, bound.Parameter)) or len(values) > 2 or not pattern.may_be(TEXT):
        return general()
    known = ctx.frame_alloc(Pattern.size)
    ctx.zero_at_start(known)
    result = ctx.chosen()
    with f.block() as done:
        with f.if_(pattern.has_tag(TEXT) & text.has_tag(TEXT)):
            call = f.call("pattern_match", ctx.frame + known, pattern.payload, text.payload, *kind)
            found = f.local(I32, "found", call)
            ctx.choose(result, SqlValue(INTEGER, found.extend_u()))
            f.br(done, if_=found >= 0)
        ctx.choose(result, general())
    return result


def _connection_field(field: str) -> Callable[[bound.Call, Context], SqlValue]:
    def emit(node: bound.Call, ctx: Context) -> SqlValue:
        f = ctx.f
        connection = f.load("i32", ctx.stmt, Run.offset("connection"))
        return SqlValue(INTEGER, f.local(I64, "", f.load("i64", connection, KernelConnection.offset(field))))

    return emit


def _raise(node: bound.Call, ctx: Context) -> SqlValue:
    """Raise an error whose message is the argument, a text."""
    code = CODES[node.name]
    message = node.args[0]
    if isinstance(message, bound.Constant):
        ctx.raise_error(code, str(message.value))
    else:
        payload = emit_value(message, ctx).payload
        ctx.do("raise_error", code, payload.wrap(), payload.shr_u(32).wrap())
    return NULL_VALUE


def _no_match(node: bound.Call, ctx: Context) -> SqlValue:
    """MATCH that no virtual table has taken for a condition of its own."""
    ctx.raise_error(SQLITE_ERROR, "unable to use function MATCH in the requested context")
    return NULL_VALUE


def _transaction(node: bound.Call, ctx: Context) -> SqlValue:
    """The number of the transaction whose changes are captured, the argument if none was yet."""
    f = ctx.f
    given = emit_value(node.args[0], ctx)
    connection = f.load("i32", ctx.stmt, Run.offset("connection"))
    number = f.local(I64, "txn", f.load("i64", connection, KernelConnection.offset("capture_txn")))
    result = ctx.chosen()
    with f.if_(number != 0) as otherwise:
        ctx.choose(result, SqlValue(INTEGER, number))
        otherwise.else_()
        ctx.choose(result, given)
    return result


def _is_autocommit(node: bound.Call, ctx: Context) -> SqlValue:
    f = ctx.f
    connection = f.load("i32", ctx.stmt, Run.offset("connection"))
    return SqlValue(INTEGER, f.load("i32", connection, KernelConnection.offset("autocommit")).extend_u())


CODES = {"raise": SQLITE_ERROR, "raise_damage": SQLITE_CORRUPT_VTAB}
SPECIAL: dict[str, Callable[[bound.Call, Context], SqlValue]] = {
    "raise": _raise,
    "raise_damage": _raise,
    "match": _no_match,
    "coalesce": _coalesce,
    "ifnull": _coalesce,
    "like": _like,
    "glob": _glob,
    "likely": _first,
    "unlikely": _first,
    "likelihood": _first,
    "changes": _connection_field("changes"),
    "total_changes": _connection_field("total_changes"),
    "last_insert_rowid": _connection_field("last_insert_rowid"),
    "conn_txn_id": _transaction,
    "is_autocommit": _is_autocommit,
}


def _record(node: bound.Record, ctx: Context) -> SqlValue:
    ensure(node.values, ctx)
    return SqlValue(BLOB, encode_record([emit_value(value, ctx) for value in node.values], ctx))


def _capture_time(node: bound.CaptureTime, ctx: Context) -> SqlValue:
    return SqlValue(INTEGER, ctx.f.call("capture_seconds", ctx.stmt))


def _full_text(node: bound.FullText, ctx: Context) -> SqlValue:
    from turso_wasm.codegen.modules.fts5 import full_text  # loaded by the statements that need it

    return full_text(node, ctx)


EMITTERS: dict[type, Callable[[Any, Context], SqlValue]] = {
    bound.Constant: _constant,
    bound.Parameter: _parameter,
    bound.ColumnRef: _column,
    bound.Unary: _unary,
    bound.Binary: _binary,
    bound.Cast: _cast,
    bound.ApplyAffinity: _apply_affinity,
    bound.Collated: _collated,
    bound.Generated: _generated,
    bound.Call: _call,
    bound.Record: _record,
    bound.CaptureTime: _capture_time,
    bound.FullText: _full_text,
}

# --- columns an expression reads ------------------------------------------------------------------------


def columns_of(exprs: object) -> dict[int, set[int]]:
    """The columns (source → column numbers) that evaluating expressions or a plan can read."""
    found: dict[int, set[int]] = {}
    for node in walk(*nodes_in(exprs)):
        if type(node) is bound.ColumnRef:
            found.setdefault(node.source, set()).add(node.column)
    return found


def outer_columns(*plans: Node) -> dict[int, set[int]]:
    """The columns that plans (and expressions over their columns) read of sources outside of them."""
    own = {getattr(node, "source", -1) for node in walk(*plans) if isinstance(node, nodes.Plan)}
    return {source: columns for source, columns in columns_of(plans).items() if source not in own}


def ensure_outer(plan: nodes.Plan, ctx: Context) -> None:
    """Decode here what `plan` reads of sources outside of it."""
    for source, columns in outer_columns(plan).items():
        if source in ctx.sources:
            ctx.sources[source].ensure(columns, ctx)


def ensure_cheap(exprs: object, ctx: Context) -> None:
    """Decode here the columns that `exprs` may read, of sources where they cost less together than one by one."""
    for source, columns in columns_of(exprs).items():
        if source in ctx.sources and ctx.sources[source].is_cheap(columns):
            ctx.sources[source].ensure(columns, ctx)


def ensure(exprs: object, ctx: Context) -> None:
    """Decode here, unconditionally, the columns that `exprs` will read: later uses find them in locals."""
    for source, columns in columns_of(exprs).items():
        if source in ctx.sources:
            ctx.sources[source].ensure(columns, ctx)
