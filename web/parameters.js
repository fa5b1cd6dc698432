/** Parameters: from JavaScript values to the kernel's Value slots (kernel/abi.py Value: tag i32, 4 unused, payload i64). */

import { BLOB, INTEGER, NULL, REAL, TEXT } from './abi.js';

export const SLOT_SIZE = 16;
const encoder = new TextEncoder();
const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

/**
 * Plain values in order of parameter number, from what a caller passed: positional values, one array, or one object of names.
 * @param {any[]} args
 * @param {import('./program.js').Program} program
 * @returns {unknown[]}
 */
export function collect(args, program) {
  const n = program.n_user_params;
  if (args.length === 1 && args[0] !== null && typeof args[0] === 'object' && !isBytes(args[0])) {
    if (Array.isArray(args[0])) return counted(args[0], n);
    return named(args[0], program);
  }
  return counted(args, n);
}

/** @param {unknown[]} values @param {number} n */
function counted(values, n) {
  if (values.length !== n) {
    throw new RangeError(`statement takes ${n} parameter${n === 1 ? '' : 's'}, ${values.length} given`);
  }
  return values;
}

/** @param {Record<string, unknown>} values @param {import('./program.js').Program} program */
function named(values, program) {
  return program.param_names.map((name, i) => {
    if (!name) throw new RangeError(`parameter ${i + 1} has no name: pass values in an array`);
    const bare = name.slice(1);
    if (Object.hasOwn(values, bare)) return values[bare];
    if (Object.hasOwn(values, name)) return values[name];
    throw new RangeError(`missing named parameter "${bare}"`);
  });
}

/** @param {unknown} value @returns {value is ArrayBuffer | ArrayBufferView} */
export function isBytes(value) {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

/** @param {ArrayBuffer | ArrayBufferView} value */
function bytesOf(value) {
  return value instanceof ArrayBuffer
    ? new Uint8Array(value)
    : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/**
 * Bytes behind the slots that `values` need, at the most.
 * @param {unknown[]} values
 */
export function heapNeeded(values) {
  let n = 0;
  for (const value of values) {
    if (typeof value === 'string') n += value.length * 3;
    else if (isBytes(value)) n += value.byteLength;
  }
  return n;
}

/**
 * Write `values` to the slots at `at`; texts and blobs go to `heap`. Returns the end of the heap.
 * @param {import('./kernel.js').Kernel} kernel
 * @param {unknown[]} values
 * @param {number} at
 * @param {number} heap
 */
export function writeValues(kernel, values, at, heap) {
  const { i32, u32, f64, i64, u8 } = kernel.refresh();
  for (let i = 0; i < values.length; i++, at += SLOT_SIZE) {
    const value = values[i];
    const tag = at >> 2;
    switch (typeof value) {
      case 'number':
        if (Number.isInteger(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER && !Object.is(value, -0)) {
          i32[tag] = INTEGER;
          u32[tag + 2] = value;
          i32[tag + 3] = Math.floor(value / 4294967296);
        } else if (Number.isNaN(value)) {
          i32[tag] = NULL;
        } else {
          i32[tag] = REAL;
          f64[(at + 8) >> 3] = value;
        }
        break;
      case 'string': {
        const { written } = encoder.encodeInto(value, u8.subarray(heap));
        i32[tag] = TEXT;
        u32[tag + 2] = heap;
        u32[tag + 3] = written;
        heap += written;
        break;
      }
      case 'bigint':
        if (value < MIN || value > MAX) throw new RangeError('BigInt is too large for an SQLite INTEGER');
        i32[tag] = INTEGER;
        i64[(at + 8) >> 3] = value;
        break;
      case 'boolean':
        i32[tag] = INTEGER;
        u32[tag + 2] = Number(value);
        u32[tag + 3] = 0;
        break;
      case 'undefined':
        i32[tag] = NULL;
        break;
      default:
        if (value === null) {
          i32[tag] = NULL;
        } else if (isBytes(value)) {
          const bytes = bytesOf(value);
          u8.set(bytes, heap);
          i32[tag] = BLOB;
          u32[tag + 2] = heap;
          u32[tag + 3] = bytes.length;
          heap += bytes.length;
        } else {
          throw new TypeError(
            `parameter ${i + 1} cannot be bound: SQLite stores numbers, strings, bigints, Uint8Arrays, booleans and null, not ${describe(value)}`,
          );
        }
    }
  }
  return heap;
}

/** @param {unknown} value */
function describe(value) {
  return typeof value === 'object' ? Object.prototype.toString.call(value).slice(8, -1) : typeof value;
}
