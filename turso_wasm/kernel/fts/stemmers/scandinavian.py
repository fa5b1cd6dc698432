"""The Snowball stemmers for Swedish, Norwegian and Danish.

Source: https://snowballstem.org/algorithms/swedish/stemmer.html and its neighbours
"""

from turso_wasm.kernel.fts.stemmers.rules import ANYWHERE, BEHIND, R1, Rule, letters
from turso_wasm.kernel.fts.stemmers.rules import step as rules
from turso_wasm.kernel.fts.stemmers.word import Word, among, ends, find_regions, last, step, suffix_size, vowel_at
from turso_wasm.wasm.lang import i32, lit, ptr, u8

__subset__ = True

SWEDISH_VOWELS = letters("aeiouyäåö")
NORWEGIAN_VOWELS = letters("aeêioòóôuyæåø")
DANISH_VOWELS = letters("aeiouyæåø")
DANISH_DOUBLED = letters("bdfgklmnprst")

SWEDISH_CASES = rules(
    Rule(
        suffixes="a arna erna heterna orna ad e ade ande arne are aste en anden aren heten ern ar er heter "
        "or as arnas ernas ornas es ades andes ens arens hetens erns at andet het ast"
    ),
    Rule(suffixes="s", test=BEHIND, letters="bcdfghjklmnoprtvy"),
)
SWEDISH_ET = rules(Rule(suffixes="et ets"))
SWEDISH_NO_ET = rules(
    Rule(suffixes="h iet uit fab cit dit alit ilit mit nit pit rit sit tit ivit kvit xit kom rak pak stak"),
)
SWEDISH_PAIRS = rules(*(Rule(suffixes=pair, to=pair[0]) for pair in ["dd", "gd", "nn", "dt", "gt", "kt", "tt"]))
SWEDISH_DERIVED = rules(
    Rule(suffixes="lig ig els"),
    Rule(suffixes="öst", to="ös", test=BEHIND, letters="iklnprtuv"),
    Rule(suffixes="fullt", to="full"),
)

NORWEGIAN_CASES = rules(
    Rule(
        suffixes="a e ede ande ende ane ene hetene en heten ar er heter as es edes endes enes hetenes ens "
        "hetens ets et het ast"
    ),
    Rule(suffixes="ers"),
    Rule(suffixes="s", test=BEHIND, letters="bcdfghjlmnoptvyzrk"),
    Rule(suffixes="erte ert", to="er"),
)
NORWEGIAN_KEPT = rules(
    *(
        Rule(suffixes=word, to=word)
        for word in [
            "ammers",
            "asters",
            "inders",
            "kapers",
            "kkers",
            "lters",
            "nkers",
            "ommers",
            "ppers",
            "vers",
            "østers",
        ]
    ),
)
NORWEGIAN_LOST = rules(*(Rule(suffixes=word, to=word) for word in ["givers", "havers", "skapers"]))
NORWEGIAN_T = rules(Rule(suffixes="dt", to="d"), Rule(suffixes="vt", to="v"))
NORWEGIAN_DERIVED = rules(Rule(suffixes="leg eleg ig eig lig elig els lov elov slov hetslov"))

DANISH_CASES = rules(
    Rule(
        suffixes="hed ethed ered e erede ende erende ene erne ere en heden eren er heder erer heds es "
        "endes erendes enes ernes eres ens hedens erens ers ets erets et eret"
    ),
    Rule(suffixes="s", test=BEHIND, letters="abcdfghjklmnoprtvyzå"),
)
DANISH_PAIRS = rules(*(Rule(suffixes=pair, to=pair[0]) for pair in ["gd", "dt", "gt", "kt"]))
DANISH_DERIVED = rules(Rule(suffixes="ig lig elig els"))
DANISH_LOOSE = rules(Rule(suffixes="løst", to="løs"))


def first_region(w: Word, vowels: ptr[u8]) -> None:
    """R1, at least three letters from the beginning."""
    w.vowels = vowels
    find_regions(w)
    if w.r1 < 3:
        w.r1 = 3 if w.n >= 3 else w.n


def strip_et(w: Word) -> i32:
    """-et and -ets of Swedish nouns, behind a vowel and a consonant that others do not end with; -andet and -het are of
    SWEDISH_CASES. 1: it was there.
    """
    size: i32 = suffix_size(w, SWEDISH_ET)
    at: i32 = w.n - size
    if size == 0 or at < w.r1 or at < 3 or vowel_at(w, at - 1) or not vowel_at(w, at - 2):
        return 0
    w.n = at
    kept: bool = suffix_size(w, SWEDISH_NO_ET) != 0
    w.n = at + size if kept else at
    return 0 if kept else 1


def stem_swedish(w: Word) -> None:
    """Stem a word."""
    first_region(w, SWEDISH_VOWELS)
    if strip_et(w) == 0:
        _ = step(w, SWEDISH_CASES, R1)
    _ = step(w, SWEDISH_PAIRS, R1)
    _ = step(w, SWEDISH_DERIVED, R1)


def keeps_s(w: Word) -> bool:
    """Norwegian words whose -s stays: behind -er, and behind k that follows a vowel; some in -ers."""
    at: i32 = w.n - 2
    if last(w) != 115 or at < 0:
        return False
    if ends(w, *lit(b"ers")) and w.n - 3 >= w.r1:
        return step(w, NORWEGIAN_LOST, ANYWHERE) == 0 and step(w, NORWEGIAN_KEPT, ANYWHERE) == 1
    if w.letters[at] == 107:
        return at == 0 or vowel_at(w, at - 1)
    return w.letters[at] == 114 and at > 0 and w.letters[at - 1] == 101


def stem_norwegian(w: Word) -> None:
    """Stem a word."""
    first_region(w, NORWEGIAN_VOWELS)
    if not keeps_s(w):
        _ = step(w, NORWEGIAN_CASES, R1)
    _ = step(w, NORWEGIAN_T, R1)
    _ = step(w, NORWEGIAN_DERIVED, R1)


def stem_danish(w: Word) -> None:
    """Stem a word."""
    first_region(w, DANISH_VOWELS)
    _ = step(w, DANISH_CASES, R1)
    _ = step(w, DANISH_PAIRS, R1)
    if ends(w, *lit(b"igst")):
        w.n -= 2
    if step(w, DANISH_LOOSE, R1) == 0 and step(w, DANISH_DERIVED, R1):
        _ = step(w, DANISH_PAIRS, R1)
    if w.n - 1 >= w.r1 and w.n >= 2 and w.letters[w.n - 2] == last(w) and among(DANISH_DOUBLED, last(w)):
        w.n -= 1
