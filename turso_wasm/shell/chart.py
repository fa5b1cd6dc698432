"""Charts of characters: bars with eighths of a block, curves with Braille dots."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from turso_wasm.shell.commands.display import screen_width
from turso_wasm.shell.formats.columns import width
from turso_wasm.shell.formats.values import Value
from turso_wasm.shell.messages import CommandError

_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_HEIGHT: Final = 12
_DOTS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # of a Braille cell: left and right column


def chart(names: Sequence[str], rows: Sequence[Sequence[Value]], kind: str) -> Iterator[str]:
    """The lines of a chart. Errors: CommandError when there is no number to draw."""
    is_labelled = len(names) > 1
    labels = [_label(row[0]) if is_labelled else str(nth) for nth, row in enumerate(rows, 1)]
    series = [[_measure(row[at]) for row in rows] for at in range(is_labelled, len(names))]
    drawn = [
        (name, values) for name, values in zip(names[is_labelled:], series, strict=True) if any(map(_is_number, values))
    ]
    if not drawn:
        raise CommandError("Error: the query has no column of numbers to draw")
    for name, values in drawn:
        if len(drawn) > 1 or kind == "line":
            yield name
        yield from _bars(labels, values) if kind == "bar" else _curve(labels, values)


def _label(value: Value) -> str:
    text = "NULL" if value is None else value.hex() if isinstance(value, bytes) else str(value)
    text = text.partition("\n")[0]
    return text[:29] + "…" if len(text) > 30 else text


def _measure(value: Value) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _is_number(value: float | None) -> bool:
    return value is not None and value - value == 0


def _shown(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.6g}"


def _bars(labels: Sequence[str], values: Sequence[float | None]) -> Iterator[str]:
    known = [value for value in values if value is not None and _is_number(value)]
    low, high = min(0.0, *known), max(0.0, *known)
    span = (high - low) or 1.0
    left = max(map(width, labels))
    right = max([len(_shown(value)) for value in known])
    room = max(screen_width() - left - right - 4, 10)
    for label, value in zip(labels, values, strict=True):
        head = " " * (left - width(label)) + label
        if value is None or not _is_number(value):
            yield f"{head} │"
            continue
        eighths = round(abs(value) / span * room * 8)
        before = " " * round((min(value, 0.0) - low) / span * room) if low < 0 else ""
        full, rest = divmod(eighths, 8)
        yield f"{head} │{before}{'█' * full}{_EIGHTHS[rest] if rest else ''} {_shown(value)}"


def _curve(labels: Sequence[str], values: Sequence[float | None]) -> Iterator[str]:
    known = [value for value in values if value is not None and _is_number(value)]
    low, high = min(known), max(known)
    span = (high - low) or 1.0
    edge = max(len(_shown(low)), len(_shown(high)))
    n_columns = max(screen_width() - edge - 3, 10)
    cells = [[0x2800] * n_columns for _ in range(_HEIGHT)]
    last = max(len(values) - 1, 1)
    before: tuple[int, int] | None = None
    for nth, value in enumerate(values):
        if value is None or not _is_number(value):
            before = None
            continue
        dot = (round(nth / last * (n_columns * 2 - 1)), round((high - value) / span * (_HEIGHT * 4 - 1)))
        for x, y in _line(before or dot, dot):
            cells[y // 4][x // 2] |= _DOTS[x % 2][y % 4]
        before = dot
    for nth, row in enumerate(cells):
        scale = _shown(high) if nth == 0 else _shown(low) if nth == _HEIGHT - 1 else ""
        yield f"{scale:>{edge}} ┤{''.join(map(chr, row))}"
    yield " " * (edge + 2) + labels[0] + labels[-1].rjust(n_columns - width(labels[0]))


def _line(start: tuple[int, int], end: tuple[int, int]) -> Iterator[tuple[int, int]]:
    steps = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
    for step in range(steps + 1):
        share = step / steps
        yield round(start[0] + (end[0] - start[0]) * share), round(start[1] + (end[1] - start[1]) * share)
