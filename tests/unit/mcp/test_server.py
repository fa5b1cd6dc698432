"""The MCP server, asked by the SDK's own client: what an assistant finds, and what it is told."""

import asyncio
import socket
import subprocess
import sys
import time
from contextlib import closing

import pytest
from mcp import Client, MCPError, StdioServerParameters, stdio_client

import turso_wasm
from turso_wasm.mcp.database import Database
from turso_wasm.mcp.server import make_server

TURSO_TOOLS = {
    "open_database": ["path"],
    "current_database": [],
    "list_tables": [],
    "describe_table": ["table_name"],
    "execute_query": ["query"],
    "insert_data": ["query"],
    "update_data": ["query"],
    "delete_data": ["query"],
    "schema_change": ["query"],
}
SCHEMA = """
CREATE TABLE author(id INTEGER PRIMARY KEY, name TEXT NOT NULL, born INT DEFAULT 1900);
CREATE TABLE book(id INTEGER PRIMARY KEY, title, author INT REFERENCES author(id));
CREATE INDEX book_author ON book(author);
CREATE VIEW titles AS SELECT title FROM book;
INSERT INTO author VALUES (1, 'Ada', 1815), (2, 'Bo', NULL);
INSERT INTO book VALUES (1, 'Notes', 1), (2, x'00ff', 1), (3, NULL, 2);
"""


@pytest.fixture
def library(tmp_path):
    path = tmp_path / "library.db"
    with closing(turso_wasm.connect(path)) as connection:
        connection.executescript(SCHEMA)
    return str(path)


def ask(path, *questions, **options):
    """The answers to questions: functions of a client."""

    async def main():
        async with Client(make_server(database)) as client:
            return [await question(client) for question in questions]

    database = Database(path, **options)
    try:
        return asyncio.run(main())
    finally:
        database.close()


def call(name, **arguments):
    return lambda client: client.call_tool(name, arguments)


def text(result):
    assert not result.is_error
    return result.content[0].text


def failure(result):
    assert result.is_error
    return result.content[0].text


# --- the tools ---------------------------------------------------------------------------------------------------


def test_it_has_tursos_tools_with_their_arguments(library):
    (listed,) = ask(library, lambda client: client.list_tools())
    found = {tool.name: tool for tool in listed.tools}
    for name, arguments in TURSO_TOOLS.items():
        assert found[name].input_schema.get("required", []) == arguments, name
    assert set(found) - set(TURSO_TOOLS) == {"explain_query"}


def test_tools_say_what_they_may_destroy(library):
    (listed,) = ask(library, lambda client: client.list_tools())
    hints = {tool.name: (tool.annotations.read_only_hint, tool.annotations.destructive_hint) for tool in listed.tools}
    assert hints["execute_query"][0] and hints["describe_table"][0] and hints["explain_query"][0]
    for name in ("insert_data", "update_data", "delete_data", "schema_change"):  # REPLACE is an INSERT, too
        assert hints[name] == (False, True)


def test_a_query_gives_text_and_the_same_as_a_structure(library):
    (result,) = ask(library, call("execute_query", query="SELECT id, title FROM book ORDER BY id"))
    assert text(result) == "id | title\n----------\n1 | Notes\n2 | X'00ff'\n3 | NULL"
    assert result.structured_content == {
        "columns": ["id", "title"],
        "rows": [[1, "Notes"], [2, "X'00ff'"], [3, None]],
        "row_count": 3,
        "truncated": False,
    }


def test_a_query_that_selects_nothing_says_so(library):
    (result,) = ask(library, call("execute_query", query="SELECT id FROM book WHERE id > 9"))
    assert text(result).endswith("(no rows)")
    assert result.structured_content["rows"] == []


def test_rows_are_limited_and_the_rest_is_not_passed_over_in_silence(library):
    (result,) = ask(library, call("execute_query", query="SELECT id FROM book ORDER BY id"), max_rows=2)
    assert text(result).endswith("(only the first 2 rows; there are more)")
    assert result.structured_content["row_count"] == 2
    assert result.structured_content["truncated"] is True


def test_time_is_limited_and_the_server_goes_on(library):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    late, after = ask(
        library, call("execute_query", query=endless), call("execute_query", query="SELECT 1"), time_limit=0.2
    )
    assert failure(late) == "Error executing tool execute_query: stopped: it took longer than 0.2 seconds"
    assert after.structured_content["rows"] == [[1]]


def test_writing_tells_how_many_rows_changed(library):
    inserted, updated, deleted, left = ask(
        library,
        call("insert_data", query="INSERT INTO author(name) VALUES ('Cy'), ('Di') RETURNING id"),
        call("update_data", query="UPDATE author SET born = 1 WHERE id = 1"),
        call("delete_data", query="DELETE FROM book"),
        call("execute_query", query="SELECT count(*) FROM author"),
    )
    assert text(inserted).startswith("INSERT successful. 2 rows changed.")
    assert inserted.structured_content == {"rows_changed": 2, "columns": ["id"], "rows": [[3], [4]]}
    assert text(updated) == "UPDATE successful. 1 row changed."
    assert deleted.structured_content["rows_changed"] == 3
    assert left.structured_content["rows"] == [[4]]


def test_the_schema_can_be_changed(library):
    changed, listed = ask(library, call("schema_change", query="CREATE TABLE shelf(x)"), call("list_tables"))
    assert text(changed) == "Schema change successful."
    assert text(listed) == "author, book, shelf, titles"
    assert changed.structured_content == listed.structured_content


def test_a_table_is_described(library):
    (result,) = ask(library, call("describe_table", table_name="book"))
    assert text(result) == (
        "Table 'book' columns:\n  id INTEGER NULL PRIMARY KEY\n  title NULL\n  author INT NULL\n"
        "Indexes:\n  book_author(author)\nForeign keys:\n  (author) REFERENCES author(id)"
    )
    column = result.structured_content["columns"][0]
    assert column == {
        "name": "id", "type": "INTEGER", "not_null": False, "default": None, "primary_key": 1, "generated": False
    }  # fmt: skip


def test_a_plan_is_explained_and_measured(library):
    query = "SELECT * FROM book WHERE author = 1"
    plan, measured = ask(library, call("explain_query", query=query), call("explain_query", query=query, analyze=True))
    assert "book_author" in text(plan)
    assert "rows=2" in text(measured)


def test_another_database_can_be_opened(library, tmp_path):
    other = str(tmp_path / "other.db")
    opened, current, listed = ask(
        library, call("open_database", path=other), call("current_database"), call("list_tables")
    )
    assert text(opened) == f"Successfully opened database: {other}"
    assert current.structured_content == {"path": other, "readonly": False}
    assert text(listed) == "No tables found in the database"


# --- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "query", "said"),
    [
        ("execute_query", "DELETE FROM book", "Only SELECT statements are allowed"),
        ("execute_query", "PRAGMA writable_schema = 1", "Only SELECT statements are allowed"),
        ("execute_query", "SELECT 1; SELECT 2", "Only a single SELECT statement is allowed"),
        ("execute_query", "", "Only a single SELECT statement is allowed"),
        ("execute_query", "SELECT nope\nFROM book", "no such column: nope (line 1, column 8: nope)"),
        ("execute_query", "SELEC 1", 'near "SELEC": syntax error (line 1, column 1: SELEC)'),
        ("insert_data", "UPDATE book SET id = 1", "Only INSERT statements are allowed"),
        ("insert_data", "INSERT INTO author(id, name) VALUES (1, 'x')", "UNIQUE constraint failed: author.id"),
        ("update_data", "INSERT INTO book VALUES (9, 9, 9)", "Only UPDATE statements are allowed"),
        ("delete_data", "DROP TABLE book", "Only DELETE statements are allowed"),
        ("schema_change", "SELECT 1", "Only CREATE, ALTER, and DROP statements are allowed"),
        ("schema_change", "ATTACH 'x' AS y", "Only CREATE, ALTER, and DROP statements are allowed"),
        ("explain_query", "DROP TABLE book", "Only SELECT, INSERT, UPDATE, and DELETE statements are allowed"),
    ],
)
def test_what_cannot_be_done_is_an_error_with_a_reason(library, tool, query, said):
    (result,) = ask(library, call(tool, query=query))
    assert failure(result).partition(": ")[2] == said


def test_explaining_a_change_changes_nothing(library):
    refused, left = ask(
        library,
        call("explain_query", query="DELETE FROM book", analyze=True),
        call("execute_query", query="SELECT count(*) FROM book"),
    )
    assert "Only SELECT" in failure(refused)
    assert left.structured_content["rows"] == [[3]]


def test_a_missing_table_or_database_is_an_error(library):
    table, database, current = ask(
        library,
        call("describe_table", table_name="nope"),
        call("open_database", path="/nonexistent/x.db"),
        call("current_database"),
    )
    assert failure(table) == "Error executing tool describe_table: Table 'nope' not found"
    assert failure(database).endswith("/nonexistent/x.db: unable to open database file")
    assert current.structured_content["path"] == library


def test_read_only_has_no_tools_that_write_and_cannot_be_talked_round(library):
    listed, current = ask(library, lambda client: client.list_tools(), call("current_database"), readonly=True)
    assert {tool.name for tool in listed.tools} == {
        "open_database", "current_database", "list_tables", "describe_table", "execute_query", "explain_query"
    }  # fmt: skip
    assert current.structured_content["readonly"] is True
    unknown, opened = ask(
        library,
        call("insert_data", query="INSERT INTO author(name) VALUES ('x')"),
        call("open_database", path=library + ".new"),
        readonly=True,
    )
    assert unknown.is_error and opened.is_error


# --- resources and prompts -----------------------------------------------------------------------------------------


def test_the_schema_is_a_resource(library):
    whole, table = ask(
        library,
        lambda client: client.read_resource("schema://main"),
        lambda client: client.read_resource("schema://main/author"),
    )
    assert "CREATE INDEX book_author ON book(author);" in whole.contents[0].text
    assert '"name": "born"' in table.contents[0].text


def test_a_missing_table_is_no_resource(library):
    async def refused(client):
        with pytest.raises(MCPError, match="Table 'nope' not found"):
            await client.read_resource("schema://main/nope")

    ask(library, refused)


def test_prompts_explore_a_database(library):
    listed, prompt = ask(
        library,
        lambda client: client.list_prompts(),
        lambda client: client.get_prompt("profile_table", {"table_name": "author"}),
    )
    assert {each.name for each in listed.prompts} == {"explore_database", "profile_table", "speed_up_query"}
    assert "author" in prompt.messages[0].content.text


# --- the ways to it ----------------------------------------------------------------------------------------------


def test_it_is_served_on_standard_input_and_output(library):
    parameters = StdioServerParameters(command=sys.executable, args=["-m", "turso_wasm", library, "--mcp"])

    async def main():
        async with Client(stdio_client(parameters)) as client:
            return client.server_info, await client.call_tool("list_tables", {})

    info, listed = asyncio.run(main())
    assert (info.name, info.version) == ("turso-wasm", turso_wasm.__version__)
    assert text(listed) == "author, book, titles"


def test_it_is_served_by_http(library):
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "turso_wasm", library, "-readonly", "-mcp", "-http", str(port)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        for _ in range(200):
            with closing(socket.socket()) as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)

        async def main():
            async with Client(f"http://127.0.0.1:{port}/mcp") as client:
                return await client.call_tool("execute_query", {"query": "SELECT 6 * 7"})

        assert asyncio.run(main()).structured_content["rows"] == [[42]]
    finally:
        server.terminate()
        server.communicate()


def test_a_file_that_is_no_database_is_not_opened(library, tmp_path):
    (tmp_path / "notes.txt").write_text("no database\n" * 100)
    opened, tables = ask(library, call("open_database", path=str(tmp_path / "notes.txt")), call("list_tables"))
    assert opened.is_error
    assert opened.content[0].text.endswith("file is not a database")
    assert "book" in tables.content[0].text


def test_values_that_are_too_long_to_be_read_are_cut(library):
    (found,) = ask(library, call("execute_query", query="SELECT printf('%.*c', 30000, 'x'), zeroblob(30000), 'x'"))
    text, blob, short = found.structured_content["rows"][0]
    assert text.endswith("x… (the first 20000 of 30000 characters; substr() gives others)")
    assert blob.endswith("00'… (the first 10000 of 30000 bytes; substr() gives others)")
    assert short == "x"
