"""Changes that are captured, applied one after the other, make the tables: after random statements and transactions,
with triggers, cascades, conflicts, keys that change and errors.
"""

from __future__ import annotations

import json
import random
from contextlib import suppress

import pytest

import turso_wasm
from tests.format.record import decode_record

SCHEMA = """
CREATE TABLE plain(a, b TEXT UNIQUE, c);
CREATE TABLE keyed(
  id INTEGER PRIMARY KEY, a REAL, twice AS (a * 2), b TEXT DEFAULT 'none', UNIQUE (b) ON CONFLICT REPLACE
);
CREATE TABLE bare(k TEXT, n INTEGER, v, PRIMARY KEY (k, n)) WITHOUT ROWID;
CREATE TABLE child(
  id INTEGER PRIMARY KEY, parent REFERENCES keyed ON DELETE CASCADE ON UPDATE CASCADE, made AS (id + 1) STORED
);
CREATE TABLE notes(text);
CREATE TRIGGER told AFTER INSERT ON plain BEGIN INSERT INTO notes VALUES (NEW.b); END;
CREATE TRIGGER gone AFTER DELETE ON child BEGIN UPDATE notes SET text = text || '!' WHERE rowid % 3 = OLD.id % 3; END;
CREATE VIEW both AS SELECT a, b FROM plain;
CREATE TRIGGER through INSTEAD OF INSERT ON both BEGIN
  INSERT OR REPLACE INTO plain(a, b) VALUES (NEW.a, NEW.b);
  INSERT OR IGNORE INTO keyed(id, b) VALUES (NEW.a, NEW.b);
END;
PRAGMA foreign_keys = on;
"""
CHANGES = """
SELECT change_id, change_txn_id, change_type, table_name, id, before, after FROM turso_cdc WHERE change_id > ?
"""
TABLES = ("plain", "keyed", "bare", "child", "notes")
CLAUSES = ("", "OR REPLACE", "OR IGNORE", "OR FAIL", "OR ABORT", "OR ROLLBACK")


def statement(random_: random.Random) -> str:
    """One of many."""
    n, m = random_.randrange(8), random_.randrange(8)
    word = random_.choice("pqrstuv")
    clause = random_.choice(CLAUSES)
    return random_.choice(
        (
            f"INSERT {clause} INTO plain VALUES ({n}, '{word}', {m}), ({m}, '{word}{m}', x'00')",
            f"INSERT {clause} INTO keyed(id, a, b) VALUES ({n}, {m} + 0.5, '{word}'), ({m}, {n}, NULL)",
            f"INSERT INTO keyed(id, a) VALUES ({n}, 1) ON CONFLICT(id) DO UPDATE SET a = a + 1, id = id + {m % 2}",
            f"INSERT {clause} INTO bare VALUES ('{word}', {n}, {m}), ('{word}', {m}, NULL)",
            f"INSERT {clause} INTO child(id, parent) SELECT {n}, id FROM keyed WHERE id >= {m} LIMIT 1",
            f"INSERT INTO both VALUES ({n}, '{word}')",
            f"UPDATE {clause} plain SET b = '{word}' || c, c = {n} WHERE a = {m}",
            f"UPDATE {clause} plain SET rowid = rowid + {n} WHERE a < {m}",
            f"UPDATE {clause} keyed SET id = {n} WHERE id = {m}",
            f"UPDATE {clause} keyed SET b = '{word}' WHERE id < {m}",
            f"UPDATE {clause} bare SET n = n + 1, v = {n} WHERE k >= '{word}'",
            f"UPDATE {clause} bare SET v = v || '{word}' WHERE n = {m}",
            f"DELETE FROM plain WHERE a = {n}",
            f"DELETE FROM keyed WHERE id BETWEEN {min(n, m)} AND {max(n, m)}",
            f"DELETE FROM bare WHERE k = '{word}'",
            "DELETE FROM child" if n == 0 else f"DELETE FROM child WHERE id % 4 = {m % 4}",
            "DELETE FROM notes" if n == 0 else "UPDATE notes SET text = NULL",
            "BEGIN",
            "COMMIT",
            "ROLLBACK",
            f"SAVEPOINT s{n % 2}",
            f"ROLLBACK TO s{n % 2}",
            f"RELEASE s{n % 2}",
            f"DELETE FROM plain WHERE a > {n} RETURNING b",
        )
    )


def rows_of(connection: turso_wasm.Connection, table: str) -> dict[object, list[object]]:
    """The rows of a table by their keys, as captured changes have them."""
    found: dict[object, list[object]] = {}
    for key, *row in connection.execute(f"SELECT {'NULL' if table == 'bare' else 'rowid'}, * FROM {table}"):
        shown = [value.hex() if isinstance(value, bytes) else value for value in row]
        found[json.dumps(row[:2]) if table == "bare" else key] = shown
    return found


class Copy:
    """Tables that are made of captured changes alone."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[object, list[object]]] = {table: {} for table in TABLES}

    def apply(
        self, kind: int, table: str, key: object, before: list[object] | None, after: list[object] | None
    ) -> None:
        """One change, which must be one of the rows as they are."""
        rows = self.tables[table]
        if kind == 1:
            assert key not in rows and before is None
        else:
            assert rows.pop(key) == before
        if kind >= 0:
            assert after is not None
            rows[key] = after
        else:
            assert after is None


def decoded(record: bytes | None) -> list[object] | None:
    """The values of a record; a blob as its hexadecimal digits."""
    if record is None:
        return None
    return [value.hex() if isinstance(value, bytes) else value for value in decode_record(record)]


@pytest.mark.parametrize("seed", range(4))
def test_captured_changes_make_the_tables(seed: int) -> None:
    random_ = random.Random(seed)
    connection = turso_wasm.connect(":memory:", isolation_level=None)
    connection.executescript(SCHEMA)
    connection.execute("PRAGMA capture_data_changes_conn('full')")
    copy, last, changes = Copy(), 0, 0
    for _ in range(90):
        with suppress(turso_wasm.Error):
            connection.execute(statement(random_)).fetchall()
        if connection.in_transaction:
            continue
        transaction = None
        for number, txn, kind, table, key, before, after in connection.execute(CHANGES, (last,)).fetchall():
            assert number == last + 1 and (transaction is None or txn == transaction)
            last, transaction = number, None if kind == 2 else txn
            if kind == 2:
                continue
            key = json.dumps(decoded(key)) if isinstance(key, bytes) else key
            copy.apply(kind, table, key, decoded(before), decoded(after))
            changes += 1
        assert transaction is None, "every transaction has its commit row"
        assert copy.tables == {table: rows_of(connection, table) for table in TABLES}
    assert changes > 30
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
