/** Rows of a table function of the user's, as the kernel asks for them (kernel/base/user_rows.py). */

import { heapNeeded, VALUE_SIZE, writeValues } from './parameters.js';

const HEAD = 8;

export class Generator {
  /** An error comes when the rows before it were taken. @type {{error: unknown} | null} */ #failure = null;
  #rows;

  /** @param {(...values: any[]) => Iterable<any>} code @param {string[]} columns @param {any[]} values */
  constructor(code, columns, values) {
    this.columns = columns;
    this.#rows = code(...values)[Symbol.iterator]();
  }

  /** The answer with that many rows, with fewer at the end. @param {number} wanted */
  take(wanted) {
    if (this.#failure) throw this.#failure.error;
    /** @type {unknown[]} */
    const values = [];
    let n = 0;
    try {
      for (; n < wanted; n++) {
        const { done, value } = this.#rows.next();
        if (done) break;
        values.push(...this.#valuesOf(value));
      }
      return answer(n, wanted, values);
    } catch (error) {
      if (n === 0) throw error;
      this.#failure = { error };
      return answer(n, n, values.slice(0, n * this.columns.length)); // the next question throws it
    }
  }

  /** @param {any} row an array, or an object by column */
  #valuesOf(row) {
    if (!Array.isArray(row)) return this.columns.map((name) => row[name]);
    if (row.length !== this.columns.length) {
      throw new RangeError(`a row has ${row.length} values, not ${this.columns.length}`);
    }
    return row;
  }

  /** Nobody takes more. */
  end() {
    this.#rows.return?.();
  }
}

/** @param {number} n @param {number} wanted @param {unknown[]} values */
function answer(n, wanted, values) {
  const heap = HEAD + values.length * VALUE_SIZE;
  const buffer = new ArrayBuffer((heap + heapNeeded(values) + 7) & ~7);
  const views = {
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
    i64: new BigInt64Array(buffer),
    f64: new Float64Array(buffer),
    u8: new Uint8Array(buffer),
  };
  views.i32.set([n, wanted]);
  writeValues(/** @type {any} */ ({ refresh: () => views }), values, HEAD, heap);
  return views.u8;
}
