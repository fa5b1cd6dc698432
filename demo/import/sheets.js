/** Sheets of an Excel file (.xlsx). */

import readXlsxFile from 'read-excel-file/universal';
import { columnNames, tableName } from './source.js';

/**
 * @param {File} file @param {{header?: boolean}} chosen
 * @returns {Promise<{sources: import('./source.js').Source[], options: {header: boolean}}>} sheets without a cell are left out
 * @throws {Error} when it is not such a file
 */
export async function readSheets(file, chosen) {
  /** @type {{sheet: string, data: any[][]}[]} */
  let sheets;
  try {
    sheets = await readXlsxFile(file);
  } catch (error) {
    throw new Error(`${file.name} is not an Excel file (.xlsx)`, { cause: error });
  }
  const filled = sheets.filter(({ data }) => data.length);
  if (!filled.length) throw new Error(`${file.name} has no cell`);
  const namesAt = (/** @type {any[][]} */ [first]) =>
    chosen.header ?? first.every((cell) => cell === null || typeof cell === 'string');
  const sources = filled.map(({ sheet, data }) => {
    const header = namesAt(data);
    const rows = header ? data.slice(1) : data;
    return {
      name: tableName(filled.length === 1 && /^sheet ?1$/i.test(sheet) ? file.name : `${sheet}.`),
      columns: columnNames(header ? data[0] : data[0].map(() => '')),
      typed: true,
      async *batches() {
        yield { rows: rows.map((row) => row.map(cellOf)), done: 1 };
      },
    };
  });
  return { sources, options: { header: namesAt(filled[0].data) } };
}

/** @param {any} value @returns {import('./source.js').Value} */
function cellOf(value) {
  if (value instanceof Date) return dateText(value);
  return typeof value === 'boolean' ? Number(value) : (value ?? null);
}

/** As SQLite's date functions read it; without the time if it is midnight. @param {Date} date */
export function dateText(date) {
  if (Number.isNaN(date.getTime())) return null;
  const text = date.toISOString().replace('T', ' ').replace('Z', '');
  return text.replace(/ 00:00:00\.000$/, '').replace(/\.000$/, '');
}
