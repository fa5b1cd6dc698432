/**
 * Make dist/package/, what the npm package publishes: `node web/build_package.mjs` (`make assets` runs it).
 *
 *   index.js, host.js   the page's API and the host's, one file each, with their types
 *   adapters/           for Kysely and Drizzle, which the application has
 *   shims/              APIs of other libraries, on host.js
 *   testing/            for tests of applications
 *   vite.mjs            the plugin for Vite
 *   command.js, command_shell.js  the command turso-wasm (web/command/)
 *   turso/              what they load: the worker, kernel.wasm, compiler.pack, command.pack, pyodide/
 *   beside.js           index.js for Parcel, which would rewrite Pyodide if it saw its place: it looks for turso/ beside the page
 */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { place } from './place.mjs';
import { PYODIDE } from './locations.js';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const TARGET = join(ROOT, 'dist', 'package');
const APART = ['adapters/kysely', 'adapters/drizzle', 'testing/testing'];
const SHIMS = ['shims/sqljs', 'shims/oo1', 'shims/capi'];
const SHIM_WORKER = 'shims/worker1';
const TYPES = readdirSync(join(ROOT, 'web', 'types')).map((name) => `types/${name}`);
const AS_THEY_ARE = ['index.d.ts', 'host.d.ts', 'vite.mjs', 'vite.d.ts', 'virtual.d.ts', ...TYPES, ...[...APART, ...SHIMS].map((name) => `${name}.d.ts`)];
const ASSETS = ['kernel.wasm', 'compiler.pack', 'command.pack', ...PYODIDE.map((name) => `pyodide/${name}`)];

/**
 * locations.js, as it is to be where index.js lies.
 * @param {string} [base] an expression, what the places are relative to
 * @returns {import('esbuild').Plugin}
 */
function locations(base = 'import.meta.url') {
  return {
    name: 'locations',
    setup(building) {
      building.onLoad({ filter: /[\\/]web[\\/]locations\.js$/ }, ({ path }) => ({
        contents: readFileSync(path, 'utf8')
          .replaceAll(/(?<=new URL\(')(\.\.\/dist\/|\.\/)(?=[^']+',)/g, './turso/')
          .replaceAll('import.meta.url', base),
      }));
    },
  };
}

/** host.js is there. @type {import('esbuild').Plugin} */
const beside = {
  name: 'beside',
  setup(building) {
    building.onResolve({ filter: /^\.\.\/host\.js$/ }, ({ path }) => ({ path, external: true }));
  },
};

/**
 * Bundle, and tell other bundlers to leave what is imported at run time alone.
 * @param {Record<string, string>} entryPoints
 * @param {import('esbuild').BuildOptions} options
 */
async function bundle(entryPoints, options) {
  const { outputFiles } = await build({
    write: false,
    entryPoints,
    outdir: TARGET,
    bundle: true,
    format: 'esm',
    target: 'es2024',
    legalComments: 'none',
    logLevel: 'warning',
    absWorkingDir: ROOT,
    plugins: [locations()],
    ...options,
  });
  for (const { path, text } of outputFiles ?? []) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text.replaceAll(/\bimport\((?=[A-Za-z])/g, 'import(/* webpackIgnore: true */ /* @vite-ignore */ '));
  }
}

rmSync(TARGET, { recursive: true, force: true });
await bundle({ index: 'web/index.js', host: 'web/host.js' }, {});
await bundle(Object.fromEntries(APART.map((name) => [name, `web/${name}.js`])), { packages: 'external' });
await bundle(Object.fromEntries([...SHIMS, SHIM_WORKER].map((name) => [name, `web/${name}.js`])), { plugins: [beside] });
await bundle({ beside: 'web/index.js' }, { plugins: [locations('document.baseURI')] });
// Pages load it as it is; `export` tells that it is a module.
await bundle({ 'turso/worker': 'web/worker.js' }, { minifySyntax: true, minifyWhitespace: true, footer: { js: 'export {};' } });
await bundle(
  { command: 'web/command/main.js', command_shell: 'web/command/shell.js' },
  { platform: 'node', target: 'node20.16' },
);
for (const name of AS_THEY_ARE) place(join(ROOT, 'web', name), join(TARGET, name));
for (const name of ASSETS) place(join(ROOT, 'dist', name), join(TARGET, 'turso', name));
console.log(relative(process.cwd(), TARGET));
