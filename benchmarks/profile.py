"""Where a trial spends its time in V8: `python -m benchmarks.profile TRIAL [--engine ours] [--repetitions 20]`.

Runs the trial in Node under V8's sampling profiler and prints the functions with the largest share of their own,
WebAssembly functions by their Python names. TRIAL: part of the name of a trial that runs in memory; or, with
`--file FILE`, a query of that database.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks import hosts, run

SHOWN = 25


def main() -> None:
    """Profile one trial."""
    parser = argparse.ArgumentParser(prog="benchmarks.profile")
    parser.add_argument("trial")
    parser.add_argument("--engine", default="ours")
    parser.add_argument("--repetitions", type=int, default=20)
    parser.add_argument("--file", type=Path)
    options = parser.parse_args()
    spec = json.loads((run.HERE / "trials.json").read_text(encoding="utf-8"))
    fitting = [trial for trial in spec["trials"] if options.trial in trial["name"]]
    trial = min(fitting, key=lambda each: len(each["name"]), default=None)  # one that is called just that
    if options.file:
        trial = {"name": options.trial, "rows": options.trial}
    if trial is None:
        sys.exit(f"no trial has {options.trial!r} in its name")
    base = options.file or run.base_file(spec["base"])
    with tempfile.TemporaryDirectory() as folder:
        flags = ["--cpu-prof", f"--cpu-prof-dir={folder}", "--cpu-prof-interval=200"]
        requests: list[dict[str, Any]] = [{"do": "open", "file": os.path.relpath(base, hosts.ROOT)}]
        requests += [{"do": "run", "trial": trial, "counting": False}] * options.repetitions
        command = ["node", *flags, "benchmarks/browser/node.js", options.engine]
        text = "".join(json.dumps(request) + "\n" for request in requests)
        done = subprocess.run(command, cwd=hosts.ROOT, input=text, capture_output=True, text=True, check=True)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        if failed := next((answer["error"] for answer in answers if "error" in answer), None):
            sys.exit(f"failed: {failed}")
        times = sorted(answer["ms"] for answer in answers[1:])
        print(f"{trial['name']}, {options.engine}: best {times[0]:.2f} ms, median {times[len(times) // 2]:.2f} ms")
        (profile,) = Path(folder).glob("*.cpuprofile")
        _report(json.loads(profile.read_text(encoding="utf-8")))


def _report(profile: dict[str, Any]) -> None:
    """Print the functions that were running in the samples below `run` of bench.js."""
    nodes = {node["id"]: node for node in profile["nodes"]}
    parent = {child: node["id"] for node in profile["nodes"] for child in node.get("children", ())}
    inside = {number for number in nodes if _is_below_work(number, nodes, parent)}
    own: Counter[str] = Counter()
    for number, delta in zip(profile["samples"], profile["timeDeltas"], strict=True):
        if number in inside:
            frame = nodes[number]["callFrame"]
            place = frame["url"].rsplit("/", 1)[-1]
            own[f"{frame['functionName'] or '(anonymous)'}  {place}:{frame['lineNumber'] + 1}"] += delta
    total = sum(own.values())
    for name, spent in own.most_common(SHOWN):
        print(f"{spent / total:7.1%}  {spent / 1000:9.1f} ms  {name}")


def _is_below_work(number: int, nodes: dict[int, Any], parent: dict[int, int]) -> bool:
    while number in parent:
        frame = nodes[number]["callFrame"]
        if frame["functionName"] in ("work", "runAll", "getAll") and frame["url"].endswith("bench.js"):
            return True
        number = parent[number]
    return False


if __name__ == "__main__":
    main()
