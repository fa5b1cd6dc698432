"""What the `sqlite3` module of newer versions of Python warns about, on these versions."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

WARNS = sys.version_info >= (3, 12)
WARNS_OF_NAMES = sys.version_info >= (3, 13)

_PACKAGE = os.path.dirname(os.path.dirname(__file__))
_POSITIONS = (
    "Passing more than 1 positional argument to {}() is deprecated. Parameters 'timeout', 'detect_types', "
    "'isolation_level', 'check_same_thread', 'factory', 'cached_statements' and 'uri' will become keyword-only "
    "parameters in Python 3.15."
)


def deprecated(message: str) -> None:
    """Warn whoever called this package."""
    if sys.version_info >= (3, 12):
        warnings.warn(message, DeprecationWarning, skip_file_prefixes=(_PACKAGE,))


def warn_of_positions(function: str, args: tuple[Any, ...]) -> None:
    """Of arguments to `connect`, or to Connection."""
    if len(args) > 1:
        deprecated(_POSITIONS.format(function))


def soon_by_name(function: F) -> F:
    """Connection.__init__: all but its first argument will be given by name."""
    if not WARNS:
        return function

    @wraps(function)
    def warning(self: Any, *args: Any, **more: Any) -> Any:
        warn_of_positions("_sqlite3.Connection", args)
        return function(self, *args, **more)

    return cast(F, warning)


def soon_by_position(*names: str) -> Callable[[F], F]:
    """A method of a connection whose first arguments, called so, will not be given by name (Python 3.13)."""

    def decorate(function: F) -> F:
        if not WARNS_OF_NAMES:
            return function
        many = "s" if len(names) > 1 else ""
        quoted = [f"'{name}'" for name in names]
        listed = ", ".join(quoted[:-1]) + " and " + quoted[-1] if many else quoted[0]
        message = (
            f"Passing keyword argument{many} {listed} to _sqlite3.Connection.{function.__name__}() is deprecated. "
            f"Parameter{many} {listed} will become positional-only in Python 3.15."
        )

        @wraps(function)
        def warning(*args: Any, **more: Any) -> Any:
            if not more.keys().isdisjoint(names):
                deprecated(message)
            return function(*args, **more)

        return cast(F, warning)

    return decorate


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
