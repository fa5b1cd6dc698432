"""Scripts of changes: keys of every kind with chains of upserts, and a schema that changes within savepoints."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

CONFLICTS = ("", "", "", "", "OR IGNORE ", "OR REPLACE ", "OR FAIL ", "OR ABORT ", "OR ROLLBACK ")


class Keys:
    """A table with a composite key and several unique indexes, with or without rowids, STRICT or not, beside one in an
    attached database: upserts in chains, UPDATE FROM, REPLACE, RETURNING.
    """

    INDEXES = (
        "UNIQUE INDEX {} ON t(c)",
        "UNIQUE INDEX {} ON t(c, d)",
        "UNIQUE INDEX {} ON t(d) WHERE c > 2",
        "INDEX {} ON t(d, c)",
        "UNIQUE INDEX {} ON t(lower(e))",
        "INDEX {} ON t(e COLLATE NOCASE) WHERE d IS NOT NULL",
        "UNIQUE INDEX {} ON t(c DESC, e)",
        "INDEX {} ON t(g)",
        "UNIQUE INDEX {} ON t(c + d)",
        "UNIQUE INDEX {} ON t(e COLLATE RTRIM)",
    )

    def __init__(self, random: Random) -> None:
        self.random = random
        self.targets: list[str] = []

    def schema(self) -> Iterator[str]:
        """The tables and their indexes."""
        choice = self.random.choice
        yield f"PRAGMA foreign_keys = {self.random.randrange(2)}"
        yield f"PRAGMA recursive_triggers = {self.random.randrange(2)}"
        yield "ATTACH ':memory:' AS other"
        strict = choice(("", "", "STRICT"))
        key = choice(
            (
                "PRIMARY KEY (a, b)",
                "PRIMARY KEY (a, b DESC)",
                "PRIMARY KEY (b COLLATE NOCASE, a)",
                "PRIMARY KEY (a)",
                "UNIQUE (a, b)",
            )
        )
        key += choice(("", "", "", " ON CONFLICT REPLACE", " ON CONFLICT IGNORE"))
        rowid = choice(("", "WITHOUT ROWID")) if key.startswith("PRIMARY") else ""
        generated = choice(
            ("", ", g INT AS (c * 2)", ", g TEXT AS (e || d) STORED", ", g ANY AS (a) UNIQUE", ", g INT AS (c) STORED")
        )
        if "ANY" in generated and not strict:
            generated = generated.replace("ANY ", "")
        not_null = choice(
            ("", " NOT NULL", " NOT NULL DEFAULT 4", " NOT NULL ON CONFLICT REPLACE DEFAULT 5", " DEFAULT 3")
        )
        check = choice(("", "", ", CHECK (c <> 7)", ", CHECK (d IS NULL OR d < 50)"))
        tail = ", ".join(each for each in (rowid, strict) if each)
        columns = f"a INT{choice(('', ' NOT NULL'))}, b TEXT, c INT{not_null}, d INTEGER, e TEXT{generated}"
        yield f"CREATE TABLE t({columns}{check}, {key}) {tail}"
        self.targets = ["(a, b)", "(a)", "(b COLLATE NOCASE, a)"]
        for at, index in enumerate(self.random.sample(self.INDEXES, choice((0, 1, 2, 3)))):
            if "(g)" in index and not generated:
                continue
            yield f"CREATE {index.format(f'i{at}')}"
            if index.startswith("UNIQUE"):
                self.targets.append(index.partition(" ON t")[2].replace(" DESC", ""))
        reference = choice(
            (
                "",
                "",
                ", FOREIGN KEY (a, b) REFERENCES t(a, b) ON DELETE CASCADE ON UPDATE CASCADE"
                " DEFERRABLE INITIALLY DEFERRED",
            )
        )
        yield f"CREATE TABLE u(a INT, b TEXT, n INT DEFAULT 1{reference})"
        yield "CREATE TABLE other.o(a, b, c, d, e)"
        yield "CREATE TABLE log(x)"
        if self.random.random() < 0.4:
            event, row = choice((("INSERT", "new"), ("DELETE", "old"), ("UPDATE", "new"), ("UPDATE OF c", "old")))
            time = choice(("BEFORE", "AFTER"))
            body = choice(
                (
                    f"INSERT INTO log VALUES ('{time} {event} ' || {row}.a || ifnull({row}.c, '-'))",
                    f"UPDATE u SET n = n + 1 WHERE a = {row}.a",
                    f"INSERT OR IGNORE INTO u(a, b) VALUES ({row}.a, {row}.b)",
                    f"SELECT RAISE(IGNORE) WHERE {row}.c = 3",
                )
            )
            yield f"CREATE TRIGGER r {time} {event} ON t BEGIN {body}; END"
        yield f"INSERT INTO other.o VALUES {', '.join(self.row() for _ in range(6))}"
        for _ in range(choice((1, 2, 4))):
            yield f"INSERT OR IGNORE INTO t(a, b, c, d, e) VALUES {self.row()}, {self.row()}"

    def row(self) -> str:
        choice = self.random.choice
        return (
            f"({choice('112234')}, {choice(('$x$', '$X$', '$y$', '$z $', '$z$', 'NULL'))},"
            f" {choice(('1', '2', '3', '5', '7', 'NULL'))},"
            f" {choice(('1', '2', '30', '60', 'NULL'))}, {choice(('$e$', '$E$', '$f$', '$f $', 'NULL'))})"
        ).replace("$", "'")

    def upserts(self) -> str:
        """A chain of ON CONFLICT."""
        choice = self.random.choice
        clauses = []
        targets = self.random.sample(self.targets, min(len(self.targets), choice((1, 1, 2, 3))))
        for at, target in enumerate(targets):
            last = at == len(targets) - 1
            shown = "" if last and self.random.random() < 0.3 else f" {target}"
            clauses.append(f" ON CONFLICT{shown} DO {choice(('NOTHING', self.update(), self.update()))}")
        return "".join(clauses)

    def update(self) -> str:
        choice = self.random.choice
        sets = (
            "c = excluded.c",
            "c = c + 1",
            "d = excluded.d + t.d",
            "e = excluded.e || t.e",
            "(c, d) = (excluded.d, excluded.c)",
            "a = a + 1",
            "b = 'u'",
            "d = (SELECT max(d) FROM t)",
            "c = excluded.rowid",
            "e = NULL",
            "c = NULL",
        )
        where = choice(("", "", " WHERE excluded.c > t.c", " WHERE t.d IS NOT NULL", " WHERE excluded.e <> 'e'"))
        return f"UPDATE SET {', '.join(self.random.sample(sets, choice((1, 1, 2))))}{where}"

    def statement(self) -> str:
        """A change of the tables, mostly of t."""
        choice, kind, number = self.random.choice, self.random.random(), self.random.randrange(1, 5)
        conflict = choice(CONFLICTS)
        returning = choice(("", "", "", " RETURNING a, b, c, d, e", " RETURNING *, (SELECT count(*) FROM log)"))
        where = choice(
            (
                "",
                f" WHERE a = {number}",
                f" WHERE c > {number}",
                " WHERE d IS NULL",
                " WHERE e = 'e' COLLATE NOCASE",
                f" WHERE (a, b) > ({number}, 'x')",
                " WHERE a IN (SELECT a FROM u)",
                f" WHERE b = 'x' AND a < {number}",
            )
        )
        if kind < 0.2:
            rows = ", ".join(self.row() for _ in range(choice((1, 1, 2, 3))))
            return f"INSERT {conflict}INTO t(a, b, c, d, e) VALUES {rows}{returning}"
        if kind < 0.45:
            rows = ", ".join(self.row() for _ in range(choice((1, 2, 3))))
            source = choice(
                (f"VALUES {rows}", f"VALUES {rows}", "SELECT * FROM other.o WHERE true ORDER BY 1, 2, 3, 4, 5")
            )
            return f"INSERT {choice(('', '', conflict))}INTO t(a, b, c, d, e) {source}{self.upserts()}{returning}"
        if kind < 0.65:
            sets = (
                "c = c + 1",
                "a = a + 1",
                "b = upper(b)",
                "(c, d) = (d, c)",
                "d = d * 2",
                "e = e || 'x'",
                "c = NULL",
                "(b, e) = (SELECT b, e FROM other.o ORDER BY 1, 2 LIMIT 1)",
                f"c = {number}",
                "a = NULL",
                "d = 'text'",
            )
            chosen = self.random.sample(sets, choice((1, 1, 2)))
            names = [name for each in chosen for name in each.partition(" = ")[0].strip("()").split(", ")]
            if len(set(names)) < len(names):
                chosen = chosen[:1]
            return f"UPDATE {conflict}t SET {', '.join(chosen)}{where}{returning}"
        if kind < 0.75:
            source, on = choice(
                (
                    ("other.o AS o", "o.a = t.a AND o.b = t.b"),
                    ("u AS o", "o.a = t.a"),
                    ("(SELECT max(c) AS c, a FROM t GROUP BY a) AS o", "o.a = t.a"),
                    ("other.o AS o JOIN u ON u.a = o.a", "o.a = t.a AND u.b = t.b"),
                )
            )
            value = choice(("o.a", "t.c + 1", "(SELECT count(*) FROM log)", "ifnull(t.d, 0) + o.a"))
            more = choice(("", " AND t.c < 5"))
            return f"UPDATE {conflict}t SET {choice('cd')} = {value} FROM {source} WHERE {on}{more}{returning}"
        if kind < 0.85:
            return choice(
                (
                    f"DELETE FROM t{where}{returning}",
                    f"DELETE FROM u WHERE n > {number}",
                    f"INSERT {conflict}INTO u(a, b) SELECT a, b FROM t{where} ORDER BY a, b",
                    f"INSERT INTO other.o SELECT a, b, c, d, e FROM t{where} ORDER BY a, b",
                    "DELETE FROM other.o WHERE c = 3",
                )
            )
        if kind < 0.93:
            return choice(
                (
                    f"SELECT a, b, c, d, e FROM t{where} ORDER BY a, b",
                    "SELECT * FROM t NATURAL JOIN other.o",
                    "SELECT count(*), sum(c), max(b) FROM t",
                    "SELECT x, count(*) FROM log GROUP BY x",
                    "SELECT t.a, u.n FROM t LEFT JOIN u USING (a, b) ORDER BY 1, 2",
                    f"SELECT a, b FROM t WHERE c = {number} OR d = {number}",
                )
            )
        return choice(
            (
                "BEGIN",
                "COMMIT",
                "ROLLBACK",
                "SAVEPOINT s",
                "SAVEPOINT q",
                "ROLLBACK TO s",
                "RELEASE s",
                "ROLLBACK TO q",
                "RELEASE q",
            )
        )


class Savepoints:
    """Tables, indexes, views and triggers that come and go within savepoints, in main, temp and an attached one."""

    PLACES = ("main", "main", "temp", "other")

    def __init__(self, random: Random) -> None:
        self.random = random

    def schema(self) -> Iterator[str]:
        """What is there first."""
        choice = self.random.choice
        yield f"PRAGMA auto_vacuum = {choice((0, 0, 1, 2))}"
        yield f"PRAGMA journal_mode = {choice(('delete', 'wal', 'memory', 'truncate', 'persist'))}"
        yield "ATTACH ':memory:' AS other"
        yield "CREATE TABLE t1(a INTEGER PRIMARY KEY, b, c)"
        yield "INSERT INTO t1 VALUES (1, 'x', 2), (2, 'y', 3), (5, NULL, zeroblob(3000))"
        yield "CREATE TABLE other.t2(a, b, c)"
        yield "CREATE TEMP TABLE t3(a, b UNIQUE, c DEFAULT 'd')"

    def table(self) -> str:
        """A table of any database, by its name alone or with the database's."""
        name = self.random.choice(("t1", "t1", "t2", "t3", "t4"))
        return self.random.choice(("", "", "main.", "temp.", "other.")) + name if self.random.random() < 0.3 else name

    def statement(self) -> str:
        """A change of rows or of the schema, or a step of the transactions."""
        choice, kind, number = self.random.choice, self.random.random(), self.random.randrange(1, 5)
        table, name = self.table(), choice(("t1", "t2", "t3", "t4"))
        place = choice(self.PLACES)
        if kind < 0.3:
            return choice(
                (
                    "BEGIN",
                    "BEGIN IMMEDIATE",
                    "COMMIT",
                    "ROLLBACK",
                    *(f"SAVEPOINT {each}" for each in "pqrpqr"),
                    *(f"ROLLBACK TO {each}" for each in "pqr"),
                    *(f"RELEASE {each}" for each in "pqr"),
                )
            )
        if kind < 0.55:
            return choice(
                (
                    f"INSERT INTO {table}(b, c) VALUES ({number}, 'z'), (hex(zeroblob({number * 700})), {number})",
                    f"INSERT OR {choice(('FAIL', 'IGNORE', 'REPLACE', 'ROLLBACK'))} INTO {table}"
                    f" VALUES ({number}, 'x', 1), ({number}, 'x', 2)",
                    f"UPDATE {table} SET c = c || 'x' WHERE a < {number}",
                    f"UPDATE {table} SET b = {number}",
                    f"DELETE FROM {table} WHERE a = {number}",
                    f"DELETE FROM {table}",
                    f"INSERT INTO {table}(a, b, c) SELECT a + 10, b, c FROM {self.table()} ORDER BY a, b LIMIT 4",
                )
            )
        if kind < 0.8:
            return choice(
                (
                    f"CREATE TABLE {choice(('', 'IF NOT EXISTS '))}{place}.{name}"
                    f"(a, b, c{choice(('', ' UNIQUE', ', CHECK (a < 100)'))})",
                    f"CREATE TABLE {place}.{name} AS SELECT a, b, c FROM {table} ORDER BY a, b",
                    f"DROP TABLE {choice(('', 'IF EXISTS '))}{table}",
                    f"CREATE {choice(('', 'UNIQUE '))}INDEX {place}.i{number} ON {name}"
                    f"({choice(('a', 'b, c', 'c DESC'))})",
                    f"DROP INDEX {choice(('', 'IF EXISTS '))}i{number}",
                    f"CREATE VIEW {place}.v{number} AS SELECT b, count(*) AS n FROM {table} GROUP BY b",
                    f"DROP VIEW {choice(('', 'IF EXISTS '))}v{number}",
                    f"CREATE {choice(('', 'TEMP '))}TRIGGER r{number} AFTER"
                    f" {choice(('INSERT', 'DELETE', 'UPDATE'))} ON {name}"
                    f" BEGIN UPDATE {choice(('t1', 't2', 't3'))} SET c = {number} WHERE a = {number}; END",
                    f"DROP TRIGGER {choice(('', 'IF EXISTS '))}r{number}",
                    f"ALTER TABLE {table} RENAME TO {choice(('t1', 't4', 't5'))}",
                    f"ALTER TABLE {table} RENAME {choice('abc')} TO {choice('abcd')}",
                    f"ALTER TABLE {table} ADD {choice('de')} {choice(('', 'INT DEFAULT 5', 'AS (a + 1)', 'NOT NULL'))}",
                    f"ALTER TABLE {table} DROP {choice('bcd')}",
                    f"REINDEX {table}",
                    f"PRAGMA {choice(('user_version', 'application_id'))} = {number}",
                    "PRAGMA incremental_vacuum(1)",
                )
            )
        if kind < 0.83:
            return choice(
                (
                    "VACUUM",
                    "DETACH other",
                    "ATTACH ':memory:' AS other",
                    "ANALYZE",
                    "PRAGMA journal_mode = wal",
                    "PRAGMA integrity_check",
                )
            )
        return choice(
            (
                f"SELECT * FROM {table} ORDER BY 1, 2, 3",
                f"SELECT count(*), max(a), min(b) FROM {table}",
                f"SELECT type, name, tbl_name, sql FROM {place}.sqlite_schema ORDER BY name",
                f"SELECT * FROM v{number} ORDER BY 1, 2",
                f"SELECT x.a, y.b FROM {table} x JOIN {self.table()} y ON x.a = y.a ORDER BY 1, 2",
                "SELECT changes(), total_changes() > 0, last_insert_rowid()",
                "PRAGMA user_version",
                f"PRAGMA table_info({name})",
                f"PRAGMA index_list({name})",
            )
        )
