"""Write base/abi.js: the constants and struct offsets that the JavaScript host needs, from kernel/abi.py,
base/errors.py and dbapi/constants.py; and base/sql.js: what it must know of SQL, from sql/keywords.py, sql/lexer.py
and runtime/schema.py.

`python base/make_abi.py` writes them, `--check` fails when they are not current.
"""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

from turso_wasm.base.errors import CODE_NAMES
from turso_wasm.dbapi import constants
from turso_wasm.kernel import abi
from turso_wasm.kernel.abi import KernelConnection, Run
from turso_wasm.runtime import schema
from turso_wasm.sql import keywords as sql
from turso_wasm.sql import lexer

HERE = Path(__file__).parent
CONSTANTS = (
    "NULL", "INTEGER", "REAL", "TEXT", "BLOB", "DONE", "ROWS", "YIELD", "RAISE", "PREPARE", "OPEN_CREATE",
    "OPEN_READONLY", "OPEN_TEMP", "OPEN_MEMORY", "CAP_OWNED", "CAP_MEMORY", "CAP_READONLY", "CAP_SHARED", "CAP_STEPS",
    "DB_SCHEMA_COOKIE", "DB_SCHEMA_FORMAT", "DB_PAGE_COUNT", "DB_COMMITS", "N_SLOTS", "TEMP_SLOT",
    "CALL_FUNCTION", "CALL_STEP",
    "CALL_INVERSE", "CALL_VALUE", "CALL_FINAL", "CALL_COMPARE", "CALL_PLACE",
    "CALL_QUEUE", "CALL_BATCH", "CALL_RAISE", "CALL_ROWS", "CALL_TOKENS", "CALL_CONVERT", "CALL_VALUES",
    "CALL_COMMIT", "CALL_BITS", "STATEMENTS", "TEXT_RUN", "ANSWER_ROOM",
    "LOCK_NONE", "LOCK_SHARED", "LOCK_RESERVED", "LOCK_PENDING", "LOCK_EXCLUSIVE", "JOURNAL_EXISTS",
    "LOG_HEAD_SIZE", "LOG_NEXT_SIZE", "SHM_HEAD_SIZE", "SHM_UNLOCK", "SHM_SHARED", "SHM_EXCLUSIVE",
    "SETTINGS_COMPILED", "ENCODING_SHIFT", "UTF8", "SMALL_TABLE",
)  # fmt: skip
STATEMENT = (
    "flags", "params", "n_columns", "rows", "rows_used", "row_count", "row_limit", "heap", "heap_used",
    "heap_not_ascii", "changes", "budget", "cookies", "schema_epoch", "runs", "sorts", "indexed",
)  # fmt: skip
CONNECTION = (
    "autocommit", "interrupted", "changes", "total_changes", "last_insert_rowid", "busy_timeout_ms", "schema_epoch",
    "pagers", "settings", "sizes", "n_sizes", "names", "name_sizes", "orders", "capture", "capture_size", "capture_txn",
    "commit_hook", "rollbacks",
)  # fmt: skip
KEYWORDS = (
    ("KEYWORDS", "All keywords.", sql.KEYWORDS | {"TEMPORARY"}),
    ("CONTEXTUAL", "Keywords only where the neighbouring tokens ask for one.", sql.CONTEXTUAL),
    ("NAME_AFTER_OVER", "Kinds of tokens that name a window behind OVER or WINDOW.", lexer.NAME_AFTER_OVER),
)


def text() -> str:
    """The module's text."""
    origin = "turso_wasm/kernel/abi.py and turso_wasm/base/errors.py"
    lines = [f"/** Made from {origin} by base/make_abi.py; do not edit. Offsets are in bytes. */", ""]
    lines += [f"export const {name} = {getattr(abi, name)};" for name in CONSTANTS]
    for struct, fields in ((Run, STATEMENT), (KernelConnection, CONNECTION)):
        lines += ["", f"export const {struct.__name__} = Object.freeze({{"]
        lines += [f"  {name}: {struct.offset(name)}," for name in fields]
        lines += ["});"]
    lines += ["", "/** What an authorizer is asked about, and what it answers. */"]
    lines += ["export const AUTHORIZER = Object.freeze({"]
    known = {"SQLITE_OK": 0} | constants.ANSWERS | constants.ACTIONS
    lines += [f"  {name}: {number}," for name, number in known.items()]
    lines += ["});", "", "/** Result codes by number. @type {Readonly<Record<number, string>>} */"]
    lines += ["export const CODE_NAMES = Object.freeze({"]
    lines += [f"  {number}: '{name}'," for number, name in sorted(CODE_NAMES.items())]
    lines += ["});"]
    return "\n".join(lines) + "\n"


def words() -> str:
    """The text of sql.js."""
    lines = ["/** Made from turso_wasm/sql/ and runtime/schema.py by base/make_abi.py; do not edit. */", ""]
    lines += [f"export const SCHEMA_QUERY = '{schema.SCHEMA_QUERY}';"]
    lines += [f"export const STATISTICS_QUERY = '{schema.STATISTICS_QUERY}';", ""]
    lines += ["/** Statements that SQLite prepares without a look at the file, which may be locked. */"]
    lines += [f"export const NEEDS_NO_SCHEMA = /^{schema.NEEDS_NO_SCHEMA}/i;"]
    for name, comment, words in KEYWORDS:
        listed = textwrap.fill(" ".join(sorted(words)), 110, initial_indent="    ", subsequent_indent="    ")
        lines += ["", f"/** {comment} @type {{ReadonlySet<string>}} */", f"export const {name} = new Set("]
        lines += ["  `", listed, "  `.trim().split(/\\s+/),", ");"]
    return "\n".join(lines) + "\n"


FILES = {"abi.js": text, "sql.js": words}

if __name__ == "__main__":
    for name, make in FILES.items():
        path = HERE / name
        if "--check" not in sys.argv:
            path.write_text(make())
        elif path.read_text() != make():
            sys.exit(f"base/{name} is not current: run python base/make_abi.py")
