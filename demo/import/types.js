/** Which types columns of texts have. */

/** @typedef {'INTEGER' | 'REAL' | 'TEXT' | 'BLOB'} Type */

const INTEGER = /^-?(0|[1-9]\d*)$/;
const REAL = /^-?(0|[1-9]\d*)(\.\d+)?(e[-+]?\d+)?$/i;
const LARGEST = 2n ** 63n - 1n;

/** Learns the types of columns from rows: the narrowest that loses nothing of a value. */
export class TypeGuess {
  /** @type {(Type | null)[]} */ #types = [];

  /** @param {import('./source.js').Value[][]} rows */
  see(rows) {
    for (const row of rows) {
      for (let i = 0; i < row.length; i++) {
        if (this.#types[i] !== 'TEXT') this.#types[i] = widest(this.#types[i] ?? null, typeOf(row[i]));
      }
    }
  }

  /** The type of each column; TEXT where there was no value. @param {number} count @returns {Type[]} */
  types(count) {
    return Array.from({ length: count }, (_, i) => this.#types[i] ?? 'TEXT');
  }
}

/** @param {Type | null} one @param {Type | null} other @returns {Type | null} */
function widest(one, other) {
  if (!one || !other || one === other) return one ?? other;
  return one !== 'BLOB' && other !== 'BLOB' && one !== 'TEXT' && other !== 'TEXT' ? 'REAL' : 'TEXT';
}

/** The type that a value speaks for; null for none. @param {import('./source.js').Value} value @returns {Type | null} */
function typeOf(value) {
  if (value === null || value === '') return null;
  if (typeof value === 'number') return Number.isInteger(value) ? 'INTEGER' : 'REAL';
  if (typeof value === 'bigint') return isInteger(value) ? 'INTEGER' : 'TEXT';
  if (typeof value !== 'string') return 'BLOB';
  if (INTEGER.test(value) && value !== '-0') return isInteger(BigInt(value)) ? 'INTEGER' : 'TEXT';
  return REAL.test(value) && Number.isFinite(Number(value)) ? 'REAL' : 'TEXT';
}

/** @param {bigint} value */
const isInteger = (value) => value <= LARGEST && value >= -LARGEST - 1n;

/**
 * A value as a column of a type takes it; what does not fit stays what it is.
 * @param {import('./source.js').Value} value @param {string} type @param {boolean} emptyIsNull
 * @returns {import('./source.js').Value}
 */
export function converted(value, type, emptyIsNull) {
  if (value === '' && emptyIsNull) return null;
  if (typeof value === 'bigint' && !isInteger(value)) return value.toString();
  if (typeof value !== 'string' || type === 'TEXT' || type === 'BLOB') return value;
  if (type === 'INTEGER' && INTEGER.test(value)) {
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
    return isInteger(BigInt(value)) ? BigInt(value) : value;
  }
  return type === 'REAL' && REAL.test(value) && Number.isFinite(Number(value)) ? Number(value) : value;
}
