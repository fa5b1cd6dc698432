/** A file that comes in parts, and takes the place of a database's when all of it is there. */

/**
 * @typedef {object} Staged
 * @property {(part: Blob) => Promise<void>} write the next part
 * @property {() => Promise<Blob>} content what was written, for a look at it
 * @property {() => Promise<void>} commit put it in the database's place, all or nothing
 * @property {() => Promise<void>} discard
 */

/** Kept by the browser, as Blobs are. @implements {Staged} */
export class StagedBlob {
  /** @type {Blob[]} */ #parts = [];
  #replace;

  /** @param {(content: Blob) => Promise<void>} replace */
  constructor(replace) {
    this.#replace = replace;
  }

  /** @param {Blob} part */
  async write(part) {
    this.#parts.push(part);
  }

  async content() {
    return new Blob(this.#parts);
  }

  async commit() {
    await this.#replace(await this.content());
  }

  async discard() {
    this.#parts = [];
  }
}
