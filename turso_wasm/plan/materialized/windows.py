"""Windows, and the first rows of an order: stores of which the part that is touched is computed anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from turso_wasm.catalog.materialized import Column, Store, refuse, same
from turso_wasm.catalog.names import fold
from turso_wasm.plan.materialized.names import rewrite
from turso_wasm.plan.materialized.rows import Arm
from turso_wasm.sql import ast
from turso_wasm.sql.printer import print_sql
from turso_wasm.sql.walk import walk


def has_windows(node: ast.Node) -> bool:
    """A window function is called in it."""
    return any(isinstance(part, ast.FunctionCall) and part.over is not None for part in walk(node))


class WindowStore:
    """Result columns with windows, computed for the partition of a row that comes or goes. arm: explicit names.

    projected: the columns of the rows that it is computed from: what all windows are partitioned by, then the rest.
    """

    def __init__(self, arm: Arm) -> None:
        calls = [part for output in arm.outputs for part in walk(output) if isinstance(part, ast.FunctionCall)]
        partitions = [call.over.partition_by for call in calls if isinstance(call.over, ast.WindowSpec)]
        self.projected: list[ast.Expr] = []
        for term in partitions[0]:
            if term not in self.projected and all(term in other for other in partitions):
                self.projected.append(term)
        self.n_terms = len(self.projected)
        self.outputs = [rewrite(output, self._column) for output in arm.outputs]
        if not self.projected:
            self.projected.append(ast.IntegerLiteral(0))

    def _column(self, node: ast.Node) -> ast.Node | None:
        if not isinstance(node, ast.ColumnRef):
            return None
        if node not in self.projected:
            self.projected.append(node)
        return ast.ColumnRef(f"c{self.projected.index(node) + 1}", "s")

    def store(self, name: str, rows: Store, described: Callable[[str], list[Column]]) -> Store:
        """It, with its rule."""
        outputs = ", ".join(print_sql(output) for output in self.outputs)
        terms = [f"c{number}" for number in range(1, self.n_terms + 1)]
        parts = [f"p{number}" for number in range(1, self.n_terms + 1)]
        read = ", ".join([*(f"s.{term}" for term in terms), outputs])
        found = described(f"SELECT {outputs} FROM {rows.quoted} AS s")
        by_name = {column.name: column for column in rows.columns}
        columns = [replace(by_name[term], name=part) for term, part in zip(terms, parts, strict=True)]
        columns += [replace(column, name=f"c{number}") for number, column in enumerate(found, 1)]
        store = Store(name, columns)
        store.index(parts)
        rows.index(terms)
        store.fill = f"SELECT {read} FROM {rows.quoted} AS s"
        rule = store.rule(rows.name)
        for row, statements in (("old", rule.old), ("new", rule.new)):
            mine = " AND ".join(f"{p} IS {row}.{c}" for p, c in zip(parts, terms, strict=True)) or "1"
            statements.append(f"DELETE FROM {store.quoted} WHERE {mine}")
            statements.append(f"INSERT INTO {store.quoted} {store.fill} WHERE {same(terms, row, 's.')}")
        return store


def with_windows(expr: ast.Expr, windows: Mapping[str, ast.WindowSpec]) -> ast.Expr:
    """The same with what the names of windows mean, by folded name."""

    def change(node: ast.Node) -> ast.Node | None:
        if not isinstance(node, ast.FunctionCall) or node.over is None:
            return None
        spec = _spec(node.over, windows)
        return None if spec is node.over else replace(node, over=spec)

    return rewrite(expr, change)


def _spec(over: ast.WindowSpec | str, windows: Mapping[str, ast.WindowSpec]) -> ast.WindowSpec:
    if isinstance(over, str):
        return _spec(windows[fold(over)], windows)
    if over.base is None:
        return over
    base = _spec(windows[fold(over.base)], windows)
    return replace(over, base=None, partition_by=base.partition_by, order_by=over.order_by or base.order_by)


class TopStore:
    """The first rows of an order."""

    def __init__(self, node: ast.Select) -> None:
        self.node = node
        self.n_added = 0

    def with_terms(self, core: ast.SelectCore, names: tuple[str, ...]) -> tuple[ast.SelectCore, list[str]]:
        """The SELECT with what it is ordered by among its columns, and the terms of the order."""
        columns, terms = list(core.columns), []
        for term in self.node.order_by:
            at = self._result(term.expr, core, names)
            if at is None:
                columns.append(ast.ResultColumn(term.expr))
                self.n_added += 1
                at = len(names) + self.n_added
            terms.append(self._term(at, term))
        return replace(core, columns=tuple(columns)), terms

    def of_results(self, names: tuple[str, ...]) -> list[str]:
        """The terms, which are result columns."""
        found = []
        for term in self.node.order_by:
            at = self._result(term.expr, None, names)
            if at is None:
                refuse("an ORDER BY term that is no result column")
            found.append(self._term(at, term))
        return found

    def _result(self, expr: ast.Expr, core: ast.SelectCore | None, names: tuple[str, ...]) -> int | None:
        if isinstance(expr, ast.IntegerLiteral) and 0 < expr.value <= len(names):
            return expr.value
        if not isinstance(expr, ast.ColumnRef) or expr.table is not None:
            return None
        if core is None:
            return next((n for n, name in enumerate(names, 1) if fold(name) == fold(expr.column)), None)
        if any(isinstance(column, ast.Star) for column in core.columns):
            return None
        for number, column in enumerate(core.columns, 1):
            if isinstance(column, ast.ResultColumn) and column.alias and fold(column.alias) == fold(expr.column):
                return number
        return None

    def _term(self, at: int, term: ast.OrderTerm) -> str:
        expr = term.expr
        collation = f" COLLATE {print_sql(expr).rpartition(' ')[2]}" if isinstance(expr, ast.Collate) else ""
        nulls = f" NULLS {term.nulls}" if term.nulls else ""
        return f"c{at}{collation}{' DESC' if term.descending else ''}{nulls}"

    def store(self, name: str, rows: Store, n: int, terms: list[str]) -> Store:
        """It, with its rule."""
        visible = [column for column in rows.columns if column.name[0] == "c"][:n]
        store = Store(name, list(visible))
        order = f" ORDER BY {', '.join(terms)}" if terms else ""
        limit = f" LIMIT {print_sql(self.node.limit)}" if self.node.limit is not None else ""
        offset = f" OFFSET {print_sql(self.node.offset)}" if self.node.offset is not None else ""
        shown = ", ".join(column.name for column in visible)
        store.fill = f"SELECT {shown} FROM {rows.quoted}{order}{limit}{offset}"
        if not any("NULLS" in term for term in terms):
            rows.index(terms)
        rule = store.rule(rows.name)
        rule.finish += [f"DELETE FROM {store.quoted}", f"INSERT INTO {store.quoted} {store.fill}"]
        return store
