"""The parameters of statements: what `.parameter` has set, and which of them a statement has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from turso_wasm.sql.lexer import VARIABLE, tokenize

_MAGIC: Final = {f"{sign}{name}": value for sign in ":@$" for name, value in (("inf", math.inf), ("nan", None))}


def values_for(sql: str, known: Mapping[str, Any]) -> list[Any]:
    """What to bind, one value a parameter; NULL for those that were not set."""
    return [known.get(name, _MAGIC.get(name)) for name in names_in(sql)]


def names_in(sql: str) -> list[str]:
    """The parameters of a statement by number; `?` alone is known by its number, as `?3` is."""
    if not any(sign in sql for sign in "?:@$#"):
        return []
    tokens = tokenize(sql)
    names: list[str] = []
    for kind, token in zip(tokens.kinds, tokens.texts, strict=False):
        if kind != VARIABLE:
            continue
        if token == "?":
            names.append(f"?{len(names) + 1}")
        elif token[0] == "?":
            names += [f"?{at}" for at in range(len(names) + 1, int(token[1:]) + 1)]
        elif token not in names:
            names.append(token)
    return names
