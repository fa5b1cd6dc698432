/** Waiting for what a synchronous call cannot wait for. */

import { NotYet } from '../base/errors.js';

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
