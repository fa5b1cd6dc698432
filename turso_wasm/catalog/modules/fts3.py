"""USING fts3(…) and fts4(…): full-text search, in SQLite's format.

Owns what the arguments mean. The index is kernel/fts; its tables are %_content, %_segments, %_segdir, and of FTS4
%_docsize and %_stat.

Source: https://sqlite.org/fts3.html sections 1.2 and 6, and observed behaviour of SQLite 3.54.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from typing import Final

from turso_wasm.base.characters import ID_CHAR, WORD
from turso_wasm.base.records import dataclass
from turso_wasm.catalog.modules.fts3_tokenizer import fts3_tokenizer, words_of
from turso_wasm.catalog.modules.fts5 import Fts5Options
from turso_wasm.catalog.modules.module import Declared, Module, Shadow, Using, column, hidden_column, refuse
from turso_wasm.catalog.names import fold
from turso_wasm.sql.lexer import dequote

MAX_PREFIXES: Final = 31
MATCHINFO_ONLY: Final = "fts3"
_OPTION: Final = re.compile(r"\s*([A-Za-z_]+\s*)=(.*)", re.DOTALL)
_TOKENIZE: Final = re.compile(rf"\s*tokenize(?!{WORD})(.+)", re.DOTALL | re.IGNORECASE)
_NAME: Final = re.compile(rf"""\s*('(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^]]*\]|{ID_CHAR}+)""", re.DOTALL)
LANGUAGE: Final = "__langid"
CONVERTERS: Final = ("hex", "unhex", "lower", "upper")
"""What compress= and uncompress= may name besides functions of the user's."""


@dataclass(slots=True)
class Fts3Options(Fts5Options):
    """What the arguments say. unindexed: notindexed=…; columnsize: there is %_docsize. language: the name of the column
    that says in which language a row is, if there is one. compress, uncompress: functions of one argument between
    what a row is and what %_content has of it.
    """

    is_fts4: bool = False
    descending: bool = False
    language: str | None = None
    compress: str | None = None
    uncompress: str | None = None

    @property
    def is_compressed(self) -> bool:
        """Whether %_content has something else than the texts."""
        return self.compress is not None and self.uncompress is not None and self.content is None


def declare(using: Using, *, is_fts4: bool) -> Declared:
    """The table that the arguments make. Errors: those of the functions below."""
    options = Fts3Options(is_fts4=is_fts4, columnsize=is_fts4)
    notindexed: list[str] = []
    for argument in using.arguments:
        _read(argument, options, notindexed)
    if options.compress is not None and options.uncompress is None:
        raise refuse("missing uncompress parameter in fts4 constructor")
    if options.uncompress is not None and options.compress is None:
        raise refuse("missing compress parameter in fts4 constructor")
    if options.content is not None and not options.names:
        found = using.columns_of(options.content)
        if found is None:
            raise refuse(f"no such table: {using.schema}.{options.content}")
        options.names = [name for name in found if options.language is None or fold(name) != fold(options.language)]
    options.names = options.names or ["content"]
    options.tokenizer = options.tokenizer or fts3_tokenizer(["simple"])
    folded = [fold(name) for name in options.names]
    for name in notindexed:
        if fold(name) not in folded:
            raise refuse(f"no such column: {name}")
        options.unindexed |= {number for number, each in enumerate(folded) if each == fold(name)}
    hidden = [using.name, "docid", options.language or LANGUAGE]
    if len({*folded, *map(fold, hidden)}) < len(folded) + len(hidden):
        raise refuse(f"vtable constructor failed: {using.name}")
    columns = (*(column(name) for name in options.names), *(hidden_column(name) for name in hidden))
    shadows, docid = tuple(_shadows(using.name, options)), len(options.names) + 1
    return Declared(
        columns=columns,
        shadows=shadows,
        options=options,
        outputs=frozenset({docid - 1, docid}),
        tokenizer=options.tokenizer.needed,
        calls=options.is_compressed,
        of_search=frozenset({docid + 1}),
    )


def _shadows(name: str, options: Fts3Options) -> Iterator[Shadow]:
    def quoted(text: str) -> str:
        return "'" + text.replace("'", "''") + "'"

    def shadow(suffix: str, columns: str) -> Shadow:
        return Shadow(suffix=suffix, sql=f"CREATE TABLE {quoted(f'{name}_{suffix}')}({columns})")

    if options.content is None:
        texts = "".join(f", {quoted(f'c{number}{column}')}" for number, column in enumerate(options.names))
        yield shadow("content", f"docid INTEGER PRIMARY KEY{texts}{', langid' if options.language else ''}")
    yield shadow("segments", "blockid INTEGER PRIMARY KEY, block BLOB")
    yield shadow(
        "segdir",
        "level INTEGER,idx INTEGER,start_block INTEGER,leaves_end_block INTEGER,end_block INTEGER,root BLOB,"
        "PRIMARY KEY(level, idx)",
    )
    if options.columnsize:
        yield shadow("docsize", "docid INTEGER PRIMARY KEY, size BLOB")
    if options.is_fts4:
        yield shadow("stat", "id INTEGER PRIMARY KEY, value BLOB")


# --- arguments ----------------------------------------------------------------------------------------------------


def _read(argument: str, options: Fts3Options, notindexed: list[str]) -> None:
    found = _TOKENIZE.fullmatch(argument)
    if found is not None and options.tokenizer is None:
        options.tokenizer = fts3_tokenizer(words_of(found[1]))
        return
    found = _OPTION.fullmatch(argument) if options.is_fts4 else None
    if found is not None:
        _set(fold(found[1]), unquoted(found[2].strip()), argument, options, notindexed)
        return
    name = _NAME.match(argument)
    if name is not None:
        options.names.append(unquoted(name[1]))


def unquoted(text: str) -> str:
    """A name or a value without its quotes."""
    return dequote(text) if text[:1] in ("'", '"', "`", "[") else text


def _set(key: str, value: str, argument: str, options: Fts3Options, notindexed: list[str]) -> None:
    match key:
        case "matchinfo":
            if fold(value) != MATCHINFO_ONLY:
                raise refuse(f"unrecognized matchinfo: {value}")
            options.columnsize = False
        case "order":
            if fold(value) not in ("asc", "desc"):
                raise refuse(f"unrecognized order: {value}")
            options.descending = fold(value) == "desc"
        case "prefix":
            options.prefixes = _prefixes(value)
        case "content":
            options.content = value
        case "compress":
            options.compress = value
        case "uncompress":
            options.uncompress = value
        case "languageid":
            options.language = value
        case "notindexed":
            notindexed.append(value)
        case _:
            raise refuse(f"unrecognized parameter: {argument.strip()}")


def _prefixes(value: str) -> list[int]:
    """The lengths, but for 0."""
    lengths = []
    for part in value.split(","):
        digits = re.match(r"\s*([0-9]+)", part)
        if digits is None or int(digits[1]) > 0x7FFFFFFF:
            raise refuse(f"error parsing prefix parameter: {value}")
        lengths.append(int(digits[1]))
    lengths = [length for length in lengths if length]
    if len(lengths) > MAX_PREFIXES:
        raise refuse(f"error parsing prefix parameter: {value}")
    return lengths


def _module(name: str, suffixes: frozenset[str]) -> Module:
    return Module(
        name=name,
        declare=partial(declare, is_fts4=name == "fts4"),
        suffixes=suffixes,
        row_functions=frozenset({"snippet", "offsets", "matchinfo", "optimize"}),
        arity={"offsets": (1, 1), "optimize": (1, 1), "matchinfo": (1, 2)},
        conditions=frozenset({"match"}),
        drops_parts=True,
    )


_SUFFIXES: Final = frozenset({"content", "segments", "segdir", "docsize", "stat"})
FTS3: Final = _module("fts3", _SUFFIXES)
FTS4: Final = _module("fts4", _SUFFIXES)
