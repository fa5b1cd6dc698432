"""The Porter stemmer for English.

Owns the rules of M. F. Porter, "An algorithm for suffix stripping", 1980, as tables. Works on bytes; whatever is not an
ASCII letter counts as a consonant.

A rule is a suffix, what replaces it, and the least measure of the stem before it; in each step the first rule whose
suffix fits decides.
"""

from turso_wasm.wasm.lang import at_import, i32, memory_copy, ptr, u8

__subset__ = True


@at_import
def _rules(least: int, *pairs: str) -> bytes:
    """Rules as data: for each the measure, the sizes, suffix and replacement; 255 at the end."""
    out = bytearray()
    for pair in pairs:
        suffix, replacement = (part.encode() for part in pair.split(":"))
        out += bytes([least, len(suffix), len(replacement)]) + suffix + replacement
    return bytes(out) + b"\xff"


PLURALS = _rules(0, "sses:ss", "ies:i", "ss:ss", "s:")
DOUBLES = _rules(
    1,
    "ational:ate", "tional:tion", "enci:ence", "anci:ance", "izer:ize", "logi:log", "bli:ble", "alli:al", "entli:ent",
    "eli:e", "ousli:ous", "ization:ize", "ation:ate", "ator:ate", "alism:al", "iveness:ive", "fulness:ful",
    "ousness:ous", "aliti:al", "iviti:ive", "biliti:ble",
)  # fmt: skip
SINGLES = _rules(1, "icate:ic", "ative:", "alize:al", "iciti:ic", "ical:ic", "ful:", "ness:")
ENDINGS = _rules(
    2,
    "al:", "ance:", "ence:", "er:", "ic:", "able:", "ible:", "ant:", "ement:", "ment:", "ent:", "ou:", "ism:",
    "ate:", "iti:", "ous:", "ive:", "ize:",
)  # fmt: skip


whole: i32 = 0  # FTS3: a suffix may be all of a word, and yy is no double consonant


def is_vowel(p: ptr[u8], i: i32) -> bool:
    """Whether letter i is a vowel: y is one behind a consonant."""
    c: i32 = p[i]
    if c == 97 or c == 101 or c == 105 or c == 111 or c == 117:
        return True
    if c != 121 or i == 0:
        return False
    return not is_vowel(p, i - 1)


def measure(p: ptr[u8], n: i32) -> i32:
    """How often vowels are followed by consonants."""
    count: i32 = 0
    before: bool = False
    for i in range(n):
        vowel: bool = is_vowel(p, i)
        if before and not vowel:
            count += 1
        before = vowel
    return count


def has_vowel(p: ptr[u8], n: i32) -> bool:
    """Whether there is a vowel."""
    i: i32 = 0
    while i < n and not is_vowel(p, i):
        i += 1
    return i < n


def ends_double(p: ptr[u8], n: i32) -> bool:
    """Whether it ends in two equal consonants, for which y always counts here."""
    return n >= 2 and p[n - 1] == p[n - 2] and ((p[n - 1] == 121 and whole == 0) or not is_vowel(p, n - 1))


def ends_short(p: ptr[u8], n: i32) -> bool:
    """Whether it ends consonant, vowel, consonant, the last not w, x or y."""
    if n < 3 or is_vowel(p, n - 1) or not is_vowel(p, n - 2) or is_vowel(p, n - 3):
        return False
    c: i32 = p[n - 1]
    return c != 119 and c != 120 and c != 121


def ends_with(p: ptr[u8], n: i32, suffix: ptr[u8], size: i32) -> bool:
    """Whether it ends in a suffix that is not all of it."""
    if size > n or (size == n and whole == 0):
        return False
    i: i32 = 0
    while i < size and p[n - size + i] == suffix[i]:
        i += 1
    return i == size


def apply(p: ptr[u8], n: i32, rule: ptr[u8]) -> i32:
    """The size after the rules of a step."""
    while rule[0] != 255:
        size: i32 = rule[1]
        replacement: i32 = rule[2]
        if ends_with(p, n, rule + 3, size):
            stem: i32 = n - size
            if rule[0] and measure(p, stem) < rule[0]:
                return n
            memory_copy(p + stem, rule + 3 + size, replacement)
            return stem + replacement
        rule += 3 + size + replacement
    return n


def strip_past(p: ptr[u8], n: i32) -> i32:
    """Step 1b: -eed, -ed, -ing."""
    if ends_with(p, n, b"eed", 3):
        return n - 1 if measure(p, n - 3) > 0 else n
    stem: i32 = n
    if ends_with(p, n, b"ed", 2):
        stem = n - 2
    elif ends_with(p, n, b"ing", 3):
        stem = n - 3
    if stem == n or not has_vowel(p, stem):
        return n
    if ends_with(p, stem, b"at", 2) or ends_with(p, stem, b"bl", 2) or ends_with(p, stem, b"iz", 2):
        p[stem] = 101
        return stem + 1
    if ends_double(p, stem):
        c: i32 = p[stem - 1]
        return stem if c == 108 or c == 115 or c == 122 else stem - 1
    if measure(p, stem) == 1 and ends_short(p, stem):
        p[stem] = 101
        return stem + 1
    return stem


def strip_ending(p: ptr[u8], n: i32) -> i32:
    """Step 4: -ion behind s or t, and the endings of the table."""
    if n > 4 and ends_with(p, n, b"ion", 3):
        before: i32 = p[n - 4]
        return n - 3 if (before == 115 or before == 116) and measure(p, n - 3) > 1 else n
    return apply(p, n, ENDINGS)


def porter_stem(p: ptr[u8], n: i32, fts3: i32) -> i32:
    """Stem a word of at least 3 bytes in place: its new size. At p there is room for one byte more. fts3: 1: by its
    rules.
    """
    global whole
    whole = fts3
    n = apply(p, n, PLURALS)
    n = strip_past(p, n)
    if n > 1 and p[n - 1] == 121 and has_vowel(p, n - 1):
        p[n - 1] = 105
    n = apply(p, n, DOUBLES)
    n = apply(p, n, SINGLES)
    n = strip_ending(p, n)
    if p[n - 1] == 101:
        m: i32 = measure(p, n - 1)
        if m > 1 or (m == 1 and not ends_short(p, n - 1)):
            n -= 1
    if n > 1 and p[n - 1] == 108 and p[n - 2] == 108 and measure(p, n - 1) > 1:
        n -= 1
    return n
