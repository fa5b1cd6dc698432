/** What stands in the way of a synchronous call but not of one that can wait. */

import { SqlError } from '../base/errors.js';

export class NotYet extends SqlError {
  /** @param {string} message @param {number} errcode @param {() => Promise<void>} passed when to try again; it rejects if never */
  constructor(message, errcode, passed) {
    super(message, errcode);
    this.passed = passed;
  }
}

/**
 * `act()`, as often as it takes.
 * @template T
 * @param {() => T} act
 * @param {(promise: Promise<void>) => Promise<void>} [wait] how to wait; it may reject
 * @returns {Promise<T>}
 */
export async function whenPossible(act, wait = (promise) => promise) {
  for (;;) {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof NotYet)) throw error;
      await wait(error.passed());
    }
  }
}

/** @param {number} milliseconds @returns {Promise<void>} */
export function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
