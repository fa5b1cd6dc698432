"""Database names: plain paths, and `file:` URIs (https://sqlite.org/uri.html)."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from urllib.parse import unquote

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.kernel.abi import OPEN_CREATE, OPEN_READONLY

_MODES = ("ro", "rw", "rwc", "memory")


@dataclass(slots=True)
class Location:
    """Where a database is and how it is to be opened. `path` may be ":memory:" or "" (temporary)."""

    path: str
    readonly: bool = False
    create: bool = True
    vfs: str | None = None
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
    path = unquote(path, errors="surrogateescape")
    if sys.platform == "win32" and len(path) > 2 and path[0] == "/" and path[2] == ":":
        path = path[1:]
    options = {}
    for part in query.split("&") if query else ():
        key, _, value = part.partition("=")
        options[unquote(key)] = unquote(value)
    return _with_options(replace(plain, path=path), options)


def _with_options(location: Location, options: dict[str, str]) -> Location:
    mode = options.get("mode")
    if mode is not None:
        if mode not in _MODES:
            raise SqlError(SQLITE_ERROR, f"no such access mode: {mode}")
        location.readonly = mode == "ro"
        location.create = mode in ("rwc", "memory")
    cache = options.get("cache")
    if cache not in (None, "shared", "private"):
        raise SqlError(SQLITE_ERROR, f"no such cache mode: {cache}")
    if options.get("immutable", "0") not in ("0", "off", "false", "no"):
        location.readonly = True
    location.vfs = options.get("vfs")
    if mode == "memory" or location.path == ":memory:":
        if cache == "shared" and location.path:
            location.shared_memory = location.path
        location.path = ":memory:"
    if location.vfs == "memdb":
        location.vfs = None
        location.shared_memory = location.path if location.path.startswith("/") else None
        location.path = ":memory:"
    return location
