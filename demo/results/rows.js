/** Which rows of a set are shown, in which order: sorted and filtered here, without asking the database again. */

import { compare, plainText } from './values.js';

/**
 * @typedef {{column: number, down: boolean} | null} Order
 * @typedef {import('../core/results.js').Value} Value
 */

/**
 * Positions of the rows that match, in order; null: all, as they came.
 * @param {Value[][]} rows @param {Order} order @param {string} filter words that a row must have; "column:text" only there; "column>5" compared
 * @param {string[]} columns @returns {Uint32Array | null}
 */
export function shownRows(rows, order, filter, columns) {
  const tests = filter.trim() ? conditions(filter, columns) : [];
  if (!tests.length && !order) return null;
  let shown = new Uint32Array(rows.length);
  let count = 0;
  for (let i = 0; i < rows.length; i++) if (tests.every((test) => test(rows[i]))) shown[count++] = i;
  shown = shown.subarray(0, count);
  if (order) {
    const { column, down } = order;
    const sign = down ? -1 : 1;
    shown.sort((a, b) => sign * compare(rows[a][column], rows[b][column]) || a - b);
  }
  return shown;
}

const CONDITION = /(?:"([^"]+)"|([\p{L}_][\p{L}\p{N}_]*))\s*(:|!=|<=|>=|=|<|>)\s*("[^"]*"|\S+)|"([^"]*)"|(\S+)/gu;

/** @param {string} filter @param {string[]} columns @returns {((row: Value[]) => boolean)[]} */
function conditions(filter, columns) {
  const lower = columns.map((name) => name.toLowerCase());
  return [...filter.matchAll(CONDITION)].map(([whole, quotedName, name, operator, value, phrase, word]) => {
    const column = lower.indexOf((quotedName ?? name ?? '').toLowerCase());
    if (operator && column >= 0) return comparison(column, operator, value.replaceAll('"', ''));
    const text = (phrase ?? word ?? whole).toLowerCase();
    return (row) => row.some((one) => plainText(one).toLowerCase().includes(text));
  });
}

/** @param {number} column @param {string} operator @param {string} text @returns {(row: Value[]) => boolean} */
function comparison(column, operator, text) {
  if (operator === ':') {
    const part = text.toLowerCase();
    return (row) => plainText(row[column]).toLowerCase().includes(part);
  }
  const isNull = /^null$/i.test(text);
  const number = /^[-+]?[\d.]+(e[-+]?\d+)?$/i.test(text) ? Number(text) : null;
  return (row) => {
    const value = row[column];
    if (isNull || value === null)
      return operator === '=' ? isNull && value === null : operator === '!=' && (isNull ? value !== null : false);
    const order =
      number !== null && typeof value !== 'string' ? compare(value, number) : compare(plainText(value), text);
    return (
      { '=': order === 0, '!=': order !== 0, '<': order < 0, '<=': order <= 0, '>': order > 0, '>=': order >= 0 }[
        operator
      ] ?? false
    );
  };
}
