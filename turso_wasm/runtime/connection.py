"""An open database connection: the kernel's Connection, the schema it sees, and the statements it runs.

Owns preparing (caches, compilation, reload of a schema that moved), the pool of kernel statements, and the registry of
databases that lets connections share schemas and Programs. Transaction state, locks and pages are the kernel's.

Invariants:
  N1  Every method that enters the kernel holds the host's lock; none keeps it while it sleeps (statement.py S2).
  N2  After a statement that changed the schema, the schema is read again before anything is compiled. As long as
      the change is not committed, the Schema is this connection's own; it is dropped when the transaction ends,
      however it does.
  N3  A connection that is collected without `close`, and a statement that is dropped, leave to the host when they are
      freed (hosts/base.py H5).
  N4  Between the time slices of a statement other threads are in the kernel, with other connections: those who want
      this one wait until the step has ended.
"""

from __future__ import annotations

import os
import re
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any, TypeVar

from turso_wasm.base.errors import SQLITE_BUSY, SQLITE_INTERRUPT, SQLITE_SCHEMA, SqlError
from turso_wasm.catalog.catalog import Catalog, Catalogs
from turso_wasm.kernel.abi import (
    DB_PAGE_COUNT,
    DB_SCHEMA_COOKIE,
    DB_SCHEMA_FORMAT,
    OPEN_CREATE,
    OPEN_MEMORY,
    OPEN_READONLY,
    OPEN_TEMP,
)
from turso_wasm.runtime import layout
from turso_wasm.runtime.compiler import Environment, compile_statement
from turso_wasm.runtime.files import MEMORY, forget_memory, qualified
from turso_wasm.runtime.hosts.base import Host, address
from turso_wasm.runtime.rows import TextFactory, UndecodableText
from turso_wasm.runtime.schema import Prepared, Schema
from turso_wasm.runtime.statement import Rows, Statement, busy_delay
from turso_wasm.sql.lexer import END, normalize, tokenize

DESCENDING_FORMAT = 4  # the first schema format whose indexes honour DESC
UNCHECKED = -1  # a schema cookie that Programs do not compare
SHARED_BY_SHAPE = frozenset(("select", "insert", "update", "delete"))  # not ddl: sqlite_schema stores the exact text
MAX_RETRIES = 50  # SQLITE_MAX_SCHEMA_RETRY
MAX_IDLE = 64  # kernel statements kept for reuse, a connection

# Statements that SQLite prepares without a look at the file, which may be locked.
_NEEDS_NO_SCHEMA = re.compile(
    r"\s*(?:(?:BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE)\b|PRAGMA\s+(?:busy_timeout|locking_mode)\b)", re.IGNORECASE
)

T = TypeVar("T")

SCHEMA_QUERY = "SELECT type, name, tbl_name, rootpage, sql FROM sqlite_master"
STATISTICS_QUERY = "SELECT tbl, idx, stat FROM main.sqlite_stat1"


class Database:
    """What the connections of this process to one database share: the Schemas of committed cookies."""

    def __init__(self) -> None:
        self.schemas: dict[int, Schema] = {}

    def add(self, schema: Schema) -> None:
        """Share a committed schema; the two newest are kept (a reader may still be at the older)."""
        self.schemas[schema.cookie] = schema
        while len(self.schemas) > 2:
            del self.schemas[next(iter(self.schemas))]


_databases: weakref.WeakValueDictionary[tuple[int, str], Database] = weakref.WeakValueDictionary()
_memory_users: Counter[str] = Counter()


def _free(host: Host, at: int, memory: str | None) -> None:
    """Free a kernel connection; the last one to a shared in-memory database takes it along."""
    with host.lock:
        try:
            host.function("connection_free")(at)
        finally:
            if memory is not None:
                _memory_users[memory] -= 1
                if not _memory_users[memory]:
                    del _memory_users[memory]
                    forget_memory(memory)


class Connection:
    """See the module docstring. `path`: a file name, ":memory:", or "" for a temporary database."""

    def __init__(
        self,
        host: Host,
        path: str,
        *,
        readonly: bool = False,
        create: bool = True,
        vfs: str | None = None,
        shared_memory: str | None = None,
    ) -> None:
        """Open or create the database.

        vfs: a registered file system (files.py). shared_memory: the name of an in-memory database that all
        connections of the process to that name share. Errors: SqlError(SQLITE_CANTOPEN), …
        """
        self.host = host
        self.path = path
        self.address = 0
        self._idle: dict[int, list[Statement]] = {}  # by id of the Program, which the statements keep alive
        self._n_idle = 0
        self._schema: Schema | None = None
        self._schema_is_private = False
        self._bootstrap = Schema(Catalogs([Catalog(cookie=UNCHECKED)]), UNCHECKED)
        self.active: set[Statement] = set()
        self.stepping = 0  # the thread that gives way between time slices of a statement
        self._memory = shared_memory
        if shared_memory is not None:
            name, flags = qualified(MEMORY, shared_memory), OPEN_CREATE
            _memory_users[shared_memory] += 1
        else:
            name, flags = _kernel_name(path, vfs, readonly, create)
        with host.lock:
            self.address = address(host.function("connection_new")())
            try:
                self._open_slot(0, name, flags)
            except BaseException:
                self.close()
                raise
        shared = not flags & (OPEN_MEMORY | OPEN_TEMP)
        self.database = _databases.setdefault((id(host), name), Database()) if shared else Database()

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
            self.path = name
            self.database = Database()
            self._schema, self._schema_is_private = None, False

    def close(self) -> None:
        """Roll back what is open and free everything; safe to call twice."""
        with self.host.lock:
            self.wait_turn()
            if not self.address:
                return
            at, self.address = self.address, 0
            memory, self._memory = self._memory, None
            for statement in [*self.active, *(s for pool in self._idle.values() for s in pool)]:
                statement.finished = True
            self.active.clear()
            self._idle.clear()
            _free(self.host, at, memory)

    def __del__(self) -> None:
        at, self.address = getattr(self, "address", 0), 0
        if at:
            self.host.later(partial(_free, self.host, at, self._memory))

    # --- state the kernel keeps ---------------------------------------------------------------------------------

    @property
    def in_transaction(self) -> bool:
        """True between BEGIN and COMMIT or ROLLBACK."""
        (autocommit,) = self.host.unpack(layout.I32, self.address + layout.AUTOCOMMIT_AT)
        return not autocommit

    def counters(self) -> tuple[int, int, int]:
        """(changes of the last INSERT, UPDATE or DELETE, total changes, last_insert_rowid)."""
        changes, total, rowid = self.host.unpack(layout.COUNTERS, self.address + layout.COUNTERS_AT)
        return changes, total, rowid

    @property
    def busy_timeout_ms(self) -> int:
        """How long statements wait for a lock (also PRAGMA busy_timeout)."""
        (milliseconds,) = self.host.unpack(layout.I32, self.address + layout.BUSY_TIMEOUT_AT)
        return int(milliseconds)

    @busy_timeout_ms.setter
    def busy_timeout_ms(self, milliseconds: int) -> None:
        self.host.post(self.address + layout.BUSY_TIMEOUT_AT, max(0, min(milliseconds, 0x7FFFFFFF)))

    def interrupt(self) -> None:
        """Make running statements end with SQLITE_INTERRUPT; may be called from any thread, without the lock."""
        if self.address:
            self.host.post(self.address + layout.INTERRUPTED_AT, 1)

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

    def prepare(self, sql: str, start: int = 0) -> Prepared | None:
        """The first statement from character `start` on; None when only space, comments and semicolons are left.

        Errors: SqlError with SQLite's message and span.
        """
        schema = self._schema
        if start == 0 and schema is not None and (found := schema.find_text(sql)) is not None:
            return found
        with self.host.lock:
            self.wait_turn()
            if self._schema is None and _NEEDS_NO_SCHEMA.match(sql, start):
                known = self._bootstrap.find_text(sql) if start == 0 else None
                return known or self._prepare(self._bootstrap, sql, start)
            try:
                return self._prepare(self.schema(), sql, start)
            except SqlError:
                if self._bootstrap is self._schema or not self._schema_moved():
                    raise
            return self._prepare(self.schema(), sql, start)

    def _prepare(self, schema: Schema, sql: str, start: int) -> Prepared | None:
        tokens = tokenize(sql, start)
        while tokens.kinds[0] == ";":
            tokens = tokenize(sql, tokens.end)
        if tokens.kinds[0] == END:
            return None
        key, literals = normalize(tokens)
        known = schema.find_shape(key, literals, sql)
        if known is None:
            program = compile_statement(tokens, Environment(schema.catalogs, (self.path,)))
            known = program, self.host.load(program)
            if program.kind in SHARED_BY_SHAPE:
                schema.add_shape(key, literals, *known)
        has_tail = tokens.end < len(sql) and tokenize(sql, tokens.end).kinds[0] != END
        prepared = Prepared(sql, start, tokens.end, *known, literals if known[0].n_literals else (), schema, has_tail)
        if start == 0:
            schema.add_text(prepared)
        return prepared

    # --- schema -------------------------------------------------------------------------------------------------

    def schema(self) -> Schema:
        """The schema as this connection sees it now, read if need be."""
        if self._schema is None:
            self._schema = self._when_free(self._load_schema)
        return self._schema

    def _when_free(self, action: Callable[[], T]) -> T:
        """Do it, again while the database is locked, until the busy timeout is over."""
        deadline = time.monotonic() + self.busy_timeout_ms / 1000.0
        for attempt in count():
            try:
                return action()
            except SqlError as error:
                left = deadline - time.monotonic()
                if error.code != SQLITE_BUSY or left <= 0:
                    raise
            self.host.pause(min(busy_delay(attempt), left))
        raise AssertionError("unreachable")

    def forget_schema(self) -> None:
        """Read the schema again before it is next used."""
        self._schema = None

    def _cookie(self) -> int:
        return int(self.host.function("database_get")(self.address, 0, DB_SCHEMA_COOKIE))

    def _schema_moved(self) -> bool:
        """True, and the schema forgotten, when it is no longer the one in the file."""
        if self._schema is None or self._cookie() == self._schema.cookie:
            return False
        self._schema = None
        return True

    def _load_schema(self) -> Schema:
        for _ in range(MAX_RETRIES):
            cookie = self._cookie()
            known = None if self._schema_is_private else self.database.schemas.get(cookie)
            if known is not None:
                return known
            catalog = self._read_catalog(cookie)
            if self._cookie() == cookie:
                schema = Schema(Catalogs([catalog]), cookie)
                if not self._schema_is_private:
                    self.database.add(schema)
                return schema
        raise SqlError(SQLITE_SCHEMA, "database schema has changed")

    def _read_catalog(self, cookie: int) -> Catalog:
        if self.host.function("database_get")(self.address, 0, DB_PAGE_COUNT) == 0:
            return Catalog(cookie=cookie)
        rows = self._query(self._bootstrap, SCHEMA_QUERY)
        schema_format = self.host.function("database_get")(self.address, 0, DB_SCHEMA_FORMAT)
        descending = not rows or schema_format >= DESCENDING_FORMAT
        catalog = Catalog(rows=rows, cookie=cookie, descending=descending)
        if catalog.find_table("sqlite_stat1") is None:
            return catalog
        unchecked = Catalog(rows=rows, cookie=UNCHECKED)
        statistics = self._query(Schema(Catalogs([unchecked]), UNCHECKED), STATISTICS_QUERY)
        return Catalog(rows=rows, cookie=cookie, statistics=statistics, descending=descending)

    def _query(self, schema: Schema, sql: str) -> list[tuple[Any, ...]]:
        """All rows of a query of ours; a schema that is not UTF-8 is for the parser to judge."""
        try:
            return self._rows(schema, sql, None)
        except UndecodableText:
            return self._rows(schema, sql, lambda raw: raw.decode("utf-8", "replace"))

    def _rows(self, schema: Schema, sql: str, text: TextFactory | None) -> list[tuple[Any, ...]]:
        prepared = schema.find_text(sql) or self._prepare(schema, sql, 0)
        assert prepared is not None
        statement = self.acquire(prepared)
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
    ) -> tuple[Statement, Rows | None]:
        """Start a statement: (the statement, the first batch of rows, None when it is finished already).

        A statement whose schema is out of date is prepared again. The caller gives it back with `release`, at once
        when it is finished. Errors: as Statement.step and Statement.bind.
        """
        with self.host.lock:
            if self.stepping:
                self.wait_turn()
            for attempt in range(MAX_RETRIES):
                statement = self.acquire(prepared)
                try:
                    statement.bind(values, prepared.literals)
                    rows = statement.step(text)
                except BaseException as error:
                    self.failed(statement)
                    if isinstance(error, SqlError) and error.code == SQLITE_SCHEMA and attempt < MAX_RETRIES - 1:
                        prepared = self.prepare_again(prepared)
                        continue
                    raise
                if statement.finished:
                    self.completed(statement)
                return statement, rows
            raise AssertionError("unreachable")

    def prepare_again(self, prepared: Prepared) -> Prepared:
        """The same text against the schema of now."""
        self.forget_schema()
        again = self.prepare(prepared.sql, prepared.start)
        assert again is not None
        return again

    def acquire(self, prepared: Prepared) -> Statement:
        """A kernel statement for this Program, from the pool or new."""
        program = prepared.program
        pool = self._idle.get(id(program))
        if pool:
            statement = pool.pop()
            self._n_idle -= 1
        else:
            statement = Statement(self, program, prepared.instance)
        self.active.add(statement)
        return statement

    def release(self, statement: Statement) -> None:
        """Give a statement back; whatever it still holds is given up."""
        with self.host.lock:
            if self.stepping:
                self.wait_turn()
            self._give_back(statement)

    def drop(self, statement: Statement) -> None:
        """Give back a statement that nobody can step any more; from finalizers (N3)."""
        self.host.later(partial(self._give_back, statement))

    def _give_back(self, statement: Statement) -> None:
        if statement not in self.active or not self.address:
            return
        self.active.discard(statement)
        statement.reset()
        self._idle.setdefault(id(statement.program), []).append(statement)
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

    def failed(self, statement: Statement) -> None:
        """A step raised: the statement was aborted, and with it maybe the transaction (N2)."""
        self.release(statement)
        self.after_failure()

    def completed(self, statement: Statement) -> None:
        """A statement ran to its end: see what it did to the schema (N2)."""
        program = statement.program
        if program.changes_schema:
            self._schema = None
            self._schema_is_private = self.in_transaction
        elif self._schema_is_private:
            if program.kind == "transaction":
                self._schema = None
            self.after_failure()

    def after_failure(self) -> None:
        """Drop a schema that was this transaction's own if the transaction is over (N2)."""
        if self._schema_is_private and not self.in_transaction:
            self._schema = None
            self._schema_is_private = False

    @contextmanager
    def running(self, prepared: Prepared) -> Iterator[Statement]:
        """A statement for many runs (executemany)."""
        statement = self.acquire(prepared)
        try:
            yield statement
        finally:
            self.release(statement)


def is_interrupt(error: SqlError) -> bool:
    """True for the error that `interrupt` causes."""
    return error.code == SQLITE_INTERRUPT


def _kernel_name(path: str, vfs: str | None, readonly: bool, create: bool) -> tuple[str, int]:
    """The name and the OPEN_* flags the kernel is given."""
    flags = OPEN_READONLY if readonly else (OPEN_CREATE if create else 0)
    if path == ":memory:":
        return path, OPEN_MEMORY | OPEN_CREATE
    if path == "":
        return path, OPEN_TEMP | OPEN_CREATE
    return (qualified(vfs, path), flags) if vfs else (os.path.realpath(path), flags)
