"""The server, on standard input and output or as streamable HTTP."""

from __future__ import annotations

import sys
from typing import Final

from mcp.server.mcpserver import MCPServer

from turso_wasm import __version__
from turso_wasm.dbapi.errors import Error
from turso_wasm.mcp.database import Database
from turso_wasm.mcp.prompts import add_prompts
from turso_wasm.mcp.resources import add_resources
from turso_wasm.mcp.tools import add_tools

_HOST: Final = "127.0.0.1"


def make_server(database: Database) -> MCPServer:
    """A server with its tools, resources and prompts."""
    kind = "read-only SQLite database" if database.readonly else "SQLite database"
    server = MCPServer(
        name="turso-wasm",
        title="turso_wasm",
        version=__version__,
        instructions=f"Tools for a {kind}, with SQLite's SQL. Results have at most {database.max_rows} rows: "
        f"use LIMIT and aggregates. A statement may take {database.time_limit:g} seconds.",
        log_level="WARNING",
    )
    add_tools(server, database)
    add_resources(server, database)
    add_prompts(server)
    return server


def serve(path: str, *, readonly: bool, address: str | None, max_rows: int, time_limit: float) -> int:
    """Serve until the client has gone, or Ctrl-C; the exit code. address: `[HOST:]PORT` for HTTP at /mcp."""
    try:
        database = Database(path, readonly=readonly, max_rows=max_rows, time_limit=time_limit)
    except Error as error:
        print(f'Error: unable to open database "{path}": {error}', file=sys.stderr)
        return 1
    server = make_server(database)
    try:
        if address is None:
            server.run("stdio")
        else:
            host, _, port = address.rpartition(":")
            if not port.isdigit():
                print(f"turso-wasm: Error: -http takes [HOST:]PORT, not {address}", file=sys.stderr)
                return 1
            print(f"turso-wasm: serving {path} at http://{host or _HOST}:{port}/mcp", file=sys.stderr)
            server.run("streamable-http", host=host or _HOST, port=int(port))
    except KeyboardInterrupt:
        pass
    finally:
        database.close()
    return 0
