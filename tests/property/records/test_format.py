"""tests.format: what SQLite writes decodes, what is encoded decodes again, what is cut off or bent is Corrupt."""

from __future__ import annotations

import struct
from dataclasses import fields
from pathlib import Path

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.format import header, logs, pages
from tests.format.layout import Layout, describe
from tests.format.record import SqlValue, decode_record, encode_record
from tests.format.varint import decode_varint, encode_varint, varint_size
from turso_wasm.base.errors import Corrupt, SqlError

LAYOUTS: list[type[Layout]] = [
    header.DatabaseHeader,
    pages.PageHeader,
    pages.TrunkHeader,
    pages.PointerMapEntry,
    logs.WalHeader,
    logs.FrameHeader,
    logs.JournalHeader,
]
INT64 = st.integers(-(2**63), 2**63 - 1)
VALUES = st.none() | INT64 | st.floats(allow_nan=False) | st.text(max_size=80) | st.binary(max_size=80)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_have_no_gaps_and_round_trip(layout: type[Layout]) -> None:
    end = 0
    for field in fields(layout):
        assert field.metadata["offset"] == end, f"layout L1: {field.name}"
        end += field.metadata["size"]
    assert end == layout.SIZE
    data = bytes(i * 37 & 255 for i in range(layout.SIZE))
    assert layout.decode(b"xyz" + data, 3).encode() == data
    with pytest.raises(Corrupt):
        layout.decode(data, 1)
    assert describe(layout).count("\n") == len(fields(layout))


@given(INT64)
def test_varints_round_trip_in_the_shortest_form(value: int) -> None:
    data = encode_varint(value)
    assert decode_varint(data + b"\xff", 0) == (value, len(data))
    assert varint_size(value) == len(data)
    bits = (value % 2**64).bit_length()
    assert len(data) == max(1, min(9, -(-bits // 7)))
    with pytest.raises(Corrupt):
        decode_varint(data[:-1], 0)


@given(st.lists(VALUES, max_size=20))
def test_records_round_trip_and_end_where_they_end(values: list[SqlValue]) -> None:
    record = encode_record(values)
    assert decode_record(record) == values
    with pytest.raises(Corrupt):
        decode_record(record + b"\0")
    if len(record) > 1:
        with pytest.raises(Corrupt):
            decode_record(record[:-1])


def test_reserved_serial_types_are_corrupt() -> None:
    for serial in (10, 11):
        with pytest.raises(Corrupt):
            decode_record(bytes([2, serial]))


# --- against files of SQLite -----------------------------------------------------------------------------------


def make_database(path: Path, *pragmas: str) -> apsw.Connection:
    db = apsw.Connection(str(path))
    for pragma in pragmas:
        db.execute(f"PRAGMA {pragma}").fetchall()
    db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b, c)")
    db.execute("CREATE INDEX i ON t(c)")
    rows = [(i * 7 - 500, f"text {i}" * (i % 40), [None, i, i / 3, b"\0" * (i * 11 % 3000)][i % 4]) for i in range(400)]
    with db:
        db.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    return db


class File:
    """The pages of a database file, decoded."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.header = header.DatabaseHeader.decode(data)
        self.header.check()

    def page(self, pgno: int) -> bytes:
        size = self.header.page_size
        return self.data[(pgno - 1) * size : pgno * size]

    def entries(self, root: int) -> list[tuple[int, list[SqlValue]]]:
        """(rowid, record) of every entry of a b-tree, in key order."""
        usable = self.header.usable_size
        page = pages.decode_page(self.page(root), usable, root)
        out: list[tuple[int, list[SqlValue]]] = []
        for cell in page.cells:
            if cell.left_child:
                out += self.entries(cell.left_child)
            if page.header.kind != pages.TABLE_INTERIOR:
                payload = pages.read_payload(cell, self.page, usable)
                out.append((cell.rowid, decode_record(payload, self.header.text_encoding)))
        return out + (self.entries(page.right_child) if page.right_child else [])


@pytest.mark.parametrize(
    "pragmas",
    [(), ("page_size=512",), ("page_size=65536",), ("encoding='UTF-16le'", "page_size=1024"), ("auto_vacuum=1",)],
)
def test_databases_of_sqlite_decode(tmp_path: Path, pragmas: tuple[str, ...]) -> None:
    path = tmp_path / "a.db"
    db = make_database(path, *pragmas)
    table = list(db.execute("SELECT a, b, c FROM t ORDER BY a"))
    index = list(db.execute("SELECT c, a FROM t ORDER BY c, a"))
    roots = dict(db.execute("SELECT name, rootpage FROM sqlite_schema"))
    db.close()
    file = File(path.read_bytes())
    assert header.pages_in_file(file.header, len(file.data)) == len(file.data) // file.header.page_size
    assert [(rowid, *record[1:]) for rowid, record in file.entries(roots["t"])] == table
    assert [tuple(record) for _, record in file.entries(roots["i"])] == index


def test_pointer_maps_and_the_freelist_of_sqlite_decode(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    db = make_database(path, "auto_vacuum=2", "page_size=512")
    db.execute("DELETE FROM t WHERE a > 300")
    free = db.execute("PRAGMA freelist_count").fetchall()[0][0]
    db.close()
    file = File(path.read_bytes())
    found, trunk = 0, file.header.freelist_trunk
    while trunk:
        following, leaves = pages.decode_trunk(file.page(trunk), file.header.usable_size)
        for pgno in (trunk, *leaves):
            map_page, offset = pages.pointer_map_place(pgno, file.header.page_size, file.header.usable_size)
            entry = pages.PointerMapEntry.decode(file.page(map_page), offset)
            assert (entry.kind, entry.parent) == (pages.PTRMAP_FREE, 0)
            found += 1
        trunk = following
    assert found == free > 0


def test_a_wal_of_sqlite_decodes_and_a_torn_one_ends_at_a_commit(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    db = make_database(path, "page_size=1024", "journal_mode=wal")
    wal = Path(f"{path}-wal").read_bytes()
    db_header, frames = logs.decode_wal(wal)
    assert db_header.page_size == 1024
    assert len(frames) == (len(wal) - 32) // (1024 + 24) > 10
    assert frames[-1][0].commit_size == db.execute("PRAGMA page_count").fetchall()[0][0]
    commits = [i + 1 for i, (frame, _) in enumerate(frames) if frame.commit_size]
    for cut in (len(wal) - 1, len(wal) // 2, 32 + 24):
        kept = len(logs.decode_wal(wal[:cut])[1])
        assert kept == max([n for n in commits if n * 1048 + 32 <= cut], default=0)
    bent = bytearray(wal)
    bent[32 + 5 * 1048 + 500] ^= 1
    assert len(logs.decode_wal(bytes(bent))[1]) == max([n for n in commits if n <= 5], default=0)
    bent[3] ^= 8
    with pytest.raises(Corrupt):
        logs.decode_wal(bytes(bent))


def test_a_journal_of_sqlite_gives_the_old_pages_back(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    db = make_database(path, "journal_mode=persist", "page_size=1024")
    before = path.read_bytes()
    # Without syncs the journal is one segment; a small cache writes it before the transaction ends.
    db.execute("PRAGMA synchronous=off")
    db.execute("PRAGMA cache_size=2")
    db.execute("BEGIN")
    db.execute("UPDATE t SET b = b || 'x'")
    journal = Path(f"{path}-journal").read_bytes()
    found, records = logs.decode_journal(journal)
    assert found.page_size == 1024 and found.initial_pages == len(before) // 1024
    assert len(records) > 3
    for pgno, page in records:
        assert page == before[(pgno - 1) * 1024 : pgno * 1024]
    db.execute("ROLLBACK")
    with pytest.raises(Corrupt):
        logs.decode_journal(bytes(512))


# --- hostile input -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offset", "value"), [(0, b"s"), (16, b"\x01\xff"), (16, b"\x02\x01"), (20, b"\xff"), (21, b"\x41"), (23, b"\x21")]
)
def test_a_bent_header_is_not_a_database(offset: int, value: bytes) -> None:
    data = bytearray(header.DatabaseHeader(page_size_field=512).encode())
    header.DatabaseHeader.decode(bytes(data)).check()
    data[offset : offset + len(value)] = value
    with pytest.raises(SqlError, match="file is not a database"):
        header.DatabaseHeader.decode(bytes(data)).check()


@given(st.data())
def test_a_bent_page_is_corrupt_or_decodes_within_its_bounds(data: st.DataObject) -> None:
    cells = [encode_varint(6) + encode_varint(i) + b"\x02\x15abcd" for i in range(5)]
    content = b"".join(cells)
    offsets = [512 - len(content) + sum(map(len, cells[:i])) for i in range(5)]
    head = pages.PageHeader(13, 0, 5, offsets[0], 0).encode() + struct.pack(">5H", *offsets)
    page = bytearray(head + bytes(512 - len(head) - len(content)) + content)
    assert [cell.rowid for cell in pages.decode_page(bytes(page), 512, 2).cells] == list(range(5))
    for _ in range(data.draw(st.integers(1, 4))):
        page[data.draw(st.integers(0, 17) | st.integers(512 - len(content), 511))] = data.draw(st.integers(0, 255))
    try:
        decoded = pages.decode_page(bytes(page), 512, 2)
    except Corrupt:
        return
    for cell in decoded.cells:
        assert len(cell.local) <= 512


@given(st.integers(0, 2**40), st.sampled_from([512, 1024, 4096, 65536]))
def test_local_sizes_keep_the_rules_of_the_format(payload_size: int, usable: int) -> None:
    for kind in pages.PAGE_KINDS[2:]:
        local = pages.local_size(kind, usable, payload_size)
        most = usable - 35 if kind == pages.TABLE_LEAF else (usable - 12) * 64 // 255 - 23
        assert 0 <= local <= min(payload_size, most)
        if payload_size > most:
            # Four cells of the least size fit, and the last overflow page is full or the least is stored.
            least = (usable - 12) * 32 // 255 - 23
            assert local >= least
            assert local == least or (payload_size - local) % (usable - 4) == 0
