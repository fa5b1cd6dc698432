/** Which tables the transactions of a connection have changed, for those who want to know of commits, in whatever tab. */

import { DB_COMMITS, N_SLOTS } from '../base/abi.js';

/** What stands for any table: the schema was changed. */
const SCHEMA = 'sqlite_schema';

export class Changes {
  /** Names of tables by slot: of statements that have run since the last commit or rollback. @type {Map<number, Set<string>>} */ #touched =
    new Map();
  /** How many commits there were, by slot. @type {number[]} */ #commits = [];

  /** @param {import('./database.js').HostDatabase} database */
  constructor(database) {
    this.database = database;
    for (let slot = 0; slot < N_SLOTS; slot++) this.#commits[slot] = this.#count(slot);
  }

  /** @param {number} slot */
  #count(slot) {
    const { connection } = this.database;
    return connection.isOpen(slot) ? connection.get(slot, DB_COMMITS) : 0;
  }

  /** A statement is going to run. @param {import('./program.js').Program} program */
  note({ changes, changes_schema }) {
    for (const [slot, name] of changes) this.#touch(slot, name);
    if (changes_schema) for (let slot = 0; slot < N_SLOTS; slot++) this.#touch(slot, SCHEMA);
  }

  /** @param {number} slot @param {string} name */
  #touch(slot, name) {
    const names = this.#touched.get(slot) ?? new Set();
    this.#touched.set(slot, names);
    names.add(name);
  }

  /** Everything may be different: the file was replaced. */
  reset() {
    this.#touched.clear();
    this.#touch(0, SCHEMA);
    this.#commits[0] = -1;
  }

  /** The tables that may have been changed by what was committed since this was asked last, by file. @returns {Map<string, string[]>} */
  committed() {
    const found = new Map();
    if (!this.#touched.size || !this.database.open) return found;
    const { connection, inTransaction } = this.database;
    for (const [slot, names] of this.#touched) {
      const commits = this.#count(slot);
      if (commits !== this.#commits[slot]) found.set(connection.fileOf(slot) ?? '', [...names].sort());
      this.#commits[slot] = commits;
    }
    if (!inTransaction) this.#touched.clear();
    return found;
  }
}
