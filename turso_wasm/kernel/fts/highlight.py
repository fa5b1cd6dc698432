"""highlight and snippet: the text of a column with marks around the phrases.

Owns the walk through the tokens of a text that copies it with marks. Instances that overlap are marked as one.

A snippet is a run of tokens that has as many different phrases as can be: each counts 1000 the first time and 1 every
further time; a run that begins with a sentence gets 100 more, 120 at the beginning of the text.

Source: https://sqlite.org/fts5.html sections 5.1.2 and 5.1.3, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import NULL, TEXT, Run, Value
from turso_wasm.kernel.base.errors import raise_error
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.fts.instances import Instance, find_hits_of_row, instances_of
from turso_wasm.kernel.fts.positions import column_of
from turso_wasm.kernel.fts.search import Search
from turso_wasm.kernel.fts.tokenize import Tokenizer, token_next, token_start
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_value
from turso_wasm.kernel.values.utf16 import as_text
from turso_wasm.kernel.values.value import bytes_of, pack, size_of, to_integer, to_text
from turso_wasm.wasm.lang import Struct, export, i32, i64, lit, memory_fill, ptr, scratch, sizeof, u8

__subset__ = True

SQLITE_RANGE = 25
NEW_PHRASE = 1000
SENTENCE = 100
FIRST_SENTENCE = 120


class Marker(Struct):
    """A text that is copied with marks."""

    out: Buffer.embed
    text: ptr[u8]
    instances: ptr[Instance]  # of all columns
    n: i32
    next: i32  # the instance behind the run
    column: i32
    start: i32  # the run of instances that is next: its first and last token; -1: there is none
    end: i32
    copied: i32  # bytes of the text
    is_open: i32
    open: i64  # the marks
    close: i64
    first: i32  # tokens to show; last < 0: all
    last: i32


def text_of(stmt: Run, v: Value) -> i64:
    """A value as text; NULL as an empty one."""
    return to_text(stmt, v.tag, v.payload) if v.tag != NULL else i64(0)


def next_run(m: Marker) -> None:
    """Go to the next instances that overlap."""
    m.start = -1
    while m.next < m.n:
        i: Instance = m.instances[m.next]
        if column_of(i.position) == m.column:
            first: i32 = i32(i.position)
            last: i32 = first + i.size - 1
            if m.start < 0:
                m.start = first
                m.end = last
            elif first > m.end:
                return
            elif last > m.end:
                m.end = last
        elif m.start >= 0:
            return
        m.next += 1


def put(m: Marker, payload: i64) -> None:
    """Append a mark."""
    buffer_add(m.out, bytes_of(payload), size_of(payload))


def copy_to(m: Marker, offset: i32) -> None:
    """Append the text up to there."""
    if offset > m.copied:
        buffer_add(m.out, m.text + m.copied, offset - m.copied)
        m.copied = offset


def mark_token(m: Marker, token: i32, start: i32, end: i32) -> None:
    """Take a token, which stands for bytes start..end of the text."""
    if m.last >= 0:
        if token < m.first or token > m.last:
            return
        if m.first and token == m.first:
            m.copied = start
    if m.is_open and (token <= m.start or m.start < 0) and start >= m.copied:
        put(m, m.close)
        m.is_open = 0
    if token == m.start and m.is_open == 0:
        copy_to(m, start)
        put(m, m.open)
        m.copied = start
        m.is_open = 1
    if token == m.end and m.start >= 0:
        if m.is_open == 0:
            put(m, m.open)
            m.is_open = 1
        copy_to(m, end)
        next_run(m)
    if token == m.last:
        if m.is_open:
            if m.start >= 0 and token >= m.start:
                copy_to(m, end)
            put(m, m.close)
            m.is_open = 0
        copy_to(m, end)


def mark_text(m: Marker, t: Tokenizer, text: i64) -> None:
    """Copy a text with marks, up to what closes last."""
    m.text = bytes_of(text)
    token_start(t, m.text, size_of(text))
    token: i32 = 0
    while token_next(t):
        mark_token(m, token, t.start, t.end)
        token += 1
    if m.is_open:
        put(m, m.close)


def marker_init(m: Marker, s: Search, column: i32, marks: ptr[Value]) -> None:
    """A marker for a column. marks: the two that are put around phrases."""
    memory_fill(m, 0, sizeof(Marker))
    buffer_init(m.out, s.stmt)
    m.open = text_of(s.stmt, marks[0])
    m.close = text_of(s.stmt, marks[1])
    m.column = column
    m.last = -1
    found, n = instances_of(s)
    m.instances = found
    m.n = n


@export
def fn_fts_highlight(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """highlight(t, column, open, close). values: the Search; 3; the arguments; the texts of all columns."""
    s: Search = Search(i32(values[0].payload))
    texts: ptr[Value] = values + 5
    column: i64 = i64(i32(to_integer(values[2].tag, values[2].payload)))
    if column < 0 or column >= i64(n - 5):
        return TEXT, pack(b"", 0)
    v: Value = texts[i32(column)]
    if v.tag == NULL:
        return NULL, i64(0)
    text: i64 = as_text(stmt, v.tag, v.payload, s.config.encoding)
    find_hits_of_row(s, texts)
    m: Marker = Marker(scratch(sizeof(Marker)))
    marker_init(m, s, i32(column), values + 3)
    next_run(m)
    mark_text(m, s.tokenizer, text)
    copy_to(m, size_of(text))
    tag, payload = buffer_value(m.out)
    return tag, payload


# --- snippet ---------------------------------------------------------------------------------------------------


class Snippet(Struct):
    """The best run of tokens so far."""

    search: Search
    instances: ptr[Instance]
    n: i32
    seen: ptr[u8]  # one byte a phrase
    n_phrases: i32
    length: i32  # tokens of a run
    best: i32  # its score
    column: i32
    start: i32  # its first token
    tokens: i32  # of the column


def run_score(p: Snippet, column: i32, start: i32, tokens: i32) -> tuple[i32, i32]:
    """How good a run is that begins with a token, and where it had better begin so that its phrases are amid it."""
    memory_fill(p.seen, 0, p.n_phrases)
    value: i32 = 0
    first: i32 = -1
    last: i32 = 0
    for k in range(p.n):
        i: Instance = p.instances[k]
        offset: i32 = i32(i.position)
        if column_of(i.position) == column and offset >= start and i64(offset) < i64(start) + i64(p.length):
            value += 1 if p.seen[i.phrase] else NEW_PHRASE
            p.seen[i.phrase] = 1
            if first < 0:
                first = offset
            last = offset + i.size
    better: i32 = first - (p.length - (last - first)) // 2
    if i64(better) + i64(p.length) > i64(tokens):
        better = tokens - p.length
    return value, better if better > 0 else 0


def propose(p: Snippet, value: i32, column: i32, start: i32, tokens: i32) -> None:
    """Take a run that is better than the best."""
    if value > p.best:
        p.best = value
        p.column = column
        p.start = start
        p.tokens = tokens


def sentences(t: Tokenizer, text: i64, out: ptr[i32]) -> tuple[i32, i32]:
    """Write the numbers of the tokens that begin sentences to `out`: how many, and how many tokens there are."""
    p: ptr[u8] = bytes_of(text)
    token_start(t, p, size_of(text))
    token: i32 = 0
    n: i32 = 0
    while token_next(t):
        at: i32 = t.start - 1
        while at >= 0 and (p[at] == 32 or p[at] == 9 or p[at] == 10 or p[at] == 13):
            at -= 1
        if at < 0 or (at < t.start - 1 and (p[at] == 46 or p[at] == 58)):
            out[n] = token
            n += 1
        token += 1
    return n, token


def best_of_column(p: Snippet, column: i32, text: i64) -> None:
    """Look for better runs in a column."""
    begins: ptr[i32] = ptr[i32](arena_alloc(p.search.stmt.arena, (size_of(text) + 1) * 4))
    n, tokens = sentences(p.search.tokenizer, text, begins)
    for k in range(p.n):
        i: Instance = p.instances[k]
        if column_of(i.position) == column:
            offset: i32 = i32(i.position)
            value, better = run_score(p, column, offset, tokens)
            propose(p, value, column, better, tokens)
            if n and tokens > p.length:
                j: i32 = 0
                while j < n - 1 and begins[j + 1] <= offset:
                    j += 1
                if begins[j] < offset:
                    value, _ = run_score(p, column, begins[j], tokens)
                    value += SENTENCE if begins[j] else FIRST_SENTENCE
                    propose(p, value, column, begins[j], tokens)


def find_snippet(p: Snippet, s: Search, column: i32, length: i32, texts: ptr[Value], n: i32) -> None:
    """The best run of `length` tokens in a column, -1: in any."""
    memory_fill(p, 0, sizeof(Snippet))
    p.search = s
    p.length = length
    p.column = column if column >= 0 else 0
    found, count = instances_of(s)
    p.instances = found
    p.n = count
    for i in range(p.n):
        if p.instances[i].phrase >= p.n_phrases:
            p.n_phrases = p.instances[i].phrase + 1
    p.seen = arena_alloc(s.stmt.arena, p.n_phrases + 8)
    for i in range(n):
        if (column < 0 or column == i) and texts[i].tag != NULL:
            best_of_column(p, i, text_of(s.stmt, texts[i]))


@export
def fn_fts_snippet(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """snippet(t, column, open, close, ellipsis, tokens). values: as for highlight, with 5 arguments."""
    s: Search = Search(i32(values[0].payload))
    texts: ptr[Value] = values + 7
    column: i32 = i32(to_integer(values[2].tag, values[2].payload))
    length: i32 = i32(to_integer(values[6].tag, values[6].payload))
    if column >= n - 7:
        raise_error(SQLITE_RANGE, *lit(b"column index out of range"))
    p: Snippet = Snippet(scratch(sizeof(Snippet)))
    find_hits_of_row(s, texts)
    find_snippet(p, s, column, length, texts, n - 7)
    v: Value = texts[p.column]
    if v.tag == NULL:
        return NULL, i64(0)
    text: i64 = as_text(stmt, v.tag, v.payload, s.config.encoding)
    if p.tokens == 0:
        begins: ptr[i32] = ptr[i32](arena_alloc(stmt.arena, (size_of(text) + 1) * 4))
        _, tokens = sentences(s.tokenizer, text, begins)
        p.tokens = tokens
    m: Marker = Marker(scratch(sizeof(Marker)))
    marker_init(m, s, p.column, values + 3)
    m.first = p.start
    m.last = p.start + length - 1
    if p.start > 0:
        put(m, text_of(stmt, values[5]))
    next_run(m)
    while m.start >= 0 and m.start < p.start:
        next_run(m)
    mark_text(m, s.tokenizer, text)
    if m.last >= p.tokens - 1:
        copy_to(m, size_of(text))
    else:
        put(m, text_of(stmt, values[5]))
    tag, payload = buffer_value(m.out)
    return tag, payload
