/**
 * Make dist/playground/, a folder that any web server can offer: `node demo/build.mjs` (`make assets` runs it).
 *
 *   index.html        names the script and the style sheet, whose names have their contents' hash
 *   *.js, *.css       the playground; what is not needed at once (formatter, charts) lies in files of its own
 *   engine/           what npm publishes: index.js, and turso/ with the worker
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
const made = Object.keys(metafile.outputs).map((path) => basename(path));
/** @param {RegExp} pattern */
const named = (pattern) => made.find((name) => pattern.test(name)) ?? '';
const page = readFileSync(join(HERE, 'index.html'), 'utf8')
  .replace('playground.js', named(/^playground-.*\.js$/))
  .replace('playground.css', named(/^playground-.*\.css$/));
writeFileSync(join(TARGET, 'index.html'), page);
cpSync(join(HERE, 'static'), TARGET, { recursive: true });
cpSync(join(ROOT, 'dist', 'samples'), join(TARGET, 'samples'), { recursive: true });
for (const name of filesIn(join(PACKAGE, 'turso')))
  place(join(PACKAGE, 'turso', name), join(TARGET, 'engine', 'turso', name));
place(join(PACKAGE, 'index.js'), join(TARGET, 'engine', 'index.js'));

const files = filesIn(TARGET).filter((name) => !name.endsWith('.txt'));
const digest = createHash('sha256');
for (const name of files) digest.update(name).update(readFileSync(join(TARGET, name)));
const worker = readFileSync(join(HERE, 'sw.js'), 'utf8')
  .replace("'the build'", JSON.stringify(digest.digest('hex').slice(0, 16)))
  .replace("['the files']", JSON.stringify(files));
writeFileSync(join(TARGET, 'sw.js'), worker);
console.log(relative(process.cwd(), TARGET));
