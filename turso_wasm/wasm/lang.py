"""The words kernel authors import: types, Struct, decorators and intrinsics of the typed subset (docs/subset.md).

At run time in CPython the types answer `.size` and `.offset(field)`, and everything else raises: kernel functions are
compiled, not run. For type checkers the scalar types are aliases of int and float, so ordinary arithmetic checks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

if TYPE_CHECKING:
    from collections.abc import Callable as fn
    from typing import Generic, TypeAlias

    T = TypeVar("T")
    N = TypeVar("N")
    P = TypeVar("P", bound="ptr[Any]")

    i32: TypeAlias = int
    u32: TypeAlias = int
    i64: TypeAlias = int
    u64: TypeAlias = int
    u8: TypeAlias = int
    i8: TypeAlias = int
    u16: TypeAlias = int
    i16: TypeAlias = int
    be16: TypeAlias = int
    be32: TypeAlias = int
    be64: TypeAlias = int
    f64: TypeAlias = float
    f32: TypeAlias = float

    class v128:
        """Sixteen bytes."""

        def __and__(self, other: v128) -> v128: ...
        def __or__(self, other: v128) -> v128: ...
        def __xor__(self, other: v128) -> v128: ...

    class ptr(Generic[T]):
        """The address of a T."""

        def __init__(self, address: Any) -> None: ...
        def __getitem__(self, index: int) -> T: ...
        def __setitem__(self, index: int, value: T) -> None: ...
        def __add__(self: P, n: int) -> P: ...
        def __sub__(self, n: Any) -> Any: ...
        def __lt__(self, other: ptr[T]) -> bool: ...
        def __le__(self, other: ptr[T]) -> bool: ...
        def __gt__(self, other: ptr[T]) -> bool: ...
        def __ge__(self, other: ptr[T]) -> bool: ...
        def __int__(self) -> int: ...

    class array(ptr[T], Generic[T, N]):
        """n elements inline in a struct; the expression is a ptr[T]."""

    class StructMeta(type):
        """What a Struct class answers at import time."""

        @property
        def size(cls) -> int:
            """Bytes of one struct."""

        @property
        def embed(cls) -> Any:
            """As a field's annotation: the struct by value."""

        def offset(cls, field: str) -> int:
            """The byte offset of a field."""

    class Struct(metaclass=StructMeta):
        """Base of kernel structs; an expression of this type is an address."""

        def __init__(self, address: Any) -> None: ...
        def __init_subclass__(cls, packed: bool = False) -> None: ...
        def __int__(self) -> int: ...

else:
    from turso_wasm.wasm.subset import types as _types
    from turso_wasm.wasm.subset.types import StructMeta

    i32, u32, i64, u64, f64 = _types.I32, _types.U32, _types.I64, _types.U64, _types.F64
    v128 = _types.V128
    u8, i8, u16, i16, f32 = _types.U8, _types.I8, _types.U16, _types.I16, _types.F32
    be16, be32, be64 = _types.BE16, _types.BE32, _types.BE64
    ptr, array, fn = _types.PtrFactory(), _types.ArrayFactory(), _types.FnFactory()

    class Struct(metaclass=StructMeta):
        """Base of kernel structs; `class Page(Struct, packed=True)` drops padding."""


def export(function: F) -> F:
    """Export the function from kernel.wasm under its Python name."""
    return function


def inline(function: F) -> F:
    """Expand the function wherever the kernel calls it; with @export also make a template for Programs."""
    return function


def at_import(function: F) -> F:
    """Leave the function to CPython, which may call it to compute the module's constants."""
    return function


def imported(module: str, name: str = "") -> Callable[[F], F]:
    """Declare a host function: import `module.name` (default: the Python name); the body is `...`."""
    return lambda function: function


class Intrinsic:
    """A word the compiler knows how to expand; calling it in Python raises."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name

    def __call__(self, *_args: Any) -> Any:
        """Only the compiler calls it."""
        raise RuntimeError(f"{self.name}(…) is compiled, it cannot run in Python")


def _intrinsic(function: F) -> F:
    return Intrinsic(function.__name__)  # type: ignore[return-value]


# --- sizes and addresses -------------------------------------------------------------------------


@_intrinsic
def sizeof(type_: Any) -> int:
    """Bytes of a Struct or type: a constant."""
    raise NotImplementedError


@_intrinsic
def addr(field: Any) -> Any:
    """`addr(s.field)`: the field's address, a `ptr` to its type."""
    raise NotImplementedError


@_intrinsic
def scratch(n: int) -> ptr[u8]:
    """N constant bytes of stack memory, 8-aligned, freed when the function returns."""
    raise NotImplementedError


@_intrinsic
def heap_base() -> int:
    """The first address after stack and data, as i32."""
    raise NotImplementedError


@_intrinsic
def lit(text: bytes) -> tuple[ptr[u8], int]:
    """`f(*lit(b"…"))` passes the literal's address and length."""
    raise NotImplementedError


@_intrinsic
def funcref(function: F) -> F:
    """The function's table index, of type fn[[…], …]."""
    raise NotImplementedError


# --- memory --------------------------------------------------------------------------------------


@_intrinsic
def memory_size() -> int:
    """Memory size in pages of 64 KiB (i32)."""
    raise NotImplementedError


@_intrinsic
def memory_grow(pages: int) -> int:
    """Grow memory; the old size in pages, or -1 (i32)."""
    raise NotImplementedError


@_intrinsic
def memory_copy(dst: Any, src: Any, n: int) -> None:
    """Copy n bytes; the regions may overlap."""
    raise NotImplementedError


@_intrinsic
def memory_fill(dst: Any, byte: int, n: int) -> None:
    """Set n bytes."""
    raise NotImplementedError


@_intrinsic
def put_be16(p: ptr[u8], value: int) -> None:
    """Store an unaligned big-endian 16-bit value (i32 or u32)."""
    raise NotImplementedError


@_intrinsic
def put_be32(p: ptr[u8], value: int) -> None:
    """Store an unaligned big-endian 32-bit value (i32 or u32)."""
    raise NotImplementedError


@_intrinsic
def put_be64(p: ptr[u8], value: int) -> None:
    """Store an unaligned big-endian 64-bit value (i64 or u64)."""
    raise NotImplementedError


@_intrinsic
def le16(p: ptr[u8]) -> int:
    """Load an unaligned little-endian 16-bit value, as i32."""
    raise NotImplementedError


@_intrinsic
def le32(p: ptr[u8]) -> int:
    """Load an unaligned little-endian 32-bit value, as u32."""
    raise NotImplementedError


@_intrinsic
def le64(p: ptr[u8]) -> int:
    """Load an unaligned little-endian 64-bit value, as i64."""
    raise NotImplementedError


@_intrinsic
def put_le16(p: ptr[u8], value: int) -> None:
    """Store an unaligned little-endian 16-bit value (i32 or u32)."""
    raise NotImplementedError


@_intrinsic
def put_le32(p: ptr[u8], value: int) -> None:
    """Store an unaligned little-endian 32-bit value (i32 or u32)."""
    raise NotImplementedError


@_intrinsic
def put_le64(p: ptr[u8], value: int) -> None:
    """Store an unaligned little-endian 64-bit value (i64 or u64)."""
    raise NotImplementedError


# --- integers ------------------------------------------------------------------------------------


@_intrinsic
def clz(x: int) -> int:
    """Leading zero bits, in x's type."""
    raise NotImplementedError


@_intrinsic
def ctz(x: int) -> int:
    """Trailing zero bits, in x's type."""
    raise NotImplementedError


@_intrinsic
def popcnt(x: int) -> int:
    """One bits, in x's type."""
    raise NotImplementedError


@_intrinsic
def rotl(x: int, n: int) -> int:
    """Rotate left; n has x's type."""
    raise NotImplementedError


@_intrinsic
def rotr(x: int, n: int) -> int:
    """Rotate right; n has x's type."""
    raise NotImplementedError


@_intrinsic
def mul_hi_u(a: int, b: int) -> int:
    """The high 64 bits of the 128-bit product of two u64."""
    raise NotImplementedError


@_intrinsic
def bswap32(x: int) -> int:
    """Reverse the bytes of a u32."""
    raise NotImplementedError


@_intrinsic
def bswap64(x: int) -> int:
    """Reverse the bytes of an i64 or u64."""
    raise NotImplementedError


# --- bytes ---------------------------------------------------------------------------------------


@_intrinsic
def byte_mask(p: Any, ranges: bytes) -> int:
    """Bit k of 16: whether the byte at p + k lies in a range: of a constant of pairs, the first byte and the last."""
    raise NotImplementedError


# --- vectors ---------------------------------------------------------------------------------------


@_intrinsic
def vector(value: bytes) -> v128:
    """A constant of sixteen bytes."""
    raise NotImplementedError


@_intrinsic
def swizzle(table: v128, index: v128) -> v128:
    """The byte of `table` that each byte of `index` numbers; 0 where that is 16 or more."""
    raise NotImplementedError


@_intrinsic
def add_bytes(a: v128, b: v128) -> v128:
    """The sums of bytes, wrapped."""
    raise NotImplementedError


@_intrinsic
def less_bytes(a: v128, b: v128) -> v128:
    """All ones where a's byte, as a signed number, is less than b's."""
    raise NotImplementedError


@_intrinsic
def shr_bytes(a: v128, n: int) -> v128:
    """Each byte shifted right, zeros coming in."""
    raise NotImplementedError


@_intrinsic
def add_floats(a: v128, b: v128) -> v128:
    """The sums of four 32-bit floats each."""
    raise NotImplementedError


@_intrinsic
def sub_floats(a: v128, b: v128) -> v128:
    """The differences of four 32-bit floats each."""
    raise NotImplementedError


@_intrinsic
def mul_floats(a: v128, b: v128) -> v128:
    """The products of four 32-bit floats each."""
    raise NotImplementedError


@_intrinsic
def min_floats(a: v128, b: v128) -> v128:
    """The lesser of four 32-bit floats each."""
    raise NotImplementedError


@_intrinsic
def max_floats(a: v128, b: v128) -> v128:
    """The greater of four 32-bit floats each."""
    raise NotImplementedError


# --- doubles -------------------------------------------------------------------------------------


@_intrinsic
def bits(x: float) -> int:
    """The bits of a double, as i64."""
    raise NotImplementedError


@_intrinsic
def float_from_bits(x: int) -> float:
    """The double with these bits (i64 or u64)."""
    raise NotImplementedError


@_intrinsic
def sqrt(x: float) -> float:
    """Square root."""
    raise NotImplementedError


@_intrinsic
def floor(x: float) -> float:
    """Round toward minus infinity."""
    raise NotImplementedError


@_intrinsic
def ceil(x: float) -> float:
    """Round toward plus infinity."""
    raise NotImplementedError


@_intrinsic
def trunc(x: float) -> float:
    """Round toward zero."""
    raise NotImplementedError


@_intrinsic
def nearest(x: float) -> float:
    """Round to the nearest integer, ties to even."""
    raise NotImplementedError


@_intrinsic
def fabs(x: float) -> float:
    """Absolute value."""
    raise NotImplementedError


@_intrinsic
def copysign(x: float, sign: float) -> float:
    """X with the sign of `sign`."""
    raise NotImplementedError


@_intrinsic
def fmin(a: float, b: float) -> float:
    """The lesser; NaN if either is."""
    raise NotImplementedError


@_intrinsic
def fmax(a: float, b: float) -> float:
    """The greater; NaN if either is."""
    raise NotImplementedError


# --- control -------------------------------------------------------------------------------------


@_intrinsic
def select(a: Any, b: Any, cond: Any) -> Any:
    """A if cond else b, both evaluated."""
    raise NotImplementedError


@_intrinsic
def unreachable() -> Any:
    """Trap."""
    raise NotImplementedError
