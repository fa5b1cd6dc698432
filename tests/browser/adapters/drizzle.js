/** What Drizzle documents for SQLite, on one of our databases. */

import { and, asc, avg, count, desc, eq, gt, inArray, like, relations, sql } from 'drizzle-orm';
import {
  blob,
  customType,
  index,
  integer,
  numeric,
  primaryKey,
  real,
  sqliteTable,
  sqliteView,
  text,
  union,
  uniqueIndex,
} from 'drizzle-orm/sqlite-core';
import { drizzle, migrate } from 'turso-wasm/drizzle';
import { equal, fails } from './checks.js';

const lower = customType({
  dataType: () => 'text',
  toDriver: (value) => value.toLowerCase(),
  fromDriver: (value) => `<${value}>`,
});
const users = sqliteTable(
  'users',
  {
    id: integer('id').primaryKey({ autoIncrement: true }),
    name: text('name').notNull().unique(),
    verified: integer('verified', { mode: 'boolean' }).notNull().default(false),
    json: text('json', { mode: 'json' }),
    createdAt: integer('created_at', { mode: 'timestamp_ms' }),
    height: real('height'),
    big: blob('big', { mode: 'bigint' }),
    bytes: blob('bytes', { mode: 'buffer' }),
    exact: numeric('exact'),
    custom: lower('custom'),
    role: text('role', { enum: ['admin', 'guest'] }).$default(() => 'guest'),
  },
  (table) => [index('by_height').on(table.height), uniqueIndex('by_role').on(table.role, table.id)],
);
const posts = sqliteTable('posts', {
  id: integer('id').primaryKey(),
  title: text('title').notNull(),
  authorId: integer('author_id').references(() => users.id, { onDelete: 'cascade' }),
});
const tags = sqliteTable('tags', { id: integer('id').primaryKey(), label: text('label').notNull() });
const postTags = sqliteTable(
  'post_tags',
  { postId: integer('post_id').notNull(), tagId: integer('tag_id').notNull() },
  (table) => [primaryKey({ columns: [table.postId, table.tagId] })],
);
const verifiedUsers = sqliteView('verified_users').as((of) =>
  of.select({ id: users.id, name: users.name }).from(users).where(eq(users.verified, true)),
);
const schema = {
  users,
  posts,
  tags,
  postTags,
  usersRelations: relations(users, ({ many }) => ({ posts: many(posts) })),
  postsRelations: relations(posts, ({ one, many }) => ({
    author: one(users, { fields: [posts.authorId], references: [users.id] }),
    postTags: many(postTags),
  })),
  tagsRelations: relations(tags, ({ many }) => ({ postTags: many(postTags) })),
  postTagsRelations: relations(postTags, ({ one }) => ({
    post: one(posts, { fields: [postTags.postId], references: [posts.id] }),
    tag: one(tags, { fields: [postTags.tagId], references: [tags.id] }),
  })),
};
const DDL = [
  'CREATE TABLE users(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, verified INTEGER NOT NULL DEFAULT 0, json TEXT, created_at INTEGER, height REAL, big BLOB, bytes BLOB, exact NUMERIC, custom TEXT, role TEXT)',
  'CREATE TABLE posts(id INTEGER PRIMARY KEY, title TEXT NOT NULL, author_id INTEGER REFERENCES users(id) ON DELETE CASCADE)',
  'CREATE TABLE tags(id INTEGER PRIMARY KEY, label TEXT NOT NULL)',
  'CREATE TABLE post_tags(post_id INTEGER NOT NULL, tag_id INTEGER NOT NULL, PRIMARY KEY (post_id, tag_id))',
  'CREATE VIEW verified_users AS SELECT id, name FROM users WHERE verified',
];

async function opened(connect, config = {}) {
  const client = await connect(':memory:');
  const db = drizzle(client, { schema, ...config });
  for (const statement of DDL) await db.run(sql.raw(statement));
  await db.insert(users).values([{ name: 'Ada', verified: true }, { name: 'Bo' }]);
  await db.insert(posts).values([
    { title: 'one', authorId: 1 },
    { title: 'two', authorId: 1 },
    { title: 'three', authorId: 2 },
  ]);
  await db.insert(tags).values([{ label: 'new' }, { label: 'old' }]);
  await db.insert(postTags).values([
    { postId: 1, tagId: 1 },
    { postId: 1, tagId: 2 },
    { postId: 3, tagId: 1 },
  ]);
  return db;
}

async function values(connect) {
  const db = await opened(connect);
  const createdAt = new Date(1700000000123);
  const given = {
    name: 'Cy',
    verified: true,
    json: { a: [1, 'x'] },
    createdAt,
    height: 1.5,
    big: 2n ** 70n,
    exact: '12.5',
    custom: 'LOUD',
  };
  const bytes = globalThis.Buffer ? Buffer.from([0, 255]) : new Uint8Array([0, 255]);
  const [row] = await db
    .insert(users)
    .values({ ...given, bytes: globalThis.Buffer ? bytes : null })
    .returning()
    .catch(async (error) => {
      if (globalThis.Buffer) throw error;
      // in a page Drizzle's own `blob` columns want Buffer
      const { big, ...rest } = given;
      return db.insert(users).values(rest).returning();
    });
  equal(
    [row.id, row.name, row.verified, row.json, row.createdAt.getTime(), row.height, row.exact, row.custom, row.role],
    [3, 'Cy', true, { a: [1, 'x'] }, createdAt.getTime(), 1.5, '12.5', '<loud>', 'guest'],
  );
  if (globalThis.Buffer) equal([row.big, [...row.bytes]], [2n ** 70n, [0, 255]]);
  equal(await db.select({ n: count() }).from(users), [{ n: 3 }]);
  equal(await db.$count(users, eq(users.verified, true)), 2);
  await db.$client.close();
}

async function queries(connect) {
  const lines = [];
  const db = await opened(connect, { logger: { logQuery: (query, params) => lines.push([query, params]) } });
  equal(
    await db
      .select({ id: users.id, name: users.name })
      .from(users)
      .where(and(gt(users.id, 0), like(users.name, 'A%'))),
    [{ id: 1, name: 'Ada' }],
  );
  equal(lines.at(-1), [
    'select "id", "name" from "users" where ("users"."id" > ? and "users"."name" like ?)',
    [0, 'A%'],
  ]);
  const run = await db
    .update(users)
    .set({ height: sql`coalesce(${users.height}, 0) + 1` })
    .where(eq(users.id, 1));
  equal([run.changes, Number(run.lastInsertRowid) > 0], [1, true]);
  equal(await db.update(users).set({ name: 'Bob' }).where(eq(users.id, 2)).returning({ name: users.name }), [
    { name: 'Bob' },
  ]);
  equal(await db.delete(posts).where(eq(posts.id, 99)).returning(), []);
  equal(
    await db
      .insert(users)
      .values({ id: 2, name: 'Bo' })
      .onConflictDoUpdate({ target: users.id, set: { name: sql`excluded.name || '!'` } })
      .returning({ name: users.name }),
    [{ name: 'Bo!' }],
  );
  equal((await db.insert(users).values({ id: 2, name: 'x' }).onConflictDoNothing()).changes, 0);
  equal(
    await db
      .select()
      .from(posts)
      .innerJoin(users, eq(posts.authorId, users.id))
      .where(eq(users.id, 2))
      .then((rows) => rows.map((row) => [row.posts.title, row.users.name])),
    [['three', 'Bo!']],
  );
  equal(
    await db
      .select({ name: users.name, title: posts.title })
      .from(users)
      .leftJoin(posts, and(eq(posts.authorId, users.id), eq(posts.id, 2)))
      .orderBy(asc(users.id)),
    [
      { name: 'Ada', title: 'two' },
      { name: 'Bo!', title: null },
    ],
  );
  const counted = db.$with('counted').as(
    db
      .select({ authorId: posts.authorId, n: count().as('n') })
      .from(posts)
      .groupBy(posts.authorId),
  );
  equal(await db.with(counted).select().from(counted).orderBy(desc(counted.n)), [
    { authorId: 1, n: 2 },
    { authorId: 2, n: 1 },
  ]);
  equal(await db.select({ mean: avg(posts.id) }).from(posts), [{ mean: '2' }]);
  equal(await db.selectDistinct({ authorId: posts.authorId }).from(posts).orderBy(posts.authorId), [
    { authorId: 1 },
    { authorId: 2 },
  ]);
  equal(
    await union(db.select({ it: users.name }).from(users), db.select({ it: tags.label }).from(tags)).orderBy(sql`1`),
    [{ it: 'Ada' }, { it: 'Bo!' }, { it: 'new' }, { it: 'old' }],
  );
  equal(await db.select().from(verifiedUsers), [{ id: 1, name: 'Ada' }]);
  equal(
    await db
      .select()
      .from(posts)
      .where(inArray(posts.id, [1, 3]))
      .all()
      .then((rows) => rows.length),
    2,
  );
  equal(await db.select({ title: posts.title }).from(posts).where(eq(posts.id, 2)).get(), { title: 'two' });
  equal(await db.select().from(posts).where(eq(posts.id, 99)).get(), undefined);
  equal(await db.select({ id: posts.id, title: posts.title }).from(posts).limit(1).values(), [[1, 'one']]);
  equal(await db.all(sql`SELECT ${1} AS a, ${'x'} AS b`), [{ a: 1, b: 'x' }]);
  equal(await db.get(sql`SELECT 2 AS two`), { two: 2 });
  equal(await db.values(sql`SELECT 1, 2`), [[1, 2]]);
  equal((await db.run(sql`DELETE FROM tags WHERE id = ${99}`)).changes, 0);
  equal(
    await db
      .insert(tags)
      .select(db.select({ id: sql`id + 100`.as('id'), label: posts.title }).from(posts))
      .returning({ id: tags.id }),
    [{ id: 101 }, { id: 102 }, { id: 103 }],
  );
  await fails(() => db.insert(users).values({ name: 'Ada' }), 'UNIQUE constraint failed: users.name');
  await fails(() => db.run(sql`SELECT nope`), 'no such column: nope');

  const prepared = db
    .select({ name: users.name })
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare();
  equal(
    [
      await prepared.get({ id: 1 }),
      await prepared.all({ id: 2 }),
      await prepared.execute({ id: 9 }),
      await prepared.values({ id: 1 }),
    ],
    [{ name: 'Ada' }, [{ name: 'Bo!' }], [], [['Ada']]],
  );
  const insert = db
    .insert(tags)
    .values({ label: sql.placeholder('label') })
    .prepare();
  equal([(await insert.run({ label: 'p' })).changes, (await insert.run({ label: 'q' })).changes], [1, 1]);
  await db.$client.close();
}

async function relational(connect) {
  const db = await opened(connect);
  equal(
    await db.query.users.findMany({
      columns: { name: true },
      with: { posts: { columns: { title: true }, orderBy: (post) => desc(post.id), limit: 1 } },
      orderBy: (user) => asc(user.id),
    }),
    [
      { name: 'Ada', posts: [{ title: 'two' }] },
      { name: 'Bo', posts: [{ title: 'three' }] },
    ],
  );
  equal(
    await db.query.posts.findFirst({
      where: (post, { eq }) => eq(post.id, 1),
      with: { author: { columns: { name: true, verified: true } }, postTags: { columns: {}, with: { tag: true } } },
      extras: { loud: sql`upper(title)`.as('loud') },
    }),
    {
      id: 1,
      title: 'one',
      authorId: 1,
      loud: 'ONE',
      author: { name: 'Ada', verified: true },
      postTags: [{ tag: { id: 1, label: 'new' } }, { tag: { id: 2, label: 'old' } }],
    },
  );
  equal(await db.query.posts.findFirst({ where: (post, { eq }) => eq(post.id, 99) }), undefined);
  const prepared = db.query.users
    .findMany({ columns: { id: true }, where: (user, { eq }) => eq(user.name, sql.placeholder('name')) })
    .prepare();
  equal(await prepared.execute({ name: 'Bo' }), [{ id: 2 }]);
  await db.$client.close();
}

async function transactions(connect) {
  const db = await opened(connect);
  const n = (of = db) => of.$count(tags);
  equal(
    await db.transaction(async (tx) => {
      await tx.insert(tags).values({ label: 'a' });
      await fails(
        () =>
          tx.transaction(async (inner) => {
            await inner.delete(tags);
            equal(await n(inner), 0);
            inner.rollback();
          }),
        'Rollback',
      );
      await tx.transaction(async (inner) => {
        await inner.insert(tags).values({ label: 'b' });
        await fails(
          () =>
            inner.transaction(async (deep) => {
              await deep.delete(tags);
              throw new Error('deep');
            }),
          'deep',
        );
      });
      equal((await tx.query.tags.findMany()).length, 4);
      return n(tx);
    }),
    4,
  );
  await fails(
    () =>
      db.transaction(
        async (tx) => {
          await tx.delete(tags);
          tx.rollback();
        },
        { behavior: 'immediate' },
      ),
    'Rollback',
  );
  equal(await n(), 4);
  const seen = [];
  let inside;
  const began = new Promise((resolve) => {
    inside = db.transaction(
      async (tx) => {
        await tx.insert(tags).values({ label: 'late' });
        resolve();
        await new Promise((done) => setTimeout(done, 50));
        seen.push('inside');
      },
      { behavior: 'exclusive' },
    );
  });
  await began;
  await Promise.all([
    inside,
    n().then((found) => seen.push(`outside ${found}`)),
    db.transaction(async (tx) => seen.push(`next ${await n(tx)}`)),
  ]);
  equal(seen[0], 'inside');
  equal(seen.toSorted(), ['inside', 'next 5', 'outside 5']);
  const [added, all, none, last] = await db.batch([
    db.insert(tags).values({ label: 'batch' }).returning({ label: tags.label }),
    db.select({ n: count() }).from(tags),
    db.query.tags.findFirst({ where: (tag, { eq }) => eq(tag.id, 999) }),
    db.update(tags).set({ label: 'all' }),
  ]);
  equal([added, all, none, last.changes], [[{ label: 'batch' }], [{ n: 6 }], undefined, 6]);
  await fails(() => db.batch([db.delete(tags), db.insert(users).values({ name: 'Ada' })]), 'UNIQUE constraint failed');
  equal(await n(), 6);
  await db.$client.close();
}

async function migrations(connect) {
  const db = drizzle({ client: await connect(':memory:') });
  const bundle = {
    journal: {
      entries: [
        { idx: 0, when: 1000, tag: '0000_first', breakpoints: true },
        { idx: 1, when: 2000, tag: '0001_second', breakpoints: true },
      ],
    },
    migrations: {
      m0000: 'CREATE TABLE `a`(`x` integer);\n--> statement-breakpoint\nCREATE UNIQUE INDEX `by_x` ON `a`(`x`);',
      m0001: "ALTER TABLE `a` ADD `y` text DEFAULT 'z';",
    },
  };
  await migrate(db, { ...bundle, journal: { entries: bundle.journal.entries.slice(0, 1) } });
  await db.run(sql`INSERT INTO a VALUES (1)`);
  await migrate(db, bundle);
  await migrate(db, bundle);
  equal(await db.all(sql`SELECT * FROM a`), [{ x: 1, y: 'z' }]);
  const done = await db.all(sql`SELECT hash, created_at FROM __drizzle_migrations ORDER BY created_at`);
  equal(
    done.map(({ hash, created_at }) => [hash.length, created_at]),
    [
      [64, 1000],
      [64, 2000],
    ],
  );
  bundle.journal.entries.push({ idx: 2, when: 3000, tag: '0002_third', breakpoints: true });
  await fails(() => migrate(db, bundle), 'the migration 0002_third is missing');
  bundle.migrations.m0002 = 'CREATE TABLE c(z);\n--> statement-breakpoint\nSELECT nope;';
  await fails(() => migrate(db, bundle), 'no such column: nope');
  equal(await db.all(sql`SELECT name FROM sqlite_schema WHERE name = 'c'`), []);
  if (globalThis.process?.versions?.node) await inFolder(connect, bundle);
  await db.$client.close();
}

async function inFolder(connect, bundle) {
  const [fs, os, path] = await Promise.all(['node:fs', 'node:os', 'node:path'].map((name) => import(name)));
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'turso-drizzle-'));
  fs.mkdirSync(path.join(folder, 'meta'));
  const entries = bundle.journal.entries.slice(0, 2);
  fs.writeFileSync(
    path.join(folder, 'meta', '_journal.json'),
    JSON.stringify({ version: '7', dialect: 'sqlite', entries }),
  );
  for (const { idx, tag } of entries)
    fs.writeFileSync(path.join(folder, `${tag}.sql`), bundle.migrations[`m000${idx}`]);
  const db = drizzle(await connect(':memory:'));
  await migrate(db, { migrationsFolder: folder, migrationsTable: 'done' });
  await migrate(db, { ...bundle, journal: { entries }, migrationsTable: 'done' }); // the same ones
  equal((await db.all(sql`SELECT hash FROM done`)).length, 2);
  fs.rmSync(folder, { recursive: true });
  await db.$client.close();
}

async function misuse() {
  await fails(() => drizzle({}), 'it takes a database of turso-wasm');
  await fails(() => drizzle(undefined), 'it takes a database of turso-wasm');
}

export default async function run(connect) {
  for (const test of [values, queries, relational, transactions, migrations, misuse]) {
    try {
      await test(connect);
    } catch (cause) {
      throw new Error(`${test.name}: ${cause.message} ${cause.cause?.message ?? ''}\n${cause.stack}`, { cause });
    }
  }
  return 'all of them';
}
