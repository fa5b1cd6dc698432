"""Programs of an application, compiled before anybody visits it: what `turso-wasm compile` writes (docs/start-up.md).

A page finds a Program by its environment (schema.py) and its statement. So the scripts are run here as the page will
run them, from an empty database on, and what is prepared on the way is kept with the environment of that moment. They
are run a second time on what the first run left, as the next visit does: what fails then (a table that is there
already) is not wanted then either.

A bundle (web/program_file.js reads it):

  OFFSET   SIZE  MEANING
  0        32    SHA-256 of what follows
  32       4     n: size of the JSON header, little-endian
  36       n     {kernel, environments: [key], entries: [[index of environment, key, size]]}
  36 + n   …     the Programs (codegen/program.py)
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.catalog.names import quote_identifier
from turso_wasm.codegen.program import Program
from turso_wasm.runtime.compiler import compile_statement
from turso_wasm.runtime.connection import HostConnection
from turso_wasm.runtime.hosts.base import Host
from turso_wasm.runtime.schema import SHARED_BY_SHAPE, STATISTICS_QUERY, Environment, Prepared
from turso_wasm.runtime.uri import Location
from turso_wasm.sql.lexer import Tokens, normalize, tokenize, tokenize_statement


@dataclass(frozen=True, slots=True)
class Script:
    """SQL statements, and the name of their file."""

    name: str
    text: str

    def failed(self, error: SqlError, at: int) -> ScriptError:
        """What is told of an error of the statement at character `at`."""
        start = error.span[0] if error.span else tokenize_statement(self.text, at).starts[0]
        return ScriptError(f"{self.name}:{self.text.count(chr(10), 0, start) + 1}: {error.message}")


class ScriptError(Exception):
    """A statement of a script cannot be compiled, or run: "queries.sql:3: no such column: x"."""


# What web/ itself runs on a database, besides what its kernel.wasm brings along (web/make_assets.py).
OF_PAGES = Script("web/", "PRAGMA main.wal_checkpoint(TRUNCATE); ATTACH ? AS ?; SELECT count(*) FROM sqlite_schema")


class Bundle:
    """Programs by environment and statement."""

    def __init__(self, kernel: str) -> None:
        """kernel: what engine.py `digest_of` says of the kernel.wasm that the Programs are for."""
        self._kernel = kernel
        self._entries: dict[tuple[str, str, bytes], None] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, prepared: Prepared) -> None:
        """Errors: SqlError, the Program is right for one file only."""
        tokens = tokenize_statement(prepared.sql, prepared.start)
        if not prepared.program.shared:
            span = tokens.starts[0], tokens.end
            raise SqlError(SQLITE_ERROR, "what tells the names of files cannot be compiled ahead", span)
        self._put(prepared.schema.environment, tokens, prepared.program)

    def compile(self, environment: Environment, sql: str) -> None:
        """A statement of ours."""
        tokens = tokenize(sql)
        self._put(environment, tokens, compile_statement(tokens, environment.catalogs(), (), environment.registry()))

    def _put(self, environment: Environment, tokens: Tokens, program: Program) -> None:
        self._entries[environment_key(environment), statement_key(tokens, program), program.to_bytes()] = None

    def to_bytes(self) -> bytes:
        """The file."""
        numbers: dict[str, int] = {}
        entries = [
            [numbers.setdefault(environment, len(numbers)), key, len(code)] for environment, key, code in self._entries
        ]
        head = {"kernel": self._kernel, "environments": list(numbers), "entries": entries}
        text = json.dumps(head, separators=(",", ":")).encode()
        body = b"".join((len(text).to_bytes(4, "little"), text, *(code for _, _, code in self._entries)))
        return hashlib.sha256(body).digest() + body


def environment_key(environment: Environment) -> str:
    """As web/schema.js `Library.schema` spells it. environment: without code of the user's."""
    databases = [
        (contents.slot, contents.name, contents.rows, contents.descending, contents.statistics)
        for contents in environment.databases
    ]
    described = {"databases": databases, "own": [], "settings": environment.settings}
    return json.dumps(described, separators=(",", ":"), ensure_ascii=False)


def statement_key(tokens: Tokens, program: Program) -> str:
    """As web/schema.js `keysOf` spells it: the shape where Programs are shared by shape, else the text."""
    if program.kind in SHARED_BY_SHAPE:
        key, literals = normalize(tokens)
        widths = ",".join(str(len(rows[0])) for rows in literals if isinstance(rows, tuple))
        return f"s{widths} {key}"
    text = tokens.sql[tokens.starts[0] : tokens.end]
    return f"t{text.removesuffix(';')}"


def compile_bundle(host: Host, kernel: str, schema: Sequence[Script], queries: Sequence[Script]) -> Bundle:
    """The Programs of scripts.

    kernel: as for `Bundle`. schema: are executed, in order: what makes the database, and what is said to it after
    opening (PRAGMA). queries: are prepared only, against what the schema scripts made. Errors: ScriptError.
    """
    bundle = Bundle(kernel)
    with tempfile.TemporaryDirectory(prefix="turso-wasm-") as folder:
        location = Location(str(Path(folder, "schema.db")))
        for is_first in (True, False):
            connection = HostConnection(host, location)
            connection.sizes = None  # a Program that was compiled ahead runs, however large tables have become
            try:
                if not is_first:
                    _add_ours(connection, bundle)
                for script in schema:
                    _run(connection, script, bundle, stops=is_first)
                for script in queries:
                    for prepared in _prepared(connection, script):
                        _add(bundle, script, prepared)
                _add_ours(connection, bundle)
            finally:
                connection.close()
    return bundle


def _run(connection: HostConnection, script: Script, bundle: Bundle, *, stops: bool) -> None:
    """Execute a script. stops: at the first statement that fails, else at none."""
    at = 0
    while at < len(script.text):
        start = at
        try:
            prepared = connection.prepare(script.text, at)
            if prepared is None:
                return
            at = prepared.end
            bundle.add(prepared)
            _execute(connection, prepared)
        except SqlError as error:
            if stops:
                raise script.failed(error, start) from None
            if at == start:
                at = tokenize_statement(script.text, at).end


def _execute(connection: HostConnection, prepared: Prepared) -> None:
    statement, rows = connection.execute(prepared, (None,) * prepared.program.n_user_params)
    try:
        while rows is not None and not statement.finished:
            rows = statement.step()
    finally:
        connection.release(statement)


def _prepared(connection: HostConnection, script: Script) -> Iterator[Prepared]:
    at = 0
    while at < len(script.text):
        try:
            prepared = connection.prepare(script.text, at)
        except SqlError as error:
            raise script.failed(error, at) from None
        if prepared is None:
            return
        yield prepared
        at = prepared.end


def _add(bundle: Bundle, script: Script, prepared: Prepared) -> None:
    try:
        bundle.add(prepared)
    except SqlError as error:
        raise script.failed(error, prepared.start) from None


def _add_ours(connection: HostConnection, bundle: Bundle) -> None:
    """What web/ runs on the database, and what it reads the statistics with."""
    for prepared in _prepared(connection, OF_PAGES):
        bundle.add(prepared)
        environment = prepared.schema.environment
    without = replace(
        environment, databases=tuple(replace(contents, statistics=()) for contents in environment.databases)
    )
    for contents in environment.databases:
        if contents.statistics:
            bundle.compile(without, f"{STATISTICS_QUERY} {quote_identifier(contents.name)}.sqlite_stat1")


def read_bundle(raw: bytes) -> Iterable[tuple[str, str, Program]]:
    """(environment, key, Program) of each. Raises ValueError when `raw` is no bundle."""
    if raw[:32] != hashlib.sha256(raw[32:]).digest():
        raise ValueError("not a bundle of Programs, or a damaged one")
    at = 36 + int.from_bytes(raw[32:36], "little")
    head = json.loads(raw[36:at])
    for number, key, size in head["entries"]:
        yield head["environments"][number], key, Program.from_bytes(raw[at : at + size])
        at += size
