"""`turso-wasm serve` as its users meet it: from a terminal, and with the clients that libSQL and Turso publish."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

CLIENTS = Path(__file__).parent / "clients"
SERVE = [sys.executable, "-c", "from turso_wasm.cli import main; raise SystemExit(main())", "serve"]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    server = subprocess.Popen(
        [*SERVE, str(tmp_path / "served.db"), "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TURSO_WASM_TOKEN": "secret"},
    )
    assert server.stderr is not None
    found = re.search(r"serving .*served\.db at http://(\S+)", server.stderr.readline())
    assert found
    yield found[1]
    server.send_signal(signal.SIGINT)
    _, said = server.communicate(timeout=20)
    assert (server.returncode, said) == (0, "")


def test_clients_in_javascript(address: str, tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node
    done = subprocess.run([node, CLIENTS / "conversation.mjs", address], capture_output=True, text=True, timeout=120)
    assert done.stderr == ""
    seen = json.loads(done.stdout)
    for scheme in ("http", "ws"):
        assert seen[scheme] == {
            "columns": ["id", "a", "b"],
            "rows": [["1", "é", "00FF"], ["2", "y", ""]],
            "inserted": ["9007199254740993", 1, "3"],
            "after": "2",
            "failure": [
                "SQLITE_CONSTRAINT_PRIMARYKEY",
                "SQLITE_CONSTRAINT_PRIMARYKEY: UNIQUE constraint failed: t.id",
            ],
            "left": "04",
        }
    assert seen["serverless"] == {
        "get": {"id": 1, "a": "é"},
        "all": [{"id": 1, "a": "é"}, {"id": 2, "a": "y"}],
        "batch": 1,
        "failure": "no such table: missing",
    }
    file = apsw.Connection(str(tmp_path / "served.db"))
    assert file.execute("SELECT count(*) FROM t").get == 5
    assert file.execute("PRAGMA integrity_check").get == "ok"


@pytest.mark.parametrize("scheme", ["http", "ws"])
def test_the_client_in_python(address: str, scheme: str) -> None:
    import libsql_client

    async def talk() -> None:
        async with libsql_client.create_client(f"{scheme}://{address}", auth_token="secret") as db:
            await db.batch(["CREATE TABLE t(a, b)", ("INSERT INTO t VALUES (?, ?)", [1.5, b"\0"])])
            assert [tuple(row) for row in await db.execute("SELECT * FROM t WHERE a = ?", [1.5])] == [(1.5, b"\0")]
            with pytest.raises(libsql_client.LibsqlError, match="no such table: missing"):
                await db.execute("SELECT * FROM missing")
            if scheme == "ws":
                transaction = db.transaction()
                await transaction.execute("DELETE FROM t")
                await transaction.rollback()
            assert (await db.execute("SELECT count(*) FROM t"))[0][0] == 1

    asyncio.run(talk())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0", ":memory:"], "can be reached by others: give a --token"),
        (["--readonly", "missing.db"], 'unable to open database "missing.db": unable to open database file'),
        ([__file__], "file is not a database"),
    ],
)
def test_what_cannot_be_served(arguments: list[str], said: str, tmp_path: Path) -> None:
    done = subprocess.run([*SERVE, *arguments], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (done.returncode, said in done.stderr) == (1, True), done.stderr
