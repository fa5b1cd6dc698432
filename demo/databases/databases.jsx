/** Databases of this browser: another one, a new one, a file, a copy on the disk, none. */

import { remove } from '../../web/index.js';
import { forget } from '../core/kept.js';
import { say, trying } from '../core/notices.js';
import { releaseResults } from '../core/runner.js';
import {
  database,
  databaseName,
  freeName,
  inTransaction,
  leave,
  nameProblem,
  names,
  occupation,
  open,
  refreshNames,
} from '../core/session.js';
import { size, t } from '../core/texts.js';
import { openWorkspace } from '../core/workspace.js';
import { runText } from '../editor/query.js';
import { download } from '../export/save.js';
import { ask, confirm } from '../layout/ask.jsx';
import { openFile, pickFile } from '../layout/drop.jsx';
import { addCommand, addOpener } from '../registry.js';
import { openInPlace, placeFor } from './in_place.jsx';

const group = 'database';
const isOpen = () => database.value !== null;

/** An open transaction is not lost without a word. @returns {Promise<boolean>} whether to go on */
export async function mayLeave() {
  if (!inTransaction.peek()) return true;
  return (
    (await confirm({
      title: t('transaction.open'),
      text: t('transaction.leave'),
      submit: t('transaction.rollback'),
      danger: true,
    })) === true
  );
}

/** Whether a database is to be deleted for good. @param {string} name @returns {Promise<boolean>} */
export async function mayDelete(name) {
  const text = t('delete.text');
  return (await confirm({ title: t('delete.title', { name }), text, submit: t('delete.yes'), danger: true })) === true;
}

/** Another database, with its queries. @param {string} name */
export async function switchTo(name) {
  if (!(await mayLeave())) return;
  await open(name);
  await openWorkspace(name);
}

/** Say what is being done while it is. @template T @param {string} what @param {() => Promise<T>} act */
export async function occupied(what, act) {
  occupation.value = what;
  try {
    return await act();
  } finally {
    occupation.value = '';
  }
}

addCommand({
  id: 'switch-database',
  group,
  listed: false,
  enabled: isOpen,
  run: async (event) => {
    const select = /** @type {HTMLSelectElement | undefined} */ (event?.target);
    if (!select?.value) return;
    await trying(() => switchTo(select.value));
    select.value = databaseName.peek();
  },
});

addCommand({
  id: 'new-database',
  group,
  icon: 'plus',
  menu: true,
  run: async () => {
    const check = (/** @type {string} */ name) =>
      nameProblem(name) ?? (names.peek().includes(name) ? 'name.taken' : null);
    const name = await ask({
      title: t('command.new-database'),
      label: t('name.label'),
      value: await freeName('new.db'),
      check,
    });
    if (name) await trying(() => switchTo(name));
  },
});

addCommand({
  id: 'open-file',
  group,
  icon: 'upload',
  keys: ['Mod-o'],
  menu: true,
  run: async () => {
    const file = await pickFile();
    if (file) await openFile(file);
  },
});

addCommand({
  id: 'download',
  group,
  icon: 'download',
  menu: true,
  enabled: isOpen,
  run: () =>
    trying(async () => {
      const db = database.peek();
      if (!db) return;
      await releaseResults();
      download(new Blob([await db.export()], { type: 'application/vnd.sqlite3' }), databaseName.peek());
    }),
});

addCommand({
  id: 'delete-database',
  group,
  icon: 'trash',
  menu: true,
  enabled: isOpen,
  run: async () => {
    const name = databaseName.peek();
    if (!(await mayDelete(name))) return;
    await trying(async () => {
      await leave();
      try {
        await remove(name);
        await forget(`tabs ${name}`);
      } finally {
        await refreshNames();
        const next = names.peek()[0] ?? 'new.db';
        await open(next);
        await openWorkspace(next);
      }
      say(t('delete.done', { name }));
    });
  },
});

addCommand({ id: 'commit', group, enabled: () => inTransaction.value, run: () => runText('COMMIT') });
addCommand({ id: 'rollback', group, enabled: () => inTransaction.value, run: () => runText('ROLLBACK') });

addOpener({
  id: 'sqlite',
  extensions: '.db,.sqlite,.sqlite3,.db3,.s3db',
  accepts: async (file) => (await file.slice(0, 15).text()) === 'SQLite format 3',
  open: importDatabase,
});

/** Take a file in under a name that is free, so nothing is replaced; or read a large one where it is. @param {File} file */
export async function importDatabase(file) {
  const place = await placeFor(file);
  if (place === 'in place') return openInPlace(file);
  if (!place || !(await mayLeave())) return;
  const name = await freeName(file.name.replaceAll(/[/\\\p{Cc}]/gu, '_').replace(/^\.+$/, 'file.db'));
  await occupied(t('open.busy', { name: file.name }), async () => {
    await open(name, {}, async (db) => {
      await db.import(file);
      // a file that cannot be read says so now, and not when somebody asks it something
      await db.get('SELECT count(*) FROM sqlite_schema');
    });
    await openWorkspace(name);
    say(t(name === file.name ? 'open.done' : 'open.done-as', { file: file.name, name, size: size(file.size) }));
  });
}
