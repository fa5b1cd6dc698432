"""Hash tables in generated code: what was found, and the members of an IN."""

from __future__ import annotations

from collections.abc import Sequence

from turso_wasm.codegen.context import Context
from turso_wasm.codegen.values import SqlValue, collation_code
from turso_wasm.kernel.abi import INTEGER, NULL
from turso_wasm.kernel.abi_states import Hash
from turso_wasm.wasm.dsl import Expr, Local, i32, load, select

HAS_NULL = 4  # members: 8 bytes, the address of a hash table and whether there is a NULL


def hash_found(table: Local) -> Expr:
    """i32: the last hash_add found the key there already."""
    return load("i32", table, Hash.offset("found"))


def make_key(keys: Sequence[SqlValue], collations: Sequence[str], ctx: Context) -> None:
    """Make the values the statement's current key."""
    ctx.do("key_reset", ctx.stmt)
    for key, collation in zip(keys, collations, strict=True):
        ctx.do("key_add", ctx.stmt, key, collation_code(collation, ctx))


def add_key(
    table: Local, keys: Sequence[SqlValue], collations: Sequence[str], ctx: Context, entry: Local | None = None
) -> None:
    """Add a key to a table; `entry`: what it finds there. A single integer is looked for inline."""
    f = ctx.f

    def general() -> None:
        make_key(keys, collations, ctx)
        found(f.call("hash_add", table))

    def found(call: Expr) -> None:
        f.do(call) if entry is None else f.set(entry, call)

    if len(keys) != 1 or not keys[0].may_be(INTEGER):
        general()
        return
    with f.if_(keys[0].has_tag(INTEGER)) as otherwise:
        found(f.call("hash_add_int", table, keys[0].payload, inline=True))
        otherwise.else_()
        general()


def new_members(at: Expr, ctx: Context) -> None:
    """Begin the members stored at `at`."""
    ctx.f.store("i32", at, ctx.f.call("hash_new", ctx.stmt, 0))
    ctx.f.store("i32", at, 0, HAS_NULL)


def add_member(at: Expr, value: SqlValue, collation: str, ctx: Context) -> None:
    """Add a value to the members at `at`."""
    f = ctx.f
    with f.if_(value.has_tag(NULL)) as otherwise:
        f.store("i32", at, 1, HAS_NULL)
        otherwise.else_()
        make_key([value], [collation], ctx)
        ctx.do("hash_add", f.load("i32", at))


def find_member(at: Expr, operand: SqlValue, collation: str, known: Local, ctx: Context) -> None:
    """Known = the truth of `operand IN (the members at `at`)`: 0 false, 1 NULL, 2 true."""
    f = ctx.f
    table, has_null = f.load("i32", at), f.load("i32", at, HAS_NULL)
    with f.if_(operand.has_tag(NULL)) as otherwise:
        f.set(known, (f.call("hash_any", table) != 0) | has_null)
        otherwise.else_()
        make_key([operand], [collation], ctx)
        f.set(known, select(f.call("hash_find", table), i32(2), has_null))
