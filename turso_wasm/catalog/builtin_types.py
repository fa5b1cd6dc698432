"""The types that are there without CREATE TYPE: as CREATE TYPE would make them.

invalid: the message where `encode` makes NULL of a value. stored: what holds of the values that a column stores, for
SQLite's CHECK. compared: what stands for a value that is compared with stored ones, where that is not `encode`.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Builtin(NamedTuple):
    """See above; expressions of `value` and the parameters, as text."""

    sql: str
    invalid: str = ""
    stored: str = ""
    compared: str = ""


_TRUE: Final = "'true', 't', 'yes', 'y', 'on', '1', '1.0'"
_FALSE: Final = "'false', 'f', 'no', 'n', 'off', '0', '0.0'"
_BOOLEAN: Final = Builtin(
    f"BASE integer ENCODE CASE WHEN lower(value) IN ({_TRUE}) THEN 1 WHEN lower(value) IN ({_FALSE}) THEN 0 END",
    "invalid boolean value",
    "value IN (0, 1)",
)
_SMALL: Final = Builtin(
    "BASE integer ENCODE CASE WHEN CAST(value AS NUMERIC) BETWEEN -32768 AND 32767 THEN value END",
    "integer out of range for smallint",
    "value BETWEEN -32768 AND 32767",
)
_BIG: Final = Builtin("BASE integer")


def _moment(function: str, name: str) -> Builtin:
    return Builtin(
        f"BASE text ENCODE {function}(value)",
        f"invalid {name} value",
        f"value IS {function}(value)",
    )


def _address(function: str, name: str, least: str = "") -> Builtin:
    return Builtin(f"BASE text ENCODE {function}(value{least})", f"invalid {name} value")


BUILTIN_TYPES: Final[dict[str, Builtin]] = {
    "boolean": _BOOLEAN,
    "bool": _BOOLEAN,
    "bigint": _BIG,
    "int8": _BIG,
    "smallint": _SMALL,
    "int2": _SMALL,
    "varchar": Builtin(
        "(value, maxlen) BASE text ENCODE CASE WHEN length(value) <= maxlen THEN value END",
        "value too long for varchar",
        "length(value) <= maxlen",
    ),
    "date": _moment("date", "date"),
    "time": _moment("time", "time"),
    "timestamp": _moment("datetime", "timestamp"),
    "numeric": Builtin(
        "(value, precision, scale) BASE integer ENCODE numeric_scaled(value, precision, scale) "
        "DECODE numeric_shown(value, scale) OPERATOR '=' OPERATOR '<'",
        "invalid numeric value",
        "abs(value) < CAST('1e' || precision AS REAL)",
        "coalesce(numeric_exact(value, scale), numeric_compared(value, scale))",
    ),
    "uuid": Builtin(
        "BASE blob ENCODE CASE WHEN typeof(value) = 'blob' AND length(value) = 16 THEN value ELSE uuid_blob(value) END "
        "DECODE uuid_str(value) OPERATOR '=' OPERATOR '<'",
        "invalid uuid value",
        "length(value) = 16",
        "CASE WHEN typeof(value) = 'blob' THEN value ELSE uuid_blob(value) END",
    ),
    "inet": _address("inet_text", "inet"),
    "cidr": _address("cidr_text", "cidr"),
    "macaddr": _address("macaddr_text", "macaddr", ", 6"),
    "macaddr8": _address("macaddr_text", "macaddr8", ", 8"),
    "bytea": Builtin(
        "BASE blob ENCODE CASE WHEN typeof(value) = 'blob' THEN value WHEN value LIKE '\\x%' THEN "
        "unhex(substr(value, 3)) ELSE CAST(value AS BLOB) END",
        "invalid bytea value",
    ),
    "json": Builtin("BASE text ENCODE json(value)", "invalid json value", "json_valid(value)"),
    "jsonb": Builtin("BASE blob ENCODE jsonb(value) DECODE json(value)", "invalid jsonb value", "json_valid(value, 4)"),
}
