/** Checked by tsc, never run: the declarations of the adapters fit those of Kysely and Drizzle. */

import { relations } from 'drizzle-orm';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { type Dialect, type Generated, Kysely } from 'kysely';
import { connect, type LivePatch } from 'turso-wasm';
import { drizzle, migrate } from 'turso-wasm/drizzle';
import { connect as connectHere } from 'turso-wasm/host';
import { TursoDialect } from 'turso-wasm/kysely';

interface Tables {
  person: { id: Generated<number>; name: string };
}

const users = sqliteTable('users', { id: integer('id').primaryKey(), name: text('name').notNull() });
const usersRelations = relations(users, () => ({}));

export async function tour(): Promise<void> {
  const dialect: Dialect = new TursoDialect({ database: () => connect('app.db'), begin: 'immediate' });
  const people = new Kysely<Tables>({ dialect });
  const names: { name: string }[] = await people.selectFrom('person').select('name').execute();
  void new TursoDialect({ database: await connectHere(':memory:') });
  // @ts-expect-error: there is no such way to begin
  void new TursoDialect({ database: connect('app.db'), begin: 'late' });

  const db = drizzle(await connect('app.db'), { schema: { users, usersRelations } });
  const found: { id: number; name: string } | undefined = await db.query.users.findFirst();
  const { changes }: { changes: number } = await db.insert(users).values({ name: 'Ada' });
  const [all, one] = await db.batch([db.select().from(users), db.insert(users).values({ name: 'Bo' }).returning()]);
  await db.transaction(async (tx) => tx.delete(users), { behavior: 'immediate' });
  await db.$client.close();
  const other = drizzle({ client: await connectHere(':memory:') });
  await migrate(other, { migrationsFolder: 'drizzle' });

  const client = await connect('app.db');
  for await (const { rows } of client.live<{ name: string }>('SELECT name FROM person WHERE id > ?', [1], {
    key: 'id',
  }))
    rows.map(({ name }) => name.length);
  const next: IteratorResult<LivePatch, undefined> = await client.live('SELECT 1').next();
  void [names, found, changes, all[0]?.name, one[0]?.id, next];
}
