"""Memory that the kernel's heap has free goes back to the operating system: a heap never shrinks by itself.

Only large free blocks, and only on Linux, where an anonymous page that is not needed reads as zeros from then on. The
blocks stay free, with their headers and links; a debug kernel's, which are filled with POISON, are left alone.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from turso_wasm.runtime.hosts.store import KernelStore

# The heap as the kernel lays it out; tests/meta/test_contract.py holds them together.
BINS_AT, N_BINS = 1220, 104  # the lists of free blocks, from the aligned heap_base on
SIZE_AT, NEXT_FREE_AT, HEADER = 0, 8, 16  # of a free block
POISON = 0xDA

LEAST = 1 << 20  # bytes of a block worth the call
PAGE = mmap.PAGESIZE
_WORD = struct.Struct("<I")


def trim(store: KernelStore) -> int:
    """Give the large free blocks' memory back, outside of any call of the kernel; the number of bytes."""
    if sys.platform != "linux":
        return 0
    start = ctypes.addressof(ctypes.c_ubyte.from_buffer(store.view))
    madvise = ctypes.CDLL(None, use_errno=True).madvise
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    given = 0
    for at, size in _free_blocks(store):
        first = -(-(start + at + HEADER) // PAGE) * PAGE
        end = (start + at + size) // PAGE * PAGE
        if store.view[first - start] != POISON and madvise(first, end - first, mmap.MADV_DONTNEED) == 0:
            given += end - first
    return given


def _free_blocks(store: KernelStore) -> Iterator[tuple[int, int]]:
    """(address, size) of the large free blocks of the kernel's heap."""
    base = store.exports["heap_base"].value(store.store)
    bins = ((base + 15) & ~15) + BINS_AT
    for n in range(N_BINS):
        (at,) = store.unpack(_WORD, bins + 4 * n)
        while at:
            (size,) = store.unpack(_WORD, at + SIZE_AT)
            if size >= LEAST:
                yield at, size
            (at,) = store.unpack(_WORD, at + NEXT_FREE_AT)
