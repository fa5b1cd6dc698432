/**
 * Databases that lie in a Blob, a File of the user's for example: read where they are, never written.
 *
 * Reading at once needs FileReaderSync, which workers have; elsewhere the content is read into memory by `acquire`.
 */

import { CAP_OWNED, CAP_READONLY } from '../base/abi.js';
import { CANTOPEN, cannotOpen, Storage, StoredFile } from './base.js';

/** A cold page costs a call into the browser: neighbours come along. */
const WINDOW = 1 << 18;

class BlobFile extends StoredFile {
  /** What was read last. */ #window = new Uint8Array(0);
  #windowAt = 0;
  #size;

  /** @param {number} size @param {(start: number, end: number) => Uint8Array<ArrayBuffer>} range */
  constructor(size, range) {
    super();
    this.#size = size;
    this.range = range;
  }

  /** @override @returns {number} */
  get capabilities() {
    return CAP_OWNED | CAP_READONLY;
  }

  /** @override */
  get size() {
    return this.#size;
  }

  /** @override @param {Uint8Array} into @param {number} at */
  read(into, at) {
    const n = Math.max(0, Math.min(into.length, this.#size - at));
    if (!n) return 0;
    if (at < this.#windowAt || at + n > this.#windowAt + this.#window.length) this.#move(at, n);
    into.set(this.#window.subarray(at - this.#windowAt, at - this.#windowAt + n));
    return n;
  }

  /** @param {number} at @param {number} n */
  #move(at, n) {
    const start = at - (at % WINDOW);
    this.#window = this.range(start, Math.min(this.#size, Math.max(at + n, start + WINDOW)));
    this.#windowAt = start;
  }
}

export class BlobStorage extends Storage {
  /** @type {Map<string, BlobFile>} */ #files = new Map();
  #next = 1;

  /** @override */
  get isShared() {
    return false;
  }

  /** Take a Blob in until it is released. @param {Blob} blob @returns {Promise<string>} its name */
  async add(blob) {
    const name = `${this.#next++}/${/** @type {any} */ (blob).name ?? 'blob'}`;
    this.#files.set(name, new BlobFile(blob.size, await readerOf(blob)));
    return name;
  }

  /** @override @param {string} name */
  async acquire(name) {
    if (!this.#files.has(name)) throw cannotOpen(name, 'there is no such file');
  }

  /** @override @param {string} name */
  async release(name) {
    this.#files.delete(name);
  }

  /** @override @param {string} name */
  open(name) {
    return this.#files.get(name) ?? CANTOPEN;
  }

  /** @override @param {string} name */
  exists(name) {
    return this.#files.has(name);
  }
}

/** What reads a range of a Blob at once. @param {Blob} blob @returns {Promise<(start: number, end: number) => Uint8Array<ArrayBuffer>>} */
async function readerOf(blob) {
  if (typeof FileReaderSync !== 'undefined') {
    const reader = new FileReaderSync();
    return (start, end) => new Uint8Array(reader.readAsArrayBuffer(blob.slice(start, end)));
  }
  const whole = new Uint8Array(await blob.arrayBuffer());
  return (start, end) => whole.subarray(start, end);
}
