"""Parsing: JSON and JSON5 text to JSONB.

A text ends at its first NUL. A failing parse says at which byte; what JSON5 allows beyond JSON sets `relaxed`.

Source: https://www.rfc-editor.org/rfc/rfc8259, https://spec.json5.org, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.json.element import (
    ARRAY,
    FALSE_ELEMENT,
    INT,
    MAX_DEPTH,
    NULL_ELEMENT,
    OBJECT,
    TEXT_5,
    TEXT_J,
    TEXT_PLAIN,
    TRUE_ELEMENT,
    close_container,
    head_size,
    put_element,
)
from turso_wasm.kernel.json.numerals import scan_numeral
from turso_wasm.kernel.json.scan import (
    is_alnum,
    is_name_start,
    same_word,
    scan_escape,
    skip_space,
)
from turso_wasm.kernel.values.buffer import Buffer, buffer_put, buffer_room
from turso_wasm.kernel.values.number import is_digit
from turso_wasm.kernel.values.utf8 import terminated_size
from turso_wasm.wasm.lang import Struct, ctz, i32, i64, inline, le64, lit, ptr, u8, u64

__subset__ = True

FAILED = -1


class Parser(Struct):
    """A text being parsed. Each parse_… takes the index where it begins and gives the index behind, or FAILED."""

    text: ptr[u8]
    size: i32
    out: Buffer
    depth: i32
    error: i32  # index of the byte where it went wrong
    relaxed: i32  # 1: it is JSON5, not JSON


def fail(ps: Parser, at: i32) -> i32:
    """Note where the text is wrong."""
    ps.error = at
    return FAILED


@inline
def is_space(c: i32) -> bool:
    """White space of JSON."""
    return c == 32 or c == 10 or c == 13 or c == 9


@inline
def may_be_space(c: i32) -> bool:
    """Whether white space or a comment of JSON5 may begin with this byte."""
    return c == 47 or c >= 0x80 or c == 11 or c == 12


def more_space(ps: Parser, i: i32) -> i32:
    """Index behind what only JSON5 takes for white space."""
    behind: i32 = skip_space(ps.text, ps.size, i)
    if behind > i:
        ps.relaxed = 1
    return behind


@inline
def space(ps: Parser, i: i32) -> i32:
    """Index behind white space and comments."""
    while i < ps.size and is_space(ps.text[i]):
        i += 1
    if i < ps.size and may_be_space(ps.text[i]):
        return more_space(ps, i)
    return i


@inline
def space_before_mark(ps: Parser, i: i32) -> tuple[i32, i32]:
    """As `space`, before a comma, colon or bracket; and where SQLite errs when there is none of them. What fails later
    may err behind what only JSON5 skips.
    """
    while i < ps.size and is_space(ps.text[i]):
        i += 1
    start: i32 = i
    if i < ps.size and may_be_space(ps.text[i]):
        i = more_space(ps, i)
        if i < ps.size:
            ps.error = i
    return i, start


# --- strings -------------------------------------------------------------------------------------------------


@inline
def zero_bytes(word: u64) -> u64:
    """Bit 7 of the lowest byte that is 0; those above may be wrong."""
    return (word - 0x0101010101010101) & ~word


@inline
def skip_text(p: ptr[u8], n: i32, i: i32) -> i32:
    """Index of the next byte from i on that is a double quote, a backslash or a control character; at least n if none
    is. Reads whole words (base/memory.py M5).
    """
    while i < n:
        word: u64 = u64(le64(p + i))
        found: u64 = zero_bytes(word ^ 0x2222222222222222) | zero_bytes(word ^ 0x5C5C5C5C5C5C5C5C)
        found = (found | ((word - 0x2020202020202020) & ~word)) & 0x8080808080808080
        if found:
            return i + i32(ctz(found) >> 3)
        i += 8
    return i


def skip_plain(p: ptr[u8], n: i32, i: i32, quote: i32) -> i32:
    """As skip_text, in a string that ends with that quote."""
    if quote == 34:
        return skip_text(p, n, i)
    while i < n and p[i] >= 32 and p[i] != quote and p[i] != 92:
        i += 1
    return i


def parse_string(ps: Parser, i: i32) -> i32:
    """A string in the quotes at i."""
    p: ptr[u8] = ps.text
    quote: i32 = p[i]
    kind: i32 = TEXT_PLAIN
    if quote == 39:
        ps.relaxed = 1
    start: i32 = i + 1
    i = start
    while True:
        i = skip_plain(p, ps.size, i, quote)
        if i >= ps.size:
            return fail(ps, ps.size)
        c: i32 = p[i]
        if c == quote:
            break
        if c == 92:
            behind, json5 = scan_escape(p, ps.size, i + 1)
            if behind < 0:
                return fail(ps, i + 1)
            if json5:
                kind = TEXT_5
                ps.relaxed = 1
            elif kind == TEXT_PLAIN:
                kind = TEXT_J
            i = behind
        else:
            kind = TEXT_5
            ps.relaxed = 1
            i += 1
    if quote == 39 and kind != TEXT_5 and has_quote(p, start, i):
        kind = TEXT_5
    put_element(ps.out, kind, p + start, i - start)
    return i + 1


def has_quote(p: ptr[u8], i: i32, end: i32) -> bool:
    """Whether there is a double quote that no backslash escapes."""
    while i < end and p[i] != 34:
        i += 2 if p[i] == 92 else 1
    return i < end


def parse_name(ps: Parser, i: i32) -> i32:
    """A label without quotes."""
    p: ptr[u8] = ps.text
    kind: i32 = TEXT_PLAIN
    start: i32 = i
    while i < ps.size and (is_name_start(p, ps.size, i) or (i > start and is_alnum(p[i]))):
        if p[i] == 92:
            kind = TEXT_J
            i += 6
        else:
            i += 1
    ps.relaxed = 1
    put_element(ps.out, kind, p + start, i - start)
    return i


# --- values --------------------------------------------------------------------------------------------------


def parse_word(ps: Parser, i: i32) -> i32:
    """true, false, null, and the numbers that are words."""
    p: ptr[u8] = ps.text
    n: i32 = ps.size
    c: i32 = p[i] | 32
    size: i32 = 0
    if c == 116 and same_word(p, n, i, *lit(b"true"), True):
        buffer_put(ps.out, TRUE_ELEMENT)
        return i + 4
    if c == 102 and same_word(p, n, i, *lit(b"false"), True):
        buffer_put(ps.out, FALSE_ELEMENT)
        return i + 5
    if c == 110 and same_word(p, n, i, *lit(b"null"), True):
        buffer_put(ps.out, NULL_ELEMENT)
        return i + 4
    if c == 110 and same_word(p, n, i, *lit(b"nan"), False):
        size = 3
    elif (c == 113 and same_word(p, n, i, *lit(b"qnan"), False)) or (
        c == 115 and same_word(p, n, i, *lit(b"snan"), False)
    ):
        size = 4
    if size:
        ps.relaxed = 1
        buffer_put(ps.out, NULL_ELEMENT)
        return i + size
    return parse_numeral(ps, i)


@inline
def ends_integer(c: i32) -> bool:
    """Whether digits before this byte are all of a number."""
    return c == 44 or c == 93 or c == 125 or c == 32


def parse_numeral(ps: Parser, i: i32) -> i32:
    """A number. Most have digits only."""
    p: ptr[u8] = ps.text
    digits: i32 = i + i32(p[i] == 45)
    end: i32 = digits
    while end < ps.size and is_digit(p[end]):
        end += 1
    whole: bool = end > digits and (p[digits] != 48 or end == digits + 1)
    if whole and (end == ps.size or ends_integer(p[end])):
        put_element(ps.out, INT, p + i, end - i)
        return end
    kind, start, behind = scan_numeral(ps.text, ps.size, i)
    if kind < 0:
        return fail(ps, behind)
    if kind & 16:
        ps.relaxed = 1
        kind &= 15
    if start < 0:  # infinity, whose sign -1 or -2 says
        if start == -2:
            put_element(ps.out, kind, *lit(b"-9e999"))
        else:
            put_element(ps.out, kind, *lit(b"9e999"))
        return behind
    put_element(ps.out, kind, ps.text + start, behind - start)
    return behind


def open_container(ps: Parser, i: i32) -> tuple[i32, i32]:
    """Leave room for a container's header: (its index, its size)."""
    at: i32 = ps.out.size
    head: i32 = head_size(ps.size - i)
    _ = buffer_room(ps.out, i64(head))
    return at, head


def parse_array(ps: Parser, i: i32) -> i32:
    """An array that begins at i."""
    p: ptr[u8] = ps.text
    at, head = open_container(ps, i)
    before: i32 = i + 1
    i = space(ps, before)
    while i < ps.size and p[i] != 93:
        c: i32 = p[i]
        i = parse_value(ps, i)
        if i < 0:
            return fail(ps, before) if c == 44 or c == 58 or c == 125 else FAILED
        i, start = space_before_mark(ps, i)
        if i >= ps.size or (p[i] != 44 and p[i] != 93):
            return fail(ps, start)
        if p[i] == 93:
            close_container(ps.out, at, head, ARRAY)
            return i + 1
        before = i + 1
        i = space(ps, before)
        ps.relaxed |= i32(i < ps.size and p[i] == 93)
    return close_early(ps, i, before, at, head, ARRAY)


def close_early(ps: Parser, i: i32, before: i32, at: i32, head: i32, kind: i32) -> i32:
    """Close a container behind its opening bracket or a comma: if more follows the text, SQLite errs there."""
    if i >= ps.size:
        return fail(ps, before)
    ps.error = i
    close_container(ps.out, at, head, kind)
    return i + 1


@inline
def opens(c: i32) -> bool:
    """Whether a string or a container begins with this byte."""
    return c == 34 or c == 39 or c == 91 or c == 123


def parse_bare_label(ps: Parser, i: i32, before: i32) -> i32:
    """A label without quotes; words that are values are none. before: where its white space begins."""
    end: i32 = ps.out.size
    if parse_value(ps, i) >= 0:
        return fail(ps, before)
    if opens(ps.text[i]):
        return FAILED
    ps.out.size = end
    return parse_name(ps, i) if is_name_start(ps.text, ps.size, i) else FAILED


def parse_label(ps: Parser, i: i32, before: i32) -> i32:
    """A label and the colon behind it. before: where its white space begins."""
    p: ptr[u8] = ps.text
    i = parse_string(ps, i) if p[i] == 34 or p[i] == 39 else parse_bare_label(ps, i, before)
    if i < 0:
        return FAILED
    i, start = space_before_mark(ps, i)
    if i >= ps.size:
        return fail(ps, start)
    c: i32 = p[i]
    if c == 58:
        return i + 1
    if c != 44 and c != 93 and c != 125 and parse_value(ps, i) < 0:
        return FAILED
    return fail(ps, start)


@inline
def ends_value(c: i32) -> bool:
    """Whether what stands where a value should is a mark that would follow one."""
    return c == 44 or c == 58 or c == 93 or c == 125


def parse_object(ps: Parser, i: i32) -> i32:
    """An object that begins at i."""
    p: ptr[u8] = ps.text
    at, head = open_container(ps, i)
    before: i32 = i + 1
    i = space(ps, before)
    while i < ps.size and p[i] != 125:
        i = parse_label(ps, i, before)
        if i < 0:
            return FAILED
        before = i
        i = space(ps, i)
        if i >= ps.size or ends_value(p[i]):
            return fail(ps, before)
        i = parse_value(ps, i)
        if i < 0:
            return FAILED
        i, start = space_before_mark(ps, i)
        if i >= ps.size or (p[i] != 44 and p[i] != 125):
            return fail(ps, start)
        if p[i] == 125:
            close_container(ps.out, at, head, OBJECT)
            return i + 1
        before = i + 1
        i = space(ps, before)
        ps.relaxed |= i32(i < ps.size and p[i] == 125)
    return close_early(ps, i, i, at, head, OBJECT)


def parse_value(ps: Parser, i: i32) -> i32:
    """Any value; white space before it is behind us already."""
    if i >= ps.size:
        return fail(ps, i)
    c: i32 = ps.text[i]
    if c == 34 or c == 39:
        return parse_string(ps, i)
    if c != 91 and c != 123:
        return parse_word(ps, i) if c > 57 else parse_numeral(ps, i)
    ps.depth += 1
    if ps.depth > MAX_DEPTH:
        return fail(ps, i)
    i = parse_array(ps, i) if c == 91 else parse_object(ps, i)
    ps.depth -= 1
    return i


def parse_text(ps: Parser, p: ptr[u8], n: i32, out: Buffer) -> bool:
    """Append a whole text's value to `out`; False when it is malformed, at ps.error."""
    ps.text = p
    ps.size = terminated_size(p, n)
    ps.out = out
    ps.depth = 0
    ps.error = 0
    ps.relaxed = 0
    i: i32 = space(ps, 0)
    if i == ps.size:
        return False
    i = parse_value(ps, i)
    return i >= 0 and space(ps, i) == ps.size
