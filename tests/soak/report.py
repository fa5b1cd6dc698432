"""Figures of soak tests: what SOAK_REPORT collects, and the table of docs/reliability.md made of it.

python -m tests.soak.report FILE…
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.soak.harness import WAYS, Soak

COLUMNS = ("storage", "tabs", "way", "cycles", "commits", "wait: median", "99 %", "longest", "slowest request")


def lines(soak: Soak, n_tabs: int) -> str:
    """What a soak test has seen, a line of JSON for each way."""
    return "".join(
        json.dumps(
            {
                "storage": soak.storage,
                "tabs": n_tabs,
                "way": way,
                "cycles": seen.cycles,
                "commits": seen.commits,
                "slowest_ms": round(seen.slowest_ms),
                "waits_ms": [round(wait) for wait in seen.waits_ms],
            }
        )
        + "\n"
        for way, seen in soak.figures.items()
    )


def table(reports: list[dict[str, Any]]) -> str:
    """All reports of a kind in one row."""
    kinds: dict[tuple[str, int, str], list[dict[str, Any]]] = defaultdict(list)
    for report in reports:
        kinds[report["storage"], report["tabs"], report["way"]].append(report)
    rows = [f"| {' | '.join(COLUMNS)} |", "|-" * len(COLUMNS) + "|"]
    for kind in sorted(kinds, key=lambda kind: (kind[0] != "opfs", kind[1], WAYS.index(kind[2]))):
        found = kinds[kind]
        waits = sorted(wait for report in found for wait in report["waits_ms"]) or [0]
        cycles, commits = (sum(report[what] for report in found) for what in ("cycles", "commits"))
        slowest = max(report["slowest_ms"] for report in found)
        times = [f"{ms} ms" for ms in (waits[len(waits) // 2], waits[len(waits) * 99 // 100], waits[-1], slowest)]
        shown = (*kind, f"{cycles:,}", f"{commits:,}", *times)
        rows.append(f"| {' | '.join(map(str, shown))} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table([json.loads(line) for name in sys.argv[1:] for line in Path(name).read_text().splitlines()]))
