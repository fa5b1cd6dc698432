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
  CALL_BITS,
  CALL_COMPARE,
  CALL_FINAL,
  CALL_FUNCTION,
  CALL_INVERSE,
  CALL_STEP,
  INTEGER,
  NULL,
  REAL,
} from '../base/abi.js';
import { misuse, SQLITE_BUSY, SQLITE_ERROR, SqlError } from '../base/errors.js';
import { heapNeeded, VALUE_SIZE, writeValues } from './parameters.js';

const decoder = new TextDecoder();

/**
 * @typedef {['function', string, number, boolean, boolean]} OwnFunction name, arguments (-1: any number), deterministic, direct only
 * @typedef {['aggregate', string, number, boolean, boolean]} OwnAggregate name, arguments, direct only, has an inverse
 * @typedef {['collation', string]} OwnCollation
 * @typedef {OwnFunction | OwnAggregate | OwnCollation} Own what bridge.Compiler.open_schema takes
 *
 * @typedef {object} Callable
 * @property {import('./rows.js').Integers} integers
 * @property {(...values: any[]) => unknown} [call]
 * @property {Aggregate} [aggregate]
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
  /** @type {Map<number, {total: unknown}>} */ #instances = new Map();
  #next = 1;
  /** Calls that have not returned. */
  depth = 0;

  /** The number of the entry that `own` would replace, -1: of none. @param {Own} own */
  numberOf(own) {
    const [kind, name, arity] = own;
    const folded = name.toLowerCase();
    const isCollation = kind === 'collation';
    return this.own.findIndex(
      (known) =>
        known !== null &&
        (known[0] === 'collation') === isCollation &&
        known[1].toLowerCase() === folded &&
        known[2] === arity,
    );
  }

  /** Register, or replace what has the same name (and arity). @param {Own} own @param {Callable} code */
  put(own, code) {
    const known = this.numberOf(own);
    const number = known < 0 ? this.own.length : known;
    this.own[number] = own;
    this.#code[number] = code;
  }

  /**
   * What a call gives.
   * @param {number} routine @param {number} instance @param {(integers: import('./rows.js').Integers) => any[]} read the arguments
   */
  run(routine, instance, read) {
    const operation = routine & ((1 << CALL_BITS) - 1);
    const code = /** @type {Callable} */ (this.#code[routine >> CALL_BITS]);
    const values = read(code.integers);
    if (operation === CALL_FUNCTION) return /** @type {Function} */ (code.call)(...values);
    if (operation === CALL_COMPARE) return sign(/** @type {Function} */ (code.call)(...values));
    const { start, step, inverse, result } = /** @type {Aggregate} */ (code.aggregate);
    const made = this.#instances.get(instance) ?? { total: start() };
    if (operation === CALL_STEP || operation === CALL_INVERSE) {
      const total = (operation === CALL_STEP ? step : /** @type {Function} */ (inverse))(made.total, ...values);
      if (total !== undefined) made.total = total;
      if (operation === CALL_INVERSE) return null;
      const number = instance || this.#next++;
      this.#instances.set(number, made);
      return number;
    }
    if (operation === CALL_FINAL) this.#instances.delete(instance);
    return result(made.total);
  }

  /** @param {number} instance */
  drop(instance) {
    this.#instances.delete(instance);
  }

  /** @throws {SqlError} SQLITE_BUSY in a call */
  mustBeIdle() {
    if (this.depth) throw new SqlError('the database is busy: a function that it has called is running', SQLITE_BUSY);
  }
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
    const [connection, routine, instance, n, values, answer] = i32.subarray(at, at + 6);
    const mine = /** @type {UserCode} */ (this.connections.get(connection >>> 0));
    const before = kernel.stackTop;
    kernel.stackTop = answer; // V1
    mine.depth++;
    try {
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

  /** @param {number} at @param {unknown} value */
  #put(at, value) {
    const values = [value];
    const needed = heapNeeded(values);
    const { kernel } = this;
    if (needed <= ANSWER_ROOM) {
      writeValues(kernel, values, at, at + VALUE_SIZE);
      return;
    }
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : bytesOf(/** @type {any} */ (value));
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

/** @param {ArrayBuffer | ArrayBufferView} value */
function bytesOf(value) {
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
}

/**
 * The values of n Values.
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
      const exact = integers !== 'bigint' && (integers === 'number' || Number.isSafeInteger(number));
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
  if (typeof code !== 'function') throw misuse('a function must be given last');
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
      throw misuse(`the option "${key}" must be a function`);
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

/** The entry and the callable of a collation. @param {unknown} name @param {unknown} compare @returns {[Own, Callable]} */
export function describeCollation(name, compare) {
  const text = checkedName(name);
  if (typeof compare !== 'function') throw misuse('a comparison must be given last');
  return [['collation', text], { integers: 'auto', call: /** @type {any} */ (compare) }];
}

/** @param {unknown} name */
function checkedName(name) {
  if (typeof name !== 'string' || name === '') throw misuse('the name must be a string, and not empty');
  return name;
}

/** @param {number} arity */
function checkedArity(arity) {
  if (arity > MAX_ARGUMENTS) throw new RangeError(`a function takes at most ${MAX_ARGUMENTS} arguments`);
  return arity;
}

/** @param {unknown} options */
function checkedOptions(options) {
  if (options === null || typeof options !== 'object') throw misuse('the options must be an object');
  const given = /** @type {FunctionOptions} */ (options);
  const { deterministic = false, directOnly = false, varargs = false, safeIntegers } = given;
  for (const [key, value] of Object.entries({
    deterministic,
    directOnly,
    varargs,
    safeIntegers: safeIntegers ?? false,
  })) {
    if (typeof value !== 'boolean') throw misuse(`the option "${key}" must be a boolean`);
  }
  /** @type {import('./rows.js').Integers} */
  const integers = safeIntegers === undefined ? 'auto' : safeIntegers ? 'bigint' : 'number';
  return { deterministic, directOnly, varargs, integers };
}
