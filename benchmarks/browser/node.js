/**
 * One engine in Node, for development and profiling: requests come as lines of JSON on standard input, answers go to standard output.
 *
 *     node benchmarks/browser/node.js <engine>
 */

import { createRequire } from 'node:module';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';

import { Requests } from './requests.js';

const ROOT = new URL('../../', import.meta.url);
const require = createRequire(import.meta.url);

/** @param {string | null} file */
async function where(file) {
  return {
    root: ROOT.href,
    version: JSON.parse(await readFile(new URL('package.json', ROOT), 'utf8')).version,
    file: file ? new Uint8Array(await readFile(new URL(file, ROOT))) : null,
    sqljs: async () => require('sql.js'),
    sqliteWasm: () => import('@sqlite.org/sqlite-wasm'),
    text: (path) => readFile(new URL(path, ROOT), 'utf8'),
    async assets(Compiler, MemoryStorage) {
      const { loadPyodide } = await import(new URL('dist/pyodide/pyodide.mjs', ROOT).href);
      const pack = await readFile(new URL('dist/compiler.pack', ROOT));
      const pyodide = await loadPyodide();
      return {
        kernel: await readFile(new URL('dist/kernel.wasm', ROOT)),
        compiler: Compiler.over(pyodide, pack),
        storage: new MemoryStorage(),
      };
    },
  };
}

const requests = new Requests(process.argv[2], where);
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await requests.answer(JSON.parse(line)))}\n`);
}
