"""A database for assistants, by the Model Context Protocol: `turso-wasm FILE -mcp` (docs/mcp.md).

`database.py` runs one statement of the kind that was asked for, within limits; `texts.py` says what came of it;
`tools.py`, `resources.py` and `prompts.py` are what an assistant finds; `server.py` is the server, on the SDK `mcp`.
"""
