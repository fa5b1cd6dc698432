/** Bytes that lie outside of every store and are read where they are: of a Blob (blob.js), at a URL (remote.js). */

import { CAP_OWNED, CAP_READONLY } from '../base/abi.js';
import { SQLITE_IOERR, SqlError } from '../base/errors.js';
import { StoredFile } from './base.js';

export class Source {
  /** Bytes. */ size = 0;
  /** What tells this content from another one at the same place. */ identity = '';
  /** What was read so far: bytes, and in how many calls or requests. */
  figures = { bytes: 0, requests: 0 };

  /** @param {string} name in messages */
  constructor(name) {
    this.name = name;
  }

  /**
   * Read into `into`; the bytes read, fewer only at the end.
   * @param {Uint8Array} into @param {number} at @returns {number} @throws {SqlError} SQLITE_IOERR
   */
  read(into, at) {
    void [into, at];
    return 0;
  }

  /** Nothing more is read. @returns {Promise<void>} */
  async close() {}

  /** @param {string} why @param {unknown} [cause] */
  failure(why, cause) {
    return new SqlError(`disk I/O error: ${this.name}: ${why}`, SQLITE_IOERR, -1, { cause });
  }
}

/** A source as a file that is never written. */
export class SourceFile extends StoredFile {
  /** @param {Source} source */
  constructor(source) {
    super();
    this.source = source;
  }

  /** @override @returns {number} */
  get capabilities() {
    return CAP_OWNED | CAP_READONLY;
  }

  /** @override */
  get size() {
    return this.source.size;
  }

  /** @override @param {Uint8Array} into @param {number} at */
  read(into, at) {
    return this.source.read(into, at);
  }
}
