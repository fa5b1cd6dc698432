"""How alike two texts are, and how they sound.

Source: Levenshtein 1966; Damerau 1964; Winkler 1990; https://en.wikipedia.org/wiki/Soundex
"""


def _chars(text: str) -> list[int]:
    out: list[int] = []
    for char in text:
        out.append(ord(char))
    return out


def fuzzy_leven(a: str, b: str) -> int:
    """Levenshtein distance: characters inserted, removed or replaced."""
    second = _chars(b)
    before = [0] * (len(second) + 1)
    for j in range(len(second) + 1):
        before[j] = j
    i = 0
    for x in _chars(a):
        i += 1
        row = [i] * (len(second) + 1)
        for j in range(len(second)):
            row[j + 1] = min(before[j] + (x != second[j]), before[j + 1] + 1, row[j] + 1)
        before = row
    return before[-1]


def fuzzy_osadist(a: str, b: str) -> int:
    """Optimal string alignment: as Levenshtein's, and neighbours swapped, each character touched once."""
    first, second = _chars(a), _chars(b)
    width = len(second) + 1
    cells = [0] * ((len(first) + 1) * width)
    for j in range(width):
        cells[j] = j
    for i in range(1, len(first) + 1):
        cells[i * width] = i
        for j in range(1, width):
            cost = 0 if first[i - 1] == second[j - 1] else 1
            at = i * width + j
            best = min(cells[at - width] + 1, cells[at - 1] + 1, cells[at - width - 1] + cost)
            if i > 1 and j > 1 and first[i - 1] == second[j - 2] and first[i - 2] == second[j - 1]:
                best = min(best, cells[at - 2 * width - 2] + 1)
            cells[at] = best
    return cells[-1]


def fuzzy_damlev(a: str, b: str) -> int:
    """Damerau-Levenshtein distance: as Levenshtein's, and neighbours swapped, however often touched."""
    first, second = _chars(a), _chars(b)
    width = len(second) + 2
    most = len(first) + len(second)
    cells = [0] * ((len(first) + 2) * width)
    cells[0] = most
    for i in range(len(first) + 1):
        cells[(i + 1) * width] = most
        cells[(i + 1) * width + 1] = i
    for j in range(len(second) + 1):
        cells[j + 1] = most
        cells[width + j + 1] = j
    for i in range(1, len(first) + 1):
        seen_column = 0
        for j in range(1, len(second) + 1):
            row = i - 1
            while row > 0 and first[row - 1] != second[j - 1]:
                row -= 1
            column = seen_column
            cost = 1
            if first[i - 1] == second[j - 1]:
                cost = 0
                seen_column = j
            swapped = cells[row * width + column] + (i - row - 1) + 1 + (j - column - 1)
            at = (i + 1) * width + j + 1
            cells[at] = min(cells[at - width - 1] + cost, cells[at - 1] + 1, cells[at - width] + 1, swapped)
    return cells[-1]


def fuzzy_hamming(a: str, b: str) -> int:
    """Places at which two texts of one length differ; -1 when their lengths do."""
    first, second = _chars(a), _chars(b)
    if len(first) != len(second):
        return -1
    different = 0
    for at in range(len(first)):
        different += first[at] != second[at]
    return different


def _jaro(first: list[int], second: list[int]) -> float:
    if len(first) == 0 or len(second) == 0:
        return 1.0 if len(first) == len(second) else 0.0
    reach = max(max(len(first), len(second)) // 2 - 1, 0)
    taken = [0] * len(second)
    matched: list[int] = []
    for i in range(len(first)):
        for j in range(max(i - reach, 0), min(i + reach + 1, len(second))):
            if taken[j] == 0 and first[i] == second[j]:
                taken[j] = 1
                matched.append(first[i])
                break
    if len(matched) == 0:
        return 0.0
    swapped = 0
    at = 0
    for j in range(len(second)):
        if taken[j] == 1:
            swapped += second[j] != matched[at]
            at += 1
    m = float(len(matched))
    return (m / len(first) + m / len(second) + (m - swapped // 2) / m) / 3.0


def fuzzy_jarowin(a: str, b: str) -> float:
    """Jaro-Winkler similarity, from 0 to 1."""
    first, second = _chars(a), _chars(b)
    similar = _jaro(first, second)
    shared = 0
    while shared < min(4, len(first), len(second)) and first[shared] == second[shared]:
        shared += 1
    return similar + shared * 0.1 * (1.0 - similar)


def _letters(text: str) -> str:
    """The ASCII letters, in upper case."""
    out = ""
    for char in text:
        if "a" <= char <= "z":
            out += chr(ord(char) - 32)
        elif "A" <= char <= "Z":
            out += char
    return out


def fuzzy_soundex(text: str) -> str:
    """American Soundex: a letter and three digits; an empty text without letters."""
    codes = "01230120022455012623010202"
    letters = _letters(text)
    if letters == "":
        return ""
    out = letters[0]
    last = codes[ord(letters[0]) - 65]
    for letter in letters[1:]:
        code = codes[ord(letter) - 65]
        if code != "0" and code != last:
            out += code
        if letter != "H" and letter != "W":
            last = code
        if len(out) == 4:
            return out
    return out + "0" * (4 - len(out))


def fuzzy_rsoundex(text: str) -> str:
    """Refined Soundex: a letter, and a digit for each run of letters of one sound, its own among them."""
    codes = "01360240043788015936020505"
    letters = _letters(text)
    if letters == "":
        return ""
    out = letters[0]
    last = ""
    for letter in letters:
        code = codes[ord(letter) - 65]
        if code != last:
            out += code
        last = code
    return out
