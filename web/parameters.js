/** Parameters: from JavaScript values to the kernel's Values (kernel/abi.py Value: tag i32, 4 unused, payload i64). */

import { BLOB, INTEGER, NULL, REAL, TEXT } from '../base/abi.js';
import { bytesOf, cannotBind, isBytes, isPlain, Real } from './values.js';

export const VALUE_SIZE = 16;
const encoder = new TextEncoder();
const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;
/** Up to this many UTF-16 units a loop is faster than a TextEncoder. */
const SHORT_TEXT = 48;

/**
 * Plain values in order of parameter number, from what a caller passed: values one by one or in one array, or one object of names. What
 * is a mixture may come back as it is; `writeValues` refuses it, and `regroup` knows what it means.
 * @param {any[]} args
 * @param {import('./program.js').Program} program
 * @returns {unknown[]}
 */
export function collect(args, program) {
  const n = program.n_user_params;
  if (args.length === 1) {
    const [only] = args;
    if (only !== null && typeof only === 'object' && !isBytes(only)) {
      if (Array.isArray(only)) return counted(only, n);
      if (!isPlain(only)) throw cannotBind('parameter 1', only);
      return named(only, [], program);
    }
  }
  return args.length === n ? args : regroup(args, program);
}

/** The same of values, arrays of values and an object of names. @param {any[]} args @param {import('./program.js').Program} program */
export function regroup(args, program) {
  const names = args.filter(isNames);
  if (names.length > 1) throw new TypeError('named parameters must be given in one object');
  if (names.length)
    return named(
      names[0],
      args.filter((value) => !isNames(value)),
      program,
    );
  return args.length === program.n_user_params ? args : counted(args.flat(), program.n_user_params);
}

/** @param {any} value */
export function isNames(value) {
  return value !== null && typeof value === 'object' && !isBytes(value) && !Array.isArray(value) && isPlain(value);
}

/** @param {unknown[]} values @param {number} n */
export function counted(values, n) {
  if (values.length !== n) {
    throw new RangeError(`the statement takes ${n} parameter${n === 1 ? '' : 's'}, ${values.length} given`);
  }
  return values;
}

/**
 * Parameters with a name have it from `values`, those without from `others`, in order.
 * @param {Record<string, unknown>} values @param {unknown[]} others @param {import('./program.js').Program} program
 */
function named(values, others, program) {
  const found = program.param_names.map((name) => {
    if (!name) return null;
    const key = [name.slice(1), name].find((key) => Object.hasOwn(values, key));
    if (key === undefined && !name.startsWith('?')) throw new RangeError(`missing named parameter "${name.slice(1)}"`);
    return key === undefined ? null : { value: values[key] };
  });
  const n = found.filter((one) => !one).length;
  if (n && !others.length) {
    throw new RangeError(`parameter ${found.indexOf(null) + 1} has no name: pass values one by one or in an array`);
  }
  const rest = others.length === n ? others : counted(others.flat(), n);
  const known = new Set(program.param_names.flatMap((name) => (name ? [name, name.slice(1)] : [])));
  for (const name of Object.keys(values)) {
    if (!known.has(name)) throw new RangeError(`unknown named parameter "${name}"`);
  }
  let used = 0;
  return found.map((one) => (one ? one.value : rest[used++]));
}

/**
 * Bytes behind the Values that `values` need, at the most.
 * @param {unknown[]} values
 */
export function heapNeeded(values) {
  let n = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value === 'string') n += value.length * 3;
    else if (typeof value === 'object' && isBytes(value)) n += value.byteLength;
  }
  return n;
}

/**
 * Write `values` to the Values at `at`; texts and blobs go to `heap`.
 * @param {import('./kernel.js').Kernel} kernel
 * @param {unknown[]} values
 * @param {number} at
 * @param {number} heap
 */
export function writeValues(kernel, values, at, heap) {
  const { i32, u32, f64, i64, u8 } = kernel.refresh();
  for (let i = 0; i < values.length; i++, at += VALUE_SIZE) {
    const value = values[i];
    const tag = at >>> 2;
    if (typeof value === 'number') {
      if (value === (value | 0) && (value !== 0 || !Object.is(value, -0))) {
        i32[tag] = INTEGER;
        i32[tag + 2] = value;
        i32[tag + 3] = value >> 31;
      } else {
        writeNumber(value, tag, i32, u32, f64);
      }
    } else if (typeof value === 'string') {
      const size = writeText(value, u8, heap);
      i32[tag] = TEXT;
      u32[tag + 2] = heap;
      u32[tag + 3] = size;
      heap += size;
    } else if (value === null || value === undefined) {
      i32[tag] = NULL;
      u32[tag + 2] = u32[tag + 3] = 0;
    } else if (typeof value === 'bigint') {
      if (value < MIN || value > MAX) throw new RangeError(`parameter ${i + 1}: the BigInt does not fit 64 bits`);
      i32[tag] = INTEGER;
      i64[(at + 8) >>> 3] = value;
    } else if (typeof value === 'boolean') {
      i32[tag] = INTEGER;
      u32[tag + 2] = Number(value);
      u32[tag + 3] = 0;
    } else if (value instanceof Real) {
      i32[tag] = REAL;
      f64[(at + 8) >>> 3] = value.value;
    } else if (isBytes(value)) {
      const bytes = bytesOf(value);
      u8.set(bytes, heap);
      i32[tag] = BLOB;
      u32[tag + 2] = heap;
      u32[tag + 3] = bytes.length;
      heap += bytes.length;
    } else {
      throw cannotBind(`parameter ${i + 1}`, value);
    }
  }
}

/** @param {number} value @param {number} tag @param {Int32Array} i32 @param {Uint32Array} u32 @param {Float64Array} f64 */
function writeNumber(value, tag, i32, u32, f64) {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) {
    i32[tag] = INTEGER;
    u32[tag + 2] = value;
    i32[tag + 3] = Math.floor(value / 4294967296);
  } else if (Number.isNaN(value)) {
    i32[tag] = NULL;
    u32[tag + 2] = u32[tag + 3] = 0;
  } else {
    i32[tag] = REAL;
    f64[(tag + 2) >>> 1] = value;
  }
}

/** UTF-8 of `text` at `at`; the bytes written. @param {string} text @param {Uint8Array} u8 @param {number} at */
function writeText(text, u8, at) {
  const n = text.length;
  if (n <= SHORT_TEXT) {
    let i = 0;
    for (; i < n; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 127) break;
      u8[at + i] = unit;
    }
    if (i === n) return n;
  }
  return encoder.encodeInto(text, u8.subarray(at)).written;
}
