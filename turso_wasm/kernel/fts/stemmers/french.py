"""The Snowball stemmer for French.

-aise, which some words lose by version 3, stays here: the description does not have it.

Source: https://snowballstem.org/algorithms/french/stemmer.html
"""

from turso_wasm.kernel.fts.stemmers.rules import (
    ANYWHERE,
    BEHIND_RV,
    NOT_BEHIND_RV,
    R1,
    R2,
    RV,
    Rule,
    letters,
    spellings,
)
from turso_wasm.kernel.fts.stemmers.rules import step as rules
from turso_wasm.kernel.fts.stemmers.word import (
    Word,
    among,
    ends,
    find_regions,
    is_at,
    join,
    last,
    mark,
    next_vowel,
    replace_all,
    spread,
    step,
    suffix_size,
    vowel_at,
)
from turso_wasm.wasm.lang import i32, lit

__subset__ = True

VOWEL_LETTERS = "aeiouyâàëéêèïîôûù"
VOWELS = letters(VOWEL_LETTERS)
KEEPS_S = letters("aiouès")
DIAERESES = spellings("H", ("ë", "He"), ("ï", "Hi"))
IC = rules(Rule(suffixes="ic", region=R2, otherwise="iqU"))
DERIVED = rules(
    Rule(suffixes="ance iqUe isme able iste eux ances iqUes ismes ables istes", region=R2),
    Rule(suffixes="atrice ateur ation atrices ateurs ations", region=R2, then=IC),
    Rule(suffixes="logie logies", region=R2, to="log"),
    Rule(suffixes="usion ution usions utions", region=R2, to="u"),
    Rule(suffixes="ence ences", region=R2, to="ent"),
    Rule(
        suffixes="ement ements",
        region=RV,
        then=rules(
            Rule(suffixes="iv", region=R2, then=rules(Rule(suffixes="at", region=R2))),
            Rule(suffixes="eus", region=R2, otherwise="eux", other=R1),
            Rule(suffixes="abl iqU", region=R2),
            Rule(suffixes="ièr Ièr", region=RV, to="i"),
        ),
    ),
    Rule(
        suffixes="ité ités",
        region=R2,
        then=rules(
            Rule(suffixes="abil", region=R2, otherwise="abl"),
            Rule(suffixes="ic", region=R2, otherwise="iqU"),
            Rule(suffixes="iv", region=R2),
        ),
    ),
    Rule(suffixes="if ive ifs ives", region=R2, then=rules(Rule(suffixes="at", region=R2, then=IC))),
    Rule(suffixes="eaux", to="eau"),
    Rule(suffixes="aux", region=R1, to="al"),
    Rule(suffixes="euse euses", region=R2, otherwise="eux", other=R1),
)
ISSEMENT = rules(Rule(suffixes="issement issements", region=R1))
ADVERBS = rules(
    Rule(suffixes="amment", region=RV, to="ant"),
    Rule(suffixes="emment", region=RV, to="ent"),
    Rule(suffixes="ment ments", test=BEHIND_RV, letters=VOWEL_LETTERS),
)
LONGER = rules(Rule(suffixes="ement ements issement issements amment emment"))
I_VERBS = rules(
    Rule(
        suffixes="îmes ît îtes i ie ies ir ira irai iraIent irais irait iras irent irez iriez irions irons "
        "iront is issaIent issais issait issant issante issantes issants isse issent isses issez "
        "issiez issions issons it",
        test=NOT_BEHIND_RV,
        letters=VOWEL_LETTERS + "H",
    )
)
VERBS = rules(
    Rule(suffixes="ions", region=R2),
    Rule(suffixes="é ée ées és èrent er era erai eraIent erais erait eras erez eriez erions erons eront ez iez"),
    Rule(
        suffixes="âmes ât âtes a ai aIent ais ait ant ante antes ants as asse assent asses assiez assions",
        then=rules(Rule(suffixes="e", region=RV)),
    ),
)
RESIDUES = rules(
    Rule(suffixes="ion", region=R2, test=BEHIND_RV, letters="st"),
    Rule(suffixes="ier ière Ier Ière", to="i"),
    Rule(suffixes="e"),
)
DOUBLED = rules(*(Rule(suffixes=pair, to=pair[:-1]) for pair in ["enn", "onn", "ett", "ell", "eill"]))


def mark_vowels(w: Word) -> None:
    """U and i between vowels, y beside one, u behind q are no vowels; ë and ï are two letters."""
    i: i32 = 0
    while i < w.n:
        following: i32 = w.letters[i + 1] if i + 1 < w.n else 0
        if (vowel_at(w, i) and (following == 117 or following == 105) and vowel_at(w, i + 2)) or (
            vowel_at(w, i) and following == 121
        ):
            mark(w, i + 1)
            i += 2
        elif w.letters[i] == 121 and vowel_at(w, i + 1):
            mark(w, i)
            i += 1
        elif w.letters[i] == 113 and following == 117:
            mark(w, i + 1)
            i += 2
        else:
            i += 1


def french_regions(w: Word) -> None:
    """R1, R2; and RV."""
    find_regions(w)
    if (
        (vowel_at(w, 0) and vowel_at(w, 1))
        or is_at(w, 0, *lit(b"par"))
        or is_at(w, 0, *lit(b"col"))
        or is_at(w, 0, *lit(b"tap"))
        or (is_at(w, 0, *lit(b"ni")) and vowel_at(w, 2))
    ):
        w.rv = 3
    else:
        w.rv = next_vowel(w, 1)
    if w.rv > w.n:
        w.rv = w.n


def strip_derived(w: Word) -> i32:
    """Step 1: 0: nothing was removed; 2: an ending of adverbs was, after which verbs are looked for, too."""
    if ends(w, *lit(b"issement")) or ends(w, *lit(b"issements")):
        at: i32 = w.n - (8 if last(w) == 116 else 9)
        return 0 if at < 1 or vowel_at(w, at - 1) else step(w, ISSEMENT, ANYWHERE)
    longer: i32 = suffix_size(w, LONGER)
    is_adverb: bool = longer == 0 or w.letters[w.n - longer] == 97 or ends(w, *lit(b"emment"))
    if is_adverb and step(w, ADVERBS, ANYWHERE):
        return 2
    return step(w, DERIVED, ANYWHERE)


def strip_verb(w: Word) -> i32:
    """Steps 2a and 2b: 1: a suffix was removed."""
    if step(w, I_VERBS, RV):
        return 1
    return step(w, VERBS, RV)


def strip_residue(w: Word) -> None:
    """Step 4."""
    if last(w) == 115 and w.n > 1:
        c: i32 = w.letters[w.n - 2]
        if not among(KEEPS_S, c) or (c == 105 and w.n > 2 and w.letters[w.n - 3] == 72):
            w.n -= 1
    _ = step(w, RESIDUES, RV)


def strip_accent(w: Word) -> None:
    """Step 6: é and è in front of consonants that end the word."""
    at: i32 = w.n - 1
    while at >= 0 and not vowel_at(w, at):
        at -= 1
    if at >= 0 and at < w.n - 1 and (w.letters[at] == 0xE9 or w.letters[at] == 0xE8):
        w.letters[at] = 101


def stem_french(w: Word) -> None:
    """Stem a word."""
    w.vowels = VOWELS
    mark_vowels(w)
    spread(w, DIAERESES)
    french_regions(w)
    removed: i32 = strip_derived(w)
    if removed != 1:
        verb: i32 = strip_verb(w)
        removed = verb if verb else removed
    if removed:
        if last(w) == 89:
            w.letters[w.n - 1] = 105
        elif last(w) == 0xE7:
            w.letters[w.n - 1] = 99
    else:
        strip_residue(w)
    _ = step(w, DOUBLED, ANYWHERE)
    strip_accent(w)
    replace_all(w, 73, 105)
    replace_all(w, 85, 117)
    replace_all(w, 89, 121)
    join(w, DIAERESES)
