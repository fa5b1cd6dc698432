"""@inline inside the kernel, and templates pasted into Programs: same answers as a plain call."""

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.wasm.runner import ENGINE, HEADER, Instance, compile_text, run
from turso_wasm.wasm.dsl import F64, I32, I64, i32, i64
from turso_wasm.wasm.module import Module
from turso_wasm.wasm.subset.program import SubsetError, compile_source
from turso_wasm.wasm.symbols import Symbols

# Each function `f` is tested as it is, inlined into callers, and as a template in another module.
BODIES = """
class Pair(Struct):
    a: i32
    b: i64
calls: i32 = 0
def plain_helper(x: i32) -> i32:
    return x * 3 + 1
{decorator}
def double(x: i32) -> i32:
    return x + x
{decorator}
def early(x: i32) -> i32:
    if x < 0:
        return -1
    if x > 100:
        return 100
    y = x * 2
    return y + 1
{decorator}
def looping(n: i32, stop: i32) -> i32:
    s = 0
    for i in range(n):
        if i == stop:
            return s * 1000
        if i % 2:
            continue
        s += i
    while s > 50:
        s -= 7
    return s
{decorator}
def assigns_parameter(n: i32) -> i32:
    while n > 10:
        n -= 10
    return n
{decorator}
def two(a: i32, b: i64) -> tuple[i64, i32]:
    if a == 0:
        return b, 0
    return b // i64(a), a
{decorator}
def both_ways(a: i32) -> i32:
    if a % 2 == 0:
        return a // 2
    else:
        return plain_helper(a)
{decorator}
def no_result(p: Pair, n: i32) -> None:
    global calls
    calls += 1
    if n == 0:
        return
    p.a += n
    p.b = i64(p.a) * 2
{decorator}
def nested(a: i32, b: i32) -> i32:
    return early(a) * 2 + early(b) + double(double(a)) + looping(b, a)
{decorator}
def with_memory(p: ptr[u8], at: i32) -> i32:
    q = p + at
    return q[0] + q[1] * 256
{decorator}
def with_scratch(n: i32) -> i64:
    p = ptr[i64](scratch(24))
    p[2] = i64(n)
    if n > 5:
        return p[2] * 3
    return p[2]
"""
CALLERS = """
def call_double(x: i32) -> i32: return double(x + 1) * double(3)
def call_early(x: i32) -> i32: return early(x) + early(x * 5) * 1000
def call_looping(n: i32, stop: i32) -> i32:
    total = 0
    for k in range(3):
        total = total * 3 + looping(n + k, stop)
    return total
def call_assigns(n: i32) -> i32: return assigns_parameter(n) * 100 + assigns_parameter(n + 5) + n
def call_two(a: i32, b: i64) -> i64:
    q, r = two(a, b)
    s, t = two(r, q)
    return q * 100 + i64(r) + s * 10000 + i64(t)
def call_both(a: i32) -> i32: return both_ways(a) - both_ways(a + 1)
def call_no_result(n: i32) -> i64:
    p = Pair(scratch(sizeof(Pair)))
    p.a = 1
    p.b = 5
    no_result(p, n)
    no_result(p, 0)
    no_result(p, 3)
    return p.b * 10 + i64(calls)
def call_nested(a: i32, b: i32) -> i32: return nested(a, b) + nested(b, a) * 7
def call_memory(p: ptr[u8], at: i32) -> i32: return with_memory(p, at + 1) + with_memory(p + 4, 1) * 3
def call_scratch(n: i32) -> i64: return with_scratch(n) + with_scratch(n + 1)
"""


@pytest.fixture(scope="module")
def plain_and_inlined():
    return (
        run(BODIES.replace("{decorator}", "") + CALLERS),
        run(BODIES.replace("{decorator}", "@inline") + CALLERS),
    )


small = st.integers(-5, 130)


@settings(max_examples=60, deadline=None)
@given(small, small, st.integers(-(10**12), 10**12))
def test_inlined_equals_called(plain_and_inlined, a, b, wide):
    plain, inlined = plain_and_inlined
    for name, args in {
        "call_double": (a,),
        "call_early": (a,),
        "call_looping": (a, b),
        "call_assigns": (a,),
        "call_two": (a, wide),
        "call_both": (a,),
        "call_no_result": (a,),
        "call_nested": (a, b),
        "call_scratch": (a,),
    }.items():
        assert getattr(inlined, name)(*args) == getattr(plain, name)(*args), (name, args)


def test_inlined_memory_access(plain_and_inlined):
    for program in plain_and_inlined:
        program.write(0x18000, bytes(range(40)))
    plain, inlined = plain_and_inlined
    assert inlined.call_memory(0x18000, 5) == plain.call_memory(0x18000, 5)


def test_constant_arguments_remove_branches():
    text = """
@inline
def pick(kind: i32, x: i32) -> i32:
    if kind == 1:
        return x + 1
    elif kind == 2:
        return x * 5
    return x
def f(x: i32) -> i32: return pick(2, x)
"""
    from turso_wasm.wasm.decode import decode_code

    program = run(text)
    assert program.f(7) == 35
    compiled = compile_text(text)
    body = compiled.wasm
    assert body.count(b"\x41\x05\x6c") == 2  # in pick itself and in f
    assert decode_code(b"\x20\x00\x41\x05\x6c") == [["local.get", 0], ["i32.const", 5], ["i32.mul"]]
    assert b"\x20\x00\x41\x05\x6c\x0b" in body  # f is exactly: x * 5


def test_recursive_inline_is_refused():
    text = """
@inline
def f(n: i32) -> i32:
    if n: return g(n - 1)
    return 0
@inline
def g(n: i32) -> i32: return f(n)
"""
    with pytest.raises(SubsetError, match="f is @inline and calls itself"):
        run(text)


# --- templates -----------------------------------------------------------------------------------


def kernel():
    """(instance, symbols) of the bodies as exported templates."""
    compiled = compile_source(HEADER + BODIES.replace("{decorator}", "@export\n@inline"), name="template_kernel")
    return Instance(compiled.wasm), Symbols(compiled.symbols)


@pytest.fixture(scope="module")
def templates():
    return kernel()


def program_calling(kernel_instance, symbols, name, types, inline, times=2):
    """A Program that calls `name` in a loop `times` times, the arguments read from parameters."""
    m = Module(symbols)
    m.import_memory("kernel", "memory")
    symbol = symbols.function(name)
    f = m.function("f", [(f"p{i}", t) for i, t in enumerate(types)], list(symbol.results), export=True)
    counter = f.local(I32, "counter", value=i32(times))
    targets = [f.local(t, f"r{i}") for i, t in enumerate(symbol.results)]
    with f.loop() as again:
        args = [f.params[0] + 0, *f.params[1:]]
        if len(targets) == 1:
            f.set(targets[0], f.call(name, *args, inline=inline))
        elif targets:
            f.call_multi(name, *args, into=targets, inline=inline)
        else:
            f.do(f.call(name, *args, inline=inline))
        f.set(counter, counter - 1)
        f.br(again, if_=counter)
    f.ret(*targets)
    wasm = m.encode()
    imports = [kernel_instance.exports[item.name] for item in wasmtime.Module(ENGINE, wasm).imports]
    return Instance(wasm, imports, kernel_instance.store), m


@pytest.fixture(scope="module")
def programs():
    """Programs by name, made once."""
    return {}


@settings(max_examples=40, deadline=None)
@given(small, small, st.integers(-(10**12), 10**12))
def test_templates_equal_calls(templates, programs, a, b, wide):
    instance, symbols = templates
    cases = {
        "double": (a,),
        "early": (a,),
        "looping": (a, b),
        "assigns_parameter": (a,),
        "two": (a, wide),
        "both_ways": (a,),
        "nested": (a, b),
        "with_scratch": (a,),
    }
    for name, args in cases.items():
        program = programs.get(name)
        if program is None:
            types = symbols.function(name).params
            program = programs[name] = program_calling(instance, symbols, name, types, inline=True)[0]
        assert program.f(*args) == getattr(instance, name)(*args), (name, args)


def test_template_with_globals_and_memory(templates):
    instance, symbols = templates
    before = instance.value("calls")
    program, m = program_calling(instance, symbols, "no_result", [I32, I32], inline=True)
    instance.write(0x18000, bytes(16))
    program.f(0x18000, 4)
    assert instance.value("calls") == before + 2
    assert int.from_bytes(instance.read(0x18000, 4), "little") == 8
    assert [item[1] for item in m.imports] == ["memory", "calls"]


def test_template_that_calls_imports_only_what_it_calls(templates):
    instance, symbols = templates
    _, m = program_calling(instance, symbols, "both_ways", [I32], inline=True)
    assert [item[1] for item in m.imports] == ["memory", "plain_helper"]


def test_constant_and_local_arguments_are_pasted(templates):
    _, symbols = templates
    m = Module(symbols)
    f = m.function("f", [("x", I32)], [I32])
    assert f.call("double", f.params[0], inline=True).code == (f.params[0] + f.params[0]).code
    assert len(f.locals) == 1
    f.call("double", f.params[0] + 1, inline=True)
    assert len(f.locals) == 2
    with pytest.raises(TypeError, match="double takes 1 arguments"):
        f.call("double", inline=True)
    with pytest.raises(TypeError, match="expected i32"):
        f.call("double", i64(1), inline=True)


def test_inline_without_a_template_is_a_call(templates):
    _, symbols = templates
    m = Module(symbols)
    f = m.function("f", [("x", I32)], [I32])
    assert f.call("plain_helper", f.params[0], inline=True).code.endswith(b"\x10\x00")
    assert symbols.template("plain_helper") is None and symbols.function("double").has_template


def test_symbols_survive_json_and_suggest_names(templates):
    import json

    _, symbols = templates
    again = Symbols.load(json.dumps(symbols.data))
    assert again.template("looping") == symbols.template("looping")
    assert again.function("two").results == (I64, I32)
    assert again.function("two").signature == "(a: i32, b: i64) -> tuple[i64, i32]"
    with pytest.raises(KeyError, match="did you mean looping"):
        again.function("loping")
    with pytest.raises(KeyError, match="no global"):
        again.global_type("nothing")


def test_many_types_in_a_program_keep_multi_value_templates_valid(templates):
    """Block types are signed LEB128: index 64 and above take two bytes."""
    instance, symbols = templates
    m = Module(symbols)
    m.import_memory("kernel", "memory")
    for n in range(70):
        m.type_index([I32] * n, [F64])
    f = m.function("f", [("a", I32), ("b", I64)], [I64, I32], export=True)
    f.ret(f.call("two", *f.params, inline=True))
    Instance(m.encode(), [instance.exports["memory"]], instance.store)
    assert Instance(m.encode(), [instance.exports["memory"]], instance.store).f(2, 9) == [4, 2]
