"""Rows written one after the other, as they come: list, csv, json, insert, line and their kin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from turso_wasm.shell.formats.style import Style
from turso_wasm.shell.formats.values import TEXTS as _TEXTS
from turso_wasm.shell.formats.values import Value, c_string, json_text, name, sql_text_raw

Row: TypeAlias = tuple[Value, ...]
Writer: TypeAlias = Callable[[Sequence[str], Iterable[Row], Style], Iterator[str]]


def _separated(names: Sequence[str], rows: Iterable[Row], style: Style) -> Iterator[str]:
    separator, end, text_of = style.column_separator, style.row_separator, style.text_of
    for nth, row in enumerate(rows):
        if nth == 0 and style.shows_titles:
            quote = sql_text_raw if style.quote == "sql" else _TEXTS[style.quote]
            yield separator.join([quote(c_string(each)) for each in names]) + end
        yield separator.join([text_of(value) for value in row]) + end


def _line(names: Sequence[str], rows: Iterable[Row], style: Style) -> Iterator[str]:
    wide = max([5, *map(len, names)])
    for nth, row in enumerate(rows):
        if nth:
            yield style.row_separator
        for each, value in zip(names, row, strict=True):
            yield f"{each:>{wide}} = {style.text_of(value)}{style.row_separator}"


def _html(names: Sequence[str], rows: Iterable[Row], style: Style) -> Iterator[str]:
    for nth, row in enumerate(rows):
        if nth == 0 and style.shows_titles:
            yield _html_row("TH", [_TEXTS["html"](each) for each in names])
        yield _html_row("TD", [style.text_of(value) for value in row])


def _html_row(tag: str, cells: list[str]) -> str:
    return "<TR>" + "\n".join([f"<{tag}>{cell}</{tag}>" for cell in cells]) + "\n</TR>\n"


def _insert(names: Sequence[str], rows: Iterable[Row], style: Style) -> Iterator[str]:
    columns = f"({','.join(map(name, names))})" if style.shows_titles else ""
    begin = f"INSERT INTO {name(style.table or 'table')}{columns} VALUES("
    for row in rows:
        yield begin + ",".join([_inserted(value, style) for value in row]) + ");\n"


def _inserted(value: Value, style: Style) -> str:
    return f"X'{value.hex()}'" if isinstance(value, bytes) else style.text_of(value)


def _json(names: Sequence[str], rows: Iterable[Row], style: Style) -> Iterator[str]:
    opening = "["
    for object_ in _objects(names, rows, style):
        yield opening + object_
        opening = ",\n"
    if opening != "[":
        yield "]\n"


def _jobject(names: Sequence[str], rows: Iterable[Row], style: Style) -> Iterator[str]:
    for object_ in _objects(names, rows, style):
        yield object_ + "\n"


def _jatom(names: Sequence[str], rows: Iterable[Row], style: Style) -> Iterator[str]:
    for row in rows:
        yield ",".join([style.text_of(value) for value in row]) + "\n"


def _objects(names: Sequence[str], rows: Iterable[Row], style: Style) -> Iterator[str]:
    keys = [json_text(each) + ":" for each in names]
    for row in rows:
        yield "{" + ",".join([key + style.text_of(value) for key, value in zip(keys, row, strict=True)]) + "}"


def _count(names: Sequence[str], rows: Iterable[Row], style: Style) -> Iterator[str]:
    yield f"{sum([1 for _ in rows])}\n"


def _off(names: Sequence[str], rows: Iterable[Row], style: Style) -> Iterator[str]:
    for _ in rows:
        pass
    yield from ()


def _quote(names: Sequence[str], rows: Iterable[Row], style: Style) -> Iterator[str]:
    separator, end = style.column_separator, style.row_separator
    for nth, row in enumerate(rows):
        if nth == 0 and style.shows_titles:
            yield separator.join([sql_text_raw(each) for each in names]) + end
        yield separator.join([_inserted(value, style) for value in row]) + end


WRITERS: Final[dict[str, Writer]] = {
    **dict.fromkeys(("ascii", "c", "csv", "list", "tabs", "tcl"), _separated),
    "count": _count,
    "html": _html,
    "insert": _insert,
    "jatom": _jatom,
    "jobject": _jobject,
    "json": _json,
    "line": _line,
    "off": _off,
    "quote": _quote,
}
