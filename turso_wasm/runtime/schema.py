"""What a Program depends on besides its text, and the Programs compiled for it.

Owns `Environment`, whose value is the key of every Program cache, and `Schema`, the two-level cache of one
environment: by exact text, then by shape (the text with its literals lifted out, sql/lexer.py `normalize`). Schemas are
found by what databases *contain*, never by what files are called or by schema cookies, so all connections of a host
share them.

Invariants:
  C1  A Prepared is never run against another Schema than its own: a Program contains root pages and column numbers.
  C2  A Program is reused for other literals only when every literal it pinned has the same value and type, every list
      of rows the same width, and every column that is named by the text of its expression would get the same name.
  C3  Equal environments give equal Programs for equal texts: whatever else the compiler looks at is a field of one of
      them, or the Program is not shared (Program.shared).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from turso_wasm.base.records import dataclass
from turso_wasm.catalog.sizes import ANY_SMALL, SMALL_TABLE
from turso_wasm.codegen.program import Program
from turso_wasm.kernel.abi import (
    ENCODING_SHIFT,
    N_SLOTS,
    SETTING_CASE_SENSITIVE_LIKE,
    SETTING_COUNT_CHANGES,
    SETTING_FOREIGN_KEYS,
    SETTING_FULL_COLUMN_NAMES,
    SETTING_IGNORE_CHECK_CONSTRAINTS,
    SETTING_LEGACY_ALTER_TABLE,
    SETTING_NO_AUTOMATIC_INDEX,
    SETTING_NO_SHORT_COLUMN_NAMES,
    SETTING_NO_TRIGGERS,
    SETTING_NO_VIEWS,
    SETTING_RECURSIVE_TRIGGERS,
    SETTING_REVERSE_UNORDERED_SELECTS,
    SETTING_UNTRUSTED_SCHEMA,
    SETTING_WRITABLE_SCHEMA,
    TEMP_SLOT,
    UTF8,
)
from turso_wasm.runtime.hosts.base import Host, Instance

if TYPE_CHECKING:  # of the compiler, which a process imports when it compiles something
    from turso_wasm.bind.binder import Sizes
    from turso_wasm.catalog.catalog import Catalog, Catalogs, Row
    from turso_wasm.catalog.functions import Registry
    from turso_wasm.catalog.own import Owned
    from turso_wasm.catalog.settings import Settings

MAX_TEXTS = 512
MAX_SHAPES = 512
MAX_VARIANTS = 8  # Programs of one shape that differ in what they pinned
MAX_UNUSED = 8  # Schemas kept though no connection is at them

SHARED_BY_SHAPE = frozenset(("select", "insert", "update", "delete"))  # not ddl: sqlite_schema stores the exact text
SCHEMA_QUERY = "SELECT type, name, tbl_name, rootpage, sql FROM"  # the name of the schema table follows
STATISTICS_QUERY = "SELECT tbl, idx, stat FROM"

# Statements that SQLite prepares without a look at the file, which may be locked; and DETACH without subqueries, which
# gets rid of a file whose schema cannot be read.
NEEDS_NO_SCHEMA = (
    r"\s*(?:(?:BEGIN|COMMIT|END|ROLLBACK|SAVEPOINT|RELEASE)\b|DETACH\b[^(]*$|PRAGMA\s+(?:busy_timeout|locking_mode)\b)"
)


@dataclass(frozen=True, slots=True)
class Contents:
    """One database as the compiler sees it. rows: of its sqlite_schema; None: they are not known, and Programs do not
    ask for a cookie. statistics: rows of sqlite_stat1. descending: indexes honour DESC (schema format 4).
    """

    slot: int = 0
    name: str = "main"
    rows: tuple[Row, ...] | None = None
    descending: bool = True
    statistics: tuple[tuple[Any, Any, Any], ...] = ()

    def catalog(self) -> Catalog:
        """Errors: SQLITE_CORRUPT, a malformed schema."""
        from turso_wasm.catalog.catalog import Catalog

        checked = self.rows is not None
        return Catalog(self.slot, self.name, self.rows or (), checked, self.statistics, self.descending)


def encoding_bits(encoding: int) -> int:
    """The encoding of a connection's databases (kernel/abi.py UTF8, …) as a part of Environment.settings."""
    return encoding - UTF8 << ENCODING_SHIFT


def settings_of(bits: int, capture: str) -> Settings:
    """What Environment.settings and capture say."""
    from turso_wasm.catalog.capture import capture_of
    from turso_wasm.catalog.settings import Settings

    return Settings(
        foreign_keys=bool(bits & SETTING_FOREIGN_KEYS),
        ignore_check_constraints=bool(bits & SETTING_IGNORE_CHECK_CONSTRAINTS),
        writable_schema=bool(bits & SETTING_WRITABLE_SCHEMA),
        case_sensitive_like=bool(bits & SETTING_CASE_SENSITIVE_LIKE),
        recursive_triggers=bool(bits & SETTING_RECURSIVE_TRIGGERS),
        automatic_index=not bits & SETTING_NO_AUTOMATIC_INDEX,
        reverse_unordered_selects=bool(bits & SETTING_REVERSE_UNORDERED_SELECTS),
        count_changes=bool(bits & SETTING_COUNT_CHANGES),
        full_column_names=bool(bits & SETTING_FULL_COLUMN_NAMES),
        short_column_names=not bits & SETTING_NO_SHORT_COLUMN_NAMES,
        legacy_alter_table=bool(bits & SETTING_LEGACY_ALTER_TABLE),
        trusted_schema=not bits & SETTING_UNTRUSTED_SCHEMA,
        triggers=not bits & SETTING_NO_TRIGGERS,
        views=not bits & SETTING_NO_VIEWS,
        capture=capture_of(capture),
        encoding=(bits >> ENCODING_SHIFT) + UTF8,
    )


@dataclass(frozen=True, slots=True)
class Environment:
    """What a connection's Programs depend on besides their text: compared, and hashed, by value. databases: main, temp,
    then the attached ones in order of attachment. own: the connection's own functions, collations, …
    """

    databases: tuple[Contents, ...] = (Contents(),)
    own: Owned = ()
    settings: int = 0  # the SETTINGS_COMPILED of KernelConnection.settings, and the encoding (encoding_bits)
    capture: str = ""  # what changes are captured: catalog/capture.py Capture.text

    def catalogs(self) -> Catalogs:
        """Errors: SQLITE_CORRUPT, a malformed schema."""
        from turso_wasm.catalog.catalog import Catalogs

        slots: list[Catalog | None] = [None] * (1 + max(contents.slot for contents in self.databases))
        for contents in self.databases:
            slots[contents.slot] = contents.catalog()
        return Catalogs(slots, [contents.slot for contents in self.databases], settings_of(self.settings, self.capture))

    def registry(self) -> Registry:
        """What its statements can call."""
        from turso_wasm.catalog.functions import registry_of

        return registry_of(self.own)


BOOTSTRAP = Environment(
    (Contents(), Contents(TEMP_SLOT, "temp"), *(Contents(slot, str(slot)) for slot in range(TEMP_SLOT + 1, N_SLOTS)))
)
"""What is known before any file was read, but for the encoding; attached databases are called by their slots."""


@dataclass(slots=True)
class Prepared:
    """A statement ready to be executed: the Program, and what this text binds to its literal slots.

    `start` and `end` are the character offsets of the statement in `sql` (`end`: behind its semicolon), `text` is what
    is between. has_tail: more follows, or a NUL character stands in `sql`.
    """

    sql: str
    start: int
    end: int
    text: str
    program: Program
    instance: Instance
    literals: Sequence[Any]
    schema: Schema
    has_tail: bool
    description: Any = None  # free for faces: what they tell of the columns


class Schema:
    """The Programs of one environment."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.texts: OrderedDict[str, Prepared] = OrderedDict()
        self.shapes: OrderedDict[tuple[object, ...], list[tuple[Program, Instance]]] = OrderedDict()

    @cached_property
    def catalogs(self) -> Catalogs:
        """For the compiler. Errors: SQLITE_CORRUPT, a malformed schema."""
        return self.environment.catalogs()

    @cached_property
    def registry(self) -> Registry:
        """For the compiler."""
        return self.environment.registry()

    @cached_property
    def digest(self) -> bytes | None:
        """Of the environment, for what outlives the process; None: the user's own code is part of it."""
        from hashlib import sha256

        return (
            None if self.environment.own else sha256(repr(self.environment).encode("utf-8", "surrogatepass")).digest()
        )

    def find_text(self, sql: str) -> Prepared | None:
        """The statement prepared from exactly this text; from any thread, without the host's lock."""
        found = self.texts.get(sql)
        if found is not None:
            try:
                self.texts.move_to_end(sql)
            except KeyError:
                return found  # another thread dropped it just now
        return found

    def add_text(self, prepared: Prepared) -> None:
        """Remember a statement by its text."""
        self.texts[prepared.sql] = prepared
        if len(self.texts) > MAX_TEXTS:
            self.texts.popitem(last=False)

    def find_shape(self, key: str, literals: Sequence[Any], sql: str, sizes: Sizes) -> tuple[Program, Instance] | None:
        """A Program for this shape that these literals, this text and what is known of sizes fit (C2)."""
        variants = self.shapes.get(shape_of(key, literals))
        if variants is None:
            return None
        return next(
            (known for known in variants if fits_literals(known[0], literals, sql) and fits_sizes(known[0], sizes)),
            None,
        )

    def add_shape(self, key: str, literals: Sequence[Any], program: Program, instance: Instance) -> None:
        """Remember a Program by its shape."""
        shape = shape_of(key, literals)
        variants = self.shapes.setdefault(shape, [])
        variants.insert(0, (program, instance))
        del variants[MAX_VARIANTS:]
        self.shapes.move_to_end(shape)
        if len(self.shapes) > MAX_SHAPES:
            self.shapes.popitem(last=False)


def shape_of(key: str, literals: Sequence[Any]) -> tuple[object, ...]:
    """What texts have in common that may share Programs."""
    return (key, *(len(value[0]) for value in literals if type(value) is tuple))


def fits_literals(program: Program, literals: Sequence[Any], sql: str) -> bool:
    """It may be used for these literals and this text (C2)."""
    if not all(_same(literals[ordinal], value) for ordinal, value in program.pinned.items()):
        return False
    return all(_stands_in(sql, column.name) for column in program.columns if not column.name.isidentifier())


def fits_sizes(program: Program, sizes: Sizes) -> bool:
    """It was planned for tables that are, as far as is known, as large as these. None: sizes do not matter."""
    if not program.table_sizes:
        return True
    if sizes is None:
        return False
    for slot, root, _, planned in program.table_sizes:
        known = sizes.get((slot, root), planned)
        if known != planned and (planned != ANY_SMALL or known > SMALL_TABLE):
            return False
    return True


def _stands_in(sql: str, name: str) -> bool:
    """True if the text has this name, not as a part of a longer word or number, as `1.00` has `1.0`."""
    at = sql.find(name)
    while at >= 0:
        if not _grows(sql[at - 1 : at] + name[:1]) and not _grows(name[-1:] + sql[at + len(name) : at + len(name) + 1]):
            return True
        at = sql.find(name, at + 1)
    return False


def _grows(pair: str) -> bool:
    return len(pair) == 2 and all(char.isalnum() or char in "_." for char in pair)


def _same(a: object, b: object) -> bool:
    """Equal, of one type; floats bit for bit as far as SQL can tell (0.0 and -0.0 differ); so the members of lists."""
    return type(a) is type(b) and a == b and (not isinstance(a, float | tuple) or repr(a) == repr(b))


class Library:
    """The Schemas of one host, by environment: those that somebody uses, and the last few others."""

    def __init__(self) -> None:
        self._used: WeakValueDictionary[Environment, Schema] = WeakValueDictionary()
        self._recent: OrderedDict[Environment, Schema] = OrderedDict()

    def schema(self, environment: Environment) -> Schema:
        """The one Schema of an environment."""
        schema = self._used.get(environment)
        if schema is None:
            schema = self._used[environment] = Schema(environment)
        self._recent[environment] = schema
        self._recent.move_to_end(environment)
        if len(self._recent) > MAX_UNUSED:
            self._recent.popitem(last=False)
        return schema


_libraries: WeakKeyDictionary[Host, Library] = WeakKeyDictionary()


def library_of(host: Host) -> Library:
    """The Schemas whose Programs are loaded beside this host's kernel."""
    library = _libraries.get(host)
    if library is None:
        library = _libraries[host] = Library()
    return library
