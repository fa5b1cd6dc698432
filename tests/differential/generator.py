"""Random schemas and statements within the SQL that both engines know, made so that answers are determined.

What SQL leaves open is avoided: LIMIT comes with a total ORDER BY, aggregates over REALs see multiples of 1/4, a column
never holds an integer and an equal REAL, DISTINCT and GROUP BY do not show columns of a collation that equates texts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

TEXTS = (
    "",
    "a",
    "b",
    "B",
    "abc",
    "Abc",
    "abc ",
    "x y",
    "10",
    "9",
    "1e2",
    "-3",
    "0.5",
    "zz",
    "naïve",
    "日本",
    "%",
    "a_c",
)
NUMBERS = (-3, -1, 0, 1, 2, 3, 5, 7, 10, 100, 1000)
REALS = (-2.5, -0.25, 0.5, 1.5, 2.75, 10.25, 1000.5)
BIG = (2147483647, 2147483648, -2147483649, 4611686018427387904, 9223372036854775807, -9223372036854775808)
TYPES = ("INTEGER", "TEXT", "REAL", "NUMERIC", "BLOB", "", "VARCHAR(10)", "INT")
COLLATIONS = ("", "", "", "", " COLLATE NOCASE", " COLLATE RTRIM")
CALLS = (
    "length",
    "typeof",
    "lower",
    "upper",
    "hex",
    "trim",
    "abs",
    "quote",
    "coalesce",
    "ifnull",
    "nullif",
    "substr",
    "instr",
    "replace",
    "min",
    "max",
    "iif",
    "unicode",
    "sign",
)
OPERATORS = ["+", "-", "*", "/", "%", "||", "&", "|", "<<", ">>"]
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=", "IS", "IS NOT")


def quote(value: object) -> str:
    """A value as a literal."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    return repr(value)


@dataclass
class Column:
    name: str
    type: str
    collation: str = ""

    @property
    def is_binary(self) -> bool:
        return not self.collation


@dataclass
class Table:
    name: str
    columns: list[Column]
    key: str | None = None  # the INTEGER PRIMARY KEY
    without_rowid: bool = False
    indexes: list[str] = field(default_factory=list)


class Generator:
    """Statements one after the other, over the tables made so far. Equal seeds give equal statements."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.tables: list[Table] = []
        self.n_names = 0
        self.in_transaction = False
        self.savepoints: list[str] = []

    def script(self, n: int) -> list[str]:
        """A schema, then `n` statements."""
        statements = [self.create_table() for _ in range(self.random.randint(1, 3))]
        for _ in range(2 * len(statements)):
            statements.append(self.insert(self.pick(self.tables), rows=self.random.randint(2, 12)))
        statements += [self.statement() for _ in range(n)]
        if self.in_transaction or self.savepoints:
            statements.append("COMMIT")
        return statements

    # --- choices ------------------------------------------------------------------------------------------------

    def pick(self, choices: object) -> object:  # type: ignore[no-untyped-def]
        return self.random.choice(choices)  # type: ignore[arg-type]

    def chance(self, p: float) -> bool:
        return self.random.random() < p

    def name(self, prefix: str) -> str:
        self.n_names += 1
        return f"{prefix}{self.n_names}"

    def value(self, big: float = 0.03) -> object:
        r = self.random.random()
        if r < 0.12:
            return None
        if r < 0.12 + big:
            return self.pick(BIG)
        if r < 0.50:
            return self.pick(NUMBERS)
        if r < 0.65:
            return self.pick(REALS)
        if r < 0.92:
            return self.pick(TEXTS)
        return bytes(self.random.randrange(256) for _ in range(self.random.randint(0, 3)))

    # --- schema -------------------------------------------------------------------------------------------------

    def create_table(self) -> str:
        table = Table(self.name("t"), [])
        parts = []
        self.n_columns = self.random.randint(1, 5)
        if self.chance(0.5):
            table.key = "id"
            parts.append("id INTEGER PRIMARY KEY" + (" AUTOINCREMENT" if self.chance(0.1) else ""))
        for i in range(self.n_columns):
            column = Column(f"c{i}", self.pick(TYPES), self.pick(COLLATIONS))  # type: ignore[arg-type]
            table.columns.append(column)
            parts.append(self._column(column))
        if table.key is None and self.chance(0.25):
            table.without_rowid = True
            parts.append(f"PRIMARY KEY ({', '.join(c.name for c in table.columns[: self.random.randint(1, 2)])})")
        elif self.chance(0.2):
            parts.append(f"UNIQUE ({', '.join(c.name for c in table.columns[:2])})")
        self.tables.append(table)
        return f"CREATE TABLE {table.name}({', '.join(parts)}){' WITHOUT ROWID' if table.without_rowid else ''}"

    def _column(self, column: Column) -> str:
        text = f"{column.name} {column.type}".rstrip() + column.collation
        if self.chance(0.12):
            text += " NOT NULL"
        if self.chance(0.08):
            text += " UNIQUE"
        if self.chance(0.15):
            text += f" DEFAULT {quote(self.value(0))}"
        if self.chance(0.06):
            text += f" CHECK (typeof({column.name}) <> 'blob')"
        return text

    def create_index(self) -> str:
        table = self.any_table()
        name = self.name("i")
        columns = [
            c.name + self.pick(("", "", "", " COLLATE NOCASE")) + self.pick(("", "", " DESC"))  # type: ignore[operator]
            for c in self.random.sample(table.columns, self.random.randint(1, min(3, len(table.columns))))
        ]
        if self.chance(0.1):
            columns[0] = f"length({table.columns[0].name})"
        where = f" WHERE {table.columns[0].name} > {quote(self.pick(NUMBERS))}" if self.chance(0.15) else ""
        table.indexes.append(name)
        unique = "UNIQUE " if self.chance(0.12) else ""
        return f"CREATE {unique}INDEX {name} ON {table.name}({', '.join(columns)}){where}"

    def any_table(self) -> Table:
        found = self.pick(self.tables)
        assert isinstance(found, Table)
        return found

    # --- statements ---------------------------------------------------------------------------------------------

    def statement(self) -> str:
        r = self.random.random()
        if r < 0.52:
            return self.select()
        if r < 0.66:
            return self.insert(self.any_table())
        if r < 0.77:
            return self.update()
        if r < 0.84:
            return self.delete()
        if r < 0.90:
            return self.transaction()
        if r < 0.97:
            return self.create_index()
        return self.drop()

    def drop(self) -> str:
        table = self.any_table()
        if table.indexes and self.chance(0.7):
            return f"DROP INDEX IF EXISTS {table.indexes.pop()}"
        if len(self.tables) > 1 and self.chance(0.3):
            self.tables.remove(table)
            return f"DROP TABLE IF EXISTS {table.name}"
        return self.create_table()

    def transaction(self) -> str:
        if not self.in_transaction and not self.savepoints and self.chance(0.6):
            self.in_transaction = True
            return str(self.pick(("BEGIN", "BEGIN IMMEDIATE")))
        if self.in_transaction and self.chance(0.5):
            self.in_transaction = False
            self.savepoints.clear()
            return str(self.pick(("COMMIT", "COMMIT", "END")))
        if self.savepoints and self.chance(0.5):
            name = self.pick(self.savepoints)
            return f"{self.pick(('RELEASE', 'ROLLBACK TO'))} {name}"
        name = self.name("s")
        self.savepoints.append(name)
        return f"SAVEPOINT {name}"

    def insert(self, table: object, rows: int = 0) -> str:
        assert isinstance(table, Table)
        verb = str(
            self.pick(
                ("INSERT", "INSERT", "INSERT", "INSERT OR IGNORE", "INSERT OR REPLACE", "REPLACE", "INSERT OR FAIL")
            )
        )
        columns = [c.name for c in table.columns]
        if self.chance(0.3):
            columns = columns[: self.random.randint(1, len(columns))]
        if self.chance(0.15) and not rows and len(self.tables) > 0:
            return f"{verb} INTO {table.name}({', '.join(columns)}) {self._source(len(columns))}"
        if table.key and self.chance(0.4):
            columns = [table.key, *columns]
        upsert = ""
        if table.key and columns[0] == table.key and verb == "INSERT" and len(columns) > 1 and self.chance(0.4):
            upsert = f" ON CONFLICT (id) DO {self._upsert(columns[1:])}"
        n = rows or self.random.choice((1, 1, 1, 2, 3, 6))
        lines = []
        for _ in range(n):
            values = [self.value() for _ in columns]
            if table.key and columns[0] == table.key:
                values[0] = self.random.choice((None, self.random.randint(-5, 60)))
            lines.append(f"({', '.join(quote(v) for v in values)})")
        returning = f" RETURNING {', '.join(columns)}, typeof({columns[-1]})" if self.chance(0.1) and not rows else ""
        return f"{verb} INTO {table.name}({', '.join(columns)}) VALUES {', '.join(lines)}{upsert}{returning}"

    def _upsert(self, columns: list[str]) -> str:
        if self.chance(0.3):
            return "NOTHING"
        column = self.random.choice(columns)
        value = self.pick(
            (f"excluded.{column}", f"excluded.{column} || 'u'", "NULL", "7", f"coalesce({column}, 0) + 1")
        )
        where = f" WHERE {column} IS NOT excluded.{column}" if self.chance(0.3) else ""
        return f"UPDATE SET {column} = {value}{where}"

    def _source(self, width: int) -> str:
        """A SELECT of `width` columns in a total order."""
        table = self.any_table()
        exprs = [self.expr([("", table)], 1) for _ in range(width)]
        order = ", ".join(f"{i + 1} COLLATE BINARY, typeof({e})" for i, e in enumerate(exprs))
        return f"SELECT {', '.join(exprs)} FROM {table.name} ORDER BY {order} LIMIT {self.random.randint(1, 5)}"

    def update(self) -> str:
        table = self.any_table()
        column = self.random.choice(table.columns)
        scope = [("", table)]
        sets = [f"{column.name} = {self.expr(scope, 2)}"]
        if self.chance(0.2):
            other = self.random.choice(table.columns)
            if other is not column:
                sets.append(f"{other.name} = {self.expr(scope, 1)}")
        where = f" WHERE {self.condition(scope, 2)}" if self.chance(0.85) else ""
        if table.key and self.chance(0.2):
            verb = self.pick(("UPDATE OR IGNORE", "UPDATE OR REPLACE", "UPDATE"))
            key = self.random.randint(0, 20)
            if self.chance(0.3):
                sets = [f"id = {self.random.randint(0, 60)}"]
            return f"{verb} {table.name} SET {', '.join(sets)} WHERE id = {key}"
        return f"UPDATE {table.name} SET {', '.join(sets)}{where}"

    def delete(self) -> str:
        table = self.any_table()
        if self.chance(0.07):
            return f"DELETE FROM {table.name}"
        return f"DELETE FROM {table.name} WHERE {self.condition([('', table)], 2)}"

    # --- queries ------------------------------------------------------------------------------------------------

    def select(self) -> str:
        if self.chance(0.08):
            return self.compound()
        scope, source = self._from()
        where = f" WHERE {self.condition(scope, 3)}" if self.chance(0.75) else ""
        if self.chance(0.3):
            return self._aggregate(scope, source, where)
        exprs = [self.expr(scope, 2) for _ in range(self.random.randint(1, 4))]
        distinct = ""
        if self.chance(0.15):
            distinct = "DISTINCT "
            exprs = [self.plain(scope) for _ in exprs]
        text = f"SELECT {distinct}{', '.join(exprs)} FROM {source}{where}"
        if self.chance(0.5):
            text += " ORDER BY " + self._total_order(exprs)
            if self.chance(0.5):
                text += f" LIMIT {self.random.randint(0, 8)}"
                if self.chance(0.4):
                    text += f" OFFSET {self.random.randint(0, 4)}"
        return text

    def compound(self) -> str:
        """Two or three SELECTs of plain columns; the whole is ordered."""
        width = self.random.randint(1, 2)
        parts = []
        for _ in range(self.random.choice((2, 2, 3))):
            table = self.any_table()
            exprs = [self.plain([("", table)]) for _ in range(width)]
            where = f" WHERE {self.condition([('', table)], 1)}" if self.chance(0.6) else ""
            parts.append(f"SELECT {', '.join(exprs)} FROM {table.name}{where}")
        text = parts[0]
        for part in parts[1:]:
            text += f" {self.pick(('UNION ALL', 'UNION', 'EXCEPT', 'INTERSECT'))} {part}"
        return f"{text} ORDER BY {', '.join(str(i + 1) for i in range(width))}"

    def _total_order(self, exprs: list[str]) -> str:
        numbers = list(range(1, len(exprs) + 1))
        self.random.shuffle(numbers)
        return ", ".join(
            f"{n} COLLATE BINARY{self.pick(('', '', ' DESC', ' ASC NULLS LAST', ' DESC NULLS FIRST'))}" for n in numbers
        )

    def _from(self) -> tuple[list[tuple[str, Table]], str]:
        table = self.any_table()
        if self.chance(0.6):
            return [("", table)], table.name
        scope = [("x", table)]
        source = f"{table.name} AS x"
        for alias in ("y", "z")[: 2 if self.chance(0.15) else 1]:
            other = self.any_table()
            kind = self.pick(("JOIN", "JOIN", "LEFT JOIN", ",", "CROSS JOIN"))
            left = list(scope)
            scope.append((alias, other))
            on = ""
            if kind in ("JOIN", "LEFT JOIN"):
                a = self.column(left)
                b = self.column([(alias, other)])
                on = f" ON {a} {self.pick(('=', '=', '=', '=', '<', 'IS'))} {b}"
                if self.chance(0.2):
                    on += f" AND {self.condition([(alias, other)], 1)}"
            source += f"{'' if kind == ',' else ' '}{kind} {other.name} AS {alias}{on}"
        return scope, source

    def _aggregate(self, scope: list[tuple[str, Table]], source: str, where: str) -> str:
        n_keys = self.random.choice((0, 0, 1, 1, 2))
        keys = [self.plain(scope) for _ in range(n_keys)]
        calls = [self.aggregate(scope) for _ in range(self.random.randint(1, 3))]
        text = f"SELECT {', '.join(keys + calls)} FROM {source}{where}"
        if keys:
            text += f" GROUP BY {', '.join(keys)}"
            if self.chance(0.3):
                text += f" HAVING {self.aggregate(scope)} {self.pick(('>', '<', '>=', '<>'))} {self.pick(NUMBERS)}"
            if self.chance(0.5):
                text += " ORDER BY " + self._total_order(keys + calls)
                if self.chance(0.3):
                    text += f" LIMIT {self.random.randint(0, 4)}"
        return text

    def aggregate(self, scope: list[tuple[str, Table]]) -> str:
        name = self.pick(("count(*)", "count", "count", "sum", "total", "avg", "min", "max"))
        if name == "count(*)":
            return "count(*)"
        if name in ("sum", "total", "avg"):
            # whole numbers and quarters only: their sum does not depend on the order
            return f"{name}({self.pick(('', 'DISTINCT '))}CAST({self.column(scope)} AS INTEGER) % 1000)"
        distinct = "DISTINCT " if name == "count" and self.chance(0.3) else ""
        return f"{name}({distinct}{self.plain(scope)})"

    # --- expressions --------------------------------------------------------------------------------------------

    def column(self, scope: list[tuple[str, Table]]) -> str:
        alias, table = self.random.choice(scope)
        names = [c.name for c in table.columns] + ([table.key] if table.key else [])
        return f"{alias}.{self.random.choice(names)}" if alias else self.random.choice(names)

    def plain(self, scope: list[tuple[str, Table]]) -> str:
        """A column whose equal values look equal."""
        alias, table = self.random.choice(scope)
        names = [c.name for c in table.columns if c.is_binary] + ([table.key] if table.key else [])
        if not names:
            return f"typeof({alias + '.' if alias else ''}{table.columns[0].name})"
        name = self.random.choice(names)
        return f"{alias}.{name}" if alias else name

    def condition(self, scope: list[tuple[str, Table]], depth: int) -> str:
        r = self.random.random()
        if depth > 0 and r < 0.30:
            joined = f" {self.pick(('AND', 'AND', 'OR'))} ".join(self.condition(scope, depth - 1) for _ in range(2))
            return f"({joined})"
        if depth > 0 and r < 0.36:
            return f"NOT ({self.condition(scope, depth - 1)})"
        column = self.column(scope)
        if r < 0.70:
            right = quote(self.value()) if self.chance(0.75) else self.expr(scope, 1)
            return f"{column} {self.pick(COMPARISONS)} {right}"
        if r < 0.78:
            return f"{column} {self.pick(('BETWEEN', 'NOT BETWEEN'))} {quote(self.value(0))} AND {quote(self.value(0))}"
        if r < 0.87:
            items = ", ".join(quote(self.value(0)) for _ in range(self.random.randint(0, 4)))
            return f"{column} {self.pick(('IN', 'IN', 'NOT IN'))} ({items})"
        if r < 0.92:
            return f"{column} {self.pick(('IS NULL', 'IS NOT NULL'))}"
        if r < 0.94:
            other = self.any_table()
            return f"{column} {self.pick(('IN', 'NOT IN'))} (SELECT {self.plain([('', other)])} FROM {other.name})"
        if r < 0.97:
            other = self.any_table()
            inner = f"{self.column([('q', other)])} {self.pick(('=', '<', 'IS'))} {column}"
            return f"{self.pick(('EXISTS', 'NOT EXISTS'))} (SELECT 1 FROM {other.name} AS q WHERE {inner})"
        return self.expr(scope, 1)

    def expr(self, scope: list[tuple[str, Table]], depth: int) -> str:
        r = self.random.random()
        if depth <= 0 or r < 0.35:
            return self.column(scope)
        if r < 0.48:
            return quote(self.value())
        a = self.expr(scope, depth - 1)
        if r < 0.66:
            return f"({a} {self.pick(OPERATORS)} {self.expr(scope, depth - 1)})"
        if r < 0.72:
            return f"({a} {self.pick(COMPARISONS)} {self.expr(scope, depth - 1)})"
        if r < 0.76:
            return f"({self.pick(('-', '+', '~', 'NOT '))}{a})"
        if r < 0.82:
            return f"CAST({a} AS {self.pick(('INTEGER', 'TEXT', 'REAL', 'NUMERIC', 'BLOB'))})"
        if r < 0.84:
            other = self.any_table()
            what = self.pick(("count(*)", f"max({self.plain([('q', other)])})", f"min({self.plain([('q', other)])})"))
            inner = f"{self.column([('q', other)])} {self.pick(('=', '>', '<='))} {self.column(scope)}"
            return f"(SELECT {what} FROM {other.name} AS q WHERE {inner})"
        if r < 0.88:
            return f"CASE WHEN {self.condition(scope, 1)} THEN {a} ELSE {self.expr(scope, depth - 1)} END"
        return self.call(a, scope, depth)

    def call(self, a: str, scope: list[tuple[str, Table]], depth: int) -> str:
        name = self.pick(CALLS)
        if name in ("coalesce", "ifnull", "nullif", "instr", "min", "max"):
            return f"{name}({a}, {self.expr(scope, depth - 1)})"
        if name == "substr":
            return f"substr({a}, {self.random.randint(-3, 4)}, {self.random.randint(-2, 4)})"
        if name == "replace":
            return f"replace({a}, {quote(self.pick(TEXTS))}, {quote(self.pick(TEXTS))})"
        if name == "iif":
            return f"iif({self.condition(scope, 0)}, {a}, {quote(self.value())})"
        return f"{name}({a})"
