"""What a connection captures of its changes, and which tables they go into (docs/change-capture.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from turso_wasm.base.records import dataclass
from turso_wasm.catalog.names import fold

if TYPE_CHECKING:
    from turso_wasm.catalog.catalog import Catalog
    from turso_wasm.catalog.objects import Table

MODES: Final = ("off", "id", "before", "after", "full")
DEFAULT_TABLE: Final = "turso_cdc"
VERSIONS: Final = "turso_cdc_version"
INSERTED, UPDATED, DELETED, COMMITTED = 1, 0, -1, 2

_FIRST: Final = ("change_id", "change_time", "change_type", "table_name", "id", "before", "after", "updates")
COLUMNS: Final = {"v1": _FIRST, "v2": (*_FIRST[:2], "change_txn_id", *_FIRST[2:])}


@dataclass(frozen=True, slots=True)
class Capture:
    """mode: one of MODES. Changes are captured into `table`, and so many of them are kept, 0: all."""

    mode: str = "off"
    table: str = ""
    keep: int = 0

    def __bool__(self) -> bool:
        """Changes are captured."""
        return self.mode != "off"

    @property
    def text(self) -> str:
        """As the kernel keeps it for the connection; "": as a connection begins."""
        return f"{self.mode},{self.keep},{self.table}" if self or self.keep else ""


NO_CAPTURE: Final = Capture()


def capture_of(text: str) -> Capture:
    """Inverse of Capture.text."""
    if not text:
        return NO_CAPTURE
    mode, keep, table = text.split(",", 2)
    return Capture(mode, table, int(keep))


def version_of(table: Table) -> str | None:
    """Whether a table has the columns of a table of changes: "v1" or "v2"; None: it has not."""
    names = tuple(fold(column.name) for column in table.columns)
    if table.kind != "table" or table.rowid_alias != 0:
        return None
    return next((version for version, columns in COLUMNS.items() if columns == names), None)


def is_captured(catalog: Catalog, table: Table) -> bool:
    """Changes of the table's rows are captured: not of what SQLite, virtual tables and capturing keep."""
    from turso_wasm.catalog.derived import is_own  # statements that are known do not load the syntax trees

    if table.slot != 0 or table.kind not in ("table", "virtual"):
        return False
    if table.root == 1:
        return True
    name = fold(table.name)
    if name.startswith("sqlite_") or is_own(name) or name == VERSIONS or version_of(table) is not None:
        return False
    return catalog.shadow_owner(table.name) is None


def visible_columns(table: Table) -> list[int]:
    """Those that a captured row has: all but hidden ones of virtual tables."""
    from turso_wasm.catalog.modules.module import HIDDEN  # statements that are known do not load the modules

    return [at for at, column in enumerate(table.columns) if column.hidden != HIDDEN]
