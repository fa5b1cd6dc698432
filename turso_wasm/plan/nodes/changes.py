"""Roots that show or change rows, and what a change sets off: triggers, counts of violations."""

from __future__ import annotations

from dataclasses import field

from turso_wasm.base.records import dataclass
from turso_wasm.base.tree import Node
from turso_wasm.bind.bound import Expr, Plan
from turso_wasm.catalog.objects import Index, Table
from turso_wasm.sql.ast import ConflictAction


@dataclass(slots=True, eq=False)
class TriggerProgram:
    """The planned text of a trigger. It is no node: what it runs may fire it again.

    number: tells the programs of a statement apart. old, new: the row sources that are OLD and NEW, -1: there is none.
    when: the condition. steps: roots, in order; of a SELECT the rows are not shown. token: that of the trigger, which
    several programs can be made of; recursive: it may run while it runs, whatever the settings say.
    """

    name: str
    number: int
    token: int
    old: int = -1
    new: int = -1
    when: Expr | None = None
    steps: tuple[Plan, ...] = ()
    recursive: bool = False
    counts: bool = True  # its changes of rows are in total_changes()
    unless_deferred: bool = False  # not while PRAGMA defer_foreign_keys is on


@dataclass(slots=True, frozen=True, kw_only=True)
class Fire(Node):
    """A trigger is fired for a row; what OLD and NEW are is for the writer of the row to say."""

    program: TriggerProgram


@dataclass(slots=True, frozen=True, kw_only=True)
class CountViolations(Node):
    """`violations` (a number) of a foreign key more, or less if `sign` is -1. at_once: any is an error."""

    violations: Expr
    sign: int
    deferred: bool
    at_once: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class RowEffects(Node):
    """What goes with the change of each row: `before` its checks; then what the old row is `leaving` behind, and, when
    that is gone, what the new one needs in `arriving`; then, when it is there, `actions` and `after`. The first
    `n_temporary` of `after` come before RETURNING shows the row.
    """

    virtual: tuple[tuple[int, Expr], ...] = ()  # the virtual columns of the old row
    before: tuple[Fire, ...] = ()
    leaving: tuple[CountViolations, ...] = ()
    arriving: tuple[CountViolations, ...] = ()
    actions: tuple[Fire, ...] = ()
    after: tuple[Fire, ...] = ()
    n_temporary: int = 0

    @property
    def fires(self) -> bool:
        """Other statements run."""
        return bool(self.before or self.actions or self.after)

    def __bool__(self) -> bool:
        """There is anything to do but to check a row that is new."""
        if self.before or self.leaving or self.actions or self.after:
            return True
        return any(check.sign > 0 and not check.at_once for check in self.arriving)


NO_EFFECTS = RowEffects()

# --- roots --------------------------------------------------------------------------------------------------


@dataclass(slots=True, frozen=True, kw_only=True)
class Output(Plan):
    """Result rows. `single`: at most one row can come (no suspension code is needed)."""

    child: Plan
    exprs: tuple[Expr, ...]
    single: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class Insert(Plan):
    """For each row of `child` insert a row. `values`: one expression a table column, defaults filled in, affinity not
    yet applied; `rowid`: expression for the rowid or None (new rowid; also when it evaluates to NULL). `source` names
    the new row in `checks` and `returning` (columns after affinity). `conflict`: the statement's OR clause or None.
    `child_reads_table`: materialize first.
    """

    table: Table
    child: Plan
    values: tuple[Expr, ...]
    rowid: Expr | None
    source: int
    conflict: ConflictAction | None = None
    checks: tuple[tuple[Expr, str], ...] = ()
    defaults: dict[int, Expr] = field(default_factory=dict)  # of NOT NULL columns, where they are expressions
    generated: tuple[tuple[int, Expr], ...] = ()  # columns of `source`, in the order in which they are computed
    index_exprs: dict[str, tuple[Expr | None, ...]] = field(default_factory=dict)  # by index: one a key column, or None
    index_where: dict[str, Expr] = field(default_factory=dict)  # partial indexes: predicate over `source`
    returning: tuple[Expr, ...] = ()
    child_reads_table: bool = False
    single_row: bool = False  # exactly one row
    effects: RowEffects = NO_EFFECTS
    replaced: RowEffects = NO_EFFECTS  # of the rows that REPLACE deletes
    sequence: Table | None = None  # sqlite_sequence, when the table is AUTOINCREMENT
    upserts: tuple[Upsert, ...] = ()  # ON CONFLICT clauses, in order: the first whose target is violated acts
    numbered: int | None = None  # the column that gets the number of the transaction whose changes are captured


@dataclass(slots=True, frozen=True, kw_only=True)
class Upsert(Node):
    """One ON CONFLICT clause. It is about a conflict on `index`, or on the rowid / primary key (`key`), or (neither) on
    any of them. `update` None: DO NOTHING, the row is skipped. Else the existing row is changed as that Update says
    (its `child` is OneRow and not run; `old_source` is the existing row, the Insert's `source` the row that could not
    be inserted) if `where` is true; it counts as one change, RETURNING shows `update.returning`. All other constraints
    act as without the clause.
    """

    index: Index | None
    key: bool
    update: Update | None
    where: Expr | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Update(Plan):
    """For each row of `child` (which scans `table` as `old_source`) replace the row. `values`: one expression a column
    (a plain ColumnRef to old_source where unchanged), `changed`: column numbers assigned. `rowid`: new rowid expression
    or None.
    """

    table: Table
    child: Plan
    old_source: int
    source: int
    values: tuple[Expr, ...]
    changed: frozenset[int]
    rowid: Expr | None = None
    conflict: ConflictAction | None = None
    checks: tuple[tuple[Expr, str], ...] = ()
    defaults: dict[int, Expr] = field(default_factory=dict)  # of NOT NULL columns, where they are expressions
    generated: tuple[tuple[int, Expr], ...] = ()  # columns of `source`, in the order in which they are computed
    index_exprs: dict[str, tuple[Expr | None, ...]] = field(default_factory=dict)
    index_where: dict[str, Expr] = field(default_factory=dict)
    old_index_exprs: dict[str, tuple[Expr | None, ...]] = field(default_factory=dict)
    old_index_where: dict[str, Expr] = field(default_factory=dict)
    returning: tuple[Expr, ...] = ()
    # UPDATE … FROM: `collected`, the row's key and then new values, is evaluated for each row of `child`; `values` and
    # `rowid` read the latter as columns of `collect_source`. Of a row that is found twice the last counts.
    collected: tuple[Expr, ...] = ()
    collect_source: int = -1
    effects: RowEffects = NO_EFFECTS
    replaced: RowEffects = NO_EFFECTS  # of the rows that REPLACE deletes


@dataclass(slots=True, frozen=True, kw_only=True)
class Delete(Plan):
    """Delete each row of `child` (which scans `table` as `source`); child None: every row (truncate)."""

    table: Table
    child: Plan | None
    source: int
    index_exprs: dict[str, tuple[Expr | None, ...]] = field(default_factory=dict)
    index_where: dict[str, Expr] = field(default_factory=dict)
    returning: tuple[Expr, ...] = ()
    effects: RowEffects = NO_EFFECTS


@dataclass(slots=True, frozen=True, kw_only=True)
class ShadowRows(Node):
    """The shadow table that has a row for each of a virtual table's, and what users' triggers make go with a row that
    comes there and one that goes.
    """

    table: Table
    coming: RowEffects
    going: RowEffects


@dataclass(slots=True, frozen=True, kw_only=True)
class WriteVirtual(Plan):
    """For each row of `child` the writer of a virtual table's module inserts, updates or deletes a row.

    old: the rowid of the row to be updated or deleted, None: INSERT. is_delete: DELETE. values: one expression a
    column, hidden ones included, without affinity. rowid: the new one (None: of an INSERT, the module chooses; of an
    UPDATE, it stays). changed: columns that an UPDATE assigns; of an INSERT, those that it gives. shadows: the table's
    shadow tables, by suffix. reindex: makes users' indexes on them anew. plans: those that the module has asked for.
    rows: of the shadow tables, if triggers are on it. captures: what captures the change, before: the old row for that,
    one expression a column. source: names the new row in `returning`.
    """

    table: Table
    child: Plan
    old: Expr | None = None
    is_delete: bool = False
    values: tuple[Expr, ...] = ()
    rowid: Expr | None = None
    changed: frozenset[int] = frozenset()
    conflict: ConflictAction | None = None
    shadows: dict[str, Table] = field(default_factory=dict)
    reindex: Plan | None = None
    rows: ShadowRows | None = None
    captures: tuple[Fire, ...] = ()
    before: tuple[Expr, ...] = ()
    plans: tuple[Plan, ...] = ()
    source: int = -1
    returning: tuple[Expr, ...] = ()
    single_row: bool = False  # exactly one row


@dataclass(slots=True, frozen=True, kw_only=True)
class InsteadOf(Plan):
    """The triggers of a view, for each row of `child`: `row`, which is read to the end first, as columns of `source`.

    has_old: the row begins with what the view shows, which is OLD. new: NEW, of the columns of `source`; () for DELETE.
    `shown` names in `returning` the new row, or the one that was to be deleted. counted: a row follows with the number
    of rows that no trigger made be ignored.
    """

    child: Plan
    source: int
    row: tuple[Expr, ...]
    has_old: bool
    new: tuple[Expr, ...]
    shown: int
    effects: RowEffects
    returning: tuple[Expr, ...] = ()
    counted: bool = False
