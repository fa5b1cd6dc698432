/** Errors as pages see them: the SQLite result code by name, and where in the SQL text it happened. */

import { CODE_NAMES } from './abi.js';

export const SQLITE_ERROR = 1;
export const SQLITE_INTERNAL = 2;
export const SQLITE_PERM = 3;
export const SQLITE_ABORT = 4;
export const SQLITE_BUSY = 5;
export const SQLITE_LOCKED = 6;
export const SQLITE_READONLY = 8;
export const SQLITE_INTERRUPT = 9;
export const SQLITE_IOERR = 10;
export const SQLITE_CORRUPT = 11;
export const SQLITE_FULL = 13;
export const SQLITE_CANTOPEN = 14;
export const SQLITE_SCHEMA = 17;
export const SQLITE_MISMATCH = 20;
export const SQLITE_MISUSE = 21;
export const SQLITE_NOTADB = 26;
export const SQLITE_ABORT_ROLLBACK = 516;

/** Pages know it as SqliteError. */
export class SqlError extends Error {
  /**
   * @param {string} message SQLite's message
   * @param {number} [errcode] result code
   * @param {number} [offset] offset in the SQL text in UTF-16 units, -1 when unknown
   * @param {{cause?: unknown}} [options]
   */
  constructor(message, errcode = SQLITE_ERROR, offset = -1, options = undefined) {
    super(message, options);
    this.name = 'SqliteError';
    /** Result code as a number. */
    this.errcode = errcode;
    /** Result code as a name, "SQLITE_CONSTRAINT_UNIQUE". */
    this.code = CODE_NAMES[errcode] ?? CODE_NAMES[errcode & 255] ?? 'SQLITE_ERROR';
    /** Offset in the SQL text in UTF-16 units, or -1. */
    this.offset = offset;
    /** The text of the statement, or script, that failed. @type {string | undefined} */
    this.sql = undefined;
  }
}

/** An error that says which text failed; what was thrown. @param {unknown} error @param {string} sql */
export function aboutSql(error, sql) {
  if (error instanceof SqlError) error.sql ??= sql;
  return error;
}

/** What stands in the way of a synchronous call but not of one that can wait (web/waiting.js). */
export class NotYet extends SqlError {
  /** @param {string} message @param {number} errcode @param {() => Promise<void>} passed when to try again; it rejects if never */
  constructor(message, errcode, passed) {
    super(message, errcode);
    this.passed = passed;
  }
}

/** The class is misused: closed, finalized, busy. @param {string} message */
export function misuse(message) {
  return new SqlError(message, SQLITE_MISUSE);
}
