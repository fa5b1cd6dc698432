"""Productions of CREATE, ALTER and DROP."""

from __future__ import annotations

from tests.fuzz.changes import Changes
from tests.fuzz.expressions import COLLATIONS
from tests.fuzz.grammar import production
from tests.fuzz.model import Column, Scope, Table, Visible, kind_of

TYPES = ("INTEGER", "INTEGER", "INT", "TEXT", "TEXT", "REAL", "NUMERIC", "BLOB", "", "VARCHAR(10)", "DECIMAL(10, 2)")
STRICT_TYPES = ("INTEGER", "INT", "TEXT", "REAL", "BLOB", "ANY")
COLUMN_NAMES = ("a", "b", "c", "d", "e", "id", "k", "x y", "é", "Key", "value")
ON_CONFLICT = ("", "", "", "", " ON CONFLICT IGNORE", " ON CONFLICT REPLACE", " ON CONFLICT FAIL",
               " ON CONFLICT ROLLBACK", " ON CONFLICT ABORT")  # fmt: skip

WORDS = ("red", "Green", "blues", "naïve", "running", "run", "a", "x1", "über")
SEARCHES = (
    "{}", "{} {}", "{} OR {}", "{} NOT {}", '"{} {}"', "{} AND {}", "NEAR({} {}, 2)", "{:.2}*", "a : {}", "^{}",
    "{} + {}", "- b : {}", "({} OR {}) NOT run", "", '"',
)  # fmt: skip
OLD_SEARCHES = (*SEARCHES, "{} NEAR {}", "{} NEAR/2 {}", "b:{}", "{} {:.1}*", "({} NOT {}) OR a")


class Definitions(Changes):
    """Statements that change the schema."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.n_names = 0
        self.foreign_keys = self.chance(0.3)

    def new_name(self, prefix: str) -> str:
        """A name that is not taken; very rarely one that is."""
        taken = self.schema.names()
        if taken and self.chance(0.02):
            return self.pick(sorted(taken))
        while True:
            self.n_names += 1
            name = f"{prefix}{self.n_names}"
            if name not in taken:
                return name

    def if_not_exists(self) -> str:
        return self.maybe(0.1, lambda: "IF NOT EXISTS ")

    # --- CREATE TABLE ----------------------------------------------------------------------------------------------

    @production("define", 3, leaf=True)
    def create_table(self) -> str:
        strict = self.chance(0.08)
        names = self.random.sample(COLUMN_NAMES, self.random.randint(1, 5))
        types = [self.pick(STRICT_TYPES if strict else TYPES) for _ in names]
        columns = [Column(name, kind_of(type_)) for name, type_ in zip(names, types, strict=True)]
        scope = Scope([Visible("", columns)], constant=True)
        key_at = self.random.randrange(len(names)) if self.chance(0.5) else -1
        parts = [
            self.column_definition(column, type_, scope, at == key_at)
            for at, (column, type_) in enumerate(zip(columns, types, strict=True))
        ]
        has_key = key_at >= 0
        constraints = [self.derive("table constraint", columns, scope) for _ in range(self.pick((0, 0, 0, 1, 2)))]
        if not has_key and constraints and self.chance(0.3):
            constraints = [self.table_primary_key(columns, scope), *constraints]
            has_key = True
        without_rowid = self.chance(0.15)
        if without_rowid and not has_key:
            constraints.append(self.table_primary_key(columns, scope))
        options = ["WITHOUT ROWID"] * without_rowid + ["STRICT"] * strict
        body = ", ".join(parts + constraints)
        tail = " " + ", ".join(options) if options else ""
        where = self.pick(self.schema.databases) if self.chance(0.8) else "temp"
        name = f"{self.maybe(0.3, lambda: where + '.')}{self.new_name('t')}"
        others = [table.name for table in self.schema.tables if table.schema != where]
        if others and self.chance(0.15):  # a name that another database has
            name = f"{where}.{self.name(self.pick(others))}"
        return f"CREATE TABLE {self.if_not_exists()}{name}({body}){tail}"

    def column_definition(self, column: Column, type_: str, scope: Scope, is_key: bool) -> str:
        """`name type constraints`."""
        text = f"{self.name(column.name)} {type_}".rstrip()
        if is_key:
            text += self.column_primary_key(type_)
        for _ in range(self.pick((0, 0, 0, 1, 1, 2))):
            constraint = str(self.derive("column constraint", column, scope))
            if is_key and column.generated:
                column.generated = False
                continue
            text += self.maybe(0.1, lambda: f" CONSTRAINT n{self.random.randint(1, 9)}") + constraint
        return text

    def column_primary_key(self, type_: str) -> str:
        direction = self.pick(("", "", "", " ASC", " DESC"))
        increment = self.maybe(0.15, lambda: " AUTOINCREMENT") if type_ == "INTEGER" and "D" not in direction else ""
        return f" PRIMARY KEY{direction}{self.pick(ON_CONFLICT)}{increment}"

    @production("column constraint", 2, leaf=True)
    def column_not_null(self, column: Column, scope: Scope) -> str:
        return f" NOT NULL{self.pick(ON_CONFLICT)}"

    @production("column constraint", 0.2, leaf=True)
    def column_null(self, column: Column, scope: Scope) -> str:
        return " NULL"

    @production("column constraint", 1.5, leaf=True)
    def column_unique(self, column: Column, scope: Scope) -> str:
        return f" UNIQUE{self.pick(ON_CONFLICT)}"

    @production("column constraint", 1, leaf=True)
    def column_check(self, column: Column, scope: Scope) -> str:
        name = self.name(column.name)
        checks = (f"{name} IS NOT 44", f"length({name}) < 9", f"typeof({name}) <> 'blob'", f"{name} <> 'zz'")
        return f" CHECK ({self.pick(checks) if self.chance(0.8) else self.condition(scope)})"

    @production("column constraint", 2, leaf=True)
    def column_default(self, column: Column, scope: Scope) -> str:
        kind = column.kind
        number = self.pick(("1", "-1", "+2", "- 3", "0.5", "-0x10"))
        choices = (number, "'text'", "NULL", "x'61'", "CURRENT_DATE" if kind == "any" and self.chance(0.05) else "5")
        if self.chance(0.3):
            return f" DEFAULT ({self.expr(Scope([], constant=True), kind)})"
        return f" DEFAULT {self.pick(choices)}" if self.chance(0.95) else " DEFAULT word"

    @production("column constraint", 1.5, leaf=True)
    def column_collate(self, column: Column, scope: Scope) -> str:
        return f" COLLATE {self.pick(COLLATIONS)}"

    @production("column constraint", 1, leaf=True)
    def column_references(self, column: Column, scope: Scope) -> str:
        return f" {self.references(1)}"

    @production("column constraint", 0.6, leaf=True)
    def column_generated(self, column: Column, scope: Scope) -> str:
        words = self.pick((" AS", " GENERATED ALWAYS AS"))
        others = [other for other in scope.sources[0].columns if other is not column and not other.generated]
        seen = Scope([Visible("", others)], constant=True)
        column.generated = True
        return f"{words} ({self.expr(seen)}){self.pick(('', ' STORED', ' VIRTUAL'))}"

    def references(self, n: int) -> str:
        """REFERENCES with all that may follow."""
        table = self.pick(self.schema.tables) if self.schema.tables else None
        name = self.name(table.name) if table else "t1"
        columns = ""
        if table and (keys := [unique for unique in table.uniques if len(unique) == n]) and self.chance(0.9):
            columns = f"({', '.join(self.name(name) for name in self.pick(keys))})"
        elif table and len(table.columns) >= n and self.chance(0.3):
            columns = f"({', '.join(self.name(column.name) for column in table.columns[:n])})"
        text = f"REFERENCES {name}{columns}"
        for event in ("DELETE", "UPDATE"):
            # after SET NULL SQLite sometimes does not look for the parent of a new row
            first = "CASCADE" if self.foreign_keys else "SET NULL"
            action = self.pick((first, "SET DEFAULT", "CASCADE", "RESTRICT", "NO ACTION"))
            text += self.maybe(0.4, lambda event=event, action=action: f" ON {event} {action}")  # type: ignore[misc]
        text += self.maybe(0.1, lambda: " MATCH FULL")
        when = self.pick(("", " INITIALLY DEFERRED", " INITIALLY IMMEDIATE"))
        return text + self.maybe(0.3, lambda: f" {self.pick(('', 'NOT '))}DEFERRABLE{when}")

    @production("table constraint", 0.1, leaf=True)
    def table_primary_key(self, columns: list[Column], scope: Scope) -> str:
        plain = [column for column in columns if not column.generated]
        return f"{self.constraint_name()}PRIMARY KEY ({self.indexed(plain or columns)}){self.pick(ON_CONFLICT)}"

    @production("table constraint", 2, leaf=True)
    def table_unique(self, columns: list[Column], scope: Scope) -> str:
        return f"{self.constraint_name()}UNIQUE ({self.indexed(columns)}){self.pick(ON_CONFLICT)}"

    @production("table constraint", 1, leaf=True)
    def table_check(self, columns: list[Column], scope: Scope) -> str:
        return f"{self.constraint_name()}CHECK ({self.condition(scope)} OR 1){self.pick(ON_CONFLICT)}"

    @production("table constraint", 0.5, leaf=True)
    def table_foreign_key(self, columns: list[Column], scope: Scope) -> str:
        return f"{self.constraint_name()}FOREIGN KEY ({self.name(columns[0].name)}) {self.references(1)}"

    def constraint_name(self) -> str:
        return self.maybe(0.2, lambda: f"CONSTRAINT n{self.random.randint(1, 9)} ")

    def indexed(self, columns: list[Column], *, expressions: Scope | None = None) -> str:
        """Columns of a key or an index."""
        terms = []
        for column in self.random.sample(columns, self.random.randint(1, min(3, len(columns)))):
            text = self.name(column.name)
            if expressions is not None and self.chance(0.15):
                text = f"({self.expr(expressions)})"
            collation = self.maybe(0.15, lambda: f" COLLATE {self.pick(COLLATIONS)}")
            terms.append(f"{text}{collation}{self.pick(('', '', '', ' ASC', ' DESC'))}")
        return ", ".join(terms)

    @production("define", 0.5)
    def create_table_as(self) -> str:
        self.in_view = True
        query = self.query()
        self.in_view = False
        places = [f"{at + 1} COLLATE BINARY" for at in range(len(query.columns))]
        text = (
            query.text
            if len(query.order) == len(query.columns)
            else f"SELECT * FROM ({query.text}) ORDER BY {', '.join(places)}"
        )
        return f"CREATE TABLE {self.if_not_exists()}{self.new_name('t')} AS {text}"

    # --- indexes, views and what we do not have yet ------------------------------------------------------------------

    @production("define", 4, leaf=True)
    def create_index(self) -> str:
        table = self.table()
        scope = Scope([Visible("", table.columns)], constant=True)
        columns = self.indexed([column for column in table.columns if not column.hidden], expressions=scope)
        where = self.maybe(0.2, lambda: f" WHERE {self.condition(scope)}")
        unique = self.pick(("", "", "", "UNIQUE "))
        schema = f"{table.schema}." if table.schema not in ("main", "temp") or self.chance(0.1) else ""
        name = f"{schema}{self.new_name('i')}"
        return f"CREATE {unique}INDEX {self.if_not_exists()}{name} ON {self.name(table.name)} ({columns}){where}"

    @production("define", 2)
    def create_view(self) -> str:
        parameters, self.parameters = self.parameters, None
        self.in_view = True
        query = self.query()
        self.parameters, self.in_view = parameters, False
        _, names = self.exposed(query, 0.5)
        return f"CREATE VIEW {self.if_not_exists()}{self.new_name('v')}{names} AS {query.text}"

    @production("define", 0.6)
    def create_temporary(self) -> str:
        """What the schema `temp` holds, over all databases."""
        create = self.pick((self.create_table, self.create_table_as, self.create_view))
        head, kind, rest = create().partition(" " if create == self.create_view else "TABLE ")
        if create == self.create_view:
            return f"CREATE {self.pick(('TEMP', 'TEMPORARY'))} {rest}"
        name, mark, rest = rest.partition("(")
        return f"{head}{self.pick(('TEMP', 'TEMPORARY'))} {kind}{name.rpartition('.')[2]}{mark}{rest}"

    @production("define", 2.5)
    def create_trigger(self) -> str:
        view = self.chance(0.2) and bool(self.schema.views)
        table = self.pick(self.schema.views) if view else self.pick(self.schema.tables)
        some = ", ".join(self.name(column.name) for column in table.columns[:2]) or "a"
        event = self.pick(("INSERT", "DELETE", "UPDATE", f"UPDATE OF {some}"))
        time = "INSTEAD OF " if view != self.chance(0.03) else self.pick(("", "BEFORE ", "AFTER ", "AFTER "))
        rows = [Visible("new", table.columns)] if event != "DELETE" else []
        rows += [Visible("old", table.columns)] if event != "INSERT" else []
        around = Scope(rows, merged={column.name.lower() for column in table.columns} if len(rows) == 1 else set())
        each = self.maybe(0.5, lambda: " FOR EACH ROW")
        self.around, self.in_trigger, self.in_change = around, True, True
        when = self.maybe(0.3, lambda: f" WHEN {self.condition(around)}")
        body = "; ".join(self.trigger_step(around) for _ in self.few(1, 2))
        self.around, self.in_trigger, self.in_change = None, False, False
        temporary = self.maybe(0.15, lambda: self.pick(("TEMP ", "TEMPORARY ")))
        name = f"{self.if_not_exists()}{self.new_name('r')}"
        schema = f"{table.schema}." if temporary and self.chance(0.4) else ""
        on = f"{schema}{self.name(table.name)}"
        return f"CREATE {temporary}TRIGGER {name} {time}{event} ON {on}{each}{when} BEGIN {body}; END"

    def trigger_step(self, around: Scope) -> str:
        """A command of a trigger."""
        if self.chance(0.8):
            return str(self.derive("change"))
        if self.chance(0.3):
            return str(self.query(around).text)
        raised = self.pick(("IGNORE", "ABORT, 'no'", "FAIL, 'no'", "ROLLBACK, 'x' || 1", f"ABORT, {self.expr(around)}"))
        return f"SELECT RAISE({raised}) WHERE {self.condition(around)}"

    @production("define", 0.4, leaf=True)
    def create_virtual_table(self) -> str:
        modules = ("fts5(a, b)", "fts5(a, b)", "fts5(a, b, prefix = '1 2')", "fts5(a, b, detail = column)",
                   "fts5(a, b, tokenize = 'porter unicode61')", "rtree", "x(a (1), )")  # fmt: skip
        return f"CREATE VIRTUAL TABLE {self.if_not_exists()}f9 USING {self.pick(modules)}"

    @production("define", 0.3, leaf=True)
    def create_tree(self) -> str:
        """An R*Tree, or one of polygons, with columns that `use_tree` knows."""
        module = self.pick(("rtree(id, a, b, +z)", "rtree(id, a, b, +z)", "rtree_i32(id, a, b, +z)", "rtree(id, a)"))
        return f"CREATE VIRTUAL TABLE {self.if_not_exists()}r9 USING {module}"

    @production("define", 0.9, leaf=True)
    def use_tree(self) -> str:
        """Statements about the R*Tree; the values are any."""
        if self.chance(0.9) and "r9" not in self.schema.names():
            return self.create_tree()
        number, other = self.random.randrange(30), self.random.randrange(30)
        values = [self.pick((self.literal(), str(other + at))) for at in range(3)]
        operator = self.pick(("<", "<=", ">", ">=", "=", "IS", "<>"))
        condition = f"{self.pick(('a', 'b', 'id', 'z', 'rowid'))} {operator} {self.literal()}"
        conflict = self.pick(("", " OR REPLACE", " OR IGNORE", " OR FAIL"))
        return self.pick(
            (
                f"INSERT{conflict} INTO r9 VALUES ({number}, {values[0]}, {values[1]}, {values[2]})",
                f"INSERT{conflict} INTO r9 VALUES ({number}, {other}, {other + number}, 'x'), ({other}, 1, 2, NULL)",
                f"INSERT{conflict} INTO r9(id, a, b) SELECT id + 1, a, b FROM r9",
                f"UPDATE{conflict} r9 SET {self.pick(('a', 'b', 'id', 'z'))} = {values[0]} WHERE {condition}",
                f"DELETE FROM r9 WHERE {condition}",
                f"SELECT * FROM r9 WHERE {condition} ORDER BY id",
                "SELECT x.id, y.id FROM r9 x LEFT JOIN r9 y ON x.a < y.b AND x.b > y.a ORDER BY 1, 2",
                "SELECT rtreecheck('r9')",
                "DROP TABLE IF EXISTS r9",
            )
        )

    @production("define", 0.9, leaf=True)
    def use_text(self) -> str:
        """Statements about the table of texts; its words are few."""
        if self.chance(0.95) and "f9" not in self.schema.names():
            return self.create_virtual_table()
        number = self.random.randrange(12)
        a, b, other = (" ".join(self.pick(WORDS) for _ in self.few(1, 6)) for _ in range(3))
        found = f"f9 MATCH '{self.pick(SEARCHES).format(*self.random.sample(WORDS, 2))}'"
        conflict = self.pick(("", " OR REPLACE", " OR IGNORE"))
        return self.pick(
            (
                f"INSERT{conflict} INTO f9(rowid, a, b) VALUES ({number}, '{a}', '{b}'), ({number + 1}, '{other}', '')",
                f"INSERT INTO f9 VALUES ('{a}', '{b}'), ('{other}', 7)",
                f"INSERT INTO f9(a, b) SELECT b, a || ' {a}' FROM f9 WHERE {found} ORDER BY rowid LIMIT 3",
                f"UPDATE f9 SET {self.pick('ab')} = '{a}' WHERE {self.pick((found, f'rowid = {number}'))}",
                f"DELETE FROM f9 WHERE {self.pick((found, f'rowid > {number}'))}",
                f"SELECT rowid, * FROM f9 WHERE {found} ORDER BY rowid",
                f"SELECT rowid, round(rank, 9) FROM f9 WHERE {found} ORDER BY round(rank, 9), rowid LIMIT 4",
                f"SELECT rowid, highlight(f9, 0, '<', '>'), snippet(f9, -1, '[', ']', '..', 3) FROM f9 WHERE {found}"
                " ORDER BY 1",
                f"SELECT count(*), max(rowid) FROM f9 WHERE {found} AND rowid < {number}",
                f"SELECT x.rowid, y.rowid FROM f9 x JOIN f9 y ON x.a = y.b WHERE x.{found} ORDER BY 1, 2",
                f"INSERT INTO f9(f9) VALUES ('{self.pick(('optimize', 'rebuild', 'integrity-check', 'nosuch'))}')",
                f"{self.pick(('ALTER TABLE f9 RENAME TO f8', 'DROP TABLE IF EXISTS f9', 'DROP TABLE f8'))}",
            )
        )

    @production("define", 0.3, leaf=True)
    def create_old_text(self) -> str:
        """A table of FTS3 or FTS4."""
        modules = ("fts4(a, b)", "fts3(a, b)", "fts4(a, b, prefix='1,2')", "fts4(a, b, order=desc)",
                   "fts4(a, b, tokenize=porter)", "fts4(a, b, tokenize=unicode61)", "fts4(a, b, matchinfo=fts3)",
                   "fts4(a, b, notindexed=b)")  # fmt: skip
        return f"CREATE VIRTUAL TABLE {self.if_not_exists()}f7 USING {self.pick(modules)}"

    @production("define", 0.9, leaf=True)
    def use_old_text(self) -> str:
        """Statements about the table of FTS3 or FTS4."""
        if self.chance(0.95) and "f7" not in self.schema.names():
            return self.create_old_text()
        number = self.random.randrange(1, 12)
        a, b, other = (" ".join(self.pick(WORDS) for _ in self.few(1, 6)) for _ in range(3))
        found = f"f7 MATCH '{self.pick(OLD_SEARCHES).format(*self.random.sample(WORDS, 2))}'"
        conflict = self.pick(("", " OR REPLACE", " OR IGNORE"))
        shown = self.pick(
            (
                "offsets(f7)",
                "snippet(f7, '[', ']', '..', -1, 3)",
                "snippet(f7)",
                "quote(matchinfo(f7))",
                "quote(matchinfo(f7, 'pcnals'))",
            )
        )
        return self.pick(
            (
                f"INSERT{conflict} INTO f7(docid, a, b) VALUES ({number}, '{a}', '{b}'), ({number + 1}, '{other}', '')",
                f"INSERT INTO f7 VALUES ('{a}', '{b}'), ('{other}', 7)",
                f"INSERT INTO f7(a, b) SELECT b, a || ' {a}' FROM f7 WHERE {found} ORDER BY docid LIMIT 3",
                f"UPDATE f7 SET {self.pick('ab')} = '{a}' WHERE {self.pick((found, f'rowid = {number}'))}",
                f"DELETE FROM f7 WHERE {self.pick((found, f'rowid > {number}'))}",
                f"SELECT docid, * FROM f7 WHERE {found} ORDER BY docid",
                f"SELECT docid, {shown} FROM f7 WHERE {found} ORDER BY docid",
                f"SELECT count(*), max(rowid) FROM f7 WHERE {found} AND rowid < {number}",
                f"SELECT x.docid, y.docid FROM f7 x JOIN f7 y ON x.a = y.b WHERE x.{found} ORDER BY 1, 2",
                f"INSERT INTO f7(f7) VALUES ('{self.pick(('optimize', 'rebuild', 'integrity-check', 'nosuch'))}')",
                f"{self.pick(('ALTER TABLE f7 RENAME TO f6', 'DROP TABLE IF EXISTS f7', 'DROP TABLE f6'))}",
            )
        )

    # --- DROP and ALTER ----------------------------------------------------------------------------------------------

    @production("define", 1, leaf=True)
    def drop(self) -> str:
        kinds: dict[str, list[str]] = {
            "INDEX": self.schema.indexes,
            "VIEW": [view.name for view in self.schema.views],
            "TABLE": [table.name for table in self.schema.tables[3:]],
            "TRIGGER": self.schema.triggers,
        }
        kind = self.pick(("INDEX", "INDEX", "VIEW", "TABLE", "TRIGGER"))
        name = self.pick(kinds[kind]) if kinds[kind] else "nothing"
        schema = self.maybe(0.1, lambda: "main.")
        condition = "IF EXISTS " if (name == "nothing" and self.chance(0.9)) or self.chance(0.1) else ""
        return f"DROP {kind} {condition}{schema}{self.name(name)}"

    @production("define", 2.5, leaf=True)
    def alter(self) -> str:
        table = self.table()
        schema = self.maybe(0.1, lambda: f"{table.schema}.")
        return f"ALTER TABLE {schema}{self.name(table.name)} {self.derive('alteration', table)}"

    def some_column(self, table: Table) -> str:
        return self.name(self.pick(table.columns).name)

    def new_column(self, table: Table) -> str:
        """A name for a column that the table mostly has not."""
        has = {column.name for column in table.columns}
        return self.name(self.pick([name for name in (*COLUMN_NAMES, "f", "g", "h") if name not in has]))

    @production("alteration", 1, leaf=True)
    def alter_rename(self, table: Table) -> str:
        return f"RENAME TO {self.new_name('t')}"

    @production("alteration", 1.5, leaf=True)
    def alter_rename_column(self, table: Table) -> str:
        return f"RENAME {self.pick(('COLUMN ', ''))}{self.some_column(table)} TO {self.new_column(table)}"

    @production("alteration", 2, leaf=True)
    def alter_add_column(self, table: Table) -> str:
        type_ = self.pick(TYPES)
        name = self.new_column(table)
        column = Column(name.strip('"`[]'), kind_of(type_))
        scope = Scope([Visible("", [*table.columns, column])], constant=True)
        rest = f"{name} {type_}".rstrip()
        rest += self.maybe(0.5, lambda: str(self.derive("column constraint", column, scope)))
        return f"ADD {self.pick(('COLUMN ', ''))}{rest}"

    @production("alteration", 1, leaf=True)
    def alter_drop_column(self, table: Table) -> str:
        return f"DROP {self.pick(('COLUMN ', ''))}{self.some_column(table)}"

    @production("alteration", 0.5, leaf=True)
    def alter_not_null(self, table: Table) -> str:
        action = self.pick(("DROP NOT NULL", f"SET NOT NULL{self.pick(ON_CONFLICT)}"))
        return f"ALTER {self.pick(('COLUMN ', ''))}{self.some_column(table)} {action}"

    @production("alteration", 0.4, leaf=True)
    def alter_constraint(self, table: Table) -> str:
        scope = Scope([Visible("", table.columns)], constant=True)
        if self.chance(0.5):
            return f"DROP CONSTRAINT n{self.random.randint(1, 9)}"
        return f"ADD {self.constraint_name()}CHECK ({self.condition(scope)} OR 1){self.pick(ON_CONFLICT)}"
