"""Copying short texts, keys and rows.

`memory_copy` is a call into the engine, which costs more than the bytes do when they are few.
"""

from turso_wasm.wasm.lang import i32, inline, le64, memory_copy, ptr, put_le64, u8

__subset__ = True

SHORT = 128  # bytes up to which words are faster


@inline
def copy_bytes(to: ptr[u8], source: ptr[u8], n: i32) -> None:
    """Copy n bytes, of regions that overlap only toward lower addresses; up to 7 bytes more are read and written."""
    if n > SHORT:
        memory_copy(to, source, n)
    else:
        at: i32 = 0
        while at < n:
            put_le64(to + at, le64(source + at))
            at += 8


@inline
def copy_words(to: ptr[u8], source: ptr[u8], n: i32) -> None:
    """Copy n bytes between regions that do not overlap; no others are written."""
    if n > SHORT or n < 8:
        memory_copy(to, source, n)
    else:
        at: i32 = n & 7
        put_le64(to, le64(source))
        while at < n:
            put_le64(to + at, le64(source + at))
            at += 8
