"""Scopes: which names an expression sees, and what they mean.

Owns SQLite's rules of name resolution: columns of the FROM clause (USING and NATURAL merge them), the rowid's
names, aliases of result columns, enclosing queries, and the errors "no such column" and "ambiguous column name".

Source: https://sqlite.org/lang_select.html, https://sqlite.org/rowidtable.html, https://sqlite.org/quirks.html
"""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.bind.comparison import collation_of, column_affinity, is_mixed, shown
from turso_wasm.bind.query import AggregateRef, Core, Item, WindowRef
from turso_wasm.bind.walk import walk
from turso_wasm.catalog.modules.module import HIDDEN
from turso_wasm.catalog.names import ROWID_NAMES, fold, schema_table_names
from turso_wasm.catalog.objects import Table
from turso_wasm.sql import ast


@dataclass(slots=True)
class Scope:
    """The names of one query level. aliases: result columns, seen where `use_aliases` is set.

    aggregates: "yes" collects them in `core`, "where" likewise but they are refused afterwards (a clause that runs
    before grouping), "no" refuses them at once, even those of outer queries. is_tested: what is bound is not asked
    for: EXISTS wants to know whether there are rows, not what is in them. dropped: the names of the aggregates that
    nobody asks for, by the id of what stands for them. allows_windows: window functions may stand here. windows: those
    that the WINDOW clause names, by folded name. constants: the sources of rows that are one row to every query in an
    expression (of RETURNING, excluded), so that an aggregate over their columns is that query's. row_width: how many
    columns of an UPDATE, or of a row in a term of WHERE, the subquery that is bound is to give. has_rowid: rowids have
    their names.
    """

    items: list[Item] = field(default_factory=list)
    qualified: list[Item] = field(default_factory=list)  # seen only as name.column (excluded, in an upsert)
    nested: list[set[int]] = field(default_factory=list)  # the sources of joins in parentheses, inner ones first
    parent: Scope | None = None
    depth: int = 0
    core: Core | None = None
    aliases: dict[str, bound.Expr] = field(default_factory=dict)
    use_aliases: bool = False
    aggregates: Literal["yes", "where", "no"] = "no"
    inside_aggregate: bool = False
    is_tested: bool = False
    dropped: dict[int, str] = field(default_factory=dict)
    allows_windows: bool = False
    windows: dict[str, ast.WindowSpec] = field(default_factory=dict)
    constants: frozenset[int] = frozenset()
    row_width: int = 0
    has_rowid: bool = True


def table_item(source: int, table: Table, alias: str | None) -> Item:
    """A FROM element that is a table."""
    columns = tuple(column.name for column in table.columns if column.hidden != HIDDEN)
    return Item(
        source,
        alias or table.name,
        table,
        columns=columns,
        numbers=table.numbers,
        schema=table.schema,
        alias=alias,
    )


def column_of(item: Item, number: int) -> bound.Expr:
    """A column of a FROM element: a reference to it, or the expression that a virtual column is."""
    if item.virtual is not None and number >= 0 and item.table is not None and item.table.columns[number].is_computed:
        return item.virtual(number)
    return column_ref(item, number)


def column_ref(item: Item, number: int) -> bound.ColumnRef:
    """The reference to a column of a FROM element that its rows hold; -1 is the rowid."""
    ref = item.refs.get(number)
    if ref is None:
        ref = item.refs[number] = _make_ref(item, number)
    return ref


def _make_ref(item: Item, number: int) -> bound.ColumnRef:
    table = item.table
    if table is None:
        assert item.query is not None
        return query_column(item, number)
    if number < 0 or number == table.rowid_alias:
        alias = table.columns[table.rowid_alias] if table.rowid_alias >= 0 else None
        name, decltype = (alias.name, alias.decltype) if alias is not None else ("rowid", "INTEGER")
        collation = alias.collation if alias is not None else "BINARY"
        known = not item.nullable
        return bound.ColumnRef(
            source=item.source,
            column=-1,
            name=name,
            affinity="D",
            collation=collation,
            not_null=known,
            exact=True,
            table=table.name,
            decltype=decltype,
            origin=name,
        )
    column = table.columns[number]
    return bound.ColumnRef(
        source=item.source,
        column=number,
        name=column.name,
        affinity=column.affinity,
        collation=column.collation,
        not_null=column.not_null and not item.nullable,
        exact=table.strict and column.affinity in "BDE",
        table=table.name,
        decltype=column.decltype,
        origin=column.name,
        loose=column.hidden == HIDDEN or (table.declared is not None and table.declared.is_loose),
        hidden=column.hidden == HIDDEN,
    )


def query_column(item: Item, number: int) -> bound.ColumnRef:
    """Refers to a column of a subquery in FROM: it has the affinity and collation of the expression behind it. What is
    told of its origin is, as in SQLite, that of the last SELECT of a compound.
    """
    query = item.query
    assert query is not None
    expr = shown(query, number)[0]
    column = query.cores[-1].columns[number]
    return bound.ColumnRef(
        source=item.source,
        column=number,
        name=item.columns[number],
        affinity=column_affinity(query, number),
        collation=collation_of(expr),
        not_null=False,
        exact=False,
        loose=is_mixed(expr),
        table=column.table,
        decltype=column.decltype,
        origin=column.origin,
    )


# --- looking up -----------------------------------------------------------------------------------------------


class NameFinder:
    """Resolves references in a chain of scopes. `deepest` is the depth of the innermost scope that a reference of
    the current aggregate used (-1: none), which tells whose aggregate it is. `outer` collects, per query level, the
    columns taken from outside. `rows` are OLD and NEW of the trigger whose text is bound, which are constants to every
    query in it; None outside of triggers.
    """

    __slots__ = ("captures", "deepest", "rows")

    def __init__(self, rows: tuple[Item, ...] | None = None) -> None:
        self.rows = rows
        self.deepest = -1
        self.captures: list[tuple[int, dict[tuple[int, int], bound.Expr]]] = []

    def find(self, node: ast.ColumnRef, scope: Scope | None) -> bound.Expr | None:
        """The column or aliased expression that `node` names, or None. Errors: "ambiguous column name: x"."""
        key = fold(node.column)
        qualifier = fold(node.table) if node.table is not None else None
        level = scope
        while level is not None:
            found = self._find_column(node, key, qualifier, level)
            if isinstance(found, bound.ColumnRef):
                self.note(found, level)
                return found
            if found is not None:
                self._note_all(found, level)
                return found
            if level.use_aliases and qualifier is None:
                expr = level.aliases.get(key)
                if expr is not None:
                    self._note_all(expr, level)
                    return expr
            level = level.parent
        if self.rows and qualifier is not None and node.schema is None:
            return self._find_column(node, key, qualifier, Scope(qualified=list(self.rows)))
        return None

    def _find_column(self, node: ast.ColumnRef, key: str, qualifier: str | None, level: Scope) -> bound.Expr | None:
        match: Item | None = None
        number = -1
        count = 0
        merged = qualifier is None
        schema = fold(node.schema) if node.schema is not None else None
        items = level.items if qualifier is None or not level.qualified else level.items + level.qualified
        for item in items:
            if qualifier is not None and not item_matches(item, qualifier, schema):
                continue
            at = item.numbers.get(key)
            if at is None:
                continue
            if key in item.hidden and count:
                merged = True
                continue
            count += 1
            if match is None:
                match, number = item, at
        if match is None and level.has_rowid and key in ROWID_NAMES:
            for item in items:
                if qualifier is not None and not item_matches(item, qualifier, schema):
                    continue
                if item.table is not None and item.table.kind != "view" and not item.table.without_rowid:
                    count += 1
                    match = match or item
        if match is None:
            return None
        if count > 1:
            raise SqlError(SQLITE_ERROR, f"ambiguous column name: {written(node)}", node.span)
        if merged and key in match.shown:
            return match.shown[key]
        return column_of(match, number)

    def note(self, ref: bound.ColumnRef | AggregateRef, level: Scope) -> None:
        """A reference was found at that level."""
        if level.depth > self.deepest and ref.source not in level.constants:
            self.deepest = level.depth
        if self.captures:
            self.capture(ref, level.depth)

    def capture(self, ref: bound.ColumnRef | AggregateRef, found_at: int) -> None:
        """Note in every query between that `ref`, found at that depth, comes from outside."""
        key = reference_key(ref)
        for depth, outer in self.captures:
            if found_at < depth:
                outer[key] = ref

    def _note_all(self, expr: bound.Expr, level: Scope) -> None:
        for part in walk(expr):
            if isinstance(part, bound.ColumnRef | AggregateRef):
                self.note(part, level)


def reference_key(ref: bound.ColumnRef | AggregateRef | WindowRef) -> tuple[int, int]:
    """What tells references apart: an aggregate's or window's is below all columns, the rowid's included."""
    return (ref.source, ref.column) if isinstance(ref, bound.ColumnRef) else (ref.source, ~1 - ref.index)


def item_matches(item: Item, qualifier: str, schema: str | None) -> bool:
    """Whether `[schema.]qualifier` means this element: by its alias if it has one, else by the table's name."""
    if fold(item.name) != qualifier:
        if item.alias is not None or item.table is None:
            return False
        # sqlite_schema answers to all its names
        if not (item.table.root == 1 and qualifier in schema_table_names(item.table.slot)):
            return False
    return schema is None or (item.schema is not None and fold(item.schema) == schema)


def written(node: ast.ColumnRef) -> str:
    """The reference as SQLite's messages show it."""
    parts = (node.schema, node.table, node.column)
    return ".".join(part for part in parts if part is not None)
