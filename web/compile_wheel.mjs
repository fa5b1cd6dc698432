/**
 * Byte-compile the wheel that pages load: `node web/compile_wheel.mjs FROM.whl TO.whl`.
 *
 * Pyodide's own Python writes the .pyc files (nobody else has its version), so that a page does not compile a hundred
 * and fifty modules at every start: importing takes half the time. They replace the sources in this copy of the wheel.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { loadPyodide } from 'pyodide';

const COMPILE = `
import compileall, os, zipfile
if not compileall.compile_dir("/wheel", quiet=1, legacy=True, optimize=2):
    raise SystemExit("a module does not compile")
with zipfile.ZipFile("/compiled.whl", "w", zipfile.ZIP_DEFLATED) as archive:
    for folder, _, names in sorted(os.walk("/wheel")):
        for name in sorted(names):
            if name.endswith(".py"):
                continue
            path = os.path.join(folder, name)
            archive.writestr(os.path.relpath(path, "/wheel"), open(path, "rb").read())
`;

const [from, to] = process.argv.slice(2);
const pyodide = await loadPyodide();
pyodide.unpackArchive(new Uint8Array(readFileSync(from)), 'wheel', { extractDir: '/wheel' });
pyodide.runPython(COMPILE);
writeFileSync(to, pyodide.FS.readFile('/compiled.whl'));
