/**
 * Result rows: from the kernel's row buffer, or a copy of it, to JavaScript values.
 *
 * A row of n columns (kernel/values/rows.py writes it):
 *
 *   OFFSET          SIZE   MEANING
 *   0               n      storage class of each column (kernel/abi.py tags)
 *   (n + 7) & ~7    8 * n  payloads: an integer, the bits of a double, or offset in the heap | size << 32
 *
 * The heap holds the bytes of texts and blobs. When every text in it is ASCII it is decoded once and cut up.
 */

import { BLOB, INTEGER, NULL, REAL } from '../base/abi.js';

const utf8 = new TextDecoder();
const latin1 = new TextDecoder('latin1');
/** Beyond this many bytes, decoding the whole heap at once would cost more memory than it saves time. */
const HEAP_WHOLE = 1 << 24;
/** Up to this many bytes a loop over the characters is faster than a TextDecoder. */
const SHORT_TEXT = 24;

/**
 * @typedef {null | number | bigint | string | Uint8Array} SqlValue
 * @typedef {'number' | 'bigint' | 'auto'} Integers `number`: a RangeError beyond 2^53; `auto`: a BigInt only there
 * @typedef {{u8: Uint8Array, u32: Uint32Array, i32: Int32Array, f64: Float64Array, i64: BigInt64Array}} Views
 * @typedef {object} Batch
 * @property {number} rows address of the rows in the views
 * @property {number} count
 * @property {number} heap address of the heap in the views
 * @property {number} heapUsed
 * @property {boolean} ascii every text in the heap is ASCII
 * @property {number} columns
 */

/** Bytes of a row. @param {number} columns */
export function rowSize(columns) {
  return ((columns + 7) & ~7) + 8 * columns;
}

/** All views of a buffer. @param {ArrayBuffer} buffer @returns {Views} */
export function viewsOf(buffer) {
  return {
    u8: new Uint8Array(buffer),
    u32: new Uint32Array(buffer),
    i32: new Int32Array(buffer),
    f64: new Float64Array(buffer),
    i64: new BigInt64Array(buffer),
  };
}

/**
 * How rows are handed over.
 * @typedef {{kind: 'object', names: string[]} | {kind: 'expand', names: string[], tables: (string | null)[]} | {kind: 'raw'} |
 *   {kind: 'pluck'}} Shape
 */

/** Where `expand` puts columns that are of no table. */
const EXPRESSIONS = '$';

/** @param {Shape['kind']} kind @param {{name: string, table: string | null}[]} columns @returns {Shape} */
export function shapeOf(kind, columns) {
  if (kind === 'raw' || kind === 'pluck') return { kind };
  const names = columns.map(({ name }) => name);
  return kind === 'object' ? { kind, names } : { kind, names, tables: columns.map(({ table }) => table) };
}

/**
 * The rows of a batch, shaped, behind those that are there already.
 * @param {Views} views
 * @param {Batch} batch
 * @param {Integers} integers
 * @param {Shape} shape
 * @param {any[]} [out]
 * @returns {any[]}
 */
export function decodeRows(views, batch, integers, shape, out = []) {
  const read = valueReader(views, batch, integers);
  const { columns, count } = batch;
  const stride = rowSize(columns);
  const payloads = (columns + 7) & ~7;
  if (shape.kind === 'pluck') {
    for (let r = 0, at = batch.rows; r < count; r++, at += stride) out.push(read(at, at + payloads));
  } else if (shape.kind === 'raw') {
    for (let r = 0, at = batch.rows; r < count; r++, at += stride) {
      const row = new Array(columns);
      for (let c = 0, p = at + payloads; c < columns; c++, p += 8) row[c] = read(at + c, p);
      out.push(row);
    }
  } else if (shape.kind === 'expand') {
    const { names, tables } = shape;
    for (let r = 0, at = batch.rows; r < count; r++, at += stride) {
      /** @type {Record<string, Record<string, SqlValue>>} */
      const row = {};
      for (let c = 0, p = at + payloads; c < columns; c++, p += 8) {
        const table = tables[c] ?? EXPRESSIONS;
        if (!Object.hasOwn(row, table)) define(row, table, {});
        define(row[table], names[c], read(at + c, p));
      }
      out.push(row);
    }
  } else {
    const { names } = shape;
    const plain = !names.includes('__proto__');
    for (let r = 0, at = batch.rows; r < count; r++, at += stride) {
      /** @type {Record<string, SqlValue>} */
      const row = {};
      for (let c = 0, p = at + payloads; c < columns; c++, p += 8) {
        if (plain) row[names[c]] = read(at + c, p);
        else define(row, names[c], read(at + c, p));
      }
      out.push(row);
    }
  }
  return out;
}

/** Set a property of any name, "__proto__" too. @param {object} row @param {string} name @param {unknown} value */
function define(row, name, value) {
  Object.defineProperty(row, name, { value, writable: true, enumerable: true, configurable: true });
}

/**
 * A function that reads one value, given the address of its tag and of its payload.
 * @param {Views} views
 * @param {Batch} batch
 * @param {Integers} integers
 * @returns {(tagAt: number, at: number) => SqlValue}
 */
function valueReader({ u8, u32, i32, f64, i64 }, batch, integers) {
  const { heap, heapUsed, ascii, count } = batch;
  const whole =
    ascii && heapUsed > SHORT_TEXT && count > 1 && heapUsed < HEAP_WHOLE
      ? latin1.decode(u8.subarray(heap, heap + heapUsed))
      : null;
  const always = integers === 'bigint';
  const beyond = integers === 'auto';
  return (tagAt, at) => {
    const tag = u8[tagAt];
    if (tag === INTEGER) {
      if (always) return i64[at >>> 3];
      const high = i32[(at >>> 2) + 1];
      if (high >= -0x200000 && high < 0x200000) return high * 4294967296 + u32[at >>> 2];
      if (beyond) return i64[at >>> 3];
      throw noNumber(i64[at >>> 3]);
    }
    if (tag === REAL) return f64[at >>> 3];
    if (tag === NULL) return null;
    const start = u32[at >>> 2];
    const size = u32[(at >>> 2) + 1];
    if (tag === BLOB) return u8.slice(heap + start, heap + start + size);
    if (whole !== null) return whole.substring(start, start + size);
    if (size <= SHORT_TEXT && ascii) return shortText(u8, heap + start, size);
    return utf8.decode(u8.subarray(heap + start, heap + start + size));
  };
}

/** @param {bigint} value */
export function noNumber(value) {
  return new RangeError(`the integer ${value} is too large for a number: use safeIntegers()`);
}

/** @param {Uint8Array} u8 @param {number} at @param {number} size */
function shortText(u8, at, size) {
  let text = '';
  for (let i = at; i < at + size; i++) text += String.fromCharCode(u8[i]);
  return text;
}
