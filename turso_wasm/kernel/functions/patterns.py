"""LIKE and GLOB patterns that are a text with wildcards at their ends only: 'x', 'x%', '%x' and '%x%'.

Owns what is known of such a pattern, be it a constant or that of the row before, and its search: eight places at once,
by the first two characters.

Invariants:
  S1  The text is ASCII without NUL, so it begins and ends where characters do, in any text that is searched.
  S2  A text that is searched ends at its first NUL; what is found behind it does not count.
  S3  Bytes are compared in lower case unless case matters.
"""

from turso_wasm.kernel.abi_states import Pattern
from turso_wasm.kernel.base.memory import malloc
from turso_wasm.kernel.values.collate import fold
from turso_wasm.kernel.values.utf8 import terminated_size
from turso_wasm.kernel.values.value import bytes_of, size_of
from turso_wasm.wasm.lang import (
    addr,
    ctz,
    export,
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

SIZE_MAX = 32  # bytes of patterns that are looked at
WHOLE, PREFIX, SUFFIX, INSIDE, OTHER = range(5)
ONES = 0x0101010101010101
HIGHS = 0x8080808080808080


last_pattern: i32 = 0


@export
def pattern_match(known: Pattern, pattern: i64, text: i64, any: i32, one: i32, set: i32, case: i32) -> i32:
    """plain_match for a pattern whose bytes stay where they are and what they are: `known` is kept for it, zero at
    first.
    """
    if known.payload != pattern:
        known.payload = pattern
        known.kind = OTHER
        if size_of(pattern) <= SIZE_MAX:
            known.any = any
            known.case = case
            classify(known, bytes_of(pattern), size_of(pattern), one, set)
    return -1 if known.kind == OTHER else matches(known, bytes_of(text), size_of(text))


@inline
def plain_match(pattern: i64, text: i64, any: i32, one: i32, set: i32, case: i32) -> i32:
    """Whether a text matches a pattern: 1, 0, or -1, it is none of ours. any, one, set: wildcards, as in pattern_of."""
    n: i32 = size_of(pattern)
    if n > SIZE_MAX:
        return -1
    known: Pattern = pattern_of(bytes_of(pattern), n, any, one, set, case)
    return -1 if known.kind == OTHER else matches(known, bytes_of(text), size_of(text))


def pattern_of(p: ptr[u8], n: i32, any: i32, one: i32, set: i32, case: i32) -> Pattern:
    """What is known of a pattern of at most SIZE_MAX bytes. any, one, set: its wildcards; set 0: there is none."""
    global last_pattern
    if last_pattern == 0:
        last_pattern = i32(malloc(sizeof(Pattern)))
        Pattern(last_pattern).size = -1
    pattern: Pattern = Pattern(last_pattern)
    if pattern.size == n and pattern.any == any and pattern.case == case and same(addr(pattern.source), p, n):
        return pattern
    memory_copy(addr(pattern.source), p, n)
    pattern.size = n
    pattern.any = any
    pattern.case = case
    classify(pattern, p, n, one, set)
    return pattern


@inline
def same(p: ptr[u8], q: ptr[u8], n: i32) -> bool:
    """Whether n bytes are equal. Up to 7 bytes behind are read."""
    at: i32 = 0
    while at + 8 <= n:
        if le64(p + at) != le64(q + at):
            return False
        at += 8
    return at == n or u64(le64(p + at) ^ le64(q + at)) << u64(64 - ((n - at) << 3)) == 0


def classify(pattern: Pattern, p: ptr[u8], n: i32, one: i32, set: i32) -> None:
    """Find out what kind it is."""
    first: i32 = 0
    end: i32 = n
    while first < end and p[first] == pattern.any:
        first += 1
    while end > first and p[end - 1] == pattern.any:
        end -= 1
    pattern.kind = (SUFFIX if first else WHOLE) if end == n else INSIDE if first else PREFIX
    pattern.text_size = end - first
    if first == end:
        pattern.kind = OTHER
    text: ptr[u8] = addr(pattern.text)
    for i in range(first, end):
        c: i32 = p[i]
        if c == 0 or c >= 0x80 or c == pattern.any or c == one or (c == set and set):
            pattern.kind = OTHER
        text[i - first] = c if pattern.case else fold(c)
    pattern.first_bits = case_bits(text[0], pattern.case)
    pattern.second_bits = case_bits(text[1], pattern.case)
    pattern.firsts = u64(text[0]) * ONES
    pattern.seconds = u64(text[1]) * ONES
    if pattern.text_size == 1:  # any second character will do
        pattern.second_bits = ~u64(0)
        pattern.seconds = ~u64(0)


def case_bits(c: i32, case: i32) -> u64:
    """The bit, eight times, in which both cases of a letter differ; 0 of what is none."""
    return u64(0x20) * ONES if case == 0 and c >= 97 and c <= 122 else u64(0)


@inline
def lower(word: u64) -> u64:
    """Eight bytes, A to Z of them in lower case."""
    low: u64 = word & ~u64(HIGHS)
    letters: u64 = (low + u64(63) * ONES) & ~(low + u64(37) * ONES) & ~word & HIGHS
    return word | letters >> 2


@inline
def begins(pattern: Pattern, q: ptr[u8]) -> bool:
    """Whether the text, at least as long, begins with that of the pattern (S3)."""
    text: ptr[u8] = addr(pattern.text)
    n: i32 = pattern.text_size
    at: i32 = 0
    while at < n:
        word: u64 = u64(le64(q + at))
        if pattern.case == 0:
            word = lower(word)
        differing: u64 = word ^ u64(le64(text + at))
        if at + 8 > n:
            differing = differing << u64(64 - ((n - at) << 3))
        if differing:
            return False
        at += 8
    return True


def matches(pattern: Pattern, q: ptr[u8], m: i32) -> i32:
    """1 if the text matches a pattern that is not OTHER."""
    n: i32 = pattern.text_size
    if m < n:
        return 0
    if pattern.kind == PREFIX:
        return i32(begins(pattern, q))
    if pattern.kind == INSIDE:
        return contains(pattern, q, m)
    m = terminated_size(q, m)
    if m < n or (pattern.kind == WHOLE and m != n):
        return 0
    return i32(begins(pattern, q + (m - n)))


def contains(pattern: Pattern, q: ptr[u8], m: i32) -> i32:
    """1 if the text is somewhere in q[:m]."""
    last: i32 = m - pattern.text_size  # the last place
    at: i32 = 0
    found: i32 = -1
    while at + 9 <= m and found < 0:
        found = among_eight(pattern, q, at, last)
        at += 8
    if m >= 9 and at <= last and found < 0:  # the last nine bytes, some of them for the second time
        found = among_eight(pattern, q, m - 9, last)
        at = m - 1
    while at <= last and found < 0:
        if begins(pattern, q + at):
            found = at
        at += 1
    return i32(found >= 0 and terminated_size(q, found) == found)


@inline
def among_eight(pattern: Pattern, q: ptr[u8], at: i32, last: i32) -> i32:
    """The first of the eight places from `at` on, none behind `last`, where the text is; -1: it is at none."""
    pairs: u64 = (u64(le64(q + at)) | pattern.first_bits) ^ pattern.firsts
    pairs = pairs | (u64(le64(q + at + 1)) | pattern.second_bits) ^ pattern.seconds
    places: u64 = (pairs - ONES) & ~pairs & HIGHS  # where a byte is zero, and maybe behind such a one
    while places:
        place: i32 = at + (i32(ctz(places)) >> 3)
        if place <= last and begins(pattern, q + place):
            return place
        places = places & (places - 1)
    return -1
