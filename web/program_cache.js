/**
 * Compiled Programs by environment and key: those that an application brings, and those of earlier visits, kept in the origin's Cache
 * storage. The file there (program_file.js) holds SQL text and schemas, no rows.
 *
 * Invariants:
 *   G1  Nothing is trusted blindly. A file begins with the digest of the rest. That of earlier visits is named after the build that made
 *       it (kernel and compiler), a bundle says which kernel it is for; others are not used. A Program that cannot be loaded all the same
 *       is dropped, and its statement compiled.
 *   G2  What is stored is bounded: the least recently used Programs go first, and files of the oldest builds.
 *   G3  Tabs that write the file at once add to it: each reads it again, and writes what both have, under a Web Lock.
 *
 * The file is named after the compiler's place, too: that one has been there is what lets `connect` go on before it is loaded.
 */

import { readPrograms, writePrograms } from './program_file.js';

const CACHE = 'turso-wasm';
const LOCK = 'turso-wasm programs';
const MAX_BYTES = 1 << 21;
const MAX_ENTRIES = 512;
const MAX_BUILDS = 3; // files in the cache: of several versions of the engine on one origin
const SAVE_AFTER_MS = 300;

/** @typedef {import('./program_file.js').Entry} Entry */

export class ProgramCache {
  /** Those to be kept, in order of use. @type {Set<Entry>} */ #stored = new Set();
  /** @type {Map<string, Entry[]>} */ #index = new Map();
  /** Digests of bundles. @type {Set<string>} */ #bundles = new Set();
  /** Not to be read again. @type {Entry[]} */ #dropped = [];
  #size = 0;
  #saving = false;
  #figures = { hits: 0, misses: 0, bundled: 0 };

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
    if (build) for (const entry of await cache.#read()) cache.#insert(entry);
    return cache;
  }

  get #url() {
    const path = `/turso-wasm/programs/${this.build}?compiler=${encodeURIComponent(this.source)}`;
    return new URL(path, globalThis.location?.href ?? 'http://localhost').href;
  }

  /** Programs that earlier visits, and this one, have left. */
  get count() {
    return this.#stored.size;
  }

  /** hits: Programs that were taken from here; misses: that were compiled; bundled, stored: that are here. */
  get figures() {
    return { ...this.#figures, stored: this.count };
  }

  /** The Programs under a key. @param {string} environment @param {string} key @returns {readonly Entry[]} */
  find(environment, key) {
    return this.#index.get(indexOf({ environment, key })) ?? [];
  }

  /** Whether there is a Program for it in some other environment. @param {string[]} keys */
  knowsElsewhere(keys) {
    return [...this.#index.keys()].some((index) => keys.includes(index.slice(0, index.indexOf('\0'))));
  }

  /** A Program is used. @param {Entry} entry */
  use(entry) {
    this.#figures.hits++;
    if (this.#stored.delete(entry)) this.#stored.add(entry);
  }

  /** A Program that was compiled. @param {string} environment @param {string | null} key null: no other statement may have it @param {Uint8Array} bytes */
  add(environment, key, bytes) {
    this.#figures.misses++;
    if (key === null || !this.build || bytes.length > MAX_BYTES / 8) return;
    this.#insert({ environment, key, bytes });
    this.#save();
  }

  /** A Program turned out to be none (G1). @param {Entry} entry */
  drop(entry) {
    this.#dropped.push(entry);
    this.#remove(entry);
    this.#save();
  }

  /**
   * Take in what an application brings. Errors: Error, why it is not used.
   * @param {Uint8Array<ArrayBuffer>} file @param {string} kernel digest of the kernel's code
   */
  async addBundle(file, kernel) {
    const { digest, kernel: wanted, entries } = await readPrograms(file);
    if (wanted !== kernel) {
      throw new Error(
        `it is for another version of the engine (kernel ${wanted}, this is ${kernel}): compile it again`,
      );
    }
    if (this.#bundles.has(digest)) return;
    this.#bundles.add(digest);
    this.#figures.bundled += entries.length;
    for (const entry of entries) this.#put(entry);
  }

  /** @param {Entry} entry */
  #put(entry) {
    const variants = this.#index.get(indexOf(entry));
    if (variants) variants.push(entry);
    else this.#index.set(indexOf(entry), [entry]);
  }

  /** @param {Entry} entry */
  #insert(entry) {
    this.#put(entry);
    this.#stored.add(entry);
    this.#size += weight(entry);
    this.#trim();
  }

  /** G2. */
  #trim() {
    for (const old of this.#stored) {
      if (this.#size <= MAX_BYTES && this.#stored.size <= MAX_ENTRIES) break;
      this.#remove(old);
    }
  }

  /** @param {Entry} entry */
  #remove(entry) {
    const left = this.find(entry.environment, entry.key).filter((one) => one !== entry);
    if (left.length) this.#index.set(indexOf(entry), left);
    else this.#index.delete(indexOf(entry));
    if (this.#stored.delete(entry)) this.#size -= weight(entry);
  }

  /** What is stored; nothing when it is unreadable. @returns {Promise<Entry[]>} */
  async #read() {
    try {
      const response = await (await caches.open(CACHE)).match(this.#url);
      return response ? (await readPrograms(new Uint8Array(await response.arrayBuffer()))).entries : [];
    } catch {
      return [];
    }
  }

  /** Take in what other tabs have left since; how many Programs there was room for. */
  async refresh() {
    const others = this.build ? (await this.#read()).filter((theirs) => !this.#has(theirs)) : [];
    const own = [...this.#stored];
    for (const entry of own) this.#stored.delete(entry);
    for (const entry of others) this.#insert(entry);
    for (const entry of own) this.#stored.add(entry);
    this.#trim();
    return others.filter((entry) => this.#stored.has(entry)).length;
  }

  /** Write what there is, soon, and once for all that is added until then. */
  async #save() {
    if (this.#saving || !this.build) return;
    this.#saving = true;
    await new Promise((resolve) => setTimeout(resolve, SAVE_AFTER_MS));
    this.#saving = false;
    try {
      await (navigator.locks?.request(LOCK, () => this.#write()) ?? this.#write());
    } catch {
      // no storage, or none left: the next visit compiles again
    }
  }

  /** G3. */
  async #write() {
    await this.refresh();
    const cache = await caches.open(CACHE);
    await cache.put(this.#url, new Response(await writePrograms(this.#stored)));
    const files = await cache.keys();
    for (const old of files.slice(0, Math.max(0, files.length - MAX_BUILDS))) await cache.delete(old);
  }

  /** @param {Entry} theirs */
  #has(theirs) {
    const known = [...this.find(theirs.environment, theirs.key), ...this.#dropped];
    return known.some((entry) => indexOf(entry) === indexOf(theirs) && equal(entry.bytes, theirs.bytes));
  }
}

/** @param {{environment: string, key: string}} entry */
function indexOf({ environment, key }) {
  return `${key}\0${environment}`;
}

/** @param {Entry} entry */
function weight({ key, bytes }) {
  return key.length + bytes.length;
}

/** @param {Uint8Array} a @param {Uint8Array} b */
function equal(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
