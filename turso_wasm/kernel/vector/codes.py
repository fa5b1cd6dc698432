"""A vector in a few bits a component, and distances estimated by them.

What is coded is how a rotated vector v differs from the centroid c of its list: r = v - c. Each component of r becomes
one of 2^bits odd numbers around 0, x. What x lacks of r is at right angles to it, in a direction that the rotation has
made random, so for any r' <r, r'> is about <x, r'> * |r|^2 / <x, r>, and how far off that can be is known.

A code, little-endian:

  OFFSET  SIZE        MEANING
  0       4           |r|^2
  4       4           |r|^2 / <x, r>
  8       4           how far off <r, r'> is, for an r' of length 1: one standard deviation
  12      n/8 * bits  planes of bits: of all components the lowest bit, then the next one

What r' is, of a query, is cut to QUERY_BITS a component and laid out in planes likewise: products are counts of bits.

Source: Gao and Long, "RaBitQ: Quantizing High-Dimensional Vectors with a Theoretical Error Bound" (2024); Gao et al.,
"Practical and Asymptotically Optimal Quantization of High-Dimensional Vectors" (2024).
"""

from turso_wasm.kernel.vector.distance import lanes
from turso_wasm.wasm.lang import (
    Struct,
    add_floats,
    f32,
    f64,
    i32,
    i64,
    le64,
    memory_fill,
    mul_floats,
    popcnt,
    ptr,
    put_le64,
    sqrt,
    u8,
    v128,
    vector,
)

__subset__ = True

HEAD = 12
QUERY_BITS = 5
QUERY_TOP = 31.0  # 2^QUERY_BITS - 1
STEPS = 12  # widths of the numbers that are tried
NARROWEST = 0.9
WIDER = 0.3
SURE = 2.0  # standard deviations that a distance may be less than it is estimated
ZEROS = bytes(16)


class Question(Struct):
    """What a query differs by from a centroid, cut into planes. n: components; a code has `bits` planes."""

    n: i32
    bits: i32
    planes: ptr[u8]
    least: f64  # a component is least + step * its number
    step: f64
    total: f64  # of all components
    square: f64  # the square of its length


def code_size(n: i32, bits: i32) -> i32:
    """The bytes of a code."""
    return HEAD + (n >> 3) * bits


def encode(r: ptr[f32], n: i32, bits: i32, out: ptr[u8]) -> None:
    """Write the code of r."""
    square: f64 = 0.0
    for i in range(n):
        square += r[i] * r[i]
    top: i32 = (1 << bits) - 1
    best: f64 = 0.0
    width: f64 = 1.0
    spread: f64 = sqrt(square / f64(n))
    if bits > 1 and square > 0.0:
        for step in range(STEPS):
            tried: f64 = spread * (NARROWEST + WIDER * f64(step)) / f64(1 << (bits - 1))
            product, length = fitted(r, n, tried, top)
            if product > best * sqrt(length):
                best = product / sqrt(length)
                width = tried
    product, length = fitted(r, n, width, top)
    floats: ptr[f32] = ptr[f32](out)
    floats[0] = square
    floats[1] = square / product if product > 0.0 else 0.0
    off: f64 = square * length / (product * product) - 1.0 if product > 0.0 else 0.0
    floats[2] = sqrt(square * (off if off > 0.0 else 0.0) / f64(n - 1))
    memory_fill(out + HEAD, 0, code_size(n, bits) - HEAD)
    for plane in range(bits):
        p: ptr[u8] = out + (HEAD + (n >> 3) * plane)
        for i in range(n):
            p[i >> 3] = i32(p[i >> 3]) | ((level(r[i], width, top) >> plane) & 1) << (i & 7)


def level(value: f64, width: f64, top: i32) -> i32:
    """Which of the numbers 0 .. top a component becomes."""
    at: f64 = value / width + f64((top + 1) >> 1)
    return 0 if not (at > 0.0) else (top if at >= f64(top) else i32(at))


def fitted(r: ptr[f32], n: i32, width: f64, top: i32) -> tuple[f64, f64]:
    """(<x, r>, |x|^2) if a number is so wide."""
    product: f64 = 0.0
    length: f64 = 0.0
    for i in range(n):
        x: f64 = f64(2 * level(r[i], width, top) - top)
        product += x * r[i]
        length += x * x
    return product, length


def ask(q: Question, r: ptr[f32]) -> None:
    """Lay out what a query differs by from a centroid."""
    n: i32 = q.n
    least: f64 = r[0]
    most: f64 = r[0]
    q.total, q.square = sums(r, n)
    for i in range(n):
        value: f64 = r[i]
        least = value if value < least else least
        most = value if value > most else most
    q.least = least
    q.step = (most - least) / QUERY_TOP if most > least else 1.0
    scale: f64 = 1.0 / q.step
    size: i32 = n >> 3
    for word in range(n >> 6):
        a: i64 = 0
        b: i64 = 0
        c: i64 = 0
        d: i64 = 0
        e: i64 = 0
        for j in range(64):
            number: i64 = i64((r[64 * word + j] - least) * scale + 0.5)
            at: i64 = i64(j)
            a = a | (number & 1) << at
            b = b | (number >> 1 & 1) << at
            c = c | (number >> 2 & 1) << at
            d = d | (number >> 3 & 1) << at
            e = e | (number >> 4 & 1) << at
        p: ptr[u8] = q.planes + 8 * word
        put_le64(p, a)
        put_le64(p + size, b)
        put_le64(p + 2 * size, c)
        put_le64(p + 3 * size, d)
        put_le64(p + 4 * size, e)


def sums(r: ptr[f32], n: i32) -> tuple[f64, f64]:
    """(the sum of the components, that of their squares)."""
    v: ptr[v128] = ptr[v128](r)
    total: v128 = vector(ZEROS)
    squares: v128 = vector(ZEROS)
    for i in range(n >> 2):
        total = add_floats(total, v[i])
        squares = add_floats(squares, mul_floats(v[i], v[i]))
    return lanes(total, vector(ZEROS)), lanes(squares, vector(ZEROS))


def product_with(q: Question, code: ptr[u8]) -> f64:
    """<x, r'> of a code."""
    size: i32 = q.n >> 3
    ones: i64 = 0
    products: i64 = 0
    for plane in range(q.bits):
        p: ptr[u8] = code + (HEAD + size * plane)
        count: i64 = 0
        product: i64 = 0
        at: i32 = 0
        while at < size:
            word: i64 = le64(p + at)
            w: ptr[u8] = q.planes + at
            count += popcnt(word)
            product += popcnt(word & le64(w))
            product += popcnt(word & le64(w + size)) << 1
            product += popcnt(word & le64(w + 2 * size)) << 2
            product += popcnt(word & le64(w + 3 * size)) << 3
            product += popcnt(word & le64(w + 4 * size)) << 4
            at += 8
        ones += count << i64(plane)
        products += product << i64(plane)
    top: f64 = f64((1 << q.bits) - 1)
    return 2.0 * (q.least * f64(ones) + q.step * f64(products)) - top * q.total


def least_square(q: Question, code: ptr[u8]) -> f64:
    """What the square of the distance of a query and a coded vector is at least, most probably."""
    head: ptr[f32] = ptr[f32](code)
    product: f64 = product_with(q, code) * head[1] + SURE * head[2] * sqrt(q.square)
    return head[0] + q.square - 2.0 * product


def most_product(q: Question, code: ptr[u8]) -> f64:
    """What the product of a query, laid out itself, and r is at most, most probably."""
    head: ptr[f32] = ptr[f32](code)
    return product_with(q, code) * head[1] + SURE * head[2] * sqrt(q.square)
