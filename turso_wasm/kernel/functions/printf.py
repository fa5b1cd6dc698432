"""printf, also called format.

Owns the conversions of integers, text and characters, and the loop over the format. A conversion SQLite does not know
ends the output; missing arguments are NULL.

  d i u      integers               x X o p   unsigned, base 16 and 8      r   an ordinal: 1st, 2nd
  e E f g G  doubles (printf_real)  s z       text                         c   the first character of a text
  q Q w      text with ' ' " doubled, Q in quotes                          j J text escaped for JSON, J in quotes
  n          nothing                %         a percent sign

Source: https://sqlite.org/printf.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import NULL, Run, Value
from turso_wasm.kernel.functions.printf_real import put_real
from turso_wasm.kernel.functions.printf_spec import Spec, next_integer, next_value, scan_spec
from turso_wasm.kernel.values.buffer import (
    Buffer,
    buffer_add,
    buffer_fill,
    buffer_init,
    buffer_put,
    buffer_room,
    buffer_value,
)
from turso_wasm.kernel.values.utf8 import count_leads, is_continuation, next_char, skip_chars, terminated_size
from turso_wasm.kernel.values.value import bytes_of, size_of, to_real, to_text
from turso_wasm.wasm.lang import (
    export,
    i32,
    i64,
    lit,
    memory_copy,
    memory_fill,
    ptr,
    scratch,
    sizeof,
    u8,
    u64,
)

__subset__ = True

LOWER_DIGITS = b"0123456789abcdef"
UPPER_DIGITS = b"0123456789ABCDEF"


# --- integers -----------------------------------------------------------------------------------------------


def base_of(c: i32) -> u64:
    """The base of an integer conversion; 0 for other conversions."""
    if c == 100 or c == 105 or c == 117 or c == 114:
        return u64(10)
    if c == 120 or c == 112:
        return u64(16)
    return u64(8) if c == 111 else u64(0)


def put_integer(b: Buffer, spec: Spec, v: i64) -> None:
    """Print v under one of d i u x X o p r."""
    base: u64 = base_of(spec.conversion)
    signed: bool = spec.conversion == 100 or spec.conversion == 105 or spec.conversion == 114
    sign: i32 = 0
    magnitude: u64 = u64(v)
    if signed:
        sign = spec.prefix
        if v < 0:
            sign = 45
            magnitude = u64(0) - magnitude
    room: ptr[u8] = scratch(32)
    at: i32 = 32
    if spec.conversion == 114:
        at = 30
        put_ordinal(room + 30, magnitude)
    table: ptr[u8] = UPPER_DIGITS if spec.upper or spec.conversion == 112 else LOWER_DIGITS
    rest: u64 = magnitude
    while True:
        at -= 1
        room[at] = table[i32(rest % base)]
        rest = rest // base
        if rest == 0:
            break
    digits: i32 = 32 - at
    minimum: i32 = spec.precision
    if spec.zero:
        fill: i32 = spec.width - i32(sign != 0)
        if minimum < fill:
            minimum = fill
    zeros: i32 = minimum - digits if minimum > digits else 0
    separated: bool = spec.thousands != 0 and base == 10 and spec.conversion != 114
    commas: i32 = (digits + zeros - 1) // 3 if separated else 0
    hash_size: i32 = 0
    if spec.alternate and base != 10 and magnitude != 0:
        hash_size = 2 if base == 16 else 1
    size: i64 = i64(zeros) + i64(digits + commas + hash_size + i32(sign != 0))
    lacking: i32 = spec.width - i32(size) if i64(spec.width) > size else 0
    if spec.left == 0:
        buffer_fill(b, 32, lacking)
    if sign:
        buffer_put(b, sign)
    if hash_size:
        buffer_put(b, 48)
        if hash_size == 2:
            buffer_put(b, 88 if spec.upper else 120)
    if separated:
        put_separated(b, room + at, digits, zeros)
    else:
        buffer_fill(b, 48, zeros)
        buffer_add(b, room + at, digits)
    if spec.left:
        buffer_fill(b, 32, lacking)


def put_separated(b: Buffer, digits: ptr[u8], n: i32, zeros: i32) -> None:
    """Print zeros and n digits with a comma between groups of three."""
    left: i32 = zeros + n
    while left > 0:
        if left <= n:
            buffer_put(b, digits[n - left])
        else:
            buffer_put(b, 48)
        left -= 1
        if left > 0 and left % 3 == 0:
            buffer_put(b, 44)


def put_ordinal(out: ptr[u8], v: u64) -> None:
    """Write the two letters behind an ordinal number."""
    last: u64 = v % 10
    if (v // 10) % 10 == 1 or last == 0 or last > 3:
        memory_copy(out, b"th", 2)
    elif last == 1:
        memory_copy(out, b"st", 2)
    elif last == 2:
        memory_copy(out, b"nd", 2)
    else:
        memory_copy(out, b"rd", 2)


# --- text ---------------------------------------------------------------------------------------------------


def put_padded(b: Buffer, spec: Spec, p: ptr[u8], n: i32, columns: i32) -> None:
    """Print n bytes that count as `columns` toward the width."""
    if spec.left == 0:
        buffer_fill(b, 32, spec.width - columns)
    buffer_add(b, p, n)
    if spec.left:
        buffer_fill(b, 32, spec.width - columns)


def cut(spec: Spec, p: ptr[u8], n: i32) -> i32:
    """Bytes that the precision lets through: bytes, or characters with the ! flag."""
    if spec.precision < 0:
        return n
    if spec.more:
        return skip_chars(p, n, 0, spec.precision)
    return spec.precision if spec.precision < n else n


def columns_of(spec: Spec, p: ptr[u8], n: i32) -> i32:
    """What n bytes count toward the width: bytes, or those that begin a character with the ! flag."""
    return count_leads(p, n) if spec.more else n


def put_text(b: Buffer, spec: Spec, tag: i32, payload: i64) -> None:
    """Print under s or z."""
    text: i64 = to_text(b.stmt, tag, payload) if tag != NULL else 0
    p: ptr[u8] = bytes_of(text)
    n: i32 = cut(spec, p, terminated_size(p, size_of(text)))
    put_padded(b, spec, p, n, columns_of(spec, p, n))


def put_char(b: Buffer, spec: Spec, tag: i32, payload: i64) -> None:
    """Print the first character under c, as often as the precision says; a NUL when there is none."""
    text: i64 = to_text(b.stmt, tag, payload) if tag != NULL else 0
    p: ptr[u8] = bytes_of(text)
    n: i32 = size_of(text)
    if n == 0:
        p = scratch(8)
        p[0] = 0
        n = 1
    size: i32 = next_char(p, n, 0)
    if size > 4:
        size = 4
    times: i32 = spec.precision if spec.precision > 1 else 1
    # A stray continuation byte takes no column, unless several are padded on the left.
    columns: i32 = times - i32(is_continuation(p[0]) and (times == 1 or spec.left != 0))
    if spec.left == 0:
        buffer_fill(b, 32, spec.width - columns)
    out: ptr[u8] = buffer_room(b, i64(size) * i64(times))
    for i in range(times):
        memory_copy(out + i * size, p, size)
    if spec.left:
        buffer_fill(b, 32, spec.width - columns)


# --- text with escapes --------------------------------------------------------------------------------------


def put_unicode_escape(b: Buffer, c: i32) -> None:
    """Print \\u00XX."""
    buffer_add(b, *lit(b"\\u00"))
    buffer_put(b, LOWER_DIGITS[c >> 4])
    buffer_put(b, LOWER_DIGITS[c & 15])


def has_control(p: ptr[u8], n: i32) -> bool:
    """Whether there is a byte below 32."""
    i: i32 = 0
    while i < n and p[i] >= 32:
        i += 1
    return i < n


def put_sql_escaped(b: Buffer, p: ptr[u8], n: i32, quote: i32, unistr: bool) -> None:
    """Print with the quote doubled; `unistr`: control characters as \\u00XX and backslashes doubled."""
    for i in range(n):
        c: i32 = p[i]
        if unistr and c < 32:
            put_unicode_escape(b, c)
        else:
            buffer_put(b, c)
            if c == quote or (unistr and c == 92):
                buffer_put(b, c)


def put_quoted(b: Buffer, spec: Spec, tag: i32, payload: i64) -> None:
    """Print under q, Q or w."""
    quoted: bool = spec.conversion == 81
    if tag == NULL:
        if quoted:
            put_null(b, spec, *lit(b"NULL"))
        else:
            put_null(b, spec, *lit(b"(NULL)"))
        return
    text: i64 = to_text(b.stmt, tag, payload)
    p: ptr[u8] = bytes_of(text)
    n: i32 = cut(spec, p, terminated_size(p, size_of(text)))
    start: i32 = b.size
    quote: i32 = 34 if spec.conversion == 119 else 39
    unistr: bool = spec.alternate != 0 and spec.conversion != 119 and (not quoted or has_control(p, n))
    if quoted:
        if unistr:
            buffer_add(b, *lit(b"unistr("))
        buffer_put(b, 39)
    put_sql_escaped(b, p, n, quote, unistr)
    if quoted:
        buffer_put(b, 39)
        if unistr:
            buffer_put(b, 41)
    widen(b, spec, start)


def put_null(b: Buffer, spec: Spec, p: ptr[u8], n: i32) -> None:
    """Print what stands for NULL, cut and padded like a text."""
    n = cut(spec, p, n)
    put_padded(b, spec, p, n, n)


def put_json_char(b: Buffer, c: i32) -> None:
    """Print a byte of a JSON string."""
    letter: i32 = 0
    if c == 34 or c == 92:
        letter = c
    elif c == 8:
        letter = 98
    elif c == 9:
        letter = 116
    elif c == 10:
        letter = 110
    elif c == 12:
        letter = 102
    elif c == 13:
        letter = 114
    if letter:
        buffer_put(b, 92)
        buffer_put(b, letter)
    elif c < 32:
        put_unicode_escape(b, c)
    else:
        buffer_put(b, c)


def json_cut(spec: Spec, p: ptr[u8], n: i32) -> i32:
    """Like cut; with the ! flag a character goes on over all continuation bytes, and those at the start are free."""
    if spec.precision < 0 or spec.more == 0:
        return cut(spec, p, n)
    left: i32 = spec.precision
    i: i32 = 0
    while i < n and (left > 0 or is_continuation(p[i])):
        left -= 1 - i32(is_continuation(p[i]))
        i += 1
    return i


def put_json(b: Buffer, spec: Spec, tag: i32, payload: i64) -> None:
    """Print under j or J."""
    quoted: bool = spec.conversion == 74
    if tag == NULL:
        if quoted:
            put_padded(b, spec, *lit(b"null"), 4)
        else:
            buffer_fill(b, 32, spec.width)
        return
    text: i64 = to_text(b.stmt, tag, payload)
    p: ptr[u8] = bytes_of(text)
    n: i32 = json_cut(spec, p, terminated_size(p, size_of(text)))
    start: i32 = b.size
    if quoted:
        buffer_put(b, 34)
    for i in range(n):
        put_json_char(b, p[i])
    if quoted:
        buffer_put(b, 34)
    widen(b, spec, start)


def widen(b: Buffer, spec: Spec, start: i32) -> None:
    """Pad what was printed from `start` on with spaces to the width."""
    size: i32 = b.size - start
    lacking: i32 = spec.width - columns_of(spec, b.data + start, size)
    if lacking <= 0:
        return
    _ = buffer_room(b, i64(lacking))
    p: ptr[u8] = b.data + start
    if spec.left:
        memory_fill(p + size, 32, lacking)
    else:
        memory_copy(p + lacking, p, size)
        memory_fill(p, 32, lacking)


# --- the format ---------------------------------------------------------------------------------------------


def convert(b: Buffer, spec: Spec) -> bool:
    """Print one argument (or none) under the specification; False for an unknown conversion."""
    c: i32 = spec.conversion
    if c == 37:
        put_padded(b, spec, *lit(b"%"), 1)
        return True
    if c == 110:
        return True
    if base_of(c) != 0:
        put_integer(b, spec, next_integer(spec))
        return True
    if c != 101 and c != 102 and c != 103 and not is_text_conversion(c):
        return False
    tag, payload = next_value(spec)
    if c == 101 or c == 102 or c == 103:
        put_real(b, spec, to_real(tag, payload))
    elif c == 115 or c == 122:
        put_text(b, spec, tag, payload)
    elif c == 99:
        put_char(b, spec, tag, payload)
    elif c == 106 or c == 74:
        put_json(b, spec, tag, payload)
    else:
        put_quoted(b, spec, tag, payload)
    return True


def is_text_conversion(c: i32) -> bool:
    """One of s z c q Q w j J."""
    return c == 115 or c == 122 or c == 99 or c == 113 or c == 81 or c == 119 or c == 106 or c == 74


@export
def fn_printf(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """printf(format, …): NULL for a NULL format. Raises SQLITE_TOOBIG."""
    if n == 0 or values[0].tag == NULL:
        return NULL, 0
    text: i64 = to_text(stmt, values[0].tag, values[0].payload)
    p: ptr[u8] = bytes_of(text)
    size: i32 = terminated_size(p, size_of(text))
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    spec: Spec = Spec(scratch(sizeof(Spec)))
    spec.values = values + 1
    spec.n_values = n - 1
    i: i32 = 0
    while i < size:
        start: i32 = i
        while i < size and p[i] != 37:
            i += 1
        buffer_add(b, p + start, i - start)
        if i == size:
            break
        i += 1
        if i == size:
            buffer_put(b, 37)
            break
        i = scan_spec(spec, p, size, i)
        if not convert(b, spec):
            break
    return buffer_value(b)
