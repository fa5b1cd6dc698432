/** Rows as text: for the clipboard, for files. */

import { literal, quoted, real } from '../core/sql.js';
import { plainText } from './values.js';

/**
 * @typedef {import('../core/results.js').Value} Value
 * @typedef {(columns: string[], rows: Value[][], table: string) => string} Format
 */

const csvField = (/** @type {string} */ text) =>
  /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
const tsvField = (/** @type {string} */ text) => (/["\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const markdownField = (/** @type {string} */ text) => text.replaceAll('|', '\\|').replaceAll(/\r?\n|\r/g, '<br>');

/** A NULL is an empty field, an empty text is "". @param {Value} value */
const csvValue = (value) => (value === '' ? '""' : csvField(plainText(value)));

/** @param {Value} value a number that JSON can have is one, without losing digits */
export function jsonValue(value) {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? real(value) : 'null';
  return JSON.stringify(plainText(value));
}

/** Names that differ, for objects. @param {string[]} names */
export function distinct(names) {
  /** @type {Map<string, number>} */
  const seen = new Map();
  return names.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count > 1 ? `${name}_${count}` : name;
  });
}

/** @type {Record<'tsv' | 'csv' | 'json' | 'markdown' | 'insert', Format>} */
export const FORMATS = {
  tsv: (columns, rows) =>
    [columns.map(tsvField), ...rows.map((row) => row.map((value) => tsvField(plainText(value))))]
      .map((line) => line.join('\t'))
      .join('\n'),
  csv: (columns, rows) =>
    [columns.map(csvField), ...rows.map((row) => row.map(csvValue))].map((line) => `${line.join(',')}\r\n`).join(''),
  json: (columns, rows) => {
    const keys = distinct(columns).map((name) => JSON.stringify(name));
    return rows.length
      ? `[\n${rows.map((row) => `  {${row.map((value, i) => `${keys[i]}: ${jsonValue(value)}`).join(', ')}}`).join(',\n')}\n]\n`
      : '[]\n';
  },
  markdown: (columns, rows) => {
    const line = (/** @type {string[]} */ cells) => `| ${cells.join(' | ')} |`;
    const right = columns.map(
      (_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number' || typeof row[i] === 'bigint'),
    );
    return `${[line(columns.map(markdownField)), line(right.map((is) => (is ? '---:' : '---'))), ...rows.map((row) => line(row.map((value) => markdownField(plainText(value)))))].join('\n')}\n`;
  },
  insert: (columns, rows, table) => {
    const head = `INSERT INTO ${quoted(table)}(${distinct(columns).map(quoted).join(', ')}) VALUES`;
    return rows.length ? `${head}\n${rows.map((row) => `  (${row.map(literal).join(', ')})`).join(',\n')};\n` : '';
  },
};
