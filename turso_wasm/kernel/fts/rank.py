"""bm25: how well a row matches.

  score = - Σ over phrases  idf · freq · (k1 + 1) / (freq + k1 · (1 - b + b · tokens of the row / average of tokens))
  idf   = ln((rows - rows with the phrase + 0.5) / (rows with the phrase + 0.5)), at least 0.000001

freq: how often the phrase is in the row, each time with the weight of its column.

Source: https://sqlite.org/fts5.html section 5.1.1
"""

from turso_wasm.kernel.abi import NULL, REAL, Run, Value
from turso_wasm.kernel.abi_modules import CONTENT_NONE
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.fts.config import is_unindexed
from turso_wasm.kernel.fts.expression import PHRASES, Node, Phrase, Term, node_new
from turso_wasm.kernel.fts.instances import find_hits_of_row, is_on_row
from turso_wasm.kernel.fts.positions import column_of
from turso_wasm.kernel.fts.postings import FIRST_ROW, LAST_ROW
from turso_wasm.kernel.fts.rank_function import find_rank
from turso_wasm.kernel.fts.search import Search, read_blob
from turso_wasm.kernel.fts.structure import AVERAGES_ROW, Reader, read_varint
from turso_wasm.kernel.fts.tokenize import token_next, token_start
from turso_wasm.kernel.fts.top import K1, B, top_begin
from turso_wasm.kernel.fts.walk import node_open, node_seek
from turso_wasm.kernel.functions.exponential import real_log
from turso_wasm.kernel.values.best import best_add
from turso_wasm.kernel.values.utf16 import as_text
from turso_wasm.kernel.values.value import bytes_of, real_value, size_of, to_real
from turso_wasm.wasm.lang import bits, export, f64, float_from_bits, i32, i64, memory_copy, ptr, scratch, sizeof

__subset__ = True

IDF_LEAST = 1e-6


def count_rows(s: Search, phrase: Phrase) -> i64:
    """The number of rows that have a phrase, in the columns it may be in."""
    node: Node = node_new(s.reading, PHRASES)
    copy: Phrase = Phrase(arena_alloc(s.reading, sizeof(Phrase)))
    memory_copy(copy, phrase, sizeof(Phrase))
    copy.next = None
    copy.terms = None
    copy.hits = None
    copy.capacity = 0
    before: Term = None
    term: Term = phrase.terms
    while term:
        same: Term = Term(arena_alloc(s.reading, sizeof(Term)))
        memory_copy(same, term, sizeof(Term))
        if before:
            before.next = same
        else:
            copy.terms = same
        before = same
        term = term.next
    node.phrases = copy
    node.n_phrases = 1
    node.n_columns = s.config.n_columns
    node.columns = phrase.node.columns
    copy.node = node
    node_open(s.index, node)
    node_seek(s.index, node, FIRST_ROW)
    count: i64 = 0
    while node.ended == 0:
        count += 1
        if node.rowid == LAST_ROW:
            break
        node_seek(s.index, node, node.rowid + 1)
    return count


def rank_prepare(s: Search) -> None:
    """What all rows are ranked by."""
    s.ranked = 1
    r: Reader = Reader(scratch(sizeof(Reader)))
    read_blob(s.index.data, i64(AVERAGES_ROW), 1, r)
    s.n_rows = read_varint(r)
    total: i64 = 0
    for _ in range(s.config.n_columns):
        if r.at < r.size:
            total += read_varint(r)
    s.average = f64(total) / f64(s.n_rows)
    phrase: Phrase = s.parser.phrases
    while phrase:
        n: f64 = f64(count_rows(s, phrase))
        phrase.idf = real_log((f64(s.n_rows) - n + 0.5) / (n + 0.5))
        if phrase.idf <= 0.0:
            phrase.idf = IDF_LEAST
        if phrase.boost > 0.0:
            phrase.idf *= phrase.boost
        phrase = phrase.later


def row_tokens(s: Search, texts: ptr[Value]) -> i64:
    """How many tokens the row has: from %_docsize, or from its texts; -1 a column where there is neither."""
    if s.docsize == None:  # noqa: E711
        return text_tokens(s, texts)
    r: Reader = Reader(scratch(sizeof(Reader)))
    read_blob(s.docsize, s.rowid, 1, r)
    total: i64 = 0
    while r.at < r.size:
        total += read_varint(r)
    return total


def text_tokens(s: Search, texts: ptr[Value]) -> i64:
    """row_tokens with columnsize=0."""
    if s.config.source == CONTENT_NONE:
        return i64(-s.config.n_columns)
    total: i64 = 0
    for column in range(s.config.n_columns):
        v: Value = texts[column]
        if v.tag != NULL and not is_unindexed(s.config, column):
            text: i64 = as_text(s.stmt, v.tag, v.payload, s.config.encoding)
            token_start(s.tokenizer, bytes_of(text), size_of(text))
            while token_next(s.tokenizer):
                total += 1
    return total


def frequency(s: Search, phrase: Phrase, weights: ptr[Value], n: i32) -> f64:
    """How often the phrase is in the row, each time with the weight of its column."""
    freq: f64 = 0.0
    for i in range(phrase.n_hits):
        column: i32 = column_of(phrase.hits[i])
        freq += to_real(weights[column].tag, weights[column].payload) if column < n else 1.0
    return freq


def score(s: Search, weights: ptr[Value], n: i32, texts: ptr[Value]) -> tuple[i32, i64]:
    """bm25 of the row."""
    if s.parser.phrases == None:  # noqa: E711
        return REAL, bits(-0.0)
    if s.ranked == 0:
        rank_prepare(s)
    find_hits_of_row(s, texts)
    tokens: f64 = f64(row_tokens(s, texts))
    total: f64 = 0.0
    phrase: Phrase = s.parser.phrases
    while phrase:
        freq: f64 = frequency(s, phrase, weights, n) if is_on_row(s, phrase) else 0.0
        total += phrase.idf * ((freq * (K1 + 1.0)) / (freq + K1 * (1.0 - B + B * tokens / s.average)))
        phrase = phrase.later
    return real_value(-1.0 * total)


@export
def fn_fts_bm25(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """bm25(t, weight, …). values: the Search; how many weights; the weights; the texts of all columns
    where the index lacks something: positions, or sizes.
    """
    s: Search = Search(i32(values[0].payload))
    count: i32 = i32(values[1].payload)
    return score(s, values + 2, count, values + (2 + count))


@export
def fn_fts_rank(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """The column rank. values: the Search; 1; what `rank MATCH` says, or NULL; texts as for bm25."""
    s: Search = Search(i32(values[0].payload))
    if s.rank_known == 0:
        find_rank(s.rank, stmt, s.config, s.arena, values[2])
        s.rank_known = 1
    return score(s, s.rank.weights, s.rank.n, values + 3)


@export
def fn_fts_rank_top(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """The column rank of a row that is sorted by it. values: as for fn_fts_rank, without texts; how many are wanted."""
    s: Search = Search(i32(values[0].payload))
    tag, payload = fn_fts_rank(stmt, values, n)
    if s.top.best.limit == 0:
        top_begin(s.top, s.arena, values[3], s.rank.weights, s.rank.n)
    _ = best_add(s.top.best, -float_from_bits(payload))
    return tag, payload
