"""The Snowball stemmer for Russian.

Source: https://snowballstem.org/algorithms/russian/stemmer.html
"""

from turso_wasm.kernel.fts.stemmers.rules import BEHIND_RV, R2, RV, Rule, letters
from turso_wasm.kernel.fts.stemmers.rules import step as rules
from turso_wasm.kernel.fts.stemmers.word import Word, find_regions, next_vowel, replace_all, step
from turso_wasm.wasm.lang import at_import

__subset__ = True

VOWELS = letters("аеиоуыэюя")


@at_import
def _behind_a(suffixes: str) -> Rule:
    return Rule(suffixes=suffixes, test=BEHIND_RV, letters="ая")


GERUNDS = rules(_behind_a("в вши вшись"), Rule(suffixes="ив ивши ившись ыв ывши ывшись"))
REFLEXIVES = rules(Rule(suffixes="ся сь"))
ADJECTIVES = rules(
    Rule(suffixes="ее ие ые ое ими ыми ей ий ый ой ем им ым ом его ого ему ому их ых ую юю ая яя ою ею"),
)
PARTICIPLES = rules(_behind_a("ем нн вш ющ щ"), Rule(suffixes="ивш ывш ующ"))
VERBS = rules(
    _behind_a("ла на ете йте ли й л ем н ло но ет ют ны ть ешь нно"),
    Rule(
        suffixes="ила ыла ена ейте уйте ите или ыли ей уй ил ыл им ым ен ило ыло ено ят ует уют ит ыт ены "
        "ить ыть ишь ую ю"
    ),
)
NOUNS = rules(
    Rule(
        suffixes="а ев ов ие ье е иями ями ами еи ии и ией ей ой ий й иям ям ием ем ам ом о у ах иях ях ы "
        "ь ию ью ю ия ья я"
    ),
)
I = rules(Rule(suffixes="и"))  # noqa: E741
DERIVED = rules(Rule(suffixes="ост ость", region=R2))
DOUBLE_N = rules(Rule(suffixes="нн", to="н"))
LAST = rules(
    Rule(suffixes="нн", to="н"),
    Rule(suffixes="ейш ейше", then=DOUBLE_N),
    Rule(suffixes="ь"),
)


def strip_ending(w: Word) -> None:
    """Step 1."""
    if step(w, GERUNDS, RV):
        return
    _ = step(w, REFLEXIVES, RV)
    if step(w, ADJECTIVES, RV):
        _ = step(w, PARTICIPLES, RV)
    elif step(w, VERBS, RV) == 0:
        _ = step(w, NOUNS, RV)


def stem_russian(w: Word) -> None:
    """Stem a word."""
    w.vowels = VOWELS
    replace_all(w, 0x451, 0x435)
    find_regions(w)
    w.rv = next_vowel(w, 0)
    strip_ending(w)
    _ = step(w, I, RV)
    _ = step(w, DERIVED, RV)
    _ = step(w, LAST, RV)
