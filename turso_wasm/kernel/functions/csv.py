"""Reading comma-separated values: a text, or a file that is read as a whole, row by row.

A field in double quotes may hold commas, ends of lines and doubled quotes. A row ends at a line feed, or a carriage
return and a line feed. All values are texts; a field that a row does not have is NULL.

Source: RFC 4180, https://sqlite.org/csv.html
"""

from turso_wasm.kernel.abi import NULL, OPEN_READONLY, TEXT, Run
from turso_wasm.kernel.abi_modules import Csv, CsvField
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.base.resources import keep_alloc
from turso_wasm.kernel.base.vfs import check_io, vfs_close, vfs_open, vfs_read, vfs_size
from turso_wasm.kernel.values.value import pack
from turso_wasm.wasm.lang import export, i32, i64, lit, memory_copy, ptr, sizeof, u8

__subset__ = True

QUOTE, COMMA, LINE_FEED, RETURN = 34, 44, 10, 13
MOST = 1 << 30  # bytes of a file
CANNOT_OPEN = b"cannot open the file of comma-separated values: "


def read_file(stmt: Run, w: Csv, name: ptr[u8], size: i32) -> None:
    """Read a file. Raises SQLITE_ERROR if it cannot be opened, SQLITE_IOERR, SQLITE_NOMEM."""
    fd: i32 = vfs_open(name, size, OPEN_READONLY)
    if fd < 0:
        message: ptr[u8] = alloc(stmt, len(CANNOT_OPEN) + size)
        memory_copy(message, CANNOT_OPEN, len(CANNOT_OPEN))
        memory_copy(message + len(CANNOT_OPEN), name, size)
        raise_error(SQLITE_ERROR, message, len(CANNOT_OPEN) + size)
    length: i64 = vfs_size(fd)
    if length < i64(0) or length > i64(MOST):
        vfs_close(fd)
        raise_error(SQLITE_ERROR, *lit(b"the file of comma-separated values is too large"))
    w.text = keep_alloc(stmt, i32(length) + 1)
    w.size = 0
    n: i32 = 1
    while n > 0 and w.size < i32(length):
        n = vfs_read(fd, w.text + w.size, i32(length) - w.size, i64(w.size))
        w.size += n if n > 0 else 0
    vfs_close(fd)
    if n < 0:
        check_io(n)


@export
def csv_first(stmt: Run, w: Csv, text: ptr[u8], size: i32, is_file: i32, n_columns: i32, has_header: i32) -> i32:
    """Go to the first row; 0 if there is none. text: the values, or the name of a file. w: in a frame that was zeroed.

    Raises SQLITE_ERROR, SQLITE_IOERR, SQLITE_NOMEM.
    """
    if not w.fields:
        w.fields = ptr[CsvField](i32(keep_alloc(stmt, n_columns * sizeof(CsvField))))
        w.n_columns = n_columns
        w.text = text
        w.size = size
        if is_file:
            read_file(stmt, w, text, size)
    w.at = 0
    w.row = i64(0)
    if w.size >= 3 and w.text[0] == 0xEF and w.text[1] == 0xBB and w.text[2] == 0xBF:
        w.at = 3  # a byte order mark
    if has_header and csv_next(w) == 0:
        return 0
    w.row = i64(0)
    return csv_next(w)


@export
def csv_next(w: Csv) -> i32:
    """Go to the next row; 0 if there is none."""
    if w.at >= w.size:
        return 0
    n: i32 = 0
    more: i32 = 1
    while more:
        more = scan_field(w, n)
        n += 1
    while n < w.n_columns:
        w.fields[n].size = -1
        n += 1
    w.row += 1
    return 1


def scan_field(w: Csv, n: i32) -> i32:
    """Take a field: 1 if another one of the row follows."""
    text: ptr[u8] = w.text
    at: i32 = w.at
    start: i32 = at
    doubled: i32 = 0
    if at < w.size and text[at] == QUOTE:
        start = at + 1
        at = start
        while at < w.size and (text[at] != QUOTE or (at + 1 < w.size and text[at + 1] == QUOTE)):
            if text[at] == QUOTE:
                doubled = 1
                at += 1
            at += 1
        note_field(w, n, start, at, doubled)
        at += 1
        while at < w.size and text[at] != COMMA and text[at] != LINE_FEED:  # what stands behind a quoted field
            at += 1
    else:
        while at < w.size and text[at] != COMMA and text[at] != LINE_FEED:
            at += 1
        end: i32 = at
        if at < w.size and text[at] == LINE_FEED and end > start and text[end - 1] == RETURN:
            end -= 1
        note_field(w, n, start, end, 0)
    w.at = at + 1
    return i32(at < w.size and text[at] == COMMA)


def note_field(w: Csv, n: i32, start: i32, end: i32, doubled: i32) -> None:
    """Remember where a field is; fields without a column are ignored."""
    if n < w.n_columns:
        field: CsvField = w.fields[n]
        field.start = start
        field.size = (end if end < w.size else w.size) - start
        field.doubled = doubled


@export
def csv_column(stmt: Run, w: Csv, column: i32) -> tuple[i32, i64]:
    """A field of the row."""
    field: CsvField = w.fields[column]
    if field.size < 0:
        return NULL, i64(0)
    if not field.doubled:
        return TEXT, pack(w.text + field.start, field.size)
    copy: ptr[u8] = alloc(stmt, field.size)
    n: i32 = 0
    i: i32 = 0
    while i < field.size:
        c: i32 = w.text[field.start + i]
        copy[n] = c
        n += 1
        i += 2 if c == QUOTE else 1
    return TEXT, pack(copy, n)
