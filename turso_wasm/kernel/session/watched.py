"""Which pagers of a connection are watched: from BEGIN CONCURRENT to the end of the transaction."""

from turso_wasm.kernel.abi import N_SLOTS, Cursor, KernelConnection
from turso_wasm.kernel.btree.counters import counters_free
from turso_wasm.kernel.btree.cursor.watch import trees_free, watch_close
from turso_wasm.kernel.pager.concurrent import views_free
from turso_wasm.kernel.pager.storage import WATCHED, Pager

__subset__ = True


def pager_watch(p: Pager) -> None:
    """Note from now on what is read and written."""
    p.watched = WATCHED
    p.database.watched += 1


def pager_unwatch(p: Pager) -> None:
    """The pager's transaction is over: forget what was noted."""
    if not p.watched:
        return
    p.watched = 0
    at: Cursor = Cursor(p.cursors)
    while at:
        if at.watch:
            watch_close(at)
        at = Cursor(at.next_in_pager)
    trees_free(p)
    views_free(p)
    p.database.watched -= 1
    if p.database.watched == 0:
        counters_free(p.database)


def watch_stop(c: KernelConnection) -> None:
    """The transaction of the connection is over."""
    c.concurrent = 0
    for slot in range(N_SLOTS):
        p: Pager = Pager(c.pagers[slot])
        if p:
            pager_unwatch(p)
