"""Functions of date and time in the schema: there they may not ask what time it is, or where.

A call in an index or a CHECK fails when it is evaluated with 'now', without a time, or with a time zone.

Source: https://sqlite.org/deterministic.html
"""

from __future__ import annotations

from typing import Final

from turso_wasm.bind import bound

MOMENTS: Final = {"date": 0, "time": 0, "datetime": 0, "julianday": 0, "unixepoch": 0, "strftime": 1, "timediff": 0}
"""The functions, with the position of their (first) time."""

PURE: Final = frozenset(("an index", "a CHECK constraint", "a generated column"))

_NOW: Final = ("now", "subsec", "subsecond")
_ZONES: Final = ("localtime", "utc")
NULL: Final = bound.Constant(value=None)


def pure_call(call: bound.Expr, place: str, name: str) -> bound.Expr:
    """`call`, which raises an error where it is not pure. name: as it is written."""
    assert isinstance(call, bound.Call)
    failure = failing(f"non-deterministic use of {name}() in {place}")
    first = MOMENTS[call.name]
    if len(call.args) == first:
        return failure
    n_times = 2 if call.name == "timediff" else 1
    times, modifiers = call.args[first : first + n_times], call.args[first + n_times :]
    # Arguments are looked at one after the other: behind one that makes the result NULL nothing matters.
    whens: list[tuple[bound.Expr, bound.Expr]] = [(bound.IsNull(operand=arg), NULL) for arg in call.args[:first]]
    for time in times:
        whens += [(_is_word(time, word), failure) for word in _NOW]
        whens.append((_is_no_moment(time, modifiers[:1]), NULL))
    whens += [(_is_word(modifier, word), failure) for modifier in modifiers for word in _ZONES]
    return bound.Case(whens=tuple(whens), otherwise=call)


def _is_no_moment(time: bound.Expr, modifier: tuple[bound.Expr, ...]) -> bound.Expr:
    """No time, also not to the first modifier, which may say how to read a number."""
    found: bound.Expr = bound.IsNull(operand=_julianday(time))
    if modifier:
        found = bound.Binary(op="and", left=found, right=bound.IsNull(operand=_julianday(time, *modifier)))
    return found


def _julianday(*args: bound.Expr) -> bound.Expr:
    return bound.Call(name="julianday", args=args, kernel="fn_julianday", style="array")


def failing(message: str) -> bound.Expr:
    """An expression that fails with this message when it is evaluated."""
    return bound.Call(name="raise", args=(bound.Constant(value=message),), style="special", deterministic=False)


def _is_word(arg: bound.Expr, word: str) -> bound.Expr:
    return bound.Compare(op="=", left=arg, right=bound.Constant(value=word), collation="NOCASE")
