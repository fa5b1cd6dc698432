"""`.import`: a file's lines as rows of a table."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple, TextIO

from turso_wasm.dbapi.errors import Error
from turso_wasm.shell.commands.registry import COMMANDS, command
from turso_wasm.shell.formats.values import ENCODING_ERRORS, name, quoted_name
from turso_wasm.shell.messages import CommandError

if TYPE_CHECKING:
    from turso_wasm.shell.output import Bar
    from turso_wasm.shell.session import Shell

_BATCH: Final = 2000


class Record(NamedTuple):
    """The fields, and which lines they stood on."""

    first: int
    last: int
    fields: list[str]


@command(
    "import",
    "FILE TABLE",
    "Import data from FILE into TABLE\n"
    "--ascii               Use \\037 and \\036 as column and row separators\n"
    "--csv                 Use , and \\n as column and row separators\n"
    "--skip N              Skip the first N rows of input\n"
    "--schema S            Target table to be S.TABLE\n"
    '-v                    "Verbose" - increase auxiliary output\n'
    "If TABLE does not exist, it is created.  The first row of input determines the column names.\n"
    'If neither --csv or --ascii are used, the input mode is derived from the ".mode" output mode',
)
def _import(shell: Shell, arguments: list[str]) -> None:
    wanted = _Import(shell, arguments)
    try:
        with open(wanted.file, encoding="utf-8-sig", errors=ENCODING_ERRORS, newline="") as file:
            wanted.run(file)
    except OSError:
        raise CommandError(f'Error: cannot open "{wanted.file}"') from None


class _Import:
    """One import: what was asked for, and how far it is."""

    def __init__(self, shell: Shell, arguments: list[str]) -> None:
        self._shell = shell
        style = shell.settings.style
        separators = (style.column_separator, style.row_separator)
        if style.mode == "csv":
            separators = (",", "\n")
        self._skip = 0
        self._schema: str | None = None
        self._is_verbose = False
        names: list[str] = []
        words = iter(arguments)
        for word in words:
            option = word.lstrip("-") if word.startswith("-") else ""
            if option == "csv":
                separators = (",", "\n")
            elif option == "ascii":
                separators = ("\x1f", "\x1e")
            elif option == "v":
                self._is_verbose = True
            elif option == "skip":
                self._skip = int(next(words, "0"))
            elif option == "schema":
                self._schema = next(words, "main")
            elif option:
                raise CommandError(f'ERROR: unknown option: "{word}".  Usage:\n{COMMANDS["import"].synopsis}')
            else:
                names.append(word)
        if len(names) != 2:
            missing = "missing" if len(names) < 2 else "too many"
            what = "FILE" if not names else "TABLE"
            what = f"{missing} {what} argument" if missing == "missing" else f'extra argument: "{names[2]}"'
            raise CommandError(f"ERROR: {what}.  Usage:\n{COMMANDS['import'].synopsis}")
        self.file, self._table = names
        self._column, self._row = separators
        if not self._column:
            raise CommandError("Error: non-null column separator required for import")

    def run(self, file: TextIO) -> None:
        """Read the records and insert them, in one transaction unless there is one already."""
        records = _records(file, self._column, self._row)
        for _ in islice(records, self._skip):
            pass
        columns = self._columns(records)
        connection = self._shell.connection
        own = not connection.in_transaction
        if own:
            connection.execute("BEGIN")
        try:
            with self._shell.bar("import", os.fstat(file.fileno()).st_size) as bar:
                added, failed, last = self._insert(records, columns, file, bar)
        except BaseException:
            if own and connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        if own and connection.in_transaction:
            connection.execute("COMMIT")
        if self._is_verbose:
            self._shell.output.line(f"Added {added} rows with {failed} errors using {last} lines of input")

    def _target(self) -> str:
        return f"{name(self._schema)}.{quoted_name(self._table)}" if self._schema else quoted_name(self._table)

    def _columns(self, records: Iterator[Record]) -> int:
        """How many columns the table has; it is made of the first record when there is none."""
        found = self._shell.query("SELECT hidden FROM pragma_table_xinfo(?, ?)", (self._table, self._schema or "main"))
        if found:
            return sum([row[0] == 0 for row in found])
        first = next(records, None)
        if first is None:
            raise CommandError(f"{self.file}: empty file")
        names = self._distinct(first.fields)
        columns = ", ".join([f"{quoted_name(each)} TEXT" for each in names])
        self._shell.connection.execute(f"CREATE TABLE {self._target()}(\n{columns})")
        return len(names)

    def _distinct(self, names: list[str]) -> list[str]:
        names = [each or "?" for each in names]
        seen = Counter([each.lower() for each in names])
        if max(seen.values()) == 1:
            return names
        width = len(str(len(names)))
        renamed = [f"{each}_{at:0{width}}" if seen[each.lower()] > 1 else each for at, each in enumerate(names, 1)]
        told = ",\n".join([f'"{old}" to "{new}"' for old, new in zip(names, renamed, strict=True) if old != new])
        self._shell.tell_error(f"Columns renamed during .import {self.file} due to duplicates:\n{told}\n")
        return renamed

    def _insert(self, records: Iterator[Record], n: int, file: TextIO, bar: Bar) -> tuple[int, int, int]:
        """(rows added, rows refused, lines read)."""
        sql = f"INSERT INTO {self._target()} VALUES({','.join('?' * n)})"
        added = failed = last = 0
        while batch := list(islice(records, _BATCH)):
            last = batch[-1].last
            rows = [self._fitted(record, n) for record in batch]
            refused = self._insert_batch(sql, batch, rows)
            added += len(rows) - refused
            failed += refused
            bar.update(file.buffer.tell(), None)
        return added, failed, last

    def _insert_batch(self, sql: str, batch: Sequence[Record], rows: list[list[str | None]]) -> int:
        """Insert all at once, or when that fails one by one; how many were refused."""
        connection = self._shell.connection
        connection.execute("SAVEPOINT import_batch")
        try:
            connection.executemany(sql, rows)
        except Error:
            connection.execute("ROLLBACK TO import_batch")
            refused = 0
            for record, row in zip(batch, rows, strict=True):
                try:
                    connection.execute(sql, row)
                except Error as error:
                    refused += 1
                    self._shell.tell_error(f"{self.file}:{record.first}: INSERT failed: {error}\n")
        else:
            refused = 0
        connection.execute("RELEASE import_batch")
        return refused

    def _fitted(self, record: Record, n: int) -> list[str | None]:
        line, _, fields = record
        if len(fields) == n:
            return list(fields)
        if len(fields) < n:
            what = f"expected {n} columns but found {len(fields)} - filling the rest with NULL"
        else:
            what = f"expected {n} columns but found {len(fields)} - extras ignored"
        self._shell.tell_error(f"{self.file}:{line}: {what}\n")
        return [*fields[:n], *[None] * (n - len(fields))]


def _records(file: TextIO, column: str, row: str) -> Iterator[Record]:
    """The records of a file. Quotes mean something unless rows end with another character than a line's end."""
    if row not in ("\n", "\r\n"):
        for nth, text in enumerate(file.read().removesuffix(row).split(row), 1):
            yield Record(nth, nth, text.split(column))
    elif len(column) == 1:
        reader = csv.reader(file, delimiter=column, strict=False)
        first = 1
        for fields in reader:
            yield Record(first, reader.line_num, fields or [""])
            first = reader.line_num + 1
    else:
        for nth, text in enumerate(file, 1):
            yield Record(nth, nth, text.rstrip("\r\n").split(column))
