/**
 * sql.js's API on our engine.
 *
 *     import initSqlJs from 'turso-wasm/sqljs';
 *     const SQL = await initSqlJs();
 *     const db = new SQL.Database();
 */

import { CODE_NAMES } from '../../base/abi.js';
import { Cursor, Statement as HostStatement, openMemory, startedEngine } from './memory.js';
import { normalized } from './normalized.js';

/** @typedef {null | number | string | Uint8Array | bigint | boolean} Value */
/** @typedef {Value[] | Record<string, Value> | null | undefined} Values */

/** @param {{assets?: string | URL, pyodide?: string | URL}} [config] */
export default async function initSqlJs({ assets, pyodide } = {}) {
  const engine = await startedEngine({ assets, pyodide });
  return {
    Database: class extends Database {
      /** @param {Uint8Array | number[] | null} [data] a database file */
      constructor(data) {
        super(openMemory(engine, data ? Uint8Array.from(data) : undefined));
      }
    },
    Statement,
  };
}

class Database {
  /** @type {any} */ #host;
  /** @type {Set<Statement>} */ #statements = new Set();

  /** @param {any} host */
  constructor(host) {
    this.#host = host;
  }

  get #open() {
    if (!this.#host.open) throw new Error('Database closed');
    return this.#host;
  }

  /** @param {string} sql @param {Values} [params] */
  run(sql, params) {
    if (!params) this.#open.exec(sql);
    else {
      const statement = this.prepare(sql, params);
      try {
        statement.step();
      } finally {
        statement.free();
      }
    }
    return this;
  }

  /** @param {string} sql @param {Values} [params] @param {{useBigInt?: boolean}} [config] */
  exec(sql, params, config = {}) {
    const results = [];
    for (const host of this.#open.each(sql)) {
      const statement = new Statement(this.#statements, new Cursor(host, true));
      if (params) statement.bind(params);
      /** @type {{columns: string[], values: any[][]} | null} */ let result = null;
      while (statement.step()) {
        result ??= { columns: statement.getColumnNames(), values: [] };
        result.values.push(statement.get(null, config));
      }
      if (result) results.push(result);
    }
    return results;
  }

  /** @param {string} sql @param {any} params @param {any} callback @param {any} [done] @param {{useBigInt?: boolean}} [config] */
  each(sql, params, callback, done, config = {}) {
    if (typeof params === 'function') [params, callback, done] = [undefined, params, callback];
    const statement = this.prepare(sql, params);
    try {
      while (statement.step()) callback(statement.getAsObject(null, config));
    } finally {
      statement.free();
    }
    return typeof done === 'function' ? done() : undefined;
  }

  /** @param {string} sql @param {Values} [params] */
  prepare(sql, params) {
    const prepared = this.#open.prepareText(sql, 0);
    if (!prepared) throw new Error('Nothing to prepare');
    const statement = this.#statement(prepared);
    if (params) statement.bind(params);
    return statement;
  }

  /** @param {any} prepared */
  #statement(prepared) {
    const cursor = new Cursor(new HostStatement(this.#host, prepared), true);
    const statement = new Statement(this.#statements, cursor);
    this.#statements.add(statement);
    return statement;
  }

  /** The statements of a text, each to be used before the next is asked for. @param {string} sql */
  iterateStatements(sql) {
    let at = 0;
    /** @type {Statement | null} */ let last = null;
    const next = () => {
      last?.free();
      last = null;
      const prepared = this.#open.prepareText(sql, at);
      if (!prepared) return { done: true, value: undefined };
      at = prepared.end;
      last = this.#statement(prepared);
      return { done: false, value: last };
    };
    const iterator = { next, getRemainingSQL: () => sql.slice(at), [Symbol.iterator]: () => iterator };
    return iterator;
  }

  export() {
    for (const statement of [...this.#statements]) statement.free();
    return this.#open.export();
  }

  close() {
    for (const statement of [...this.#statements]) statement.free();
    if (this.#host.open) this.#host.close();
  }

  /** What a result code means; null where it means nothing went wrong. @param {number} code @returns {null} */
  handleError(code) {
    if (code === 0) return null;
    throw new Error(CODE_NAMES[/** @type {keyof typeof CODE_NAMES} */ (code)] ?? 'unknown error');
  }

  getRowsModified() {
    return this.#open.changes;
  }

  /** @param {((operation: 'insert' | 'update' | 'delete', database: string, table: string, rowid: number | bigint) => void) | null} callback */
  updateHook(callback) {
    const told = (/** @type {string} */ operation, /** @type {any[]} */ ...where) =>
      callback?.(/** @type {any} */ (operation.toLowerCase()), .../** @type {[string, string, number]} */ (where));
    this.#open.hook('update', callback ? told : null);
    return this;
  }

  /** @param {string} name @param {(...values: any[]) => any} code */
  create_function(name, code) {
    this.#open.function(name, code);
    return this;
  }

  /** @param {string} name @param {{init?: () => any, step: (state: any, ...values: any[]) => any, finalize?: (state: any) => any}} parts */
  create_aggregate(name, { init = () => null, step, finalize = (state) => state }) {
    if (typeof step !== 'function') throw new Error(`An aggregate function must have a step function in ${name}`);
    this.#open.aggregate(name, { start: init, step, result: finalize });
    return this;
  }
}

class Statement {
  #cursor;
  #all;

  /** @param {Set<Statement>} all those of the database @param {Cursor} cursor */
  constructor(all, cursor) {
    this.#all = all;
    this.#cursor = cursor;
  }

  get #open() {
    if (this.#cursor.statement.finalized) throw new Error('Statement closed');
    return this.#cursor;
  }

  /** @param {Values} values */
  bind(values) {
    const cursor = this.#open;
    cursor.reset();
    cursor.clear();
    if (Array.isArray(values)) values.forEach((value, i) => void cursor.set(i + 1, bindable(value)));
    else
      for (const [name, value] of Object.entries(values ?? {})) {
        const index = cursor.indexOf(name);
        if (index) cursor.set(index, bindable(value));
      }
    return true;
  }

  step() {
    return this.#open.step();
  }

  /** @param {Values} [params] @param {{useBigInt?: boolean}} [config] @returns {any[]} */
  get(params, { useBigInt = false } = {}) {
    if (params && this.bind(params)) this.step();
    return (this.#open.row ?? []).map((value) => (typeof value === 'bigint' && !useBigInt ? Number(value) : value));
  }

  /** @returns {string[]} */
  getColumnNames() {
    return this.#open.columns;
  }

  /** @param {Values} [params] @param {{useBigInt?: boolean}} [config] @returns {Record<string, any>} */
  getAsObject(params, config) {
    const values = this.get(params, config);
    return Object.fromEntries(this.getColumnNames().map((name, i) => [name, values[i]]));
  }

  /** Of this statement alone. */
  getSQL() {
    const { sql, start, end } = this.#open.statement.prepared;
    return sql.slice(start, end);
  }

  /** Its text as those that differ in literals, space and the case of names have it in common. */
  getNormalizedSQL() {
    return normalized(this.getSQL());
  }

  /** @param {Values} [values] */
  run(values) {
    if (values) this.bind(values);
    this.step();
    return this.reset();
  }

  reset() {
    this.#open.reset();
    return true;
  }

  freemem() {
    this.#open.clear();
  }

  free() {
    if (this.#cursor.statement.finalized) return false;
    this.#all.delete(this);
    this.#cursor.finalize();
    return true;
  }
}

/** @param {any} value */
function bindable(value) {
  const isArray = Array.isArray(value) && value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256);
  if (isArray) return Uint8Array.from(value);
  if (value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value)) return value;
  if (ArrayBuffer.isView(value)) return value;
  throw new Error(`Wrong API use : tried to bind a value of an unknown type (${value}).`);
}
