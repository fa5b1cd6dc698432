"""An open database connection: the kernel's KernelConnection, the schema it sees, and the statements it runs.

Owns the pool of kernel statements; preparing.py prepares. Transaction state, locks, pages, and what follows when a step
fails, are the kernel's.

Invariants:
  N1  Every method that enters the kernel holds the host's lock; none keeps it while it sleeps (statement.py S2).
  N3  A connection that is collected without `close`, and a statement that is dropped, leave to the host when they are
      freed (hosts/base.py H5).
  N4  Between the time slices of a statement other threads are in the kernel, with other connections: those who want
      this one wait until the step has ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from turso_wasm.base.errors import SQLITE_BUSY, SQLITE_INTERRUPT, SQLITE_MISUSE, SQLITE_SCHEMA, SqlError
from turso_wasm.kernel.abi import (
    OPEN_URI,
    STATEMENTS,
)
from turso_wasm.runtime.files import kernel_name
from turso_wasm.runtime.hosts.base import Host, address
from turso_wasm.runtime.keys import FORMAT_OURS, FORMAT_TURSO, Key, key_text
from turso_wasm.runtime.preparing import MAX_RETRIES, Preparing, View
from turso_wasm.runtime.rows import TextFactory
from turso_wasm.runtime.schema import (
    BOOTSTRAP,
    Prepared,
    library_of,
)
from turso_wasm.runtime.statement import KEEP_BLOCK, HostStatement, Rows
from turso_wasm.runtime.statements import statements_of
from turso_wasm.runtime.uri import Location
from turso_wasm.runtime.usercode import UserCode
from turso_wasm.runtime.userrows import RowsCode

if TYPE_CHECKING:  # of the compiler, which a process imports when it compiles something
    from turso_wasm.bind.authority import Ask
    from turso_wasm.catalog.own import Own, Owned

MAX_IDLE = 64  # kernel statements kept for reuse, a connection


def _free(host: Host, at: int) -> None:
    """Free a kernel connection."""
    with host.lock:
        try:
            host.function("connection_free")(at)
            host.trim()
        finally:
            host.user_calls.remove(at)


class HostConnection(Preparing):
    """See the module docstring."""

    def __init__(self, host: Host, location: Location, *, uri: bool = False, key: Key = None) -> None:
        """Open or create the main database. uri: names in ATTACH may be URIs. key: of the database, if it is encrypted.

        Errors: SqlError(SQLITE_CANTOPEN), …; TypeError, ValueError for what is no key.
        """
        self.host = host
        self.address = 0
        self._idle: dict[int, list[HostStatement]] = {}  # by id of the Program, which the statements keep alive
        self._n_idle = 0
        self._view: View | None = None
        self._own: Owned = ()
        self.user = UserCode()
        self.user.put(STATEMENTS, statements_of(self))
        self._n_statements = 0
        self._bootstrap = library_of(host).schema(BOOTSTRAP)
        self.active: set[HostStatement] = set()
        self.sizes: dict[tuple[int, int], int] | None = {}  # see bind/binder.py Sizes
        self.progress: tuple[int, Callable[[], bool]] | None = None  # after how many steps to ask whether to go on
        self.authorizer: Ask | None = None
        self.stepping = 0  # the thread that gives way between time slices of a statement
        given = key_text(key) or location.key
        self.key_format = FORMAT_TURSO if location.cipher else FORMAT_OURS
        name, flags = kernel_name(location)
        if uri:
            flags |= OPEN_URI
        with host.lock:
            self.address = address(host.function("connection_new")())
            host.user_calls.add(self.address, self.user)
            try:
                self._open_slot(0, name, flags)
                if given:
                    self.give_key(0, given)
            except BaseException:
                self.close()
                raise

    def _open_slot(self, slot: int, name: str, flags: int) -> None:
        raw = name.encode("utf-8", "surrogateescape")
        at = address(self.host.function("malloc")(len(raw) + 1))
        try:
            self.host.write(at, raw)
            self.host.function("connection_open")(self.address, slot, at, len(raw), flags)
        finally:
            self.host.function("mfree")(at)

    def reopen(self, name: str, flags: int) -> None:
        """Close the main database and open another one in its place. Errors: SQLITE_ERROR while it is in use."""
        with self.host.lock:
            for pool in self._idle.values():
                for statement in pool:
                    statement.free()
            self._idle.clear()
            self._n_idle = 0
            self.host.function("connection_close_slot")(self.address, 0)
            self._open_slot(0, name, flags)
            self._view = None

    def close(self) -> None:
        """Roll back what is open and free everything; safe to call twice. Errors: SQLITE_BUSY in a call of the user's
        code by a statement of the connection.
        """
        with self.host.lock:
            self.wait_turn()
            if not self.address:
                return
            if self.host.user_calls.is_calling(self.user):
                raise SqlError(SQLITE_BUSY, "unable to close due to unfinalized statements or unfinished backups")
            at, self.address = self.address, 0
            self._release_all(at)

    def abandon(self) -> None:
        """Close what nobody can use any more, without waiting for a garbage collection; from finalizers (N3)."""
        at, self.address = self.address, 0
        if at:
            self.host.later(self._release_all, at)

    def _release_all(self, at: int) -> None:
        for statement in [*self.active, *(s for pool in self._idle.values() for s in pool)]:
            statement.finished = True
        self.active.clear()
        self._idle.clear()
        _free(self.host, at)

    def __del__(self) -> None:
        at, self.address = getattr(self, "address", 0), 0
        if at:
            self.host.later(_free, self.host, at)

    # --- code of the user's -------------------------------------------------------------------------------------

    def register(self, entry: Own, code: Callable[..., Any] | RowsCode) -> None:
        """Let statements call `code`: a function, the class of an aggregate, a comparison of two texts.

        Errors: SQLITE_BUSY when it would replace what running statements may call.
        """
        from turso_wasm.catalog.own import number_of, with_own

        with self.host.lock:
            self.wait_turn()
            if number_of(self._own, entry) is not None:
                self._check_idle(entry)
            own, number = with_own(self._own, entry)
            self.user.put(number, code)
            self._know(own)

    def unregister(self, entry: Own) -> None:
        """Forget the code that `entry` would replace, if there is any. Errors: as `register`."""
        from turso_wasm.catalog.own import number_of, without

        with self.host.lock:
            self.wait_turn()
            number = number_of(self._own, entry)
            if number is not None:
                self._check_idle(entry)
                self.user.put(number, None)
                self._know(without(self._own, number))

    def _check_idle(self, entry: Own) -> None:
        if self.active:
            from turso_wasm.catalog.own import OwnCollation

            what = "collation sequence" if isinstance(entry, OwnCollation) else "user-function"
            raise SqlError(SQLITE_BUSY, f"unable to delete/modify {what} due to active statements")

    def _know(self, own: Owned) -> None:
        """Prepare with these entries from now on."""
        if own != self._own:
            self._view = None
        self._own = own

    # --- threads ------------------------------------------------------------------------------------------------

    def let_others(self, in_kernel: Callable[[], object]) -> None:
        """Between two time slices of a statement: let others into the kernel, as the host does `in_kernel` (N4)."""
        before, self.stepping = self.stepping, threading.get_ident()
        try:
            in_kernel()
        finally:
            self.stepping = before

    def wait_turn(self) -> None:
        """Wait until no other thread is amid a step of this connection; the caller holds the host's lock (N4)."""
        while self.stepping not in (0, threading.get_ident()):
            self.host.pause(0.001)

    # --- executing ----------------------------------------------------------------------------------------------

    def execute(
        self, prepared: Prepared, values: Sequence[Any] = (), text: TextFactory | None = None
    ) -> tuple[HostStatement, Rows | None]:
        """Start a statement: (the statement, the first batch of rows, None when it is finished already).

        A statement whose schema is out of date is prepared again. One that is finished was given back; otherwise the
        caller does so with `release`. Errors: as HostStatement.start.
        """
        with self.host.lock:
            if self.stepping:
                self.wait_turn()
            if not self.address:
                raise SqlError(SQLITE_MISUSE, "bad parameter or other API misuse")  # closed by what made the values
            for attempt in range(MAX_RETRIES):
                statement = self.acquire(prepared)
                try:
                    rows = statement.start(values, prepared.literals, text)
                    statement.prepared_again += attempt
                    if statement.finished and self.address:
                        self._give_back(statement)
                    return statement, rows
                except BaseException as error:
                    self.release(statement)
                    if not isinstance(error, SqlError) or error.code != SQLITE_SCHEMA or attempt == MAX_RETRIES - 1:
                        raise
                prepared = self.prepare_again(prepared)
            raise AssertionError("unreachable")

    def acquire(self, prepared: Prepared) -> HostStatement:
        """A kernel statement for this Program, from the pool or new."""
        program = prepared.program
        pool = self._idle.get(id(program))
        if pool:
            statement = pool.pop()
            statement.finished = False
            self._n_idle -= 1
        else:
            statement = HostStatement(self, program, prepared.instance)
        statement.text = prepared.text
        view = self._view
        if view is None or view is not statement.view or view.schema is not prepared.schema:
            statement.see(view if view is not None and view.schema is prepared.schema else None)
        self.active.add(statement)
        return statement

    def release(self, statement: HostStatement) -> None:
        """Give a statement back; whatever it still holds is given up."""
        with self.host.lock:
            if self.stepping:
                self.wait_turn()
            if statement.running:
                raise SqlError(SQLITE_MISUSE, "bad parameter or other API misuse")
            self._give_back(statement)

    def number_statement(self) -> int:
        """The number of a new statement, from 1 as they are made."""
        self._n_statements += 1
        return self._n_statements

    def statements(self) -> Iterator[HostStatement]:
        """Those in use, and those that are kept."""
        yield from self.active
        for pool in self._idle.values():
            yield from pool

    def drop(self, statement: HostStatement) -> None:
        """Give back a statement that nobody can step any more; from finalizers (N3)."""
        self.host.later(self._give_back, statement)

    def _give_back(self, statement: HostStatement) -> None:
        if statement not in self.active or not self.address:
            return
        self.active.discard(statement)
        if statement.stepped or statement.params_size > KEEP_BLOCK:
            statement.reset()
        try:
            self._idle[id(statement.program)].append(statement)
        except KeyError:
            self._idle[id(statement.program)] = [statement]
        self._n_idle += 1
        if self._n_idle > MAX_IDLE:
            self._trim()

    def _trim(self) -> None:
        """Free the statements that were idle longest."""
        for key in list(self._idle):
            for statement in self._idle.pop(key):
                statement.free()
                self._n_idle -= 1
            if self._n_idle <= MAX_IDLE // 2:
                return

    @contextmanager
    def running(self, prepared: Prepared) -> Iterator[HostStatement]:
        """A statement for many runs (executemany)."""
        statement = self.acquire(prepared)
        try:
            yield statement
        finally:
            self.release(statement)


def is_interrupt(error: SqlError) -> bool:
    """True for the error that `interrupt` causes."""
    return error.code == SQLITE_INTERRUPT
