/** One engine in a dedicated worker. The page (page.html) passes requests on and answers back. */

import { pyodideIn } from '../../web/locations.js';
import { Requests } from './requests.js';

const ROOT = new URL('../../', import.meta.url).href;
const MODULES = `${ROOT}benchmarks/node_modules/`;

/** @param {string} path */
async function bytes(path) {
  const response = await fetch(ROOT + path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response;
}

/** sql.js is a classic script; evaluated as a function it works in a module worker. */
async function sqljs() {
  const folder = 'benchmarks/node_modules/sql.js/dist/';
  const source = await (await bytes(`${folder}sql-wasm-browser.js`)).text();
  const init = new Function('module', 'exports', `${source}; return module.exports`)({ exports: {} }, {});
  return () => (init.default ?? init)({ locateFile: (name) => ROOT + folder + name });
}

/** @param {string | null} file */
async function where(file) {
  return {
    root: ROOT,
    version: (await (await bytes('package.json')).json()).version,
    file: file ? new Uint8Array(await (await bytes(file)).arrayBuffer()) : null,
    sqljs,
    sqliteWasm: () => import(`${MODULES}@sqlite.org/sqlite-wasm/dist/index.mjs`),
    text: async (path) => (await bytes(path)).text(),
    assets: async () => ({
      kernel: fetch(`${ROOT}dist/kernel.wasm`),
      compiler: { pyodide: pyodideIn(`${ROOT}dist/pyodide/`), pack: `${ROOT}dist/compiler.pack` },
    }),
  };
}

const requests = new Requests(new URL(self.location.href).searchParams.get('engine') ?? '', where);
self.onmessage = async ({ data }) => self.postMessage(await requests.answer(data));
