"""Characters: reading and writing UTF-8 as SQLite does, which never fails.

Owns what a character is in a text that need not be valid UTF-8:

  U1  A byte below 0xC0 is a character of its own. A byte from 0xC0 on begins one that goes on over all the continuation
      bytes (10xxxxxx) behind it, however many.
  U2  Its code is made of the lead byte's low bits and 6 bits of each continuation byte, modulo 2^32. A code below 0x80
      and a surrogate count as U+FFFD.

  U3  length and substr: every byte from 0x80 on goes on over the continuation bytes behind it.
  U4  instr: every byte does.

On valid UTF-8 U1, U3 and U4 agree.

Source: observed behaviour of SQLite 3.54.
"""

from turso_wasm.wasm.lang import clz, export, i32, inline, le64, popcnt, ptr, u8, u32, u64

__subset__ = True

REPLACEMENT = 0xFFFD


@inline
def is_continuation(c: i32) -> bool:
    """A byte 10xxxxxx."""
    return (c & 0xC0) == 0x80


@inline
def lead_bits(c: i32) -> u32:
    """The code bits in a lead byte 0xC0..0xFF."""
    # 110xxxxx: 5 bits, …, 1111110x: 1 bit, 0xFE and 0xFF: none.
    return u32(c) & (u32(0x7F) >> (u32(clz(~(c << 24))) & 31))


@export
def next_char(p: ptr[u8], n: i32, at: i32) -> i32:
    """Index behind the character at `at` < n (U1)."""
    c: i32 = p[at]
    at += 1
    if c >= 0xC0:
        while at < n and is_continuation(p[at]):
            at += 1
    return at


@export
def read_char(p: ptr[u8], n: i32, at: i32) -> tuple[u32, i32]:
    """The character at `at` < n: (its code by U2, index behind it)."""
    c: i32 = p[at]
    at += 1
    if c < 0xC0:
        return u32(c), at
    code: u32 = lead_bits(c)
    while at < n and is_continuation(p[at]):
        code = (code << 6) | u32(p[at] & 0x3F)
        at += 1
    if code < 0x80 or (code & 0xFFFFF800) == 0xD800:
        return u32(REPLACEMENT), at
    return code, at


@export
def count_chars(p: ptr[u8], n: i32) -> i32:
    """Number of characters in n bytes by U1."""
    count: i32 = 0
    i: i32 = 0
    while i < n:
        if i + 8 <= n and (u64(le64(p + i)) & 0x8080808080808080) == 0:
            count += 8
            i += 8
        else:
            i = next_char(p, n, i)
            count += 1
    return count


@export
def skip_chars(p: ptr[u8], n: i32, at: i32, count: i32) -> i32:
    """Index behind `count` characters by U1 from `at` on; n when there are fewer."""
    while count > 0 and at < n:
        at = next_char(p, n, at)
        count -= 1
    return at


@export
def count_runs(p: ptr[u8], n: i32) -> i32:
    """Number of characters in n bytes by U3."""
    count: i32 = n
    i: i32 = 0
    before: u64 = 0  # 1 when the byte before i is >= 0x80
    while i + 8 <= n:
        word: u64 = u64(le64(p + i))
        high: u64 = (word >> 7) & 0x0101010101010101
        # Continuation bytes behind a byte >= 0x80 begin nothing.
        count -= i32(popcnt(high & ~(word >> 6) & (high << 8 | before)))
        before = high >> 56
        i += 8
    while i < n:
        count -= i32(is_continuation(p[i])) & i32(before)
        before = u64(p[i] >> 7)
        i += 1
    return count


@export
def skip_runs(p: ptr[u8], n: i32, at: i32, count: i32) -> i32:
    """Index behind `count` characters by U3 from `at` on; n when there are fewer."""
    while count > 0 and at < n:
        c: i32 = p[at]
        at += 1
        if c >= 0x80:
            while at < n and is_continuation(p[at]):
                at += 1
        count -= 1
    return at


@export
def count_leads(p: ptr[u8], n: i32) -> i32:
    """Number of bytes that are no continuation bytes."""
    count: i32 = n
    i: i32 = 0
    while i + 8 <= n:
        word: u64 = u64(le64(p + i))
        count -= i32(popcnt((word >> 7) & ~(word >> 6) & 0x0101010101010101))
        i += 8
    while i < n:
        count -= i32(is_continuation(p[i]))
        i += 1
    return count


@export
def count_starts(p: ptr[u8], n: i32) -> i32:
    """Number of characters in n > 0 bytes by U4."""
    return count_leads(p, n) + i32(is_continuation(p[0]))


@export
def write_char(out: ptr[u8], code: u32) -> i32:
    """Write the low 21 bits of a code point as UTF-8 (surrogates too): the number of bytes, 1..4."""
    if code < 0x80:
        out[0] = i32(code)
        return 1
    if code < 0x800:
        out[0] = i32(0xC0 | (code >> 6))
        out[1] = i32(0x80 | (code & 0x3F))
        return 2
    if code < 0x10000:
        out[0] = i32(0xE0 | (code >> 12))
        out[1] = i32(0x80 | ((code >> 6) & 0x3F))
        out[2] = i32(0x80 | (code & 0x3F))
        return 3
    out[0] = i32(0xF0 | ((code >> 18) & 7))
    out[1] = i32(0x80 | ((code >> 12) & 0x3F))
    out[2] = i32(0x80 | ((code >> 6) & 0x3F))
    out[3] = i32(0x80 | (code & 0x3F))
    return 4


@export
def terminated_size(p: ptr[u8], n: i32) -> i32:
    """Bytes before the first NUL; n when there is none."""
    i: i32 = 0
    while i + 8 <= n:
        word: u64 = u64(le64(p + i))
        # A byte is zero iff subtracting 1 borrows into its high bit, and that bit was clear.
        if (word - 0x0101010101010101) & ~word & 0x8080808080808080:
            break
        i += 8
    while i < n and p[i]:
        i += 1
    return i
