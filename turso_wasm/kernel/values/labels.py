"""Texts under a collation of the user's in normalized keys: each is replaced by a label that is ordered as they are.

Owns, for each run and collation, the texts met so far, and the labels of those that are not equal. The host keeps these
texts in order, and is asked once for each new text, bytes not met before, where it belongs (`place_user`); it asks the
user's code some log2(texts) times. A label never changes, and between two there is always room for another: it is a
list of 64-bit words, compared word by word, a prefix first. So sorting, grouping, DISTINCT and hash joins go on
comparing bytes.

In a key (kernel/values/key.py) a label follows the tag of a TEXT:

  SIZE  MEANING
  8     a word, big-endian
  1     1: another word follows, 0: the label ends

Invariants:
  L1  `first` and `next` of labels go through them in order; no two compare equal. Their numbers are those that the host
      has given the texts: from 1 on, as they came.
  L2  Of two neighbours the first has the smaller label; a label's last word is not 0.
  L3  Every text met is found by its bytes in `buckets`; those that compare equal share a label.
"""

from turso_wasm.kernel.abi import Arena, Resource, Run
from turso_wasm.kernel.base.callback import host_object, place_user, user_drop
from turso_wasm.kernel.base.memory import arena_alloc, arena_free, mfree, mrealloc, mzalloc
from turso_wasm.kernel.base.resources import KIND_LABELS, resource_add
from turso_wasm.kernel.values.collate import compare_bytes
from turso_wasm.wasm.lang import (
    Struct,
    funcref,
    i32,
    i64,
    le64,
    memory_copy,
    ptr,
    sizeof,
    u8,
    u64,
)

__subset__ = True

MAX_WORD = 0x7FFFFFFFFFFFFFFF  # words are not negative, so that they compare as signed numbers
STEP = 1 << 32  # between labels at either end
RUN_SHIFT = 12  # texts that come in order get labels so close to one another: gap >> RUN_SHIFT
RUN_AGE = 256  # a neighbour that came this recently makes it likely that they do
BUCKETS_MIN = 64


class Label(Struct):
    """A label. born: its number."""

    born: i32
    next: i32
    words: ptr[i64]
    n_words: i32


class KnownText(Struct):
    """A text that was met; its bytes follow."""

    next: i32  # in its bucket
    hash: i32
    label: Label
    size: i32


class Labels(Resource):
    """The texts of a run under one collation."""

    others: i32  # the Labels of the run's next collation
    statement: Run
    collation: i32
    instance: i32  # what the host keeps
    first: i32
    born: i32
    labels: ptr[i32]  # by number - 1
    capacity: i32
    n_texts: i32
    buckets: ptr[i32]
    n_buckets: i32  # a power of 2
    arena: Arena.embed


def labels_release(resource: i32) -> None:
    """Free a Labels."""
    s: Labels = Labels(resource)
    if s.instance:
        user_drop(s.statement.connection, s.instance)
    mfree(ptr[u8](s.labels))
    mfree(ptr[u8](s.buckets))
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
    made.statement = stmt
    made.collation = collation
    made.n_buckets = BUCKETS_MIN
    made.buckets = ptr[i32](mzalloc(BUCKETS_MIN * 4))
    made.others = stmt.labels
    stmt.labels = i32(made)
    return made


# --- finding -------------------------------------------------------------------------------------------------


def hash_text(p: ptr[u8], n: i32) -> i32:
    """A hash of a text."""
    h: u64 = u64(n)
    while n > 0:
        word: u64 = u64(le64(p))
        if n < 8:
            word = word & ~(~u64(0) << u64(n << 3))
        h = (h ^ word) * 0x9E3779B97F4A7C15
        h = h ^ (h >> u64(29))
        p += 8
        n -= 8
    return i32(h >> u64(32))


def label_of(stmt: Run, collation: i32, p: ptr[u8], n: i32) -> Label:
    """The label of a text. Errors: what the user's code raises; SQLITE_NOMEM."""
    s: Labels = labels_of(stmt, collation)
    hash: i32 = hash_text(p, n)
    at: KnownText = KnownText(s.buckets[hash & (s.n_buckets - 1)])
    while at:
        if at.hash == hash and at.size == n and compare_bytes(ptr[u8](i32(at) + sizeof(KnownText)), n, p, n) == 0:
            return at.label
        at = KnownText(at.next)
    if s.instance == 0:
        s.instance = host_object(stmt)
    place: i32 = place_user(stmt, s.instance, p, n, collation)
    label: Label = Label(s.labels[(place >> 1) - 1]) if place & 1 else label_new(s, place >> 1)
    text_note(s, hash, p, n, label)
    return label


# --- making --------------------------------------------------------------------------------------------------


def text_note(s: Labels, hash: i32, p: ptr[u8], n: i32, label: Label) -> None:
    """Remember a text (L3)."""
    if s.n_texts == s.n_buckets:
        buckets_grow(s)
    made: KnownText = KnownText(arena_alloc(s.arena, sizeof(KnownText) + n))
    made.hash = hash
    made.label = label
    made.size = n
    memory_copy(ptr[u8](i32(made) + sizeof(KnownText)), p, n)
    bucket: i32 = hash & (s.n_buckets - 1)
    made.next = s.buckets[bucket]
    s.buckets[bucket] = i32(made)
    s.n_texts += 1


def buckets_grow(s: Labels) -> None:
    """Twice as many buckets."""
    n: i32 = s.n_buckets * 2
    fresh: ptr[i32] = ptr[i32](mzalloc(n * 4))
    for i in range(s.n_buckets):
        at: KnownText = KnownText(s.buckets[i])
        while at:
            following: i32 = at.next
            at.next = fresh[at.hash & (n - 1)]
            fresh[at.hash & (n - 1)] = i32(at)
            at = KnownText(following)
    mfree(ptr[u8](s.buckets))
    s.buckets = fresh
    s.n_buckets = n


def label_new(s: Labels, number: i32) -> Label:
    """A new label behind the one of that number; 0: before all others."""
    before: Label = Label(s.labels[number - 1]) if number else Label(0)
    after: Label = Label(before.next if before else s.first)
    if s.born == s.capacity:
        s.capacity = s.capacity * 2 + 16
        s.labels = ptr[i32](mrealloc(ptr[u8](s.labels), s.capacity * 4))
    made: Label = Label(arena_alloc(s.arena, sizeof(Label)))
    s.labels[s.born] = i32(made)
    s.born += 1
    made.born = s.born
    label_between(s, made, before, after)
    made.next = i32(after)
    if before:
        before.next = i32(made)
    else:
        s.first = i32(made)
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
