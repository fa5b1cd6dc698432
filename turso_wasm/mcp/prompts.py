"""Prompts: how to begin with a database that one does not know."""

from __future__ import annotations

from mcp.server.mcpserver import MCPServer


def add_prompts(server: MCPServer) -> None:
    """Give the server its prompts."""

    @server.prompt(title="Explore the database")
    def explore_database() -> str:
        """Find out what a database is about."""
        return (
            "Find out what this SQLite database is about. Read the resource schema://main (or call list_tables and "
            "describe_table), then look at a few rows and the number of rows of the most important tables with "
            "execute_query. Tell me in a page: what it is about, its main tables and how they refer to each other, "
            "anything odd in the data, and five questions it could answer, each with its SQL."
        )

    @server.prompt(title="Profile a table")
    def profile_table(table_name: str) -> str:
        """Look at the data of one table."""
        return (
            f"Profile the table {table_name} of this SQLite database. Call describe_table, then for each column find "
            "with as few queries as you can: how many values are NULL, how many are distinct, smallest and largest, "
            "the most frequent. Point out missing indexes, values of unexpected types, and rows that look wrong."
        )

    @server.prompt(title="Speed up a query")
    def speed_up_query(query: str) -> str:
        """Find indexes or another wording that make a query faster."""
        return (
            "Make this query of an SQLite database faster. Call explain_query with analyze to see where its time "
            "goes, look at the tables with describe_table, and propose indexes or another wording; compare the plans "
            f"before you answer. Do not change the schema unless I say so.\n\n{query}"
        )
