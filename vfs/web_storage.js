/**
 * Files in a page's localStorage or sessionStorage: small ones, which can be opened at once and outlive the page.
 *
 * A file is blocks of bytes, each a text of one character a byte without the zeros at its end, and its size:
 *
 *   "turso-wasm NAME/size"   "12288"
 *   "turso-wasm NAME/0"      "SQLite format 3\0…"
 *
 * Nothing is locked, as in SQLite's kvvfs: two tabs may have a database of localStorage open, but only one may write at a time.
 */

import { OPEN_CREATE } from '../base/abi.js';
import { SQLITE_BUSY, SqlError } from '../base/errors.js';
import { CANTOPEN, COMPANIONS, cannotOpen, isDatabase, Storage, StoredFile } from './base.js';

const PREFIX = 'turso-wasm ';
const SIZE = '/size';
const BLOCK = 4096;

/** What is read and written of the browser's, or of a model of it. @typedef {globalThis.Storage} Area */

class StorageFile extends StoredFile {
  #area;
  #key;

  /** @param {Area} area @param {string} key */
  constructor(area, key) {
    super();
    this.#area = area;
    this.#key = key;
  }

  /** @override Others may write it. @returns {number} */
  get capabilities() {
    return 0;
  }

  /** @override */
  get size() {
    return Number(this.#area.getItem(this.#key + SIZE) ?? 0);
  }

  /** @param {number} number */
  #block(number) {
    const text = this.#area.getItem(`${this.#key}/${number}`) ?? '';
    const bytes = new Uint8Array(BLOCK);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  }

  /** @param {number} number @param {Uint8Array} bytes */
  #put(number, bytes) {
    let length = bytes.length;
    while (length && !bytes[length - 1]) length--;
    const key = `${this.#key}/${number}`;
    if (length) this.#area.setItem(key, String.fromCharCode(...bytes.subarray(0, length)));
    else this.#area.removeItem(key);
  }

  /** @override @param {Uint8Array} into @param {number} at */
  read(into, at) {
    const n = Math.max(0, Math.min(into.length, this.size - at));
    for (let done = 0; done < n; ) {
      const [number, from] = placeOf(at + done);
      const part = this.#block(number).subarray(from, from + n - done);
      into.set(part, done);
      done += part.length;
    }
    return n;
  }

  /** @override @param {Uint8Array} from @param {number} at */
  write(from, at) {
    for (let done = 0; done < from.length; ) {
      const [number, start] = placeOf(at + done);
      const part = from.subarray(done, done + BLOCK - start);
      const block = part.length === BLOCK ? part : this.#block(number);
      if (part.length < BLOCK) block.set(part, start);
      this.#put(number, block);
      done += part.length;
    }
    if (at + from.length > this.size) this.#area.setItem(this.#key + SIZE, `${at + from.length}`);
    return 0;
  }

  /** @override @param {number} size */
  truncate(size) {
    const before = this.size;
    const [last, rest] = placeOf(size);
    for (let number = rest ? last + 1 : last; number * BLOCK < before; number++) this.#put(number, new Uint8Array());
    if (rest && size < before) this.#put(last, this.#block(last).subarray(0, rest));
    this.#area.setItem(this.#key + SIZE, `${size}`);
    return 0;
  }
}

/** The block of a byte, and where in it. @param {number} at */
function placeOf(at) {
  return [Math.floor(at / BLOCK), at % BLOCK];
}

export class WebStorage extends Storage {
  #area;
  /** @type {Map<string, number>} */ #users = new Map();

  /** @param {Area} area */
  constructor(area) {
    super();
    this.#area = area;
  }

  /** All keys of ours. */
  get #keys() {
    const all = Array.from({ length: this.#area.length }, (_, i) => this.#area.key(i) ?? '');
    return all.filter((key) => key.startsWith(PREFIX));
  }

  /** How much room it takes, in bytes as browsers count them. */
  get size() {
    return 2 * this.#keys.reduce((sum, key) => sum + key.length + (this.#area.getItem(key) ?? '').length, 0);
  }

  /** Delete everything, whoever has it open; how many entries there were. */
  clear() {
    const keys = this.#keys;
    for (const key of keys) this.#area.removeItem(key);
    return keys.length;
  }

  /** @override @param {string} name @param {{create?: boolean}} [options] */
  async acquire(name, { create = true } = {}) {
    if (name === '') throw cannotOpen('""', 'a database needs a name');
    if (!create && !this.exists(name)) throw cannotOpen(name, 'there is no such database');
    this.#users.set(name, (this.#users.get(name) ?? 0) + 1);
  }

  /** @override @param {string} name */
  async release(name) {
    const users = (this.#users.get(name) ?? 1) - 1;
    if (users > 0) this.#users.set(name, users);
    else this.#users.delete(name);
  }

  /** @override */
  async list() {
    const files = this.#keys.filter((key) => key.endsWith(SIZE));
    return files.map((key) => key.slice(PREFIX.length, -SIZE.length)).filter(isDatabase);
  }

  /** @override @param {string} name */
  async remove(name) {
    if (this.#users.has(name)) throw new SqlError(`database is locked: ${name} is open`, SQLITE_BUSY);
    for (const suffix of ['', ...COMPANIONS]) this.delete(name + suffix);
  }

  /** @override All or nothing, unless the browser ends meanwhile. @param {string} name @param {Blob} content */
  async replace(name, content) {
    const bytes = new Uint8Array(await content.arrayBuffer());
    const before = this.contentOf(name);
    try {
      this.#put(name, bytes);
    } catch (error) {
      this.#put(name, before);
      throw error;
    }
    for (const suffix of COMPANIONS) this.delete(name + suffix);
  }

  /** @param {string} name @param {Uint8Array} bytes */
  #put(name, bytes) {
    const file = new StorageFile(this.#area, PREFIX + name);
    file.truncate(0);
    file.write(bytes, 0);
  }

  /** @override @param {string} name @param {number} flags */
  open(name, flags) {
    const key = PREFIX + name;
    if (!this.exists(name)) {
      if (!(flags & OPEN_CREATE)) return CANTOPEN;
      this.#area.setItem(key + SIZE, '0');
    }
    return new StorageFile(this.#area, key);
  }

  /** @override @param {string} name */
  delete(name) {
    const own = `${PREFIX}${name}/`;
    for (const key of this.#keys) if (key.startsWith(own)) this.#area.removeItem(key);
    return 0;
  }

  /** @override @param {string} name */
  exists(name) {
    return this.#area.getItem(PREFIX + name + SIZE) !== null;
  }
}
