/** What a database and a transaction have in common: statements, and transactions inside. */

import { misuse } from '../../base/errors.js';
import { BOOLEAN, check, checkOptions, checkSql, FUNCTION, SIGNAL } from './check.js';
import { Statement } from './statement.js';

/** @typedef {import('./remote.js').RemoteDatabase} RemoteDatabase */
/** @typedef {import('./tenure.js').Tenure} Tenure */

const TEXT = { takes: 'a string', is: (/** @type {any} */ value) => typeof value === 'string' };

export class Handle {
  /** @param {RemoteDatabase} connection @param {Tenure | null} tenure the transaction that its statements are part of */
  constructor(connection, tenure) {
    this.connection = connection;
    this.tenure = tenure;
  }

  /** @param {string} sql */
  prepare(sql) {
    checkSql(sql);
    return new Statement(this, sql);
  }

  /** @param {string} sql @param {{signal?: AbortSignal}} [options] */
  async exec(sql, options) {
    checkSql(sql);
    const { signal } = checkOptions('exec()', options, { signal: SIGNAL });
    await this.request({ op: 'exec', sql }, { signal });
    return this;
  }

  /** @param {string} sql @param {...any} args */
  async run(sql, ...args) {
    return this.#once(sql, (statement) => statement.run(...args));
  }

  /** @param {string} sql @param {...any} args */
  async get(sql, ...args) {
    return this.#once(sql, (statement) => statement.get(...args));
  }

  /** @param {string} sql @param {...any} args */
  async all(sql, ...args) {
    return this.#once(sql, (statement) => statement.all(...args));
  }

  /** @param {string} text @param {{simple?: boolean}} [options] */
  async pragma(text, options) {
    check('pragma()', text, TEXT);
    const { simple } = checkOptions('pragma()', options, { simple: BOOLEAN });
    return this.#once(`PRAGMA ${text}`, (statement) => (simple ? statement.pluck().get() : statement.all()));
  }

  /** @template T @param {string} sql @param {(statement: Statement) => Promise<T>} use */
  async #once(sql, use) {
    const statement = this.prepare(sql);
    try {
      return await use(statement);
    } finally {
      statement.finalize();
    }
  }

  /** @param {Record<string, any>} fields @param {import('./client.js').RequestOptions} [options] @returns {Promise<any>} */
  request(fields, options) {
    return this.connection.request(fields, { ...options, tenure: this.tenure });
  }

  /** @param {(tx: Transaction, ...args: any[]) => any} fn */
  transaction(fn) {
    check('transaction()', fn, FUNCTION);
    const mode =
      (/** @type {string} */ begin) =>
      async (/** @type {any[]} */ ...args) =>
        this.#inTransaction(begin, (tx) => fn(tx, ...args));
    return Object.assign(mode('BEGIN'), {
      deferred: mode('BEGIN'),
      immediate: mode('BEGIN IMMEDIATE'),
      exclusive: mode('BEGIN EXCLUSIVE'),
    });
  }

  /** @param {string} begin @param {(tx: Transaction) => any} act @returns {Promise<any>} */
  #inTransaction(begin, act) {
    if (this.tenure) return this.#savepoint(this.tenure, act);
    return this.connection.alone((tenure) => this.#around([begin, 'COMMIT', 'ROLLBACK'], tenure, act));
  }

  /** @param {Tenure} tenure @param {(tx: Transaction) => any} act */
  #savepoint(tenure, act) {
    const name = `_transaction_${this.connection.client.number()}`;
    return this.#around([`SAVEPOINT ${name}`, `RELEASE ${name}`, `ROLLBACK TO ${name}; RELEASE ${name}`], tenure, act);
  }

  /** @param {string[]} words @param {Tenure} tenure @param {(tx: Transaction) => any} act */
  async #around([begin, commit, rollback], tenure, act) {
    const tx = new Transaction(this.connection, tenure);
    await this.connection.request({ op: 'exec', sql: begin }, { tenure });
    try {
      const result = await tenure.run(() => act(tx));
      await tx.exec(commit);
      return result;
    } catch (error) {
      await tx.undo(rollback);
      throw error;
    } finally {
      tx.over = true;
    }
  }
}

/** What the function given to `transaction` gets: statements inside it. */
export class Transaction extends Handle {
  over = false;

  /** @override @param {Record<string, any>} fields @param {import('./client.js').RequestOptions} [options] @returns {Promise<any>} */
  request(fields, options) {
    if (this.over) return Promise.reject(misuse('the transaction is over'));
    return super.request(fields, options);
  }

  /** Roll back, unless that happened already; with a closed database or an ended worker it did. @param {string} rollback */
  async undo(rollback) {
    try {
      const { inTransaction } = await this.request({ op: 'status' });
      if (inTransaction) await this.exec(rollback);
    } catch (error) {
      if (this.connection.open) throw error;
    }
  }
}
