/**
 * A driver for Drizzle ORM.
 *
 *     import { drizzle } from 'turso-wasm/drizzle';
 *     const db = drizzle(await connect('app.db'), { schema });
 */

import { entityKind } from 'drizzle-orm/entity';
import { DefaultLogger, NoopLogger } from 'drizzle-orm/logger';
import { createTableRelationsHelpers, extractTablesRelationalConfig } from 'drizzle-orm/relations';
import { fillPlaceholders } from 'drizzle-orm/sql/sql';
import {
  BaseSQLiteDatabase,
  SQLiteAsyncDialect,
  SQLitePreparedQuery,
  SQLiteSession,
  SQLiteTransaction,
} from 'drizzle-orm/sqlite-core';
import * as utils from 'drizzle-orm/utils';
import { alone, scopeOf } from './scope.js';

/** Drivers use it, its types do not have it. @type {(fields: any, row: any[], nullable: any) => any} */
const mapResultRow = /** @type {any} */ (utils).mapResultRow;
const BREAKPOINT = '--> statement-breakpoint';

/** @typedef {import('./scope.js').Scope} Scope */

/** @extends {BaseSQLiteDatabase<'async', any, any, any>} */
export class TursoDatabase extends BaseSQLiteDatabase {
  /** @override */
  static [entityKind] = 'TursoDatabase';

  /** Run queries in one transaction; their results. @param {any[]} queries */
  batch(queries) {
    return /** @type {any} */ (this).session.batch(queries);
  }
}

/** @param {...any} args a database and a configuration, or a configuration with `client` */
export function drizzle(...args) {
  const [database, config = {}] = args[0]?.client ? [args[0].client, args[0]] : args;
  const dialect = new SQLiteAsyncDialect({ casing: config.casing });
  const schema = config.schema && schemaOf(config.schema);
  const logger = config.logger === true ? new DefaultLogger() : config.logger || new NoopLogger();
  const session = new TursoSession(scopeOf(database), dialect, schema, { logger, cache: config.cache });
  const db = new TursoDatabase('async', dialect, /** @type {any} */ (session), schema);
  const $cache = config.cache && Object.assign(config.cache, { invalidate: config.cache.onMutate });
  return Object.assign(db, { $client: database, $cache });
}

/** @param {Record<string, unknown>} fullSchema */
function schemaOf(fullSchema) {
  const { tables: schema, tableNamesMap } = extractTablesRelationalConfig(fullSchema, createTableRelationsHelpers);
  return { fullSchema, schema, tableNamesMap };
}

/** @extends {SQLiteSession<'async', any, any, any>} */
class TursoSession extends SQLiteSession {
  /** @override */
  static [entityKind] = 'TursoSession';

  /** @param {Scope} scope @param {any} dialect @param {any} schema @param {{logger: any, cache: any}} options */
  constructor(scope, dialect, schema, options) {
    super(dialect);
    this.scope = scope;
    this.ofDialect = dialect;
    this.schema = schema;
    this.options = options;
  }

  /** @override @param {any} query @param {any} fields @param {any} method @param {boolean} isArrays @param {any} map @param {...any} cached */
  prepareQuery(query, fields, method, isArrays, map, ...cached) {
    return /** @type {any} */ (new TursoQuery(this, query, { fields, method, isArrays, map }, cached));
  }

  /** @override @param {(tx: any) => any} act @param {{behavior?: import('./scope.js').Behavior}} [config] @returns {any} */
  transaction(act, { behavior = 'deferred' } = {}) {
    return this.scope.transaction(behavior, (inside) => act(this.#within(inside, 0)));
  }

  /** @param {Scope} inside @param {number} depth */
  #within(inside, depth) {
    const session = new TursoSession(inside, this.ofDialect, this.schema, this.options);
    return new TursoTransaction('async', this.ofDialect, /** @type {any} */ (session), this.schema, depth);
  }

  /** @param {(tx: any) => any} act @param {number} depth */
  savepoint(act, depth) {
    return this.scope.transaction('deferred', (inside) => act(this.#within(inside, depth)));
  }

  /** @param {any[]} queries */
  batch(queries) {
    return this.scope.transaction('deferred', async (inside) => {
      const results = [];
      for (const query of queries) results.push(await query._prepare().within(inside).execute());
      return results;
    });
  }
}

/** @extends {SQLiteTransaction<'async', any, any, any>} */
class TursoTransaction extends SQLiteTransaction {
  /** @override */
  static [entityKind] = 'TursoTransaction';

  /** A savepoint. @override @param {(tx: any) => any} act @returns {any} */
  transaction(act) {
    return /** @type {any} */ (this).session.savepoint(act, this.nestedIndex + 1);
  }
}

/** @extends {SQLitePreparedQuery<any>} */
class TursoQuery extends SQLitePreparedQuery {
  /** @override */
  static [entityKind] = 'TursoPreparedQuery';

  /** @param {TursoSession} session @param {any} query @param {{fields: any, method: any, isArrays: boolean, map: any}} result @param {any[]} cached */
  constructor(session, query, result, cached) {
    super('async', result.method, query, session.options.cache, ...cached);
    this.scope = session.scope;
    this.logger = session.options.logger;
    this.result = result;
  }

  /** In a transaction. @param {Scope} scope */
  within(scope) {
    this.scope = scope;
    return this;
  }

  /** @template T @param {Record<string, unknown> | undefined} given @param {(statement: any, params: any[]) => Promise<T>} act */
  #execute(given, act) {
    const { sql, params } = this.query;
    const values = fillPlaceholders(params, given ?? {});
    this.logger.logQuery(sql, values);
    const run = () => this.scope.use(sql, (statement) => act(statement, values));
    return /** @type {any} */ (this).queryWithCache(sql, values, run);
  }

  /** @override @param {Record<string, unknown>} [given] */
  run(given) {
    return this.#execute(given, async (statement, params) => statement.run(params));
  }

  /** @override @param {Record<string, unknown>} [given] */
  async all(given) {
    const { fields, map } = this.result;
    if (!fields && !map) return this.#execute(given, async (statement, params) => statement.all(params));
    const rows = await this.values(given);
    return map ? map(rows) : rows.map((/** @type {any} */ row) => this.#mapped(row));
  }

  /** @override @param {Record<string, unknown>} [given] */
  async get(given) {
    const { fields, map } = this.result;
    if (!fields && !map) return this.#execute(given, async (statement, params) => statement.get(params));
    const row = await this.#execute(given, async (statement, params) => statement.raw().get(params));
    if (row === undefined) return undefined;
    return map ? map([row]) : this.#mapped(row);
  }

  /** @param {any[]} row */
  #mapped(row) {
    return mapResultRow(this.result.fields, row, /** @type {any} */ (this).joinsNotNullableMap);
  }

  /** @override @param {Record<string, unknown>} [given] @returns {Promise<any>} */
  values(given) {
    return this.#execute(given, async (statement, params) => statement.raw().all(params));
  }

  /** @internal */
  isResponseInArrayMode() {
    return this.result.isArrays;
  }
}

// --- migrations -------------------------------------------------------------------------------------------

/** @param {any} db @param {any} config */
export async function migrate(db, config) {
  const migrations = config.migrationsFolder ? await inFolder(config) : await bundled(config);
  await alone(db.$client.name, () => db.dialect.migrate(migrations, db.session, config));
}

/** Drizzle's own reader of folders, in Node; bundlers are not to see it. @param {any} config */
async function inFolder(config) {
  const module = 'drizzle-orm/migrator';
  return (await import(module)).readMigrationFiles(config);
}

/** As drizzle-kit writes them with `driver: 'expo'`. @param {{journal: {entries: any[]}, migrations: Record<string, string>}} config */
function bundled({ journal, migrations }) {
  return Promise.all(
    journal.entries.map(async ({ idx, tag, when, breakpoints }) => {
      const text = migrations[`m${String(idx).padStart(4, '0')}`] ?? migrations[tag];
      if (text === undefined) throw new Error(`migrate(): the migration ${tag} is missing`);
      return { sql: text.split(BREAKPOINT), bps: breakpoints, folderMillis: when, hash: await sha256(text) };
    }),
  );
}

/** @param {string} text */
async function sha256(text) {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
