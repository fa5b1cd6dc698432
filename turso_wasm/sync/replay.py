"""From one base to the next: undo our changes, apply the server's, make ours again (docs/decisions/0086-sync.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from turso_wasm.catalog.names import fold, quote_identifier
from turso_wasm.dbapi.errors import DatabaseError, IntegrityError
from turso_wasm.sync.local import Local, is_synced
from turso_wasm.sync.remote import Fetched, Row, SyncError
from turso_wasm.sync.rows import Key, Shape, Values, read_row, run, shape_of, values_of
from turso_wasm.values.records import encode_record

SCHEMA = "sqlite_schema"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A row that was changed here and at the server. Rows are by column names; None: it was not, or is not, there.

    before: as we found it. local: what we made of it. remote: what it is at the server now.
    """

    table: str
    key: int | tuple[Any, ...] | None
    before: dict[str, Any] | None
    local: dict[str, Any] | None
    remote: dict[str, Any] | None


Rule = Literal["local", "remote"] | Callable[[Conflict], "Literal['local', 'remote'] | dict[str, Any] | None"]
"""What becomes of such a row: ours, theirs, or what a function makes of the two."""


@dataclass(frozen=True, slots=True)
class Ddl:
    """A change of the schema: the rows of sqlite_schema before and after."""

    type: str
    name: str
    table: str
    before: str | None
    after: str | None
    old_name: str

    @property
    def is_altered(self) -> bool:
        """By ALTER TABLE."""
        return self.before is not None and self.after is not None


def ddl_of(change: Row) -> Ddl | None:
    """None: it is about what is not synchronized, or about an index that belongs to its table."""
    before, after = values_of(change.before), values_of(change.after)
    now = after or before
    assert now is not None
    old_sql, new_sql = before[4] if before else None, after[4] if after else None
    if not (is_synced(now[1]) and is_synced(now[2])) or (old_sql is None and new_sql is None):
        return None
    return Ddl(now[0], now[1], now[2], old_sql, new_sql, (before or now)[1])


def tables_to_fetch(local: Sequence[Row], remote: Sequence[Row]) -> set[str]:
    """The (folded) names of tables that changes cannot make from the base: the server has altered them, or we have
    dropped them, with rows that nobody captured. Errors: SyncError: we have altered one.
    """
    found: set[str] = set()
    for change in remote:
        ddl = ddl_of(change) if change.table == SCHEMA else None
        if ddl is not None and ddl.is_altered:
            found |= {fold(ddl.table), fold(ddl.name), fold(ddl.old_name)}
    for change in local:
        ddl = ddl_of(change) if change.table == SCHEMA else None
        if ddl is not None and ddl.is_altered:
            raise SyncError(f"{ddl.type} {ddl.old_name} was altered here: alter tables at the server, then pull")
        if ddl is not None and ddl.type == "table" and ddl.after is None:
            found.add(fold(ddl.name))
    return found


class Rebase:
    """The steps, within a transaction. fetched: tables as the server has them, None: it has none of this name."""

    def __init__(self, local: Local, fetched: Mapping[str, Fetched | None], rule: Rule) -> None:
        self.local, self.db = local, local.db
        self.fetched, self.rule = fetched, rule
        self._shapes: dict[str, Shape | None] = {}
        self._moved: dict[tuple[str, Key], int] = {}
        self._before = {name: shape_of(self.db, name) for name in fetched}  # of which columns our changes speak

    # --- the base -----------------------------------------------------------------------------------------------

    def undo(self, changes: Sequence[Row]) -> None:
        """Undo our changes, from the last to the first."""
        for change in reversed(changes):
            if change.table == SCHEMA:
                ddl = ddl_of(change)
                if ddl is not None and fold(ddl.table) not in self.fetched:
                    self._make(ddl.type, ddl.name, ddl.before)
            elif fold(change.table) not in self.fetched:
                self._set(change, values_of(change.after), values_of(change.before))

    def apply(self, changes: Sequence[Row]) -> None:
        """Make the server's changes, then the tables that were fetched."""
        for change in changes:
            if change.table == SCHEMA:
                ddl = ddl_of(change)
                if ddl is not None and fold(ddl.table) not in self.fetched:
                    if ddl.is_altered:
                        self._make(ddl.type, ddl.old_name, None)
                    self._make(ddl.type, ddl.name, ddl.after)
            elif is_synced(change.table) and fold(change.table) not in self.fetched:
                self._set(change, values_of(change.before), values_of(change.after))
        for name in self.fetched:
            self.db.execute(f"DROP TABLE IF EXISTS {quote_identifier(name)}").close()
        for table in self.fetched.values():
            if table is not None:
                self._install(table)
        self._shapes.clear()

    def _install(self, table: Fetched) -> None:
        self.db.execute(table.sql).close()
        shape = shape_of(self.db, table.name)
        assert shape is not None
        run(self.db, [shape.put(shape.key_of(row[0], row[1:]), row[1:]) for row in table.rows])
        for sql in table.others:
            self.db.execute(sql).close()

    def _make(self, kind: str, name: str, sql: str | None) -> None:
        """Let an object of the schema be what a statement makes, or be gone."""
        self._shapes.clear()
        self.db.execute(f"DROP {kind} IF EXISTS {quote_identifier(name)}").close()
        if sql is not None:
            self.db.execute(sql).close()

    def _shape(self, table: str) -> Shape | None:
        name = fold(table)
        if name not in self._shapes:
            self._shapes[name] = shape_of(self.db, table)
        return self._shapes[name]

    def _set(self, change: Row, before: Values | None, after: Values | None) -> None:
        shape = self._shape(change.table)
        if shape is None:
            raise SyncError(f"there is no table {change.table} any more, of which the server tells changes: repair()")
        run(self.db, shape.change(change.key, before, after))

    # --- our changes --------------------------------------------------------------------------------------------

    def replay(self, changes: Sequence[Row]) -> list[Row]:
        """Make our changes again; what is left of them, over this base."""
        found = [self._again_ddl(change) if change.table == SCHEMA else self._again(change) for change in changes]
        return [change for change in found if change is not None]

    def _again_ddl(self, change: Row) -> Row | None:
        ddl = ddl_of(change)
        if ddl is None:
            return None
        now = self.db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (ddl.name,)).fetchone()
        if (now[0] if now else None) == ddl.after:
            return None
        if now is not None and ddl.after is not None:
            self.local.refuse(change, f"the server has another {ddl.name}")
            return None
        try:
            self._make(ddl.type, ddl.name, ddl.after)
        except DatabaseError as error:
            self.local.refuse(change, str(error))
            return None
        return change

    def _again(self, change: Row) -> Row | None:
        shape = self._shape(change.table)
        if shape is None:
            self.local.refuse(change, f"no such table: {change.table}")
            return None
        before, wanted = (self._mapped(shape, values_of(record)) for record in (change.before, change.after))
        rowid = self._moved.get((shape.table, change.key), change.key)
        known = before if before is not None else wanted
        assert known is not None
        now = read_row(self.db, shape, shape.key_of(rowid, known))
        if before is None and now is not None and not shape.key:
            rowid, now = self._new_rowid(shape, change.key), None  # another row, that only had the same number
        if now == wanted:
            return None
        if now != before:
            wanted = self._resolved(shape, change, before, wanted, now)
            if now == wanted:
                return None
        try:
            self.db.execute("SAVEPOINT again").close()
            run(self.db, shape.change(rowid, now, wanted))
            self.db.execute("RELEASE again").close()
        except IntegrityError as error:
            self.db.execute("ROLLBACK TO again").close()
            self.db.execute("RELEASE again").close()
            self.local.refuse(change, str(error))
            return None
        made = read_row(self.db, shape, shape.key_of(rowid, wanted)) if wanted is not None else None
        return Row(change.id, change.table, rowid, _record(now), _record(made))

    def _new_rowid(self, shape: Shape, before: Key) -> int:
        """For a row of a table without a primary key, whose rowid somebody else has given meanwhile."""
        ((last,),) = self.db.execute(f"SELECT max({shape.rowid}) FROM {quote_identifier(shape.table)}").fetchall()
        self._moved[shape.table, before] = made = int(last) + 1
        return made

    def _mapped(self, shape: Shape, values: Values | None) -> Values | None:
        """Values of a table that has other columns now."""
        was = self._before.get(fold(shape.table))
        if values is None or was is None or was.columns == shape.columns:
            return values
        named = dict(zip(was.columns, values, strict=False))
        return tuple(named.get(name) for name in shape.columns)

    def _resolved(
        self, shape: Shape, change: Row, before: Values | None, ours: Values | None, theirs: Values | None
    ) -> Values | None:
        rule: Any = self.rule
        if callable(rule):
            known = next(row for row in (before, ours, theirs) if row is not None)
            key = shape.key_of(change.key, known)
            shown = [
                None if row is None else dict(zip(shape.columns, row, strict=True)) for row in (before, ours, theirs)
            ]
            rule = rule(Conflict(shape.table, values_of(key) if isinstance(key, bytes) else key, *shown))
        if rule == "local":
            return ours
        if rule == "remote":
            return theirs
        if rule is not None and not isinstance(rule, dict):
            raise TypeError(f"a conflict ends with 'local', 'remote', a dict or None, not {rule!r}")
        return None if rule is None else tuple(rule.get(name) for name in shape.columns)


def _record(values: Values | None) -> bytes | None:
    return None if values is None else encode_record(values)
