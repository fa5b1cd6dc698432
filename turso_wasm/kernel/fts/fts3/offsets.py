"""offsets: where the tokens of a query are in a row.

Source: https://sqlite.org/fts3.html section 4.1, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import NULL, TEXT, Run, Value
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.fts.expression import Phrase
from turso_wasm.kernel.fts.fts3.hits import find_hits, first_shown, next_shown
from turso_wasm.kernel.fts.positions import COLUMN_SHIFT
from turso_wasm.kernel.fts.search import Search
from turso_wasm.kernel.fts.tokenize import Tokenizer, token_next, token_start
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_value
from turso_wasm.kernel.values.number_text import int_to_text
from turso_wasm.kernel.values.value import bytes_of, pack, size_of, to_text
from turso_wasm.wasm.lang import export, i32, i64, memory_fill, ptr, scratch, sizeof, u8

__subset__ = True


def count_terms(s: Search) -> i32:
    """How many tokens the query has."""
    n: i32 = 0
    phrase: Phrase = first_shown(s)
    while phrase:
        n += phrase.n_terms
        phrase = next_shown(phrase)
    return n


def add_number(out: Buffer, value: i32) -> None:
    """Append a number, and a space before it if anything is there."""
    text: ptr[u8] = scratch(32)
    text[0] = 32
    n: i32 = int_to_text(i64(value), text + 1)
    if out.size:
        buffer_add(out, text, n + 1)
    else:
        buffer_add(out, text + 1, n)


@export
def fn_fts3_offsets(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """offsets(t): of each token that is found its column, its number in the query, its offset and its size.

    values: the Search; 0; the texts of all columns.
    """
    s: Search = Search(i32(values[0].payload))
    if s.root == None:  # noqa: E711
        return TEXT, pack(b"", 0)
    find_hits(s)
    out: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(out, stmt)
    n_terms: i32 = count_terms(s)
    cursors: ptr[i32] = ptr[i32](alloc(stmt, 4 * n_terms + 8))
    memory_fill(cursors, 0, 4 * n_terms)
    for column in range(s.config.n_columns):
        v: Value = values[2 + column]
        if v.tag != NULL:
            offsets_of_text(s, out, column, to_text(stmt, v.tag, v.payload), cursors)
        elif has_hits(s, column):
            return NULL, i64(0)  # the row is not there any more
    if out.size == 0:
        return NULL, i64(0)  # the user's text is another one by now
    tag, payload = buffer_value(out)
    return tag, payload


def has_hits(s: Search, column: i32) -> bool:
    """Whether anything is found in a column."""
    phrase: Phrase = first_shown(s)
    while phrase:
        found: Phrase = phrase.found
        if found:
            for i in range(found.n_hits):
                if i32(found.hits[i] >> COLUMN_SHIFT) == column:
                    return True
        phrase = next_shown(phrase)
    return False


def offsets_of_text(s: Search, out: Buffer, column: i32, text: i64, cursors: ptr[i32]) -> None:
    """Append what is found in a column. cursors: of each token of the query the next hit of its phrase."""
    t: Tokenizer = s.tokenizer
    token_start(t, bytes_of(text), size_of(text))
    position: i64 = i64(column) << COLUMN_SHIFT
    while token_next(t):
        term: i32 = 0
        phrase: Phrase = first_shown(s)
        while phrase:
            for j in range(phrase.n_terms):
                if phrase.found and is_hit(phrase.found, position - i64(j), ptr[i32](i32(cursors) + 4 * term)):
                    add_number(out, column)
                    add_number(out, term)
                    add_number(out, t.start)
                    add_number(out, t.end - t.start)
                term += 1
            phrase = next_shown(phrase)
        position += 1


def is_hit(phrase: Phrase, position: i64, cursor: ptr[i32]) -> bool:
    """Whether the phrase begins there; positions are asked for in ascending order."""
    at: i32 = cursor[0]
    while at < phrase.n_hits and phrase.hits[at] < position:
        at += 1
    cursor[0] = at
    return at < phrase.n_hits and phrase.hits[at] == position
