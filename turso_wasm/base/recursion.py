"""Room for deep trees.

SQL may nest 1000 deep (SQLite's own limits are 1000 levels of expressions and 2500 symbols of its parser), which a
walk over the tree answers with a few Python frames per level: more than Python's default recursion limit allows.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")

DEEP_LIMIT: Final = 60_000
"""Python frames; they live on the heap as long as Python functions call each other directly."""


def with_room(function: Callable[_P, _R], /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """`function(*args, **kwargs)`, called once more under a raised recursion limit if it runs into the usual one.

    So the function must be without lasting effects until it succeeds, must recurse through Python functions only
    (not through sorted(key=…), repr or ==, which use the C stack), and its depth must be bounded by other means.
    """
    try:
        return function(*args, **kwargs)
    except RecursionError:
        usual = sys.getrecursionlimit()
        if usual >= DEEP_LIMIT:
            raise
        sys.setrecursionlimit(DEEP_LIMIT)
        try:
            return function(*args, **kwargs)
        finally:
            sys.setrecursionlimit(usual)
