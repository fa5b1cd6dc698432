"""ANALYZE: one pass over an index that counts equal and distinct prefixes and picks sample entries.

Owns the numbers of sqlite_stat1 and sqlite_stat4. For each prefix of the fields (the first, the first two, …) three
counts belong to an entry: `equal`, entries with the same prefix; `less`, entries before those; `distinct`, distinct
prefixes before it.

Samples are entries spread evenly over the index, and the last ones of large groups of equal prefixes; when there are
too many, the one of the smallest group goes. (Which entries SQLite samples is not documented; every choice is valid.)

Source: https://sqlite.org/fileformat2.html sections 2.6.3 and 2.6.5.

Invariants:
  N1  `counts` are those of the entry looked at last: three arrays of n numbers. Of a sample, those of prefixes
      0..open-1 may still grow: its groups have not ended.
  N2  NULLs are equal to each other here.
"""

from turso_wasm.kernel.abi import TEXT, Cursor, KernelConnection, KeyInfo, Resource, Run, Value
from turso_wasm.kernel.base.memory import alloc, malloc, mfree
from turso_wasm.kernel.base.resources import KIND_ANALYSIS, keep_alloc, resource_add
from turso_wasm.kernel.btree.cursor.move import cursor_first, cursor_next
from turso_wasm.kernel.btree.cursor.read import cursor_payload
from turso_wasm.kernel.btree.tree import btree_count
from turso_wasm.kernel.values.collate import compare_values
from turso_wasm.kernel.values.compare import record_fields
from turso_wasm.kernel.values.number_text import int_to_text
from turso_wasm.kernel.values.record import record_encode
from turso_wasm.wasm.lang import Struct, addr, export, funcref, i32, i64, memory_copy, memory_fill, ptr, sizeof, u8

__subset__ = True

STEP_ENTRIES = 1000
SAMPLES = 24
SPREAD = 9  # one more than the entries spread evenly
EVEN = -1  # Sample.prefix of those
NUMBER_SIZE = 21  # digits and a space


class Sample(Struct):
    """An entry of the index. prefix: the one of whose group it is the last entry; the fewer fields the better."""

    record: ptr[u8]
    size: i32
    counts: ptr[i64]
    prefix: i32
    open: i32


class Analysis(Resource):
    """An index in the course of being analysed."""

    statement: Run
    cursor: Cursor
    n: i32  # fields, the rowid or primary key behind the key columns included
    n_key: i32  # those that sqlite_stat1 tells of
    rows: i64
    total: i64  # entries of the index
    limit: i64  # how many are looked at, with one more; 0: all
    period: i64
    counts: ptr[i64]  # N1
    last: ptr[u8]  # the record of the entry before
    last_size: i32
    capacity: i32
    fields: ptr[Value]  # its fields
    current: ptr[Value]
    n_samples: i32
    at: i32  # the sample that is read
    samples: ptr[Sample]  # in the order of the index


@export
def analysis_begin(s: Run, c: Cursor, n_key: i32, most: i32) -> Analysis:
    """Begin to analyse an index of which a cursor is open; sqlite_stat1 tells of n_key fields. most: how many entries
    are looked at if PRAGMA analysis_limit does not say, 0: all. Raises.
    """
    a: Analysis = Analysis(i32(resource_add(s, sizeof(Analysis), KIND_ANALYSIS, funcref(analysis_release))))
    a.statement = s
    a.cursor = c
    a.n = KeyInfo(c.keyinfo).n_fields
    a.n_key = n_key
    limit: i32 = KernelConnection(s.connection).analysis_limit
    a.limit = i64(limit if limit else most)
    a.total = btree_count(c)
    a.period = a.total // i64(SPREAD) + 1
    a.counts = counts_new(a)
    a.fields = ptr[Value](i32(keep_alloc(s, a.n * sizeof(Value))))
    a.current = ptr[Value](i32(keep_alloc(s, a.n * sizeof(Value))))
    a.samples = ptr[Sample](i32(keep_alloc(s, SAMPLES * sizeof(Sample))))
    memory_fill(ptr[u8](i32(a.samples)), 0, SAMPLES * sizeof(Sample))
    for i in range(SAMPLES):
        a.samples[i].counts = counts_new(a)
    _ = cursor_first(c)
    return a


def counts_new(a: Analysis) -> ptr[i64]:
    """Three zeroed counts for each prefix."""
    counts: ptr[u8] = keep_alloc(a.statement, a.n * 24)
    memory_fill(counts, 0, a.n * 24)
    return ptr[i64](i32(counts))


def analysis_release(resource: i32) -> None:
    """Free an Analysis."""
    a: Analysis = Analysis(resource)
    for i in range(a.n_samples):
        mfree(a.samples[i].record)
    mfree(a.last)
    mfree(ptr[u8](resource))


# --- counting -------------------------------------------------------------------------------------------------


@export
def analysis_step(a: Analysis) -> i32:
    """Look at some entries; 0 when all were seen. Errors: SQLITE_CORRUPT."""
    c: Cursor = a.cursor
    more: i32 = c.valid
    n: i32 = 0
    while more and n < STEP_ENTRIES:
        entry_count(a)
        more = cursor_next(c)
        n += 1
        if a.limit and a.rows > a.limit:
            more = 0
    if not more and a.rows:
        groups_end(a, 0)
    return more


def entry_count(a: Analysis) -> None:
    """Look at the entry the cursor is on. Raises."""
    c: Cursor = a.cursor
    record: ptr[u8] = cursor_payload(c)
    for at in range(record_fields(record, c.payload_size, a.current, a.n), a.n):
        a.current[at].tag = 0
        a.current[at].payload = i64(0)
    changed: i32 = fields_changed(a) if a.rows else 0
    if a.rows:
        groups_end(a, changed)
    counts_advance(a, changed)
    last_keep(a, record, c.payload_size)
    if a.rows % a.period == 0:
        sample_add(a, EVEN, a.n - 1)


def fields_changed(a: Analysis) -> i32:
    """The first field in which the current entry differs from the last one (N2); n for equal entries."""
    flags: ptr[i32] = addr(KeyInfo(a.cursor.keyinfo).flags)
    for i in range(a.n):
        x: Value = a.fields[i]
        y: Value = a.current[i]
        if compare_values(Run(a.cursor.statement), x.tag, x.payload, y.tag, y.payload, flags[i]):
            return i
    return a.n


def counts_advance(a: Analysis, changed: i32) -> None:
    """Count the current entry, which begins new groups of the prefixes with more than `changed` fields (N1)."""
    equal: ptr[i64] = a.counts
    less: ptr[i64] = equal + a.n
    distinct: ptr[i64] = less + a.n
    for i in range(changed):
        equal[i] = equal[i] + 1
    for i in range(changed, a.n):
        if a.rows:
            distinct[i] = distinct[i] + 1
            less[i] = less[i] + equal[i]
        equal[i] = i64(1)
    a.rows += 1


def last_keep(a: Analysis, record: ptr[u8], size: i32) -> None:
    """The current entry becomes the last one."""
    if size > a.capacity:
        mfree(a.last)
        a.capacity = size * 2
        a.last = malloc(a.capacity)
    memory_copy(a.last, record, size)
    a.last_size = size
    for at in range(record_fields(a.last, size, a.fields, a.n), a.n):
        a.fields[at].tag = 0
        a.fields[at].payload = i64(0)


# --- samples --------------------------------------------------------------------------------------------------


def groups_end(a: Analysis, changed: i32) -> None:
    """The groups of the prefixes with more than `changed` fields end with the last entry."""
    for i in range(a.n_samples):
        sample: Sample = a.samples[i]
        while sample.open > changed:
            sample.open -= 1
            sample.counts[sample.open] = a.counts[sample.open]
    for prefix in range(a.n - 2, changed - 1, -1):
        group_sample(a, prefix)


def group_sample(a: Analysis, prefix: i32) -> None:
    """Let a group that ends have a sample, if it has none yet and is larger than that of some other sample."""
    distinct: i64 = a.counts[2 * a.n + prefix]
    for i in range(a.n_samples):
        sample: Sample = a.samples[i]
        if sample.counts[2 * a.n + prefix] == distinct:
            if sample.prefix != EVEN and sample.prefix > prefix:
                sample.prefix = prefix
            return
    sample_add(a, prefix, prefix)


def sample_add(a: Analysis, prefix: i32, open: i32) -> None:
    """Make the last entry a sample, unless only some of all entries are looked at."""
    if a.limit or (a.n_samples == SAMPLES and not sample_remove(a, prefix)):
        return
    sample: Sample = a.samples[a.n_samples]
    a.n_samples += 1
    sample.record = malloc(a.last_size)
    memory_copy(sample.record, a.last, a.last_size)
    sample.size = a.last_size
    memory_copy(ptr[u8](i32(sample.counts)), ptr[u8](i32(a.counts)), a.n * 24)
    sample.prefix = prefix
    sample.open = open


def sample_remove(a: Analysis, prefix: i32) -> i32:
    """Remove the sample of the smallest group; 0 if the last entry's group of this prefix is no larger."""
    worst: i32 = -1
    for i in range(SAMPLES):
        if a.samples[i].prefix != EVEN and (worst < 0 or group_is_smaller(a, i, worst)):
            worst = i
    if worst < 0:
        return 0
    found: Sample = a.samples[worst]
    if prefix != EVEN and found.counts[found.prefix] >= a.counts[prefix]:
        return 0
    mfree(found.record)
    counts: ptr[i64] = found.counts
    rest: i32 = SAMPLES - 1 - worst
    memory_copy(ptr[u8](i32(found)), ptr[u8](i32(a.samples[worst + 1])), rest * sizeof(Sample))
    a.samples[SAMPLES - 1].counts = counts
    a.n_samples -= 1
    return 1


def group_is_smaller(a: Analysis, i: i32, j: i32) -> i32:
    """1 if sample i stands for a smaller group than sample j, or for one of a longer prefix."""
    x: Sample = a.samples[i]
    y: Sample = a.samples[j]
    if x.counts[x.prefix] != y.counts[y.prefix]:
        return i32(x.counts[x.prefix] < y.counts[y.prefix])
    return i32(x.prefix > y.prefix)


# --- what is written ------------------------------------------------------------------------------------------


@export
def analysis_stat(a: Analysis) -> tuple[i32, i64]:
    """The text of sqlite_stat1: the number of entries, then for each prefix the average number of equal ones."""
    text: ptr[u8] = alloc(a.statement, (a.n_key + 1) * NUMBER_SIZE)
    used: i32 = int_to_text(a.total, text)
    for i in range(a.n_key):
        text[used] = 32
        used += 1 + int_to_text(average(a.rows, a.counts[2 * a.n + i] + 1), text + used + 1)
    return text_value(text, used)


def average(rows: i64, distinct: i64) -> i64:
    """Rows a distinct value, rounded up; but what is hardly more than 1 is 1. No rows: 0."""
    if rows == 0:
        return i64(0)
    found: i64 = (rows + distinct - 1) // distinct
    if found == 2 and rows * 10 <= distinct * 11:
        return i64(1)
    return found


def text_value(text: ptr[u8], size: i32) -> tuple[i32, i64]:
    """A TEXT."""
    return TEXT, i64(i32(text)) | i64(size) << 32


@export
def analysis_next(a: Analysis) -> i32:
    """Go to the next sample; 0 when there is none."""
    a.at += 1
    return i32(a.at <= a.n_samples)


@export
def analysis_counts(a: Analysis, which: i32) -> tuple[i32, i64]:
    """The counts of the sample as a text; which: 0 equal, 1 less, 2 distinct."""
    counts: ptr[i64] = a.samples[a.at - 1].counts + which * a.n
    text: ptr[u8] = alloc(a.statement, a.n * NUMBER_SIZE)
    used: i32 = 0
    for i in range(a.n):
        if i:
            text[used] = 32
            used += 1
        used += int_to_text(counts[i], text + used)
    return text_value(text, used)


@export
def analysis_sample(a: Analysis) -> i64:
    """The sample as a record of its n fields, in the arena. Errors: SQLITE_CORRUPT."""
    sample: Sample = a.samples[a.at - 1]
    n: i32 = record_fields(sample.record, sample.size, a.current, a.n)
    return record_encode(a.statement, a.current, n)
