"""Prepares databases of ours for SQLAlchemy's tests as SQLAlchemy does those of SQLite; a plugin of pytest."""

from __future__ import annotations

import importlib
from typing import Any

from sqlalchemy import event
from sqlalchemy.pool import Pool
from sqlalchemy.testing import provision


@event.listens_for(Pool, "connect")
def attach_schema(connection: Any, _record: Any) -> None:
    """What the tests call a schema."""
    connection.execute("ATTACH 'test_schema.db' AS test_schema").close()


importlib.import_module("sqlalchemy.dialects.sqlite.provision")
for hook in vars(provision).values():
    if isinstance(hook, provision.register) and "sqlite" in hook.fns:
        hook.fns["turso"] = hook.fns["sqlite"]
for name in ("turso", "sqlite"):
    provision.post_configure_engine.fns[name] = provision.post_configure_engine.fns["*"]
for hook in (provision.generate_driver_url, provision.follower_url_from_main):
    hook.fns["turso"] = hook.fns["*"]
