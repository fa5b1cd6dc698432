/** Checked by tsc, never run: the declarations say what the page's API takes and gives. */

import {
  type BatchResult,
  connect,
  type Database,
  fragment,
  identifier,
  join,
  list,
  type Row,
  remove,
  SqliteError,
  type SqlValue,
  values,
} from 'turso-wasm';
import { type Database as HostDatabase, connect as open } from 'turso-wasm/host';

interface User {
  id: number;
  name: string;
}

export async function tour(): Promise<void> {
  await using db: Database = await connect('app.db', { readonly: false, signal: AbortSignal.timeout(1000) });
  const rows: Row[] = await db.prepare('SELECT 1').all();
  const users: User[] = await db.prepare<User>('SELECT * FROM users WHERE id = ?').all(1);
  const one: User | undefined = await db.prepare<User>('SELECT * FROM users WHERE id = :id').get({ id: 1n });
  const raw: SqlValue[][] = await db
    .prepare('SELECT 1')
    .raw()
    .all([null, 'a', new Uint8Array(2), true]);
  const { changes, lastInsertRowid }: { changes: number; lastInsertRowid: number | bigint } =
    await db.run('DELETE FROM users');
  for await (const user of db.prepare<User>('SELECT * FROM users').iterate()) user.name.toUpperCase();
  const add = db.transaction(async (tx, names: string[]) => {
    for (const name of names) await tx.run('INSERT INTO users(name) VALUES (?)', name);
    return names.length;
  });
  await db.function('twice', { deterministic: true }, (a: number) => 2 * a);
  await db.function('later', new URL('./functions.js', import.meta.url));
  await db.aggregate<number>('total', { start: 0, step: (total, value: number) => total + value, directOnly: true });
  await db.table('numbers', { columns: ['n'], rows: (n: number) => Array.from({ length: n }, (_, i) => [i]) });
  await db.collation('backwards', (a, b) => (a < b ? 1 : -1));
  await db.function('twice', null);
  const n: number = await add.immediate(['Ada']);
  const file: Uint8Array = await db.export();
  await db.import(new Blob([await db.export()]));
  await using shared: Database = await connect('app.db', { storage: 'indexeddb', timeout: 100 });
  await using given: Database = await connect(new File([], 'given.db'));
  const names: string[] = await list({ storage: 'opfs' });
  await remove('app.db', { storage: 'memory' });
  // @ts-expect-error: there is no such storage
  await connect('app.db', { storage: 'cloud' });
  // @ts-expect-error: there is no such option
  await connect('app.db', { readOnly: true });
  // @ts-expect-error: a Date cannot be bound
  await db.prepare('SELECT ?').get(new Date());
  // @ts-expect-error: names are a list of strings
  await add([1]);
  try {
    await db.exec('SELECT');
  } catch (error) {
    if (error instanceof SqliteError) error.code.startsWith('SQLITE_');
  }
  void [shared, given, names, rows, users, one, raw, changes, lastInsertRowid, n, file];
}

export async function face(db: Database): Promise<void> {
  const ids: number[] = [1, 2];
  const found: User[] = await db.all<User>('SELECT * FROM users WHERE id IN (?)', ids);
  await db.run('INSERT INTO users(id, name) VALUES (?, :name)', 1, { name: 'Ada' });
  const statement = db.sql<User>`SELECT * FROM ${identifier('users')} WHERE ${fragment`id > ${1}`} AND id IN (${ids})`;
  const one: User | undefined = await statement.get();
  const nested: Record<string, Row>[] = await db.prepare('SELECT 1').expand().all();
  const isReader: boolean = await statement.reader;
  const results: BatchResult[] = await db.batch(
    ['DELETE FROM users', ['SELECT ?', 1], { sql: 'SELECT :a', args: { a: 1 } }],
    { mode: 'immediate' },
  );
  const names: string[] = await db.migrate([{ name: '1', sql: 'CREATE TABLE users(id)' }]);
  for await (const user of db.iterate<User>('SELECT * FROM users')) user.name.toUpperCase();
  const slow = db.signal(AbortSignal.timeout(100));
  await slow.all('SELECT 1');
  await slow.transaction(async (tx) => tx.signal(null).run('DELETE FROM users'))();
  const { bytes }: { bytes: number } = await db.backup('copy.db', { storage: 'opfs' });
  await db.deserialize(await db.serialize());
  const plan: string[] = (await db.explain('SELECT 1')).map(({ detail }) => detail);
  // @ts-expect-error: there is no such mode
  await db.batch([], { mode: 'write' });
  await db.all('SELECT 1 IN (?)', [[new Uint8Array(1), null]]);
  // @ts-expect-error: bytes and texts in one list
  await db.all('SELECT 1 IN (?)', [[new Uint8Array(1), 'x']]);
  await db.backup('copy.db', { progress: ({ totalPages, remainingPages }) => totalPages - remainingPages });
  await db.hook('update', (operation, schema, table, rowid) => [operation === 'INSERT', schema + table, typeof rowid]);
  await db.hook('authorizer', { module: 'authorizer.js' });
  // @ts-expect-error: of progress only
  await db.hook('rollback', () => undefined, { every: 1 });
  // @ts-expect-error: a Date in a template
  db.sql`SELECT ${new Date()}`;
  db.defaultSafeIntegers().totalChanges.toFixed();
  for await (const { type, before } of db.changes({ since: 0 })) void [type.length, before?.a];
  void [found, one, nested, isReader, results, names, bytes, plan, values([1]), join([fragment`1`])];
}

export async function atOnce(): Promise<void> {
  await using db: HostDatabase = await open('app.db', { storage: 'memory' });
  const users: User[] = db.all<User>('SELECT * FROM users WHERE id IN (?)', [1, 2]);
  const add: number = db
    .transaction((name: string) => Number(db.run('INSERT INTO users(name) VALUES (?)', name).lastInsertRowid))
    .immediate('Ada');
  using statement = db.sql<User>`SELECT * FROM users`;
  const isReader: boolean = statement.reader;
  for (const user of statement.iterate()) user.name.toUpperCase();
  void [users, add, isReader, db.migrate([]), db.batch(['SELECT 1'])[0]?.rows];
}
