"""Rows that `.recover` finds in damaged files, against those that were there.

    python -m benchmarks.recovery [FILES]

Each file has 4,000 rows in three tables (one WITHOUT ROWID), an index, and rows with overflow pages. Each is damaged in
one way, from a seed; what comes out is loaded into a new database, and its rows are compared, whole, with those that
were there.
"""

from __future__ import annotations

import random
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from turso_wasm.shell.recover.salvage import recover

PAGE = 4096
TABLES = ("person", "note", "word")


def made(path: Path, seed: int) -> dict[str, set[tuple[object, ...]]]:
    """A database, and its rows by table."""
    some = random.Random(seed)
    people = [(i, f"name {some.randrange(10**6)}", some.random()) for i in range(1, 2001)]
    notes = [(i, some.randrange(1, 2001), some.randbytes(some.choice((40, 300, 9000)))) for i in range(1, 501)]
    words = [(f"word {i:05}", some.randrange(1000)) for i in range(1500)]
    with sqlite3.connect(path) as db:
        db.executescript(f"""PRAGMA page_size = {PAGE};
            CREATE TABLE person(id INTEGER PRIMARY KEY, name TEXT, weight REAL);
            CREATE TABLE note(id INTEGER PRIMARY KEY, person INT, body BLOB);
            CREATE TABLE word(word TEXT PRIMARY KEY, n INT) WITHOUT ROWID;
            CREATE INDEX by_name ON person(name)""")
        db.executemany("INSERT INTO person VALUES (?, ?, ?)", people)
        db.executemany("INSERT INTO note VALUES (?, ?, ?)", notes)
        db.executemany("INSERT INTO word VALUES (?, ?)", words)
    db.close()
    return {"person": set(people), "note": set(notes), "word": set(words)}


def bits(image: bytearray, some: random.Random) -> None:
    for _ in range(50):
        image[some.randrange(100, len(image))] ^= 1 << some.randrange(8)


def zeros(image: bytearray, some: random.Random) -> None:
    for _ in range(8):
        page = some.randrange(1, len(image) // PAGE)
        image[page * PAGE : (page + 1) * PAGE] = bytes(PAGE)


def garbage(image: bytearray, some: random.Random) -> None:
    for _ in range(8):
        page = some.randrange(1, len(image) // PAGE)
        image[page * PAGE : (page + 1) * PAGE] = some.randbytes(PAGE)


def header(image: bytearray, some: random.Random) -> None:
    image[:100] = some.randbytes(100)


def first_page(image: bytearray, some: random.Random) -> None:
    image[:PAGE] = some.randbytes(PAGE)


def swapped(image: bytearray, some: random.Random) -> None:
    for _ in range(4):
        a, b = (some.randrange(1, len(image) // PAGE) * PAGE for _ in range(2))
        image[a : a + PAGE], image[b : b + PAGE] = image[b : b + PAGE], image[a : a + PAGE]


def cut(image: bytearray, some: random.Random) -> None:
    del image[some.randrange(len(image) // 2, len(image)) :]


DAMAGES: dict[str, Callable[[bytearray, random.Random], None]] = {
    "50 bits flipped": bits,
    "8 pages of zeros": zeros,
    "8 pages of garbage": garbage,
    "4 pairs of pages swapped": swapped,
    "the end cut off": cut,
    "garbage in the header": header,
    "garbage in page 1": first_page,
}


def found(script: str, rows: dict[str, set[tuple[object, ...]]]) -> int:
    """How many of the rows are in the tables that a script makes, or among its lost and found ones."""
    with TemporaryDirectory() as folder:
        db = sqlite3.connect(Path(folder, "new.db"))
        db.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        for statement in statements(script):
            try:
                db.execute(statement)
            except sqlite3.Error:
                continue
        count = 0
        for table in TABLES:
            try:
                count += len(rows[table] & set(db.execute(f"SELECT * FROM {table}")))
            except sqlite3.Error:
                count += 0
        lost = lost_rows(db)
        db.close()
    count += sum(row in lost for table in TABLES for row in rows[table])
    return count


def statements(script: str) -> list[str]:
    """Those of a script, whole."""
    found, text = [], ""
    for line in script.splitlines(keepends=True):
        text += line
        if sqlite3.complete_statement(text):
            found.append(text)
            text = ""
    return found


def lost_rows(db: sqlite3.Connection) -> set[tuple[object, ...]]:
    """What belongs to no table that is left: as rows whose first column is the rowid, and as they are."""
    try:
        rows = db.execute("SELECT * FROM lost_and_found").fetchall()
    except sqlite3.Error:
        return set()
    lost: set[tuple[object, ...]] = set()
    for _, _, n_fields, rowid, *values in rows:
        fields = values[:n_fields]
        lost |= {tuple(fields), (rowid, *fields[1:])}
    return lost


def main(n_files: int) -> None:
    """Print the table of docs/reliability.md."""
    print("| damage | rows | found, as they were |\n|-|--:|--:|")
    for what, damage in DAMAGES.items():
        there = again = 0
        for seed in range(n_files):
            with TemporaryDirectory() as folder:
                path = Path(folder, "damaged.db")
                rows = made(path, seed)
                image = bytearray(path.read_bytes())
                damage(image, random.Random(seed))
                path.write_bytes(image)
                there += sum(map(len, rows.values()))
                again += found("\n".join(recover(path.read_bytes())), rows)
        print(f"| {what} | {there:,} | {again / there:.1%} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
