"""A statement in execution: a kernel Run running one Program with one set of parameters.

Owns binding, stepping and decoding, and what happens when a step fails. It is an iterator of row batches:

    statement = HostStatement(connection, prepared)
    statement.bind(values)
    while (rows := statement.step()) is not None: …      # None: finished
    statement.reset()

Invariants:
  S1  Every exception that comes out of a step is followed by `statement_failed` before anybody sees it (hosts/base.py
      H3).
  S2  SQLITE_BUSY before the first row is retried until the connection's busy timeout is over, with the kernel
      unlocked in between; the kernel itself never waits. Parameters stay bound across the retries.
  S3  `step` hands over every row of the buffer before it runs the Program again, or raises: rows that were complete
      when it failed come first, and the error with the next step.
  S4  A Program whose code does not fit the stack is undone and begins again with other code, if it has given no rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from turso_wasm.base.errors import SQLITE_ERROR, SQLITE_INTERRUPT, InternalError, SqlError, StackError
from turso_wasm.kernel.abi import DONE, ROWS, YIELD
from turso_wasm.runtime import layout
from turso_wasm.runtime.hosts.base import LARGE, Instance, Taken, address
from turso_wasm.runtime.parameters import VALUE_SIZE, Packer, encode_block, pack_block, packer_for
from turso_wasm.runtime.rows import TextFactory, decode_rows

if TYPE_CHECKING:
    from turso_wasm.codegen.program import Program
    from turso_wasm.runtime.connection import HostConnection
    from turso_wasm.runtime.preparing import View

FIRST_ROWS = 64  # rows of the first batch: who wants only the first few does not pay for a full buffer
STEPS_AT_LEAST = 10  # that the shortest statement is taken to need
FIRST_SLICE = 3000  # polls; the kernel's own slices are longer
KEEP_BLOCK = 1 << 20  # a larger parameter block is given back when the statement is reset
NO_EPOCH = -1

Rows = list[tuple[Any, ...]]
Turned = tuple[bytes, bytes]  # columns (kernel/values/columns.py), and the heap behind them
IN_WORK: Taken = (YIELD, b"", b"", 0)
NO_COLUMNS: Turned = (b"", b"")


class HostStatement:
    """See the module docstring. Made by `HostConnection.acquire`, given back with `HostConnection.release`."""

    __slots__ = (
        "address",
        "bound",
        "changed",
        "columns",
        "connection",
        "failure",
        "finished",
        "host",
        "instance",
        "left",
        "limited",
        "n_columns",
        "n_parameters",
        "n_values",
        "number",
        "packer",
        "params_at",
        "params_size",
        "prepared_again",
        "program",
        "running",
        "stepped",
        "text",
        "turned",
        "view",
    )

    def __init__(self, connection: HostConnection, program: Program, instance: Instance) -> None:
        self.connection = connection
        self.host = connection.host
        self.program = program
        self.text = ""  # of the statement; of one of ours there is none
        self.number = connection.number_statement()
        self.prepared_again = 0  # times
        self.instance = instance
        self.n_columns = len(program.columns)
        self.n_values = program.n_user_params
        self.n_parameters = program.n_params
        self.limited = False  # the first batch has FIRST_ROWS at most
        self.stepped = False
        self.finished = False
        self.failure: SqlError | None = None  # of a step whose last rows were handed over
        self.changed = 0  # rows, by the run that ended, or all runs of many.py `run_many`
        self.running = False  # in the kernel, maybe in a call of the user's code, which must leave it alone
        self.turned = False  # its steps leave `columns`
        self.columns = NO_COLUMNS
        self.left: Sequence[Any] = ()  # sets of parameters that `run_many` has taken, and not done
        self.view: View | None = None
        self.packer: Packer | None = None  # of the parameters it had last
        self.bound: Sequence[Any] | None = None  # the literals that are all there is in the parameters
        new = self.host.function("statement_new")
        self.address = address(new(connection.address, program.frame_size, self.n_parameters, self.n_columns))
        (self.params_at,) = self.host.unpack(layout.U32, self.address + layout.PARAMS_AT)
        self.params_size = self.n_parameters * VALUE_SIZE
        flags = layout.FLAG_PATIENT | (layout.FLAG_COUNTS_CHANGES if program.counts_changes else 0)
        self.host.pack(layout.U32, self.address + layout.FLAGS_AT, flags)
        self.host.pack(layout.I32, self.address + layout.EPOCH_AT, NO_EPOCH)

    def see(self, view: View | None) -> None:
        """Run against the schema of this view; None: the Program belongs to none that is there now, and is refused."""
        if view is self.view:
            return
        self.view = view
        if not self.program.checks:
            return
        if view is not None:
            self.host.pack(layout.COOKIES, self.address + layout.COOKIES_AT, *view.cookies)
        self.host.pack(layout.I32, self.address + layout.EPOCH_AT, NO_EPOCH if view is None else view.epoch)

    # --- parameters ---------------------------------------------------------------------------------------------

    def bind(self, values: Sequence[Any], literals: Sequence[Any] = ()) -> None:
        """Write the parameters. Errors: as parameters.encode_block."""
        block = self.block(values, literals)
        if block:
            self.host.write(self.params_at, block)

    def block(self, values: Sequence[Any], literals: Sequence[Any]) -> bytes:
        """What is to be written to `params_at` for these parameters: nothing, if they are there. Errors: as bind."""
        if not self.n_parameters or (not values and literals is self.bound):
            return b""
        self.bound = None
        given = (*values, *literals) if literals else values
        packer, is_whole = self.packer, len(given) == self.n_parameters
        block = packer(given, self.params_at) if packer is not None and is_whole else None
        if block is None:
            if is_whole:
                self.packer = packer_for(tuple(map(type, given)))
            block = self._encode(values, literals)
        if len(block) > self.params_size:
            self._make_room(len(block))
            block = self._encode(values, literals)
        if not values:
            self.bound = literals
        return block

    def bind_rows(self, encode: Callable[[int], bytes]) -> None:
        """Write the list of rows that is the only parameter. encode: gives its block, for an address.

        Errors: as encode.
        """
        self.bound = None
        block = encode(self.params_at)
        if len(block) > self.params_size:
            self._make_room(len(block))
            block = encode(self.params_at)
        self.host.write(self.params_at, block)

    def _encode(self, values: Sequence[Any], literals: Sequence[Any]) -> bytes:
        if len(values) + len(literals) == self.n_parameters:
            block = pack_block(values, literals, self.params_at)
            if block is not None:
                return block
        return encode_block(values, literals, self.n_values, self.params_at)

    def _make_room(self, size: int) -> None:
        """Replace the parameter block by one of at least `size` bytes."""
        size = max(size + size // 4, 256)
        new = address(self.host.function("malloc")(size))
        self.host.function("mfree")(self.params_at)
        self.host.pack(layout.U32, self.address + layout.PARAMS_AT, new)
        self.params_at, self.params_size = new, size

    # --- running ------------------------------------------------------------------------------------------------

    def start(self, values: Sequence[Any], literals: Sequence[Any], text: TextFactory | None = None) -> Rows | None:
        """`bind`, and the first `step`, in one entry of the kernel. Errors: as both."""
        return self._advance(self.block(values, literals), text)

    def step(self, text: TextFactory | None = None) -> Rows | None:
        """Run on; the next batch of rows (maybe empty), or None when the statement is finished.

        text: makes the Python value of a TEXT. Errors: SqlError, InternalError (the statement is aborted then);
        UndecodableText.
        """
        if self.finished:
            return None
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        if self.connection.stepping:
            self.connection.wait_turn()
        return self._advance(b"", text)

    def step_columns(self) -> Turned | None:
        """As `step`; the rows of the batch as columns. Errors: as step."""
        self.turned, self.columns = True, NO_COLUMNS
        try:
            more = self.step()
            return None if more is None and not self.columns[0] else self.columns
        finally:
            self.turned, self.columns = False, NO_COLUMNS

    def _advance(self, block: bytes, text: TextFactory | None) -> Rows | None:
        """`step`, with a block of parameters that is still to be written."""
        again = self.stepped
        if self.limited is again and self.n_columns:
            self.limited = not again
            self.host.pack(layout.U32, self.address + layout.ROW_LIMIT_AT, 0 if again else FIRST_ROWS)
        status, rows, heap, not_ascii = self._run(block)
        if status == DONE:
            self.finished = True
            self.stepped = again  # a short run leaves nothing to reset
            if self.program.counts_changes:
                self.changed = self.changes
        if not self.n_columns:
            if self.program.kind == "transaction" and self.host.user_calls.stack:
                self.connection.user.stop(interrupted=False)  # maybe who calls this cannot go on
            return None
        if len(heap) > KEEP_BLOCK:
            self.stepped = True
        if not rows:
            return None if self.finished else []
        if self.turned:
            self.columns = rows, heap
            return []
        return decode_rows(rows, heap, self.n_columns, not not_ascii, text)

    def first(self) -> tuple[Any, ...] | None:
        """The first row, on which the run stays until it is reset; None: there is none. Errors: as step."""
        self.limited = True
        self.host.pack(layout.U32, self.address + layout.ROW_LIMIT_AT, 1)
        try:
            return next(iter(self.step() or ()), None)
        finally:
            self.limited = False  # as the next run wants it

    def run_to(self, n: int, values: Sequence[Any], literals: Sequence[Any], text: TextFactory | None = None) -> Rows:
        """The first n rows of a run that every further step gives one more row of; fewer: it is finished. n: above 0.

        Errors: as start.
        """
        self.limited = True
        self.host.pack(layout.U32, self.address + layout.ROW_LIMIT_AT, n)
        try:
            rows = self.start(values, literals, text) or []
            self.limited = False  # what is packed here stays
            while not self.finished and len(rows) < n:
                self.host.pack(layout.U32, self.address + layout.ROW_LIMIT_AT, n - len(rows))
                rows += self.step(text) or ()
            self.host.pack(layout.U32, self.address + layout.ROW_LIMIT_AT, 1)
            return rows
        finally:
            self.limited = False

    def run_once(self, block: bytes) -> int:
        """A run that gives no rows; how many it has changed."""
        if self.instance.heat >= 0 or self.connection.progress is not None:
            self._run(block)
            self.stepped = False
            return self.changes
        self.stepped = self.running = True
        try:
            changed = self.host.count(self.instance.step, self.address, self.params_at, block)
        except StackError as error:
            self._failed()
            self._shrink(error)
            raise
        except BaseException as error:
            self._go_on(self._again(error))
            changed = self.changes
        finally:
            self.running = False
        if changed < 0:
            self._go_on(IN_WORK)
            changed = self.changes
        self.stepped = False
        return changed

    def repeat(self, n: int) -> None:
        """Run for each of the n sets of parameters that are bound (bulk.py `encode_sets`), of a statement without rows.

        When it raises, `left` begins with the set in work. Errors: as step.
        """
        if self.instance.heat >= 0:
            self._count(n)
        at = self.params_at + self.n_parameters * VALUE_SIZE
        done, changed = 0, 0
        try:
            while done < n:
                ended = self._run_rest(n, at)
                done, changed = self.host.unpack(layout.REPEATED, at)
                if not ended:
                    done, changed = done + 1, changed + self.changes
                    self.host.pack(layout.REPEATED, at, done, changed)
        except BaseException:
            if self.connection.address:
                done, changed = self.host.unpack(layout.REPEATED, at)
            raise
        finally:
            self.left = self.left[done:]
            self.changed += changed
        self.stepped = False

    def _run_rest(self, n: int, at: int) -> bool:
        """Run for the sets that are left, of n, by a Repeated at `at`; False: the one behind them took more than a
        call. Errors: as step.
        """
        self.stepped = self.running = True
        try:
            sets = at + layout.REPEATED.size
            if self.host.repeat(self.instance, self.address, sets, n, at) == DONE:
                return True
            taken = IN_WORK
        except StackError as error:
            self._failed()
            self._shrink(error)
            return True
        except BaseException as error:
            taken = self._again(error)
        finally:
            self.running = False
        self._go_on(taken)
        return False

    def run_without_rows(self, block: bytes) -> None:
        """A run whose rows nobody wants; `changed` counts on."""
        before = self.changed
        rows = self._advance(block, bytes)
        while rows is not None:
            rows = self.step(bytes)
        self.changed += before
        self.reset()
        self.finished = False

    def _run(self, block: bytes) -> Taken:
        """Step until DONE or ROWS; between slices signals and other threads have their turn."""
        is_fresh = not self.stepped
        if is_fresh:
            self.stepped = True
            if self.instance.heat >= 0:
                self._count()
            if self.connection.progress is not None:
                self._begin_with(*self.connection.progress)
        elif self.instance.heat >= 0 and len(self.program.wasm) > LARGE:
            self.host.warm(self.instance)  # now that it cannot begin again (S4)
        try:
            taken = self._slice(block)
        except StackError as error:
            if not is_fresh:
                raise
            self._shrink(error)
            taken = self._slice(block)
        return taken if taken[0] != YIELD else self._go_on(taken)

    def _go_on(self, taken: Taken) -> Taken:
        """Step on while it only gives way."""
        while taken[0] == YIELD:
            if self.instance.heat >= 0:
                self.host.warm(self.instance)
            self._let_others(self.host.give_way)
            if self.connection.progress is not None and self._is_over(*self.connection.progress):
                return self._stopped()
            taken = self._slice(b"")
        return taken

    def _begin_with(self, n: int, is_over: Callable[[], bool]) -> None:
        """A run begins that may be stopped. Errors: SQLITE_INTERRUPT, and nothing was done."""
        for _ in range(STEPS_AT_LEAST // n):
            if is_over():
                self.stepped = False
                self.bound = None
                raise SqlError(SQLITE_INTERRUPT, "interrupted")
        self.host.pack(layout.U32, self.address + layout.BUDGET_AT, n)

    def _is_over(self, n: int, is_over: Callable[[], bool]) -> bool:
        """Whether it shall end here; if not, it goes on for another n steps."""
        over = is_over()
        self.host.pack(layout.U32, self.address + layout.BUDGET_AT, 1 if over else n)
        return over

    def _stopped(self) -> Taken:
        """Interrupt it, and nothing that comes later. Errors: SQLITE_INTERRUPT, unless this was its last step."""
        self.connection.interrupt()
        try:
            return self._slice(b"")
        finally:
            if self.connection.address:
                self.host.post(self.connection.address + layout.INTERRUPTED_AT, 0)

    def _let_others(self, in_kernel: Callable[[], object]) -> None:
        self.connection.let_others(in_kernel)
        if self.finished:  # the connection was closed, by a signal handler
            raise SqlError(SQLITE_INTERRUPT, "interrupted")

    def _count(self, n: int = 1) -> None:
        """Note n executions; what has not proved to run long gets a short first slice, to be compiled better after
        it.
        """
        instance = self.instance
        if instance.heat >= 0:
            instance.heat = max(0, instance.heat - n)
            if instance.heat <= 0:
                self.host.warm(instance)
            elif self.program.loops == "yielding":
                self.host.pack(layout.U32, self.address + layout.BUDGET_AT, FIRST_SLICE)

    def _shrink(self, error: StackError) -> None:
        """Have code that takes less stack. Errors: SQLITE_ERROR: there is none, or what was done is not undone (S4)."""
        undone = error.is_at_entry or self.program.readonly or not self.connection.in_transaction
        if not undone or not self.host.shrink(self.instance):
            raise SqlError(SQLITE_ERROR, "statement too complex: its code needs more stack than there is")

    def _slice(self, block: bytes) -> Taken:
        """One call of the Program, again as long as the kernel finds it worth waiting for a lock (S1, S2)."""
        self.running = True
        try:
            step = self._turning(self.instance.step) if self.turned else self.instance.step
            return self.host.run(step, self.address, self.params_at, block)
        except BaseException as error:
            return self._again(error)
        finally:
            self.running = False

    def _again(self, error: BaseException) -> Taken:
        """What a call that failed gives once what it waited for is there (S1, S2). Errors: that; SQLITE_INTERRUPT."""
        while True:
            delay_ms = self._failed()
            if delay_ms < 0:
                left = self.host.run(self._turning(_as_it_is) if self.turned else _as_it_is, self.address, 0, b"")
                if not isinstance(error, SqlError) or not left[1]:
                    raise error
                self.failure = error
                return left
            self.running = False
            self._let_others(partial(self.host.pause, delay_ms / 1000.0))
            (flags,) = self.host.unpack(layout.U32, self.address + layout.FLAGS_AT)
            step = self._commit if flags & layout.FLAG_FINISHING else self.instance.step
            self.running = True
            try:
                return self.host.run(self._turning(step) if self.turned else step, self.address, self.params_at, b"")
            except BaseException as another:
                error = another
            finally:
                self.running = False

    def _turning(self, step: Callable[[int], int]) -> Callable[[int], int]:
        """The step, with its rows turned into columns."""

        def turned(statement: int) -> int:
            status = step(statement)
            if status != YIELD:
                self.host.function("rows_turn")(statement)
            return status

        return turned

    def _commit(self, statement: int) -> int:
        """What is left to do of a run whose commit had to wait."""
        self.host.function("statement_done")(statement)
        return DONE

    def _failed(self) -> int:
        """Undo what the failed step did (S1): how many milliseconds to wait before another one, or below 0: raise.

        Undoing may fail too, on a corrupt file; the second time the kernel rolls back without reading anything.
        """
        failed = self.host.function("statement_failed")
        try:
            return int(failed(self.address))
        except (SqlError, InternalError):
            return int(failed(self.address))

    @property
    def changes(self) -> int:
        """Rows this run has changed; 0 once it was reset."""
        (n,) = self.host.unpack(layout.I64, self.address + layout.STATEMENT_CHANGES_AT)
        return int(n)

    # --- the end ------------------------------------------------------------------------------------------------

    def reset(self) -> None:
        """Give up cursors, locks and memory of the run, which a run that ended has done; ready to be bound again (and
        stepped, once not `finished`).
        """
        self.failure = None
        if self.stepped:
            self.host.function("statement_reset")(self.address)
            self.stepped = False
        if self.params_size > KEEP_BLOCK and self.params_size > self.n_parameters * VALUE_SIZE:
            self.params_size = 0
            self.bound = None
            self._make_room(self.n_parameters * VALUE_SIZE)

    def free(self) -> None:
        """Free the kernel Run."""
        self.host.function("statement_free")(self.address)
        self.finished = True


def _as_it_is(_: int) -> int:
    """A step that does nothing: the rows are those that are there."""
    return ROWS
