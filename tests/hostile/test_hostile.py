"""Broken databases: every statement ends, with rows or with an error of SQLite's, and the process goes on with other databases.

The cases (cases.py) run in a process of their own, watched: one that takes longer than LIMIT_S is a hang. TURSO_HEAVY=1 runs
thousands; TURSO_HOSTILE_FIRST chooses the number of the first.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import turso_wasm
from tests.crash.history import Ours
from tests.hostile.cases import Image, Wrong, check_case, seed_images
from turso_wasm.vfs.faulty import memory_vfs

HEAVY = os.environ.get("TURSO_HEAVY") == "1"
FIRST = int(os.environ.get("TURSO_HOSTILE_FIRST", "1"))
N_CASES = 6000 if HEAVY else 150
LIMIT_S = 60.0
ROOT = Path(__file__).parents[2]


def lines_of(first: int, n: int) -> Iterator[str]:
    """What the cases print; a hang is a line, and kills the process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.hostile.cases", str(first), str(n)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line.rstrip("\n"))
        lines.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        while (line := lines.get(timeout=LIMIT_S)) is not None:
            yield line
    except queue.Empty:
        yield "HANG"
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stdout.close()


def test_broken_files_do_no_harm() -> None:
    number, wrong, end = FIRST, [], FIRST + N_CASES
    while number < end:
        others = []
        for line in lines_of(number, end - number):
            if line.startswith(f"{number} "):
                wrong += [line] if " WRONG " in line else []
                number += 1
            else:
                others.append(line)
        if number < end:  # the process ended, or was ended, inside a case
            wrong.append(f"case {number}: {others[-20:]}")
            number += 1
    assert not wrong, "\n".join(wrong)


# --- found once --------------------------------------------------------------------------------------------------------


def patched(image: Image, old: bytes, new: bytes) -> Image:
    assert old in image["db"]
    return image | {"db": image["db"].replace(old, new)}


def test_a_schema_that_is_not_utf8() -> None:
    ours = Ours(memory_vfs(patched(seed_images()["4096-none-delete"], b"CREATE TABLE u", b"CREATE \xffABLE u")))
    with pytest.raises(turso_wasm.DatabaseError, match="malformed database schema"):
        ours.query("SELECT * FROM u")
    ours.close()


def test_a_check_that_finds_nothing_would_be_worthless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge notices wrong answers: here, of an engine that reads one row less."""
    whole = Ours.query

    def query(self: Ours, sql: str, parameters: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        return whole(self, sql, parameters)[:-1]

    monkeypatch.setattr(Ours, "query", query)
    monkeypatch.setattr("tests.hostile.cases.make_case", lambda number: ("sound", seed_images()["4096-none-delete"]))
    with pytest.raises(Wrong, match="SQLite reads something else"):
        check_case(1, tmp_path)
