"""Numbers in JSON text: where one begins and ends, and how it is spelled.

Source: https://www.rfc-editor.org/rfc/rfc8259#section-6, https://spec.json5.org/#numbers
"""

from turso_wasm.kernel.functions.bytes import hex_digit
from turso_wasm.kernel.json.element import FLOAT, FLOAT5, INT, INT5
from turso_wasm.kernel.json.scan import is_alnum, same_word
from turso_wasm.kernel.values.number import is_digit
from turso_wasm.wasm.lang import i32, lit, ptr, u8

__subset__ = True

RELAXED = 16  # added to a kind: JSON5 only
PLUS_INFINITY = -1
MINUS_INFINITY = -2


def scan_infinity(p: ptr[u8], n: i32, at: i32, signed: bool) -> i32:
    """Index behind inf or infinity; -1 if neither stands there. signed: letters behind it are an error of their own."""
    whole: bool = begins_with(p, n, at, *lit(b"infinity"))
    if not whole and not begins_with(p, n, at, *lit(b"inf")):
        return -1
    behind: i32 = at + (8 if whole else 3)
    return behind if signed or behind == n or not is_alnum(p[behind]) else -1


def begins_with(p: ptr[u8], n: i32, at: i32, word: ptr[u8], size: i32) -> bool:
    """Whether the (lower-case) word stands at `at`, in whatever case."""
    return at + size <= n and same_word(p, at + size, at, word, size, False)


def scan_exponent(p: ptr[u8], n: i32, at: i32) -> i32:
    """Index behind the digits of the exponent whose letter is at `at`; negative: ~index of what is wrong."""
    i: i32 = at + 1
    if i < n and (p[i] == 43 or p[i] == 45):
        i += 1
    if i >= n or not is_digit(p[i]):
        return ~(i - 1)
    while i < n and is_digit(p[i]):
        i += 1
    if i < n and (p[i] == 46 or (p[i] | 32) == 101):
        return ~i
    return i


def scan_numeral(p: ptr[u8], n: i32, at: i32) -> tuple[i32, i32, i32]:
    """The number at `at`: (kind, index of its first byte, index behind it).

    kind: INT, INT5, FLOAT or FLOAT5, with RELAXED when it is JSON5; -1: malformed at the last of the three. The first
    byte is PLUS_INFINITY or MINUS_INFINITY for those words.
    """
    start: i32 = at
    relaxed: i32 = 0
    i: i32 = at
    if i < n and (p[i] == 43 or p[i] == 45):
        i += 1
        if p[at] == 43:
            start = i
            relaxed = RELAXED
    if i < n and (p[i] | 32) == 105:
        behind: i32 = scan_infinity(p, n, i, i > at)
        if behind > 0:
            return FLOAT | RELAXED, MINUS_INFINITY if p[at] == 45 else PLUS_INFINITY, behind
    if i < n and p[i] == 48:
        if i + 2 < n and (p[i + 1] | 32) == 120 and hex_digit(p[i + 2]) >= 0:
            i += 3
            while i < n and hex_digit(p[i]) >= 0:
                i += 1
            return INT5 | RELAXED, start, i
        if i + 1 < n and is_digit(p[i + 1]):
            return -1, 0, i if i > at else i + 1
    digits: i32 = i
    while i < n and is_digit(p[i]):
        i += 1
    whole: bool = i > digits
    if not whole and (i >= n or p[i] != 46):
        return -1, 0, at
    kind: i32 = INT
    if i < n and p[i] == 46:
        kind = FLOAT
        i += 1
        fraction: i32 = i
        while i < n and is_digit(p[i]):
            i += 1
        if i == fraction and not whole:
            return -1, 0, at if at + 1 == i else i
        if i == fraction or not whole:
            kind = FLOAT5
            relaxed = RELAXED
        if i < n and p[i] == 46:
            return -1, 0, i
    if i < n and (p[i] | 32) == 101:
        if kind == INT:
            kind = FLOAT
        i = scan_exponent(p, n, i)
        if i < 0:
            return -1, 0, ~i
    return kind | relaxed, start, i
