"""Searching an index of vectors: rows that may be among the nearest, list by list.

The lists are gone through from the one whose centroid is nearest. A row is handed over unless its code says that, most
probably, it is farther than as many rows as are wanted. What counts of those are their true distances, of which the
statement tells (fn_ivf_near) when a row has passed all its conditions: so the search goes on until enough rows have.
It ends when so many lists (`probes`) in a row had none of the nearest.

Owns the resource that a Program holds while it reads the rows.

Source: Jégou, Douze and Schmid, "Product Quantization for Nearest Neighbor Search" (2011), for the inverted lists;
kernel/vector/codes.py for the codes.
"""

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, SEEK_GE, Arena, Cursor, Resource, Run, Value
from turso_wasm.kernel.base.errors import raise_corrupt
from turso_wasm.kernel.base.memory import arena_alloc, arena_free, arena_mark, arena_release, mfree
from turso_wasm.kernel.base.resources import resource_add
from turso_wasm.kernel.btree.cursor.move import cursor_first, cursor_next, index_next
from turso_wasm.kernel.btree.cursor.read import cursor_column, cursor_columns, cursor_rowid
from turso_wasm.kernel.btree.cursor.seek import cursor_seek_key, cursor_seek_rowid
from turso_wasm.kernel.values.best import Best, best_add, best_begin, best_is_full
from turso_wasm.kernel.values.value import bytes_of, size_of
from turso_wasm.kernel.vector.blob import Vector
from turso_wasm.kernel.vector.codes import QUERY_BITS, Question, ask, code_size, least_square, most_product
from turso_wasm.kernel.vector.distance import COSINE, DOT, product_of_floats, squares_of_floats
from turso_wasm.kernel.vector.indexed import MOST_DIMENSIONS, is_vector, padded, prepared, subtract
from turso_wasm.wasm.lang import (
    Struct,
    export,
    f32,
    f64,
    float_from_bits,
    funcref,
    i32,
    i64,
    memory_copy,
    ptr,
    scratch,
    sizeof,
    u8,
    u32,
)

__subset__ = True

KIND_VECTORS = 23
BEFORE = -2
STATE = 1  # the rowid of the one row that there is of the state
DIMENSIONS, CENTROIDS = 1, 4  # its columns
PASSED_MOST = 10000  # rows that are passed over in one call: the statement may have to pause
INFINITY = 1e999
ROUNDING = 1e-6


class Near(Struct):
    """A list, and how far its centroid is."""

    distance: f64
    list: i32
    unused: i32


class VectorSearch(Resource):
    """A search. nth: the list that is read, in the order of `lists`; -1: list 0, BEFORE: none. until: the last list,
    if nothing better is found.
    """

    arena: Arena.embed
    stmt: Run
    state: Cursor
    entries: Cursor
    pending: Cursor
    table: Cursor
    metric: i32
    probes: i32
    n_lists: i32
    nth: i32
    until: i32
    estimates: i32  # 0: all rows of the table are handed over
    fresh: i32  # 1: the cursor was not yet moved to the list
    lists: ptr[Near]
    centroids: ptr[u8]
    query: ptr[f32]
    rest: ptr[f32]  # of the query, beside a centroid
    size: i32  # of a code
    best: Best.embed
    question: Question.embed
    base: f64  # DOT: the product of the query and the centroid
    rowid: i64


def search_release(resource: i32) -> None:
    """Free a search."""
    arena_free(VectorSearch(resource).arena)
    mfree(ptr[u8](resource))


@export
def ivf_open(stmt: Run, place: ptr[i32], cursors: ptr[i32], metric: i32, bits: i32) -> VectorSearch:
    """A search: that at `place`, begun anew, or a new one. cursors: on the state, on the entries of all lists, on the
    rows that others have changed, on the table.
    """
    if place[0] == 0:
        new: i32 = i32(resource_add(stmt, sizeof(VectorSearch), KIND_VECTORS, funcref(search_release)))
        place[0] = new
    s: VectorSearch = VectorSearch(place[0])
    arena_free(s.arena)
    s.stmt = stmt
    s.state = Cursor(cursors[0])
    s.entries = Cursor(cursors[1])
    s.pending = Cursor(cursors[2])
    s.table = Cursor(cursors[3])
    s.metric = metric
    s.question.bits = bits
    return s


@export
def ivf_first(s: VectorSearch, tag: i32, payload: i64, limit_tag: i32, limit: i64, probes: i32) -> i32:
    """Go to the first row that may be among so many nearest to a vector: 0 if there is none. probes: after how many
    lists without any of the nearest the search ends, 0: a quarter.

    All rows of the table are handed over where nothing can be estimated: the index is not trained, or behind the table;
    any row may be wanted; the query is no vector of the index's.
    """
    wanted: Value = Value(i32(scratch(sizeof(Value))))
    wanted.tag = limit_tag
    wanted.payload = limit
    best_begin(s.best, s.arena, wanted)
    s.estimates = 0
    if s.best.limit > 0 and cursor_first(s.pending) == 0 and centroids_read(s):
        query_read(s, tag, payload)
    s.probes = probes if probes > 0 else s.n_lists // 4 + 1
    s.until = 0
    s.nth = BEFORE
    if s.estimates == 0:
        return table_row(s, cursor_first(s.table))
    return ivf_next(s)


def table_row(s: VectorSearch, found: i32) -> i32:
    """The row that the cursor on the table is on, if it is on one."""
    if found:
        s.rowid = cursor_rowid(s.table)
    return found


def centroids_read(s: VectorSearch) -> bool:
    """Load the centroids; false: there are none."""
    s.n_lists = 0
    if cursor_seek_rowid(s.state, i64(STATE)) == 0:
        return False
    tag, dimensions = cursor_column(s.state, DIMENSIONS)
    blob_tag, blob = cursor_column(s.state, CENTROIDS)
    if tag != INTEGER or blob_tag != BLOB or dimensions <= 0 or dimensions > MOST_DIMENSIONS:
        return False
    s.question.n = padded(i32(dimensions))
    s.n_lists = size_of(blob) // (4 * s.question.n)
    s.centroids = arena_alloc(s.arena, size_of(blob))
    memory_copy(s.centroids, bytes_of(blob), size_of(blob))
    s.size = code_size(s.question.n, s.question.bits)
    s.lists = ptr[Near](arena_alloc(s.arena, sizeof(Near) * s.n_lists))
    for i in range(s.n_lists):
        s.lists[i].list = i + 1
    return s.n_lists > 0


def query_read(s: VectorSearch, tag: i32, payload: i64) -> None:
    """Estimate by the codes, and put the lists in order, if the query is a vector as those of the index."""
    v: Vector = Vector(scratch(sizeof(Vector)))
    if not is_vector(v, tag, payload) or padded(v.n) != s.question.n:
        return
    mark: i32 = arena_mark(s.stmt.arena)
    x: ptr[f32] = prepared(s.stmt, v, s.metric)
    n: i32 = s.question.n
    if x:
        s.estimates = 1
        s.query = ptr[f32](arena_alloc(s.arena, 4 * n))
        s.rest = ptr[f32](arena_alloc(s.arena, 4 * n))
        s.question.planes = arena_alloc(s.arena, (n >> 3) * QUERY_BITS)
        memory_copy(s.query, x, 4 * n)
        if s.metric == DOT:
            ask(s.question, s.query)
        for i in range(s.n_lists):
            s.lists[i].distance = distance_to(s, s.centroids + 4 * n * i)
        heap_sort(s.lists, s.n_lists)
    arena_release(s.stmt.arena, mark)


def distance_to(s: VectorSearch, centroid: ptr[u8]) -> f64:
    """How far a centroid is from the query, to compare it with others."""
    if s.metric == DOT:
        return 0.0 - product_of_floats(ptr[u8](s.query), centroid, s.question.n)
    return squares_of_floats(ptr[u8](s.query), centroid, s.question.n)


def heap_sort(lists: ptr[Near], n: i32) -> None:
    """The nearest first."""
    at: i32 = n >> 1
    left: i32 = n
    while left > 1:
        if at > 0:
            at -= 1
        else:
            left -= 1
            swap(lists[0], lists[left])
        sift(lists, at, left)


def sift(lists: ptr[Near], at: i32, n: i32) -> None:
    """Put a list below all that are farther, in a heap whose farthest is on top."""
    while True:
        child: i32 = 2 * at + 1
        if child >= n:
            return
        if child + 1 < n and lists[child + 1].distance > lists[child].distance:
            child += 1
        if not (lists[child].distance > lists[at].distance):
            return
        swap(lists[at], lists[child])
        at = child


def swap(a: Near, b: Near) -> None:
    """Exchange two."""
    distance: f64 = a.distance
    number: i32 = a.list
    a.distance, a.list = b.distance, b.list
    b.distance, b.list = distance, number


@export
def ivf_next(s: VectorSearch) -> i32:
    """Go to the next row that may be among the nearest: 0 if there is none. Errors: SQLITE_CORRUPT."""
    if s.estimates == 0:
        return table_row(s, cursor_next(s.table))
    passed: i32 = 0
    entry: ptr[Value] = ptr[Value](scratch(3 * sizeof(Value)))
    while True:
        if s.nth == BEFORE or not entry_next(s, entry):
            if not list_next(s):
                return 0
            continue
        s.rowid = entry[1].payload
        passed += 1
        if passed > PASSED_MOST or not best_is_full(s.best) or is_wanted(s, entry[2]):
            return 1


def entry_next(s: VectorSearch, entry: ptr[Value]) -> bool:
    """Go to the next entry of the list; false: that was the last one."""
    number: i32 = 0 if s.nth < 0 else s.lists[s.nth].list
    if s.fresh:
        s.fresh = 0
        probe: Value = Value(i32(scratch(sizeof(Value))))
        probe.tag = INTEGER
        probe.payload = i64(number)
        if cursor_seek_key(s.entries, ptr[Value](i32(probe)), 1, SEEK_GE) == 0:
            return False
    elif index_next(s.entries) == 0:
        return False
    cursor_columns(s.entries, i64(7), entry)
    return entry[0].tag == INTEGER and entry[0].payload == i64(number)


def list_next(s: VectorSearch) -> bool:
    """Go to the next list; false: the search has ended."""
    s.nth += 1
    if s.nth >= s.n_lists or (s.nth > s.until and best_is_full(s.best)):
        return False
    s.fresh = 1
    if s.nth >= 0:
        n: i32 = s.question.n
        if s.metric == DOT:
            s.base = s.lists[s.nth].distance
        else:
            memory_copy(s.rest, s.query, 4 * n)
            subtract(s.rest, s.centroids + 4 * n * (s.lists[s.nth].list - 1), n)
            ask(s.question, s.rest)
    return True


def is_wanted(s: VectorSearch, code: Value) -> bool:
    """Whether a row may be nearer than the farthest of those that are wanted."""
    if code.tag != BLOB:
        return True
    if size_of(code.payload) != s.size:
        raise_corrupt(u32(0))
    farthest: f64 = 0.0 - s.best.heap[0]
    p: ptr[u8] = bytes_of(code.payload)
    least: f64 = 0.0
    if s.metric == DOT:
        least = s.base - most_product(s.question, p)
    else:
        least = least_square(s.question, p)
        if s.metric == COSINE:
            least = least * 0.5
        else:
            farthest = farthest * farthest
    return not (least > farthest + ROUNDING)


@export
def ivf_rowid(s: VectorSearch) -> i64:
    """The rowid of the row."""
    return s.rowid


@export
def fn_ivf_near(stmt: Run, tag: i32, payload: i64, distance_tag: i32, distance: i64) -> tuple[i32, i64]:
    """The distance of a row that has passed all conditions: the search is told of it. NULLs come first."""
    s: VectorSearch = VectorSearch(i32(payload))
    if best_add(s.best, INFINITY if distance_tag == NULL else 0.0 - float_from_bits(distance)):
        s.until = s.nth + s.probes
    return distance_tag, distance
