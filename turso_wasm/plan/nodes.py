"""Plan nodes: what a statement does, in the order it does it. Codegen has one emitter per class.

A plan is a tree of row sources under a root (Output, Insert, Update, Delete, Ddl, Transaction, KernelCalls). A source
calls its continuation for each row; expressions above refer to its columns by `source` number (bind.bound.ColumnRef).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from turso_wasm.base.tree import Node, children
from turso_wasm.bind.bound import AggregateCall, Expr, NullsOrder, SubqueryExpr, WindowCall
from turso_wasm.bind.bound import Plan as Plan
from turso_wasm.bind.walk import walk
from turso_wasm.catalog.objects import Index, Table
from turso_wasm.catalog.types import AffinityLetter
from turso_wasm.sql.ast import ConflictAction

# --- row sources ------------------------------------------------------------------------------------------


@dataclass(slots=True, frozen=True, kw_only=True)
class OneRow(Plan):
    """A single row without columns: SELECT without FROM."""


@dataclass(slots=True, frozen=True, kw_only=True)
class Values(Plan):
    """Constant or computed rows: VALUES, multi-row INSERT, PRAGMA answers."""

    source: int
    rows: tuple[tuple[Expr, ...], ...]
    n_columns: int


@dataclass(slots=True, frozen=True, kw_only=True)
class LiteralRows(Plan):
    """Rows of literals bound at run time: the payload of literal slot `literal` is address | number of rows << 32, of
    rows of `n_columns` Value structs. So is an IN list, in rows of one. All bulk INSERTs of one width share a Program.
    """

    source: int
    literal: int
    n_columns: int
    n_rows: int = 0  # in this text: for EXPLAIN


@dataclass(slots=True, frozen=True, kw_only=True)
class FunctionScan(Plan):
    """The rows that a provider (providers.py) gives for the table function `name`: those of `child`, of which `outputs`
    makes the columns in `columns` (-1: the rowid; is_numbered: it counts the rows). number, label: what EXPLAIN QUERY
    PLAN says of its choice.
    """

    source: int
    name: str
    child: Plan
    columns: tuple[int, ...]
    outputs: tuple[Expr, ...]
    is_numbered: bool = False
    number: int = 0
    label: str = ""


@dataclass(slots=True, frozen=True, kw_only=True)
class Series(Plan):
    """The integers start, start + step, … up to (down to, if step is negative) stop, as column 0; columns 1 to 3 are
    start, stop and step, which are integers, or one is NULL: then there are none. A step of 0 is one of 1. Those below
    `lower` and above `upper` may be left out. direction: of the values, None: that of the step.
    """

    source: int
    start: Expr
    stop: Expr
    step: Expr
    lower: Expr | None = None
    upper: Expr | None = None
    direction: Literal["ascending", "descending"] | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class JsonRows(Plan):
    """What json_each (is_tree: json_tree) finds at `path` in a document: columns key, value, type, atom, id, parent,
    fullkey, path, and the number of the row. is_binary: arrays and objects as JSONB.
    """

    source: int
    document: Expr
    path: Expr
    is_tree: bool = False
    is_binary: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class Directory(Plan):
    """Of constant rows in groups, those of the group called `key`, a text, in any case. groups: (name, number of rows),
    in the order of `rows`.
    """

    source: int
    key: Expr
    groups: tuple[tuple[str, int], ...]
    rows: tuple[tuple[Expr, ...], ...]
    n_columns: int


@dataclass(slots=True, frozen=True, kw_only=True)
class Bound(Node):
    """One end of a range: the key must be > / >= (lower) or < / <= (upper) `expr`; a NULL value matches nothing."""

    expr: Expr
    inclusive: bool


@dataclass(slots=True, frozen=True, kw_only=True)
class TableScan(Plan):
    """All rows of a table in rowid (or primary key) order."""

    source: int
    table: Table
    columns: frozenset[int]  # column numbers used above
    reverse: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class RowidSeek(Plan):
    """The row whose rowid equals `key` (at most one). `key` is compared as SQLite does: a REAL or text that is
    no integer finds nothing. sieve: a condition on the row alone that it must satisfy, in the loop of a join.
    """

    source: int
    table: Table
    columns: frozenset[int]
    key: Expr
    sieve: Expr | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class RowidRange(Plan):
    """Rows whose rowid lies between the bounds, in rowid order."""

    source: int
    table: Table
    columns: frozenset[int]
    lower: Bound | None
    upper: Bound | None
    reverse: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class IndexScan(Plan):
    """Entries of `index` (None: the primary key b-tree of a WITHOUT ROWID table) whose first fields equal `equal` and
    whose next field lies in lower..upper, in index order. `covering`: every used column is in the entry, the table is
    not touched. Affinities of the probe values are already applied by wrapping them (bind: the column's affinity in
    `affinities`, one a field).
    """

    source: int
    table: Table
    columns: frozenset[int]
    index: Index | None
    equal: tuple[Expr, ...] = ()
    lower: Bound | None = None
    upper: Bound | None = None
    affinities: tuple[AffinityLetter | None, ...] = ()
    covering: bool = False
    reverse: bool = False
    unique: bool = False  # `equal` binds all key columns of a unique index, none of them to NULL: at most one row
    null_equal: tuple[bool, ...] = ()  # per `equal`: IS instead of = (NULL matches NULL)


@dataclass(slots=True, frozen=True, kw_only=True)
class Filter(Plan):
    """The rows of `child` for which `predicate` is true."""

    child: Plan
    predicate: Expr


@dataclass(slots=True, frozen=True, kw_only=True)
class NestedLoop(Plan):
    """For each row of `left`, each row of `right` (whose expressions may use left's columns)."""

    left: Plan
    right: Plan


@dataclass(slots=True, frozen=True, kw_only=True)
class LeftJoin(Plan):
    """As NestedLoop; when no right row satisfied `right` (its ON condition is inside as Filter), one row with
    `right_sources` all NULL.
    """

    left: Plan
    right: Plan
    right_sources: tuple[int, ...]


@dataclass(slots=True, frozen=True, kw_only=True)
class HashJoin(Plan):
    """`build` is read once into a table of the columns `build_columns` (source, column), keyed by `build_keys`. For
    each row of `probe`, the rows with equal keys (a NULL key equals nothing) for which `residual` is true match; they
    come in the order in which `build` gave them. `build` may join several sources; their columns stay addressable.

    kind: left and full give a probe row that nothing matches once, with `build_sources` NULL (`keeps_probe`); right and
    full give, after the last probe row, each build row that nothing matched (`keeps_build`), in the order in which
    `build` gave them, those with NULL keys among them, with `probe_sources` NULL.

    `build` reads nothing of the rows of the join itself. It is read once a statement, also where the join stands in a
    subquery that runs for each row of another one; unless `fresh`: it reads columns from outside, so it is read anew
    whenever the join is entered.
    """

    probe: Plan
    build: Plan
    probe_keys: tuple[Expr, ...]
    build_keys: tuple[Expr, ...]
    collations: tuple[str, ...]
    affinities: tuple[AffinityLetter | None, ...]  # applied to both sides of each key
    build_columns: tuple[tuple[int, int], ...]
    residual: Expr | None = None  # rest of the ON condition
    kind: Literal["inner", "left", "right", "full"] = "inner"
    build_sources: tuple[int, ...] = ()
    probe_sources: tuple[int, ...] = ()
    fresh: bool = False

    @property
    def keeps_probe(self) -> bool:
        """Every row of `probe` comes at least once."""
        return self.kind == "left" or self.kind == "full"

    @property
    def keeps_build(self) -> bool:
        """Every row of `build` comes at least once."""
        return self.kind == "right" or self.kind == "full"


@dataclass(slots=True, frozen=True, kw_only=True)
class Aggregate(Plan):
    """GROUP BY. Output columns of `source`: keys first, then aggregates, then `bare` columns (from an arbitrary row of
    the group; with a single min()/max() from the row of the extreme). Without keys: exactly one row.
    """

    source: int
    child: Plan
    keys: tuple[Expr, ...]
    collations: tuple[str, ...]  # one a key
    aggregates: tuple[AggregateCall, ...]
    bare: tuple[Expr, ...] = ()
    bare_from: int = -1  # index into aggregates of the min/max whose row `bare` comes from
    bare_last: bool = False  # `bare` comes from the last row of the group


@dataclass(slots=True, frozen=True, kw_only=True)
class CountRows(Plan):
    """count(*) of a whole b-tree: one row, one column."""

    source: int
    table: Table
    index: Index | None = None  # a smaller b-tree to count


@dataclass(slots=True, frozen=True, kw_only=True)
class Distinct(Plan):
    """Only the first row of each distinct combination of `keys`."""

    child: Plan
    keys: tuple[Expr, ...]
    collations: tuple[str, ...]


@dataclass(slots=True, frozen=True, kw_only=True)
class SortKey(Node):
    """One ORDER BY term. `nulls`: "first", "last" or the default of the direction."""

    expr: Expr
    desc: bool = False
    nulls: NullsOrder | None = None  # None: NULLs are small
    collation: str = "BINARY"


@dataclass(slots=True, frozen=True, kw_only=True)
class Sort(Plan):
    """Materializes `outputs` (columns of `source` above) in order of `keys`; with `limit` (an expression giving
    limit + offset; negative: all) only the top rows are kept.
    """

    source: int
    child: Plan
    keys: tuple[SortKey, ...]
    outputs: tuple[Expr, ...]
    limit: Expr | None = None


WindowUnit = Literal["row", "group", "partition"]


@dataclass(slots=True, frozen=True, kw_only=True)
class Window(Plan):
    """Window functions: each row of `child` in the order of its partition and in this of `order`. Columns of `source`:
    `outputs`, which are kept of each row, then what `calls` give. Keys and calls are in terms of these columns.

    sort: the rows of `child` do not come in that order. unit: what must be read before the first of its rows is
    answered: nothing but the row, its peers, or its whole partition.
    """

    source: int
    child: Plan
    outputs: tuple[Expr, ...]
    partition: tuple[SortKey, ...]
    order: tuple[SortKey, ...]
    calls: tuple[WindowCall, ...]
    sort: bool
    unit: WindowUnit


@dataclass(slots=True, frozen=True, kw_only=True)
class Limit(Plan):
    """Both must be integers (or losslessly convertible: else "datatype mismatch"); negative limit: no limit."""

    child: Plan
    limit: Expr | None
    offset: Expr | None


@dataclass(slots=True, frozen=True, kw_only=True)
class Append(Plan):
    """The rows of each child in turn (UNION ALL); child i's row is `outputs[i]`; columns of `source` above."""

    source: int
    children: tuple[Plan, ...]
    outputs: tuple[tuple[Expr, ...], ...]


@dataclass(slots=True, frozen=True, kw_only=True)
class Recursive(Plan):
    """A recursive common table. Its rows go through a queue: those of `initial`; then, for each row that leaves it,
    those of all `steps`, which read that row. Rows of children are `outputs` (of `initial`, then of each step); in the
    steps, in `keys` and above they are columns of `source`.

    keys: the order in which rows leave the queue; without, first in first out. distinct: the collations of the
    columns, where a row that was in the queue is not put into it again (UNION); else None.
    """

    source: int
    initial: Plan
    steps: tuple[Plan, ...]
    outputs: tuple[tuple[Expr, ...], ...]
    keys: tuple[SortKey, ...] = ()
    distinct: tuple[str, ...] | None = None
    label: str = ""


@dataclass(slots=True, frozen=True, kw_only=True)
class Shared(Node):
    """Rows that are materialized once a statement, by the first SharedScan that is entered: `outputs` for each row of
    `child`, which reads nothing from outside. Its scans hold the same object.
    """

    number: int
    child: Plan
    outputs: tuple[Expr, ...]
    label: str = ""


@dataclass(slots=True, frozen=True, kw_only=True)
class SharedScan(Plan):
    """The rows of `shared`, in their order, as columns of `source`."""

    source: int
    shared: Shared


# --- what changes of rows set off -----------------------------------------------------------------------------


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
class InsteadOf(Plan):
    """The triggers of a view, for each row of `child`: `row`, which is read to the end first, as columns of `source`.

    has_old: the row begins with what the view shows, which is OLD. new: NEW, of the columns of `source`; () for DELETE.
    `shown` names in `returning` the new row, or the one that was to be deleted.
    """

    child: Plan
    source: int
    row: tuple[Expr, ...]
    has_old: bool
    new: tuple[Expr, ...]
    shown: int
    effects: RowEffects
    returning: tuple[Expr, ...] = ()


# --- schema changes: steps run in order in one write transaction ---------------------------------------------


@dataclass(slots=True, frozen=True, kw_only=True)
class CountChanges(Plan):
    """PRAGMA count_changes: a row with the number of rows that the child, a write, has changed."""

    child: Plan


@dataclass(slots=True, frozen=True, kw_only=True)
class Step(Node):
    """Base of the steps of a schema change."""


@dataclass(slots=True, frozen=True, kw_only=True)
class CreateBtree(Step):
    """Create a b-tree; its root page number goes to `register`."""

    kind: Literal["table", "index"]
    register: int


@dataclass(slots=True, frozen=True, kw_only=True)
class ClearBtree(Step):
    """Delete all entries of a b-tree; its root page number goes to `register`."""

    slot: int
    root: int
    register: int


@dataclass(slots=True, frozen=True, kw_only=True)
class AddSchemaRow(Step):
    """INSERT INTO sqlite_schema; `register` holds the root page (None: 0)."""

    type: str
    name: str
    table_name: str
    register: int | None
    sql: str | None


@dataclass(slots=True, frozen=True, kw_only=True)
class RemoveSchemaRows(Step):
    """Delete the sqlite_schema rows with this type and name (type None: all rows of tbl_name = name except
    triggers).
    """

    type: str | None
    name: str


@dataclass(slots=True, frozen=True, kw_only=True)
class DropBtree(Step):
    """Drop a b-tree; when auto-vacuum moved another root into its place, sqlite_schema is corrected."""

    root: int


@dataclass(slots=True, frozen=True, kw_only=True)
class FillIndex(Step):
    """Fill an empty index from its table: `scan` reads the table as `source`; a duplicate raises UNIQUE
    constraint failed.
    """

    index: Index
    table: Table
    register: int
    scan: Plan
    source: int
    exprs: tuple[Expr | None, ...] = ()
    where: Expr | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class InsertRows(Step):
    """CREATE TABLE AS: rows of `child` go to the b-tree in `register`; `exprs` one a column, affinities applied."""

    register: int
    child: Plan
    exprs: tuple[Expr, ...]
    affinities: tuple[AffinityLetter, ...]


@dataclass(slots=True, frozen=True, kw_only=True)
class RefuseViolations(Step):
    """Fail if rows violate immediate foreign keys now."""


@dataclass(slots=True, frozen=True, kw_only=True)
class RaiseOnRow(Step):
    """Run `child`; if it gives a row, the statement fails with `message` (ALTER TABLE: existing rows break a
    new constraint).
    """

    child: Plan
    message: str
    code: int = 1


@dataclass(slots=True, frozen=True, kw_only=True)
class RewriteRows(Step):
    """ALTER TABLE DROP COLUMN: every record of `table` is replaced by one that has only the columns `keep` (column
    numbers, in ascending order; rowid alias as NULL as ever). WITHOUT ROWID: record in storage order without the
    dropped column.
    """

    table: Table
    keep: tuple[int, ...]


@dataclass(slots=True, frozen=True, kw_only=True)
class Analyze(Step):
    """Write statistics of a table, unless it is empty: of `indexes` and, if `counts`, the number of its rows. stat1,
    stat4: roots of sqlite_stat1 and sqlite_stat4; 0: those in registers 0 and 1. known_rows: only if the table has ten
    times as many rows now, or a tenth. before: what is done then first.
    """

    table: Table
    indexes: tuple[Index, ...]
    counts: bool
    stat1: int
    stat4: int
    known_rows: int | None = None
    before: tuple[Step, ...] = ()


@dataclass(slots=True, frozen=True, kw_only=True)
class RenewStatistics(Step):
    """Make the connection read the statistics again before it compiles another statement."""


@dataclass(slots=True, frozen=True, kw_only=True)
class RunStatement(Step):
    """A write plan run as one of the steps (e.g. DELETE FROM sqlite_sequence). if_pending: only while rows violate
    deferred foreign keys.
    """

    plan: Plan
    if_pending: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class Ddl(Plan):
    """The steps; then, if they change the schema of database `slot`, its schema cookie + 1."""

    slot: int
    steps: tuple[Step, ...]
    n_registers: int = 0
    changes_schema: bool = True


@dataclass(slots=True, frozen=True, kw_only=True)
class Vacuum(Plan):
    """VACUUM of the database in `slot`. objects: the rows of its sqlite_schema in their new order: (which row it is
    now, whether the rowids of its table are renumbered). into: over the one row of `child`, the name of the file.
    """

    slot: int
    objects: tuple[tuple[int, bool], ...]
    child: Plan | None = None
    into: Expr | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Transaction(Plan):
    """`op`: begin commit rollback savepoint release rollback_to; `mode`: deferred immediate exclusive; `name`:
    savepoint.
    """

    op: Literal["begin", "commit", "rollback", "savepoint", "release", "rollback_to"]
    mode: Literal["deferred", "immediate", "exclusive"] = "deferred"
    name: str = ""


@dataclass(slots=True, frozen=True, kw_only=True)
class Attach(Plan):
    """ATTACH and DETACH. exprs: over the one row of the child; the file, then the schema; of DETACH the schema only."""

    child: Plan
    exprs: tuple[Expr, ...]


@dataclass(slots=True, frozen=True, kw_only=True)
class CheckedIndex(Node):
    """An index whose entries PRAGMA integrity_check looks for. tree: its number in CheckedDatabase.roots. exprs: of its
    fields, None for plain columns.
    """

    index: Index
    tree: int
    exprs: tuple[Expr | None, ...]
    where: Expr | None


@dataclass(slots=True, frozen=True, kw_only=True)
class CheckedTable(Node):
    """A table whose rows PRAGMA integrity_check looks at, as `source`. tree: its number in CheckedDatabase.roots.
    checks: CHECK constraints. quick: neither the order of rows nor entries of indexes.
    """

    table: Table
    source: int
    tree: int
    checks: tuple[Expr, ...]
    indexes: tuple[CheckedIndex, ...]
    quick: bool


@dataclass(slots=True, frozen=True, kw_only=True)
class CheckedDatabase(Node):
    """A database that PRAGMA integrity_check looks at. roots: of its trees, 1 for sqlite_schema first; 0 first: only
    these trees are checked, not the file.
    """

    slot: int
    name: str
    roots: tuple[int, ...]
    tables: tuple[CheckedTable, ...]


@dataclass(slots=True, frozen=True, kw_only=True)
class IntegrityCheck(Plan):
    """PRAGMA integrity_check: a row for each thing that is wrong, at most `most`, or "ok"."""

    source: int
    databases: tuple[CheckedDatabase, ...]
    most: int


@dataclass(slots=True, frozen=True, kw_only=True)
class KernelCall(Plan):
    """A row whose columns are results of one kernel routine: (stmt, *args) -> i32/i64 results.
    `args` are ints, Expr (passed as i64), or bytes (placed in the program's data, their address is passed).
    `write`: needs a write transaction on `slot`; None: no transaction at all.
    """

    source: int
    function: str
    args: tuple[int | bytes | Expr, ...] = ()
    n_results: int = 1
    slot: int = 0
    write: bool | None = False
    silent: bool = False  # returns no row


def subqueries(node: Node) -> Iterator[SubqueryExpr]:
    """The subqueries in the expressions of a node itself, not of the plans below it."""
    exprs = [child for child in children(node) if not isinstance(child, Plan | Step | Upsert | RowEffects | Fire)]
    return (found for found in walk(*exprs) if isinstance(found, SubqueryExpr))
