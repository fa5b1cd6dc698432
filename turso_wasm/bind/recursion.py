"""Recursive common tables: which SELECTs of a common table are recursive, and what its name means in them.

SQLite takes a common table to be recursive when the last of its SELECTs, joined to the others by UNION or UNION ALL,
names it in FROM; so are those before it as far as they name it too and the operator is the same. There the name is a
source of one row: the one that left the queue.

Source: https://sqlite.org/lang_with.html section 3
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, CurrentRow, Opened, fail
from turso_wasm.bind.comparison import collation_of, column_affinity, shown
from turso_wasm.bind.query import Core, Query
from turso_wasm.bind.scope import Scope
from turso_wasm.bind.tables import common_columns, unique_names
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.types import AffinityLetter
from turso_wasm.sql import ast
from turso_wasm.sql.walk import children


@dataclass(slots=True)
class Recursive:
    """A common table that is recursive: the SELECTs from number `first` on, which are `cores`. names: where these name
    it in FROM.
    """

    opened: Opened
    first: int
    cores: list[ast.Node]
    names: list[ast.TableSource]


def find_recursion(opened: Opened) -> Recursive | None:
    """How a common table is recursive. Errors: "multiple references to recursive table: x"."""
    common = opened.common
    compounds = common.select.compounds
    found = Recursive(opened, len(compounds) + 1, [], [])
    for part in reversed(compounds):
        if part.op not in ("UNION", "UNION ALL") or part.op != compounds[-1].op:
            break
        names = [source for source in _tables(part.core) if _is_named(source, common)]
        if not names:
            break
        if len(names) > 1:
            fail(f"multiple references to recursive table: {common.name}", names[1])
        found.first -= 1
        found.cores.append(part.core)
        found.names += names
    return found if found.names else None


def _is_named(source: ast.TableSource, common: ast.CommonTable) -> bool:
    return source.schema is None and fold(source.name) == fold(common.name)


def _tables(core: ast.SelectCore | ast.Values | ast.LiteralValues) -> Iterator[ast.TableSource]:
    """The tables in a FROM clause, those of joins in parentheses included."""
    stack: list[ast.FromSource] = []
    if isinstance(core, ast.SelectCore) and core.source is not None:
        stack.append(core.source)
    while stack:
        source = stack.pop()
        if isinstance(source, ast.TableSource):
            yield source
        elif isinstance(source, ast.Join):
            stack += (source.right, source.left)
        elif isinstance(source, ast.ParenthesizedSource) and source.alias is None:
            stack.append(source.source)


def bind_recursive(
    binder: Binder, query: Query, recursive: Recursive, bind: Callable[[], list[tuple[Core, Scope]]]
) -> list[Scope]:
    """Add the recursive SELECTs, which `bind` binds, to `query`, which has the others; their scopes.

    The affinities of the columns depend on all SELECTs, and what the recursive ones mean depends on these affinities.
    Errors: "recursive aggregate queries not supported", "cannot use window functions in recursive queries".
    """
    recursive.opened.mistake = "multiple recursive references"
    query.recursive = recursive.first
    initial, affinities = query.cores, _affinities(query)
    for _ in range(2):
        row = _current_row(query, recursive.opened.common, affinities)
        binder.current_rows.update((id(name), (name, row)) for name in recursive.names)
        found = bind()
        if any(core.is_aggregate for core, _ in found):
            binder.later("recursive aggregate queries not supported")
        if _has_window(recursive.cores[0]):  # of the last one: SQLite looks at no other
            binder.later("cannot use window functions in recursive queries")
        query.cores = [*initial, *(core for core, _ in found)]
        assumed, affinities = affinities, _affinities(query)
        if assumed == affinities:
            break
    return [scope for _, scope in found]


def show_current_row(binder: Binder, query: Query, recursive: Recursive) -> None:
    """What the recursive SELECTs see of `query`, before it is known what comparisons make of it."""
    row = _current_row(query, recursive.opened.common, [None] * len(query.columns))
    binder.current_rows.update((id(name), (name, row)) for name in recursive.names)


def _has_window(core: ast.Node) -> bool:
    """A window function stands in a SELECT itself, not in a subquery of it."""
    stack = [core]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionCall) and node.over is not None:
            return True
        stack += (part for part in children(node) if not isinstance(part, ast.Select))
    return False


def _affinities(query: Query) -> list[AffinityLetter | None]:
    return [column_affinity(query, number) for number in range(len(query.columns))]


def _current_row(query: Query, common: ast.CommonTable, affinities: list[AffinityLetter | None]) -> CurrentRow:
    names = common_columns(common, query) or unique_names(query.columns)
    columns = tuple(
        bound.ColumnRef(
            source=query.source,
            column=number,
            name=names[number],
            affinity=affinities[number],
            collation=collation_of(shown(query, number)[0]),
            table=column.table,
            decltype=column.decltype,
            origin=column.origin,
        )
        for number, column in enumerate(query.columns)
    )
    outputs = [replace(column, name=name, inner=None) for name, column in zip(names, query.columns, strict=True)]
    return CurrentRow(common.name, columns, outputs)
