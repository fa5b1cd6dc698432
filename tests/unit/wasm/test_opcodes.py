"""Every instruction of the table: its builder method (or statement) encodes, validates and decodes back."""

import pytest
import wasmtime

from tests.unit.wasm.runner import ENGINE
from turso_wasm.wasm.decode import decode_code, encode_code
from turso_wasm.wasm.dsl import LOADS, STORES, Expr, load
from turso_wasm.wasm.expr import _method_name
from turso_wasm.wasm.module import Module
from turso_wasm.wasm.opcodes import CODE, F32, F64, FUNCREF, I32, I64, OPS, V128, sleb, uleb

PLAIN = [op for op in OPS.values() if op.fixed and op.operands and not op.immediates and op.results]
PLAIN = [op for op in PLAIN if op.operands[0] != FUNCREF]


def one_function(params, results):
    module = Module()
    module.set_memory(1)
    module.freeze_imports()
    return module, module.function("f", [(f"p{i}", t) for i, t in enumerate(params)], results, export=True)


def validate(module):
    wasm = module.encode()
    wasmtime.Module(ENGINE, wasm)
    return wasm


@pytest.mark.parametrize("op", PLAIN, ids=lambda op: op.name)
def test_each_plain_instruction_has_a_method_that_validates(op):
    module, f = one_function(op.operands, op.results)
    value = getattr(
        f.params[0],
        {"add": "add", "mul": "mul", "and": "__and__", "or": "__or__"}.get(
            _method_name(op.name), _method_name(op.name)
        ),
    )(*f.params[1:])
    assert value.type == op.results[0]
    assert value.code.endswith(op.encoding)
    f.ret(value)
    validate(module)


@pytest.mark.parametrize("kind", LOADS)
def test_each_load_validates(kind):
    type_ = LOADS[kind][1]
    module, f = one_function([I32], [type_])
    f.ret(f.load(kind, f.params[0], 3))
    validate(module)


@pytest.mark.parametrize("kind", STORES)
def test_each_store_validates(kind):
    type_ = STORES[kind][1]
    module, f = one_function([I32, type_], [])
    f.store(kind, f.params[0], f.params[1], 3)
    validate(module)


def test_vector_instructions_with_lanes():
    module, f = one_function([V128, V128], [I64])
    a, b = f.params
    f.ret(a.i8x16_shuffle(b, range(16)).i64x2_extract_lane(1))
    validate(module)


def test_bulk_memory_table_and_reference_instructions():
    module, f = one_function([I32, I32, I32], [])
    module.set_table(3)
    a, b, c = f.params
    f.memory_copy(a, b, c)
    f.memory_fill(a, 0, c)
    f.do(f.memory_grow(1))
    f.do(f.memory_size())
    get = Expr(a.code + CODE["table.get"] + b"\0", FUNCREF)
    f.do(Expr(get.code + CODE["ref.is_null"], I32))
    f.do(Expr(a.code + get.code + CODE["table.set"] + b"\0", None))
    f.do(Expr(CODE["ref.null"] + b"\x70" + a.code + CODE["table.grow"] + b"\0", I32))
    f.do(Expr(CODE["table.size"] + b"\0", I32))
    validate(module)


def test_constants_of_every_type():
    from turso_wasm.wasm.dsl import f32, f64, i32, i64, v128

    for constant in (i32(-1), i32(0xFFFFFFFF), i64(-(2**63)), i64(2**64 - 1), f64(-0.0), f32(1.5), v128(bytes(16))):
        module, f = one_function([], [constant.type])
        f.ret(constant)
        validate(module)


def test_decode_is_the_inverse_of_encode():
    _module, f = one_function([I32, I64, F64, F32, V128], [])
    a, b, c, d, v = f.params
    with f.block() as out, f.loop() as top:
        f.br(out, if_=a)
        f.switch(a, [top, out], top)
        f.store("i64", a, b + (2**40 + 5), 700)
        f.store("f64", a, c + 1.25)
        f.do(v.i8x16_shuffle(v, range(16)))
        f.do(load("i32_8u", a + 4) & -77)
        f.do(f.call_indirect(a, [I32], [I32, I64], a))
    code = f.code()
    assert encode_code(decode_code(code)) == code
    del d


@pytest.mark.parametrize("n", [0, 1, 63, 64, 127, 128, 2**31 - 1, 2**32 - 1])
def test_leb128(n):
    from turso_wasm.wasm.decode import read_sleb, read_uleb

    assert read_uleb(uleb(n), 0)[0] == n
    assert read_sleb(sleb(n), 0)[0] == n
    assert read_sleb(sleb(-n), 0)[0] == -n


def test_sub_opcodes_above_127_would_be_leb_encoded():
    assert CODE["memory.copy"] == b"\xfc\x0a"
    assert CODE["i8x16.bitmask"] == b"\xfd\x64"


def test_unknown_opcode_is_refused():
    with pytest.raises(ValueError, match="unknown opcode"):
        decode_code(b"\xff\x01")


def test_tables_types():
    assert OPS["f32.demote_f64"].operands == (F64,) and OPS["f32.demote_f64"].results == (F32,)
