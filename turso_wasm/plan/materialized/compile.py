"""From the query of a materialized view to the stores that are kept of it.

What a SELECT consists of becomes stores one after the other: joined and filtered rows (rows.py), groups of them
(groups.py), partitions whose windows are computed anew, the first rows of an order. A query in FROM that is more than a
table becomes stores of its own, a common table or view in the place where it is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, TypeAlias

from turso_wasm.bind.binder import Binder
from turso_wasm.bind.comparison import affinity_of, collation_of, column_affinity
from turso_wasm.bind.query import Query
from turso_wasm.bind.tables import unique_names
from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.materialized import PREFIX, Column, Store, refuse
from turso_wasm.catalog.names import ROWID_NAMES, fold
from turso_wasm.catalog.objects import Table
from turso_wasm.catalog.tables import build_table
from turso_wasm.plan.materialized.groups import DISTINCT, Grouping, GroupStore, is_aggregate
from turso_wasm.plan.materialized.names import Leaf, Scope, conjunction, leaves_of, rewrite
from turso_wasm.plan.materialized.rows import Arm, RowStore, inner_part, turned
from turso_wasm.plan.materialized.windows import TopStore, WindowStore, has_windows, with_windows
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one
from turso_wasm.sql.printer import print_sql
from turso_wasm.sql.walk import walk

Common: TypeAlias = "Mapping[str, tuple[ast.CommonTable, Common]]"
_STATIC = frozenset(("json_each", "json_tree", "jsonb_each", "jsonb_tree", "generate_series"))
"""Functions in FROM whose rows depend on their arguments alone."""
_NOW = frozenset(("date", "time", "datetime", "julianday", "unixepoch", "strftime", "timediff"))


class Compiler:
    """The stores of a view `name` of a database. Errors: CannotMaintain."""

    def __init__(self, binder: Binder, catalog: Catalog, name: str) -> None:
        self.binder = binder
        self.catalog = catalog
        self.name = name
        self.stores: list[Store] = []
        self.bases: list[str] = []  # the names of the tables it is computed from
        self.numbered: list[tuple[str, str]] = []  # those without INTEGER PRIMARY KEY, each with a column
        self._there = ExitStack()
        self._views: list[str] = []

    def compile(self, select: ast.Select) -> list[Store]:
        """The stores, in the order in which they are filled; the last has the rows of the view, in columns c1, c2, …"""
        with self._there:
            self.select(select, {}, final=True)
        for store in self.stores[:-1]:
            if not store.indexes and not store.scratch:  # VACUUM would change its rowids
                store.index([store.columns[0].name])
        return self.stores

    # --- SELECT -----------------------------------------------------------------------------------------------------

    def select(self, node: ast.Select, common: Common, final: bool = False) -> Store:
        """The store that has the rows of a query."""
        if node.with_ is not None:
            common = self._with(node.with_, common)
        if node.limit is not None:
            return self._top(node, common, final)
        if node.compounds:
            return self._compound(node, common, final)
        return self._core(node.core, common, final)

    def _with(self, node: ast.With, common: Common) -> Common:
        known = dict(common)
        for table in node.tables:
            names = {fold(part.name) for part in _walk(table.select) if isinstance(part, ast.TableSource)}
            if node.recursive and fold(table.name) in names:
                refuse("a recursive common table")
            known[fold(table.name)] = (table, dict(known))
        return known

    def _compound(self, node: ast.Select, common: Common, final: bool) -> Store:
        last = node.compounds[-1]
        if all(part.op == "UNION ALL" for part in node.compounds):
            return self._rows([self._arm(core, common) for core in _cores(node)], final)
        if last.op == "UNION" and all(part.op.startswith("UNION") for part in node.compounds):
            return self._groups(self._rows([self._arm(core, common) for core in _cores(node)]), DISTINCT, final)
        before = replace(node, compounds=node.compounds[:-1], order_by=(), with_=None)
        left = self._reading(self.select(before, common)) if before.compounds else self._arm(node.core, common)
        arms = [left, self._arm(last.core, common)]
        if last.op == "UNION ALL":
            return self._rows(arms, final)
        width = len(left.outputs)
        for number, arm in enumerate(arms):  # two columns more say which side a row is from
            arm.outputs += [ast.IntegerLiteral(1) if number == side else ast.NullLiteral() for side in (0, 1)]
        rows = self._rows(arms)
        counts = [ast.FunctionCall("count", (ast.ColumnRef(f"c{width + side}"),)) for side in (1, 2)]
        grouping = Grouping(width, counts)
        groups = self._groups(rows, grouping)
        if last.op == "UNION":
            return groups
        arm = self._reading(groups)
        finals = grouping.finals(groups, "s")
        there, other = finals[-1], finals[-2]
        zero = ast.IntegerLiteral(0)
        wanted = ast.Binary(">" if last.op == "INTERSECT" else "=", other, zero)
        arm.where = ast.Binary("AND", ast.Binary(">", there, zero), wanted)
        return self._rows([arm], final)

    def _arm(self, core: Any, common: Common) -> Arm:
        """A SELECT of a compound as rows: itself if it is no more than that, or read from its store."""
        if isinstance(core, ast.SelectCore) and not core.distinct and not core.group_by and core.having is None:
            arm, scope = self._explicit(core, common)
            if not any(self._aggregates(output) or has_windows(output) for output in arm.outputs):
                del scope
                return arm
        return self._reading(self._core(core, common))

    def _reading(self, store: Store) -> Arm:
        """All rows of a store."""
        leaf = self._store_leaf(store, "s", [column.name for column in store.columns if column.name[0] == "c"])
        outputs: list[ast.Expr] = [ast.ColumnRef(name, "s") for name in leaf.shown]
        return Arm(outputs, ast.TableSource(store.name, alias="s"), [leaf])

    def _core(self, core: Any, common: Common, final: bool = False) -> Store:
        if not isinstance(core, ast.SelectCore):
            core = _values(core)
        arm, scope = self._explicit(core, common)
        having = core.having
        groups = bool(core.group_by) or any(map(self._aggregates, arm.outputs))
        groups = groups or (having is not None and self._aggregates(having))
        if groups:
            arm = self._grouped(core, arm, scope)
        elif having is not None:
            refuse("HAVING without aggregates")
        if any(map(has_windows, arm.outputs)):
            store = self._windows(arm, final and not core.distinct)
        elif core.distinct:
            store = self._rows([arm])
        else:
            return self._rows([arm], final)
        return self._groups(store, DISTINCT, final) if core.distinct else store

    # --- FROM -------------------------------------------------------------------------------------------------------

    def _explicit(self, core: ast.SelectCore, common: Common) -> tuple[Arm, Scope]:
        """A SELECT with explicit names, as if it had no groups, windows or DISTINCT."""
        scope = Scope()
        source = None if core.source is None else self._source(core.source, scope, common)
        for column in core.columns:
            if isinstance(column, ast.ResultColumn) and column.alias is not None:
                scope.aliases.setdefault(fold(column.alias), column.expr)
        scope.aliases = {name: _without_aliases(scope, expr) for name, expr in scope.aliases.items()}
        windows = {fold(window.name): window.spec for window in core.windows}
        outputs: list[ast.Expr] = []
        for column in core.columns:
            if isinstance(column, ast.Star):
                outputs += [expr for _, expr in scope.star(column)]
            else:
                outputs.append(_without_aliases(scope, with_windows(column.expr, windows)))
        where = None if core.where is None else scope.explicit(core.where)
        arm = Arm(outputs, source, scope.leaves, where)
        for part in (*outputs, where, source, core.having, *core.group_by):
            if part is not None:
                self._check_pure(part)
        return arm, scope

    def _check_pure(self, root: ast.Node) -> None:
        for node in _walk(root):
            if isinstance(node, ast.CurrentTime):
                refuse(node.kind)
            if not isinstance(node, ast.FunctionCall):
                continue
            name = fold(node.name)
            found = self.binder.registry.find(name, len(node.arguments))
            if found is None:
                refuse(f"{node.name}(), which is no function of every connection")
            if getattr(found, "deterministic", True) is False:
                refuse(f"{node.name}()")
            if name in _NOW and (len(node.arguments) <= (name == "strftime") or _says_now(node)):
                refuse(f"{node.name}() of now")

    def _source(self, node: ast.FromSource, scope: Scope, common: Common) -> ast.FromSource:
        match node:
            case ast.Join():
                return self._join(node, scope, common)
            case ast.ParenthesizedSource() if node.alias is None:
                return ast.ParenthesizedSource(self._source(node.source, scope, common))
            case ast.ParenthesizedSource():
                refuse("a join in parentheses that has a name")
            case ast.SubquerySource():
                return self._subquery(node.select, node.alias, (), scope, common)
            case ast.TableFunctionSource():
                return self._function(node, scope)
        assert isinstance(node, ast.TableSource)
        return self._table(node, scope, common)

    def _join(self, node: ast.Join, scope: Scope, common: Common) -> ast.Join:
        before = len(scope.leaves)
        left = self._source(node.left, scope, common)
        middle = len(scope.leaves)
        right = self._source(node.right, scope, common)
        lefts, rights = scope.leaves[before:middle], scope.leaves[middle:]
        names = [name.text for name in node.using or ()]
        if node.natural:
            there = {name for leaf in lefts for name in map(fold, leaf.shown)}
            names = [name for leaf in rights for name in leaf.shown if fold(name) in there]
        conditions: list[ast.Expr | None] = [None if node.on is None else scope.explicit(node.on)]
        for name in map(fold, names):
            left_ref = scope.merged.get(name) or _first(lefts, name)
            right_ref = _first(rights, name)
            conditions.append(ast.Binary("=", left_ref, right_ref))
            for leaf in rights:
                scope.hidden.add((leaf.alias, name))
            if node.kind == "FULL":
                scope.merged[name] = ast.FunctionCall("coalesce", (left_ref, right_ref))
            elif node.kind == "RIGHT":
                scope.merged[name] = right_ref
            else:
                scope.merged.setdefault(name, left_ref)
        return ast.Join(node.kind, left, right, on=conjunction(conditions))

    def _table(self, node: ast.TableSource, scope: Scope, common: Common) -> ast.FromSource:
        known = common.get(fold(node.name)) if node.schema is None else None
        if known is not None:
            table, around = known
            names = tuple(name.text for name in table.columns)
            return self._subquery(table.select, node.alias or node.name, names, scope, around)
        if node.schema is not None and not self.catalog.is_called(node.schema):
            refuse(f"a table of another database ({node.schema})")
        found = self.catalog.find_table(node.name)
        if found is None:
            refuse(f"{node.name}, which is no table of the view's database")
        if found.kind == "view":
            return self._view(found, node.alias or node.name, scope)
        if found.kind != "table" or found.root == 1:
            refuse(f"{node.name}, which is a virtual table" if found.kind == "virtual" else node.name)
        alias = self._alias(node.alias or node.name, scope)
        leaf = Leaf(alias, *_columns_of(found), keys=_keys_of(found), table=found.name)
        scope.leaves.append(leaf)
        if fold(found.name) not in map(fold, self.bases):
            self.bases.append(found.name)
            if found.rowid_alias < 0 and not found.without_rowid:
                self.numbered.append((found.name, found.columns[0].name))
        return ast.TableSource(found.name, alias=alias)

    def _view(self, view: Table, alias: str, scope: Scope) -> ast.FromSource:
        if fold(view.name) in self._views or fold(view.name) == fold(self.name):
            refuse(f"view {view.name} is circularly defined")
        assert view.select is not None
        self._views.append(fold(view.name))
        found = self._subquery(view.select, alias, view.view_columns, scope, {}, stored=True)
        self._views.pop()
        return found

    def _subquery(
        self,
        select: ast.Select,
        alias: str | None,
        names: tuple[str, ...],
        scope: Scope,
        common: Common,
        stored: bool = False,
    ) -> ast.FromSource:
        names = names or self._names(select, common, stored)
        alias = self._alias(alias or f"subquery{len(scope.leaves) + 1}", scope)
        store = self.select(select, common)
        columns = [column.name for column in store.columns if column.name[0] == "c"]
        leaf = self._store_leaf(store, alias, list(names))
        leaf.columns = {fold(name): column for name, column in reversed(list(zip(names, columns, strict=False)))}
        scope.leaves.append(leaf)
        return ast.TableSource(store.name, alias=alias)

    def _store_leaf(self, store: Store, alias: str, names: list[str]) -> Leaf:
        return Leaf(alias, tuple(names), {column.name: column.name for column in store.columns}, ("rowid",), store.name)

    def _function(self, node: ast.TableFunctionSource, scope: Scope) -> ast.FromSource:
        if fold(node.name) not in _STATIC:
            refuse(f"{node.name}() in FROM")
        alias = self._alias(node.alias or node.name, scope)
        arguments = tuple(scope.explicit(argument) for argument in node.arguments)
        written = ast.TableFunctionSource(node.name, None, arguments, alias)
        query = self._bound(f"SELECT * FROM {node.name}({','.join('NULL' for _ in arguments)})")
        shown = tuple(column.name for column in query.columns)
        scope.leaves.append(Leaf(alias, shown, {fold(name): name for name in shown}))
        return written

    def _alias(self, alias: str, scope: Scope) -> str:
        if any(fold(leaf.alias) == fold(alias) for leaf in scope.leaves):
            refuse(f"two elements of FROM that are called {alias}")
        return alias

    # --- stores -----------------------------------------------------------------------------------------------------

    def _new(self, final: bool) -> str:
        return PREFIX + self.name + ("" if final else f"_{len(self.stores) + 1}")

    def add(self, store: Store) -> Store:
        """A store is there for those that come after."""
        self.stores.append(store)
        node, _ = parse_one(store.table_sql())
        assert isinstance(node, ast.CreateTable)
        slot, schema = self.catalog.slot, self.catalog.name
        table = build_table(node, store.table_sql(), root=0, slot=slot, schema=schema)
        self._there.enter_context(self.catalog.replaced(store.name, table))
        return store

    def _rows(self, arms: list[Arm], final: bool = False) -> Store:
        arms = [part for arm in arms for part in self._simple(arm)]
        text = " UNION ALL ".join(arm.select([]) for arm in arms)
        widths = {len(arm.outputs) for arm in arms}
        if len(widths) > 1:
            refuse("SELECTs of different numbers of columns")
        made = RowStore(self._new(final), arms, self.described(text))
        if any(not arm.is_inner for arm in arms):
            self.add(made.touched())
        return self.add(made.store())

    def _simple(self, arm: Arm) -> list[Arm]:
        """The same rows, of SELECTs whose outer joins nothing follows: the others become stores."""
        source = turned(arm.source)
        arm = replace(arm, source=source, leaves=arm.sorted(source))
        while (part := inner_part(arm.source)) is not None:
            arm = self._stored(arm, part)
        return [self._rooted(part) for part in arm.split()]

    def _rooted(self, arm: Arm) -> Arm:
        """An outer join is not filtered, and its first table has a rowid."""
        if arm.is_inner:
            return arm
        if len(arm.leaves[0].keys) > 1:
            arm = self._stored(arm, next(leaves_of(arm.source)))
        if arm.where is None:
            return arm
        assert arm.source is not None
        return self._stored(arm, arm.source)

    def _stored(self, arm: Arm, part: ast.FromSource) -> Arm:
        """The same rows, with a part of FROM in a store."""
        leaves = arm.sorted(part)
        mine = {fold(leaf.alias) for leaf in leaves}
        found: list[ast.Expr] = []
        for root in (*arm.outputs, arm.source, arm.where):
            for node in [] if root is None else _walk(root):
                if isinstance(node, ast.ColumnRef) and fold(node.table or "") in mine and node not in found:
                    found.append(node)
        inside = part.source if isinstance(part, ast.ParenthesizedSource) else part
        store = self._rows([Arm(found or [ast.IntegerLiteral(0)], inside, leaves)])
        alias = f"s{len(self.stores)}"
        table = ast.TableSource(store.name, alias=alias)

        def change(node: ast.Node) -> ast.Node | None:
            if node is part:
                return table
            if isinstance(node, ast.ColumnRef) and node in found:
                return ast.ColumnRef(f"c{found.index(node) + 1}", alias)
            return None

        leaf = self._store_leaf(store, alias, [])
        assert arm.source is not None
        changed = replace(
            arm,
            outputs=[rewrite(output, change) for output in arm.outputs],
            source=rewrite(arm.source, change),
            where=None if arm.where is None else rewrite(arm.where, change),
            leaves=[leaf, *(known for known in arm.leaves if known not in leaves)],
        )
        changed.leaves = changed.sorted(changed.source)
        return changed

    def _groups(self, rows: Store, grouping: Grouping, final: bool = False) -> Store:
        return self.add(GroupStore(self._new(final), rows, grouping).store(self.described))

    def _grouped(self, core: ast.SelectCore, arm: Arm, scope: Scope) -> Arm:
        """The groups of a SELECT, and how its result columns are computed from them."""
        terms = [self._group_term(term, arm, scope) for term in core.group_by]
        having = None if core.having is None else scope.explicit(core.having)
        outputs = arm.outputs if having is None else [*arm.outputs, having]
        grouping = Grouping(len(terms), [], whole=not terms)
        projected = list(terms)
        finals = [grouping.project(output, terms, projected, self._aggregates) for output in outputs]
        rows = self._rows([replace(arm, outputs=projected or [ast.IntegerLiteral(0)])])
        groups = self._groups(rows, grouping)
        leaf = self._store_leaf(groups, "s", [])
        computed = grouping.finals(groups, "s")
        shown = [rewrite(final, lambda node: _placed(node, computed)) for final in finals]
        where = None if having is None else shown.pop()
        return Arm(shown, ast.TableSource(groups.name, alias="s"), [leaf], where)

    def _group_term(self, term: ast.Expr, arm: Arm, scope: Scope) -> ast.Expr:
        if isinstance(term, ast.IntegerLiteral) and 0 < term.value <= len(arm.outputs):
            return arm.outputs[term.value - 1]
        return scope.explicit(term)

    def _windows(self, arm: Arm, final: bool) -> Store:
        found = WindowStore(arm)
        rows = self._rows([replace(arm, outputs=found.projected)])
        return self.add(found.store(self._new(final), rows, self.described))

    def _top(self, node: ast.Select, common: Common, final: bool) -> Store:
        if any(isinstance(part, ast.ColumnRef | ast.Subquery) for part in _walk_all(node.limit, node.offset)):
            refuse("a LIMIT that is no constant")
        all_rows = replace(node, limit=None, offset=None, order_by=(), with_=None)
        found = TopStore(node)
        if not node.compounds and isinstance(node.core, ast.SelectCore) and not node.core.distinct:
            core, terms = found.with_terms(node.core, self._names(all_rows, common, False))
            rows = self._core(core, common)
        else:
            rows, terms = self.select(all_rows, common), found.of_results(self._names(all_rows, common, False))
        n = len([column for column in rows.columns if column.name[0] == "c"]) - found.n_added
        return self.add(found.store(self._new(final), rows, n, terms))

    # --- what is known of them --------------------------------------------------------------------------------------

    def _aggregates(self, node: ast.Node) -> bool:
        return any(is_aggregate(part, self.binder.registry) for part in _walk(node))

    def _bound(self, sql: str) -> Query:
        select, _ = parse_one(sql)
        assert isinstance(select, ast.Select)
        return self._bound_tree(select, sql)

    def _bound_tree(self, select: ast.Select, sql: str) -> Query:
        binder = self.binder
        saved = binder.sql, binder.common, binder.default_schema, binder.lift, binder.authority, binder.tables
        finder, binder.finder = binder.finder, type(binder.finder)()
        binder.sql, binder.common, binder.lift, binder.authority, binder.tables = sql, None, False, None, []
        binder.default_schema = self.catalog.name
        try:
            return binder.nested_select(select, None)
        finally:
            binder.sql, binder.common, binder.default_schema, binder.lift, binder.authority, binder.tables = saved
            binder.finder = finder

    def described(self, sql: str) -> list[Column]:
        """The columns of a query of ours, without names."""
        query = self._bound(sql)
        first = query.cores[0].outputs
        found = []
        for number, output in enumerate(first):
            affinity = column_affinity(query, number) or "A"
            if any((affinity_of(core.outputs[number]) or "A") != affinity for core in query.cores):
                affinity = "A"
            found.append(Column("", affinity, collation_of(output)))
        return found

    def _names(self, select: ast.Select, common: Common, stored: bool) -> tuple[str, ...]:
        """The names of the columns of a query in the text."""
        tables = tuple(table for table, _ in common.values())
        inner = select.with_.tables if select.with_ is not None else ()
        shadowed = {fold(table.name) for table in inner}
        outer = tuple(table for table in tables if fold(table.name) not in shadowed)
        with_ = ast.With(False, (*outer, *inner)) if outer or inner else None
        text = print_sql(replace(select, with_=with_))
        node, _ = parse_one(text)
        assert isinstance(node, ast.Select)
        return unique_names(self._bound_tree(node, text).columns, stored=stored)


def _without_aliases(scope: Scope, expr: ast.Expr) -> ast.Expr:
    aliases, scope.aliases = scope.aliases, {}
    found = scope.explicit(expr)
    scope.aliases = aliases
    return found


def _placed(node: ast.Node, computed: Mapping[int, ast.Expr]) -> ast.Node | None:
    if isinstance(node, ast.ColumnRef) and node.schema == "\0":
        return computed[int(node.column)]
    return None


def _first(leaves: list[Leaf], name: str) -> ast.Expr:
    found = next((ref for leaf in leaves if (ref := leaf.ref(name)) is not None), None)
    if found is None:
        refuse(f"USING ({name})")
    return found


def _cores(node: ast.Select) -> list[Any]:
    return [node.core, *(part.core for part in node.compounds)]


def _values(core: Any) -> ast.SelectCore:
    refuse("VALUES")


def _walk(root: ast.Node) -> Any:
    return walk(root)


def _walk_all(*roots: ast.Node | None) -> Any:
    return [node for root in roots if root is not None for node in _walk(root)]


def _says_now(node: ast.FunctionCall) -> bool:
    texts = [argument.value.lower() for argument in node.arguments if isinstance(argument, ast.TextLiteral)]
    return "now" in texts or "localtime" in texts or "utc" in texts


def _columns_of(table: Table) -> tuple[tuple[str, ...], dict[str, str]]:
    shown = tuple(column.name for column in table.columns)
    return shown, {fold(name): name for name in shown}


def _keys_of(table: Table) -> tuple[str, ...]:
    if table.without_rowid:
        return tuple(table.columns[part.column].name for part in table.primary_key)
    name = next((name for name in ("rowid", "_rowid_", "oid") if name not in table.numbers), None)
    if name is None:
        refuse(f"{table.name}, whose rowid no name means")
    assert name in ROWID_NAMES
    return (name,)
