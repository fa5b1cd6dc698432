"""Write base/abi.js: the constants and struct offsets that the JavaScript host needs, from kernel/abi.py and
base/errors.py.

`python base/make_abi.py` writes it, `--check` fails when it is not current.
"""

from __future__ import annotations

import sys
from pathlib import Path

from turso_wasm.base.errors import CODE_NAMES
from turso_wasm.kernel import abi
from turso_wasm.kernel.abi import Connection, Statement

TARGET = Path(__file__).with_name("abi.js")
CONSTANTS = (
    "NULL", "INTEGER", "REAL", "TEXT", "BLOB", "DONE", "ROWS", "YIELD", "OPEN_CREATE", "OPEN_READONLY", "OPEN_TEMP",
    "OPEN_MEMORY", "CAP_OWNED", "CAP_MEMORY", "CAP_READONLY", "DB_SCHEMA_COOKIE", "DB_PAGE_COUNT",
)  # fmt: skip
STATEMENT = (
    "flags", "params", "n_columns", "rows", "rows_used", "row_count", "row_limit", "heap", "heap_used",
    "heap_not_ascii", "changes", "cookies",
)  # fmt: skip
CONNECTION = ("autocommit", "interrupted", "changes", "total_changes", "last_insert_rowid", "busy_timeout_ms")


def text() -> str:
    """The module's text."""
    origin = "turso_wasm/kernel/abi.py and turso_wasm/base/errors.py"
    lines = [f"/** Made from {origin} by base/make_abi.py; do not edit. Offsets are in bytes. */", ""]
    lines += [f"export const {name} = {getattr(abi, name)};" for name in CONSTANTS]
    for struct, fields in ((Statement, STATEMENT), (Connection, CONNECTION)):
        lines += ["", f"export const {struct.__name__} = Object.freeze({{"]
        lines += [f"  {name}: {struct.offset(name)}," for name in fields]
        lines += ["});"]
    lines += ["", "/** Result codes by number. @type {Readonly<Record<number, string>>} */"]
    lines += ["export const CODE_NAMES = Object.freeze({"]
    lines += [f"  {number}: '{name}'," for number, name in sorted(CODE_NAMES.items())]
    lines += ["});"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(None if TARGET.read_text() == text() else "base/abi.js is not current: run python base/make_abi.py")
    TARGET.write_text(text())
