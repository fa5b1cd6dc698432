/** Functions of the user's, as the C-shaped API defines them: with a context, and values by number. */

import {
  blobOf,
  integerOf,
  numberOf,
  plain,
  SQLITE_DETERMINISTIC,
  SQLITE_DIRECTONLY,
  SQLITE_MISUSE,
  SQLITE_OK,
  SQLiteError,
  textOf,
  typeOf,
} from './capi_values.js';
import { Real } from './memory.js';

const FLAGS = SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY | 0xff; // the last: encodings, which JavaScript has not

/**
 * @typedef {object} Call
 * @property {any[]} values
 * @property {any} result
 * @property {any} app
 */

/** @param {(db: number) => any} databaseOf @param {<T>(act: () => T) => T} checked */
export function callbacks(databaseOf, checked) {
  /** Calls that are under way, by context. @type {Map<number, Call>} */
  const calls = new Map();
  let next = 1;
  const at = (/** @type {number} */ value) => {
    const context = Math.floor(value / 1024);
    return calls.get(context)?.values[value % 1024] ?? null;
  };
  const callOf = (/** @type {number} */ context) => {
    const call = calls.get(context);
    if (!call) throw new SQLiteError('not a function that is running', SQLITE_MISUSE);
    return call;
  };
  const answer = (/** @type {number} */ context, /** @type {any} */ value) => {
    callOf(context).result = value;
  };
  /** @param {any} act @param {number} context @param {any} app @param {any[]} values */
  const called = (act, context, app, values) => {
    calls.set(context, { values, result: null, app });
    try {
      act(
        context,
        Array.from(values, (_, i) => context * 1024 + i),
      );
      const { result } = callOf(context);
      if (result instanceof Error) throw result;
      return result;
    } finally {
      calls.delete(context);
    }
  };
  return {
    /**
     * @param {number} db @param {string} name @param {number} nArg -1: any @param {number} flags @param {any} app what `user_data` gives
     * @param {(context: number, values: number[]) => void} [xFunc] @param {(context: number, values: number[]) => void} [xStep]
     * @param {(context: number) => void} [xFinal]
     */
    create_function: (db, name, nArg, flags, app, xFunc, xStep, xFinal) =>
      checked(() => {
        if (flags & ~FLAGS) throw new SQLiteError(`create_function: unknown flags ${flags}`, SQLITE_MISUSE);
        const host = databaseOf(db);
        const options = { varargs: nArg < 0, directOnly: Boolean(flags & SQLITE_DIRECTONLY), safeIntegers: true };
        const sized = (/** @type {any} */ act, more = 0) =>
          Object.defineProperty(act, 'length', { value: Math.max(nArg, 0) + more });
        if (xFunc) {
          const deterministic = Boolean(flags & SQLITE_DETERMINISTIC);
          host.function(
            name,
            { ...options, deterministic },
            sized((/** @type {any[]} */ ...values) => called(xFunc, next++, app, values)),
          );
        } else if (xStep && xFinal) {
          const step = sized(
            (/** @type {number} */ group, /** @type {any[]} */ ...values) => void called(xStep, group, app, values),
            1,
          );
          host.aggregate(name, {
            ...options,
            start: () => next++,
            step,
            result: (/** @type {number} */ group) => called(xFinal, group, app, []),
          });
        } else if (nArg || xStep || xFinal) {
          throw new SQLiteError('bad parameter or other API misuse', SQLITE_MISUSE);
        } else {
          host.remove('function', name);
        }
        return SQLITE_OK;
      }),
    /** @param {number} context */
    user_data: (context) => callOf(context).app,
    /** @param {number} value */
    value: (value) => plain(at(value)),
    /** @param {number} value */
    value_type: (value) => typeOf(at(value)),
    /** @param {number} value */
    value_text: (value) => textOf(at(value)),
    /** @param {number} value */
    value_blob: (value) => blobOf(at(value)),
    /** @param {number} value */
    value_bytes: (value) => blobOf(at(value)).length,
    /** @param {number} value */
    value_double: (value) => numberOf(at(value)),
    /** @param {number} value */
    value_int: (value) => Number(BigInt.asIntN(32, integerOf(at(value)))),
    /** @param {number} value */
    value_int64: (value) => integerOf(at(value)),
    /** @param {number} context @param {any} value */
    result: (context, value) => answer(context, value),
    /** @param {number} context @param {Uint8Array} value */
    result_blob: (context, value) => answer(context, value),
    /** @param {number} context @param {number} value */
    result_double: (context, value) => answer(context, new Real(value)),
    /** @param {number} context @param {number} value */
    result_int: (context, value) => answer(context, value | 0),
    /** @param {number} context @param {bigint} value */
    result_int64: (context, value) => answer(context, BigInt.asIntN(64, BigInt(value))),
    /** @param {number} context */
    result_null: (context) => answer(context, null),
    /** @param {number} context @param {string} value */
    result_text: (context, value) => answer(context, String(value)),
    /** @param {number} context @param {string} message */
    result_error: (context, message) => answer(context, new Error(message)),
  };
}
