"""The exceptions of PEP 249, and the one table from result codes to them.

As in the `sqlite3` module every exception that comes from the engine has `sqlite_errorcode` (the extended code) and
`sqlite_errorname`. Only this module translates SqlError.
"""

from __future__ import annotations

from typing import NoReturn

from turso_wasm.base.errors import SqlError


class Warning(Exception):
    """PEP 249 Warning."""


class Error(Exception):
    """Base of all errors. `sqlite_errorcode` and `sqlite_errorname` are None for errors of the interface itself."""

    sqlite_errorcode: int | None = None
    sqlite_errorname: str | None = None
    span: tuple[int, int] | None = None  # characters of the SQL text the error points at


class InterfaceError(Error):
    """The interface was used wrongly in a way the engine noticed (SQLITE_MISUSE, SQLITE_RANGE)."""


class DatabaseError(Error):
    """An error of the database."""


class InternalError(DatabaseError):
    """The engine got into a state it should not be in."""


class OperationalError(DatabaseError):
    """Errors of operation: locks, I/O, a full disk, SQL that does not fit the schema."""


class ProgrammingError(DatabaseError):
    """The interface was used wrongly."""


class IntegrityError(DatabaseError):
    """A constraint failed."""


class DataError(DatabaseError):
    """A value is too large."""


class NotSupportedError(DatabaseError):
    """Not supported by the database."""


_CLASSES: dict[int, type[Exception]] = {
    2: InternalError,  # SQLITE_INTERNAL
    12: InternalError,  # NOTFOUND
    7: MemoryError,
    **dict.fromkeys((1, 3, 4, 5, 6, 8, 9, 10, 13, 14, 15, 16, 17), OperationalError),
    11: DatabaseError,  # CORRUPT
    18: DataError,  # TOOBIG
    19: IntegrityError,  # CONSTRAINT
    20: IntegrityError,  # MISMATCH
    21: InterfaceError,  # MISUSE
    25: InterfaceError,  # RANGE
}


def translated(error: SqlError) -> Exception:
    """The PEP 249 exception for an engine error."""
    kind = _CLASSES.get(error.primary_code, DatabaseError)
    made = kind(error.message)
    if isinstance(made, Error):
        made.sqlite_errorcode = error.code
        made.sqlite_errorname = error.name
        made.span = error.span
    return made


def fail(error: SqlError) -> NoReturn:
    """Raise the PEP 249 exception for an engine error; its cause is what code of the user's raised, if that was it."""
    raise translated(error) from (error.__cause__ or error)
