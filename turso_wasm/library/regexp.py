"""Regular expressions, second half: the search, which takes a time linear in the text.

All ways to match go on at once, character by character; of two that have come to one instruction only the better one
goes on. A way is an instruction and, if they are asked for, the places where groups begin and end.

Source: R. Cox, https://swtch.com/~rsc/regexp/regexp2.html (Pike's machine)
"""

from turso_wasm.library.patterns import (
    ANY_CASE,
    CATEGORIES,
    CLASS,
    HEAD,
    LINE_END,
    LINE_START,
    NEGATED,
    NO_DIGIT,
    NO_WORD_EDGE,
    OP_ALL,
    OP_ANY,
    OP_ASSERT,
    OP_CHAR,
    OP_FOLDED,
    OP_JUMP,
    OP_MATCH,
    OP_SAVE,
    OP_SET,
    OP_SPLIT,
    SPACE,
    TEXT_END,
    TEXT_START,
    WORD,
)
from turso_wasm.typed.characters import category, folded

_NEWLINE = 10
_DIGITS = 1 << 12  # categories, by number: Nd
_WORDS = 1 << 1 | 1 << 2 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 13 | 1 << 15


def _numbers(program: bytes) -> list[int]:
    out: list[int] = []
    for at in range(0, len(program), 4):
        value = program[at] | program[at + 1] << 8 | program[at + 2] << 16 | program[at + 3] << 24
        out.append(value - 0x100000000 if value > 0x7FFFFFFF else value)
    return out


def _codes(text: str) -> list[int]:
    out: list[int] = []
    for char in text:
        out.append(ord(char))
    return out


def _is_word(code: int) -> bool:
    if code < 128:
        return 97 <= code <= 122 or 65 <= code <= 90 or 48 <= code <= 57 or code == 95
    return _WORDS >> category(code) & 1 == 1


def _is_space(code: int) -> bool:
    if code < 128:
        return code == 32 or 9 <= code <= 13
    return code == 0x85 or code == 0xA0 or (code >= 0x1680 and category(code) >= 26)


def _in_class(kind: int, bits: int, code: int) -> bool:
    """Whether a character is one of a class."""
    if kind >= NO_DIGIT:
        return not _in_class(kind - NO_DIGIT, bits, code)
    if kind == WORD:
        return _is_word(code)
    if kind == SPACE:
        return _is_space(code)
    if kind == CATEGORIES:
        return bits >> category(code) & 1 == 1
    return 48 <= code <= 57 if code < 128 else _DIGITS >> category(code) & 1 == 1


def _has(program: list[int], at: int, code: int) -> bool:
    """Whether a character is in the set at a place."""
    for pair in range(at + 2, at + 2 + 2 * program[at + 1], 2):
        low = program[pair]
        if low >= CLASS:
            if _in_class(low - CLASS, program[pair + 1], code):
                return True
        elif low <= code <= program[pair + 1]:
            return True
    return False


def _in_set(program: list[int], at: int, code: int) -> bool:
    found = _has(program, at, code) or (program[at] & ANY_CASE != 0 and _has(program, at, folded(code)))
    return found != (program[at] & NEGATED != 0)


def _holds(kind: int, codes: list[int], at: int) -> bool:
    """Whether what is asserted is so between two characters."""
    if kind == TEXT_START:
        return at == 0
    if kind == TEXT_END:
        return at == len(codes)
    if kind == LINE_START:
        return at == 0 or codes[at - 1] == _NEWLINE
    if kind == LINE_END:
        return at == len(codes) or codes[at] == _NEWLINE
    edge = (at > 0 and _is_word(codes[at - 1])) != (at < len(codes) and _is_word(codes[at]))
    return edge != (kind == NO_WORD_EDGE)


def _takes(program: list[int], way: int, code: int) -> bool:
    """Whether the instruction of a way takes a character."""
    op, a = program[way], program[way + 1]
    if op == OP_CHAR:
        return code == a
    if op == OP_SET:
        return _in_set(program, a, code)
    if op == OP_ANY:
        return code != _NEWLINE
    return op == OP_ALL or (op == OP_FOLDED and folded(code) == a)


def _follow(
    program: list[int], codes: list[int], at: int, start: int, ways: list[int], count: int, kept: list[int],
    places: list[int], seen: list[int], stack: list[int],
) -> int:  # fmt: skip
    """Go on from an instruction to those that take characters, the best one first: they are added to `ways`, the places
    of their groups to `kept`. How many ways there are then.
    """
    width = len(places)
    mark = seen[program[0]] + at
    stack[0] = start
    top = 1
    while top > 0:
        top -= 1
        number = stack[top]
        if number < 0:
            top -= 1
            places[-number - 1] = stack[top]
            continue
        if seen[number] == mark:
            continue
        seen[number] = mark
        way = HEAD + 3 * number
        op, a = program[way], program[way + 1]
        if op == OP_JUMP:
            stack[top] = a
            top += 1
        elif op == OP_SPLIT:
            stack[top] = program[way + 2]
            stack[top + 1] = a
            top += 2
        elif op == OP_SAVE:
            if a < width:
                stack[top] = places[a]
                stack[top + 1] = -a - 1
                top += 2
                places[a] = at
            stack[top] = number + 1
            top += 1
        elif op == OP_ASSERT:
            if _holds(a, codes, at):
                stack[top] = number + 1
                top += 1
        else:
            ways[count] = number
            for i in range(width):
                kept[count * width + i] = places[i]
            count += 1
    return count


def _matches(program: list[int], codes: list[int], width: int, most: int, any_: bool = False) -> list[int]:
    """The first `most` matches: of each the places where it, then its groups, begin and end, `width` numbers; -1 for a
    group that took no part. any_: where a match ends does not matter.

    `seen` has in which step an instruction was last come to, behind them what is added to the places, so that the steps
    of each search have numbers of their own.
    """
    n = program[0]
    ways, ways_after = [0] * n, [0] * n
    kept, kept_after = [0] * (n * width), [0] * (n * width)
    seen, stack, places = [-1] * (n + 1), [0] * (3 * n + 4), [-1] * width
    out: list[int] = []
    at, count, found = 0, 0, False
    seen[n] = 0
    while True:
        if not found and (at == 0 or program[3] == 0):
            if count == 0 and program[2] >= 0:
                while at < len(codes) and codes[at] != program[2]:
                    at += 1
            for i in range(width):
                places[i] = -1
            places[0] = at
            count = _follow(program, codes, at, 0, ways, count, kept, places, seen, stack)
        after = 0
        for number in range(count):
            way = HEAD + 3 * ways[number]
            if program[way] == OP_MATCH:
                if found:
                    for i in range(width):
                        out[len(out) - width + i] = kept[number * width + i]
                else:
                    for i in range(width):
                        out.append(kept[number * width + i])
                out[len(out) - width + 1] = at
                found = True
                break
            if at < len(codes) and _takes(program, way, codes[at]):
                for i in range(width):
                    places[i] = kept[number * width + i]
                after = _follow(
                    program, codes, at + 1, ways[number] + 1, ways_after, after, kept_after, places, seen, stack
                )
        ways, ways_after = ways_after, ways
        kept, kept_after = kept_after, kept
        count = after
        at += 1
        if any_ and found:
            return out
        if at > len(codes) or (count == 0 and (found or program[3] == 1)):
            if not found or len(out) == most * width:
                return out
            begin, end = out[len(out) - width], out[len(out) - width + 1]
            at = end + 1 if end == begin else end
            if at > len(codes):
                return out
            count, found = 0, False
            seen[n] += len(codes) + 2


def _first(text: str, program: list[int], width: int) -> list[int]:
    """The first match of all."""
    return _matches(program, _codes(text), width, 1)


def regexp_like(text: str, program: bytes) -> bool:
    """Whether the pattern matches somewhere in the text."""
    return len(_matches(_numbers(program), _codes(text), 2, 1, True)) > 0


def regexp(program: bytes, text: str) -> bool:
    """As regexp_like, the pattern first: `text REGEXP pattern`."""
    return regexp_like(text, program)


def regexp_substr(text: str, program: bytes) -> str | None:
    """The first match; None without one."""
    found = _first(text, _numbers(program), 2)
    return None if len(found) == 0 else text[found[0] : found[1]]


def regexp_capture(text: str, program: bytes, group: int = 0) -> str | None:
    """A group of the first match, 0 the match itself; None without one, or when the group took no part."""
    numbers = _numbers(program)
    if group < 0 or group > numbers[1]:
        return None
    found = _first(text, numbers, 2 * group + 2)
    if len(found) == 0 or found[2 * group] < 0:
        return None
    return text[found[2 * group] : found[2 * group + 1]]


def _reference_end(template: str, at: int) -> int:
    """Where $n, ${n} or $$ at a place ends; `at` itself for what is none."""
    if template[at + 1 : at + 2] == "$":
        return at + 2
    braced = template[at + 1 : at + 2] == "{"
    end = at + 2 if braced else at + 1
    first = end
    while end < len(template) and "0" <= template[end] <= "9" and end - first < 4:
        end += 1
    if end == first:
        return at
    if braced:
        return end + 1 if template[end : end + 1] == "}" else at
    return end


def _put(out: list[int], codes: list[int], first: int, end: int) -> int:
    for at in range(first, end):
        out.append(codes[at])
    return len(out)


def _expand(out: list[int], template: str, codes: list[int], found: list[int], first: int, width: int) -> int:
    """Write what replaces the match whose places stand in `found` from `first` on."""
    at = 0
    while at < len(template):
        end = _reference_end(template, at) if template[at] == "$" else at
        if end == at:
            out.append(ord(template[at]))
            end = at + 1
        elif template[at + 1] == "$":
            out.append(36)
        else:
            digits = template[at + 2 : end - 1] if template[at + 1] == "{" else template[at + 1 : end]
            place = 2 * int(digits)
            if place < width and found[first + place] >= 0:
                _ = _put(out, codes, found[first + place], found[first + place + 1])
        at = end
    return len(out)


def regexp_replace(text: str, program: bytes, template: str) -> str:
    """The text with another one in place of each match: $1 and ${1} are its groups there, $0 the match, $$ a dollar."""
    numbers, codes = _numbers(program), _codes(text)
    width = 2 * numbers[1] + 2 if "$" in template else 2
    found = _matches(numbers, codes, width, len(codes) + 1)
    out: list[int] = []
    copied = 0
    for first in range(0, len(found), width):
        _ = _put(out, codes, copied, found[first])
        _ = _expand(out, template, codes, found, first, width)
        copied = found[first + 1]
    _ = _put(out, codes, copied, len(codes))
    result = ""
    for code in out:
        result += chr(code)
    return result
