/** Constants of the C-shaped API, its errors, and values as its column_… and value_… give them: integers come as BigInt. */

export { SQLITE_BUSY, SQLITE_ERROR, SQLITE_MISUSE } from '../../base/errors.js';

export const SQLITE_OK = 0;
export const SQLITE_RANGE = 25;
export const SQLITE_ROW = 100;
export const SQLITE_DONE = 101;
export const SQLITE_INTEGER = 1;
export const SQLITE_FLOAT = 2;
export const SQLITE_TEXT = 3;
export const SQLITE_BLOB = 4;
export const SQLITE_NULL = 5;
export const SQLITE_OPEN_READONLY = 1;
export const SQLITE_OPEN_READWRITE = 2;
export const SQLITE_OPEN_CREATE = 4;
export const SQLITE_OPEN_MEMORY = 0x80;
export const SQLITE_UTF8 = 1;
export const SQLITE_DETERMINISTIC = 0x800;
export const SQLITE_DIRECTONLY = 0x80000;

export class SQLiteError extends Error {
  /** @param {string} message @param {number} code */
  constructor(message, code) {
    super(message);
    this.name = 'SQLiteError';
    this.code = code;
  }
}

/** @param {any} value */
export function plain(value) {
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** @param {any} value */
export function typeOf(value) {
  if (value === null) return SQLITE_NULL;
  if (typeof value === 'bigint') return SQLITE_INTEGER;
  if (typeof value === 'number') return SQLITE_FLOAT;
  return typeof value === 'string' ? SQLITE_TEXT : SQLITE_BLOB;
}

/** @param {any} value */
export function textOf(value) {
  if (value === null) return '';
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < 1e15) return `${value}.0`;
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value);
}

/** @param {any} value */
export function blobOf(value) {
  return value instanceof Uint8Array ? value : new TextEncoder().encode(textOf(value));
}

/** @param {any} value */
export function numberOf(value) {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
  return value === null ? 0 : Number.parseFloat(textOf(value)) || 0;
}

/** @param {any} value */
export function integerOf(value) {
  if (typeof value === 'bigint') return value;
  if (value !== null && typeof value !== 'number') return BigInt(/^\s*[-+]?\d+/.exec(textOf(value))?.[0].trim() ?? 0);
  const number = Math.trunc(numberOf(value));
  if (number >= 2 ** 63) return 2n ** 63n - 1n;
  return number <= -(2 ** 63) ? -(2n ** 63n) : BigInt(number);
}

/** @param {void} _done */
export function ok(_done) {
  return SQLITE_OK;
}

/** What SQLite throws, with its code. @template T @param {() => T} act @returns {T} */
export function checked(act) {
  try {
    return act();
  } catch (error) {
    throw asError(error);
  }
}

/** @param {any} error */
export function asError(error) {
  if (error instanceof SQLiteError || typeof error?.errcode !== 'number') return error;
  return new SQLiteError(error.message, error.errcode);
}
