"""Memory: malloc and its kin, and arenas.

Owns allocation for the kernel and its hosts. A request above SMALL_MAX is a block of the heap (kernel/base/heap.py).
Small objects belong to one of 48 size classes, each with a free list, and are cut from spans of SPAN_SIZE bytes, which
are blocks that are never given back.

  OFFSET  SIZE  MEANING (of a small object)
  0       4     class * 2 + 1 if used
  4       4     debug builds: the size asked for
  8       4     free: the next free object of its class

Invariants:
  M1  The first word of a small object is less than 2 * N_CLASSES, that of a block more: heap B1.
  M2  Payloads are 16-aligned.
  M3  Debug builds: the payload of a free object, except its link, is POISON; the slack of a used one behind the size
      asked for is PAINT. Both are checked when the object is reused or freed.
  M4  Arenas: chunks are linked by `prev`; everything in [start of chunk, top) is in use; `next` of the current chunk is
      null or one empty spare chunk, so that a loop which marks and releases across a chunk's end does not allocate. Of
      an empty arena, and as a spare, no chunk larger than SPARE_MAX is kept.
  M5  16 readable bytes follow every payload and every chunk, so code may read whole words and mask the excess away.
"""

from turso_wasm.kernel.abi import TEXT, Arena, Run
from turso_wasm.kernel.base.errors import raise_nomem
from turso_wasm.kernel.base.heap import (
    N_CLASSES,
    POISON,
    Block,
    Heap,
    bin_remove,
    block_alloc,
    block_free,
    block_trim,
    fill_debug,
    filled_debug,
    heap,
    heap_ready,
)
from turso_wasm.kernel.base.limits import is_short, within_hard_limit
from turso_wasm.wasm.lang import Struct, export, i32, i64, inline, memory_copy, memory_fill, ptr, sizeof, u8, u32

__subset__ = True

SMALL_MAX = 2048  # total size (with header) of the largest size class
SPAN_SIZE = 65536
PAINT = 0xCD
CHUNK_MIN = 4096
CHUNK_MAX = 262144
SPARE_MAX = 262144
GROWN_MAX = 0x7FFE0000  # of a buffer that grows


class Chunk(Struct):
    """Header of an arena's chunk; 16 bytes."""

    prev: i32
    next: i32
    limit: i32
    unused: i32


used_bytes: i32 = 0
span_top: i32 = 0
span_limit: i32 = 0


# --- size classes -------------------------------------------------------------------------------------------


def class_of(total: i32) -> i32:
    """The smallest class that holds `total` bytes (a multiple of 16, 16..SMALL_MAX): 1..48."""
    if total <= 512:
        return total >> 4
    if total <= 1024:
        return 32 + ((total - 512 + 63) >> 6)
    return 40 + ((total - 1024 + 127) >> 7)


def class_size(c: i32) -> i32:
    """Total size of the objects of class c."""
    if c <= 32:
        return c << 4
    if c <= 40:
        return 512 + ((c - 32) << 6)
    return 1024 + ((c - 40) << 7)


def note_size_debug(b: Block, n: i32) -> i32:
    """Remember the size asked for; paint the payload of a small object."""
    b.before = n
    return fill_debug(i32(b) + 8, class_size(b.size >> 1) - 8, PAINT)


# --- small objects ------------------------------------------------------------------------------------------


def span_retire(h: Heap) -> None:
    """Put what is left of the span into the free lists."""
    global span_top
    while span_limit - span_top >= 16:
        total: i32 = span_limit - span_top
        if total > SMALL_MAX:
            total = SMALL_MAX
        c: i32 = class_of(total)
        if class_size(c) > total:
            c -= 1
        b: Block = Block(span_top)
        b.size = c << 1
        b.next_free = h.free[c]
        h.free[c] = span_top
        assert fill_debug(i32(b) + 12, class_size(c) - 12, POISON)
        span_top += class_size(c)


def check_limit(n: i32) -> None:
    """Raise SQLITE_NOMEM if n bytes more would exceed the hard limit."""
    if not within_hard_limit(i64(u32(used_bytes)) + i64(n)):
        raise_nomem()


def small_alloc_slow(c: i32) -> Block:
    """An object of class c from the span, or from a new span."""
    global span_top, span_limit
    size: i32 = class_size(c)
    if span_limit - span_top < size:
        check_limit(SPAN_SIZE)
        if heap_ready():
            span_retire(heap())
        b: Block = block_alloc(SPAN_SIZE)
        # Objects begin at 8 modulo 16, like blocks.
        span_top = i32(b) + 16
        span_limit = i32(b) + (b.size & ~1)
    at: i32 = span_top
    span_top = at + size
    return Block(at)


@export
def malloc(n: i32) -> ptr[u8]:
    """`n` bytes of memory, 16-aligned, not initialised. Raises SQLITE_NOMEM; never null."""
    global used_bytes
    if u32(n) > 0x7FFF0000:
        raise_nomem()
    total: i32 = (n + 23) & ~15
    if total > SMALL_MAX:
        check_limit(total)
        large: Block = block_alloc(total)
        used_bytes += large.size & ~1
        assert fill_debug(i32(large) + 8, n, PAINT)
        return ptr[u8](i32(large) + 8)
    c: i32 = class_of(total)
    h: Heap = heap()
    b: Block = Block(0)
    if heap_ready() and h.free[c]:
        b = Block(h.free[c])
        h.free[c] = b.next_free
        assert filled_debug(i32(b) + 12, class_size(c) - 12, POISON), "memory M3: a freed object was written to"
    else:
        b = small_alloc_slow(c)
    b.size = (c << 1) + 1
    used_bytes += class_size(c)
    assert note_size_debug(b, n)
    return ptr[u8](i32(b) + 8)


@export
def mzalloc(n: i32) -> ptr[u8]:
    """Like malloc, zeroed."""
    p: ptr[u8] = malloc(n)
    memory_fill(p, 0, n)
    return p


@export
def mfree(p: ptr[u8]) -> None:
    """Free memory got from malloc; null does nothing."""
    global used_bytes
    if p == None:  # noqa: E711
        return
    b: Block = Block(i32(p) - 8)
    assert b.size & 1, "memory: freed twice, or not memory of malloc"
    h: Heap = heap()
    if b.size > 2 * N_CLASSES:
        total: i32 = b.size & ~1
        used_bytes -= total
        block_free(h, b, total)
        return
    c: i32 = b.size >> 1
    assert filled_debug(i32(p) + b.before, class_size(c) - 8 - b.before, PAINT), "memory M3: written behind its end"
    used_bytes -= class_size(c)
    b.size = c << 1
    b.next_free = h.free[c]
    h.free[c] = i32(b)
    assert fill_debug(i32(b) + 12, class_size(c) - 12, POISON)


def capacity(b: Block) -> i32:
    """Payload bytes of a used object or block."""
    if b.size > 2 * N_CLASSES:
        return (b.size & ~1) - 8
    return class_size(b.size >> 1) - 8


def block_resize(b: Block, total: i32) -> i32:
    """Make a used block hold `total` bytes where it is, taking from a free block behind it; 0 if that cannot be."""
    global used_bytes
    h: Heap = heap()
    size: i32 = b.size & ~1
    after: Block = Block(i32(b) + size)
    grown: i32 = size
    if total > size:
        if after.size & 1:
            return 0
        grown = size + after.size
        if u32(grown) < u32(total):
            return 0
        bin_remove(h, after)
        Block(i32(b) + grown).before = grown
    else:
        assert fill_debug(i32(b) + total, size - total, POISON)
    used_bytes -= size
    b.size = grown
    block_trim(h, b, total)
    used_bytes += b.size & ~1
    return 1


def grown(capacity: i32, need: i64, least: i32) -> i32:
    """The size for a buffer of that capacity which needs more: at least `need` and `least`, and doubled if that can be.
    Errors: SQLITE_NOMEM when no buffer can be so large.
    """
    if need > GROWN_MAX:
        raise_nomem()
    size: i64 = i64(capacity) * 2
    if size > GROWN_MAX:
        size = i64(GROWN_MAX)
    if size < need:
        size = need
    return i32(size) if size > i64(least) else least


@export
def mrealloc(p: ptr[u8], n: i32) -> ptr[u8]:
    """Memory of n bytes with the first bytes of p (null: none); p is freed when another address is returned."""
    if p == None:  # noqa: E711
        return malloc(n)
    if u32(n) > 0x7FFF0000:
        raise_nomem()
    b: Block = Block(i32(p) - 8)
    assert b.size & 1, "memory: realloc of freed memory, or not memory of malloc"
    old: i32 = capacity(b)
    total: i32 = (n + 23) & ~15
    if b.size > 2 * N_CLASSES:
        if total > SMALL_MAX and block_resize(b, total):
            return p
    elif total <= SMALL_MAX and class_of(total) == b.size >> 1:
        assert renote_size_debug(b, n)
        return p
    fresh: ptr[u8] = malloc(n)
    memory_copy(fresh, p, n if n < old else old)
    mfree(p)
    return fresh


def renote_size_debug(b: Block, n: i32) -> i32:
    """Remember a new size asked for, painting the slack again (M3)."""
    b.before = n
    return fill_debug(i32(b) + 8 + n, class_size(b.size >> 1) - 8 - n, PAINT)


@export
def memory_used() -> i32:
    """Bytes in use, with headers."""
    return used_bytes


def memory_is_short() -> bool:
    """Whether caches must not grow."""
    return is_short(i64(u32(used_bytes)))


# --- arenas -------------------------------------------------------------------------------------------------


def arena_alloc_slow(a: Arena, n: i32) -> ptr[u8]:
    """`n` bytes (a multiple of 8) in the spare chunk or a new one."""
    if u32(n) > 0x7FFE0000:
        raise_nomem()
    current: i32 = a.chunk
    spare: i32 = 0
    size: i32 = CHUNK_MIN
    if current:
        spare = Chunk(current).next
        size = (Chunk(current).limit - current) * 2
        if size > CHUNK_MAX:
            size = CHUNK_MAX
    if spare and Chunk(spare).limit - spare - sizeof(Chunk) < n:
        mfree(ptr[u8](spare))
        Chunk(current).next = 0
        spare = 0
    if spare == 0:
        if size - sizeof(Chunk) < n:
            size = n + sizeof(Chunk)
        spare = i32(malloc(size))
        fresh: Chunk = Chunk(spare)
        fresh.prev = current
        fresh.next = 0
        fresh.limit = spare + (size & ~7)
        if current:
            Chunk(current).next = spare
    a.chunk = spare
    a.limit = Chunk(spare).limit
    a.top = spare + sizeof(Chunk) + n
    return ptr[u8](spare + sizeof(Chunk))


@export
@inline
def arena_alloc(a: Arena, n: i32) -> ptr[u8]:
    """`n` bytes, 8-aligned, not initialised, valid until a mark taken before is released. Raises SQLITE_NOMEM."""
    size: i32 = (n + 7) & ~7
    at: i32 = a.top
    if u32(size) <= u32(a.limit - at):
        a.top = at + size
        return ptr[u8](at)
    return arena_alloc_slow(a, size)


@export
@inline
def arena_mark(a: Arena) -> i32:
    """A mark for arena_release."""
    return a.top


def arena_release_slow(a: Arena, mark: i32) -> None:
    """Go back to an earlier chunk; keep the one behind it as the spare chunk (M4)."""
    at: i32 = a.chunk
    if at == 0:
        return
    while u32(mark - at) > u32(Chunk(at).limit - at) and Chunk(at).prev:
        after: i32 = Chunk(at).next
        if after:
            mfree(ptr[u8](after))
            Chunk(at).next = 0
        at = Chunk(at).prev
    spare: i32 = Chunk(at).next
    if spare and Chunk(spare).limit - spare > SPARE_MAX:
        mfree(ptr[u8](spare))
        Chunk(at).next = 0
    if u32(mark - at) > u32(Chunk(at).limit - at):
        # The mark was taken when the arena was empty.
        mark = at + sizeof(Chunk)
        if Chunk(at).limit - at > SPARE_MAX:
            a.chunk = at
            arena_free(a)
            return
    a.chunk = at
    a.limit = Chunk(at).limit
    a.top = mark


def poison_arena_debug(a: Arena, mark: i32) -> i32:
    """Poison what a release within the current chunk gives back."""
    return fill_debug(mark, a.top - mark, POISON)


@export
@inline
def arena_release(a: Arena, mark: i32) -> None:
    """Give back everything allocated since the mark was taken."""
    if u32(mark - a.chunk) <= u32(a.top - a.chunk):
        assert poison_arena_debug(a, mark)
        a.top = mark
    else:
        arena_release_slow(a, mark)


@export
def arena_free(a: Arena) -> None:
    """Free all memory of the arena; it is empty and usable afterwards."""
    at: i32 = a.chunk
    if at and Chunk(at).next:
        mfree(ptr[u8](Chunk(at).next))
    while at:
        before: i32 = Chunk(at).prev
        mfree(ptr[u8](at))
        at = before
    a.chunk = 0
    a.top = 0
    a.limit = 0


@export
@inline
def alloc(stmt: Run, n: i32) -> ptr[u8]:
    """`n` bytes in the statement's arena."""
    return arena_alloc(stmt.arena, n)


@export
def copy_value(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """The value with its text or blob copied into the statement's arena."""
    if tag < TEXT:
        return tag, payload
    size: i32 = i32(payload >> 32)
    p: ptr[u8] = alloc(stmt, size)
    memory_copy(p, ptr[u8](i32(payload)), size)
    return tag, (payload & ~0xFFFFFFFF) | i64(u32(p))
