"""The settings of a connection that its statements are compiled for: `PRAGMA name = …` with one bit each.

Settings that matter when a statement runs, and not before, are the kernel's alone.
"""

from __future__ import annotations

from turso_wasm.base.records import dataclass
from turso_wasm.catalog.capture import NO_CAPTURE, Capture


@dataclass(frozen=True, slots=True)
class Settings:
    """All as SQLite starts with them. Source: https://sqlite.org/pragma.html"""

    foreign_keys: bool = False
    ignore_check_constraints: bool = False
    writable_schema: bool = False
    case_sensitive_like: bool = False
    recursive_triggers: bool = False
    automatic_index: bool = True
    reverse_unordered_selects: bool = False
    count_changes: bool = False
    full_column_names: bool = False
    short_column_names: bool = True
    legacy_alter_table: bool = False
    trusted_schema: bool = True
    triggers: bool = True  # but for those of temp, which are always on; views as well
    views: bool = True
    capture: Capture = NO_CAPTURE  # of changes
    encoding: int = 1  # of the databases: 1 UTF-8, 2 UTF-16le, 3 UTF-16be


DEFAULT = Settings()
