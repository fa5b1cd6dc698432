"""Productions: named, weighted ways to write one symbol of SQL's grammar.

A class of productions derives from `Grammar`; each method marked `@production(symbol, …)` is one way to write that
symbol and gives text. `Grammar.derive` chooses one by weight. Beyond the depth limit, or when the statement is long
enough, only productions marked `leaf` are chosen, so that every derivation ends. `used` counts what was chosen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")
Method = TypeVar("Method", bound=Callable[..., Any])

ANY = "any"


@dataclass(frozen=True, slots=True)
class Production:
    """One way to write `symbol`. kinds: the types of value it can give, () where values have no part in it."""

    symbol: str
    name: str
    weight: float
    leaf: bool
    kinds: tuple[str, ...]

    def suits(self, kind: str) -> bool:
        """True if it can give a value of that kind."""
        return kind == ANY or not self.kinds or kind in self.kinds


def production(symbol: str, weight: float = 1.0, *, leaf: bool = False, kinds: str = "") -> Callable[[Method], Method]:
    """Mark a method as a production of `symbol`; kinds: names of types, separated by spaces."""

    def mark(method: Method) -> Method:
        made = Production(symbol, method.__name__, weight, leaf, tuple(kinds.split()))
        method.production = made  # type: ignore[attr-defined]
        return method

    return mark


class Grammar:
    """Choices drawn from one seed, and the bookkeeping of derivations."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.max_depth = 5
        self.max_nodes = 60
        self.used: Counter[str] = Counter()
        self.depth = 0
        self.nodes = 0
        self.symbols: dict[str, list[Production]] = {}
        self.favoured: dict[str, float] = {}  # by the names of productions, what their weights are multiplied by
        for found in self.productions():
            self.symbols.setdefault(found.symbol, []).append(found)

    @classmethod
    def productions(cls) -> list[Production]:
        """All of them, in the order of their names."""
        methods = (getattr(cls, name) for name in sorted(dir(cls)))
        return [method.production for method in methods if hasattr(method, "production")]

    def derive(self, symbol: str, *arguments: Any, kind: str = ANY) -> Any:
        """Write `symbol` by one of its productions, which is given `arguments` (and the kind, if it has kinds)."""
        choices = [found for found in self.symbols[symbol] if found.suits(kind)]
        if self.depth >= self.max_depth or self.nodes >= self.max_nodes:
            choices = [found for found in choices if found.leaf] or choices
        weights = [found.weight * self.favoured.get(found.name, 1.0) for found in choices]
        chosen = self.random.choices(choices, weights)[0]
        self.used[chosen.name] += 1
        self.nodes += 1
        self.depth += 1
        try:
            method = getattr(self, chosen.name)
            return method(*arguments, kind) if chosen.kinds else method(*arguments)
        finally:
            self.depth -= 1

    # --- choices -----------------------------------------------------------------------------------------------------

    def pick(self, choices: Sequence[T]) -> T:
        """One of them."""
        return self.random.choice(choices)

    def chance(self, probability: float) -> bool:
        """True with that probability."""
        return self.random.random() < probability

    def few(self, least: int = 1, most: int = 3) -> range:
        """A short range to iterate over; small lengths are likelier."""
        n = least
        while n < most and self.chance(0.4):
            n += 1
        return range(n)

    def maybe(self, probability: float, text: Callable[[], str]) -> str:
        """The text, or nothing."""
        return text() if self.chance(probability) else ""
