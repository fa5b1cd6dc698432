"""What a text means to a connection: the schemas it sees, read from its files, and the Program of each statement.

A statement is looked for by its text, then by its shape, among what this process has prepared (schema.py) and what
earlier ones have (kept.py), and compiled if it is not there.

Invariants:
  N2  What is known of the schema holds for one schema epoch of the kernel's connection and one set of schema cookies.
      Nothing is compiled against an older epoch, and a Program that belongs to another Schema, epoch or cookie is
      refused by the kernel with SQLITE_SCHEMA before it does anything; then its text is prepared again.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from turso_wasm.base.errors import SQLITE_BUSY, SQLITE_ERROR, SQLITE_SCHEMA, SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.catalog.names import fold, quote_identifier
from turso_wasm.kernel.abi import DB_PAGE_COUNT, DB_SCHEMA_FORMAT
from turso_wasm.runtime import layout
from turso_wasm.runtime.connection_state import ConnectionState
from turso_wasm.runtime.hosts.base import address
from turso_wasm.runtime.kept import keep, recall_shape, recall_text
from turso_wasm.runtime.keys import FORMAT_OURS, FORMAT_TURSO, key_pragma, without_key
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

if TYPE_CHECKING:  # of the compiler, which a process imports when it compiles something
    from turso_wasm.bind.authority import Ask
    from turso_wasm.catalog.own import Owned
    from turso_wasm.codegen.program import Program
    from turso_wasm.runtime.statement import HostStatement
    from turso_wasm.sql.lexer import Tokens

DESCENDING_FORMAT = 4  # the first schema format whose indexes honour DESC, and the last there is
MAX_RETRIES = 50  # SQLITE_MAX_SCHEMA_RETRY

_NEEDS_NO_SCHEMA = re.compile(NEEDS_NO_SCHEMA, re.IGNORECASE)
_IS_PRAGMA = re.compile(r"(?:[\s;]|--[^\n]*\n|/\*.*?\*/)*PRAGMA\b", re.IGNORECASE | re.DOTALL)
_KEY_NAME = re.compile(r"\b(?:(?:hex)?(?:re)?key|cipher)\b", re.IGNORECASE)  # runtime/keys.py NAMES
_IS_SOMETHING = re.compile(r"\s*[A-Za-z]")  # seen without the lexer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class View:
    """The schema that a connection sees: as of these schema cookies (by slot) and this schema epoch (kernel/abi.py)."""

    schema: Schema
    cookies: tuple[int, ...]
    epoch: int


class Preparing(ConnectionState):
    """Base of HostConnection."""

    authorizer: Ask | None
    sizes: dict[tuple[int, int], int] | None  # see bind/binder.py Sizes
    _view: View | None
    _bootstrap: Schema
    _own: Owned
    is_keyed: bool = False  # a key was given: nothing of what is prepared goes to a file
    key_format: int = FORMAT_OURS  # of an encrypted database that is made

    def wait_turn(self) -> None:
        """See HostConnection, as of the next two."""
        raise NotImplementedError

    def acquire(self, prepared: Prepared) -> HostStatement:
        """A kernel statement."""
        raise NotImplementedError

    def release(self, statement: HostStatement) -> None:
        """Give it back."""
        raise NotImplementedError

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
            if _NEEDS_NO_SCHEMA.match(sql, start) and not self.has_captured:
                return self._prepare(self._bootstrap, sql, start, ask)
            if not _IS_SOMETHING.match(sql, start) and is_empty(sql, start):
                return None
            about_key = self._prepare_key(sql, start)
            if about_key is not None:
                return about_key
            try:
                return self._prepare(self._seen().schema, sql, start, ask)
            except SqlError:
                if not self._schema_moved():
                    raise
            return self._prepare(self._seen().schema, sql, start, ask)

    def _prepare_key(self, sql: str, start: int) -> Prepared | None:
        """Keep a key that is given; prepare what is left to do, under a text without the key. None: it gives none."""
        if not _IS_PRAGMA.match(sql, start) or not _KEY_NAME.search(sql, start):
            return None
        from turso_wasm.sql.lexer import END, tokenize, tokenize_statement

        tokens = tokenize_statement(sql, start)
        pragma = key_pragma(tokens)
        if pragma is None:
            return None
        schema, text = self._bootstrap, pragma.shown
        if pragma.vacuum is not None:
            schema, text = self._seen().schema, pragma.vacuum
        elif pragma.name == "cipher" and pragma.value is not None:
            self.key_format = FORMAT_TURSO
        elif pragma.value is not None:
            slot = self.slot_of(pragma.schema)
            if slot is None:
                raise SqlError(SQLITE_ERROR, f"unknown database {pragma.schema}")
            self.give_key(slot, pragma.value)
        made = self._prepare(schema, text)
        has_tail = tokens.end < len(sql) and tokenize(sql, tokens.end).kinds[0] != END
        return replace(made, sql=sql, start=start, end=tokens.end, text=pragma.shown, has_tail=has_tail)

    def give_key(self, slot: int, key: str) -> None:
        """The key of a database that the connection has not used yet; "": none. Errors: SqlError."""
        self.is_keyed = self.is_keyed or key != ""
        raw = key.encode("utf-8", "surrogateescape")
        with self.host.lock:
            at = address(self.host.function("malloc")(len(raw) + 1))
            try:
                self.host.write(at, raw)
                self.host.function("connection_key")(self.address, slot, at, len(raw), self.key_format)
            finally:
                self.host.write(at, bytes(len(raw)))
                self.host.function("mfree")(at)
            self._view = None

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
        return self.sizes is not None and self.host.programs is not None and not self.is_keyed

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
        if not known[0].shared and "KEY" in tokens.kinds:
            self.is_keyed = True
            text = without_key(text)
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
            environment = Environment(databases, self._own, self.settings() | encoding, self.capture())
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


def is_empty(sql: str, start: int) -> bool:
    """Only space, comments and semicolons are left from character `start` on."""
    from turso_wasm.sql.lexer import END, tokenize_statement

    return tokenize_statement(sql, start).kinds[0] == END
