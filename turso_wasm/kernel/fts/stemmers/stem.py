"""Stemming a token in place.

Owns the way from UTF-8 to letters and back.
"""

from turso_wasm.kernel.abi_modules import (
    DANISH,
    ENGLISH,
    FRENCH,
    GERMAN,
    ITALIAN,
    NORWEGIAN,
    PORTUGUESE,
    RUSSIAN,
    SPANISH,
    SWEDISH,
)
from turso_wasm.kernel.fts.stemmers.english import stem_english
from turso_wasm.kernel.fts.stemmers.french import stem_french
from turso_wasm.kernel.fts.stemmers.german import stem_german
from turso_wasm.kernel.fts.stemmers.romance import stem_italian, stem_portuguese, stem_spanish
from turso_wasm.kernel.fts.stemmers.russian import stem_russian
from turso_wasm.kernel.fts.stemmers.scandinavian import stem_danish, stem_norwegian, stem_swedish
from turso_wasm.kernel.fts.stemmers.word import LETTERS_MAX, ROOM, Word
from turso_wasm.kernel.values.utf8 import read_char, write_char
from turso_wasm.wasm.lang import i32, ptr, scratch, sizeof, u8, u32

__subset__ = True

STEM_ROOM = 3 * (LETTERS_MAX + ROOM)  # bytes behind a token: what is no UTF-8 grows


def stem_token(p: ptr[u8], n: i32, language: i32) -> i32:
    """Stem a token in place, where there are STEM_ROOM bytes: its new size. Whatever no stemmer can mean stays."""
    w: Word = Word(scratch(sizeof(Word)))
    w.n = 0
    at: i32 = 0
    while at < n:
        code, at = read_char(p, n, at)
        if code > 0xFFFF or w.n == LETTERS_MAX:
            return n
        w.letters[w.n] = i32(code)
        w.n += 1
    stem_word(w, language)
    size: i32 = 0
    for i in range(w.n):
        size += write_char(p + size, u32(w.letters[i]))
    return size


def stem_word(w: Word, language: i32) -> None:
    """Stem a word. language: DANISH …"""
    if language == ENGLISH:
        stem_english(w)
    elif language == GERMAN:
        stem_german(w)
    elif language == FRENCH:
        stem_french(w)
    elif language == SPANISH:
        stem_spanish(w)
    elif language == ITALIAN:
        stem_italian(w)
    elif language == PORTUGUESE:
        stem_portuguese(w)
    elif language == RUSSIAN:
        stem_russian(w)
    elif language == SWEDISH:
        stem_swedish(w)
    elif language == NORWEGIAN:
        stem_norwegian(w)
    elif language == DANISH:
        stem_danish(w)
