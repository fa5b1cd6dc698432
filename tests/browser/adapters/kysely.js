/** What Kysely documents, on one of our databases. */

import { CamelCasePlugin, Kysely, Migrator, ParseJSONResultsPlugin, sql } from 'kysely';
import { jsonArrayFrom, jsonBuildObject, jsonObjectFrom } from 'kysely/helpers/sqlite';
import { TursoDialect } from 'turso-wasm/kysely';
import { equal, fails } from './checks.js';

const opened = (connect, options = {}, plugins = []) =>
  new Kysely({ dialect: new TursoDialect({ database: () => connect(':memory:'), ...options }), plugins });

async function people(connect, ...rest) {
  const db = opened(connect, ...rest);
  await db.schema
    .createTable('person')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .addColumn('age', 'integer')
    .addColumn('photo', 'blob')
    .execute();
  await db.schema
    .createTable('pet')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('owner_id', 'integer', (column) => column.references('person.id').onDelete('cascade').notNull())
    .addColumn('name', 'text', (column) => column.defaultTo('nameless'))
    .execute();
  await db
    .insertInto('person')
    .values([
      { name: 'Ada', age: 36 },
      { name: 'Bo', age: 20 },
    ])
    .execute();
  await db
    .insertInto('pet')
    .values([
      { owner_id: 1, name: 'Rex' },
      { owner_id: 1, name: 'Tom' },
    ])
    .execute();
  return db;
}

async function queries(connect) {
  const db = await people(connect);
  const inserted = await db
    .insertInto('person')
    .values({ name: 'Cy', photo: new Uint8Array([1, 2]) })
    .executeTakeFirst();
  equal([inserted.insertId, inserted.numInsertedOrUpdatedRows], [3n, 1n]);
  const updated = await db
    .updateTable('person')
    .set((of) => ({ age: of('age', '+', 1) }))
    .where('age', '>', 0)
    .executeTakeFirst();
  equal(updated.numUpdatedRows, 2n);
  const deleted = await db.deleteFrom('person').where('name', '=', 'nobody').executeTakeFirst();
  equal(deleted.numDeletedRows, 0n);
  equal(await db.selectFrom('person').select(['id', 'name', 'age', 'photo']).orderBy('id').execute(), [
    { id: 1, name: 'Ada', age: 37, photo: null },
    { id: 2, name: 'Bo', age: 21, photo: null },
    { id: 3, name: 'Cy', age: null, photo: new Uint8Array([1, 2]) },
  ]);
  const returned = await db
    .updateTable('person')
    .set({ age: 5 })
    .where('name', '=', 'Cy')
    .returningAll()
    .executeTakeFirstOrThrow();
  equal([returned.id, returned.age], [3, 5]);
  equal(await db.deleteFrom('person').where('id', '=', 3).returning('name').execute(), [{ name: 'Cy' }]);
  const upserted = await db
    .insertInto('person')
    .values({ name: 'Bo', age: 50 })
    .onConflict((on) => on.column('name').doUpdateSet((of) => ({ age: of.ref('excluded.age') })))
    .returning(['id', 'age'])
    .execute();
  equal(upserted, [{ id: 2, age: 50 }]);
  equal((await db.replaceInto('person').values({ id: 2, name: 'Bo', age: 51 }).executeTakeFirst()).insertId, 2n);
  const joined = await db
    .selectFrom('person as p')
    .leftJoin('pet', 'pet.owner_id', 'p.id')
    .select((of) => ['p.name', of.fn.count('pet.id').as('pets')])
    .groupBy('p.id')
    .having((of) => of.fn.count('pet.id'), '>=', 0)
    .orderBy('pets', 'desc')
    .execute();
  equal(joined, [
    { name: 'Ada', pets: 2 },
    { name: 'Bo', pets: 0 },
  ]);
  const nested = await db
    .with('old', (with_) => with_.selectFrom('person').selectAll().where('age', '>', 30))
    .selectFrom('old')
    .select((of) => [
      'name',
      jsonArrayFrom(
        of.selectFrom('pet').select('pet.name').whereRef('pet.owner_id', '=', 'old.id').orderBy('pet.id'),
      ).as('pets'),
      jsonObjectFrom(of.selectFrom('pet').select('pet.name').whereRef('pet.owner_id', '=', 'old.id').limit(1)).as(
        'first',
      ),
      jsonBuildObject({ age: of.ref('age') }).as('more'),
    ])
    .orderBy('name')
    .withPlugin(new ParseJSONResultsPlugin())
    .execute();
  equal(nested, [
    { name: 'Ada', pets: [{ name: 'Rex' }, { name: 'Tom' }], first: { name: 'Rex' }, more: { age: 37 } },
    { name: 'Bo', pets: [], first: null, more: { age: 51 } },
  ]);
  equal((await sql`SELECT ${1} + ${2} AS three`.execute(db)).rows, [{ three: 3 }]);
  const raw = await sql`INSERT INTO pet(owner_id) VALUES (${2})`.execute(db);
  equal([raw.insertId, raw.numAffectedRows, raw.rows], [3n, 1n, []]);
  equal((await sql`INSERT INTO pet(owner_id) VALUES (2) RETURNING name`.execute(db)).rows, [{ name: 'nameless' }]);
  equal((await sql`PRAGMA table_info(pet)`.execute(db)).rows.length, 3);
  equal((await db.selectFrom('person').selectAll().explain()).length > 0, true);
  const union = await db
    .selectFrom('person')
    .select('name')
    .union(db.selectFrom('pet').select('name'))
    .orderBy('name')
    .execute();
  equal(
    union.map(({ name }) => name),
    ['Ada', 'Bo', 'Rex', 'Tom', 'nameless'],
  );
  await fails(() => db.insertInto('person').values({ name: 'Ada' }).execute(), 'UNIQUE constraint failed: person.name');
  await fails(() => db.selectFrom('nothing').selectAll().execute(), 'no such table: nothing');
  equal(await db.connection().execute(async (one) => (await one.selectFrom('pet').select('id').execute()).length), 4);
  equal(
    await db
      .insertInto('pet')
      .columns(['owner_id', 'name'])
      .expression((of) => of.selectFrom('person').select(['id', 'name']))
      .executeTakeFirst()
      .then((one) => one.numInsertedOrUpdatedRows),
    2n,
  );
  await db.destroy();
}

async function transactions(connect) {
  const db = await people(connect);
  const count = async (of = db) =>
    (
      await of
        .selectFrom('person')
        .select((is) => is.fn.countAll().as('n'))
        .executeTakeFirstOrThrow()
    ).n;
  equal(
    await db.transaction().execute(async (tx) => {
      await tx.insertInto('person').values({ name: 'in' }).execute();
      return count(tx);
    }),
    3,
  );
  await fails(
    () =>
      db
        .transaction()
        .setIsolationLevel('serializable')
        .execute(async (tx) => {
          await tx.deleteFrom('person').execute();
          throw new Error('mine');
        }),
    'mine',
  );
  equal(await count(), 3);
  // what is outside waits until it is over
  const seen = [];
  let inside;
  const began = new Promise((resolve) => {
    inside = db.transaction().execute(async (tx) => {
      await tx.insertInto('person').values({ name: 'later' }).execute();
      resolve();
      await new Promise((done) => setTimeout(done, 50));
      seen.push('inside');
    });
  });
  await began;
  const outside = count().then((n) => seen.push(`outside ${n}`));
  await Promise.all([inside, outside, db.transaction().execute(async (tx) => seen.push(`next ${await count(tx)}`))]);
  equal(seen.toSorted(), ['inside', 'next 4', 'outside 4']);
  equal(seen[0], 'inside');
  await fails(
    () =>
      db
        .transaction()
        .setAccessMode('read only')
        .execute((tx) => tx.deleteFrom('person').execute()),
    'attempt to write a readonly database',
  );
  equal((await db.deleteFrom('person').where('name', '=', 'later').executeTakeFirst()).numDeletedRows, 1n);

  const controlled = await db.startTransaction().execute();
  await controlled.insertInto('person').values({ name: 'one' }).execute();
  const saved = await controlled.savepoint('after one').execute();
  await saved.insertInto('person').values({ name: 'two' }).execute();
  const back = await saved.rollbackToSavepoint('after one').execute();
  await back.insertInto('person').values({ name: 'three' }).execute();
  await (await back.releaseSavepoint('after one').execute()).commit().execute();
  equal(
    (await db.selectFrom('person').select('name').where('id', '>', 3).orderBy('id').execute()).map(({ name }) => name),
    ['one', 'three'],
  );
  const undone = await db.startTransaction().execute();
  await undone.deleteFrom('person').execute();
  await undone.rollback().execute();
  equal(await count(), 5);
  // a failure of COMMIT
  await sql`PRAGMA foreign_keys = ON`.execute(db);
  await fails(
    () =>
      db.transaction().execute(async (tx) => {
        await sql`PRAGMA defer_foreign_keys = ON`.execute(tx);
        await tx.insertInto('pet').values({ owner_id: 99 }).execute();
      }),
    'FOREIGN KEY constraint failed',
  );
  equal((await db.selectFrom('pet').selectAll().execute()).length, 2);
  await db.destroy();
}

async function streams(connect) {
  const db = await people(connect);
  await sql`WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 1009) INSERT INTO person(id, name) SELECT i, 'p' || i FROM n`.execute(
    db,
  );
  let seen = 0;
  for await (const person of db.selectFrom('person').selectAll().where('id', '>=', 10).orderBy('id').stream(100)) {
    if (person.id !== 10 + seen++) throw new Error(`${person.id}`);
    // another query while the stream is open
    if (seen === 500) equal((await db.selectFrom('pet').selectAll().execute()).length, 2);
  }
  equal(seen, 1000);
  for await (const { id } of db.selectFrom('person').select('id').orderBy('id').stream()) {
    if (id === 12) break;
  }
  await fails(async () => {
    for await (const row of db.selectFrom('none').selectAll().stream()) void row;
  }, 'no such table');
  await db.transaction().execute(async (tx) => {
    await tx.deleteFrom('person').where('id', '>', 11).execute();
    const ids = [];
    for await (const { id } of tx.selectFrom('person').select('id').orderBy('id').stream(2)) ids.push(id);
    equal(ids, [1, 2, 10, 11]);
  });
  await db.destroy();
}

async function schemas(connect) {
  const db = await people(connect);
  await db.schema
    .createView('adults')
    .as(db.selectFrom('person').selectAll().where('age', '>', 18))
    .execute();
  await db.schema.createIndex('pet_name').on('pet').columns(['name', 'owner_id']).execute();
  await db.schema
    .alterTable('pet')
    .addColumn('kind', 'text', (column) => column.defaultTo('dog'))
    .execute();
  await db.schema.alterTable('pet').renameColumn('kind', 'species').execute();
  const tables = await db.introspection.getTables();
  equal(
    tables.map(({ name, isView }) => [name, isView]),
    [
      ['adults', true],
      ['person', false],
      ['pet', false],
    ],
  );
  const [, person, pet] = tables;
  equal(
    person.columns.map(({ name, dataType, isNullable, isAutoIncrementing, hasDefaultValue }) => [
      name,
      dataType,
      isNullable,
      isAutoIncrementing,
      hasDefaultValue,
    ]),
    [
      ['id', 'INTEGER', true, true, false],
      ['name', 'TEXT', false, false, false],
      ['age', 'INTEGER', true, false, false],
      ['photo', 'BLOB', true, false, false],
    ],
  );
  equal(
    pet.columns.map(({ name }) => name),
    ['id', 'owner_id', 'name', 'species'],
  );
  equal(await db.introspection.getSchemas(), []);
  equal((await db.introspection.getTables({ withInternalKyselyTables: true })).length, 3);
  await db.schema.dropIndex('pet_name').execute();
  await db.schema.dropView('adults').execute();
  await db.schema.dropTable('pet').ifExists().execute();
  await db.destroy();

  const camel = await people(connect, {}, [new CamelCasePlugin()]);
  equal(await camel.selectFrom('pet').select(['ownerId']).limit(1).execute(), [{ ownerId: 1 }]);
  await camel.destroy();
}

async function migrations(connect) {
  let called = 0;
  const db = opened(connect, {
    begin: 'immediate',
    onCreateConnection: async () => {
      called++;
    },
  });
  const all = {
    '2024-01-first': {
      up: (on) => on.schema.createTable('a').addColumn('x', 'integer').execute(),
      down: (on) => on.schema.dropTable('a').execute(),
    },
    '2024-02-second': {
      up: async (on) => {
        await on.schema.createTable('b').addColumn('y', 'integer').execute();
        await on.insertInto('b').values({ y: 7 }).execute();
      },
      down: (on) => on.schema.dropTable('b').execute(),
    },
  };
  const migrator = new Migrator({ db, provider: { getMigrations: async () => all } });
  const short = ({ error, results }) => [
    error?.message,
    results?.map(({ migrationName, direction, status }) => [migrationName, direction, status]),
  ];
  equal(short(await migrator.migrateTo('2024-01-first')), [undefined, [['2024-01-first', 'Up', 'Success']]]);
  equal(short(await migrator.migrateToLatest()), [undefined, [['2024-02-second', 'Up', 'Success']]]);
  equal(short(await migrator.migrateToLatest()), [undefined, []]);
  equal(await db.selectFrom('b').selectAll().execute(), [{ y: 7 }]);
  equal(short(await migrator.migrateDown()), [undefined, [['2024-02-second', 'Down', 'Success']]]);
  equal(
    (await migrator.getMigrations()).map(({ name, executedAt }) => [name, executedAt !== undefined]),
    [
      ['2024-01-first', true],
      ['2024-02-second', false],
    ],
  );
  all['2024-03-broken'] = { up: (on) => sql`SELECT nope`.execute(on) };
  equal(short(await migrator.migrateToLatest()), [
    'no such column: nope',
    [
      ['2024-02-second', 'Up', 'Success'],
      ['2024-03-broken', 'Up', 'Error'],
    ],
  ]);
  equal(
    (await db.introspection.getTables()).map(({ name }) => name),
    ['a', 'b'],
  );
  equal(called, 1);
  await db.destroy();
}

async function misuse(connect) {
  await fails(() => new TursoDialect({}), 'TursoDialect takes { database }');
  const wrong = new Kysely({ dialect: new TursoDialect({ database: {} }) });
  await fails(() => sql`SELECT 1`.execute(wrong), 'it takes a database of turso-wasm');
  const database = await connect(':memory:');
  const db = new Kysely({ dialect: new TursoDialect({ database }) });
  equal((await sql`SELECT ${true} AS yes, ${null} AS no, ${2n ** 60n} AS big`.execute(db)).rows, [
    { yes: 1, no: null, big: 2n ** 60n },
  ]);
  await fails(() => sql`SELECT ${new Date()}`.execute(db), 'Date');
  await db.destroy();
  equal(database.open, false);
}

export default async function run(connect) {
  for (const test of [queries, transactions, streams, schemas, migrations, misuse]) {
    try {
      await test(connect);
    } catch (cause) {
      throw new Error(`${test.name}: ${cause.message}\n${cause.stack}`, { cause });
    }
  }
  return 'all of them';
}
