"""What can be called by name, as the compiler knows it, and a connection's own: a tuple, in which each has its number.

Owns the classes; the built-in ones are in catalog/functions.py and catalog/table_functions.py. A connection keeps its
tuple with the code (runtime/usercode.py) before any compiler is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from turso_wasm.base.records import dataclass
from turso_wasm.catalog.names import fold

if TYPE_CHECKING:
    from turso_wasm.typed.types import Function as TypedFunction

PRAGMA_PREFIX: Final = "pragma_"
STATEMENT: Final = "stmt"

CallStyle: TypeAlias = Literal["fixed", "array", "array_collation", "json", "special", "user", "typed", "unknown"]
"""How codegen calls a function (bind.bound.Call)."""
Style: TypeAlias = Literal[CallStyle, "expansion", "sequence", "array_of", "full_text"]
Subtype = Literal["none", "json", "varies"]


_SAME_AGGREGATES: Final = {"string_agg": "group_concat", "variance": "var_samp", "stddev": "stddev_samp"}


@dataclass(frozen=True, slots=True)
class Function:
    """A scalar function for n_min..n_max arguments (n_max -1: any number).

    kernel: symbol of its routine. style: how that is called (bind.bound.Call); besides those
    "expansion": bound to another expression (bind.expansions); "sequence", "array_of", "full_text": see bind.calls.
    deterministic: equal arguments give equal results at any time. direct_only: not to be called from a schema.
    number: of a function of the user's (style "user" or "typed"), in `Registry.own`. body: of a typed one.
    subtype: whether its text is marked as JSON. given, numeric, pattern: see catalog.library.
    vectors: texts among its arguments that stay the same are read once, as vectors.
    """

    name: str
    n_min: int
    n_max: int
    kernel: str = ""
    style: Style = "fixed"
    deterministic: bool = True
    direct_only: bool = False
    number: int = -1
    subtype: Subtype = "none"
    body: TypedFunction | None = None
    given: tuple[str, ...] = ()
    numeric: bool = False
    pattern: int = -1
    vectors: bool = False

    @property
    def plan_name(self) -> str:
        """The name in plans: what the user has called "like" is not taken for the built-in function."""
        return self.name if self.number < 0 else "user function"

    def takes(self, n_arguments: int) -> bool:
        """Whether it can be called with so many."""
        return self.n_min <= n_arguments and (n_arguments <= self.n_max or self.n_max < 0)


@dataclass(frozen=True, slots=True)
class AggregateFunction:
    """An aggregate. window: it makes sense only with OVER.

    number: of an aggregate of the user's, in `Registry.own`. inverts: it has what a moving window takes.
    """

    name: str
    n_min: int
    n_max: int
    window: bool = False
    direct_only: bool = False
    number: int = -1
    inverts: bool = True

    @property
    def plan_name(self) -> str:
        """The name in plans."""
        if self.number >= 0:
            return "user aggregate"
        return _SAME_AGGREGATES.get(self.name, self.name)

    def takes(self, n_arguments: int) -> bool:
        """Whether it can be called with so many."""
        return self.n_min <= n_arguments and (n_arguments <= self.n_max or self.n_max < 0)


@dataclass(frozen=True, slots=True)
class TableFunction:
    """A function in FROM. columns: those that `*` shows. arguments: the hidden columns, in the order of arguments.

    number: of one of the user's, in the registry (catalog/functions.py). direct_only: not to be used by a schema.
    rows: about how many it gives; None: nobody knows.
    """

    name: str
    columns: tuple[str, ...]
    arguments: tuple[str, ...] = ()
    number: int = -1
    direct_only: bool = False
    rows: int | None = None

    @property
    def pragma(self) -> str | None:
        """The PRAGMA whose rows it gives, or what is planned like one: what is told of the statement `stmt`."""
        if self.name.startswith(PRAGMA_PREFIX):
            return self.name[len(PRAGMA_PREFIX) :]
        return self.name if self.arguments == (STATEMENT,) else None

    @property
    def asked(self) -> str | None:
        """The argument that says what is asked about, besides the database."""
        return next((name for name in self.arguments if name != "schema"), None)


UPDATE_HOOK = "update hook"
"""The name of the function that is told of every row that changes (plan/triggers.py), if a connection has it:
'INSERT', 'UPDATE' or 'DELETE', the database, the table, the rowid."""


@dataclass(frozen=True, slots=True)
class OwnCollation:
    """A collation of the user's; `name` as it is shown."""

    name: str


@dataclass(frozen=True, slots=True)
class OwnTokenizer:
    """A tokenizer of the user's, for full-text tables."""

    name: str


Own = Function | AggregateFunction | OwnCollation | OwnTokenizer | TableFunction
"""What a connection can have of its own."""

Owned: TypeAlias = tuple[Own | None, ...]
"""All that a connection has of its own, by number; None: it was removed."""


def number_of(own: Owned, entry: Own) -> int | None:
    """The number of the entry that `entry` would replace: with its name, and arity if it is no collation."""
    return next((n for n, known in enumerate(own) if known is not None and _is_same(known, entry)), None)


def with_own(own: Owned, entry: Own) -> tuple[Owned, int]:
    """The same with one entry more, or in place of the one it replaces; its number."""
    number = number_of(own, entry)
    if number is None:
        return (*own, entry), len(own)
    return (*own[:number], entry, *own[number + 1 :]), number


def without(own: Owned, number: int) -> Owned:
    """The same without one of the entries; the others keep their numbers."""
    left = [*own[:number], None, *own[number + 1 :]]
    while left and left[-1] is None:
        left.pop()
    return tuple(left)


def _is_same(a: Own, b: Own) -> bool:
    for kind in (OwnCollation, OwnTokenizer, TableFunction):
        if isinstance(a, kind) or isinstance(b, kind):
            return isinstance(a, kind) and isinstance(b, kind) and fold(a.name) == fold(b.name)
    assert not isinstance(a, OwnCollation | OwnTokenizer | TableFunction)
    assert not isinstance(b, OwnCollation | OwnTokenizer | TableFunction)
    return a.name == b.name and a.n_max == b.n_max
