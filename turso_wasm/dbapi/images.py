"""Whole databases: `serialize`, `deserialize`, `backup`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from turso_wasm.base.errors import SQLITE_BUSY, SQLITE_LOCKED, SqlError
from turso_wasm.dbapi import arguments
from turso_wasm.dbapi.errors import NotSupportedError, OperationalError, fail
from turso_wasm.runtime.image import read_image, replace_by_memory, write_image

if TYPE_CHECKING:
    from turso_wasm.dbapi.connection import Connection
    from turso_wasm.runtime.connection import HostConnection


class Imaged:
    """Base of Connection."""

    _runtime: HostConnection

    def _check(self) -> None:
        raise NotImplementedError

    def serialize(self, *, name: str = "main") -> bytes:
        """A database as the bytes of a database file. Errors: OperationalError when there is none of that name."""
        self._check()
        slot = self._slot_of(name, "serialize", "unable to serialize '{}'")
        try:
            return read_image(self._runtime, slot)
        except SqlError as error:
            fail(error)

    def deserialize(self, data: bytes | bytearray | memoryview, /, *, name: str = "main") -> None:
        """Disconnect from the database and go on with one in memory that has the content `data`.

        Errors: OperationalError inside a transaction or while statements run; DatabaseError when `data` is no database.
        """
        self._check()
        if self._slot_of(name, "deserialize"):
            raise NotSupportedError(f"deserialize() into '{name}': only the main database can be replaced")
        try:
            with memoryview(data) as view:
                if not view.c_contiguous:
                    raise BufferError("memoryview: underlying buffer is not C-contiguous")
                image = view.tobytes()
        except TypeError:
            raise TypeError(f"a bytes-like object is required, not '{type(data).__name__}'") from None
        try:
            replace_by_memory(self._runtime, image)
        except SqlError as error:
            fail(error)

    def fork(self, **options: Any) -> Connection:
        """A connection to a database in memory that begins as the main database is now. options: of `connect`.

        Errors: OperationalError inside a transaction.
        """
        self._check()
        connection = cast("Connection", self)
        if connection.in_transaction:
            raise OperationalError("cannot fork within a transaction")
        image = self.serialize()
        forked = type(connection)(":memory:", **options)
        if image:
            forked.deserialize(image)
        return forked

    def backup(
        self,
        target: Connection,
        *,
        pages: int = -1,
        progress: Callable[[int, int, int], object] | None = None,
        name: str = "main",
        sleep: float = 0.25,
    ) -> None:
        """Copy a database into `target`, `pages` at a time (all at once below 1), which commits them together.

        progress(status, pages left, pages in all) is called after each step, with status 0 and in the end 101. When the
        database has changed between steps, the copy begins anew. sleep: seconds to wait while the database is locked.
        """
        self._check()
        if not isinstance(target, Imaged):
            raise arguments.wrong_type("backup() argument 'target'", "turso_wasm.Connection", target)
        if target is self:
            raise ValueError("target cannot be the same connection instance")
        step, delay = arguments.integer(pages), arguments.real(sleep)
        if progress is not None and not callable(progress):
            raise TypeError("progress argument must be a callable")
        target._check()
        is_empty = name.lower() == "temp" and self._runtime.slot_of("temp") is None if isinstance(name, str) else False
        slot = None if is_empty else self._slot_of(name, "backup")
        if target.in_transaction:
            raise OperationalError("target is in transaction")
        try:
            image = b"" if slot is None else self._image(slot, delay)
            total = _page_count(image)
            done = step if step > 0 else total
            while progress is not None and done < total:
                progress(0, total - done, total)
                self._check()
                target._check()
                again = b"" if slot is None else self._image(slot, delay)
                if again != image:
                    image, total, done = again, _page_count(again), 0
                done += step
            if image:
                write_image(target._runtime, image, None)
        except SqlError as error:
            fail(error)
        if progress is not None:
            progress(101, 0, total)

    def _image(self, slot: int, delay: float) -> bytes:
        """The pages of a database, as soon as nobody writes. Errors: SqlError."""
        while True:
            try:
                return read_image(self._runtime, slot)
            except SqlError as error:
                if error.primary_code not in (SQLITE_BUSY, SQLITE_LOCKED):
                    raise
            time.sleep(delay)

    def _slot_of(self, name: str, function: str, unknown: str = "unknown database {}") -> int:
        slot = self._runtime.slot_of(arguments.text(name, f"{function}() argument 'name'"))
        if slot is None:
            raise OperationalError(unknown.format(name))
        return slot


def _page_count(image: bytes) -> int:
    """The pages of a database's image."""
    size = int.from_bytes(image[16:18], "big")
    return len(image) // (65536 if size == 1 else size) if image else 0
