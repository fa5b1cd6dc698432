/** Texts in the order of a collation of the user's, as the kernel asks for them (kernel/values/labels.py). */

/** Texts of a block; a full one is split. */
const BLOCK = 512;

export class OrderedTexts {
  /** @type {{text: string, number: number}[][]} */ #blocks = [];
  #count = 0;

  /** @param {(a: string, b: string) => number} compare -1, 0 or 1 */
  constructor(compare) {
    this.compare = compare;
  }

  /**
   * 2 * the number of the text before this one (0: none), which is kept; or, + 1, the number of its equal. Numbers count the texts
   * from 1 on as they came.
   * @param {string} text
   */
  place(text) {
    const blocks = this.#blocks;
    if (blocks.length === 0) blocks.push([]);
    const at = Math.max(this.#first(blocks.length, (i) => this.compare(blocks[i][0].text, text) > 0, 1) - 1, 0);
    const block = blocks[at];
    const i = this.#first(block.length, (i) => this.compare(block[i].text, text) >= 0, 0);
    if (i < block.length && this.compare(text, block[i].text) === 0) return block[i].number * 2 + 1;
    const before = i > 0 ? block[i - 1] : at > 0 ? blocks[at - 1][blocks[at - 1].length - 1] : null;
    block.splice(i, 0, { text, number: ++this.#count });
    if (block.length > BLOCK) blocks.splice(at + 1, 0, block.splice(BLOCK / 2));
    return (before?.number ?? 0) * 2;
  }

  /** The first number from `low` on, below n, for which the question has a yes, which all behind it have; n: none. @param {number} n @param {(i: number) => boolean} question @param {number} low */
  #first(n, question, low) {
    let high = n;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (question(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
