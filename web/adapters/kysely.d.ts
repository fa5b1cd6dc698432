/** turso-wasm/kysely: a dialect for Kysely. */

import type {
  DatabaseConnection,
  DatabaseIntrospector,
  Dialect,
  DialectAdapter,
  Driver,
  Kysely,
  QueryCompiler,
} from 'kysely';
import type { Database as HostDatabase } from '../host.js';
import type { Database } from '../index.js';

export interface TursoDialectConfig {
  /** What `connect` gives, of turso-wasm or of turso-wasm/host, or a function that opens it when it is first needed. `destroy()` closes it. */
  database:
    | Database
    | HostDatabase
    | Promise<Database | HostDatabase>
    | (() => Database | HostDatabase | Promise<Database | HostDatabase>);
  /** How transactions begin; 'immediate' has them wait for the writer's lock at once. Default 'deferred'. */
  begin?: 'deferred' | 'immediate' | 'exclusive';
  /** Called once, before the first query. */
  onCreateConnection?: (connection: DatabaseConnection) => Promise<void>;
}

/**
 * SQLite's dialect of Kysely. Whatever is not part of an open transaction waits until it is over. Streams do not hold anything up.
 * Transactions that are 'read only' refuse to write; all isolation levels are serializable. Migrations of several tabs wait for each other.
 */
export class TursoDialect implements Dialect {
  constructor(config: TursoDialectConfig);
  createDriver(): Driver;
  createQueryCompiler(): QueryCompiler;
  createAdapter(): DialectAdapter;
  // biome-ignore lint/suspicious/noExplicitAny: as Kysely declares it
  createIntrospector(db: Kysely<any>): DatabaseIntrospector;
}
