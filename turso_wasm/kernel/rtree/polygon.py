"""Polygons: JSON text and blobs, and what is computed from one of them.

A polygon in memory is its blob:

  OFFSET  SIZE  MEANING
  0       1     1: the floats are little-endian, 0: big-endian (only in what we are given)
  1       3     n: number of vertices, big-endian
  4       8*n   x and y of each, 32-bit floats; the first vertex follows the last one

Source: https://sqlite.org/geopoly.html, and observed behaviour of SQLite 3.54.
"""

from turso_wasm.kernel.abi import BLOB, NULL, TEXT, Run, Value
from turso_wasm.kernel.abi_modules import GroupBox
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.memory import alloc
from turso_wasm.kernel.functions.printf_real import put_real
from turso_wasm.kernel.functions.printf_spec import Spec
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_put, buffer_room, buffer_value
from turso_wasm.kernel.values.number import is_digit, is_space, text_to_real
from turso_wasm.kernel.values.value import bytes_of, pack, real_value, size_of, to_integer, to_real, to_text
from turso_wasm.wasm.lang import (
    be32,
    bswap32,
    export,
    f32,
    f64,
    i32,
    i64,
    lit,
    memory_copy,
    memory_fill,
    ptr,
    put_be32,
    scratch,
    sizeof,
    u8,
    u32,
)

__subset__ = True

HEAD = 4
LEAST, MOST_REGULAR = 3, 1000  # vertices
RADIUS_END = 1e300  # of regular polygons
LETTER_G = 103
OPEN, CLOSE, COMMA, MINUS, PLUS, DOT = 91, 93, 44, 45, 43, 46
PI = 3.1415926535897932385
SINE_1, SINE_3, SINE_5 = 0.9996949, -0.1656700, 0.0075134  # of x, x³, x⁵: the approximation that SQLite uses


# --- in memory -------------------------------------------------------------------------------------------------------


def n_vertices(p: ptr[u8]) -> i32:
    """The number of vertices."""
    return i32(be32(p) & u32(0xFFFFFF))


def vertex(p: ptr[u8], i: i32, axis: i32) -> f64:
    """A coordinate of a vertex: x (axis 0) or y."""
    return ptr[f32](i32(p) + HEAD)[2 * i + axis]


def set_vertex(p: ptr[u8], i: i32, x: f64, y: f64) -> None:
    """Set a vertex."""
    at: ptr[f32] = ptr[f32](i32(p) + HEAD)
    at[2 * i] = x
    at[2 * i + 1] = y


def polygon_new(stmt: Run, n: i32) -> ptr[u8]:
    """A polygon of n vertices, which are to be set."""
    p: ptr[u8] = alloc(stmt, HEAD + 8 * n)
    put_be32(p, u32(n))
    p[0] = 1
    return p


def polygon_value(p: ptr[u8]) -> tuple[i32, i64]:
    """The blob."""
    return BLOB, pack(p, HEAD + 8 * n_vertices(p))


def of_blob(stmt: Run, p: ptr[u8], size: i32) -> ptr[u8]:
    """A polygon, or null."""
    if size < HEAD + 8 * LEAST or p[0] > 1 or size != HEAD + 8 * n_vertices(p):
        return ptr[u8](0)
    copy: ptr[u8] = alloc(stmt, size)
    memory_copy(copy, p, size)
    if p[0] == 0:
        words: ptr[u32] = ptr[u32](i32(copy) + HEAD)
        for i in range(2 * n_vertices(p)):
            words[i] = bswap32(words[i])
    copy[0] = 1
    return copy


# --- JSON ------------------------------------------------------------------------------------------------------------


def skip_space(p: ptr[u8], n: i32, i: i32) -> i32:
    """The index behind white space."""
    while i < n and is_space(p[i]):
        i += 1
    return i


def scan_coordinate(p: ptr[u8], n: i32, start: i32) -> i32:
    """The index behind a number of JSON, which may begin with its point; `start` if there is none."""
    i: i32 = start
    if i < n and p[i] == MINUS:
        i += 1
    if i + 1 < n and p[i] == 48 and is_digit(p[i + 1]):
        return start
    has_point: i32 = 0
    has_exponent: i32 = 0
    while i < n:
        c: i32 = p[i]
        if c == DOT:
            if has_point or (i > start and p[i - 1] == MINUS):
                return start
            has_point = 1
        elif c | 32 == 101:
            if has_exponent or i == start or not is_digit(p[i - 1]):
                return start
            has_exponent = 1
            has_point = 1
            if i + 1 < n and (p[i + 1] == PLUS or p[i + 1] == MINUS):
                i += 1
        elif not is_digit(c):
            break
        i += 1
    return i if i > start and is_digit(p[i - 1]) else start


def is_array(p: ptr[u8], n: i32) -> bool:
    """Whether a text begins as a JSON array."""
    i: i32 = skip_space(p, n, 0)
    return i < n and p[i] == OPEN


def of_json(stmt: Run, p: ptr[u8], n: i32) -> ptr[u8]:
    """The polygon of `[[x, y], …]`, whose last vertex is the first again, or null; only two numbers count."""
    if not is_array(p, n):
        return ptr[u8](0)
    i: i32 = skip_space(p, n, 0) + 1
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    memory_fill(buffer_room(b, i64(HEAD)), 0, HEAD)
    count: i32 = 0
    i = skip_space(p, n, i)
    while i < n and p[i] == OPEN:
        i, ok = scan_vertex(b, p, n, i + 1)
        if ok == 0:
            return ptr[u8](0)
        count += 1
        i = skip_space(p, n, i)
        if i < n and p[i] == COMMA:
            i = skip_space(p, n, i + 1)
        elif i >= n or p[i] != CLOSE:
            return ptr[u8](0)
    if i >= n or p[i] != CLOSE or skip_space(p, n, i + 1) < n or count < LEAST + 1:
        return ptr[u8](0)
    last: i32 = count - 1
    put_be32(b.data, u32(last))
    b.data[0] = 1
    if vertex(b.data, 0, 0) != vertex(b.data, last, 0) or vertex(b.data, 0, 1) != vertex(b.data, last, 1):
        return ptr[u8](0)
    return b.data


def scan_vertex(b: Buffer, p: ptr[u8], n: i32, i: i32) -> tuple[i32, i32]:
    """(the index behind the vertex that begins behind the bracket, 1), and its coordinates appended; (…, 0): none."""
    axis: i32 = 0
    while 1:
        i = skip_space(p, n, i)
        end: i32 = scan_coordinate(p, n, i)
        if end == i:
            return i, 0
        if axis < 2:
            v, _used = text_to_real(p + i, end - i)
            word: ptr[f32] = ptr[f32](i32(buffer_room(b, i64(4))))
            word[0] = v
        axis += 1
        i = skip_space(p, n, end)
        if i < n and p[i] == COMMA:
            i += 1
            continue
        break
    return i + 1, i32(axis >= 2 and i < n and p[i] == CLOSE)


def polygon(stmt: Run, tag: i32, payload: i64) -> ptr[u8]:
    """The polygon that a value is, or null."""
    if tag == BLOB:
        return of_blob(stmt, bytes_of(payload), size_of(payload))
    if tag == TEXT:
        return of_json(stmt, bytes_of(payload), size_of(payload))
    return ptr[u8](0)


# --- functions -------------------------------------------------------------------------------------------------------


@export
def fn_geopoly_blob(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """The blob of a polygon."""
    p: ptr[u8] = polygon(stmt, tag, payload)
    if not p:
        return NULL, i64(0)
    blob_tag, blob = polygon_value(p)
    return blob_tag, blob


@export
def fn_geopoly_json(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """A polygon as JSON."""
    p: ptr[u8] = polygon(stmt, tag, payload)
    if not p:
        return NULL, i64(0)
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    spec: Spec = Spec(scratch(sizeof(Spec)))
    memory_fill(ptr[u8](i32(spec)), 0, sizeof(Spec))
    spec.precision = -1
    spec.conversion = LETTER_G
    spec.more = 1
    buffer_put(b, OPEN)
    n: i32 = n_vertices(p)
    for i in range(n + 1):
        at: i32 = i if i < n else 0
        if i:
            buffer_put(b, COMMA)
        buffer_put(b, OPEN)
        put_real(b, spec, vertex(p, at, 0))
        buffer_put(b, COMMA)
        put_real(b, spec, vertex(p, at, 1))
        buffer_put(b, CLOSE)
    buffer_put(b, CLOSE)
    text_tag, text = buffer_value(b)
    return text_tag, text


@export
def fn_geopoly_svg(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """A polygon as a polyline of SVG; further arguments are attributes."""
    p: ptr[u8] = polygon(stmt, values[0].tag, values[0].payload) if n else ptr[u8](0)
    if not p:
        return NULL, i64(0)
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    spec: Spec = Spec(scratch(sizeof(Spec)))
    memory_fill(ptr[u8](i32(spec)), 0, sizeof(Spec))
    spec.precision = -1
    spec.conversion = LETTER_G
    buffer_add(b, *lit(b"<polyline points='"))
    vertices: i32 = n_vertices(p)
    for i in range(vertices + 1):
        at: i32 = i if i < vertices else 0
        if i:
            buffer_put(b, 32)
        put_real(b, spec, vertex(p, at, 0))
        buffer_put(b, COMMA)
        put_real(b, spec, vertex(p, at, 1))
    buffer_put(b, 39)
    for i in range(1, n):
        text: i64 = to_text(stmt, values[i].tag, values[i].payload) if values[i].tag != NULL else i64(0)
        if size_of(text):
            buffer_put(b, 32)
            buffer_add(b, bytes_of(text), size_of(text))
    buffer_add(b, *lit(b"></polyline>"))
    text_tag, svg = buffer_value(b)
    return text_tag, svg


def single(v: f64) -> f64:
    """The nearest 32-bit float: SQLite computes with these."""
    word: ptr[f32] = ptr[f32](i32(scratch(4)))
    word[0] = v
    return word[0]


def area_of(p: ptr[u8]) -> f64:
    """The area: positive if the vertices go round counter-clockwise."""
    total: f64 = 0.0
    n: i32 = n_vertices(p)
    for i in range(n):
        j: i32 = i + 1 if i + 1 < n else 0
        width: f64 = single(vertex(p, i, 0) - vertex(p, j, 0))
        total += single(width * single(vertex(p, i, 1) + vertex(p, j, 1))) * 0.5
    return total


@export
def fn_geopoly_area(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """The area of a polygon."""
    p: ptr[u8] = polygon(stmt, tag, payload)
    if not p:
        return NULL, i64(0)
    area_tag, area = real_value(area_of(p))
    return area_tag, area


@export
def fn_geopoly_ccw(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """The polygon, counter-clockwise: the first vertex stays."""
    p: ptr[u8] = polygon(stmt, tag, payload)
    if not p:
        return NULL, i64(0)
    if area_of(p) < 0.0:
        low: i32 = 1
        high: i32 = n_vertices(p) - 1
        while low < high:
            x: f64 = vertex(p, low, 0)
            y: f64 = vertex(p, low, 1)
            set_vertex(p, low, vertex(p, high, 0), vertex(p, high, 1))
            set_vertex(p, high, x, y)
            low += 1
            high -= 1
    blob_tag, blob = polygon_value(p)
    return blob_tag, blob


@export
def fn_geopoly_debug(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """NULL: only SQLite's own debugging builds print something."""
    return NULL, i64(0)


@export
def fn_geopoly_xform(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """Every vertex (x, y) becomes (a·x + b·y + e, c·x + d·y + f)."""
    p: ptr[u8] = polygon(stmt, values[0].tag, values[0].payload)
    if not p:
        return NULL, i64(0)
    k: ptr[f64] = ptr[f64](i32(scratch(6 * 8)))
    for i in range(6):
        k[i] = to_real(values[i + 1].tag, values[i + 1].payload)
    for i in range(n_vertices(p)):
        x: f64 = vertex(p, i, 0)
        y: f64 = vertex(p, i, 1)
        set_vertex(p, i, k[0] * x + k[1] * y + k[4], k[2] * x + k[3] * y + k[5])
    blob_tag, blob = polygon_value(p)
    return blob_tag, blob


def sine(r: f64) -> f64:
    """About the sine of an angle between -π/2 and 2π."""
    if r >= 1.5 * PI:
        r -= 2.0 * PI
    if r >= 0.5 * PI:
        return -sine(r - PI)
    square: f64 = r * r
    return r * (SINE_1 + square * (SINE_3 + square * SINE_5))


@export
def fn_geopoly_regular(stmt: Run, values: ptr[Value], n: i32) -> tuple[i32, i64]:
    """A regular polygon: x and y of its centre, its radius, number of vertices (at most 1000)."""
    x: f64 = to_real(values[0].tag, values[0].payload)
    y: f64 = to_real(values[1].tag, values[1].payload)
    radius: f64 = to_real(values[2].tag, values[2].payload)
    wanted: i64 = to_integer(values[3].tag, values[3].payload)
    if wanted < i64(LEAST) or not (radius > 0.0 and radius < RADIUS_END):
        return NULL, i64(0)
    count: i32 = i32(wanted) if wanted < i64(MOST_REGULAR) else MOST_REGULAR
    p: ptr[u8] = polygon_new(stmt, count)
    for i in range(count):
        angle: f64 = 2.0 * PI * f64(i) / f64(count)
        set_vertex(p, i, x - radius * sine(angle - 0.5 * PI), y + radius * sine(angle))
    blob_tag, blob = polygon_value(p)
    return blob_tag, blob


# --- bounding boxes --------------------------------------------------------------------------------------------------


def bounds(stmt: Run, tag: i32, payload: i64, box: ptr[f64]) -> i32:
    """Write the least and greatest x and y of a polygon; 0 for what can be none.

    SQLite takes a text for one that does not begin as an array, and a blob that is long enough.
    """
    p: ptr[u8] = polygon(stmt, tag, payload)
    if not p:
        memory_fill(ptr[u8](i32(box)), 0, 32)
        if tag == BLOB:
            return i32(size_of(payload) >= HEAD + 8 * LEAST)
        return i32(tag == TEXT and not is_array(bytes_of(payload), size_of(payload)))
    for axis in range(2):
        box[2 * axis] = vertex(p, 0, axis)
        box[2 * axis + 1] = vertex(p, 0, axis)
        for i in range(1, n_vertices(p)):
            v: f64 = vertex(p, i, axis)
            if v < box[2 * axis]:
                box[2 * axis] = v
            if v > box[2 * axis + 1]:
                box[2 * axis + 1] = v
    return 1


def box_value(stmt: Run, box: ptr[f64]) -> tuple[i32, i64]:
    """A box as a polygon."""
    p: ptr[u8] = polygon_new(stmt, 4)
    set_vertex(p, 0, box[0], box[2])
    set_vertex(p, 1, box[1], box[2])
    set_vertex(p, 2, box[1], box[3])
    set_vertex(p, 3, box[0], box[3])
    blob_tag, blob = polygon_value(p)
    return blob_tag, blob


@export
def fn_geopoly_bbox(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """The bounding box of a polygon, as a polygon."""
    box: ptr[f64] = ptr[f64](i32(scratch(32)))
    if not polygon(stmt, tag, payload) or bounds(stmt, tag, payload, box) == 0:
        return NULL, i64(0)
    blob_tag, blob = box_value(stmt, box)
    return blob_tag, blob


@export
def fn_geopoly_bound(stmt: Run, tag: i32, payload: i64, side_tag: i32, side: i64) -> tuple[i32, i64]:
    """A side of the bounding box a condition asks for: least x, greatest x, least y, greatest y; NULL for what SQLite
    takes for a polygon. Errors: "SQL logic error" for other values.
    """
    box: ptr[f64] = ptr[f64](i32(scratch(32)))
    if bounds(stmt, tag, payload, box) == 0:
        raise_error(SQLITE_ERROR, *lit(b"SQL logic error"))
    if not polygon(stmt, tag, payload):
        return NULL, i64(0)
    value_tag, value = real_value(box[i32(side)])
    return value_tag, value


@export
def geopoly_box(stmt: Run, values: ptr[Value], tag: i32, payload: i64) -> i32:
    """Write the bounding box as four values (minimum and maximum of x, of y); 0 for what cannot be a polygon."""
    box: ptr[f64] = ptr[f64](i32(scratch(32)))
    if bounds(stmt, tag, payload, box) == 0:
        return 0
    for i in range(4):
        value_tag, value = real_value(box[i])
        values[i].tag = value_tag
        values[i].payload = value
    return 1


@export
def geopoly_group_step(stmt: Run, g: GroupBox, tag: i32, payload: i64) -> None:
    """Let the box of geopoly_group_bbox cover a polygon."""
    box: ptr[f64] = ptr[f64](i32(scratch(32)))
    if bounds(stmt, tag, payload, box) == 0:
        return
    for i in range(4):
        if not g.any or ((box[i] > g.box[i]) if i & 1 else (box[i] < g.box[i])):
            g.box[i] = box[i]
    g.any = 1


@export
def geopoly_group_value(stmt: Run, g: GroupBox) -> tuple[i32, i64]:
    """The box; NULL if there was no polygon."""
    if not g.any:
        return NULL, i64(0)
    blob_tag, blob = box_value(stmt, g.box)
    return blob_tag, blob
