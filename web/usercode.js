/**
 * The user's own functions, aggregates and collations, as the kernel calls them (kernel/base/callback.py).
 *
 * `UserCode` is what one connection has registered: the callables behind the numbers of its registry (catalog/functions.py
 * Registry.own), and the aggregate instances that are in work. `UserCalls` is the host's side of a call: values out of linear
 * memory, the answer into it.
 *
 * Invariants:
 *   V1  While a call runs the kernel's stack ends at its answer.
 *   V2  What is thrown becomes a result code; the thrown value itself waits in `failure` until the kernel has been left.
 */

import {
  ANSWER_ROOM,
  BLOB,
  KernelConnection as C,
  CALL_BATCH,
  CALL_BITS,
  CALL_COMMIT,
  CALL_COMPARE,
  CALL_CONVERT,
  CALL_FINAL,
  CALL_FUNCTION,
  CALL_INVERSE,
  CALL_PLACE,
  CALL_QUEUE,
  CALL_RAISE,
  CALL_ROWS,
  CALL_STEP,
  CALL_TOKENS,
  CALL_VALUE,
  CALL_VALUES,
  INTEGER,
  NULL,
  REAL,
  STATEMENTS,
  TEXT,
} from '../base/abi.js';
import { SQLITE_BUSY, SQLITE_ERROR, SqlError } from '../base/errors.js';
import { Hooks } from './hooks.js';
import { heapNeeded, VALUE_SIZE, writeValues } from './parameters.js';
import { noNumber } from './rows.js';
import { OrderedTexts } from './userorder.js';
import { Generator } from './userrows.js';
import { packTokens } from './usertokens.js';
import { bytesOf, describe, isBytes, Real } from './values.js';

const OPERATION_MASK = (1 << CALL_BITS) - 1;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/**
 * @typedef {['function', string, number, boolean, boolean]} OwnFunction name, arguments (-1: any number), deterministic, direct only
 * @typedef {['typed', string, number, boolean, string]} OwnTyped name, arguments, direct only, source text in Python
 * @typedef {['aggregate', string, number, boolean, boolean]} OwnAggregate name, arguments, direct only, has an inverse
 * @typedef {['collation', string]} OwnCollation
 * @typedef {['table', string, string[], string[], boolean]} OwnTable columns, parameters, direct only
 * @typedef {['tokenizer', string]} OwnTokenizer
 * @typedef {OwnFunction | OwnTyped | OwnAggregate | OwnCollation | OwnTokenizer | OwnTable} Own what bridge.Compiler.open_schema takes
 *
 * @typedef {object} Callable
 * @property {import('./rows.js').Integers} integers
 * @property {(...values: any[]) => unknown} [call]
 * @property {Aggregate} [aggregate]
 * @property {string[]} [columns] of the rows that a table function gives
 *
 * @typedef {object} Aggregate
 * @property {() => unknown} start
 * @property {(total: any, ...values: any[]) => unknown} step
 * @property {((total: any, ...values: any[]) => unknown) | undefined} inverse
 * @property {(total: any) => unknown} result
 */

export class UserCode {
  /** By number. @type {(Own | null)[]} */ own = [];
  /** @type {(Callable | null)[]} */ #code = [];
  /** What gives the rows of sqlite_stmt. @type {Callable | null} */ statements = null;
  /** What the kernel has given a number: totals of aggregates, texts in order, failures of batches. @type {Map<number, any>} */
  #kept = new Map();
  hooks = new Hooks();
  /** Calls that have not returned. */
  depth = 0;

  /** The number of the entry that `own` would replace, -1: of none. @param {Own} own */
  numberOf(own) {
    const [kind, name, arity] = own;
    const folded = name.toLowerCase();
    const isCall = isCalled(kind);
    return this.own.findIndex(
      (known) =>
        known !== null &&
        known[1].toLowerCase() === folded &&
        (isCall ? isCalled(known[0]) && known[2] === arity : known[0] === kind),
    );
  }

  /** Register, or replace what has the same name (and arity). @param {Own} own @param {Callable} code */
  put(own, code) {
    const known = this.numberOf(own);
    const number = known < 0 ? this.own.length : known;
    this.own[number] = own;
    this.#code[number] = code;
  }

  /** Forget all of a kind and name. @param {Own[0]} kind @param {string} name */
  remove(kind, name) {
    this.own.forEach((own, number) => {
      if (own === null || own[1].toLowerCase() !== name.toLowerCase()) return;
      if (own[0] !== kind && !(own[0] === 'typed' && kind === 'function')) return;
      this.own[number] = null;
      this.#code[number] = null;
    });
  }

  /**
   * What a call gives.
   * @param {number} routine @param {number} instance @param {(integers: import('./rows.js').Integers) => any[]} read the arguments
   */
  run(routine, instance, read) {
    const operation = routine & OPERATION_MASK;
    if (operation === CALL_RAISE) throw this.#take(instance).error;
    if (operation === CALL_COMMIT) return this.hooks.refuses();
    const number = routine >> CALL_BITS;
    const code = /** @type {Callable} */ (number === STATEMENTS ? this.statements : this.#code[number]);
    const values = read(code.integers);
    if (operation === CALL_ROWS) return this.#rows(instance, code, values).take(Number(values[values.length - 1]));
    if (operation === CALL_FUNCTION || operation === CALL_CONVERT) {
      return this.#storable(number, /** @type {Function} */ (code.call)(...values));
    }
    if (operation === CALL_TOKENS)
      return packTokens(/** @type {any} */ (code.call), .../** @type {[string]} */ (values));
    if (operation === CALL_COMPARE) return sign(/** @type {Function} */ (code.call)(...values));
    if (operation === CALL_PLACE) return this.#texts(instance, /** @type {any} */ (code.call)).place(values[0]);
    const { start, step, inverse, result } = /** @type {Aggregate} */ (code.aggregate);
    if (operation === CALL_STEP || operation === CALL_INVERSE) {
      const made = this.#kept.get(instance) ?? { total: start() };
      const total = (operation === CALL_STEP ? step : /** @type {Function} */ (inverse))(made.total, ...values);
      if (total !== undefined) made.total = total;
      this.#kept.set(instance, made);
      return null;
    }
    const { total } = (operation === CALL_FINAL ? this.#take(instance) : this.#kept.get(instance)) ?? {
      total: start(),
    };
    return this.#storable(number, result(total));
  }

  /** @param {number} number @param {unknown} value what a function gave @throws {TypeError} if no database can hold it */
  #storable(number, value) {
    const kind = typeof value;
    if (kind !== 'function' && kind !== 'symbol' && kind !== 'object') return value;
    if (value === null || isBytes(/** @type {object} */ (value)) || value instanceof Real) return value;
    const takes = 'SQLite stores numbers, strings, bigints, Uint8Arrays, booleans and null';
    throw new TypeError(
      `the function ${this.own[number]?.[1]}() returned what it cannot: ${takes}, not ${describe(value)}`,
    );
  }

  /** @param {number} number */
  #take(number) {
    const kept = this.#kept.get(number);
    this.#kept.delete(number);
    return kept;
  }

  /** @param {number} number @param {(a: string, b: string) => unknown} compare @returns {OrderedTexts} */
  #texts(number, compare) {
    let texts = this.#kept.get(number);
    if (!texts) this.#kept.set(number, (texts = new OrderedTexts((a, b) => sign(compare(a, b)))));
    return texts;
  }

  /** @param {number} number @param {Callable} code @param {any[]} values the arguments, and one more @returns {Generator} */
  #rows(number, { call, columns }, values) {
    let rows = this.#kept.get(number);
    if (!rows) {
      rows = new Generator(/** @type {any} */ (call), /** @type {string[]} */ (columns), values.slice(0, -1));
      this.#kept.set(number, rows);
    }
    return rows;
  }

  /** Remember what a call of a batch has thrown, until its row comes. @param {number} number @param {unknown} error */
  fail(number, error) {
    this.#kept.set(number, { error });
  }

  /** @param {number} instance */
  drop(instance) {
    const kept = this.#kept.get(instance);
    if (kept instanceof Generator) kept.end();
    this.#kept.delete(instance);
  }

  /** @throws {SqlError} SQLITE_BUSY in a call */
  mustBeIdle() {
    if (this.depth) throw new SqlError('the database is busy: a function that it has called is running', SQLITE_BUSY);
  }
}

/** Whether it is told from others of its name by the number of arguments. @param {string} kind */
function isCalled(kind) {
  return kind === 'function' || kind === 'typed' || kind === 'aggregate';
}

/** -1, 0 or 1. @param {unknown} order */
function sign(order) {
  if (typeof order !== 'number' && typeof order !== 'bigint') throw new TypeError('a collation must return a number');
  return order > 0 ? 1 : order < 0 ? -1 : 0;
}

export class UserCalls {
  /** By the address of the kernel's connection. @type {Map<number, UserCode>} */ connections = new Map();
  /** V2. @type {{error: unknown} | null} */ failure = null;
  /** @type {Uint8Array} */ #rest = new Uint8Array();
  #request = 0;

  /** @param {import('./kernel.js').Kernel} kernel */
  constructor(kernel) {
    this.kernel = kernel;
  }

  /** The kernel's imports. */
  imports() {
    return {
      user_call: this.#call.bind(this),
      user_take: (/** @type {number} */ at) => this.kernel.write(at, this.#rest),
      user_drop: (/** @type {number} */ connection, /** @type {number} */ instance) =>
        this.connections.get(connection >>> 0)?.drop(instance),
    };
  }

  /** Run what the Request asks for, and write its Answer. */
  #call() {
    const { kernel } = this;
    this.#request ||= kernel.exports.user_request() >>> 0;
    const { i32 } = kernel.refresh();
    const at = this.#request >>> 2;
    const told = i32.slice(at, at + 14);
    const [connection, routine, instance, n, values, answer] = told;
    const mine = /** @type {UserCode} */ (this.connections.get(connection >>> 0));
    const before = kernel.stackTop;
    kernel.stackTop = answer; // V1
    mine.depth++;
    try {
      if ((routine & OPERATION_MASK) === CALL_BATCH) this.#batch(mine, told);
      else if ((routine & OPERATION_MASK) === CALL_VALUES) this.#values(mine, told);
      else if ((routine & OPERATION_MASK) === CALL_QUEUE) this.#put(answer, this.#queue(mine, values >>> 0, n));
      else
        this.#put(
          answer,
          mine.run(routine, instance, (integers) => readValues(kernel, values >>> 0, n, integers)),
        );
    } catch (error) {
      this.failure = { error };
      this.#put(answer, 'user-defined function raised exception');
      kernel.refresh().i32[(answer >>> 2) + 1] = SQLITE_ERROR;
    } finally {
      mine.depth--;
      kernel.stackTop = before;
    }
  }

  /**
   * Aggregates' calls that were put off (kernel/base/callback.py CallQueue); what the last of them gives.
   * @param {UserCode} mine @param {number} at @param {number} n
   */
  #queue(mine, at, n) {
    const { kernel } = this;
    const end = at + n * VALUE_SIZE;
    let result = null;
    while (at < end) {
      const { i32 } = kernel.refresh();
      const [routine, , instance, count] = i32.subarray(at >>> 2, (at >>> 2) + 4);
      const values = at + VALUE_SIZE;
      result = mine.run(routine, instance, (integers) => readValues(kernel, values, count, integers));
      at = values + count * VALUE_SIZE;
    }
    return result;
  }

  /**
   * A queue with values of windows (kernel/base/callback.py UserValues); it ends at a call that throws, or when the statement is
   * interrupted.
   * @param {UserCode} mine @param {Int32Array} told the Request
   */
  #values(mine, told) {
    const { kernel } = this;
    const [connection, , failure, n, cells, answer] = told;
    const interrupted = ((connection >>> 0) + C.interrupted) >>> 2;
    const end = (cells >>> 0) + n * VALUE_SIZE;
    /** @type {Uint8Array[]} */
    const texts = [];
    let used = 0;
    let done = 0;
    let failed = 0;
    try {
      for (let at = cells >>> 0; at < end; ) {
        const { i32 } = kernel.refresh();
        if (i32[interrupted]) break;
        const [routine, , instance, count] = i32.subarray(at >>> 2, (at >>> 2) + 4);
        const values = at + VALUE_SIZE;
        const asks = (routine & OPERATION_MASK) === CALL_VALUE;
        const given = asks ? 0 : count;
        const value = mine.run(routine, instance, (integers) => readValues(kernel, values, given, integers));
        if (asks) {
          used += this.#putCell(values, value, texts, used);
          done++;
        }
        at = values + count * VALUE_SIZE;
      }
    } catch (error) {
      mine.fail(failure, error);
      failed = 1;
    }
    this.#answerMany(answer, done, texts, used, failed);
  }

  /** @param {number} answer @param {number} done @param {Uint8Array[]} texts @param {number} used @param {number} failed */
  #answerMany(answer, done, texts, used, failed) {
    this.#rest = joined(texts, used);
    this.kernel.refresh().i32.set([INTEGER, 0, done, 0, used, failed], answer >>> 2);
  }

  /**
   * Functions for rows (kernel/values/batch.py), row by row; it ends at one that throws, when the statement is interrupted, or when a
   * transaction has ended.
   * @param {UserCode} mine @param {Int32Array} told the Request
   */
  #batch(mine, told) {
    const { kernel } = this;
    const [connection, , failure, n, rows, answer, width, , callsAt, nCalls] = told;
    const calls = Array.from({ length: nCalls }, (_, i) =>
      kernel.i32.slice((callsAt >>> 2) + 4 * i, (callsAt >>> 2) + 4 * i + 4),
    );
    const interrupted = ((connection >>> 0) + C.interrupted) >>> 2;
    const autocommit = ((connection >>> 0) + C.autocommit) >>> 2;
    const was = kernel.i32[autocommit];
    /** @type {Uint8Array[]} */
    const texts = [];
    let used = 0;
    let done = 0;
    let failed = 0;
    try {
      for (let at = rows >>> 0; done < n; at += width * VALUE_SIZE) {
        for (const [number, first, count, result] of calls) {
          const value = mine.run((number << CALL_BITS) | CALL_FUNCTION, 0, (integers) =>
            readValues(kernel, at + first * VALUE_SIZE, count, integers),
          );
          used += this.#putCell(at + result * VALUE_SIZE, value, texts, used);
        }
        done++;
        const { i32 } = kernel.refresh();
        if (i32[interrupted] || i32[autocommit] !== was) break;
      }
    } catch (error) {
      mine.fail(failure, error);
      failed = 1;
    }
    this.#answerMany(answer, done, texts, used, failed);
  }

  /** Write a value, of a text or blob the place among `texts`; how many bytes it has there. @param {number} at @param {unknown} value @param {Uint8Array[]} texts @param {number} used */
  #putCell(at, value, texts, used) {
    const isText = typeof value === 'string';
    if (!isText && (typeof value !== 'object' || value === null || heapNeeded([value]) === 0)) {
      writeValues(this.kernel, [value], at, at);
      return 0;
    }
    const bytes = isText ? encoder.encode(value) : bytesOf(/** @type {any} */ (value));
    const { i32, u32 } = this.kernel.refresh();
    i32[at >>> 2] = isText ? TEXT : BLOB;
    u32[(at >>> 2) + 2] = used;
    u32[(at >>> 2) + 3] = bytes.length;
    texts.push(bytes);
    return bytes.length;
  }

  /** @param {number} at @param {unknown} value */
  #put(at, value) {
    const values = [value];
    const needed = heapNeeded(values);
    const { kernel } = this;
    if (needed <= ANSWER_ROOM) {
      writeValues(kernel, values, at, at + VALUE_SIZE);
      return;
    }
    const bytes = typeof value === 'string' ? encoder.encode(value) : bytesOf(/** @type {any} */ (value));
    writeValues(kernel, [typeof value === 'string' ? '' : new Uint8Array()], at, at + VALUE_SIZE);
    kernel.u32[(at + 12) >>> 2] = bytes.length;
    if (bytes.length <= ANSWER_ROOM) kernel.write(at + VALUE_SIZE, bytes);
    else this.#rest = bytes;
  }

  /** What the call that just failed threw; it is forgotten. */
  takeFailure() {
    const { failure } = this;
    this.failure = null;
    return failure;
  }
}

/** @param {Uint8Array[]} parts @param {number} size */
function joined(parts, size) {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * n values.
 * @param {import('./kernel.js').Kernel} kernel @param {number} at @param {number} n @param {import('./rows.js').Integers} integers
 */
function readValues(kernel, at, n, integers) {
  const { i32, u32, i64, f64, u8 } = kernel.refresh();
  const values = new Array(n);
  for (let i = 0; i < n; i++, at += VALUE_SIZE) {
    const tag = i32[at >>> 2];
    const payload = at + 8;
    if (tag === INTEGER) {
      const wide = i64[payload >>> 3];
      const number = Number(wide);
      const exact = integers !== 'bigint' && Number.isSafeInteger(number);
      if (!exact && integers === 'number') throw noNumber(wide);
      values[i] = exact ? number : wide;
    } else if (tag === REAL) {
      values[i] = f64[payload >>> 3];
    } else if (tag === NULL) {
      values[i] = null;
    } else {
      const start = u32[payload >>> 2];
      const end = start + u32[(payload >>> 2) + 1];
      values[i] = tag === BLOB ? u8.slice(start, end) : decoder.decode(u8.subarray(start, end));
    }
  }
  return values;
}

// --- registering -------------------------------------------------------------------------------------------------------

const MAX_ARGUMENTS = 127;

/**
 * @typedef {{deterministic?: boolean, directOnly?: boolean, varargs?: boolean, safeIntegers?: boolean}} FunctionOptions
 * @typedef {FunctionOptions & {start?: unknown, step: Function, inverse?: Function, result?: Function}} AggregateOptions
 */

/** The entry and the callable of a function. @param {unknown} name @param {unknown} options @param {unknown} code @returns {[Own, Callable]} */
export function describeFunction(name, options, code) {
  const text = checkedName(name);
  if (typeof code !== 'function') throw new TypeError('a function must be given last');
  const { deterministic, directOnly, varargs, integers } = checkedOptions(options);
  const arity = varargs ? -1 : checkedArity(code.length);
  return [['function', text, arity, deterministic, directOnly], { integers, call: /** @type {any} */ (code) }];
}

/** The entry and the callable of an aggregate. @param {unknown} name @param {unknown} options @returns {[Own, Callable]} */
export function describeAggregate(name, options) {
  const text = checkedName(name);
  const { directOnly, varargs, integers } = checkedOptions(options ?? {});
  const { start = null, step, inverse, result } = /** @type {AggregateOptions} */ (options ?? {});
  for (const [key, given] of Object.entries({ step, inverse, result })) {
    if (given === undefined ? key === 'step' : typeof given !== 'function') {
      throw new TypeError(`the option "${key}" must be a function`);
    }
  }
  const longest = Math.max(step.length, inverse?.length ?? 0) - 1;
  const arity = varargs ? -1 : checkedArity(Math.max(longest, 0));
  const aggregate = /** @type {Aggregate} */ ({
    start: typeof start === 'function' ? start : () => start,
    step,
    inverse,
    result: result ?? ((/** @type {unknown} */ total) => total),
  });
  return [['aggregate', text, arity, directOnly, inverse !== undefined], { integers, aggregate }];
}

/** The entry and the callable of a table function. @param {unknown} name @param {unknown} options @returns {[Own, Callable]} */
export function describeTable(name, options) {
  const text = checkedName(name);
  const { directOnly, integers } = checkedOptions(options ?? {});
  const { rows, columns, parameters } = /** @type {any} */ (options ?? {});
  if (typeof rows !== 'function') throw new TypeError('the option "rows" must be a function');
  const hidden = parameters ?? Array.from({ length: rows.length }, (_, i) => `$${i + 1}`);
  const names = [columns, hidden].flat().map((column) => String(column).toLowerCase());
  if (!Array.isArray(columns) || columns.length === 0 || !Array.isArray(hidden) || new Set(names).size < names.length) {
    throw new TypeError(
      'the options "columns" and "parameters" must be arrays of different names, and there must be a column',
    );
  }
  return [
    ['table', text, columns.map(String), hidden.map(String), directOnly],
    { integers, call: rows, columns: columns.map(String) },
  ];
}

/** The entry and the callable of a collation. @param {unknown} name @param {unknown} compare @returns {[Own, Callable]} */
export function describeCollation(name, compare) {
  const text = checkedName(name);
  if (typeof compare !== 'function') throw new TypeError('a comparison must be given last');
  return [['collation', text], { integers: 'auto', call: /** @type {any} */ (compare) }];
}

/** The entry and the callable of a tokenizer. @param {unknown} name @param {unknown} tokenize @returns {[Own, Callable]} */
export function describeTokenizer(name, tokenize) {
  const text = checkedName(name);
  if (typeof tokenize !== 'function') throw new TypeError('a tokenizer must be given last');
  return [['tokenizer', text], { integers: 'auto', call: /** @type {any} */ (tokenize) }];
}

/** @param {unknown} name */
function checkedName(name) {
  if (typeof name !== 'string' || name === '') throw new TypeError('the name must be a string, and not empty');
  return name;
}

/** @param {number} arity */
function checkedArity(arity) {
  if (arity > MAX_ARGUMENTS) throw new RangeError(`a function takes at most ${MAX_ARGUMENTS} arguments`);
  return arity;
}

/** @param {unknown} options */
function checkedOptions(options) {
  if (options === null || typeof options !== 'object') throw new TypeError('the options must be an object');
  const given = /** @type {FunctionOptions} */ (options);
  const { deterministic = false, directOnly = false, varargs = false, safeIntegers } = given;
  for (const [key, value] of Object.entries({
    deterministic,
    directOnly,
    varargs,
    safeIntegers: safeIntegers ?? false,
  })) {
    if (typeof value !== 'boolean') throw new TypeError(`the option "${key}" must be a boolean`);
  }
  /** @type {import('./rows.js').Integers} */
  const integers = safeIntegers === undefined ? 'auto' : safeIntegers ? 'bigint' : 'number';
  return { deterministic, directOnly, varargs, integers };
}
