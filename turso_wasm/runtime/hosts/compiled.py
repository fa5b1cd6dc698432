"""Native code: the engines that make it, in two tiers, and the compiled kernel on disk."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import wasmtime

from turso_wasm.runtime.hosts.programs import ProgramStore, build_of, is_private, write_atomically

KEEP_COMPILED = 8  # kernels in the cache directory: those of other versions and environments, within reason


def engine(level: str, parallel: bool = False) -> wasmtime.Engine:
    """An engine that compiles as "baseline" or "speed". Each can load what another compiled.

    Programs are small and compiled while somebody waits, in this thread: worker threads cost more than they save.
    """
    config = wasmtime.Config()
    if level == "baseline":
        config.cranelift_opt_level = "none"
        config.cranelift_flag_set("regalloc_algorithm", "single_pass")
    else:
        config.cranelift_opt_level = "speed"
    config.parallel_compilation = parallel
    if sys.maxsize > 1 << 32:
        config.memory_may_move = False
    return wasmtime.Engine(config)


@cache
def optimizer() -> wasmtime.Engine:
    """The engine that compiles Programs that are worth it."""
    return engine("speed")


def cache_directory() -> Path | None:
    """Where compiled kernels are kept; None when there is no safe place.

    Loading a compiled module runs it, so the directory must belong to this user and be writable by nobody else.
    `TURSO_WASM_CACHE` names another place; empty, it turns the cache off.
    """
    chosen = os.environ.get("TURSO_WASM_CACHE")
    if chosen == "":
        return None
    try:
        if chosen:
            path = Path(chosen)
        elif sys.platform == "win32":
            path = Path(os.environ["LOCALAPPDATA"]) / "turso-wasm" / "cache"
        elif sys.platform == "darwin":
            path = Path.home() / "Library" / "Caches" / "turso-wasm"
        else:
            path = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "turso-wasm"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path if is_private(path.lstat()) else None
    except (OSError, KeyError, RuntimeError):
        return None


def program_store(package: Path) -> ProgramStore | None:
    """Where Programs are kept beside the kernel; None when there is no safe place, or `TURSO_WASM_PROGRAMS` is 0.

    package: the folder of the engine.
    """
    directory = cache_directory() if os.environ.get("TURSO_WASM_PROGRAMS") != "0" else None
    if directory is None:
        return None
    with suppress(OSError):
        return ProgramStore(directory / "programs", build_of(package, Path(wasmtime.__file__)))
    return None


def compiled(target: wasmtime.Engine, wasm: bytes) -> wasmtime.Module:
    """Compile the kernel for `target`, or load what an earlier process compiled.

    A cache file is a SHA-256 of what follows, then the serialized module. Anything wrong with it, also that another
    version of wasmtime wrote it: compile again.
    """
    directory = cache_directory()
    path = None
    if directory is not None:
        facts = f"{platform.machine()} {sys.platform}".encode()
        path = directory / f"{hashlib.sha256(facts + wasm).hexdigest()}.cwasm"
        with suppress(OSError, wasmtime.WasmtimeError):
            if is_private(path.lstat()):
                stored = path.read_bytes()
                if hashlib.sha256(stored[32:]).digest() == stored[:32]:
                    return wasmtime.Module.deserialize(target, stored[32:])
    serialized = bytes(wasmtime.Module(engine("speed", parallel=True), wasm).serialize())
    if path is not None:
        with suppress(OSError):
            _store(path, serialized)
    return wasmtime.Module.deserialize(target, serialized)


def _store(path: Path, serialized: bytes) -> None:
    write_atomically(path, hashlib.sha256(serialized).digest() + serialized)
    kept = sorted(path.parent.glob("*.cwasm"), key=lambda other: other.stat().st_mtime, reverse=True)
    for old in kept[KEEP_COMPILED:]:
        old.unlink(missing_ok=True)
