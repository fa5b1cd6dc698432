/** turso-wasm/drizzle: a driver for Drizzle ORM. */

import type { BatchItem, BatchResponse } from 'drizzle-orm/batch';
import type { BaseSQLiteDatabase } from 'drizzle-orm/sqlite-core';
import type { DrizzleConfig } from 'drizzle-orm/utils';
import type { Database as HostDatabase } from '../host.js';
import type { Database, RunResult } from '../index.js';

/** Whatever is not part of an open transaction waits until it is over; transactions in transactions are savepoints. */
export interface TursoDatabase<TSchema extends Record<string, unknown> = Record<string, never>>
  extends BaseSQLiteDatabase<'async', RunResult, TSchema> {
  /** Run queries in one transaction; their results. */
  batch<U extends BatchItem<'sqlite'>, T extends Readonly<[U, ...U[]]>>(queries: T): Promise<BatchResponse<T>>;
}

/** With what `connect` gives, of turso-wasm or of turso-wasm/host. */
export function drizzle<
  TSchema extends Record<string, unknown> = Record<string, never>,
  TClient extends Database | HostDatabase = Database | HostDatabase,
>(database: TClient, config?: DrizzleConfig<TSchema>): TursoDatabase<TSchema> & { $client: TClient };
export function drizzle<
  TSchema extends Record<string, unknown> = Record<string, never>,
  TClient extends Database | HostDatabase = Database | HostDatabase,
>(config: DrizzleConfig<TSchema> & { client: TClient }): TursoDatabase<TSchema> & { $client: TClient };

export interface Migrations {
  /** As drizzle-kit writes them with `driver: 'expo'`: `import migrations from './drizzle/migrations'`. */
  journal: { entries: { idx: number; when: number; tag: string; breakpoints: boolean }[] };
  migrations: Record<string, string>;
  migrationsTable?: string;
}

/** Apply the migrations that have not been, in one transaction; of several tabs one at a time. A folder can be read in Node only. */
export function migrate<TSchema extends Record<string, unknown>>(
  db: TursoDatabase<TSchema> & { $client: Database | HostDatabase },
  migrations: Migrations | { migrationsFolder: string; migrationsTable?: string },
): Promise<void>;
