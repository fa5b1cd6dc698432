"""What Python cells of the playground find: `db`, the connection that SQL has too, and how a value is shown.

It runs in Pyodide, in a worker (worker.js), which gives `ask`: a coroutine function that has the page do something with
the connection.
"""

from __future__ import annotations

import ast
import traceback
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any

SHOWN_ROWS = 100_000
NAME = "<cell>"


class Rows(Sequence[Any]):
    """The rows of a query: a sequence of tuples; `rows["name"]` is a column, `rows.df()` a pandas DataFrame."""

    def __init__(self, columns: list[str], rows: list[tuple[Any, ...]]) -> None:
        self.columns = columns
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            if key not in self.columns:
                raise KeyError(f"there is no column {key!r}: {', '.join(self.columns)}")
            at = self.columns.index(key)
            return [row[at] for row in self.rows]
        return Rows(self.columns, self.rows[key]) if isinstance(key, slice) else self.rows[key]

    def __repr__(self) -> str:
        return f"Rows({', '.join(self.columns)}: {len(self.rows)})"

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows."""
        return self.rows

    def fetchone(self) -> tuple[Any, ...] | None:
        """The first row; None when there is none."""
        return self.rows[0] if self.rows else None

    def dicts(self) -> list[dict[str, Any]]:
        """Each row as a dictionary."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def df(self) -> Any:
        """A pandas DataFrame. Errors: ModuleNotFoundError where pandas is not there: `import pandas` has it fetched."""
        import pandas

        return pandas.DataFrame(self.rows, columns=self.columns)


class Database:
    """The database that is open in the page, on the same connection: what SQL sees, this sees, and the reverse."""

    def __init__(self, ask: Callable[..., Awaitable[Any]], wait: Callable[[Awaitable[Any]], Any]) -> None:
        self._ask = ask
        self._wait = wait
        self._new: list[str] = []
        self.sources = Sources()

    def execute(self, sql: str, parameters: Any = ()) -> Rows:
        """Run a statement with its parameters, a sequence or a dictionary. Errors: RuntimeError with SQLite's words."""
        return self._wait(self.query(sql, parameters))

    def executemany(self, sql: str, rows: Iterable[Any]) -> None:
        """Run a statement with each of many rows of parameters, in one transaction."""
        self._wait(self._many(sql, rows))

    async def query(self, sql: str, parameters: Any = ()) -> Rows:
        """`execute`, to be awaited: for browsers in which Python cannot wait otherwise."""
        await self.define()
        columns, rows = await self._ask("query", sql, parameters)
        return Rows(columns, rows)

    async def _many(self, sql: str, rows: Iterable[Any]) -> None:
        await self.define()
        await self._ask("many", sql, list(map(tuple, rows)))

    def function(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A decorator: SQL can call the function from now on. What is typed Python is compiled into the statements.

        Errors: TypeError for what no cell has defined with `def`.
        """
        name = getattr(function, "__name__", "")
        if not callable(function) or name not in self.sources.known:
            raise TypeError("SQL can call what a cell defines with def, at its outermost level")
        self._new.append(name)
        return function

    def create_function(self, name: str, narg: int, function: Callable[..., Any]) -> None:
        """sqlite3's way to say the same: the name is the function's own. Errors: TypeError, ValueError."""
        if name != getattr(function, "__name__", ""):
            raise ValueError(f"the function is called {function.__name__}: SQL finds it under that name")
        self.function(function)

    async def define(self) -> None:
        """Tell the connection of functions that it does not know yet."""
        while self._new:
            name = self._new.pop()
            await self._ask("define", name, self.sources.of(name))


class Sources:
    """The source texts of what cells define at their outermost level: a function goes to the engine as text."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[str, set[str]]] = {}

    def add(self, code: str) -> None:
        """Learn from a cell: its imports, functions, classes, and names for constants. Errors: SyntaxError."""
        for node in ast.parse(code, NAME).body:
            names = _defined(node)
            if not names:
                continue
            text = ast.get_source_segment(code, node) or ""
            used = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            for name in names:
                self.known[name] = (text, used)

    def of(self, name: str) -> str:
        """The text of a function, behind that of all it uses."""
        order: list[str] = []
        seen: set[str] = set()

        def visit(one: str) -> None:
            if one in seen or one not in self.known:
                return
            seen.add(one)
            text, used = self.known[one]
            for other in sorted(used):
                visit(other)
            if text not in order:
                order.append(text)

        visit(name)
        return "\n\n".join(order)


def _defined(node: ast.stmt) -> list[str]:
    """The names that a statement defines, if its text says all of their values."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [(alias.asname or alias.name).split(".")[0] for alias in node.names]
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        try:
            ast.literal_eval(node.value)
        except ValueError:
            return []
        return [node.targets[0].id]
    return []


# --- what is shown --------------------------------------------------------------------------------------------------


def shown(value: Any) -> dict[str, Any]:
    """A value for the page: {columns, rows, kinds, total} of what is a table, else {text}.

    A table is a query's rows, a data frame of pandas or polars, a list of dictionaries or of tuples. kinds: a letter
    for each value, row after row, i r t b n: in JavaScript 1.0 is an integer.
    """
    found = _table(value)
    if found is None:
        return {"text": "" if value is None else value if isinstance(value, str) else repr(value)}
    columns, rows = found
    first = [[_plain(one) for one in row] for row in rows[:SHOWN_ROWS]]
    kinds = "".join([_kind(one) for row in first for one in row])
    return {"columns": columns, "rows": first, "kinds": kinds, "total": len(rows)}


def _table(value: Any) -> tuple[list[str], Sequence[Any]] | None:
    if isinstance(value, Rows):
        return value.columns, value.rows
    module = type(value).__module__.split(".")[0]
    if module == "pandas" and hasattr(value, "to_frame"):  # a Series
        value = value.to_frame()
    if module == "pandas" and hasattr(value, "itertuples"):
        frame = (
            value
            if value.index.nlevels == 1 and value.index.name is None and _counts(value.index)
            else value.reset_index()
        )
        return [str(name) for name in frame.columns], list(frame.itertuples(index=False, name=None))
    if module == "polars" and hasattr(value, "to_frame"):
        value = value.to_frame()
    if module == "polars" and hasattr(value, "rows"):
        return list(value.columns), value.rows()
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        columns = list(dict.fromkeys(str(key) for one in value for key in one))
        return columns, [tuple(one.get(name) for name in columns) for one in value]
    if isinstance(value, list) and value and all(isinstance(one, tuple) and len(one) == len(value[0]) for one in value):
        return [str(i) for i in range(len(value[0]))], value
    return None


def _counts(index: Any) -> bool:
    """Whether an index of pandas is only the numbers of the rows."""
    return type(index).__name__ == "RangeIndex"


def _plain(value: Any) -> Any:
    """A value as SQL has it; what it has not, as text."""
    if hasattr(value, "item") and hasattr(value, "dtype"):  # a number of NumPy
        value = value.item()
    if isinstance(value, bool):
        return int(value)
    if value is None or isinstance(value, str | bytes | int):
        return value if not isinstance(value, int) or -(1 << 63) <= value < 1 << 63 else str(value)
    if isinstance(value, float):
        return None if value != value else value
    text = str(value)
    return None if text in ("NaT", "<NA>") else text


def _kind(value: Any) -> str:
    return "n" if value is None else {int: "i", float: "r", str: "t"}.get(type(value), "b")


def failed(error: BaseException) -> dict[str, Any]:
    """What the page shows of an error: its words, its steps through the cells, the line of the last; 0 if unknown."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == NAME]
    line = (error.lineno or 0) if isinstance(error, SyntaxError) else frames[-1].lineno if frames else 0
    words = "".join(traceback.format_exception_only(error)).strip()
    steps = [f"line {frame.lineno}, in {frame.name}" for frame in frames[:-1]]
    return {"message": "\n".join([words, *steps]), "line": line or 0}
