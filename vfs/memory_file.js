/** A file in memory. */

import { CAP_MEMORY, CAP_OWNED } from '../base/abi.js';
import { StoredFile } from './base.js';

/** A growable array of bytes. */
export class MemoryFile extends StoredFile {
  #size;

  /** @param {Uint8Array} [bytes] */
  constructor(bytes = new Uint8Array(0)) {
    super();
    this.bytes = bytes;
    this.#size = bytes.length;
  }

  /** @override */
  get size() {
    return this.#size;
  }

  /** @override @returns {number} */
  get capabilities() {
    return CAP_OWNED | CAP_MEMORY;
  }

  /** @override @param {Uint8Array} into @param {number} at */
  read(into, at) {
    const n = Math.max(0, Math.min(into.length, this.#size - at));
    if (n) into.set(this.bytes.subarray(at, at + n));
    return n;
  }

  /** @override @param {Uint8Array} from @param {number} at */
  write(from, at) {
    if (at + from.length > this.#size) this.truncate(at + from.length);
    this.bytes.set(from, at);
    return 0;
  }

  /** @override @param {number} size */
  truncate(size) {
    if (size > this.bytes.length) {
      const grown = new Uint8Array(Math.max(size, this.bytes.length * 2, 65536));
      grown.set(this.bytes.subarray(0, this.#size));
      this.bytes = grown;
    } else if (size < this.#size) {
      this.bytes.fill(0, size, this.#size);
    }
    this.#size = size;
    return 0;
  }
}
