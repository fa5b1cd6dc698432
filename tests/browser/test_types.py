"""Types, arrays and sequences in a page, on the origin private file system: written, closed, and read again."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import runner

UUID = "550e8400-e29b-41d4-a716-446655440000"


def test_types_on_opfs(page: Any) -> None:
    found = runner(page)(f"""
        const first = await turso.connect('types.db', {{ storage: 'opfs' }});
        await first.exec(`
          DROP TABLE IF EXISTS t; DROP TYPE IF EXISTS cents; DROP SEQUENCE IF EXISTS s;
          CREATE SEQUENCE s START 5;
          CREATE TYPE cents BASE integer ENCODE value * 100 DECODE value / 100;
          CREATE TABLE t(id INTEGER DEFAULT (nextval('s')), u uuid, n numeric(6,2), c cents, a INT[]) STRICT`);
        await first.run('INSERT INTO t(u, n, c, a) VALUES (?, ?, 42, ARRAY[1,2,3])', '{UUID.upper()}', '1.005');
        await first.close();
        const db = await turso.connect('types.db', {{ storage: 'opfs' }});
        await db.run('UPDATE t SET a[2] = 9');
        const select = "SELECT id, u, n, c, a, a[2] FROM t WHERE u = ? AND n < 2 AND a @> '{{9}}'";
        const rows = await db.prepare(select).raw().all('{UUID}');
        const refused = await db.run("INSERT INTO t(u) VALUES ('x')").catch((error) => error.message);
        await db.close();
        return [rows, refused];
    """)
    assert found == [[[5, UUID, "1.01", 42, "{1,9,3}", 9]], "invalid uuid value"]
