"""completion(prefix, wholeline): the words that may stand where somebody types.

Without a prefix it is what `wholeline` ends with. The words are those of the schema as it is, of SQL, and of what can
be called.

Source: https://sqlite.org/completion.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.catalog.library import LIBRARY
from turso_wasm.catalog.modules.registry import MODULES
from turso_wasm.plan import nodes
from turso_wasm.plan.providers import NULL, GivenRows, Offer, Request
from turso_wasm.sql.keywords import KEYWORDS

CANDIDATE, PREFIX, WHOLE_LINE, PHASE = range(4)
KEYWORD, PRAGMA, FUNCTION, COLLATION, INDEX, TRIGGER, DATABASE, TABLE, COLUMN, MODULE = range(1, 11)
ROWS: Final = 100.0


class CompletionProvider:
    """Arguments that are there are used; each candidate comes once, under the first phase that has it."""

    def offers(self, request: Request) -> list[Offer]:
        """One."""
        arguments = [request.argument(number) for number in range(2)]
        consumed = tuple(sarg for sarg in arguments if sarg is not None)
        prefix, line = [NULL if sarg is None else sarg.value for sarg in arguments]
        return [Offer(ROWS, ROWS, consumed, lambda reverse: _rows(request, prefix, line))]


def _rows(request: Request, prefix: bound.Expr, line: bound.Expr) -> GivenRows:
    binder = request.planner.binder
    found: dict[str, int] = {}
    for kind, name in _candidates(binder):
        found.setdefault(name, kind)
    constants = tuple((bound.Constant(value=name), bound.Constant(value=kind)) for name, kind in found.items())
    source = request.planner.new_source()
    row, (start, shown) = request.evaluated((_start(binder, prefix, line), line))
    candidate, phase = (bound.ColumnRef(source=source, column=column) for column in range(2))
    length = bound.Call(name="length", args=(start,), kernel="fn_length")
    head = bound.Call(name="substr", args=(candidate, bound.Constant(value=1), length), kernel="fn_substr_3")
    begins = bound.Compare(op="=", left=head, right=start, collation="NOCASE")
    values = nodes.Filter(child=nodes.Values(source=source, rows=constants, n_columns=2), predicate=begins)
    columns: dict[int, bound.Expr] = {CANDIDATE: candidate, PREFIX: start, WHOLE_LINE: shown, PHASE: phase}
    return GivenRows(nodes.NestedLoop(left=row, right=values), columns)


def _start(binder: Binder, prefix: bound.Expr, line: bound.Expr) -> bound.Expr:
    """What the words begin with."""
    if isinstance(prefix, bound.Constant) and prefix.value is None and isinstance(line, bound.Constant):
        binder.pin(line)
        typed = re.search(r"\w*$", str(line.value or ""))
        return bound.Constant(value=typed.group() if typed is not None else "")
    return bound.Call(name="coalesce", args=(prefix, bound.Constant(value="")), style="special")


def _candidates(binder: Binder) -> Iterator[tuple[int, str]]:
    """Every word with its phase."""
    registry = binder.registry
    for word in sorted(KEYWORDS):
        yield KEYWORD, word
    functions = {function.pragma: name for name, function in registry.table_functions.items()}
    for name in functions:
        if name is not None:
            yield PRAGMA, name
    for name in (*registry.scalars, *registry.aggregates, *registry.own_functions, *LIBRARY):
        yield FUNCTION, name
    for name in registry.collations.values():
        yield COLLATION, name
    catalogs = [catalog for catalog in binder.catalogs.slots if catalog is not None and catalog.is_there]
    binder.slots.update(catalog.slot for catalog in catalogs)
    for catalog in catalogs:
        yield DATABASE, catalog.name
        for table in catalog.tables():
            yield TABLE, table.name
            for index in table.indexes:
                if index.name is not None:
                    yield INDEX, index.name
            for column in table.columns:
                yield COLUMN, column.name
    for name in MODULES:
        yield MODULE, name
