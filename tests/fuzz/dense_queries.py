"""Scripts of queries that ask much of one small table: windows of every frame, documents and their paths."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random


class Frames:
    """Window functions over rows that only their id tells apart: every frame, exclusion, filter, and ties."""

    COLUMNS = ("p", "n", "r", "s", "id")
    EDGES = ("0", "1", "1", "2", "3", "7", "n", "1 + 1", "(SELECT 2)", "100")
    DISTANCES = ("0", "1", "2.5", "0.5", "3", "1e2", "r", "'2'")
    FUNCTIONS = (
        "row_number()",
        "rank()",
        "dense_rank()",
        "percent_rank()",
        "cume_dist()",
        "ntile({n})",
        "lag({c})",
        "lead({c}, {n})",
        "lag({c}, {n}, {d})",
        "first_value({c})",
        "last_value({c})",
        "nth_value({c}, {n})",
    )
    AGGREGATES = (
        "count(*)",
        "count({c})",
        "sum(n)",
        "total(r)",
        "avg(n)",
        "min({c})",
        "max({c})",
        "group_concat({c})",
        "string_agg(s, '/')",
        "sum(r)",
        "json_group_array({c})",
        "json_group_object(s, {c})",
        "median(n)",
        "percentile(r, 25)",
        "own_total({c})",
        "jsonb_group_array(n)",
        "sum(n % 3)",
        "min(s COLLATE NOCASE)",
    )
    TERMS = ("n", "r", "s", "s COLLATE NOCASE", "p", "n % 2", "n IS NULL", "abs(r)", "-n", "s || p", "typeof(x)", "x")

    def __init__(self, random: Random) -> None:
        self.random = random

    def schema(self) -> Iterator[str]:
        """Rows with NULLs and ties."""
        choice, size = self.random.choice, self.random.choice((0, 1, 5, 12, 30, 30, 70))
        yield f"CREATE TABLE t(id INTEGER PRIMARY KEY, p INT, n {choice(('INT', 'INTEGER', ''))}, r REAL, s TEXT, x)"
        for at, columns in enumerate(self.random.sample(("p", "n", "r DESC", "p, n", "s, id", "p, r, n"), 2)):
            if self.random.random() < 0.4:
                yield f"CREATE INDEX i{at} ON t({columns})"
        rows = []
        for number in range(size):
            values = (
                choice(("1", "2", "2", "3", "NULL")),
                choice(("NULL", *map(str, range(-2, 6)))),
                choice(("NULL", "0.0", "0.5", "1.0", "1.0", "2.5", "-3.25", "1e300")),
                choice(("'a'", "'B'", "'b'", "NULL", "''")),
                choice(("NULL", "1", "'1'", "x'31'", "0.5", "'x'")),
            )
            rows.append(f"({number + 1}, {', '.join(values)})")
        if rows:
            yield f"INSERT INTO t VALUES {', '.join(rows)}"

    def statement(self) -> str:
        """A query with several windows."""
        choice, chance = self.random.choice, self.random.random
        calls = [self.call() for _ in range(choice((1, 1, 2, 3)))]
        names = f" WINDOW w AS ({self.partition()}), v AS (w ORDER BY {self.order()})" if chance() < 0.3 else ""
        if names:
            calls += [f"{self.aggregate()} OVER {choice(('w', 'v', '(v)', '(w ORDER BY id)', '(w)'))}"]
            calls[-1] = calls[-1].replace("(v)", f"(v {self.frame()})")
        where = choice(("", "", "", f" WHERE n {choice(('<', '>', 'IS NOT'))} {choice((0, 2, 3, 'NULL'))}"))
        shown = ", ".join(["id", *calls])
        form = chance()
        if form < 0.6:
            return f"SELECT {shown} FROM t{where}{names} ORDER BY id"
        if form < 0.7:
            return f"SELECT {choice(('', 'DISTINCT '))}{', '.join(calls)} FROM t{where}{names} ORDER BY {calls[0]}, id"
        if form < 0.8:
            return f"SELECT * FROM (SELECT {shown} FROM t{where}{names}) AS q WHERE id {choice('<>')} 4 ORDER BY id"
        if form < 0.9:
            grouped = (
                f"sum(count(*)) OVER ({choice(('ORDER BY n', 'ORDER BY n DESC', '', 'PARTITION BY n % 2 ORDER BY n'))})"
            )
            more = choice(("max(sum(r)) OVER ()", "rank() OVER (ORDER BY n)", "lag(n) OVER (ORDER BY n)", "count(p)"))
            return f"SELECT n, {grouped}, {more} FROM t{where} GROUP BY n ORDER BY n"
        join = choice(("JOIN t b ON b.id = a.id + 1", "LEFT JOIN t b ON b.n = a.n AND b.id < 6"))
        over = choice(("ORDER BY a.id, b.id", "PARTITION BY a.p ORDER BY a.id, b.id", "ORDER BY b.id DESC, a.id"))
        return f"SELECT a.id, b.id, row_number() OVER ({over}), sum(b.n) OVER ({over} {self.frame()}) FROM t a {join}"

    def call(self) -> str:
        """A function over a window of its own."""
        if self.random.random() < 0.35:
            n, d = self.random.choice((1, 2, 3, 5)), self.random.choice(("NULL", "0", "'none'", "p"))
            function = self.random.choice(self.FUNCTIONS).format(c=self.column(), n=n, d=d)
        else:
            function = self.aggregate()
        return f"{function} OVER ({self.window()})"

    def column(self) -> str:
        return self.random.choice(("n", "r", "s", "x", "id", "n + r", "upper(s)"))

    def aggregate(self) -> str:
        text = self.random.choice(self.AGGREGATES).format(c=self.column())
        conditions = ("n > 1", "s = 'a'", "p IS NULL", "id % 2", "0", "x")
        return text + (f" FILTER (WHERE {self.random.choice(conditions)})" if self.random.random() < 0.25 else "")

    def partition(self) -> str:
        terms = self.random.sample(self.TERMS, self.random.choice((1, 1, 2)))
        return f"PARTITION BY {', '.join(terms)}" if self.random.random() < 0.6 else ""

    def term(self) -> str:
        nulls = self.random.choice(("", "", "", " NULLS FIRST", " NULLS LAST"))
        return self.random.choice(self.TERMS) + self.random.choice(("", "", " ASC", " DESC")) + nulls

    def order(self) -> str:
        """Terms that tell all rows apart."""
        terms = [self.term() for _ in range(self.random.choice((0, 1, 1, 2)))]
        return ", ".join([*terms, self.random.choice(("id", "id", "id DESC"))])

    def window(self) -> str:
        """Of peers only where RANGE looks at values; else in an order of all rows."""
        if self.random.random() < 0.25:
            term = self.random.choice(("n", "r", "p", "n + r", "id")) + self.random.choice(("", " DESC", " NULLS LAST"))
            return f"{self.partition()} ORDER BY {term} {self.frame('RANGE', self.DISTANCES)}"
        return f"{self.partition()} ORDER BY {self.order()} {self.frame()}"

    def frame(self, unit: str = "", distances: tuple[str, ...] = ()) -> str:
        """A frame, or none."""
        choice = self.random.choice
        if not unit and self.random.random() < 0.25:
            return ""
        unit = unit or choice(("ROWS", "ROWS", "GROUPS"))
        before, after = (f"{choice(distances or self.EDGES)} {to}" for to in ("PRECEDING", "FOLLOWING"))
        again = choice(distances or self.EDGES)
        first, last = "UNBOUNDED PRECEDING", "UNBOUNDED FOLLOWING"
        frames = (
            first,
            before,
            "CURRENT ROW",
            f"BETWEEN {first} AND {before}",
            f"BETWEEN {before} AND {after}",
            f"BETWEEN {first} AND {after}",
            f"BETWEEN {first} AND {last}",
            f"BETWEEN {before} AND {again} PRECEDING",
            f"BETWEEN {after} AND {again} FOLLOWING",
            f"BETWEEN CURRENT ROW AND {after}",
            f"BETWEEN {before} AND {last}",
            f"BETWEEN {after} AND {last}",
            f"BETWEEN CURRENT ROW AND {last}",
        )
        exclude = choice(("", "", " EXCLUDE NO OTHERS", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES"))
        return f"{unit} {choice(frames)}{exclude}"


class Documents:
    """A table of documents: paths that read and edit them, rows of them, indexes on what is in them."""

    TEXTS = (
        '{"a":1,"b":[1,2,{"c":"x"}],"d":{"e":null,"f":true}}',
        '[1,"two",3.0,[4,[5]],{"a":6}]',
        '{"a":"é\\n\\u00e9","b":""}',
        "[]",
        "{}",
        "null",
        '"text"',
        "12",
        "-1.5e2",
        '{"a":{"a":{"a":1}}}',
        '[{"a":1},{"a":2},{"a":null},{}]',
        '{"a b":1,"c.d":2,"":3}',
        "{a:1, b:'x', c:[1,],}",
        "[+1, .5, 0x1f, Infinity, -Infinity]",
        '{"a":1,"b":2,"a":3}',
    )
    PATHS = (
        "$",
        "$.a",
        "$.b",
        "$.b[0]",
        "$.b[2].c",
        "$[0]",
        "$[#-1]",
        "$[#]",
        "$[1]",
        "$.d.e",
        "$.d",
        '$."a b"',
        '$."c.d"',
        "$.a.a",
        "$.a.a.a",
        "$.z",
        "$.z.y",
        "$[9]",
        "$[3][1][0]",
        "$[#-2]",
        '$.""',
        "$.b[#-1].c",
        "$.x[0]",
    )
    VALUES = (
        "1",
        "2.5",
        "'x'",
        "NULL",
        "json('[1,2]')",
        "json('{\"k\":1}')",
        "json_array(1, 'a')",
        "jsonb('[7]')",
        "id",
        "'[1]'",
        "json('null')",
        "json_object('id', id)",
        "d -> '$.a'",
        "d ->> '$.a'",
    )
    EDITS = (
        "json_set",
        "json_insert",
        "json_replace",
        "jsonb_set",
        "jsonb_insert",
        "jsonb_replace",
        "json_array_insert",
        "jsonb_array_insert",
    )

    def __init__(self, random: Random) -> None:
        self.random = random

    def schema(self) -> Iterator[str]:
        """Documents as text and as JSONB, and what is generated of them."""
        choice = self.random.choice
        more = choice(("", ", g AS (d ->> '$.a')", ", g AS (json_type(d)) STORED", ", g AS (json_array_length(d))"))
        check = choice(("", "", ", CHECK (json_valid(d, 6))"))
        yield f"CREATE TABLE t(id INTEGER PRIMARY KEY, d, e{more}{check})"
        if self.random.random() < 0.4:
            yield f"CREATE INDEX i ON t({choice(('d ->> $p', 'json_extract(d, $p)')).replace('$p', self.path())})"
        for number in range(self.random.randrange(2, 8)):
            text = self.text()
            document = choice(("{}", "json({})", "jsonb({})")).format(text)
            yield f"INSERT INTO t(id, d, e) VALUES ({number + 1}, {document}, {text})"

    def text(self) -> str:
        return "'" + self.random.choice(self.TEXTS).replace("'", "''") + "'"

    def path(self) -> str:
        return f"'{self.random.choice(self.PATHS)}'"

    def document(self) -> str:
        """A column, mostly; or what is made of one."""
        choice = self.random.choice
        kind = self.random.random()
        if kind < 0.6:
            return choice("dde")
        if kind < 0.7:
            return self.text()
        if kind < 0.8:
            return f"{choice(('json', 'jsonb', 'json_pretty'))}({choice('de')})"
        return self.edited(choice("de"))

    def edited(self, document: str) -> str:
        choice = self.random.choice
        if self.random.random() < 0.2:
            return f"{choice(('json_patch', 'jsonb_patch'))}({document}, {choice((self.text(), 'e', 'd'))})"
        if self.random.random() < 0.25:
            paths = ", ".join(self.path() for _ in range(choice((1, 1, 2, 3))))
            return f"{choice(('json_remove', 'jsonb_remove'))}({document}, {paths})"
        edits = ", ".join(f"{self.path()}, {choice(self.VALUES)}" for _ in range(choice((1, 1, 2, 3))))
        return f"{choice(self.EDITS)}({document}, {edits})"

    def asked(self) -> str:
        """Something that is read of a document."""
        choice, document, path = self.random.choice, self.document(), self.path()
        texts = (
            f"{document} -> {path}",
            f"{document} ->> {path}",
            f"{document} -> {choice((0, 1, -1))}",
            f"{document} ->> {choice(('$$a$$', '$$b$$', '$$a b$$')).replace('$$', chr(39))}",
            f"json_extract({document}, {path})",
            f"json_extract({document}, {path}, {self.path()})",
            f"json_type({document}, {path})",
            f"json_array_length({document}, {path})",
            f"json({document})",
            f"hex(jsonb({document}))",
            f"json_valid({document}, {self.random.randint(1, 15)})",
            f"json_quote({document})",
            f"json_pretty({document}, '--')",
            f"json_error_position({document})",
            f"json({self.edited(document)})",
            f"hex({self.edited(document)})",
            f"typeof({self.edited(document)})",
            f"jsonb_extract({document}, {path}) IS NULL",
            f"json(jsonb_extract({document}, {path}))",
        )
        return choice(texts)

    def statement(self) -> str:
        """A query or a change of them."""
        choice, kind = self.random.choice, self.random.random()
        each = choice(("json_each", "json_tree", "jsonb_each", "jsonb_tree"))
        root = choice(("", f", {self.path()}"))
        shown = "j.key, j.type, j.atom, j.id, j.parent, j.fullkey, j.path, " + (
            "j.value" if each.startswith("json_") else "typeof(j.value), json_quote(j.atom)"
        )
        if kind < 0.4:
            return f"SELECT id, {self.asked()}, {self.asked()} FROM t ORDER BY id"
        if kind < 0.65:
            condition = choice(
                ("1", "j.atom IS NOT NULL", "j.type = 'integer'", "j.key = 'a'", "j.value > 1", "j.key < 2")
            )
            join = choice((",", " JOIN", " LEFT JOIN"))
            on = "" if join != " LEFT JOIN" else f" ON {condition}"
            where = "" if on else f" WHERE {condition}"
            return f"SELECT t.id, {shown} FROM t{join} {each}({choice(('t.d', 't.e'))}{root}) AS j{on}{where}"
        if kind < 0.75:
            call = choice(
                ("json_group_array({})", "json_group_object(ifnull(j.fullkey, ''), {})", "count({})", "max({})")
            )
            return f"SELECT t.id, {call.format('j.atom')} FROM t, {each}(t.d{root}) AS j GROUP BY t.id ORDER BY t.id"
        if kind < 0.85:
            where = choice(("", f" WHERE id = {self.random.randint(1, 7)}", f" WHERE d ->> {self.path()} = 1"))
            returning = choice(("", " RETURNING id, json(d)"))
            return f"UPDATE t SET {choice('de')} = {self.edited(choice('de'))}{where}{returning}"
        if kind < 0.9:
            return f"INSERT OR REPLACE INTO t(id, d, e) SELECT id + 1, {self.edited('d')}, {self.document()} FROM t"
        condition = choice(
            (
                f"d ->> {self.path()} = {choice((1, 2, chr(39) + 'x' + chr(39)))}",
                f"json_extract(d, {self.path()}) > 0",
                "EXISTS (SELECT 1 FROM json_each(d) WHERE value = 1)",
                "id IN (SELECT value FROM json_each('[1, 2, 3]'))",
            )
        )
        return f"SELECT id, json(d) FROM t WHERE {condition} ORDER BY id"
