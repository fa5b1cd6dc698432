"""The Snowball stemmers for Spanish, Italian and Portuguese.

Source: https://snowballstem.org/algorithms/spanish/stemmer.html and its neighbours
"""

from turso_wasm.kernel.fts.stemmers.rules import ANYWHERE, BEHIND, R1, R2, RV, Rule, letters, spellings
from turso_wasm.kernel.fts.stemmers.rules import step as rules
from turso_wasm.kernel.fts.stemmers.word import (
    Word,
    find_regions,
    is_at,
    join,
    last,
    mark,
    next_consonant,
    next_vowel,
    replace_all,
    spread,
    step,
    suffix_size,
    vowel_at,
)
from turso_wasm.wasm.lang import at_import, i32, lit, ptr, u8

__subset__ = True


@at_import
def _then(suffixes: str, then: bytes = b"") -> bytes:
    """What is deleted in R2 before a suffix that was."""
    return rules(Rule(suffixes=suffixes, region=R2, then=then))


AT = _then("at")
IC = _then("ic")
IVA = Rule(suffixes="iva ivo ivas ivos", region=R2, then=AT)
AMENTE = Rule(
    suffixes="amente",
    region=R1,
    then=rules(Rule(suffixes="iv", region=R2, then=AT), Rule(suffixes="os ic ad", region=R2)),
)

# --- Spanish ------------------------------------------------------------------------------------------------------

SPANISH_VOWELS = letters("aeiouáéíóúü")
SPANISH_PRONOUNS = rules(Rule(suffixes="me se sela selo selas selos la le lo las les los nos"))
SPANISH_HOSTS = rules(
    *(
        Rule(suffixes=suffix, region=RV, to=to)
        for suffix, to in zip(["iéndo", "ándo", "ár", "ér", "ír"], ["iendo", "ando", "ar", "er", "ir"], strict=True)
    ),
    *(Rule(suffixes=suffix, region=RV, to=suffix) for suffix in ["ando", "iendo", "ar", "er", "ir"]),
    Rule(suffixes="yendo", region=RV, to="yendo", test=BEHIND, letters="u"),
)
SPANISH_DERIVED = rules(
    Rule(
        suffixes="anza anzas ico ica icos icas ismo ismos able ables ible ibles ista istas oso osa osos "
        "osas amiento amientos imiento imientos",
        region=R2,
    ),
    Rule(suffixes="adora ador ación adoras adores aciones ante antes ancia ancias acion", region=R2, then=IC),
    Rule(suffixes="logía logías", region=R2, to="log"),
    Rule(suffixes="ución uciones ucion", region=R2, to="u"),
    Rule(suffixes="encia encias", region=R2, to="ente"),
    AMENTE,
    Rule(suffixes="mente", region=R2, then=_then("ante able ible")),
    Rule(suffixes="idad idades", region=R2, then=_then("abil ic iv")),
    IVA,
)
SPANISH_Y = rules(Rule(suffixes="ya ye yan yen yeron yendo yo yó yas yes yais yamos", test=BEHIND, letters="u"))
GU = rules(Rule(suffixes="gu", to="g"))
SPANISH_VERBS = rules(
    Rule(suffixes="en es éis emos", then=GU),
    Rule(
        suffixes="arían arías arán arás aríais aría aréis aríamos aremos ará aré erían erías erán erás "
        "eríais ería eréis eríamos eremos erá eré irían irías irán irás iríais iría iréis iríamos "
        "iremos irá iré aba ada ida ía ara iera ad ed id ase iese aste iste an aban ían aran "
        "ieran asen iesen aron ieron ado ido ando iendo ió ar er ir as abas adas idas ías aras "
        "ieras ases ieses ís áis abais íais arais ierais aseis ieseis asteis isteis ados idos "
        "amos ábamos íamos imos áramos iéramos iésemos ásemos"
    ),
)
SPANISH_VOWEL = rules(Rule(suffixes="os a o á í ó e é"))


def second_region(w: Word, vowels: ptr[u8]) -> None:
    """R1, R2, and RV as in Spanish."""
    w.vowels = vowels
    find_regions(w)
    if not vowel_at(w, 1):
        w.rv = next_vowel(w, 2) if w.n > 2 else w.n
    elif vowel_at(w, 0):
        w.rv = next_consonant(w, 2)
    else:
        w.rv = 3
    if w.rv > w.n:
        w.rv = w.n


def strip_pronoun(w: Word, pronouns: ptr[u8], hosts: ptr[u8]) -> None:
    """A pronoun behind the forms of a verb that take one."""
    size: i32 = suffix_size(w, pronouns)
    w.n -= size
    if size and step(w, hosts, ANYWHERE) == 0:
        w.n += size


def strip_u(w: Word) -> None:
    """The last vowel, and in Spanish u behind g in front of e."""
    e: bool = last(w) == 101 or last(w) == 0xE9
    if step(w, SPANISH_VOWEL, RV) and e and w.n - 1 >= w.rv and suffix_size(w, GU):
        w.n -= 1


def stem_spanish(w: Word) -> None:
    """Stem a word."""
    second_region(w, SPANISH_VOWELS)
    strip_pronoun(w, SPANISH_PRONOUNS, SPANISH_HOSTS)
    if step(w, SPANISH_DERIVED, ANYWHERE) == 0 and step(w, SPANISH_Y, RV) == 0:
        _ = step(w, SPANISH_VERBS, RV)
    strip_u(w)
    replace_all(w, 0xE1, 97)
    replace_all(w, 0xE9, 101)
    replace_all(w, 0xED, 105)
    replace_all(w, 0xF3, 111)
    replace_all(w, 0xFA, 117)


# --- Italian ------------------------------------------------------------------------------------------------------

ITALIAN_VOWELS = letters("aeiouàèìòù")
ITALIAN_PRONOUNS = rules(
    Rule(
        suffixes="ci gli la le li lo mi ne si ti vi sene gliela gliele glieli glielo gliene mela mele meli "
        "melo mene tela tele teli telo tene cela cele celi celo cene vela vele veli velo vene"
    )
)
ITALIAN_HOSTS = rules(
    *(Rule(suffixes=suffix, region=RV, to=suffix) for suffix in ("ando", "endo")),
    *(Rule(suffixes=suffix, region=RV, to=suffix + "e") for suffix in ("ar", "er", "ir")),
)
ITALIAN_DERIVED = rules(
    Rule(
        suffixes="anza anze ico ici ica ice iche ichi ismo ismi abile abili ibile ibili ista iste isti "
        "istà istè istì oso osi osa ose mente atrice atrici ante anti",
        region=R2,
    ),
    Rule(suffixes="azione azioni atore atori", region=R2, then=IC),
    Rule(suffixes="logia logie", region=R2, to="log"),
    Rule(suffixes="uzione uzioni usione usioni", region=R2, to="u"),
    Rule(suffixes="enza enze", region=R2, to="ente"),
    Rule(suffixes="amento amenti imento imenti", region=RV),
    Rule(
        suffixes="amente",
        region=R1,
        then=rules(Rule(suffixes="iv", region=R2, then=AT), Rule(suffixes="os ic abil", region=R2)),
    ),
    Rule(suffixes="ità", region=R2, then=_then("abil ic iv")),
    Rule(suffixes="ivo ivi iva ive", region=R2, then=_then("at", IC)),
)
ITALIAN_VERBS = rules(
    Rule(
        suffixes="ammo ando ano are arono asse assero assi assimo ata ate ati ato ava avamo avano avate "
        "avi avo emmo enda ende endi endo erà erai eranno ere erebbe erebbero erei eremmo eremo "
        "ereste eresti erete erò erono essero ete eva evamo evano evate evi evo Yamo iamo immo "
        "irà irai iranno ire irebbe irebbero irei iremmo iremo ireste iresti irete irò irono isca "
        "iscano isce isci isco iscono issero ita ite iti ito iva ivamo ivano ivate ivi ivo ono "
        "uta ute uti uto ar ir"
    )
)
ITALIAN_VOWEL = rules(Rule(suffixes="a e i o à è ì ò"))
ITALIAN_I = rules(Rule(suffixes="i"))
ITALIAN_H = rules(Rule(suffixes="ch", to="c"), Rule(suffixes="gh", to="g"))


def mark_italian(w: Word) -> None:
    """Accents are grave ones; u behind q, and u and i between vowels, are no vowels."""
    replace_all(w, 0xE1, 0xE0)
    replace_all(w, 0xE9, 0xE8)
    replace_all(w, 0xED, 0xEC)
    replace_all(w, 0xF3, 0xF2)
    replace_all(w, 0xFA, 0xF9)
    for i in range(1, w.n):
        c: i32 = w.letters[i]
        if c == 117 and w.letters[i - 1] == 113:
            mark(w, i)
    i = 1
    while i < w.n:
        c = w.letters[i]
        if (c == 117 or c == 105) and vowel_at(w, i - 1) and vowel_at(w, i + 1):
            mark(w, i)
            i += 1
        i += 1


def stem_italian(w: Word) -> None:
    """Stem a word."""
    w.vowels = ITALIAN_VOWELS
    mark_italian(w)
    second_region(w, ITALIAN_VOWELS)
    if is_at(w, 0, *lit(b"divan")):
        w.rv = 5
    strip_pronoun(w, ITALIAN_PRONOUNS, ITALIAN_HOSTS)
    if step(w, ITALIAN_DERIVED, ANYWHERE) == 0:
        _ = step(w, ITALIAN_VERBS, RV)
    if step(w, ITALIAN_VOWEL, RV):
        _ = step(w, ITALIAN_I, RV)
    _ = step(w, ITALIAN_H, RV)
    replace_all(w, 73, 105)
    replace_all(w, 85, 117)


# --- Portuguese ---------------------------------------------------------------------------------------------------

TILDES = spellings("~", ("ã", "a~"), ("õ", "o~"))
PORTUGUESE_VOWELS = letters("aeiouáéíóúâêô")
PORTUGUESE_DERIVED = rules(
    Rule(
        suffixes="eza ezas ico ica icos icas ismo ismos ável ível ista istas oso osa osos osas amento "
        "amentos imento imentos adora ador aça~o adoras adores aço~es ante antes ância",
        region=R2,
    ),
    Rule(suffixes="logia logias", region=R2, to="log"),
    Rule(suffixes="uça~o uço~es", region=R2, to="u"),
    Rule(suffixes="ência ências", region=R2, to="ente"),
    AMENTE,
    Rule(suffixes="mente", region=R2, then=_then("ante avel ível")),
    Rule(suffixes="idade idades", region=R2, then=_then("abil ic iv")),
    IVA,
    Rule(suffixes="ira iras", region=RV, to="ir", test=BEHIND, letters="e"),
)
PORTUGUESE_VERBS = rules(
    Rule(
        suffixes="ada ida ia aria eria iria ará ara erá era irá ava asse esse isse aste este iste ei arei "
        "erei irei am iam ariam eriam iriam aram eram iram avam em arem erem irem assem essem "
        "issem ado ido ando endo indo ara~o era~o ira~o ar er ir as adas idas ias arias erias "
        "irias arás aras erás eras irás avas es ardes erdes irdes ares eres ires asses esses "
        "isses astes estes istes is ais eis íeis aríeis eríeis iríeis áreis areis éreis ereis "
        "íreis ireis ásseis ésseis ísseis áveis ados idos ámos amos íamos aríamos eríamos iríamos "
        "áramos éramos íramos ávamos emos aremos eremos iremos ássemos êssemos íssemos imos armos "
        "ermos irmos eu iu ou ira iras"
    )
)
PORTUGUESE_I = rules(Rule(suffixes="i", test=BEHIND, letters="c"))
PORTUGUESE_VOWEL = rules(Rule(suffixes="os a i o á í ó"))
PORTUGUESE_E = rules(Rule(suffixes="e é ê"))
PORTUGUESE_CEDILLA = rules(Rule(suffixes="ç", to="c"))
PORTUGUESE_STEM_END = rules(Rule(suffixes="gu ci"))


def stem_portuguese(w: Word) -> None:
    """Stem a word."""
    w.vowels = PORTUGUESE_VOWELS
    spread(w, TILDES)
    second_region(w, PORTUGUESE_VOWELS)
    if step(w, PORTUGUESE_DERIVED, ANYWHERE) or step(w, PORTUGUESE_VERBS, RV):
        _ = step(w, PORTUGUESE_I, RV)
    else:
        _ = step(w, PORTUGUESE_VOWEL, RV)
    if step(w, PORTUGUESE_E, RV):
        if w.n - 1 >= w.rv and suffix_size(w, PORTUGUESE_STEM_END):
            w.n -= 1
    else:
        _ = step(w, PORTUGUESE_CEDILLA, ANYWHERE)
    join(w, TILDES)
