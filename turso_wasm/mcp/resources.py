"""The schema as resources, of all tables and of each; completion of table names."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp_types import Completion, CompletionArgument, CompletionContext, PromptReference, ResourceTemplateReference

from turso_wasm.mcp.database import Database, Refused
from turso_wasm.mcp.tools import describe, table_names

_MOST = 100  # values of a completion, by the protocol


def add_resources(server: MCPServer, database: Database) -> None:
    """Give the server its resources."""

    @server.resource("schema://main", title="Schema", mime_type="application/sql")
    def schema() -> str:
        """The statements that made all tables, indexes, views and triggers."""
        try:
            rows = database.query("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")
        except Refused as error:
            raise ResourceError(str(error)) from None
        return "\n\n".join([f"{sql};" for (sql,) in rows])

    @server.resource("schema://main/{table_name}", title="Schema of a table", mime_type="application/json")
    def table(table_name: str) -> str:
        """A table's columns, indexes and foreign keys, as describe_table gives them."""
        try:
            return describe(database, table_name).model_dump_json(indent=2)
        except Refused as error:
            raise ResourceNotFoundError(str(error)) from None

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]
    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion | None:
        if argument.name != "table_name":
            return None
        names = [name for name in table_names(database) if name.lower().startswith(argument.value.lower())]
        return Completion(values=names[:_MOST], total=len(names), has_more=len(names) > _MOST)
