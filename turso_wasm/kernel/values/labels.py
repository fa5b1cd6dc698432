"""Texts under a collation of the user's in normalized keys: each is replaced by a label that is ordered as they are.

Owns, for each run and collation, the texts met so far in order, one of those that compare equal, and their labels. A
label never changes, and between two there is always room for another: it is a list of 64-bit words, compared word by
word, a prefix first. So sorting, grouping, DISTINCT and hash joins go on comparing bytes, and the user's code is asked
some log2(texts) times for each new text, never for one that was met just now.

In a key (kernel/values/key.py) a label follows the tag of a TEXT:

  SIZE  MEANING
  8     a word, big-endian
  1     1: another word follows, 0: the label ends

Invariants:
  L1  Entries are in ascending order through all blocks, no block is empty, and no two compare equal.
  L2  Of two neighbours the first has the smaller label; a label's last word is not 0.
  L3  `recent` holds entries by a hash of their bytes, whatever came there last.
"""

from turso_wasm.kernel.abi import Arena, Resource, Run
from turso_wasm.kernel.base.callback import compare_user
from turso_wasm.kernel.base.memory import arena_alloc, arena_free, mfree, mrealloc, mzalloc
from turso_wasm.kernel.base.resources import KIND_LABELS, resource_add
from turso_wasm.kernel.values.collate import compare_bytes
from turso_wasm.wasm.lang import (
    Struct,
    addr,
    array,
    funcref,
    i32,
    i64,
    inline,
    le64,
    memory_copy,
    ptr,
    sizeof,
    u8,
    u64,
)

__subset__ = True

BLOCK_SIZE = 128  # entries of a block at the most
RECENT = 1024
MAX_WORD = 0x7FFFFFFFFFFFFFFF  # words are not negative, so that they compare as signed numbers
STEP = 1 << 32  # between labels at either end
RUN_SHIFT = 12  # texts that come in order get labels so close to one another: gap >> RUN_SHIFT
RUN_AGE = 256  # a neighbour that came this recently makes it likely that they do


class Label(Struct):
    """A text and its label."""

    text: ptr[u8]
    size: i32
    born: i32  # its number, counted as they came
    words: ptr[i64]
    n_words: i32


class Block(Struct):
    """Some entries that follow one another."""

    count: i32
    entries: array[i32, BLOCK_SIZE]


class Labels(Resource):
    """The texts of a run under one collation."""

    others: i32  # the Labels of the run's next collation
    collation: i32
    born: i32
    blocks: ptr[i32]
    n_blocks: i32
    capacity: i32
    recent: ptr[i32]
    arena: Arena.embed


def labels_release(resource: i32) -> None:
    """Free a Labels."""
    s: Labels = Labels(resource)
    for i in range(s.n_blocks):
        mfree(ptr[u8](s.blocks[i]))
    mfree(ptr[u8](s.blocks))
    mfree(ptr[u8](s.recent))
    arena_free(s.arena)
    mfree(ptr[u8](resource))


def labels_of(stmt: Run, collation: i32) -> Labels:
    """The labels of the run under this collation, which live as long as it: keys of all its routines are compared."""
    at: Labels = Labels(stmt.labels)
    while at and at.collation != collation:
        at = Labels(at.others)
    if at:
        return at
    scope: i32 = stmt.scope
    stmt.scope = i32(stmt.root)
    made: Labels = Labels(i32(resource_add(stmt, sizeof(Labels), KIND_LABELS, funcref(labels_release))))
    stmt.scope = scope
    made.collation = collation
    made.recent = ptr[i32](mzalloc(RECENT * 4))
    made.others = stmt.labels
    stmt.labels = i32(made)
    return made


# --- finding -------------------------------------------------------------------------------------------------


def hash_text(p: ptr[u8], n: i32) -> i32:
    """A place in `recent`."""
    h: u64 = u64(n)
    while n > 0:
        word: u64 = u64(le64(p))
        if n < 8:
            word = word & ~(~u64(0) << u64(n << 3))
        h = (h ^ word) * 0x9E3779B97F4A7C15
        h = h ^ (h >> u64(29))
        p += 8
        n -= 8
    return i32(h >> u64(40)) & (RECENT - 1)


@inline
def block_at(s: Labels, i: i32) -> Block:
    """The i-th block."""
    return Block(s.blocks[i])


@inline
def entry_at(b: Block, i: i32) -> Label:
    """The i-th entry of a block."""
    return Label(b.entries[i])


def compare_entry(stmt: Run, s: Labels, entry: Label, p: ptr[u8], n: i32) -> i32:
    """Order of a text and that of an entry."""
    return compare_user(stmt, p, n, entry.text, entry.size, s.collation)


def label_of(stmt: Run, collation: i32, p: ptr[u8], n: i32) -> Label:
    """The label of a text. Errors: what the user's code raises; SQLITE_NOMEM."""
    s: Labels = labels_of(stmt, collation)
    place: i32 = hash_text(p, n)
    known: Label = Label(s.recent[place])
    if known and known.size == n and compare_bytes(known.text, n, p, n) == 0:
        return known
    known = label_find(stmt, s, p, n)
    s.recent[place] = i32(known)
    return known


def label_find(stmt: Run, s: Labels, p: ptr[u8], n: i32) -> Label:
    """The entry that compares equal to a text, made if there is none."""
    low: i32 = 0
    high: i32 = s.n_blocks
    while low < high:  # the first block that begins beyond the text
        middle: i32 = (low + high) >> 1
        first: Label = entry_at(block_at(s, middle), 0)
        order: i32 = compare_entry(stmt, s, first, p, n)
        if order == 0:
            return first
        if order < 0:
            high = middle
        else:
            low = middle + 1
    after_first: i32 = i32(low > 0)
    at: i32 = low - 1 if low else 0
    low = 0
    high = 0
    if s.n_blocks:
        b: Block = block_at(s, at)
        high = b.count
        low = 1 if after_first else 0
        while low < high:
            half: i32 = (low + high) >> 1
            entry: Label = entry_at(b, half)
            found: i32 = compare_entry(stmt, s, entry, p, n)
            if found == 0:
                return entry
            if found < 0:
                high = half
            else:
                low = half + 1
    return label_new(s, at, low, p, n)


# --- making --------------------------------------------------------------------------------------------------


def label_new(s: Labels, at: i32, place: i32, p: ptr[u8], n: i32) -> Label:
    """Enter a text before the entry `place` of block `at`."""
    before: Label = Label(0)
    after: Label = Label(0)
    if s.n_blocks:
        b: Block = block_at(s, at)
        if place > 0:
            before = entry_at(b, place - 1)
        elif at > 0:
            before = entry_at(block_at(s, at - 1), block_at(s, at - 1).count - 1)
        if place < b.count:
            after = entry_at(b, place)
        elif at + 1 < s.n_blocks:
            after = entry_at(block_at(s, at + 1), 0)
    made: Label = Label(arena_alloc(s.arena, sizeof(Label)))
    made.text = arena_alloc(s.arena, n)
    memory_copy(made.text, p, n)
    made.size = n
    s.born += 1
    made.born = s.born
    label_between(s, made, before, after)
    entry_insert(s, at, place, made)
    return made


def label_between(s: Labels, made: Label, before: Label, after: Label) -> None:
    """Choose the words of a label (L2); null: there is no such neighbour."""
    most: i32 = 1
    if before:
        most += before.n_words
    if after:
        most += after.n_words
    made.words = ptr[i64](arena_alloc(s.arena, most * 8))
    bounded: i32 = i32(i32(after) != 0)
    n: i32 = 0
    while True:
        low: i64 = before.words[n] if before and n < before.n_words else i64(0)
        high: i64 = after.words[n] if bounded else i64(MAX_WORD)
        if high - low > 1:
            made.words[n] = word_between(s, low, high, before, after)
            made.n_words = n + 1
            return
        made.words[n] = low
        if high != low:
            bounded = 0
        n += 1


def word_between(s: Labels, low: i64, high: i64, before: Label, after: Label) -> i64:
    """A number between the two: near the one whose neighbour came just now, for what comes in order goes on there."""
    half: i64 = (high - low) >> 1
    step: i64 = half if half < STEP else i64(STEP)
    if not after:
        return low + step if before else low + half
    if not before:
        return high - step
    newest: i32 = before.born if before.born > after.born else after.born
    if s.born - newest > RUN_AGE:
        return low + half
    step = ((high - low) >> RUN_SHIFT) + 1
    return low + step if newest == before.born else high - step


def entry_insert(s: Labels, at: i32, place: i32, made: Label) -> None:
    """Put an entry into a block, which is split if it is full (L1)."""
    if s.n_blocks == 0:
        block_insert(s, 0)
    b: Block = block_at(s, at)
    if b.count == BLOCK_SIZE:
        block_insert(s, at + 1)
        b = block_at(s, at)
        next: Block = block_at(s, at + 1)
        half: i32 = BLOCK_SIZE >> 1
        memory_copy(ptr[u8](addr(next.entries)), ptr[u8](addr(b.entries)) + half * 4, half * 4)
        next.count = half
        b.count = half
        if place > half:
            b = next
            place -= half
    entries: ptr[i32] = ptr[i32](i32(b) + 4)
    memory_copy(ptr[u8](entries + place + 1), ptr[u8](entries + place), (b.count - place) * 4)
    entries[place] = i32(made)
    b.count += 1


def block_insert(s: Labels, at: i32) -> None:
    """Make an empty block the one at `at`."""
    if s.n_blocks == s.capacity:
        s.capacity = s.capacity * 2 + 16
        s.blocks = ptr[i32](mrealloc(ptr[u8](s.blocks), s.capacity * 4))
    made: i32 = i32(mzalloc(sizeof(Block)))
    memory_copy(ptr[u8](s.blocks + at + 1), ptr[u8](s.blocks + at), (s.n_blocks - at) * 4)
    s.blocks[at] = made
    s.n_blocks += 1
