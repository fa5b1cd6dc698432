"""One round of AES on a vector, in constant time: no table lies in memory, nothing branches on data.

Owns the S-box as swizzles of sixteen bytes. GF(2^8) is taken as pairs of elements of its subfield GF(2^4): a byte is
x = k + i * t, where t solves t^2 + a * t + a = 0. Then 1 / x is a sum of two values that depend on four bits each, and
so are all steps towards them; 0x80 stands for infinity, whose place in every table is empty.

Sources: FIPS 197; M. Hamburg, "Accelerating AES with vector permute instructions", 2009 (the formula).
"""

from collections.abc import Iterable

from turso_wasm.wasm.lang import add_bytes, at_import, inline, less_bytes, shr_bytes, swizzle, v128, vector

__subset__ = True

INFINITY = 0x80


@at_import
def _times(a: int, b: int) -> int:
    """The product in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = a << 1 ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


@at_import
def _inverse(a: int) -> int:
    """1 / a in GF(2^8), of 0: 0."""
    return next((b for b in range(256) if _times(a, b) == 1), 0)


@at_import
def _subfield() -> tuple[int, ...]:
    """The elements of GF(2^4) by their numbers of four bits, which count powers of an element of order 15."""
    root = 1
    for _ in range(17):
        root = _times(root, 3)
    powers = [1, root, _times(root, root), _times(root, _times(root, root))]
    return tuple(_sum(power for bit, power in enumerate(powers) if n >> bit & 1) for n in range(16))


@at_import
def _sum(elements: Iterable[int]) -> int:
    """The sum in GF(2^8)."""
    total = 0
    for element in elements:
        total ^= element
    return total


@at_import
def _extension(elements: tuple[int, ...]) -> tuple[int, int]:
    """(a, t) with a in the subfield, t not, and t^2 + a * t + a = 0."""
    outside = (t for t in range(256) if t not in elements)
    return next((a, t) for t in outside for a in elements if a and _times(t, t) ^ _times(a, t) ^ a == 0)


@at_import
def _affine(x: int) -> int:
    """The linear part of SubBytes, after the inverse."""
    return _sum((x << n | x >> (8 - n)) & 0xFF for n in range(5))


@at_import
def _tables() -> tuple[bytes, ...]:
    """SPLIT_LOW, SPLIT_HIGH: i << 4 | k of a byte's halves; INVERSE, SCALED: 1 / n and a / n; FIRST, SECOND: what the
    two values contribute to the S-box.
    """
    field = _subfield()
    a, t = _extension(field)
    number = {element: n for n, element in enumerate(field)}
    pair = {field[k] ^ _times(field[i], t): i << 4 | k for i in range(16) for k in range(16)}
    one_over = [_inverse(element) for element in field]
    t1 = _times(t, _inverse(a))
    t2 = _times(t1, _inverse(a))
    return (
        bytes(pair[n] for n in range(16)),
        bytes(pair[n << 4] for n in range(16)),
        bytes(number[x] if x else INFINITY for x in one_over),
        bytes(number[_times(a, x)] if x else INFINITY for x in one_over),
        bytes(_affine(_times(x, 1 ^ t1 ^ t2)) for x in one_over),
        bytes(_affine(_times(x, t2)) for x in one_over),
    )


SPLIT_LOW, SPLIT_HIGH, INVERSE, SCALED, FIRST, SECOND = _tables()
HALF = bytes([15] * 16)
SUB_CONSTANT = bytes([0x63] * 16)
REDUCTION = bytes([0x1B] * 16)
ZERO = bytes(16)
SHIFT_ROWS = bytes(4 * ((n // 4 + n % 4) % 4) + n % 4 for n in range(16))
NEXT_ROW = bytes(n // 4 * 4 + (n + 1) % 4 for n in range(16))
ROW_BEFORE = bytes(n // 4 * 4 + (n + 3) % 4 for n in range(16))


@inline
def sub_bytes(x: v128) -> v128:
    """SubBytes without its constant."""
    both = swizzle(vector(SPLIT_LOW), x & vector(HALF)) ^ swizzle(vector(SPLIT_HIGH), shr_bytes(x, 4))
    i = shr_bytes(both, 4)
    k = both & vector(HALF)
    j = i ^ k
    scaled = swizzle(vector(SCALED), k)
    first = swizzle(vector(INVERSE), swizzle(vector(INVERSE), i) ^ scaled) ^ j
    second = swizzle(vector(INVERSE), swizzle(vector(INVERSE), j) ^ scaled) ^ i
    return swizzle(vector(FIRST), first) ^ swizzle(vector(SECOND), second)


@inline
def aes_round(x: v128, key: v128) -> v128:
    """MixColumns(ShiftRows(SubBytes(x))) ^ key. MixColumns leaves the constant of SubBytes as it is."""
    s = sub_bytes(swizzle(x, vector(SHIFT_ROWS)))
    doubled = add_bytes(s, s) ^ (less_bytes(s, vector(ZERO)) & vector(REDUCTION))
    mixed = doubled ^ swizzle(s, vector(NEXT_ROW))
    mixed = mixed ^ swizzle(mixed, vector(NEXT_ROW)) ^ swizzle(s, vector(ROW_BEFORE))
    return mixed ^ key ^ vector(SUB_CONSTANT)
