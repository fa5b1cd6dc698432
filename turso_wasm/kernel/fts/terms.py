"""Terms gathered in memory: what a transaction has written, until it becomes a segment.

Owns a hash table from terms to doclists in the making (open addressing; hashes lie beside the addresses, so that terms
that are another one are not looked at: memory is slow). Rows come in ascending order; where they would not, what is
there must be written first (kernel/fts/gather.py).

A term's doclist is what a segment holds (kernel/fts/segment.py), its first rowid itself. The size of the last row's
position list is not known yet: one byte is kept free for it, and `term_close` makes room for more.
"""

from turso_wasm.kernel.abi import Arena
from turso_wasm.kernel.abi_modules import DETAIL_COLUMNS, DETAIL_FULL, DETAIL_NONE
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.base.varint import put_varint, varint_size
from turso_wasm.kernel.fts.bytes import Bytes, bytes_init, bytes_put, bytes_room, bytes_varint, compare_terms
from turso_wasm.wasm.lang import (
    Struct,
    bswap64,
    i32,
    i64,
    inline,
    le64,
    memory_copy,
    memory_fill,
    ptr,
    sizeof,
    u8,
    u32,
    u64,
)

__subset__ = True

FIRST_SLOTS = 1024
HASH_FACTOR = 0x9E3779B97F4A7C15
NO_COLUMN = -1
ROOM = 24  # bytes that begin a row, and of a position


class Term(Struct):
    """A term and its doclist."""

    text: ptr[u8]
    size: i32
    size_at: i32  # of the last row: where its size goes; 0: there is no row that is open
    deleted: i32
    column: i32  # of the last position
    position: i32
    rowid: i64
    doclist: Bytes.embed


class Slot(Struct):
    """A place of the hash table."""

    hash: u32
    term: Term  # null: it is free


class SortedTerm(Struct):
    """A term in its order, of which the first bytes mostly decide: they are at hand."""

    key: u64
    term: Term


class Terms(Struct):
    """The hash table."""

    arena: Arena
    detail: i32
    count: i32
    n_slots: i32  # a power of two, at least twice the terms
    slots: ptr[Slot]
    bytes: i32  # about what is gathered


def terms_init(h: Terms, arena: Arena, detail: i32) -> None:
    """An empty table in the arena."""
    h.arena = arena
    h.detail = detail
    h.count = 0
    h.bytes = 0
    h.n_slots = FIRST_SLOTS
    h.slots = new_slots(arena, FIRST_SLOTS)


def new_slots(arena: Arena, n: i32) -> ptr[Slot]:
    """Slots that are free."""
    slots: ptr[Slot] = ptr[Slot](arena_alloc(arena, sizeof(Slot) * n))
    memory_fill(slots[0], 0, sizeof(Slot) * n)
    return slots


@inline
def word_at(p: ptr[u8], n: i32) -> u64:
    """The first eight bytes at p, of which there are n, as a number; zeros behind them."""
    word: u64 = u64(le64(p))
    return word if n >= 8 else word & ((u64(1) << u64(8 * n)) - 1)


@inline
def hash_term(index: i32, p: ptr[u8], n: i32) -> u32:
    """A hash of a term: eight bytes at a time."""
    x: u64 = (u64(n) << 32 ^ u64(index)) * HASH_FACTOR
    at: i32 = 0
    while at < n:
        x = (x ^ word_at(p + at, n - at)) * HASH_FACTOR
        x ^= x >> 32
        at += 8
    return u32(x ^ (x >> 15))


@inline
def same_bytes(p: ptr[u8], q: ptr[u8], n: i32) -> bool:
    """Whether n bytes at p and at q are equal."""
    at: i32 = 0
    while at < n and word_at(p + at, n - at) == word_at(q + at, n - at):
        at += 8
    return at >= n


def terms_grow(h: Terms) -> None:
    """Four times the slots."""
    n: i32 = h.n_slots * 4
    slots: ptr[Slot] = new_slots(h.arena, n)
    for i in range(h.n_slots):
        if h.slots[i].term:
            at: i32 = i32(h.slots[i].hash) & (n - 1)
            while slots[at].term:
                at = (at + 1) & (n - 1)
            slots[at].hash = h.slots[i].hash
            slots[at].term = h.slots[i].term
    h.slots = slots
    h.n_slots = n


def term_find(h: Terms, index: i32, p: ptr[u8], n: i32) -> Term:
    """The term of an index (its first byte) and a token, made if it is not there."""
    x: u32 = hash_term(index, p, n)
    at: i32 = i32(x) & (h.n_slots - 1)
    while h.slots[at].term:
        t: Term = h.slots[at].term
        if h.slots[at].hash == x and t.size == n + 1 and t.text[0] == index and same_bytes(t.text + 1, p, n):
            return t
        at = (at + 1) & (h.n_slots - 1)
    if h.count * 2 >= h.n_slots:
        terms_grow(h)
        return term_find(h, index, p, n)
    t = term_new(h, index, p, n)
    h.slots[at].hash = x
    h.slots[at].term = t
    return t


def term_new(h: Terms, index: i32, p: ptr[u8], n: i32) -> Term:
    """A term without rows."""
    t: Term = Term(arena_alloc(h.arena, sizeof(Term) + n + 16))
    memory_fill(t, 0, sizeof(Term))
    t.text = ptr[u8](i32(t) + sizeof(Term))
    t.text[0] = index
    memory_copy(t.text + 1, p, n)
    t.size = n + 1
    bytes_init(t.doclist, h.arena)
    h.count += 1
    h.bytes += sizeof(Term) + n
    return t


def term_close(h: Terms, t: Term) -> None:
    """The last row's position list is complete."""
    if t.size_at == 0:
        return
    d: Bytes = t.doclist
    if h.detail == DETAIL_NONE:
        if t.deleted:
            bytes_put(d, 0)
            if t.position >= 0:
                bytes_put(d, 0)
    else:
        size: i32 = d.size - t.size_at
        head: i64 = i64(size) * 2 + i64(t.deleted)
        width: i32 = varint_size(head)
        if width > 1:
            _ = bytes_room(d, width)
            memory_copy(d.data + (t.size_at + width - 1), d.data + t.size_at, size)
            d.size += width - 1
        _ = put_varint(d.data + (t.size_at - 1), head)
    t.size_at = 0


@inline
def term_row(h: Terms, t: Term, rowid: i64) -> None:
    """Begin with a row; there is room behind it for a position."""
    d: Bytes = t.doclist
    head: i32 = (d.size - t.size_at) * 2 + t.deleted
    if t.size_at and h.detail != DETAIL_NONE and head < 128:
        d.data[t.size_at - 1] = head
    else:
        term_close(h, t)
    out: ptr[u8] = bytes_room(d, ROOM)
    distance: i64 = rowid - t.rowid if d.size else rowid
    width: i32 = 1
    if u64(distance) < 128:
        out[0] = i32(distance)
    else:
        width = put_varint(out, distance)
    t.rowid = rowid
    t.deleted = 0
    t.column = 0 if h.detail == DETAIL_FULL else NO_COLUMN
    t.position = -1
    if h.detail != DETAIL_NONE:
        out[width] = 0
        width += 1
    d.size += width
    t.size_at = d.size
    h.bytes += 2


@inline
def term_add(h: Terms, index: i32, p: ptr[u8], n: i32, rowid: i64, column: i32, position: i32) -> None:
    """The token is at a position of a row."""
    t: Term = term_find(h, index, p, n)
    if t.size_at == 0 or t.rowid != rowid:
        term_row(h, t, rowid)
    d: Bytes = t.doclist
    if h.detail == DETAIL_FULL:
        if t.column != column:
            bytes_put(d, 1)
            bytes_varint(d, i64(column))
            t.column = column
            t.position = 0
        elif t.position < 0:
            t.position = 0
        distance: i32 = position - t.position + 2
        if u32(distance) < 128:
            bytes_room(d, 1)[0] = distance
            d.size += 1
        else:
            bytes_varint(d, i64(distance))
        t.position = position
        h.bytes += 1
    else:
        t.position = 0
        if h.detail == DETAIL_COLUMNS and t.column != column:
            bytes_varint(d, i64(column - (t.column if t.column > 0 else 0) + 2))
            t.column = column
            h.bytes += 1


def term_delete(h: Terms, index: i32, p: ptr[u8], n: i32, rowid: i64) -> None:
    """A row that was there before has the token no longer."""
    t: Term = term_find(h, index, p, n)
    if t.size_at == 0 or t.rowid != rowid:
        term_row(h, t, rowid)
    t.deleted = 1


def terms_sorted(h: Terms) -> ptr[i32]:
    """The terms in ascending order, `count` of them, all closed."""
    size: i32 = sizeof(SortedTerm) * (h.count + 1)
    found: ptr[SortedTerm] = ptr[SortedTerm](arena_alloc(h.arena, size))
    n: i32 = 0
    for i in range(h.n_slots):
        t: Term = h.slots[i].term
        if t:
            term_close(h, t)
            found[n].key = bswap64(word_at(t.text, t.size))
            found[n].term = t
            n += 1
    found = sort_terms(n, found, ptr[SortedTerm](arena_alloc(h.arena, size)))
    out: ptr[i32] = ptr[i32](found)
    for i in range(n):
        out[i] = i32(found[i].term)
    return out


def sort_terms(n: i32, terms: ptr[SortedTerm], other: ptr[SortedTerm]) -> ptr[SortedTerm]:
    """Merge sort of n terms: where they then are."""
    run: i32 = 1
    while run < n:
        at: i32 = 0
        while at < n:
            middle: i32 = at + run if at + run < n else n
            end: i32 = middle + run if middle + run < n else n
            i: i32 = at
            j: i32 = middle
            for out in range(at, end):
                if i < middle and (j >= end or not is_behind(terms[i], terms[j])):
                    other[out].key = terms[i].key
                    other[out].term = terms[i].term
                    i += 1
                else:
                    other[out].key = terms[j].key
                    other[out].term = terms[j].term
                    j += 1
            at = end
        swap: ptr[SortedTerm] = terms
        terms = other
        other = swap
        run *= 2
    return terms


@inline
def is_behind(s: SortedTerm, t: SortedTerm) -> bool:
    """Whether s comes behind t."""
    if s.key != t.key:
        return s.key > t.key
    return compare_terms(s.term.text, s.term.size, t.term.text, t.term.size) > 0
