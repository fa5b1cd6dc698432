"""Notebooks: `%load_ext turso_wasm`, then `%sql` and `%%sql`.

    %sql SELECT * FROM film WHERE year > :year          :year is a variable of the notebook
    %sql --open work.db                                 from now on in this file; before, in memory
    %%sql found << connection                           a connection of the notebook; the result is called found
    SELECT …

A result is a table in the notebook, has `rows` and `columns`, and makes a frame with `df()`, a chart with `chart()`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib import import_module
from typing import TYPE_CHECKING, Any

from turso_wasm.dbapi import Connection, Error, complete_statement, connect
from turso_wasm.sql.lexer import END, tokenize_statement

if TYPE_CHECKING:
    import pandas

SHOWN = 100  # rows
LONGEST = 300  # characters of a value
KINDS = {int: "INTEGER", float: "REAL", str: "TEXT", bytes: "BLOB"}


class Result:
    """The rows of a query."""

    def __init__(self, columns: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
        self.columns = tuple(columns)
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def kinds(self) -> list[str]:
        """The storage classes in each column."""
        found = []
        for values in zip(*self.rows, strict=True) if self.rows else [()] * len(self.columns):
            names = {KINDS.get(type(value), type(value).__name__) for value in values if value is not None}
            found.append(" | ".join(sorted(names)) or "NULL")
        return found

    def df(self) -> pandas.DataFrame:
        """A pandas.DataFrame."""
        import pandas

        return pandas.DataFrame(self.rows, columns=list(self.columns))

    def chart(self, kind: str = "line", x: str | None = None, y: str | Sequence[str] | None = None) -> Any:
        """An Altair chart: line, bar, point or area; of the first column and the others, if not told otherwise.

        Errors: ValueError for a kind or a column that there is not; ImportError without Altair.
        """
        altair: Any = import_module("altair")
        if kind not in ("line", "bar", "point", "area"):
            raise ValueError(f"a chart is a line, bar, point or area, not {kind!r}")
        across = self.columns[0] if x is None else x
        up = [y] if isinstance(y, str) else [name for name in self.columns if name != across] if y is None else list(y)
        if missing := [name for name in (across, *up) if name not in self.columns]:
            raise ValueError(f"there is no column {missing[0]!r}")
        at = [self.columns.index(name) for name in (across, *up)]
        values = [{"x": row[at[0]], "y": row[i], "of": self.columns[i]} for row in self.rows for i in at[1:]]
        plot = getattr(altair.Chart(altair.Data(values=values)), f"mark_{kind}")()
        axes = {
            "x": altair.X("x", type=self._scale(at[0]), title=across),
            "y": altair.Y("y", type="quantitative", title=", ".join(up)),
        }
        if len(up) > 1:
            axes["color"] = altair.Color("of", type="nominal", title=None)
        return plot.encode(**axes)

    def _scale(self, column: int) -> str:
        values = [row[column] for row in self.rows if row[column] is not None]
        if all(isinstance(value, (int, float)) for value in values):
            return "quantitative"
        is_day = re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d.*)?\Z").match
        return "temporal" if all(isinstance(value, str) and is_day(value) for value in values) else "nominal"

    def _repr_html_(self) -> str:
        heads = zip(self.columns, self.kinds(), strict=True)
        head = "".join(f"<th>{escape(name)}<br><small>{escape(kind)}</small></th>" for name, kind in heads)
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in self.rows[:SHOWN])
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{self._count()}</p>"

    def __repr__(self) -> str:
        shown = [self.columns, *([_text(value) for value in row] for row in self.rows[:SHOWN])]
        widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in shown]
        lines.insert(1, "  ".join("-" * width for width in widths))
        return "\n".join((*lines, self._count()))

    def _count(self) -> str:
        n = len(self.rows)
        return f"{n} row{'' if n == 1 else 's'}" + (f", {SHOWN} shown" if n > SHOWN else "")


def _text(value: object) -> str:
    if value is None:
        return "NULL"
    text = f"x'{value.hex()}'" if isinstance(value, bytes) else str(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def _cell(value: object) -> str:
    number = ' style="text-align: right"' if isinstance(value, (int, float)) else ""
    return f"<td{number}>{'<i>NULL</i>' if value is None else escape(_text(value))}</td>"


class Magic:
    """What `%sql` and `%%sql` do in a notebook."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.connection: Connection | None = None

    def __call__(self, line: str, cell: str | None = None) -> Any:
        """See the module docstring. Errors: UsageError."""
        name, separator, rest = line.partition("<<")
        if not (separator and name.strip().isidentifier()):
            name, rest = "", line
        words = rest.split(maxsplit=2)
        if words[:1] == ["--open"]:
            if len(words) < 2:
                raise _usage("--open wants the name of a file")
            self._open(words[1])
            rest = " ".join(words[2:])
        elif words and isinstance(self.shell.user_ns.get(words[0]), Connection):
            self.connection = self.shell.user_ns[words[0]]
            rest = rest.split(maxsplit=1)[1] if len(words) > 1 else ""
        found = self._run(rest if cell is None else f"{rest}\n{cell}")
        if not name:
            return found
        self.shell.user_ns[name.strip()] = found
        return None

    def _open(self, file: str) -> None:
        try:
            self.connection = connect(file, isolation_level=None)
        except Error as error:
            raise _usage(str(error)) from None

    def _run(self, sql: str) -> Result | None:
        """Execute statements; the rows of the last one."""
        if self.connection is None:
            self._open(":memory:")
        assert self.connection is not None
        found = None
        for statement in statements(sql):
            try:
                cursor = self.connection.execute(statement, Variables(self.shell.user_ns))
                rows = cursor.fetchall()
            except Error as error:
                raise _usage(described(statement, error)) from None
            found = Result(cursor.column_names, rows) if cursor.description is not None else None
        return found


class Variables(Mapping[str, Any]):
    """The notebook's variables as parameters, NumPy's scalars as Python's numbers."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self.given = given

    def __getitem__(self, name: str) -> Any:
        value = self.given[name]
        return value.item() if type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0 else value

    def __iter__(self) -> Any:
        return iter(self.given)

    def __len__(self) -> int:
        return len(self.given)


def statements(sql: str) -> list[str]:
    """The statements of a text, one by one."""
    found, start, end = [], 0, 0
    while (tokens := tokenize_statement(sql, end)).kinds[0] != END:
        end = tokens.end
        if complete_statement(sql[start:end]):  # a trigger's are not complete by themselves
            found.append(sql[start:end].strip())
            start = end
    return [*found, sql[start:].strip()] if sql[start:end].strip() else found


def described(sql: str, error: Error) -> str:
    """What went wrong, with the place in the statement."""
    span = getattr(error, "span", None)
    if span is None:
        return str(error)
    start = sql.rfind("\n", 0, span[0]) + 1
    end = sql.find("\n", span[0])
    line = sql[start:] if end < 0 else sql[start:end]
    return f"{error}\n  {line}\n  {' ' * (span[0] - start)}{'^' * max(1, min(span[1] - span[0], len(line)))}"


def _usage(message: str) -> Exception:
    from IPython.core.error import UsageError

    made: Exception = UsageError(message)
    return made


def load(shell: Any) -> None:
    """What `%load_ext turso_wasm` does."""
    shell.register_magic_function(Magic(shell), "line_cell", "sql")
