"""Text into tokens, and tokens into the key of the Program cache.

`tokenize` reads one statement with a single compiled regular expression. A token's *kind* is a string: an operator
or a keyword is its own kind in canonical spelling ('<>' for !=, 'SELECT' for select); everything else has
one of the kinds in angle brackets below, which no operator and no keyword can be.

Lists that hold nothing but literals become one token: the rows of `VALUES (1, 'a'), (2, 'b'), …` one of kind ROWS,
the members of `IN (1, 2, 3)` one of a kind that says what they are (LISTS). Its literal is the tuple of all rows; a
member is a row of one. So a bulk INSERT costs neither tokens nor nodes, and no key grows with a list.

Numbered invariants:
L1  kinds, texts, starts and ends run in parallel; offsets are characters; three END tokens close them.
L2  `literals[n]` is the value of the literal with ordinal n, `literal_at[n]` the index of its token.
L3  Two statements with equal keys have equal token sequences but for the values of their literals.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from turso_wasm.base.characters import ID_CHAR
from turso_wasm.sql.keywords import CONTEXTUAL, FALLBACK, JOIN_WORDS, KEYWORDS
from turso_wasm.sql.literals import ListKind, LiteralValue, list_kind

# --- kinds -----------------------------------------------------------------------------------------------------------

ID: Final = "<id>"
STRING: Final = "<text>"
INTEGER: Final = "<integer>"
REAL: Final = "<real>"
BLOB: Final = "<blob>"
ROWS: Final = "<rows>"
LISTS: Final[dict[ListKind, str]] = {
    "integers": "<integers>",
    "numbers": "<numbers>",
    "texts": "<texts>",
    "mixed": "<list>",
}
VARIABLE: Final = "<variable>"
TWO_TO_63: Final = "<9223372036854775808>"  # decimal; an integer only behind a minus sign
MIN_INTEGER: Final = "<0x8000000000000000>"  # hexadecimal; not allowed behind a minus sign
BAD_NUMBER: Final = "<bad number>"  # a digit separator that does not separate digits, or too long a hexadecimal
ILLEGAL: Final = "<illegal>"
END: Final = "<end>"

Literal: TypeAlias = LiteralValue | tuple[tuple[LiteralValue, ...], ...]
"""A lifted value: of one literal, or all rows of a list."""

_SPACE = r"[ \t\n\f\r\ufeff]*+"
_GAP = rf"{_SPACE}(?:(?:--[^\n\0]*+|/\*(?=[^\0])(?:[^*\0]++|\*(?!/))*+(?:\*/)?){_SPACE})*+"
_NUMBER = r"(?>0[xX][0-9a-fA-F][0-9a-fA-F_]*|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?)"

_TOKEN = re.compile(
    rf"""
    {_GAP}
    (?:
      ( (?![0-9$\ufeff]|[xX]') {ID_CHAR}++ )                                                              # 1 word
    | ( [(),;*=+~&%] (?<!=)|==?|->>?|-|/|<[=><]?|>[=>]?|!=|\|\|?|@>|\.(?![0-9]) )                         # 2 operator
    | ( {_NUMBER} (?!{ID_CHAR}) )                                                                        # 3 number
    | ( '(?:[^'\0]++|'')*+' )                                                                             # 4 string
    | ( "(?:[^"\0]++|"")*+" | `(?:[^`\0]++|``)*+` | \[[^]\0]*+\] )                                        # 5 quoted id
    | ( \?[0-9]*+ | (?>[$@:\#](?:::)*{ID_CHAR}(?:{ID_CHAR}|::)*) (?:\([^)\s\0]*+\)|(?!\()) )            # 6 variable
    | ( [xX]'(?:[0-9a-fA-F]{{2}})*+' )                                                                    # 7 blob
    | ( {_NUMBER}{ID_CHAR}++ | ['"`\[][^\0]*+ | [xX]'[^'\0]*+'?
      | [$@:\#](?:::)*+ (?:{ID_CHAR}(?:{ID_CHAR}|::)*+ \([^)\s\0]*+)? | [^\0] )                         # 8 illegal
    | ( (?:\0.*)?\Z )                                                                                     # 9 end
    )""",
    re.VERBOSE | re.DOTALL,
)
_WORD, _OPERATOR, _NUMBER_GROUP, _STRING, _QUOTED, _VARIABLE, _BLOB, _ILLEGAL = range(1, 9)

_OPERATORS = "( ) , ; * = + ~ & % -> ->> - / < <= <> << > >= >> | || @> .".split()  # noqa: SIM905
_KINDS: Final[dict[str, str]] = {
    **{spelled: word for word in KEYWORDS - CONTEXTUAL for spelled in (word, word.lower(), word.capitalize())},
    **{op: op for op in _OPERATORS},
    "==": "=",
    "!=": "<>",
    "TEMPORARY": "TEMP",
    "temporary": "TEMP",
    "Temporary": "TEMP",
}
_UPPER_KINDS: Final = {word: word for word in KEYWORDS} | {"TEMPORARY": "TEMP"}

_LITERAL = rf"""(?:(?:[-+]{_SPACE})?{_NUMBER}(?!{ID_CHAR})|'(?:[^'\0]++|'')*+'|[xX]'(?:[0-9a-fA-F]{{2}})*+'
                |[nN][uU][lL][lL](?!{ID_CHAR}))"""
_ROW = re.compile(rf"{_GAP}\({_SPACE}({_LITERAL}{_SPACE}(?:,{_SPACE}{_LITERAL}{_SPACE})*+)\){_SPACE}(,?)", re.VERBOSE)
_ITEM = re.compile(_LITERAL, re.VERBOSE)


_PADDING: Final = 3  # END tokens behind the last one, so that the parser may look ahead without asking


class Tokens:
    """The tokens of one statement (L1, L2).

    end: the offset behind its ';', or of the end of the text. count: of tokens, without END.
    is_open_trigger: it is a CREATE TRIGGER that is not finished.
    """

    __slots__ = ("count", "end", "ends", "is_open_trigger", "kinds", "literal_at", "literals", "sql", "starts", "texts")

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.count = 0
        self.kinds: list[str] = []
        self.texts: list[str] = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.literals: list[Literal] = []
        self.literal_at: list[int] = []
        self.end = 0
        self.is_open_trigger = False


def tokenize(sql: str, start: int = 0) -> Tokens:
    """The tokens of the statement that begins at or behind `start`, up to and with its ';'.

    A CREATE TRIGGER reaches to the `;` behind its END. A token that SQLite does not know has kind ILLEGAL and is
    the last one. A NUL character ends the text, as in SQLite. Never raises.
    """
    tokens = Tokens(sql)
    end = _scan(tokens, start)
    kinds = tokens.kinds
    n_before = 0
    while _is_open_trigger(kinds) and kinds[-1] == ";" and len(kinds) > n_before:
        n_before = len(kinds)
        end = _scan(tokens, end)
    tokens.is_open_trigger = _is_open_trigger(kinds)
    _close(tokens, end)
    return tokens


def tokenize_statement(sql: str, start: int) -> Tokens:
    """The tokens of the first statement from character `start` on, empty ones left out."""
    tokens = tokenize(sql, start)
    while tokens.kinds[0] == ";":
        tokens = tokenize(sql, tokens.end)
    return tokens


def extend(tokens: Tokens) -> None:
    """Read on behind the ';' that ended the tokens, to the next one: a module's arguments may hold any token."""
    for tokens_of in (tokens.kinds, tokens.texts, tokens.starts, tokens.ends):
        del tokens_of[-_PADDING:]
    _close(tokens, _scan(tokens, tokens.end))


def _close(tokens: Tokens, end: int) -> None:
    tokens.end = end
    tokens.count = len(tokens.kinds)
    tokens.kinds.extend([END] * _PADDING)
    tokens.texts.extend([""] * _PADDING)
    tokens.starts.extend([end] * _PADDING)
    tokens.ends.extend([end] * _PADDING)


_AS_WRITTEN: Final = frozenset({ID, VARIABLE})


def normalize(tokens: Tokens) -> tuple[str, list[Literal]]:
    """The statement's cache key and the values of the literals that the key leaves out, in order (L2, L3).

    The key is the text without comments and extra space, with keywords in upper case, identifiers as written,
    and each literal replaced by its kind. A literal that is no value to the grammar (a type's length, a quoted
    alias) is listed like the others, so a Program must remember the values of all literals that it does not read
    at run time.
    """
    pairs = zip(tokens.kinds, tokens.texts, strict=True)
    parts = [text if kind in _AS_WRITTEN else kind for kind, text in pairs]
    del parts[-_PADDING:]
    if parts and parts[-1] == ";":
        parts.pop()
    return " ".join(parts), tokens.literals


def dequote(text: str) -> str:
    """The name or string that a token spells: quotes removed, doubled quotes made single."""
    quote = text[:1]
    if quote == "'" or quote == '"' or quote == "`":
        body = text[1:-1]
        return body.replace(quote * 2, quote) if quote in body else body
    return text[1:-1] if quote == "[" else text


def dequote_start(text: str) -> str:
    """A text that starts with a quoted name is that name alone, whatever follows: so SQLite reads a type or a label."""
    quote = text[:1]
    if not quote or quote not in "'\"`[":
        return text
    close = "]" if quote == "[" else quote
    at = 1
    name = []
    while at < len(text):
        if text[at] == close:
            if text[at + 1 : at + 2] != close or quote == "[":
                break
            at += 1
        name.append(text[at])
        at += 1
    return "".join(name)


# --- scanning --------------------------------------------------------------------------------------------------------


def _scan(tokens: Tokens, at: int) -> int:
    """Append tokens from `at` up to and with the next ';', or to the end. Returns the offset behind the last one."""
    sql, kinds, texts, starts, ends = tokens.sql, tokens.kinds, tokens.texts, tokens.starts, tokens.ends
    first = len(kinds)
    contextual = False
    stop = False
    while not stop:
        stop = True
        for match in _TOKEN.finditer(sql, at):
            group = match.lastindex
            text = match[group]  # type: ignore[index]
            kind = _KINDS.get(text)
            if kind is None:
                if group == _WORD:
                    kind = _UPPER_KINDS.get(text.upper(), ID)
                    if kind is not ID:
                        contextual = contextual or kind in CONTEXTUAL
                        kind = kind if text.isascii() and kind not in CONTEXTUAL else ID
                elif group == _QUOTED:
                    kind = ID
                elif group == _VARIABLE:
                    kind = VARIABLE
                elif group <= _BLOB:  # type: ignore[operator]
                    kind = _literal(tokens, text, group)  # type: ignore[arg-type]
                elif group == _ILLEGAL:
                    kind = ILLEGAL
                else:
                    at = match.end()
                    break
            start, at = match.span(group)  # type: ignore[arg-type]
            kinds.append(kind)
            texts.append(text)
            starts.append(start)
            ends.append(at)
            if kind == ";" or kind == ILLEGAL:
                break
            if kind == "VALUES" or kind == "IN":
                list_ = _literal_rows(sql, at) if kind == "VALUES" else _literal_members(sql, at)
                if list_ is not None:
                    at = _append_list(tokens, *list_)
                    stop = False
                    break
    if contextual:
        _resolve_contextual(tokens, first)
    return at


def _literal(tokens: Tokens, text: str, group: int) -> str:
    """Note the value of a literal token, unless the value is part of the key; return the token's kind."""
    value: Literal
    if group == _STRING:
        kind, value = STRING, dequote(text)
    elif group == _BLOB:
        kind, value = BLOB, bytes.fromhex(text[2:-1])
    else:
        number = parse_number(text)
        if number is None:
            return BAD_NUMBER
        if number == 2**63 and isinstance(number, int):
            return TWO_TO_63
        if number == -(2**63):
            return MIN_INTEGER
        kind, value = (INTEGER if isinstance(number, int) else REAL), number
    tokens.literals.append(value)
    tokens.literal_at.append(len(tokens.kinds))
    return kind


def parse_number(text: str) -> int | float | None:
    """The value of a numeric token: an int below 2**63 or 2**63 itself, else a float. None: SQLite refuses it.

    Hexadecimal numbers of up to 16 digits wrap around to 64 bits, signed.
    """
    if "_" in text:
        if not _SEPARATED.fullmatch(text):
            return None
        text = text.replace("_", "")
    if text.isdigit():
        value = int(text) if len(text) < 20 else 2**64
        return value if value <= 2**63 else float(text)
    if text[1] == "x" or text[1] == "X":
        digits = text[2:].lstrip("0")
        if len(digits) > 16:
            return None
        value = int(digits or "0", 16)
        return value - 2**64 if value >= 2**63 else value
    return float(text)


_SEPARATED = re.compile(
    r"0[xX][0-9a-fA-F]+(?:_[0-9a-fA-F]+)*"
    r"|(?:[0-9]+(?:_[0-9]+)*(?:\.(?:[0-9]+(?:_[0-9]+)*)?)?|\.[0-9]+(?:_[0-9]+)*)(?:[eE][+-]?[0-9]+(?:_[0-9]+)*)?"
)

# --- lists of literals -----------------------------------------------------------------------------------------------


_Rows: TypeAlias = tuple[tuple[LiteralValue, ...], ...]


def _literal_members(sql: str, at: int) -> tuple[str, _Rows, int, int] | None:
    """(kind, rows, start, end) of two or more literals in parentheses; `IN (1)` is as good as an equality."""
    match = _ROW.match(sql, at)
    if match is None:
        return None
    members = [_literal_value(item) for item in _ITEM.findall(match[1])]
    if len(members) < 2 or _BAD in members:
        return None
    start = sql.rindex("(", at, match.start(1))
    end = sql.index(")", match.end(1)) + 1
    return LISTS[list_kind(members)], tuple([(member,) for member in members]), start, end


def _literal_rows(sql: str, at: int) -> tuple[str, _Rows, int, int] | None:
    """(kind, rows, start, end) of two or more rows of literals, all of one width, that are all there is of a VALUES."""
    match = _ROW.match(sql, at)
    if match is None or not match[2]:
        return None
    start = match.start(1)
    start = sql.rindex("(", at, start)
    rows: list[tuple[LiteralValue, ...]] = []
    while match is not None:
        row = tuple([_literal_value(item) for item in _ITEM.findall(match[1])])
        if (rows and len(row) != len(rows[0])) or _BAD in row:
            return None
        rows.append(row)
        if not match[2]:
            return ROWS, tuple(rows), start, sql.rindex(")", start, match.end()) + 1
        match = _ROW.match(sql, match.end())
    return None


_BAD: Final = object()  # a number that the parser must complain about


def _literal_value(text: str) -> LiteralValue:
    first = text[0]
    if first == "'":
        return dequote(text)
    if first in "nN":
        return None
    if first in "xX":
        return bytes.fromhex(text[2:-1])
    if first in "-+":
        number = parse_number(text[1:].lstrip(" \t\n\f\r\ufeff"))
        if number is None or number == -(2**63):
            return _BAD  # type: ignore[return-value]
        if first == "-":
            return -number
    else:
        number = parse_number(text)
        if number is None:
            return _BAD  # type: ignore[return-value]
    return float(number) if number == 2**63 else number


def _append_list(tokens: Tokens, kind: str, rows: _Rows, start: int, end: int) -> int:
    tokens.literals.append(rows)
    tokens.literal_at.append(len(tokens.kinds))
    tokens.kinds.append(kind)
    tokens.texts.append(tokens.sql[start:end])
    tokens.starts.append(start)
    tokens.ends.append(end)
    return end


# --- keywords that depend on their neighbours ------------------------------------------------------------------------

NAME_AFTER_OVER: Final = FALLBACK | JOIN_WORDS | {ID, STRING, "TEMP"}


def _resolve_contextual(tokens: Tokens, first: int) -> None:
    """Give FILTER, OVER and WINDOW their kinds: FILTER in `) FILTER (`, OVER in `) OVER (` or `) OVER name`,
    WINDOW in `WINDOW name AS`; they are identifiers otherwise.
    """
    kinds = tokens.kinds
    words = [text.upper() if text.isascii() else text for text in tokens.texts[first:]] + ["", "", ""]
    padded = [*kinds[first:], END, END]
    for i in range(len(kinds) - first):
        word = words[i]
        if word not in CONTEXTUAL:
            continue
        next_is_name = padded[i + 1] in NAME_AFTER_OVER and words[i + 1] != "FILTER"
        if word == "WINDOW":
            keyword = next_is_name and padded[i + 2] == "AS"
        else:
            keyword = i > 0 and padded[i - 1] == ")"
            keyword = keyword and (padded[i + 1] == "(" or (word == "OVER" and next_is_name))
        if keyword:
            kinds[first + i] = word


def _is_open_trigger(kinds: list[str]) -> bool:
    """True if the tokens are those of a CREATE TRIGGER (or EXPLAIN of one) that has not come to its END yet."""
    at = 0
    if kinds[:1] == ["EXPLAIN"]:
        at = 3 if kinds[1:3] == ["QUERY", "PLAN"] else 2 if kinds[1:2] == [ID] else 1
    if kinds[at : at + 1] != ["CREATE"]:
        return False
    at += 2 if kinds[at + 1 : at + 2] == ["TEMP"] else 1
    return kinds[at : at + 1] == ["TRIGGER"] and kinds[-3:] != [";", "END", ";"]
