"""What CREATE VIRTUAL TABLE … USING fts5 said: made by the compiler, read here.

Owns the layout. Strings and lists lie behind the struct, at offsets from its beginning.
"""

from turso_wasm.kernel.abi_modules import CONTENT_OTHER, FtsConfig
from turso_wasm.kernel.values.collate import fold
from turso_wasm.wasm.lang import i32, le16, ptr, u8

__subset__ = True


def find_column(c: FtsConfig, name: ptr[u8], n: i32) -> i32:
    """The number of the column of that name, whatever the letter case; -1: there is none."""
    at: ptr[u8] = ptr[u8](i32(c) + c.columns)
    for column in range(c.n_columns):
        size: i32 = le16(at + 1)
        i: i32 = 0
        while i < n and i < size and fold(name[i]) == fold(at[3 + i]):
            i += 1
        if i == n and i == size:
            return column
        at += 3 + size
    return -1


def is_unindexed(c: FtsConfig, column: i32) -> bool:
    """Whether a column is stored only."""
    at: ptr[u8] = ptr[u8](i32(c) + c.columns)
    for _ in range(column):
        at += 3 + le16(at + 1)
    return at[0] != 0


def stored_at(c: FtsConfig, column: i32) -> i32:
    """Which column of the content table's records a column is; NOWHERE, or ROWID."""
    return le16(ptr[u8](i32(c) + c.places + 2 * column))


def locale_at(c: FtsConfig, column: i32) -> i32:
    """Which column of the content table's records is the locale of a column; 0: none is."""
    if c.locale == 0 or is_unindexed(c, column) or c.source == CONTENT_OTHER:
        return 0
    return stored_at(c, c.n_columns + column)


def column_name(c: FtsConfig, column: i32) -> tuple[ptr[u8], i32]:
    """A column's name."""
    at: ptr[u8] = ptr[u8](i32(c) + c.columns)
    for _ in range(column):
        at += 3 + le16(at + 1)
    return at + 3, le16(at + 1)
