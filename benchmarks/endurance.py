"""The same after a while: `python -m benchmarks.endurance FILE SECONDS`, on a copy of the base database, prints JSON.

One process of CPython does each of TASKS, then 200 different statements over and over, then TASKS again. A cache that
fills up, a heap that falls to pieces, statements in each other's way would show.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import compile_times, memory, native

HERE = Path(__file__).resolve().parent
TASKS = (
    "point query by rowid",
    "executemany of 10k rows",
    "all() of 100k x 5 rows",
    "one-row commit (insert)",
    "unseen statement",
)
REPETITIONS = 7
ROWS = 50  # of each of the ten tables
SECONDS, QUICK_SECONDS = 600, 30
GOAL = 0.95

Found = dict[str, Any]


def measure(base: Path, seconds: int) -> Found:
    """{seconds, executed, grown: bytes, tasks: {name: [fresh, after]}}, the least milliseconds of processor time."""
    with tempfile.TemporaryDirectory(prefix="turso-bench-") as folder:
        copy = str(shutil.copyfile(base, Path(folder, base.name)))
        command = [sys.executable, "-m", "benchmarks.endurance", copy, str(seconds)]
        done = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True)
    if done.returncode:
        return {"error": done.stderr.splitlines()[-1]}
    found: Found = json.loads(done.stdout)
    return found


def prepare(db: Any) -> None:
    """The tables of the 200 statements, with a few rows."""
    for sql in compile_times.SCHEMA:
        db.execute(sql)
    for table in range(10):
        rows = [(f"name {i}", i * 1.5, i % 7, i // 3) for i in range(ROWS)]
        db.executemany(f"INSERT INTO t{table}(name, amount, kind, parent) VALUES (?, ?, ?, ?)", rows)


def one_round(db: Any, number: int) -> int:
    """All 200 statements once, with other values in each round; how many. What they change is rolled back."""
    db.execute("BEGIN")
    texts = compile_times.statements()
    for text in texts:
        if text.endswith("VALUES (1, 'a', 2.5, 3, NULL, 'x')"):  # there is such a row
            text = text.replace("INSERT", "INSERT OR REPLACE", 1)
        db.execute(text, (number % ROWS + 1,) * text.count("?")).fetchall()
    db.execute("ROLLBACK")
    return len(texts)


def main(file: str, seconds: str) -> None:
    """Measure in this process."""
    trials = {each["name"]: each for each in json.loads((HERE / "trials.json").read_text("utf-8"))["trials"]}
    bench = native.Bench("turso_wasm", file)
    bench.db.execute("PRAGMA synchronous = off")  # the drive is not what this is about

    def least() -> dict[str, float]:
        return {name: min(bench.run(trials[name])["cpu"] for _ in range(REPETITIONS)) for name in TASKS}

    prepare(bench.db)
    bench.n_unseen = 1 << 14  # all of them as long as each other
    fresh, resident = least(), memory.resident("VmRSS")
    begun, rounds, executed = time.monotonic(), 0, 0
    while time.monotonic() - begun < float(seconds):
        executed += one_round(bench.db, rounds)
        rounds += 1
    grown, after = memory.resident("VmRSS") - resident, least()
    tasks = {name: [fresh[name], after[name]] for name in TASKS}
    print(json.dumps({"seconds": int(seconds), "executed": executed, "grown": grown, "tasks": tasks}))


if __name__ == "__main__":
    main(*sys.argv[1:])
