"""Values and errors as Hrana's JSON has them.

Source: The Hrana protocol specification, version 3, "Shared structures".
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any, Final

from turso_wasm.base.errors import SqlError

Json = dict[str, Any]

_MIN, _MAX = -(1 << 63), (1 << 63) - 1
_INFINITY: Final = b'"value":Infinity'  # what json writes, which is no JSON; quotes within strings have backslashes
_NEGATIVE: Final = b'"value":-Infinity'


class ProtocolError(Exception):
    """A request that is none; `code` is for programs."""

    def __init__(self, message: str, code: str = "PROTOCOL_ERROR") -> None:
        super().__init__(message)
        self.message, self.code = message, code


def error_json(error: SqlError | ProtocolError | MemoryError) -> Json:
    """The structure Error."""
    if isinstance(error, SqlError):
        return {"message": error.message, "code": error.name}
    if isinstance(error, ProtocolError):
        return {"message": error.message, "code": error.code}
    return {"message": "out of memory", "code": "SQLITE_NOMEM"}


def value_json(value: Any) -> Json:
    """The structure Value of a value of SQL. Integers are texts, so that nobody rounds them."""
    match value:
        case None:
            return {"type": "null"}
        case int():
            return {"type": "integer", "value": str(value)}
        case float():
            return {"type": "float", "value": value}
        case str():
            return {"type": "text", "value": value}
        case _:
            return {"type": "blob", "base64": base64.b64encode(value).decode()}


def value_of(found: Any) -> Any:
    """Inverse of value_json. Errors: ProtocolError."""
    match found:
        case {"type": "null"}:
            return None
        case {"type": "integer", "value": str() | int() as value} if not isinstance(value, bool):
            return _integer(value)
        case {"type": "float", "value": int() | float() as value} if not isinstance(value, bool):
            return _real(value)
        case {"type": "text", "value": str() as value}:
            return value
        case {"type": "blob", "base64": str() as value}:
            return _blob(value)
    raise ProtocolError(f"not a value: {json.dumps(found)[:200]}")


def _integer(value: str | int) -> int:
    try:
        number = int(value)
    except ValueError:
        raise ProtocolError(f"not an integer: {value[:50]!r}") from None  # type: ignore[index]  # a number has no error
    if not _MIN <= number <= _MAX:
        raise ProtocolError(f"integer out of range: {number}")
    return number


def _real(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return math.copysign(math.inf, value)
    return None if math.isnan(number) else number


def _blob(value: str) -> bytes:
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), validate=True)  # some clients leave the padding out
    except binascii.Error:
        raise ProtocolError("not base64") from None


def encoded(found: Json) -> bytes:
    """JSON as it is sent. An infinity is a number that is too large for a float, which every reader takes for it."""
    raw = json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return raw.replace(_INFINITY, b'"value":1e999').replace(_NEGATIVE, b'"value":-1e999')
