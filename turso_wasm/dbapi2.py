"""`turso_wasm` under the name that `sqlite3.dbapi2` has: for who imports PEP 249 from there."""

from __future__ import annotations

from typing import Any

import turso_wasm
from turso_wasm.dbapi import *  # noqa: F403


def __getattr__(name: str) -> Any:
    return getattr(turso_wasm, name)
