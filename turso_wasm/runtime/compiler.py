"""From tokens to a Program: parse, bind, plan, generate code. The one place where the stages are strung together.

Invariant:
  P1  Every literal of the text is either read from its slot when the Program runs, or pinned: the Program is right for
      that value of it only (schema.py C2).
"""

from __future__ import annotations

from turso_wasm.base import tree
from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.base.recursion import with_room
from turso_wasm.bind import bound
from turso_wasm.catalog.catalog import Catalogs
from turso_wasm.catalog.functions import BUILTIN, Registry
from turso_wasm.catalog.names import TEMP_SLOT
from turso_wasm.codegen.compile import compile_plan
from turso_wasm.codegen.inserts import takes_rows
from turso_wasm.codegen.lengths import has_loop
from turso_wasm.codegen.program import Program, ResultColumn
from turso_wasm.codegen.unit import UserCode
from turso_wasm.plan import nodes
from turso_wasm.plan.build import PlanContext, Planned, build_plan
from turso_wasm.plan.printer import print_plan
from turso_wasm.runtime.pragma_rows import Files
from turso_wasm.runtime.pragmas import Compiled, compile_pragma
from turso_wasm.sql import ast
from turso_wasm.sql.lexer import Tokens
from turso_wasm.sql.parser import parse_tokens
from turso_wasm.wasm.text import print_python

UNSHARED_PRAGMAS = frozenset(("database_list",))  # those that tell the names of files


def compile_statement(tokens: Tokens, catalogs: Catalogs, files: Files = (), registry: Registry = BUILTIN) -> Program:
    """The Program of the statement in `tokens`. files: the path of the database in each slot.

    Errors: SqlError with SQLite's message and the span it points at.
    """
    statement = parse_tokens(tokens)
    assert statement is not None, "an empty statement has no Program"
    program = with_room(_compile, statement, tokens, catalogs, files, registry)
    program.n_literals = len(tokens.literals)
    return program


def _compile(statement: ast.Statement, tokens: Tokens, catalogs: Catalogs, files: Files, registry: Registry) -> Program:
    match statement:
        case ast.Pragma():
            return _compile_pragma(statement, tokens, catalogs, files, registry)
        case ast.Explain(mode="CODE"):
            return _explain_code(statement, tokens, catalogs, files, registry)
    pragmas = _Pragmas(catalogs, files, registry)
    context = PlanContext(tokens.sql, registry=registry, plan_pragma=pragmas)
    program = _program(build_plan(statement, catalogs, context), tokens, catalogs, registry)
    program.shared = pragmas.asked.isdisjoint(UNSHARED_PRAGMAS)
    return program


class _Pragmas:
    """Plans the PRAGMAs that stand in a FROM clause. asked: which there were."""

    def __init__(self, catalogs: Catalogs, files: Files, registry: Registry) -> None:
        self.catalogs = catalogs
        self.files = files
        self.registry = registry
        self.asked: set[str] = set()

    def __call__(self, statement: ast.Pragma) -> Compiled:
        self.asked.add(statement.name)
        return compile_pragma(statement, self.catalogs, self.files, self.registry)


def _program(
    planned: Planned, tokens: Tokens, catalogs: Catalogs, registry: Registry, readable: bool = False
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
    program.loops = _loops(planned.plan)
    program.takes_rows = not planned.calls_user and takes_rows(planned.plan)
    user = UserCode(planned.calls_user, registry.numbers)
    encoding = catalogs.settings.encoding
    return compile_plan(planned.plan, program, planned.slots, user=user, encoding=encoding, readable=readable)


def _loops(plan: nodes.Plan) -> str:
    """Program.loops: how long it may run, for hosts that choose how much work to put into compiling it."""
    if not has_loop(plan):
        return ""
    return "through" if isinstance(plan, nodes.Output) and plan.single else "yielding"


def _compile_pragma(
    statement: ast.Pragma, tokens: Tokens, catalogs: Catalogs, files: Files, registry: Registry
) -> Program:
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
    slots = {}
    for catalog in catalogs.slots:
        if catalog is not None and compiled.reads and catalog.is_there:
            slots[catalog.slot] = (False, catalog.checked)
    if compiled.writes is not None:
        slots[compiled.writes] = (True, False)
    attached = catalogs.must_find(statement.schema).slot if statement.schema is not None else 0
    user = UserCode(compiled.calls_user, registry.numbers)
    return compile_plan(
        compiled.plan,
        program,
        slots,
        user=user,
        attached=attached if attached > TEMP_SLOT else None,
        encoding=catalogs.settings.encoding,
    )


# --- EXPLAIN CODE -----------------------------------------------------------------------------------------------


def _explain_code(
    statement: ast.Explain, tokens: Tokens, catalogs: Catalogs, files: Files, registry: Registry
) -> Program:
    """The plan and the compiled statement as readable text, one line a row."""
    if isinstance(statement.statement, ast.Pragma | ast.Explain):
        raise SqlError(SQLITE_ERROR, "not supported yet: EXPLAIN CODE of this statement", statement.span)
    context = PlanContext(tokens.sql, registry=registry, plan_pragma=_Pragmas(catalogs, files, registry))
    planned = build_plan(statement.statement, catalogs, context)
    code = print_python(_program(planned, tokens, catalogs, registry, readable=True).wasm)
    text = f"{print_plan(planned.plan)}\n\n{code}"
    rows = tuple((bound.Constant(value=line),) for line in text.splitlines())
    answer = nodes.Output(
        child=nodes.Values(source=0, rows=rows, n_columns=1), exprs=(bound.ColumnRef(source=0, column=0),)
    )
    shown = Program(
        "explain", columns=(ResultColumn("code"),), returns_rows=True, pinned=dict(enumerate(tokens.literals))
    )
    return compile_plan(answer, shown, {slot: (False, checked) for slot, (_, checked) in planned.slots.items()})


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
