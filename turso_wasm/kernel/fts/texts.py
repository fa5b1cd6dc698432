"""fts_match, fts_score and fts_highlight of texts, without an index: the truth that an index must find.

Owns `Texts`, a query and the tokens of the row that is looked at. A row is cut into tokens once for each function that
looks at it; whether a phrase stands there is looked up among them.
"""

from turso_wasm.kernel.abi import INTEGER, NULL, Arena, Resource, Run, Value
from turso_wasm.kernel.abi_modules import FtsConfig
from turso_wasm.kernel.base.memory import arena_alloc, arena_free, mfree
from turso_wasm.kernel.base.resources import resource_add
from turso_wasm.kernel.fts.bytes import compare_terms
from turso_wasm.kernel.fts.expression import ALL, AND, NOT, OR, PHRASES, RANGE, Node, Phrase, Term
from turso_wasm.kernel.fts.language import parse_language, restrict_to
from turso_wasm.kernel.fts.parse import Parser
from turso_wasm.kernel.fts.rank import IDF_LEAST
from turso_wasm.kernel.fts.search import read_tokenizer
from turso_wasm.kernel.fts.tokenize import Tokenizer, token_next, token_start
from turso_wasm.kernel.fts.top import K1, B
from turso_wasm.kernel.functions.exponential import real_log
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_value
from turso_wasm.kernel.values.utf8 import read_char
from turso_wasm.kernel.values.utf16 import as_text
from turso_wasm.kernel.values.value import bytes_of, real_value, size_of, to_text
from turso_wasm.wasm.lang import (
    Struct,
    array,
    export,
    f64,
    funcref,
    i32,
    i64,
    memory_copy,
    memory_fill,
    ptr,
    scratch,
    sizeof,
    u8,
)

__subset__ = True

KIND_TEXTS = 13
FIRST_TOKENS = 64
FUZZY_LENGTH = 64  # characters of a word that may be almost another one


class Token(Struct):
    """A token of the row. position: in its column; start, end: bytes of its text."""

    text: ptr[u8]
    size: i32
    column: i32
    position: i32
    start: i32
    end: i32
    marked: i32


class Texts(Resource):
    """A query, and the row that it is about."""

    arena: Arena.embed  # of the query
    row: Arena.embed  # of the tokens
    stmt: Run
    config: FtsConfig
    tokenizer: Tokenizer.embed  # of the query
    cutter: Tokenizer.embed  # of texts
    parser: Parser.embed
    root: Node
    query: ptr[u8]
    size: i32
    begun: i32  # 1: there is a query
    tokens: ptr[Token]
    n: i32
    capacity: i32
    weights: ptr[f64]  # of columns, null: 1
    counted: i32  # 1: what follows, and Phrase.idf, is of all rows
    n_rows: f64
    n_tokens: f64
    total: i32  # tokens of the row


def texts_release(resource: i32) -> None:
    """Free it."""
    w: Texts = Texts(resource)
    arena_free(w.arena)
    arena_free(w.row)
    mfree(ptr[u8](resource))


@export
def fts_texts_open(stmt: Run, config: FtsConfig) -> Texts:
    """One for a statement."""
    w: Texts = Texts(i32(resource_add(stmt, sizeof(Texts), KIND_TEXTS, funcref(texts_release))))
    w.stmt = stmt
    w.config = config
    w.weights = ptr[f64](i32(config) + config.weights) if config.weights else ptr[f64](0)
    return w


# --- the query -------------------------------------------------------------------------------------------------


def ask(w: Texts, values: ptr[Value]) -> i32:
    """Have the query of values[1], as it was or anew; 0: it is NULL. Errors: those of parse_language."""
    if values[1].tag == NULL:
        return 0
    text: i64 = to_text(w.stmt, values[1].tag, values[1].payload)
    p: ptr[u8] = bytes_of(text)
    n: i32 = size_of(text)
    if w.begun and w.size == n and compare_terms(p, n, w.query, n) == 0:
        return 1
    arena_free(w.arena)
    arena_free(w.row)
    w.tokens = None
    w.capacity = 0
    w.n = 0
    w.begun = 0
    w.counted = 0
    w.n_rows = 0.0
    w.n_tokens = 0.0
    w.query = arena_alloc(w.arena, n + 16)
    memory_copy(w.query, p, n)
    w.size = n
    read_tokenizer(w.tokenizer, w.stmt, w.config, w.arena)
    read_tokenizer(w.cutter, w.stmt, w.config, w.arena)
    w.cutter.synonyms = 1
    memory_fill(w.parser, 0, sizeof(Parser))
    w.parser.arena = w.arena
    w.parser.config = w.config
    w.parser.tokenizer = w.tokenizer
    w.root = parse_language(w.parser, w.query, n)
    restrict_to(w.parser, w.root, values[2].payload)
    w.begun = 1
    return 1


@export
def fn_fts_exact(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """Whether an index says which rows match. values: the Texts, the query."""
    w: Texts = Texts(i32(values[0].payload))
    if ask(w, values) == 0:
        return INTEGER, i64(1)
    return INTEGER, i64(1 - w.parser.inexact)


# --- the row ---------------------------------------------------------------------------------------------------


def cut(w: Texts, texts: ptr[Value], n: i32) -> None:
    """Have the tokens of a row, whose columns these are."""
    arena_free(w.row)
    w.tokens = None
    w.capacity = 0
    w.n = 0
    w.total = 0
    for column in range(n):
        if texts[column].tag != NULL:
            cut_text(w, column, as_text(w.stmt, texts[column].tag, texts[column].payload, w.config.encoding))


def cut_text(w: Texts, column: i32, text: i64) -> None:
    """Add the tokens of a column."""
    t: Tokenizer = w.cutter
    token_start(t, bytes_of(text), size_of(text))
    position: i32 = 0
    while token_next(t):
        position -= t.ahead
        if w.n == w.capacity:
            grow(w)
        k: Token = w.tokens[w.n]
        k.text = arena_alloc(w.row, t.size + 8)
        memory_copy(k.text, t.token, t.size)
        k.size = t.size
        k.column = column
        k.position = position
        k.start = t.start
        k.end = t.end
        k.marked = 0
        w.n += 1
        position += 1
    w.total += position


def grow(w: Texts) -> None:
    """Room for more tokens."""
    capacity: i32 = w.capacity * 2 if w.capacity else FIRST_TOKENS
    fresh: ptr[Token] = ptr[Token](arena_alloc(w.row, capacity * sizeof(Token)))
    if w.n:
        memory_copy(fresh[0], w.tokens[0], w.n * sizeof(Token))
    w.tokens = fresh
    w.capacity = capacity


# --- tokens ----------------------------------------------------------------------------------------------------


def is_token(k: Token, term: Term) -> bool:
    """Whether the token is the term, begins with it, or is almost it."""
    n: i32 = term.size - 1
    if term.fuzzy:
        return distance_within(k.text, k.size, term.text + 1, n, term.fuzzy)
    if k.size < n or (term.prefix == 0 and k.size != n):
        return False
    i: i32 = 0
    while i < n and k.text[i] == term.text[i + 1]:
        i += 1
    return i == n


class Word(Struct):
    """The characters of a word."""

    n: i32
    chars: array[i32, 64]


def characters(w: Word, p: ptr[u8], n: i32) -> bool:
    """Have them; False: there are too many."""
    w.n = 0
    at: i32 = 0
    while at < n:
        if w.n == FUZZY_LENGTH:
            return False
        code, at = read_char(p, n, at)
        w.chars[w.n] = i32(code)
        w.n += 1
    return True


def distance_within(p: ptr[u8], n: i32, q: ptr[u8], m: i32, most: i32) -> bool:
    """Whether so many characters at most must be changed, put in, left out, or change places with the next one."""
    a: Word = Word(scratch(sizeof(Word)))
    b: Word = Word(scratch(sizeof(Word)))
    if not characters(a, p, n) or not characters(b, q, m):
        return compare_terms(p, n, q, m) == 0
    if a.n > b.n + most or b.n > a.n + most:
        return False
    # Rows of the table of distances: the last, the one before, and the new one.
    rows: ptr[i32] = ptr[i32](scratch(3 * 4 * 65))
    for j in range(b.n + 1):
        rows[j] = j
    for i in range(1, a.n + 1):
        new: ptr[i32] = rows + (i % 3) * 65
        last: ptr[i32] = rows + ((i + 2) % 3) * 65
        before: ptr[i32] = rows + ((i + 1) % 3) * 65
        new[0] = i
        for j in range(1, b.n + 1):
            best: i32 = last[j - 1] + i32(a.chars[i - 1] != b.chars[j - 1])
            if last[j] + 1 < best:
                best = last[j] + 1
            if new[j - 1] + 1 < best:
                best = new[j - 1] + 1
            swapped: bool = i > 1 and j > 1 and a.chars[i - 1] == b.chars[j - 2] and a.chars[i - 2] == b.chars[j - 1]
            if swapped and before[j - 2] + 1 < best:
                best = before[j - 2] + 1
            new[j] = best
    return (rows + (a.n % 3) * 65)[b.n] <= most


def phrase_end(w: Texts, phrase: Phrase, at: i32, mark: i32) -> i32:
    """The last token of the phrase that begins with the token `at`; -1: it does not. mark: mark its tokens."""
    tokens: ptr[Token] = w.tokens
    if not is_token(tokens[at], phrase.terms):
        return -1
    if mark:
        tokens[at].marked = 1
    left: i32 = phrase.slop
    term: Term = phrase.terms.next
    last: i32 = at
    while term:
        wanted: i32 = tokens[last].position + 1
        i: i32 = last + 1
        while (
            i < w.n
            and tokens[i].column == tokens[at].column
            and tokens[i].position <= wanted + left
            and (tokens[i].position < wanted or not is_token(tokens[i], term))
        ):
            i += 1
        if i >= w.n or tokens[i].column != tokens[at].column or tokens[i].position > wanted + left:
            return -1
        left -= tokens[i].position - wanted
        last = i
        if mark:
            tokens[i].marked = 1
        term = term.next
    return last


def is_searched(node: Node, column: i32) -> bool:
    """Whether the column counts."""
    return node.columns == None or node.columns[column] != 0  # noqa: E711


def has_phrase(w: Texts, phrase: Phrase) -> bool:
    """Whether the row has the phrase in a column that counts."""
    i: i32 = 0
    while i < w.n and (not is_searched(phrase.node, w.tokens[i].column) or phrase_end(w, phrase, i, 0) < 0):
        i += 1
    return i < w.n


def has_range(w: Texts, node: Node) -> bool:
    """Whether the row has a token in the range."""
    for i in range(w.n):
        k: Token = w.tokens[i]
        if not is_searched(node, k.column):
            continue
        lower: i32 = compare_terms(k.text, k.size, node.lower.text + 1, node.lower.size - 1) if node.lower else 1
        upper: i32 = compare_terms(k.text, k.size, node.upper.text + 1, node.upper.size - 1) if node.upper else -1
        if (lower > 0 or (lower == 0 and node.bounds & 1)) and (upper < 0 or (upper == 0 and node.bounds & 2)):
            return True
    return False


def is_match(w: Texts, node: Node) -> bool:
    """Whether the row matches."""
    if node.kind == PHRASES:
        return has_phrase(w, node.phrases)
    if node.kind == RANGE:
        return has_range(w, node)
    if node.kind == ALL:
        return True
    child: Node = node.children
    if node.kind == NOT:
        return is_match(w, child) and not is_match(w, child.next)
    wanted: bool = node.kind == OR
    if not wanted and node.kind != AND:
        return False
    while child:
        if is_match(w, child) == wanted:
            return wanted
        child = child.next
    return not wanted


@export
def fn_fts_text_match(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """Whether texts match. values: the Texts; the query; which columns are searched; the texts of all columns."""
    w: Texts = Texts(i32(values[0].payload))
    if ask(w, values) == 0:
        return NULL, i64(0)
    cut(w, values + 3, n - 3)
    return INTEGER, i64(i32(is_match(w, w.root)))


# --- score -----------------------------------------------------------------------------------------------------


@export
def fn_fts_text_count(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """Count a row for the score: 1. values: as for fn_fts_text_match."""
    w: Texts = Texts(i32(values[0].payload))
    if ask(w, values) == 0:
        return NULL, i64(0)
    cut(w, values + 3, n - 3)
    w.n_rows += 1.0
    w.n_tokens += f64(w.total)
    phrase: Phrase = w.parser.phrases
    while phrase:
        if has_phrase(w, phrase):
            phrase.idf += 1.0
        phrase = phrase.later
    return INTEGER, i64(1)


def finish_counts(w: Texts) -> None:
    """From how many rows have a phrase to what it counts for."""
    if w.counted or w.n_rows == 0.0:
        return
    w.counted = 1
    phrase: Phrase = w.parser.phrases
    while phrase:
        phrase.idf = real_log((w.n_rows - phrase.idf + 0.5) / (phrase.idf + 0.5))
        if phrase.idf <= 0.0:
            phrase.idf = IDF_LEAST
        phrase = phrase.later


def text_frequency(w: Texts, phrase: Phrase) -> f64:
    """How often the phrase is in the row, each time with the weight of its column."""
    freq: f64 = 0.0
    for i in range(w.n):
        column: i32 = w.tokens[i].column
        if is_searched(phrase.node, column) and phrase_end(w, phrase, i, 0) >= 0:
            freq += w.weights[column] if w.weights else 1.0
    return freq


@export
def fn_fts_text_score(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """bm25 of texts, the larger the better; of what does not match 0. values: the Texts; the query; the columns; what
    counting all rows has given, or NULL: then every phrase counts 1, and the row is as long as any; the texts.
    """
    w: Texts = Texts(i32(values[0].payload))
    if ask(w, values) == 0:
        return NULL, i64(0)
    cut(w, values + 4, n - 4)
    if not is_match(w, w.root):
        return real_value(0.0)
    finish_counts(w)
    length: f64 = f64(w.total) * w.n_rows / w.n_tokens if w.counted and w.n_tokens > 0.0 else 1.0
    total: f64 = 0.0
    phrase: Phrase = w.parser.phrases
    while phrase:
        if phrase.hidden == 0:
            freq: f64 = text_frequency(w, phrase)
            idf: f64 = phrase.idf if w.counted else 1.0
            if phrase.boost > 0.0:
                idf *= phrase.boost
            total += idf * (freq * (K1 + 1.0) / (freq + K1 * (1.0 - B + B * length)))
        phrase = phrase.later
    return real_value(total)


# --- highlight -------------------------------------------------------------------------------------------------


def mark_row(w: Texts) -> None:
    """Mark the tokens of what is looked for."""
    phrase: Phrase = w.parser.phrases
    while phrase:
        if phrase.hidden == 0:
            for i in range(w.n):
                if is_searched(phrase.node, w.tokens[i].column) and phrase_end(w, phrase, i, 0) >= 0:
                    _ = phrase_end(w, phrase, i, 1)
        phrase = phrase.later


@export
def fn_fts_text_highlight(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """Texts with marks around what is looked for, a space between them. values: the Texts; the query; the columns; the
    two marks; the texts.
    """
    w: Texts = Texts(i32(values[0].payload))
    texts: ptr[Value] = values + 5
    known: i32 = 0
    for i in range(n - 5):
        known |= i32(texts[i].tag != NULL)
    if known == 0 or values[3].tag == NULL or values[4].tag == NULL:
        return NULL, i64(0)
    if ask(w, values) == 0:
        return NULL, i64(0)
    cut(w, texts, n - 5)
    mark_row(w)
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    opening: i64 = to_text(stmt, values[3].tag, values[3].payload)
    closing: i64 = to_text(stmt, values[4].tag, values[4].payload)
    next: i32 = 0
    first: bool = True
    for column in range(n - 5):
        if texts[column].tag == NULL:
            continue
        if not first:
            buffer_add(b, b" ", 1)
        first = False
        text: i64 = as_text(stmt, texts[column].tag, texts[column].payload, w.config.encoding)
        done: i32 = 0
        while next < w.n and w.tokens[next].column == column:
            k: Token = w.tokens[next]
            end: i32 = k.end
            next += 1
            if k.marked == 0 or k.start < done:
                continue
            # What overlaps is marked as one.
            while next < w.n and w.tokens[next].column == column and w.tokens[next].start < end:
                if w.tokens[next].marked and w.tokens[next].end > end:
                    end = w.tokens[next].end
                next += 1
            buffer_add(b, bytes_of(text) + done, k.start - done)
            buffer_add(b, bytes_of(opening), size_of(opening))
            buffer_add(b, bytes_of(text) + k.start, end - k.start)
            buffer_add(b, bytes_of(closing), size_of(closing))
            done = end
        buffer_add(b, bytes_of(text) + done, size_of(text) - done)
    tag, payload = buffer_value(b)
    return tag, payload
