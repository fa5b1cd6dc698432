/**
 * Rows as files. A writer takes the rows in batches and gives the file in pieces, so that a large one is never held whole; but Excel's
 * files, which are zipped, are.
 *
 * @typedef {import('../core/results.js').Value} Value
 * @typedef {{columns: string[], batches: () => AsyncGenerator<Value[][], void>, table: string, definition?: string}} Rows
 * definition: the CREATE TABLE, if the rows are a table's
 * @typedef {{extension: string, mime: string, write: (rows: Rows) => AsyncGenerator<string | Uint8Array, void>}} Writer
 */

import { quoted } from '../core/sql.js';
import { distinct, FORMATS, jsonValue } from '../results/formats.js';

/** What Excel takes. */
const SHEET_ROWS = 1_048_576;

/** @type {Record<string, Writer>} */
export const WRITERS = {
  csv: { extension: 'csv', mime: 'text/csv', write: headed(FORMATS.csv) },
  tsv: {
    extension: 'tsv',
    mime: 'text/tab-separated-values',
    write: headed((columns, rows) => `${FORMATS.tsv(columns, rows)}\n`),
  },
  json: { extension: 'json', mime: 'application/json', write: writeJson },
  ndjson: { extension: 'ndjson', mime: 'application/x-ndjson', write: writeLines },
  markdown: { extension: 'md', mime: 'text/markdown', write: headed(FORMATS.markdown) },
  sql: { extension: 'sql', mime: 'application/sql', write: writeSql },
  xlsx: {
    extension: 'xlsx',
    mime: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
    write: writeSheet,
  },
  parquet: { extension: 'parquet', mime: 'application/vnd.apache.parquet', write: writeParquet },
};

/**
 * A writer of a format whose head, what it gives without rows, stands once.
 * @param {import('../results/formats.js').Format} format @returns {Writer['write']}
 */
function headed(format) {
  return async function* write({ columns, batches, table }) {
    const head = format(columns, [], table);
    yield head;
    for await (const rows of batches()) yield format(columns, rows, table).slice(head.length);
  };
}

/** @type {Writer['write']} */
async function* writeLines({ columns, batches }) {
  const keys = distinct(columns).map((name) => JSON.stringify(name));
  for await (const rows of batches()) yield rows.map((row) => `${objectText(keys, row)}\n`).join('');
}

/** @type {Writer['write']} */
async function* writeJson({ columns, batches }) {
  const keys = distinct(columns).map((name) => JSON.stringify(name));
  let before = '[';
  for await (const rows of batches()) {
    if (rows.length) yield `${before}\n  ${rows.map((row) => objectText(keys, row)).join(',\n  ')}`;
    if (rows.length) before = ',';
  }
  yield before === '[' ? '[]\n' : '\n]\n';
}

/** @param {string[]} keys as JSON @param {Value[]} row */
const objectText = (keys, row) => `{${row.map((value, i) => `${keys[i]}: ${jsonValue(value)}`).join(', ')}}`;

/** @type {Writer['write']} */
async function* writeSql({ columns, batches, table, definition }) {
  yield `BEGIN;\n${definition ?? `CREATE TABLE ${quoted(table)}(${distinct(columns).map(quoted).join(', ')})`};\n`;
  for await (const rows of batches()) yield FORMATS.insert(columns, rows, table);
  yield 'COMMIT;\n';
}

/** @type {Writer['write']} */
async function* writeSheet({ columns, batches, table }) {
  const { default: writeXlsxFile } = await import('write-excel-file/universal');
  /** @type {any[][]} */
  const data = [columns.map((value) => ({ value, fontWeight: 'bold' }))];
  for await (const rows of batches()) {
    for (const row of rows) data.push(row.map(cellOf));
    if (data.length > SHEET_ROWS)
      throw new RangeError(`an Excel sheet has ${SHEET_ROWS} rows at most: take CSV or Parquet`);
  }
  const file = await writeXlsxFile(data, {
    sheet: table.replaceAll(/[[\]:*?/\\]/g, '_').slice(0, 31) || 'rows',
    stickyRowsCount: 1,
  });
  yield new Uint8Array(await (await file.toBlob()).arrayBuffer());
}

/** An integer beyond what Excel's numbers hold is a text, as is what has no number there. @param {Value} value */
function cellOf(value) {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint') {
    const number = Number(value);
    return { value: Number.isSafeInteger(number) ? number : String(value) };
  }
  if (typeof value === 'number') return { value: Number.isFinite(value) ? value : String(value) };
  return { value: jsonText(value) };
}

/** A text, or a blob in hexadecimal. @param {string | Uint8Array} value @returns {string} */
const jsonText = (value) => JSON.parse(jsonValue(value));

/** @type {Writer['write']} */
async function* writeParquet({ columns, batches }) {
  const { ByteWriter, parquetWriteRows } = await import('hyparquet-writer');
  const names = distinct(columns);
  const types = await typesOf(columns.length, batches);
  const writer = new ByteWriter();
  await parquetWriteRows({
    writer,
    columns: names.map((name, i) => ({ name, type: types[i], nullable: true })),
    rows: (async function* () {
      for await (const rows of batches()) {
        for (const row of rows)
          yield Object.fromEntries(names.map((name, i) => [name, parquetValue(row[i], types[i])]));
      }
    })(),
  });
  yield writer.getBytes();
}

/** @typedef {'INT64' | 'DOUBLE' | 'STRING' | 'BYTE_ARRAY'} ParquetType */

/**
 * The type of each column: a mixed one is of texts. @param {number} count @param {Rows['batches']} batches
 * @returns {Promise<ParquetType[]>}
 */
async function typesOf(count, batches) {
  /** @type {(ParquetType | null)[]} */
  const types = Array(count).fill(null);
  for await (const rows of batches()) {
    for (const row of rows) for (let i = 0; i < count; i++) types[i] = widest(types[i], parquetType(row[i]));
  }
  return types.map((type) => type ?? 'STRING');
}

/** @param {ParquetType | null} one @param {ParquetType | null} other @returns {ParquetType | null} */
function widest(one, other) {
  if (!one || !other || one === other) return one ?? other;
  const numbers = ['INT64', 'DOUBLE'];
  return numbers.includes(one) && numbers.includes(other) ? 'DOUBLE' : 'STRING';
}

/** @param {Value} value @returns {ParquetType | null} */
function parquetType(value) {
  if (value === null || value === undefined) return null;
  if (typeof value === 'bigint') return 'INT64';
  if (typeof value === 'number') return 'DOUBLE';
  return typeof value === 'string' ? 'STRING' : 'BYTE_ARRAY';
}

/** @param {Value} value @param {ParquetType} type */
function parquetValue(value, type) {
  if (value === null || value === undefined) return null;
  if (type === 'DOUBLE') return Number(value);
  if (type !== 'STRING' || typeof value === 'string') return value;
  return value instanceof Uint8Array ? jsonText(value) : String(value);
}
