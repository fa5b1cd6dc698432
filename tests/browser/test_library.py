"""Functions beyond SQLite's in a page: typed Python, compiled by the page's own compiler."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.conftest import open_page, runner


@pytest.fixture(scope="module")
def tab(context: Any, server: str) -> Iterator[Callable[..., Any]]:
    page = open_page(context, server)
    yield runner(page)
    page.close()


def test_vectors_of_a_page(tab: Callable[..., Any]) -> None:
    rows = tab("""
        const db = await turso.connect('vectors.db');
        await db.exec('CREATE TABLE v(id INTEGER PRIMARY KEY, e BLOB)');
        const insert = db.prepare('INSERT INTO v(e) VALUES (?)');
        const one = (i, x) => Float32Array.from({ length: 50 }, (_, k) => (k === i ? x : 0.01 * k));
        for (let i = 0; i < 20; i++) await insert.run(one(i, 1));
        const near = one(7, 0.9);
        const sql = 'SELECT id, round(vector_distance_l2(e, ?1), 3) FROM v ORDER BY vector_distance_l2(e, ?1) LIMIT 1';
        const rows = await db.prepare(sql).raw().all(near);
        rows.push(await db.prepare("SELECT vector_extract(vector8('[1, 2, 3]'))").pluck().get());
        await db.close();
        await turso.remove('vectors.db');
        return rows;
    """)
    assert rows == [[8, 0.1], "[1,1.9960785,3]"]


def test_functions_of_the_library_are_compiled_in_a_page(tab: Callable[..., Any]) -> None:
    rows = tab("""
        const db = await turso.connect(':memory:');
        const sql = `SELECT fuzzy_leven('kitten', 'sitting'), lpad('7', 3, '0'), gcd(12, 18), ipfamily('::1'),
            crypto_encode(crypto_md5('a'), 'hex'), length(uuid4_str())`;
        const rows = await db.prepare(sql).raw().all();
        await db.close();
        return rows;
    """)
    assert rows == [[3, "007", 6, 6, "0cc175b9c0f1b6a831c399e269772661", 36]]
