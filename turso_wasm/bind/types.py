"""Columns of types beyond SQLite's: what they are read as, what is stored for a value, what their operators mean.

A column whose type decodes is an expression wherever it is named, as a virtual column is (bound.Generated). The texts
of the schema speak of what is stored: SQLite computes them, too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from turso_wasm.bind import bound
from turso_wasm.bind.binder import EXPRESSIONS, Binder
from turso_wasm.bind.query import Item
from turso_wasm.bind.schema import bind_schema_expr
from turso_wasm.bind.scope import column_ref
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Column, Table
from turso_wasm.catalog.user_types import VALUE, Type, builtin, split, substitute
from turso_wasm.sql import ast

NULL: Final = bound.Constant(value=None)
PLACE: Final = "a type"


def find_type(binder: Binder, written: str, table: Table | None = None) -> Type | None:
    """A type as it is written in a column of a table, or anywhere."""
    if table is not None:
        catalog = binder.catalogs.slots[table.slot]
        return None if catalog is None else catalog.find_type(written)
    return next(filter(None, (catalog.find_type(written) for catalog in binder.catalogs.search_order)), None)


def cast_type(binder: Binder, written: str) -> Type | None:
    """The type of the user's that CAST names; those that are built in mean there what they mean to SQLite."""
    key = fold(split(written)[0])
    if not key or builtin(key) is not None:
        return None
    return find_type(binder, written)


def column_type(binder: Binder, table: Table, column: Column) -> Type | None:
    """The type of a column, None of SQLite's. (A type that is gone leaves the base type and its CHECK.)"""
    return find_type(binder, column.type_name, table) if column.type_name else None


# --- reading ------------------------------------------------------------------------------------------------------


def with_types(binder: Binder, item: Item) -> Item:
    """The element, its columns read as their types say."""
    table = item.table
    if table is None or not any(column.type_name for column in table.columns):
        return item
    item.virtual = partial(_read_column, binder, item, item.virtual, {})
    return item


def _read_column(
    binder: Binder,
    item: Item,
    virtual: Callable[[int], bound.Expr] | None,
    known: dict[int, bound.Expr],
    number: int,
) -> bound.Expr:
    table = item.table
    assert table is not None
    column = table.columns[number]
    if column.is_virtual and virtual is not None:
        return virtual(number)
    ref = column_ref(item, number)
    if binder.place or not column.type_name:
        return ref
    found = known.get(number)
    if found is None:
        type_ = column_type(binder, table, column)
        found = known[number] = ref if type_ is None else read_value(binder, type_, ref, column, table)
    return found


def read_value(
    binder: Binder, type_: Type, stored: bound.Expr, column: Column | None = None, table: Table | None = None
) -> bound.Expr:
    """What a stored value is read as. column, table: those that it is the value of."""
    if type_.decode is None and not type_.operators:
        return stored
    return bound.Generated(
        value=stored if type_.decode is None else _about(binder, type_.decode, stored),
        name="" if column is None else column.name,
        affinity=column.affinity if column is not None and type_.decode is None else None,
        collation=column.collation if column is not None else "BINARY",
        table=None if table is None else table.name,
        decltype=type_.written,
        origin=None if column is None else column.name,
        stored=stored,
        operators=Operators(binder, type_),
    )


def _about(binder: Binder, expr: ast.Expr, value: bound.Expr) -> bound.Expr:
    """The expression, bound, of a value."""
    return bind_schema_expr(binder, substitute(expr, {VALUE: ast.Given(value)}), [], "", PLACE)


def bind_given(binder: Binder, node: ast.Given, scope: object) -> bound.Expr:
    """What has been bound already."""
    assert isinstance(node.value, bound.Expr)
    return node.value


EXPRESSIONS[ast.Given] = bind_given


# --- writing ------------------------------------------------------------------------------------------------------


def encoded_column(binder: Binder, table: Table, number: int, value: bound.Expr) -> bound.Expr:
    """What is stored for a value that is given to a column."""
    column = table.columns[number]
    type_ = column_type(binder, table, column)
    return value if type_ is None else encoded(binder, type_, value)


def encoded_default(binder: Binder, table: Table, column: Column, default: bound.Expr) -> bound.Expr:
    """The DEFAULT of a column: where values are not read as they are stored, its text says what is stored."""
    type_ = column_type(binder, table, column)
    return default if type_ is None or type_.decode is not None else encoded(binder, type_, default)


def encoded(binder: Binder, type_: Type, value: bound.Expr) -> bound.Expr:
    """What is stored for a value; NULL is NULL. Errors, when it is computed: `invalid`, a CHECK of a domain."""
    if not type_.encodes or (isinstance(value, bound.Constant) and value.value is None and value.lifted is None):
        return value
    return _let(binder, value, partial(_stored, binder, type_))


def _stored(binder: Binder, type_: Type, value: bound.Expr) -> bound.Expr:
    made = value if type_.encode is None else _about(binder, type_.encode, value)
    checked = _let(binder, made, partial(_checked, binder, type_)) if type_.invalid or type_.checks else made
    return bound.Case(whens=((bound.IsNull(operand=value), NULL),), otherwise=checked)


def _checked(binder: Binder, type_: Type, made: bound.Expr) -> bound.Expr:
    whens: list[tuple[bound.Expr, bound.Expr]] = []
    if type_.invalid:
        whens.append((bound.IsNull(operand=made), _failure(type_.invalid)))
    read = read_value(binder, type_, made)
    for check, label in type_.checks:
        violated = bound.IsTruth(operand=_about(binder, check, read), wanted=False)
        whens.append((violated, _failure(f"CHECK constraint failed: {label}")))
    return bound.Case(whens=tuple(whens), otherwise=made)


def _failure(message: str) -> bound.Expr:
    return bound.Raise(action="ABORT", message=bound.Constant(value=message))


def _let(binder: Binder, value: bound.Expr, make: Callable[[bound.Expr], bound.Expr]) -> bound.Expr:
    """`make` of a value that is computed once."""
    if isinstance(value, bound.Constant | bound.Parameter | bound.ColumnRef | bound.LetRef):
        return make(value)
    binder.n_lets += 1
    number = 1000 + binder.n_lets  # others have small ones
    return bound.Let(number=number, value=value, body=make(bound.LetRef(number=number)))


# --- operators ----------------------------------------------------------------------------------------------------

_SWAPPED: Final = frozenset((">", "<="))
_NEGATED: Final = frozenset(("<>", "is not", "<=", ">="))


class Operators:
    """What the operators of a type do to values of it: the base type's operator on what is stored, or a function."""

    def __init__(self, binder: Binder, type_: Type) -> None:
        self.binder = binder
        self.type = type_
        self._functions = dict(type_.operators)

    def compared(
        self, op: bound.CompareOp, left: bound.Expr, right: bound.Expr
    ) -> tuple[bound.Expr, bound.Expr] | None:
        """The stored forms of both sides, if their comparison is that of `left op right`."""
        name = "<" if op in ("<", "<=", ">", ">=") else "="
        if self._functions.get(name, "none") is not None:
            return None
        return self._stored(left), self._stored(right)

    def asked(self, op: bound.CompareOp, left: bound.Expr, right: bound.Expr) -> bound.Compare | None:
        """The comparison, if a function of the type's makes it."""
        function = self._functions.get("<" if op in ("<", "<=", ">", ">=") else "=")
        if function is None:
            return None
        first, second = (right, left) if op in _SWAPPED else (left, right)
        call = self._call(function, first, second)
        return bound.Compare(op="=" if op in _NEGATED else "<>", left=call, right=bound.Constant(value=0))

    def members(self, items: tuple[bound.Expr, ...]) -> list[bound.Expr] | None:
        """What stands for the items of an IN list of stored values; None: the list is of what is read."""
        if self._functions.get("=", "none") is not None:
            return None
        found: list[bound.Expr] = []
        for item in items:
            if isinstance(item, bound.LiteralList):
                self.binder.pin(item)
            found += map(self._stored, item.members if isinstance(item, bound.LiteralList) else (item,))
        return found

    def result(self, op: bound.BinaryOp, left: bound.Expr, right: bound.Expr) -> bound.Expr | None:
        """A value of the type, if it says what the operator is: a function gives what is read."""
        if op not in self._functions:
            return None
        function = self._functions[op]
        if function is None:
            return self.read(bound.Binary(op=op, left=self._stored(left), right=self._stored(right)))
        made = self._call(function, left, right)
        if self.type.base == "TEXT" and self.type.written.endswith("[]"):
            return self.read(made)
        return bound.Generated(
            value=made, name="", affinity=None, collation="BINARY", decltype=self.type.written, operators=self
        )

    def read(self, stored: bound.Expr) -> bound.Expr:
        """What a stored value is read as: of min() and max()."""
        return read_value(self.binder, self.type, stored)

    @property
    def is_ordered(self) -> bool:
        """What is stored has the order of the type."""
        return ("<", None) in self.type.operators

    def _call(self, function: str, left: bound.Expr, right: bound.Expr) -> bound.Expr:
        arguments = (ast.Given(self._stored(left)), ast.Given(self._stored(right)))
        return bind_schema_expr(self.binder, ast.FunctionCall(function, arguments), [], "", PLACE)

    def _stored(self, value: bound.Expr) -> bound.Expr:
        """What is stored for a value, but no value is refused: it is compared."""
        if isinstance(value, bound.Generated) and value.decltype == self.type.written and value.stored is not None:
            return value.stored
        how = self.type.compared or self.type.encode
        if how is None or (isinstance(value, bound.Constant) and value.value is None and value.lifted is None):
            return value
        return _let(self.binder, value, lambda given: self._encoded(how, given))

    def _encoded(self, how: ast.Expr, value: bound.Expr) -> bound.Expr:
        made = _about(self.binder, how, value)
        return bound.Case(whens=((bound.IsNull(operand=value), NULL),), otherwise=made)
