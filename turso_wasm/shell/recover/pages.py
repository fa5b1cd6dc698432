"""Pages of a database file, as far as they make sense: b-trees, cells, records.

Whatever is damaged is passed over: a cell that is none, a child that is no page, a chain that comes back to itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from turso_wasm.values.records import Value, decode_record, varint

TABLE_INTERIOR: Final = 0x05
TABLE_LEAF: Final = 0x0D
INDEX_INTERIOR: Final = 0x02
INDEX_LEAF: Final = 0x0A
_INTERIOR: Final = (TABLE_INTERIOR, INDEX_INTERIOR)
_KINDS: Final = (TABLE_INTERIOR, TABLE_LEAF, INDEX_INTERIOR, INDEX_LEAF)

_HEADER: Final = 100
_MAGIC: Final = b"SQLite format 3\0"
_MOST_FRAGMENTS: Final = 60  # bytes of a page too small to be used
_LARGEST: Final = 65536
_POSSIBLE: Final = [1 << bits for bits in range(9, 17)]
_ENCODINGS: Final = {1: "utf-8", 2: "utf-16-le", 3: "utf-16-be"}


class Damaged(Exception):
    """Something is not what it should be."""


@dataclass(frozen=True)
class Row:
    """A record of a b-tree. rowid: of a table's; None in an index. page: where it was found."""

    page: int
    rowid: int | None
    values: list[Value]


class Pages:
    """The pages of a file, by number from 1. used: those that something refers to."""

    def __init__(self, image: bytes) -> None:
        self._image = image
        self._has_header = sum(a == b for a, b in zip(image, _MAGIC, strict=False)) > len(_MAGIC) // 2
        self.size = self._page_size()
        self._usable = self.size - self._reserved()
        self.count = len(image) // self.size
        self.encoding = _ENCODINGS.get(self.header(56, 4), "utf-8")
        self.used: set[int] = set()

    def header(self, at: int, size: int) -> int:
        """A number of the file's header, 0 when it has none any more."""
        return int.from_bytes(self._image[at : at + size], "big") if self._has_header else 0

    def _page_size(self) -> int:
        size = self.header(16, 2)
        size = _LARGEST if size == 1 else size
        return size if size in _POSSIBLE else max(_POSSIBLE, key=self._fits)

    def _fits(self, size: int) -> int:
        """How many bytes look like pages of b-trees, if pages had this size."""
        starts = range(size, len(self._image) - size + 1, size)
        return size * sum([_is_plausible(self._image[at : at + size]) for at in starts])

    def _reserved(self) -> int:
        reserved = self.header(20, 1)
        return reserved if self.size - reserved >= 480 else 0

    def kind(self, pgno: int) -> int | None:
        """What a page says it is; None when it is no page of a b-tree."""
        if not 1 <= pgno <= self.count:
            return None
        kind = self._image[(pgno - 1) * self.size + (_HEADER if pgno == 1 else 0)]
        return kind if kind in _KINDS else None

    def _page(self, pgno: int) -> bytes:
        return self._image[(pgno - 1) * self.size : pgno * self.size]

    # --- b-trees ------------------------------------------------------------------------------------------------

    def tree(self, root: int) -> Iterator[Row]:
        """The rows below a page in order; each page is read once, whoever refers to it."""
        waiting = [root]
        while waiting:
            pgno = waiting.pop()
            kind = self.kind(pgno)
            if kind is None or pgno in self.used:
                continue
            self.used.add(pgno)
            if kind in _INTERIOR:
                waiting += reversed(self._children(pgno))
            if kind != TABLE_INTERIOR:
                yield from self.rows(pgno)

    def _children(self, pgno: int) -> list[int]:
        page, at = self._page(pgno), _HEADER if pgno == 1 else 0
        found = [int.from_bytes(page[cell : cell + 4], "big") for cell in self._cells(pgno)]
        return [*found, int.from_bytes(page[at + 8 : at + 12], "big")]

    def _cells(self, pgno: int) -> list[int]:
        """Where the cells of a page begin."""
        page, at = self._page(pgno), _HEADER if pgno == 1 else 0
        n = int.from_bytes(page[at + 3 : at + 5], "big")
        first = at + (12 if page[at] in _INTERIOR else 8)
        if first + 2 * n > self.size:
            return []
        pointers = struct.unpack(f">{n}H", page[first : first + 2 * n])
        return [pointer for pointer in pointers if first + 2 * n <= pointer <= self.size - 4]

    def rows(self, pgno: int) -> list[Row]:
        """The records of a page that can be read."""
        kind = self.kind(pgno)
        found = []
        for at in self._cells(pgno):
            try:
                found.append(self._row(pgno, at + 4 if kind == INDEX_INTERIOR else at, is_table=kind == TABLE_LEAF))
            except (Damaged, IndexError, struct.error):
                continue
        return found

    def _row(self, pgno: int, at: int, *, is_table: bool) -> Row:
        page = self._page(pgno)
        size, at = varint(page, at)
        rowid = None
        if is_table:
            rowid, at = varint(page, at)
        return Row(pgno, rowid, self._record(self._payload(page, at, size, is_table=is_table)))

    def _payload(self, page: bytes, at: int, size: int, *, is_table: bool) -> bytes:
        """All bytes of a record, from the page and its overflow pages. Errors: Damaged."""
        usable = self._usable
        most = usable - 35 if is_table else (usable - 12) * 64 // 255 - 23
        if not 0 <= size <= len(self._image):
            raise Damaged
        if size <= most:
            if at + size > len(page):
                raise Damaged
            return page[at : at + size]
        least = (usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (usable - 4)
        local = least if local > most else local
        parts = [page[at : at + local]]
        left, pgno = size - local, int.from_bytes(page[at + local : at + local + 4], "big")
        seen: list[int] = []
        while left > 0:
            if not 2 <= pgno <= self.count or pgno in seen:
                raise Damaged
            seen.append(pgno)
            overflow = self._page(pgno)
            parts.append(overflow[4 : 4 + min(left, usable - 4)])
            left -= len(parts[-1])
            pgno = int.from_bytes(overflow[:4], "big")
        self.used.update(seen)
        return b"".join(parts)

    # --- records ------------------------------------------------------------------------------------------------

    def _record(self, payload: bytes) -> list[Value]:
        """The values of a record. Errors: Damaged."""
        try:
            return decode_record(payload, self._text)
        except ValueError:
            raise Damaged from None

    def _text(self, raw: bytes) -> str:
        return raw.decode(self.encoding, "surrogateescape" if self.encoding == "utf-8" else "replace")

    # --- what else there is -------------------------------------------------------------------------------------

    def free(self) -> set[int]:
        """The pages of the freelist, as far as it can be followed."""
        found: set[int] = set()
        trunk = self.header(32, 4)
        while 2 <= trunk <= self.count and trunk not in found:
            page = self._page(trunk)
            n = min(int.from_bytes(page[4:8], "big"), (self._usable - 8) // 4)
            found |= {trunk, *struct.unpack(f">{n}I", page[8 : 8 + 4 * n])}
            trunk = int.from_bytes(page[:4], "big")
        return found


def _is_plausible(page: bytes) -> bool:
    """Whether it looks like a page of a b-tree, of which the first cell lies at the end."""
    n, content = struct.unpack(">HH", page[3:7])
    first = 12 if page[0] in _INTERIOR else 8
    if page[0] not in _KINDS or not n or page[7] > _MOST_FRAGMENTS or not first + 2 * n <= content <= len(page):
        return False
    last: int = max(struct.unpack(f">{n}H", page[first : first + 2 * n]))
    return len(page) // 2 <= last < len(page)
