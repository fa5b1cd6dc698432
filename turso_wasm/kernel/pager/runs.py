"""Sorting pages by number, and writing runs of neighbours to a file with one call each.

Owns nothing. Used by commit, spilling and checkpoints: the cost of storage is the number of calls.
"""

from turso_wasm.kernel.base.memory import malloc, mfree
from turso_wasm.kernel.pager.encryption import cipher_encode
from turso_wasm.kernel.pager.pageio import file_cipher, file_write
from turso_wasm.kernel.pager.storage import Cipher, Page, SharedFile
from turso_wasm.wasm.lang import i32, memory_copy, ptr, u8, u32

__subset__ = True

RUN_BYTES = 1 << 20


def pages_sort(pages: ptr[i32], n: i32) -> None:
    """Sort an array of Pages by pgno (Shell sort: the arrays are short or nearly sorted)."""
    gap: i32 = 1
    while gap < n // 3:
        gap = gap * 3 + 1
    while gap > 0:
        for i in range(gap, n):
            page: i32 = pages[i]
            pgno: u32 = Page(page).pgno
            at: i32 = i
            while at >= gap and Page(pages[at - gap]).pgno > pgno:
                pages[at] = pages[at - gap]
                at -= gap
            pages[at] = page
        gap = gap // 3


def run_length(pages: ptr[i32], n: i32, page_size: i32) -> i32:
    """How many of the first pages have consecutive numbers, at most RUN_BYTES of them."""
    limit: i32 = RUN_BYTES // page_size
    if limit > n:
        limit = n
    length: i32 = 1
    while length < limit and Page(pages[length]).pgno == Page(pages[length - 1]).pgno + 1:
        length += 1
    return length


def pages_write(db: SharedFile, pages: ptr[i32], n: i32) -> i32:
    """Write sorted pages to their places in the file; 0 or a negative result code."""
    page_size: i32 = db.page_size
    cipher: Cipher = file_cipher(db)
    buffer: ptr[u8] = ptr[u8](0)
    done: i32 = 0
    rc: i32 = 0
    while done < n and rc == 0:
        length: i32 = run_length(pages + done, n - done, page_size)
        source: ptr[u8] = Page(pages[done]).data
        if length > 1 or cipher:
            if not buffer:
                buffer = malloc(RUN_BYTES if n > RUN_BYTES // page_size else n * page_size)
            for i in range(length):
                page: Page = Page(pages[done + i])
                if cipher:
                    cipher_encode(cipher, page.pgno, page.data, buffer + i * page_size, page_size)
                else:
                    memory_copy(buffer + i * page_size, page.data, page_size)
            source = buffer
        rc = file_write(db, Page(pages[done]).pgno, source, length, page_size)
        done += length
    mfree(buffer)
    return rc
