"""Many calls of the user's code in one crossing: functions for a run of rows, aggregates' calls that were put off.

They are made in the order in which they would have been made one by one, unless it cannot be told (deterministic
functions), and none is made behind one that fails. The iterators that feed them stop when their lists are emptied
(`UserCode.stop`), so that an interrupt is seen between two calls.
"""

from __future__ import annotations

from collections import deque
from itertools import starmap
from typing import TYPE_CHECKING, Any

from turso_wasm.base.records import dataclass
from turso_wasm.kernel.abi import CALL_BITS, CALL_STEP
from turso_wasm.runtime.usercells import Cells

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from turso_wasm.runtime.usercode import UserCode

OPERATION_MASK = (1 << CALL_BITS) - 1


# --- functions ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BatchedCall:
    """A function of each row: its n arguments lie in the columns from `first` on, its value belongs into `result`."""

    code: Callable[..., Any]
    first: int
    n: int
    result: int


class Batch:
    """Rows for which functions are called. done: rows that are complete; error: what the next one raised."""

    def __init__(self, mine: UserCode, cells: Cells, n_rows: int) -> None:
        self.mine = mine
        self.cells = cells
        self.done = n_rows
        self.error: Exception | None = None
        self.failing: object = None  # whose error it is
        self.texts: list[bytes] = []
        self.used = 0

    def run(self, calls: Sequence[BatchedCall], by_rows: bool) -> None:
        """by_rows: the calls for one row come before those for the next."""
        if by_rows:
            self._rows(calls)
            return
        for call in calls:
            self._column(call)

    def _rows(self, calls: Sequence[BatchedCall]) -> None:
        rows = list(range(self.done))
        done = 0
        with self.mine.feeding(rows):
            try:
                for row in rows:
                    for call in calls:
                        self.failing = call.code
                        value = call.code(*self.cells.row(row, call.first, call.n))
                        self._put(row, call.result, value)
                    done += 1
            except Exception as error:
                self.error = error
        self.done = done

    def _column(self, call: BatchedCall) -> None:
        try:
            columns = [self.cells.column(call.first + i)[: self.done] for i in range(call.n)]
        except UnicodeDecodeError:
            self._rows([call])
            return
        self.failing = call.code
        found: list[Any] = []
        feed = columns[0] if columns else [()] * self.done
        with self.mine.feeding(feed):
            try:
                found.extend(map(call.code, *columns) if columns else starmap(call.code, feed))
            except Exception as error:
                self.error = error
        self.done = len(found)
        if self._put_all(call.result, found):
            self.used = sum(map(len, self.texts))
        else:
            self._put_each(call.result, found)

    def _put_all(self, column: int, values: Sequence[Any]) -> bool:
        try:
            return self.cells.put_all(column, values, self.texts, self.used)
        except UnicodeEncodeError:
            return False  # it will come again, at its row

    def _put_each(self, column: int, values: Sequence[Any]) -> None:
        for row, value in enumerate(values):
            try:
                self._put(row, column, value)
            except Exception as error:
                self.done, self.error = row, error
                return

    def _put(self, row: int, column: int, value: Any) -> None:
        self.used += self.cells.put(row, column, value, self.texts, self.used)


# --- aggregates ---------------------------------------------------------------------------------------------------


def run_queue(mine: UserCode, cells: Cells) -> Any:
    """Make the calls of a queue (kernel/base/callback.py CallQueue), given as one column; what the last one gives."""
    tags, payloads = cells.tags(0).tolist(), cells.payloads(0).tolist()
    routine, width = tags[0], (payloads[0] >> 32) + 1
    rows, rest = divmod(len(tags), width)
    if width == 1 and tags[-1] != routine:
        rows, rest = rows - 1, 1
    size = rows * width
    heads = payloads[:size:width]
    alike = tags[:size:width].count(routine) == rows and min(heads) >> 32 == max(heads) >> 32
    if rest > 1 or not alike or routine & OPERATION_MASK != CALL_STEP:
        return run_mixed(mine, tags, payloads, cells.cell)
    try:
        columns = cells.part(size, width)
    except UnicodeDecodeError:
        return run_mixed(mine, tags, payloads, cells.cell)
    _steps(mine, routine, heads, columns)
    if rest:
        return mine.run(tags[-1] & OPERATION_MASK, mine.code[tags[-1] >> CALL_BITS], payloads[-1] & 0xFFFFFFFF, ())
    return None


def _steps(mine: UserCode, routine: int, heads: list[int], columns: list[list[Any]]) -> None:
    """Calls of one aggregate's `step`, for groups in any order."""
    code = mine.code[routine >> CALL_BITS]
    mine.operation, mine.asked = CALL_STEP, code
    if columns and heads.count(heads[0]) == len(heads):
        with mine.feeding(columns[0], by_interrupts_only=True):
            deque(map(mine.method(code, heads[0] & 0xFFFFFFFF, CALL_STEP), *columns), maxlen=0)
        return
    steps: dict[int, Callable[..., Any]] = {}
    with mine.feeding(heads, by_interrupts_only=True):
        for head, *values in zip(heads, *columns, strict=False):
            step = steps.get(head)
            if step is None:
                step = steps[head] = mine.method(code, head & 0xFFFFFFFF, CALL_STEP)
            step(*values)


def run_mixed(
    mine: UserCode, tags: Sequence[int], payloads: Sequence[int], value: Callable[[int, int, int], Any]
) -> Any:
    """Make calls of any kinds. value: of (a tag, a payload, the number of the cell)."""
    at, result = 0, None
    while at < len(tags):
        routine, payload = tags[at], payloads[at]
        instance, end = payload & 0xFFFFFFFF, at + 1 + (payload >> 32)
        operation, code = routine & OPERATION_MASK, mine.code[routine >> CALL_BITS]
        values = [value(tags[i], payloads[i], i) for i in range(at + 1, end)]
        at = end
        result = mine.run(operation, code, instance, values)
    return result
