/**
 * Make dist/playground/, a folder that any web server can offer: `node demo/build.mjs` (`make assets` runs it).
 *
 *   index.html        names the script and the style sheet, whose names have their contents' hash
 *   *.js, *.css       the playground; what is not needed at once (formatter, charts) lies in files of its own
 *   engine/           what npm publishes: index.js, and turso/ with the worker
 *   python-worker.js  where Python cells run; pyodide-lock.json: which packages they can import
 *   samples/          databases, made by samples/make_samples.py
 *   sw.js             the service worker, with the list of all that and a name for this very build
 */

import { createHash } from 'node:crypto';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { place } from '../web/place.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(HERE);
const TARGET = join(ROOT, 'dist', 'playground');
const PACKAGE = join(ROOT, 'dist', 'package');

/** The engine is loaded as it is published. @type {import('esbuild').Plugin} */
const engine = {
  name: 'engine',
  setup(building) {
    building.onResolve({ filter: /\/web\/index\.js$/ }, () => ({ path: './engine/index.js', external: true }));
  },
};

/** @param {string} folder @returns {string[]} */
function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

rmSync(TARGET, { recursive: true, force: true });
const { metafile } = await build({
  entryPoints: { playground: join(HERE, 'main.jsx') },
  outdir: TARGET,
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  target: 'es2024',
  minify: true,
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'linked',
  logLevel: 'warning',
  metafile: true,
  absWorkingDir: ROOT,
  plugins: [engine],
});
// a worker has a file of its own, whose name its page knows
await build({
  entryPoints: { 'python-worker': join(HERE, 'python', 'worker.js') },
  outdir: TARGET,
  bundle: true,
  format: 'esm',
  target: 'es2024',
  minify: true,
  loader: { '.py': 'text' },
  logLevel: 'warning',
  absWorkingDir: ROOT,
});
const made = Object.keys(metafile.outputs).map((path) => basename(path));
/** @param {RegExp} pattern */
const named = (pattern) => made.find((name) => pattern.test(name)) ?? '';
/** What the script imports at once, which is fetched beside it. @type {string[]} */
const first = ['engine/index.js'];
const follow = (/** @type {string} */ path) => {
  for (const { path: next, kind, external } of metafile.outputs[path].imports) {
    if (external || kind !== 'import-statement' || first.includes(basename(next))) continue;
    first.push(basename(next));
    follow(next);
  }
};
follow(Object.keys(metafile.outputs).find((path) => /playground-[^/]*\.js$/.test(path)) ?? '');
const page = readFileSync(join(HERE, 'index.html'), 'utf8')
  .replace('playground.js', named(/^playground-.*\.js$/))
  .replace('playground.css', named(/^playground-.*\.css$/))
  .replace(
    '    <link rel="modulepreload" href="first.js" />\n',
    first.map((name) => `    <link rel="modulepreload" href="${name}" />\n`).join(''),
  );
writeFileSync(join(TARGET, 'index.html'), page);
cpSync(join(HERE, 'static'), TARGET, { recursive: true });
cpSync(join(ROOT, 'dist', 'samples'), join(TARGET, 'samples'), { recursive: true });
for (const name of filesIn(join(PACKAGE, 'turso')))
  place(join(PACKAGE, 'turso', name), join(TARGET, 'engine', 'turso', name));
place(join(ROOT, 'dist', 'pyodide', 'pyodide-lock.json'), join(TARGET, 'pyodide-lock.json'));
place(join(PACKAGE, 'index.js'), join(TARGET, 'engine', 'index.js'));

const files = filesIn(TARGET).filter((name) => !name.endsWith('.txt'));
const digest = createHash('sha256');
for (const name of files) digest.update(name).update(readFileSync(join(TARGET, name)));
const worker = readFileSync(join(HERE, 'sw.js'), 'utf8')
  .replace("'the build'", JSON.stringify(digest.digest('hex').slice(0, 16)))
  .replace("['the files']", JSON.stringify(files));
writeFileSync(join(TARGET, 'sw.js'), worker);
console.log(relative(process.cwd(), TARGET));
