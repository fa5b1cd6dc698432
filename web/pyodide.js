/**
 * Loading Pyodide so that it either comes or fails: by itself it tells the console alone that its WebAssembly or its standard library
 * could not be had, and then waits for ever, or fails without a reason.
 */

import { pathOf } from './fetching.js';

/** What pyodide-lock.json is to say: it lists packages, of which none is wanted. The ABI is that of Pyodide 314. */
const NO_PACKAGES = { info: { abi_version: '2026_0' }, packages: {} };

/**
 * Load Pyodide.
 * @param {Record<string, string>} files URLs by the names in PYODIDE (locations.js)
 * @param {{_makeSnapshot?: boolean, _loadSnapshot?: Uint8Array}} [options] _makeSnapshot: its memory is to be kept; _loadSnapshot: what was
 * @throws {Error} which file could not be had, and why
 */
export async function loadPyodide(files, options = {}) {
  const url = files['pyodide.mjs'];
  const indexURL = new URL('./', url).href;
  const watch = watching(files, indexURL, options._loadSnapshot?.length ?? 0);
  try {
    const [{ loadPyodide: load }, { default: createPyodideModule }] = await Promise.all([
      import(url),
      import(files['pyodide.asm.mjs']),
    ]);
    const places = {
      indexURL: pathOf(indexURL),
      stdLibURL: pathOf(files['python_stdlib.zip']),
      lockFileContents: NO_PACKAGES,
    };
    return await Promise.race([load({ ...options, ...places, createPyodideModule }), watch.failed]);
  } catch (error) {
    const cause = watch.failure ?? error;
    throw new Error(`Pyodide could not be loaded from ${url}: ${messageOf(cause)}`, { cause });
  } finally {
    watch.stop();
  }
}

/**
 * Hear of every file that cannot be fetched or instantiated, until `stop` is called. Pyodide's WebAssembly is what it asks for beside its
 * other files, whatever the name under which it is kept.
 * @param {Record<string, string>} files
 * @param {string} folder where Pyodide asks for it
 * @param {number} size of memory that what is instantiated must have: a snapshot's, which may have grown
 */
function watching(files, folder, size) {
  const ours = new Set(Object.values(files));
  const wasm = `${folder}pyodide.asm.wasm`;
  const { fetch } = globalThis;
  const { instantiateStreaming } = WebAssembly;
  /** @type {(error: Error) => void} */
  let fail = () => {};
  const failed = new Promise((_, reject) => {
    fail = reject;
  });
  failed.catch(() => undefined);
  /** @type {{failed: Promise<any>, failure: Error | undefined, stop: () => void}} */
  const watch = {
    failed,
    failure: undefined,
    stop() {
      globalThis.fetch = fetch;
      WebAssembly.instantiateStreaming = instantiateStreaming;
    },
  };
  /** @param {string} url @param {unknown} error */
  const note = (url, error) => {
    watch.failure ??= new Error(`${url}: ${messageOf(error)}`, { cause: error });
    fail(watch.failure);
    return watch.failure;
  };
  globalThis.fetch = async (input, init) => {
    const url = urlOf(input) === wasm ? files['pyodide.asm.wasm'] : urlOf(input);
    if (!ours.has(url)) return fetch(input, init);
    try {
      return await complete(url, await fetch(url, init));
    } catch (error) {
      throw note(url, error);
    }
  };
  WebAssembly.instantiateStreaming = async (source, imports) => {
    const response = await source;
    try {
      const source = await instantiate(response, imports, instantiateStreaming);
      if (ours.has(response.url)) grow(/** @type {any} */ (source.instance.exports.memory), size);
      return source;
    } catch (error) {
      throw ours.has(response.url) ? note(response.url, error) : error;
    }
  };
  return watch;
}

/** @param {RequestInfo | URL} input */
function urlOf(input) {
  return new URL(input instanceof Request ? input.url : String(input), globalThis.location?.href).href;
}

/** A response that is one, with all of its body; only WebAssembly is still on its way. @param {string} url @param {Response} response */
async function complete(url, response) {
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  if (url.endsWith('.wasm')) return response;
  return new Response(await response.arrayBuffer(), { headers: response.headers });
}

/** Servers that do not know WebAssembly's type are forgiven. @param {Response} response @param {any} imports @param {any} streaming */
async function instantiate(response, imports, streaming) {
  if (!response.ok) throw new Error(`HTTP status ${response.status}`);
  if (response.headers.get('content-type')?.startsWith('application/wasm')) {
    return streaming.call(WebAssembly, response, imports);
  }
  return WebAssembly.instantiate(await response.arrayBuffer(), imports);
}

/** @param {WebAssembly.Memory | undefined} memory @param {number} size in bytes */
function grow(memory, size) {
  const missing = memory ? size - memory.buffer.byteLength : 0;
  if (missing > 0) memory?.grow(Math.ceil(missing / 65536));
}

/** @param {any} error */
function messageOf(error) {
  return error?.message ? `${error.message}` : error?.name ? `${error.name}` : String(error);
}
