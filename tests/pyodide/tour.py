"""Run inside Pyodide by test_node.py: `turso_wasm` as a user's Python meets it. Each line printed is an answer."""

import json
import sqlite3

try:
    import micropip
except ImportError:
    import zipfile

    installer = "zipfile"
    zipfile.ZipFile(WHEEL).extractall("/lib/python3.14/site-packages")  # noqa: F821 — set by run.mjs
else:
    installer = "micropip"
    await micropip.install(f"emfs:{WHEEL}")  # noqa: F821, F704

import turso_wasm as turso

answers = {"installer": installer}
connection = turso.connect(":memory:")
connection.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c BLOB)")
connection.executemany("INSERT INTO t(b, c) VALUES (?, ?)", [(f"n{i} ü", bytes([i % 256])) for i in range(2000)])
answers["rows"] = connection.execute("SELECT count(*), sum(a), max(b) FROM t").fetchone()
answers["blob"] = connection.execute("SELECT c FROM t WHERE a = 256").fetchone()[0].hex()
answers["big"] = connection.execute("SELECT ?, -9223372036854775807 - 1", (9223372036854775807,)).fetchone()
connection.commit()
connection.execute("INSERT INTO t(a) VALUES (9999)")
connection.rollback()
answers["rolled back"] = connection.execute("SELECT count(*) FROM t WHERE a = 9999").fetchone()
try:
    connection.execute("INSERT INTO t(a) VALUES (1)")
except turso.IntegrityError as error:
    answers["error"] = [str(error), error.sqlite_errorname]
try:
    connection.execute("SELEC 1")
except turso.OperationalError as error:
    answers["syntax"] = str(error)
deep = [f"SELECT {'1 + ' * 990}1", f"SELECT {'NOT ' * 900}1", f"SELECT {'abs(' * 800}1{')' * 800}"]
deep += ["SELECT (" * 40 + "SELECT 1" + ")" * 40, "SELECT 1 IN (" * 40 + "SELECT 1" + ")" * 40]
answers["deep"] = [connection.execute(sql).fetchone()[0] for sql in deep]
connection.close()

path = "/node/from_pyodide.db"
with turso.connect(path) as connection:
    connection.execute("CREATE TABLE kept(x)")
    connection.execute("INSERT INTO kept VALUES (1), (2)")
connection.close()
answers["reopened"] = turso.connect(path).execute("SELECT x FROM kept").fetchall()
answers["sqlite3"] = sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone()
try:
    await turso.connect_async("app.db")  # noqa: F704
except turso.OperationalError as error:
    answers["opfs"] = str(error).split(":")[0]
print(json.dumps(answers))
