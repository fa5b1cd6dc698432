"""The query language.

  query    := or                        or  := and { OR and }
  and      := not { AND not }           not := primary { NOT primary }
  primary  := ( query ) | columns : ( query ) | item { item }
  item     := [ columns : ] phrases       columns := [ - ] STRING | [ - ] { STRING … }
  phrases  := [ ^ ] phrase | NEAR ( phrase … [ , STRING ] )
  phrase   := STRING [ * ] { + STRING [ * ] }

Errors are in SQLite's words and come at the token at which its parser, which looks one token ahead, gives up.

Source: https://sqlite.org/fts5.html section 3, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import Arena
from turso_wasm.kernel.abi_modules import DETAIL_FULL, DETAIL_NONE, FtsConfig
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.fts.config import find_column
from turso_wasm.kernel.fts.expression import (
    AND,
    DEFAULT_NEAR,
    NOT,
    NOTHING,
    OR,
    PHRASES,
    RANGE,
    Node,
    Phrase,
    Term,
    append_child,
    join,
    node_new,
    raise_about,
)
from turso_wasm.kernel.fts.lexer import (
    END,
    STRING,
    WORD_AND,
    WORD_NOT,
    WORD_OR,
    Lexer,
    advance,
    is_word,
    lexer_start,
    peek,
    raise_syntax,
    unquoted,
)
from turso_wasm.kernel.fts.structure import MAIN_INDEX
from turso_wasm.kernel.fts.tokenize import Tokenizer, token_next, token_start
from turso_wasm.kernel.values.utf8 import terminated_size
from turso_wasm.wasm.lang import Struct, i32, lit, memory_copy, memory_fill, ptr, sizeof, u8

__subset__ = True

STACK_MAX = 97  # what SQLite's parser can put off: 1 for each (, 3 for an operator or columns and a (
TOKEN_MAX = 32768  # bytes of a token that are indexed
NEAR_DIGITS_MAX = 214748363


class Parser(Struct):
    """A query that is being parsed."""

    lexer: Lexer.embed
    arena: Arena
    config: FtsConfig
    tokenizer: Tokenizer
    depth: i32
    phrases: Phrase  # all that the query has
    last: Phrase
    inexact: i32  # 1: the index alone does not say which rows match


def parse_query(ps: Parser, text: ptr[u8], n: i32) -> Node:
    """The tree of a query; ps: arena, config and tokenizer are set, the rest is 0. Errors: SQLITE_ERROR."""
    if n and text[0] == 42:
        raise_special(ps, text, n)
    lexer_start(ps.lexer, ps.arena, text, n)
    node: Node = parse_or(ps)
    if ps.lexer.kind != END:
        raise_syntax(ps.lexer)
    return node


def raise_special(ps: Parser, text: ptr[u8], n: i32) -> None:
    """Raise "unknown special query: …": none of those that begin with an asterisk is of any use."""
    at: i32 = 1
    n = terminated_size(text, n)
    while at < n and text[at] == 32:
        at += 1
    end: i32 = at
    while end < n and text[end] != 32:
        end += 1
    raise_about(ps.arena, *lit(b"unknown special query: "), text + at, end - at, *lit(b""))


def parse_or(ps: Parser) -> Node:
    """Operands of OR."""
    node: Node = parse_and(ps)
    while ps.lexer.kind == WORD_OR:
        advance(ps.lexer)
        ps.depth += 2
        node = join(ps.arena, OR, node, parse_and(ps))
        ps.depth -= 2
    return node


def parse_and(ps: Parser) -> Node:
    """Operands of AND."""
    node: Node = parse_not(ps)
    while ps.lexer.kind == WORD_AND:
        advance(ps.lexer)
        ps.depth += 2
        node = join(ps.arena, AND, node, parse_not(ps))
        ps.depth -= 2
    return node


def parse_not(ps: Parser) -> Node:
    """Operands of NOT."""
    node: Node = parse_primary(ps)
    while ps.lexer.kind == WORD_NOT:
        advance(ps.lexer)
        ps.depth += 2
        node = join(ps.arena, NOT, node, parse_primary(ps))
        ps.depth -= 2
    return node


def parse_group(ps: Parser) -> Node:
    """( query ), from the parenthesis on."""
    ps.depth += 1
    if ps.depth > STACK_MAX:
        raise_error(SQLITE_ERROR, *lit(b"fts5: parser stack overflow"))
    advance(ps.lexer)
    node: Node = parse_or(ps)
    if ps.lexer.kind != 41:
        raise_syntax(ps.lexer)
    advance(ps.lexer)
    ps.depth -= 1
    return node


def parse_primary(ps: Parser) -> Node:
    """A group, or phrases that all must be there."""
    lx: Lexer = ps.lexer
    if lx.kind == 40:
        return parse_group(ps)
    columns: ptr[u8] = parse_columns(ps)
    if columns != None and lx.kind == 40:  # noqa: E711
        ps.depth += 2
        group: Node = parse_group(ps)
        ps.depth -= 2
        restrict(ps, group, columns)
        return group
    node: Node = parse_phrases(ps, columns)
    while lx.kind == STRING or lx.kind == 94 or lx.kind == 45 or lx.kind == 123:
        columns = parse_columns(ps)
        right: Node = parse_phrases(ps, columns)
        if right.kind == NOTHING:
            continue
        if node.kind == NOTHING:
            node = right
        elif node.kind == AND:
            append_child(node, right)
        else:
            node = join(ps.arena, AND, node, right)
    return node


# --- columns -------------------------------------------------------------------------------------------------


def parse_columns(ps: Parser) -> ptr[u8]:
    """A list of columns and its colon, if there is one: Node.columns."""
    lx: Lexer = ps.lexer
    if lx.kind == STRING:
        if peek(lx) != 58:
            return ptr[u8](0)
    elif lx.kind != 45 and lx.kind != 123:
        return ptr[u8](0)
    n: i32 = ps.config.n_columns
    columns: ptr[u8] = arena_alloc(ps.arena, n)
    memory_fill(columns, 0, n)
    others: bool = lx.kind == 45
    if others:
        advance(lx)
    if lx.kind == 123:
        advance(lx)
        name_column(ps, columns)
        while lx.kind != 125:
            name_column(ps, columns)
        advance(lx)
    else:
        name_column(ps, columns)
    if others:
        for i in range(n):
            columns[i] = 1 - columns[i]
    if lx.kind != 58:
        raise_syntax(lx)
    advance(lx)
    return columns


def check_columns(ps: Parser) -> None:
    """Raise SQLITE_ERROR if there are no columns to look at."""
    if ps.config.detail == DETAIL_NONE:
        raise_error(SQLITE_ERROR, *lit(b"fts5: column queries are not supported (detail=none)"))


def name_column(ps: Parser, columns: ptr[u8]) -> None:
    """A column's name."""
    lx: Lexer = ps.lexer
    if lx.kind != STRING:
        raise_syntax(lx)
    p, n = unquoted(lx)
    column: i32 = find_column(ps.config, p, n)
    if column < 0:
        raise_about(ps.arena, *lit(b"no such column: "), p, n, *lit(b""))
    columns[column] = 1
    advance(lx)


def restrict(ps: Parser, node: Node, columns: ptr[u8]) -> None:
    """Only these columns count in all of a tree."""
    check_columns(ps)
    if node.kind == PHRASES or node.kind == RANGE:
        if node.columns == None:  # noqa: E711
            node.columns = columns
        else:
            both: ptr[u8] = arena_alloc(ps.arena, ps.config.n_columns)
            for i in range(ps.config.n_columns):
                both[i] = node.columns[i] & columns[i]
            node.columns = both
    child: Node = node.children
    while child:
        restrict(ps, child, columns)
        child = child.next


# --- phrases ---------------------------------------------------------------------------------------------------


def parse_phrases(ps: Parser, columns: ptr[u8]) -> Node:
    """A phrase, or phrases near each other."""
    lx: Lexer = ps.lexer
    node: Node = node_new(ps.arena, PHRASES)
    node.n_columns = ps.config.n_columns
    node.columns = columns
    node.near = DEFAULT_NEAR
    if lx.kind == STRING and peek(lx) == 40:
        parse_near(ps, node)
    else:
        initial: i32 = 0
        if lx.kind == 94:
            initial = 1
            advance(lx)
        add_phrase(ps, node)
        node.phrases.initial = initial
    finish_phrases(ps, node)
    return node


def parse_near(ps: Parser, node: Node) -> None:
    """NEAR(…), from its name on; that the name is another one is noticed at the end."""
    lx: Lexer = ps.lexer
    is_near: bool = is_word(lx, *lit(b"NEAR"))
    name: i32 = lx.start
    name_end: i32 = lx.at
    advance(lx)
    advance(lx)
    add_phrase(ps, node)
    while lx.kind == STRING:
        add_phrase(ps, node)
    number: i32 = 0
    number_end: i32 = 0
    if lx.kind == 44:
        advance(lx)
        if lx.kind != STRING:
            raise_syntax(lx)
        number = lx.start
        number_end = lx.at
        advance(lx)
    if lx.kind != 41:
        raise_syntax(lx)
    if not is_near:
        raise_about(ps.arena, *lit(b'fts5: syntax error near "'), lx.text + name, name_end - name, *lit(b'"'))
    if number_end:
        node.near = near_distance(ps, lx.text + number, number_end - number)
    advance(lx)


def near_distance(ps: Parser, p: ptr[u8], n: i32) -> i32:
    """The number of NEAR."""
    value: i32 = 0
    for i in range(n):
        digit: i32 = i32(p[i]) - 48
        if digit < 0 or digit > 9:
            raise_about(ps.arena, *lit(b'expected integer, got "'), p, n, *lit(b'"'))
        if value < NEAR_DIGITS_MAX:
            value = value * 10 + digit
    return value


def add_phrase(ps: Parser, node: Node) -> None:
    """A phrase; of several without tokens a node keeps none but the last."""
    lx: Lexer = ps.lexer
    phrase: Phrase = Phrase(arena_alloc(ps.arena, sizeof(Phrase)))
    memory_fill(phrase, 0, sizeof(Phrase))
    phrase.node = node
    while True:
        if lx.kind != STRING:
            raise_syntax(lx)
        text, n = unquoted(lx)
        add_terms(ps, phrase, text, n)
        advance(lx)
        if lx.kind == 42:
            if phrase.last:
                phrase.last.prefix = 1
            advance(lx)
        if lx.kind != 43:
            break
        advance(lx)
    # Among several phrases those without tokens do not count.
    if node.phrases:
        if phrase.n_terms == 0:
            return
        if node.phrases.n_terms == 0:
            node.phrases = None
            node.n_phrases = 0
    append_phrase(node, phrase)


def append_phrase(node: Node, phrase: Phrase) -> None:
    """Add a phrase behind the others of a node."""
    node.n_phrases += 1
    if node.phrases == None:  # noqa: E711
        node.phrases = phrase
        return
    at: Phrase = node.phrases
    while at.next:
        at = at.next
    at.next = phrase


def add_terms(ps: Parser, phrase: Phrase, text: ptr[u8], n: i32) -> None:
    """The tokens of a text."""
    t: Tokenizer = ps.tokenizer
    token_start(t, text, n)
    while token_next(t):
        _ = term_new(ps, phrase)


def term_new(ps: Parser, phrase: Phrase) -> Term:
    """Add the tokenizer's token to a phrase."""
    t: Tokenizer = ps.tokenizer
    size: i32 = t.size if t.size < TOKEN_MAX else TOKEN_MAX
    if ps.config.tokendata:
        size = terminated_size(t.token, size)
    term: Term = Term(arena_alloc(ps.arena, sizeof(Term)))
    memory_fill(term, 0, sizeof(Term))
    term.text = arena_alloc(ps.arena, size + 8)
    term.text[0] = MAIN_INDEX
    memory_copy(term.text + 1, t.token, size)
    term.size = size + 1
    if phrase.last:
        phrase.last.next = term
    else:
        phrase.terms = term
    phrase.last = term
    phrase.n_terms += 1
    return term


def finish_phrases(ps: Parser, node: Node) -> None:
    """A node's phrases are complete."""
    only: Phrase = node.phrases
    if ps.config.detail != DETAIL_FULL:
        if node.n_phrases > 1:
            raise_error(SQLITE_ERROR, *lit(b"fts5: NEAR queries are not supported (detail!=full)"))
        if only.n_terms > 1 or (only.n_terms == 1 and only.initial):
            raise_error(SQLITE_ERROR, *lit(b"fts5: phrase queries are not supported (detail!=full)"))
        if node.columns != None:  # noqa: E711
            check_columns(ps)
    if only.n_terms == 0:
        node.kind = NOTHING
        return
    while only:
        if ps.last:
            ps.last.later = only
        else:
            ps.phrases = only
        ps.last = only
        only = only.next
