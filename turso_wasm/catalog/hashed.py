"""The order in which SQLite comes upon the tables of a schema: that of the hash table it keeps them in.

It shows where several tables have something to be reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from turso_wasm.catalog.catalog import Catalog
from turso_wasm.catalog.names import TEMP_SLOT
from turso_wasm.catalog.objects import Table

SCHEMA_TABLES = ("sqlite_master", "sqlite_temp_master")

_FEWEST = 5  # so many names are hashed
_MOST_BUCKETS = 64


def hashed_tables(catalog: Catalog) -> Iterator[Table | None]:
    """All tables and views of a database, None for sqlite_schema itself."""
    tables = {table.name: table for table in catalog.tables()}
    for name in hashed_order([SCHEMA_TABLES[catalog.slot == TEMP_SLOT], *tables]):
        yield tables.get(name)


def hashed_order(names: Iterable[str]) -> list[str]:
    """The names, in the order of the schema, as SQLite's hash table has them.

    A name goes before the last one of its bucket, or before all. More than two names a bucket: there are three buckets
    a name then, up to 64, and the names are entered anew as they stand.
    """
    order: list[str] = []
    heads: dict[int, str] = {}
    n_buckets = 0

    def enter(name: str) -> None:
        bucket = _hash(name) % n_buckets if n_buckets else -1
        order.insert(order.index(heads[bucket]) if bucket in heads else 0, name)
        if n_buckets:
            heads[bucket] = name

    for n, name in enumerate(names, 1):
        if n >= _FEWEST and n > 2 * n_buckets and n_buckets < _MOST_BUCKETS:
            n_buckets = min(3 * n, _MOST_BUCKETS)
            before, order[:] = list(order), []
            heads.clear()
            for old in before:
                enter(old)
        enter(name)
    return order


def _hash(name: str) -> int:
    """Multiplicative hashing (Knuth 6.4) of bytes whose case does not matter."""
    value = 0
    for byte in name.encode():
        value = (value + (byte & 0xDF)) * 0x9E3779B1 & 0xFFFFFFFF
    return value
