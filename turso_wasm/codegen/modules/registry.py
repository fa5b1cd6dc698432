"""The writers of virtual tables, by module."""

from __future__ import annotations

from typing import Final

from turso_wasm.codegen.modules.module import Writer
from turso_wasm.codegen.modules.rtree import RtreeWriter

WRITERS: Final[dict[str, type[Writer]]] = {"rtree": RtreeWriter, "rtree_i32": RtreeWriter}
