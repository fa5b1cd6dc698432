/** Blocks in memory, as many as there is room for. Like a BlockFile (blocks.js), but that blocks go when others come. */

import { BLOCK } from './blocks.js';

const ROOM = 16 << 20;

export class RecentBlocks {
  /** The oldest first. @type {Map<number, Uint8Array>} */ #blocks = new Map();
  #isKept;

  /** @param {(block: number) => boolean} isKept whether a block stays though it is old */
  constructor(isKept) {
    this.#isKept = isKept;
  }

  /** @param {number} block */
  has(block) {
    return this.#blocks.has(block);
  }

  /** @param {number} block @param {Uint8Array} into @param {number} from in the block */
  read(block, into, from) {
    const bytes = /** @type {Uint8Array} */ (this.#blocks.get(block));
    into.set(bytes.subarray(from, from + into.length));
    return into.length;
  }

  /** @param {number} block @param {Uint8Array} bytes */
  write(block, bytes) {
    if (this.#blocks.size * BLOCK >= ROOM) this.#makeRoom();
    this.#blocks.set(block, bytes.slice());
    return 0;
  }

  #makeRoom() {
    for (const [block, bytes] of this.#blocks) {
      this.#blocks.delete(block);
      if (!this.#isKept(block)) return;
      this.#blocks.set(block, bytes);
    }
  }

  sync() {
    return 0;
  }
}
