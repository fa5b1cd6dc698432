"""`turso-wasm serve FILE`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Final

import uvicorn

from turso_wasm.base.errors import SqlError
from turso_wasm.kernel.abi import OPEN_CREATE, OPEN_READONLY
from turso_wasm.runtime.uri import Location, parse_location
from turso_wasm.server.app import make_app
from turso_wasm.server.stream import MAKE_CLIENTS, Stream

TOKEN: Final = "TURSO_WASM_TOKEN"
_LOCAL: Final = ("127.0.0.1", "::1", "localhost")


def make_parser() -> argparse.ArgumentParser:
    """What reads the options."""
    parser = argparse.ArgumentParser(
        prog="turso-wasm serve",
        description="Serve a database over HTTP and WebSockets to clients of libSQL and Turso (the Hrana protocol, "
        "versions 2 and 3). FILE is made when there is none. docs/server.md has more.",
    )
    parser.add_argument("file", metavar="FILE", help="a path, a file: URI, or :memory:")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on. Default: %(default)s")
    parser.add_argument("--port", type=int, default=8080, help="Default: %(default)s; 0: any that is free")
    parser.add_argument("--token", help=f"clients must send it as a bearer token. Default: what {TOKEN} says")
    parser.add_argument("--origin", action="append", default=[], help="a page of this origin may use it; '*': all may")
    parser.add_argument("--sync", action="store_true", help="capture changes, for those who synchronize (docs/sync.md)")
    parser.add_argument("--readonly", action="store_true", help="open the database read-only")
    return parser


def main(arguments: Sequence[str]) -> int:
    """Serve until Ctrl-C; the exit code."""
    options = make_parser().parse_args(arguments)
    token = options.token or os.environ.get(TOKEN) or None
    if token is None and options.host not in _LOCAL:
        print(f"turso-wasm serve: Error: {options.host} can be reached by others: give a --token", file=sys.stderr)
        return 1
    try:
        location = _location(options)
        first = Stream(location, captures=options.sync)  # keeps a database in memory alive
        first.answer(
            {"type": "sequence", "sql": MAKE_CLIENTS if options.sync else "SELECT count(*) FROM sqlite_schema"}
        )
    except SqlError as error:
        print(f'Error: unable to open database "{options.file}": {error.message}', file=sys.stderr)
        return 1
    app = make_app(location, token=token, origins=options.origin, sync=options.sync)
    config = uvicorn.Config(app, host=options.host, port=options.port, log_level="warning")
    listening = config.bind_socket()  # says why and ends the process if it cannot
    listening.listen()  # whoever reads the line below may connect at once
    port = listening.getsockname()[1]
    print(f"turso-wasm: serving {options.file} at http://{options.host}:{port}", file=sys.stderr, flush=True)
    try:
        uvicorn.Server(config).run(sockets=[listening])
    except KeyboardInterrupt:
        pass
    finally:
        first.close()
    return 0


def _location(options: argparse.Namespace) -> Location:
    name = options.file
    if name == ":memory:":
        name = "file:served?mode=memory&cache=shared"
    return parse_location(name, uri=True, flags=OPEN_READONLY if options.readonly else OPEN_CREATE)
