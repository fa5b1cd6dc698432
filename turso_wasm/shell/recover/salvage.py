"""The rows of a damaged file as SQL: those of its tables, and those that belong to no table that is left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from turso_wasm.dbapi.connection import Connection
from turso_wasm.dbapi.errors import Error
from turso_wasm.shell.formats.values import name, quoted_name, stored_literal
from turso_wasm.shell.recover.pages import INDEX_LEAF, TABLE_LEAF, Pages, Row

_SCHEMA_COLUMNS: Final = 5
_VIRTUAL: Final = r"(?i)create\s+virtual\s"
_KINDS: Final = ("table", "index", "view", "trigger")
_SYSTEM: Final = ("sqlite_sequence", "sqlite_stat1", "sqlite_stat4")


@dataclass(frozen=True)
class Object:
    """An entry of the schema."""

    kind: str
    name: str
    root: int
    sql: str


@dataclass(frozen=True)
class Layout:
    """Where a table's columns are in its records. columns: name, and number in the record; None: it is the rowid."""

    columns: list[tuple[str, int | None]]
    has_rowid: bool


def recover(image: bytes, *, lost_and_found: str = "lost_and_found", freelist: bool = True) -> Iterator[str]:
    """The SQL that makes what can be read of a database file. freelist: of pages that are free, too."""
    pages = Pages(image)
    yield "BEGIN;"
    yield "PRAGMA writable_schema = on;"
    for pragma, value in (
        ("encoding", {"utf-8": "UTF-8", "utf-16-le": "UTF-16le", "utf-16-be": "UTF-16be"}[pages.encoding]),
        ("page_size", pages.size),
        ("auto_vacuum", 0 if not pages.header(52, 4) else 2 if pages.header(64, 4) else 1),
        ("user_version", pages.header(60, 4)),
        ("application_id", pages.header(68, 4)),
    ):
        yield f"PRAGMA {pragma} = '{value}';"
    objects = _schema(pages)
    tables = [each for each in objects if each.kind == "table" and each.name not in _SYSTEM]
    with closing(Connection(":memory:", isolation_level=None)) as model:
        for table in tables:
            yield from _create(table)
            layout = _layout(model, table)
            if table.root and layout is not None:
                yield from [_insert(table, layout, row) for row in pages.tree(table.root)]
    yield from _sequences(pages, objects)
    for each in objects:  # so that their pages are not taken for lost ones
        if each.kind == "index" or each.name in _SYSTEM:
            for _ in pages.tree(each.root):
                pass
    yield from _lost(pages, lost_and_found, freelist=freelist)
    for each in objects:
        if each.kind != "table" and each.sql:
            yield f"{each.sql};"
    yield "PRAGMA writable_schema = off;"
    yield "COMMIT;"


def _schema(pages: Pages) -> list[Object]:
    """The schema: below page 1, and where that is damaged on any page that looks like a part of it."""
    found = [entry for row in pages.tree(1) if (entry := _object(row)) is not None]
    known = {(entry.kind, entry.name) for entry in found}
    for pgno in range(2, pages.count + 1):
        if pgno in pages.used or pages.kind(pgno) != TABLE_LEAF:
            continue
        rows = pages.rows(pgno)
        entries = [_object(row) for row in rows]
        if rows and None not in entries:
            pages.used.add(pgno)
            found += [entry for entry in entries if entry is not None and (entry.kind, entry.name) not in known]
    return found


def _object(row: Row) -> Object | None:
    if len(row.values) != _SCHEMA_COLUMNS:
        return None
    kind, name_, _, root, sql = row.values
    if kind not in _KINDS or not isinstance(name_, str) or not isinstance(sql, str | None):
        return None
    if sql and not re.match(r"(?i)create\s", sql):
        return None
    return Object(str(kind), name_, root if isinstance(root, int) else 0, sql or "")


def _create(table: Object) -> Iterator[str]:
    if re.match(_VIRTUAL, table.sql):
        known = stored_literal(table.name)
        values = f"'table', {known}, {known}, 0, {stored_literal(table.sql)}"
        yield f"INSERT INTO sqlite_schema VALUES({values});"
    elif table.sql:
        yield f"{re.sub(r'(?i)^create table(?! *if )', 'CREATE TABLE IF NOT EXISTS', table.sql, count=1)};"


def _layout(model: Connection, table: Object) -> Layout | None:
    """How the table's records are laid out; the engine says, of an empty one. None: of a virtual table, or a statement
    that the engine does not take.
    """
    if re.match(_VIRTUAL, table.sql):
        return None
    try:
        model.execute(table.sql)
        info = model.execute(f"PRAGMA table_xinfo({quoted_name(table.name)})").fetchall()
        (without_rowid,) = model.execute("SELECT wr FROM pragma_table_list WHERE name = ?", (table.name,)).fetchone()
    except (Error, TypeError):
        return None
    stored = [row for row in info if row[6] != 2]
    if without_rowid:
        keys = model.execute(
            "SELECT x.cid FROM pragma_index_list(?) AS l, pragma_index_xinfo(l.name) AS x"
            " WHERE l.origin = 'pk' ORDER BY x.seqno",
            (table.name,),
        ).fetchall()
        order = [cid for (cid,) in keys]
        places = {cid: order.index(cid) for cid in order}
    else:
        places = {row[0]: at for at, row in enumerate(stored)}
    primary = [row for row in info if row[5]]
    alias = (
        primary[0][0] if not without_rowid and len(primary) == 1 and str(primary[0][2]).upper() == "INTEGER" else None
    )
    columns = [(str(row[1]), None if row[0] == alias else places[row[0]]) for row in info if row[6] == 0]
    return Layout(columns, not without_rowid and alias is None)


def _insert(table: Object, layout: Layout, row: Row) -> str:
    names, values = [], []
    if layout.has_rowid and not {"rowid"} & {column.lower() for column, _ in layout.columns}:
        names.append("rowid")
        values.append(str(row.rowid))
    for column, at in layout.columns:
        if at is not None and at >= len(row.values):
            continue  # added by ALTER TABLE: its default
        names.append(name(column))
        values.append(str(row.rowid) if at is None else stored_literal(row.values[at]))
    return f"INSERT OR IGNORE INTO {name(table.name)}({', '.join(names)}) VALUES({', '.join(values)});"


def _literals(row: Row) -> str:
    return ", ".join([stored_literal(value) for value in row.values])


def _sequences(pages: Pages, objects: list[Object]) -> Iterator[str]:
    for each in objects:
        if each.name == "sqlite_sequence":
            yield "DELETE FROM sqlite_sequence;"
            for row in pages.tree(each.root):
                yield f"INSERT INTO sqlite_sequence VALUES({_literals(row)});"


def _lost(pages: Pages, table: str, *, freelist: bool) -> Iterator[str]:
    """Rows of pages that nothing refers to."""
    free = set() if freelist else pages.free()
    found = [
        row
        for pgno in range(2, pages.count + 1)
        if pgno not in pages.used and pgno not in free and pages.kind(pgno) in (TABLE_LEAF, INDEX_LEAF)
        for row in pages.rows(pgno)
    ]
    found = [row for row in found if row.values and row.page not in pages.used]
    if not found:
        return
    widest = max([len(row.values) for row in found])
    columns = "".join([f", c{at}" for at in range(widest)])
    yield f"CREATE TABLE {quoted_name(table)}(rootpgno INTEGER, pgno INTEGER, nfield INTEGER, id INTEGER{columns});"
    for row in found:
        values = [stored_literal(value) for value in row.values] + ["NULL"] * (widest - len(row.values))
        facts = [str(row.page), str(row.page), str(len(row.values)), "NULL" if row.rowid is None else str(row.rowid)]
        yield f"INSERT INTO {quoted_name(table)} VALUES({', '.join([*facts, *values])});"
