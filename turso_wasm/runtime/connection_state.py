"""What the kernel keeps of a connection, read and set.

Does not run statements. Its reader holds the host's lock where a routine of the kernel is called (connection.py N1).
"""

from __future__ import annotations

from turso_wasm.catalog.names import fold
from turso_wasm.kernel.abi import DB_SCHEMA_COOKIE, N_SLOTS, SETTINGS_COMPILED, TEMP_SLOT
from turso_wasm.runtime import layout
from turso_wasm.runtime.files import shown
from turso_wasm.runtime.hosts.base import Host
from turso_wasm.runtime.usercode import UserCode


class ConnectionState:
    """The KernelConnection at `address`; 0: it is closed."""

    host: Host
    address: int
    user: UserCode

    @property
    def in_transaction(self) -> bool:
        """True between BEGIN and COMMIT or ROLLBACK."""
        (autocommit,) = self.host.unpack(layout.I32, self.address + layout.AUTOCOMMIT_AT)
        return not autocommit

    def counters(self) -> tuple[int, int, int]:
        """(changes of the last INSERT, UPDATE or DELETE, total changes, last_insert_rowid)."""
        changes, total, rowid = self.host.unpack(layout.COUNTERS, self.address + layout.COUNTERS_AT)
        return changes, total, rowid

    def set_counters(self, changes: int, total: int, rowid: int) -> None:
        """Set them back."""
        self.host.pack(layout.COUNTERS, self.address + layout.COUNTERS_AT, changes, total, rowid)

    def last_rowid(self) -> int:
        """last_insert_rowid."""
        (rowid,) = self.host.unpack(layout.I64, self.address + layout.LAST_ROWID_AT)
        return int(rowid)

    @property
    def busy_timeout_ms(self) -> int:
        """How long statements wait for a lock (also PRAGMA busy_timeout)."""
        (milliseconds,) = self.host.unpack(layout.I32, self.address + layout.BUSY_TIMEOUT_AT)
        return int(milliseconds)

    @busy_timeout_ms.setter
    def busy_timeout_ms(self, milliseconds: int) -> None:
        self.host.post(self.address + layout.BUSY_TIMEOUT_AT, max(0, min(milliseconds, 0x7FFFFFFF)))

    def interrupt(self) -> None:
        """Make running statements end with SQLITE_INTERRUPT; may be called from any thread, without the lock."""
        if self.address:
            self.host.post(self.address + layout.INTERRUPTED_AT, 1)
            self.user.stop(interrupted=True)

    def epoch(self) -> int:
        """KernelConnection.schema_epoch."""
        (epoch,) = self.host.unpack(layout.I32, self.address + layout.CONNECTION_EPOCH_AT)
        return int(epoch)

    def settings(self) -> int:
        """Those that Programs are compiled for."""
        (settings,) = self.host.unpack(layout.I32, self.address + layout.SETTINGS_AT)
        return int(settings) & SETTINGS_COMPILED

    def capture(self) -> str:
        """What changes are captured (catalog/capture.py Capture.text)."""
        at, size = self.host.unpack(layout.CAPTURE, self.address + layout.CAPTURE_AT)
        return self.host.read(at, size).decode() if size else ""

    @property
    def has_captured(self) -> bool:
        """The transaction under way has changes that were captured."""
        (number,) = self.host.unpack(layout.I64, self.address + layout.CAPTURE_TXN_AT)
        return bool(number)

    def encoding(self) -> int:
        """UTF8, …: of all databases. Errors: SQLITE_ERROR when one has another encoding than main."""
        return int(self.host.function("connection_encoding")(self.address))

    def cookies(self) -> tuple[int, ...]:
        """The schema cookies by slot."""
        get = self.host.function("database_get")
        opened = self.opened()
        return tuple(get(self.address, slot, DB_SCHEMA_COOKIE) if opened[slot] else 0 for slot in range(N_SLOTS))

    def opened(self) -> tuple[int, ...]:
        """By slot, something else than 0 where a database is open. (The temp database is made when it is needed.)"""
        return self.host.unpack(layout.PAGERS, self.address + layout.PAGERS_AT)

    def databases(self) -> list[tuple[int, str]]:
        """(slot, name): main, temp, then the attached ones in order of attachment."""
        found = self.host.unpack(layout.NAMES, self.address + layout.NAMES_AT)
        names, sizes, orders = found[:N_SLOTS], found[N_SLOTS : 2 * N_SLOTS], found[2 * N_SLOTS :]
        attached = [slot for slot in range(TEMP_SLOT + 1, N_SLOTS) if names[slot]]
        attached.sort(key=lambda slot: orders[slot])
        read = self.host.read
        return [
            (0, "main"),
            (TEMP_SLOT, "temp"),
            *((slot, read(names[slot], sizes[slot]).decode("utf-8", "replace")) for slot in attached),
        ]

    def slot_of(self, name: str) -> int | None:
        """The slot of the open database that is called so; None: there is none."""
        key, opened = fold(name), self.opened()
        return next((slot for slot, known in self.databases() if fold(known) == key and opened[slot]), None)

    def files(self) -> tuple[str | None, ...]:
        """By slot, the file of a database as PRAGMA database_list shows it; None where none is open."""
        get = self.host.function("database_name")
        files: list[str | None] = []
        for slot, opened in enumerate(self.opened()):
            if opened:
                name = get(self.address, slot)
                raw = self.host.read(name & 0xFFFFFFFF, name >> 32) if name else b""
                files.append(shown(raw.decode("utf-8", "surrogateescape")))
            else:
                files.append(None)
        return tuple(files)

    def field(self, slot: int, field: int) -> int:
        """A DB_* field of a database. Errors: what reading the file raises."""
        return int(self.host.function("database_get")(self.address, slot, field))
