"""What the `sqlite3` module of newer versions of Python warns about, on these versions."""

from __future__ import annotations

import os
import sys
import warnings
from typing import Any

WARNS = sys.version_info >= (3, 12)

_PACKAGE = os.path.dirname(os.path.dirname(__file__))
_CONNECT = (
    "Passing more than 1 positional argument to sqlite3.connect() is deprecated. Parameters 'timeout', 'detect_types', "
    "'isolation_level', 'check_same_thread', 'factory', 'cached_statements' and 'uri' will become keyword-only "
    "parameters in Python 3.15."
)


def deprecated(message: str) -> None:
    """Warn whoever called this package."""
    if sys.version_info >= (3, 12):
        warnings.warn(message, DeprecationWarning, skip_file_prefixes=(_PACKAGE,))


def warn_of_positions(args: tuple[Any, ...]) -> None:
    """Of arguments to `connect`."""
    if len(args) > 1:
        deprecated(_CONNECT)


def warn_of_default(what: str) -> None:
    """Of an adapter or converter that was not registered by the user."""
    deprecated(
        f"The default {what} is deprecated as of Python 3.12; see the sqlite3 documentation for suggested replacement "
        "recipes"
    )


def warn_of_names(names: tuple[str | None, ...]) -> None:
    """Of named parameters that are given as a sequence."""
    for at, name in enumerate(names):
        if name is not None and name[0] != "?":
            deprecated(
                f"Binding {at + 1} ('{name}') is a named parameter, but you supplied a sequence which requires nominal "
                "(qmark) placeholders. Starting with Python 3.14 an sqlite3.ProgrammingError will be raised."
            )


def warn_of_leak(connection: object) -> None:
    """Of a connection that nobody has closed."""
    if sys.version_info >= (3, 13):
        warnings.warn(f"unclosed database in {connection!r}", ResourceWarning, stacklevel=2, source=connection)
