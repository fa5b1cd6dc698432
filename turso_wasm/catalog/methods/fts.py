"""Full-text indexes (docs/full-text.md): a table of FTS5 without texts of its own, whose rows can be removed by id."""

from __future__ import annotations

from turso_wasm.catalog.derived import Derived, Method


class FtsMethod(Method):
    """The texts stay where they are; what FTS5 keeps of them is `terms`."""

    name = "fts"

    def tables(self, index: Derived) -> dict[str, str]:
        """See Method."""
        columns = ", ".join(f"c{number}" for number in range(len(index.columns)))
        options = "content='', contentless_delete=1"
        return {"terms": f"CREATE VIRTUAL TABLE {index.part('terms')} USING fts5({columns}, {options})"}

    def put(self, index: Derived, rows: str) -> tuple[str, ...]:
        """See Method."""
        columns = ", ".join(f"c{number}" for number in range(len(index.columns)))
        return (f"INSERT OR REPLACE INTO {index.part('terms')}(rowid, {columns}) {rows}",)

    def take(self, index: Derived, ids: str) -> tuple[str, ...]:
        """See Method."""
        return (f"DELETE FROM {index.part('terms')} WHERE rowid {ids}",)

    def clear(self, index: Derived) -> tuple[str, ...]:
        """See Method."""
        terms = index.part("terms")
        return (f"INSERT INTO {terms}({terms}) VALUES ('delete-all')",)

    def optimize(self, index: Derived) -> tuple[str, ...]:
        """See Method."""
        terms = index.part("terms")
        return (f"INSERT INTO {terms}({terms}) VALUES ('optimize')",)
