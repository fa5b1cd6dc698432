"""USING fts5(…): full-text search, in SQLite's format.

Owns what the arguments mean. The index is kernel/fts; its tables are %_data, %_idx, %_content, %_docsize, %_config.

Source: https://sqlite.org/fts5.html section 4, and observed behaviour of SQLite 3.54.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import field
from typing import Final, Literal

from turso_wasm.base.characters import BAREWORD
from turso_wasm.base.records import dataclass
from turso_wasm.catalog.modules.fts5_tokenizer import TokenizerOptions, tokenizer_options
from turso_wasm.catalog.modules.module import Declared, Module, Shadow, Using, column, hidden_column, refuse
from turso_wasm.catalog.names import fold
from turso_wasm.sql.lexer import dequote

Detail = Literal["full", "none", "column"]
DETAILS: Final[tuple[Detail, ...]] = ("full", "none", "column")
MAX_PREFIXES: Final = 31
_WORD: Final = rf"{BAREWORD}+"
_QUOTED: Final = r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^]]*\]"""
_COLUMN: Final = re.compile(rf"({_QUOTED}|{_WORD})\s*({_QUOTED}|{_WORD})?", re.DOTALL)
_OPTION: Final = re.compile(rf"({_WORD})\s*=\s*({_QUOTED}|[-+]?[0-9.]+|{_WORD}|)", re.DOTALL)


@dataclass(slots=True)
class Fts5Options:
    """What the arguments say. content: None: the table's own; "": none is kept; else the name of a table.
    content_rowid: the column of that table that is the rowid. unindexed: the numbers of columns that are only stored.
    """

    names: list[str] = field(default_factory=list)
    unindexed: set[int] = field(default_factory=set)
    prefixes: list[int] = field(default_factory=list)
    tokenizer: TokenizerOptions | None = None
    content: str | None = None
    content_rowid: str | None = None
    columnsize: bool = True
    detail: Detail = "full"
    contentless_delete: bool = False
    contentless_unindexed: bool = False
    locale: bool = False
    tokendata: bool = False
    weights: tuple[float, ...] = ()  # of indexes USING fts: what a hit in each column counts for, (): 1

    @property
    def stored(self) -> list[int]:
        """The columns that %_content has."""
        if self.content is None:
            return list(range(len(self.names)))
        return sorted(self.unindexed) if self.contentless_unindexed else []

    @property
    def located(self) -> list[int]:
        """The columns whose locales %_content has, behind those."""
        if not self.locale or self.content or not (self.content is None or self.contentless_unindexed):
            return []
        return [number for number in range(len(self.names)) if number not in self.unindexed]


def declare(using: Using) -> Declared:
    """The table that the arguments make. Errors: those of the functions below."""
    options = Fts5Options()
    for argument in using.arguments:
        _read(argument, options)
    if options.contentless_delete and options.content != "":
        raise refuse("contentless_delete=1 requires a contentless table")
    if options.contentless_delete and not options.columnsize:
        raise refuse("contentless_delete=1 is incompatible with columnsize=0")
    if options.contentless_unindexed and options.content != "":
        raise refuse("contentless_unindexed=1 requires a contentless table")
    names = [*options.names, using.name, "rank"]
    if not options.names or len({fold(name) for name in names}) < len(names):
        raise refuse(f"vtable constructor failed: {using.name}")
    options.tokenizer = options.tokenizer or TokenizerOptions()
    visible = [column(name) for name in options.names]
    hidden = [hidden_column(name) for name in names[-2:]]
    return Declared(
        columns=(*visible, *hidden),
        shadows=tuple(_shadows(using.name, options)),
        options=options,
        searched=len(visible),
        of_search=frozenset({len(visible) + 1}),
        tokenizer=options.tokenizer.needed,
    )


def _shadows(name: str, options: Fts5Options) -> Iterator[Shadow]:
    def shadow(suffix: str, columns: str) -> Shadow:
        return Shadow(suffix=suffix, sql=f"CREATE TABLE '{name.replace(chr(39), chr(39) * 2)}_{suffix}'({columns}")

    yield shadow("data", "id INTEGER PRIMARY KEY, block BLOB)")
    yield shadow("idx", "segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID")
    if options.content is None or options.stored:
        stored = "".join(f", c{number}" for number in options.stored)
        stored += "".join(f", l{number}" for number in options.located)
        yield shadow("content", f"id INTEGER PRIMARY KEY{stored})")
    if options.columnsize:
        origin = ", origin INTEGER" if options.contentless_delete else ""
        yield shadow("docsize", f"id INTEGER PRIMARY KEY, sz BLOB{origin})")
    yield shadow("config", "k PRIMARY KEY, v) WITHOUT ROWID")


# --- arguments ----------------------------------------------------------------------------------------------------


def _read(argument: str, options: Fts5Options) -> None:
    text = argument.strip()
    if not text:
        return
    found = _OPTION.fullmatch(text)
    if found is not None:
        _set(found[1], dequote(found[2]) if found[2][:1] in ("'", '"', "`", "[") else found[2], options)
        return
    found = _COLUMN.fullmatch(text)
    if found is None:
        raise refuse(f'parse error in "{text}"')
    name = _unquoted(found[1])
    if fold(name) in ("rank", "rowid"):
        raise refuse(f"reserved fts5 column name: {name}")
    if found[2] is not None:
        if fold(_unquoted(found[2])) != "unindexed":
            raise refuse(f"unrecognized column option: {_unquoted(found[2])}")
        options.unindexed.add(len(options.names))
    options.names.append(name)


def _unquoted(text: str) -> str:
    return dequote(text) if text[0] in ("'", '"', "`", "[") else text


def _set(name: str, value: str, options: Fts5Options) -> None:
    for option, setter in _SETTERS.items():
        if option.startswith(fold(name)):
            setter(value, options)
            return
    raise refuse(f'unrecognized option: "{name}"')


def _set_prefix(value: str, options: Fts5Options) -> None:
    for part in re.split(r"[ ,]+", value.strip(" ,")) if value.strip(" ,") else ():
        digits = re.match(r"[0-9]+", part)
        if digits is None:
            raise refuse("malformed prefix=... directive")
        if len(options.prefixes) == MAX_PREFIXES:
            raise refuse(f"too many prefix indexes (max {MAX_PREFIXES})")
        if not 1 <= int(digits[0]) <= 999:
            raise refuse("prefix length out of range (max 999)")
        if digits[0] != part:
            raise refuse("malformed prefix=... directive")
        options.prefixes.append(int(part))


def _set_tokenize(value: str, options: Fts5Options) -> None:
    if options.tokenizer is not None:
        raise refuse("multiple tokenize=... directives")
    options.tokenizer = tokenizer_options(value)


def _set_content(value: str, options: Fts5Options) -> None:
    if options.content is not None:
        raise refuse("multiple content=... directives")
    options.content = value


def _set_content_rowid(value: str, options: Fts5Options) -> None:
    if options.content_rowid is not None:
        raise refuse("multiple content_rowid=... directives")
    options.content_rowid = value


def _set_detail(value: str, options: Fts5Options) -> None:
    found = [detail for detail in DETAILS if value and detail.startswith(fold(value))]
    if not found:
        raise refuse("malformed detail=... directive")
    options.detail = found[0]


def _flag(name: str) -> Callable[[str, Fts5Options], None]:
    def setter(value: str, options: Fts5Options) -> None:
        if value not in ("0", "1"):
            raise refuse(f"malformed {name}=... directive")
        setattr(options, name, value == "1")

    return setter


_SETTERS: Final[dict[str, Callable[[str, Fts5Options], None]]] = {
    "prefix": _set_prefix,
    "tokenize": _set_tokenize,
    "content": _set_content,
    "contentless_delete": _flag("contentless_delete"),
    "contentless_unindexed": _flag("contentless_unindexed"),
    "content_rowid": _set_content_rowid,
    "columnsize": _flag("columnsize"),
    "locale": _flag("locale"),
    "tokendata": _flag("tokendata"),
    "detail": _set_detail,
}

FTS5: Final = Module(
    name="fts5",
    declare=declare,
    suffixes=frozenset({"data", "idx", "content", "docsize", "config"}),
    row_functions=frozenset({"bm25", "highlight", "snippet", "fts5_get_locale"}),
    conditions=frozenset({"match"}),
    drops_parts=True,
)
