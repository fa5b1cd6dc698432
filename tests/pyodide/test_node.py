"""Python in Pyodide in Node: the wheel, installed and used."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DIST = HERE.parents[1] / "dist"
PACKAGES = sorted((HERE.parents[1] / ".venv" / "pyodide").glob("*.whl"))  # micropip and what it needs


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What tour.py printed; "folder" is where it wrote its file."""
    node = shutil.which("node", path=f"{HERE.parents[1] / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert node is not None, "Node is missing: run `make setup`"
    (wheel,) = DIST.glob("turso_wasm-*.whl")
    folder = tmp_path_factory.mktemp("shared")
    command = [node, HERE / "run.mjs", wheel, HERE / "tour.py", *PACKAGES]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "SHARED": str(folder)}
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return {**json.loads(done.stdout.splitlines()[-1]), "folder": folder}


@pytest.mark.skipif(not PACKAGES, reason="micropip was not fetched: run `make test`")
def test_micropip_installs_the_wheel(answers: dict[str, object]) -> None:
    assert answers["installer"] == "micropip"


def test_deep_statements(answers: dict[str, object]) -> None:
    """Python recurses there on the stack of JavaScript."""
    assert answers["deep"] == [991, 1, 1, 1, 1]
    assert answers["listing"] == [True, "Routine"]
    assert answers["chains"] == ["Expression tree is too large ("] * 4 + ["too many FROM clause terms, ma"]


def test_a_database_in_memory(answers: dict[str, object]) -> None:
    assert answers["rows"] == [2000, 2000 * 2001 // 2, "n999 ü"]
    assert answers["blob"] == "ff"
    assert answers["big"] == [2**63 - 1, -(2**63)]
    assert answers["rolled back"] == [0]


def test_errors_are_those_of_pep_249(answers: dict[str, object]) -> None:
    assert answers["error"] == ["UNIQUE constraint failed: t.a", "SQLITE_CONSTRAINT_PRIMARYKEY"]
    assert answers["syntax"] == 'near "SELEC": syntax error'


def test_code_of_ones_own_as_in_sqlite3(answers: dict[str, object]) -> None:
    ours, theirs = answers["own"]  # type: ignore[misc]
    assert ours == theirs
    assert answers["cause"] == "ZeroDivisionError('division by zero')"


def test_attached_files(answers: dict[str, object]) -> None:
    assert answers["attached"] == answers["attached file"] == [6]
    assert answers["not attached"] == "unable to open database: /no/such/folder.db"


def test_files_of_a_mounted_folder(answers: dict[str, object]) -> None:
    assert answers["reopened"] == [[1], [2]]
    assert answers["sqlite3"] == ["ok"]
    connection = sqlite3.connect(Path(str(answers["folder"])) / "from_pyodide.db")
    assert connection.execute("SELECT x FROM kept").fetchall() == [(1,), (2,)]
    connection.close()


def test_opfs_is_not_there_and_says_so(answers: dict[str, object]) -> None:
    assert answers["opfs"] == "unable to open database file"
