"""A full-text table as the kernel knows it: kernel.fts.config.FtsConfig as bytes."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from turso_wasm.catalog.modules.fts3 import CONVERTERS, Fts3Options
from turso_wasm.catalog.modules.fts5 import Fts5Options
from turso_wasm.catalog.modules.fts5_tokenizer import STEMMERS, TokenizerOptions
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Table
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.sources import root_page
from turso_wasm.codegen.unit import Unit
from turso_wasm.kernel.abi_modules import (
    ASCII,
    ASCII_CATEGORIES,
    CATEGORY_NAMES,
    CONTENT_NONE,
    CONTENT_OTHER,
    CONTENT_OWN,
    CONVERT_HEX,
    CONVERT_LOWER,
    CONVERT_MISSING,
    CONVERT_NOTHING,
    CONVERT_UNHEX,
    CONVERT_UPPER,
    CONVERT_USER,
    DETAIL_COLUMNS,
    DETAIL_FULL,
    DETAIL_NONE,
    FORMAT_ASCENDING,
    FORMAT_DESCENDING,
    NGRAM,
    NOWHERE,
    PORTER,
    RAW,
    ROWID,
    TRIGRAM,
    UNICODE61,
    USER_TOKENS,
    FtsConfig,
)
from turso_wasm.wasm.dsl import Expr

KINDS = {
    "unicode61": UNICODE61,
    "ascii": ASCII,
    "trigram": TRIGRAM,
    "porter": PORTER,
    "user": USER_TOKENS,
    "raw": RAW,
    "ngram": NGRAM,
}
CONVERT_BUILTIN = (CONVERT_HEX, CONVERT_UNHEX, CONVERT_LOWER, CONVERT_UPPER)
DETAILS = {"full": DETAIL_FULL, "none": DETAIL_NONE, "column": DETAIL_COLUMNS}


def config_address(
    table: Table, shadows: Mapping[str, Table | None], ctx: Context, content: Table | None = None
) -> Expr:
    """Where the configuration is: in the Program's data, or in the frame if the statement makes the table."""
    data = config_bytes(table, shadows, ctx.unit, content)
    known, made = ctx.data_address(data, align=8), {name: root for name, root in _roots(shadows).items() if root < 0}
    if not made:
        return known
    config = ctx.frame + ctx.frame_alloc(len(data))
    ctx.f.memory_copy(config, known, len(data))
    for name, root in made.items():
        ctx.f.store("i32", config, root_page(root, ctx), FtsConfig.offset(name))
    return config


def config_bytes(table: Table, shadows: Mapping[str, Table | None], unit: Unit, content: Table | None = None) -> bytes:
    """The configuration.

    shadows: the shadow tables, by suffix. content: the user's table with the texts.
    """
    assert table.declared is not None and isinstance(table.declared.options, Fts5Options)
    options = table.declared.options
    tokenizer = options.tokenizer
    assert tokenizer is not None
    number = unit.user.tokenizers.get(fold(tokenizer.name), -1)
    exceptions = sorted((ord(c), member) for c, member in tokenizer.members.items() if ord(c) >= 128)
    numbers = range(len(options.names))
    places = [*(_place(options, number, content) for number in numbers), *_language_place(options, content)]
    places += [_locale_place(options, number) for number in numbers if options.locale]
    parts = [
        b"".join(struct.pack("<I", code << 1 | member) for code, member in exceptions),
        _ascii(tokenizer),
        b"".join(_column(options, number) for number in numbers),
        struct.pack(f"<{len(places)}H", *places),
        b"".join(struct.pack("<I", len(text)) + text for text in map(str.encode, tokenizer.settings)),
        struct.pack(f"<{len(options.weights)}d", *options.weights),
    ]
    offsets = [FtsConfig.size + sum(map(len, parts[:at])) for at in range(len(parts) + 1)]
    source = CONTENT_OWN if options.content is None else CONTENT_OTHER if options.content else CONTENT_NONE
    roots = _roots(shadows)
    if content is not None:
        roots["content"] = content.root
    fields = {
        **roots,
        **({} if not isinstance(options, Fts3Options) else _fts3_fields(options, unit)),
        "size": offsets[-1],
        "slot": table.slot,
        "encoding": unit.encoding,
        "n_columns": len(options.names),
        "detail": DETAILS[options.detail],
        "source": source,
        "contentless_delete": int(options.contentless_delete),
        "locale": int(options.locale),
        "tokendata": int(options.tokendata),
        "tokenizer": USER_TOKENS if number >= 0 else KINDS[tokenizer.kind],
        "stems": tokenizer.stems,
        "stemmer": 0 if number >= 0 or not tokenizer.stemmer else STEMMERS.index(tokenizer.stemmer) + 1,
        "ideographs": int(tokenizer.ideographs),
        "marks": tokenizer.marks,
        "cased": int(tokenizer.cased),
        "gram_min": tokenizer.grams[0],
        "gram_max": tokenizer.grams[1],
        "weights": offsets[5] if options.weights else 0,
        "categories": _categories(tokenizer),
        "n_exceptions": len(exceptions),
        "exceptions": offsets[0],
        "ascii": offsets[1],
        "columns": offsets[2],
        "places": offsets[3],
        "number": number,
        "n_settings": len(tokenizer.settings),
        "settings": offsets[4],
        "n_prefixes": len(options.prefixes),
    }
    head = bytearray(FtsConfig.size)
    for name, value in fields.items():
        struct.pack_into("<i", head, FtsConfig.offset(name), value)
    struct.pack_into(f"<{len(options.prefixes)}i", head, FtsConfig.offset("prefixes"), *options.prefixes)
    return bytes(head) + b"".join(parts)


def _roots(shadows: Mapping[str, Table | None]) -> dict[str, int]:
    """The root pages by FtsConfig's names, 0: there is no such table."""
    roots = {name: 0 if table is None else table.root for name, table in shadows.items()}
    found = {name: roots.get(name, 0) for name in ("content", "docsize")}
    if "segdir" not in shadows:
        return found | {"data": roots["data"], "index": roots["idx"], "options": roots["config"]}
    directory = shadows["segdir"]
    own = [] if directory is None else [index for index in directory.indexes if index.origin != "c"]
    index = own[0].root if own else 0
    segments = {"data": roots["segments"], "index": index, "directory": roots["segdir"]}
    return found | segments | {"options": roots.get("stat", 0)}


def _fts3_fields(options: Fts3Options, unit: Unit) -> dict[str, int]:
    return {
        "format": FORMAT_DESCENDING if options.descending else FORMAT_ASCENDING,
        "language": int(options.language is not None),
        "compress": _converter(options.compress, unit) if options.is_compressed else CONVERT_NOTHING,
        "uncompress": _converter(options.uncompress, unit) if options.is_compressed else CONVERT_NOTHING,
    }


def lacks_uncompress(table: Table, unit: Unit) -> bool:
    """Whether the texts of a table cannot be read for want of a function."""
    options = None if table.declared is None else table.declared.options
    if not isinstance(options, Fts3Options) or not options.is_compressed:
        return False
    return _converter(options.uncompress, unit) == CONVERT_MISSING


def _converter(name: str | None, unit: Unit) -> int:
    folded = fold(name or "")
    if folded in unit.user.converters:
        return unit.user.converters[folded] + CONVERT_USER
    return CONVERT_BUILTIN[CONVERTERS.index(folded)] if folded in CONVERTERS else CONVERT_MISSING


def _column(options: Fts5Options, number: int) -> bytes:
    name = options.names[number].encode()
    return struct.pack("<BH", number in options.unindexed, len(name)) + name


def _place(options: Fts5Options, number: int, content: Table | None) -> int:
    """Where the content table has a column in its records."""
    if content is None:
        return options.stored.index(number) + 1 if number in options.stored else NOWHERE
    column = content.numbers.get(fold(options.names[number]), -2)
    if column == content.rowid_alias:
        return ROWID
    return content.record_order.index(column) if column in content.record_order else NOWHERE


def _locale_place(options: Fts5Options, number: int) -> int:
    """Where the content table has the locale of a column."""
    located = options.located
    return len(options.stored) + 1 + located.index(number) if number in located else 0


def _language_place(options: Fts5Options, content: Table | None) -> list[int]:
    """Where the content table has the language of a row."""
    if not isinstance(options, Fts3Options) or options.language is None:
        return []
    if content is None:
        return [len(options.names) + 1]
    column = content.numbers.get(fold(options.language), -2)
    return [content.record_order.index(column) if column in content.record_order else NOWHERE]


def _categories(tokenizer: TokenizerOptions) -> int:
    """Bit set of category numbers; 0, of what has no category, is always in."""
    wanted = 1
    for number, name in enumerate(CATEGORY_NAMES[1:], 1):
        for category in tokenizer.categories:
            if category in (name, name[0] + "*") or (category == "LC" and name in ("Lu", "Ll", "Lt")):
                wanted |= 1 << number
    return wanted


def _ascii(tokenizer: TokenizerOptions) -> bytes:
    """What each byte stands for in the index, 0: it is between tokens. From 128 on they matter to ascii only."""
    categories = _categories(tokenizer)
    table = bytearray(256)
    for code in range(256):
        member = code >= 128 or bool(categories >> CATEGORY_NAMES.index(ASCII_CATEGORIES[code]) & 1)
        if tokenizer.kind in ("ascii", "porter") and code < 128:
            member = chr(code).isalnum()
        member = tokenizer.members.get(chr(code), member) if code < 128 else member
        if member:
            table[code] = code | 32 if 65 <= code <= 90 and not tokenizer.cased else code
    return bytes(table)
