"""What the generator knows: the schema as SQLite describes it, and the names an expression may use."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

import apsw

INT, REAL, TEXT, BLOB, BOOL = "int", "real", "text", "blob", "bool"


@dataclass(slots=True)
class Column:
    """kind: the type its values mostly have; `any` where the declared type says nothing."""

    name: str
    kind: str = "any"
    not_null: bool = False
    has_default: bool = False
    key: int = 0  # its place in the primary key, 1-based
    hidden: bool = False
    declared: str = ""
    generated: bool = False
    parent: tuple[str, str] | None = None  # the (table, column) that it references alone


@dataclass(slots=True)
class Table:
    """A table or a view."""

    name: str
    columns: list[Column]
    is_view: bool = False
    without_rowid: bool = False
    strict: bool = False
    uniques: list[list[str]] = field(default_factory=list)
    indexes: list[str] = field(default_factory=list)
    schema: str = "main"

    @property
    def rowid_column(self) -> str | None:
        """The INTEGER PRIMARY KEY, if it looks like one."""
        keys = [column for column in self.columns if column.key]
        is_alias = len(keys) == 1 and keys[0].declared.upper() == "INTEGER" and not self.without_rowid
        return keys[0].name if is_alias else None


@dataclass(slots=True)
class Schema:
    """All tables, views and indexes of a connection's databases."""

    tables: list[Table] = field(default_factory=list)
    views: list[Table] = field(default_factory=list)
    indexes: list[str] = field(default_factory=list)
    triggers: list[str] = field(default_factory=list)
    writable_views: list[Table] = field(default_factory=list)
    databases: list[str] = field(default_factory=lambda: ["main"])
    fingerprint: object = None

    @property
    def readable(self) -> list[Table]:
        """What can stand in FROM."""
        return self.tables + self.views

    def names(self) -> set[str]:
        """All names that are taken, folded."""
        return {each.name.lower() for each in self.readable} | {
            name.lower() for name in (*self.indexes, *self.triggers)
        }


def kind_of(declared: str) -> str:
    """The kind that values of a column of a declared type mostly have, by SQLite's rules of affinity."""
    declared = declared.upper()
    if "INT" in declared or "NUM" in declared or "DEC" in declared:
        return INT
    if any(part in declared for part in ("CHAR", "CLOB", "TEXT")):
        return TEXT
    if any(part in declared for part in ("REAL", "FLOA", "DOUB")):
        return REAL
    return "any"


def quote_name(name: str, mark: str = '"') -> str:
    """A name between marks."""
    return f"[{name}]" if mark == "[" else mark + name.replace(mark, mark * 2) + mark


def learn(schema: Schema, database: apsw.Connection) -> None:
    """Bring the schema up to date with a connection's databases."""
    names = [row[1] for row in database.execute("PRAGMA database_list").fetchall()]
    rows = [
        (name, *row)
        for name in names
        for row in database.execute(
            f"SELECT type, name, tbl_name, sql FROM {quote_name(name)}.sqlite_schema ORDER BY rowid"
        ).fetchall()
    ]
    if (names, rows) == schema.fingerprint:
        return
    schema.fingerprint = names, rows
    schema.databases = names
    schema.tables, schema.views, schema.indexes, schema.triggers, schema.writable_views = [], [], [], [], []
    listed = database.execute("PRAGMA table_list").fetchall()
    facts = {row[:2]: (row[4], row[5]) for row in listed}
    shadows = {row[:2] for row in listed if row[2] == "shadow"}
    for where, kind, name, table_name, _ in rows:
        if (where, name) in shadows:
            continue  # no user's to index or to change
        if kind == "table" and not name.startswith("sqlite_"):
            with suppress(apsw.Error):  # a virtual table that its module refuses
                schema.tables.append(_table(database, where, name, *facts.get((where, name), (0, 0))))
        elif kind == "view":
            try:
                schema.views.append(Table(name, _columns(database, where, name), is_view=True, schema=where))
            except apsw.Error:
                continue  # a view of what is gone
        elif kind == "index" and not name.startswith("sqlite_"):
            schema.indexes.append(name)
        elif kind == "trigger":
            schema.triggers.append(name)
            schema.writable_views += [view for view in schema.views if view.name == table_name]


def _table(database: apsw.Connection, schema: str, name: str, without_rowid: int, strict: int) -> Table:
    columns = _columns(database, schema, name)
    table = Table(name, columns, without_rowid=bool(without_rowid), strict=bool(strict), schema=schema)
    of = f"PRAGMA {quote_name(schema)}."
    for _, index, unique, origin, partial in database.execute(f"{of}index_list({quote_name(name)})").fetchall():
        indexed = [row[2] for row in database.execute(f"{of}index_info({quote_name(index)})")]
        # INDEXED BY with a partial one, and with one of expressions in a RIGHT JOIN, mostly has no solution
        if origin == "c" and not partial and None not in indexed:
            table.indexes.append(index)
        if unique and not partial and None not in indexed:
            table.uniques.append(indexed)
    if table.rowid_column:
        table.uniques.append([table.rowid_column])
    for _, _, parent, child, to, *_ in database.execute(f"{of}foreign_key_list({quote_name(name)})").fetchall():
        for column in columns:
            if column.name == child and to is not None:
                column.parent = (parent, to)
    return table


def _columns(database: apsw.Connection, schema: str, name: str) -> list[Column]:
    rows = database.execute(f"PRAGMA {quote_name(schema)}.table_xinfo({quote_name(name)})").fetchall()
    return [
        Column(
            row[1],
            kind_of(row[2] or ""),
            bool(row[3]),
            row[4] is not None,
            row[5],
            row[6] == 1,
            row[2] or "",
            row[6] > 1,
        )
        for row in rows
    ]


# --- scopes ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Visible:
    """A source that expressions may name."""

    name: str
    columns: list[Column]
    table: Table | None = None

    @property
    def has_rowid(self) -> bool:
        """True for a table with rowids."""
        return self.table is not None and not self.table.is_view and not self.table.without_rowid


@dataclass(slots=True)
class Scope:
    """What an expression may refer to.

    keys: in a query that is grouped, what may stand outside aggregates, as (text, kind). merged: columns of USING.
    """

    sources: list[Visible] = field(default_factory=list)
    outer: Scope | None = None
    aggregates: bool = False
    keys: list[tuple[str, str]] | None = None
    merged: set[str] = field(default_factory=set)
    constant: bool = False  # no subqueries and nothing that changes: CHECK, DEFAULT, index expressions

    def is_ambiguous(self, name: str) -> bool:
        """True if the bare name of a column is not enough."""
        folded = name.lower()
        n = sum(column.name.lower() == folded for source in self.sources for column in source.columns)
        return n > 1 and folded not in self.merged

    def visible_names(self) -> set[str]:
        """Names of sources here and around, folded."""
        names = {source.name.lower() for source in self.sources}
        return names | (self.outer.visible_names() if self.outer else set())
