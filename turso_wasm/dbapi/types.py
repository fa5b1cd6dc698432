"""Values of other types: adapters on the way in, converters on the way out, and the constructors of PEP 249."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Sequence
from typing import Any

from turso_wasm.dbapi.arguments import sql_text, text, wrong_type
from turso_wasm.dbapi.deprecations import warn_of_default
from turso_wasm.dbapi.errors import ProgrammingError

PARSE_DECLTYPES = 1
PARSE_COLNAMES = 2

Binary = memoryview
Date = datetime.date
Time = datetime.time
Timestamp = datetime.datetime


def DateFromTicks(ticks: float) -> datetime.date:
    """The local date of a time in seconds since 1970."""
    return datetime.date(*time.localtime(ticks)[:3])


def TimeFromTicks(ticks: float) -> datetime.time:
    """The local time of day of a time in seconds since 1970."""
    return datetime.time(*time.localtime(ticks)[3:6])


def TimestampFromTicks(ticks: float) -> datetime.datetime:
    """The local date and time of a time in seconds since 1970."""
    return datetime.datetime(*time.localtime(ticks)[:6])


class PrepareProtocol:
    """What `__conform__` is asked for."""


adapted_plain: set[type] = set()
"""Plain types that adapters were registered for."""
PLAIN = frozenset((int, float, str, bytes, bytearray, memoryview, type(None), bool))

adapters: dict[tuple[type, Any], Callable[[Any], Any]] = {}
"""What was registered: by type, and protocol (PrepareProtocol)."""
converters: dict[str, Callable[[bytes], Any]] = {}
"""What was registered: by the name in upper case."""


def register_adapter(kind: type, adapter: Callable[[Any], Any]) -> None:
    """Bind values of `kind` as what `adapter` makes of them."""
    if not isinstance(kind, type):
        raise wrong_type("register_adapter() argument 1", "type", kind)
    if kind in PLAIN:
        adapted_plain.add(kind)
    adapters[kind, PrepareProtocol] = adapter


def complete_statement(statement: str) -> bool:
    """True if the text ends with a whole statement (a `;` outside of strings and triggers), so that a shell need not
    ask for more lines. Errors: TypeError.
    """
    from turso_wasm.sql.complete import is_complete

    return is_complete(text(statement, "complete_statement() argument 'statement'"))


def register_converter(name: str, converter: Callable[[bytes], Any]) -> None:
    """Turn values of columns declared as `name` (see `detect_types`) into what `converter` makes of their bytes."""
    converters[sql_text(name, "register_converter() argument 1").upper()] = converter


def adapted(values: Sequence[Any]) -> Sequence[Any]:
    """The parameters with adapters applied to everything that is not of a plain type."""
    if PLAIN.issuperset(map(type, values)) and not adapted_plain:
        return values
    plain = PLAIN - adapted_plain
    return [value if type(value) in plain else _adapt(value) for value in values]


def _adapt(value: Any) -> Any:
    return adapt(value, PrepareProtocol, value)


_NOTHING = object()


def adapt(value: Any, protocol: Any = PrepareProtocol, alternate: Any = _NOTHING, /) -> Any:
    """What an adapter, or the value's or the protocol's own method, makes of a value; `alternate` if there is none.

    Errors: ProgrammingError without an alternate; what the adapter raises.
    """
    adapter = adapters.get((type(value), protocol))
    if adapter is not None:
        return adapter(value)
    for owner, method, other in ((protocol, "__adapt__", value), (value, "__conform__", protocol)):
        own = getattr(owner, method, None)
        if own is None:
            continue
        try:
            result = own(other)
        except TypeError:  # as the sqlite3 module takes it
            continue
        if result is not None:
            return result
    if alternate is _NOTHING:
        raise ProgrammingError("can't adapt")
    return alternate


def find_converter(detect_types: int, name: str, decltype: str | None) -> Callable[[bytes], Any] | None:
    """The converter for a result column: by `name [type]` first, then by the first word of its declared type."""
    if detect_types & PARSE_COLNAMES and "[" in name:
        found = converters.get(name.rpartition("[")[2].partition("]")[0].upper())
        if found is not None:
            return found
    if detect_types & PARSE_DECLTYPES and decltype:
        return converters.get(decltype.split("(")[0].split(" ")[0].upper())
    return None


def converted(row: tuple[Any, ...], converters: Sequence[Callable[[bytes], Any] | None]) -> tuple[Any, ...]:
    """The row with converters applied to the columns that have one; as in the sqlite3 module, what is empty is None."""
    return tuple(
        value if convert is None or value is None else convert(raw) if (raw := _as_bytes(value)) else None
        for value, convert in zip(row, converters, strict=True)
    )


def _as_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def _convert_timestamp(raw: bytes) -> datetime.datetime:
    warn_of_default("timestamp converter")
    day, clock = raw.split(b" ")
    year, month, date = map(int, day.split(b"-"))
    whole, _, fraction = clock.partition(b".")
    hours, minutes, seconds = map(int, whole.split(b":"))
    micro = int(f"{fraction.decode():0<6.6}") if fraction else 0
    return datetime.datetime(year, month, date, hours, minutes, seconds, micro)


def _convert_date(raw: bytes) -> datetime.date:
    warn_of_default("date converter")
    return datetime.date(*map(int, raw.split(b"-")))


def _adapt_date(value: datetime.date) -> str:
    warn_of_default("date adapter")
    return value.isoformat()


def _adapt_datetime(value: datetime.datetime) -> str:
    warn_of_default("datetime adapter")
    return value.isoformat(" ")


register_adapter(datetime.date, _adapt_date)
register_adapter(datetime.datetime, _adapt_datetime)
register_converter("date", _convert_date)
register_converter("timestamp", _convert_timestamp)
