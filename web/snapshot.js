/**
 * Python's memory, as it is when the compiler has been imported, kept for the next visit in the origin's Cache storage: Pyodide starts
 * from it in a tenth of the time (docs/decisions/0048).
 *
 * Invariants:
 *   M1  A snapshot belongs to one pack, whose digest names it, and to one Pyodide, which refuses those of other builds.
 *   M2  Its digest is checked before anything is compiled with what it gave.
 *   M3  It holds nothing of the user's: it is taken before the first statement is compiled.
 */

const CACHE = 'turso-wasm snapshot';
const DIGEST = 'x-digest';
/** Room that must be left in the origin's storage when it is kept; it takes 36 MB. */
const ROOM = 300_000_000;

export class Snapshot {
  #url = '';

  /** @param {BufferSource} pack @param {string} pyodide URL of its folder */
  static async of(pack, pyodide) {
    const snapshot = new Snapshot();
    try {
      const path = `/turso-wasm/snapshot/${await digestOf(pack)}?pyodide=${encodeURIComponent(pyodide)}`;
      if (typeof caches !== 'undefined') snapshot.#url = new URL(path, globalThis.location?.href).href;
    } catch {
      // no digests on insecure origins: none is kept
    }
    return snapshot;
  }

  /** Whether an earlier visit may have kept one. */
  static async exists() {
    try {
      return await caches.has(CACHE);
    } catch {
      return false; // an insecure origin, Node, a browser that forbids storage
    }
  }

  /** Whether one can be kept. */
  get possible() {
    return this.#url !== '';
  }

  /** What an earlier visit has kept: the bytes, and whether they are what was kept (M2). @returns {Promise<{bytes: Uint8Array<ArrayBuffer>, intact: Promise<boolean>} | null>} */
  async read() {
    if (!this.possible) return null;
    try {
      const response = await (await caches.open(CACHE)).match(this.#url);
      if (!response) return null;
      const bytes = new Uint8Array(await response.arrayBuffer());
      const intact = digestOf(bytes).then((digest) => digest === response.headers.get(DIGEST));
      intact.catch(() => undefined); // awaited when it has been loaded
      return { bytes, intact };
    } catch {
      return null;
    }
  }

  /** Keep one, in place of all others. @param {Uint8Array<ArrayBuffer>} bytes */
  async write(bytes) {
    try {
      const { quota = 0, usage = 0 } = await navigator.storage.estimate();
      if (quota - usage < ROOM) return;
      const cache = await caches.open(CACHE);
      for (const old of await cache.keys()) if (old.url !== this.#url) await cache.delete(old);
      await cache.put(this.#url, new Response(bytes, { headers: { [DIGEST]: await digestOf(bytes) } }));
    } catch {
      // no storage, or none left: the next visit starts without
    }
  }

  /** It was no good. */
  async drop() {
    try {
      await (await caches.open(CACHE)).delete(this.#url);
    } catch {
      // there is none, then
    }
  }
}

/** @param {BufferSource} bytes */
async function digestOf(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
