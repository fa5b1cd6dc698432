"""The heap: blocks of memory above `heap_base`.

Owns linear memory. The heap is a row of adjacent blocks; free neighbours are merged at once and kept in bins by size,
four per power of two, where the first that is large enough is taken. `memory` hands blocks out, and cuts small objects
from some of them.

  OFFSET  SIZE  MEANING
  0       4     total size in bytes, a multiple of 16, + 1 if used
  4       4     total size of the block before it, 0 if it is the first
  8       4     free: the next free block of the bin
  12      4     free: the previous one

Invariants:
  B1  Blocks begin at 8 modulo 16, so payloads (8 bytes further on) are 16-aligned. A block has at least BLOCK_MIN
      bytes.
  B2  No two free blocks are adjacent. A used fence of FENCE_SIZE bytes, and 8 bytes more, end the heap.
  B3  Sizes of free blocks are unsigned: one may be larger than 2 GiB. Used ones are smaller (malloc's limit).
  B4  What is LARGE is cut from the end of a free block, everything else from its beginning: so what stays for long does
      not come to lie among large blocks, and they leave large holes.
  B5  Debug builds: the payload of a free block, except its links, is POISON; checked when the block is taken.
"""

from turso_wasm.kernel.base.errors import ERROR_AREA_SIZE, raise_nomem
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
    memory_fill,
    memory_grow,
    memory_size,
    ptr,
    sizeof,
    u8,
    u32,
)

__subset__ = True

N_CLASSES = 49  # size classes of small objects (kernel/base/memory.py); class 0 is not used
N_BINS = 104
BLOCK_MIN = 128
FENCE_SIZE = 16
GROW_MIN = 16  # pages of 64 KiB
GROW_MAX = 512
LARGE = 16 << 20
POISON = 0xDA  # even: a poisoned header does not look used


class Block(Struct):
    """Header of a block, or of a small object; the payload begins at `next_free`."""

    size: i32
    before: i32
    next_free: i32
    prev_free: i32


class Heap(Struct):
    """The allocator's lists; lies behind the error record at the bottom of the heap, zero when the program starts."""

    free: array[i32, N_CLASSES]
    bins: array[i32, N_BINS]


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


# --- bins ---------------------------------------------------------------------------------------------------


def bin_of(total: i32) -> i32:
    """The bin of a free block: four per power of two, from BLOCK_MIN on."""
    log: i32 = 31 - clz(total)
    return ((log - 7) << 2) + ((total >> (log - 2)) & 3)


@inline
def heap_ready() -> bool:
    """Whether there was an allocation."""
    return heap_end != 0


def heap() -> Heap:
    """The allocator's lists."""
    return Heap(((heap_base() + 15) & ~15) + ERROR_AREA_SIZE)


# --- blocks -------------------------------------------------------------------------------------------------


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
        if u32(Block(candidate).size) >= u32(total):
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
    """Make `total` bytes at b a free block (B2). b.before is right."""
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
    if lacking > 0 and memory_grow((lacking + 65535) >> 16) < 0:
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
    if u32(total) < BLOCK_MIN:
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
    assert filled_debug(found + 16, total - 16, POISON), "heap B5: a freed block was written to"
    if total >= LARGE:
        return block_cut_end(h, b, total)
    block_trim(h, b, total)
    return b


def block_cut_end(h: Heap, b: Block, total: i32) -> Block:
    """The last `total` bytes of b (whose size has no used bit) as a used block (B4)."""
    rest: i32 = b.size - total
    if u32(rest) < BLOCK_MIN:
        b.size += 1
        return b
    tail: Block = Block(i32(b) + rest)
    tail.size = total + 1
    tail.before = rest
    Block(i32(tail) + total).before = total
    b.size = rest
    bin_insert(h, b)
    return tail


def block_trim(h: Heap, b: Block, total: i32) -> None:
    """Mark b (whose size has no used bit) used, giving back what exceeds `total` bytes when that makes a block.

    What is given back is POISON in debug builds.
    """
    rest: i32 = b.size - total
    if u32(rest) >= BLOCK_MIN:
        b.size = total + 1
        tail: Block = Block(i32(b) + total)
        tail.before = total
        tail.size = rest + 1
        Block(i32(tail) + rest).before = rest
        block_merge(h, tail, rest)
    else:
        b.size = b.size + 1


@export
def heap_check() -> i32:
    """Walk the last region's blocks against B1 and B2; the number of free bytes in the bins, or -1."""
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
            if b.size & 15 or u32(b.size) < BLOCK_MIN or bin_of(b.size) != i or b.prev_free != previous:
                return -1
            if after.before != b.size or (after.size & 1) == 0:
                return -1
            if b.before and (Block(at - b.before).size & 1) == 0:
                return -1
            free_bytes += b.size
            previous = at
            at = b.next_free
    return free_bytes
