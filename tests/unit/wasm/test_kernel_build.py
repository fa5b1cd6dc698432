"""Building the kernel: files, currency, atomic replacement, --check, and the harness for kernel tests."""

import json
import multiprocessing

import pytest
import wasmtime

from tests.harness import kernel as kernel_harness
from turso_wasm.kernel import build as kernel_build
from turso_wasm.wasm.subset.errors import SubsetError
from turso_wasm.wasm.symbols import Symbols

SMALL = """
from turso_wasm.wasm.lang import export, i32, i64
__subset__ = True
count: i32 = 0
@export
def bump(by: i32) -> i32:
    global count
    assert by >= 0, "by is not negative"
    count += by
    return count
def helper(x: i64) -> tuple[i32, i64]:
    return 1, x
"""


@pytest.fixture
def small_kernel(tmp_path, monkeypatch):
    """A kernel of one module, built in a folder of its own."""
    (tmp_path / "wasm_test_kernel.py").write_text(SMALL)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(kernel_build, "WASM", tmp_path / "kernel.wasm")
    monkeypatch.setattr(kernel_build, "SYMBOLS", tmp_path / "symbols.json")
    monkeypatch.setattr(kernel_build, "kernel_modules", lambda: ["wasm_test_kernel"])
    return tmp_path


def test_build_writes_a_valid_module_and_its_symbols(small_kernel):
    assert not kernel_build.is_current()
    wasm, _ = kernel_build.build()
    module = wasmtime.Module(wasmtime.Engine(), wasm)
    names = {export.name for export in module.exports}
    assert names == {"memory", "table", "stack_pointer", "heap_base", "bump", "count"}, "globals too: a host moves them"
    symbols = Symbols.load((small_kernel / "symbols.json").read_bytes())
    assert symbols.names() == ["bump"] and (small_kernel / "kernel.wasm").read_bytes() == wasm
    assert kernel_build.is_current() and not kernel_build.is_current(debug=True)
    assert sorted(path.name for path in small_kernel.iterdir() if "." in path.name and path.is_file()) == [
        "kernel.wasm",
        "symbols.json",
        "wasm_test_kernel.py",
    ]


def test_ensure_built_builds_when_the_files_do_not_fit(small_kernel):
    kernel_build.ensure_built()
    before = (small_kernel / "kernel.wasm").stat().st_mtime_ns
    kernel_build.ensure_built()
    assert (small_kernel / "kernel.wasm").stat().st_mtime_ns == before
    for spoil in (
        lambda: (small_kernel / "kernel.wasm").write_bytes(b"other"),
        lambda: (small_kernel / "symbols.json").write_text("{"),
        lambda: (small_kernel / "symbols.json").write_text(json.dumps({"source": "old"})),
    ):
        spoil()
        assert not kernel_build.is_current()
        kernel_build.ensure_built()
        assert kernel_build.is_current()


def test_two_processes_may_build_at_once(small_kernel):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=kernel_build.ensure_built) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert kernel_build.is_current()


def test_build_is_deterministic(small_kernel):
    assert kernel_build.build()[0] == kernel_build.build()[0]


def test_command_line(small_kernel, capsys, monkeypatch):
    assert kernel_build.main(["--check", "wasm_test_kernel"]) == 0
    assert "2 functions exported" in capsys.readouterr().out
    assert not (small_kernel / "kernel.wasm").exists()
    assert kernel_build.main([]) == 0
    (small_kernel / "wasm_test_broken.py").write_text(SMALL.replace("return count", "return x"))
    assert kernel_build.main(["--check", "wasm_test_broken"]) == 1
    assert "'x' is not defined" in capsys.readouterr().err
    assert kernel_build.main(["--check", "wasm_test_no_such_module"]) == 1
    assert "cannot be imported" in capsys.readouterr().err


def test_harness(small_kernel):
    kernel = kernel_harness.Kernel(["wasm_test_kernel"])
    assert kernel.call("bump", 3) == 3 and kernel.get_global("count") == 3
    assert kernel.call("helper", 2**64 - 1) == [1, -1]
    with pytest.raises(kernel_harness.KernelAssertion, match="by is not negative"):
        kernel.call("bump", -1)
    address = kernel.alloc(b"some bytes")
    assert kernel.read(address, 4) == b"some" and kernel.read(kernel.alloc(8), 8) == bytes(8)
    with pytest.raises(ValueError, match="imports no nothing"):
        kernel_harness.Kernel(["wasm_test_kernel"], {"nothing": print})


def test_missing_host_functions_raise(tmp_path, monkeypatch):
    text = '\nfrom turso_wasm.wasm.lang import imported\n@imported("vfs")\ndef ask(x: i32) -> i32: ...\n'
    text += "def f() -> i32:\n    return ask(2)\n"
    (tmp_path / "wasm_test_host.py").write_text(SMALL + text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(NotImplementedError, match="host function ask"):
        kernel_harness.Kernel(["wasm_test_host"]).call("f")
    assert kernel_harness.Kernel(["wasm_test_host"], {"ask": lambda x: x + 1}).call("f") == 3


def test_real_source_hash_covers_kernel_and_compiler():
    names = kernel_build.kernel_modules()
    assert "turso_wasm.kernel.abi" in names and "turso_wasm.kernel.build" not in names
    assert kernel_build.source_hash() != kernel_build.source_hash(debug=True)
    assert issubclass(SubsetError, Exception)
