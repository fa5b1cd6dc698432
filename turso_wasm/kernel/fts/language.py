"""The query language of indexes USING fts (docs/full-text.md), as trees of kernel/fts/expression.py.

  query  := list { OR list }               list := { [ + | - | NOT ] and }       and := part { AND [ NOT ] part }
  part   := * | [ column : ] what [ ^ n ]
  what   := ( query ) | " phrase " [ * | ~ n ] | word [ * | ~ n ] | range | IN [ word … ]
  range  := [ word TO word ] | { word TO word } | > word | >= word | < word | <= word

What stands side by side is alternatives, but for what + says must be there and - or NOT says must not. A backslash
takes the next character for a letter.

Source: https://docs.turso.tech/sql-reference/functions/fts, observed behaviour of Turso 0.8.3, and what it promises.
"""

from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.memory import arena_alloc
from turso_wasm.kernel.fts.bytes import Bytes, bytes_add, bytes_init, bytes_put
from turso_wasm.kernel.fts.config import find_column
from turso_wasm.kernel.fts.expression import (
    ALL,
    AND,
    NOT,
    NOTHING,
    OR,
    PHRASES,
    RANGE,
    Node,
    Phrase,
    Term,
    hide,
    join,
    node_new,
)
from turso_wasm.kernel.fts.lexer import Lexer
from turso_wasm.kernel.fts.parse import Parser, add_terms, append_phrase, finish_phrases, restrict, term_new
from turso_wasm.kernel.fts.tokenize import token_next, token_start
from turso_wasm.kernel.values.number import text_to_number
from turso_wasm.kernel.values.value import to_real
from turso_wasm.wasm.lang import f64, i32, i64, lit, memory_fill, ptr, scratch, sizeof, u8

__subset__ = True

SIZE_MAX = 16384
DEPTH_MAX = 64
FUZZY_MAX = 2


def parse_language(ps: Parser, text: ptr[u8], n: i32) -> Node:
    """The tree of a query; ps: arena, config and tokenizer are set, the rest is 0. Errors: SQLITE_ERROR."""
    lx: Lexer = ps.lexer
    lx.arena = ps.arena
    lx.text = text
    lx.n = n
    lx.at = 0
    if n > SIZE_MAX:
        raise_error(SQLITE_ERROR, *lit(b"fts: a query has 16384 bytes at most"))
    skip_space(lx)
    if lx.at >= lx.n:
        return node_new(ps.arena, NOTHING)
    node: Node = parse_query_of(ps)
    if lx.at < lx.n:
        raise_at(lx, *lit(b"fts: unbalanced ) "), lx.at)
    return node


def parse_marked(ps: Parser, text: ptr[u8], n: i32) -> Node:
    """As parse_language, of a text that begins with the bit set of the columns that are searched, and U+0001."""
    searched: i64 = 0
    at: i32 = 0
    sign: i64 = 1
    while at < n and text[at] != 1:
        if text[at] == 45:
            sign = -1
        else:
            searched = searched * 10 + i64(text[at]) - 48
        at += 1
    node: Node = parse_language(ps, text + at + 1, n - at - 1)
    restrict_to(ps, node, searched * sign)
    return node


def restrict_to(ps: Parser, node: Node, searched: i64) -> None:
    """Only the columns of a bit set count, -1: all."""
    if searched == -1:
        return
    columns: ptr[u8] = no_columns(ps)
    for column in range(ps.config.n_columns):
        columns[column] = 1 if column < 63 and (searched >> i64(column)) & 1 else 0
    restrict(ps, node, columns)


def no_columns(ps: Parser) -> ptr[u8]:
    """Node.columns of none."""
    columns: ptr[u8] = arena_alloc(ps.arena, ps.config.n_columns)
    memory_fill(columns, 0, ps.config.n_columns)
    return columns


def raise_at(lx: Lexer, message: ptr[u8], n: i32, at: i32) -> None:
    """Raise an error that says where, in characters from 1 on."""
    b: Bytes = Bytes(scratch(sizeof(Bytes)))
    bytes_init(b, lx.arena)
    bytes_add(b, message, n)
    bytes_add(b, *lit(b"at character "))
    place: i32 = 1
    for i in range(at):
        if lx.text[i] & 0xC0 != 0x80:
            place += 1
    power: i32 = 1
    while power * 10 <= place:
        power *= 10
    while power:
        bytes_put(b, 48 + place // power % 10)
        power = power // 10
    raise_error(SQLITE_ERROR, b.data, b.size)


def raise_column(lx: Lexer, start: i32, end: i32) -> None:
    """Raise "fts: unknown field: x"."""
    b: Bytes = Bytes(scratch(sizeof(Bytes)))
    bytes_init(b, lx.arena)
    bytes_add(b, *lit(b"fts: unknown field: "))
    for i in range(start, end):
        bytes_put(b, lx.text[i])
    raise_error(SQLITE_ERROR, b.data, b.size)


# --- characters ------------------------------------------------------------------------------------------------


def is_space(c: i32) -> bool:
    """Between words."""
    return c == 32 or (c >= 9 and c <= 13)


def skip_space(lx: Lexer) -> None:
    """Go to the next character that is not a space."""
    while lx.at < lx.n and is_space(lx.text[lx.at]):
        lx.at += 1


def here(lx: Lexer) -> i32:
    """The next character; 0: the end."""
    return i32(lx.text[lx.at]) if lx.at < lx.n else 0


def ends_word(c: i32) -> bool:
    """Not part of a word."""
    if is_space(c) or c == 34 or c == 40 or c == 41 or c == 42 or c == 58:
        return True
    return c == 91 or c == 93 or c == 94 or c == 123 or c == 125 or c == 126


def at_word(lx: Lexer, word: ptr[u8], n: i32) -> bool:
    """Whether an operator stands here, in capitals and by itself."""
    if lx.at + n > lx.n:
        return False
    for i in range(n):
        if lx.text[lx.at + i] != word[i]:
            return False
    return lx.at + n == lx.n or is_space(lx.text[lx.at + n]) or lx.text[lx.at + n] == 40 or lx.text[lx.at + n] == 41


def take_operator(lx: Lexer, word: ptr[u8], n: i32) -> bool:
    """Whether it stands here; then it is behind us."""
    if not at_word(lx, word, n):
        return False
    lx.at += n
    skip_space(lx)
    return True


# --- operators -------------------------------------------------------------------------------------------------


def parse_query_of(ps: Parser) -> Node:
    """Lists with OR between them."""
    node: Node = parse_list(ps)
    while take_operator(ps.lexer, *lit(b"OR")):
        node = join(ps.arena, OR, node, parse_list(ps))
    return node


def add_to(ps: Parser, kind: i32, before: Node, node: Node) -> Node:
    """One more operand; before: null if there is none yet."""
    return join(ps.arena, kind, before, node) if before else node


def all_rows(ps: Parser) -> Node:
    """Every row."""
    return node_new(ps.arena, ALL)


def parse_list(ps: Parser) -> Node:
    """What must be, what may be, and what must not be there."""
    lx: Lexer = ps.lexer
    must: Node = None
    may: Node = None
    never: Node = None
    skip_space(lx)
    n: i32 = 0
    while lx.at < lx.n and here(lx) != 41 and not at_word(lx, *lit(b"OR")):
        sign, node = parse_and(ps)
        n += 1
        if sign > 0:
            must = add_to(ps, AND, must, node)
        elif sign < 0:
            never = add_to(ps, OR, never, node)
        else:
            may = add_to(ps, OR, may, node)
        skip_space(lx)
    if n == 0:
        raise_at(lx, *lit(b"fts: nothing to search for "), lx.at)
    node = may
    if must:
        # What may be there as well counts for the score alone.
        node = join(ps.arena, AND, must, join(ps.arena, OR, all_rows(ps), may)) if may else must
    if never:
        node = join(ps.arena, NOT, node if node else all_rows(ps), never)
    return node


def parse_and(ps: Parser) -> tuple[i32, Node]:
    """Parts with AND between them, and the sign if there is one only: 1: it must, -1: it must not be there."""
    lx: Lexer = ps.lexer
    sign, node = parse_signed(ps)
    skip_space(lx)
    if not at_word(lx, *lit(b"AND")):
        return sign, node
    all_of: Node = node if sign >= 0 else None
    never: Node = node if sign < 0 else None
    while take_operator(lx, *lit(b"AND")):
        sign, node = parse_signed(ps)
        if sign < 0:
            never = add_to(ps, OR, never, node)
        else:
            all_of = add_to(ps, AND, all_of, node)
        skip_space(lx)
    if never:
        return 0, join(ps.arena, NOT, all_of if all_of else all_rows(ps), never)
    return 0, all_of


def parse_signed(ps: Parser) -> tuple[i32, Node]:
    """A part behind signs."""
    lx: Lexer = ps.lexer
    sign: i32 = 0
    more: bool = True
    while more:
        skip_space(lx)
        more = True
        if take_operator(lx, *lit(b"NOT")):
            sign = -1 if sign >= 0 else 1
        elif here(lx) == 45:
            lx.at += 1
            sign = -1 if sign >= 0 else 1
        elif here(lx) == 43:
            lx.at += 1
            sign = 1 if sign == 0 else sign
        else:
            more = False
    node: Node = parse_part(ps)
    if sign < 0:
        hide(node)
    return sign, node


# --- parts -----------------------------------------------------------------------------------------------------


def parse_part(ps: Parser) -> Node:
    """A part, with its column and its boost."""
    lx: Lexer = ps.lexer
    ps.depth += 1
    if ps.depth > DEPTH_MAX:
        raise_error(SQLITE_ERROR, *lit(b"fts: a query is nested 64 deep at most"))
    columns: ptr[u8] = read_field(ps)
    node: Node = parse_atom(ps, columns != None)  # noqa: E711
    if columns:
        restrict(ps, node, columns)
    if here(lx) == 94:
        lx.at += 1
        boost(node, read_number(ps, *lit(b"fts: a number is missing behind ^ ")))
    ps.depth -= 1
    return node


def boost(node: Node, by: f64) -> None:
    """Its phrases count so many times."""
    phrase: Phrase = node.phrases
    while phrase:
        phrase.boost = by if phrase.boost == 0.0 else phrase.boost * by
        phrase = phrase.next
    child: Node = node.children
    while child:
        boost(child, by)
        child = child.next


def read_number(ps: Parser, message: ptr[u8], n: i32) -> f64:
    """Digits, maybe with a point."""
    lx: Lexer = ps.lexer
    start: i32 = lx.at
    while (here(lx) >= 48 and here(lx) <= 57) or here(lx) == 46:
        lx.at += 1
    if lx.at == start:
        raise_at(lx, message, n, start)
    tag, payload, _ = text_to_number(lx.text + start, lx.at - start)
    return to_real(tag, payload)


def read_field(ps: Parser) -> ptr[u8]:
    """A column and its colon, if there is one: Node.columns. Errors: "fts: unknown field: x"."""
    lx: Lexer = ps.lexer
    at: i32 = lx.at
    while at < lx.n and not ends_word(lx.text[at]) and lx.text[at] != 92:
        at += 1
    if at == lx.at or at >= lx.n or lx.text[at] != 58:
        return ptr[u8](0)
    column: i32 = find_column(ps.config, lx.text + lx.at, at - lx.at)
    if column < 0:
        raise_column(lx, lx.at, at)
    columns: ptr[u8] = no_columns(ps)
    columns[column] = 1
    lx.at = at + 1
    return columns


def parse_atom(ps: Parser, has_field: bool) -> Node:
    """A group, a phrase, a word, a range, a list of words, or all rows."""
    lx: Lexer = ps.lexer
    c: i32 = here(lx)
    start: i32 = lx.at
    if c == 40:
        lx.at += 1
        skip_space(lx)
        if lx.at >= lx.n:
            raise_at(lx, *lit(b"fts: unbalanced ( "), start)
        node: Node = parse_query_of(ps)
        if here(lx) != 41:
            raise_at(lx, *lit(b"fts: unbalanced ( "), start)
        lx.at += 1
        return node
    if c == 34:
        return parse_phrase(ps)
    if c == 42:
        lx.at += 1
        return all_rows(ps)
    if c == 91 or c == 123:
        return parse_range(ps)
    if has_field and (c == 60 or c == 62):
        return parse_half_range(ps)
    if has_field and take_operator_before(lx, *lit(b"IN")):
        return parse_words(ps)
    if c == 0 or ends_word(c) or at_word(lx, *lit(b"AND")) or at_word(lx, *lit(b"OR")):
        raise_at(lx, *lit(b"fts: nothing to search for "), start)
    return parse_word(ps)


def take_operator_before(lx: Lexer, word: ptr[u8], n: i32) -> bool:
    """Whether a word stands here with a bracket behind it, which is next then."""
    start: i32 = lx.at
    for i in range(n):
        if lx.at + i >= lx.n or lx.text[lx.at + i] != word[i]:
            return False
    lx.at += n
    skip_space(lx)
    if here(lx) == 91:
        return True
    lx.at = start
    return False


def new_phrase(ps: Parser) -> Phrase:
    """A phrase in a node of its own."""
    node: Node = node_new(ps.arena, PHRASES)
    node.n_columns = ps.config.n_columns
    phrase: Phrase = Phrase(arena_alloc(ps.arena, sizeof(Phrase)))
    memory_fill(phrase, 0, sizeof(Phrase))
    phrase.node = node
    append_phrase(node, phrase)
    return phrase


def read_text(ps: Parser, quoted: bool) -> tuple[ptr[u8], i32]:
    """A word, or what is in quotes, without backslashes."""
    lx: Lexer = ps.lexer
    out: ptr[u8] = arena_alloc(ps.arena, lx.n - lx.at + 8)
    n: i32 = 0
    while lx.at < lx.n:
        c: i32 = lx.text[lx.at]
        if c == 34 if quoted else ends_word(c):
            break
        if c == 92 and lx.at + 1 < lx.n:
            lx.at += 1
        out[n] = lx.text[lx.at]
        n += 1
        lx.at += 1
    return out, n


def parse_phrase(ps: Parser) -> Node:
    """What is in quotes; a star behind it, or a ~ and how many words may stand between."""
    lx: Lexer = ps.lexer
    start: i32 = lx.at
    lx.at += 1
    phrase: Phrase = new_phrase(ps)
    text, n = read_text(ps, True)
    if lx.at >= lx.n:
        raise_at(lx, *lit(b'fts: unbalanced " '), start)
    lx.at += 1
    add_terms(ps, phrase, text, n)
    if here(lx) == 42:
        lx.at += 1
        if phrase.last:
            phrase.last.prefix = 1
    elif here(lx) == 126:
        lx.at += 1
        phrase.slop = i32(read_number(ps, *lit(b"fts: a number is missing behind ~ ")))
        if phrase.slop:
            ps.inexact = 1
    finish_phrases(ps, phrase.node)
    return phrase.node


def parse_word(ps: Parser) -> Node:
    """A word, which may be several tokens; a star behind it, or a ~ and how many letters may be others."""
    lx: Lexer = ps.lexer
    phrase: Phrase = new_phrase(ps)
    text, n = read_text(ps, False)
    add_terms(ps, phrase, text, n)
    if here(lx) == 42:
        lx.at += 1
        if phrase.last:
            phrase.last.prefix = 1
    elif here(lx) == 126:
        lx.at += 1
        fuzzy: i32 = 1
        if here(lx) >= 48 and here(lx) <= 57:
            fuzzy = i32(lx.text[lx.at]) - 48
            lx.at += 1
        if fuzzy > FUZZY_MAX:
            raise_at(lx, *lit(b"fts: two letters at most may be others "), lx.at - 1)
        term: Term = phrase.terms
        while term:
            term.fuzzy = fuzzy
            term = term.next
        if fuzzy:
            ps.inexact = 1
    finish_phrases(ps, phrase.node)
    return phrase.node


def parse_words(ps: Parser) -> Node:
    """[ word … ]: any of them."""
    lx: Lexer = ps.lexer
    start: i32 = lx.at
    lx.at += 1
    skip_space(lx)
    node: Node = None
    while here(lx) != 93:
        if lx.at >= lx.n:
            raise_at(lx, *lit(b"fts: unbalanced [ "), start)
        if ends_word(here(lx)) and here(lx) != 34:
            raise_at(lx, *lit(b"fts: a word is missing "), lx.at)
        word: Node = parse_phrase(ps) if here(lx) == 34 else parse_word(ps)
        node = add_to(ps, OR, node, word)
        skip_space(lx)
    lx.at += 1
    return node if node else node_new(ps.arena, NOTHING)


# --- ranges ----------------------------------------------------------------------------------------------------


def new_range(ps: Parser) -> Node:
    """A range without bounds."""
    ps.inexact = 1
    node: Node = node_new(ps.arena, RANGE)
    node.n_columns = ps.config.n_columns
    return node


def read_bound(ps: Parser) -> Term:
    """A word as its first token; null: a star. Errors: there is neither."""
    lx: Lexer = ps.lexer
    skip_space(lx)
    start: i32 = lx.at
    if here(lx) == 42:
        lx.at += 1
        return Term(0)
    quoted: bool = here(lx) == 34
    lx.at += i32(quoted)
    text, n = read_text(ps, quoted)
    lx.at += i32(quoted)
    token_start(ps.tokenizer, text, n)
    if n == 0 or token_next(ps.tokenizer) == 0:
        raise_at(lx, *lit(b"fts: a word is missing "), start)
    return term_new(ps, new_phrase(ps))


def parse_range(ps: Parser) -> Node:
    """[ a TO b ], { a TO b }, [ a TO b }, { a TO b ]."""
    lx: Lexer = ps.lexer
    start: i32 = lx.at
    node: Node = new_range(ps)
    node.bounds = 1 if here(lx) == 91 else 0
    lx.at += 1
    node.lower = read_bound(ps)
    skip_space(lx)
    if not take_operator(lx, *lit(b"TO")):
        raise_at(lx, *lit(b"fts: TO is missing in a range "), lx.at)
    node.upper = read_bound(ps)
    skip_space(lx)
    if here(lx) == 93:
        node.bounds |= 2
    elif here(lx) != 125:
        raise_at(lx, *lit(b"fts: unbalanced bracket "), start)
    lx.at += 1
    return node


def parse_half_range(ps: Parser) -> Node:
    """> a, >= a, < a, <= a."""
    lx: Lexer = ps.lexer
    node: Node = new_range(ps)
    is_lower: bool = here(lx) == 62
    lx.at += 1
    if here(lx) == 61:
        lx.at += 1
        node.bounds = 3
    if is_lower:
        node.lower = read_bound(ps)
    else:
        node.upper = read_bound(ps)
    return node
