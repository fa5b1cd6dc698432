/** A copy of a database on its way into the place of another one, in steps. */

import { pageSizeIn } from './image.js';
import { macrotask } from './job.js';

/** A `Stepped` (page/steps.js). */
export class Backup {
  #target;
  #copy;
  #staged;
  #over;
  #done = 0;
  isDone = false;

  /**
   * Into the place of what `target` is.
   * @param {any} target an open database @param {Uint8Array<ArrayBuffer>} copy of a database's file @param {() => unknown} [over] called at the end
   */
  static async into(target, copy, over = () => undefined) {
    return new Backup(target, copy, await target.stage(), over);
  }

  /** @param {any} target @param {Uint8Array<ArrayBuffer>} copy @param {import('../vfs/staging.js').Staged} staged @param {() => unknown} over */
  constructor(target, copy, staged, over) {
    this.#target = target;
    this.#copy = copy;
    this.#staged = staged;
    this.#over = over;
    this.bytes = copy.length;
    this.totalPages = copy.length ? copy.length / pageSizeIn(copy) : 0;
  }

  get remainingPages() {
    return this.totalPages - this.#done;
  }

  /** Copy so many pages; negative: all that are left. With the last one the copy is in its place. @param {number} pages */
  async step(pages) {
    if (this.isDone) return;
    await macrotask();
    const next = pages < 0 ? this.totalPages : Math.min(this.#done + Math.ceil(pages), this.totalPages);
    const size = this.#copy.length / (this.totalPages || 1);
    if (next > this.#done) await this.#staged.write(new Blob([this.#copy.subarray(this.#done * size, next * size)]));
    this.#done = next;
    if (next < this.totalPages) return;
    await this.#target.import(this.#staged);
    this.isDone = true;
  }

  /** It is over: what is not in its place yet is given up. */
  async discard() {
    try {
      if (!this.isDone) await this.#staged.discard();
    } finally {
      await this.#over();
    }
  }
}
