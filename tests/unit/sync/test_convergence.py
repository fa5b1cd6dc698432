"""Clients that work offline and a network that fails converge, and no row is lost (docs/decisions/0086-sync.md)."""

import contextlib
import random
from pathlib import Path

import apsw
import pytest
from faults import Network, Server

from turso_wasm import sync

SCHEMA = """
    CREATE TABLE note(id INTEGER PRIMARY KEY, n INTEGER, text TEXT, real REAL);
    CREATE TABLE pair(a TEXT, b, c BLOB, PRIMARY KEY(a, b)) WITHOUT ROWID;
    CREATE TABLE loose(x, y UNIQUE);
    CREATE TABLE event(id TEXT PRIMARY KEY, client, n);
    CREATE TABLE counted(total);
    INSERT INTO counted VALUES (0);
    CREATE TRIGGER count_events AFTER INSERT ON event BEGIN UPDATE counted SET total = total + 1; END;
"""
TABLES = ("note", "pair", "loose", "event", "counted")


def change(db: sync.SyncConnection, rng: random.Random, client: int, done: int) -> None:
    """Something an application does."""
    n = rng.randrange(8)
    match rng.randrange(9):
        case 0:
            db.execute("INSERT OR REPLACE INTO note VALUES (?, ?, ?, ?)", (n, done, f"c{client}", done / 2))
        case 1:
            db.execute("UPDATE note SET n = n + 1, text = text || ? WHERE id = ?", (client, n))
        case 2:
            db.execute("DELETE FROM note WHERE id = ?", (n,))
        case 3:
            db.execute("INSERT OR REPLACE INTO pair VALUES (?, ?, ?)", (str(n % 3), n, bytes([client, done % 250])))
        case 4:
            db.execute("DELETE FROM pair WHERE b = ?", (n,))
        case 5:
            db.execute("INSERT OR IGNORE INTO loose VALUES (?, ?)", (client, n))
        case 6:
            db.execute("UPDATE OR IGNORE loose SET y = ? WHERE y = ?", (n, rng.randrange(8)))
        case 7:
            db.execute("UPDATE OR IGNORE note SET id = id + 8 WHERE id = ?", (n,))
        case 8:
            db.execute("DELETE FROM loose WHERE y = ?", (n,))
    db.execute("INSERT INTO event VALUES (?, ?, ?)", (f"{client}-{done}", client, done))
    db.commit()


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    db = apsw.Connection(str(path))
    assert db.execute("PRAGMA integrity_check").get == "ok"
    return {name: sorted(db.execute(f"SELECT * FROM {name}").fetchall(), key=repr) for name in TABLES}


@pytest.mark.parametrize("seed", range(3))
def test_histories_with_faults_converge(seed: int, tmp_path: Path) -> None:
    run_history(seed, tmp_path)


def run_history(seed: int, folder: Path) -> None:
    rng = random.Random(seed)
    server = Server(str(folder / "server.db"))
    network = Network(server, seed, 0)
    paths = [folder / f"client{at}.db" for at in range(3)]

    def opened(at: int) -> sync.SyncConnection:
        return sync.connect(paths[at], "http://server", fetch=network.fetch, conflict=rules[at])

    rules = [rng.choice(["local", "remote", _merged]) for _ in paths]
    setup = sync.connect(folder / "setup.db", "http://server", fetch=network.fetch)
    setup.executescript(SCHEMA)
    assert setup.push()
    setup.close()
    clients = [opened(at) for at in range(3)]
    network.failing = 0.3
    done: list[set[str]] = [set() for _ in paths]
    for step in range(60):
        at = rng.randrange(3)
        what = rng.random()
        if what < 0.6:
            change(clients[at], rng, at, step)
            done[at].add(f"{at}-{step}")
        elif what < 0.95:
            with contextlib.suppress(sync.SyncError):
                clients[at].push() if rng.random() < 0.6 else clients[at].pull()
        else:
            clients[at].close()
            clients[at] = opened(at)
    network.calm()
    for _ in range(2):
        for client in clients:
            client.push()
    for client in clients:
        client.pull()
        assert client.stats().local_changes == 0
        client.close()
    server.close()
    there = contents(folder / "server.db")
    for path in paths:
        assert contents(path) == there
    assert {row[0] for row in there["event"]} == set.union(*done)


def _merged(conflict: sync.Conflict) -> object:
    if conflict.local is None or conflict.remote is None:
        return conflict.remote or conflict.local
    return {**conflict.remote, **conflict.local}
