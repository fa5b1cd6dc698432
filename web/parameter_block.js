/** Where a statement's parameters lie in the kernel's memory: the user's Values, then those of the literals, then texts and blobs. */

import { Run as S } from '../base/abi.js';
import { heapNeeded, VALUE_SIZE, writeValues } from './parameters.js';

const KEEP_BLOCK = 1 << 20;

export class ParameterBlock {
  #at;
  #size;
  #literalsAt = 0;

  /**
   * That of a new statement of the kernel's.
   * @param {import('./kernel.js').Kernel} kernel
   * @param {number} statement its address
   * @param {import('./program.js').Program} program
   */
  constructor(kernel, statement, program) {
    this.kernel = kernel;
    this.statement = statement;
    /** How many Values. */
    this.n = program.n_user_params + program.n_literals;
    this.#at = kernel.refresh().u32[(statement + S.params) >>> 2];
    this.#size = this.n * VALUE_SIZE;
  }

  /** Bind. @param {unknown[]} values */
  put(values) {
    const size = this.n * VALUE_SIZE;
    const needed = size + heapNeeded(values);
    if (needed > this.#size) this.#makeRoom(needed);
    writeValues(this.kernel, values, this.#at, this.#at + size);
  }

  /** After a run: what was large is given back. */
  trim() {
    if (this.#size > KEEP_BLOCK && this.#size > this.n * VALUE_SIZE) this.#makeRoom(0);
  }

  /** Replace the block by one of at least `size` bytes. @param {number} size */
  #makeRoom(size) {
    const { kernel } = this;
    const wanted = Math.max(size + (size >> 2), this.n * VALUE_SIZE);
    const at = kernel.call('malloc', wanted) >>> 0;
    kernel.refresh().u8.copyWithin(at, this.#at, this.#at + this.n * VALUE_SIZE);
    kernel.call('mfree', this.#at);
    this.#at = at;
    this.#size = wanted;
    kernel.u32[(this.statement + S.params) >>> 2] = at;
  }

  /**
   * Copy the literals of the text behind the user's parameters; their texts and blobs stay in a block of their own.
   * @param {import('./schema.js').Prepared} prepared
   */
  placeLiterals({ literals: { bytes, lists }, loaded }) {
    const { kernel } = this;
    const { n_user_params, n_literals } = loaded.program;
    const at = kernel.call('malloc', bytes.length) >>> 0;
    this.#literalsAt = at;
    kernel.write(at, bytes);
    relocate(kernel, at, at, n_literals);
    for (const [index, n_rows, width] of lists) {
      relocate(kernel, at, kernel.u32[(at + index * VALUE_SIZE + 8) >>> 2], n_rows * width);
    }
    kernel.u8.copyWithin(this.#at + n_user_params * VALUE_SIZE, at, at + n_literals * VALUE_SIZE);
  }

  /** The kernel's statement is gone, and with it all but the literals. */
  free() {
    if (this.#literalsAt) this.kernel.call('mfree', this.#literalsAt);
    this.#literalsAt = 0;
  }
}

/**
 * Make the addresses of the texts and blobs among some Values those of the block at `base`.
 * @param {import('./kernel.js').Kernel} kernel
 * @param {number} base
 * @param {number} at address of the first Value
 * @param {number} n
 */
function relocate(kernel, base, at, n) {
  const { u32 } = kernel.refresh();
  for (let value = at >>> 2, end = value + n * 4; value < end; value += 4) {
    if (u32[value] > 2) u32[value + 2] += base; // TEXT, BLOB
  }
}
