/** Checked by tsc, never run: the declarations say what the page's API takes and gives. */

import { connect, type Database, list, type Row, remove, SqlError, type SqlValue } from 'turso-wasm';

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
    if (error instanceof SqlError) error.code.startsWith('SQLITE_');
  }
  void [shared, given, names, rows, users, one, raw, changes, lastInsertRowid, n, file];
}
