"""The one WebAssembly instruction table: mnemonic, opcode, immediates, operands, results.

Encoder, typed builder, optimizer and printers all read this table; no opcode number is written anywhere else.
Row format: `MNEMONIC  OPCODE(hex)  IMMEDIATES  SIGNATURE`, where
  IMMEDIATES  `-` none; otherwise a comma list of: blocktype label labels func table type local global memarg i32 i64
              f32 f64 mem (a memory index) data lane v128 lanes16 reftype
  SIGNATURE   `operands>results`, one letter a value: i=i32 l=i64 f=f32 d=f64 v=v128 r=funcref; `*` = depends
An opcode above 0xff is prefix and LEB128 sub-opcode (0xfc__ and 0xfd__).
Source: WebAssembly Core Specification 2.0, section 5.4 (binary format of instructions).
"""

from __future__ import annotations

from typing import NamedTuple

TABLE = """
unreachable          00 - *
nop                  01 - >
block                02 blocktype *
loop                 03 blocktype *
if                   04 blocktype *
else                 05 - *
end                  0b - *
br                   0c label *
br_if                0d label *
br_table             0e labels *
return               0f - *
call                 10 func *
call_indirect        11 type,table *
drop                 1a - *
select               1b - *
local.get            20 local *
local.set            21 local *
local.tee            22 local *
global.get           23 global *
global.set           24 global *
table.get            25 table i>r
table.set            26 table ir>
i32.load             28 memarg i>i
i64.load             29 memarg i>l
f32.load             2a memarg i>f
f64.load             2b memarg i>d
i32.load8_s          2c memarg i>i
i32.load8_u          2d memarg i>i
i32.load16_s         2e memarg i>i
i32.load16_u         2f memarg i>i
i64.load8_s          30 memarg i>l
i64.load8_u          31 memarg i>l
i64.load16_s         32 memarg i>l
i64.load16_u         33 memarg i>l
i64.load32_s         34 memarg i>l
i64.load32_u         35 memarg i>l
i32.store            36 memarg ii>
i64.store            37 memarg il>
f32.store            38 memarg if>
f64.store            39 memarg id>
i32.store8           3a memarg ii>
i32.store16          3b memarg ii>
i64.store8           3c memarg il>
i64.store16          3d memarg il>
i64.store32          3e memarg il>
memory.size          3f mem >i
memory.grow          40 mem i>i
i32.const            41 i32 >i
i64.const            42 i64 >l
f32.const            43 f32 >f
f64.const            44 f64 >d
i32.eqz              45 - i>i
i32.eq               46 - ii>i
i32.ne               47 - ii>i
i32.lt_s             48 - ii>i
i32.lt_u             49 - ii>i
i32.gt_s             4a - ii>i
i32.gt_u             4b - ii>i
i32.le_s             4c - ii>i
i32.le_u             4d - ii>i
i32.ge_s             4e - ii>i
i32.ge_u             4f - ii>i
i64.eqz              50 - l>i
i64.eq               51 - ll>i
i64.ne               52 - ll>i
i64.lt_s             53 - ll>i
i64.lt_u             54 - ll>i
i64.gt_s             55 - ll>i
i64.gt_u             56 - ll>i
i64.le_s             57 - ll>i
i64.le_u             58 - ll>i
i64.ge_s             59 - ll>i
i64.ge_u             5a - ll>i
f32.eq               5b - ff>i
f32.ne               5c - ff>i
f32.lt               5d - ff>i
f32.gt               5e - ff>i
f32.le               5f - ff>i
f32.ge               60 - ff>i
f64.eq               61 - dd>i
f64.ne               62 - dd>i
f64.lt               63 - dd>i
f64.gt               64 - dd>i
f64.le               65 - dd>i
f64.ge               66 - dd>i
i32.clz              67 - i>i
i32.ctz              68 - i>i
i32.popcnt           69 - i>i
i32.add              6a - ii>i
i32.sub              6b - ii>i
i32.mul              6c - ii>i
i32.div_s            6d - ii>i
i32.div_u            6e - ii>i
i32.rem_s            6f - ii>i
i32.rem_u            70 - ii>i
i32.and              71 - ii>i
i32.or               72 - ii>i
i32.xor              73 - ii>i
i32.shl              74 - ii>i
i32.shr_s            75 - ii>i
i32.shr_u            76 - ii>i
i32.rotl             77 - ii>i
i32.rotr             78 - ii>i
i64.clz              79 - l>l
i64.ctz              7a - l>l
i64.popcnt           7b - l>l
i64.add              7c - ll>l
i64.sub              7d - ll>l
i64.mul              7e - ll>l
i64.div_s            7f - ll>l
i64.div_u            80 - ll>l
i64.rem_s            81 - ll>l
i64.rem_u            82 - ll>l
i64.and              83 - ll>l
i64.or               84 - ll>l
i64.xor              85 - ll>l
i64.shl              86 - ll>l
i64.shr_s            87 - ll>l
i64.shr_u            88 - ll>l
i64.rotl             89 - ll>l
i64.rotr             8a - ll>l
f32.abs              8b - f>f
f32.neg              8c - f>f
f32.ceil             8d - f>f
f32.floor            8e - f>f
f32.trunc            8f - f>f
f32.nearest          90 - f>f
f32.sqrt             91 - f>f
f32.add              92 - ff>f
f32.sub              93 - ff>f
f32.mul              94 - ff>f
f32.div              95 - ff>f
f32.min              96 - ff>f
f32.max              97 - ff>f
f32.copysign         98 - ff>f
f64.abs              99 - d>d
f64.neg              9a - d>d
f64.ceil             9b - d>d
f64.floor            9c - d>d
f64.trunc            9d - d>d
f64.nearest          9e - d>d
f64.sqrt             9f - d>d
f64.add              a0 - dd>d
f64.sub              a1 - dd>d
f64.mul              a2 - dd>d
f64.div              a3 - dd>d
f64.min              a4 - dd>d
f64.max              a5 - dd>d
f64.copysign         a6 - dd>d
i32.wrap_i64         a7 - l>i
i32.trunc_f32_s      a8 - f>i
i32.trunc_f32_u      a9 - f>i
i32.trunc_f64_s      aa - d>i
i32.trunc_f64_u      ab - d>i
i64.extend_i32_s     ac - i>l
i64.extend_i32_u     ad - i>l
i64.trunc_f32_s      ae - f>l
i64.trunc_f32_u      af - f>l
i64.trunc_f64_s      b0 - d>l
i64.trunc_f64_u      b1 - d>l
f32.convert_i32_s    b2 - i>f
f32.convert_i32_u    b3 - i>f
f32.convert_i64_s    b4 - l>f
f32.convert_i64_u    b5 - l>f
f32.demote_f64       b6 - d>f
f64.convert_i32_s    b7 - i>d
f64.convert_i32_u    b8 - i>d
f64.convert_i64_s    b9 - l>d
f64.convert_i64_u    ba - l>d
f64.promote_f32      bb - f>d
i32.reinterpret_f32  bc - f>i
i64.reinterpret_f64  bd - d>l
f32.reinterpret_i32  be - i>f
f64.reinterpret_i64  bf - l>d
i32.extend8_s        c0 - i>i
i32.extend16_s       c1 - i>i
i64.extend8_s        c2 - l>l
i64.extend16_s       c3 - l>l
i64.extend32_s       c4 - l>l
ref.null             d0 reftype >r
ref.is_null          d1 - r>i
ref.func             d2 func >r
i32.trunc_sat_f32_s  fc00 - f>i
i32.trunc_sat_f32_u  fc01 - f>i
i32.trunc_sat_f64_s  fc02 - d>i
i32.trunc_sat_f64_u  fc03 - d>i
i64.trunc_sat_f32_s  fc04 - f>l
i64.trunc_sat_f32_u  fc05 - f>l
i64.trunc_sat_f64_s  fc06 - d>l
i64.trunc_sat_f64_u  fc07 - d>l
memory.init          fc08 data,mem iii>
data.drop            fc09 data >
memory.copy          fc0a mem,mem iii>
memory.fill          fc0b mem iii>
table.grow           fc0f table ri>i
table.size           fc10 table >i
v128.load            fd00 memarg i>v
v128.load64_zero     fd5d memarg i>v
v128.store           fd0b memarg iv>
v128.const           fd0c v128 >v
i8x16.shuffle        fd0d lanes16 vv>v
i8x16.swizzle        fd0e - vv>v
i8x16.splat          fd0f - i>v
i64x2.splat          fd12 - l>v
i64x2.extract_lane   fd1d lane v>l
i8x16.eq             fd23 - vv>v
i8x16.lt_s           fd25 - vv>v
i8x16.le_u           fd2a - vv>v
v128.not             fd4d - v>v
v128.and             fd4e - vv>v
v128.andnot          fd4f - vv>v
v128.or              fd50 - vv>v
v128.xor             fd51 - vv>v
v128.any_true        fd53 - v>i
i8x16.bitmask        fd64 - v>i
i8x16.shr_u          fd6d - vi>v
i8x16.add            fd6e - vv>v
i8x16.sub            fd71 - vv>v
f32x4.add            fde4 - vv>v
f32x4.sub            fde5 - vv>v
f32x4.mul            fde6 - vv>v
f32x4.min            fde8 - vv>v
f32x4.max            fde9 - vv>v
"""

LETTER = {"i": 0x7F, "l": 0x7E, "f": 0x7D, "d": 0x7C, "v": 0x7B, "r": 0x70}
VALUE_NAME = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64", 0x7B: "v128", 0x70: "funcref"}
I32, I64, F32, F64, V128, FUNCREF = 0x7F, 0x7E, 0x7D, 0x7C, 0x7B, 0x70


class Op(NamedTuple):
    """One row of the table. `operands`, `results`: value type bytes; `fixed`: they do not depend on immediates."""

    name: str
    code: int
    encoding: bytes
    immediates: tuple[str, ...]
    operands: tuple[int, ...]
    results: tuple[int, ...]
    fixed: bool


def uleb(value: int) -> bytes:
    """Unsigned LEB128."""
    if value < 0x80:
        return _ULEB[value]
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def sleb(value: int) -> bytes:
    """Signed LEB128."""
    if -64 <= value < 64:
        return _SLEB[value]
    out = bytearray()
    while not -64 <= value < 64:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value & 0x7F)
    return bytes(out)


_ULEB = [bytes([value]) for value in range(0x80)]
_SLEB = {value: bytes([value & 0x7F]) for value in range(-64, 64)}


def _parse(row: str) -> Op:
    name, code_text, immediates, signature = row.split()
    code = int(code_text, 16)
    encoding = bytes([code]) if code <= 0xFF else bytes([code >> 8]) + uleb(code & 0xFF)
    fixed = signature != "*"
    operands, results = signature.split(">") if fixed else ("", "")
    return Op(
        name,
        code,
        encoding,
        () if immediates == "-" else tuple(immediates.split(",")),
        tuple(LETTER[letter] for letter in operands),
        tuple(LETTER[letter] for letter in results),
        fixed,
    )


OPS: dict[str, Op] = {op.name: op for op in map(_parse, TABLE.split("\n")[1:-1])}
BY_CODE: dict[int, Op] = {op.code: op for op in OPS.values()}
CODE: dict[str, bytes] = {op.name: op.encoding for op in OPS.values()}
