"""A kernel module for tests: a codec and a scrambler that make every byte depend on its place."""

from turso_wasm.kernel.base.memory import mzalloc
from turso_wasm.kernel.base.tempfile import Scrambler, temp_scramble
from turso_wasm.kernel.pager.pageio import codec_set
from turso_wasm.kernel.pager.storage import Codec, SharedFile
from turso_wasm.wasm.lang import export, funcref, i32, i64, memory_copy, ptr, sizeof, u8, u32

__subset__ = True

PLAIN_FROM = 16  # of page 1: pageio I3
PLAIN_TO = 24


def add_pattern(pgno: u32, data: ptr[u8], n: i32, sign: i32) -> None:
    for i in range(n):
        if pgno != 1 or i < PLAIN_FROM or i >= PLAIN_TO:
            data[i] = i32(data[i]) + sign * (i32(pgno) * 37 + i * 11 + 5)


def test_encode(codec: i32, pgno: u32, data: ptr[u8], out: ptr[u8], n: i32) -> None:
    memory_copy(out, data, n)
    add_pattern(pgno, out, n, 1)


def test_decode(codec: i32, pgno: u32, data: ptr[u8], n: i32) -> i32:
    add_pattern(pgno, data, n, -1)
    return 0


@export
def test_codec_install(db: SharedFile) -> None:
    codec: Codec = Codec(mzalloc(sizeof(Codec)))
    codec.encode = funcref(test_encode)
    codec.decode = funcref(test_decode)
    codec_set(db, codec)


def test_scramble(offset: i64, data: ptr[u8], n: i32) -> None:
    for i in range(n):
        data[i] = i32(data[i]) ^ (i32(offset) + i) * 29 ^ 90


@export
def test_scrambler_install() -> None:
    how: Scrambler = Scrambler(mzalloc(sizeof(Scrambler)))
    how.apply = funcref(test_scramble)
    temp_scramble(how)
