"""How two polygons lie to each other, and a point to a polygon.

The plane is cut into vertical slabs at every vertex and wherever edges cross; within a slab no edges cross, so that
from bottom to top each gap between two edges lies wholly inside or outside of either polygon. Which gaps there are
(in the first only, in the second only, in both) tells everything. Heights are compared as 32-bit floats, so that edges
which lie on each other have no gap between them.

Source: https://sqlite.org/geopoly.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import INTEGER, NULL, Run
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.rtree.polygon import n_vertices, polygon, single, vertex
from turso_wasm.kernel.values.value import to_real
from turso_wasm.wasm.lang import Struct, export, f64, i32, i64, ptr, sizeof, u8

__subset__ = True

DISJOINT, OVERLAP, FIRST_WITHIN, SECOND_WITHIN, SAME = range(5)


class Edge(Struct):
    """An edge that is not vertical, from left to right. owner: 1 or 2."""

    x0: f64
    y0: f64
    x1: f64
    y1: f64
    height: f64  # in the slab that is looked at, as a float
    owner: i32
    unused: i32


class Edges(Struct):
    """The edges of both polygons, and where slabs begin and end."""

    stmt: Run
    edges: ptr[Edge]
    n: i32
    stops: ptr[f64]
    n_stops: i32
    capacity: i32
    active: ptr[i32]  # numbers of the edges in a slab, from bottom to top


def add_stop(e: Edges, x: f64) -> None:
    """A slab ends at x."""
    if e.n_stops == e.capacity:
        grown: ptr[f64] = ptr[f64](i32(alloc(e.stmt, e.capacity * 16)))
        for i in range(e.n_stops):
            grown[i] = e.stops[i]
        e.stops = grown
        e.capacity *= 2
    e.stops[e.n_stops] = x
    e.n_stops += 1


def add_edges(e: Edges, p: ptr[u8], owner: i32) -> None:
    """The edges of a polygon."""
    n: i32 = n_vertices(p)
    for i in range(n):
        j: i32 = i + 1 if i + 1 < n else 0
        add_stop(e, vertex(p, i, 0))
        if vertex(p, i, 0) == vertex(p, j, 0):
            continue
        is_right: i32 = i32(vertex(p, i, 0) < vertex(p, j, 0))
        left: i32 = i if is_right else j
        right: i32 = j if is_right else i
        edge: Edge = e.edges[e.n]
        edge.x0 = vertex(p, left, 0)
        edge.y0 = vertex(p, left, 1)
        edge.x1 = vertex(p, right, 0)
        edge.y1 = vertex(p, right, 1)
        edge.owner = owner
        e.n += 1


def add_crossing(e: Edges, a: Edge, b: Edge) -> None:
    """Where two edges cross amid both, a slab ends."""
    left: f64 = a.x0 if a.x0 > b.x0 else b.x0
    right: f64 = a.x1 if a.x1 < b.x1 else b.x1
    if left >= right:
        return
    slope: f64 = (a.y1 - a.y0) / (a.x1 - a.x0) - (b.y1 - b.y0) / (b.x1 - b.x0)
    if slope == 0.0:
        return
    x: f64 = left + (height_at(b, left) - height_at(a, left)) / slope
    if left < x and x < right:
        add_stop(e, x)


def height_at(a: Edge, x: f64) -> f64:
    """The y of an edge."""
    return a.y0 + (a.y1 - a.y0) * ((x - a.x0) / (a.x1 - a.x0))


def sort_stops(e: Edges) -> None:
    """Sort the ends of slabs (by heaps: there may be many)."""
    n: i32 = e.n_stops
    start: i32 = n // 2 - 1
    while start >= 0:
        sift(e.stops, start, n)
        start -= 1
    end: i32 = n - 1
    while end > 0:
        e.stops[0], e.stops[end] = e.stops[end], e.stops[0]
        sift(e.stops, 0, end)
        end -= 1


def sift(v: ptr[f64], at: i32, n: i32) -> None:
    """Let an element sink to its place in the heap."""
    while 2 * at + 1 < n:
        child: i32 = 2 * at + 1
        if child + 1 < n and v[child + 1] > v[child]:
            child += 1
        if v[at] >= v[child]:
            return
        v[at], v[child] = v[child], v[at]
        at = child


def gaps(e: Edges, left: f64, right: f64) -> i32:
    """Which gaps there are in a slab: bit 1: in the first polygon only, bit 2: in the second, bit 3: in both."""
    middle: f64 = (left + right) * 0.5
    n: i32 = 0
    for i in range(e.n):
        edge: Edge = e.edges[i]
        if edge.x0 > left or edge.x1 < right:
            continue
        edge.height = single(height_at(edge, middle))
        at: i32 = n
        while at > 0 and e.edges[e.active[at - 1]].height > edge.height:
            e.active[at] = e.active[at - 1]
            at -= 1
        e.active[at] = i
        n += 1
    inside: i32 = 0
    found: i32 = 0
    for at in range(n):
        edge = e.edges[e.active[at]]
        if inside and at and e.edges[e.active[at - 1]].height < edge.height:
            found |= 1 << inside
        inside ^= edge.owner
    return found


def relate(stmt: Run, p: ptr[u8], q: ptr[u8]) -> i32:
    """DISJOINT (also: they only touch), OVERLAP, FIRST_WITHIN, SECOND_WITHIN or SAME. Raises SQLITE_NOMEM."""
    total: i32 = n_vertices(p) + n_vertices(q)
    e: Edges = Edges(i32(alloc(stmt, sizeof(Edges))))
    e.stmt = stmt
    e.edges = ptr[Edge](i32(alloc(stmt, total * sizeof(Edge))))
    e.n = 0
    e.n_stops = 0
    e.capacity = 2 * total
    e.stops = ptr[f64](i32(alloc(stmt, e.capacity * 8)))
    e.active = ptr[i32](i32(alloc(stmt, total * 4)))
    add_edges(e, p, 1)
    add_edges(e, q, 2)
    for i in range(e.n):
        for j in range(i + 1, e.n):
            add_crossing(e, e.edges[i], e.edges[j])
    sort_stops(e)
    found: i32 = 0
    for i in range(1, e.n_stops):
        if e.stops[i - 1] < e.stops[i]:
            found |= gaps(e, e.stops[i - 1], e.stops[i])
    if found & 8 == 0:
        return DISJOINT
    if found & 6 == 6:
        return OVERLAP
    if found & 2:
        return SECOND_WITHIN
    return FIRST_WITHIN if found & 4 else SAME


@export
def fn_geopoly_overlap(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """0: disjoint, 1: they overlap, 2: the first is within the second, 3: the other way round, 4: they are the same."""
    p: ptr[u8] = polygon(stmt, tag, payload)
    q: ptr[u8] = polygon(stmt, tag2, payload2)
    if not p or not q:
        return NULL, i64(0)
    return INTEGER, i64(relate(stmt, p, q))


@export
def fn_geopoly_within(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """2: the polygons are the same, 1: the first is within the second, 0: it is not."""
    p: ptr[u8] = polygon(stmt, tag, payload)
    q: ptr[u8] = polygon(stmt, tag2, payload2)
    if not p or not q:
        return NULL, i64(0)
    relation: i32 = relate(stmt, p, q)
    return INTEGER, i64(2 if relation == SAME else i32(relation == FIRST_WITHIN))


@export
def fn_geopoly_contains_point(
    stmt: Run, tag: i32, payload: i64, x_tag: i32, x_payload: i64, y_tag: i32, y_payload: i64
) -> tuple[i32, i64]:
    """2: a point lies inside a polygon, 1: on its edge, 0: outside."""
    p: ptr[u8] = polygon(stmt, tag, payload)
    if not p:
        return NULL, i64(0)
    x: f64 = to_real(x_tag, x_payload)
    y: f64 = to_real(y_tag, y_payload)
    n: i32 = n_vertices(p)
    below: i32 = 0
    for i in range(n):
        j: i32 = i + 1 if i + 1 < n else 0
        side: i32 = beneath(x, y, vertex(p, i, 0), vertex(p, i, 1), vertex(p, j, 0), vertex(p, j, 1))
        if side == 2:
            return INTEGER, i64(1)
        below += side
    return INTEGER, i64(2 * (below & 1))


def beneath(x: f64, y: f64, x0: f64, y0: f64, x1: f64, y1: f64) -> i32:
    """2: a point lies on an edge, 1: below it, 0: neither. Of its ends an edge has the left one."""
    if x == x0 and y == y0:
        return 2
    if x0 > x1:
        x0, x1 = x1, x0
        y0, y1 = y1, y0
    if x0 == x1:
        low: f64 = y0 if y0 < y1 else y1
        high: f64 = y1 if y0 < y1 else y0
        return 2 if x == x0 and low <= y and y <= high else 0
    if x < x0 or x > x1:
        return 0
    at: f64 = y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    if y == at:
        return 2
    return i32(y < at and x < x1)
