"""How far apart two vectors are: cosine, Euclidean, dot product, Jaccard.

Vectors of 32-bit floats are compared four components at a time, and summed in that precision; bits by counting them;
all others component by component in 64 bits.

Source: https://docs.turso.tech/sql-reference/functions/vector
"""

from turso_wasm.kernel.base.errors import SQLITE_ERROR, raise_error
from turso_wasm.kernel.vector.blob import BITS, F32, SPARSE, Vector, component, sparse_index
from turso_wasm.wasm.lang import (
    Struct,
    add_floats,
    f32,
    f64,
    fmax,
    fmin,
    i32,
    i64,
    le64,
    lit,
    max_floats,
    min_floats,
    mul_floats,
    popcnt,
    ptr,
    scratch,
    sizeof,
    sqrt,
    sub_floats,
    u8,
    v128,
    vector,
)

__subset__ = True

COSINE = 0
EUCLIDEAN = 1
DOT = 2
JACCARD = 3

ZEROS = bytes(16)


class Sums(Struct):
    """What is summed over the components of two vectors a and b: a * b, a * a, b * b, (a - b)^2, min, max."""

    product: f64
    square: f64
    other_square: f64
    distance: f64
    least: f64
    greatest: f64


def distance_of(a: Vector, b: Vector, metric: i32) -> f64:
    """The distance of two vectors; NaN where it is not defined: a vector of zeros has no direction."""
    if a.kind != b.kind:
        raise_error(SQLITE_ERROR, *lit(b"Vectors must be of the same type"))
    if a.n != b.n:
        raise_error(SQLITE_ERROR, *lit(b"Vectors must have the same dimensions"))
    if a.kind == BITS:
        return distance_of_bits(a, b, metric)
    if a.kind == F32:
        return distance_of_floats(a.data, b.data, a.n, metric)
    s: Sums = Sums(scratch(sizeof(Sums)))
    clear(s)
    if a.kind == SPARSE:
        add_sparse(s, a, b)
    else:
        for i in range(a.n):
            add_pair(s, component(a, i), component(b, i))
    return result(s, metric)


def clear(s: Sums) -> None:
    """Sums of nothing."""
    s.product, s.square, s.other_square = 0.0, 0.0, 0.0
    s.distance, s.least, s.greatest = 0.0, 0.0, 0.0


def add_pair(s: Sums, a: f64, b: f64) -> None:
    """Add a pair of components."""
    s.product += a * b
    s.square += a * a
    s.other_square += b * b
    s.distance += (a - b) * (a - b)
    s.least += fmin(a, b)
    s.greatest += fmax(a, b)


def add_sparse(s: Sums, a: Vector, b: Vector) -> None:
    """Add the pairs of two sparse vectors."""
    i: i32 = 0
    j: i32 = 0
    while i < a.count or j < b.count:
        x: i32 = sparse_index(a, i) if i < a.count else a.n
        y: i32 = sparse_index(b, j) if j < b.count else b.n
        add_pair(s, ptr[f32](a.data)[i] if x <= y else 0.0, ptr[f32](b.data)[j] if y <= x else 0.0)
        i += i32(x <= y)
        j += i32(y <= x)


def result(s: Sums, metric: i32) -> f64:
    """The distance that the sums give."""
    if metric == COSINE:
        return cosine(s.product, s.square, s.other_square)
    if metric == EUCLIDEAN:
        return sqrt(s.distance)
    if metric == DOT:
        return 0.0 - s.product
    return 1.0 - s.least / s.greatest


def cosine(product: f64, square: f64, other_square: f64) -> f64:
    """One minus the cosine of the angle between them."""
    return 1.0 - product / sqrt(square * other_square)


def distance_of_bits(a: Vector, b: Vector, metric: i32) -> f64:
    """The distance of vectors of bits: cosine is Hamming's, in the others a bit is 1 or -1, or is in a set or not."""
    unlike, both, some = count_bits(a.data, b.data, (a.n + 7) >> 3)
    if metric == COSINE:
        return f64(unlike)
    if metric == DOT:
        return f64(2 * unlike - a.n)
    if metric == EUCLIDEAN:
        raise_error(SQLITE_ERROR, *lit(b"L2 distance is not defined for 1-bit vectors"))
    return 1.0 - f64(both) / f64(some)


def count_bits(p: ptr[u8], q: ptr[u8], size: i32) -> tuple[i32, i32, i32]:
    """(bits that differ, that are set in both, in one at least); those beyond the last component are 0."""
    unlike: i64 = 0
    both: i64 = 0
    some: i64 = 0
    at: i32 = 0
    while at + 8 <= size:
        x: i64 = le64(p + at)
        y: i64 = le64(q + at)
        unlike += popcnt(x ^ y)
        both += popcnt(x & y)
        some += popcnt(x | y)
        at += 8
    while at < size:
        unlike += i64(popcnt(i32(p[at]) ^ i32(q[at])))
        both += i64(popcnt(i32(p[at]) & i32(q[at])))
        some += i64(popcnt(i32(p[at]) | i32(q[at])))
        at += 1
    return i32(unlike), i32(both), i32(some)


# --- 32-bit floats ------------------------------------------------------------------------------------------


def distance_of_floats(p: ptr[u8], q: ptr[u8], n: i32, metric: i32) -> f64:
    """The distance of two vectors of 32-bit floats."""
    if metric == COSINE:
        return cosine_of_floats(p, q, n)
    if metric == EUCLIDEAN:
        return sqrt(squares_of_floats(p, q, n))
    if metric == DOT:
        return 0.0 - product_of_floats(p, q, n)
    return jaccard_of_floats(p, q, n)


def lanes(x: v128, y: v128) -> f64:
    """The sum of the floats of two registers."""
    room: ptr[v128] = ptr[v128](scratch(16))
    room[0] = add_floats(x, y)
    floats: ptr[f32] = ptr[f32](room)
    return floats[0] + floats[1] + (floats[2] + floats[3])


def product_of_floats(p: ptr[u8], q: ptr[u8], n: i32) -> f64:
    """The sum of the products."""
    x: ptr[v128] = ptr[v128](p)
    y: ptr[v128] = ptr[v128](q)
    even: v128 = vector(ZEROS)
    odd: v128 = vector(ZEROS)
    rest: i32 = n
    while rest >= 8:
        even = add_floats(even, mul_floats(x[0], y[0]))
        odd = add_floats(odd, mul_floats(x[1], y[1]))
        x = x + 2
        y = y + 2
        rest -= 8
    total: f64 = lanes(even, odd)
    for i in range(rest):
        total += ptr[f32](x)[i] * ptr[f32](y)[i]
    return total


def squares_of_floats(p: ptr[u8], q: ptr[u8], n: i32) -> f64:
    """The sum of the squared differences."""
    x: ptr[v128] = ptr[v128](p)
    y: ptr[v128] = ptr[v128](q)
    even: v128 = vector(ZEROS)
    odd: v128 = vector(ZEROS)
    rest: i32 = n
    while rest >= 8:
        a: v128 = sub_floats(x[0], y[0])
        b: v128 = sub_floats(x[1], y[1])
        even = add_floats(even, mul_floats(a, a))
        odd = add_floats(odd, mul_floats(b, b))
        x = x + 2
        y = y + 2
        rest -= 8
    total: f64 = lanes(even, odd)
    for i in range(rest):
        gap: f64 = ptr[f32](x)[i] - ptr[f32](y)[i]
        total += gap * gap
    return total


def cosine_of_floats(p: ptr[u8], q: ptr[u8], n: i32) -> f64:
    """One minus the cosine; the three sums in one pass."""
    x: ptr[v128] = ptr[v128](p)
    y: ptr[v128] = ptr[v128](q)
    products: v128 = vector(ZEROS)
    more_products: v128 = vector(ZEROS)
    squares: v128 = vector(ZEROS)
    more_squares: v128 = vector(ZEROS)
    others: v128 = vector(ZEROS)
    more_others: v128 = vector(ZEROS)
    rest: i32 = n
    while rest >= 8:
        a: v128 = x[0]
        b: v128 = y[0]
        products = add_floats(products, mul_floats(a, b))
        squares = add_floats(squares, mul_floats(a, a))
        others = add_floats(others, mul_floats(b, b))
        c: v128 = x[1]
        d: v128 = y[1]
        more_products = add_floats(more_products, mul_floats(c, d))
        more_squares = add_floats(more_squares, mul_floats(c, c))
        more_others = add_floats(more_others, mul_floats(d, d))
        x = x + 2
        y = y + 2
        rest -= 8
    product: f64 = lanes(products, more_products)
    square: f64 = lanes(squares, more_squares)
    other: f64 = lanes(others, more_others)
    for i in range(rest):
        u: f64 = ptr[f32](x)[i]
        w: f64 = ptr[f32](y)[i]
        product += u * w
        square += u * u
        other += w * w
    return cosine(product, square, other)


def jaccard_of_floats(p: ptr[u8], q: ptr[u8], n: i32) -> f64:
    """One minus the sum of the lesser components over that of the greater ones."""
    x: ptr[v128] = ptr[v128](p)
    y: ptr[v128] = ptr[v128](q)
    least: v128 = vector(ZEROS)
    greatest: v128 = vector(ZEROS)
    rest: i32 = n
    while rest >= 4:
        least = add_floats(least, min_floats(x[0], y[0]))
        greatest = add_floats(greatest, max_floats(x[0], y[0]))
        x = x + 1
        y = y + 1
        rest -= 4
    low: f64 = lanes(least, vector(ZEROS))
    high: f64 = lanes(greatest, vector(ZEROS))
    for i in range(rest):
        low += fmin(ptr[f32](x)[i], ptr[f32](y)[i])
        high += fmax(ptr[f32](x)[i], ptr[f32](y)[i])
    return 1.0 - low / high
