/**
 * Result rows: from the kernel's row buffer to JavaScript values (layout: kernel/abi.py Statement, kernel/rows.py).
 *
 * A row of n columns: n tag bytes padded to a multiple of 8, then n 8-byte payloads; texts and blobs lie in the heap.
 * When every text of a batch is ASCII the whole heap is decoded once and sliced.
 */

const NULL = 0;
const INTEGER = 1;
const REAL = 2;
const TEXT = 3;
const utf8 = new TextDecoder();
const latin1 = new TextDecoder('latin1');
const HEAP_WHOLE = 1 << 24; // beyond this, decoding the whole heap at once would cost more memory than it saves time

/**
 * @typedef {{integers: 'number' | 'bigint' | 'auto'}} Options `auto`: a number, or a BigInt beyond 2^53
 * @typedef {null | number | bigint | string | Uint8Array} SqlValue
 */

/**
 * The rows in the buffer as arrays.
 * @param {import('./kernel.js').Kernel} kernel
 * @param {{rows: number, count: number, heap: number, heapUsed: number, ascii: boolean, columns: number}} batch
 * @param {Options['integers']} integers
 * @returns {SqlValue[][]}
 */
export function decodeRows(kernel, batch, integers) {
  const value = valueReader(kernel, batch, integers);
  const { columns, count } = batch;
  const tags = (columns + 7) & ~7;
  const stride = tags + 8 * columns;
  const rows = new Array(count);
  for (let r = 0, at = batch.rows; r < count; r++, at += stride) {
    const row = new Array(columns);
    for (let c = 0, p = at + tags; c < columns; c++, p += 8) row[c] = value(at + c, p);
    rows[r] = row;
  }
  return rows;
}

/**
 * The rows in the buffer as objects, keyed by column name.
 * @param {import('./kernel.js').Kernel} kernel
 * @param {Parameters<typeof decodeRows>[1]} batch
 * @param {Options['integers']} integers
 * @param {(values: SqlValue[]) => object} make
 */
export function decodeObjects(kernel, batch, integers, make) {
  return decodeRows(kernel, batch, integers).map(make);
}

/**
 * A function that makes an object of a row's values. A class shape is generated once per statement.
 * @param {string[]} names
 * @returns {(values: SqlValue[]) => Record<string, SqlValue>}
 */
export function objectMaker(names) {
  return (values) => {
    /** @type {Record<string, SqlValue>} */
    const row = {};
    for (let i = 0; i < names.length; i++) row[names[i]] = values[i];
    return row;
  };
}

/** @param {import('./kernel.js').Kernel} kernel @param {any} batch @param {string} integers */
function valueReader(kernel, batch, integers) {
  const { u8, u32, i32, f64, i64 } = kernel.refresh();
  const { heap, heapUsed, ascii } = batch;
  const whole = ascii && heapUsed < HEAP_WHOLE ? latin1.decode(u8.subarray(heap, heap + heapUsed)) : null;
  /** @param {number} at address of the payload */
  const integer = (at) => {
    if (integers === 'bigint') return i64[at >> 3];
    const high = i32[(at >> 2) + 1];
    if (high >= -0x200000 && high < 0x200000) return high * 4294967296 + u32[at >> 2];
    if (integers === 'auto') return i64[at >> 3];
    return Number(i64[at >> 3]);
  };
  return (/** @type {number} */ tagAt, /** @type {number} */ at) => {
    switch (u8[tagAt]) {
      case NULL:
        return null;
      case INTEGER:
        return integer(at >>> 0);
      case REAL:
        return f64[at >>> 3];
      default: {
        const start = u32[at >>> 2];
        const size = u32[(at >>> 2) + 1];
        if (u8[tagAt] !== TEXT) return u8.slice(heap + start, heap + start + size);
        if (whole !== null) return whole.substring(start, start + size);
        return utf8.decode(u8.subarray(heap + start, heap + start + size));
      }
    }
  };
}
