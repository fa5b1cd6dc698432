/**
 * What query builders ask of a database, whether it is the page's (turso-wasm) or the host's (turso-wasm/host): statements, and
 * transactions that nothing from outside gets into. A scope is a database, or a transaction in one.
 */

import { Tenure } from '../page/tenure.js';

/** How long whoever waits for a transaction of the host's that does nothing goes on waiting, as the page's database does by default. */
const PATIENCE_MS = 5000;

/**
 * @typedef {import('../index.js').Statement<any> | import('../host.js').Statement<any>} Statement
 * @typedef {'deferred' | 'immediate' | 'exclusive'} Behavior
 * @typedef {object} Scope
 * @property {<T>(sql: string, act: (statement: Statement) => T | Promise<T>) => Promise<T>} use a statement, finalized afterwards
 * @property {(sql: string, params: any[]) => AsyncGenerator<any, void>} iterate
 * @property {(sql: string) => Promise<void>} exec
 * @property {<T>(behavior: Behavior, act: (inside: Scope) => Promise<T>) => Promise<T>} transaction in another one: a savepoint
 */

/** @type {WeakMap<object, HostDatabase>} */
const hosts = new WeakMap();

/** @param {any} database @returns {Scope} @throws {TypeError} */
export function scopeOf(database) {
  if (typeof database?.onChange === 'function') return new PageScope(database);
  if (typeof database?.prepare !== 'function' || typeof database.exec !== 'function') {
    throw new TypeError('it takes a database of turso-wasm or turso-wasm/host, as `connect` gives it');
  }
  const host = hosts.get(database) ?? new HostDatabase(database);
  hosts.set(database, host);
  return new HostScope(host, null);
}

/** The page's database sees to transactions itself. @implements {Scope} */
class PageScope {
  /** @param {import('../index.js').Handle} handle */
  constructor(handle) {
    this.handle = handle;
  }

  /** @template T @param {string} sql @param {(statement: Statement) => T | Promise<T>} act */
  async use(sql, act) {
    const statement = this.handle.prepare(sql);
    try {
      return await act(statement);
    } finally {
      statement.finalize();
    }
  }

  /** @param {string} sql @param {any[]} params */
  async *iterate(sql, params) {
    const statement = this.handle.prepare(sql);
    try {
      yield* statement.iterate(params);
    } finally {
      statement.finalize();
    }
  }

  /** @param {string} sql */
  async exec(sql) {
    await this.handle.exec(sql);
  }

  /** @template T @param {Behavior} behavior @param {(inside: Scope) => Promise<T>} act @returns {Promise<T>} */
  transaction(behavior, act) {
    return this.handle.transaction((tx) => act(new PageScope(tx)))[behavior]();
  }
}

/** A database of the host's, and whose turn it is. */
class HostDatabase {
  /** @type {Tenure | null} */ tenure = null;

  /** @param {import('../host.js').Database} database */
  constructor(database) {
    this.database = database;
  }

  /** Until no transaction but `own` is open. @param {Tenure | null} own */
  async free(own) {
    while (this.tenure && this.tenure !== own) await this.tenure.wait(null);
  }
}

/** @implements {Scope} */
class HostScope {
  #nested = 0;

  /** @param {HostDatabase} host @param {Tenure | null} tenure the transaction */
  constructor(host, tenure) {
    this.host = host;
    this.tenure = tenure;
  }

  /** @template T @param {() => Promise<T>} act */
  async #inTurn(act) {
    await this.host.free(this.tenure);
    return this.tenure ? this.tenure.during(act) : act();
  }

  /** @template T @param {string} sql @param {(statement: Statement) => T | Promise<T>} act */
  use(sql, act) {
    return this.#inTurn(async () => {
      const statement = this.host.database.prepare(sql);
      try {
        return await act(statement);
      } finally {
        statement.finalize();
      }
    });
  }

  /** @param {string} sql @param {any[]} params */
  async *iterate(sql, params) {
    await this.host.free(this.tenure);
    const statement = this.host.database.prepare(sql);
    try {
      yield* statement.iterate(params);
    } finally {
      statement.finalize();
    }
  }

  /** @param {string} sql @returns {Promise<void>} */
  exec(sql) {
    return this.#inTurn(async () => void this.host.database.exec(sql));
  }

  /** @template T @param {Behavior} behavior @param {(inside: Scope) => Promise<T>} act @returns {Promise<T>} */
  async transaction(behavior, act) {
    if (this.tenure) return this.#around(`SAVEPOINT ${this.#savepoint()}`, this.tenure, act);
    await this.host.free(null);
    const tenure = new Tenure(PATIENCE_MS);
    this.host.tenure = tenure;
    try {
      return await this.#around(`BEGIN ${behavior}`, tenure, act);
    } finally {
      this.host.tenure = null;
      tenure.end();
    }
  }

  #savepoint() {
    return `_adapter_${++this.#nested}`;
  }

  /** @template T @param {string} begin @param {Tenure} tenure @param {(inside: Scope) => Promise<T>} act */
  async #around(begin, tenure, act) {
    const { database } = this.host;
    const savepoint = /^SAVEPOINT (.*)/.exec(begin)?.[1];
    database.exec(begin);
    try {
      const result = await tenure.run(() => act(new HostScope(this.host, tenure)));
      database.exec(savepoint ? `RELEASE ${savepoint}` : 'COMMIT');
      return result;
    } catch (error) {
      if (database.open && database.inTransaction) {
        database.exec(savepoint ? `ROLLBACK TO ${savepoint}; RELEASE ${savepoint}` : 'ROLLBACK');
      }
      throw error;
    }
  }
}

/** Run `act` while no other tab or worker runs one for the database. @template T @param {string} name @param {() => Promise<T>} act @returns {Promise<T>} */
export async function alone(name, act) {
  const { locks } = globalThis.navigator ?? {};
  return locks && name !== ':memory:' ? locks.request(`turso-wasm migrations ${name}`, act) : act();
}
