"""From tokens to a Program: parse, bind, plan, generate code. The one place where the stages are strung together.

Invariant:
  P1  Every literal of the text is either read from its slot when the Program runs, or pinned: the Program is right for
      that value of it only (schema.py C2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from turso_wasm.base import tree
from turso_wasm.base.recursion import with_room
from turso_wasm.bind import bound
from turso_wasm.bind.authority import Ask, Authority
from turso_wasm.bind.binder import Sizes
from turso_wasm.catalog.catalog import Catalogs
from turso_wasm.catalog.functions import BUILTIN, Registry
from turso_wasm.catalog.names import TEMP_SLOT
from turso_wasm.catalog.objects import Table
from turso_wasm.catalog.table_functions import OPERATION_COLUMNS, TABLE_FUNCTIONS
from turso_wasm.codegen.compile import compile_plan
from turso_wasm.codegen.inserts import takes_rows
from turso_wasm.codegen.labels import Labels
from turso_wasm.codegen.lengths import has_loop
from turso_wasm.codegen.program import Program, ResultColumn
from turso_wasm.codegen.unit import UserCode
from turso_wasm.plan import nodes
from turso_wasm.plan.build import PlanContext, Planned, build_plan
from turso_wasm.plan.explain import details
from turso_wasm.plan.printer import print_plan
from turso_wasm.runtime.pragma_rows import Files
from turso_wasm.runtime.pragmas import Compiled, compile_pragma, constant_rows
from turso_wasm.sql import ast
from turso_wasm.sql.ast_misc import ExplainMode
from turso_wasm.sql.lexer import Tokens, tokenize
from turso_wasm.sql.parser import parse_tokens
from turso_wasm.sql.parser.ddl import TriggerBodyError
from turso_wasm.wasm.listing import list_module, numbered
from turso_wasm.wasm.text import print_python

Slots: TypeAlias = dict[int, tuple[bool, bool]]
ABOUT_STATEMENTS = {name: len(TABLE_FUNCTIONS[name].columns) for name in ("bytecode", "tables_used")}
UNSHARED_PRAGMAS = frozenset(("database_list",))  # those that tell the names of files


def compile_statement(
    tokens: Tokens,
    catalogs: Catalogs,
    files: Files = (),
    registry: Registry = BUILTIN,
    ask: Ask | None = None,
    sizes: Sizes = None,
) -> Program:
    """The Program of the statement in `tokens`. files: the path of the database in each slot. ask: an authorizer.
    sizes: see bind/binder.py; with None it never asks to be compiled again because of them.

    Errors: SqlError with SQLite's message and the span it points at.
    """
    try:
        statement = parse_tokens(tokens)
    except TriggerBodyError as error:
        build_plan(
            error.trigger, catalogs, PlanContext(tokens.sql, registry=registry)
        )  # SQLite looks at the head first
        raise
    assert statement is not None, "an empty statement has no Program"
    program = with_room(_compile, statement, tokens, catalogs, files, registry, ask, sizes)
    program.n_literals = len(tokens.literals)
    return program


def _compile(
    statement: ast.Statement,
    tokens: Tokens,
    catalogs: Catalogs,
    files: Files,
    registry: Registry,
    ask: Ask | None,
    sizes: Sizes,
) -> Program:
    if isinstance(statement, ast.Explain) and statement.mode in ("CODE", "PROGRAM"):
        return _explain(statement, tokens, catalogs, files, registry, sizes)
    authority = Authority(ask, catalogs) if ask is not None else None
    return _plan_and_compile(statement, tokens, catalogs, files, registry, authority=authority, sizes=sizes)[0]


def _plan_and_compile(
    statement: ast.Statement,
    tokens: Tokens,
    catalogs: Catalogs,
    files: Files,
    registry: Registry,
    mode: ExplainMode | None = None,
    authority: Authority | None = None,
    sizes: Sizes = None,
) -> tuple[Program, nodes.Plan, Slots]:
    """(the Program, its plan, the databases it reads). mode: made for this kind of EXPLAIN, not to be run."""
    if authority is not None:
        authority.statement(statement)
    if isinstance(statement, ast.Pragma):
        return _compile_pragma(statement, tokens, catalogs, files, registry, mode)
    pragmas = _Pragmas(catalogs, files, registry)
    context = PlanContext(tokens.sql, registry=registry, plan_pragma=pragmas, authority=authority, sizes=sizes)
    planned = build_plan(statement, catalogs, context)
    program = _program(planned, tokens, catalogs, registry, mode)
    has_key = isinstance(statement, (ast.Attach, ast.Vacuum)) and statement.key is not None
    program.shared = pragmas.asked.isdisjoint(UNSHARED_PRAGMAS) and not has_key
    return program, planned.plan, planned.slots


class _Pragmas:
    """Plans the PRAGMAs that stand in a FROM clause. asked: which there were."""

    def __init__(self, catalogs: Catalogs, files: Files, registry: Registry) -> None:
        self.catalogs = catalogs
        self.files = files
        self.registry = registry
        self.asked: set[str] = set()

    def __call__(self, statement: ast.Pragma) -> Compiled:
        self.asked.add(statement.name)
        if statement.name in ABOUT_STATEMENTS:
            return self._about(statement.name, str(statement.value or ""))
        return compile_pragma(statement, self.catalogs, self.files, self.registry)

    def _about(self, what: str, sql: str) -> Compiled:
        """What bytecode() and tables_used() tell of a statement; nothing of an empty one."""
        tokens = tokenize(sql)
        statement = parse_tokens(tokens)
        rows: Iterable[Sequence[int | str | None]] = ()
        if statement is not None:
            about = _plan_and_compile(statement, tokens, self.catalogs, self.files, self.registry, "PROGRAM")
            rows = _operations(about[0]) if what == "bytecode" else _tables_used(about[1], self.catalogs)
        return Compiled(constant_rows(rows, ABOUT_STATEMENTS[what]), reads=True)


def _program(
    planned: Planned, tokens: Tokens, catalogs: Catalogs, registry: Registry, mode: ExplainMode | None
) -> Program:
    columns = tuple(ResultColumn(c.name, c.decltype, c.table, c.origin) for c in planned.columns)
    program = Program(
        planned.kind,
        n_user_params=planned.n_user_params,
        param_names=planned.param_names,
        columns=columns,
        readonly=planned.readonly,
        changes_schema=planned.changes_schema,
        returns_rows=bool(columns),
    )
    program.pinned = _pinned(planned.plan, tokens) | planned.pinned
    program.table_sizes = planned.table_sizes
    program.loops = _loops(planned.plan)
    program.takes_rows = not planned.calls_user and takes_rows(planned.plan)
    user = UserCode(planned.calls_user, registry.numbers, registry.tokenizers, registry.converters)
    return compile_plan(
        planned.plan,
        program,
        planned.slots,
        user=user,
        encoding=catalogs.settings.encoding,
        readable=mode is not None,
        labels=Labels(details(planned.plan, planned.names)) if mode == "PROGRAM" else None,
        tells_of_change=planned.tells_of_change,
    )


def _loops(plan: nodes.Plan) -> str:
    """Program.loops: how long it may run, for hosts that choose how much work to put into compiling it."""
    if not has_loop(plan):
        return ""
    return "through" if isinstance(plan, nodes.Output) and plan.single else "yielding"


def _compile_pragma(
    statement: ast.Pragma,
    tokens: Tokens,
    catalogs: Catalogs,
    files: Files,
    registry: Registry,
    mode: ExplainMode | None,
) -> tuple[Program, nodes.Plan, Slots]:
    compiled = compile_pragma(statement, catalogs, files, registry)
    columns = tuple(ResultColumn(name) for name in compiled.columns)
    program = Program(
        "pragma",
        columns=columns,
        readonly=compiled.readonly,
        changes_schema=compiled.changes_schema,
        returns_rows=bool(columns),
        pinned=dict(enumerate(tokens.literals)),
        shared=statement.name.lower() not in UNSHARED_PRAGMAS,
    )
    slots: Slots = {}
    for catalog in catalogs.slots:
        if catalog is not None and compiled.reads and catalog.is_there:
            slots[catalog.slot] = (False, catalog.checked)
    for slot in compiled.views:
        if (viewed := catalogs.slots[slot]) is not None and viewed.is_there:
            slots[slot] = (False, False)
    for slot in compiled.writes:
        slots[slot] = (True, slots.get(slot, (False, False))[1])
    attached = catalogs.must_find(statement.schema).slot if statement.schema is not None else 0
    user = UserCode(compiled.calls_user, registry.numbers, registry.tokenizers, registry.converters)
    compile_plan(
        compiled.plan,
        program,
        slots,
        user=user,
        attached=attached if attached > TEMP_SLOT else None,
        encoding=catalogs.settings.encoding,
        readable=mode is not None,
        labels=Labels({}) if mode == "PROGRAM" else None,
    )
    return program, compiled.plan, slots


# --- EXPLAIN and EXPLAIN CODE -----------------------------------------------------------------------------------


def _explain(
    statement: ast.Explain, tokens: Tokens, catalogs: Catalogs, files: Files, registry: Registry, sizes: Sizes
) -> Program:
    """A Program that shows the code of another: its operations as rows, or the plan and readable text, a row a line."""
    about, plan, slots = _plan_and_compile(
        statement.statement, tokens, catalogs, files, registry, statement.mode, sizes=sizes
    )
    if statement.mode == "PROGRAM":
        columns, rows = OPERATION_COLUMNS, _constants(numbered(list_module(about.wasm)))
    else:
        text = f"{print_plan(plan)}\n\n{print_python(about.wasm)}"
        columns, rows = ("code",), _constants((line,) for line in text.splitlines())
    refs = tuple(bound.ColumnRef(source=0, column=column) for column in range(len(columns)))
    answer = nodes.Output(child=nodes.Values(source=0, rows=rows, n_columns=len(columns)), exprs=refs)
    program = Program(
        "explain",
        columns=tuple(ResultColumn(name) for name in columns),
        returns_rows=True,
        pinned=dict(enumerate(tokens.literals)),
        shared=about.shared,
        table_sizes=about.table_sizes,
    )
    if statement.mode == "PROGRAM":  # may be bound, as in SQLite
        program.n_user_params, program.param_names = about.n_user_params, about.param_names
    return compile_plan(
        answer,
        program,
        {slot: (False, checked) for slot, (_, checked) in slots.items()},
        tells_of_change=isinstance(statement.statement, ast.Insert | ast.Update | ast.Delete),
    )


def _constants(rows: Iterable[Sequence[int | str | None]]) -> tuple[tuple[bound.Expr, ...], ...]:
    return tuple(tuple(bound.Constant(value=value) for value in row) for row in rows)


def _operations(program: Program) -> Iterator[tuple[int | str | None, ...]]:
    for row in numbered(list_module(program.wasm)):
        yield (*row, None, None, None)


def _tables_used(plan: nodes.Plan, catalogs: Catalogs) -> Iterator[tuple[int | str | None, ...]]:
    """The b-trees of a plan, once: those that are read, then those that are written."""
    seen: set[tuple[int, str, bool]] = set()
    for node in sorted(tree.walk((plan,)), key=lambda node: isinstance(node, _CHANGES)):
        table = getattr(node, "table", None)
        if not isinstance(table, Table) or table.kind == "function":
            continue
        writes = isinstance(node, _CHANGES)
        catalog = catalogs.slots[table.slot]
        indexes = table.indexes if writes else [getattr(node, "index", None)]
        for thing in (table, *indexes):
            name = None if thing is None else thing.name
            if name is not None and catalog is not None and (table.slot, name, writes) not in seen:
                seen.add((table.slot, name, writes))
                yield "table" if thing is table else "index", catalog.name, name, int(writes), None


_CHANGES = (nodes.Insert, nodes.Update, nodes.Delete)


# --- pinned literals --------------------------------------------------------------------------------------------


def _pinned(plan: nodes.Plan, tokens: Tokens) -> dict[int, object]:
    """The literals that the plan does not read from their slots, with their values (P1)."""
    if not tokens.literals:
        return {}
    read: set[int] = set()
    for node in tree.walk((plan,)):
        if isinstance(node, bound.Constant | bound.LiteralList):
            if node.lifted is not None:
                read.add(node.lifted)
        elif isinstance(node, nodes.LiteralRows):
            read.add(node.literal)
    return {i: value for i, value in enumerate(tokens.literals) if i not in read}
