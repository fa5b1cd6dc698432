/** A result set: rows that came, and those that can still be fetched. */

import { signal } from '@preact/signals';

/** Rows that are fetched at once, at first and when the end is near. */
export const FIRST_ROWS = 1_000;
export const MORE_ROWS = 20_000;

let last = 0;

/** @typedef {import('../../web/index.js').SqlValue} Value */

export class ResultSet {
  id = `set-${++last}`;
  /** @type {Value[][]} */
  rows = [];
  /** Goes up with each batch of rows. */
  version = signal(0);
  /** Whether there may be more rows: 'more', fetched on demand; 'loading'; 'all'; 'cut': the statement was given up before its end. */
  state = signal(/** @type {'more' | 'loading' | 'all' | 'cut'} */ ('loading'));
  /** @type {import('@preact/signals').Signal<{message: string} | null>} */
  error = signal(/** @type {{message: string} | null} */ (null));

  /** @type {AsyncGenerator<Value[], void> | null} */
  #source;

  /**
   * @param {string} sql @param {import('../../web/index.js').ColumnInfo[]} columns
   * @param {AsyncGenerator<Value[], void> | null} source
   */
  constructor(sql, columns, source) {
    this.sql = sql;
    this.columns = columns;
    this.#source = source;
    this.milliseconds = 0;
  }

  /** Fetch up to so many rows more. @param {number} count @returns {Promise<void>} */
  async fetch(count) {
    const source = this.#source;
    if (!source) return;
    this.state.value = 'loading';
    try {
      for (let i = 0; i < count; i++) {
        const { done, value } = await source.next();
        if (done) {
          this.#source = null;
          break;
        }
        this.rows.push(value);
      }
      // whoever waits for one row more learns whether there is one
      this.state.value = this.#source ? 'more' : 'all';
    } catch (error) {
      this.#source = null;
      this.state.value = 'cut';
      throw error;
    } finally {
      this.version.value++;
    }
  }

  /** More rows, because somebody wants to see them: what fails is said beside them. @param {number} [count] */
  async more(count = MORE_ROWS) {
    if (this.state.peek() !== 'more') return;
    try {
      await this.fetch(count);
    } catch (error) {
      this.error.value = /** @type {any} */ (error);
    }
  }

  /** Give the statement up; the rows that came stay. */
  async release() {
    const source = this.#source;
    this.#source = null;
    if (source && this.state.peek() !== 'all') this.state.value = 'cut';
    await source?.return().catch(() => {});
  }

  /** Change a value that is shown. @param {number} row @param {number} column @param {Value} value */
  set(row, column, value) {
    this.rows[row][column] = value;
    this.version.value++;
  }
}
