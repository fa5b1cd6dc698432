"""PRAGMAs as functions in FROM: pragma_table_info('t') has the rows of PRAGMA table_info('t').

Where the arguments are literals, the PRAGMA is planned as it stands (they are pinned). Where one is known only when
the statement runs, as in `sqlite_schema s, pragma_table_info(s.name)`, there are as many answers as names in the
schema: all of them go into the Program, and each row of the outer loop looks its own up.

Source: https://sqlite.org/pragma.html#pragfunc
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

from turso_wasm.base import tree
from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.base.tree import Node
from turso_wasm.bind import bound
from turso_wasm.bind.binder import unsupported
from turso_wasm.bind.walk import all_of
from turso_wasm.catalog.catalog import Catalogs
from turso_wasm.catalog.names import TEMP_SLOT, fold, schema_table_names
from turso_wasm.catalog.objects import Table
from turso_wasm.catalog.own import STATEMENT
from turso_wasm.plan import nodes
from turso_wasm.plan.providers import NULL, GivenRows, Offer, Request
from turso_wasm.plan.terms import Sarg
from turso_wasm.sql import ast
from turso_wasm.values.conversion import to_text

ROWS = 20.0
QUERIES = frozenset({"pragma_foreign_key_check", "pragma_integrity_check", "pragma_quick_check"})  # one for each name
INDEX_FUNCTIONS = frozenset({"pragma_index_info", "pragma_index_xinfo"})
SEPARATOR, NO_ARGUMENT = "\1", "\2"  # in the keys of a Directory, which are [schema separator] argument

Text: TypeAlias = "str | None"


class PragmaProvider:
    """A single offer: arguments that are there are used."""

    def offers(self, request: Request) -> list[Offer]:
        """See Provider. Errors: those of the PRAGMA; "unknown database 'x'"."""
        function = request.item.function
        assert function is not None
        consumed = [request.argument(number) for number in range(len(function.arguments))]
        if consumed and consumed[0] is None:
            consumed = [None] * len(consumed)  # SQLite asks without the second argument if there is no first
        given = dict(zip(function.arguments, consumed, strict=True))
        used = tuple(sarg for sarg in consumed if sarg is not None)
        asked = None if function.asked is None else given[function.asked]
        return [Offer(ROWS, ROWS, used, lambda reverse: _rows(request, asked, given.get("schema")))]


def _rows(request: Request, argument: Sarg | None, schema: Sarg | None) -> GivenRows:
    parts = [NULL if sarg is None else _folded(sarg.value) for sarg in (argument, schema)]
    if all(_is_known(part) for part in parts):
        texts = [_known_text(request, part) for part in parts]
        given = _answer(request, *texts)
        shown: list[bound.Expr] = [bound.Constant(value=text) for text in texts]
    else:
        row, columns = request.evaluated([bound.Cast(operand=part, affinity="B") for part in parts])
        has_name = request.item.function is not None and request.item.function.asked is not None
        given = _any_answer(request, *columns) if has_name else _any_database(request, columns[1])
        given.child = nodes.NestedLoop(left=row, right=given.child)
        shown = list(columns)
    function = request.item.function
    assert function is not None
    if function.asked is not None:
        given.columns.update(enumerate(shown[: len(function.arguments)], len(function.columns)))
    return given


def _folded(expr: bound.Expr) -> bound.Expr:
    """A number with a sign is one number."""
    if isinstance(expr, bound.Unary) and expr.op == "-" and isinstance(expr.operand, bound.Constant):
        value = expr.operand.value
        if isinstance(value, int | float):
            return replace(expr.operand, value=-value)
    return expr


def _is_known(expr: bound.Expr) -> bool:
    return isinstance(expr, bound.Constant) and not isinstance(expr.value, bytes)


def _known_text(request: Request, expr: bound.Expr) -> Text:
    assert isinstance(expr, bound.Constant)
    request.planner.binder.pin(expr)
    return None if expr.value is None else to_text(expr.value)


# --- arguments that are known -------------------------------------------------------------------------------------


def _answer(request: Request, argument: Text, schema: Text) -> GivenRows:
    """The PRAGMA's own plan, as a source of this statement."""
    binder, function = request.planner.binder, request.item.function
    assert function is not None and function.pragma is not None
    if schema is not None and binder.catalogs.find(schema) is None:
        raise SqlError(SQLITE_ERROR, f"unknown database '{schema}'")
    plan = _planned(request, argument, schema)
    if isinstance(plan, nodes.Ddl):
        binder.before.append(plan)
        nothing = nodes.Filter(child=nodes.OneRow(), predicate=bound.Constant(value=0))
        return GivenRows(nothing, dict.fromkeys(range(len(function.columns)), NULL))
    if isinstance(plan, ast.Select):
        return _queried(request, plan)
    source = request.planner.new_source()
    moved = tree.transform(plan, lambda node: _moved(node, source))
    assert isinstance(moved, nodes.Output)
    return GivenRows(moved.child, dict(enumerate(moved.exprs)))


def _queried(request: Request, query: ast.Select) -> GivenRows:
    binder = request.planner.binder
    saved, binder.lift = binder.lift, False
    try:
        rows = request.planner.plan_query(binder.nested_select(query, None))
    finally:
        binder.lift = saved
    return GivenRows(rows.plan, dict(enumerate(rows.exprs)))


def _planned(request: Request, argument: Text, schema: Text) -> nodes.Output | nodes.Ddl | ast.Select:
    """The plan, or the query that is to be planned as a part of this statement. A Ddl is to be run ahead of it."""
    binder, function = request.planner.binder, request.item.function
    assert function is not None and function.pragma is not None
    assert binder.plan_pragma is not None, "whoever plans functions of PRAGMAs knows how to plan PRAGMAs"
    compiled = binder.plan_pragma(ast.Pragma(function.pragma, schema, argument))
    binder.written.update(compiled.writes)
    binder.changes_schema |= compiled.changes_schema
    if schema is not None:
        binder.slots.add(binder.catalogs.must_find(schema).slot)
    if compiled.reads:
        there = [catalog for catalog in binder.catalogs.slots if catalog is not None and catalog.is_there]
        binder.slots.update(catalog.slot for catalog in there)
    answer: nodes.Output | nodes.Ddl | ast.Select = compiled.query or compiled.plan
    return answer


def _moved(node: Node, source: int) -> Node | None:
    """What a PRAGMA answers is the source number 0 of its plan."""
    match node:
        case (
            bound.ColumnRef(source=0)
            | nodes.Values(source=0)
            | nodes.KernelCall(source=0)
            | nodes.IntegrityCheck(source=0)
        ):
            return replace(node, source=source)
    return None


# --- arguments that are not ---------------------------------------------------------------------------------------


def _any_answer(request: Request, argument: bound.Expr, schema: bound.Expr) -> GivenRows:
    function = request.item.function
    assert function is not None
    if function.asked == STATEMENT:
        unsupported(f"{function.name}() of a statement that is no literal")
    if function.name in QUERIES:
        return _any_query(request, argument, schema)
    n_columns = len(function.columns)
    catalogs = request.planner.binder.catalogs
    groups: list[tuple[str, int]] = []
    rows: list[tuple[bound.Expr, ...]] = []
    of_indexes = function.name in INDEX_FUNCTIONS
    for chosen in _schemas(catalogs):
        for name in (None, *_names(catalogs, chosen, of_indexes)):
            answer = _constant_rows(request, name, chosen)
            if not answer:
                continue
            key = ("" if chosen is None else chosen + SEPARATOR) + (NO_ARGUMENT if name is None else name)
            groups.append((key, len(answer)))
            rows += answer
    source = request.planner.new_source()
    prefix = bound.Binary(op="||", left=schema, right=bound.Constant(value=SEPARATOR))
    key_expr: bound.Expr = bound.Binary(op="||", left=_or_else(prefix, ""), right=_or_else(argument, NO_ARGUMENT))
    key_expr = bound.Case(whens=(_unknown_database(schema, catalogs),), otherwise=key_expr)
    directory = nodes.Directory(
        source=source, key=key_expr, groups=tuple(groups), rows=tuple(rows), n_columns=n_columns
    )
    return GivenRows(directory, {column: bound.ColumnRef(source=source, column=column) for column in range(n_columns)})


def _any_query(request: Request, argument: bound.Expr, schema: bound.Expr) -> GivenRows:
    """The answer about the table, and the database, that the arguments name, of those there are. It is a query for each
    of them, which is run where its name is asked for.
    """
    function = request.item.function
    assert function is not None
    catalogs = request.planner.binder.catalogs
    children: list[nodes.Plan] = []
    outputs: list[tuple[bound.Expr, ...]] = []
    refused = [_unknown_database(schema, catalogs)]
    for chosen in (None, *_databases(catalogs)):
        names = list(_names(catalogs, chosen, of_indexes=False))
        is_chosen = _is_named(schema, chosen)
        for name in (None, *names):
            is_meant = bound.Binary(op="and", left=_is_named(argument, name), right=is_chosen)
            answer = _answer(request, name, chosen)
            asked = nodes.Filter(child=nodes.OneRow(), predicate=is_meant)
            children.append(nodes.NestedLoop(left=asked, right=answer.child))
            outputs.append(tuple(answer.columns.values()))
        is_missing = bound.Binary(op="and", left=is_chosen, right=_is_none_of(argument, names))
        about = "no such table: " if chosen is None else f"no such table: {chosen}."
        refused.append((is_missing, _raised(about, argument, "")))
    return _union(request, refused, children, outputs, len(function.columns))


def _is_named(value: bound.Expr, name: Text) -> bound.Expr:
    if name is None:
        return bound.IsNull(operand=value)
    return bound.Compare(op="=", left=value, right=bound.Constant(value=name), collation="NOCASE")


def _any_database(request: Request, schema: bound.Expr) -> GivenRows:
    """The answer about the database that `schema` names: one of those there are."""
    children: list[nodes.Plan] = []
    outputs: list[tuple[bound.Expr, ...]] = []
    catalogs = request.planner.binder.catalogs
    for chosen in (None, *_databases(catalogs)):
        answer = _answer(request, None, chosen)
        children.append(nodes.Filter(child=answer.child, predicate=_is_named(schema, chosen)))
        outputs.append(tuple(answer.columns.values()))
    return _union(request, [_unknown_database(schema, catalogs)], children, outputs, 1)


# --- arguments that name nothing ----------------------------------------------------------------------------------

Refusal: TypeAlias = "tuple[bound.Expr, bound.Expr]"  # a condition, and what raises the error


def _union(
    request: Request,
    refused: list[Refusal],
    children: list[nodes.Plan],
    outputs: list[tuple[bound.Expr, ...]],
    n_columns: int,
) -> GivenRows:
    """The rows of whichever child is meant, after errors about arguments that name nothing."""
    refusal = bound.Case(whens=tuple(refused), otherwise=bound.Constant(value=0))
    source = request.planner.new_source()
    union = nodes.Append(
        source=source,
        children=(nodes.Filter(child=nodes.OneRow(), predicate=refusal), *children),
        outputs=((NULL,) * n_columns, *outputs),
    )
    return GivenRows(union, {at: bound.ColumnRef(source=source, column=at) for at in range(n_columns)})


def _unknown_database(schema: bound.Expr, catalogs: Catalogs) -> Refusal:
    return _is_none_of(schema, _databases(catalogs)), _raised("unknown database '", schema, "'")


def _databases(catalogs: Catalogs) -> list[str]:
    """The names that a database can be called by: temp, too, before there is any."""
    return [each.name for each in catalogs.slots if each is not None and (each.is_there or each.slot == TEMP_SLOT)]


def _is_none_of(value: bound.Expr, names: list[str]) -> bound.Expr:
    """The value is a text, and none of these names."""
    different = [
        bound.Compare(op="<>", left=value, right=bound.Constant(value=name), collation="NOCASE") for name in names
    ]
    return all_of([bound.IsNull(operand=value, negated=True), *different]) or NULL


def _raised(before: str, name: bound.Expr, after: str) -> bound.Expr:
    message = bound.Binary(op="||", left=bound.Constant(value=before), right=name)
    message = bound.Binary(op="||", left=message, right=bound.Constant(value=after))
    return bound.Call(name="raise", args=(message,), style="special")


def _or_else(expr: bound.Expr, text: str) -> bound.Expr:
    return bound.Call(name="coalesce", args=(expr, bound.Constant(value=text)), style="special")


def _schemas(catalogs: Catalogs) -> list[Text]:
    return [None, *(catalog.name for catalog in catalogs.slots if catalog is not None and catalog.is_there)]


def _names(catalogs: Catalogs, schema: Text, of_indexes: bool) -> Iterator[str]:
    """Everything that an argument can name, once."""
    seen: set[str] = set()
    for catalog in catalogs.search_order if schema is None else [catalogs.must_find(schema)]:
        tables = list(catalog.tables())
        names = [index.name for table in tables for index in table.indexes]
        if of_indexes:
            names += [f"sqlite_autoindex_{table.name}_{n}" for table in tables for n in _key_numbers(table)]
            names += [table.name for table in tables if table.without_rowid]
        else:
            names = [*(table.name for table in tables), *sorted(schema_table_names(catalog.slot))]
        for name in names:
            if fold(name) not in seen:
                seen.add(fold(name))
                yield name


def _key_numbers(table: Table) -> range:
    """The numbers that the index which the key of a WITHOUT ROWID table is may have."""
    return range(1, len(table.indexes) + 2) if table.without_rowid else range(0)


def _constant_rows(request: Request, argument: Text, schema: Text) -> list[tuple[bound.Expr, ...]]:
    """The answer, if it is made of constants. Errors: "not supported yet", if it is made when the statement runs."""
    function = request.item.function
    assert function is not None
    try:
        plan = _planned(request, argument, schema)
    except SqlError:
        return []  # a view that cannot be read; it is no error as long as nobody asks
    if not isinstance(plan, nodes.Output) or not isinstance(plan.child, nodes.Values):
        unsupported(f"{function.name}() with an argument that is no literal")
    return list(plan.child.rows)
