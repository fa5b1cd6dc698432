"""Values of windows of the user's for many rows in one crossing (kernel/base/callback.py UserValues).

A queue of calls repeats itself: a row leaves, another enters, the value is asked for, again and again. What repeats is
run by iterators in step, each of which makes one of the calls of a round; so their order is that of the queue.
"""

from __future__ import annotations

from itertools import starmap
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from turso_wasm.kernel.abi import CALL_BITS, CALL_VALUE
from turso_wasm.runtime.userbatch import OPERATION_MASK
from turso_wasm.runtime.usercells import SIZE, Cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from turso_wasm.runtime.usercode import UserCode


class ValueCalls:
    """The calls of a queue. done: how many values are written; error: what the next call raised; texts: the bytes of
    values that have no room in a cell.
    """

    def __init__(self, mine: UserCode, cells: Cells) -> None:
        self.mine = mine
        self.cells = cells
        self.tags, self.payloads = cells.tags(0).tolist(), cells.payloads(0).tolist()
        self.done = 0
        self.error: Exception | None = None
        self.texts: list[bytes] = []
        self.used = 0

    def run(self) -> None:
        """Make them, up to one that fails."""
        at, n = 0, len(self.tags)
        try:
            while at < n and self.error is None:
                round_ = self._round(at)
                at += round_.size * self._run(round_)
        except Exception as error:
            self.error = error

    def _round(self, at: int) -> _Round:
        """The calls from a cell on, up to one like the first, and how often they come in a row."""
        tags, payloads = self.tags, self.payloads
        end, heads = at, []
        while True:
            heads.append(end - at)
            end += 1 + (payloads[end] >> 32)
            if end == len(tags) or (tags[end] == tags[at] and payloads[end] == payloads[at]):
                break
        size = end - at
        times = (len(tags) - at) // size
        for head in heads:
            for column in (tags, payloads):
                found = column[at + head : at + times * size : size]
                if found.count(found[0]) != times:
                    times = next(i for i, value in enumerate(found) if value != found[0])
        return _Round(at, size, heads, times)

    def _run(self, round_: _Round) -> int:
        """Make the calls of rounds; how many."""
        try:
            return self._run_all(round_)
        except UnicodeDecodeError:
            if round_.times == 1:
                raise
        return self._run_all(_Round(round_.at, round_.size, round_.heads, 1))

    def _run_all(self, round_: _Round) -> int:
        mine, at, size, times = self.mine, round_.at, round_.size, round_.times
        table = Cells(self.cells.raw[at * SIZE : (at + times * size) * SIZE], size, self.cells.read)
        feeds: list[Iterator[Any]] = []
        calls: list[Iterator[Any]] = []
        places = []
        for place, head in enumerate(round_.heads):
            routine, payload = self.tags[at + head], self.payloads[at + head]
            instance, end = payload & 0xFFFFFFFF, head + 1 + (payload >> 32)
            operation, code = routine & OPERATION_MASK, mine.code[routine >> CALL_BITS]
            mine.operation, mine.asked = operation, code
            given: Sequence[Any] = [()] * times
            if operation == CALL_VALUE:
                places.append(place)
            elif end > head + 1:
                given = list(zip(*(table.column(column) for column in range(head + 1, end)), strict=True))
            feeds.append(iter(given))
            is_there = instance or operation != CALL_VALUE
            calls.append(starmap(mine.method(code, instance, operation) if is_there else _no_row_came, feeds[-1]))
        rounds, results = [None] * times, list[Any]()
        try:
            with mine.feeding(rounds, by_interrupts_only=True):
                results.extend(map(itemgetter(*places, -1), zip(*calls, rounds, strict=False)))
        except Exception as error:
            self._blame(round_, feeds)
            self.error = error
        if places and results:
            self._write(round_, table, places, list(zip(*results, strict=True)))
        return times

    def _blame(self, round_: _Round, feeds: Sequence[Iterator[Any]]) -> None:
        """Note which of the calls has failed: the last of those that took the most from their feeds."""
        left = [feed.__length_hint__() for feed in feeds]  # type: ignore[attr-defined]
        place = len(left) - 1 - left[::-1].index(min(left))
        self._note_failing(round_, place)

    def _write(self, round_: _Round, table: Cells, places: Sequence[int], columns: Sequence[Sequence[Any]]) -> None:
        """Put values into their cells, by columns."""
        done = len(columns[0])
        for place, values in zip(places, columns, strict=False):
            column = round_.heads[place] + 1
            if str not in set(map(type, values)) and table.put_all(column, values, self.texts, self.used):
                continue
            for row, value in enumerate(values[:done]):
                try:
                    self.used += table.put(row, column, value, self.texts, self.used)
                except Exception as error:
                    self._note_failing(round_, place)
                    done, self.error = row, error
                    break
        self.done += done * len(places)

    def _note_failing(self, round_: _Round, place: int) -> None:
        routine = self.tags[round_.at + round_.heads[place]]
        self.mine.operation, self.mine.asked = routine & OPERATION_MASK, self.mine.code[routine >> CALL_BITS]


def _no_row_came() -> None:
    """The value of a window that no row has entered."""


class _Round:
    """The calls at `heads` of `size` cells from `at` on, so many times."""

    __slots__ = ("at", "heads", "size", "times")

    def __init__(self, at: int, size: int, heads: list[int], times: int) -> None:
        self.at = at
        self.size = size
        self.heads = heads
        self.times = times
