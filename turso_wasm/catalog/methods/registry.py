"""The methods by name."""

from __future__ import annotations

from typing import Final

from turso_wasm.catalog.derived import Method
from turso_wasm.catalog.methods.fts import FtsMethod
from turso_wasm.catalog.methods.ivf import IvfMethod

METHODS: Final[dict[str, Method]] = {method.name: method for method in (FtsMethod(), IvfMethod())}
METHODS["vector"] = METHODS["ivf"]
