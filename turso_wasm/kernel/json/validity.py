"""Whether a blob is JSONB through and through, as json_valid(X, 8) and json_error_position ask.

Source: https://sqlite.org/json1.html#jvalid, https://sqlite.org/jsonb.html
"""

from turso_wasm.kernel.functions.bytes import hex_digit
from turso_wasm.kernel.json.element import (
    ARRAY,
    FALSE_ELEMENT,
    FLOAT,
    FLOAT5,
    INT,
    INT5,
    MAX_DEPTH,
    OBJECT,
    TEXT_5,
    TEXT_J,
    TEXT_PLAIN,
    TEXT_RAW,
    element,
    is_text,
)
from turso_wasm.kernel.json.scan import BACKSLASH, scan_escape
from turso_wasm.kernel.values.number import is_digit
from turso_wasm.wasm.lang import i32, ptr, u8

__subset__ = True

VALID = -1


def check_string(kind: i32, p: ptr[u8], at: i32, end: i32) -> i32:
    """VALID, or the index of the first byte that a string of that kind must not have."""
    if kind == TEXT_RAW:
        return VALID
    while at < end:
        c: i32 = p[at]
        if kind != TEXT_5 and (c < 32 or c == 34):
            return at
        if c == BACKSLASH:
            if kind == TEXT_PLAIN:
                return at
            behind, json5 = scan_escape(p, end, at + 1)
            if behind < 0 and at + 1 < end and p[at + 1] == 0:
                behind = at + 2  # as SQLite has it
                json5 = False
            if behind < 0 and at + 4 <= end and p[at + 1] == 120:
                behind = at + 4  # SQLite does not look at the digits of \x
                json5 = True
            if behind < 0 or (json5 and kind == TEXT_J):
                return at
            at = behind
        else:
            at += 1
    return VALID


def skip_digits(p: ptr[u8], at: i32, end: i32) -> i32:
    """Index behind the decimal digits at `at`."""
    while at < end and is_digit(p[at]):
        at += 1
    return at


def check_hexadecimal(p: ptr[u8], first: i32, at: i32, end: i32) -> i32:
    """VALID, or the index of the byte that does not belong to an INT5, whose header is at `first`."""
    if at < end and p[at] == 45:
        at += 1
    if at + 3 > end or p[at] != 48:
        return first
    if (p[at + 1] | 32) != 120:
        return at + 1
    at += 2
    while at < end and hex_digit(p[at]) >= 0:
        at += 1
    return VALID if at == end else at


def check_number(kind: i32, p: ptr[u8], at: i32, end: i32) -> i32:
    """VALID, or the index of the byte that does not belong to an INT, FLOAT or FLOAT5."""
    if at < end and p[at] == 45:
        at += 1
    start: i32 = at
    at = skip_digits(p, at, end)
    if kind == INT:
        return VALID if at == end and at > start else at
    if at > start and p[start] == 48 and (at - start > 1 or (at < end and p[at] != 46 and (p[at] | 32) != 101)):
        return start
    whole: bool = at > start
    digits: i32 = at
    if at < end and p[at] == 46:
        point: i32 = at
        at = skip_digits(p, point + 1, end)
        bare: bool = at == point + 1
        if (bare or not whole) and (kind == FLOAT or bare == (not whole)):
            return point
    elif not whole:
        return at
    if at < end and (p[at] | 32) == 101:
        at += 1
        if at < end and (p[at] == 43 or p[at] == 45):
            at += 1
        if at == end or not is_digit(p[at]):
            return at
        at = skip_digits(p, at, end)
    if at < end:
        return at
    return VALID if at > digits else start


def check_element(p: ptr[u8], at: i32, end: i32, depth: i32) -> i32:
    """VALID, or the index where the element that fills at..end is damaged."""
    if depth > MAX_DEPTH:
        return at
    kind, start, behind = element(p, at, end)
    if kind < 0 or kind > OBJECT or behind != end:
        return at
    if kind <= FALSE_ELEMENT:
        return VALID if end == at + 1 else at
    if kind <= FLOAT5 and start == end:
        return at
    if kind == INT5:
        return check_hexadecimal(p, at, start, end)
    if kind <= FLOAT5 and kind != INT and end - start < 2:
        return at
    if kind <= FLOAT5:
        return check_number(kind, p, start, end)
    if kind <= TEXT_RAW:
        return check_string(kind, p, start, end)
    label: bool = kind == OBJECT
    while start < end:
        inner, _, after = element(p, start, end)
        if inner < 0 or (label and not is_text(inner)):
            return start
        bad: i32 = check_element(p, start, after, depth + 1)
        if bad >= 0:
            return bad
        start = after
        if kind == OBJECT:
            label = not label
    return VALID if kind == ARRAY or label else end
