"""Constraints: NOT NULL, CHECK, STRICT types, rowid and UNIQUE, and what each conflict clause does about a
violation.

The statement's OR clause overrides the constraint's own ON CONFLICT. REPLACE is applied after every other check passed,
so that a failing statement has not removed anything. Source: https://sqlite.org/lang_conflict.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from turso_wasm.bind import bound
from turso_wasm.catalog.objects import Column, Index, Table
from turso_wasm.catalog.tables import place_of_key
from turso_wasm.codegen.conditions import jump
from turso_wasm.codegen.context import Context
from turso_wasm.codegen.expressions import emit_value, with_affinity
from turso_wasm.codegen.tables import NewRow, compute
from turso_wasm.codegen.values import SqlValue, mask
from turso_wasm.kernel.abi import BLOB, INTEGER, NULL, ON_ERROR_ABORT, ON_ERROR_FAIL, ON_ERROR_ROLLBACK, REAL, TEXT
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import Label

CHECK_FAILED = 275
NOTNULL_FAILED = 1299
PRIMARYKEY_FAILED = 1555
UNIQUE_FAILED = 2067
ROWID_FAILED = 2579
DATATYPE_FAILED = 3091

ON_ERROR = {"ABORT": ON_ERROR_ABORT, "FAIL": ON_ERROR_FAIL, "ROLLBACK": ON_ERROR_ROLLBACK}


def policy(statement: str | None, constraint: str | None) -> str:
    """What happens on a violation: ABORT FAIL ROLLBACK IGNORE REPLACE."""
    return (statement or constraint or "ABORT").upper()


def policies(statement: str | None, table: Table) -> set[str]:
    """What may happen on the violations of any constraint of a table."""
    own = [table.primary_key_conflict, None]
    own += [column.not_null_conflict for column in table.columns if column.not_null]
    own += [index.conflict for index in table.indexes if index.unique]
    return {policy(statement, conflict) for conflict in own}


def raise_constraint(ctx: Context, how: str, code: int, message: str) -> None:
    """Raise a constraint error that takes with it what `how` says."""
    raw = message.encode()
    on_error = ON_ERROR.get(how, ON_ERROR_ABORT)
    if how == "FAIL" and ctx.unit.fails is not None:
        ctx.unit.fails(ctx)
    ctx.do("raise_constraint", ctx.stmt, on_error, code, ctx.data_address(raw), len(raw))
    ctx.f.unreachable()


def violated(ctx: Context, how: str, ignored: Label, code: int, message: str) -> None:
    """A violation that is not REPLACE: skip the row or raise."""
    if how == "IGNORE":
        ctx.f.br(ignored)
    else:
        raise_constraint(ctx, how, code, message)


def check_types(table: Table, row: NewRow, columns: Iterable[int], ctx: Context) -> None:
    """STRICT: the storage classes of these columns."""
    if table.strict:
        for at in sorted(columns):
            if at != table.rowid_alias:
                _check_strict(table, table.columns[at], row.decoded[at], ctx)


def check_types_early(table: Table, row: NewRow, columns: Iterable[int], ctx: Context) -> None:
    """STRICT: what generated columns are made of is looked at before NOT NULL, and so are the virtual ones."""
    if any(column.generated is not None for column in table.columns):
        check_types(table, row, [at for at in columns if table.columns[at].generated is None], ctx)
        check_types(table, row, [at for at in columns if table.columns[at].is_virtual], ctx)


STRICT_TAGS = {"INT": INTEGER, "INTEGER": INTEGER, "REAL": REAL, "TEXT": TEXT, "BLOB": BLOB}
TAG_NAMES = {INTEGER: "INT", REAL: "REAL", TEXT: "TEXT", BLOB: "BLOB"}


def _check_strict(table: Table, column: Column, value: SqlValue, ctx: Context) -> None:
    wanted = STRICT_TAGS.get((column.decltype or "").upper())
    if wanted is None:  # ANY
        return
    f = ctx.f
    with f.block() as fine:
        f.br(fine, if_=value.has_tag(NULL) | value.has_tag(wanted))
        for tag, name in TAG_NAMES.items():
            if tag != wanted and value.may_be(tag):
                with f.if_(value.has_tag(tag)):
                    declared = (column.decltype or "").upper()
                    text = f"cannot store {name} value in {declared} column {table.name}.{column.name}"
                    raise_constraint(ctx, "ABORT", DATATYPE_FAILED, text)


def check_not_null(node: nodes.Insert | nodes.Update, row: NewRow, ignored: Label, ctx: Context) -> None:
    """NOT NULL columns, generated ones last; under REPLACE a NULL becomes the column's default, if that is not NULL,
    and generated columns are made of it.
    """
    columns = node.table.columns
    changed = node.changed if isinstance(node, nodes.Update) else range(len(columns))
    generated = [(at, expr) for at, expr in node.generated if at in changed]
    replaced = _check_nulls(node, [at for at in changed if columns[at].generated is None], row, ignored, ctx)
    if replaced:
        compute(generated, node.source, row, ctx)
    replaced += _check_nulls(node, [at for at, _ in generated], row, ignored, ctx)
    for column, value in replaced:
        _refuse_null(node.table, column, value, "ABORT", ignored, ctx)


def _check_nulls(
    node: nodes.Insert | nodes.Update, columns: Iterable[int], row: NewRow, ignored: Label, ctx: Context
) -> list[tuple[Column, SqlValue]]:
    """Refuse NULLs in these columns; (column, value) of those that REPLACE has given their defaults."""
    table = node.table
    replaced: list[tuple[Column, SqlValue]] = []
    for at in sorted(columns):
        column = table.columns[at]
        if not column.not_null or at == table.rowid_alias:
            continue
        value = row.decoded[at]
        how = policy(node.conflict, column.not_null_conflict)
        if how == "REPLACE" and column.default is not None:
            replaced.append((column, _with_default(node, at, row, value, ctx)))
        else:
            _refuse_null(table, column, value, "ABORT" if how == "REPLACE" else how, ignored, ctx)
    return replaced


def _refuse_null(table: Table, column: Column, value: SqlValue, how: str, ignored: Label, ctx: Context) -> None:
    if value.may_be(NULL):
        with ctx.f.if_(value.has_tag(NULL)):
            message = f"NOT NULL constraint failed: {table.name}.{column.name}"
            violated(ctx, how, ignored, NOTNULL_FAILED, message)


def _with_default(node: nodes.Insert | nodes.Update, at: int, row: NewRow, value: SqlValue, ctx: Context) -> SqlValue:
    """The column's value with its default in the place of NULL."""
    column = node.table.columns[at]
    if at not in node.defaults and column.absent_value is None:
        return value
    replaced = row.decoded[at] = ctx.copy(value)
    with ctx.f.if_(value.has_tag(NULL)):
        if at in node.defaults:
            default = with_affinity(emit_value(node.defaults[at], ctx), column.affinity, ctx)
        else:
            default = ctx.constant(column.absent_value)
        ctx.f.set(replaced.tag, default.tag_expr)  # type: ignore[arg-type]
        ctx.f.set(replaced.payload, default.payload)  # type: ignore[arg-type]
    replaced.types = (value.types & ~mask(NULL)) | default.types
    return replaced


def check_checks(checks: Sequence[tuple[bound.Expr, str]], conflict: str | None, ignored: Label, ctx: Context) -> None:
    """CHECK constraints: violated when false, satisfied by NULL."""
    for expr, label in checks:
        with ctx.f.block() as fine:
            jump(expr, fine, ctx, when=True, on_null=True)
            how = policy(conflict, None)
            violated(
                ctx, "ABORT" if how == "REPLACE" else how, ignored, CHECK_FAILED, f"CHECK constraint failed: {label}"
            )


def unique_checks(
    table: Table, indexes: Sequence[Index], conflict: str | None, with_key: bool
) -> list[tuple[str, Index | None]]:
    """(policy, index) of each uniqueness in SQLite's order, None for the rowid or primary key: first those that fail or
    skip, then those that replace. with_key: the key can be a duplicate.
    """
    unique = [index for index in indexes if index.unique]
    checks: list[tuple[str, Index | None]] = [(policy(conflict, index.conflict), index) for index in unique]
    if with_key:
        at = place_of_key(table, unique) if table.without_rowid else 0
        checks.insert(at, (policy(conflict, table.primary_key_conflict), None))
    return sorted(checks, key=lambda check: check[0] == "REPLACE")


def unique_message(table: Table, index: Index) -> tuple[int, str]:
    """(code, message) for a duplicate in a unique index."""
    code = PRIMARYKEY_FAILED if index.origin == "pk" else UNIQUE_FAILED
    if any(column.shown < -1 for column in index.columns):
        return code, f"UNIQUE constraint failed: index '{index.name}'"
    names = [f"{table.name}.{table.columns[column.shown].name}" for column in index.columns]
    return code, "UNIQUE constraint failed: " + ", ".join(names)


def rowid_message(table: Table) -> tuple[int, str]:
    """(code, message) for a duplicate rowid."""
    if table.rowid_alias >= 0:
        return PRIMARYKEY_FAILED, f"UNIQUE constraint failed: {table.name}.{table.columns[table.rowid_alias].name}"
    return ROWID_FAILED, f"UNIQUE constraint failed: {table.name}.rowid"


def primary_key_message(table: Table) -> tuple[int, str]:
    """(code, message) for a duplicate primary key of a WITHOUT ROWID table."""
    names = [f"{table.name}.{table.columns[column.column].name}" for column in table.primary_key]
    return PRIMARYKEY_FAILED, "UNIQUE constraint failed: " + ", ".join(names)
