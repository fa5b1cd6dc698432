"""Keys of encrypted databases as users give them, and the PRAGMAs that take one.

`PRAGMA key = 'passphrase'`, `PRAGMA key = "x'64 hexadecimal digits'"` or `PRAGMA hexkey = '…'` give the key of a
database before it is used; `PRAGMA cipher = 'aegis256'` before it says that one that is made has Turso's format.
`PRAGMA rekey` and `PRAGMA hexrekey` are `VACUUM schema KEY key` (kernel/session/rekey.py).

Such a text is never compiled, cached or shown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.catalog.names import quote_identifier

if TYPE_CHECKING:  # of the compiler, which a process imports when it compiles something
    from turso_wasm.sql.lexer import Tokens

Key = str | bytes | bytearray | memoryview | None

KEY_SIZE = 32
FORMAT_OURS, FORMAT_TURSO = 0, 1
CIPHERS = frozenset(("aegis256",))
NAMES = frozenset(("key", "hexkey", "rekey", "hexrekey", "cipher"))

_HEX_NAMES = ("hexkey", "hexrekey")
_KEY_CLAUSE = re.compile(r"\bKEY\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class KeyPragma:
    """One of the PRAGMAs. value: a key as the kernel takes it, or the cipher's name; None: it was only asked."""

    name: str
    schema: str
    value: str | None

    @property
    def shown(self) -> str:
        """What may be told of the statement."""
        return f"PRAGMA {self.name}"

    @property
    def vacuum(self) -> str | None:
        """The statement that a change of the key is."""
        if not self.name.endswith("rekey") or self.value is None:
            return None
        quoted = self.value.replace("'", "''")
        return f"VACUUM {quote_identifier(self.schema)} KEY '{quoted}'"


def key_pragma(tokens: Tokens) -> KeyPragma | None:
    """What a statement says of a key; None when it is about something else. Errors: SqlError."""
    if tokens.kinds[0] != "PRAGMA" or NAMES.isdisjoint(text.strip("'\"`[]").lower() for text in tokens.texts[1:4]):
        return None
    from turso_wasm.sql import ast
    from turso_wasm.sql.parser import parse_tokens

    statement = parse_tokens(tokens)
    if not isinstance(statement, ast.Pragma) or statement.name.lower() not in NAMES:
        return None
    name, value = statement.name.lower(), statement.value
    if name == "cipher" and value is not None:
        value = checked_cipher(value)
    elif name in _HEX_NAMES and value:
        value = f"x'{value}'"
    return KeyPragma(name, statement.schema or "main", value)


def checked_cipher(name: str) -> str:
    """The cipher's name. Errors: SqlError when there is none of that name."""
    if name.lower() not in CIPHERS:
        raise SqlError(SQLITE_ERROR, f"no such cipher: {name}")
    return name.lower()


def key_text(key: Key) -> str:
    """A key as the kernel takes it: 32 bytes are the key itself, a text a passphrase or x'…'. Nothing: "".

    Errors: TypeError, ValueError (UnicodeEncodeError).
    """
    if key is None:
        return ""
    if isinstance(key, str):
        if "\0" in key:
            raise ValueError("a passphrase has no null character")
        key.encode()
        return key
    if not isinstance(key, (bytes, bytearray, memoryview)):
        raise TypeError(f"a key is str, bytes or None, not {type(key).__name__}")
    raw = bytes(key)
    if raw and len(raw) != KEY_SIZE:
        raise ValueError(f"a key has {KEY_SIZE} bytes, not {len(raw)}; a passphrase is a str")
    return f"x'{raw.hex()}'" if raw else ""


def without_key(text: str) -> str:
    """The text of an ATTACH or VACUUM that has a KEY clause, without the key."""
    clauses = list(_KEY_CLAUSE.finditer(text))
    return f"{text[: clauses[0].end()]} …" if clauses else text
