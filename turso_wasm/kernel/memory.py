"""Memory: the kernel's allocator, and arenas.

Owns linear memory above `heap_base`. Two levels:

* Blocks: the heap is a row of adjacent blocks; free neighbours are merged at once and kept in bins by size, found
  best-bin-first. Requests above SMALL_MAX are blocks.
* Small objects: 48 size classes, each with a free list, cut from blocks of SPAN_SIZE bytes. A span is never given back.

A block or small object is a header of 8 bytes and its payload (16-byte aligned):

  OFFSET  SIZE  MEANING
  0       4     small: class * 2 + used; block: total size in bytes (a multiple of 16) + used
  4       4     small: the size asked for (debug builds); block: total size of the block before it, 0 if first
  8       4     free: the next free object or block of the list
  12      4     free block: the previous block of the list

Invariants:
  M1  A block's total size is >= BLOCK_MIN > 2 * N_CLASSES, so the first word tells small objects and blocks apart.
  M2  No two free blocks are adjacent. The heap ends with a used fence block of 16 bytes.
  M3  Debug builds: the payload of a free object, except its links, is POISON; the slack of a used small object behind
      the size asked for is PAINT. Both are checked when the object is reused or freed.
  M4  Arenas: chunks are linked by `prev`; everything in [start of chunk, top) is in use; `next` of the current chunk is
      null or one empty spare chunk, so that a loop which marks and releases across a chunk's end does not allocate.
  M5  16 readable bytes follow every payload and every chunk, so code may read whole words and mask the excess away.
"""

from turso_wasm.kernel.abi import TEXT, Arena, Statement
from turso_wasm.kernel.errors import ERROR_AREA_SIZE, raise_nomem
from turso_wasm.wasm.lang import (
    Struct,
    array,
    clz,
    export,
    heap_base,
    i32,
    i64,
    inline,
    le64,
    memory_copy,
    memory_fill,
    memory_grow,
    memory_size,
    ptr,
    sizeof,
    u8,
    u32,
)

N_CLASSES = 49  # class 0 is not used
N_BINS = 104
SMALL_MAX = 2048  # total size (with header) of the largest size class
SPAN_SIZE = 65536
BLOCK_MIN = 128
FENCE_SIZE = 16
GROW_MIN = 16  # pages of 64 KiB
GROW_MAX = 512
POISON = 0xDA  # even: a poisoned header does not look used
PAINT = 0xCD
CHUNK_MIN = 4096
CHUNK_MAX = 262144
SPARE_MAX = 262144


class Block(Struct):
    """Header of a block or small object; the payload begins at `next_free`."""

    size: i32
    before: i32
    next_free: i32
    prev_free: i32


class Heap(Struct):
    """The allocator's lists; lies behind the error record at the bottom of the heap, zero when the program starts."""

    free: array[i32, N_CLASSES]
    bins: array[i32, N_BINS]


class Chunk(Struct):
    """Header of an arena's chunk; 16 bytes."""

    prev: i32
    next: i32
    limit: i32
    unused: i32


used_bytes: i32 = 0
span_top: i32 = 0
span_limit: i32 = 0
heap_end: i32 = 0  # address behind the last fence; 0 before the first allocation


# --- debug checks: called in asserts only, so that release builds do not contain them -----------------------


def fill_debug(at: i32, n: i32, byte: i32) -> i32:
    """Fill n bytes; always true."""
    if n > 0:
        memory_fill(ptr[u8](at), byte, n)
    return 1


def filled_debug(at: i32, n: i32, byte: i32) -> i32:
    """True if n bytes still have that value."""
    p: ptr[u8] = ptr[u8](at)
    word: i64 = i64(byte) * 0x0101010101010101
    i: i32 = 0
    while i + 8 <= n:
        if le64(p + i) != word:
            return 0
        i += 8
    while i < n:
        if p[i] != byte:
            return 0
        i += 1
    return 1


def note_size_debug(b: Block, n: i32) -> i32:
    """Remember the size asked for; paint the payload of a small object."""
    b.before = n
    return fill_debug(i32(b) + 8, class_size(b.size >> 1) - 8, PAINT)


# --- size classes and bins -------------------------------------------------------------------------------------


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


def bin_of(total: i32) -> i32:
    """The bin of a free block: four per power of two, from BLOCK_MIN on."""
    log: i32 = 31 - clz(total)
    return ((log - 7) << 2) + ((total >> (log - 2)) & 3)


def heap() -> Heap:
    """The allocator's lists."""
    return Heap(((heap_base() + 15) & ~15) + ERROR_AREA_SIZE)


# --- blocks ------------------------------------------------------------------------------------------------------


def bin_insert(h: Heap, b: Block) -> None:
    """Put a free block (size without the used bit) into its bin."""
    at: i32 = bin_of(b.size)
    head: i32 = h.bins[at]
    b.next_free = head
    b.prev_free = 0
    if head:
        Block(head).prev_free = i32(b)
    h.bins[at] = i32(b)


def bin_remove(h: Heap, b: Block) -> None:
    """Take a free block out of its bin."""
    if b.next_free:
        Block(b.next_free).prev_free = b.prev_free
    if b.prev_free:
        Block(b.prev_free).next_free = b.next_free
    else:
        h.bins[bin_of(b.size)] = b.next_free


def block_find(h: Heap, total: i32) -> i32:
    """Take a free block of at least `total` bytes out of the bins; 0 if there is none."""
    at: i32 = bin_of(total)
    candidate: i32 = h.bins[at]
    tries: i32 = 0
    while candidate and tries < 16:
        if Block(candidate).size >= total:
            bin_remove(h, Block(candidate))
            return candidate
        candidate = Block(candidate).next_free
        tries += 1
    for i in range(at + 1, N_BINS):
        candidate = h.bins[i]
        if candidate:
            bin_remove(h, Block(candidate))
            return candidate
    return 0


def block_free(h: Heap, b: Block, total: i32) -> None:
    """Make `total` bytes at b a free block (M2). b.before is right."""
    assert fill_debug(i32(b) + 16, total - 16, POISON)
    block_merge(h, b, total)


def block_merge(h: Heap, b: Block, total: i32) -> None:
    """Like block_free, for a payload that is POISON already: merge with free neighbours and put into a bin."""
    start: i32 = i32(b)
    before: i32 = b.before
    after: Block = Block(start + total)
    if (after.size & 1) == 0:
        bin_remove(h, after)
        total += after.size
        assert fill_debug(i32(after), 16, POISON)
    if before and (Block(start - before).size & 1) == 0:
        assert fill_debug(start, 16, POISON)
        start = start - before
        total += before
        bin_remove(h, Block(start))
        before = Block(start).before
    merged: Block = Block(start)
    merged.size = total
    merged.before = before
    Block(start + total).before = total
    bin_insert(h, merged)


def heap_start() -> None:
    """Place the allocator's lists. The first block will follow them."""
    global heap_end
    # Blocks begin at 8 modulo 16, so that payloads are 16-aligned.
    heap_end = ((i32(heap()) + sizeof(Heap) + 15) & ~15) + 8
    lacking: i32 = heap_end + FENCE_SIZE + 8 - (memory_size() << 16)
    if lacking > 0:
        if memory_grow((lacking + 65535) >> 16) < 0:
            raise_nomem()
    limit: i32 = (memory_size() << 16) - 8
    first: Block = Block(heap_end)
    first.before = 0
    add_region(first, limit)


def add_region(b: Block, limit: i32) -> None:
    """Make [b, limit) a free block behind which a fence stands; b.before is right. Too small a region is given up."""
    global heap_end
    total: i32 = limit - FENCE_SIZE - i32(b)
    fence: Block = Block(limit - FENCE_SIZE)
    fence.size = FENCE_SIZE + 1
    heap_end = limit
    if total < BLOCK_MIN:
        Block(i32(b)).size = total + 1
        fence.before = total
    else:
        fence.before = total
        b.size = total + 1
        block_free(heap(), b, total)


def heap_grow(total: i32) -> None:
    """Grow memory so that a free block of `total` bytes exists; raises SQLITE_NOMEM."""
    need: i32 = i32(u32(total + 2 * FENCE_SIZE + 65535) >> 16)
    have: i32 = memory_size()
    step: i32 = have >> 3
    if step < GROW_MIN:
        step = GROW_MIN
    if step > GROW_MAX:
        step = GROW_MAX
    if step < need:
        step = need
    if memory_grow(step) < 0:
        step = need
        if memory_grow(step) < 0:
            raise_nomem()
    limit: i32 = (memory_size() << 16) - 8
    if (have << 16) - 8 == heap_end:
        # The old fence becomes the start of the new block.
        add_region(Block(heap_end - FENCE_SIZE), limit)
    else:
        # Somebody else grew memory: what lies between is not ours.
        fresh: Block = Block((have << 16) + 8)
        fresh.before = 0
        add_region(fresh, limit)


def block_alloc(total: i32) -> Block:
    """A used block of at least `total` bytes."""
    if heap_end == 0:
        heap_start()
    if total < BLOCK_MIN:
        total = BLOCK_MIN
    h: Heap = heap()
    found: i32 = block_find(h, total)
    if found == 0:
        heap_grow(total)
        found = block_find(h, total)
        if found == 0:
            raise_nomem()
    b: Block = Block(found)
    assert filled_debug(found + 16, total - 16, POISON), "memory M3: a freed block was written to"
    block_trim(h, b, total)
    return b


def block_trim(h: Heap, b: Block, total: i32) -> None:
    """Mark b (whose size has no used bit) used, giving back what exceeds `total` bytes when that makes a block.

    What is given back is POISON in debug builds.
    """
    rest: i32 = b.size - total
    if rest >= BLOCK_MIN:
        b.size = total + 1
        tail: Block = Block(i32(b) + total)
        tail.before = total
        tail.size = rest + 1
        Block(i32(tail) + rest).before = rest
        block_merge(h, tail, rest)
    else:
        b.size = b.size + 1


# --- small objects ---------------------------------------------------------------------------------------------


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


def small_alloc_slow(c: i32) -> Block:
    """An object of class c from the span, or from a new span."""
    global span_top, span_limit
    size: i32 = class_size(c)
    if span_limit - span_top < size:
        if heap_end:
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
    """n bytes of memory, 16-aligned, not initialised. Raises SQLITE_NOMEM; never null."""
    global used_bytes
    if u32(n) > 0x7FFF0000:
        raise_nomem()
    total: i32 = (n + 23) & ~15
    if total > SMALL_MAX:
        large: Block = block_alloc(total)
        used_bytes += large.size & ~1
        assert fill_debug(i32(large) + 8, n, PAINT)
        return ptr[u8](i32(large) + 8)
    c: i32 = class_of(total)
    h: Heap = heap()
    b: Block = Block(0)
    if heap_end and h.free[c]:
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
        if grown < total:
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


@export
def heap_check() -> i32:
    """Walk the last region's blocks against M1 and M2; the number of free bytes in the bins, or -1."""
    if heap_end == 0:
        return 0
    h: Heap = heap()
    free_bytes: i32 = 0
    for i in range(N_BINS):
        at: i32 = h.bins[i]
        previous: i32 = 0
        while at:
            b: Block = Block(at)
            after: Block = Block(at + b.size)
            if b.size & 15 or b.size < BLOCK_MIN or bin_of(b.size) != i or b.prev_free != previous:
                return -1
            if after.before != b.size or (after.size & 1) == 0:
                return -1
            if b.before and (Block(at - b.before).size & 1) == 0:
                return -1
            free_bytes += b.size
            previous = at
            at = b.next_free
    return free_bytes


# --- arenas ------------------------------------------------------------------------------------------------------


def arena_alloc_slow(a: Arena, n: i32) -> ptr[u8]:
    """n bytes (a multiple of 8) in the spare chunk or a new one."""
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
    """n bytes, 8-aligned, not initialised, valid until a mark taken before is released. Raises SQLITE_NOMEM."""
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
    a.chunk = at
    a.limit = Chunk(at).limit
    a.top = mark
    if u32(mark - at) > u32(a.limit - at):
        # The mark was taken when the arena was empty.
        a.top = at + sizeof(Chunk)


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
def alloc(stmt: Statement, n: i32) -> ptr[u8]:
    """n bytes in the statement's arena."""
    return arena_alloc(stmt.arena, n)


@export
def copy_value(stmt: Statement, tag: i32, payload: i64) -> tuple[i32, i64]:
    """The value with its text or blob copied into the statement's arena."""
    if tag < TEXT:
        return tag, payload
    size: i32 = i32(payload >> 32)
    p: ptr[u8] = alloc(stmt, size)
    memory_copy(p, ptr[u8](i32(payload)), size)
    return tag, (payload & ~0xFFFFFFFF) | i64(u32(p))
