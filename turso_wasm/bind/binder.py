"""The state of one binding: catalogs, source numbers, parameters, pinned literals, visible common tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.base.records import dataclass
from turso_wasm.bind import bound
from turso_wasm.bind.query import Common, Item, OutputColumn, Query
from turso_wasm.bind.scope import NameFinder, Scope
from turso_wasm.bind.tracing import bind_names
from turso_wasm.catalog.catalog import Catalogs
from turso_wasm.catalog.derived import Derived
from turso_wasm.catalog.functions import BUILTIN, Registry
from turso_wasm.catalog.materialized import View
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Table
from turso_wasm.sql import ast
from turso_wasm.sql.walk import walk as syntax_walk

if TYPE_CHECKING:
    from turso_wasm.bind.authority import Authority
    from turso_wasm.bind.recursion import Recursive

BindFunction: TypeAlias = "Callable[[Binder, Any, Scope | None], bound.Expr]"
Trace: TypeAlias = list[tuple[ast.ColumnRef | ast.TableSource | ast.Star, bound.Expr | Item]]
"""What each name in a text means: of a column, of a table in FROM, or before a star."""

Sizes: TypeAlias = "Mapping[tuple[int, int], int] | None"
"""Classes of tables (catalog/sizes.py), as far as they are known, by slot and root page; None: plans do not depend on
them.
"""

EXPRESSIONS: dict[type, BindFunction] = {}
"""One function per syntax node; filled by expressions.py, calls.py and subqueries.py."""


@dataclass(slots=True)
class Opened:
    """A common table that is being bound. mistake: what a reference to it is."""

    common: ast.CommonTable
    mistake: str = "circular reference"


@dataclass(slots=True)
class CurrentRow:
    """The row of a recursive common table that its recursive SELECTs see: columns of a row source, and their names."""

    name: str
    columns: tuple[bound.ColumnRef, ...]
    outputs: list[OutputColumn]


@dataclass(slots=True)
class CommonTables:
    """The tables of one WITH clause, and those of the enclosing ones."""

    tables: dict[str, ast.CommonTable] = field(default_factory=dict)
    parent: CommonTables | None = None
    open: dict[str, Opened] = field(default_factory=dict)  # being bound now
    shared: dict[str, Common] = field(default_factory=dict)

    def find(self, name: str) -> tuple[CommonTables, ast.CommonTable] | None:
        """The innermost common table of that name, with the clause it stands in."""
        key = fold(name)
        level: CommonTables | None = self
        while level is not None:
            found = level.tables.get(key)
            if found is not None:
                return level, found
            level = level.parent
        return None


class Binder:
    """Binds one statement. `sql` is the text that the spans of its syntax tree point into."""

    def __init__(self, catalogs: Catalogs, sql: str = "", registry: Registry = BUILTIN) -> None:
        self.catalogs = catalogs
        self.settings = catalogs.settings
        self.sql = sql
        self.registry = registry
        self.finder = NameFinder()
        self.n_sources = 0
        self.n_lets = 0
        self.defaults: dict[
            int, tuple[Table, int]
        ] = {}  # what DEFAULT among an INSERT's values is of, by the node's id
        self.statement: ast.Node | None = None  # which `sql` is
        self.n_selects = 0  # in `sql`, and others; 0: not counted yet
        self.parameters: dict[int, str] = {}
        self.pinned: dict[int, object] = {}
        self.sizes: Sizes = None
        self.sized: dict[tuple[int, int, int], int] = {}  # the classes that were asked for: slot, root, is keyed
        self.slots: set[int] = set()
        # What each name meant (ALTER TABLE RENAME COLUMN).
        self.trace: Trace | None = None  # ALTER TABLE asks what names mean
        self.scanned: dict[int, Table] = {}  # by row source
        self.names: dict[int, str] = {}  # of row sources, as EXPLAIN QUERY PLAN shows them
        self.authority: Authority | None = None
        self.tables: list[Table] = []  # every table that is read
        self.common: CommonTables | None = None
        self.current_rows: dict[int, tuple[ast.TableSource, CurrentRow]] = {}  # by the id of what names the table
        self.open_views: list[str] = []
        self.views: dict[str, Common] = {}  # in the FROM clause being bound
        self.written: set[int] = set()  # slots of the databases that are changed, by triggers too
        self.before: list[Any] = []  # plans of what functions of PRAGMAs change, ahead of the statement
        self.changes_schema = False  # one of them does
        self.programs: dict[Any, Any] = {}  # the triggers that are fired (plan.triggers)
        self.full_texts: list[bound.Call] = []  # calls of fts_match and its like (bind.full_text)
        self.by_text = False  # what is bound now reads texts, whatever index there is
        self.counting = False  # … counts all rows for fts_score
        self.kept_up: dict[tuple[int, str], Derived] = {}  # indexes that changes of rows keep up (plan.derived)
        self.kept_views: dict[tuple[int, str], View] = {}  # materialized ones, likewise (plan.materialized.upkeep)
        self.is_ours = False  # what is bound is a statement of ours
        self.keeps_views = True  # changes of rows keep them up: not while one is computed anew
        self.plan_pragma: Callable[[ast.Pragma], Any] | None = None  # for functions of PRAGMAs: plan.build.PlanContext
        self.make_program: Callable[[Table, str], Any] | None = None  # for functions that write: plan.sequences
        self.ask: Callable[[str], bound.Expr] | None = None
        self.without: frozenset[str] = frozenset()  # names of optimizations that are off (plan.rewrite, plan.joins)
        self.place = ""  # of the schema's expression that is bound: "an index", "a CHECK constraint" or "a DEFAULT"
        self.creating = False  # the schema's object is being made
        self.lift = (
            True  # literals with an ordinal come from the statement's parameters (not those in the schema's texts)
        )
        self.default_schema: str | None = None  # inside a view: the database it is in
        self.tested: dict[int, ast.Node] = {}  # the SELECTs that EXISTS asks for rows, by id
        self.asked_once: dict[int, ast.Node] = {}  # those that are asked for their first row
        self.calls_user = False  # a function or aggregate of the user's is called
        self.resolving = False  # a query, all of whose names come before what `later` notes
        self.late: SqlError | None = None
        self.from_right = False  # compounds are bound from the right (bind.first_errors)

    @property
    def in_schema(self) -> bool:
        """Whether what is bound stands in the schema of a database, not of temp."""
        return not self.lift and (self.place != "" or self.default_schema is not None)

    @property
    def untrusted(self) -> bool:
        """Whether it stands there, and schemas are not trusted."""
        return self.in_schema and not self.settings.trusted_schema

    def later(self, message: str, node: object | None = None) -> None:
        """An error that SQLite finds when it makes code of a query, when all names in it are known to be right."""
        if not self.resolving or self.trace is not None:
            fail(message, node)
        self.late = self.late or SqlError(SQLITE_ERROR, message, getattr(node, "span", None))

    def stop_if_failed(self) -> None:
        """Where SQLite goes on with a call only if nothing of the statement has failed (bind.first_errors)."""

    def see_recursion(self, node: ast.Select, parent: Scope | None, recursive: Recursive) -> None:
        """Where SQLite resolves the recursive SELECTs before the others (bind.first_errors)."""

    @contextmanager
    def names_first(self) -> Iterator[None]:
        """While names are resolved. Errors, at the end: the first that was to come later."""
        saved = self.resolving, self.late
        self.resolving, self.late = True, None
        try:
            yield
            late = self.late
        finally:
            self.resolving, self.late = saved
        if late is not None:
            raise late

    @contextmanager
    def without_code(self) -> Iterator[None]:
        """While names are resolved of what no code is made of: what EXISTS shows."""
        saved = self.resolving, self.late
        self.resolving = True
        try:
            yield
        finally:
            self.resolving, self.late = saved

    def new_source(self) -> int:
        """A number for a new row source."""
        self.n_sources += 1
        return self.n_sources - 1

    def pin(self, literal: bound.Constant | bound.LiteralList) -> None:
        """The result of binding depends on the value of this literal."""
        if literal.lifted is not None:
            self.pinned[literal.lifted] = literal.value

    def expr(self, node: ast.Expr, scope: Scope | None) -> bound.Expr:
        """The bound form of an expression. Errors: SqlError with SQLite's message."""
        if self.trace is not None:
            return bind_names(self, EXPRESSIONS[type(node)], node, scope)
        return EXPRESSIONS[type(node)](self, node, scope)

    def exprs(self, nodes: Iterable[ast.Expr], scope: Scope | None) -> tuple[bound.Expr, ...]:
        """The bound forms of several. (A generator would be run by C code: base.recursion.)"""
        bind = self.expr
        return tuple([bind(node, scope) for node in nodes])

    def nested_select(self, node: ast.Select, parent: Scope | None, opened: Opened | None = None) -> Query:
        """A bound subquery that sees the names of `parent`, or the common table `opened` (bind.select.SelectBinder)."""
        raise NotImplementedError

    def number_select(self, node: ast.SelectCore | ast.Values | ast.LiteralValues | None = None) -> int:
        """By which EXPLAIN QUERY PLAN knows a SELECT: those that are not in the statement's text, views' and our own,
        follow those that are.
        """
        if node is not None and node.number and not self.open_views:
            return node.number
        if not self.n_selects and self.statement is not None:
            kinds = ast.SelectCore | ast.Values | ast.LiteralValues | ast.InTable
            found = (part.number for part in syntax_walk(self.statement) if isinstance(part, kinds))
            self.n_selects = max(found, default=0)
        self.n_selects += 1
        return self.n_selects

    def text(self, span: tuple[int, int]) -> str:
        """The SQL text of a span."""
        return self.sql[span[0] : span[1]]


@contextmanager
def ours(binder: Binder) -> Iterator[None]:
    """What is planned in the block is a statement of ours."""
    saved = binder.registry, binder.authority, binder.sizes, binder.is_ours
    binder.registry, binder.authority, binder.sizes, binder.is_ours = BUILTIN, None, None, True
    try:
        yield
    finally:
        binder.registry, binder.authority, binder.sizes, binder.is_ours = saved


def fail(message: str, node: object | None = None) -> NoReturn:
    """Raise SQLITE_ERROR with the span of `node`."""
    raise SqlError(SQLITE_ERROR, message, getattr(node, "span", None))


def unsupported(what: str, node: object | None = None) -> NoReturn:
    """Raise the error of a part of SQL that we do not have yet."""
    raise SqlError(SQLITE_ERROR, f"not supported yet: {what}", getattr(node, "span", None))
