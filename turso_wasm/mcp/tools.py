"""The tools: Turso's nine, with their names and arguments, and explain_query."""

from __future__ import annotations

from typing import Annotated, Final

from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, ToolAnnotations
from pydantic import Field

from turso_wasm.mcp import results
from turso_wasm.mcp.database import SCHEMA_CHANGES, Database, Refused
from turso_wasm.shell.plans import tree
from turso_wasm.sql import ast

_TABLES: Final = """
SELECT name FROM pragma_table_list
WHERE schema = 'main' AND type IN ('table', 'view', 'virtual') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name
"""
_READS: Final = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
_DESTROYS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=False
)
_OPENS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=True
)

Query = Annotated[str, Field(description="One SQL statement, in SQLite's dialect")]


def add_tools(server: MCPServer, database: Database) -> None:
    """Give the server its tools; only those that read when the database is read-only."""
    tools = Tools(database)
    server.add_tool(tools.open_database, annotations=_OPENS)
    for reads in (
        tools.current_database,
        tools.list_tables,
        tools.describe_table,
        tools.execute_query,
        tools.explain_query,
    ):
        server.add_tool(reads, annotations=_READS)
    if database.readonly:
        return
    for destroys in (tools.insert_data, tools.update_data, tools.delete_data, tools.schema_change):
        server.add_tool(destroys, annotations=_DESTROYS)


def table_names(database: Database) -> list[str]:
    """The tables and views of the main database."""
    return [row[0] for row in database.query(_TABLES)]


def describe(database: Database, table_name: str) -> results.Description:
    """All about a table. Errors: Refused when there is none of that name."""
    columns = database.query("SELECT * FROM pragma_table_xinfo(?)", (table_name,))
    if not columns:
        raise Refused(f"Table '{table_name}' not found")
    keys: dict[int, list[tuple[object, ...]]] = {}
    for row in database.query("SELECT * FROM pragma_foreign_key_list(?)", (table_name,)):
        keys.setdefault(row[0], []).append(row)
    made = database.query(
        "SELECT sql FROM sqlite_schema WHERE name = ? COLLATE NOCASE AND type IN ('table', 'view')", (table_name,)
    )
    return results.Description(
        table=table_name,
        columns=[
            results.Column(
                name=row[1],
                type=row[2],
                not_null=bool(row[3]),
                default=row[4],
                primary_key=row[5],
                generated=row[6] in (2, 3),
            )
            for row in columns
        ],
        indexes=[_index(database, *row) for row in database.query(_INDEXES, (table_name,))],
        foreign_keys=[_foreign_key(rows) for rows in keys.values()],
        sql=made[0][0] if made else None,
    )


_INDEXES: Final = 'SELECT name, "unique" FROM pragma_index_list(?)'


def _index(database: Database, name: str, is_unique: int) -> str:
    columns = [row[0] or "(expression)" for row in database.query("SELECT name FROM pragma_index_info(?)", (name,))]
    return f"{name}({', '.join(columns)}){' UNIQUE' if is_unique else ''}"


def _foreign_key(rows: list[tuple[object, ...]]) -> str:
    columns = ", ".join([str(row[3]) for row in rows])
    to = ", ".join([str(row[4]) for row in rows if row[4] is not None])
    return f"({columns}) REFERENCES {rows[0][2]}{f'({to})' if to else ''}"


class Tools:
    """The functions behind the tools. Their docstrings are what an assistant reads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_database(
        self, path: Annotated[str, Field(description="A file, made when there is none, or :memory:")]
    ) -> Annotated[CallToolResult, results.DatabaseName]:
        """Open another database; all tools use it from then on."""
        self._database.open(path)
        return results.answer(f"Successfully opened database: {path}", self._name())

    def current_database(self) -> Annotated[CallToolResult, results.DatabaseName]:
        """Which database is open."""
        default = " (default)" if self._database.path == ":memory:" else ""
        readonly = " (read-only)" if self._database.readonly else ""
        return results.answer(f"Current database: {self._database.path}{default}{readonly}", self._name())

    def list_tables(self) -> Annotated[CallToolResult, results.TableNames]:
        """The names of all tables and views."""
        names = self._names()
        return results.answer(results.joined(names), results.TableNames(tables=names))

    def describe_table(
        self, table_name: Annotated[str, Field(description="The name of a table or view")]
    ) -> Annotated[CallToolResult, results.Description]:
        """The columns, indexes and foreign keys of a table."""
        found = describe(self._database, table_name)
        lines = [f"Table '{table_name}' columns:", *[results.column_line(column) for column in found.columns]]
        lines += results.indented("Indexes:", found.indexes)
        lines += results.indented("Foreign keys:", found.foreign_keys)
        return results.answer("\n".join(lines), found)

    def execute_query(self, query: Query) -> Annotated[CallToolResult, results.Rows]:
        """Run one SELECT and read its rows."""
        outcome = self._database.run(query, ast.Select, "SELECT")
        rows = results.Rows(
            columns=outcome.columns, rows=outcome.rows, row_count=len(outcome.rows), truncated=outcome.is_cut
        )
        return results.answer(results.table_text(outcome, self._database.max_rows), rows)

    def explain_query(
        self,
        query: Query,
        analyze: Annotated[
            bool, Field(description="Run it, and tell how many rows each step saw and how long it took")
        ] = False,
    ) -> Annotated[CallToolResult, results.Plan]:
        """How a SELECT is executed: which indexes serve it, what is scanned and sorted. Nothing is changed."""
        kinds: tuple[type, ...] = (ast.Select,) if analyze else (ast.Select, ast.Insert, ast.Update, ast.Delete)
        self._check(query, kinds)
        outcome = self._database.execute(f"EXPLAIN {'ANALYZE' if analyze else 'QUERY PLAN'} {query}")
        lines = list(tree(outcome.rows))
        return results.answer("\n".join(lines), results.Plan(plan=lines[1:]))

    def insert_data(self, query: Query) -> Annotated[CallToolResult, results.Change]:
        """Run one INSERT or REPLACE."""
        return self._change(query, ast.Insert, "INSERT")

    def update_data(self, query: Query) -> Annotated[CallToolResult, results.Change]:
        """Run one UPDATE."""
        return self._change(query, ast.Update, "UPDATE")

    def delete_data(self, query: Query) -> Annotated[CallToolResult, results.Change]:
        """Run one DELETE."""
        return self._change(query, ast.Delete, "DELETE")

    def schema_change(self, query: Query) -> Annotated[CallToolResult, results.SchemaChange]:
        """Run one CREATE, ALTER or DROP."""
        self._database.run(query, SCHEMA_CHANGES, "CREATE, ALTER, and DROP")
        return results.answer("Schema change successful.", results.SchemaChange(tables=self._names()))

    def _change(self, query: str, kind: type, verb: str) -> CallToolResult:
        outcome = self._database.run(query, kind, verb)
        text = f"{verb} successful. {results.counted(outcome.changed, 'row')} changed."
        if outcome.columns:
            text += "\n" + results.table_text(outcome, self._database.max_rows)
        return results.answer(
            text, results.Change(rows_changed=outcome.changed, columns=outcome.columns, rows=outcome.rows)
        )

    def _check(self, query: str, kinds: tuple[type, ...]) -> None:
        self._database.check(query, kinds, "SELECT" if len(kinds) == 1 else "SELECT, INSERT, UPDATE, and DELETE")

    def _name(self) -> results.DatabaseName:
        return results.DatabaseName(path=self._database.path, readonly=self._database.readonly)

    def _names(self) -> list[str]:
        return table_names(self._database)
