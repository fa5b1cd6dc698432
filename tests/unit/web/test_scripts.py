"""The linker of JavaScript modules, and that web/ stays what it understands."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from turso_wasm.runtime.hosts.scripts import link

ROOT = Path(__file__).resolve().parents[3]
MODULES = {
    "a/main.js": "import { one, two as deux } from './lib.js';\nimport * as all from '../b/other.js';\n"
    "export const sum = one + deux() + all.three;\nexport { one as uno } from './lib.js';\nexport class Thing {}\n",
    "a/lib.js": "export const one = 1;\nfunction two() {\n  return 2;\n}\nexport { two };\n",
    "b/other.js": "import { one } from '../a/lib.js';\nexport let three = one + 2;\nexport async function late() {}\n",
}


def test_modules_become_one_script() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node")
    script = link("a/main.js", MODULES.__getitem__)
    code = f"const m = {script}; console.log(m.sum, m.uno, typeof m.Thing, Object.keys(m).length)"
    assert subprocess.run([node, "-e", code], capture_output=True, text=True, check=True).stdout == "6 1 function 3\n"


def test_what_it_does_not_understand_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot link 'export default 1;'"):
        link("x.js", lambda path: "export default 1;\n")


def test_the_host_of_pyodide_can_be_linked() -> None:
    script = link("web/python_host.js", lambda path: (ROOT / path).read_text("utf-8"))
    assert script.index("modules['base/errors.js'] =") < script.index("modules['web/kernel.js'] =")


def test_abi_js_is_current() -> None:
    import runpy

    made = runpy.run_path(str(ROOT / "base" / "make_abi.py"))
    assert (ROOT / "base" / "abi.js").read_text("utf-8") == made["text"]()
