"""The Snowball stemmer for German.

Source: https://snowballstem.org/algorithms/german/stemmer.html
"""

from turso_wasm.kernel.fts.stemmers.rules import ANYWHERE, BEHIND, NOT_BEHIND, R1, R2, Rule, letters, spellings
from turso_wasm.kernel.fts.stemmers.rules import step as rules
from turso_wasm.kernel.fts.stemmers.word import (
    Word,
    ends,
    find_regions,
    mark,
    replace_all,
    spread,
    step,
    suffix_size,
    vowel_at,
)
from turso_wasm.wasm.lang import i32, lit

__subset__ = True

VOWELS = letters("aeiouyäöü")
SHARP_S = spellings("\0", ("ß", "ss"))
S_ENDINGS = "bdfghklmnrt"
CASES = rules(
    Rule(suffixes="em ern er e en es erin erinnen", region=R1),
    Rule(suffixes="ln lns", region=R1, to="l"),
    Rule(suffixes="s", region=R1, test=BEHIND, letters=S_ENDINGS),
)
COMPARISONS = rules(
    Rule(suffixes="en er est", region=R1),
    Rule(suffixes="st", region=R1, test=BEHIND, letters=S_ENDINGS.replace("r", "")),
    Rule(suffixes="et", region=R1, test=BEHIND, letters="dfgklmnrstUzä"),
)
IG = Rule(suffixes="ig", region=R2, test=NOT_BEHIND, letters="e")
DERIVED = rules(
    Rule(suffixes="end ung", region=R2, then=rules(IG)),
    Rule(suffixes="ig ik isch", region=R2, test=NOT_BEHIND, letters="e"),
    Rule(suffixes="lich heit", region=R2, then=rules(Rule(suffixes="er en", region=R1))),
    Rule(suffixes="keit", region=R2, then=rules(Rule(suffixes="lich ig", region=R2))),
)


def mark_vowels(w: Word) -> None:
    """U and y between vowels become U and Y."""
    for i in range(1, w.n - 1):
        c: i32 = w.letters[i]
        if (c == 117 or c == 121) and vowel_at(w, i - 1) and vowel_at(w, i + 1):
            mark(w, i)


def make_umlauts(w: Word) -> None:
    """ae, oe and ue, unless behind q, are umlauts."""
    to: i32 = 0
    at: i32 = 0
    while at < w.n:
        c: i32 = w.letters[at]
        at += 1
        if at < w.n and w.letters[at] == 101:
            umlaut: i32 = 0xE4 if c == 97 else 0xF6 if c == 111 else 0xFC if c == 117 else 0
            if umlaut and not (c == 117 and to and w.letters[to - 1] == 113):
                c = umlaut
                at += 1
        w.letters[to] = c
        to += 1
    w.n = to


def keeps_t(w: Word) -> bool:
    """Words in -st and -et that are no forms of a verb."""
    if ends(w, *lit(b"et")):
        name: bool = ends(w, *lit(b"geordnet")) or ends(w, *lit(b"internet")) or ends(w, *lit(b"planet"))
        return name or ends(w, *lit(b"ticket")) or ends(w, *lit(b"tret"))
    return w.n < 6 and ends(w, *lit(b"st")) and not ends(w, *lit(b"est"))


def stem_german(w: Word) -> None:
    """Stem a word."""
    w.vowels = VOWELS
    mark_vowels(w)
    spread(w, SHARP_S)
    make_umlauts(w)
    find_regions(w)
    if w.r1 < 3:
        w.r1 = 3 if w.n >= 3 else w.n
    if not ends(w, *lit(b"system")):
        strip_case(w)
    if not keeps_t(w):
        _ = step(w, COMPARISONS, ANYWHERE)
    _ = step(w, DERIVED, ANYWHERE)
    replace_all(w, 85, 117)
    replace_all(w, 89, 121)
    replace_all(w, 0xE4, 97)
    replace_all(w, 0xF6, 111)
    replace_all(w, 0xFC, 117)


def strip_case(w: Word) -> None:
    """Step 1."""
    size: i32 = suffix_size(w, CASES)
    if step(w, CASES, ANYWHERE) == 0 or not ends(w, *lit(b"niss")):
        return
    if size == 1 or (size == 2 and (w.letters[w.n + 1] == 110 or w.letters[w.n + 1] == 115)):
        w.n -= 1
