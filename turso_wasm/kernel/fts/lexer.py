"""Tokens of the query language.

A bareword is made of letters, digits, _, U+001A and everything from 128 on; a string stands in double quotes, of which
two stand for one. A query ends at its first NUL.
"""

from turso_wasm.kernel.abi import Arena
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.fts.expression import raise_about
from turso_wasm.kernel.values.utf8 import terminated_size
from turso_wasm.wasm.lang import Struct, i32, lit, memory_copy, ptr, u8

__subset__ = True

END = 0
STRING = 1
WORD_AND = 2
WORD_OR = 3
WORD_NOT = 4
# Other tokens are their characters.


class Lexer(Struct):
    """A place in a query, and the token there."""

    arena: Arena
    text: ptr[u8]
    n: i32
    at: i32  # behind the token
    kind: i32
    start: i32  # of the token
    ended: i32  # behind the token before


def lexer_start(lx: Lexer, arena: Arena, text: ptr[u8], n: i32) -> None:
    """Begin with a query."""
    lx.arena = arena
    lx.text = text
    lx.n = terminated_size(text, n)
    lx.at = 0
    advance(lx)


def is_bare(c: i32) -> bool:
    """Whether a byte is part of a bareword."""
    letter: i32 = c | 32
    return (letter >= 97 and letter <= 122) or (c >= 48 and c <= 57) or c == 95 or c == 26 or c >= 128


def advance(lx: Lexer) -> None:
    """Go to the next token. Errors: "unterminated string", fts5: syntax error near "…"."""
    p: ptr[u8] = lx.text
    at: i32 = lx.at
    while at < lx.n and (p[at] == 32 or p[at] == 9 or p[at] == 10 or p[at] == 13):
        at += 1
    lx.start = at
    lx.at = at + 1
    if at >= lx.n:
        lx.kind = END
        lx.at = at
        return
    c: i32 = p[at]
    if c == 40 or c == 41 or c == 123 or c == 125 or c == 58 or c == 44 or c == 43 or c == 42 or c == 45 or c == 94:
        lx.kind = c
        return
    lx.kind = STRING
    if c == 34:
        lx.at = string_end(lx, at + 1)
        return
    while at < lx.n and is_bare(p[at]):
        at += 1
    if at == lx.start:
        raise_about(lx.arena, *lit(b'fts5: syntax error near "'), p + at, 1, *lit(b'"'))
    lx.at = at
    if is_word(lx, *lit(b"AND")):
        lx.kind = WORD_AND
    elif is_word(lx, *lit(b"OR")):
        lx.kind = WORD_OR
    elif is_word(lx, *lit(b"NOT")):
        lx.kind = WORD_NOT


def string_end(lx: Lexer, at: i32) -> i32:
    """Where the string ends whose content begins at `at`."""
    while at < lx.n:
        if lx.text[at] == 34:
            if at + 1 >= lx.n or lx.text[at + 1] != 34:
                return at + 1
            at += 1
        at += 1
    raise_error(SQLITE_ERROR, *lit(b"unterminated string"))
    return at


def is_word(lx: Lexer, word: ptr[u8], n: i32) -> bool:
    """Whether the token is exactly that."""
    if lx.at - lx.start != n:
        return False
    i: i32 = 0
    while i < n and lx.text[lx.start + i] == word[i]:
        i += 1
    return i == n


def peek(lx: Lexer) -> i32:
    """The first character behind the token that is not a space; 0: the end."""
    at: i32 = lx.at
    while at < lx.n and (lx.text[at] == 32 or lx.text[at] == 9 or lx.text[at] == 10 or lx.text[at] == 13):
        at += 1
    return i32(lx.text[at]) if at < lx.n else 0


def unquoted(lx: Lexer) -> tuple[ptr[u8], i32]:
    """The text that a STRING stands for."""
    p: ptr[u8] = lx.text + lx.start
    n: i32 = lx.at - lx.start
    out: ptr[u8] = arena_alloc(lx.arena, n + 8)
    if p[0] != 34:
        memory_copy(out, p, n)
        return out, n
    size: i32 = 0
    at: i32 = 1
    while at < n - 1:
        out[size] = p[at]
        at += 2 if p[at] == 34 else 1
        size += 1
    return out, size


def raise_syntax(lx: Lexer) -> None:
    """Raise fts5: syntax error near the token."""
    raise_about(lx.arena, *lit(b'fts5: syntax error near "'), lx.text + lx.start, lx.at - lx.start, *lit(b'"'))
