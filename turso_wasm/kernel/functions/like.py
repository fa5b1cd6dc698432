"""LIKE and GLOB.

Owns pattern matching. A pattern is matched from left to right; at the last wildcard for any sequence (`%`, `*`) the
matcher tries ever later places of the text, which is enough: an earlier wildcard need never be tried again.

Invariants:
  L1  Texts and patterns end at their first NUL.
  L2  Only ASCII letters have two cases.
  L3  A blob matches nothing; NULL gives NULL.

Source: https://sqlite.org/lang_expr.html#the_like_glob_regexp_match_and_extract_operators, and observed behaviour.
"""

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, TEXT, Run
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.functions.patterns import plain_match
from turso_wasm.kernel.values.collate import fold
from turso_wasm.kernel.values.utf8 import count_chars, next_char, read_char, terminated_size
from turso_wasm.kernel.values.value import bytes_of, size_of, to_text
from turso_wasm.wasm.lang import export, i32, i64, lit, ptr, u8, u32

__subset__ = True

MAX_PATTERN_LENGTH = 50000  # SQLITE_MAX_LIKE_PATTERN_LENGTH

NO_MATCH = -1

PERCENT = 37
UNDERSCORE = 95
STAR = 42
QUESTION = 63
BRACKET = 91


def same_char(a: u32, b: u32, case: i32) -> bool:
    """Whether two characters match; `case`: letters must agree in case (L2)."""
    if a == b:
        return True
    return case == 0 and a < 0x80 and b < 0x80 and fold(i32(a)) == fold(i32(b))


def find_byte(p: ptr[u8], n: i32, at: i32, c: i32, case: i32) -> i32:
    """The first place from `at` on of an ASCII character (in either case unless `case`); n when there is none."""
    other: i32 = c
    if case == 0:
        other = fold(c)
        if other != c or (c >= 97 and c <= 122):
            other = c ^ 32
    while at < n and p[at] != c and p[at] != other:
        at += 1
    return at


def like_step(
    pattern: ptr[u8], n: i32, i: i32, text: ptr[u8], m: i32, j: i32, escape: u32, case: i32
) -> tuple[i32, i32]:
    """Match one pattern character other than `%` at i against text[j:]: (index after both), or NO_MATCH."""
    code, after = read_char(pattern, n, i)
    if code == escape and escape:
        if after >= n:
            return NO_MATCH, j
        code, after = read_char(pattern, n, after)
    elif code == UNDERSCORE:
        if j >= m:
            return NO_MATCH, j
        return after, next_char(text, m, j)
    if j >= m:
        return NO_MATCH, j
    other, next_j = read_char(text, m, j)
    if same_char(code, other, case):
        return after, next_j
    return NO_MATCH, j


@export
def like_raw(pattern: ptr[u8], n: i32, text: ptr[u8], m: i32, escape: i32, case: i32) -> i32:
    """1 if the text (m bytes) is LIKE the pattern (n bytes), neither with a NUL.

    escape: code point of the escape character, 0 for none. case: 1 when letters must agree in case.
    """
    i: i32 = 0
    j: i32 = 0
    star: i32 = -1  # index behind the last %
    retry: i32 = 0  # where the text was when that % was met
    while True:
        if i < n and pattern[i] == PERCENT and escape != PERCENT:
            i += 1
            star = i
            retry = j
            if i == n:
                return 1
            continue
        if i < n:
            next_i, next_j = like_step(pattern, n, i, text, m, j, u32(escape), case)
            if next_i != NO_MATCH:
                i = next_i
                j = next_j
                continue
        elif j == m:
            return 1
        if star < 0 or retry >= m:
            return 0
        i = star
        c: i32 = pattern[i]
        retry = next_char(text, m, retry)
        if c < 0x80 and c != UNDERSCORE and c != PERCENT and c != escape:
            retry = find_byte(text, m, retry, c, case)
        j = retry


def glob_set(pattern: ptr[u8], n: i32, i: i32, code: u32) -> tuple[i32, i32]:
    """Match the set whose `[` is before i: (index behind its `]`, 1 if the code is in it); (NO_MATCH, 0) when open."""
    invert: i32 = 0
    seen: i32 = 0
    previous: u32 = 0
    if i < n and pattern[i] == 94:
        invert = 1
        i += 1
    if i < n and pattern[i] == 93:
        seen = i32(code == 93)
        i += 1
    while i < n and pattern[i] != 93:
        c, after = read_char(pattern, n, i)
        if c == 45 and after < n and pattern[after] != 93 and previous:
            c, after = read_char(pattern, n, after)
            if code >= previous and code <= c:
                seen = 1
            previous = 0
        else:
            if code == c:
                seen = 1
            previous = c
        i = after
    if i >= n:
        return NO_MATCH, 0
    return i + 1, seen ^ invert


def glob_step(pattern: ptr[u8], n: i32, i: i32, text: ptr[u8], m: i32, j: i32) -> tuple[i32, i32]:
    """Match one pattern element other than `*` at i against text[j:]: (index after both), or NO_MATCH."""
    if j >= m:
        return NO_MATCH, j
    code, next_j = read_char(text, m, j)
    expected, after = read_char(pattern, n, i)
    if expected == QUESTION:
        return after, next_j
    if expected == BRACKET:
        behind, found = glob_set(pattern, n, after, code)
        if found:
            return behind, next_j
        return NO_MATCH, j
    if expected == code:
        return after, next_j
    return NO_MATCH, j


@export
def glob_raw(pattern: ptr[u8], n: i32, text: ptr[u8], m: i32) -> i32:
    """1 if the text (m bytes) matches the GLOB pattern (n bytes), neither with a NUL."""
    i: i32 = 0
    j: i32 = 0
    star: i32 = -1
    retry: i32 = 0
    while True:
        if i < n and pattern[i] == STAR:
            i += 1
            star = i
            retry = j
            if i == n:
                return 1
            continue
        if i < n:
            next_i, next_j = glob_step(pattern, n, i, text, m, j)
            if next_i != NO_MATCH:
                i = next_i
                j = next_j
                continue
        elif j == m:
            return 1
        if star < 0 or retry >= m:
            return 0
        i = star
        retry = next_char(text, m, retry)
        c: i32 = pattern[i]
        if c < 0x80 and c != QUESTION and c != BRACKET and c != STAR:
            retry = find_byte(text, m, retry, c, 1)
        j = retry


def pattern_payload(stmt: Run, tag: i32, payload: i64) -> i64:
    """The payload of a pattern's text; raises when it is too long."""
    if tag == NULL:
        return 0
    text: i64 = to_text(stmt, tag, payload)
    if size_of(text) > MAX_PATTERN_LENGTH:
        raise_error(SQLITE_ERROR, *lit(b"LIKE or GLOB pattern too complex"))
    return text


def escape_char(stmt: Run, tag: i32, payload: i64) -> i32:
    """The code of the escape character; raises unless the value is exactly one character."""
    text: i64 = to_text(stmt, tag, payload)
    p: ptr[u8] = bytes_of(text)
    n: i32 = terminated_size(p, size_of(text))
    if n == 0 or count_chars(p, n) != 1:
        raise_error(SQLITE_ERROR, *lit(b"ESCAPE expression must be a single character"))
    code, _ = read_char(p, n, 0)
    return i32(code)


@export
def like_case(
    stmt: Run,
    pattern_tag: i32,
    pattern: i64,
    tag: i32,
    payload: i64,
    escape_tag: i32,
    escape: i64,
    has_escape: i32,
    case: i32,
) -> tuple[i32, i64]:
    """like(pattern, text[, escape]) with PRAGMA case_sensitive_like = case."""
    if pattern_tag == TEXT and tag == TEXT and has_escape == 0:
        plain: i32 = plain_match(pattern, payload, PERCENT, UNDERSCORE, 0, case)
        if plain >= 0:
            return INTEGER, i64(plain)
    if pattern_tag == BLOB or tag == BLOB:
        return INTEGER, 0
    wanted: i64 = pattern_payload(stmt, pattern_tag, pattern)
    code: i32 = 0
    if has_escape:
        if escape_tag == NULL:
            return NULL, 0
        code = escape_char(stmt, escape_tag, escape)
    if pattern_tag == NULL or tag == NULL:
        return NULL, 0
    text: i64 = to_text(stmt, tag, payload)
    p: ptr[u8] = bytes_of(wanted)
    q: ptr[u8] = bytes_of(text)
    n: i32 = terminated_size(p, size_of(wanted))
    return INTEGER, i64(like_raw(p, n, q, terminated_size(q, size_of(text)), code, case))


@export
def like(
    stmt: Run,
    pattern_tag: i32,
    pattern: i64,
    tag: i32,
    payload: i64,
    escape_tag: i32,
    escape: i64,
    has_escape: i32,
) -> tuple[i32, i64]:
    """`text` LIKE pattern [ESCAPE escape]: 1, 0 or NULL. has_escape: 0 when there is no ESCAPE clause."""
    if pattern_tag == TEXT and tag == TEXT and has_escape == 0:
        plain: i32 = plain_match(pattern, payload, PERCENT, UNDERSCORE, 0, 0)
        if plain >= 0:
            return INTEGER, i64(plain)
    return like_case(stmt, pattern_tag, pattern, tag, payload, escape_tag, escape, has_escape, 0)


@export
def glob(stmt: Run, pattern_tag: i32, pattern: i64, tag: i32, payload: i64) -> tuple[i32, i64]:
    """`text` GLOB pattern: 1, 0 or NULL."""
    if pattern_tag == TEXT and tag == TEXT:
        plain: i32 = plain_match(pattern, payload, STAR, QUESTION, BRACKET, 1)
        if plain >= 0:
            return INTEGER, i64(plain)
    if pattern_tag == BLOB or tag == BLOB:
        return INTEGER, 0
    wanted: i64 = pattern_payload(stmt, pattern_tag, pattern)
    if pattern_tag == NULL or tag == NULL:
        return NULL, 0
    text: i64 = to_text(stmt, tag, payload)
    p: ptr[u8] = bytes_of(wanted)
    q: ptr[u8] = bytes_of(text)
    n: i32 = terminated_size(p, size_of(wanted))
    return INTEGER, i64(glob_raw(p, n, q, terminated_size(q, size_of(text))))
