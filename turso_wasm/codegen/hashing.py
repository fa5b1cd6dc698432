"""What generated code reads of the kernel's hash tables directly."""

from __future__ import annotations

from turso_wasm.kernel.abi import Hash
from turso_wasm.wasm.dsl import Expr, Local, load


def hash_found(table: Local) -> Expr:
    """i32: the last hash_add found the key there already."""
    return load("i32", table, Hash.offset("found"))
