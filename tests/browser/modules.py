# ruff: noqa: E501 (lines of JavaScript)
"""Modules as applications have them, on the package that is published: bundled into a page, and in Node."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ESBUILD = ROOT / "node_modules" / ".bin" / "esbuild"
BLOCK = re.compile(r"^```js\n(.*?)^```", re.MULTILINE | re.DOTALL)
SAID = re.compile(r"^(\s*)(?:const (\w+) = )?(.+?);\s+// → (.+)$", re.MULTILINE)
SHOW = """
const _plain = (value) => JSON.stringify(value, (_, one) => typeof one === 'bigint' ? `${one}n` : ArrayBuffer.isView(one) ? [...one] : one === undefined ? 'undefined' : one);
const _check = (said, found, wanted) => { if (_plain(found) !== _plain(wanted)) throw new Error(`${said} gives ${_plain(found)}`); return found; };
"""
_numbers = count()


def document(name: str) -> str:
    """The examples of a document as one module: where a line ends in "// → value", that is what it must give."""
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return SHOW + SAID.sub(checked, "\n".join(BLOCK.findall(text)))


def checked(line: re.Match[str]) -> str:
    space, name, expression, value = line.groups()
    declared = f"const {name} = " if name else ""
    return f"{space}{declared}_check({expression!r}, {expression}, {value});"


def bundle(source: str, *options: str) -> str:
    """What esbuild makes of a module in the project's folder, where "turso-wasm" is dist/package."""
    command = [ESBUILD, "--bundle", "--format=esm", "--target=es2024", "--log-level=error", *options]
    done = subprocess.run(command, input=source, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def load(page: Any, code: str) -> Any:
    """Import a bundle in a page, from where the package's own files are: its default export."""
    path = f"dist/package/bundle-{next(_numbers)}.js"
    page.route(f"**/{path}", lambda route: route.fulfill(body=code, content_type="text/javascript"))
    return page.evaluate("async (url) => (await import(url)).default", f"/{path}")


def in_page(page: Any, source: str) -> Any:
    """Run a module in a page: its default export."""
    return load(page, bundle(source))


def in_node(source: str, *, flags: Iterable[str] = ()) -> str:
    """Run a module in Node, in the project's folder: what it prints."""
    command = ["node", *flags, "--input-type=module"]
    done = subprocess.run(command, input=source, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout
