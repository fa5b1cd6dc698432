/** Parquet files, read by groups of rows. */

import { parquetMetadataAsync, parquetRead, parquetSchema } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { cellOf } from './json.js';
import { dateText } from './sheets.js';
import { columnNames, tableName } from './source.js';

const BATCH = 20_000;

/**
 * @param {File} file
 * @returns {Promise<{sources: import('./source.js').Source[], options: {}}>}
 * @throws {Error} when it is not such a file
 */
export async function readParquet(file) {
  const buffer = {
    byteLength: file.size,
    slice: (/** @type {number} */ start, /** @type {number | undefined} */ end) => file.slice(start, end).arrayBuffer(),
  };
  /** @type {import('hyparquet').FileMetaData} */
  let metadata;
  try {
    metadata = await parquetMetadataAsync(buffer);
  } catch (error) {
    throw new Error(`${file.name} is not a Parquet file: ${/** @type {Error} */ (error).message}`, { cause: error });
  }
  const columns = parquetSchema(metadata).children.map(({ element }) => element.name);
  const count = Number(metadata.num_rows);
  return {
    sources: [
      {
        name: tableName(file.name),
        columns: columnNames(columns),
        typed: true,
        async *batches() {
          for (let start = 0; start < count; start += BATCH) {
            const end = Math.min(start + BATCH, count);
            /** @type {any[][]} */
            let rows = [];
            const onComplete = (/** @type {any[][]} */ given) => (rows = given);
            await parquetRead({ file: buffer, metadata, compressors, rowStart: start, rowEnd: end, onComplete });
            yield { rows: rows.map((row) => row.map(parquetCell)), done: end / count };
          }
        },
      },
    ],
    options: {},
  };
}

/** @param {any} value */
function parquetCell(value) {
  return value instanceof Date ? dateText(value) : cellOf(value);
}
