"""Python in a browser: databases in the origin private file system.

    import turso_wasm as turso
    connection = await turso.connect_async("app.db")   # in a worker
    connection.execute("…")                            # as always
    connection.close()                                 # or leave it to the garbage collector

Owning a file there has to be awaited; from then on everything is synchronous, and a commit is durable when it
returns. The file is given up with its last connection. In a page's main thread, and in Node, there is no such file
system: `connect(":memory:")`, or paths of Emscripten's file systems.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from weakref import WeakKeyDictionary

from turso_wasm import dbapi
from turso_wasm.base.errors import SqlError
from turso_wasm.dbapi.errors import fail

if TYPE_CHECKING:
    from turso_wasm.runtime.hosts.pyodide import PyodideHost

_names: WeakKeyDictionary[dbapi.Connection, str] = WeakKeyDictionary()


def _host() -> PyodideHost:
    if str(sys.platform) != "emscripten":  # str: type checkers must not decide this on their own machine
        raise dbapi.NotSupportedError("the origin private file system exists in browsers only: use connect()")
    from turso_wasm.runtime.hosts import pyodide

    return pyodide.process_host()


async def connect_async(name: str, *, create: bool = True, **options: Any) -> dbapi.Connection:
    """Open or create a database in the origin private file system. options: as `connect`.

    name: a path below the origin's root, or ":memory:". Errors: OperationalError when another tab or worker has it
    open ("database is locked"), when it does not exist and `create` is false, or where there is no such file system.
    """
    if name == ":memory:":
        return dbapi.connect(name, **options)
    host = _host()
    try:
        await host.acquire(name, create)
    except SqlError as error:
        fail(error)
    try:
        connection = dbapi.connect(f"file:{quote(name)}?vfs=opfs", uri=True, **options)
    except BaseException:
        await host.release(name)
        raise
    _names[connection] = name
    return connection


async def close_async(connection: dbapi.Connection) -> None:
    """Close a connection; when this was the file's last, what SQLite would not leave behind is gone at the end."""
    connection.close()
    name = _names.pop(connection, None)
    if name is not None:
        await _host().release(name)
