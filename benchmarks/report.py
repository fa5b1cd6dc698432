"""What a run of the benchmarks found, as Markdown and as JSON."""

from __future__ import annotations

import gzip
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import processes
from benchmarks.endurance import GOAL
from benchmarks.memory import MIB, STEPS
from benchmarks.releases import FALLEN, Ratios, Release

OURS = ("turso_wasm", "ours", "ours-opfs", "ours-page")
TITLES = {
    "native": "CPython, database in a file",
    "memory": "Browser worker, database in memory",
    "opfs": "Browser worker, database in OPFS",
    "opfs-private": "Browser worker, database in OPFS, private window",
    "page": "A page's calls, database in OPFS",
}
NAMES = {
    "turso_wasm": "turso_wasm",
    "ours": "turso_wasm",
    "ours-opfs": "turso_wasm",
    "ours-page": "turso_wasm",
    "ours-bundle": "turso_wasm, compiled programs",
    "pglite": "PGlite",
    "turso": "pyturso",
    "duckdb": "DuckDB, a copy in columns",
    "sqljs": "sql.js",
    "sahpool": "sahpool",
    "promiser": "sqlite-wasm's promiser",
    "sahpool-wal": "sahpool, exclusive WAL",
}
PREPARE_MS, ADDED_BYTES = 4.0, 500_000
LARGE_MS = {"six tables": 20.0}  # and what TPC-H's queries may take
TPCH_MS = 60.0
VISIT_MS = {("ours", "second", "known"): 150, ("ours", "second", "unseen"): 600, ("ours-bundle", "first", "known"): 300}
PAGE_MS = {("ours", "second", "ready"): 500}
MISSED = "✗"


@dataclass
class Row:
    """One trial on all engines of a group. times: milliseconds of each repetition; n: operations in it."""

    group: str
    name: str
    n: int
    times: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)

    def add(self, engine: str, answer: dict[str, Any], counts: bool) -> None:
        """Take a repetition in; one that does not count is kept as the engine's first."""
        if "error" in answer:
            self.errors[engine] = answer["error"]
            return
        if counts:
            self.times.setdefault(engine, []).append(answer["ms"])
            if answer.get("cpu") is not None:
                self.cpu.setdefault(engine, []).append(answer["cpu"])
        else:
            self.first[engine] = answer["ms"]
        self.answers[engine] = answer["answer"]

    def median(self, engine: str) -> float | None:
        """Milliseconds of the whole trial."""
        times = self.times.get(engine)
        return statistics.median(times) if times and engine not in self.errors else None

    def steady_ratio(self, peer: str, ours: str) -> float:
        """What a busy machine distorts least: of processor time, or, where it is not known, of the best times."""
        if peer in self.cpu and ours in self.cpu:
            return statistics.median(self.cpu[peer]) / max(statistics.median(self.cpu[ours]), 1e-9)
        return min(self.times[peer]) / max(min(self.times[ours]), 1e-9)


@dataclass
class Result:
    """Everything a run found."""

    machine: dict[str, Any]
    settings: dict[str, Any]
    rows: list[Row] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    startup: dict[str, float] = field(default_factory=dict)
    visits: list[dict[str, Any]] = field(default_factory=list)
    pages: list[dict[str, Any]] = field(default_factory=list)
    processes: list[dict[str, Any]] = field(default_factory=list)  # processes.py Start
    prepare: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    memory: dict[str, dict[str, int]] = field(default_factory=dict)  # engine → step → bytes, natively
    endurance: dict[str, Any] = field(default_factory=dict)  # endurance.py Found
    linear: dict[str, dict[str, list[int]]] = field(default_factory=dict)  # group → engine → bytes of each memory
    page_peaks: dict[str, int] = field(default_factory=dict)  # engine → bytes, of the page's process
    previous: Release | None = None

    def row(self, group: str, name: str, n: int) -> Row:
        """A new row."""
        self.rows.append(Row(group, name, n))
        return self.rows[-1]

    def ratios(self) -> Ratios:
        """Of all trials, as a release keeps them."""
        found: Ratios = {}
        for row in self.rows:
            ours = next((engine for engine in OURS if row.median(engine) is not None), None)
            peers = [engine for engine in row.times if engine not in OURS and row.median(engine) is not None]
            if ours is not None and peers:
                steady = {peer: round(row.steady_ratio(peer, ours), 2) for peer in peers}
                found.setdefault(row.group, {})[row.name] = steady
        return found

    def to_json(self) -> dict[str, Any]:
        """All of it, plainly."""
        return asdict(self)


def sizes(root: Path) -> dict[str, int]:
    """Bytes of what a page must fetch from us."""
    kernel = (root / "dist" / "kernel.wasm").read_bytes()
    compressed = len(gzip.compress(kernel))
    pack = (root / "dist" / "compiler.pack").stat().st_size
    return {
        "kernel.wasm": len(kernel),
        "kernel.wasm, gzip": compressed,
        "compiler.pack": pack,
        "both, compressed": compressed + pack,
    }


# --- rows ---------------------------------------------------------------------------------------------------


def time_text(ms: float, n: int) -> str:
    """Milliseconds of a trial, or microseconds of one of its operations."""
    return f"{ms:.1f} ms" if n == 1 else f"{ms * 1000 / n:.2f} µs"


def line(row: Row, ours: str) -> str:
    """One line about a trial, for who waits."""
    mine = row.median(ours)
    parts = []
    for engine in {**row.times, **row.errors}:
        ms = row.median(engine)
        if ms is None:
            parts.append(f"{engine}: {row.errors.get(engine, 'nothing')[:120]}")
        else:
            ratio = f" ({ms / mine:.2f}x)" if mine and engine != ours else ""
            parts.append(f"{engine} {time_text(ms, row.n)}{ratio}")
    return f"{row.group:7} {row.name:36} " + "   ".join(parts)


def disagreement(row: Row) -> str | None:
    """Who gave another answer than us."""
    mine = next((row.answers[engine] for engine in OURS if engine in row.answers), None)
    others = [NAMES.get(engine, engine) for engine, answer in row.answers.items() if not _alike(answer, mine)]
    return ", ".join(others) or None


def _alike(a: Any, b: Any) -> bool:
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(_alike, a, b))
    if isinstance(a, float) or isinstance(b, float):
        return a is not None and b is not None and abs(a - b) <= 1e-9 * max(abs(a), abs(b))
    return bool(a == b)


# --- Markdown -----------------------------------------------------------------------------------------------


def markdown(result: Result, trials: list[dict[str, Any]]) -> str:
    """The whole report."""
    machine = result.machine
    lines = [
        "# Benchmarks",
        "",
        f"{machine['date']}, {machine['cpu']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}, "
        f"{machine.get('browser', 'no browser')}; load when it began: {machine['load']}.",
        f"Medians of {result.settings['repetitions']} repetitions after one that does not count; engines took turns. "
        "Ratios are the peer's time over ours, of the medians and, in parentheses, of processor time (of the quickest "
        "repetitions where it is not known: in browsers below 10 ms): above 1 we are faster. "
        f"Behind them stands the target, {MISSED} where the medians miss it"
        + (f", and in brackets what {result.previous.version} reached." if result.previous else "."),
        "Versions: "
        + ", ".join(f"{name} {v}" for name, v in {NAMES.get(k, k): v for k, v in result.versions.items()}.items())
        + ".",
        "",
    ]
    targets = {trial["name"]: trial for trial in trials}
    for group in dict.fromkeys(row.group for row in result.rows):
        lines += _group(group, [row for row in result.rows if row.group == group], targets, result.previous)
    lines += _fallen(result) + _processes(result.processes) + _endurance(result.endurance) + _memory(result)
    lines += (
        _prepare(result.prepare)
        + _startup(result.startup)
        + _visits(result.visits)
        + _pages(result.pages)
        + _sizes(result.sizes)
    )
    return "\n".join(lines)


def _group(group: str, rows: list[Row], trials: dict[str, dict[str, Any]], previous: Release | None) -> list[str]:
    engines = list(dict.fromkeys(engine for row in rows for engine in (*row.times, *row.errors)))
    ours = next((engine for engine in engines if engine in OURS), "")
    peers = [engine for engine in engines if engine != ours]
    lines = [
        f"## {TITLES[group]}",
        "",
        f"| trial | {NAMES.get(ours, ours)} | " + " | ".join(NAMES.get(e, e) for e in peers) + " |",
    ]
    lines.append("|-|-:|" + "-:|" * len(peers))
    for row in rows:
        wanted = trials[row.name].get("targets", {}).get(group, {})
        cells = [_peer_cell(row, ours, peer, wanted.get(peer), previous) for peer in peers]
        mine = row.median(ours)
        own = time_text(mine, row.n) if mine is not None else f"failed: {row.errors.get(ours, '')[:80]}"
        note = disagreement(row)
        lines.append(f"| {row.name}{f' (other answer: {note})' if note else ''} | {own} | " + " | ".join(cells) + " |")
    lines.append("")
    if group.startswith("opfs"):
        lines += _counts(rows, engines, trials)
    return lines


def _peer_cell(row: Row, ours: str, peer: str, target: float | None, previous: Release | None) -> str:
    theirs, mine = row.median(peer), row.median(ours)
    if theirs is None:
        return f"failed: {row.errors[peer][:60]}" if peer in row.errors else ""
    cell = time_text(theirs, row.n)
    if mine:
        ratio = theirs / mine
        cell += f", **{ratio:.2f}** ({row.steady_ratio(peer, ours):.2f})"
        if target is not None:
            cell += f" ≥ {target:g}{'' if ratio >= target else ' ' + MISSED}"
        before = previous and previous.ratio(row.group, row.name, peer)
        if before is not None:
            cell += f" [{before:.2f}]"
    elif target is not None:
        cell += f" ≥ {target:g} {MISSED}"
    return cell


def _fallen(result: Result) -> list[str]:
    """The trials that the previous release did better, beside the same peer."""
    previous = result.previous
    if previous is None:
        return []
    lines = []
    for group, trials in result.ratios().items():
        for trial, peers in trials.items():
            for peer, ratio in peers.items():
                before = previous.ratio(group, trial, peer)
                if before is not None and ratio < before * FALLEN:
                    lines.append(f"- {trial} ({group}, {NAMES.get(peer, peer)}): {before:.2f}, now {ratio:.2f}")
    title = f"## Slower than {previous.version}"
    return [title, "", *(lines or [f"Nothing by more than {1 - FALLEN:.0%}."]), ""]


def _processes(starts: list[dict[str, Any]]) -> list[str]:
    """What a process waits for, the best of its repetitions."""
    if not starts:
        return []
    title = "A process of CPython until its first rows, the best in milliseconds of processor time:"
    lines = [title, "", "| | " + " | ".join(processes.STEPS.values()) + " | modules |", "|-|-:|-:|-:|"]
    for engine, which in dict.fromkeys((start["engine"], start["which"]) for start in starts):
        found = [start for start in starts if (start["engine"], start["which"]) == (engine, which)]
        cells = [f"{min(start[step] for start in found):.1f}" for step in processes.STEPS]
        lines.append(f"| {NAMES.get(engine, engine)}, {which} | {' | '.join(cells)} | {found[-1]['modules']} |")
    return [*lines, ""]


def _endurance(found: dict[str, Any]) -> list[str]:
    """What a process does as fast as it did at first."""
    if "error" in found:
        return [f"The same after a while failed: {found['error']}", ""]
    if not found:
        return []
    lines = [
        f"The same process after {found['seconds']} seconds and {found['executed']} executions of 200 different "
        f"statements, which took {found['grown'] / MIB:.1f} MiB: the best in milliseconds of processor time.",
        "",
        f"| | at first | after | ratio ≥ {GOAL} |",
        "|-|-:|-:|-:|",
    ]
    for name, (fresh, after) in found["tasks"].items():
        mark = "" if fresh / after >= GOAL else f" {MISSED}"
        lines.append(f"| {name} | {fresh:.1f} | {after:.1f} | {fresh / after:.2f}{mark} |")
    return [*lines, ""]


def _memory(result: Result) -> list[str]:
    """What engines take of memory, in a process and in workers."""
    lines = []
    if any(result.memory.values()):
        engines = [engine for engine, found in result.memory.items() if found]
        lines += ["By how many MiB a process grows, above what it takes once the engine is there:", ""]
        lines += ["| | " + " | ".join(NAMES.get(e, e) for e in engines) + " |", "|-|" + "-:|" * len(engines)]
        for step, what in STEPS.items():
            cells = [f"{result.memory[engine][step] / MIB:.1f}" for engine in engines]
            lines.append(f"| {step} ({what}) | " + " | ".join(cells) + " |")
        lines.append("")
    for group, engines_of in result.linear.items():
        cells = [f"{NAMES.get(e, e)} {_sum_text([n / MIB for n in sizes])}" for e, sizes in engines_of.items() if sizes]
        lines += [f"{TITLES[group]}: MiB of linear memory after all trials, which is the peak: {', '.join(cells)}.", ""]
    if result.page_peaks:
        cells = [f"{NAMES.get(e, e)} {peak / MIB:.0f}" for e, peak in result.page_peaks.items()]
        lines += [
            f"{TITLES['page']}: by how many MiB the peak of the page's process, with its workers, lies above that "
            f"of the page before it has an engine, after all trials: {', '.join(cells)}.",
            "",
        ]
    return ["## Memory", "", *lines] if lines else []


def _sum_text(parts: list[float]) -> str:
    total, large = f"{sum(parts):.1f}", [f"{part:.1f}" for part in parts if part >= 1]
    return f"{total} ({' + '.join(large)})" if len(large) > 1 else total


def _counts(rows: list[Row], engines: list[str], trials: dict[str, dict[str, Any]]) -> list[str]:
    lines = [
        "Calls of access handles for each operation (reads / writes / flushes / other), the share of the time "
        "that they take; modules compiled in all:",
        "",
    ]
    lines += ["| trial | " + " | ".join(NAMES.get(e, e) for e in engines) + " |", "|-|" + "-:|" * len(engines)]
    for row in rows:
        cells = []
        for engine in engines:
            wanted = trials[row.name].get("counts", {}).get("opfs", {}) if engine in OURS else {}
            cells.append(_count_cell(row.counts.get(engine, {}), row.n, wanted))
        lines.append(f"| {row.name} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _count_cell(counts: dict[str, int], n: int, wanted: dict[str, int]) -> str:
    if not counts:
        return ""
    calls = {name: counts.get(name, 0) / n for name in ("read", "write", "flush")}
    calls["other"] = (counts.get("truncate", 0) + counts.get("getSize", 0)) / n
    cell = " / ".join(f"{value:.3g}" for value in calls.values())
    if any(calls.values()):
        cell += f"; {counts['storageMs'] / max(counts['ms'], 1e-9):.0%}"
    if counts.get("compiles"):
        cell += f"; {counts['compiles']} compiled, {counts['wasmBytes']} bytes"
    for name, target in wanted.items():
        found = sum(calls.values()) if name == "all" else calls[name]
        cell += f" ({name} ≤ {target}{'' if found <= target + 0.05 else ' ' + MISSED})"
    return cell


def _prepare(prepare: dict[str, Any]) -> list[str]:
    if not prepare:
        return []
    if "error" in prepare:
        return ["## Preparing unseen statements", "", f"failed: {prepare['error']}", ""]
    mark = "" if prepare["median"] <= PREPARE_MS else f" {MISSED}"
    stages = ", ".join(f"{name} {ms:.2f}" for name, ms in prepare["stages"].items())
    return [
        "## Preparing unseen statements (Pyodide)",
        "",
        f"{prepare['n']} statements over ten tables: median **{prepare['median']:.2f} ms** (≤ {PREPARE_MS:g}{mark}), "
        f"mean {prepare['mean']:.2f}, "
        f"90th percentile {prepare['p90']:.2f}, the first {prepare['first']:.1f}; "
        f"{prepare['wasmBytes']:.0f} bytes of WebAssembly each.",
        f"Mean milliseconds by stage: {stages}.",
        f"Large ones, from text to Program, in milliseconds: {_large(prepare['large'])}.",
        "",
    ]


def _large(spent: dict[str, float]) -> str:
    """The join of six tables and TPC-H's queries: their least times, and how many are too slow."""
    most = {name: LARGE_MS.get(name, TPCH_MS) for name in spent}
    cells = [f"{name} {ms:.0f}{'' if ms <= most[name] else ' ' + MISSED}" for name, ms in spent.items()]
    goals = ", ".join(f"{name} ≤ {ms:g}" for name, ms in LARGE_MS.items())
    return f"{', '.join(cells)} ({goals}, TPC-H ≤ {TPCH_MS:g})"


def _startup(startup: dict[str, float]) -> list[str]:
    if not startup:
        return []
    cells = ", ".join(
        f"{NAMES.get(engine, engine)}{' (OPFS)' if engine == 'ours-opfs' else ''} {ms:.0f} ms"
        for engine, ms in startup.items()
    )
    return [
        "## Start-up",
        "",
        f"From nothing to the first row (in memory: with the database of the trials loaded): {cells}.",
        "",
    ]


def _visits(visits: list[dict[str, Any]]) -> list[str]:
    if not visits:
        return []
    lines = [
        "From the page's script to the connection, to the first row (after the tables were made or found), and to the "
        "row of a statement that no visit has seen: medians, in parentheses the quickest. The second visit finds "
        "what the first has left.",
        "",
        "| engine | visit | bytes sent | connected | first row | unseen statement |",
        "|-|-|-:|-:|-:|-:|",
    ]
    for engine, visit in dict.fromkeys((one["engine"], one["visit"]) for one in visits):
        own = [one for one in visits if (one["engine"], one["visit"]) == (engine, visit)]
        whole = [one for one in own if "error" not in one]
        if not whole:
            lines.append(f"| {NAMES.get(engine, engine)} | {visit} | failed: {own[0]['error'][:80]} | | | |")
            continue
        cells = [f"{statistics.median(one['bytes'] for one in whole):.0f}"]
        for name in ("connected", "known", "unseen"):
            times = [one[name] for one in whole if one[name] is not None]
            cells.append(_visit_cell(times, VISIT_MS.get((engine, visit, name))) if times else "-")
        lines.append(f"| {NAMES.get(engine, engine)} | {visit} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _pages(visits: list[dict[str, Any]]) -> list[str]:
    if not visits:
        return []
    lines = [
        "## The playground, beside the bare start of sqlime (sqlite-wasm) and of DuckDB's shell",
        "",
        "From the navigation to the first paint, to where one can write, to where a query can be run; how long "
        "the page's thread was blocked: medians, in parentheses the quickest.",
        "",
        "| page | visit | bytes sent | first paint | one can write | one can run | blocked |",
        "|-|-|-:|-:|-:|-:|-:|",
    ]
    for page, visit in dict.fromkeys((one["page"], one["visit"]) for one in visits):
        own = [one for one in visits if (one["page"], one["visit"]) == (page, visit) and "error" not in one]
        if not own:
            lines.append(f"| {NAMES.get(page, page)} | {visit} | failed | | | | |")
            continue
        cells = [f"{statistics.median(one['bytes'] for one in own):.0f}"]
        for name in ("paint", "writable", "ready", "blocked"):
            times = [one[name] for one in own if one[name] is not None]
            cells.append(_visit_cell(times, PAGE_MS.get((page, visit, name))) if times else "-")
        lines.append(f"| {NAMES.get(page, page)} | {visit} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _visit_cell(times: list[float], limit: float | None) -> str:
    middle = statistics.median(times)
    cell = f"{middle:.0f} ms ({min(times):.0f})"
    return cell if limit is None else f"{cell} ≤ {limit:g}{'' if middle <= limit else ' ' + MISSED}"


def _sizes(found: dict[str, int]) -> list[str]:
    limits = {"both, compressed": ADDED_BYTES}
    cells = []
    for name, size in found.items():
        limit = limits.get(name)
        mark = f" (≤ {limit}{'' if size <= limit else ' ' + MISSED})" if limit else ""
        cells.append(f"{name} {size} bytes{mark}")
    return ["## Sizes", "", ", ".join(cells) + ".", ""]
