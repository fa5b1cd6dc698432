"""Tokenizers: from a text to its tokens, one at a time.

Owns unicode61, ascii and trigram; the words they find may be stemmed by porter (kernel/fts/porter.py) or by one of
kernel/fts/stemmers. Beyond SQLite's: unicode61 may take each character of Chinese, Japanese and Korean for a token, so
that a word of them is found as the phrase of its characters.

    t: Tokenizer                # set up once for a table: tokenizer_init
    token_start(t, text, n)
    while token_next(t):        # t.token, t.size: folded; t.start, t.end: bytes of the text it stands for
        …

Source: https://sqlite.org/fts5.html section 4.3, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import Arena
from turso_wasm.kernel.abi_modules import NGRAM, PORTER, RAW, TRIGRAM, UNICODE61, USER_TOKENS, FtsConfig
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.fts.porter import porter_stem
from turso_wasm.kernel.fts.stemmers.stem import STEM_ROOM, stem_token
from turso_wasm.kernel.fts.unicode import MARKS_KEEP, category_of, fold_char, is_combining
from turso_wasm.kernel.fts.user_tokens import UserTokens, user_tokens_start
from turso_wasm.kernel.values.utf8 import REPLACEMENT, read_char, write_char
from turso_wasm.wasm.lang import Struct, array, i32, inline, le32, memory_copy, ptr, select, u8, u32

__subset__ = True

STEM_MIN = 3  # bytes of a word that porter looks at
STEM_MAX = 64
FTS3_STEM_MAX = 20


class Tokenizer(Struct):
    """How a table's texts are cut, and where in a text we are."""

    kind: i32
    stems: i32  # how often porter is applied
    stemmer: i32  # of kernel/fts/stemmers, 0: none; before porter
    ideographs: i32  # 1: each character of Chinese, Japanese and Korean is a token
    marks: i32  # MARKS_*
    marks_of_stems: i32  # of what a stemmer has made
    cased: i32  # letter case is kept
    gram_min: i32  # of NGRAM
    gram_max: i32
    gram_size: i32  # characters of the next gram that begins at `at`, 0: the longest that is asked for
    categories: i32  # bit set: those whose characters are part of tokens
    exceptions: ptr[i32]  # code points from 128 on, ascending, << 1, + 1 if they are part of tokens, whatever else
    n_exceptions: i32
    text: ptr[u8]
    n: i32
    at: i32
    token: ptr[u8]
    size: i32
    start: i32
    end: i32
    capacity: i32
    buffer: ptr[u8]
    arena: Arena
    user: UserTokens.embed
    synonyms: i32  # 1: tokens that stand where the one before them does are told, too
    ahead: i32  # 1: the token is where the one before it is, else 0
    ascii: array[u8, 256]  # 0: between tokens, else the byte as it stands in the index


def tokenizer_init(t: Tokenizer, arena: Arena) -> None:
    """Get the state of a tokenizer ready whose settings are there."""
    t.arena = arena
    t.capacity = 256
    t.buffer = arena_alloc(arena, 256)
    t.token = t.buffer


def token_start(t: Tokenizer, text: ptr[u8], n: i32) -> None:
    """Begin with a text of n bytes, which must stay where it is."""
    t.text = text
    t.n = n
    t.at = 0
    t.gram_size = 0
    if t.kind == USER_TOKENS:
        user_tokens_start(t.user, text, n)


def row_start(t: Tokenizer, config: FtsConfig, text: ptr[u8], n: i32) -> None:
    """Begin with the text of a column, of which FTS3 and FTS4 take what is before the first NUL."""
    if config.format:
        for at in range(n):
            if text[at] == 0:
                n = at
                break
    token_start(t, text, n)


def token_next(t: Tokenizer) -> i32:
    """The next token; 0: there is none."""
    if t.kind == TRIGRAM:
        return trigram_next(t)
    if t.kind == NGRAM:
        return ngram_next(t)
    if t.kind == RAW:
        return whole_text(t)
    if (word_unicode(t) if t.kind == UNICODE61 else other_word(t)) == 0:
        return 0
    if t.kind == PORTER:
        t.size = stem_or_shorten(t.token, t.size)
    if t.stemmer:
        stem(t)
    for _ in range(t.stems):
        if t.size >= STEM_MIN and t.size <= STEM_MAX:
            t.size = porter_stem(t.token, t.size, 0)
    return 1


def stem(t: Tokenizer) -> None:
    """Stem the token; a stemmer sees the marks, which are dropped behind it."""
    t.size = stem_token(room(t, t.size + STEM_ROOM), t.size, t.stemmer)
    if t.marks_of_stems == MARKS_KEEP:
        return
    p: ptr[u8] = t.token
    size: i32 = 0
    at: i32 = 0
    while at < t.size:
        code, at = read_char(p, t.size, at)
        code = fold_char(code, t.marks_of_stems)
        if code:
            size += write_char(p + size, code)
    t.size = size


def other_word(t: Tokenizer) -> i32:
    """The next token of another tokenizer than unicode61, before it is stemmed; 0: there is none."""
    return user_next(t) if t.kind == USER_TOKENS else word_ascii(t)


def user_next(t: Tokenizer) -> i32:
    """The next token of a tokenizer of the user's."""
    u: UserTokens = t.user
    while u.at < u.size:
        p: ptr[u8] = u.answer + u.at
        head: i32 = i32(le32(p + 8))
        size: i32 = head >> 1
        u.at += 12 + size
        if head & 1 == 0 or t.synonyms:
            memory_copy(room(t, size), p + 12, size)
            t.start = i32(le32(p))
            t.end = i32(le32(p + 4))
            t.size = size
            t.ahead = head & 1
            return 1
    return 0


def stem_or_shorten(p: ptr[u8], n: i32) -> i32:
    """The porter tokenizer of FTS3: words of 3 to 20 letters are stemmed; of others that are long, and of those with
    digits, the middle is left out. The new size.
    """
    letters: bool = True
    digits: bool = False
    for i in range(n):
        letters = letters and p[i] >= 97 and p[i] <= 122
        digits = digits or (p[i] >= 48 and p[i] <= 57)
    if letters and n >= STEM_MIN and n <= FTS3_STEM_MAX:
        return porter_stem(p, n, 1)
    keep: i32 = 3 if digits else 10
    if n <= 2 * keep:
        return n
    memory_copy(p + keep, p + (n - keep), keep)
    return 2 * keep


def room(t: Tokenizer, need: i32) -> ptr[u8]:
    """The buffer, with room for `need` bytes and a few more."""
    if need + 8 > t.capacity:
        capacity: i32 = (need + 8) * 2
        fresh: ptr[u8] = arena_alloc(t.arena, capacity)
        memory_copy(fresh, t.buffer, t.capacity)
        t.buffer = fresh
        t.token = fresh
        t.capacity = capacity
    return t.buffer


def word_ascii(t: Tokenizer) -> i32:
    """The next word where every byte from 128 on is part of one."""
    p: ptr[u8] = t.text
    n: i32 = t.n
    at: i32 = t.at
    while at < n and t.ascii[p[at]] == 0:
        at += 1
    if at >= n:
        t.at = n
        return 0
    t.start = at
    while at < n and t.ascii[p[at]] != 0:
        at += 1
    t.end = at
    t.at = at
    out: ptr[u8] = room(t, at - t.start)
    for i in range(at - t.start):
        out[i] = t.ascii[p[t.start + i]]
    t.size = at - t.start
    return 1


@inline
def read_letter(p: ptr[u8], n: i32, at: i32) -> tuple[u32, i32]:
    """The character at `at`, and the offset behind it. Tokenizers take U+FFFE and U+FFFF for U+FFFD, as in SQLite."""
    code, after = read_char(p, n, at)
    return select(u32(REPLACEMENT), code, code | 1 == 0xFFFF), after


def in_token(t: Tokenizer, code: u32) -> bool:
    """Whether a character from 128 on is part of tokens by the table's settings."""
    low: i32 = 0
    high: i32 = t.n_exceptions
    while low < high:
        middle: i32 = (low + high) >> 1
        if u32(t.exceptions[middle]) >> 1 < code:
            low = middle + 1
        else:
            high = middle
    if low < t.n_exceptions and u32(t.exceptions[low]) >> 1 == code and not is_combining(code):
        return t.exceptions[low] & 1 != 0
    return (t.categories >> category_of(code)) & 1 != 0


def is_ideograph(code: u32) -> bool:
    """Whether a character that is part of tokens is one of Chinese, Japanese or Korean: of a script without spaces
    between words, or Hangul, whose words have particles behind them.
    """
    if code < 0x3005:
        return False
    if code <= 0x9FFF or (code >= 0xAC00 and code <= 0xD7A3) or (code >= 0xF900 and code <= 0xFAFF):
        return True
    return (
        (code >= 0xFF66 and code <= 0xFFDC)
        or (code >= 0x1AFF0 and code <= 0x1B16F)
        or (code >= 0x20000 and code <= 0x3FFFF)
    )


def narrow(code: u32) -> u32:
    """A letter or digit of full width as such."""
    return code - 0xFEE0 if code >= 0xFF10 and code <= 0xFF5A else code


def word_unicode(t: Tokenizer) -> i32:
    """The next word of unicode61."""
    p: ptr[u8] = t.text
    n: i32 = t.n
    at: i32 = t.at
    # Where it begins.
    while at < n:
        c: i32 = p[at]
        if c < 128:
            if t.ascii[c]:
                break
            at += 1
        else:
            code, after = read_letter(p, n, at)
            if in_token(t, code):
                break
            at = after
    if at >= n:
        t.at = n
        return 0
    t.start = at
    out: ptr[u8] = t.buffer
    size: i32 = 0
    limit: i32 = t.capacity - 8
    while at < n:
        if size > limit:
            out = room(t, size)
            limit = t.capacity - 8
        c = p[at]
        if c < 128:
            folded: i32 = t.ascii[c]
            if folded == 0:
                break
            out[size] = folded
            size += 1
            at += 1
        else:
            code, after = read_letter(p, n, at)
            if not is_combining(code) and not in_token(t, code):
                break
            if t.ideographs:
                if is_ideograph(code):
                    if at == t.start:
                        size = write_char(out, code)
                        at = after
                    break
                code = narrow(code)
            if t.cased == 0:
                code = fold_char(code, t.marks)
            if code:
                size += write_char(out + size, code)
            at = after
    t.end = at
    t.at = at
    t.size = size
    return 1


def whole_text(t: Tokenizer) -> i32:
    """The text as one token, as it is; an empty one has none."""
    if t.at >= t.n:
        return 0
    t.start = 0
    t.end = t.n
    t.at = t.n
    memory_copy(room(t, t.n), t.text, t.n)
    t.size = t.n
    return 1


def ngram_next(t: Tokenizer) -> i32:
    """The next characters of the text, gram_min to gram_max of them. Where synonyms are told all sizes stand at the
    place of their first character; else only the longest, and a text that is shorter is one token.
    """
    while t.at < t.n:
        shortest: i32 = t.gram_min if t.synonyms or t.at == 0 else t.gram_max
        want: i32 = t.gram_size if t.gram_size else (t.gram_min if t.synonyms else t.gram_max)
        size: i32 = 0
        at: i32 = t.at
        length: i32 = 0
        second: i32 = t.n
        while at < t.n and length < want:
            code, at = read_letter(t.text, t.n, at)
            size += write_char(room(t, size + 8) + size, fold_char(code, 0))
            length += 1
            if length == 1:
                second = at
        t.start = t.at
        t.end = at
        t.size = size
        t.ahead = 1 if t.gram_size else 0
        if t.synonyms and length == want and want < t.gram_max:
            t.gram_size = want + 1
        else:
            t.gram_size = 0
            t.at = second
        if length == want or (t.ahead == 0 and length >= shortest and t.synonyms == 0):
            return 1
    t.ahead = 0
    return 0


def trigram_char(t: Tokenizer, at: i32) -> tuple[u32, i32]:
    """(the character at `at` folded, 0 if it is dropped as NUL and some marks are; the offset behind it)."""
    code, after = read_letter(t.text, t.n, at)
    return code if t.cased or code == 0 else fold_char(code, t.marks), after


def skip_dropped(t: Tokenizer, at: i32) -> i32:
    """The offset of the next character that is not dropped, or the end."""
    while at < t.n:
        code, after = trigram_char(t, at)
        if code:
            break
        at = after
    return at


def trigram_next(t: Tokenizer) -> i32:
    """The next three characters; what is dropped behind one belongs to it."""
    out: ptr[u8] = t.buffer
    size: i32 = 0
    at: i32 = skip_dropped(t, t.at)
    t.start = at
    for i in range(3):
        if at >= t.n:
            return 0
        code, after = trigram_char(t, at)
        size += write_char(out + size, code)
        at = skip_dropped(t, after)
        if i == 0:
            t.at = at
    t.end = at
    t.size = size
    return 1
