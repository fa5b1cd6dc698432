"""`turso_wasm.sync.connect`: a connection that also pulls and pushes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from turso_wasm.catalog.names import fold, quote_identifier
from turso_wasm.dbapi.connection import Connection
from turso_wasm.dbapi.errors import ProgrammingError
from turso_wasm.server.stream import CLIENTS
from turso_wasm.sync.local import LOG, REFUSED, Local, is_synced
from turso_wasm.sync.remote import (
    CHANGES,
    Behind,
    Fetch,
    Fetched,
    Remote,
    Row,
    Snapshot,
    SyncError,
    changes_behind,
    post,
)
from turso_wasm.sync.replay import SCHEMA, Rebase, Rule, ddl_of, tables_to_fetch
from turso_wasm.sync.rows import Statement, shape_of, values_of

ATTEMPTS: Final = 20  # of a push, while others push


@dataclass(frozen=True, slots=True)
class Stats:
    """local_changes: made here, not known to be at the server. refused: that could not be made over the server's
    rows; they are in turso_sync_refused. revision: the server's last change that is here; None: nothing was pulled.
    sent, received: bytes of bodies, by this connection.
    """

    local_changes: int
    refused: int
    revision: int | None
    sent: int
    received: int


class SyncConnection(Connection):
    """A connection to the local database, whose changes are captured; see `connect`."""

    _local: Local
    _remote: Remote
    _rule: Rule

    def pull(self) -> bool:
        """Take what is new at the server; True if there was something. Our changes are made again over it.

        Errors: SyncError; ProgrammingError in a transaction. Nothing has changed then.
        """
        self._check_idle("pull")
        return self._pull(everything=self._local.get("revision") is None)

    def push(self) -> bool:
        """Send our changes, as one transaction, after a pull; True if there were any. Errors: as pull."""
        self._check_idle("push")
        for _ in range(ATTEMPTS):
            self.pull()
            changes = self._local.changes()
            if not changes:
                return False
            try:
                self._send(changes)
                return True
            except Behind:
                continue
        raise SyncError(f"others have pushed {ATTEMPTS} times meanwhile: try again")

    def repair(self) -> None:
        """Fetch everything from the server anew, and make our changes over it. Errors: as pull."""
        self._check_idle("repair")
        self._pull(everything=True)

    def stats(self) -> Stats:
        """How things stand."""
        ((refused,),) = self._local.db.execute(f"SELECT count(*) FROM {REFUSED}").fetchall()
        traffic = self._remote.traffic
        pushed = self._local.get("pushed") or 0
        waiting = [each for each in self._local.changes() if each.id > pushed]
        return Stats(
            sum(each.table != SCHEMA or ddl_of(each) is not None for each in waiting),
            refused,
            self._local.get("revision"),
            traffic.sent,
            traffic.received,
        )

    def close(self) -> None:
        """Close; see Connection."""
        super().close()
        self._local.close()

    def _check_idle(self, doing: str) -> None:
        self._check()
        if self.in_transaction:
            raise ProgrammingError(f"{doing}() in a transaction")

    # --- pulling ------------------------------------------------------------------------------------------------

    def _pull(self, everything: bool) -> bool:
        local = self._local
        revision = local.get("revision") or 0
        with Snapshot(self._remote) as snapshot:
            head, confirmed = self._head(snapshot)
            if head < revision:
                raise SyncError(f"the server's last change is {head}, and was {revision}: is it another database?")
            own = local.changes()
            if not everything and head > revision:
                ((first,),) = snapshot.query(f"SELECT min(change_id) FROM {CHANGES}")
                everything = first is not None and first > revision + 1  # it does not keep them all
            remote = [] if everything or head == revision else list(changes_behind(snapshot, revision))
            names = tables_to_fetch(own, remote)
            if head == revision and not everything and not any(change.id <= confirmed for change in own):
                return False
            if everything:
                names |= self._tables_here()
            fetched = self._fetch(snapshot, names, everything)
        with local.writing():
            now = local.changes()  # somebody may have gone on
            if tables_to_fetch(now, remote) - names:
                raise SyncError("a table was dropped meanwhile: try again")
            rebase = Rebase(local, fetched, self._rule)
            rebase.undo(now)
            rebase.apply(remote)
            local.log_anew(rebase.replay([change for change in now if change.id > confirmed]))
            local.set("revision", head)
            local.set("confirmed", confirmed)
        return True

    def _head(self, snapshot: Snapshot) -> tuple[int, int]:
        """The server's last change, and the last of ours that it has taken."""
        try:
            ((head, confirmed),) = snapshot.query(
                f"SELECT coalesce((SELECT max(change_id) FROM {CHANGES}), 0), "
                f"coalesce((SELECT change_id FROM {CLIENTS} WHERE client = ?), 0)",
                (self._local.get("client"),),
            )
        except SyncError as error:
            if "no such table" in str(error):
                raise SyncError("the server keeps no changes: it must be served with --sync") from None
            raise
        return head, confirmed

    def _tables_here(self) -> set[str]:
        rows = self._local.db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        shadows = {name for (name,) in self._local.db.execute(_SHADOWS)}
        return {fold(name) for (name,) in rows if is_synced(name) and name not in shadows}

    def _fetch(self, snapshot: Snapshot, names: set[str], everything: bool) -> dict[str, Fetched | None]:
        """Tables as the server has them; everything: those that are only there, too."""
        found: dict[str, Fetched | None] = dict.fromkeys(names)
        if not names and not everything:
            return found
        shadows = {name for (name,) in snapshot.query(_SHADOWS)}
        schema = snapshot.query("SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        for kind, name, _, sql in schema:
            if kind == "table" and is_synced(name) and name not in shadows and (everything or fold(name) in names):
                found[fold(name)] = Fetched(name, sql, rows=self._rows(snapshot, name, sql))
        for kind in ("index", "view", "trigger"):
            for each, name, table, sql in schema:
                owner = found.get(fold(table))
                if each != kind or not is_synced(name) or not is_synced(table):
                    continue
                if owner is not None:
                    owner.others.append(sql)
                elif everything and kind != "index":  # views, and triggers on them
                    self._loose(found, name, sql)
        return found

    @staticmethod
    def _loose(found: dict[str, Fetched | None], name: str, sql: str) -> None:
        last = next((table for table in reversed(found.values()) if table is not None), None)
        if last is not None:
            last.others += [sql]

    @staticmethod
    def _rows(snapshot: Snapshot, name: str, sql: str) -> list[tuple[Any, ...]]:
        with Connection(":memory:", isolation_level=None) as scratch:
            scratch.execute(sql)
            shape = shape_of(scratch, name)
        scratch.close()
        assert shape is not None
        return snapshot.query(shape.read_all())

    # --- pushing ------------------------------------------------------------------------------------------------

    def _send(self, changes: Sequence[Row]) -> None:
        """Errors: SyncError; Behind."""
        local = self._local
        client, revision, confirmed = (local.get(name) for name in ("client", "revision", "confirmed"))
        guard = (
            f"INSERT INTO {CLIENTS}(client, change_id) SELECT 'behind', NULL "
            f"WHERE coalesce((SELECT change_id FROM {CLIENTS} WHERE client = ?), 0) <> ? "
            f"OR coalesce((SELECT max(change_id) FROM {CHANGES}), 0) <> ?"
        )
        steps: list[Statement] = [
            ("PRAGMA enable_trigger = off", ()),
            ("BEGIN IMMEDIATE", ()),
            (guard, (client, confirmed, revision)),
        ]
        for change in changes:
            steps += self._statements(change)
        taken = f"INSERT INTO {CLIENTS} VALUES (?, ?) ON CONFLICT(client) DO UPDATE SET change_id = excluded.change_id"
        steps += [(taken, (client, changes[-1].id)), ("COMMIT", ())]
        errors = self._remote.batch(steps)
        failed = next((at for at, error in enumerate(errors) if error is not None), None)
        if failed is None:
            local.set("pushed", changes[-1].id)
            return
        if steps[failed][0] is guard and "NOT NULL" in str(errors[failed]):
            raise Behind
        raise SyncError(f"the server refuses {steps[failed][0]!r}: {errors[failed]}")

    def _statements(self, change: Row) -> list[Statement]:
        if change.table != SCHEMA:
            shape = shape_of(self._local.db, change.table)
            return (
                [] if shape is None else shape.change(change.key, values_of(change.before), values_of(change.after))
            )  # None: it was dropped
        ddl = ddl_of(change)
        if ddl is None:
            return []
        return [(ddl.after or f"DROP {ddl.type} IF EXISTS {quote_identifier(ddl.name)}", ())]


_SHADOWS: Final = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'"


def connect(
    database: str | os.PathLike[str],
    remote_url: str,
    *,
    auth_token: str | None = None,
    client_name: str | None = None,
    conflict: Rule = "local",
    bootstrap_if_empty: bool = True,
    fetch: Fetch = post,
    timeout: float = 5.0,
    **options: Any,
) -> SyncConnection:
    """Open a local database that is synchronized with one that `turso-wasm serve FILE --sync` serves.

    conflict: what becomes of rows that both sides have changed: "local" (the last push wins), "remote", or a function
    of a Conflict that gives one of these, a row as a dict, or None: no row. bootstrap_if_empty: pull when nothing was
    pulled before. fetch: how to post. options: of `turso_wasm.connect`.
    Errors: SyncError (at the first time the server must be there); ValueError for a database in memory, or a
    `conflict` that is none of these.
    """
    path = os.fsdecode(database)
    if path in ("", ":memory:"):
        raise ValueError("a synchronized database is a file")
    if not callable(conflict) and conflict not in ("local", "remote"):
        raise ValueError(f"conflict must be 'local', 'remote' or a function, not {conflict!r}")
    made = SyncConnection(path, timeout, **options)
    try:
        made._local = Local(path, timeout)
        made._remote, made._rule = Remote(remote_url, auth_token, fetch), conflict
        made._local.prepare(client_name)
        made.execute(f"PRAGMA capture_data_changes_conn('full,{LOG}')").close()
        if bootstrap_if_empty and made._local.get("revision") is None:
            made.pull()
    except BaseException:
        made.close()
        raise
    return made
