"""Decoding instructions: bytes to lists `[mnemonic, immediate, …]` and back, driven by the instruction table.

Immediates: integers as Python ints, floats as their raw bytes (so that NaN bits survive), `labels` as a tuple,
`memarg` as two entries (align, offset), `blocktype` as an int (a value type byte, 0x40, or a type index + 0x100).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from turso_wasm.wasm.opcodes import BY_CODE, CODE, OPS, sleb, uleb

Instruction = list[Any]
VOID = 0x40
TYPE_INDEX = 0x100  # added to a block type that is an index


def read_uleb(data: bytes, at: int) -> tuple[int, int]:
    """(value, index after it)."""
    byte = data[at]
    if byte < 0x80:
        return byte, at + 1
    value, shift = byte & 0x7F, 7
    while True:
        at += 1
        byte = data[at]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at + 1
        shift += 7


def read_sleb(data: bytes, at: int) -> tuple[int, int]:
    """(value, index after it)."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (value - (1 << shift) if byte & 0x40 else value), at


def decode_code(data: bytes, at: int = 0, end: int | None = None) -> list[Instruction]:
    """The instructions in data[at:end]. Errors: ValueError for an unknown opcode."""
    out: list[Instruction] = []
    end = len(data) if end is None else end
    while at < end:
        instruction, at = decode_one(data, at)
        out.append(instruction)
    return out


def decode_one(data: bytes, at: int) -> tuple[Instruction, int]:
    """(instruction, index after it)."""
    code = data[at]
    at += 1
    if code >= 0xFC:
        sub, at = read_uleb(data, at)
        code = code << 8 | sub
    op = BY_CODE.get(code)
    if op is None:
        raise ValueError(f"unknown opcode {code:#x} at {at}")
    instruction: Instruction = [op.name]
    for kind in op.immediates:
        if kind in ("local", "func", "label", "global", "type", "table", "mem", "data", "elem"):
            value, at = read_uleb(data, at)
            instruction.append(value)
        elif kind in ("i32", "i64"):
            value, at = read_sleb(data, at)
            instruction.append(value)
        elif kind == "memarg":
            align, at = read_uleb(data, at)
            offset, at = read_uleb(data, at)
            instruction += [align, offset]
        elif kind == "blocktype":
            value, at = _block_type(data, at)
            instruction.append(value)
        elif kind == "labels":
            labels, at = _labels(data, at)
            instruction.append(labels)
        else:
            width = {"f32": 4, "f64": 8, "v128": 16, "lanes16": 16, "lane": 1, "reftype": 1}[kind]
            instruction.append(data[at : at + width])
            at += width
    return instruction, at


def _block_type(data: bytes, at: int) -> tuple[int, int]:
    value, after = read_sleb(data, at)
    return (value + TYPE_INDEX, after) if value >= 0 else (data[at], at + 1)


def _labels(data: bytes, at: int) -> tuple[tuple[int, ...], int]:
    """br_table: the last label is the default."""
    count, at = read_uleb(data, at)
    labels = []
    for _ in range(count + 1):
        label, at = read_uleb(data, at)
        labels.append(label)
    return tuple(labels), at


def encode_code(instructions: Iterable[Instruction]) -> bytes:
    """The inverse of decode_code."""
    out: list[bytes] = []
    for instruction in instructions:
        name = instruction[0]
        out.append(CODE[name])
        if len(instruction) > 1:
            out.append(_immediates(name, instruction))
    return b"".join(out)


def _immediates(name: str, instruction: Instruction) -> bytes:
    out = b""
    at = 1
    for kind in OPS[name].immediates:
        value = instruction[at]
        at += 1
        if isinstance(value, bytes):
            out += value
        elif kind in ("i32", "i64"):
            out += sleb(value)
        elif kind == "memarg":
            out += uleb(value) + uleb(instruction[at])
            at += 1
        elif kind == "blocktype":
            out += sleb(value - TYPE_INDEX) if value >= TYPE_INDEX else bytes([value])
        elif kind == "labels":
            out += uleb(len(value) - 1) + b"".join([uleb(label) for label in value])
        else:
            out += uleb(value)
    return out
