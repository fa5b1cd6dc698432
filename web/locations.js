/**
 * Where a page finds what it loads, unless `connect` says otherwise.
 *
 * Each place is written out as `new URL('…', import.meta.url)`: bundlers see it, copy the file and put its new name here. In the npm
 * package (build_package.mjs) all of them lie in the folder turso/ beside this module.
 */

/** What Pyodide consists of, without the list of its packages. */
export const PYODIDE = ['pyodide.mjs', 'pyodide.asm.mjs', 'pyodide.asm.wasm', 'python_stdlib.zip'];

/** @typedef {{assets?: string | URL, pyodide?: string | URL}} Where folders */
/** @typedef {{kernel: string, pack: string, pyodide: Record<string, string>}} Assets URLs; Pyodide's by their names in PYODIDE */

/** @returns {Assets} */
export function ownAssets() {
  return {
    kernel: new URL('../dist/kernel.wasm', import.meta.url).href,
    pack: new URL('../dist/compiler.pack', import.meta.url).href,
    pyodide: {
      'pyodide.mjs': new URL('../dist/pyodide/pyodide.mjs', import.meta.url).href,
      'pyodide.asm.mjs': new URL('../dist/pyodide/pyodide.asm.mjs', import.meta.url).href,
      'pyodide.asm.wasm': new URL('../dist/pyodide/pyodide.asm.wasm', import.meta.url).href,
      'python_stdlib.zip': new URL('../dist/pyodide/python_stdlib.zip', import.meta.url).href,
    },
  };
}

/** What the command `turso-wasm` is besides. */
export function commandPack() {
  return new URL('../dist/command.pack', import.meta.url).href;
}

/** Those of a folder. @param {string} folder it ends with a slash @returns {Assets} */
export function assetsIn(folder) {
  return { kernel: `${folder}kernel.wasm`, pack: `${folder}compiler.pack`, pyodide: pyodideIn(`${folder}pyodide/`) };
}

/** Pyodide's of a folder. @param {string} folder it ends with a slash @returns {Record<string, string>} */
export function pyodideIn(folder) {
  return Object.fromEntries(PYODIDE.map((name) => [name, folder + name]));
}

/** A worker with our script. */
export function newWorker() {
  if (typeof Worker === 'undefined') {
    throw new Error(
      'there are no workers here: in Node, and in workers that cannot have their own, import from "turso-wasm/host"',
    );
  }
  // bundlers may make the path of a file of this module's URL
  const { protocol, origin } = new URL(import.meta.url);
  return protocol.startsWith('http') && origin !== location.origin
    ? foreignWorker(import.meta.url)
    : new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'turso-wasm' });
}

/**
 * A worker's script must be of the page's origin; what it imports may come from a content delivery network.
 * @param {string} here this module's URL (bundlers need not see it: they bring everything to the page's origin)
 */
function foreignWorker(here) {
  const script = `import ${JSON.stringify(new URL('./worker.js', here).href)};`;
  const url = URL.createObjectURL(new Blob([script], { type: 'text/javascript' }));
  return new Worker(url, { type: 'module', name: 'turso-wasm' });
}

/** The assets of `where`; our own where it says nothing. @param {Where} where @returns {Assets} @throws {TypeError} */
export function assetsFrom({ assets, pyodide }) {
  const found = assets === undefined ? ownAssets() : assetsIn(folder(assets));
  return pyodide === undefined ? found : { ...found, pyodide: pyodideIn(folder(pyodide)) };
}

/** What tells assets of one place from those of another. @param {Assets} assets */
export function placeOf({ kernel, pyodide }) {
  return `${kernel} ${pyodide['pyodide.mjs']}`;
}

/** An absolute URL with a slash at its end. @param {string | URL} url */
function folder(url) {
  const base = globalThis.location?.href ?? import.meta.url;
  if (!URL.canParse(String(url), base)) throw new TypeError(`${JSON.stringify(url)} is no URL`);
  const { href } = new URL(String(url), base);
  return href.endsWith('/') ? href : `${href}/`;
}
