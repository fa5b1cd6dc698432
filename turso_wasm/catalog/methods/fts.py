"""Full-text indexes (docs/full-text.md): a table of FTS5 without texts of its own, whose rows can be removed by id.

To SQLite its shadow tables are ordinary tables: there is no virtual table in the schema, whose tokenizer it may lack.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.catalog.derived import Derived, Method, Option, Options
from turso_wasm.catalog.modules.fts5 import Fts5Options, declare
from turso_wasm.catalog.modules.fts5_tokenizer import TokenizerOptions, tokenizer_options
from turso_wasm.catalog.modules.module import Using
from turso_wasm.catalog.modules.registry import virtual_table
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Table

GRAMS: Final = (2, 3)
GRAM_MOST: Final = 16
WHITESPACE: Final = ("L*", "M*", "N*", "P*", "S*", "Cf", "Co", "Cn", "Cs")
"""What is not between words."""
_WEIGHT: Final = re.compile(r"\s*(.+?)\s*=\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*")


class FtsMethod(Method):
    """The texts stay where they are; what FTS5 keeps of them is `terms`."""

    name = "fts"

    def options(self, columns: tuple[str, ...], given: Mapping[str, Option]) -> Options:
        """See Method. Options: tokenizer, min_gram, max_gram, weights."""
        known: dict[str, object] = {}
        for name, value in given.items():
            if (name == "tokenizer" and isinstance(value, str)) or (
                name in ("min_gram", "max_gram") and isinstance(value, int) and 1 <= value <= GRAM_MOST
            ):
                known[name] = value
            elif name == "weights" and isinstance(value, str):
                known[name] = _weights(columns, value)
            elif name in ("tokenizer", "weights", "min_gram", "max_gram"):
                raise _refused(f"wrong value of option {name}: {value}")
            else:
                raise _refused(f"unknown option of an index USING fts: {name}")
        _tokenizer(known)
        return known

    def tables(self, index: Derived) -> dict[str, str]:
        """See Method."""
        columns = ", ".join(f"c{number}" for number in range(len(index.columns)))
        options = "content='', contentless_delete=1"
        return {"terms": f"CREATE VIRTUAL TABLE {index.part('terms')} USING fts5({columns}, {options})"}

    def virtual(self, index: Derived, suffix: str) -> Table | None:
        """See Method."""
        return terms_table(index) if suffix == "terms" else None

    def put(self, index: Derived, rows: str) -> tuple[str, ...]:
        """See Method."""
        columns = ", ".join(f"c{number}" for number in range(len(index.columns)))
        return (f"INSERT OR REPLACE INTO {index.part('terms')}(rowid, {columns}) {rows}",)

    def take(self, index: Derived, ids: str) -> tuple[str, ...]:
        """See Method."""
        return (f"DELETE FROM {index.part('terms')} WHERE rowid {ids}",)

    def clear(self, index: Derived) -> tuple[str, ...]:
        """See Method."""
        terms = index.part("terms")
        return (f"INSERT INTO {terms}({terms}) VALUES ('delete-all')",)

    def optimize(self, index: Derived) -> tuple[str, ...]:
        """See Method."""
        terms = index.part("terms")
        return (f"INSERT INTO {terms}({terms}) VALUES ('optimize')",)


def terms_table(index: Derived) -> Table:
    """The table of FTS5 that an index is; to its query language columns have the names that they have in the table."""
    numbered = tuple(f"c{number}" for number in range(len(index.columns)))
    name = index.part_name("terms")
    using = Using(schema=index.schema, name=name, arguments=(*numbered, "content=''", "contentless_delete=1"))
    declared = declare(using)
    options = declared.options
    assert isinstance(options, Fts5Options)
    options.names = list(index.columns)
    options.tokenizer = _tokenizer(index.options)
    weights = index.options.get("weights")
    if isinstance(weights, list):
        options.weights = tuple(map(float, weights))
    return virtual_table("fts5", declared, name)


def plain_texts(columns: tuple[str, ...]) -> Derived:
    """What texts without an index are searched as."""
    return Derived(name="", schema="main", table="", key="rowid", columns=columns, method="fts", options={})


def _refused(message: str) -> SqlError:
    return SqlError(SQLITE_ERROR, message)


def _weights(columns: tuple[str, ...], text: str) -> list[float]:
    """`title=2.0,body=1.0`, by position."""
    weights = [1.0] * len(columns)
    known = {fold(column): number for number, column in enumerate(columns)}
    for part in text.split(","):
        found = _WEIGHT.fullmatch(part)
        if found is None:
            raise _refused(f"wrong value of option weights: {text}")
        if fold(found[1]) not in known:
            raise _refused(f"weights name a column that is not indexed: {found[1]}")
        weights[known[fold(found[1])]] = float(found[2])
    return weights


def _tokenizer(options: Options) -> TokenizerOptions:
    """Errors: a tokenizer that there is not, min_gram and max_gram that do not fit."""
    text = str(options.get("tokenizer", "default"))
    name = fold(text.strip())
    if name != "ngram" and ("min_gram" in options or "max_gram" in options):
        raise _refused("min_gram and max_gram are options of the tokenizer ngram")
    match name:
        case "default":
            return TokenizerOptions(marks=0)
        case "simple":
            return TokenizerOptions(marks=0, cased=True)
        case "whitespace":
            return TokenizerOptions(marks=0, cased=True, categories=WHITESPACE)
        case "raw":
            return TokenizerOptions("raw")
        case "ngram":
            least, most = options.get("min_gram", GRAMS[0]), options.get("max_gram")
            assert isinstance(least, int)
            most = most if isinstance(most, int) else max(GRAMS[1], least)
            if least > most:
                raise _refused(f"min_gram {least} is more than max_gram {most}")
            return TokenizerOptions("ngram", grams=(least, most))
    found = tokenizer_options(text)
    if found.kind == "user":
        raise _refused(f"no such tokenizer: {text}")
    return found
