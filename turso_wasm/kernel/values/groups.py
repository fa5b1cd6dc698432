"""Tables of groups: hash tables that take no new keys beyond the memory limit, and two of them read as one.

What hash_add returns of a key that does not fit is null, and `found` is 0.
"""

from turso_wasm.kernel.abi import Run
from turso_wasm.kernel.abi_states import Hash
from turso_wasm.kernel.base.sort import Item, compare_keys
from turso_wasm.kernel.values.hashtable import hash_item, hash_new, hash_next
from turso_wasm.wasm.lang import export, i32, ptr, scratch, sizeof, u8

__subset__ = True


@export
def groups_new(stmt: Run, entry_size: i32) -> Hash:
    """An empty table, which takes one group at least. Errors: SQLITE_NOMEM."""
    h: Hash = hash_new(stmt, entry_size)
    h.is_limited = 1
    return h


@export
def groups_next(first: Hash, batch: Hash, more: i32) -> ptr[u8]:
    """The next group of both tables, which hash_sort has ordered, or of one if they are the same; null at the end.

    more: batches follow, so the end is that of the batch.
    """
    if i32(first) == i32(batch):
        return hash_next(first)
    if batch.at == batch.count:
        return ptr[u8](0) if more else hash_next(first)
    if first.at < first.count and is_first(first, batch):
        return hash_next(first)
    return hash_next(batch)


def is_first(h: Hash, other: Hash) -> bool:
    """Whether h's next group comes before the other's."""
    a: Item = Item(scratch(sizeof(Item)))
    b: Item = Item(scratch(sizeof(Item)))
    hash_item(h, h.order[h.at], a, scratch(32))
    hash_item(other, other.order[other.at], b, scratch(32))
    return compare_keys(a.key, a.size, b.key, b.size, 0) < 0
