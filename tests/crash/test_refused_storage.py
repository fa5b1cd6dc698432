"""A full disk, read-only files and folders, things that are no files: every step answers as in SQLite, code and words.

What SQLite notices at the first change of a transaction we notice at its COMMIT, since changed pages stay in memory
until then; and without shared memory we read logs in folders where SQLite cannot. So of transactions we only look at
what is left.
"""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

import turso_wasm

MODES = ("delete", "truncate", "persist", "memory", "wal")
ENGINES = ("sqlite", "ours")


def connect(engine: str, path: Path) -> Any:
    if engine == "sqlite":
        return apsw.Connection(str(path))
    return turso_wasm.connect(str(path), isolation_level=None, timeout=0)


def answer(connection: Any, sql: str) -> object:
    """Rows, or the extended code and the message; and whether a transaction is open."""
    try:
        given = connection.execute(sql).fetchall()
    except (apsw.Error, turso_wasm.Error) as error:
        code = error.extendedresult if isinstance(error, apsw.Error) else error.sqlite_errorcode
        given = code, str(error)
    return sql, given, connection.in_transaction


def differences(answers: list[list[object]]) -> list[tuple[object, object]]:
    return [(theirs, ours) for theirs, ours in zip(*answers, strict=True) if theirs != ours]


# --- full disks -----------------------------------------------------------------------------------------------------


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[dict[str, Path]]:
    """A small disk for each engine."""
    made = []
    try:
        for engine in ENGINES:
            folder = tmp_path / engine
            folder.mkdir()
            command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
            try:
                subprocess.run(command, check=True, capture_output=True)
            except (OSError, subprocess.CalledProcessError):
                pytest.skip("needs to mount a small disk")
            made.append(folder)
        yield {folder.name: folder for folder in made}
    finally:
        for folder in made:
            subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Leave no room."""
    with (folder / "filler").open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            return


def free(folder: Path) -> None:
    """Make room again."""
    (folder / "filler").unlink()


Step = str | Callable[[Path], None]
MAKE: tuple[Step, ...] = ("CREATE TABLE t(a INTEGER PRIMARY KEY, b)", "INSERT INTO t VALUES (1, zeroblob(10000))")
LARGE = "INSERT INTO t(b) VALUES (randomblob(900000))"
SMALL = "INSERT INTO t(b) VALUES (zeroblob(10))"
COUNT = "SELECT count(*), sum(length(b)) FROM t"

FULL: dict[str, tuple[Step, ...]] = {
    "statements": (LARGE, COUNT, SMALL, COUNT, "UPDATE t SET b = zeroblob(900000)", COUNT, "DELETE FROM t", COUNT),
    "a commit": ("BEGIN", SMALL, LARGE, COUNT, "COMMIT", COUNT, "COMMIT", "ROLLBACK", SMALL, COUNT),
    "undone in time": ("BEGIN", SMALL, "SAVEPOINT b", LARGE, "ROLLBACK TO b", "COMMIT", COUNT),
    "all statements": (
        fill, COUNT, "UPDATE t SET b = zeroblob(300000)", COUNT, "CREATE TABLE u AS SELECT zeroblob(90000)", COUNT,
        free, SMALL, COUNT, "CREATE TABLE u(x)", "PRAGMA integrity_check",
    ),
    "an index": (
        "INSERT INTO t(b) SELECT hex(zeroblob(30000)) FROM (VALUES (1), (2), (3), (4))", "CREATE INDEX i ON t(b)",
        COUNT, "SELECT name FROM sqlite_schema", "PRAGMA integrity_check",
    ),
    "a dropped table": (
        "CREATE TABLE w(b)", "INSERT INTO w VALUES (zeroblob(150000))", fill, COUNT, free, "DROP TABLE w",
        "PRAGMA integrity_check", COUNT,
    ),
    "checkpoints": (
        SMALL, fill, "PRAGMA wal_checkpoint", free, "PRAGMA wal_checkpoint(TRUNCATE)", SMALL, COUNT,
    ),
}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", FULL)
def test_a_full_disk(name: str, mode: str, disks: dict[str, Path]) -> None:
    answers = []
    for engine, folder in disks.items():
        connection = connect(engine, folder / "a.db")
        connection.execute(f"PRAGMA journal_mode = {mode}").fetchall()
        given: list[object] = []
        for step in (*MAKE, *FULL[name]):
            if isinstance(step, str):
                given.append(answer(connection, step))
            else:
                step(folder)
        connection.close()
        subprocess.run(["mount", "-o", "remount,size=8m", str(folder)], check=True)
        after = apsw.Connection(str(folder / "a.db"))
        given += [answer(after, "PRAGMA integrity_check"), answer(after, COUNT)]
        after.close()
        answers.append(given)
    assert differences(answers) == []


# --- what may not be written ------------------------------------------------------------------------------------------


@pytest.fixture
def nobody() -> Iterator[None]:
    """Run as somebody whom permissions concern; the modules were loaded before."""
    turso_wasm.connect(":memory:").execute("SELECT 1").fetchall()
    if os.geteuid() != 0:
        yield
        return
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


STATEMENTS = (
    "SELECT count(*) FROM t", "INSERT INTO t(b) VALUES (1)", "SELECT count(*) FROM t", "BEGIN", "SELECT * FROM t",
    "ROLLBACK", "CREATE TABLE u(x)", "DROP TABLE t", "PRAGMA user_version = 5", "PRAGMA user_version",
    "PRAGMA journal_mode = wal", "PRAGMA journal_mode", "CREATE INDEX i ON t(b)", "ALTER TABLE t ADD c",
    "UPDATE t SET b = 1 WHERE 0", "SELECT count(*) FROM t", "PRAGMA integrity_check", "PRAGMA application_id = 3",
)  # fmt: skip
HEADER = ("PRAGMA user_version = 5", "PRAGMA application_id = 3")  # SQLite changes them without a look at the journal


def sound(path: Path) -> None:
    connection = apsw.Connection(str(path))
    for sql in ("CREATE TABLE t(a INTEGER PRIMARY KEY, b)", "INSERT INTO t VALUES (1, 2), (2, 3)"):
        connection.execute(sql).fetchall()
    connection.close()


def interrupted(path: Path) -> None:
    """With the journal of a transaction that did not end."""
    sound(path)
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA cache_size = 1; BEGIN").fetchall()
    connection.execute("INSERT INTO t(b) SELECT zeroblob(3000) FROM t a, t b, t c, t d").fetchall()
    connection.execute("UPDATE t SET b = zeroblob(2000)").fetchall()
    names = [path, Path(f"{path}-journal")]
    contents = [name.read_bytes() for name in names]
    connection.execute("ROLLBACK").fetchall()
    connection.close()
    for name, content in zip(names, contents, strict=True):
        name.write_bytes(content)


def bind_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(path.parent)  # names of sockets are short
        try:
            server.bind(path.name)
        finally:
            os.chdir(here)


SCENES: dict[str, tuple[Callable[[Path], object], int, int]] = {  # what there is, the modes of the file and the folder
    "a read-only file": (sound, 0o444, 0o777),
    "a read-only folder": (sound, 0o666, 0o555),
    "both read-only": (sound, 0o444, 0o555),
    "an unreadable file": (sound, 0o000, 0o777),
    "a closed folder": (sound, 0o666, 0o000),
    "an empty read-only file": (lambda path: path.write_bytes(b""), 0o444, 0o777),
    "an empty file in a read-only folder": (lambda path: path.write_bytes(b""), 0o666, 0o555),
    "a hot journal, read-only": (interrupted, 0o444, 0o555),
    "a hot journal in a read-only folder": (interrupted, 0o666, 0o555),
    "a hot journal of a read-only file": (interrupted, 0o444, 0o777),
    "a directory": (lambda path: path.mkdir(), 0o777, 0o777),
    "a socket": (bind_socket, 0o777, 0o777),
    "a link to itself": (lambda path: path.symlink_to(path.name), 0, 0o777),
    "a link to nothing": (lambda path: path.symlink_to("nothing"), 0, 0o777),
    "a link into a read-only folder": (lambda path: path.symlink_to("nothing"), 0, 0o555),
    "nothing": (lambda path: None, 0, 0o777),
    "nothing in a read-only folder": (lambda path: None, 0, 0o555),
    "a text": (lambda path: path.write_text("this is no database, but a text" * 40), 0o666, 0o777),
}


@pytest.mark.parametrize("name", SCENES)
def test_what_may_not_be_written(name: str, tmp_path: Path, nobody: None) -> None:
    make, file_mode, folder_mode = SCENES[name]
    answers = []
    folders = []
    as_root = os.getuid() == 0
    for engine in ENGINES:
        if as_root:
            os.seteuid(0)
        folder = tmp_path / engine
        folder.mkdir()
        folders.append(folder)
        path = folder / "a.db"
        make(path)
        for each in folder.iterdir():
            if not each.is_symlink():
                each.chmod(file_mode)
        folder.chmod(folder_mode)
        _reachable(tmp_path)
        if as_root:
            os.seteuid(65534)
        answers.append(asked(engine, path, [sql for sql in STATEMENTS if "journal" not in name or sql not in HEADER]))
    if as_root:
        os.seteuid(0)
    for folder in folders:
        folder.chmod(0o777)
    assert differences(answers) == []


def asked(engine: str, path: Path, statements: list[str]) -> list[object]:
    try:
        connection = connect(engine, path)
    except (apsw.Error, turso_wasm.Error) as error:
        return [str(error)]
    given = [answer(connection, sql) for sql in statements]
    connection.close()
    return given


def _reachable(folder: Path) -> None:
    """Let everybody go through the folders of the test."""
    while folder.parent != folder and folder.stat().st_uid == 0 and not folder.stat().st_mode & stat.S_IXOTH:
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
        folder = folder.parent


@pytest.mark.parametrize("mode", MODES)
def test_a_transaction_in_a_read_only_folder_is_lost_as_a_whole(mode: str, tmp_path: Path, nobody: None) -> None:
    folder = tmp_path / "a"
    as_root = os.getuid() == 0
    if as_root:
        os.seteuid(0)
    folder.mkdir()
    path = folder / "a.db"
    sound(path)
    path.chmod(0o666)
    folder.chmod(0o555)
    _reachable(tmp_path)
    if as_root:
        os.seteuid(65534)
    connection = connect("ours", path)
    if mode == "wal":
        assert answer(connection, "PRAGMA journal_mode = wal")[1] == (1544, "attempt to write a readonly database")  # type: ignore[index]
    else:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    for sql in ("BEGIN", "UPDATE t SET b = 5", "INSERT INTO t(b) VALUES (6)"):
        connection.execute(sql)
    found = answer(connection, "COMMIT")
    if mode == "memory":
        assert found == ("COMMIT", [], False)
    else:
        assert found == ("COMMIT", (1544, "attempt to write a readonly database"), False)
        assert connection.execute("SELECT b FROM t").fetchall() == [(2,), (3,)]
    connection.close()
    if as_root:
        os.seteuid(0)
    folder.chmod(0o777)
