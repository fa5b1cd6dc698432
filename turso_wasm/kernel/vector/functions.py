"""The SQL functions of vectors.

NULL among the arguments gives NULL. What is no vector raises "invalid vector: …".

Source: https://docs.turso.tech/sql-reference/functions/vector
"""

from turso_wasm.kernel.abi import BLOB, NULL, TEXT, Run, Value
from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.values.buffer import Buffer, buffer_init, buffer_put, buffer_value
from turso_wasm.kernel.values.value import alloc_text, real_value, to_integer
from turso_wasm.kernel.vector.blob import (
    BF16,
    BITS,
    F8,
    F16,
    F32,
    F64,
    SPARSE,
    Vector,
    bytes_blob,
    components,
    vector_blob,
    vector_read,
)
from turso_wasm.kernel.vector.distance import COSINE, DOT, EUCLIDEAN, JACCARD, distance_of
from turso_wasm.kernel.vector.text import components_of_text, put_component
from turso_wasm.wasm.lang import export, f64, i32, i64, lit, memory_copy, ptr, scratch, sizeof, u8

__subset__ = True


def new_vector(stmt: Run, tag: i32, payload: i64, kind: i32) -> tuple[i32, i64]:
    """A text, or a vector of any kind, as one of this kind."""
    if tag == NULL:
        return NULL, 0
    if tag == TEXT:
        values, n = components_of_text(stmt, payload)
        return BLOB, vector_blob(stmt, values, n, kind)
    v: Vector = Vector(scratch(sizeof(Vector)))
    vector_read(stmt, tag, payload, v)
    if v.kind == kind:
        return BLOB, payload
    return BLOB, vector_blob(stmt, components(stmt, v), v.n, kind)


@export
def fn_vector32(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """vector32(X): of 32-bit floats."""
    return new_vector(stmt, tag, payload, F32)


@export
def fn_vector64(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """vector64(X): of 64-bit floats."""
    return new_vector(stmt, tag, payload, F64)


@export
def fn_vector16(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """vector16(X): of 16-bit floats."""
    return new_vector(stmt, tag, payload, F16)


@export
def fn_vectorb16(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """vectorb16(X): of the upper halves of 32-bit floats."""
    return new_vector(stmt, tag, payload, BF16)


@export
def fn_vector8(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """vector8(X): a byte for each component, between the least and the greatest one."""
    return new_vector(stmt, tag, payload, F8)


@export
def fn_vector1bit(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """vector1bit(X): a bit for each component: whether it is positive."""
    return new_vector(stmt, tag, payload, BITS)


@export
def fn_vector32_sparse(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """vector32_sparse(X): the components that are not 0, as 32-bit floats."""
    return new_vector(stmt, tag, payload, SPARSE)


@export
def fn_vector_given(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """A text as the vector that it is, anything else as it is: for arguments that stay the same in many calls."""
    if tag == TEXT:
        return new_vector(stmt, tag, payload, F32)
    return tag, payload


@export
def fn_vector_extract(stmt: Run, tag: i32, payload: i64) -> tuple[i32, i64]:
    """vector_extract(V): the text of a vector."""
    if tag == NULL:
        return NULL, 0
    v: Vector = Vector(scratch(sizeof(Vector)))
    vector_read(stmt, tag, payload, v)
    values: ptr[f64] = components(stmt, v)
    b: Buffer = Buffer(scratch(sizeof(Buffer)))
    buffer_init(b, stmt)
    buffer_put(b, 91)
    for i in range(v.n):
        if i:
            buffer_put(b, 44)
        put_component(b, values[i], v.kind == F64)
    buffer_put(b, 93)
    return buffer_value(b)


# --- parts --------------------------------------------------------------------------------------------------


@export
def fn_vector_concat(stmt: Run, given: ptr[Value], n: i32) -> tuple[i32, i64]:
    """vector_concat(V, W, …): the components of all, which are of one kind, in order."""
    first: Vector = Vector(scratch(sizeof(Vector)))
    v: Vector = Vector(scratch(sizeof(Vector)))
    total: i64 = 0
    for i in range(n):
        if given[i].tag == NULL:
            return NULL, 0
        vector_read(stmt, given[i].tag, given[i].payload, v if i else first)
        if i and v.kind != first.kind:
            raise_error(SQLITE_ERROR, *lit(b"Vectors must be of the same type"))
        total += i64(v.n if i else first.n)
    values: ptr[u8] = alloc_text(stmt, total * 8)
    at: ptr[u8] = values
    for i in range(n):
        vector_read(stmt, given[i].tag, given[i].payload, v)
        memory_copy(at, components(stmt, v), v.n * 8)
        at = at + v.n * 8
    return BLOB, vector_blob(stmt, ptr[f64](values), i32(total), first.kind)


@export
def fn_vector_slice(
    stmt: Run, tag: i32, payload: i64, start_tag: i32, start: i64, end_tag: i32, end: i64
) -> tuple[i32, i64]:
    """vector_slice(V, START, END): the components from START, counted from 0, up to the one before END."""
    if tag == NULL or start_tag == NULL or end_tag == NULL:
        return NULL, 0
    v: Vector = Vector(scratch(sizeof(Vector)))
    vector_read(stmt, tag, payload, v)
    low: i64 = to_integer(start_tag, start)
    high: i64 = to_integer(end_tag, end)
    if low < 0 or high < low or high > i64(v.n):
        raise_error(SQLITE_ERROR, *lit(b"vector_slice: start and end must lie in the vector, start not behind end"))
    values: ptr[f64] = components(stmt, v) + i32(low)
    n: i32 = i32(high - low)
    if v.kind == F8:
        return BLOB, bytes_blob(stmt, values, n, v.scale, v.least)
    return BLOB, vector_blob(stmt, values, n, v.kind)


# --- distances ----------------------------------------------------------------------------------------------


def distance(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64, metric: i32) -> tuple[i32, i64]:
    """The distance of two values."""
    if tag == NULL or tag2 == NULL:
        return NULL, 0
    v: Vector = Vector(scratch(sizeof(Vector)))
    w: Vector = Vector(scratch(sizeof(Vector)))
    vector_read(stmt, tag, payload, v)
    vector_read(stmt, tag2, payload2, w)
    return real_value(distance_of(v, w, metric))


@export
def fn_vector_distance_cos(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """vector_distance_cos(V, W): one minus the cosine of their angle; of bits, how many differ."""
    return distance(stmt, tag, payload, tag2, payload2, COSINE)


@export
def fn_vector_distance_l2(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """vector_distance_l2(V, W): the Euclidean distance."""
    return distance(stmt, tag, payload, tag2, payload2, EUCLIDEAN)


@export
def fn_vector_distance_dot(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """vector_distance_dot(V, W): the negative of the dot product."""
    return distance(stmt, tag, payload, tag2, payload2, DOT)


@export
def fn_vector_distance_jaccard(stmt: Run, tag: i32, payload: i64, tag2: i32, payload2: i64) -> tuple[i32, i64]:
    """vector_distance_jaccard(V, W): one minus the sum of the lesser components over that of the greater ones."""
    return distance(stmt, tag, payload, tag2, payload2, JACCARD)
