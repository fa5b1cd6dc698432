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


class Total:
    """A window function."""

    def __init__(self):
        self.n = 0

    def step(self, x):
        self.n += x

    def inverse(self, x):
        self.n -= x

    def value(self):
        return self.n

    finalize = value


def own(module):
    """What code of one's own gives, with either module."""
    db = module.connect(":memory:")
    db.create_function("echo", 1, lambda x: x)
    db.create_function("any", -1, lambda *x: len(x))
    db.create_function("nested", 1, lambda x: db.execute("SELECT ? || 'ü' * 2", (x,)).fetchone()[0])
    db.create_function("guilty", 0, lambda: 1 // 0)
    db.create_function("big", 0, lambda: 1 << 70)
    db.create_window_function("total", 1, Total)
    db.create_collation("backwards", lambda a, b: (a < b) - (a > b))
    found = []
    for sql, *values in [
        *(
            ("SELECT echo(?), typeof(echo(?1))", x)
            for x in (None, 5, -(1 << 63), 1.5, "ü\0x", "x" * 300, b"", b"y" * 300)
        ),
        ("SELECT any(), any(1, 2, 3), nested(7)",),
        ("SELECT guilty()",),
        ("SELECT big()",),
        ("SELECT total(x) FROM (SELECT 1 AS x UNION ALL SELECT 2)",),
        ("SELECT total(column1) OVER (ORDER BY column1 ROWS 1 PRECEDING) FROM (VALUES (1), (2), (4))",),
        ("SELECT x FROM (SELECT 'a' AS x UNION ALL SELECT 'c' UNION ALL SELECT 'b') ORDER BY x COLLATE backwards",),
    ]:
        try:
            found.append(repr(db.execute(sql, values).fetchall()))
        except module.Error as error:
            found.append(f"{type(error).__name__}: {error}")
    for register in (
        lambda: db.create_function("echo", -2, None),
        lambda: db.create_aggregate("total", 500, Total),
        lambda: db.create_window_function("total", 500, Total),
    ):
        try:
            found.append(repr(register()))
        except Exception as error:
            found.append(f"{type(error).__name__}: {error}")
    db.close()
    return found


answers["own"] = own(turso), own(sqlite3)
try:
    connection.create_function("guilty", 0, lambda: 1 // 0)
    connection.execute("SELECT guilty()")
except turso.OperationalError as error:
    answers["cause"] = repr(error.__cause__)
deep = [f"SELECT {'1 + ' * 990}1", f"SELECT {'NOT ' * 900}1", f"SELECT {'abs(' * 800}1{')' * 800}"]
deep += ["SELECT (" * 40 + "SELECT 1" + ")" * 40, "SELECT 1 IN (" * 40 + "SELECT 1" + ")" * 40]
answers["deep"] = [connection.execute(sql).fetchone()[0] for sql in deep]
listing = connection.execute(f"EXPLAIN SELECT a{' IN (1, b)' * 900} FROM t").fetchall()
chains = [f"SELECT a{link * 20000} FROM t" for link in (" OR a", " IN (1)", " COLLATE nocase", " ISNULL")]
answers["chains"] = []
for sql in [*chains, f"SELECT 1 FROM t{' JOIN t' * 20000}"]:
    try:
        connection.execute(sql)
    except turso.OperationalError as error:
        answers["chains"].append(str(error)[:30])
answers["listing"] = [len(listing) > 9000, listing[0][1]]
connection.close()

path = "/node/from_pyodide.db"
with turso.connect(path) as connection:
    connection.execute("CREATE TABLE kept(x)")
    connection.execute("INSERT INTO kept VALUES (1), (2)")
connection.close()
answers["reopened"] = turso.connect(path).execute("SELECT x FROM kept").fetchall()
answers["sqlite3"] = sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone()
connection = turso.connect(path)
connection.execute("ATTACH '/node/attached.db' AS other")
connection.execute("ATTACH ':memory:' AS m")
connection.execute("CREATE TABLE m.doubled AS SELECT x * 2 AS y FROM kept")
connection.execute("CREATE TABLE other.total AS SELECT sum(y) AS s FROM doubled")
connection.execute("CREATE TEMP TABLE own AS SELECT s FROM total")
answers["attached"] = connection.execute("SELECT s FROM own").fetchone()
try:
    connection.execute("ATTACH '/no/such/folder.db' AS x")
except turso.OperationalError as error:
    answers["not attached"] = str(error)
connection.close()
answers["attached file"] = sqlite3.connect("/node/attached.db").execute("SELECT s FROM total").fetchone()
try:
    await turso.connect_async("app.db")  # noqa: F704
except turso.OperationalError as error:
    answers["opfs"] = str(error).split(":")[0]
print(json.dumps(answers))
