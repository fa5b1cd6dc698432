"""The shell `turso-wasm`: SQL and dot-commands, as SQLite's `sqlite3` has them.

`main.py` reads the command line, `source.py` cuts what is typed into statements and commands, `session.py` runs them,
`formats/` writes rows, `commands/` has the dot-commands, `terminal/` is what a person at a terminal has besides.

Source: https://sqlite.org/cli.html, https://sqlite.org/climode.html
"""
