"""Texts and bytes: what PostgreSQL calls so."""


def repeat(text: str, times: int) -> str:
    """The text that many times; an empty one for none."""
    return text * times


def reverse(text: str) -> str:
    """The characters in reverse order."""
    codes: list[int] = []
    for char in text:
        codes.append(ord(char))
    out = ""
    for at in range(len(codes) - 1, -1, -1):
        out += chr(codes[at])
    return out


def lpad(text: str, width: int, fill: str = " ") -> str:
    """The text with `fill` before it until it is `width` characters long; cut off at its end when it is longer."""
    if width <= 0:
        return ""
    missing = width - len(text)
    if missing <= 0 or fill == "":
        return text[:width]
    return (fill * (missing // len(fill) + 1))[:missing] + text


def rpad(text: str, width: int, fill: str = " ") -> str:
    """The text with `fill` behind it until it is `width` characters long; cut off when it is longer."""
    if width <= 0:
        return ""
    missing = width - len(text)
    if missing <= 0 or fill == "":
        return text[:width]
    return text + (fill * (missing // len(fill) + 1))[:missing]


def get_byte(data: bytes, place: int) -> int:
    """The byte at a place, from 0."""
    if place < 0 or place >= len(data):
        raise ValueError("index out of range")
    return data[place]


def set_byte(data: bytes, place: int, value: int) -> bytes:
    """The bytes with another one at a place, from 0."""
    if place < 0 or place >= len(data):
        raise ValueError("index out of range")
    return data[:place] + bytes([value & 255]) + data[place + 1 :]


def strpos(text: str, part: str) -> int:
    """The place of the first `part` in the text, from 1; 0 without one."""
    return text.find(part) + 1


def char_length(text: str) -> int:
    """How many characters the text has."""
    return len(text)


def character(code: int) -> str:
    """The character of that number."""
    return chr(code)


def btrim(text: str, chars: str = " ") -> str:
    """The text without those characters at both of its ends."""
    first, end = 0, len(text)
    codes: list[int] = []
    for char in text:
        codes.append(ord(char))
    while first < end and chr(codes[first]) in chars:
        first += 1
    while end > first and chr(codes[end - 1]) in chars:
        end -= 1
    return text[first:end]
