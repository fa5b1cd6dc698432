"""The types of the typed subset, as Python objects that exist at import time.

Owns: scalar and memory types, `ptr[T]`, `array[T, n]`, `fn[[A], R]`, and the layout of `Struct`. `turso_wasm.wasm.lang`
re-exports them to kernel authors; the front end compares the very same objects. Does not know encodings beyond the
value type a scalar lives in ("i32", "i64", "f64", "v128").

Layout: fields in order; natural alignment (a pointer, struct reference or function reference is 4 bytes, big-endian
types are unaligned); the size is rounded up to the largest alignment; `packed=True` drops all padding.
Source: docs/subset.md.
"""

from __future__ import annotations

import sys
from typing import Any


class Type:
    """A type of the subset. `wasm` is the value type of a local holding it, None for memory-only types."""

    __slots__ = ("align", "name", "size", "wasm")

    def __init__(self, name: str, size: int, align: int, wasm: str | None) -> None:
        self.name = name
        self.size = size
        self.align = align
        self.wasm = wasm

    def __repr__(self) -> str:
        return self.name

    def __call__(self, *_args: Any) -> Any:
        """Only the compiler calls it."""
        raise RuntimeError(f"{self.name}(…) is compiled, it cannot run in Python")


class ScalarType(Type):
    """i32 u32 i64 u64 f64 v128 bool: what a local may hold; also storable in memory."""

    __slots__ = ("kind", "load", "signed")

    def __init__(self, name: str, size: int, wasm: str, *, signed: bool, load: str) -> None:
        super().__init__(name, size, size, wasm)
        self.signed = signed
        self.kind = {"f64": "float", "v128": "vector"}.get(wasm, "int")
        self.load = load


class MemoryType(Type):
    """u8 i8 u16 i16 f32 be16 be32 be64: exists in memory only; loading it gives `value`."""

    __slots__ = ("big_endian", "load", "value")

    def __init__(self, name: str, size: int, value: ScalarType, load: str, *, big_endian: bool = False) -> None:
        super().__init__(name, size, 1 if big_endian else size, None)
        self.value = value
        self.load = load
        self.big_endian = big_endian


I32 = ScalarType("i32", 4, "i32", signed=True, load="i32")
U32 = ScalarType("u32", 4, "i32", signed=False, load="i32")
I64 = ScalarType("i64", 8, "i64", signed=True, load="i64")
U64 = ScalarType("u64", 8, "i64", signed=False, load="i64")
F64 = ScalarType("f64", 8, "f64", signed=True, load="f64")
V128 = ScalarType("v128", 16, "v128", signed=False, load="v128")
BOOL = ScalarType("bool", 4, "i32", signed=False, load="i32")
U8 = MemoryType("u8", 1, I32, "i32_8u")
I8 = MemoryType("i8", 1, I32, "i32_8s")
U16 = MemoryType("u16", 2, I32, "i32_16u")
I16 = MemoryType("i16", 2, I32, "i32_16s")
F32 = MemoryType("f32", 4, F64, "f32")
BE16 = MemoryType("be16", 2, I32, "i32_16u", big_endian=True)
BE32 = MemoryType("be32", 4, U32, "i32", big_endian=True)
BE64 = MemoryType("be64", 8, I64, "i64", big_endian=True)


class PtrType(Type):
    """The address of a `target` (a memory type, a scalar, another pointer, or a Struct)."""

    __slots__ = ("module", "raw")

    def __init__(self, raw: Any, module: str | None = None) -> None:
        super().__init__("ptr", 4, 4, "i32")
        self.raw = raw
        self.module = module

    @property
    def target(self) -> AnyType:
        """What it points to; a quoted name is resolved on first use."""
        if isinstance(self.raw, str):
            self.raw = resolve_name(self.raw, self.module)
        return as_type(self.raw)

    def __repr__(self) -> str:
        return f"ptr[{type_name(self.raw)}]"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PtrType) and self.target == other.target

    def __hash__(self) -> int:
        return hash(repr(self))


class ArrayType(Type):
    """`count` elements laid out inline; as an expression it is a `ptr[element]`."""

    __slots__ = ("count", "element")

    def __init__(self, element: AnyType, count: int) -> None:
        super().__init__(f"array[{type_name(element)}, {count}]", type_size(element, inline=True) * count, 1, None)
        self.align = type_align(element, inline=True)
        self.element = element
        self.count = count


class EmbedType(Type):
    """`S.embed` as a field's type: the struct's contents by value; the expression is the address, of type S."""

    __slots__ = ("struct",)

    def __init__(self, struct: StructMeta) -> None:
        super().__init__(f"{struct.__name__}.embed", struct.size, struct.align, None)
        self.struct = struct


class FnType(Type):
    """A function reference: an index into the table, called with `params`, giving `results` (a tuple of types)."""

    __slots__ = ("params", "results")

    def __init__(self, params: tuple[AnyType, ...], results: tuple[AnyType, ...]) -> None:
        super().__init__("fn", 4, 4, "i32")
        self.params = params
        self.results = results

    def __repr__(self) -> str:
        return f"fn[[{', '.join(map(type_name, self.params))}], {results_name(self.results)}]"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FnType) and self.params == other.params and self.results == other.results

    def __hash__(self) -> int:
        return hash(repr(self))


class Field:
    """One field of a Struct: its type and byte offset."""

    __slots__ = ("name", "offset", "type")

    def __init__(self, name: str, type_: AnyType, offset: int) -> None:
        self.name = name
        self.type = type_
        self.offset = offset


class StructMeta(type):
    """The metaclass of Struct: the class itself is the type, and answers `.offset(field)` and `.size` at import."""

    _packed: bool
    _layout: tuple[dict[str, Field], int, int] | None

    def __new__(mcs, name: str, bases: tuple[type, ...], namespace: dict[str, Any], packed: bool = False) -> StructMeta:
        """`packed`: without padding."""
        cls = super().__new__(mcs, name, bases, namespace)
        cls._packed = packed
        cls._layout = None
        return cls

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], packed: bool = False) -> None:
        super().__init__(name, bases, namespace)

    @property
    def fields(cls) -> dict[str, Field]:
        """The fields in order, those of a base struct first."""
        return cls._laid_out()[0]

    @property
    def size(cls) -> int:
        """Bytes of one struct, padding included."""
        return cls._laid_out()[1]

    @property
    def align(cls) -> int:
        """The largest alignment of a field."""
        return cls._laid_out()[2]

    @property
    def wasm(cls) -> str:
        """The value type of a local of this type: an address."""
        return "i32"

    @property
    def embed(cls) -> EmbedType:
        """As a field's annotation: this struct by value."""
        return EmbedType(cls)

    def offset(cls, field: str) -> int:
        """The byte offset of `field`. Errors: KeyError naming the struct's fields."""
        fields = cls._laid_out()[0]
        if field not in fields:
            raise KeyError(f"{cls.__name__} has no field {field!r}; its fields are {', '.join(fields)}")
        return fields[field].offset

    def __call__(cls, *_args: Any) -> Any:
        """Only the compiler calls it."""
        raise RuntimeError(f"{cls.__name__}(…) is compiled, it cannot run in Python")

    def _laid_out(cls) -> tuple[dict[str, Field], int, int]:
        if cls._layout is None:
            cls._layout = _lay_out(cls)
        return cls._layout


AnyType = Type | StructMeta


# A class without annotations has those of its metaclass as an attribute (Python 3.14); importing inspect takes long.
own_annotations = type.__dict__["__annotations__"].__get__  # noqa: RUF063


def _lay_out(cls: StructMeta) -> tuple[dict[str, Field], int, int]:
    """Compute (fields, size, alignment) of a struct; base structs' fields come first."""
    fields: dict[str, Field] = {}
    at, struct_align = 0, 1
    for base in cls.__bases__:
        if isinstance(base, StructMeta) and base.__bases__ != (object,):
            base_fields, at, struct_align = base._laid_out()
            fields.update(base_fields)
    for name, raw in own_annotations(cls).items():
        type_ = resolve_annotation(raw, cls.__module__, cls)
        align = 1 if cls._packed else type_align(type_, inline=False)
        at = (at + align - 1) // align * align
        fields[name] = Field(name, type_, at)
        at += type_size(type_, inline=False)
        struct_align = max(struct_align, align)
    return fields, (at + struct_align - 1) // struct_align * struct_align, struct_align


def type_size(type_: AnyType, *, inline: bool) -> int:
    """Bytes of `type_` in memory.

    inline: a Struct counts as its contents (array or pointer element), not as a reference.
    """
    if isinstance(type_, StructMeta):
        return type_.size if inline else 4
    return type_.size


def type_align(type_: AnyType, *, inline: bool) -> int:
    """The alignment of `type_` in memory; `inline` as in type_size."""
    if isinstance(type_, StructMeta):
        return type_.align if inline else 4
    return type_.align


def type_name(type_: Any) -> str:
    """How an author writes this type."""
    if type_ is None:
        return "None"
    return type_.__name__ if isinstance(type_, type) else str(type_)


def results_name(results: tuple[AnyType, ...]) -> str:
    """How an author writes a function's result types."""
    if not results:
        return "None"
    if len(results) == 1:
        return type_name(results[0])
    return f"tuple[{', '.join(map(type_name, results))}]"


def as_type(value: Any) -> AnyType:
    """`value` as a type of the subset; Python's `bool` counts as BOOL. Errors: TypeError."""
    if value is bool:
        return BOOL
    if isinstance(value, (Type, StructMeta)):
        return value
    raise TypeError(f"{type_name(value)!r} is not a type of the subset")


def result_types(value: Any) -> tuple[AnyType, ...]:
    """The result annotation `None`, `T` or `tuple[T, U]` as a tuple of types."""
    if value is None:
        return ()
    if getattr(value, "__origin__", None) is tuple:
        return tuple(as_type(item) for item in value.__args__)
    return (as_type(value),)


def resolve_name(text: str, module: str | None, cls: StructMeta | None = None) -> Any:
    """Evaluate a type written as a string in the namespace of `module`. Errors: NameError, TypeError."""
    namespace = dict(vars(sys.modules[module])) if module in sys.modules else {}
    if cls is not None:
        namespace.setdefault(cls.__name__, cls)
    return eval(text, namespace)


def resolve_annotation(raw: Any, module: str, cls: StructMeta) -> AnyType:
    """A field's annotation as a type; a name that is not defined yet can only be a struct, hence a reference."""
    if isinstance(raw, str):
        try:
            raw = resolve_name(raw, module, cls)
        except NameError:
            if not raw.isidentifier():
                raise
            return LateStruct(raw, module)
        if isinstance(raw, str):  # a quoted annotation under `from __future__ import annotations`
            return resolve_annotation(raw, module, cls)
    if isinstance(raw, PtrType) and isinstance(raw.raw, str):
        raw.module = raw.module or module
    return as_type(raw)


class LateStruct(Type):
    """A reference to a struct defined later in the module; `resolved()` finds it once the module is complete."""

    __slots__ = ("module",)

    def __init__(self, name: str, module: str) -> None:
        super().__init__(name, 4, 4, "i32")
        self.module = module

    def resolved(self) -> AnyType:
        """The struct. Errors: NameError, TypeError."""
        return as_type(resolve_name(self.name, self.module))


class PtrFactory:
    """`ptr[T]`; T may be quoted."""

    def __getitem__(self, target: Any) -> PtrType:
        if not isinstance(target, str):
            target = as_type(target)
        return PtrType(target)


class ArrayFactory:
    """`array[T, n]`."""

    def __getitem__(self, item: tuple[Any, int]) -> ArrayType:
        element, count = item
        return ArrayType(as_type(element), count)


class FnFactory:
    """`fn[[A, B], R]`; R is a type, None, or tuple[…]."""

    def __getitem__(self, item: tuple[list[Any], Any]) -> FnType:
        params, result = item
        return FnType(tuple(as_type(param) for param in params), result_types(result))
