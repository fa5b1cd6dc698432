"""Which of several errors in a SELECT is told: the one that SQLite finds first.

SQLite opens the FROM clauses and stars of a whole statement, subqueries in expressions included, before it resolves a
name; both from the rightmost SELECT of a compound to the left. The binder does all at once, from the left. So a SELECT
that fails is bound again, only to find that error.

Source: what SQLite does
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from turso_wasm.base.errors import SqlError
from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, Opened, fail
from turso_wasm.bind.query import Core, OutputColumn, Query
from turso_wasm.bind.recursion import Recursive, find_recursion, show_current_row
from turso_wasm.bind.result_columns import describe
from turso_wasm.bind.scope import Scope
from turso_wasm.bind.select import SelectBinder, bind_core, bind_select, check_stars, expand_star
from turso_wasm.bind.sources import bind_from
from turso_wasm.bind.tables import add_common_tables
from turso_wasm.catalog.names import fold
from turso_wasm.sql import ast
from turso_wasm.sql.walk import children

NULL = bound.Constant(value=None)


def bind_statement(binder: Binder, node: ast.Select) -> Query:
    """A SELECT that is a statement, or all that one inserts. Errors: the first that SQLite would find."""
    with binder.names_first():
        try:
            return bind_select(binder, node)
        except SqlError as error:
            raise _first_error(binder, node, error) from None


@contextmanager
def outside_selects(binder: Binder, nodes: Sequence[ast.Expr], scope: Scope) -> Iterator[None]:
    """While expressions are bound that stand in no SELECT: new values, the WHERE of UPDATE and DELETE. SQLite opens the
    SELECTs in them one by one. Errors: the first that SQLite would find.
    """
    try:
        yield
    except SqlError as error:
        if scope.core is not None or not _is_asked(binder):
            raise
        first = _like(_Resolver, binder)
        assert isinstance(first, _Resolver)
        first.opens = True
        for node in nodes:
            first.expr(node, scope)
        raise error from None


def _is_asked(binder: Binder) -> bool:
    return binder.authority is None and binder.trace is None


def _first_error(binder: Binder, node: ast.Select, error: SqlError) -> SqlError:
    if not _is_asked(binder):
        return error
    try:
        _like(_Opener, binder).nested_select(node, None)
        bind_select(_like(_Resolver, binder), node)
    except SqlError as first:
        return first
    return error


def _like(kind: type[SelectBinder], binder: Binder) -> SelectBinder:
    made = kind(binder.catalogs, binder.sql, binder.registry)
    made.statement, made.lift, made.common = binder.statement, binder.lift, binder.common
    made.default_schema, made.plan_pragma = binder.default_schema, binder.plan_pragma
    made.defaults = binder.defaults
    made.make_program, made.ask = binder.make_program, binder.ask
    made.resolving = made.from_right = True
    made.finder = type(binder.finder)(binder.finder.rows)
    made.n_sources = binder.n_sources  # OLD and NEW have some
    return made


class _Opener(SelectBinder):
    """Opens FROM clauses and stars. The names in a view are resolved with it: its columns are asked for."""

    def expr(self, node: ast.Expr, scope: Scope | None) -> bound.Expr:
        if self.open_views:
            return super().expr(node, scope)
        for select in _selects(node):
            self.nested_select(select, scope)
        if isinstance(node, ast.ColumnRef):
            try:
                return super().expr(node, scope)
            except SqlError:
                pass
        return NULL

    def later(self, message: str, node: object | None = None) -> None:
        """No code is made."""

    def nested_select(self, node: ast.Select, parent: Scope | None, opened: Opened | None = None) -> Query:
        if self.open_views:
            return super().nested_select(node, parent, opened)
        saved = add_common_tables(self, node.with_)
        try:
            return self._open(node, parent, opened)
        finally:
            self.common = saved

    def _open(self, node: ast.Select, parent: Scope | None, opened: Opened | None) -> Query:
        recursive = find_recursion(opened) if opened is not None else None
        parts = [node.core, *(part.core for part in node.compounds)]
        cores: list[Core] = []
        if recursive is not None:
            cores = [self._core(core, parent) for core in reversed(parts[: recursive.first])]
            query = Query([cores[-1]], cores[-1].columns, source=self.new_source())
            assert opened is not None
            opened.mistake = "multiple recursive references"
            show_current_row(self, query, recursive)
            parts = parts[recursive.first :]
        cores = [*cores, *(self._core(core, parent) for core in reversed(parts))]
        first = cores[-1] if recursive is None else query.cores[0]
        for term in node.order_by:
            self.expr(term.expr, parent)
        return Query([first], first.columns)

    def _core(self, node: ast.SelectCore | ast.Values | ast.LiteralValues, parent: Scope | None) -> Core:
        core = Core([], [])
        scope = Scope(parent=parent, depth=parent.depth + 1 if parent is not None else 0, core=core)
        if not isinstance(node, ast.SelectCore):
            for row in node.rows if isinstance(node, ast.Values) else ():
                self.exprs(row, scope)
            core.columns = [OutputColumn(f"column{number + 1}") for number in range(len(node.rows[0]))]
            core.outputs = [NULL] * len(core.columns)
            return core
        clause = bind_from(self, node.source, core, scope)
        check_stars(node.columns, scope)
        for column in node.columns:
            if isinstance(column, ast.Star):
                expand_star(self, column, core, scope)
                continue
            expr = self.expr(column.expr, scope)
            core.outputs.append(expr)
            core.columns.append(describe(self, column, expr, scope.items))
        for pending in clause.pending:
            self.expr(pending.on, pending.scope or scope)
        for other in (node.where, *node.group_by, node.having, *node.windows):
            for select in _selects(other) if other is not None else ():
                self.nested_select(select, scope)
        core.where.clear()
        return core


def _selects(node: ast.Node) -> Iterator[ast.Select]:
    """The subqueries of an expression, not those in them."""
    stack = [node]
    while stack:
        part = stack.pop()
        if isinstance(part, ast.Select):
            yield part
            continue
        if isinstance(part, ast.InTable) and part.arguments is None:
            source = ast.TableSource(part.table.name, part.table.schema, span=part.table.span)
            yield ast.Select(ast.SelectCore((ast.Star(),), source, span=part.span), span=part.span)
        stack += reversed(list(children(part)))


class _Resolver(SelectBinder):
    """Resolves names in SQLite's order. Errors of functions and in their arguments do not stop it before the next part
    of the expression that is neither a name nor a call: the last one is told.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._depth = 0
        self._soft: SqlError | None = None
        self._abort: SqlError | None = None  # it ends all that is around it but calls
        self._seen: dict[int, ast.Node] = {}  # what stands behind and is resolved in front, by id
        self.opens = False  # SELECTs that are met are not open yet

    def expr(self, node: ast.Expr, scope: Scope | None) -> bound.Expr:
        goes_on = isinstance(node, ast.ColumnRef | ast.CurrentTime) or _is_call(node)
        stop = None if goes_on else self._soft
        if stop is not None:
            if isinstance(node, ast.Subquery | ast.Exists | ast.InSelect):
                self.nested_select(node.select, scope)
            self._abort = stop
            raise stop
        self._depth += 1
        try:
            self._check_aggregate(node, scope)
            self._look_ahead(node, scope)
            found = super().expr(node, scope)
        except SqlError as error:
            is_own = error.message.startswith(_OWN)
            if not _is_call(node) and (not is_own or error is self._abort):
                raise
            if error is self._abort:
                self._abort, self._soft = None, error
            elif error is not self._soft:
                self._soft = error
                if is_own:
                    self._resolve_arguments(node, scope)
            found = NULL
        finally:
            self._depth -= 1
        if not self._depth and self._soft is not None:
            raise self._soft
        return found

    def nested_select(self, node: ast.Select, parent: Scope | None, opened: Opened | None = None) -> Query:
        saved = self._depth, self._soft, self.opens
        self._depth, self._soft, self.opens = 0, None, False
        try:
            if saved[2]:
                _like(_Opener, self).nested_select(node, parent)
            return super().nested_select(node, parent, opened)
        except SqlError as error:
            self._abort = error
            raise
        finally:
            self._depth, self._soft, self.opens = saved

    def _resolve_arguments(self, node: ast.Expr, scope: Scope | None) -> None:
        try:
            for part in node.arguments if isinstance(node, ast.FunctionCall) else children(node):
                if isinstance(part, ast.Expr):
                    self.expr(part, scope)
        except SqlError as error:
            self._soft = error

    def _check_aggregate(self, node: ast.Expr, scope: Scope | None) -> None:
        """Errors: "misuse of aggregate function f()" where none may stand."""
        if not isinstance(node, ast.FunctionCall) or node.over is not None:
            return
        found = self.registry.find_aggregate(fold(node.name), len(node.arguments))
        if found is None or found.window:
            return
        if scope is None or scope.core is None or scope.inside_aggregate or scope.aggregates == "no":
            fail(f"misuse of aggregate function {node.name}()", node)

    def _look_ahead(self, node: ast.Expr, scope: Scope | None) -> None:
        if isinstance(node, ast.InSelect):
            self._once(node.select, scope)
        elif isinstance(node, ast.InList) and isinstance(node.operand, ast.RowValue):
            for item in reversed(node.items):
                self._once(item, scope)
        elif isinstance(node, ast.FunctionCall) and self.registry.find_aggregate(fold(node.name), len(node.arguments)):
            if node.filter is not None:
                self._once(node.filter, scope)
            for term in node.order_by:
                self._once(term.expr, scope)

    def _once(self, node: ast.Node, scope: Scope | None) -> None:
        if id(node) in self._seen:
            return
        self._seen[id(node)] = node
        if isinstance(node, ast.Select):
            self.nested_select(node, scope)
        elif isinstance(node, ast.Expr):
            self.expr(node, scope)
            self.stop_if_failed()

    def see_recursion(self, node: ast.Select, parent: Scope | None, recursive: Recursive) -> None:
        initial = replace(node, compounds=node.compounds[: recursive.first - 1], with_=None, order_by=())
        opener = _like(_Opener, self)
        opener.n_sources = self.n_sources
        query = opener.nested_select(initial, parent)
        query.source, self.n_sources = opener.new_source(), opener.n_sources
        show_current_row(self, query, recursive)
        mistake, recursive.opened.mistake = recursive.opened.mistake, "multiple recursive references"
        for part in reversed(node.compounds[recursive.first - 1 :]):
            bind_core(self, part.core, parent)
        recursive.opened.mistake = mistake

    def stop_if_failed(self) -> None:
        if self._soft is not None:
            self._abort = self._soft
            raise self._soft


def _is_call(node: ast.Expr) -> bool:
    return isinstance(node, ast.FunctionCall | ast.Like) or (isinstance(node, ast.Binary) and node.op in ("->", "->>"))


_OWN = (
    *("no such function: ", "wrong number of arguments to function "),
    *("misuse of window function ", "misuse of aggregate function "),
    *("FILTER may not be used with non-aggregate ", "ORDER BY may not be used with non-aggregate "),
    "second argument to likelihood() must be",
)
