/**
 * What a Program depends on besides its text, and the Programs for it: runtime/schema.py's twin in the worker.
 *
 * A Schema is found by what databases *contain*, never by what files are called or by schema cookies, so all databases of an engine
 * share them.
 *
 * Invariants:
 *   C1  A Prepared is never run against another Schema than its own: a Program contains root pages and column numbers.
 *   C2  A Program is reused for other literals only when every literal it pinned has the same value and type, every list of rows the
 *       same width, and every column that is named by the text of its expression would get the same name.
 *   C3  A Program's data stays in kernel memory while a statement uses it.
 */

import { N_SLOTS, SMALL_TABLE, TEMP_SLOT } from '../base/abi.js';
import { SqlError } from '../base/errors.js';
import { lex } from './lexer.js';
import { encodeLiterals, spelled } from './literals.js';
import { parseProgram } from './program.js';

const MAX_TEXTS = 512;
const MAX_PROGRAMS = 512;
const MAX_VARIANTS = 8; // Programs of one shape that differ in what they pinned
const MAX_UNUSED = 8; // Schemas kept though no database is at them
const ANY_SMALL = 0; // in place of a table's class
const PLAIN_NAME = /^[A-Za-z_]\w*$/;
const GROWS = /^[\p{L}\p{N}_.]{2}$/u;

/**
 * @typedef {object} Contents one database as the compiler sees it (runtime/schema.py)
 * @property {number} slot
 * @property {string} name
 * @property {unknown[][] | null} rows of its sqlite_schema; null: not known
 * @property {boolean} descending
 * @property {unknown[][]} statistics rows of sqlite_stat1
 *
 * @typedef {import('./usercode.js').Own | null} Own
 * @typedef {import('./kernel.js').Loaded & {uses: number, retired: boolean}} CountedProgram
 * @typedef {object} Prepared
 * @property {string} sql
 * @property {number} start
 * @property {number} end
 * @property {CountedProgram} loaded
 * @property {import('./literals.js').LiteralBlock} literals
 * @property {Schema} schema
 * @property {string} [shown] what may be told of a text with a key
 *
 * @typedef {Map<string, number> | null} Sizes classes of tables (catalog/sizes.py) by slot and root; null: plans do not depend on them
 *
 * @typedef {object} View the schema that a database sees
 * @property {Schema} schema
 * @property {number[]} cookies by slot
 * @property {number} epoch of the kernel's connection
 */

/** What a statement is known by: its shape, or, where that does not do, its text. @param {import('./lexer.js').Lexed} lexed @param {string} text */
function keysOf(lexed, text) {
  const widths = lexed.literals.filter(Array.isArray).map((rows) => /** @type {any[][]} */ (rows)[0].length);
  const bare = text.endsWith(';') ? text.slice(0, -1) : text;
  return { shape: `s${widths.join()} ${lexed.key}`, text: `t${bare}` };
}

/**
 * The key to keep a Program under, null: none. A shape is only used where this lexer and the compiler's agree on key and literals.
 * @param {import('./lexer.js').Lexed} lexed
 * @param {string} text
 * @param {import('./compiler.js').Compiled} compiled
 */
export function keyFor(lexed, text, { key, literals }) {
  const keys = keysOf(lexed, text);
  if (key === null) return keys.text;
  const { bytes } = encodeLiterals(lexed.literals);
  const agree =
    key === lexed.key && bytes.length === literals.bytes.length && bytes.every((byte, i) => byte === literals.bytes[i]);
  return agree ? keys.shape : null;
}

export class Schema {
  /** By the whole text they are prepared from. @type {Map<string, Prepared>} */ texts = new Map();
  /** By key (keysOf). @type {Map<string, CountedProgram[]>} */ #programs = new Map();
  #count = 0;
  /** Databases that are at it. */
  users = 0;
  /** The compiler's number for it, 0: not told yet. */
  number = 0;

  /** @param {Library} library @param {Contents[]} databases @param {Own[]} own @param {number} settings @param {string} capture @param {string} key */
  constructor(library, databases, own, settings, capture, key) {
    this.library = library;
    this.databases = databases;
    this.own = own;
    this.settings = settings;
    this.capture = capture;
    this.key = key;
  }

  /**
   * A Program for a statement: one that was used here before, or a stored one (C2). sizes: what is known of them.
   * @param {import('./lexer.js').Lexed} lexed
   * @param {string} text
   * @param {Sizes} sizes
   * @returns {CountedProgram | undefined}
   */
  find(lexed, text, sizes) {
    const keys = keysOf(lexed, text);
    for (const key of [keys.shape, keys.text]) {
      const known = this.#programs
        .get(key)
        ?.find(({ program }) => fits(program, lexed.literals, text) && fitsSizes(program, sizes));
      if (known) return known;
      for (const entry of this.library.programs.find(this.key, key)) {
        const stored = this.#loadStored(entry, lexed, text, sizes);
        if (stored) return stored;
      }
    }
    return undefined;
  }

  /** A Program of the cache; undefined if it is not for this statement, or none. @param {import('./program_file.js').Entry} entry @param {import('./lexer.js').Lexed} lexed @param {string} text @param {Sizes} sizes */
  #loadStored(entry, lexed, text, sizes) {
    const { programs } = this.library;
    try {
      const program = parseProgram(entry.bytes);
      if (!fits(program, lexed.literals, text) || !fitsSizes(program, sizes)) return undefined;
      const loaded = this.#load(entry.key, program);
      programs.use(entry);
      return loaded;
    } catch (error) {
      if (error instanceof SqlError) throw error;
      programs.drop(entry);
      return undefined;
    }
  }

  /** Whether a statement's Program is known, but for another schema. @param {import('./lexer.js').Lexed} lexed @param {string} text */
  isKnownElsewhere(lexed, text) {
    return this.library.programs.knowsElsewhere(Object.values(keysOf(lexed, text)));
  }

  /**
   * A Program that was compiled just now.
   * @param {string | null} key null: no other statement may have it
   * @param {Uint8Array} bytes
   * @param {boolean} keeps whether later visits may find it
   */
  add(key, bytes, keeps) {
    const program = parseProgram(bytes);
    this.library.programs.add(this.key, keeps && program.shared ? key : null, bytes);
    if (key === null || !program.shared) return { ...this.library.kernel.load(program), uses: 0, retired: true };
    return this.#load(key, program);
  }

  /** @param {string} key @param {import('./program.js').Program} program @returns {CountedProgram} */
  #load(key, program) {
    if (this.#count >= MAX_PROGRAMS) this.#evict();
    const loaded = { ...this.library.kernel.load(program), uses: 0, retired: false };
    const variants = this.#programs.get(key) ?? [];
    variants.unshift(loaded);
    this.#programs.set(key, variants);
    this.#count++;
    for (const old of variants.splice(MAX_VARIANTS)) this.#retire(old);
    return loaded;
  }

  /** Let the older half of the Programs go. */
  #evict() {
    for (const [key, variants] of [...this.#programs].slice(0, this.#programs.size / 2 + 1)) {
      this.#programs.delete(key);
      for (const loaded of variants) this.#retire(loaded);
    }
    this.texts.clear();
  }

  /** @param {CountedProgram} loaded */
  #retire(loaded) {
    this.#count--;
    loaded.retired = true;
    if (loaded.uses === 0) this.library.kernel.unload(loaded);
  }

  /** A statement stops using a Program (C3). @param {CountedProgram} loaded */
  leave(loaded) {
    loaded.uses--;
    if (loaded.retired && loaded.uses === 0) this.library.kernel.unload(loaded);
  }

  /** Remember a statement by its text. @param {Prepared} prepared */
  addText(prepared) {
    const { texts } = this;
    if (texts.size >= MAX_TEXTS) texts.delete(texts.keys().next().value ?? '');
    texts.set(prepared.sql, prepared);
  }

  /** Programs that are there from the start (Kernel.programs). @param {{text: string, shape: boolean, bytes: Uint8Array}[]} programs */
  provide(programs) {
    for (const { text, shape, bytes } of programs) {
      const keys = keysOf(lex(text, 0), text);
      this.#load(shape ? keys.shape : keys.text, parseProgram(bytes));
    }
  }

  /** Forget everything. */
  clear() {
    for (const variants of this.#programs.values()) for (const loaded of variants) this.#retire(loaded);
    this.#programs.clear();
    this.texts.clear();
  }
}

/** @param {import('./program.js').Program} program @param {import('./lexer.js').Literal[]} literals @param {string} text */
function fits(program, literals, text) {
  for (const [ordinal, value] of program.pinned) {
    if (JSON.stringify(spelled(literals[ordinal])) !== JSON.stringify(value)) return false;
  }
  return program.columns.every(({ name }) => PLAIN_NAME.test(name) || standsIn(text, name));
}

/**
 * Whether it was planned for tables that are, as far as is known, as large as these (runtime/schema.py).
 * @param {import('./program.js').Program} program
 * @param {Sizes} sizes
 */
export function fitsSizes({ table_sizes }, sizes) {
  return table_sizes.every(([slot, root, , planned]) => {
    if (sizes === null) return false;
    const known = sizes.get(`${slot} ${root}`) ?? planned;
    return known === planned || (planned === ANY_SMALL && known <= SMALL_TABLE);
  });
}

/** Whether the text has this name, not as a part of a longer word or number. @param {string} text @param {string} name */
function standsIn(text, name) {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const end = at + name.length;
    if (
      !GROWS.test(text.slice(Math.max(0, at - 1), at) + name[0]) &&
      !GROWS.test(name.slice(-1) + text.slice(end, end + 1))
    )
      return true;
  }
  return false;
}

/** The Schemas of an engine, by content: those that databases are at, and the last few others. */
export class Library {
  /** @type {Map<string, Schema>} */ #schemas = new Map();

  /** @param {import('./kernel.js').Kernel} kernel @param {import('./program_cache.js').ProgramCache} programs */
  constructor(kernel, programs) {
    this.kernel = kernel;
    this.programs = programs;
    /** Tells the compiler to forget a schema. @type {(number: number) => void} */
    this.closed = () => undefined;
    this.bootstrap = this.schema(
      Array.from({ length: N_SLOTS }, (_, slot) => {
        const name = slot === 0 ? 'main' : slot === TEMP_SLOT ? 'temp' : `${slot}`;
        return { slot, name, rows: null, descending: true, statistics: [] };
      }),
    );
    this.bootstrap.users = 1;
  }

  /** What is known before a file was read, of databases of an encoding (Environment.settings). @param {number} encoding */
  bootstrapFor(encoding) {
    return encoding ? this.schema(this.bootstrap.databases, [], encoding) : this.bootstrap;
  }

  /**
   * The one Schema of an environment.
   * @param {Contents[]} databases
   * @param {Own[]} own what the user has registered
   * @param {number} settings as Environment.settings (runtime/schema.py)
   * @param {string} capture what changes are captured (Connection.capture)
   */
  schema(databases, own = [], settings = 0, capture = '') {
    const contents = databases.map(({ slot, name, rows, descending, statistics }) => [
      slot,
      name,
      rows,
      descending,
      statistics,
    ]);
    const key = JSON.stringify({ databases: contents, own, settings, capture: capture || undefined }, plain);
    const schema = this.#schemas.get(key) ?? new Schema(this, databases, [...own], settings, capture, key);
    this.#schemas.delete(key);
    this.#schemas.set(key, schema);
    const unused = [...this.#schemas.values()].filter((one) => one.users === 0 && one !== schema);
    for (const old of unused.slice(0, Math.max(0, unused.length - MAX_UNUSED))) this.#forget(old);
    return schema;
  }

  /** @param {Schema} schema */
  #forget(schema) {
    this.#schemas.delete(schema.key);
    schema.clear();
    if (schema.number) this.closed(schema.number);
  }
}

/** JSON has no bytes, BigInts or infinities; the schema tables have none either unless they are malformed. @param {string} _ @param {unknown} value */
function plain(_, value) {
  if (value instanceof Uint8Array) return { bytes: [...value] };
  return typeof value === 'bigint' ? Number(value) : value;
}
