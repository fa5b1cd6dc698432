"""Random schemas, rows and SELECTs for the planner: joins of all kinds, indexes of all kinds, subqueries everywhere.

Values are few and of all classes, so that equal, NULL and mixed values meet. Results are fully determined by the
query but for their order: an aggregate query shows only its keys and aggregates.
"""

from __future__ import annotations

import random

VALUES = [
    *("1", "2", "3", "0", "-1", "5", "10", "1.0", "2.5"),
    *("'a'", "'b'", "'A'", "'1'", "'2'", "'10'", "''", "x'61'", "NULL"),
]
TYPES = ["", "INT", "TEXT", "REAL", "BLOB", "NUMERIC", "INTEGER"]
COMPARISONS = ["=", "=", "=", "<", ">", ">=", "<=", "IS", "<>"]
AGGREGATES = [
    "count(*)",
    "count({})",
    "sum({})",
    "total({})",
    "min({})",
    "max({})",
    "count(DISTINCT {})",
    "sum(DISTINCT {})",
    "max({}) FILTER (WHERE {})",
]

Scope = list[tuple[str, list[str]]]
"""The sources an expression may name, with their columns."""


class Generator:
    """Everything drawn from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.tables: dict[str, tuple[list[str], bool]] = {}  # name -> columns, has a rowid

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def pick(self, *choices: str) -> str:
        return self.random.choice(choices)

    def value(self) -> str:
        return self.random.choice(VALUES)

    # --- schema ------------------------------------------------------------------------------------------------

    def schema(self) -> list[str]:
        """CREATE TABLE, CREATE INDEX and INSERT statements."""
        statements = []
        for name in "tuv"[: self.random.randint(1, 3)]:
            columns = self.random.sample("abcde", self.random.randint(1, 4))
            key = self.pick("rowid", "rowid", "rowid", "integer", "integer", "without rowid")
            definitions = [self._column(at, column, key) for at, column in enumerate(columns)]
            tail = " WITHOUT ROWID" if key == "without rowid" else ""
            statements.append(f"CREATE TABLE {name}({', '.join(definitions)}){tail}")
            self.tables[name] = (columns, key != "without rowid")
            statements += [self._index(name, number, columns) for number in range(self.random.randint(0, 2))]
            for _ in range(self.random.choice([0, 3, 8, 15])):
                row = ", ".join(self.value() for _ in columns)
                statements.append(f"INSERT OR IGNORE INTO {name} VALUES ({row})")
        return statements

    def _column(self, at: int, name: str, key: str) -> str:
        type_name = self.random.choice(TYPES)
        if at == 0 and key != "rowid":
            return f"{name} {'INTEGER' if key == 'integer' else type_name} PRIMARY KEY"
        definition = f"{name} {type_name}"
        if type_name in ("TEXT", "") and self.chance(0.3):
            definition += f" COLLATE {self.pick('NOCASE', 'RTRIM')}"
        if self.chance(0.15):
            definition += " UNIQUE"
        if self.chance(0.1):
            definition += f" NOT NULL DEFAULT {self.pick('0', chr(39) + 'z' + chr(39))}"
        return definition

    def _index(self, table: str, number: int, columns: list[str]) -> str:
        terms = [
            self.pick(column, column, column, f"{column} DESC", f"{column} COLLATE NOCASE", f"lower({column})")
            for column in self.random.sample(columns, self.random.randint(1, min(2, len(columns))))
        ]
        unique = "UNIQUE " if self.chance(0.1) else ""
        where = f" WHERE {self.random.choice(columns)} {self.pick('IS NOT NULL', '> 1')}" if self.chance(0.15) else ""
        return f"CREATE {unique}INDEX i{table}{number} ON {table}({', '.join(terms)}){where}"

    # --- expressions --------------------------------------------------------------------------------------------

    def column(self, scope: Scope) -> str:
        source, columns = self.random.choice(scope)
        return f"{source}.{self.random.choice(columns)}"

    def expression(self, scope: Scope, depth: int = 0) -> str:
        if depth > 2 or self.chance(0.45):
            return self.column(scope) if self.chance(0.7) else self.value()

        def e() -> str:
            return self.expression(scope, depth + 1)

        shapes = [
            lambda: f"({e()} {self.pick('+', '-', '*', '/', '%', '||', '&', '|')} {e()})",
            lambda: f"({e()} {self.random.choice(COMPARISONS)} {e()})",
            lambda: f"({e()} {self.pick('AND', 'OR')} {e()})",
            lambda: f"({self.pick('NOT ', '-', '+', '~')}{e()})",
            lambda: f"({e()} {self.pick('IN', 'NOT IN')} ({', '.join(e() for _ in range(self.random.randint(0, 3)))}))",
            lambda: f"({e()} BETWEEN {e()} AND {e()})",
            lambda: f"CASE WHEN {e()} THEN {e()} ELSE {e()} END",
            lambda: f"CASE {e()} WHEN {e()} THEN {e()} END",
            lambda: f"({e()} {self.pick('IS NULL', 'IS NOT NULL', 'IS TRUE', 'IS NOT FALSE')})",
            lambda: f"{self.pick('typeof', 'lower', 'abs', 'length', 'hex', 'quote')}({e()})",
            lambda: f"{self.pick('coalesce', 'ifnull', 'nullif', 'max', 'min')}({e()}, {e()})",
            lambda: f"CAST({e()} AS {self.pick('INT', 'TEXT', 'REAL', 'NUMERIC', 'BLOB')})",
            lambda: f"({e()} COLLATE {self.pick('NOCASE', 'BINARY', 'RTRIM')})",
            lambda: f"({e()} {self.pick('LIKE', 'GLOB')} {e()})",
            lambda: self.subquery(scope, depth) if depth < 2 else e(),
        ]
        return self.random.choice(shapes)()

    def subquery(self, scope: Scope, depth: int) -> str:
        table = self.random.choice(list(self.tables))
        alias = f"q{self.random.randint(1, 9)}"
        inner: Scope = [(alias, self.tables[table][0])]
        if self.chance(0.6):
            inner += scope
        column = f"{alias}.{self.random.choice(self.tables[table][0])}"
        where = f" WHERE {self.condition(inner, depth + 1)}" if self.chance(0.7) else ""
        if self.chance(0.5):
            where += f"{' AND' if where else ' WHERE'} {column} = {self.column(scope)}"
        kind = self.random.randint(0, 2)
        if kind == 0:
            if self.chance(0.3):
                other = self.random.choice(list(self.tables))
                pair = f"{alias}b.{self.random.choice(self.tables[other][0])} = {column}"
                table = f"{table} {alias} {self.pick('', 'LEFT ')}JOIN {other} {alias}b ON {pair}"
            else:
                table = f"{table} {alias}"
            shown = self.pick("1", column, f"DISTINCT {column}")
            return f"{self.pick('', 'NOT ')}EXISTS (SELECT {shown} FROM {table}{where}{self.pick('', '', ' LIMIT 2')})"
        if kind == 1:
            operand = self.expression(scope, 2)
            return f"({operand} {self.pick('IN', 'NOT IN')} (SELECT {column} FROM {table} {alias}{where}))"
        return f"(SELECT {self.pick('max', 'min', 'count', 'sum')}({column}) FROM {table} {alias}{where})"

    def condition(self, scope: Scope, depth: int = 0) -> str:
        column = self.column(scope)
        if depth == 0 and self.chance(0.3):
            subquery = self.subquery(scope, 1)
            return f"{subquery} AND {self.condition(scope, 1)}" if self.chance(0.5) else subquery
        kind = self.random.randint(0, 9)
        if kind <= 3 or (kind in (7, 8) and depth >= 3):
            other = self.value() if self.chance(0.6) else self.column(scope)
            return f"{column} {self.random.choice(COMPARISONS)} {other}"
        if kind == 4:
            return f"{column} IN ({', '.join(self.value() for _ in range(self.random.randint(1, 4)))})"
        if kind == 5:
            return f"{column} BETWEEN {self.value()} AND {self.value()}"
        if kind == 6:
            return f"{column} IS {self.pick('', 'NOT ')}NULL"
        if kind == 7:
            connective = self.pick("AND", "OR")
            return f"({self.condition(scope, depth + 1)} {connective} {self.condition(scope, depth + 1)})"
        if kind == 8:
            return f"{self.condition(scope, depth + 1)} AND {self.condition(scope, depth + 1)}"
        return self.expression(scope, 1)

    def aggregate(self, scope: Scope, keys: list[str], depth: int = 0) -> str:
        chance = self.random.random()
        if chance < 0.5 or depth > 1:
            shape = self.random.choice(AGGREGATES)
            return shape.format(*(self.expression(scope, 2) for _ in range(shape.count("{}"))))
        if chance < 0.8 and keys:
            return self.random.choice(keys)
        left, right = self.aggregate(scope, keys, depth + 1), self.aggregate(scope, keys, depth + 1)
        return f"({left} {self.pick('+', '||', '=', '<', 'AND')} {right})"

    # --- queries ------------------------------------------------------------------------------------------------

    def sources(self, depth: int) -> tuple[str, Scope]:
        scope: Scope = []
        text = ""
        for number in range(self.random.choice([1, 1, 1, 2, 2, 3])):
            alias = "xyz"[number] + (str(depth) if depth else "")
            if depth < 2 and self.chance(0.15):
                query, columns = self.select(depth + 1)
                source = f"({query}) {alias}"
            else:
                table = self.random.choice(list(self.tables))
                columns = list(self.tables[table][0])
                if self.tables[table][1] and self.chance(0.3):
                    columns.append("rowid")
                source = f"{table} {alias}"
            text = self._joined(text, source, (alias, columns), scope) if text else source
            scope.append((alias, columns))
        return text, scope

    def _joined(self, left: str, right: str, new: tuple[str, list[str]], scope: Scope) -> str:
        kind = self.pick(", ", " JOIN ", " LEFT JOIN ", " LEFT JOIN ", " CROSS JOIN ", " RIGHT JOIN ")
        if kind == ", ":
            return left + kind + right
        if self.chance(0.7):
            on = f"{new[0]}.{self.random.choice(new[1])} = {self.column(scope)}"
        else:
            on = self.condition([*scope, new])
        if self.chance(0.3):
            on += f" AND {self.condition([*scope, new])}"
        return f"{left}{kind}{right} ON {on}"

    def select(self, depth: int = 0) -> tuple[str, list[str]]:
        """A SELECT and the names of its columns."""
        text, scope = self.sources(depth)
        grouped = self.chance(0.3)
        keys = [self.column(scope) for _ in range(self.random.randint(0, 2))] if grouped else []
        columns = []
        for number in range(self.random.randint(1, 3)):
            if grouped:
                expr = self.aggregate(scope, keys)
            else:
                expr = self.column(scope) if self.chance(0.6) else self.expression(scope, 1)
            columns.append(f"{expr} AS k{number}")
        if grouped and not keys:
            columns[0] = "count(*) AS k0"
        query = f"SELECT {'DISTINCT ' if self.chance(0.15) else ''}{', '.join(columns)} FROM {text}"
        if self.chance(0.7):
            query += f" WHERE {self.condition(scope)}"
        if keys:
            query += f" GROUP BY {', '.join(keys)}"
            if self.chance(0.3):
                query += f" HAVING {self.aggregate(scope, keys)} {self.pick('=', '>', 'IS NOT', '<=')} {self.value()}"
        return query, [f"k{number}" for number in range(len(columns))]

    def query(self) -> tuple[str, list[int]]:
        """A statement, and the (1-based) columns it is sorted by."""
        text, names = self.select()
        if self.chance(0.12):
            other, columns = self.select()
            while len(columns) != len(names):
                other, columns = self.select()
            text += f" {self.pick('UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT')} {other}"
        if self.chance(0.5):
            return text, []
        order = [self.random.randint(1, len(names)) for _ in range(self.random.randint(1, 3))]
        terms = [f"{at}{self.pick('', ' DESC', ' ASC')}{self.pick('', '', ' NULLS LAST')}" for at in order]
        return f"{text} ORDER BY {', '.join(terms)}", order
