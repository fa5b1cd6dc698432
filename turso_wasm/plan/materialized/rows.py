"""Rows that are joined, filtered and computed: a store of them, each with the keys of the rows it comes from.

When a row of a table goes, the rows that come from it are found by its key; when one comes, the query itself gives
them, with the condition that the table's row is this one. With outer joins a row may come because another goes: there
the rows of the first table that are touched are collected, and what comes from them is computed anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace

from turso_wasm.base.records import dataclass
from turso_wasm.catalog.materialized import Column, Store, refuse
from turso_wasm.catalog.names import fold, quote_identifier
from turso_wasm.plan.materialized.names import Leaf, leaves_of
from turso_wasm.sql import ast
from turso_wasm.sql.printer import print_sql
from turso_wasm.sql.walk import walk


@dataclass(slots=True)
class Arm:
    """One SELECT of expressions over a join, of a UNION ALL of them."""

    outputs: list[ast.Expr]
    source: ast.FromSource | None
    leaves: list[Leaf] = field(default_factory=list)
    where: ast.Expr | None = None

    def select(self, before: Sequence[str], conditions: Sequence[str] = ()) -> str:
        """The text. before: columns ahead of the others. conditions: further ones."""
        columns = ", ".join((*before, *(_operand(output) for output in self.outputs)))
        source = "" if self.source is None else f" FROM {print_sql(self.source)}"
        where = [*conditions, *([] if self.where is None else [f"({print_sql(self.where)})"])]
        return f"SELECT {columns}{source}" + (f" WHERE {' AND '.join(where)}" if where else "")

    @property
    def is_inner(self) -> bool:
        """There are no outer joins."""
        return all(join.kind in ("INNER", "COMMA", "CROSS") for join in _joins(self.source))

    def split(self) -> list[Arm]:
        """A FULL JOIN as two SELECTs: all rows of the left, and those of the right that have none there."""
        source = self.source
        if not isinstance(source, ast.Join) or source.kind != "FULL":
            return [self]
        both = ast.Join("LEFT", source.left, _grouped(source.right), on=source.on)
        rest = ast.Join("LEFT", source.right, _grouped(source.left), on=source.on)
        first = replace(self, source=both, leaves=self.sorted(both))
        if not first.leaves[0].keys:
            refuse("a FULL JOIN of the rows of a function")
        absent: ast.Expr = ast.IsNull(ast.ColumnRef(first.leaves[0].keys[0], first.leaves[0].alias))
        where = absent if self.where is None else ast.Binary("AND", absent, self.where)
        return [first, replace(self, source=rest, leaves=self.sorted(rest), where=where)]

    def sorted(self, source: ast.FromSource | None) -> list[Leaf]:
        """The elements of a source, in its order."""
        by_alias = {fold(leaf.alias): leaf for leaf in self.leaves}
        return [by_alias[fold(_alias_of(each))] for each in leaves_of(source)]


def _operand(node: ast.Expr) -> str:
    return print_sql(node)


def _alias_of(source: ast.FromSource) -> str:
    assert isinstance(source, ast.TableSource | ast.TableFunctionSource)
    return source.alias or source.name


def _joins(source: ast.FromSource | None) -> list[ast.Join]:
    match source:
        case ast.Join():
            return [source, *_joins(source.left), *_joins(source.right)]
        case ast.ParenthesizedSource():
            return _joins(source.source)
    return []


def turned(source: ast.FromSource | None) -> ast.FromSource | None:
    """RIGHT joins as LEFT joins."""
    match source:
        case ast.Join():
            left, right = turned(source.left), turned(source.right)
            assert left is not None and right is not None
            if source.kind == "RIGHT":
                return ast.Join("LEFT", right, _grouped(left), on=source.on)
            return replace(source, left=left, right=right)
        case ast.ParenthesizedSource():
            inner = turned(source.source)
            assert inner is not None
            return inner if isinstance(inner, ast.TableSource) else ast.ParenthesizedSource(inner)
    return source


def _grouped(source: ast.FromSource) -> ast.FromSource:
    return ast.ParenthesizedSource(source) if isinstance(source, ast.Join) else source


def has_outer(source: ast.FromSource | None) -> bool:
    """There is an outer join in it."""
    return any(join.kind not in ("INNER", "COMMA", "CROSS") for join in _joins(source))


def inner_part(source: ast.FromSource | None, top: bool = True) -> ast.FromSource | None:
    """A part that must be a store of its own: what an outer join gives is joined or filtered further, so that rows of
    it may matter which the whole does not show.
    """
    if isinstance(source, ast.ParenthesizedSource):
        return inner_part(source.source, top)
    if not isinstance(source, ast.Join):
        return None
    for part in (source.left, source.right):
        found = inner_part(part, top=False)
        if found is not None:
            return found
    if source.kind == "LEFT":
        parts = [source.right] if has_outer(source.right) else []
    else:
        parts = [part for part in (source.left, source.right) if has_outer(part)]
    if parts:
        return parts[0]
    return source if source.kind == "FULL" and not top else None


class RowStore:
    """The store of the rows of several SELECTs. described: what their columns are."""

    def __init__(self, name: str, arms: Sequence[Arm], described: Sequence[Column]) -> None:
        self.name = name
        self.arms = list(arms)
        self.described = described
        self.several = len(self.arms) > 1
        self.n_keys = max(sum(len(leaf.keys) for leaf in arm.leaves) for arm in self.arms)

    def touched(self) -> Store:
        """Where keys are collected while a statement runs."""
        return Store(f"{self.name}_touched", [Column("arm", "D"), Column("k")], scratch=True)

    def store(self) -> Store:
        """It, with its rules."""
        columns = [Column("k0", "D")] if self.several else []
        columns += [Column(f"k{number}") for number in range(1, self.n_keys + 1)]
        columns += [replace(column, name=f"c{number}") for number, column in enumerate(self.described, 1)]
        store = Store(self.name, columns)
        store.fill = " UNION ALL ".join(self._select(number, arm) for number, arm in enumerate(self.arms))
        for number, arm in enumerate(self.arms):
            if arm.is_inner:
                self._inner_rules(store, number, arm)
            else:
                self._outer_rules(store, number, arm)
        if any(not arm.is_inner for arm in self.arms):
            self._collect(store)
        for rule in store.rules:
            rule.columns = self._read(rule.table)
        return store

    def _read(self, table: str) -> frozenset[str]:
        """The folded names of the columns of a table that the SELECTs read."""
        found = set()
        for arm in self.arms:
            aliases = {fold(leaf.alias) for leaf in arm.leaves if fold(leaf.table or "") == fold(table)}
            for root in (*arm.outputs, arm.source, arm.where):
                for node in () if root is None else walk(root):
                    if isinstance(node, ast.ColumnRef) and fold(node.table or "") in aliases:
                        found.add(fold(node.column))
        return frozenset(found)

    def _select(self, number: int, arm: Arm, conditions: Sequence[str] = ()) -> str:
        keys = [_ref(leaf, key) for leaf in arm.leaves for key in leaf.keys]
        keys += ["NULL"] * (self.n_keys - len(keys))
        return arm.select([*([str(number)] if self.several else []), *keys], conditions)

    def _places(self, arm: Arm) -> list[tuple[Leaf, list[tuple[str, str]]]]:
        """The elements that may change, each with its keys and the columns of the store that have them."""
        found, at = [], 1
        for leaf in arm.leaves:
            keys = [(key, f"k{at + number}") for number, key in enumerate(leaf.keys)]
            at += len(keys)
            if leaf.table is not None:
                found.append((leaf, keys))
        return found

    def _of_arm(self, number: int) -> str:
        return f"k0 = {number} AND " if self.several else ""

    def _inner_rules(self, store: Store, number: int, arm: Arm) -> None:
        before: list[tuple[Leaf, str]] = []
        for leaf, keys in self._places(arm):
            assert leaf.table is not None
            rule = store.rule(leaf.table)
            going = " AND ".join(f"{column} = +old.{quote_identifier(key)}" for key, column in keys)
            rule.old.append(f"DELETE FROM {store.quoted} WHERE {self._of_arm(number)}{going}")
            others = [condition for known, condition in before if fold(known.table or "") == fold(leaf.table)]
            text = self._select(number, arm, [_is_row(leaf), *others])
            rule.new.append(f"INSERT INTO {store.quoted} {text}")
            before.append((leaf, f"NOT ({_is_row(leaf)})"))
            store.index(column for _, column in keys)

    def _outer_rules(self, store: Store, number: int, arm: Arm) -> None:
        anchor = arm.leaves[0]
        if len(anchor.keys) != 1 or anchor.table is None:
            refuse(f"an outer join of {anchor.alias}, which has no rowid")
        touched, tagged = self._touched(store), self._of_arm(number)
        for leaf, keys in self._places(arm):
            assert leaf.table is not None
            rule = store.rule(leaf.table)
            into = f"INSERT INTO {touched}(arm, k) SELECT {number}, "
            if leaf is anchor:
                key = quote_identifier(leaf.keys[0])
                rule.old.append(f"{into}old.{key}")
                rule.new.append(f"{into}new.{key}")
            else:
                going = " AND ".join(f"{column} = +old.{quote_identifier(key)}" for key, column in keys)
                rule.old.append(f"{into}k1 FROM {store.quoted} WHERE {tagged}{going}")
                source = print_sql(arm.source) if arm.source is not None else ""
                found = f"{_ref(anchor, anchor.keys[0])} FROM {source} WHERE {_is_row(leaf)}"
                rule.new.append(f"{into}{found} AND {_ref(anchor, anchor.keys[0])} IS NOT NULL")
            store.index(column for _, column in keys)
            keys_of = f"IN (SELECT k FROM {touched} WHERE arm = {number})"
            rows = self._select(number, arm, [f"{_ref(anchor, anchor.keys[0])} {keys_of}"])
            gone = f"DELETE FROM {store.quoted} WHERE {tagged}k1 {keys_of}"
            again = [gone, f"INSERT INTO {store.quoted} {rows}"]
            rule.finish += [statement for statement in again if statement not in rule.finish]

    def _touched(self, store: Store) -> str:
        return quote_identifier(f"{store.name}_touched")

    def _collect(self, store: Store) -> None:
        """What was collected is forgotten at the end of a rule."""
        for rule in store.rules:
            if rule.finish:
                rule.finish.append(f"DELETE FROM {self._touched(store)}")


def _ref(leaf: Leaf, key: str) -> str:
    return f"{quote_identifier(leaf.alias)}.{quote_identifier(key)}"


def _is_row(leaf: Leaf) -> str:
    return " AND ".join(f"{_ref(leaf, key)} = new.{quote_identifier(key)}" for key in leaf.keys)
