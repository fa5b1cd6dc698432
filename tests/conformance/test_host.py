"""What every host promises (turso_wasm/runtime/hosts/base.py): calls, memory, Programs, traps, files.

The kernel here is only errors, memory, rows and vfs of the real one: what a host touches itself.
"""

from __future__ import annotations

import hashlib
import stat
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from turso_wasm.base.errors import InternalError, SqlError
from turso_wasm.codegen.program import Program
from turso_wasm.kernel.abi import OPEN_CREATE, OPEN_MEMORY, OPEN_TEMP, Run
from turso_wasm.kernel.build import check_build
from turso_wasm.runtime.files import register_vfs, unregister_vfs
from turso_wasm.runtime.hosts.base import address
from turso_wasm.runtime.hosts.wasmtime import WasmtimeHost
from turso_wasm.runtime.rows import decode_rows
from turso_wasm.vfs.counting import CountingVfs
from turso_wasm.vfs.faulty import FaultyVfs
from turso_wasm.vfs.memory import MemoryVfs
from turso_wasm.wasm.dsl import Function, i32, i64
from turso_wasm.wasm.module import Module
from turso_wasm.wasm.opcodes import I32, I64

PARTS = [f"turso_wasm.kernel.{name}" for name in ("base.errors", "base.memory", "base.vfs", "values.rows")] + [
    "tests.conformance.probe"
]
STATEMENT = struct.Struct(f"<{Run.size}x")


@pytest.fixture(scope="module")
def kernel() -> bytes:
    return check_build(PARTS)[0]


@pytest.fixture(scope="module")
def host(kernel: bytes) -> WasmtimeHost:
    return WasmtimeHost(kernel)


def new_statement(host: WasmtimeHost, n_columns: int) -> int:
    at = address(host.function("mzalloc")(Run.size))
    host.pack(struct.Struct("<i"), at + Run.offset("n_columns"), n_columns)
    return at


def program(write: object, data: bytes = b"", **symbols: tuple[list[int], list[int]]) -> Program:
    """A Program whose step is written by `write(module, function, kernel functions by name)`."""
    module = Module()
    module.import_memory("kernel", "memory")
    callees = {name: module.import_function("kernel", name, *kind) for name, kind in symbols.items()}
    base = module.import_global("program", "data", I32)
    step = module.function("step", [("stmt", I32)], [I32], export=True)
    write(step, base, callees)  # type: ignore[operator]
    return Program("select", wasm=module.encode(), data=data)


def rows_of(host: WasmtimeHost, statement: int, n_columns: int) -> list[tuple[object, ...]]:
    fields = struct.Struct("<II")
    rows, used = host.unpack(fields, statement + Run.offset("rows"))
    heap, heap_used = host.unpack(fields, statement + Run.offset("heap"))
    return decode_rows(host.read(rows, used), host.read(heap, heap_used), n_columns, False)


def test_functions_take_and_give_numbers(host: WasmtimeHost) -> None:
    malloc, free = host.function("malloc"), host.function("mfree")
    at = address(malloc(100))
    assert at % 8 == 0
    assert free(at) is None
    assert host.function("malloc") is malloc
    with pytest.raises(KeyError):
        host.function("no_such_function")


def test_memory_is_read_and_written(host: WasmtimeHost) -> None:
    at = address(host.function("malloc")(64))
    host.write(at, b"hello")
    assert host.read(at, 5) == b"hello"
    pair = struct.Struct("<iq")
    host.pack(pair, at, -7, 1 << 40)
    assert host.unpack(pair, at) == (-7, 1 << 40)


def test_memory_grown_by_the_kernel_is_seen(host: WasmtimeHost) -> None:
    at = address(host.function("malloc")(40_000_000))
    host.write(at + 39_999_990, b"0123456789")
    assert host.read(at + 39_999_990, 10) == b"0123456789"
    host.function("mfree")(at)


def test_nothing_is_read_or_written_beyond_memory(host: WasmtimeHost) -> None:
    for at in (1 << 32, (1 << 32) - 4):
        with pytest.raises(IndexError):
            host.read(at, 8)
        with pytest.raises(IndexError):
            host.write(at, b"12345678")
        with pytest.raises(IndexError):
            host.unpack(struct.Struct("<q"), at)


def test_a_program_gives_rows(host: WasmtimeHost) -> None:
    def write(f: Function, data: object, kernel: dict[str, object]) -> None:
        stmt = f.params[0]
        for value in (1, 2):
            row = f.local(I32, value=f.call(kernel["row_begin"], stmt))
            f.do(f.call(kernel["row_set"], stmt, row, 0, 1, i64(value)))
            text = f.call(kernel["row_set"], stmt, row, 1, 3, data.extend_u() | i64(5 << 32))
            f.do(text)
            f.do(f.call(kernel["row_end"], stmt))
        f.ret(i32(0))

    made = program(
        write,
        b"caf\xc3\xa9",
        row_begin=([I32], [I32]),
        row_set=([I32, I32, I32, I32, I64], []),
        row_end=([I32], [I32]),
    )
    instance = host.load(made)
    statement = new_statement(host, 2)
    assert instance.step(statement) == 0
    assert rows_of(host, statement, 2) == [(1, "café"), (2, "café")]


def test_equal_programs_are_loaded_once(host: WasmtimeHost) -> None:
    def write(f: Function, data: object, kernel: object) -> None:
        f.ret(i32(0))

    assert host.load(program(write, b"a")) is host.load(program(write, b"a"))
    assert host.load(program(write, b"a")) is not host.load(program(write, b"b"))


def test_an_sql_error_carries_code_and_message_and_leaves_the_record(host: WasmtimeHost) -> None:
    def write(f: Function, data: object, kernel: dict[str, object]) -> None:
        f.do(f.call(kernel["raise_error"], i32(19), data, i32(7)))
        f.ret(i32(0))

    failing = program(write, "naïve!".encode(), raise_error=([I32, I32, I32], []))
    record = address(host.function("error_record")())
    with pytest.raises(SqlError) as caught:
        host.load(failing).step(new_statement(host, 0))
    assert (caught.value.code, caught.value.message) == (19, "naïve!")
    assert host.unpack(struct.Struct("<i"), record) == (19,), "statement_abort has to read it"
    host.function("error_clear")()


def test_a_failing_kernel_call_clears_the_record(host: WasmtimeHost) -> None:
    with pytest.raises(SqlError) as caught:
        host.function("raise_busy")()
    assert (caught.value.code, caught.value.message) == (5, "database is locked")
    assert host.unpack(struct.Struct("<i"), address(host.function("error_record")())) == (0,)


def test_a_bug_is_an_internal_error_with_a_backtrace(host: WasmtimeHost) -> None:
    def write(f: Function, data: object, kernel: object) -> None:
        f.unreachable()

    with pytest.raises(InternalError, match="unreachable"):
        host.load(program(write)).step(new_statement(host, 0))
    assert host.unpack(struct.Struct("<i"), address(host.function("error_record")())) == (2,), "SQLITE_INTERNAL"
    host.function("error_clear")()


def test_a_trap_gives_the_kernel_its_stack_back(host: WasmtimeHost) -> None:
    before = host._store.exports["stack_pointer"].value(host._store.store)
    host._store.exports["stack_pointer"].set_value(host._store.store, before - 4096)
    with pytest.raises(SqlError):
        host.function("raise_busy")()
    assert host._store.exports["stack_pointer"].value(host._store.store) == before


def test_a_program_that_imports_something_unknown_is_refused(host: WasmtimeHost) -> None:
    def write(f: Function, data: object, kernel: object) -> None:
        f.ret(i32(0))

    with pytest.raises(InternalError, match="nobody provides"):
        host.load(program(write, surprise=([], [])))


def test_threads_enter_one_after_the_other(host: WasmtimeHost) -> None:
    malloc, free = host.function("malloc"), host.function("mfree")
    blocks: list[int] = []

    def work() -> None:
        for size in range(1, 300):
            with host.lock:
                at = address(malloc(size))
                host.write(at, bytes([size % 251]) * size)
                blocks.append(at)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(blocks)) == len(blocks)
    for at in blocks:
        free(at)


# --- files ------------------------------------------------------------------------------------------------------


@pytest.fixture
def counting() -> Iterator[CountingVfs]:
    vfs = CountingVfs(MemoryVfs())
    register_vfs("counted", vfs)
    yield vfs
    unregister_vfs("counted")


def place(host: WasmtimeHost, data: bytes) -> tuple[int, int]:
    at = address(host.function("malloc")(len(data) + 16))
    host.write(at, data)
    return at, len(data)


def open_file(host: WasmtimeHost, name: str, flags: int = OPEN_CREATE) -> int:
    fd: int = host.function("probe_open")(*place(host, name.encode()), flags)
    return fd


def test_files_by_descriptor(host: WasmtimeHost, tmp_path: Path) -> None:
    call = host.function
    for name, flags in ((str(tmp_path / "x"), OPEN_CREATE), ("", OPEN_TEMP), (":memory:", OPEN_MEMORY)):
        fd = open_file(host, name, flags)
        assert fd >= 0
        if flags != OPEN_MEMORY:
            assert call("probe_write")(fd, *place(host, b"abc"), (1 << 32) + 2) == 0, "offsets have 64 bits"
            assert call("probe_size")(fd) == (1 << 32) + 5
            assert call("probe_truncate")(fd, 0) == 0
        assert call("probe_write")(fd, *place(host, b"abc"), 2) == 0
        at, size = place(host, bytes(9))
        assert call("probe_read")(fd, at, size, 0) == 5
        assert host.read(at, size) == b"\0\0abc\0\0\0\0"
        assert call("probe_truncate")(fd, 1) == 0
        assert call("probe_size")(fd) == 1
        assert call("probe_sync")(fd) == 0
        assert call("probe_lock")(fd, 1) == 0
        call("probe_unlock")(fd, 0)
        call("probe_close")(fd)
    assert call("probe_exists")(*place(host, str(tmp_path / "x").encode())) == 1
    for durable in (0, 1):  # what is not there is deleted already
        assert call("probe_delete")(*place(host, str(tmp_path / "x").encode()), durable) == 0
    assert call("probe_exists")(*place(host, str(tmp_path / "x").encode())) == 0


def test_locks_conflict(host: WasmtimeHost, tmp_path: Path) -> None:
    one, two = open_file(host, str(tmp_path / "x")), open_file(host, str(tmp_path / "x"))
    lock = host.function("probe_lock")
    assert (lock(one, 1), lock(two, 1), lock(one, 2), lock(two, 2)) == (0, 0, 0, -5)
    assert host.function("probe_check_reserved")(two) == 1
    for fd in (one, two):
        host.function("probe_close")(fd)


def test_failures_are_negative_result_codes(host: WasmtimeHost, tmp_path: Path) -> None:
    assert open_file(host, str(tmp_path / "missing"), 0) == -14
    assert open_file(host, str(tmp_path)) == -14
    assert open_file(host, "nul\0in name") == -14
    assert open_file(host, "vfs:unknown:x") == -14


def test_the_name_chooses_the_file_system(host: WasmtimeHost, counting: CountingVfs) -> None:
    fd = open_file(host, "vfs:counted:data")
    assert fd >= 0
    assert counting.exists("data")
    assert counting.counts["open"] == 1
    assert host.function("probe_capabilities")(fd) == 0


def test_an_injected_fault_reaches_the_kernel_as_its_code(host: WasmtimeHost) -> None:
    vfs = FaultyVfs()
    register_vfs("faulty", vfs)
    fd = open_file(host, "vfs:faulty:data")
    vfs.disk_full_at(2)
    write = host.function("probe_write")
    assert [write(fd, *place(host, b"abcd"), 0) for _ in range(3)] == [0, -13, -13]
    vfs.fail_at(1)
    assert host.function("probe_size")(fd) == -1802, "SQLITE_IOERR_FSTAT"
    assert host.function("probe_size")(fd) == 4
    unregister_vfs("faulty")


def test_clock_and_randomness(host: WasmtimeHost) -> None:
    before = time.time() * 1000
    assert before <= host.function("probe_now")() <= time.time() * 1000
    at, size = place(host, bytes(32))
    host.function("probe_random")(at, size)
    assert host.read(at, size) != bytes(32)
    assert host.function("probe_sleep")(10_000) == 0, "nobody waits inside the kernel"


def test_an_exception_in_a_vfs_passes_through_the_kernel(host: WasmtimeHost) -> None:
    class Broken(MemoryVfs):
        def exists(self, name: str) -> bool:
            raise ZeroDivisionError("broken vfs")

    register_vfs("broken", Broken())
    with pytest.raises(ZeroDivisionError, match="broken vfs"):
        host.function("probe_exists")(*place(host, b"vfs:broken:x"))
    unregister_vfs("broken")
    assert host.function("probe_exists")(*place(host, b"nothing of that name")) == 0, "the host is usable as before"


def test_a_compiled_kernel_is_cached_and_a_damaged_cache_is_not_used(
    kernel: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TURSO_WASM_CACHE", str(tmp_path / "cache"))
    WasmtimeHost(kernel)
    (stored,) = tmp_path.glob("cache/*.cwasm")
    assert stat.S_IMODE(stored.stat().st_mode) & 0o077 == 0
    whole = stored.read_bytes()
    for damaged in (b"", whole[:1000], whole[:-1] + bytes([whole[-1] ^ 1])):
        stored.write_bytes(damaged)
        WasmtimeHost(kernel)
        assert stored.read_bytes() != damaged
    payload = b"what somebody else put there"
    stored.write_bytes(hashlib.sha256(payload).digest() + payload)
    stored.chmod(0o666)
    WasmtimeHost(kernel)
    assert stat.S_IMODE(stored.stat().st_mode) & 0o077 == 0, "replaced, not loaded"
