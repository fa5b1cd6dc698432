"""Deep statements are compiled on little of C's stack: in Pyodide there is little (base/recursion.py).

A call of Python by Python needs none of it; one that goes through C does, a generator expression in a recursion too.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

STACK = 384  # KiB
PROGRAM = """
import faulthandler, sys, threading
import turso_wasm
faulthandler.enable()
db = turso_wasm.connect(":memory:", check_same_thread=False)
db.executescript("CREATE TABLE t(a, b); INSERT INTO t VALUES (1, 2)")
threading.stack_size(int(sys.argv[1]) * 1024)
thread = threading.Thread(target=lambda: print(db.execute(sys.stdin.read()).fetchone()[0]))
thread.start()
thread.join()
"""

DEEP = {
    "plus": "SELECT " + "a + " * 990 + "1 FROM t",
    "concat": "SELECT length(" + "a || " * 900 + "'') FROM t",
    "and": "SELECT " + "(a > 0) AND " * 900 + "1 FROM t",
    "or": "SELECT " + "(a > 9) OR " * 900 + "1 FROM t",
    "where": "SELECT 1 FROM t WHERE " + "NOT " * 900 + "a = 1",
    "not": "SELECT " + "NOT " * 900 + "a FROM t",
    "minus": "SELECT " + "- " * 900 + "a FROM t",
    "compare": "SELECT " + "(" * 300 + "a" + " < 5)" * 300 + " FROM t",
    "call": "SELECT " + "abs(" * 800 + "a" + ")" * 800 + " FROM t",
    "coalesce": "SELECT " + "coalesce(NULL, " * 300 + "a" + ")" * 300 + " FROM t",
    "case": "SELECT " + "CASE WHEN a THEN " * 200 + "a" + " END" * 200 + " FROM t",
    "cast": "SELECT " + "CAST(" * 300 + "a" + " AS TEXT)" * 300 + " FROM t",
    "collate": "SELECT a" + " COLLATE NOCASE" * 300 + " FROM t",
    "between": "SELECT " + "(" * 200 + "a" + " BETWEEN 0 AND 9)" * 200 + " FROM t",
    "in": "SELECT " + "(" * 200 + "a" + " IN (1, b))" * 200 + " FROM t",
    "json": "SELECT " + "json_array(" * 100 + "a" + ")" * 100 + " FROM t",
    "library": "SELECT " + "reverse(" * 100 + "a" + ")" * 100 + " FROM t",
    "subquery": "SELECT (" * 40 + "SELECT a FROM t" + ")" * 40,
    "in subquery": "SELECT 1 IN (" * 40 + "SELECT 1" + ")" * 40,
    "exists": "SELECT 1 FROM t WHERE " + "EXISTS (SELECT 1 FROM t WHERE " * 40 + "a" + ")" * 40,
    "from": "SELECT a FROM (" * 40 + "SELECT a FROM t" + ")" * 40,
    "union": " UNION ALL ".join(["SELECT a FROM t"] * 400),
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_statements_need_little_stack(name: str) -> None:
    command = [sys.executable, "-c", PROGRAM, str(STACK)]
    done = subprocess.run(command, input=DEEP[name], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0 and done.stdout, f"{done.stdout}\n{done.stderr[:3000]}"
