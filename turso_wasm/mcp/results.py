"""What tools give: a text to read, and the same as a structure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel

from turso_wasm.mcp.database import JsonValue, Outcome


class DatabaseName(BaseModel):
    """The current database."""

    path: str
    readonly: bool


class TableNames(BaseModel):
    """Tables and views."""

    tables: list[str]


class Column(BaseModel):
    """A column of a table. primary_key: its place in the key, 0 when it is not part of it."""

    name: str
    type: str
    not_null: bool
    default: str | None
    primary_key: int
    generated: bool


class Description(BaseModel):
    """A table: columns, indexes, foreign keys and the statement that made it."""

    table: str
    columns: list[Column]
    indexes: list[str]
    foreign_keys: list[str]
    sql: str | None


class Rows(BaseModel):
    """The rows of a query. truncated: there are more."""

    columns: list[str]
    rows: list[list[JsonValue]]
    row_count: int
    truncated: bool


class Change(BaseModel):
    """What a statement has changed; `columns` and `rows` are those of RETURNING."""

    rows_changed: int
    columns: list[str]
    rows: list[list[JsonValue]]


class SchemaChange(BaseModel):
    """The tables and views after a change of the schema."""

    tables: list[str]


class Plan(BaseModel):
    """A query's plan, line by line as a tree."""

    plan: list[str]


def answer(text: str, structure: BaseModel) -> CallToolResult:
    """Both in one."""
    return CallToolResult(
        content=[TextContent(type="text", text=text)], structured_content=structure.model_dump(mode="json")
    )


def table_text(outcome: Outcome, max_rows: int) -> str:
    """Rows as text: names, a rule, the values."""
    lines = [" | ".join(outcome.columns), "-" * max(len(" | ".join(outcome.columns)), 3)]
    lines += [" | ".join([_shown(value) for value in row]) for row in outcome.rows]
    if outcome.is_cut:
        lines.append(f"(only the first {max_rows} rows; there are more)")
    elif not outcome.rows:
        lines.append("(no rows)")
    return "\n".join(lines)


def _shown(value: JsonValue) -> str:
    return "NULL" if value is None else str(value)


def column_line(column: Column) -> str:
    """A column as a line of text."""
    words: list[Any] = [column.name, column.type, "NOT NULL" if column.not_null else "NULL"]
    words += ["PRIMARY KEY"] if column.primary_key else []
    words += [f"DEFAULT {column.default}"] if column.default is not None else []
    words += ["GENERATED"] if column.generated else []
    return "  " + " ".join([word for word in words if word])


def indented(title: str, lines: Iterable[str]) -> list[str]:
    """Lines under a title; nothing when there are none."""
    found = [f"  {line}" for line in lines]
    return [title, *found] if found else []


def counted(n: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{n} {noun}" + ("" if n == 1 else "s")


def joined(names: Sequence[str]) -> str:
    """Names in a line."""
    return ", ".join(names) if names else "No tables found in the database"
