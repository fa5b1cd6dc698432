# ruff: noqa: E501 (lines of JavaScript and SQL)
"""The page's API, method by method, in Chromium."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

SETUP = """
const db = await turso.connect(':memory:');
await db.exec(`
  CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, age REAL, photo BLOB);
  INSERT INTO users VALUES (1, 'Ada', 36, x'00ff'), (2, 'Bo', NULL, NULL), (3, 'Žofie 🦊', 4.5, x'');
`);
"""


@pytest.fixture
def users(js: Any) -> Any:
    """As `js`, with `db`: a fresh database with three users."""

    def run(body: str, **values: Any) -> Any:
        return js(f"{SETUP}try {{ {body} }} finally {{ await db.close(); }}", **values)

    return run


class TestReading:
    def test_all_gives_objects(self, users: Any) -> None:
        assert users("return db.prepare('SELECT id, name, age FROM users ORDER BY id').all()") == [
            {"id": 1, "name": "Ada", "age": 36},
            {"id": 2, "name": "Bo", "age": None},
            {"id": 3, "name": "Žofie 🦊", "age": 4.5},
        ]

    def test_prepare_may_be_awaited(self, users: Any) -> None:
        assert users("return (await db.prepare('SELECT 1 AS one')).get()") == {"one": 1}

    def test_get_gives_the_first_row_or_undefined(self, users: Any) -> None:
        found = users("""
            const by = db.prepare('SELECT name FROM users WHERE id = ?');
            return [await by.get(1), (await by.get(99)) === undefined, await by.get([2])];
        """)
        assert found == [{"name": "Ada"}, True, {"name": "Bo"}]

    def test_raw_and_pluck(self, users: Any) -> None:
        found = users("""
            const statement = db.prepare('SELECT id, age FROM users ORDER BY id LIMIT 2');
            const raw = await statement.raw().all();
            const plucked = await statement.pluck().all();
            return [raw, plucked, await statement.pluck(false).all(), await statement.raw().get()];
        """)
        objects = [{"id": 1, "age": 36}, {"id": 2, "age": None}]
        assert found == [[[1, 36], [2, None]], [1, 2], objects, [1, 36]]

    def test_iterate_streams_and_may_be_left(self, users: Any) -> None:
        found = users("""
            const many = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) ';
            await db.exec('CREATE TABLE n(i INTEGER PRIMARY KEY)');
            await db.transaction(async (tx) => {
                const insert = tx.prepare('INSERT INTO n VALUES (?)');
                await Promise.all(Array.from({ length: 20000 }, (_, i) => insert.run(i)));
            })();
            const statement = db.prepare('SELECT i FROM n').pluck();
            let sum = 0, seen = 0;
            for await (const i of statement.iterate()) sum += i;
            for await (const i of statement.iterate()) if (++seen === 300) break;
            return [sum, seen, await db.prepare('SELECT count(*) FROM n').pluck().get(), (await statement.all()).length];
        """)
        assert found == [19999 * 20000 // 2, 300, 20000, 20000]

    def test_rows_before_an_error_come_first(self, users: Any) -> None:
        found = users("""
            const rows = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, ';
            const seen = [];
            for (const bad of [1, 2, 300, 15000]) {
                const statement = db.prepare(`${rows} abs(iif(i = ${bad}, -9223372036854775808, i)) FROM n`);
                let n = 0;
                try {
                    for await (const row of statement.iterate()) n++;
                } catch (error) {
                    seen.push([n, error.message]);
                }
                seen.push(await statement.all().catch((error) => error.message));
            }
            return seen;
        """)
        message = "integer overflow"
        assert found == [one for bad in (1, 2, 300, 15000) for one in ([bad - 1, message], message)]

    def test_two_readers_at_once(self, users: Any) -> None:
        found = users("""
            const a = db.prepare('SELECT id FROM users ORDER BY id').pluck().iterate();
            const b = db.prepare('SELECT name FROM users ORDER BY id').pluck().iterate();
            const seen = [];
            for await (const id of a) seen.push(id, (await b.next()).value);
            return seen;
        """)
        assert found == [1, "Ada", 2, "Bo", 3, "Žofie 🦊"]

    def test_columns(self, users: Any) -> None:
        found = users("return db.prepare('SELECT id, name AS who, 1 + 1 FROM users').columns()")
        assert found[0] == {"name": "id", "type": "INTEGER", "table": "users", "column": "id"}
        assert (found[1]["name"], found[1]["column"]) == ("who", "name")
        assert found[2] == {"name": "1 + 1", "type": None, "table": None, "column": None}

    def test_columns_of_one_name_are_all_there_in_raw_rows(self, users: Any) -> None:
        assert users("return db.prepare('SELECT 1 AS a, 2 AS a').raw().get()") == [1, 2]

    def test_a_column_may_be_called_proto(self, users: Any) -> None:
        found = users("""
            const row = await db.prepare('SELECT 1 AS "__proto__", 2 AS constructor').get();
            return [Object.keys(row), row.constructor, Object.getPrototypeOf(row) === Object.prototype];
        """)
        assert found == [["__proto__", "constructor"], 2, True]

    def test_a_hundred_thousand_rows(self, users: Any) -> None:
        found = users("""
            await db.exec('CREATE TABLE big(a INTEGER PRIMARY KEY, b TEXT, c REAL, d, e)');
            await db.transaction(async (tx) => {
                const insert = tx.prepare('INSERT INTO big VALUES (?, ?, ?, ?, ?)');
                const all = [];
                for (let i = 0; i < 100000; i++) all.push(insert.run(i, 'name ' + i, i / 4, i % 3 ? i : null, 'ü' + i % 7));
                await Promise.all(all);
            })();
            const rows = await db.prepare('SELECT * FROM big').all();
            const bad = rows.findIndex((r, i) => r.a !== i || r.b !== 'name ' + i || r.c !== i / 4
                || r.d !== (i % 3 ? i : null) || r.e !== 'ü' + i % 7);
            return [rows.length, bad];
        """)
        assert found == [100_000, -1]


class TestWriting:
    def test_run_says_what_changed(self, users: Any) -> None:
        found = users("""
            return [
                await db.prepare("INSERT INTO users(name) VALUES ('Cy'), ('Di')").run(),
                await db.prepare('UPDATE users SET age = 1 WHERE id < 3').run(),
                await db.prepare('CREATE TABLE other(a)').run(),
                await db.run('DELETE FROM users WHERE id = ?', 1),
            ];
        """)
        assert [one["changes"] for one in found] == [2, 2, 0, 1]
        assert found[0]["lastInsertRowid"] == 5

    def test_exec_runs_everything(self, users: Any) -> None:
        script = "CREATE TABLE a(x); -- a comment; with a semicolon\n;; INSERT INTO a VALUES (';'); INSERT INTO a SELECT x || '2' FROM a; "
        found = users("await db.exec(script); return db.prepare('SELECT x FROM a').pluck().all()", script=script)
        assert found == [";", ";2"]

    def test_a_bulk_insert_of_literals(self, users: Any) -> None:
        rows = ", ".join(f"({i}, 'n{i}', {i}.5, x'{i % 256:02x}')" for i in range(10, 3000))
        found = users(
            """await db.exec('INSERT INTO users VALUES ' + rows);
            return db.prepare('SELECT count(*), sum(id), sum(age), max(length(photo)), max(name) FROM users WHERE id >= 10').raw().get()""",
            rows=rows,
        )
        numbers = range(10, 3000)
        assert found == [len(numbers), sum(numbers), sum(i + 0.5 for i in numbers), 1, "n999"]

    def test_statements_live_through_schema_changes(self, users: Any) -> None:
        found = users("""
            const statement = db.prepare('SELECT * FROM users WHERE id = 1');
            const before = Object.keys(await statement.get());
            await db.exec('ALTER TABLE users ADD COLUMN city TEXT DEFAULT \\'Brno\\'');
            return [before, Object.keys(await statement.get())];
        """)
        assert found == [["id", "name", "age", "photo"], ["id", "name", "age", "photo", "city"]]

    @pytest.mark.parametrize(
        "sql", ["SELECT * FROM t", "INSERT INTO t VALUES (1)", "DELETE FROM t", "SELECT max(b) FROM t"]
    )
    def test_a_statement_whose_table_is_away_works_when_it_is_back(self, js: Any, sql: str) -> None:
        found = js(
            """const db = await turso.connect(':memory:');
            await db.exec('CREATE TABLE t(b)');
            const statement = db.prepare(sql);
            await statement.all();
            const errors = [];
            for (const script of ['DROP TABLE t', 'CREATE TABLE t(b)', 'ALTER TABLE t RENAME TO u', 'ALTER TABLE u RENAME TO t', 'BEGIN; DROP TABLE t', 'ROLLBACK']) {
                await db.exec(script);
                for (let i = 0; i < 2; i++) errors.push((await failure(() => statement.all()))?.message ?? '');
            }
            await db.close();
            return errors;""",
            sql=sql,
        )
        assert found == (["no such table: t"] * 2 + ["", ""]) * 3

    def test_a_rolled_back_table_is_gone_even_when_its_number_comes_again(self, users: Any) -> None:
        found = users("""
            await db.exec('BEGIN; CREATE TABLE one(a, b)');
            const statement = db.prepare('SELECT * FROM one');
            await statement.all();
            await db.exec('ROLLBACK; CREATE TABLE other(x, y, z); INSERT INTO other VALUES (1, 2, 3)');
            const error = await failure(() => statement.all());
            return [error.message, await db.all('SELECT * FROM other')];
        """)
        assert found == ["no such table: one", [{"x": 1, "y": 2, "z": 3}]]


class TestValues:
    def test_every_kind_comes_back(self, users: Any) -> None:
        found = users("""
            const values = [null, 0, -1, 2 ** 31, -(2 ** 40), 2 ** 53 - 1, 1.5, -0, 1e300, Infinity, '', 'é', 'a\\0b', '🦊'.repeat(1000),
                            true, false, undefined, NaN];
            const statement = db.prepare('SELECT ?, typeof(?1)').raw();
            const seen = [];
            for (const value of values) seen.push(await statement.get(value));
            return seen.map(([value, type]) => [Object.is(value, -0) ? '-0' : value === Infinity ? 'Inf' : value, type]);
        """)
        integers = [0, -1, 2**31, -(2**40), 2**53 - 1]
        assert found == [
            [None, "null"],
            *[[value, "integer"] for value in integers],
            *[[value, "real"] for value in (1.5, "-0", 1e300, "Inf")],
            *[[value, "text"] for value in ("", "é", "a\0b", "🦊" * 1000)],
            [1, "integer"],
            [0, "integer"],
            [None, "null"],
            [None, "null"],
        ]

    def test_blobs(self, users: Any) -> None:
        found = users("""
            const bytes = Uint8Array.from({ length: 300000 }, (_, i) => i * 7);
            const echo = db.prepare('SELECT ?').pluck();
            const given = [bytes, bytes.buffer, new DataView(bytes.buffer, 10, 5), new Uint8Array(0)];
            const back = [];
            for (const one of given) back.push(await echo.get(one));
            return back.map((one) => [one instanceof Uint8Array, one.length, one.length ? one[one.length - 1] : -1]);
        """)
        assert found == [
            [True, 300000, 299999 * 7 % 256],
            [True, 300000, 299999 * 7 % 256],
            [True, 5, 98],
            [True, 0, -1],
        ]

    def test_big_integers(self, users: Any) -> None:
        found = users("""
            const [big] = Object.values(await db.prepare('SELECT 9007199254740993').get());
            const statement = db.prepare('SELECT ?').pluck();
            const show = (value) => typeof value + ' ' + value;
            return [show(big), show(await statement.get(2n ** 63n - 1n)), show(await statement.get(-(2n ** 63n))), show(await statement.get(5n)),
                    show(await statement.safeIntegers().get(5)), (await failure(() => statement.safeIntegers(false).get(9007199254740993n))).message];
        """)
        assert found == [
            "bigint 9007199254740993",
            "bigint 9223372036854775807",
            "bigint -9223372036854775808",
            "number 5",
            "bigint 5",
            "the integer 9007199254740993 is too large for a number: use safeIntegers()",
        ]

    def test_named_parameters(self, users: Any) -> None:
        found = users("""
            const statement = db.prepare('SELECT :a, @b, $c, :a').raw();
            return [await statement.get({ a: 1, b: 'two', c: null }), await statement.get({ ':a': 1, '@b': 2, $c: 3 }), await statement.get(7, 8, 9)];
        """)
        assert found == [[1, "two", None, 1], [1, 2, 3, 1], [7, 8, 9, 7]]


class TestErrors:
    def test_a_constraint(self, users: Any) -> None:
        error = users("return failure(() => db.prepare(\"INSERT INTO users(name) VALUES ('Ada')\").run())")
        assert error["name"] == "SqliteError"
        assert error["code"] == "SQLITE_CONSTRAINT_UNIQUE"
        assert error["errcode"] == 2067
        assert error["message"] == "UNIQUE constraint failed: users.name"

    def test_an_unknown_column_has_its_place(self, users: Any) -> None:
        error = users("return failure(() => db.prepare('SELECT nope FROM users').all())")
        assert (error["message"], error["code"], error["offset"]) == ("no such column: nope", "SQLITE_ERROR", 7)

    def test_places_are_counted_as_javascript_counts(self, users: Any) -> None:
        sql = "SELECT '🦊🦊'; SELECT nope FROM users"
        found = users("const { error } = await db.script(sql); return [error.offset, sql.slice(error.offset)]", sql=sql)
        assert found[1] == "nope FROM users"

    @pytest.mark.parametrize(
        ("body", "name", "message"),
        [
            ("db.prepare('SELECT ?').get()", "RangeError", "the statement takes 1 parameter, 0 given"),
            ("db.prepare('SELECT ?, ?').get(1)", "RangeError", "the statement takes 2 parameters, 1 given"),
            ("db.prepare('SELECT 1').get(1)", "RangeError", "the statement takes 0 parameters, 1 given"),
            ("db.prepare('SELECT :a').get({ b: 1 })", "RangeError", 'missing named parameter "a"'),
            ("db.prepare('SELECT ?').get({ a: 1 })", "RangeError", "parameter 1 has no name"),
            ("db.prepare('SELECT ?').get(new Date())", "TypeError", "parameter 1 cannot be bound"),
            ("db.prepare('SELECT :a').get({ a: 1, b: 1 })", "RangeError", 'unknown named parameter "b"'),
            ("db.prepare('SELECT ?').get([[1]])", "TypeError", "parameter 1 cannot be bound"),
            ("db.prepare('SELECT ?').get(() => 1)", "TypeError", "a value cannot be sent to the database"),
            ("db.prepare('SELECT ?').get(2n ** 63n)", "RangeError", "the BigInt does not fit 64 bits"),
            ("db.prepare('').get()", "SqliteError", "contains no statement"),
            ("db.prepare('SELECT 1; SELECT 2').get()", "SqliteError", "more than one statement"),
            ("(async () => db.prepare(7))()", "TypeError", "SQL must be a string"),
            ("db.transaction(1)", "TypeError", "transaction() takes a function"),
            ("db.import('no such url at all\\0')", "Error", ""),
            ("turso.connect(7)", "TypeError", "a database is a name, a URL, a Blob or a FileSystemFileHandle"),
            ("turso.connect('/')", "SqliteError", "unable to open database file"),
            ("turso.connect('not there.db', { create: false })", "SqliteError", "unable to open database file"),
        ],
    )
    def test_misuse(self, users: Any, body: str, name: str, message: str) -> None:
        error = users(f"return failure(async () => {body})")
        assert error is not None, "it was accepted"
        assert message in error["message"]
        assert error["name"] == name or (name == "Error" and error["name"])

    def test_the_database_works_after_an_error(self, users: Any) -> None:
        found = users("""
            await failure(() => db.exec('INSERT INTO users(id) VALUES (1)'));
            await failure(() => db.exec('SELEKT'));
            return db.prepare('SELECT count(*) FROM users').pluck().get();
        """)
        assert found == 3

    def test_what_is_closed_or_finalized_says_so(self, js: Any) -> None:
        found = js("""
            const db = await turso.connect(':memory:');
            const statement = db.prepare('SELECT 1');
            await statement.get();
            statement.finalize();
            statement.finalize();
            const errors = [await failure(() => statement.get())];
            const other = db.prepare('SELECT 1');
            await db.close();
            await db.close();
            errors.push(await failure(() => db.exec('SELECT 1')), await failure(() => other.get()));
            return [db.open, ...errors.map(({ message, code }) => message + ', ' + code)];
        """)
        assert found == [
            False,
            "the statement has been finalized, SQLITE_MISUSE",
            "the database is closed, SQLITE_MISUSE",
            "the database is closed, SQLITE_MISUSE",
        ]

    def test_one_statement_cannot_run_twice_at_once(self, users: Any) -> None:
        found = users("""
            const statement = db.prepare('SELECT id FROM users ORDER BY id').pluck();
            await db.exec('CREATE TABLE n(i)');
            for (let i = 0; i < 16; i++) await db.exec(i ? 'INSERT INTO n SELECT i FROM n' : 'INSERT INTO n VALUES (1)');
            const long = db.prepare('SELECT i FROM n').pluck();
            const rows = long.iterate();
            await rows.next();
            const error = await failure(() => long.all());
            let n = 1;
            for await (const row of rows) n++;
            return [error.message, error.code, n];
        """)
        assert found == ["the statement is being iterated already", "SQLITE_LOCKED", 32768]


class TestTransactions:
    def test_commit_and_rollback(self, users: Any) -> None:
        found = users("""
            const add = db.transaction(async (tx, name, fail) => {
                await tx.prepare('INSERT INTO users(name) VALUES (?)').run(name);
                if (fail) throw new Error('no');
                return name;
            });
            const result = await add('Cy', false);
            const error = await failure(() => add('Di', true));
            return [result, error.message, await db.prepare('SELECT name FROM users WHERE id > 3').pluck().all(), await db.status()];
        """)
        assert found[:3] == ["Cy", "no", ["Cy"]]
        assert found[3]["inTransaction"] is False

    def test_others_wait_until_it_is_over(self, users: Any) -> None:
        found = users("""
            const order = [];
            const slow = db.transaction(async (tx) => {
                await tx.run("INSERT INTO users(name) VALUES ('tx')");
                await new Promise((resolve) => setTimeout(resolve, 50));
                order.push('transaction');
                throw new Error('back');
            });
            const running = slow().catch(() => undefined);
            await db.run("INSERT INTO users(name) VALUES ('outside')");
            order.push('outside');
            await running;
            return [order, await db.prepare('SELECT name FROM users WHERE id > 3').pluck().all()];
        """)
        assert found == [["transaction", "outside"], ["outside"]]

    def test_inner_ones_are_savepoints(self, users: Any) -> None:
        found = users("""
            await db.transaction(async (tx) => {
                await tx.run("INSERT INTO users(name) VALUES ('outer')");
                await tx.transaction(async (inner) => {
                    await inner.run("INSERT INTO users(name) VALUES ('inner')");
                    throw new Error('back');
                })().catch(() => undefined);
            }).immediate();
            return db.prepare('SELECT name FROM users WHERE id > 3').pluck().all();
        """)
        assert found == ["outer"]

    def test_its_handle_is_useless_afterwards(self, users: Any) -> None:
        error = users(
            "let kept; await db.transaction((tx) => { kept = tx; })(); return failure(() => kept.exec('SELECT 1'))"
        )
        assert error["message"] == "the transaction is over"


class TestStopping:
    ENDLESS = "SELECT a.i FROM n a, n b, n c, n d, n e, n f WHERE a.i + b.i + c.i + d.i > 1000"
    FILL = "CREATE TABLE n(i); INSERT INTO n VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10);" + (
        "INSERT INTO n SELECT a.i FROM n a, n b;"
    )

    def test_a_signal_stops_a_query(self, users: Any) -> None:
        found = users(
            """await db.exec(fill);
            const started = performance.now();
            const error = await failure(() => db.prepare(sql).signal(AbortSignal.timeout(200)).get());
            return [error.name, performance.now() - started, await db.prepare('SELECT 1').pluck().get()];""",
            sql=self.ENDLESS,
            fill=self.FILL,
        )
        assert found[0] == "TimeoutError"
        assert found[1] < 5000
        assert found[2] == 1

    def test_a_signal_that_fired_before(self, users: Any) -> None:
        assert (
            users("return failure(() => db.prepare('SELECT 1').signal(AbortSignal.abort()).get())")["name"]
            == "AbortError"
        )

    def test_interrupt_stops_everything_of_the_database(self, users: Any) -> None:
        found = users(
            """await db.exec(fill);
            setTimeout(() => db.interrupt(), 100);
            const both = [db.prepare(sql).get(), db.prepare(sql).get()];
            return (await Promise.allSettled(both)).map(({ reason }) => reason.code + ' ' + reason.message);""",
            sql=self.ENDLESS,
            fill=self.FILL,
        )
        assert found == ["SQLITE_INTERRUPT interrupted"] * 2

    @pytest.mark.parametrize(
        "write",
        [
            "INSERT INTO copy SELECT a.i FROM n a, n b, n c, n d, n e",
            "UPDATE copy SET i = 0 FROM n a, n b, n c, n d, n e WHERE a.i + b.i + c.i + d.i > 1000 OR copy.i = a.i",
            "CREATE TABLE more AS SELECT a.i FROM n a, n b, n c, n d, n e",
        ],
    )
    def test_a_signal_stops_a_write_and_undoes_it(self, users: Any, write: str) -> None:
        found = users(
            """await db.exec(fill + 'CREATE TABLE copy(i); INSERT INTO copy VALUES (1), (2)');
            const started = performance.now();
            const error = await failure(() => db.prepare(sql).signal(AbortSignal.timeout(200)).run());
            const left = await db.prepare('SELECT sum(i), count(*), (SELECT count(*) FROM sqlite_schema) FROM copy').raw().get();
            return [error.name, performance.now() - started, left];""",
            sql=write,
            fill=self.FILL,
        )
        assert found[0] == "TimeoutError"
        assert found[1] < 5000
        assert found[2] == [3, 2, 4]

    def test_others_on_the_file_wait_for_a_long_write(self, js: Any) -> None:
        found = js(
            """const a = await turso.connect('long.db'), b = await turso.connect('long.db');
            try {
              await a.exec(fill + 'CREATE TABLE copy(i)');
              const order = [];
              const write = a.run('INSERT INTO copy SELECT a.i FROM n a, n b, n c').then(() => order.push('write'));
              const memory = await turso.connect(':memory:'); // opened, and heard, while the write goes on
              const others = [
                b.run('INSERT INTO copy VALUES (0)').then(() => order.push('another connection')),
                memory.prepare('SELECT 1').get().then(() => order.push('another file')),
                b.exec('SELECT 1; INSERT INTO copy VALUES (0)'),
              ];
              await Promise.all([write, ...others]);
              await memory.close();
              return [order, await b.prepare('SELECT count(*) FROM copy').pluck().get()];
            } finally {
              await a.close();
              await b.close();
            }""",
            fill=self.FILL,
        )
        assert found == [["another file", "write", "another connection"], 110**3 + 2]

    def test_a_transaction_with_a_stopped_query_is_rolled_back(self, users: Any) -> None:
        found = users(
            """await db.exec(fill + 'CREATE TABLE copy(i)');
            const error = await failure(db.transaction(async (tx) => {
                await tx.run('INSERT INTO copy VALUES (1)');
                await tx.prepare(sql).signal(AbortSignal.timeout(200)).get();
            }));
            return [error.name, await db.prepare('SELECT count(*) FROM copy').pluck().get(), (await db.status()).inTransaction];""",
            sql=self.ENDLESS,
            fill=self.FILL,
        )
        assert found == ["TimeoutError", 0, False]

    def test_other_databases_answer_meanwhile(self, users: Any) -> None:
        found = users(
            """await db.exec(fill);
            const other = await turso.connect(':memory:');
            const controller = new AbortController();
            const long = failure(() => db.prepare(sql).signal(controller.signal).get());
            const started = performance.now();
            await other.prepare('SELECT 1').get();
            const waited = performance.now() - started;
            controller.abort();
            return [waited, (await long).name];""",
            sql=self.ENDLESS,
            fill=self.FILL,
        )
        assert found[0] < 2000
        assert found[1] == "AbortError"


class TestFiles:
    def test_export_is_a_file_that_sqlite_opens(self, js: Any, tmp_path: Path) -> None:
        raw = js("""
            const db = await turso.connect('export.db');
            await db.exec("CREATE TABLE IF NOT EXISTS t(a, b); DELETE FROM t; INSERT INTO t VALUES (1, 'é'), (2, x'0102')");
            const bytes = await db.export();
            await db.close();
            return [...bytes];
        """)
        content = bytes(raw)
        assert content[:16] == b"SQLite format 3\0"
        assert content[18:20] == b"\1\1"
        path = tmp_path / "export.db"
        path.write_bytes(content)
        connection = sqlite3.connect(path)
        assert connection.execute("SELECT * FROM t").fetchall() == [(1, "é"), (2, b"\1\2")]
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()

    @pytest.mark.parametrize("name", ["import.db", ":memory:"])
    @pytest.mark.parametrize("journal_mode", ["delete", "wal"])
    def test_import_replaces_everything(self, js: Any, tmp_path: Path, name: str, journal_mode: str) -> None:
        path = tmp_path / "made.db"
        connection = sqlite3.connect(path)
        connection.executescript(
            f"PRAGMA page_size = 1024; PRAGMA journal_mode = {journal_mode}; CREATE TABLE made(x); INSERT INTO made VALUES ('by sqlite'); "
            "CREATE INDEX by_x ON made(x)"
        )
        connection.close()
        found = js(
            """const db = await turso.connect(name);
            await db.exec('CREATE TABLE IF NOT EXISTS old(a)');
            const statement = db.prepare('SELECT name FROM sqlite_schema ORDER BY name').pluck();
            const before = await statement.all();
            await db.import(new Uint8Array(content));
            const after = await statement.all();
            await db.exec("INSERT INTO made VALUES ('by us')");
            const rows = await db.prepare('SELECT x FROM made').pluck().all();
            await db.close();
            if (name !== ':memory:') await turso.remove(name);
            return [before, after, rows];""",
            name=name,
            content=list(path.read_bytes()),
        )
        assert found == [["old"], ["by_x", "made"], ["by sqlite", "by us"]]

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            ([1], "SQLITE_NOTADB"),
            (list(b"not a database at all" * 200), "SQLITE_NOTADB"),
            (list(b"SQLite format 3\0" + b"\0" * 4080), "SQLITE_NOTADB"),
        ],
    )
    def test_import_refuses_what_is_no_database(self, js: Any, content: list[int], code: str) -> None:
        found = js(
            """const db = await turso.connect('refuse.db');
            await db.exec('CREATE TABLE IF NOT EXISTS keep(a); INSERT INTO keep VALUES (1)');
            const error = await failure(() => db.import(new Blob([new Uint8Array(content)])));
            const kept = await db.prepare('SELECT count(*) FROM keep').pluck().get();
            await db.close();
            await turso.remove('refuse.db');
            return [error.code, kept];""",
            content=content,
        )
        assert found == [code, 1]

    @pytest.mark.parametrize("name", ["empty.db", ":memory:"])
    def test_an_empty_database_goes_out_and_in(self, js: Any, name: str) -> None:
        found = js(
            """const db = await turso.connect(name);
            const nothing = await db.export();
            await db.exec('CREATE TABLE t(a)');
            await db.import(nothing);
            const tables = await db.all('SELECT name FROM sqlite_schema');
            await db.exec('CREATE TABLE u(a); INSERT INTO u VALUES (1)');
            const n = await db.prepare('SELECT count(*) FROM u').pluck().get();
            await db.close();
            await turso.remove(name);
            return [nothing.length, tables, n];""",
            name=name,
        )
        assert found == [0, [], 1]

    def test_import_refuses_half_a_file(self, js: Any, tmp_path: Path) -> None:
        path = tmp_path / "half.db"
        connection = sqlite3.connect(path)
        connection.executescript("CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(20000))")
        connection.close()
        whole = path.read_bytes()
        error = js(
            """const db = await turso.connect(':memory:');
            const error = await failure(() => db.import(new Uint8Array(content)));
            await db.close();
            return error;""",
            content=list(whole[: len(whole) // 2]),
        )
        assert error["code"] == "SQLITE_CORRUPT"

    def test_not_within_a_transaction(self, users: Any) -> None:
        found = users("""
            await db.exec('BEGIN');
            return [await failure(() => db.export()), await failure(() => db.import(new Blob(['x'])))].map(({ message }) => message);
        """)
        assert found == ["cannot export within a transaction", "cannot import within a transaction"]

    def test_list_and_remove(self, js: Any) -> None:
        found = js("""
            const db = await turso.connect('listed.db');
            await db.exec('CREATE TABLE t(a)');
            const open = await turso.list();
            await db.close();
            await turso.remove('listed.db');
            return [open.includes('listed.db'), (await turso.list()).includes('listed.db')];
        """)
        assert found == [True, False]

    def test_a_readonly_connection_refuses_to_write(self, js: Any) -> None:
        found = js("""
            let db = await turso.connect('readonly.db');
            await db.exec('CREATE TABLE IF NOT EXISTS t(a); INSERT INTO t VALUES (1)');
            await db.close();
            db = await turso.connect('readonly.db', { readonly: true });
            const error = await failure(() => db.exec('DELETE FROM t'));
            const rows = await db.all('SELECT a FROM t');
            await db.close();
            return [error.code, rows.length > 0];
        """)
        assert found == ["SQLITE_READONLY", True]

    def test_folders_and_unicode_in_names(self, js: Any) -> None:
        found = js("""
            const db = await turso.connect('some folder/naïve 🦊.db');
            await db.exec('CREATE TABLE IF NOT EXISTS t(a)');
            await db.close();
            const again = await turso.connect('some folder/naïve 🦊.db', { create: false });
            const names = await again.prepare('SELECT name FROM sqlite_schema').pluck().all();
            await again.close();
            return names;
        """)
        assert found == ["t"]


def test_a_script_gives_the_result_of_each_statement(users: Any) -> None:
    found = users("""
        const { results, error } = await db.script(
            "SELECT id FROM users ORDER BY id; UPDATE users SET age = 0; SELECT * FROM nope; SELECT 1", { limit: 2 });
        return [results.map(({ kind, columns, rows, rowCount, truncated, changes }) => ({ kind, columns, rows, rowCount, truncated, changes })),
                error.message];
    """)
    assert found[0][0] == {
        "kind": "select",
        "columns": ["id"],
        "rows": [[1], [2]],
        "rowCount": 3,
        "truncated": True,
        "changes": 0,
    }
    assert (found[0][1]["kind"], found[0][1]["changes"]) == ("update", 3)
    assert len(found[0]) == 2
    assert found[1] == "no such table: nope"


def test_triggers_nest_as_deep_as_they_may(users: Any) -> None:
    """The engine's stack is smaller in a worker."""
    found = users("""
        await db.exec(`PRAGMA recursive_triggers = ON; CREATE TABLE n(a, b, c, x); INSERT INTO n VALUES ('a', 'b', 'c', 0);
            CREATE TRIGGER up AFTER UPDATE ON n WHEN new.x < 1000 BEGIN UPDATE n SET a = a || x, b = lower(b), c = new.c, x = x + 1; END`);
        await db.prepare('UPDATE n SET x = 1').run();
        const reached = await db.prepare('SELECT x FROM n').pluck().get();
        const error = await db.prepare('UPDATE n SET x = -1').run().catch((e) => e.message);
        return [reached, error, await db.prepare('SELECT x FROM n').pluck().get()];
    """)
    assert found == [1000, "triggers nested too deep", 1000]


def test_pragma(users: Any) -> None:
    found = users(
        "return [await db.pragma('user_version = 7'), await db.pragma('user_version', { simple: true }), await db.pragma('user_version')]"
    )
    assert found == [[], 7, [{"user_version": 7}]]


def test_assets_that_are_not_there_are_named(js: Any) -> None:
    errors = js("""
        const nowhere = location.origin + '/nowhere/';
        return [await failure(() => turso.connect(':memory:', { assets: nowhere })),
                await failure(() => turso.connect(':memory:', { pyodide: nowhere }))].map(({ message }) => message);
    """)
    assert "/nowhere/kernel.wasm could not be fetched: HTTP status 404" in errors[0]
    assert "Pyodide could not be loaded from" in errors[1]
    assert "/nowhere/pyodide.mjs" in errors[1]


def test_explain_analyze(users: Any) -> None:
    found = users("return db.prepare('EXPLAIN ANALYZE SELECT name FROM users WHERE age > ?').all(5)")
    assert [(row["detail"], row["loops"], row["visited"], row["rows"]) for row in found] == [
        ("SELECT", 1, 1, 1),
        ("SCAN users", 1, 3, 1),
    ]
    assert all(0 <= row["ms"] < 60_000 for row in found)
