"""Random typed programs of the subset, each with the same program in plain Python that calls reference.py.

Both are written at once, from one tree of choices: an Expr carries its text in either language. Programs end (loops are
short, calls go to functions written earlier), stay inside the memory they are given, and read no variable that the
compiler would refuse.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.property.wasm.expressions import (
    EDGES,
    FLAT,
    NUMBERS,
    Expr,
    Expressions,
    Function,
    Scope,
    calm,
    value_type,
)

PARAMETERS = (*NUMBERS, *NUMBERS, "bool", "ptr[u8]", "ptr[u8]", "ptr[i32]", "ptr[i64]", "ptr[u16]", "S")


class Writer(Expressions):
    """Writes one program: `text` in the subset, `ref` in Python; `functions` are what can be called from outside."""

    def __init__(self, seed: int, size: int) -> None:
        super().__init__(seed)
        self.size = size
        self.text: list[str] = []
        self.ref: list[str] = []
        self.indent = 0
        self.count = 0
        self.function = Function("", [], (), 0)
        self.variables: dict[str, str] = {}
        self.budget = 0
        self.write_module()

    def new_name(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def emit(self, text: str, ref: str | None = None) -> None:
        self.text.append("    " * self.indent + text)
        self.ref.append("    " * self.indent + (text if ref is None else ref))

    # --- the module ------------------------------------------------------------------------------------------------

    def write_module(self) -> None:
        self.write_struct()
        for _ in range(self.random.randrange(3)):
            name, type_ = self.new_name("total"), self.random.choice(NUMBERS)
            self.globals[name] = type_
            self.emit(f"{name}: {type_} = 0", f"{name} = {'0.0' if type_ == 'f64' else '0'}")
        for _ in range(self.random.randrange(3)):
            name, value = self.new_name("LIMIT"), self.random.choice(EDGES)
            self.constants[name] = value
            self.emit(f"{name} = {value}")
        self.emit('TABLE = b"' + "".join(f"\\x{self.random.randrange(256):02x}" for _ in range(16)) + '"')
        self.emit("def calm(x: f64) -> f64: return x if x == x else 0.5", "def calm(x): return x if x == x else 0.5")
        for _ in range(self.random.randint(1, 2 + self.size // 4)):
            self.write_function()

    def write_struct(self) -> None:
        """A struct of any fields, offsets as the compiler's own."""
        kinds = [*FLAT, "be16", "be32", "be64"]
        packed = ", packed=True" if self.chance(30) else ""
        self.text.append(f"class S(Struct{packed}):")
        for at in range(self.random.randint(2, 6)):
            self.fields[f"m{at}"] = self.random.choice(kinds)
            self.text.append(f"    m{at}: {self.fields[f'm{at}']}")
        self.item_type = self.random.choice(FLAT[:8])
        self.text.append(f"    items: array[{self.item_type}, 4]")

    # --- functions -------------------------------------------------------------------------------------------------

    def write_function(self) -> None:
        """A function of random parameters, results and statements."""
        inline = self.chance(45)
        params = [(self.new_name("a"), self.random.choice(PARAMETERS)) for _ in range(self.random.randint(0, 4))]
        n_results = self.random.choice((1, 1, 1, 1, 2, 3, 0))
        results = tuple(self.random.choice((*NUMBERS, "bool")) for _ in range(n_results))
        self.function = Function(self.new_name("inlined" if inline else "called"), params, results, 0)
        self.scope = Scope(dict(params))
        self.variables = dict(params)
        self.cost = 1
        if inline:
            self.text.append("@inline")
        typed = ", ".join(f"{param}: {type_}" for param, type_ in params)
        result = "None" if not results else results[0] if n_results == 1 else f"tuple[{', '.join(results)}]"
        names = ", ".join(param for param, _ in params)
        self.emit(f"def {self.function.name}({typed}) -> {result}:", f"def {self.function.name}({names}):")
        self.indent += 1
        if not (inline and n_results == 1 and self.chance(40)):  # else it is one return
            self.write_statements()
        self.write_return()
        self.indent -= 1
        self.function.cost = self.cost
        self.functions.append(self.function)

    def write_statements(self) -> None:
        """Some statements; the last of them falls through."""
        if self.globals:
            self.emit(f"global {', '.join(self.globals)}")
        self.budget = self.random.randint(1, self.size)
        while self.budget > 0:
            self.statement()

    def write_return(self) -> None:
        results = self.function.results
        values = [self.expr(type_, 3, bare=True) for type_ in results]
        if not results:
            self.emit("return")
        elif len(results) == 1:
            self.emit(f"return {values[0].text}", f"return {values[0].ref}")
        else:
            texts, refs = ", ".join(v.text for v in values), ", ".join(v.ref for v in values)
            self.emit(f"return {texts}", f"return ({refs})")

    # --- statements ------------------------------------------------------------------------------------------------

    def suite(self, scope: Scope) -> bool:
        """An indented suite; whether control falls out of it."""
        outer, self.scope = self.scope, scope
        self.indent += 1
        falls = all(self.statement() for _ in range(self.random.randint(1, 3)))
        self.indent -= 1
        self.scope = outer
        return falls

    def statement(self) -> bool:
        """One statement; False when what follows it cannot be reached."""
        self.budget -= 1
        self.cost += self.scope.rounds
        deep = self.indent > 4
        kinds: list[tuple[int, Callable[[], bool | None]]] = [
            (30, self.assign),
            (10, self.augment),
            (8, self.assign_several),
            (12, self.store),
            (5, self.augment_memory),
            (6, self.call),
            (2, self.bulk),
            (1, self.take_scratch),
            (0 if deep else 16, self.branch),
            (0 if deep or self.scope.loops > 1 else 8, self.for_loop),
            (0 if deep or self.scope.loops > 1 else 5, self.while_loop),
            (5 if self.scope.in_loop else 0, self.jump),
            (2 if self.indent > 1 else 0, self.early_return),
        ]
        weights, makers = zip(*kinds, strict=True)
        return self.random.choices(makers, weights)[0]() is not False

    def target(self, type_: str) -> str:
        """A variable or global of the type to assign: one that exists, or a new one."""
        known = [n for n, t in self.variables.items() if t == type_ and n not in self.scope.fixed]
        known += [name for name, other in self.globals.items() if other == type_]
        if known and self.chance(60):
            return self.random.choice(known)
        name = self.new_name("x")
        self.variables[name] = type_
        return name

    def assigned(self, name: str) -> None:
        if name not in self.globals:
            self.scope.readable[name] = self.variables[name]

    def assign(self) -> None:
        type_ = self.random.choice((*NUMBERS, *NUMBERS, "bool", "ptr[u8]", "ptr[i32]"))
        is_new = self.count
        name = self.target(type_)
        is_new = self.count != is_new
        # a branch that is never taken gives a variable no type
        has_type = type_ == "i32" or name in self.globals or name in dict(self.function.params)
        value = self.expr(type_, 3, bare=has_type)
        self.emit(f"{name}: {type_} = {value.text}" if is_new and self.chance(40) else f"{name} = {value.text}",
                  f"{name} = {value.ref}")  # fmt: skip
        self.assigned(name)

    def augment(self) -> None:
        names = [n for n, t in self.scope.readable.items() if t in NUMBERS and n not in self.scope.fixed]
        names += list(self.globals)
        if not names:
            return self.assign()
        name = self.random.choice(names)
        symbol, right, ref = self.operation(self.globals.get(name) or self.variables[name], name, 2)
        self.emit(f"{name} {symbol}= {right}", f"{name} = {ref}")
        return None

    def assign_several(self) -> None:
        """`a, b = f()`, `a, b = b, a`, with stores and `_` among the targets."""
        makers = [f for f in self.functions if len(f.results) > 1 and self.affordable(f)]
        if makers and self.chance(60):
            function = self.random.choice(makers)
            types: tuple[str, ...] = function.results
            values = self.call_of(function, 2)
        else:
            types = tuple(self.random.choice(NUMBERS) for _ in range(self.random.randint(2, 3)))
            items = [self.expr(type_, 2) for type_ in types]
            values = Expr("", ", ".join(v.text for v in items), f"({', '.join(v.ref for v in items)})")
        targets: list[str] = []
        steps: list[str] = []
        names: list[str] = []
        for at, type_ in enumerate(types):
            place = self.place(type_) if self.chance(25) and type_ not in ("bool", "f64") else None
            name = "_" if place or self.chance(15) else self.target(type_)
            if place is not None:
                targets.append(place.text)
                steps.append(f"store({place.type!r}, {place.ref}, _t[{at}])")
            elif name == "_":
                targets.append("_")
            else:
                names.append(name)
                targets.append(name)
                steps.append(f"{name} = _t[{at}]")
        self.emit(f"{', '.join(targets)} = {values.text}", f"_t = {values.ref}")
        for step in steps:
            self.ref.append("    " * self.indent + step)
        for name in names:
            self.assigned(name)

    def store(self) -> None:
        place = self.place()
        assert place is not None
        value = self.storable(place.type)
        self.emit(f"{place.text} = {value.text}", f"_v = {value.ref}; store({place.type!r}, {place.ref}, _v)")

    def storable(self, memory_type: str) -> Expr:
        """A value to store: no NaN, of whose bits nothing is known."""
        value = self.expr(value_type(memory_type), 3, bare=True)
        return calm(value) if value.type == "f64" else value

    def augment_memory(self) -> None:
        place = self.place()
        assert place is not None
        if value_type(place.type) == "f64":
            return self.store()
        symbol, right, ref = self.operation(value_type(place.type), "_o", 2)
        self.emit(f"{place.text} {symbol}= {right}", f"_a = {place.ref}; _o = load({place.type!r}, _a)")
        self.ref.append("    " * self.indent + f"_v = {ref}; store({place.type!r}, _a, _v)")
        return None

    def call(self) -> None:
        makers = [f for f in self.functions if self.affordable(f)]
        if not makers:
            return self.store()
        function = self.random.choice(makers)
        name = function.name
        if self.chance(15):
            name = self.new_name("g")
            self.emit(f"{name} = funcref({function.name})", f"{name} = {function.name}")
        value = self.call_of(function, 2, name)
        self.emit(f"_ = {value.text}" if function.results else value.text, value.ref)
        return None

    def take_scratch(self) -> None:
        name = self.new_name("room")
        self.variables[name] = "ptr[u8]"
        self.emit(f"{name} = scratch(256)", f"{name} = new_scratch(256)")
        self.emit(f"memory_fill({name}, 7, 256)", f"fill({name}, 7, 256)")
        self.assigned(name)

    def bulk(self) -> None:
        target, n = self.pointer("ptr[u8]", 1), self.index(16)
        if self.chance(50):
            source = self.pointer("ptr[u8]", 1)
            self.emit(f"memory_copy({target.text}, {source.text}, {n.text})",
                      f"copy({target.ref}, {source.ref}, {n.ref})")  # fmt: skip
        else:
            byte = self.expr("i32", 1)
            self.emit(f"memory_fill({target.text}, {byte.text}, {n.text})",
                      f"fill({target.ref}, {byte.ref}, {n.ref})")  # fmt: skip

    def branch(self) -> bool:
        """if, elif, else: what all ways out have assigned is readable after it."""
        ends: list[Scope] = []  # of the arms that control falls out of
        has_else = self.chance(50)
        for at in range(self.random.choice((1, 1, 2, 3))):
            test = self.condition(3)
            word = "elif" if at else "if"
            self.emit(f"{word} {test.text}:", f"{word} {test.ref}:")
            self.arm(ends)
        if has_else:
            self.emit("else:")
            self.arm(ends)
            if not ends:
                return False
            names = set.intersection(*(set(scope.readable) for scope in ends))
            self.scope.readable = {name: type_ for name, type_ in self.variables.items() if name in names}
        return True

    def arm(self, ends: list[Scope]) -> None:
        scope = self.scope.inner()
        if self.suite(scope):
            ends.append(scope)

    def for_loop(self) -> None:
        type_ = self.random.choice(("i32", "i32", "i32", "u32", "i64", "u64"))
        name = self.new_name("at")
        step = self.random.choice((1, 1, 1, 2, 3, -1, -2))
        names = [n for n, t in self.scope.readable.items() if t == type_]
        start, end = self.small(type_), self.small(type_)
        if step == 1 and names and self.chance(30):
            low = self.random.choice(names)  # which may be the last of its type: low + 3 wraps then
            start, end = Expr(type_, low, low), Expr(type_, f"{low} + 3", f"wrap({type_!r}, {low} + 3)")
            arguments = [start, end]
        else:
            arguments = (
                [start, end, Expr("", str(step), str(step))] if step != 1 else [start, end][self.random.randrange(2) :]
            )
        texts, refs = ", ".join(a.text for a in arguments), ", ".join(a.ref for a in arguments)
        self.emit(f"for {name} in range({texts}):", f"for {name} in range({refs}):")
        self.variables[name] = type_
        scope = self.scope.loop(8)
        scope.readable[name] = type_
        if self.chance(80):
            scope.fixed.add(name)
        self.suite(scope)

    def small(self, type_: str) -> Expr:
        """An integer from 0 to 7."""
        if self.chance(40):
            n = self.random.randrange(8)
            return Expr(type_, f"{type_}({n})", str(n))
        value = self.expr(type_, 1)
        return Expr(type_, f"({value.text} & 7)", f"({value.ref} & 7)")

    def while_loop(self) -> None:
        """A loop with fuel, which sometimes ends in the middle only."""
        fuel, n = self.new_name("fuel"), self.random.randint(1, 8)
        self.variables[fuel] = "i32"
        self.emit(f"{fuel} = {n}")
        self.scope.readable[fuel] = "i32"
        self.scope.fixed.add(fuel)
        scope = self.scope.loop(n)
        if self.chance(30):
            self.emit("while True:")
            self.indent += 1
            self.emit(f"{fuel} -= 1")
            self.emit(f"if {fuel} < 0:")
            self.indent += 1
            self.emit("break")
            self.indent -= 2
        else:
            test = self.condition(2)
            self.emit(f"while {fuel} > 0 and {test.text}:", f"while {fuel} > 0 and {test.ref}:")
            self.indent += 1
            self.emit(f"{fuel} -= 1")
            self.indent -= 1
        self.suite(scope)

    def jump(self) -> bool:
        if self.chance(40):
            self.emit(self.random.choice(("break", "continue")))
            return False
        test = self.condition(2)
        self.emit(f"if {test.text}:", f"if {test.ref}:")
        self.indent += 1
        self.emit(self.random.choice(("break", "continue")))
        self.indent -= 1
        return True

    def early_return(self) -> bool:
        self.write_return()
        return False
