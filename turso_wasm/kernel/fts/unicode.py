"""Characters: their category, and what they fold to.

Owns the tables of kernel/fts/unicode_tables.py in use: they are unpacked in blocks of 256 code points, when the first
character of a block is asked for, and kept.
"""

from turso_wasm.kernel.base.memory import mzalloc
from turso_wasm.kernel.fts.unicode_tables import (
    CATEGORIES,
    COMBINING,
    COMBINING_FIRST,
    COMBINING_LAST,
    FOLDS,
    LETTER_LOWER,
    LETTER_UPPER,
    MARKED,
    PAIRS,
)
from turso_wasm.wasm.lang import Struct, array, export, i32, i64, ptr, sizeof, u8, u32, u64

__subset__ = True

BLOCK = 256
LAST_CODE = 0x10FFFF
MARKS_KEEP = 0  # remove_diacritics
MARKS_SIMPLE = 1
MARKS_ALL = 2


class Block(Struct):
    """256 code points."""

    category: array[u8, BLOCK]
    lower: array[i32, BLOCK]  # the lower case, 0: itself
    plain: array[u8, BLOCK]  # of a lower case letter the letter without diacritics, 0: itself; bit 7 as in MARKED


blocks: ptr[i32] = None


def read_number(p: ptr[u8], at: i32) -> tuple[i32, i32]:
    """A number of the tables, and the offset behind it."""
    value: i32 = 0
    shift: i32 = 0
    while p[at] & 128:
        value |= (p[at] & 127) << shift
        shift += 7
        at += 1
    return value | p[at] << shift, at + 1


def fill_categories(b: Block, first: i32) -> None:
    """The categories of a block."""
    at: i32 = 0
    code: i32 = 0
    while at < len(CATEGORIES) and code < first + BLOCK:
        kind: i32 = CATEGORIES[at] & 31
        count: i32 = CATEGORIES[at] >> 5
        at += 1
        if count == 0:
            more, at = read_number(CATEGORIES, at)
            count = more + 8
        if kind == PAIRS:
            count *= 2
        i: i32 = first - code if code < first else 0
        while i < count and code + i < first + BLOCK:
            category: i32 = kind
            if kind == PAIRS:
                category = LETTER_LOWER if i & 1 else LETTER_UPPER
            b.category[code + i - first] = category
            i += 1
        code += count


def fill_folds(b: Block, first: i32) -> None:
    """What the characters of a block fold to."""
    at: i32 = 0
    code: i32 = 0
    while at < len(FOLDS):
        skip, at = read_number(FOLDS, at)
        count, at = read_number(FOLDS, at)
        distance, at = read_number(FOLDS, at)
        code += skip
        for i in range(count >> 1):
            c: i32 = code + i * ((count & 1) + 1)
            if c >= first and c < first + BLOCK:
                b.lower[c - first] = c - (distance >> 1) if distance & 1 else c + (distance >> 1)
    at = 0
    code = 0
    while at < len(MARKED):
        skip, at = read_number(MARKED, at)
        count, at = read_number(MARKED, at)
        code += skip
        for i in range(count >> 1):
            c = code + i * ((count & 1) + 1)
            if c >= first and c < first + BLOCK:
                b.plain[c - first] = MARKED[at]
        at += 1


def block_of(code: i32) -> Block:
    """The block of a code point up to LAST_CODE."""
    global blocks
    if blocks == None:  # noqa: E711
        blocks = ptr[i32](mzalloc((LAST_CODE // BLOCK + 1) * 4))
    number: i32 = code // BLOCK
    if blocks[number] == 0:
        b: Block = Block(mzalloc(sizeof(Block)))
        fill_categories(b, number * BLOCK)
        fill_folds(b, number * BLOCK)
        blocks[number] = i32(b)
    return Block(blocks[number])


def category_of(code: u32) -> i32:
    """The category's number (CATEGORY_NAMES)."""
    return block_of(i32(code)).category[i32(code) & (BLOCK - 1)] if code <= LAST_CODE else 0


@export
def py_char_category(code: i64) -> i64:
    """turso_wasm.typed.characters.category()."""
    return i64(category_of(u32(code))) if code >= 0 and code <= i64(LAST_CODE) else i64(0)


@export
def py_char_folded(code: i64) -> i64:
    """turso_wasm.typed.characters.folded()."""
    return i64(fold_char(u32(code), MARKS_KEEP)) if code >= 0 and code <= i64(LAST_CODE) else code


def is_combining(code: u32) -> bool:
    """A mark that goes on with a token, and that MARKS_SIMPLE and MARKS_ALL drop."""
    if code < COMBINING_FIRST or code > COMBINING_LAST:
        return False
    return (u64(COMBINING) >> u64(code - COMBINING_FIRST)) & 1 != 0


def fold_char(code: u32, marks: i32) -> u32:
    """The character as it stands in the index; 0: it is dropped. marks: MARKS_*."""
    if code > LAST_CODE:
        return code
    b: Block = block_of(i32(code))
    lower: i32 = b.lower[i32(code) & (BLOCK - 1)]
    if lower == 0:
        lower = i32(code)
    if marks == MARKS_KEEP or lower < 128:
        return u32(lower)
    if is_combining(u32(lower)):
        return u32(0)
    plain: i32 = block_of(lower).plain[lower & (BLOCK - 1)]
    if plain == 0 or (plain >= 128 and marks == MARKS_SIMPLE):
        return u32(lower)
    return u32(plain & 127)
