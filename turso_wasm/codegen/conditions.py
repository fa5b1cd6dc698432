"""Conditions as jumps: three-valued logic without materialized booleans.

`jump(node, label, ctx, when, on_null)` branches when the truth of `node` is `when`, or when it is NULL and `on_null`; a
WHERE clause is `jump(predicate, next_row, when=False, on_null=True)`. Each connective has one line of algebra per case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from turso_wasm.bind import bound
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.encodings import as_text
from turso_wasm.codegen.expressions import (
    EMITTERS,
    INTEGER_OR_NULL,
    SPECIAL,
    emit_value,
    for_comparison,
)
from turso_wasm.codegen.late_operands import late_side
from turso_wasm.codegen.subtypes import may_have_subtype
from turso_wasm.codegen.values import NULL_VALUE, SqlValue, collation_code, mask
from turso_wasm.kernel.abi import BINARY, INTEGER, NULL, REAL, TEXT
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i32, if_expr, select

COMPARISON: dict[str, Callable[[Expr, Any], Expr]] = {
    "=": lambda x, y: x == y,
    "<>": lambda x, y: x != y,
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
    "is": lambda x, y: x == y,
    "is not": lambda x, y: x != y,
}


def jump(node: bound.Expr, label: Label, ctx: Context, when: bool, on_null: bool) -> None:
    """Branch to `label` when `node` is `when` (true/false), or NULL and `on_null`."""
    if isinstance(node, bound.Unary) and node.op == "not":
        jump(node.operand, label, ctx, not when, on_null)
    elif isinstance(node, bound.Binary) and node.op in ("and", "or"):
        _jump_connective(node, label, ctx, when, on_null)
    else:
        emitter = JUMPS.get(type(node), jump_value)
        emitter(node, label, ctx, when, on_null)


def _jump_connective(node: bound.Binary, label: Label, ctx: Context, when: bool, on_null: bool) -> None:
    decided_by = node.op == "or"  # the truth value of one side that decides the whole
    if when == decided_by:
        # x OR y true <- either;  x AND y false <- either
        jump(node.left, label, ctx, when, on_null)
        jump(node.right, label, ctx, when, on_null)
        return
    with ctx.f.block() as undecided:
        # x OR y false <- x not true, y false;  x AND y true <- x not false, y true
        jump(node.left, undecided, ctx, decided_by, not on_null)
        jump(node.right, label, ctx, when, on_null)


def _branch(label: Label, ctx: Context, true: Expr, null: Expr | None, when: bool, on_null: bool) -> None:
    """Branch on a leaf: `true` is meaningful where `null` is 0."""
    f = ctx.f
    if null is None or null.const == 0:
        f.br(label, if_=true if when else true.eqz())
    elif when and on_null:
        f.br(label, if_=null | true)
    elif when:
        f.br(label, if_=null.eqz() & true)
    elif on_null:
        f.br(label, if_=null | true.eqz())
    else:
        f.br(label, if_=(null | true).eqz())


# --- comparisons --------------------------------------------------------------------------------------


def _jump_compare(node: bound.Compare, label: Label, ctx: Context, when: bool, on_null: bool) -> None:
    true, null = compare(node, ctx)
    _branch(label, ctx, true, null, when, on_null)


def compare(node: bound.Compare, ctx: Context) -> tuple[Expr, Expr | None]:
    """(true, null) of a comparison; `null` None when it cannot be NULL."""
    late = None if node.op in ("is", "is not") else late_side(node, ctx)
    if late is not None:
        return _compare_late(node, late, ctx)
    left = for_comparison(node.left, node.left_affinity, ctx)
    right = for_comparison(node.right, node.right_affinity, ctx)
    textual = any(isinstance(side, bound.ColumnRef) and side.affinity == "B" for side in (node.left, node.right))
    true = compare_values(node.op, left, right, node.collation, ctx, textual)
    if node.op in ("is", "is not"):
        return true, None
    return true, left.has_tag(NULL) | right.has_tag(NULL)


def _compare_late(node: bound.Compare, late: Literal["left", "right"], ctx: Context) -> tuple[Expr, Expr | None]:
    """`compare`, where the late operand is asked only if the other is not NULL."""
    f = ctx.f
    known = f.local(I32, "known", i32(1))  # as emit_kleene gives it

    def finish(left: SqlValue, right: SqlValue) -> None:
        true = compare_values(node.op, left, right, node.collation, ctx)
        f.set(known, select((left if late == "left" else right).has_tag(NULL), i32(1), true << 1))

    with f.block() as done:
        if late == "right":
            left = for_comparison(node.left, node.left_affinity, ctx)
            f.br(done, if_=left.has_tag(NULL))
            finish(left, for_comparison(node.right, node.right_affinity, ctx))
        else:
            right = for_comparison(node.right, node.right_affinity, ctx)
            f.br(done, if_=right.has_tag(NULL))
            finish(for_comparison(node.left, node.left_affinity, ctx), right)
    return known == 2, known == 1


def compare_values(
    op: str, left: SqlValue, right: SqlValue, collation: str, ctx: Context, textual: bool = False
) -> Expr:
    """i32: left op right in the total order of values (NULL first); usual pairs of numbers inline, and of texts.

    textual: texts are expected.
    """
    relation = COMPARISON[op]
    inline = [(when, relation(*sides)) for when, *sides in _numbers(left, right) if when.const != 0]
    if inline and inline[0][0].const is not None:
        return inline[0][1]
    code = collation_code(collation, ctx)
    if code == BINARY and (textual or left.is_always(TEXT) or right.is_always(TEXT)):
        order = ctx.f.call("compare_bytes", *_bytes(left), *_bytes(right))
        inline.insert(0, (left.has_tag(TEXT) & right.has_tag(TEXT), relation(order, 0)))
    order = ctx.f.call("compare_values", ctx.stmt, *left.pair, *right.pair, code)
    found = relation(order, 0)
    for when, result in reversed(inline):
        found = if_expr(when, result, found)
    return found


def _bytes(text: SqlValue) -> tuple[Expr, Expr]:
    return text.payload.wrap(), text.payload.shr_u(32).wrap()


def _numbers(left: SqlValue, right: SqlValue) -> Iterator[tuple[Expr, Expr, Expr]]:
    """(the case, both sides as numbers of one type) of pairs that are worth code of their own: of the types that both
    sides can have.
    """
    integers = left.may_be(INTEGER) and right.may_be(INTEGER)
    if integers:
        yield left.has_tag(INTEGER) & right.has_tag(INTEGER), left.payload, right.payload
    elif left.may_be(REAL) and right.may_be(REAL):
        yield left.has_tag(REAL) & right.has_tag(REAL), left.payload.reinterpret(), right.payload.reinterpret()
    elif left.may_be(REAL) and right.is_always(INTEGER):
        yield left.has_tag(REAL) & _is_exact(right.payload), left.payload.reinterpret(), right.payload.to_f64_s()
    elif right.may_be(REAL) and left.is_always(INTEGER):
        yield right.has_tag(REAL) & _is_exact(left.payload), left.payload.to_f64_s(), right.payload.reinterpret()


def _is_exact(integer: Expr) -> Expr:
    """i32: it is exact as a double."""
    return (integer + (1 << 53)).le_u(1 << 54)


def _jump_is_null(node: bound.IsNull, label: Label, ctx: Context, when: bool, on_null: bool) -> None:
    value = emit_value(node.operand, ctx)
    true = value.has_tag(NULL)
    ctx.f.br(label, if_=true if when != node.negated else true.eqz())


def _jump_is_truth(node: bound.IsTruth, label: Label, ctx: Context, when: bool, on_null: bool) -> None:
    """X IS TRUE is never NULL: it is x's own test with NULL counting as "is not"."""
    positive = when != node.negated
    jump(node.operand, label, ctx, node.wanted if positive else not node.wanted, not positive)


# --- anything else ------------------------------------------------------------------------------------


def jump_value(node: bound.Expr, label: Label, ctx: Context, when: bool, on_null: bool) -> None:
    """`jump` for an expression that is no condition by itself: its value decides."""
    true, null = _truth(emit_value(node, ctx), ctx)
    _branch(label, ctx, true, null, when, on_null)


def _truth(value: SqlValue, ctx: Context) -> tuple[Expr, Expr | None]:
    """(true, null) of a value used as a condition."""
    if value.is_always(INTEGER):
        return value.payload != 0, None
    if not value.types & ~mask(INTEGER, NULL):
        return value.has_tag(INTEGER) & (value.payload != 0), value.has_tag(NULL)
    truth = ctx.f.local(I32, "", ctx.f.call("truth", *as_text(value, ctx).pair))  # 1, 0, or -1 for NULL
    return truth > 0, (truth < 0 if value.may_be(NULL) else None)


def jump_kleene(known: Local, label: Label, ctx: Context, when: bool, on_null: bool) -> None:
    """`jump` on a truth that is known as 0, 1 or 2."""
    if when:
        ctx.f.br(label, if_=known >= (1 if on_null else 2))
    else:
        ctx.f.br(label, if_=known <= (1 if on_null else 0))


def emit_kleene(node: bound.Expr, ctx: Context) -> Expr:
    """The truth of `node`: 0 false, 1 NULL, 2 true."""
    f = ctx.f
    if isinstance(node, bound.Unary) and node.op == "not":
        return f.local(I32, "", i32(2).sub(emit_kleene(node.operand, ctx)))
    if isinstance(node, bound.Binary) and node.op in ("and", "or"):
        decided = 0 if node.op == "and" else 2
        known = f.local(I32, "", emit_kleene(node.left, ctx))
        with f.if_(known != decided):
            other = f.local(I32, "", emit_kleene(node.right, ctx))
            smaller = known < other
            f.set(known, select(smaller if node.op == "and" else smaller.eqz(), known, other))
        return known
    if type(node) in KLEENE:
        return KLEENE[type(node)](node, ctx)
    if isinstance(node, bound.Compare):
        true, null = compare(node, ctx)
    elif isinstance(node, bound.IsNull):
        true, null = emit_value(node.operand, ctx).has_tag(NULL), None
        true = true.eqz() if node.negated else true
    elif isinstance(node, bound.IsTruth):
        inner = f.local(I32, "", emit_kleene(node.operand, ctx))
        true, null = inner == (2 if node.wanted else 0), None
        true = true.eqz() if node.negated else true
    else:
        true, null = _truth(emit_value(node, ctx), ctx)
    if null is None:
        return f.local(I32, "", true << 1)
    return f.local(I32, "", select(null, i32(1), true << 1))


JUMPS: dict[type, Callable[[Any, Label, Context, bool, bool], None]] = {
    bound.Compare: _jump_compare,
    bound.IsNull: _jump_is_null,
    bound.IsTruth: _jump_is_truth,
}


KLEENE: dict[type, Callable[[Any, Context], Expr]] = {}
"""Conditions whose truth is made as such: `emit_kleene` of a class."""


# --- conditions as values, and values chosen by conditions -----------------------------------------------------


def _boolean(node: bound.Expr, ctx: Context) -> SqlValue:
    """A condition as a value: 1, 0 or NULL."""
    return kleene_value(emit_kleene(node, ctx), ctx)


def kleene_value(known: Expr, ctx: Context) -> SqlValue:
    """A truth that is known as 0, 1 or 2, as a value."""
    tag = ctx.f.local(I32, "", known != 1)  # INTEGER is 1, NULL is 0
    return SqlValue(tag, ctx.f.local(I64, "", known.shr_u(1).extend_u()), INTEGER_OR_NULL)


def _case(node: bound.Case, ctx: Context) -> SqlValue:
    f = ctx.f
    chosen = ctx.chosen(may_have_subtype(node))

    def assign(expr: bound.Expr | None) -> None:
        ctx.choose(chosen, emit_value(expr, ctx) if expr is not None else NULL_VALUE)

    with f.block() as done:
        for condition, result in node.whens:
            with f.block() as following:
                jump(condition, following, ctx, when=False, on_null=True)
                assign(result)
                f.br(done)
        assign(node.otherwise)
    return chosen


@contextmanager
def _let(number: int, value: SqlValue, ctx: Context) -> Iterator[None]:
    before = ctx.lets.get(number)
    ctx.lets[number] = value
    yield
    if before is not None:
        ctx.lets[number] = before


def _let_value(node: bound.Let, ctx: Context) -> SqlValue:
    with _let(node.number, emit_value(node.value, ctx), ctx):
        return emit_value(node.body, ctx)


def _jump_let(node: bound.Let, label: Label, ctx: Context, when: bool, on_null: bool) -> None:
    with _let(node.number, emit_value(node.value, ctx), ctx):
        jump(node.body, label, ctx, when, on_null)


def _iif(node: bound.Call, ctx: Context) -> SqlValue:
    pairs = tuple(zip(node.args[0::2], node.args[1::2], strict=False))
    otherwise = node.args[-1] if len(node.args) % 2 else None
    return _case(bound.Case(whens=pairs, otherwise=otherwise), ctx)


def _nullif(node: bound.Call, ctx: Context) -> SqlValue:
    f = ctx.f
    result = ctx.copy(emit_value(node.args[0], ctx))
    assert not isinstance(result.tag, int)
    with f.block() as different:
        condition = bound.Compare(op="=", left=bound.LetRef(number=0), right=node.args[1], collation=node.collation)
        with _let(0, result, ctx):
            jump(condition, different, ctx, when=False, on_null=True)
        f.set(result.tag, NULL)
        f.set(result.payload, 0)  # type: ignore[arg-type]
    result.types |= mask(NULL)
    return result


EMITTERS.update(
    {
        bound.Compare: _boolean,
        bound.IsNull: _boolean,
        bound.IsTruth: _boolean,
        bound.Case: _case,
        bound.Let: _let_value,
        bound.LetRef: lambda node, ctx: ctx.lets[node.number],
    }
)
JUMPS[bound.Let] = _jump_let
SPECIAL.update({"iif": _iif, "if": _iif, "nullif": _nullif})
