"""Logs: the write-ahead log and the rollback journal.

Owns the layouts of their headers and the checksums. `describe(WalHeader)` and so on print the tables.

A WAL is a WalHeader and frames; a frame is a FrameHeader and a page. A rollback journal is one or more segments: a
JournalHeader padded to the sector size and records; a record is a page number (4), a page, and a checksum (4).

Source: https://sqlite.org/fileformat2.html sections 3 and 4.

Invariants:
  W1  A frame is valid if its salts are the header's and its checksum, which goes on from the frame before, is right.
  W2  A transaction is committed by a frame whose `commit_size` is not 0; frames behind the last such one do not count.
  W3  The checksums' words are in the byte order that the magic number says, the stored sums always big-endian.
  J1  A record is valid if its checksum is right; playing back stops at the first one that is not.
  J2  `n_records` 0xFFFFFFFF means as many as the file holds; a journal whose header is zeroed is not hot.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tests.format.layout import Layout, at
from turso_wasm.base.errors import Corrupt

WAL_MAGIC_LITTLE = 0x377F0682
WAL_MAGIC_BIG = 0x377F0683
WAL_VERSION = 3007000
JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
ALL_RECORDS = 0xFFFFFFFF


@dataclass(frozen=True)
class WalHeader(Layout):
    """The first 32 bytes of a WAL."""

    magic: int = at(0, 4, "0x377f0682 little-endian, 0x377f0683 big-endian checksums", WAL_MAGIC_LITTLE)
    version: int = at(4, 4, "3007000", WAL_VERSION)
    page_size: int = at(8, 4, "bytes of a page")
    checkpoint_sequence: int = at(12, 4, "counts the times the WAL was restarted")
    salt_1: int = at(16, 4, "incremented with each restart")
    salt_2: int = at(20, 4, "random with each restart")
    checksum_1: int = at(24, 4, "of the first 24 bytes")
    checksum_2: int = at(28, 4, "of the first 24 bytes")


@dataclass(frozen=True)
class FrameHeader(Layout):
    """The 24 bytes before each page of a WAL."""

    pgno: int = at(0, 4, "page number")
    commit_size: int = at(4, 4, "pages in the database after the commit, 0: not a commit")
    salt_1: int = at(8, 4, "copy from the WAL's header")
    salt_2: int = at(12, 4, "copy from the WAL's header")
    checksum_1: int = at(16, 4, "of everything up to here (8 bytes of this header) and the page")
    checksum_2: int = at(20, 4, "of everything up to here (8 bytes of this header) and the page")


@dataclass(frozen=True)
class JournalHeader(Layout):
    """The first 28 bytes of a segment of a rollback journal."""

    magic: bytes = at(0, 8, "d9 d5 05 f9 20 a1 63 d7", JOURNAL_MAGIC)
    n_records: int = at(8, 4, "records in the segment (J2)")
    nonce: int = at(12, 4, "start value of the checksums")
    initial_pages: int = at(16, 4, "pages in the database before the transaction")
    sector_size: int = at(20, 4, "what headers are padded to", 512)
    page_size: int = at(24, 4, "bytes of a page")


def wal_checksum(data: bytes | memoryview, start: tuple[int, int], *, big_endian: bool) -> tuple[int, int]:
    """Continue the checksum `start` over data, whose length is a multiple of 8 (W3)."""
    first, second = start
    words = struct.unpack(f"{'>' if big_endian else '<'}{len(data) // 4}I", data)
    for i in range(0, len(words), 2):
        first = (first + words[i] + second) & 0xFFFFFFFF
        second = (second + words[i + 1] + first) & 0xFFFFFFFF
    return first, second


def decode_wal(wal: bytes) -> tuple[WalHeader, list[tuple[FrameHeader, bytes]]]:
    """The header and the frames that count (W1, W2). Errors: Corrupt if the header is bad or its checksum is wrong."""
    header = WalHeader.decode(wal)
    if header.magic not in (WAL_MAGIC_LITTLE, WAL_MAGIC_BIG) or header.version != WAL_VERSION:
        raise Corrupt(0, 0, "not a WAL")
    big_endian = header.magic == WAL_MAGIC_BIG
    sums = wal_checksum(wal[:24], (0, 0), big_endian=big_endian)
    if sums != (header.checksum_1, header.checksum_2):
        raise Corrupt(0, 24, "the checksum of the WAL's header is wrong")
    frames: list[tuple[FrameHeader, bytes]] = []
    committed = 0
    size = FrameHeader.SIZE + header.page_size
    for start in range(WalHeader.SIZE, len(wal) - size + 1, size):
        frame = FrameHeader.decode(wal, start)
        page = wal[start + FrameHeader.SIZE : start + size]
        sums = wal_checksum(wal[start : start + 8], sums, big_endian=big_endian)
        sums = wal_checksum(page, sums, big_endian=big_endian)
        salts = (frame.salt_1, frame.salt_2) == (header.salt_1, header.salt_2)
        if not salts or sums != (frame.checksum_1, frame.checksum_2) or frame.pgno == 0:
            break
        frames.append((frame, page))
        if frame.commit_size:
            committed = len(frames)
    return header, frames[:committed]


def journal_checksum(nonce: int, page: bytes | memoryview) -> int:
    """The checksum of a journal record: the nonce and every 200th byte, counted from the end of the page."""
    return (nonce + sum(page[i] for i in range(len(page) - 200, 0, -200))) & 0xFFFFFFFF


def decode_journal(journal: bytes) -> tuple[JournalHeader, list[tuple[int, bytes]]]:
    """The first segment: its header and valid records, as (page number, page) (J1).

    Errors: Corrupt if the header is not one.
    """
    header = JournalHeader.decode(journal)
    sizes = (header.page_size, header.sector_size)
    if header.magic != JOURNAL_MAGIC or any(size < 32 or size & (size - 1) for size in sizes):
        raise Corrupt(0, 0, "not a journal")
    records: list[tuple[int, bytes]] = []
    size = header.page_size + 8
    for start in range(header.sector_size, len(journal) - size + 1, size):
        page = journal[start + 4 : start + 4 + header.page_size]
        pgno, checksum = (int.from_bytes(journal[at_ : at_ + 4], "big") for at_ in (start, start + size - 4))
        if len(records) == header.n_records or checksum != journal_checksum(header.nonce, page) or pgno == 0:
            break
        records.append((pgno, page))
    return header, records
