"""Clusters of vectors: which centroid is nearest, and better centroids.

Source: Lloyd, "Least squares quantization in PCM" (1982).
"""

from turso_wasm.kernel.abi import BLOB, Run, Value
from turso_wasm.kernel.values.value import alloc_text, bytes_of, pack, size_of
from turso_wasm.kernel.vector.distance import squares_of_floats
from turso_wasm.kernel.vector.rotation import four
from turso_wasm.wasm.lang import (
    add_floats,
    export,
    f64,
    i32,
    i64,
    memory_copy,
    memory_fill,
    mul_floats,
    ptr,
    u8,
    v128,
)

__subset__ = True


def nearest(x: ptr[u8], centroids: ptr[u8], count: i32, n: i32) -> i32:
    """Which of so many centroids, of n components each, is the nearest; count > 0."""
    best: i32 = 0
    least: f64 = squares_of_floats(x, centroids, n)
    for i in range(1, count):
        square: f64 = squares_of_floats(x, centroids + 4 * n * i, n)
        if square < least:
            least = square
            best = i
    return best


@export
def fn_ivf_means(stmt: Run, given: ptr[Value], n_given: i32) -> tuple[i32, i64]:
    """The means of the vectors that are nearest to each centroid: a round of k-means. given: vectors, one behind the
    other; centroids, likewise; components of each. A centroid that is nearest to none becomes one of the vectors.
    """
    n: i32 = i32(given[2].payload)
    width: i32 = 4 * n
    vectors: ptr[u8] = bytes_of(given[0].payload)
    n_vectors: i32 = size_of(given[0].payload) // width
    before: ptr[u8] = bytes_of(given[1].payload)
    size: i32 = size_of(given[1].payload)
    count: i32 = size // width
    out: ptr[u8] = alloc_text(stmt, i64(size))
    members: ptr[i32] = ptr[i32](alloc_text(stmt, i64(4 * count)))
    memory_fill(out, 0, size)
    memory_fill(members, 0, 4 * count)
    for i in range(n_vectors):
        x: ptr[u8] = vectors + width * i
        at: i32 = nearest(x, before, count, n)
        members[at] += 1
        add_to(ptr[v128](out + width * at), ptr[v128](x), n)
    for i in range(count):
        mean: ptr[u8] = out + width * i
        if members[i]:
            scale_by(ptr[v128](mean), 1.0 / f64(members[i]), n)
        else:
            memory_copy(mean, vectors + width * ((i * 7919) % n_vectors), width)
    return BLOB, pack(out, size)


def add_to(sum: ptr[v128], x: ptr[v128], n: i32) -> None:
    """Add a vector to another."""
    for i in range(n >> 2):
        sum[i] = add_floats(sum[i], x[i])


def scale_by(x: ptr[v128], factor: f64, n: i32) -> None:
    """Multiply a vector."""
    factors: v128 = four(factor)
    for i in range(n >> 2):
        x[i] = mul_floats(x[i], factors)
