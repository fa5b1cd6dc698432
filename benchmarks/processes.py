"""What a process of CPython waits for before its first row: `python -m benchmarks.processes ENGINE FILE` prints it.

A process for each engine and repetition, in turns. The first one of ours finds an empty cache directory: it compiles
the kernel and the statements; the second finds what it has left. Figures are processor time: the machine may be busy.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STATEMENTS = (
    "CREATE TABLE IF NOT EXISTS note(id INTEGER PRIMARY KEY, body TEXT)",
    "SELECT body FROM note WHERE id = ?",
)
STEPS = {"import": "import", "connect": "connect", "rows": "the first rows"}
WARM, FIRST = "a process like others before", "the very first"

Start = dict[str, Any]


def measure(engines: list[str], repetitions: int) -> list[Start]:
    """{engine, which, import, connect, rows: milliseconds, modules} of every process."""
    starts: list[Start] = []
    with tempfile.TemporaryDirectory(prefix="turso-bench-") as folder:
        for repetition in range(repetitions):
            for engine in engines:
                cache = Path(folder, f"cache {repetition}")
                for which in (FIRST, "", WARM):  # the second has other tables to find than the first one
                    found = _ask(engine, Path(folder, f"{engine}.db"), cache)
                    if found and which:
                        starts.append({"engine": engine, "which": which, **found})
    return starts


def _ask(engine: str, file: Path, cache: Path) -> Start:
    environment = os.environ | {"TURSO_WASM_CACHE": str(cache), "PYTHONPYCACHEPREFIX": str(cache.with_name("bytecode"))}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has been compiled
    command = [sys.executable, "-m", "benchmarks.processes", engine, str(file)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    found: Start = json.loads(done.stdout) if done.returncode == 0 else {}
    return found


def main() -> None:
    """What the process of an engine waits for."""
    engine, file = sys.argv[1:]
    clock, begun = time.process_time, time.process_time()
    connect = importlib.import_module(engine).connect
    imported = clock()
    db = connect(file)
    connected = clock()
    for sql in STATEMENTS:
        db.execute(sql, (1,) * sql.count("?")).fetchall()
    done = clock()
    found = {"import": imported - begun, "connect": connected - imported, "rows": done - connected}
    print(json.dumps({**{step: seconds * 1000 for step, seconds in found.items()}, "modules": len(sys.modules)}))


if __name__ == "__main__":
    main()
