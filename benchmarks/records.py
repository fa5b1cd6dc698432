"""Times the kernel's per-row routines under wasmtime and, if there is a `node`, in V8: `python -m benchmarks.records`.

One line per routine: milliseconds of processor time, best of several runs; and native SQLite where a query does about
the same.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import wasmtime

from turso_wasm.kernel.build import check_build

N = 1_000_000
MIB = 1 << 20
# (label, function, arguments after the statement or records, what comes first)
CASES: list[tuple[str, str, list[int], str]] = [
    ("decode 1 column (the 2nd)", "scan_columns", [N, 0b10], "records"),
    ("decode 4 columns", "scan_columns", [N, 0b1111], "records"),
    ("decode column 1 by record_column", "scan_column", [N, 1], "records"),
    ("decode column 3 by record_column", "scan_column", [N, 3], "records"),
    ("encode 5 columns", "encode_records", [N], "statement"),
    ("write rows of 3 columns", "write_rows", [N], "statement"),
    ("group: only the loop", "group_nothing", [N, 100], ""),
    ("group by integer, 100 groups", "group_ints", [N, 100], "statement"),
    ("group by integer, 1M groups", "group_ints", [N, N * 2], "statement"),
    ("group by text, 100 groups", "group_texts", [N, 100], "statement"),
    ("group by text, 500k groups", "group_texts", [N, N // 2], "statement"),
    ("sort integers", "sort_ints", [N, 2**31 - 1, -1, 512 * MIB], "statement"),
    ("sort integers, 1000 different", "sort_ints", [N, 1000, -1, 512 * MIB], "statement"),
    ("sort integers, first 10", "sort_ints", [N, 2**31 - 1, 10, 512 * MIB], "statement"),
    ("sort texts", "sort_texts", [N, 2**31 - 1, -1, 512 * MIB], "statement"),
    ("sort texts, 1000 different", "sort_texts", [N, 1000, -1, 512 * MIB], "statement"),
]
NATIVE = {
    "sort integers": "SELECT max(a) FROM (SELECT a FROM t ORDER BY a LIMIT -1 OFFSET 1)",
    "sort texts": "SELECT max(a) FROM (SELECT a FROM t ORDER BY c LIMIT -1 OFFSET 1)",
    "sort integers, first 10": "SELECT a FROM t ORDER BY a LIMIT 10",
    "group by integer, 100 groups": "SELECT b, count(*), sum(a) FROM t GROUP BY b",
    "group by text, 100 groups": "SELECT d, count(*) FROM t GROUP BY d",
}
NODE = """
const fs = require('fs'), cases = JSON.parse(fs.readFileSync(process.argv[3]));
const stub = new Proxy({}, {get: (t, name) => name === 'host_random' ? (() => 0) : () => { throw new Error(name) }});
const imports = new Proxy({}, {get: () => stub});
const compiled = new WebAssembly.Module(fs.readFileSync(process.argv[2]));
const e = new WebAssembly.Instance(compiled, imports).exports;
const types = JSON.parse(process.argv[4]);
const cpu = () => { const u = process.cpuUsage(); return (u.user + u.system) / 1e3 };
const statement = e.new_statement(), records = e.make_records(statement, cases.n), out = {};
for (const [label, name, args, first] of cases.cases) {
  const all = (first === 'statement' ? [statement] : first === 'records' ? [records] : []).concat(args);
  const typed = all.map((v, i) => types[name][i] === 'i64' ? BigInt(v) : v);
  let best = Infinity;
  for (let k = 0; k < 5; k++) {
    const start = cpu();
    e[name](...typed);
    best = Math.min(best, cpu() - start);
  }
  out[label] = best;
}
console.log(JSON.stringify(out));
"""


def chosen(only: str) -> list[tuple[str, str, list[int], str]]:
    return [case for case in CASES if only in case[0]]


def under_wasmtime(wasm: bytes, symbols: dict[str, Any], only: str) -> dict[str, float]:
    """Milliseconds of each case."""
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    module = wasmtime.Module(engine, wasm)
    kinds = {"i32": wasmtime.ValType.i32(), "i64": wasmtime.ValType.i64(), "f64": wasmtime.ValType.f64()}
    functions = []
    for item in symbols["imports"]:
        type_ = wasmtime.FuncType([kinds[k] for k in item["params"]], [kinds[k] for k in item["results"]])
        functions.append(wasmtime.Func(store, type_, lambda *_args: None))
    exports = wasmtime.Instance(store, module, functions).exports(store)
    statement = exports["new_statement"](store)
    first = {"statement": [statement], "records": [exports["make_records"](store, statement, N)], "": []}
    times = {}
    for label, name, arguments, what in chosen(only):
        best = float("inf")
        for _ in range(5):
            start = time.process_time()
            exports[name](store, *first[what], *arguments)
            best = min(best, time.process_time() - start)
        times[label] = best * 1e3
    return times


def under_node(wasm: bytes, symbols: dict[str, Any], only: str) -> dict[str, float]:
    """Milliseconds of each case in V8; nothing without node."""
    node = shutil.which("node")
    if node is None:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "k.wasm").write_bytes(wasm)
        (here / "cases.json").write_text(json.dumps({"n": N, "cases": chosen(only)}))
        (here / "run.cjs").write_text(NODE)
        types = json.dumps({name: symbols["functions"][name]["params"] for _, name, *_ in CASES})
        files = [str(here / name) for name in ("run.cjs", "k.wasm", "cases.json")]
        result = subprocess.run([node, *files, types], stdout=subprocess.PIPE, text=True, check=True)
    times: dict[str, float] = json.loads(result.stdout)
    return times


def under_sqlite(only: str) -> dict[str, float]:
    """Milliseconds of the queries that do about the same, minus those of a bare scan."""
    db = sqlite3.connect(":memory:")
    # Sorting in memory, as we do here.
    db.execute("PRAGMA temp_store=memory")
    db.execute("PRAGMA cache_size=-1000000")
    db.execute("CREATE TABLE t(a, b, c, d)")

    def scramble(i: int) -> int:
        x = i * 0x9E3779B1 & 0xFFFFFFFF
        x ^= x >> 15
        x = x * 0x85EBCA77 & 0xFFFFFFFF
        return (x ^ x >> 13) >> 1

    rows = ((v, v % 100, f"customer {v}", f"customer {v % 100}") for v in map(scramble, range(N)))
    db.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", rows)

    def timed(sql: str) -> float:
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            db.execute(sql).fetchall()
            best = min(best, time.process_time() - start)
        return best * 1e3

    scan = timed("SELECT max(a) FROM t")
    return {label: timed(sql) - scan for label, sql in NATIVE.items() if only in label}


def main() -> None:
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    wasm, symbols = check_build(["benchmarks.records_kernel"], debug=False)
    columns = [under_wasmtime(wasm, symbols, only), under_node(wasm, symbols, only), under_sqlite(only)]
    print(f"{'ms for ' + format(N, ',') + ' rows':40}{'wasmtime':>12}{'V8':>12}{'SQLite - scan':>16}")
    for label, *_ in chosen(only):
        cells = [f"{column[label]:.1f}" if label in column else "" for column in columns]
        print(f"{label:40}{cells[0]:>12}{cells[1]:>12}{cells[2]:>16}")


if __name__ == "__main__":
    main()
