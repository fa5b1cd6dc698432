"""The import section of a Program's module, in order: what a host must hand over.

Source: https://webassembly.github.io/spec/core/binary/modules.html
"""

from __future__ import annotations

IMPORT_SECTION = 2
FUNCTION, TABLE, MEMORY, GLOBAL = 0, 1, 2, 3


def import_names(wasm: bytes) -> list[tuple[str, str]]:
    """(module, name) of every import of a module that our encoder made. ValueError when `wasm` is no such module."""
    if wasm[:8] != b"\0asm\x01\0\0\0":
        raise ValueError("not a wasm module")
    at = 8
    while at < len(wasm):
        section = wasm[at]
        size, at = _unsigned(wasm, at + 1)
        if section == IMPORT_SECTION:
            return _read_imports(wasm, at)
        at += size
    return []


def _read_imports(wasm: bytes, at: int) -> list[tuple[str, str]]:
    names = []
    count, at = _unsigned(wasm, at)
    for _ in range(count):
        space, at = _name(wasm, at)
        name, at = _name(wasm, at)
        names.append((space, name))
        kind = wasm[at]
        at += 1
        if kind == FUNCTION:
            _, at = _unsigned(wasm, at)
        elif kind == GLOBAL:
            at += 2  # value type, mutability
        elif kind in (TABLE, MEMORY):
            at = _skip_limits(wasm, at + (kind == TABLE))
        else:
            raise ValueError(f"unknown kind of import: {kind}")
    return names


def _skip_limits(wasm: bytes, at: int) -> int:
    flags, at = _unsigned(wasm, at)
    _, at = _unsigned(wasm, at)
    if flags & 1:
        _, at = _unsigned(wasm, at)
    return at


def _name(wasm: bytes, at: int) -> tuple[str, int]:
    size, at = _unsigned(wasm, at)
    return wasm[at : at + size].decode(), at + size


def _unsigned(wasm: bytes, at: int) -> tuple[int, int]:
    """LEB128."""
    value = shift = 0
    while True:
        byte = wasm[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
