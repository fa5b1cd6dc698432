/** Errors as pages see them: the SQLite result code by name, and where in the SQL text it happened. */

/** Result codes by number (https://sqlite.org/rescode.html); extended codes carry their primary code in the low byte. */
const NAMES = {
  1: 'ERROR', 2: 'INTERNAL', 3: 'PERM', 4: 'ABORT', 5: 'BUSY', 6: 'LOCKED', 7: 'NOMEM', 8: 'READONLY', 9: 'INTERRUPT',
  10: 'IOERR', 11: 'CORRUPT', 12: 'NOTFOUND', 13: 'FULL', 14: 'CANTOPEN', 15: 'PROTOCOL', 17: 'SCHEMA', 18: 'TOOBIG',
  19: 'CONSTRAINT', 20: 'MISMATCH', 21: 'MISUSE', 23: 'AUTH', 25: 'RANGE', 26: 'NOTADB', 275: 'CONSTRAINT_CHECK',
  517: 'BUSY_SNAPSHOT', 787: 'CONSTRAINT_FOREIGNKEY', 1299: 'CONSTRAINT_NOTNULL', 1555: 'CONSTRAINT_PRIMARYKEY',
  2067: 'CONSTRAINT_UNIQUE', 2579: 'CONSTRAINT_ROWID', 3091: 'CONSTRAINT_DATATYPE',
};

export const SQLITE_INTERNAL = 2;

export class SqlError extends Error {
  /**
   * @param {string} message SQLite's message
   * @param {number} [errcode] result code
   * @param {number} [offset] character offset in the SQL text, -1 when unknown
   */
  constructor(message, errcode = 1, offset = -1) {
    super(message);
    this.name = 'SqlError';
    /** Result code as a number. */
    this.errcode = errcode;
    /** Result code as a name, "SQLITE_CONSTRAINT_UNIQUE". */
    this.code = `SQLITE_${NAMES[errcode] ?? NAMES[errcode & 255] ?? 'ERROR'}`;
    /** Character offset in the SQL text, or -1. */
    this.offset = offset;
  }
}
