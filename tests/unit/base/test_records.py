"""base/records.py: a dataclass there is what it would be in the standard library."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, field, replace
from typing import Any

import pytest

from turso_wasm.base import records

DECORATORS: list[Callable[..., Any]] = [dataclasses.dataclass, records.dataclass]
CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1,), {}),
    ((1, 2), {}),
    ((1, 2, 3, 4, 5, 6), {}),
    ((), {"a": 1}),
    ((1,), {"b": 5, "c": [1]}),
    ((1,), {"nosuch": 1}),
    ((1,), {"a": 1}),
    ((1,), {"d": 1}),
]


def outcome(work: Callable[[], Any]) -> object:
    """What it gives, or what it raises."""
    try:
        return work()
    except Exception as error:
        return type(error), str(error)


HOW = [
    {},
    {"frozen": True},
    {"slots": True},
    {"kw_only": True},
    {"eq": False},
    {"frozen": True, "slots": True, "kw_only": True},
    {"slots": True, "eq": False},
]


@pytest.mark.parametrize("how", HOW)
def test_as_the_standard_one(how: dict[str, Any]) -> None:
    found = [_behaviour(decorator, how) for decorator in DECORATORS]
    assert found[0] == found[1]


def _behaviour(decorator: Callable[..., Any], how: dict[str, Any]) -> list[object]:
    @decorator(**how)
    class Base:
        """Fields with and without defaults."""

        a: int
        b: int = 2
        c: list[int] = field(default_factory=list)
        d: int = field(default=7, init=False)
        e: int = field(default=0, compare=False, repr=False)

    @decorator(**how)
    class Sub(Base):
        f: str = "f"

        def __repr__(self) -> str:
            return f"own {self.f}"

    found: list[object] = []
    for kind in (Base, Sub):
        for args, named in CALLS:
            found.append(outcome(lambda: repr(kind(*args, **named))))  # noqa: B023
            found.append(outcome(lambda: [getattr(kind(*args, **named), name) for name in "abcde"]))  # noqa: B023
        one, other = (outcome(lambda: kind(**given)) for given in ({"a": 1}, {"a": 1, "e": 3}))  # noqa: B023
        found += [one == other, one == outcome(lambda: kind(a=2)), one == 1, one != other]  # noqa: B023
        found.append(outcome(lambda: hash(one) == hash(other)))  # noqa: B023
        found.append(outcome(lambda: setattr(one, "a", 9)))  # noqa: B023
        found.append(outcome(lambda: delattr(one, "a")))  # noqa: B023
        found.append(outcome(lambda: (replace(one, b=5).b, one.b)))  # type: ignore[type-var, attr-defined]  # noqa: B023
        found.append([each.name for each in dataclasses.fields(kind)])
    found.append(Base(a=1) == Sub(a=1))
    return found


def test_defaults_made_by_a_factory_are_not_shared() -> None:
    @records.dataclass(slots=True)
    class Kind:
        """One list."""

        items: list[int] = field(default_factory=list)

    one, other = Kind(), Kind()
    one.items.append(1)
    assert other.items == []


def test_nothing_is_compiled_before_an_object_is_made() -> None:
    compiled = []
    with_hook = sys.modules["builtins"].exec  # type: ignore[attr-defined]

    def counting(*args: Any) -> None:
        compiled.append(args[0])
        with_hook(*args)

    records.exec = counting  # type: ignore[attr-defined]
    try:

        @records.dataclass(frozen=True, slots=True, kw_only=True)
        class Kind:
            """One field."""

            a: int

        assert compiled == []
        assert Kind(a=1).a == Kind(a=1).a
        assert len(compiled) == 1
    finally:
        del records.exec  # type: ignore[attr-defined]
    with pytest.raises(FrozenInstanceError):
        Kind(a=1).a = 2  # type: ignore[misc]
