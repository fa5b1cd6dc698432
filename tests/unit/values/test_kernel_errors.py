"""raise_error leaves a record behind, even when there is no memory left."""

from __future__ import annotations

import struct

import pytest
import wasmtime

from tests.harness.kernel import Kernel
from turso_wasm.kernel.base.errors import ERROR_TEXT_SIZE

TRAPS = (wasmtime.Trap, wasmtime.WasmtimeError)


@pytest.fixture
def kernel() -> Kernel:
    return Kernel(["turso_wasm.kernel.base.errors"])


def record(kernel: Kernel) -> tuple[int, str]:
    code, size, text = struct.unpack("<iiI", kernel.read(kernel.call("error_record"), 12))
    return code, kernel.read(text, size).decode()


def test_no_error_yet(kernel: Kernel) -> None:
    assert record(kernel) == (0, "")


def test_the_text_is_copied(kernel: Kernel) -> None:
    """errors E1."""
    message = b"no such savepoint: x"
    p = kernel.alloc(message)
    with pytest.raises(TRAPS):
        kernel.call("raise_error", 1, p, len(message))
    kernel.write(p, bytes(len(message)))
    assert record(kernel) == (1, "no such savepoint: x")
    kernel.call("error_clear")
    assert record(kernel)[0] == 0


def test_a_long_text_is_not_cut(kernel: Kernel) -> None:
    """errors E1."""
    message = b"x" * (ERROR_TEXT_SIZE + 1)
    with pytest.raises(TRAPS):
        kernel.call("raise_error", 19, kernel.alloc(message), len(message))
    assert record(kernel) == (19, message.decode())


def test_corrupt_tells_the_page(kernel: Kernel) -> None:
    with pytest.raises(TRAPS):
        kernel.call("raise_corrupt", 42)
    assert record(kernel) == (11, "database disk image is malformed")
    assert kernel.call("error_corrupt_pgno") == 42


@pytest.mark.parametrize(
    ("routine", "code", "message"),
    [("raise_nomem", 7, "out of memory"), ("raise_too_big", 18, "string or blob too big")],
)
def test_fixed_errors(kernel: Kernel, routine: str, code: int, message: str) -> None:
    with pytest.raises(TRAPS):
        kernel.call(routine)
    assert record(kernel) == (code, message)
