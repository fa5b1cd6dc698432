"""The database header: the first 100 bytes of page 1.

Owns its layout and the judgement whether a file is a database. `describe(DatabaseHeader)` prints the table.
Source: https://sqlite.org/fileformat2.html section 1.3.

Invariants:
  D1  The magic string, a page size that is a power of two from 512 to 65536 (stored as 1), and the payload fractions
      64, 32, 32 make a file a database.
  D2  The usable size (page size less reserved bytes) is at least 480.
  D3  `page_count` is right only if it is not 0 and change_counter == version_valid_for; else the file's size decides.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.format.layout import Layout, at
from turso_wasm.base.errors import SQLITE_NOTADB, SqlError

MAGIC = b"SQLite format 3\0"
ENCODINGS = {1: "utf-8", 2: "utf-16-le", 3: "utf-16-be"}
USABLE_MIN = 480


@dataclass(frozen=True)
class DatabaseHeader(Layout):
    """The header as it is stored."""

    magic: bytes = at(0, 16, '"SQLite format 3" and a zero byte', MAGIC)
    page_size_field: int = at(16, 2, "page size; 1 means 65536", 4096)
    write_version: int = at(18, 1, "1 rollback journal, 2 WAL", 1)
    read_version: int = at(19, 1, "1 rollback journal, 2 WAL", 1)
    reserved_bytes: int = at(20, 1, "unused bytes at the end of each page")
    max_fraction: int = at(21, 1, "maximum embedded payload fraction, 64", 64)
    min_fraction: int = at(22, 1, "minimum embedded payload fraction, 32", 32)
    leaf_fraction: int = at(23, 1, "leaf payload fraction, 32", 32)
    change_counter: int = at(24, 4, "counts the transactions that changed the file")
    page_count: int = at(28, 4, "pages in the file (D3)")
    freelist_trunk: int = at(32, 4, "first freelist trunk page, 0: none")
    freelist_count: int = at(36, 4, "free pages")
    schema_cookie: int = at(40, 4, "changes with the schema")
    schema_format: int = at(44, 4, "1 to 4; 0 in a file without tables", 4)
    default_cache_size: int = at(48, 4, "suggested page cache size", signed=True)
    largest_root: int = at(52, 4, "largest root page when auto-vacuum is on, else 0")
    encoding: int = at(56, 4, "1 UTF-8, 2 UTF-16le, 3 UTF-16be", 1)
    user_version: int = at(60, 4, "the user's", signed=True)
    incremental_vacuum: int = at(64, 4, "not 0: incremental vacuum")
    application_id: int = at(68, 4, "the user's", signed=True)
    expansion: bytes = at(72, 20, "zeros", bytes(20))
    version_valid_for: int = at(92, 4, "change counter when the version number was written")
    version_number: int = at(96, 4, "SQLite version that wrote the file last")

    @property
    def page_size(self) -> int:
        """Bytes of a page."""
        return 65536 if self.page_size_field == 1 else self.page_size_field

    @property
    def usable_size(self) -> int:
        """Bytes of a page that b-trees may use."""
        return self.page_size - self.reserved_bytes

    @property
    def text_encoding(self) -> str:
        """Python's name of the text encoding."""
        return ENCODINGS.get(self.encoding, "utf-8")

    def check(self) -> None:
        """Errors: SqlError NOTADB if the header breaks D1 or D2."""
        size = self.page_size
        fractions = (self.max_fraction, self.min_fraction, self.leaf_fraction)
        well_formed = (
            self.magic == MAGIC
            and 512 <= size <= 65536
            and size & (size - 1) == 0
            and fractions == (64, 32, 32)
            and self.usable_size >= USABLE_MIN
        )
        if not well_formed:
            raise SqlError(SQLITE_NOTADB, "file is not a database")


def pages_in_file(header: DatabaseHeader, file_size: int) -> int:
    """How many pages the database has (D3)."""
    if header.page_count and header.change_counter == header.version_valid_for:
        return header.page_count
    return file_size // header.page_size
