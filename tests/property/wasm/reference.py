"""What the subset's operations mean, in Python: the functions that reference programs call (see programs.py).

Integers are ints in the range of their type, doubles are floats, a pointer is the address, memory is a bytearray.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from typing import Any

WIDTH = {"bool": 32, "i32": 32, "u32": 32, "i64": 64, "u64": 64}
FORMAT = {
    "u8": "<B", "i8": "<b", "u16": "<H", "i16": "<h", "i32": "<i", "u32": "<I", "i64": "<q", "u64": "<Q", "f32": "<f",
    "f64": "<d", "be16": ">H", "be32": ">I", "be64": ">q", "le16": "<H", "le32": "<I", "le64": "<q",
}  # fmt: skip
"""Memory type → struct format."""


class Trap(Exception):
    """The program traps."""


def wrap(type_: str, value: int) -> int:
    """`value` modulo the type's width."""
    if type_ == "bool":
        return int(value != 0)
    width = WIDTH[type_]
    value &= (1 << width) - 1
    return value - (1 << width) if type_[0] == "i" and value >> (width - 1) else value


def divide(type_: str, a: int, b: int) -> int:
    """`a // b`, truncated."""
    if b == 0:
        raise Trap("division by zero")
    quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
    if quotient != wrap(type_, quotient):
        raise Trap("overflow")
    return quotient


def modulo(type_: str, a: int, b: int) -> int:
    """`a % b`, with the sign of a."""
    if b == 0:
        raise Trap("division by zero")
    return abs(a) % abs(b) * (-1 if a < 0 else 1)


def shift_left(type_: str, a: int, n: int) -> int:
    """`a << n`, n modulo the width."""
    return wrap(type_, a << (n % WIDTH[type_]))


def shift_right(type_: str, a: int, n: int) -> int:
    """`a >> n`, n modulo the width."""
    return a >> (n % WIDTH[type_])


def rotate_left(type_: str, a: int, n: int) -> int:
    """rotl."""
    width = WIDTH[type_]
    n %= width
    bits = a & ((1 << width) - 1)
    return wrap(type_, bits << n | bits >> (width - n))


def rotate_right(type_: str, a: int, n: int) -> int:
    """rotr."""
    return rotate_left(type_, a, -n)


def clz(type_: str, a: int) -> int:
    """Leading zeros."""
    return WIDTH[type_] - (a & ((1 << WIDTH[type_]) - 1)).bit_length()


def ctz(type_: str, a: int) -> int:
    """Trailing zeros."""
    bits = a & ((1 << WIDTH[type_]) - 1)
    return (bits & -bits).bit_length() - 1 if bits else WIDTH[type_]


def popcnt(type_: str, a: int) -> int:
    """Ones."""
    return (a & ((1 << WIDTH[type_]) - 1)).bit_count()


def byte_swap(type_: str, a: int) -> int:
    """bswap32, bswap64."""
    size = WIDTH[type_] // 8
    return wrap(type_, int.from_bytes((a & ((1 << (8 * size)) - 1)).to_bytes(size, "little"), "big"))


def narrow(type_: str, value: int) -> int:
    """`u8(x)` … `i16(x)`: the low bits, as i32."""
    width = int(type_[1:])
    value &= (1 << width) - 1
    return value - (1 << width) if type_[0] == "i" and value >> (width - 1) else value


def saturate(type_: str, value: float) -> int:
    """A double as an integer: truncated, to the range of the type; NaN is 0."""
    if math.isnan(value):
        return 0
    width = WIDTH[type_]
    low, high = (-(1 << (width - 1)), (1 << (width - 1)) - 1) if type_[0] == "i" else (0, (1 << width) - 1)
    return max(low, min(high, int(value))) if math.isfinite(value) else low if value < 0 else high


# --- doubles -----------------------------------------------------------------------------------------------------


def float_divide(a: float, b: float) -> float:
    """`a / b` of IEEE 754."""
    if b:
        return a / b
    if not a or math.isnan(a) or math.isnan(b):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def square_root(a: float) -> float:
    """sqrt."""
    return math.sqrt(a) if a >= 0 else math.nan


def rounded(how: Callable[[float], int]) -> Callable[[float], float]:
    """floor, ceil, trunc or nearest of a double."""
    return lambda a: math.copysign(float(how(a)), a) if math.isfinite(a) else a


def smaller(a: float, b: float) -> float:
    """fmin."""
    if math.isnan(a) or math.isnan(b):
        return math.nan
    return min(a, b) if a != b else (a if math.copysign(1, a) < 0 else b)


def larger(a: float, b: float) -> float:
    """fmax."""
    if math.isnan(a) or math.isnan(b):
        return math.nan
    return max(a, b) if a != b else (b if math.copysign(1, a) < 0 else a)


def double_bits(a: float) -> int:
    """bits."""
    found: int = struct.unpack("<q", struct.pack("<d", a))[0]
    return found


def double_of(bits: int) -> float:
    """float_from_bits."""
    found: float = struct.unpack("<d", struct.pack("<q", wrap("i64", bits)))[0]
    return found


# --- memory ------------------------------------------------------------------------------------------------------


class Outside(Exception):
    """The program leaves the memory it may use: it says nothing then."""


class Memory:
    """`content` at address `base`, and scratch memory somewhere else."""

    def __init__(self, base: int, content: bytes) -> None:
        self.areas = {base: bytearray(content)}
        self.content = self.areas[base]

    def place(self, address: int, n: int) -> tuple[bytearray, int]:
        """The bytes that n bytes at an address are in, and where in them. Raises Outside."""
        for base, content in self.areas.items():
            if base <= address and address + n <= base + len(content):
                return content, address - base
        raise Outside(address)

    def load(self, type_: str, address: int) -> Any:
        """Read a memory type."""
        content, at = self.place(address, struct.calcsize(FORMAT[type_]))
        return struct.unpack_from(FORMAT[type_], content, at)[0]

    def store(self, type_: str, address: int, value: Any) -> None:
        """Write one."""
        size = struct.calcsize(FORMAT[type_])
        content, at = self.place(address, size)
        if type_[0] == "f":
            try:
                struct.pack_into(FORMAT[type_], content, at, value)
            except OverflowError:
                struct.pack_into(FORMAT[type_], content, at, math.copysign(math.inf, value))
        else:
            low = (value & ((1 << (8 * size)) - 1)).to_bytes(size, "big" if FORMAT[type_][0] == ">" else "little")
            content[at : at + size] = low

    def copy(self, target: int, source: int, n: int) -> None:
        """memory_copy."""
        content, at = self.place(source, n)
        taken = bytes(content[at : at + n])
        content, at = self.place(target, n)
        content[at : at + n] = taken

    def fill(self, target: int, byte: int, n: int) -> None:
        """memory_fill."""
        content, at = self.place(target, n)
        content[at : at + n] = bytes([byte & 255]) * n

    def new_scratch(self, n: int) -> int:
        """scratch: an address nothing else has."""
        address = len(self.areas) << 32
        self.areas[address] = bytearray(n)
        return address


def trap() -> None:
    """unreachable."""
    raise Trap("unreachable")


def choose(a: Any, b: Any, condition: Any) -> Any:
    """select."""
    return a if condition else b


def namespace(memory: Memory, names: Mapping[str, Any]) -> dict[str, Any]:
    """What a reference program sees."""
    found: dict[str, Any] = {
        name: value for name, value in globals().items() if callable(value) and not isinstance(value, type)
    }
    found.update(floor=rounded(math.floor), ceil=rounded(math.ceil), trunc=rounded(math.trunc), nearest=rounded(round))
    found.update(load=memory.load, store=memory.store, copy=memory.copy, fill=memory.fill)
    found.update(new_scratch=memory.new_scratch, math=math, **names)
    return found
