"""What a tokenizer of the user's yields, as the kernel reads it (kernel/fts/user_tokens.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from struct import Struct

_HEAD = Struct("<iii")


def pack_tokens(tokenize: Callable[..., Iterable[Sequence[int | str]]], text: str, *settings: str) -> bytes:
    """The tokens of a text. Each is (start, end, token, synonym, …), in characters of the text; without a token it is
    the text between. Errors: TypeError, ValueError.
    """
    offsets = None if text.isascii() else _offsets(text)
    parts: list[bytes] = []
    for start, end, *tokens in tokenize(text, *settings):
        if not (isinstance(start, int) and isinstance(end, int)):
            raise TypeError("a token must be (start, end, text, ...)")
        if not 0 <= start <= end <= len(text):
            raise ValueError(f"a token from {start} to {end} is not in the text")
        first, last = (start, end) if offsets is None else (offsets[start], offsets[end])
        for at, token in enumerate(dict.fromkeys(tokens or (text[start:end],))):
            if not isinstance(token, str):
                raise TypeError(f"a token must be str, not {type(token).__name__}")
            data = token.encode()
            parts += (_HEAD.pack(first, last, len(data) << 1 | (at > 0)), data)
    return b"".join(parts)


def _offsets(text: str) -> list[int]:
    """Where each character begins in UTF-8, and where the text ends."""
    offsets, at = [0], 0
    for character in text:
        code = ord(character)
        at += 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4
        offsets.append(at)
    return offsets
