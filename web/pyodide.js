/**
 * Loading Pyodide so that it either comes or fails: by itself it tells the console alone that its WebAssembly or its standard library
 * could not be had, and then waits for ever, or fails without a reason.
 */

/**
 * Load Pyodide.
 * @param {string} base URL of its folder; it ends with a slash
 * @param {{_makeSnapshot?: boolean, _loadSnapshot?: Uint8Array}} [options] _makeSnapshot: its memory is to be kept; _loadSnapshot: what was
 * @throws {Error} which file could not be had, and why
 */
export async function loadPyodide(base, options = {}) {
  const url = `${base}pyodide.mjs`;
  const watch = watching(base, options._loadSnapshot?.length ?? 0);
  try {
    const { loadPyodide: load } = await import(url);
    return await Promise.race([load({ ...options, indexURL: base }), watch.failed]);
  } catch (error) {
    const cause = watch.failure ?? error;
    throw new Error(`Pyodide could not be loaded from ${url}: ${messageOf(cause)}`, { cause });
  } finally {
    watch.stop();
  }
}

/**
 * Hear of every file below `base` that cannot be fetched or instantiated, until `stop` is called.
 * @param {string} base
 * @param {number} size of memory that what is instantiated must have: a snapshot's, which may have grown
 */
function watching(base, size) {
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
    const url = urlOf(input);
    if (!url.startsWith(base)) return fetch(input, init);
    try {
      return await complete(url, await fetch(input, init));
    } catch (error) {
      throw note(url, error);
    }
  };
  WebAssembly.instantiateStreaming = async (source, imports) => {
    const response = await source;
    try {
      const source = await instantiate(response, imports, instantiateStreaming);
      if (response.url.startsWith(base)) grow(/** @type {any} */ (source.instance.exports.memory), size);
      return source;
    } catch (error) {
      throw response.url.startsWith(base) ? note(response.url, error) : error;
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
