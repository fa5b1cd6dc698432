"""What both JSON texts and paths are made of: white space, words, escapes.

Source: https://spec.json5.org, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.functions.unistr import hex_number
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_put, buffer_room
from turso_wasm.kernel.values.number import is_digit
from turso_wasm.kernel.values.utf8 import write_char
from turso_wasm.wasm.lang import i32, i64, ptr, u8, u32

__subset__ = True

BACKSLASH = 92


def is_alnum(c: i32) -> bool:
    """An ASCII letter or digit."""
    return is_digit(c) or ((c | 32) >= 97 and (c | 32) <= 122)


def hex_run(p: ptr[u8], n: i32, at: i32, digits: i32) -> i32:
    """The number of that many hexadecimal digits at `at`; -1 unless they are there."""
    return i32(hex_number(p, n, at, digits))


def same_word(p: ptr[u8], n: i32, at: i32, word: ptr[u8], size: i32, exact: bool) -> bool:
    """Whether the (lower-case) word stands at `at`, with no letter or digit behind it. exact: in lower case."""
    if at + size > n:
        return False
    for i in range(size):
        c: i32 = p[at + i]
        if c != word[i] and (exact or (c | 32) != word[i]):
            return False
    return at + size == n or not is_alnum(p[at + size])


def wide_space(p: ptr[u8], n: i32, at: i32) -> i32:
    """Bytes of the white space beyond ASCII at `at`; 0 if it is none."""
    c: i32 = p[at]
    if c == 0xC2:
        return 2 if at + 1 < n and p[at + 1] == 0xA0 else 0
    if at + 2 >= n or c < 0xE1 or c > 0xEF:
        return 0
    code: i32 = (c & 15) << 12 | (p[at + 1] & 63) << 6 | (p[at + 2] & 63)
    if code == 0x1680 or (code >= 0x2000 and code <= 0x200A) or code == 0x2028 or code == 0x2029:
        return 3
    return 3 if code == 0x202F or code == 0x205F or code == 0x3000 or code == 0xFEFF else 0


def skip_comment(p: ptr[u8], n: i32, at: i32) -> i32:
    """Index behind the comment at `at`; `at` if it is none or is not closed."""
    if at + 1 >= n:
        return at
    i: i32 = at + 2
    if p[at + 1] == 42:
        while i + 1 < n:
            if p[i] == 42 and p[i + 1] == 47:
                return i + 2
            i += 1
        return at
    if p[at + 1] != 47:
        return at
    while i < n and p[i] != 10 and p[i] != 13 and not (p[i] == 0xE2 and wide_space(p, n, i) and p[i + 2] >= 0xA8):
        i += 1
    return i


def skip_space(p: ptr[u8], n: i32, at: i32) -> i32:
    """Index behind the white space and the comments of JSON5."""
    while at < n:
        c: i32 = p[at]
        if c == 32 or (c >= 9 and c <= 13):
            at += 1
            continue
        behind: i32 = at
        if c == 47:
            behind = skip_comment(p, n, at)
        elif c >= 0x80:
            behind = at + wide_space(p, n, at)
        if behind == at:
            return at
        at = behind
    return at


def is_name_start(p: ptr[u8], n: i32, at: i32) -> bool:
    """Whether a name may begin (or go on) with the character at `at`: a letter, _, $, one beyond ASCII, \\uXXXX."""
    c: i32 = p[at]
    if c == BACKSLASH:
        return at + 1 < n and p[at + 1] == 117 and hex_run(p, n, at + 2, 4) >= 0
    if c >= 0x80:
        return wide_space(p, n, at) == 0
    return ((c | 32) >= 97 and (c | 32) <= 122) or c == 95 or c == 36


# --- escapes ---------------------------------------------------------------------------------------------------


def scan_escape(p: ptr[u8], n: i32, at: i32) -> tuple[i32, bool]:
    """The escape whose backslash is before `at`: (index behind it, -1 if it is none; whether only JSON5 has it)."""
    if at >= n:
        return -1, False
    c: i32 = p[at]
    if c == 34 or c == 92 or c == 47 or c == 98 or c == 102 or c == 110 or c == 114 or c == 116:
        return at + 1, False
    if c == 117:
        return at + 5 if hex_run(p, n, at + 1, 4) >= 0 else -1, False
    if c == 120:
        return at + 3 if hex_run(p, n, at + 1, 2) >= 0 else -1, True
    if c == 39 or c == 118 or c == 10:
        return at + 1, True
    if c == 48:
        return at + 1 if at + 1 >= n or not is_digit(p[at + 1]) else -1, True
    if c == 13:
        return at + 2 if at + 1 < n and p[at + 1] == 10 else at + 1, True
    if c == 0xE2 and at + 2 < n and p[at + 1] == 0x80 and (p[at + 2] == 0xA8 or p[at + 2] == 0xA9):
        return at + 3, True
    return -1, True


def letter_code(c: i32) -> i32:
    """The control character that a backslash and the letter c stand for; else c itself."""
    if c == 98:
        return 8
    if c == 102:
        return 12
    if c == 110:
        return 10
    if c == 114:
        return 13
    if c == 116:
        return 9
    if c == 118:
        return 11
    if c == 48:
        return 0
    return c


def loose_hex(p: ptr[u8], at: i32, digits: i32) -> i32:
    """The number of that many hexadecimal digits at `at`, of which damaged JSONB makes any bytes, read as by SQLite."""
    value: i32 = 0
    for i in range(digits):
        c: i32 = p[at + i]
        value = value << 4 | ((c + 9 * (c >> 6 & 1)) & 15)
    return value


def low_surrogate(p: ptr[u8], n: i32, at: i32) -> i32:
    """The code of an escaped low surrogate at `at`; -1 if there is none."""
    if at + 5 >= n or p[at] != BACKSLASH or p[at + 1] != 117:
        return -1
    code: i32 = loose_hex(p, at + 2, 4)
    return code if (code & 0xFC00) == 0xDC00 else -1


def put_unescaped_char(b: Buffer, p: ptr[u8], n: i32, at: i32) -> i32:
    """Append what the escape whose backslash is before `at` stands for; index behind it."""
    if at >= n:
        return n
    c: i32 = p[at]
    behind, _ = scan_escape(p, n, at)
    if c == 117 or c == 120:
        behind = at + 5 if c == 117 else at + 3
        if behind > n:
            return n
        code: i32 = loose_hex(p, at + 1, behind - at - 1)
        low: i32 = low_surrogate(p, n, behind) if (code & 0xFC00) == 0xD800 else -1
        if low >= 0:
            code = 0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF)
            behind += 6
        room: ptr[u8] = buffer_room(b, i64(4))
        b.size = b.size - 4 + write_char(room, u32(code))
    elif behind < 0:
        return at + 1
    elif behind == at + 1 and c != 10 and c != 13:
        buffer_put(b, letter_code(c))
    elif behind >= n:
        buffer_put(b, 0)  # as SQLite has it: a line that goes on, but there is no more
    return behind


def put_unescaped(b: Buffer, p: ptr[u8], n: i32) -> None:
    """Append a string's content with its escapes replaced."""
    i: i32 = 0
    while i < n:
        start: i32 = i
        while i < n and p[i] != BACKSLASH:
            i += 1
        buffer_add(b, p + start, i - start)
        if i < n:
            i = put_unescaped_char(b, p, n, i + 1)
