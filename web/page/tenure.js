/**
 * A transaction's hold on a connection: everything from outside waits until it is over.
 *
 * Who waits inside the transaction function itself would wait for ever, so: a call that can be seen to come from there is refused at
 * once (the function runs under a name that is looked for in the stack, which in some engines goes back through `await`), and whoever
 * waits while the transaction does nothing is refused when the patience is over, as SQLite's busy timeout has it.
 */

import { misuse, SQLITE_BUSY, SqlError } from '../../base/errors.js';

const DEPTH = 200;
const ADVICE =
  'inside transaction(async (tx) => …) write tx.prepare(sql), tx.run(sql) and tx.transaction(fn): the database itself, and statements prepared on it, wait until the transaction is over';

let next = 1;

export class Tenure {
  #name = `turso_transaction_${next++}_`;
  /** @type {Set<{resolve: () => void, reject: (error: unknown) => void}>} */ #waiting = new Set();
  #requests = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;

  /** @param {number} patience milliseconds */
  constructor(patience) {
    this.patience = patience;
  }

  /** Run the transaction function. @template T @param {() => T | Promise<T>} act @returns {Promise<T>} */
  async run(act) {
    const { [this.#name]: named } = { [this.#name]: async () => await act() };
    return named();
  }

  /** Wait until it is over. @param {AbortSignal | null | undefined} signal @returns {Promise<void>} @throws {SqlError} SQLITE_MISUSE, SQLITE_BUSY */
  async wait(signal) {
    if (stackHas(this.#name)) throw misuse(`this would wait for its own transaction: ${ADVICE}`);
    await new Promise((/** @type {(nothing: void) => void} */ resolve, reject) => {
      const waiter = { resolve, reject };
      const abort = () => {
        this.#waiting.delete(waiter);
        reject(signal?.reason);
      };
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.add(waiter);
      this.#watch();
    });
  }

  /** Requests of the transaction; the patience of those who wait begins when there are none. @template T @param {() => Promise<T>} request */
  async during(request) {
    this.#requests++;
    this.#watch();
    try {
      return await request();
    } finally {
      this.#requests--;
      this.#watch();
    }
  }

  #watch() {
    clearTimeout(this.#timer);
    if (this.#requests || !this.#waiting.size) return;
    this.#timer = setTimeout(() => {
      const idle = `a transaction has been open for ${this.patience} ms without doing anything`;
      this.end(new SqlError(`database is locked: ${idle}; ${ADVICE}`, SQLITE_BUSY));
    }, this.patience);
  }

  /** Let those who wait go on, or fail. @param {unknown} [error] */
  end(error) {
    clearTimeout(this.#timer);
    for (const { resolve, reject } of this.#waiting) error ? reject(error) : resolve();
    this.#waiting.clear();
  }
}

/** Whether a function of that name is being executed, or awaited. @param {string} name */
function stackHas(name) {
  const engine = /** @type {{stackTraceLimit?: number}} */ (Error);
  const limit = engine.stackTraceLimit;
  engine.stackTraceLimit = DEPTH;
  const { stack } = new Error();
  engine.stackTraceLimit = limit;
  return Boolean(stack?.includes(name));
}
