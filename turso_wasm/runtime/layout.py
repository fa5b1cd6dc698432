"""The fields of kernel structs that hosts read and write (marked H in kernel/abi.py), as `struct.Struct`s at
offsets.
"""

from __future__ import annotations

from struct import Struct

from turso_wasm.kernel.abi import N_SLOTS, KernelConnection, Run
from turso_wasm.kernel.abi_states import Repeated

I32 = Struct("<i")
U32 = Struct("<I")
I64 = Struct("<q")

# Run.rows … heap_not_ascii lie together: rows, rows_used, rows_capacity, row_count, row_limit,
# heap, heap_used, heap_capacity, heap_not_ascii
BUFFERS = Struct("<9I")
BUFFERS_AT = Run.offset("rows")
ROW_LIMIT_AT = Run.offset("row_limit")
PARAMS_AT = Run.offset("params")
BUDGET_AT = Run.offset("budget")
FLAGS_AT = Run.offset("flags")
COOKIES = Struct(f"<{N_SLOTS}i")
COOKIES_AT = Run.offset("cookies")
EPOCH_AT = Run.offset("schema_epoch")
STATEMENT_CHANGES_AT = Run.offset("changes")
REPEATED = Struct("<i4xq")  # Repeated
assert REPEATED.size == Repeated.size
# Run.runs, sorts, indexed lie together
FIGURES = Struct("<3i")
FIGURES_AT = Run.offset("runs")

# KernelConnection.changes, total_changes, last_insert_rowid lie together
COUNTERS = Struct("<3q")
COUNTERS_AT = KernelConnection.offset("changes")
LAST_ROWID_AT = KernelConnection.offset("last_insert_rowid")
AUTOCOMMIT_AT = KernelConnection.offset("autocommit")
BUSY_TIMEOUT_AT = KernelConnection.offset("busy_timeout_ms")
INTERRUPTED_AT = KernelConnection.offset("interrupted")
PAGERS = Struct(f"<{N_SLOTS}I")
PAGERS_AT = KernelConnection.offset("pagers")
# KernelConnection.names, name_sizes, orders lie together
NAMES = Struct(f"<{3 * N_SLOTS}I")
NAMES_AT = KernelConnection.offset("names")
SETTINGS_AT = KernelConnection.offset("settings")
IN_BLOB_AT = KernelConnection.offset("in_blob")
# KernelConnection.sizes, n_sizes lie together
SIZES = Struct("<2I")
SIZES_AT = KernelConnection.offset("sizes")
SIZE = Struct("<5i")  # TableSize
# KernelConnection.capture, capture_size lie together
CAPTURE = Struct("<2I")
CAPTURE_AT = KernelConnection.offset("capture")
CAPTURE_TXN_AT = KernelConnection.offset("capture_txn")
CONNECTION_EPOCH_AT = KernelConnection.offset("schema_epoch")

FLAG_COUNTS_CHANGES = 1  # Run.flags: the rows it changes are the connection's changes()
FLAG_PATIENT = 64  # Run.flags: this host can wait in the middle of a commit
FLAG_FINISHING = 32  # Run.flags: only its commit is left to do
