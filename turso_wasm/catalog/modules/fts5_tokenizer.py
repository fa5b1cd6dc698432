"""tokenize='…' of fts5: which tokenizer, and its settings.

Beyond SQLite's there are `cjk`, which is unicode61 for Chinese, Japanese and Korean, and `snowball language`, a wrapper
as porter is (docs/decisions/0050).

Source: https://sqlite.org/fts5.html section 4.3, and observed behaviour of SQLite 3.54.
"""

from __future__ import annotations

import re
from dataclasses import field
from typing import Final, Literal

from turso_wasm.base.characters import BAREWORD
from turso_wasm.base.errors import SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.catalog.modules.module import refuse
from turso_wasm.catalog.names import fold

Kind = Literal["unicode61", "ascii", "trigram", "porter", "user", "raw", "ngram"]
STEMMERS: Final = (
    "danish",
    "english",
    "french",
    "german",
    "italian",
    "norwegian",
    "portuguese",
    "russian",
    "spanish",
    "swedish",
)
_WORDS: Final = re.compile(rf"\s*(?:'((?:[^']|'')*)'|({BAREWORD}+|[-+]?[0-9.]+))")
DEFAULT_CATEGORIES: Final = ("L*", "N*", "Co")
_CATEGORIES: Final = {
    "C": "cfnso",
    "L": "lmotuC",
    "M": "cen",
    "N": "dlo",
    "P": "cdefios",
    "S": "ckmo",
    "Z": "lps",
}


@dataclass(slots=True)
class TokenizerOptions:
    """stems: how often porter is applied. stemmer: the language of the one that is applied before, "": none is.
    ideographs: each character of Chinese, Japanese and Korean is a token. marks: remove_diacritics. members: characters
    that are part of tokens (True) or not, whatever their category; the last word counts. kind "porter" is FTS3's;
    "user": one of the user's.

    A tokenizer of the user's that is called `name` is given `settings`; `missing` is what is wrong when there is none.
    It may have a name that SQLite does not know but we do: then it goes first.
    """

    kind: Kind = "unicode61"
    stems: int = 0
    stemmer: str = ""
    ideographs: bool = False
    marks: int = 1
    cased: bool = False
    categories: tuple[str, ...] = DEFAULT_CATEGORIES
    members: dict[str, bool] = field(default_factory=dict)
    name: str = ""
    settings: tuple[str, ...] = ()
    missing: str = ""
    grams: tuple[int, int] = (0, 0)  # characters of the shortest, and of the longest

    @property
    def needed(self) -> tuple[str, str] | None:
        """See Declared.tokenizer."""
        return (fold(self.name), self.missing) if self.kind == "user" else None


def tokenizer_options(value: str) -> TokenizerOptions:
    """Errors: "parse error in tokenize directive", "no such tokenizer: x", "error in tokenizer constructor"."""
    words, at = [], 0
    while value[at:].strip():
        found = _WORDS.match(value, at)
        if found is None:
            raise refuse("parse error in tokenize directive")
        words.append(found[2] if found[1] is None else found[1].replace("''", "'"))
        at = found.end()
    return _options(words or ["unicode61"], refuse(f"no such tokenizer: {words[0]}" if words else ""))


def _options(words: list[str], unknown: SqlError) -> TokenizerOptions:
    name, *settings = words
    wrong = refuse("error in tokenizer constructor")
    if name.lower() == "porter":
        inner = _options(settings or ["unicode61"], wrong)
        inner.stems += 1
        return inner
    if name.lower() == "snowball":
        return _stemmed(name, settings, wrong)
    options = TokenizerOptions()
    if name.lower() == "cjk":
        options = TokenizerOptions(ideographs=True, name=name, settings=tuple(settings))
    elif name.lower() not in ("unicode61", "ascii", "trigram"):
        return TokenizerOptions("user", name=name, settings=tuple(settings), missing=unknown.message)
    else:
        options.kind = name.lower()  # type: ignore[assignment]
    if options.kind == "trigram":
        options.marks = 0
    if len(settings) % 2:
        raise wrong
    pairs = list(zip(settings[::2], settings[1::2], strict=True))
    for key, value in pairs:
        if not _set(options, key.lower(), value):
            raise wrong
    if options.kind == "trigram" and options.cased and options.marks:
        raise wrong
    return options


def _stemmed(name: str, settings: list[str], wrong: SqlError) -> TokenizerOptions:
    """`snowball language [tokenizer …]`."""
    language, *inner = settings or [""]
    options = _options(inner or ["unicode61"], wrong)
    if language.lower() not in STEMMERS or options.stemmer or options.stems or options.kind == "trigram":
        raise wrong
    options.stemmer = language.lower()
    if options.kind != "user":
        options.name, options.settings = name, tuple(settings)
    return options


def _set(options: TokenizerOptions, key: str, value: str) -> bool:
    if options.kind == "trigram":
        if key == "case_sensitive" and value in ("0", "1"):
            options.cased = value == "1"
            return True
        if key == "remove_diacritics" and value[:1] in ("0", "1", "2"):
            options.marks = 2 if value != "0" else 0
            return True
        return False
    if key in ("tokenchars", "separators"):
        options.members.update(dict.fromkeys(value, key == "tokenchars"))
        return True
    if options.kind == "ascii":
        return False
    if key == "remove_diacritics" and value in ("0", "1", "2"):
        options.marks = int(value)
        return True
    if key == "categories":
        options.categories = tuple(re.findall(r"..", re.sub(r"[ \t]", "", value)))
        return "".join(options.categories) == re.sub(r"[ \t]", "", value) and all(map(_is_category, options.categories))
    return False


def _is_category(name: str) -> bool:
    return (name[1] == "*" and name[0] in _CATEGORIES) or name[1] in _CATEGORIES.get(name[0], "")
