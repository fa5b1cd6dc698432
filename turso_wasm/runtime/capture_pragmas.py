"""PRAGMA capture_data_changes_conn and capture_data_changes_keep: which changes are captured, into which table, and how
many stay there (docs/change-capture.md). The table is made when it is first needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from turso_wasm.base.errors import SQLITE_ERROR, SqlError
from turso_wasm.bind.select import SelectBinder
from turso_wasm.catalog.capture import COLUMNS, DEFAULT_TABLE, MODES, VERSIONS, Capture, version_of
from turso_wasm.catalog.names import fold, quote_identifier, quote_text
from turso_wasm.catalog.tables import build_table
from turso_wasm.plan import nodes
from turso_wasm.plan.schema import plan_create_table, table_steps
from turso_wasm.plan.triggers import STEPS
from turso_wasm.sql import ast
from turso_wasm.sql.parser import parse_one

if TYPE_CHECKING:
    from turso_wasm.runtime.pragmas import Request

VERSION = "v2"
EXPECTED = (
    "unexpected pragma value: expected '<mode>' or '<mode>,<cdc-table-name>' parameter "
    f"where mode is one of {'|'.join(MODES)}"
)
_TYPES = {
    "change_id": " INTEGER PRIMARY KEY AUTOINCREMENT",
    "table_name": " TEXT",
    "id": "",
    "before": " BLOB",
    "after": " BLOB",
    "updates": " BLOB",
}


def capture_row(request: Request) -> Sequence[str | None]:
    """What PRAGMA capture_data_changes_conn answers: mode, table, version."""
    capture = request.catalogs.settings.capture
    if not capture:
        return "off", None, None
    table = request.catalogs.main().find_table(capture.table)
    return capture.mode, capture.table, None if table is None else version_of(table)


def capture_plans(request: Request) -> tuple[list[nodes.Plan], nodes.KernelCall]:
    """What makes the table, if there is none, and what begins to capture into it.

    Errors: EXPECTED; of another database than main; there is another table of that name.
    """
    _refuse_others(request)
    mode, _, name = (request.value or "").partition(",")
    mode, table = mode.strip().lower(), name.strip() if "," in (request.value or "") else DEFAULT_TABLE
    if mode not in MODES or not table or fold(table) == VERSIONS:
        raise SqlError(SQLITE_ERROR, EXPECTED)
    keep = request.catalogs.settings.capture.keep
    if mode == "off":
        return [], _setting(Capture(keep=keep))
    return _missing(request, table), _setting(Capture(mode, table, keep))


def keep_plan(request: Request) -> nodes.KernelCall:
    """What makes the table keep so many changes only. Errors: not a number."""
    _refuse_others(request)
    text = (request.value or "").strip()
    if not text.isascii() or not text.isdigit() or int(text) >= 1 << 31:
        raise SqlError(SQLITE_ERROR, f"unexpected pragma value: expected a number of changes, 0 for all, not {text!r}")
    return _setting(replace(request.catalogs.settings.capture, keep=int(text)))


def _refuse_others(request: Request) -> None:
    if request.slot != 0:
        raise SqlError(SQLITE_ERROR, f"only changes of the main database can be captured, not of {request.schema}")


def _setting(capture: Capture) -> nodes.KernelCall:
    text = capture.text.encode()
    return nodes.KernelCall(
        source=0, function="capture_set", args=(text or b"\0", len(text)), write=None, silent=True, n_results=0
    )


def _missing(request: Request, name: str) -> list[nodes.Plan]:
    """What makes the table of changes, and notes its version."""
    main = request.catalogs.main()
    table = main.find_table(name)
    if table is not None:
        if version_of(table) is None:
            raise SqlError(SQLITE_ERROR, f"{table.kind} {table.name} has other columns than captured changes")
        return []
    columns = ", ".join(f"{column}{_TYPES.get(column, ' INTEGER')}" for column in COLUMNS[VERSION])
    sql = f"CREATE TABLE {quote_identifier(name)} ({columns})"
    node, _ = parse_one(sql)
    assert isinstance(node, ast.CreateTable)
    made, _ = plan_create_table(SelectBinder(request.catalogs, sql, request.registry), node)
    return [made, _noted(request, name)]


def _noted(request: Request, name: str) -> nodes.Plan:
    main = request.catalogs.main()
    if main.find_table(VERSIONS) is not None:
        sql = f"INSERT OR REPLACE INTO main.{VERSIONS}(table_name, version) VALUES ({quote_text(name)}, '{VERSION}')"
        note, _ = parse_one(sql)
        assert isinstance(note, ast.Insert)
        binder = SelectBinder(request.catalogs, sql, request.registry)
        binder.lift = False
        plan: nodes.Plan = STEPS[ast.Insert](binder, note)[0]
        return plan
    sql = f"CREATE TABLE {VERSIONS} (table_name TEXT PRIMARY KEY, version TEXT NOT NULL)"
    node, _ = parse_one(sql)
    assert isinstance(node, ast.CreateTable)
    table = build_table(node, sql, slot=0, schema=main.name, registry=request.registry)
    first = nodes.FirstRow(table=table, register=0, values=(name, VERSION))
    return nodes.Ddl(slot=0, steps=(*table_steps(table, sql, 0), first), n_registers=2)
