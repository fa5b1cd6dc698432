"""Reading a module's binary back: what the printers and tests need of it.

Owns the inverse of module.py's encoding, for modules as this project makes them (active segments, one memory, one
table).
Errors: ValueError when the bytes are not such a module.
"""

from __future__ import annotations

from dataclasses import field

from turso_wasm.base.records import dataclass
from turso_wasm.wasm.decode import Instruction, decode_one, read_sleb, read_uleb

Signature = tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(slots=True)
class FunctionView:
    """A function: its index, name, signature, and (unless imported) locals and instructions with their byte offsets."""

    index: int
    name: str
    params: tuple[int, ...]
    results: tuple[int, ...]
    imported: tuple[str, str] | None = None
    locals: list[int] = field(default_factory=list)
    local_names: dict[int, str] = field(default_factory=dict)
    code: list[Instruction] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    comments: list[tuple[int, str]] = field(default_factory=list)

    def local_name(self, index: int) -> str:
        """The name of a local, made up where the module has none; unique in the function."""
        name = self.local_names.get(index, "")
        if not name:
            return f"{'p' if index < len(self.params) else 'v'}{index}"
        same = [i for i, other in self.local_names.items() if other == name]
        return name if len(same) == 1 or index == same[0] else f"{name}_{index}"


@dataclass(slots=True)
class ModuleView:
    """A module: functions (imports first), types, globals, exports, data."""

    types: list[Signature] = field(default_factory=list)
    functions: list[FunctionView] = field(default_factory=list)
    imports: list[tuple[str, str, int]] = field(default_factory=list)
    exports: list[tuple[str, int, int]] = field(default_factory=list)
    globals: list[tuple[int, bool]] = field(default_factory=list)
    global_names: dict[int, str] = field(default_factory=dict)
    data: list[tuple[int, bytes]] = field(default_factory=list)
    name: str = ""


class _Reader:
    """A cursor over the bytes."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def u(self) -> int:
        value, self.at = read_uleb(self.data, self.at)
        return value

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def bytes(self) -> bytes:
        n = self.u()
        self.at += n
        return self.data[self.at - n : self.at]

    def text(self) -> str:
        return self.bytes().decode()

    def value_types(self) -> tuple[int, ...]:
        return tuple(self.bytes())

    def limits(self) -> None:
        if self.byte():
            self.u()
        self.u()

    def constant(self) -> int:
        """A constant expression's integer (floats and others: 0)."""
        opcode = self.byte()
        value = 0
        if opcode in (0x41, 0x42):
            value, self.at = read_sleb(self.data, self.at)
        elif opcode in (0x43, 0x44):
            self.at += 4 if opcode == 0x43 else 8
        else:
            _, self.at = decode_one(self.data, self.at - 1)
        if self.byte() != 0x0B:
            raise ValueError("a constant expression must be one instruction")
        return value


def read_module(data: bytes) -> ModuleView:
    """Parse a module. Errors: ValueError."""
    if data[:8] != b"\0asm\1\0\0\0":
        raise ValueError("not a WebAssembly module")
    view = ModuleView()
    reader = _Reader(data, 8)
    while reader.at < len(data):
        number = reader.byte()
        end = reader.u() + reader.at
        _SECTIONS.get(number, _skip)(view, reader)
        if number == 0:
            _custom(view, _Reader(data[reader.at : end]))
        reader.at = end
    return view


def _skip(view: ModuleView, reader: _Reader) -> None:
    pass


def _types(view: ModuleView, reader: _Reader) -> None:
    for _ in range(reader.u()):
        reader.byte()
        view.types.append((reader.value_types(), reader.value_types()))


def _imports(view: ModuleView, reader: _Reader) -> None:
    for _ in range(reader.u()):
        module, name, kind = reader.text(), reader.text(), reader.byte()
        view.imports.append((module, name, kind))
        if kind == 0:
            params, results = view.types[reader.u()]
            view.functions.append(FunctionView(len(view.functions), name, params, results, (module, name)))
        elif kind == 3:
            view.global_names[len(view.globals)] = name
            view.globals.append((reader.byte(), bool(reader.byte())))
        else:
            if kind == 1:
                reader.byte()
            reader.limits()


def _functions(view: ModuleView, reader: _Reader) -> None:
    for _ in range(reader.u()):
        params, results = view.types[reader.u()]
        index = len(view.functions)
        view.functions.append(FunctionView(index, f"f{index}", params, results))


def _globals(view: ModuleView, reader: _Reader) -> None:
    for _ in range(reader.u()):
        view.globals.append((reader.byte(), bool(reader.byte())))
        reader.constant()


def _exports(view: ModuleView, reader: _Reader) -> None:
    for _ in range(reader.u()):
        view.exports.append((reader.text(), reader.byte(), reader.u()))


def _code(view: ModuleView, reader: _Reader) -> None:
    defined = [function for function in view.functions if function.imported is None]
    for _, function in zip(range(reader.u()), defined, strict=True):
        end = reader.u() + reader.at
        function.locals = list(function.params)
        for _ in range(reader.u()):
            count = reader.u()
            function.locals += [reader.byte()] * count
        start = reader.at
        while reader.at < end - 1:
            function.offsets.append(reader.at - start)
            instruction, reader.at = decode_one(reader.data, reader.at)
            function.code.append(instruction)
        reader.at = end


def _data(view: ModuleView, reader: _Reader) -> None:
    for _ in range(reader.u()):
        reader.byte()
        address = reader.constant()
        view.data.append((address, reader.bytes()))


def _custom(view: ModuleView, reader: _Reader) -> None:
    """The name section and our own `comments` section."""
    section = reader.text()
    if section == "name":
        while reader.at < len(reader.data):
            _names(view, reader.byte(), _Reader(reader.bytes()))
    elif section == "comments":
        for _ in range(reader.u()):
            function = view.functions[reader.u()]
            function.comments = [(reader.u(), reader.text()) for _ in range(reader.u())]


def _names(view: ModuleView, kind: int, reader: _Reader) -> None:
    if kind == 0:
        view.name = reader.text()
    elif kind == 1:
        for _ in range(reader.u()):
            index = reader.u()
            view.functions[index].name = reader.text()
    elif kind == 2:
        for _ in range(reader.u()):
            index = reader.u()
            view.functions[index].local_names = {reader.u(): reader.text() for _ in range(reader.u())}
    elif kind == 7:
        for _ in range(reader.u()):
            index = reader.u()
            view.global_names[index] = reader.text()


_SECTIONS = {1: _types, 2: _imports, 3: _functions, 6: _globals, 7: _exports, 10: _code, 11: _data}
