"""Reading captured changes as objects, from any one on (docs/change-capture.md).

Invariants:
  H1  What is not committed is not read, not even by the connection that has changed it.
  H2  A change has the names that its table's columns had when it was captured: those of the table's next change of
      schema in the log, before it; without one, those of the table now.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from turso_wasm.base.errors import SqlError
from turso_wasm.catalog.capture import COMMITTED, DEFAULT_TABLE, DELETED, INSERTED, UPDATED
from turso_wasm.catalog.names import quote_identifier
from turso_wasm.dbapi.errors import OperationalError, fail

if TYPE_CHECKING:
    from turso_wasm.dbapi.connection import Connection
    from turso_wasm.values.records import Value

Kind = Literal["insert", "update", "delete", "commit"]
_KINDS: Final[dict[int, Kind]] = {INSERTED: "insert", UPDATED: "update", DELETED: "delete", COMMITTED: "commit"}
_BATCH: Final = 500
_NEVER: Final = (1 << 63) - 1
_NAMES: Final = '["type","name","tbl_name","rootpage","sql"]'  # the columns of sqlite_schema
_REPLACED: Final = ["replace"]


@dataclass(frozen=True, slots=True)
class Change:
    """A captured change.

    id: pass the last one that was dealt with as `since` to go on behind it. time: seconds since 1970. transaction:
    equal for the changes of one, None in tables of the first layout. table, key: the row's; of a table without rowids
    the values of its primary key; None of a commit. before, after: the row by column names, as far as it was captured.
    assigned: the columns that an update has written, if that was captured. replaced: REPLACE has deleted the row.
    """

    id: int
    time: int
    transaction: int | None
    type: Kind
    table: str | None
    key: int | tuple[Value, ...] | None
    before: dict[str, Value] | None
    after: dict[str, Value] | None
    assigned: tuple[str, ...] | None
    replaced: bool


class ChangeReader:
    """Reads a table of changes in batches. table: None: the one that the connection captures into, or turso_cdc."""

    def __init__(self, connection: Connection, since: int | None, table: str | None) -> None:
        if since is not None and (isinstance(since, bool) or not isinstance(since, int)):
            raise TypeError(f"since: an integer or None, not {type(since).__name__}")
        self._connection = connection
        if table is None:
            table = self._query("PRAGMA capture_data_changes_conn")[0][1] or DEFAULT_TABLE
        self._name = table
        self._table = f"main.{quote_identifier(table)}"
        last = self._last()
        self.since = last if since is None else since
        if self.since > last:
            raise OperationalError(f"there is no change {self.since} yet: the last one is {last}")

    def _query(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        self._connection._check()
        try:
            return self._connection._query(sql, values)
        except SqlError as error:
            fail(error)

    def _last(self) -> int:
        """The number of the last committed change there ever was."""
        self._query(f"SELECT change_id FROM {self._table} LIMIT 0")  # it is there
        used = self._query("SELECT seq FROM main.sqlite_sequence WHERE name = ?", (self._name,))
        return min(used[0][0], self._end() - 1) if used else 0

    def _end(self) -> int:
        """The number of the first change that is not committed (H1)."""
        return int(self._query("SELECT conn_txn_id(?)", (_NEVER,))[0][0])

    def batch(self) -> list[Change]:
        """The next changes, up to some hundred; [] if there are none now. Errors: OperationalError if they are gone."""
        last = self._last()  # asked first: what is committed meanwhile is not gone
        version = "change_txn_id" if self._has_transactions() else "NULL"
        rows = self._query(
            f"SELECT change_id, change_time, {version}, change_type, table_name, id, before, after, updates "
            f"FROM {self._table} WHERE change_id > ? AND change_id < ? ORDER BY change_id LIMIT {_BATCH}",
            (self.since, self._end()),
        )
        first = rows[0][0] if rows else last + 1
        if first > self.since + 1:
            raise OperationalError(f"the changes behind {self.since} are gone: the first that is kept is {first}")
        names = _Names(self, rows) if rows else None
        changes = [self._change(row, names) for row in rows if names is not None]
        if changes:
            self.since = changes[-1].id
        return changes

    def _has_transactions(self) -> bool:
        columns = self._query("SELECT name FROM pragma_table_info(?, 'main')", (self._name,))
        return ("change_txn_id",) in columns

    def _change(self, row: tuple[Any, ...], names: _Names) -> Change:
        number, seconds, transaction, kind, table, key, before, after, updates = row
        old, new, marks = _values(before), _values(after), _values(updates)
        replaced = marks == _REPLACED and kind == DELETED
        columns = names.of(table, number, max(len(old or ()), len(new or ()))) if table is not None else []
        return Change(
            id=number,
            time=seconds,
            transaction=transaction,
            type=_KINDS[kind],
            table=table,
            key=tuple(_values(key) or ()) if isinstance(key, bytes) else key,
            before=None if old is None else dict(zip(columns, old, strict=False)),
            after=None if new is None else dict(zip(columns, new, strict=False)),
            assigned=tuple(name for name, mark in zip(columns, marks, strict=False) if mark)
            if marks is not None and not replaced
            else None,
            replaced=replaced,
        )


def _values(record: bytes | None) -> list[Value] | None:
    from turso_wasm.values.records import decode_record  # whoever reads no changes does without it

    return None if record is None else decode_record(record, lambda raw: raw.decode("utf-8", "surrogateescape"))


class _Names:
    """The names of columns at the time of each change of a batch (H2)."""

    def __init__(self, reader: ChangeReader, rows: list[tuple[Any, ...]]) -> None:
        self._reader = reader
        self._texts: dict[str, list[str]] = {}
        self._now = {table: self._names_now(table) for table in {row[4] for row in rows} if table is not None}
        # Asked after the names of now: a change of schema between the two is among these.
        schema = reader._query(
            f"SELECT change_id, bin_record_json_object('{_NAMES}', before) FROM {reader._table} "
            "WHERE table_name = 'sqlite_schema' AND change_id > ? AND before IS NOT NULL",
            (rows[0][0],),
        )
        self._schema = [(number, json.loads(before)) for number, before in schema]

    def _names_now(self, table: str) -> list[str]:
        ((found,),) = self._reader._query(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM pragma_table_list(?1) WHERE schema = 'main') "
            "THEN (SELECT json_group_array(name) FROM pragma_table_xinfo(?1, 'main') WHERE hidden <> 1) END",
            (table,),
        )
        names: list[str] = json.loads(found or "[]")
        return names

    def of(self, table: str, number: int, count: int) -> list[str]:
        """Those of a change. count: how many values it has, at most as many names are needed."""
        if not count:
            return []
        for at, before in self._schema:
            if at > number and before["type"] == "table" and before["name"] == table:
                return self._from_text(table, before["sql"])
        names = self._now[table]
        return [*names, *(f"column{at + 1}" for at in range(len(names), count))]

    def _from_text(self, table: str, sql: str) -> list[str]:
        """The columns of the table that a statement makes."""
        if sql not in self._texts:
            from turso_wasm.dbapi.connection import Connection

            with Connection(":memory:", isolation_level=None) as scratch:
                scratch.execute(sql)
                (found,) = scratch.execute("SELECT table_columns_json_array(?)", (table,)).fetchone()
            scratch.close()
            self._texts[sql] = json.loads(found)
        return self._texts[sql]


def read_changes(reader: ChangeReader, follow: bool, interval: float) -> Iterator[Change]:
    """All changes that there are. follow: then those that come, looked for every `interval` seconds."""
    while True:
        found = reader.batch()
        yield from found
        if not found:
            if not follow:
                return
            time.sleep(interval)
