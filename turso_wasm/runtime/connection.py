"""An open database connection: the kernel's KernelConnection, the schema it sees, and the statements it runs.

Owns preparing (look-up, compilation, reload of a schema that moved) and the pool of kernel statements. Transaction
state, locks, pages, and what follows when a step fails, are the kernel's.

Invariants:
  N1  Every method that enters the kernel holds the host's lock; none keeps it while it sleeps (statement.py S2).
  N2  What is known of the schema holds for one schema epoch of the kernel's connection and one set of schema cookies.
      Nothing is compiled against an older epoch, and a Program that belongs to another Schema, epoch or cookie is
      refused by the kernel with SQLITE_SCHEMA before it does anything; then its text is prepared again.
  N3  A connection that is collected without `close`, and a statement that is dropped, leave to the host when they are
      freed (hosts/base.py H5).
  N4  Between the time slices of a statement other threads are in the kernel, with other connections: those who want
      this one wait until the step has ended.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from turso_wasm.base.errors import SQLITE_BUSY, SQLITE_ERROR, SQLITE_INTERRUPT, SQLITE_MISUSE, SQLITE_SCHEMA, SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.catalog.names import fold, quote_identifier
from turso_wasm.kernel.abi import (
    DB_PAGE_COUNT,
    DB_SCHEMA_FORMAT,
    OPEN_URI,
    STATEMENTS,
)
from turso_wasm.runtime import layout
from turso_wasm.runtime.connection_state import ConnectionState
from turso_wasm.runtime.files import kernel_name
from turso_wasm.runtime.hosts.base import Host, address
from turso_wasm.runtime.kept import keep, recall_shape, recall_text
from turso_wasm.runtime.rows import TextFactory, UndecodableText
from turso_wasm.runtime.schema import (
    BOOTSTRAP,
    NEEDS_NO_SCHEMA,
    SCHEMA_QUERY,
    SHARED_BY_SHAPE,
    STATISTICS_QUERY,
    Contents,
    Environment,
    Prepared,
    Schema,
    encoding_bits,
    fits_sizes,
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
    from turso_wasm.codegen.program import Program
    from turso_wasm.sql.lexer import Tokens

DESCENDING_FORMAT = 4  # the first schema format whose indexes honour DESC, and the last there is
MAX_RETRIES = 50  # SQLITE_MAX_SCHEMA_RETRY
MAX_IDLE = 64  # kernel statements kept for reuse, a connection

_NEEDS_NO_SCHEMA = re.compile(NEEDS_NO_SCHEMA, re.IGNORECASE)
_IS_SOMETHING = re.compile(r"\s*[A-Za-z]")  # seen without the lexer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class View:
    """The schema that a connection sees: as of these schema cookies (by slot) and this schema epoch (kernel/abi.py)."""

    schema: Schema
    cookies: tuple[int, ...]
    epoch: int


def _free(host: Host, at: int) -> None:
    """Free a kernel connection."""
    with host.lock:
        try:
            host.function("connection_free")(at)
            host.trim()
        finally:
            host.user_calls.remove(at)


class HostConnection(ConnectionState):
    """See the module docstring."""

    def __init__(self, host: Host, location: Location, *, uri: bool = False) -> None:
        """Open or create the main database. uri: names in ATTACH may be URIs. Errors: SqlError(SQLITE_CANTOPEN), …"""
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
        name, flags = kernel_name(location)
        if uri:
            flags |= OPEN_URI
        with host.lock:
            self.address = address(host.function("connection_new")())
            host.user_calls.add(self.address, self.user)
            try:
                self._open_slot(0, name, flags)
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
            self.host.later(partial(self._release_all, at))

    def _release_all(self, at: int) -> None:
        for statement in [*self.active, *(s for pool in self._idle.values() for s in pool)]:
            statement.finished = True
        self.active.clear()
        self._idle.clear()
        _free(self.host, at)

    def __del__(self) -> None:
        at, self.address = getattr(self, "address", 0), 0
        if at:
            self.host.later(partial(_free, self.host, at))

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

    # --- preparing ----------------------------------------------------------------------------------------------

    def prepare(self, sql: str, start: int = 0, *, is_ours: bool = False) -> Prepared | None:
        """The first statement from character `start` on; None when only space, comments and semicolons are left.

        is_ours: the authorizer, if there is one, need not be asked. Errors: SqlError with SQLite's message and span.
        """
        ask = None if is_ours else self.authorizer
        known = self.find(sql) if start == 0 and ask is None else None
        if known is not None:
            return known
        with self.host.lock:
            self.wait_turn()
            if _NEEDS_NO_SCHEMA.match(sql, start):
                return self._prepare(self._bootstrap, sql, start, ask)
            if not _IS_SOMETHING.match(sql, start) and is_empty(sql, start):
                return None
            try:
                return self._prepare(self._seen().schema, sql, start, ask)
            except SqlError:
                if not self._schema_moved():
                    raise
            return self._prepare(self._seen().schema, sql, start, ask)

    def find(self, sql: str) -> Prepared | None:
        """What exactly this text was prepared to, if that still holds; from any thread, without the host's lock."""
        view = self._view
        found = None if view is None else view.schema.find_text(sql)
        if found is not None and not found.program.checks and view is not None and view.epoch != self.epoch():
            return None  # what is out of date the kernel refuses; of this it cannot tell
        if found is not None and found.program.table_sizes and not fits_sizes(found.program, self.sizes):
            return None
        return found

    def _prepare(self, schema: Schema, sql: str, start: int = 0, ask: Ask | None = None) -> Prepared:
        """The statement of a text that is not empty.

        With an authorizer nothing is taken from the caches, nor given to them: what it answers may change.
        """
        is_whole = start == 0 and ask is None
        prepared = self._known(schema, sql) if is_whole else None
        if prepared is None:
            prepared = self._analyze(schema, sql, start, ask)
        if is_whole and prepared.program.shared:
            schema.add_text(prepared)
        return prepared

    def _known(self, schema: Schema, sql: str) -> Prepared | None:
        """What exactly this text was prepared to in this environment, by this process or an earlier one."""
        found = schema.find_text(sql)
        if found is not None and fits_sizes(found.program, self.sizes):
            return found
        return recall_text(self.host, schema, sql, self.sizes) if self._keeps else None

    @property
    def _keeps(self) -> bool:
        """Whether Programs come from earlier processes, and are kept for later ones."""
        return self.sizes is not None and self.host.programs is not None

    def _analyze(self, schema: Schema, sql: str, start: int, ask: Ask | None) -> Prepared:
        """The statement by its shape, or compiled."""
        from turso_wasm.sql.lexer import END, normalize, tokenize, tokenize_statement

        tokens = tokenize_statement(sql, start)
        key, literals = normalize(tokens)
        known = schema.find_shape(key, literals, sql, self.sizes) if ask is None else None
        if known is None and ask is None and self._keeps:
            known = recall_shape(self.host, schema, key, literals, sql, self.sizes)
            if known is not None:
                schema.add_shape(key, literals, *known)
        is_new = known is None
        if known is None:
            program = self._compile(tokens, schema, ask)
            known = program, self.host.load(program)
            if ask is None and program.kind in SHARED_BY_SHAPE and program.shared:
                schema.add_shape(key, literals, *known)
        has_tail = "\0" in sql or (tokens.end < len(sql) and tokenize(sql, tokens.end).kinds[0] != END)
        text = sql[start : tokens.end]
        mine = literals if known[0].n_literals else ()
        prepared = Prepared(sql, start, tokens.end, text, *known, mine, schema, has_tail)
        if is_new and ask is None and self._keeps:
            keep(self.host, key, prepared)
        return prepared

    def _compile(self, tokens: Tokens, schema: Schema, ask: Ask | None) -> Program:
        from turso_wasm.runtime.compiler import compile_statement  # a tenth of a second, where it is not needed

        try:
            catalogs = schema.catalogs
        except SqlError:
            self._view = None  # maybe somebody mends it
            raise
        return compile_statement(tokens, catalogs, self.files(), schema.registry, ask, self.sizes)

    # --- schema -------------------------------------------------------------------------------------------------

    def _seen(self) -> View:
        """The schemas as this connection sees them now, read if need be (N2)."""
        if self._view is None or self._view.epoch != self.epoch():
            self._view = None
            self._view = self._when_free(self._read_view)
        return self._view

    def _when_free(self, action: Callable[[], T]) -> T:
        """Do it, again while the database is locked, until the busy timeout is over."""
        for attempt in count():
            try:
                return action()
            except SqlError as error:
                delay_ms = self.host.function("busy_delay")(self.address, attempt)
                if error.code != SQLITE_BUSY or not delay_ms:
                    raise
            self.host.pause(delay_ms / 1000.0)
        raise AssertionError("unreachable")

    def _schema_moved(self) -> bool:
        """True, and the schema forgotten, when it is no longer the one in the files."""
        view = self._view
        if view is None or (view.epoch == self.epoch() and view.cookies == self.cookies()):
            return False
        self._view = None
        return True

    def _read_view(self) -> View:
        for _ in range(MAX_RETRIES):
            epoch, cookies = self.epoch(), self.cookies()
            encoding = encoding_bits(self.encoding())
            bootstrap = self._bootstrap_of(encoding)
            databases = tuple(self._read_contents(slot, name, bootstrap) for slot, name in self.databases())
            environment = Environment(databases, self._own, self.settings() | encoding)
            view = View(library_of(self.host).schema(environment), cookies, epoch)
            try:
                view = self._with_statistics(view)
            except SqlError as error:
                if error.code != SQLITE_SCHEMA:
                    raise
            else:
                if self.cookies() == cookies:
                    return view
        raise SqlError(SQLITE_SCHEMA, "database schema has changed")

    def _bootstrap_of(self, encoding: int) -> Schema:
        return self._bootstrap if not encoding else library_of(self.host).schema(replace(BOOTSTRAP, settings=encoding))

    def _read_contents(self, slot: int, name: str, bootstrap: Schema) -> Contents:
        if not self.opened()[slot] or self.field(slot, DB_PAGE_COUNT) == 0:
            return Contents(slot, name, ())
        known = bootstrap.environment.databases[slot].name
        rows = self._query(bootstrap, f"{SCHEMA_QUERY} {quote_identifier(known)}.sqlite_master")
        schema_format = self.field(slot, DB_SCHEMA_FORMAT)
        if schema_format & 0xFFFFFFFF > DESCENDING_FORMAT:
            raise SqlError(SQLITE_ERROR, "unsupported file format")
        return Contents(slot, name, tuple(rows), not rows or schema_format >= DESCENDING_FORMAT)

    def _with_statistics(self, view: View) -> View:
        """The same with what ANALYZE left, which a Program of the schema without reads. Errors: SQLITE_SCHEMA."""
        databases = list(view.schema.environment.databases)
        for i, contents in enumerate(databases):
            if any(row[0] == "table" and fold(str(row[1])) == "sqlite_stat1" for row in contents.rows or ()):
                self._view = view
                rows = self._query(view.schema, f"{STATISTICS_QUERY} {quote_identifier(contents.name)}.sqlite_stat1")
                databases[i] = replace(contents, statistics=tuple(rows))
        if self._view is not view:
            return view
        self._view = None
        environment = replace(view.schema.environment, databases=tuple(databases))
        return replace(view, schema=library_of(self.host).schema(environment))

    def _query(self, schema: Schema, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a query of ours; a schema that is not UTF-8 is for the parser to judge."""
        try:
            return self._rows(schema, sql, None)
        except UndecodableText:
            return self._rows(schema, sql, lambda raw: raw.decode("utf-8", "replace"))

    def _rows(self, schema: Schema, sql: str, text: TextFactory | None) -> list[tuple[Any, ...]]:
        prepared = self._prepare(schema, sql)
        statement = self.acquire(prepared)
        statement.text = ""
        self.host.function("statement_peeks")(statement.address)
        try:
            rows = []
            while (batch := statement.step(text)) is not None:
                rows += batch
            return rows
        finally:
            self.release(statement)

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

    def prepare_again(self, prepared: Prepared) -> Prepared:
        """The same text against the schema, or the sizes of tables, of now."""
        if not self._note_sizes():
            self._view = None
        again = self.prepare(prepared.sql, prepared.start)
        assert again is not None
        return again

    def _note_sizes(self) -> bool:
        """Remember what a Program that was refused has found; False: it was not refused because of sizes."""
        at, n = self.host.unpack(layout.SIZES, self.address + layout.SIZES_AT)
        if not n:
            return False
        self.host.pack(layout.SIZES, self.address + layout.SIZES_AT, 0, 0)
        if self.sizes is not None:
            for number in range(n):
                slot, root, _, _, found = self.host.unpack(layout.SIZE, at + number * layout.SIZE.size)
                self.sizes[slot, root] = found
        return True

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
        self.host.later(partial(self._give_back, statement))

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


def is_empty(sql: str, start: int) -> bool:
    """Only space, comments and semicolons are left from character `start` on."""
    from turso_wasm.sql.lexer import END, tokenize_statement

    return tokenize_statement(sql, start).kinds[0] == END


def is_interrupt(error: SqlError) -> bool:
    """True for the error that `interrupt` causes."""
    return error.code == SQLITE_INTERRUPT
