/**
 * Compiled Programs by environment and key, kept for the next visit in the origin's Cache storage.
 *
 * A stored Program is never trusted blindly: the file is named after the build that made it (kernel and compiler), and begins with the
 * digest of the rest; what does not match is dropped. It is named after the compiler's place, too: that one has been there is what lets
 * `connect` go on before it is loaded. It holds SQL text and schemas, no rows.
 *
 *   OFFSET   SIZE  MEANING
 *   0        32    SHA-256 of what follows
 *   32       4     n: size of the JSON header, little-endian
 *   36       n     {environments: [key], entries: [[index of environment, key, size]]}, least recently used first
 *   36 + n   …     the Programs
 */

const CACHE = 'turso-wasm';
const MAX_BYTES = 1 << 21;
const MAX_ENTRIES = 512;
const MAX_BUILDS = 3; // files in the cache: of several versions of the engine on one origin
const SAVE_AFTER_MS = 300;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** @typedef {{environment: string, key: string, bytes: Uint8Array}} Entry */

export class ProgramCache {
  /** In order of use. @type {Set<Entry>} */ #entries = new Set();
  /** @type {Map<string, Entry[]>} */ #index = new Map();
  #size = 0;
  #saving = false;

  /** @param {string} build what made the Programs; '': they are not kept @param {string} source where the compiler comes from */
  constructor(build, source) {
    this.build = build;
    this.source = source;
  }

  /** Whether an earlier visit has left anything; at once, before the build is known. */
  static async exists() {
    try {
      return await caches.has(CACHE);
    } catch {
      return false; // an insecure origin, Node, a browser that forbids storage
    }
  }

  /** What earlier visits have left for this build, with a compiler from there. @param {string} build @param {string} source */
  static async open(build, source) {
    const cache = new ProgramCache(build, source);
    if (!build) return cache;
    try {
      const response = await (await caches.open(CACHE)).match(cache.#url);
      if (response) await cache.#read(new Uint8Array(await response.arrayBuffer()));
    } catch {
      cache.#clear(); // unreadable: as if there were none
    }
    return cache;
  }

  get #url() {
    const path = `/turso-wasm/programs/${this.build}?compiler=${encodeURIComponent(this.source)}`;
    return new URL(path, globalThis.location?.href ?? 'http://localhost').href;
  }

  /** Programs in it. */
  get count() {
    return this.#entries.size;
  }

  /** The Programs under a key. @param {string} environment @param {string} key @returns {Uint8Array[]} */
  find(environment, key) {
    const found = this.#index.get(`${key}\0${environment}`) ?? [];
    for (const entry of found) {
      this.#entries.delete(entry);
      this.#entries.add(entry);
    }
    return found.map(({ bytes }) => bytes);
  }

  /** @param {string} environment @param {string} key @param {Uint8Array} bytes */
  add(environment, key, bytes) {
    if (!this.build || bytes.length > MAX_BYTES / 8) return;
    this.#insert({ environment, key, bytes });
    this.#save();
  }

  /** @param {Entry} entry */
  #insert(entry) {
    const index = `${entry.key}\0${entry.environment}`;
    const variants = this.#index.get(index);
    if (variants) variants.push(entry);
    else this.#index.set(index, [entry]);
    this.#entries.add(entry);
    this.#size += weight(entry);
    for (const old of this.#entries) {
      if (this.#size <= MAX_BYTES && this.#entries.size <= MAX_ENTRIES) break;
      this.#remove(old);
    }
  }

  /** @param {Entry} entry */
  #remove(entry) {
    const index = `${entry.key}\0${entry.environment}`;
    const left = (this.#index.get(index) ?? []).filter((one) => one !== entry);
    if (left.length) this.#index.set(index, left);
    else this.#index.delete(index);
    this.#entries.delete(entry);
    this.#size -= weight(entry);
  }

  #clear() {
    this.#entries.clear();
    this.#index.clear();
    this.#size = 0;
  }

  /** @param {Uint8Array<ArrayBuffer>} file */
  async #read(file) {
    const digest = await sha256(file.subarray(32));
    if (digest.some((byte, i) => byte !== file[i])) return;
    const size = new DataView(file.buffer, file.byteOffset).getUint32(32, true);
    const { environments, entries } = JSON.parse(decoder.decode(file.subarray(36, 36 + size)));
    let at = 36 + size;
    for (const [environment, key, length] of entries) {
      this.#insert({ environment: environments[environment], key, bytes: file.slice(at, at + length) });
      at += length;
    }
  }

  /** Write what there is, soon, and once for all that is added until then. */
  async #save() {
    if (this.#saving) return;
    this.#saving = true;
    await new Promise((resolve) => setTimeout(resolve, SAVE_AFTER_MS));
    this.#saving = false;
    try {
      const cache = await caches.open(CACHE);
      await cache.put(this.#url, new Response(await this.#file()));
      const files = await cache.keys();
      for (const old of files.slice(0, Math.max(0, files.length - MAX_BUILDS))) await cache.delete(old);
    } catch {
      // no storage, or none left: the next visit compiles again
    }
  }

  async #file() {
    /** @type {Map<string, number>} */
    const environments = new Map();
    const entries = [...this.#entries].map(({ environment, key, bytes }) => {
      if (!environments.has(environment)) environments.set(environment, environments.size);
      return [environments.get(environment), key, bytes.length];
    });
    const header = encoder.encode(JSON.stringify({ environments: [...environments.keys()], entries }));
    const size = new Uint8Array(4);
    new DataView(size.buffer).setUint32(0, header.length, true);
    const parts = /** @type {BlobPart[]} */ ([size, header, ...[...this.#entries].map(({ bytes }) => bytes)]);
    const body = new Uint8Array(await new Blob(parts).arrayBuffer());
    return new Blob([await sha256(body), body]);
  }
}

/** @param {Entry} entry */
function weight({ key, bytes }) {
  return key.length + bytes.length;
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}
