"""Rules of stemmers as data, made when the kernel is compiled.

A table of rules is a *step*: the longest suffix that fits decides (turso_wasm/kernel/fts/stemmers/word.py applies it).
Characters are 2 bytes. A table is one rule behind the other, longest suffix first, and 2 bytes 0; of a rule (Rule):

    2 bytes, its size      the sizes of: suffix, replacement, otherwise (255: there is none), the letters
    region                 where the suffix must lie for the rule to act
    other region           …for `otherwise` to
    test                   of the letter before the suffix
    then                   1: behind it all a table for the rest of the word
    and the suffix (from its end), replacement, otherwise, letters, table
"""

from __future__ import annotations

from turso_wasm.base.records import dataclass
from turso_wasm.wasm.lang import at_import

__subset__ = True

ANYWHERE, R1, R2, RV = range(4)
UNTESTED, BEHIND, NOT_BEHIND, BEHIND_RV, NOT_BEHIND_RV = range(5)
# What is before the suffix is one of the letters, is none of them (or nothing); and lies in RV itself.
NONE = 255
HEAD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """suffixes: words. otherwise: what replaces the suffix where it does not lie in `region`, but in `other`. letters:
    of `test`. then: a step for what remains, if the rule has acted.
    """

    suffixes: str
    region: int = ANYWHERE
    to: str = ""
    otherwise: str | None = None
    other: int = ANYWHERE
    test: int = UNTESTED
    letters: str = ""
    then: bytes = b""


@at_import
def step(*rules: Rule) -> bytes:
    """A table."""
    encoded = [(suffix, _rule(suffix, rule)) for rule in rules for suffix in rule.suffixes.split()]
    encoded.sort(key=lambda pair: -len(pair[0]))
    return b"".join(data for _, data in encoded) + bytes(2)


@at_import
def letters(text: str) -> bytes:
    """A set of letters: their number, and each."""
    return bytes([len(text)]) + _text(text)


@at_import
def spellings(mark: str, *pairs: tuple[str, str]) -> bytes:
    """Letters that are two while a word is stemmed, and a mark, the one among these that means nothing alone: their
    number, the mark, and of each the letter and the two.
    """
    return bytes([len(pairs)]) + _text(mark) + b"".join(_text(letter + two) for letter, two in pairs)


@at_import
def _text(text: str) -> bytes:
    return text.encode("utf-16-le")


@at_import
def _rule(suffix: str, rule: Rule) -> bytes:
    otherwise = NONE if rule.otherwise is None else len(rule.otherwise)
    head = (
        len(suffix),
        len(rule.to),
        otherwise,
        len(rule.letters),
        rule.region,
        rule.other,
        rule.test,
        int(rule.then != b""),
    )
    texts = _text(suffix[::-1]) + _text(rule.to) + _text(rule.otherwise or "") + _text(rule.letters)
    size = HEAD + len(texts) + len(rule.then)
    return size.to_bytes(2, "little") + bytes(head) + texts + rule.then
