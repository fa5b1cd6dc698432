/** What is being imported: the file, what was chosen, how far it is. */

import { computed, signal } from '@preact/signals';
import { load } from './load.js';
import { readFile } from './source.js';
import { TypeGuess } from './types.js';

const SHOWN = 20;

/**
 * @typedef {object} Part one table to be
 * @property {import('./source.js').Source} source
 * @property {boolean} wanted
 * @property {string} table
 * @property {'create' | 'append' | 'replace'} mode
 * @property {{name: string, type: string, guess: string}[]} columns guess: what the type seems to be, of the first rows
 * @property {import('./source.js').Value[][]} rows the first
 */

export class Import {
  /** @type {import('@preact/signals').Signal<Part[]>} */
  parts = signal(/** @type {Part[]} */ ([]));
  /** Which part is looked at. */
  shown = signal(0);
  /** What was chosen or guessed: {encoding, delimiter, header}, if the format has them. */
  options = signal(/** @type {any} */ ({}));
  emptyIsNull = signal(true);
  /** Why the file cannot be read. */
  problem = signal('');
  /** @type {import('@preact/signals').Signal<{stage: 'look' | 'load', done: number, rows: number, table: string} | null>} */
  progress = signal(/** @type {any} */ (null));
  part = computed(() => this.parts.value[this.shown.value]);
  wanted = computed(() => this.parts.value.filter(({ wanted }) => wanted));
  #stopper = new AbortController();

  /** @param {File} file @param {string[]} tables names that the database has */
  constructor(file, tables) {
    this.file = file;
    this.tables = tables;
  }

  /** Look into the file. @param {any} [chosen] what the user has chosen otherwise */
  async look(chosen = {}) {
    this.problem.value = '';
    try {
      const { sources, options } = await readFile(this.file, chosen);
      const taken = new Set(this.tables.map((name) => name.toLowerCase()));
      const parts = [];
      for (const source of sources) parts.push(await partOf(source, taken));
      this.parts.value = parts;
      this.options.value = options;
      this.shown.value = Math.min(this.shown.peek(), parts.length - 1);
    } catch (error) {
      this.problem.value = /** @type {Error} */ (error).message;
    }
  }

  /** Change the part that is looked at. @param {Partial<Part>} change */
  change(change) {
    this.parts.value = this.parts.value.map((part, i) => (i === this.shown.value ? { ...part, ...change } : part));
  }

  /** What hinders the import: the key of a text and its values. @returns {{key: string, values?: Record<string, string>} | null} */
  hindrance() {
    const wanted = this.wanted.value;
    if (!wanted.length) return { key: 'import.none' };
    const seen = new Set();
    for (const { table, mode, columns } of wanted) {
      const name = table.trim().toLowerCase();
      if (!name) return { key: 'import.no-name' };
      if (seen.has(name)) return { key: 'import.twice', values: { table } };
      seen.add(name);
      const exists = this.tables.some((one) => one.toLowerCase() === name);
      if (exists && mode === 'create') return { key: 'import.exists', values: { table } };
      if (!exists && mode === 'append') return { key: 'import.missing', values: { table } };
      const names = columns.map((column) => column.name.trim().toLowerCase());
      if (names.some((one, i) => !one || names.indexOf(one) < i)) return { key: 'import.columns', values: { table } };
    }
    return null;
  }

  /** Do it. @param {import('../core/session.js').Database} db @returns {Promise<{table: string, rows: number}[]>} */
  async run(db) {
    const { signal } = this.#stopper;
    const done = [];
    try {
      for (const { source, table, mode, columns } of this.wanted.value) {
        const onProgress = (
          /** @type {'look' | 'load'} */ stage,
          /** @type {number} */ part,
          /** @type {number} */ rows,
        ) => {
          this.progress.value = { stage, done: part, rows, table };
        };
        onProgress('look', 0, 0);
        const plan = { table: table.trim(), mode, columns, emptyIsNull: this.emptyIsNull.value };
        done.push({ table: plan.table, rows: await load(db, source, plan, { signal, onProgress }) });
      }
      return done;
    } finally {
      this.progress.value = null;
      if (signal.aborted) this.#stopper = new AbortController();
    }
  }

  stop() {
    this.#stopper.abort();
  }
}

/** @param {import('./source.js').Source} source @param {Set<string>} taken @returns {Promise<Part>} */
async function partOf(source, taken) {
  /** @type {import('./source.js').Value[][]} */
  let rows = [];
  const guess = new TypeGuess();
  for await (const batch of source.batches()) {
    guess.see(batch.rows.slice(0, 1000));
    rows = batch.rows.slice(0, SHOWN);
    break;
  }
  const types = guess.types(source.columns.length);
  let table = source.name;
  for (let n = 2; taken.has(table.toLowerCase()); n++) table = `${source.name}_${n}`;
  taken.add(table.toLowerCase());
  const columns = source.columns.map((name, i) => ({ name, type: 'auto', guess: types[i] }));
  return { source, wanted: true, table, mode: 'create', columns, rows };
}
