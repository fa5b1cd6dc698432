/** An open database in the worker, and who may talk to it. */

import { misuse, SQLITE_ERROR, SqlError } from '../../base/errors.js';
import { Tenure } from './tenure.js';

/** @typedef {import('./client.js').Client} Client */
/** @typedef {{tenure?: Tenure | null} & import('./client.js').RequestOptions} Options tenure: the transaction the request is part of */

const WRITES = new Set(['run', 'exec', 'batch', 'script', 'import', 'rekey', 'snapshot', 'restore']);

export class RemoteDatabase {
  /** @type {Tenure | null} */ #tenure = null;
  /** @type {Set<number>} */ #running = new Set();
  /** As the last answer told it. @type {{inTransaction: boolean, changes: number, totalChanges: number}} */ state = {
    inTransaction: false,
    changes: 0,
    totalChanges: 0,
  };
  /** @type {Promise<void> | null} */ #closing = null;
  /** Whether the browser is still to be asked to keep what is stored. */ #asks;
  /** @type {Set<(changed: {tables: string[] | null, own: boolean}) => void>} */ #listeners = new Set();

  /** What is told of rows that changed, and of rollbacks. @type {Map<string, (...told: any[]) => void>} */ hooks =
    new Map();

  /** Called when it is closed, or its worker ends. @type {Set<() => void>} */ ends = new Set();

  #onEnd = () => {
    this.#tenure?.end(this.client.ended);
    for (const act of [...this.ends]) act();
  };

  /**
   * @param {Client} client
   * @param {{database: number, storage: string, readonly: boolean}} opened
   * @param {{integers: import('../rows.js').Integers, timeout: number, persist: boolean}} settings
   * @param {((more?: Record<string, any>) => Promise<{database: number, storage: string, readonly: boolean}>) | null} again opens the same
   *   database once more, with other options; null: nobody can
   */
  constructor(client, { database, storage, readonly }, { integers, timeout, persist }, again) {
    this.client = client;
    this.again = again;
    this.number = database;
    this.storage = storage;
    this.#asks = persist && storage !== 'memory' && storage !== 'file';
    this.integers = integers;
    this.timeout = timeout;
    this.readonly = readonly;
    client.onEnd.add(this.#onEnd);
    client.onNews.set(database, (news) => this.#hear(news));
  }

  /** @param {{changed?: {tables: string[] | null, own: boolean}, hooked?: any[][]}} news */
  #hear({ changed, hooked = [] }) {
    if (changed) for (const told of [...this.#listeners]) told(changed);
    for (const [kind, ...facts] of hooked) {
      try {
        this.hooks.get(kind)?.(...facts);
      } catch (error) {
        globalThis.reportError(error); // the next ones are told nevertheless
      }
    }
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
      const value = await this.client.request(
        { ...fields, database: this.number },
        { ...options, onSent, onAnswer: (answer) => this.#note(answer) },
      );
      if (this.#asks && WRITES.has(fields.op)) {
        this.#asks = false;
        askToPersist();
      }
      return value;
    } finally {
      this.#running.delete(id);
    }
  }

  /** @param {{inTransaction?: boolean, changes?: number, totalChanges?: number}} answer */
  #note({ inTransaction = false, changes, totalChanges }) {
    if (changes !== undefined && totalChanges !== undefined) this.state = { inTransaction, changes, totalChanges };
  }

  /** Run `act` while every request from outside waits. @template T @param {(tenure: Tenure) => Promise<T>} act @param {AbortSignal | null} signal gives up waiting */
  async alone(act, signal) {
    while (this.#tenure) await this.#tenure.wait(signal);
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

  /**
   * Run `act` on a connection of its own, so that nobody has to wait for it; where there can be no other, alone on this one.
   * @template T @param {(connection: RemoteDatabase, tenure: Tenure | null) => Promise<T>} act
   */
  async beside(act) {
    if (!this.again) return this.alone((tenure) => act(this, tenure));
    const settings = { integers: this.integers, timeout: this.timeout, persist: false };
    const other = new RemoteDatabase(this.client, await this.again(), settings, null);
    try {
      return await act(other, null);
    } finally {
      await other.close();
    }
  }

  /** A database of its own that begins as this one is now. */
  async fork() {
    await this.statusOutside('fork');
    const settings = { integers: this.integers, timeout: this.timeout, persist: false };
    const opened = await (this.again ? this.again({ fork: true }) : this.request({ op: 'fork' }));
    return new RemoteDatabase(this.client, opened, settings, null);
  }

  /** @param {string} what is to be done @throws {SqlError} SQLITE_ERROR in a transaction */
  async statusOutside(what) {
    const status = await this.request({ op: 'status' });
    if (status.inTransaction) throw new SqlError(`cannot ${what} within a transaction`, SQLITE_ERROR);
    return status;
  }

  /** @param {(changed: {tables: string[] | null, own: boolean}) => void} listener @returns {Promise<() => Promise<void>>} */
  async listen(listener) {
    this.#listeners.add(listener);
    if (this.#listeners.size === 1) await this.send({ op: 'listen', on: true });
    return async () => {
      if (!this.#listeners.delete(listener) || this.#listeners.size || !this.open) return;
      await this.send({ op: 'listen', on: false });
    };
  }

  interrupt() {
    for (const id of this.#running) this.client.cancel(id);
  }

  /** See Database.close. */
  close() {
    if (!this.#closing) {
      this.#closing = this.#close();
      for (const act of [...this.ends]) act();
    }
    return this.#closing;
  }

  async #close() {
    this.client.onEnd.delete(this.#onEnd);
    this.client.onNews.delete(this.number);
    this.#tenure?.end(closed());
    try {
      await this.client.request({ op: 'close', database: this.number });
    } catch (error) {
      if (!this.client.ended) throw error;
    }
  }
}

let asked = false;

/** Once, and when there is something to be kept: browsers that ask the user then have a reason to. */
function askToPersist() {
  if (!asked) globalThis.navigator?.storage?.persist?.().catch(() => false);
  asked = true;
}

function closed() {
  return misuse('the database is closed');
}
