"""The function registry: names and arities are SQLite's, and every routine is one that the kernel exports."""

from __future__ import annotations

import json
from pathlib import Path

import apsw
import pytest

import turso_wasm.kernel
from turso_wasm.catalog.functions import BUILTIN, STATISTICS, TURSO
from turso_wasm.catalog.own import Function

SYMBOLS = Path(turso_wasm.kernel.__file__).with_name("symbols.json")
OURS = [function for overloads in BUILTIN.scalars.values() for function in overloads]
MANY = 7  # more arguments than any function of fixed arity takes


def sqlite_arities(kind: str) -> dict[str, set[int]]:
    """Name -> numbers of arguments; negative numbers are SQLite's minimum for variadic ones: -1 any, -3 one, -4 two."""
    found: dict[str, set[int]] = {}
    for name, builtin, type_, _, n_arguments, _ in apsw.Connection(":memory:").execute("PRAGMA function_list"):
        if builtin and (type_ == "s") == (kind == "scalar"):
            found.setdefault(name, set()).add(n_arguments)
    return found


def accepts(arities: set[int], n: int) -> bool:
    return n in arities or any(a < 0 and n >= {-1: 0, -3: 1, -4: 2}[a] for a in arities)


@pytest.mark.parametrize("name", sorted(sqlite_arities("scalar")))
def test_a_scalar_function_takes_as_many_arguments_as_sqlites(name: str) -> None:
    arities = sqlite_arities("scalar")[name]
    for n in range(MANY):
        # min() and max() of one argument are aggregates.
        expected = accepts(arities, n) and not (name in ("min", "max") and n < 2)
        assert (BUILTIN.find_scalar(name, n) is not None) == expected, n


@pytest.mark.parametrize("name", sorted(sqlite_arities("aggregate")))
def test_an_aggregate_takes_as_many_arguments_as_sqlites(name: str) -> None:
    arities = sqlite_arities("aggregate")[name]
    for n in range(MANY):
        assert (BUILTIN.find_aggregate(name, n) is not None) == accepts(arities, n), n


def test_there_is_no_function_that_sqlite_does_not_have_but_statistics_and_tursos() -> None:
    every = {name for name, *_ in apsw.Connection(":memory:").execute("PRAGMA function_list")}  # of extensions, too
    scalars, aggregates = (
        {name for name in names if not name.startswith("__turso_")}  # those are for the statements of indexes
        for names in (BUILTIN.scalars, BUILTIN.aggregates)
    )
    assert scalars - every == {function.name for function in TURSO}
    assert aggregates - every == set(STATISTICS)


@pytest.mark.parametrize("function", [f for f in OURS if f.kernel], ids=lambda f: f"{f.name}/{f.n_min}")
def test_the_kernel_exports_the_routine(function: Function) -> None:
    functions = json.loads(SYMBOLS.read_text(encoding="utf-8"))["functions"]
    assert function.kernel in functions
    if function.style == "fixed":
        assert len(functions[function.kernel]["params"]) == 1 + 2 * function.n_min
