"""Rows as a table: box, table, markdown, psql, column, split."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from turso_wasm.shell.formats.style import Style
from turso_wasm.shell.formats.values import Value, c_string

Row = tuple[Value, ...]
Cell = list[str]
"""The lines of a value."""

_TAB: Final = 8
_MIN_WRAP: Final = 4  # columns are not squeezed below this to fit on the screen


@dataclass(frozen=True)
class Frame:
    """The lines around and between cells: (left, fill, joint, right) each; none where there is no line."""

    top: str
    below_titles: str
    between: str
    bottom: str
    left: str
    joint: str
    right: str


_FRAMES: Final = {
    "box": Frame("╭─┬╮", "╞═╪╡", "├─┼┤", "╰─┴╯", "│ ", " │ ", " │"),
    "table": Frame("+-++", "+-++", "+-++", "+-++", "| ", " | ", " |"),
    "markdown": Frame("", "|-||", "", "", "| ", " | ", " |"),
    "psql": Frame("", "+-++", "", "", "| ", " | ", " |"),
    "column": Frame("", "", "", "", "", "  ", ""),
}
_FRAMES["qbox"] = _FRAMES["box"]


def table(names: Sequence[str], rows: Sequence[Row], style: Style) -> Iterator[str]:
    """The lines of the table, without their ends."""
    if style.mode == "split" and len(names) == 1:
        yield from _split([style.text_of(row[0]) for row in rows], style.screen or 80)
        return
    style = replace(style, mode="column") if style.mode == "split" else style
    frame = _FRAMES[style.mode]
    if not style.border:
        frame = replace(frame, top="", bottom="", left=" ", right=" ")
        if style.mode == "psql":
            frame = replace(frame, left=" ", right=" ")
    laid = _lay_out(names, rows, style, frame)
    yield from _lines(laid, style, frame)


@dataclass(frozen=True, kw_only=True)
class _Laid:
    titles: list[Cell]
    rows: list[list[Cell]]
    widths: list[int]
    alignments: list[list[str]]  # of each cell


def _lay_out(names: Sequence[str], rows: Sequence[Row], style: Style, frame: Frame) -> _Laid:
    """Cut the values to lines; find how wide each column is."""
    n = len(names)
    given = [*style.widths[:n], *[0] * (n - len(style.widths))]
    texts = [[_limited(style.text_of(value), style.limits[1]) for value in row] for row in rows]
    titles = [_limited(c_string(name).replace("\n", " "), style.limits[2]) for name in names]
    shown = [titles, *texts] if style.shows_titles else texts
    widest = [max([_widest(row[at]) for row in shown], default=0) for at in range(n)]
    wraps = [abs(width) or style.wrap for width in given]
    if style.screen:
        wraps = _squeezed(
            widest, wraps, given, style.screen - len(frame.left + frame.right) - len(frame.joint) * (n - 1)
        )
    cells = [[_cut(text, wrap, style) for text, wrap in zip(row, wraps, strict=True)] for row in texts]
    heads = [_cut(text, wrap, style) for text, wrap in zip(titles, wraps, strict=True)]
    all_cells = [heads, *cells] if style.shows_titles else cells
    widths = [
        max([abs(given[at]), *[width(line) for row in all_cells for line in row[at]]], default=0) for at in range(n)
    ]
    alignments = [[_alignment(value, at, style, given[at]) for at, value in enumerate(row)] for row in rows]
    return _Laid(titles=heads, rows=cells, widths=widths, alignments=alignments)


def _alignment(value: Value, at: int, style: Style, given: int) -> str:
    if at < len(style.alignments) and style.alignments[at] in "lcr":
        return style.alignments[at]
    if given:
        return "r" if given < 0 else "l"
    return "r" if isinstance(value, int | float) else "l"


def _limited(text: str, limit: int) -> str:
    return text[:limit] + "..." if limit and len(text) > limit else text


def _squeezed(widest: list[int], wraps: list[int], given: Sequence[int], room: int) -> list[int]:
    """Wrap the widest columns until all fit: every column that has no width of its own gets a fair share."""
    needed = [min(wide, wrap) if wrap else wide for wide, wrap in zip(widest, wraps, strict=True)]
    if sum(needed) <= room:
        return wraps
    fixed = [abs(each) for each in given]
    flexible = [at for at, each in enumerate(fixed) if not each]
    room -= sum(fixed)
    result = list(wraps)
    for left, at in zip(range(len(flexible), 0, -1), sorted(flexible, key=lambda at: needed[at]), strict=True):
        share = max(room // left, _MIN_WRAP)
        if needed[at] > share:
            result[at] = share
        room -= min(needed[at], share)
    return result


def _cut(text: str, wrap: int, style: Style) -> Cell:
    """The lines of a value, none wider than `wrap` (if that is not 0)."""
    lines: Cell = []
    for line in text.replace("\r\n", "\n").split("\n") if "\n" in text else (text,):
        rest = _without_tabs(line) if "\t" in line else line
        while wrap and width(rest) > wrap:
            at = _break(rest, wrap, by_words=style.word_wrap)
            lines.append(rest[:at].rstrip() if style.word_wrap else rest[:at])
            rest = rest[at:].lstrip() if style.word_wrap else rest[at:]
        lines.append(rest)
    limit = style.limits[0]
    if limit and len(lines) > limit:
        return [*lines[:limit], "..."]
    return lines


def _break(line: str, wrap: int, *, by_words: bool) -> int:
    """Where to cut a line that is too wide: at least behind its first character."""
    at = wide = 0
    while wide + width(line[at]) <= wrap:
        wide += width(line[at])
        at += 1
    if by_words:
        for word_end in range(at, 0, -1):
            if line[word_end].isspace() or (not line[word_end].isalnum() and word_end < at):
                return word_end if line[word_end].isspace() else word_end + 1
    return max(at, 1)


def _without_tabs(line: str) -> str:
    out = ""
    for part in line.split("\t")[:-1]:
        out += part
        out += " " * (_TAB - width(out) % _TAB)
    return out + line.rpartition("\t")[2]


def _widest(text: str) -> int:
    if "\n" not in text and "\t" not in text:
        return width(text)
    return max([width(_without_tabs(line)) for line in text.replace("\r\n", "\n").split("\n")])


@lru_cache(1024)
def _character_width(character: str) -> int:
    category = unicodedata.category(character)
    if category in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def width(text: str) -> int:
    """Columns of a terminal that a line takes."""
    return len(text) if text.isascii() else sum([_character_width(character) for character in text])


# --- drawing -----------------------------------------------------------------------------------------------------


def _lines(laid: _Laid, style: Style, frame: Frame) -> Iterator[str]:
    if style.shows_titles:
        if frame.top:
            yield _rule(frame.top, laid.widths, frame, style)
        yield from _row(laid.titles, laid.widths, ["c"] * len(laid.widths), frame)
        if frame.below_titles:
            yield _rule(frame.below_titles, laid.widths, frame, style)
        else:
            yield frame.joint.join(["-" * width for width in laid.widths])
    elif frame.top:
        yield _rule(frame.top, laid.widths, frame, style)
    has_tall = any(len(cell) > 1 for row in laid.rows for cell in row)
    for nth, (row, alignments) in enumerate(zip(laid.rows, laid.alignments, strict=True)):
        if nth and has_tall:
            if frame.between:
                yield _rule(frame.between, laid.widths, frame, style)
            elif style.mode == "column":
                yield ""
        yield from _row(row, laid.widths, alignments, frame)
    if frame.bottom:
        yield _rule(frame.bottom, laid.widths, frame, style)


def _rule(line: str, widths: Sequence[int], frame: Frame, style: Style) -> str:
    left, fill, joint, right = tuple(line)
    middle = joint.join([fill * (width + 2) for width in widths])
    return left + middle + right if style.border else middle


def _row(cells: Sequence[Cell], widths: Sequence[int], alignments: Sequence[str], frame: Frame) -> Iterator[str]:
    for nth in range(max(map(len, cells), default=1)):
        parts = [
            _aligned(cell[nth] if nth < len(cell) else "", wide, alignment)
            for cell, wide, alignment in zip(cells, widths, alignments, strict=True)
        ]
        yield frame.left + frame.joint.join(parts) + frame.right


def _aligned(line: str, wide: int, alignment: str) -> str:
    room = wide - width(line)
    before = 0 if alignment == "l" else room if alignment == "r" else room // 2
    return " " * before + line + " " * (room - before)


def _split(values: list[str], screen: int) -> Iterator[str]:
    """One column of values as several, read downwards."""
    for n_rows in range(1, len(values) + 1):
        columns = [values[at : at + n_rows] for at in range(0, len(values), n_rows)]
        widths = [max(map(width, column)) for column in columns]
        if sum(widths) + 2 * (len(widths) - 1) <= screen or n_rows == len(values):
            for nth in range(n_rows):
                line = [
                    _aligned(column[nth], wide, "l")
                    for column, wide in zip(columns, widths, strict=True)
                    if nth < len(column)
                ]
                yield "  ".join(line)
            return
