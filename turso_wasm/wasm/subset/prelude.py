"""Intrinsics that are written in the subset itself."""

from turso_wasm.wasm.lang import u64

__subset__ = True


def mul_hi_u(a: u64, b: u64) -> u64:
    """The high 64 bits of a * b, by four 32-bit products."""
    low = (a & 0xFFFFFFFF) * (b & 0xFFFFFFFF)
    cross = (a >> 32) * (b & 0xFFFFFFFF) + (low >> 32)
    other = (a & 0xFFFFFFFF) * (b >> 32) + (cross & 0xFFFFFFFF)
    return (a >> 32) * (b >> 32) + (cross >> 32) + (other >> 32)
