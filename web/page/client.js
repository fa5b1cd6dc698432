/**
 * The page's end of one worker: requests out, answers in.
 *
 * Invariants:
 *   P1  Every request settles: with its answer, or, when the worker fails or ends, with what `ended` says.
 *   P2  The worker holds a Web Lock as long as it lives; when the page gets it, the worker has ended.
 */

import { SQLITE_IOERR, SqlError } from '../../base/errors.js';
import { unpackError } from '../protocol.js';

/**
 * @typedef {object} Pending
 * @property {(value: any) => void} resolve
 * @property {(error: unknown) => void} reject
 * @property {((rows: import('../protocol.js').Rows | null) => void) | undefined} onRows null: those that came do not count
 * @property {((message: any) => void) | undefined} onAnswer
 * @typedef {object} RequestOptions
 * @property {AbortSignal | null} [signal]
 * @property {Pending['onRows']} [onRows]
 * @property {(id: number) => void} [onSent]
 * @property {Pending['onAnswer']} [onAnswer]
 */

/** How long the worker's script may take to arrive. */
const START_MS = 60_000;

export class Client {
  /** @type {Map<number, Pending>} */ #pending = new Map();
  #next = 1;
  /** Why the worker does not answer any more. @type {unknown} */ ended = null;
  /** Called when it has ended. @type {Set<() => void>} */ onEnd = new Set();
  /** Told what was not asked for, by database: {changed} when somebody has committed, {hooked} of a hook. @type {Map<number, (news: any) => void>} */ onNews =
    new Map();
  #over = new AbortController();

  /** @param {Worker} worker */
  constructor(worker) {
    this.worker = worker;
    worker.addEventListener('message', (event) => this.#receive(event.data));
    worker.addEventListener('error', (event) => {
      const where = event.filename ? ` (${event.filename}, line ${event.lineno})` : '';
      this.#end(failure(`failed: ${event.message ?? 'its script could not be loaded'}${where}`));
    });
    worker.addEventListener('messageerror', () => {
      this.#end(failure('sent what this page cannot read'));
    });
  }

  /** A number for a statement. */
  number() {
    return this.#next++;
  }

  /** Start the engine in the worker (P2); the answer to `init`. @param {Record<string, any>} fields of `init` */
  async start(fields) {
    const lock = `turso-wasm worker ${crypto.getRandomValues(new Uint32Array(4)).join('-')}`;
    const silent = setTimeout(() => this.#end(failure(`did not start within ${START_MS / 1000} s`)), START_MS);
    const hello = this.request({ op: 'hello', lock });
    const init = this.request({ ...fields, op: 'init' });
    init.catch(() => undefined); // if `hello` fails, so does it
    await hello.finally(() => clearTimeout(silent));
    navigator.locks?.request(lock, () => this.#end(failure('has ended: connect again'))).catch(() => undefined);
    this.#heedFreezing();
    return init;
  }

  /** A page that is frozen, or kept for a way back, must not keep files from other tabs. */
  #heedFreezing() {
    const { signal } = this.#over;
    const freeze = () => this.notify({ op: 'freeze' });
    globalThis.document?.addEventListener('freeze', freeze, { signal });
    globalThis.window?.addEventListener('pagehide', ({ persisted }) => persisted && freeze(), { signal });
  }

  /**
   * Send a request; its answer.
   * @param {Record<string, any>} fields with `op`
   * @param {RequestOptions} [options]
   * @returns {Promise<any>}
   */
  request(fields, { signal, onRows, onSent, onAnswer } = {}) {
    if (this.ended) return Promise.reject(this.ended);
    if (signal?.aborted) return Promise.reject(signal.reason);
    const id = this.#next++;
    const answer = new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject, onRows, onAnswer }));
    try {
      this.worker.postMessage({ ...fields, id });
    } catch (error) {
      this.#pending.delete(id);
      const message = error instanceof Error ? error.message : String(error);
      return Promise.reject(new TypeError(`a value cannot be sent to the database: ${message}`, { cause: error }));
    }
    onSent?.(id);
    return signal ? this.#abortable(id, answer, signal) : answer;
  }

  /** @param {number} id @param {Promise<any>} answer @param {AbortSignal} signal */
  async #abortable(id, answer, signal) {
    const abort = () => this.cancel(id);
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await answer;
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Ask for a request to be given up. @param {number} id */
  cancel(id) {
    if (this.#pending.has(id)) this.notify({ op: 'cancel', target: id });
  }

  /** @param {Record<string, any>} fields */
  notify(fields) {
    if (!this.ended) this.worker.postMessage(fields);
  }

  /** @param {any} message */
  #receive(message) {
    if (message.id === undefined) return this.onNews.get(message.database)?.(message);
    const pending = this.#pending.get(message.id);
    if (!pending) return;
    if (message.rows !== undefined) return pending.onRows?.(message.rows);
    this.#pending.delete(message.id);
    pending.onAnswer?.(message);
    if (message.error) pending.reject(unpackError(message.error));
    else pending.resolve(message.value);
  }

  /** P1. @param {unknown} why */
  #end(why) {
    if (this.ended) return;
    this.ended = why;
    for (const { reject } of this.#pending.values()) reject(why);
    this.#pending.clear();
    this.#over.abort();
    for (const act of this.onEnd) act();
    this.onEnd.clear();
  }

  /** End the worker; everything pending fails. @param {unknown} why */
  terminate(why) {
    this.worker.terminate();
    this.#end(why);
  }
}

/** @param {string} what the worker did */
function failure(what) {
  return new SqlError(`the database worker ${what}`, SQLITE_IOERR);
}
