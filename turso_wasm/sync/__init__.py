"""A local database and one at a server, kept the same: `connect` (docs/sync.md)."""

from turso_wasm.sync.connection import Stats, SyncConnection, connect
from turso_wasm.sync.remote import SyncError
from turso_wasm.sync.replay import Conflict

__all__ = ["Conflict", "Stats", "SyncConnection", "SyncError", "connect"]
