"""JSONB to text, compact or pretty.

A damaged document raises "malformed JSON" where it cannot be read on; what can be read is shown as it is.

Source: https://sqlite.org/jsonb.html, https://sqlite.org/json1.html#jpretty
"""

from turso_wasm.kernel.functions.bytes import hex_digit
from turso_wasm.kernel.functions.printf import put_json_char
from turso_wasm.kernel.json.element import (
    ARRAY,
    FALSE_ELEMENT,
    FLOAT,
    FLOAT5,
    INT5,
    MAX_DEPTH,
    NULL_ELEMENT,
    OBJECT,
    TEXT_5,
    TEXT_RAW,
    TRUE_ELEMENT,
    child,
    raise_malformed,
)
from turso_wasm.kernel.json.scan import BACKSLASH, scan_escape
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_put, buffer_room
from turso_wasm.kernel.values.number import is_digit
from turso_wasm.kernel.values.number_text import uint_to_text
from turso_wasm.wasm.lang import Struct, i32, i64, lit, memory_copy, ptr, scratch, u8, u64

__subset__ = True


# --- scalars ---------------------------------------------------------------------------------------------------


def hex_value(p: ptr[u8], n: i32) -> tuple[u64, bool, i32]:
    """The digits behind 0x, as far as they go: (their value, whether it has more than 64 bits, index behind them)."""
    value: u64 = 0
    large: bool = False
    i: i32 = 2
    while i < n and hex_digit(p[i]) >= 0:
        large = large or value >> 60 != 0
        value = value << 4 | u64(i64(hex_digit(p[i])))
        i += 1
    return value, large, i


def put_hex_number(b: Buffer, p: ptr[u8], n: i32) -> None:
    """A hexadecimal integer in decimal digits."""
    if n > 0 and p[0] == 45:
        buffer_put(b, 45)
        p = p + 1
        n -= 1
    value, large, size = hex_value(p, n)
    if size < n:
        raise_malformed()
    if large:
        buffer_add(b, *lit(b"9.0e999"))
        return
    digits: ptr[u8] = scratch(24)
    buffer_add(b, digits, uint_to_text(value, digits))


def put_json5_real(b: Buffer, p: ptr[u8], n: i32) -> None:
    """A number with a digit on both sides of its point."""
    for i in range(n):
        if p[i] == 46 and (i == 0 or (i == 1 and p[0] == 45)):
            buffer_put(b, 48)
        buffer_put(b, p[i])
        if p[i] == 46 and (i + 1 == n or not is_digit(p[i + 1])):
            buffer_put(b, 48)


def put_string(b: Buffer, p: ptr[u8], n: i32) -> None:
    """An SQL text as a string in quotes."""
    buffer_put(b, 34)
    i: i32 = 0
    while i < n:
        start: i32 = i
        while i < n and p[i] >= 32 and p[i] != 34 and p[i] != BACKSLASH:
            i += 1
        buffer_add(b, p + start, i - start)
        if i < n:
            put_json_char(b, p[i])
            i += 1
    buffer_put(b, 34)


def put_json5_escape(b: Buffer, p: ptr[u8], n: i32, at: i32) -> i32:
    """The escape whose backslash is before `at`, as JSON spells it; index behind it."""
    behind, json5 = scan_escape(p, n, at)
    if at >= n or (p[at] == 120 and at + 2 >= n) or (p[at] == 0xE2 and behind < 0):
        raise_malformed()
    if p[at] == 120:
        behind = at + 3  # whatever stands for the digits, as in SQLite
    if behind < 0:
        behind = at + 1
        json5 = False
    if not json5:
        buffer_add(b, p + at - 1, behind - at + 1)
    elif p[at] == 39:
        buffer_put(b, 39)
    elif p[at] == 118:
        buffer_add(b, *lit(b"\\u000b"))
    elif p[at] == 48:
        buffer_add(b, *lit(b"\\u0000"))
    elif p[at] == 120:
        buffer_add(b, *lit(b"\\u00"))
        buffer_add(b, p + at + 1, 2)
    return behind


def put_json5_string(b: Buffer, p: ptr[u8], n: i32) -> None:
    """A string that only JSON5 spells so."""
    buffer_put(b, 34)
    i: i32 = 0
    while i < n:
        if p[i] == BACKSLASH:
            i = put_json5_escape(b, p, n, i + 1)
        else:
            put_json_char(b, p[i])
            i += 1
    buffer_put(b, 34)


def put_scalar(b: Buffer, kind: i32, p: ptr[u8], n: i32) -> None:
    """An element that is no array and no object."""
    if kind == NULL_ELEMENT:
        buffer_add(b, *lit(b"null"))
    elif kind == TRUE_ELEMENT:
        buffer_add(b, *lit(b"true"))
    elif kind == FALSE_ELEMENT:
        buffer_add(b, *lit(b"false"))
    elif n == 0 and kind <= FLOAT5:
        raise_malformed()
    elif kind == INT5:
        put_hex_number(b, p, n)
    elif kind == FLOAT5:
        put_json5_real(b, p, n)
    elif kind <= FLOAT:
        buffer_add(b, p, n)
    elif kind == TEXT_RAW:
        put_string(b, p, n)
    elif kind == TEXT_5:
        put_json5_string(b, p, n)
    else:
        at: ptr[u8] = buffer_room(b, i64(n) + 2)
        at[0] = 34
        memory_copy(at + 1, p, n)
        at[n + 1] = 34


# --- documents -------------------------------------------------------------------------------------------------


class Style(Struct):
    """How to lay out: indent_size < 0: compactly."""

    indent: ptr[u8]
    indent_size: i32


def break_line(b: Buffer, style: Style, depth: i32) -> None:
    """Begin a line, in pretty style."""
    if style.indent_size >= 0:
        buffer_put(b, 10)
        for _ in range(depth):
            buffer_add(b, style.indent, style.indent_size)


def put_container(b: Buffer, style: Style, kind: i32, p: ptr[u8], at: i32, end: i32, depth: i32) -> None:
    """The elements of an array, or the labels and values of an object, in its brackets."""
    if depth > MAX_DEPTH:
        raise_malformed()
    buffer_put(b, 91 if kind == ARRAY else 123)
    first: i32 = at
    while at < end:
        if at > first:
            buffer_put(b, 44)
        break_line(b, style, depth)
        at = put_json(b, style, p, at, end, depth)
        if kind == OBJECT:
            if at >= end:
                raise_malformed()
            buffer_put(b, 58)
            if style.indent_size >= 0:
                buffer_put(b, 32)
            at = put_json(b, style, p, at, end, depth)
    if end > first:
        break_line(b, style, depth - 1)
    buffer_put(b, 93 if kind == ARRAY else 125)


def put_json(b: Buffer, style: Style, p: ptr[u8], at: i32, end: i32, depth: i32) -> i32:
    """The element at `at` as text; index behind it."""
    kind, start, behind = child(p, at, end)
    if kind > OBJECT:
        raise_malformed()
    if kind <= FALSE_ELEMENT:
        behind = at + 1  # whatever size it has
    if kind < ARRAY:
        put_scalar(b, kind, p + start, behind - start)
    else:
        put_container(b, style, kind, p, start, behind, depth + 1)
    return behind


def put_compact(b: Buffer, p: ptr[u8], at: i32, end: i32) -> None:
    """The element at `at` as compact text."""
    style: Style = Style(scratch(8))
    style.indent_size = -1
    _ = put_json(b, style, p, at, end, 0)
