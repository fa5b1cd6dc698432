"""The functions of sequences: nextval(), currval(), setval()."""

from __future__ import annotations

from typing import Final

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder, fail
from turso_wasm.bind.scope import Scope
from turso_wasm.catalog.names import fold, quote_identifier, quote_text
from turso_wasm.catalog.objects import Table
from turso_wasm.catalog.sequences import COLUMNS, PREFIX
from turso_wasm.sql import ast

FUNCTIONS: Final = frozenset(("nextval", "currval", "setval"))
NULL: Final = bound.Constant(value=None)


def bind_sequence_call(binder: Binder, node: ast.FunctionCall, scope: Scope | None) -> bound.Expr:
    """A call of one of FUNCTIONS. Its first argument is the sequence's name, as a text: what the call changes is known
    when the statement is compiled. Errors: "no such sequence: s".
    """
    name, first = fold(node.name), node.arguments[0]
    if binder.place not in ("", "a DEFAULT"):
        fail(f"{name}() prohibited in {binder.place}", node)
    if not isinstance(first, ast.TextLiteral):
        fail(f"the first argument of {name}() must be the name of a sequence, as a text", first)
    binder.pin(bound.Constant(value=first.value, lifted=first.index if first.index >= 0 and binder.lift else None))
    arguments = binder.exprs(node.arguments[1:], scope)
    if binder.trace is not None:
        return NULL
    table = find_sequence(binder, first.value)
    if table is None:
        fail(f"no such sequence: {first.value}", first)
    on = f"{quote_identifier(table.schema)}.{quote_identifier(table.name)}"
    assert binder.ask is not None, "whoever plans statements knows how to plan what they ask"
    if name == "currval":
        return binder.ask(_LAST.format(on=on, message=_message("currval: not yet defined for sequence", first.value)))
    if name == "setval":
        value = bound.Cast(operand=arguments[0], affinity="D")
        called = arguments[1] if len(arguments) == 2 else bound.Constant(value=1)
        message = _message("setval: value out of bounds for sequence", first.value)
        step = _SET.format(on=on, message=message)
        return _performed(binder, table, step, (value, called), on)
    step = _NEXT.format(
        on=on,
        above=_message("nextval: reached maximum value of sequence", first.value),
        below=_message("nextval: reached minimum value of sequence", first.value),
    )
    return _performed(binder, table, step, (), on)


def find_sequence(binder: Binder, name: str) -> Table | None:
    """The table of a sequence, by `[schema.]name`; None: there is none."""
    schema, dot, rest = name.partition(".")
    candidates = [(name, None)] if not dot else [(name, None), (rest, schema)]
    for plain, where in candidates:
        table = binder.catalogs.find_table(PREFIX + plain, where)
        if table is not None and tuple(column.name for column in table.columns) == COLUMNS:
            return table
    return None


def _message(text: str, name: str) -> str:
    return quote_text(f'{text} "{name}"')


# The differences cannot overflow: what they are made of has the same sign, or SQL makes a real number of it.
_NEXT: Final = """UPDATE {on} SET value = CASE
  WHEN NOT is_called THEN value
  WHEN inc > 0 AND value > max - inc THEN CASE WHEN cycle THEN min ELSE RAISE(ABORT, {above}) END
  WHEN inc < 0 AND value < min - inc THEN CASE WHEN cycle THEN max ELSE RAISE(ABORT, {below}) END
  ELSE value + inc END, is_called = 1"""
_SET: Final = """UPDATE {on} SET value =
  CASE WHEN new.value BETWEEN min AND max THEN new.value ELSE RAISE(ABORT, {message}) END,
  is_called = new.is_called IS TRUE"""
_LAST: Final = "SELECT CASE WHEN is_called THEN value ELSE RAISE(ABORT, {message}) END FROM {on}"


def _performed(binder: Binder, table: Table, step: str, args: tuple[bound.Expr, ...], on: str) -> bound.Expr:
    """What changes the sequence, and then its value."""
    assert binder.make_program is not None and binder.ask is not None
    text = f"CREATE TRIGGER t AFTER INSERT ON {on} BEGIN {step}; END"
    binder.written.add(table.slot)
    fire = binder.make_program(table, text)
    return bound.Perform(fire=fire, args=args, value=binder.ask(f"SELECT value FROM {on}"))
