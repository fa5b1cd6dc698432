"""Broken databases: every statement ends, with rows or with an error of SQLite's, and the process goes on with other
databases.

The cases (cases.py) run in a process of their own, watched: one that takes longer than LIMIT_S is a hang.
TURSO_HEAVY=1 runs thousands; TURSO_HOSTILE_FIRST chooses the number of the first.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

import turso_wasm
from tests.crash.history import Ours, content
from tests.harness.effort import HEAVY
from tests.hostile.cases import Image, Wrong, check_case, content_by_sqlite, seed_images
from turso_wasm.vfs.faulty import memory_vfs

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


# --- found once -----------------------------------------------------------------------------------------------


def patched(image: Image, old: bytes, new: bytes) -> Image:
    assert old in image["db"]
    return image | {"db": image["db"].replace(old, new)}


def test_a_schema_that_is_not_utf8() -> None:
    ours = Ours(memory_vfs(patched(seed_images()["4096-none-delete"], b"CREATE TABLE u", b"CREATE \xffABLE u")))
    with pytest.raises(turso_wasm.DatabaseError, match="malformed database schema"):
        ours.query("SELECT * FROM u")
    ours.close()


def test_a_file_of_one_byte_is_an_empty_database(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"S")
    assert list(apsw.Connection(str(path)).execute("PRAGMA page_count")) == [(0,)]
    ours = turso_wasm.connect(path, isolation_level=None)
    assert ours.execute("SELECT * FROM sqlite_schema").fetchall() == []
    ours.execute("CREATE TABLE t(a)")
    ours.close()
    assert list(apsw.Connection(str(path)).execute("PRAGMA integrity_check")) == [("ok",)]


def same_as_sqlite(image: Image, folder: Path) -> None:
    expected = content_by_sqlite(image, folder)
    assert expected is not None
    ours = Ours(memory_vfs(image))
    assert content(ours.query) == expected
    assert ours.query("PRAGMA integrity_check") == [("ok",)]
    ours.close()


def test_a_hot_journal_gives_a_shortened_file_its_length_back(tmp_path: Path) -> None:
    image = dict(seed_images()["1024-none-persist"])
    image["db"] = image["db"][:-4096]  # free pages, which are in no journal
    same_as_sqlite(image, tmp_path)


def test_the_first_header_of_a_journal_says_how_long_the_file_was(tmp_path: Path) -> None:
    image = dict(seed_images()["1024-none-persist"])
    journal = bytearray(image["db-journal"])
    journal[16:20] = bytes(4)
    same_as_sqlite(image | {"db-journal": bytes(journal)}, tmp_path)


def test_a_journal_cannot_make_the_file_grow_without_bounds() -> None:
    image = dict(seed_images()["1024-none-persist"])
    journal = bytearray(image["db-journal"])
    journal[16:20] = b"\x7f\xff\xff\xff"
    vfs = memory_vfs(image | {"db-journal": bytes(journal)})
    ours = Ours(vfs)
    ours.query("SELECT count(*) FROM t")
    ours.close()
    assert len(vfs.files["db"].bytes) <= len(image["db"]) + len(journal)


def test_a_schema_row_without_sql_is_an_index_whatever_its_type(tmp_path: Path) -> None:
    image = seed_images()["4096-none-delete"]
    same_as_sqlite(patched(image, b"indexsqlite_autoindex_u_1", b"in-exsqlite_autoindex_u_1"), tmp_path)


def test_a_check_that_finds_nothing_would_be_worthless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge notices wrong answers: here, of an engine that reads one row less."""
    whole = Ours.query

    def query(self: Ours, sql: str, parameters: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        return whole(self, sql, parameters)[:-1]

    monkeypatch.setattr(Ours, "query", query)
    monkeypatch.setattr("tests.hostile.cases.make_case", lambda number: ("sound", seed_images()["4096-none-delete"]))
    with pytest.raises(Wrong, match="SQLite reads something else"):
        check_case(1, tmp_path)
