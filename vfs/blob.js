/**
 * A Blob, a File of the user's for example, read where it is.
 *
 * Reading at once needs FileReaderSync, which workers have; elsewhere the content is read into memory when it is opened.
 */

import { cannotOpen } from './base.js';
import { Source } from './source.js';

/** A cold page costs a call into the browser: neighbours come along. */
const WINDOW = 1 << 16;
/** So much of its beginning tells a content from another: the header of a database counts its changes. */
const HEADER_SIZE = 100;

/** @typedef {(start: number, end: number) => Uint8Array<ArrayBuffer>} Range what reads a range at once */

export class BlobSource extends Source {
  /** What was read last. */ #window = new Uint8Array(0);
  #windowAt = 0;
  #range;

  /** @param {Blob} blob @returns {Promise<BlobSource>} @throws {SqlError} SQLITE_CANTOPEN */
  static async open(blob) {
    const name = nameOf(blob);
    try {
      const source = new BlobSource(name, blob.size, await readerOf(blob));
      const header = new Uint8Array(await blob.slice(0, HEADER_SIZE).arrayBuffer());
      source.identity = `${blob.size} ${/** @type {any} */ (blob).lastModified ?? 0} ${header.join(' ')}`;
      return source;
    } catch (cause) {
      const why = `it is a directory, or was changed or removed since it was chosen (${describe(cause)})`;
      throw cannotOpen(name, new Error(why, { cause }));
    }
  }

  /** @param {string} name @param {number} size @param {Range} range */
  constructor(name, size, range) {
    super(name);
    this.size = size;
    this.#range = range;
  }

  /** @override @param {Uint8Array} into @param {number} at */
  read(into, at) {
    const n = Math.max(0, Math.min(into.length, this.size - at));
    if (!n) return 0;
    if (at < this.#windowAt || at + n > this.#windowAt + this.#window.length) this.#move(at, n);
    into.set(this.#window.subarray(at - this.#windowAt, at - this.#windowAt + n));
    return n;
  }

  /** @param {number} at @param {number} n */
  #move(at, n) {
    const start = at - (at % WINDOW);
    try {
      this.#window = this.#range(start, Math.min(this.size, Math.max(at + n, start + WINDOW)));
    } catch (error) {
      throw this.failure(`it was changed or removed since it was opened (${describe(error)}): connect again`, error);
    }
    this.#windowAt = start;
    this.figures.requests++;
    this.figures.bytes += this.#window.length;
  }
}

/** @param {Blob} blob @returns {string} */
export function nameOf(blob) {
  return /** @type {any} */ (blob).name ?? 'blob';
}

/** @param {Blob} blob @returns {Promise<Range>} */
async function readerOf(blob) {
  if (typeof FileReaderSync !== 'undefined') {
    const reader = new FileReaderSync();
    return (start, end) => new Uint8Array(reader.readAsArrayBuffer(blob.slice(start, end)));
  }
  const whole = new Uint8Array(await blob.arrayBuffer());
  return (start, end) => whole.subarray(start, end);
}

/** @param {unknown} error */
function describe(error) {
  return error instanceof Error ? error.name : String(error);
}
