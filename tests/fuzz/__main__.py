"""`python -m tests.fuzz`: random scripts against SQLite, for a time.

The parent starts a child for each batch of scripts, so that one that ends a process, or eats its memory, is known by
its seed and does no harm. In the environment: SECONDS to run, SEED to begin with, BATCH of scripts for a child, FAULTS,
a file to which reproductions are appended, FOCUS, what scripts are mostly about (statements.FOCUSES).
"""

from __future__ import annotations

import faulthandler
import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.modes import MODES
from tests.fuzz.run import Outcome, fuzz, shrunk

PATIENCE = 600
"""Seconds after which a script that waits for something is ended, with a traceback."""
os.environ["TURSO_WASM_PROGRAMS"] = "0"  # what is wrong may be the compiler
SHOWN = 3
"""How many faults of a kind are shrunk and shown."""


def child(first: int, n: int) -> None:
    """Run a batch; a line of JSON for each script. Kinds of faults that are known well enough are not shrunk."""
    known = json.loads(os.environ.get("KNOWN", "[]"))
    for seed in range(first, first + n):
        print(json.dumps({"seed": seed}), flush=True)
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        outcome = fuzz(seed, mode=MODES[seed % len(MODES)], focus=os.environ.get("FOCUS", ""))
        report = {"seed": seed, "counts": outcome.counts, "skipped": outcome.unsupported}
        if outcome.fault is not None:
            print(json.dumps({**report, "fault": str(outcome.fault), "kind": outcome.fault.signature}), flush=True)
            kind = ": ".join(outcome.fault.signature)
            report["small"] = str(outcome.fault if kind in known else shrunk(outcome.fault))
            report["kind"] = kind
        print(json.dumps(report), flush=True)


def parent() -> int:
    """Batches until the time is up."""
    seconds = float(os.environ.get("SECONDS", "60"))
    seed = int(os.environ.get("SEED") or time.time())
    batch = int(os.environ.get("BATCH", "100"))
    log = Path(os.environ["FAULTS"]) if os.environ.get("FAULTS") else None
    total, faults, skipped = Counter[str](), Counter[str](), Counter[str]()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seed = _batch(seed, batch, end, (total, faults, skipped), log)
        print(f"[seed {seed}] {dict(total)}; faults: {sum(faults.values())} of {len(faults)} kinds", flush=True)
    print(f"not supported yet: {dict(skipped.most_common())}")
    for kind, n in faults.most_common():
        print(f"{n:5} × {kind}")
    return 1 if faults else 0


def _batch(seed: int, n: int, end: float, counts: tuple[Counter[str], ...], log: Path | None) -> int:
    """Run one child; the seed to go on from."""
    total, faults, skipped = counts
    command = [sys.executable, "-m", "tests.fuzz", "--child", str(seed), str(n)]
    known = json.dumps([kind for kind, n in faults.items() if n >= SHOWN])
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "KNOWN": known})
    assert process.stdout is not None
    current = seed
    timer = time.monotonic()
    for line in process.stdout:
        timer = time.monotonic()
        report = json.loads(line)
        current = report["seed"]
        if "counts" in report and ("fault" not in report):
            total.update(report["counts"])
            skipped.update(report["skipped"])
        if "small" in report:
            kind = report["kind"]
            faults[kind] += 1
            _show(f"{report['small']}\n", log, faults[kind])
        if timer > end:
            process.kill()
    if process.wait() not in (0, -9):
        faults["process ended"] += 1
        _show(f"# seed {current}: the process ended with {process.returncode}", log, 1)
    return current + 1


def _show(text: str, log: Path | None, n: int) -> None:
    if n > SHOWN:
        return
    print(text, flush=True)
    if log is not None:
        with log.open("a", encoding="utf-8") as file:
            file.write(text + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(int(sys.argv[2]), int(sys.argv[3]))
    else:
        sys.exit(parent())

__all__ = ["Outcome"]
