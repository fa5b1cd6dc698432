"""One value as text: as an SQL literal, in CSV, JSON, HTML, Tcl, or as it is.

TEXT is `str`, with surrogate escapes for what is no UTF-8, so that writing it gives the bytes that are stored.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from turso_wasm.sql.keywords import KEYWORDS
from turso_wasm.values.numbers import real_to_text

Value: TypeAlias = int | float | str | bytes | None
Rendering: TypeAlias = Callable[[str], str]

ENCODING_ERRORS: Final = "surrogateescape"

_CONTROL = re.compile(r"[\x01-\x1f]")
_UNSAFE = re.compile(r"\r(?!\n)|[\x01-\x08\x0b\x0c\x0e-\x1f]")  # all but TAB, LF and CR LF
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_TO_ESCAPE = re.compile(r"[\x00-\x1f'\ud800-\udfff]")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CSV_PLAIN = re.compile(r"[!#-&(-+\-.-~]+")
_LOOKS_LIKE_NUMBER = re.compile(r"\s*[-+]?(?:\d|\.\d|inf|nan)", re.IGNORECASE)
_HTML = str.maketrans({"<": "&lt;", "&": "&amp;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_TCL = str.maketrans(
    {
        "\\": "\\\\",
        '"': '\\"',
        "\t": "\\t",
        "\n": "\\n",
        "\r": "\\r",
        "\f": "\\f",
        "\v": "\\v",
        "\b": "\\b",
        "\a": "\\a",
    }
)


def name(text: str) -> str:
    """An identifier as it can stand in SQL: bare where that is possible."""
    if _PLAIN_NAME.fullmatch(text) and text.upper() not in KEYWORDS:
        return text
    return '"' + text.replace('"', '""') + '"'


def quoted_name(text: str) -> str:
    """An identifier in double quotes."""
    return '"' + text.replace('"', '""') + '"'


def sql_text(text: str) -> str:
    """A TEXT as an SQL literal; control characters are escaped, for `unistr`."""
    if _CONTROL.search(text):
        escaped = text.replace("\\", "\\\\").replace("'", "''")
        return "unistr('" + _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", escaped) + "')"
    return "'" + text.replace("'", "''") + "'"


def sql_text_raw(text: str) -> str:
    """A TEXT as an SQL literal, control characters as they are."""
    return "'" + text.replace("'", "''") + "'"


def sql_literal(value: Value) -> str:
    """Any value as an SQL literal."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return sql_text(value)
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    return number(value, infinity="9.0e+999")


def stored_literal(value: Value) -> str:
    """Any value as an SQL literal that gives it again, bytes of a TEXT that are no UTF-8 and NULs included."""
    return _STORED[type(value)](value)


def _stored_text(value: str) -> str:
    if not _TO_ESCAPE.search(value):  # most: a dump spends its time here
        return f"'{value}'"
    if "\0" in value or _SURROGATE.search(value):
        return f"CAST(X'{value.encode('utf-8', ENCODING_ERRORS).hex()}' AS TEXT)"
    return sql_text(value)


def _stored_real(value: float) -> str:
    return number(value, "1e999")


def number(value: int | float, infinity: str = "Inf") -> str:
    """A number as SQLite prints it."""
    if isinstance(value, float):
        if math.isinf(value):
            return infinity if value > 0 else "-" + infinity
        return real_to_text(value)
    return str(value)


_STORED: Final[dict[type, Callable[[Any], str]]] = {
    int: str,
    float: _stored_real,
    str: _stored_text,
    bytes: sql_literal,
    type(None): sql_literal,
}


def c_string(text: str) -> str:
    """A TEXT as far as it is shown: to its first NUL."""
    return text.partition("\0")[0]


def blob_text(blob: bytes) -> str:
    """A BLOB's bytes as text."""
    return blob.decode("utf-8", ENCODING_ERRORS)


def relaxed(text: str) -> str:
    """A TEXT as it is, or as an SQL literal where it could be taken for something else."""
    plain = text and text == text.strip() and text.isprintable() and text[0] not in "'\"" and text.upper() != "NULL"
    return text if plain and not _LOOKS_LIKE_NUMBER.match(text) else sql_text(text)


def csv(text: str, separator: str = ",") -> str:
    """A field of RFC 4180; whatever is not plainly printable stands in quotes."""
    return text if _CSV_PLAIN.fullmatch(text) and separator not in text else '"' + text.replace('"', '""') + '"'


def html(text: str) -> str:
    """Text in HTML."""
    return text.translate(_HTML)


def tcl(text: str) -> str:
    """A string in Tcl, C, Perl."""
    return '"' + _CONTROL.sub(lambda found: f"\\{ord(found[0]):03o}", text.translate(_TCL)) + '"'


def tcl_blob(blob: bytes) -> str:
    """A BLOB as such a string, every byte in octal."""
    return '"' + "".join([f"\\{byte:03o}" for byte in blob]) + '"'


def json_text(text: str) -> str:
    """A string in JSON."""
    return json.dumps(text, ensure_ascii=False)


def json_blob(blob: bytes) -> str:
    """A BLOB as a string in JSON, every byte a character."""
    return '"' + "".join([f"\\u{byte:04x}" for byte in blob]) + '"'


def escape_ascii(text: str) -> str:
    """Control characters as ^G; TAB, LF and CR LF stay."""
    return _UNSAFE.sub(lambda found: "^" + chr(ord(found[0]) + 0x40), text)


def escape_symbol(text: str) -> str:
    """Control characters as U+2400 and what follows; TAB, LF and CR LF stay."""
    return _UNSAFE.sub(lambda found: chr(ord(found[0]) + 0x2400), text)


def same(text: str) -> str:
    """As it is."""
    return text


ESCAPES: Final[dict[str, Rendering]] = {
    "auto": escape_ascii,
    "ascii": escape_ascii,
    "symbol": escape_symbol,
    "off": same,
}
TEXTS: Final[dict[str, Rendering]] = {
    "off": same,
    "sql": sql_text,
    "relaxed": relaxed,
    "csv": csv,
    "html": html,
    "tcl": tcl,
    "json": json_text,
}
BLOBS: Final[dict[str, Callable[[bytes], str]]] = {
    "text": blob_text,
    "sql": lambda blob: f"x'{blob.hex()}'",
    "hex": bytes.hex,
    "tcl": tcl_blob,
    "json": json_blob,
    "size": lambda blob: f"({len(blob)}-byte blob)",
}
