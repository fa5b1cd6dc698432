"""What an open blob hinders, and what it does not survive, as in the sqlite3 module."""

from __future__ import annotations

import gc
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import turso_wasm

TABLES = """
    CREATE TABLE t(a INTEGER PRIMARY KEY, b, d);
    INSERT INTO t VALUES (1, x'0102', 5), (2, x'0304', 6), (3, 'txt', 7);
    CREATE TABLE u(a, b);
"""
TOUCH = "UPDATE t SET b = x'0909' WHERE a = 2"
MANY = """
    WITH RECURSIVE n(i) AS (VALUES (4) UNION ALL SELECT i + 1 FROM n LIMIT 5000) INSERT INTO t SELECT i, i, i FROM n
"""
INDEX = "CREATE INDEX i ON t(d)"
OWN = "UPDATE t SET b = x'0909' WHERE a = 1"
AGAIN = "INSERT INTO t VALUES (1, x'0102', 5)"
TRIGGER = "CREATE TRIGGER r AFTER INSERT ON u BEGIN UPDATE t SET d = d WHERE a = 1; END"
CASES: dict[str, tuple[list[str], list[str]]] = {  # what is done before the blob is opened, and then
    "rollback": (["BEGIN"], ["read", "ROLLBACK", "read", "read", "ROLLBACK"]),
    "rollback of another table": (["BEGIN"], ["INSERT INTO u VALUES (1, 2)", "ROLLBACK", "read", "write", "read"]),
    "rollback of another row": (["BEGIN"], [TOUCH, "ROLLBACK", "read", "write", "read"]),
    "rollback of the row": (["BEGIN"], [OWN, "read", "ROLLBACK", "read", "write"]),
    "rollback of the row, unread": (["BEGIN"], [OWN, "ROLLBACK", "read", "write"]),
    "rollback of a blob's write": (["BEGIN"], ["write", "ROLLBACK", "read", "write"]),
    "rollback of the schema": (["BEGIN"], ["CREATE TABLE v(a)", "ROLLBACK", "read", "write"]),
    "rollback of a later transaction": ([], ["read", "BEGIN", TOUCH, "ROLLBACK", "read"]),
    "rollback to": (["BEGIN", "SAVEPOINT s"], [TOUCH, "ROLLBACK TO s", "read", "write", "COMMIT"]),
    "rollback to, of the schema": (["BEGIN", "SAVEPOINT s"], ["CREATE TABLE v(a)", "ROLLBACK TO s", "read"]),
    "savepoint": ([], ["SAVEPOINT s", TOUCH, "RELEASE s", "read"]),
    "release": (["SAVEPOINT s"], [TOUCH, "RELEASE s", "read", "ROLLBACK", "read"]),
    "or rollback": (["BEGIN"], [f"{AGAIN}".replace("INSERT", "INSERT OR ROLLBACK"), "read"]),
    "commit": (["BEGIN"], ["write", "COMMIT", "read", "close", "COMMIT"]),
    "transactions": ([], ["BEGIN IMMEDIATE", "read", "write", "COMMIT", "read", "ROLLBACK"]),
    "another column": ([], ["UPDATE t SET d = 9 WHERE a = 1", "read", "write", "read"]),
    "the same value": ([], ["UPDATE t SET b = b WHERE a = 1", "read", "write", "read"]),
    "no row": ([], ["UPDATE t SET b = b WHERE a = 1 AND d = 77", "read", "write"]),
    "another row": ([], [TOUCH, "DELETE FROM t WHERE a > 1", "INSERT INTO t(b) VALUES (1)", "read", "write"]),
    "all rows": ([], ["UPDATE t SET d = d + 1", "read"]),
    "delete": ([], ["DELETE FROM t WHERE a = 1", "read", "write", AGAIN, "read"]),
    "delete, unread": ([], ["DELETE FROM t WHERE a = 1", AGAIN, "read", "read"]),
    "delete a range": ([], ["DELETE FROM t WHERE a BETWEEN 0 AND 2", "read"]),
    "delete all": ([], ["DELETE FROM t", "read"]),
    "delete many": ([], ["DELETE FROM t WHERE d + 0 > 0", "read"]),
    "replace": ([], ["REPLACE INTO t VALUES (1, x'0102', 5)", "read"]),
    "another rowid": ([], ["UPDATE t SET a = 9 WHERE a = 1", "read", "UPDATE t SET a = 1 WHERE a = 9", "read"]),
    "ignore": ([], [AGAIN.replace("INSERT", "INSERT OR IGNORE"), "read"]),
    "fail": ([], [AGAIN, "read", "UPDATE t SET a = a + 1 WHERE a < 3", "read"]),
    "upsert": ([], [f"{AGAIN} ON CONFLICT DO UPDATE SET d = 1", "read"]),
    "trigger": ([TRIGGER], ["INSERT INTO u VALUES (1, 1)", "read"]),
    "drop": ([], ["DROP TABLE t", "read", "close", "DROP TABLE t"]),
    "drop another": ([], ["DROP TABLE u", "read", "close", "DROP TABLE u"]),
    "indexes": ([MANY, INDEX, "CREATE INDEX k ON t(a)", "ANALYZE"], ["UPDATE t SET d = d WHERE a = 1", "read"]),
    "drop index": ([INDEX], ["DROP INDEX i", "read"]),
    "drop when expired": ([], ["DELETE FROM t WHERE a = 1", "read", "DROP TABLE t"]),
    "create": ([], ["CREATE TABLE v(a)", "CREATE INDEX i ON t(b)", "ALTER TABLE t ADD COLUMN q", "write", "read"]),
    "drop column": ([], ["ALTER TABLE t DROP COLUMN d", "read", "write", "read"]),
    "vacuum": ([], ["VACUUM", "read", "close", "VACUUM"]),
    "two handles": ([], ["other", "write", "read"]),
    "many pages": ([MANY], ["DELETE FROM t WHERE a > 100", "read", "write", "DELETE FROM t WHERE a < 100", "read"]),
}  # fmt: skip


def outcomes(module: Any, before: list[str], steps: list[str], readonly: bool) -> list[Any]:
    db = module.connect(":memory:", isolation_level=None)
    db.executescript(TABLES)
    for sql in before:
        db.execute(sql)
    blob = db.blobopen("t", "b", 1, readonly=readonly)
    found: list[Any] = []
    for step in steps:
        try:
            if step == "close":
                found.append(blob.close())
            elif step in ("read", "write"):
                blob.seek(0)
                found.append(blob.read() if step == "read" else blob.write(b"z"))
            elif step == "other":
                with db.blobopen("t", "b", 1) as other:
                    other.write(b"o")
            else:
                db.execute(step)
        except Exception as error:
            found.append((step, type(error).__name__, getattr(error, "sqlite_errorname", None), str(error)))
    found.append(db.in_transaction)
    db.close()
    return found


@pytest.mark.parametrize("readonly", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_as_sqlite3(name: str, readonly: bool) -> None:
    assert outcomes(turso_wasm, *CASES[name], readonly) == outcomes(sqlite3, *CASES[name], readonly)


def test_a_blob_that_is_dropped_hinders_nothing() -> None:
    db = turso_wasm.connect(":memory:", isolation_level=None)
    db.executescript(TABLES)
    blob = db.blobopen("t", "b", 1)
    with pytest.raises(turso_wasm.OperationalError, match=r"^database table is locked$"):
        db.execute("DROP TABLE t")
    del blob
    gc.collect()
    for column, row in (("b", 77), ("d", 1), ("q", 1)):
        with pytest.raises(turso_wasm.OperationalError):
            db.blobopen("t", column, row)
    db.execute("DROP TABLE t")
    db.close()


def test_what_a_blob_writes_is_there_when_the_connection_is_closed(tmp_path: Path) -> None:
    path = str(tmp_path / "file.db")
    db = turso_wasm.connect(path, isolation_level=None)
    db.executescript(TABLES)
    blob = db.blobopen("t", "b", 1)
    blob.write(b"z")
    db.execute("INSERT INTO u VALUES (1, 2)")
    db.close()
    with pytest.raises(turso_wasm.ProgrammingError):
        blob.read()
    found = sqlite3.connect(path).execute("SELECT b, (SELECT count(*) FROM u) FROM t WHERE a = 1").fetchone()
    assert found == (b"z\x02", 1)
