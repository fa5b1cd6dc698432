"""How words sound, and what they look like in ASCII.

Source: Caverphone 2.0 (D. Hood, 2004); ISO 15924 (numbers of scripts)
"""

import unicodedata

_VOWELS = "aeiou"
_GROUPS = "spktfmn"
_OUGH = ("cough", "rough", "tough", "enough", "trough")
_CLASSES = "ABCDABC.ACCLMMABCRCDABBCAC"  # of the letters: vowels A, lips B, hissing and throat C, teeth D; h is silent

_CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z", "и": "i", "й": "y", "к": "k",
    "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "h",
    "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ы": "i", "ь": "", "э": "e", "ю": "yu", "я": "ya",
    "ѐ": "e", "ё": "yo", "ђ": "dj", "ѓ": "gj", "є": "ie", "ѕ": "dz", "і": "i", "ї": "yi", "ј": "j", "љ": "lj",
    "њ": "nj", "ћ": "c", "ќ": "kj", "ѝ": "i", "ў": "w", "џ": "dz", "ґ": "g",
}  # fmt: skip
_GREEK = {
    "α": "a", "β": "b", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l",
    "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "ς": "s", "σ": "s", "τ": "t", "υ": "y", "φ": "f",
    "χ": "ch", "ψ": "ps", "ω": "o",
}  # fmt: skip
_LATIN = {
    "ß": "ss", "æ": "ae", "ø": "o", "þ": "th", "ð": "d", "đ": "d", "ħ": "h", "ı": "i", "ĳ": "ij", "ĸ": "k", "ł": "l",
    "ŋ": "ng", "œ": "oe", "ŧ": "t", "ƒ": "f", "×": "x", "÷": "/", "«": "<<", "»": ">>", "‘": "'", "’": "'", "“": '"',
    "”": '"', "–": "-", "—": "-", "…": "...",
}  # fmt: skip


def _ascii(char: str) -> str:
    """What a character is written as in ASCII."""
    for table in (_LATIN, _CYRILLIC, _GREEK):
        lower = char.lower()
        if lower in table:
            return table[lower] if char == lower else table[lower][:1].upper() + table[lower][1:]
    parts = unicodedata.normalize("NFKD", char)
    if len(parts) == 1:
        return parts if parts.isascii() else "?"
    return "".join(_ascii(part) for part in parts if not unicodedata.combining(part))


_LOW = tuple(_ascii(chr(code)) for code in range(0xA0, 0x530))
_EXTRA = tuple(_ascii(chr(code)) for code in range(0x1E00, 0x2030))


def fuzzy_translit(text: str) -> str:
    """The text in ASCII: Latin letters without their marks, Greek and Cyrillic ones as they sound, `?` for others."""
    out = ""
    for char in text:
        code = ord(char)
        if code < 0x80:
            out += char
        elif 0xA0 <= code < 0x530:
            out += _LOW[code - 0xA0]
        elif 0x1E00 <= code < 0x2030:
            out += _EXTRA[code - 0x1E00]
        else:
            out += "?"
    return out


def _script(code: int) -> int:
    if 65 <= code <= 90 or 97 <= code <= 122 or (0xC0 <= code < 0x250 and code != 0xD7 and code != 0xF7):
        return 215
    if 0x1E00 <= code < 0x1F00:
        return 215
    if 0x370 <= code < 0x400 or 0x1F00 <= code < 0x2000:
        return 200
    if 0x400 <= code < 0x530:
        return 220
    if 0x590 <= code < 0x600:
        return 125
    if 0x600 <= code < 0x780:
        return 160
    return 0


def fuzzy_script(text: str) -> int:
    """The script of a text's letters: 125 Hebrew, 160 Arabic, 200 Greek, 215 Latin, 220 Cyrillic; 998 more than one of
    them, 999 none.
    """
    found = 999
    for char in text:
        script = _script(ord(char))
        if script != 0 and script != found:
            if found != 999:
                return 998
            found = script
    return found


def _letters(text: str) -> str:
    """The ASCII letters, in lower case."""
    out = ""
    for char in text:
        if "a" <= char <= "z":
            out += char
        elif "A" <= char <= "Z":
            out += chr(ord(char) + 32)
    return out


def fuzzy_phonetic(text: str) -> str:
    """A letter for each run of letters that sound alike, of the text in ASCII; h is silent."""
    out = ""
    for char in _letters(fuzzy_translit(text)):
        kind = _CLASSES[ord(char) - 97]
        if kind != "." and (out == "" or out[-1] != kind):
            out += kind
    return out


def _start(word: str, old: str, new: str) -> str:
    """The word with another beginning, if it has that one."""
    return new + word[len(old) :] if word.startswith(old) else word


def _end(word: str, old: str, new: str) -> str:
    """The word with another end, if it has that one."""
    return word[: len(word) - len(old)] + new if word.endswith(old) else word


def _vowels(word: str) -> str:
    """A for a vowel at the beginning, 3 for the others."""
    out = ""
    for char in word:
        out += char if char not in _VOWELS else "A" if out == "" else "3"
    return out


def _runs(word: str) -> str:
    """A capital for each run of one of the letters s p k t f m n."""
    out = ""
    last = ""
    for char in word:
        if char not in _GROUPS:
            out += char
        elif char != last:
            out += chr(ord(char) - 32)
        last = char
    return out


def fuzzy_caver(text: str) -> str:
    """Caverphone 2.0: ten characters, `1` where there is nothing more; an empty text without letters."""
    word = _end(_letters(text), "e", "")
    if word == "":
        return ""
    for start in _OUGH:
        word = _start(word, start, start[: len(start) - 2] + "2f")
    word = _end(_start(word, "gn", "2n"), "mb", "m2")
    word = word.replace("cq", "2q").replace("ci", "si").replace("ce", "se").replace("cy", "sy").replace("tch", "2ch")
    word = word.replace("c", "k").replace("q", "k").replace("x", "k").replace("v", "f").replace("dg", "2g")
    word = word.replace("tio", "sio").replace("tia", "sia").replace("d", "t").replace("ph", "fh").replace("b", "p")
    word = _vowels(word.replace("sh", "s2").replace("z", "s")).replace("j", "y")
    word = _start(_start(word, "y3", "Y3"), "y", "A").replace("y", "3")
    word = _runs(word.replace("3gh3", "3kh3").replace("gh", "22").replace("g", "k"))
    word = _end(word.replace("w3", "W3").replace("wh3", "Wh3"), "w", "3").replace("w", "2")
    word = _start(word, "h", "A").replace("h", "2")
    word = _end(word.replace("r3", "R3"), "r", "3").replace("r", "2")
    word = _end(word.replace("l3", "L3"), "l", "3").replace("l", "2")
    word = _end(word.replace("2", ""), "3", "A").replace("3", "")
    return (word + "1111111111")[:10]


def _substitution(a: str, b: str) -> int:
    """What it costs to take one letter for another."""
    if a == b:
        return 0
    first, second = _letters(a), _letters(b)
    if first == "" or second == "":
        return 150
    if first == second:
        return 25
    kind, other = _CLASSES[ord(first) - 97], _CLASSES[ord(second) - 97]
    if kind == other:
        return 50 if kind == "A" else 40
    return 100 if kind != "A" and other != "A" else 150


def _single(text: str, at: int) -> int:
    """What it costs to add or to lose a letter."""
    if at > 0 and text[at] == text[at - 1]:
        return 10
    letter = _letters(text[at])
    return 50 if letter != "" and letter in "hHaeiouy" else 100


def fuzzy_editdist(a: str, b: str) -> int:
    """How far two texts in ASCII are apart, 100 for a letter more or less: less for vowels, h, doubled letters (10 to
    50) and letters that sound alike (25 to 50), more where a vowel is taken for a consonant (150).
    """
    a, b = fuzzy_translit(a), fuzzy_translit(b)
    before = [0] * (len(b) + 1)
    for j in range(len(b)):
        before[j + 1] = before[j] + _single(b, j)
    for i in range(len(a)):
        row = [before[0] + _single(a, i)] * (len(b) + 1)
        for j in range(len(b)):
            changed = before[j] + _substitution(a[i], b[j])
            row[j + 1] = min(changed, before[j + 1] + _single(a, i), row[j] + _single(b, j))
        before = row
    return before[-1]
