/**
 * What the next visit will prepare. It finds the schema that this one leaves, and runs its `CREATE TABLE IF NOT EXISTS …` and what follows
 * against that. So statements that were compiled for an earlier schema are compiled for the last one, too, when nothing else is;
 * Cache storage keeps those Programs (program_cache.js).
 */

const IDLE_MS = 300;
const MAX_TEXTS = 64;

/** @typedef {import('./schema.js').Schema} Schema */

export class NextVisit {
  #schemaNow;
  #prepare;
  /** The schema each was compiled for. @type {Map<string, Schema>} */ #texts = new Map();
  /** @type {any} */ #timer = 0;

  /**
   * @param {() => Schema | null} schemaNow null: not now, a statement runs, a transaction is open or the database is closed
   * @param {(text: string) => unknown} prepare
   */
  constructor(schemaNow, prepare) {
    this.#schemaNow = schemaNow;
    this.#prepare = prepare;
  }

  /** @param {string} text of one statement that was compiled @param {Schema} schema */
  compiled(text, schema) {
    if (typeof caches === 'undefined') return;
    this.#texts.delete(text);
    this.#texts.set(text, schema);
    if (this.#texts.size > MAX_TEXTS) this.#texts.delete(this.#texts.keys().next().value ?? '');
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#next(), IDLE_MS);
  }

  /** Compile one of them, and go on. */
  #next() {
    try {
      const schema = this.#schemaNow();
      const [text] = [...this.#texts].find(([, its]) => schema && its !== schema) ?? [];
      if (!schema || text === undefined) return;
      this.#texts.set(text, schema);
      try {
        this.#prepare(text);
      } catch {
        this.#texts.delete(text); // `CREATE TABLE t`, where t is now
      }
    } catch {
      return; // a lock: the next statement that is compiled tries again
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#next());
  }
}
