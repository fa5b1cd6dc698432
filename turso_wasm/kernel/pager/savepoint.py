"""Savepoints of a pager: undoing part of a transaction.

Owns the stack of savepoints and the images of private pages. Does not know names or connections
(kernel/session/transaction.py); all pagers of a connection that write have equally deep stacks.

Opening a savepoint only notes where things stand. A page that was not private then needs no image: undoing drops the
private page. A page that was private is copied when it changes for the first time afterwards.

Invariants:
  P1  Ids grow. `Page.savepoint` >= id of a savepoint: the page needs no (further) image for it. So the test before
      every change is one comparison with the innermost id.
  P2  An image belongs to the savepoint that was innermost when it was taken; undoing savepoints from the innermost
      outwards, each with its images, restores the outermost of them.
  P3  Releasing a savepoint hands its images to the next outer one, except those of pages that need none there
      (Image.savepoint >= its id).
  P4  Undoing truncates the log to where it stood. A page that was spilled since, but not changed, is read back first;
      one that overwrote the file gets its original from the journal.
  P5  Images beyond the pager's limit are moved to a temporary file.
"""

from turso_wasm.kernel.abi import CAP_MEMORY, KernelConnection
from turso_wasm.kernel.base.memory import malloc, mfree, mzalloc
from turso_wasm.kernel.base.tempfile import temp_flags, temp_open
from turso_wasm.kernel.base.vfs import check_io, vfs_close, vfs_write
from turso_wasm.kernel.pager.cache import (
    cache_find,
    cache_remove,
    list_remove,
    page_buffer_free,
    page_buffer_new,
    page_retire,
)
from turso_wasm.kernel.pager.log_index import index_truncate
from turso_wasm.kernel.pager.pageio import page_encode, page_read
from turso_wasm.kernel.pager.spill import original_restore, private_read
from turso_wasm.kernel.pager.storage import PAGE_DIRTY, PAGE_WRITTEN, Image, Page, Pager, Savepoint, SharedFile, Wal
from turso_wasm.wasm.lang import i32, i64, memory_copy, ptr, sizeof, u8

__subset__ = True

IMAGE_BATCH = 16  # images that are moved to the temporary file with one write


# --- taking images --------------------------------------------------------------------------------------------


def page_capture(p: Pager, page: Page) -> None:
    """Keep the state of a loaded private page, which is about to change, for the innermost savepoint."""
    db: SharedFile = p.database
    if p.n_images >= p.private.limit and not (db.capabilities & CAP_MEMORY):
        images_spill(p)
    data: ptr[u8] = page_buffer_new(db.page_size)
    image: Image = Image(mzalloc(sizeof(Image)))
    memory_copy(data, page.data, db.page_size)
    image.data = data
    image.pgno = page.pgno
    image.savepoint = page.savepoint
    image.next = p.savepoints.images
    p.savepoints.images = image
    p.n_images += 1
    page.savepoint = p.savepoint_id


def images_spill(p: Pager) -> None:
    """Move all images in memory to the temporary file (P5). Raises on I/O errors."""
    size: i32 = p.database.page_size
    if p.image_fd == 0:
        p.image_fd = temp_open(temp_flags(KernelConnection(p.connection))) + 1
        p.image_size = i64(0)
    buffer: ptr[u8] = malloc(IMAGE_BATCH * size)
    batch: ptr[i32] = ptr[i32](malloc(IMAGE_BATCH * 4))
    n: i32 = 0
    rc: i32 = 0
    sp: Savepoint = p.savepoints
    while sp:
        image: Image = sp.images
        while image:
            if image.data:
                page_encode(p.database, image.pgno, image.data, buffer + n * size, size)
                batch[n] = i32(image)
                n += 1
            if n == IMAGE_BATCH:
                rc = images_move(p, buffer, batch, n) if rc == 0 else rc
                n = 0
            image = image.next
        sp = sp.outer
    if n and rc == 0:
        rc = images_move(p, buffer, batch, n)
    mfree(buffer)
    mfree(ptr[u8](i32(batch)))
    check_io(rc)


def images_move(p: Pager, buffer: ptr[u8], batch: ptr[i32], n: i32) -> i32:
    """Write n images behind the others; 0 or a negative result code."""
    size: i32 = p.database.page_size
    rc: i32 = vfs_write(p.image_fd - 1, buffer, n * size, p.image_size)
    if rc < 0:
        return rc
    for i in range(n):
        image: Image = Image(batch[i])
        image.temp_at = p.image_size + i64(i * size)
        image_drop_buffer(p, image)
    p.image_size += i64(n * size)
    return 0


def image_drop_buffer(p: Pager, image: Image) -> None:
    """Free an image's copy of the page."""
    if image.data:
        page_buffer_free(image.data, p.database.page_size)
        image.data = ptr[u8](0)
        p.n_images -= 1


# --- the stack ------------------------------------------------------------------------------------------------


def savepoint_push(p: Pager) -> None:
    """Open a savepoint."""
    sp: Savepoint = Savepoint(mzalloc(sizeof(Savepoint)))
    w: Wal = p.database.wal
    p.next_savepoint_id += 1
    sp.id = p.next_savepoint_id
    sp.born = p.next_born
    sp.page_count = p.page_count
    sp.log_end = w.end
    sp.log_sum1 = w.sum1
    sp.log_sum2 = w.sum2
    sp.outer = p.savepoints
    p.savepoints = sp
    p.savepoint_id = sp.id
    p.depth += 1


def savepoint_pop(p: Pager) -> None:
    """Release the innermost savepoint (P3)."""
    sp: Savepoint = p.savepoints
    outer: Savepoint = sp.outer
    image: Image = sp.images
    while image:
        after: Image = image.next
        if outer and image.savepoint < outer.id:
            image.next = outer.images
            outer.images = image
        else:
            image_free(p, image)
        image = after
    stack_pop(p)


def stack_pop(p: Pager) -> None:
    """Take the innermost savepoint, which has no images, off the stack."""
    sp: Savepoint = p.savepoints
    p.savepoints = sp.outer
    p.savepoint_id = sp.outer.id if sp.outer else 0
    p.depth -= 1
    mfree(ptr[u8](i32(sp)))
    if not p.savepoints:
        images_close(p)


def image_free(p: Pager, image: Image) -> None:
    """Free an image."""
    image_drop_buffer(p, image)
    mfree(ptr[u8](i32(image)))


def images_close(p: Pager) -> None:
    """There are no images left: give the temporary file up."""
    if p.image_fd:
        fd: i32 = p.image_fd - 1
        p.image_fd = 0  # before: a host may be interrupted when it has closed it
        vfs_close(fd)


def savepoints_free(p: Pager) -> None:
    """Release all savepoints: the transaction ends."""
    while p.savepoints:
        image: Image = p.savepoints.images
        while image:
            after: Image = image.next
            image_free(p, image)
            image = after
        stack_pop(p)


def savepoint_release_to(p: Pager, depth: i32) -> None:
    """Release savepoints until `depth` are left."""
    while p.depth > depth:
        savepoint_pop(p)


# --- undoing --------------------------------------------------------------------------------------------------


def savepoint_undo_to(p: Pager, depth: i32) -> i32:
    """Restore the state in which the savepoint number `depth` (1: the outermost) was opened; it stays open.

    Cursors on the pager must have been saved or forgotten. 0 or a negative result code: then the whole transaction must
    be rolled back.
    """
    p.version += 1
    p.changes += 1
    rc: i32 = 0
    while p.depth > depth and rc == 0:
        rc = images_restore(p)
        if rc == 0:
            stack_pop(p)
    if rc == 0:
        rc = images_restore(p)
    if rc == 0:
        rc = born_later_drop(p, p.savepoints)
    if rc == 0:
        p.page_count = p.savepoints.page_count
        rc = log_cut(p, p.savepoints)
    return rc


def images_restore(p: Pager) -> i32:
    """Put the innermost savepoint's images back; 0 or a negative result code."""
    sp: Savepoint = p.savepoints
    while sp.images:
        image: Image = sp.images
        rc: i32 = image_restore(p, image)
        if rc < 0:
            return rc
        sp.images = image.next
        image_free(p, image)
    return 0


def image_restore(p: Pager, image: Image) -> i32:
    """Give a private page the bytes of its image; 0 or a negative result code."""
    size: i32 = p.database.page_size
    page: Page = cache_find(i32(p), image.pgno)
    assert page, "savepoint: an image of a page that is not private"
    if not page.data:
        page.data = page_buffer_new(size)
        p.n_resident += 1
    if image.data:
        memory_copy(page.data, image.data, size)
    else:
        rc: i32 = page_read(p.database, p.image_fd - 1, image.temp_at, image.pgno, page.data, size)
        if rc < 0:
            return rc
    page.flags |= PAGE_DIRTY
    page.checked = 0
    page.savepoint = image.savepoint
    return 0


def born_later_drop(p: Pager, sp: Savepoint) -> i32:
    """Drop the private pages that were born after the savepoint; 0 or a negative result code (P4)."""
    page: Page = p.private.newest
    while page and page.born > sp.born:
        older: Page = page.older
        if page.flags & PAGE_WRITTEN and page.journal_at > 0:
            rc: i32 = original_restore(p, page)
            if rc < 0:
                return rc
            page.flags |= PAGE_DIRTY
            page.checked = 0
            page.born = sp.born
            page.savepoint = 0  # outer savepoints with the same `born` count it as theirs, so all want an image
        else:
            if page.data:
                p.n_resident -= 1
            cache_remove(page)
            list_remove(p.private, page)
            page_retire(page)
        page = older
    return 0


def log_cut(p: Pager, sp: Savepoint) -> i32:
    """Truncate the log to where the savepoint found it (P4); 0 or a negative result code."""
    w: Wal = p.database.wal
    if p.concurrent or w.end <= sp.log_end:
        return 0
    page: Page = p.private.oldest
    while page:
        if page.frame > sp.log_end:
            rc: i32 = frame_leave(p, page)
            if rc < 0:
                return rc
        page = page.newer
    index_truncate(w, sp.log_end)
    w.sum1 = sp.log_sum1
    w.sum2 = sp.log_sum2
    if w.end == 0:
        w.header_due = 1
    if w.synced > w.end:
        w.synced = w.end
    return 0


def frame_leave(p: Pager, page: Page) -> i32:
    """A page's frame is about to go: keep its bytes in memory; 0 or a negative result code."""
    if not (page.flags & PAGE_DIRTY):
        if not page.data:
            data: ptr[u8] = page_buffer_new(p.database.page_size)
            rc: i32 = private_read(p.database, page, data)
            if rc < 0:
                page_buffer_free(data, p.database.page_size)
                return rc
            page.data = data
            p.n_resident += 1
        page.flags |= PAGE_DIRTY
    page.frame = 0
    return 0
