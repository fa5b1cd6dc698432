"""Scripts about one virtual table: full texts (FTS5, FTS4), boxes and polygons; changes, queries, transactions."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tests.fuzz.dense import TRANSACTIONS

WORDS = ("red", "Green", "blues", "naïve", "running", "run", "a", "x1", "über", "the", "red-hot", "10")


class Searched:
    """A table of texts named f. CONDITIONS: how a query of SEARCHES is put to it."""

    SEARCHES: tuple[str, ...]
    CONDITIONS: tuple[str, ...]

    def __init__(self, random: Random) -> None:
        self.random = random

    def words(self) -> str:
        return " ".join(self.random.choice(WORDS) for _ in range(self.random.choice((0, 1, 2, 3, 5, 9))))

    def search(self) -> str:
        text = self.random.choice(self.SEARCHES).format(*self.random.sample(WORDS[:-2], 2))
        return self.random.choice(self.CONDITIONS).format(text)


class Texts(Searched):
    """A table of FTS5 with some options, beside its vocabulary, an outside content table, ranks."""

    OPTIONS = (
        "",
        "",
        "prefix = '1 2'",
        "prefix = 2",
        "detail = column",
        "detail = none",
        "columnsize = 0",
        "tokenize = porter",
        "tokenize = 'unicode61 remove_diacritics 0'",
        'tokenize = "ascii"',
        "tokenize = trigram",
        "content = ''",
        "content = '', contentless_delete = 1",
        "content = 'c', content_rowid = 'id'",
        "b UNINDEXED",
    )
    SEARCHES = (
        "{}",
        "{}",
        "{} {}",
        "{} OR {}",
        "{} NOT {}",
        '"{} {}"',
        "{} AND {}",
        "NEAR({} {}, 2)",
        "NEAR({} {})",
        "{:.2}*",
        "{:.1}*",
        "a : {}",
        "^{}",
        "{} + {}",
        "- b : {}",
        "({} OR {}) NOT run",
        "",
        '"',
        "{{a b}} : {}",
        "{} AND ({} OR run)",
        "^ {} + {}",
        "a : {} AND b : {}",
        '"{}" * ',
        "nosuch : {}",
        "NEAR({} {} run, 3)",
        "({}",
        "AND {}",
        "{} {} OR run",
    )
    SHOWN = (
        "highlight(f, 0, '<', '>')",
        "highlight(f, 1, '[', ']')",
        "snippet(f, -1, '[', ']', '..', 3)",
        "snippet(f, 0, '', '', '~', 2)",
        "round(bm25(f), 6)",
        "round(bm25(f, 10.0, 0.5), 6)",
        "round(rank, 6)",
        "a",
        "b",
        "length(a)",
        "f.rowid % 2",
    )

    CONDITIONS = ("f MATCH '{}'", "f MATCH '{}'", "f = '{}'", "a MATCH '{}'")

    def schema(self) -> Iterator[str]:
        """The table; its content, if that lies elsewhere; what lists its terms."""
        option = self.random.choice(self.OPTIONS)
        columns = "a, b UNINDEXED" if option == "b UNINDEXED" else f"a, b{', ' if option else ''}{option}"
        self.is_outside = "'c'" in option
        self.is_contentless = "''" in option and "tokenize" not in option
        yield "CREATE TABLE c(id INTEGER PRIMARY KEY, a, b)"
        for number in range(self.random.randrange(6)):
            yield f"INSERT INTO c VALUES ({number + 1}, '{self.words()}', '{self.words()}')"
        yield f"CREATE VIRTUAL TABLE f USING fts5({columns})"
        self.is_listed = self.random.random() < 0.5
        if self.is_listed:
            kind = self.random.choice(("row", "col", "col" if "none" in option else "instance"))
            yield f"CREATE VIRTUAL TABLE v USING fts5vocab(f, {kind})"

    def statement(self) -> str:
        """A change, a query, a command, or a step of the transaction."""
        choice, kind, number = self.random.choice, self.random.random(), self.random.randrange(1, 12)
        conflict = choice(("", "", " OR REPLACE", " OR IGNORE", " OR FAIL"))
        found = self.search()
        if kind < 0.3:
            return choice(
                (
                    f"INSERT{conflict} INTO f(rowid, a, b) VALUES ({number}, '{self.words()}', '{self.words()}')",
                    f"INSERT INTO f(a, b) VALUES ('{self.words()}', {choice(('NULL', '7', '1.5'))}),"
                    f" ('{self.words()}', 'red')",
                    f"INSERT INTO f(a) SELECT a || ' ' || b FROM c WHERE id < {number}",
                    "REPLACE INTO f(rowid, a, b) SELECT id, a, b FROM c",
                    f"INSERT INTO c(a, b) VALUES ('{self.words()}', '{self.words()}')",
                )
            )
        if kind < 0.45:
            return choice(
                (
                    f"UPDATE{conflict} f SET {choice('ab')} = '{self.words()}'"
                    f" WHERE {choice((found, f'rowid = {number}'))}",
                    f"UPDATE{conflict} f SET rowid = rowid + {choice((1, 100, -1))} WHERE rowid = {number}",
                    f"UPDATE f SET a = b, b = a WHERE rowid < {number}",
                    f"DELETE FROM f WHERE {choice((found, f'rowid > {number}', f'rowid = {number}'))}",
                    "DELETE FROM f",
                    f"UPDATE c SET a = '{self.words()}' WHERE id = {number}",
                )
            )
        if kind < 0.85:
            tail = choice(
                (
                    "",
                    " ORDER BY rowid",
                    " ORDER BY rowid DESC",
                    " ORDER BY rank, rowid",
                    " ORDER BY round(bm25(f), 6), rowid",
                )
            )
            limit = choice(("", " LIMIT 3", " LIMIT 2 OFFSET 1")) if "rowid" in tail else ""
            shown = ", ".join(self.random.sample(self.SHOWN, 2))
            more = choice(
                ("", "", f" AND rowid > {number}", f" AND rowid = {number}", f" AND a LIKE '%{choice(WORDS)}%'")
            )
            return choice(
                (
                    f"SELECT rowid, {shown} FROM f WHERE {found}{more}{tail}{limit}",
                    f"SELECT rowid, {shown} FROM f WHERE {found}{more}{tail}{limit}",
                    f"SELECT count(*), min(rowid), max(rowid) FROM f WHERE {found}{more}",
                    f"SELECT rowid, * FROM f{choice(('', f' WHERE rowid = {number}'))} ORDER BY rowid",
                    f"SELECT c.id, f.rowid FROM c JOIN f ON f.rowid = c.id WHERE {found} ORDER BY 1",
                    "SELECT c.id, (SELECT count(*) FROM f WHERE f MATCH c.b) FROM c WHERE c.b IN ('red', 'run', 'a')",
                    f"SELECT id FROM c WHERE id IN (SELECT rowid FROM f WHERE {found}) ORDER BY id",
                    f"SELECT rowid FROM f WHERE {found} OR rowid = {number}",
                    f"SELECT rowid FROM f WHERE {found} UNION SELECT rowid FROM f WHERE {self.search()}",
                    f"SELECT rowid FROM f('{choice(WORDS[:-2])}') ORDER BY rowid",
                    "SELECT * FROM v ORDER BY 1, 2, 3, 4",
                    f"SELECT * FROM v WHERE term {choice(('=', '>', '<='))} '{choice(WORDS)}' ORDER BY 1, 2, 3, 4",
                )
            )
        if kind < 0.93:
            command = choice(("optimize", "rebuild", "integrity-check", "merge", "nosuch", "delete-all", "flush"))
            return choice(
                (
                    f"INSERT INTO f(f) VALUES ('{command}')",
                    f"INSERT INTO f(f, rank) VALUES ('merge', {choice((1, -4, 16))})",
                    f"INSERT INTO f(f, rank) VALUES"
                    f" ('{choice(('pgsz', 'automerge', 'crisismerge', 'usermerge'))}', {choice((2, 4, 64))})",
                    "INSERT INTO f(f, rank) VALUES ('rank', 'bm25(2.0, 1.0)')",
                    f"INSERT INTO f(f, rowid, a, b) SELECT 'delete', id, a, b FROM c WHERE id = {number}",
                    "SELECT last_insert_rowid(), changes()",
                )
            )
        renames = () if self.is_listed else ("ALTER TABLE f RENAME TO g", "ALTER TABLE g RENAME TO f")
        return choice((*TRANSACTIONS, *renames))


class OldTexts(Searched):
    """A table of FTS4."""

    OPTIONS = (
        "",
        "",
        ", prefix='1,2'",
        ", order=desc",
        ", tokenize=porter",
        ", tokenize=unicode61",
        ", matchinfo=fts3",
        ", notindexed=b",
        ", content=''",
        ", content='c'",
        ", languageid=l",
    )
    SEARCHES = (
        "{}",
        "{}",
        "{} {}",
        "{} OR {}",
        '"{} {}"',
        "{} AND {}",
        "{} NEAR {}",
        "{} NEAR/2 {}",
        "a:{}",
        "b:{}",
        "{:.2}*",
        "{} {:.1}*",
        "({} NOT {}) OR a",
        "{} NOT {}",
        "^{}",
        '"{} *"',
        "a:{} b:{}",
        "",
        "({}",
        "{} NEAR {} NEAR run",
        "({} OR {}) AND run",
    )
    SHOWN = (
        "offsets(f)",
        "snippet(f)",
        "snippet(f, '[', ']', '..', -1, 3)",
        "snippet(f, '<', '>', '~', 0, -5)",
        "quote(matchinfo(f))",
        "quote(matchinfo(f, 'pcnals'))",
        "quote(matchinfo(f, 'pcxybs'))",
        "a",
        "b",
        "length(a)",
    )

    CONDITIONS = ("f MATCH '{}'", "f MATCH '{}'", "a MATCH '{}'", "b MATCH '{}'")

    def schema(self) -> Iterator[str]:
        """The table; a plain one beside it. (Not fts4aux: what SQLite has not flushed yet it does not list.)"""
        module = self.random.choice(("fts4", "fts4", "fts3"))
        option = self.random.choice(self.OPTIONS) if module == "fts4" else ""
        self.commands = ("optimize", "rebuild", "integrity-check", "nosuch")
        if module == "fts4":  # FTS3 would make a table for them
            self.commands += ("merge=2,3", "automerge=4")
        yield "CREATE TABLE c(a, b)"
        for _ in range(self.random.randrange(5)):
            yield f"INSERT INTO c VALUES ('{self.words()}', '{self.words()}')"
        yield f"CREATE VIRTUAL TABLE f USING {module}(a, b{option})"

    def statement(self) -> str:
        """A change, a query, a command, or a step of the transaction."""
        choice, kind, number = self.random.choice, self.random.random(), self.random.randrange(1, 12)
        conflict = choice(("", "", " OR REPLACE", " OR IGNORE", " OR FAIL"))
        found = self.search()
        if kind < 0.3:
            return choice(
                (
                    f"INSERT{conflict} INTO f(docid, a, b) VALUES ({number}, '{self.words()}', '{self.words()}')",
                    f"INSERT{conflict} INTO f(rowid, a, b) VALUES ({number}, '{self.words()}', 7),"
                    f" ({number + 1}, NULL, 'red')",
                    f"INSERT INTO f(a, b) VALUES ('{self.words()}', {choice(('NULL', '7', '1.5'))})",
                    "INSERT INTO f(docid, a, b) SELECT rowid, a, b FROM c",
                )
            )
        if kind < 0.45:
            return choice(
                (
                    f"UPDATE{conflict} f SET {choice('ab')} = '{self.words()}'"
                    f" WHERE {choice((found, f'rowid = {number}'))}",
                    f"UPDATE{conflict} f SET docid = docid + {choice((1, 100))} WHERE docid = {number}",
                    f"UPDATE f SET a = b, b = a WHERE docid < {number}",
                    f"DELETE FROM f WHERE {choice((found, f'rowid > {number}', f'docid = {number}'))}",
                    "DELETE FROM f",
                )
            )
        if kind < 0.87:
            tail = choice(("", " ORDER BY docid", " ORDER BY docid DESC"))
            limit = choice(("", " LIMIT 3", " LIMIT 2 OFFSET 1")) if tail else ""
            shown = ", ".join(self.random.sample(self.SHOWN, 2))
            more = choice(
                ("", "", f" AND docid > {number}", f" AND docid = {number}", f" AND a LIKE '%{choice(WORDS)}%'")
            )
            return choice(
                (
                    f"SELECT docid, {shown} FROM f WHERE {found}{more}{tail}{limit}",
                    f"SELECT docid, {shown} FROM f WHERE {found}{more}{tail}{limit}",
                    f"SELECT count(*), min(docid), max(docid) FROM f WHERE {found}{more}",
                    f"SELECT docid, * FROM f{choice(('', f' WHERE docid = {number}'))} ORDER BY docid",
                    f"SELECT c.rowid, f.docid FROM c JOIN f ON f.docid = c.rowid WHERE {found} ORDER BY 1",
                    f"SELECT rowid FROM c WHERE rowid IN (SELECT docid FROM f WHERE {found}) ORDER BY 1",
                )
            )
        if kind < 0.93:
            return choice(
                (
                    f"INSERT INTO f(f) VALUES ('{choice(self.commands)}')",
                    "SELECT last_insert_rowid(), changes()",
                )
            )
        return choice((*TRANSACTIONS, "ALTER TABLE f RENAME TO g", "ALTER TABLE g RENAME TO f"))


class Boxes:
    """An R*Tree of one to three dimensions with columns beside, or polygons."""

    POLYGONS = (
        "'[[0,0],[4,0],[4,4],[0,4],[0,0]]'",
        "'[[2,2],[6,2],[6,6],[2,2]]'",
        "'[[1,1],[2,1],[2,2],[1,1]]'",
        "geopoly_regular(3, 3, 2, 6)",
        "geopoly_regular(10, 10, 1, 3)",
        "'[[0,0],[1,0],[1,1]]'",
        "NULL",
        "'nonsense'",
        "geopoly_xform('[[0,0],[1,0],[1,1],[0,0]]', 2, 0, 0, 2, 5, 5)",
        "geopoly_ccw('[[0,0],[0,3],[3,3],[0,0]]')",
    )
    VALUES = ("0", "1", "2", "3.5", "-4", "10", "7.25", "'5'", "'x'", "NULL", "1e10", "16777217", "0.1")

    def __init__(self, random: Random) -> None:
        self.random = random
        self.columns: tuple[str, ...] = ()

    def schema(self) -> Iterator[str]:
        """The tree, and boxes to start with."""
        choice = self.random.choice
        if self.random.random() < 0.2:
            yield "CREATE VIRTUAL TABLE r USING geopoly(z, y)"
            for at in range(self.random.randrange(6)):
                yield f"INSERT INTO r(_shape, z) VALUES ({choice(self.POLYGONS[:5])}, {at})"
            return
        n = choice((1, 2, 2, 3))
        self.columns = tuple(f"{side}{at}" for at in range(n) for side in "lh")
        more = choice(("", "", ", +z", ", +z, +y TEXT"))
        self.n_more = more.count("+")
        module = choice(("rtree", "rtree", "rtree_i32"))
        yield f"CREATE VIRTUAL TABLE r USING {module}(id, {', '.join(self.columns)}{more})"
        yield f"INSERT INTO r {self.many(choice((0, 3, 60, 200)))}"

    def many(self, n: int) -> str:
        corners = ", ".join(f"i * {self.random.choice((7, 13, 31))} % 97 - 20, 1000" for _ in self.columns[::2])
        first = self.random.choice((1, 1, 20, 500))
        more = ", i % 5, 'n' || i"[: len(", i % 5") if self.n_more == 1 else None] if self.n_more else ""
        numbers = f"SELECT {first} UNION ALL SELECT i + 1 FROM i WHERE i < {first + n}"
        return f"WITH RECURSIVE i(i) AS ({numbers}) SELECT i, {corners}{more} FROM i WHERE {n}"

    def box(self) -> str:
        parts = []
        for _ in self.columns[::2]:
            low = self.random.randrange(-20, 80)
            pair = (str(low), str(low + self.random.randrange(30)))
            parts += [self.random.choice((each, each, each, each, self.random.choice(self.VALUES))) for each in pair]
        more = ["'m'", "8"][: self.n_more]
        return ", ".join([*parts, *more])

    def condition(self) -> str:
        choice = self.random.choice
        terms = []
        for _ in range(choice((1, 1, 2, 2, 3))):
            column = choice((*self.columns, *self.columns, "id", "rowid", *(("z",) if self.n_more else ())))
            terms.append(
                f"{column} {choice(('<', '<=', '>', '>=', '=', '<>', 'IS'))} {choice((*self.VALUES, '40', '20', '60'))}"
            )
        terms.append(choice(("1", "1", "id IN (1, 5, 9, 500)", f"{self.columns[0]} BETWEEN 3 AND 30")))
        return choice((" AND ", " AND ", " OR ")).join(terms)

    def statement(self) -> str:
        """A change, a query, or a step of the transaction."""
        choice, kind = self.random.choice, self.random.random()
        conflict = choice(("", "", " OR REPLACE", " OR IGNORE", " OR FAIL"))
        if not self.columns:
            return self.about_polygons(conflict)
        number = choice(
            ("NULL", str(self.random.randrange(1, 30)), str(self.random.randrange(1, 700)), "'3'", "2.0", "'x'")
        )
        returning = choice(("", "", "", " RETURNING *"))
        if kind < 0.25:
            return f"INSERT{conflict} INTO r VALUES ({number}, {self.box()}){returning}"
        if kind < 0.3:
            return f"INSERT{conflict} INTO r {self.many(choice((2, 60)))}"
        if kind < 0.45:
            column = choice((*self.columns, "id", *(("z",) if self.n_more else ())))
            value = choice((f"{column} + 1", *self.VALUES))
            return f"UPDATE{conflict} r SET {column} = {value} WHERE {self.condition()}{returning}"
        if kind < 0.55:
            return f"DELETE FROM r WHERE {self.condition()}{returning}"
        if kind < 0.85:
            return choice(
                (
                    f"SELECT * FROM r WHERE {self.condition()} ORDER BY id",
                    f"SELECT count(*), min({choice(self.columns)}), max(id) FROM r WHERE {self.condition()}",
                    f"SELECT a.id, b.id FROM r a {choice(('JOIN', 'LEFT JOIN'))} r b"
                    " ON a.l0 < b.h0 AND a.h0 > b.l0 AND b.id < 9",
                    f"SELECT id, typeof(l0) FROM r WHERE id IN (SELECT id + 1 FROM r WHERE {self.condition()})",
                    "SELECT rtreecheck('r')",
                    "SELECT changes()",
                )
            )
        if kind < 0.9:
            return choice(("ALTER TABLE r RENAME TO s", "ALTER TABLE s RENAME TO r", "DELETE FROM r"))
        return choice(TRANSACTIONS)

    def about_polygons(self, conflict: str) -> str:
        choice, number = self.random.choice, self.random.randrange(1, 9)
        shape = choice(self.POLYGONS)
        asked = choice(("geopoly_overlap", "geopoly_within", "geopoly_contains_point"))
        other = (
            f"{asked}(_shape, {choice((1, 3, 5))}, {choice((1, 2))})"
            if asked.endswith("point")
            else f"{asked}(_shape, {shape})"
        )
        shown = choice(
            (
                "geopoly_json(_shape)",
                "round(geopoly_area(_shape), 6)",
                "geopoly_json(geopoly_bbox(_shape))",
                "geopoly_svg(_shape)",
            )
        )
        return choice(
            (
                f"INSERT{conflict} INTO r(rowid, _shape, z) VALUES ({number}, {shape}, 'n')",
                f"UPDATE{conflict} r SET _shape = {shape} WHERE rowid = {number}",
                f"UPDATE r SET z = {number} WHERE {other}",
                f"DELETE FROM r WHERE {choice((other, f'rowid = {number}'))}",
                f"SELECT rowid, z, {shown} FROM r WHERE {other} ORDER BY rowid",
                f"SELECT rowid, {other} FROM r ORDER BY rowid",
                f"SELECT geopoly_json({shape}), round(geopoly_area({shape}), 6), hex(geopoly_blob({shape}))",
                "SELECT geopoly_json(geopoly_group_bbox(_shape)) FROM r",
                *TRANSACTIONS,
            )
        )
