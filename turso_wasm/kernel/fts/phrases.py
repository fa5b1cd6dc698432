"""Whether a row that has all the tokens of some phrases has the phrases.

Owns the positions of phrases in a row: Phrase.hits.
"""

from turso_wasm.kernel.abi import Arena
from turso_wasm.kernel.abi_modules import DETAIL_COLUMNS, DETAIL_FULL, DETAIL_NONE
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.fts.damage import fts_corrupt
from turso_wasm.kernel.fts.expression import Node, Phrase, Term
from turso_wasm.kernel.fts.positions import NO_POSITION, column_of, position_next, positions_start
from turso_wasm.kernel.fts.postings import Postings
from turso_wasm.wasm.lang import i32, i64, memory_copy, ptr, u8, u32

__subset__ = True

OFFSET_MASK = 0xFFFFFFFF


def add_hit(arena: Arena, phrase: Phrase, position: i64) -> None:
    """One more place of a phrase."""
    if phrase.n_hits == phrase.capacity:
        capacity: i32 = phrase.capacity * 2 + 8
        hits: ptr[i64] = ptr[i64](arena_alloc(arena, capacity * 8))
        memory_copy(hits, phrase.hits, phrase.n_hits * 8)
        phrase.hits = hits
        phrase.capacity = capacity
    phrase.hits[phrase.n_hits] = position
    phrase.n_hits += 1


def find_hits(arena: Arena, node: Node, phrase: Phrase, limit: i32) -> None:
    """Where the phrase is, in the columns that count; no more than `limit` places."""
    phrase.n_hits = 0
    first: Term = phrase.terms
    term: Term = first
    while term:
        positions_start(term.reader, term.postings.positions, term.postings.size)
        _ = position_next(term.reader)
        term = term.next
    while first.reader.position != NO_POSITION and phrase.n_hits < limit:
        position: i64 = first.reader.position
        if align(phrase, position) and counts(node, phrase, position):
            add_hit(arena, phrase, position)
        _ = position_next(first.reader)


def align(phrase: Phrase, position: i64) -> bool:
    """Whether the terms behind the first one follow it there."""
    term: Term = phrase.terms.next
    want: i64 = position + 1
    while term:
        while term.reader.position < want:
            _ = position_next(term.reader)
        if term.reader.position != want or term.initial:
            return False
        want += 1
        term = term.next
    return True


def has_pair(first: Postings, second: Postings) -> i32:
    """Whether a position of the second's row follows one of the first's; -1: not all are of column 0 and near enough
    to the one before to be a byte each.
    """
    p: ptr[u8] = first.positions
    q: ptr[u8] = second.positions
    end: ptr[u8] = p + first.size
    last: ptr[u8] = q + second.size
    byte: i32 = p[0]
    other: i32 = q[0]
    due: i32 = byte - 1  # where the second is wanted
    at: i32 = other - 2
    p += 1
    q += 1
    while u32(byte - 2) < 126 and u32(other - 2) < 126:
        if at == due:
            return 1
        if at < due:
            if q >= last:
                return 0
            other = q[0]
            at += other - 2
            q += 1
        else:
            if p >= end:
                return 0
            byte = p[0]
            due += byte - 2
            p += 1
    return -1


def counts(node: Node, phrase: Phrase, position: i64) -> bool:
    """Whether a place is in a column that counts, and at its beginning where it must be."""
    if column_of(position) >= node.n_columns:
        fts_corrupt()
    if node.columns != None and node.columns[column_of(position)] == 0:  # noqa: E711
        return False
    if phrase.column and column_of(position) != phrase.column - 1:
        return False
    return phrase.initial == 0 or (position & OFFSET_MASK) == 0


def has_columns(node: Node, phrase: Phrase) -> bool:
    """detail=column: whether the term is in a column that counts."""
    term: Term = phrase.terms
    positions_start(term.reader, term.postings.positions, term.postings.size)
    while position_next(term.reader) != NO_POSITION:
        if term.reader.position >= i64(node.n_columns):
            fts_corrupt()
        if node.columns[i32(term.reader.position)]:
            return True
    return False


def is_simple(node: Node) -> bool:
    """Whether a row that has its term has all that is asked."""
    only: Phrase = node.phrases
    anywhere: bool = node.columns == None and only.column == 0 and only.initial == 0  # noqa: E711
    return node.n_phrases == 1 and only.n_terms == 1 and anywhere


def has_phrases(arena: Arena, node: Node, detail: i32) -> bool:
    """Whether the row that all terms of the node are on has its phrases."""
    only: Phrase = node.phrases
    node.counted = 0
    if detail == DETAIL_NONE:
        return True
    if detail == DETAIL_COLUMNS:
        return node.columns == None or has_columns(node, only)  # noqa: E711
    if node.n_phrases == 1 and only.n_terms == 2 and node.columns == None and only.column + only.initial == 0:  # noqa: E711
        pair: i32 = has_pair(only.terms.postings, only.terms.next.postings)
        if pair >= 0:
            return pair != 0
    phrase: Phrase = only
    limit: i32 = 1 if node.n_phrases == 1 else 0x7FFFFFFF
    while phrase:
        find_hits(arena, node, phrase, limit)
        if phrase.n_hits == 0:
            return False
        phrase = phrase.next
    if node.n_phrases == 1:
        return True
    node.counted = 1
    return keep_chain(node) if node.chained else keep_near(arena, node)


def count_hits(arena: Arena, node: Node, detail: i32) -> None:
    """Have the hits of the node's phrases in its row."""
    if node.counted or detail != DETAIL_FULL:
        return
    node.counted = 1
    phrase: Phrase = node.phrases
    while phrase:
        find_hits(arena, node, phrase, 0x7FFFFFFF)
        phrase = phrase.next


def keep_near(arena: Arena, node: Node) -> bool:
    """Leave those hits only that are near one of every other phrase; whether there are any."""
    n: i32 = node.n_phrases
    if node.places == None:  # noqa: E711
        node.places = ptr[i32](arena_alloc(arena, n * 8))
    at: ptr[i32] = node.places  # the hit each phrase is looked at
    kept: ptr[i32] = node.places + n
    for i in range(n):
        at[i] = 0
        kept[i] = 0
    while gather(node, at):
        # All are near: keep them, and go on with the one whose next hit comes first.
        phrase: Phrase = node.phrases
        least: i32 = 0
        position: i64 = i64(NO_POSITION)
        for i in range(n):
            hit: i64 = phrase.hits[at[i]]
            following: i64 = phrase.hits[at[i] + 1] if at[i] + 1 < phrase.n_hits else i64(NO_POSITION)
            if kept[i] == 0 or phrase.hits[kept[i] - 1] != hit:
                phrase.hits[kept[i]] = hit
                kept[i] += 1
            if following < position:
                position = following
                least = i
            phrase = phrase.next
        at[least] += 1
    phrase = node.phrases
    found: bool = kept[0] > 0
    for i in range(n):
        phrase.n_hits = kept[i]
        phrase = phrase.next
    return found


def gather(node: Node, at: ptr[i32]) -> bool:
    """Go forward to hits that are near each other; False: there are none."""
    phrase: Phrase = node.phrases
    last: i64 = -1  # the one farthest behind
    i: i32 = 0
    while phrase:
        if at[i] >= phrase.n_hits:
            return False
        if phrase.hits[at[i]] > last:
            last = phrase.hits[at[i]]
        i += 1
        phrase = phrase.next
    near: bool = False
    while not near:
        near = True
        phrase = node.phrases
        i = 0
        while phrase:
            first: i64 = last - i64(phrase.n_terms) - i64(node.near)
            while phrase.hits[at[i]] < first:
                at[i] += 1
                if at[i] >= phrase.n_hits:
                    return False
            if phrase.hits[at[i]] > last:
                last = phrase.hits[at[i]]
                near = False
            i += 1
            phrase = phrase.next
    return True


# --- NEAR of FTS3 ----------------------------------------------------------------------------------------------------


def keep_chain(node: Node) -> bool:
    """Leave those hits only that are near a hit of the phrases beside theirs, first from the left, then from the right;
    whether there are any.
    """
    done: bool = True
    left: Phrase = node.phrases
    while left.next:
        keep_beside(left.next, left, left.next.near)
        left = left.next
    # From the right, which is the order in which nothing points.
    for at in range(node.n_phrases - 1):
        left = node.phrases
        for _ in range(node.n_phrases - 2 - at):
            left = left.next
        keep_beside(left, left.next, left.next.near)
        done = done and left.n_hits > 0
    return done


def keep_beside(phrase: Phrase, other: Phrase, near: i32) -> None:
    """Leave those hits of a phrase that have at most `near` tokens between them and one of the other's.

    Phrases that overlap are near unless they end at the same token.
    """
    kept: i32 = 0
    first: i32 = 0
    to_end: i64 = i64(phrase.n_terms - other.n_terms)  # from where the other would begin to where it ends with this
    for i in range(phrase.n_hits):
        hit: i64 = phrase.hits[i]
        same: i64 = hit + to_end
        while first < other.n_hits and other.hits[first] + i64(phrase.n_terms + near) < same:
            first += 1
        # Those that end before the hit does are near enough; then those behind it.
        at: i32 = first
        while at < other.n_hits and other.hits[at] == same:
            at += 1
        if at < other.n_hits and other.hits[at] <= same + i64(other.n_terms + near):
            phrase.hits[kept] = hit
            kept += 1
    phrase.n_hits = kept
