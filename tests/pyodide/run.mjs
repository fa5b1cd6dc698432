/** Run Python in Pyodide in Node: `node run.mjs WHEEL SCRIPT`; what the script prints goes to stdout. */

import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { loadPyodide } from '../../dist/pyodide/pyodide.mjs';

const [wheel, script, ...packages] = process.argv.slice(2);
const pyodide = await loadPyodide();
for (const path of packages) pyodide.unpackArchive(new Uint8Array(readFileSync(path)), 'wheel');
pyodide.FS.writeFile(`/tmp/${basename(wheel)}`, readFileSync(wheel));
pyodide.FS.mkdir('/node');
pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, { root: resolve(process.env.SHARED ?? '.') }, '/node');
pyodide.globals.set('WHEEL', `/tmp/${basename(wheel)}`);
try {
  await pyodide.runPythonAsync(readFileSync(script, 'utf8'));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
