"""CREATE, DROP, ALTER."""

from __future__ import annotations

from typing import Final, Literal, cast

from turso_wasm.sql.ast_base import Expr, Name, QualifiedName, Statement
from turso_wasm.sql.ast_ddl import (
    AddColumn,
    AddConstraint,
    AlterColumnNotNull,
    Check,
    CollateConstraint,
    ColumnDef,
    Constraint,
    CreateIndex,
    CreateTable,
    CreateTrigger,
    CreateView,
    CreateVirtualTable,
    Default,
    Drop,
    DropColumn,
    DropConstraint,
    ForeignKey,
    ForeignKeyAction,
    Generated,
    NotNull,
    NullAllowed,
    PrimaryKey,
    RenameColumn,
    RenameTable,
    Unique,
)
from turso_wasm.sql.ast_dml import ConflictAction, Delete, Insert, Update
from turso_wasm.sql.ast_expr import OrderTerm, TextLiteral, Unary
from turso_wasm.sql.ast_select import Select
from turso_wasm.sql.lexer import (
    BAD_NUMBER,
    BLOB,
    END,
    ID,
    ILLEGAL,
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


class DdlParser(DmlParser):
    """Statements that change the schema."""

    __slots__ = ("_foreign_key",)

    _foreign_key: ForeignKey | None  # the last one of the table: what DEFERRABLE speaks of

    # --- CREATE ------------------------------------------------------------------------------------------------------

    def create(self) -> Statement:
        start = self.starts[self.at]
        self.at += 1
        kind = self.kinds[self.at]
        temporary = kind == "TEMP"
        if temporary:
            self.at += 1
            kind = self.kinds[self.at]
        if kind == "TABLE":
            return self._create_table(start, temporary)
        if kind == "VIEW":
            return self._create_view(start, temporary)
        if kind == "TRIGGER":
            return self._create_trigger(start, temporary)
        if not temporary and kind in ("INDEX", "UNIQUE"):
            return self._create_index(start)
        if not temporary and kind == "VIRTUAL":
            return self._create_virtual_table(start)
        self.fail()

    def _new_name(self) -> tuple[bool, QualifiedName]:
        """`[IF NOT EXISTS] name`: (was IF NOT EXISTS written, name). The kind of object has been taken."""
        if_not_exists = self.accept("IF")
        if if_not_exists:
            self.expect("NOT")
            self.expect("EXISTS")
        return if_not_exists, self.qualified_name()

    def _create_table(self, start: int, temporary: bool) -> CreateTable:
        self.at += 1
        if_not_exists, name = self._new_name()
        if temporary and name.schema is not None and name.schema.lower() != "temp":
            self.complain("temporary table name must be unqualified")
        table = CreateTable(name, temporary=temporary, if_not_exists=if_not_exists)
        if self.accept("AS"):
            table.select = self._expect_select()
        else:
            self.expect("(")
            self._foreign_key = None
            self._table_body(table)
            self.expect(")")
            self._table_options(table)
        table.span = self.span_from(start)
        return table

    def _expect_select(self) -> Select:
        if self.kinds[self.at] not in ("SELECT", "VALUES", "WITH"):
            self.fail()
        return self.select()

    def _table_body(self, table: CreateTable) -> None:
        """Columns, then constraints, which may follow each other without commas."""
        columns = [self._column()]
        constraints: list[Constraint] = []
        self.depth += 2
        while self.accept(","):
            if self.kinds[self.at] in _TABLE_CONSTRAINTS:
                constraints = self._table_constraints()
                break
            columns.append(self._column())
        self.depth -= 2
        table.columns = tuple(columns)
        table.constraints = tuple(constraints)

    def _table_options(self, table: CreateTable) -> None:
        """`[STRICT | WITHOUT ROWID], …`"""
        if self.kinds[self.at] not in NAMES:
            return
        while True:
            at = self.at
            if self.accept("WITHOUT"):
                word = self.raw_name()
                if word.lower() == "rowid":
                    table.without_rowid = True
                else:
                    self.complain(f"unknown table option: {word}")
            else:
                word = self.raw_name()
                if word.lower() == "strict":
                    table.strict = True
                else:
                    self.complain(f"unknown table option: {self.texts[at]}")
            if not self.accept(","):
                return

    # --- columns -----------------------------------------------------------------------------------------------------

    def _column(self) -> ColumnDef:
        start = self.starts[self.at]
        column = ColumnDef(self.name())
        column.type_name = _without_generated_always(self.type_name())
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
                name = None
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
                constraint = NotNull(self._on_conflict(), name)
            case "NULL":
                self.at += 1
                constraint = NullAllowed(self._on_conflict(), name)
            case "PRIMARY":
                constraint = self._column_primary_key(name)
            case "UNIQUE":
                self.at += 1
                constraint = Unique((), self._on_conflict(), name)
            case "CHECK":
                constraint = self._check(name)
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
        key.on_conflict = self._on_conflict()
        key.autoincrement = self.accept("AUTOINCREMENT")
        return key

    def _check(self, name: str | None) -> Check:
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

    def _on_conflict(self) -> ConflictAction | None:
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
        self._foreign_key = key
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
        if self._foreign_key is not None:
            self._foreign_key.deferrable = deferrable
            self._foreign_key.initially = initially
            self._foreign_key.span = self.span_from(self._foreign_key.span[0])

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
                name = None
            else:
                self.fail()
            comma = self.accept(",")
            if comma:
                name = None
            elif self.kinds[self.at] not in _TABLE_CONSTRAINTS:
                return constraints

    def _table_constraint(self, kind: str, name: str | None) -> Constraint:
        if kind == "CHECK":
            check = self._check(name)
            check.on_conflict = self._on_conflict()
            return check
        if kind == "PRIMARY":
            self.at += 1
            self.expect("KEY")
            self.expect("(")
            columns = self.plain_order_terms()
            autoincrement = self.accept("AUTOINCREMENT")
            self.expect(")")
            return PrimaryKey(columns, False, autoincrement, self._on_conflict(), name)
        if kind == "UNIQUE":
            self.at += 1
            self.expect("(")
            columns = self.plain_order_terms()
            self.expect(")")
            return Unique(columns, self._on_conflict(), name)
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

    def plain_order_terms(self) -> tuple[OrderTerm, ...]:
        """ORDER BY terms of an index, which must not say where NULLs go."""
        terms = self.order_terms()
        for term in terms:
            if term.nulls is not None:
                self.complain(f"unsupported use of NULLS {term.nulls}")
                break
        return terms

    # --- indexes, views, virtual tables ------------------------------------------------------------------------------

    def _create_index(self, start: int) -> CreateIndex:
        unique = self.accept("UNIQUE")
        self.expect("INDEX")
        if_not_exists, name = self._new_name()
        self.expect("ON")
        table = self.name_node()
        self.expect("(")
        self.depth += 9
        columns = self.plain_order_terms()
        self.expect(")")
        self.depth += 3
        where = self.expr() if self.accept("WHERE") else None
        self.depth -= 12
        return CreateIndex(name, table, columns, where, unique, if_not_exists, self.span_from(start))

    def _create_view(self, start: int, temporary: bool) -> CreateView:
        self.at += 1
        if_not_exists, name = self._new_name()
        columns = self.plain_columns() if self.accept("(") else ()
        self.expect("AS")
        self.depth += 8
        select = self._expect_select()
        self.depth -= 8
        if self.highest_parameter:
            self.complain("parameters are not allowed in views")
        if temporary and name.schema is not None and name.schema.lower() != "temp":
            self.complain("temporary table name must be unqualified")
        return CreateView(name, columns, select, temporary, if_not_exists, self.span_from(start))

    def _create_virtual_table(self, start: int) -> CreateVirtualTable:
        self.at += 1
        self.expect("TABLE")
        if_not_exists, name = self._new_name()
        self.expect("USING")
        module = self.name()
        arguments = self._module_arguments() if self.accept("(") else ()
        return CreateVirtualTable(name, module, arguments, if_not_exists, self.span_from(start))

    def _module_arguments(self) -> tuple[str, ...]:
        """Any tokens, split at the commas outside parentheses, up to and with the closing one."""
        arguments: list[str] = []
        depth = 0
        first = self.at
        while True:
            kind = self.kinds[self.at]
            if kind == END or kind == ILLEGAL or kind == ";":
                self.fail()
            if depth == 0 and kind in (",", ")"):
                end = self.ends[self.at - 1] if self.at > first else self.starts[first]
                text = self.tokens.sql[self.starts[first] : end]
                if text or kind == "," or arguments:
                    arguments.append(text)
                first = self.at + 1
            depth += 1 if kind == "(" else -1 if kind == ")" else 0
            self.at += 1
            if depth < 0:
                return tuple(arguments)

    # --- triggers ----------------------------------------------------------------------------------------------------

    def _create_trigger(self, start: int, temporary: bool) -> CreateTrigger:
        self.at += 1
        if_not_exists, name = self._new_name()
        time: Literal["BEFORE", "AFTER", "INSTEAD OF"] | None = None
        if self.accept("BEFORE"):
            time = "BEFORE"
        elif self.accept("AFTER"):
            time = "AFTER"
        elif self.accept("INSTEAD"):
            self.expect("OF")
            time = "INSTEAD OF"
        event = self.kinds[self.at]
        if event not in ("INSERT", "UPDATE", "DELETE"):
            self.fail()
        self.at += 1
        update_of = self._update_of() if event == "UPDATE" and self.accept("OF") else ()
        self.expect("ON")
        table = self.qualified_name()
        for_each_row = self.accept("FOR")
        if for_each_row:
            self.expect("EACH")
            self.expect("ROW")
        when = self.expr() if self.accept("WHEN") else None
        if temporary and name.schema is not None:
            self.complain("temporary trigger may not have qualified name")
        body = self._trigger_body()
        trigger = CreateTrigger(name, cast(Literal["INSERT", "UPDATE", "DELETE"], event), table, body, time)
        trigger.update_of, trigger.for_each_row, trigger.when = update_of, for_each_row, when
        trigger.temporary, trigger.if_not_exists = temporary, if_not_exists
        trigger.span = self.span_from(start)
        return trigger

    def _update_of(self) -> tuple[Name, ...]:
        names = [self.name_node()]
        while self.accept(","):
            names.append(self.name_node())
        return tuple(names)

    def _trigger_body(self) -> tuple[Insert | Update | Delete | Select, ...]:
        self.expect("BEGIN")
        self.in_trigger = True
        body: list[Insert | Update | Delete | Select] = []
        while not body or self.kinds[self.at] != "END":
            kind = self.kinds[self.at]
            if kind == "UPDATE":
                body.append(self.update())
            elif kind == "INSERT" or kind == "REPLACE":
                body.append(self.insert())
            elif kind == "DELETE":
                body.append(self.delete())
            else:
                body.append(self._expect_select())
            if self.kinds[self.at] == END:
                self.complaint_at = self.at if self.complaint is not None else -1
            self.expect(";")
        self.at += 1
        self.in_trigger = False
        return tuple(body)

    # --- DROP and ALTER ----------------------------------------------------------------------------------------------

    def drop(self) -> Drop:
        start = self.starts[self.at]
        self.at += 1
        kind = self.kinds[self.at]
        if kind not in ("TABLE", "INDEX", "VIEW", "TRIGGER"):
            self.fail()
        self.at += 1
        if_exists = self.accept("IF")
        if if_exists:
            self.expect("EXISTS")
        name = self.qualified_name()
        return Drop(cast(Literal["TABLE", "INDEX", "VIEW", "TRIGGER"], kind), name, if_exists, self.span_from(start))

    def alter(self) -> Statement:
        start = self.starts[self.at]
        self.at += 1
        self.expect("TABLE")
        table = self.qualified_name()
        kind = self.kinds[self.at]
        if kind not in ("RENAME", "ADD", "DROP", "ALTER"):
            self.fail()
        self.at += 1
        statement: Statement
        if kind == "RENAME":
            statement = self._rename(table)
        elif kind == "ADD":
            statement = self._add(table)
        elif kind == "DROP":
            if self.accept("CONSTRAINT"):
                statement = DropConstraint(table, self.name())
            else:
                self.accept("COLUMN")
                statement = DropColumn(table, self.name())
        else:
            statement = self._alter_column(table)
        statement.span = self.span_from(start)  # type: ignore[attr-defined]
        return statement

    def _rename(self, table: QualifiedName) -> Statement:
        if self.accept("TO"):
            return RenameTable(table, self.name())
        self.accept("COLUMN")
        column = self.name()
        self.expect("TO")
        quoted = self.texts[self.at][:1] in ("'", '"', "`", "[")
        return RenameColumn(table, column, self.name(), quoted)

    def _add(self, table: QualifiedName) -> Statement:
        start = self.starts[self.at]
        if self.kinds[self.at] in ("CONSTRAINT", "CHECK"):
            name = None
            if self.accept("CONSTRAINT"):
                name = self.name()
                if self.kinds[self.at] != "CHECK":
                    self.fail()
            check = self._check(name)
            check.on_conflict = self._on_conflict()
            check.span = self.span_from(start)
            return AddConstraint(table, check)
        self.accept("COLUMN")
        self._foreign_key = None
        return AddColumn(table, self._column())

    def _alter_column(self, table: QualifiedName) -> AlterColumnNotNull:
        self.accept("COLUMN")
        column = self.name()
        start = self.starts[self.at]
        dropped = self.accept("DROP")
        if not dropped:
            self.expect("SET")
        self.expect("NOT")
        self.expect("NULL")
        if dropped:
            return AlterColumnNotNull(table, column, None)
        constraint = NotNull(self._on_conflict())
        constraint.span = self.span_from(start)
        return AlterColumnNotNull(table, column, constraint)


_TIGHTEST: Final = 100  # no operator binds tighter


def _without_generated_always(type_name: str) -> str:
    """`x INT GENERATED ALWAYS AS (…)`: the two words look like a part of the type to the grammar."""
    words = type_name.rsplit(None, 2)
    if [word.lower() for word in words[-2:]] == ["generated", "always"]:
        return type_name[: len(type_name.rstrip()) - len(" ".join(words[-2:]))].rstrip() if len(words) == 3 else ""
    return type_name
