"""Hash tables: entries found by a normalized key or by a plain integer.

Owns tables for GROUP BY, DISTINCT, set operations and hash joins. What lies in an entry belongs to the generated code.

A table without room for entries is a set. Beyond the memory limit its keys become a sorted run
(kernel/values/indexed_runs.py), in which a key is looked for that is not in memory.

Open addressing with linear probing over buckets of 8 bytes:

  OFFSET  SIZE  MEANING
  0       4     hash: the upper half of a 64-bit product; bit 0 is 1 if the entry is keyed by an integer
  4       4     address of the entry, 0 if the bucket is free

An entry is `entry_size` bytes at an 8-aligned address e (what hash_add returns), with its key around it:

  OFFSET  SIZE          MEANING
  -8      8             the integer key; or the size of the byte key in 4 bytes
  0       entry_size    the user's
  key_at  size          the byte key, in whole words; key_at is entry_size rounded up to 8

Invariants:
  H1  A key of one integer field (flags 0) is always held as an integer, however it was added: hash_add and
      hash_add_int may be mixed. Byte keys compare by size and bytes.
  H2  At most three quarters of the buckets are in use; their number is a power of two.
  H3  The bucket of a hash is its upper bits, so that growing needs no look at the entries.
  H4  Entries do not move. `order` lists them as they came (or as hash_sort left them): address | 1 if keyed by integer.
  H5  The multiplier is a random odd number of this process, and the only secret: without it nobody can make keys that
      collide. Integers are multiplied by it; words of byte keys are masked with it (plus a constant for each word
      before) and their halves multiplied, because a multiplication by a constant alone leaves the top bit's changes
      predictable.
  H6  A key of a set is in memory or in one run, never in two places. What hash_add and hash_find return of a key in a
      run only says that it is there.
"""

from turso_wasm.kernel.abi import KernelConnection, Run
from turso_wasm.kernel.abi_states import Hash
from turso_wasm.kernel.base.copy import copy_bytes
from turso_wasm.kernel.base.errors import raise_nomem
from turso_wasm.kernel.base.limits import work_memory
from turso_wasm.kernel.base.memory import arena_alloc, arena_free, malloc, mfree, mrealloc, mzalloc
from turso_wasm.kernel.base.resources import KIND_HASH, resource_add
from turso_wasm.kernel.base.sort import Item, key_word, sort_items
from turso_wasm.kernel.base.tempfile import temp_flags
from turso_wasm.kernel.base.vfs import host_random
from turso_wasm.kernel.values.indexed_runs import (
    RUNS_MAX,
    IndexedRuns,
    indexed_begin,
    indexed_end,
    indexed_find,
    indexed_free,
    indexed_merge,
    indexed_new,
    indexed_room,
    indexed_write,
)
from turso_wasm.kernel.values.key import TAG_ZERO, key_put_int, key_room
from turso_wasm.wasm.lang import (
    be64,
    clz,
    export,
    funcref,
    i32,
    i64,
    inline,
    le64,
    memory_fill,
    ptr,
    put_le64,
    rotl,
    scratch,
    sizeof,
    u8,
    u32,
    u64,
)

__subset__ = True

GOLDEN = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: a good multiplier by itself, should a host's randomness be poor
BUCKETS_MIN = 16
OVERHEAD = 24  # bytes that an entry takes up besides itself: buckets, order, head
SLOTS_MAX = 1 << 27
SORT_BYTES = 2 * Item.size + 16
SORT_MAX = 0x7FFE0000 // SORT_BYTES

multiplier: u64 = 0


# --- making and freeing --------------------------------------------------------------------------------------


@export
def hash_new(stmt: Run, entry_size: i32) -> Hash:
    """An empty table whose entries have `entry_size` bytes. Errors: SQLITE_NOMEM."""
    global multiplier
    if multiplier == 0:
        seed: ptr[u8] = scratch(8)
        host_random(seed, 8)
        # Near the golden ratio keys that follow one another lie far apart; others put them into few buckets.
        multiplier = (u64(le64(seed)) >> 24 ^ GOLDEN) | 1
    h: Hash = Hash(i32(resource_add(stmt, sizeof(Hash), KIND_HASH, funcref(hash_release))))
    h.statement = stmt
    h.key_at = (entry_size + 7) & ~7
    h.bytes_max = i64(work_memory())
    hash_place(h, BUCKETS_MIN)
    return h


def hash_release(resource: i32) -> None:
    """Free a Hash."""
    h: Hash = Hash(resource)
    if h.runs:
        indexed_free(IndexedRuns(h.runs))
    mfree(h.buckets)
    mfree(ptr[u8](h.order))
    arena_free(h.arena)
    mfree(ptr[u8](resource))


@export
def hash_clear(h: Hash) -> None:
    """Remove all entries, keeping the buckets."""
    if h.runs:
        indexed_free(IndexedRuns(h.runs))
        h.runs = 0
    hash_empty(h)


def hash_empty(h: Hash) -> None:
    """Remove the entries in memory."""
    arena_free(h.arena)
    memory_fill(h.buckets, 0, h.mask + 1)
    h.count = 0
    h.at = 0
    h.bytes = 0


def hash_place(h: Hash, n: i32) -> None:
    """Give the table n buckets (a power of two)."""
    if n > SLOTS_MAX:
        raise_nomem()
    old: ptr[u8] = h.buckets
    old_size: i32 = h.mask + 1 if old else 0
    buckets: ptr[u8] = mzalloc(n * 8)
    h.buckets = buckets
    h.mask = n * 8 - 1
    h.shift = clz(n) + 1
    h.limit = n // 4 * 3
    at: i32 = 0
    while at < old_size:
        bucket: i64 = le64(old + at)
        if bucket != 0:
            place: i32 = i32(u32(i32(bucket)) >> u32(h.shift)) << 3
            while le64(buckets + place) != 0:
                place = (place + 8) & h.mask
            put_le64(buckets + place, bucket)
        at += 8
    mfree(old)


@export
def hash_alloc(h: Hash, n: i32) -> ptr[u8]:
    """Allocate n bytes, 8-aligned, not initialised, that live as long as the table. Errors: SQLITE_NOMEM."""
    h.bytes += i64(n)
    return arena_alloc(h.arena, n)


# --- integer keys --------------------------------------------------------------------------------------------


@inline
def int_hash(v: i64) -> i32:
    """The hash of an integer key, with bit 0 set."""
    return i32((u64(v) * multiplier) >> 32) | 1


@inline
def first_bucket(h: Hash, hash: i32) -> i32:
    """Offset of the bucket where a hash belongs (H3)."""
    return i32(u32(hash) >> u32(h.shift)) << 3


@export
@inline
def hash_add_int(h: Hash, key: i64) -> ptr[u8]:
    """The entry of an integer key, made (zeroed) if there is none; h.found tells. Errors: SQLITE_NOMEM."""
    hash: i32 = int_hash(key)
    at: i32 = first_bucket(h, hash)
    while True:
        bucket: i64 = le64(h.buckets + at)
        entry: ptr[u8] = ptr[u8](i32(bucket >> 32))
        if i32(bucket) == hash:
            if le64(entry - 8) == key:
                h.found = 1
                return entry
        elif bucket == 0:
            return insert_int(h, key, hash, at)
        at = (at + 8) & h.mask


@export
@inline
def hash_find_int(h: Hash, key: i64) -> ptr[u8]:
    """The entry of an integer key, null if there is none."""
    hash: i32 = int_hash(key)
    at: i32 = first_bucket(h, hash)
    while True:
        bucket: i64 = le64(h.buckets + at)
        entry: ptr[u8] = ptr[u8](i32(bucket >> 32))
        if i32(bucket) == hash:
            if le64(entry - 8) == key:
                return entry
        elif bucket == 0:
            return entry if h.runs == 0 else int_in_file(h, key)
        at = (at + 8) & h.mask


def insert_int(h: Hash, key: i64, hash: i32, at: i32) -> ptr[u8]:
    """A new entry of an integer key; `at` is its free bucket."""
    if h.bytes >= h.bytes_max:
        if h.is_limited and h.count:
            h.found = 0
            return ptr[u8](0)
        if h.key_at == 0:
            set_spill(h)
            at = first_bucket(h, hash)
    if h.runs:
        found: ptr[u8] = int_in_file(h, key)
        if found:
            h.found = 1
            return found
    h.bytes += i64(h.key_at + 8 + OVERHEAD)
    entry: ptr[u8] = arena_alloc(h.arena, h.key_at + 8) + 8
    put_le64(entry - 8, key)
    hash_insert(h, entry, hash, at, 1)
    return entry


def hash_insert(h: Hash, entry: ptr[u8], hash: i32, at: i32, by_int: i32) -> None:
    """Put a new zeroed entry into the free bucket `at`, and grow the table when it is full."""
    if h.count == h.order_capacity:
        n: i32 = h.order_capacity * 2
        if n < BUCKETS_MIN:
            n = BUCKETS_MIN
        h.order = ptr[i32](mrealloc(ptr[u8](h.order), n * 4))
        h.order_capacity = n
    clear: i32 = 0
    while clear < h.key_at:
        put_le64(entry + clear, i64(0))
        clear += 8
    put_le64(h.buckets + at, i64(u32(hash)) | i64(u32(entry)) << 32)
    h.order[h.count] = i32(entry) | by_int
    h.count += 1
    h.found = 0
    if h.count >= h.limit:
        hash_place(h, (h.mask + 1) >> 2)


# --- byte keys -----------------------------------------------------------------------------------------------


@inline
def first_bytes(word: i64, n: i32) -> u64:
    """The first n (1..7) bytes of a word; the others zero."""
    return u64(word) & ~(~u64(0) << u64(n << 3))


@inline
def mix_word(h: u64, word: u64, secret: u64) -> u64:
    """Add a word of a key to its hash: the product of its halves, each masked with secret bits (H5)."""
    x: u64 = word ^ secret
    return rotl(h, 9) + (x & 0xFFFFFFFF) * (x >> 32)


def bytes_hash(key: ptr[u8], size: i32) -> i32:
    """The hash of a byte key, with bit 0 clear."""
    h: u64 = u64(size)
    secret: u64 = multiplier
    at: i32 = 0
    while at + 8 <= size:
        h = mix_word(h, u64(le64(key + at)), secret)
        secret += GOLDEN
        at += 8
    if at < size:
        h = mix_word(h, first_bytes(le64(key + at), size - at), secret)
    return i32(((h ^ (h >> 32)) * multiplier) >> 32) & ~1


@inline
def keys_equal(p: ptr[u8], q: ptr[u8], size: i32) -> bool:
    """Whether two keys of `size` bytes are equal."""
    at: i32 = 0
    while at + 8 <= size:
        if le64(p + at) != le64(q + at):
            return False
        at += 8
    return at == size or first_bytes(le64(p + at) ^ le64(q + at), size - at) == 0


def int_key(key: ptr[u8], size: i32) -> tuple[bool, i64]:
    """Whether a key is one integer field with flags 0 (H1), and the integer."""
    n: i32 = size - 1
    tag: i32 = key[0] - TAG_ZERO
    word: i64 = be64(key + 1)
    if n == tag and n <= 8:
        return True, i64(u64(word) >> u64(64 - (n << 3)) >> 1) if n else i64(0)
    if n == -tag and n <= 8:
        return True, i64(0) - i64(u64(~word) >> u64(64 - (n << 3)) >> 1)
    if tag == -9 and n == 8 and word == ~0x43E0000000000000:
        return True, i64(-0x8000000000000000)
    return False, i64(0)


def hash_key(h: Hash) -> tuple[ptr[u8], i32]:
    """The statement's current key and its size."""
    stmt: Run = h.statement
    if not stmt.key:
        _ = key_room(stmt, 0)
    return stmt.key, stmt.key_used


@export
def hash_add(h: Hash) -> ptr[u8]:
    """The entry of the statement's current key, made (zeroed) if there is none; h.found tells. Errors: SQLITE_NOMEM."""
    key, size = hash_key(h)
    if size <= 9:
        plain, v = int_key(key, size)
        if plain:
            return hash_add_int(h, v)
    hash: i32 = bytes_hash(key, size)
    at: i32 = first_bucket(h, hash)
    while True:
        bucket: i64 = le64(h.buckets + at)
        if bucket == 0:
            break
        if i32(bucket) == hash:
            entry: ptr[u8] = ptr[u8](i32(bucket >> 32))
            if i32(le64(entry - 8)) == size and keys_equal(entry + h.key_at, key, size):
                h.found = 1
                return entry
        at = (at + 8) & h.mask
    return insert_bytes(h, key, size, hash, at)


def insert_bytes(h: Hash, key: ptr[u8], size: i32, hash: i32, at: i32) -> ptr[u8]:
    """A new entry of a byte key; `at` is its free bucket."""
    if size > 0x70000000:
        raise_nomem()
    if h.bytes >= h.bytes_max:
        if h.is_limited and h.count:
            h.found = 0
            return ptr[u8](0)
        if h.key_at == 0:
            set_spill(h)
            at = first_bucket(h, hash)
    if h.runs:
        found: ptr[u8] = in_file(h, key, size)
        if found:
            h.found = 1
            return found
    h.bytes += i64(h.key_at + size + OVERHEAD)
    fresh: ptr[u8] = arena_alloc(h.arena, 8 + h.key_at + ((size + 7) & ~7)) + 8
    put_le64(fresh - 8, i64(size))
    i: i32 = 0
    while i < size:
        put_le64(fresh + h.key_at + i, le64(key + i))
        i += 8
    hash_insert(h, fresh, hash, at, 0)
    return fresh


@export
def hash_find(h: Hash) -> ptr[u8]:
    """The entry of the statement's current key, null if there is none."""
    key, size = hash_key(h)
    if size <= 9:
        plain, v = int_key(key, size)
        if plain:
            return hash_find_int(h, v)
    hash: i32 = bytes_hash(key, size)
    at: i32 = first_bucket(h, hash)
    while True:
        bucket: i64 = le64(h.buckets + at)
        entry: ptr[u8] = ptr[u8](i32(bucket >> 32))
        if bucket == 0:
            return entry if h.runs == 0 else in_file(h, key, size)
        if i32(bucket) == hash and i32(le64(entry - 8)) == size and keys_equal(entry + h.key_at, key, size):
            return entry
        at = (at + 8) & h.mask


# --- sets beyond the memory limit -----------------------------------------------------------------------------


def set_spill(h: Hash) -> None:
    """Write all keys in memory to the file, as a run. Errors: SQLITE_NOMEM, SQLITE_FULL, SQLITE_IOERR, …"""
    if h.runs == 0:
        h.runs = i32(indexed_new(temp_flags(KernelConnection(h.statement.connection))))
    runs: IndexedRuns = IndexedRuns(h.runs)
    if runs.n_runs == RUNS_MAX:
        indexed_merge(runs)
    hash_sort(h)
    indexed_begin(runs, i64(h.count))
    for i in range(h.count):
        listed: i32 = h.order[i]
        word: i64 = le64(ptr[u8](listed & ~1) - 8)
        size: i32 = 9 if listed & 1 else i32(word)
        head: ptr[u8] = indexed_room(runs, size + 16)
        if listed & 1:
            size = key_put_int(head + 8, word, i64(0))
        else:
            copy_bytes(head + 8, ptr[u8](listed), size)
        put_le64(head, i64(size) << 32)
        indexed_write(runs, runs.fd, head)
    indexed_end(runs, runs.fd)
    hash_empty(h)


def in_file(h: Hash, key: ptr[u8], size: i32) -> ptr[u8]:
    """Not null if a run has the key (H6)."""
    return ptr[u8](i32(indexed_find(IndexedRuns(h.runs), key, size)))


@export
def int_in_file(h: Hash, key: i64) -> ptr[u8]:
    """The same of an integer key."""
    room: ptr[u8] = scratch(32)
    return in_file(h, room, key_put_int(room, key, i64(0)))


# --- iteration -----------------------------------------------------------------------------------------------


@export
def hash_count(h: Hash) -> i32:
    """How many entries are in memory: all of a table that is no set."""
    return h.count


@export
def hash_any(h: Hash) -> i32:
    """Not 0 if there are entries."""
    return h.count | i32(h.runs != 0)


@export
def hash_rewind(h: Hash) -> None:
    """Let hash_next begin with the first entry again."""
    h.at = 0


@export
@inline
def hash_next(h: Hash) -> ptr[u8]:
    """The next entry, null at the end. Entries added meanwhile come at the end."""
    at: i32 = h.at
    if at >= h.count:
        return ptr[u8](0)
    h.at = at + 1
    return ptr[u8](h.order[at] & ~1)


@export
def hash_sort(h: Hash) -> None:
    """Order the entries by key, and rewind. Errors: SQLITE_NOMEM."""
    n: i32 = h.count
    h.at = 0
    if n < 2:
        return
    if n > SORT_MAX:
        raise_nomem()
    # For each entry two items, and 16 bytes where an integer's address in `order` and its key (at 4) are written.
    items: ptr[Item] = ptr[Item](malloc(n * SORT_BYTES))
    rooms: ptr[u8] = ptr[u8](items + 2 * n)
    for i in range(n):
        hash_item(h, h.order[i], items[i], rooms + i * 16)
    sort_items(items, items + n, n, 0)
    for i in range(n):
        key: i32 = i32(items[i].key)
        h.order[i] = ptr[i32](key - 4)[0] if key & 4 else key - h.key_at
    mfree(ptr[u8](items))


@inline
def hash_item(h: Hash, listed: i32, item: Item, room: ptr[u8]) -> None:
    """Make the sort item of an entry as it stands in `order` (H4)."""
    head: i64 = le64(ptr[u8](listed & ~1) - 8)
    key: ptr[u8] = ptr[u8](listed + h.key_at)
    size: i32 = i32(head)
    if listed & 1:
        key = room + 4
        ptr[i32](room)[0] = listed
        size = key_put_int(key, head, i64(0))
    item.key = key
    item.size = size
    item.prefix = key_word(key, size, 0)
