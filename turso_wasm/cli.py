"""The command `turso-wasm`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from turso_wasm.runtime import engine
from turso_wasm.runtime.bundle import Script, ScriptError, compile_bundle
from turso_wasm.shell import main as shell


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code. arguments: those of the process by default.

    `turso-wasm compile …` compiles, `turso-wasm serve …` serves (docs/server.md); anything else is for the shell, as
    `turso-wasm FILE` is (docs/shell.md).
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    if words[:1] == ["serve"]:
        return _serve(words[1:])
    if words[:1] != ["compile"]:
        return shell.main(words)
    options = _parser().parse_args(words[1:])
    return _compile(options)


def _serve(words: Sequence[str]) -> int:
    try:
        from turso_wasm.server.main import main as serve
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == "turso_wasm":
            missing = "turso_wasm of Python"  # the one of npm has no server
        print(f"turso-wasm: serve needs the package {missing}: pip install 'turso-wasm[server]'", file=sys.stderr)
        return 1
    return serve(words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="turso-wasm compile",
        description="Compile statements into one file for connect(name, {programs}). Every file but the last is "
        "executed on an empty database: what makes the tables, and the PRAGMAs said after opening. The statements of "
        "the last are only compiled. docs/start-up.md has more.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE.sql", help="schema.sql … queries.sql")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="FILE.programs")
    return parser


def _compile(options: argparse.Namespace) -> int:
    try:
        *schema, queries = [Script(str(file), file.read_text(encoding="utf-8-sig")) for file in options.files]
        bundle = compile_bundle(engine.host(), engine.kernel_digest(), schema, [queries])
        raw = bundle.to_bytes()
        options.output.write_bytes(raw)
    except (ScriptError, OSError, UnicodeDecodeError) as error:
        print(f"turso-wasm: {error}", file=sys.stderr)
        return 1
    print(f"{options.output}: {len(bundle)} Programs, {len(raw):,} bytes")
    return 0


def main_in_node(arguments: Sequence[str], kernel: Any, module: Any, disk: Any, read: Any) -> int:
    """The same on what Node has (web/command/): kernel, module and disk as runtime/hosts/pyodide.py `begin_with` takes
    them; read: what reads lines of a terminal.
    """
    from turso_wasm.shell import terminal

    engine.begin_in_node(kernel, module, disk)
    terminal.read_line = read
    try:
        return main(list(arguments))
    except SystemExit as end:  # argparse's
        return end.code if isinstance(end.code, int) else 1
