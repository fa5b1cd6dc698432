/** The database that is open, and everything the page knows about it. */

import { computed, effect, signal } from '@preact/signals';
import { connect, list, remove } from '../../web/index.js';
import { setSetting } from './kept.js';
import { report } from './notices.js';
import { onStage, progress } from './start.js';

/** @typedef {import('../../web/index.js').Database} Database */

/** @type {import('@preact/signals').Signal<Database | null>} */
export const database = signal(/** @type {Database | null} */ (null));
/** The name of the database that is open or being opened. */
export const databaseName = signal('');
/** Names of all databases of this browser. @type {import('@preact/signals').Signal<string[]>} */
export const names = signal(/** @type {string[]} */ ([]));
/** Whether statements can be run now. */
export const ready = computed(() => database.value !== null);
/** Whether a transaction is open, as of the last answer. */
export const inTransaction = signal(false);
/** Goes up whenever the database, or its schema or rows, may have changed: who shows them reads it. */
export const changes = signal(0);
/** What is being done to the database as a whole, as "Importing films.csv"; empty: nothing. */
export const occupation = signal('');

/** What must happen before a database is given up; registered by those who hold something of it. @type {Set<() => unknown>} */
const leaving = new Set();

/** @param {() => unknown} act */
export function onLeave(act) {
  leaving.add(act);
}

/** @type {(() => Promise<void>) | null} */
let unlisten = null;

/**
 * Open a database and show it. What was open is closed, but not before the new one is there: when that fails, everything is as it was.
 * @param {string | File | URL} source a name, or what is read where it is
 * @param {import('../../web/index.js').ConnectOptions} [options]
 * @param {(db: Database) => Promise<unknown>} [fill] what is put into a new one before anybody can use it; if that fails nothing is opened, and there is none
 * @returns {Promise<Database>}
 */
export async function open(source, options = {}, fill) {
  const before = database.peek();
  const name =
    typeof source === 'string'
      ? source
      : source instanceof URL
        ? source.pathname.split('/').pop() || 'url'
        : source.name;
  const again = before && typeof source === 'string' && before.name === source;
  if (again) await leave();
  const db = await connect(source, { onProgress: onStage, ...options });
  if (fill) await filled(db, fill);
  if (!again) await leave();
  databaseName.value = name;
  if (typeof source === 'string' && !db.memory && !options.snapshot) setSetting('database', source);
  const listening = db.onChange(() => {
    inTransaction.value = db.inTransaction;
    changes.value++;
  });
  database.value = db;
  inTransaction.value = false;
  changes.value++;
  progress.value = { stage: 'ready', percent: 100 };
  unlisten = await listening;
  await refreshNames();
  return db;
}

/** @param {Database} db a new one, which goes if it cannot be filled @param {(db: Database) => Promise<unknown>} fill */
async function filled(db, fill) {
  try {
    await fill(db);
  } catch (error) {
    await db.close();
    if (!db.memory) await remove(db.name).catch(() => {});
    throw error;
  }
}

/**
 * Do something with a database of this browser: the open one, or one that is opened for it.
 * @template T @param {string} name @param {(db: Database) => Promise<T>} act @returns {Promise<T>}
 */
export async function withDatabase(name, act) {
  const here = database.peek();
  if (here && here.name === name && databaseName.peek() === name) return act(here);
  const db = await connect(name, { create: false, persist: false });
  try {
    return await act(db);
  } finally {
    await db.close();
  }
}

/** Give the database up. */
export async function leave() {
  const db = database.peek();
  if (!db) return;
  for (const act of leaving) await act();
  database.value = null;
  inTransaction.value = false;
  await unlisten?.().catch(() => {});
  unlisten = null;
  await db.close();
}

export async function refreshNames() {
  try {
    names.value = (await list()).sort();
  } catch (error) {
    report(error);
  }
}

/** A name that no database has: "films.db", "films-2.db". @param {string} wanted @returns {Promise<string>} */
export async function freeName(wanted) {
  const taken = new Set(await list());
  const stem = wanted.replace(/\.(db3?|sqlite3?|s3db)$/i, '');
  const extension = wanted.slice(stem.length) || '.db';
  for (let i = 1; ; i++) {
    const name = i === 1 ? stem + extension : `${stem}-${i}${extension}`;
    if (!taken.has(name)) return name;
  }
}

/** What is wrong with a name for a database: the key of a text, null when nothing is. @param {string} name */
export function nameProblem(name) {
  if (!name.trim()) return 'name.empty';
  if (/[/\\]/.test(name)) return 'name.slash';
  if (/^\.+$/.test(name)) return 'name.dots';
  if (name.length > 120) return 'name.long';
  if (/[\p{Cc}]/u.test(name)) return 'name.control';
  if (name === ':memory:' || name.startsWith('file:')) return 'name.special';
  return null;
}

/** Wait until a database is open. @returns {Promise<Database>} */
export function whenReady() {
  return new Promise((resolve) => {
    const stop = effect(() => {
      if (database.value) {
        const db = database.value;
        queueMicrotask(() => stop());
        resolve(db);
      }
    });
  });
}
