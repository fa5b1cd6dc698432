/** Things of JavaScript's under numbers, as a C API hands them out. */

import { SQLITE_MISUSE, SQLiteError } from './capi_values.js';

/** Things by number. @template T */
export class Handles {
  /** @type {Map<number, T>} */ #all = new Map();
  #next = 1;

  /** @param {string} what */
  constructor(what) {
    this.what = what;
  }

  /** @param {T} thing */
  add(thing) {
    const number = this.#next++;
    this.#all.set(number, thing);
    return number;
  }

  /** @param {number} number @returns {T} */
  get(number) {
    const found = this.#all.get(number);
    if (found === undefined) throw new SQLiteError(`not a ${this.what}`, SQLITE_MISUSE);
    return found;
  }

  /** @param {number} number */
  delete(number) {
    this.#all.delete(number);
  }

  entries() {
    return [...this.#all];
  }
}
