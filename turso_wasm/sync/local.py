"""What the local database knows of the one at the server, beside its rows.

Invariants:
  Y1  The local database is the *base*, a state that the server had at `revision`, and on it the changes in LOG, in
      their order: undoing these gives the base. Changes of LOG that the server has taken stay until a pull brings them
      back.
  Y2  A change of LOG keeps its number when it is made anew over another base. A push that comes late does not disturb
      that: the server takes it only upon the base that it was made for.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from turso_wasm.base.errors import SQLITE_BUSY
from turso_wasm.dbapi.connection import Connection
from turso_wasm.dbapi.constants import SETTINGS
from turso_wasm.dbapi.errors import OperationalError
from turso_wasm.sync.remote import Row, SyncError

LOG: Final = "turso_sync_changes"
STATE: Final = "turso_sync_state"
REFUSED: Final = "turso_sync_refused"
OWN: Final = ("turso_sync_", "turso_cdc", "sqlite_", "__turso_")
"""How names of tables begin that are not synchronized."""


def is_synced(table: str) -> bool:
    """Rows of the table are the same on both sides."""
    return not table.lower().startswith(OWN)


class Local:
    """The database, by a connection of its own that fires no triggers and captures nothing."""

    def __init__(self, path: str, timeout: float) -> None:
        self.db = Connection(path, timeout, isolation_level=None, check_same_thread=False)
        self.db.setconfig(SETTINGS["SQLITE_DBCONFIG_ENABLE_TRIGGER"], False)
        self.db.setconfig(SETTINGS["SQLITE_DBCONFIG_ENABLE_FKEY"], False)

    def prepare(self, client_name: str | None) -> None:
        """Make what is needed, at the first time. Errors: SyncError if there are tables already."""
        known = self.db.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (STATE,)).fetchone()
        if known is not None:
            return
        with self.writing():
            for (name,) in self.db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
                if is_synced(name):
                    raise SyncError(f"table {name} was made without sync: begin with an empty database")
            self.db.execute(f"CREATE TABLE {STATE}(name TEXT PRIMARY KEY, value)")
            self.db.execute(
                f"CREATE TABLE {REFUSED}(change_time, table_name TEXT, id, before BLOB, after BLOB, reason)"
            )
            client = f"{client_name}-{uuid.uuid4().hex}" if client_name else uuid.uuid4().hex
            self.set("client", client)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A transaction."""
        self.db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK")
            raise

    def get(self, name: str) -> Any:
        """A value of the state; None: it has none."""
        row = self.db.execute(f"SELECT value FROM {STATE} WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set(self, name: str, value: Any) -> None:
        """Keep a value."""
        self.db.execute(f"INSERT OR REPLACE INTO {STATE} VALUES (?, ?)", (name, value)).close()

    def changes(self) -> list[Row]:
        """What is in LOG, but for what is not synchronized."""
        rows = self.db.execute(
            f"SELECT change_id, table_name, id, before, after FROM {LOG} WHERE change_type <> 2 ORDER BY change_id"
        ).fetchall()
        return [change for row in rows if is_synced((change := Row(*row)).table) or change.table == "sqlite_schema"]

    def log_anew(self, changes: Iterable[Row]) -> None:
        """Let LOG have these changes and no others (Y2)."""
        self.db.execute(f"DELETE FROM {LOG}").close()
        rows = [(change.id, _kind(change), change.table, change.key, change.before, change.after) for change in changes]
        self.db.executemany(
            f"INSERT INTO {LOG}(change_id, change_time, change_type, table_name, id, before, after) "
            "VALUES (?, unixepoch(), ?, ?, ?, ?, ?)",
            rows,
        ).close()

    def refuse(self, change: Row, reason: str) -> None:
        """Keep a change that cannot be made, so that nothing is lost."""
        self.db.execute(
            f"INSERT INTO {REFUSED} VALUES (unixepoch(), ?, ?, ?, ?, ?)",
            (change.table, change.key, change.before, change.after, reason),
        ).close()

    def close(self) -> None:
        """Close the connection."""
        self.db.close()


def _kind(change: Row) -> int:
    if change.before is None:
        return 1
    return -1 if change.after is None else 0


def is_busy(error: OperationalError) -> bool:
    """Somebody else has the lock."""
    return (error.sqlite_errorcode or 0) & 0xFF == SQLITE_BUSY
