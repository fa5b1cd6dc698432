"""Authorizers: code of the user's that is asked, while a statement is compiled, about all that it would do.

Actions and answers are SQLite's, https://sqlite.org/c3ref/set_authorizer.html. Asked about are statements, SELECTs,
columns that are read, and functions; what follows from a change (entries of the schema, triggers' own changes) is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from turso_wasm.base.errors import SQLITE_AUTH, SQLITE_ERROR, SqlError
from turso_wasm.bind import bound
from turso_wasm.catalog.names import fold
from turso_wasm.sql import ast

if TYPE_CHECKING:
    from turso_wasm.bind.binder import Binder
    from turso_wasm.bind.query import Item
    from turso_wasm.catalog.catalog import Catalogs
    from turso_wasm.catalog.objects import Table

Ask = Callable[[int, str | None, str | None, str | None, str | None], int]
"""(action, two facts, database, innermost view) -> OK, DENY or IGNORE."""

OK, DENY, IGNORE = 0, 1, 2

CREATE_INDEX: Final = 1
CREATE_TABLE: Final = 2
CREATE_TRIGGER: Final = 7
CREATE_VIEW: Final = 8
DELETE: Final = 9
DROP_INDEX: Final = 10
DROP_TABLE: Final = 11
DROP_TRIGGER: Final = 16
DROP_VIEW: Final = 17
INSERT: Final = 18
PRAGMA: Final = 19
READ: Final = 20
SELECT: Final = 21
TRANSACTION: Final = 22
UPDATE: Final = 23
ATTACH: Final = 24
DETACH: Final = 25
ALTER_TABLE: Final = 26
REINDEX: Final = 27
ANALYZE: Final = 28
CREATE_VTABLE: Final = 29
DROP_VTABLE: Final = 30
FUNCTION: Final = 31
SAVEPOINT: Final = 32

_TEMP = {CREATE_INDEX: 3, CREATE_TABLE: 4, CREATE_TRIGGER: 5, CREATE_VIEW: 6}
_TEMP |= {DROP_INDEX: 12, DROP_TABLE: 13, DROP_TRIGGER: 14, DROP_VIEW: 15}
_DROPS = {"TABLE": DROP_TABLE, "INDEX": DROP_INDEX, "VIEW": DROP_VIEW, "TRIGGER": DROP_TRIGGER}

Altering = ast.RenameTable | ast.RenameColumn | ast.AddColumn | ast.DropColumn
Indexing = ast.CreateIndex | ast.CreateIndexUsing
Creating = ast.CreateTable | ast.CreateView | Indexing | ast.CreateTrigger | ast.CreateVirtualTable


class Authority:
    """One authorizer, asked about one statement."""

    def __init__(self, ask: Ask, catalogs: Catalogs) -> None:
        self._ask = ask
        self._catalogs = catalogs

    def allows(
        self,
        action: int,
        first: str | None = None,
        second: str | None = None,
        schema: str | None = None,
        *,
        within: str | None = None,
        refusal: str = "not authorized",
        code: int = SQLITE_AUTH,
    ) -> bool:
        """False: it is to be ignored. Errors: `code`, the refusal; "authorizer malfunction"."""
        answer = self._ask(action, first, second, schema, within)
        if answer == DENY:
            raise SqlError(code, refusal)
        if answer not in (OK, IGNORE):
            raise SqlError(SQLITE_ERROR, "authorizer malfunction")
        return answer == OK

    # --- parts of statements --------------------------------------------------------------------------------------

    def select(self, binder: Binder) -> None:
        """A SELECT is bound."""
        self.allows(SELECT, within=_view(binder))

    def rows(self, binder: Binder, items: Iterable[Item]) -> None:
        """A SELECT has been bound: tables of which it reads no column are read, too."""
        for item in items:
            if item.table is not None and item.source in binder.scanned and item.refs.keys() <= {-1}:
                refusal = f"access to {item.table.name} is prohibited"
                self.allows(READ, item.table.name, "", None, within=_view(binder), refusal=refusal)

    def function(self, binder: Binder, name: str) -> bool:
        """A function is called."""
        refusal = f"not authorized to use function: {name}"
        return self.allows(FUNCTION, None, fold(name), within=_view(binder), refusal=refusal, code=SQLITE_ERROR)

    def read(self, binder: Binder, ref: bound.ColumnRef) -> bound.Expr:
        """What a name stands for that means a column of a table: the column, or NULL."""
        table = binder.scanned.get(ref.source)
        if table is None:
            return ref
        column = ref.origin or ref.name
        if ref.column == -1 and table.rowid_alias < 0:
            column = "ROWID"
        several = table.slot != 0 or len(self._catalogs.order) > 2
        place = f"{table.schema}.{table.name}" if several else table.name
        refusal = f"access to {place}.{column} is prohibited"
        allowed = self.allows(READ, table.name, column, table.schema, within=_view(binder), refusal=refusal)
        return ref if allowed else bound.Constant(value=None)

    # --- whole statements -----------------------------------------------------------------------------------------

    def statement(self, node: ast.Statement) -> None:
        """Ask about what kind of statement it is."""
        match node:
            case ast.Explain():
                self.statement(node.statement)
            case ast.Insert() | ast.Update() | ast.Delete():
                self._change(node)
            case ast.Pragma():
                self.allows(PRAGMA, node.name, node.value, node.schema)
            case ast.Begin():
                self.allows(TRANSACTION, "BEGIN")
            case ast.Commit():
                self.allows(TRANSACTION, "COMMIT")
            case ast.Rollback(savepoint=None):
                self.allows(TRANSACTION, "ROLLBACK")
            case ast.Rollback():
                self.allows(SAVEPOINT, "ROLLBACK", node.savepoint)
            case ast.Savepoint():
                self.allows(SAVEPOINT, "BEGIN", node.name)
            case ast.Release():
                self.allows(SAVEPOINT, "RELEASE", node.name)
            case ast.Attach():
                self.allows(ATTACH, _text(node.file))
            case ast.Detach():
                self.allows(DETACH, _text(node.schema))
            case ast.Analyze():
                name = node.name
                self.allows(ANALYZE, name.name if name is not None else None, None, self._schema(name))
            case ast.Reindex():
                name = node.name
                self.allows(REINDEX, name.name if name is not None else None, None, self._schema(name))
            case ast.Drop():
                self._drop(node)
            case _:
                if isinstance(node, Creating):
                    self._create(node)
                elif isinstance(node, Altering):
                    self.allows(ALTER_TABLE, self._schema(node.table), node.table.name)

    def _schema(self, name: ast.QualifiedName | ast.TableSource | None) -> str:
        """The database that has the table, or would."""
        table = self._table(name)
        if table is not None:
            return table.schema
        return name.schema if name is not None and name.schema is not None else "main"

    def _table(self, name: ast.QualifiedName | ast.TableSource | None) -> Table | None:
        return self._catalogs.find_table(name.name, name.schema) if name is not None else None

    def _change(self, node: ast.Insert | ast.Update | ast.Delete) -> None:
        table = self._table(node.table)
        if table is None:
            return  # binding says so
        match node:
            case ast.Insert():
                self.allows(INSERT, table.name, None, table.schema)
            case ast.Delete():
                self.allows(DELETE, table.name, None, table.schema)
            case ast.Update():
                for assignment in node.assignments:
                    for name in assignment.columns:
                        number = table.numbers.get(fold(name.text))
                        column = table.columns[number].name if number is not None else "ROWID"
                        self.allows(UPDATE, table.name, column, table.schema)

    def _create(self, node: Creating) -> None:
        schema = node.name.schema or "main"
        if not isinstance(node, Indexing | ast.CreateVirtualTable) and node.temporary:
            schema = "temp"
        second = None
        match node:
            case ast.CreateTable():
                action = CREATE_TABLE
            case ast.CreateView():
                action = CREATE_VIEW
            case ast.CreateIndex() | ast.CreateIndexUsing():
                action, second = CREATE_INDEX, node.table.text
            case ast.CreateTrigger():
                action, second = CREATE_TRIGGER, node.table.name
            case ast.CreateVirtualTable():
                action, second = CREATE_VTABLE, node.module
        is_temp = fold(schema) == "temp"
        master = "sqlite_temp_master" if is_temp else "sqlite_master"
        self.allows(INSERT, master, None, schema)
        self.allows(_TEMP.get(action, action) if is_temp else action, node.name.name, second, schema)

    def _drop(self, node: ast.Drop) -> None:
        table = self._table(node.name)
        schema = self._schema(node.name)
        is_temp = fold(schema) == "temp"
        action = _DROPS[node.kind]
        if table is not None and table.kind == "virtual":
            action = DROP_VTABLE
        self.allows(DELETE, "sqlite_temp_master" if is_temp else "sqlite_master", None, schema)
        owner = self._owner(node)
        self.allows(_TEMP.get(action, action) if is_temp else action, node.name.name, owner, schema)
        if table is not None:
            self.allows(DELETE, table.name, None, schema)

    def _owner(self, node: ast.Drop) -> str | None:
        """The table that an index or trigger is on."""
        for catalog in self._catalogs.search_order:
            if node.kind == "TRIGGER" and (trigger := catalog.find_trigger(fold(node.name.name))) is not None:
                return trigger.table
            if node.kind == "INDEX" and (index := catalog.find_index(node.name.name)) is not None:
                return index.table
        return None


def _view(binder: Binder) -> str | None:
    return binder.open_views[-1].partition(".")[2] if binder.open_views else None


def _text(node: ast.Expr) -> str | None:
    """The text an expression is, where it is one."""
    value = getattr(node, "value", None) or getattr(node, "column", None)
    return value if isinstance(value, str) else None
