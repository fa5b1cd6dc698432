"""Measure this engine beside its peers.

    python -m benchmarks [--quick] [--only native|memory|opfs|page|start-up|pages] [--match TEXT] [--private] [--node]
                         [--record VERSION]

Engines of a group take turns in every repetition, so that whatever else the machine does hits them alike. The report
goes to the terminal and, as Markdown and JSON, to benchmarks/results/. What is measured is data: trials.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import endurance, hosts, memory, page_calls, pages, processes, releases, report, startup, values

HERE = Path(__file__).resolve().parent
CACHE = HERE / ".cache"
RESULTS = HERE / "results"

OURS = {"native": "turso_wasm", "memory": "ours", "opfs": "ours-opfs", "page": "ours-page"}
COUNTED = ("memory", "opfs")  # groups whose calls of the platform are counted
START_UP = "start-up"
PAGES = "pages"
ON_REQUEST = "duckdb"  # only where a trial has a target beside it
PEERS = {
    "native": ["sqlite3", "turso"],
    "memory": ["sqljs", "sqlite-wasm"],
    "opfs": ["sahpool", "sahpool-wal"],
    "page": ["sqlocal", "promiser", "wa-sqlite"],
}
REPETITIONS, QUICK_REPETITIONS, QUICK_SHARE = 5, 3, 5

Trial = dict[str, Any]


def main(arguments: list[str] | None = None) -> None:
    """Run what was asked for and report."""
    options = _options(arguments)
    spec = json.loads((HERE / "trials.json").read_text(encoding="utf-8"))
    subprocess.run([sys.executable, "web/make_assets.py"], cwd=hosts.ROOT, check=True, stdout=subprocess.DEVNULL)
    base = base_file(spec["base"])
    result = report.Result(_machine(), {"quick": options.quick, "repetitions": _repetitions(options)})
    result.previous = releases.previous()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        _all_groups(spec, base, options, result)
    except KeyboardInterrupt:
        result.settings["cut short"] = True
    result.sizes = report.sizes(hosts.ROOT)
    RESULTS.mkdir(exist_ok=True)
    text = report.markdown(result, spec["trials"])
    (RESULTS / "latest.md").write_text(text, encoding="utf-8")
    (RESULTS / "latest.json").write_text(json.dumps(result.to_json(), indent=1), encoding="utf-8")
    print(text)
    if options.record:
        source = f"{result.machine['date']}, {result.machine['cpu']}, {result.machine['cores']} cores"
        releases.record(options.record, result.ratios(), source)


def _all_groups(spec: dict[str, Any], base: Path, options: argparse.Namespace, result: report.Result) -> None:
    with tempfile.TemporaryDirectory(prefix="turso-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if "native" in options.groups:
            _native(spec, base, folder, options, result)
            if not options.match:
                engines = [OURS["native"], *PEERS["native"]]
                result.processes = processes.measure(engines, _repetitions(options))
                result.memory = memory.measure(CACHE, base, engines)
                seconds = endurance.QUICK_SECONDS if options.quick else endurance.SECONDS
                result.endurance = endurance.measure(base, seconds)
        browser = [group for group in ("memory", "opfs") if group in options.groups]
        if browser and options.node:
            _node(spec, base, options, result)
        elif browser:
            _chromium(spec, base, folder, browser, options, result)
    if "page" in options.groups and not options.node:
        _page(spec, options, result)
    if START_UP in options.groups and not (options.match or options.node):
        result.visits = startup.measure(_repetitions(options))
    if PAGES in options.groups and not (options.match or options.node):
        result.pages = pages.measure(_repetitions(options))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure turso_wasm beside its peers.")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions of shorter loops")
    parser.add_argument(
        "--only", dest="groups", action="append", choices=[*OURS, START_UP, PAGES], help="a group of trials"
    )
    parser.add_argument("--match", default="", help="only trials whose name contains this")
    parser.add_argument("--private", action="store_true", help="OPFS in a private window instead of a profile on disk")
    parser.add_argument("--record", metavar="VERSION", help="keep the ratios as those of a release")
    parser.add_argument("--node", action="store_true", help="the memory group in Node instead of Chromium")
    options = parser.parse_args(arguments)
    options.groups = options.groups or [*OURS, START_UP, PAGES]
    return options


def _repetitions(options: argparse.Namespace) -> int:
    return QUICK_REPETITIONS if options.quick else REPETITIONS


def base_file(base: dict[str, Any]) -> Path:
    """The database that memory and native trials start from, made once for each definition of it."""
    CACHE.mkdir(exist_ok=True)
    path, definition = CACHE / str(base["file"]), CACHE / "base.json"
    wanted = json.dumps(base)
    if not path.exists() or not definition.exists() or definition.read_text(encoding="utf-8") != wanted:
        values.make_base(path, base)
        definition.write_text(wanted, encoding="utf-8")
    return path


def _machine() -> dict[str, Any]:
    return {
        "date": time.strftime("%Y-%m-%d %H:%M"),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


# --- where the groups run -----------------------------------------------------------------------------------


def _native(spec: dict[str, Any], base: Path, folder: Path, options: argparse.Namespace, result: report.Result) -> None:
    engines: dict[str, hosts.Host] = {}
    for engine in (OURS["native"], *PEERS["native"], ON_REQUEST):
        copy = folder / f"{engine}.db"
        shutil.copyfile(base, copy)
        _open(result, "native", engine, engines, hosts.python(engine, copy), None)
    _measure(spec["trials"], "native", "native", engines, options, result)


def _node(spec: dict[str, Any], base: Path, options: argparse.Namespace, result: report.Result) -> None:
    result.machine["browser"] = "Node " + subprocess.check_output(["node", "--version"], text=True).strip()
    engines: dict[str, hosts.Host] = {}
    for engine in (OURS["memory"], *PEERS["memory"]):
        _open(result, "memory", engine, engines, hosts.node(engine), str(base.relative_to(hosts.ROOT)))
    if not options.match:
        result.prepare = engines[OURS["memory"]].ask({"do": "prepare"})
    _measure(spec["trials"], "memory", "memory", engines, options, result)


def _chromium(
    spec: dict[str, Any],
    base: Path,
    folder: Path,
    groups: list[str],
    options: argparse.Namespace,
    result: report.Result,
) -> None:
    with hosts.chromium(folder / "profile", options.private) as browser:
        where = "private window" if options.private else "profile on disk"
        result.machine["browser"] = f"{browser.version}, headless, {where}"
        for group in groups:
            engines: dict[str, hosts.Host] = {}
            file = str(base.relative_to(hosts.ROOT)) if group == "memory" else None
            for engine in (OURS[group], *PEERS[group]):
                _open(result, group, engine, engines, hosts.Worker(browser, engine), file)
                if group == "opfs":
                    _must(engines[engine].ask({"do": "fill", "content": spec["opfs"]}), engine)
            if group == groups[0] and not options.match:
                result.prepare = engines[OURS[group]].ask({"do": "prepare"})
            name = "opfs-private" if options.private and group == "opfs" else group
            _measure(spec["trials"], group, name, engines, options, result)
            for host in engines.values():
                host.close()


def _page(spec: dict[str, Any], options: argparse.Namespace, result: report.Result) -> None:
    with page_calls.browsers([OURS["page"], *PEERS["page"]]) as browsers:
        result.machine["browser"] = f"{browsers[OURS['page']].version}, headless, profile on disk"
        empty = {engine: browser.page_peak for engine, browser in browsers.items()}
        engines: dict[str, hosts.Host] = {}
        for engine, browser in browsers.items():
            _open(result, "page", engine, engines, hosts.Worker(browser, engine), None)
            _must(engines[engine].ask({"do": "fill", "content": spec["page"]}), engine)
        _measure(spec["trials"], "page", "page", engines, options, result)
        for engine, browser in browsers.items():
            peak, before = browser.page_peak, empty[engine]
            if peak is not None and before is not None:
                result.page_peaks[engine] = peak - before


def _open(
    result: report.Result, group: str, engine: str, engines: dict[str, hosts.Host], host: hosts.Host, file: str | None
) -> None:
    answer = host.ask({"do": "open", "file": file})
    _must(answer, engine)
    engines[engine] = host
    result.versions[engine] = answer["version"]
    result.startup[engine] = answer["ms"]


def _must(answer: dict[str, Any], engine: str) -> None:
    if "error" in answer:
        sys.exit(f"{engine}: {answer['error']}\n{answer.get('stack', '')}")


# --- measuring ----------------------------------------------------------------------------------------------


def _measure(
    trials: list[Trial],
    group: str,
    name: str,
    engines: dict[str, hosts.Host],
    options: argparse.Namespace,
    result: report.Result,
) -> None:
    """Run the trials of `group`; they go into the report as those of `name`."""
    for given in trials:
        if group not in given["on"] or options.match not in given["name"]:
            continue
        trial = {**given, "n": max(given["n"] // QUICK_SHARE, 1)} if options.quick and "n" in given else given
        row = result.row(name, trial["name"], trial.get("n", 1))
        wanted = trial.get("targets", {}).get(name, {})
        taking_part = {engine: host for engine, host in engines.items() if engine != ON_REQUEST or engine in wanted}
        for repetition in range(_repetitions(options) + 1):  # the first warms up
            for engine, host in taking_part.items():
                row.add(engine, host.ask({"do": "run", "trial": trial, "counting": False}), repetition > 0)
        if group in COUNTED:
            for engine, host in engines.items():
                counted = host.ask({"do": "run", "trial": trial, "counting": True})
                row.counts[engine] = {"ms": counted["ms"], **counted["counts"]} if "counts" in counted else {}
        print(report.line(row, OURS[group]), file=sys.stderr, flush=True)
    if group in COUNTED:
        result.linear[name] = {engine: host.ask({"do": "memory"}).get("bytes", []) for engine, host in engines.items()}


if __name__ == "__main__":
    main()
