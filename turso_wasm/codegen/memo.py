"""What a subquery has answered is kept, for each combination of the outer values that it reads.

A hash table of the statement holds the answers. Values that are equal and are not the same (1 and 1.0) have answers of
their own. Where values hardly repeat, after a while nothing is kept or looked for any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from turso_wasm.codegen.context import VALUE_SIZE, Context
from turso_wasm.codegen.records import copied
from turso_wasm.codegen.values import SqlValue, mask
from turso_wasm.kernel.abi import INTEGER, REAL
from turso_wasm.wasm.dsl import I32, Expr, Local, i32

TABLE, HITS, IS_OFF, SIZE = 0, 4, 8, 16  # the memo: its hash table, answers found, nothing is kept any more
SAMPLE = 10_000  # answers after which one in two must have been there
MOST = 500_000  # answers that are kept
MAX_ARGUMENTS = 16


@contextmanager
def remembered(node: object, arguments: Sequence[SqlValue], result: Local, types: int, ctx: Context) -> Iterator[None]:
    """Around the code that leaves in `result` the address of the answer: of a value of `types`, of an i32 if 0."""
    f = ctx.f
    memo = f.local(I32, "memo", ctx.once(node, SIZE, lambda at: _begin(at, ctx)))
    entry = f.local(I32, "entry", 0)
    with f.block() as known:
        with f.block() as off:
            f.br(off, if_=f.load("i32", memo, IS_OFF))
            _key(arguments, ctx)
            f.set(entry, f.call("hash_add", f.load("i32", memo, TABLE)))
            with f.if_(f.load("i32", entry, VALUE_SIZE)):
                f.store("i32", memo, f.load("i32", memo, HITS) + 1, HITS)
                f.set(result, entry)
                f.br(known)
        yield
        with f.if_(entry):
            _keep(memo, entry, result, types, ctx)


def _begin(at: Expr, ctx: Context) -> None:
    f = ctx.f
    f.store("i32", at, f.call("hash_new", ctx.stmt, VALUE_SIZE + 4), TABLE)
    f.store("i32", at, 0, HITS)
    f.store("i32", at, 0, IS_OFF)


def _key(arguments: Sequence[SqlValue], ctx: Context) -> None:
    """All arguments, then, if any is a REAL, which of them: to a key 1.0 is 1."""
    f = ctx.f
    ctx.do("key_reset", ctx.stmt)
    reals: Expr = i32(0)
    for number, value in enumerate(arguments):
        ctx.do("key_add", ctx.stmt, value, 0)
        if value.types & mask(REAL) and value.types & mask(INTEGER):
            reals = reals | (value.has_tag(REAL) << number)
    found = f.local(I32, "reals", reals)
    with f.if_(found):
        ctx.do("key_add_int", ctx.stmt, found.extend_u(), 0)


def _keep(memo: Local, entry: Local, result: Local, types: int, ctx: Context) -> None:
    """Put the answer into its entry, or give up."""
    f = ctx.f
    table = f.local(I32, "table", f.load("i32", memo, TABLE))
    count = f.local(I32, "count", f.call("hash_count", table))
    is_new = (count > f.load("i32", memo, HITS)) & (count >= SAMPLE)
    with f.if_(is_new | (count >= MOST)) as otherwise:
        f.store("i32", memo, 1, IS_OFF)
        ctx.do("hash_clear", table)
        otherwise.else_()
        if types:
            value = copied(ctx.load_value(result, types=types), lambda size: f.call("hash_alloc", table, size), ctx)
            ctx.store_value(entry, value)
        else:
            f.store("i32", entry, f.load("i32", result))
        f.store("i32", entry, 1, VALUE_SIZE)
