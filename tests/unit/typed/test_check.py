"""What typed Python has, and how it says what it has not."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Optional

import pytest

from turso_wasm.typed.check import compile_function
from turso_wasm.typed.errors import NotTyped
from turso_wasm.typed.types import FLOAT, INT, STR, Type

LIMIT = 10
WORDS = ("a", "b")
TABLE = {"a": 1}
NO_TYPE = "is no type that can be compiled: int, float, bool, str, bytes, or one of them | None"


def no_type(x) -> int:  # type: ignore[no-untyped-def]
    return 1


def no_result(x: int):  # type: ignore[no-untyped-def]
    return x


def of_dictionaries(x: int) -> int:
    items = {x: x}
    return items[x]


def of_generators(x: int) -> int:
    return sum(i for i in range(x))


def wrong_operand(x: int, y: str) -> int:
    return x - y  # type: ignore[operator]


def two_types(x: int) -> int:
    value: Any = 1
    if x:
        value = "a"
    return value  # type: ignore[no-any-return]


def looks_outside(x: str) -> int:
    return TABLE[x]


def variadic(*x: int) -> int:
    return 0


def unknown_type(x: dict[int, int]) -> int:
    return 0


def tries(x: int) -> int:
    try:
        return x
    finally:
        pass


def unknown_method(x: str) -> str:
    return x.title()


def mixed_list(x: int) -> int:
    items = [x, "a"]
    return len(items)


def empty_list(x: int) -> int:
    items = []
    items.append(x)
    return len(items)


def passes_a_tuple(x: int) -> int:
    words = WORDS
    return len(words) + x


def changes_a_text(x: str) -> str:
    x[0] = "a"  # type: ignore[index]
    return x


def unknown_name(x: int) -> int:
    return x + missing  # type: ignore[name-defined]  # noqa: F821


def returns_other(x: int) -> str:
    return x  # type: ignore[return-value]


def two_levels(x: int) -> int:
    return of_dictionaries(x)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (no_type, "parameter 'x' has no type"),
        (no_result, "no_result() does not say what it returns: write `-> int` or the like"),
        (of_dictionaries, "a dictionary is not part of typed Python"),
        (of_generators, "a generator is not part of typed Python"),
        (wrong_operand, "no operator - for int and str"),
        (two_types, f"Any {NO_TYPE}"),
        (looks_outside, "'TABLE' is no constant of a type that can be compiled"),
        (variadic, "a typed function takes positional parameters only"),
        (unknown_type, f"dict[int, int] {NO_TYPE}"),
        (tries, "`try` is not part of typed Python"),
        (unknown_method, "str has no method title() in typed Python"),
        (mixed_list, "a list holds int, float or str, all alike"),
        (empty_list, "an empty list needs a type: write `name: list[int] = []`"),
        (passes_a_tuple, "a tuple can be indexed, counted and gone through only"),
        (changes_a_text, "str cannot be changed"),
        (unknown_name, "name 'missing' is not defined"),
        (returns_other, "the result is str, not int"),
        (two_levels, "of_dictionaries() cannot be compiled: a dictionary is not part of typed Python"),
        (len, "a builtin_function_or_method is no plain function"),
        (lambda x: x, "<lambda> is not written as a `def`"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_not_typed(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(NotTyped) as caught:
        compile_function(function)
    assert caught.value.message == message


def test_an_error_shows_its_line() -> None:
    with pytest.raises(NotTyped) as caught:
        compile_function(wrong_operand)
    message, place, line, carets = str(caught.value).splitlines()
    assert message == "no operator - for int and str"
    assert place.endswith(f"test_check.py, line {wrong_operand.__code__.co_firstlineno + 1}")
    assert line.strip().startswith("return x - y")
    assert carets == " " * line.index("x - y") + "^^^^^"


# --- what it has --------------------------------------------------------------------------------------------------


def best_of(n: int) -> Optional[int]:  # noqa: UP045
    best = None
    for i in range(n):
        if best is None or i * i % 7 > best:
            best = i * i % 7
    return best


def test_a_variable_is_none_until_it_is_assigned() -> None:
    assert Type("int", True) in compile_function(best_of).variables


def mean(n: int) -> float:
    total = 0
    for i in range(n):
        total += i / 2  # type: ignore[assignment]
    return total / n


def test_a_variable_that_holds_ints_and_floats_is_a_float() -> None:
    assert compile_function(mean).variables[1] == FLOAT


def outside(x: float, word: str) -> float:
    return x * LIMIT + math.pi if word in WORDS else -math.inf


def test_constants_from_outside_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    before = compile_function(outside)
    assert before == compile_function(outside)
    monkeypatch.setitem(globals(), "LIMIT", 11)
    assert before != compile_function(outside)


def calls(x: int) -> int:
    return count_down(x) + 1


def count_down(x: int, to: int = 0) -> int:
    return x if x <= to else count_down(x - 1, to)


def test_typed_functions_call_each_other() -> None:
    function = compile_function(calls)
    assert function.calls == (compile_function(count_down),)
    assert function.calls[0].recursive
    assert [default.type for default in function.calls[0].defaults] == [INT]


def annotated(text: str | None) -> str:
    """A docstring."""
    found: str = ""
    if text is None:
        return found
    return text[1:] or found


def test_annotations_and_docstrings() -> None:
    function = compile_function(annotated)
    assert function.variables[:2] == (Type("str", True), STR)
