"""What engines take of memory in CPython: `python -m benchmarks.memory ENGINE LARGE BASE` prints it as JSON.

A process for each engine; what counts is by how much its resident memory grows, above what it is when the engine has
been imported and has answered once. Linux only: elsewhere a process cannot say its peak anew.
"""

from __future__ import annotations

import importlib
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LARGE = "large.db"
LARGE_ROWS = 262_144  # of a page each: 1 GB
TEN_ROWS = "SELECT a, b, length(c) FROM t LIMIT 10"
LONG_QUERY = "SELECT max(c) FROM (SELECT c FROM t ORDER BY b LIMIT -1 OFFSET 1)"
STEPS = {
    "ten rows of a file of 1 GB": "the peak until they are there",
    "a sort of 1M rows": "the peak of the query",
    "the same again": "the peak of the second time",
    "afterwards": "what the process still has",
}
MIB = 1 << 20


def measure(cache: Path, base: Path, engines: list[str]) -> dict[str, dict[str, int]]:
    """Engine → step → bytes; nothing where a process does not tell."""
    if sys.platform != "linux":
        return {}
    large = large_file(cache)
    return {engine: _ask(engine, large, base) for engine in engines}


def _ask(engine: str, large: Path, base: Path) -> dict[str, int]:
    with tempfile.TemporaryDirectory(prefix="turso-bench-") as folder:  # opening a file may change it
        copies = [str(shutil.copyfile(path, Path(folder) / path.name)) for path in (large, base)]
        command = [sys.executable, "-m", "benchmarks.memory", engine, *copies]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    found: dict[str, int] = json.loads(done.stdout) if done.returncode == 0 else {}
    return found


def large_file(cache: Path) -> Path:
    """A database of 1 GB with an index, made once."""
    path = cache / LARGE
    if not path.exists():
        unfinished = path.with_suffix(".part")
        unfinished.unlink(missing_ok=True)
        db = sqlite3.connect(unfinished, isolation_level=None)
        db.executescript("PRAGMA journal_mode = off; PRAGMA synchronous = off")
        db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c BLOB)")
        numbers = f"WITH RECURSIVE q(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM q WHERE i < {LARGE_ROWS})"
        db.execute(f"INSERT INTO t {numbers} SELECT i, 'name ' || i, zeroblob(3950) FROM q")
        db.execute("CREATE INDEX t_b ON t(b)")
        db.close()
        unfinished.rename(path)
    return path


def resident(name: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise OSError(name)


def _peak_anew() -> None:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def main(engine: str, large: str, base: str) -> None:
    """Measure in this process."""
    module: Any = importlib.import_module(engine)
    module.connect(":memory:").execute("SELECT 1").fetchall()
    before = resident("VmRSS")
    found, names = dict[str, int](), list(STEPS)
    _peak_anew()
    first = module.connect(large)
    assert len(first.execute(TEN_ROWS).fetchall()) == 10
    found[names[0]] = resident("VmHWM") - before
    first.close()
    second = module.connect(base)
    for name in names[1:3]:
        _peak_anew()
        second.execute(LONG_QUERY).fetchall()
        found[name] = resident("VmHWM") - before
    second.close()
    found[names[3]] = resident("VmRSS") - before
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
