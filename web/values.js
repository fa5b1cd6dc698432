/** JavaScript values as SQL parameters: what can be bound, and what is said of the rest. */

/** @param {unknown} value @returns {value is ArrayBuffer | ArrayBufferView} */
export function isBytes(value) {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

/** @param {ArrayBufferLike | ArrayBufferView} value @returns {Uint8Array<any>} the same memory */
export function bytesOf(value) {
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);
}

/** Whether it is an object of names and values: no Date, no Map, no instance of a class. @param {object} value */
export function isPlain(value) {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** A number that is a REAL, though it may be whole. */
export class Real {
  /** @param {number} value */
  constructor(value) {
    this.value = value;
  }
}

/** A value in a message. @param {unknown} value */
export function describe(value) {
  if (value === null) return 'null';
  return typeof value === 'object' ? Object.prototype.toString.call(value).slice(8, -1) : typeof value;
}

/** @param {string} which "parameter 1" @param {unknown} value */
export function cannotBind(which, value) {
  const takes = 'SQLite stores numbers, strings, bigints, Uint8Arrays, booleans and null';
  return new TypeError(`${which} cannot be bound: ${takes}, not ${describe(value)}${instead(value)}`);
}

/** @param {unknown} value */
function instead(value) {
  if (value instanceof Date) return ': write date.toISOString() or date.getTime()';
  return Array.isArray(value) ? ': an array is a list where IN (?) or unnest(?) stands' : '';
}
