"""The pass that makes ranges of LIKE and GLOB: what begins with 'abc' lies between 'abc' and 'abd'.

Only where an index of the column has the order that is needed (NOCASE for LIKE, BINARY for GLOB and for LIKE under
PRAGMA case_sensitive_like): the Program then holds for that pattern alone. The condition itself stays; the range is for
look-ups.

Source: https://sqlite.org/optoverview.html section 4
"""

from __future__ import annotations

from turso_wasm.bind import bound
from turso_wasm.bind.binder import Binder
from turso_wasm.bind.query import Query

UTF8 = 1
WILD = {"like": "%_", "glob": "*?["}
COLLATIONS = {"like": "NOCASE", "like_case": "BINARY", "glob": "BINARY"}  # by the kernel's routine


def derive_like_ranges(query: Query, binder: Binder) -> Query:
    """Add the ranges to the conditions that follow from WHERE. In UTF-16 what begins alike need not lie together."""
    if binder.settings.encoding != UTF8:
        return query
    for core in query.cores:
        for expr in core.where:
            core.derived += _range(expr, binder)
    return query


def _range(expr: bound.Expr, binder: Binder) -> list[bound.Expr]:
    if not isinstance(expr, bound.Call) or expr.style != "special" or expr.name not in WILD or len(expr.args) != 2:
        return []
    pattern, operand = expr.args
    if not isinstance(pattern, bound.Constant) or not isinstance(pattern.value, str):
        return []
    if not isinstance(operand, bound.ColumnRef) or operand.affinity != "B":
        return []
    collation = COLLATIONS[expr.kernel]
    prefix = _prefix(pattern.value, WILD[expr.name])
    if not prefix or not _has_index(operand, collation, binder):
        return []
    binder.pin(pattern)
    if collation == "NOCASE":
        prefix = prefix.lower()
    behind = prefix[:-1] + chr(ord(prefix[-1]) + 1)
    return [_compare(">=", operand, prefix, collation), _compare("<", operand, behind, collation)]


def _prefix(pattern: str, wild: str) -> str:
    """What every match begins with, as far as it is ASCII."""
    for at, char in enumerate(pattern):
        if char in wild or not char.isascii() or char == "\x7f":
            return pattern[:at]
    return pattern


def _has_index(operand: bound.ColumnRef, collation: str, binder: Binder) -> bool:
    table = binder.scanned.get(operand.source)
    if table is None or operand.column < 0:
        return False
    keys = [part for index in table.indexes for part in index.columns]
    keys += table.primary_key if table.without_rowid else ()
    return any(part.column == operand.column and part.collation.upper() == collation for part in keys)


def _compare(op: bound.CompareOp, operand: bound.ColumnRef, text: str, collation: str) -> bound.Expr:
    return bound.Compare(op=op, left=operand, right=bound.Constant(value=text), collation=collation)
