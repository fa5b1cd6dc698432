"""dist/compiler.pack, the compiler as pages load it (web/pack_compiler.mjs, web/pack.js)."""

from __future__ import annotations

import json
import lzma
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACK = ROOT / "dist" / "compiler.pack"
INSTALL = """
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { loadPyodide } from './dist/pyodide/pyodide.mjs';
import { Compiler } from './web/host.js';

const pack = new Uint8Array(readFileSync('dist/compiler.pack'));
const pyodide = await loadPyodide();
const packs = {
  cut: pack.slice(0, pack.length / 2),
  changed: pack.map((byte, i) => (i === 300_000 ? byte ^ 1 : byte)),
  gzip: gzipSync(pack),
  nothing: new Uint8Array(0),
  other: new Uint8Array(pyodide.runPython('import lzma; lzma.compress(b"xxxx")').toJs()),
};
const told = {};
for (const [name, bytes] of Object.entries(packs)) {
  told[name] = await Compiler.over(pyodide, bytes).then(() => '', (error) => error.message);
}
const compiler = await Compiler.over(pyodide, pack);
told.whole = typeof compiler.compile;
told.files = pyodide.runPython(`
import os, sys
str([os.path.exists("/tmp/compiler.pack"), [type(finder).__name__ for finder in sys.meta_path].count("Pack")])`);
told.source = pyodide.runPython(`
import inspect, turso_wasm.library.fuzzy as fuzzy
inspect.getsource(fuzzy).count("def ") > 1`);
told.missing = pyodide.runPython(`
import pkgutil
try:
    pkgutil.get_data("turso_wasm.kernel", "nothing.json")
except OSError as error:
    missing = str(error)
missing`);
console.log(JSON.stringify(told));
"""


@pytest.fixture(scope="module")
def members() -> set[str]:
    if not PACK.exists():
        pytest.fail("dist/ is not built: run `make assets`")
    raw = lzma.decompress(PACK.read_bytes())  # marshal, which only the Python that wrote it reads
    return {name.decode() for name in re.findall(rb"turso_wasm/[\w/]+\.(?:py|json)", raw)}


def test_it_has_the_compiler_and_not_the_rest_of_the_package(members: set[str]) -> None:
    assert {"turso_wasm/bridge.py", "turso_wasm/plan/planner.py", "turso_wasm/kernel/symbols.json"} <= members
    assert {"turso_wasm/typed/check.py", "turso_wasm/library/fuzzy.py"} <= members, "what functions import, and sources"
    assert not [name for name in members if name.startswith(("turso_wasm/dbapi", "turso_wasm/kernel/btree"))]


def test_its_size(members: set[str]) -> None:
    assert (
        members and PACK.stat().st_size < 580_000
    )  # with types, arrays, indexes of methods and what transactions check


def test_what_is_no_pack_is_refused_and_a_whole_one_leaves_no_file_behind() -> None:
    command = ["node", "--input-type=module", "-e", INSTALL]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    none, cut = ("compiler.pack is no pack, or of another version", "compiler.pack is not whole")
    assert (told["cut"], told["changed"], told["gzip"], told["nothing"], told["other"]) == (cut, cut, none, none, none)
    assert (told["whole"], told["files"], told["source"]) == ("function", "[False, 1]", True)
    assert told["missing"] == "/pack/turso_wasm/kernel/nothing.json"
