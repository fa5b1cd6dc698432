"""`dataclass`, as the standard library's, for a program that has hundreds of them and is waited for when it starts.

The standard decorator writes and compiles up to six functions a class, most of which nobody calls. Here all classes
share theirs but for `__init__`, which is written when the first object is made. Type checkers see the standard one.
docs/decisions/0065.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen: bool = False, slots: bool = False, kw_only: bool = False, eq: bool = True) -> Any:
        """A decorator of classes with annotated fields; what the arguments mean: `dataclasses.dataclass`.

        Not supported: fields that take part in comparisons or in hashes alone, InitVar.
        """

        def decorate(cls: type) -> type:
            if cls.__doc__ is None:
                cls.__doc__ = cls.__name__  # else the standard library writes down its signature
            made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(cls)
            added: dict[str, Any] = {"__init__": _first_init(made, frozen), "__repr__": _repr}
            if eq:
                added |= {"__eq__": _equality(made), "__hash__": _hash_of(made) if frozen else None}
            if frozen:
                added |= {"__setattr__": _no_assignment, "__delattr__": _no_deletion}
            for name, method in added.items():
                if name not in cls.__dict__ or (name == "__hash__" and "__eq__" not in cls.__dict__):
                    setattr(made, name, method)
            return made

        return decorate


def _first_init(cls: type, frozen: bool) -> Callable[..., None]:
    """An `__init__` that puts the real one in its place."""

    def __init__(self: object, *args: Any, **named: Any) -> None:
        made: Any = cls
        made.__init__ = _make_init(made, frozen)
        made.__init__(self, *args, **named)

    return __init__


def _make_init(cls: Any, frozen: bool) -> Callable[..., None]:
    by_position, by_name, body = ["self"], ["*"], []
    scope: dict[str, Any] = {"_put": object.__setattr__, "_MISSING": MISSING}
    for field in fields(cls):
        value = name = field.name
        default, make = f"_default_{name}", field.default_factory is not MISSING
        scope[default] = field.default_factory if make else field.default
        if not field.init:
            value = f"{default}()" if make else default
        elif make:
            value = f"{default}() if {name} is _MISSING else {name}"
        if field.init:
            given = name if not make and field.default is MISSING else f"{name}={'_MISSING' if make else default}"
            (by_name if field.kw_only else by_position).append(given)
        if field.init or make or field.default is not MISSING:
            body.append(f"_put(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    arguments = ", ".join(by_position + (by_name if len(by_name) > 1 else []))
    exec(f"def __init__({arguments}):\n    " + "\n    ".join(body or ["pass"]), scope)
    made: Callable[..., None] = scope["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _values_of(cls: Any) -> Callable[[object], Any]:
    """What is compared: the values of all fields that take part."""
    compared = [field.name for field in fields(cls) if field.compare]
    return attrgetter(*compared) if compared else lambda _: ()


def _equality(cls: Any) -> Callable[[Any, Any], Any]:
    values_of = _values_of(cls)

    def __eq__(self: object, other: object) -> Any:
        return values_of(self) == values_of(other) if other.__class__ is self.__class__ else NotImplemented

    return __eq__


def _hash_of(cls: Any) -> Callable[[Any], int]:
    values_of = _values_of(cls)
    return lambda self: hash(values_of(self))


def _repr(self: Any) -> str:
    shown: list[Field[Any]] = [field for field in fields(self) if field.repr]
    return f"{type(self).__qualname__}({', '.join(f'{field.name}={getattr(self, field.name)!r}' for field in shown)})"


def _no_assignment(self: object, name: str, value: object) -> NoReturn:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _no_deletion(self: object, name: str) -> NoReturn:
    raise FrozenInstanceError(f"cannot delete field {name!r}")
