"""Random functions in typed Python, as text: every operator and statement of it, typed so that most of them compile."""

from __future__ import annotations

from random import Random
from typing import Final

KINDS: Final = ("int", "float", "bool", "str", "bytes")
_INTS: Final = ("0", "1", "2", "3", "-1", "7", "-13", "64", "255", "10**6", "2**31", "2**53 + 1", "2**62", "-(2**63)")
_FLOATS: Final = ("0.0", "-0.0", "0.5", "1.0", "-2.5", "1e10", "1e300", "3.25", "-1e-5", "math.pi")
_STRS: Final = ("''", "'a'", "'abc'", "'  x '", "'Ünï'", "'12'", "'-7'", "'日本語'", "'a,b,c'", "'\\x00z'", "'AbC'")
_BYTES: Final = ("b''", "b'a'", "b'\\x00\\xff'", "b'abcabc'")


class Generator:
    """Writes one function. `name`; `params`: names and annotations; `text`."""

    def __init__(self, seed: int, name: str) -> None:
        self.random = random = Random(seed)
        self.name = name
        kinds = [random.choice(KINDS) for _ in range(random.randint(1, 3))]
        self.params = [(f"p{n}", kind + (" | None" if random.random() < 0.25 else "")) for n, kind in enumerate(kinds)]
        self.variables: dict[str, str] = dict(self.params)
        self.result = random.choice(KINDS)
        self.loops = 0
        self.lines: list[str] = []
        self._statements(1, random.randint(1, 5), 2)
        self._line(1, f"return {self.value(self.result, 3)}")
        given = ", ".join(f"{name}: {annotation}" for name, annotation in self.params)
        self.text = "\n".join([f"def {name}({given}) -> {self.result}:", *self.lines, ""])

    def _line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    # --- statements ---------------------------------------------------------------------------------------------------

    def _statements(self, depth: int, n: int, nesting: int) -> None:
        for _ in range(n):
            self._statement(depth, nesting)

    def _block(self, depth: int, nesting: int) -> None:
        """A block; what it first assigns is not named behind it."""
        before = dict(self.variables)
        self._line(depth, "pass")
        self._statements(depth, self.random.randint(1, 2), nesting - 1)
        self.variables = before

    def _statement(self, depth: int, nesting: int) -> None:
        random = self.random
        what = random.choice(
            ("set", "set", "list", "swap", "augment", "if", "for", "while", "each", "return", "assert")
        )
        if nesting == 0 and what in ("if", "for", "while", "each"):
            what = "set"
        match what:
            case "set":
                self._set(depth)
            case "list":
                self._list(depth)
            case "swap":
                a, b = self.value("int", 2), self.value("int", 2)
                self._line(depth, f"v_int0, v_int1 = {a}, {b}")
                self.variables |= {"v_int0": "int", "v_int1": "int"}
            case "augment":
                name = self._variable("int")
                if name is not None and not name.startswith("i"):
                    self._line(
                        depth, f"{name} {random.choice(('+', '-', '*', '//', '%', '|'))}= {self.value('int', 2)}"
                    )
            case "if":
                self._line(depth, f"if {self.value('bool', 3)}:")
                self._block(depth + 1, nesting)
                if random.random() < 0.5:
                    self._line(depth, "else:")
                    self._block(depth + 1, nesting)
            case "return":
                self._line(depth, f"if {self.value('bool', 2)}: return {self.value(self.result, 2)}")
            case "assert":
                self._line(depth, f"assert {self.value('bool', 1)} or {self.value('bool', 1)}")
            case _:
                self._loop(what, depth, nesting)

    def _set(self, depth: int) -> None:
        kind = self.random.choice(KINDS)
        name = f"v_{kind}{self.random.randint(0, 1)}"
        value = self.value(kind, 3)
        self._line(depth, f"{name} = {value}")
        self.variables[name] = kind

    def _list(self, depth: int) -> None:
        """A list is made, changed and read."""
        kind = self.random.choice(("int", "float", "str"))
        name = f"v_list_{kind}"
        item, count = self.value(kind, 1), self.value("int", 1)
        made = self.random.choice((f"[{item}, {self.value(kind, 1)}]", f"[{item}] * ({count} % 4)"))
        place = self.random.choice(("0", "-1", f"{count} % 3"))
        self._line(depth, f"{name} = {made}")
        self._line(depth, f"{name}.append({self.value(kind, 2)})")
        self._line(depth, f"{name}[{place}] = {self.value(kind, 1)}")
        self._line(depth, f"v_int0 = len({name})")
        self._line(depth, f"for each_{kind} in {name}: v_{kind}1 = each_{kind}")
        self._line(depth, f"v_{kind}0 = {name}[-1]")
        self.variables |= {"v_int0": "int", f"v_{kind}0": kind}

    def _loop(self, what: str, depth: int, nesting: int) -> None:
        random, before = self.random, dict(self.variables)
        self.loops += 1
        name = f"i{self.loops}"
        if what == "for":
            ends = random.choice(("3", "1, 4", "5, 0, -2", "min(p, 4)", "-3, 3, 2"))
            self._line(depth, f"for {name} in range({ends.replace('p', self.value('int', 1))}):")
            self.variables[name] = "int"
        elif what == "each":
            kind = random.choice(("str", "bytes"))
            self._line(depth, f"for {name} in {self.value(kind, 1)}[:5]:")
            self.variables[name] = "str" if kind == "str" else "int"
        else:
            self._line(depth, f"{name} = 0")
            self._line(depth, f"while {name} < 4 and {self.value('bool', 1)}:")
            self._line(depth + 1, f"{name} += 1")
            self.variables[name] = "int"
        self._block(depth + 1, nesting)
        if random.random() < 0.3:
            self._line(depth + 1, f"if {self.value('bool', 1)}: {random.choice(('break', 'continue'))}")
        self.variables = before
        if random.random() < 0.2:
            self._line(depth, "else:")
            self._set(depth + 1)
            self.variables = before

    # --- values -------------------------------------------------------------------------------------------------------

    def _variable(self, kind: str) -> str | None:
        fitting = [name for name, have in self.variables.items() if have.removesuffix(" | None") == kind]
        return self.random.choice(fitting) if fitting else None

    def value(self, kind: str, depth: int) -> str:
        """An expression of that kind."""
        random = self.random
        if depth == 0 or random.random() < 0.2:
            name = self._variable(kind)
            if name is not None and random.random() < 0.8:
                return name
            constants = {"int": _INTS, "float": _FLOATS, "str": _STRS, "bytes": _BYTES, "bool": ("True", "False")}
            return f"({random.choice(constants[kind])})"
        depth -= 1
        if random.random() < 0.1:
            return f"({self.value(kind, depth)} if {self.value('bool', depth)} else {self.value(kind, depth)})"
        if random.random() < 0.05:
            return f"({self.value(kind, depth)} {random.choice(('or', 'and'))} {self.value(kind, depth)})"
        made: str = getattr(self, f"_{kind}")(depth)
        return made

    def _int(self, depth: int) -> str:
        a, b = self.value("int", depth), self.value("int", depth)
        s, t, f = self.value("str", depth), self.value("str", depth), self.value("float", depth)
        y = self.value("bytes", depth)
        return self.random.choice(
            (
                f"({a} + {b})",
                f"({a} - {b})",
                f"({a} * {b})",
                f"({a} // {b})",
                f"({a} % {b})",
                f"({a} & {b})",
                f"({a} | {b})",
                f"({a} ^ {b})",
                f"({a} << ({b} & 7))",
                f"({a} >> ({b} & 15))",
                f"(-{a})",
                f"(~{a})",
                f"abs({a})",
                f"({a} ** ({b} & 3))",
                f"min({a}, {b})",
                f"max({a}, {b}, 3)",
                f"len({s})",
                f"{s}.find({t})",
                f"{s}.count({t})",
                f"int({f})",
                f"round({f})",
                f"int({s})",
                f"ord({s})",
                f"len({y})",
                f"{y}[{a} % 3]",
                f"math.floor({f})",
                f"math.ceil({f})",
                f"int({self.value('bool', depth)})",
                f"({a} + {self.value('bool', depth)})",
                f"{y}.find({self.value('bytes', depth)})",
            )
        )

    def _float(self, depth: int) -> str:
        a, b, i = self.value("float", depth), self.value("float", depth), self.value("int", depth)
        return self.random.choice(
            (
                f"({a} + {b})",
                f"({a} - {b})",
                f"({a} * {b})",
                f"({a} / {b})",
                f"({a} // {b})",
                f"({a} % {b})",
                f"(-{a})",
                f"abs({a})",
                f"({i} / {self.value('int', depth)})",
                f"({a} + {i})",
                f"({i} * {a})",
                f"float({i})",
                f"min({a}, {b})",
                f"max({a}, {b})",
                f"({a} ** 2)",
                f"math.sqrt({a})",
                f"math.fabs({a})",
            )
        )

    def _bool(self, depth: int) -> str:
        random = self.random
        kind = random.choice(KINDS[:2] + KINDS[3:])
        a, b, s = self.value(kind, depth), self.value(kind, depth), self.value("str", depth)
        optional = [name for name, have in self.variables.items() if have.endswith("None")]
        choices = [
            f"({a} == {b})",
            f"({a} != {b})",
            f"({a} < {b})",
            f"({a} <= {b})",
            f"({a} > {b})",
            f"({a} >= {b})",
            f"({a} < {b} <= {self.value(kind, depth)})",
            f"(not {a})",
            f"({s} in {self.value('str', depth)})",
            f"({s} not in ('a', 'b', {self.value('str', depth)}))",
            f"{s}.startswith({self.value('str', depth)})",
            f"{s}.endswith({self.value('str', depth)})",
            f"{s}.isdigit()",
            f"{s}.isalpha()",
            f"{s}.isalnum()",
            f"{s}.isspace()",
            f"({self.value('int', depth)} < {self.value('float', depth)})",
            f"({self.value('int', depth)} == {self.value('float', depth)})",
            f"bool({a})",
            f"({self.value('bool', depth)} ^ {self.value('bool', depth)})",
            f"math.isnan({self.value('float', depth)})",
        ]
        if optional:
            name = random.choice(optional)
            choices += [f"({name} is None)", f"({name} is not None)", f"({name} == {name})", f"({name} != None)"] * 2
        return random.choice(choices)

    def _str(self, depth: int) -> str:
        a, b, i = self.value("str", depth), self.value("str", depth), self.value("int", depth)
        j = self.random.choice(("", "1", "-1", "2", f"{i} % 3"))
        return self.random.choice(
            (
                f"({a} + {b})",
                f"({a} * ({i} % 4))",
                f"{a}[{j or 0}]",
                f"{a}[{j}:]",
                f"{a}[:{j}]",
                f"{a}[1:{j}]",
                f"{a}.upper()",
                f"{a}.lower()",
                f"{a}.strip()",
                f"{a}.lstrip()",
                f"{a}.rstrip()",
                f"{a}.replace({b}, {self.value('str', depth)})",
                f"str({i})",
                f"chr({i} % 1000)",
                f"f'<{{{i}}}{{{a}}}>'" if "'" not in a + i else f"({a} + {b})",
            )
        )

    def _bytes(self, depth: int) -> str:
        a, b = self.value("bytes", depth), self.value("bytes", depth)
        return self.random.choice((f"({a} + {b})", f"{a}[1:]", f"{a}[:-1]", f"{a}[{self.value('int', depth)} % 3:5]"))
