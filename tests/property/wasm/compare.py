"""A random program, compiled and run, against its reference.

    python -m tests.property.wasm.compare 1 1000        seeds 1 … 1000
    python -m tests.property.wasm.compare 17            one seed, with the program's text

What is compared: results, globals, memory, and whether it traps.
"""

from __future__ import annotations

import math
import random
import sys
from typing import Any

import wasmtime

from tests.property.wasm import reference
from tests.property.wasm.expressions import EDGES, HOME, REALS, Function, fit
from tests.property.wasm.programs import Writer
from tests.unit.wasm.runner import HEADER, Instance
from turso_wasm.wasm.subset.program import compile_source

REACH = 4096
"""Bytes before and after HOME that programs may touch."""

RUNS = 4
"""How often each function is called."""

FUEL = 10_000_000
"""More than any program burns that ends."""


def _engine() -> wasmtime.Engine:
    config = wasmtime.Config()
    config.consume_fuel = True
    config.cranelift_opt_level = "none"
    return wasmtime.Engine(config)


ENGINE = _engine()


def compare(seed: int) -> str | None:
    """None, or how the compiled program of that seed and its reference differ. Errors: SubsetError, for a program that
    the compiler should not have refused.
    """
    program = Writer(seed, 3 + seed % 12)
    text = HEADER + "\n".join(program.text) + "\n"
    compiled = compile_source(text, debug=seed % 3 == 0, name="random_program", export_all=True)
    struct = sys.modules["random_program"].S
    names = {"S_size": struct.size, "S_offset": {name: struct.offset(name) for name in (*program.fields, "items")}}
    code = compile("\n".join(program.ref), f"reference {seed}", "exec")
    instance = Instance(compiled.wasm, store=wasmtime.Store(ENGINE))
    chance = random.Random(seed)
    for function in program.functions * RUNS:
        arguments = [argument(chance, type_) for _, type_ in function.params]
        content = chance.randbytes(2 * REACH) if chance.random() < 0.5 else bytes(2 * REACH)
        memory = reference.Memory(HOME - REACH, content)
        python = reference.namespace(memory, names)
        exec(code, python)
        try:
            expected = in_python(python, program, function, arguments)
        except reference.Outside:
            continue
        found = in_wasm(instance, program, function, arguments, content)
        if not same((*expected, bytes(memory.content)), found):
            return report(text, program, function, arguments, (*expected, bytes(memory.content)), found)
    return None


def argument(chance: random.Random, type_: str) -> Any:
    """A random argument, in the reference's form."""
    if type_ == "f64":
        return float(chance.choice((*REALS, "nan", "inf", "-inf", str(chance.uniform(-1e6, 1e6)))))
    if type_ == "bool":
        return chance.randrange(2)
    if type_.startswith("ptr") or type_ == "S":
        return HOME + chance.choice((0, 0, 8, 64, 65, -128))
    return fit(type_, chance.choice((*EDGES, chance.getrandbits(64), chance.randrange(-9, 50))))


def in_python(python: dict[str, Any], program: Writer, function: Function, arguments: list[Any]) -> tuple[Any, ...]:
    """(results or "trap", globals) of the reference. Raises Outside."""
    try:
        result = python[function.name](*arguments)
    except reference.Trap:
        result = "trap"
    if result != "trap":
        result = list(result) if len(function.results) > 1 else [result][: len(function.results)]
    return result, [python[name] for name in program.globals]


def in_wasm(
    instance: Instance, program: Writer, function: Function, arguments: list[Any], content: bytes
) -> tuple[Any, ...]:
    """(results or "trap", globals, memory) of the compiled program."""
    instance.store.set_fuel(FUEL)
    instance.write(HOME - REACH, content)
    used = {name: type_ for name, type_ in program.globals.items() if instance.has(name)}
    for name, type_ in used.items():
        instance.exports[name].set_value(instance.store, 0.0 if type_ == "f64" else 0)
    instance.exports["stack_pointer"].set_value(instance.store, 0x10000)
    types = [type_ for _, type_ in function.params]
    given = [
        a if t == "f64" else fit("i64" if t.endswith("64") else "i32", a) for a, t in zip(arguments, types, strict=True)
    ]
    result: Any
    try:
        result = getattr(instance, function.name)(*given)
    except wasmtime.Trap:
        result = "trap" if instance.store.get_fuel() else "endless"
    if result not in ("trap", "endless"):
        values = result if isinstance(result, list) else [result][: len(function.results)]
        result = [canonical(v, t) for v, t in zip(values, function.results, strict=True)]
    globals_ = [canonical(instance.value(n), t) if n in used else 0 for n, t in program.globals.items()]
    return result, globals_, instance.read(HOME - REACH, 2 * REACH)


def canonical(value: Any, type_: str) -> Any:
    """A wasm value in the range of its type."""
    return fit(type_, value) if type_ in ("u32", "u64") else value


def same(a: Any, b: Any) -> bool:
    """Equality, of NaNs too; -0.0 is not 0.0."""
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or (a == b and math.copysign(1, a) == math.copysign(1, b))
    return bool(a == b)


def report(text: str, program: Writer, function: Function, arguments: list[Any], expected: Any, found: Any) -> str:
    """The program and what it did."""
    lines = [text, f"{function.name}({', '.join(map(str, arguments))})"]
    for title, one, other in zip(("results", "globals"), expected, found, strict=False):
        lines.append(f"{title}: expected {one}, found {other}")
    differing = [at - REACH for at, (a, b) in enumerate(zip(expected[2], found[2], strict=True)) if a != b]
    lines.append(f"bytes that differ, from HOME: {differing[:20]}")
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """The command line."""
    seeds = range(int(arguments[0]), int(arguments[-1]) + 1)
    failures = 0
    for seed in seeds:
        if len(seeds) == 1:
            print("\n".join(Writer(seed, 3 + seed % 12).text))
        try:
            wrong = compare(seed)
        except Exception as error:
            wrong = f"{type(error).__name__}: {error}"
        if wrong:
            failures += 1
            print(f"seed {seed}: {wrong}\n")
    print(f"{len(seeds) - failures} of {len(seeds)} programs agree")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
