"""Sorted runs in which a key can be looked up: what hash tables become that do not fit into memory.

Owns an index of each run: a fence for every block of some BLOCK bytes, a Bloom filter of its keys; and the blocks that
were read last. Fences and filter stay in memory: about a byte a key, and a key for every block.

A block lies between two fences; a row that is larger than a block makes it larger. A run is written once, by
indexed_begin, indexed_write in ascending order of keys, indexed_end.

Invariants:
  N1  A fence is the offset and the key of its block's first row.
  N2  A key that a run has is in its filter.
  N3  Blocks are kept by the lowest bits of their number, so the next block does not take the place of this one.
  N4  The row that was found is valid until the next look-up or step.
"""

from turso_wasm.kernel.abi import Arena
from turso_wasm.kernel.base.copy import copy_bytes
from turso_wasm.kernel.base.errors import SQLITE_IOERR
from turso_wasm.kernel.base.limits import work_memory
from turso_wasm.kernel.base.memory import arena_alloc, arena_free, grown, malloc, mfree, mrealloc, mzalloc
from turso_wasm.kernel.base.sort import compare_keys, key_word
from turso_wasm.kernel.base.tempfile import temp_open, temp_read
from turso_wasm.kernel.base.vfs import raise_io, vfs_close
from turso_wasm.kernel.values.sorted_runs import (
    SLACK,
    Reader,
    SortedRuns,
    merge_close,
    merge_next,
    merge_open,
    run_begin,
    run_end,
    runs_buffer,
    runs_flush,
    runs_release,
    runs_write,
)
from turso_wasm.wasm.lang import Struct, clz, i32, i64, inline, le32, le64, ptr, rotl, sizeof, u8, u64

__subset__ = True

BLOCK = 8192
BLOCKS_MIN = 4
BLOCKS_MAX = 4096
RUNS_MAX = 8  # that are looked through before they are merged into one
FILTER_MAX = 1 << 28
MIX = 0x9E3779B97F4A7C15


class Fence(Struct):
    """Where a block begins (N1)."""

    prefix: u64
    offset: i64
    key: ptr[u8]
    size: i32


class Index(Struct):
    """Of a run: its fences, from number `first` on, and its filter of 64-bit words."""

    first: i32
    count: i32
    filter: ptr[u64]
    shift: i32  # 64 - log2 of the number of words
    rows: i64


class Block(Struct):
    """A block in memory. number: of its fence, -1: none."""

    number: i32
    filled: i32
    capacity: i32
    data: ptr[u8]


class IndexedRuns(SortedRuns):
    """The runs and their indexes."""

    fences: ptr[Fence]
    n_fences: i32
    fences_capacity: i32
    keys: Arena.embed  # of the fences
    indexes: ptr[Index]
    blocks: ptr[Block]
    blocks_mask: i32
    room: ptr[u8]  # for a row that is made to be written
    room_size: i32
    run: i32  # of the row that was found
    number: i32  # its block
    at: i32  # its place in the block


def indexed_new(open_flags: i32) -> IndexedRuns:
    """No runs. Its owner calls indexed_free. Errors: SQLITE_NOMEM."""
    s: IndexedRuns = IndexedRuns(i32(mzalloc(sizeof(IndexedRuns))))
    s.fd = -1
    s.target = -1
    s.open_flags = open_flags
    s.buffer_size = runs_buffer()
    return s


def indexed_free(s: IndexedRuns) -> None:
    """Free everything, the file too."""
    runs_release(SortedRuns(i32(s)))
    for i in range(s.n_runs):
        mfree(ptr[u8](s.indexes[i].filter))
    mfree(ptr[u8](s.indexes))
    arena_free(s.keys)
    mfree(ptr[u8](s.fences))
    mfree(s.room)
    blocks_free(s)
    mfree(ptr[u8](i32(s)))


def blocks_free(s: IndexedRuns) -> None:
    """Forget what was read."""
    if s.blocks:
        for i in range(s.blocks_mask + 1):
            mfree(s.blocks[i].data)
        mfree(ptr[u8](s.blocks))
        s.blocks = ptr[Block](0)


# --- filters -------------------------------------------------------------------------------------------------


def filter_hash(key: ptr[u8], size: i32) -> u64:
    """A hash of a key. 16 bytes behind it are readable."""
    h: u64 = u64(size)
    at: i32 = 0
    while at + 8 <= size:
        h = (rotl(h, 23) ^ u64(le64(key + at))) * MIX
        at += 8
    if at < size:
        h = (rotl(h, 23) ^ key_word(key, size, at)) * MIX
    h = (h ^ (h >> 32)) * MIX
    return h ^ (h >> 29)


@inline
def filter_bits(hash: u64) -> u64:
    """The bits of a key in its word of the filter: three, maybe fewer."""
    one: u64 = 1
    return one << (hash & 63) | one << (hash >> 6 & 63) | one << (hash >> 12 & 63)


@inline
def filter_word(index: Index, hash: u64) -> i32:
    """The number of a key's word."""
    return i32(hash >> u64(index.shift))


# --- writing -------------------------------------------------------------------------------------------------


def indexed_begin(s: IndexedRuns, count: i64) -> None:
    """Begin a run of at most `count` rows, in a new file if there is none. Errors: SQLITE_CANTOPEN, SQLITE_NOMEM, …"""
    if s.fd < 0:
        s.fd = temp_open(s.open_flags)
    run_begin(SortedRuns(i32(s)))
    words: i32 = 16
    while i64(words) * 8 < count and words < FILTER_MAX >> 3:
        words *= 2
    s.indexes = ptr[Index](mrealloc(ptr[u8](s.indexes), (s.n_runs + 1) * sizeof(Index)))
    index: Index = s.indexes[s.n_runs]
    index.first = s.n_fences
    index.count = 0
    index.rows = 0
    index.shift = i32(clz(words)) + 33
    index.filter = ptr[u64](0)
    s.n_runs += 1  # so that it will be freed
    index.filter = ptr[u64](mzalloc(words * 8))


def indexed_room(s: IndexedRuns, n: i32) -> ptr[u8]:
    """Room for a row of n bytes. Errors: SQLITE_NOMEM."""
    if n > s.room_size:
        size: i32 = grown(s.room_size, i64(n), 256)
        s.room = mrealloc(s.room, size)
        s.room_size = size
    return s.room


def indexed_write(s: IndexedRuns, fd: i32, head: ptr[u8]) -> None:
    """Append a row, as in a run (kernel/values/sorted_runs.py), to the run that has begun."""
    index: Index = s.indexes[s.n_runs - 1]
    size: i32 = i32(le32(head + 4))
    offset: i64 = s.written + i64(s.out_used)
    if index.count == 0 or offset - s.fences[s.n_fences - 1].offset >= BLOCK:
        fence_add(s, head + 8, size, offset)
        index.count += 1
    index.rows += 1
    hash: u64 = filter_hash(head + 8, size)
    word: i32 = filter_word(index, hash)
    index.filter[word] = index.filter[word] | filter_bits(hash)
    runs_write(SortedRuns(i32(s)), fd, head, 8 + size + i32(le32(head)))


def fence_add(s: IndexedRuns, key: ptr[u8], size: i32, offset: i64) -> None:
    """A block begins."""
    if s.n_fences == s.fences_capacity:
        n: i32 = grown(s.fences_capacity * sizeof(Fence), i64(s.n_fences + 1) * sizeof(Fence), 64 * sizeof(Fence))
        s.fences = ptr[Fence](mrealloc(ptr[u8](s.fences), n))
        s.fences_capacity = n // sizeof(Fence)
    copy: ptr[u8] = arena_alloc(s.keys, size + SLACK)
    copy_bytes(copy, key, size)
    fence: Fence = s.fences[s.n_fences]
    fence.key = copy
    fence.size = size
    fence.prefix = key_word(copy, size, 0)
    fence.offset = offset
    s.n_fences += 1


def indexed_end(s: IndexedRuns, fd: i32) -> None:
    """End the run."""
    runs_flush(SortedRuns(i32(s)), fd)
    s.n_runs -= 1
    run_end(SortedRuns(i32(s)), fd)


def indexed_merge(s: IndexedRuns) -> None:
    """Make one run of the last ones: of two at least, and of those before that are not larger than twice what follows
    them, so that a row is merged some log2(rows) times. Only when they are all does what they were give its space back.
    """
    first: i32 = s.n_runs - 2
    size: i64 = s.runs[s.n_runs - 1].end - s.runs[first].start
    count: i64 = s.indexes[first].rows + s.indexes[first + 1].rows
    while first and s.runs[first - 1].end - s.runs[first - 1].start <= size * 2:
        first -= 1
        size += s.runs[first].end - s.runs[first].start
        count += s.indexes[first].rows
    runs: SortedRuns = SortedRuns(i32(s))
    to: i32 = s.fd
    if first == 0:
        s.target = temp_open(s.open_flags)
        to = s.target
    merge_open(runs, first, s.n_runs - first)
    blocks_free(s)
    runs_drop(s, first)
    indexed_begin(s, count)
    at: i32 = merge_next(runs)
    while at:
        indexed_write(s, to, Reader(at).key - 8)
        at = merge_next(runs)
    indexed_end(s, to)
    merge_close(runs)
    if first == 0:
        vfs_close(s.fd)
        s.fd = s.target
        s.target = -1


def runs_drop(s: IndexedRuns, first: i32) -> None:
    """Forget the runs from number `first` on."""
    while s.n_runs > first:
        s.n_runs -= 1
        mfree(ptr[u8](s.indexes[s.n_runs].filter))
    s.n_fences = s.indexes[first].first
    if first == 0:
        arena_free(s.keys)
        s.written = 0


# --- blocks --------------------------------------------------------------------------------------------------


def blocks_make(s: IndexedRuns) -> None:
    """Have room for blocks."""
    n: i32 = BLOCKS_MIN
    while n < BLOCKS_MAX and n * 2 * BLOCK <= work_memory():
        n *= 2
    s.blocks = ptr[Block](mzalloc(n * sizeof(Block)))
    s.blocks_mask = n - 1
    for i in range(n):
        s.blocks[i].number = -1


def block_get(s: IndexedRuns, number: i32) -> Block:
    """A block. Errors: SQLITE_NOMEM, SQLITE_IOERR."""
    if not s.blocks:
        blocks_make(s)
    block: Block = s.blocks[number & s.blocks_mask]
    if block.number == number:
        return block
    block.number = -1
    index: Index = s.indexes[s.run]
    start: i64 = s.fences[number].offset
    end: i64 = s.runs[s.run].end
    if number + 1 < index.first + index.count:
        end = s.fences[number + 1].offset
    size: i32 = i32(end - start)
    if size > block.capacity:
        mfree(block.data)
        block.data = ptr[u8](0)
        block.capacity = 0
        block.data = malloc(size + SLACK)
        block.capacity = size
    if temp_read(s.fd, block.data, size, start) < size:
        raise_io(-SQLITE_IOERR)
    block.filled = size
    block.number = number
    return block


# --- looking up ----------------------------------------------------------------------------------------------


def indexed_find(s: IndexedRuns, key: ptr[u8], size: i32) -> i32:
    """1 if a run has this key: its first row is the one that was found. Errors: SQLITE_NOMEM, SQLITE_IOERR."""
    hash: u64 = filter_hash(key, size)
    bits: u64 = filter_bits(hash)
    for i in range(s.n_runs):
        index: Index = s.indexes[i]
        if index.filter[filter_word(index, hash)] & bits == bits:
            s.run = i
            if run_find(s, index, key, size):
                return 1
    return 0


def run_find(s: IndexedRuns, index: Index, key: ptr[u8], size: i32) -> bool:
    """Whether the run has this key: in the last block that begins with a lesser one, or at the start of the next."""
    prefix: u64 = key_word(key, size, 0)
    low: i32 = index.first
    high: i32 = index.first + index.count
    while low < high:
        middle: i32 = (low + high) >> 1
        fence: Fence = s.fences[middle]
        if key_less(fence.prefix, fence.key, fence.size, prefix, key, size):
            low = middle + 1
        else:
            high = middle
    s.number = low - 1 if low > index.first else low
    s.at = 0
    while s.number < index.first + index.count:
        block: Block = block_get(s, s.number)
        while s.at < block.filled:
            head: ptr[u8] = block.data + s.at
            found: i32 = i32(le32(head + 4))
            word: u64 = key_word(head + 8, found, 0)
            if not key_less(word, head + 8, found, prefix, key, size):
                return word == prefix and compare_keys(head + 8, found, key, size, 8) == 0
            s.at += 8 + found + i32(le32(head))
        s.number += 1
        s.at = 0
    return False


@inline
def key_less(prefix: u64, key: ptr[u8], size: i32, prefix2: u64, key2: ptr[u8], size2: i32) -> bool:
    """Whether the first key is less than the second."""
    return prefix < prefix2 or (prefix == prefix2 and compare_keys(key, size, key2, size2, 8) < 0)


def indexed_row(s: IndexedRuns) -> ptr[u8]:
    """The row that was found (N4), behind its key."""
    head: ptr[u8] = s.blocks[s.number & s.blocks_mask].data + s.at
    return head + 8 + i32(le32(head + 4))


def indexed_next(s: IndexedRuns) -> i32:
    """Go to the next row with the same key; 0: there is none. Errors: SQLITE_NOMEM, SQLITE_IOERR."""
    block: Block = block_get(s, s.number)
    head: ptr[u8] = block.data + s.at
    size: i32 = i32(le32(head + 4))
    s.at += 8 + size + i32(le32(head))
    if s.at == block.filled:
        index: Index = s.indexes[s.run]
        s.number += 1
        s.at = 0
        if s.number == index.first + index.count:
            return 0
        block = block_get(s, s.number)
    following: ptr[u8] = block.data + s.at
    return i32(compare_keys(head + 8, size, following + 8, i32(le32(following + 4)), 0) == 0)
