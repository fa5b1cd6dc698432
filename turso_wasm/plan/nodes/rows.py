"""Nodes that give rows: scans, joins, grouping, sorting, windows, compounds."""

from __future__ import annotations

from typing import Literal

from turso_wasm.base.records import dataclass
from turso_wasm.base.tree import Node
from turso_wasm.bind.bound import AggregateCall, Call, ColumnRef, Expr, NullsOrder, Plan, WindowCall
from turso_wasm.catalog.derived import Derived
from turso_wasm.catalog.objects import Index, Table
from turso_wasm.catalog.types import AffinityLetter


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
    """Rows of literals bound at run time: the payload of the literal numbered `literal` is address |
    number of rows << 32, of rows of `n_columns` Values. So is an IN list, in rows of one. All bulk INSERTs of one
    width share a Program.
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
class UserRows(Plan):
    """What a table function of the user's, `number` in the registry, gives for these arguments; None: what the host
    tells of the statements of the connection.
    """

    source: int
    number: int | None
    arguments: tuple[Expr, ...]
    n_columns: int


@dataclass(slots=True, frozen=True, kw_only=True)
class JsonRows(Plan):
    """What json_each (is_tree: json_tree) finds at `path` in a document: columns key, value, type, atom, id, parent,
    fullkey, path, and the number of the row. is_binary: arrays and objects as JSONB. is_partial: nobody
    reads ids and paths.
    """

    source: int
    document: Expr
    path: Expr
    is_tree: bool = False
    is_binary: bool = False
    is_partial: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class BtreePages(Plan):
    """The pages of the b-tree with the root page `root` in the database in `slot`, each expression an integer; one row
    about all of them where `aggregate` is true. Columns: path pageno pagetype ncell payload unused mx_payload pgoffset
    pgsize, and whether it is about all.
    """

    source: int
    slot: Expr
    root: Expr
    aggregate: Expr


@dataclass(slots=True, frozen=True, kw_only=True)
class CsvRows(Plan):
    """The rows of comma-separated values: of `text`, or of the file of that name. Columns: the fields, texts; -1 the
    number of the row.
    """

    source: int
    text: str
    is_file: bool
    has_header: bool
    n_columns: int


@dataclass(slots=True, frozen=True, kw_only=True)
class RtreeRows(Plan):
    """Entries of an R*Tree: those whose coordinates satisfy `limits` (coordinate from 0, operator, value), or with
    `key` the one with that rowid. Columns: the coordinates, -1 the rowid. shadows: its shadow tables, by suffix.
    """

    source: int
    shadows: dict[str, Table]
    n_coords: int
    is_int: bool
    key: Expr | None
    limits: tuple[tuple[int, str, Expr], ...]


@dataclass(slots=True, frozen=True, kw_only=True)
class FtsRows(Plan):
    """The rows of a full-text table (catalog/modules/fts5.py) that match queries, by rowid: its rowid, and a handle of
    the search as column 0, for functions of the row. language: of FTS4, whose rows are looked for.
    """

    source: int
    table: Table
    shadows: dict[str, Table]
    matches: tuple[Match, ...]
    language: Expr | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class NearRows(Plan):
    """The rows of a table that may be among the first `limit` by their distance to `query`, as an index of vectors
    (catalog/methods/ivf.py) finds them: the rowid, and a handle of the search as column 0, which the distance of each
    row that is really wanted must be told to. parts: tables of the index: state, lists, pending.
    """

    source: int
    index: Derived
    table: Table
    parts: tuple[Table, ...]
    query: Expr
    limit: Expr


@dataclass(slots=True, frozen=True, kw_only=True)
class FtsTerms(Plan):
    """The terms of a full-text table. kind: what is a row, as fts5vocab says it, or "fts4aux"; columns: those of
    "instance", else of "col". language: of FTS4.
    """

    source: int
    table: Table
    shadows: dict[str, Table]
    kind: str
    language: Expr | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class FtsTokens(Plan):
    """The tokens of a text: the token, where it begins and ends, how many are before it. table: an fts3tokenize."""

    source: int
    table: Table
    text: Expr


@dataclass(slots=True, frozen=True, kw_only=True)
class Match(Node):
    """A query of a full-text table. column: -1: any."""

    column: int
    query: Expr


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
    """One end of a range: the key must be > / >= (lower) or < / <= (upper) `expr`; a NULL value matches nothing.

    rest: of an end that is a row, the elements for the next columns of an index, and the affinities they are given;
    entries whose first column alone is in the range may come too.
    """

    expr: Expr
    inclusive: bool
    rest: tuple[Expr, ...] = ()
    affinities: tuple[AffinityLetter | None, ...] = ()


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
    n_skipped: int = 0  # so many of `equal` are columns of an IndexGroups around it
    tabled: bool = False  # it is entered for many rows: all of the table's may be kept by `equal`, all key columns


@dataclass(slots=True, frozen=True, kw_only=True)
class IndexGroups(Plan):
    """One entry of each group of entries of `index` whose first `n` fields are equal, in index order: those behind it
    are skipped by a look-up. Its columns are those fields.
    """

    source: int
    table: Table
    index: Index
    n: int
    reverse: bool = False


@dataclass(slots=True, frozen=True, kw_only=True)
class Filter(Plan):
    """The rows of `child` for which `predicate` is true."""

    child: Plan
    predicate: Expr


@dataclass(slots=True, frozen=True, kw_only=True)
class Batch(Plan):
    """The rows of `child`, of whose columns those in `columns` stay addressable; the columns of `source` are the values
    of `calls`, functions of the user's, which are called for many rows at once. by_rows: all those for a row before any
    for the next.
    """

    source: int
    child: Plan
    columns: tuple[ColumnRef, ...]
    calls: tuple[Call, ...]
    by_rows: bool = False


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
class SemiJoin(Plan):
    """Each row of `left` for which `right` (whose expressions may use left's columns) gives a row. number:
    of the subquery.
    """

    left: Plan
    right: Plan
    number: int = 0


@dataclass(slots=True, frozen=True, kw_only=True)
class AntiJoin(Plan):
    """Each row of `left` for which `right` (whose expressions may use left's columns) gives none. number:
    of the subquery.
    """

    left: Plan
    right: Plan
    number: int = 0


HashKind = Literal["inner", "left", "right", "full", "semi", "anti"]


@dataclass(slots=True, frozen=True, kw_only=True)
class HashJoin(Plan):
    """`build` is read once into a table of the columns `build_columns` (source, column), keyed by `build_keys`. For
    each row of `probe`, the rows with equal keys (a NULL key equals nothing) for which `residual` is true match; they
    come in the order in which `build` gave them. `build` may join several sources; their columns stay addressable.

    kind: left and full give a probe row that nothing matches once, with `build_sources` NULL (`keeps_probe`); right and
    full give, after the last probe row, each build row that nothing matched (`keeps_build`), in the order in which
    `build` gave them, those with NULL keys among them, with `probe_sources` NULL. semi and anti give each probe row
    once that something (that nothing) matches, and no columns of `build` (`asks`).

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
    kind: HashKind = "inner"
    build_sources: tuple[int, ...] = ()
    probe_sources: tuple[int, ...] = ()
    fresh: bool = False

    @property
    def label(self) -> int:
        """By which the KeyFilters below know it; -1: there are none."""
        return min(self.build_sources, default=-1)

    @property
    def keeps_probe(self) -> bool:
        """Every row of `probe` comes at least once."""
        return self.kind == "left" or self.kind == "full"

    @property
    def keeps_build(self) -> bool:
        """Every row of `build` comes at least once."""
        return self.kind == "right" or self.kind == "full"

    @property
    def asks(self) -> bool:
        """Only whether there is a match counts."""
        return self.kind == "semi" or self.kind == "anti"


@dataclass(slots=True, frozen=True, kw_only=True)
class KeyFilter(Plan):
    """The rows of `child` but those of which a hash join further on, whose label is `join`, finds nothing."""

    child: Plan
    join: int


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
    in_order: bool = False  # rows with equal keys come one after the other


@dataclass(slots=True, frozen=True, kw_only=True)
class CountRows(Plan):
    """count(*) of a whole b-tree, or of `scan`, forward: one row, one column."""

    source: int
    table: Table
    index: Index | None = None  # a smaller b-tree to count
    scan: IndexScan | None = None


@dataclass(slots=True, frozen=True, kw_only=True)
class Distinct(Plan):
    """Only the first row of each distinct combination of `keys`.

    in_order: rows with equal keys come one after the other.
    """

    child: Plan
    keys: tuple[Expr, ...]
    collations: tuple[str, ...]
    in_order: bool = False


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
    limit + offset; negative: all) only the top rows are kept. n_in_order: by so many of the keys they come in order.
    """

    source: int
    child: Plan
    keys: tuple[SortKey, ...]
    outputs: tuple[Expr, ...]
    limit: Expr | None = None
    n_in_order: int = 0


WindowUnit = Literal["row", "group", "partition"]


@dataclass(slots=True, frozen=True, kw_only=True)
class Window(Plan):
    """Window functions: each row of `child` in the order of its partition and in this of `order`. Columns of `source`:
    `outputs`, which are kept of each row, then what `calls` give. Keys and calls are in terms of these columns.

    sort: the rows of `child` do not come in that order; peers are sorted by `ties`. unit: what must be read before the
    first of its rows is answered: nothing but the row, its peers, or its whole partition. ahead: the values of its
    calls, all of them of the user's, may be asked for before the rows are answered.
    """

    source: int
    child: Plan
    outputs: tuple[Expr, ...]
    partition: tuple[SortKey, ...]
    order: tuple[SortKey, ...]
    ties: tuple[SortKey, ...] = ()
    calls: tuple[WindowCall, ...]
    sort: bool
    unit: WindowUnit
    ahead: bool = False


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
