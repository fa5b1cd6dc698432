/** From a text to what can be run: the Program that is known for it, or a new one of the compiler's. */

import { NotYet, SQLITE_ERROR, SqlError } from '../base/errors.js';
import { NEEDS_NO_SCHEMA } from '../base/sql.js';
import { PAGES } from './image.js';
import { FORMATS, keyPragma, rekeying, withoutKey } from './keys.js';
import { lex } from './lexer.js';
import { encodeLiterals } from './literals.js';
import { NextVisit } from './next_visit.js';
import { fitsSizes, keyFor } from './schema.js';
import { HostStatement } from './statement.js';
import { isBytes } from './values.js';
import { VisibleSchema } from './visible_schema.js';

const CACHED_TEXT = 1 << 16; // longer statements are bulk data, hardly ever seen twice

/** Whether there is a text or blob among literals. @param {import('./lexer.js').Literal[]} literals @returns {boolean} */
function hasText(literals) {
  return literals.some((one) => (Array.isArray(one) ? one.some(hasText) : typeof one === 'string' || isBytes(one)));
}

/**
 * @typedef {import('./schema.js').Schema} Schema
 * @typedef {import('./schema.js').Prepared} Prepared
 */

export class Preparer {
  #database;
  #nextVisit;
  /** @type {Map<string, number>} */ #found = new Map();

  /** @param {import('./database.js').HostDatabase} database @param {import('./usercode.js').UserCode} user */
  constructor(database, user) {
    this.#database = database;
    this.visible = new VisibleSchema(database, user, (schema, sql) => this.#query(schema, sql));
    this.#nextVisit = new NextVisit(
      () => (database.isIdle ? this.visible.now().schema : null),
      (text) => this.prepare(text, 0),
    );
  }

  /**
   * The first statement at or behind `start` of a text; null when there is none. Errors: SqlError; NotYet while the compiler is needed and
   * not loaded, or the schema is locked.
   * @param {string} sql
   * @param {number} start
   * @returns {Prepared | null}
   */
  prepare(sql, start) {
    const { ask } = this.#database.hooks;
    const known = start === 0 && !ask ? this.visible.known?.texts.get(sql) : undefined;
    // The kernel refuses what is out of date, or we do.
    if (
      known &&
      (known.loaded.program.checks.length || this.visible.isCurrent) &&
      fitsSizes(known.loaded.program, this.#sizes)
    )
      return known;
    const lexed = lex(sql, start);
    if (!lexed.key) return null;
    const { bootstrap } = this.#database.engine.library;
    const text = sql.slice(lexed.start, lexed.end);
    if (text === PAGES) return this.#prepare(bootstrap, sql, start, lexed);
    if (NEEDS_NO_SCHEMA.test(text) && !this.#database.connection.hasCaptured)
      return this.#prepare(bootstrap, sql, start, lexed, ask);
    const aboutKey = keyPragma(lexed);
    if (aboutKey) return this.#prepareKey(aboutKey, sql, start, lexed);
    try {
      return this.#prepare(this.visible.now().schema, sql, start, lexed, ask);
    } catch (error) {
      if (!(error instanceof SqlError) || error instanceof NotYet || !this.visible.moved()) throw error;
    }
    return this.#prepare(this.visible.now().schema, sql, start, lexed, ask);
  }

  /**
   * Keep a key that is given; prepare what is left to do, under a text without the key.
   * @param {import('./keys.js').KeyPragma} pragma @param {string} sql @param {number} start @param {import('./lexer.js').Lexed} lexed
   * @returns {Prepared}
   */
  #prepareKey(pragma, sql, start, lexed) {
    const { name, value } = pragma;
    const shown = `PRAGMA ${name}`;
    let text = shown;
    let { bootstrap: schema } = this.#database.engine.library;
    if (name.endsWith('rekey') && value !== null) {
      text = rekeying(pragma);
      schema = this.visible.now().schema;
      this.#database.encrypted = value !== '';
    }
    const prepared = this.#prepare(schema, text, 0, lex(text, 0));
    if (name === 'cipher' && value !== null) this.#database.keyFormat = FORMATS.turso;
    else if (text === shown && value !== null) this.#database.giveKey(this.#slotOf(pragma.schema), value);
    return { ...prepared, sql, start, end: lexed.end, shown };
  }

  /** @param {string} schema a name as it is written */
  #slotOf(schema) {
    const name = /^["`[]/.test(schema) ? schema.slice(1, -1) : schema;
    if (name.toLowerCase() === 'main') return 0;
    throw new SqlError(`a key is given for main, or with ATTACH … KEY, not for ${name}`, SQLITE_ERROR);
  }

  /** What is known of the sizes of tables. A Program that could not be made again must run, whatever they are. @returns {import('./schema.js').Sizes} */
  get #sizes() {
    return this.#database.where.options.compiler === false ? null : this.#found;
  }

  /** The same text against the schema, or the sizes of tables, of now. @param {Prepared} prepared @returns {Prepared} */
  prepareAgain(prepared) {
    const found = this.#database.connection.takeSizes();
    for (const [slot, root, size] of found) this.#found.set(`${slot} ${root}`, size);
    if (!found.length) this.visible.forget();
    return /** @type {Prepared} */ (this.prepare(prepared.sql, prepared.start));
  }

  /**
   * With an authorizer nothing is taken from the caches, nor given to them: what it answers may change.
   * @param {Schema} schema @param {string} sql @param {number} start @param {import('./lexer.js').Lexed} lexed
   * @param {import('./hooks.js').Ask} [ask] an authorizer @returns {Prepared}
   */
  #prepare(schema, sql, start, lexed, ask) {
    const text = sql.slice(lexed.start, lexed.end);
    const loaded = ask ? undefined : schema.find(lexed, text, this.#sizes);
    const prepared = loaded
      ? { sql, start, end: lexed.end, loaded, literals: encodeLiterals(lexed.literals), schema }
      : this.#compile(schema, sql, start, lexed, ask);
    if (!prepared.loaded.program.shared && / KEY /.test(lexed.key)) {
      this.#database.isKeyed = true;
      prepared.shown = withoutKey(text);
    }
    if (start === 0 && !ask && sql.length < CACHED_TEXT && prepared.loaded.program.shared) schema.addText(prepared);
    return prepared;
  }

  /** @param {Schema} schema @param {string} sql @param {number} start @param {import('./lexer.js').Lexed} lexed @param {import('./hooks.js').Ask} [ask] @returns {Prepared} */
  #compile(schema, sql, start, lexed, ask) {
    if (this.#database.where.options.compiler === false) throw this.#uncompiled(schema, sql, lexed);
    const { compiler } = this.#database.engine;
    schema.number ||= compiler.openSchema(schema.key);
    // The arguments of a virtual table's module may hold semicolons: that is for the parser to see.
    const stop = lexed.first === 'CREATE' && lexed.second === 'VIRTUAL' ? sql.length : lexed.end;
    const text = sql.slice(lexed.start, stop);
    let compiled;
    try {
      compiled = compiler.compile(schema.number, text, this.#database.paths, this.#sizes, ask);
    } catch (cause) {
      const error = this.#database.hooks.failure(cause);
      if (error instanceof SqlError && error.offset >= 0) error.offset += lexed.start;
      throw error;
    }
    const keeps = !this.#database.isKeyed || !hasText(lexed.literals);
    const loaded = schema.add(ask ? null : keyFor(lexed, text, compiled), compiled.program, keeps);
    if (!ask && this.#staysUseful(schema, loaded.program, compiled.end)) {
      this.#nextVisit.compiled(text.slice(0, compiled.end), schema);
    }
    return { sql, start, end: lexed.start + compiled.end, loaded, literals: compiled.literals, schema };
  }

  /** Whether the same text is worth a Program for what the schema will be at last. @param {Schema} schema @param {import('./program.js').Program} program @param {number} size of the text */
  #staysUseful(schema, program, size) {
    const { engine, where } = this.#database;
    return !where.inMemory && program.shared && schema !== engine.library.bootstrap && size < CACHED_TEXT;
  }

  /** @param {Schema} schema @param {string} sql @param {import('./lexer.js').Lexed} lexed */
  #uncompiled(schema, sql, lexed) {
    const text = sql.slice(lexed.start, lexed.end);
    const why = schema.isKnownElsewhere(lexed, text)
      ? 'its Program is for another schema (or other settings) than this database has'
      : 'no Program was compiled for it';
    return new SqlError(`the compiler is switched off, and ${why}: ${text}`, SQLITE_ERROR, lexed.start);
  }

  /** All rows of a query of ours. @param {Schema} schema @param {string} sql @returns {unknown[][]} */
  #query(schema, sql) {
    const statement = new HostStatement(
      this.#database,
      schema.texts.get(sql) ?? this.#prepare(schema, sql, 0, lex(sql, 0)),
    );
    try {
      return statement.peeking().raw().all();
    } finally {
      statement.finalize();
    }
  }
}
