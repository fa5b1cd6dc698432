"""Texts in the order of a collation of the user's, as the kernel asks for them (kernel/values/labels.py)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import cmp_to_key
from typing import Any

BLOCK = 512  # texts; a full block is split


class OrderedTexts:
    """Different texts in order, in blocks; each has a number, from 1 on as they came."""

    def __init__(self, compare: Callable[[str, str], Any]) -> None:
        self._compare = compare
        self._key = cmp_to_key(compare)
        self._firsts: list[Any] = []  # of each block
        self._blocks: list[list[Any]] = []
        self._numbers: list[list[int]] = []
        self._count = 0

    def place(self, text: str) -> int:
        """2 * the number of the text before this one (0: none), which is kept; or, + 1, the number of its equal.

        Errors: TypeError when a comparison gives no integer; what it raises.
        """
        key = self._key(text)
        if not self._blocks:
            self._firsts, self._blocks, self._numbers = [key], [[key]], [[1]]
            self._count = 1
            return 0
        at = max(bisect_right(self._firsts, key) - 1, 0)
        block, numbers = self._blocks[at], self._numbers[at]
        i = bisect_left(block, key)
        if i < len(block) and sign(self._compare(text, block[i].obj)) == 0:
            return numbers[i] << 1 | 1
        before = numbers[i - 1] if i else self._numbers[at - 1][-1] if at else 0
        self._count += 1
        block.insert(i, key)
        numbers.insert(i, self._count)
        if i == 0:
            self._firsts[at] = key
        if len(block) > BLOCK:
            self._split(at)
        return before << 1

    def _split(self, at: int) -> None:
        for rows in (self._blocks, self._numbers):
            rows.insert(at + 1, rows[at][BLOCK // 2 :])
            del rows[at][BLOCK // 2 :]
        self._firsts.insert(at + 1, self._blocks[at + 1][0])


def sign(order: Any) -> int:
    """-1, 0 or 1. Errors: TypeError when a comparison gave no integer."""
    if not isinstance(order, int):
        raise TypeError(f"a collation must return an int, not {type(order).__name__}")
    return (order > 0) - (order < 0)
