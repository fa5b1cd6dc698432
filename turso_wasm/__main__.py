"""`python -m turso_wasm` is the command `turso-wasm`."""

from __future__ import annotations

import sys

from turso_wasm.cli import main

if __name__ == "__main__":
    sys.exit(main())
