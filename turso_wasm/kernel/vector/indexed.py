"""What an index of vectors keeps of each: in which list it is, and its code.

List 0 is that of the rows that are looked at in every search: those without a vector, and those whose vector has no
direction (cosine), is not finite, or is of bits. The others are those of the centroids, from 1 on.

To an index vectors are what its distance makes of them: of length 1 for the cosine; then rotated, zeros appended up to
a multiple of 64 components.
"""

from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, Run, Value
from turso_wasm.kernel.abi_states import ConcatState
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.base.memory import arena_mark, arena_release
from turso_wasm.kernel.values.aggregate import concat_grow
from turso_wasm.kernel.values.buffer import Buffer, buffer_add, buffer_init, buffer_value
from turso_wasm.kernel.values.number_text import int_to_text
from turso_wasm.kernel.values.value import alloc_text, bytes_of, pack, size_of
from turso_wasm.kernel.vector.blob import BITS, Vector, blob_fits, components
from turso_wasm.kernel.vector.clusters import nearest
from turso_wasm.kernel.vector.codes import code_size, encode
from turso_wasm.kernel.vector.distance import COSINE
from turso_wasm.kernel.vector.rotation import WORD, rotate
from turso_wasm.wasm.lang import (
    export,
    f32,
    f64,
    i32,
    i64,
    lit,
    memory_copy,
    ptr,
    scratch,
    sizeof,
    sqrt,
    sub_floats,
    u8,
    u32,
    v128,
)

__subset__ = True

MOST_DIMENSIONS = 65536
MOST_SQUARE = 1e30


def padded(n: i32) -> i32:
    """The components of a rotated vector."""
    return (n + (WORD - 1)) // WORD * WORD


def is_vector(v: Vector, tag: i32, payload: i64) -> bool:
    """Whether a value is a blob that is a vector with a number of components that can be indexed."""
    if tag != BLOB:
        return False
    v.data = bytes_of(payload)
    return blob_fits(v, size_of(payload)) and v.n > 0 and v.n <= MOST_DIMENSIONS


def prepared(stmt: Run, v: Vector, metric: i32) -> ptr[f32]:
    """A vector as an index has it; null: its distance to others cannot be estimated."""
    if v.kind == BITS:
        return ptr[f32](0)
    values: ptr[f64] = components(stmt, v)
    square: f64 = 0.0
    for i in range(v.n):
        square += values[i] * values[i]
    if not (square < MOST_SQUARE) or (metric == COSINE and square < 1.0 / MOST_SQUARE):
        return ptr[f32](0)
    scale: f64 = 1.0 / sqrt(square) if metric == COSINE else 1.0
    n: i32 = padded(v.n)
    out: ptr[f32] = ptr[f32](alloc_text(stmt, i64(4 * n)))
    for i in range(n):
        out[i] = values[i] * scale if i < v.n else 0.0
    rotate(out, n)
    return out


@export
def fn_ivf_dimensions(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """How many components a vector has; NULL: the value is none."""
    v: Vector = Vector(scratch(sizeof(Vector)))
    if is_vector(v, tag, payload) and v.kind != BITS:
        return INTEGER, i64(v.n)
    return NULL, 0


@export
def fn_ivf_list(stmt: Run, given: ptr[Value], n: i32) -> tuple[i32, i64]:
    """The list of a row; NULL while there are no centroids. given: its vector; the centroids; how many components
    there are; the metric; its rowid; the name of the index, or NULL: nothing is an error.

    Errors: "vector index i: row 5 has 3 dimensions, not 256", "… row 5 has no vector".
    """
    v: Vector = Vector(scratch(sizeof(Vector)))
    fits: bool = is_vector(v, given[0].tag, given[0].payload)
    if fits and i64(v.n) != given[2].payload:
        if given[5].tag != NULL and given[2].tag == INTEGER:
            raise_about(stmt, given, v.n)
        fits = False
    elif not fits and given[0].tag == BLOB and given[5].tag != NULL:
        raise_about(stmt, given, -1)
    if given[1].tag != BLOB:
        return NULL, 0
    if not fits:
        return INTEGER, 0
    x: ptr[f32] = prepared(stmt, v, i32(given[3].payload))
    width: i32 = padded(v.n)
    count: i32 = size_of(given[1].payload) // (4 * width)
    if not x or count == 0:
        return INTEGER, 0
    return INTEGER, i64(1 + nearest(ptr[u8](x), bytes_of(given[1].payload), count, width))


def raise_about(stmt: Run, given: ptr[Value], dimensions: i32) -> None:
    """Raise the error of a row. dimensions: of its vector, -1: its blob is none."""
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    buffer_add(b, *lit(b"vector index "))
    buffer_add(b, bytes_of(given[5].payload), size_of(given[5].payload))
    buffer_add(b, *lit(b": row "))
    put_number(b, given[4].payload)
    if dimensions < 0:
        buffer_add(b, *lit(b" has a blob that is no vector"))
    else:
        buffer_add(b, *lit(b" has "))
        put_number(b, i64(dimensions))
        buffer_add(b, *lit(b" dimensions, not "))
        put_number(b, given[2].payload)
    _, text = buffer_value(b)
    raise_error(SQLITE_ERROR, bytes_of(text), size_of(text))


def put_number(b: Buffer, number: i64) -> None:
    """Write a number."""
    text: ptr[u8] = scratch(24)
    buffer_add(b, text, int_to_text(number, text))


@export
def fn_ivf_code(stmt: Run, given: ptr[Value], n_given: i32) -> tuple[i32, i64]:
    """The code of a row's vector; NULL in list 0. given: the vector; the centroids; its list; the metric; bits of a
    component.
    """
    v: Vector = Vector(scratch(sizeof(Vector)))
    at: i32 = i32(given[2].payload)
    if at == 0 or not is_vector(v, given[0].tag, given[0].payload):
        return NULL, 0
    n: i32 = padded(v.n)
    x: ptr[f32] = prepared(stmt, v, i32(given[3].payload))
    if not x or at * 4 * n > size_of(given[1].payload):
        return NULL, 0
    subtract(x, bytes_of(given[1].payload) + 4 * n * (at - 1), n)
    bits: i32 = i32(given[4].payload)
    size: i32 = code_size(n, bits)
    out: ptr[u8] = alloc_text(stmt, i64(size))
    encode(x, n, bits, out)
    return BLOB, pack(out, size)


def subtract(x: ptr[f32], y: ptr[u8], n: i32) -> None:
    """Take a vector from another."""
    p: ptr[v128] = ptr[v128](x)
    q: ptr[v128] = ptr[v128](y)
    for i in range(n >> 2):
        p[i] = sub_floats(p[i], q[i])


# --- a sample to train with -----------------------------------------------------------------------------------


@export
def ivf_sample_step(stmt: Run, state: ConcatState, given: ptr[Value]) -> None:
    """Take a row into a sample, if its vector has so many components. given: the vector; components; the metric; how
    many vectors a sample has at most: of more, which ones is chance.
    """
    v: Vector = Vector(scratch(sizeof(Vector)))
    if not is_vector(v, given[0].tag, given[0].payload) or i64(v.n) != given[1].payload:
        return
    width: i32 = 4 * padded(v.n)
    state.count += 1
    at: i32 = state.used
    if i64(at // width) >= given[3].payload:
        draw: u32 = u32(state.count) * u32(0x9E3779B1)
        draw = (draw ^ (draw >> u32(15))) * u32(0x85EBCA6B)
        at = i32((draw ^ (draw >> u32(13))) % u32(state.count))
        if i64(at) >= given[3].payload:
            return
        at *= width
    mark: i32 = arena_mark(stmt.arena)
    x: ptr[f32] = prepared(stmt, v, i32(given[2].payload))
    if x:
        if at == state.used:
            concat_grow(stmt, state, width)
            state.used += width
        memory_copy(state.data + at, x, width)
    arena_release(stmt.arena, mark)


@export
def ivf_sample_final(state: ConcatState) -> tuple[i32, i64]:
    """The sample: rotated vectors, one behind the other; NULL: there are none."""
    if state.used == 0:
        return NULL, 0
    return BLOB, pack(state.data, state.used)
