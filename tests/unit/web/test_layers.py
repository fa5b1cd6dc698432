"""The order of the JavaScript modules: base/ below vfs/ below web/, and inside web/ the page beside the worker."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_SOURCE = re.compile(r"^(?:import|export)\b[^;]*?\sfrom\s+'(\.[^']+)';|^import '(\.[^']+)';", re.MULTILINE)

FOLDERS = ("base", "vfs", "web", "demo")
"""Bottom first; a module imports from its own folder and from those before it."""

WEB = (
    "changes.js claims.js fetching.js file.js image.js lexer.js locations.js next_visit.js program.js program_file.js",
    "page/following.js record.js",
    "protocol.js rows.js",
    "effects.js job.js links.js pyodide.js snapshot.js space.js values.js waiting.js",
    "keys.js program_cache.js parameters.js lists.js template.js",
    "userorder.js usertokens.js pack.js compiler.js stores.js",
    "page/check.js page/difference.js page/files.js page/source.js page/tag.js usersource.js",
    "backup.js page/steps.js hooks.js literals.js userrows.js statements.js parameter_block.js batch.js migrations.js",
    "usercode.js",
    "python_function.js",
    "kernel.js connection.js",
    "schema.js visible_schema.js",
    "shortcuts.js whole_file.js past.js statement.js preparer.js database.js engine.js python_host.js",
    "page/client.js page/tenure.js",
    "drive.js relay.js requests.js session.js server.js page/remote.js page/statement.js page/workers.js",
    "page/handle.js page/live.js page/change_stream.js page/transfer.js page/database.js adapters/scope.js",
    "adapters/drizzle.js adapters/kysely.js",
    "worker.js host.js index.js command/playground.js command/shell.js command/terminal.js",
    "command/main.js",
    "shims/hooks.js shims/normalized.js",
    "shims/memory.js shims/capi_values.js shims/capi_handles.js testing/log.js testing/origin.js",
    "shims/capi_copies.js shims/capi_functions.js shims/capi_hooks.js shims/capi_statements.js shims/oo1_capi.js",
    "shims/oo1_stmt.js shims/promiser.js",
    "shims/oo1_pool.js shims/oo1_storage.js",
    "shims/capi.js shims/oo1_exec.js shims/sqljs.js testing/testing.js",
    "shims/oo1.js",
    "shims/worker1.js",
)
"""The storeys of web/, bottom first; in that of `statement.js` some know what uses them by type only."""

PAGE = (
    "base/",
    "web/page/",
    "web/index.js",
    "web/image.js",
    "web/locations.js",
    "web/protocol.js",
    "web/rows.js",
    "web/values.js",
)
PAGE += ("web/keys.js", "web/record.js", "web/template.js", "web/batch.js", "web/migrations.js")
"""All that a page loads: nothing of the engine's."""


def imports(path: Path) -> list[str]:
    """The modules that `path` imports, as paths below the root."""
    folder = path.parent.relative_to(ROOT).as_posix()
    found = [a or b for a, b in _SOURCE.findall(path.read_text("utf-8"))]
    return [posixpath.normpath(posixpath.join(folder, name)) for name in found]


def graph() -> dict[str, list[str]]:
    """Every module of the four folders, with what it imports."""
    paths = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.js"))]
    return {path.relative_to(ROOT).as_posix(): imports(path) for path in paths}


def test_folders_import_downwards_only() -> None:
    upwards = [
        f"{module} imports {name}"
        for module, names in graph().items()
        for name in names
        if name.split("/")[0] in FOLDERS and FOLDERS.index(name.split("/")[0]) > FOLDERS.index(module.split("/")[0])
    ]
    assert upwards == []


def test_web_has_storeys() -> None:
    storeys = {f"web/{name}": n for n, names in enumerate(WEB) for name in names.split()}
    modules = {module: names for module, names in graph().items() if module.startswith("web/")}
    assert set(modules) == set(storeys), "a module without a storey, or a storey without its module"
    upwards = [
        f"{module} imports {name}"
        for module, names in modules.items()
        for name in names
        if name in storeys and storeys[name] > storeys[module]
    ]
    assert upwards == []


def test_no_module_reaches_itself() -> None:
    modules = graph()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " → ".join((*path, module))
        for name in modules.get(module, []):
            visit(name, (*path, module))

    for module in modules:
        visit(module, ())


def test_a_page_loads_nothing_of_the_engine() -> None:
    modules = graph()
    loaded: set[str] = set()
    todo = ["web/index.js"]
    while todo:
        module = todo.pop()
        if module not in loaded:
            loaded.add(module)
            todo += modules[module]
    assert "web/page/client.js" in loaded
    assert [module for module in sorted(loaded) if not module.startswith(PAGE)] == []
