"""The schema of one database, and of all databases of a connection together.

Owns the way from sqlite_schema rows to objects: rows are checked when the catalog is made, their SQL is parsed when an
object is first asked for (a statement pays for the tables it names, not for the whole schema). Does not read pages.

Errors of a bad schema are SQLITE_CORRUPT with SQLite's text: "malformed database schema (name) - reason".

Source: https://sqlite.org/schematab.html, https://sqlite.org/lang_naming.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

from turso_wasm.base.errors import SQLITE_CORRUPT, SQLITE_ERROR, SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.catalog.derived import EVENTS, PREFIX, Derived, key_of, read_view
from turso_wasm.catalog.indexes import build_index
from turso_wasm.catalog.materialized import PREFIX as KEPT_PREFIX
from turso_wasm.catalog.materialized import View
from turso_wasm.catalog.methods.registry import METHODS
from turso_wasm.catalog.modules.module import Using
from turso_wasm.catalog.modules.registry import declare, find_module, virtual_table
from turso_wasm.catalog.names import SCHEMA_TABLE_NAMES, TEMP_SCHEMA_TABLE_NAMES, TEMP_SLOT, fold
from turso_wasm.catalog.objects import Column, Index, Table
from turso_wasm.catalog.settings import DEFAULT, Settings
from turso_wasm.catalog.tables import add_index, build_table
from turso_wasm.catalog.types import AffinityLetter
from turso_wasm.catalog.user_types import BASES, VIEW_PREFIX, Type, array_type, builtin, created, make_type, split
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one
from turso_wasm.sql.walk import walk

Row: TypeAlias = tuple[object, object, object, object, object]
"""A sqlite_schema row: type, name, tbl_name, rootpage, sql."""

DEFAULT_ROWS: Final = 1_048_576  # what SQLite assumes of a table without statistics


def malformed(name: object, reason: str = "") -> SqlError:
    """The error of a schema row that makes no sense."""
    shown = name if isinstance(name, str) else "?"
    return SqlError(SQLITE_CORRUPT, f"malformed database schema ({shown})" + (f" - {reason}" if reason else ""))


@dataclass(slots=True)
class Entry:
    """A schema row whose form has been checked. root: 0 for views and triggers. sql: None for automatic indexes. row:
    which one it is, from 0.
    """

    type: str
    name: str
    table: str
    root: int
    sql: str | None
    row: int


@dataclass(slots=True)
class Trigger:
    """A trigger, known by name: its tree is `node`."""

    name: str
    table: str
    node: ast.CreateTrigger
    sql: str
    slot: int = 0
    schema: str = "main"


class Catalog:
    """The objects of one database (`slot` 0 main, 1 temp, 2… attached), named `name`.

    rows: of its sqlite_schema, in rowid order. checked: Programs ask whether the schema cookie is still that of these
    rows. statistics: rows (tbl, idx, stat) of sqlite_stat1. descending: False for files of a schema format before 4,
    whose indexes ignore DESC. Errors: "malformed database schema", here or when an object is asked for.
    """

    def __init__(
        self,
        slot: int = 0,
        name: str = "main",
        rows: Iterable[Row] = (),
        checked: bool = True,
        statistics: Iterable[tuple[object, object, object]] = (),
        descending: bool = True,
    ) -> None:
        self.slot = slot
        self.name = name
        self.checked = checked
        self.descending = descending
        self.entries: dict[str, Entry] = {}  # tables and views by folded name
        self.index_entries: dict[str, Entry] = {}
        self.trigger_entries: dict[str, Entry] = {}
        self._indexes_of: dict[str, list[Entry]] = {}
        self._triggers_of: dict[str, list[str]] = {}
        self._tables: dict[str, Table] = {}
        self._triggers: dict[str, Trigger] = {}
        self._types: dict[str, Type | None] = {}  # as they are written
        self._statistics: dict[str, dict[str | None, tuple[int, ...]]] = {}
        self.views: dict[str, View] | None = None  # materialized ones; plan/materialized/views.py finds out
        self._derived: dict[str, Derived] | None = None  # by folded name
        self._without_skips: set[str | None] = set()  # indexes that ANALYZE's user wants no skip-scan of
        for number, row in enumerate(rows):
            self._add_row(row, number)
        for table, index, stat in statistics:
            self._add_statistics(table, index, stat)
        self._schema_table = _schema_table(slot, name)

    # --- looking up ----------------------------------------------------------------------------------------------

    def find_table(self, name: str) -> Table | None:
        """The table or view of that name (any case), or None. The schema table itself answers to all its names."""
        key = fold(name)
        table = self._tables.get(key)
        if table is not None:
            return table
        entry = self.entries.get(key)
        if entry is not None:
            table = self._tables[key] = self._load(entry)
            return table
        if key.startswith(PREFIX):
            return self._find_kept(key)
        if key in SCHEMA_TABLE_NAMES or (self.slot == TEMP_SLOT and key in TEMP_SCHEMA_TABLE_NAMES):
            return self._schema_table
        return None

    def find_index(self, name: str) -> Index | None:
        """The index of that name, or None."""
        entry = self.index_entries.get(fold(name))
        if entry is None:
            return None
        table = self.find_table(entry.table)
        key = fold(name)
        return next((i for i in table.indexes if fold(i.name) == key), None) if table is not None else None

    def find_trigger(self, name: str) -> Trigger | None:
        """The trigger of that name, or None."""
        key = fold(name)
        found = self._triggers.get(key)
        entry = self.trigger_entries.get(key)
        if found is not None or entry is None or entry.sql is None:
            return found
        node = _parse(entry)
        if not isinstance(node, ast.CreateTrigger):
            raise malformed(entry.name)
        self._check_stored("trigger", entry, node)
        found = self._triggers[key] = Trigger(entry.name, entry.table, node, entry.sql, self.slot, self.name)
        return found

    def find_type(self, written: str) -> Type | None:
        """A type beyond SQLite's, as it is written, with parameters; None: there is none of that name.

        Errors: wrong numbers of parameters, a type that it is made of is gone.
        """
        if written in self._types:
            return self._types[written]
        if written.endswith("[]"):
            item = written.rstrip("[] ")
            known = fold(item) in BASES or self.find_type(item) is not None
            found = self._types[written] = array_type(written) if known else None
            return found
        name, given = split(written)
        node = builtin(fold(name)) or self.type_statement(name)
        if node is not None and node.parameters and not given and node is builtin(fold(name)):
            node = None  # VARCHAR alone is no type of ours
        found = self._types[written] = None if node is None else make_type(written, node, self.find_type)
        return found

    def type_statement(self, name: str) -> ast.CreateType | None:
        """The CREATE TYPE or CREATE DOMAIN of a type of that name."""
        view = self.find_table(VIEW_PREFIX + fold(name))
        return created(view.select) if view is not None and view.kind == "view" else None

    def type_of_view(self, name: str) -> ast.CreateType | None:
        """What a view of that name stands for, if it is a type."""
        key = fold(name)
        return self.type_statement(key.removeprefix(VIEW_PREFIX)) if key.startswith(VIEW_PREFIX) else None

    @property
    def is_there(self) -> bool:
        """It has a file, or pages in memory: a temp database gets them when the first thing is put into it."""
        return self.slot != TEMP_SLOT or bool(self.entries)

    def is_called(self, schema: str) -> bool:
        """Whether `schema.` means this database; `main` is slot 0 whatever its name."""
        key = fold(schema)
        return key == fold(self.name) or (key == "main" and self.slot == 0)

    def check_reach(self, kind: str, name: str, body: ast.Node, span: ast.Span | None = None) -> None:
        """What a view or trigger (`kind`) that is no temporary one names must be in its own database. span: of `name`.

        Errors: "view x cannot reference objects in database y".
        """
        if self.slot == TEMP_SLOT:
            return
        for node in walk(body):
            if isinstance(node, ast.TableSource | ast.TableFunctionSource | ast.QualifiedName):
                if node.schema is None or self.is_called(node.schema):
                    continue
                message = f"{kind} {name} cannot reference objects in database {node.schema}"
                raise SqlError(SQLITE_ERROR, message, span)

    def shadow_owner(self, name: str) -> Table | None:
        """The virtual table whose shadow table has that name."""
        head, _, suffix = fold(name).rpartition("_")
        entry = self.entries.get(head)
        if entry is None or entry.type != "table" or entry.root:
            return None
        owner = self.find_table(head)
        module = find_module(owner.module) if owner is not None and owner.kind == "virtual" else None
        return owner if module is not None and suffix in module.suffixes else None

    def shadows_of(self, table: Table) -> dict[str, Table]:
        """The shadow tables of a virtual table, by suffix. Errors: "no such table: s.t_x"."""
        found = self.shadows_there(table)
        for shadow in table.declared.shadows if table.declared is not None else ():
            if shadow.suffix not in found:
                raise SqlError(SQLITE_ERROR, f"no such table: {self.name}.{table.name}_{shadow.suffix}")
        return found

    def shadows_there(self, table: Table) -> dict[str, Table]:
        """As `shadows_of`, without those that are missing."""
        found = {}
        for shadow in table.declared.shadows if table.declared is not None else ():
            known = self.find_table(f"{table.name}_{shadow.suffix}")
            if known is not None and known.kind == "table":
                found[shadow.suffix] = known
        return found

    def columns_of(self, name: str) -> tuple[str, ...] | None:
        """The names of a table's columns, but for hidden ones; None: there is no such table."""
        table = self.find_table(name)
        return None if table is None else tuple([column.name for column in table.columns if not column.hidden])

    def triggers_of(self, table: str) -> list[Trigger]:
        """The triggers of this database on tables of that name, the oldest first."""
        found = (self.find_trigger(name) for name in self._triggers_of.get(fold(table), ()))
        return [trigger for trigger in found if trigger is not None]

    def tables(self) -> Iterator[Table]:
        """All tables and views, in schema order."""
        for entry in list(self.entries.values()):
            table = self.find_table(entry.name)
            assert table is not None
            yield table

    def check_all(self) -> None:
        """Build every object. Errors: "malformed database schema" of the first bad one."""
        for _ in self.tables():
            pass
        for entry in self.index_entries.values():
            if fold(entry.table) not in self.entries:
                raise malformed(
                    entry.name, f"no such table: {self.name}.{entry.table}" if entry.sql else "orphan index"
                )
        for name in self.trigger_entries:
            self.find_trigger(name)

    @contextmanager
    def replaced(self, name: str, table: Table) -> Iterator[None]:
        """For the time of the block `name` means another table: how would the schema be after ALTER TABLE?"""
        key = fold(name)
        saved = self._tables.get(key)
        self._tables[key] = table
        try:
            yield
        finally:
            if saved is not None:
                self._tables[key] = saved
            else:
                del self._tables[key]

    # --- indexes that are no b-trees -------------------------------------------------------------------------------

    @property
    def derived(self) -> dict[str, Derived]:
        """The indexes that are no b-trees, by folded name (catalog/derived.py)."""
        if self._derived is None:
            views = [entry for key, entry in self.entries.items() if entry.type == "view" and key.startswith(PREFIX)]
            tables = [self.find_table(entry.name) for entry in views]
            found = [read_view(view.name, self.name, view.select) for view in tables if view is not None]
            self._derived = {fold(index.name): index for index in found if index is not None}
        return self._derived

    def _find_kept(self, key: str) -> Table | None:
        """A virtual table that one of them keeps."""
        for index in self.derived.values():
            method = METHODS.get(index.method)
            for suffix in method.tables(index) if method is not None else ():
                if fold(index.part_name(suffix)) == key and method is not None:
                    table = method.virtual(index, suffix)
                    if table is not None:
                        table.slot, table.schema = self.slot, self.name
                        self._tables[key] = table
                    return table
        return None

    def derived_on(self, table: Table) -> list[Derived]:
        """Those on a table that keep up with its changes (`keeps_up`)."""
        if not self.derived or table.kind != "table":
            return []
        key = fold(table.name)
        return [index for index in self.derived.values() if fold(index.table) == key and self.keeps_up(index)]

    def noting_on(self, table: Table) -> frozenset[str]:
        """The folded names of the triggers that note changes of the table for them: it is not for us to fire those."""
        names = (fold(index.part_name(event)) for index in self.derived_on(table) for event in EVENTS)
        return frozenset(names) if self.derived else frozenset()

    def keeps_up(self, index: Derived) -> bool:
        """What the index keeps is that of its table, but for rows that are pending. If not, it is void: somebody has
        changed the triggers, or the table is another one, or nobody knows the method.
        """
        table, method = self.find_table(index.table), METHODS.get(index.method)
        if table is None or method is None or table.kind != "table" or table.without_rowid:
            return False
        if key_of(table) is None or table.numbers.get(fold(index.key), table.rowid_alias) != table.rowid_alias:
            return False
        if any(fold(column) not in table.numbers for column in index.columns):
            return False
        if table.rowid_alias < 0 and self.find_index(index.part_name("ids")) is None:
            return False
        kept = [self.find_table(index.part_name(suffix)) for suffix in ("pending", *method.tables(index))]
        return all(part is not None and self._is_whole(part) for part in kept) and all(
            self._trigger_text(index.part_name(event)) == index.trigger_sql(event) for event in EVENTS
        )

    def _is_whole(self, table: Table) -> bool:
        shadows = table.declared.shadows if table.declared is not None else ()
        return not table.failure and len(self.shadows_there(table)) == len(shadows)

    def _trigger_text(self, name: str) -> str | None:
        entry = self.trigger_entries.get(fold(name))
        return None if entry is None else entry.sql

    # --- materialized views ----------------------------------------------------------------------------------------

    def may_be_materialized(self) -> list[Table]:
        """The views beside which there is a table for their rows."""
        heads = [key[len(KEPT_PREFIX) :] for key in self.entries if key.startswith(KEPT_PREFIX)]
        views = [self.entries.get(head) for head in heads]
        found = [self.find_table(entry.name) for entry in views if entry is not None and entry.type == "view"]
        return [view for view in found if view is not None]

    def materialized(self, name: str) -> View | None:
        """The materialized view of that name."""
        return (self.views or {}).get(fold(name))

    def keeps(self, table: str) -> bool:
        """The table belongs to a materialized view. While a dump is read it has its rows before there is a view."""
        key = fold(table)
        return key.startswith(KEPT_PREFIX) and any(key.startswith(KEPT_PREFIX + view) for view in self.views or {})

    # --- rows ----------------------------------------------------------------------------------------------------

    def _add_row(self, row: Row, number: int) -> None:
        kind, name, table, root, sql = row
        if not isinstance(name, str):
            raise malformed(name)
        if not isinstance(root, int) or not isinstance(table, str) or not isinstance(sql, str | None):
            raise malformed(name)
        if sql and sql[:2].lower() != "cr":
            raise malformed(name)
        if not sql:
            if kind in ("table", "view", "trigger"):
                raise malformed(name, "orphan index")
            kind = "index"  # SQLite goes by the missing SQL, whatever the type says
        if root < 0 or (root < 2 and kind == "index"):
            raise malformed(name, "invalid rootpage")
        if kind in ("table", "view"):
            self._add_entry(self.entries, Entry(kind, name, table, root, sql, number))
        elif kind == "index":
            self._add_entry(self.index_entries, Entry(kind, name, table, root, sql or None, number))
            self._indexes_of.setdefault(fold(table), []).append(self.index_entries[fold(name)])
        elif kind == "trigger":
            self._add_entry(self.trigger_entries, Entry(kind, name, table, root, sql, number))
            self._triggers_of.setdefault(fold(table), []).append(name)
        else:
            raise malformed(name)

    def _add_entry(self, into: dict[str, Entry], entry: Entry) -> None:
        key = fold(entry.name)
        if key in into:
            text = f"there is already an index named {entry.name}" if into is self.index_entries else ""
            raise malformed(entry.name, text or f"{entry.type} {entry.name} already exists")
        into[key] = entry

    def _add_statistics(self, table: object, index: object, stat: object) -> None:
        """A sqlite_stat1 row; numbers end at the first word that is none (unordered, sz=…, noskipscan)."""
        if not isinstance(table, str) or not isinstance(stat, str) or not isinstance(index, str | None):
            return
        numbers = []
        key = None if index is None else fold(index)
        if "noskipscan" in stat.split():
            self._without_skips.add(key)
        for word in stat.split():
            if not word.isascii() or not word.isdigit():
                break
            numbers.append(int(word))
        if numbers:
            self._statistics.setdefault(fold(table), {})[key] = tuple(numbers)

    # --- building ------------------------------------------------------------------------------------------------

    def _load(self, entry: Entry) -> Table:
        node = _parse(entry)
        match node:
            case ast.CreateTable() if node.select is None:
                table = self._build_table(entry, node)
            case ast.CreateView():
                self._check_stored("view", entry, node.select)
                columns = tuple(name.text for name in node.columns)
                table = Table(node.name.name, 0, [], kind="view", select=node.select, view_columns=columns)
            case ast.CreateVirtualTable():
                table = self._build_virtual(node)
            case _:
                raise malformed(entry.name)
        if fold(table.name) != fold(entry.name) or (table.kind == "view") != (entry.type == "view"):
            raise malformed(entry.name)
        table.slot, table.schema, table.sql = self.slot, self.name, entry.sql
        self._apply_statistics(table)
        return table

    def _build_virtual(self, node: ast.CreateVirtualTable) -> Table:
        """What its module refuses is an error of whoever uses the table."""
        name = node.name.name
        try:
            using = Using(schema=self.name, name=name, arguments=node.arguments, columns_of=self.columns_of)
            declared = declare(node.module, using)
        except SqlError as error:
            return Table(name, 0, [], kind="virtual", module=node.module, failure=error.message)
        return virtual_table(node.module, declared, name)

    def _check_stored(self, kind: str, entry: Entry, body: ast.Node) -> None:
        try:
            self.check_reach(kind, entry.name, body)
        except SqlError as error:
            raise malformed(entry.name, error.message) from None

    def _build_table(self, entry: Entry, node: ast.CreateTable) -> Table:
        assert entry.sql is not None
        try:
            table = build_table(node, entry.sql, root=entry.root, slot=self.slot, schema=self.name)
        except SqlError as error:
            raise malformed(entry.name, error.message) from None
        automatic = {fold(index.name): index for index in table.indexes}
        for index_entry in self._indexes_of.get(fold(entry.name), ()):
            if index_entry.sql is not None:
                add_index(table, self._build_index(index_entry, table))
            else:
                index = automatic.pop(fold(index_entry.name), None)
                if index is None:
                    raise malformed(index_entry.name, "orphan index")
                index.root = index_entry.root
        for index in automatic.values():
            raise malformed(index.name, "missing index")
        for index in table.indexes:
            self.order_index(index)
        for column in table.primary_key if not self.descending else ():
            column.desc = False
        return table

    def order_index(self, index: Index) -> None:
        """Ignore DESC where the file does."""
        for column in (*index.columns, *index.suffix) if not self.descending else ():
            column.desc = False

    def _build_index(self, entry: Entry, table: Table) -> Index:
        node = _parse(entry)
        if not isinstance(node, ast.CreateIndex) or fold(node.name.name) != fold(entry.name):
            raise malformed(entry.name)
        try:
            return build_index(node, table, root=entry.root, sql=entry.sql)
        except SqlError as error:
            raise malformed(entry.name, error.message) from None

    def _apply_statistics(self, table: Table) -> None:
        known = self._statistics.get(fold(table.name))
        if not known:
            return
        rows = 0
        for index in table.indexes:
            index.stat = known.get(fold(index.name))
            index.skips = fold(index.name) not in self._without_skips
            if index.stat is not None and index.where is None:
                rows = max(rows, index.stat[0])
        for key, numbers in known.items():
            if key is None or key == fold(table.name):  # no index, or the key of a WITHOUT ROWID table
                rows = max(rows, numbers[0])
        table.row_estimate = rows or None


def _parse(entry: Entry) -> ast.Statement:
    assert entry.sql is not None
    try:
        statement, end = parse_one(entry.sql, has_arrays=False)  # what we store has calls instead
    except SqlError as error:
        raise malformed(entry.name, error.message) from None
    if statement is None or entry.sql[end:].strip():
        raise malformed(entry.name)
    return statement


_SCHEMA_COLUMNS: Final[tuple[tuple[str, str, AffinityLetter], ...]] = (
    ("type", "TEXT", "B"),
    ("name", "TEXT", "B"),
    ("tbl_name", "TEXT", "B"),
    ("rootpage", "INT", "D"),
    ("sql", "TEXT", "B"),
)


def _schema_table(slot: int, schema: str) -> Table:
    name = "sqlite_temp_master" if slot == TEMP_SLOT else "sqlite_master"
    columns = [Column(column, decltype, affinity) for column, decltype, affinity in _SCHEMA_COLUMNS]
    numbers = {column.name: number for number, column in enumerate(columns)}
    text = "CREATE TABLE x(type text,name text,tbl_name text,rootpage int,sql text)"
    return Table(name, 1, columns, slot=slot, schema=schema, sql=text, numbers=numbers)


class Catalogs:
    """The catalogs of a connection, by slot (None: a slot not in use); main is slot 0, temp slot 1, which is empty
    unless it is given. order: the slots, attached ones in order of attachment; default: as they are numbered. settings:
    those of the connection.
    """

    def __init__(
        self, catalogs: Iterable[Catalog | None], order: Iterable[int] = (), settings: Settings = DEFAULT
    ) -> None:
        self.settings = settings
        self.slots: list[Catalog | None] = list(catalogs)
        if len(self.slots) <= TEMP_SLOT:
            self.slots.append(Catalog(TEMP_SLOT, "temp"))
        attached = [slot for slot in order or range(len(self.slots)) if slot > TEMP_SLOT]
        self.order = (0, TEMP_SLOT, *attached)
        found = (self.slots[slot] for slot in (TEMP_SLOT, 0, *attached))  # temp hides main, main hides attached
        self.search_order: tuple[Catalog, ...] = tuple(catalog for catalog in found if catalog is not None)

    def find(self, schema: str) -> Catalog | None:
        """The database called `schema`; `main` is slot 0 whatever its name."""
        for catalog in self.slots:
            if catalog is not None and catalog.is_called(schema):
                return catalog
        return None

    def must_find(self, schema: str, node: object | None = None) -> Catalog:
        """As `find`. Errors: "unknown database x"."""
        found = self.find(schema)
        if found is None:
            raise SqlError(SQLITE_ERROR, f"unknown database {schema}", getattr(node, "span", None))
        return found

    def main(self) -> Catalog:
        """The main database."""
        found = self.slots[0]
        assert found is not None
        return found

    def temp(self) -> Catalog:
        """The temp database."""
        found = self.slots[TEMP_SLOT]
        assert found is not None
        return found

    def find_table(self, name: str, schema: str | None = None) -> Table | None:
        """A table or view; without `schema` the first of temp, main, attached."""
        if schema is not None:
            catalog = self.find(schema)
            return catalog.find_table(name) if catalog is not None else None
        key = fold(name)
        if key in TEMP_SCHEMA_TABLE_NAMES:
            return self.temp().find_table(name)
        if key in SCHEMA_TABLE_NAMES:
            return self.main().find_table(name)
        for catalog in self.search_order:
            table = catalog.find_table(name)
            if table is not None:
                return table
        return None

    def find_index(self, name: str, schema: str | None = None) -> tuple[Catalog, Index] | None:
        """An index and the database it is in; search order as in `find_table`."""
        searched: Iterable[Catalog] = self.search_order
        if schema is not None:
            catalog = self.find(schema)
            searched = (catalog,) if catalog is not None else ()
        for catalog in searched:
            index = catalog.find_index(name)
            if index is not None:
                return catalog, index
        return None

    def find_derived(self, name: str, schema: str | None = None) -> tuple[Catalog, Derived] | None:
        """As `find_index`, of those that are no b-trees."""
        searched: Iterable[Catalog] = self.search_order
        if schema is not None:
            catalog = self.find(schema)
            searched = (catalog,) if catalog is not None else ()
        found = ((catalog, catalog.derived.get(fold(name))) for catalog in searched)
        return next(((catalog, index) for catalog, index in found if index is not None), None)
