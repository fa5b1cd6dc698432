"""How fast the b-trees are: appends, scans, seeks, index inserts, in a release build under wasmtime.

    python -m benchmarks.btree [rows]

The database is in memory behind the pager; times are CPU times. Every figure is one call of a loop in
tests/harness/btree_driver.py, so calls into the kernel from Python do not count.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import wasmtime

from tests.harness import kernel as kernel_harness
from tests.harness.btree import MODULES, Trees, make_file, record
from turso_wasm.kernel.build import check_build

DRIVER = "tests.harness.btree_driver"


def release_build(modules: tuple[str, ...]) -> None:
    """Make the test harness use a build without assertions."""
    wasm, symbols = check_build(modules, debug=False)
    kernel_harness._engine = kernel_harness._engine or wasmtime.Engine()
    kernel_harness._built[modules] = (wasmtime.Module(kernel_harness._engine, wasm), symbols)


def report(what: str, n: int, run: Callable[[], Any], times: int = 1) -> None:
    """Print the best of some runs."""
    best = float("inf")
    for _ in range(times):
        start = time.process_time()
        run()
        best = min(best, time.process_time() - start)
    print(f"{what:44} {best * 1e3:9.1f} ms {best / n * 1e9:9.1f} ns each", flush=True)


def main(rows: int) -> None:
    """Run all."""
    release_build((*MODULES, DRIVER))
    kernel_harness.Kernel.call = call_unchecked  # type: ignore[method-assign]
    db = Trees(make_file("CREATE TABLE t(a, b); CREATE TABLE u(a, b); CREATE INDEX i ON t(a)"), [DRIVER])
    row = record(("x" * 22, 2**30))
    at = db.keep(row)
    print(f"{rows} rows of {len(row)} bytes, 4096-byte pages")
    t = db.table("t")
    report("append, ascending rowids", rows, lambda: t.call("drive_append", 1, rows, at, len(row)))
    u = db.table("u")
    report("append, table_new_rowid", rows, lambda: u.call("drive_append_new", rows, at, len(row)))
    u.clear()
    report("scan, cursor_next", rows, lambda: t.call("drive_sum"), 5)
    report("scan, table_next", rows, lambda: t.call("drive_sum_table"), 5)
    report("count", rows, t.count, 3)
    report("seek rowid, all rows", rows, lambda: t.call("drive_seek", rows, rows))
    report("seek rowid, among 100k rows", rows, lambda: t.call("drive_seek", rows, min(rows, 100_000)))
    report("delete all, one by one", rows, lambda: t.call("drive_delete_all"))
    n = min(rows, 100_000)
    for what, is_random in (("random integers", 1), ("ascending integers", 0)):
        tree = db.index(db.call("btree_create", db.statement, 0, 2), 0, 0)
        db.call("drive_seed", 1)
        report(f"index insert, {what}, {n}", n, lambda tree=tree, r=is_random: tree.call("drive_index_insert", n, r))
        report("index scan, index_next", n, lambda tree=tree: tree.call("drive_sum_index"), 5)
        if is_random:
            db.call("drive_seed", 1)
            report("index seek, random integers", n, lambda tree=tree: tree.call("drive_index_seek", n))
            db.call("drive_seed", 1)
            report("index delete, random integers", n // 2, lambda tree=tree: tree.call("drive_index_delete", n // 2))
    tree = db.index(db.call("btree_create", db.statement, 0, 2), 0, 0)
    report(f"index insert, random text, {n}", n, lambda: tree.call("drive_text_insert", n))


def call_unchecked(kernel: kernel_harness.Kernel, name: str, *args: int) -> Any:
    """Kernel.call without the look at the assertion record, which a release build does not have."""
    params = kernel.symbols["functions"][name]["params"]
    return kernel.exports[name](
        kernel.store, *(kernel_harness._signed(v, kind) for v, kind in zip(args, params, strict=False))
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
