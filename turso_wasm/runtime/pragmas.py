"""The PRAGMA statements, as data; each compiles to a plan, so that executing one is executing a Program.

A PRAGMA answers in one of three ways:
  - constant rows made from the catalog (table_info, index_list, …): `rows`;
  - a number the kernel keeps, read by `database_get` and set by `database_set`: `field`;
  - the results of another kernel routine (journal_mode, wal_checkpoint, integrity_check, …): `plan`.
An unknown PRAGMA does nothing and returns nothing, as in SQLite.

Source: https://sqlite.org/pragma.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.bind.select import SelectBinder
from turso_wasm.catalog.catalog import Catalog, Catalogs
from turso_wasm.catalog.functions import BUILTIN, Registry
from turso_wasm.catalog.names import TEMP_SLOT
from turso_wasm.catalog.objects import Table
from turso_wasm.kernel import abi
from turso_wasm.plan import nodes
from turso_wasm.plan.analyze import optimize_query, optimized_tables, plan_optimize
from turso_wasm.plan.build import PlanContext, build_plan
from turso_wasm.plan.integrity import plan_integrity
from turso_wasm.runtime import pragma_settings as settings
from turso_wasm.runtime.capture_pragmas import capture_plans, capture_row, keep_plan
from turso_wasm.runtime.foreign_key_check import check_query
from turso_wasm.runtime.pragma_rows import ROWS, Files, RowsPragma
from turso_wasm.runtime.pragma_settings import FIXED, boolean, integer, leading_integer, whole_integer
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

SOURCE = 0  # the only row source of a PRAGMA's plan
DEFAULT_PROBLEMS = 100  # rows of integrity_check


@dataclass(slots=True)
class Compiled:
    """A PRAGMA's plan, its column names, and what the Program must say of it.

    reads: its rows come from the catalog, so the Program holds for one schema cookie only. writes: the slots of the
    databases it needs write transactions on, views: those whose header it looks at, in a read transaction.
    calls_user: functions of the user's are called. query: what was planned.
    """

    plan: nodes.Plan
    columns: tuple[str, ...] = ()
    readonly: bool = True
    changes_schema: bool = False
    reads: bool = False
    writes: tuple[int, ...] = ()
    views: tuple[int, ...] = ()
    calls_user: bool = False
    query: ast.Select | None = None


Plan: TypeAlias = Callable[["Request"], Compiled]


@dataclass(slots=True)
class Request:
    """A PRAGMA statement: its folded name, the database it is about, and its argument; is_number: not in quotes."""

    name: str
    slot: int
    value: str | None
    catalogs: Catalogs
    schema: str | None = None
    files: Files = ()
    registry: Registry = BUILTIN
    is_number: bool = False

    @property
    def slots(self) -> int:
        """The slot of the database it is about, ALL_SLOTS when none is named."""
        return abi.ALL_SLOTS if self.schema is None else self.slot

    @property
    def catalog(self) -> Catalog:
        """The catalog of the database it is about."""
        found = self.catalogs.slots[self.slot]
        assert found is not None
        return found

    def integer(self, default: int = 0) -> int:
        """The argument as SQLite reads an integer: leading digits, 0 for anything else."""
        return default if self.value is None else integer(self.value)


def compile_pragma(
    statement: ast.Pragma, catalogs: Catalogs, files: Files = (), registry: Registry = BUILTIN
) -> Compiled:
    """The plan of a PRAGMA. files: the path of the database in each slot. Errors: "unknown database x"."""
    slot = 0 if statement.schema is None else catalogs.must_find(statement.schema, statement).slot
    request = Request(
        statement.name.lower(),
        slot,
        statement.value,
        catalogs,
        statement.schema,
        files,
        registry,
        statement.is_number,
    )
    rows = ROWS.get(request.name)
    if rows is not None:
        return _constant_rows(rows, request)
    found = PRAGMAS.get(request.name)
    return found(request) if found is not None else NOTHING


NOTHING = Compiled(nodes.Output(child=nodes.Filter(child=nodes.OneRow(), predicate=bound.Constant(value=0)), exprs=()))


def _constant_rows(pragma: RowsPragma, request: Request) -> Compiled:
    if pragma.of_registry is not None:
        rows = pragma.of_registry(request.registry)
    else:
        rows = pragma.rows(request.catalogs, request.schema, request.value, request.files)
    return Compiled(constant_rows(rows, len(pragma.columns)), pragma.columns, reads=pragma.reads_schema)


def constant_rows(rows: Iterable[Sequence[Any]], n_columns: int) -> nodes.Plan:
    """A plan that gives these rows."""
    constants = tuple(tuple(bound.Constant(value=value) for value in row) for row in rows)
    exprs = tuple(bound.ColumnRef(source=SOURCE, column=i) for i in range(n_columns))
    return nodes.Output(child=nodes.Values(source=SOURCE, rows=constants, n_columns=n_columns), exprs=exprs)


def _row(call: nodes.KernelCall, *columns: str, exprs: tuple[bound.Expr, ...] = (), readonly: bool = True) -> Compiled:
    """One result row made from a kernel call's results."""
    exprs = exprs or tuple(bound.ColumnRef(source=SOURCE, column=i) for i in range(len(columns)))
    return Compiled(nodes.Output(child=call, exprs=exprs, single=True), columns, readonly)


# --- numbers the kernel keeps --------------------------------------------------------------------------------


@dataclass(slots=True, frozen=True)
class Field:
    """`PRAGMA name` reads a DB_* field; `PRAGMA name = value` sets it.

    parse: the number for an argument, None for one that is ignored; without it every argument is. answers: setting
    returns the new value as a row. names: what the numbers are called in the answer. everywhere:
    without the name of a database it is set in all that are open. views: what is seen belongs to the
    transaction.
    """

    field: int
    parse: Callable[[str], int | None] | None = None
    answers: bool = False
    names: tuple[str, ...] = ()
    changes_schema: bool = False
    everywhere: bool = False
    views: bool = False

    def __call__(self, request: Request) -> Compiled:
        """Read or set the field."""
        compiled = self._compiled(request)
        return replace(compiled, views=(request.slot,)) if self.views and compiled.columns else compiled

    def _compiled(self, request: Request) -> Compiled:
        if request.value is None or self.parse is None:
            return self._read(request)
        value = self.parse(request.value)
        if value is None:
            return self._read(request) if self.answers else NOTHING
        call = nodes.KernelCall(
            source=SOURCE,
            function="database_set",
            args=(request.slots if self.everywhere else request.slot, self.field, value),
            slot=request.slot,
            write=None,
        )
        if self.answers:
            return _row(call, request.name, exprs=self._shown(), readonly=False)
        return Compiled(replace(call, silent=True), readonly=False, changes_schema=self.changes_schema)

    def _read(self, request: Request) -> Compiled:
        call = nodes.KernelCall(
            source=SOURCE,
            function="database_get",
            args=(request.slots if self.everywhere else request.slot, self.field),
            slot=request.slot,
            write=None,
        )
        return _row(call, request.name, exprs=self._shown())

    def _shown(self) -> tuple[bound.Expr, ...]:
        return (
            (named(bound.ColumnRef(source=SOURCE, column=0), self.names),)
            if self.names
            else (bound.ColumnRef(source=SOURCE, column=0),)
        )


@dataclass(slots=True, frozen=True)
class Switch:
    """`PRAGMA name` tells whether a setting of the connection (SETTING_*) is on, `PRAGMA name = boolean` sets it.

    inverted: the bit says that it is off. reads: `PRAGMA name` answers.
    """

    bit: int
    inverted: bool = False
    reads: bool = True

    def __call__(self, request: Request) -> Compiled:
        """Read or set it."""
        if request.value is None and not self.reads:
            return NOTHING
        if request.value is None:
            call = nodes.KernelCall(source=SOURCE, function="setting_get", args=(self.bit,), write=None)
            shown: bound.Expr = bound.ColumnRef(source=SOURCE, column=0)
            if self.inverted:
                shown = bound.Compare(op="=", left=shown, right=bound.Constant(value=0))
            return _row(call, request.name, exprs=(shown,))
        args = (self.bit, int(boolean(request.value) != self.inverted))
        call = nodes.KernelCall(source=SOURCE, function="setting_set", args=args, write=None, silent=True)
        return Compiled(call, readonly=False)


def named(number: bound.Expr, names: Sequence[str]) -> bound.Expr:
    """The name of a number that counts from 0."""
    whens = tuple(
        (bound.Compare(op="=", left=number, right=bound.Constant(value=i)), bound.Constant(value=name))
        for i, name in enumerate(names)
    )
    return bound.Case(whens=whens, otherwise=None)


# --- other kernel routines ------------------------------------------------------------------------------------

JOURNAL_MODES = ("delete", "persist", "off", "truncate", "memory", "wal")


def journal_mode(request: Request) -> Compiled:
    """The mode in force after trying to set it. `mvcc` asks for concurrent transactions (decision 92)."""
    prefix = "?" if request.value is None else request.value.lower()
    wanted = next((mode for mode in JOURNAL_MODES if mode.startswith(prefix)), "")
    name = bound.ColumnRef(source=SOURCE, column=0)
    mode = abi.JOURNAL_MVCC if prefix in ("mvcc", "experimental_mvcc") else -1
    if wanted:
        mode = JOURNAL_MODES.index(wanted)
    if mode < 0:
        return _row(
            nodes.KernelCall(
                source=SOURCE, function="database_get", args=(request.slot, abi.DB_JOURNAL_MODE), write=None
            ),
            "journal_mode",
            exprs=(named(name, JOURNAL_MODES),),
        )
    call = nodes.KernelCall(source=SOURCE, function="journal_mode_set", args=(request.slots, mode), write=None)
    return _row(call, "journal_mode", exprs=(named(name, JOURNAL_MODES),), readonly=False)


CHECKPOINTS = ("passive", "full", "restart", "truncate")


def wal_checkpoint(request: Request) -> Compiled:
    """Busy flag, frames in the log, frames moved."""
    mode = (request.value or "").lower()
    number = CHECKPOINTS.index(mode) if mode in CHECKPOINTS else 0
    call = nodes.KernelCall(
        source=SOURCE, function="wal_checkpoint", args=(request.slots, number), n_results=3, write=None
    )
    return _row(call, "busy", "log", "checkpointed", readonly=False)


def analysis_limit(request: Request) -> Compiled:
    """How many entries of an index ANALYZE looks at; what is no number changes nothing."""
    wanted = whole_integer(request.value or "")
    wanted = -1 if wanted is None or wanted < 0 else wanted & 0x7FFFFFFF
    call = nodes.KernelCall(source=SOURCE, function="analysis_limit_set", args=(wanted,), write=None)
    return _row(call, request.name, readonly=request.value is None)


def heap_limit(request: Request) -> Compiled:
    """The limit on memory in force after trying to set it; what is no integer changes nothing."""
    text = (request.value or "").strip()
    wanted = int(text, 16 if "x" in text.lower() else 10) if re.fullmatch(r"[+-]?\d+|0[xX][\da-fA-F]+", text) else -1
    limit = bound.Constant(value=wanted if wanted < 1 << 63 else -1)
    call = nodes.KernelCall(source=SOURCE, function=request.name, args=(limit,), write=None)
    return _row(call, request.name)


def encoding(request: Request) -> Compiled:
    """The text encoding of all databases of the connection; setting it does nothing once there is something in one."""
    if request.value is not None and any(catalog is not None and catalog.entries for catalog in request.catalogs.slots):
        return NOTHING
    names = {"utf-8": 1, "utf8": 1, "utf-16": 2, "utf16": 2, "utf-16le": 2, "utf16le": 2, "utf-16be": 3, "utf16be": 3}
    if request.value is not None:
        number = names.get(request.value.lower())
        if number is None:
            raise SqlError(SQLITE_ERROR, f"unsupported encoding: {request.value}")
        call = nodes.KernelCall(source=SOURCE, function="encoding_set", args=(number,), write=None, silent=True)
        return Compiled(call, readonly=False)
    call = nodes.KernelCall(source=SOURCE, function="database_get", args=(request.slot, abi.DB_ENCODING), write=None)
    shown = named(bound.ColumnRef(source=SOURCE, column=0), ("", "UTF-8", "UTF-16le", "UTF-16be"))
    return _row(call, "encoding", exprs=(shown,))


def incremental_vacuum(request: Request) -> Compiled:
    """Give free pages back; returns nothing."""
    call = nodes.KernelCall(
        source=SOURCE,
        function="incremental_vacuum",
        args=(request.slot, request.integer()),
        slot=request.slot,
        write=True,
        silent=True,
    )
    return Compiled(call, readonly=False, writes=(request.slot,))


OPTIMIZE_TELL = 0x1
OPTIMIZE_ANALYZE = 0x2
OPTIMIZE_LIMIT = 0x10
OPTIMIZE_ALL_TABLES = 0x10000
OPTIMIZE_DEFAULT = 0xFFFE
OPTIMIZE_ENTRIES = 2000  # what OPTIMIZE_LIMIT limits ANALYZE to


def optimize(request: Request) -> Compiled:
    """Analyse what has changed much. The argument is a bit set of what to do, or to tell only."""
    mask = request.integer(OPTIMIZE_DEFAULT)
    all_tables = bool(mask & OPTIMIZE_ALL_TABLES)
    slots = request.catalogs.slots if request.schema is None else [request.catalog]
    catalogs = [each for each in slots if each is not None and each.slot != TEMP_SLOT]
    if not mask & OPTIMIZE_ANALYZE or not any(optimized_tables(each, all_tables) for each in catalogs):
        return replace(NOTHING, columns=(request.name,), reads=True)
    if mask & OPTIMIZE_TELL:
        return _of_query(request, optimize_query(catalogs, all_tables), (request.name,))
    most = OPTIMIZE_ENTRIES if mask & OPTIMIZE_LIMIT else 0
    plan, written = plan_optimize(SelectBinder(request.catalogs, "", request.registry), catalogs, all_tables, most)
    changes = plan.changes_schema or any(
        isinstance(step, nodes.RunStatement) and isinstance(step.plan, nodes.Ddl) and step.plan.changes_schema
        for step in plan.steps
    )
    return Compiled(plan, (request.name,), readonly=False, changes_schema=changes, reads=True, writes=written)


def _of_query(request: Request, sql: str, columns: tuple[str, ...]) -> Compiled:
    """The rows of a query."""
    query, _ = parse_one(sql)
    assert isinstance(query, ast.Select)
    planned = build_plan(query, request.catalogs, PlanContext(registry=request.registry, lift=False))
    return Compiled(planned.plan, columns, reads=True, query=query, calls_user=planned.calls_user)


def integrity_check(request: Request) -> Compiled:
    """A row for each problem, or "ok". The argument is the number of rows at most, or the name of one table."""
    most = DEFAULT_PROBLEMS
    only: Table | None = None
    if request.value is not None:
        number = leading_integer(request.value) if request.is_number else None
        if number is None:
            only = _named_table(request, request.value)
        elif number:
            most = abs(number)  # SQLite takes no notice of a sign
    chosen = [request.catalogs.slots[slot] for slot in request.catalogs.order]
    if only is not None or request.schema is not None:
        chosen = [request.catalogs.slots[request.slot if only is None else only.slot]]
    databases = [
        (catalog, only) for catalog in chosen if catalog is not None and (catalog.slot != TEMP_SLOT or catalog.entries)
    ]
    binder = SelectBinder(request.catalogs, "", request.registry)
    plan = plan_integrity(binder, databases, most, quick=request.name == "quick_check")
    shown = bound.ColumnRef(source=plan.source, column=0)
    return Compiled(nodes.Output(child=plan, exprs=(shown,)), (request.name,), reads=True, calls_user=binder.calls_user)


def _named_table(request: Request, name: str) -> Table:
    """The table that an argument names. Errors: "no such table: x"."""
    found = request.catalogs.find_table(name, request.schema)
    if found is None:
        where = f"{request.schema}." if request.schema is not None else ""
        raise SqlError(SQLITE_ERROR, f"no such table: {where}{name}")
    return found


def foreign_key_check(request: Request) -> Compiled:
    """The rows without parents, of one table or of all."""
    columns = ("table", "rowid", "parent", "fkid")
    catalog = request.catalog
    tables = [table for table in catalog.tables() if table.kind == "table"][::-1]
    if request.value is not None:
        found = _named_table(request, request.value)
        tables = [found]
        owner = request.catalogs.slots[found.slot]
        assert owner is not None
        catalog = owner
    return _of_query(request, check_query(catalog, tables), columns)


def setting(request: Request) -> Compiled:
    """A setting that means nothing here."""
    return Compiled(constant_rows([(0,)], 1), (request.name,))


def busy_timeout(request: Request) -> Compiled:
    """Milliseconds to wait for a lock."""
    if request.value is None or leading_integer(request.value) is None:
        return _row(nodes.KernelCall(source=SOURCE, function="busy_timeout_get", args=(), write=None), "timeout")
    return _row(
        nodes.KernelCall(source=SOURCE, function="busy_timeout_set", args=(request.integer(),), write=None), "timeout"
    )


def capture_data_changes(request: Request) -> Compiled:
    """Which changes are captured, into which table."""
    if request.value is None:
        columns = ("mode", "table", "version")
        return Compiled(constant_rows((capture_row(request),), len(columns)), columns, reads=True)
    makes, call = capture_plans(request)
    if not makes:
        return Compiled(call, readonly=False, reads=True)
    plan = nodes.Prepared(before=tuple(makes), child=call)
    return Compiled(plan, readonly=False, changes_schema=True, reads=True, writes=(0,))


def capture_data_changes_keep(request: Request) -> Compiled:
    """How many captured changes are kept, 0: all."""
    if request.value is None:
        keep = request.catalogs.settings.capture.keep
        return Compiled(constant_rows(((keep,),), 1), (request.name,), reads=True)
    return Compiled(keep_plan(request), readonly=False, reads=True)


TEMP_STORES = {
    "1": abi.TEMP_STORE_FILE,
    "file": abi.TEMP_STORE_FILE,
    "2": abi.TEMP_STORE_MEMORY,
    "memory": abi.TEMP_STORE_MEMORY,
}


def temp_store(request: Request) -> Compiled:
    """Where temporary databases, and what does not fit into memory, lie."""
    if request.value is None:
        return _row(nodes.KernelCall(source=SOURCE, function="temp_store_get", args=(), write=None), "temp_store")
    where = TEMP_STORES.get(
        request.value[:1] if request.value[:1].isdigit() else request.value.lower(), abi.TEMP_STORE_DEFAULT
    )
    call = nodes.KernelCall(source=SOURCE, function="temp_store_set", args=(where,), write=None, silent=True)
    return Compiled(call, readonly=False, changes_schema=True)


PRAGMAS: dict[str, Plan] = {
    **dict.fromkeys(FIXED, setting),
    "analysis_limit": analysis_limit,
    "application_id": Field(abi.DB_APPLICATION_ID, settings.header_integer, views=True),
    "automatic_index": Switch(abi.SETTING_NO_AUTOMATIC_INDEX, inverted=True),
    "auto_vacuum": Field(abi.DB_AUTO_VACUUM, settings.auto_vacuum),
    "busy_timeout": busy_timeout,
    "cache_size": Field(abi.DB_CACHE_SIZE, integer),
    "cache_spill": Field(abi.DB_CACHE_SPILL, settings.cache_spill),
    "case_sensitive_like": Switch(abi.SETTING_CASE_SENSITIVE_LIKE, reads=False),
    "capture_data_changes_conn": capture_data_changes,
    "capture_data_changes_keep": capture_data_changes_keep,
    "unstable_capture_data_changes_conn": capture_data_changes,
    "cell_size_check": Switch(abi.SETTING_CELL_SIZE_CHECK),
    "checkpoint_fullfsync": Switch(abi.SETTING_CHECKPOINT_FULLFSYNC),
    "defer_foreign_keys": Switch(abi.SETTING_DEFER_FOREIGN_KEYS),
    "count_changes": Switch(abi.SETTING_COUNT_CHANGES),
    "data_version": Field(abi.DB_DATA_VERSION, views=True),
    "empty_result_callbacks": Switch(abi.SETTING_EMPTY_RESULT_CALLBACKS),
    "enable_trigger": Switch(abi.SETTING_NO_TRIGGERS, inverted=True),  # SQLite has these two for programs only
    "enable_view": Switch(abi.SETTING_NO_VIEWS, inverted=True),
    "encoding": encoding,
    "foreign_key_check": foreign_key_check,
    "foreign_keys": Switch(abi.SETTING_FOREIGN_KEYS),
    "full_column_names": Switch(abi.SETTING_FULL_COLUMN_NAMES),
    "fullfsync": Switch(abi.SETTING_FULLFSYNC),
    "freelist_count": Field(abi.DB_FREELIST_COUNT, views=True),
    "hard_heap_limit": heap_limit,
    "ignore_check_constraints": Switch(abi.SETTING_IGNORE_CHECK_CONSTRAINTS),
    "incremental_vacuum": incremental_vacuum,
    "integrity_check": integrity_check,
    "journal_mode": journal_mode,
    "journal_size_limit": Field(abi.DB_JOURNAL_SIZE_LIMIT, settings.large_integer, answers=True),
    "legacy_alter_table": Switch(abi.SETTING_LEGACY_ALTER_TABLE),
    "locking_mode": Field(
        abi.DB_LOCKING_MODE, settings.locking_mode, answers=True, names=("normal", "exclusive"), everywhere=True
    ),
    "max_page_count": Field(abi.DB_MAX_PAGE_COUNT, whole_integer, answers=True, views=True),
    "optimize": optimize,
    "page_count": Field(abi.DB_PAGE_COUNT, views=True),
    "page_size": Field(abi.DB_PAGE_SIZE, settings.page_size),
    "query_only": Switch(abi.SETTING_QUERY_ONLY),
    "quick_check": integrity_check,
    "read_uncommitted": Switch(abi.SETTING_READ_UNCOMMITTED),
    "reverse_unordered_selects": Switch(abi.SETTING_REVERSE_UNORDERED_SELECTS),
    "secure_delete": Field(abi.DB_SECURE_DELETE, settings.secure_delete, answers=True),
    "short_column_names": Switch(abi.SETTING_NO_SHORT_COLUMN_NAMES, inverted=True),
    "shrink_memory": lambda request: NOTHING,  # memory is given back as soon as it is not needed
    "recursive_triggers": Switch(abi.SETTING_RECURSIVE_TRIGGERS),
    "schema_version": Field(abi.DB_SCHEMA_COOKIE, settings.header_integer, changes_schema=True, views=True),
    "soft_heap_limit": heap_limit,
    "temp_store": temp_store,
    "synchronous": Field(abi.DB_SYNCHRONOUS, settings.safety_level),
    "trusted_schema": Switch(abi.SETTING_UNTRUSTED_SCHEMA, inverted=True),
    "user_version": Field(abi.DB_USER_VERSION, settings.header_integer, views=True),
    "writable_schema": Switch(abi.SETTING_WRITABLE_SCHEMA),
    "wal_autocheckpoint": Field(abi.DB_WAL_AUTOCHECKPOINT, integer, answers=True, everywhere=True),
    "wal_checkpoint": wal_checkpoint,
}
