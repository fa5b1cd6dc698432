"""Python's str and bytes, for typed functions of the user's (typed/types.py OPERATIONS).

Both are addresses and sizes of bytes, a str those of valid UTF-8; places are counted in code points, from the end when
they are negative. What can fail gives (result, whether it failed), as in python_integers.py.

Source: https://docs.python.org/3/library/stdtypes.html#text-sequence-type-str
"""

from turso_wasm.kernel.abi import TEXT, Run
from turso_wasm.kernel.functions.bytes import hex_digit
from turso_wasm.kernel.functions.python_lists import PyList
from turso_wasm.kernel.functions.text import find_bytes, fn_replace, same_bytes
from turso_wasm.kernel.values.collate import compare_bytes
from turso_wasm.kernel.values.number_text import int_to_text
from turso_wasm.kernel.values.utf8 import count_chars, is_continuation, next_char, read_char, skip_chars, write_char
from turso_wasm.kernel.values.value import alloc_text, bytes_of, pack, size_of
from turso_wasm.wasm.lang import export, i32, i64, inline, memory_copy, ptr, scratch, u8, u32

__subset__ = True

TEXT_MAX = 1_000_000_000
HEX = b"0123456789abcdef"
grown: i32 = 0  # the last sum of texts that may grow in place
grown_size: i32 = 0
grown_room: i32 = 0
DIGITS_MAX = 18  # as many fit an i64 whatever they are


# --- places ---------------------------------------------------------------------------------------------------------


@export
def py_str_len(s: i64) -> i64:
    """len(s)."""
    return i64(count_chars(bytes_of(s), size_of(s)))


@export
def py_bytes_len(s: i64) -> i64:
    """len(s)."""
    return i64(size_of(s))


@export
def py_str_index(s: i64, at: i64) -> tuple[i64, bool]:
    """s[at]."""
    p: ptr[u8] = bytes_of(s)
    n: i32 = size_of(s)
    if at < 0:
        at += i64(count_chars(p, n))
    if at < 0 or at >= i64(n):
        return i64(0), True
    begin: i32 = skip_chars(p, n, 0, i32(at))
    if begin >= n:
        return i64(0), True
    return pack(p + begin, next_char(p, n, begin) - begin), False


@export
def py_bytes_index(s: i64, at: i64) -> tuple[i64, bool]:
    """s[at]."""
    if at < 0:
        at += i64(size_of(s))
    if at < 0 or at >= i64(size_of(s)):
        return i64(0), True
    return i64(bytes_of(s)[i32(at)]), False


def clamp(at: i64, length: i64) -> i32:
    """A place as slices take it."""
    if at < 0:
        at += length
    return i32(0 if at < 0 else length if at > length else at)


@export
def py_str_slice(s: i64, start: i64, stop: i64) -> i64:
    """s[start:stop]."""
    p: ptr[u8] = bytes_of(s)
    n: i32 = size_of(s)
    length: i64 = i64(n)  # no less than the characters: enough where nothing counts from the end
    if start < 0 or stop < 0:
        length = i64(count_chars(p, n))
    first: i32 = clamp(start, length)
    last: i32 = clamp(stop, length)
    if first >= last:
        return pack(p, 0)
    begin: i32 = skip_chars(p, n, 0, first)
    return pack(p + begin, skip_chars(p, n, begin, last - first) - begin)


@export
def py_bytes_slice(s: i64, start: i64, stop: i64) -> i64:
    """s[start:stop]."""
    first: i32 = clamp(start, i64(size_of(s)))
    last: i32 = clamp(stop, i64(size_of(s)))
    return pack(bytes_of(s) + first, last - first if last > first else 0)


@export
def py_str_next(s: i64, at: i32) -> tuple[i64, i32]:
    """(the character at byte `at`, the byte behind it)."""
    p: ptr[u8] = bytes_of(s)
    end: i32 = next_char(p, size_of(s), at)
    return pack(p + at, end - at), end


# --- comparing, searching -------------------------------------------------------------------------------------------


def equal(a: i64, b: i64) -> bool:
    """The same bytes."""
    return size_of(a) == size_of(b) and same_bytes(bytes_of(a), bytes_of(b), size_of(a))


def order(a: i64, b: i64) -> i32:
    """Negative, 0 or positive: by code points, which is by bytes."""
    return compare_bytes(bytes_of(a), size_of(a), bytes_of(b), size_of(b))


def find(s: i64, sought: i64, at: i32) -> i32:
    """The first byte from `at` on where `sought` is; -1 for none."""
    if size_of(sought) == 0:
        return at
    return find_bytes(bytes_of(s), size_of(s), at, bytes_of(sought), size_of(sought))


@export
def py_str_eq(a: i64, b: i64) -> bool:
    """A == b."""
    return equal(a, b)


@export
def py_str_ne(a: i64, b: i64) -> bool:
    """A != b."""
    return not equal(a, b)


@export
def py_str_lt(a: i64, b: i64) -> bool:
    """A < b."""
    return order(a, b) < 0


@export
def py_str_le(a: i64, b: i64) -> bool:
    """A <= b."""
    return order(a, b) <= 0


@export
def py_str_gt(a: i64, b: i64) -> bool:
    """A > b."""
    return order(a, b) > 0


@export
def py_str_ge(a: i64, b: i64) -> bool:
    """A >= b."""
    return order(a, b) >= 0


@export
def py_str_contains(s: i64, sought: i64) -> bool:
    """Sought in s."""
    return find(s, sought, 0) >= 0


@export
def py_str_find(s: i64, sought: i64) -> i64:
    """s.find(sought)."""
    at: i32 = find(s, sought, 0)
    return i64(count_chars(bytes_of(s), at)) if at > 0 else i64(at)


@export
def py_bytes_find(s: i64, sought: i64) -> i64:
    """s.find(sought)."""
    return i64(find(s, sought, 0))


@export
def py_str_count(s: i64, sought: i64) -> tuple[i64, bool]:
    """s.count(sought)."""
    if size_of(sought) == 0:
        return i64(0), True
    n: i64 = 0
    at: i32 = find(s, sought, 0)
    while at >= 0:
        n += 1
        at = find(s, sought, at + size_of(sought))
    return n, False


@export
def py_str_startswith(s: i64, part: i64) -> bool:
    """s.startswith(part)."""
    return size_of(s) >= size_of(part) and same_bytes(bytes_of(s), bytes_of(part), size_of(part))


@export
def py_str_endswith(s: i64, part: i64) -> bool:
    """s.endswith(part)."""
    rest: i32 = size_of(s) - size_of(part)
    return rest >= 0 and same_bytes(bytes_of(s) + rest, bytes_of(part), size_of(part))


# --- making texts ---------------------------------------------------------------------------------------------------


@export
def py_str_add(stmt: Run, a: i64, b: i64) -> i64:
    """A + b. Raises SQLITE_TOOBIG.

    A sum that is added to again and again grows in place: who has the same bytes, as they were, has another size.
    """
    global grown, grown_size, grown_room
    n: i32 = size_of(a)
    size: i64 = i64(n) + i64(size_of(b))
    grows: bool = n > 0 and i32(bytes_of(a)) == grown and n == grown_size
    if not grows or size > i64(grown_room):
        out: ptr[u8] = alloc_text(stmt, size * 2 if grows and size < i64(TEXT_MAX // 2) else size)
        memory_copy(out, bytes_of(a), n)
        grown = i32(out)
        grown_room = i32(size * 2) if grows and size < i64(TEXT_MAX // 2) else i32(size)
    memory_copy(ptr[u8](grown) + n, bytes_of(b), size_of(b))
    grown_size = i32(size)
    return pack(ptr[u8](grown), grown_size)


@export
@inline
def py_begin() -> None:
    """SQL calls a typed function: sums of earlier ones have lost their memory."""
    global grown
    grown = 0


@export
def py_str_mul(stmt: Run, s: i64, times: i64) -> tuple[i64, bool]:
    """S * times."""
    n: i32 = size_of(s)
    if times <= 0 or n == 0:
        return pack(bytes_of(s), 0), False
    if times > TEXT_MAX // i64(n):
        return i64(0), True
    out: ptr[u8] = alloc_text(stmt, i64(n) * times)
    for i in range(i32(times)):
        memory_copy(out + i * n, bytes_of(s), n)
    return pack(out, n * i32(times)), False


@export
def py_str_replace(stmt: Run, s: i64, old: i64, new: i64) -> tuple[i64, bool]:
    """s.replace(old, new)."""
    if size_of(old) == 0 or bytes_of(old)[0] == 0:
        return i64(0), True
    _tag, result = fn_replace(stmt, TEXT, s, TEXT, old, TEXT, new)
    return result, False


def is_ascii(p: ptr[u8], n: i32) -> bool:
    """No byte beyond 127."""
    at: i32 = 0
    while at < n and p[at] < 0x80:
        at += 1
    return at == n


def with_case(stmt: Run, s: i64, first: i32, flip: i32) -> tuple[i64, bool]:
    """The ASCII text with bit `flip` of its letters changed, of those that begin at `first`."""
    p: ptr[u8] = bytes_of(s)
    n: i32 = size_of(s)
    if not is_ascii(p, n):
        return i64(0), True
    out: ptr[u8] = alloc_text(stmt, i64(n))
    for i in range(n):
        c: i32 = p[i]
        out[i] = c ^ flip if c >= first and c < first + 26 else c
    return pack(out, n), False


@export
def py_str_upper(stmt: Run, s: i64) -> tuple[i64, bool]:
    """s.upper(), of ASCII."""
    return with_case(stmt, s, 0x61, 0x20)


@export
def py_str_lower(stmt: Run, s: i64) -> tuple[i64, bool]:
    """s.lower(), of ASCII."""
    return with_case(stmt, s, 0x41, 0x20)


@export
def py_int_str(stmt: Run, a: i64) -> i64:
    """str(a)."""
    digits: ptr[u8] = scratch(24)
    n: i32 = int_to_text(a, digits)
    out: ptr[u8] = alloc_text(stmt, i64(n))
    memory_copy(out, digits, n)
    return pack(out, n)


@export
def py_str_int(s: i64) -> tuple[i64, bool]:
    """int(s), of plain digits with or without a sign."""
    p: ptr[u8] = bytes_of(s)
    n: i32 = size_of(s)
    signed: i32 = i32(n > 0 and (p[0] == 0x2D or p[0] == 0x2B))
    if n == signed or n - signed > DIGITS_MAX:
        return i64(0), True
    result: i64 = 0
    for i in range(signed, n):
        digit: i32 = p[i] - 0x30
        if digit < 0 or digit > 9:
            return i64(0), True
        result = result * 10 + i64(digit)
    return 0 - result if signed and p[0] == 0x2D else result, False


@export
def py_str_ord(s: i64) -> tuple[i64, bool]:
    """ord(s)."""
    n: i32 = size_of(s)
    if n == 0 or next_char(bytes_of(s), n, 0) < n:
        return i64(0), True
    if n == 3 and bytes_of(s)[0] == 0xEF and bytes_of(s)[1] == 0xBF and bytes_of(s)[2] >= 0xBE:
        return i64(0xFFC0 | bytes_of(s)[2] & 0x3F), False  # which SQL reads as U+FFFD
    code, _ = read_char(bytes_of(s), n, 0)
    return i64(i32(code)), False


@export
def py_int_chr(stmt: Run, code: i64) -> tuple[i64, bool]:
    """chr(code)."""
    if code < 0 or code > 0x10FFFF or (code >= 0xD800 and code < 0xE000):
        return i64(0), True
    out: ptr[u8] = alloc_text(stmt, 4)
    return pack(out, write_char(out, u32(i32(code)))), False


@export
@inline
def py_str_encode(s: i64) -> i64:
    """s.encode()."""
    return s


@export
def py_bytes_hex(stmt: Run, s: i64) -> i64:
    """s.hex()."""
    n: i32 = size_of(s)
    out: ptr[u8] = alloc_text(stmt, 2 * i64(n))
    for i in range(n):
        out[2 * i] = HEX[bytes_of(s)[i] >> 4]
        out[2 * i + 1] = HEX[bytes_of(s)[i] & 15]
    return pack(out, 2 * n)


@export
def py_bytes_fromhex(stmt: Run, s: i64) -> tuple[i64, bool]:
    """bytes.fromhex(s), of digits only."""
    n: i32 = size_of(s)
    out: ptr[u8] = alloc_text(stmt, i64(n))
    for i in range(n // 2):
        high: i32 = hex_digit(bytes_of(s)[2 * i])
        low: i32 = hex_digit(bytes_of(s)[2 * i + 1])
        if high < 0 or low < 0:
            return i64(0), True
        out[i] = high << 4 | low
    return pack(out, n // 2), n & 1 != 0


@export
def py_bytes_of(stmt: Run, x: PyList) -> tuple[i64, bool]:
    """bytes(x), of a list of numbers."""
    out: ptr[u8] = alloc_text(stmt, i64(x.size))
    for i in range(x.size):
        value: i64 = x.cells[i]
        if value < 0 or value > 255:
            return i64(0), True
        out[i] = i32(value)
    return pack(out, x.size), False


# --- whitespace and classes -----------------------------------------------------------------------------------------


def is_space(code: u32) -> bool:
    """str.isspace of a code point."""
    if code <= 0x20:
        return code == 0x20 or (code >= 9 and code <= 13) or code >= 0x1C
    if code < 0x1680:
        return code == 0x85 or code == 0xA0
    if code < 0x2000 or code > 0x205F:
        return code == 0x1680 or code == 0x3000
    return code <= 0x200A or code == 0x2028 or code == 0x2029 or code == 0x202F or code == 0x205F


@export
def py_str_lstrip(s: i64) -> tuple[i64, bool]:
    """s.lstrip()."""
    p: ptr[u8] = bytes_of(s)
    n: i32 = size_of(s)
    at: i32 = 0
    while at < n:
        code, end = read_char(p, n, at)
        if not is_space(code):
            break
        at = end
    return pack(p + at, n - at), False


@export
def py_str_rstrip(s: i64) -> tuple[i64, bool]:
    """s.rstrip()."""
    p: ptr[u8] = bytes_of(s)
    n: i32 = size_of(s)
    while n > 0:
        at: i32 = n - 1
        while at > 0 and is_continuation(p[at]):
            at -= 1
        code, _ = read_char(p, n, at)
        if not is_space(code):
            break
        n = at
    return pack(p, n), False


@export
def py_str_strip(s: i64) -> tuple[i64, bool]:
    """s.strip()."""
    rest, _ = py_str_rstrip(s)
    return py_str_lstrip(rest)


DIGIT = 1
LETTER = 2
SPACE = 4


def all_are(s: i64, classes: i32) -> tuple[bool, bool]:
    """Whether the text is not empty, and all its characters are of these classes; fails beyond ASCII."""
    p: ptr[u8] = bytes_of(s)
    for i in range(size_of(s)):
        c: i32 = p[i]
        if c >= 0x80:
            return False, True
        lower: i32 = c | 0x20
        mine: i32 = 0
        if c >= 0x30 and c <= 0x39:
            mine = DIGIT
        elif lower >= 0x61 and lower <= 0x7A:
            mine = LETTER
        elif is_space(u32(c)):
            mine = SPACE
        if (mine & classes) == 0:
            return False, False
    return size_of(s) > 0, False


@export
def py_str_isdigit(s: i64) -> tuple[bool, bool]:
    """s.isdigit(), of ASCII."""
    return all_are(s, DIGIT)


@export
def py_str_isalpha(s: i64) -> tuple[bool, bool]:
    """s.isalpha(), of ASCII."""
    return all_are(s, LETTER)


@export
def py_str_isalnum(s: i64) -> tuple[bool, bool]:
    """s.isalnum(), of ASCII."""
    return all_are(s, DIGIT | LETTER)


@export
def py_str_isspace(s: i64) -> tuple[bool, bool]:
    """s.isspace(), of ASCII."""
    return all_are(s, SPACE)
