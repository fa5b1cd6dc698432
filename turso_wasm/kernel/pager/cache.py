"""The page cache: page memory, the hash of all pages in memory, and the lists that decide what is evicted.

Owns the life of a `Page`. Does not read or write files, and does not know which version of a page a pager sees.

Invariants (with S1 to S5 of kernel/pager/storage.py):
  C1  A page with an owner is in the hash exactly once, and in exactly one list: its database's `cache`, or the
      `private` list of its pager. A page without an owner is in limbo, or about to get one.
  C2  A page is evictable when KEEP_GETS pages were got since, or it was let go, and no cursor of its database has it
      in its stack.
  C3  A cache list is ordered by last use, give or take MOVE_AFTER gets: moving a page at every get would be waste.
  C4  Limbo is ordered by when pages came there; every arrival frees what has been there long enough.
  C5  `limit` is soft: a database whose recent pages exceed it keeps them.
"""

from turso_wasm.kernel.abi import Cursor
from turso_wasm.kernel.base.memory import malloc, memory_is_short, mfree, mzalloc
from turso_wasm.kernel.pager.storage import Page, PageList, Pager, SharedFile
from turso_wasm.wasm.lang import ctz, export, i32, inline, memory_copy, ptr, sizeof, u8, u32

__subset__ = True

KEEP_GETS = 256  # S3
MOVE_AFTER = 64  # C3
BUCKETS_MIN = 1024
LIMBO_MAX = 1024  # more are freed when a transaction ends: later arrivals would hardly ever free them all
FREE_MAX = 64  # unused buffers of one size that are kept
EVICT_TRIES = 8
PAGE_SLACK = 16  # readable bytes behind a page: records are read a word at a time
DEFAULT_CACHE_SIZE = -65536  # KiB; SQLite's default is -2000. Reading and checking a page again costs more than memory

gets: u32 = 0
buckets: i32 = 0  # ptr[i32], Page addresses
n_buckets: i32 = 0
bucket_shift: u32 = 0
n_hashed: i32 = 0
limbo: i32 = 0  # PageList
free_buffers: i32 = 0  # ptr[i32]: for each size class the first unused buffer, then its count
misses: i32 = 0


# --- memory ---------------------------------------------------------------------------------------------------


def cache_start() -> None:
    """Allocate the process-wide tables, once."""
    global buckets, n_buckets, bucket_shift, limbo, free_buffers
    if buckets:
        return
    limbo = i32(mzalloc(sizeof(PageList)))
    free_buffers = i32(mzalloc(16 * 8))
    buckets = i32(mzalloc(BUCKETS_MIN * 4))
    n_buckets = BUCKETS_MIN
    bucket_shift = u32(32 - ctz(BUCKETS_MIN))


def page_buffer_new(size: i32) -> ptr[u8]:
    """A buffer of `size` bytes (a page size) and PAGE_SLACK, not initialised."""
    head: ptr[i32] = ptr[i32](free_buffers) + ctz(size >> 9) * 2
    if head[0]:
        p: ptr[i32] = ptr[i32](head[0])
        head[0] = p[0]
        head[1] -= 1
        return ptr[u8](i32(p))
    return malloc(size + PAGE_SLACK)


def page_buffer_free(p: ptr[u8], size: i32) -> None:
    """Give a buffer back."""
    head: ptr[i32] = ptr[i32](free_buffers) + ctz(size >> 9) * 2
    if head[1] >= FREE_MAX:
        mfree(p)
        return
    ptr[i32](i32(p))[0] = head[0]
    head[0] = i32(p)
    head[1] += 1


def page_new(db: SharedFile, pgno: u32) -> Page:
    """A page with a buffer, in no list and let go; all other fields zero."""
    page: Page = Page(mzalloc(sizeof(Page)))
    page.database = i32(db)
    page.pgno = pgno
    page_let_go(page)
    page.data = page_buffer_new(db.page_size)
    return page


def page_free(page: Page) -> None:
    """Free a page that is in no list and not in the hash."""
    if page.data:
        page_buffer_free(page.data, SharedFile(page.database).page_size)
    mfree(ptr[u8](i32(page)))


# --- hash -----------------------------------------------------------------------------------------------------


@inline
def bucket_of(owner: i32, number: u32) -> ptr[i32]:
    """The bucket of a page."""
    return ptr[i32](buckets) + ((number * 0x9E3779B1 + u32(owner) * 0x85EBCA77) >> bucket_shift)


@inline
def cache_find(owner: i32, number: u32) -> Page:
    """The page with this identity (S1), or null."""
    at: Page = Page(bucket_of(owner, number)[0])
    while at and (at.number != number or at.owner != owner):
        at = at.chain
    return at


def cache_reserve() -> None:
    """Make room for more pages; called before a page is allocated, so that cache_insert cannot fail."""
    global buckets, n_buckets, bucket_shift
    if n_hashed < n_buckets:
        return
    old: ptr[i32] = ptr[i32](buckets)
    n_old: i32 = n_buckets
    fresh: ptr[u8] = mzalloc(n_old * 8)
    buckets = i32(fresh)
    n_buckets = n_old * 2
    bucket_shift -= 1
    for i in range(n_old):
        at: Page = Page(old[i])
        while at:
            after: Page = at.chain
            bucket: ptr[i32] = bucket_of(at.owner, at.number)
            at.chain = Page(bucket[0])
            bucket[0] = i32(at)
            at = after
    mfree(ptr[u8](i32(old)))


def cache_insert(page: Page, owner: i32, number: u32) -> None:
    """Give a page an identity that no other page has."""
    global n_hashed
    assert not cache_find(owner, number), "cache C1: a page twice in the hash"
    page.owner = owner
    page.number = number
    bucket: ptr[i32] = bucket_of(owner, number)
    page.chain = Page(bucket[0])
    bucket[0] = i32(page)
    n_hashed += 1


def cache_remove(page: Page) -> None:
    """Take a page's identity away."""
    global n_hashed
    bucket: ptr[i32] = bucket_of(page.owner, page.number)
    if bucket[0] == i32(page):
        bucket[0] = i32(page.chain)
    else:
        before: Page = Page(bucket[0])
        while before.chain != page:
            before = before.chain
        before.chain = page.chain
    page.owner = 0
    n_hashed -= 1


# --- lists ----------------------------------------------------------------------------------------------------


def list_append(pages: PageList, page: Page) -> None:
    """Put a page at the new end."""
    page.newer = Page(0)
    page.older = pages.newest
    if pages.newest:
        pages.newest.newer = page
    else:
        pages.oldest = page
    pages.newest = page
    pages.n_pages += 1


def list_insert_after(pages: PageList, page: Page, older: Page) -> None:
    """Put a page behind `older`; at the old end if that is null."""
    newer: Page = older.newer if older else pages.oldest
    page.older = older
    page.newer = newer
    if older:
        older.newer = page
    else:
        pages.oldest = page
    if newer:
        newer.older = page
    else:
        pages.newest = page
    pages.n_pages += 1


def list_remove(pages: PageList, page: Page) -> None:
    """Take a page out."""
    if page.older:
        page.older.newer = page.newer
    else:
        pages.oldest = page.newer
    if page.newer:
        page.newer.older = page.older
    else:
        pages.newest = page.older
    pages.n_pages -= 1


@inline
def page_touch(page: Page) -> None:
    """The page was got."""
    global gets
    gets += 1
    page.stamp = gets


@inline
def page_keep(page: Page) -> None:
    """The page is relied on as if it was got, but no other page grows older by it."""
    page.stamp = gets


@inline
def page_let_go(page: Page) -> None:
    """Nobody relies on the page."""
    page.stamp = gets - KEEP_GETS - 1


@inline
def page_age(page: Page) -> u32:
    """How many pages were got since the page went to the new end of its list."""
    return gets - page.moved


def count_miss() -> None:
    """A page was not in memory."""
    global misses
    misses += 1


def cache_move(page: Page) -> None:
    """Put a page of a database's cache at the new end of its list."""
    pages: PageList = SharedFile(page.database).cache
    page.moved = gets
    if pages.newest != page:
        list_remove(pages, page)
        list_append(pages, page)


# --- eviction -------------------------------------------------------------------------------------------------


def page_in_cursor(page: Page) -> i32:
    """1 if the page is in the stack of an open cursor."""
    p: Pager = SharedFile(page.database).pagers
    while p:
        at: i32 = p.cursors
        while at:
            c: Cursor = Cursor(at)
            for i in range(c.depth + 1):
                if c.pages[i] == i32(page):
                    return 1
            at = c.next_in_pager
        p = p.next
    return 0


def page_is_idle(page: Page) -> i32:
    """1 if nobody may rely on the page any more (C2)."""
    if gets - page.stamp <= KEEP_GETS:
        return 0
    return 1 - page_in_cursor(page)


def page_retire(page: Page) -> None:
    """Send a page, out of hash and lists, to limbo; free what has been there long enough (C4)."""
    pages: PageList = PageList(limbo)
    page.moved = gets
    list_append(pages, page)
    for _ in range(4):
        oldest: Page = pages.oldest
        if gets - oldest.moved <= KEEP_GETS:
            return
        list_remove(pages, oldest)
        if page_in_cursor(oldest):
            oldest.moved = gets
            list_append(pages, oldest)
        else:
            page_free(oldest)
        if not pages.oldest:
            return


def limbo_trim() -> None:
    """Free what a large transaction has left in limbo, but for pages of cursors. No caller may rely on another page."""
    if PageList(limbo).n_pages < LIMBO_MAX:
        return
    page: Page = PageList(limbo).oldest
    while page:
        newer: Page = page.newer
        if not page_in_cursor(page):
            list_remove(PageList(limbo), page)
            page_free(page)
        page = newer


def cache_evict(pages: PageList) -> i32:
    """Free the least recently used idle page; 0 if none of the oldest is idle."""
    for _ in range(EVICT_TRIES):
        page: Page = pages.oldest
        if not page:
            return 0
        if page_is_idle(page):
            cache_remove(page)
            list_remove(pages, page)
            page_free(page)
            return 1
        cache_move(page)
    return 0


def cache_room(db: SharedFile) -> None:
    """Make room for one more page of the database: evict what exceeds the limit, grow the hash."""
    cache_reserve()
    pages: PageList = db.cache
    while pages.n_pages >= pages.limit or memory_is_short():
        if not cache_evict(pages):
            return


# --- committed pages ------------------------------------------------------------------------------------------


def cache_add(page: Page, owner: i32, number: u32) -> None:
    """Put a page that is in no list into its database's cache under a committed identity."""
    db: SharedFile = SharedFile(page.database)
    assert owner == i32(db) or owner == i32(db) + 1, "cache C1: not a committed identity"
    cache_insert(page, owner, number)
    page.moved = gets
    list_append(db.cache, page)


def cache_forget(page: Page) -> None:
    """Drop a committed page."""
    cache_remove(page)
    list_remove(SharedFile(page.database).cache, page)
    page_retire(page)


def cache_forget_at(owner: i32, number: u32) -> None:
    """Drop the committed page with this identity if it is in memory."""
    page: Page = cache_find(owner, number)
    if page:
        cache_forget(page)


def cache_forget_all(db: SharedFile) -> None:
    """Drop every committed page of a database: the file may have changed."""
    while db.cache.oldest:
        cache_forget(db.cache.oldest)


def cache_free_all(db: SharedFile) -> None:
    """Free every page of a database that nobody uses any more."""
    cache_forget_all(db)
    pages: PageList = PageList(limbo)
    page: Page = pages.oldest
    while page:
        newer: Page = page.newer
        if page.database == i32(db):
            list_remove(pages, page)
            page_free(page)
        page = newer


def cache_set_limit(db: SharedFile) -> None:
    """The connections share one cache: it may be as large as any of them says."""
    db.cache.limit = 0
    p: Pager = db.pagers
    while p:
        limit: i32 = pages_of_cache(db, p.settings.cache_size)
        if limit > db.cache.limit:
            db.cache.limit = limit
        p = p.next


def pages_of_cache(db: SharedFile, size: i32) -> i32:
    """How many pages a `cache_size` is (> 0: pages, < 0: KiB)."""
    if size >= 0:
        return size
    kib: i32 = 1 << 21 if size < -(1 << 21) else -size
    return (kib << 6) // (db.page_size >> 4) if db.page_size >= 1024 else kib * 2


def page_copy(page: Page, owner: i32) -> Page:
    """A private copy of a page for the pager `owner`, not yet in its list."""
    db: SharedFile = SharedFile(page.database)
    cache_reserve()
    copy: Page = page_new(db, page.pgno)
    memory_copy(copy.data, page.data, db.page_size)
    copy.checked = page.checked
    copy.free = page.free
    cache_insert(copy, owner, page.pgno)
    return copy


@export
def cache_pages(db: SharedFile) -> i32:
    """Committed pages of the database in memory."""
    return db.cache.n_pages


@export
def cache_misses() -> i32:
    """Pages that had to be read from storage since the process began."""
    return misses
