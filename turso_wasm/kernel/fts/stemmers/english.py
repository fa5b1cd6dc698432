"""The Snowball stemmer for English, "Porter 2".

Source: https://snowballstem.org/algorithms/english/stemmer.html
"""

from turso_wasm.kernel.fts.stemmers.rules import ANYWHERE, BEHIND, R1, R2, Rule, letters
from turso_wasm.kernel.fts.stemmers.rules import step as rules
from turso_wasm.kernel.fts.stemmers.word import (
    Word,
    among,
    ends,
    find_regions,
    is_at,
    last,
    next_consonant,
    next_vowel,
    replace_all,
    step,
    vowel_at,
    whole,
)
from turso_wasm.wasm.lang import i32, lit, ptr, u8

__subset__ = True

VOWELS = letters("aeiouy")
NO_SHORT_END = letters("wxY")
DOUBLED = letters("bdfgmnprt")
KEEPS_DOUBLE = letters("aeo")
GENITIVES = rules(Rule(suffixes="' 's 's'"))
SPECIAL = rules(
    Rule(suffixes="skies", to="sky"),
    Rule(suffixes="idly", to="idl"),
    Rule(suffixes="gently", to="gentl"),
    Rule(suffixes="ugly", to="ugli"),
    Rule(suffixes="early", to="earli"),
    Rule(suffixes="only", to="onli"),
    Rule(suffixes="singly", to="singl"),
    *(Rule(suffixes=word, to=word) for word in ["sky", "news", "howe", "atlas", "cosmos", "bias", "andes"]),
)
KEEPING = rules(
    *(Rule(suffixes=word, to=word) for word in ["inning", "outing", "canning", "herring", "earring", "evening"])
)
EXCEEDING = rules(*(Rule(suffixes=word, to=word) for word in ["succeed", "proceed", "exceed"]))
LONG_STEMS = ("gener", "commun", "arsen", "past", "univers", "later", "emerg", "organ", "inter")
FIRST_PARTS = b"".join(bytes([len(word)]) + word.encode() for word in LONG_STEMS) + b"\0"
PASTS = rules(
    Rule(suffixes="eed eedly", region=R1, to="ee"),
    Rule(suffixes="ed edly ing ingly"),
)
DERIVED = rules(
    Rule(suffixes="tional", region=R1, to="tion"),
    Rule(suffixes="enci", region=R1, to="ence"),
    Rule(suffixes="anci", region=R1, to="ance"),
    Rule(suffixes="abli", region=R1, to="able"),
    Rule(suffixes="entli", region=R1, to="ent"),
    Rule(suffixes="izer ization", region=R1, to="ize"),
    Rule(suffixes="ational ation ator", region=R1, to="ate"),
    Rule(suffixes="alism aliti alli", region=R1, to="al"),
    Rule(suffixes="fulness fulli", region=R1, to="ful"),
    Rule(suffixes="ousli ousness", region=R1, to="ous"),
    Rule(suffixes="iveness iviti", region=R1, to="ive"),
    Rule(suffixes="biliti bli", region=R1, to="ble"),
    Rule(suffixes="ogist", region=R1, to="og"),
    Rule(suffixes="ogi", region=R1, to="og", test=BEHIND, letters="l"),
    Rule(suffixes="lessli", region=R1, to="less"),
    Rule(suffixes="li", region=R1, test=BEHIND, letters="cdeghkmnrt"),
)
ADJECTIVES = rules(
    Rule(suffixes="tional", region=R1, to="tion"),
    Rule(suffixes="ational", region=R1, to="ate"),
    Rule(suffixes="alize", region=R1, to="al"),
    Rule(suffixes="icate iciti ical", region=R1, to="ic"),
    Rule(suffixes="ful ness", region=R1),
    Rule(suffixes="ative", region=R2),
)
ENDINGS = rules(
    Rule(suffixes="al ance ence er ic able ible ant ement ment ent ism ate iti ous ive ize", region=R2),
    Rule(suffixes="ion", region=R2, test=BEHIND, letters="st"),
)


def drop_first(w: Word) -> None:
    """The word without its first letter."""
    w.n -= 1
    for i in range(w.n):
        w.letters[i] = w.letters[i + 1]


def mark_y(w: Word) -> None:
    """Y that begins the word or follows a vowel becomes Y, a consonant."""
    for i in range(w.n):
        if w.letters[i] == 121 and (i == 0 or vowel_at(w, i - 1)):
            w.letters[i] = 89


def english_regions(w: Word) -> None:
    """R1 and R2: behind some beginnings R1 begins at once."""
    find_regions(w)
    part: ptr[u8] = FIRST_PARTS
    while part[0]:
        if is_at(w, 0, part + 1, part[0]):
            w.r1 = part[0]
        part += part[0] + 1
    w.r2 = next_consonant(w, next_vowel(w, w.r1))


def is_short_syllable(w: Word) -> bool:
    """Whether the word ends in a short syllable."""
    n: i32 = w.n
    if n < 2 or not vowel_at(w, n - 2) or vowel_at(w, n - 1):
        return n >= 4 and ends(w, *lit(b"past"))
    return n == 2 or (not vowel_at(w, n - 3) and not among(NO_SHORT_END, last(w)))


def strip_plural(w: Word) -> None:
    """Step 1a."""
    if ends(w, *lit(b"sses")):
        w.n -= 2
    elif ends(w, *lit(b"ied")) or ends(w, *lit(b"ies")):
        w.n -= 2 if w.n > 4 else 1
    elif ends(w, *lit(b"s")) and not ends(w, *lit(b"us")) and not ends(w, *lit(b"ss")) and next_vowel(w, 0) < w.n - 1:
        w.n -= 1


def strip_past(w: Word) -> None:
    """Step 1b."""
    before: i32 = w.n
    if ends(w, *lit(b"ing")) and keeps_ing(w):
        return
    if ends(w, *lit(b"eed")) or ends(w, *lit(b"eedly")):
        if whole(w, EXCEEDING) == 0:
            _ = step(w, PASTS, 0)
        return
    if step(w, PASTS, 0) == 0:
        return
    if not has_vowel(w):
        w.n = before
        return
    if ends(w, *lit(b"at")) or ends(w, *lit(b"bl")) or ends(w, *lit(b"iz")):
        w.letters[w.n] = 101
        w.n += 1
    elif w.n > 1 and w.letters[w.n - 2] == last(w) and among(DOUBLED, last(w)):
        if w.n != 3 or not among(KEEPS_DOUBLE, w.letters[0]):
            w.n -= 1
    elif w.r1 >= w.n and is_short_syllable(w):
        w.letters[w.n] = 101
        w.n += 1


def has_vowel(w: Word) -> bool:
    """Whether there is a vowel."""
    i: i32 = 0
    while i < w.n and not vowel_at(w, i):
        i += 1
    return i < w.n


def keeps_ing(w: Word) -> bool:
    """-ing after a whole word that keeps it; dying is die."""
    n: i32 = w.n
    if n == 5 and w.letters[1] == 121 and not vowel_at(w, 0):
        w.letters[1] = 105
        w.letters[2] = 101
        w.n = 3
        return True
    return whole(w, KEEPING) == 1


def strip_last(w: Word) -> None:
    """Step 5."""
    at: i32 = w.n - 1
    if last(w) == 108:
        w.n -= 1 if at >= w.r2 and at > 0 and w.letters[at - 1] == 108 else 0
    elif last(w) == 101 and at >= w.r1:
        w.n = at
        if at < w.r2 and is_short_syllable(w):
            w.n = at + 1


def stem_english(w: Word) -> None:
    """Stem a word."""
    w.vowels = VOWELS
    if w.n <= 2 or whole(w, SPECIAL):
        return
    if w.letters[0] == 39:
        drop_first(w)
    mark_y(w)
    english_regions(w)
    _ = step(w, GENITIVES, ANYWHERE)
    strip_plural(w)
    strip_past(w)
    if w.n > 2 and (last(w) == 121 or last(w) == 89) and not vowel_at(w, w.n - 2):
        w.letters[w.n - 1] = 105
    _ = step(w, DERIVED, ANYWHERE)
    _ = step(w, ADJECTIVES, ANYWHERE)
    _ = step(w, ENDINGS, ANYWHERE)
    strip_last(w)
    replace_all(w, 89, 121)
