/** JSON: an array of objects, lines of objects (NDJSON), or an object of arrays. Read piece by piece, integers exactly. */

import { JSONParser, Tokenizer } from '@streamparser/json';
import { columnNames, tableName } from './source.js';

const SAMPLE = 1000;
const BATCH = 2000;

/**
 * @param {File} file
 * @returns {Promise<{sources: import('./source.js').Source[], options: {}}>}
 * @throws {Error} when it is not JSON; the message says where
 */
export async function readJson(file) {
  const start = (await file.slice(0, 64 * 1024).text()).replace(/^\ufeff/, '').trimStart();
  if (!start) throw new Error(`${file.name} is empty`);
  const isArray = start[0] === '[';
  const isLines = !isArray && /^(?:\{.*\}|".*"|[-\d].*|null|true|false)[ \t]*\r?\n\s*\S/.test(start);
  if (!isArray && !isLines && start[0] === '{') return { sources: await sourcesOfObject(file), options: {} };
  const values = () =>
    elementsOf(file, isArray ? { paths: ['$.*'], keepStack: false } : { separator: '', paths: ['$'] });
  return { sources: [await sourceOf(tableName(file.name), values)], options: {} };
}

/**
 * An object: each of its arrays of objects is a table; without one, the object is a table's only row.
 * @param {File} file
 */
async function sourcesOfObject(file) {
  /** @type {any} */
  let whole;
  for await (const { values } of elementsOf(file, { paths: ['$'] })) whole = values[0] ?? whole;
  const arrays = Object.entries(whole).filter(
    ([, value]) => Array.isArray(value) && value.length && isObject(value[0]),
  );
  const tables = arrays.length ? arrays : [[file.name, [whole]]];
  return Promise.all(
    tables.map(([name, values]) =>
      sourceOf(tableName(name), async function* () {
        for (let i = 0; i < values.length; i += BATCH) {
          yield { values: values.slice(i, i + BATCH), done: Math.min(1, (i + BATCH) / values.length) };
        }
      }),
    ),
  );
}

/** @param {any} value */
const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

/**
 * @param {string} name @param {() => AsyncGenerator<{values: any[], done: number}, void>} values
 * @returns {Promise<import('./source.js').Source>}
 */
async function sourceOf(name, values) {
  const first = new Set();
  let seen = 0;
  for await (const batch of values()) {
    for (const key of batch.values.flatMap(keysOf)) first.add(key);
    if ((seen += batch.values.length) >= SAMPLE) break;
  }
  if (!first.size) throw new Error(`${name} has no row`);
  return {
    name,
    columns: columnNames([...first]),
    typed: true,
    async *batches() {
      const keys = new Set(first);
      for await (const { values: some, done } of values()) {
        const before = keys.size;
        for (const key of some.flatMap(keysOf)) keys.add(key);
        const known = [...keys];
        const rows = some.map((value) => known.map((key) => cellOf(isObject(value) ? value[key] : partOf(value, key))));
        yield { rows, done, ...(known.length > before ? { columns: columnNames(known) } : {}) };
      }
    },
  };
}

/** Names of what a row has: an object's keys, "1" … of an array, "value" of anything else. @param {any} value @returns {string[]} */
function keysOf(value) {
  if (Array.isArray(value)) return value.map((_, i) => `column${i + 1}`);
  return isObject(value) ? Object.keys(value) : ['value'];
}

/** @param {any} value @param {string} key */
const partOf = (value, key) =>
  Array.isArray(value) ? value[Number(key.slice(6)) - 1] : key === 'value' ? value : null;

/** What SQLite keeps of a JSON value: arrays and objects as text. @param {any} value @returns {import('./source.js').Value} */
export function cellOf(value) {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'object' && !(value instanceof Uint8Array)) {
    return JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? exactly(part) : part));
  }
  return value;
}

/** Integers that a number cannot hold, within JSON text. @param {bigint} value */
const exactly = (value) => /** @type {any} */ (JSON).rawJSON?.(value.toString()) ?? value.toString();

class ExactTokenizer extends Tokenizer {
  /** @param {string} text @returns {any} */
  parseNumber(text) {
    const number = Number(text);
    return /^-?\d+$/.test(text) && !Number.isSafeInteger(number) ? BigInt(text) : number;
  }
}

/**
 * Values of a file in batches.
 * @param {File} file @param {any} options of the parser: which values
 * @returns {AsyncGenerator<{values: any[], done: number}, void>}
 */
async function* elementsOf(file, options) {
  const parser = new JSONParser(options);
  const { tokenizer } = /** @type {any} */ (parser);
  tokenizer.parseNumber = ExactTokenizer.prototype.parseNumber;
  /** @type {any[]} */
  let values = [];
  /** @type {Error | null} */
  let failure = null;
  parser.onValue = ({ value }) => values.push(value);
  parser.onError = (error) => (failure = error);
  const reader = file.stream().getReader();
  let read = 0;
  try {
    for (;;) {
      const { value: bytes, done } = await reader.read();
      if (done) break;
      read += bytes.length;
      if (!parser.isEnded || bytes.some((byte) => byte > 32)) parser.write(bytes);
      if (failure) throw new Error(`${file.name} is not JSON: ${/** @type {Error} */ (failure).message}`);
      if (values.length) yield { values, done: read / file.size };
      values = [];
    }
    if (!parser.isEnded) parser.end();
    if (failure) throw new Error(`${file.name} is not JSON: it ends too early`);
    if (values.length) yield { values, done: 1 };
  } finally {
    await reader.cancel();
  }
}
