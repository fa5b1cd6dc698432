"""tokenize=… of FTS3 and FTS4: which tokenizer, and its settings.

Source: https://sqlite.org/fts3.html section 8, and observed behaviour of SQLite 3.54.
"""

from __future__ import annotations

import re
from typing import Final

from turso_wasm.base.characters import WORD
from turso_wasm.catalog.modules.fts5_tokenizer import TokenizerOptions
from turso_wasm.catalog.modules.module import refuse
from turso_wasm.sql.lexer import dequote

_WORDS: Final = re.compile(rf"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^]]*\]|{WORD}+""", re.DOTALL)
_SETTING: Final = re.compile(r"(remove_diacritics=)([012])|(tokenchars|separators)=(.*)", re.DOTALL)


def words_of(text: str) -> list[str]:
    """The words of a tokenizer's description; whatever stands between them does not matter."""
    return [dequote(word) if word[0] in "'\"`[" else word for word in _WORDS.findall(text)]


def fts3_tokenizer(words: list[str]) -> TokenizerOptions:
    """Errors: "unknown tokenizer: x", "unknown tokenizer"."""
    name, *settings = words or [""]
    if name == "simple":
        return TokenizerOptions(kind="ascii", members=_delimiters(settings))
    if name == "porter":
        return TokenizerOptions(kind="porter", members={"_": True})
    if name != "unicode61":
        missing = f"unknown tokenizer: {name}"
        return TokenizerOptions("user", name=name, settings=tuple(settings), missing=missing)
    options = TokenizerOptions()
    for setting in settings:
        found = _SETTING.fullmatch(setting)
        if found is None:
            raise refuse("unknown tokenizer")
        if found[1]:
            options.marks = int(found[2])
        else:
            options.members.update(dict.fromkeys(found[4], found[3] == "tokenchars"))
    return options


def _delimiters(settings: list[str]) -> dict[str, bool]:
    """Of "simple": the characters between tokens are those of the second setting."""
    if len(settings) < 2:
        return {}
    if not settings[1].isascii():
        raise refuse("unknown tokenizer")
    return {chr(code): chr(code) not in settings[1] for code in range(128)}
