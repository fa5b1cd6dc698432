/** Comma-separated values and their kin (RFC 4180), read by Papa Parse piece by piece. */

import Papa from 'papaparse';
import { DELIMITERS } from './delimiters.js';
import { encodingOf, textOf } from './encoding.js';
import { columnNames, tableName } from './source.js';

const PREVIEW = 64 * 1024;
const PIECE = 1024 * 1024;
const NUMBER = /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i;

/**
 * @param {File} file
 * @param {{encoding?: string, delimiter?: string, header?: boolean}} chosen what is absent is guessed
 * @returns {Promise<{sources: import('./source.js').Source[], options: {encoding: string, delimiter: string, header: boolean}}>}
 * @throws {Error} when there is nothing in it
 */
export async function readDelimited(file, chosen) {
  const encoding = chosen.encoding ?? (await encodingOf(file));
  const start = await startOf(file, encoding);
  if (!start.trim()) throw new Error(`${file.name} is empty`);
  const guess = Papa.parse(start, {
    delimitersToGuess: DELIMITERS,
    delimiter: chosen.delimiter ?? '',
    preview: 100,
    skipEmptyLines: true,
  });
  const { delimiter, linebreak } = guess.meta;
  const rows = /** @type {string[][]} */ (guess.data);
  const header = chosen.header ?? hasNames(rows[0]);
  const width = Math.max(...rows.map((row) => row.length));
  const names = header ? rows[0] : [];
  const columns = columnNames(Array.from({ length: width }, (_, i) => names[i] ?? ''));
  const batches = () => rowsOf(file, { encoding, delimiter, linebreak, header, columns: [...columns] });
  return {
    sources: [{ name: tableName(file.name), columns, typed: false, batches }],
    options: { encoding, delimiter, header },
  };
}

/** The first lines of a file. @param {File} file @param {string} encoding */
async function startOf(file, encoding) {
  let text = '';
  for await (const piece of textOf(file, encoding)) {
    text += piece.text;
    if (text.length >= PREVIEW) break;
  }
  if (text.length <= PREVIEW) return text;
  const end = text.lastIndexOf('\n', PREVIEW);
  return text.slice(0, end < 0 ? PREVIEW : end + 1);
}

/** Whether a row has names: texts, none empty or twice. @param {string[]} row */
function hasNames(row) {
  const names = row.map((name) => name.trim());
  return names.every((name) => name && !NUMBER.test(name)) && new Set(names).size === names.length;
}

/** @param {string[]} row */
const isBlank = (row) => row.length === 1 && row[0].trim() === '';

/**
 * @param {File} file
 * @param {{encoding: string, delimiter: string, linebreak: string, header: boolean, columns: string[]}} how
 * @returns {ReturnType<import('./source.js').Source['batches']>}
 */
async function* rowsOf(file, { encoding, delimiter, linebreak, header, columns }) {
  const parser = new Papa.Parser({ delimiter, newline: linebreak });
  let skip = header;
  let width = columns.length;
  /** @param {string} text @param {boolean} last @param {number} done */
  const parse = (text, last, done) => {
    const { data, meta } = /** @type {{data: string[][], meta: {cursor: number}}} */ (
      /** @type {any} */ (parser).parse(text, 0, !last)
    );
    const rows = data.filter((row) => !isBlank(row));
    if (skip && rows.length) {
      rows.shift();
      skip = false;
    }
    for (const row of rows) width = Math.max(width, row.length);
    const more = width > columns.length;
    while (columns.length < width) columns.push(`column${columns.length + 1}`);
    return { used: meta.cursor, batch: { rows, done, ...(more ? { columns: columnNames(columns) } : {}) } };
  };
  let rest = '';
  for await (const { text, done } of textOf(file, encoding)) {
    rest += text;
    if (rest.length < PIECE) continue;
    const { used, batch } = parse(rest, false, done);
    rest = rest.slice(used);
    if (batch.rows.length) yield batch;
  }
  if (rest) yield parse(rest, true, 1).batch;
}
