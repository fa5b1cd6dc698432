"""VALUES with many computed rows: no function grows with their number."""

from __future__ import annotations

import pytest

import turso_wasm


@pytest.mark.parametrize("n", [1, 2, 40, 300, 1500])
def test_computed_rows_come_in_order(n: int) -> None:
    db = turso_wasm.connect(":memory:")
    rows = ", ".join(f"(abs({-i}), {i} || 'x', ?)" for i in range(n))
    expected = [(i, f"{i}x", i * 2) for i in range(n)]
    values = [i * 2 for i in range(n)]
    assert db.execute(f"VALUES {rows}", values).fetchall() == expected
    db.execute("CREATE TABLE t(a, b UNIQUE, c)")
    db.execute(f"INSERT INTO t VALUES {rows}", values)
    assert db.execute("SELECT * FROM t ORDER BY rowid").fetchall() == expected
    two = "(SELECT 1 AS x UNION ALL SELECT 2) y"
    sql = f"SELECT y.x, count(*), sum(column1 + y.x) FROM {two}, (VALUES {rows}) GROUP BY 1"
    total = sum(range(n))
    assert db.execute(sql, values).fetchall() == [(1, n, total + n), (2, n, total + 2 * n)]
    db.close()


def test_their_code_grows_with_them_and_no_faster() -> None:
    db = turso_wasm.connect(":memory:")
    sizes = []
    for n in (500, 1000, 2000):
        prepared = db._runtime.prepare("VALUES " + ", ".join(f"(abs({i}))" for i in range(n)))
        assert prepared is not None
        sizes.append(len(prepared.program.wasm))
    db.close()
    assert sizes[2] - sizes[1] < 2.2 * (sizes[1] - sizes[0])
