"""The examples of docs/mcp.md give what it says, its configurations are ones, its table of tools is true."""

from __future__ import annotations

import asyncio
import doctest
import json
import re
from contextlib import closing
from pathlib import Path

from mcp import Client

from turso_wasm.mcp.database import Database
from turso_wasm.mcp.server import make_server
from turso_wasm.shell.main import make_parser

DOCUMENT = Path(__file__).parents[2] / "docs" / "mcp.md"
TEXT = DOCUMENT.read_text("utf-8")


def test_the_examples() -> None:
    failed, tried = doctest.testfile(str(DOCUMENT), module_relative=False, encoding="utf-8")
    assert tried > 5
    assert not failed


def test_the_configurations_are_ones() -> None:
    blocks = re.findall(r"^```json\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    for block in blocks:
        (servers,) = json.loads(block).values()
        options = make_parser().parse_intermixed_args(servers["library"]["args"])
        assert options.mcp and options.readonly
    assert len(blocks) == 2


def test_the_table_of_tools() -> None:
    async def listed() -> dict[str, list[str]]:
        async with Client(make_server(database)) as client:
            found = (await client.list_tools()).tools
            return {tool.name: list(tool.input_schema.get("properties", {})) for tool in found}

    with closing(Database(":memory:")) as database:
        tools = asyncio.run(listed())
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", TEXT, re.MULTILINE)
    assert {name: re.findall(r"`(\w+)`", arguments) for name, arguments in rows} == tools
