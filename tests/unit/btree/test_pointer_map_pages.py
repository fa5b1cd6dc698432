"""Where pointer-map pages are, also next to the lock-byte page of files of a gigabyte."""

from __future__ import annotations

import pytest

from tests.harness.btree import Trees

LOCK_BYTE = 1 << 30


def map_pages(page_size: int, last: int) -> list[int]:
    """Pointer-map pages up to `last`, by the rule of the file format document."""
    pages, at = [], 2
    while at <= last:
        pages.append(at + 1 if at == LOCK_BYTE // page_size + 1 else at)
        at += page_size // 5 + 1
    return [page for page in pages if page <= last]


@pytest.mark.parametrize("page_size", (512, 1024, 4096, 65536))
def test_positions(page_size: int) -> None:
    db = Trees.create("CREATE TABLE t(a)", page_size, 1)
    lock = LOCK_BYTE // page_size + 1
    assert db.call("lock_page", db.pager) == lock
    assert page_size != 1024 or (lock - 2) % (page_size // 5 + 1) == 0  # there the two meet
    expected = map_pages(page_size, lock + 2 * page_size)
    for page in (*range(2, 30), *range(lock - 3, lock + 8), *expected[:20], *expected[-4:]):
        owner = max(p for p in expected if p <= page) if page != lock or page_size != 1024 else lock + 1
        assert db.call("ptrmap_page_of", db.pager, page) == owner
        assert db.call("is_ptrmap_page", db.pager, page) == (page in expected)
        assert db.call("ptrmap_count", db.pager, page) == len([p for p in expected if p <= page])
