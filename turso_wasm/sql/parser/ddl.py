"""CREATE, DROP, ALTER."""

from __future__ import annotations

from typing import Final, Literal, cast

from turso_wasm.base.errors import SqlError
from turso_wasm.sql.ast_base import Expr, Name, QualifiedName, Statement
from turso_wasm.sql.ast_ddl import (
    AddColumn,
    AddConstraint,
    AlterColumn,
    AlterColumnNotNull,
    CreateIndex,
    CreateIndexUsing,
    CreateMaterializedView,
    CreateTable,
    CreateTrigger,
    CreateView,
    CreateVirtualTable,
    Drop,
    DropColumn,
    DropConstraint,
    NotNull,
    RenameColumn,
    RenameTable,
)
from turso_wasm.sql.ast_dml import Delete, Insert, Update
from turso_wasm.sql.ast_select import Select
from turso_wasm.sql.lexer import END, ILLEGAL, extend
from turso_wasm.sql.parser.extensions import ExtensionParser


class TriggerBodyError(SqlError):
    """A syntax error in the body of `trigger`, whose head is sound."""

    def __init__(self, error: SqlError, trigger: CreateTrigger) -> None:
        super().__init__(error.code, error.message, error.span)
        self.trigger = trigger


_LAST: Final = frozenset({END, ILLEGAL})


class DdlParser(ExtensionParser):
    """Statements that change the schema."""

    __slots__ = ()

    # --- CREATE ------------------------------------------------------------------------------------------------------

    def create(self) -> Statement:
        """CREATE of anything."""
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
        if kind == "MATERIALIZED" and not temporary and self.kinds[self.at + 1] == "VIEW":
            self.at += 1
            view = self._create_view(start, temporary)
            return CreateMaterializedView(view, view.span)
        if kind == "TRIGGER":
            return self._create_trigger(start, temporary)
        if not temporary and kind in ("INDEX", "UNIQUE"):
            return self._create_index(start)
        if not temporary and kind == "VIRTUAL":
            return self._create_virtual_table(start)
        return (None if temporary else self.create_extension(start)) or self.fail()

    def _create_table(self, start: int, temporary: bool) -> CreateTable:
        self.at += 1
        if_not_exists, name = self.new_name()
        if temporary and name.schema is not None and name.schema.lower() != "temp":
            self.complain("temporary table name must be unqualified")
        table = CreateTable(name, temporary=temporary, if_not_exists=if_not_exists)
        if self.accept("AS"):
            table.select = self._expect_select()
        else:
            self.expect("(")
            self.last_foreign_key = None
            self.table_body(table)
            self.expect(")")
            self.table_options(table)
        table.span = self.span_from(start)
        return table

    def _expect_select(self) -> Select:
        if self.kinds[self.at] not in ("SELECT", "VALUES", "WITH"):
            self.fail()
        return self.select()

    # --- indexes, views, virtual tables ------------------------------------------------------------------------------

    def _create_index(self, start: int) -> CreateIndex | CreateIndexUsing:
        unique = self.accept("UNIQUE")
        self.expect("INDEX")
        if_not_exists, name = self.new_name()
        self.expect("ON")
        table = self.name_node()
        if self.kinds[self.at] == "USING" and not unique:
            return self._create_index_using(start, if_not_exists, name, table)
        self.expect("(")
        self.depth += 9
        columns = self.order_terms()
        self.expect(")")
        self.depth += 3
        where = self.expr() if self.accept("WHERE") else None
        self.depth -= 12
        self.refuse_nulls(columns)
        return CreateIndex(name, table, columns, where, unique, if_not_exists, self.span_from(start))

    def _create_index_using(
        self, start: int, if_not_exists: bool, name: QualifiedName, table: Name
    ) -> CreateIndexUsing:
        self.expect("USING")
        method = self.name()
        self.expect("(")
        self.depth += 9
        columns = self.order_terms()
        self.expect(")")
        options: list[tuple[str, Expr]] = []
        if self.accept("WITH"):
            self.expect("(")
            while True:
                option = self.name()
                self.expect("=")
                options.append((option, self.expr()))
                if not self.accept(","):
                    break
            self.expect(")")
        self.depth -= 9
        span = self.span_from(start)
        return CreateIndexUsing(name, table, method, columns, tuple(options), if_not_exists, span)

    def _create_view(self, start: int, temporary: bool) -> CreateView:
        self.at += 1
        if_not_exists, name = self.new_name()
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
        if_not_exists, name = self.new_name()
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
            if kind == ";":
                extend(self.tokens)
            elif kind in _LAST:
                self.fail()
            if depth == 0 and kind in (",", ")"):
                end = self.ends[self.at - 1] if self.at > first else self.starts[first]
                text = self.tokens.sql[self.starts[first] : end]
                if text:  # SQLite drops empty arguments
                    arguments.append(text)
                first = self.at + 1
            depth += 1 if kind == "(" else -1 if kind == ")" else 0
            self.at += 1
            if depth < 0:
                return tuple(arguments)

    # --- triggers ----------------------------------------------------------------------------------------------------

    def _create_trigger(self, start: int, temporary: bool) -> CreateTrigger:
        self.at += 1
        if_not_exists, name = self.new_name()
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
        trigger = CreateTrigger(name, cast(Literal["INSERT", "UPDATE", "DELETE"], event), table, (), time)
        trigger.update_of, trigger.for_each_row, trigger.when = update_of, for_each_row, when
        trigger.temporary, trigger.if_not_exists = temporary, if_not_exists
        trigger.span = self.span_from(start)
        self.expect("BEGIN")
        if self.complaint is not None:
            trigger.body = self._trigger_body()
        else:
            self._finish_trigger(trigger)
        trigger.span = self.span_from(start)
        return trigger

    def _finish_trigger(self, trigger: CreateTrigger) -> None:
        """Parse the body. Errors: TriggerBodyError."""
        try:
            trigger.body = self._trigger_body()
            if self.complaint is not None:
                raise self.complaint
        except SqlError as error:
            raise TriggerBodyError(error, trigger) from None

    def _update_of(self) -> tuple[Name, ...]:
        names = [self.name_node()]
        while self.accept(","):
            names.append(self.name_node())
        return tuple(names)

    def _trigger_body(self) -> tuple[Insert | Update | Delete | Select, ...]:
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

    def drop(self) -> Statement:
        """`DROP TABLE | INDEX | VIEW | TRIGGER [IF EXISTS] name`, and of what SQLite has not."""
        start = self.starts[self.at]
        self.at += 1
        kind = self.kinds[self.at]
        if kind not in ("TABLE", "INDEX", "VIEW", "TRIGGER"):
            return self.drop_extension(start) or self.fail()
        self.at += 1
        if_exists, name = self.old_name()
        return Drop(cast(Literal["TABLE", "INDEX", "VIEW", "TRIGGER"], kind), name, if_exists, self.span_from(start))

    def alter(self) -> Statement:
        """`ALTER TABLE name RENAME | ADD | DROP | ALTER …`."""
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
                written = self._as_written()
                statement = DropColumn(table, self.name(), written)
        else:
            statement = self._alter_column(table)
        statement.span = self.span_from(start)  # type: ignore[attr-defined]
        return statement

    def _as_written(self) -> Name:
        """The token that comes, with its quotes."""
        at = self.at
        return Name(self.texts[at], (self.starts[at], self.ends[at]))

    def _is_quoted(self) -> bool:
        """The token that comes is a name in quotes."""
        return self.texts[self.at][:1] in ("'", '"', "`", "[")

    def _rename(self, table: QualifiedName) -> Statement:
        if self.accept("TO"):
            return RenameTable(table, self.name())
        self.accept("COLUMN")
        written = self._as_written()
        column = self.name()
        self.expect("TO")
        quoted = self._is_quoted()
        return RenameColumn(table, column, self.name(), quoted, written)

    def _add(self, table: QualifiedName) -> Statement:
        start = self.starts[self.at]
        if self.kinds[self.at] in ("CONSTRAINT", "CHECK"):
            name = None
            if self.accept("CONSTRAINT"):
                name = self.name()
                if self.kinds[self.at] != "CHECK":
                    self.fail()
            check = self.check(name)
            check.on_conflict = self.on_conflict()
            check.span = self.span_from(start)
            return AddConstraint(table, check)
        self.accept("COLUMN")
        self.last_foreign_key = None
        return AddColumn(table, self.column())

    def _alter_column(self, table: QualifiedName) -> AlterColumn | AlterColumnNotNull:
        self.accept("COLUMN")
        written = self._as_written()
        column = self.name()
        if self.accept("TO"):
            quoted = self._is_quoted()
            self.last_foreign_key = None
            return AlterColumn(table, column, self.column(), quoted, written)
        dropped = self.accept("DROP")
        if not dropped:
            self.expect("SET")
        start = self.starts[self.at]
        self.expect("NOT")
        self.expect("NULL")
        if dropped:
            return AlterColumnNotNull(table, column, None)
        constraint = NotNull(self.on_conflict())
        constraint.span = self.span_from(start)
        return AlterColumnNotNull(table, column, constraint)
