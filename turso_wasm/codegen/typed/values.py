"""Values of typed Python in generated code."""

from __future__ import annotations

from typing import Final

from turso_wasm.base.records import dataclass
from turso_wasm.kernel.abi import BLOB, INTEGER, REAL, TEXT
from turso_wasm.typed.types import Kind, Type
from turso_wasm.wasm.dsl import F64, I32, I64, Expr, Function, Local, f64, i32, i64

WASM_TYPE: Final[dict[Kind, int]] = {
    "none": I64, "bool": I32, "int": I64, "float": F64, "str": I64, "bytes": I64,
    "list[int]": I32, "list[float]": I32, "list[str]": I32,
}  # fmt: skip
TAG: Final[dict[Kind, int]] = {
    "none": INTEGER,
    "bool": INTEGER,
    "int": INTEGER,
    "float": REAL,
    "str": TEXT,
    "bytes": BLOB,
}


FAILED: Final = -1  # as a tag: the function failed; the payload may be a message


@dataclass(slots=True)
class Typed:
    """A value: bool an i32, int an i64, float an f64, str and bytes address and size as in a payload, a list its
    address.

    present: i32, whether it is not None; None when it never is.
    """

    value: Expr
    present: Expr | None = None

    @property
    def operands(self) -> list[Expr]:
        """As arguments of a call."""
        return [self.value] if self.present is None else [self.value, self.present]


class Place:
    """The locals of a variable. assigned: whether it has a value, for one that is read where that is not certain."""

    def __init__(self, f: Function, type_: Type, name: str, value: Local | None = None, present: Local | None = None):
        self.value = value if value is not None else f.local(WASM_TYPE[type_.kind], name)
        self.present = present
        if present is None and type_.optional:
            self.present = f.local(I32, f"{name}_present")
        self.assigned: Local | None = None

    def get(self) -> Typed:
        """What it holds."""
        return Typed(self.value, self.present)

    def set(self, f: Function, value: Typed) -> None:
        """Assign."""
        f.set(self.value, value.value)
        if self.present is not None:
            f.set(self.present, value.present if value.present is not None else 1)
        if self.assigned is not None:
            f.set(self.assigned, 1)


def params_of(types: tuple[Type, ...]) -> list[tuple[str, int]]:
    """The parameters of a wasm function for those of a typed one."""
    found = []
    for number, type_ in enumerate(types):
        found.append((f"p{number}", WASM_TYPE[type_.kind]))
        if type_.optional:
            found.append((f"p{number}_present", I32))
    return found


def zero(type_: Type) -> Expr:
    """Any value of the type."""
    wasm = WASM_TYPE[type_.kind]
    return i32(0) if wasm == I32 else f64(0.0) if wasm == F64 else i64(0)


def as_cell(value: Expr) -> Expr:
    """An element as the i64 that lists hold."""
    return value.reinterpret() if value.type == F64 else value


def of_cell(cell: Expr, type_: Type) -> Expr:
    """An element of that type."""
    return cell.reinterpret() if type_.kind == "float" else cell
