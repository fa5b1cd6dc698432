"""INSERT, UPDATE, DELETE: as statements, and as the commands of a trigger."""

from __future__ import annotations

from typing import Final, cast

from turso_wasm.sql.ast_base import QualifiedName
from turso_wasm.sql.ast_dml import Assignment, ConflictAction, Delete, Insert, Update, Upsert
from turso_wasm.sql.ast_expr import ColumnRef, FunctionCall, RowValue, Subquery
from turso_wasm.sql.ast_select import ResultColumn, Star, TableSource, With
from turso_wasm.sql.lexer import ID
from turso_wasm.sql.limits import MAX_COLUMNS
from turso_wasm.sql.parser.expressions import SUBQUERY_STARTS
from turso_wasm.sql.parser.select import SelectParser

CONFLICT_ACTIONS: Final = frozenset({"ROLLBACK", "ABORT", "FAIL", "IGNORE", "REPLACE"})
_IN_TRIGGER: Final = "within triggers"


class DmlParser(SelectParser):
    """Statements that change rows."""

    __slots__ = ("in_trigger",)

    in_trigger: bool

    # --- INSERT ------------------------------------------------------------------------------------------------------

    def insert(self, with_: With | None = None) -> Insert:
        """`INSERT [OR action] | REPLACE INTO table [AS alias] [(columns)] select [upsert…] | DEFAULT VALUES`."""
        start = self.starts[self.at] if with_ is None else with_.span[0]
        on_conflict: ConflictAction | None = "REPLACE"
        if not self.accept("REPLACE"):
            self.expect("INSERT")
            on_conflict = self.or_conflict()
        self.expect("INTO")
        table, alias = self._target()
        statement = Insert(table, alias, on_conflict=on_conflict, with_=with_)
        if self.accept("("):
            statement.columns = self.name_list()
        if self.kinds[self.at] == "DEFAULT" and not self.in_trigger:
            self.at += 1
            self.expect("VALUES")
            statement.returning = self.returning_clause()
        else:
            if self.kinds[self.at] not in SUBQUERY_STARTS:
                self.fail()
            self.depth += 5
            self.in_insert = self.kinds[self.at] == "VALUES"
            statement.source = self.select()
            self.in_insert = False
            self._upserts(statement)
            self.depth -= 5
        statement.span = (start, self.ends[self.at - 1])
        return statement

    def or_conflict(self) -> ConflictAction | None:
        """`[OR action]`"""
        return self.conflict_action() if self.accept("OR") else None

    def conflict_action(self) -> ConflictAction:
        """ROLLBACK, ABORT, FAIL, IGNORE or REPLACE."""
        kind = self.kinds[self.at]
        if kind not in CONFLICT_ACTIONS:
            self.fail()
        self.at += 1
        return cast(ConflictAction, kind)

    def _target(self) -> tuple[QualifiedName, str | None]:
        """(table, alias) of the statement."""
        table = self.qualified_name()
        return table, self.name() if self.accept("AS") else None

    def _upserts(self, statement: Insert) -> None:
        """`[ON CONFLICT …]… [RETURNING …]`. Only the last ON CONFLICT may lack a target."""
        upserts: list[Upsert] = []
        while self.kinds[self.at] == "ON":
            upserts.append(self._upsert())
            if not upserts[-1].target:
                break
        statement.upserts = tuple(upserts)
        statement.returning = self.returning_clause()

    def _upsert(self) -> Upsert:
        start = self.starts[self.at]
        self.at += 1
        self.expect("CONFLICT")
        upsert = Upsert()
        if self.accept("("):
            self.depth += 4
            upsert.target = self.order_terms()
            self.depth += 2
            self.expect(")")
            upsert.target_where = self.expr() if self.accept("WHERE") else None
            self.depth -= 6
        self.expect("DO")
        if self.accept("UPDATE"):
            self.expect("SET")
            self.depth += 10
            upsert.assignments = self.assignments()
            self.depth += 2
            upsert.where = self.expr() if self.accept("WHERE") else None
            self.depth -= 12
        else:
            self.expect("NOTHING")
        upsert.span = self.span_from(start)
        return upsert

    def returning_clause(self) -> tuple[ResultColumn | Star, ...]:
        """`[RETURNING columns]`."""
        if not self.accept("RETURNING"):
            return ()
        self.depth += 3
        columns = self.result_columns()
        self.depth -= 3
        if self.in_trigger:
            self.complain("cannot use RETURNING in a trigger")
        return columns

    # --- UPDATE and DELETE -------------------------------------------------------------------------------------------

    def update(self, with_: With | None = None) -> Update:
        """`UPDATE [OR action] table SET … [FROM …] [WHERE …] …`."""
        start = self.starts[self.at] if with_ is None else with_.span[0]
        self.expect("UPDATE")
        on_conflict = self.or_conflict()
        table = self._changed_table()
        self.expect("SET")
        self.depth += 6
        statement = Update(table, self.assignments(), on_conflict=on_conflict, with_=with_)
        self.depth += 2
        if self.accept("FROM"):
            statement.source = self.from_clause()
        self._where_and_rest(statement)
        self.depth -= 8
        if sum(len(assignment.columns) for assignment in statement.assignments) > MAX_COLUMNS:
            self.complain("too many columns in set list")
        statement.span = (start, self.ends[self.at - 1])
        return statement

    def delete(self, with_: With | None = None) -> Delete:
        """`DELETE FROM table [WHERE …] …`."""
        start = self.starts[self.at] if with_ is None else with_.span[0]
        self.expect("DELETE")
        self.expect("FROM")
        statement = Delete(self._changed_table(), with_=with_)
        self.depth += 5
        self._where_and_rest(statement)
        self.depth -= 5
        statement.span = (start, self.ends[self.at - 1])
        return statement

    def _changed_table(self) -> TableSource:
        start = self.starts[self.at]
        table, alias = self._target()
        indexed_by, not_indexed = self.index_hint()
        if self.in_trigger and (indexed_by is not None or not_indexed):
            clause = "NOT INDEXED" if not_indexed else "INDEXED BY"
            self.complain(f"the {clause} clause is not allowed on UPDATE or DELETE statements {_IN_TRIGGER}")
        return TableSource(table.name, table.schema, alias, indexed_by, not_indexed, self.span_from(start))

    def _where_and_rest(self, statement: Update | Delete) -> None:
        """`[WHERE …] [RETURNING …]`"""
        self.depth += 1
        if self.accept("WHERE"):
            statement.where = self.expr()
        self.depth -= 1
        if not self.in_trigger:
            statement.returning = self.returning_clause()

    def assignments(self) -> tuple[Assignment, ...]:
        """`column = expr, (columns) = expr, …`"""
        assignments = [self._assignment()]
        self.depth += 2
        while self.accept(","):
            assignments.append(self._assignment())
        self.depth -= 2
        return tuple(assignments)

    def _assignment(self) -> Assignment:
        start = self.starts[self.at]
        row = self.accept("(")
        columns = self.name_list() if row else (self.name_node(),)
        place = None
        if not row and self.kinds[self.at] == ID and self.at_subscript():
            place = self.subscript(ColumnRef(columns[0].text, span=columns[0].span), start)
        if self.kinds[self.at] != "=":
            self.fail()
        self.at += 1
        symbols = 4 if row else 2
        self.depth += symbols
        value = self.expr()
        self.depth -= symbols
        if isinstance(place, FunctionCall):
            if place.name != "array_get":
                self.complain("a slice cannot be assigned", place.span)
            value = FunctionCall("array_set", (*place.arguments, value), span=place.span)
        if row:
            self._check_width(len(columns), value)
        return Assignment(columns, value, row, self.span_from(start))

    def _check_width(self, n_columns: int, value: object) -> None:
        if isinstance(value, Subquery):
            return
        n_values = len(value.items) if isinstance(value, RowValue) else 1
        if n_values != n_columns:
            self.complain(f"{n_columns} columns assigned {n_values} values")
