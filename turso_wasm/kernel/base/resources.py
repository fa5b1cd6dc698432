"""Frames of routines, and resources: memory and files that an activation holds longer than a row.

Owns the frames of a statement's routines, the list `resources` of each, memory kept until the activation ends
(`keep_alloc`), and growing buffers. Sorters and hash tables are resources too; each brings its own release function.
New ones hang on the frame `stmt.scope`.

Every resource is memory of malloc that begins like this:

  OFFSET  SIZE  MEANING
  0       4     next: the next resource of the frame, 0 at the end
  4       4     kind: KIND_*
  8       4     release: the function that frees what the resource owns, and the resource

Invariants:
  S1  A resource is linked before it owns anything that its release would have to free.
  S2  Release functions do not raise; when one is called the resource is in no list any more.
"""

from turso_wasm.kernel.abi import Arena, Frame, Resource, Run
from turso_wasm.kernel.base.memory import arena_alloc, arena_free, grown, mfree, mrealloc, mzalloc
from turso_wasm.wasm.lang import export, fn, funcref, i32, i64, ptr, sizeof, u8

__subset__ = True

KIND_KEEP = 1
KIND_BUFFER = 2
KIND_SORTER = 3
KIND_HASH = 4
KIND_VACUUM = 5
KIND_USER = 6
KIND_ANALYSIS = 7
KIND_LABELS = 8
KIND_CHECK = 9


class Keep(Resource):
    """Memory that lives until the activation ends."""

    arena: Arena.embed


class Buffer(Resource):
    """One block of memory that can grow; `data` moves, the Buffer does not."""

    data: ptr[u8]
    capacity: i32


def resource_add(stmt: Run, size: i32, kind: i32, release: fn[[i32], None]) -> Resource:
    """A new resource of `size` bytes of the frame in scope, zeroed but for its head. Errors: SQLITE_NOMEM."""
    owner: Frame = Frame(stmt.scope)
    r: Resource = Resource(mzalloc(size))
    r.kind = kind
    r.release = release
    r.next = owner.resources
    owner.resources = i32(r)
    return r


@export
def resource_free(stmt: Run, resource: i32) -> None:
    """Free one resource of the frame in scope (a sorter or hash table that is done with) before the activation ends."""
    owner: Frame = Frame(stmt.scope)
    before: i32 = 0
    at: i32 = owner.resources
    while at and at != resource:
        before = at
        at = Resource(at).next
    if at == 0:
        return
    if before:
        Resource(before).next = Resource(at).next
    else:
        owner.resources = Resource(at).next
    Resource(at).release(at)


# --- frames --------------------------------------------------------------------------------------------------


@export
def frame_new(stmt: Run, size: i32) -> Frame:
    """A frame of `size` bytes (its head included), zeroed, for a routine of the statement. Errors: SQLITE_NOMEM."""
    frame: Frame = Frame(mzalloc(size))
    frame.next = stmt.frames
    stmt.frames = i32(frame)
    return frame


@export
def frame_leave(frame: Frame) -> None:
    """An activation ends: free the frame's resources."""
    while frame.resources:
        at: i32 = frame.resources
        frame.resources = Resource(at).next
        Resource(at).release(at)


@export
def resources_free(stmt: Run) -> None:
    """Free every resource and frame of the statement; the frame in scope is its own again."""
    stmt.scope = i32(stmt.root)
    stmt.labels = 0
    stmt.queue = 0
    frame_leave(stmt.root)
    while stmt.frames:
        frame: Frame = Frame(stmt.frames)
        stmt.frames = frame.next
        frame_leave(frame)
        mfree(ptr[u8](i32(frame)))


# --- kept memory ---------------------------------------------------------------------------------------------


def keep_release(resource: i32) -> None:
    """Free a Keep."""
    arena_free(Keep(resource).arena)
    mfree(ptr[u8](resource))


@export
def keep_alloc(stmt: Run, n: i32) -> ptr[u8]:
    """Allocate n bytes, 8-aligned, not initialised, that live until the activation ends. Errors: SQLITE_NOMEM."""
    at: i32 = Frame(stmt.scope).resources
    while at and Resource(at).kind != KIND_KEEP:
        at = Resource(at).next
    if at == 0:
        at = i32(resource_add(stmt, sizeof(Keep), KIND_KEEP, funcref(keep_release)))
    return arena_alloc(Keep(at).arena, n)


# --- growing buffers -----------------------------------------------------------------------------------------


def buffer_release(resource: i32) -> None:
    """Free a Buffer."""
    mfree(Buffer(resource).data)
    mfree(ptr[u8](resource))


def buffer_new(stmt: Run) -> Buffer:
    """An empty buffer."""
    return Buffer(i32(resource_add(stmt, sizeof(Buffer), KIND_BUFFER, funcref(buffer_release))))


def buffer_grow(b: Buffer, n: i64) -> None:
    """Make the capacity at least n bytes; at least doubles. Errors: SQLITE_NOMEM."""
    if n <= i64(b.capacity):
        return
    capacity: i32 = grown(b.capacity, n, 0)
    b.data = mrealloc(b.data, capacity)
    b.capacity = capacity
