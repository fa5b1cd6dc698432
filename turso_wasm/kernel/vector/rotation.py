"""A random rotation that is the same everywhere: of a rotated vector no component says more than another.

Four times: signs at random, then Hadamard's transform of as many components as a power of two has, from the front or
to the end. It takes n log n steps and no memory.

Source: Ailon and Chazelle, "The Fast Johnson-Lindenstrauss Transform" (2009), for the signs and the transform.
"""

from turso_wasm.wasm.lang import add_floats, f32, f64, i32, mul_floats, ptr, scratch, sqrt, sub_floats, u64, v128

__subset__ = True

ROUNDS = 4
WORD = 64  # components that a rotation has are a multiple
SEED = 0x9E3779B97F4A7C15


def rotate(x: ptr[f32], n: i32) -> None:
    """Rotate n components, a multiple of 64."""
    span: i32 = WORD
    while span * 2 <= n:
        span *= 2
    seed: u64 = u64(SEED)
    for round in range(ROUNDS):
        for i in range(n):
            seed = seed ^ (seed << u64(13))
            seed = seed ^ (seed >> u64(7))
            seed = seed ^ (seed << u64(17))
            if seed & u64(1):
                x[i] = 0.0 - x[i]
        transform(x + (n - span if round & 1 else 0), span)


def transform(x: ptr[f32], n: i32) -> None:
    """Hadamard's transform, which keeps the length of a vector."""
    for i in range(0, n, 4):
        a: f64 = x[i] + x[i + 1]
        b: f64 = x[i] - x[i + 1]
        c: f64 = x[i + 2] + x[i + 3]
        d: f64 = x[i + 2] - x[i + 3]
        x[i] = a + c
        x[i + 1] = b + d
        x[i + 2] = a - c
        x[i + 3] = b - d
    v: ptr[v128] = ptr[v128](x)
    half: i32 = 1
    while half < n >> 2:
        at: i32 = 0
        while at < n >> 2:
            for j in range(at, at + half):
                p: v128 = v[j]
                q: v128 = v[j + half]
                v[j] = add_floats(p, q)
                v[j + half] = sub_floats(p, q)
            at += 2 * half
        half *= 2
    scale: v128 = four(1.0 / sqrt(f64(n)))
    for i in range(n >> 2):
        v[i] = mul_floats(v[i], scale)


def four(value: f64) -> v128:
    """A register with a number four times."""
    room: ptr[f32] = ptr[f32](scratch(16))
    for i in range(4):
        room[i] = value
    return ptr[v128](room)[0]
