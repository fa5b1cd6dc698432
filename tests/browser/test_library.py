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
