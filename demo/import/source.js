/**
 * Files of rows: what a reader of one format gives, and which reader a file is for.
 *
 * @typedef {null | string | number | bigint | Uint8Array} Value as SQLite has them
 *
 * @typedef {object} Source one table's worth of a file
 * @property {string} name what the table might be called
 * @property {string[]} columns
 * @property {boolean} typed whether values have types of their own; if not, all are texts of which types are guessed
 * @property {() => AsyncGenerator<{rows: Value[][], done: number, columns?: string[]}, void>} batches the rows, from the beginning each
 *   time, some thousands at a time. done: the part of the file that was read, 0 to 1; columns: names that the rows have from now on, if
 *   there are more than before
 *
 * @typedef {object} Reader
 * @property {string[]} extensions with their dots
 * @property {(file: File, options: any) => Promise<{sources: Source[], options: any}>} read options: what was chosen, or guessed
 */

/** @type {Record<string, {extensions: string[], load: () => Promise<Reader['read']>}>} */
const READERS = {
  delimited: {
    extensions: ['.csv', '.tsv', '.tab', '.psv', '.txt'],
    load: async () => (await import('./delimited.js')).readDelimited,
  },
  json: {
    extensions: ['.json', '.ndjson', '.jsonl', '.geojson'],
    load: async () => (await import('./json.js')).readJson,
  },
  sheets: { extensions: ['.xlsx'], load: async () => (await import('./sheets.js')).readSheets },
  parquet: { extensions: ['.parquet'], load: async () => (await import('./parquet.js')).readParquet },
};

/** The extensions of all files that can be read as rows. */
export const EXTENSIONS = Object.values(READERS).flatMap(({ extensions }) => extensions);

/** The name of the format of a file, null if it has none of these. @param {string} name */
export function formatOf(name) {
  const lower = name.toLowerCase();
  const found = Object.entries(READERS).find(([, { extensions }]) => extensions.some((one) => lower.endsWith(one)));
  return found?.[0] ?? null;
}

/**
 * Look into a file.
 * @param {File} file @param {any} [options] what the user has chosen: of a delimited file {encoding, delimiter, header}
 * @throws {Error} when it is not what its name says
 */
export async function readFile(file, options = {}) {
  const format = formatOf(file.name);
  if (!format) throw new TypeError(`${file.name} is none of ${EXTENSIONS.join(', ')}`);
  const read = await READERS[format].load();
  return { format, ...(await read(file, options)) };
}

/** A name for a table, made of a file's or sheet's: "My films (2).csv" → "My_films_2". @param {string} name */
export function tableName(name) {
  const stem = name.replace(/\.[^.]*$/, '');
  const plain = stem.replaceAll(/[^\p{L}\p{N}_]+/gu, '_').replaceAll(/^_+|_+$/g, '');
  if (!plain) return 'data';
  return /^\p{N}/u.test(plain) ? `t_${plain}` : plain;
}

/**
 * Names of columns, none empty, none twice (SQLite does not tell letters' cases apart).
 * @param {string[]} given
 */
export function columnNames(given) {
  const taken = new Set();
  return given.map((name, i) => {
    const wanted = String(name ?? '').trim() || `column${i + 1}`;
    let free = wanted;
    for (let n = 2; taken.has(free.toLowerCase()); n++) free = `${wanted}_${n}`;
    taken.add(free.toLowerCase());
    return free;
  });
}
