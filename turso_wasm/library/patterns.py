r"""Regular expressions, first half: a pattern becomes a program (library/regexp.py runs it).

Owns the syntax: `. [] () (?:) (?i) (?P<name>) | * + ? {m,n}`, lazy with `?` behind them; `^ $ \b \B \A \z`;
`\d \w \s \p{L}` and their opposites, of all of Unicode; escapes; the flags i (any case), m (lines), s (`.` is also
a line's end), x (blanks and comments do not count), U (lazy without `?`). No backreferences, and nothing that looks
around: with them nobody knows how long a search takes.

A pattern is read into nodes of six numbers: kind, three of its own, the first of its parts, the next one beside it.
A program is numbers of four bytes: how many instructions, how many groups, the character it begins with or -1, whether
it only matches at the start; instructions of three numbers; sets of characters, which are flags, a count, and pairs.

Source: K. Thompson, Regular Expression Search Algorithm, 1968; R. Cox, https://swtch.com/~rsc/regexp/
"""

from turso_wasm.typed.characters import CATEGORY_NAMES, folded

# Kinds of nodes: a, b, c are their numbers.
EMPTY, CHAR, ANY, SET, SEQUENCE, EITHER, REPEAT, GROUP, ASSERT = 0, 1, 2, 3, 4, 5, 6, 7, 8
_WIDTH = 6
_A, _B, _C, _PARTS, _NEXT = 1, 2, 3, 4, 5

# Operations of a program.
OP_CHAR, OP_FOLDED, OP_ANY, OP_ALL, OP_SET = 1, 2, 3, 4, 5
OP_SPLIT, OP_JUMP, OP_SAVE, OP_ASSERT, OP_MATCH = 6, 7, 8, 9, 10
TEXT_START, TEXT_END, LINE_START, LINE_END, WORD_EDGE, NO_WORD_EDGE = 0, 1, 2, 3, 4, 5
HEAD = 4

# Sets: pairs from, to; from beyond all characters: a class, and its number or its categories.
CLASS = 0x110000
DIGIT, WORD, SPACE, CATEGORIES, NO_DIGIT, NO_WORD, NO_SPACE, NO_CATEGORIES = 0, 1, 2, 3, 4, 5, 6, 7
NEGATED, ANY_CASE = 1, 2
LAST = 0x10FFFF

# Flags of a pattern.
_FLAGS = "imsxU"
_I, _M, _S, _X, _U = 1, 2, 4, 8, 16
_MOST = 20000  # instructions
_DEEPEST = 150  # groups in each other
_UNBOUNDED = -1

_POSIX_NAMES = ("alpha", "digit", "alnum", "upper", "lower", "space", "punct", "xdigit", "word", "blank", "cntrl")
_POSIX_RANGES = (
    "AZaz", "09", "09AZaz", "AZ", "az", "\t\r  ", "!/:@[`{~", "09AFaf", "09AZ__az", "\t\t  ", "\x00\x1f\x7f\x7f",
)  # fmt: skip
_ESCAPES = "tnrfva"
_ESCAPED = "\t\n\r\f\v\a"


def _node(nodes: list[int], kind: int, a: int, b: int, c: int, parts: int) -> int:
    """A new node; its place."""
    at = len(nodes)
    nodes.append(kind)
    nodes.append(a)
    nodes.append(b)
    nodes.append(c)
    nodes.append(parts)
    nodes.append(-1)
    return at


# --- characters -------------------------------------------------------------------------------------------------------


def _categories(name: str) -> int:
    """The bits of the categories that a name of one or two letters stands for. Raises for other names."""
    if name == "Letter" or name == "Alphabetic":
        name = "L"
    bits = 0
    for at in range(1, len(CATEGORY_NAMES)):
        if CATEGORY_NAMES[at] == name or CATEGORY_NAMES[at][:1] == name:
            bits |= 1 << at
    if bits == 0:
        raise ValueError("unknown Unicode category in a regular expression")
    return bits


def _class_of(char: str) -> int:
    """The class that a letter behind a backslash is, or -1."""
    found = "dws.DWS".find(char)
    return -1 if char == "" or char == "." else found


def _hex_value(text: str) -> int:
    value = 0
    if text == "" or len(text) > 6:
        raise ValueError("malformed escape in a regular expression")
    for char in text:
        digit = "0123456789abcdefABCDEF".find(char)
        if digit < 0:
            raise ValueError("malformed escape in a regular expression")
        value = value * 16 + (digit if digit < 16 else digit - 6)
    if value > LAST:
        raise ValueError("malformed escape in a regular expression")
    return value


def _escape_end(pattern: str, at: int) -> int:
    """Where an escape ends whose letter is at a place."""
    char = pattern[at : at + 1]
    if char != "x" and char != "u" and char != "U" and char != "p" and char != "P":
        return at + 1
    if pattern[at + 1 : at + 2] == "{":
        end = pattern[at:].find("}")
        if end < 0:
            raise ValueError("malformed escape in a regular expression")
        return at + end + 1
    return at + (3 if char == "x" else 5 if char == "u" else 9 if char == "U" else 2)


def _escaped(pattern: str, at: int) -> int:
    """The character that an escape is whose letter is at a place. Raises for letters that mean nothing."""
    char = pattern[at : at + 1]
    if char == "":
        raise ValueError("a regular expression ends with a backslash")
    found = _ESCAPES.find(char)
    if found >= 0:
        return ord(_ESCAPED[found])
    if char == "x" or char == "u" or char == "U":
        digits = pattern[at + 1 : _escape_end(pattern, at)]
        if digits.startswith("{"):
            digits = digits[1 : len(digits) - 1]
        return _hex_value(digits)
    if char == "0":
        return 0
    if "a" <= char <= "z" or "A" <= char <= "Z" or "1" <= char <= "9":
        raise ValueError("unknown escape in a regular expression")
    return ord(char)


def _property(pattern: str, at: int) -> int:
    r"""The categories of \p or \P, the place of whose letter is given."""
    name = pattern[at + 1 : _escape_end(pattern, at)]
    if name.startswith("{"):
        name = name[1 : len(name) - 1]
    return _categories(name)


def _add_range(pairs: list[int], low: int, high: int, flags: int) -> int:
    """Add a range, and what its characters fold to."""
    pairs.append(low)
    pairs.append(high)
    if flags & _I != 0 and high - low < 3000:
        for code in range(low, high + 1):
            other = folded(code)
            if other != code:
                pairs.append(other)
                pairs.append(other)
    return len(pairs)


def _add_class(pairs: list[int], pattern: str, at: int) -> bool:
    """Add the class that a letter behind a backslash is; False if it is none."""
    char = pattern[at : at + 1]
    kind = _class_of(char)
    if char == "p" or char == "P":
        pairs.append(CLASS + (CATEGORIES if char == "p" else NO_CATEGORIES))
        pairs.append(_property(pattern, at))
        return True
    if kind < 0:
        return False
    pairs.append(CLASS + kind)
    pairs.append(0)
    return True


def _add_posix(pairs: list[int], name: str) -> int:
    """Add a class like alpha. Raises for unknown ones."""
    for at in range(len(_POSIX_NAMES)):
        if _POSIX_NAMES[at] == name:
            ranges = _POSIX_RANGES[at]
            for place in range(0, len(ranges), 2):
                pairs.append(ord(ranges[place]))
                pairs.append(ord(ranges[place + 1]))
            return len(pairs)
    raise ValueError("unknown class in a regular expression")


def _bracket(pattern: str, at: int, flags: int, pairs: list[int]) -> int:
    """Read a set from behind its bracket, and its ^, on; where it ends."""
    start = at
    while True:
        char = pattern[at : at + 1]
        if char == "":
            raise ValueError("a regular expression lacks a ]")
        if char == "]" and at > start:
            return at + 1
        if char == "[" and pattern[at + 1 : at + 2] == ":":
            end = pattern[at:].find(":]")
            if end < 0:
                raise ValueError("a regular expression lacks a ]")
            _ = _add_posix(pairs, pattern[at + 2 : at + end])
            at += end + 2
        elif char == "\\" and _add_class(pairs, pattern, at + 1):
            at = _escape_end(pattern, at + 1)
        else:
            low = _escaped(pattern, at + 1) if char == "\\" else ord(char)
            at = _escape_end(pattern, at + 1) if char == "\\" else at + 1
            high = low
            if pattern[at : at + 1] == "-" and pattern[at + 1 : at + 2] != "]" and pattern[at + 1 : at + 2] != "":
                upper = pattern[at + 1]
                high = _escaped(pattern, at + 2) if upper == "\\" else ord(upper)
                at = _escape_end(pattern, at + 2) if upper == "\\" else at + 2
                if high < low:
                    raise ValueError("a range of a regular expression ends before it begins")
            _ = _add_range(pairs, low, high, flags)


def _put_set(sets: list[int], flags: int, pairs: list[int]) -> int:
    """Keep a set; its place."""
    at = len(sets)
    sets.append(flags)
    sets.append(len(pairs) // 2)
    for number in pairs:
        sets.append(number)
    return at


# --- the pattern ------------------------------------------------------------------------------------------------------


def _set_flags(text: str, flags: int) -> int:
    """The flags after `i`, `i-m` and the like. Raises for unknown ones."""
    removes = False
    for char in text:
        found = _FLAGS.find(char)
        if char == "-":
            removes = True
        elif found < 0:
            raise ValueError("unknown flag in a regular expression")
        else:
            flags = flags & ~(1 << found) if removes else flags | 1 << found
    return flags


def _quantifier_end(pattern: str, at: int) -> int:
    """Where {m}, {m,} or {m,n} ends; `at` itself for what is none of them."""
    end = at + 1
    digits, commas = 0, 0
    while end < len(pattern) and ("0" <= pattern[end] <= "9" or pattern[end] == ","):
        digits += pattern[end] != "," and commas == 0
        commas += pattern[end] == ","
        end += 1
    return end + 1 if pattern[end : end + 1] == "}" and digits > 0 and commas < 2 else at


def _times(text: str) -> int:
    if len(text) > 4:
        raise ValueError("a regular expression repeats too often")
    return int(text)


def _quantified(pattern: str, at: int, atom: int, nodes: list[int], flags: int) -> list[int]:
    """What follows an atom: the atom, repeated, and where the pattern goes on."""
    while at < len(pattern):
        char = pattern[at]
        least, most, end = 0, _UNBOUNDED, at + 1
        if char == "+":
            least = 1
        elif char == "?":
            most = 1
        elif char == "{":
            end = _quantifier_end(pattern, at)
            if end == at:
                return [atom, at]
            counts = pattern[at + 1 : end - 1]
            comma = counts.find(",")
            least = _times(counts if comma < 0 else counts[:comma])
            most = least if comma < 0 else _UNBOUNDED if counts.endswith(",") else _times(counts[comma + 1 :])
            if most != _UNBOUNDED and most < least:
                raise ValueError("a range of a regular expression ends before it begins")
        elif char != "*":
            return [atom, at]
        lazy = flags & _U != 0
        if pattern[end : end + 1] == "?":
            lazy = not lazy
            end += 1
        atom = _node(nodes, REPEAT, least, most, 1 if lazy else 0, atom)
        at = end
    return [atom, at]


def _escape_atom(pattern: str, at: int, nodes: list[int], sets: list[int], flags: int) -> int:
    """The node of an escape whose letter is at a place."""
    found = "AzbB".find(pattern[at : at + 1])
    if pattern[at : at + 1] != "" and found >= 0:
        kind = TEXT_START if found == 0 else TEXT_END if found == 1 else WORD_EDGE + found - 2
        return _node(nodes, ASSERT, kind, 0, 0, -1)
    pairs: list[int] = []
    if _add_class(pairs, pattern, at):
        return _node(nodes, SET, _put_set(sets, 0, pairs), 0, 0, -1)
    return _char(_escaped(pattern, at), nodes, flags)


def _char(code: int, nodes: list[int], flags: int) -> int:
    any_case = flags & _I != 0
    return _node(nodes, CHAR, folded(code) if any_case else code, 1 if any_case else 0, 0, -1)


def _atom(pattern: str, at: int, nodes: list[int], sets: list[int], flags: int) -> list[int]:
    """What stands at a place, but for groups: its node, and where it ends."""
    char = pattern[at]
    if char == ".":
        return [_node(nodes, ANY, 1 if flags & _S else 0, 0, 0, -1), at + 1]
    if char == "^":
        return [_node(nodes, ASSERT, LINE_START if flags & _M else TEXT_START, 0, 0, -1), at + 1]
    if char == "$":
        return [_node(nodes, ASSERT, LINE_END if flags & _M else TEXT_END, 0, 0, -1), at + 1]
    if char == "\\":
        return [_escape_atom(pattern, at + 1, nodes, sets, flags), _escape_end(pattern, at + 1)]
    if char == "[":
        negated = pattern[at + 1 : at + 2] == "^"
        pairs: list[int] = []
        end = _bracket(pattern, at + 2 if negated else at + 1, flags, pairs)
        of_set = (NEGATED if negated else 0) | (ANY_CASE if flags & _I else 0)
        return [_node(nodes, SET, _put_set(sets, of_set, pairs), 0, 0, -1), end]
    if char in "*+?" or (char == "{" and _quantifier_end(pattern, at) != at):
        raise ValueError("a regular expression repeats nothing")
    return [_char(ord(char), nodes, flags), at + 1]


def _group_head(pattern: str, at: int) -> int:
    """Where the inside of a group begins, or its flags do, whose bracket is at a place."""
    if pattern[at + 1 : at + 2] != "?":
        return at + 1
    if pattern[at + 2 : at + 4] == "P<" or pattern[at + 2 : at + 3] == "<":
        end = pattern[at:].find(">")
        if end < 0 or pattern[at + 3 : at + 4] == "=" or pattern[at + 3 : at + 4] == "!":
            raise ValueError("this kind of group is no part of regular expressions here")
        return at + end + 1
    return at + 2


def _parse(pattern: str, nodes: list[int], sets: list[int]) -> list[int]:
    """The root of the nodes and the number of groups.

    Of each open group `frames` has its own number or 0, the flags outside, the last part of the sequence it stands in,
    the sequence, and the choice: five numbers.
    """
    frames = [0] * (5 * _DEEPEST)
    depth, groups, flags, at = 0, 0, 0, 0
    choice = _node(nodes, EITHER, 0, 0, 0, -1)
    sequence = _node(nodes, SEQUENCE, 0, 0, 0, -1)
    nodes[choice + _PARTS] = sequence
    last = -1
    while at < len(pattern):
        char = pattern[at]
        atom = -1
        if char == "(":
            start = _group_head(pattern, at)
            captures = start == at + 1 or pattern[start - 1] == ">"
            inside = flags
            if not captures:
                end = start
                while end < len(pattern) and pattern[end] != ":" and pattern[end] != ")":
                    end += 1
                inside = _set_flags(pattern[start:end], flags)
                start = end + 1
                if pattern[end : end + 1] == ")":
                    flags = inside
                    at = start
                    continue
            if depth == _DEEPEST:
                raise ValueError("a regular expression is too deep")
            groups += captures
            frames[5 * depth] = groups if captures else 0
            frames[5 * depth + 1] = flags
            frames[5 * depth + 2] = last
            frames[5 * depth + 3] = sequence
            frames[5 * depth + 4] = choice
            depth += 1
            flags = inside
            choice = _node(nodes, EITHER, 0, 0, 0, -1)
            sequence = _node(nodes, SEQUENCE, 0, 0, 0, -1)
            nodes[choice + _PARTS] = sequence
            last = -1
            at = start
            continue
        if char == "|":
            following = _node(nodes, SEQUENCE, 0, 0, 0, -1)
            nodes[sequence + _NEXT] = following
            sequence, last = following, -1
            at += 1
            continue
        if char == ")":
            if depth == 0:
                raise ValueError("a regular expression has a ) too many")
            depth -= 1
            number = frames[5 * depth]
            atom = choice if number == 0 else _node(nodes, GROUP, number, 0, 0, choice)
            flags, last = frames[5 * depth + 1], frames[5 * depth + 2]
            sequence, choice = frames[5 * depth + 3], frames[5 * depth + 4]
            at += 1
        elif flags & _X != 0 and (char.isspace() or char == "#"):
            while char == "#" and at + 1 < len(pattern) and pattern[at + 1] != "\n":
                at += 1
            at += 1
            continue
        else:
            read = _atom(pattern, at, nodes, sets, flags)
            atom, at = read[0], read[1]
        read = _quantified(pattern, at, atom, nodes, flags)
        atom, at = read[0], read[1]
        nodes[(sequence + _PARTS) if last < 0 else last + _NEXT] = atom
        last = atom
    if depth > 0:
        raise ValueError("a regular expression lacks a )")
    return [choice, groups]


# --- the program ------------------------------------------------------------------------------------------------------


def _instruction(out: list[int], op: int, a: int, b: int) -> int:
    """Add an instruction; its number."""
    at = len(out) // 3
    if at >= _MOST:
        raise ValueError("a regular expression is too large")
    out.append(op)
    out.append(a)
    out.append(b)
    return at


def _aim(out: list[int], at: int, lazy: int, following: int) -> int:
    """Aim the split at a place: at what follows it, and at what lies beyond; that is returned."""
    out[3 * at + 1] = following if lazy else at + 1
    out[3 * at + 2] = at + 1 if lazy else following
    return following


def _emit(out: list[int], nodes: list[int], at: int) -> int:
    """Write the instructions of a node; how many there are then."""
    kind = nodes[at]
    part = nodes[at + _PARTS]
    if kind == CHAR:
        return _instruction(out, OP_FOLDED if nodes[at + _B] else OP_CHAR, nodes[at + _A], 0) + 1
    if kind == ANY:
        return _instruction(out, OP_ALL if nodes[at + _A] else OP_ANY, 0, 0) + 1
    if kind == SET:
        return _instruction(out, OP_SET, nodes[at + _A], 0) + 1
    if kind == ASSERT:
        return _instruction(out, OP_ASSERT, nodes[at + _A], 0) + 1
    end = len(out) // 3
    if kind == GROUP:
        _ = _instruction(out, OP_SAVE, 2 * nodes[at + _A], 0)
        _ = _emit(out, nodes, part)
        return _instruction(out, OP_SAVE, 2 * nodes[at + _A] + 1, 0) + 1
    if kind == SEQUENCE:
        while part >= 0:
            end = _emit(out, nodes, part)
            part = nodes[part + _NEXT]
        return end
    if kind == EITHER:
        jumps: list[int] = []
        while nodes[part + _NEXT] >= 0:
            split = _instruction(out, OP_SPLIT, 0, 0)
            _ = _emit(out, nodes, part)
            jumps.append(_instruction(out, OP_JUMP, 0, 0))
            _ = _aim(out, split, 0, len(out) // 3)
            part = nodes[part + _NEXT]
        end = _emit(out, nodes, part)
        for jump in jumps:
            out[3 * jump + 1] = end
        return end
    least, most, lazy = nodes[at + _A], nodes[at + _B], nodes[at + _C]
    for _ in range(least):
        end = _emit(out, nodes, part)
    if most == _UNBOUNDED:
        split = _instruction(out, OP_SPLIT, 0, 0)
        _ = _emit(out, nodes, part)
        return _aim(out, split, lazy, _instruction(out, OP_JUMP, split, 0) + 1)
    splits: list[int] = []
    for _ in range(most - least):
        splits.append(_instruction(out, OP_SPLIT, 0, 0))
        end = _emit(out, nodes, part)
    for split in splits:
        _ = _aim(out, split, lazy, end)
    return end


def _first(out: list[int]) -> int:
    """The character with which every match begins, or -1."""
    at = 0
    while out[3 * at] == OP_SAVE:
        at += 1
    return out[3 * at + 1] if out[3 * at] == OP_CHAR else -1


def _anchored(out: list[int]) -> int:
    at = 0
    while out[3 * at] == OP_SAVE:
        at += 1
    return 1 if out[3 * at] == OP_ASSERT and out[3 * at + 1] == TEXT_START else 0


def program_of(pattern: str) -> bytes:
    """The program of a pattern. Raises for one that is malformed or too large."""
    nodes: list[int] = []
    sets: list[int] = []
    root = _parse(pattern, nodes, sets)
    out: list[int] = []
    _ = _emit(out, nodes, root[0])
    n = _instruction(out, OP_MATCH, 0, 0) + 1
    numbers = [n, root[1], _first(out), _anchored(out)]
    for at in range(n):
        is_set = out[3 * at] == OP_SET
        numbers.append(out[3 * at])
        numbers.append(out[3 * at + 1] + HEAD + 3 * n if is_set else out[3 * at + 1])
        numbers.append(out[3 * at + 2])
    for number in sets:
        numbers.append(number)
    found: list[int] = []
    for number in numbers:
        for shift in range(0, 32, 8):
            found.append(number >> shift & 255)
    return bytes(found)
