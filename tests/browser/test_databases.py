# ruff: noqa: E501 (lines of JavaScript and SQL)
"""Several databases of one connection in a page: temp, attached ones."""

from __future__ import annotations

from typing import Any

import pytest


def test_temporary_tables(js: Any) -> None:
    got = js("""
        const db = await turso.connect('temporary.db');
        await db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1); CREATE TEMP TABLE t(a); INSERT INTO t VALUES (2)');
        const rows = await db.prepare('SELECT t.a, m.a AS b FROM t, main.t AS m').all();
        const names = await db.prepare('SELECT name FROM sqlite_temp_schema').all();
        await db.close();
        const again = await turso.connect('temporary.db');
        const after = await again.prepare('SELECT a FROM t').all();
        const none = await again.prepare('SELECT name FROM sqlite_temp_schema').all();
        await again.close();
        return { rows, names, after, none };
    """)
    assert got == {"rows": [{"a": 2, "b": 1}], "names": [{"name": "t"}], "after": [{"a": 1}], "none": []}


@pytest.mark.parametrize("storage", ["opfs", "indexeddb", "memory"])
def test_attach(js: Any, storage: str) -> None:
    got = js(
        """
        const db = await turso.connect('one.db', { storage });
        await db.exec("CREATE TABLE t(a); INSERT INTO t VALUES (1); ATTACH 'two.db' AS other; CREATE TABLE other.u(b)");
        await db.exec("INSERT INTO u SELECT a + 1 FROM t; ATTACH ':memory:' AS m; CREATE TABLE m.c AS SELECT * FROM t, u");
        const rows = await db.prepare('SELECT * FROM c').all();
        const list = await db.prepare('PRAGMA database_list').raw().all();
        const locked = await failure(() => db.exec('BEGIN; SELECT * FROM u; DETACH other'));
        await db.exec("COMMIT; DETACH other");
        const gone = await failure(() => db.prepare('SELECT * FROM u').all());
        await db.prepare('ATTACH ? AS ?').run('two.db', 'back');
        const back = await db.prepare('SELECT * FROM back.u').all();
        const taken = await failure(() => db.exec("ATTACH 'two.db' AS back"));
        await db.close();
        const two = await turso.connect('two.db', { storage, create: false });
        const own = await two.prepare('SELECT * FROM u').all();
        await two.close();
        const names = await turso.list({ storage });
        for (const name of ['one.db', 'two.db']) await turso.remove(name, { storage });
        return { rows, list, locked, gone, back, taken, own, names };
        """,
        storage=storage,
    )
    assert got["rows"] == [{"a": 1, "b": 2}]
    assert got["list"] == [[0, "main", "one.db"], [2, "other", "two.db"], [3, "m", ""]]
    assert got["locked"]["message"] == "database other is locked"
    assert got["gone"]["message"] == "no such table: u"
    assert got["back"] == got["own"] == [{"b": 2}]
    assert got["taken"]["message"] == "database back is already in use"
    assert {"one.db", "two.db"} <= set(got["names"])


@pytest.mark.parametrize("storage", ["opfs", "indexeddb", "memory"])
def test_vacuum_into_a_name_that_is_free(js: Any, storage: str) -> None:
    got = js(
        """
        const db = await turso.connect('from.db', { storage });
        await db.exec("CREATE TABLE t(a); INSERT INTO t VALUES (1), (zeroblob(9000)); CREATE INDEX i ON t(a)");
        await db.exec("VACUUM INTO 'copy' || '1.db'");
        await db.prepare('VACUUM main INTO ?').run('copy2.db');
        const taken = await failure(() => db.exec("VACUUM INTO 'copy1.db'"));
        const itself = await failure(() => db.exec("VACUUM INTO 'from.db'"));
        const numbers = await failure(() => db.exec('VACUUM INTO 5'));
        const inside = await failure(() => db.exec("BEGIN; VACUUM INTO 'copy3.db'"));
        await db.exec('ROLLBACK; INSERT INTO t VALUES (2)');
        const found = [];
        for (const name of ['copy1.db', 'copy2.db']) {
          const copy = await turso.connect(name, { storage, create: false });
          found.push(await copy.prepare("SELECT count(*), sum(length(a)), (SELECT * FROM pragma_integrity_check) FROM t").raw().get());
          await copy.exec('INSERT INTO t VALUES (3)');
          await copy.close();
        }
        await db.close();
        const names = await turso.list({ storage });
        for (const name of ['from.db', 'copy1.db', 'copy2.db']) await turso.remove(name, { storage });
        return { found, names, errors: [taken, itself, numbers, inside].map((error) => error && error.message) };
        """,
        storage=storage,
    )
    assert got["found"] == [[2, 9001, "ok"]] * 2
    assert {"from.db", "copy1.db", "copy2.db"} <= set(got["names"])
    assert "copy3.db" not in got["names"]
    assert got["errors"] == [
        "output file already exists",
        "output file already exists",
        "non-text filename",
        "cannot VACUUM from within a transaction",
    ]


def test_two_connections_attach_one_file(js: Any) -> None:
    got = js("""
        const one = await turso.connect('first.db');
        const two = await turso.connect('second.db');
        for (const db of [one, two]) await db.exec("ATTACH 'common.db' AS c");
        await one.exec('CREATE TABLE c.t(a); BEGIN; INSERT INTO t VALUES (1)');
        const writing = two.exec('INSERT INTO c.t VALUES (2)');
        await one.exec('COMMIT');
        await writing;
        const rows = await one.prepare('SELECT a FROM t').pluck().all();
        await one.close();
        const still = await two.prepare('SELECT count(*) FROM t').pluck().get();
        await two.close();
        const third = await turso.connect('common.db', { create: false });
        const kept = await third.prepare('SELECT count(*) FROM t').pluck().get();
        await third.close();
        const missing = await turso.connect('common.db', { create: false });
        const failed = await failure(() => missing.exec("ATTACH 'no/such.db' AS x"));
        await missing.close();
        return { rows, still, kept, code: failed && failed.code };
    """)
    assert got == {"rows": [1, 2], "still": 2, "kept": 2, "code": "SQLITE_CANTOPEN"}


def test_a_database_that_is_attached_is_not_replaced(js: Any) -> None:
    got = js("""
        const one = await turso.connect('importer.db');
        const two = await turso.connect('imported.db');
        await two.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
        const file = await two.export();
        await one.exec("ATTACH 'imported.db' AS i");
        const used = await failure(() => two.import(file));
        const attached = await failure(() => one.import(file));
        await one.exec('DETACH i');
        await two.import(file);
        await one.import(file);
        const rows = await one.prepare('SELECT a FROM t').pluck().all();
        await one.close();
        await two.close();
        return { used: used.code, attached: attached.message, rows };
    """)
    message = "cannot import while other databases are attached"
    assert got == {"used": "SQLITE_BUSY", "attached": message, "rows": [1]}
