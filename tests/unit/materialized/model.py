"""Tables, views over them, and random changes, for tests of materialized views."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Final

SCHEMA: Final = """
CREATE TABLE t(id INTEGER PRIMARY KEY, a, b INT, c TEXT, d REAL);
CREATE TABLE u(id INTEGER PRIMARY KEY, t_id INT, x TEXT COLLATE NOCASE, y INT);
CREATE TABLE w(p TEXT, q INT, z, PRIMARY KEY(p, q)) WITHOUT ROWID;
CREATE TABLE s(y INT, k TEXT, twice INT AS (y * 2));
CREATE VIEW sub AS SELECT t_id AS tt, count(*) AS n FROM u GROUP BY t_id;
"""

VIEWS: Final = (
    "SELECT id, a, b + 1 AS bb FROM t WHERE b > 1",
    "SELECT * FROM t",
    "SELECT t.id, u.id, x FROM t JOIN u ON u.t_id = t.id WHERE u.y > 1",
    "SELECT t1.id, t2.id, t3.a FROM t t1, t t2, t t3 WHERE t1.b = t2.b AND t3.b < t2.b",
    "SELECT t.id, x, y FROM t LEFT JOIN u ON u.t_id = t.id",
    "SELECT t.id, x, y FROM t LEFT JOIN u ON u.t_id = t.id WHERE u.id IS NULL",
    "SELECT t.id, x, s.k FROM t LEFT JOIN u ON u.t_id = t.id LEFT JOIN s ON s.y = u.y WHERE t.b > 1",
    "SELECT t.id, x, s.k FROM t LEFT JOIN u ON u.t_id = t.id JOIN s ON s.y IS u.y",
    "SELECT t.id, x FROM t RIGHT JOIN u ON u.t_id = t.id",
    "SELECT t.id, x FROM t FULL JOIN u ON u.t_id = t.id",
    "SELECT t.id, x, s.k FROM t FULL JOIN u ON u.t_id = t.id FULL JOIN s ON s.y = u.y",
    "SELECT t.id, u.id, s.k FROM t LEFT JOIN (u LEFT JOIN s ON s.y = u.y) ON u.t_id = t.id",
    "SELECT b, count(*), count(a), sum(d), avg(b) FROM t GROUP BY b",
    "SELECT count(*), sum(b), avg(d), total(b), min(a), max(c) FROM t",
    "SELECT a, min(b), max(b), count(*) FROM t GROUP BY a",
    "SELECT a, count(DISTINCT b) FROM t GROUP BY a",
    "SELECT x, count(*) AS n, sum(y) FROM u GROUP BY x HAVING count(*) > 1",
    "SELECT a, group_concat(c, '-') AS g FROM t GROUP BY a",
    "SELECT a, group_concat(c, '-' ORDER BY c, id) AS g FROM t GROUP BY a",
    "SELECT t.c, sum(u.y) + 1, max(u.y) FROM t JOIN u ON u.t_id = t.id GROUP BY t.c",
    "SELECT t.id, count(u.id) FROM t LEFT JOIN u ON u.t_id = t.id GROUP BY t.id",
    "SELECT b AS bee, b % 2 AS odd, count(*) FILTER (WHERE d > 0), min(d) FILTER (WHERE c > 'a') FROM t "
    "GROUP BY bee, odd",
    "SELECT sum(a), sum(c), avg(c) FROM t",
    "SELECT DISTINCT a, c FROM t",
    "SELECT DISTINCT x FROM u",
    "SELECT b FROM t UNION SELECT y FROM u",
    "SELECT b FROM t UNION ALL SELECT y FROM u",
    "SELECT b FROM t INTERSECT SELECT y FROM u",
    "SELECT b FROM t EXCEPT SELECT y FROM u",
    "SELECT b FROM t EXCEPT SELECT y FROM u UNION ALL SELECT q FROM w",
    "SELECT b FROM t UNION SELECT y FROM u UNION SELECT q FROM w",
    "SELECT p, q, z FROM w WHERE z IS NOT NULL",
    "SELECT w.p, s.k FROM w JOIN s ON s.y = w.q",
    "SELECT w.p, s.k FROM s LEFT JOIN w ON s.y = w.q",
    "SELECT p, sum(q) FROM w GROUP BY p",
    "SELECT id, b, sum(b) OVER (PARTITION BY a ORDER BY id) FROM t",
    "SELECT id, row_number() OVER (PARTITION BY c ORDER BY b, id), sum(b) OVER (PARTITION BY c) FROM t",
    "SELECT k, sum(twice), max(twice) FROM s GROUP BY k",
    "SELECT id, sum(b) OVER w, count(*) OVER (w ROWS 1 PRECEDING) FROM t WINDOW w AS (PARTITION BY a ORDER BY id)",
    "SELECT b, count(*), rank() OVER (ORDER BY count(*)) FROM t GROUP BY b",
    "SELECT id, b FROM t ORDER BY b DESC, id LIMIT 3",
    "SELECT b, count(*) AS n FROM t GROUP BY b ORDER BY n DESC, b LIMIT 2 OFFSET 1",
    "SELECT d.n, t.id FROM t JOIN (SELECT t_id, count(*) AS n FROM u GROUP BY t_id) d ON d.t_id = t.id",
    "SELECT sub.n, t.* FROM t JOIN sub ON sub.tt = t.id",
    "WITH q AS (SELECT b, count(*) AS n FROM t GROUP BY b), r AS (SELECT n, count(*) AS m FROM q GROUP "
    "BY n) SELECT * FROM r JOIN q USING (n)",
    "SELECT id, w.q, p FROM (SELECT id, y AS q FROM u) FULL JOIN w USING (q)",
    "SELECT t.id, j.value FROM t, json_each('[1,2,3]') j WHERE j.value > t.b",
    "SELECT max(b), c FROM t",
    "SELECT a, max(b), id FROM t GROUP BY a",
    "SELECT 1 + a AS z FROM t WHERE z > 2",
    "SELECT a, sum(d) AS s FROM t GROUP BY 1 HAVING s > 1",
)

Change = tuple[str, tuple[object, ...]]


def change(draw: random.Random) -> Change:
    """A statement that changes rows, and its parameters."""
    a, b = draw.choice([None, 1, 2, 3, "x", "X", 2.5]), draw.choice([None, 1, 2, 3, 4, 10])
    c, d = draw.choice([None, "a", "b", "A", "12", "zz"]), draw.choice([None, 0.5, 1.25, -3, 100])
    id, other, q, p = draw.randint(1, 8), draw.choice([None, 1, 2, 3, 4, 5]), draw.randint(1, 4), draw.choice("ab")
    table = draw.choice("tttuuuws")
    if draw.random() < 0.01:
        return f"DELETE FROM {table}", ()
    statements: dict[str, list[Change]] = {
        "t": [
            ("INSERT OR REPLACE INTO t VALUES (?, ?, ?, ?, ?)", (id, a, b, c, d)),
            ("INSERT INTO t VALUES (?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET b = b + 1", (id, a, b, c, d)),
            ("UPDATE t SET a = ?, b = ? WHERE id = ?", (a, b, id)),
            ("UPDATE t SET d = ?, c = ? WHERE b = ?", (d, c, b)),
            ("UPDATE OR IGNORE t SET id = ? WHERE id = ?", (draw.randint(1, 8), id)),
            ("DELETE FROM t WHERE id = ?", (id,)),
        ],
        "u": [
            ("INSERT OR REPLACE INTO u VALUES (?, ?, ?, ?)", (id, other, c, b)),
            ("UPDATE u SET t_id = ?, y = ? WHERE id = ?", (other, b, id)),
            ("UPDATE u SET x = ? WHERE y = ?", (c, b)),
            ("DELETE FROM u WHERE id = ?", (id,)),
        ],
        "w": [
            ("INSERT OR REPLACE INTO w VALUES (?, ?, ?)", (p, q, a)),
            ("UPDATE OR REPLACE w SET q = ?, z = ? WHERE p = ? AND q = ?", (draw.randint(1, 4), b, p, q)),
            ("DELETE FROM w WHERE q = ?", (q,)),
        ],
        "s": [
            ("INSERT INTO s(y, k) VALUES (?, ?)", (b, c)),
            ("UPDATE s SET y = ? WHERE k = ?", (b, c)),
            ("DELETE FROM s WHERE rowid = ?", (id,)),
        ],
    }
    return draw.choice(statements[table])


def bag(rows: Iterable[tuple[object, ...]]) -> list[str]:
    """Rows without their order. Numbers are equal if their values are; a group's name may be written as in any row."""
    return sorted(repr([_same(value) for value in row]) for row in rows)


def _same(value: object) -> object:
    return float(value) if isinstance(value, int | float) else value.lower() if isinstance(value, str) else value
