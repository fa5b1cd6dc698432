"""snippet of FTS3: fragments of a row's texts that show the phrases.

A fragment is a run of tokens of one column; a phrase is in it that ends in it. It counts 1000 for each phrase that is
in no fragment yet, and 1 for any further. First one fragment is tried, then two, three, four, until they show all
phrases that there are.

Source: https://sqlite.org/fts3.html section 4.2, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import NULL, TEXT, Run, Value
from turso_wasm.kernel.base.errors import raise_nomem
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.fts.expression import Phrase
from turso_wasm.kernel.fts.fts3.hits import find_hits, first_shown, next_shown
from turso_wasm.kernel.fts.positions import COLUMN_SHIFT
from turso_wasm.kernel.fts.search import Search
from turso_wasm.kernel.fts.tokenize import Tokenizer, token_next, token_start
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_value
from turso_wasm.kernel.values.value import bytes_of, pack, size_of, to_integer, to_text
from turso_wasm.wasm.lang import Struct, export, i32, i64, memory_fill, ptr, scratch, sizeof, u8, u64

__subset__ = True

OPEN = b"<b>"
CLOSE = b"</b>"
ELLIPSIS = b"<b>...</b>"
TOKENS = 15
TOKENS_MAX = 64
FRAGMENTS_MAX = 4
NEW_PHRASE = 1000
NO_TOKEN = 0x7FFFFFFF


class Fragment(Struct):
    """A run of tokens. covered, marked: bit sets of phrases, of tokens from `start` on."""

    column: i32
    start: i32
    score: i32
    covered: u64
    marked: u64


class Snippet(Struct):
    """What is looked for."""

    search: Search
    out: Buffer.embed
    texts: ptr[Value]
    column: i32  # -1: any
    length: i32  # tokens of a fragment
    open: i64
    close: i64
    ellipsis: i64
    covered: u64  # phrases that fragments show
    seen: u64  # phrases that there are
    has_text: i32  # 1: a fragment has been shown
    fragments: ptr[Fragment]


def last_token(phrase: Phrase, at: i32, column: i32) -> i32:
    """The last token of a hit, if it is in the column; else NO_TOKEN."""
    if at >= phrase.n_hits or i32(phrase.hits[at] >> COLUMN_SHIFT) != column:
        return NO_TOKEN
    return i32(phrase.hits[at]) + phrase.n_terms - 1


def first_hit(phrase: Phrase, column: i32) -> i32:
    """The first hit in a column, or behind all that would be in it."""
    at: i32 = 0
    while at < phrase.n_hits and i32(phrase.hits[at] >> COLUMN_SHIFT) < column:
        at += 1
    return at


def next_start(p: Snippet, column: i32, start: i32) -> i32:
    """Where the next run begins that is worth a look: it ends with the next phrase. -1: there is none.

    start: of the run before, -1: there is none yet.
    """
    if start < 0:
        return 0
    end: i32 = NO_TOKEN
    phrase: Phrase = first_shown(p.search)
    while phrase:
        found: Phrase = phrase.found
        if found:
            at: i32 = first_hit(found, column)
            while last_token(found, at, column) < start + p.length:
                at += 1
            token: i32 = last_token(found, at, column)
            end = token if token < end else end
        phrase = next_shown(phrase)
    return end - p.length + 1 if end != NO_TOKEN else -1


def judge(p: Snippet, column: i32, start: i32, f: Fragment) -> None:
    """The fragment that begins there."""
    f.column = column
    f.start = start
    f.score = 0
    f.covered = 0
    f.marked = 0
    bit: u64 = 1
    phrase: Phrase = first_shown(p.search)
    while phrase:
        found: Phrase = phrase.found
        if found:
            at: i32 = first_hit(found, column)
            token: i32 = last_token(found, at, column)
            while token < start + p.length:
                if token >= start:
                    f.score += 1 if (f.covered | p.covered) & bit else NEW_PHRASE
                    f.covered |= bit
                    for j in range(phrase.n_terms):
                        if token - start - j >= 0:
                            f.marked |= u64(1) << u64(token - start - j)
                at += 1
                token = last_token(found, at, column)
        bit <<= 1
        phrase = next_shown(phrase)


def note_seen(p: Snippet, column: i32) -> None:
    """Note the phrases that a column has."""
    bit: u64 = 1
    phrase: Phrase = first_shown(p.search)
    while phrase:
        if phrase.found and last_token(phrase.found, first_hit(phrase.found, column), column) != NO_TOKEN:
            p.seen |= bit
        bit <<= 1
        phrase = next_shown(phrase)


def copy_fragment(to: Fragment, source: Fragment) -> None:
    """Copy a fragment."""
    to.column = source.column
    to.start = source.start
    to.score = source.score
    to.covered = source.covered
    to.marked = source.marked


def find_best(p: Snippet, out: Fragment) -> None:
    """The best fragment of all columns, the first of equals."""
    out.score = -1
    trial: Fragment = Fragment(scratch(sizeof(Fragment)))
    for column in range(p.search.config.n_columns):
        if p.column < 0 or p.column == column:
            note_seen(p, column)
            start: i32 = next_start(p, column, -1)
            while start >= 0:
                judge(p, column, start, trial)
                if trial.score > out.score:
                    copy_fragment(out, trial)
                following: i32 = next_start(p, column, start)
                start = following
    if out.score < 0:
        memory_fill(out, 0, sizeof(Fragment))
        out.score = -1


def find_fragments(p: Snippet, tokens: i32) -> i32:
    """The fragments to show: how many."""
    n: i32 = 1
    while True:
        p.length = (tokens + n - 1) // n if tokens >= 0 else -tokens
        p.covered = 0
        p.seen = 0
        for i in range(n):
            f: Fragment = p.fragments[i]
            find_best(p, f)
            p.covered |= f.covered
        if p.covered == p.seen or n == FRAGMENTS_MAX:
            return n
        n += 1


# --- texts -------------------------------------------------------------------------------------------------------


def put(p: Snippet, payload: i64) -> None:
    """Append a mark."""
    buffer_add(p.out, bytes_of(payload), size_of(payload))


def shift(p: Snippet, f: Fragment, text: i64) -> None:
    """Move a fragment so that what is marked is amid it, as far as the text goes."""
    if f.marked == 0:
        return
    left: i32 = 0
    while (f.marked >> u64(left)) & 1 == 0:
        left += 1
    right: i32 = 0
    while (f.marked >> u64(p.length - 1 - right)) & 1 == 0:
        right += 1
    wanted: i32 = (left - right) // 2
    if wanted <= 0:
        return
    t: Tokenizer = p.search.tokenizer
    token_start(t, bytes_of(text), size_of(text))
    count: i32 = 0
    while count < f.start + p.length + wanted and token_next(t):
        count += 1
    by: i32 = count - p.length - f.start
    if by > 0:
        f.start += by
        f.marked >>= u64(by)


def show(p: Snippet, f: Fragment, number: i32, is_last: bool) -> None:
    """Append a fragment."""
    v: Value = p.texts[f.column]
    if v.tag == NULL:
        return
    p.has_text = 1
    text: i64 = to_text(p.search.stmt, v.tag, v.payload)
    base: ptr[u8] = bytes_of(text)
    shift(p, f, text)
    t: Tokenizer = p.search.tokenizer
    token_start(t, base, size_of(text))
    copied: i32 = 0
    token: i32 = 0
    while token_next(t):
        if token >= f.start + p.length:
            if is_last:
                put(p, p.ellipsis)
            return
        if token == f.start and (token > 0 or number > 0):
            put(p, p.ellipsis)
            copied = t.start
        if token >= f.start:
            buffer_add(p.out, base + copied, t.start - copied)
            marked: bool = (f.marked >> u64(token - f.start)) & 1 != 0
            if marked:
                put(p, p.open)
            buffer_add(p.out, base + t.start, t.end - t.start)
            if marked:
                put(p, p.close)
            copied = t.end
        token += 1
    buffer_add(p.out, base + copied, size_of(text) - copied)


def argument(p: Snippet, values: ptr[Value], at: i32, default: i64) -> i64:
    """A text that is given, or another one. Raises SQLITE_NOMEM for NULL, as SQLite does."""
    if i64(at) >= values[1].payload:
        return default
    v: Value = values[2 + at]
    if v.tag == NULL:
        raise_nomem()
    return to_text(p.search.stmt, v.tag, v.payload)


@export
def fn_fts3_snippet(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """snippet(t, open, close, ellipsis, column, tokens). values: the Search; how many arguments; them; all texts."""
    s: Search = Search(i32(values[0].payload))
    given: i32 = i32(values[1].payload)
    p: Snippet = Snippet(alloc(stmt, sizeof(Snippet)))
    memory_fill(p, 0, sizeof(Snippet))
    p.search = s
    p.texts = values + (2 + given)
    p.open = argument(p, values, 0, pack(OPEN, len(OPEN)))
    p.close = argument(p, values, 1, pack(CLOSE, len(CLOSE)))
    p.ellipsis = argument(p, values, 2, pack(ELLIPSIS, len(ELLIPSIS)))
    p.column = i32(to_integer(values[5].tag, values[5].payload)) if given > 3 else -1
    tokens: i32 = i32(to_integer(values[6].tag, values[6].payload)) if given > 4 else TOKENS
    if tokens > TOKENS_MAX:
        tokens = TOKENS_MAX
    elif tokens < -TOKENS_MAX:
        tokens = -TOKENS_MAX
    if s.root == None or tokens == 0 or p.column >= s.config.n_columns:  # noqa: E711
        return TEXT, pack(b"", 0)
    find_hits(s)
    buffer_init(p.out, stmt)
    p.fragments = ptr[Fragment](alloc(stmt, FRAGMENTS_MAX * sizeof(Fragment)))
    count: i32 = find_fragments(p, tokens)
    for i in range(count):
        show(p, p.fragments[i], i, i == count - 1)
    if p.has_text == 0:
        return NULL, i64(0)
    tag, payload = buffer_value(p.out)
    return tag, payload
