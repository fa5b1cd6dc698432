"""The report of the benchmarks: figures of a release beside today's, what has fallen, memory."""

from __future__ import annotations

from pathlib import Path

from benchmarks import releases, report

TRIALS = [{"name": "a scan", "targets": {"native": {"sqlite3": 3}}}, {"name": "a join"}, {"name": "new"}]


def result_of(**ratios: float) -> report.Result:
    """A run in which sqlite3 takes that many times as long as we do."""
    result = report.Result(
        {"date": "", "cpu": "", "cores": 2, "system": "", "python": "", "load": 0}, {"repetitions": 1}
    )
    for trial in TRIALS:
        row = result.row("native", trial["name"], 1)
        for engine, ms in (("turso_wasm", 10.0), ("sqlite3", 10 * ratios[trial["name"].replace(" ", "_")])):
            row.add(engine, {"ms": ms, "cpu": ms, "answer": 1}, True)
    return result


def test_a_release_is_kept_and_found_again(tmp_path: Path) -> None:
    assert releases.previous(tmp_path) is None
    for version in ("0.9.0", "0.10.0"):
        releases.record(version, result_of(a_scan=2.5, a_join=1.25, new=1).ratios(), "a machine", tmp_path)
    found = releases.previous(tmp_path)
    assert found is not None
    assert found.version == "0.10.0"
    assert found.ratio("native", "a scan", "sqlite3") == 2.5
    assert found.ratio("native", "a join", "turso") is None
    assert found.ratio("opfs", "a join", "sqlite3") is None


def test_what_a_release_did_better_is_named() -> None:
    result = result_of(a_scan=2.5, a_join=1.0, new=1)
    result.previous = releases.Release("0.1.0", {"native": {"a scan": {"sqlite3": 2.8}, "a join": {"sqlite3": 1.2}}})
    lines = report.markdown(result, TRIALS).splitlines()
    assert "| a scan | 10.0 ms | 25.0 ms, **2.50** (2.50) ≥ 3 ✗ [2.80] |" in lines
    assert "| new | 10.0 ms | 10.0 ms, **1.00** (1.00) |" in lines
    at = lines.index("## Slower than 0.1.0")
    assert lines[at + 2 : at + 4] == ["- a join (native, sqlite3): 1.20, now 1.00", ""]


def test_nothing_has_fallen_or_nothing_is_known() -> None:
    result = result_of(a_scan=2.5, a_join=1.0, new=1)
    assert "Slower than" not in report.markdown(result, TRIALS)
    result.previous = releases.Release("0.1.0", {"native": {"a join": {"sqlite3": 1.1}}})
    assert "Nothing by more than 15%." in report.markdown(result, TRIALS)


def test_memory_beside_the_peers() -> None:
    result = result_of(a_scan=1, a_join=1, new=1)
    steps = list(report.STEPS)
    result.memory = {"turso_wasm": dict.fromkeys(steps, 3 << 19), "sqlite3": dict.fromkeys(steps, 1 << 20), "turso": {}}
    result.linear = {"memory": {"ours": [32 << 20, 16 << 20, 1 << 10], "sqljs": [20 << 20]}}
    text = report.markdown(result, TRIALS)
    assert text.count("| 1.5 | 1.0 |") == len(steps)
    assert "turso_wasm 48.0 (32.0 + 16.0), sql.js 20.0." in text
    result.page_peaks = {"ours-page": 200 << 20, "promiser": 240 << 20}
    assert "after all trials: turso_wasm 200, sqlite-wasm's promiser 240." in report.markdown(result, TRIALS)


def test_a_peer_that_takes_part_in_one_trial() -> None:
    result = result_of(a_scan=4, a_join=1, new=1)
    result.rows[0].add("duckdb", {"ms": 5.0, "answer": 1}, True)
    lines = report.markdown(result, TRIALS).splitlines()
    assert "| a scan | 10.0 ms | 40.0 ms, **4.00** (4.00) ≥ 3 | 5.0 ms, **0.50** (0.50) |" in lines
    assert "| a join | 10.0 ms | 10.0 ms, **1.00** (1.00) |  |" in lines


def test_the_same_after_a_while() -> None:
    result = result_of(a_scan=1, a_join=1, new=1)
    tasks = {"look-up": [10.0, 10.2], "insert": [9.0, 10.0]}
    result.endurance = {"seconds": 600, "executed": 200, "grown": 1 << 20, "tasks": tasks}
    text = report.markdown(result, TRIALS)
    assert "after 600 seconds and 200 executions of 200 different statements, which took 1.0 MiB" in text
    assert "| look-up | 10.0 | 10.2 | 0.98 |" in text
    assert "| insert | 9.0 | 10.0 | 0.90 ✗ |" in text


def test_the_share_of_storage() -> None:
    result = result_of(a_scan=1, a_join=1, new=1)
    row = result.row("opfs", "a scan", 1)
    for engine in ("ours-opfs", "sahpool"):
        row.add(engine, {"ms": 8.0, "answer": 1}, True)
    row.counts = {"ours-opfs": {"write": 2, "flush": 1, "ms": 8.0, "storageMs": 2.0}, "sahpool": {}}
    assert "| a scan | 0 / 2 / 1 / 0; 25% |  |" in report.markdown(result, TRIALS)


def test_the_figures_of_the_last_release_are_those_of_trials() -> None:
    """Those that are gone or have other names would never be compared."""
    import json

    folder = Path(report.__file__).parent
    names = {trial["name"]: trial["on"] for trial in json.loads((folder / "trials.json").read_text("utf-8"))["trials"]}
    found = releases.previous()
    assert found is not None
    for group, trials in found.ratios.items():
        for trial in trials:
            assert group.removesuffix("-private") in names[trial], trial
