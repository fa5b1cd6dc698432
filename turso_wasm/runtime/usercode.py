"""The user's own functions, aggregates and collations, as the kernel calls them.

`UserCode` is what one connection has registered: the callables behind the numbers of its catalog.functions.Registry,
and the aggregate instances that are in work. `UserCalls` is the host's side of a call (kernel/base/callback.py): values
out of linear memory, the answer into it.

Invariants:
  V1  While a call runs the kernel's stack ends at its answer, and other threads stay out of the kernel: its frames lie
      on the stack of this one (hosts/base.py H1).
  V2  What is raised becomes a result code and a message; the exception itself waits in `failure` until the kernel has
      been left, and is the cause of the error then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from struct import Struct
from struct import error as StructError
from typing import TYPE_CHECKING, Any
from weakref import ref

from turso_wasm.base.errors import SQLITE_ERROR, SQLITE_NOMEM, SQLITE_TOOBIG
from turso_wasm.kernel.abi import (
    ANSWER_ROOM,
    BLOB,
    CALL_BATCH,
    CALL_BITS,
    CALL_COMPARE,
    CALL_CONVERT,
    CALL_FINAL,
    CALL_FUNCTION,
    CALL_INVERSE,
    CALL_PLACE,
    CALL_QUEUE,
    CALL_RAISE,
    CALL_ROWS,
    CALL_STEP,
    CALL_TOKENS,
    CALL_VALUE,
    CALL_VALUES,
    INTEGER,
    NULL,
    REAL,
    TEXT,
)
from turso_wasm.runtime.userbatch import OPERATION_MASK, Batch, BatchedCall, run_mixed, run_queue
from turso_wasm.runtime.usercells import SIZE, Cells
from turso_wasm.runtime.userorder import OrderedTexts, sign
from turso_wasm.runtime.usertokens import pack_tokens
from turso_wasm.runtime.uservalues import ValueCalls

if TYPE_CHECKING:
    from turso_wasm.runtime.hosts.base import Host

FEW_CELLS = 24
TOO_BIG = "string or blob too big"

_WHAT = {
    CALL_FUNCTION: "user-defined function raised exception",
    CALL_STEP: "user-defined aggregate's 'step' method raised error",
    CALL_INVERSE: "user-defined aggregate's 'inverse' method raised error",
    CALL_VALUE: "user-defined aggregate's 'value' method raised error",
    CALL_FINAL: "user-defined aggregate's 'finalize' method raised error",
    CALL_COMPARE: "user-defined collation raised exception",
    CALL_PLACE: "user-defined collation raised exception",
    CALL_RAISE: "user-defined function raised exception",
    CALL_BATCH: "user-defined function raised exception",
    CALL_CONVERT: "user-defined function raised exception",
    CALL_ROWS: "user-defined table function raised exception",
    CALL_TOKENS: "user-defined tokenizer raised exception",
}
_INIT = "user-defined aggregate's '__init__' method raised error"
_METHODS = {CALL_STEP: "step", CALL_INVERSE: "inverse", CALL_VALUE: "value", CALL_FINAL: "finalize"}

_REQUEST = Struct("<iiiiii" + "i4xq" * 2)  # the first values, or what a batch is
_ANSWER = Struct("<iiq")
_BATCH_ANSWER = Struct("<iiqii")
_CELL = Struct("<i4xq")
_REAL_CELL = Struct("<i4xd")
_BITS, _DOUBLE = Struct("<q"), Struct("<d")


@cache
def _cells_of(n: int) -> Struct:
    """N values, as tags and payloads."""
    return Struct("<" + "i4xq" * n)


@cache
def _batched(n: int) -> Struct:
    """N BatchedCalls."""
    return Struct("<" + "iiii" * n)


class Failed(Exception):
    """A call failed with this result code and message; the cause, if any, is what was raised."""

    def __init__(self, message: str, code: int = SQLITE_ERROR) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class UserCode:
    """What a connection has registered. operation, asked: what the calls of a queue are at (CALL_*), and whose code."""

    def __init__(self) -> None:
        self.code: dict[int, Any] = {}  # by number: a function, the class of an aggregate, a comparison, …
        self.kept: dict[int, Any] = {}  # by the number that the kernel has given it: an aggregate's instance, …
        self.operation = CALL_STEP
        self.asked: object = None
        self._feeds: list[tuple[list[Any], bool]] = []

    def put(self, number: int, code: Any) -> None:
        """Register `code` under a number; None: nothing."""
        self.code[number] = code

    def run(self, operation: int, code: Any, instance: int, values: Sequence[Any]) -> Any:
        """What a single call other than CALL_FUNCTION gives. Errors: Failed; whatever the code raises."""
        if operation == CALL_COMPARE:
            return sign(code(*values))
        if operation == CALL_PLACE:
            texts = self.kept.get(instance)
            if texts is None:
                texts = self.kept[instance] = OrderedTexts(code)
            return texts.place(*values)
        if operation == CALL_CONVERT:
            return code(*values)
        if operation == CALL_TOKENS:
            return pack_tokens(code, *values)
        if operation == CALL_ROWS:
            rows = self.kept.get(instance)
            if rows is None:
                rows = self.kept[instance] = code.generator(values[:-1])
            return rows.take(values[-1])
        if operation == CALL_RAISE:
            error, self.asked = self.kept.pop(instance)
            raise error
        self.operation, self.asked = operation, code
        if operation in (CALL_STEP, CALL_INVERSE):
            self.method(code, instance, operation)(*values)
            return None
        if not instance:
            return None  # no row came
        made = self.kept[instance] if operation == CALL_VALUE else self.kept.pop(instance)
        return _method(made, operation)(*values)

    def method(self, code: Any, instance: int, operation: int) -> Callable[..., Any]:
        """`step` or `inverse` of an aggregate's instance, which is made by the first step. Errors: Failed."""
        if instance not in self.kept:
            self.kept[instance] = _make(code)
        return _method(self.kept[instance], operation)

    @contextmanager
    def feeding(self, feed: list[Any], by_interrupts_only: bool = False) -> Iterator[None]:
        """While calls take their arguments from a list, `stop` ends them."""
        self._feeds.append((feed, by_interrupts_only))
        try:
            yield
        finally:
            self._feeds.pop()

    def stop(self, interrupted: bool) -> None:
        """Make no further call of what is under way in one crossing; the kernel decides what comes then."""
        for feed, by_interrupts_only in self._feeds:
            if interrupted or not by_interrupts_only:
                feed.clear()


def _make(code: Any) -> Any:
    try:
        return code()
    except BaseException as error:
        raise _failed(error, _INIT) from error


def _method(instance: Any, operation: int) -> Callable[..., Any]:
    name = _METHODS[operation]
    try:
        found: Callable[..., Any] = getattr(instance, name)
    except AttributeError as error:
        raise Failed(f"user-defined aggregate's '{name}' method not defined") from error
    return found


def _failed(error: BaseException, message: str) -> Failed:
    """How SQL shows what was raised."""
    if isinstance(error, Failed):
        return error
    if isinstance(error, MemoryError):
        return Failed("out of memory", SQLITE_NOMEM)
    if isinstance(error, OverflowError):
        return Failed(TOO_BIG, SQLITE_TOOBIG)
    return Failed(message)


class UserCalls:
    """The calls of all connections of a host. `on_error` is told of what is raised (a debugging aid)."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.stack: list[tuple[int, UserCode]] = []  # calls that have not returned: their answers (V1), whose they are
        self._connections: dict[int, ref[UserCode]] = {}  # by the address of the kernel's connection
        self._request = 0
        self.failure: BaseException | None = None  # V2
        self.on_error: Callable[[BaseException, object], object] | None = None
        self._rest = b""

    def add(self, connection: int, code: UserCode) -> None:
        """The kernel's connection at that address calls `code`, which whoever owns the connection keeps."""
        if not self._request:
            self._request = self.host.function("user_request")()
            self.host.read(self._request, _REQUEST.size)  # it can be seen from now on
        self._connections[connection] = ref(code)

    def remove(self, connection: int) -> None:
        """The kernel's connection was freed."""
        del self._connections[connection]

    def is_calling(self, code: UserCode) -> bool:
        """Whether a call of it has not returned."""
        return any(mine is code for _, mine in self.stack)

    def call(self) -> None:
        """`user_call` of the kernel. The way of few values in and an integer out is kept short."""
        connection, routine, instance, n, at, answer, tag, payload, tag2, payload2 = self._told()
        mine = self._connections[connection & 0xFFFFFFFF]()
        assert mine is not None, "who runs a statement has its connection"
        self.stack.append((answer, mine))
        operation = routine & OPERATION_MASK
        try:
            if operation == CALL_BATCH:
                self._batch(mine, instance, at & 0xFFFFFFFF, n, (tag, payload, tag2, payload2), answer)
                return
            if operation == CALL_VALUES:
                self._values(mine, instance, at & 0xFFFFFFFF, n, answer)
                return
            if operation == CALL_QUEUE:
                self._put(answer, self._queue(mine, at & 0xFFFFFFFF, n))
                return
            values: Sequence[Any] = ()
            if n == 1:
                values = (payload if tag == INTEGER else self._value(tag, payload),)
            elif n == 2:
                values = self._value(tag, payload), self._value(tag2, payload2)
            elif n:
                cell = iter(self.host.unpack(_cells_of(n), at & 0xFFFFFFFF))
                values = [self._value(tag, payload) for tag, payload in zip(cell, cell, strict=True)]
            code = mine.code[routine >> CALL_BITS]
            self._put(answer, mine.run(operation, code, instance, values) if operation else code(*values))
        except BaseException as error:
            is_put_off = operation in (CALL_QUEUE, CALL_RAISE, CALL_VALUES)
            code = mine.asked if is_put_off else mine.code[routine >> CALL_BITS]
            self._fail(
                answer, error, _WHAT[mine.operation if operation in (CALL_QUEUE, CALL_VALUES) else operation], code
            )
        finally:
            self.stack.pop()

    def _queue(self, mine: UserCode, at: int, n: int) -> Any:
        if n > FEW_CELLS:
            return run_queue(mine, self._cells(at, n, 1))
        told = self.host.unpack(_cells_of(n), at)
        return run_mixed(mine, told[::2], told[1::2], lambda tag, payload, _: self._value(tag, payload))

    def _batch(
        self, mine: UserCode, failure: int, at: int, n_rows: int, told: tuple[int, int, int, int], answer: int
    ) -> None:
        """Functions for rows (kernel/values/batch.py). failure: the number under which an error is kept."""
        width, calls, by_rows, given = told
        numbers = self.host.unpack(_batched(calls >> 32), calls & 0xFFFFFFFF)
        batched = [BatchedCall(mine.code[numbers[i]], *numbers[i + 1 : i + 4]) for i in range(0, len(numbers), 4)]
        cells = self._cells(at, n_rows, width)
        cells.know_given(given & 0xFFFFFFFF, given >> 32, range(batched[0].first, width - len(batched)))
        batch = Batch(mine, cells, n_rows)
        batch.run(batched, bool(by_rows))
        self._written(at, cells)
        if batch.error is not None:
            mine.kept[failure] = batch.error, batch.failing
        self._rest = b"".join(batch.texts)
        self.host.pack(_BATCH_ANSWER, answer, INTEGER, 0, batch.done, len(self._rest), batch.error is not None)

    def _values(self, mine: UserCode, failure: int, at: int, n: int, answer: int) -> None:
        """A queue with values of windows (kernel/base/callback.py UserValues). failure: as for `_batch`."""
        cells = self._cells(at, n, 1)
        calls = ValueCalls(mine, cells)
        calls.run()
        self._written(at, cells)
        error = calls.error
        if error is not None:
            failed = _failed(error, _WHAT[mine.operation])
            failed.__cause__ = failed.__cause__ or (None if failed is error else error)
            mine.kept[failure] = failed, mine.asked
        self._rest = b"".join(calls.texts)
        self.host.pack(_BATCH_ANSWER, answer, INTEGER, 0, calls.done, len(self._rest), error is not None)

    def _fail(self, answer: int, error: BaseException, what: str, code: object) -> None:
        failed = _failed(error, what)
        self.failure = (failed.__cause__ or failed) if error is failed else error
        if self.on_error is not None:
            self.on_error(self.failure, code)
        self._put_bytes(answer, TEXT, failed.message.encode(), failed.code)

    def take(self, at: int) -> None:
        """`user_take` of the kernel."""
        self.host.write(at & 0xFFFFFFFF, self._rest)
        self._rest = b""

    def drop(self, connection: int, instance: int) -> None:
        """`user_drop` of the kernel."""
        mine = self._connections[connection & 0xFFFFFFFF]()
        if mine is not None:
            mine.kept.pop(instance, None)

    def take_failure(self) -> BaseException | None:
        """What the call that just failed raised; forget it."""
        failure, self.failure = self.failure, None
        return failure

    # --- values -------------------------------------------------------------------------------------------------

    def _told(self) -> tuple[int, ...]:
        """The Request."""
        return self.host.unpack(_REQUEST, self._request)

    def _value(self, tag: int, payload: int) -> Any:
        if tag == INTEGER:
            return payload
        if tag == REAL:
            return _DOUBLE.unpack(_BITS.pack(payload))[0]
        if tag == NULL:
            return None
        raw = self._bytes(payload & 0xFFFFFFFF, payload >> 32)
        return str(raw, "utf-8") if tag == TEXT else bytes(raw)

    def _bytes(self, at: int, size: int) -> bytes | memoryview:
        return self.host.read(at, size)

    def _cells(self, at: int, n_rows: int, width: int) -> Cells:
        """Values, to be written to."""
        return Cells(memoryview(bytearray(self.host.read(at, n_rows * width * SIZE))), width, self._bytes)

    def _written(self, at: int, cells: Cells) -> None:
        """They were written to."""
        self.host.write(at, cells.raw)

    def _put(self, at: int, value: Any) -> None:
        """Write an answer. Errors: OverflowError, TypeError, UnicodeEncodeError."""
        if isinstance(value, int):
            try:
                self._put_number(at, value)
            except StructError:
                raise OverflowError("Python int too large to convert to SQLite INTEGER") from None
        elif value is None or (value != value and isinstance(value, float)):
            self.host.pack(_CELL, at, NULL, 0)
        elif isinstance(value, float):
            self.host.pack(_REAL_CELL, at, REAL, value)
        elif isinstance(value, str):
            self._put_bytes(at, TEXT, value.encode())
        else:
            try:
                view = memoryview(value)
                if not view.c_contiguous:
                    raise BufferError("memoryview: underlying buffer is not C-contiguous")
                raw = bytes(view)
            except TypeError:
                raise TypeError(f"type '{type(value).__name__}' is not supported") from None
            self._put_bytes(at, BLOB, raw)

    def _put_number(self, at: int, value: int) -> None:
        self.host.pack(_CELL, at, INTEGER, value)

    def _put_bytes(self, at: int, tag: int, raw: bytes, status: int = 0) -> None:
        if len(raw) <= ANSWER_ROOM:
            self.host.write(at + 16, raw)
        else:
            self._rest = raw
        self.host.pack(_ANSWER, at, tag, status, len(raw) << 32)


class DirectCalls(UserCalls):
    """The calls of a host whose linear memory can be seen: `look` gives the view of now."""

    def __init__(self, host: Host, look: Callable[[], memoryview]) -> None:
        super().__init__(host)
        self._look = look

    def _told(self) -> tuple[int, ...]:
        return _REQUEST.unpack_from(self._look(), self._request)

    def _put_number(self, at: int, value: int) -> None:
        _CELL.pack_into(self._look(), at, INTEGER, value)

    def _cells(self, at: int, n_rows: int, width: int) -> Cells:
        end = at + n_rows * width * SIZE
        view = self._look()
        if end > len(view):
            self.host.read(at, end - at)
            view = self._look()
        return Cells(view[at:end], width, self._bytes)

    def _written(self, at: int, cells: Cells) -> None:
        """They are memory itself."""

    def _bytes(self, at: int, size: int) -> bytes | memoryview:
        view = self._look()
        return view[at : at + size] if at + size <= len(view) else self.host.read(at, size)
