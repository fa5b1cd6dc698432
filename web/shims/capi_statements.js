/** Parameters and columns of statements, as the C-shaped API has them. */

import { numberOf as parameterOf, tokensOf } from '../lists.js';
import {
  blobOf,
  checked,
  integerOf,
  numberOf,
  ok,
  plain,
  SQLITE_MISUSE,
  SQLITE_OK,
  SQLiteError,
  textOf,
  typeOf,
} from './capi_values.js';
import { Real } from './memory.js';

/** @typedef {import('./memory.js').Cursor} Cursor */

/** @param {(stmt: number) => Cursor} cursorOf */
export function parametersOf(cursorOf) {
  const set = (/** @type {number} */ stmt, /** @type {number} */ i, /** @type {any} */ value) =>
    checked(() => {
      const cursor = cursorOf(stmt);
      if (cursor.running) throw new SQLiteError('bad parameter or other API misuse', SQLITE_MISUSE);
      cursor.set(i, value);
      return SQLITE_OK;
    });
  const api = {
    /** By the kind of the value. @param {number} stmt @param {number} i from 1 @param {any} value */
    bind: (stmt, i, value) => (value === undefined ? SQLITE_OK : set(stmt, i, bytesOf(value))),
    /** @param {number} stmt @param {any[] | Record<string, any>} values */
    bind_collection(stmt, values) {
      const names = cursorOf(stmt).names;
      names.forEach((name, i) => {
        const value = Array.isArray(values) ? values[i] : name === null ? undefined : values[name];
        api.bind(stmt, i + 1, value);
      });
      return SQLITE_OK;
    },
    /** @param {number} stmt @param {number} i @param {any} value */
    bind_blob: (stmt, i, value) => set(stmt, i, bytesOf(value)),
    /** @param {number} stmt @param {number} i @param {number} value */
    bind_double: (stmt, i, value) => set(stmt, i, new Real(value)),
    /** @param {number} stmt @param {number} i @param {number} value */
    bind_int: (stmt, i, value) => set(stmt, i, value | 0),
    /** @param {number} stmt @param {number} i @param {bigint} value */
    bind_int64: (stmt, i, value) => set(stmt, i, BigInt.asIntN(64, BigInt(value))),
    /** @param {number} stmt @param {number} i */
    bind_null: (stmt, i) => set(stmt, i, null),
    /** @param {number} stmt @param {number} i @param {string} value */
    bind_text: (stmt, i, value) => set(stmt, i, String(value)),
    /** @param {number} stmt */
    bind_parameter_count: (stmt) => cursorOf(stmt).values.length,
    /** @param {number} stmt @param {number} i */
    bind_parameter_name: (stmt, i) => cursorOf(stmt).names[i - 1] ?? '',
    /** @param {number} stmt @param {string} name */
    bind_parameter_index: (stmt, name) => cursorOf(stmt).indexOf(name),
    /** @param {number} stmt */
    clear_bindings: (stmt) => ok(cursorOf(stmt).clear()),
  };
  return api;
}

/** @param {(stmt: number) => Cursor} cursorOf */
export function columnsOf(cursorOf) {
  const valueAt = (/** @type {number} */ stmt, /** @type {number} */ i) => cursorOf(stmt).row?.[i] ?? null;
  const described = (/** @type {number} */ stmt, /** @type {number} */ i) => cursorOf(stmt).statement.columns()[i];
  return {
    /** As JavaScript has it: integers as numbers where these are exact. @param {number} stmt @param {number} i */
    column: (stmt, i) => plain(valueAt(stmt, i)),
    /** @param {number} stmt */
    row: (stmt) => (cursorOf(stmt).row ?? []).map(plain),
    /** @param {number} stmt */
    data_count: (stmt) => cursorOf(stmt).row?.length ?? 0,
    /** @param {number} stmt */
    column_count: (stmt) => cursorOf(stmt).program.columns.length,
    /** @param {number} stmt @param {number} i */
    column_name: (stmt, i) => cursorOf(stmt).columns[i],
    /** @param {number} stmt */
    column_names: (stmt) => cursorOf(stmt).columns,
    /** @param {number} stmt @param {number} i */
    column_type: (stmt, i) => typeOf(valueAt(stmt, i)),
    /** @param {number} stmt @param {number} i */
    column_blob: (stmt, i) => blobOf(valueAt(stmt, i)),
    /** @param {number} stmt @param {number} i */
    column_bytes: (stmt, i) => blobOf(valueAt(stmt, i)).length,
    /** @param {number} stmt @param {number} i */
    column_double: (stmt, i) => numberOf(valueAt(stmt, i)),
    /** @param {number} stmt @param {number} i */
    column_int: (stmt, i) => Number(BigInt.asIntN(32, integerOf(valueAt(stmt, i)))),
    /** @param {number} stmt @param {number} i */
    column_int64: (stmt, i) => integerOf(valueAt(stmt, i)),
    /** @param {number} stmt @param {number} i */
    column_text: (stmt, i) => textOf(valueAt(stmt, i)),
    /** The type that the column was declared with; null: it is an expression. @param {number} stmt @param {number} i @returns {string | null} */
    column_decltype: (stmt, i) => described(stmt, i)?.type ?? null,
    /** @param {number} stmt @param {number} i @returns {string | null} */
    column_table_name: (stmt, i) => described(stmt, i)?.table ?? null,
    /** @param {number} stmt @param {number} i @returns {string | null} */
    column_origin_name: (stmt, i) => described(stmt, i)?.column ?? null,
  };
}

/** A statement's text with what is bound, as SQL. @param {Cursor} cursor @param {string} sql */
export function expanded(cursor, sql) {
  const quote = cursor.statement.database.prepare('SELECT quote(?)').pluck();
  let text = '';
  let done = 0;
  let last = 0;
  for (const { text: token, at } of tokensOf(sql)) {
    const number = parameterOf(token, last, cursor.names);
    if (!number) continue;
    last = Math.max(last, number);
    text += sql.slice(done, at) + quote.get([cursor.values[number - 1]]);
    done = at + token.length;
  }
  quote.finalize();
  return text + sql.slice(done);
}

/** @param {any} value */
function bytesOf(value) {
  return Array.isArray(value) ? Uint8Array.from(value) : value;
}
