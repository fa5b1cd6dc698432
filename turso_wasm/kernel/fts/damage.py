"""What is raised when a full-text index does not hold together, or cannot do what it is told."""

from turso_wasm.kernel.base.errors import SQLITE_CORRUPT_VTAB, SQLITE_ERROR, raise_error
from turso_wasm.wasm.lang import lit

__subset__ = True


def fts_corrupt() -> None:
    """Raise SQLITE_CORRUPT_VTAB."""
    raise_error(SQLITE_CORRUPT_VTAB, *lit(b"database disk image is malformed"))


def raise_logic() -> None:
    """Raise "SQL logic error": for what cannot be done with the table."""
    raise_error(SQLITE_ERROR, *lit(b"SQL logic error"))
