# ruff: noqa: E501
"""Files of the system in Node: they keep the laws of stores, and other processes, SQLite's among them, take turns with it and share logs with it
as they do with another SQLite.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance import test_shared_log, test_two_processes
from tests.conformance.peer import Peer

ROOT = Path(__file__).parents[2]
PAIRS = (("sqlite", "node"), ("node", "sqlite"), ("node", "node"))
HAS_NODE = (
    shutil.which("node") and (ROOT / "dist" / "kernel.wasm").exists() and (ROOT / "node_modules" / "koffi").exists()
)

pytestmark = pytest.mark.skipif(not HAS_NODE, reason="needs Node, koffi and dist/")


def run_node(script: str, *arguments: str, folder: Path = ROOT) -> str:
    done = subprocess.run(
        ["node", script, *arguments], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_laws_of_stores(tmp_path: Path) -> None:
    assert run_node(str(ROOT / "tests/conformance/disk_laws.mjs"), str(tmp_path)) == "ok"


@pytest.fixture(scope="module")
def peers() -> Iterator[dict[str, tuple[Peer, Peer]]]:
    nowhere = Path(":memory:")
    made = {engine: (Peer(engine, nowhere), Peer(engine, nowhere)) for engine in ("sqlite", "node")}
    yield made
    for pair in made.values():
        for peer in pair:
            peer.close()


SCRIPTS = {
    **{("DELETE", name): script for name, script in test_two_processes.SCRIPTS.items()},
    **{("WAL", name): script for name, script in test_shared_log.SCRIPTS.items()},
}
SETUPS = {"DELETE": test_two_processes.SETUP, "WAL": test_shared_log.SETUP}


@pytest.mark.parametrize(("mode", "name"), SCRIPTS)
def test_turns_are_as_between_two_sqlites(
    mode: str, name: str, peers: dict[str, tuple[Peer, Peer]], tmp_path: Path
) -> None:
    script = test_two_processes.lines_of(SCRIPTS[mode, name])
    setup = SETUPS[mode]
    expected = test_shared_log.transcript(script, ("sqlite", "sqlite"), peers, tmp_path / "0.db", setup)
    for n, engines in enumerate(PAIRS):
        found = test_shared_log.transcript(script, engines, peers, tmp_path / f"{n + 1}.db", setup)
        assert found == expected, engines


@pytest.mark.parametrize("mode", SETUPS)
def test_random_turns_are_as_between_two_sqlites(
    mode: str, peers: dict[str, tuple[Peer, Peer]], tmp_path: Path
) -> None:
    of = test_shared_log if mode == "WAL" else test_two_processes
    for seed in range(4):
        script = [line.replace("b FROM", "hex(b) FROM") for line in of.random_script(seed)]
        expected = test_shared_log.transcript(
            script, ("sqlite", "sqlite"), peers, tmp_path / f"{seed}.db", SETUPS[mode]
        )
        for n, engines in enumerate(PAIRS):
            path = tmp_path / f"{seed}-{n}.db"
            assert test_shared_log.transcript(script, engines, peers, path, SETUPS[mode]) == expected, (seed, engines)


def test_a_statement_waits_for_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "waiting.db"
    sqlite3.connect(path).executescript("CREATE TABLE t(a); INSERT INTO t VALUES (1)")
    with Peer("sqlite", path) as holder, Peer("node", path, timeout_ms=30_000) as waiter:
        waiter.run("SELECT * FROM t")
        holder.run("BEGIN EXCLUSIVE")
        waiter.start("INSERT INTO t VALUES (2)")
        holder.run("INSERT INTO t VALUES (3)")
        holder.run("COMMIT")
        assert waiter.finish() == []
        assert holder.run("SELECT count(*) FROM t") == [[3]]


def test_a_killed_writer_leaves_a_hot_journal(tmp_path: Path) -> None:
    path = tmp_path / "killed.db"
    sqlite3.connect(path).executescript("CREATE TABLE t(a, b); INSERT INTO t VALUES (1, zeroblob(20000))")
    with Peer("node", path) as victim, Peer("sqlite", path) as other:
        victim.run("PRAGMA cache_size = 1")
        victim.run("BEGIN")
        victim.run(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) INSERT INTO t SELECT i, zeroblob(5000) FROM n"
        )
        victim.kill()
        assert other.run("SELECT count(*) FROM t") == [[1]]
        assert other.run("PRAGMA integrity_check") == [["ok"]]


def test_without_koffi_files_are_refused(tmp_path: Path) -> None:
    """The host's module alone, where no package is; it works in memory."""
    package = ROOT / "dist" / "package"
    shutil.copy(package / "host.js", tmp_path / "host.mjs")
    script = tmp_path / "alone.mjs"
    script.write_text(f"""
        import {{ connect }} from './host.mjs';
        const assets = {(package / "turso").as_uri()!r};
        const error = await connect('refused.db', {{ assets }}).catch((error) => error);
        const db = await connect('here.db', {{ assets, storage: 'memory' }});
        console.log(error.code, error.message, db.prepare('SELECT 1').pluck().get());
        process.exit();
    """)
    assert run_node(str(script), folder=tmp_path) == (
        f'SQLITE_CANTOPEN unable to open database file: {tmp_path / "refused.db"}: files are locked by means of the package "koffi": npm install koffi 1'
    )
    assert not (tmp_path / "refused.db").exists()
