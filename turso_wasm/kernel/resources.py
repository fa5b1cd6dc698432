"""Resources: memory and files that a statement holds longer than a row.

Owns the list `stmt.resources`, memory kept until the statement is reset (`keep_alloc`), and growing buffers. Sorters
and hash tables are resources too; each brings its own release function.

Every resource is memory of malloc that begins like this:

  OFFSET  SIZE  MEANING
  0       4     next: the next resource of the statement, 0 at the end
  4       4     kind: RESOURCE_*

Invariants:
  S1  A resource is linked before it owns anything that its release would have to free.
  S2  Releasing does not raise. It is dispatched by kind in kernel/release.py.
"""

from turso_wasm.kernel.abi import Arena, Statement
from turso_wasm.kernel.errors import raise_nomem
from turso_wasm.kernel.memory import arena_alloc, mrealloc, mzalloc
from turso_wasm.wasm.lang import Struct, export, i32, i64, ptr, sizeof, u8

RESOURCE_KEEP = 1
RESOURCE_BUFFER = 2
RESOURCE_SORTER = 3
RESOURCE_HASH = 4
RESOURCE_ROWLIST = 5

BUFFER_MAX = 0x7FFE0000


class Resource(Struct):
    """What all resources begin with."""

    next: i32
    kind: i32


class Keep(Resource):
    """Memory that lives until the statement is reset."""

    arena: Arena.embed


class Buffer(Resource):
    """One block of memory that can grow; `data` moves, the Buffer does not."""

    data: ptr[u8]
    capacity: i32


def resource_add(stmt: Statement, r: Resource) -> None:
    """Link a resource into the statement's list."""
    r.next = stmt.resources
    stmt.resources = i32(r)


def resource_new(stmt: Statement, size: i32, kind: i32) -> Resource:
    """A new resource of `size` bytes, zeroed but for its head, and linked. Errors: SQLITE_NOMEM."""
    r: Resource = Resource(mzalloc(size))
    r.kind = kind
    resource_add(stmt, r)
    return r


def resource_unlink(stmt: Statement, resource: i32) -> bool:
    """Take a resource out of the statement's list; False if it is not there."""
    before: i32 = 0
    at: i32 = stmt.resources
    while at and at != resource:
        before = at
        at = Resource(at).next
    if at == 0:
        return False
    if before:
        Resource(before).next = Resource(at).next
    else:
        stmt.resources = Resource(at).next
    return True


# --- kept memory ---------------------------------------------------------------------------------------------


@export
def keep_alloc(stmt: Statement, n: i32) -> ptr[u8]:
    """Allocate n bytes, 8-aligned, not initialised, that live until the statement is reset. Errors: SQLITE_NOMEM."""
    at: i32 = stmt.resources
    while at and Resource(at).kind != RESOURCE_KEEP:
        at = Resource(at).next
    if at == 0:
        at = i32(resource_new(stmt, sizeof(Keep), RESOURCE_KEEP))
    return arena_alloc(Keep(at).arena, n)


# --- growing buffers -----------------------------------------------------------------------------------------


def buffer_new(stmt: Statement) -> Buffer:
    """An empty buffer."""
    return Buffer(i32(resource_new(stmt, sizeof(Buffer), RESOURCE_BUFFER)))


def buffer_grow(b: Buffer, n: i64) -> None:
    """Make the capacity at least n bytes; at least doubles. Errors: SQLITE_NOMEM."""
    if n <= i64(b.capacity):
        return
    capacity: i64 = i64(b.capacity) * 2
    if capacity < n:
        capacity = n
    if capacity > BUFFER_MAX:
        capacity = BUFFER_MAX
    if n > BUFFER_MAX:
        raise_nomem()
    b.data = mrealloc(b.data, i32(capacity))
    b.capacity = i32(capacity)
