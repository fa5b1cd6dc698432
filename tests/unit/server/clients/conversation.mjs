// What an application does with libSQL's and Turso's clients; prints what it saw as JSON.
import { createClient } from '@libsql/client';
import { connect } from '@tursodatabase/serverless';

const [, , address] = process.argv;
const seen = {};
for (const scheme of ['http', 'ws']) {
  const db = createClient({ url: `${scheme}://${address}`, authToken: 'secret', intMode: 'bigint' });
  await db.execute('DROP TABLE IF EXISTS t');
  await db.batch(
    [
      'CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b BLOB)',
      { sql: 'INSERT INTO t(a, b) VALUES (?, ?)', args: ['é', new Uint8Array([0, 255])] },
      { sql: 'INSERT INTO t(a) VALUES (:a)', args: { a: 'y' } },
    ],
    'write',
  );
  const { rows, columns } = await db.execute('SELECT id, a, hex(b) AS b FROM t ORDER BY id');
  const tx = await db.transaction('write');
  const inserted = await tx.execute("INSERT INTO t(a) VALUES ('z') RETURNING id, 9007199254740993 AS big");
  await tx.rollback();
  const after = await db.execute('SELECT count(*) AS n FROM t');
  const failure = await db.execute('INSERT INTO t(id) VALUES (1)').catch((error) => error);
  await db.executeMultiple("INSERT INTO t(a) VALUES ('1'); INSERT INTO t(a) VALUES ('2');");
  await db.migrate(['ALTER TABLE t ADD COLUMN c']);
  seen[scheme] = {
    columns,
    rows: rows.map((row) => [String(row.id), row.a, row.b]),
    inserted: [String(inserted.rows[0].big), inserted.rowsAffected, String(inserted.lastInsertRowid)],
    after: String(after.rows[0].n),
    failure: [failure.code, failure.message],
    left: String((await db.execute('SELECT count(c) || count(*) AS n FROM t')).rows[0].n),
  };
  db.close();
}
const db = connect({ url: `http://${address}`, authToken: 'secret' });
const statement = await db.prepare('SELECT id, a FROM t WHERE id < ?');
seen.serverless = {
  get: await statement.get([2]),
  all: await statement.all([3]),
  batch: (await db.batch(["INSERT INTO t(a) VALUES ('3')"]))[0].rowsAffected,
  failure: await db.exec('SELECT * FROM missing').catch((error) => error.message),
};
console.log(JSON.stringify(seen));
