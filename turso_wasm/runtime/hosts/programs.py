"""Programs that earlier processes have compiled, with their native code, in the cache directory: docs/decisions/0068.

Owns the files. What a Program is kept under, and whether it may be used, runtime/kept.py decides.

  OFFSET     SIZE  MEANING
  0          32    SHA-256 of what follows
  32         8     n, m: sizes of the next two, little-endian
  40         n     JSON: what the text that was compiled has besides the Program
  40 + n     m     the Program (codegen/program.py)
  40 + n + m …     its native code (wasmtime's)

Invariants:
  K1  A file is used only when it belongs to this user, nobody else can have written it, and its digest is right. What
      is wrong is removed.
  K2  A name is a digest of all that its Program depends on, the compiler and the kernel among it.
"""

from __future__ import annotations

import hashlib
import os
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import time

MOST_FILES = 512
MOST_BYTES = 16 << 20
MOST_OF_ONE = 256 << 10
MOST_WRITTEN = 64  # files a process: those that it begins with
USED_AGAIN = 24 * 3600  # seconds after which it is noted that a file was used
SUFFIX = ".program"

_SIZES = struct.Struct("<II")
_HEAD = 32 + _SIZES.size

Stored = tuple[bytes, bytes, bytes]
"""What is in a file behind its sizes."""


class ProgramStore:
    """The files of one build of the engine."""

    def __init__(self, directory: Path, build: bytes) -> None:
        """build: tells this kernel and this compiler from all others (K2)."""
        self.directory = directory
        self._build = build
        self.n_found = 0
        self.n_written = 0

    @property
    def has_room(self) -> bool:
        """Whether this process may keep more."""
        return self.n_written < MOST_WRITTEN

    def find(self, environment: bytes, key: str) -> Stored | None:
        """What is kept for a statement of an environment."""
        path = self._path(environment, key)
        try:
            stored = self._read(path)
        except OSError:
            return None
        if stored is None:
            self.drop(environment, key)
            return None
        self.n_found += 1
        return stored

    def put(self, environment: bytes, key: str, stored: Stored) -> None:
        """Keep it, unless this process has kept enough; what cannot be written is not kept."""
        if not self.has_room or sum(map(len, stored)) > MOST_OF_ONE:
            return
        with suppress(OSError):
            self.directory.mkdir(mode=0o700, exist_ok=True)
            if not self.n_written:
                self._make_room()
            head, program, native = stored
            body = b"".join((_SIZES.pack(len(head), len(program)), head, program, native))
            write_atomically(self._path(environment, key), hashlib.sha256(body).digest() + body)
            self.n_written += 1

    def drop(self, environment: bytes, key: str) -> None:
        """Forget what turned out to be wrong."""
        with suppress(OSError):
            self._path(environment, key).unlink()

    def _path(self, environment: bytes, key: str) -> Path:
        name = hashlib.sha256(b"".join((self._build, environment, key.encode("utf-8", "surrogatepass"))))
        return self.directory / (name.hexdigest() + SUFFIX)

    def _read(self, path: Path) -> Stored | None:
        """None: it is not to be trusted (K1). Errors: OSError."""
        status = path.lstat()
        if not is_private(status):
            return None
        raw = path.read_bytes()
        if time() - status.st_mtime > USED_AGAIN:
            os.utime(path)
        if len(raw) < _HEAD or hashlib.sha256(memoryview(raw)[32:]).digest() != raw[:32]:
            return None
        head, program = _SIZES.unpack_from(raw, 32)
        at = _HEAD + head
        return raw[_HEAD:at], raw[at : at + program], raw[at + program :]

    def _make_room(self) -> None:
        """Remove the files that were not used for longest, until there is room for those of a process."""
        found = [(entry.stat().st_mtime, entry.stat().st_size, entry.path) for entry in os.scandir(self.directory)]
        found.sort(reverse=True)
        n_bytes = 0
        for number, (_, size, path) in enumerate(found):
            n_bytes += size
            if number >= MOST_FILES - MOST_WRITTEN or n_bytes > MOST_BYTES:
                with suppress(OSError):
                    os.unlink(path)


def is_private(status: os.stat_result) -> bool:
    """True when only this user can have written the file."""
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)


def write_atomically(path: Path, content: bytes) -> None:
    """A file that is there whole or not at all. Errors: OSError."""
    import tempfile  # and with it half the standard library

    fd, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def build_of(package: Path, host: Path) -> bytes:
    """What tells this engine from any other: where its files are, their sizes and times, as Python asks of sources
    before it takes what it has compiled of them. host: a file of wasmtime. Errors: OSError, it does not lie in files.
    """
    facts = [sys.version, str(package), *sorted(_facts_of(str(package))), _fact_of(str(host), host.stat())]
    return hashlib.sha256("\n".join(facts).encode("utf-8", "surrogateescape")).digest()


def _facts_of(folder: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith((".py", ".wasm")):
                yield _fact_of(entry.path, entry.stat())
            elif "." not in entry.name and entry.name != "__pycache__" and entry.is_dir():
                yield from _facts_of(entry.path)


def _fact_of(path: str, status: os.stat_result) -> str:
    return f"{path} {status.st_size} {status.st_mtime_ns}"
