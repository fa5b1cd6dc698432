/** Build one of the examples: `node examples/build.mjs react out.js`. With Vite, their frameworks' own plugins do this. */

import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { compile } from 'svelte/compiler';

const HERE = dirname(fileURLToPath(import.meta.url));
const [example, outfile] = process.argv.slice(2);

/** @type {import('esbuild').Plugin} */
const svelte = {
  name: 'svelte',
  setup(building) {
    building.onLoad({ filter: /\.svelte$/ }, ({ path }) => ({
      contents: compile(readFileSync(path, 'utf8'), { filename: basename(path), css: 'injected' }).js.code,
    }));
  },
};

await build({
  entryPoints: [join(HERE, example, 'main.js')],
  outfile,
  bundle: true,
  format: 'esm',
  target: 'es2024',
  loader: { '.js': 'jsx' },
  jsx: 'automatic',
  conditions: ['browser', 'svelte'],
  alias: { 'turso-wasm': join(dirname(HERE), 'dist', 'package', 'index.js') },
  define: {
    'process.env.NODE_ENV': '"production"',
    __VUE_OPTIONS_API__: 'false',
    __VUE_PROD_DEVTOOLS__: 'false',
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
  },
  logLevel: 'warning',
  plugins: [svelte],
});
