"""CREATE TABLE: columns, constraints, options."""

from __future__ import annotations

from typing import Final, Literal, cast

from turso_wasm.sql.ast_base import Expr, Name
from turso_wasm.sql.ast_ddl import (
    Check,
    CollateConstraint,
    ColumnDef,
    Constraint,
    CreateTable,
    Default,
    ForeignKey,
    ForeignKeyAction,
    Generated,
    NotNull,
    NullAllowed,
    PrimaryKey,
    Unique,
)
from turso_wasm.sql.ast_dml import ConflictAction
from turso_wasm.sql.ast_expr import OrderTerm, TextLiteral, Unary
from turso_wasm.sql.lexer import (
    BAD_NUMBER,
    BLOB,
    ID,
    INTEGER,
    MIN_INTEGER,
    REAL,
    STRING,
    TWO_TO_63,
    dequote,
)
from turso_wasm.sql.parser.dml import DmlParser
from turso_wasm.sql.parser.stream import IDENTIFIERS, NAMES

_TERMS: Final = frozenset(
    {"NULL", INTEGER, REAL, TWO_TO_63, MIN_INTEGER, BAD_NUMBER, STRING, BLOB}
    | {"CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"}
)
_TABLE_CONSTRAINTS: Final = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})


class TableParser(DmlParser):
    """What stands in the parentheses of CREATE TABLE, and behind them."""

    __slots__ = ("last_foreign_key",)

    last_foreign_key: ForeignKey | None  # of the table: what DEFERRABLE speaks of

    def table_body(self, table: CreateTable) -> None:
        """Columns, then constraints, which may follow each other without commas."""
        columns = [self.column()]
        constraints: list[Constraint] = []
        self.depth += 2
        while self.accept(","):
            if self.kinds[self.at] in _TABLE_CONSTRAINTS:
                constraints = self._table_constraints()
                break
            columns.append(self.column())
        self.depth -= 2
        table.columns = tuple(columns)
        table.constraints = tuple(constraints)

    def table_options(self, table: CreateTable) -> None:
        """`[STRICT | WITHOUT ROWID], …`; the list may begin with a comma."""
        if self.kinds[self.at] in NAMES:
            self._table_option(table)
        while self.accept(","):
            self._table_option(table)

    def _table_option(self, table: CreateTable) -> None:
        without = self.accept("WITHOUT")
        word = self.raw_name()
        if without and word.lower() == "rowid":
            table.without_rowid = True
        elif not without and word.lower() == "strict":
            table.strict = True
        else:
            self.complain(f"unknown table option: {word}")

    # --- columns -----------------------------------------------------------------------------------------------------

    def column(self) -> ColumnDef:
        """`name [type] [constraints]`."""
        start = self.starts[self.at]
        column = ColumnDef(self.name())
        first = self.at
        column.type_name = _without_generated_always(self.type_name())
        column.type_span = (self.starts[first], self.ends[self.at - 1] if self.at > first else self.starts[first])
        constraints: list[Constraint] = []
        name: str | None = None
        while True:
            kind = self.kinds[self.at]
            if kind == "CONSTRAINT":
                self.at += 1
                name = self.name()
                continue
            constraint = self._column_constraint(kind, name)
            if constraint is None and kind != "DEFERRABLE" and kind != "NOT":
                break
            if constraint is not None:
                constraints.append(constraint)
        column.constraints = tuple(constraints)
        column.span = self.span_from(start)
        return column

    def _column_constraint(self, kind: str, name: str | None) -> Constraint | None:
        """The constraint that begins with `kind`; None if none does, or if it was DEFERRABLE of the last REFERENCES."""
        start = self.starts[self.at]
        constraint: Constraint
        match kind:
            case "NOT":
                self.at += 1
                if self.kinds[self.at] == "DEFERRABLE":
                    self._deferrable(False)
                    return None
                self.expect("NULL")
                constraint = NotNull(self.on_conflict(), name)
            case "NULL":
                self.at += 1
                constraint = NullAllowed(self.on_conflict(), name)
            case "PRIMARY":
                constraint = self._column_primary_key(name)
            case "UNIQUE":
                self.at += 1
                constraint = Unique((), self.on_conflict(), name)
            case "CHECK":
                constraint = self.check(name)
            case "DEFAULT":
                constraint = self._default(name)
            case "REFERENCES":
                constraint = self._references((), name)
            case "DEFERRABLE":
                self._deferrable(True)
                return None
            case "COLLATE":
                self.at += 1
                constraint = CollateConstraint(self.identifier_or_string(), name)
            case "AS" | "GENERATED":
                constraint = self._generated(kind, name)
            case _:
                return None
        constraint.span = self.span_from(start)
        return constraint

    def _column_primary_key(self, name: str | None) -> PrimaryKey:
        self.at += 1
        self.expect("KEY")
        key = PrimaryKey(name=name)
        if self.accept("DESC"):
            key.descending = True
        else:
            self.accept("ASC")
        key.on_conflict = self.on_conflict()
        key.autoincrement = self.accept("AUTOINCREMENT")
        return key

    def check(self, name: str | None) -> Check:
        """`CHECK (expr)`; the next token is CHECK."""
        self.at += 1
        self.expect("(")
        start = self.ends[self.at - 1]
        expr = self._parenthesized_expr()
        return Check(expr, None, name, (start, self.starts[self.at - 1]))

    def _default(self, name: str | None) -> Default:
        self.at += 1
        start = self.starts[self.at]
        kind = self.kinds[self.at]
        if kind == "(":
            self.at += 1
            start = self.starts[self.at]
            expr = self._parenthesized_expr()
            return Default(expr, name, (start, self.ends[self.at - 2]))
        if kind == "+" or kind == "-":
            if self.kinds[self.at + 1] not in _TERMS:
                self.at += 1
                self.fail()
            expr = self.expr(_TIGHTEST)
            if isinstance(expr, Unary) and expr.op == "+":
                expr = expr.operand
        elif kind in _TERMS:
            expr = self.expr(_TIGHTEST)
        else:
            if kind not in IDENTIFIERS and kind != "INDEXED":
                self.fail()
            text = self.texts[self.at]
            self.at += 1
            expr = TextLiteral(dequote(text) if kind == ID else text, -1, self.span_from(start))
        return Default(expr, name, self.span_from(start))

    def _generated(self, kind: str, name: str | None) -> Generated:
        self.at += 1
        if kind == "GENERATED":
            self.expect("ALWAYS")
            self.expect("AS")
        self.expect("(")
        expr = self._parenthesized_expr()
        storage = None
        if self.kinds[self.at] in IDENTIFIERS:
            storage = self.texts[self.at]
            self.at += 1
        return Generated(expr, storage, name)

    def _parenthesized_expr(self) -> Expr:
        """`expr)` of a column definition."""
        self.depth += 6
        expr = self.expr()
        self.depth -= 6
        self.expect(")")
        return expr

    def on_conflict(self) -> ConflictAction | None:
        """`[ON CONFLICT action]`."""
        if not self.accept("ON"):
            return None
        self.expect("CONFLICT")
        return self.conflict_action()

    # --- foreign keys ------------------------------------------------------------------------------------------------

    def _references(self, columns: tuple[Name, ...], name: str | None) -> ForeignKey:
        self.expect("REFERENCES")
        key = ForeignKey(columns, self.name_node(), name=name)
        if self.accept("("):
            key.to_columns = self.plain_columns()
        while True:
            if self.accept("MATCH"):
                key.match = self.name()
            elif self.accept("ON"):
                event = self.kinds[self.at]
                if event not in ("DELETE", "UPDATE", "INSERT"):
                    self.fail()
                self.at += 1
                action = self._foreign_key_action()
                if event == "DELETE":
                    key.on_delete = action
                elif event == "UPDATE":
                    key.on_update = action
            else:
                break
        self.last_foreign_key = key
        return key

    def _foreign_key_action(self) -> ForeignKeyAction:
        kind = self.kinds[self.at]
        self.at += 1
        if kind == "SET":
            if self.accept("NULL"):
                return "SET NULL"
            self.expect("DEFAULT")
            return "SET DEFAULT"
        if kind == "NO":
            self.expect("ACTION")
            return "NO ACTION"
        if kind not in ("CASCADE", "RESTRICT"):
            self.at -= 1
            self.fail()
        return cast(ForeignKeyAction, kind)

    def _deferrable(self, deferrable: bool) -> None:
        """`DEFERRABLE [INITIALLY DEFERRED | IMMEDIATE]`, said of the last foreign key, if there is one."""
        self.at += 1
        initially: Literal["DEFERRED", "IMMEDIATE"] | None = None
        if self.accept("INITIALLY"):
            if self.accept("DEFERRED"):
                initially = "DEFERRED"
            else:
                self.expect("IMMEDIATE")
                initially = "IMMEDIATE"
        if self.last_foreign_key is not None:
            self.last_foreign_key.deferrable = deferrable
            self.last_foreign_key.initially = initially
            self.last_foreign_key.span = self.span_from(self.last_foreign_key.span[0])

    # --- table constraints -------------------------------------------------------------------------------------------

    def _table_constraints(self) -> list[Constraint]:
        constraints: list[Constraint] = []
        name: str | None = None
        while True:
            kind = self.kinds[self.at]
            start = self.starts[self.at]
            if kind == "CONSTRAINT":
                self.at += 1
                name = self.name()
            elif kind in _TABLE_CONSTRAINTS:
                constraint = self._table_constraint(kind, name)
                constraint.span = self.span_from(start)  # type: ignore[attr-defined]
                constraints.append(constraint)
            else:
                self.fail()
            comma = self.accept(",")
            if comma:
                name = None
            elif self.kinds[self.at] not in _TABLE_CONSTRAINTS:
                return constraints

    def _table_constraint(self, kind: str, name: str | None) -> Constraint:
        if kind == "CHECK":
            check = self.check(name)
            check.on_conflict = self.on_conflict()
            return check
        if kind == "PRIMARY":
            self.at += 1
            self.expect("KEY")
            self.expect("(")
            columns = self.order_terms()
            autoincrement = self.accept("AUTOINCREMENT")
            self.expect(")")
            on_conflict = self.on_conflict()
            self.refuse_nulls(columns)
            return PrimaryKey(columns, False, autoincrement, on_conflict, name)
        if kind == "UNIQUE":
            self.at += 1
            self.expect("(")
            columns = self.order_terms()
            self.expect(")")
            on_conflict = self.on_conflict()
            self.refuse_nulls(columns)
            return Unique(columns, on_conflict, name)
        start = self.starts[self.at]
        self.at += 1
        self.expect("KEY")
        self.expect("(")
        key = self._references(self.plain_columns(), name)
        key.span = self.span_from(start)
        if self.accept("NOT"):
            if self.kinds[self.at] != "DEFERRABLE":
                self.fail()
            self._deferrable(False)
        elif self.kinds[self.at] == "DEFERRABLE":
            self._deferrable(True)
        return key

    def refuse_nulls(self, terms: tuple[OrderTerm, ...]) -> None:
        """The columns of an index must not say where NULLs go."""
        for term in terms:
            if term.nulls is not None:
                self.complain(f"unsupported use of NULLS {term.nulls}")
                break


_TIGHTEST: Final = 100  # no operator binds tighter


def _without_generated_always(type_name: str) -> str:
    """`x INT GENERATED ALWAYS AS (…)`: the two words look like a part of the type to the grammar."""
    words = type_name.rsplit(None, 2)
    if [word.lower() for word in words[-2:]] == ["generated", "always"]:
        return type_name[: len(type_name.rstrip()) - len(" ".join(words[-2:]))].rstrip() if len(words) == 3 else ""
    return type_name
