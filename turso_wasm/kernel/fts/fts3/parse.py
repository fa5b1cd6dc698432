"""The query language of FTS3 and FTS4, in its enhanced syntax.

  query   := or
  or      := and { OR and }          and  := not { [ AND ] not }          not := near { NOT near }
  near    := primary { NEAR [ /n ] primary }, of phrases only             primary := ( query ) | phrase
  phrase  := [ column : ] token | "tokens"; ^ before and * behind a token

What is no operator and stands in no quotes is cut by the table's tokenizer: one token is one phrase. An empty pair of
parentheses, and a text without tokens, are as if they were not there.

Source: https://sqlite.org/fts3.html section 3, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi_modules import FtsConfig
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.fts.config import column_name
from turso_wasm.kernel.fts.expression import (
    AND,
    DEFAULT_NEAR,
    NOT,
    NOTHING,
    OR,
    PHRASES,
    Node,
    Phrase,
    Term,
    hide,
    join,
    node_new,
    raise_about,
)
from turso_wasm.kernel.fts.parse import Parser, append_phrase, term_new
from turso_wasm.kernel.fts.tokenize import Tokenizer, token_next, token_start
from turso_wasm.kernel.values.collate import fold
from turso_wasm.kernel.values.utf8 import terminated_size
from turso_wasm.wasm.lang import Struct, i32, lit, memory_fill, ptr, sizeof, u8

__subset__ = True

NESTING_MAX = 90
DEPTH_MAX = 12
NEAR_MAX = 0x0FFFFFFF
# What comes next in a query.
NOWHERE = 0
OPEN = 1
CLOSE = 2
WORD_AND = 3
WORD_OR = 4
WORD_NOT = 5
WORD_NEAR = 6
PHRASE = 7


class Query(Struct):
    """A place in a query, and what is there."""

    parser: Parser
    text: ptr[u8]
    n: i32
    at: i32  # behind it
    kind: i32
    column: i32  # in which phrases must be, + 1; 0: in any
    near: i32  # of WORD_NEAR
    phrase: Node  # of PHRASE
    depth: i32


def parse_fts3(ps: Parser, text: ptr[u8], n: i32, column: i32) -> Node:
    """The tree of a query; ps: as for parse_query. column: in which phrases must be, + 1; 0: in any.

    Errors: "malformed MATCH expression: [q]", "FTS expression tree is too large (maximum depth 12)".
    """
    q: Query = Query(arena_alloc(ps.arena, sizeof(Query)))
    memory_fill(q, 0, sizeof(Query))
    q.parser = ps
    q.text = text
    q.n = terminated_size(text, n)
    q.column = column
    advance(q)
    node: Node = parse_or(q)
    if q.kind != NOWHERE:
        raise_malformed(q)
    if node == None:  # noqa: E711
        return node_new(ps.arena, NOTHING)
    if depth_of(node) > DEPTH_MAX:
        raise_too_large()
    return node


def raise_malformed(q: Query) -> None:
    """Raise that this is no query."""
    raise_about(q.parser.arena, *lit(b"malformed MATCH expression: ["), q.text, q.n, *lit(b"]"))


def raise_too_large() -> None:
    """Raise that it goes too deep."""
    raise_error(SQLITE_ERROR, *lit(b"FTS expression tree is too large (maximum depth 12)"))


def depth_of(node: Node) -> i32:
    """How deep a tree goes whose chains of AND and OR are balanced."""
    most: i32 = 0
    count: i32 = 0
    child: Node = node.children
    while child:
        depth: i32 = depth_of(child)
        most = depth if depth > most else most
        count += 1
        child = child.next
    levels: i32 = 0
    while 1 << levels < count:
        levels += 1
    return most + (levels if count else 1)


# --- what comes next -----------------------------------------------------------------------------------------------


def is_space(c: i32) -> bool:
    """Whether a byte is white."""
    return c == 32 or (c >= 9 and c <= 13)


def advance(q: Query) -> None:
    """Go to what comes next; texts without tokens are passed over."""
    q.kind = NOWHERE
    while q.kind == NOWHERE:
        while q.at < q.n and is_space(q.text[q.at]):
            q.at += 1
        if q.at >= q.n:
            return
        c: i32 = q.text[q.at]
        if c == 40 or c == 41:
            q.kind = OPEN if c == 40 else CLOSE
            q.at += 1
        elif c == 34:
            quoted(q)
        elif not (
            operator(q, *lit(b"OR"), WORD_OR)
            or operator(q, *lit(b"AND"), WORD_AND)
            or operator(q, *lit(b"NOT"), WORD_NOT)
            or operator(q, *lit(b"NEAR"), WORD_NEAR)
        ):
            bare(q)


def operator(q: Query, word: ptr[u8], n: i32, kind: i32) -> bool:
    """Take an operator if it is there."""
    at: i32 = q.at
    i: i32 = 0
    while i < n and at + i < q.n and q.text[at + i] == word[i]:
        i += 1
    if i < n:
        return False
    at += n
    if kind == WORD_NEAR:
        q.near = DEFAULT_NEAR
        if at + 1 < q.n and q.text[at] == 47 and q.text[at + 1] >= 48 and q.text[at + 1] <= 57:
            at += 1
            q.near = 0
            while at < q.n and q.text[at] >= 48 and q.text[at] <= 57:
                q.near = q.near * 10 + i32(q.text[at]) - 48 if q.near < NEAR_MAX // 10 else NEAR_MAX
                at += 1
    if at < q.n:
        c: i32 = q.text[at]
        if not is_space(c) and c != 34 and c != 40 and c != 41:
            return False
    q.at = at
    q.kind = kind
    return True


def quoted(q: Query) -> None:
    """A phrase in quotes."""
    start: i32 = q.at + 1
    end: i32 = start
    while end < q.n and q.text[end] != 34:
        end += 1
    if end >= q.n:
        raise_malformed(q)
    q.phrase = phrase_new(q, q.column)
    t: Tokenizer = q.parser.tokenizer
    token_start(t, q.text + start, end - start)
    while token_next(t):
        add_token(q, q.text + start, end - start, True)
    if q.phrase.phrases.n_terms == 0:
        q.phrase.kind = NOTHING
    q.at = end + 1
    q.kind = PHRASE


def bare(q: Query) -> None:
    """The next token up to a quote or a parenthesis, in the column before it. With nothing there the query ends."""
    column: i32 = q.column
    start: i32 = q.at
    found, size = column_before(q)
    if found:
        column = found
        start += size
    end: i32 = start
    while end < q.n and q.text[end] != 34 and q.text[end] != 40 and q.text[end] != 41:
        end += 1
    q.at = end
    if end == start:
        q.n = q.at
        return
    t: Tokenizer = q.parser.tokenizer
    token_start(t, q.text + start, end - start)
    if token_next(t):
        q.phrase = phrase_new(q, column)
        add_token(q, q.text + start, end - start, q.parser.config.options != 0)  # FTS3 knows no ^ out of quotes
        q.at = start + t.end
        if q.phrase.phrases.last.prefix:
            q.at += 1
        q.kind = PHRASE


def column_before(q: Query) -> tuple[i32, i32]:
    """(a column that is named here, + 1, the bytes of its name and the colon); 0: none is."""
    config: FtsConfig = q.parser.config
    for column in range(config.n_columns):
        name, n = column_name(config, column)
        if q.at + n < q.n and q.text[q.at + n] == 58:
            i: i32 = 0
            while i < n and fold(name[i]) == fold(q.text[q.at + i]):
                i += 1
            if i == n:
                return column + 1, n + 1
    return 0, 0


def phrase_new(q: Query, column: i32) -> Node:
    """A phrase without tokens."""
    ps: Parser = q.parser
    node: Node = node_new(ps.arena, PHRASES)
    node.n_columns = ps.config.n_columns
    phrase: Phrase = Phrase(arena_alloc(ps.arena, sizeof(Phrase)))
    memory_fill(phrase, 0, sizeof(Phrase))
    phrase.node = node
    phrase.column = column
    append_phrase(node, phrase)
    if ps.last:
        ps.last.later = phrase
    else:
        ps.phrases = phrase
    ps.last = phrase
    return node


def add_token(q: Query, text: ptr[u8], n: i32, knows_initial: bool) -> None:
    """Add the tokenizer's token, with what stands around it in the text. knows_initial: ^ is an operator."""
    t: Tokenizer = q.parser.tokenizer
    phrase: Phrase = q.phrase.phrases
    term: Term = term_new(q.parser, phrase)
    term.prefix = 1 if t.end < n and text[t.end] == 42 else 0
    if knows_initial and t.start > 0 and text[t.start - 1] == 94:
        term.initial = 1
        phrase.initial = 1


# --- the tree ------------------------------------------------------------------------------------------------------


def parse_or(q: Query) -> Node:
    """Operands of OR; null: nothing is there."""
    node: Node = parse_and(q)
    while q.kind == WORD_OR:
        advance(q)
        node = operands(q, OR, node, parse_and(q))
    return node


def operands(q: Query, kind: i32, left: Node, right: Node) -> Node:
    """Two operands under an operator."""
    if left == None or right == None:  # noqa: E711
        raise_malformed(q)
    return join(q.parser.arena, kind, left, right)


def parse_and(q: Query) -> Node:
    """Operands of AND, which may be left out."""
    node: Node = parse_not(q)
    while q.kind == WORD_AND or q.kind == OPEN or q.kind == PHRASE:
        if q.kind == WORD_AND:
            advance(q)
            node = operands(q, AND, node, parse_not(q))
        else:
            right: Node = parse_not(q)
            if node and right:
                node = join(q.parser.arena, AND, node, right)
            elif right:
                node = right
    return node


def parse_not(q: Query) -> Node:
    """Operands of NOT."""
    node: Node = parse_near(q)
    while q.kind == WORD_NOT:
        advance(q)
        excluded: Node = parse_near(q)
        node = operands(q, NOT, node, excluded)
        hide(excluded)
    return node


def parse_near(q: Query) -> Node:
    """Phrases near each other."""
    node: Node = parse_primary(q)
    while q.kind == WORD_NEAR:
        near: i32 = q.near
        advance(q)
        right: Node = parse_primary(q)
        if not (is_phrase(node) and is_phrase(right)) or right.n_phrases > 1:
            raise_malformed(q)
        phrase: Phrase = right.phrases
        phrase.node = node
        phrase.near = near
        node.chained = 1
        append_phrase(node, phrase)
        if right.kind == NOTHING:
            node.kind = NOTHING
    return node


def is_phrase(node: Node) -> bool:
    """Whether a node is a phrase or phrases."""
    return node != None and node.phrases != None  # noqa: E711


def parse_primary(q: Query) -> Node:
    """A phrase or a query in parentheses; null: there is neither, or nothing between them."""
    if q.kind == PHRASE:
        node: Node = q.phrase
        advance(q)
        return node
    if q.kind != OPEN:
        return Node(0)
    q.depth += 1
    if q.depth > NESTING_MAX:
        raise_too_large()
    advance(q)
    node = parse_or(q)
    if q.kind != CLOSE:
        raise_malformed(q)
    q.depth -= 1
    advance(q)
    return node
