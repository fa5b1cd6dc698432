"""A word that is stemmed: its letters, its regions, and steps that take suffixes away.

*R1* begins behind the first letter that is no vowel and follows a vowel, *R2* behind the next such one in R1; what RV
is depends on the language. A region that there is not begins at the end of the word.

Source: https://snowballstem.org/texts/r1r2.html
"""

from turso_wasm.kernel.fts.stemmers.rules import BEHIND_RV, HEAD, NONE, NOT_BEHIND, NOT_BEHIND_RV, R1, R2, RV
from turso_wasm.wasm.lang import Struct, array, i32, le16, memory_copy, ptr, u8, u16

__subset__ = True

LETTERS_MAX = 64  # longer words are no words
ROOM = 8  # for letters that a stemmer adds


class Word(Struct):
    """n letters; regions are indices."""

    n: i32
    r1: i32
    r2: i32
    rv: i32
    vowels: ptr[u8]  # a set (rules.letters)
    letters: array[u16, LETTERS_MAX + ROOM]


def among(set: ptr[u8], c: i32) -> bool:
    """Whether a letter is one of a set."""
    i: i32 = 0
    while i < i32(set[0]) and le16(set + 1 + 2 * i) != c:
        i += 1
    return i < i32(set[0])


def vowel_at(w: Word, at: i32) -> bool:
    """Whether there is a letter, and it is a vowel."""
    return at >= 0 and at < w.n and among(w.vowels, w.letters[at])


def next_vowel(w: Word, at: i32) -> i32:
    """Behind the first vowel from a letter on; the end: there is none."""
    while at < w.n and not among(w.vowels, w.letters[at]):
        at += 1
    return at + 1 if at < w.n else at


def next_consonant(w: Word, at: i32) -> i32:
    """Behind the first letter from one on that is no vowel; the end: there is none."""
    while at < w.n and among(w.vowels, w.letters[at]):
        at += 1
    return at + 1 if at < w.n else at


def find_regions(w: Word) -> None:
    """R1 and R2."""
    w.r1 = next_consonant(w, next_vowel(w, 0))
    w.r2 = next_consonant(w, next_vowel(w, w.r1))


def is_at(w: Word, at: i32, text: ptr[u8], size: i32) -> bool:
    """Whether letters from one on are a text in ASCII."""
    if at < 0 or at + size > w.n:
        return False
    i: i32 = 0
    while i < size and i32(w.letters[at + i]) == text[i]:
        i += 1
    return i == size


def ends(w: Word, text: ptr[u8], size: i32) -> bool:
    """Whether the word ends with a text in ASCII."""
    return is_at(w, w.n - size, text, size)


def last(w: Word) -> i32:
    """The last letter, 0: there is none."""
    return w.letters[w.n - 1] if w.n else 0


def mark(w: Word, at: i32) -> None:
    """An ASCII letter in upper case: no vowel any more."""
    w.letters[at] = i32(w.letters[at]) - 32


def replace_all(w: Word, old: i32, new: i32) -> None:
    """A letter in place of another one."""
    for i in range(w.n):
        if w.letters[i] == old:
            w.letters[i] = new


def make_room(w: Word, at: i32) -> None:
    """Move the letters from `at` on one further. There must be room (LETTERS_MAX)."""
    i: i32 = w.n
    while i > at:
        w.letters[i] = w.letters[i - 1]
        i -= 1
    w.n += 1


def spread(w: Word, spellings: ptr[u8]) -> None:
    """Two letters in place of one (rules.spellings), as far as there is room."""
    at: i32 = 0
    while at < w.n:
        for i in range(i32(spellings[0])):
            pair: ptr[u8] = spellings + 3 + 6 * i
            if w.letters[at] == le16(pair) and w.n < LETTERS_MAX:
                make_room(w, at + 1)
                w.letters[at] = le16(pair + 2)
                w.letters[at + 1] = le16(pair + 4)
                break
        at += 1


def join(w: Word, spellings: ptr[u8]) -> None:
    """One letter again in place of two; a mark whose letter is gone goes, too."""
    to: i32 = 0
    at: i32 = 0
    while at < w.n:
        c: i32 = w.letters[at]
        following: i32 = w.letters[at + 1] if at + 1 < w.n else 0
        size: i32 = 1
        for i in range(i32(spellings[0])):
            pair: ptr[u8] = spellings + 3 + 6 * i
            if size == 1 and c == le16(pair + 2) and following == le16(pair + 4):
                c = le16(pair)
                size = 2
        if size == 2 or c != le16(spellings + 1):
            w.letters[to] = c
            to += 1
        at += size
    w.n = to


def set_letters(w: Word, at: i32, text: ptr[u8], size: i32) -> None:
    """The word ends at a letter, and a text of 2 bytes each follows."""
    if at + size <= LETTERS_MAX + ROOM:
        memory_copy(ptr[u8](i32(w.letters) + 2 * at), text, 2 * size)
        w.n = at + size


def begin_of(w: Word, region: i32) -> i32:
    """Where a region begins."""
    if region == RV:
        return w.rv
    return w.r1 if region == R1 else w.r2 if region == R2 else 0


def has_suffix(w: Word, text: ptr[u8], size: i32) -> bool:
    """Whether the word ends with a suffix of a rule."""
    i: i32 = 0
    while i < size and i32(w.letters[w.n - 1 - i]) == le16(text + 2 * i):
        i += 1
    return i == size


def step(w: Word, table: ptr[u8], within: i32) -> i32:
    """The rule of the longest suffix that lies in a region, if there is one: 1: it has acted."""
    first: i32 = begin_of(w, within)
    rule: ptr[u8] = table
    while le16(rule):
        if w.n - first >= rule[2] and has_suffix(w, rule + HEAD, rule[2]):
            return act(w, rule)
        rule += le16(rule)
    return 0


def whole(w: Word, table: ptr[u8]) -> i32:
    """The rule of the whole word, if there is one: 1: it has acted."""
    rule: ptr[u8] = table
    while le16(rule):
        if w.n == rule[2] and has_suffix(w, rule + HEAD, rule[2]):
            return act(w, rule)
        rule += le16(rule)
    return 0


def suffix_size(w: Word, table: ptr[u8]) -> i32:
    """The size of the longest suffix of a table that the word ends with, 0: it ends with none."""
    rule: ptr[u8] = table
    while le16(rule):
        if w.n >= rule[2] and has_suffix(w, rule + HEAD, rule[2]):
            return rule[2]
        rule += le16(rule)
    return 0


def is_allowed(w: Word, rule: ptr[u8], letters: ptr[u8], at: i32) -> bool:
    """Whether the letter before a suffix at `at` is as the rule's test wants it."""
    test: i32 = rule[8]
    found: bool = False
    first: i32 = w.rv if test >= BEHIND_RV else 0
    if at > first:
        for i in range(i32(rule[5])):
            found = found or le16(letters + 2 * i) == w.letters[at - 1]
    if test == NOT_BEHIND_RV:
        return at > first and not found
    return not found if test == NOT_BEHIND else found


def act(w: Word, rule: ptr[u8]) -> i32:
    """Do what the rule of the suffix says; 0: it does nothing here."""
    at: i32 = w.n - rule[2]
    replacement: ptr[u8] = rule + HEAD + 2 * rule[2]
    otherwise: ptr[u8] = replacement + 2 * rule[3]
    letters: ptr[u8] = otherwise if rule[4] == NONE else otherwise + 2 * rule[4]
    if rule[8] and not is_allowed(w, rule, letters, at):
        return 0
    if at >= begin_of(w, rule[6]):
        set_letters(w, at, replacement, rule[3])
        if rule[9]:
            _ = step(w, letters + 2 * rule[5], 0)
        return 1
    if rule[4] == NONE or at < begin_of(w, rule[7]):
        return 0
    set_letters(w, at, otherwise, rule[4])
    return 1
