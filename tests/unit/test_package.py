"""What `import turso_wasm` offers."""

from __future__ import annotations

import subprocess
import sys

import turso_wasm
from turso_wasm import dbapi


def test_the_package_offers_what_dbapi_offers() -> None:
    assert list(turso_wasm.__all__) == list(dbapi.__all__)
    for name in dbapi.__all__:
        assert getattr(turso_wasm, name) is getattr(dbapi, name)
    assert not hasattr(turso_wasm, "nothing_of_that_name")


def test_importing_the_package_does_not_load_the_engine() -> None:
    code = "import sys, turso_wasm; print(sorted(m for m in sys.modules if m.startswith(('turso_wasm.', 'wasmtime'))))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
