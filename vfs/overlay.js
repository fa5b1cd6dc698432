/**
 * A file that is written though what it began as is not: changed blocks are kept beside it (blocks.js).
 *
 * Invariant:
 *   L1  A block is the overlay's if it has it; else the source's up to `limit`, to which the file was cut at some time; behind it zeros.
 */

import { CAP_OWNED } from '../base/abi.js';
import { StoredFile } from './base.js';
import { BLOCK, BlockFile } from './blocks.js';

export class Overlay extends StoredFile {
  #size;
  #limit;
  /** Whether the blocks' file does not say this yet. */ #isChanged = false;

  /** @param {import('./source.js').Source} source @param {BlockFile} blocks of that source */
  constructor(source, blocks) {
    super();
    this.source = source;
    this.blocks = blocks;
    const isNew = blocks.file.size === 0;
    this.#size = isNew ? source.size : blocks.size;
    this.#limit = isNew ? source.size : blocks.limit;
  }

  /** @override */
  get capabilities() {
    return CAP_OWNED;
  }

  /** @override */
  get size() {
    return this.#size;
  }

  /** @override @param {Uint8Array} into @param {number} at */
  read(into, at) {
    const end = Math.min(at + into.length, this.#size);
    for (let from = at; from < end; ) {
      const block = Math.floor(from / BLOCK);
      const isOwn = this.blocks.has(block);
      let to = Math.min(end, (block + 1) * BLOCK);
      while (!isOwn && to < end && !this.blocks.has(to / BLOCK)) to = Math.min(end, to + BLOCK);
      const part = into.subarray(from - at, to - at);
      if (isOwn) this.blocks.read(block, part, from % BLOCK);
      else this.#readSource(part, from);
      from = to;
    }
    return Math.max(0, end - at);
  }

  /** @param {Uint8Array} into @param {number} at */
  #readSource(into, at) {
    const n = Math.max(0, Math.min(into.length, this.#limit - at));
    const got = n ? this.source.read(into.subarray(0, n), at) : 0;
    into.fill(0, got);
  }

  /** @override @param {Uint8Array} from @param {number} at */
  write(from, at) {
    for (let i = 0; i < from.length; ) {
      const [block, start] = [Math.floor((at + i) / BLOCK), (at + i) % BLOCK];
      const n = Math.min(from.length - i, BLOCK - start);
      const code = this.#writeBlock(block, start, from.subarray(i, i + n));
      if (code < 0) return code;
      i += n;
    }
    this.#size = Math.max(this.#size, at + from.length);
    this.#isChanged = true;
    return 0;
  }

  /** @param {number} block @param {number} start @param {Uint8Array} bytes */
  #writeBlock(block, start, bytes) {
    if (this.blocks.has(block) || bytes.length === BLOCK) return this.blocks.write(block, bytes, start);
    const whole = new Uint8Array(BLOCK);
    this.#readSource(whole, block * BLOCK);
    whole.set(bytes, start);
    return this.blocks.write(block, whole);
  }

  /** @override @param {number} size */
  truncate(size) {
    this.#isChanged = true;
    if (size < this.#size) {
      const last = Math.floor(size / BLOCK);
      this.blocks.drop(Math.ceil(size / BLOCK));
      this.#limit = Math.min(this.#limit, size);
      const code = this.blocks.has(last)
        ? this.blocks.write(last, new Uint8Array(BLOCK - (size % BLOCK)), size % BLOCK)
        : 0;
      if (code < 0) return code;
    }
    this.#size = size;
    return 0;
  }

  /** @override */
  sync() {
    if (!this.#isChanged) return 0;
    this.blocks.size = this.#size;
    this.blocks.limit = this.#limit;
    const code = this.blocks.sync();
    if (code === 0) this.#isChanged = false;
    return code;
  }

  /** What is written from now on lies over another source, which has all that was written so far. @param {import('./source.js').Source} source */
  rest(source) {
    this.source = source;
    this.#size = source.size;
    this.#limit = source.size;
    this.#isChanged = false;
    return this.blocks.clear(source.identity);
  }
}
