"""What can go wrong: SQLite's result codes and the exceptions that carry them.

Owns the table of result codes. `SqlError` is the only exception a user can cause; `Corrupt` is the SqlError of a
malformed file; `InternalError` is a bug of ours.

Source: https://sqlite.org/rescode.html
"""

from __future__ import annotations

from typing import Final

RESULT_CODES: Final[dict[str, int]] = {
    "SQLITE_OK": 0,
    "SQLITE_ERROR": 1,
    "SQLITE_INTERNAL": 2,
    "SQLITE_PERM": 3,
    "SQLITE_ABORT": 4,
    "SQLITE_BUSY": 5,
    "SQLITE_LOCKED": 6,
    "SQLITE_NOMEM": 7,
    "SQLITE_READONLY": 8,
    "SQLITE_INTERRUPT": 9,
    "SQLITE_IOERR": 10,
    "SQLITE_CORRUPT": 11,
    "SQLITE_NOTFOUND": 12,
    "SQLITE_FULL": 13,
    "SQLITE_CANTOPEN": 14,
    "SQLITE_PROTOCOL": 15,
    "SQLITE_EMPTY": 16,
    "SQLITE_SCHEMA": 17,
    "SQLITE_TOOBIG": 18,
    "SQLITE_CONSTRAINT": 19,
    "SQLITE_MISMATCH": 20,
    "SQLITE_MISUSE": 21,
    "SQLITE_NOLFS": 22,
    "SQLITE_AUTH": 23,
    "SQLITE_FORMAT": 24,
    "SQLITE_RANGE": 25,
    "SQLITE_NOTADB": 26,
    "SQLITE_NOTICE": 27,
    "SQLITE_WARNING": 28,
    "SQLITE_ROW": 100,
    "SQLITE_DONE": 101,
    # Extended codes: the primary code in the low byte.
    "SQLITE_OK_LOAD_PERMANENTLY": 256,
    "SQLITE_ERROR_MISSING_COLLSEQ": 257,
    "SQLITE_BUSY_RECOVERY": 261,
    "SQLITE_LOCKED_SHAREDCACHE": 262,
    "SQLITE_READONLY_RECOVERY": 264,
    "SQLITE_IOERR_READ": 266,
    "SQLITE_CORRUPT_VTAB": 267,
    "SQLITE_CANTOPEN_NOTEMPDIR": 270,
    "SQLITE_CONSTRAINT_CHECK": 275,
    "SQLITE_NOTICE_RECOVER_WAL": 283,
    "SQLITE_WARNING_AUTOINDEX": 284,
    "SQLITE_ERROR_RETRY": 513,
    "SQLITE_ABORT_ROLLBACK": 516,
    "SQLITE_BUSY_SNAPSHOT": 517,
    "SQLITE_READONLY_CANTLOCK": 520,
    "SQLITE_IOERR_SHORT_READ": 522,
    "SQLITE_CORRUPT_SEQUENCE": 523,
    "SQLITE_CANTOPEN_ISDIR": 526,
    "SQLITE_CONSTRAINT_COMMITHOOK": 531,
    "SQLITE_ERROR_SNAPSHOT": 769,
    "SQLITE_BUSY_TIMEOUT": 773,
    "SQLITE_READONLY_ROLLBACK": 776,
    "SQLITE_IOERR_WRITE": 778,
    "SQLITE_CORRUPT_INDEX": 779,
    "SQLITE_CANTOPEN_FULLPATH": 782,
    "SQLITE_CONSTRAINT_FOREIGNKEY": 787,
    "SQLITE_READONLY_DBMOVED": 1032,
    "SQLITE_IOERR_FSYNC": 1034,
    "SQLITE_CONSTRAINT_FUNCTION": 1043,
    "SQLITE_READONLY_CANTINIT": 1288,
    "SQLITE_IOERR_DIR_FSYNC": 1290,
    "SQLITE_CONSTRAINT_NOTNULL": 1299,
    "SQLITE_READONLY_DIRECTORY": 1544,
    "SQLITE_IOERR_TRUNCATE": 1546,
    "SQLITE_CONSTRAINT_PRIMARYKEY": 1555,
    "SQLITE_IOERR_FSTAT": 1802,
    "SQLITE_CONSTRAINT_TRIGGER": 1811,
    "SQLITE_IOERR_UNLOCK": 2058,
    "SQLITE_CONSTRAINT_UNIQUE": 2067,
    "SQLITE_IOERR_RDLOCK": 2314,
    "SQLITE_CONSTRAINT_VTAB": 2323,
    "SQLITE_IOERR_DELETE": 2570,
    "SQLITE_CONSTRAINT_ROWID": 2579,
    "SQLITE_CONSTRAINT_PINNED": 2835,
    "SQLITE_IOERR_NOMEM": 3082,
    "SQLITE_CONSTRAINT_DATATYPE": 3091,
    "SQLITE_IOERR_ACCESS": 3338,
    "SQLITE_IOERR_CHECKRESERVEDLOCK": 3594,
    "SQLITE_IOERR_LOCK": 3850,
}

CODE_NAMES: Final[dict[int, str]] = {number: name for name, number in RESULT_CODES.items()}

SQLITE_ERROR: Final = 1
SQLITE_ABORT: Final = 4
SQLITE_ABORT_ROLLBACK: Final = 516
SQLITE_BUSY: Final = 5
SQLITE_LOCKED: Final = 6
SQLITE_NOMEM: Final = 7
SQLITE_READONLY: Final = 8
SQLITE_INTERRUPT: Final = 9
SQLITE_IOERR: Final = 10
SQLITE_CORRUPT: Final = 11
SQLITE_FULL: Final = 13
SQLITE_CANTOPEN: Final = 14
SQLITE_SCHEMA: Final = 17
SQLITE_TOOBIG: Final = 18
SQLITE_CONSTRAINT: Final = 19
SQLITE_MISMATCH: Final = 20
SQLITE_MISUSE: Final = 21
SQLITE_AUTH: Final = 23
SQLITE_RANGE: Final = 25
SQLITE_NOTADB: Final = 26
SQLITE_CONSTRAINT_CHECK: Final = 275
SQLITE_CONSTRAINT_FOREIGNKEY: Final = 787
SQLITE_CONSTRAINT_NOTNULL: Final = 1299
SQLITE_CONSTRAINT_PRIMARYKEY: Final = 1555
SQLITE_CONSTRAINT_TRIGGER: Final = 1811
SQLITE_CONSTRAINT_UNIQUE: Final = 2067
SQLITE_CONSTRAINT_ROWID: Final = 2579
SQLITE_CONSTRAINT_DATATYPE: Final = 3091
SQLITE_CORRUPT_VTAB: Final = 267


def code_name(code: int) -> str:
    """The name of a result code; of its primary code when the extended one is unknown; else `SQLITE_ERROR`."""
    return CODE_NAMES.get(code) or CODE_NAMES.get(code & 0xFF) or "SQLITE_ERROR"


class SqlError(Exception):
    """An error of the user or of the environment.

    code: SQLite's (extended) result code. message: SQLite's text, byte for byte. span: (start, end) offsets, in
    characters, of the guilty piece of the SQL text, when there is one.
    """

    def __init__(self, code: int, message: str, span: tuple[int, int] | None = None) -> None:
        super().__init__(code, message, span)
        self.code = code
        self.message = message
        self.span = span

    @property
    def name(self) -> str:
        """`SQLITE_…` name of the code."""
        return code_name(self.code)

    @property
    def primary_code(self) -> int:
        """The code without its extension."""
        return self.code & 0xFF

    def __str__(self) -> str:
        return self.message


class Corrupt(SqlError):
    """The file is malformed. pgno (0: unknown), offset (-1: unknown) and why say where that was seen."""

    def __init__(self, pgno: int = 0, offset: int = -1, why: str = "") -> None:
        super().__init__(SQLITE_CORRUPT, "database disk image is malformed")
        self.pgno = pgno
        self.offset = offset
        self.why = why

    def __reduce__(self) -> tuple[type[Corrupt], tuple[int, int, str]]:
        return Corrupt, (self.pgno, self.offset, self.why)


class InternalError(Exception):
    """A bug of ours: the stage that noticed it, and the tree (or other evidence) at that stage."""

    def __init__(self, message: str, stage: str = "", evidence: object = None) -> None:
        super().__init__(message, stage, evidence)
        self.message = message
        self.stage = stage
        self.evidence = evidence

    def __str__(self) -> str:
        where = f"{self.stage}: " if self.stage else ""
        what = f"\n{self.evidence}" if self.evidence is not None else ""
        return f"{where}{self.message}{what}"


class StackError(InternalError):
    """The engine's stack did not hold the code of a Program."""

    @property
    def is_at_entry(self) -> bool:
        """It was the first function that did not fit: nothing was done."""
        return "\n    1:" not in str(self.evidence)
