"""Productions of INSERT, UPDATE and DELETE."""

from __future__ import annotations

from tests.fuzz.grammar import ANY, production
from tests.fuzz.model import BLOB, INT, REAL, TEXT, Column, Scope, Table, Visible
from tests.fuzz.queries import Queries

ACTIONS = ("", "", "", "", "OR IGNORE ", "OR REPLACE ", "OR ABORT ", "OR FAIL ", "OR ROLLBACK ")


class Changes(Queries):
    """Statements that change rows."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.around: Scope | None = None  # OLD and NEW of the trigger that is being written

    def table(self) -> Table:
        """A table to write to, or a view that a trigger answers for."""
        if self.schema.writable_views and self.chance(0.2):
            return self.pick(self.schema.writable_views)
        return self.pick(self.schema.tables)

    def returning(self, scope: Scope) -> str:
        """RETURNING, sometimes."""
        if not self.chance(0.2) or self.in_trigger:
            return ""
        self.in_returning = True
        tables = [(source.table or source, source.columns) for source in scope.sources[:1]]
        inner = Scope([Visible(table.name, columns) for table, columns in tables])  # RETURNING knows no alias
        items = ["*"] if self.chance(0.4) else [self.result(self.expr(inner), ANY)[0] for _ in self.few()]
        self.in_returning = False
        return f" RETURNING {', '.join(items)}"

    def value_for(self, column: Column) -> str:
        """A value that the column mostly takes."""
        if column.key and column.kind == INT and self.chance(0.8):
            return self.pick(("NULL", str(self.random.randint(1, 60)), str(self.random.randint(1, 60))))
        kind = column.kind if self.chance(0.9) else ANY
        if self.around is not None and self.chance(0.5):
            return self.expr(self.around, kind)
        if column.parent and self.chance(0.6) and not self.in_trigger:
            table, name = column.parent
            return f"(SELECT min({self.name(name)}) FROM {self.name(table)})"
        text = self.literal(kind) if self.chance(0.8) else self.expr(Scope([], self.around), kind)
        if text == "NULL" and column.not_null and self.chance(0.9):
            return {INT: "1", REAL: "0.5", TEXT: "'t'", BLOB: "x'01'"}.get(column.kind, "2")
        if text.isdigit() and column.kind == INT:
            return str(self.random.randint(-5, 60)) if self.chance(0.5) else text
        return text

    def written_columns(self, table: Table) -> tuple[list[Column], str]:
        """(columns that get values, their list in parentheses or nothing)."""
        columns = [column for column in table.columns if not (column.hidden or column.generated)]
        if self.chance(0.4) and len(columns) == len(table.columns):
            return columns, ""
        chosen = [
            column for column in columns if self.chance(0.8) or (column.not_null and not column.has_default)
        ] or columns  # fmt: skip
        self.random.shuffle(chosen)
        return chosen, f"({', '.join(self.name(column.name) for column in chosen)})"

    @production("change", 6)
    def insert_values(self) -> str:
        table = self.table()
        columns, names = self.written_columns(table)
        self.in_values = True
        rows = [f"({', '.join(self.value_for(column) for column in columns)})" for _ in self.few(1, 6)]
        self.in_values = False
        last = ")" if self.chance(0.95) else " /* rows that are no token */)"
        return self.insert(table, names, f"VALUES {', '.join(rows).removesuffix(')')}{last}", joined=False)

    @production("change", 2)
    def insert_select(self) -> str:
        table = self.table()
        columns, names = self.written_columns(table)
        query = self.query(self.around, [column.kind for column in columns])
        text = query.text
        if not text.startswith("VALUES"):  # rowids follow the order of the rows
            # with COLLATE: else SQLite takes ORDER BY 1 COLLATE x in a subquery for the same order
            places = ", ".join(f"{place + 1} COLLATE BINARY" for place in range(len(columns)))
            text = f"SELECT * FROM ({text}) ORDER BY {places} LIMIT {self.random.randint(0, 6)}"
        return self.insert(table, names, text, joined=True)

    def insert(self, table: Table, names: str, source: str, *, joined: bool) -> str:
        """The statement around its rows. joined: an ON behind them might be read as a join's."""
        head = self.pick(ACTIONS) if self.chance(0.9) else None
        verb = "REPLACE" if head is None else f"INSERT {head}".rstrip()
        alias = self.alias("n") if self.chance(0.1) and not self.in_trigger else table.name
        as_ = f" AS {alias}" if alias != table.name else ""
        scope = Scope([Visible(alias, table.columns, table)], self.around)
        upserts = self.upserts(table, scope) if not joined and self.chance(0.25) else ""
        target = f"{self.schema_of(table)}{self.name(table.name)}{as_}"
        return f"{verb} INTO {target}{names} {source}{upserts}{self.returning(scope)}"

    def schema_of(self, table: Table) -> str:
        """The name of the table's database, sometimes; triggers allow none."""
        twice = sum(other.name.lower() == table.name.lower() for other in self.schema.tables) > 1
        return self.maybe(0 if self.in_trigger else 0.9 if twice else 0.1, lambda: f"{table.schema}.")

    def upserts(self, table: Table, scope: Scope) -> str:
        """ON CONFLICT clauses."""
        parts = []
        for unique in self.random.sample(table.uniques, min(len(table.uniques), self.random.randint(0, 2))):
            columns = ", ".join(self.name(name) for name in unique)
            where = self.maybe(0.05, lambda: f" WHERE {self.condition(scope)}")
            parts.append(f" ON CONFLICT ({columns}){where} DO {self.derive('reaction', table, scope)}")
        # one that no constraint is left for is never resolved
        if (not parts or self.chance(0.2)) and len(table.uniques) > len(parts):
            parts.append(f" ON CONFLICT DO {self.derive('reaction', table, scope)}")
        return "".join(parts)

    @production("reaction", leaf=True)
    def reaction_nothing(self, table: Table, scope: Scope) -> str:
        return "NOTHING"

    @production("reaction", 2, leaf=True)
    def reaction_update(self, table: Table, scope: Scope) -> str:
        excluded = Scope([*scope.sources, Visible("excluded", table.columns)], self.around)
        return f"UPDATE SET {self.assignments(table, excluded)}{self.where(excluded, 0.3)}"

    @production("change", 0.5)
    def insert_defaults(self) -> str:
        if self.in_trigger:
            return self.insert_values()
        table = self.table()
        scope = Scope([Visible(table.name, table.columns, table)])
        return f"INSERT {self.pick(ACTIONS)}INTO {self.name(table.name)} DEFAULT VALUES{self.returning(scope)}"

    @production("change", 0.3)
    def insert_with(self) -> str:
        if self.in_trigger:
            return self.insert_values()
        with_, _ = self.with_clause(None)
        return with_ + self.pick((self.insert_select, self.update, self.delete, self.insert_values))()

    def assignments(self, table: Table, scope: Scope) -> str:
        """SET."""
        columns = [column for column in table.columns if not (column.hidden or column.generated)]
        chosen = self.random.sample(columns, self.random.randint(1, min(3, len(columns))))
        if len(chosen) > 1 and self.chance(0.2):
            kinds = [column.kind for column in chosen]
            names = ", ".join(self.name(column.name) for column in chosen)
            rows = self.chance(0.6)
            values = self.row_value(scope, kinds) if rows else self.subquery(scope, kinds, single=True)
            return f"({names}) = {values}"
        return ", ".join(self.assignment(column, scope) for column in chosen)

    def assignment(self, column: Column, scope: Scope) -> str:
        name = self.name(column.name)
        if self.chance(0.05):
            return f"({name}) = ({self.expr(scope, column.kind)})"
        value = self.value_for(column) if self.chance(0.4) else self.expr(scope, column.kind)
        return f"{name} = {value}"

    def changed(self, table: Table) -> tuple[str, Scope]:
        """(how UPDATE and DELETE name their table, what it brings into scope)."""
        alias = self.alias("u") if self.chance(0.15) and not self.in_trigger else table.name
        text = f"{self.schema_of(table)}{self.name(table.name)}"
        if alias != table.name:
            text += f" AS {alias}"
        if self.chance(0.05) and not self.in_trigger:
            text += " NOT INDEXED"
        self.names_taken.add(alias.lower())
        return text, Scope([Visible(alias, table.columns, table)], self.around)

    @production("change", 3)
    def update(self) -> str:
        table = self.table()
        text, scope = self.changed(table)
        from_ = ""
        here = scope
        if self.chance(0.15):
            source = self.source(None)
            from_ = f" FROM {source.text}"
            here = Scope([*scope.sources, *source.sources], self.around)
        where = self.where(here, 0.85)
        set_ = self.assignments(table, here)
        action = self.pick(ACTIONS)
        return f"UPDATE {action}{text} SET {set_}{from_}{where}{self.returning(scope)}{self.limited()}"

    def limited(self) -> str:
        """The tail that SQLite only has when it is built with it."""
        return "" if self.in_trigger else self.maybe(0.01, lambda: self.pick((" ORDER BY 1 LIMIT 1", " LIMIT 2")))

    @production("change", 2)
    def delete(self) -> str:
        table = self.table()
        text, scope = self.changed(table)
        where = self.where(scope, 0.95)
        return f"DELETE FROM {text}{where}{self.returning(scope)}{self.limited()}"
