"""The figures of earlier releases: releases/VERSION.json.

They are ratios, of the peer's time to ours, which another machine changes less than times. `python -m benchmarks
--record VERSION` writes those of a run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "releases"
FALLEN = 0.85  # of the ratio it had: less may be chance

Ratios = dict[str, dict[str, dict[str, float]]]  # group → trial → peer


@dataclass(frozen=True)
class Release:
    """What one release reached."""

    version: str
    ratios: Ratios

    def ratio(self, group: str, trial: str, peer: str) -> float | None:
        """The peer's time over ours; None if that was not measured, or could not be done yet."""
        return self.ratios.get(group, {}).get(trial, {}).get(peer)


def previous(folder: Path = FOLDER) -> Release | None:
    """The newest release there are figures of."""
    files = sorted(folder.glob("*.json"), key=lambda file: tuple(int(part) for part in file.stem.split(".")))
    if not files:
        return None
    return Release(files[-1].stem, json.loads(files[-1].read_text(encoding="utf-8"))["ratios"])


def record(version: str, ratios: Ratios, source: str, folder: Path = FOLDER) -> None:
    """Keep the figures of a release. source: where they come from, in words."""
    folder.mkdir(exist_ok=True)
    text = json.dumps({"source": source, "ratios": ratios}, indent=1, ensure_ascii=False)
    (folder / f"{version}.json").write_text(text + "\n", encoding="utf-8")
