"""Structs, arrays, pointers, big-endian fields, scratch memory, data and bulk memory of the subset."""

import struct

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.wasm.runner import run
from turso_wasm.wasm.lang import Struct, array, be16, be32, be64, f32, fn, i8, i32, i64, ptr, u8, u16, u32

PROGRAM = """
class Inner(Struct):
    a: u8
    b: i64
class Node(Struct):
    flag: u8
    small: i8
    word: u16
    short: i16
    n: i32
    u: u32
    wide: i64
    real: f64
    single: f32
    next: "Node"
    data: ptr[u8]
    items: array[i32, 5]
    inner: Inner.embed
    pair: array[Inner, 2]
    last: Later
class Later(Struct, packed=True):
    x: u8
    y: i32
    b2: be16
    b4: be32
    b8: be64

def node_size() -> i32: return sizeof(Node)
def set_flag(n: Node, v: i32) -> i32:
    n.flag = v
    return n.flag
def set_small(n: Node, v: i32) -> i32:
    n.small = v
    return n.small
def set_word(n: Node, v: i32) -> i32:
    n.word = v
    return n.word
def set_short(n: Node, v: i32) -> i32:
    n.short = v
    return n.short
def set_u(n: Node, v: u32) -> u32:
    n.u = v
    return n.u
def set_wide(n: Node, v: i64) -> i64:
    n.wide = v
    n.wide += 1
    return n.wide - 1
def set_real(n: Node, v: f64) -> f64:
    n.real = v
    n.single = v
    return n.real
def single(n: Node) -> f64: return n.single
def link(n: Node, m: Node) -> i32:
    n.next = m
    n.next.n = 5
    m.next = None
    return 1 if n.next == m and m.next is None and n.next is not None and not m.next else 0
def items(n: Node) -> i32:
    for i in range(5):
        n.items[i] = i * i
    p = n.items
    q = p + 3
    p[1] += 100
    q[-1] -= 1
    return q[0] * 10000 + n.items[1] * 10 + n.items[2] + (q - p) * 1000000
def embedded(n: Node) -> i64:
    n.inner.a = 7
    n.inner.b = 1000
    inner = n.inner
    n.pair[1].b = 3
    n.pair[0].b = 4
    pair = addr(n.pair[1])
    return i64(inner.a) + inner.b + pair.b * 10000 + n.pair[0].b * 100000
def address_of(n: Node) -> i32:
    p = addr(n.n)
    p[0] = 77
    return n.n + (i32(addr(n.word)) - i32(n))
def later(p: Later) -> i64:
    p.y = -2
    p.x = 255
    return i64(p.y) + i64(p.x)
def big(p: Later, a: i32, b: u32, c: i64) -> i64:
    p.b2 = a
    p.b4 = b
    p.b8 = c
    return i64(p.b2) + i64(p.b4) + p.b8
def big_sum(p: Later) -> i64:
    q = Later(ptr[u8](p) + 0)
    return i64(p.b2) * 3 + i64(Later(i32(p) + 0).b4) * 5 + q.b8
def increment(p: Later) -> None:
    p.b2 += 1
    p.b4 += 1
    p.b8 += 1
"""


@pytest.fixture(scope="module")
def program():
    return run(PROGRAM)


AT = 0x18000


def test_layout_matches_python():
    class Inner(Struct):
        a: u8
        b: i64

    class Mixed(Struct):
        flag: u8
        word: u16
        single: f32
        next: "Mixed"
        wide: i64
        small: i8
        inner: Inner.embed
        items: array[i32, 3]
        call: fn[[i32], None]

    class Packed(Struct, packed=True):
        x: u8
        y: u32
        z: be64

    class Big(Struct):
        x: u8
        a: be16
        b: be32
        c: be64
        p: ptr[u8]

    class Derived(Inner):
        extra: u8

    assert Inner.size == 16 and Inner.offset("b") == 8
    offsets = {name: Mixed.offset(name) for name in Mixed.fields}
    assert offsets == {
        "flag": 0,
        "word": 2,
        "single": 4,
        "next": 8,
        "wide": 16,
        "small": 24,
        "inner": 32,
        "items": 48,
        "call": 60,
    }
    assert Mixed.size == 64
    assert (Packed.size, Packed.offset("y"), Packed.offset("z")) == (13, 1, 5)
    assert (Big.offset("a"), Big.offset("b"), Big.offset("c"), Big.offset("p"), Big.size) == (1, 3, 7, 16, 20)
    assert (Derived.offset("b"), Derived.offset("extra"), Derived.size) == (8, 16, 24)
    with pytest.raises(KeyError, match="its fields are a, b"):
        Inner.offset("c")


@settings(max_examples=40, deadline=None)
@given(st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 2), st.floats(width=32, allow_nan=False))
def test_fields_store_and_load(program, n, wide, real):
    assert program.set_flag(AT, n) == n & 255
    assert program.set_small(AT, n) == struct.unpack("b", bytes([n & 255]))[0]
    assert program.set_word(AT, n) == n & 65535
    assert program.set_short(AT, n) == struct.unpack("<h", struct.pack("<H", n & 65535))[0]
    assert program.set_u(AT, n) == n
    assert program.set_wide(AT, wide) == wide
    assert program.set_real(AT, real) == real
    assert program.single(AT) == real


def test_pointers_arrays_and_embedded_structs(program):
    assert program.link(AT, AT + 512) == 1
    assert program.items(AT) == 3 * 1000000 + 9 * 10000 + 1010 + 3
    assert program.embedded(AT) == 7 + 1000 + 30000 + 400000
    assert program.address_of(AT) == 77 + 2
    assert program.later(AT + 1) == 253


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 65535), st.integers(0, 2**32 - 1), st.integers(-(2**63), 2**63 - 1))
def test_big_endian_fields(program, a, b, c):
    b_signed = b - 2**32 if b >> 31 else b
    got = program.big(AT + 3, a, b_signed, c)
    assert program.read(AT + 8, 14) == struct.pack(">HIq", a, b, c)
    assert (got - a - b - c) % 2**64 == 0
    assert (program.big_sum(AT + 3) - a * 3 - b * 5 - c) % 2**64 == 0
    program.increment(AT + 3)
    assert program.read(AT + 8, 14) == struct.pack(">HIQ", (a + 1) % 2**16, (b + 1) % 2**32, (c + 1) % 2**64)


ACCESS = """
def get16(p: ptr[u8]) -> i32: return be16(p)
def get32(p: ptr[u8]) -> u32: return be32(p + 1)
def get64(p: ptr[u8], i: i32) -> i64: return be64(p + i)
def sum16(p: ptr[u8], i: i32) -> i32: return be16(p + i) + be16(p + i + 2)
def little(p: ptr[u8]) -> i64: return i64(le16(p)) + i64(le32(p)) + le64(p)
def put(p: ptr[u8], a: i32, b: u32, c: i64) -> None:
    put_be16(p, a)
    put_be32(p + 2, b)
    put_be64(p + 6, c)
    put_le16(p + 14, a)
    put_le32(p + 16, b)
    put_le64(p + 20, c)
"""


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=28, max_size=28))
def test_unaligned_access(data):
    program = ACCESS_PROGRAM
    program.write(AT, data)
    u32_at = int.from_bytes(data[1:5], "big")
    assert program.get16(AT) == int.from_bytes(data[:2], "big")
    assert program.get32(AT) % 2**32 == u32_at
    assert program.get64(AT, 5) == int.from_bytes(data[5:13], "big", signed=True)
    assert program.sum16(AT, 3) == int.from_bytes(data[3:5], "big") + int.from_bytes(data[5:7], "big")
    word = sum(int.from_bytes(data[:n], "little") for n in (2, 4)) + int.from_bytes(data[:8], "little", signed=True)
    assert (program.little(AT) - word) % 2**64 == 0
    a, b, c = struct.unpack("<Hiq", data[:14])
    program.put(AT + 100, a, b, c)
    assert program.read(AT + 100, 28) == struct.pack(">HI", a, b % 2**32) + struct.pack(">q", c) + struct.pack(
        "<H", a
    ) + struct.pack("<I", b % 2**32) + struct.pack("<q", c)


ACCESS_PROGRAM = run(ACCESS)


def test_scratch_memory_is_freed_on_every_return():
    program = run(
        """
def fill(p: ptr[u8], n: i32) -> None:
    memory_fill(p, 7, n)
def f(n: i32) -> i32:
    if n == 0:
        return 0
    p = scratch(20)
    q = ptr[i64](scratch(8))
    q[0] = i64(n)
    fill(p, 20)
    r = f(n - 1)
    if n == 3:
        return i32(q[0]) * 100 + r
    return r + p[19] + i32(q[0])
@inline
def helper(n: i32) -> i32:
    p = ptr[i32](scratch(12))
    p[2] = n
    return p[2] * 2
def twice(n: i32) -> i32: return helper(n) + helper(n + 1)
"""
    )
    assert program.f(5) == 7 * 4 + (5 + 4 + 2 + 1) + 300
    assert program.twice(10) == 42
    assert program.value("stack_pointer") == 65536


def test_data_constants_are_shared_and_have_lengths():
    program = run(
        """
HELLO = b"hello, world"
def size() -> i32: return len(HELLO) + len(b"abc")
def same() -> bool: return HELLO == b"hello, world"
def other() -> bool: return HELLO == b"hello, worlds"
def at(i: i32) -> i32: return HELLO[i]
def total(p: ptr[u8], n: i32, extra: i32) -> i32:
    s = extra
    for i in range(n):
        s += p[i]
    return s
def by_literal() -> i32: return total(*lit(b"abc"), 1000)
def by_constant() -> i32: return total(*lit(HELLO), 0)
def base() -> i32: return heap_base()
"""
    )
    assert program.size() == 15
    assert [program.same(), program.other()] == [1, 0]
    assert program.at(4) == ord("o")
    assert program.by_literal() == 1000 + sum(b"abc")
    assert program.by_constant() == sum(b"hello, world")
    assert program.base() == program.value("heap_base") > 65536
    assert program.wasm.count(b"hello, world") == 2  # with and without the s


def test_globals_of_every_kind():
    program = run(
        """
class Thing(Struct):
    n: i32
count: i32 = 3
ratio: f64 = 0.5
wide: u64 = 2**64 - 1
head: Thing = None
start: ptr[u8] = None
bytes_at: ptr[u8] = b"xyz"
handler: fn[[i32], i32] = None
on: bool = True
def twice(x: i32) -> i32: return x * 2
def f() -> i32:
    global count, head, handler
    count += 1
    head = Thing(scratch(4))
    head.n = count
    handler = funcref(twice)
    return head.n * 1000 + handler(count) * 100 + i32(wide >> 62) * 10 + i32(ratio * 2.0) + bytes_at[1] * i32(on)
"""
    )
    assert program.f() == 4800 + 30 + 1 + ord("y")
    assert program.value("count") == 4


def test_memory_intrinsics():
    program = run(
        """
def grow(n: i32) -> i32: return memory_grow(n) * 100 + memory_size()
def move(p: ptr[u8], q: ptr[u8], n: i32) -> None: memory_copy(p, q, n)
def fill(p: ptr[u8], n: u32) -> None: memory_fill(p, 65, n)
"""
    )
    pages = program.grow(0) % 100
    assert program.grow(2) == pages * 100 + pages + 2
    program.fill(AT, 10)
    program.move(AT + 5, AT, 10)
    assert program.read(AT, 16) == b"A" * 15 + b"\0"


def test_pointer_comparison_is_unsigned_and_indices_fold():
    program = run(
        """
def less(a: ptr[u8], b: ptr[u8]) -> bool: return a < b
def at(p: ptr[i64], i: i32) -> i64: return p[i + 1] - p[i - 1]
def difference(a: ptr[i64], b: ptr[i64]) -> i32: return a - b
def back(p: ptr[u16], n: u32) -> i32: return i32(p) - i32(p - n)
"""
    )
    assert [program.less(5, -5), program.less(-5, 5)] == [1, 0]
    program.write(AT, struct.pack("<4q", 10, 20, 35, 47))
    assert program.at(AT, 2) == 27
    assert program.at(AT + 8, 0) == 25
    assert program.difference(AT + 24, AT) == 3
    assert program.difference(AT, AT + 16) == -2
    assert program.back(AT, 3) == 6


def test_stack_overflow_is_noticed_in_debug_builds_and_traps_in_others():
    text = """
def down(n: i32) -> i32:
    p = scratch(4000)
    p[0] = n
    return down(n + 1) + p[0]
"""
    for debug in (True, False):
        program = run(text, debug=debug)
        with pytest.raises(wasmtime.Trap):
            program.down(1)
        if debug:
            assert program.read(program.value("assert_text"), program.value("assert_size")) == b"down: stack overflow"


def test_a_stored_value_is_evaluated_before_its_address():
    program = run(
        """
class Entry(Struct):
    which: be32
    n: i32
@inline
def bump(e: Entry) -> i32:
    e.n += 1
    return e.n
def seven(e: Entry) -> i32:
    e.n = 7
    return 7
def by_call(e: Entry, p: ptr[u8]) -> None:
    p[i32(e.which & 7)] = seven(e)
def by_address(e: Entry, p: ptr[i32]) -> None:
    p[bump(e)] = e.n
"""
    )
    base = 0x12000
    program.write(base, bytes([0, 0, 0, 3]) + bytes(28))
    program.by_call(base, base + 8)
    assert program.read(base, 16) == bytes([0, 0, 0, 3, 7, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0])
    program.write(base, bytes(4) + bytes([1, 0, 0, 0]) + bytes(24))
    program.by_address(base, base + 8)
    assert program.read(base + 4, 16) == bytes([2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0])
