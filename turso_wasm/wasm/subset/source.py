"""Kernel modules as the compiler sees them: source, AST, and the namespace CPython made by importing them.

A module is written in the subset when it says `__subset__ = True`. Owns loading, name resolution across modules, and
declarations (functions with their signatures, mutable globals).
Constants, types and struct classes are taken from the imported module; functions and mutable globals from its AST.
Errors: SubsetError.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import sys
import types as python_types
import typing
from typing import Any

from turso_wasm.wasm.subset.errors import SubsetError
from turso_wasm.wasm.subset.types import AnyType, FnType, LateStruct, PtrType, as_type, result_types

MARK = "__subset__"


class FunctionDecl:
    """A function of a kernel module; `params` and `results` are resolved on first use."""

    def __init__(self, module: SourceModule, node: ast.FunctionDef) -> None:
        self.module = module
        self.node = node
        self.name = node.name
        self.exported = False
        self.inline = False
        self.host: tuple[str, str] | None = None
        self._signature: tuple[list[tuple[str, AnyType]], tuple[AnyType, ...], bool] | None = None
        for decorator in node.decorator_list:
            self._decorate(decorator)

    def __repr__(self) -> str:
        return f"{self.module.name}.{self.name}"

    def _decorate(self, node: ast.expr) -> None:
        name = node.func if isinstance(node, ast.Call) else node
        word = name.id if isinstance(name, ast.Name) else None
        if word == "export":
            self.exported = True
        elif word == "inline":
            self.inline = True
        elif word == "imported" and isinstance(node, ast.Call):
            args = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
            if not args or len(args) != len(node.args):
                raise self.module.error('@imported takes the module name: @imported("env")', node)
            self.host = (str(args[0]), str(args[1]) if len(args) > 1 else self.name)
        else:
            raise self.module.error('a kernel function may have @export, @inline, @imported("…")', node)

    @property
    def params(self) -> list[tuple[str, AnyType]]:
        """Names and types. Errors: SubsetError when the signature is wrong (so for all that follow)."""
        return self._resolved()[0]

    @property
    def results(self) -> tuple[AnyType, ...]:
        """Result types; empty for None and NoReturn."""
        return self._resolved()[1]

    @property
    def never_returns(self) -> bool:
        """Whether the result is declared NoReturn."""
        return self._resolved()[2]

    @property
    def fn_type(self) -> FnType:
        """The type of a reference to it."""
        return FnType(tuple(type_ for _, type_ in self.params), self.results)

    def _resolved(self) -> tuple[list[tuple[str, AnyType]], tuple[AnyType, ...], bool]:
        if self._signature is None:
            self._signature = self._resolve()
        return self._signature

    def _resolve(self) -> tuple[list[tuple[str, AnyType]], tuple[AnyType, ...], bool]:
        args = self.node.args
        if args.vararg or args.kwarg or args.kwonlyargs or args.defaults or args.posonlyargs:
            raise self.module.error(f"{self.name} may only have plain parameters without defaults", self.node)
        params = []
        for arg in args.args:
            if arg.annotation is None:
                raise self.module.error(f"parameter {arg.arg} needs a type", arg)
            type_ = self.module.type_of(arg.annotation)
            if type_.wasm is None:
                raise self.module.error(f"{type_} exists in memory only; use the type it loads as", arg)
            params.append((arg.arg, type_))
        if self.node.returns is None:
            raise self.module.error(f"{self.name} needs a result type (-> None if there is no result)", self.node)
        value = self.module.evaluate_type(self.node.returns)
        if value in (typing.NoReturn, getattr(typing, "Never", typing.NoReturn)):
            return params, (), True
        try:
            results = result_types(value)
        except TypeError as error:
            raise self.module.error(str(error), self.node.returns) from None
        return params, results, False


class GlobalDecl:
    """A mutable module global: `name: i32 = 0`."""

    def __init__(self, module: SourceModule, node: ast.AnnAssign) -> None:
        assert isinstance(node.target, ast.Name)
        self.module = module
        self.node = node
        self.name = node.target.id

    @property
    def type(self) -> AnyType:
        """Its annotated type."""
        return self.module.type_of(self.node.annotation)

    @property
    def initial(self) -> Any:
        """The value CPython gave it at import."""
        return self.module.namespace.get(self.name)


class SourceModule:
    """One kernel module."""

    def __init__(self, loader: Loader, name: str, path: str, text: str, namespace: dict[str, Any]) -> None:
        self.loader = loader
        self.name = name
        self.path = path
        self.text = text
        self.namespace = namespace
        self.functions: dict[str, FunctionDecl] = {}
        self.globals: dict[str, GlobalDecl] = {}
        self.imported_from: dict[str, tuple[str, str]] = {}
        self.tree = ast.parse(text, path)
        self._collect(self.tree.body)

    def _collect(self, statements: list[ast.stmt]) -> None:
        for node in statements:
            if isinstance(node, ast.FunctionDef) and not _runs_at_import(node):
                self.functions[node.name] = FunctionDecl(self, node)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                self.globals[node.target.id] = GlobalDecl(self, node)
            elif isinstance(node, ast.ImportFrom):
                origin = _absolute(self.name, node)
                for alias in node.names:
                    self.imported_from[alias.asname or alias.name] = (origin, alias.name)
            elif isinstance(node, ast.If):
                self._collect(node.body)
                self._collect(node.orelse)

    def error(self, message: str, node: ast.AST | None = None) -> SubsetError:
        """An error at `node`, to be raised."""
        return SubsetError(message, self.path, node, self.text)

    def evaluate_type(self, node: ast.expr) -> Any:
        """Evaluate an annotation; quoted names in it may refer to later definitions. Errors: SubsetError."""
        expression = ast.Expression(_Unquote().visit(_copy(node)))
        try:
            return eval(compile(ast.fix_missing_locations(expression), self.path, "eval"), dict(self.namespace))
        except Exception as error:
            raise self.error(f"not a type: {error}", node) from None

    def type_of(self, node: ast.expr) -> AnyType:
        """An annotation as a type. Errors: SubsetError."""
        value = self.evaluate_type(node)
        try:
            return settle(as_type(value))
        except TypeError as error:
            raise self.error(str(error), node) from None

    def lookup(self, name: str) -> Any:
        """What a name means: FunctionDecl, GlobalDecl, or the Python object. Errors: KeyError."""
        if name in self.functions:
            return self.functions[name]
        if name in self.globals:
            return self.globals[name]
        if name in self.imported_from:
            origin, original = self.imported_from[name]
            module = self.loader.kernel_module(origin)
            if module is not None:
                return module.lookup(original)
        if name in self.namespace:
            value = self.namespace[name]
            if isinstance(value, python_types.FunctionType):
                module = self.loader.kernel_module(value.__module__)
                if module is not None and value.__name__ in module.functions:
                    return module.functions[value.__name__]
            return value
        return vars(builtins)[name]


class Loader:
    """Loads modules once; knows which ones are written in the subset."""

    def __init__(self) -> None:
        self.modules: dict[str, SourceModule] = {}

    def load(self, name: str) -> SourceModule:
        """Import and parse a module, and the subset modules it imports. Errors: SubsetError, also when it does not say
        that it is written in the subset.
        """
        if name in self.modules:
            return self.modules[name]
        try:
            python_module = importlib.import_module(name)
        except SyntaxError as error:
            raise SubsetError(f"{error.msg} (line {error.lineno})", error.filename or name) from None
        except ImportError as error:
            raise SubsetError(f"{name} cannot be imported: {error}") from None
        path = python_module.__file__ or name
        if not says_so(python_module):
            raise SubsetError(f"expected a module of the subset: one that says `{MARK} = True`", path)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        return self._add(name, path, text, vars(python_module))

    def load_source(self, text: str, name: str = "snippet") -> SourceModule:
        """A module from a string, which need not say that it is written in the subset: executed and registered in
        sys.modules under `name`.
        """
        python_module = python_types.ModuleType(name)
        sys.modules[name] = python_module
        exec(compile(text, f"{name}.py", "exec"), vars(python_module))
        return self._add(name, f"{name}.py", text, vars(python_module))

    def _add(self, name: str, path: str, text: str, namespace: dict[str, Any]) -> SourceModule:
        module = self.modules[name] = SourceModule(self, name, path, text, namespace)
        for origin, _ in list(module.imported_from.values()):
            self.kernel_module(origin)
        return module

    def kernel_module(self, name: str) -> SourceModule | None:
        """The module if it is written in the subset, else None."""
        if name in self.modules:
            return self.modules[name]
        return self.load(name) if says_so(sys.modules.get(name)) else None


def says_so(module: python_types.ModuleType | None) -> bool:
    """Whether a module says that it is written in the subset."""
    return getattr(module, MARK, False) is True


def _runs_at_import(node: ast.FunctionDef) -> bool:
    """Whether a function is decorated as plain Python, which computes constants."""
    return any(isinstance(item, ast.Name) and item.id == "at_import" for item in node.decorator_list)


def _absolute(module: str, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    base = module.split(".")[: -node.level]
    return ".".join(base + ([node.module] if node.module else []))


def _copy(node: ast.expr) -> ast.expr:
    return ast.parse(ast.unparse(node), mode="eval").body


class _Unquote(ast.NodeTransformer):
    """Replace quoted types by what they quote."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if isinstance(node.value, str):
            return ast.parse(node.value, mode="eval").body
        return node


def settle(type_: AnyType) -> AnyType:
    """A reference to a struct defined later, as the struct."""
    if isinstance(type_, LateStruct):
        return type_.resolved()
    if isinstance(type_, PtrType):
        type_.raw = settle(type_.target)
    return type_
