"""Joins: nested loops, left joins that re-enter their right side for the NULL row, joins that only ask, hash joins."""

from __future__ import annotations

from turso_wasm.base.tree import Node, walk
from turso_wasm.bind import bound
from turso_wasm.codegen.conditions import jump
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import columns_of, emit_value, ensure, ensure_outer, for_comparison
from turso_wasm.codegen.hashing import make_key
from turso_wasm.codegen.loops import SOURCES, emit_source, visit
from turso_wasm.codegen.records import encode_record, kept_record
from turso_wasm.codegen.rowsets import first_conjunct
from turso_wasm.codegen.sources import RecordSource, Source, decoded_columns, forget_since, set_null
from turso_wasm.codegen.values import SqlValue
from turso_wasm.kernel.abi import INTEGER, NULL
from turso_wasm.kernel.abi_states import IN_FILE, KeptRow, ListedRow
from turso_wasm.plan import nodes
from turso_wasm.wasm.coroutine import Point
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i32


def _nested_loop(node: nodes.NestedLoop, ctx: Context, then: Then) -> None:
    """Where a table that is scanned whole further in is empty, as the first row of the outermost loop finds out, that
    loop goes on: so does SQLite.
    """
    scans, ctx.inner_scans = ctx.inner_scans, []

    def each() -> None:
        ensure_outer(node.right, ctx)  # once a left row, not once a pair
        emit_source(node.right, ctx, then)

    def each_outermost() -> None:
        with ctx.f.block() as following:
            ctx.empty_exits.update(dict.fromkeys(scans, following))
            each()

    if not isinstance(node.left, nodes.NestedLoop):
        emit_source(node.left, ctx, each_outermost if scans else each)
        return
    right = node.right.child if isinstance(node.right, nodes.Filter) else node.right
    ctx.inner_scans = [*scans, right.source] if isinstance(right, nodes.TableScan) else scans
    emit_source(node.left, ctx, each)


def _left_join(node: nodes.LeftJoin, ctx: Context, then: Then) -> None:
    """The body is emitted once. When no row matched, the right side is entered again and everything up to the body
    skipped; its columns are NULL.
    """
    emit_source(node.left, ctx, lambda: _outer_rows(node, ctx, then))


def _outer_rows(node: nodes.LeftJoin, ctx: Context, then: Then) -> None:
    f = ctx.f
    matched, null_row = f.local(I32, "matched"), f.local(I32, "null_row")
    ensure_outer(node.right, ctx)
    f.set(matched, 0)
    f.set(null_row, 0)
    point = Point()
    decoded = decoded_columns(ctx)
    with f.block() as done, f.loop() as again:

        def body() -> None:
            ctx.land(point)
            forget_since(decoded, ctx, node.right_sources)  # the NULL row comes here without the code of the right side
            f.set(matched, 1)
            _mark_nullable(node.right_sources, null_row, ctx)
            with ctx.repeated():
                then()
            f.br(done, if_=null_row)

        emit_source(node.right, ctx, body)
        f.br(done, if_=matched)
        f.set(null_row, 1)
        ctx.goto(point)
        f.br(again)


def _mark_nullable(sources: tuple[int, ...], null_row: Local, ctx: Context) -> None:
    """From here on these sources may be a NULL row: what was decoded so far moves to locals that are NULL then."""
    for number in sources:
        source = ctx.sources.get(number)
        if source is None:
            continue
        source.null_row = (
            null_row if source.null_row is None else ctx.f.local(I32, "null_row", source.null_row | null_row)
        )
        source.decoded = {column: ctx.copy(value) for column, value in source.decoded.items()}
        if source.decoded:
            with ctx.f.if_(null_row):
                set_null(source.decoded.values(), ctx)


def _semi_join(node: nodes.SemiJoin, ctx: Context, then: Then) -> None:

    def each() -> None:
        f = ctx.f
        with f.block() as rejected:
            with f.block() as matched:
                _seek_match(node.right, matched, ctx)
                f.br(rejected)
            then()

    emit_source(node.left, ctx, each)


def _anti_join(node: nodes.AntiJoin, ctx: Context, then: Then) -> None:

    def each() -> None:
        with ctx.f.block() as rejected:
            _seek_match(node.right, rejected, ctx)
            then()

    emit_source(node.left, ctx, each)


def _seek_match(right: nodes.Plan, found: Label, ctx: Context) -> None:
    """Go to `found` at the first row; what its search decodes is not there for all who come to what follows."""
    ensure_outer(right, ctx)
    before = decoded_columns(ctx)
    emit_source(right, ctx, lambda: ctx.f.br(found))
    forget_since(before, ctx)


# --- hash join ------------------------------------------------------------------------------------------


class BuildSource(Source):
    """Columns of one of the build side's sources, found in the materialized row."""

    def __init__(self, record: RecordSource, positions: dict[int, int]) -> None:
        super().__init__()
        self.record = record
        self.positions = positions

    def decode(self, columns, ctx):  # type: ignore[no-untyped-def]
        """See Source."""
        found = self.record.decode([self.positions[column] for column in columns], ctx)
        return {column: found[self.positions[column]] for column in columns}


def _key(exprs: tuple[bound.Expr, ...], node: nodes.HashJoin, missing: Label, ctx: Context) -> None:
    """Build the normalized key; jumps to `missing` when a part is NULL (which equals nothing)."""
    make_key(_key_values(exprs, node, missing, ctx), node.collations, ctx)


def _key_values(exprs: tuple[bound.Expr, ...], node: nodes.HashJoin, missing: Label, ctx: Context) -> list[SqlValue]:
    ensure(exprs, ctx)
    values = [for_comparison(expr, affinity, ctx) for expr, affinity in zip(exprs, node.affinities, strict=True)]
    for value in values:
        ctx.f.br(missing, if_=value.has_tag(NULL))
    return values


def _recurs(node: Node) -> bool:
    return type(node) is nodes.Recursive


class HashTable:
    """The materialized build side, in the statement's memory, or in the frame's when it is read anew on every entry: a
    table of rows (kernel/values/join_table.py), or a set where nothing is asked but whether a key is there.
    """

    def __init__(self, node: nodes.HashJoin, ctx: Context) -> None:
        self.node = node
        self.head = ListedRow.size if node.keeps_build else KeptRow.size
        f = ctx.f
        self.table = f.local(I32, "table")
        self.null_row = f.local(I32, "null_row")  # 1: a probe row without a match
        # What may never end is not begun before there is a row to look for.
        self.is_late = not (node.fresh or node.keeps_build) and any(map(_recurs, walk((node.build,))))
        if not self.is_late:
            self._open(ctx)

    def begin_row(self, ctx: Context) -> None:
        """There is a probe row."""
        if self.is_late:
            before = decoded_columns(ctx)
            self._open(ctx)
            forget_since(before, ctx)

    def _open(self, ctx: Context) -> None:
        f, node = ctx.f, self.node
        if node.fresh:
            place = ctx.frame_alloc(4)
            ctx.zero_at_start(place)
            at: Expr = f.local(I32, "build", ctx.frame + place)
            with f.if_(f.load("i32", at)):
                ctx.do("join_free" if self.has_rows else "resource_free", ctx.stmt, f.load("i32", at))
            self._read(at, ctx)
        else:
            at = ctx.once(node, 4, lambda at: self._read(at, ctx))
        f.set(self.table, f.load("i32", at))

    @property
    def has_rows(self) -> bool:
        """More is asked of it than whether a key is there."""
        return not self.node.asks or self.node.residual is not None

    def _read(self, at: Expr, ctx: Context) -> None:
        f = ctx.f
        keeps = int(self.node.keeps_build)
        new = f.call("join_new", ctx.stmt, keeps) if self.has_rows else f.call("hash_new", ctx.stmt, 0)
        f.set(self.table, new)
        f.store("i32", at, self.table)
        emit_source(self.node.build, ctx, lambda: self._add(ctx))
        if self.has_rows:
            ctx.do("join_end", self.table)

    def _add(self, ctx: Context) -> None:
        """Add the row, unless it cannot be found nor shown."""
        f = ctx.f
        node = self.node
        keyed: Expr = i32(1)
        with f.block() as skip:
            if node.keeps_build:
                keyed = f.local(I32, "keyed", i32(0))
                with f.block() as keyless:
                    _key(node.build_keys, node, keyless, ctx)
                    f.set(keyed, 1)
            else:
                _key(node.build_keys, node, skip, ctx)
            if not self.has_rows:
                ctx.do("hash_add", self.table)
                return
            refs = [bound.ColumnRef(source=source, column=column) for source, column in node.build_columns]
            ensure(refs, ctx)
            record = encode_record([emit_value(ref, ctx) for ref in refs], ctx)
            ctx.do("join_add", self.table, record, keyed)

    def find(self, row: Local, ctx: Context) -> None:
        """Row = the first match of the probe row, 0 if there is none; of a set, not 0 if the key is there."""
        f = ctx.f
        ask = "join_find" if self.has_rows else "hash_find"
        with f.block() as missing:
            values = _key_values(self.node.probe_keys, self.node, missing, ctx)
            with f.block() as found:
                if len(values) == 1 and values[0].may_be(INTEGER):
                    with f.if_(values[0].has_tag(INTEGER)):
                        f.set(row, f.call(f"{ask}_int", self.table, values[0].payload))
                        f.br(found)
                if not (len(values) == 1 and values[0].is_always(INTEGER)):
                    make_key(values, self.node.collations, ctx)
                    f.set(row, f.call(ask, self.table))

    def advance(self, row: Local, ctx: Context) -> None:
        """Row = the next match."""
        f = ctx.f
        f.set(row, f.load("i32", row, KeptRow.offset("next")))
        with f.if_(row == IN_FILE):
            f.set(row, f.call("join_next", self.table))

    def matched(self, row: Local, visit: Local, ctx: Context) -> None:
        """Remember that a row has been matched in this visit."""
        f = ctx.f
        f.store("i32", row, visit, ListedRow.offset("matched"))
        with f.if_(f.load("i32", row, KeptRow.offset("next")) == IN_FILE):
            ctx.do("join_match", self.table, row)

    def blob(self, row: Local, ctx: Context) -> Expr:
        """The record of a row."""
        return kept_record(row, self.head, ctx)


def _hash_join(node: nodes.HashJoin, ctx: Context, then: Then) -> None:
    table = HashTable(node, ctx)
    ctx.tables[node.label] = table
    row = ctx.f.local(I32, "row")
    record = RecordSource(ctx.f.local(I64, "record"), len(node.build_columns))
    if node.asks:
        emit_source(node.probe, ctx, lambda: _ask(node, table, row, record, ctx, then))
    elif not node.keeps_build:
        emit_source(node.probe, ctx, lambda: _probe(node, table, row, record, ctx, then))
    else:
        _both_passes(node, table, row, record, ctx, then)


def _both_passes(
    node: nodes.HashJoin, table: HashTable, row: Local, record: RecordSource, ctx: Context, then: Then
) -> None:
    """The probe rows with their matches; then the body is entered again for each build row without a match, the probe
    side skipped, its columns NULL.
    """
    f = ctx.f
    second, mark = f.local(I32, "unmatched"), f.local(I32, "mark")
    visit_ = f.local(I32, "visit", f.call("join_begin", table.table))
    f.set(second, 0)
    point = Point()
    before = {source: found for source, found in decoded_columns(ctx).items() if source not in node.build_sources}
    with f.block() as done, f.loop() as again:
        with f.block() as following:

            def body() -> None:
                with f.if_(row):  # 0: the NULL row of a probe row without a match
                    table.matched(row, visit_, ctx)
                ctx.land(point)
                forget_since(before, ctx, node.probe_sources)
                _mark_nullable(node.probe_sources, second, ctx)
                with ctx.repeated():
                    then()
                f.br(following, if_=second)

            emit_source(node.probe, ctx, lambda: _probe(node, table, row, record, ctx, body))
            f.set(second, 1)
            f.set(table.null_row, 0)
            f.set(mark, f.call("arena_mark", ctx.stmt))
        ctx.do("arena_release", ctx.stmt, mark)
        ctx.tick()
        f.set(row, f.call("join_rest", table.table))
        f.br(done, if_=row.eqz())
        f.set(record.payload, table.blob(row, ctx))
        ctx.goto(point)
        f.br(again)


def _ask(node: nodes.HashJoin, table: HashTable, row: Local, record: RecordSource, ctx: Context, then: Then) -> None:
    """Semi- and anti-joins: the probe row passes if something, or nothing, matches."""
    f = ctx.f
    matched = f.local(I32, "matched")
    table.begin_row(ctx)
    _place_build_columns(node, record, ctx)
    _ensure_probe_columns(node, ctx)
    f.set(matched, 0)
    before = decoded_columns(ctx)

    def begin() -> Expr:
        f.set(row, 0)
        table.find(row, ctx)
        return row

    def step() -> Expr:
        table.advance(row, ctx)
        return row

    def body(done: Label) -> None:
        with f.block() as rejected:
            f.set(record.payload, table.blob(row, ctx))
            assert node.residual is not None
            ensure(first_conjunct(node.residual), ctx)
            jump(node.residual, rejected, ctx, when=False, on_null=True)
            f.set(matched, 1)
            f.br(done)

    if table.has_rows:
        visit(ctx, begin, step, body)
        forget_since(before, ctx)
    else:
        f.set(matched, begin() != 0)
    with f.if_(matched if node.kind == "semi" else matched.eqz()):
        then()


def _ensure_probe_columns(node: nodes.HashJoin, ctx: Context) -> None:
    for source, columns in columns_of([node.probe_keys, node.residual]).items():
        if source not in node.build_sources and source in ctx.sources:
            ctx.sources[source].ensure(columns, ctx)


def _probe(node: nodes.HashJoin, table: HashTable, row: Local, record: RecordSource, ctx: Context, then: Then) -> None:
    f = ctx.f
    null_row, matched = table.null_row, f.local(I32, "matched")
    table.begin_row(ctx)
    _place_build_columns(node, record, ctx)
    _ensure_probe_columns(node, ctx)

    def begin() -> Expr:
        f.set(null_row, 0)
        f.set(matched, 0)
        f.set(row, 0)
        table.find(row, ctx)
        if not node.keeps_probe:
            return row
        f.set(null_row, row.eqz())
        return i32(1)

    def step() -> Expr:
        if not node.keeps_probe:
            table.advance(row, ctx)
            return row
        # After the last match: one NULL row if none passed the residual condition.
        with f.if_(null_row):
            f.set(row, 0)
            f.set(matched, 1)
            f.else_()
            table.advance(row, ctx)
            f.set(null_row, row.eqz() & matched.eqz())
        return (row != 0) | (null_row & matched.eqz())

    def body(done: Label) -> None:
        with f.block() as rejected:
            f.set(record.payload, table.blob(row, ctx))
            if node.residual is not None:
                before = decoded_columns(ctx)
                with f.block() as accepted:
                    if node.keeps_probe:
                        f.br(accepted, if_=null_row)
                    ensure(first_conjunct(node.residual), ctx)
                    jump(node.residual, rejected, ctx, when=False, on_null=True)
                if node.keeps_probe:
                    forget_since(before, ctx)  # the NULL row has come past it
            f.set(matched, 1)
            then()

    if node.keeps_probe:
        for source in node.build_sources:
            ctx.sources[source].null_row = null_row
    visit(ctx, begin, step, body)


def _place_build_columns(node: nodes.HashJoin, record: RecordSource, ctx: Context) -> None:
    by_source: dict[int, dict[int, int]] = {source: {} for source in node.build_sources}
    for at, (source, column) in enumerate(node.build_columns):
        by_source.setdefault(source, {})[column] = at
    for source, positions in by_source.items():
        ctx.sources[source] = BuildSource(record, positions)


SOURCES.update(
    {
        nodes.NestedLoop: _nested_loop,
        nodes.LeftJoin: _left_join,
        nodes.SemiJoin: _semi_join,
        nodes.AntiJoin: _anti_join,
        nodes.HashJoin: _hash_join,
    }
)
