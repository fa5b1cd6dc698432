/** From the first paint to a database, and what is said when the page is left. */

import { effect } from '@preact/signals';
import { starters } from '../registry.js';
import { openSampleAs, QUERIES } from '../samples/open.js';
import { setting } from './kept.js';
import { report } from './notices.js';
import { databaseName, inTransaction, names, open, refreshNames } from './session.js';
import { progress, startServiceWorker } from './start.js';
import { language } from './texts.js';
import { openWorkspace, recallQueries } from './workspace.js';

const FIRST = 'music.db';

export async function start() {
  const starter = starters.find(({ accepts }) => accepts());
  if (starter && (await began(starter))) return;
  const name = setting('database') ?? FIRST;
  databaseName.value = name;
  const opened = startServiceWorker().then(() => openFirst(name));
  // the editor is there, with what was written last, long before the engine is
  await openWorkspace(name, name === FIRST ? QUERIES.music() : []);
  recallQueries();
  await opened;
}

/** Whether the playground has begun with what the address asks for. @param {import('../registry.js').Starter} starter */
async function began({ start }) {
  recallQueries();
  await startServiceWorker();
  try {
    await refreshNames();
    await start();
    return true;
  } catch (error) {
    report(error);
    return false;
  }
}

/** @param {string} name */
async function openFirst(name) {
  progress.value = { stage: 'kernel', percent: progress.peek().percent };
  try {
    if (await wasOpened(name)) return;
    await refreshNames();
    if (names.peek().includes(FIRST)) await open(FIRST);
    else await openSampleAs('music', FIRST);
    if (name !== FIRST) await openWorkspace(FIRST, QUERIES.music());
  } catch (error) {
    progress.value = { stage: 'failed', percent: null, error: String(/** @type {any} */ (error)?.message ?? error) };
    report(error);
  }
}

/** Open a database unless there is none of that name any more, as it was deleted elsewhere. @param {string} name @returns {Promise<boolean>} */
async function wasOpened(name) {
  // at a first visit there is none
  if (setting('database') === null) return false;
  try {
    await open(name, { create: false });
    return true;
  } catch (error) {
    await refreshNames();
    if (names.peek().includes(name)) throw error;
    return false;
  }
}

/** Try again what failed. */
export function retry() {
  return openFirst(databaseName.peek() || FIRST);
}

addEventListener('beforeunload', (event) => {
  // a reload would roll the transaction back
  if (inTransaction.peek()) event.preventDefault();
});

effect(() => {
  document.documentElement.lang = language.value;
});
