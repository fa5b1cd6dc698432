"""Hostile files: damaged bytes, and pages that point to the wrong pages.

Whatever is in the file, the kernel answers or raises SQLITE_CORRUPT: no other trap, and no hang. What our
integrity_check finds about the structure is what SQLite finds.
"""

from __future__ import annotations

import os
import random
from contextlib import suppress

import apsw
import pytest

from tests.harness.btree import Corrupt, KernelError, Tree, Trees, ask_sqlite, make_file, record
from tests.harness.effort import HEAVY

SCHEMA = """
CREATE TABLE t(a INTEGER PRIMARY KEY, b);
CREATE INDEX i ON t(b);
CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID;
"""
ROUNDS = int(os.environ.get("TURSO_ROUNDS", 4000 if HEAVY else 25))
MESSAGES_ABOUT_CONTENT = (
    "row ",
    "wrong # of entries",
    "NULL value in",
    "rowid not at end",
    "non-unique entry",
    "*** in database",
    "ok",
)


def healthy_file(page_size: int, auto_vacuum: int) -> bytes:
    """Three trees of a few levels with overflow chains, freeblocks and free pages."""
    rnd = random.Random(1)
    rows = [(3 * i, rnd.randbytes(rnd.choice((5, 20, 40, page_size * 3 // 2)))) for i in range(page_size // 2)]
    inserts = [f"INSERT INTO t VALUES ({a}, x'{b.hex()}');" for a, b in rows]
    for _ in range(page_size // 3):
        k, v = rnd.randbytes(6), rnd.randbytes(rnd.choice((5, page_size * 2)))
        inserts.append(f"INSERT OR IGNORE INTO w VALUES (x'{k.hex()}', x'{v.hex()}');")
    delete = f"DELETE FROM t WHERE a % 2 = 0 AND a < {page_size};"
    return make_file(SCHEMA + "BEGIN;" + "".join(inserts) + "COMMIT;" + delete, page_size, auto_vacuum)


def damage_bytes(data: bytearray, page_size: int, rnd: random.Random) -> None:
    """Change a few bytes, mostly of page headers and cell pointers; not the header fields that make a database."""
    for _ in range(rnd.choice((1, 1, 1, 2, 5))):
        page = rnd.randrange(len(data) // page_size)
        at = rnd.choice((rnd.randrange(12), rnd.randrange(12, 60), rnd.randrange(page_size)))
        if page == 0:
            at = rnd.choice((*range(32, 40), *range(52, 56), *range(100, 130)))
        old = data[page * page_size + at]
        data[page * page_size + at] = rnd.choice((rnd.randrange(256), 0, 255, old ^ 1, old ^ 128))


def damage_references(data: bytearray, page_size: int, rnd: random.Random) -> None:
    """Make something that looks like a page number point elsewhere: loops, pages used twice."""
    pages = len(data) // page_size
    numbers = [at for at in range(page_size, len(data) - 4) if 0 < int.from_bytes(data[at : at + 4], "big") <= pages]
    for _ in range(rnd.choice((1, 1, 2, 4))):
        at = rnd.choice(numbers)
        own = at // page_size + 1
        data[at : at + 4] = rnd.choice((rnd.randrange(pages + 2), own, own + 1)).to_bytes(4, "big")


def damage_pages(data: bytearray, page_size: int, rnd: random.Random) -> None:
    """Put a page in the place of another."""
    pages = len(data) // page_size
    for _ in range(rnd.choice((1, 1, 3))):
        a, b = rnd.randrange(pages), rnd.randrange(1, pages)
        data[b * page_size : (b + 1) * page_size] = data[a * page_size : (a + 1) * page_size]


def damage(content: bytes, page_size: int, rnd: random.Random) -> bytes:
    data = bytearray(content)
    rnd.choice((damage_bytes, damage_bytes, damage_references, damage_pages))(data, page_size, rnd)
    return bytes(data)


def read_everything(db: Trees, roots: dict[str, int]) -> None:
    """Scan and count every tree."""
    for tree in (db.table(roots["t"]), db.index(roots["i"], 0, 0), db.index(roots["w"], 0)):
        for routine, *arguments in (("drive_read", 0), ("drive_read", 1), ("btree_count",)):
            with suppress(Corrupt):
                tree.call(routine, *arguments)


def change_everything(db: Trees, roots: dict[str, int], rnd: random.Random) -> None:
    """Insert and delete in every tree until something is noticed; then the transaction is over."""
    db.call("drive_seed", rnd.randrange(2**62))
    try:
        for name, flags in (("t", ()), ("i", (0, 0)), ("w", (0,))):
            tree, other = (Tree(db, roots[name], flags) for _ in range(2))
            tree.call("drive_change", other.at, 200)
        if rnd.random() < 0.3:
            db.call("btree_drop", db.statement, 0, rnd.choice(list(roots.values())))
        if rnd.random() < 0.3:
            db.call("btree_create", db.statement, 0, 1)
        db.call("incremental_vacuum", db.statement, 0, 5)
        db.commit()
    except KernelError as error:
        assert error.args[0] == 11
    except Corrupt:
        pass


@pytest.mark.parametrize("auto_vacuum", (0, 1, 2))
@pytest.mark.parametrize("page_size", (512, 1024))
def test_only_corrupt_is_raised(page_size: int, auto_vacuum: int) -> None:
    healthy = healthy_file(page_size, auto_vacuum)
    roots = dict(ask_sqlite(healthy, "SELECT name, rootpage FROM sqlite_schema")[0])
    rnd = random.Random(page_size + auto_vacuum)
    for _ in range(ROUNDS):
        db = Trees(damage(healthy, page_size, rnd), ["tests.harness.btree_driver"])
        db.integrity([1, *roots.values()])
        read_everything(db, roots)
        change_everything(db, roots, rnd)
        db.close()


def structural(messages: list[str]) -> list[str]:
    """Those messages of PRAGMA integrity_check that are about pages, sorted."""
    lines = [line for message in messages for line in message.split("\n") if line]
    return sorted(line for line in lines if not line.startswith(MESSAGES_ABOUT_CONTENT))


@pytest.mark.parametrize("auto_vacuum", (0, 1, 2))
def test_integrity_check_says_what_sqlite_says(auto_vacuum: int) -> None:
    """Exactly, but for a few files: SQLite visits the trees in another order, so that it blames another of two
    references to a page."""
    healthy = healthy_file(512, auto_vacuum)
    roots = dict(ask_sqlite(healthy, "SELECT name, rootpage FROM sqlite_schema")[0])
    rnd = random.Random(auto_vacuum)
    compared = equal = 0
    for _ in range(ROUNDS):
        content = bytearray(healthy)
        damage_bytes(content, 512, rnd)
        try:
            answer = [row[0] for row in ask_sqlite(bytes(content), "PRAGMA integrity_check(1000)")[0]]
        except apsw.Error:
            continue  # SQLite does not read the schema of this file, or met the damage before it could report it
        if "database disk image is malformed" in answer:
            continue
        db = Trees(bytes(content), ["tests.harness.btree_driver"])
        ours = db.integrity([1, *roots.values()], 1000).split("\n")
        db.close()
        assert bool(structural(ours)) == bool(structural(answer))
        compared += 1
        equal += structural(ours) == structural(answer)
    assert compared > ROUNDS // 2
    assert equal >= 0.9 * compared


@pytest.mark.parametrize("page_size", (512, 1024))
def test_trees_that_share_their_pages_only_raise_corrupt(page_size: int) -> None:
    """A cursor's leaf changes through another tree, which does not know of that cursor."""
    rows = ",".join(f"({i}, x'{'ab' * (i % 40)}')" for i in range(400))
    sql = "CREATE TABLE t(a INTEGER PRIMARY KEY, b); CREATE TABLE u(a INTEGER PRIMARY KEY, b);"
    content = bytearray(make_file(f"{sql} INSERT INTO t VALUES {rows}", page_size))
    t, u = (root for (root,) in ask_sqlite(bytes(content), "SELECT rootpage FROM sqlite_schema ORDER BY name")[0])
    content[(u - 1) * page_size : u * page_size] = content[(t - 1) * page_size : t * page_size]
    noticed = 0
    for seed in range(ROUNDS):
        rnd = random.Random(seed)
        db = Trees(bytes(content))
        cursors = [db.table(root) for root in (t, u, t, u)]
        near = rnd.randrange(400)
        try:
            for _ in range(60):
                noticed += not step_of(rnd.choice(cursors), rnd, near)
        finally:
            db.close()
    assert noticed > ROUNDS // 2


def step_of(tree: Tree, rnd: random.Random, near: int) -> bool:
    """One move, look or change near a row; False if the kernel noticed that the file is corrupt."""
    rowid = near + rnd.randrange(-8, 8)
    try:
        match rnd.randrange(7):
            case 0 | 1:
                tree.call("cursor_seek_rowid", rowid)
            case 2:
                tree.next()
            case 3:
                tree.prev()
            case 4 | 5:
                if tree.field("valid"):
                    tree.call("cursor_payload")
                    tree.call("cursor_delete")
            case _:
                data = rnd.randbytes(rnd.randrange(30))
                tree.call("table_insert", rowid, tree.db.copy(record((None, data))), len(record((None, data))))
    except Corrupt:
        return False
    return True
