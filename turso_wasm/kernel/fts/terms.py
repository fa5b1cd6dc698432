"""Terms gathered in memory: what a transaction has written, until it becomes a segment.

Owns a hash table from terms to doclists in the making. Rows come in ascending order; where they would not, what is
there must be written first (kernel/fts/gather.py).

A term's doclist is what a segment holds (kernel/fts/segment.py), its first rowid itself. The size of the last row's
position list is not known yet: one byte is kept free for it, and `term_close` makes room for more.
"""

from turso_wasm.kernel.abi import Arena
from turso_wasm.kernel.abi_modules import DETAIL_COLUMNS, DETAIL_FULL, DETAIL_NONE
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.base.varint import put_varint, varint_size
from turso_wasm.kernel.fts.bytes import Bytes, bytes_init, bytes_put, bytes_room, bytes_varint
from turso_wasm.wasm.lang import Struct, i32, i64, memory_copy, memory_fill, ptr, sizeof, u8, u32

__subset__ = True

FIRST_BUCKETS = 1024
NO_COLUMN = -1


class Term(Struct):
    """A term and its doclist."""

    next: "Term"  # of its bucket
    hash: u32
    text: ptr[u8]
    size: i32
    size_at: i32  # of the last row: where its size goes; 0: there is no row that is open
    deleted: i32
    column: i32  # of the last position
    position: i32
    rowid: i64
    doclist: Bytes.embed


class Terms(Struct):
    """The hash table."""

    arena: Arena
    detail: i32
    count: i32
    n_buckets: i32
    buckets: ptr[i32]
    bytes: i32  # about what is gathered


def terms_init(h: Terms, arena: Arena, detail: i32) -> None:
    """An empty table in the arena."""
    h.arena = arena
    h.detail = detail
    h.count = 0
    h.bytes = 0
    h.n_buckets = FIRST_BUCKETS
    h.buckets = ptr[i32](arena_alloc(arena, 4 * FIRST_BUCKETS))
    memory_fill(h.buckets, 0, 4 * FIRST_BUCKETS)


def hash_term(index: i32, p: ptr[u8], n: i32) -> u32:
    """A hash of a term: FNV-1a."""
    x: u32 = (u32(2166136261) ^ u32(index)) * 16777619
    for i in range(n):
        x = (x ^ u32(p[i])) * 16777619
    return x ^ (x >> 15)


def terms_grow(h: Terms) -> None:
    """Double the number of buckets."""
    n: i32 = h.n_buckets * 2
    buckets: ptr[i32] = ptr[i32](arena_alloc(h.arena, 4 * n))
    memory_fill(buckets, 0, 4 * n)
    for i in range(h.n_buckets):
        t: Term = Term(h.buckets[i])
        while t:
            following: Term = t.next
            at: i32 = i32(t.hash) & (n - 1)
            t.next = Term(buckets[at])
            buckets[at] = i32(t)
            t = following
    h.buckets = buckets
    h.n_buckets = n


def term_find(h: Terms, index: i32, p: ptr[u8], n: i32) -> Term:
    """The term of an index (its first byte) and a token, made if it is not there."""
    x: u32 = hash_term(index, p, n)
    t: Term = Term(h.buckets[i32(x) & (h.n_buckets - 1)])
    while t:
        if t.hash == x and t.size == n + 1 and t.text[0] == index:
            i: i32 = 0
            while i < n and t.text[i + 1] == p[i]:
                i += 1
            if i == n:
                return t
        t = t.next
    if h.count > h.n_buckets * 2:
        terms_grow(h)
    t = Term(arena_alloc(h.arena, sizeof(Term) + n + 16))
    memory_fill(t, 0, sizeof(Term))
    t.hash = x
    t.text = ptr[u8](i32(t) + sizeof(Term))
    t.text[0] = index
    memory_copy(t.text + 1, p, n)
    t.size = n + 1
    bytes_init(t.doclist, h.arena)
    at: i32 = i32(x) & (h.n_buckets - 1)
    t.next = Term(h.buckets[at])
    h.buckets[at] = i32(t)
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


def term_row(h: Terms, t: Term, rowid: i64) -> None:
    """Begin with a row unless it is the one that is open."""
    if t.size_at and t.rowid == rowid:
        return
    term_close(h, t)
    d: Bytes = t.doclist
    bytes_varint(d, rowid - t.rowid if d.size else rowid)
    t.rowid = rowid
    t.deleted = 0
    t.column = 0 if h.detail == DETAIL_FULL else NO_COLUMN
    t.position = -1
    if h.detail != DETAIL_NONE:
        bytes_put(d, 0)
    t.size_at = d.size
    h.bytes += 2


def term_add(h: Terms, index: i32, p: ptr[u8], n: i32, rowid: i64, column: i32, position: i32) -> None:
    """The token is at a position of a row."""
    t: Term = term_find(h, index, p, n)
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
        bytes_varint(d, i64(position - t.position + 2))
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
    term_row(h, t, rowid)
    t.deleted = 1


def terms_sorted(h: Terms) -> ptr[i32]:
    """The terms in ascending order, `count` of them, all closed."""
    out: ptr[i32] = ptr[i32](arena_alloc(h.arena, 4 * h.count + 4))
    n: i32 = 0
    for i in range(h.n_buckets):
        t: Term = Term(h.buckets[i])
        while t:
            term_close(h, t)
            out[n] = i32(t)
            n += 1
            t = t.next
    return sort_terms(h, out)


def sort_terms(h: Terms, terms: ptr[i32]) -> ptr[i32]:
    """Merge sort."""
    n: i32 = h.count
    other: ptr[i32] = ptr[i32](arena_alloc(h.arena, 4 * n + 4))
    run: i32 = 1
    while run < n:
        at: i32 = 0
        while at < n:
            middle: i32 = at + run if at + run < n else n
            end: i32 = middle + run if middle + run < n else n
            i: i32 = at
            j: i32 = middle
            for out in range(at, end):
                if i < middle and (j >= end or term_order(Term(terms[i]), Term(terms[j])) <= 0):
                    other[out] = terms[i]
                    i += 1
                else:
                    other[out] = terms[j]
                    j += 1
            at = end
        swap: ptr[i32] = terms
        terms = other
        other = swap
        run *= 2
    return terms


def term_order(s: Term, t: Term) -> i32:
    """Order of two terms."""
    i: i32 = 0
    while i < s.size and i < t.size and s.text[i] == t.text[i]:
        i += 1
    if i < s.size and i < t.size:
        return i32(s.text[i]) - i32(t.text[i])
    return s.size - t.size
