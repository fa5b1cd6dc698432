"""Where the phrases of a query are in a row, in the order of the text.

With detail=full the index says it; otherwise the texts are cut into tokens again.
"""

from turso_wasm.kernel.abi import NULL, Value
from turso_wasm.kernel.abi_modules import DETAIL_FULL
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.fts.expression import Phrase, Term
from turso_wasm.kernel.fts.phrases import add_hit, count_hits
from turso_wasm.kernel.fts.positions import COLUMN_SHIFT, NO_POSITION
from turso_wasm.kernel.fts.search import Search
from turso_wasm.kernel.fts.tokenize import Tokenizer, token_next, token_start
from turso_wasm.kernel.values.utf16 import as_text
from turso_wasm.kernel.values.value import bytes_of, size_of
from turso_wasm.wasm.lang import Struct, i32, i64, ptr, sizeof

__subset__ = True


class Instance(Struct):
    """A phrase in a row. position: of its first token; size: its tokens."""

    position: i64
    phrase: i32  # its number in the query
    size: i32


def is_on_row(s: Search, phrase: Phrase) -> bool:
    """Whether the phrase counts in the row."""
    return phrase.node.ended == 0 and phrase.node.rowid == s.rowid


def find_hits_of_row(s: Search, texts: ptr[Value]) -> None:
    """Have the hits of all phrases that count in the row. texts: of its columns, for detail other than full."""
    if s.hits_of == s.rowid and s.has_hits:
        return
    s.has_hits = 1
    s.hits_of = s.rowid
    phrase: Phrase = s.parser.phrases
    while phrase:
        if s.config.detail != DETAIL_FULL:
            phrase.n_hits = 0
        elif is_on_row(s, phrase):
            count_hits(s.reading, phrase.node, s.config.detail)
        phrase = phrase.later
    if s.config.detail != DETAIL_FULL:
        for column in range(s.config.n_columns):
            text: Value = texts[column]
            if text.tag != NULL:
                find_hits_of_text(s, column, as_text(s.stmt, text.tag, text.payload, s.config.encoding))


def find_hits_of_text(s: Search, column: i32, text: i64) -> None:
    """Add the hits in one column's text."""
    t: Tokenizer = s.tokenizer
    token_start(t, bytes_of(text), size_of(text))
    position: i64 = i64(column) << COLUMN_SHIFT
    while token_next(t):
        phrase: Phrase = s.parser.phrases
        while phrase:
            counts: bool = phrase.node.columns == None or phrase.node.columns[column] != 0  # noqa: E711
            if counts and is_on_row(s, phrase) and is_term(t, phrase.terms, s.config.tokendata):
                add_hit(s.reading, phrase, position)
            phrase = phrase.later
        position += 1


def is_term(t: Tokenizer, term: Term, tokendata: i32) -> bool:
    """Whether the token is the term, or begins with it if it is a prefix."""
    n: i32 = term.size - 1
    if t.size < n or (term.prefix == 0 and t.size != n and (tokendata == 0 or t.token[n] != 0)):
        return False
    i: i32 = 0
    while i < n and t.token[i] == term.text[i + 1]:
        i += 1
    return i == n


def instances_of(s: Search) -> tuple[ptr[Instance], i32]:
    """All instances of the row, by position; find_hits_of_row was called."""
    n: i32 = 0
    n_phrases: i32 = 0
    phrase: Phrase = s.parser.phrases
    while phrase:
        phrase.shown = 0
        n_phrases += 1
        if is_on_row(s, phrase):
            n += phrase.n_hits
        phrase = phrase.later
    out: ptr[Instance] = ptr[Instance](arena_alloc(s.stmt.arena, n * sizeof(Instance) + 8))
    for i in range(n):
        # The least hit that has not been shown.
        best: Phrase = None
        number: i32 = 0
        position: i64 = i64(NO_POSITION)
        at: i32 = 0
        phrase = s.parser.phrases
        while phrase:
            if is_on_row(s, phrase) and phrase.shown < phrase.n_hits and phrase.hits[phrase.shown] < position:
                position = phrase.hits[phrase.shown]
                best = phrase
                number = at
            at += 1
            phrase = phrase.later
        best.shown += 1
        out[i].position = position
        out[i].phrase = number
        out[i].size = best.n_terms
    return out, n
