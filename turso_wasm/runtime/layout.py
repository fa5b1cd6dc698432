"""The fields of kernel structs that hosts read and write (marked H in kernel/abi.py), as `struct.Struct`s at
offsets.
"""

from __future__ import annotations

from struct import Struct

from turso_wasm.kernel.abi import N_SLOTS, Connection, Statement

I32 = Struct("<i")
U32 = Struct("<I")
I64 = Struct("<q")

# Statement.rows … heap_not_ascii lie together: rows, rows_used, rows_capacity, row_count, row_limit,
# heap, heap_used, heap_capacity, heap_not_ascii
BUFFERS = Struct("<9I")
BUFFERS_AT = Statement.offset("rows")
PARAMS_AT = Statement.offset("params")
BUDGET_AT = Statement.offset("budget")
FLAGS_AT = Statement.offset("flags")
COOKIES = Struct(f"<{N_SLOTS}i")
COOKIES_AT = Statement.offset("cookies")
EPOCH_AT = Statement.offset("schema_epoch")
STATEMENT_CHANGES_AT = Statement.offset("changes")

# Connection.changes, total_changes, last_insert_rowid lie together
COUNTERS = Struct("<3q")
COUNTERS_AT = Connection.offset("changes")
AUTOCOMMIT_AT = Connection.offset("autocommit")
BUSY_TIMEOUT_AT = Connection.offset("busy_timeout_ms")
INTERRUPTED_AT = Connection.offset("interrupted")
CONNECTION_EPOCH_AT = Connection.offset("schema_epoch")

FLAG_COUNTS_CHANGES = 1  # Statement.flags: the rows it changes are the connection's changes()
FLAG_PATIENT = 64  # Statement.flags: this host can wait in the middle of a commit
FLAG_FINISHING = 32  # Statement.flags: only its commit is left to do
