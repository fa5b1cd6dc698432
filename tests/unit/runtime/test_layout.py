"""The structs of layout.py lie where the kernel's structs say."""

from __future__ import annotations

from turso_wasm.kernel.abi import KernelConnection, Run
from turso_wasm.runtime import layout


def test_the_buffer_fields_of_a_statement_lie_together() -> None:
    names = ["rows", "rows_used", "rows_capacity", "row_count", "row_limit"]
    names += ["heap", "heap_used", "heap_capacity", "heap_not_ascii"]
    assert [Run.offset(name) for name in names] == [layout.BUFFERS_AT + 4 * i for i in range(9)]
    assert layout.BUFFERS.size == 36


def test_the_counters_of_a_connection_lie_together() -> None:
    names = ["changes", "total_changes", "last_insert_rowid"]
    assert [KernelConnection.offset(name) for name in names] == [layout.COUNTERS_AT + 8 * i for i in range(3)]
