"""Sorting items by their normalized keys, stably.

Owns the algorithms; the items and what they stand for belong to the sorter or the hash table. Works in eight-byte
steps ("words") of the keys: the items are sorted by the first word, each group with equal words by the next one, and
so on. Many items of one word are sorted by a radix sort over the bits in which the words differ at all, few by
merging, very few by insertion.

Invariants:
  O1  Keys are prefix-free (key K2): in a group with equal words either all keys end in the word or none does.
  O2  Sorting is stable. `prefix` of the items is not defined afterwards.
  O3  Recursion only enters groups of at most half the items, so it is at most 31 deep; each level uses no scratch.
  O4  Up to 15 bytes behind a key are read, and masked away.
"""

from turso_wasm.wasm.lang import (
    Struct,
    be64,
    clz,
    ctz,
    i32,
    inline,
    memory_copy,
    memory_fill,
    ptr,
    scratch,
    sizeof,
    u8,
    u32,
    u64,
)

__subset__ = True

INSERTION_MAX = 16  # items sorted by insertion
RADIX_MIN = 256  # items from which the radix sort pays
DIGIT_MAX = 10  # bits of a radix digit: 4 KiB of counters


class Item(Struct):
    """What is sorted: 16 bytes."""

    prefix: u64  # the next eight bytes of the key, big-endian, zero behind its end
    key: ptr[u8]
    size: i32  # bytes of the key


@inline
def item_copy(to: Item, source: Item) -> None:
    """Copy an item."""
    p: ptr[u64] = ptr[u64](to)
    q: ptr[u64] = ptr[u64](source)
    p[0] = q[0]
    p[1] = q[1]


@inline
def key_word(key: ptr[u8], size: i32, depth: i32) -> u64:
    """Eight bytes of the key from `depth` on, big-endian, zeros behind its end."""
    left: i32 = size - depth
    word: u64 = u64(be64(key + depth))
    if left < 8:
        if left <= 0:
            return u64(0)
        word = word >> u64(64 - (left << 3)) << u64(64 - (left << 3))
    return word


def compare_keys(p: ptr[u8], n: i32, q: ptr[u8], m: i32, depth: i32) -> i32:
    """Order of two keys whose first `depth` bytes are equal: -1, 0, 1."""
    least: i32 = n if n < m else m
    while depth < least:
        a: u64 = key_word(p, n, depth)
        b: u64 = key_word(q, m, depth)
        if a != b:
            return -1 if a < b else 1
        depth += 8
    return 0 if n == m else -1 if n < m else 1


# --- few items -----------------------------------------------------------------------------------------------


@inline
def item_less(a: Item, prefix: u64, key: ptr[u8], size: i32, depth: i32) -> bool:
    """Whether (prefix, key) sorts before item a."""
    if prefix != a.prefix:
        return prefix < a.prefix
    if size <= depth + 8:
        return False
    return compare_keys(key, size, a.key, a.size, depth + 8) < 0


def insertion_sort(items: ptr[Item], n: i32, depth: i32) -> None:
    """Sort n items by their whole keys, of which the first `depth` bytes are equal."""
    for i in range(1, n):
        moving: Item = items[i]
        prefix: u64 = moving.prefix
        key: ptr[u8] = moving.key
        size: i32 = moving.size
        at: i32 = i
        while at > 0:
            if not item_less(items[at - 1], prefix, key, size, depth):
                break
            item_copy(items[at], items[at - 1])
            at -= 1
        item: Item = items[at]
        item.prefix = prefix
        item.key = key
        item.size = size


# --- some items ----------------------------------------------------------------------------------------------


def insertion_by_prefix(items: ptr[Item], n: i32) -> None:
    """Sort n items by prefix."""
    for i in range(1, n):
        moving: Item = items[i]
        prefix: u64 = moving.prefix
        rest: u64 = ptr[u64](moving)[1]
        at: i32 = i
        while at > 0:
            if items[at - 1].prefix <= prefix:
                break
            item_copy(items[at], items[at - 1])
            at -= 1
        ptr[u64](items[at])[0] = prefix
        ptr[u64](items[at])[1] = rest


def merge(source: ptr[Item], to: ptr[Item], middle: i32, n: i32) -> None:
    """Merge source[0:middle] and source[middle:n], both sorted by prefix, into to[0:n]."""
    left: i32 = 0
    right: i32 = middle
    for i in range(n):
        if right >= n or (left < middle and source[left].prefix <= source[right].prefix):
            item_copy(to[i], source[left])
            left += 1
        else:
            item_copy(to[i], source[right])
            right += 1


def merge_sort(items: ptr[Item], spare: ptr[Item], n: i32) -> None:
    """Sort n items by prefix."""
    for start in range(0, n, 16):
        rest: i32 = n - start
        insertion_by_prefix(items + start, 16 if rest > 16 else rest)
    width: i32 = 16
    source: ptr[Item] = items
    to: ptr[Item] = spare
    while width < n:
        at: i32 = 0
        while at < n:
            length: i32 = n - at
            if length > 2 * width:
                length = 2 * width
            merge(source + at, to + at, width if width < length else length, length)
            at += length
        source, to = to, source
        width *= 2
    if i32(source) != i32(items):
        memory_copy(items, source, n * sizeof(Item))


# --- many items ----------------------------------------------------------------------------------------------


def differing_bits(items: ptr[Item], n: i32) -> u64:
    """The bits in which the items' prefixes are not all equal; 0 also if they are in order already."""
    first: u64 = items[0].prefix
    before: u64 = first
    differing: u64 = 0
    descents: i32 = 0
    for i in range(1, n):
        prefix: u64 = items[i].prefix
        differing |= prefix ^ first
        if prefix < before:
            descents += 1
        before = prefix
    return differing if descents else u64(0)


def radix_pass(source: ptr[Item], to: ptr[Item], n: i32, shift: i32, width: i32) -> None:
    """Copy n items to `to`, in stable order of the `width` bits of their prefix from bit `shift` on."""
    counts: ptr[u32] = ptr[u32](scratch(4 << DIGIT_MAX))
    mask: i32 = (1 << width) - 1
    by: u64 = u64(shift)
    memory_fill(counts, 0, 4 << width)
    for i in range(n):
        digit: i32 = i32(source[i].prefix >> by) & mask
        counts[digit] = counts[digit] + 1
    start: u32 = 0
    for d in range(1 << width):
        count: u32 = counts[d]
        counts[d] = start
        start += count
    for i in range(n):
        item: Item = source[i]
        digit = i32(item.prefix >> by) & mask
        place: u32 = counts[digit]
        counts[digit] = place + 1
        item_copy(to[place], item)


def radix_sort(items: ptr[Item], spare: ptr[Item], n: i32) -> None:
    """Sort n items by prefix, the least significant digit first."""
    differing: u64 = differing_bits(items, n)
    if differing == 0:
        return
    low: i32 = i32(ctz(differing))
    span: i32 = 64 - i32(clz(differing)) - low
    passes: i32 = (span + DIGIT_MAX - 1) // DIGIT_MAX
    width: i32 = (span + passes - 1) // passes
    source: ptr[Item] = items
    to: ptr[Item] = spare
    while passes > 0:
        if i32(differing >> u64(low)) & ((1 << width) - 1):
            radix_pass(source, to, n, low, width)
            source, to = to, source
        low += width
        passes -= 1
    if i32(source) != i32(items):
        memory_copy(items, source, n * sizeof(Item))


# --- all of them ---------------------------------------------------------------------------------------------


def sort_items(items: ptr[Item], spare: ptr[Item], n: i32, depth: i32) -> None:
    """Sort n items whose keys agree in the first `depth` bytes, and whose prefixes are the words at `depth`.

    spare: room for n items. A new sort starts with depth 0.
    """
    while n > INSERTION_MAX:
        if n < RADIX_MIN:
            merge_sort(items, spare, n)
        else:
            radix_sort(items, spare, n)
        start, count = sort_groups(items, spare, n, depth)
        if count == 0:
            return
        items = items + start
        spare = spare + start
        n = count
        depth += 8
    insertion_sort(items, n, depth)


def sort_groups(items: ptr[Item], spare: ptr[Item], n: i32, depth: i32) -> tuple[i32, i32]:
    """Sort the groups of equal prefix by what follows it, except one that has more than half of the items.

    Returns the place and length of that group, its prefixes being the next words; length 0 when there is none.
    """
    large: i32 = 0
    large_count: i32 = 0
    at: i32 = 0
    while at < n:
        first: Item = items[at]
        prefix: u64 = first.prefix
        end: i32 = at + 1
        while end < n and items[end].prefix == prefix:
            end += 1
        count: i32 = end - at
        if count > 1 and first.size > depth + 8:
            load_words(items + at, count, depth + 8)
            if count > n >> 1:
                large = at
                large_count = count
            else:
                sort_items(items + at, spare + at, count, depth + 8)
        at = end
    return large, large_count


def load_words(items: ptr[Item], n: i32, depth: i32) -> None:
    """Make the prefixes of n items their keys' words at `depth`."""
    for i in range(n):
        item: Item = items[i]
        item.prefix = key_word(item.key, item.size, depth)
