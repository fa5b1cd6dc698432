"""What a word can be completed to: dot-commands, keywords, functions, pragmas, databases, tables, columns, files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from turso_wasm.dbapi.errors import Error
from turso_wasm.shell.commands.registry import COMMANDS, find
from turso_wasm.shell.formats.style import MODES
from turso_wasm.shell.formats.values import name
from turso_wasm.sql.keywords import KEYWORDS
from turso_wasm.sql.lexer import tokenize

if TYPE_CHECKING:
    from turso_wasm.shell.session import Shell

_WORD: Final = re.compile(r"[\w$]*\Z")
_OF_FILES: Final = frozenset(
    ("backup", "cd", "clone", "import", "log", "once", "open", "output", "read", "restore", "save")
)
_OF_TABLES: Final = frozenset(("dump", "import", "indexes", "schema", "sha3sum", "tables"))
_OF_SWITCHES: Final = frozenset(("bail", "changes", "echo", "eqp", "explain", "headers", "stats", "timer"))
_TABLE_COMES: Final = frozenset(("FROM", "JOIN", "INTO", "UPDATE", "TABLE", "VIEW", "REFERENCES", "ON"))
_TABLES: Final = (
    "SELECT name FROM pragma_table_list WHERE type IN ('table', 'view', 'virtual') ORDER BY name LIKE 'sqlite%', name"
)

Candidate = tuple[str, str]
"""What to write, and what kind of thing it is."""


class Candidates:
    """Knows the schema of a shell's database; it is read again when it has changed."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._version: object = None
        self._tables: dict[str, list[str]] = {}
        self._functions: list[str] | None = None
        self._pragmas: list[str] = []

    def of(self, text: str) -> tuple[str, list[Candidate]]:
        """The word that the text ends with, and what it can become."""
        if text.startswith("."):
            return self._of_command(text)
        found = _WORD.search(text)
        word = found[0] if found else ""
        self._read_schema()
        chosen: dict[str, str] = {}
        for candidate, kind in _matching(word, self._of_sql(text[: len(text) - len(word)])):
            chosen.setdefault(candidate, kind)
        return word, list(chosen.items())

    # --- SQL ----------------------------------------------------------------------------------------------------

    def _of_sql(self, before: str) -> Iterator[Candidate]:
        statement = _last_statement(before)
        if statement.endswith("."):
            yield from self._members(statement[:-1])
            return
        words = [text.upper() for text in tokenize(statement).texts if text]
        last = words[-1] if words else ""
        if last == "PRAGMA":
            yield from [(pragma, "pragma") for pragma in self._pragmas]
            return
        if last in _TABLE_COMES or (last == "," and _in_from(words)):
            yield from [(name(table), "table") for table in self._tables]
            return
        named = set(words)
        for table, columns in self._tables.items():
            if table.upper() in named:
                yield from [(name(column), f"column of {table}") for column in columns]
        if words:
            for table, columns in self._tables.items():
                yield from [(name(column), f"column of {table}") for column in columns]
            yield from [(name(table), "table") for table in self._tables]
            yield from [(function, "function") for function in self._functions or ()]
        yield from [(keyword, "keyword") for keyword in sorted(KEYWORDS)]

    def _members(self, text: str) -> Iterator[Candidate]:
        """What can follow `name.`: a table's columns, or of an alias all columns."""
        found = _WORD.search(text)
        of = found[0].lower() if found else ""
        known = {table.lower(): columns for table, columns in self._tables.items()}
        alias = re.search(rf"(?i)\b([\w$]+)\s+(?:as\s+)?{re.escape(of)}\b", text)
        for table in (of, alias[1].lower() if alias else ""):
            if table in known:
                yield from [(name(column), f"column of {table}") for column in known[table]]
                return
        if of in ("main", "temp"):
            yield from [(name(table), "table") for table in self._tables]

    def _read_schema(self) -> None:
        shell = self._shell
        try:
            if self._functions is None:
                rows = shell.query("SELECT DISTINCT name FROM pragma_function_list ORDER BY 1")
                self._functions = [f"{row[0]}(" for row in rows]
                self._pragmas = [row[0] for row in shell.query("PRAGMA pragma_list")]
            version = (shell.path, shell.query("PRAGMA schema_version"), shell.query("PRAGMA database_list"))
            if version == self._version:
                return
            tables: dict[str, list[str]] = {}
            for (table,) in shell.query(_TABLES):
                try:
                    columns = shell.query("SELECT name FROM pragma_table_xinfo(?)", (table,))
                except Error:  # a view of what is gone
                    columns = []
                tables[table] = [row[0] for row in columns]
            self._tables, self._version = tables, version
        except Error:  # locked, or no database: nothing to complete with
            return

    # --- dot-commands -------------------------------------------------------------------------------------------

    def _of_command(self, text: str) -> tuple[str, list[Candidate]]:
        head, _, rest = text[1:].partition(" ")
        if not rest and not text.endswith(" "):
            return head, [
                (each.name, each.about.partition("\n")[0]) for each in COMMANDS.values() if each.name.startswith(head)
            ]
        command = find(head)
        word = rest.rpartition(" ")[2]
        candidates: list[Candidate] = []
        if command is None:
            return word, []
        if command.name == "mode":
            candidates += [(mode, "mode") for mode in sorted(MODES)]
        if command.name in _OF_SWITCHES:
            candidates += [("on", ""), ("off", "")]
        if command.name in _OF_TABLES:
            self._read_schema()
            candidates += [(table, "table") for table in self._tables]
        if command.name in _OF_FILES:
            candidates += _files(word)
        if command.name == "help":
            candidates += [(each, "") for each in COMMANDS]
        return word, list(_matching(word, candidates))


def _matching(word: str, candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    lowered = word.lower()
    for text, kind in candidates:
        if text.lower().startswith(lowered) and text != word:
            yield (text.lower() if kind == "keyword" and word.islower() else text), kind


def _last_statement(text: str) -> str:
    at = 0
    while True:
        tokens = tokenize(text, at)
        if tokens.end >= len(text):
            return text[at:]
        at = tokens.end


def _in_from(words: list[str]) -> bool:
    for word in reversed(words):
        if word in ("FROM", "JOIN"):
            return True
        if word in ("SELECT", "WHERE", "SET", "BY", "(", "VALUES"):
            return False
    return False


def _files(word: str) -> Iterator[Candidate]:
    path = Path(word)
    parent = path if word.endswith("/") else path.parent
    try:
        for each in sorted(parent.expanduser().iterdir()):
            text = f"{parent / each.name}" if str(parent) != "." or word.startswith("./") else each.name
            yield (f"{text}/", "directory") if each.is_dir() else (text, "file")
    except OSError:
        return
