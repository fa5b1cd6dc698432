"""The npm package, as `npm pack` makes it, in pages that bundlers build without a plugin."""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from demo.serve import Handler
from tests.browser.packed import install, pack, run

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).with_name("packaging")
TOOLS = HERE / "node_modules" / ".bin"
ESBUILD = ROOT / "node_modules" / ".bin" / "esbuild"
STRICT = {"Content-Security-Policy": "default-src 'none'; connect-src 'self'; script-src 'self' 'wasm-unsafe-eval'"}
ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}


@pytest.fixture(scope="module")
def tarball(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a release would publish."""
    if not TOOLS.exists():
        pytest.fail("the bundlers are not installed: run `make test` once")
    return pack(tmp_path_factory.mktemp("tarball"))


@pytest.fixture(scope="module")
def project(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one page, and the package installed."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("main.js", "index.html"):
        shutil.copy(HERE / name, folder)
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    install(tarball, folder)
    return folder


# --- one way to build each --------------------------------------------------------------------------------------


def vite(project: Path, out: Path) -> None:
    run(TOOLS / "vite", "build", "--outDir", out, "--base", "./", "--logLevel", "warn", folder=project)


def webpack(project: Path, out: Path) -> None:
    run(TOOLS / "webpack", "--mode", "production", "--entry", "./main.js", "-o", out, folder=project)
    shutil.copy(project / "index.html", out)


def parcel(project: Path, out: Path) -> None:
    run(TOOLS / "parcel", "build", "index.html", "--dist-dir", out, "--no-cache", "--public-url", "./", folder=project)
    copy_assets(project, out)


def rollup(project: Path, out: Path) -> None:
    run(TOOLS / "rollup", "main.js", "--config", HERE / "rollup.config.js", "--dir", out, "--silent", folder=project)
    shutil.copy(project / "index.html", out)
    copy_assets(project, out)


def esbuild(project: Path, out: Path) -> None:
    run(ESBUILD, "main.js", "--bundle", "--format=esm", f"--outdir={out}", "--log-level=error", folder=project)
    shutil.copy(project / "index.html", out)
    copy_assets(project, out)


def static(project: Path, out: Path) -> None:
    """No bundler: a folder, and the module by its path."""
    shutil.copytree(project / "node_modules" / "turso-wasm" / "dist" / "package", out)
    shutil.copy(project / "index.html", out)
    (out / "main.js").write_text((project / "main.js").read_text().replace("'turso-wasm'", "'./index.js'"))


def copy_assets(project: Path, out: Path) -> None:
    shutil.copytree(project / "node_modules" / "turso-wasm" / "dist" / "package" / "turso", out / "turso")


BUILDS = (vite, webpack, parcel, rollup, esbuild, static)


# --- pages ------------------------------------------------------------------------------------------------------


@contextmanager
def served(folder: Path, headers: dict[str, str]) -> Iterator[str]:
    class Static(Handler):
        def translate_path(self, path: str) -> str:
            return str(folder / path.partition("?")[0].lstrip("/"))

        def end_headers(self) -> None:
            for name, value in headers.items():
                self.send_header(name, value)
            super().end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Static) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


Opened = Callable[[str], Any]


@pytest.fixture
def opened(context: Any) -> Iterator[Opened]:
    """Opens a page; what it says when it is ready."""
    with ExitStack() as pages:

        def open_(url: str) -> Any:
            page = context.new_page()
            pages.callback(page.close)
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.goto(url)
            output = page.locator("output", has_text="answer")
            try:
                output.wait_for(state="attached", timeout=60_000)
            except Exception as missing:
                raise AssertionError(f"the page did not answer: {errors}") from missing
            return page

        yield open_


@pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__name__)
def test_pages_work_as_built_and_under_a_strict_policy(
    build: Callable[[Path, Path], None], project: Path, tmp_path: Path, opened: Opened
) -> None:
    build(project, tmp_path / "out")
    with served(tmp_path / "out", STRICT) as url:
        page = opened(f"{url}index.html")
        assert page.locator("output").text_content() == "answer 42"


def test_an_isolated_page_works_too(project: Path, tmp_path: Path, opened: Opened) -> None:
    static(project, tmp_path / "out")
    with served(tmp_path / "out", ISOLATED) as url:
        page = opened(f"{url}index.html")
        assert page.evaluate("crossOriginIsolated") is True


def test_a_page_may_import_it_from_another_origin(project: Path, tmp_path: Path, opened: Opened) -> None:
    """As from a content delivery network: a worker cannot, so it is a Blob that imports."""
    static(project, tmp_path / "network")
    network: AbstractContextManager[str] = served(tmp_path / "network", {"Access-Control-Allow-Origin": "*"})
    with network as far:
        page = tmp_path / "page"
        page.mkdir()
        shutil.copy(HERE / "index.html", page)
        text = (HERE / "main.js").read_text().replace("'turso-wasm'", f"'{far}index.js'")
        (page / "main.js").write_text(text)
        with served(page, {}) as url:
            opened(f"{url}index.html")


# --- the package itself -----------------------------------------------------------------------------------------


ASSETS = {"worker.js", "kernel.wasm", "compiler.pack", "command.pack"}
ASSETS |= {f"pyodide/{name}" for name in ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")}


def test_the_tarball_is_what_its_manifest_names(tarball: Path) -> None:
    with tarfile.open(tarball) as packed:
        names = {name.removeprefix("package/") for name in packed.getnames()}
        manifest = json.load(packed.extractfile("package/package.json") or pytest.fail("no package.json"))
    exports = [each if isinstance(each, dict) else {"default": each} for each in manifest["exports"].values()]
    named = {file.removeprefix("./") for each in exports for file in each.values() if "*" not in file}
    assert named | {manifest["main"].removeprefix("./")} <= names
    folder = "dist/package/turso/"
    assert {name.removeprefix(folder) for name in names if name.startswith(folder)} == ASSETS
    assert not [name for name in names if name.endswith((".whl", ".map", ".py"))]


def test_publint_finds_nothing(project: Path) -> None:
    found = run(TOOLS / "publint", "--strict", project / "node_modules" / "turso-wasm", folder=project)
    assert "All good!" in found


def test_types_are_found_by_every_resolver(tarball: Path) -> None:
    run(TOOLS / "attw", "--profile", "esm-only", tarball, folder=tarball.parent)
