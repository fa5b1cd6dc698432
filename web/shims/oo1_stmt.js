/** A statement of oo1: bound by index or name, stepped, read by column. */

import { SQLITE_MISUSE } from '../../base/errors.js';
import { SQLITE_BLOB, SQLITE_FLOAT, SQLITE_INTEGER, SQLITE_NULL, SQLITE_RANGE, SQLITE_TEXT } from './capi_values.js';
import { Cursor } from './memory.js';

export class SQLite3Error extends Error {
  /** @param {string} message @param {number} [code] */
  constructor(message, code = 1) {
    super(message);
    this.name = 'SQLite3Error';
    this.resultCode = code;
  }
}

/** `act()`, whose errors of SQL are the API's. @template T @param {() => T} act @returns {T} @throws {SQLite3Error} */
export function checked(act) {
  try {
    return act();
  } catch (error) {
    const { code, errcode, message } = /** @type {any} */ (error) ?? {};
    if (typeof errcode !== 'number') throw error;
    throw new SQLite3Error(`${code}: sqlite3 result code ${errcode}: ${message}`, errcode);
  }
}

export class Stmt {
  #cursor;

  /** Made by `prepare`. @param {any} db @param {any} host */
  constructor(db, host) {
    this.db = db;
    this.#cursor = checked(() => new Cursor(host));
    this.pointer = db.pointer;
    db.statements.add(this);
  }

  get #open() {
    if (this.#cursor.statement.finalized) throw new SQLite3Error('Stmt has been closed.', SQLITE_MISUSE);
    return this.#cursor;
  }

  get columnCount() {
    return this.#open.program.columns.length;
  }

  get parameterCount() {
    return this.#open.values.length;
  }

  /** Where the text ends that it was made from. */
  get end() {
    return this.#open.statement.prepared.end;
  }

  /** @param {...any} args a value, or index or name and a value; values may be arrays and objects */
  bind(...args) {
    const cursor = this.#open;
    if (args.length === 0) throw new SQLite3Error('Invalid bind() arguments.', SQLITE_MISUSE);
    const [where, value] = args.length === 1 ? [undefined, args[0]] : args;
    if (value === undefined) return this;
    if (cursor.running)
      throw new SQLite3Error('Cannot bind() to a statement that is being stepped: reset() it.', SQLITE_MISUSE);
    if (where === undefined && !cursor.values.length)
      throw new SQLite3Error('This statement has no bindable parameters.', SQLITE_MISUSE);
    if (where !== undefined) this.#set(where, value);
    else if (Array.isArray(value)) value.forEach((one, i) => void this.#set(i + 1, one));
    else if (isNames(value)) for (const [name, one] of Object.entries(value)) this.#set(name, one);
    else this.#set(1, value);
    return this;
  }

  /** @param {number | string} where @param {any} value */
  #set(where, value) {
    const cursor = this.#open;
    const index = typeof where === 'string' ? cursor.indexOf(where) : where;
    if (typeof where === 'string' && !index)
      throw new SQLite3Error(`Invalid bind() parameter name: ${where}`, SQLITE_RANGE);
    if (!Number.isInteger(index) || index < 1 || index > cursor.values.length) {
      throw new SQLite3Error(`Bind index ${where} is out of range.`, SQLITE_RANGE);
    }
    if (value === undefined) return;
    checked(() => cursor.set(index, bindable(value)));
  }

  /** @param {...any} args */
  bindAsBlob(...args) {
    const [where, value] = args.length === 1 ? [1, args[0]] : args;
    return this.bind(where, typeof value === 'string' ? new TextEncoder().encode(value) : value);
  }

  clearBindings() {
    this.#open.clear();
    return this;
  }

  /** @param {boolean} [alsoClearBinds] */
  reset(alsoClearBinds = false) {
    this.#open.reset();
    if (alsoClearBinds) this.clearBindings();
    return this;
  }

  step() {
    return checked(() => this.#open.step());
  }

  stepReset() {
    this.step();
    return this.reset();
  }

  stepFinalize() {
    try {
      return this.step();
    } finally {
      this.finalize();
    }
  }

  finalize() {
    if (this.#cursor.statement.finalized) return undefined;
    this.db.statements.delete(this);
    this.#cursor.finalize();
    /** @type {any} */ (this).pointer = undefined;
    return 0;
  }

  isReadOnly() {
    return this.#open.statement.readonly;
  }

  isBusy() {
    return this.#open.running;
  }

  /** @param {any} [where] a column, or an array or an object that is filled with all @param {number} [asType] @returns {any} */
  get(where = [], asType) {
    const { row } = this.#open;
    if (!row) throw new SQLite3Error('Stmt.step() has not (recently) returned true.', SQLITE_MISUSE);
    if (Array.isArray(where)) {
      where.length = 0;
      where.push(...row);
      return where;
    }
    if (where !== null && typeof where === 'object') {
      this.getColumnNames().forEach((name, i) => void (where[name] = row[i]));
      return where;
    }
    return converted(row[this.#column(where)], asType);
  }

  /** @param {number} index */
  #column(index) {
    if (!Number.isInteger(index) || index < 0 || index >= this.columnCount) {
      throw new SQLite3Error(`Column index ${index} is out of range.`, SQLITE_RANGE);
    }
    return index;
  }

  /** @param {number} index */
  getInt(index) {
    return this.get(index, SQLITE_INTEGER);
  }

  /** @param {number} index */
  getFloat(index) {
    return this.get(index, SQLITE_FLOAT);
  }

  /** @param {number} index */
  getString(index) {
    return this.get(index, SQLITE_TEXT);
  }

  /** @param {number} index */
  getBlob(index) {
    return this.get(index, SQLITE_BLOB);
  }

  /** @param {number} index */
  getJSON(index) {
    const text = this.get(index, SQLITE_TEXT);
    return text === null ? null : JSON.parse(text);
  }

  /** @param {number} index */
  getColumnName(index) {
    return this.#open.columns[this.#column(index)];
  }

  /** @param {string[]} [names] */
  getColumnNames(names = []) {
    names.length = 0;
    names.push(...this.#open.columns);
    return names;
  }

  /** @param {string} name */
  getParamIndex(name) {
    return this.#open.indexOf(name) || undefined;
  }

  /** @param {number} index */
  getParamName(index) {
    return this.#open.names[index - 1] ?? undefined;
  }
}

/** @param {any} value */
export function isNames(value) {
  return value !== null && typeof value === 'object' && !ArrayBuffer.isView(value) && !(value instanceof ArrayBuffer);
}

/** @param {any} value */
function bindable(value) {
  if (value === null || ['string', 'number', 'bigint', 'boolean'].includes(typeof value)) return value;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value;
  throw new SQLite3Error(`Unsupported bind() argument type: ${typeof value}`, SQLITE_MISUSE);
}

/** @param {any} value @param {number | undefined} type */
function converted(value, type) {
  if (type === undefined) return value;
  if (type === SQLITE_NULL) return null;
  if (value === null) return type === SQLITE_INTEGER || type === SQLITE_FLOAT ? 0 : null;
  const text = () => (value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value));
  if (type === SQLITE_INTEGER) return typeof value === 'bigint' ? value : Math.trunc(numberIn(value, text));
  if (type === SQLITE_FLOAT) return Number(numberIn(value, text));
  if (type === SQLITE_TEXT) return text();
  if (type === SQLITE_BLOB) return value instanceof Uint8Array ? value : new TextEncoder().encode(text());
  throw new SQLite3Error(`Don't know how to translate type of result column: ${type}`, SQLITE_MISUSE);
}

/** @param {any} value @param {() => string} text */
function numberIn(value, text) {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
  const found = Number.parseFloat(text());
  return Number.isNaN(found) ? 0 : found;
}
