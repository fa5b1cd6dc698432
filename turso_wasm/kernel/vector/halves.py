"""Floats of 16 bits: IEEE 754's, and the upper halves of floats of 32 bits; rounded to nearest, ties to even.

Source: IEEE 754-2019, 3.4; https://en.wikipedia.org/wiki/Bfloat16_floating-point_format
"""

from turso_wasm.wasm.lang import bits, f32, f64, float_from_bits, i32, i64, ptr, put_le16, scratch, u8, u32

__subset__ = True


def half_to_float(half: i32) -> f64:
    """The value of IEEE 754's 16 bits."""
    sign: i64 = i64(half >> 15) << 63
    exponent: i32 = (half >> 10) & 31
    fraction: i32 = half & 1023
    if exponent == 31:
        return float_from_bits(sign | i64(0x7FF) << 52 | i64(fraction) << 42)
    value: f64 = f64(fraction) / 16777216.0
    if exponent:
        value = float_from_bits(i64(exponent + 1008) << 52 | i64(fraction) << 42)
    return float_from_bits(bits(value) | sign)


def put_half(out: ptr[u8], value: f64) -> None:
    """Write IEEE 754's 16 bits; what is too large becomes infinite."""
    pattern: i64 = bits(value)
    sign: i32 = i32(pattern >> 48) & 0x8000
    exponent: i32 = (i32(pattern >> 52) & 0x7FF) - 1008
    if exponent == 0x7FF - 1008:
        put_le16(out, sign | 0x7C00 | (0x200 if pattern & 0xFFFFFFFFFFFFF else 0))
        return
    if exponent < -10:
        put_le16(out, sign)
        return
    fraction: i64 = (pattern & 0xFFFFFFFFFFFFF) | i64(1) << 52
    drop: i64 = i64(42 if exponent > 0 else 43 - exponent)
    kept: i64 = rounded(fraction, drop)
    # A fraction that rounds up to the next power of two carries into the exponent, whose bits are above it.
    half: i64 = kept + (i64(exponent - 1) << 10 if exponent > 0 else 0)
    put_le16(out, sign | (i32(half) if half < 0x7C00 else 0x7C00))


def rounded(value: i64, drop: i64) -> i64:
    """The value without its last bits, rounded."""
    half: i64 = i64(1) << (drop - 1)
    kept: i64 = value >> drop
    rest: i64 = value & ((half << 1) - 1)
    if rest > half or (rest == half and kept & 1):
        kept += 1
    return kept


def upper_half_to_float(half: i32) -> f64:
    """The value of the upper half of a 32-bit float."""
    place: ptr[u32] = ptr[u32](scratch(8))
    place[0] = u32(half) << u32(16)
    return ptr[f32](place)[0]


def put_upper_half(out: ptr[u8], value: f64) -> None:
    """Write the upper half of a 32-bit float."""
    place: ptr[u32] = ptr[u32](scratch(8))
    ptr[f32](place)[0] = value
    pattern: u32 = place[0]
    if value == value:
        pattern = pattern + u32(0x7FFF) + ((pattern >> u32(16)) & u32(1))
    put_le16(out, i32(pattern >> u32(16)))
