"""Pages as PRAGMA integrity_check counts them: references, the pointer map, the freelist, overflow chains.

Owns which pages were referred to. Nothing raises but I/O errors.

Invariants:
  I1  A page is entered at most once: a second reference is an error, and is not followed. So the walk ends.
"""

from turso_wasm.kernel.btree.check.report import (
    WHERE_FREELIST,
    WHERE_NOWHERE,
    Check,
    begin,
    put_bytes,
    put_number,
    put_page,
    report_page,
    report_pair,
)
from turso_wasm.kernel.btree.ptrmap import (
    PTRMAP_BTREE,
    PTRMAP_FREE,
    PTRMAP_OVERFLOW_FIRST,
    PTRMAP_OVERFLOW_NEXT,
    PTRMAP_ROOT,
    is_ptrmap_page,
    lock_page,
    ptrmap_page_of,
)
from turso_wasm.kernel.pager.pages import pager_get
from turso_wasm.kernel.pager.storage import Pager
from turso_wasm.wasm.lang import be32, i32, i64, lit, ptr, u8, u32

__subset__ = True

# --- references, and the pointer map ---------------------------------------------------------------------------------


def refer(k: Check, pgno: u32) -> i32:
    """Note a reference to a page; 0 if it must not be followed (I1)."""
    if pgno == 0 or pgno > k.pages:
        report_page(k, *lit(b"invalid page number "), pgno)
        return 0
    at: ptr[u8] = k.used + (pgno >> 3)
    bit: i32 = 1 << i32(pgno & 7)
    if at[0] & bit:
        report_page(k, *lit(b"2nd reference to page "), pgno)
        return 0
    at[0] = at[0] | bit
    return 1


def is_used(k: Check, pgno: u32) -> i32:
    """1 if the page was referred to."""
    return (k.used[pgno >> 3] >> i32(pgno & 7)) & 1


def check_map(k: Check, pgno: u32, kind: i32, parent: u32) -> None:
    """Check a page's pointer-map entry."""
    if k.mapped == 0:
        return
    p: Pager = k.pager
    got: i32 = 0
    got_parent: u32 = u32(0)
    map_page: u32 = ptrmap_page_of(p, pgno) if pgno > 2 else u32(0)
    if map_page and map_page < pgno and map_page <= k.pages and pgno <= k.pages:
        at: ptr[u8] = pager_get(p, map_page).data + 5 * (pgno - map_page - 1)
        got = at[0]
        got_parent = be32(at + 1)
    if got < PTRMAP_ROOT or got > PTRMAP_BTREE:
        report_page(k, *lit(b"Failed to read ptrmap key="), pgno)
    elif (got != kind or got_parent != parent) and begin(k):
        put_page(k, *lit(b"Bad ptr map entry key="), pgno)
        put_number(k, *lit(b" expected=("), i64(kind))
        put_page(k, *lit(b","), parent)
        put_number(k, *lit(b") got=("), i64(got))
        put_page(k, *lit(b","), got_parent)
        put_bytes(k, *lit(b")"))


def check_unused(k: Check) -> None:
    """Report pages that nothing refers to, and pointer-map pages that something refers to."""
    k.where = WHERE_NOWHERE
    lock: u32 = lock_page(k.pager)
    pgno: u32 = u32(1)
    while pgno <= k.pages and k.left > 0:
        used: i32 = is_used(k, pgno)
        is_map: i32 = is_ptrmap_page(k.pager, pgno) if k.mapped else 0
        if used == 0 and is_map == 0 and pgno != lock and begin(k):
            put_page(k, *lit(b"Page "), pgno)
            put_bytes(k, *lit(b": never used"))
        if used and is_map and begin(k):
            put_page(k, *lit(b"Page "), pgno)
            put_bytes(k, *lit(b": pointer map referenced"))
        pgno += 1


# --- lists -----------------------------------------------------------------------------------------------------------


def check_trunk(k: Check, pgno: u32) -> u32:
    """Check a trunk page of the freelist; how many pages it stands for."""
    check_map(k, pgno, PTRMAP_FREE, u32(0))
    data: ptr[u8] = pager_get(k.pager, pgno).data
    n: u32 = be32(data + 4)
    if n > u32((k.pager.usable_size >> 2) - 2):
        report_page(k, *lit(b"freelist leaf count too big on page "), pgno)
        return u32(1)
    for i in range(i32(n)):
        # Pointer-map pages are got in between.
        leaf: u32 = be32(pager_get(k.pager, pgno).data + 8 + 4 * i)
        check_map(k, leaf, PTRMAP_FREE, u32(0))
        _ = refer(k, leaf)
    return n + 1


def check_freelist(k: Check) -> None:
    """Walk the freelist."""
    first: ptr[u8] = pager_get(k.pager, u32(1)).data + 32
    pgno: u32 = be32(first)
    count: u32 = be32(first + 4)
    seen: u32 = u32(0)
    left: i32 = k.left
    k.where = WHERE_FREELIST
    while pgno and k.left > 0:
        if refer(k, pgno) == 0:
            break
        seen += check_trunk(k, pgno)
        pgno = be32(pager_get(k.pager, pgno).data)
    if seen != count and k.left == left:
        report_pair(k, *lit(b"size is "), seen, *lit(b" but should be "), count)


def check_overflow(k: Check, pgno: u32, n: i32) -> None:
    """Walk an overflow chain that should have n pages."""
    seen: i32 = 0
    check_map(k, pgno, PTRMAP_OVERFLOW_FIRST, k.page)
    left: i32 = k.left
    while pgno and k.left > 0:
        if refer(k, pgno) == 0:
            break
        seen += 1
        after: u32 = be32(pager_get(k.pager, pgno).data)
        if seen < n:
            check_map(k, after, PTRMAP_OVERFLOW_NEXT, pgno)
        pgno = after
    if seen != n and k.left == left:
        report_pair(k, *lit(b"overflow list length is "), u32(seen), *lit(b" but should be "), u32(n))
