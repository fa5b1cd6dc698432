"""JavaScript modules as one script, so that Pyodide can run them without waiting.

`import()` is asynchronous and knows nothing of files inside a wheel; `connect()` must not wait. So the modules of
web/ and vfs/ are linked here: each becomes a function that returns its exports, in an order in which imports come
before their use.

What is understood is what these modules contain: `import { a, b as c } from './x.js'`, `import * as m from './x.js'`,
`export` before a declaration, `export { a, b as c }` and `export { a } from './x.js'`. Anything else is a ValueError.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable

_IMPORT = re.compile(r"^import\s+(?:\{([^}]*)\}|\*\s+as\s+(\w+))\s+from\s+'([^']+)';$", re.MULTILINE)
_REEXPORT = re.compile(r"^export\s+\{([^}]*)\}\s+from\s+'([^']+)';$", re.MULTILINE)
_LIST = re.compile(r"^export\s+\{([^}]*)\};$", re.MULTILINE)
_DECLARATION = re.compile(r"^export\s+((?:async\s+)?function\*?|class|const|let)\s+(\w+)", re.MULTILINE)
_LEFTOVER = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)


def link(entry: str, read: Callable[[str], str]) -> str:
    """A script whose value is the object of `entry`'s exports. read: a module's text, by path. Errors: ValueError."""
    order: list[str] = []
    bodies: dict[str, str] = {}
    _visit(entry, read, order, bodies)
    wrapped = [f"modules[{path!r}] = (() => {{\n{bodies[path]}\n}})();" for path in order]
    return (
        "(() => {\n'use strict';\nconst modules = {};\n" + "\n".join(wrapped) + f"\nreturn modules[{entry!r}];\n}})()"
    )


def _visit(path: str, read: Callable[[str], str], order: list[str], bodies: dict[str, str]) -> None:
    if path in bodies:
        return
    bodies[path] = ""  # a cycle ends here
    text = read(path)
    exports: list[str] = []

    def target(name: str) -> str:
        found = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
        _visit(found, read, order, bodies)
        return f"modules[{found!r}]"

    def imported(match: re.Match[str]) -> str:
        names, star, source = match.groups()
        if star:
            return f"const {star} = {target(source)};"
        return f"const {{ {_renamed(names, ': ')} }} = {target(source)};"

    def passed_on(match: re.Match[str]) -> str:
        names, source = match.groups()
        module = target(source)
        exports.extend(f"{outer}: {module}.{inner}" for inner, outer in _pairs(names))
        return ""

    def listed(match: re.Match[str]) -> str:
        exports.extend(f"{outer}: {inner}" for inner, outer in _pairs(match[1]))
        return ""

    def declared(match: re.Match[str]) -> str:
        exports.append(match[2])
        return f"{match[1]} {match[2]}"

    for pattern, replace in ((_IMPORT, imported), (_REEXPORT, passed_on), (_LIST, listed), (_DECLARATION, declared)):
        text = pattern.sub(replace, text)
    if leftover := _LEFTOVER.search(text):
        raise ValueError(f"{path}: cannot link {leftover[0]!r}")
    bodies[path] = f"{text}\nreturn {{ {', '.join(exports)} }};"
    order.append(path)


def _pairs(names: str) -> list[tuple[str, str]]:
    """(name inside the module, name outside) of `a, b as c`."""
    items = [item.split() for item in names.split(",") if item.strip()]
    return [(item[0], item[-1]) for item in items]


def _renamed(names: str, between: str) -> str:
    return ", ".join(inner if inner == outer else f"{inner}{between}{outer}" for inner, outer in _pairs(names))
