/** Requests that are being served: cancelling them, and pausing between their time slices. */

import { SQLITE_INTERRUPT, SqlError } from '../base/errors.js';
import { whenPossible } from './waiting.js';

/** @typedef {import('./statement.js').HostStatement} HostStatement */

/** A request that is being served, or will be. */
export class Job {
  started = false;
  cancelled = false;
  answered = false;
  /** A store could not write what it did: its files have to be acquired anew. */ unsettled = false;
  paused = performance.now();
  /** @type {((error: unknown) => void) | null} */ #wake = null;
  /** @type {AbortController | null} */ #over = null;

  /** @param {any} message @param {import('./session.js').Open | undefined} open */
  constructor(message, open) {
    this.message = message;
    this.open = open;
  }

  cancel() {
    this.cancelled = true;
    this.#over?.abort(interrupted());
    this.#wake?.(interrupted());
  }

  /** Aborts when it is cancelled. */
  get signal() {
    this.#over ??= new AbortController();
    return this.#over.signal;
  }

  /** @param {HostStatement} [statement] what runs @throws {SqlError} SQLITE_INTERRUPT when it is to end here */
  check(statement) {
    if (this.cancelled || (statement && this.#isLost(statement))) throw interrupted();
  }

  /** Whether nobody will miss what a statement does: its database is being closed. @param {HostStatement} statement */
  #isLost({ readonly, database }) {
    return this.open?.closing && (readonly || database.inTransaction);
  }

  /** `act()`, as often as it takes (waiting.js). @template T @param {() => T} act @returns {Promise<T>} */
  possible(act) {
    return whenPossible(act, (promise) => this.wait(promise));
  }

  /** Wait for something that may take long; a cancelled job does not. @template T @param {Promise<T>} promise @returns {Promise<T>} */
  async wait(promise) {
    this.check();
    try {
      return await new Promise((resolve, reject) => {
        this.#wake = reject;
        promise.then(resolve, reject);
      });
    } finally {
      this.#wake = null;
      this.paused = performance.now();
    }
  }
}

export function interrupted() {
  return new SqlError('interrupted', SQLITE_INTERRUPT);
}

const channel = new MessageChannel();
/** @type {(() => void)[]} */
const waiting = [];
/** A port that listens keeps a process of Node alive: only while somebody waits. @type {any} */
const port = channel.port1;
port.onmessage = () => {
  waiting.shift()?.();
  if (!waiting.length) port.unref?.();
};
port.unref?.();

/** Until messages that have arrived were delivered. @returns {Promise<void>} */
export function macrotask() {
  return new Promise((resolve) => {
    waiting.push(resolve);
    port.ref?.();
    channel.port2.postMessage(0);
  });
}
