"""sqlite_dbpage, which the oracle does not have."""

from __future__ import annotations

import pytest

import turso_wasm


def test_pages() -> None:
    db = turso_wasm.connect(":memory:", isolation_level=None)

    def rows(sql: str) -> list[tuple[object, ...]]:
        return db.execute(sql).fetchall()

    assert rows("SELECT * FROM sqlite_dbpage") == []
    db.execute("PRAGMA page_size = 1024")
    db.execute("CREATE TABLE t(a)")
    db.execute("INSERT INTO t VALUES (zeroblob(3000))")
    image = db.serialize()
    pages = [(number + 1, image[at : at + 1024]) for number, at in enumerate(range(0, len(image), 1024))]
    assert rows("SELECT * FROM sqlite_dbpage") == pages
    assert rows("SELECT * FROM sqlite_dbpage WHERE pgno = '2'") == pages[1:2]
    assert rows("SELECT pgno, rowid FROM sqlite_dbpage ORDER BY pgno DESC LIMIT 1") == [(len(pages), len(pages))]
    for missing in ("0", "99", "NULL", "1.5", "'x'"):
        assert rows(f"SELECT pgno FROM sqlite_dbpage WHERE pgno = {missing}") == []
    assert rows("SELECT count(*) FROM (VALUES (1), (2), (77)) v JOIN sqlite_dbpage ON pgno = v.column1") == [(2,)]
    assert rows("SELECT pgno FROM sqlite_dbpage('temp')") == rows("SELECT pgno FROM sqlite_dbpage('nodb')") == []
    with pytest.raises(turso_wasm.Error, match="table sqlite_dbpage may not be modified"):
        db.execute("DELETE FROM sqlite_dbpage")
