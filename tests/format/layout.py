"""Fixed layouts: dataclasses whose fields say at which offset they lie and what they mean.

    @dataclass(frozen=True)
    class FrameHeader(Layout):
        pgno: int = at(0, 4, "page number")

Integers are big-endian. `FrameHeader.decode(buf, start)` and `header.encode()` follow from the fields, and so does
the OFFSET SIZE MEANING table that `describe(FrameHeader)` prints.

Invariants:
  L1  The fields of a layout follow each other without gaps from offset 0 on; SIZE is where the last one ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar

from turso_wasm.base.errors import Corrupt

L = TypeVar("L", bound="Layout")


def at(offset: int, size: int, meaning: str, default: int | bytes = 0, *, signed: bool = False) -> Any:
    """A field of `size` bytes at `offset`: bytes if the default is bytes, else an integer."""
    return field(default=default, metadata={"offset": offset, "size": size, "meaning": meaning, "signed": signed})


@dataclass(frozen=True)
class Layout:
    """Base of fixed layouts."""

    SIZE: ClassVar[int] = 0

    def __init_subclass__(cls) -> None:
        specs = [value for name in cls.__annotations__ if (value := getattr(cls, name, None)) is not None]
        cls.SIZE = sum(spec.metadata["size"] for spec in specs if hasattr(spec, "metadata"))

    @classmethod
    def decode(cls: type[L], buf: bytes | memoryview, start: int = 0) -> L:
        """The structure at buf[start]. Errors: Corrupt if `buf` ends first."""
        if start < 0 or len(buf) - start < cls.SIZE:
            raise Corrupt(0, start, f"{cls.__name__} needs {cls.SIZE} bytes")
        values: dict[str, Any] = {}
        for spec in fields(cls):
            where = start + spec.metadata["offset"]
            raw = bytes(buf[where : where + spec.metadata["size"]])
            is_bytes = isinstance(spec.default, bytes)
            values[spec.name] = raw if is_bytes else int.from_bytes(raw, "big", signed=spec.metadata["signed"])
        return cls(**values)

    def encode(self) -> bytes:
        """The structure's bytes. Errors: OverflowError for an integer that does not fit."""
        out = bytearray()
        for spec in fields(self):
            value = getattr(self, spec.name)
            if isinstance(value, bytes):
                if len(value) != spec.metadata["size"]:
                    raise OverflowError(f"{spec.name}: {spec.metadata['size']} bytes expected")
                out += value
            else:
                out += value.to_bytes(spec.metadata["size"], "big", signed=spec.metadata["signed"])
        return bytes(out)


def describe(layout: type[Layout]) -> str:
    """The layout's OFFSET SIZE MEANING table."""
    rows = [
        (spec.metadata["offset"], spec.metadata["size"], spec.name, spec.metadata["meaning"]) for spec in fields(layout)
    ]
    return "\n".join(["OFFSET  SIZE  MEANING"] + [f"{o:<8}{s:<6}{name}: {meaning}" for o, s, name, meaning in rows])
