"""Database names: plain paths, and `file:` URIs (https://sqlite.org/uri.html)."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.kernel.abi import OPEN_CREATE, OPEN_READONLY
from turso_wasm.runtime.keys import checked_cipher

_MODES = {"ro": 0, "rw": 1, "rwc": 2, "memory": 2}
_ALLOWS = {(True, False): 0, (True, True): 0, (False, False): 1, (False, True): 2}  # by readonly, create
SQLITE_PERM = 3


@dataclass(slots=True)
class Location:
    """Where a database is and how it is to be opened. `path` may be ":memory:" or "" (temporary)."""

    path: str
    readonly: bool = False
    create: bool = True
    vfs: str | None = None
    immutable: bool = False  # nobody changes it: no locks, journals and logs are not looked at
    nolock: bool = False  # others are kept from it otherwise
    memory: bool = False  # mode=memory
    cache: str = ""
    key: str = ""  # of an encrypted database, as runtime/keys.py has it
    cipher: str = ""  # Turso's name of it: a database that is made has Turso's format
    shared_memory: str | None = None  # name of an in-memory database that connections share


def parse_location(
    database: str | bytes | os.PathLike[str] | os.PathLike[bytes], uri: bool, flags: int = OPEN_CREATE
) -> Location:
    """What `connect(database, uri=…)` means. flags: OPEN_READONLY, OPEN_CREATE unless the URI says otherwise.

    Errors: SqlError for a URI that is none.
    """
    name = os.fsdecode(database)
    plain = Location(name, readonly=bool(flags & OPEN_READONLY), create=bool(flags & OPEN_CREATE))
    if not uri or not name.startswith("file:"):
        return plain
    rest, _, _fragment = name[5:].partition("#")
    path, _, query = rest.partition("?")
    if path.startswith("//"):
        authority, slash, path = path[2:].partition("/")
        if authority not in ("", "localhost"):
            raise SqlError(SQLITE_ERROR, f"invalid uri authority: {authority}")
        path = slash + path
    path = _decoded(path)
    if sys.platform == "win32" and len(path) > 2 and path[0] == "/" and path[2] == ":":
        path = path[1:]
    located = replace(plain, path=path)
    for part in query.split("&") if query else ():
        key, _, value = part.partition("=")
        _apply(located, _decoded(key), _decoded(value))
    return _in_memory(located)


def _decoded(text: str) -> str:
    """Without escapes; what follows a NUL is left out."""
    from urllib.parse import unquote

    return unquote(text, errors="surrogateescape").partition("\0")[0]


def _apply(location: Location, key: str, value: str) -> None:
    """Do what one parameter says; others than these mean nothing. Errors: SqlError."""
    if key == "mode":
        if value not in _MODES:
            raise SqlError(SQLITE_ERROR, f"no such access mode: {value}")
        wanted = _MODES[value]
        if value != "memory" and wanted > _ALLOWS[location.readonly, location.create]:
            raise SqlError(SQLITE_PERM, f"access mode not allowed: {value}")
        location.memory = value == "memory"
        location.readonly, location.create = wanted == 0, wanted == 2
    elif key == "cache":
        if value not in ("shared", "private"):
            raise SqlError(SQLITE_ERROR, f"no such cache mode: {value}")
        location.cache = value
    elif key == "immutable":
        location.immutable = _is_true(value)
    elif key == "nolock":
        location.nolock = _is_true(value)
    elif key == "vfs":
        location.vfs = value
    elif key == "key":
        location.key = value
    elif key == "hexkey":
        location.key = f"x'{value}'" if value else ""
    elif key == "cipher":
        location.cipher = checked_cipher(value)


def _is_true(value: str) -> bool:
    """Whether a parameter says yes: on, yes, true, or a number that begins with another digit than 0."""
    return value.lower() in ("on", "yes", "true") or (value[:1].isdigit() and value.lstrip("0")[:1].isdigit())


def _in_memory(location: Location) -> Location:
    """The location of a database in memory, if it is that of one."""
    if location.immutable:
        location.readonly = True
    if location.memory or location.path == ":memory:":
        if location.cache == "shared" and location.path:
            location.shared_memory = location.path
        location.path = ":memory:"
    if location.vfs == "memdb":
        location.vfs = None
        location.shared_memory = location.path if location.path.startswith("/") else None
        location.path = ":memory:"
    return location
