/** What a value looks like. */

import { hex, real } from '../core/sql.js';
import { t } from '../core/texts.js';

/** Longer texts are cut in cells; the viewer has all of them. */
const CELL = 300;

/** @param {import('../core/results.js').Value} value @returns {'null' | 'integer' | 'real' | 'text' | 'blob'} */
export function typeOf(value) {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'bigint') return 'integer';
  if (typeof value === 'number') return 'real';
  return typeof value === 'string' ? 'text' : 'blob';
}

/** A value as a cell shows it. @param {import('../core/results.js').Value} value */
export function cellText(value) {
  if (value === null || value === undefined) return 'NULL';
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return real(value);
  if (typeof value === 'string') return oneLine(value.length > CELL ? `${value.slice(0, CELL)}…` : value);
  const shown = hex(value.subarray(0, 16)).replaceAll(/../g, '$& ').trim();
  return `${t('blob.cell', { bytes: value.length })} ${shown}${value.length > 16 ? ' …' : ''}`;
}

/** @param {string} text */
function oneLine(text) {
  return /[\n\r\t]/.test(text) ? text.replaceAll(/\r?\n|\r/g, ' ⏎ ').replaceAll('\t', ' ') : text;
}

/** A value as plain text, for the clipboard and for search. @param {import('../core/results.js').Value} value */
export function plainText(value) {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return real(value);
  return value instanceof Uint8Array ? hex(value) : String(value);
}

/** The order of SQL: NULL, numbers, texts, blobs. @param {import('../core/results.js').Value} a @param {import('../core/results.js').Value} b */
export function compare(a, b) {
  const rank = (/** @type {import('../core/results.js').Value} */ value) =>
    ({ null: 0, integer: 1, real: 1, text: 2, blob: 3 })[typeOf(value)];
  const difference = rank(a) - rank(b);
  if (difference || a === null || b === null) return difference;
  if (a instanceof Uint8Array && b instanceof Uint8Array) return hex(a) < hex(b) ? -1 : Number(hex(a) > hex(b));
  return a < b ? -1 : Number(a > b);
}

/** Whether a text is JSON that is worth a look: an object or an array. @param {import('../core/results.js').Value} value */
export function isJson(value) {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value) || value.length > 2_000_000) return false;
  try {
    JSON.parse(value);
    return true;
  } catch {
    return false;
  }
}

const MAGIC = /** @type {const} */ ([
  ['image/png', [0x89, 0x50, 0x4e, 0x47]],
  ['image/jpeg', [0xff, 0xd8, 0xff]],
  ['image/gif', [0x47, 0x49, 0x46, 0x38]],
  ['image/webp', [0x52, 0x49, 0x46, 0x46]],
]);

/** The kind of picture that bytes are, if they are one. SVG is none: it could carry more than a picture. @param {Uint8Array} bytes */
export function pictureType(bytes) {
  return MAGIC.find(([, magic]) => magic.every((byte, i) => bytes[i] === byte))?.[0];
}
