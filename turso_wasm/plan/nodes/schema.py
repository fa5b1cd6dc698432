"""Roots that change the schema, in steps that run in order in one write transaction; upkeep; transactions."""

from __future__ import annotations

from typing import Literal

from turso_wasm.base.records import dataclass
from turso_wasm.base.tree import Node
from turso_wasm.bind.bound import CheckedVirtual, Expr, Plan
from turso_wasm.catalog.objects import Index, Table
from turso_wasm.catalog.types import AffinityLetter
from turso_wasm.plan.nodes.changes import Fire


@dataclass(slots=True, frozen=True, kw_only=True)
class CountChanges(Plan):
    """PRAGMA count_changes: a row with the number of rows that the child, a write, has changed."""

    child: Plan


@dataclass(slots=True, frozen=True, kw_only=True)
class Prepared(Plan):
    """Changes of the schema that a function in FROM makes, ahead of the statement it stands in."""

    before: tuple[Plan, ...]
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
    captured: bool = True


@dataclass(slots=True, frozen=True, kw_only=True)
class CreateVirtual(Step):
    """The writer of a new virtual table's module puts into its shadow tables what they begin with.

    shadows: by suffix, with no root pages yet; registers: where these are. plans: those that the module has asked for.
    """

    table: Table
    shadows: dict[str, Table]
    registers: dict[str, int]
    plans: tuple[Plan, ...] = ()


@dataclass(slots=True, frozen=True, kw_only=True)
class RemoveSchemaRows(Step):
    """Delete the sqlite_schema rows with this type and name (type None: all rows of tbl_name = name except
    triggers).
    """

    type: str | None
    name: str
    captured: bool = True


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
    """CREATE TABLE AS: rows of `child` go to the b-tree in `register`; `exprs` one a column, affinities applied.
    coming: what captures them.
    """

    register: int
    child: Plan
    exprs: tuple[Expr, ...]
    affinities: tuple[AffinityLetter, ...]
    coming: tuple[Fire, ...] = ()


@dataclass(slots=True, frozen=True, kw_only=True)
class FirstRow(Step):
    """The first row of a new table with rowids, whose b-tree is in `register` and that of its only index, on the first
    column, in the next.
    """

    table: Table
    register: int
    values: tuple[str, ...]


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
class Emptied(Plan):
    """The rows of `child`, which gives the first when it has read to its end; before that all of `table` is deleted."""

    child: Plan
    table: Table


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
    stat4: roots of sqlite_stat1 and sqlite_stat4; 0: those in registers 0 and 1. unless: not if the table has more rows
    than the first number, and fewer than the second. before: what is done first. most: entries of an index that are
    looked at if analysis_limit does not say, 0: all.
    """

    table: Table
    indexes: tuple[Index, ...]
    counts: bool
    stat1: int
    stat4: int
    unless: tuple[int, int] | None = None
    before: tuple[Step, ...] = ()
    most: int = 0


@dataclass(slots=True, frozen=True, kw_only=True)
class RenewStatistics(Step):
    """Make the connection read the statistics again before it compiles another statement."""


@dataclass(slots=True, frozen=True, kw_only=True)
class RunStatement(Step):
    """A write plan run as one of the steps (e.g. DELETE FROM sqlite_sequence). if_pending: only while rows violate
    deferred foreign keys. counts: the rows are changes.
    """

    plan: Plan
    if_pending: bool = False
    counts: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class Fill(Step):
    """As RunStatement, of any length. Tables of the plan that the steps before have made have roots below 0: -1 is the
    one in register 0.
    """

    plan: Plan


@dataclass(slots=True, frozen=True, kw_only=True)
class CaughtUp(Plan):
    """A write, after programs that are fired once."""

    fires: tuple[Fire, ...]
    child: Plan


@dataclass(slots=True, frozen=True, kw_only=True)
class Ddl(Plan):
    """The steps; then, if they change the schema of database `slot`, its schema cookie + 1. coming, going: what
    captures the rows of sqlite_schema that are added and removed.
    """

    slot: int
    steps: tuple[Step, ...]
    n_registers: int = 0
    changes_schema: bool = True
    coming: tuple[Fire, ...] = ()
    going: tuple[Fire, ...] = ()


@dataclass(slots=True, frozen=True, kw_only=True)
class Captured(Plan):
    """A write while changes are captured: `commit` is fired at its end, if the statement commits any."""

    child: Plan
    commit: Fire


@dataclass(slots=True, frozen=True, kw_only=True)
class Vacuum(Plan):
    """VACUUM of the database in `slot`. objects: the rows of its sqlite_schema in their new order: (which row it is
    now, whether the rowids of its table are renumbered). inserts: some of them have no b-tree; in SQLite they are rows
    that are inserted last, and last_insert_rowid() tells of them. Over the one row of `child`: into, the name of the
    file; key, that of the file or of the database from then on.
    """

    slot: int
    objects: tuple[tuple[int, bool], ...]
    inserts: bool
    child: Plan | None = None
    into: Expr | None = None
    key: Expr | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Transaction(Plan):
    """`op`: begin commit rollback savepoint release rollback_to; `mode`: deferred immediate exclusive; `name`:
    savepoint; `commit`: what is fired before captured changes are committed.
    """

    op: Literal["begin", "commit", "rollback", "savepoint", "release", "rollback_to"]
    mode: Literal["deferred", "immediate", "exclusive", "concurrent"] = "deferred"
    name: str = ""
    commit: Fire | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Attach(Plan):
    """ATTACH and DETACH. exprs: over the one row of the child; the file, the schema, and the key if there is one; of
    DETACH the schema only.
    """

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
    """A database that PRAGMA integrity_check looks at. roots: of its trees, sqlite_schema's among them; 0 first:
    only these trees are checked, not the file.
    """

    slot: int
    name: str
    roots: tuple[int, ...]
    tables: tuple[CheckedTable, ...]
    virtual: tuple[CheckedVirtual, ...] = ()


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
