"""Full-text tables: searching (kernel/fts/search.py) and writing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import ClassVar

from turso_wasm.base.errors import SQLITE_ERROR
from turso_wasm.bind import bound
from turso_wasm.catalog.modules.fts5 import Fts5Options
from turso_wasm.catalog.names import fold
from turso_wasm.catalog.objects import Table
from turso_wasm.codegen.constraints import PRIMARYKEY_FAILED, violated
from turso_wasm.codegen.context import Context, Then
from turso_wasm.codegen.expressions import emit_value, ensure
from turso_wasm.codegen.loops import SOURCES, visit
from turso_wasm.codegen.modules.fts5_config import config_address, config_bytes, lacks_uncompress
from turso_wasm.codegen.modules.module import VirtualRow, Writer
from turso_wasm.codegen.sources import ROWID, Source
from turso_wasm.codegen.values import NULL_VALUE, SqlValue
from turso_wasm.kernel.abi import INTEGER, NULL
from turso_wasm.kernel.abi_modules import MALFORMED, MISMATCH
from turso_wasm.plan import nodes
from turso_wasm.wasm.dsl import I32, I64, Expr, Label, Local, i32, i64


class SearchSource(Source):
    """The row a search is on: its rowid, and the search itself."""

    def __init__(self, search: Expr, routine: str = "fts_rowid") -> None:
        super().__init__()
        self.search = search
        self.routine = routine  # says the rowid

    def decode(self, columns: Sequence[int], ctx: Context) -> dict[int, SqlValue]:
        """See Source."""
        f = ctx.f
        return {
            column: SqlValue(
                INTEGER,
                f.local(I64, "rowid", f.call(self.routine, self.search)) if column == ROWID else self.search.extend_u(),
            )
            for column in columns
        }


def _fts_rows(node: nodes.FtsRows, ctx: Context, then: Then) -> None:
    f = ctx.f
    at = ctx.frame_alloc(8)
    ctx.zero_at_start(at)
    queries = [match.query for match in node.matches]
    ensure([*queries, *([] if node.language is None else [node.language])], ctx)
    language = None if node.language is None else emit_value(node.language, ctx)
    values = [emit_value(query, ctx) for query in queries]
    config = ctx.data_address(config_bytes(node.table, node.shadows, ctx.unit), align=8)
    search = f.local(I32, "search")

    def begin() -> Expr:
        f.set(search, f.call("fts_open", ctx.stmt, ctx.frame + at, config))
        if language is not None:
            ctx.do("fts_language", search, language)
        for match, value in zip(node.matches, values, strict=True):
            ctx.do("fts_match", search, match.column, value)
        return f.call("fts_first", search)

    def body(done: Label) -> None:
        ctx.sources[node.source] = SearchSource(search)
        then()

    visit(ctx, begin, lambda: f.call("fts_next", search), body)


SOURCES[nodes.FtsRows] = _fts_rows


def index_faults(node: bound.CheckedVirtual, ctx: Context) -> SqlValue:
    """The row of PRAGMA integrity_check about an index, NULL: nothing is wrong. FTS5 leaves other tables' texts."""
    table, found = node.table, ctx.chosen()
    is_fts5 = fold(table.module) == "fts5"
    malformed = f"malformed inverted index for {table.module.upper()} table {table.schema}.{table.name}"
    if _lacks_shadows(node) or not (is_fts5 or _has_texts(node)) or lacks_uncompress(table, ctx.unit):
        lost = malformed.replace("malformed", "unable to validate the", 1) + ": SQL logic error"
        return ctx.constant(malformed if is_fts5 else lost)
    content = None if is_fts5 else node.content
    shadows: dict[str, Table | None] = {"stat": None, "docsize": None, **node.shadows}
    config = ctx.data_address(config_bytes(table, shadows, ctx.unit, content), align=8)
    verdict = ctx.f.local(I32, "verdict", ctx.f.call("fts_check", ctx.stmt, config))
    ctx.allocates = True
    ctx.choose(found, NULL_VALUE)
    mismatch = f'fts5: checksum mismatch for table "{table.name}"' if is_fts5 else malformed
    for code, said in ((MALFORMED, malformed), (MISMATCH, mismatch)):
        with ctx.f.if_(verdict == code):
            ctx.choose(found, ctx.constant(said))
    return found


def _lacks_shadows(node: bound.CheckedVirtual) -> bool:
    """A table without which the index cannot be read is missing. FTS4 does without its sums."""
    assert node.table.declared is not None
    optional = () if fold(node.table.module) == "fts5" else ("stat", "docsize")
    needed = {shadow.suffix for shadow in node.table.declared.shadows}
    return not needed.difference(optional) <= node.shadows.keys()


def _has_texts(node: bound.CheckedVirtual) -> bool:
    """The user's table that content=… names, if one is named, has the columns."""
    assert node.table.declared is not None and isinstance(node.table.declared.options, Fts5Options)
    options, content = node.table.declared.options, node.content
    if not options.content:
        return True
    is_table = content is not None and content.kind == "table" and not content.without_rowid
    return is_table and content is not None and {fold(name) for name in options.names} <= content.numbers.keys()


def full_text(node: bound.FullText, ctx: Context) -> SqlValue:
    """The address of what the kernel keeps for it while the statement runs."""
    table = node.searched.table
    assert table.declared is not None
    nowhere = {shadow.suffix: None for shadow in table.declared.shadows}
    config = ctx.data_address(config_bytes(table, nowhere, ctx.unit), align=8)
    key = ctx.unit.full_texts.setdefault(node.number, node)

    def begin(place: Expr) -> None:
        ctx.f.store("i32", place, ctx.f.call("fts_texts_open", ctx.stmt, config))

    return SqlValue(INTEGER, ctx.f.load("i32", ctx.once(key, 8, begin)).extend_u())


class Fts5Writer(Writer):
    """Rows of a full-text table (kernel/fts/rows.py), and its commands."""

    begins_with: ClassVar[tuple[int, int] | None] = (3, 10)  # the version, the averages, the structure

    def __init__(self, change: nodes.WriteVirtual, ctx: Context) -> None:
        super().__init__(change, ctx)
        table = change.table
        assert table.declared is not None and isinstance(table.declared.options, Fts5Options)
        self.options = table.declared.options
        self.n = len(self.options.names)
        texts = [plan.table for plan in change.plans if isinstance(plan, nodes.TableScan)]
        self.config = config_address(table, change.shadows, ctx, *texts)

    @classmethod
    def create(cls, step: nodes.CreateVirtual, roots: Mapping[str, Local], ctx: Context) -> None:
        """See Writer."""
        config = ctx.data_address(config_bytes(step.table, dict.fromkeys(roots), ctx.unit), align=8)
        ctx.do("fts_create", ctx.stmt, config, roots["data"], roots["config"])

    def insert(self, row: VirtualRow, skipped: Label) -> Expr:
        """See Writer."""
        f, values = self.ctx.f, self._values(row)
        rowid = f.local(I64, "rowid", i64(0))
        with ExitStack() as ordinary:
            if self.n in self.change.changed:
                is_row = ordinary.enter_context(f.if_(row.columns[self.n].has_tag(NULL).eqz()))
                self.ctx.do("statement_savepoint", self.ctx.stmt)  # a command that fails has flushed
                self.ctx.do("fts_command", self.ctx.stmt, self.config, values, row.rowid)
                is_row.else_()
            self._make_way(row.rowid, skipped)
            f.set(rowid, f.call("fts_insert", self.ctx.stmt, self.config, values, *row.rowid.pair))
        return rowid

    def update(self, old: Local, row: VirtualRow, skipped: Label) -> Expr | None:
        """See Writer."""
        ctx, f = self.ctx, self.ctx.f
        name = self.change.table.name
        values = self._values(row)
        rowid = f.local(I64, "new_rowid", f.call("fts_given_rowid", *row.rowid.pair))
        if self.options.content == "" and not self._indexes_anew():
            about = "cannot UPDATE contentless fts5 table"
            if self.options.contentless_delete:
                about = "cannot UPDATE a subset of columns on fts5 contentless-delete table"
            if self.change.changed & self._indexed or not (
                self.options.contentless_delete or self.options.contentless_unindexed
            ):
                ctx.raise_error(SQLITE_ERROR, f"{about}: {name}")
                return None
            with f.if_(rowid != old):
                ctx.raise_error(SQLITE_ERROR, f"{about}: {name}")
            ctx.do("fts_set_unindexed", ctx.stmt, self.config, old, values)
            return old
        for column in self.options.located:
            if column not in self.change.changed:
                ctx.do("fts_keep_locale", ctx.stmt, self.config, old, values, column)
        with f.if_(rowid != old):
            self._make_way(SqlValue(INTEGER, rowid), skipped)
        ctx.do("fts_delete", ctx.stmt, self.config, old)
        f.do(f.call("fts_insert", ctx.stmt, self.config, values, i32(INTEGER), rowid))
        has_rows = self.options.content is None or self.options.columnsize
        return rowid if has_rows else None

    def delete(self, rowid: Local) -> None:
        """See Writer."""
        if self.options.content == "" and not self.options.contentless_delete:
            message = f"cannot DELETE from contentless fts5 table: {self.change.table.name}"
            self.ctx.raise_error(SQLITE_ERROR, message)
            return
        self.ctx.do("fts_delete", self.ctx.stmt, self.config, rowid)

    @property
    def _indexed(self) -> set[int]:
        return set(range(self.n)) - self.options.unindexed

    def _indexes_anew(self) -> bool:
        """An update can take a row without texts out of the index, and says all that goes into it."""
        return self.options.contentless_delete and self.change.changed >= self._indexed

    def _values(self, row: VirtualRow) -> Expr:
        block = self.ctx.f.local(I32, "values", self.ctx.frame_values(len(row.columns)))
        for at, value in enumerate(row.columns):
            self.ctx.store_value(block, value, at)
        return block

    def _make_way(self, rowid: SqlValue, skipped: Label) -> None:
        """A row that has the rowid goes, or is the error; without texts it is no error."""
        f = self.ctx.f
        keeps = self.options.contentless_unindexed and not self.options.contentless_delete
        if self.options.content == "" and self.change.conflict != "REPLACE" and not keeps:
            return
        with f.if_(f.call("fts_conflicts", self.ctx.stmt, self.config, *rowid.pair)):
            if keeps:
                violated(self.ctx, "ABORT", skipped, PRIMARYKEY_FAILED, "constraint failed")
            elif self.change.conflict == "REPLACE":
                given = f.call("fts_given_rowid", *rowid.pair)
                self.ctx.do("fts_delete", self.ctx.stmt, self.config, given)
            else:
                violated(
                    self.ctx,
                    self.change.conflict or "ABORT",
                    skipped,
                    PRIMARYKEY_FAILED,
                    "constraint failed",
                )
