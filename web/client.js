/** The page's end of one worker: requests out, answers in. */

import { SQLITE_CANTOPEN, SqlError } from '../base/errors.js';
import { unpackError } from './protocol.js';

/**
 * @typedef {object} Pending
 * @property {(value: any) => void} resolve
 * @property {(error: unknown) => void} reject
 * @property {((rows: import('./protocol.js').Rows) => void) | undefined} onRows
 */

export class Client {
  /** @type {Map<number, Pending>} */ #pending = new Map();
  #next = 1;
  /** @type {unknown} */ #failure = null;

  /** @param {Worker} worker */
  constructor(worker) {
    this.worker = worker;
    worker.onmessage = (event) => this.#receive(event.data);
    worker.onerror = (event) => {
      const where = event.filename ? ` (${event.filename}, line ${event.lineno})` : '';
      this.#fail(new Error(`the database worker failed: ${event.message ?? 'its script could not be loaded'}${where}`));
    };
    worker.onmessageerror = () => this.#fail(new Error('the database worker sent what this page cannot read'));
  }

  /** A number for a statement. */
  number() {
    return this.#next++;
  }

  /**
   * Send a request; its answer.
   * @param {Record<string, any>} fields with `op`
   * @param {{signal?: AbortSignal | null, onRows?: Pending['onRows'], onSent?: (id: number) => void}} [options]
   * @returns {Promise<any>}
   */
  request(fields, { signal, onRows, onSent } = {}) {
    if (this.#failure) return Promise.reject(this.#failure);
    if (signal?.aborted) return Promise.reject(signal.reason);
    const id = this.#next++;
    const answer = new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject, onRows }));
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
    if (this.#pending.has(id)) this.worker.postMessage({ op: 'cancel', target: id });
  }

  /** @param {Record<string, any>} fields */
  notify(fields) {
    if (!this.#failure) this.worker.postMessage(fields);
  }

  /** @param {any} message */
  #receive(message) {
    const pending = this.#pending.get(message.id);
    if (!pending) return;
    if (message.rows) return pending.onRows?.(message.rows);
    this.#pending.delete(message.id);
    if (message.error) pending.reject(unpackError(message.error));
    else pending.resolve(message.value);
  }

  /** @param {unknown} failure */
  #fail(failure) {
    this.#failure = failure;
    for (const { reject } of this.#pending.values()) reject(failure);
    this.#pending.clear();
  }

  /** End the worker at once. */
  terminate() {
    this.worker.terminate();
    this.#fail(new SqlError('the database worker was terminated', SQLITE_CANTOPEN));
  }
}
