/** An open database in the worker, and who may talk to it. */

import { misuse } from '../../base/errors.js';
import { Tenure } from './tenure.js';

/** @typedef {import('./client.js').Client} Client */
/** @typedef {{tenure?: Tenure | null} & import('./client.js').RequestOptions} Options tenure: the transaction the request is part of */

export class RemoteDatabase {
  /** @type {Tenure | null} */ #tenure = null;
  /** @type {Set<number>} */ #running = new Set();
  /** @type {Promise<void> | null} */ #closing = null;

  #onEnd = () => this.#tenure?.end(this.client.ended);

  /** @param {Client} client @param {number} number @param {{integers: import('../rows.js').Integers, timeout: number}} settings */
  constructor(client, number, { integers, timeout }) {
    this.client = client;
    this.number = number;
    this.integers = integers;
    this.timeout = timeout;
    client.onEnd.add(this.#onEnd);
  }

  get open() {
    return !this.#closing && !this.client.ended;
  }

  /** Ask the worker, after a transaction of somebody else. @param {Record<string, any>} fields @param {Options} [options] @returns {Promise<any>} */
  async request(fields, { tenure = null, ...options } = {}) {
    while (this.#tenure && this.#tenure !== tenure) await this.#tenure.wait(options.signal);
    return tenure ? tenure.during(() => this.send(fields, options)) : this.send(fields, options);
  }

  /** Ask the worker, whatever else goes on. @param {Record<string, any>} fields @param {import('./client.js').RequestOptions} [options] @returns {Promise<any>} */
  async send(fields, options) {
    if (this.#closing) throw closed();
    let id = 0;
    const onSent = (/** @type {number} */ sent) => {
      id = sent;
      this.#running.add(id);
    };
    try {
      return await this.client.request({ ...fields, database: this.number }, { ...options, onSent });
    } finally {
      this.#running.delete(id);
    }
  }

  /** Run `act` while every request from outside waits. @template T @param {(tenure: Tenure) => Promise<T>} act */
  async alone(act) {
    while (this.#tenure) await this.#tenure.wait(null);
    if (this.#closing) throw closed();
    const tenure = new Tenure(this.timeout);
    this.#tenure = tenure;
    try {
      return await act(tenure);
    } finally {
      this.#tenure = null;
      tenure.end();
    }
  }

  interrupt() {
    for (const id of this.#running) this.client.cancel(id);
  }

  /** See Database.close. */
  close() {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close() {
    this.client.onEnd.delete(this.#onEnd);
    this.#tenure?.end(closed());
    try {
      await this.client.request({ op: 'close', database: this.number });
    } catch (error) {
      if (!this.client.ended) throw error;
    }
  }
}

function closed() {
  return misuse('the database is closed');
}
